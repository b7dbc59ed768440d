/* Errors: what they say, in which form, and who owns it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/base/base.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void each_caller_adds_what_it_alone_knows(void **state)
{
    dd_auto(dd_error) err = NULL;
    (void)state;
    assert_int_equal(dd_fail(&err, DD_ERR_INVALID, "no step is named '%s'", "lint"), -1);
    assert_int_equal(dd_context(&err, "task file '%s'", "a.yaml"), -1);
    assert_string_equal(err->message, "task file 'a.yaml': no step is named 'lint'");
    assert_int_equal(err->code, DD_ERR_INVALID);
}

static void a_caller_that_wants_no_error_gets_none(void **state)
{
    dd_error *none = NULL;
    (void)state;
    assert_int_equal(dd_fail(NULL, DD_ERR_LIMIT, "%s", "x"), -1);
    assert_int_equal(dd_fail_errno(NULL, DD_ERR_LIMIT, ENOENT, "%s", "x"), -1);
    assert_int_equal(dd_context(NULL, "%s", "x"), -1);
    assert_int_equal(dd_hint(&none, "%s", "x"), -1);
    assert_null(none);
    dd_error_free(NULL);
}

static void a_new_error_may_be_made_of_the_old_ones_words(void **state)
{
    dd_auto(dd_error) err = NULL;
    (void)state;
    dd_fail_at(&err, DD_ERR_INVALID, (dd_place){3, 4}, "steps[2].when", "first");
    dd_hint(&err, "old");
    dd_fail_at(&err, DD_ERR_LIMIT, err->place, err->path, "second, not %s", err->message);
    assert_string_equal(err->message, "second, not first");
    assert_string_equal(err->path, "steps[2].when");
    assert_int_equal(err->place.line, 3);
    assert_null(err->hint);
}

static void the_first_hint_counts(void **state)
{
    dd_auto(dd_error) err = NULL;
    (void)state;
    dd_fail(&err, DD_ERR_INVALID, "x");
    dd_hint(&err, "say %s", "a");
    dd_hint(&err, "say b");
    assert_string_equal(err->hint, "say a");
}

static void texts_have_place_path_and_hint_when_there_are_any(void **state)
{
    dd_auto(dd_error) err = NULL;
    (void)state;
    dd_fail(&err, DD_ERR_INVALID, "wrong");
    dd_auto_str bare = dd_error_text(err);
    dd_auto_str compiler = dd_error_compiler_text(err, "F");
    assert_string_equal(bare, "wrong");
    assert_string_equal(compiler, "F: error: wrong");
    dd_fail_at(&err, DD_ERR_INVALID, (dd_place){12, 3}, "a.b", "wrong");
    dd_hint(&err, "right");
    dd_auto_str full = dd_error_text(err);
    dd_auto_str full_compiler = dd_error_compiler_text(err, "F");
    assert_string_equal(full, "a.b: wrong (12:3); right");
    assert_string_equal(full_compiler, "F:12:3: error: a.b: wrong\n  hint: right");
}

static void every_code_has_a_word_and_the_exit_code_that_the_design_fixes(void **state)
{
    (void)state;
    for (int code = DD_ERR_INVALID; code <= DD_ERR_INTERNAL; code++) {
        dd_auto(dd_error) err = NULL;
        dd_fail(&err, (dd_code)code, "x");
        int expected = code == DD_ERR_INVALID || code == DD_ERR_NOT_FOUND || code == DD_ERR_LIMIT ? 2
                       : code == DD_ERR_UNAVAILABLE                                               ? 3
                                                                                                  : 1;
        assert_true(strlen(dd_code_name((dd_code)code)) > 0);
        assert_int_equal(dd_error_exit_code(err), expected);
    }
}

static void the_systems_reason_stands_behind_the_message(void **state)
{
    dd_auto(dd_error) err = NULL;
    (void)state;
    dd_fail_errno(&err, DD_ERR_INTERNAL, ENOENT, "opening '%s'", "x");
    assert_string_equal(err->message, "opening 'x': No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_caller_adds_what_it_alone_knows),
        cmocka_unit_test(a_caller_that_wants_no_error_gets_none),
        cmocka_unit_test(a_new_error_may_be_made_of_the_old_ones_words),
        cmocka_unit_test(the_first_hint_counts),
        cmocka_unit_test(texts_have_place_path_and_hint_when_there_are_any),
        cmocka_unit_test(every_code_has_a_word_and_the_exit_code_that_the_design_fixes),
        cmocka_unit_test(the_systems_reason_stands_behind_the_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
