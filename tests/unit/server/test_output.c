/* What verbs print: tables that align, and nothing that a terminal obeys. */
#include "server/verbs/verbs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What `print` writes to standard output; owned. */
static char *printed(void (*print)(const json_t *), const json_t *json)
{
    FILE *file = tmpfile();
    int saved = dup(STDOUT_FILENO);
    dd_auto(dd_buf) text = NULL;
    assert_non_null(file);
    fflush(stdout);
    dup2(fileno(file), STDOUT_FILENO);
    print(json);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    lseek(fileno(file), 0, SEEK_SET);
    assert_int_equal(dd_buf_read_fd(fileno(file), 65536, &text, NULL), 0);
    fclose(file);
    return dd_buf_steal(text);
}

static void print_rows(const json_t *rows)
{
    static const dd_column columns[] = {{"NAME", "name"}, {"N", "count"}, {"STATE", "state"}};
    dd_print_table(rows, columns, DD_COUNT(columns));
}

static void columns_align_by_characters(void **state)
{
    json_t *rows = json_pack("[{s:s, s:i, s:s}, {s:s, s:n}, {s:s, s:i, s:s}]", "name", "app", "count", 12,
                             "state", "x", "name",
                             "gr\xc3\xbc\xc3\x9f"
                             "e",
                             "count", "name", "", "count", 3, "state", "y");
    (void)state;
    dd_auto_str text = printed(print_rows, rows);
    assert_string_equal(text, "NAME   N   STATE\n"
                              "app    12  x\n"
                              "gr\xc3\xbc\xc3\x9f"
                              "e  -   -\n"
                              "-      3   y\n");
    json_decref(rows);
}

static void a_table_without_rows_is_its_heading(void **state)
{
    json_t *rows = json_array();
    (void)state;
    dd_auto_str text = printed(print_rows, rows);
    assert_string_equal(text, "NAME  N  STATE\n");
    json_decref(rows);
}

static void control_characters_are_written_out(void **state)
{
    static const char *const cases[][2] = {{"plain \xc3\xa9", "plain \xc3\xa9"},
                                           {"a\nb\tc", "a\\x0ab\\x09c"},
                                           {"\x1b]0;title\x07", "\\x1b]0;title\\x07"},
                                           {"\x7f", "\\x7f"},
                                           {"\xc2\x9b"
                                            "31m",
                                            "\\x9b31m"},
                                           {"\xc2\xa0", "\xc2\xa0"},
                                           {"cut \xc2", "cut \\xc2"},
                                           {"", ""}};
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto_str text = dd_text_safe(cases[i][0]);
        assert_string_equal(text, cases[i][1]);
    }
    json_t *rows = json_pack("[{s:s}]", "name", "a\x1b[2Jb");
    dd_auto_str table = printed(print_rows, rows);
    assert_null(strchr(table, '\x1b'));
    json_decref(rows);
}

static void json_keeps_its_members_in_order(void **state)
{
    json_t *json = json_pack("{s:i, s:[s], s:s}", "z", 1, "a", "x", "m", "\xc3\xa9");
    (void)state;
    dd_auto_str text = printed(dd_print_json, json);
    assert_string_equal(text, "{\n  \"z\": 1,\n  \"a\": [\n    \"x\"\n  ],\n  \"m\": \"\xc3\xa9\"\n}\n");
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_align_by_characters),
        cmocka_unit_test(a_table_without_rows_is_its_heading),
        cmocka_unit_test(control_characters_are_written_out),
        cmocka_unit_test(json_keeps_its_members_in_order),
    };
    return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
