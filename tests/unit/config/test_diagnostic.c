/* Problems as a compiler tells them: the caret stands beneath its character whatever is before it, and
 * nothing reaches a terminal that it would obey. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/base/base.h"
#include <stdlib.h>
#include <string.h>

static const dd_screen plain = {.utf8 = true};

/* `text` with an error at the place, told on the screen, must read as `wanted`. */
static void check(const char *text, int line, int column, const dd_screen *screen, const char *wanted)
{
    dd_auto(dd_error) error = NULL;
    dd_fail_at(&error, DD_ERR_INVALID, (dd_place){line, column}, "steps[0].when", "wrong");
    dd_auto_str told = dd_diagnostic(error, "error", "f.yaml", text, strlen(text), screen);
    assert_string_equal(told, wanted);
}

static void the_line_follows_with_a_caret_and_the_hint(void **state)
{
    const char *text = "steps:\n  - cmd: a\n    when: [b]\n";
    dd_auto(dd_error) error = NULL;
    (void)state;
    dd_fail_at(&error, DD_ERR_INVALID, (dd_place){3, 12}, "steps[0].when", "no step is named 'b'");
    dd_hint(&error, "did you mean a?");
    dd_auto_str told = dd_diagnostic(error, "warning", "f.yaml", text, strlen(text), &plain);
    assert_string_equal(told, "f.yaml:3:12: warning: steps[0].when: no step is named 'b'\n"
                              "    when: [b]\n"
                              "           ^\n"
                              "  hint: did you mean a?\n");
}

static void without_a_place_or_a_text_or_on_an_empty_line_there_is_no_line(void **state)
{
    dd_auto(dd_error) error = NULL;
    (void)state;
    dd_fail(&error, DD_ERR_NOT_FOUND, "no such file");
    dd_auto_str told = dd_diagnostic(error, "error", "f.yaml", NULL, 0, &plain);
    assert_string_equal(told, "f.yaml: error: no such file\n");
    check("a\n", 7, 1, &plain, "f.yaml:7:1: error: steps[0].when: wrong\n");
    check("", 1, 1, &plain, "f.yaml:1:1: error: steps[0].when: wrong\n");
    check("a\r\n\r\nb\n", 2, 1, &plain, "f.yaml:2:1: error: steps[0].when: wrong\n");
}

static void tabs_stay_tabs_before_the_caret(void **state)
{
    (void)state;
    check("\ta:\tb\r\n", 1, 5, &plain, "f.yaml:1:5: error: steps[0].when: wrong\n\ta:\tb\n\t  \t^\n");
}

static void wide_and_combining_characters_take_their_cells(void **state)
{
    (void)state;
    check("世界: x", 1, 9, &plain, "f.yaml:1:9: error: steps[0].when: wrong\n世界: x\n      ^\n");
    check("e\xcc\x81: x", 1, 6, &plain, "f.yaml:1:6: error: steps[0].when: wrong\ne\xcc\x81: x\n   ^\n");
}

static void a_column_behind_the_line_is_its_end(void **state)
{
    (void)state;
    check("ab\ncd", 1, 99, &plain, "f.yaml:1:99: error: steps[0].when: wrong\nab\n  ^\n");
    check("ab\ncd", 2, 3, &plain, "f.yaml:2:3: error: steps[0].when: wrong\ncd\n  ^\n");
}

static void nothing_is_shown_that_a_terminal_would_obey(void **state)
{
    (void)state;
    check("a\x1b[2J\xff\xc2\x9b b", 1, 10, &plain,
          "f.yaml:1:10: error: steps[0].when: wrong\na\\x1b[2J\\xff\\x9b b\n                 ^\n");
    check("a\xe2\x80\xae x", 1, 6, &plain,
          "f.yaml:1:6: error: steps[0].when: wrong\na\\u202e x\n        ^\n");
}

