/* Who may come in, and how often: connections and requests by address, deliveries by sender. One for all
 * threads. */
#ifndef DD_SERVER_GATE_H
#define DD_SERVER_GATE_H

#include "server.h"

typedef struct dd_gate dd_gate;
dd_gate *dd_gate_new(const dd_settings *settings);
void dd_gate_free(dd_gate *gate);
DD_DEFINE_FREEP(dd_gate)

/* May one more connection of this address be open? If so it counts until dd_gate_leave. Proxies are not
 * counted. */
bool dd_gate_enter(dd_gate *gate, const char *address);
void dd_gate_leave(dd_gate *gate, const char *address);
/* One more request of this address, or delivery for this sender: 0, or in how many seconds it may come again.
 */
int64_t dd_gate_request(dd_gate *gate, const char *address);
int64_t dd_gate_delivery(dd_gate *gate, const dd_sender_settings *sender);

/* Who sent a request: the peer, or whom the proxies in front name in X-Forwarded-For (`forwarded`, NULL:
 * nothing): the last address there that is no proxy of ours. Owned. */
char *dd_gate_client(const dd_settings *settings, const char *peer, const char *forwarded);

#endif
