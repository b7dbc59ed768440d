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

/* -1, 0 or 1, whatever the sign of the types. */
static int order_integers(const dd_value *a, const dd_value *b)
{
    bool a_large = a->type == DD_TYPE_UINT64 && a->integer < 0;
    bool b_large = b->type == DD_TYPE_UINT64 && b->integer < 0;

    if (a_large != b_large)
        return a_large ? 1 : -1;
    return (a->integer > b->integer) - (a->integer < b->integer);
}

static bool is_container(const dd_value *value)
{
    return value->kind == DD_VALUE_LIST || value->kind == DD_VALUE_MAP;
}

/* Go knows five kinds here, and one for all that is none of them: nil, lists and maps. Nil is equal to nil
 * only, and no list or map is compared with another. */
static int equal(dd_evaluation *e, const dd_value *a, const dd_value *b, bool *ret)
{
    *ret = false;
    if (a->kind == DD_VALUE_NIL || b->kind == DD_VALUE_NIL) {
        *ret = a->kind == b->kind || (is_container(a) && dd_value_node(a)->none) ||
               (is_container(b) && dd_value_node(b)->none);
        return 0;
    }
    if (a->kind != b->kind)
        return fail_kinds(e, a, b);
    switch (a->kind) {
    case DD_VALUE_BOOL:
        *ret = a->boolean == b->boolean;
        return 0;
    case DD_VALUE_INT:
        *ret = order_integers(a, b) == 0;
        return 0;
    case DD_VALUE_FLOAT:
        *ret = !(a->real < b->real) && !(a->real > b->real) && !isnan(a->real) && !isnan(b->real);
        return 0;
    case DD_VALUE_STRING:
        *ret = dd_text_compare(a->text, b->text) == 0;
        return 0;
    case DD_VALUE_OBJECT:
        *ret = a->object->class == b->object->class && a->object->class->equal(a, b);
        return 0;
    case DD_VALUE_NIL:
    case DD_VALUE_LIST:
    case DD_VALUE_MAP:
        break;
    }
    return dd_evaluation_fail(e, "a value of type %s cannot be compared", dd_value_type_name(a));
}

static int less(dd_evaluation *e, const dd_value *a, const dd_value *b, bool *ret)
{
    if (a->kind != b->kind)
        return fail_kinds(e, a, b);
    if (a->kind == DD_VALUE_INT)
        *ret = order_integers(a, b) < 0;
    else if (a->kind == DD_VALUE_FLOAT)
        *ret = a->real < b->real;
    else if (a->kind == DD_VALUE_STRING)
        *ret = dd_text_compare(a->text, b->text) < 0;
    else
        return dd_evaluation_fail(e, "values of type %s have no order", dd_value_type_name(a));
    return 0;
}

static int less_or_equal(dd_evaluation *e, const dd_value *a, const dd_value *b, bool *ret)
{
    if (less(e, a, b, ret) < 0)
        return -1;
    return *ret ? 0 : equal(e, a, b, ret);
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

/* With one of the three tests above; `not` turns its answer round, as Go does also for NaN. */
static int compare(dd_evaluation *e, const dd_value *arguments,
                   int (*test)(dd_evaluation *, const dd_value *, const dd_value *, bool *), bool not,
                   dd_value *ret)
{
    bool is = false;

    if (test(e, &arguments[0], &arguments[1], &is) < 0)
        return -1;
    *ret = dd_value_bool(is != not );
    return 0;
}

#define DEFINE_COMPARISON(NAME, TEST, NOT)                                                                   \
    static int call_##NAME(dd_evaluation *e, const dd_value *arguments, DD_UNUSED size_t count,              \
                           dd_value *ret)                                                                    \
    {                                                                                                        \
        return compare(e, arguments, TEST, NOT, ret);                                                        \
    }
DEFINE_COMPARISON(ne, equal, true)
DEFINE_COMPARISON(lt, less, false)
DEFINE_COMPARISON(le, less_or_equal, false)
DEFINE_COMPARISON(gt, less_or_equal, true)
DEFINE_COMPARISON(ge, less, true)

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
    case DD_VALUE_OBJECT:
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
    if (value->kind == DD_VALUE_LIST)
        *value = value->list->items[at];
    else
        *value = (dd_value){
            .kind = DD_VALUE_INT, .type = DD_TYPE_UINT8, .integer = (unsigned char)value->text.data[at]};
    return 0;
}

static int index_map(dd_evaluation *e, dd_value *value, const dd_value *index)
{
    const dd_value *found;

    if (index->kind != DD_VALUE_STRING)
        return dd_evaluation_fail(e, "a map is indexed with a string, not with a value of type %s",
                                  dd_value_type_name(index));
    found = dd_map_get(value->map, index->text);
    *value = found ? *found : dd_value_missing(value);
    return 0;
}

static int call_index(dd_evaluation *e, const dd_value *arguments, size_t count, dd_value *ret)
{
    *ret = arguments[0];
    if (ret->kind == DD_VALUE_NIL)
        return dd_evaluation_fail(e, "there is no value to index");
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

/* The one string argument as it is, else what print makes of all of them, in which nil is "<no value>". */
static dd_text as_text(dd_evaluation *e, const dd_value *arguments, size_t count)
{
    dd_value *shown = dd_calloc(count + 1, sizeof(*shown));
    dd_buf text = {0};

    for (size_t i = 0; i < count; i++)
        shown[i] = arguments[i].kind == DD_VALUE_NIL ? dd_value_text(dd_text_of("<no value>")) : arguments[i];
    if (count != 1 || shown[0].kind != DD_VALUE_STRING) {
        dd_print(&text, shown, count, false);
        shown[0] = from_buf(e, &text);
    }
    dd_text ret = shown[0].text;
    free(shown);
    return ret;
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

    for (size_t i = 0, used; i < text.length; i += used) {
        uint32_t rune = dd_utf8_decode(text.data + i, text.length - i, &used);

        if (rune < DD_COUNT(names) && names[rune])
            dd_buf_add_str(&into, names[rune]);
        else if (rune < 0x20 || (rune >= 0x80 && !dd_rune_is_printable(rune)))
            dd_buf_printf(&into, "\\u%04X", rune);
        else
            dd_buf_add(&into, text.data + i, used);
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
    {"and", "aa*", dd_function_and},
    {"or", "aa*", dd_function_or},
    {"not", "a", call_not},
    {"eq", "aaa*", call_eq},
    {"ne", "aa", call_ne},
    {"lt", "aa", call_lt},
    {"le", "aa", call_le},
    {"gt", "aa", call_gt},
    {"ge", "aa", call_ge},
    {"len", "a", call_len},
    {"index", "aa*", call_index},
    {"print", "a*", call_print},
    {"println", "a*", call_println},
    {"printf", "sa*", call_printf},
    {"html", "a*", call_html},
    {"js", "a*", call_js},
    {"urlquery", "a*", call_urlquery},
    {"call", "aa*", call_call},
};
const dd_function_family dd_functions_builtins = DD_FAMILY("builtins", rows);
