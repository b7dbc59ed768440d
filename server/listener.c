/* Listeners: a thread each, with a loop, its connections and its own way to Redis. */
#include "listener.h"

#include "exchange.h"
#include "gate.h"
#include "sockets.h"
#include "tls.h"

#include <event2/event.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define STOP_LIMIT_MS 10000
#define STOP_STEP_US  50000L
/* How long nothing is accepted when the system has no descriptor left. */
#define ACCEPT_PAUSE_US 100000L
/* Descriptors beside the connections: Redis, files, the loops' own. */
#define OTHER_DESCRIPTORS 256
/* http-parser counts the request line and the headers as one. */
#define REQUEST_LINE_MAX_BYTES 65536

typedef struct listener listener;

/* One socket of a listener. */
typedef struct entrance {
    listener *listener;
    struct evconnlistener *accepting;
    bool is_plain;
} entrance;

struct listener {
    dd_listeners *all;
    dd_door door;
    entrance *entrances;
    struct event *stop; /* activated from another thread */
    struct event *stop_check;
    struct event *pause;   /* its end */
    int64_t stop_since_ms; /* 0: not asked to */
    pthread_t thread;
    bool started;
};

struct dd_listeners {
    const dd_settings *settings;
    dd_metrics *metrics;
    dd_gate *gate;
    dd_tls *tls;
    dd_sockets *sockets;
    atomic_size_t memory; /* of all bodies */
    listener *items;
    size_t count;
};

/* ---- Accepting ---- */

static void set_accepting(listener *l, bool accepts)
{
    for (size_t i = 0; i < l->all->sockets->each; i++) {
        struct evconnlistener *accepting = l->entrances[i].accepting;
        if (accepting && accepts)
            evconnlistener_enable(accepting);
        else if (accepting)
            evconnlistener_disable(accepting);
    }
}

/* Nothing is accepted while every connection we may have is busy: the kernel's backlog waits. */
static void on_full(bool is_full, void *context)
{
    dd_door *door = context;
    if (!door->listener->stop_since_ms)
        set_accepting(door->listener, !is_full);
}

static void on_accept(struct evconnlistener *accepting, evutil_socket_t fd, struct sockaddr *peer, int length,
                      void *context)
{
    const entrance *e = context;
    char name[DD_HTTP_PEER_BYTES];
    (void)accepting;
    (void)length;
    dd_http_name_peer(peer, name);
    if (!dd_gate_enter(e->listener->all->gate, name)) {
        dd_log(DD_LOG_DEBUG, "server", NULL, "a connection of %s was closed: it has too many", name);
        evutil_closesocket(fd);
        return;
    }
    dd_http_accept(e->listener->door.http, fd, name,
                   e->is_plain ? NULL : dd_tls_accept(e->listener->all->tls));
}

static void on_closed(const char *peer, void *context)
{
    const dd_door *door = context;
    dd_gate_leave(door->gate, peer);
}

