/* The asynchronous connection: hiredis on a libevent loop, with reconnects, time limits, and one answer a
 * call. */
#include "store_private.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <stdlib.h>
#include <string.h>

#define CALLS_MAX        10000
#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS  5000

typedef struct call {
    struct call *previous, *next; /* in store->calls */
    dd_store_async *store;
    dd_command *command;
    dd_store_reply_cb *callback; /* NULL once answered: hiredis still owes us the reply */
    void *context;
    struct event timer;
    bool timed;
    bool sent;
} call;

/* Off until the answer to the greeting shows that Redis serves: a stopped Redis still accepts connections. */
typedef enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_READY } link_state;

struct dd_store_async {
    struct event_base *base;
    dd_redis_address address;
    int64_t timeout_ms;
    redisAsyncContext *link;
    link_state state;
    bool freeing;
    int64_t backoff_ms;
    struct event *reconnect;
    struct event *greeting_timer;
    struct event *deferred; /* answers the calls that could not be sent, from the loop */
    call *calls;
    size_t call_count;
    struct event *when_ready; /* NULL: nobody asked, or it is told */
    void (*on_ready)(int fd, short events, void *context);
    void *on_ready_context;
    char *channel;
    void (*on_message)(const char *message, void *context);
    void *on_message_context;
};

static void connect_now(dd_store_async *store);
static int send_call(call *c);

static struct timeval timeval_of(int64_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

/* ---- Calls ---- */

static void call_free(call *c)
{
    if (c->previous)
        c->previous->next = c->next;
    else
        c->store->calls = c->next;
    if (c->next)
        c->next->previous = c->previous;
    c->store->call_count--;
    if (c->timed)
        evtimer_del(&c->timer);
    dd_command_free(c->command);
    free(c);
}

static void answer(call *c, struct redisReply *reply, const dd_error *error)
{
    dd_store_reply_cb *callback = c->callback;
    c->callback = NULL;
    if (callback)
        callback(reply, error, c->context);
}

static void answer_failed(call *c, dd_code code, const char *message)
{
    dd_auto(dd_error) error = NULL;
    dd_fail(&error, code, "%s", message);
    answer(c, NULL, error);
}

static void answer_lost(call *c)
{
    if (c->store->freeing)
        answer_failed(c, DD_ERR_CANCELED, "the connection to Redis is closed");
    else
        answer_failed(c, DD_ERR_UNAVAILABLE, "the connection to Redis was lost");
}

static void drop_link(dd_store_async *store)
{
    redisAsyncContext *link = store->link;
    store->link = NULL;
    store->state = LINK_DOWN;
    if (link)
        redisAsyncFree(link); /* answers all that wait for a reply, with none */
}

static void schedule_reconnect(dd_store_async *store)
{
    if (store->freeing)
        return;
    int64_t ms = store->backoff_ms ? store->backoff_ms : BACKOFF_FIRST_MS;
    store->backoff_ms = ms * 2 < BACKOFF_LAST_MS ? ms * 2 : BACKOFF_LAST_MS;
    /* A quarter of jitter, so that a fleet does not come back in step. */
    uint32_t random;
    evutil_secure_rng_get_bytes(&random, sizeof(random));
    struct timeval wait = timeval_of(ms - ms / 8 + (int64_t)(random % (uint32_t)(ms / 4 + 1)));
    evtimer_add(store->reconnect, &wait);
}

static void on_timeout(evutil_socket_t fd, short events, void *context)
{
    call *c = context;
    dd_store_async *store = c->store;
    (void)fd;
    (void)events;
    answer_failed(c, DD_ERR_UNAVAILABLE, "Redis did not answer in time");
    /* What came before on this connection is owed too: it is stuck as a whole. */
    drop_link(store);
    schedule_reconnect(store);
}

static void on_loaded(redisAsyncContext *link, void *reply, void *context)
{
    call *c = context;
    dd_auto(dd_error) error = NULL;
    (void)link;
    if (reply && dd_reply_error(reply, &error) < 0)
        answer(c, NULL, error);
    else if (reply && send_call(c) == 0)
        return;
    else
        answer_lost(c);
    call_free(c);
}

static bool load_script(call *c)
{
    dd_auto(dd_command) load = dd_command_load(c->command);
    return c->store->link && redisAsyncCommandArgv(c->store->link, on_loaded, c, (int)load->count,
                                                   dd_command_argv(load), load->lengths) == REDIS_OK;
}

static void on_reply(redisAsyncContext *link, void *data, void *context)
{
    call *c = context;
    redisReply *reply = data;
    dd_auto(dd_error) error = NULL;
    (void)link;
    if (!reply) {
        c->store->state = LINK_DOWN; /* so that what an answer's callback asks next is refused at once */
        answer_lost(c);
    } else if (c->callback && dd_reply_is_noscript(reply)) {
        if (load_script(c))
            return;
        answer_lost(c);
    } else if (dd_reply_error(reply, &error) < 0 &&
               (error->code == DD_ERR_UNAVAILABLE || error->code == DD_ERR_DENIED)) {
        answer(c, NULL, error);
    } else {
        answer(c, reply, NULL);
    }
    call_free(c);
}

static int send_call(call *c)
{
    return c->store->link &&
                   redisAsyncCommandArgv(c->store->link, on_reply, c, (int)c->command->count,
                                         dd_command_argv(c->command), c->command->lengths) == REDIS_OK
               ? 0
               : -1;
}

static void answer_deferred(evutil_socket_t fd, short events, void *context)
{
    dd_store_async *store = context;
    (void)fd;
    (void)events;
    /* Only what is there now: an answer's callback may ask again. */
    for (call *following, *c = store->calls; c; c = following) {
        following = c->next;
        if (!c->sent) {
            answer_failed(c, DD_ERR_UNAVAILABLE,
                          store->call_count > CALLS_MAX ? "too many calls to Redis are under way"
                                                        : "Redis is away");
            call_free(c);
        }
    }
}

void dd_store_async_call(dd_store_async *store, dd_command *command, bool blocking,
                         dd_store_reply_cb *callback, void *context)
{
    call *c = dd_new(call);
    *c = (call){
        .store = store, .command = command, .callback = callback, .context = context, .next = store->calls};
    if (store->calls)
        store->calls->previous = c;
    store->calls = c;
    store->call_count++;
    dd_command_finish(command);
    c->sent = store->state == LINK_READY && store->call_count <= CALLS_MAX && send_call(c) == 0;
    if (!c->sent) {
        event_active(store->deferred, EV_TIMEOUT, 0);
        return;
    }
    if (!blocking) {
        struct timeval limit = timeval_of(store->timeout_ms);
        evtimer_assign(&c->timer, store->base, on_timeout, c);
        evtimer_add(&c->timer, &limit);
        c->timed = true;
    }
}

/* ---- The link ---- */

static void on_subscribed(redisAsyncContext *link, void *data, void *context)
{
    dd_store_async *store = context;
    const redisReply *reply = data;
    (void)link;
    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
        reply->element[0]->type == REDIS_REPLY_STRING && strcmp(reply->element[0]->str, "message") == 0 &&
        reply->element[2]->type == REDIS_REPLY_STRING && store->on_message)
        store->on_message(reply->element[2]->str, store->on_message_context);
}

