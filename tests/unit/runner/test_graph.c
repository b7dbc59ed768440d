/* The order of steps, against a check that shares nothing with the code: random graphs, long files, deep
 * chains. */
#include "runner/runner.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define STEPS_MAX 24

typedef struct random_graph {
    size_t count;
    bool needs[STEPS_MAX][STEPS_MAX];
} random_graph;

static void random_fill(random_graph *g, unsigned *seed, bool forward_too)
{
    *g = (random_graph){.count = 1 + (size_t)rand_r(seed) % STEPS_MAX};
    for (size_t i = 0; i < g->count; i++)
        for (size_t j = 0; j < g->count; j++)
            if (i != j && (j < i || forward_too))
                g->needs[i][j] = rand_r(seed) % (forward_too ? 12 : 4) == 0;
}

static void write_file(const random_graph *g, dd_buf *into)
{
    dd_buf_add_str(into, "steps:\n");
    for (size_t i = 0; i < g->count; i++) {
        bool any = false;

        dd_buf_printf(into, "  - {id: s%zu, cmd: x, when: [", i);
        for (size_t j = 0; j < g->count; j++)
            if (g->needs[i][j]) {
                dd_buf_printf(into, "%ss%zu", any ? ", " : "", j);
                any = true;
            }
        dd_buf_add_str(into, any ? "]}\n" : "\"-\"]}\n");
    }
}

/* The length of the longest way to each step by relaxing as often as there are steps; false when there is a
 * cycle. */
static bool longest_ways(const random_graph *g, size_t ret[STEPS_MAX])
{
    bool changed = true;

    memset(ret, 0, STEPS_MAX * sizeof(*ret));
    for (size_t round = 0; changed && round <= g->count; round++) {
        changed = false;
        for (size_t i = 0; i < g->count; i++)
            for (size_t j = 0; j < g->count; j++)
                if (g->needs[i][j] && ret[i] < ret[j] + 1) {
                    ret[i] = ret[j] + 1;
                    changed = true;
                }
    }
    return !changed;
}

static void check_needs(const random_graph *g, const dd_taskfile *taskfile)
{
    for (size_t i = 0; i < g->count; i++) {
        const dd_step *step = &taskfile->steps[i];
        size_t at = 0;

        for (size_t j = 0; j < g->count; j++)
            if (g->needs[i][j]) {
                assert_true(at < step->need_count);
                assert_int_equal(step->needs[at++], j);
            }
        assert_int_equal(at, step->need_count);
    }
}

/* "…: s1 -> s2 -> s1": each waits for the next, and it ends where it began. */
static void check_named_cycle(const random_graph *g, const char *message)
{
    const char *at = strstr(message, ": ");
    size_t first = 0, last = 0, count = 0;

    assert_non_null(at);
    for (at += 2; *at == 's'; count++) {
        char *end;
        size_t step = strtoul(at + 1, &end, 10);

        if (count == 0)
            first = step;
        else
            assert_true(g->needs[last][step]);
        last = step;
        at = strncmp(end, " -> ", 4) == 0 ? end + 4 : end;
    }
    assert_true(count >= 2);
    assert_int_equal(first, last);
}

static void random_graphs_are_ordered_or_their_cycles_named(void **state)
{
    unsigned seed = 2026;
    size_t cyclic = 0;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        random_graph g;
        size_t ways[STEPS_MAX];
        dd_buf text = {0};
        dd_auto(dd_taskfile) taskfile = NULL;
        dd_auto(dd_problems) problems = NULL;

        random_fill(&g, &seed, round % 2);
        write_file(&g, &text);
        if (dd_taskfile_parse(text.data, text.length, NULL, &taskfile, &problems) == 0) {
            assert_true(longest_ways(&g, ways));
            check_needs(&g, taskfile);
            for (size_t i = 0; i < g.count; i++)
                assert_int_equal(taskfile->stage_of[i], ways[i]);
        } else {
            assert_false(longest_ways(&g, ways));
            for (size_t i = 0; i < problems->error_count; i++)
                check_named_cycle(&g, problems->errors[i]->message);
            cyclic++;
        }
        dd_buf_done(&text);
    }
    assert_true(cyclic > 100 && cyclic < 2900);
}

static void the_same_file_gives_the_same_answer(void **state)
{
    unsigned seed = 11;

    (void)state;
    for (int round = 0; round < 50; round++) {
        random_graph g;
        dd_buf text = {0};
        char *answers[2];

        random_fill(&g, &seed, true);
        write_file(&g, &text);
        for (size_t i = 0; i < 2; i++) {
            dd_auto(dd_taskfile) taskfile = NULL;
            dd_auto(dd_problems) problems = NULL;

            answers[i] = dd_taskfile_parse(text.data, text.length, NULL, &taskfile, &problems) == 0
                             ? dd_taskfile_to_json(taskfile)
                             : dd_problems_to_json(problems);
        }
        assert_string_equal(answers[0], answers[1]);
        free(answers[0]);
        free(answers[1]);
        dd_buf_done(&text);
    }
}

