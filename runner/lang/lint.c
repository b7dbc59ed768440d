/* What a task file may say but can hardly mean, and what it may say but a run refuses. Only what is certain:
 * a warning that is often wrong teaches its readers to look away. */
#include "runner/lang/lint_private.h"
#include <stdlib.h>
#include <string.h>

#define RUN_TIMEOUT_S 3600 /* of a task that does not say otherwise */
#define MOST_EXIT     255

void dd_lint_warn(const dd_lint *lint, size_t step, const char *property, const char *hint,
                  const char *format, ...)
{
    dd_auto_str path = dd_sprintf("steps[%zu].%s", step, property);
    dd_auto_str message = NULL;
    va_list args;

    va_start(args, format);
    message = dd_vsprintf(format, args);
    va_end(args);
    dd_problem_warning(lint->reader->problems, dd_property_place(lint->steps->items[step], property), path,
                       hint, "%s", message);
}

bool dd_lint_has(const dd_lint *lint, size_t step, const char *property)
{
    return dd_property_is_given(dd_yaml_get(lint->steps->items[step], property));
}

/* ---- What a run refuses ---- */

static void warn_refused(const dd_lint *lint, size_t step, const char *property, const dd_error *error)
{
    dd_lint_warn(lint, step, property, error->hint, "a run refuses this: %s", error->message);
}

static void read_command(dd_lint *lint, size_t index)
{
    dd_auto(dd_strv) words = NULL;
    dd_auto(dd_error) error = NULL;

    if (dd_words_split(lint->taskfile->steps[index].command, &words, &error) < 0 ||
        dd_run_options_parse(words, &lint->commands[index], &error) < 0)
        warn_refused(lint, index, "cmd", error);
}

static void read_build(dd_lint *lint, size_t index)
{
    dd_auto(dd_build_options) options = NULL;
    dd_auto(dd_error) error = NULL;
    const char *context;

    if (dd_build_args_parse(lint->taskfile->steps[index].command, &lint->builds[index], &error) < 0)
        return; /* told by the reader already */
    context = lint->builds[index]->context;
    if (dd_build_options_parse(&lint->builds[index]->others, &options, &error) < 0)
        warn_refused(lint, index, "build", error);
    if (strstr(context, "://") || dd_str_starts(context, "git@") || dd_str_starts(context, "github.com/"))
        dd_lint_warn(lint, index, "build",
                     "make that repository the task's context, or fetch it in a cmd step before",
                     "a run refuses this: the context '%s' is not in the workspace", context);
}

static void check_ports(const dd_lint *lint, size_t index)
{
    const dd_strv *ports = &lint->taskfile->steps[index].ports;

    for (size_t i = 0; i < ports->count; i++) {
        dd_auto_str port = NULL;
        dd_auto(dd_error) error = NULL;

        if (dd_port_on_loopback(ports->items[i], &port, &error) < 0)
            warn_refused(lint, index, "ports", error);
    }
}

static void check_mounts(const dd_lint *lint, size_t index)
{
    const dd_step *step = &lint->taskfile->steps[index];

    for (size_t i = 0; i < step->mount_count; i++)
        if (!dd_mount_path_is_valid(step->mounts[i].path))
            dd_lint_warn(lint, index, "volumeMounts", NULL,
                         "a run refuses this: '%s' is not an absolute path", step->mounts[i].path);
}

static bool is_declared(const dd_taskfile *taskfile, const char *network)
{
    static const char *const always[] = {"none", "bridge", "default"};

    for (size_t i = 0; i < DD_COUNT(always); i++)
        if (strcmp(always[i], network) == 0)
            return true;
    for (size_t i = 0; i < taskfile->network_count; i++)
        if (dd_str_eq(taskfile->networks[i].name, network))
            return true;
    return false;
}

static const char *nearest_network(const dd_taskfile *taskfile, const char *network)
{
    const char *names[64];
    size_t count = 0;

    for (size_t i = 0; i < taskfile->network_count && count < DD_COUNT(names); i++)
        names[count++] = taskfile->networks[i].name;
    return dd_str_nearest(network, names, count);
}

static void check_network(const dd_lint *lint, size_t index, const char *property, const char *network)
{
    const char *nearest;
    dd_auto_str hint = NULL;

    if (!network || !*network)
        return;
    nearest = nearest_network(lint->taskfile, network);
    hint = nearest ? dd_sprintf("did you mean %s?", nearest) : dd_strdup("declare it under networks:");
    if (strcmp(network, "host") == 0)
        dd_lint_warn(lint, index, property, NULL,
                     "a run refuses this: the network of the worker's machine is not permitted");
    else if (!is_declared(lint->taskfile, network))
        dd_lint_warn(lint, index, property, hint, "a run refuses this: network '%s' is not one of the task's",
                     network);
}

