/* The asynchronous connection: lines on a libevent loop, made again when they are lost or lead to the wrong
 * Redis, with time limits and one answer a call. */
#include "line.h"

#include <stdlib.h>
#include <string.h>

#define CALLS_MAX 10000

struct dd_store_async {
    struct event_base *base;
    dd_redis_config *config;
    dd_redis_nodes known; /* sentinels, or nodes of the cluster, the best first */
    dd_line *line;        /* where calls go, or the dial for it; NULL: none, until the back-off is over */
    dd_line *asking;      /* to the node to which our slot moves; NULL: none */
    dd_line *retired;     /* a list */
    bool freeing;
    bool moving; /* the last line led to the wrong Redis: calls wait for the dial that follows it */
    int64_t looked_elsewhere_ms;
    dd_backoff backoff;
    dd_outage outage;
    struct event *reconnect;
    struct event *deferred; /* answers the calls that could not be sent, from the loop */
    struct event *again;    /* sends those once more that were told TRYAGAIN */
    dd_call *calls;
    size_t call_count;
    struct event *when_ready; /* NULL: nobody asked, or it is told */
    void (*on_ready)(int fd, short events, void *context);
    void *on_ready_context;
    char *channel;
    void (*on_message)(const char *message, void *context);
    void *on_message_context;
};

static void dial(dd_store_async *store, const dd_redis_node *hop);

static struct timeval timeval_of(int64_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

/* ---- Calls ---- */

static void call_free(dd_call *c)
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
    if (c->reply)
        freeReplyObject(c->reply);
    dd_error_free(c->failure);
    dd_command_free(c->command);
    free(c);
}

/* Answers, and is over. */
static void answer(dd_call *c, redisReply *reply, const dd_error *error)
{
    dd_store_reply_cb *callback = c->callback;
    c->callback = NULL;
    if (callback)
        callback(reply, error, c->context);
    call_free(c);
}

static void answer_failed(dd_call *c, dd_code code, const char *message)
{
    dd_auto(dd_error) error = NULL;
    dd_fail(&error, code, "%s", message);
    answer(c, NULL, error);
}

static void answer_lost(dd_call *c)
{
    if (c->store->freeing)
        answer_failed(c, DD_ERR_CANCELED, "the connection to Redis is closed");
    else
        answer_failed(c, DD_ERR_UNAVAILABLE, "the connection to Redis was lost");
}

/* Send it, or let it wait until it can be. */
static void send_or_park(dd_call *c)
{
    dd_line *line = c->asking ? c->store->asking : c->store->line;
    if (dd_line_is_open(line) && !c->again)
        dd_line_send(line, c);
    else
        c->state = DD_CALL_PARKED;
}

static void send_parked(dd_store_async *store, bool asking, bool again)
{
    for (dd_call *following, *c = store->calls; c; c = following) {
        following = c->next;
        if (c->state == DD_CALL_PARKED && c->asking == asking && c->again == again) {
            c->again = false;
            send_or_park(c);
        }
    }
}

/* Those without a time limit would wait for as long as Redis is away; those for ASKING have but this line. */
static void refuse_parked(dd_store_async *store, bool asking, const dd_error *why)
{
    for (dd_call *following, *c = store->calls; c; c = following) {
        following = c->next;
        if (c->state == DD_CALL_PARKED && c->asking == asking && (asking || !c->timed)) {
            c->state = DD_CALL_REFUSED;
            dd_fail(&c->failure, why->code, "%s", why->message);
            event_active(store->deferred, EV_TIMEOUT, 0);
        }
    }
}

/* ---- Lines that end ---- */

static void schedule_reconnect(dd_store_async *store, const dd_error *why)
{
    if (store->freeing)
        return;
    struct timeval wait = timeval_of(dd_backoff_ms(&store->backoff, why));
    evtimer_add(store->reconnect, &wait);
}

