/* Go's constants: numbers in all their forms, characters, strings. */
#include "runner/lang/template_parse.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Go lets '_' stand between digits, and behind 0x, 0b, 0o and a leading 0. Without them, for strto…; false
 * where one stands elsewhere. */
static bool without_underscores(dd_text text, char *into, size_t size)
{
    size_t length = 0;
    size_t sign = text.length > 0 && strchr("+-", text.data[0]) ? 1 : 0;
    bool based = text.length > sign + 1 && text.data[sign] == '0';
    bool hex = based && (text.data[sign + 1] | 0x20) == 'x';
    char before = '^'; /* '0': a digit or a base's prefix, '_', or something else */

    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        bool prefix = based && i == sign + 1 && strchr("xXbBoO", c);

        if (c == '_' ? before != '0' : before == '_' && !isxdigit((unsigned char)c))
            return false;
        before = c == '_'                                                                   ? '_'
                 : prefix || (hex ? isxdigit((unsigned char)c) : isdigit((unsigned char)c)) ? '0'
                                                                                            : '!';
        if (c == '_')
            continue;
        if (length + 1 >= size)
            return false;
        into[length++] = c;
    }
    into[length] = '\0';
    return before != '_';
}

/* Go's integers of any base. False: it is none, or does not fit 64 bits. */
static bool read_integer(const char *text, bool *ret_negative, uint64_t *ret)
{
    const char *digits = text + (*text == '+' || *text == '-');
    int base = 10;
    char *end;

    *ret_negative = *text == '-';
    if (digits[0] == '0' && digits[1]) {
        static const char prefixes[] = "xXbBoO";
        static const int bases[] = {16, 16, 2, 2, 8, 8};
        const char *prefix = strchr(prefixes, digits[1]);

        base = prefix ? bases[prefix - prefixes] : 8;
        digits += prefix ? 2 : 1;
    }
    if (!isxdigit((unsigned char)*digits))
        return false;
    errno = 0;
    *ret = strtoull(digits, &end, base);
    return !*end && !errno && (!*ret_negative || *ret <= (uint64_t)INT64_MAX + 1) &&
           (*text != '+' || *ret <= INT64_MAX);
}

/* With a point or an exponent; hexadecimal ones must have the exponent. */
static bool read_float(const char *text, double *ret)
{
    bool hex = strpbrk(text, "xX") != NULL;
    char *end;

    *ret = strtod(text, &end);
    return end != text && !*end && !isinf(*ret) && strpbrk(text, hex ? "pP" : ".eE");
}

/* "0x1E" is an integer, but "-0x1E" is one of Go's floats, for the E in it. */
static bool looks_like_float(const char *text)
{
    return strpbrk(text, ".eEpP") && !(text[0] == '0' && (text[1] | 0x20) == 'x' && !strpbrk(text, "pP"));
}

int dd_parse_number(dd_parser *p, const dd_token *token, dd_operand *into)
{
    char text[64];
    bool negative;
    uint64_t size;
    double real;

    into->kind = DD_OPERAND_CONSTANT;
    if (without_underscores(dd_parser_text(p, token), text, sizeof(text))) {
        if (read_integer(text, &negative, &size)) {
            int64_t integer = negative ? (int64_t)(0 - size) : (int64_t)size;

            if (!negative && size > INT64_MAX)
                into->kind = DD_OPERAND_OVERFLOW;
            else
                into->constant =
                    looks_like_float(text) ? dd_value_float((double)integer) : dd_value_int(integer);
            return 0;
        }
        if (read_float(text, &real)) {
            into->constant = dd_value_float(real);
            return 0;
        }
    }
    if (token->length > 1 && p->into->text[token->at + token->length - 1] == 'i')
        return dd_parser_fail(p, token->at, "imaginary numbers are not there: '%.*s'",
                              token->length > 60 ? 60 : (int)token->length, p->into->text + token->at);
    return dd_parser_fail(p, token->at, "bad number '%.*s'", token->length > 60 ? 60 : (int)token->length,
                          p->into->text + token->at);
}

int dd_parse_character(dd_parser *p, const dd_token *token, dd_value *ret)
{
    dd_text says;
    size_t length = 0;
    uint32_t rune = 0;

    if (dd_template_unquote(p->into->arena, dd_parser_text(p, token), &says) && says.length > 0)
        rune = dd_utf8_decode(says.data, says.length, &length);
    if (length == 0 || length != says.length)
        return dd_parser_fail(p, token->at, "malformed character constant %.*s", (int)token->length,
                              p->into->text + token->at);
    *ret = dd_value_int(rune);
    return 0;
}

int dd_parse_string(dd_parser *p, const dd_token *token, dd_value *ret)
{
    dd_text says;

    if (!dd_template_unquote(p->into->arena, dd_parser_text(p, token), &says))
        return dd_parser_fail(p, token->at, "a bad escape in the string %.*s",
                              token->length > 60 ? 60 : (int)token->length, p->into->text + token->at);
    *ret = dd_value_text(says);
    return 0;
}
