/* Go's fmt for template values: Sprint, Sprintln and Sprintf with its verbs, flags, widths and its way of
 * reporting what does not fit: %!d(string=x), %!d(MISSING?), %!(EXTRA …). */
#include "runner/lang/template_private.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH_MAX 1000000 /* as Go's tooLarge */

typedef struct verb {
    bool minus, plus, sharp, space, zero;
    bool has_width, has_precision;
    int64_t width, precision;
    uint32_t letter;
} verb;

void dd_print(dd_buf *into, const dd_value *arguments, size_t count, bool line)
{
    for (size_t i = 0; i < count; i++) {
        bool strings =
            i > 0 && (arguments[i].kind == DD_VALUE_STRING || arguments[i - 1].kind == DD_VALUE_STRING);

        if (i > 0 && (line || !strings))
            dd_buf_add_char(into, ' ');
        dd_value_print(into, &arguments[i]);
    }
    if (line)
        dd_buf_add_char(into, '\n');
}

/* ---- Padding ---- */

static size_t rune_count(const char *data, size_t length)
{
    size_t count = 0;

    for (size_t i = 0; i < length; count++) {
        size_t used;

        dd_utf8_decode(data + i, length - i, &used);
        i += used;
    }
    return count;
}

static void pad(dd_buf *into, const verb *v, const char *data, size_t length, bool zeros)
{
    size_t runes = rune_count(data, length);
    size_t missing = v->has_width && (size_t)v->width > runes ? (size_t)v->width - runes : 0;

    if (into->length > DD_VALUE_PRINT_MAX) /* a list's members are padded each */
        missing = 0;

    if (v->minus)
        dd_buf_add(into, data, length);
    for (size_t i = 0; i < missing; i++)
        dd_buf_add_char(into, zeros && !v->minus ? '0' : ' ');
    if (!v->minus)
        dd_buf_add(into, data, length);
}

/* Zeros go between the sign and the digits. */
static void pad_number(dd_buf *into, const verb *v, const char *sign, const char *digits)
{
    size_t signs = strlen(sign);

    if (v->zero && !v->minus && v->has_width) {
        verb rest = *v;

        dd_buf_add_str(into, sign);
        rest.width = v->width > (int64_t)signs ? v->width - (int64_t)signs : 0;
        pad(into, &rest, digits, strlen(digits), true);
    } else {
        dd_auto_str whole = dd_sprintf("%s%s", sign, digits);

        pad(into, v, whole, strlen(whole), false);
    }
}

/* ---- What does not fit ---- */

static void bad_verb(dd_buf *into, const verb *v, const dd_value *value)
{
    char letter[4];
    size_t length = dd_utf8_encode(v->letter, letter);

    dd_buf_add_str(into, "%!");
    dd_buf_add(into, letter, length);
    if (value->kind == DD_VALUE_NIL) {
        dd_buf_add_str(into, "(<nil>)");
        return;
    }
    dd_buf_printf(into, "(%s=", dd_value_type_name(value));
    dd_value_print(into, value);
    dd_buf_add_char(into, ')');
}

/* ---- Numbers ---- */

static const char *sign_of(const verb *v, bool negative)
{
    return negative ? "-" : v->plus ? "+" : v->space ? " " : "";
}

static void format_digits(dd_buf *into, const verb *v, uint64_t magnitude, bool negative, unsigned base,
                          bool upper)
{
    static const struct {
        unsigned base;
        const char *prefix;
    } prefixes[] = {{2, "0b"}, {8, "0"}, {16, "0x"}};
    char digits[72];
    size_t at = sizeof(digits) - 1;
    dd_buf text = {0};
    dd_auto_str sign = NULL;
    const char *prefix = v->letter == 'O' ? "0o" : "";

    digits[at] = '\0';
    do {
        digits[--at] = (upper ? "0123456789ABCDEF" : "0123456789abcdef")[magnitude % base];
        magnitude /= base;
    } while (magnitude);
    for (size_t i = 0; v->sharp && i < DD_COUNT(prefixes); i++)
        if (prefixes[i].base == base && v->letter != 'O')
            prefix = upper ? "0X" : prefixes[i].prefix;
    for (size_t have = sizeof(digits) - 1 - at; v->has_precision && have < (size_t)v->precision; have++)
        dd_buf_add_char(&text, '0');
    dd_buf_add_str(&text, digits + at);
    sign = dd_sprintf("%s%s", sign_of(v, negative), prefix);
    if (v->has_precision) { /* a precision says how many digits, so zeros do not fill the width */
        verb plain = *v;

        plain.zero = false;
        pad_number(into, &plain, sign, text.data);
    } else {
        pad_number(into, v, sign, text.data);
    }
    dd_buf_done(&text);
}

