/* The first of Sprig's functions (2.22, its behaviour): defaults, strings, lists, maps, whole numbers,
 * encodings. */
#include "runner/lang/template_private.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CALL(NAME)                                                                                           \
    static int call_##NAME(dd_evaluation *e, const dd_value *arguments, size_t count, dd_value *ret)

#define SPACES " \t\r\n\v\f"

/* ---- Helpers ---- */

static int give_buf(dd_evaluation *e, dd_buf *text, dd_value *ret)
{
    *ret = dd_value_string(dd_evaluation_arena(e), text->data ? text->data : "", text->length);
    dd_buf_done(text);
    return 0;
}

static int give_text(const char *data, size_t length, dd_value *ret)
{
    *ret = dd_value_text((dd_text){data, length});
    return 0;
}

/* Sprig's strval: strings as they are, all else as %v. */
static dd_text text_of(dd_evaluation *e, const dd_value *value)
{
    dd_buf text = {0};
    dd_value ret;

    if (value->kind == DD_VALUE_STRING)
        return value->text;
    dd_value_print(&text, value);
    give_buf(e, &text, &ret);
    return ret.text;
}

static bool in_set(const char *set, size_t length, char c)
{
    return memchr(set, c, length) != NULL;
}

static dd_text trim(dd_text text, const char *set, size_t length, bool left, bool right)
{
    while (left && text.length && in_set(set, length, text.data[0]))
        text = (dd_text){text.data + 1, text.length - 1};
    while (right && text.length && in_set(set, length, text.data[text.length - 1]))
        text.length--;
    return text;
}

static const char *find(dd_text in, dd_text what)
{
    return what.length ? memmem(in.data, in.length, what.data, what.length) : in.data;
}

static bool starts(dd_text text, dd_text prefix)
{
    return text.length >= prefix.length && memcmp(text.data, prefix.data, prefix.length) == 0;
}

static bool ends(dd_text text, dd_text suffix)
{
    return text.length >= suffix.length &&
           memcmp(text.data + text.length - suffix.length, suffix.data, suffix.length) == 0;
}

/* Sprig's toInt64 (spf13/cast): what is no number counts as 0. */
static int64_t integer_of(dd_evaluation *e, const dd_value *value)
{
    dd_auto_str text = NULL;
    char *end;
    int64_t ret;

    switch (value->kind) {
    case DD_VALUE_INT:
        return value->integer;
    case DD_VALUE_BOOL:
        return value->boolean;
    case DD_VALUE_FLOAT:
        return value->real >= 9.2e18 ? INT64_MAX : value->real <= -9.2e18 ? INT64_MIN : (int64_t)value->real;
    case DD_VALUE_STRING:
        text = dd_strndup(value->text.data, value->text.length);
        errno = 0;
        ret = strtoll(text, &end, 0);
        return *text && !isspace((unsigned char)*text) && !*end && !errno ? ret : 0;
    case DD_VALUE_NIL:
    case DD_VALUE_LIST:
    case DD_VALUE_MAP:
        break;
    }
    (void)e;
    return 0;
}

/* ---- Defaults ---- */

CALL(default)
{
    (void)e;
    *ret = count == 1 || !dd_value_truth(&arguments[1]) ? arguments[0] : arguments[1];
    return 0;
}

CALL(empty)
{
    (void)e;
    (void)count;
    *ret = dd_value_bool(!dd_value_truth(&arguments[0]));
    return 0;
}

CALL(coalesce)
{
    (void)e;
    *ret = dd_value_nil();
    for (size_t i = 0; i < count; i++)
        if (dd_value_truth(&arguments[i])) {
            *ret = arguments[i];
            break;
        }
    return 0;
}

CALL(ternary)
{
    (void)count;
    if (arguments[2].kind != DD_VALUE_BOOL)
        return dd_evaluation_fail(e, "the last argument must be true or false, not a value of type %s",
                                  dd_value_type_name(&arguments[2]));
    *ret = arguments[2].boolean ? arguments[0] : arguments[1];
    return 0;
}

