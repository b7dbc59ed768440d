/* Go's times: layouts, calendar, durations, zones. The expectations are Go's own answers. */
#include "runner/lang/go_time.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WEDNESDAY INT64_C(1709730305) /* 2024-03-06 13:05:05 UTC, the 66th day of a leap year */

static void expect_format(dd_go_time time, const char *layout, const char *expected)
{
    dd_buf text = {0};

    dd_go_time_format(&text, time, dd_text_of(layout));
    assert_string_equal(text.data ? text.data : "", expected);
    dd_buf_done(&text);
}

static void layouts_write_each_element_as_go(void **state)
{
    static const struct {
        const char *layout, *text;
    } cases[] = {
        {"", ""},
        {"no element", "no element"},
        {"2006 06 _2006", "2024 24 _2024"},
        {"January Jan 01 1", "March Mar 03 3"},
        {"Monday Mon", "Wednesday Wed"},
        {"Month Jane Monty", "Month Jane Monty"},
        {"02 2 _2 002 __2", "06 6  6 066  66"},
        {"15 03 3 04 4 05 5 PM pm", "13 01 1 05 5 05 5 PM pm"},
        {"MST -07 -0700 -07:00 -070000 -07:00:00", "UTC +00 +0000 +00:00 +000000 +00:00:00"},
        {"Z07 Z0700 Z07:00 Z070000 Z07:00:00", "Z Z Z Z Z"},
        {".0 .000 .000000000 ,00", ".1 .120 .120000000 ,12"},
        {".9 .999 .999999999 ,9999", ".1 .12 .12 ,12"},
        {".00x .001", ".12x .003"},
        {"20060102150405", "20240306130505"},
        {"2006-01-02T15:04:05.999999999Z07:00", "2024-03-06T13:05:05.12Z"},
        {"19 0 00 7 8", "39 0 00 7 8"},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++)
        expect_format((dd_go_time){.seconds = WEDNESDAY, .nanoseconds = 120000000}, cases[i].layout,
                      cases[i].text);
}

static void every_second_of_64_bits_has_a_date(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        {0, "1970-01-01 00:00:00 Thu 001"},
        {-1, "1969-12-31 23:59:59 Wed 365"},
        {DD_GO_TIME_ZERO_SECONDS, "0001-01-01 00:00:00 Mon 001"},
        {DD_GO_TIME_ZERO_SECONDS - 1, "0000-12-31 23:59:59 Sun 366"},
        {951782400, "2000-02-29 00:00:00 Tue 060"},
        {4107542400, "2100-03-01 00:00:00 Mon 060"},
        {253402300800, "10000-01-01 00:00:00 Sat 001"},
        {-62198755200, "-0001-01-01 00:00:00 Fri 001"},
        {INT64_MAX, "292277026596-12-04 15:30:07 Sun 339"},
        {INT64_MIN, "292277026596-12-04 15:30:08 Sun 339"},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++)
        expect_format((dd_go_time){.seconds = cases[i].seconds}, "2006-01-02 15:04:05 Mon 002",
                      cases[i].text);
}

static void texts_are_read_by_layouts_or_refused(void **state)
{
    static const struct {
        const char *layout, *text, *read; /* NULL: refused */
    } cases[] = {
        {"", "", "0000-01-01 00:00:00 +0000 UTC"},
        {"2006-01-02", "2024-02-29", "2024-02-29 00:00:00 +0000 UTC"},
        {"2006-01-02", "2023-02-29", NULL},
        {"2006-01-02", "2023-2-09", NULL},
        {"2006-01-02", "2023-02-09x", NULL},
        {"2006-1-2", "2023-02-9", "2023-02-09 00:00:00 +0000 UTC"},
        {"06", "68", "2068-01-01 00:00:00 +0000 UTC"},
        {"06", "69", "1969-01-01 00:00:00 +0000 UTC"},
        {"Jan 2", "fEB 3", "0000-02-03 00:00:00 +0000 UTC"},
        {"January 2", "December 3", "0000-12-03 00:00:00 +0000 UTC"},
        {"Monday 2006", "nosuchday 2006", NULL},
        {"3:04PM", "12:30AM", "0000-01-01 00:30:00 +0000 UTC"},
        {"3:04PM", "12:30PM", "0000-01-01 12:30:00 +0000 UTC"},
        {"3:04pm", "1:30PM", NULL},
        {"15:04", "24:00", NULL},
        {"15:04:05", "01:02:03.5", "0000-01-01 01:02:03.5 +0000 UTC"},
        {"15:04:05", "01:02:03,1234567891", "0000-01-01 01:02:03.123456789 +0000 UTC"},
        {"05.000", "01.12", NULL},
        {"05.999", "01", "0000-01-01 00:00:01 +0000 UTC"},
        {"2006-002", "2024-060", "2024-02-29 00:00:00 +0000 UTC"},
        {"2006-002", "2023-366", NULL},
        {"2006-01 002", "2023-03 031", NULL},
        {"2006 __2", "2023   7", "2023-01-07 00:00:00 +0000 UTC"},
        {"2006 MST", "2023 CEST", "2023-01-01 00:00:00 +0000 CEST"},
        {"2006 MST", "2023 GMT+3", "2023-01-01 03:00:00 +0300 GMT+3"},
        {"2006 MST", "2023 Abc", NULL},
        {"2006 -0700", "2023 +0530", "2023-01-01 00:00:00 +0530 +0530"},
        {"2006 -0700", "2023 0530", NULL},
        {"2006 Z07:00", "2023 Z", "2023-01-01 00:00:00 +0000 UTC"},
        {"2006 Z07:00", "2023 -01:30", "2023-01-01 00:00:00 -0130 -0130"},
        {"2006 Z07:00", "2023 +00:00", "2023-01-01 00:00:00 +0000 UTC"},
        {"Jan _2 2006", "Jan    2  2006", "2006-01-02 00:00:00 +0000 UTC"},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto(dd_arena) arena = dd_arena_new();
        dd_go_time time;

        assert_int_equal(
            dd_go_time_parse(arena, dd_text_of(cases[i].layout), dd_text_of(cases[i].text), &time),
            cases[i].read != NULL);
        if (cases[i].read)
            expect_format(time, DD_GO_TIME_LAYOUT_STRING, cases[i].read);
    }
}

