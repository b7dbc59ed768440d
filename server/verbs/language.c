/* The language tools: render, graph, deps. Their outputs are fixed (design.md). */
#include "verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define FILE_MAX_BYTES ((size_t)1024 * 1024)

/* "-" is standard input. */
static int read_input(const char *path, dd_buf **ret, dd_error **err)
{
    if (strcmp(path, "-") == 0)
        return dd_buf_read_fd(STDIN_FILENO, FILE_MAX_BYTES, ret, err);
    return dd_buf_read_file(path, FILE_MAX_BYTES, ret, err);
}

/* -f FILE, or the one argument. */
static const char *input_of(const dd_args *args)
{
    const char *file = dd_args_value(args, "file");
    return file ? file : dd_args_word(args, 0);
}

static int set_run(dd_template_data *data, const char *assignment, dd_error **err)
{
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment)
        return dd_fail(err, DD_ERR_INVALID, "--run: '%s' is not NAME=VALUE", assignment);
    dd_auto_str name = dd_strndup(assignment, (size_t)(equals - assignment));
    dd_template_data_run(data, name, equals + 1);
    return 0;
}

/* Architectures under Docker's names, as ACR has them. */
static const char *architecture(const char *machine)
{
    static const char *const names[][2] = {{"x86_64", "amd64"}, {"aarch64", "arm64"}, {"i686", "386"}};
    for (size_t i = 0; i < DD_COUNT(names); i++)
        if (strcmp(machine, names[i][0]) == 0)
            return names[i][1];
    return machine;
}

static int template_data(const dd_args *args, dd_template_data **ret, dd_error **err)
{
    dd_auto(dd_template_data) data = dd_template_data_new();
    struct utsname machine;
    uname(&machine);
    dd_template_data_run(data, "OS", "linux");
    dd_template_data_run(data, "Architecture", architecture(machine.machine));
    const dd_strv *files = dd_args_values(args, "values");
    for (size_t i = 0; i < files->count; i++) {
        dd_auto(dd_buf) text = NULL;
        if (read_input(files->items[i], &text, err) < 0 ||
            dd_template_data_values(data, text->data, text->length, files->items[i], err) < 0)
            return -1;
    }
    const dd_strv *sets = dd_args_values(args, "set"), *runs = dd_args_values(args, "run");
    for (size_t i = 0; i < sets->count; i++)
        if (dd_template_data_set(data, sets->items[i], err) < 0)
            return -1;
    for (size_t i = 0; i < runs->count; i++)
        if (set_run(data, runs->items[i], err) < 0)
            return -1;
    *ret = dd_take(data);
    return 0;
}

/* "FILE:LINE:COLUMN: error: …" on standard error; the exit code. */
static int fail_in_file(const char *file, dd_error *error)
{
    dd_auto_str text = dd_error_compiler_text(error, file);
    int code = dd_error_exit_code(error);
    fprintf(stderr, "%s\n", text);
    dd_error_free(error);
    return code;
}

#define TEMPLATE_OPTIONS                                                                                     \
    {"file", 'f', "FILE", "the task file; - is standard input"},                                             \
        {"values", 0, "FILE", "a YAML file of .Values (again: later ones win)"},                             \
        {"set", 0, "KEY=VALUE", "one of .Values (again for more)"},                                          \
    {                                                                                                        \
        "run", 0, "NAME=VALUE", "one of .Run, e.g. ID=ca1 (again for more)"                                  \
    }

/* ---- render ---- */

static int render(const dd_args *args)
{
    const char *file = input_of(args);
    dd_auto(dd_buf) text = NULL;
    dd_auto(dd_buf) rendered = NULL;
    dd_auto(dd_template_data) data = NULL;
    dd_error *error = NULL;
    if (!file)
        return dd_verb_misuse(args, "which file? -f FILE");
    if (template_data(args, &data, &error) < 0)
        return dd_verb_fail(args, error);
    if (read_input(file, &text, &error) < 0 ||
        dd_render(text->data, text->length, data, &rendered, &error) < 0)
        return fail_in_file(file, error);
    fwrite(rendered->data, 1, rendered->length, stdout);
    return 0;
}

static const dd_option render_options[] = {TEMPLATE_OPTIONS, {0}};
const dd_verb dd_verb_render = {
    .name = "render",
    .summary = "a task file after aliases and templates",
    .usage = "-f FILE",
    .help = "  Prints the file as a run would read it. What is not given of .Run is empty; OS and "
            "Architecture are this\n"
            "  machine's. An error is printed as FILE:LINE:COLUMN: error: what is wrong.\n",
    .examples =
        "  drydock render -f acr-task.yaml --run ID=ca1 --run Registry=r.example.com --set greeting=hi\n"
        "  drydock render -f acr-task.yaml --values staging.yaml | diff - expected.yaml\n",
    .options = render_options,
    .most = 1,
    .main = render,
};

/* ---- graph ---- */

