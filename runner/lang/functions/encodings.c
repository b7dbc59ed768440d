/* Base64, base32 and sums. Sprig 2.22, its behaviour. */
#include "runner/lang/functions/functions.h"
#include <string.h>

/* Sprig answers with the decoder's message where the text is none. */
static int illegal(dd_evaluation *e, const char *encoding, size_t at, dd_value *ret)
{
    dd_buf text = {0};

    dd_buf_printf(&text, "illegal %s data at input byte %zu", encoding, at);
    return dd_give_buf(e, &text, ret);
}

/* ---- Base64 ---- */

/* The reference's own: nothing for what is missing, and Go's "<int Value>" for what is no string. */
CALL(b64enc)
{
    const dd_value *value = &arguments[0];
    dd_auto_str shown = NULL;
    dd_auto_str encoded = NULL;

    if (value->kind == DD_VALUE_NIL)
        return dd_give_text("", 0, ret);
    shown = value->kind == DD_VALUE_STRING ? dd_strndup("", 0)
                                           : dd_sprintf("<%s Value>", dd_value_type_name(value));
    encoded = value->kind == DD_VALUE_STRING ? dd_base64_encode(value->text.data, value->text.length)
                                             : dd_base64_encode(shown, strlen(shown));
    *ret = dd_value_string(dd_evaluation_arena(e), encoded, strlen(encoded));
    return 0;
}

static size_t behind_newlines(dd_text text, size_t at)
{
    while (at < text.length && (text.data[at] == '\n' || text.data[at] == '\r'))
        at++;
    return at;
}

/* Where what begins with the '=' at `at`, behind `digits` of a group, is wrong, or SIZE_MAX. */
static size_t wrong_padding64(dd_text text, size_t at, size_t digits)
{
    if (digits < 2)
        return at;
    at = behind_newlines(text, at + 1);
    if (digits == 2 && at == text.length)
        return at;
    if (digits == 2 && text.data[at] != '=')
        return at - 1;
    if (digits == 2)
        at = behind_newlines(text, at + 1);
    return at < text.length ? at : SIZE_MAX;
}

/* Returns where the text is wrong, or SIZE_MAX. Newlines are passed over. */
static size_t decode64(dd_text text, dd_buf *into)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t digits = 0;
    uint32_t bits = 0;

    for (size_t at = behind_newlines(text, 0); at < text.length; at = behind_newlines(text, at + 1)) {
        const char *digit = text.data[at] ? strchr(alphabet, text.data[at]) : NULL;

        if (text.data[at] == '=')
            return wrong_padding64(text, at, digits);
        if (!digit)
            return at;
        bits = bits << 6 | (uint32_t)(digit - alphabet);
        digits = (digits + 1) % 4;
        if (digits != 1)
            dd_buf_add_char(into, (char)(bits >> (digits == 2 ? 4 : digits == 3 ? 2 : 0)));
    }
    return digits ? text.length - digits : SIZE_MAX;
}

static int give_decoded(dd_evaluation *e, const char *encoding, size_t wrong, dd_buf *decoded, dd_value *ret)
{
    if (wrong == SIZE_MAX)
        return dd_give_buf(e, decoded, ret);
    dd_buf_done(decoded);
    return illegal(e, encoding, wrong, ret);
}

CALL(b64dec)
{
    dd_buf into = {0};
    size_t wrong = decode64(arguments[0].text, &into);

    return give_decoded(e, "base64", wrong, &into, ret);
}

/* ---- Base32 ---- */

static const char alphabet32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

CALL(b32enc)
{
    dd_text text = arguments[0].text;
    dd_buf into = {0};

    for (size_t i = 0; i < text.length; i += 5) {
        size_t have = text.length - i < 5 ? text.length - i : 5, digits = (have * 8 + 4) / 5;
        uint64_t bits = 0;

        for (size_t k = 0; k < 5; k++)
            bits = bits << 8 | (k < have ? (unsigned char)text.data[i + k] : 0);
        for (size_t k = 0; k < 8; k++)
            dd_buf_add_char(&into, k < digits ? alphabet32[bits >> (35 - 5 * k) & 31] : '=');
    }
    return dd_give_buf(e, &into, ret);
}

