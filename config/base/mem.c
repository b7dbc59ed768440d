/* Allocation that cannot fail. */
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void dd_assert_failed(const char *condition, const char *file, int line, const char *function)
{
    fprintf(stderr, "drydock: broken invariant: %s (%s:%d, %s)\n", condition, file, line, function);
    abort();
}

static _Noreturn void out_of_memory(size_t bytes)
{
    fprintf(stderr, "drydock: out of memory for %zu bytes\n", bytes);
    abort();
}

void *dd_calloc(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory)
        out_of_memory(count * size);
    return memory;
}

void *dd_reallocarray(void *old, size_t count, size_t size)
{
    void *memory = reallocarray(old, count ? count : 1, size ? size : 1);
    if (!memory)
        out_of_memory(count * size);
    return memory;
}

char *dd_strdup(const char *text)
{
    return text ? dd_strndup(text, strlen(text)) : NULL;
}

char *dd_strndup(const char *text, size_t length)
{
    if (!text)
        return NULL;
    length = strnlen(text, length);
    char *copy = dd_calloc(length + 1, 1);
    memcpy(copy, text, length);
    return copy;
}

char *dd_vsprintf(const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        out_of_memory(strlen(format));
    return text;
}

char *dd_sprintf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = dd_vsprintf(format, args);
    va_end(args);
    return text;
}

void dd_str_freep(char **text)
{
    free(*text);
    *text = NULL;
}

void dd_fd_closep(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}
