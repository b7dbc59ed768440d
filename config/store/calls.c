/* The typed calls: what each script is given, and what its reply says. Keys: README's table. */
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

/* Handled deliveries kept at most, whatever their age. */
#define HANDLED_EVENTS_MAX 100000

const char *const dd_priorities[] = {"high", "normal", "low"};

static void key(dd_command *command, const char *prefix, const char *format, ...) DD_PRINTF(3, 4);
static void key(dd_command *command, const char *prefix, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    dd_auto_str rest = dd_vsprintf(format, args);
    va_end(args);
    dd_auto_str whole = dd_sprintf("%s%s", prefix, rest);
    dd_command_key(command, whole);
}

static int fail_form(dd_error **err, const char *script)
{
    return dd_fail(err, DD_ERR_INTERNAL, "Redis: the reply of script %s is of another form", script);
}

static bool is_text(const struct redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
}

/* An id that the store made (a run's, a stream's): a short text. */
static bool read_id(const struct redisReply *reply, char *ret, size_t size)
{
    if (!is_text(reply) || (size_t)reply->len >= size)
        return false;
    memcpy(ret, reply->str, (size_t)reply->len + 1);
    return true;
}

/* {id, 0 or 1} */
static int read_id_and_flag(const struct redisReply *reply, const char *script, char *ret_id, size_t size,
                            bool *ret_flag, dd_error **err)
{
    if (dd_reply_error(reply, err) < 0)
        return -1;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        !read_id(reply->element[0], ret_id, size) || reply->element[1]->type != REDIS_REPLY_INTEGER)
        return fail_form(err, script);
    *ret_flag = reply->element[1]->integer != 0;
    return 0;
}

/* ---- Deliveries ---- */

