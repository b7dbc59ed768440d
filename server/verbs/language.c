/* What the language tools share: their input, their data, and how they tell what is wrong. */
#include "language.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX_BYTES ((size_t)1024 * 1024)

/* ---- The input ---- */

/* The error does not name the file: whoever tells it does. A file that cannot be read is wrong usage,
 * whatever the system has against it. */
static int read_input(const char *path, dd_buf **ret, dd_error **err)
{
    dd_auto(dd_error) why = NULL;
    dd_auto_fd opened = -1;
    int fd = STDIN_FILENO;
    if (strcmp(path, "-") != 0) {
        fd = opened = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
            return dd_fail(err, DD_ERR_INVALID, "cannot open it: %s", strerror(errno));
    }
    if (dd_buf_read_fd(fd, FILE_MAX_BYTES, ret, &why) < 0)
        return dd_fail(err, DD_ERR_INVALID, "%s", why->message);
    return 0;
}

int dd_source_read(const dd_args *args, dd_source *ret, dd_error **err)
{
    const char *file = dd_args_value(args, "file"), *path = file ? file : dd_args_word(args, 0);
    *ret = (dd_source){0};
    if (!path || !*path)
        return dd_fail(err, DD_ERR_INVALID, "which file? -f FILE");
    if (file && dd_args_word(args, 0))
        return dd_fail(err, DD_ERR_INVALID, "one file at a time: -f %s, or %s?", file, dd_args_word(args, 0));
    ret->name = strcmp(path, "-") == 0 ? "<stdin>" : path;
    return read_input(path, &ret->text, err);
}

void dd_source_done(dd_source *source)
{
    dd_buf_free(source->text);
    *source = (dd_source){0};
}

/* ---- What is wrong ---- */

void dd_source_tell(const dd_source *source, const char *severity, const dd_error *error)
{
    const dd_screen screen = dd_screen_of(STDERR_FILENO);
    const dd_buf *text = source->text;
    dd_auto_str told = dd_diagnostic(error, severity, source->name, text ? text->data : NULL,
                                     text ? text->length : 0, &screen);
    fputs(told, stderr);
}

void dd_source_tell_all(const dd_source *source, const char *severity, dd_error *const *errors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dd_source_tell(source, severity, errors[i]);
}

int dd_source_fail(const dd_source *source, dd_error *error)
{
    int code = dd_error_exit_code(error);
    dd_source_tell(source, "error", error);
    dd_error_free(error);
    return code;
}

/* ---- The data of templates ---- */

static int add_values(dd_template_data *data, const char *path, dd_error **err)
{
    dd_auto(dd_buf) text = NULL;
    if (read_input(path, &text, err) < 0)
        return dd_context(err, "values file '%s'", path);
    return dd_template_data_values(data, text->data, text->length, path, err);
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

/* The user's own files and addresses, named from the task file's directory. */
static void allow_sources(const dd_args *args, dd_template_data *data)
{
    const char *file = dd_args_value(args, "file"), *path = file ? file : dd_args_word(args, 0);
    const char *slash = path ? strrchr(path, '/') : NULL;
    dd_auto_str directory = slash ? dd_strndup(path, (size_t)(slash - path) + 1) : NULL;
    dd_template_data_sources(data, AT_FDCWD, directory, true);
}

int dd_source_template_data(const dd_args *args, dd_template_data **ret, dd_error **err)
{
    dd_auto(dd_template_data) data = dd_template_data_new();
    allow_sources(args, data);
    const dd_strv *files = dd_args_values(args, "values");
    for (size_t i = 0; i < files->count; i++)
        if (add_values(data, files->items[i], err) < 0)
            return -1;
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

/* ---- Options ---- */

void dd_source_options(const dd_args *args, dd_taskfile_options *ret)
{
    *ret = (dd_taskfile_options){.network = dd_args_value(args, "network"),
                                 .working_directory = dd_args_value(args, "working-directory"),
                                 .show_rendered = true};
    dd_strv_add_all(&ret->env, (const char *const *)dd_args_values(args, "env")->items);
}

int dd_source_format(const dd_args *args, size_t formats, dd_format otherwise, dd_format *ret, dd_error **err)
{
    static const char *const names[] = {
        [DD_FORMAT_JSON] = "json", [DD_FORMAT_TEXT] = "text", [DD_FORMAT_DOT] = "dot"};
    const char *given = dd_args_value(args, "output");
    *ret = otherwise;
    if (!given)
        return 0;
    for (size_t i = 0; i < formats && i < DD_COUNT(names); i++)
        if (strcmp(names[i], given) == 0) {
            *ret = (dd_format)i;
            return 0;
        }
    return dd_fail(err, DD_ERR_INVALID, "--output: '%s' is none of json, text%s", given,
                   formats > DD_FORMAT_DOT ? ", dot" : "");
}

dd_format dd_source_default_format(void)
{
    return isatty(STDOUT_FILENO) ? DD_FORMAT_TEXT : DD_FORMAT_JSON;
}
