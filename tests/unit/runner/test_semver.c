/* Semantic versions and constraints, as Sprig 2.22 has them. */
#include "runner/lang/semver.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void versions_are_read_loosely(void **state)
{
    static const struct {
        const char *text, *printed;
    } cases[] = {
        {"1.2.3", "1.2.3"},
        {"v1", "1.0.0"},
        {"1.2", "1.2.0"},
        {"01.02.03", "1.2.3"},
        {"1.2.3-alpha.1+b.2", "1.2.3-alpha.1+b.2"},
        {"1-beta", "1.0.0-beta"},
        {"1+x-y", "1.0.0+x-y"},
        {"1.2.3--", "1.2.3--"},
        {"9223372036854775807.0.0", "9223372036854775807.0.0"},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_buf printed = {0};
        dd_semver version;

        assert_int_equal(dd_semver_parse(dd_text_of(cases[i].text), &version, NULL), 0);
        dd_semver_print(&printed, &version);
        assert_string_equal(printed.data, cases[i].printed);
        assert_true(dd_text_is(version.original, cases[i].text));
        dd_buf_done(&printed);
    }
}

static void what_is_no_version_is_refused(void **state)
{
    static const char *const texts[] = {
        "",      "v",  "V1", "1.2.3.4", "1.",    "1.2.3-", "1.2.3+",         "1.2.3-a.",
        "a.b.c", " 1", "1 ", "1.2.3\n", "1.2.x", "-1",     "1.2.3-\xc3\xa9", "9223372036854775808"};

    (void)state;
    for (size_t i = 0; i < DD_COUNT(texts); i++) {
        dd_auto(dd_error) error = NULL;
        dd_semver version;

        assert_int_equal(dd_semver_parse(dd_text_of(texts[i]), &version, &error), -1);
        assert_int_equal(error->code, DD_ERR_INVALID);
    }
}

static void versions_stand_in_order(void **state)
{
    static const char *const ascending[] = {
        "0.0.1",         "0.1.0",         "1.0.0-1",    "1.0.0-2",      "1.0.0-10",   "1.0.0-alpha",
        "1.0.0-alpha.1", "1.0.0-alpha.b", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-rc.1", "1.0.0",
        "1.0.1",         "1.2.0",         "1.10.0",     "2.0.0",
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(ascending); i++)
        for (size_t k = 0; k < DD_COUNT(ascending); k++) {
            dd_semver a, b;

            assert_int_equal(dd_semver_parse(dd_text_of(ascending[i]), &a, NULL), 0);
            assert_int_equal(dd_semver_parse(dd_text_of(ascending[k]), &b, NULL), 0);
            assert_int_equal(dd_semver_compare(&a, &b), (i > k) - (i < k));
        }
}

static void constraints_hold_or_do_not(void **state)
{
    static const struct {
        const char *constraint, *version;
        bool kept;
    } cases[] = {
        {"1.2.3", "1.2.3", true},
        {"=1.2.3", "1.2.3+meta", true},
        {"=1.2", "1.2.9", false},
        {"1.2", "1.2.0", true},
        {"1", "1.9.9", true},
        {"1.2.x", "1.2.9", true},
        {"1.2.X", "1.3.0", false},
        {"*", "7.7.7", true},
        {"*", "7.7.7-beta", false},
        {"!=1.2.3", "1.2.4", true},
        {"!=1.2.3", "1.2.3", false},
        {"!=1.x", "1.5.0", false},
        {"!=1.x", "2.5.0", true},
        {">1.2.3", "1.2.4", true},
        {"> 1.2.3", "1.2.3", false},
        {">=1.2", "1.2.0", true},
        {"=>1.2", "1.1.9", false},
        {"<2", "1.9.9", true},
        {"<2", "2.0.1", true},
        {"<=2.1", "2.1.0", true},
        {"=<2.1.1", "2.1.2", false},
        {"~1.2.3", "1.2.9", true},
        {"~1.2.3", "1.3.0", false},
        {"~>1", "1.9.0", true},
        {"~1.x", "1.9.0", true},
        {"~0.0.0", "5.0.0", true},
        {"^1.2.3", "1.9.0", true},
        {"^1.2.3", "2.0.0", false},
        {"^1.2.3", "1.2.2", false},
        {"^0.2", "0.3.0", true},
        {"1.2 - 1.4.5", "1.3", true},
        {"1.2 - 1.4.5", "1.4.6", false},
        {"1.2-1.4.5", "1.3", false},
        {">=1.2, <2", "1.5.0", true},
        {">=1.2, <1.9", "2.0.0", false},
        {"<1 || >=3", "3.1.0", true},
        {"<1 || >=3.0", "2.0.0", false},
        {">=1.0-0", "1.2.0-beta", true},
        {">=1.0", "1.2.0-beta", false},
        {"!=1.0.0", "1.2.0-beta", true},
        {"2 - 3 || 5 - 6.1", "5.5.5", true},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_semver version;
        bool kept = !cases[i].kept;

        assert_int_equal(dd_semver_parse(dd_text_of(cases[i].version), &version, NULL), 0);
        assert_int_equal(dd_semver_check(dd_text_of(cases[i].constraint), &version, &kept, NULL), 0);
        if (kept != cases[i].kept)
            fail_msg("%s of %s", cases[i].constraint, cases[i].version);
    }
}

static void what_is_no_constraint_is_refused(void **state)
{
    static const struct {
        const char *constraint, *why;
    } cases[] = {
        {"", "improper constraint: "},
        {"==1", "improper constraint: ==1"},
        {"1, ", "improper constraint:  "},
        {"1 || ", "improper constraint:  "},
        {"1.2.3.4", "improper constraint: 1.2.3.4"},
        {"abc", "improper constraint: abc"},
        {"1.2 -1.4", "improper constraint: 1.2 -1.4"},
        {"1|2", "constraint Parser Error"},
        {"1xx", "constraint Parser Error"},
        {">=1 >2", "improper constraint: >=1 >2"},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto(dd_error) error = NULL;
        dd_semver version = {0};
        bool kept;

        assert_int_equal(dd_semver_check(dd_text_of(cases[i].constraint), &version, &kept, &error), -1);
        assert_string_equal(error->message, cases[i].why);
    }
}

static void constraints_have_a_limit(void **state)
{
    dd_auto(dd_error) error = NULL;
    dd_buf text = {0};
    dd_semver version = {0};
    bool kept;

    (void)state;
    for (int i = 0; i < 1000; i++)
        dd_buf_add_str(&text, "1 || ");
    assert_int_equal(dd_semver_check((dd_text){text.data, text.length}, &version, &kept, &error), -1);
    assert_int_equal(error->code, DD_ERR_LIMIT);
    dd_buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_read_loosely),        cmocka_unit_test(what_is_no_version_is_refused),
        cmocka_unit_test(versions_stand_in_order),          cmocka_unit_test(constraints_hold_or_do_not),
        cmocka_unit_test(what_is_no_constraint_is_refused), cmocka_unit_test(constraints_have_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
