/* Task files, problems and dependencies as JSON: the fixed outputs of design.md. */
#include "runner/lang/taskfile_private.h"
#include <jansson.h>
#include <stdlib.h>

static json_t *text(const char *value)
{
    json_t *json = value ? json_string(value) : json_null();

    return json ? json : json_string("(not UTF-8)");
}

static json_t *texts(const dd_strv *values)
{
    json_t *list = json_array();
    for (size_t i = 0; i < values->count; i++)
        json_array_append_new(list, text(values->items[i]));
    return list;
}

static json_t *numbers(const int64_t *values, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_integer(values[i]));
    return list;
}

static char *dump(json_t *json)
{
    char *raw = json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(json);
    return raw; /* malloc'd by jansson, as the caller expects */
}

static json_t *needs_of(const dd_taskfile *taskfile, const dd_step *step)
{
    json_t *list = json_array();
    for (size_t i = 0; i < step->need_count; i++)
        json_array_append_new(list, text(taskfile->steps[step->needs[i]].id));
    return list;
}

static json_t *mounts_of(const dd_step *step)
{
    json_t *list = json_array();
    for (size_t i = 0; i < step->mount_count; i++)
        json_array_append_new(list, json_pack("{s:o, s:o}", "name", text(step->mounts[i].name), "mountPath",
                                              text(step->mounts[i].path)));
    return list;
}

/* A property's value by its row; NULL for those that are written elsewhere. */
static json_t *property_json(const dd_step *step, const dd_property *property)
{
    const char *at = (const char *)step + property->offset,
               *count = (const char *)step + property->count_offset;

    switch (property->type) {
    case DD_PROPERTY_TEXT:
        return text(*(char *const *)(const void *)at);
    case DD_PROPERTY_TEXTS:
        return texts((const dd_strv *)(const void *)at);
    case DD_PROPERTY_INT:
        return json_integer(*(const int64_t *)(const void *)at);
    case DD_PROPERTY_BOOL:
        return json_boolean(*(const bool *)(const void *)at);
    case DD_PROPERTY_INTS:
        return numbers(*(int64_t *const *)(const void *)at, *(const size_t *)(const void *)count);
    case DD_PROPERTY_MOUNTS:
        return mounts_of(step);
    case DD_PROPERTY_FILES:
    case DD_PROPERTY_NETWORKS:
    case DD_PROPERTY_VOLUMES:
    case DD_PROPERTY_SECRETS:
    case DD_PROPERTY_ELSEWHERE:
        return NULL;
    }
    return NULL;
}

static json_t *step_json(const dd_taskfile *taskfile, const dd_step *step)
{
    json_t *json = json_pack("{s:o, s:s, s:o, s:o, s:o}", "id", text(step->id), "kind",
                             dd_step_kind_name(step->kind), "needs", needs_of(taskfile, step), "command",
                             text(step->command), "images", texts(&step->images));

    for (size_t i = 0; i < dd_step_property_count; i++) {
        json_t *value = property_json(step, &dd_step_properties[i]);

        if (value)
            json_object_set_new(json, dd_step_properties[i].name, value);
    }
    return json;
}

static json_t *networks_of(const dd_taskfile *taskfile)
{
    json_t *list = json_array();

    for (size_t i = 0; i < taskfile->network_count; i++) {
        const dd_network *network = &taskfile->networks[i];

        json_array_append_new(list,
                              json_pack("{s:o, s:o, s:b, s:b, s:b}", "name", text(network->name), "driver",
                                        text(network->driver), "ipv6", network->ipv6, "skipCreation",
                                        network->skip_creation, "isDefault", network->is_default));
    }
    return list;
}

/* Names only: what a volume holds is secret. */
static json_t *volumes_of(const dd_taskfile *taskfile)
{
    json_t *list = json_array();

    for (size_t i = 0; i < taskfile->volume_count; i++) {
        const dd_volume *volume = &taskfile->volumes[i];
        json_t *files = json_array();

        for (size_t j = 0; j < volume->file_count; j++)
            json_array_append_new(files, text(volume->files[j].name));
        json_array_append_new(list, json_pack("{s:o, s:o}", "name", text(volume->name), "files", files));
    }
    return list;
}

