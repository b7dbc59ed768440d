/* Listeners: evhttp over TLS, a thread each, sharing the port by SO_REUSEPORT. */
#include "listener.h"

#include "exchange.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG       1024
#define STOP_LIMIT_MS 10000
#define STOP_STEP_US  50000L
/* Descriptors beside the connections: Redis, files, the loops' own. */
#define OTHER_DESCRIPTORS 256

typedef struct listener listener;

/* A connection is busy from a whole request to the last byte of its answer; else it rests, and must send the
 * next whole request by its deadline. evhttp's own timeout only asks for some byte now and then. */
typedef struct connection {
    TAILQ_ENTRY(connection) next; /* in the listener's `resting`, while `rests` */
    listener *listener;
    struct bufferevent *stream;
    struct event deadline;
    bool rests;
    bool busy;
} connection;

struct listener {
    dd_listeners *all;
    dd_door door;
    struct evconnlistener *accepting;
    struct event *stop; /* activated from another thread */
    struct event *stop_check;
    int64_t stop_since_ms; /* 0: not asked to */
    size_t connections, busy;
    TAILQ_HEAD(connection_list, connection) resting; /* the next deadline first */
    pthread_t thread;
    bool started;
};

struct dd_listeners {
    const dd_settings *settings;
    dd_metrics *metrics;
    SSL_CTX *tls;
    int connection_index; /* where an SSL keeps its connection */
    size_t connections_each;
    listener *items;
    size_t count;
};

/* ---- TLS ---- */

static int fail_tls(dd_error **err, const char *what, const char *path)
{
    char text[160];
    ERR_error_string_n(ERR_get_error(), text, sizeof(text));
    dd_fail(err, DD_ERR_INVALID, "%s '%s': %s", what, path, text);
    return dd_hint(err, "server.tls.cert and server.tls.key name PEM files; `drydock dev` makes its own");
}

/* A service has no terminal to be asked at. */
static int no_password(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static int make_tls(const dd_settings *settings, SSL_CTX **ret, dd_error **err)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    const char *cert = settings->server.tls_cert, *key = settings->server.tls_key;
    int result = 0;
    if (!cert || !key) {
        SSL_CTX_free(tls);
        dd_fail(err, DD_ERR_INVALID, "server.tls.cert and server.tls.key are not set");
        return dd_hint(err, "they name PEM files; `drydock dev` makes its own");
    }
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    SSL_CTX_set_options(tls,
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set1_groups_list(tls, "X25519:P-256");
    /* Resumption by tickets alone; the cache would only take memory. */
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(tls, no_password);
    if (SSL_CTX_use_certificate_chain_file(tls, cert) != 1)
        result = fail_tls(err, "the certificate", cert);
    else if (SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
        result = fail_tls(err, "the key", key);
    else if (SSL_CTX_check_private_key(tls) != 1)
        result = fail_tls(err, "the key does not belong to the certificate:", key);
    if (result < 0)
        SSL_CTX_free(tls);
    else
        *ret = tls;
    return result;
}

/* ---- Connections ---- */

static void stop_resting(connection *c)
{
    if (!c->rests)
        return;
    c->rests = false;
    event_del(&c->deadline);
    TAILQ_REMOVE(&c->listener->resting, c, next);
}

static void rest(connection *c)
{
    struct timeval limit = {.tv_sec = c->listener->all->settings->server.timeout_s};
    c->rests = true;
    event_add(&c->deadline, &limit);
    TAILQ_INSERT_TAIL(&c->listener->resting, c, next);
}

/* evhttp sees the end of the stream, and frees what it has. */
static void cut(connection *c)
{
    stop_resting(c);
    shutdown(bufferevent_getfd(c->stream), SHUT_RDWR);
}

static void on_deadline(evutil_socket_t fd, short events, void *context)
{
    (void)fd;
    (void)events;
    cut(context);
}

static void end_busy(connection *c)
{
    if (!c->busy)
        return;
    listener *l = c->listener;
    c->busy = false;
    if (l->busy-- == l->all->connections_each && l->accepting && !l->stop_since_ms)
        evconnlistener_enable(l->accepting);
}

static void on_answered(struct evhttp_request *request, void *context)
{
    (void)request;
    end_busy(context);
    rest(context);
}

void dd_connection_begin(struct evhttp_request *request, dd_door *door)
{
    struct bufferevent *stream = evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));
    listener *l = door->listener;
    connection *c = SSL_get_ex_data(bufferevent_openssl_get_ssl(stream), l->all->connection_index);
    stop_resting(c);
    c->busy = true;
    /* Nothing is accepted while every connection we may have is busy: the kernel's backlog waits. */
    if (++l->busy == l->all->connections_each)
        evconnlistener_disable(l->accepting);
    evhttp_request_set_on_complete_cb(request, on_answered, c);
}

