/* Strings: tests, quotes, repetition, layout. Sprig 2.22, its behaviour. */
#include "runner/lang/functions/functions.h"
#include <string.h>

/* ---- Quotes ---- */

/* Each but nil, which Sprig leaves out. */
static int quote_all(dd_evaluation *e, const dd_value *arguments, size_t count,
                     void (*quote)(dd_buf *, dd_text), dd_value *ret)
{
    dd_buf into = {0};
    dd_text text;

    for (size_t i = 0; i < count; i++) {
        if (arguments[i].kind == DD_VALUE_NIL)
            continue;
        if (dd_text_from(e, &arguments[i], &text) < 0) {
            dd_buf_done(&into);
            return -1;
        }
        if (into.length)
            dd_buf_add_char(&into, ' ');
        quote(&into, text);
    }
    return dd_give_buf(e, &into, ret);
}

static void quote_single(dd_buf *into, dd_text text)
{
    dd_buf_add_char(into, '\'');
    dd_buf_add(into, text.data, text.length);
    dd_buf_add_char(into, '\'');
}

CALL(quote)
{
    return quote_all(e, arguments, count, dd_quote_go, ret);
}

CALL(squote)
{
    return quote_all(e, arguments, count, quote_single, ret);
}

/* ---- Tests ---- */

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

CALL(plural)
{
    *ret = arguments[2].integer == 1 ? arguments[0] : arguments[1];
    return 0;
}

CALL(hello)
{
    return dd_give_text("Hello!", 6, ret);
}

/* ---- Longer and other texts ---- */

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

CALL(repeat)
{
    dd_text text = arguments[1].text;
    int64_t times = arguments[0].integer;
    char *data;

    if (times < 0)
        return dd_evaluation_fail(e, "a negative number of times");
    if (!text.length || !times)
        return dd_give_text("", 0, ret);
    if ((uint64_t)times > DD_TEMPLATE_MAX_MEMORY / text.length)
        return dd_evaluation_room(e, SIZE_MAX);
    if (dd_evaluation_room(e, (size_t)times * text.length) < 0)
        return -1;
    data = dd_arena_alloc(dd_evaluation_arena(e), (size_t)times * text.length);
    for (int64_t i = 0; i < times; i++)
        memcpy(data + (size_t)i * text.length, text.data, text.length);
    return dd_give_text(data, (size_t)times * text.length, ret);
}

static size_t count_lines(dd_text text)
{
    size_t lines = 1;

    for (size_t i = 0; i < text.length; i++)
        lines += text.data[i] == '\n';
    return lines;
}

static int indent(dd_evaluation *e, const dd_value *arguments, bool newline, dd_value *ret)
{
    int64_t spaces = arguments[0].integer;
    dd_text text = arguments[1].text;
    dd_buf into = {0};
    bool line_begins = true;

    if (spaces < 0)
        return dd_evaluation_fail(e, "a negative number of spaces");
    if ((uint64_t)spaces > DD_VALUE_PRINT_MAX / count_lines(text))
        return dd_evaluation_room(e, SIZE_MAX);
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

/* ---- Lines of a width, in bytes (goutils' WrapCustom) ---- */

typedef struct wrapping {
    size_t width;
    dd_text newline;
    bool breaks_words;
} wrapping;

/* The length of the next line, and in *ret_next where the one after it begins. */
static size_t next_line(const wrapping *w, dd_text rest, size_t *ret_next)
{
    const char *space = memrchr(rest.data, ' ', w->width + 1);

    if (!space && w->breaks_words)
        return *ret_next = w->width;
    if (!space)
        space = memchr(rest.data + w->width, ' ', rest.length - w->width);
    if (!space)
        return *ret_next = rest.length;
    *ret_next = (size_t)(space - rest.data) + 1;
    return *ret_next - 1;
}

static int wrap(dd_evaluation *e, const wrapping *w, dd_text rest, dd_value *ret)
{
    dd_buf into = {0};

    while (rest.length > w->width) {
        size_t next, length;

        if (*rest.data == ' ') {
            rest = dd_text_skip(rest, 1);
            continue;
        }
        length = next_line(w, rest, &next);
        dd_buf_add(&into, rest.data, length);
        rest = dd_text_skip(rest, next);
        if (length == next && !w->breaks_words) /* the text's last word */
            break;
        dd_buf_add(&into, w->newline.data, w->newline.length);
        if (dd_evaluation_room(e, into.length) < 0) {
            dd_buf_done(&into);
            return -1;
        }
    }
    dd_buf_add(&into, rest.data, rest.length);
    return dd_give_buf(e, &into, ret);
}

static size_t width_of(const dd_value *value)
{
    return value->integer < 1 ? 1 : (size_t)value->integer;
}

CALL(wrap)
{
    wrapping w = {width_of(&arguments[0]), dd_text_of("\n"), false};

    return wrap(e, &w, arguments[1].text, ret);
}

CALL(wrapWith)
{
    dd_text newline = arguments[1].text;
    wrapping w = {width_of(&arguments[0]), newline.length ? newline : dd_text_of("\n"), true};

    return wrap(e, &w, arguments[2].text, ret);
}

static const dd_function rows[] = {
    {"quote", "a*", call_quote},         {"squote", "a*", call_squote},
    {"contains", "ss", call_contains},   {"hasPrefix", "ss", call_hasPrefix},
    {"hasSuffix", "ss", call_hasSuffix}, {"plural", "ssi", call_plural},
    {"hello", "", call_hello},           {"replace", "sss", call_replace},
    {"repeat", "is", call_repeat},       {"indent", "is", call_indent},
    {"nindent", "is", call_nindent},     {"cat", "a*", call_cat},
    {"wrap", "is", call_wrap},           {"wrapWith", "iss", call_wrapWith},
};
const dd_function_family dd_functions_strings = DD_FAMILY("strings", rows);
