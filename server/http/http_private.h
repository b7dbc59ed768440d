/* What the files of server/http share: the reader of requests. */
#ifndef DD_SERVER_HTTP_PRIVATE_H
#define DD_SERVER_HTTP_PRIVATE_H

#include "http.h"

#define DD_HTTP_HEADERS_MAX 200

typedef enum dd_http_progress {
    DD_HTTP_MORE,  /* all was read; more is needed */
    DD_HTTP_HEAD,  /* the head is there: decide, then go on feeding */
    DD_HTTP_WHOLE, /* the request is whole */
    DD_HTTP_BAD,   /* see `status` and `why`; the connection cannot go on */
} dd_http_progress;

/* Bytes of a connection to requests, one after the other. */
typedef struct dd_http_reader {
    http_parser parser;
    const dd_http_limits *limits;
    dd_http_request *request; /* the one that is read; the caller takes it with dd_take once it is whole */
    dd_buf head;              /* target, names and values, each with its NUL */
    size_t *starts;           /* where each begins in `head`; the target is the first */
    size_t start_count;
    bool in_head, after_value;
    size_t head_bytes, capitals; /* so far; and how many of them could be a method's, or stand before it */
    char last[2];                /* the two bytes before the next one of the head */
    int status;
    const char *why;
    bool at_head, at_end; /* why the parser was paused */
} dd_http_reader;

void dd_http_reader_init(dd_http_reader *reader, const dd_http_limits *limits);
void dd_http_reader_done(dd_http_reader *reader);
/* Feed some bytes; *ret_used of them were read, all of them but after HEAD and WHOLE. */
dd_http_progress dd_http_reader_feed(dd_http_reader *reader, const char *data, size_t length,
                                     size_t *ret_used);
/* Has anything of the next request come? */
bool dd_http_reader_is_idle(const dd_http_reader *reader);
/* Does the body that the head announces come in parts or with a length above 0? */
bool dd_http_reader_has_body(const dd_http_reader *reader);

dd_http_request *dd_http_request_new(const dd_http_limits *limits);
/* Gives back the body's bytes to the process's count. */
void dd_http_request_free(dd_http_request *request, const dd_http_limits *limits);
/* The target's path and query; false when it is neither a path nor an absolute http(s) URL. */
bool dd_http_request_target(dd_http_request *request, enum http_method method, const char *target);
/* Decode `a=b&c=d` into pairs. */
void dd_http_query_parse(const char *text, dd_http_pair **ret, size_t *ret_count);
void dd_http_query_free(dd_http_pair *pairs, size_t count);

#endif
