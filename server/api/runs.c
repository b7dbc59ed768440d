/* /api/v1/runs: what runs there are, their logs, and their end. */
#include "../exchange.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_DEFAULT   50
#define RUNS_MAX       500
#define LOG_LINES      1000
#define LOG_WAIT_MAX_S 30
#define FOLLOWERS_MAX  200

/* GET /runs?task=NAME&limit=N: the newest first. */
void dd_handle_runs_list(dd_exchange *exchange)
{
    const char *task = dd_exchange_query(exchange, "task"),
               *limit_text = dd_exchange_query(exchange, "limit");
    int64_t limit = RUNS_DEFAULT;
    if (task && !dd_name_is_valid(task)) {
        dd_answer_invalid(exchange, "'task' is no task's name");
        return;
    }
    if (limit_text && (!dd_str_to_int(limit_text, &limit) || limit < 1 || limit > RUNS_MAX)) {
        dd_answer_invalid(exchange, "'limit' is a number from 1 to 500");
        return;
    }
    dd_auto_str key =
        dd_sprintf("%sruns%s%s", exchange->door->settings->redis.prefix, task ? ":" : "", task ? task : "");
    dd_command *command = dd_command_new("ZREVRANGE");
    dd_command_key(command, key);
    dd_command_arg_int(command, 0);
    dd_command_arg_int(command, limit - 1);
    dd_exchange_list(exchange, command, "run", "runs", false);
}

static void on_run_shown(dd_exchange *exchange, const dd_strv *keys, dd_fields *const *items)
{
    (void)keys;
    if (items[0])
        dd_answer(exchange, 200, dd_fields_to_json(items[0]));
    else
        dd_answer_none(exchange, "run");
}

void dd_handle_run_show(dd_exchange *exchange)
{
    dd_strv *keys = dd_strv_new();
    dd_strv_addf(keys, "run:%s", exchange->argument);
    dd_exchange_hashes(exchange, keys, on_run_shown);
}

/* ---- Log: {"lines": [{"step", "stream", "at_ms", "text"}], "next": "ID", "end": "Succeeded"|null} ---- */

typedef struct dd_follower {
    struct dd_follower *previous, *next; /* in door->followers, while `own` is there */
    dd_exchange *exchange;
    char *after;
    int64_t wait_s;
    dd_store_async *own; /* a blocking read holds its connection up, so it has one of its own */
    struct event *limit; /* a Redis that is stuck does not end a blocking read */
    bool asked;          /* `own` owes an answer */
} dd_follower;

static void end_follower(dd_follower *f, const char *why);

static void on_limit(evutil_socket_t fd, short events, void *context)
{
    (void)fd;
    (void)events;
    end_follower(context, "Redis did not answer in time");
}

static void link_follower(dd_follower *f)
{
    dd_door *door = f->exchange->door;
    int64_t limit_ms = f->wait_s * 1000 + 2 * door->settings->redis.timeout_ms;
    struct timeval limit = {.tv_sec = limit_ms / 1000, .tv_usec = limit_ms % 1000 * 1000};
    f->limit = evtimer_new(door->base, on_limit, f);
    evtimer_add(f->limit, &limit);
    f->next = door->followers;
    if (f->next)
        f->next->previous = f;
    door->followers = f;
    door->follower_count++;
}

/* Its connection, which is the caller's to free. */
static dd_store_async *unlink_follower(dd_follower *f)
{
    dd_door *door = f->exchange->door;
    if (f->previous)
        f->previous->next = f->next;
    else
        door->followers = f->next;
    if (f->next)
        f->next->previous = f->previous;
    f->previous = f->next = NULL;
    door->follower_count--;
    event_free(dd_take(f->limit));
    return dd_take(f->own);
}

static void close_later(evutil_socket_t fd, short events, void *context)
{
    (void)fd;
    (void)events;
    dd_store_async_free(context);
}

static void follower_free(void *state)
{
    dd_follower *f = state;
    free(f->after);
    free(f);
}

/* A connection is not freed from within its own answer. */
static void close_follower(dd_follower *f)
{
    struct timeval now = {0};
    if (f->own)
        event_base_once(f->exchange->door->base, -1, EV_TIMEOUT, close_later, unlink_follower(f), &now);
}

/* Answer it without waiting any longer. */
static void end_follower(dd_follower *f, const char *why)
{
    dd_exchange *exchange = f->exchange;
    bool asked = f->asked;
    dd_store_async_free(unlink_follower(f)); /* answers what it was asked, which ends the exchange */
    if (!asked) {
        dd_auto(dd_error) error = NULL;
        dd_fail(&error, DD_ERR_CANCELED, "%s", why);
        dd_answer_error(exchange, 0, error);
    }
}

void dd_followers_end(dd_door *door)
{
    while (door->followers)
        end_follower(door->followers, "the server is ending");
}

