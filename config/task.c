/* Tasks: the stored definitions, read from a `tasks:` file or from Redis.
 *
 * A slip here would run something else, or for somebody else, so unknown keys are errors. Triggers follow
 * ACR: a task that says nothing of them has commits on and base images (runtime) on; one that lists triggers
 * has those only. */
#include "task.h"
#include "host.h"
#include "reading.h"
#include "task_private.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TASKS_MAX       1000
#define FILE_MAX_BYTES  ((size_t)4 * 1024 * 1024) /* all definitions of a file, once aliases are expanded */
#define GLOBS_MAX       256
#define GLOB_MAX_BYTES  1024
#define TIMEOUT_MIN_S   60
#define TIMEOUT_MAX_S   28800
#define TIMEOUT_DEFAULT 3600

void dd_task_free(dd_task *task)
{
    if (!task)
        return;
    free(task->name);
    free(task->yaml);
    dd_context_ref_free(task->context);
    free(task->context_text);
    free(task->file);
    free(task->values);
    free(task->registry);
    free(task->pool);
    dd_strv_done(&task->commit.branches);
    dd_strv_done(&task->commit.paths);
    free(task);
}

static int invalid(dd_error **err, const dd_yaml_node *node, const char *path, const char *what)
{
    return dd_fail_at(err, DD_ERR_INVALID, node->place, path, "%s", what);
}

/* ---- Maps by tables of keys ---- */

typedef struct task_key {
    const char *key;
    /* NULL: a key that design fixes and this version does not do */
    int (*read)(dd_task *task, const dd_yaml_node *node, const char *path, dd_error **err);
} task_key;

static const task_key *find_key(const task_key *keys, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i].key, text) == 0)
            return &keys[i];
    return NULL;
}

static int refuse_key(const task_key *keys, size_t count, const dd_yaml_node *key, const char *path,
                      dd_error **err)
{
    dd_auto(dd_strv) known = dd_strv_new();

    if (find_key(keys, count, key->text))
        return invalid(err, key, path, "is not supported by this version");
    for (size_t i = 0; i < count; i++)
        if (keys[i].read)
            dd_strv_add(known, keys[i].key);
    return dd_reading_unknown(key, path, known, err);
}