static void dates_run_over_into_the_next_unit(void **state)
{
    static const struct {
        int64_t years, months, days;
        const char *text;
    } cases[] = {
        {0, 0, 0, "2024-03-06"},   {1, 0, 0, "2025-03-06"},     {0, 10, 0, "2025-01-06"},
        {0, -3, 0, "2023-12-06"},  {0, 0, 366, "2025-03-07"},   {-1, 0, -6, "2023-02-28"},
        {0, -1, 24, "2024-03-01"}, {8000, 0, 0, "10024-03-06"},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++)
        expect_format(dd_go_time_add_date((dd_go_time){.seconds = WEDNESDAY}, cases[i].years, cases[i].months,
                                          cases[i].days),
                      "2006-01-02", cases[i].text);
}

static void times_are_added_compared_and_rounded(void **state)
{
    dd_go_time time = {.seconds = WEDNESDAY, .nanoseconds = 600000000}, later;

    (void)state;
    later = dd_go_time_add(time, 500000000);
    assert_int_equal(later.seconds, WEDNESDAY + 1);
    assert_int_equal(later.nanoseconds, 100000000);
    later = dd_go_time_add(time, -1600000001);
    assert_int_equal(later.seconds, WEDNESDAY - 2);
    assert_int_equal(later.nanoseconds, 999999999);
    assert_int_equal(dd_go_time_subtract(time, later), 1600000001);
    assert_int_equal(dd_go_time_compare(later, time), -1);
    assert_int_equal(dd_go_time_compare(time, time), 0);
    assert_int_equal(
        dd_go_time_subtract((dd_go_time){.seconds = INT64_MAX}, (dd_go_time){.seconds = INT64_MIN}),
        INT64_MAX);
    assert_int_equal(
        dd_go_time_subtract((dd_go_time){.seconds = INT64_MIN}, (dd_go_time){.seconds = INT64_MAX}),
        INT64_MIN);
    expect_format(dd_go_time_truncate(time, 3600 * DD_SECOND_NS), "15:04:05.9", "13:00:00");
    expect_format(dd_go_time_round(time, DD_SECOND_NS), "15:04:05.9", "13:05:06");
    expect_format(dd_go_time_round(time, 0), "15:04:05.9", "13:05:05.6");
}

static void durations_are_read_and_written_as_go(void **state)
{
    static const struct {
        const char *text;
        bool good;
        int64_t ns;
        const char *written;
    } cases[] = {
        {"0", true, 0, "0s"},
        {"1h15m30.918s", true, 4530918000000, "1h15m30.918s"},
        {"-1.5h", true, -5400000000000, "-1h30m0s"},
        {"+90s", true, 90000000000, "1m30s"},
        {".5ms", true, 500000, "500\xc2\xb5s"},
        {"1us2\xc2\xb5s3\xce\xbcs", true, 6000, "6\xc2\xb5s"},
        {"1.0000000000000000001ns", true, 1, "1ns"},
        {"9223372036854775807ns", true, INT64_MAX, "2562047h47m16.854775807s"},
        {"-9223372036854775808ns", true, INT64_MIN, "-2562047h47m16.854775808s"},
        {"9223372036854775808ns", false, 0, NULL},
        {"2562048h", false, 0, NULL},
        {"", false, 0, NULL},
        {"-", false, 0, NULL},
        {"1", false, 0, NULL},
        {".s", false, 0, NULL},
        {"1d", false, 0, NULL},
        {" 1s", false, 0, NULL},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_buf written = {0};
        int64_t ns;

        assert_int_equal(dd_go_duration_parse(dd_text_of(cases[i].text), &ns), cases[i].good);
        if (!cases[i].good)
            continue;
        assert_int_equal(ns, cases[i].ns);
        dd_go_duration_print(&written, ns);
        assert_string_equal(written.data, cases[i].written);
        dd_buf_done(&written);
    }
    assert_int_equal(dd_go_duration_round(1500000000, DD_SECOND_NS), 2000000000);
    assert_int_equal(dd_go_duration_round(-1500000000, DD_SECOND_NS), -2000000000);
    assert_int_equal(dd_go_duration_round(1499999999, DD_SECOND_NS), 1000000000);
    assert_int_equal(dd_go_duration_round(INT64_MAX, DD_SECOND_NS), INT64_MAX);
    assert_int_equal(dd_go_duration_round(7, 0), 7);
}