CALL(fail)
{
    (void)count;
    (void)ret;
    return dd_evaluation_fail(e, "%.*s", (int)arguments[0].text.length, arguments[0].text.data);
}

CALL(required)
{
    bool missing = arguments[1].kind == DD_VALUE_NIL ||
                   (arguments[1].kind == DD_VALUE_STRING && arguments[1].text.length == 0);

    (void)count;
    if (missing)
        return dd_evaluation_fail(e, "%.*s", (int)arguments[0].text.length, arguments[0].text.data);
    *ret = arguments[1];
    return 0;
}

/* ---- Strings ---- */

static int quote_all(dd_evaluation *e, const dd_value *arguments, size_t count, bool single, dd_value *ret)
{
    dd_buf into = {0};
    bool first = true;

    for (size_t i = 0; i < count; i++) {
        dd_text text = text_of(e, &arguments[i]);

        if (arguments[i].kind == DD_VALUE_NIL) /* Sprig leaves it out */
            continue;
        if (!first)
            dd_buf_add_char(&into, ' ');
        first = false;
        if (single) {
            dd_buf_add_char(&into, '\'');
            dd_buf_add(&into, text.data, text.length);
            dd_buf_add_char(&into, '\'');
        } else {
            dd_quote_go(&into, text);
        }
    }
    return give_buf(e, &into, ret);
}

CALL(quote)
{
    return quote_all(e, arguments, count, false, ret);
}

CALL(squote)
{
    return quote_all(e, arguments, count, true, ret);
}

static int map_bytes(dd_evaluation *e, dd_text text, int (*change)(int), dd_value *ret)
{
    char *data = dd_arena_copy(dd_evaluation_arena(e), text.data, text.length);

    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)data[i] < 0x80)
            data[i] = (char)change(data[i]);
    return give_text(data, text.length, ret);
}

CALL(upper)
{
    (void)count;
    return map_bytes(e, arguments[0].text, toupper, ret);
}

CALL(lower)
{
    (void)count;
    return map_bytes(e, arguments[0].text, tolower, ret);
}

static int change_first_letters(dd_evaluation *e, dd_text text, int (*change)(int), dd_value *ret)
{
    char *data = dd_arena_copy(dd_evaluation_arena(e), text.data, text.length);

    for (size_t i = 0; i < text.length; i++)
        if ((i == 0 || isspace((unsigned char)data[i - 1])) && (unsigned char)data[i] < 0x80)
            data[i] = (char)change(data[i]);
    return give_text(data, text.length, ret);
}

CALL(title)
{
    (void)count;
    return change_first_letters(e, arguments[0].text, toupper, ret);
}

CALL(untitle)
{
    (void)count;
    return change_first_letters(e, arguments[0].text, tolower, ret);
}

CALL(trim)
{
    (void)e;
    (void)count;
    *ret = dd_value_text(trim(arguments[0].text, SPACES, strlen(SPACES), true, true));
    return 0;
}

CALL(trimAll)
{
    (void)e;
    (void)count;
    *ret =
        dd_value_text(trim(arguments[1].text, arguments[0].text.data, arguments[0].text.length, true, true));
    return 0;
}

CALL(trimPrefix)
{
    dd_text text = arguments[1].text, prefix = arguments[0].text;

    (void)e;
    (void)count;
    if (starts(text, prefix))
        text = (dd_text){text.data + prefix.length, text.length - prefix.length};
    *ret = dd_value_text(text);
    return 0;
}

CALL(trimSuffix)
{
    dd_text text = arguments[1].text;

    (void)e;
    (void)count;
    if (ends(text, arguments[0].text))
        text.length -= arguments[0].text.length;
    *ret = dd_value_text(text);
    return 0;
}

