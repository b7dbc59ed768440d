/* Times as texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/base/base.h"
#include <stdlib.h>
#include <string.h>

static void a_time_reads_back_as_it_was_written(void **state)
{
    static const int64_t times[] = {0, 1, 999, 1000, 1795515790123, -1, -62135596800000, 253402300799999};
    char text[DD_TIME_TEXT];
    (void)state;
    for (size_t i = 0; i < DD_COUNT(times); i++) {
        int64_t back;
        assert_true(dd_time_parse(dd_time_format(times[i], text), &back));
        assert_int_equal(back, times[i]);
    }
    assert_string_equal(dd_time_format(1000, text), "1970-01-01T00:00:01.000Z");
    assert_string_equal(dd_time_format(INT64_MAX, text), "-");
    assert_string_equal(dd_time_format(INT64_MIN, text), "-");
}

static void offsets_and_fractions_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {{"1970-01-01T00:00:00Z", 0},
                 {"1970-01-01t00:00:00z", 0},
                 {"1970-01-01 00:00:00.5Z", 500},
                 {"1970-01-01T00:00:00.1239999Z", 123},
                 {"1970-01-01T01:00:00+01:00", 0},
                 {"1969-12-31T18:30:00-05:30", 0},
                 {"2024-02-29T00:00:00Z", 1709164800000},
                 {"2000-02-29T00:00:00Z", 951782400000},
                 {"2016-12-31T23:59:60Z", 1483228800000}};
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        int64_t ms;
        if (!dd_time_parse(cases[i].text, &ms) || ms != cases[i].ms)
            fail_msg("%s", cases[i].text);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "1970",
                                      "1970-01-01",
                                      "1970-01-01T00:00:00",
                                      "1970-13-01T00:00:00Z",
                                      "1970-00-01T00:00:00Z",
                                      "1970-01-00T00:00:00Z",
                                      "1970-01-32T00:00:00Z",
                                      "2023-02-29T00:00:00Z",
                                      "1900-02-29T00:00:00Z",
                                      "2024-04-31T00:00:00Z",
                                      "1970-01-01T24:00:00Z",
                                      "1970-01-01T00:60:00Z",
                                      "1970-01-01T00:00:61Z",
                                      "1970-01-01T00:00:00.Z",
                                      "1970-01-01T00:00:00ZZ",
                                      "1970-01-01T00:00:00+0100",
                                      "1970-01-01T00:00:00+24:00",
                                      "1970-01-01T00:00:00+01:60",
                                      "1970-01-01T00:00:00 Z",
                                      "+970-01-01T00:00:00Z"};
    int64_t ms;
    (void)state;
    for (size_t i = 0; i < DD_COUNT(bad); i++)
        if (dd_time_parse(bad[i], &ms))
            fail_msg("%s", bad[i]);
}

static void durations_never_go_back(void **state)
{
    int64_t before = dd_monotonic_ms();
    (void)state;
    assert_true(dd_monotonic_ms() >= before);
    assert_true(dd_wall_ms() > 1700000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_reads_back_as_it_was_written),
        cmocka_unit_test(offsets_and_fractions_are_read),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(durations_never_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
