/* The words' tables: names that go both ways, moves that only go forward, texts that are safe in keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"
#include <string.h>

static void every_run_state_has_a_name_that_reads_back(void **state)
{
    (void)state;
    for (int i = 0; i < DD_RUN_STATES; i++) {
        dd_run_state back;

        assert_true(dd_run_state_parse(dd_run_state_name((dd_run_state)i), &back));
        assert_int_equal(back, i);
        assert_true(strlen(dd_run_state_sentence((dd_run_state)i)) > 0);
    }
}

static void every_other_word_has_a_name_that_reads_back(void **state)
{
    dd_step_state step;
    dd_event_kind event;
    dd_trigger_kind trigger;

    (void)state;
    for (int i = 0; i < DD_STEP_STATES; i++)
        assert_true(dd_step_state_parse(dd_step_state_name((dd_step_state)i), &step) && (int)step == i);
    for (int i = 0; i < DD_EVENT_KINDS; i++)
        assert_true(dd_event_kind_parse(dd_event_kind_name((dd_event_kind)i), &event) && (int)event == i);
    for (int i = 0; i < DD_TRIGGER_KINDS; i++)
        assert_true(dd_trigger_kind_parse(dd_trigger_kind_name((dd_trigger_kind)i), &trigger) &&
                    (int)trigger == i);
}

static void an_unknown_word_is_none(void **state)
{
    dd_run_state run;
    dd_event_kind event;

    (void)state;
    assert_false(dd_run_state_parse("queued", &run));
    assert_false(dd_run_state_parse("", &run));
    assert_false(dd_run_state_parse(NULL, &run));
    assert_false(dd_event_kind_parse("Push", &event));
}

static void a_final_run_never_moves(void **state)
{
    (void)state;
    for (int from = 0; from < DD_RUN_STATES; from++) {
        assert_int_equal(dd_run_is_final((dd_run_state)from), from >= DD_RUN_SUCCEEDED);
        for (int to = 0; to < DD_RUN_STATES && from >= DD_RUN_SUCCEEDED; to++)
            assert_false(dd_run_may_move((dd_run_state)from, (dd_run_state)to));
    }
}

static void a_run_only_moves_forward(void **state)
{
    (void)state;
    for (int from = 0; from < DD_RUN_STATES; from++)
        for (int to = 0; to <= from; to++)
            assert_false(dd_run_may_move((dd_run_state)from, (dd_run_state)to));
    assert_true(dd_run_may_move(DD_RUN_QUEUED, DD_RUN_STARTED));
    assert_true(dd_run_may_move(DD_RUN_QUEUED, DD_RUN_CANCELED));
    assert_true(dd_run_may_move(DD_RUN_QUEUED, DD_RUN_ERROR));
    assert_true(dd_run_may_move(DD_RUN_QUEUED, DD_RUN_TIMEOUT));
    assert_false(dd_run_may_move(DD_RUN_QUEUED, DD_RUN_RUNNING));
    assert_false(dd_run_may_move(DD_RUN_QUEUED, DD_RUN_SUCCEEDED));
    assert_true(dd_run_may_move(DD_RUN_STARTED, DD_RUN_FAILED));
    assert_true(dd_run_may_move(DD_RUN_RUNNING, DD_RUN_SUCCEEDED));
}

static void a_step_that_never_ran_is_skipped_and_nothing_else(void **state)
{
    (void)state;
    assert_true(dd_step_may_move(DD_STEP_WAITING, DD_STEP_RUNNING));
    assert_true(dd_step_may_move(DD_STEP_WAITING, DD_STEP_SKIPPED));
    assert_false(dd_step_may_move(DD_STEP_WAITING, DD_STEP_FAILED));
    assert_true(dd_step_may_move(DD_STEP_RUNNING, DD_STEP_TIMEOUT));
    assert_false(dd_step_may_move(DD_STEP_RUNNING, DD_STEP_SKIPPED));
    assert_false(dd_step_may_move(DD_STEP_SUCCEEDED, DD_STEP_RUNNING));
}

static void a_name_is_safe_in_keys_paths_and_urls(void **state)
{
    static const char *const good[] = {"a", "0", "hello-world", "A.b_c-9"};
    static const char *const bad[] = {"",    "-a",  ".a", "_a",       "a b", "a/b",
                                      "a:b", "a\n", "a*", "\xc3\xa9", "a{b}"};
    char name[65];

    (void)state;
    for (size_t i = 0; i < DD_COUNT(good); i++)
        assert_true(dd_name_is_valid(good[i]));
    for (size_t i = 0; i < DD_COUNT(bad); i++)
        assert_false(dd_name_is_valid(bad[i]));
    assert_false(dd_name_is_valid(NULL));
    memset(name, 'a', sizeof(name));
    name[63] = '\0';
    assert_true(dd_name_is_valid(name));
    name[63] = 'a';
    name[64] = '\0';
    assert_false(dd_name_is_valid(name));
}

static void a_commit_is_full_and_lower_case(void **state)
{
    (void)state;
    assert_true(dd_commit_is_valid("0123456789abcdef0123456789abcdef01234567"));
    assert_true(dd_commit_is_valid("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"));
    assert_false(dd_commit_is_valid("0123456789ABCDEF0123456789abcdef01234567"));
    assert_false(dd_commit_is_valid("0123456789abcdef0123456789abcdef0123456"));
    assert_false(dd_commit_is_valid("--upload-pack=x"));
    assert_false(dd_commit_is_valid(""));
    assert_false(dd_commit_is_valid(NULL));
    assert_true(dd_commit_is_zero("0000000000000000000000000000000000000000"));
    assert_false(dd_commit_is_zero("0000000000000000000000000000000000000001"));
    assert_false(dd_commit_is_zero("0"));
}

static void threat_11_a_ref_never_looks_like_an_option_or_a_revision(void **state)
{
    static const char *const good[] = {"main",        "refs/heads/main", "feature/x",    "v1.0",      "a@b",
                                       "pull/1/head", "release-1.x",     "refs/tags/v1", "h\xc3\xa9", "a-"};
    static const char *const bad[] = {"",
                                      "-x",
                                      "--upload-pack=x",
                                      "refs/heads/-x",
                                      "refs/tags/--exec",
                                      "a b",
                                      "a..b",
                                      "a@{1}",
                                      "@",
                                      "a~1",
                                      "a^",
                                      "a:b",
                                      "a?",
                                      "a*",
                                      "a[b",
                                      "a\\b",
                                      "/a",
                                      "a/",
                                      "a//b",
                                      ".a",
                                      "a/.b",
                                      "a.lock",
                                      "a.lock/b",
                                      "a.",
                                      "a\nb",
                                      "a\rb",
                                      "a\x7f"};

    (void)state;
    for (size_t i = 0; i < DD_COUNT(good); i++)
        assert_true(dd_ref_is_valid(good[i]));
    for (size_t i = 0; i < DD_COUNT(bad); i++)
        assert_false(dd_ref_is_valid(bad[i]));
    assert_false(dd_ref_is_valid(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_run_state_has_a_name_that_reads_back),
        cmocka_unit_test(every_other_word_has_a_name_that_reads_back),
        cmocka_unit_test(an_unknown_word_is_none),
        cmocka_unit_test(a_final_run_never_moves),
        cmocka_unit_test(a_run_only_moves_forward),
        cmocka_unit_test(a_step_that_never_ran_is_skipped_and_nothing_else),
        cmocka_unit_test(a_name_is_safe_in_keys_paths_and_urls),
        cmocka_unit_test(a_commit_is_full_and_lower_case),
        cmocka_unit_test(threat_11_a_ref_never_looks_like_an_option_or_a_revision),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