static void subscribe(dd_store_async *store)
{
    if (store->channel && store->state == LINK_READY)
        redisAsyncCommand(store->link, on_subscribed, store, "SUBSCRIBE %s", store->channel);
}

/* The last answer of the greeting: Redis serves. */
static void on_greeted(redisAsyncContext *link, void *data, void *context)
{
    dd_store_async *store = context;
    const redisReply *reply = data;
    if (!reply || link != store->link)
        return; /* the disconnect callback sees to it */
    dd_auto(dd_error) error = NULL;
    evtimer_del(store->greeting_timer);
    if (dd_reply_error(reply, &error) < 0)
        dd_log(DD_LOG_WARNING, "store", NULL, "%s: connecting again", error->message);
    if (error || store->state != LINK_CONNECTING) {
        redisAsyncDisconnect(link);
        return;
    }
    store->state = LINK_READY;
    store->backoff_ms = 0;
    subscribe(store);
    if (store->when_ready)
        event_active(store->when_ready, EV_TIMEOUT, 0);
}

/* As another user or on another database Redis may serve as well, but not what is ours. */
static void on_greeting_word(redisAsyncContext *link, void *data, void *context)
{
    dd_store_async *store = context;
    const redisReply *reply = data;
    dd_auto(dd_error) error = NULL;
    if (!reply || link != store->link || dd_reply_error(reply, &error) == 0)
        return;
    dd_log(DD_LOG_WARNING, "store", NULL, "%s: connecting again", error->message);
    store->state = LINK_DOWN; /* on_greeted, which follows, sees it */
}

static void on_greeting_late(evutil_socket_t fd, short events, void *context)
{
    dd_store_async *store = context;
    (void)fd;
    (void)events;
    drop_link(store);
    schedule_reconnect(store);
}

