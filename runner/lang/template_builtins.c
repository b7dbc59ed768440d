/* The functions that Go's text/template has by itself: logic, comparison, length and index, printing,
 * escaping. */
#include "runner/lang/functions/functions.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static dd_value from_buf(dd_evaluation *e, dd_buf *text)
{
    dd_value ret = dd_value_string(dd_evaluation_arena(e), text->data ? text->data : "", text->length);

    dd_buf_done(text);
    return ret;
}

/* ---- Logic ---- */

/* Reached only by name (template_eval.c answers them lazily). */
int dd_function_and(dd_evaluation *e, const dd_value *arguments, size_t count, dd_value *ret)
{
    (void)e;
    *ret = arguments[count - 1];
    return 0;
}

int dd_function_or(dd_evaluation *e, const dd_value *arguments, size_t count, dd_value *ret)
{
    (void)e;
    *ret = arguments[count - 1];
    return 0;
}

static int call_not(dd_evaluation *e, const dd_value *arguments, size_t count, dd_value *ret)
{
    (void)e;
    (void)count;
    *ret = dd_value_bool(!dd_value_truth(&arguments[0]));
    return 0;
}

/* ---- Comparison: only values of one kind can be compared ---- */

static int fail_kinds(dd_evaluation *e, const dd_value *a, const dd_value *b)
{
    return dd_evaluation_fail(e, "incompatible types for comparison: %s and %s", dd_value_type_name(a),
                              dd_value_type_name(b));
}

static bool is_container(const dd_value *value)
{
    return value->kind == DD_VALUE_LIST || value->kind == DD_VALUE_MAP;
}

static int equal(dd_evaluation *e, const dd_value *a, const dd_value *b, bool *ret)
{
    const dd_value *container = is_container(a) ? a : is_container(b) ? b : NULL;

    if (container)
        return dd_evaluation_fail(e, "a value of type %s cannot be compared", dd_value_type_name(container));
    if (a->kind != b->kind && a->kind != DD_VALUE_NIL && b->kind != DD_VALUE_NIL)
        return fail_kinds(e, a, b);
    *ret = a->kind == b->kind;
    if (!*ret)
        return 0;
    if (a->kind == DD_VALUE_BOOL)
        *ret = a->boolean == b->boolean;
    else if (a->kind == DD_VALUE_INT)
        *ret = a->integer == b->integer;
    else if (a->kind == DD_VALUE_FLOAT)
        *ret = fpclassify(a->real - b->real) == FP_ZERO;
    else if (a->kind == DD_VALUE_STRING)
        *ret = dd_text_compare(a->text, b->text) == 0;
    return 0;
}

static int call_eq(dd_evaluation *e, const dd_value *arguments, size_t count, dd_value *ret)
{
    bool same = false;

    for (size_t i = 1; i < count && !same; i++)
        if (equal(e, &arguments[0], &arguments[i], &same) < 0)
            return -1;
    *ret = dd_value_bool(same);
    return 0;
}

static int call_ne(dd_evaluation *e, const dd_value *arguments, size_t count, dd_value *ret)
{
    bool same = false;

    (void)count;
    if (equal(e, &arguments[0], &arguments[1], &same) < 0)
        return -1;
    *ret = dd_value_bool(!same);
    return 0;
}

/* -1, 0 or 1 in *ret. */
static int order(dd_evaluation *e, const dd_value *arguments, int *ret)
{
    const dd_value *a = &arguments[0], *b = &arguments[1];

    if (a->kind != b->kind)
        return fail_kinds(e, a, b);
    if (a->kind == DD_VALUE_INT)
        *ret = (a->integer > b->integer) - (a->integer < b->integer);
    else if (a->kind == DD_VALUE_FLOAT)
        *ret = (a->real > b->real) - (a->real < b->real);
    else if (a->kind == DD_VALUE_STRING)
        *ret = dd_text_compare(a->text, b->text);
    else
        return dd_evaluation_fail(e, "values of type %s have no order", dd_value_type_name(a));
    return 0;
}

#define DEFINE_ORDER(NAME, TEST)                                                                             \
    static int call_##NAME(dd_evaluation *e, const dd_value *arguments, size_t count, dd_value *ret)         \
    {                                                                                                        \
        int is = 0;                                                                                          \
                                                                                                             \
        (void)count;                                                                                         \
        if (order(e, arguments, &is) < 0)                                                                    \
            return -1;                                                                                       \
        *ret = dd_value_bool(is TEST 0);                                                                     \
        return 0;                                                                                            \
    }