/* The first n bytes, or with -n the last; as it is when it is shorter. */
CALL(trunc)
{
    int64_t wanted = arguments[0].integer;
    dd_text text = arguments[1].text;
    uint64_t length = wanted < 0 ? 0 - (uint64_t)wanted : (uint64_t)wanted;

    (void)e;
    (void)count;
    if (length < text.length) {
        if (wanted < 0)
            text.data += text.length - length;
        text.length = (size_t)length;
    }
    *ret = dd_value_text(text);
    return 0;
}

/* Go's strings.Replace: an empty `old` stands before each rune and at the end. */
static int replace_all(dd_evaluation *e, dd_text text, dd_text old, dd_text new, dd_value *ret)
{
    dd_buf into = {0};
    size_t at = 0;

    while (at <= text.length) {
        dd_text rest = {text.data + at, text.length - at};
        const char *found = find(rest, old);
        size_t before = found ? (size_t)(found - rest.data) : rest.length, used = 0;

        dd_buf_add(&into, rest.data, before);
        if (!found)
            break;
        if (dd_evaluation_room(e, into.length) < 0) {
            dd_buf_done(&into);
            return -1;
        }
        dd_buf_add(&into, new.data, new.length);
        at += before + old.length;
        if (old.length)
            continue;
        if (at == text.length)
            break;
        dd_utf8_decode(text.data + at, text.length - at, &used);
        dd_buf_add(&into, text.data + at, used);
        at += used;
    }
    return give_buf(e, &into, ret);
}

CALL(replace)
{
    (void)count;
    return replace_all(e, arguments[2].text, arguments[0].text, arguments[1].text, ret);
}

CALL(nospace)
{
    dd_buf into = {0};

    (void)count;
    for (size_t i = 0; i < arguments[0].text.length; i++)
        if (!in_set(SPACES, strlen(SPACES), arguments[0].text.data[i]))
            dd_buf_add_char(&into, arguments[0].text.data[i]);
    return give_buf(e, &into, ret);
}

CALL(contains)
{
    (void)e;
    (void)count;
    *ret = dd_value_bool(find(arguments[1].text, arguments[0].text) != NULL);
    return 0;
}

CALL(hasPrefix)
{
    (void)e;
    (void)count;
    *ret = dd_value_bool(starts(arguments[1].text, arguments[0].text));
    return 0;
}

CALL(hasSuffix)
{
    (void)e;
    (void)count;
    *ret = dd_value_bool(ends(arguments[1].text, arguments[0].text));
    return 0;
}

CALL(repeat)
{
    dd_text text = arguments[1].text;
    int64_t times = arguments[0].integer;
    char *data;

    (void)count;
    if (times < 0)
        return dd_evaluation_fail(e, "a negative number of times");
    if (text.length && (uint64_t)times > DD_TEMPLATE_MAX_MEMORY / text.length)
        return dd_evaluation_room(e, SIZE_MAX);
    if (dd_evaluation_room(e, (size_t)times * text.length) < 0)
        return -1;
    if (!text.length)
        return give_text("", 0, ret);
    data = dd_arena_alloc(dd_evaluation_arena(e), (size_t)times * text.length);
    for (int64_t i = 0; i < times; i++)
        memcpy(data + (size_t)i * text.length, text.data, text.length);
    return give_text(data, (size_t)times * text.length, ret);
}

static int indent(dd_evaluation *e, const dd_value *arguments, bool newline, dd_value *ret)
{
    int64_t spaces = arguments[0].integer;
    dd_text text = arguments[1].text;
    dd_buf into = {0};
    bool line_begins = true;

    if (spaces < 0 || spaces > 1000)
        return dd_evaluation_fail(e, "indents by 0 to 1000 spaces");
    if (dd_evaluation_room(e, (text.length + 1) * ((size_t)spaces + 1)) < 0)
        return -1;
    if (newline)
        dd_buf_add_char(&into, '\n');
    for (size_t i = 0; i <= text.length; i++) {
        if (line_begins)
            dd_buf_printf(&into, "%*s", (int)spaces, "");
        if (i == text.length)
            break;
        dd_buf_add_char(&into, text.data[i]);
        line_begins = text.data[i] == '\n';
    }
    return give_buf(e, &into, ret);
}

