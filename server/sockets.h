/* The sockets that the server listens on: by its settings, or as systemd hands them over. */
#ifndef DD_SERVER_SOCKETS_H
#define DD_SERVER_SOCKETS_H

#include "server.h"

/* One socket of one thread. */
typedef struct dd_socket {
    int fd;
    bool is_plain; /* a unix socket: no TLS, for a proxy in front */
} dd_socket;

typedef struct dd_sockets {
    dd_socket *items; /* `each` for the first thread, then `each` for the second … */
    size_t each, threads;
    char *address;   /* "127.0.0.1:8443"; for unix sockets alone "unix:PATH" */
    char *unix_path; /* which we made, and remove at the end; NULL: none */
} dd_sockets;

/* server.listen, and server.unix where it is set; or, where LISTEN_PID and LISTEN_FDS say so, the descriptors
 * from 3 on (sd_listen_fds(3)). Threads share a TCP port by SO_REUSEPORT, and other sockets by taking turns.
 */
int dd_sockets_open(const dd_settings *settings, dd_sockets **ret, dd_error **err);
/* Closes what was not taken (an `fd` of -1 was). */
void dd_sockets_free(dd_sockets *sockets);
DD_DEFINE_FREEP(dd_sockets)

#endif