DEFINE_ORDER(lt, <)
DEFINE_ORDER(le, <=)
DEFINE_ORDER(gt, >)
DEFINE_ORDER(ge, >=)

/* ---- Length, index, slice ---- */

static bool length_of(const dd_value *value, size_t *ret)
{
    switch (value->kind) {
    case DD_VALUE_STRING:
        *ret = value->text.length;
        return true;
    case DD_VALUE_LIST:
        *ret = value->list->count;
        return true;
    case DD_VALUE_MAP:
        *ret = value->map->count;
        return true;
    case DD_VALUE_NIL:
    case DD_VALUE_BOOL:
    case DD_VALUE_INT:
    case DD_VALUE_FLOAT:
        return false;
    }
    return false;
}

static int call_len(dd_evaluation *e, const dd_value *arguments, size_t count, dd_value *ret)
{
    size_t length;

    (void)count;
    if (!length_of(&arguments[0], &length))
        return dd_evaluation_fail(e, "a value of type %s has no length", dd_value_type_name(&arguments[0]));
    *ret = dd_value_int((int64_t)length);
    return 0;
}

static int check_index(dd_evaluation *e, const dd_value *index, size_t most, size_t *ret)
{
    if (index->kind != DD_VALUE_INT)
        return dd_evaluation_fail(e, "cannot index with a value of type %s", dd_value_type_name(index));
    if (index->integer < 0 || (uint64_t)index->integer > most)
        return dd_evaluation_fail(e, "index out of range: %lld", (long long)index->integer);
    *ret = (size_t)index->integer;
    return 0;
}

static int index_sequence(dd_evaluation *e, dd_value *value, const dd_value *index)
{
    size_t length = 0, at = 0;

    length_of(value, &length);
    if (length == 0 && index->kind == DD_VALUE_INT)
        return dd_evaluation_fail(e, "index out of range: %lld", (long long)index->integer);
    if (check_index(e, index, length - 1, &at) < 0)
        return -1;
    *value = value->kind == DD_VALUE_LIST ? value->list->items[at]
                                          : dd_value_int((unsigned char)value->text.data[at]);
    return 0;
}

static int index_map(dd_evaluation *e, dd_value *value, const dd_value *index)
{
    const dd_value *found;

    if (index->kind != DD_VALUE_STRING)
        return dd_evaluation_fail(e, "a map is indexed with a string, not with a value of type %s",
                                  dd_value_type_name(index));
    found = dd_map_get(value->map, index->text);
    *value = found ? *found : dd_value_nil();
    return 0;
}

static int call_index(dd_evaluation *e, const dd_value *arguments, size_t count, dd_value *ret)
{
    *ret = arguments[0];
    for (size_t i = 1; i < count; i++) {
        int result;

        if (ret->kind == DD_VALUE_MAP)
            result = index_map(e, ret, &arguments[i]);
        else if (ret->kind == DD_VALUE_LIST || ret->kind == DD_VALUE_STRING)
            result = index_sequence(e, ret, &arguments[i]);
        else
            result = dd_evaluation_fail(e, "cannot index a value of type %s", dd_value_type_name(ret));
        if (result < 0)
            return -1;
    }
    return 0;
}

static int call_slice(dd_evaluation *e, const dd_value *arguments, size_t count, dd_value *ret)
{
    size_t length, bounds[2] = {0, 0};

    if ((arguments[0].kind != DD_VALUE_LIST && arguments[0].kind != DD_VALUE_STRING) ||
        !length_of(&arguments[0], &length))
        return dd_evaluation_fail(e, "cannot slice a value of type %s", dd_value_type_name(&arguments[0]));
    if (count > 3)
        return dd_evaluation_fail(e, "slice takes at most two bounds here");
    bounds[1] = length;
    for (size_t i = 1; i < count; i++)
        if (check_index(e, &arguments[i], length, &bounds[i - 1]) < 0)
            return -1;
    if (bounds[0] > bounds[1])
        return dd_evaluation_fail(e, "invalid slice index: %zu > %zu", bounds[0], bounds[1]);
    if (arguments[0].kind == DD_VALUE_STRING) {
        *ret = dd_value_text((dd_text){arguments[0].text.data + bounds[0], bounds[1] - bounds[0]});
        return 0;
    }
    *ret = dd_value_list(dd_list_new(dd_evaluation_arena(e)));
    for (size_t i = bounds[0]; i < bounds[1]; i++)
        dd_list_add(dd_evaluation_arena(e), ret->list, arguments[0].list->items[i]);
    return 0;
}

