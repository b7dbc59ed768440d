/* /api/v1/queue and /api/v1/workers: what waits, and who works. */
#include "../exchange.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

/* ---- Workers ---- */

void dd_handle_workers(dd_exchange *exchange)
{
    dd_auto_str key = dd_sprintf("%sworkers", exchange->door->settings->redis.prefix);
    dd_command *command = dd_command_new("ZRANGE");
    dd_command_key(command, key);
    dd_command_arg_int(command, 0);
    dd_command_arg_int(command, 999);
    dd_exchange_list(exchange, command, "worker", "workers", false);
}

/* ---- Queue: for each pool that a task names, and the default one, its queues' groups and first entries ----
 */

typedef struct pools {
    dd_strv names;
    json_t *list;
    size_t waiting;
    dd_error *error;
} pools;

typedef struct pool_slot {
    dd_exchange *exchange;
    json_t *queue; /* borrowed from the list */
} pool_slot;

static void pools_free(void *state)
{
    pools *p = state;
    dd_strv_done(&p->names);
    json_decref(p->list);
    dd_error_free(p->error);
    free(p);
}

static void pools_step(dd_exchange *exchange)
{
    pools *p = exchange->state;
    if (--p->waiting > 0)
        return;
    if (p->error)
        dd_answer_error(exchange, 0, p->error);
    else
        dd_answer(exchange, 200, json_pack("{s:O}", "queues", p->list));
}

static void note_error(pools *p, const dd_error *error)
{
    if (error && !p->error)
        dd_fail(&p->error, error->code, "%s", error->message);
}

/* The number under a name in a flat array of names and values; 0 when it is not there. */
static int64_t number_of(const redisReply *flat, const char *name)
{
    for (size_t i = 0; i + 1 < flat->elements; i += 2)
        if (dd_str_eq(flat->element[i]->str, name) && flat->element[i + 1]->type == REDIS_REPLY_INTEGER)
            return flat->element[i + 1]->integer;
    return 0;
}

static const char *text_of(const redisReply *flat, const char *name)
{
    for (size_t i = 0; i + 1 < flat->elements; i += 2)
        if (dd_str_eq(flat->element[i]->str, name))
            return flat->element[i + 1]->str;
    return NULL;
}

/* A queue that nobody has asked for yet has no key: an error reply, and nothing waits. */
static void on_groups(struct redisReply *reply, const dd_error *error, void *context)
{
    pool_slot *slot = context;
    note_error(slot->exchange->state, error);
    for (size_t i = 0; reply && reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        if (dd_str_eq(text_of(reply->element[i], "name"), "workers"))
            json_object_set_new(slot->queue, "claimed",
                                json_integer(number_of(reply->element[i], "pending")));
    dd_exchange *exchange = slot->exchange;
    free(slot);
    pools_step(exchange);
}

static void on_length(struct redisReply *reply, const dd_error *error, void *context)
{
    pool_slot *slot = context;
    note_error(slot->exchange->state, error);
    if (reply && reply->type == REDIS_REPLY_INTEGER)
        json_object_set_new(slot->queue, "entries", json_integer(reply->integer));
    dd_exchange *exchange = slot->exchange;
    free(slot);
    pools_step(exchange);
}

/* A stream's entry id begins with the time, by Redis's clock, at which it was made. */
static void on_first(struct redisReply *reply, const dd_error *error, void *context)
{
    pool_slot *slot = context;
    note_error(slot->exchange->state, error);
    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 1)
        json_object_set_new(slot->queue, "oldest_ms",
                            json_integer(strtoll(reply->element[0]->element[0]->str, NULL, 10)));
    dd_exchange *exchange = slot->exchange;
    free(slot);
    pools_step(exchange);
}

static void ask(dd_exchange *exchange, json_t *queue, dd_command *command, dd_store_reply_cb *callback)
{
    pool_slot *slot = dd_new(pool_slot);
    *slot = (pool_slot){.exchange = exchange, .queue = queue};
    dd_store_async_call(exchange->door->store, command, false, callback, slot);
}

static void ask_queue(dd_exchange *exchange, const char *pool, const char *priority)
{
    pools *p = exchange->state;
    dd_auto_str key = dd_sprintf("%squeue:%s:%s", exchange->door->settings->redis.prefix, pool, priority);
    json_t *queue = json_pack("{s:s, s:s, s:i, s:i, s:n}", "pool", pool, "priority", priority, "entries", 0,
                              "claimed", 0, "oldest_ms");
    json_array_append_new(p->list, queue);
    dd_command *groups = dd_command_new("XINFO");
    dd_command_arg(groups, "GROUPS");
    dd_command_key(groups, key);
    dd_command *length = dd_command_new("XLEN");
    dd_command_key(length, key);
    dd_command *first = dd_command_new("XRANGE");
    dd_command_key(first, key);
    dd_command_arg(first, "-");
    dd_command_arg(first, "+");
    dd_command_arg(first, "COUNT");
    dd_command_arg_int(first, 1);
    p->waiting += 3;
    ask(exchange, queue, groups, on_groups);
    ask(exchange, queue, length, on_length);
    ask(exchange, queue, first, on_first);
}

static void on_pool_tasks(dd_exchange *exchange, const dd_strv *keys, dd_fields *const *items)
{
    pools *p = exchange->state = dd_new(pools);
    exchange->free_state = pools_free;
    p->list = json_array();
    dd_strv_add(&p->names, "default");
    for (size_t i = 0; i < keys->count; i++) {
        const char *pool = items[i] ? dd_fields_get(items[i], "pool") : NULL;
        if (pool && !dd_strv_contains(&p->names, pool))
            dd_strv_add(&p->names, pool);
    }
    dd_strv_sort(&p->names);
    p->waiting = 1; /* ours, so that no answer ends it before all are asked */
    for (size_t i = 0; i < p->names.count; i++)
        for (size_t j = 0; j < DD_PRIORITY_COUNT; j++)
            ask_queue(exchange, p->names.items[i], dd_priorities[j]);
    pools_step(exchange);
}

static void on_pool_names(struct redisReply *reply, const dd_error *error, void *context)
{
    if (error) {
        dd_answer_error(context, 0, error);
        return;
    }
    dd_strv *keys = dd_strv_new();
    for (size_t i = 0; i < reply->elements; i++)
        dd_strv_addf(keys, "task:%s", reply->element[i]->str);
    dd_exchange_hashes(context, keys, on_pool_tasks);
}

void dd_handle_queue(dd_exchange *exchange)
{
    dd_auto_str key = dd_sprintf("%stasks", exchange->door->settings->redis.prefix);
    dd_command *command = dd_command_new("SMEMBERS");
    dd_command_key(command, key);
    dd_exchange_call(exchange, command, on_pool_names);
}
