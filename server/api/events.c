/* /api/v1/events: the deliveries that came, what they said, and what became of it. */
#include "events.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_DEFAULT 50
#define EVENTS_MAX     500
#define PAGE           100   /* entries that are read at a time when not all are wanted */
#define LOOKED_AT_MAX  10000 /* by one request: the next one goes on from there */

/* ---- The list, the newest first ---- */

typedef struct listing {
    size_t limit, looked_at;
    char *sender, *kind; /* NULL: any */
    char *before;        /* all from here on were looked at; NULL: none yet */
    bool is_end;         /* there are no older ones */
    dd_strv ids;
    dd_fields *entries[EVENTS_MAX];
} listing;

static void listing_free(void *state)
{
    listing *l = state;
    for (size_t i = 0; i < l->ids.count; i++)
        dd_fields_free(l->entries[i]);
    dd_strv_done(&l->ids);
    free(l->sender);
    free(l->kind);
    free(l->before);
    free(l);
}

static void on_verdicts(dd_exchange *exchange, const dd_strv *keys, dd_fields *const *items)
{
    const listing *l = exchange->state;
    json_t *list = json_array();
    for (size_t i = 0; i < keys->count; i++) {
        const dd_kept_event event = {.id = l->ids.items[i], .entry = l->entries[i], .verdict = items[i]};
        json_array_append_new(list, dd_kept_row(&event));
    }
    dd_answer(exchange, 200, json_pack("{s:o, s:s?}", "events", list, "next", l->is_end ? NULL : l->before));
}

static void ask_verdicts(dd_exchange *exchange)
{
    const listing *l = exchange->state;
    dd_strv *keys = dd_strv_new();
    for (size_t i = 0; i < l->ids.count; i++)
        dd_strv_addf(keys, "event:%s", l->ids.items[i]);
    dd_exchange_hashes(exchange, keys, on_verdicts);
}

static bool is_wanted(const listing *l, const dd_fields *entry)
{
    return (!l->sender || dd_str_eq(l->sender, dd_fields_get(entry, "sender"))) &&
           (!l->kind || dd_str_eq(l->kind, dd_fields_get(entry, "kind")));
}

static void take_entry(listing *l, const redisReply *entry)
{
    dd_auto(dd_fields) fields = NULL;
    if (entry->elements != 2 || entry->element[0]->type != REDIS_REPLY_STRING)
        return;
    l->looked_at++;
    free(l->before);
    l->before = dd_strdup(entry->element[0]->str);
    if (dd_fields_from_reply(entry->element[1], &fields, NULL) < 0 || !is_wanted(l, fields))
        return;
    l->entries[l->ids.count] = dd_take(fields);
    dd_strv_add(&l->ids, entry->element[0]->str);
}

static void ask_page(dd_exchange *exchange);

static void on_page(struct redisReply *reply, const dd_error *error, void *context)
{
    dd_exchange *exchange = context;
    listing *l = exchange->state;
    if (error) {
        dd_answer_error(exchange, 0, error);
        return;
    }
    for (size_t i = 0; i < reply->elements && l->ids.count < l->limit; i++)
        take_entry(l, reply->element[i]);
    l->is_end = reply->elements == 0;
    if (l->is_end || l->ids.count == l->limit || l->looked_at >= LOOKED_AT_MAX)
        ask_verdicts(exchange);
    else
        ask_page(exchange);
}

static void ask_page(dd_exchange *exchange)
{
    const listing *l = exchange->state;
    bool all = !l->sender && !l->kind;
    dd_auto_str key = dd_sprintf("%sevents", exchange->door->settings->redis.prefix);
    dd_auto_str from = l->before ? dd_sprintf("(%s", l->before) : dd_strdup("+");
    dd_command *command = dd_command_new("XREVRANGE");
    dd_command_key(command, key);
    dd_command_arg(command, from);
    dd_command_arg(command, "-");
    dd_command_arg(command, "COUNT");
    dd_command_arg_int(command, all ? (int64_t)(l->limit - l->ids.count) : PAGE);
    dd_exchange_call(exchange, command, on_page);
}

