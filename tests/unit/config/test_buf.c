/* Bytes and string vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/base/base.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void bytes_always_end_with_a_nul(void **state)
{
    dd_buf buf = {0};
    (void)state;
    for (int i = 0; i < 1000; i++) {
        dd_buf_add_char(&buf, 'x');
        assert_int_equal(buf.data[buf.length], 0);
    }
    dd_buf_printf(&buf, "%s-%d", "y", 7);
    dd_buf_consume(&buf, 999);
    assert_string_equal(buf.data, "xy-7");
    dd_buf_add(&buf, "\0z", 2);
    assert_int_equal(buf.length, 6);
    dd_buf_clear(&buf);
    assert_string_equal(buf.data, "");
    dd_buf_add_str(&buf, NULL);
    dd_auto_str text = dd_buf_steal(&buf);
    assert_string_equal(text, "");
    assert_null(buf.data);
    dd_auto_str again = dd_buf_steal(&buf);
    assert_string_equal(again, "");
    dd_buf_consume(&buf, 0);
    dd_buf_free(NULL);
}

static void a_file_over_the_limit_is_refused_and_one_of_just_the_limit_read(void **state)
{
    char path[] = "/tmp/drydock-buf.XXXXXX";
    dd_auto_fd fd = mkstemp(path);
    dd_auto(dd_buf) buf = NULL;
    dd_auto(dd_error) err = NULL;
    (void)state;
    assert_int_equal(write(fd, "0123456789", 10), 10);
    assert_int_equal(dd_buf_read_file(path, 10, &buf, &err), 0);
    assert_string_equal(buf->data, "0123456789");
    dd_buf_freep(&buf);
    assert_int_equal(dd_buf_read_file(path, 9, &buf, &err), -1);
    assert_int_equal(err->code, DD_ERR_LIMIT);
    assert_null(buf);
    unlink(path);
    assert_int_equal(dd_buf_read_file(path, 9, &buf, &err), -1);
    assert_int_equal(err->code, DD_ERR_NOT_FOUND);
    assert_int_equal(dd_buf_read_file("/", 9, &buf, &err), -1);
    assert_int_equal(err->code, DD_ERR_INTERNAL);
}

static void a_vector_always_ends_with_null(void **state)
{
    static const char *const more[] = {"b", "a", NULL};
    dd_strv strv = {0};
    (void)state;
    dd_strv_add_all(&strv, NULL);
    assert_int_equal(strv.count, 0);
    for (int i = 0; i < 20; i++) {
        dd_strv_addf(&strv, "%02d", 19 - i);
        assert_null(strv.items[strv.count]);
    }
    dd_strv_add_all(&strv, more);
    dd_strv_add_n(&strv, "cde", 1);
    dd_strv_sort(&strv);
    assert_string_equal(strv.items[0], "00");
    assert_string_equal(strv.items[strv.count - 1], "c");
    assert_true(dd_strv_contains(&strv, "07"));
    assert_false(dd_strv_contains(&strv, "7"));
    dd_strv_done(&strv);
    assert_false(dd_strv_contains(&strv, "x"));
    dd_strv_add(&strv, "x");
    dd_strv_add(&strv, "y");
    dd_auto_str joined = dd_strv_join(&strv, ", ");
    assert_string_equal(joined, "x, y");
    dd_strv_done(&strv);
    dd_auto_str empty = dd_strv_join(&strv, ", ");
    assert_string_equal(empty, "");
    dd_strv_free(NULL);
}

static void texts_are_compared_as_their_names_say(void **state)
{
    (void)state;
    assert_true(dd_str_eq(NULL, NULL) && dd_str_eq("a", "a"));
    assert_false(dd_str_eq("a", NULL) || dd_str_eq(NULL, "a") || dd_str_eq("a", "b"));
    assert_true(dd_str_starts("abc", "ab") && dd_str_starts("abc", "") && !dd_str_starts("ab", "abc"));
    assert_true(dd_str_ends("abc", "bc") && dd_str_ends("abc", "") && !dd_str_ends("bc", "abc"));
}

static void the_nearest_name_is_the_one_that_was_meant(void **state)
{
    static const char *const names[] = {"timeout", "retries", "when", "id", NULL};
    static const struct {
        const char *text, *nearest;
    } cases[] = {{"timeuot", "timeout"}, {"Timeout", "timeout"}, {"retrys", "retries"}, {"wen", "when"},
                 {"di", "id"},           {"zzzzzzz", NULL},      {"x", NULL},           {"", NULL}};
    char huge[200];
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        const char *nearest = dd_str_nearest(cases[i].text, names, DD_COUNT(names));
        if (!dd_str_eq(nearest, cases[i].nearest))
            fail_msg("'%s': %s", cases[i].text, nearest ? nearest : "none");
    }
    memset(huge, 'a', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    const char *const one[] = {huge};
    assert_null(dd_str_nearest(huge, names, DD_COUNT(names)));
    assert_null(dd_str_nearest("aaa", one, 1));
}

static void only_whole_decimal_numbers_that_fit_are_numbers(void **state)
{
    static const char *const bad[] = {
        "", "-", "+1", " 1", "1 ", "0x1", "1.0", "9223372036854775808", "1e", "--1", "-9223372036854775809"};
    int64_t number;
    (void)state;
    for (size_t i = 0; i < DD_COUNT(bad); i++)
        assert_false(dd_str_to_int(bad[i], &number));
    assert_true(dd_str_to_int("-9223372036854775808", &number) && number == INT64_MIN);
    assert_true(dd_str_to_int("9223372036854775807", &number) && number == INT64_MAX);
    assert_true(dd_str_to_int("007", &number) && number == 7);
}

static void utf8_is_told_from_what_is_none(void **state)
{
    static const struct {
        const char *text;
        size_t length;
        bool valid;
    } cases[] = {
        {"", 0, true},
        {"plain\0", 6, true},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf", 13, true},
        {"\xc3", 1, false},             /* cut */
        {"\xa9", 1, false},             /* a rest without a beginning */
        {"\xc0\xaf", 2, false},         /* overlong */
        {"\xe0\x80\xaf", 3, false},     /* overlong */
        {"\xed\xa0\x80", 3, false},     /* half a surrogate pair */
        {"\xf4\x90\x80\x80", 4, false}, /* above U+10FFFF */
        {"\xff", 1, false},
        {"\xc3x", 2, false},
    };
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++)
        assert_int_equal(dd_utf8_is_valid(cases[i].text, cases[i].length), cases[i].valid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_told_from_what_is_none),
        cmocka_unit_test(bytes_always_end_with_a_nul),
        cmocka_unit_test(a_file_over_the_limit_is_refused_and_one_of_just_the_limit_read),
        cmocka_unit_test(a_vector_always_ends_with_null),
        cmocka_unit_test(texts_are_compared_as_their_names_say),
        cmocka_unit_test(the_nearest_name_is_the_one_that_was_meant),
        cmocka_unit_test(only_whole_decimal_numbers_that_fit_are_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