static void on_connection_end(void *parent, void *data, CRYPTO_EX_DATA *ex, int index, long argl, void *argp)
{
    connection *c = data;
    (void)parent;
    (void)ex;
    (void)index;
    (void)argl;
    (void)argp;
    if (!c)
        return;
    stop_resting(c);
    end_busy(c);
    c->listener->connections--;
    free(c);
}

static struct bufferevent *new_connection(struct event_base *base, void *context)
{
    listener *l = context;
    SSL *ssl = SSL_new(l->all->tls);
    connection *c = dd_new(connection);
    c->stream =
        ssl ? bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE)
            : NULL;
    dd_assert(c->stream); /* only memory can be short, and then all else ends too */
    c->listener = l;
    bufferevent_openssl_set_allow_dirty_shutdown(c->stream, 1);
    SSL_set_ex_data(ssl, l->all->connection_index, c);
    evtimer_assign(&c->deadline, base, on_deadline, c);
    /* At the limit the one that has rested longest gives way: idle or slow clients keep nobody out. */
    if (l->connections >= l->all->connections_each && !TAILQ_EMPTY(&l->resting))
        cut(TAILQ_FIRST(&l->resting));
    l->connections++;
    rest(c);
    return c->stream;
}

/* ---- Sockets ---- */

/* The host and the port of "HOST:PORT" or "[V6]:PORT", both owned; NULL with *err when it is neither. */
static char *split_address(const char *text, char **ret_port, dd_error **err)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || !dd_str_to_int(colon + 1, &port) || port < 0 || port > 65535) {
        dd_fail(err, DD_ERR_INVALID, "server.listen: '%s' is not HOST:PORT", text);
        return NULL;
    }
    bool bracketed = *text == '[' && colon > text && colon[-1] == ']';
    *ret_port = dd_strdup(colon + 1);
    return bracketed ? dd_strndup(text + 1, (size_t)(colon - text - 2))
                     : dd_strndup(text, (size_t)(colon - text));
}

static int bind_socket(const struct addrinfo *to, const char *text, int *ret, dd_error **err)
{
    int on = 1;
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Accepted sockets inherit TCP_NODELAY: without it TLS 1.3's tickets hold the first answer back for 40
     * ms. */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
        bind(fd, to->ai_addr, to->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        dd_fail_errno(err, DD_ERR_INTERNAL, errno, "listening on %s", text);
        dd_fd_closep(&fd);
        return -1;
    }
    *ret = fd;
    return 0;
}

