/* Floating-point numbers as Go's strconv writes them: the fewest digits that read back, or a precision; also
 * Go's %b and %x, which C has otherwise. */
#include "runner/lang/value.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANTISSA_BITS 52
#define HEX_TOP       60 /* the bit of a hexadecimal number's digit before the point */

/* The fewest digits that read back as the number, as Go's precision -1 takes them. */
static int shortest_digits(double real)
{
    char text[64];

    for (int digits = 1; digits < 17; digits++) {
        snprintf(text, sizeof(text), "%.*e", digits - 1, real);
        if (fpclassify(strtod(text, NULL) - real) == FP_ZERO)
            return digits;
    }
    return 17;
}

static void add_shortest(dd_buf *into, double size, char letter)
{
    char text[512];
    int digits = shortest_digits(size), exponent;

    snprintf(text, sizeof(text), "%.*e", digits - 1, size);
    exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    /* Go's %g turns to %e below 1e-4 and from 1e6 on ("1e+06"), unless it has been given a precision. */
    if (letter == 'e' || (letter != 'f' && (exponent < -4 || exponent >= 6))) {
        if (letter == 'G' || letter == 'E')
            *strchr(text, 'e') = 'E';
        dd_buf_add_str(into, text);
        return;
    }
    if (exponent < digits) {
        snprintf(text, sizeof(text), "%.*f", digits - 1 - exponent, size);
        dd_buf_add_str(into, text);
        return;
    }
    /* Zeros for the digits that the number does not need. */
    for (const char *c = text; *c != 'e'; c++)
        if (*c != '.')
            dd_buf_add_char(into, *c);
    for (int i = digits; i <= exponent; i++)
        dd_buf_add_char(into, '0');
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
