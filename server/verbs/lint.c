/* drydock lint: all that is wrong or doubtful with a task file, at once. */
#include "language.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TIMEOUT_S 28800 /* a task's longest */

/* What a run has of .Run and nobody gave: without a registry or an id, `registry/name:{{.Run.ID}}` would be
 * wrong in ways that no run sees. */
static void add_examples(const dd_args *args, dd_template_data *data)
{
    static const char *const examples[][2] = {
        {"ID", "ca1"},
        {"Commit", "0123456789abcdef0123456789abcdef01234567"},
        {"Repository", "https://git.example.com/org/name.git"},
        {"Branch", "main"},
        {"TriggeredBy", "manual"},
        {"Registry", "registry.example.com"},
        {"Date", "20260102-030405z"},
        {"SharedVolume", "workspace"},
        {"OSVersion", "1"},
        {"TaskName", "task"},
    };
    const dd_strv *given = dd_args_values(args, "run");
    for (size_t i = 0; i < DD_COUNT(examples); i++) {
        dd_auto_str start = dd_sprintf("%s=", examples[i][0]);
        bool known = false;
        for (size_t j = 0; j < given->count; j++)
            known |= dd_str_starts(given->items[j], start);
        if (!known)
            dd_template_data_run(data, examples[i][0], examples[i][1]);
    }
}

/* Under --strict a warning is an error. */
static void make_strict(dd_problems *problems)
{
    size_t count = problems->error_count + problems->warning_count;
    problems->errors = dd_reallocarray(problems->errors, count + 1, sizeof(dd_error *));
    for (size_t i = 0; i < problems->warning_count; i++)
        problems->errors[problems->error_count++] = problems->warnings[i];
    problems->warning_count = 0;
}

/* Errors and warnings are both there always: a reader needs no tests. */
static void print_json(const dd_problems *problems)
{
    dd_auto_str told = dd_problems_to_json(problems);
    json_t *json = json_loads(told, 0, NULL);
    if (!json_object_get(json, "warnings"))
        json_object_set_new(json, "warnings", json_array());
    char *text = json_dumps(json, JSON_COMPACT);
    puts(text);
    free(text);
    json_decref(json);
}

static void add_count(dd_buf *into, size_t count, const char *what)
{
    dd_buf_printf(into, "%s%zu %s%s", into->length ? ", " : "", count, what, count == 1 ? "" : "s");
}

/* Where all is well, on the output; else at the end of what is told. */
static void print_summary(const dd_source *source, const dd_taskfile *taskfile, const dd_problems *problems)
{
    dd_buf line = {0};
    dd_auto_str name = dd_text_safe(source->name);
    if (taskfile)
        add_count(&line, taskfile->step_count, "step");
    if (problems->error_count)
        add_count(&line, problems->error_count, "error");
    if (problems->warning_count)
        add_count(&line, problems->warning_count, "warning");
    if (!problems->error_count && !problems->warning_count)
        dd_buf_add_str(&line, ", no problems");
    fprintf(problems->error_count ? stderr : stdout, "%s: %s\n", name, line.data);
    dd_buf_done(&line);
}

static void print_all(const dd_source *source, const dd_taskfile *taskfile, const dd_problems *problems,
                      dd_format format)
{
    if (format == DD_FORMAT_JSON) {
        print_json(problems);
        return;
    }
    dd_source_tell_all(source, "error", problems->errors, problems->error_count);
    dd_source_tell_all(source, "warning", problems->warnings, problems->warning_count);
    print_summary(source, taskfile, problems);
}

/* A failure before the task file itself could be read. */
static int print_error(const dd_source *source, dd_error *error, dd_format format)
{
    dd_problems problems = {.errors = &error, .error_count = 1};
    int code = dd_error_exit_code(error);
    if (format == DD_FORMAT_JSON)
        print_json(&problems);
    else
        dd_source_tell(source, "error", error);
    dd_error_free(error);
    return code;
}

static int look(const dd_args *args, const dd_source *source, dd_format format)
{
    dd_auto(dd_template_data) data = NULL;
    dd_auto(dd_taskfile) taskfile = NULL;
    dd_auto(dd_problems) problems = NULL;
    dd_taskfile_options options;
    dd_error *error = NULL;
    int64_t timeout_s = 0;
    if (dd_args_int(args, "timeout", 1, MOST_TIMEOUT_S, &timeout_s, &error) < 0)
        return dd_verb_fail(args, error);
    if (dd_source_template_data(args, &data, &error) < 0)
        return print_error(source, error, format);
    add_examples(args, data);
    dd_source_options(args, &options);
    options.lint = true;
    options.run_timeout_s = timeout_s;
    int code =
        dd_taskfile_load(source->text->data, source->text->length, data, &options, &taskfile, &problems) < 0
            ? dd_error_exit_code(problems->errors[0])
            : 0;
    dd_strv_done(&options.env);
    if (code == 0 && dd_args_has(args, "strict") && problems->warning_count)
        code = 1;
    if (dd_args_has(args, "strict"))
        make_strict(problems);
    print_all(source, taskfile, problems, format);
    return code;
}

static int lint(const dd_args *args)
{
    dd_source source;
    dd_format format;
    dd_error *error = NULL;
    int code;
    if (dd_source_format(args, DD_FORMAT_TEXT + 1, DD_FORMAT_TEXT, &format, &error) < 0)
        return dd_verb_fail(args, error);
    if (dd_source_read(args, &source, &error) == 0)
        code = look(args, &source, format);
    else
        code = source.name ? print_error(&source, error, format) : dd_verb_fail(args, error);
    dd_source_done(&source);
    return code;
}

static const dd_option options[] = {
    DD_TASKFILE_OPTIONS,
    {"timeout", 0, "SECONDS", "the task's, which ends its steps (default 3600, as tasks have)"},
    {"strict", 0, NULL, "warnings are errors"},
    {"output", 'o', "FORMAT", "text (default) or json"},
    {0}};
const dd_verb dd_verb_lint = {
    .name = "lint",
    .summary = "what is wrong or doubtful with a task file",
    .usage = "-f FILE",
    .help =
        "  Renders and reads the file as a run would, and tells all errors and warnings at once, as a "
        "compiler does:\n"
        "  FILE:LINE:COLUMN: error: what is wrong, the line, a caret, a hint. Give it the values that "
        "runs have;\n"
        "  what is not given of .Run is made up.\n\n"
        "  Warned about is what can hardly be meant: unknown and repeated keys, a `when` that names a kind "
        "of step and\n"
        "  no id, images that are pushed or run and that no step builds or waits for, properties that do "
        "nothing\n"
        "  there, timeouts longer than the run's, volumes, networks and secrets that no step uses; and what "
        "a run\n"
        "  would refuse: options, ports and networks that hand over the worker's machine.\n\n"
        "  With -o json, {\"errors\": [...], \"warnings\": [...]}, each with \"message\", \"line\", "
        "\"column\", \"path\" and\n"
        "  \"hint\". Exit status 2 when a run would not take the file, 1 for warnings under --strict.\n",
    .examples = "  drydock lint -f acr-task.yaml --run Registry=r.example.com\n"
                "  drydock lint -f acr-task.yaml --strict -o json | jq -r '.errors[].message'\n",
    .options = options,
    .most = 1,
    .main = lint,
};