/* GET /events?limit=N&before=ID&sender=NAME&kind=KIND */
void dd_handle_events_list(dd_exchange *exchange)
{
    const char *limit_text = dd_exchange_query(exchange, "limit"),
               *before = dd_exchange_query(exchange, "before"),
               *sender = dd_exchange_query(exchange, "sender"), *kind = dd_exchange_query(exchange, "kind");
    int64_t limit = EVENTS_DEFAULT;
    dd_event_kind known;
    if (limit_text && (!dd_str_to_int(limit_text, &limit) || limit < 1 || limit > EVENTS_MAX)) {
        dd_answer_invalid(exchange, "'limit' is a number from 1 to 500");
        return;
    }
    if (before && !dd_stream_id_is_valid(before)) {
        dd_answer_invalid(exchange, "'before' is no event's id");
        return;
    }
    if ((sender && !dd_name_is_valid(sender)) || (kind && !dd_event_kind_parse(kind, &known))) {
        dd_answer_invalid(exchange, "'sender' is no name, or 'kind' no kind of event");
        return;
    }
    listing *l = exchange->state = dd_new(listing);
    exchange->free_state = listing_free;
    l->limit = (size_t)limit;
    l->sender = dd_strdup(sender);
    l->kind = dd_strdup(kind);
    l->before = dd_strdup(before);
    ask_page(exchange);
}

/* ---- One event: its entry, then what lies beside it ---- */

void dd_event_lookup_free(dd_event_lookup *lookup)
{
    dd_fields_free(lookup->entry);
}

static void on_beside(dd_exchange *exchange, const dd_strv *keys, dd_fields *const *items)
{
    dd_event_lookup *lookup = exchange->state;
    if (!lookup->entry && !items[0]) {
        dd_answer_none(exchange, "event");
        return;
    }
    const dd_kept_event event = {.id = exchange->argument,
                                 .entry = lookup->entry,
                                 .verdict = items[0],
                                 .delivery = keys->count > 1 ? items[1] : NULL};
    lookup->found(exchange, &event);
}

static void on_entry(struct redisReply *reply, const dd_error *error, void *context)
{
    dd_exchange *exchange = context;
    dd_event_lookup *lookup = exchange->state;
    if (error) {
        dd_answer_error(exchange, 0, error);
        return;
    }
    if (reply->elements == 1 && reply->element[0]->elements == 2)
        dd_fields_from_reply(reply->element[0]->element[1], &lookup->entry, NULL);
    const char *kept = lookup->entry ? dd_fields_get(lookup->entry, "kept") : NULL;
    dd_strv *keys = dd_strv_new();
    dd_strv_addf(keys, "event:%s", exchange->argument);
    if (kept && lookup->with_delivery)
        dd_strv_addf(keys, "delivery:%s", kept);
    dd_exchange_hashes(exchange, keys, on_beside);
}

void dd_event_lookup_start(dd_exchange *exchange)
{
    dd_auto_str key = dd_sprintf("%sevents", exchange->door->settings->redis.prefix);
    dd_command *command = dd_command_new("XRANGE");
    dd_command_key(command, key);
    dd_command_arg(command, exchange->argument);
    dd_command_arg(command, exchange->argument);
    dd_exchange_call(exchange, command, on_entry);
}

static void lookup_free(void *state)
{
    dd_event_lookup_free(state);
    free(state);
}

static void look_up(dd_exchange *exchange, bool with_delivery,
                    void (*found)(dd_exchange *, const dd_kept_event *))
{
    dd_event_lookup *lookup = exchange->state = dd_new(dd_event_lookup);
    exchange->free_state = lookup_free;
    *lookup = (dd_event_lookup){.with_delivery = with_delivery, .found = found};
    dd_event_lookup_start(exchange);
}

static void on_shown(dd_exchange *exchange, const dd_kept_event *event)
{
    dd_answer(exchange, 200, dd_kept_whole(event));
}

void dd_handle_event_show(dd_exchange *exchange)
{
    look_up(exchange, true, on_shown);
}
