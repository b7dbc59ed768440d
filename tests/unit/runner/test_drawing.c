/* Graphs as they are drawn: pictures by hand, and, for random graphs, that whoever follows the lines finds
 * exactly the steps that wait. */
#include "runner/lang/graph_private.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST_STEPS 40

static dd_taskfile *read_file(const char *text)
{
    dd_taskfile *taskfile = NULL;
    dd_auto(dd_problems) problems = NULL;

    if (dd_taskfile_parse(text, strlen(text), NULL, &taskfile, &problems) < 0)
        fail_msg("%s\n%s", problems->errors[0]->message, text);
    return taskfile;
}

/* `steps` is the list's inside. */
static void check(const char *steps, const dd_screen *screen, const char *wanted)
{
    dd_auto_str text = dd_sprintf("steps:\n%s", steps);
    dd_auto(dd_taskfile) taskfile = read_file(text);
    dd_auto_str drawn = dd_taskfile_to_text(taskfile, screen);

    assert_string_equal(drawn, wanted);
}

static const dd_screen plain = {.utf8 = true, .columns = 80};

static void chains_are_columns(void **state)
{
    (void)state;
    check("- {id: a, build: .}\n- {id: bcd, cmd: x}\n- {push: y}\n", &plain,
          "●  a           build\n"
          "●  bcd         cmd    ← a\n"
          "●  acb_step_2  push   ← bcd\n");
    check("", &plain, "");
}

static void steps_that_run_at_once_hang_from_one_line(void **state)
{
    (void)state;
    check("- {id: a, cmd: x}\n- {id: b, cmd: x, when: [a]}\n- {id: c, cmd: x, when: [a]}\n"
          "- {id: d, cmd: x, when: [b, c]}\n",
          &plain,
          "●    a  cmd\n"
          "├─●  b  cmd    ← a\n"
          "├─●  c  cmd    ← a\n"
          "●    d  cmd    ← b, c\n");
    check("- {id: a, cmd: x}\n- {id: b, cmd: x, when: ['-']}\n", &plain,
          "┌─●  a  cmd\n"
          "└─●  b  cmd\n");
}

static void ways_of_several_steps_have_lanes_of_their_own(void **state)
{
    (void)state;
    check("- {id: a, cmd: x}\n- {id: b, cmd: x, when: [a]}\n- {id: c, cmd: x, when: [b]}\n"
          "- {id: d, cmd: x, when: [a]}\n- {id: e, cmd: x, when: [c, d]}\n",
          &plain,
          "●    a  cmd\n"
          "├─┐\n"
          "│ ●  b  cmd    ← a\n"
          "│ ●  c  cmd    ← b\n"
          "● │  d  cmd    ← a\n"
          "├─┘\n"
          "●    e  cmd    ← c, d\n");
}

static void what_does_not_wait_stands_apart(void **state)
{
    (void)state;
    check("- {id: a, cmd: x}\n- {id: b, cmd: x}\n- {id: c, cmd: x, when: ['-']}\n- {id: d, cmd: x}\n", &plain,
          "●  a  cmd\n"
          "●  b  cmd    ← a\n"
          "\n"
          "●  c  cmd\n"
          "●  d  cmd    ← c\n");
}

static void without_utf8_it_is_ascii(void **state)
{
    const dd_screen ascii = {.columns = 80};

    (void)state;
    check("- {id: ä, cmd: x}\n- {id: b, cmd: x, when: [ä]}\n- {id: c, cmd: x, when: [ä]}\n", &ascii,
          "*    ?  cmd\n"
          "+-*  b  cmd    <- ?\n"
          "'-*  c  cmd    <- ?\n");
}

static void colours_are_for_those_who_want_them(void **state)
{
    const dd_screen colour = {.utf8 = true, .columns = 80, .terminal = true, .colour = true};

    (void)state;
    check("- {id: a, build: .}\n", &colour, "●  \033[1ma\033[0m  \033[34mbuild\033[0m\n");
}

static void nothing_in_an_id_is_obeyed(void **state)
{
    (void)state;
    check("- {id: \"a\\e[2J\", cmd: x}\n", &plain, "●  a\\x1b[2J  cmd\n");
}

