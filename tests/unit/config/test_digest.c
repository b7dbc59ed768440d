/* Hashes and codes, by the vectors of their standards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/base/base.h"
#include <stdlib.h>
#include <string.h>

static void hashes_are_those_of_the_standards(void **state)
{
    char hex[DD_SHA256_HEX], sha1[DD_SHA1_HEX];
    (void)state;
    dd_sha256_hex("abc", 3, hex); /* FIPS 180-2 */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    dd_sha256_hex(NULL, 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    dd_sha1_hex("abc", 3, sha1);
    assert_string_equal(sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

static void hmacs_are_those_of_rfc_4231(void **state)
{
    uint8_t mac[DD_SHA256_BYTES], key[131];
    char hex[DD_SHA256_HEX];
    (void)state;
    dd_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, mac);
    dd_hex_encode(mac, sizeof(mac), hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    dd_hmac_sha256(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54, mac);
    dd_hex_encode(mac, sizeof(mac), hex);
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    dd_hmac_sha256("", 0, "", 0, mac);
    dd_hex_encode(mac, sizeof(mac), hex);
    assert_string_equal(hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    dd_hmac_sha1("Jefe", 4, "what do ya want for nothing?", 28, mac); /* RFC 2202 */
    dd_hex_encode(mac, DD_SHA1_BYTES, hex);
    assert_string_equal(hex, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

static void hex_is_read_strictly(void **state)
{
    uint8_t bytes[2];
    (void)state;
    assert_true(dd_hex_decode("0aff", bytes, 2));
    assert_int_equal(bytes[0], 0x0a);
    assert_int_equal(bytes[1], 0xff);
    assert_true(dd_hex_decode("", bytes, 0));
    static const char *const bad[] = {"", "0af", "0aff0", "0aFF", "0ag0", " aff", "0a f"};
    for (size_t i = 0; i < DD_COUNT(bad); i++)
        assert_false(dd_hex_decode(bad[i], bytes, 2));
}

static void base64_is_that_of_rfc_4648(void **state)
{
    static const char *const vectors[][2] = {{"", ""},
                                             {"f", "Zg=="},
                                             {"fo", "Zm8="},
                                             {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="},
                                             {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"}};
    (void)state;
    for (size_t i = 0; i < DD_COUNT(vectors); i++) {
        dd_auto_str text = dd_base64_encode(vectors[i][0], strlen(vectors[i][0]));
        assert_string_equal(text, vectors[i][1]);
    }
}

static void equality_needs_equal_lengths(void **state)
{
    (void)state;
    assert_true(dd_equal_constant_time("ab", 2, "ab", 2));
    assert_false(dd_equal_constant_time("ab", 2, "abc", 3));
    assert_false(dd_equal_constant_time("ab", 2, "ac", 2));
    assert_true(dd_equal_constant_time("", 0, "", 0));
}

static void random_texts_differ(void **state)
{
    dd_auto_str one = dd_random_hex(16);
    dd_auto_str two = dd_random_hex(16);
    (void)state;
    assert_int_equal(strlen(one), 32);
    assert_string_not_equal(one, two);
}

static void base64_is_read_back_and_nothing_else_is(void **state)
{
    static const char *const wrong[] = {"Z",    "Zg=",    "Zg===", "Zg==Zg==", "Zm9=v",
                                        "Zh==", "Zm9v\n", "Zm9-",  "=",        "Zm 9"};
    (void)state;
    for (size_t length = 0; length < 70; length++) {
        uint8_t bytes[70];
        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)(i * 37 + length * 101);
        dd_auto(dd_buf) back = dd_buf_new();
        dd_auto_str text = dd_base64_encode(bytes, length);
        assert_true(dd_base64_decode(text, strlen(text), back));
        assert_int_equal(back->length, length);
        assert_memory_equal(back->data, bytes, length);
        dd_buf_clear(back);
        assert_true(dd_base64_decode(text, strcspn(text, "="), back)); /* without its padding */
        assert_int_equal(back->length, length);
    }
    for (size_t i = 0; i < DD_COUNT(wrong); i++) {
        dd_auto(dd_buf) back = dd_buf_new();
        assert_false(dd_base64_decode(wrong[i], strlen(wrong[i]), back));
    }
}

/* RFC 8032, section 7.1, test 2. */
static void an_ed25519_signature_is_that_of_its_key_and_bytes(void **state)
{
    uint8_t key[DD_ED25519_KEY_BYTES], signature[DD_ED25519_SIGNATURE_BYTES], byte = 0x72;
    (void)state;
    assert_true(
        dd_hex_decode("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", key, sizeof(key)));
    assert_true(dd_hex_decode("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                              "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
                              signature, sizeof(signature)));
    assert_true(dd_ed25519_verify(key, &byte, 1, signature));
    assert_false(dd_ed25519_verify(key, &byte, 0, signature));
    signature[40] ^= 1;
    assert_false(dd_ed25519_verify(key, &byte, 1, signature));
    signature[40] ^= 1;
    key[3] ^= 1;
    assert_false(dd_ed25519_verify(key, &byte, 1, signature));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_those_of_the_standards),
        cmocka_unit_test(hmacs_are_those_of_rfc_4231),
        cmocka_unit_test(hex_is_read_strictly),
        cmocka_unit_test(base64_is_that_of_rfc_4648),
        cmocka_unit_test(base64_is_read_back_and_nothing_else_is),
        cmocka_unit_test(an_ed25519_signature_is_that_of_its_key_and_bytes),
        cmocka_unit_test(equality_needs_equal_lengths),
        cmocka_unit_test(random_texts_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
