/* Command lines: POSIX quoting into words, and a build's words into what they mean. */
#include "runner/runner.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void expect_words(const char *text, const char *joined)
{
    dd_auto(dd_strv) words = NULL;
    dd_auto_str got = NULL;

    assert_int_equal(dd_words_split(text, &words, NULL), 0);
    got = dd_strv_join(words, "|");
    assert_string_equal(got, joined);
}

static void words_are_split_as_posix_quotes_them(void **state)
{
    static const struct {
        const char *text, *joined;
    } cases[] = {
        {"", ""},
        {"  \t\n ", ""},
        {"a b  c\td\ne", "a|b|c|d|e"},
        {"'a b' \"c d\" e\\ f", "a b|c d|e f"},
        {"a'b'\"c\"d", "abcd"},
        {"'' \"\"", "|"},
        {"'a\\b' \"a\\b\" a\\b", "a\\b|a\\b|ab"},
        {"\"\\$x \\`y\\` \\\"z\\\" \\\\\"", "$x `y` \"z\" \\"},
        {"\"one\\\ntwo\" a\\\nb", "onetwo|ab"},
        {"$HOME * ~ {a,b} # no", "$HOME|*|~|{a,b}|#|no"},
        {"'&& | ; > < ` ( )' \"&&\" \\&", "&& | ; > < ` ( )|&&|&"},
        {"--set=a='b c'", "--set=a=b c"},
        {"h\xc3\xa9 \xf0\x9f\x90\xb3", "h\xc3\xa9|\xf0\x9f\x90\xb3"},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++)
        expect_words(cases[i].text, cases[i].joined);
}

static void shell_operators_are_refused_with_a_hint(void **state)
{
    static const struct {
        const char *text, *operator;
        int line, column;
    } cases[] = {
        {"a && b", "'&&'", 1, 3},  {"a || b", "'||'", 1, 3},   {"a; b", "';'", 1, 2},
        {"a > b", "'>'", 1, 3},    {"a >> b", "'>>'", 1, 3},   {"a < b", "'<'", 1, 3},
        {"a &", "'&'", 1, 3},      {"a `b`", "'`'", 1, 3},     {"a $(b)", "'('", 1, 4},
        {"a\nb | c", "'|'", 2, 3}, {"'x' 2>&1", "'>&'", 1, 6},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto(dd_strv) words = NULL;
        dd_auto(dd_error) error = NULL;

        assert_int_equal(dd_words_split(cases[i].text, &words, &error), -1);
        assert_int_equal(error->code, DD_ERR_INVALID);
        assert_non_null(strstr(error->message, cases[i].operator));
        assert_non_null(error->hint);
        assert_int_equal(error->place.line, cases[i].line);
        assert_int_equal(error->place.column, cases[i].column);
        assert_null(words);
    }
}

static void an_open_quote_is_refused_where_it_opens(void **state)
{
    static const struct {
        const char *text;
        int column;
    } cases[] = {{"a 'b", 3}, {"a \"b", 3}, {"a \"b\\\"", 3}, {"'", 1}, {"a\\", 2}};

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto(dd_strv) words = NULL;
        dd_auto(dd_error) error = NULL;

        assert_int_equal(dd_words_split(cases[i].text, &words, &error), -1);
        assert_int_equal(error->place.column, cases[i].column);
    }
}

/* Any word in single quotes, with each single quote written '\'' . */
static void quote_word(dd_buf *into, const char *word)
{
    dd_buf_add_char(into, '\'');
    for (; *word; word++) {
        if (*word == '\'')
            dd_buf_add_str(into, "'\\''");
        else
            dd_buf_add_char(into, *word);
    }
    dd_buf_add_str(into, "' ");
}

static void what_is_quoted_and_joined_is_split_the_same(void **state)
{
    static const char letters[] = "ab '\"\\$`&|;<>()\n\t#*\xc3\xa9";
    unsigned seed = 7;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        dd_strv wanted = {0};
        dd_buf text = {0};
        dd_auto(dd_strv) got = NULL;

        for (int count = rand_r(&seed) % 6; count > 0; count--) {
            char word[12] = {0};

            for (int i = rand_r(&seed) % 11; i > 0; i--)
                word[i - 1] = letters[(size_t)rand_r(&seed) % (sizeof(letters) - 1)];
            dd_strv_add(&wanted, word);
            quote_word(&text, word);
        }
        assert_int_equal(dd_words_split(text.data ? text.data : "", &got, NULL), 0);
        assert_int_equal(got->count, wanted.count);
        for (size_t i = 0; i < wanted.count; i++)
            assert_string_equal(got->items[i], wanted.items[i]);
        dd_strv_done(&wanted);
        dd_buf_done(&text);
    }
}

/* ---- Against a shell ---- */

#define LINES 1000

/* A text of the characters that quoting is about, without what a shell expands or runs; and without line
 * breaks, which separate words here but end a command there. */
static void random_line(char line[32], unsigned *seed)
{
    static const char letters[] = "ab  ''\"\"\\\\\t=,.:/-%@+\xc3\xa9";
    size_t length = (size_t)rand_r(seed) % 24;

    for (size_t i = 0; i < length; i++)
        line[i] = letters[(size_t)rand_r(seed) % (sizeof(letters) - 1)];
    line[length] = '\0';
}