/* The first bound socket's port, when any was asked for, is everyone's. */
static int port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};
    socklen_t length = sizeof(address);
    if (getsockname(fd, &address.any, &length) < 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static int bind_all(dd_listeners *all, int *fds, char **ret_address, dd_error **err)
{
    dd_auto_str port = NULL;
    dd_auto_str host = split_address(all->settings->server.listen, &port, err);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE},
                    *to = NULL;
    const char *text = all->settings->server.listen;
    if (!host)
        return -1;
    for (size_t i = 0; i < all->count; i++) {
        int failed = getaddrinfo(*host ? host : NULL, port, &hints, &to);
        if (failed)
            return dd_fail(err, DD_ERR_INVALID, "server.listen: '%s': %s", text, gai_strerror(failed));
        int result = bind_socket(to, text, &fds[i], err);
        freeaddrinfo(to);
        if (result < 0)
            return -1;
        free(port);
        port = dd_sprintf("%d", port_of(fds[i]));
    }
    *ret_address = dd_sprintf(strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
    return 0;
}

/* ---- Threads ---- */

static void on_stop_check(evutil_socket_t fd, short events, void *context)
{
    listener *l = context;
    (void)fd;
    (void)events;
    /* Idle keep-alive connections end with the process; requests under way are given their time. */
    if (l->busy == 0 || dd_monotonic_ms() - l->stop_since_ms >= STOP_LIMIT_MS)
        event_base_loopbreak(l->door.base);
}

static void on_stop(evutil_socket_t fd, short events, void *context)
{
    listener *l = context;
    struct timeval step = {.tv_usec = STOP_STEP_US};
    (void)fd;
    (void)events;
    l->stop_since_ms = dd_monotonic_ms();
    evconnlistener_disable(l->accepting);
    dd_followers_end(&l->door);
    event_add(l->stop_check, &step);
}

static void *run(void *context)
{
    listener *l = context;
    event_base_dispatch(l->door.base);
    return NULL;
}

static void set_limits(struct evhttp *http, const dd_settings *settings)
{
    /* A body that says it is too long is read away, at most until the deadline: a close with bytes unread
     * would take the 413 from its sender. */
    evhttp_set_flags(http, EVHTTP_SERVER_LINGERING_CLOSE);
    evhttp_set_max_body_size(http, settings->server.body_max_bytes);
    evhttp_set_max_headers_size(http, settings->server.header_max_bytes);
    evhttp_set_timeout(http, (int)settings->server.timeout_s);
    evhttp_set_default_content_type(http, NULL);
    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                                         EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
}

static int start_one(listener *l, int *fd, dd_error **err)
{
    const dd_settings *settings = l->all->settings;
    l->door.settings = settings;
    l->door.listener = l;
    l->door.metrics = l->all->metrics;
    l->door.base = event_base_new();
    if (!l->door.base || dd_store_async_new(l->door.base, settings, &l->door.store, err) < 0)
        return -1;
    l->door.http = evhttp_new(l->door.base);
    set_limits(l->door.http, settings);
    evhttp_set_bevcb(l->door.http, new_connection, l);
    evhttp_set_gencb(l->door.http, dd_route_request, &l->door);
    l->accepting =
        evconnlistener_new(l->door.base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, *fd);
    *fd = -1;
    evhttp_bind_listener(l->door.http, l->accepting); /* which it frees */
    l->stop = event_new(l->door.base, -1, EV_PERSIST, on_stop, l);
    l->stop_check = event_new(l->door.base, -1, EV_PERSIST, on_stop_check, l);
    int failed = pthread_create(&l->thread, NULL, run, l);
    if (failed)
        return dd_fail_errno(err, DD_ERR_INTERNAL, failed, "starting a listener's thread");
    l->started = true;
    return 0;
}

static void done_one(listener *l)
{
    if (l->started)
        pthread_join(l->thread, NULL);
    l->accepting = NULL;
    if (l->door.http)
        evhttp_free(l->door.http);
    dd_followers_end(&l->door);
    dd_store_async_free(
        l->door.store); /* answers what is under way: to nobody now, but it frees the exchanges */
    if (l->door.base)
        event_base_loop(l->door.base, EVLOOP_NONBLOCK);
    if (l->stop)
        event_free(l->stop);
    if (l->stop_check)
        event_free(l->stop_check);
    if (l->door.base)
        event_base_free(l->door.base);
}

void dd_listeners_stop(dd_listeners *all)
{
    if (!all)
        return;
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].started)
            event_active(all->items[i].stop, EV_TIMEOUT, 0);
    for (size_t i = 0; i < all->count; i++)
        done_one(&all->items[i]);
    SSL_CTX_free(all->tls);
    dd_metrics_free(all->metrics);
    free(all->items);
    free(all);
}

/* A connection is a descriptor: take as many as the system lets us have. */
static void raise_descriptor_limit(const dd_settings *settings)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)settings->server.connections_max + OTHER_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < wanted)
        dd_log(DD_LOG_WARNING, "server", NULL,
               "the system allows %llu open files, server.connections needs %llu: connections past that wait",
               (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
}

int dd_listeners_start(const dd_settings *settings, dd_listeners **ret, char **ret_address, dd_error **err)
{
    dd_listeners *all = dd_new(dd_listeners);
    int result = -1;
    evthread_use_pthreads(); /* event_active from another thread */
    raise_descriptor_limit(settings);
    all->settings = settings;
    all->metrics = dd_metrics_new(settings);
    all->count = (size_t)settings->server.threads;
    all->items = dd_calloc(all->count, sizeof(*all->items));
    all->connections_each = ((size_t)settings->server.connections_max + all->count - 1) / all->count;
    all->connection_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, on_connection_end);
    int *fds = dd_calloc(all->count, sizeof(*fds));
    for (size_t i = 0; i < all->count; i++) {
        all->items[i].all = all;
        TAILQ_INIT(&all->items[i].resting);
        fds[i] = -1;
    }
    if (make_tls(settings, &all->tls, err) == 0 && bind_all(all, fds, ret_address, err) == 0) {
        result = 0;
        for (size_t i = 0; i < all->count && result == 0; i++)
            result = start_one(&all->items[i], &fds[i], err);
    }
    for (size_t i = 0; i < all->count; i++)
        dd_fd_closep(&fds[i]);
    free(fds);
    if (result < 0)
        dd_listeners_stop(all);
    else
        *ret = all;
    return result;
}
