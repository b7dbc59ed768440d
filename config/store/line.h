/* One connection of the asynchronous store: from the dial until the last reply that is owed on it. */
#ifndef DD_CONFIG_STORE_LINE_H
#define DD_CONFIG_STORE_LINE_H

#include "dial.h"

#include <event2/event.h>
#include <event2/event_struct.h>

typedef struct dd_line dd_line;

typedef enum dd_call_state {
    DD_CALL_REFUSED, /* answered with the loop's next turn */
    DD_CALL_PARKED,  /* waits for a connection that is being made, or for its next attempt */
    DD_CALL_SENT,    /* on its line */
    DD_CALL_HELD,    /* its reply is here; the replicas have not said yet that they have it */
} dd_call_state;

typedef struct dd_call {
    struct dd_call *previous, *next; /* in store->calls */
    dd_store_async *store;
    dd_command *command;
    dd_store_reply_cb *callback; /* NULL once answered */
    void *context;
    struct event timer;
    bool timed;
    dd_call_state state;
    dd_line *line;     /* SENT, HELD */
    uint64_t wait;     /* SENT, HELD: the number of the WAIT on its line that says so; 0: none */
    redisReply *reply; /* HELD */
    dd_error *failure; /* why its script could not be loaded */
    int redirects;
    bool loaded; /* its script, once */
    bool asking; /* goes to the line for ASKING */
    bool again;  /* PARKED after TRYAGAIN */
} dd_call;

typedef enum dd_owed_kind { DD_OWED_REPLY, DD_OWED_LOADED, DD_OWED_ASKED, DD_OWED_WAITED } dd_owed_kind;
/* What Redis owes us on a line, in this order. */
typedef struct dd_owed {
    dd_owed_kind kind;
    dd_call *call; /* of REPLY and LOADED */
} dd_owed;

struct dd_line {
    dd_line *next; /* in store->lines */
    dd_store_async *store;
    const dd_redis_config *config;
    dd_dialer *dialer; /* until it is connected */
    dd_redis_node hop; /* of a line for ASKING */
    bool for_asking;
    dd_link *link;
    bool retired; /* nothing more is sent: closed when nothing is owed on it */
    struct event *dialed, *readable, *writable, *flush;
    dd_owed *owed; /* a ring */
    size_t first, count, capacity;
    uint64_t waits_sent, waits_done;
    bool wait_wanted; /* something was sent that replicas shall have */
    size_t held;
};

/* Begins to dial. */
dd_line *dd_line_new(dd_store_async *store, struct event_base *base, dd_redis_config *config,
                     const dd_redis_nodes *known, const dd_redis_node *hop, bool for_asking);
void dd_line_free(dd_line *line);
/* The dial succeeded: watch the link. Takes it. */
void dd_line_open(dd_line *line, struct event_base *base, dd_link *link);
static inline bool dd_line_is_open(const dd_line *line)
{
    return line && line->link;
}
void dd_line_push(dd_line *line, dd_owed_kind kind, dd_call *call);
/* False when nothing is owed. */
bool dd_line_pop(dd_line *line, dd_owed *ret);
/* Put the call's command, and what has to come before it, on the line. */
void dd_line_send(dd_line *line, dd_call *call);
void dd_line_send_load(dd_line *line, dd_call *call);
/* Write what is queued, and a WAIT behind it when one is wanted. LOST is for the caller to handle. */
dd_io dd_line_flush(dd_line *line, dd_error **err);

/* What async.c does with a line's events. */
void dd_line_on_dialed(evutil_socket_t fd, short events, void *line);
void dd_line_on_readable(evutil_socket_t fd, short events, void *line);
void dd_line_on_flush(evutil_socket_t fd, short events, void *line);

#endif
