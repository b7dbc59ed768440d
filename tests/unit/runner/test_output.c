/* Output becomes lines that a terminal, a page and a log can take, and secrets stay out of them. */
#include "runner/output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define BAD "\xEF\xBF\xBD"

static void take(void *context, const char *text, size_t length)
{
    assert_true(length <= DD_LINE_MAX_BYTES);
    dd_strv_add_n(context, text, length);
}

/* The lines of `text`, fed `piece` bytes at a time, joined by '|'. */
static char *lines_of(const dd_secrets *secrets, const char *text, size_t length, size_t piece)
{
    dd_strv lines = {0};
    dd_output *output = dd_output_new(secrets, take, &lines);
    char *ret;

    for (size_t at = 0; at < length; at += piece)
        dd_output_feed(output, text + at, length - at < piece ? length - at : piece);
    dd_output_end(output);
    ret = dd_strv_join(&lines, "|");
    dd_strv_done(&lines);
    dd_output_free(output);
    return ret;
}

static void assert_lines(const dd_secrets *secrets, const char *text, const char *expected)
{
    for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
        dd_auto_str lines = lines_of(secrets, text, strlen(text), piece);
        assert_string_equal(lines, expected);
    }
}

static void text_is_split_at_every_kind_of_line_end(void **state)
{
    (void)state;
    assert_lines(NULL, "a\nb\n", "a|b");
    assert_lines(NULL, "a\r\nb\r\n", "a|b");
    assert_lines(NULL, "10%\r20%\rdone\n", "10%|20%|done");
    assert_lines(NULL, "a\n\nb", "a||b");
    assert_lines(NULL, "a\r\n\r\nb\r\r\n", "a||b");
    assert_lines(NULL, "", "");
    assert_lines(NULL, "no end", "no end");
}

static void terminal_sequences_do_nothing(void **state)
{
    (void)state;
    assert_lines(NULL, "\x1b[31mred\x1b[0m\n", "red");
    assert_lines(NULL, "\x1b]0;title\x07text\n", "text");
    assert_lines(NULL, "\x1b]52;c;ZXZpbA==\x1b\\text\n", "text");
    assert_lines(NULL, "\x1b]8;;http://evil/\x1b\\link\x1b]8;;\x1b\\\n", "link");
    assert_lines(NULL,
                 "\x1bPdevice\x1b\\x\x1b(By\x1b"
                 "7z\n",
                 "xyz");
    assert_lines(NULL, "\x1b]never closed\nnext\n", "|next");
    assert_lines(NULL,
                 "a\tb\x07"
                 "c\x08"
                 "d\x7f\n",
                 "a\tb" BAD "c" BAD "d" BAD);
}

static void what_is_no_utf8_is_replaced(void **state)
{
    (void)state;
    assert_lines(NULL, "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x9A\xA2\n",
                 "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x9A\xA2");
    assert_lines(NULL, "\xFF\xC3(\n", BAD BAD "(");
    assert_lines(NULL, "\xC0\x80\n", BAD BAD);     /* overlong */
    assert_lines(NULL, "\xE0\x80\x80\n", BAD);     /* overlong */
    assert_lines(NULL, "\xED\xA0\x80\n", BAD);     /* a surrogate */
    assert_lines(NULL, "\xF4\x90\x80\x80\n", BAD); /* above U+10FFFF */
    assert_lines(NULL, "cut \xE2\x82\n", "cut " BAD);
    assert_lines(NULL,
                 "\xC2\x9B"
                 "31m\n",
                 BAD "31m"); /* C1 CSI */
    assert_lines(NULL,
                 "\xE2\x80\xAE"
                 "gpj.exe\n",
                 BAD "gpj.exe"); /* direction override */
}

static void a_long_line_is_cut_and_nothing_of_it_is_lost(void **state)
{
    size_t length = 3 * DD_LINE_MAX_BYTES + 17;
    char *text = malloc(length + 1), *at;
    dd_auto_str lines = NULL;

    (void)state;
    for (size_t i = 0; i < length; i++)
        text[i] = (char)('a' + i % 26);
    text[length] = '\0';
    lines = lines_of(NULL, text, length, 1000);
    for (at = lines; (at = strchr(at, '|'));)
        memmove(at, at + 1, strlen(at));
    assert_string_equal(lines, text);
    free(text);
}

static void a_nul_byte_is_replaced(void **state)
{
    dd_auto_str lines = lines_of(NULL, "a\0b\n", 4, 4);

    (void)state;
    assert_string_equal(lines, "a" BAD "b");
}