static void format_rune(dd_buf *into, const verb *v, int64_t value)
{
    char encoded[8];
    size_t length = dd_utf8_encode(value < 0 || value > 0x10FFFF ? 0xFFFD : (uint32_t)value, encoded);

    if (v->letter == 'q') {
        dd_buf quoted = {0};
        bool single = length == 1 && encoded[0] == '\'';

        dd_quote_go(&quoted, (dd_text){encoded, length});
        quoted.data[0] = quoted.data[quoted.length - 1] = '\'';
        if (single || (length == 1 && encoded[0] == '"')) {
            dd_buf_clear(&quoted);
            dd_buf_add_str(&quoted, single ? "'\\''" : "'\"'");
        }
        pad(into, v, quoted.data, quoted.length, false);
        dd_buf_done(&quoted);
    } else if (v->letter == 'U') {
        dd_auto_str text = dd_sprintf("U+%04llX", (unsigned long long)value);

        pad(into, v, text, strlen(text), false);
    } else {
        pad(into, v, encoded, length, false);
    }
}

static void format_integer(dd_buf *into, const verb *v, const dd_value *value)
{
    bool negative = value->integer < 0;
    uint64_t magnitude = negative ? 0 - (uint64_t)value->integer : (uint64_t)value->integer;

    switch (v->letter) {
    case 'v':
    case 'd':
        format_digits(into, v, magnitude, negative, 10, false);
        break;
    case 'b':
        format_digits(into, v, magnitude, negative, 2, false);
        break;
    case 'o':
    case 'O':
        format_digits(into, v, magnitude, negative, 8, false);
        break;
    case 'x':
    case 'X':
        format_digits(into, v, magnitude, negative, 16, v->letter == 'X');
        break;
    case 'c':
    case 'q':
    case 'U':
        format_rune(into, v, value->integer);
        break;
    default:
        bad_verb(into, v, value);
    }
}

static void format_float(dd_buf *into, const verb *v, const dd_value *value)
{
    static const char letters[] = "veEfFgG";
    dd_buf text = {0};
    char letter = v->letter && v->letter < 0x80 && strchr(letters, (int)v->letter) ? (char)v->letter : 0;
    double magnitude = fabs(value->real);

    if (!letter) {
        bad_verb(into, v, value);
        return;
    }
    if (isinf(magnitude) || isnan(magnitude))
        dd_buf_add_str(&text, isnan(magnitude) ? "NaN" : "Inf");
    else if (!v->has_precision && strchr("vgG", letter))
        dd_float_print(&text, magnitude, 'g');
    else {
        char format[] = {'%', '.', '*', letter == 'v' ? 'g' : letter, '\0'};
        int precision = v->has_precision ? (int)v->precision : 6;
        char *printed = NULL;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        if (asprintf(&printed, format, precision, magnitude) >= 0)
            dd_buf_add_str(&text, printed);
#pragma GCC diagnostic pop
        free(printed);
    }
    pad_number(into, v, sign_of(v, signbit(value->real) && !isnan(value->real)), text.data);
    dd_buf_done(&text);
}

/* ---- Strings ---- */

static void format_hex(dd_buf *into, const verb *v, dd_text text)
{
    dd_buf hex = {0};
    size_t length =
        v->has_precision && (size_t)v->precision < text.length ? (size_t)v->precision : text.length;

    for (size_t i = 0; i < length; i++) {
        if (v->space && i)
            dd_buf_add_char(&hex, ' ');
        if (v->sharp && (v->space || i == 0))
            dd_buf_add_str(&hex, v->letter == 'x' ? "0x" : "0X");
        dd_buf_printf(&hex, v->letter == 'x' ? "%02x" : "%02X", (unsigned char)text.data[i]);
    }
    pad(into, v, hex.data ? hex.data : "", hex.length, v->zero);
    dd_buf_done(&hex);
}

