/* The bounds of templates (acr-tasks.md, 9.15) at their real sizes: what is just within them works, one more
 * is refused by name, and either is quick. */
#include "runner/runner.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OUTPUT_MAX ((size_t)16 * 1024 * 1024)
#define NEST_MAX   100

typedef struct result {
    dd_buf *output;
    dd_error *error;
} result;

static result render(const char *text)
{
    dd_auto(dd_template_data) data = dd_template_data_new();
    result ret = {0};

    dd_render(text, strlen(text), data, &ret.output, &ret.error);
    return ret;
}

static void assert_written(const char *text, size_t wanted)
{
    result got = render(text);

    if (got.error)
        fail_msg("%s", got.error->message);
    assert_int_equal(got.output->length, wanted);
    dd_buf_free(got.output);
}

static void assert_limit(const char *text, const char *words)
{
    result got = render(text);

    assert_non_null(got.error);
    assert_int_equal(got.error->code, DD_ERR_LIMIT);
    if (!strstr(got.error->message, words))
        fail_msg("wanted '%s' in: %s", words, got.error->message);
    dd_error_free(got.error);
}

static void add_times(dd_buf *into, const char *what, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dd_buf_add_str(into, what);
}

/* 16 loops over a text of 1 MiB, and what is written behind. */
static char *writer(const char *behind)
{
    return dd_sprintf("{{$x := repeat 1048576 \"x\"}}{{range until 16}}{{$x}}{{end}}%s", behind);
}

static void sixteen_mebibytes_are_written_and_no_byte_more(void **state)
{
    dd_auto_str most = writer("");
    dd_auto_str more = writer("y");
    dd_auto_str action = writer("{{1}}");

    (void)state;
    assert_written(most, OUTPUT_MAX);
    assert_limit(more, "16 MiB");
    assert_limit(action, "16 MiB");
}

static void output_that_doubles_is_refused_before_it_is_made(void **state)
{
    (void)state;
    assert_limit("{{range until 1000}}{{range until 1000}}{{repeat 1000 \"0123456789\"}}{{end}}{{end}}",
                 "16 MiB");
    assert_limit("a: {{$x := \"0123456789\"}}{{range until 100}}{{$x = print $x $x}}{{end}}{{$x}}", "MiB");
    assert_limit(
        "{{define \"t\"}}{{.}}{{.}}{{template \"t\" (print . .)}}{{end}}{{template \"t\" \"xxxxxxxx\"}}", "");
}

static void a_million_turns_are_made_and_no_more(void **state)
{
    (void)state;
    /* 999 outer turns with 1000 inner ones each are 999,999; one turn is left. */
    assert_written("{{range until 999}}{{range until 1000}}{{end}}{{end}}{{range until 1}}x{{end}}", 1);
    assert_limit("{{range until 999}}{{range until 1000}}{{end}}{{end}}{{range until 2}}x{{end}}", "1000000");
    assert_limit("{{range until 1000}}{{range until 1000}}{{range until 1000}}{{end}}{{end}}{{end}}",
                 "1000000");
}

static void calls_of_templates_are_turns_too(void **state)
{
    (void)state;
    assert_limit(
        "{{define \"t\"}}{{end}}{{range until 1000}}{{range until 1000}}{{template \"t\"}}{{end}}{{end}}",
        "1000000");
}

static void assert_nest(const char *open, const char *inside, const char *close, const char *before,
                        size_t written)
{
    for (size_t depth = NEST_MAX; depth <= NEST_MAX + 1; depth++) {
        dd_buf text = {0};

        dd_buf_add_str(&text, before);
        add_times(&text, open, depth);
        dd_buf_add_str(&text, inside);
        add_times(&text, close, depth);
        if (depth <= NEST_MAX)
            assert_written(text.data, written);
        else
            assert_limit(text.data, "deeper than 100");
        dd_buf_done(&text);
    }
}

