/* /api/v1/tasks: what is stored, and runs asked for by a person. */
#include "../exchange.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

/* ---- Apply ---- */

typedef struct apply {
    size_t waiting;
    json_t *results;
    dd_error *error;
} apply;

typedef struct apply_slot {
    dd_exchange *exchange;
    char *name;
} apply_slot;

static void apply_free(void *state)
{
    apply *a = state;
    json_decref(a->results);
    dd_error_free(a->error);
    free(a);
}

static void on_applied(struct redisReply *reply, const dd_error *error, void *context)
{
    apply_slot *slot = context;
    apply *a = slot->exchange->state;
    dd_error *failure = NULL;
    if (error)
        dd_fail(&failure, error->code, "%s", error->message);
    else if (dd_leased_reply(reply, &failure) == 0)
        json_array_append_new(a->results, json_pack("{s:s, s:s}", "name", slot->name, "result", reply->str));
    if (failure && !a->error)
        a->error = failure;
    else
        dd_error_free(failure);
    if (--a->waiting == 0) {
        if (a->error)
            dd_answer_error(slot->exchange, 0, a->error);
        else
            dd_answer(slot->exchange, 200, json_pack("{s:O}", "tasks", a->results));
    }
    free(slot->name);
    free(slot);
}

static dd_command *apply_request(const dd_exchange *exchange, const dd_task *task)
{
    dd_auto(dd_fields) fields = dd_fields_new();
    dd_fields_set(fields, "context", task->context_text);
    dd_fields_set(fields, "pool", task->pool);
    dd_fields_set(fields, "status", task->enabled ? "Enabled" : "Disabled");
    return dd_task_apply_request(exchange->door->settings->redis.prefix, task->name, task->context->key,
                                 task->yaml, fields);
}

void dd_handle_tasks_apply(dd_exchange *exchange)
{
    size_t length, count = 0;
    const char *body = dd_exchange_body(exchange, &length);
    dd_task **tasks = NULL;
    dd_auto(dd_error) error = NULL;
    if (dd_tasks_parse(body, length, "tasks", &tasks, &count, &error) < 0) {
        dd_answer_error(exchange, 400, error);
        return;
    }
    apply *a = exchange->state = dd_new(apply);
    exchange->free_state = apply_free;
    a->results = json_array();
    a->waiting = count;
    for (size_t i = 0; i < count; i++) {
        apply_slot *slot = dd_new(apply_slot);
        *slot = (apply_slot){.exchange = exchange, .name = dd_strdup(tasks[i]->name)};
        dd_store_async_call(exchange->door->store, apply_request(exchange, tasks[i]), false, on_applied,
                            slot);
        dd_task_free(tasks[i]);
    }
    free(tasks);
    if (count == 0)
        dd_answer(exchange, 200, json_pack("{s:[]}", "tasks"));
}

/* ---- List, show, delete ---- */

void dd_handle_tasks_list(dd_exchange *exchange)
{
    dd_auto_str key = dd_sprintf("%stasks", exchange->door->settings->redis.prefix);
    dd_command *command = dd_command_new("SMEMBERS");
    dd_command_key(command, key);
    dd_exchange_list(exchange, command, "task", "tasks", true);
}

static void on_task_shown(dd_exchange *exchange, const dd_strv *keys, dd_fields *const *items)
{
    (void)keys;
    if (!items[0]) {
        dd_answer_none(exchange, "task");
        return;
    }
    json_t *task = dd_fields_to_json(items[0]);
    if (items[1])
        json_object_set_new(task, "bases", dd_fields_to_json(items[1]));
    dd_answer(exchange, 200, task);
}

void dd_handle_task_show(dd_exchange *exchange)
{
    dd_strv *keys = dd_strv_new();
    dd_strv_addf(keys, "task:%s", exchange->argument);
    dd_strv_addf(keys, "task:%s:bases", exchange->argument);
    dd_exchange_hashes(exchange, keys, on_task_shown);
}

static void on_deleted(struct redisReply *reply, const dd_error *error, void *context)
{
    dd_exchange *exchange = context;
    dd_auto(dd_error) failure = NULL;
    if (error)
        dd_answer_error(exchange, 0, error);
    else if (dd_leased_reply(reply, &failure) < 0)
        dd_answer_error(exchange, 0, failure);
    else
        dd_answer(exchange, 200, json_pack("{s:s, s:s}", "name", exchange->argument, "result", "deleted"));
}

void dd_handle_task_delete(dd_exchange *exchange)
{
    dd_exchange_call(exchange,
                     dd_task_delete_request(exchange->door->settings->redis.prefix, exchange->argument),
                     on_deleted);
}

