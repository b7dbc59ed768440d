/* Jobs and results as JSON: what a worker and its run's process tell each other.
 *
 * Both are read strictly (types, sizes, unknown names refused): the text comes from another process, and a
 * run's process is a stranger to its worker. */
#include "runner.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define JSON_MAX_BYTES (8 * 1024 * 1024)
#define LIST_MAX       10000

static const char *const stream_names[] = {
    [DD_STREAM_SYSTEM] = "system", [DD_STREAM_OUT] = "out", [DD_STREAM_ERR] = "err"};

const char *dd_stream_name(dd_stream stream)
{
    return stream_names[stream];
}

/* ---- Flat objects by table ---- */

enum kind { TEXT, INTEGER, BOOLEAN, TEXTS };

struct field {
    const char *name;
    enum kind kind;
    size_t offset;
};

#define FIELD(type, kind, name)                                                                              \
    {                                                                                                        \
#name, kind, offsetof(type, name)                                                                    \
    }

static const struct field job_fields[] = {
    FIELD(dd_job, TEXT, instance),
    FIELD(dd_job, TEXT, run),
    FIELD(dd_job, TEXT, task),
    FIELD(dd_job, TEXT, trigger),
    FIELD(dd_job, TEXT, directory),
    FIELD(dd_job, TEXT, mirrors),
    FIELD(dd_job, TEXT, clone_url),
    FIELD(dd_job, TEXT, commit),
    FIELD(dd_job, TEXT, ref),
    FIELD(dd_job, TEXT, branch),
    FIELD(dd_job, TEXT, git_tag),
    FIELD(dd_job, TEXT, folder),
    FIELD(dd_job, TEXT, forge_username),
    FIELD(dd_job, TEXT, forge_token),
    FIELD(dd_job, TEXT, forge_ca_file),
    FIELD(dd_job, BOOLEAN, forge_plain_http),
    FIELD(dd_job, TEXT, local_context),
    FIELD(dd_job, TEXT, file),
    FIELD(dd_job, TEXT, values),
    FIELD(dd_job, TEXTS, sets),
    FIELD(dd_job, TEXT, registry),
    FIELD(dd_job, TEXT, engine),
    FIELD(dd_job, INTEGER, lease),
    FIELD(dd_job, BOOLEAN, shared_images),
    FIELD(dd_job, INTEGER, timeout_s),
    FIELD(dd_job, INTEGER, log_max_bytes),
    FIELD(dd_job, INTEGER, grace_s),
    FIELD(dd_job, INTEGER, max_parallel),
};

static const struct field login_fields[] = {
    FIELD(dd_login, TEXT, host),    FIELD(dd_login, TEXT, username),      FIELD(dd_login, TEXT, password),
    FIELD(dd_login, TEXT, ca_file), FIELD(dd_login, BOOLEAN, plain_http),
};

static const struct field result_fields[] = {
    FIELD(dd_run_result, TEXT, message),
    FIELD(dd_run_result, TEXT, commit),
    FIELD(dd_run_result, TEXT, dependencies),
};

static const struct field image_fields[] = {
    FIELD(dd_image_report, TEXT, reference),
    FIELD(dd_image_report, TEXT, digest),
};

static const struct field base_fields[] = {
    FIELD(dd_base_use, TEXT, reference),
    FIELD(dd_base_use, TEXT, digest),
    FIELD(dd_base_use, BOOLEAN, runtime),
};

static const void *member(const void *object, const struct field *field)
{
    return (const char *)object + field->offset;
}

static json_t *texts_to_json(const dd_strv *texts)
{
    json_t *list = json_array();

    for (size_t i = 0; i < texts->count; i++)
        json_array_append_new(list, json_string(texts->items[i]));
    return list;
}

static json_t *to_json(const void *object, const struct field *fields, size_t count)
{
    json_t *json = json_object();

    for (size_t i = 0; i < count; i++) {
        const void *at = member(object, &fields[i]);
        json_t *value = NULL;
        switch (fields[i].kind) {
        case TEXT:
            if (*(char *const *)at)
                value = json_string(*(char *const *)at);
            break;
        case INTEGER:
            value = json_integer(*(const int64_t *)at);
            break;
        case BOOLEAN:
            value = json_boolean(*(const bool *)at);
            break;
        case TEXTS:
            value = texts_to_json(at);
            break;
        }
        if (value)
            json_object_set_new(json, fields[i].name, value);
    }
    return json;
}

