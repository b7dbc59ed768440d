/* One connection to a Redis: bytes over TCP, a unix socket or TLS, never blocking by itself; hiredis reads
 * the replies. The blocking store waits on it by poll, the asynchronous one by its event loop. */
#ifndef DD_CONFIG_STORE_LINK_H
#define DD_CONFIG_STORE_LINK_H

#include "store_private.h"

#include <openssl/ssl.h>

typedef struct dd_link {
    int fd;
    SSL *ssl;   /* NULL: plain */
    char *name; /* "127.0.0.1:6379" or the socket's path, for messages */
    struct redisReader *reader;
    dd_buf out;
    size_t written; /* of `out` */
    bool heard;     /* something was read on it */
} dd_link;

/* Takes the descriptor, which does not block, and the SSL object on it. */
dd_link *dd_link_new(int fd, SSL *ssl, const char *name);
void dd_link_free(dd_link *link);
DD_DEFINE_FREEP(dd_link)

/* Put the command behind what is to be written. */
void dd_link_queue(dd_link *link, const dd_command *command);

typedef enum dd_io {
    DD_IO_DONE,       /* all is written; all that was there is read */
    DD_IO_WANT_READ,  /* go on when there is something to read */
    DD_IO_WANT_WRITE, /* go on when something can be written */
    DD_IO_LOST,       /* the connection is over, the error says why */
} dd_io;
dd_io dd_link_flush(dd_link *link, dd_error **err);
/* DD_IO_DONE: something was read. DD_IO_WANT_READ: there was nothing. What was read before the end is in the
 * reader also when it is DD_IO_LOST. */
dd_io dd_link_fill(dd_link *link, dd_error **err);
/* The next whole reply: 1, or 0 when there is none yet, or -1 when it is none that Redis sends. */
int dd_link_next(dd_link *link, struct redisReply **ret, dd_error **err);

/* MOVED and ASK without a host mean the one that was asked: this. */
void dd_link_complete_node(const dd_link *link, dd_redis_node *node);

/* ---- BLOCKING ---- */

/* How long to wait, and what ends the wait early. */
typedef struct dd_patience {
    int64_t until_ms; /* on dd_monotonic_ms; 0: for ever */
    int cancel_fd;    /* readable: CANCELED; -1: none */
} dd_patience;
dd_patience dd_patience_of(int64_t ms, int cancel_fd); /* 0: for ever */
/* Wait for the descriptor (-1: none, just wait). 1 when it is ready, 0 when the time is over, -1 CANCELED. */
int dd_await(int fd, short events, const dd_patience *patience, dd_error **err);
/* One round trip. Fails when the connection did, or was not quick enough; an error reply is a reply. */
int dd_link_call(dd_link *link, const dd_command *command, const dd_patience *patience,
                 struct redisReply **ret, dd_error **err);
/* As dd_link_call, but error replies are failures too. */
int dd_link_ask(dd_link *link, const dd_command *command, const dd_patience *patience,
                struct redisReply **ret, dd_error **err);

/* ---- TLS ---- */

/* What OpenSSL has to say, into the error. */
int dd_tls_fail(const SSL *ssl, const char *name, const char *what, dd_error **err);
/* Certificates and the key, read anew for each connection: they are renewed in place. */
int dd_tls_context(const dd_redis_config *config, SSL_CTX **ret, dd_error **err);
/* An SSL object for the descriptor, whose handshake is done: the server bears the host's name. BLOCKING. */
int dd_tls_connect(SSL_CTX *tls, int fd, const char *host, const char *name, const dd_patience *patience,
                   SSL **ret, dd_error **err);

#endif
