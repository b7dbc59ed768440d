/* Numbers: whole ones wrap round as Go's do, and answers are int64; the others are float64. Sprig 2.22, its
 * behaviour. */
#include "runner/lang/functions/functions.h"
#include <math.h>

static int64_t wrapped(uint64_t value)
{
    return (int64_t)value;
}

/* ---- Conversion ---- */

CALL(int)
{
    *ret = dd_value_int(dd_integer_from(&arguments[0]));
    return 0;
}

CALL(int64)
{
    *ret = dd_value_int64(dd_integer_from(&arguments[0]));
    return 0;
}

CALL(float64)
{
    *ret = dd_value_float(dd_float_from(&arguments[0]));
    return 0;
}

/* Too large a number is the nearest there is, where toInt64 has 0. */
CALL(atoi)
{
    int64_t value;

    dd_integer_parse(arguments[0].text, 10, &value);
    *ret = dd_value_int(value);
    return 0;
}

/* Octal digits' number. */
CALL(toDecimal)
{
    dd_text digits;
    int64_t value;

    if (dd_text_from(e, &arguments[0], &digits) < 0)
        return -1;
    *ret = dd_value_int64(dd_integer_parse(digits, 8, &value) ? value : 0);
    return 0;
}

/* ---- Whole numbers ---- */

CALL(add)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (uint64_t)dd_integer_from(&arguments[i]);
    *ret = dd_value_int64(wrapped(sum));
    return 0;
}

CALL(add1)
{
    *ret = dd_value_int64(wrapped((uint64_t)dd_integer_from(&arguments[0]) + 1));
    return 0;
}

CALL(sub)
{
    *ret = dd_value_int64(
        wrapped((uint64_t)dd_integer_from(&arguments[0]) - (uint64_t)dd_integer_from(&arguments[1])));
    return 0;
}

CALL(mul)
{
    uint64_t product = (uint64_t)dd_integer_from(&arguments[0]);

    for (size_t i = 1; i < count; i++)
        product *= (uint64_t)dd_integer_from(&arguments[i]);
    *ret = dd_value_int64(wrapped(product));
    return 0;
}

static int divide(dd_evaluation *e, const dd_value *arguments, bool rest, dd_value *ret)
{
    int64_t a = dd_integer_from(&arguments[0]), b = dd_integer_from(&arguments[1]);

    if (b == 0)
        return dd_evaluation_fail(e, "division by zero");
    if (b == -1) /* the one quotient that has no room */
        *ret = dd_value_int64(rest ? 0 : wrapped(0 - (uint64_t)a));
    else
        *ret = dd_value_int64(rest ? a % b : a / b);
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
    *ret = dd_value_int64(most);
    return 0;
}

CALL(min)
{
    int64_t least = dd_integer_from(&arguments[0]);

    for (size_t i = 1; i < count; i++) {
        int64_t value = dd_integer_from(&arguments[i]);

        least = value < least ? value : least;
    }
    *ret = dd_value_int64(least);
    return 0;
}

/* ---- Fractions ---- */

CALL(ceil)
{
    *ret = dd_value_float(ceil(dd_float_from(&arguments[0])));
    return 0;
}

CALL(floor)
{
    *ret = dd_value_float(floor(dd_float_from(&arguments[0])));
    return 0;
}

/* Go's math.Pow(10, places), to the last bit: by squares of the fraction, the exponent apart. */
static double power_of_ten(int64_t places)
{
    uint64_t bits = places < 0 ? 0 - (uint64_t)places : (uint64_t)places;
    double ret = 1, square;
    int exponent = 0, square_exponent;

    if (bits > 400)
        return places < 0 ? 0 : HUGE_VAL;
    square = frexp(10, &square_exponent);
    for (; bits; bits >>= 1) {
        if (bits & 1) {
            ret *= square;
            exponent += square_exponent;
        }
        square *= square;
        square_exponent *= 2;
        if (square < 0.5) {
            square *= 2;
            square_exponent--;
        }
    }
    return places < 0 ? ldexp(1 / ret, -exponent) : ldexp(ret, exponent);
}

/* Upwards from a fraction of 0.5, or what the third argument says; negative numbers go down. */
CALL(round)
{
    double power = power_of_ten(arguments[1].integer);
    double whole, digits = power * dd_float_from(&arguments[0]);
    bool up = modf(digits, &whole) >= (count > 2 ? arguments[2].real : 0.5);

    *ret = dd_value_float((up ? ceil(digits) : floor(digits)) / power);
    return 0;
}

static const dd_function rows[] = {
    {"int", "a", call_int},
    {"int64", "a", call_int64},
    {"float64", "a", call_float64},
    {"atoi", "s", call_atoi},
    {"toDecimal", "a", call_toDecimal},
    {"add", "a*", call_add},
    {"add1", "a", call_add1},
    {"sub", "aa", call_sub},
    {"mul", "aa*", call_mul},
    {"div", "aa", call_div},
    {"mod", "aa", call_mod},
    {"max", "aa*", call_max},
    {"min", "aa*", call_min},
    {"biggest", "aa*", call_max},
    {"ceil", "a", call_ceil},
    {"floor", "a", call_floor},
    {"round", "aif*", call_round},
};
const dd_function_family dd_functions_math = DD_FAMILY("math", rows);
