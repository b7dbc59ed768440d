/* The Redis store: keys, scripts, and the typed calls on them.
 *
 * One Lua script per state change (store/scripts/NAME.lua), loaded by hash. Every call below exists once as a
 * request (pure: arguments) and a reply reader (pure: typed answer), used by the blocking connection here and
 * by the asynchronous one on an event loop. Redis's clock alone counts. */
#ifndef DD_CONFIG_STORE_H
#define DD_CONFIG_STORE_H

#include "base/base.h"
#include "settings.h"
#include "words.h"

struct event_base;
struct redisReply;

/* ---- Commands: an argument vector of bytes, and whether it is a script ---- */
typedef struct dd_command dd_command;
typedef enum dd_script {
    DD_SCRIPT_ACCEPT,     /* dedupe a delivery and append it to the events stream */
    DD_SCRIPT_CREATE_RUN, /* one run for one cause, into its pool's queue */
    DD_SCRIPT_CLAIM,      /* take the first waiting run of a pool under a new lease number */
    DD_SCRIPT_BEAT,       /* extend leases; says which are stale or asked to end */
    DD_SCRIPT_UPDATE,     /* move a run's state or write fields under its lease */
    DD_SCRIPT_LOG,        /* append log lines under the run's lease */
    DD_SCRIPT_FINISH,     /* final state, queue entry gone, image index updated */
    DD_SCRIPT_EXPIRE,     /* runs whose lease ran out: back into the queue, or Error */
    DD_SCRIPT_LEAVE,      /* a worker has ended */
    DD_SCRIPT_CANCEL,     /* end a waiting run, ask a running one to end */
    DD_SCRIPT_TASK_APPLY, /* store a task and its index entries */
    DD_SCRIPT_TASK_DELETE,
    DD_SCRIPT_SETTLE, /* an event is handled: acknowledge, keep its verdict, trim what is old */
    DD_SCRIPTS
} dd_script;
const char *dd_script_name(dd_script script);
const char *dd_script_source(dd_script script);
const char *dd_script_sha1(dd_script script);

dd_command *dd_command_new(const char *name);              /* plain command */
dd_command *dd_command_script(dd_script script);           /* EVALSHA; keys are passed as ARGV-free KEYS */
void dd_command_key(dd_command *command, const char *key); /* keys first (scripts count them) */
void dd_command_arg(dd_command *command, const char *text);
void dd_command_arg_bytes(dd_command *command, const void *data, size_t length);
void dd_command_arg_int(dd_command *command, int64_t number);
void dd_command_free(dd_command *command);
DD_DEFINE_FREEP(dd_command)

/* ---- Blocking connection: threads and verbs, never an event loop ---- */
typedef struct dd_store dd_store;
int dd_store_open(const dd_settings *settings, dd_store **ret, dd_error **err);
void dd_store_free(dd_store *store);
DD_DEFINE_FREEP(dd_store)
/* Run it, reconnecting when the connection was lost before anything was sent; after a failure no sooner than
 * the back-off says. What Redis refuses because another must be asked (MOVED, ASK, READONLY, LOADING…) is
 * taken there, within redis.timeout. UNAVAILABLE: Redis is away, loading, read-only, out of memory, or full
 * of clients, or the answer was lost, or too few replicas have it: it may have been done. DENIED: not for
 * this user. The reply is the caller's (freeReplyObject). */
int dd_store_call(dd_store *store, const dd_command *command, struct redisReply **ret, dd_error **err);
/* As dd_store_call with a read deadline of its own, for BLOCK commands (0: none). */
int dd_store_call_blocking(dd_store *store, const dd_command *command, int timeout_ms,
                           struct redisReply **ret, dd_error **err);
/* From another thread: make the call under way fail with CANCELED, and all later ones. */
void dd_store_interrupt(dd_store *store);
/* Key with the settings' prefix: printf-like; owned text. Parts must be validated names or ids. */
char *dd_store_key(const dd_store *store, const char *format, ...) DD_PRINTF(2, 3);
const char *dd_store_prefix(const dd_store *store);

/* ---- Asynchronous connection on an event loop ---- */
typedef struct dd_store_async dd_store_async;
/* `reply` NULL with `error` set when it failed; both are the store's, valid during the call only. */
typedef void dd_store_reply_cb(struct redisReply *reply, const dd_error *error, void *context);
/* Connects in the background, on a thread of its own, and reconnects with back-off (0.1 s doubling to 5 s,
 * with jitter). */
int dd_store_async_new(struct event_base *base, const dd_settings *settings, dd_store_async **ret,
                       dd_error **err);
