/* Errors that carry their way. */
#include "error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void dd_error_free(dd_error *error)
{
    if (!error)
        return;
    free(error->message);
    free(error->path);
    free(error->hint);
    free(error);
}

static int set(dd_error **err, dd_code code, dd_place place, const char *path, char *message)
{
    if (!err) {
        free(message);
        return -1;
    }
    /* The path may be the old error's own. */
    dd_error *fresh = dd_new(dd_error);
    *fresh = (dd_error){.code = code, .place = place, .message = message, .path = dd_strdup(path)};
    dd_error_free(*err);
    *err = fresh;
    return -1;
}

int(dd_fail)(dd_error **err, dd_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *message = dd_vsprintf(format, args);
    va_end(args);
    return set(err, code, (dd_place){0}, NULL, message);
}

int(dd_fail_errno)(dd_error **err, dd_code code, int number, const char *format, ...)
{
    char buffer[128];
    va_list args;
    va_start(args, format);
    dd_auto_str what = dd_vsprintf(format, args);
    va_end(args);
    return set(err, code, (dd_place){0}, NULL,
               dd_sprintf("%s: %s", what, strerror_r(number, buffer, sizeof(buffer))));
}

int(dd_fail_at)(dd_error **err, dd_code code, dd_place place, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *message = dd_vsprintf(format, args);
    va_end(args);
    return set(err, code, place, path, message);
}

int(dd_context)(dd_error **err, const char *format, ...)
{
    if (!err || !*err)
        return -1;
    va_list args;
    va_start(args, format);
    dd_auto_str context = dd_vsprintf(format, args);
    va_end(args);
    char *message = dd_sprintf("%s: %s", context, (*err)->message);
    free((*err)->message);
    (*err)->message = message;
    return -1;
}

int(dd_hint)(dd_error **err, const char *format, ...)
{
    if (!err || !*err || (*err)->hint)
        return -1;
    va_list args;
    va_start(args, format);
    (*err)->hint = dd_vsprintf(format, args);
    va_end(args);
    return -1;
}

static const char *const code_names[] = {
    [DD_ERR_INVALID] = "invalid",   [DD_ERR_NOT_FOUND] = "not_found", [DD_ERR_UNAVAILABLE] = "unavailable",
    [DD_ERR_LIMIT] = "limit",       [DD_ERR_DENIED] = "denied",       [DD_ERR_CONFLICT] = "conflict",
    [DD_ERR_STALE] = "stale",       [DD_ERR_CANCELED] = "canceled",   [DD_ERR_TIMEOUT] = "timeout",
    [DD_ERR_INTERNAL] = "internal",
};

const char *dd_code_name(dd_code code)
{
    dd_assert(code > 0 && (size_t)code < DD_COUNT(code_names));
    return code_names[code];
}

char *dd_error_text(const dd_error *error)
{
    dd_auto_str place =
        error->place.line ? dd_sprintf(" (%d:%d)", error->place.line, error->place.column) : dd_strdup("");
    return dd_sprintf("%s%s%s%s%s%s", error->path ? error->path : "", error->path ? ": " : "", error->message,
                      place, error->hint ? "; " : "", error->hint ? error->hint : "");
}

char *dd_error_compiler_text(const dd_error *error, const char *file)
{
    dd_auto_str place =
        error->place.line ? dd_sprintf(":%d:%d", error->place.line, error->place.column) : dd_strdup("");
    return dd_sprintf("%s%s: error: %s%s%s%s%s", file, place, error->path ? error->path : "",
                      error->path ? ": " : "", error->message, error->hint ? "\n  hint: " : "",
                      error->hint ? error->hint : "");
}

int dd_error_exit_code(const dd_error *error)
{
    static const int exit_codes[] = {
        [DD_ERR_INVALID] = 2,
        [DD_ERR_NOT_FOUND] = 2,
        [DD_ERR_LIMIT] = 2,
        [DD_ERR_UNAVAILABLE] = 3,
    };
    size_t index = (size_t)error->code;
    return index < DD_COUNT(exit_codes) && exit_codes[index] ? exit_codes[index] : 1;
}
