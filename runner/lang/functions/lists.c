/* Lists. They are values: what changes one answers with another. Sprig 2.22, its behaviour. */
#include "runner/lang/functions/functions.h"
#include <string.h>

CALL(list)
{
    *ret = dd_value_list(dd_list_new(dd_evaluation_arena(e)));
    for (size_t i = 0; i < count; i++)
        dd_list_add(dd_evaluation_arena(e), ret->list, arguments[i]);
    return 0;
}

CALL(join)
{
    dd_buf into = {0};
    const dd_value *from = &arguments[1];
    bool first = true;

    if (from->kind == DD_VALUE_NIL)
        return dd_give_text("", 0, ret);
    if (from->kind != DD_VALUE_LIST) {
        *ret = dd_value_text(dd_text_from(e, from));
        return 0;
    }
    for (size_t i = 0; i < from->list->count && into.length < DD_VALUE_PRINT_MAX; i++) {
        if (from->list->items[i].kind == DD_VALUE_NIL)
            continue;
        if (!first)
            dd_buf_add(&into, arguments[0].text.data, arguments[0].text.length);
        first = false;
        dd_value_print(&into, &from->list->items[i]);
    }
    return dd_give_buf(e, &into, ret);
}

static dd_list *split(dd_evaluation *e, dd_text separator, dd_text text)
{
    dd_arena *arena = dd_evaluation_arena(e);
    dd_list *into = dd_list_new(arena);

    while (text.length) {
        const char *found = dd_text_find(text, separator);
        size_t length = found ? (size_t)(found - text.data) : text.length, used = separator.length;

        if (!separator.length) /* into runes */
            dd_utf8_decode(text.data, text.length, &length);
        dd_list_add(arena, into, dd_value_text((dd_text){text.data, length}));
        if (!found || length + used > text.length)
            return into;
        text = (dd_text){text.data + length + used, text.length - length - used};
        if (!separator.length && !text.length)
            return into;
    }
    dd_list_add(arena, into, dd_value_text((dd_text){"", 0}));
    return into;
}

CALL(splitList)
{
    if (dd_evaluation_room(e, arguments[1].text.length * sizeof(dd_value)) < 0)
        return -1;
    *ret = dd_value_list(split(e, arguments[0].text, arguments[1].text));
    return 0;
}

/* A map _0, _1, … */
CALL(split)
{
    dd_list *parts;

    if (dd_evaluation_room(e, arguments[1].text.length * sizeof(dd_pair)) < 0)
        return -1;
    parts = split(e, arguments[0].text, arguments[1].text);
    *ret = dd_value_map(dd_map_new(dd_evaluation_arena(e)));
    for (size_t i = 0; i < parts->count; i++) {
        dd_auto_str key = dd_sprintf("_%zu", i);

        dd_map_put(dd_evaluation_arena(e), ret->map,
                   (dd_text){dd_arena_copy(dd_evaluation_arena(e), key, strlen(key)), strlen(key)},
                   parts->items[i]);
    }
    return 0;
}

static int sub_list(dd_evaluation *e, const dd_list *from, size_t begin, size_t end, dd_value *ret)
{
    *ret = dd_value_list(dd_list_new(dd_evaluation_arena(e)));
    for (size_t i = begin; i < end; i++)
        dd_list_add(dd_evaluation_arena(e), ret->list, from->items[i]);
    return 0;
}

CALL(first)
{
    const dd_list *from = arguments[0].list;

    *ret = from->count ? from->items[0] : dd_value_nil();
    return 0;
}

CALL(last)
{
    const dd_list *from = arguments[0].list;

    *ret = from->count ? from->items[from->count - 1] : dd_value_nil();
    return 0;
}

CALL(rest)
{
    return sub_list(e, arguments[0].list, arguments[0].list->count ? 1 : 0, arguments[0].list->count, ret);
}

CALL(initial)
{
    return sub_list(e, arguments[0].list, 0, arguments[0].list->count ? arguments[0].list->count - 1 : 0,
                    ret);
}

CALL(append)
{
    sub_list(e, arguments[0].list, 0, arguments[0].list->count, ret);
    dd_list_add(dd_evaluation_arena(e), ret->list, arguments[1]);
    return 0;
}

CALL(prepend)
{
    *ret = dd_value_list(dd_list_new(dd_evaluation_arena(e)));
    dd_list_add(dd_evaluation_arena(e), ret->list, arguments[1]);
    for (size_t i = 0; i < arguments[0].list->count; i++)
        dd_list_add(dd_evaluation_arena(e), ret->list, arguments[0].list->items[i]);
    return 0;
}

static int count_up(dd_evaluation *e, int64_t from, int64_t to, int64_t step, dd_value *ret)
{
    uint64_t turns =
        step > 0 && to > from   ? ((uint64_t)to - (uint64_t)from + (uint64_t)step - 1) / (uint64_t)step
        : step < 0 && to < from ? ((uint64_t)from - (uint64_t)to - 1 - (uint64_t)step) / (0 - (uint64_t)step)
                                : 0;

    if (turns > DD_TEMPLATE_MAX_TURNS)
        return dd_evaluation_fail(e, "more than %d numbers", DD_TEMPLATE_MAX_TURNS);
    if (dd_evaluation_room(e, (size_t)turns * 2 * sizeof(dd_value)) < 0)
        return -1;
    *ret = dd_value_list(dd_list_new(dd_evaluation_arena(e)));
    for (uint64_t i = 0; i < turns; i++)
        dd_list_add(dd_evaluation_arena(e), ret->list,
                    dd_value_int((int64_t)((uint64_t)from + i * (uint64_t)step)));
    return 0;
}

CALL(until)
{
    return count_up(e, 0, arguments[0].integer, arguments[0].integer < 0 ? -1 : 1, ret);
}

CALL(untilStep)
{
    return count_up(e, arguments[0].integer, arguments[1].integer, arguments[2].integer, ret);
}

static const dd_function rows[] = {
    {"list", "a*", call_list},
    {"tuple", "a*", call_list},
    {"join", "sa", call_join},
    {"split", "ss", call_split},
    {"splitList", "ss", call_splitList},
    {"first", "l", call_first},
    {"last", "l", call_last},
    {"rest", "l", call_rest},
    {"initial", "l", call_initial},
    {"append", "la", call_append},
    {"push", "la", call_append},
    {"prepend", "la", call_prepend},
    {"until", "i", call_until},
    {"untilStep", "iii", call_untilStep},
};
const dd_function_family dd_functions_lists = DD_FAMILY("lists", rows);