/* Calls under way are answered CANCELED before it returns. Never from within an answer. */
void dd_store_async_free(dd_store_async *store);
DD_DEFINE_FREEP(dd_store_async)
bool dd_store_async_ready(const dd_store_async *store);
/* Call back once, from the loop, when the connection is ready, or when it is not within redis.timeout_ms: a
 * call then says why. One per connection. */
void dd_store_async_when_ready(dd_store_async *store, void (*callback)(int fd, short events, void *context),
                               void *context);
/* Takes the command. Always answers exactly once, never from within this call; UNAVAILABLE at once while
 * disconnected (but not while a failover is being followed) or when more than 10,000 calls are under way, and
 * after redis.timeout_ms (and redis.replica_timeout_ms, where replicas are waited for) without an answer
 * unless `blocking`. As dd_store_call otherwise. */
void dd_store_async_call(dd_store_async *store, dd_command *command, bool blocking,
                         dd_store_reply_cb *callback, void *context);
/* Subscribe to a channel; the callback gets each message's text, again after reconnects. One per connection.
 */
void dd_store_async_subscribe(dd_store_async *store, const char *channel,
                              void (*callback)(const char *message, void *context), void *context);

/* ---- Fields: the flat maps that hashes and streams are ---- */
typedef struct dd_fields dd_fields; /* ordered name → bytes */
dd_fields *dd_fields_new(void);
void dd_fields_free(dd_fields *fields);
DD_DEFINE_FREEP(dd_fields)
void dd_fields_set(dd_fields *fields, const char *name, const char *value); /* NULL value: left out */
void dd_fields_set_bytes(dd_fields *fields, const char *name, const void *data, size_t length);
void dd_fields_set_int(dd_fields *fields, const char *name, int64_t value);
const char *dd_fields_get(const dd_fields *fields, const char *name); /* NULL when absent */
const char *dd_fields_get_bytes(const dd_fields *fields, const char *name, size_t *ret_length);
int64_t dd_fields_get_int(const dd_fields *fields, const char *name, int64_t fallback);
size_t dd_fields_count(const dd_fields *fields);
const char *dd_fields_name_at(const dd_fields *fields, size_t index);
const char *dd_fields_value_at(const dd_fields *fields, size_t index);
/* From a reply that is a flat array of names and values (HGETALL, a stream entry). INTERNAL when it is none.
 */
int dd_fields_from_reply(const struct redisReply *reply, dd_fields **ret, dd_error **err);
void dd_command_args_fields(dd_command *command, const dd_fields *fields); /* name value name value … */

/* ---- Typed calls. `*_request` builds, `*_reply` reads. ---- */

/* A delivery as it came. It lies beside the stream, so that the matcher need not read it: in delivery:NAME,
 * once for all its events, until it is too old or queue.deliveries_max_bytes need its room. */
typedef struct dd_kept {
    const char *name; /* by dd_kept_name, of the delivery's first event */
    const dd_fields
        *fields; /* who sent it, when, its headers; NULL: another event brings them and the body */
    const char *body;
    size_t body_length;
} dd_kept;
/* "SENDER:ID", made fit for a key. Owned text. */
char *dd_kept_name(const char *sender, const char *id);

/* Store an event of a verified delivery: its fields go to the events stream, unless sender+id was seen
 * before. `kept` NULL: there is nothing beside it. */
dd_command *dd_accept_request(const char *prefix, const dd_settings *settings, const char *sender,
                              const char *id, const dd_fields *event, const dd_kept *kept);
typedef struct dd_accepted {
    char event[32]; /* stream id of the event, of the first one for a duplicate */
    bool duplicate;
} dd_accepted;
int dd_accept_reply(const struct redisReply *reply, dd_accepted *ret,
                    dd_error **err); /* LIMIT: stream full */

/* Create a run. `causes` are 1 to 4 texts; when any of them has made a run of this task already, that run's
 * id is returned and nothing changes. `fields` hold what the run is (task, commit, branch, trigger, …). */
dd_command *dd_create_run_request(const char *prefix, const dd_settings *settings, const char *task,
                                  const char *pool, const char *priority, const dd_strv *causes,
                                  const dd_fields *fields);
typedef struct dd_created {
    char run[32];
    bool existed;
} dd_created;
int dd_create_run_reply(const struct redisReply *reply, dd_created *ret, dd_error **err);

/* Priorities, first served first: "high" (a person), "normal" (a commit), "low" (a base image). */
extern const char *const dd_priorities[];
#define DD_PRIORITY_COUNT 3

/* Claim: *ret NULL when nothing waits, and then `cursor` says where a blocking XREAD must begin so that
 * nothing that came meanwhile is missed. */
