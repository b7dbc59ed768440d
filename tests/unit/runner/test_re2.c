/* Regular expressions: RE2's syntax and nothing beside it, Go's rules for empty matches, and an end in time.
 * The expectations are Go's own answers. */
#include "runner/lang/re2.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROOM 1000000

static dd_re2 *compiled(const char *pattern)
{
    dd_auto(dd_error) error = NULL;
    dd_re2 *re = NULL;

    if (dd_re2_compile(dd_text_of(pattern), &re, &error) < 0)
        fail_msg("%s: %s", pattern, error->message);
    return re;
}

/* "<a><b>", so that empty ones are seen. */
static void expect_spans(const char *pattern, const char *text, const dd_re2_spans *spans,
                         const char *expected)
{
    dd_buf got = {0};

    for (size_t i = 0; i < spans->count; i++)
        dd_buf_printf(&got, "<%.*s>", (int)(spans->items[i].to - spans->items[i].from),
                      text + spans->items[i].from);
    if (strcmp(got.data ? got.data : "", expected) != 0)
        fail_msg("%s in %s: %s, not %s", pattern, text, got.data ? got.data : "", expected);
    dd_buf_done(&got);
}

typedef struct search_case {
    const char *pattern, *text;
    int limit;
    const char *found;
} search_case;

static void expect_found(const search_case *c)
{
    dd_auto(dd_re2) re = compiled(c->pattern);
    dd_re2_spans spans;

    assert_int_equal(dd_re2_find_all(re, dd_text_of(c->text), c->limit, &spans, NULL), 0);
    expect_spans(c->pattern, c->text, &spans, c->found);
    dd_re2_spans_done(&spans);
}

static void all_of_the_syntax_matches(void **state)
{
    static const search_case cases[] = {
        {"b", "abc", -1, "<b>"},
        {"a|ab", "ab", -1, "<a>"}, /* the first choice, not the longest */
        {"a+?b*", "aabb", -1, "<a><abb>"},
        {"(?U)a+b", "aab", -1, "<aab>"},
        {"(?U)a+?", "aa", -1, "<aa>"},
        {"x{2}|x{3,}", "xxxxx", -1, "<xx><xx>"},
        {"a{,2}", "a{,2}", -1, "<a{,2}>"},
        {"(?i)straSSe", "STRASSE", -1, "<STRASSE>"},
        {"(?i)k\\w", "\xe2\x84\xaas", -1, "<\xe2\x84\xaas>"},
        {"(?i)[[:upper:]]+", "aB\xc5\xbf", -1, "<aB\xc5\xbf>"},
        {"(?i)\\W", "k\xe2\x84\xaa-", -1, "<->"},
        {"a.c", "a\nc abc", -1, "<abc>"},
        {"(?s)a.c", "a\nc", -1, "<a\nc>"},
        {"^b", "a\nb", -1, ""},
        {"(?m)^.", "a\nb\n", -1, "<a><b>"},
        {"(?m)^", "a\n", -1, "<><>"}, /* behind the last newline too */
        {"a$", "a\n", -1, ""},        /* the text's end alone */
        {"(?m)a$", "a\nb", -1, "<a>"},
        {"\\Aa\\z", "a", -1, "<a>"},
        {"\\bb\\B", "b bc", -1, "<b>"},
        {"[^a]", "a\nb", -1, "<\n><b>"},
        {"[]a]+", "]a", -1, "<]a>"},
        {"[^]a]", "]b", -1, "<b>"},
        {"[a-c\\d-]+", "b2-x", -1, "<b2->"},
        {"[[:^digit:]]", "1x", -1, "<x>"},
        {"[\\D]", "1x", -1, "<x>"},
        {"\\s", "\v \t", -1, "< ><\t>"}, /* no vertical tab */
        {"[[:space:]]", "\v", -1, "<\v>"},
        {"\\d", "\xd9\xa1", -1, ""}, /* ASCII's alone */
        {"\\pL+", "a\xc3\xa9\xce\xb1 1", -1, "<a\xc3\xa9\xce\xb1>"},
        {"\\p{Greek}", "a\xce\xb1", -1, "<\xce\xb1>"},
        {"\\P{^Greek}", "a\xce\xb1", -1, "<\xce\xb1>"},
        {"[^\\pL]", "a1", -1, "<1>"},
        {"\\Qa.b\\E+", "a.bb axb", -1, "<a.bb>"},
        {"\\x41\\x{e9}\\101\\n",
         "A\xc3\xa9"
         "A\n",
         -1,
         "<A\xc3\xa9"
         "A\n>"},
        {"\\*\\.\\_", "*._", -1, "<*._>"},
        {"[\\x{D800}-\\x{DFFF}]", "a", -1, ""},
        {"a(?i)*b", "aaB", -1, "<aaB>"},               /* flags take no place */
        {".", "\xff\xc3\xa9", -1, "<\xff><\xc3\xa9>"}, /* a wrong byte is one rune */
        {"\\x{FFFD}", "a\xff", -1, "<\xff>"},
        {"(?:|a)*b", "aab", -1, "<aab>"},
        {"(|a)*", "aa", -1, "<><><>"},
        {"(?:\\S?\?)+a", "baaac", -1, "<baaa>"},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++)
        expect_found(&cases[i]);
}

