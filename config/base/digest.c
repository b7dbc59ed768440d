/* Hashes, codes and randomness, by OpenSSL. */
#include "digest.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

void dd_sha256(const void *data, size_t length, uint8_t ret[DD_SHA256_BYTES])
{
    dd_assert(EVP_Digest(data, length, ret, NULL, EVP_sha256(), NULL) == 1);
}

void dd_sha256_hex(const void *data, size_t length, char ret[DD_SHA256_HEX])
{
    uint8_t hash[DD_SHA256_BYTES];
    dd_sha256(data, length, hash);
    dd_hex_encode(hash, sizeof(hash), ret);
}

void dd_sha1_hex(const void *data, size_t length, char ret[DD_SHA1_HEX])
{
    uint8_t hash[20];
    dd_assert(EVP_Digest(data, length, hash, NULL, EVP_sha1(), NULL) == 1);
    dd_hex_encode(hash, sizeof(hash), ret);
}

void dd_hmac_sha256(const void *key, size_t key_length, const void *data, size_t length,
                    uint8_t ret[DD_SHA256_BYTES])
{
    dd_assert(key_length <= INT32_MAX);
    dd_assert(HMAC(EVP_sha256(), key, (int)key_length, data, length, ret, NULL) != NULL);
}

void dd_hmac_sha1(const void *key, size_t key_length, const void *data, size_t length,
                  uint8_t ret[DD_SHA1_BYTES])
{
    dd_assert(key_length <= INT32_MAX);
    dd_assert(HMAC(EVP_sha1(), key, (int)key_length, data, length, ret, NULL) != NULL);
}

bool dd_ed25519_verify(const uint8_t key[DD_ED25519_KEY_BYTES], const void *data, size_t length,
                       const uint8_t signature[DD_ED25519_SIGNATURE_BYTES])
{
    EVP_PKEY *public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, DD_ED25519_KEY_BYTES);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = public && context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, public) == 1 &&
                EVP_DigestVerify(context, signature, DD_ED25519_SIGNATURE_BYTES, data, length) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(public);
    ERR_clear_error(); /* a wrong signature leaves some, which a TLS connection would take for its own */
    return good;
}

void dd_hex_encode(const uint8_t *data, size_t length, char *ret)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        ret[2 * i] = digits[data[i] >> 4];
        ret[2 * i + 1] = digits[data[i] & 15];
    }
    ret[2 * length] = '\0';
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool dd_hex_decode(const char *text, uint8_t *ret, size_t length)
{
    if (strnlen(text, 2 * length + 1) != 2 * length)
        return false;
    for (size_t i = 0; i < length; i++) {
        int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

char *dd_base64_encode(const void *data, size_t length)
{
    dd_assert(length <= INT32_MAX / 2);
    char *text = dd_calloc((length + 2) / 3 * 4 + 1, 1);
    EVP_EncodeBlock((unsigned char *)text, data, (int)length);
    return text;
}

static int sextet(char c)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

bool dd_base64_decode(const char *text, size_t length, dd_buf *ret)
{
    unsigned bits = 0, count = 0;
    size_t padding = 0;
    while (length > 0 && padding < 2 && text[length - 1] == '=') {
        length--;
        padding++;
    }
    if (length % 4 == 1 || (padding > 0 && (length + padding) % 4 != 0))
        return false;
    for (size_t i = 0; i < length; i++) {
        int value = sextet(text[i]);
        if (value < 0)
            return false;
        bits = (bits << 6 | (unsigned)value) & 0xffffU;
        count += 6;
        if (count >= 8) {
            count -= 8;
            dd_buf_add_char(ret, (char)(unsigned char)(bits >> count & 0xffU));
        }
    }
    return (bits & ((1U << count) - 1)) == 0; /* one text for one value */
}

bool dd_equal_constant_time(const void *a, size_t a_length, const void *b, size_t b_length)
{
    return a_length == b_length && CRYPTO_memcmp(a, b, a_length) == 0;
}

char *dd_random_hex(size_t bytes)
{
    uint8_t random[256];
    dd_assert(bytes <= sizeof(random) && RAND_bytes(random, (int)bytes) == 1);
    char *text = dd_calloc(2 * bytes + 1, 1);
    dd_hex_encode(random, bytes, text);
    return text;
}
