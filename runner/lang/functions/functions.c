/* What the families of functions share: reading arguments as Sprig reads them, and answering. */
#include "runner/lang/functions/functions.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int dd_give_buf(dd_evaluation *e, dd_buf *text, dd_value *ret)
{
    *ret = dd_value_string(dd_evaluation_arena(e), text->data ? text->data : "", text->length);
    dd_buf_done(text);
    return 0;
}

int dd_give_text(const char *data, size_t length, dd_value *ret)
{
    *ret = dd_value_text((dd_text){data, length});
    return 0;
}

dd_text dd_text_from(dd_evaluation *e, const dd_value *value)
{
    dd_buf text = {0};
    dd_value ret;

    if (value->kind == DD_VALUE_STRING)
        return value->text;
    dd_value_print(&text, value);
    dd_give_buf(e, &text, &ret);
    return ret.text;
}

bool dd_text_has_byte(const char *set, size_t length, char c)
{
    return memchr(set, c, length) != NULL;
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

int64_t dd_integer_from(const dd_value *value)
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
    case DD_VALUE_OBJECT:
        break;
    }
    return 0;
}
