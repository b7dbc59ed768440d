/* What a value is, in Go's words. Sprig 2.22, its behaviour. */
#include "runner/lang/functions/functions.h"

static const char *type_of(const dd_value *value)
{
    return value->kind == DD_VALUE_NIL ? "<nil>" : dd_value_type_name(value);
}

static const char *kind_of(const dd_value *value)
{
    if (dd_value_class(value))
        return dd_value_class(value)->kind_name;
    return value->kind == DD_VALUE_NIL    ? "invalid"
           : value->kind == DD_VALUE_LIST ? "slice"
           : value->kind == DD_VALUE_MAP  ? "map"
                                          : dd_value_type_name(value);
}

CALL(typeOf)
{
    *ret = dd_value_text(dd_text_of(type_of(&arguments[0])));
    return 0;
}

CALL(typeIs)
{
    *ret = dd_value_bool(dd_text_is(arguments[0].text, type_of(&arguments[1])));
    return 0;
}

/* A pointer to the type will do. */
CALL(typeIsLike)
{
    const char *type = type_of(&arguments[1]);

    *ret = dd_value_bool(dd_text_is(arguments[0].text, type) ||
                         (*type == '*' && dd_text_is(arguments[0].text, type + 1)));
    return 0;
}

CALL(kindOf)
{
    *ret = dd_value_text(dd_text_of(kind_of(&arguments[0])));
    return 0;
}

CALL(kindIs)
{
    *ret = dd_value_bool(dd_text_is(arguments[0].text, kind_of(&arguments[1])));
    return 0;
}

CALL(toString)
{
    dd_text text;

    if (dd_text_from(e, &arguments[0], &text) < 0)
        return -1;
    *ret = dd_value_text(text);
    return 0;
}

static const dd_function rows[] = {
    {"typeOf", "a", call_typeOf}, {"typeIs", "sa", call_typeIs}, {"typeIsLike", "sa", call_typeIsLike},
    {"kindOf", "a", call_kindOf}, {"kindIs", "sa", call_kindIs}, {"toString", "a", call_toString},
};
const dd_function_family dd_functions_kinds = DD_FAMILY("kinds", rows);
