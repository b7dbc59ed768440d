/* The blocking connection: for threads and verbs, never for an event loop. */
#include "dial.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <errno.h>

struct dd_store {
    dd_redis_config *config;
    dd_redis_nodes known; /* sentinels, or nodes of the cluster, the best first */
    char *prefix;
    dd_link *link;   /* NULL while not connected */
    dd_link *asking; /* to the node to which our slot moves; NULL: none */
    dd_redis_node asked;
    int64_t read_ms; /* the call's under way, which a wait lengthens; 0: no limit */
    dd_backoff backoff;
    int64_t next_try_ms; /* no attempt to connect before */
    int64_t looked_elsewhere_ms;
    dd_error *away; /* why the last attempt failed; NULL: it did not */
    dd_outage outage;
    int cancel_fd; /* readable once interrupted, for good */
    atomic_bool interrupted;
};

static void disconnect(dd_store *store)
{
    dd_link_free(dd_take(store->link));
}

static void drop_asking(dd_store *store)
{
    dd_link_free(dd_take(store->asking));
    free(dd_take(store->asked.host));
}

/* ---- Connecting ---- */

static int repeat_failure(const dd_store *store, dd_error **err)
{
    dd_fail(err, store->away->code, "%s", store->away->message);
    return store->away->hint ? dd_hint(err, "%s", store->away->hint) : -1;
}

static void note_failure(dd_store *store, const dd_error *why)
{
    if (why->code == DD_ERR_CANCELED)
        return;
    dd_error_freep(&store->away);
    dd_fail(&store->away, why->code, "%s", why->message);
    if (why->hint)
        dd_hint(&store->away, "%s", why->hint);
    store->next_try_ms = dd_monotonic_ms() + dd_backoff_ms(&store->backoff, why);
    dd_outage_begin(&store->outage, why);
}

static int dial(dd_store *store, const dd_redis_node *hop, dd_error **err)
{
    dd_dial to = {.config = store->config, .hop = hop};
    if (dd_redis_dial(&to, &store->known, store->cancel_fd, &store->link, err) < 0)
        return -1;
    store->backoff = (dd_backoff){0};
    store->next_try_ms = 0;
    dd_error_freep(&store->away);
    dd_outage_end(&store->outage, store->config);
    return 0;
}

/* After a failure the next attempt waits for its time, within the call's own: whoever calls in a loop turns
 * slowly. */
static int connect_now(dd_store *store, const dd_redis_node *hop, dd_error **err)
{
    dd_error *why = NULL;
    dd_patience patience = dd_patience_of(store->config->timeout_ms, store->cancel_fd);
    if (store->away && store->next_try_ms > dd_monotonic_ms()) {
        bool later = store->next_try_ms > patience.until_ms;
        if (!later)
            patience.until_ms = store->next_try_ms;
        if (dd_await(-1, 0, &patience, err) < 0)
            return -1;
        if (later)
            return repeat_failure(store, err);
    }
    if (dial(store, hop, &why) == 0)
        return 0;
    note_failure(store, why);
    if (err) {
        dd_error_free(*err);
        *err = dd_take(why);
    }
    dd_error_free(why);
    return -1;
}

int dd_store_open(const dd_settings *settings, dd_store **ret, dd_error **err)
{
    dd_auto(dd_store) store = dd_new(dd_store);
    store->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (store->cancel_fd < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "eventfd");
    store->prefix = dd_strdup(settings->redis.prefix);
    if (dd_redis_config_new(settings, &store->config, err) < 0)
        return -1;
    store->read_ms = store->config->timeout_ms;
    dd_redis_nodes_copy(&store->known, &store->config->address.nodes);
    if (dial(store, NULL, err) < 0) /* its caller says so: no outage of its own */
        return -1;
    *ret = dd_take(store);
    return 0;
}

void dd_store_free(dd_store *store)
{
    if (!store)
        return;
    disconnect(store);
    drop_asking(store);
    dd_outage_forget(&store->outage);
    dd_error_free(store->away);
    dd_redis_nodes_done(&store->known);
    dd_redis_config_unref(store->config);
    if (store->cancel_fd >= 0)
        close(store->cancel_fd);
    free(store->prefix);
    free(store);
}

/* ---- Calls ---- */

/* Between calls Redis owes us nothing: an end or a byte that is there to be read says that the connection is
 * over. Redis was started again, or found us idle. */
