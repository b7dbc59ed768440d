/* JSON by yajl's events into a tree. */
#include "json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

/* Memory comes in blocks, the first made for the text: a tree is about as large as what it was read from. */
#define BLOCK_MIN_BYTES ((size_t)16 * 1024)
/* Up to so many members are compared with each other; more are sorted. */
#define COMPARED_MAX 12

typedef struct block {
    struct block *next;
    size_t used, size;
    max_align_t data[];
} block;

struct dd_json_document {
    block *blocks; /* the one in use first */
    dd_json *root;
};

typedef struct reader {
    dd_json_document *document;
    dd_json *open[DD_JSON_MAX_DEPTH]; /* the containers around the next value */
    dd_json *last[DD_JSON_MAX_DEPTH]; /* and what was last put into each */
    size_t depth;
    yajl_handle parser;
    size_t end;      /* of the outermost value */
    const char *key; /* of the next value */
    const char *why; /* yajl was told to stop */
    dd_code code;
} reader;

/* ---- Memory ---- */

static void *take(dd_json_document *document, size_t size)
{
    block *b = document->blocks;
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (!b || b->size - b->used < size) {
        size_t room = b ? b->size * 2 : BLOCK_MIN_BYTES;
        if (room < size)
            room = size;
        b = dd_calloc(1, sizeof(*b) + room);
        *b = (block){.next = document->blocks, .size = room};
        document->blocks = b;
    }
    void *ret = (char *)b->data + b->used;
    b->used += size;
    return ret;
}

