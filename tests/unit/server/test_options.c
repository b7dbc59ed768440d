/* The command line: options by a table, and what is said of a wrong one. */
#include "server/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

static const dd_option options[] = {
    {"file", 'f', "FILE", "a file"},
    {"set", 0, "KEY=VALUE", "again for more"},
    {"quiet", 'q', NULL, "a switch"},
    {"all", 'a', NULL, "another"},
    {"limit", 'n', "NUMBER", "a number"},
    {"output", 'o', "FORMAT", "table or json"},
    {0},
};
static const dd_verb verb = {
    .name = "try", .summary = "", .usage = "NAME", .help = "", .options = options, .most = 2};
static const dd_verb strict = {
    .name = "try", .summary = "", .usage = "NAME", .help = "", .least = 1, .most = 1};

static int parse(const dd_verb *of, char **argv, dd_args **ret, dd_error **err)
{
    int argc = 0;
    while (argv[argc])
        argc++;
    return dd_args_parse(of, argc, argv, ret, err);
}

static void values_stand_behind_or_beside_their_option(void **state)
{
    static char *const forms[][3] = {{"--file", "x"}, {"--file=x"}, {"-f", "x"},
                                     {"-fx"},         {"-qfx"},     {"-f", "x"}};
    (void)state;
    for (size_t i = 0; i < DD_COUNT(forms); i++) {
        char *argv[] = {forms[i][0], forms[i][1], forms[i][2], NULL};
        dd_args *args;
        assert_int_equal(parse(&verb, argv, &args, NULL), 0);
        assert_string_equal(dd_args_value(args, "file"), "x");
        assert_null(dd_args_value(args, "set"));
        dd_args_free(args);
    }
}

static void an_option_given_again_has_all_its_values_and_the_last_one_counts(void **state)
{
    char *argv[] = {"--set", "a=1", "one", "--set=b=2", "-qa", "--", "--set", NULL};
    dd_args *args;
    (void)state;
    assert_int_equal(parse(&verb, argv, &args, NULL), 0);
    const dd_strv *sets = dd_args_values(args, "set");
    assert_int_equal(sets->count, 2);
    assert_string_equal(sets->items[0], "a=1");
    assert_string_equal(dd_args_value(args, "set"), "b=2");
    assert_true(dd_args_has(args, "quiet"));
    assert_true(dd_args_has(args, "all"));
    assert_false(dd_args_has(args, "file"));
    assert_string_equal(dd_args_word(args, 0), "one");
    assert_string_equal(dd_args_word(args, 1), "--set"); /* behind -- all are words */
    assert_null(dd_args_word(args, 2));
    dd_args_free(args);
}

static void a_dash_alone_is_a_word_and_an_empty_value_is_one(void **state)
{
    char *argv[] = {"-", "--file", "", "--set=", NULL};
    dd_args *args;
    (void)state;
    assert_int_equal(parse(&verb, argv, &args, NULL), 0);
    assert_string_equal(dd_args_word(args, 0), "-");
    assert_string_equal(dd_args_value(args, "file"), "");
    assert_string_equal(dd_args_value(args, "set"), "");
    dd_args_free(args);
}

static void assert_refused(const dd_verb *of, char **argv, const char *message, const char *hint)
{
    dd_args *args;
    dd_auto(dd_error) error = NULL;
    assert_int_equal(parse(of, argv, &args, &error), -1);
    assert_int_equal(error->code, DD_ERR_INVALID);
    assert_string_equal(error->message, message);
    if (hint)
        assert_string_equal(error->hint, hint);
    dd_args_free(args);
}

static void wrong_uses_are_named(void **state)
{
    (void)state;
    assert_refused(&verb, (char *[]){"--fil", "x", NULL}, "no option --fil", "is --file meant?");
    assert_refused(&verb, (char *[]){"-x", NULL}, "no option -x", NULL);
    assert_refused(&verb, (char *[]){"--quiet=yes", NULL}, "--quiet takes no value", NULL);
    assert_refused(&verb, (char *[]){"--file", NULL}, "--file needs a value (FILE)", NULL);
    assert_refused(&verb, (char *[]){"-qf", NULL}, "-f needs a value (FILE)", NULL);
    assert_refused(&verb, (char *[]){"a", "b", "c", NULL}, "one argument too many: 'c'", NULL);
    assert_refused(&strict, (char *[]){NULL}, "an argument is missing: drydock try NAME", NULL);
    assert_refused(&strict, (char *[]){"--all", "a", NULL}, "no option --all", NULL);
}

static void help_is_given_whatever_else_is_missing(void **state)
{
    static char *const forms[] = {"--help", "-h"};
    (void)state;
    for (size_t i = 0; i < DD_COUNT(forms); i++) {
        char *argv[] = {forms[i], NULL};
        dd_args *args;
        assert_int_equal(parse(&strict, argv, &args, NULL), 0);
        assert_true(dd_args_help(args));
        dd_args_free(args);
    }
}

static void numbers_and_formats_are_within_their_bounds(void **state)
{
    static const struct {
        const char *text;
        int result;
    } cases[] = {
        {"1", 0}, {"9", 0}, {"0", -1}, {"10", -1}, {"", -1}, {"2x", -1}, {"99999999999999999999", -1}};
    int64_t number = 5;
    bool as_json = false;
    dd_args *args;
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto_str word = dd_sprintf("--limit=%s", cases[i].text);
        char *argv[] = {word, NULL};
        assert_int_equal(parse(&verb, argv, &args, NULL), 0);
        assert_int_equal(dd_args_int(args, "limit", 1, 9, &number, NULL), cases[i].result);
        dd_args_free(args);
    }
    assert_int_equal(parse(&verb, (char *[]){"-o", "json", NULL}, &args, NULL), 0);
    number = 5;
    assert_int_equal(dd_args_int(args, "limit", 1, 9, &number, NULL), 0);
    assert_int_equal(number, 5); /* not given: left alone */
    assert_int_equal(dd_args_output(args, &as_json, NULL), 0);
    assert_true(as_json);
    dd_args_free(args);
    assert_int_equal(parse(&verb, (char *[]){"-o", "yaml", NULL}, &args, NULL), 0);
    assert_int_equal(dd_args_output(args, &as_json, NULL), -1);
    dd_args_free(args);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_stand_behind_or_beside_their_option),
        cmocka_unit_test(an_option_given_again_has_all_its_values_and_the_last_one_counts),
        cmocka_unit_test(a_dash_alone_is_a_word_and_an_empty_value_is_one),
        cmocka_unit_test(wrong_uses_are_named),
        cmocka_unit_test(help_is_given_whatever_else_is_missing),
        cmocka_unit_test(numbers_and_formats_are_within_their_bounds),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