static void check_refusals(dd_lint *lint, size_t index)
{
    const dd_step *step = &lint->taskfile->steps[index];

    if (step->kind == DD_STEP_PUSH)
        return;
    if (step->kind == DD_STEP_CMD)
        read_command(lint, index);
    else
        read_build(lint, index);
    if (lint->commands[index])
        check_network(lint, index, "cmd", lint->commands[index]->network);
    if (dd_lint_has(lint, index, "network"))
        check_network(lint, index, "network", step->network);
    check_ports(lint, index);
    check_mounts(lint, index);
    if (step->privileged)
        dd_lint_warn(lint, index, "privileged", NULL, "a run refuses this: privileged is not permitted");
}

/* ---- What does nothing ---- */

static void check_retries(const dd_lint *lint, size_t index)
{
    static const char *const properties[] = {"retryDelay", "retryOnErrors"};
    const dd_step *step = &lint->taskfile->steps[index];

    for (size_t i = 0; i < DD_COUNT(properties) && step->retries == 0 && step->kind != DD_STEP_PUSH; i++)
        if (dd_lint_has(lint, index, properties[i]))
            dd_lint_warn(lint, index, properties[i], "write retries: too", "%s does nothing without retries",
                         properties[i]);
}

static void check_downloads(const dd_lint *lint, size_t index)
{
    static const char *const properties[] = {"cmdDownloadRetries", "cmdDownloadRetryDelay", "downloadRetries",
                                             "downloadRetryDelay"};
    const dd_step *step = &lint->taskfile->steps[index];

    for (size_t i = 0; i < DD_COUNT(properties) && step->kind == DD_STEP_CMD && !step->pull; i++)
        if (dd_lint_has(lint, index, properties[i]))
            dd_lint_warn(lint, index, properties[i], "write pull: true too",
                         "%s does nothing where the step does not pull", properties[i]);
}

static void check_exits(const dd_lint *lint, size_t index, const char *property, const int64_t *codes,
                        size_t count)
{
    if (count && lint->taskfile->steps[index].need_count == 0)
        dd_lint_warn(lint, index, property, "name the steps it asks about under when:",
                     "%s does nothing: this step waits for no other", property);
    for (size_t i = 0; i < count; i++)
        if (codes[i] < 0 || codes[i] > MOST_EXIT)
            dd_lint_warn(lint, index, property, NULL, "no step ends with %lld: exit codes are 0 to %d",
                         (long long)codes[i], MOST_EXIT);
}

static void check_directory(const dd_lint *lint, size_t index)
{
    const dd_step *step = &lint->taskfile->steps[index];

    if (step->kind == DD_STEP_CMD && step->disable_working_directory_override &&
        dd_lint_has(lint, index, "workingDirectory"))
        dd_lint_warn(lint, index, "workingDirectory", NULL,
                     "workingDirectory does nothing beside disableWorkingDirectoryOverride");
}

static void check_idle(const dd_lint *lint, size_t index)
{
    const dd_step *step = &lint->taskfile->steps[index];

    check_retries(lint, index);
    check_downloads(lint, index);
    check_directory(lint, index);
    check_exits(lint, index, "exitedWith", step->exited_with, step->exited_with_count);
    check_exits(lint, index, "exitedWithout", step->exited_without, step->exited_without_count);
}

/* ---- Time ---- */

static void check_timeouts(const dd_lint *lint)
{
    int64_t given = lint->reader->options->run_timeout_s, run = given ? given : RUN_TIMEOUT_S;
    dd_auto_str hint = dd_sprintf("give the task a longer timeout%s", given ? "" : ", and lint --timeout");
    dd_auto_str message = dd_sprintf("the run is ended before: after %lld s%s", (long long)run,
                                     given ? "" : ", unless its task says otherwise");
    const dd_yaml_node *root = lint->reader->root;

    for (size_t i = 0; i < lint->taskfile->step_count; i++)
        if (lint->taskfile->steps[i].timeout_s > run && dd_lint_has(lint, i, "timeout"))
            dd_lint_warn(lint, i, "timeout", hint, "%s", message);
    if (lint->taskfile->step_timeout_s > run)
        dd_problem_warning(lint->reader->problems, dd_property_place(root, "stepTimeout"), "stepTimeout",
                           hint, "%s", message);
}

/* ---- What is declared and not used ---- */

static void warn_unused(const dd_lint *lint, const char *list, size_t index, const char *what,
                        const char *name)
{
    dd_auto_str path = dd_sprintf("%s[%zu]", list, index);

    dd_problem_warning(lint->reader->problems, dd_yaml_get(lint->reader->root, list)->items[index]->place,
                       path, NULL, "no step uses the %s '%s'", what, name);
}

