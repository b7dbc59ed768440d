/* HTTP/1.1 on libevent's bufferevents: connections that read one request after the other and write its
 * answer.
 *
 * http-parser takes the bytes apart; here are the rules it leaves to its user (one Host, one length, no bare
 * LF, no folded lines), the limits and the deadlines. evhttp would hand a request over only when its body is
 * whole; here its head comes first, so that it can be refused, or given its own limit, before a byte of the
 * body is kept. Rules: RFC 9110 and 9112. */
#ifndef DD_SERVER_HTTP_H
#define DD_SERVER_HTTP_H

#include "../server.h"

#include <event2/util.h>
#include <http_parser.h>
#include <openssl/ssl.h>
#include <stdatomic.h>

struct event_base;
struct sockaddr;

/* ---- Requests ---- */

typedef struct dd_http_connection dd_http_connection;

typedef struct dd_http_pair {
    char *name, *value;
} dd_http_pair;

typedef struct dd_http_request {
    enum http_method method;
    char *path; /* as it was sent, without the query: "/hooks/github" */
    /* The query's names and values, decoded; a pair that cannot be is left out. */
    dd_http_pair *query;
    size_t query_count;
    dd_header *headers; /* in order, repeated names kept */
    size_t header_count;
    dd_buf body;           /* whole when the `whole` handler is called */
    size_t body_max_bytes; /* the `head` handler may change it; past it the answer is 413 */
    /* Each part of the body as it comes, if set by the `head` handler. */
    void (*on_body)(struct dd_http_request *request, const char *data, size_t length);
    /* The client is gone before its answer; the request ends with the call. Set by the `head` handler. */
    void (*on_gone)(struct dd_http_request *request);
    void *context; /* the handlers' own */
    dd_http_connection *connection;
} dd_http_request;

/* The one value of a header (any case); NULL when it is absent or stands twice. */
const char *dd_http_header(const dd_http_request *request, const char *name);
const char *dd_http_query(const dd_http_request *request, const char *name); /* the first; NULL when absent */
/* Who sent it, as dd_http_name_peer has it. */
const char *dd_http_peer(const dd_http_request *request);

/* An answer's own headers, "Name: value\r\n" each; Content-Length, Date and Connection are added. Ends the
 * request, which is freed. A HEAD gets the headers alone. */
void dd_http_answer(dd_http_request *request, int status, const char *headers, const char *body,
                    size_t length);
/* The phrase that belongs to a status. */
const char *dd_http_reason(int status);

/* ---- Connections ---- */

typedef struct dd_http_limits {
    size_t header_max_bytes, body_max_bytes;
    int64_t timeout_s; /* from a connection's begin, or the last answer, until the next request is whole */
    size_t connections_max;  /* of this loop; at the limit the one that has rested longest gives way */
    size_t memory_max_bytes; /* of all bodies of the process */
    atomic_size_t *memory;   /* what they take now, of all loops together */
} dd_http_limits;

typedef struct dd_http_handlers {
    /* The head is there. Answer now, or let the body come. */
    void (*head)(dd_http_request *request, void *context);
    /* The body is there too. Answer now or later. */
    void (*whole)(dd_http_request *request, void *context);
    /* A connection has ended; `peer` as dd_http_peer has it. May be NULL. */
    void (*closed)(const char *peer, void *context);
    /* Whether as many requests as there may be connections are under way: then accept no more. May be NULL.
     */
    void (*full)(bool is_full, void *context);
    void *context;
} dd_http_handlers;

/* One loop's connections. */
typedef struct dd_http dd_http;
dd_http *dd_http_new(struct event_base *base, const dd_http_limits *limits, const dd_http_handlers *handlers);
/* The peer in words: its address, IPv4 as such; "unix" for a unix socket. */
#define DD_HTTP_PEER_BYTES 46
void dd_http_name_peer(const struct sockaddr *peer, char ret[DD_HTTP_PEER_BYTES]);
/* A connection that was accepted; the descriptor is taken, and `ssl` (NULL: plain). */
void dd_http_accept(dd_http *http, evutil_socket_t fd, const char *peer, SSL *ssl);
size_t dd_http_busy(const dd_http *http); /* requests under way */
size_t dd_http_connections(const dd_http *http);
/* Every connection ends; requests under way are told that their client is gone. */
void dd_http_free(dd_http *http);
DD_DEFINE_FREEP(dd_http)

#endif
