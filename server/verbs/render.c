/* drydock render: its output is fixed (design.md). */
#include "language.h"

#include <stdio.h>

static int print_rendered(const dd_args *args, const dd_source *source)
{
    dd_auto(dd_buf) rendered = NULL;
    dd_auto(dd_template_data) data = NULL;
    dd_error *error = NULL;
    if (dd_source_template_data(args, &data, &error) < 0)
        return dd_verb_fail(args, error);
    if (dd_render(source->text->data, source->text->length, data, &rendered, &error) < 0)
        return dd_source_fail(source, error);
    fwrite(rendered->data, 1, rendered->length, stdout);
    return 0;
}

static int render(const dd_args *args)
{
    dd_source source;
    dd_error *error = NULL;
    int code;
    if (dd_source_read(args, &source, &error) == 0)
        code = print_rendered(args, &source);
    else
        code = source.name ? dd_source_fail(&source, error) : dd_verb_fail(args, error);
    dd_source_done(&source);
    return code;
}

static const dd_option options[] = {DD_TEMPLATE_OPTIONS, {0}};
const dd_verb dd_verb_render = {
    .name = "render",
    .summary = "a task file after aliases and templates",
    .usage = "-f FILE",
    .help = "  Prints the file as a run would read it. What is not given of .Run is empty; OS and "
            "Architecture are this\n"
            "  machine's. An error is printed as FILE:LINE:COLUMN: error: what is wrong, with the line and a "
            "caret beneath.\n",
    .examples =
        "  drydock render -f acr-task.yaml --run ID=ca1 --run Registry=r.example.com --set greeting=hi\n"
        "  drydock render -f acr-task.yaml --values staging.yaml | diff - expected.yaml\n",
    .options = options,
    .most = 1,
    .main = render,
};
