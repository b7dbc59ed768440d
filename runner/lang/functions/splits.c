/* Between strings and lists: splitting and joining. Sprig 2.22, its behaviour. */
#include "runner/lang/functions/functions.h"
#include <stdlib.h>
#include <string.h>

/* ---- Apart ---- */

/* Go's strings.SplitN: at most `most` parts, all when it is negative. */
static int split_at(dd_evaluation *e, dd_text separator, int64_t most, dd_text text, dd_value *ret)
{
    while (most < 0 || ret->list->count + 1 < (uint64_t)most) {
        const char *found = dd_text_find(text, separator);
        size_t length = found ? (size_t)(found - text.data) : 0;

        if (!found)
            break;
        dd_list_add(dd_evaluation_arena(e), ret->list, dd_value_text((dd_text){text.data, length}));
        text = dd_text_skip(text, length + separator.length);
    }
    dd_list_add(dd_evaluation_arena(e), ret->list, dd_value_text(text));
    return 0;
}

/* An empty separator parts runes: what is no UTF-8 becomes U+FFFD, but the last part stays as it is. */
static int split_runes(dd_evaluation *e, int64_t most, dd_text text, dd_value *ret)
{
    while (text.length && (most < 0 || ret->list->count + 1 < (uint64_t)most)) {
        dd_text rune = text;

        if (dd_rune_take(&text) == 0xfffd && text.length)
            rune = dd_text_of("\xef\xbf\xbd");
        else
            rune.length -= text.length;
        dd_list_add(dd_evaluation_arena(e), ret->list, dd_value_text(rune));
    }
    if (text.length)
        dd_list_add(dd_evaluation_arena(e), ret->list, dd_value_text(text));
    return 0;
}

static int split(dd_evaluation *e, dd_text separator, int64_t most, dd_text text, dd_value *ret)
{
    if (dd_give_list(e, text.length / (separator.length ? separator.length : 1) + 1, ret) < 0)
        return -1;
    ret->type = DD_TYPE_STRINGS;
    if (most == 0)
        return 0;
    return separator.length ? split_at(e, separator, most, text, ret) : split_runes(e, most, text, ret);
}

CALL(splitList)
{
    return split(e, arguments[0].text, -1, arguments[1].text, ret);
}

/* A map _0, _1, … */
static int numbered(dd_evaluation *e, const dd_list *parts, dd_value *ret)
{
    dd_arena *arena = dd_evaluation_arena(e);

    if (dd_evaluation_room(e, parts->count * 4 * sizeof(dd_pair)) < 0)
        return -1;
    *ret = dd_value_map(dd_map_new(arena));
    ret->type = DD_TYPE_STRINGS;
    for (size_t i = 0; i < parts->count; i++) {
        dd_auto_str key = dd_sprintf("_%zu", i);

        dd_map_put(arena, ret->map, (dd_text){dd_arena_copy(arena, key, strlen(key)), strlen(key)},
                   parts->items[i]);
    }
    return 0;
}

CALL(split)
{
    dd_value parts = dd_value_nil();

    return split(e, arguments[0].text, -1, arguments[1].text, &parts) < 0 ? -1 : numbered(e, parts.list, ret);
}

CALL(splitn)
{
    dd_value parts = dd_value_nil();

    if (split(e, arguments[0].text, arguments[1].integer, arguments[2].text, &parts) < 0)
        return -1;
    return numbered(e, parts.list, ret);
}

/* ---- Together ---- */

/* Sprig's strslice: a list's members but nil as strings, or the one value; nothing for nil. */
static int strings_of(dd_evaluation *e, const dd_value *from, dd_value *ret)
{
    const dd_list *list = from->kind == DD_VALUE_LIST ? from->list : NULL;

    if (list && from->type == DD_TYPE_STRINGS) {
        *ret = *from;
        return 0;
    }
    if (dd_give_list(e, list ? list->count : 1, ret) < 0)
        return -1;
    ret->type = DD_TYPE_STRINGS;
    for (size_t i = 0; list ? i < list->count : i < 1; i++) {
        const dd_value *item = list ? &list->items[i] : from;
        dd_text text;

        if (item->kind == DD_VALUE_NIL)
            continue;
        if (dd_text_from(e, item, &text) < 0)
            return -1;
        dd_list_add(dd_evaluation_arena(e), ret->list, dd_value_text(text));
    }
    return 0;
}

CALL(toStrings)
{
    return strings_of(e, &arguments[0], ret);
}

CALL(join)
{
    dd_value strings = dd_value_nil();
    dd_buf into = {0};

    if (strings_of(e, &arguments[1], &strings) < 0)
        return -1;
    for (size_t i = 0; i < strings.list->count && into.length < DD_VALUE_PRINT_MAX; i++) {
        if (i)
            dd_buf_add(&into, arguments[0].text.data, arguments[0].text.length);
        dd_buf_add(&into, strings.list->items[i].text.data, strings.list->items[i].text.length);
    }
    return dd_give_buf(e, &into, ret);
}

static int compare_texts(const void *a, const void *b)
{
    const dd_value *left = a, *right = b;

    return dd_text_compare(left->text, right->text);
}

/* A list of strings is sorted where it is, as in Sprig: who holds it sees it sorted. What is no list is the
 * one member of one, nil too. */
CALL(sortAlpha)
{
    dd_text text;

    if (arguments[0].kind == DD_VALUE_NIL) {
        if (dd_text_from(e, &arguments[0], &text) < 0 || dd_give_list(e, 1, ret) < 0)
            return -1;
        ret->type = DD_TYPE_STRINGS;
        dd_list_add(dd_evaluation_arena(e), ret->list, dd_value_text(text));
        return 0;
    }
    if (strings_of(e, &arguments[0], ret) < 0 || dd_evaluation_work(e, 2 * ret->list->count) < 0)
        return -1;
    if (ret->list->count)
        qsort(ret->list->items, ret->list->count, sizeof(dd_value), compare_texts);
    return 0;
}

static const dd_function rows[] = {
    {"split", "ss", call_split}, {"splitn", "sis", call_splitn},     {"splitList", "ss", call_splitList},
    {"join", "sa", call_join},   {"toStrings", "a", call_toStrings}, {"sortAlpha", "a", call_sortAlpha},
};
const dd_function_family dd_functions_splits = DD_FAMILY("splits", rows);