static bool is_over(dd_link *link)
{
    return dd_link_fill(link, NULL) != DD_IO_WANT_READ;
}

/* One round trip on a connection that is there. A command is never sent twice: an answer that was lost does
 * not say that nothing was done. */
static int exchange(dd_store *store, dd_link **link, const dd_command *command, redisReply **ret,
                    dd_error **err)
{
    dd_patience patience = dd_patience_of(store->read_ms, store->cancel_fd);
    if (dd_link_call(*link, command, &patience, ret, err) == 0)
        return 0;
    dd_link_free(dd_take(*link));
    return -1;
}

static int load_script(dd_store *store, dd_link **link, const dd_command *command, dd_error **err)
{
    dd_auto(dd_command) load = dd_command_load(command);
    redisReply *reply = NULL;
    if (exchange(store, link, load, &reply, err) < 0)
        return -1;
    int result = dd_reply_error(reply, err);
    freeReplyObject(reply);
    return result < 0 ? dd_context(err, "script %s", dd_script_name(command->script)) : 0;
}

/* A command on its way to where it is executed. */
typedef struct errand {
    const dd_command *command;
    int redirects;
    bool loaded;
    dd_patience patience; /* for all the attempts */
    dd_redis_node node;   /* where the last answer sent it; its host is owned */
    bool asking;          /* there, behind ASKING */
} errand;

/* Connecting first when needed, to the node that is named if one is. What was sent away from one Redis has
 * time to find another: a failover takes a while. */
static int round_trip(dd_store *store, const errand *e, redisReply **ret, dd_error **err)
{
    if (store->link && is_over(store->link))
        disconnect(store);
    while (!store->link) {
        dd_error *why = NULL;
        if (connect_now(store, e->node.host ? &e->node : NULL, &why) < 0 &&
            (e->redirects == 0 || why->code != DD_ERR_UNAVAILABLE ||
             dd_monotonic_ms() >= e->patience.until_ms)) {
            (void)dd_fail(err, why->code, "%s", why->message);
            if (why->hint)
                (void)dd_hint(err, "%s", why->hint);
            dd_error_free(why);
            return -1;
        }
        dd_error_free(why);
    }
    return exchange(store, &store->link, e->command, ret, err);
}

static int send_asking(dd_store *store, dd_error **err)
{
    dd_auto(dd_command) asking = dd_command_new("ASKING");
    redisReply *reply = NULL;
    if (exchange(store, &store->asking, asking, &reply, err) < 0)
        return -1;
    freeReplyObject(reply);
    return 0;
}

static int ask_elsewhere(dd_store *store, const errand *e, redisReply **ret, dd_error **err)
{
    if (store->asking && (store->asked.port != e->node.port || !dd_str_eq(store->asked.host, e->node.host) ||
                          is_over(store->asking)))
        drop_asking(store);
    if (!store->asking) {
        dd_dial to = {.config = store->config, .hop = &e->node, .only_hop = true};
        drop_asking(store);
        if (dd_redis_dial(&to, &store->known, store->cancel_fd, &store->asking, err) < 0)
            return -1;
        store->asked = (dd_redis_node){.host = dd_strdup(e->node.host), .port = e->node.port};
    }
    if (send_asking(store, err) < 0)
        return -1;
    return exchange(store, &store->asking, e->command, ret, err);
}

/* After READONLY and its like: find the Redis that is the right one now, unless that was tried just before.
 */
static bool look_elsewhere(dd_store *store)
{
    int64_t now_ms = dd_monotonic_ms();
    if (store->looked_elsewhere_ms && now_ms - store->looked_elsewhere_ms < DD_ELSEWHERE_EVERY_MS)
        return false;
    store->looked_elsewhere_ms = now_ms;
    disconnect(store);
    return true;
}

static bool may_go_on(errand *e)
{
    return e->redirects++ < DD_REDIRECTS_MAX;
}

