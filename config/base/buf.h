/* Growable bytes and string vectors. */
#ifndef DD_BASE_BUF_H
#define DD_BASE_BUF_H

#include "error.h"
#include "mem.h"

/* Bytes with a NUL always behind them. Read `data` and `length`; change through the calls. */
typedef struct dd_buf {
    char *data;
    size_t length;
    size_t capacity;
} dd_buf;

dd_buf *dd_buf_new(void);
void dd_buf_free(dd_buf *buf);
DD_DEFINE_FREEP(dd_buf)
void dd_buf_done(dd_buf *buf); /* frees the contents of a dd_buf by value (`dd_buf b = {0};`) */
void dd_buf_clear(dd_buf *buf);
void dd_buf_add(dd_buf *buf, const void *data, size_t length);
void dd_buf_add_str(dd_buf *buf, const char *text);
void dd_buf_add_char(dd_buf *buf, char c);
void dd_buf_printf(dd_buf *buf, const char *format, ...) DD_PRINTF(2, 3);
/* Drop the first `length` bytes. */
void dd_buf_consume(dd_buf *buf, size_t length);
/* The text as an owned string ("" when empty); the buffer is empty afterwards. */
char *dd_buf_steal(dd_buf *buf);

/* Read a whole file of at most `max_bytes` (LIMIT above; NOT_FOUND when it is not there). */
int dd_buf_read_file(const char *path, size_t max_bytes, dd_buf **ret, dd_error **err);
/* Read the descriptor to its end, at most `max_bytes`. */
int dd_buf_read_fd(int fd, size_t max_bytes, dd_buf **ret, dd_error **err);

/* Owned strings; `items` ends with NULL, so it serves as argv. */
typedef struct dd_strv {
    char **items;
    size_t count;
    size_t capacity;
} dd_strv;

dd_strv *dd_strv_new(void);
void dd_strv_free(dd_strv *strv);
DD_DEFINE_FREEP(dd_strv)
void dd_strv_done(dd_strv *strv); /* frees the contents of a dd_strv by value (`dd_strv v = {0};`) */
void dd_strv_add(dd_strv *strv, const char *text);
void dd_strv_add_n(dd_strv *strv, const char *text, size_t length);
void dd_strv_add_all(dd_strv *strv, const char *const *texts); /* NULL-terminated; NULL adds none */
void dd_strv_addf(dd_strv *strv, const char *format, ...) DD_PRINTF(2, 3);
void dd_strv_take(dd_strv *strv, char *text); /* takes ownership of text */
bool dd_strv_contains(const dd_strv *strv, const char *text);
void dd_strv_sort(dd_strv *strv); /* byte order */
/* Joined with the separator; free with free(). */
char *dd_strv_join(const dd_strv *strv, const char *separator);

bool dd_str_eq(const char *a, const char *b); /* NULL equals only NULL */
/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool dd_utf8_is_valid(const char *text, size_t length);
bool dd_str_starts(const char *text, const char *prefix);
bool dd_str_ends(const char *text, const char *suffix);
/* The nearest of `names` by edit distance, when near enough to be meant; else NULL. */
const char *dd_str_nearest(const char *text, const char *const *names, size_t count);
/* Decimal digits only (an optional '-'), whole text, no overflow. */
bool dd_str_to_int(const char *text, int64_t *ret);

#endif
