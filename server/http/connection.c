/* Connections: states, deadlines, answers. */
#include "http_private.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* What waits unread while a request is under way: enough for a few more that were sent at once. */
#define READ_AHEAD_BYTES ((size_t)64 * 1024)
#define LINGER_S         5

typedef enum state {
    STATE_HEAD,      /* nothing of a request has come, or a part of its head; the deadline runs */
    STATE_BODY,      /* the head was taken, the body is coming; the same deadline runs on */
    STATE_ANSWERING, /* the request is the handler's, who has deadlines of its own */
    STATE_WRITING,   /* the answer is on its way; a new deadline runs */
    STATE_LINGERING, /* answered before all was read: the rest is read away, or a reset would take the answer
                        along */
    STATE_COUNT,
} state;

#define TO(STATE) (1U << STATE_##STATE)
static const unsigned next_of[STATE_COUNT] = {
    [STATE_HEAD] = TO(BODY) | TO(ANSWERING) | TO(WRITING),
    [STATE_BODY] = TO(ANSWERING) | TO(WRITING),
    [STATE_ANSWERING] = TO(WRITING),
    [STATE_WRITING] = TO(HEAD) | TO(LINGERING),
};

struct dd_http_connection {
    TAILQ_ENTRY(dd_http_connection) next; /* of all */
    TAILQ_ENTRY(dd_http_connection)
    resting; /* in `resting`, while nothing is under way that it would be told of */
    dd_http *http;
    struct bufferevent *stream;
    SSL *ssl; /* the stream's; NULL: plain */
    struct event deadline;
    dd_http_reader reader;
    dd_http_request *request; /* under way */
    state state;
    bool rests, closes;
    char peer[DD_HTTP_PEER_BYTES];
};

TAILQ_HEAD(connections, dd_http_connection);

struct dd_http {
    struct event_base *base;
    dd_http_limits limits;
    dd_http_handlers handlers;
    struct connections all, resting; /* `resting`: the next deadline first */
    size_t count, busy;
    time_t date_at;
    char date[40];
};

static void connection_free(dd_http_connection *c);

/* ---- Deadlines ---- */

static void stop_deadline(dd_http_connection *c)
{
    event_del(&c->deadline);
    if (c->rests)
        TAILQ_REMOVE(&c->http->resting, c, resting);
    c->rests = false;
}

static void start_deadline(dd_http_connection *c, int64_t seconds, bool rests)
{
    struct timeval limit = {.tv_sec = seconds};
    stop_deadline(c);
    event_add(&c->deadline, &limit);
    c->rests = rests;
    if (rests)
        TAILQ_INSERT_TAIL(&c->http->resting, c, resting);
}

static void on_deadline(evutil_socket_t fd, short events, void *context)
{
    (void)fd;
    (void)events;
    connection_free(context);
}

/* ---- States ---- */

static void enter(dd_http_connection *c, state to)
{
    dd_assert(next_of[c->state] & (1U << to));
    c->state = to;
}

static void count_busy(dd_http *http, bool begins)
{
    bool was_full = http->busy >= http->limits.connections_max;
    if (begins)
        http->busy++;
    else
        http->busy--;
    bool is_full = http->busy >= http->limits.connections_max;
    if (was_full != is_full && http->handlers.full)
        http->handlers.full(is_full, http->handlers.context);
}

static bool is_busy(const dd_http_connection *c)
{
    return c->state == STATE_ANSWERING || c->state == STATE_WRITING;
}

/* ---- Answers ---- */

const char *dd_http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
#define REASON(NUMBER, NAME, PHRASE) {NUMBER, #PHRASE},
        HTTP_STATUS_MAP(REASON)