static void a_hundred_blocks_stand_in_each_other_and_no_more(void **state)
{
    (void)state;
    assert_nest("{{if 1}}", "x", "{{end}}", "", 1);
    assert_nest("{{with 1}}", "x", "{{end}}", "", 1);
    assert_nest("{{range until 1}}", "x", "{{end}}", "", 1);
}

static void a_hundred_parentheses_stand_in_each_other_and_no_more(void **state)
{
    dd_buf text = {0};

    (void)state;
    for (size_t depth = NEST_MAX; depth <= NEST_MAX + 1; depth++) {
        dd_buf_clear(&text);
        dd_buf_add_str(&text, "{{");
        add_times(&text, "(", depth);
        dd_buf_add_str(&text, "7");
        add_times(&text, ")", depth);
        dd_buf_add_str(&text, "}}");
        if (depth <= NEST_MAX)
            assert_written(text.data, 1);
        else
            assert_limit(text.data, "deeper than 100");
    }
    dd_buf_done(&text);
}

static void a_hundred_templates_call_each_other_and_no_more(void **state)
{
    static const char format[] = "{{define \"t\"}}{{if gt . 1}}{{template \"t\" (int (sub . "
                                 "1))}}{{else}}x{{end}}{{end}}{{template \"t\" %d}}";
    dd_auto_str most = dd_sprintf(format, NEST_MAX);
    dd_auto_str more = dd_sprintf(format, NEST_MAX + 1);

    (void)state;
    assert_written(most, 1);
    assert_limit(more, "deeper than 100");
}

/* A long chain does not nest. */
static void else_if_may_go_on_for_long(void **state)
{
    dd_buf text = {0};

    (void)state;
    dd_buf_add_str(&text, "{{if 0}}");
    add_times(&text, "{{else if 0}}", 10000);
    dd_buf_add_str(&text, "{{else}}x{{end}}");
    assert_written(text.data, 1);
    dd_buf_done(&text);
}

/* However little of it is kept: each would take minutes. */
static void reading_and_making_the_same_again_takes_steps(void **state)
{
    static const char *const repeated[] = {
        "{{$x := repeat 8000000 \" \"}}{{range until 100000}}{{$y := trim $x}}{{end}}",
        "{{$x := repeat 8000000 \" \"}}{{range until 100000}}{{$y := $x | trimAll \" \"}}{{end}}",
        "{{$x := repeat 1000000 \"x\"}}{{range until 100000}}{{$y := $x | contains \"xy\"}}{{end}}",
        "{{$x := until 10000}}{{range until 100000}}{{if print $x}}{{end}}{{end}}",
        ("{{$x := dict}}{{range until 5000}}{{$_ := set $x (toString .) .}}{{end}}"
         "{{range until 500000}}{{range $x}}{{break}}{{end}}{{end}}"),
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(repeated); i++)
        assert_limit(repeated[i], "too many steps");
}

static void widths_and_precisions_are_bounded_in_sum(void **state)
{
    dd_buf text = {0};

    (void)state;
    dd_buf_add_str(&text, "{{printf \"");
    add_times(&text, "%1000000d", 400);
    dd_buf_add_str(&text, "\"");
    add_times(&text, " 1", 400);
    dd_buf_add_str(&text, "}}");
    assert_limit(text.data, "MiB");
    dd_buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sixteen_mebibytes_are_written_and_no_byte_more),
        cmocka_unit_test(output_that_doubles_is_refused_before_it_is_made),
        cmocka_unit_test(a_million_turns_are_made_and_no_more),
        cmocka_unit_test(calls_of_templates_are_turns_too),
        cmocka_unit_test(a_hundred_blocks_stand_in_each_other_and_no_more),
        cmocka_unit_test(a_hundred_parentheses_stand_in_each_other_and_no_more),
        cmocka_unit_test(a_hundred_templates_call_each_other_and_no_more),
        cmocka_unit_test(else_if_may_go_on_for_long),
        cmocka_unit_test(reading_and_making_the_same_again_takes_steps),
        cmocka_unit_test(widths_and_precisions_are_bounded_in_sum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
