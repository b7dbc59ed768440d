/* POST /hooks/NAME: a sender's delivery, answered only once Redis has it: 202, or 200 when it says nothing to
 * do. */
#include "../exchange.h"

#include <stdlib.h>
#include <string.h>

#define IGNORED_TOLD_MAX 20

typedef struct hook {
    const dd_sender_settings *sender;
    size_t waiting;
    char event[32];   /* the first event's id */
    char *ignored;    /* why there is nothing to do */
    char *validation; /* the handshake's answer; NULL: it is none */
    dd_error *error;
} hook;

static void hook_free(void *state)
{
    hook *h = state;
    free(h->ignored);
    free(h->validation);
    dd_error_free(h->error);
    free(h);
}

/* The request as the senders' functions read it; borrowed from it. */
static dd_delivery delivery_of(dd_exchange *exchange)
{
    dd_delivery delivery = {.headers = exchange->request->headers,
                            .header_count = exchange->request->header_count,
                            .url_token = dd_exchange_query(exchange, "token"),
                            .at_ms = dd_wall_ms()};
    delivery.body = dd_exchange_body(exchange, &delivery.body_length);
    return delivery;
}

/* ---- Its answer ---- */

static void answer(dd_exchange *exchange)
{
    const hook *h = exchange->state;
    int status = h->error ? 503 : h->ignored ? 200 : 202;
    dd_metrics_count_delivery(exchange->door->metrics, h->sender, status);
    if (h->error) {
        /* What did reach Redis is known there by its id, so that the sender's next try doubles nothing. */
        dd_log(DD_LOG_WARNING, "server", NULL, "a delivery of %s was not kept (%s): answered 503",
               exchange->argument, h->error->message);
        dd_answer_error(exchange, status, h->error);
    } else if (h->validation) {
        dd_answer(exchange, status, json_pack("{s:s}", "validationResponse", h->validation));
    } else if (h->ignored) {
        dd_answer(exchange, status, json_pack("{s:s}", "ignored", h->ignored));
    } else {
        dd_answer(exchange, status, json_pack("{s:s}", "event", h->event));
    }
}

static void on_accepted(struct redisReply *reply, const dd_error *error, void *context)
{
    dd_exchange *exchange = context;
    hook *h = exchange->state;
    dd_accepted accepted;
    dd_error *failure = NULL;
    if (error)
        dd_fail(&failure, error->code, "%s", error->message);
    else if (dd_accept_reply(reply, &accepted, &failure) == 0 && !*h->event)
        memcpy(h->event, accepted.event, sizeof(h->event));
    if (failure && !h->error)
        h->error = failure;
    else
        dd_error_free(failure);
    if (--h->waiting == 0)
        answer(exchange);
}

/* ---- What is kept ---- */

static bool is_ignored(const dd_event *event)
{
    return event->kind == DD_EVENT_IGNORED || event->kind == DD_EVENT_PING;
}

static const char *why_ignored(const dd_event *event)
{
    const char *why = event->kind == DD_EVENT_PING ? "ping" : event->why;
    return why ? why : "nothing to do";
}

/* The reasons of those among its events that say nothing to do. */
static void set_ignored(dd_fields *fields, const dd_events *events)
{
    size_t count = 0;
    dd_auto(dd_strv) reasons = dd_strv_new();
    for (size_t i = 0; i < events->count; i++)
        if (is_ignored(events->items[i]) && ++count <= IGNORED_TOLD_MAX)
            dd_strv_add(reasons, why_ignored(events->items[i]));
    if (count == 0)
        return;
    if (count > IGNORED_TOLD_MAX)
        dd_strv_addf(reasons, "and %zu more", count - IGNORED_TOLD_MAX);
    dd_auto_str text = dd_strv_join(reasons, "\n");
    dd_fields_set(fields, "ignored", text);
}

/* What is told of the delivery beside its body. */
static dd_fields *delivery_fields(const dd_exchange *exchange, const dd_sender_settings *sender,
                                  const dd_delivery *delivery, const dd_events *events, size_t asking)
{
    dd_fields *fields = dd_fields_new();
    dd_auto_str headers = dd_headers_to_text(sender, delivery);
    dd_fields_set(fields, "sender", sender->name);
    dd_fields_set(fields, "client", exchange->client);
    dd_fields_set_int(fields, "at_ms", delivery->at_ms);
    dd_fields_set(fields, "answer", asking ? "accepted" : "ignored");
    set_ignored(fields, events);
    dd_fields_set(fields, "headers", headers);
    dd_fields_set_int(fields, "body_bytes", (int64_t)delivery->body_length);
    return fields;
}

static void accept_event(dd_exchange *exchange, const dd_event *event, const char *id, const dd_kept *kept)
{
    const dd_settings *settings = exchange->door->settings;
    const hook *h = exchange->state;
    dd_auto(dd_fields) fields = dd_event_to_fields(event);
    dd_exchange_call(exchange,
                     dd_accept_request(settings->redis.prefix, settings, h->sender->name, id, fields, kept),
                     on_accepted);
}

