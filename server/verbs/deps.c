/* drydock deps: its JSON is fixed (design.md). */
#include "language.h"

#include <stdio.h>

static json_t *row(const char *use, const dd_reference *reference)
{
    return json_pack("{s:s, s:s}", "use", use, "reference", reference ? reference->text : "scratch");
}

static void print_table(const dd_deps *deps)
{
    static const dd_column columns[] = {{"USE", "use"}, {"IMAGE", "reference"}};
    json_t *rows = json_array();
    json_array_append_new(rows, row("runtime", deps->runtime));
    for (size_t i = 0; i < deps->buildtime_count; i++)
        json_array_append_new(rows, row("buildtime", deps->buildtime[i]));
    dd_print_table(rows, columns, DD_COUNT(columns));
    json_decref(rows);
}

static int print_deps(const dd_args *args, const dd_source *source, dd_format format)
{
    dd_auto(dd_deps) found = NULL;
    dd_error *error = NULL;
    if (dd_deps_scan(source->text->data, source->text->length, dd_args_values(args, "build-arg"),
                     dd_args_value(args, "target"), &found, &error) < 0)
        return dd_source_fail(source, error);
    if (format == DD_FORMAT_TEXT) {
        print_table(found);
    } else {
        dd_auto_str json = dd_deps_to_json(found);
        puts(json);
    }
    return 0;
}

static int deps(const dd_args *args)
{
    dd_source source;
    dd_format format;
    dd_error *error = NULL;
    int code;
    if (dd_source_format(args, DD_FORMAT_TEXT + 1, dd_source_default_format(), &format, &error) < 0)
        return dd_verb_fail(args, error);
    if (dd_source_read(args, &source, &error) == 0)
        code = print_deps(args, &source, format);
    else
        code = source.name ? dd_source_fail(&source, error) : dd_verb_fail(args, error);
    dd_source_done(&source);
    return code;
}

static const dd_option options[] = {
    {"file", 'f', "FILE", "the Dockerfile; - is standard input"},
    {"build-arg", 0, "KEY=VALUE", "as the build is given it (again for more)"},
    {"target", 0, "STAGE", "the stage that is built (default the last)"},
    {"output", 'o', "FORMAT", "json or text (default text on a terminal, else json)"},
    {0}};
const dd_verb dd_verb_deps = {
    .name = "deps",
    .summary = "what a Dockerfile is built from",
    .usage = "-f DOCKERFILE",
    .help =
        "  Prints the runtime base (what the final stage comes from; null for scratch) and the "
        "build-time ones, as\n"
        "  normalised references. An error is printed as FILE:LINE:COLUMN: error: what is wrong, with the "
        "line and a\n"
        "  caret beneath.\n",
    .examples = "  drydock deps -f Dockerfile --build-arg REGISTRY=r.example.com\n"
                "  drydock deps -f Dockerfile --target test -o json | jq -r '.buildtime[].reference'\n",
    .options = options,
    .most = 1,
    .main = deps,
};
