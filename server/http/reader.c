/* Bytes to requests: http-parser's callbacks, and the rules it leaves to its user. */
#include "http_private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int refuse(dd_http_reader *reader, int status, const char *why)
{
    if (!reader->status) {
        reader->status = status;
        reader->why = why;
    }
    return -1;
}

/* ---- The head ---- */

static int add_to_head(dd_http_reader *reader, const char *data, size_t length, bool begins)
{
    if (begins) {
        if (reader->start_count == 1 + 2 * DD_HTTP_HEADERS_MAX)
            return refuse(reader, 431, "too many headers");
        if (reader->start_count)
            dd_buf_add_char(&reader->head, '\0');
        reader->starts[reader->start_count++] = reader->head.length;
    }
    dd_buf_add(&reader->head, data, length);
    return 0;
}

static int on_begin(http_parser *parser)
{
    dd_http_reader *reader = parser->data;
    reader->request = dd_http_request_new(reader->limits);
    reader->start_count = 0;
    reader->after_value = true; /* a name begins the first header */
    dd_buf_clear(&reader->head);
    return add_to_head(reader, "", 0, true);
}

static int on_target(http_parser *parser, const char *data, size_t length)
{
    return add_to_head(parser->data, data, length, false);
}

/* Names and values come in pieces; an empty value comes as one without bytes. */
static int on_name(http_parser *parser, const char *data, size_t length)
{
    dd_http_reader *reader = parser->data;
    /* Of trailers nothing is kept: what they say came after the decision. */
    if (!reader->in_head)
        return 0;
    for (size_t i = 0; i < length; i++)
        if (data[i] == ' ' || data[i] == '\t')
            return refuse(reader, 400, "a header's name holds a space");
    bool begins = reader->after_value;
    reader->after_value = false;
    return add_to_head(reader, data, length, begins);
}

static int on_value(http_parser *parser, const char *data, size_t length)
{
    dd_http_reader *reader = parser->data;
    if (!reader->in_head)
        return 0;
    bool begins = !reader->after_value;
    reader->after_value = true;
    return add_to_head(reader, data, length, begins);
}

/* http-parser cuts white space before a value, not behind it. */
static char *trimmed(const char *text)
{
    size_t length = strlen(text);
    while (length && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        length--;
    return dd_strndup(text, length);
}

static void take_headers(dd_http_reader *reader)
{
    dd_http_request *request = reader->request;
    size_t count = reader->start_count / 2; /* a last one without a value is counted too */
    request->headers = dd_calloc(count + 1, sizeof(*request->headers));
    for (size_t i = 0; i < count; i++) {
        size_t name = 1 + 2 * i, value = name + 1;
        request->headers[i].name = dd_strdup(reader->head.data + reader->starts[name]);
        request->headers[i].value =
            trimmed(value < reader->start_count ? reader->head.data + reader->starts[value] : "");
    }
    request->header_count = count;
}

/* How long the body is must be said once and in one way: what one reader takes for this request's body
 * another may take for the next request. */
static int check_framing(dd_http_reader *reader)
{
    const dd_http_request *request = reader->request;
    size_t lengths = 0, codings = 0, hosts = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        const char *name = request->headers[i].name;
        bool is_coding = strcasecmp(name, "Transfer-Encoding") == 0;
        hosts += strcasecmp(name, "Host") == 0;
        lengths += strcasecmp(name, "Content-Length") == 0;
        codings += is_coding;
        if (is_coding && strcasecmp(request->headers[i].value, "chunked") != 0)
            return refuse(reader, 501, "no transfer coding but chunked is known here");
    }
    if (lengths + codings > 1 || (codings && reader->parser.http_minor == 0))
        return refuse(reader, 400, "the length of the body must be said once, by Content-Length or chunked");
    if (hosts > 1 || (hosts == 0 && reader->parser.http_minor > 0))
        return refuse(reader, 400, "a request has one Host header");
    return 0;
}

static bool method_is_known(enum http_method method)
{
    static const enum http_method known[] = {HTTP_GET,    HTTP_HEAD,    HTTP_POST, HTTP_PUT,
                                             HTTP_DELETE, HTTP_OPTIONS, HTTP_PATCH};
    for (size_t i = 0; i < DD_COUNT(known); i++)
        if (known[i] == method)
            return true;
    return false;
}

static int on_head(http_parser *parser)
{
    dd_http_reader *reader = parser->data;
    reader->in_head = false;
    parser->upgrade = 0; /* an offer to change the protocol is not taken up: it is a request like any other */
    if (parser->http_major != 1)
        return refuse(reader, 505, "HTTP/1.1 is spoken here");
    take_headers(reader);
    if (check_framing(reader) < 0)
        return -1;
    if (!method_is_known((enum http_method)parser->method))
        return refuse(reader, 501, "no such method");
    if (!dd_http_request_target(reader->request, (enum http_method)parser->method, reader->head.data))
        return refuse(reader, 400, "the target is no path");
    reader->at_head = true;
    http_parser_pause(parser, 1);
    return 0;
}