void dd_json_document_free(dd_json_document *document)
{
    if (!document)
        return;
    for (block *b = document->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(document);
}

/* ---- yajl's events ---- */

static int stop(reader *r, dd_code code, const char *why)
{
    r->code = code;
    r->why = why;
    return 0;
}

static dd_json *add(reader *r, dd_json_kind kind)
{
    dd_json *value = take(r->document, sizeof(*value));
    *value = (dd_json){.kind = kind, .key = r->key};
    r->key = NULL;
    if (r->depth == 0) {
        r->document->root = value;
        return value;
    }
    dd_json *container = r->open[r->depth - 1];
    if (container->first)
        r->last[r->depth - 1]->next = value;
    else
        container->first = value;
    r->last[r->depth - 1] = value;
    container->count++;
    return value;
}

/* NULL: the text holds a NUL, and so would end elsewhere for others. */
static const char *keep(reader *r, const unsigned char *text, size_t length)
{
    if (memchr(text, '\0', length))
        return NULL;
    char *ret = take(r->document, length + 1);
    memcpy(ret, text, length);
    ret[length] = '\0';
    return ret;
}

static int on_null(void *context)
{
    add(context, DD_JSON_NULL);
    return 1;
}

static int on_boolean(void *context, int boolean)
{
    add(context, DD_JSON_BOOLEAN)->boolean = boolean != 0;
    return 1;
}

static int on_number(void *context, const char *text, size_t length)
{
    reader *r = context;
    char number[512];
    char *end;
    if (length >= sizeof(number))
        return stop(r, DD_ERR_INVALID, "a number is too long");
    memcpy(number, text, length);
    number[length] = '\0';
    errno = 0;
    long long integer = strtoll(number, &end, 10);
    if (!*end && !errno)
        add(r, DD_JSON_INTEGER)->integer = integer;
    else
        add(r, DD_JSON_REAL)->real = strtod(number, NULL);
    return 1;
}

static int on_string(void *context, const unsigned char *text, size_t length)
{
    reader *r = context;
    const char *kept = keep(r, text, length);
    if (!kept)
        return stop(r, DD_ERR_INVALID, "a text holds a NUL");
    dd_json *value = add(r, DD_JSON_STRING);
    value->text = kept;
    value->length = length;
    return 1;
}

static int on_key(void *context, const unsigned char *text, size_t length)
{
    reader *r = context;
    r->key = keep(r, text, length);
    return r->key ? 1 : stop(r, DD_ERR_INVALID, "a key holds a NUL");
}

static int begin(reader *r, dd_json_kind kind)
{
    if (r->depth == DD_JSON_MAX_DEPTH)
        return stop(r, DD_ERR_LIMIT, "it nests too deep");
    dd_json *container = add(r, kind);
    r->open[r->depth++] = container;
    return 1;
}

static int on_object(void *context)
{
    return begin(context, DD_JSON_OBJECT);
}

static int on_array(void *context)
{
    return begin(context, DD_JSON_ARRAY);
}

static dd_json *leave(reader *r)
{
    if (--r->depth == 0)
        r->end = yajl_get_bytes_consumed(r->parser);
    return r->open[r->depth];
}

static int on_array_end(void *context)
{
    leave(context);
    return 1;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool sorted_repeat(const dd_json *object)
{
    const char **keys = dd_calloc(object->count, sizeof(*keys));
    size_t count = 0;
    bool repeats = false;
    for (const dd_json *m = object->first; m; m = m->next)
        keys[count++] = m->key;
    qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < count && !repeats; i++)
        repeats = strcmp(keys[i - 1], keys[i]) == 0;
    free(keys);
    return repeats;
}

static bool has_repeated_key(const dd_json *object)
{
    if (object->count > COMPARED_MAX)
        return sorted_repeat(object);
    for (const dd_json *a = object->first; a; a = a->next)
        for (const dd_json *b = a->next; b; b = b->next)
            if (strcmp(a->key, b->key) == 0)
                return true;
    return false;
}

static int on_object_end(void *context)
{
    reader *r = context;
    const dd_json *object = leave(r);
    return has_repeated_key(object) ? stop(r, DD_ERR_INVALID, "a key stands twice in an object") : 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_object,
    .yajl_map_key = on_key,
    .yajl_end_map = on_object_end,
    .yajl_start_array = on_array,
    .yajl_end_array = on_array_end,
};

/* ---- Parsing ---- */

/* The 16 bits that \uXXXX at `text` stands for, -1 when it is none. */
static int escape_at(const char *text, const char *end)
{
    int bits = 0;
    if (end - text < 6 || text[0] != '\\' || text[1] != 'u')
        return -1;
    for (size_t i = 2; i < 6; i++) {
        char c = (char)(text[i] | 0x20);
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return -1;
        bits = bits * 16 + digit;
    }
    return bits;
}

/* yajl makes something of half a surrogate pair; there is no such character. A '\' stands in strings alone,
 * or is an error that yajl finds. */
static const char *find_half_pair(const char *text, const char *end)
{
    const char *at = text;
    while ((at = memchr(at, '\\', (size_t)(end - at)))) {
        int bits = escape_at(at, end);
        if (bits < 0xd800 || bits > 0xdfff) {
            at += end - at > 1 ? 2 : 1;
            continue;
        }
        int other = bits < 0xdc00 ? escape_at(at + 6, end) : -1;
        if (other < 0xdc00 || other > 0xdfff)
            return at;
        at += 12;
    }
    return NULL;
}

/* Some are white space to yajl, and to no one else. */
static bool has_control(const char *text, size_t length)
{
    unsigned found = 0;
    for (size_t i = 0; i < length; i++) { /* without a branch, so that it is done many bytes at a time */
        unsigned char c = (unsigned char)text[i];
        found |= (unsigned)(c < 0x20) & (unsigned)(c != '\t') & (unsigned)(c != '\n') & (unsigned)(c != '\r');
    }
    return found;
}

static size_t line_of(const char *text, const char *at)
{
    size_t line = 1;
    for (; text < at; text++)
        line += *text == '\n';
    return line;
}

static bool is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!strchr(" \t\r\n", text[i]) || !text[i])
            return false;
    return true;
}

static int fail_parse(yajl_handle parser, const reader *r, const char *text, size_t length, dd_error **err)
{
    size_t read = yajl_get_bytes_consumed(parser),
           line = line_of(text, text + (read < length ? read : length));
    if (r->why)
        return dd_fail(err, r->code, "the body is no JSON for us: %s (line %zu)", r->why, line);
    unsigned char *why = yajl_get_error(parser, 0, (const unsigned char *)text, length);
    size_t end = strcspn((char *)why, "\r\n");
    dd_fail(err, DD_ERR_INVALID, "the body is no JSON: %.*s (line %zu)", (int)end, why, line);
    yajl_free_error(parser, why);
    return -1;
}

