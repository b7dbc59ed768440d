/* Globs: what matches, what does not, and that no glob costs more than its length times the text's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *glob, *text;
    bool matches;
} cases[] = {
    {"", "", true},
    {"", "a", false},
    {"a", "", false},
    {"main", "main", true},
    {"main", "main2", false},
    {"main", "xmain", false},
    {"*", "", true},
    {"*", "a.c", true},
    {"*", "a/b", false},
    {"**", "a/b/c", true},
    {"**", "", true},
    {"*.c", "a.c", true},
    {"*.c", "a.h", false},
    {"*.c", "x/a.c", false},
    {"a*b*c", "aXbYc", true},
    {"a*b*c", "aXcYb", false},
    {"src/**", "src/a", true},
    {"src/**", "src/a/b.c", true},
    {"src/**", "src", false},
    {"src/**", "srcs/a", false},
    {"**/a.c", "a.c", true},
    {"**/a.c", "x/a.c", true},
    {"**/a.c", "x/y/a.c", true},
    {"**/a.c", "xa.c", false},
    {"a/**/b", "a/b", true},
    {"a/**/b", "a/x/y/b", true},
    {"a/**/b", "ab", false},
    {"a/**/b", "a/xb", false},
    {"a/**/**/b", "a/b", true},
    {"**/*.md", "docs/x/read.md", true},
    {"a**b", "a/x/b", true},
    {"a**/b", "ax/y/b", true},
    {"a**/b", "ab", false},
    {"***", "a/b", true},
    {"feature/*", "feature/x", true},
    {"feature/*", "feature/x/y", false},
    {"?", "a", true},
    {"?", "/", false},
    {"?", "", false},
    {"?", "\xc3\xa9", true},
    {"??", "\xc3\xa9", false},
    {"?", "\xff", true},
    {"[a-c]x", "bx", true},
    {"[a-c]x", "dx", false},
    {"[!a-c]x", "dx", true},
    {"[^a-c]x", "bx", false},
    {"[!a]", "/", false},
    {"a[/]b", "a/b", false},
    {"[]]", "]", true},
    {"[a-]", "-", true},
    {"[\xc3\xa0-\xc3\xbf]", "\xc3\xa9", true},
    {"[abc", "[abc", true},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"a\\", "a\\", true},
    {"release-[0-9]*", "release-1.2", true},
};

static void globs_match_whole_texts_by_their_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++)
        if (dd_glob_match(cases[i].glob, cases[i].text) != cases[i].matches)
            fail_msg("glob '%s' on '%s'", cases[i].glob, cases[i].text);
}

static char *repeat(const char *piece, size_t times, const char *end)
{
    dd_auto(dd_buf) text = dd_buf_new();

    for (size_t i = 0; i < times; i++)
        dd_buf_add_str(text, piece);
    dd_buf_add_str(text, end);
    return dd_buf_steal(text);
}

/* Backtracking would need longer than the universe has; this needs milliseconds, and gets seconds. */
static void no_glob_blows_up(void **state)
{
    static const char *const pieces[] = {"*a", "**a", "**/", "a*/**/", "[a-z]*"};
    dd_auto_str text = repeat("a/a", 1000, "");
    clock_t begin = clock();

    (void)state;
    for (size_t i = 0; i < DD_COUNT(pieces); i++) {
        dd_auto_str glob = repeat(pieces[i], 200, "Z");

        assert_false(dd_glob_match(glob, text));
    }
    assert_true(clock() - begin < 20 * CLOCKS_PER_SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(globs_match_whole_texts_by_their_rules),
        cmocka_unit_test(no_glob_blows_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
