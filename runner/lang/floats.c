/* Floating-point numbers as Go's strconv writes them: the fewest digits that read back, or a precision; also
 * Go's %b and %x, which C has otherwise. */
#include "runner/lang/value.h"
#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANTISSA_BITS 52
#define HEX_TOP       60 /* the bit of a hexadecimal number's digit before the point */

/* A number's decimal digits, "6.25e-01" taken apart: digits "625", exponent -1. */
typedef struct decimal {
    char digits[32];
    int count, exponent;
} decimal;

static decimal take_digits(double size, int count)
{
    char text[64];
    decimal ret = {.count = count};

    snprintf(text, sizeof(text), "%.*e", count - 1, size);
    ret.digits[0] = text[0];
    memcpy(ret.digits + 1, text + 2, (size_t)count - 1);
    ret.exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    return ret;
}

static bool reads_back(const decimal *taken, double size)
{
    char text[64];

    snprintf(text, sizeof(text), "%c.%se%d", taken->digits[0], taken->digits + 1, taken->exponent);
    return fpclassify(strtod(text, NULL) - size) == FP_ZERO;
}

/* The fewest digits that read back as the number, as Go's precision -1 takes them. A double keeps any decimal
 * of DBL_DIG digits, so what reads back with those needs no other digits, only fewer zeros; subnormal ones
 * keep less. Beneath a power of two doubles are closer than above it: there the nearest decimal may be
 * another double's, and the next one up this one's. */
static decimal shortest_digits(double size)
{
    decimal ret = take_digits(size, DBL_DIG);

    if (size >= DBL_MIN && reads_back(&ret, size)) {
        while (ret.count > 1 && ret.digits[ret.count - 1] == '0')
            ret.digits[--ret.count] = '\0';
        return ret;
    }
    for (int count = size >= DBL_MIN ? DBL_DIG + 1 : 1; count < 17; count++) {
        ret = take_digits(size, count);
        if (reads_back(&ret, size))
            return ret;
        if (ret.digits[count - 1] < '9' && (ret.digits[count - 1]++, reads_back(&ret, size)))
            return ret;
    }
    return take_digits(size, 17);
}

static void add_zeros(dd_buf *into, int count)
{
    while (count-- > 0)
        dd_buf_add_char(into, '0');
}

static void add_plain(dd_buf *into, const decimal *number)
{
    int whole = number->exponent + 1; /* digits before the point */

    if (whole <= 0) {
        dd_buf_add_str(into, "0.");
        add_zeros(into, -whole);
        dd_buf_add(into, number->digits, (size_t)number->count);
    } else if (whole < number->count) {
        dd_buf_add(into, number->digits, (size_t)whole);
        dd_buf_add_char(into, '.');
        dd_buf_add(into, number->digits + whole, (size_t)(number->count - whole));
    } else {
        dd_buf_add(into, number->digits, (size_t)number->count);
        add_zeros(into, whole - number->count);
    }
}

static void add_shortest(dd_buf *into, double size, char letter)
{
    decimal number = shortest_digits(size);

    /* Go's %g turns to %e below 1e-4 and from 1e6 on ("1e+06"), unless it has been given a precision. */
    if (letter == 'e' || (letter != 'f' && (number.exponent < -4 || number.exponent >= 6)))
        dd_buf_printf(into, "%c%s%s%c%c%02d", number.digits[0], number.count > 1 ? "." : "",
                      number.digits + 1, letter == 'G' || letter == 'E' ? 'E' : 'e',
                      number.exponent < 0 ? '-' : '+', abs(number.exponent));
    else
        add_plain(into, &number);
}

static void add_precise(dd_buf *into, double size, char letter, int precision)
{
    char format[] = {'%', '.', '*', letter, '\0'};
    char *printed = NULL;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (asprintf(&printed, format, precision, size) >= 0)
        dd_buf_add_str(into, printed);
#pragma GCC diagnostic pop
    free(printed);
}

static uint64_t split(double size, int *ret_exponent)
{
    uint64_t bits, mantissa;
    int biased;

    memcpy(&bits, &size, sizeof(bits));
    mantissa = bits & ((UINT64_C(1) << MANTISSA_BITS) - 1);
    biased = (int)(bits >> MANTISSA_BITS & 0x7FF);
    if (biased)
        mantissa |= UINT64_C(1) << MANTISSA_BITS;
    *ret_exponent = (biased ? biased : 1) - 1023;
    return mantissa;
}

/* 4503599627370496p-52 */
static void add_binary(dd_buf *into, double size)
{
    int exponent;
    uint64_t mantissa = split(size, &exponent);

    dd_buf_printf(into, "%llup%+d", (unsigned long long)mantissa, exponent - MANTISSA_BITS);
}

/* To the nearest with `precision` digits behind the point, ties to the even one. */
static uint64_t round_hex(uint64_t mantissa, int precision, int *exponent)
{
    unsigned shift = (unsigned)precision * 4;
    uint64_t extra = mantissa << shift & ((UINT64_C(1) << HEX_TOP) - 1);

    mantissa >>= HEX_TOP - shift;
    if ((extra | (mantissa & 1)) > UINT64_C(1) << (HEX_TOP - 1))
        mantissa++;
    mantissa <<= HEX_TOP - shift;
    if (mantissa & UINT64_C(1) << (HEX_TOP + 1)) {
        mantissa >>= 1;
        ++*exponent;
    }
    return mantissa;
}

/* 0x1.8p+01 */
static void add_hex(dd_buf *into, double size, bool upper, int precision)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    int exponent = 0;
    uint64_t mantissa = split(size, &exponent) << (HEX_TOP - MANTISSA_BITS);

    if (!mantissa)
        exponent = 0;
    for (; mantissa && !(mantissa >> HEX_TOP); exponent--)
        mantissa <<= 1;
    if (precision >= 0 && precision < 15)
        mantissa = round_hex(mantissa, precision, &exponent);
    dd_buf_printf(into, upper ? "0X%c" : "0x%c", digits[mantissa >> HEX_TOP & 1]);
    mantissa <<= 4;
    if (precision > 0 || (precision < 0 && mantissa))
        dd_buf_add_char(into, '.');
    for (int i = 0; precision < 0 ? mantissa != 0 : i < precision; i++, mantissa <<= 4)
        dd_buf_add_char(into, digits[mantissa >> HEX_TOP & 15]);
    dd_buf_printf(into, "%c%c%02d", upper ? 'P' : 'p', exponent < 0 ? '-' : '+', abs(exponent));
}

void dd_float_format(dd_buf *into, double real, char letter, int precision)
{
    double size = fabs(real);

    dd_buf_add_char(into, signbit(real) && !isnan(real) ? '-' : '+');
    if (isnan(real) || isinf(real))
        dd_buf_add_str(into, isnan(real) ? "NaN" : "Inf");
    else if (letter == 'b')
        add_binary(into, size);
    else if (letter == 'x' || letter == 'X')
        add_hex(into, size, letter == 'X', precision);
    else if (precision < 0)
        add_shortest(into, size, letter);
    else
        add_precise(into, size, letter, precision);
}

void dd_float_print(dd_buf *into, double real, char letter)
{
    dd_buf text = {0};
    size_t unsaid;

    dd_float_format(&text, real, letter, -1);
    unsaid = text.data[0] == '+' && !isinf(real);
    dd_buf_add(into, text.data + unsaid, text.length - unsaid);
    dd_buf_done(&text);
}