/* 1: send it again; 0: that is the answer. The reply is an error that says that nothing was done. */
static int redirect(dd_store *store, errand *e, const redisReply *reply, dd_error **err)
{
    bool in_cluster = store->config->address.form == DD_REDIS_CLUSTER, was_asking = e->asking;
    free(dd_take(e->node.host));
    dd_reply_kind kind = dd_reply_kind_of(reply, &e->node);
    e->asking = false;
    switch (kind) {
    case DD_REPLY_ANSWER:
        return 0;
    case DD_REPLY_NOSCRIPT:
        if (e->loaded)
            return 0;
        e->loaded = true;
        e->asking = was_asking;
        return load_script(store, was_asking ? &store->asking : &store->link, e->command, err) < 0 ? -1 : 1;
    case DD_REPLY_MOVED:
        if (!in_cluster || !may_go_on(e))
            return 0;
        dd_link_complete_node(was_asking ? store->asking : store->link, &e->node);
        disconnect(store);
        return 1;
    case DD_REPLY_ASK:
        if (!in_cluster || !may_go_on(e))
            return 0;
        dd_link_complete_node(was_asking ? store->asking : store->link, &e->node);
        e->asking = true;
        return 1;
    case DD_REPLY_TRYAGAIN: {
        dd_patience pause = dd_patience_of(DD_TRYAGAIN_MS, store->cancel_fd);
        if (pause.until_ms > e->patience.until_ms)
            return 0;
        return dd_await(-1, 0, &pause, err) < 0 ? -1 : 1;
    }
    case DD_REPLY_ELSEWHERE:
        return look_elsewhere(store) && may_go_on(e);
    }
    dd_assert_failed("a kind of reply is handled", __FILE__, __LINE__, __func__);
}

static int run_errand(dd_store *store, errand *e, redisReply **ret, dd_error **err)
{
    for (;;) {
        redisReply *reply = NULL;
        if (atomic_load(&store->interrupted))
            return dd_fail(err, DD_ERR_CANCELED, "interrupted");
        if ((e->asking ? ask_elsewhere(store, e, &reply, err) : round_trip(store, e, &reply, err)) < 0)
            return -1;
        int again = redirect(store, e, reply, err);
        if (again == 0) {
            *ret = reply;
            return 0;
        }
        freeReplyObject(reply);
        if (again < 0)
            return -1;
    }
}

/* Until the replicas have what was done: WAIT counts those that have all of this connection's. */
static int await_replicas(dd_store *store, dd_link **link, dd_error **err)
{
    const dd_redis_config *config = store->config;
    dd_auto(dd_command) wait = dd_command_new("WAIT");
    redisReply *reply = NULL;
    dd_command_arg_int(wait, config->replicas);
    dd_command_arg_int(wait, config->replica_timeout_ms);
    dd_patience patience = dd_patience_of(config->timeout_ms + config->replica_timeout_ms, store->cancel_fd);
    if (dd_link_call(*link, wait, &patience, &reply, err) < 0) {
        dd_link_free(dd_take(*link));
        return dd_context(err, "done, but waiting for replicas");
    }
    int result = dd_replicas_reply(reply, config, err);
    freeReplyObject(reply);
    return result;
}

int dd_store_call(dd_store *store, const dd_command *command, struct redisReply **ret, dd_error **err)
{
    errand e = {.command = command, .patience = dd_patience_of(store->config->timeout_ms, store->cancel_fd)};
    dd_error *meaning = NULL;
    redisReply *reply = NULL;
    /* Counting the keys changes only the command's own text, not what the caller sees of it. */
    dd_command_finish((dd_command *)(uintptr_t)command);
    int result = run_errand(store, &e, &reply, err);
    free(e.node.host);
    if (result < 0)
        return -1;
    /* A failover or a full memory is for the caller to wait out, like a lost connection. */
    if (dd_reply_error(reply, &meaning) < 0 && dd_error_is_of_redis(meaning)) {
        result = dd_fail(err, meaning->code, "%s", meaning->message);
        if (meaning->hint)
            dd_hint(err, "%s", meaning->hint);
    } else if (!meaning && store->config->replicas > 0 && dd_command_is_replicated(command)) {
        result = await_replicas(store, e.asking ? &store->asking : &store->link, err);
    }
    dd_error_free(meaning);
    if (result < 0)
        freeReplyObject(reply);
    else
        *ret = reply;
    return result;
}

int dd_store_call_blocking(dd_store *store, const dd_command *command, int timeout_ms,
                           struct redisReply **ret, dd_error **err)
{
    store->read_ms = timeout_ms;
    int result = dd_store_call(store, command, ret, err);
    store->read_ms = store->config->timeout_ms;
    return result;
}

