/* Lists. They are values: what changes one answers with another. Sprig 2.22, its behaviour. */
#include "runner/lang/functions/functions.h"

static void add(dd_evaluation *e, dd_value *into, dd_value value)
{
    dd_list_add(dd_evaluation_arena(e), into->list, value);
}

static void add_all(dd_evaluation *e, dd_value *into, const dd_list *from, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++)
        add(e, into, from->items[i]);
}

/* ---- New lists ---- */

CALL(list)
{
    if (dd_give_list(e, count, ret) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        add(e, ret, arguments[i]);
    return 0;
}

CALL(append)
{
    const dd_list *from = arguments[0].list;

    if (dd_give_list(e, from->count + 1, ret) < 0)
        return -1;
    add_all(e, ret, from, 0, from->count);
    add(e, ret, arguments[1]);
    return 0;
}

CALL(prepend)
{
    const dd_list *from = arguments[0].list;

    if (dd_give_list(e, from->count + 1, ret) < 0)
        return -1;
    add(e, ret, arguments[1]);
    add_all(e, ret, from, 0, from->count);
    return 0;
}

CALL(concat)
{
    size_t members = 0;

    for (size_t i = 0; i < count; i++)
        members += arguments[i].list->count;
    if (members == 0)
        return dd_give_no_list(e, ret);
    if (dd_give_list(e, members, ret) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        add_all(e, ret, arguments[i].list, 0, arguments[i].list->count);
    return 0;
}

CALL(reverse)
{
    const dd_list *from = arguments[0].list;

    if (dd_give_list(e, from->count, ret) < 0)
        return -1;
    for (size_t i = from->count; i > 0; i--)
        add(e, ret, from->items[i - 1]);
    return 0;
}

/* ---- Parts ---- */

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

/* Of nothing, Go's nil slice is left. */
static int part(dd_evaluation *e, const dd_list *from, size_t begin, size_t end, dd_value *ret)
{
    if (!from->count)
        return dd_give_no_list(e, ret);
    if (dd_give_list(e, end - begin, ret) < 0)
        return -1;
    add_all(e, ret, from, begin, end);
    return 0;
}

CALL(rest)
{
    return part(e, arguments[0].list, 1, arguments[0].list->count, ret);
}

CALL(initial)
{
    return part(e, arguments[0].list, 0, arguments[0].list->count - 1, ret);
}

/* Of the list's own type, and over its own members, as Go's slices are. */
CALL(slice)
{
    const dd_list *from = arguments[0].list;
    int64_t end = (int64_t)from->count;
    int64_t bounds[2] = {0, end};

    *ret = dd_value_nil();
    if (!from->count)
        return 0;
    for (size_t i = 0; i < 2 && i + 1 < count; i++)
        bounds[i] = dd_integer_from(&arguments[i + 1]);
    if (bounds[0] < 0 || bounds[1] < bounds[0] || bounds[1] > end)
        return dd_evaluation_fail(e, "the bounds are not within the list");
    *ret = dd_value_list(dd_list_new(dd_evaluation_arena(e)));
    ret->type = arguments[0].type;
    ret->list->node = from->node;
    ret->list->node.held = false;
    ret->list->items = from->items + bounds[0];
    ret->list->count = ret->list->capacity = (size_t)(bounds[1] - bounds[0]);
    return 0;
}

/* ---- Members by what they are ---- */

CALL(compact)
{
    const dd_list *from = arguments[0].list;

    if (dd_give_list(e, from->count, ret) < 0)
        return -1;
    for (size_t i = 0; i < from->count; i++)
        if (dd_value_truth(&from->items[i]))
            add(e, ret, from->items[i]);
    return 0;
}

static int find(dd_evaluation *e, const dd_value *items, size_t count, const dd_value *what, bool *ret)
{
    *ret = false;
    for (size_t i = 0; i < count && !*ret; i++)
        if (dd_value_same(e, what, &items[i], ret) < 0)
            return -1;
    return 0;
}

CALL(uniq)
{
    const dd_list *from = arguments[0].list;
    bool found = false;

    if (dd_give_list(e, from->count, ret) < 0)
        return -1;
    for (size_t i = 0; i < from->count; i++) {
        if (find(e, ret->list->items, ret->list->count, &from->items[i], &found) < 0)
            return -1;
        if (!found)
            add(e, ret, from->items[i]);
    }
    return 0;
}

CALL(without)
{
    const dd_list *from = arguments[0].list;
    bool found = false;

    if (dd_give_list(e, from->count, ret) < 0)
        return -1;
    for (size_t i = 0; i < from->count; i++) {
        if (find(e, arguments + 1, count - 1, &from->items[i], &found) < 0)
            return -1;
        if (!found)
            add(e, ret, from->items[i]);
    }
    return 0;
}

CALL(has)
{
    const dd_value *in = &arguments[1];
    bool found = false;

    if (in->kind != DD_VALUE_LIST && in->kind != DD_VALUE_NIL)
        return dd_evaluation_fail(e, "nothing is in a value of type %s", dd_value_type_name(in));
    if (in->kind == DD_VALUE_LIST && find(e, in->list->items, in->list->count, &arguments[0], &found) < 0)
        return -1;
    *ret = dd_value_bool(found);
    return 0;
}

/* ---- Numbers in a row ---- */

/* A step may go round the end of what an int holds, as in Go. */
static int count_up(dd_evaluation *e, int64_t from, int64_t to, int64_t step, dd_value *ret)
{
    bool up = from <= to;

    if (dd_give_list(e, 0, ret) < 0)
        return -1;
    ret->type = DD_TYPE_INTS;
    if (step == 0 || up != (step > 0))
        return 0;
    for (; up ? from < to : from > to; from = (int64_t)((uint64_t)from + (uint64_t)step)) {
        if (ret->list->count == DD_TEMPLATE_MAX_TURNS)
            return dd_evaluation_fail(e, "more than %d numbers", DD_TEMPLATE_MAX_TURNS);
        add(e, ret, dd_value_int(from));
    }
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
    {"list", "a*", call_list},      {"tuple", "a*", call_list},      {"append", "la", call_append},
    {"push", "la", call_append},    {"prepend", "la", call_prepend}, {"concat", "l*", call_concat},
    {"reverse", "l", call_reverse}, {"first", "l", call_first},      {"last", "l", call_last},
    {"rest", "l", call_rest},       {"initial", "l", call_initial},  {"slice", "la*", call_slice},
    {"compact", "l", call_compact}, {"uniq", "l", call_uniq},        {"without", "la*", call_without},
    {"has", "aa", call_has},        {"until", "i", call_until},      {"untilStep", "iii", call_untilStep},
};
const dd_function_family dd_functions_lists = DD_FAMILY("lists", rows);