static int texts_from_json(const json_t *value, dd_strv *ret)
{
    size_t index;
    json_t *text;

    if (!json_is_array(value) || json_array_size(value) > LIST_MAX)
        return -1;
    json_array_foreach(value, index, text)
    {
        if (!json_is_string(text))
            return -1;
        dd_strv_add(ret, json_string_value(text));
    }
    return 0;
}

static int value_from_json(const json_t *value, const struct field *field, void *object)
{
    void *at = (char *)object + field->offset;

    switch (field->kind) {
    case TEXT:
        if (!json_is_string(value))
            return -1;
        *(char **)at = dd_strdup(json_string_value(value));
        return 0;
    case INTEGER:
        if (!json_is_integer(value))
            return -1;
        *(int64_t *)at = json_integer_value(value);
        return 0;
    case BOOLEAN:
        if (!json_is_boolean(value))
            return -1;
        *(bool *)at = json_is_true(value);
        return 0;
    case TEXTS:
        return texts_from_json(value, at);
    }
    return -1;
}

/* Read the members that the table has; what else the object may hold is `others` (NULL-terminated). */
static int from_json(json_t *json, const struct field *fields, size_t count, const char *const *others,
                     void *object, dd_error **err)
{
    const char *name;
    json_t *value;

    if (!json_is_object(json))
        return dd_fail(err, DD_ERR_INVALID, "not an object");
    json_object_foreach(json, name, value)
    {
        const struct field *field = NULL;
        bool known = false;
        for (size_t i = 0; i < count; i++)
            if (strcmp(fields[i].name, name) == 0)
                field = &fields[i];
        for (size_t i = 0; others && others[i]; i++)
            known = known || strcmp(others[i], name) == 0;
        if (!field && !known)
            return dd_fail(err, DD_ERR_INVALID, "unknown member '%.64s'", name);
        if (field && value_from_json(value, field, object) < 0)
            return dd_fail(err, DD_ERR_INVALID, "'%s' has the wrong type", name);
    }
    return 0;
}

static json_t *list_to_json(const void *items, size_t count, size_t size, const struct field *fields,
                            size_t field_count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, to_json((const char *)items + i * size, fields, field_count));
    return list;
}

/* Absent is empty. *ret_count grows with each item, so that a half-read list is freed right. The items must
 * have the member that the table has first. */
static int list_from_json(json_t *json, const char *name, size_t size, const struct field *fields,
                          size_t field_count, void **ret, size_t *ret_count, dd_error **err)
{
    json_t *list = json_object_get(json, name), *item;
    size_t index;

    if (!list)
        return 0;
    if (!json_is_array(list) || json_array_size(list) > LIST_MAX)
        return dd_fail(err, DD_ERR_INVALID, "'%s' is not a list, or too long", name);
    *ret = dd_calloc(json_array_size(list) + 1, size);
    json_array_foreach(list, index, item)
    {
        char *object = (char *)*ret + index * size;
        (*ret_count)++;
        if (from_json(item, fields, field_count, NULL, object, err) < 0)
            return dd_context(err, "%s[%zu]", name, index);
        if (!*(char **)(void *)(object + fields[0].offset))
            return dd_fail(err, DD_ERR_INVALID, "%s[%zu] has no '%s'", name, index, fields[0].name);
    }
    return 0;
}

static void done(void *object, const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        void *at = (char *)object + fields[i].offset;
        if (fields[i].kind == TEXT)
            free(*(char **)at);
        else if (fields[i].kind == TEXTS)
            dd_strv_done(at);
    }
}

static void list_free(void *items, size_t count, size_t size, const struct field *fields, size_t field_count)
{
    for (size_t i = 0; i < count; i++)
        done((char *)items + i * size, fields, field_count);
    free(items);
}

static char *dump(json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    char *ret;

    /* Only text that is no UTF-8 cannot be written, and json_string() has turned that into NULL before. */
    dd_assert(text);
    ret = dd_strdup(text);
    free(text);
    json_decref(json);
    return ret;
}

