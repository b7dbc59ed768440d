/* Task files, problems and dependencies as JSON: the fixed outputs of design.md. */
#include "runner/runner.h"

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

static json_t *step_json(const dd_taskfile *taskfile, const dd_step *step)
{
    json_t *json = json_pack("{s:o, s:s, s:o, s:o, s:o}", "id", text(step->id), "kind",
                             dd_step_kind_name(step->kind), "needs", needs_of(taskfile, step), "command",
                             text(step->command), "images", texts(&step->images));
    const struct {
        const char *name;
        json_t *value;
    } rest[] = {
        {"when", texts(&step->when)},
        {"workingDirectory", text(step->working_directory)},
        {"entryPoint", text(step->entry_point)},
        {"user", text(step->user)},
        {"network", text(step->network)},
        {"isolation", text(step->isolation)},
        {"cpus", text(step->cpus)},
        {"cache", text(step->cache)},
        {"env", texts(&step->env)},
        {"expose", texts(&step->expose)},
        {"ports", texts(&step->ports)},
        {"volumeMounts", mounts_of(step)},
        {"timeout", json_integer(step->timeout_s)},
        {"startDelay", json_integer(step->start_delay_s)},
        {"retries", json_integer(step->retries)},
        {"retryDelay", json_integer(step->retry_delay_s)},
        {"retryOnErrors", texts(&step->retry_on_errors)},
        {"repeat", json_integer(step->repeat)},
        {"downloadRetries", json_integer(step->download_retries)},
        {"downloadRetryDelay", json_integer(step->download_retry_delay_s)},
        {"exitedWith", numbers(step->exited_with, step->exited_with_count)},
        {"exitedWithout", numbers(step->exited_without, step->exited_without_count)},
        {"keep", json_boolean(step->keep)},
        {"detach", json_boolean(step->detach)},
        {"privileged", json_boolean(step->privileged)},
        {"pull", json_boolean(step->pull)},
        {"ignoreErrors", json_boolean(step->ignore_errors)},
        {"disableWorkingDirectoryOverride", json_boolean(step->disable_working_directory_override)},
        {"dockerSocket", json_boolean(step->docker_socket)},
    };
    for (size_t i = 0; i < DD_COUNT(rest); i++)
        json_object_set_new(json, rest[i].name, rest[i].value);
    return json;
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
    json_t *networks = json_array(), *steps = json_array();
    for (size_t i = 0; i < taskfile->network_count; i++) {
        const dd_network *network = &taskfile->networks[i];
        json_array_append_new(networks,
                              json_pack("{s:o, s:o, s:b, s:b, s:b}", "name", text(network->name), "driver",
                                        text(network->driver), "ipv6", network->ipv6, "skipCreation",
                                        network->skip_creation, "isDefault", network->is_default));
    }
    for (size_t i = 0; i < taskfile->step_count; i++)
        json_array_append_new(steps, step_json(taskfile, &taskfile->steps[i]));
    return dump(json_pack("{s:o, s:I, s:o, s:o, s:o}", "version", text(taskfile->version), "stepTimeout",
                          (json_int_t)taskfile->step_timeout_s, "networks", networks, "steps", steps,
                          "stages", stages_of(taskfile)));
}

char *dd_problems_to_json(const dd_problems *problems)
{
    json_t *errors = json_array();
    for (size_t i = 0; i < problems->error_count; i++) {
        const dd_error *error = problems->errors[i];
        json_t *json = json_pack("{s:o}", "message", text(error->message));
        if (error->place.line) {
            json_object_set_new(json, "line", json_integer(error->place.line));
            json_object_set_new(json, "column", json_integer(error->place.column));
        }
        if (error->path)
            json_object_set_new(json, "path", text(error->path));
        if (error->hint)
            json_object_set_new(json, "hint", text(error->hint));
        json_array_append_new(errors, json);
    }
    return dump(json_pack("{s:o}", "errors", errors));
}

static json_t *reference_json(const dd_reference *reference)
{
    if (!reference)
        return json_null();
    json_t *json = json_pack("{s:o, s:o}", "registry", text(reference->registry), "repository",
                             text(reference->repository));
    if (reference->tag)
        json_object_set_new(json, "tag", text(reference->tag));
    if (reference->digest)
        json_object_set_new(json, "digest", text(reference->digest));
    json_object_set_new(json, "reference", text(reference->text));
    return json;
}

char *dd_deps_to_json(const dd_deps *deps)
{
    json_t *buildtime = json_array();
    for (size_t i = 0; i < deps->buildtime_count; i++)
        json_array_append_new(buildtime, reference_json(deps->buildtime[i]));
    return dump(json_pack("{s:o, s:o}", "runtime", reference_json(deps->runtime), "buildtime", buildtime));
}
