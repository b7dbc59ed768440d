/* Hashes, codes and randomness, by OpenSSL. */
#ifndef DD_BASE_DIGEST_H
#define DD_BASE_DIGEST_H

#include "buf.h"

#define DD_SHA256_BYTES 32
#define DD_SHA256_HEX   65 /* with the NUL */
#define DD_SHA1_HEX     41

void dd_sha256(const void *data, size_t length, uint8_t ret[DD_SHA256_BYTES]);
void dd_sha256_hex(const void *data, size_t length, char ret[DD_SHA256_HEX]);
void dd_sha1_hex(const void *data, size_t length, char ret[DD_SHA1_HEX]);
void dd_hmac_sha256(const void *key, size_t key_length, const void *data, size_t length,
                    uint8_t ret[DD_SHA256_BYTES]);
#define DD_SHA1_BYTES 20
/* Still sound as a code; for senders that know no other. */
void dd_hmac_sha1(const void *key, size_t key_length, const void *data, size_t length,
                  uint8_t ret[DD_SHA1_BYTES]);
#define DD_ED25519_KEY_BYTES       32
#define DD_ED25519_SIGNATURE_BYTES 64
/* Whether the signature is that of these bytes by the owner of the public key. */
bool dd_ed25519_verify(const uint8_t key[DD_ED25519_KEY_BYTES], const void *data, size_t length,
                       const uint8_t signature[DD_ED25519_SIGNATURE_BYTES]);
void dd_hex_encode(const uint8_t *data, size_t length, char *ret); /* 2*length+1 bytes */
/* Strict lower-case hex of exactly 2*length digits, NUL-terminated. */
bool dd_hex_decode(const char *text, uint8_t *ret, size_t length);
/* Standard alphabet with padding; owned text. */
char *dd_base64_encode(const void *data, size_t length);
/* The bytes of such a text, appended to *ret; the padding may be left out. False when it is none. */
bool dd_base64_decode(const char *text, size_t length, dd_buf *ret);
/* Equality in time that depends on the lengths only. */
bool dd_equal_constant_time(const void *a, size_t a_length, const void *b, size_t b_length);
/* `bytes` random bytes as hex; owned text. */
char *dd_random_hex(size_t bytes);

#endif