/* From wherever it is. */
static void take_out(dd_line *line)
{
    dd_store_async *store = line->store;
    if (store->line == line)
        store->line = NULL;
    if (store->asking == line)
        store->asking = NULL;
    for (dd_line **at = &store->retired; *at; at = &(*at)->next)
        if (*at == line) {
            *at = line->next;
            break;
        }
}

/* All that is owed on it is lost. It is taken out first: who asks again in an answer must not ask there. */
static void drop(dd_line *line)
{
    dd_store_async *store = line->store;
    dd_owed owed;
    take_out(line);
    while (dd_line_pop(line, &owed))
        if (owed.kind == DD_OWED_REPLY)
            answer_lost(owed.call); /* NOLINT(clang-analyzer-unix.Malloc): call_free takes it from the list */
    /* An answer's callback may ask again, which puts a call before all others: these are not of this line. */
    for (dd_call *following, *c = line->held ? store->calls : NULL; c; c = following) {
        following = c->next;
        if (c->state == DD_CALL_HELD && c->line == line)
            answer_lost(c);
    }
    dd_line_free(line);
}

static void lose(dd_line *line, const dd_error *why)
{
    dd_store_async *store = line->store;
    if (store->line == line) {
        store->moving = false;
        dd_outage_begin(&store->outage, why);
        schedule_reconnect(store, why);
    }
    drop(line);
}

/* It leads to the wrong Redis: what was sent on it is still answered there. */
static void retire(dd_line *line)
{
    take_out(line);
    line->retired = true;
    line->next = line->store->retired;
    line->store->retired = line;
}

static void free_when_done(dd_line *line)
{
    if (line->retired && line->count == 0 && line->held == 0) {
        take_out(line);
        dd_line_free(line);
    }
}

static void on_timeout(evutil_socket_t fd, short events, void *context)
{
    dd_call *c = context;
    dd_line *line = c->line;
    bool on_line = c->state == DD_CALL_SENT || c->state == DD_CALL_HELD;
    (void)fd;
    (void)events;
    if (!on_line) {
        answer_failed(c, DD_ERR_UNAVAILABLE,
                      "Redis is moving or failing over, and did not answer in time: nothing was done");
        return;
    }
    dd_auto(dd_error) error = NULL;
    dd_fail(&error, DD_ERR_UNAVAILABLE, "Redis at %s did not answer in time", line->link->name);
    dd_store_reply_cb *callback = c->callback;
    void *callers = c->context;
    c->callback = NULL; /* what is owed for it keeps the call until the line is dropped */
    /* What came before on this connection is owed too: it is stuck as a whole. */
    lose(line, error);
    callback(NULL, error, callers);
}

/* ---- Replies ---- */

static bool same_node(const dd_redis_node *a, const dd_redis_node *b)
{
    return a->port == b->port && dd_str_eq(a->host, b->host);
}

/* Give up the line for the one where `hop` is, or where one that serves is found. */
static void move(dd_line *line, const dd_redis_node *hop)
{
    dd_store_async *store = line->store;
    if (line != store->line)
        return; /* another call's answer has done it already */
    retire(line);
    store->moving = true;
    dial(store, hop);
}

static bool look_elsewhere(dd_line *line)
{
    dd_store_async *store = line->store;
    int64_t now_ms = dd_monotonic_ms();
    if (line == store->line) {
        if (store->looked_elsewhere_ms && now_ms - store->looked_elsewhere_ms < DD_ELSEWHERE_EVERY_MS)
            return false;
        store->looked_elsewhere_ms = now_ms;
    }
    move(line, NULL);
    return true;
}

static void dial_asking(dd_store_async *store, const dd_redis_node *node)
{
    if (store->asking && same_node(&store->asking->hop, node))
        return;
    dd_line *old = store->asking;
    if (old) {
        retire(old);
        free_when_done(old);
    }
    store->asking = dd_line_new(store, store->base, store->config, &store->known, node, true);
}

