/* Strings inside templates: quoting as Go's strconv does, runes as UTF-8. */
#include "runner/lang/template_private.h"
#include <stdlib.h>
#include <string.h>

#define RUNE_ERROR 0xFFFDU
#define RUNE_MAX   0x10FFFFU

int dd_template_fail(const char *text, size_t length, size_t at, dd_code code, dd_error **err,
                     const char *format, ...)
{
    va_list args;
    dd_auto_str message = NULL;

    va_start(args, format);
    message = dd_vsprintf(format, args);
    va_end(args);
    return dd_fail_at(err, code, dd_place_of(text, length, at), NULL, "%s", message);
}

size_t dd_utf8_encode(uint32_t rune, char into[4])
{
    if (rune > RUNE_MAX || (rune >= 0xD800 && rune <= 0xDFFF))
        rune = RUNE_ERROR;
    if (rune < 0x80) {
        into[0] = (char)rune;
        return 1;
    }
    if (rune < 0x800) {
        into[0] = (char)(0xC0 | (rune >> 6));
        into[1] = (char)(0x80 | (rune & 0x3F));
        return 2;
    }
    if (rune < 0x10000) {
        into[0] = (char)(0xE0 | (rune >> 12));
        into[1] = (char)(0x80 | ((rune >> 6) & 0x3F));
        into[2] = (char)(0x80 | (rune & 0x3F));
        return 3;
    }
    into[0] = (char)(0xF0 | (rune >> 18));
    into[1] = (char)(0x80 | ((rune >> 12) & 0x3F));
    into[2] = (char)(0x80 | ((rune >> 6) & 0x3F));
    into[3] = (char)(0x80 | (rune & 0x3F));
    return 4;
}

uint32_t dd_utf8_decode(const char *data, size_t length, size_t *ret_length)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)data[0];
    size_t wanted = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    uint32_t rune = wanted == 1 ? first : first & (0xFFU >> (wanted + 1));

    *ret_length = 1;
    if (wanted == 1)
        return rune;
    if (first < 0xC0 || first > 0xF4 || wanted > length)
        return RUNE_ERROR;
    for (size_t i = 1; i < wanted; i++) {
        if (((unsigned char)data[i] & 0xC0) != 0x80)
            return RUNE_ERROR;
        rune = (rune << 6) | ((unsigned char)data[i] & 0x3F);
    }
    if (rune < smallest[wanted] || rune > RUNE_MAX || (rune >= 0xD800 && rune <= 0xDFFF))
        return RUNE_ERROR;
    *ret_length = wanted;
    return rune;
}

/* ---- Unquoting ---- */

typedef struct unquoter {
    const char *at, *end;
    char *into;
    char quote;
} unquoter;

static bool digits(unquoter *u, size_t count, unsigned base, uint32_t *ret)
{
    uint32_t value = 0;

    if ((size_t)(u->end - u->at) < count)
        return false;
    for (size_t i = 0; i < count; i++, u->at++) {
        static const char hex[] = "0123456789abcdef";
        const char *digit = *u->at ? strchr(hex, *u->at | (*u->at >= 'A' ? 0x20 : 0)) : NULL;

        if (!digit || (unsigned)(digit - hex) >= base)
            return false;
        value = value * base + (uint32_t)(digit - hex);
    }
    *ret = value;
    return true;
}

static bool rune_escape(unquoter *u, size_t count)
{
    uint32_t rune;

    if (!digits(u, count, 16, &rune) || rune > RUNE_MAX || (rune >= 0xD800 && rune <= 0xDFFF))
        return false;
    u->into += dd_utf8_encode(rune, u->into);
    return true;
}

static bool byte_escape(unquoter *u, size_t count, unsigned base)
{
    uint32_t value;

    if (!digits(u, count, base, &value) || value > 0xFF)
        return false;
    *u->into++ = (char)value;
    return true;
}

static bool escape(unquoter *u)
{
    static const char names[] = "abfnrtv\\", meanings[] = "\a\b\f\n\r\t\v\\";
    const char *name;
    char c;

    if (u->at == u->end)
        return false;
    c = *u->at++;
    name = c ? strchr(names, c) : NULL;
    if (name || c == u->quote) {
        *u->into++ = name ? meanings[name - names] : c;
        return true;
    }
    switch (c) {
    case 'x':
        return byte_escape(u, 2, 16);
    case 'u':
        return rune_escape(u, 4);
    case 'U':
        return rune_escape(u, 8);
    default:
        u->at--;
        return c >= '0' && c <= '7' && byte_escape(u, 3, 8);
    }
}

bool dd_template_unquote(dd_arena *arena, dd_text quoted, dd_text *ret)
{
    unquoter u = {.at = quoted.data + 1, .end = quoted.data + quoted.length - 1, .quote = quoted.data[0]};
    char *into = dd_arena_alloc(arena, quoted.length + 4);

    u.into = into;
    while (u.at < u.end) {
        if (u.quote == '`' && *u.at == '\r')
            u.at++; /* as in Go's raw strings */
        else if (u.quote == '`' || *u.at != '\\')
            *u.into++ = *u.at++;
        else if (u.at++, !escape(&u))
            return false;
    }
    *ret = (dd_text){into, (size_t)(u.into - into)};
    return true;
}

/* ---- Quoting ---- */

static void add_escaped(dd_buf *into, uint32_t rune, char quote, bool ascii)
{
    static const char *const names[] = {['\a'] = "\\a", ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n",
                                        ['\v'] = "\\v", ['\f'] = "\\f", ['\r'] = "\\r", ['\\'] = "\\\\"};
    char encoded[4];

    if (rune == (unsigned char)quote)
        dd_buf_printf(into, "\\%c", quote);
    else if (rune < DD_COUNT(names) && names[rune])
        dd_buf_add_str(into, names[rune]);
    else if (rune < 0x20 || rune == 0x7F)
        dd_buf_printf(into, "\\x%02x", rune);
    else if ((rune < 0x80 || !ascii) && dd_rune_is_printable(rune))
        dd_buf_add(into, encoded, dd_utf8_encode(rune, encoded));
    else
        dd_buf_printf(into, rune < 0x10000 ? "\\u%04x" : "\\U%08x", rune);
}

void dd_quote_text(dd_buf *into, dd_text text, bool ascii)
{
    dd_buf_add_char(into, '"');
    for (size_t i = 0, length; i < text.length; i += length) {
        uint32_t rune = dd_utf8_decode(text.data + i, text.length - i, &length);

        if (rune == RUNE_ERROR && length == 1)
            dd_buf_printf(into, "\\x%02x", (unsigned char)text.data[i]);
        else
            add_escaped(into, rune, '"', ascii);
    }
    dd_buf_add_char(into, '"');
}

void dd_quote_go(dd_buf *into, dd_text text)
{
    dd_quote_text(into, text, false);
}

void dd_quote_rune(dd_buf *into, uint32_t rune, bool ascii)
{
    if (rune > RUNE_MAX || (rune >= 0xD800 && rune <= 0xDFFF))
        rune = RUNE_ERROR;
    dd_buf_add_char(into, '\'');
    add_escaped(into, rune, '\'', ascii);
    dd_buf_add_char(into, '\'');
}

bool dd_quote_can_be_raw(dd_text text)
{
    for (size_t i = 0, length; i < text.length; i += length) {
        uint32_t rune = dd_utf8_decode(text.data + i, text.length - i, &length);

        if (length > 1 ? rune == 0xFEFF
                       : rune == RUNE_ERROR || rune == '`' || rune == 0x7F || (rune < 0x20 && rune != '\t'))
            return false;
    }
    return true;
}
