/* Requests and answers, and calls to Redis on their behalf. */
#include "exchange.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

/* ---- Answers ---- */

static void exchange_free(dd_exchange *exchange)
{
    if (exchange->free_state)
        exchange->free_state(exchange->state);
    dd_buf_done(&exchange->headers);
    free(exchange->client);
    free(exchange->argument);
    free(exchange);
}

/* The handler's later answer goes nowhere; without a handler there will be none. */
static void on_gone(dd_http_request *request)
{
    dd_exchange *exchange = request->context;
    exchange->request = NULL;
    if (!exchange->handled)
        exchange_free(exchange);
}

dd_exchange *dd_exchange_new(dd_door *door, dd_http_request *request)
{
    dd_exchange *exchange = dd_new(dd_exchange);
    exchange->door = door;
    exchange->request = request;
    exchange->client =
        dd_gate_client(door->settings, dd_http_peer(request), dd_http_header(request, "X-Forwarded-For"));
    request->context = exchange;
    request->on_gone = on_gone;
    return exchange;
}

void dd_exchange_header(dd_exchange *exchange, const char *name, const char *value)
{
    dd_buf_printf(&exchange->headers, "%s: %s\r\n", name, value);
}

void dd_answer_text(dd_exchange *exchange, int status, const char *type, const char *text)
{
    dd_exchange_header(exchange, "Content-Type", type);
    dd_exchange_header(exchange, "X-Content-Type-Options", "nosniff");
    dd_exchange_header(exchange, "Cache-Control", "no-store");
    if (exchange->request)
        dd_http_answer(exchange->request, status, exchange->headers.data, text, strlen(text));
    exchange_free(exchange);
}

void dd_answer(dd_exchange *exchange, int status, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    /* Only a text that is no UTF-8 cannot be written, and none of ours is made from unchecked bytes. */
    dd_auto_str line =
        dd_sprintf("%s\n", text ? text : "{\"error\":\"the answer cannot be written as JSON\"}");
    dd_answer_text(exchange, text ? status : 500, "application/json", line);
    free(text);
}

/* DENIED is Redis's word to us: what a client may not do is answered where its token is looked at. */
int dd_status_of(const dd_error *error)
{
    static const int statuses[] = {
        [DD_ERR_INVALID] = 400, [DD_ERR_NOT_FOUND] = 404, [DD_ERR_UNAVAILABLE] = 503, [DD_ERR_LIMIT] = 503,
        [DD_ERR_DENIED] = 503,  [DD_ERR_CONFLICT] = 409,  [DD_ERR_STALE] = 409,       [DD_ERR_CANCELED] = 503,
        [DD_ERR_TIMEOUT] = 503, [DD_ERR_INTERNAL] = 500,
    };
    return statuses[error->code];
}

void dd_answer_error(dd_exchange *exchange, int status, const dd_error *error)
{
    if (!status)
        status = dd_status_of(error);
    if (status == 503)
        dd_exchange_header(exchange, "Retry-After", "5");
    json_t *text = json_string(error->message);
    json_t *body = json_pack("{s:o}", "error", text ? text : json_string("invalid input"));
    if (error->place.line) {
        json_object_set_new(body, "line", json_integer(error->place.line));
        json_object_set_new(body, "column", json_integer(error->place.column));
    }
    if (error->path)
        json_object_set_new(body, "path", json_string(error->path));
    if (error->hint)
        json_object_set_new(body, "hint", json_string(error->hint));
    dd_answer(exchange, status, body);
}

void dd_answer_later(dd_exchange *exchange, int64_t seconds, const char *why)
{
    dd_auto(dd_error) error = NULL;
    dd_auto_str wait = dd_sprintf("%lld", (long long)seconds);
    dd_fail(&error, DD_ERR_LIMIT, "%s", why);
    dd_exchange_header(exchange, "Retry-After", wait);
    dd_answer_error(exchange, 429, error);
}

/* ---- Requests ---- */

const char *dd_exchange_body(dd_exchange *exchange, size_t *ret_length)
{
    const dd_buf *body = &exchange->request->body;
    *ret_length = body->length;
    return body->data ? body->data : "";
}

const char *dd_exchange_query(const dd_exchange *exchange, const char *name)
{
    return dd_http_query(exchange->request, name);
}

/* ---- Redis ---- */

void dd_exchange_call(dd_exchange *exchange, dd_command *command, dd_store_reply_cb *reply)
{
    dd_store_async_call(exchange->door->store, command, false, reply, exchange);
}

typedef struct hashes {
    dd_exchange *exchange;
    dd_strv *keys;
    dd_fields **items;
    size_t waiting;
    dd_error *error; /* the first */
    dd_hashes_cb *done;
} hashes;

/* Where one reply goes. */
typedef struct hash_slot {
    hashes *all;
    size_t index;
} hash_slot;

static void hashes_end(hashes *all)
{
    if (all->error)
        dd_answer_error(all->exchange, 0, all->error);
    else
        all->done(all->exchange, all->keys, all->items);
    for (size_t i = 0; i < all->keys->count; i++)
        dd_fields_free(all->items[i]);
    free(all->items);
    dd_strv_free(all->keys);
    dd_error_free(all->error);
    free(all);
}

