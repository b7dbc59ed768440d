/* Address ranges: what they hold, in both families. */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

static void ranges_are_kept_in_one_form(void **state)
{
    static const char *const cases[][2] = {
        {"10.0.0.0/8", "10.0.0.0/8"},
        {"192.0.2.7", "192.0.2.7/32"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"2001:DB8:0::/32", "2001:db8::/32"},
        {"::1", "::1/128"},
        {"::ffff:192.0.2.7", "192.0.2.7/32"},
        {"10.0.0.1/8", NULL},
        {"10.0.0.0/33", NULL},
        {"10.0.0.0/-1", NULL},
        {"10.0.0.0/", NULL},
        {"10.0.0/8", NULL},
        {"2001:db8::1/64", NULL},
        {"host", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto_str kept = dd_range_normalise(cases[i][0]);
        if (cases[i][1])
            assert_string_equal(kept, cases[i][1]);
        else
            assert_null(kept);
    }
}

static void an_address_is_in_a_range_by_its_first_bits(void **state)
{
    static const struct {
        const char *range, *address;
        bool in;
    } cases[] = {
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"192.0.2.128/25", "192.0.2.128", true},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.7/32", "192.0.2.7", true},
        {"192.0.2.7/32", "192.0.2.6", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "::1", false},
        {"192.0.2.0/24", "::ffff:192.0.2.7", true},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::/0", "fe80::1", true},
        {"10.0.0.0/8", "unix", false},
        {"10.0.0.0/8", "", false},
    };
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_strv ranges = {0};
        dd_strv_add(&ranges, cases[i].range);
        assert_int_equal(dd_ranges_have(&ranges, cases[i].address), cases[i].in);
        dd_strv_done(&ranges);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_kept_in_one_form),
        cmocka_unit_test(an_address_is_in_a_range_by_its_first_bits),
    };
    return cmocka_run_group_tests_name("ranges", tests, NULL, NULL);
}