CALL(indent)
{
    (void)count;
    return indent(e, arguments, false, ret);
}

CALL(nindent)
{
    (void)count;
    return indent(e, arguments, true, ret);
}

CALL(cat)
{
    dd_buf into = {0};
    bool first = true;

    for (size_t i = 0; i < count; i++) {
        if (arguments[i].kind == DD_VALUE_NIL)
            continue;
        if (!first)
            dd_buf_add_char(&into, ' ');
        first = false;
        dd_value_print(&into, &arguments[i]);
    }
    return give_buf(e, &into, ret);
}

CALL(toString)
{
    (void)count;
    *ret = dd_value_text(text_of(e, &arguments[0]));
    return 0;
}

/* ---- Lists ---- */

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

    (void)count;
    if (from->kind == DD_VALUE_NIL)
        return give_text("", 0, ret);
    if (from->kind != DD_VALUE_LIST) {
        *ret = dd_value_text(text_of(e, from));
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
    return give_buf(e, &into, ret);
}

static dd_list *split(dd_evaluation *e, dd_text separator, dd_text text)
{
    dd_arena *arena = dd_evaluation_arena(e);
    dd_list *into = dd_list_new(arena);

    while (text.length) {
        const char *found = find(text, separator);
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
    (void)count;
    if (dd_evaluation_room(e, arguments[1].text.length * sizeof(dd_value)) < 0)
        return -1;
    *ret = dd_value_list(split(e, arguments[0].text, arguments[1].text));
    return 0;
}

/* A map _0, _1, … */
CALL(split)
{
    dd_list *parts;

    (void)count;
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

    (void)e;
    (void)count;
    *ret = from->count ? from->items[0] : dd_value_nil();
    return 0;
}

CALL(last)
{
    const dd_list *from = arguments[0].list;

    (void)e;
    (void)count;
    *ret = from->count ? from->items[from->count - 1] : dd_value_nil();
    return 0;
}

CALL(rest)
{
    (void)count;
    return sub_list(e, arguments[0].list, arguments[0].list->count ? 1 : 0, arguments[0].list->count, ret);
}

CALL(initial)
{
    (void)count;
    return sub_list(e, arguments[0].list, 0, arguments[0].list->count ? arguments[0].list->count - 1 : 0,
                    ret);
}

CALL(append)
{
    (void)count;
    sub_list(e, arguments[0].list, 0, arguments[0].list->count, ret);
    dd_list_add(dd_evaluation_arena(e), ret->list, arguments[1]);
    return 0;
}

CALL(prepend)
{
    (void)count;
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
    (void)count;
    return count_up(e, 0, arguments[0].integer, arguments[0].integer < 0 ? -1 : 1, ret);
}

CALL(untilStep)
{
    (void)count;
    return count_up(e, arguments[0].integer, arguments[1].integer, arguments[2].integer, ret);
}

/* ---- Maps ---- */

CALL(dict)
{
    *ret = dd_value_map(dd_map_new(dd_evaluation_arena(e)));
    for (size_t i = 0; i < count; i += 2)
        dd_map_put(dd_evaluation_arena(e), ret->map, text_of(e, &arguments[i]),
                   i + 1 < count ? arguments[i + 1] : dd_value_text((dd_text){"", 0}));
    return 0;
}

CALL(get)
{
    const dd_value *found = dd_map_get(arguments[0].map, arguments[1].text);

    (void)e;
    (void)count;
    *ret = found ? *found : dd_value_text((dd_text){"", 0});
    return 0;
}

CALL(hasKey)
{
    (void)e;
    (void)count;
    *ret = dd_value_bool(dd_map_get(arguments[0].map, arguments[1].text) != NULL);
    return 0;
}

/* Sorted, where Sprig has no order: a file renders the same each time. */
CALL(keys)
{
    *ret = dd_value_list(dd_list_new(dd_evaluation_arena(e)));
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < arguments[i].map->count; k++)
            dd_list_add(dd_evaluation_arena(e), ret->list,
                        dd_value_text(dd_map_sorted(arguments[i].map)[k].key));
    return 0;
}

