/* drydock task …: what is stored, and runs asked for by a person. */
#include "verbs.h"

#include "follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_S 30

/* ---- apply ---- */

static int apply(const dd_args *args)
{
    const char *file = dd_args_value(args, "file");
    dd_auto(dd_buf) text = NULL;
    dd_error *error = NULL;
    dd_task **tasks = NULL;
    size_t count = 0;
    json_t *answer = NULL;
    bool as_json;
    if (!file)
        return dd_verb_misuse(args, "which file? -f FILE");
    if (dd_args_output(args, &as_json, &error) < 0 ||
        (strcmp(file, "-") == 0 ? dd_buf_read_fd(STDIN_FILENO, (size_t)DD_YAML_MAX_BYTES, &text, &error)
                                : dd_buf_read_file(file, (size_t)DD_YAML_MAX_BYTES, &text, &error)) < 0)
        return dd_verb_fail(args, error);
    /* Read here too, so that errors name the file as the user has it. */
    if (dd_tasks_parse(text->data, text->length, file, &tasks, &count, &error) < 0)
        return dd_verb_fail(args, error);
    for (size_t i = 0; i < count; i++)
        dd_task_free(tasks[i]);
    free(tasks);
    if (dd_client_call(args, "POST", "/tasks", text->data, TIMEOUT_S, &answer, &error) < 0)
        return dd_verb_fail(args, error);
    const json_t *list = json_object_get(answer, "tasks");
    if (as_json)
        dd_print_json(list);
    for (size_t i = 0; !as_json && i < json_array_size(list); i++)
        printf("task %s %s\n", json_string_value(json_object_get(json_array_get(list, i), "name")),
               json_string_value(json_object_get(json_array_get(list, i), "result")));
    json_decref(answer);
    return 0;
}

static const dd_option apply_options[] = {{"file", 'f', "FILE", "the tasks, as YAML; - is standard input"},
                                          DD_OUTPUT_OPTION,
                                          DD_CLIENT_OPTIONS,
                                          {0}};
const dd_verb dd_verb_task_apply = {
    .name = "task apply",
    .summary = "create or update tasks from a file",
    .usage = "-f FILE",
    .help = "  The file has a list `tasks:`; each task has a name, a context (REPOSITORY#BRANCH:FOLDER), the "
            "task file to\n"
            "  run, and triggers:\n\n"
            "    tasks:\n"
            "      - name: hello-world\n"
            "        context: https://github.com/org/hello.git#main\n"
            "        file: acr-task.yaml\n"
            "        triggers:\n"
            "          commit: {branches: [main], paths: [\"src/**\", \"!docs/**\"]}\n"
            "          base_image: {type: runtime}\n\n"
            "  Without `triggers` a task runs for commits of its branch and for its runtime base image, as "
            "in ACR. A task that is\n"
            "  there already is replaced; tasks that the file does not name stay as they are.\n",
    .examples = "  drydock task apply -f tasks.yaml\n"
                "  drydock task show hello-world | sed 's/#main/#next/' | drydock task apply -f -\n",
    .options = apply_options,
    .main = apply,
};

/* ---- list, show, delete ---- */

static int list(const dd_args *args)
{
    static const dd_column columns[] = {{"NAME", "name"},
                                        {"STATUS", "status"},
                                        {"POOL", "pool"},
                                        {"CONTEXT", "context"},
                                        {"LAST RUN", "last_run"}};
    json_t *answer = NULL;
    dd_error *error = NULL;
    bool as_json;
    if (dd_args_output(args, &as_json, &error) < 0 ||
        dd_client_call(args, "GET", "/tasks", NULL, TIMEOUT_S, &answer, &error) < 0)
        return dd_verb_fail(args, error);
    if (as_json)
        dd_print_json(json_object_get(answer, "tasks"));
    else
        dd_print_table(json_object_get(answer, "tasks"), columns, DD_COUNT(columns));
    json_decref(answer);
    return 0;
}

static const dd_option common_options[] = {DD_OUTPUT_OPTION, DD_CLIENT_OPTIONS, {0}};
const dd_verb dd_verb_task_list = {.name = "task list",
                                   .summary = "the tasks",
                                   .usage = "",
                                   .help = "  Lists the stored tasks by name, with the last run of each.\n",
                                   .examples = "  drydock task list -o json | jq -r '.[].name'\n",
                                   .options = common_options,
                                   .main = list};

/* A name or id that goes into a path: checked here, so that nothing in it is a path's syntax. */
static int path_of(const dd_args *args, const char *format, char **ret, dd_error **err)
{
    const char *name = dd_args_word(args, 0);
    if (!dd_name_is_valid(name))
        return dd_fail(err, DD_ERR_INVALID, "'%s' is no name", name);
    const char *star = strchr(format, '*');
    *ret = dd_sprintf("%.*s%s%s", (int)(star - format), format, name, star + 1);
    return 0;
}

static void show_bases(const json_t *task)
{
    const char *reference;
    json_t *use;
    json_object_foreach((json_t *)(uintptr_t)json_object_get(task, "bases"), reference, use)
        printf("# built from %s %s\n", reference, json_string_value(use));
}

