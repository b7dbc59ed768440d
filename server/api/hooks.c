/* POST /hooks/NAME: a sender's delivery, answered 202 only once Redis has it. */
#include "../exchange.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct hook {
    const dd_sender_settings *sender;
    size_t waiting;
    char event[32]; /* the first event's id */
    dd_error *error;
} hook;

static void hook_free(void *state)
{
    hook *h = state;
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

static char *headers_to_keep(const dd_sender_settings *sender, const dd_delivery *delivery)
{
    dd_buf text = {0};
    for (size_t i = 0; i < delivery->header_count; i++)
        if (!dd_sender_header_is_secret(sender, delivery->headers[i].name))
            dd_buf_printf(&text, "%s: %s\n", delivery->headers[i].name, delivery->headers[i].value);
    return dd_buf_steal(&text);
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
    if (--h->waiting > 0)
        return;
    dd_metrics_count_delivery(exchange->door->metrics, h->sender, h->error ? 503 : 202);
    if (h->error) {
        /* What did reach Redis is known there by its id, so that the sender's next try doubles nothing. */
        dd_log(DD_LOG_WARNING, "server", NULL, "a delivery of %s was not kept (%s): answered 503",
               exchange->argument, h->error->message);
        dd_answer_error(exchange, 503, h->error);
    } else {
        dd_answer(exchange, 202, json_pack("{s:s}", "event", h->event));
    }
}

static bool is_ignored(const dd_event *event)
{
    return event->kind == DD_EVENT_IGNORED || event->kind == DD_EVENT_PING;
}

/* The reason of the last one: an envelope of many uninteresting events has one answer. A handshake has its
 * own. */
static void answer_ignored(dd_exchange *exchange, const dd_events *events)
{
    for (size_t i = 0; i < events->count; i++)
        if (events->items[i]->validation) {
            dd_answer(exchange, 200, json_pack("{s:s}", "validationResponse", events->items[i]->validation));
            return;
        }
    const dd_event *last = events->count ? events->items[events->count - 1] : NULL;
    const char *why = !last ? "nothing in it" : last->kind == DD_EVENT_PING ? "ping" : last->why;
    dd_answer(exchange, 200, json_pack("{s:s}", "ignored", why ? why : "nothing to do"));
}

static void keep(dd_exchange *exchange, const dd_sender_settings *sender, const dd_delivery *delivery,
                 const dd_events *events, size_t kept)
{
    const dd_settings *settings = exchange->door->settings;
    hook *h = exchange->state = dd_new(hook);
    exchange->free_state = hook_free;
    h->sender = sender;
    h->waiting = kept;
    bool first = true;
    for (size_t i = 0; i < events->count; i++) {
        if (is_ignored(events->items[i]))
            continue;
        dd_auto(dd_fields) fields = dd_event_to_fields(events->items[i]);
        if (first) {
            dd_auto_str headers = headers_to_keep(sender, delivery);
            dd_fields_set(fields, "headers", headers);
            dd_fields_set_bytes(fields, "body", delivery->body, delivery->body_length);
        }
        first = false;
        dd_auto_str id = dd_event_id(events->items[i]);
        dd_exchange_call(exchange,
                         dd_accept_request(settings->redis.prefix, settings, sender->name, id, fields),
                         on_accepted);
    }
}

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
    size_t kept = 0;
    if (dd_delivery_read(sender, &delivery, &events, &status, &error) < 0) {
        refuse(exchange, sender, status, error);
        return;
    }
    for (size_t i = 0; i < events->count; i++)
        kept += !is_ignored(events->items[i]);
    if (kept) {
        keep(exchange, sender, &delivery, events, kept);
    } else {
        dd_metrics_count_delivery(exchange->door->metrics, sender, 200);
        answer_ignored(exchange, events);
    }
}