static void what_re2_has_not_is_refused_in_its_words(void **state)
{
    static const struct {
        const char *pattern, *why;
    } cases[] = {
        {"a(b", "missing closing ): `a(b`"},
        {"a)b", "unexpected ): `a)b`"},
        {"[a", "missing closing ]: `[a`"},
        {"[b-a]", "invalid character class range: `b-a`"},
        {"[[:foo:]]", "invalid character class range: `[:foo:]`"},
        {"\\p{Foo}", "invalid character class range: `\\p{Foo}`"},
        {"\\p{greek}", "invalid character class range: `\\p{greek}`"},
        {"*a", "missing argument to repetition operator: `*`"},
        {"a|*", "missing argument to repetition operator: `*`"},
        {"(?i)*", "missing argument to repetition operator: `*`"},
        {"a**", "invalid nested repetition operator: `**`"},
        {"a++", "invalid nested repetition operator: `++`"},
        {"a{2}{3}?", "invalid nested repetition operator: `{2}{3}?`"},
        {"a{1001}", "invalid repeat count: `{1001}`"},
        {"a{2,1}", "invalid repeat count: `{2,1}`"},
        {"(?:a{40}){40}", "invalid repeat count: `{40}`"},
        {"a\\", "trailing backslash at end of expression: ``"},
        {"(?=a)", "invalid or unsupported Perl syntax: `(?=`"},
        {"(?!a)", "invalid or unsupported Perl syntax: `(?!`"},
        {"(?<=a)", "invalid or unsupported Perl syntax: `(?<`"},
        {"(?<n>a)", "invalid or unsupported Perl syntax: `(?<`"},
        {"(?>a)", "invalid or unsupported Perl syntax: `(?>`"},
        {"(?(1)a)", "invalid or unsupported Perl syntax: `(?(`"},
        {"(?R)", "invalid or unsupported Perl syntax: `(?R`"},
        {"(?C1)", "invalid or unsupported Perl syntax: `(?C`"},
        {"(?#x)", "invalid or unsupported Perl syntax: `(?#`"},
        {"(?P=n)", "invalid or unsupported Perl syntax: `(?P`"},
        {"(?P<n", "invalid named capture: `(?P<n`"},
        {"(?P<a b>x)", "invalid named capture: `(?P<a b>`"},
        {"(?i-)", "invalid or unsupported Perl syntax: `(?i-)`"},
        {"(*FAIL)", "missing argument to repetition operator: `*`"},
        {"\\1", "invalid escape sequence: `\\1`"},
        {"(a)\\g1", "invalid escape sequence: `\\g`"},
        {"\\C", "invalid escape sequence: `\\C`"},
        {"\\Z", "invalid escape sequence: `\\Z`"},
        {"\\G", "invalid escape sequence: `\\G`"},
        {"\\K", "invalid escape sequence: `\\K`"},
        {"\\R", "invalid escape sequence: `\\R`"},
        {"\\X", "invalid escape sequence: `\\X`"},
        {"\\h", "invalid escape sequence: `\\h`"},
        {"\\x{110000}", "invalid escape sequence: `\\x{110000`"},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto(dd_error) error = NULL;
        dd_auto_str expected = dd_sprintf("error parsing regexp: %s", cases[i].why);
        dd_re2 *re;

        assert_int_equal(dd_re2_compile(dd_text_of(cases[i].pattern), &re, &error), -1);
        assert_int_equal(error->code, DD_ERR_INVALID);
        assert_string_equal(error->message, expected);
    }
}