void dd_store_interrupt(dd_store *store)
{
    uint64_t one = 1;
    atomic_store(&store->interrupted, true);
    (void)!write(store->cancel_fd, &one, sizeof(one));
}

const char *dd_store_prefix(const dd_store *store)
{
    return store->prefix;
}

char *dd_store_key(const dd_store *store, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    dd_auto_str rest = dd_vsprintf(format, args);
    va_end(args);
    return dd_sprintf("%s%s", store->prefix, rest);
}

/* ---- Conveniences ---- */

static int get_hash(dd_store *store, const char *what, const char *name, dd_fields **ret, dd_error **err)
{
    dd_auto_str key = dd_store_key(store, "%s:%s", what, name);
    dd_auto(dd_command) command = dd_command_new("HGETALL");
    redisReply *reply = NULL;
    dd_command_key(command, key);
    if (dd_store_call(store, command, &reply, err) < 0)
        return -1;
    int result = dd_fields_from_reply(reply, ret, err);
    freeReplyObject(reply);
    if (result == 0 && dd_fields_count(*ret) == 0) {
        dd_fields_freep(ret);
        return dd_fail(err, DD_ERR_NOT_FOUND, "no %s '%s'", what, name);
    }
    return result;
}

int dd_store_get_run(dd_store *store, const char *run, dd_fields **ret, dd_error **err)
{
    return get_hash(store, "run", run, ret, err);
}

int dd_store_get_task(dd_store *store, const char *name, dd_fields **ret, dd_error **err)
{
    return get_hash(store, "task", name, ret, err);
}

#define SCHEMA "1"

static int check_schema(dd_store *store, dd_error **err)
{
    dd_auto_str key = dd_store_key(store, "schema");
    dd_auto(dd_command) set = dd_command_new("SET");
    redisReply *reply = NULL;
    dd_command_key(set, key);
    dd_command_arg(set, SCHEMA);
    dd_command_arg(set, "NX");
    dd_command_arg(set, "GET"); /* what was there before, nil when nothing */
    if (dd_store_call(store, set, &reply, err) < 0)
        return -1;
    int result = dd_reply_error(reply, err);
    if (result == 0 && reply->type == REDIS_REPLY_STRING && strcmp(reply->str, SCHEMA) != 0) {
        result = dd_fail(err, DD_ERR_CONFLICT, "Redis holds data of schema %s, this drydock writes schema %s",
                         reply->str, SCHEMA);
        dd_hint(err, "run the drydock of that version, or choose another redis.prefix");
    }
    freeReplyObject(reply);
    return result;
}

int dd_store_instance(dd_store *store, char **ret, dd_error **err)
{
    dd_auto_str key = dd_store_key(store, "instance");
    dd_auto_str made = dd_random_hex(4);
    dd_auto(dd_command) set = dd_command_new("SET");
    redisReply *reply = NULL;
    dd_command_key(set, key);
    dd_command_arg(set, made);
    dd_command_arg(set, "NX");
    dd_command_arg(set, "GET");
    if (dd_store_call(store, set, &reply, err) < 0)
        return -1;
    int result = dd_reply_error(reply, err);
    const char *instance = result == 0 && reply->type == REDIS_REPLY_STRING ? reply->str : made;
    if (result == 0 && !dd_name_is_valid(instance))
        result = dd_fail(err, DD_ERR_CONFLICT, "the key '%s' holds no name", key);
    if (result == 0)
        *ret = dd_strdup(instance);
    freeReplyObject(reply);
    return result;
}

int dd_store_prepare(dd_store *store, const dd_settings *settings, dd_error **err)
{
    (void)settings;
    if (check_schema(store, err) < 0)
        return -1;
    dd_auto_str events = dd_store_key(store, "events");
    dd_auto(dd_command) group = dd_command_new("XGROUP");
    redisReply *reply = NULL;
    dd_command_arg(group, "CREATE");
    dd_command_key(group, events);
    dd_command_arg(group, "matchers");
    dd_command_arg(group, "0");
    dd_command_arg(group, "MKSTREAM");
    if (dd_store_call(store, group, &reply, err) < 0)
        return -1;
    /* BUSYGROUP: it is there already. */
    int result = reply->type == REDIS_REPLY_ERROR && dd_str_starts(reply->str, "BUSYGROUP")
                     ? 0
                     : dd_reply_error(reply, err);
    freeReplyObject(reply);
    return result;
}
