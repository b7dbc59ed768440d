/* Template values: building, reading from YAML, printing as Go prints. */
#include "runner/lang/value.h"
#include "runner/lang/template_private.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

dd_text dd_text_of(const char *text)
{
    return (dd_text){text, strlen(text)};
}

int dd_text_compare(dd_text a, dd_text b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;

    return order ? order : (a.length > b.length) - (a.length < b.length);
}

bool dd_text_is(dd_text a, const char *b)
{
    return dd_text_compare(a, dd_text_of(b)) == 0;
}

dd_value dd_value_nil(void)
{
    return (dd_value){.kind = DD_VALUE_NIL};
}

dd_value dd_value_bool(bool boolean)
{
    return (dd_value){.kind = DD_VALUE_BOOL, .boolean = boolean};
}

dd_value dd_value_int(int64_t integer)
{
    return (dd_value){.kind = DD_VALUE_INT, .integer = integer};
}

dd_value dd_value_int64(int64_t integer)
{
    return (dd_value){.kind = DD_VALUE_INT, .type = DD_TYPE_INT64, .integer = integer};
}

dd_value dd_value_float(double real)
{
    return (dd_value){.kind = DD_VALUE_FLOAT, .real = real};
}

dd_value dd_value_text(dd_text text)
{
    return (dd_value){.kind = DD_VALUE_STRING, .text = text};
}

dd_value dd_value_string(dd_arena *arena, const char *data, size_t length)
{
    return dd_value_text((dd_text){dd_arena_copy(arena, data, length), length});
}

dd_value dd_value_list(dd_list *list)
{
    return (dd_value){.kind = DD_VALUE_LIST, .list = list};
}

dd_value dd_value_map(dd_map *map)
{
    return (dd_value){.kind = DD_VALUE_MAP, .map = map};
}

dd_value dd_value_object(const dd_object *object)
{
    return (dd_value){.kind = DD_VALUE_OBJECT, .object = object};
}

const dd_class *dd_value_class(const dd_value *value)
{
    static const dd_class *const of_integers[DD_TYPES] = {
        [DD_TYPE_DURATION] = &dd_class_duration,
        [DD_TYPE_MONTH] = &dd_class_month,
        [DD_TYPE_WEEKDAY] = &dd_class_weekday,
    };

    return value->kind == DD_VALUE_OBJECT ? value->object->class
           : value->kind == DD_VALUE_INT  ? of_integers[value->type]
                                          : NULL;
}

/* Room for one more; an arena cannot give back, so sizes double. */
static void *grow(dd_arena *arena, void *old, size_t count, size_t *capacity, size_t size)
{
    void *grown;

    if (count < *capacity)
        return old;
    *capacity = *capacity ? *capacity * 2 : 4;
    grown = dd_arena_alloc(arena, *capacity * size);
    if (count)
        memcpy(grown, old, count * size);
    return grown;
}

dd_node *dd_value_node(const dd_value *value)
{
    return value->kind == DD_VALUE_LIST  ? &value->list->node
           : value->kind == DD_VALUE_MAP ? &value->map->node
                                         : NULL;
}

size_t dd_value_depth(const dd_value *value)
{
    const dd_node *node = dd_value_node(value);

    return node ? node->depth : 0;
}

/* A container's depth grows with what it is given, and never shrinks. */
static void hold(dd_node *holder, const dd_value *member)
{
    dd_node *node = dd_value_node(member);

    if (!node)
        return;
    node->held = true;
    if (holder->depth <= node->depth)
        holder->depth = node->depth + 1;
}

static size_t member_count(const dd_value *container)
{
    return container->kind == DD_VALUE_LIST ? container->list->count : container->map->count;
}

static const dd_value *member_of(const dd_value *container, size_t at)
{
    return container->kind == DD_VALUE_LIST ? &container->list->items[at] : &container->map->pairs[at].value;
}