static void empty_matches_are_counted_as_go(void **state)
{
    static const search_case cases[] = {
        {"", "ab", -1, "<><><>"},        {"a*", "baac", -1, "<><aa><>"},
        {"a*", "baac", 2, "<><aa>"},     {"a", "aaa", 0, ""},
        {"x*", "\xc3\xa9", -1, "<><>"},  {"a|$", "a", -1, "<a>"},
        {"\\b", "ab c", -1, "<><><><>"},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++)
        expect_found(&cases[i]);
}

static void texts_are_split_between_matches(void **state)
{
    static const search_case cases[] = {
        {"a", "banana", -1, "<b><n><n><>"},
        {"a", "banana", 2, "<b><nana>"},
        {"a", "banana", 1, "<banana>"},
        {"a", "banana", 0, ""},
        {"z+", "pizza", -1, "<pi><a>"},
        {"", "abc", -1, "<a><b><c>"},
        {"a*", "baac", -1, "<b><c>"},
        {"x", "", -1, "<>"},
        {"", "", -1, ""},
        {"^", "ab", -1, "<ab>"},
        {",", ",a,", -1, "<><a><>"},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto(dd_re2) re = compiled(cases[i].pattern);
        dd_re2_spans spans;

        assert_int_equal(dd_re2_split(re, dd_text_of(cases[i].text), cases[i].limit, &spans, NULL), 0);
        expect_spans(cases[i].pattern, cases[i].text, &spans, cases[i].found);
        dd_re2_spans_done(&spans);
    }
}

static void replacements_expand_their_groups(void **state)
{
    static const struct {
        const char *pattern, *text, *by;
        bool literal;
        const char *replaced;
    } cases[] = {
        {"a(x*)b", "-ab-axxb-", "T", false, "-T-T-"},
        {"a(x*)b", "-ab-axxb-", "$1", false, "--xx-"},
        {"a(x*)b", "-ab-axxb-", "$1W", false, "---"}, /* the longest name */
        {"a(x*)b", "-ab-axxb-", "${1}W", false, "-W-xxW-"},
        {"a(x*)b", "-ab-", "$1", true, "-$1-"},
        {"(?P<year>\\d+)-(?P<m>\\d+)", "2024-06", "$m/${year}", false, "06/2024"},
        {"(a)|(b)", "ab", "<$1$2>", false, "<a><b>"},
        {"a", "a", "$$1 $ ${ ${1 $0 $2 $x $01 ${}", false, "$1 $ ${ ${1 a    ${}"},
        {"a", "a", "$\xc3\xa9.", false, "."},
        {"", "ab", "-", false, "-a-b-"},
        {"a*", "baac", "x", false, "xbxcx"},
        {"(a*)*", "b", "[$1]", false, "[]b[]"},
        {"(a|b)*", "abc", "[$1]", false, "[b]c[]"},
        {"(c|(aa)*)*", "caad", "[$1]", false, "[aa]d[]"}, /* a turn with nothing in it is none */
        {"\xc3\xa9", "\xff\xc3\xa9\xff", "e", false,
         "\xff"
         "e\xff"},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto(dd_re2) re = compiled(cases[i].pattern);
        dd_buf got = {0};

        assert_int_equal(dd_re2_replace(re, dd_text_of(cases[i].text), dd_text_of(cases[i].by),
                                        cases[i].literal, ROOM, &got, NULL),
                         0);
        assert_string_equal(got.data, cases[i].replaced);
        dd_buf_done(&got);
    }
}

/* A text of `count` times the same. */
static void fill(dd_buf *into, const char *text, size_t count)
{
    while (count-- > 0)
        dd_buf_add_str(into, text);
}

