/* RE2's runes and escapes, and its errors in Go's words: what a pattern's parts have in common. */
#include "runner/lang/re2_private.h"
#include "runner/lang/template_private.h"
#include <string.h>

int dd_re2_fail(dd_re2_parser *p, const char *what, const char *from, const char *to)
{
    return dd_fail(p->err, DD_ERR_INVALID, "error parsing regexp: %s: `%.*s`", what, (int)(to - from), from);
}

int dd_re2_take_rune(dd_re2_parser *p, uint32_t *ret)
{
    size_t length;

    *ret = dd_utf8_decode(p->at, (size_t)(p->end - p->at), &length);
    if (length == 1 && (unsigned char)*p->at >= 0x80)
        return dd_fail(p->err, DD_ERR_INVALID, "error parsing regexp: invalid UTF-8");
    p->at += length;
    return 0;
}

static int hex_value(uint32_t c)
{
    return c >= '0' && c <= '9'   ? (int)(c - '0')
           : c >= 'a' && c <= 'f' ? (int)(c - 'a') + 10
           : c >= 'A' && c <= 'F' ? (int)(c - 'A') + 10
                                  : -1;
}

/* Any number of digits up to '}'. */
static bool take_braced_hex(dd_re2_parser *p, uint32_t *ret)
{
    *ret = 0;
    for (size_t digits = 0; p->at < p->end; digits++) {
        uint32_t c = 0;

        if (dd_re2_take_rune(p, &c) < 0)
            return false;
        if (c == '}')
            return digits > 0;
        if (hex_value(c) < 0)
            return false;
        *ret = *ret * 16 + (uint32_t)hex_value(c);
        if (*ret > DD_RE2_LAST_RUNE)
            return false;
    }
    return false;
}

/* Behind "\x": two digits, or any number of them in braces. Where it is wrong, `at` is behind what was read.
 */
static bool take_hex(dd_re2_parser *p, uint32_t *ret)
{
    uint32_t first = 0, second = 0;

    if (p->at == p->end || dd_re2_take_rune(p, &first) < 0)
        return false;
    if (first == '{')
        return take_braced_hex(p, ret);
    if (p->at == p->end || dd_re2_take_rune(p, &second) < 0)
        return false;
    *ret = (uint32_t)(hex_value(first) * 16 + hex_value(second));
    return hex_value(first) >= 0 && hex_value(second) >= 0;
}

static uint32_t take_octal(dd_re2_parser *p)
{
    uint32_t value = 0;

    for (int digits = 0; digits < 3 && p->at < p->end && *p->at >= '0' && *p->at <= '7'; digits++)
        value = value * 8 + (uint32_t)(*p->at++ - '0');
    return value;
}

bool dd_re2_is_alphanumeric(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

int dd_re2_take_escape(dd_re2_parser *p, uint32_t *ret)
{
    static const char named[] = "afnrtv", meant[] = "\a\f\n\r\t\v";
    const char *start = p->at++, *digit = p->at, *found;

    *ret = 0;
    if (p->at == p->end)
        return dd_fail(p->err, DD_ERR_INVALID,
                       "error parsing regexp: trailing backslash at end of expression: ``");
    if (dd_re2_take_rune(p, ret) < 0)
        return -1;
    if (*ret < 0x80 && !dd_re2_is_alphanumeric(*ret))
        return 0;
    if (*ret == '0' || (*ret >= '1' && *ret <= '7' && p->at < p->end && *p->at >= '0' && *p->at <= '7')) {
        p->at = digit;
        *ret = take_octal(p);
        return 0;
    }
    if (*ret == 'x' && take_hex(p, ret))
        return 0;
    found = *digit != 'x' && *ret < 0x80 ? strchr(named, (int)*ret) : NULL;
    if (found) {
        *ret = (unsigned char)meant[found - named];
        return 0;
    }
    return dd_re2_fail(p, "invalid escape sequence", start, p->at);
}
