/* What stands in for a missing value, and how a template refuses one. Sprig 2.22, its behaviour. */
#include "runner/lang/functions/functions.h"

CALL(default)
{
    *ret = count == 1 || !dd_value_truth(&arguments[1]) ? arguments[0] : arguments[1];
    return 0;
}

CALL(empty)
{
    *ret = dd_value_bool(!dd_value_truth(&arguments[0]));
    return 0;
}

CALL(coalesce)
{
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
    *ret = arguments[2].boolean ? arguments[0] : arguments[1];
    return 0;
}

CALL(fail)
{
    return dd_evaluation_fail(e, "%.*s", (int)arguments[0].text.length, arguments[0].text.data);
}

CALL(required)
{
    bool missing = arguments[1].kind == DD_VALUE_NIL ||
                   (arguments[1].kind == DD_VALUE_STRING && arguments[1].text.length == 0);

    if (missing)
        return dd_evaluation_fail(e, "%.*s", (int)arguments[0].text.length, arguments[0].text.data);
    *ret = arguments[1];
    return 0;
}

static const dd_function rows[] = {
    {"default", "aa*", call_default}, {"empty", "a", call_empty}, {"coalesce", "a*", call_coalesce},
    {"ternary", "aab", call_ternary}, {"fail", "s", call_fail},   {"required", "sa", call_required},
};
const dd_function_family dd_functions_defaults = DD_FAMILY("defaults", rows);
