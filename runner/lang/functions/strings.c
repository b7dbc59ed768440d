/* Strings: trimming, searching, changing. Sprig 2.22, its behaviour. */
#include "runner/lang/functions/functions.h"
#include <ctype.h>
#include <string.h>

#define SPACES " \t\r\n\v\f"

static dd_text trim(dd_text text, const char *set, size_t length, bool left, bool right)
{
    while (left && text.length && dd_text_has_byte(set, length, text.data[0]))
        text = (dd_text){text.data + 1, text.length - 1};
    while (right && text.length && dd_text_has_byte(set, length, text.data[text.length - 1]))
        text.length--;
    return text;
}

static int quote_all(dd_evaluation *e, const dd_value *arguments, size_t count, bool single, dd_value *ret)
{
    dd_buf into = {0};
    bool first = true;

    for (size_t i = 0; i < count; i++) {
        dd_text text = dd_text_from(e, &arguments[i]);

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
    return dd_give_buf(e, &into, ret);
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
    return dd_give_text(data, text.length, ret);
}

CALL(upper)
{
    return map_bytes(e, arguments[0].text, toupper, ret);
}

CALL(lower)
{
    return map_bytes(e, arguments[0].text, tolower, ret);
}

static int change_first_letters(dd_evaluation *e, dd_text text, int (*change)(int), dd_value *ret)
{
    char *data = dd_arena_copy(dd_evaluation_arena(e), text.data, text.length);

    for (size_t i = 0; i < text.length; i++)
        if ((i == 0 || isspace((unsigned char)data[i - 1])) && (unsigned char)data[i] < 0x80)
            data[i] = (char)change(data[i]);
    return dd_give_text(data, text.length, ret);
}

CALL(title)
{
    return change_first_letters(e, arguments[0].text, toupper, ret);
}

CALL(untitle)
{
    return change_first_letters(e, arguments[0].text, tolower, ret);
}

CALL(trim)
{
    *ret = dd_value_text(trim(arguments[0].text, SPACES, strlen(SPACES), true, true));
    return 0;
}

CALL(trimAll)
{
    *ret =
        dd_value_text(trim(arguments[1].text, arguments[0].text.data, arguments[0].text.length, true, true));
    return 0;
}

CALL(trimPrefix)
{
    dd_text text = arguments[1].text, prefix = arguments[0].text;

    if (dd_text_starts(text, prefix))
        text = (dd_text){text.data + prefix.length, text.length - prefix.length};
    *ret = dd_value_text(text);
    return 0;
}

CALL(trimSuffix)
{
    dd_text text = arguments[1].text;

    if (dd_text_ends(text, arguments[0].text))
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
        const char *found = dd_text_find(rest, old);
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
    return dd_give_buf(e, &into, ret);
}

CALL(replace)
{
    return replace_all(e, arguments[2].text, arguments[0].text, arguments[1].text, ret);
}

CALL(nospace)
{
    dd_buf into = {0};

    for (size_t i = 0; i < arguments[0].text.length; i++)
        if (!dd_text_has_byte(SPACES, strlen(SPACES), arguments[0].text.data[i]))
            dd_buf_add_char(&into, arguments[0].text.data[i]);
    return dd_give_buf(e, &into, ret);
}

CALL(contains)
{
    *ret = dd_value_bool(dd_text_find(arguments[1].text, arguments[0].text) != NULL);
    return 0;
}

CALL(hasPrefix)
{
    *ret = dd_value_bool(dd_text_starts(arguments[1].text, arguments[0].text));
    return 0;
}

CALL(hasSuffix)
{
    *ret = dd_value_bool(dd_text_ends(arguments[1].text, arguments[0].text));
    return 0;
}

CALL(repeat)
{
    dd_text text = arguments[1].text;
    int64_t times = arguments[0].integer;
    char *data;

    if (times < 0)
        return dd_evaluation_fail(e, "a negative number of times");
    if (text.length && (uint64_t)times > DD_TEMPLATE_MAX_MEMORY / text.length)
        return dd_evaluation_room(e, SIZE_MAX);
    if (dd_evaluation_room(e, (size_t)times * text.length) < 0)
        return -1;
    if (!text.length)
        return dd_give_text("", 0, ret);
    data = dd_arena_alloc(dd_evaluation_arena(e), (size_t)times * text.length);
    for (int64_t i = 0; i < times; i++)
        memcpy(data + (size_t)i * text.length, text.data, text.length);
    return dd_give_text(data, (size_t)times * text.length, ret);
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
    return dd_give_buf(e, &into, ret);
}

CALL(indent)
{
    return indent(e, arguments, false, ret);
}

CALL(nindent)
{
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
    return dd_give_buf(e, &into, ret);
}

CALL(toString)
{
    *ret = dd_value_text(dd_text_from(e, &arguments[0]));
    return 0;
}

static const dd_function rows[] = {
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
};
const dd_function_family dd_functions_strings = DD_FAMILY("strings", rows);