static size_t measure(const dd_value *value, size_t generation, size_t level, size_t *ret_seen)
{
    dd_node *node = dd_value_node(value);

    if (!node)
        return 0;
    if (node->generation == generation || level > DD_VALUE_MAX_DEPTH)
        return node->depth;
    node->generation = generation;
    for (size_t i = 0; i < member_count(value); i++) {
        size_t depth = measure(member_of(value, i), generation, level + 1, ret_seen);

        if (node->depth <= depth)
            node->depth = depth + 1;
    }
    *ret_seen += member_count(value) + 1;
    return node->depth;
}

size_t dd_value_measure(const dd_value *value, size_t generation, size_t *ret_seen)
{
    return measure(value, generation, 0, ret_seen);
}

size_t dd_value_size(const dd_value *value, size_t limit)
{
    size_t size = 1;

    if (!dd_value_node(value))
        return size;
    for (size_t i = 0; i < member_count(value) && size < limit; i++)
        size += dd_value_size(member_of(value, i), limit - size);
    return size;
}

static dd_value copy_list(dd_arena *arena, const dd_value *value)
{
    dd_value ret = dd_value_list(dd_list_new(arena));

    for (size_t i = 0; i < value->list->count; i++)
        dd_list_add(arena, ret.list, dd_value_copy(arena, &value->list->items[i]));
    ret.list->node.none = value->list->node.none;
    ret.type = value->type;
    return ret;
}

static dd_value copy_map(dd_arena *arena, const dd_value *value)
{
    dd_value ret = dd_value_map(dd_map_new(arena));

    for (size_t i = 0; i < value->map->count; i++)
        dd_map_put(arena, ret.map, value->map->pairs[i].key,
                   dd_value_copy(arena, &value->map->pairs[i].value));
    ret.map->node.none = value->map->node.none;
    ret.type = value->type;
    return ret;
}

dd_value dd_value_copy(dd_arena *arena, const dd_value *value)
{
    return value->kind == DD_VALUE_LIST  ? copy_list(arena, value)
           : value->kind == DD_VALUE_MAP ? copy_map(arena, value)
                                         : *value;
}

dd_list *dd_list_new(dd_arena *arena)
{
    dd_list *list = dd_arena_alloc(arena, sizeof(dd_list));

    list->node.depth = 1;
    return list;
}

void dd_list_add(dd_arena *arena, dd_list *list, dd_value value)
{
    list->items = grow(arena, list->items, list->count, &list->capacity, sizeof(dd_value));
    list->items[list->count++] = value;
    hold(&list->node, &value);
}

dd_map *dd_map_new(dd_arena *arena)
{
    dd_map *map = dd_arena_alloc(arena, sizeof(dd_map));

    map->node.depth = 1;
    return map;
}

static uint64_t hash_of(dd_text key)
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a */

    for (size_t i = 0; i < key.length; i++)
        hash = (hash ^ (unsigned char)key.data[i]) * 1099511628211U;
    return hash ^ hash >> 32;
}

/* The slot that holds the key, or the free one where it belongs. */
static size_t *slot_of(const dd_map *map, dd_text key)
{
    size_t at = (size_t)hash_of(key) & (map->slot_count - 1);

    while (map->slots[at] && dd_text_compare(map->pairs[map->slots[at] - 1].key, key) != 0)
        at = (at + 1) & (map->slot_count - 1);
    return &map->slots[at];
}

static void fill_slots(dd_map *map)
{
    memset(map->slots, 0, map->slot_count * sizeof(*map->slots));
    for (size_t i = 0; i < map->count; i++)
        *slot_of(map, map->pairs[i].key) = i + 1;
}

static void grow_slots(dd_arena *arena, dd_map *map)
{
    map->slot_count = map->slot_count ? map->slot_count * 2 : 8;
    map->slots = dd_arena_alloc(arena, map->slot_count * sizeof(*map->slots));
    fill_slots(map);
}