typedef struct dd_claim {
    char run[32];
    int64_t lease;     /* the lease number: 1 for the first claim */
    dd_fields *fields; /* the run's hash */
} dd_claim;
void dd_claim_free(dd_claim *claim);
DD_DEFINE_FREEP(dd_claim)
typedef struct dd_queue_cursor {
    char after[DD_PRIORITY_COUNT][48];
} dd_queue_cursor;
dd_command *dd_claim_request(const char *prefix, const char *pool, const char *worker, int64_t lease_ms);
int dd_claim_reply(const struct redisReply *reply, dd_claim **ret, dd_queue_cursor *cursor, dd_error **err);
/* Wait for something new in the pool's queues: XREAD BLOCK from the cursor. */
dd_command *dd_queue_wait_request(const char *prefix, const char *pool, const dd_queue_cursor *cursor,
                                  int64_t block_ms);

/* Beat: extends the leases of `runs` (id and number each) and the worker's own hash. The reply names the runs
 * that are no longer this worker's, and those asked to end. */
typedef struct dd_lease {
    const char *run;
    int64_t number;
} dd_lease;
dd_command *dd_beat_request(const char *prefix, const char *worker, const dd_fields *worker_fields,
                            int64_t lease_ms, const dd_lease *leases, size_t count);
typedef struct dd_beat_result {
    dd_strv stale;
    dd_strv cancel;
} dd_beat_result;
int dd_beat_reply(const struct redisReply *reply, dd_beat_result *ret, dd_error **err);
void dd_beat_result_done(dd_beat_result *result);

/* Write fields, and move to `state` unless it is the state already, under the lease. STALE, or CONFLICT. */
dd_command *dd_update_request(const char *prefix, dd_lease lease, dd_run_state state,
                              const dd_fields *fields);
/* Append log lines (each a field set: step, stream, text, at_ms) under the lease. Batches have numbers, from
 * 1 on under each lease: one that was taken already changes nothing. */
dd_command *dd_log_request(const char *prefix, dd_lease lease, int64_t batch, const dd_fields *const *lines,
                           size_t count);
/* End the run under its lease; `fields` name its task. `bases` are "reference digest" pairs for the image
 * index of its task, at most DD_BASES_MAX; NULL leaves the index as it is (a run that did not succeed). The
 * same end under the same lease again is well and changes nothing. */
#define DD_BASES_MAX 100
typedef struct dd_base_use {
    char *reference; /* normalised, with tag */
    char *digest;
    bool runtime; /* false: build-time only */
} dd_base_use;
dd_command *dd_finish_request(const char *prefix, const dd_settings *settings, dd_lease lease,
                              dd_run_state state, const dd_fields *fields, const dd_base_use *bases,
                              size_t base_count, bool index);
/* The answer of update, log and finish: 0, or STALE / CONFLICT / NOT_FOUND. */
int dd_leased_reply(const struct redisReply *reply, dd_error **err);

/* A worker that ends takes leave: it is not listed any more. */
int dd_store_leave(dd_store *store, const char *pool, const char *worker, dd_error **err);

/* Expired leases: at most `limit` handled per call; workers that died are forgotten in the pool's queues.
 * Returns the run ids with what was done ("requeued ca1").
 */
dd_command *dd_expire_request(const char *prefix, const dd_settings *settings, int64_t limit);
int dd_expire_reply(const struct redisReply *reply, dd_strv *ret, dd_error **err);

/* Cancel: the reply's word is "canceled" (it waited), "asked" (it runs; its worker is told through the
 * channel prefix+"control" with "cancel RUN"), or "final". NOT_FOUND. */
dd_command *dd_cancel_request(const char *prefix, const dd_settings *settings, const char *run,
                              const char *who);
int dd_cancel_reply(const struct redisReply *reply, const char **ret_word, dd_error **err);

dd_command *dd_task_apply_request(const char *prefix, const char *name, const char *repository_key,
                                  const char *yaml, const dd_fields *fields);
dd_command *dd_task_delete_request(const char *prefix, const char *name);

/* An event is handled: acknowledged, its verdict kept in event:ID for queue.events_keep_s, old entries
 * trimmed (never one that is not acknowledged). */
dd_command *dd_settle_request(const char *prefix, const dd_settings *settings, const char *event,
                              const dd_fields *verdict);

/* Make the groups and check the schema's version; every process does it at start. CONFLICT with a sentence
 * what to do when Redis holds another version. */
int dd_store_prepare(dd_store *store, const dd_settings *settings, dd_error **err);
/* Which drydock this is, among those that share a host or an engine: random, made with the store. *ret is
 * owned. */
int dd_store_instance(dd_store *store, char **ret, dd_error **err);

/* Blocking conveniences: request, call, read. */
int dd_store_get_run(dd_store *store, const char *run, dd_fields **ret, dd_error **err);   /* NOT_FOUND */
int dd_store_get_task(dd_store *store, const char *name, dd_fields **ret, dd_error **err); /* NOT_FOUND */

#endif