int dd_json_parse(const char *text, size_t length, dd_json_document **ret, dd_error **err)
{
    dd_auto(dd_json_document) document = dd_new(dd_json_document);
    reader r = {.document = document};
    const char *half = find_half_pair(text, text + length);
    if (has_control(text, length))
        return dd_fail(err, DD_ERR_INVALID, "the body is no JSON: a control character stands in it");
    if (half)
        return dd_fail(err, DD_ERR_INVALID, "the body is no JSON: half a surrogate pair (line %zu)",
                       line_of(text, half));
    yajl_handle parser = r.parser = yajl_alloc(&callbacks, NULL, &r);
    int result = 0;
    dd_assert(parser);
    if (yajl_parse(parser, (const unsigned char *)text, length) != yajl_status_ok ||
        yajl_complete_parse(parser) != yajl_status_ok)
        result = fail_parse(parser, &r, text, length, err);
    /* The beginning of a string behind it all is no error to yajl. */
    else if (!is_blank(text + r.end, length - r.end))
        result = dd_fail(err, DD_ERR_INVALID, "the body is no JSON: something stands behind it");
    else if (!document->root || document->root->kind < DD_JSON_ARRAY)
        result = dd_fail(err, DD_ERR_INVALID, "the body is neither an object nor a list");
    yajl_free(parser);
    if (result == 0)
        *ret = dd_take(document);
    return result;
}

/* ---- Reading ---- */

const dd_json *dd_json_root(const dd_json_document *document)
{
    return document->root;
}

bool dd_json_is(const dd_json *value, dd_json_kind kind)
{
    return value && value->kind == kind;
}

const dd_json *dd_json_first(const dd_json *value)
{
    return value && value->kind >= DD_JSON_ARRAY ? value->first : NULL;
}

const dd_json *dd_json_items(const dd_json *value)
{
    return dd_json_is(value, DD_JSON_ARRAY) ? value->first : NULL;
}

size_t dd_json_count(const dd_json *value)
{
    return value && value->kind >= DD_JSON_ARRAY ? value->count : 0;
}

const dd_json *dd_json_get(const dd_json *object, const char *key)
{
    if (dd_json_is(object, DD_JSON_OBJECT))
        for (const dd_json *m = object->first; m; m = m->next)
            if (strcmp(m->key, key) == 0)
                return m;
    return NULL;
}

const dd_json *dd_json_at(const dd_json *array, size_t index)
{
    const dd_json *item = dd_json_is(array, DD_JSON_ARRAY) ? array->first : NULL;
    while (item && index-- > 0)
        item = item->next;
    return item;
}

/* One step of a pointer, "~1" and "~0" undone. */
static char *take_step(const char **pointer)
{
    dd_buf step = {0};
    const char *text = *pointer + 1;
    dd_buf_add_str(&step, "");
    for (; *text && *text != '/'; text++) {
        bool escaped = *text == '~' && (text[1] == '0' || text[1] == '1');
        dd_buf_add_char(&step, !escaped ? *text : text[1] == '0' ? '~' : '/');
        text += escaped;
    }
    *pointer = text;
    return dd_buf_steal(&step);
}

static const dd_json *at_step(const dd_json *at, const char *step)
{
    int64_t index;
    if (dd_json_is(at, DD_JSON_OBJECT))
        return dd_json_get(at, step);
    bool is_index = dd_str_to_int(step, &index) && index >= 0 && (step[0] != '0' || step[1] == '\0');
    return is_index ? dd_json_at(at, (size_t)index) : NULL;
}

const dd_json *dd_json_pointer(const dd_json *value, const char *pointer)
{
    while (value && *pointer == '/') {
        dd_auto_str step = take_step(&pointer);
        value = at_step(value, step);
    }
    return value;
}

const char *dd_json_text(const dd_json *value)
{
    return dd_json_is(value, DD_JSON_STRING) ? value->text : NULL;
}