static bool mounts(const dd_lint *lint, size_t index, const char *volume)
{
    const dd_step *step = &lint->taskfile->steps[index];
    const dd_run_options *command = lint->commands[index];

    for (size_t i = 0; i < step->mount_count; i++)
        if (strcmp(step->mounts[i].name, volume) == 0)
            return true;
    for (size_t i = 0; command && i < command->volume_count; i++)
        if (strcmp(command->volumes[i].name, volume) == 0)
            return true;
    return false;
}

static bool is_on(const dd_lint *lint, size_t index, const char *network)
{
    const dd_run_options *command = lint->commands[index];

    return dd_str_eq(lint->taskfile->steps[index].network, network) ||
           (command && dd_str_eq(command->network, network));
}

static bool any_step(const dd_lint *lint, bool (*uses)(const dd_lint *, size_t, const char *),
                     const char *name)
{
    for (size_t i = 0; i < lint->taskfile->step_count; i++)
        if (uses(lint, i, name))
            return true;
    return false;
}

/* Is the secret asked for in the text? Where it is asked for in a way that names none, as `range` does, all
 * are used. */
static bool asks_for(const char *text, size_t length, const char *secret)
{
    static const char word[] = "Secrets";
    size_t name = strlen(secret);
    const char *end = text + length;

    for (const char *at = text; (at = memmem(at, (size_t)(end - at), word, sizeof(word) - 1));) {
        at += sizeof(word) - 1;
        if (at == end || *at != '.')
            return true;
        if ((size_t)(end - at) > name && memcmp(at + 1, secret, name) == 0 &&
            (at + 1 + name == end ||
             !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", at[1 + name])))
            return true;
    }
    return false;
}

/* What the file itself declares: a network of the command line is the last one and in no list. */
static size_t declared(const dd_lint *lint, const char *list)
{
    const dd_yaml_node *node = dd_yaml_get(lint->reader->root, list);

    return node && node->kind == DD_YAML_LIST ? node->length : 0;
}

static void check_unused(const dd_lint *lint)
{
    const dd_taskfile *taskfile = lint->taskfile;
    const dd_reader *reader = lint->reader;

    for (size_t i = 0; i < declared(lint, "volumes"); i++)
        if (!any_step(lint, mounts, taskfile->volumes[i].name))
            warn_unused(lint, "volumes", i, "volume", taskfile->volumes[i].name);
    for (size_t i = 0; i < declared(lint, "networks"); i++)
        if (!any_step(lint, is_on, taskfile->networks[i].name))
            warn_unused(lint, "networks", i, "network", taskfile->networks[i].name);
    for (size_t i = 0; reader->source && i < declared(lint, "secrets"); i++)
        if (!asks_for(reader->source, reader->source_length, taskfile->secrets[i].id))
            warn_unused(lint, "secrets", i, "secret", taskfile->secrets[i].id);
}

static void check_networks(const dd_lint *lint)
{
    for (size_t i = 0; i < declared(lint, "networks"); i++) {
        const dd_network *network = &lint->taskfile->networks[i];
        dd_auto_str path = dd_sprintf("networks[%zu].driver", i);

        if (!network->driver || !*network->driver || strcmp(network->driver, "bridge") == 0)
            continue;
        dd_problem_warning(lint->reader->problems,
                           dd_property_place(dd_yaml_get(lint->reader->root, "networks")->items[i], "driver"),
                           path, NULL, "a run refuses this: only the driver bridge is permitted");
    }
}

/* ---- The whole ---- */

static void lint_steps(dd_lint *lint)
{
    size_t count = lint->taskfile->step_count;

    lint->commands = dd_calloc(count, sizeof(dd_run_options *));
    lint->builds = dd_calloc(count, sizeof(dd_build_args *));
    for (size_t i = 0; i < count; i++) {
        check_refusals(lint, i);
        check_idle(lint, i);
    }
    check_timeouts(lint);
    check_networks(lint);
    check_unused(lint);
    dd_lint_images(lint);
    for (size_t i = 0; i < count; i++) {
        dd_run_options_free(lint->commands[i]);
        dd_build_args_free(lint->builds[i]);
    }
    free(lint->commands);
    free(lint->builds);
}

void dd_taskfile_lint(const dd_reader *reader)
{
    dd_lint lint = {
        .reader = reader, .taskfile = reader->taskfile, .steps = dd_yaml_get(reader->root, "steps")};

    if (reader->taskfile->step_count)
        lint_steps(&lint);
    else
        dd_problem_warning(reader->problems, reader->root->place, NULL, NULL, "this file has no steps");
}