void dd_map_put(dd_arena *arena, dd_map *map, dd_text key, dd_value value)
{
    size_t *slot;

    if (map->slot_count <= 2 * map->count)
        grow_slots(arena, map);
    slot = slot_of(map, key);
    if (*slot) {
        map->pairs[*slot - 1].value = value;
    } else {
        map->pairs = grow(arena, map->pairs, map->count, &map->capacity, sizeof(dd_pair));
        map->unsorted =
            map->unsorted || (map->count > 0 && dd_text_compare(map->pairs[map->count - 1].key, key) > 0);
        map->pairs[map->count++] = (dd_pair){key, value};
        *slot = map->count;
    }
    hold(&map->node, &value);
}

void dd_map_remove(dd_map *map, dd_text key)
{
    size_t slot = map->count ? *slot_of(map, key) : 0;

    if (!slot)
        return;
    memmove(&map->pairs[slot - 1], &map->pairs[slot], (map->count - slot) * sizeof(*map->pairs));
    map->count--;
    fill_slots(map);
}

dd_value *dd_map_get(const dd_map *map, dd_text key)
{
    size_t slot = map->count ? *slot_of(map, key) : 0;

    return slot ? &map->pairs[slot - 1].value : NULL;
}

static int compare_pairs(const void *a, const void *b)
{
    const dd_pair *left = a, *right = b;

    return dd_text_compare(left->key, right->key);
}

const dd_pair *dd_map_sorted(dd_map *map)
{
    if (map->unsorted) {
        qsort(map->pairs, map->count, sizeof(dd_pair), compare_pairs);
        fill_slots(map);
        map->unsorted = false;
    }
    return map->pairs;
}

static dd_value scalar_from_yaml(dd_arena *arena, const dd_yaml_node *node)
{
    bool boolean;
    int64_t integer;
    double real;

    switch (dd_yaml_scalar_type(node)) {
    case DD_YAML_NULL:
        return dd_value_nil();
    case DD_YAML_BOOL:
        if (dd_yaml_scalar_bool(node, &boolean))
            return dd_value_bool(boolean);
        break;
    case DD_YAML_INT:
        if (dd_yaml_scalar_int(node, &integer))
            return dd_value_int(integer);
        break;
    case DD_YAML_FLOAT:
        if (dd_yaml_scalar_float(node, &real))
            return dd_value_float(real);
        break;
    case DD_YAML_STRING:
        break;
    }
    return dd_value_string(arena, node->text, node->length);
}

static dd_value map_from_yaml(dd_arena *arena, const dd_yaml_node *node)
{
    dd_map *map = dd_map_new(arena);

    for (size_t i = 0; i < node->length; i++) {
        const dd_yaml_node *key = node->entries[i].key;

        dd_map_put(arena, map, (dd_text){dd_arena_copy(arena, key->text, key->length), key->length},
                   dd_value_from_yaml(arena, node->entries[i].value));
    }
    return dd_value_map(map);
}

/* As deep as the YAML reader lets a file be. */
dd_value dd_value_from_yaml(dd_arena *arena, const dd_yaml_node *node)
{
    dd_list *list;

    if (!node)
        return dd_value_nil();
    switch (node->kind) {
    case DD_YAML_SCALAR:
        return scalar_from_yaml(arena, node);
    case DD_YAML_MAP:
        return map_from_yaml(arena, node);
    case DD_YAML_LIST:
        break;
    }
    list = dd_list_new(arena);
    for (size_t i = 0; i < node->length; i++)
        dd_list_add(arena, list, dd_value_from_yaml(arena, node->items[i]));
    return dd_value_list(list);
}

bool dd_value_truth(const dd_value *value)
{
    switch (value->kind) {
    case DD_VALUE_NIL:
        return false;
    case DD_VALUE_BOOL:
        return value->boolean;
    case DD_VALUE_INT:
        return value->integer != 0;
    case DD_VALUE_FLOAT:
        return fpclassify(value->real) != FP_ZERO;
    case DD_VALUE_STRING:
        return value->text.length > 0;
    case DD_VALUE_LIST:
        return value->list->count > 0;
    case DD_VALUE_MAP:
        return value->map->count > 0;
    case DD_VALUE_OBJECT:
        return true;
    }
    return false;
}

