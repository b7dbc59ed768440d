/* Steps start the moment their last need has ended, and failures stop what they must. */
#include "runner/steps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 2000

typedef struct plan {
    dd_step steps[STEPS_MAX];
    size_t needs[STEPS_MAX][4];
    dd_taskfile taskfile;
    size_t moves;
    dd_schedule *schedule;
} plan;

static void on_moved(void *context, size_t step, dd_step_state state)
{
    plan *p = context;

    (void)step, (void)state;
    p->moves++;
}

/* Each text lists the needs of a step by number: "", "0", "0 1". */
static plan *plan_new(size_t count, const char *const *needs, int64_t max_parallel)
{
    plan *p = calloc(1, sizeof *p);

    for (size_t i = 0; i < count; i++) {
        const char *at = needs[i];
        p->steps[i].needs = p->needs[i];
        while (*at) {
            char *end;
            p->needs[i][p->steps[i].need_count++] = (size_t)strtoul(at, &end, 10);
            at = *end ? end + 1 : end;
        }
    }
    p->taskfile.steps = p->steps;
    p->taskfile.step_count = count;
    p->schedule = dd_schedule_new(&p->taskfile, max_parallel, on_moved, p);
    return p;
}

static void plan_free(plan *p)
{
    dd_schedule_free(p->schedule);
    free(p);
}

/* The numbers of the steps that start now, as text. */
static const char *started(plan *p)
{
    static char text[256];
    size_t step, length = 0;

    text[0] = '\0';
    while (dd_schedule_next(p->schedule, &step))
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%zu", length ? " " : "", step);
    return text;
}

static void steps_start_when_their_last_need_has_succeeded(void **state)
{
    static const char *const diamond[] = {"", "0", "0", "1 2", ""};
    plan *p = plan_new(5, diamond, 0);

    (void)state;
    assert_string_equal(started(p), "0 4");
    dd_schedule_end(p->schedule, 0, DD_STEP_SUCCEEDED, 0);
    assert_string_equal(started(p), "1 2");
    dd_schedule_end(p->schedule, 2, DD_STEP_SUCCEEDED, 0);
    assert_string_equal(started(p), "");
    dd_schedule_end(p->schedule, 1, DD_STEP_SUCCEEDED, 0);
    assert_string_equal(started(p), "3");
    dd_schedule_end(p->schedule, 3, DD_STEP_SUCCEEDED, 0);
    assert_false(dd_schedule_is_done(p->schedule));
    dd_schedule_end(p->schedule, 4, DD_STEP_SUCCEEDED, 0);
    assert_true(dd_schedule_is_done(p->schedule));
    assert_int_equal(p->moves, 10);
    plan_free(p);
}

static void a_failure_skips_all_that_rests_on_it(void **state)
{
    static const char *const chain[] = {"", "0", "1", ""};
    plan *p = plan_new(4, chain, 0);

    (void)state;
    assert_string_equal(started(p), "0 3");
    dd_schedule_end(p->schedule, 0, DD_STEP_FAILED, 1);
    assert_true(dd_schedule_failure_is_final(p->schedule, 0));
    assert_int_equal(dd_schedule_state(p->schedule, 1), DD_STEP_SKIPPED);
    assert_int_equal(dd_schedule_state(p->schedule, 2), DD_STEP_SKIPPED);
    assert_int_equal(dd_schedule_running(p->schedule), 1);
    dd_schedule_end(p->schedule, 3, DD_STEP_CANCELED, 143);
    assert_true(dd_schedule_is_done(p->schedule));
    plan_free(p);
}

static void nothing_starts_once_the_schedule_is_stopped(void **state)
{
    static const char *const row[] = {"", "", "0"};
    plan *p = plan_new(3, row, 1);

    (void)state;
    assert_string_equal(started(p), "0");
    dd_schedule_stop(p->schedule);
    dd_schedule_end(p->schedule, 0, DD_STEP_SUCCEEDED, 0);
    assert_string_equal(started(p), "");
    assert_true(dd_schedule_is_done(p->schedule));
    plan_free(p);
}

static void no_more_steps_run_at_once_than_permitted(void **state)
{
    static const char *const wide[] = {"", "", "", "", ""};
    plan *p = plan_new(5, wide, 2);

    (void)state;
    assert_string_equal(started(p), "0 1");
    dd_schedule_end(p->schedule, 1, DD_STEP_SUCCEEDED, 0);
    assert_string_equal(started(p), "2");
    dd_schedule_end(p->schedule, 0, DD_STEP_SUCCEEDED, 0);
    dd_schedule_end(p->schedule, 2, DD_STEP_SUCCEEDED, 0);
    assert_string_equal(started(p), "3 4");
    plan_free(p);
}

static void exited_with_starts_a_step_by_the_code_of_its_need(void **state)
{
    static const char *const pair[] = {"", "0", "0", "0"};
    static int64_t three[] = {3, 4}, zero[] = {0};

    (void)state;
    for (int code = 0; code < 5; code++) {
        plan *p = plan_new(4, pair, 0);
        p->steps[1].exited_with = three;
        p->steps[1].exited_with_count = 2;
        p->steps[2].exited_without = zero;
        p->steps[2].exited_without_count = 1;
        assert_string_equal(started(p), "0");
        dd_schedule_end(p->schedule, 0, code ? DD_STEP_FAILED : DD_STEP_SUCCEEDED, code);
        assert_false(dd_schedule_failure_is_final(p->schedule, 0));
        assert_string_equal(started(p), code == 0 ? "3" : code >= 3 ? "1 2" : "2");
        plan_free(p);
    }
}

static void a_thousand_steps_in_a_chain_are_no_burden(void **state)
{
    static char texts[STEPS_MAX][8];
    static const char *needs[STEPS_MAX];
    plan *p;
    size_t step;

    (void)state;
    for (size_t i = 1; i < STEPS_MAX; i++)
        snprintf(texts[i], sizeof texts[i], "%zu", i - 1);
    for (size_t i = 0; i < STEPS_MAX; i++)
        needs[i] = texts[i];
    p = plan_new(STEPS_MAX, needs, 0);
    assert_true(dd_schedule_next(p->schedule, &step));
    dd_schedule_end(p->schedule, step, DD_STEP_FAILED, 1);
    assert_true(dd_schedule_is_done(p->schedule));
    plan_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_start_when_their_last_need_has_succeeded),
        cmocka_unit_test(a_failure_skips_all_that_rests_on_it),
        cmocka_unit_test(nothing_starts_once_the_schedule_is_stopped),
        cmocka_unit_test(no_more_steps_run_at_once_than_permitted),
        cmocka_unit_test(exited_with_starts_a_step_by_the_code_of_its_need),
        cmocka_unit_test(a_thousand_steps_in_a_chain_are_no_burden),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