static void on_hash(struct redisReply *reply, const dd_error *error, void *context)
{
    hash_slot *slot = context;
    hashes *all = slot->all;
    dd_fields *fields = NULL;
    if (error) {
        if (!all->error)
            dd_fail(&all->error, error->code, "%s", error->message);
    } else {
        dd_fields_from_reply(reply, &fields, all->error ? NULL : &all->error);
    }
    if (fields && dd_fields_count(fields) == 0)
        dd_fields_freep(&fields);
    all->items[slot->index] = fields;
    free(slot);
    if (--all->waiting == 0)
        hashes_end(all);
}

void dd_exchange_hashes(dd_exchange *exchange, dd_strv *keys, dd_hashes_cb *done)
{
    hashes *all = dd_new(hashes);
    *all = (hashes){.exchange = exchange, .keys = keys, .done = done, .waiting = keys->count};
    all->items =
        dd_calloc(keys->count, sizeof(dd_fields *)); /* NOLINT(bugprone-sizeof-expression): pointers */
    for (size_t i = 0; i < keys->count; i++) {
        dd_auto_str key = dd_sprintf("%s%s", exchange->door->settings->redis.prefix, keys->items[i]);
        dd_command *command = dd_command_new("HGETALL");
        hash_slot *slot = dd_new(hash_slot);
        *slot = (hash_slot){.all = all, .index = i};
        dd_command_key(command, key);
        dd_store_async_call(exchange->door->store, command, false, on_hash, slot);
    }
    if (keys->count == 0)
        hashes_end(all);
}

/* ---- Lists ---- */

typedef struct list {
    const char *kind, *name;
    bool sorted;
} list;

static void on_list_hashes(dd_exchange *exchange, const dd_strv *keys, dd_fields *const *items)
{
    const list *l = exchange->state;
    json_t *rows = json_array();
    for (size_t i = 0; i < keys->count; i++)
        if (items[i])
            json_array_append_new(rows, dd_fields_to_json(items[i]));
    dd_answer(exchange, 200, json_pack("{s:o}", l->name, rows));
}

static void on_list_ids(struct redisReply *reply, const dd_error *error, void *context)
{
    dd_exchange *exchange = context;
    const list *l = exchange->state;
    if (error) {
        dd_answer_error(exchange, 0, error);
        return;
    }
    dd_strv *keys = dd_strv_new();
    for (size_t i = 0; i < reply->elements; i++)
        dd_strv_addf(keys, "%s:%s", l->kind, reply->element[i]->str);
    if (l->sorted)
        dd_strv_sort(keys);
    dd_exchange_hashes(exchange, keys, on_list_hashes);
}

void dd_exchange_list(dd_exchange *exchange, dd_command *ids, const char *kind, const char *name, bool sorted)
{
    list *l = exchange->state = dd_new(list);
    exchange->free_state = free;
    *l = (list){.kind = kind, .name = name, .sorted = sorted};
    dd_exchange_call(exchange, ids, on_list_ids);
}

/* ---- What many handlers say ---- */

void dd_answer_none(dd_exchange *exchange, const char *kind)
{
    dd_auto(dd_error) error = NULL;
    dd_fail(&error, DD_ERR_NOT_FOUND, "no %s '%s'", kind, exchange->argument);
    dd_answer_error(exchange, 404, error);
}

void dd_answer_invalid(dd_exchange *exchange, const char *why)
{
    dd_auto(dd_error) error = NULL;
    dd_fail(&error, DD_ERR_INVALID, "%s", why);
    dd_answer_error(exchange, 400, error);
}

bool dd_stream_id_is_valid(const char *text)
{
    size_t length = strlen(text), first = strspn(text, "0123456789");
    return length <= 41 && first > 0 && first <= 20 && text[first] == '-' &&
           strspn(text + first + 1, "0123456789") == length - first - 1 && length > first + 1;
}

/* ---- Hashes as JSON ---- */

/* Numbers where the field is one by its name; every other field is a text. */
static bool is_number(const char *name)
{
    return dd_str_ends(name, "_ms") || dd_str_ends(name, "_s") || dd_str_ends(name, "_bytes") ||
           strcmp(name, "lease") == 0 || strcmp(name, "attempt") == 0;
}

json_t *dd_fields_to_json(const dd_fields *fields)
{
    json_t *object = json_object();
    for (size_t i = 0; i < dd_fields_count(fields); i++) {
        const char *name = dd_fields_name_at(fields, i), *value = dd_fields_value_at(fields, i);
        int64_t number;
        json_t *json =
            is_number(name) && dd_str_to_int(value, &number) ? json_integer(number) : json_string(value);
        /* Bytes that are no UTF-8 cannot stand in JSON; say so rather than leave the field out. */
        json_object_set_new(object, name, json ? json : json_string("(not UTF-8)"));
    }
    return object;
}
