/* JSON that others wrote, for reading: parsed by yajl into one block of memory. An accepted delivery is a few
 * microseconds of this; jansson's tree of counted objects took ten times that (tests/bench/intake). */
#ifndef DD_TRIGGERS_JSON_H
#define DD_TRIGGERS_JSON_H

#include "config/config.h"

#define DD_JSON_MAX_DEPTH 100

typedef enum dd_json_kind {
    DD_JSON_NULL,
    DD_JSON_BOOLEAN,
    DD_JSON_INTEGER,
    DD_JSON_REAL, /* also whole numbers beyond 64 bits */
    DD_JSON_STRING,
    DD_JSON_ARRAY,
    DD_JSON_OBJECT,
} dd_json_kind;

/* A value; it lives as long as its document. */
typedef struct dd_json {
    dd_json_kind kind;
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct {
            const char *text; /* UTF-8 without NUL, and a NUL behind it */
            size_t length;
        };
        struct {
            struct dd_json *first; /* of an array's items, an object's members */
            size_t count;
        };
    };
    const char *key; /* of a member; NULL */
    struct dd_json *next;
} dd_json;

typedef struct dd_json_document dd_json_document;
/* An object or an array, UTF-8, no comments, nothing behind it, no member twice: two readers could differ
 * about that. INVALID, with the line, when it is not; LIMIT when it nests deeper than DD_JSON_MAX_DEPTH. */
int dd_json_parse(const char *text, size_t length, dd_json_document **ret, dd_error **err);
void dd_json_document_free(dd_json_document *document);
DD_DEFINE_FREEP(dd_json_document)
const dd_json *dd_json_root(const dd_json_document *document);

/* Reading asks nothing of the value, so that look-ups chain: of NULL, and of another kind, it is NULL or 0.
 */
const dd_json *dd_json_get(const dd_json *object, const char *key);
const dd_json *dd_json_at(const dd_json *array, size_t index);
const dd_json *dd_json_pointer(const dd_json *value, const char *pointer); /* RFC 6901: "/data/tags/0" */
const char *dd_json_text(const dd_json *value);                            /* of a string */
bool dd_json_is(const dd_json *value, dd_json_kind kind);
size_t dd_json_count(const dd_json *value); /* of an array or an object */
/* Over an array's items, none where it is no array: `size_t INDEX; const dd_json *ITEM;` are the caller's. */
#define DD_JSON_ITEMS(VALUE, INDEX, ITEM)                                                                    \
    for ((INDEX) = 0, (ITEM) = dd_json_items(VALUE); (ITEM); (ITEM) = (ITEM)->next, (INDEX)++)
const dd_json *dd_json_items(const dd_json *value); /* the first of an array */
/* The first item of an array, or member of an object; the others are its `next`. */
const dd_json *dd_json_first(const dd_json *value);

#endif
