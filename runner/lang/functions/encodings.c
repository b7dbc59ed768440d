/* Base64, JSON and sums. Sprig 2.22, its behaviour. */
#include "runner/lang/functions/functions.h"
#include <string.h>

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

/* Sprig answers with the decoder's message where the text is no base64. */
static int illegal_base64(dd_evaluation *e, size_t at, dd_value *ret)
{
    dd_buf text = {0};

    dd_buf_printf(&text, "illegal base64 data at input byte %zu", at);
    return dd_give_buf(e, &text, ret);
}

CALL(b64dec)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    dd_text text = arguments[0].text;
    char *into = dd_arena_alloc(dd_evaluation_arena(e), text.length + 1);
    size_t length = 0, digits = 0, padding = 0;
    uint32_t bits = 0;

    for (size_t i = 0; i < text.length; i++) {
        const char *digit = text.data[i] ? strchr(alphabet, text.data[i]) : NULL;

        if (text.data[i] == '\n' || text.data[i] == '\r')
            continue;
        if (text.data[i] == '=' && digits % 4 >= 2 && digits % 4 + padding < 4) {
            padding++;
            continue;
        }
        if (!digit || padding)
            return illegal_base64(e, i, ret);
        bits = (bits << 6) | (uint32_t)(digit - alphabet);
        if (++digits % 4 != 1)
            into[length++] = (char)(bits >> (digits % 4 == 2 ? 4 : digits % 4 == 3 ? 2 : 0));
    }
    if ((digits + padding) % 4)
        return illegal_base64(e, text.length, ret);
    return dd_give_text(into, length, ret);
}

CALL(toJson)
{
    dd_buf into = {0};

    dd_value_json(&into, &arguments[0], false);
    return dd_give_buf(e, &into, ret);
}

CALL(sha256sum)
{
    char hex[DD_SHA256_HEX];

    dd_sha256_hex(arguments[0].text.data, arguments[0].text.length, hex);
    *ret = dd_value_string(dd_evaluation_arena(e), hex, strlen(hex));
    return 0;
}

static const dd_function rows[] = {
    {"b64enc", "a", call_b64enc},
    {"b64dec", "s", call_b64dec},
    {"toJson", "a", call_toJson},
    {"sha256sum", "s", call_sha256sum},
};
const dd_function_family dd_functions_encodings = DD_FAMILY("encodings", rows);