/* ---- The body ---- */

static int on_body(http_parser *parser, const char *data, size_t length)
{
    dd_http_reader *reader = parser->data;
    dd_http_request *request = reader->request;
    if (length > request->body_max_bytes - request->body.length)
        return refuse(reader, 413, "the body is too large");
    if (atomic_fetch_add_explicit(reader->limits->memory, length, memory_order_relaxed) + length >
        reader->limits->memory_max_bytes) {
        atomic_fetch_sub_explicit(reader->limits->memory, length, memory_order_relaxed);
        return refuse(reader, 503, "too many bodies are under way");
    }
    dd_buf_add(&request->body, data, length);
    if (request->on_body)
        request->on_body(request, data, length);
    return 0;
}

static int on_whole(http_parser *parser)
{
    dd_http_reader *reader = parser->data;
    reader->at_end = true;
    http_parser_pause(parser, 1);
    return 0;
}

/* ---- Feeding ---- */

static const http_parser_settings callbacks = {
    .on_message_begin = on_begin,
    .on_url = on_target,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_headers_complete = on_head,
    .on_body = on_body,
    .on_message_complete = on_whole,
};

void dd_http_reader_init(dd_http_reader *reader, const dd_http_limits *limits)
{
    *reader = (dd_http_reader){.limits = limits, .in_head = true};
    reader->starts = dd_calloc(2 + 2 * DD_HTTP_HEADERS_MAX, sizeof(*reader->starts));
    http_parser_init(&reader->parser, HTTP_REQUEST);
    reader->parser.data = reader;
}

void dd_http_reader_done(dd_http_reader *reader)
{
    dd_http_request_free(dd_take(reader->request), reader->limits);
    dd_buf_done(&reader->head);
    free(reader->starts);
}

bool dd_http_reader_is_idle(const dd_http_reader *reader)
{
    return !reader->request;
}

bool dd_http_reader_has_body(const dd_http_reader *reader)
{
    return reader->parser.flags & F_CHUNKED ||
           (reader->parser.content_length != 0 && reader->parser.content_length != ULLONG_MAX);
}

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* Lines of a head end in CRLF and are not folded: http-parser takes both, and other readers of the same bytes
 * may see other lines. */
static int check_lines(dd_http_reader *reader, const char *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = data[i];
        if (c == '\n' && reader->last[1] != '\r')
            return refuse(reader, 400, "a line ends in LF alone");
        if (c == '\0' || (c != '\n' && reader->last[1] == '\r'))
            return refuse(reader, 400, "a CR or a NUL stands within a line");
        if ((c == ' ' || c == '\t') && reader->last[1] == '\n' && !dd_http_reader_is_idle(reader))
            return refuse(reader, 400, "a header's line is folded");
        reader->capitals += is_capital(c) || c == '\r' || c == '\n';
        reader->last[0] = reader->last[1];
        reader->last[1] = c;
    }
    reader->head_bytes += length;
    if (reader->head_bytes > reader->limits->header_max_bytes)
        return refuse(reader, 431, "the headers are too large");
    return 0;
}

/* What a request line that http-parser does not take is. The byte it stopped at is the piece's next. */
static int refuse_unread(dd_http_reader *reader, char stopped_at)
{
    enum http_errno error = HTTP_PARSER_ERRNO(&reader->parser);
    if (error == HPE_INVALID_METHOD && reader->capitals == reader->head_bytes && is_capital(stopped_at))
        return refuse(reader, 501, "no such method");
    if (error == HPE_HEADER_OVERFLOW)
        return refuse(reader, 431, "the headers are too large");
    return refuse(reader, 400, http_errno_description(error));
}

static dd_http_progress paused(dd_http_reader *reader)
{
    http_parser_pause(&reader->parser, 0);
    if (reader->at_head) {
        reader->at_head = false;
        return DD_HTTP_HEAD;
    }
    reader->at_end = false;
    reader->in_head = true;
    reader->head_bytes = reader->capitals = 0;
    reader->last[0] = reader->last[1] = '\0';
    return DD_HTTP_WHOLE;
}

dd_http_progress dd_http_reader_feed(dd_http_reader *reader, const char *data, size_t length,
                                     size_t *ret_used)
{
    bool was_head = reader->in_head;
    *ret_used = http_parser_execute(&reader->parser, &callbacks, data, length);
    enum http_errno error = HTTP_PARSER_ERRNO(&reader->parser);
    if (was_head && check_lines(reader, data, *ret_used) < 0)
        return DD_HTTP_BAD;
    if (error == HPE_PAUSED)
        return paused(reader);
    if (error != HPE_OK)
        refuse_unread(reader, *ret_used < length ? data[*ret_used] : '\0');
    return reader->status ? DD_HTTP_BAD : DD_HTTP_MORE;
}
