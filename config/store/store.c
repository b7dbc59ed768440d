/* The blocking connection: for threads and verbs, never for an event loop. */
#include "store_private.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

struct dd_store {
    dd_redis_address address;
    char *prefix;
    int64_t timeout_ms;
    int64_t read_ms;       /* the call's under way, which a wait lengthens; 0: none */
    redisContext *context; /* NULL while not connected */
    pthread_mutex_t lock;  /* of `context` against dd_store_interrupt */
    atomic_bool interrupted;
};

static struct timeval timeval_of(int64_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

static void disconnect(dd_store *store)
{
    pthread_mutex_lock(&store->lock);
    redisContext *context = store->context;
    store->context = NULL;
    pthread_mutex_unlock(&store->lock);
    if (context)
        redisFree(context);
}

static int fail_connection(const dd_store *store, const redisContext *context, dd_error **err)
{
    if (atomic_load(&store->interrupted))
        return dd_fail(err, DD_ERR_CANCELED, "interrupted");
    return dd_fail(err, DD_ERR_UNAVAILABLE, "Redis at %s: %s",
                   store->address.path ? store->address.path : store->address.host,
                   context && context->errstr[0] ? context->errstr : "no connection");
}

static int send_and_read(dd_store *store, const dd_command *command, redisReply **ret, dd_error **err)
{
    *ret = redisCommandArgv(store->context, (int)command->count, dd_command_argv(command), command->lengths);
    return *ret ? 0 : fail_connection(store, store->context, err);
}

static int greet(dd_store *store, dd_error **err)
{
    dd_command *greeting[2];
    size_t count = dd_redis_greeting(&store->address, greeting);
    int result = 0;
    for (size_t i = 0; i < count; i++) {
        redisReply *reply = NULL;
        if (result == 0)
            result = send_and_read(store, greeting[i], &reply, err);
        if (result == 0)
            result = dd_reply_error(reply, err);
        if (reply)
            freeReplyObject(reply);
        dd_command_free(greeting[i]);
    }
    return result;
}

static int connect_now(dd_store *store, dd_error **err)
{
    struct timeval timeout = timeval_of(store->timeout_ms);
    redisContext *context = store->address.path
                                ? redisConnectUnixWithTimeout(store->address.path, timeout)
                                : redisConnectWithTimeout(store->address.host, store->address.port, timeout);
    if (!context || context->err) {
        fail_connection(store, context, err);
        if (context)
            redisFree(context);
        return -1;
    }
    pthread_mutex_lock(&store->lock);
    store->context = context;
    if (atomic_load(&store->interrupted)) /* it came while we connected, and found nothing to shut down */
        shutdown(context->fd, SHUT_RDWR);
    pthread_mutex_unlock(&store->lock);
    redisSetTimeout(context, timeout);
    if (greet(store, err) < 0) {
        disconnect(store);
        return -1;
    }
    redisSetTimeout(context, timeval_of(store->read_ms));
    return 0;
}

int dd_store_open(const dd_settings *settings, dd_store **ret, dd_error **err)
{
    dd_auto(dd_store) store = dd_new(dd_store);
    pthread_mutex_init(&store->lock, NULL);
    store->prefix = dd_strdup(settings->redis.prefix);
    store->timeout_ms = store->read_ms = settings->redis.timeout_ms;
    if (dd_redis_address_parse(settings->redis.url, &store->address, err) < 0 || connect_now(store, err) < 0)
        return -1;
    *ret = dd_take(store);
    return 0;
}

void dd_store_free(dd_store *store)
{
    if (!store)
        return;
    disconnect(store);
    dd_redis_address_done(&store->address);
    pthread_mutex_destroy(&store->lock);
    free(store->prefix);
    free(store);
}

/* Between calls Redis owes us nothing: an end or a byte that is there to be read says that the connection is
 * over. Redis was started again, or found us idle. */
static bool is_over(const redisContext *context)
{
    char byte;
    return recv(context->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR);
}

/* One round trip, connecting first when needed. A command is never sent twice: an answer that was lost does
 * not say that nothing was done. */
static int round_trip(dd_store *store, const dd_command *command, redisReply **ret, dd_error **err)
{
    if (atomic_load(&store->interrupted))
        return dd_fail(err, DD_ERR_CANCELED, "interrupted");
    if (store->context && is_over(store->context))
        disconnect(store);
    if (!store->context && connect_now(store, err) < 0)
        return -1;
    if (send_and_read(store, command, ret, err) == 0)
        return 0;
    disconnect(store);
    return -1;
}

static int load_script(dd_store *store, const dd_command *command, dd_error **err)
{
    dd_auto(dd_command) load = dd_command_load(command);
    redisReply *reply = NULL;
    if (round_trip(store, load, &reply, err) < 0)
        return -1;
    int result = dd_reply_error(reply, err);
    freeReplyObject(reply);
    return result;
}

int dd_store_call(dd_store *store, const dd_command *command, struct redisReply **ret, dd_error **err)
{
    redisReply *reply = NULL;
    /* Counting the keys changes only the command's own text, not what the caller sees of it. */
    dd_command_finish((dd_command *)(uintptr_t)command);
    if (round_trip(store, command, &reply, err) < 0)
        return -1;
    if (dd_reply_is_noscript(reply)) {
        freeReplyObject(reply);
        reply = NULL;
        if (load_script(store, command, err) < 0 || round_trip(store, command, &reply, err) < 0)
            return dd_context(err, "script %s", dd_script_name(command->script));
    }
    /* A failover or a full memory is for the caller to wait out, like a lost connection. */
    if (reply->type == REDIS_REPLY_ERROR) {
        dd_error *meaning = NULL;
        dd_reply_error(reply, &meaning);
        bool away = meaning->code == DD_ERR_UNAVAILABLE || meaning->code == DD_ERR_DENIED;
        if (away) {
            freeReplyObject(reply);
            if (err) {
                dd_error_free(*err);
                *err = meaning;
            } else {
                dd_error_free(meaning);
            }
            return -1;
        }
        dd_error_free(meaning);
    }
    *ret = reply;
    return 0;
}

int dd_store_call_blocking(dd_store *store, const dd_command *command, int timeout_ms,
                           struct redisReply **ret, dd_error **err)
{
    store->read_ms = timeout_ms; /* also of a connection that is made on the way */
    if (store->context)
        redisSetTimeout(store->context, timeval_of(timeout_ms));
    int result = dd_store_call(store, command, ret, err);
    store->read_ms = store->timeout_ms;
    if (store->context)
        redisSetTimeout(store->context, timeval_of(store->timeout_ms));
    return result;
}

void dd_store_interrupt(dd_store *store)
{
    atomic_store(&store->interrupted, true);
    pthread_mutex_lock(&store->lock);
    if (store->context)
        shutdown(store->context->fd, SHUT_RDWR);
    pthread_mutex_unlock(&store->lock);
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
