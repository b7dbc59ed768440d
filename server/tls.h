/* The server's TLS: its certificate, which may be changed while connections are open. */
#ifndef DD_SERVER_TLS_H
#define DD_SERVER_TLS_H

#include "server.h"

#include <openssl/ssl.h>

typedef struct dd_tls dd_tls;
/* With server.tls.cert and server.tls.key; INVALID when they cannot be used. */
int dd_tls_new(const dd_settings *settings, dd_tls **ret, dd_error **err);
void dd_tls_free(dd_tls *tls);
DD_DEFINE_FREEP(dd_tls)
/* The server's end of a new connection, owned. From any thread. */
SSL *dd_tls_accept(dd_tls *tls);
/* Read the files again, for connections from now on; those that are open keep what they have. Return 1, or 0
 * when the files hold what they held; -1 with *err: the old certificate stays. */
int dd_tls_reload(dd_tls *tls, dd_error **err);

#endif
