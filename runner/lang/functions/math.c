/* Whole numbers: they wrap round, as Go's. Sprig 2.22, its behaviour. */
#include "runner/lang/functions/functions.h"

static int64_t wrapped(uint64_t value)
{
    return (int64_t)value;
}

CALL(int)
{
    *ret = dd_value_int(dd_integer_from(&arguments[0]));
    return 0;
}

CALL(add)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (uint64_t)dd_integer_from(&arguments[i]);
    *ret = dd_value_int(wrapped(sum));
    return 0;
}

CALL(add1)
{
    *ret = dd_value_int(wrapped((uint64_t)dd_integer_from(&arguments[0]) + 1));
    return 0;
}

CALL(sub)
{
    *ret = dd_value_int(
        wrapped((uint64_t)dd_integer_from(&arguments[0]) - (uint64_t)dd_integer_from(&arguments[1])));
    return 0;
}

CALL(mul)
{
    uint64_t product = (uint64_t)dd_integer_from(&arguments[0]);

    for (size_t i = 1; i < count; i++)
        product *= (uint64_t)dd_integer_from(&arguments[i]);
    *ret = dd_value_int(wrapped(product));
    return 0;
}

static int divide(dd_evaluation *e, const dd_value *arguments, bool rest, dd_value *ret)
{
    int64_t a = dd_integer_from(&arguments[0]), b = dd_integer_from(&arguments[1]);

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
    return divide(e, arguments, false, ret);
}

CALL(mod)
{
    return divide(e, arguments, true, ret);
}

CALL(max)
{
    int64_t most = dd_integer_from(&arguments[0]);

    for (size_t i = 1; i < count; i++) {
        int64_t value = dd_integer_from(&arguments[i]);

        most = value > most ? value : most;
    }
    *ret = dd_value_int(most);
    return 0;
}

CALL(min)
{
    int64_t least = dd_integer_from(&arguments[0]);

    for (size_t i = 1; i < count; i++) {
        int64_t value = dd_integer_from(&arguments[i]);

        least = value < least ? value : least;
    }
    *ret = dd_value_int(least);
    return 0;
}

static const dd_function rows[] = {
    {"int", "a", call_int},   {"int64", "a", call_int},     {"add", "a*", call_add},
    {"add1", "a", call_add1}, {"sub", "aa", call_sub},      {"mul", "aa*", call_mul},
    {"div", "aa", call_div},  {"mod", "aa", call_mod},      {"max", "aa*", call_max},
    {"min", "aa*", call_min}, {"biggest", "aa*", call_max},
};
const dd_function_family dd_functions_math = DD_FAMILY("math", rows);