/* 60 steps in 30 ways that never meet again have no room on rails. */
static void what_is_too_wide_is_a_list_of_stages(void **state)
{
    const dd_screen narrow = {.utf8 = true, .columns = 40};
    dd_buf steps = {0};

    (void)state;
    for (int i = 0; i < 30; i++)
        dd_buf_printf(&steps, "- {id: a%d, cmd: x, when: ['-']}\n", i);
    for (int i = 0; i < 30; i++)
        dd_buf_printf(&steps, "- {id: b%d, cmd: x, when: [a%d, a%d]}\n", i, (i * 7) % 30, (i * 11 + 3) % 30);
    dd_auto_str text = dd_sprintf("steps:\n%s", steps.data);
    dd_auto(dd_taskfile) taskfile = read_file(text);
    dd_auto_str drawn = dd_taskfile_to_text(taskfile, &narrow);

    assert_true(dd_str_starts(drawn, "stage 1\n├─ a0   cmd\n"));
    assert_non_null(strstr(drawn, "└─ a29  cmd\nstage 2\n├─ b0   cmd    ← a0, a3\n"));
    dd_buf_done(&steps);
}

static void dot_is_quoted(void **state)
{
    dd_auto(dd_taskfile) taskfile = read_file("steps:\n- {id: 'a\"b\\', build: .}\n- {id: c, push: x}\n");
    dd_auto_str dot = dd_taskfile_to_dot(taskfile);

    (void)state;
    assert_string_equal(dot, "digraph task {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n"
                             "  \"a\\\"b\\\\\" [label=\"a\\\"b\\\\\\nbuild\", shape=box3d];\n"
                             "  \"c\" [label=\"c\\npush\", shape=cds];\n"
                             "  \"a\\\"b\\\\\" -> \"c\";\n}\n");
}

/* ---- Following the lines ---- */

static unsigned random_state = 7;

static unsigned next_random(unsigned below)
{
    random_state = random_state * 1103515245 + 12345;
    return (random_state >> 16) % below;
}

/* Sets of steps, a bit each. */
typedef struct follower {
    const dd_rails *rails;
    uint64_t carried[2 * MOST_STEPS];  /* per column: who has flowed into the lane */
    uint64_t gathered[2 * MOST_STEPS]; /* per column: leaves that flow into it when their group is over */
    uint64_t before[MOST_STEPS];       /* what is found: per step, who ends before it starts */
    uint64_t seen;
} follower;

static unsigned char cell(const dd_rails_row *row, size_t at)
{
    return at < row->length ? row->cells[at] : 0;
}

/* The column of a step's row where lines enter it: of its node, or of the line that it hangs from. */
static size_t entry_of(const dd_rails_row *row)
{
    size_t at = 0;

    while (!(cell(row, at) & DD_NODE))
        at++;
    if (at && cell(row, at - 1) & DD_RIGHT)
        while (!(cell(row, at) & (DD_UP | DD_DOWN) && cell(row, at) & DD_RIGHT))
            at -= 2;
    return at / 2;
}

/* Lines alone: what takes part in the horizontal one flows to the lane that leads on, or to the next row's
 * step. */
static void follow_lines(follower *f, const dd_rails_row *row, const dd_rails_row *next)
{
    uint64_t all = 0;
    size_t down = 0, target = 0;

    for (size_t i = 0; 2 * i < row->length; i++) {
        unsigned char at = cell(row, 2 * i);

        if (!(at & (DD_LEFT | DD_RIGHT)) || !(at & (DD_UP | DD_DOWN)))
            continue;
        if (at & DD_UP)
            all |= f->carried[i];
        if (at & DD_DOWN && !down++)
            target = i;
    }
    if (down > 1) {
        assert_true(next && next->step != DD_NO_STEP);
        target = entry_of(next);
    }
    if (down)
        f->carried[target] = all;
    for (size_t i = 0; i < DD_COUNT(f->carried); i++)
        if (!(cell(row, 2 * i) & DD_DOWN))
            f->carried[i] = 0;
}

static void follow_step(follower *f, const dd_rails_row *row)
{
    size_t column = entry_of(row);
    uint64_t into;

    for (size_t i = 0; i < DD_COUNT(f->carried); i++)
        if (!cell(row, 2 * i))
            f->carried[i] = 0;
    if (!(cell(row, 2 * column) & (DD_UP | DD_NODE)))
        f->carried[column] = 0; /* a line begins here */
    into = f->carried[column];
    for (uint64_t rest = into, i = 0; rest; rest >>= 1, i++)
        if (rest & 1)
            into |= f->before[i];
    f->before[row->step] = into;
    assert_false(f->seen >> row->step & 1);
    f->seen |= (uint64_t)1 << row->step;
    if (cell(row, 2 * column) & DD_NODE)
        f->carried[column] = (uint64_t)1 << row->step;
    else
        f->gathered[column] |= (uint64_t)1 << row->step;
}

static bool hangs_on(const dd_rails_row *row, size_t column)
{
    return row && row->step != DD_NO_STEP && entry_of(row) == column && !(cell(row, 2 * column) & DD_NODE) &&
           cell(row, 2 * column) & DD_UP;
}