static void secrets_are_masked_however_they_come(void **state)
{
    dd_auto(dd_secrets) secrets = dd_secrets_new();

    (void)state;
    dd_secrets_add(secrets, "pa55 w0rd/long");
    dd_secrets_add(secrets, "abc"); /* too short: would blank half of the log */
    dd_secrets_add(secrets, NULL);
    assert_lines(secrets, "x pa55 w0rd/long y\n", "x *** y");
    assert_lines(secrets, "pa55 w0rd/longpa55 w0rd/long", "******");
    assert_lines(secrets, "pa55 \x1b[1mw0rd/long\n", "***");
    assert_lines(secrets, "https://u:pa55%20w0rd%2Flong@host\n", "https://u:***@host");
    assert_lines(secrets, "https://u:pa55%20w0rd%2flong@host\n", "https://u:***@host");
    assert_lines(secrets, "abc pa55 w0rd\n", "abc pa55 w0rd");
}

static void secrets_are_masked_in_base64_at_every_alignment(void **state)
{
    static const char secret[] = "pa55w0rd-of-registry";

    (void)state;
    for (size_t before = 0; before < 6; before++)
        for (size_t after = 0; after < 4; after++) {
            dd_auto(dd_secrets) secrets = dd_secrets_new();
            dd_auto_str plain =
                dd_sprintf("%.*s%s%.*s", (int)before, "user:::", secret, (int)after, "\n\n\n\n");
            dd_auto_str encoded = dd_base64_encode(plain, strlen(plain));
            dd_auto_str shown = NULL;
            dd_secrets_add(secrets, secret);
            shown = dd_secrets_mask(secrets, encoded);
            assert_non_null(strstr(shown, "***"));
            assert_true(strlen(shown) <= 3 + 8 + 8);
        }
}

static void each_line_of_a_secret_is_one(void **state)
{
    dd_auto(dd_secrets) secrets = dd_secrets_new();

    (void)state;
    dd_secrets_add(secrets, "-----BEGIN\nMIIEvQIBADAN\n-----END\n");
    assert_lines(secrets, "MIIEvQIBADAN\n", "***");
}

static void a_flush_shows_a_partial_line_but_not_half_a_secret(void **state)
{
    dd_auto(dd_secrets) secrets = dd_secrets_new();
    dd_strv lines = {0};
    dd_output *output;

    (void)state;
    dd_secrets_add(secrets, "s3cr3t-token");
    output = dd_output_new(secrets, take, &lines);
    dd_output_feed(output, "Password: s3cr", 14);
    assert_true(dd_output_is_partial(output));
    dd_output_flush(output);
    assert_int_equal(lines.count, 1);
    assert_string_equal(lines.items[0], "Password: ");
    dd_output_flush(output);
    assert_int_equal(lines.count, 1);
    dd_output_feed(output, "3t-token!\n", 10);
    assert_int_equal(lines.count, 2);
    assert_string_equal(lines.items[1], "***!");
    /* The end of a line that was shown already is no empty line. */
    dd_output_feed(output, "a", 1);
    dd_output_flush(output);
    dd_output_feed(output, "\n", 1);
    assert_int_equal(lines.count, 3);
    dd_output_free(output);
    dd_strv_done(&lines);
}

static void a_secret_across_the_cut_of_a_long_line_is_masked(void **state)
{
    static const char secret[] = "s3cr3t-token-0123456789";
    dd_auto(dd_secrets) secrets = dd_secrets_new();
    char *text = malloc(2 * DD_LINE_MAX_BYTES);

    (void)state;
    dd_secrets_add(secrets, secret);
    for (size_t before = DD_LINE_MAX_BYTES - 2 * strlen(secret); before < DD_LINE_MAX_BYTES + 2; before++) {
        dd_auto_str lines = NULL;
        memset(text, '.', before);
        memcpy(text + before, secret, strlen(secret));
        lines = lines_of(secrets, text, before + strlen(secret), 500);
        assert_null(strstr(lines, "s3cr3t"));
        assert_non_null(strstr(lines, "***"));
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_split_at_every_kind_of_line_end),
        cmocka_unit_test(terminal_sequences_do_nothing),
        cmocka_unit_test(what_is_no_utf8_is_replaced),
        cmocka_unit_test(a_long_line_is_cut_and_nothing_of_it_is_lost),
        cmocka_unit_test(a_nul_byte_is_replaced),
        cmocka_unit_test(secrets_are_masked_however_they_come),
        cmocka_unit_test(secrets_are_masked_in_base64_at_every_alignment),
        cmocka_unit_test(each_line_of_a_secret_is_one),
        cmocka_unit_test(a_flush_shows_a_partial_line_but_not_half_a_secret),
        cmocka_unit_test(a_secret_across_the_cut_of_a_long_line_is_masked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
