/* Go's fmt for templates: Sprint, Sprintln, and Sprintf's format text: flags, widths, "[n]" for the nth
 * argument, and what is said of arguments that are missing, left over or wrong. */
#include "runner/lang/template_private.h"
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 1000000 /* of a width, a precision or an index; as Go's */

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

typedef struct formatter {
    const char *at, *end;
    const dd_value *arguments;
    size_t count, used;
    bool reordered;   /* "%[1]s" was written, so unused arguments are no mistake */
    bool good;        /* this verb's index names an argument */
    bool after_index; /* an index was just read */
    dd_buf *into;
} formatter;

static bool at_char(const formatter *f, char c)
{
    return f->at < f->end && *f->at == c;
}

static void read_flags(formatter *f, dd_verb *v)
{
    for (; f->at < f->end; f->at++) {
        switch (*f->at) {
        case '-':
            v->minus = true;
            v->zero = false; /* zeros are never put behind */
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
            v->zero = !v->minus;
            break;
        default:
            return;
        }
    }
}

/* Decimal digits up to `end`. What is too large is no number, and nothing behind it is read. */
static bool read_number(const char **at, const char *end, size_t *ret)
{
    bool found = false;

    *ret = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
        if (*ret > NUMBER_MAX) {
            *ret = 0;
            *at = end;
            return false;
        }
        *ret = *ret * 10 + (size_t)(**at - '0');
        found = true;
    }
    return found;
}

/* "[n]": the next argument is the nth. */
static void read_index(formatter *f)
{
    const char *close, *at;
    size_t index;

    f->after_index = false;
    if (!at_char(f, '['))
        return;
    f->reordered = true;
    close = f->end - f->at >= 3 ? memchr(f->at, ']', (size_t)(f->end - f->at)) : NULL;
    at = f->at + 1;
    if (!close) {
        f->good = false;
        f->at++;
        return;
    }
    f->at = close + 1;
    if (!read_number(&at, close, &index) || at != close) {
        f->good = false;
        return;
    }
    f->after_index = true;
    if (index >= 1 && index <= f->count)
        f->used = index - 1;
    else
        f->good = false;
}

/* '*': the next argument says it. False: it is no integer, or too large. */
static bool take_number(formatter *f, int64_t *ret)
{
    const dd_value *value = f->used < f->count ? &f->arguments[f->used++] : NULL;

    f->at++;
    f->after_index = false;
    *ret = value && value->kind == DD_VALUE_INT ? value->integer : 0;
    if (value && value->kind == DD_VALUE_INT && *ret <= NUMBER_MAX && *ret >= -NUMBER_MAX)
        return true;
    *ret = 0;
    return false;
}

static void read_width(formatter *f, dd_verb *v)
{
    int64_t width;

    if (!at_char(f, '*')) {
        v->has_width = read_number(&f->at, f->end, &v->width);
        if (f->after_index && v->has_width) /* "%[3]2d" */
            f->good = false;
        return;
    }
    v->has_width = take_number(f, &width);
    if (!v->has_width)
        dd_buf_add_str(f->into, "%!(BADWIDTH)");
    if (width < 0) {
        v->minus = true;
        v->zero = false;
    }
    v->width = (size_t)(width < 0 ? -width : width);
}

static void read_precision(formatter *f, dd_verb *v)
{
    int64_t precision;

    if (f->end - f->at < 2 || *f->at != '.')
        return;
    f->at++;
    if (f->after_index) /* "%[3].2d" */
        f->good = false;
    read_index(f);
    if (!at_char(f, '*')) {
        read_number(&f->at, f->end, &v->precision); /* "%.f" has the precision 0 */
        v->has_precision = true;
        return;
    }
    v->has_precision = take_number(f, &precision) && precision >= 0;
    v->precision = v->has_precision ? (size_t)precision : 0;
    if (!v->has_precision)
        dd_buf_add_str(f->into, "%!(BADPREC)");
}

/* Behind '%'. False: the format ends before the verb's letter. */
static bool read_verb(formatter *f, dd_verb *v)
{
    size_t used;

    f->good = true;
    read_flags(f, v);
    read_index(f);
    read_width(f, v);
    read_precision(f, v);
    if (!f->after_index)
        read_index(f);
    if (f->at >= f->end)
        return false;
    v->letter = dd_utf8_decode(f->at, (size_t)(f->end - f->at), &used);
    f->at += used;
    return true;
}

static void complain(formatter *f, const dd_verb *v, const char *what)
{
    char letter[4];

    dd_buf_add_str(f->into, "%!");
    dd_buf_add(f->into, letter, dd_utf8_encode(v->letter, letter));
    dd_buf_add_str(f->into, what);
}

static int format_verb(dd_evaluation *e, formatter *f)
{
    dd_verb v = {0};

    if (!read_verb(f, &v)) {
        dd_buf_add_str(f->into, "%!(NOVERB)");
    } else if (v.letter == '%') {
        dd_buf_add_char(f->into, '%');
    } else if (!f->good) {
        complain(f, &v, "(BADINDEX)");
    } else if (f->used >= f->count) {
        complain(f, &v, "(MISSING)");
    } else {
        if (v.letter == 'v') {
            v.sharp_v = v.sharp;
            v.plus_v = v.plus;
            v.sharp = v.plus = false;
        }
        if (dd_evaluation_room(e, f->into->length + v.width + v.precision) < 0)
            return -1;
        dd_format_value(f->into, v, &f->arguments[f->used++]);
    }
    return 0;
}

static void extra_arguments(const formatter *f)
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
    formatter f = {.at = format.data,
                   .end = format.data + format.length,
                   .arguments = arguments,
                   .count = count,
                   .into = into};

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
