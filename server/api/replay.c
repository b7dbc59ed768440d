/* POST /api/v1/events/ID/replay: a person lets a kept delivery be matched again.
 *
 * It is read anew, by the settings of now: what was ignored for them may ask something. What it asks becomes
 * a new event that names the old one. Runs that were made for it before are made again only when that is
 * forced.
 */
#include "events.h"

#include <stdlib.h>
#include <string.h>

typedef struct replay {
    dd_event_lookup lookup;
    bool forced;
    size_t waiting;
    dd_strv events; /* the new ones */
    dd_error *error;
} replay;

static void replay_free(void *state)
{
    replay *r = state;
    dd_event_lookup_free(&r->lookup);
    dd_strv_done(&r->events);
    dd_error_free(r->error);
    free(r);
}

/* ---- The answer ---- */

static json_t *event_ids(const replay *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->events.count; i++)
        json_array_append_new(list, json_string(r->events.items[i]));
    return list;
}

static void on_accepted(struct redisReply *reply, const dd_error *error, void *context)
{
    dd_exchange *exchange = context;
    replay *r = exchange->state;
    dd_accepted accepted;
    dd_error *failure = NULL;
    if (error)
        dd_fail(&failure, error->code, "%s", error->message);
    else if (dd_accept_reply(reply, &accepted, &failure) == 0)
        dd_strv_add(&r->events, accepted.event);
    if (failure && !r->error)
        r->error = failure;
    else
        dd_error_free(failure);
    if (--r->waiting > 0)
        return;
    dd_auto_str ids = dd_strv_join(&r->events, " ");
    dd_log(DD_LOG_INFO, "server", NULL, "event %s is replayed as %s%s, asked for through the API from %s",
           exchange->argument, *ids ? ids : "none", r->forced ? ", forced" : "", exchange->client);
    if (r->error)
        dd_answer_error(exchange, 0, r->error);
    else
        dd_answer(exchange, 202,
                  json_pack("{s:s, s:s, s:o}", "event", r->events.items[0], "replay_of", exchange->argument,
                            "events", event_ids(r)));
}

/* ---- Reading the delivery again ---- */

static int read_again(const dd_sender_settings *sender, const dd_kept_event *event, dd_events **ret,
                      dd_error **err)
{
    dd_delivery delivery = {0};
    const char *headers = dd_kept_headers(event);
    delivery.body = dd_kept_body(event, &delivery.body_length);
    if (!headers || !delivery.body)
        return dd_fail(err, DD_ERR_CONFLICT, "the delivery's body is not kept any more");
    delivery.header_count = dd_headers_from_text(headers, &delivery.headers);
    int result = dd_delivery_read_again(sender, &delivery, ret, err);
    dd_headers_free(delivery.headers, delivery.header_count);
    return result;
}

/* Of a delivery's events only the one that is meant; or, when it asked nothing, all that ask something now.
 */
static bool is_meant(const dd_fields *entry, const dd_event *event)
{
    dd_event_kind kind;
    if (event->kind == DD_EVENT_IGNORED || event->kind == DD_EVENT_PING)
        return false;
    if (!dd_event_kind_parse(dd_fields_get(entry, "kind"), &kind) || kind == DD_EVENT_IGNORED ||
        kind == DD_EVENT_PING)
        return true;
    return dd_str_eq(event->delivery, dd_fields_get(entry, "delivery")) &&
           dd_str_eq(event->part, dd_fields_get(entry, "part"));
}

static void accept_again(dd_exchange *exchange, const dd_kept_event *old, dd_event *event)
{
    replay *r = exchange->state;
    const dd_settings *settings = exchange->door->settings;
    /* Each is its own, whatever was sent or replayed before. */
    dd_auto_str random = dd_random_hex(16);
    dd_auto_str id = dd_sprintf("replay:%s", random);
    const char *name = dd_fields_get(old->entry, "kept");
    const dd_kept kept = {.name = name};
    event->replay_of = dd_strdup(exchange->argument);
    event->replay_forced = r->forced;
    dd_auto(dd_fields) fields = dd_event_to_fields(event);
    r->waiting++;
    dd_exchange_call(
        exchange,
        dd_accept_request(settings->redis.prefix, settings, event->sender, id, fields, name ? &kept : NULL),
        on_accepted);
}

static void refuse(dd_exchange *exchange, const char *why)
{
    dd_auto(dd_error) error = NULL;
    dd_fail(&error, DD_ERR_CONFLICT, "%s", why);
    dd_answer_error(exchange, 0, error);
}

static void on_found(dd_exchange *exchange, const dd_kept_event *event)
{
    const replay *r = exchange->state;
    dd_auto(dd_events) events = NULL;
    dd_auto(dd_error) error = NULL;
    const char *name = event->entry ? dd_fields_get(event->entry, "sender") : NULL;
    const dd_sender_settings *sender = name ? dd_settings_sender(exchange->door->settings, name) : NULL;
    if (!event->entry) {
        refuse(exchange, "the event is not kept any more");
        return;
    }
    if (!sender) {
        refuse(exchange, "its sender is not in the settings any more");
        return;
    }
    if (read_again(sender, event, &events, &error) < 0) {
        dd_answer_error(exchange, 0, error);
        return;
    }
    for (size_t i = 0; i < events->count; i++)
        if (is_meant(event->entry, events->items[i]))
            accept_again(exchange, event, events->items[i]);
    if (r->waiting == 0) {
        const dd_event *last = events->items[events->count - 1];
        dd_answer(exchange, 200, json_pack("{s:s}", "ignored", last->why ? last->why : "nothing to do"));
    }
}

/* {"force": true}, or nothing. */
static int read_request(const char *body, size_t length, bool *ret_forced, dd_error **err)
{
    json_error_t where;
    int forced = 0;
    if (length == 0)
        return 0;
    json_t *json = json_loadb(body, length, JSON_REJECT_DUPLICATES, &where);
    int result = 0;
    if (!json || json_unpack_ex(json, &where, JSON_STRICT, "{s?b}", "force", &forced) < 0)
        result = dd_fail(err, DD_ERR_INVALID, "a replay takes nothing but force: %s", where.text);
    json_decref(json);
    *ret_forced = forced != 0;
    return result;
}

void dd_handle_event_replay(dd_exchange *exchange)
{
    dd_auto(dd_error) error = NULL;
    size_t length;
    bool forced = false;
    const char *body = dd_exchange_body(exchange, &length);
    if (read_request(body, length, &forced, &error) < 0) {
        dd_answer_error(exchange, 0, error);
        return;
    }
    replay *r = exchange->state = dd_new(replay);
    exchange->free_state = replay_free;
    r->forced = forced;
    r->lookup = (dd_event_lookup){.with_delivery = true, .found = on_found};
    dd_event_lookup_start(exchange);
}