/* A failure before the task file itself could be read, in graph's own form. */
static int graph_failed(dd_error *error)
{
    dd_problems problems = {.errors = &error, .error_count = 1};
    char *json = dd_problems_to_json(&problems);
    int code = dd_error_exit_code(error);
    puts(json);
    free(json);
    dd_error_free(error);
    return code;
}

static void print_warnings(const char *file, const dd_problems *problems)
{
    for (size_t i = 0; problems && i < problems->warning_count; i++) {
        const dd_error *warning = problems->warnings[i];
        fprintf(stderr, "%s:%d:%d: warning: %s%s%s\n", file, warning->place.line, warning->place.column,
                warning->path ? warning->path : "", warning->path ? ": " : "", warning->message);
        if (warning->hint)
            fprintf(stderr, "  hint: %s\n", warning->hint);
    }
}

static int print_graph(const char *file, const dd_buf *text, const dd_template_data *data,
                       const dd_taskfile_options *options)
{
    dd_auto(dd_taskfile) taskfile = NULL;
    dd_auto(dd_problems) problems = NULL;
    int result = dd_taskfile_load(text->data, text->length, data, options, &taskfile, &problems);
    print_warnings(file, problems);
    char *json = result < 0 ? dd_problems_to_json(problems) : dd_taskfile_to_json(taskfile);
    puts(json);
    free(json);
    return result < 0 ? 2 : 0;
}

static int graph(const dd_args *args)
{
    const char *file = input_of(args), *format = dd_args_value(args, "output");
    dd_auto(dd_buf) text = NULL;
    dd_auto(dd_template_data) data = NULL;
    dd_error *error = NULL;
    dd_taskfile_options options = {.network = dd_args_value(args, "network"),
                                   .working_directory = dd_args_value(args, "working-directory")};
    if (!file)
        return dd_verb_misuse(args, "which file? -f FILE");
    if (format && strcmp(format, "json") != 0)
        return dd_verb_misuse(args, "--output: this version writes json");
    if (template_data(args, &data, &error) < 0 || read_input(file, &text, &error) < 0)
        return graph_failed(error);
    dd_strv_add_all(&options.env, (const char *const *)dd_args_values(args, "env")->items);
    int code = print_graph(file, text, data, &options);
    dd_strv_done(&options.env);
    return code;
}

static const dd_option graph_options[] = {
    TEMPLATE_OPTIONS,
    {"env", 0, "KEY=VALUE", "for every step, with the lowest rank (again for more)"},
    {"network", 0, "NAME", "the steps' default network"},
    {"working-directory", 0, "DIR", "the steps' default working directory"},
    {"output", 'o', "FORMAT", "json"},
    {0}};
const dd_verb dd_verb_graph = {
    .name = "graph",
    .summary = "a task file's steps, what each needs, and its stages",
    .usage = "-f FILE",
    .help = "  Prints every step with its properties under their YAML names and their defaults filled in, in "
            "file order,\n"
            "  and the stages in which they could start. A rejected file gives {\"errors\": [{\"message\", "
            "\"line\",\n"
            "  \"column\", \"path\", \"hint\"}]} and exit status 2; warnings go to standard error.\n",
    .examples = "  drydock graph -f acr-task.yaml --run Registry=r.example.com\n"
                "  drydock graph -f acr-task.yaml | jq -c '.stages[]'\n",
    .options = graph_options,
    .most = 1,
    .main = graph,
};

/* ---- deps ---- */

static int deps(const dd_args *args)
{
    const char *file = input_of(args), *format = dd_args_value(args, "output");
    dd_auto(dd_buf) text = NULL;
    dd_auto(dd_deps) found = NULL;
    dd_error *error = NULL;
    if (!file)
        return dd_verb_misuse(args, "which Dockerfile? -f FILE");
    if (format && strcmp(format, "json") != 0)
        return dd_verb_misuse(args, "--output: this version writes json");
    if (read_input(file, &text, &error) < 0 ||
        dd_deps_scan(text->data, text->length, dd_args_values(args, "build-arg"),
                     dd_args_value(args, "target"), &found, &error) < 0)
        return fail_in_file(file, error);
    char *json = dd_deps_to_json(found);
    puts(json);
    free(json);
    return 0;
}

static const dd_option deps_options[] = {
    {"file", 'f', "FILE", "the Dockerfile; - is standard input"},
    {"build-arg", 0, "KEY=VALUE", "as the build is given it (again for more)"},
    {"target", 0, "STAGE", "the stage that is built (default the last)"},
    {"output", 'o', "FORMAT", "json"},
    {0}};
const dd_verb dd_verb_deps = {
    .name = "deps",
    .summary = "what a Dockerfile is built from",
    .usage = "-f DOCKERFILE",
    .help = "  Prints the runtime base (what the final stage comes from; null for scratch) and the "
            "build-time ones, as\n"
            "  normalised references.\n",
    .examples = "  drydock deps -f Dockerfile --build-arg REGISTRY=r.example.com\n"
                "  drydock deps -f Dockerfile --target test | jq -r '.buildtime[].reference'\n",
    .options = deps_options,
    .most = 1,
    .main = deps,
};