static void format_string(dd_buf *into, const verb *v, const dd_value *value)
{
    dd_text text = value->text;
    dd_buf quoted = {0};

    if (v->letter == 'x' || v->letter == 'X') {
        format_hex(into, v, text);
        return;
    }
    if (v->letter != 'v' && v->letter != 's' && v->letter != 'q') {
        bad_verb(into, v, value);
        return;
    }
    if (v->has_precision) {
        size_t at = 0;

        for (int64_t runes = 0; at < text.length && runes < v->precision; runes++) {
            size_t used;

            dd_utf8_decode(text.data + at, text.length - at, &used);
            at += used;
        }
        text.length = at;
    }
    if (v->letter == 'q' || (v->letter == 'v' && v->sharp)) {
        bool raw = v->letter == 'q' && v->sharp && !memchr(text.data, '`', text.length) &&
                   !memchr(text.data, '\n', text.length);

        if (raw) {
            dd_buf_add_char(&quoted, '`');
            dd_buf_add(&quoted, text.data, text.length);
            dd_buf_add_char(&quoted, '`');
        } else {
            dd_quote_go(&quoted, text);
        }
        text = (dd_text){quoted.data, quoted.length};
    }
    pad(into, v, text.data, text.length, v->zero);
    dd_buf_done(&quoted);
}

/* ---- One value ---- */

static void format_value(dd_buf *into, const verb *v, const dd_value *value);

static void format_members(dd_buf *into, const verb *v, const dd_value *value)
{
    if (value->kind == DD_VALUE_LIST) {
        dd_buf_add_char(into, '[');
        for (size_t i = 0; i < value->list->count && into->length < DD_VALUE_PRINT_MAX; i++) {
            if (i)
                dd_buf_add_char(into, ' ');
            format_value(into, v, &value->list->items[i]);
        }
        dd_buf_add_char(into, ']');
        return;
    }
    dd_buf_add_str(into, "map[");
    for (size_t i = 0; i < value->map->count && into->length < DD_VALUE_PRINT_MAX; i++) {
        dd_value key = dd_value_text(dd_map_sorted(value->map)[i].key);

        if (i)
            dd_buf_add_char(into, ' ');
        format_value(into, v, &key);
        dd_buf_add_char(into, ':');
        format_value(into, v, &dd_map_sorted(value->map)[i].value);
    }
    dd_buf_add_char(into, ']');
}

static void format_value(dd_buf *into, const verb *v, const dd_value *value)
{
    if (v->letter == 'T') {
        const char *name = value->kind == DD_VALUE_NIL ? "<nil>" : dd_value_type_name(value);

        pad(into, v, name, strlen(name), false);
        return;
    }
    switch (value->kind) {
    case DD_VALUE_NIL:
        if (v->letter == 'v')
            pad(into, v, "<nil>", 5, false);
        else
            bad_verb(into, v, value);
        break;
    case DD_VALUE_BOOL:
        if (v->letter == 'v' || v->letter == 't')
            pad(into, v, value->boolean ? "true" : "false", value->boolean ? 4 : 5, false);
        else
            bad_verb(into, v, value);
        break;
    case DD_VALUE_INT:
        format_integer(into, v, value);
        break;
    case DD_VALUE_FLOAT:
        format_float(into, v, value);
        break;
    case DD_VALUE_STRING:
        format_string(into, v, value);
        break;
    case DD_VALUE_LIST:
    case DD_VALUE_MAP:
        format_members(into, v, value);
        break;
    }
}

/* ---- The format text ---- */

typedef struct formatter {
    const char *at, *end;
    const dd_value *arguments;
    size_t count, used;
    bool reordered; /* "%[1]s" was written, so unused arguments are no mistake */
    dd_buf *into;
} formatter;

static void read_flags(formatter *f, verb *v)
{
    for (; f->at < f->end; f->at++) {
        switch (*f->at) {
        case '-':
            v->minus = true;
            break;
        case '+':
            v->plus = true;
            break;
        case '#':
            v->sharp = true;
            break;
        case ' ':
            v->space = true;
            break;
        case '0':
            v->zero = true;
            break;
        default:
            return;
        }
    }
}

/* "[n]": the next argument is the nth. */
static bool read_index(formatter *f)
{
    size_t index = 0;
    const char *at = f->at;

    if (at >= f->end || *at != '[')
        return true;
    f->reordered = true;
    for (at++; at < f->end && isdigit((unsigned char)*at) && index <= WIDTH_MAX; at++)
        index = index * 10 + (size_t)(*at - '0');
    if (at >= f->end || *at != ']' || index == 0 || index > f->count)
        return false;
    f->at = at + 1;
    f->used = index - 1;
    return true;
}