/* ---- Zones: a file made here, so that no machine's tzdata has a say ---- */

static void add_big_endian(dd_buf *into, uint64_t value, int bytes)
{
    while (bytes-- > 0)
        dd_buf_add_char(into, (char)(bytes < 8 ? value >> (8 * bytes) : 0));
}

static void add_header(dd_buf *into, const uint32_t counts[6])
{
    dd_buf_add(into, "TZif2", 5);
    add_big_endian(into, 0, 15);
    for (int i = 0; i < 6; i++)
        add_big_endian(into, counts[i], 4);
}

/* Central European Time: local mean time until 1893, summer time by hand in 1980, by rule afterwards. */
static void make_zone(dd_buf *into)
{
    static const uint32_t none[6] = {0, 0, 0, 0, 1, 1}, counts[6] = {0, 0, 0, 3, 3, 13};

    add_header(into, none);
    add_big_endian(into, 0, 7);
    add_header(into, counts);
    add_big_endian(into, (uint64_t)INT64_C(-2422054408), 8);
    add_big_endian(into, 323830800, 8);
    add_big_endian(into, 338950800, 8);
    dd_buf_add(into, "\x01\x02\x01", 3);
    add_big_endian(into, 3208, 4);
    dd_buf_add(into, "\0\0", 2);
    add_big_endian(into, 3600, 4);
    dd_buf_add(into, "\0\x04", 2);
    add_big_endian(into, 7200, 4);
    dd_buf_add(into, "\x01\x08", 2);
    dd_buf_add(into, "LMT\0CET\0CEST\0", 13);
    dd_buf_add_str(into, "\nCET-1CEST,M3.5.0,M10.5.0/3\n");
}

static void zones_hold_by_their_changes_and_then_by_their_rule(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        {-2422054409, "1893-03-31 23:59:59 +0053 LMT"}, {-2422054408, "1893-04-01 00:06:32 +0100 CET"},
        {323830799, "1980-04-06 01:59:59 +0100 CET"},   {323830800, "1980-04-06 03:00:00 +0200 CEST"},
        {1711846799, "2024-03-31 01:59:59 +0100 CET"},  {1711846800, "2024-03-31 03:00:00 +0200 CEST"},
        {1729990799, "2024-10-27 02:59:59 +0200 CEST"}, {1729990800, "2024-10-27 02:00:00 +0100 CET"},
    };
    dd_auto(dd_arena) arena = dd_arena_new();
    dd_buf file = {0};
    dd_go_time time = {0};

    (void)state;
    make_zone(&file);
    assert_true(dd_zone_read(arena, file.data, file.length, &time.zone));
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        time.seconds = cases[i].seconds;
        expect_format(time, "2006-01-02 15:04:05 -0700 MST", cases[i].text);
    }
    for (size_t length = 0; length + 30 < file.length; length++) {
        dd_auto_str cut = malloc(length + 1); /* so that the sanitizer sees each byte read behind it */

        memcpy(cut, file.data, length);
        assert_false(dd_zone_read(arena, cut, length, &time.zone));
    }
    dd_buf_done(&file);
}

static void zone_names_lead_nowhere_else(void **state)
{
    static const char *const names[] = {"../../../etc/passwd",
                                        "/etc/passwd",
                                        "Europe/../Europe/Berlin",
                                        "Europe/Berlin\n",
                                        "Nowhere/Nothing",
                                        "Europe",
                                        "a b",
                                        "%s",
                                        "zone.tab"};
    dd_auto(dd_arena) arena = dd_arena_new();
    const dd_zone *zone;

    (void)state;
    for (size_t i = 0; i < DD_COUNT(names); i++) {
        assert_false(dd_zone_load(arena, dd_text_of(names[i]), &zone));
        assert_null(zone);
    }
    assert_true(dd_zone_load(arena, dd_text_of("UTC"), &zone));
    assert_null(zone);
    assert_true(dd_zone_load(arena, dd_text_of("Local"), &zone));
    assert_null(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts_write_each_element_as_go),
        cmocka_unit_test(every_second_of_64_bits_has_a_date),
        cmocka_unit_test(texts_are_read_by_layouts_or_refused),
        cmocka_unit_test(dates_run_over_into_the_next_unit),
        cmocka_unit_test(times_are_added_compared_and_rounded),
        cmocka_unit_test(durations_are_read_and_written_as_go),
        cmocka_unit_test(zones_hold_by_their_changes_and_then_by_their_rule),
        cmocka_unit_test(zone_names_lead_nowhere_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