/* ---- Every form of `when` ---- */

typedef enum form { ABSENT, DASH, EMPTY, NAMES, FORMS } form;

typedef struct mixed_graph {
    random_graph needs; /* as they must come out */
    dd_step_kind kinds[STEPS_MAX];
    bool forward; /* some wait for later steps, so there may be cycles */
    dd_buf text;
} mixed_graph;

static void name_step(mixed_graph *m, size_t step, unsigned *seed)
{
    size_t count = m->needs.count;
    size_t other = m->forward ? (size_t)rand_r(seed) % count : (size_t)rand_r(seed) % (step + 1);

    if (other == step) {
        dd_buf_add_str(&m->text, "acb_root"); /* the start: nothing to wait for */
        return;
    }
    dd_buf_printf(&m->text, "acb_step_%zu", other);
    m->needs.needs[step][other] = true;
}

/* A kind of which there is an earlier step, or else a step. */
static void name_kind(mixed_graph *m, size_t step, unsigned *seed)
{
    dd_step_kind kind = (dd_step_kind)(rand_r(seed) % 3);
    bool any = false;

    for (size_t i = 0; i < step; i++)
        if (m->kinds[i] == kind)
            m->needs.needs[step][i] = any = true;
    if (any)
        dd_buf_add_str(&m->text, dd_step_kind_name(kind));
    else
        name_step(m, step, seed);
}

static void write_when(mixed_graph *m, size_t step, unsigned *seed)
{
    form is = (form)(rand_r(seed) % FORMS);

    if (is == DASH) {
        dd_buf_add_str(&m->text, rand_r(seed) % 2 ? ", when: [\"-\"]" : ", when: '-'");
    } else if (is == NAMES) {
        dd_buf_add_str(&m->text, ", when: [");
        for (int names = 1 + rand_r(seed) % 4, i = 0; i < names; i++) {
            dd_buf_add_str(&m->text, i ? ", " : "");
            (rand_r(seed) % 3 ? name_step : name_kind)(m, step, seed);
        }
        dd_buf_add_char(&m->text, ']');
    } else {
        if (is == EMPTY)
            dd_buf_add_str(&m->text, ", when: []");
        if (step > 0)
            m->needs.needs[step][step - 1] = true;
    }
}

static void mixed_fill(mixed_graph *m, unsigned *seed, bool forward)
{
    static const char *const bodies[] = {"cmd: x", "build: .", "push: [x]"};

    *m = (mixed_graph){.needs = {.count = 1 + (size_t)rand_r(seed) % STEPS_MAX}, .forward = forward};
    dd_buf_add_str(&m->text, "steps:\n");
    for (size_t i = 0; i < m->needs.count; i++) {
        m->kinds[i] = (dd_step_kind)(rand_r(seed) % 3);
        dd_buf_printf(&m->text, "  - {%s", bodies[m->kinds[i]]);
        write_when(m, i, seed);
        dd_buf_add_str(&m->text, "}\n");
    }
}

/* Stages by depth-first search, which the code does not use: 0 while unknown, else one more than the stage.
 */
static size_t stage_by_search(const random_graph *g, size_t step, size_t known[STEPS_MAX])
{
    if (known[step])
        return known[step];
    known[step] = 1;
    for (size_t i = 0; i < g->count; i++)
        if (g->needs[step][i]) {
            size_t behind = stage_by_search(g, i, known) + 1;

            known[step] = behind > known[step] ? behind : known[step];
        }
    return known[step];
}

static void every_form_of_when_makes_the_graph_that_it_means(void **state)
{
    unsigned seed = 4711;
    size_t taken = 0;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        mixed_graph m;
        size_t known[STEPS_MAX] = {0}, ways[STEPS_MAX];
        dd_auto(dd_taskfile) taskfile = NULL;
        dd_auto(dd_problems) problems = NULL;

        mixed_fill(&m, &seed, round % 3 == 0);
        if (dd_taskfile_parse(m.text.data, m.text.length, NULL, &taskfile, &problems) == 0) {
            assert_true(longest_ways(&m.needs, ways));
            check_needs(&m.needs, taskfile);
            for (size_t i = 0; i < m.needs.count; i++)
                assert_int_equal(taskfile->stage_of[i] + 1, stage_by_search(&m.needs, i, known));
            taken++;
        } else {
            assert_false(longest_ways(&m.needs, ways));
        }
        dd_buf_done(&m.text);
    }
    assert_true(taken > 2000 && taken < 3000);
}

/* ---- Long files ---- */

