/* Maps. Some functions answer with another one; set, unset and the merges change the one they are given, as
 * in Sprig. What Go gives in no order comes sorted, so that a file renders the same each time. */
#include "runner/lang/functions/functions.h"

static dd_value new_map(dd_evaluation *e)
{
    return dd_value_map(dd_map_new(dd_evaluation_arena(e)));
}

static int ask_room(dd_evaluation *e, size_t pairs)
{
    return dd_evaluation_room(e, pairs * 4 * sizeof(dd_pair));
}

/* ---- Making and reading ---- */

CALL(dict)
{
    *ret = new_map(e);
    for (size_t i = 0; i < count; i += 2) {
        dd_text key;

        if (dd_text_from(e, &arguments[i], &key) < 0)
            return -1;
        dd_map_put(dd_evaluation_arena(e), ret->map, key,
                   i + 1 < count ? arguments[i + 1] : dd_value_text((dd_text){"", 0}));
    }
    return 0;
}

CALL(get)
{
    const dd_value *found = dd_map_get(arguments[0].map, arguments[1].text);

    *ret = found ? *found : dd_value_text((dd_text){"", 0});
    return 0;
}

CALL(hasKey)
{
    *ret = dd_value_bool(dd_map_get(arguments[0].map, arguments[1].text) != NULL);
    return 0;
}

CALL(keys)
{
    size_t members = 0;

    for (size_t i = 0; i < count; i++)
        members += arguments[i].map->count;
    if (dd_give_list(e, members, ret) < 0)
        return -1;
    ret->type = DD_TYPE_STRINGS;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < arguments[i].map->count; k++)
            dd_list_add(dd_evaluation_arena(e), ret->list,
                        dd_value_text(dd_map_sorted(arguments[i].map)[k].key));
    return 0;
}

CALL(values)
{
    dd_map *from = arguments[0].map;

    if (dd_give_list(e, from->count, ret) < 0)
        return -1;
    for (size_t k = 0; k < from->count; k++)
        dd_list_add(dd_evaluation_arena(e), ret->list, dd_map_sorted(from)[k].value);
    return 0;
}

/* The key's values in those maps that have it. */
CALL(pluck)
{
    if (dd_give_list(e, count, ret) < 0)
        return -1;
    for (size_t i = 1; i < count; i++) {
        const dd_value *found = dd_map_get(arguments[i].map, arguments[0].text);

        if (found)
            dd_list_add(dd_evaluation_arena(e), ret->list, *found);
    }
    return 0;
}

CALL(pick)
{
    *ret = new_map(e);
    for (size_t i = 1; i < count; i++) {
        const dd_value *found = dd_map_get(arguments[0].map, arguments[i].text);

        if (found)
            dd_map_put(dd_evaluation_arena(e), ret->map, arguments[i].text, *found);
    }
    return 0;
}

CALL(omit)
{
    const dd_map *from = arguments[0].map;

    if (ask_room(e, from->count) < 0)
        return -1;
    *ret = new_map(e);
    for (size_t i = 0; i < from->count; i++)
        dd_map_put(dd_evaluation_arena(e), ret->map, from->pairs[i].key, from->pairs[i].value);
    for (size_t i = 1; i < count; i++)
        dd_map_remove(ret->map, arguments[i].text);
    return 0;
}

/* ---- Changing ---- */

CALL(set)
{
    *ret = arguments[0];
    return dd_evaluation_put(e, arguments[0].map, arguments[1].text, arguments[2]);
}

CALL(unset)
{
    *ret = arguments[0];
    if (dd_evaluation_work(e, arguments[0].map->count / 8) < 0)
        return -1;
    dd_map_remove(arguments[0].map, arguments[1].text);
    return 0;
}

/* ---- Merging, as mergo 0.3 does it ---- */

typedef struct merging {
    dd_evaluation *e;
    bool overwrite;
} merging;

static int merge_maps(const merging *m, const dd_value *into, const dd_value *from);

static bool is_container(const dd_value *value)
{
    return value->kind == DD_VALUE_LIST || value->kind == DD_VALUE_MAP;
}

/* A map[string]string takes from another such, and nothing else. */
static int put(const merging *m, const dd_value *into, const dd_value *from, dd_text key, dd_value value)
{
    if (into->type == DD_TYPE_STRINGS && from->type != DD_TYPE_STRINGS)
        return dd_evaluation_fail(m->e, "a map[string]string takes no value of type %s",
                                  dd_value_type_name(&value));
    return dd_evaluation_put(m->e, into->map, key, value);
}

/* A list is merged as a whole: it replaces what is there when that may be overwritten, or is empty. What is
 * there stays when it is a full map or list or anything else that is not empty; overwriting never puts a map
 * or a list in the place of a map, a number or a text. */
static int merge_member(const merging *m, const dd_value *into, const dd_value *from, const dd_pair *pair)
{
    const dd_value *found = dd_map_get(into->map, pair->key);
    dd_value old = found ? *found : dd_value_nil();
    const dd_value *value = &pair->value;

    if (value->kind == DD_VALUE_NIL)
        return m->overwrite ? put(m, into, from, pair->key, *value) : 0;
    if (value->kind == DD_VALUE_MAP && old.kind == DD_VALUE_MAP && merge_maps(m, &old, value) < 0)
        return -1;
    if (value->kind == DD_VALUE_LIST && (m->overwrite || !into->map->count) &&
        put(m, into, from, pair->key, *value) < 0)
        return -1;
    if (dd_value_truth(&old) && (is_container(value) || !m->overwrite))
        return 0;
    return put(m, into, from, pair->key, *value);
}

static int merge_maps(const merging *m, const dd_value *into, const dd_value *from)
{
    size_t count = from->map->count;

    if (into->map->node.none) /* there is no such map in what we read, only in what was missing */
        return 0;
    if (dd_evaluation_work(m->e, count + 1) < 0 || ask_room(m->e, count) < 0)
        return -1;
    for (size_t i = 0; i < count && i < from->map->count; i++) {
        dd_pair pair = from->map->pairs[i];

        if (merge_member(m, into, from, &pair) < 0)
            return -1;
    }
    return 0;
}

static int merge_all(dd_evaluation *e, const dd_value *maps, size_t count, bool overwrite, dd_value *ret)
{
    merging m = {e, overwrite};

    *ret = maps[0];
    for (size_t i = 1; i < count; i++) {
        if (ret->map->node.none && !maps[i].map->node.none)
            *ret = new_map(e);
        if (merge_maps(&m, ret, &maps[i]) < 0)
            return -1;
    }
    return 0;
}

CALL(merge)
{
    return merge_all(e, arguments, count, false, ret);
}

CALL(mergeOverwrite)
{
    return merge_all(e, arguments, count, true, ret);
}

static const dd_function rows[] = {
    {"dict", "a*", call_dict},   {"get", "ms", call_get},      {"hasKey", "ms", call_hasKey},
    {"keys", "m*", call_keys},   {"values", "m", call_values}, {"pluck", "sm*", call_pluck},
    {"pick", "ms*", call_pick},  {"omit", "ms*", call_omit},   {"set", "msa", call_set},
    {"unset", "ms", call_unset}, {"merge", "mm*", call_merge}, {"mergeOverwrite", "mm*", call_mergeOverwrite},
};
const dd_function_family dd_functions_maps = DD_FAMILY("maps", rows);