static int show(const dd_args *args)
{
    dd_auto_str path = NULL;
    json_t *answer = NULL;
    dd_error *error = NULL;
    bool as_json;
    if (dd_args_output(args, &as_json, &error) < 0 || path_of(args, "/tasks/*", &path, &error) < 0 ||
        dd_client_call(args, "GET", path, NULL, TIMEOUT_S, &answer, &error) < 0)
        return dd_verb_fail(args, error);
    if (as_json) {
        dd_print_json(answer);
    } else {
        const char *yaml = json_string_value(json_object_get(answer, "yaml"));
        show_bases(answer);
        fputs(yaml ? yaml : "", stdout);
    }
    json_decref(answer);
    return 0;
}

const dd_verb dd_verb_task_show = {
    .name = "task show",
    .summary = "a task as it is stored, and the base images it was last built from",
    .usage = "NAME",
    .help = "  The output can be given to `drydock task apply -f -`: base images stand in comments.\n",
    .examples = "  drydock task show hello-world\n",
    .options = common_options,
    .least = 1,
    .most = 1,
    .main = show,
};

static int delete (const dd_args *args)
{
    dd_auto_str path = NULL;
    json_t *answer = NULL;
    dd_error *error = NULL;
    if (path_of(args, "/tasks/*", &path, &error) < 0 ||
        dd_client_call(args, "DELETE", path, NULL, TIMEOUT_S, &answer, &error) < 0)
        return dd_verb_fail(args, error);
    printf("task %s deleted\n", dd_args_word(args, 0));
    json_decref(answer);
    return 0;
}

const dd_verb dd_verb_task_delete = {.name = "task delete",
                                     .summary = "forget a task; its runs stay",
                                     .usage = "NAME",
                                     .help = "  Runs that wait or run go on; `drydock runs cancel` ends "
                                             "them.\n",
                                     .examples = "  drydock task delete hello-world\n",
                                     .options = common_options,
                                     .least = 1,
                                     .most = 1,
                                     .main = delete};

/* ---- run ---- */

static json_t *overrides(const dd_args *args, dd_error **err)
{
    json_t *body = json_object();
    const char *ref = dd_args_value(args, "ref"), *commit = dd_args_value(args, "commit");
    const dd_strv *sets = dd_args_values(args, "set");
    if (ref)
        json_object_set_new(body, "ref", json_string(ref));
    if (commit)
        json_object_set_new(body, "commit", json_string(commit));
    for (size_t i = 0; i < sets->count; i++) {
        const char *equals = strchr(sets->items[i], '=');
        if (!equals || equals == sets->items[i]) {
            dd_fail(err, DD_ERR_INVALID, "--set: '%s' is not KEY=VALUE", sets->items[i]);
            json_decref(body);
            return NULL;
        }
        dd_auto_str key = dd_strndup(sets->items[i], (size_t)(equals - sets->items[i]));
        json_t *values = json_object_get(body, "values");
        if (!values) {
            json_object_set_new(body, "values", json_object());
            values = json_object_get(body, "values");
        }
        json_object_set_new(values, key, json_string(equals + 1));
    }
    return body;
}

static int run(const dd_args *args)
{
    dd_auto_str path = NULL;
    json_t *answer = NULL;
    dd_error *error = NULL;
    if (path_of(args, "/tasks/*/runs", &path, &error) < 0)
        return dd_verb_fail(args, error);
    json_t *body = overrides(args, &error);
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    int result = text ? dd_client_call(args, "POST", path, text, TIMEOUT_S, &answer, &error) : -1;
    free(text);
    if (result < 0)
        return dd_verb_fail(args, error);
    dd_auto_str id = dd_strdup(json_string_value(json_object_get(answer, "run")));
    json_decref(answer);
    printf("%s\n", id ? id : "");
    fflush(stdout);
    bool follow = dd_args_has(args, "follow");
    return id && (follow || dd_args_has(args, "wait")) ? dd_follow_run(args, id, follow, 0) : 0;
}

static const dd_option run_options[] = {
    {"follow", 'f', NULL, "print the log as it comes; exit 1 unless it succeeds"},
    {"wait", 'w', NULL, "wait for the end, and exit 1 unless it succeeds"},
    {"ref", 0, "BRANCH", "another branch than the task's"},
    {"commit", 0, "ID", "this commit rather than the branch's head"},
    {"set", 0, "KEY=VALUE", "instead of the task's values (again for more)"},
    DD_CLIENT_OPTIONS,
    {0}};
const dd_verb dd_verb_task_run = {
    .name = "task run",
    .summary = "run a task now",
    .usage = "NAME",
    .help = "  Puts a run of the task into its pool's queue, before those of commits and base images, and "
            "prints its "
            "id.\n"
            "  Each call makes a run.\n",
    .examples =
        "  drydock task run hello-world --follow\n"
        "  run=$(drydock task run hello-world --ref next --set greeting=hi) && drydock runs wait \"$run\"\n",
    .options = run_options,
    .least = 1,
    .most = 1,
    .main = run,
};
