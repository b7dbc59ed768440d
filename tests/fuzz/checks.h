/* What the fuzz targets of the language check alike. */
#ifndef DD_FUZZ_CHECKS_H
#define DD_FUZZ_CHECKS_H

#include "runner/runner.h"
#include <string.h>

/* The error's place, where it has one, is in the text or at most one past a line's end. */
static inline DD_UNUSED void check_place(const dd_error *error, const char *text, size_t length)
{
    const char *end = text + length, *at = text;

    dd_assert(error && error->message && *error->message);
    if (error->place.line == 0)
        return;
    dd_assert(error->place.line >= 1 && error->place.column >= 1);
    for (int line = 1; line < error->place.line; line++) {
        at = memchr(at, '\n', (size_t)(end - at));
        dd_assert(at);
        at++;
    }
    dd_assert(error->place.column - 1 <= end - at);
}

static inline DD_UNUSED bool has(const char *text, size_t length, const char *what)
{
    return memmem(text, length, what, strlen(what)) != NULL;
}

/* May two renderings differ: does the text name a function of chance or of time? */
static inline DD_UNUSED bool is_of_the_moment(const char *text, size_t length)
{
    static const char *const names[] = {"rand", "uuid", "shuffle", "now", "ago", "date", "Date", "duration"};

    for (size_t i = 0; i < DD_COUNT(names); i++)
        if (has(text, length, names[i]))
            return true;
    return false;
}

/* Has rendering taken so long that once is enough? What one may take is bounded, but not by little. */
static inline DD_UNUSED bool is_slow(int64_t began_ms)
{
    return dd_monotonic_ms() - began_ms > 500;
}

/* Render; the answer as text, of an error too. Both hold what is promised of any text. */
static inline DD_UNUSED char *check_render(const char *text, size_t length, const dd_template_data *data,
                                           bool *ret_done)
{
    dd_auto(dd_buf) output = NULL;
    dd_auto(dd_error) error = NULL;

    *ret_done = dd_render(text, length, data, &output, &error) == 0;
    if (*ret_done) {
        dd_assert(output && !error && output->data && output->data[output->length] == '\0');
        return dd_strndup(output->data, output->length);
    }
    dd_assert(!output && error);
    dd_assert(error->code == DD_ERR_INVALID || error->code == DD_ERR_LIMIT ||
              error->code == DD_ERR_DENIED); /* an alias block's `src`: nothing may be read here */
    check_place(error, text, length);
    return dd_error_compiler_text(error, "input");
}

#endif