/* What the shell makes of the lines that the splitter takes: "<word><word>" and a NUL for each. */
static dd_buf *ask_shell(const dd_strv *lines)
{
    char path[] = "/tmp/drydock-words-XXXXXX";
    dd_auto_fd fd = mkstemp(path);
    dd_auto_str command = dd_sprintf("sh %s", path);
    dd_buf *answer = NULL;
    FILE *script, *shell;

    assert_true(fd >= 0);
    script = fopen(path, "w");
    assert_non_null(script);
    fputs("words() { for word do printf '<%s>' \"$word\"; done; printf '\\0'; }\n", script);
    for (size_t i = 0; i < lines->count; i++)
        fprintf(script, "words %s\n", lines->items[i]);
    assert_int_equal(fclose(script), 0);
    shell = popen(command, "r"); /* NOLINT(cert-env33-c): a shell is what is asked */
    assert_non_null(shell);
    assert_int_equal(dd_buf_read_fd(fileno(shell), 1024 * 1024, &answer, NULL), 0);
    assert_int_equal(pclose(shell), 0);
    unlink(path);
    return answer;
}

static void words_are_those_that_a_shell_would_make(void **state)
{
    unsigned seed = 99;
    dd_strv lines = {0};
    dd_auto(dd_buf) wanted = dd_buf_new();
    dd_auto(dd_buf) answer = NULL;

    (void)state;
    while (lines.count < LINES) {
        char line[32];
        dd_auto(dd_strv) words = NULL;

        random_line(line, &seed);
        if (dd_words_split(line, &words, NULL) < 0)
            continue;
        for (size_t i = 0; i < words->count; i++)
            dd_buf_printf(wanted, "<%s>", words->items[i]);
        dd_buf_add_char(wanted, '\0');
        dd_strv_add(&lines, line);
    }
    answer = ask_shell(&lines);
    for (size_t i = 0, got = 0, want = 0; i < lines.count; i++) {
        if (strcmp(answer->data + got, wanted->data + want) != 0)
            fail_msg("%s\n  the shell: %s\n  here:      %s", lines.items[i], answer->data + got,
                     wanted->data + want);
        got += strlen(answer->data + got) + 1;
        want += strlen(wanted->data + want) + 1;
    }
    assert_int_equal(answer->length, wanted->length);
    dd_strv_done(&lines);
}

/* ---- build ---- */

typedef struct build_case {
    const char *command, *tags, *build_args, *file, *target, *context, *others;
} build_case;

static void expect_joined(const dd_strv *got, const char *wanted)
{
    dd_auto_str joined = dd_strv_join(got, "|");

    assert_string_equal(joined, wanted);
}

static void expect_text(const char *got, const char *wanted)
{
    assert_string_equal(got ? got : "(none)", wanted ? wanted : "(none)");
}

static void builds_are_taken_apart_as_the_engine_would(void **state)
{
    static const build_case cases[] = {
        {"", "", "", NULL, NULL, ".", ""},
        {".", "", "", NULL, NULL, ".", ""},
        {"-t a:1 .", "a:1", "", NULL, NULL, ".", ""},
        {"-t a --tag b --tag=c -td -t=e src", "a|b|c|d|e", "", NULL, NULL, "src", ""},
        {"--build-arg A=1 --build-arg=B=2 --build-arg C .", "", "A=1|B=2|C", NULL, NULL, ".", ""},
        {"-f Dockerfile.x --target final .", "", "", "Dockerfile.x", "final", ".", ""},
        {"-f 'My Dockerfile' \"my context\"", "", "", "My Dockerfile", NULL, "my context", ""},
        {"--file=a/b --target=t", "", "", "a/b", "t", ".", ""},
        {"--no-cache .", "", "", NULL, NULL, ".", "--no-cache"},
        {"--pull https://github.com/o/r.git#main:src", "", "", NULL, NULL,
         "https://github.com/o/r.git#main:src", "--pull"},
        {"--platform linux/arm64 --network none -m 1g .", "", "", NULL, NULL, ".",
         "--platform|linux/arm64|--network|none|-m|1g"},
        {"--label a=b --label=c=d -q .", "", "", NULL, NULL, ".", "--label|a=b|--label=c=d|-q"},
        {"-qt x .", "x", "", NULL, NULL, ".", "-q"},
        {". -t x", "x", "", NULL, NULL, ".", ""},
        {"--new-flag value .", "", "", NULL, NULL, ".", "--new-flag|value"},
        {"--new-flag .", "", "", NULL, NULL, ".", "--new-flag"},
        {"--new-flag --other -t x .", "x", "", NULL, NULL, ".", "--new-flag|--other"},
        {"-t x -- -odd", "x", "", NULL, NULL, "-odd", ""},
        {"-t x -", "x", "", NULL, NULL, "-", ""},
        {"-f a -f b .", "", "", "b", NULL, ".", ""},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto(dd_build_args) args = NULL;

        assert_int_equal(dd_build_args_parse(cases[i].command, &args, NULL), 0);
        expect_joined(&args->tags, cases[i].tags);
        expect_joined(&args->build_args, cases[i].build_args);
        expect_joined(&args->others, cases[i].others);
        expect_text(args->file, cases[i].file);
        expect_text(args->target, cases[i].target);
        expect_text(args->context, cases[i].context);
    }
}

static void builds_that_no_engine_would_take_are_refused(void **state)
{
    static const char *const cases[] = {"a b", "-t", "--build-arg", "-t x . && y", "'", "''", "-t '' ."};

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto(dd_build_args) args = NULL;
        dd_auto(dd_error) error = NULL;

        assert_int_equal(dd_build_args_parse(cases[i], &args, &error), -1);
        assert_int_equal(error->code, DD_ERR_INVALID);
        assert_null(args);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_split_as_posix_quotes_them),
        cmocka_unit_test(shell_operators_are_refused_with_a_hint),
        cmocka_unit_test(an_open_quote_is_refused_where_it_opens),
        cmocka_unit_test(what_is_quoted_and_joined_is_split_the_same),
        cmocka_unit_test(words_are_those_that_a_shell_would_make),
        cmocka_unit_test(builds_are_taken_apart_as_the_engine_would),
        cmocka_unit_test(builds_that_no_engine_would_take_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
