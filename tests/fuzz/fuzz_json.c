/* JSON as the senders' bodies are read, held against jansson: both take a text or neither does, and read the
 * same. */
#include "triggers/json.h"

#include <jansson.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const dd_json *ours, const json_t *theirs);

static void compare_members(const dd_json *ours, const json_t *theirs)
{
    dd_assert(json_object_size(theirs) == ours->count);
    for (const dd_json *member = dd_json_first(ours); member; member = member->next) {
        dd_assert(dd_json_get(ours, member->key) == member);
        compare(member, json_object_get(theirs, member->key));
    }
}

static void compare_items(const dd_json *ours, const json_t *theirs)
{
    size_t i;
    dd_assert(json_array_size(theirs) == ours->count);
    const dd_json *item;
    DD_JSON_ITEMS(ours, i, item)
    compare(item, json_array_get(theirs, i));
}

static void compare(const dd_json *ours, const json_t *theirs)
{
    switch (ours->kind) {
    case DD_JSON_NULL:
        dd_assert(json_is_null(theirs));
        break;
    case DD_JSON_BOOLEAN:
        dd_assert(ours->boolean ? json_is_true(theirs) : json_is_false(theirs));
        break;
    case DD_JSON_INTEGER:
        dd_assert(json_is_integer(theirs) && json_integer_value(theirs) == ours->integer);
        break;
    case DD_JSON_REAL:
        dd_assert(json_is_real(theirs));
        break;
    case DD_JSON_STRING:
        dd_assert(json_is_string(theirs) && json_string_length(theirs) == ours->length &&
                  memcmp(json_string_value(theirs), ours->text, ours->length) == 0);
        break;
    case DD_JSON_ARRAY:
        compare_items(ours, theirs);
        break;
    case DD_JSON_OBJECT:
        compare_members(ours, theirs);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_error_t why;
    dd_auto(dd_json_document) ours = NULL;
    dd_auto(dd_error) error = NULL;
    int result = dd_json_parse((const char *)data, size, &ours, &error);
    json_t *theirs = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, &why);
    dd_assert((result == 0) == (ours != NULL) && (result == 0) == (error == NULL));
    if (ours && theirs)
        compare(dd_json_root(ours), theirs);
    /* jansson's limits are others: deeper nesting, and numbers beyond 64 bits and a double's range are errors
     * to it. */
    if (ours && !theirs)
        dd_assert(json_error_code(&why) == json_error_numeric_overflow);
    /* jansson takes a NUL behind a number for nothing. */
    if (!ours && theirs && !memchr(data, '\0', size))
        dd_assert(error->code == DD_ERR_LIMIT || strstr(error->message, "number is too long"));
    json_decref(theirs);
    return 0;
}
