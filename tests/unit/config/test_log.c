/* Log lines: one each, whatever is in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/base/base.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a line's writing puts on standard error; owned. */
static char *logged(dd_level level, const char *fields, const char *message)
{
    int ends[2], kept = dup(STDERR_FILENO);
    dd_auto(dd_buf) text = NULL;
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    dd_log(level, "test", fields, "%s", message);
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(ends[1]);
    assert_int_equal(dd_buf_read_fd(ends[0], 100000, &text, NULL), 0);
    close(ends[0]);
    return dd_buf_steal(text);
}

static void a_line_has_time_level_room_fields_and_message(void **state)
{
    char time[DD_TIME_TEXT] = "";
    int64_t at;
    (void)state;
    dd_auto_str line = logged(DD_LOG_WARNING, "run=ca1", "gone: retrying");
    memcpy(time, line, 24);
    assert_true(dd_time_parse(time, &at));
    assert_string_equal(line + 24, " warning test run=ca1: gone: retrying\n");
    dd_auto_str bare = logged(DD_LOG_INFO, NULL, "x");
    assert_string_equal(bare + 24, " info test: x\n");
}

static void no_text_ends_a_line_or_speaks_to_a_terminal(void **state)
{
    (void)state;
    dd_auto_str line = logged(DD_LOG_ERROR, "ref=a\nb",
                              "\x1b[2J\r\n\x7f\xc2\x9b"
                              "2J \xc3\xa9\xc2\xa0");
    assert_string_equal(line + 24,
                        " error test ref=a\\x0ab: \\x1b[2J\\x0d\\x0a\\x7f\\x9b2J \xc3\xa9\xc2\xa0\n");
    dd_auto_str cut = logged(DD_LOG_ERROR, NULL, "\xc2");
    assert_string_equal(cut + 24, " error test: \xc2\n");
}

static void lines_below_the_level_are_dropped(void **state)
{
    dd_level level;
    (void)state;
    dd_auto_str dropped = logged(DD_LOG_DEBUG, NULL, "x");
    assert_string_equal(dropped, "");
    assert_true(dd_log_level_parse("debug", &level));
    dd_log_set_level(level);
    dd_auto_str shown = logged(DD_LOG_DEBUG, NULL, "x");
    assert_true(strlen(shown) > 0);
    dd_log_set_level(DD_LOG_INFO);
    assert_false(dd_log_level_parse("Debug", &level));
    assert_false(dd_log_level_parse("", &level));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_room_fields_and_message),
        cmocka_unit_test(no_text_ends_a_line_or_speaks_to_a_terminal),
        cmocka_unit_test(lines_below_the_level_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