static void try_again(dd_call *c)
{
    struct timeval wait = timeval_of(DD_TRYAGAIN_MS);
    c->again = true;
    c->asking = false;
    c->state = DD_CALL_PARKED;
    if (!evtimer_pending(c->store->again, NULL))
        evtimer_add(c->store->again, &wait);
}

/* True when the call is on its way again: the reply says that nothing was done. */
static bool redirect(dd_line *line, dd_call *c, const redisReply *reply)
{
    dd_store_async *store = line->store;
    bool in_cluster = store->config->address.form == DD_REDIS_CLUSTER, going = false;
    dd_redis_node node = {0};
    dd_reply_kind kind = dd_reply_kind_of(reply, &node);
    if (kind == DD_REPLY_ANSWER)
        return false;
    if (kind == DD_REPLY_NOSCRIPT) {
        if (c->loaded)
            return false;
        c->loaded = true;
        dd_line_send_load(line, c);
        dd_line_send(line, c);
        return true;
    }
    if (kind != DD_REPLY_TRYAGAIN && c->redirects++ >= DD_REDIRECTS_MAX) {
        free(node.host);
        return false;
    }
    if (kind == DD_REPLY_MOVED && in_cluster) {
        dd_link_complete_node(line->link, &node);
        move(line, &node);
        going = true;
    } else if (kind == DD_REPLY_ASK && in_cluster && !c->asking) {
        dd_link_complete_node(line->link, &node);
        dial_asking(store, &node);
        going = true;
    } else if (kind == DD_REPLY_TRYAGAIN) {
        try_again(c);
        free(node.host);
        return true;
    } else if (kind == DD_REPLY_ELSEWHERE) {
        going = look_elsewhere(line);
    }
    free(node.host);
    if (!going)
        return false;
    c->asking = kind == DD_REPLY_ASK;
    send_or_park(c);
    /* The dial may have failed meanwhile. */
    if (c->state == DD_CALL_PARKED && !c->timed && !store->line && !c->asking)
        return false;
    return true;
}

/* Takes the reply. */
static void take_reply(dd_line *line, dd_call *c, redisReply *reply)
{
    dd_auto(dd_error) error = NULL;
    if (redirect(line, c, reply)) {
        freeReplyObject(reply);
        return;
    }
    if (dd_reply_error(reply, &error) == 0 && c->wait) {
        c->reply = reply;
        c->state = DD_CALL_HELD;
        line->held++;
        return;
    }
    if (error && c->failure && dd_reply_kind_of(reply, NULL) == DD_REPLY_NOSCRIPT)
        answer(c, NULL, c->failure);
    else if (error && dd_error_is_of_redis(error))
        answer(c, NULL, error);
    else
        answer(c, reply, NULL);
    freeReplyObject(reply);
}

/* What was sent before this WAIT is with the replicas, or it is not known to be. */
static void take_waited(dd_line *line, const redisReply *reply)
{
    dd_store_async *store = line->store;
    dd_auto(dd_error) error = NULL;
    dd_replicas_reply(reply, store->config, &error);
    line->waits_done++;
    for (dd_call *following, *c = store->calls; c; c = following) {
        following = c->next;
        if (c->state == DD_CALL_HELD && c->line == line && c->wait <= line->waits_done) {
            line->held--;
            answer(c, error ? NULL : c->reply, error);
        }
    }
    if (line->wait_wanted)
        event_active(line->flush, EV_TIMEOUT, 0);
}

/* Published messages come unasked, and what answers SUBSCRIBE is owed to no call. */
static bool take_message(const dd_store_async *store, const redisReply *reply)
{
    if (!store->channel || reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
        reply->element[0]->type != REDIS_REPLY_STRING)
        return false;
    bool message = strcmp(reply->element[0]->str, "message") == 0;
    if (message && reply->element[2]->type == REDIS_REPLY_STRING && store->on_message)
        store->on_message(reply->element[2]->str, store->on_message_context);
    return message || strcmp(reply->element[0]->str, "subscribe") == 0;
}