static void a_long_line_is_cut_around_the_column(void **state)
{
    const dd_screen narrow = {.utf8 = true, .columns = 20}, ascii = {.columns = 20};
    (void)state;
    check("0123456789abcdefghijklmnopqrstuvwxyz", 1, 19, &narrow,
          "f.yaml:1:19: error: steps[0].when: wrong\n…9abcdefghijklmnopq…\n          ^\n");
    check("0123456789abcdefghijklmnopqrstuvwxyz", 1, 2, &narrow,
          "f.yaml:1:2: error: steps[0].when: wrong\n0123456789abcdefgh…\n ^\n");
    check("0123456789abcdefghijklmnopqrstuvwxyz", 1, 36, &narrow,
          "f.yaml:1:36: error: steps[0].when: wrong\n…ijklmnopqrstuvwxyz\n                  ^\n");
    check("0123456789abcdefghijklmnopqrstuvwxyz", 1, 19, &ascii,
          "f.yaml:1:19: error: steps[0].when: wrong\n...bcdefghijklmno...\n          ^\n");
    check("世世世世世世世世世世x世世世世世世世世", 1, 31, &narrow,
          "f.yaml:1:31: error: steps[0].when: wrong\n…世世世世x世世世世…\n         ^\n");
}

static void colours_are_for_terminals(void **state)
{
    const dd_screen colour = {.utf8 = true, .terminal = true, .colour = true, .columns = 80};
    (void)state;
    check("a", 1, 1, &colour,
          "\033[1mf.yaml:1:1:\033[0m \033[1;31merror:\033[0m steps[0].when: wrong\na\n\033[1;32m^\033[0m\n");
}

/* Random bytes: no control reaches the output, and no line is wider than the screen. */
static void any_bytes_are_told_within_the_width(void **state)
{
    dd_auto(dd_error) error = NULL;
    unsigned seed = 1;
    char text[200];
    (void)state;
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof(text); i++) {
            seed = seed * 1103515245 + 12345;
            text[i] = (char)(seed >> 16);
        }
        text[0] = 'x';
        text[sizeof(text) - 1] = '\n';
        const dd_screen screen = {.utf8 = round % 2, .columns = 40};
        dd_fail_at(&error, DD_ERR_INVALID, (dd_place){1, round % 200 + 1}, NULL, "wrong");
        dd_auto_str told = dd_diagnostic(error, "error", "f", text, sizeof(text), &screen);
        char *line = strchr(told, '\n') + 1, *under = strchr(line, '\n') + 1;
        assert_true(strchr(under, '^') - under <= 48);
        under[-1] = '\0';
        assert_true(strchr(line, '\t') || dd_text_cells(line) <= 40);
        for (char *c = line; *c; c++)
            assert_true((unsigned char)*c >= 0x20 || *c == '\t');
    }
}

static void the_screen_is_what_the_environment_says(void **state)
{
    (void)state;
    setenv("COLUMNS", "33", 1);
    setenv("LC_ALL", "de_DE.UTF-8", 1);
    dd_screen screen = dd_screen_of(-1);
    assert_int_equal(screen.columns, 33);
    assert_true(screen.utf8 && !screen.terminal && !screen.colour);
    setenv("COLUMNS", "wide", 1);
    setenv("LC_ALL", "C", 1);
    screen = dd_screen_of(-1);
    assert_int_equal(screen.columns, 0);
    assert_false(screen.utf8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_follows_with_a_caret_and_the_hint),
        cmocka_unit_test(without_a_place_or_a_text_or_on_an_empty_line_there_is_no_line),
        cmocka_unit_test(tabs_stay_tabs_before_the_caret),
        cmocka_unit_test(wide_and_combining_characters_take_their_cells),
        cmocka_unit_test(a_column_behind_the_line_is_its_end),
        cmocka_unit_test(nothing_is_shown_that_a_terminal_would_obey),
        cmocka_unit_test(a_long_line_is_cut_around_the_column),
        cmocka_unit_test(colours_are_for_terminals),
        cmocka_unit_test(any_bytes_are_told_within_the_width),
        cmocka_unit_test(the_screen_is_what_the_environment_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
