/* The HTTPS listeners: one thread each, with a loop and a connection to Redis of its own. */
#ifndef DD_SERVER_LISTENER_H
#define DD_SERVER_LISTENER_H

#include "server.h"

typedef struct dd_listeners dd_listeners;
/* Bind, and start server.threads threads; the address is in *ret_address (owned, "127.0.0.1:8443"). */
int dd_listeners_start(const dd_settings *settings, dd_listeners **ret, char **ret_address, dd_error **err);
/* Read the certificate again, for new connections; see dd_tls_reload. */
int dd_listeners_reload(dd_listeners *listeners, dd_error **err);
/* Accept no more, let the requests under way end (10 s at most), and join the threads. */
void dd_listeners_stop(dd_listeners *listeners);

#endif