/* A sender's text as part of a key: as it is when it is plain and short, else its hash. */
static char *key_part(const char *text)
{
    size_t length = strlen(text);
    char hash[DD_SHA256_HEX];
    if (length > 0 && length <= 128 &&
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-") == length)
        return dd_strdup(text);
    dd_sha256_hex(text, length, hash);
    return dd_sprintf("sha256-%s", hash);
}

char *dd_kept_name(const char *sender, const char *id)
{
    dd_auto_str part = key_part(id);
    return dd_sprintf("%s:%s", sender, part);
}

/* The delivery's own fields; its body the last, from where it lies. */
static void kept_args(dd_command *command, const dd_kept *kept)
{
    dd_command_arg_int(command, kept->fields ? (int64_t)(2 * dd_fields_count(kept->fields) + 2) : 0);
    if (!kept->fields)
        return;
    dd_command_args_fields(command, kept->fields);
    dd_command_arg(command, "body");
    dd_command_arg_bytes(command, kept->body, kept->body_length);
}

dd_command *dd_accept_request(const char *prefix, const dd_settings *settings, const char *sender,
                              const char *id, const dd_fields *event, const dd_kept *kept)
{
    static const dd_kept nothing = {0};
    dd_command *command = dd_command_script(DD_SCRIPT_ACCEPT);
    dd_auto_str name = dd_kept_name(sender, id);
    key(command, prefix, "seen:%s", name);
    key(command, prefix, "events");
    key(command, prefix, "deliveries");
    key(command, prefix, "deliveries:bytes");
    dd_command_arg(command, prefix);
    dd_command_arg_int(command, settings->queue.dedupe_s * 1000);
    dd_command_arg_int(command, settings->queue.events_max);
    dd_command_arg_int(command, settings->queue.events_keep_s * 1000);
    dd_command_arg_int(command, settings->queue.deliveries_max_bytes);
    dd_command_arg(command, kept ? kept->name : "");
    kept_args(command, kept ? kept : &nothing);
    dd_command_args_fields(command, event);
    if (kept) {
        dd_command_arg(command, "kept");
        dd_command_arg(command, kept->name);
    }
    return command;
}

int dd_accept_reply(const struct redisReply *reply, dd_accepted *ret, dd_error **err)
{
    return read_id_and_flag(reply, "accept", ret->event, sizeof(ret->event), &ret->duplicate, err);
}

dd_command *dd_settle_request(const char *prefix, const dd_settings *settings, const char *event,
                              const dd_fields *verdict)
{
    dd_command *command = dd_command_script(DD_SCRIPT_SETTLE);
    key(command, prefix, "events");
    key(command, prefix, "event:%s", event);
    dd_command_arg(command, event);
    dd_command_arg_int(command, settings->queue.events_keep_s * 1000);
    dd_command_arg_int(command, HANDLED_EVENTS_MAX);
    dd_command_args_fields(command, verdict);
    return command;
}

/* ---- Runs ---- */

dd_command *dd_create_run_request(const char *prefix, const dd_settings *settings, const char *task,
                                  const char *pool, const char *priority, const dd_strv *causes,
                                  const dd_fields *fields)
{
    dd_command *command = dd_command_script(DD_SCRIPT_CREATE_RUN);
    dd_assert(causes->count >= 1 && causes->count <= 4);
    key(command, prefix, "run:next");
    key(command, prefix, "runs");
    key(command, prefix, "runs:%s", task);
    key(command, prefix, "queue:%s:%s", pool, priority);
    for (size_t i = 0; i < causes->count; i++) {
        char hash[DD_SHA256_HEX];
        dd_sha256_hex(causes->items[i], strlen(causes->items[i]), hash);
        key(command, prefix, "cause:%s:%s", task, hash);
    }
    dd_command_arg(command, prefix);
    dd_command_arg_int(command, settings->queue.dedupe_s * 1000);
    dd_command_arg(command, task);
    dd_command_arg(command, pool);
    dd_command_arg(command, priority);
    dd_command_args_fields(command, fields);
    return command;
}

int dd_create_run_reply(const struct redisReply *reply, dd_created *ret, dd_error **err)
{
    return read_id_and_flag(reply, "create_run", ret->run, sizeof(ret->run), &ret->existed, err);
}

static void queue_keys(dd_command *command, const char *prefix, const char *pool)
{
    for (size_t i = 0; i < DD_PRIORITY_COUNT; i++)
        key(command, prefix, "queue:%s:%s", pool, dd_priorities[i]);
}

dd_command *dd_claim_request(const char *prefix, const char *pool, const char *worker, int64_t lease_ms)
{
    dd_command *command = dd_command_script(DD_SCRIPT_CLAIM);
    key(command, prefix, "leases");
    queue_keys(command, prefix, pool);
    dd_command_arg(command, prefix);
    dd_command_arg(command, worker);
    dd_command_arg_int(command, lease_ms);
    return command;
}

void dd_claim_free(dd_claim *claim)
{
    if (!claim)
        return;
    dd_fields_free(claim->fields);
    free(claim);
}

int dd_claim_reply(const struct redisReply *reply, dd_claim **ret, dd_queue_cursor *cursor, dd_error **err)
{
    *ret = NULL;
    if (dd_reply_error(reply, err) < 0)
        return -1;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 1)
        return fail_form(err, "claim");
    if (reply->element[0]->type == REDIS_REPLY_NIL) {
        if (reply->elements != 1 + DD_PRIORITY_COUNT)
            return fail_form(err, "claim");
        for (size_t i = 0; i < DD_PRIORITY_COUNT; i++)
            if (!read_id(reply->element[i + 1], cursor->after[i], sizeof(cursor->after[i])))
                return fail_form(err, "claim");
        return 0;
    }
    dd_auto(dd_claim) claim = dd_new(dd_claim);
    if (reply->elements != 3 || !read_id(reply->element[0], claim->run, sizeof(claim->run)) ||
        reply->element[1]->type != REDIS_REPLY_INTEGER)
        return fail_form(err, "claim");
    claim->lease = reply->element[1]->integer;
    if (dd_fields_from_reply(reply->element[2], &claim->fields, err) < 0)
        return -1;
    *ret = dd_take(claim);
    return 0;
}