static void follow(follower *f, const dd_rails *rails)
{
    *f = (follower){.rails = rails};
    for (size_t i = 0; i < rails->count; i++) {
        const dd_rails_row *next = i + 1 < rails->count ? &rails->rows[i + 1] : NULL;

        if (rails->rows[i].step == DD_NO_STEP)
            follow_lines(f, &rails->rows[i], next);
        else
            follow_step(f, &rails->rows[i]);
        for (size_t j = 0; j < DD_COUNT(f->gathered); j++)
            if (f->gathered[j] && !hangs_on(next, j)) {
                f->carried[j] = cell(&rails->rows[i], 2 * j) & DD_DOWN ? f->gathered[j] : 0;
                f->gathered[j] = 0;
            }
    }
}

/* Steps wait for earlier and later ones; a random order of them has no cycles. */
static dd_taskfile *random_graph(size_t count)
{
    dd_buf text = {0};
    size_t most = 1 + next_random(4), places[MOST_STEPS];

    dd_buf_add_str(&text, "steps:\n");
    for (size_t i = 0; i < count; i++)
        places[i] = i;
    for (size_t i = count; i > 1; i--) {
        size_t other = next_random((unsigned)i), moved = places[i - 1];

        places[i - 1] = places[other];
        places[other] = moved;
    }
    for (size_t i = 0; i < count; i++) {
        size_t needs = next_random((unsigned)most + 1);

        dd_buf_printf(&text, "- {id: s%zu, cmd: x, when: [", i);
        if (!needs || !places[i])
            dd_buf_add_str(&text, "'-'");
        else
            for (size_t j = 0; j < needs; j++) {
                size_t wanted = next_random((unsigned)places[i]), found = 0;

                while (places[found] != wanted)
                    found++;
                dd_buf_printf(&text, "%ss%zu", j ? ", " : "", found);
            }
        dd_buf_add_str(&text, "]}\n");
    }
    dd_taskfile *taskfile = read_file(text.data);

    dd_buf_done(&text);
    return taskfile;
}

static uint64_t closure(const dd_taskfile *taskfile, size_t step)
{
    uint64_t ret = 0;

    for (size_t i = 0; i < taskfile->steps[step].need_count; i++)
        ret |=
            (uint64_t)1 << taskfile->steps[step].needs[i] | closure(taskfile, taskfile->steps[step].needs[i]);
    return ret;
}

static void whoever_follows_the_lines_finds_who_waits(void **state)
{
    (void)state;
    for (int round = 0; round < 2000; round++) {
        size_t count = 1 + next_random(16);
        dd_auto(dd_taskfile) taskfile = random_graph(count);
        dd_rails rails;
        follower f;

        assert_true(dd_rails_draw(taskfile, 1000, &rails));
        follow(&f, &rails);
        assert_int_equal(f.seen, ((uint64_t)1 << count) - 1);
        for (size_t i = 0; i < count; i++)
            if (f.before[i] != closure(taskfile, i)) {
                dd_auto_str drawn = dd_taskfile_to_text(taskfile, &plain);

                fail_msg("s%zu: 0x%llx and not 0x%llx\n%s", i, (unsigned long long)f.before[i],
                         (unsigned long long)closure(taskfile, i), drawn);
            }
        dd_rails_done(&rails);
    }
}

static void no_line_is_wider_than_the_screen(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        dd_auto(dd_taskfile) taskfile = random_graph(1 + next_random(MOST_STEPS));
        const dd_screen screen = {.utf8 = round % 2, .columns = 40 + next_random(60)};
        dd_auto_str drawn = dd_taskfile_to_text(taskfile, &screen);
        char *save = NULL;

        for (size_t i = 0; i < taskfile->step_count; i++)
            assert_non_null(strstr(drawn, taskfile->steps[i].id));
        for (char *line = strtok_r(drawn, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
            assert_true(dd_text_cells(line) <= screen.columns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_are_columns),
        cmocka_unit_test(steps_that_run_at_once_hang_from_one_line),
        cmocka_unit_test(ways_of_several_steps_have_lanes_of_their_own),
        cmocka_unit_test(what_does_not_wait_stands_apart),
        cmocka_unit_test(without_utf8_it_is_ascii),
        cmocka_unit_test(colours_are_for_those_who_want_them),
        cmocka_unit_test(nothing_in_an_id_is_obeyed),
        cmocka_unit_test(what_is_too_wide_is_a_list_of_stages),
        cmocka_unit_test(dot_is_quoted),
        cmocka_unit_test(whoever_follows_the_lines_finds_who_waits),
        cmocka_unit_test(no_line_is_wider_than_the_screen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
