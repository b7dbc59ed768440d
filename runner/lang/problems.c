/* Problems of a task file: noted as they are met, handed out by place. */
#include "runner/lang/taskfile_private.h"
#include <stdlib.h>

static void add(dd_error ***list, size_t *count, dd_error *problem)
{
    if (*count >= DD_TASKFILE_MAX_PROBLEMS) {
        dd_error_free(problem);
        return;
    }
    *list = dd_reallocarray(*list, *count + 1, sizeof(dd_error *));
    (*list)[(*count)++] = problem;
}

/* On one line, whatever names and values the file has: control characters are written as in C. */
static char *one_line(const char *text)
{
    dd_buf line = {0};

    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte == '\n')
            dd_buf_add_str(&line, "\\n");
        else if (byte == '\t')
            dd_buf_add_str(&line, "\\t");
        else if (byte < ' ' || byte == 0x7f)
            dd_buf_printf(&line, "\\x%02x", byte);
        else
            dd_buf_add_char(&line, *text);
    }
    return dd_buf_steal(&line);
}

static dd_error *make(dd_place place, const char *path, const char *hint, const char *message)
{
    dd_error *problem = NULL;
    dd_auto_str message_line = one_line(message);
    dd_auto_str path_line = path ? one_line(path) : NULL;
    dd_auto_str hint_line = hint ? one_line(hint) : NULL;

    dd_fail_at(&problem, DD_ERR_INVALID, place, path_line, "%s", message_line);
    if (hint)
        dd_hint(&problem, "%s", hint_line);
    return problem;
}

void dd_problem_error(dd_problems *problems, dd_place place, const char *path, const char *hint,
                      const char *format, ...)
{
    dd_auto_str message = NULL;
    va_list args;

    va_start(args, format);
    message = dd_vsprintf(format, args);
    va_end(args);
    add(&problems->errors, &problems->error_count, make(place, path, hint, message));
}

void dd_problem_warning(dd_problems *problems, dd_place place, const char *path, const char *hint,
                        const char *format, ...)
{
    dd_auto_str message = NULL;
    va_list args;

    va_start(args, format);
    message = dd_vsprintf(format, args);
    va_end(args);
    add(&problems->warnings, &problems->warning_count, make(place, path, hint, message));
}

/* Insertion keeps the order of those at one place, and lists are short. */
static void sort(dd_error **list, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        dd_error *moved = list[i];
        size_t at = i;

        for (; at > 0 && (list[at - 1]->place.line > moved->place.line ||
                          (list[at - 1]->place.line == moved->place.line &&
                           list[at - 1]->place.column > moved->place.column));
             at--)
            list[at] = list[at - 1];
        list[at] = moved;
    }
}

void dd_problems_sort(dd_problems *problems)
{
    sort(problems->errors, problems->error_count);
    sort(problems->warnings, problems->warning_count);
}

void dd_problems_free(dd_problems *problems)
{
    if (!problems)
        return;
    for (size_t i = 0; i < problems->error_count; i++)
        dd_error_free(problems->errors[i]);
    for (size_t i = 0; i < problems->warning_count; i++)
        dd_error_free(problems->warnings[i]);
    free(problems->errors);
    free(problems->warnings);
    free(problems);
}