static void on_disconnect(const redisAsyncContext *link, int status)
{
    dd_store_async *store = link->data;
    (void)status;
    if (store->link != link)
        return; /* dropped by us */
    store->link = NULL;
    store->state = LINK_DOWN;
    evtimer_del(store->greeting_timer);
    schedule_reconnect(store);
}

static void on_connect(const redisAsyncContext *link, int status)
{
    dd_store_async *store = link->data;
    if (status == REDIS_OK || store->link != link)
        return;
    store->link = NULL; /* hiredis frees it */
    store->state = LINK_DOWN;
    evtimer_del(store->greeting_timer);
    schedule_reconnect(store);
}

static void greet(dd_store_async *store)
{
    dd_command *greeting[2];
    size_t count = dd_redis_greeting(&store->address, greeting);
    struct timeval limit = timeval_of(store->timeout_ms);
    for (size_t i = 0; i < count; i++) {
        redisAsyncCommandArgv(store->link, on_greeting_word, store, (int)greeting[i]->count,
                              dd_command_argv(greeting[i]), greeting[i]->lengths);
        dd_command_free(greeting[i]);
    }
    redisAsyncCommand(store->link, on_greeted, store, "PING");
    evtimer_add(store->greeting_timer, &limit);
}

static void connect_now(dd_store_async *store)
{
    redisAsyncContext *link = store->address.path
                                  ? redisAsyncConnectUnix(store->address.path)
                                  : redisAsyncConnect(store->address.host, store->address.port);
    if (!link || link->err) {
        if (link)
            redisAsyncFree(link);
        schedule_reconnect(store);
        return;
    }
    link->data = store;
    store->link = link;
    store->state = LINK_CONNECTING;
    redisLibeventAttach(link, store->base);
    redisAsyncSetConnectCallback(link, on_connect);
    redisAsyncSetDisconnectCallback(link, on_disconnect);
    if (!store->address.path)
        redisEnableKeepAlive(&link->c);
    greet(store);
}

static void on_reconnect(evutil_socket_t fd, short events, void *context)
{
    dd_store_async *store = context;
    (void)fd;
    (void)events;
    if (!store->link)
        connect_now(store);
}

int dd_store_async_new(struct event_base *base, const dd_settings *settings, dd_store_async **ret,
                       dd_error **err)
{
    dd_auto(dd_store_async) store = dd_new(dd_store_async);
    store->base = base;
    store->timeout_ms = settings->redis.timeout_ms;
    store->reconnect = evtimer_new(base, on_reconnect, store);
    store->greeting_timer = evtimer_new(base, on_greeting_late, store);
    store->deferred = event_new(base, -1, 0, answer_deferred, store);
    if (dd_redis_address_parse(settings->redis.url, &store->address, err) < 0)
        return -1;
    connect_now(store);
    *ret = dd_take(store);
    return 0;
}

void dd_store_async_free(dd_store_async *store)
{
    if (!store)
        return;
    store->freeing = true;
    drop_link(store);
    while (store->calls) { /* those never sent */
        call *c = store->calls;
        answer_lost(c); /* NOLINT(clang-analyzer-unix.Malloc): call_free takes it from the list */
        call_free(c);
    }
    event_free(store->reconnect);
    event_free(store->greeting_timer);
    event_free(store->deferred);
    if (store->when_ready)
        event_free(store->when_ready);
    dd_redis_address_done(&store->address);
    free(store->channel);
    free(store);
}

bool dd_store_async_ready(const dd_store_async *store)
{
    return store->state == LINK_READY;
}

/* Once: the connections made later tell nobody. */
static void tell_ready(evutil_socket_t fd, short events, void *context)
{
    dd_store_async *store = context;
    event_free(store->when_ready);
    store->when_ready = NULL;
    store->on_ready(fd, events, store->on_ready_context);
}

void dd_store_async_when_ready(dd_store_async *store, void (*callback)(int fd, short events, void *context),
                               void *context)
{
    struct timeval limit = timeval_of(store->timeout_ms);
    dd_assert(!store->on_ready);
    store->on_ready = callback;
    store->on_ready_context = context;
    store->when_ready = event_new(store->base, -1, 0, tell_ready, store);
    event_add(store->when_ready, &limit);
    if (store->state == LINK_READY)
        event_active(store->when_ready, EV_TIMEOUT, 0);
}

void dd_store_async_subscribe(dd_store_async *store, const char *channel,
                              void (*callback)(const char *message, void *context), void *context)
{
    dd_assert(!store->channel);
    store->channel = dd_strdup(channel);
    store->on_message = callback;
    store->on_message_context = context;
    subscribe(store);
}