#undef REASON
    };
    for (size_t i = 0; i < DD_COUNT(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

/* RFC 9110, 5.6.7; the names are English in every locale. */
static const char *date(dd_http *http)
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    struct tm at;
    if (now == http->date_at)
        return http->date;
    gmtime_r(&now, &at);
    snprintf(http->date, sizeof(http->date), "%.3s, %02d %.3s %d %02d:%02d:%02d GMT",
             days + (size_t)at.tm_wday * 3, at.tm_mday, months + (size_t)at.tm_mon * 3, at.tm_year + 1900,
             at.tm_hour, at.tm_min, at.tm_sec);
    http->date_at = now;
    return http->date;
}

static void write_answer(dd_http_connection *c, bool is_head, int status, const char *headers,
                         const char *body, size_t length)
{
    dd_buf text = {0};
    dd_buf_printf(&text, "HTTP/1.1 %d %s\r\nDate: %s\r\n%sContent-Length: %zu\r\n%s\r\n", status,
                  dd_http_reason(status), date(c->http), headers, length,
                  c->closes ? "Connection: close\r\n" : "");
    if (!is_head)
        dd_buf_add(&text, body, length);
    bufferevent_write(c->stream, text.data, text.length);
    dd_buf_done(&text);
    bool was_busy = is_busy(c);
    enter(c, STATE_WRITING);
    if (!was_busy)
        count_busy(c->http, true);
    start_deadline(c, c->http->limits.timeout_s, false);
}

void dd_http_answer(dd_http_request *request, int status, const char *headers, const char *body,
                    size_t length)
{
    dd_http_connection *c = request->connection;
    bool is_head = request->method == HTTP_HEAD;
    /* Answered from its head alone: what follows on the connection is its body. */
    if (c->state != STATE_ANSWERING && dd_http_reader_has_body(&c->reader))
        c->closes = true;
    write_answer(c, is_head, status, headers, body, length);
    dd_http_request_free(request, &c->http->limits);
    c->request = NULL;
}

/* An answer to what is no request. */
static void answer_bad(dd_http_connection *c)
{
    dd_auto_str body = dd_sprintf("{\"error\":\"%s\"}\n", c->reader.why);
    bool is_busy_server = c->reader.status == 503;
    dd_http_request *request = dd_take(c->request);
    c->closes = true;
    if (request && request->on_gone)
        request->on_gone(request);
    write_answer(c, false, c->reader.status,
                 is_busy_server ? "Content-Type: application/json\r\nRetry-After: 5\r\n"
                                : "Content-Type: application/json\r\n",
                 body, strlen(body));
}

/* ---- Reading ---- */

/* Some clients hold a large body back until they are told to go on. */
static void say_continue(dd_http_connection *c)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const char *expect = dd_http_header(c->request, "Expect");
    if (expect && c->reader.parser.http_minor > 0 && evutil_ascii_strcasecmp(expect, "100-continue") == 0)
        bufferevent_write(c->stream, text, sizeof(text) - 1);
}

static void take_head(dd_http_connection *c)
{
    dd_http_request *request = c->request = c->reader.request;
    request->connection = c;
    c->closes = c->closes || !http_should_keep_alive(&c->reader.parser);
    c->http->handlers.head(request, c->http->handlers.context);
    if (!c->request) { /* answered */
        c->reader.request = NULL;
        return;
    }
    enter(c, STATE_BODY);
    if (!dd_http_reader_has_body(&c->reader))
        return;
    if (c->reader.parser.content_length != ULLONG_MAX &&
        c->reader.parser.content_length > request->body_max_bytes) {
        c->reader.status = 413;
        c->reader.why = "the body is too large";
        answer_bad(c);
        return;
    }
    say_continue(c);
}

static void take_whole(dd_http_connection *c)
{
    c->reader.request = NULL;
    /* Answered already, from its head: this was the end of a request without a body. */
    if (!c->request)
        return;
    stop_deadline(c);
    enter(c, STATE_ANSWERING);
    count_busy(c->http, true);
    c->http->handlers.whole(c->request, c->http->handlers.context);
}

static bool is_reading(const dd_http_connection *c)
{
    return c->state == STATE_HEAD || c->state == STATE_BODY;
}

static void on_read(struct bufferevent *stream, void *context)
{
    dd_http_connection *c = context;
    struct evbuffer *input = bufferevent_get_input(stream);
    struct evbuffer_iovec part;
    size_t used;
    if (c->state == STATE_LINGERING)
        evbuffer_drain(input, evbuffer_get_length(input));
    while (is_reading(c) && evbuffer_peek(input, -1, NULL, &part, 1) > 0 && part.iov_len > 0) {
        dd_http_progress progress = dd_http_reader_feed(&c->reader, part.iov_base, part.iov_len, &used);
        evbuffer_drain(input, used);
        if (progress == DD_HTTP_HEAD)
            take_head(c);
        else if (progress == DD_HTTP_WHOLE)
            take_whole(c);
        else if (progress == DD_HTTP_BAD)
            answer_bad(c);
    }
}

/* ---- The end of an answer, and of a connection ---- */

/* No more is said: the client reads the end, while what it still sends is read away. */
static void linger(dd_http_connection *c)
{
    enter(c, STATE_LINGERING);
    if (c->ssl) {
        SSL_shutdown(c->ssl);
        ERR_clear_error();
    }
    shutdown(bufferevent_getfd(c->stream), SHUT_WR);
    start_deadline(c, LINGER_S, true);
    on_read(c->stream, c);
}