CALL(values)
{
    (void)count;
    *ret = dd_value_list(dd_list_new(dd_evaluation_arena(e)));
    for (size_t k = 0; k < arguments[0].map->count; k++)
        dd_list_add(dd_evaluation_arena(e), ret->list, dd_map_sorted(arguments[0].map)[k].value);
    return 0;
}

/* ---- Whole numbers: they wrap round, as Go's ---- */

static int64_t wrapped(uint64_t value)
{
    return (int64_t)value;
}

CALL(int)
{
    (void)count;
    *ret = dd_value_int(integer_of(e, &arguments[0]));
    return 0;
}

CALL(add)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (uint64_t)integer_of(e, &arguments[i]);
    *ret = dd_value_int(wrapped(sum));
    return 0;
}

CALL(add1)
{
    (void)count;
    *ret = dd_value_int(wrapped((uint64_t)integer_of(e, &arguments[0]) + 1));
    return 0;
}

CALL(sub)
{
    (void)count;
    *ret = dd_value_int(
        wrapped((uint64_t)integer_of(e, &arguments[0]) - (uint64_t)integer_of(e, &arguments[1])));
    return 0;
}

CALL(mul)
{
    uint64_t product = (uint64_t)integer_of(e, &arguments[0]);

    for (size_t i = 1; i < count; i++)
        product *= (uint64_t)integer_of(e, &arguments[i]);
    *ret = dd_value_int(wrapped(product));
    return 0;
}

static int divide(dd_evaluation *e, const dd_value *arguments, bool rest, dd_value *ret)
{
    int64_t a = integer_of(e, &arguments[0]), b = integer_of(e, &arguments[1]);

    if (b == 0)
        return dd_evaluation_fail(e, "division by zero");
    if (b == -1) /* the one quotient that has no room */
        *ret = dd_value_int(rest ? 0 : wrapped(0 - (uint64_t)a));
    else
        *ret = dd_value_int(rest ? a % b : a / b);
    return 0;
}

CALL(div)
{
    (void)count;
    return divide(e, arguments, false, ret);
}

CALL(mod)
{
    (void)count;
    return divide(e, arguments, true, ret);
}

CALL(max)
{
    int64_t most = integer_of(e, &arguments[0]);

    for (size_t i = 1; i < count; i++) {
        int64_t value = integer_of(e, &arguments[i]);

        most = value > most ? value : most;
    }
    *ret = dd_value_int(most);
    return 0;
}

CALL(min)
{
    int64_t least = integer_of(e, &arguments[0]);

    for (size_t i = 1; i < count; i++) {
        int64_t value = integer_of(e, &arguments[i]);

        least = value < least ? value : least;
    }
    *ret = dd_value_int(least);
    return 0;
}

/* ---- Encodings ---- */

/* The reference's own: nothing for what is missing, and Go's "<int Value>" for what is no string. */
CALL(b64enc)
{
    const dd_value *value = &arguments[0];
    dd_auto_str shown = NULL;
    dd_auto_str encoded = NULL;

    (void)count;
    if (value->kind == DD_VALUE_NIL)
        return give_text("", 0, ret);
    shown = value->kind == DD_VALUE_STRING ? dd_strndup("", 0)
                                           : dd_sprintf("<%s Value>", dd_value_type_name(value));
    encoded = value->kind == DD_VALUE_STRING ? dd_base64_encode(value->text.data, value->text.length)
                                             : dd_base64_encode(shown, strlen(shown));
    *ret = dd_value_string(dd_evaluation_arena(e), encoded, strlen(encoded));
    return 0;
}

