/* What the families of functions share: reading arguments as Sprig reads them, and answering. */
#include "runner/lang/functions/functions.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Answering ---- */

int dd_give_buf(dd_evaluation *e, dd_buf *text, dd_value *ret)
{
    /* What is printed past this is cut, so it is no answer. */
    if (dd_evaluation_room(e, text->length < DD_VALUE_PRINT_MAX ? text->length : SIZE_MAX) < 0) {
        dd_buf_done(text);
        return -1;
    }
    *ret = dd_value_string(dd_evaluation_arena(e), text->data ? text->data : "", text->length);
    dd_buf_done(text);
    return 0;
}

int dd_give_text(const char *data, size_t length, dd_value *ret)
{
    *ret = dd_value_text((dd_text){data, length});
    return 0;
}

int dd_give_list(dd_evaluation *e, size_t members, dd_value *ret)
{
    if (members > DD_TEMPLATE_MAX_MEMORY / sizeof(dd_value) ||
        dd_evaluation_room(e, members * 2 * sizeof(dd_value)) < 0)
        return dd_evaluation_room(e, SIZE_MAX);
    *ret = dd_value_list(dd_list_new(dd_evaluation_arena(e)));
    return 0;
}

int dd_give_no_list(dd_evaluation *e, dd_value *ret)
{
    *ret = dd_value_list(dd_list_new(dd_evaluation_arena(e)));
    ret->list->node.none = true;
    return 0;
}

/* ---- Texts ---- */

int dd_text_from(dd_evaluation *e, const dd_value *value, dd_text *ret)
{
    dd_buf text = {0};
    dd_value printed = dd_value_nil();

    *ret = value->kind == DD_VALUE_STRING ? value->text : (dd_text){"", 0};
    if (value->kind == DD_VALUE_STRING)
        return 0;
    dd_value_print(&text, value);
    if (dd_give_buf(e, &text, &printed) < 0)
        return -1;
    *ret = printed.text;
    return 0;
}

int dd_text_charge(dd_evaluation *e, size_t bytes)
{
    return dd_evaluation_work(e, bytes / 4);
}

dd_text dd_text_skip(dd_text text, size_t bytes)
{
    return (dd_text){text.data + bytes, text.length - bytes};
}

const char *dd_text_find(dd_text in, dd_text what)
{
    return what.length ? memmem(in.data, in.length, what.data, what.length) : in.data;
}

bool dd_text_starts(dd_text text, dd_text prefix)
{
    return text.length >= prefix.length && memcmp(text.data, prefix.data, prefix.length) == 0;
}

bool dd_text_ends(dd_text text, dd_text suffix)
{
    return text.length >= suffix.length &&
           memcmp(text.data + text.length - suffix.length, suffix.data, suffix.length) == 0;
}

/* ---- Numbers ---- */

bool dd_integer_parse(dd_text text, int base, int64_t *ret)
{
    dd_auto_str digits = dd_strndup(text.data, text.length);
    size_t sign = *digits == '+' || *digits == '-';
    size_t count = strspn(digits + sign, base == 8 ? "01234567" : "0123456789");

    *ret = 0;
    if (count == 0 || sign + count != text.length)
        return false;
    errno = 0;
    *ret = strtoll(digits, NULL, base);
    return errno == 0;
}

/* As amd64 converts: what does not fit is the least. */
static int64_t truncated(double real)
{
    return real >= -9223372036854775808.0 && real < 9223372036854775808.0 ? (int64_t)real : INT64_MIN;
}

int64_t dd_integer_from(const dd_value *value)
{
    int64_t ret = 0;

    if (value->kind == DD_VALUE_INT)
        return value->type == DD_TYPE_UINT64 && value->integer < 0 ? INT64_MAX : value->integer;
    if (value->kind == DD_VALUE_FLOAT)
        return truncated(value->real);
    if (value->kind == DD_VALUE_BOOL)
        return value->boolean;
    return value->kind == DD_VALUE_STRING && dd_integer_parse(value->text, 10, &ret) ? ret : 0;
}

/* Go's literals: an underscore only between digits, or behind 0x. Takes them out. */
static bool remove_underscores(char *text, bool hex)
{
    char previous = hex ? '0' : '^', *into = text;

    for (; *text; text++) {
        bool digit = hex ? isxdigit((unsigned char)*text) : isdigit((unsigned char)*text);

        if ((*text == '_') ? previous != '0' : !digit && previous == '_')
            return false;
        previous = digit ? '0' : *text == '_' ? '_' : '!';
        if (*text != '_')
            *into++ = *text;
    }
    *into = '\0';
    return previous != '_';
}

/* Digits with at most one point among them; returns what stands behind, or NULL when there are none. */
static const char *skip_digits(const char *text, const char *digits)
{
    size_t whole = strspn(text, digits), fraction = 0;

    text += whole;
    if (*text == '.') {
        text++;
        fraction = strspn(text, digits);
        text += fraction;
    }
    return whole + fraction > 0 ? text : NULL;
}

/* What Go reads and no more: strtod takes more. */
static bool is_float(const char *text, bool hex)
{
    const char *at = skip_digits(text, hex ? "0123456789abcdefABCDEF" : "0123456789");
    size_t digits;

    if (!at)
        return false;
    if (tolower((unsigned char)*at) != (hex ? 'p' : 'e'))
        return !*at && !hex;
    at++;
    at += *at == '+' || *at == '-';
    digits = strspn(at, "0123456789");
    return digits > 0 && !at[digits];
}

static double parse_float(dd_text text)
{
    dd_auto_str copy = dd_strndup(text.data, text.length);
    size_t sign = *copy == '+' || *copy == '-';
    char *number = copy + sign;
    bool hex = number[0] == '0' && tolower((unsigned char)number[1]) == 'x';
    double ret;

    if (strlen(copy) != text.length)
        return 0;
    if (strcasecmp(number, "inf") == 0 || strcasecmp(number, "infinity") == 0)
        return *copy == '-' ? -HUGE_VAL : HUGE_VAL;
    if (strcasecmp(copy, "nan") == 0)
        return nan("");
    if (!remove_underscores(number + (hex ? 2 : 0), hex) || !is_float(number + (hex ? 2 : 0), hex))
        return 0;
    ret = strtod(copy, NULL);
    return isinf(ret) ? 0 : ret;
}

double dd_float_from(const dd_value *value)
{
    if (value->kind == DD_VALUE_FLOAT)
        return value->real;
    if (value->kind == DD_VALUE_STRING)
        return parse_float(value->text);
    if (value->kind == DD_VALUE_INT && value->type == DD_TYPE_UINT64)
        return (double)(uint64_t)value->integer;
    return (double)dd_integer_from(value);
}