static void on_written(struct bufferevent *stream, void *context)
{
    dd_http_connection *c = context;
    if (c->state != STATE_WRITING)
        return;
    count_busy(c->http, false);
    if (c->closes) {
        linger(c);
        return;
    }
    enter(c, STATE_HEAD);
    start_deadline(c, c->http->limits.timeout_s, true);
    on_read(stream, c); /* what was sent at once with the last one */
}

static void on_event(struct bufferevent *stream, short events, void *context)
{
    (void)stream;
    if (events & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
        connection_free(context);
}

static void connection_free(dd_http_connection *c)
{
    dd_http *http = c->http;
    dd_http_request *request = dd_take(c->request);
    if (request && request->on_gone)
        request->on_gone(request);
    /* The reader's own while it reads, else ours. */
    if (request && request != c->reader.request)
        dd_http_request_free(request, &http->limits);
    dd_http_reader_done(&c->reader);
    if (is_busy(c))
        count_busy(http, false);
    stop_deadline(c);
    TAILQ_REMOVE(&http->all, c, next);
    http->count--;
    if (http->handlers.closed)
        http->handlers.closed(c->peer, http->handlers.context);
    bufferevent_free(c->stream);
    free(c);
}

void dd_http_name_peer(const struct sockaddr *peer, char ret[DD_HTTP_PEER_BYTES])
{
    union {
        const struct sockaddr *any;
        const struct sockaddr_in *v4;
        const struct sockaddr_in6 *v6;
    } address = {.any = peer};
    const void *bytes = NULL;
    sa_family_t family = peer ? peer->sa_family : AF_UNSPEC;
    if (family == AF_INET) {
        bytes = &address.v4->sin_addr;
    } else if (family == AF_INET6) {
        bytes = &address.v6->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&address.v6->sin6_addr)) {
            family = AF_INET;
            bytes = address.v6->sin6_addr.s6_addr + 12;
        }
    }
    if (!bytes || !inet_ntop(family, bytes, ret, DD_HTTP_PEER_BYTES))
        snprintf(ret, DD_HTTP_PEER_BYTES, "unix");
}

static struct bufferevent *new_stream(dd_http *http, evutil_socket_t fd, SSL *ssl) /* takes both */
{
    struct bufferevent *stream =
        ssl ? bufferevent_openssl_socket_new(http->base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                             BEV_OPT_CLOSE_ON_FREE)
            : bufferevent_socket_new(http->base, fd, BEV_OPT_CLOSE_ON_FREE);
    dd_assert(stream); /* only memory can be short, and then all else ends too */
    if (ssl)
        bufferevent_openssl_set_allow_dirty_shutdown(stream, 1);
    return stream;
}

void dd_http_accept(dd_http *http, evutil_socket_t fd, const char *peer, SSL *ssl)
{
    dd_http_connection *c = dd_new(dd_http_connection);
    c->http = http;
    c->ssl = ssl;
    c->stream = new_stream(http, fd, c->ssl);
    dd_http_reader_init(&c->reader, &http->limits);
    snprintf(c->peer, sizeof(c->peer), "%s", peer);
    evtimer_assign(&c->deadline, http->base, on_deadline, c);
    /* At the limit the one that has rested longest gives way: idle or slow clients keep nobody out. */
    if (http->count >= http->limits.connections_max && !TAILQ_EMPTY(&http->resting))
        connection_free(TAILQ_FIRST(&http->resting));
    http->count++;
    TAILQ_INSERT_TAIL(&http->all, c, next);
    start_deadline(c, http->limits.timeout_s, true);
    bufferevent_setcb(c->stream, on_read, on_written, on_event, c);
    bufferevent_setwatermark(c->stream, EV_READ, 0, READ_AHEAD_BYTES);
    bufferevent_enable(c->stream, EV_READ | EV_WRITE);
}

const char *dd_http_peer(const dd_http_request *request)
{
    return request->connection->peer;
}

/* ---- The loop's ---- */

dd_http *dd_http_new(struct event_base *base, const dd_http_limits *limits, const dd_http_handlers *handlers)
{
    dd_http *http = dd_new(dd_http);
    *http = (dd_http){.base = base, .limits = *limits, .handlers = *handlers, .date_at = -1};
    TAILQ_INIT(&http->all);
    TAILQ_INIT(&http->resting);
    return http;
}

size_t dd_http_busy(const dd_http *http)
{
    return http->busy;
}

size_t dd_http_connections(const dd_http *http)
{
    return http->count;
}

void dd_http_free(dd_http *http)
{
    if (!http)
        return;
    http->handlers.full = NULL;
    for (dd_http_connection *c = TAILQ_FIRST(&http->all), *after; c; c = after) {
        after = TAILQ_NEXT(c, next);
        connection_free(c);
    }
    free(http);
}
