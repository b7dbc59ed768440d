/* YAML of any bytes: what is taken is within its bounds, aliases expanded, every text ends with a NUL, and
 * places lead back to the bytes that were read. */
#include "config/base/base.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TRACED_MAX_BYTES 4096 /* finding a place is linear in the text, and there are many */

static const uint8_t *source;
static size_t source_size;

/* The byte at the place, which must be in the text. */
static uint8_t byte_at(dd_place place)
{
    const uint8_t *at = source, *end = source + source_size;

    for (int line = 1; line < place.line; line++) {
        at = memchr(at, '\n', (size_t)(end - at));
        dd_assert(at);
        at++;
    }
    dd_assert(place.column - 1 < end - at);
    return at[place.column - 1];
}

/* A plain scalar is written as it reads, but for a tag or an anchor before it. */
static void trace(const dd_yaml_node *node)
{
    uint8_t byte;

    if (node->quoted || node->length == 0 || source_size > TRACED_MAX_BYTES)
        return;
    if (source[0] == 0xff || source[0] == 0xfe) /* UTF-16: places are characters */
        return;
    byte = byte_at(node->place);
    dd_assert(byte == (uint8_t)node->text[0] || byte == '&' || byte == '!');
}

/* Returns the nodes of the tree, as one who walks it sees them. */
static size_t walk(const dd_yaml_node *node, int depth)
{
    size_t nodes = 1;
    bool truth;
    int64_t whole;
    double real;

    dd_assert(depth <= DD_YAML_MAX_DEPTH && node->place.line >= 1 && node->place.column >= 1);
    dd_assert(dd_yaml_node_words(node) != NULL);
    if (node->kind == DD_YAML_SCALAR) {
        dd_assert(strlen(node->text) == node->length);
        trace(node);
        dd_yaml_scalar_bool(node, &truth);
        if (dd_yaml_scalar_type(node) == DD_YAML_INT)
            dd_assert(dd_yaml_scalar_int(node, &whole) && dd_yaml_scalar_float(node, &real));
    }
    for (size_t i = 0; node->kind == DD_YAML_LIST && i < node->length; i++)
        nodes += walk(node->items[i], depth + 1);
    for (size_t i = 0; node->kind == DD_YAML_MAP && i < node->length; i++) {
        dd_assert(node->entries[i].key->kind == DD_YAML_SCALAR);
        dd_assert(i > 100 || dd_yaml_get(node, node->entries[i].key->text) == node->entries[i].value);
        nodes += walk(node->entries[i].key, depth + 1) + walk(node->entries[i].value, depth + 1);
    }
    return nodes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dd_auto(dd_yaml) yaml = NULL;
    dd_auto(dd_error) err = NULL;

    source = data;
    source_size = size;
    if (dd_yaml_parse((const char *)data, size, &yaml, &err) < 0) {
        dd_assert(!yaml && (err->code == DD_ERR_INVALID || err->code == DD_ERR_LIMIT));
        dd_assert((err->place.line >= 1 && err->place.column >= 1) || size > DD_YAML_MAX_BYTES);
        return 0;
    }
    dd_assert(!err);
    if (yaml->root)
        dd_assert(walk(yaml->root, 1) <= DD_YAML_MAX_NODES);
    return 0;
}