dd_command *dd_queue_wait_request(const char *prefix, const char *pool, const dd_queue_cursor *cursor,
                                  int64_t block_ms)
{
    dd_command *command = dd_command_new("XREAD");
    dd_command_arg(command, "COUNT");
    dd_command_arg(command, "1");
    dd_command_arg(command, "BLOCK");
    dd_command_arg_int(command, block_ms);
    dd_command_arg(command, "STREAMS");
    queue_keys(command, prefix, pool);
    for (size_t i = 0; i < DD_PRIORITY_COUNT; i++)
        dd_command_arg(command, cursor->after[i]);
    return command;
}

dd_command *dd_beat_request(const char *prefix, const char *worker, const dd_fields *worker_fields,
                            int64_t lease_ms, const dd_lease *leases, size_t count)
{
    dd_command *command = dd_command_script(DD_SCRIPT_BEAT);
    key(command, prefix, "worker:%s", worker);
    key(command, prefix, "workers");
    key(command, prefix, "leases");
    dd_command_arg(command, prefix);
    dd_command_arg(command, worker);
    dd_command_arg_int(command, lease_ms);
    dd_command_arg_int(command, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        dd_command_arg(command, leases[i].run);
        dd_command_arg_int(command, leases[i].number);
    }
    dd_command_args_fields(command, worker_fields);
    return command;
}

static bool read_texts(const struct redisReply *reply, dd_strv *ret)
{
    if (reply->type != REDIS_REPLY_ARRAY)
        return false;
    for (size_t i = 0; i < reply->elements; i++) {
        if (!is_text(reply->element[i]))
            return false;
        dd_strv_add(ret, reply->element[i]->str);
    }
    return true;
}

void dd_beat_result_done(dd_beat_result *result)
{
    dd_strv_done(&result->stale);
    dd_strv_done(&result->cancel);
}

int dd_beat_reply(const struct redisReply *reply, dd_beat_result *ret, dd_error **err)
{
    *ret = (dd_beat_result){0};
    if (dd_reply_error(reply, err) < 0)
        return -1;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        read_texts(reply->element[0], &ret->stale) && read_texts(reply->element[1], &ret->cancel))
        return 0;
    dd_beat_result_done(ret);
    return fail_form(err, "beat");
}

dd_command *dd_update_request(const char *prefix, dd_lease lease, dd_run_state state, const dd_fields *fields)
{
    dd_command *command = dd_command_script(DD_SCRIPT_UPDATE);
    key(command, prefix, "run:%s", lease.run);
    dd_command_arg_int(command, lease.number);
    dd_command_arg(command, dd_run_state_name(state));
    dd_command_args_fields(command, fields);
    return command;
}

dd_command *dd_log_request(const char *prefix, dd_lease lease, int64_t batch, const dd_fields *const *lines,
                           size_t count)
{
    dd_command *command = dd_command_script(DD_SCRIPT_LOG);
    key(command, prefix, "run:%s", lease.run);
    key(command, prefix, "run:%s:log", lease.run);
    dd_command_arg_int(command, lease.number);
    dd_command_arg_int(command, batch);
    for (size_t i = 0; i < count; i++) {
        dd_command_arg_int(command, (int64_t)(2 * dd_fields_count(lines[i])));
        dd_command_args_fields(command, lines[i]);
    }
    return command;
}

dd_command *dd_finish_request(const char *prefix, const dd_settings *settings, dd_lease lease,
                              dd_run_state state, const dd_fields *fields, const dd_base_use *bases,
                              size_t base_count, bool index)
{
    dd_command *command = dd_command_script(DD_SCRIPT_FINISH);
    const char *task = fields ? dd_fields_get(fields, "task") : NULL;
    key(command, prefix, "run:%s", lease.run);
    key(command, prefix, "run:%s:log", lease.run);
    key(command, prefix, "leases");
    key(command, prefix, "runs");
    key(command, prefix, "task:%s", task ? task : "");
    key(command, prefix, "task:%s:bases", task ? task : "");
    key(command, prefix, "runs:%s", task ? task : "");
    dd_assert(base_count <= DD_BASES_MAX);
    dd_command_arg(command, prefix);
    dd_command_arg(command, lease.run);
    dd_command_arg_int(command, lease.number);
    dd_command_arg(command, dd_run_state_name(state));
    dd_command_arg_int(command, settings->queue.runs_keep_s * 1000);
    dd_command_arg(command, index && task ? "1" : "0");
    dd_command_arg_int(command, (int64_t)base_count);
    for (size_t i = 0; i < base_count; i++) {
        dd_command_arg(command, bases[i].reference);
        dd_command_arg(command, bases[i].digest);
        dd_command_arg(command, bases[i].runtime ? "runtime" : "buildtime");
    }
    dd_command_args_fields(command, fields);
    return command;
}