dd_value dd_value_missing(const dd_value *map)
{
    if (map->type == DD_TYPE_STRINGS)
        return dd_value_text((dd_text){"", 0});
    return (dd_value){.kind = DD_VALUE_NIL, .type = DD_TYPE_INTERFACE};
}

const char *dd_value_type_name(const dd_value *value)
{
    static const char *const names[][DD_TYPES] = {
        [DD_VALUE_NIL] = {"nil", [DD_TYPE_INTERFACE] = "nil"},
        [DD_VALUE_BOOL] = {"bool"},
        [DD_VALUE_INT] =
            {"int", [DD_TYPE_INT32] = "int32", [DD_TYPE_INT64] = "int64", [DD_TYPE_UINT8] = "uint8",
             [DD_TYPE_UINT32] = "uint32", [DD_TYPE_UINT64] = "uint64"},
        [DD_VALUE_FLOAT] = {"float64"},
        [DD_VALUE_STRING] = {"string"},
        [DD_VALUE_LIST] = {"[]interface {}", [DD_TYPE_STRINGS] = "[]string", [DD_TYPE_INTS] = "[]int"},
        [DD_VALUE_MAP] = {"map[string]interface {}", [DD_TYPE_STRINGS] = "map[string]string"},
    };

    return dd_value_class(value) ? dd_value_class(value)->type_name : names[value->kind][value->type];
}

/* By hand, for long lists of numbers are what templates print most of. */
static void print_digits(dd_buf *into, uint64_t number, bool negative)
{
    char digits[21]; /* of 2^64, and a sign */
    size_t at = sizeof(digits);

    if (negative)
        number = -number;
    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    if (negative)
        digits[--at] = '-';
    dd_buf_add(into, digits + at, sizeof(digits) - at);
}

static void print_integer(dd_buf *into, const dd_value *value)
{
    if (dd_value_class(value))
        dd_value_class(value)->print(into, value);
    else
        print_digits(into, (uint64_t)value->integer, value->type != DD_TYPE_UINT64 && value->integer < 0);
}

void dd_value_print(dd_buf *into, const dd_value *value)
{
    switch (value->kind) {
    case DD_VALUE_NIL:
        dd_buf_add_str(into, "<nil>");
        break;
    case DD_VALUE_BOOL:
        dd_buf_add_str(into, value->boolean ? "true" : "false");
        break;
    case DD_VALUE_INT:
        print_integer(into, value);
        break;
    case DD_VALUE_FLOAT:
        dd_float_print(into, value->real, 'g');
        break;
    case DD_VALUE_STRING:
        dd_buf_add(into, value->text.data, value->text.length);
        break;
    case DD_VALUE_LIST:
        for (size_t i = 0; i < value->list->count && into->length < DD_VALUE_PRINT_MAX; i++) {
            dd_buf_add_char(into, i ? ' ' : '[');
            dd_value_print(into, &value->list->items[i]);
        }
        dd_buf_add_str(into, value->list->count ? "]" : "[]");
        break;
    case DD_VALUE_MAP:
        dd_buf_add_str(into, "map[");
        for (size_t i = 0; i < value->map->count && into->length < DD_VALUE_PRINT_MAX; i++) {
            if (i)
                dd_buf_add_char(into, ' ');
            dd_buf_add(into, dd_map_sorted(value->map)[i].key.data, dd_map_sorted(value->map)[i].key.length);
            dd_buf_add_char(into, ':');
            dd_value_print(into, &dd_map_sorted(value->map)[i].value);
        }
        dd_buf_add_char(into, ']');
        break;
    case DD_VALUE_OBJECT:
        value->object->class->print(into, value);
        break;
    }
}