static void answer_entries(dd_exchange *exchange, const redisReply *entries)
{
    dd_follower *f = exchange->state;
    json_t *lines = json_array(), *end = json_null();
    dd_auto_str next = dd_strdup(f->after);
    for (size_t i = 0; entries && i < entries->elements; i++) {
        const redisReply *entry = entries->element[i];
        dd_auto(dd_fields) fields = NULL;
        if (entry->elements != 2 || dd_fields_from_reply(entry->element[1], &fields, NULL) < 0)
            continue;
        free(next);
        next = dd_strdup(entry->element[0]->str);
        const char *state = dd_fields_get(fields, "end");
        if (state) {
            json_decref(end);
            end = json_string(state);
        } else {
            json_array_append_new(lines, dd_fields_to_json(fields));
        }
    }
    close_follower(f);
    dd_answer(exchange, 200, json_pack("{s:o, s:s, s:o}", "lines", lines, "next", next, "end", end));
}

static void on_waited(struct redisReply *reply, const dd_error *error, void *context)
{
    dd_exchange *exchange = context;
    if (error) {
        close_follower(exchange->state);
        dd_answer_error(exchange, 0, error);
        return;
    }
    /* [[stream, entries]], or nil when the time was up. */
    bool any = reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 && reply->element[0]->elements == 2;
    answer_entries(exchange, any ? reply->element[0]->element[1] : NULL);
}

static void on_own_ready(evutil_socket_t fd, short events, void *context)
{
    dd_exchange *exchange = context;
    dd_follower *f = exchange->state;
    (void)fd;
    (void)events;
    dd_auto_str key = dd_sprintf("%srun:%s:log", exchange->door->settings->redis.prefix, exchange->argument);
    dd_command *command = dd_command_new("XREAD");
    dd_command_arg(command, "COUNT");
    dd_command_arg_int(command, LOG_LINES);
    dd_command_arg(command, "BLOCK");
    dd_command_arg_int(command, f->wait_s * 1000);
    dd_command_arg(command, "STREAMS");
    dd_command_key(command, key);
    dd_command_arg(command, f->after);
    f->asked = true;
    dd_store_async_call(f->own, command, true, on_waited, exchange);
}

static void on_read(struct redisReply *reply, const dd_error *error, void *context)
{
    dd_exchange *exchange = context;
    dd_follower *f = exchange->state;
    if (error) {
        dd_answer_error(exchange, 0, error);
        return;
    }
    bool any = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0;
    if (any || f->wait_s == 0 || !exchange->request || exchange->door->follower_count >= FOLLOWERS_MAX) {
        answer_entries(exchange, any ? reply : NULL);
        return;
    }
    dd_auto(dd_error) failure = NULL;
    if (dd_store_async_new(exchange->door->base, exchange->door->settings, &f->own, &failure) < 0) {
        dd_answer_error(exchange, 0, failure);
        return;
    }
    link_follower(f);
    dd_store_async_when_ready(f->own, on_own_ready, exchange);
}

static void on_log_run(dd_exchange *exchange, const dd_strv *keys, dd_fields *const *items)
{
    (void)keys;
    if (!items[0]) {
        dd_answer_none(exchange, "run");
        return;
    }
    dd_follower *f = exchange->state;
    dd_auto_str key = dd_sprintf("%srun:%s:log", exchange->door->settings->redis.prefix, exchange->argument);
    dd_auto_str from = dd_sprintf("(%s", f->after);
    dd_command *command = dd_command_new("XRANGE");
    dd_command_key(command, key);
    dd_command_arg(command, from);
    dd_command_arg(command, "+");
    dd_command_arg(command, "COUNT");
    dd_command_arg_int(command, LOG_LINES);
    dd_exchange_call(exchange, command, on_read);
}

/* GET /runs/ID/log?after=ID&wait=SECONDS */
void dd_handle_run_log(dd_exchange *exchange)
{
    const char *after = dd_exchange_query(exchange, "after"), *wait = dd_exchange_query(exchange, "wait");
    int64_t wait_s = 0;
    if (after && !dd_stream_id_is_valid(after)) {
        dd_answer_invalid(exchange, "'after' is not the 'next' of an earlier answer");
        return;
    }
    if (wait && (!dd_str_to_int(wait, &wait_s) || wait_s < 0 || wait_s > LOG_WAIT_MAX_S)) {
        dd_answer_invalid(exchange, "'wait' is a number of seconds from 0 to 30");
        return;
    }
    dd_follower *f = exchange->state = dd_new(dd_follower);
    exchange->free_state = follower_free;
    f->exchange = exchange;
    f->after = dd_strdup(after ? after : "0-0");
    f->wait_s = wait_s;
    dd_strv *keys = dd_strv_new();
    dd_strv_addf(keys, "run:%s", exchange->argument);
    dd_exchange_hashes(exchange, keys, on_log_run);
}

/* ---- Cancel ---- */

static void on_canceled(struct redisReply *reply, const dd_error *error, void *context)
{
    dd_exchange *exchange = context;
    const char *word;
    dd_auto(dd_error) failure = NULL;
    if (error)
        dd_answer_error(exchange, 0, error);
    else if (dd_cancel_reply(reply, &word, &failure) < 0)
        dd_answer_error(exchange, 0, failure);
    else
        dd_answer(exchange, 200, json_pack("{s:s, s:s}", "run", exchange->argument, "result", word));
}

void dd_handle_run_cancel(dd_exchange *exchange)
{
    const dd_settings *settings = exchange->door->settings;
    dd_exchange_call(exchange,
                     dd_cancel_request(settings->redis.prefix, settings, exchange->argument, "the API"),
                     on_canceled);
}