/* ---- Printing ---- */

static int call_print(dd_evaluation *e, const dd_value *arguments, size_t count, dd_value *ret)
{
    dd_buf text = {0};

    dd_print(&text, arguments, count, false);
    *ret = from_buf(e, &text);
    return 0;
}

static int call_println(dd_evaluation *e, const dd_value *arguments, size_t count, dd_value *ret)
{
    dd_buf text = {0};

    dd_print(&text, arguments, count, true);
    *ret = from_buf(e, &text);
    return 0;
}

static int call_printf(dd_evaluation *e, const dd_value *arguments, size_t count, dd_value *ret)
{
    dd_buf text = {0};
    int result = dd_format_print(e, arguments[0].text, arguments + 1, count - 1, &text);

    *ret = from_buf(e, &text);
    return result;
}

/* ---- Escaping ---- */

/* The one string argument as it is, else what print makes of all of them. */
static dd_text as_text(dd_evaluation *e, const dd_value *arguments, size_t count)
{
    dd_buf text = {0};

    if (count == 1 && arguments[0].kind == DD_VALUE_STRING)
        return arguments[0].text;
    dd_print(&text, arguments, count, false);
    return from_buf(e, &text).text;
}

static int call_html(dd_evaluation *e, const dd_value *arguments, size_t count, dd_value *ret)
{
    static const char *const names[] = {['\0'] = "\xef\xbf\xbd", ['"'] = "&#34;", ['\''] = "&#39;",
                                        ['&'] = "&amp;",         ['<'] = "&lt;",  ['>'] = "&gt;"};
    dd_text text = as_text(e, arguments, count);
    dd_buf into = {0};

    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c < DD_COUNT(names) && names[c])
            dd_buf_add_str(&into, names[c]);
        else
            dd_buf_add_char(&into, (char)c);
    }
    *ret = from_buf(e, &into);
    return 0;
}

static int call_js(dd_evaluation *e, const dd_value *arguments, size_t count, dd_value *ret)
{
    static const char *const names[] = {
        ['\\'] = "\\\\",   ['\''] = "\\'",    ['"'] = "\\\"",   ['<'] = "\\u003C",
        ['>'] = "\\u003E", ['&'] = "\\u0026", ['='] = "\\u003D"};
    dd_text text = as_text(e, arguments, count);
    dd_buf into = {0};

    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c < DD_COUNT(names) && names[c])
            dd_buf_add_str(&into, names[c]);
        else if (c < 0x20)
            dd_buf_printf(&into, "\\u%04X", c);
        else
            dd_buf_add_char(&into, (char)c);
    }
    *ret = from_buf(e, &into);
    return 0;
}

static int call_urlquery(dd_evaluation *e, const dd_value *arguments, size_t count, dd_value *ret)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";
    dd_text text = as_text(e, arguments, count);
    dd_buf into = {0};

    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c == ' ')
            dd_buf_add_char(&into, '+');
        else if (c && strchr(plain, c))
            dd_buf_add_char(&into, (char)c);
        else
            dd_buf_printf(&into, "%%%02X", c);
    }
    *ret = from_buf(e, &into);
    return 0;
}

/* Data from YAML holds no function, so there is never one to call. */
static int call_call(dd_evaluation *e, const dd_value *arguments, size_t count, dd_value *ret)
{
    (void)count;
    (void)ret;
    return dd_evaluation_fail(e, "a value of type %s is no function", dd_value_type_name(&arguments[0]));
}

static const dd_function rows[] = {
    {"and", "aa*", dd_function_and}, {"or", "aa*", dd_function_or},   {"not", "a", call_not},
    {"eq", "aaa*", call_eq},         {"ne", "aa", call_ne},           {"lt", "aa", call_lt},
    {"le", "aa", call_le},           {"gt", "aa", call_gt},           {"ge", "aa", call_ge},
    {"len", "a", call_len},          {"index", "aa*", call_index},    {"slice", "aa*", call_slice},
    {"print", "a*", call_print},     {"println", "a*", call_println}, {"printf", "sa*", call_printf},
    {"html", "a*", call_html},       {"js", "a*", call_js},           {"urlquery", "a*", call_urlquery},
    {"call", "aa*", call_call},
};
const dd_function_family dd_functions_builtins = DD_FAMILY("builtins", rows);