static json_t *secrets_of(const dd_taskfile *taskfile)
{
    json_t *list = json_array();

    for (size_t i = 0; i < taskfile->secret_count; i++) {
        const dd_secret_ref *secret = &taskfile->secrets[i];

        json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "id", text(secret->id), "keyvault",
                                              text(secret->keyvault), "clientID", text(secret->client_id)));
    }
    return list;
}

/* ---- The whole, a member at a time: as one value it would take many times its text's memory ---- */

static int append(const char *text, size_t length, void *into)
{
    dd_buf_add(into, text, length);
    return 0;
}

static void add_json(dd_buf *into, json_t *json)
{
    json_dump_callback(json, append, into, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY);
    json_decref(json);
}

static void add_member(dd_buf *into, const char *name, json_t *json)
{
    dd_buf_printf(into, "%s\"%s\":", into->length > 1 ? "," : "", name);
    add_json(into, json);
}

static void add_steps(dd_buf *into, const dd_taskfile *taskfile)
{
    dd_buf_add_str(into, ",\"steps\":[");
    for (size_t i = 0; i < taskfile->step_count; i++) {
        if (i > 0)
            dd_buf_add_char(into, ',');
        add_json(into, step_json(taskfile, &taskfile->steps[i]));
    }
    dd_buf_add_char(into, ']');
}

static json_t *stages_of(const dd_taskfile *taskfile)
{
    json_t *stages = json_array();
    for (size_t i = 0; i < taskfile->step_count; i++) {
        while (json_array_size(stages) <= taskfile->stage_of[i])
            json_array_append_new(stages, json_array());
        json_array_append_new(json_array_get(stages, taskfile->stage_of[i]), text(taskfile->steps[i].id));
    }
    return stages;
}

char *dd_taskfile_to_json(const dd_taskfile *taskfile)
{
    dd_buf into = {0};

    dd_buf_add_char(&into, '{');
    add_member(&into, "version", text(taskfile->version));
    add_member(&into, "stepTimeout", json_integer(taskfile->step_timeout_s));
    add_member(&into, "workingDirectory", text(taskfile->working_directory));
    add_member(&into, "env", texts(&taskfile->env));
    add_member(&into, "secrets", secrets_of(taskfile));
    add_member(&into, "networks", networks_of(taskfile));
    add_member(&into, "volumes", volumes_of(taskfile));
    add_steps(&into, taskfile);
    add_member(&into, "stages", stages_of(taskfile));
    dd_buf_add_char(&into, '}');
    return dd_buf_steal(&into);
}

/* All five keys always: a reader needs no tests. */
static json_t *problem_json(const dd_error *error)
{
    return json_pack("{s:o, s:i, s:i, s:o, s:o}", "message", text(error->message), "line", error->place.line,
                     "column", error->place.column, "path", text(error->path), "hint", text(error->hint));
}

static json_t *list_of(dd_error *const *problems, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, problem_json(problems[i]));
    return list;
}

char *dd_problems_to_json(const dd_problems *problems)
{
    json_t *json = json_pack("{s:o}", "errors", list_of(problems->errors, problems->error_count));

    if (problems->warning_count)
        json_object_set_new(json, "warnings", list_of(problems->warnings, problems->warning_count));
    return dump(json);
}

static json_t *reference_json(const dd_reference *reference)
{
    if (!reference)
        return json_null();
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "registry", text(reference->registry), "repository",
                     text(reference->repository), "tag", text(reference->tag), "digest",
                     text(reference->digest), "reference", text(reference->text));
}

char *dd_deps_to_json(const dd_deps *deps)
{
    json_t *buildtime = json_array();
    for (size_t i = 0; i < deps->buildtime_count; i++)
        json_array_append_new(buildtime, reference_json(deps->buildtime[i]));
    return dump(json_pack("{s:o, s:o}", "runtime", reference_json(deps->runtime), "buildtime", buildtime));
}