/* Takes the reply. */
static int take(dd_line *line, redisReply *reply, dd_error **err)
{
    dd_owed owed;
    int result = 0;
    if (take_message(line->store, reply)) {
        freeReplyObject(reply);
        return 0;
    }
    if (!dd_line_pop(line, &owed)) {
        /* Redis says why it is about to close. */
        if (dd_reply_error(reply, err) == 0)
            dd_fail(err, DD_ERR_UNAVAILABLE, "Redis at %s: an answer to nothing that was asked",
                    line->link->name);
        result = -1;
    } else if (owed.kind == DD_OWED_REPLY) {
        take_reply(line, owed.call, reply);
        return 0;
    } else if (owed.kind == DD_OWED_WAITED) {
        take_waited(line, reply);
    } else if (owed.kind == DD_OWED_LOADED) {
        dd_reply_error(reply, &owed.call->failure);
    }
    freeReplyObject(reply);
    return result;
}

/* ---- A line's events ---- */

void dd_line_on_readable(evutil_socket_t fd, short events, void *context)
{
    dd_line *line = context;
    dd_auto(dd_error) why = NULL;
    dd_auto(dd_error) end = NULL;
    redisReply *reply = NULL;
    int got;
    (void)fd;
    (void)events;
    dd_io outcome = dd_link_fill(line->link, &end);
    while ((got = dd_link_next(line->link, &reply, &why)) == 1 && take(line, reply, &why) == 0)
        ;
    if (got != 0 || outcome == DD_IO_LOST) {
        lose(line, why ? why : end);
        return;
    }
    if (outcome == DD_IO_WANT_WRITE)
        event_add(line->writable, NULL);
    else if (line->link->out.length > 0)
        event_active(line->flush, EV_TIMEOUT, 0); /* OpenSSL may have waited for this to write */
    free_when_done(line);
}

void dd_line_on_flush(evutil_socket_t fd, short events, void *context)
{
    dd_line *line = context;
    dd_auto(dd_error) why = NULL;
    (void)fd;
    (void)events;
    if (dd_line_flush(line, &why) == DD_IO_LOST)
        lose(line, why);
}

static void subscribe(dd_store_async *store)
{
    if (!store->channel || !dd_line_is_open(store->line))
        return;
    dd_auto(dd_command) command = dd_command_new("SUBSCRIBE");
    dd_command_arg(command, store->channel);
    dd_link_queue(store->line->link, command);
    event_active(store->line->flush, EV_TIMEOUT, 0);
}

/* ---- Dialling ---- */

static void begin_service(dd_store_async *store)
{
    store->moving = false;
    store->backoff = (dd_backoff){0};
    dd_outage_end(&store->outage, store->config);
    subscribe(store);
    send_parked(store, false, false);
    if (store->when_ready)
        event_active(store->when_ready, EV_TIMEOUT, 0);
}

static void fail_dial(dd_line *line, const dd_error *why)
{
    dd_store_async *store = line->store;
    bool for_asking = line->for_asking;
    take_out(line);
    dd_line_free(line);
    if (!for_asking) {
        store->moving = false;
        dd_outage_begin(&store->outage, why);
        schedule_reconnect(store, why);
    }
    refuse_parked(store, for_asking, why);
}

void dd_line_on_dialed(evutil_socket_t fd, short events, void *context)
{
    dd_line *line = context;
    dd_store_async *store = line->store;
    dd_auto(dd_error) why = NULL;
    dd_link *link = NULL;
    (void)fd;
    (void)events;
    int result = dd_dialer_take(line->dialer, &store->known, &link, &why);
    dd_dialer_free(dd_take(line->dialer));
    if (result < 0) {
        fail_dial(line, why);
        return;
    }
    dd_line_open(line, store->base, link);
    if (line->for_asking)
        send_parked(store, true, false);
    else
        begin_service(store);
}

static void dial(dd_store_async *store, const dd_redis_node *hop)
{
    evtimer_del(store->reconnect);
    store->line = dd_line_new(store, store->base, store->config, &store->known, hop, false);
}