/* Every event that asks something has an entry of its own, and the delivery goes with the first. */
static void keep_asking(dd_exchange *exchange, const dd_events *events, dd_kept *kept)
{
    const hook *h = exchange->state;
    dd_auto_str name = NULL;
    for (size_t i = 0; i < events->count; i++) {
        if (is_ignored(events->items[i]))
            continue;
        dd_auto_str id = dd_event_id(events->items[i]);
        if (!name)
            kept->name = name = dd_kept_name(h->sender->name, id);
        accept_event(exchange, events->items[i], id, kept);
        kept->fields = NULL;
    }
}

/* A delivery that asks nothing has one entry: its last event, whose reason is the answer. Its id is
 * remembered apart, so that the sender may send it again when other settings let it ask something. */
static void keep_ignored(dd_exchange *exchange, const dd_events *events, dd_kept *kept)
{
    hook *h = exchange->state;
    dd_assert(events->count > 0);
    const dd_event *last = events->items[events->count - 1];
    dd_auto_str event_id = dd_event_id(last);
    dd_auto_str id = dd_sprintf("ignored:%s", event_id);
    dd_auto_str name = dd_kept_name(h->sender->name, id);
    h->ignored = dd_strdup(why_ignored(last));
    for (size_t i = 0; i < events->count && !h->validation; i++)
        h->validation = dd_strdup(events->items[i]->validation);
    kept->name = name;
    accept_event(exchange, last, id, kept);
}

static void keep(dd_exchange *exchange, const dd_sender_settings *sender, const dd_delivery *delivery,
                 const dd_events *events)
{
    size_t asking = 0;
    hook *h = exchange->state = dd_new(hook);
    exchange->free_state = hook_free;
    for (size_t i = 0; i < events->count; i++)
        asking += !is_ignored(events->items[i]);
    h->sender = sender;
    h->waiting = asking ? asking : 1;
    dd_auto(dd_fields) fields = delivery_fields(exchange, sender, delivery, events, asking);
    dd_kept kept = {.fields = fields, .body = delivery->body, .body_length = delivery->body_length};
    if (asking)
        keep_asking(exchange, events, &kept);
    else
        keep_ignored(exchange, events, &kept);
}

/* ---- What is refused ---- */

static void refuse(dd_exchange *exchange, const dd_sender_settings *sender, int status, const dd_error *error)
{
    dd_log(DD_LOG_WARNING, "server", NULL, "a delivery for %s from %s was refused: %d %s", sender->name,
           exchange->client, status, error->message);
    dd_metrics_count_delivery(exchange->door->metrics, sender, status);
    dd_answer_error(exchange, status, error);
}

/* The status by which it is refused before a byte of its body is kept, or 0. */
static int refusal(dd_exchange *exchange, const dd_sender_settings *sender, dd_error **err)
{
    dd_delivery head = delivery_of(exchange);
    head.head_only = true;
    if (sender->addresses.count && !dd_ranges_have(&sender->addresses, exchange->client)) {
        dd_fail(err, DD_ERR_DENIED, "deliveries are not taken from this address");
        return 403;
    }
    return dd_sender_verify(sender, &head, err) < 0 ? 401 : 0;
}

/* An unknown name, a wrong address and a head that proves nothing cost nothing. */
bool dd_admit_hook(dd_exchange *exchange)
{
    const dd_sender_settings *sender = dd_settings_sender(exchange->door->settings, exchange->argument);
    dd_auto(dd_error) error = NULL;
    if (!sender) {
        dd_fail(&error, DD_ERR_NOT_FOUND, "no sender of that name is in the settings");
        dd_answer_error(exchange, 404, error);
        return false;
    }
    int status = refusal(exchange, sender, &error);
    if (status) {
        refuse(exchange, sender, status, error);
        return false;
    }
    int64_t wait_s = dd_gate_delivery(exchange->door->gate, sender);
    if (wait_s) {
        dd_metrics_count_delivery(exchange->door->metrics, sender, 429);
        dd_answer_later(exchange, wait_s, "too many deliveries of this sender");
        return false;
    }
    if (sender->body_max_bytes)
        exchange->request->body_max_bytes = (size_t)sender->body_max_bytes;
    return true;
}

/* CloudEvents' senders ask first whether an address takes events of their origin. It does when the address
 * itself proves them. https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md */
void dd_handle_hook_options(dd_exchange *exchange)
{
    static const char allowed[] = "POST, OPTIONS";
    const dd_sender_settings *sender = dd_settings_sender(exchange->door->settings, exchange->argument);
    const char *origin = dd_http_header(exchange->request, "WebHook-Request-Origin");
    dd_exchange_header(exchange, "Allow", allowed);
    if (sender && origin && dd_is_plain_word(origin) && refusal(exchange, sender, NULL) == 0)
        dd_exchange_header(exchange, "WebHook-Allowed-Origin", origin);
    dd_answer(exchange, 200, json_pack("{s:s}", "allow", allowed));
}

void dd_handle_hook(dd_exchange *exchange)
{
    const dd_sender_settings *sender = dd_settings_sender(exchange->door->settings, exchange->argument);
    dd_auto(dd_error) error = NULL;
    dd_auto(dd_events) events = NULL;
    dd_delivery delivery = delivery_of(exchange);
    int status = 0;
    if (dd_delivery_read(sender, &delivery, &events, &status, &error) < 0)
        refuse(exchange, sender, status, error);
    else
        keep(exchange, sender, &delivery, events);
}