static int load(const char *text, size_t length, json_t **ret, dd_error **err)
{
    json_error_t problem;

    if (length > JSON_MAX_BYTES)
        return dd_fail(err, DD_ERR_LIMIT, "more than %d bytes", JSON_MAX_BYTES);
    *ret = json_loadb(text, length, JSON_REJECT_DUPLICATES, &problem);
    if (!*ret)
        return dd_fail_at(err, DD_ERR_INVALID, (dd_place){problem.line, problem.column}, NULL, "%s",
                          problem.text);
    return 0;
}

/* ---- Jobs ---- */

void dd_job_free(dd_job *job)
{
    if (!job)
        return;
    done(job, job_fields, DD_COUNT(job_fields));
    list_free(job->logins, job->login_count, sizeof *job->logins, login_fields, DD_COUNT(login_fields));
    free(job);
}

char *dd_job_to_json(const dd_job *job)
{
    json_t *json = to_json(job, job_fields, DD_COUNT(job_fields));

    json_object_set_new(json, "logins",
                        list_to_json(job->logins, job->login_count, sizeof *job->logins, login_fields,
                                     DD_COUNT(login_fields)));
    return dump(json);
}

static int job_from_json(json_t *json, dd_job *job, dd_error **err)
{
    static const char *const others[] = {"logins", NULL};

    if (from_json(json, job_fields, DD_COUNT(job_fields), others, job, err) < 0)
        return -1;
    return list_from_json(json, "logins", sizeof *job->logins, login_fields, DD_COUNT(login_fields),
                          (void **)&job->logins, &job->login_count, err);
}

int dd_job_from_json(const char *text, size_t length, dd_job **ret, dd_error **err)
{
    dd_auto(dd_job) job = dd_new(dd_job);
    json_t *json = NULL;
    int result;

    if (load(text, length, &json, err) < 0)
        return dd_context(err, "job");
    result = job_from_json(json, job, err);
    json_decref(json);
    if (result < 0)
        return dd_context(err, "job");
    if (!job->run || !job->directory)
        return dd_fail(err, DD_ERR_INVALID, "job: has no 'run' or no 'directory'");
    *ret = dd_take(job);
    return 0;
}

/* ---- Results ---- */

void dd_run_result_free(dd_run_result *result)
{
    if (!result)
        return;
    done(result, result_fields, DD_COUNT(result_fields));
    list_free(result->images, result->image_count, sizeof *result->images, image_fields,
              DD_COUNT(image_fields));
    list_free(result->bases, result->base_count, sizeof *result->bases, base_fields, DD_COUNT(base_fields));
    free(result);
}

char *dd_run_result_to_json(const dd_run_result *result)
{
    json_t *json = to_json(result, result_fields, DD_COUNT(result_fields));

    json_object_set_new(json, "state", json_string(dd_run_state_name(result->state)));
    json_object_set_new(json, "images",
                        list_to_json(result->images, result->image_count, sizeof *result->images,
                                     image_fields, DD_COUNT(image_fields)));
    json_object_set_new(json, "bases",
                        list_to_json(result->bases, result->base_count, sizeof *result->bases, base_fields,
                                     DD_COUNT(base_fields)));
    return dump(json);
}

static int result_from_json(json_t *json, dd_run_result *result, dd_error **err)
{
    static const char *const others[] = {"state", "images", "bases", NULL};
    const char *state;

    if (from_json(json, result_fields, DD_COUNT(result_fields), others, result, err) < 0)
        return -1;
    state = json_string_value(json_object_get(json, "state"));
    if (!state || !dd_run_state_parse(state, &result->state) || !dd_run_is_final(result->state))
        return dd_fail(err, DD_ERR_INVALID, "'state' is not a final state");
    if (list_from_json(json, "images", sizeof *result->images, image_fields, DD_COUNT(image_fields),
                       (void **)&result->images, &result->image_count, err) < 0)
        return -1;
    return list_from_json(json, "bases", sizeof *result->bases, base_fields, DD_COUNT(base_fields),
                          (void **)&result->bases, &result->base_count, err);
}

int dd_run_result_from_json(const char *text, size_t length, dd_run_result **ret, dd_error **err)
{
    dd_auto(dd_run_result) result = dd_new(dd_run_result);
    json_t *json = NULL;
    int code;

    if (load(text, length, &json, err) < 0)
        return dd_context(err, "result");
    code = result_from_json(json, result, err);
    json_decref(json);
    if (code < 0)
        return dd_context(err, "result");
    *ret = dd_take(result);
    return 0;
}