static void patterns_that_would_take_for_ever_are_ended(void **state)
{
    static const struct {
        const char *pattern, *unit;
        size_t count;
    } cases[] = {
        {"(a+)+$", "a", 40},
        {"(?:a|aa)+$", "a", 60},
        {"(a*)*[bc]", "a", 100000},
        {"(?:x+x+)+[yz]", "x", 5000},
        {"\\w+\\d\\w+[xy]", "a1", 50000},
        {"(?:.*){20}[yz]", "ab", 1000},
        {"(a?){300}[bc]", "a", 300},
        {"a.*b.*c.*d.*[ef]", "abcd", 2000},
        {"[a-z]+\\d", "abc", 300000},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto(dd_re2) re = compiled(cases[i].pattern);
        dd_auto(dd_error) error = NULL;
        dd_buf text = {0};
        dd_re2_spans spans;

        fill(&text, cases[i].unit, cases[i].count);
        dd_buf_add_char(&text, '!');
        if (dd_re2_find_all(re, (dd_text){text.data, text.length}, -1, &spans, &error) == 0)
            fail_msg("%s came to an end", cases[i].pattern);
        assert_int_equal(error->code, DD_ERR_LIMIT);
        /* The work is what the limit is of; the machine's speed has no say. */
        assert_true(dd_re2_work(re) < 2000000 + 8 * text.length);
        dd_buf_done(&text);
    }
}

static void long_texts_that_are_easy_are_searched(void **state)
{
    static const char *const patterns[] = {"a+", "[^,]*,", "(?m)^.*$", "needle", "\\w+", "(?i)NEEDLE$", "x*"};

    (void)state;
    for (size_t i = 0; i < DD_COUNT(patterns); i++) {
        dd_auto(dd_re2) re = compiled(patterns[i]);
        dd_auto(dd_error) error = NULL;
        dd_buf text = {0};
        dd_re2_spans spans;

        fill(&text, "some aaa words,\n", 20000);
        dd_buf_add_str(&text, "needle");
        if (dd_re2_find_all(re, (dd_text){text.data, text.length}, -1, &spans, &error) < 0)
            fail_msg("%s: %s", patterns[i], error->message);
        assert_true(spans.count > 0);
        dd_re2_spans_done(&spans);
        dd_buf_done(&text);
    }
}

static void sizes_have_limits(void **state)
{
    static const struct {
        const char *open, *middle, *close;
        size_t count;
    } cases[] = {
        {"a", "", "", DD_RE2_MAX_PATTERN + 1},
        {"(", "a", ")", 500},
        {"(?:", "a", ")*", 500},
        {"(?i)*", "", "", 0},
        {"(?:\\pL{100}x){9}", "", "", 900},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto(dd_error) error = NULL;
        dd_buf pattern = {0};
        dd_re2 *re;

        fill(&pattern, cases[i].open, cases[i].count);
        dd_buf_add_str(&pattern, cases[i].middle);
        fill(&pattern, cases[i].close, cases[i].count);
        if (cases[i].count == 0) { /* repeats of a repeat nest as groups do */
            dd_buf_add_char(&pattern, 'a');
            fill(&pattern, cases[i].open, 1000);
        }
        assert_int_equal(dd_re2_compile((dd_text){pattern.data, pattern.length}, &re, &error), -1);
        assert_int_equal(error->code, DD_ERR_LIMIT);
        dd_buf_done(&pattern);
    }
}

static void replaced_texts_have_a_limit(void **state)
{
    dd_auto(dd_re2) re = compiled("a|");
    dd_auto(dd_error) error = NULL;
    dd_buf text = {0}, got = {0};

    (void)state;
    fill(&text, "a", 1000);
    assert_int_equal(dd_re2_replace(re, (dd_text){text.data, text.length}, dd_text_of("$0$0$0"), false, 2000,
                                    &got, &error),
                     -1);
    assert_int_equal(error->code, DD_ERR_LIMIT);
    assert_true(got.length < 2100);
    dd_buf_done(&text);
    dd_buf_done(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_the_syntax_matches),
        cmocka_unit_test(what_re2_has_not_is_refused_in_its_words),
        cmocka_unit_test(empty_matches_are_counted_as_go),
        cmocka_unit_test(texts_are_split_between_matches),
        cmocka_unit_test(replacements_expand_their_groups),
        cmocka_unit_test(patterns_that_would_take_for_ever_are_ended),
        cmocka_unit_test(long_texts_that_are_easy_are_searched),
        cmocka_unit_test(sizes_have_limits),
        cmocka_unit_test(replaced_texts_have_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
