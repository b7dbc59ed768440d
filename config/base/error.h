/* Errors carry their way: the lowest layer says what happened, each caller adds only what it alone knows. */
#ifndef DD_BASE_ERROR_H
#define DD_BASE_ERROR_H

#include "mem.h"

/* What a caller decides by: HTTP status, exit code, retry or not. */
typedef enum dd_code {
    DD_ERR_INVALID = 1, /* the input is wrong: never worth a retry as it is */
    DD_ERR_NOT_FOUND,   /* what was named is not there */
    DD_ERR_UNAVAILABLE, /* a service is away or slow: retry later */
    DD_ERR_LIMIT,       /* a bound was reached */
    DD_ERR_DENIED,      /* not authenticated, or not permitted */
    DD_ERR_CONFLICT,    /* the state forbids it */
    DD_ERR_STALE,       /* the lease number is no longer the run's */
    DD_ERR_CANCELED,    /* somebody asked for the end */
    DD_ERR_TIMEOUT,     /* a deadline passed */
    DD_ERR_INTERNAL,    /* the system refused what should work */
} dd_code;

/* Where in an input text the error is; a zero line means "no place". */
typedef struct dd_place {
    int line;   /* from 1 */
    int column; /* from 1, in bytes */
} dd_place;

typedef struct dd_error {
    dd_code code;
    dd_place place;
    char *message; /* one line, no trailing full stop */
    char *path;    /* e.g. steps[2].when; NULL when none */
    char *hint;    /* what to do; NULL when none */
} dd_error;

void dd_error_free(dd_error *error);
DD_DEFINE_FREEP(dd_error)

/* Set *err (err may be NULL, an error already there is replaced) and return -1. */
int dd_fail(dd_error **err, dd_code code, const char *format, ...) DD_PRINTF(3, 4);
/* As dd_fail, with ": strerror(number)" behind it. */
int dd_fail_errno(dd_error **err, dd_code code, int number, const char *format, ...) DD_PRINTF(4, 5);
/* As dd_fail, with the place and path (may be NULL) in an input. */
int dd_fail_at(dd_error **err, dd_code code, dd_place place, const char *path, const char *format, ...)
    DD_PRINTF(5, 6);
/* Put "context: " before the message of *err and return -1. */
int dd_context(dd_error **err, const char *format, ...) DD_PRINTF(2, 3);
/* Give *err a hint, unless it has one; return -1. */
int dd_hint(dd_error **err, const char *format, ...) DD_PRINTF(2, 3);

/* All five return -1, and the compilers' and analysers' flow analysis is told so: it cannot see into error.c.
 */
static inline int dd_failed(int minus_one)
{
    (void)minus_one;
    return -1;
}
#define dd_fail(...)       dd_failed(dd_fail(__VA_ARGS__))
#define dd_fail_errno(...) dd_failed(dd_fail_errno(__VA_ARGS__))
#define dd_fail_at(...)    dd_failed(dd_fail_at(__VA_ARGS__))
#define dd_context(...)    dd_failed(dd_context(__VA_ARGS__))
#define dd_hint(...)       dd_failed(dd_hint(__VA_ARGS__))

/* The code's word for logs and APIs ("invalid", "unavailable", …). */
const char *dd_code_name(dd_code code);
/* "message" or "message (12:3)"; hint in a second sentence. Free with free(). */
char *dd_error_text(const dd_error *error);
/* "FILE:LINE:COLUMN: error: message" as a compiler prints it, then "  hint: …" when there is one.
 * Without a place: "FILE: error: message". Free with free(). */
char *dd_error_compiler_text(const dd_error *error, const char *file);
/* The exit code design.md fixes: 2 invalid/not found/limit, 3 unavailable, else 1. */
int dd_error_exit_code(const dd_error *error);

#endif