static double cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Steps s0, s1, …; `each` says what they wait for. */
static dd_buf *long_file(size_t count, const char *each)
{
    dd_buf *text = dd_buf_new();

    dd_buf_add_str(text, "steps:\n");
    for (size_t i = 0; i < count; i++) {
        dd_buf_printf(text, "  - {id: s%zu, cmd: x", i);
        if (strcmp(each, "next") == 0 && i + 1 < count)
            dd_buf_printf(text, ", when: [s%zu]", i + 1);
        else if (strcmp(each, "ring") == 0)
            dd_buf_printf(text, ", when: [s%zu]", (i + 1) % count);
        else if (strcmp(each, "kind") == 0 && i)
            dd_buf_add_str(text, ", when: [cmd]");
        else if (strcmp(each, "no such kind") == 0)
            dd_buf_add_str(text, ", when: [push, push, push, build, build]");
        dd_buf_add_str(text, "}\n");
    }
    return text;
}

static int parse_long(size_t count, const char *each, dd_taskfile **ret, dd_problems **problems)
{
    dd_auto(dd_buf) text = long_file(count, each);
    double before = cpu_seconds();
    int result = dd_taskfile_parse(text->data, text->length, NULL, ret, problems);

    assert_true(cpu_seconds() - before <
                5); /* generous for sanitizers; without them it is a tenth of a second */
    return result;
}

static void ten_thousand_steps_in_a_row_are_quick(void **state)
{
    dd_auto(dd_taskfile) taskfile = NULL;
    dd_auto(dd_problems) problems = NULL;

    (void)state;
    assert_int_equal(parse_long(10000, "row", &taskfile, &problems), 0);
    assert_int_equal(taskfile->stage_of[9999], 9999);
}

static void ten_thousand_steps_that_wait_forwards_do_not_recurse(void **state)
{
    dd_auto(dd_taskfile) taskfile = NULL;
    dd_auto(dd_problems) problems = NULL;

    (void)state;
    assert_int_equal(parse_long(10000, "next", &taskfile, &problems), -1);
    /* The last has no `when`, so it waits for the one before it: the two wait for each other. */
    assert_int_equal(problems->error_count, 1);
    assert_non_null(strstr(problems->errors[0]->message, "s9998 -> s9999 -> s9998"));
}

static void a_ring_of_ten_thousand_is_named_in_short(void **state)
{
    dd_auto(dd_taskfile) taskfile = NULL;
    dd_auto(dd_problems) problems = NULL;

    (void)state;
    assert_int_equal(parse_long(10000, "ring", &taskfile, &problems), -1);
    assert_int_equal(problems->error_count, 1);
    assert_non_null(strstr(problems->errors[0]->message, "9980 more"));
}

static void kind_names_that_multiply_are_bounded(void **state)
{
    dd_auto(dd_taskfile) taskfile = NULL;
    dd_auto(dd_problems) problems = NULL;

    (void)state;
    assert_int_equal(parse_long(5000, "kind", &taskfile, &problems), -1);
    assert_non_null(strstr(problems->errors[0]->message, "1000000"));
}

static void kinds_that_no_step_has_are_not_looked_for_at_length(void **state)
{
    dd_auto(dd_taskfile) taskfile = NULL;
    dd_auto(dd_problems) problems = NULL;

    (void)state;
    assert_int_equal(parse_long(7000, "no such kind", &taskfile, &problems), -1);
    assert_int_equal(problems->error_count, 100); /* the rest is not told */
    assert_non_null(strstr(problems->errors[0]->message, "no earlier one is a push step"));
}

static void a_step_may_wait_for_ten_thousand_others(void **state)
{
    dd_auto(dd_taskfile) taskfile = NULL;
    dd_auto(dd_problems) problems = NULL;
    dd_auto(dd_buf) text = dd_buf_new();

    (void)state;
    dd_buf_add_str(text, "steps:\n");
    for (size_t i = 0; i < 10000; i++)
        dd_buf_printf(text, "  - {id: s%zu, cmd: x, when: \"-\"}\n", i);
    dd_buf_add_str(text, "  - {id: last, cmd: x, when: [");
    for (size_t i = 10000; i-- > 0;)
        dd_buf_printf(text, "s%zu, ", i);
    dd_buf_add_str(text, "s7, cmd]}\n");
    assert_int_equal(dd_taskfile_parse(text->data, text->length, NULL, &taskfile, &problems), 0);
    assert_int_equal(taskfile->steps[10000].need_count, 10000);
    for (size_t i = 0; i < 10000; i++)
        assert_int_equal(taskfile->steps[10000].needs[i], i);
    assert_int_equal(taskfile->stage_of[10000], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_graphs_are_ordered_or_their_cycles_named),
        cmocka_unit_test(every_form_of_when_makes_the_graph_that_it_means),
        cmocka_unit_test(the_same_file_gives_the_same_answer),
        cmocka_unit_test(ten_thousand_steps_in_a_row_are_quick),
        cmocka_unit_test(ten_thousand_steps_that_wait_forwards_do_not_recurse),
        cmocka_unit_test(a_ring_of_ten_thousand_is_named_in_short),
        cmocka_unit_test(kind_names_that_multiply_are_bounded),
        cmocka_unit_test(kinds_that_no_step_has_are_not_looked_for_at_length),
        cmocka_unit_test(a_step_may_wait_for_ten_thousand_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
