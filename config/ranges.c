/* Address ranges, by inet_pton's forms. */
#include "ranges.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MAX 16

typedef struct address {
    int family;
    uint8_t bytes[BYTES_MAX];
    unsigned bits; /* of its family */
} address;

static bool read_address(const char *text, address *ret)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    *ret = (address){.family = AF_INET, .bits = 32};
    if (inet_pton(AF_INET, text, ret->bytes) == 1)
        return true;
    if (inet_pton(AF_INET6, text, ret->bytes) != 1)
        return false;
    ret->family = AF_INET6;
    ret->bits = 128;
    if (memcmp(ret->bytes, mapped, sizeof(mapped)) == 0) {
        *ret = (address){.family = AF_INET,
                         .bits = 32,
                         .bytes = {ret->bytes[12], ret->bytes[13], ret->bytes[14], ret->bytes[15]}};
    }
    return true;
}

static char *write_address(const address *a)
{
    char text[INET6_ADDRSTRLEN];
    inet_ntop(a->family, a->bytes, text, sizeof(text));
    return dd_strdup(text);
}

char *dd_address_normalise(const char *text)
{
    address a;
    return read_address(text, &a) ? write_address(&a) : NULL;
}

static bool read_range(const char *text, address *ret, unsigned *ret_bits)
{
    const char *slash = strchr(text, '/');
    int64_t bits;
    dd_auto_str host = dd_strndup(text, slash ? (size_t)(slash - text) : strlen(text));
    if (!read_address(host, ret))
        return false;
    *ret_bits = ret->bits;
    if (!slash)
        return true;
    if (!dd_str_to_int(slash + 1, &bits) || bits < 0 || bits > ret->bits)
        return false;
    *ret_bits = (unsigned)bits;
    return true;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

char *dd_range_normalise(const char *text)
{
    address a;
    unsigned bits;
    if (!read_range(text, &a, &bits))
        return NULL;
    /* 10.1.2.3/8 is a slip of somebody's, and which way is not to be guessed. */
    for (unsigned bit = bits; bit < a.bits; bit++)
        if (a.bytes[bit / 8] & (0x80U >> bit % 8))
            return NULL;
    dd_auto_str host = write_address(&a);
    return dd_sprintf("%s/%u", host, bits);
}

bool dd_ranges_have(const dd_strv *ranges, const char *text)
{
    address a, range;
    unsigned bits;
    if (!read_address(text, &a))
        return false;
    for (size_t i = 0; i < ranges->count; i++)
        if (read_range(ranges->items[i], &range, &bits) && range.family == a.family &&
            same_bits(range.bytes, a.bytes, bits))
            return true;
    return false;
}