static int read_keys(const task_key *keys, size_t count, dd_task *task, const dd_yaml_node *node,
                     const char *path, dd_error **err)
{
    if (node->kind != DD_YAML_MAP)
        return dd_fail_at(err, DD_ERR_INVALID, node->place, path, "a map of keys is expected, not %s",
                          dd_yaml_node_words(node));
    for (size_t i = 0; i < node->length; i++) {
        const dd_yaml_entry *entry = &node->entries[i];
        const task_key *key = find_key(keys, count, entry->key->text);
        dd_auto_str key_path = dd_sprintf("%s.%s", path, entry->key->text);

        if (!key || !key->read)
            return refuse_key(keys, count, entry->key, key_path, err);
        if (key->read(task, entry->value, key_path, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- Values: any YAML, as JSON ---- */

static json_t *to_json(const dd_yaml_node *node, dd_error **err);

/* Put a piece before the error's path. Paths are made on the way out of a failure: on the way in they would
 * cost more than the values, when keys are long and nested. */
static void lead_path(dd_error **err, char *piece)
{
    if (err && *err) {
        char *path = dd_sprintf("%s%s", piece, (*err)->path ? (*err)->path : "");

        free((*err)->path);
        (*err)->path = path;
    }
    free(piece);
}

static json_t *float_to_json(const dd_yaml_node *node, dd_error **err)
{
    double number;

    if (!dd_yaml_scalar_float(node, &number) || !isfinite(number)) {
        invalid(err, node, "", "is a number that JSON has not; put it in quotes for its text");
        return NULL;
    }
    return json_real(number);
}

static json_t *scalar_to_json(const dd_yaml_node *node, dd_error **err)
{
    bool truth;
    int64_t whole;

    switch (dd_yaml_scalar_type(node)) {
    case DD_YAML_NULL:
        return json_null();
    case DD_YAML_BOOL:
        return json_boolean(dd_yaml_scalar_bool(node, &truth) && truth);
    case DD_YAML_INT:
        return dd_yaml_scalar_int(node, &whole) ? json_integer(whole) : float_to_json(node, err);
    case DD_YAML_FLOAT:
        return float_to_json(node, err);
    case DD_YAML_STRING:
        break;
    }
    return json_stringn(node->text, node->length);
}

static json_t *list_to_json(const dd_yaml_node *node, dd_error **err)
{
    json_t *list = json_array();

    for (size_t i = 0; i < node->length; i++)
        if (json_array_append_new(list, to_json(node->items[i], err)) < 0) {
            lead_path(err, dd_sprintf("[%zu]", i));
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *map_to_json(const dd_yaml_node *node, dd_error **err)
{
    json_t *map = json_object();

    for (size_t i = 0; i < node->length; i++) {
        const dd_yaml_entry *entry = &node->entries[i];

        if (json_object_set_new(map, entry->key->text, to_json(entry->value, err)) < 0) {
            lead_path(err, dd_sprintf(".%s", entry->key->text));
            json_decref(map);
            return NULL;
        }
    }
    return map;
}

/* NULL with *err. What jansson itself refuses (no UTF-8) cannot come out of libyaml. */
static json_t *to_json(const dd_yaml_node *node, dd_error **err)
{
    switch (node->kind) {
    case DD_YAML_LIST:
        return list_to_json(node, err);
    case DD_YAML_MAP:
        return map_to_json(node, err);
    case DD_YAML_SCALAR:
        break;
    }
    return scalar_to_json(node, err);
}

/* 15 digits write 0.1 as 0.1; where any number of the values loses something by that, 17 do not. */
static char *json_text(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_t *back = json_loads(text, 0, NULL);

    if (!json_equal(value, back)) {
        free(text);
        text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(17));
    }
    json_decref(back);
    return text;
}

static int read_values(dd_task *task, const dd_yaml_node *node, const char *path, dd_error **err)
{
    json_t *values;

    if (node->kind != DD_YAML_MAP)
        return dd_fail_at(err, DD_ERR_INVALID, node->place, path, "a map of values is expected, not %s",
                          dd_yaml_node_words(node));
    values = to_json(node, err);
    if (!values) {
        lead_path(err, dd_strdup(path));
        return -1;
    }
    free(task->values);
    task->values = json_text(values);
    json_decref(values);
    return 0;
}

/* ---- Texts, numbers, switches ---- */

static int read_name(dd_task *task, const dd_yaml_node *node, const char *path, dd_error **err)
{
    const char *text;

    if (dd_reading_text(node, path, &text, err) < 0)
        return -1;
    if (!dd_name_is_valid(text))
        return invalid(err, node, path,
                       "is no name: a letter or digit, then up to 62 letters, digits, '.', '_' and '-'");
    task->name = dd_strdup(text);
    return 0;
}

static int read_pool(dd_task *task, const dd_yaml_node *node, const char *path, dd_error **err)
{
    const char *text;

    if (dd_reading_text(node, path, &text, err) < 0)
        return -1;
    if (!dd_name_is_valid(text))
        return invalid(err, node, path, "is no name of a pool");
    free(task->pool);
    task->pool = dd_strdup(text);
    return 0;
}

static int read_context(dd_task *task, const dd_yaml_node *node, const char *path, dd_error **err)
{
    const char *text;

    if (dd_reading_text(node, path, &text, err) < 0)
        return -1;
    if (dd_context_ref_parse(text, &task->context, err) < 0)
        return dd_reading_place(err, node->place, path);
    task->context_text = dd_strdup(text);
    return 0;
}

static int read_file(dd_task *task, const dd_yaml_node *node, const char *path, dd_error **err)
{
    const char *text;

    if (dd_reading_text(node, path, &text, err) < 0)
        return -1;
    task->file = text[0] == '/' ? NULL : dd_inner_path_normalise(text);
    if (!task->file || !*task->file)
        return invalid(err, node, path, "is no path of a file inside the context");
    return 0;
}

static int read_registry(dd_task *task, const dd_yaml_node *node, const char *path, dd_error **err)
{
    const char *text;

    if (dd_reading_text(node, path, &text, err) < 0)
        return -1;
    task->registry = dd_registry_prefix_normalise(text);
    return task->registry ? 0 : invalid(err, node, path, "is not HOST[:PORT][/PATH]");
}

static int read_switch(const dd_yaml_node *node, const char *path, bool *ret, dd_error **err)
{
    const char *text;

    if (dd_reading_text(node, path, &text, err) < 0)
        return -1;
    return dd_reading_switch(text, ret) ? 0 : invalid(err, node, path, "is not true or false");
}

static int read_enabled(dd_task *task, const dd_yaml_node *node, const char *path, dd_error **err)
{
    return read_switch(node, path, &task->enabled, err);
}

static int read_timeout(dd_task *task, const dd_yaml_node *node, const char *path, dd_error **err)
{
    const char *text;
    int64_t ms;

    if (dd_reading_text(node, path, &text, err) < 0)
        return -1;
    if (!dd_reading_duration(text, &ms) || ms % 1000 != 0 || ms < TIMEOUT_MIN_S * 1000LL ||
        ms > TIMEOUT_MAX_S * 1000LL)
        return dd_fail_at(err, DD_ERR_INVALID, node->place, path,
                          "is not a time between %d seconds and %d (8h), such as 3600 or 90m", TIMEOUT_MIN_S,
                          TIMEOUT_MAX_S);
    task->timeout_s = ms / 1000;
    return 0;
}

/* ---- Triggers ---- */

/* A '[' needs its ']', or the glob would mean something else than it looks like. */
static bool classes_are_closed(const char *glob)
{
    for (; (glob = strchr(glob, '[')) != NULL; glob++) {
        const char *member = glob + 1 + (glob[1] == '!' || glob[1] == '^' ? 1 : 0);

        glob = *member ? strchr(member + 1, ']') : NULL;
        if (!glob)
            return false;
    }
    return true;
}

static int add_glob(dd_strv *globs, const dd_yaml_node *node, const char *path, bool may_exclude,
                    dd_error **err)
{
    const char *text;

    if (dd_reading_text(node, path, &text, err) < 0)
        return -1;
    if (text[0] == '!' && !may_exclude)
        return invalid(err, node, path, "'!' excludes paths only, not branches");
    if (dd_reading_has_control(text) || strlen(text) > GLOB_MAX_BYTES || text[text[0] == '!'] == '\0' ||
        !classes_are_closed(text))
        return invalid(err, node, path, "is no glob: *, **, ? and [a-z] stand for characters");
    dd_strv_add(globs, text);
    return 0;
}

/* A list of globs, or one alone. */
static int read_globs(dd_strv *globs, const dd_yaml_node *node, const char *path, bool may_exclude,
                      dd_error **err)
{
    if (node->kind != DD_YAML_LIST)
        return add_glob(globs, node, path, may_exclude, err);
    if (node->length > GLOBS_MAX)
        return dd_fail_at(err, DD_ERR_LIMIT, node->place, path, "has more than %d entries", GLOBS_MAX);
    for (size_t i = 0; i < node->length; i++) {
        dd_auto_str member = dd_sprintf("%s[%zu]", path, i);

        if (add_glob(globs, node->items[i], member, may_exclude, err) < 0)
            return -1;
    }
    return 0;
}

static int read_branches(dd_task *task, const dd_yaml_node *node, const char *path, dd_error **err)
{
    return read_globs(&task->commit.branches, node, path, false, err);
}

static int read_paths(dd_task *task, const dd_yaml_node *node, const char *path, dd_error **err)
{
    return read_globs(&task->commit.paths, node, path, true, err);
}

static int read_commit(dd_task *task, const dd_yaml_node *node, const char *path, dd_error **err)
{
    static const task_key keys[] = {{"branches", read_branches}, {"paths", read_paths}};

    if (node->kind == DD_YAML_SCALAR)
        return read_switch(node, path, &task->commit.on, err);
    task->commit.on = true;
    return read_keys(keys, DD_COUNT(keys), task, node, path, err);
}

static int read_base_image_type(dd_task *task, const dd_yaml_node *node, const char *path, dd_error **err)
{
    const char *text;

    if (dd_reading_text(node, path, &text, err) < 0)
        return -1;
    if (strcmp(text, "runtime") != 0 && strcmp(text, "all") != 0)
        return invalid(err, node, path, "is not 'runtime' or 'all'");
    task->base_image = text[0] == 'r' ? DD_BASE_IMAGE_RUNTIME : DD_BASE_IMAGE_ALL;
    return 0;
}

static int read_base_image(dd_task *task, const dd_yaml_node *node, const char *path, dd_error **err)
{
    static const task_key keys[] = {{"type", read_base_image_type}};
    bool on = true;

    if (node->kind == DD_YAML_SCALAR && read_switch(node, path, &on, err) < 0)
        return -1;
    task->base_image = on ? DD_BASE_IMAGE_RUNTIME : DD_BASE_IMAGE_OFF;
    return node->kind == DD_YAML_SCALAR ? 0 : read_keys(keys, DD_COUNT(keys), task, node, path, err);
}

static int read_triggers(dd_task *task, const dd_yaml_node *node, const char *path, dd_error **err)
{
    static const task_key keys[] = {
        {"commit", read_commit},
        {"base_image", read_base_image},
        {"pull_request", NULL},
        {"schedule", NULL},
    };

    task->commit.on = false;
    task->base_image = DD_BASE_IMAGE_OFF;
    return read_keys(keys, DD_COUNT(keys), task, node, path, err);
}

/* ---- A task ---- */

static const task_key task_keys[] = {
    {"name", read_name},       {"context", read_context},   {"file", read_file},
    {"values", read_values},   {"registry", read_registry}, {"pool", read_pool},
    {"enabled", read_enabled}, {"timeout", read_timeout},   {"triggers", read_triggers},
    {"image", NULL},           {"dockerfile", NULL},        {"steps", NULL},
    {"concurrency", NULL},
};

static dd_task *task_new(void)
{
    dd_task *task = dd_new(dd_task);

    task->values = dd_strdup("{}");
    task->pool = dd_strdup("default");
    task->enabled = true;
    task->timeout_s = TIMEOUT_DEFAULT;
    task->commit.on = true;
    task->base_image = DD_BASE_IMAGE_RUNTIME;
    return task;
}

/* Written before it is read, for writing bounds what aliases can make of it. */
static int read_task(const dd_yaml_node *node, const char *path, dd_task **ret, dd_error **err)
{
    dd_auto(dd_task) task = task_new();

    if (dd_task_write(node, &task->yaml, err) < 0)
        return dd_reading_place(err, node->place, path);
    if (read_keys(task_keys, DD_COUNT(task_keys), task, node, path, err) < 0)
        return -1;
    if (!task->name)
        return invalid(err, node, path, "'name' is missing");
    if (!task->context)
        return invalid(err, node, path, "'context' is missing");
    *ret = dd_take(task);
    return 0;
}

/* ---- A file of tasks ---- */

typedef struct task_list {
    dd_task **items;
    size_t count;
    size_t bytes;
} task_list;

static void task_list_done(task_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        dd_task_free(list->items[i]);
    free(list->items);
}

static int add_task(task_list *list, const dd_yaml_node *node, dd_error **err)
{
    dd_auto_str path = dd_sprintf("tasks[%zu]", list->count);
    dd_auto(dd_task) task = NULL;

    if (read_task(node, path, &task, err) < 0)
        return -1;
    dd_assert(task);
    for (size_t i = 0; i < list->count; i++)
        if (dd_str_eq(list->items[i]->name, task->name))
            return dd_fail_at(err, DD_ERR_INVALID, node->place, path, "tasks[%zu] has the name '%s' too", i,
                              task->name);
    list->bytes += strlen(task->yaml);
    if (list->bytes > FILE_MAX_BYTES)
        return dd_fail_at(err, DD_ERR_LIMIT, node->place, path, "the tasks are larger than %zu bytes in all",
                          FILE_MAX_BYTES);
    list->items[list->count++] = dd_take(task);
    return 0;
}

static int add_tasks(task_list *list, const dd_yaml_node *root, dd_error **err)
{
    const dd_yaml_node *tasks = dd_yaml_get(root, "tasks");

    for (size_t i = 0; root && i < root->length; i++)
        if (strcmp(root->entries[i].key->text, "tasks") != 0) {
            invalid(err, root->entries[i].key, root->entries[i].key->text, "there is no such key");
            return dd_hint(err, "the file is a list under 'tasks:'");
        }
    if (!tasks)
        return dd_fail(err, DD_ERR_INVALID, "'tasks' is missing");
    if (tasks->kind != DD_YAML_LIST)
        return dd_fail_at(err, DD_ERR_INVALID, tasks->place, "tasks", "a list is expected, not %s",
                          dd_yaml_node_words(tasks));
    if (tasks->length > TASKS_MAX)
        return dd_fail_at(err, DD_ERR_LIMIT, tasks->place, "tasks", "has more than %d entries", TASKS_MAX);
    list->items = dd_calloc(tasks->length + 1, sizeof(dd_task *));
    for (size_t i = 0; i < tasks->length; i++)
        if (add_task(list, tasks->items[i], err) < 0)
            return -1;
    return 0;
}

static int read_list(const char *text, size_t length, task_list *list, dd_error **err)
{
    dd_auto(dd_yaml) yaml = NULL;

    if (dd_reading_document(text, length, &yaml, err) < 0)
        return -1;
    return add_tasks(list, yaml->root, err);
}

int dd_tasks_parse(const char *text, size_t length, const char *name, dd_task ***ret, size_t *ret_count,
                   dd_error **err)
{
    task_list list = {0};

    if (read_list(text, length, &list, err) < 0) {
        task_list_done(&list);
        return dd_reading_failed("tasks", name, err);
    }
    *ret = list.items;
    *ret_count = list.count;
    return 0;
}

int dd_task_parse(const char *yaml, dd_task **ret, dd_error **err)
{
    task_list list = {0};
    int result = read_list(yaml, strlen(yaml), &list, err);

    if (result == 0 && list.count != 1)
        result = dd_fail(err, DD_ERR_INVALID, "one task is expected, not %zu", list.count);
    if (result == 0) {
        dd_assert(list.items);
        *ret = dd_take(list.items[0]); /* the list then frees nothing in its place */
    }
    task_list_done(&list);
    return result < 0 ? dd_reading_failed("task definition", NULL, err) : 0;
}