/* Without a descriptor left accepting would fail again at once, and again. */
static void on_accept_error(struct evconnlistener *accepting, void *context)
{
    const entrance *e = context;
    struct timeval pause = {.tv_usec = ACCEPT_PAUSE_US};
    (void)accepting;
    dd_log(DD_LOG_WARNING, "server", NULL, "accepting a connection: %s; trying again in 0.1 s",
           evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
    set_accepting(e->listener, false);
    event_add(e->listener->pause, &pause);
}

static void on_pause_end(evutil_socket_t fd, short events, void *context)
{
    listener *l = context;
    (void)fd;
    (void)events;
    if (!l->stop_since_ms && dd_http_busy(l->door.http) < (size_t)l->all->settings->server.connections_max)
        set_accepting(l, true);
}

static void open_entrances(listener *l, size_t thread)
{
    dd_sockets *sockets = l->all->sockets;
    l->entrances = dd_calloc(sockets->each, sizeof(*l->entrances));
    for (size_t i = 0; i < sockets->each; i++) {
        dd_socket *socket = &sockets->items[thread * sockets->each + i];
        entrance *e = &l->entrances[i];
        *e = (entrance){.listener = l, .is_plain = socket->is_plain};
        e->accepting = evconnlistener_new(l->door.base, on_accept, e,
                                          LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, socket->fd);
        dd_assert(e->accepting);
        evconnlistener_set_error_cb(e->accepting, on_accept_error);
        socket->fd = -1;
    }
}

static void close_entrances(listener *l)
{
    for (size_t i = 0; l->entrances && i < l->all->sockets->each; i++)
        if (l->entrances[i].accepting)
            evconnlistener_free(l->entrances[i].accepting);
    free(l->entrances);
}

/* ---- Threads ---- */

static void on_stop_check(evutil_socket_t fd, short events, void *context)
{
    listener *l = context;
    (void)fd;
    (void)events;
    /* Idle keep-alive connections end with the process; requests under way are given their time. */
    if (dd_http_busy(l->door.http) == 0 || dd_monotonic_ms() - l->stop_since_ms >= STOP_LIMIT_MS)
        event_base_loopbreak(l->door.base);
}

static void on_stop(evutil_socket_t fd, short events, void *context)
{
    listener *l = context;
    struct timeval step = {.tv_usec = STOP_STEP_US};
    (void)fd;
    (void)events;
    l->stop_since_ms = dd_monotonic_ms();
    set_accepting(l, false);
    dd_followers_end(&l->door);
    event_add(l->stop_check, &step);
}

static void *run(void *context)
{
    listener *l = context;
    event_base_dispatch(l->door.base);
    return NULL;
}

static dd_http *new_http(listener *l)
{
    const dd_settings *settings = l->all->settings;
    dd_http_limits limits = {
        .header_max_bytes = (size_t)settings->server.header_max_bytes,
        .body_max_bytes = (size_t)settings->server.body_max_bytes,
        .timeout_s = settings->server.timeout_s,
        .connections_max = ((size_t)settings->server.connections_max + l->all->count - 1) / l->all->count,
        .memory_max_bytes = (size_t)settings->server.memory_max_bytes,
        .memory = &l->all->memory,
    };
    dd_http_handlers handlers = {.head = dd_route_head,
                                 .whole = dd_route_whole,
                                 .closed = on_closed,
                                 .full = on_full,
                                 .context = &l->door};
    return dd_http_new(l->door.base, &limits, &handlers);
}

static int start_one(listener *l, size_t thread, dd_error **err)
{
    l->door.settings = l->all->settings;
    l->door.listener = l;
    l->door.metrics = l->all->metrics;
    l->door.gate = l->all->gate;
    l->door.base = event_base_new();
    if (!l->door.base || dd_store_async_new(l->door.base, l->all->settings, &l->door.store, err) < 0)
        return -1;
    l->door.http = new_http(l);
    open_entrances(l, thread);
    l->stop = event_new(l->door.base, -1, EV_PERSIST, on_stop, l);
    l->stop_check = event_new(l->door.base, -1, EV_PERSIST, on_stop_check, l);
    l->pause = evtimer_new(l->door.base, on_pause_end, l);
    int failed = pthread_create(&l->thread, NULL, run, l);
    if (failed)
        return dd_fail_errno(err, DD_ERR_INTERNAL, failed, "starting a listener's thread");
    l->started = true;
    return 0;
}

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
}

static void done_one(listener *l)
{
    if (l->started)
        pthread_join(l->thread, NULL);
    /* What is left runs the loop once more, which is not theirs. */
    free_event(l->stop);
    free_event(l->stop_check);
    free_event(l->pause);
    close_entrances(l);
    dd_http_free(l->door.http);
    dd_followers_end(&l->door);
    dd_store_async_free(
        l->door.store); /* answers what is under way: to nobody now, but it frees the exchanges */
    if (l->door.base)
        event_base_loop(l->door.base, EVLOOP_NONBLOCK);
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
    dd_sockets_free(all->sockets);
    dd_tls_free(all->tls);
    dd_gate_free(all->gate);
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
    http_parser_set_max_header_size((uint32_t)settings->server.header_max_bytes + REQUEST_LINE_MAX_BYTES);
    all->settings = settings;
    all->metrics = dd_metrics_new(settings);
    all->gate = dd_gate_new(settings);
    all->count = (size_t)settings->server.threads;
    all->items = dd_calloc(all->count, sizeof(*all->items));
    for (size_t i = 0; i < all->count; i++)
        all->items[i].all = all;
    if (dd_tls_new(settings, &all->tls, err) == 0 && dd_sockets_open(settings, &all->sockets, err) == 0) {
        result = 0;
        *ret_address = dd_strdup(all->sockets->address);
        for (size_t i = 0; i < all->count && result == 0; i++)
            result = start_one(&all->items[i], i, err);
    }
    if (result < 0)
        dd_listeners_stop(all);
    else
        *ret = all;
    return result;
}

int dd_listeners_reload(dd_listeners *all, dd_error **err)
{
    return dd_tls_reload(all->tls, err);
}