/* Digits, or '*' for an argument. Returns false when an argument is wrong for it. */
static bool read_size(formatter *f, bool *ret_has, int64_t *ret)
{
    *ret = 0;
    if (f->at < f->end && *f->at == '*') {
        const dd_value *value = f->used < f->count ? &f->arguments[f->used++] : NULL;

        f->at++;
        *ret_has = value && value->kind == DD_VALUE_INT && value->integer <= WIDTH_MAX &&
                   value->integer >= -WIDTH_MAX;
        *ret = *ret_has ? value->integer : 0;
        return *ret_has;
    }
    for (; f->at < f->end && isdigit((unsigned char)*f->at); f->at++) {
        *ret_has = true;
        *ret = *ret * 10 + (*f->at - '0');
        if (*ret > WIDTH_MAX) {
            *ret_has = false;
            *ret = 0;
            return true;
        }
    }
    return true;
}

static bool read_verb(formatter *f, verb *v, const char **ret_bad)
{
    size_t used;
    bool written = false; /* "%.f" has the precision 0 */

    *ret_bad = NULL;
    read_flags(f, v);
    if (!read_index(f))
        *ret_bad = "(BADINDEX)";
    if (!read_size(f, &v->has_width, &v->width))
        dd_buf_add_str(f->into, "%!(BADWIDTH)");
    if (v->width < 0) {
        v->minus = true;
        v->width = -v->width;
    }
    if (f->at < f->end && *f->at == '.') {
        f->at++;
        v->has_precision = true;
        if (!read_index(f))
            *ret_bad = "(BADINDEX)";
        if (!read_size(f, &written, &v->precision) || v->precision < 0) {
            dd_buf_add_str(f->into, "%!(BADPREC)");
            v->has_precision = false;
        }
    }
    if (!read_index(f))
        *ret_bad = "(BADINDEX)";
    if (f->at >= f->end)
        return false;
    v->letter = dd_utf8_decode(f->at, (size_t)(f->end - f->at), &used);
    f->at += used;
    return true;
}

static int format_verb(dd_evaluation *e, formatter *f)
{
    verb v = {0};
    const char *bad;
    char letter[4];

    if (!read_verb(f, &v, &bad)) {
        dd_buf_add_str(f->into, "%!(NOVERB)");
        return 0;
    }
    if (v.letter == '%') {
        dd_buf_add_char(f->into, '%');
        return 0;
    }
    if (!bad && f->used >= f->count)
        bad = "(MISSING)";
    if (bad) {
        dd_buf_add_str(f->into, "%!");
        dd_buf_add(f->into, letter, dd_utf8_encode(v.letter, letter));
        dd_buf_add_str(f->into, bad);
        return 0;
    }
    if (dd_evaluation_room(e, f->into->length + (size_t)v.width + (size_t)v.precision) < 0)
        return -1;
    format_value(f->into, &v, &f->arguments[f->used++]);
    return 0;
}

static void extra_arguments(formatter *f)
{
    if (f->reordered || f->used >= f->count)
        return;
    dd_buf_add_str(f->into, "%!(EXTRA ");
    for (size_t i = f->used; i < f->count; i++) {
        if (i > f->used)
            dd_buf_add_str(f->into, ", ");
        if (f->arguments[i].kind != DD_VALUE_NIL)
            dd_buf_printf(f->into, "%s=", dd_value_type_name(&f->arguments[i]));
        dd_value_print(f->into, &f->arguments[i]);
    }
    dd_buf_add_char(f->into, ')');
}

int dd_format_print(dd_evaluation *e, dd_text format, const dd_value *arguments, size_t count, dd_buf *into)
{
    formatter f = {format.data, format.data + format.length, arguments, count, 0, false, into};

    while (f.at < f.end) {
        const char *percent = memchr(f.at, '%', (size_t)(f.end - f.at));

        if (!percent)
            percent = f.end;
        dd_buf_add(into, f.at, (size_t)(percent - f.at));
        f.at = percent;
        if (f.at < f.end && (f.at++, format_verb(e, &f) < 0))
            return -1;
    }
    extra_arguments(&f);
    return 0;
}
