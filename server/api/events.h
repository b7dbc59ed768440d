/* What the handlers of one event share. */
#ifndef DD_SERVER_API_EVENTS_H
#define DD_SERVER_API_EVENTS_H

#include "../exchange.h"
#include "kept_json.h"

/* Reading the event that the path names: the first member of an exchange's state. */
typedef struct dd_event_lookup {
    dd_fields *entry;
    bool with_delivery; /* its headers and body too */
    /* Not called when there is no such event: the exchange has been answered. `event` is valid meanwhile. */
    void (*found)(dd_exchange *exchange, const dd_kept_event *event);
} dd_event_lookup;
void dd_event_lookup_start(dd_exchange *exchange);
void dd_event_lookup_free(dd_event_lookup *lookup); /* what it holds */

#endif
