/* Growable bytes and string vectors. */
#include "buf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Bytes ---- */

dd_buf *dd_buf_new(void)
{
    dd_buf *buf = dd_new(dd_buf);
    dd_buf_add(buf, "", 0);
    return buf;
}

void dd_buf_done(dd_buf *buf)
{
    free(buf->data);
    *buf = (dd_buf){0};
}

void dd_buf_free(dd_buf *buf)
{
    if (!buf)
        return;
    dd_buf_done(buf);
    free(buf);
}

void dd_buf_clear(dd_buf *buf)
{
    buf->length = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

static void reserve(dd_buf *buf, size_t more)
{
    dd_assert(more < SIZE_MAX / 4 && buf->length < SIZE_MAX / 4);
    size_t needed = buf->length + more + 1;
    if (needed <= buf->capacity)
        return;
    size_t capacity = buf->capacity ? buf->capacity : 64;
    while (capacity < needed)
        capacity *= 2;
    buf->data = dd_reallocarray(buf->data, capacity, 1);
    buf->capacity = capacity;
}

void dd_buf_add(dd_buf *buf, const void *data, size_t length)
{
    reserve(buf, length);
    if (length)
        memcpy(buf->data + buf->length, data, length);
    buf->length += length;
    buf->data[buf->length] = '\0';
}

void dd_buf_add_str(dd_buf *buf, const char *text)
{
    if (text)
        dd_buf_add(buf, text, strlen(text));
}

void dd_buf_add_char(dd_buf *buf, char c)
{
    dd_buf_add(buf, &c, 1);
}

void dd_buf_printf(dd_buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    reserve(buf, 0);
    size_t room = buf->capacity - buf->length;
    int length = vsnprintf(buf->data + buf->length, room, format, args);
    dd_assert(length >= 0);
    if ((size_t)length >= room) {
        reserve(buf, (size_t)length);
        vsnprintf(buf->data + buf->length, (size_t)length + 1, format, again);
    }
    buf->length += (size_t)length;
    va_end(again);
    va_end(args);
}

void dd_buf_consume(dd_buf *buf, size_t length)
{
    dd_assert(length <= buf->length);
    if (length == 0)
        return;
    memmove(buf->data, buf->data + length, buf->length - length + 1);
    buf->length -= length;
}

char *dd_buf_steal(dd_buf *buf)
{
    if (!buf->data)
        return dd_strdup("");
    char *data = buf->data;
    *buf = (dd_buf){0};
    return data;
}

int dd_buf_read_fd(int fd, size_t max_bytes, dd_buf **ret, dd_error **err)
{
    dd_auto(dd_buf) buf = dd_buf_new();
    for (;;) {
        reserve(buf, 16384);
        ssize_t got = read(fd, buf->data + buf->length, buf->capacity - buf->length - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "reading");
        if (got == 0)
            break;
        buf->length += (size_t)got;
        buf->data[buf->length] = '\0';
        if (buf->length > max_bytes)
            return dd_fail(err, DD_ERR_LIMIT, "larger than %zu bytes", max_bytes);
    }
    *ret = dd_take(buf);
    return 0;
}

int dd_buf_read_file(const char *path, size_t max_bytes, dd_buf **ret, dd_error **err)
{
    dd_auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return dd_fail_errno(err, errno == ENOENT || errno == ENOTDIR ? DD_ERR_NOT_FOUND : DD_ERR_INTERNAL,
                             errno, "%s", path);
    if (dd_buf_read_fd(fd, max_bytes, ret, err) < 0)
        return dd_context(err, "%s", path);
    return 0;
}

/* ---- String vectors ---- */

dd_strv *dd_strv_new(void)
{
    dd_strv *strv = dd_new(dd_strv);
    strv->capacity = 8;
    strv->items = dd_calloc(strv->capacity, sizeof(*strv->items));
    return strv;
}

void dd_strv_done(dd_strv *strv)
{
    for (size_t i = 0; i < strv->count; i++)
        free(strv->items[i]);
    free(strv->items);
    *strv = (dd_strv){0};
}

void dd_strv_free(dd_strv *strv)
{
    if (!strv)
        return;
    dd_strv_done(strv);
    free(strv);
}

void dd_strv_take(dd_strv *strv, char *text)
{
    if (strv->count + 2 > strv->capacity) {
        strv->capacity = strv->capacity ? strv->capacity * 2 : 4; /* most are short */
        strv->items = dd_reallocarray(strv->items, strv->capacity, sizeof(*strv->items));
    }
    strv->items[strv->count++] = text;
    strv->items[strv->count] = NULL;
}

void dd_strv_add(dd_strv *strv, const char *text)
{
    dd_strv_take(strv, dd_strdup(text));
}

void dd_strv_add_n(dd_strv *strv, const char *text, size_t length)
{
    dd_strv_take(strv, dd_strndup(text, length));
}

void dd_strv_add_all(dd_strv *strv, const char *const *texts)
{
    for (; texts && *texts; texts++)
        dd_strv_add(strv, *texts);
}

void dd_strv_addf(dd_strv *strv, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    dd_strv_take(strv, dd_vsprintf(format, args));
    va_end(args);
}

bool dd_strv_contains(const dd_strv *strv, const char *text)
{
    for (size_t i = 0; i < strv->count; i++)
        if (strcmp(strv->items[i], text) == 0)
            return true;
    return false;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void dd_strv_sort(dd_strv *strv)
{
    if (strv->count > 1)
        qsort(strv->items, strv->count, sizeof(*strv->items), compare);
}

char *dd_strv_join(const dd_strv *strv, const char *separator)
{
    dd_buf buf = {0};
    for (size_t i = 0; i < strv->count; i++) {
        if (i)
            dd_buf_add_str(&buf, separator);
        dd_buf_add_str(&buf, strv->items[i]);
    }
    return dd_buf_steal(&buf);
}

/* ---- Texts ---- */

bool dd_str_eq(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool dd_str_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool dd_str_ends(const char *text, const char *suffix)
{
    size_t length = strlen(text), end = strlen(suffix);
    return length >= end && memcmp(text + length - end, suffix, end) == 0;
}

#define NEAREST_MAX 64

/* Edit distance with neighbours' swaps (optimal string alignment), of texts up to NEAREST_MAX bytes. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][NEAREST_MAX + 1];
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[a_length % 3][b_length];
}

const char *dd_str_nearest(const char *text, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t length = strlen(text);
    /* A third of the letters wrong is still a slip; more is another word. */
    size_t limit = length / 3 + 1;
    if (length > NEAREST_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t name_length = names[i] ? strlen(names[i]) : NEAREST_MAX + 1;
        if (name_length > NEAREST_MAX)
            continue;
        size_t d = distance(text, length, names[i], name_length);
        if (d < limit || (!best && d == limit && d < name_length)) {
            best = names[i];
            limit = d;
        }
    }
    return best;
}

bool dd_str_to_int(const char *text, int64_t *ret)
{
    const char *digit = text + (*text == '-');
    if (!*digit)
        return false;
    for (const char *c = digit; *c; c++)
        if (*c < '0' || *c > '9')
            return false;
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    if (errno)
        return false;
    *ret = number;
    return true;
}

bool dd_utf8_is_valid(const char *text, size_t length)
{
    /* The first byte tells how many follow, and the least that they may make. */
    static const struct {
        size_t more;
        uint32_t least;
        uint8_t mask, lead;
    } forms[] = {{0, 0, 0x80, 0x00}, {1, 0x80, 0xe0, 0xc0}, {2, 0x800, 0xf0, 0xe0}, {3, 0x10000, 0xf8, 0xf0}};

    for (size_t i = 0; i < length; i++) {
        uint8_t first = (uint8_t)text[i];
        size_t form = 0;
        while (form < DD_COUNT(forms) && (first & forms[form].mask) != forms[form].lead)
            form++;
        if (form == DD_COUNT(forms) || forms[form].more > length - i - 1)
            return false;
        uint32_t rune = first & (uint8_t)~forms[form].mask;
        for (size_t k = 0; k < forms[form].more; k++) {
            uint8_t next = (uint8_t)text[++i];
            if ((next & 0xc0) != 0x80)
                return false;
            rune = rune << 6 | (next & 0x3fU);
        }
        if (rune < forms[form].least || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff))
            return false;
    }
    return true;
}
