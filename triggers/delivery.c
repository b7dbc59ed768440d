/* Deliveries: headers and bodies as they came, and the ids they are remembered by. */
#include "senders.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *dd_delivery_header(const dd_delivery *delivery, const char *name, bool *twice)
{
    const char *value = NULL;
    *twice = false;
    for (size_t i = 0; i < delivery->header_count; i++) {
        if (strcasecmp(delivery->headers[i].name, name) != 0)
            continue;
        if (value) {
            *twice = true;
            return NULL;
        }
        value = delivery->headers[i].value;
    }
    return value;
}

int dd_delivery_one(const dd_delivery *delivery, const char *name, const char **ret, dd_error **err)
{
    bool twice;
    const char *value = dd_delivery_header(delivery, name, &twice);
    if (twice)
        return dd_fail(err, DD_ERR_INVALID, "the header %s stands twice", name);
    if (!value || !*value)
        return dd_fail(err, DD_ERR_INVALID, "the header %s is not there", name);
    *ret = value;
    return 0;
}

bool dd_delivery_is(const dd_delivery *delivery, const char *media_type)
{
    bool twice;
    const char *value = dd_delivery_header(delivery, "Content-Type", &twice);
    size_t length = strlen(media_type);
    if (!value || strncasecmp(value, media_type, length) != 0)
        return false;
    value += length;
    value += strspn(value, " \t");
    return *value == '\0' || *value == ';';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Percent-decode one form value; '+' is a space. */
static int decode_form(const char *text, size_t length, dd_buf *ret)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '+') {
            dd_buf_add_char(ret, ' ');
        } else if (text[i] != '%') {
            dd_buf_add_char(ret, text[i]);
        } else {
            bool whole = length - i > 2;
            int high = whole ? hex_value(text[i + 1]) : -1;
            int low = high >= 0 ? hex_value(text[i + 2]) : -1;
            if (low < 0)
                return -1;
            dd_buf_add_char(ret, (char)(high * 16 + low));
            i += 2;
        }
    }
    return 0;
}

int dd_form_field(const char *body, size_t length, const char *name, dd_buf **ret, dd_error **err)
{
    const char *value = NULL, *end = body + length;
    size_t value_length = 0, name_length = strlen(name);
    while (body < end) {
        const char *next = memchr(body, '&', (size_t)(end - body));
        size_t pair = (size_t)((next ? next : end) - body);
        if (pair > name_length && memcmp(body, name, name_length) == 0 && body[name_length] == '=') {
            if (value)
                return dd_fail(err, DD_ERR_INVALID, "the form's field '%s' stands twice", name);
            value = body + name_length + 1;
            value_length = pair - name_length - 1;
        }
        body = next ? next + 1 : end;
    }
    if (!value)
        return dd_fail(err, DD_ERR_INVALID, "the form has no field '%s'", name);
    dd_auto(dd_buf) text = dd_buf_new();
    if (decode_form(value, value_length, text) < 0)
        return dd_fail(err, DD_ERR_INVALID, "the form's field '%s' is not well encoded", name);
    *ret = dd_take(text);
    return 0;
}

char *dd_delivery_id(const char *claimed, const dd_delivery *delivery, size_t index)
{
    char digest[DD_SHA256_HEX];
    if (claimed && dd_name_is_valid(claimed))
        return dd_strdup(claimed);
    /* Short enough to be a name; 192 bits are plenty to tell bodies apart. */
    dd_sha256_hex(delivery->body, delivery->body_length, digest);
    return dd_sprintf("body-%.48s-%zu", digest, index % 1000000);
}

bool dd_secret_is_usable(const char *secret)
{
    return secret && secret[strspn(secret, " \t\r\n\v\f")] != '\0';
}