/* Sprig answers with the decoder's message where the text is no base64. */
static int illegal_base64(dd_evaluation *e, size_t at, dd_value *ret)
{
    dd_buf text = {0};

    dd_buf_printf(&text, "illegal base64 data at input byte %zu", at);
    return give_buf(e, &text, ret);
}

CALL(b64dec)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    dd_text text = arguments[0].text;
    char *into = dd_arena_alloc(dd_evaluation_arena(e), text.length + 1);
    size_t length = 0, digits = 0, padding = 0;
    uint32_t bits = 0;

    (void)count;
    for (size_t i = 0; i < text.length; i++) {
        const char *digit = text.data[i] ? strchr(alphabet, text.data[i]) : NULL;

        if (text.data[i] == '\n' || text.data[i] == '\r')
            continue;
        if (text.data[i] == '=' && digits % 4 >= 2 && digits % 4 + padding < 4) {
            padding++;
            continue;
        }
        if (!digit || padding)
            return illegal_base64(e, i, ret);
        bits = (bits << 6) | (uint32_t)(digit - alphabet);
        if (++digits % 4 != 1)
            into[length++] = (char)(bits >> (digits % 4 == 2 ? 4 : digits % 4 == 3 ? 2 : 0));
    }
    if ((digits + padding) % 4)
        return illegal_base64(e, text.length, ret);
    return give_text(into, length, ret);
}

CALL(toJson)
{
    dd_buf into = {0};

    (void)count;
    dd_value_json(&into, &arguments[0]);
    return give_buf(e, &into, ret);
}

CALL(sha256sum)
{
    char hex[DD_SHA256_HEX];

    (void)count;
    dd_sha256_hex(arguments[0].text.data, arguments[0].text.length, hex);
    *ret = dd_value_string(dd_evaluation_arena(e), hex, strlen(hex));
    return 0;
}

const dd_function dd_template_sprig[] = {
    {"default", "aa?", call_default},
    {"empty", "a", call_empty},
    {"coalesce", "a*", call_coalesce},
    {"ternary", "aaa", call_ternary},
    {"fail", "s", call_fail},
    {"required", "sa", call_required},
    {"quote", "a*", call_quote},
    {"squote", "a*", call_squote},
    {"upper", "s", call_upper},
    {"lower", "s", call_lower},
    {"title", "s", call_title},
    {"untitle", "s", call_untitle},
    {"trim", "s", call_trim},
    {"trimAll", "ss", call_trimAll},
    {"trimPrefix", "ss", call_trimPrefix},
    {"trimSuffix", "ss", call_trimSuffix},
    {"trunc", "is", call_trunc},
    {"replace", "sss", call_replace},
    {"nospace", "s", call_nospace},
    {"contains", "ss", call_contains},
    {"hasPrefix", "ss", call_hasPrefix},
    {"hasSuffix", "ss", call_hasSuffix},
    {"repeat", "is", call_repeat},
    {"indent", "is", call_indent},
    {"nindent", "is", call_nindent},
    {"cat", "a*", call_cat},
    {"toString", "a", call_toString},
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
    {"dict", "a*", call_dict},
    {"get", "ms", call_get},
    {"hasKey", "ms", call_hasKey},
    {"keys", "m*", call_keys},
    {"values", "m", call_values},
    {"int", "a", call_int},
    {"int64", "a", call_int},
    {"add", "a*", call_add},
    {"add1", "a", call_add1},
    {"sub", "aa", call_sub},
    {"mul", "aa*", call_mul},
    {"div", "aa", call_div},
    {"mod", "aa", call_mod},
    {"max", "aa*", call_max},
    {"min", "aa*", call_min},
    {"biggest", "aa*", call_max},
    {"b64enc", "a", call_b64enc},
    {"b64dec", "s", call_b64dec},
    {"toJson", "a", call_toJson},
    {"sha256sum", "s", call_sha256sum},
};
const size_t dd_template_sprig_count = DD_COUNT(dd_template_sprig);