/* ---- A run that a person asks for ---- */

static void on_run_created(struct redisReply *reply, const dd_error *error, void *context)
{
    dd_exchange *exchange = context;
    dd_created created;
    dd_auto(dd_error) failure = NULL;
    if (error)
        dd_answer_error(exchange, 0, error);
    else if (dd_create_run_reply(reply, &created, &failure) < 0)
        dd_answer_error(exchange, 0, failure);
    else
        dd_answer(exchange, 201, json_pack("{s:s}", "run", created.run));
}

/* What the request may change: {"ref": branch, "commit": id, "values": {…}}. */
static int read_overrides(const char *body, size_t length, dd_fields *fields, dd_error **err)
{
    json_error_t where;
    if (length == 0)
        return 0;
    json_t *json = json_loadb(body, length, JSON_REJECT_DUPLICATES, &where);
    if (!json)
        return dd_fail_at(err, DD_ERR_INVALID, (dd_place){.line = where.line, .column = where.column}, NULL,
                          "not JSON: %s", where.text);
    const char *ref = NULL, *commit = NULL;
    json_t *values = NULL;
    int ret = 0;
    if (json_unpack_ex(json, &where, JSON_STRICT, "{s?s, s?s, s?o}", "ref", &ref, "commit", &commit, "values",
                       &values) < 0)
        ret = dd_fail(err, DD_ERR_INVALID, "a run takes ref, commit and values: %s", where.text);
    else if (ref && !dd_ref_is_valid(ref))
        ret = dd_fail(err, DD_ERR_INVALID, "'ref' is not a branch's name");
    else if (commit && !dd_commit_is_valid(commit))
        ret = dd_fail(err, DD_ERR_INVALID, "'commit' is not a full commit id (40 or 64 hexadecimal digits)");
    else if (values && !json_is_object(values))
        ret = dd_fail(err, DD_ERR_INVALID, "'values' is not an object");
    if (ret == 0 && ref) {
        dd_auto_str full = dd_str_starts(ref, "refs/") ? dd_strdup(ref) : dd_sprintf("refs/heads/%s", ref);
        dd_fields_set(fields, "ref", full);
        dd_fields_set(fields, "branch", dd_str_starts(full, "refs/heads/") ? full + 11 : "");
    }
    if (ret == 0)
        dd_fields_set(fields, "commit", commit);
    if (ret == 0 && values) {
        char *text = json_dumps(values, JSON_COMPACT);
        dd_fields_set(fields, "values", text);
        free(text);
    }
    json_decref(json);
    return ret;
}

static int run_request(dd_exchange *exchange, const dd_fields *stored, dd_command **ret, dd_error **err)
{
    dd_auto(dd_task) task = NULL;
    dd_auto(dd_fields) fields = dd_fields_new();
    dd_auto(dd_strv) causes = dd_strv_new();
    const dd_settings *settings = exchange->door->settings;
    size_t length;
    const char *yaml = dd_fields_get(stored, "yaml");
    if (dd_task_parse(yaml ? yaml : "", &task, err) < 0)
        return dd_context(err, "the stored task '%s'", exchange->argument);
    dd_run_fields_of_task(fields, task);
    dd_fields_set(fields, "trigger", dd_trigger_kind_name(DD_TRIGGER_MANUAL));
    const char *body = dd_exchange_body(exchange, &length);
    if (read_overrides(body, length, fields, err) < 0)
        return -1;
    dd_auto_str random = dd_random_hex(16);
    dd_strv_addf(causes, "manual %s", random);
    *ret = dd_create_run_request(settings->redis.prefix, settings, task->name, task->pool, "high", causes,
                                 fields);
    return 0;
}

static void on_task_to_run(dd_exchange *exchange, const dd_strv *keys, dd_fields *const *items)
{
    dd_auto(dd_error) error = NULL;
    dd_command *command = NULL;
    (void)keys;
    if (!items[0])
        dd_answer_none(exchange, "task");
    else if (!exchange->request)
        dd_answer(exchange, 503, json_object()); /* gone before its body was read: nothing is run */
    else if (run_request(exchange, items[0], &command, &error) < 0)
        dd_answer_error(exchange, 0, error);
    else
        dd_exchange_call(exchange, command, on_run_created);
}

void dd_handle_task_run(dd_exchange *exchange)
{
    dd_strv *keys = dd_strv_new();
    dd_strv_addf(keys, "task:%s", exchange->argument);
    dd_exchange_hashes(exchange, keys, on_task_to_run);
}