int dd_leased_reply(const struct redisReply *reply, dd_error **err)
{
    return dd_reply_error(reply, err);
}

int dd_store_leave(dd_store *store, const char *pool, const char *worker, dd_error **err)
{
    dd_auto(dd_command) command = dd_command_script(DD_SCRIPT_LEAVE);
    const char *prefix = dd_store_prefix(store);
    redisReply *reply = NULL;
    key(command, prefix, "worker:%s", worker);
    key(command, prefix, "workers");
    queue_keys(command, prefix, pool);
    dd_command_arg(command, worker);
    if (dd_store_call(store, command, &reply, err) < 0)
        return -1;
    int ret = dd_reply_error(reply, err);
    freeReplyObject(reply);
    return ret;
}

dd_command *dd_expire_request(const char *prefix, const dd_settings *settings, int64_t limit)
{
    dd_command *command = dd_command_script(DD_SCRIPT_EXPIRE);
    key(command, prefix, "leases");
    queue_keys(command, prefix, settings->worker.pool);
    dd_command_arg(command, prefix);
    dd_command_arg_int(command, settings->worker.attempts_max);
    dd_command_arg_int(command, limit);
    dd_command_arg_int(command, settings->queue.runs_keep_s * 1000);
    return command;
}

int dd_expire_reply(const struct redisReply *reply, dd_strv *ret, dd_error **err)
{
    if (dd_reply_error(reply, err) < 0)
        return -1;
    return read_texts(reply, ret) ? 0 : fail_form(err, "expire");
}

dd_command *dd_cancel_request(const char *prefix, const dd_settings *settings, const char *run,
                              const char *who)
{
    dd_command *command = dd_command_script(DD_SCRIPT_CANCEL);
    dd_auto_str channel = dd_sprintf("%scontrol", prefix);
    key(command, prefix, "run:%s", run);
    key(command, prefix, "run:%s:log", run);
    key(command, prefix, "leases");
    dd_command_arg(command, run);
    dd_command_arg(command, who);
    dd_command_arg(command, channel);
    dd_command_arg_int(command, settings->queue.runs_keep_s * 1000);
    dd_command_arg(command, prefix);
    return command;
}

int dd_cancel_reply(const struct redisReply *reply, const char **ret_word, dd_error **err)
{
    static const char *const words[] = {"canceled", "asked", "final"};
    if (dd_reply_error(reply, err) < 0)
        return -1;
    for (size_t i = 0; is_text(reply) && i < DD_COUNT(words); i++)
        if (strcmp(reply->str, words[i]) == 0) {
            *ret_word = words[i];
            return 0;
        }
    return fail_form(err, "cancel");
}

/* ---- Tasks ---- */

dd_command *dd_task_apply_request(const char *prefix, const char *name, const char *repository_key,
                                  const char *yaml, const dd_fields *fields)
{
    dd_command *command = dd_command_script(DD_SCRIPT_TASK_APPLY);
    key(command, prefix, "task:%s", name);
    key(command, prefix, "tasks");
    dd_command_arg(command, prefix);
    dd_command_arg(command, name);
    dd_command_arg(command, repository_key);
    dd_command_arg(command, yaml);
    dd_command_args_fields(command, fields);
    return command;
}

dd_command *dd_task_delete_request(const char *prefix, const char *name)
{
    dd_command *command = dd_command_script(DD_SCRIPT_TASK_DELETE);
    key(command, prefix, "task:%s", name);
    key(command, prefix, "tasks");
    key(command, prefix, "task:%s:bases", name);
    dd_command_arg(command, prefix);
    dd_command_arg(command, name);
    return command;
}