/* Where the padding from `at` on, behind `digits` of a group, is wrong; the text's length when it is right.
 */
static size_t wrong_padding(const dd_buf *text, size_t at, size_t digits)
{
    size_t behind = text->length - at - 1, wanted = 8 - 1 - digits;

    if (behind < wanted)
        return text->length + 1; /* Go's word for too little: at the end */
    for (size_t k = 0; k < wanted; k++)
        if (text->data[at + 1 + k] != '=')
            return at + k;
    return digits == 1 || digits == 3 || digits == 6 ? at : text->length;
}

/* Returns where the text is wrong, or SIZE_MAX. What stands behind a padded group is not looked at. */
static size_t decode32(const dd_buf *text, dd_buf *into)
{
    uint64_t bits = 0;
    size_t digits = 0;

    for (size_t at = 0; at < text->length; at++) {
        char c = text->data[at];
        const char *digit = c ? strchr(alphabet32, c) : NULL;

        if (c == '=' && digits >= 2 && text->length - at - 1 < 8) {
            size_t wrong = wrong_padding(text, at, digits);

            if (wrong != text->length)
                return wrong > text->length ? text->length : wrong;
            for (size_t i = 0; i < digits * 5 / 8; i++)
                dd_buf_add_char(into, (char)(bits >> (digits * 5 - 8 * (i + 1))));
            return SIZE_MAX;
        }
        if (!digit)
            return at;
        bits = bits << 5 | (uint64_t)(digit - alphabet32);
        if (++digits < 8)
            continue;
        for (size_t i = 0; i < 5; i++)
            dd_buf_add_char(into, (char)(bits >> (32 - 8 * i)));
        bits = digits = 0;
    }
    return digits ? text->length - digits : SIZE_MAX;
}

CALL(b32dec)
{
    dd_text from = arguments[0].text;
    dd_buf text = {0}, into = {0};
    size_t wrong;

    for (size_t i = 0; i < from.length; i++)
        if (from.data[i] != '\r' && from.data[i] != '\n')
            dd_buf_add_char(&text, from.data[i]);
    wrong = decode32(&text, &into);
    dd_buf_done(&text);
    return give_decoded(e, "base32", wrong, &into, ret);
}

/* ---- Sums ---- */

static int give_hex(dd_evaluation *e, const char *hex, dd_value *ret)
{
    *ret = dd_value_string(dd_evaluation_arena(e), hex, strlen(hex));
    return 0;
}

CALL(sha1sum)
{
    char hex[DD_SHA1_HEX];

    if (dd_text_charge(e, arguments[0].text.length / 4) < 0)
        return -1;
    dd_sha1_hex(arguments[0].text.data, arguments[0].text.length, hex);
    return give_hex(e, hex, ret);
}

CALL(sha256sum)
{
    char hex[DD_SHA256_HEX];

    if (dd_text_charge(e, arguments[0].text.length / 4) < 0)
        return -1;
    dd_sha256_hex(arguments[0].text.data, arguments[0].text.length, hex);
    return give_hex(e, hex, ret);
}

CALL(adler32sum)
{
    dd_text text = arguments[0].text;
    uint32_t a = 1, b = 0;
    dd_buf into = {0};

    if (dd_text_charge(e, text.length / 4) < 0)
        return -1;
    for (size_t i = 0; i < text.length; i++) {
        a = (a + (unsigned char)text.data[i]) % 65521;
        b = (b + a) % 65521;
    }
    dd_buf_printf(&into, "%u", b << 16 | a);
    return dd_give_buf(e, &into, ret);
}

static const dd_function rows[] = {
    {"b64enc", "a", call_b64enc},         {"b64dec", "s", call_b64dec},   {"b32enc", "s", call_b32enc},
    {"b32dec", "s", call_b32dec},         {"sha1sum", "s", call_sha1sum}, {"sha256sum", "s", call_sha256sum},
    {"adler32sum", "s", call_adler32sum},
};
const dd_function_family dd_functions_encodings = DD_FAMILY("encodings", rows);