static void on_reconnect(evutil_socket_t fd, short events, void *context)
{
    dd_store_async *store = context;
    (void)fd;
    (void)events;
    if (!store->line)
        dial(store, NULL);
}

static void on_again(evutil_socket_t fd, short events, void *context)
{
    (void)fd;
    (void)events;
    send_parked(context, false, true);
}

/* ---- The door ---- */

static void answer_deferred(evutil_socket_t fd, short events, void *context)
{
    dd_store_async *store = context;
    (void)fd;
    (void)events;
    /* Only what is there now: an answer's callback may ask again. */
    for (dd_call *following, *c = store->calls; c; c = following) {
        following = c->next;
        if (c->state != DD_CALL_REFUSED)
            continue;
        if (c->failure)
            answer(c, NULL, c->failure);
        else
            answer_failed(c, DD_ERR_UNAVAILABLE,
                          store->call_count > CALLS_MAX ? "too many calls to Redis are under way"
                                                        : "Redis is away");
    }
}

void dd_store_async_call(dd_store_async *store, dd_command *command, bool blocking,
                         dd_store_reply_cb *callback, void *context)
{
    dd_call *c = dd_new(dd_call);
    *c = (dd_call){.store = store,
                   .command = command,
                   .callback = callback,
                   .context = context,
                   .next = store->calls,
                   .wait = store->config->replicas > 0 && dd_command_is_replicated(command)};
    if (store->calls)
        store->calls->previous = c;
    store->calls = c;
    store->call_count++;
    dd_command_finish(command);
    if (store->call_count > CALLS_MAX || !(dd_line_is_open(store->line) || store->moving)) {
        event_active(store->deferred, EV_TIMEOUT, 0);
        return;
    }
    send_or_park(c);
    if (!blocking) {
        struct timeval limit =
            timeval_of(store->config->timeout_ms + (c->wait ? store->config->replica_timeout_ms : 0));
        evtimer_assign(&c->timer, store->base, on_timeout, c);
        evtimer_add(&c->timer, &limit);
        c->timed = true;
    }
}

int dd_store_async_new(struct event_base *base, const dd_settings *settings, dd_store_async **ret,
                       dd_error **err)
{
    dd_auto(dd_store_async) store = dd_new(dd_store_async);
    store->base = base;
    store->reconnect = evtimer_new(base, on_reconnect, store);
    store->again = evtimer_new(base, on_again, store);
    store->deferred = event_new(base, -1, 0, answer_deferred, store);
    if (dd_redis_config_new(settings, &store->config, err) < 0)
        return -1;
    dd_redis_nodes_copy(&store->known, &store->config->address.nodes);
    dial(store, NULL);
    *ret = dd_take(store);
    return 0;
}

void dd_store_async_free(dd_store_async *store)
{
    if (!store)
        return;
    store->freeing = true;
    store->moving = false;
    if (store->line)
        drop(store->line);
    if (store->asking)
        drop(store->asking);
    while (store->retired)
        drop(store->retired);
    while (store->calls)           /* those never sent */
        answer_lost(store->calls); /* NOLINT(clang-analyzer-unix.Malloc): call_free takes it from the list */
    event_free(store->reconnect);
    event_free(store->again);
    event_free(store->deferred);
    if (store->when_ready)
        event_free(store->when_ready);
    dd_outage_forget(&store->outage);
    dd_redis_nodes_done(&store->known);
    dd_redis_config_unref(store->config);
    free(store->channel);
    free(store);
}

bool dd_store_async_ready(const dd_store_async *store)
{
    return dd_line_is_open(store->line);
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
    struct timeval limit = timeval_of(store->config->timeout_ms);
    dd_assert(!store->on_ready);
    store->on_ready = callback;
    store->on_ready_context = context;
    store->when_ready = event_new(store->base, -1, 0, tell_ready, store);
    event_add(store->when_ready, &limit);
    if (dd_store_async_ready(store))
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
