/* drydock graph: its JSON is fixed (design.md). */
#include "language.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Scripts read what is wrong from the output, people beneath its line. */
static int print_problems(const dd_source *source, const dd_problems *problems, dd_format format)
{
    if (format != DD_FORMAT_JSON) {
        dd_source_tell_all(source, "error", problems->errors, problems->error_count);
    } else {
        dd_auto_str json = dd_problems_to_json(problems);
        puts(json);
    }
    return dd_error_exit_code(problems->errors[0]);
}

/* A failure before the task file itself could be read, in the same form. */
static int print_error(const dd_source *source, dd_error *error, dd_format format)
{
    dd_problems problems = {.errors = &error, .error_count = 1};
    int code = print_problems(source, &problems, format);
    dd_error_free(error);
    return code;
}

static void print_taskfile(const dd_taskfile *taskfile, dd_format format)
{
    const dd_screen screen = dd_screen_of(STDOUT_FILENO);
    char *text = NULL;
    switch (format) {
    case DD_FORMAT_JSON:
        text = dd_taskfile_to_json(taskfile);
        break;
    case DD_FORMAT_TEXT:
        text = dd_taskfile_to_text(taskfile, &screen);
        break;
    case DD_FORMAT_DOT:
        text = dd_taskfile_to_dot(taskfile);
        break;
    }
    printf("%s%s", text, format == DD_FORMAT_JSON ? "\n" : "");
    free(text);
}

static int print_graph(const dd_args *args, const dd_source *source, dd_format format)
{
    dd_auto(dd_template_data) data = NULL;
    dd_auto(dd_taskfile) taskfile = NULL;
    dd_auto(dd_problems) problems = NULL;
    dd_taskfile_options options;
    dd_error *error = NULL;
    if (dd_source_template_data(args, &data, &error) < 0)
        return print_error(source, error, format);
    dd_source_options(args, &options);
    int result =
        dd_taskfile_load(source->text->data, source->text->length, data, &options, &taskfile, &problems);
    dd_strv_done(&options.env);
    dd_source_tell_all(source, "warning", problems->warnings, problems->warning_count);
    if (result < 0)
        return print_problems(source, problems, format);
    print_taskfile(taskfile, format);
    return 0;
}

static int graph(const dd_args *args)
{
    dd_source source;
    dd_format format;
    dd_error *error = NULL;
    int code;
    if (dd_source_format(args, DD_FORMAT_DOT + 1, dd_source_default_format(), &format, &error) < 0)
        return dd_verb_fail(args, error);
    if (dd_source_read(args, &source, &error) == 0)
        code = print_graph(args, &source, format);
    else
        code = source.name ? print_error(&source, error, format) : dd_verb_fail(args, error);
    dd_source_done(&source);
    return code;
}

static const dd_option options[] = {
    DD_TASKFILE_OPTIONS,
    {"output", 'o', "FORMAT", "json, text or dot (default text on a terminal, else json)"},
    {0}};
const dd_verb dd_verb_graph = {
    .name = "graph",
    .summary = "a task file's steps, what each needs, and its stages",
    .usage = "-f FILE",
    .help =
        "  As text, draws the steps from top to bottom: a line leads from each to those that wait for it, "
        "and behind\n"
        "  the arrow stand its needs. Steps that hang side by side from one line run at once, and what "
        "follows on that\n"
        "  line waits for all of them. NO_COLOR and COLUMNS are heeded.\n\n"
        "  As json, prints every step with its properties under their YAML names and their defaults filled "
        "in, in file\n"
        "  order, and the stages in which they could start. As dot, for Graphviz.\n\n"
        "  A rejected file gives {\"errors\": [{\"message\", \"line\", \"column\", \"path\", \"hint\"}]} "
        "where json is asked for,\n"
        "  else its errors on standard error, and exit status 2. Warnings go to standard error.\n",
    .examples = "  drydock graph -f acr-task.yaml --run Registry=r.example.com\n"
                "  drydock graph -f acr-task.yaml -o json | jq -c '.stages[]'\n"
                "  drydock graph -f acr-task.yaml -o dot | dot -Tsvg > steps.svg\n",
    .options = options,
    .most = 1,
    .main = graph,
};
