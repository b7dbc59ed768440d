/* One HTTP request and its answer, which may come later: the handlers' whole view of HTTP. */
#ifndef DD_SERVER_EXCHANGE_H
#define DD_SERVER_EXCHANGE_H

#include "gate.h"
#include "http/http.h"
#include "metrics.h"
#include "server.h"

#include <jansson.h>

/* One listener thread's own: a loop, a connection to Redis. */
typedef struct dd_door {
    const dd_settings *settings;
    struct event_base *base;
    dd_http *http;
    dd_store_async *store;
    struct dd_follower
        *followers; /* who waits for a log's next lines, each with a connection to Redis of its own */
    size_t follower_count;
    struct listener *listener;
    dd_metrics *metrics;
    dd_gate *gate;
} dd_door;

typedef struct dd_exchange {
    dd_door *door;
    const struct dd_route *route;
    dd_http_request *request; /* NULL once the client is gone */
    char *client;             /* who sent it: an address, or "unix" */
    char *argument;           /* the path's variable part, valid for its kind; "" when none */
    dd_buf headers;           /* of the answer, "Name: value\r\n" each */
    bool handled;             /* the handler has it, who answers even when the client is gone */
    void *state;              /* the handler's own, freed with free_state */
    void (*free_state)(void *state);
} dd_exchange;

/* For a request whose head is there; `request->context` is the exchange. */
dd_exchange *dd_exchange_new(dd_door *door, dd_http_request *request);

/* An answer ends the exchange: it must not be used afterwards. `json` is taken. */
void dd_answer(dd_exchange *exchange, int status, json_t *json);
/* {"error": "…"} with the status that the error's code has, or `status` when it is not 0. */
void dd_answer_error(dd_exchange *exchange, int status, const dd_error *error);
/* 429, to come again in so many seconds. */
void dd_answer_later(dd_exchange *exchange, int64_t seconds, const char *why);
/* Text of that media type, as it is. */
void dd_answer_text(dd_exchange *exchange, int status, const char *type, const char *text);
void dd_exchange_header(dd_exchange *exchange, const char *name, const char *value);
/* The body, borrowed until the answer. */
const char *dd_exchange_body(dd_exchange *exchange, size_t *ret_length);
const char *dd_exchange_query(const dd_exchange *exchange, const char *name); /* NULL when absent */
int dd_status_of(const dd_error *error);

/* Call Redis; `reply` as dd_store_reply_cb, with the exchange as its context. */
void dd_exchange_call(dd_exchange *exchange, dd_command *command, dd_store_reply_cb *reply);
/* Read many hashes (keys without prefix, taken); `done` gets one entry each, NULL where there is none. On an
 * error the exchange has been answered and `done` is not called. */
typedef void dd_hashes_cb(dd_exchange *exchange, const dd_strv *keys, dd_fields *const *items);
void dd_exchange_hashes(dd_exchange *exchange, dd_strv *keys, dd_hashes_cb *done);

json_t *dd_fields_to_json(const dd_fields *fields);
/* Answer {"NAME": [hash, …]}: `ids` (taken) answers ids, each of the hash KIND:ID; those that are gone are
 * left out. `sorted`: by id, else in the order of the answer. */
void dd_exchange_list(dd_exchange *exchange, dd_command *ids, const char *kind, const char *name,
                      bool sorted);
/* {"error": "no KIND 'ARGUMENT'"}, 404. */
void dd_answer_none(dd_exchange *exchange, const char *kind);
/* Answer 400. */
void dd_answer_invalid(dd_exchange *exchange, const char *why);
/* A stream's entry id, in full. */
bool dd_stream_id_is_valid(const char *text);

/* End the waits of all followers: they are answered 503, and may ask another server. */
void dd_followers_end(dd_door *door);

/* routes.c: find the route by the head, or refuse; call its handler when the request is whole. */
void dd_route_head(dd_http_request *request, void *door);
void dd_route_whole(dd_http_request *request, void *door);

/* Handlers, one line each in the routes' table. */
typedef void dd_handler(dd_exchange *exchange);
bool dd_admit_hook(dd_exchange *exchange);
dd_handler dd_handle_hook, dd_handle_hook_options, dd_handle_health, dd_handle_ready, dd_handle_metrics;
dd_handler dd_handle_tasks_apply, dd_handle_tasks_list, dd_handle_task_show, dd_handle_task_delete,
    dd_handle_task_run;
dd_handler dd_handle_runs_list, dd_handle_run_show, dd_handle_run_log, dd_handle_run_cancel;
dd_handler dd_handle_queue, dd_handle_workers;
dd_handler dd_handle_events_list, dd_handle_event_show, dd_handle_event_why, dd_handle_event_replay;

#endif
