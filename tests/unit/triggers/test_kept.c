/* What is kept for people: headers without secrets, and a field for each task near an event. */
#include "triggers/triggers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* ---- Headers ---- */

static char *kept_of(dd_header *headers, size_t count, const char *url_token)
{
    const dd_sender_settings sender = {.name = (char *)"s", .kind = (char *)"github"};
    const dd_delivery delivery = {.headers = headers, .header_count = count, .url_token = url_token};
    return dd_headers_to_text(&sender, &delivery);
}

#define HEADER(n, v)                                                                                         \
    {                                                                                                        \
        .name = (char *)(n), .value = (char *)(v)                                                            \
    }

static void headers_are_read_back_as_they_came(void **state)
{
    dd_header came[] = {HEADER("X-GitHub-Event", "push"), HEADER("Accept", "*/*"), HEADER("accept", ""),
                        HEADER("Via", "1.1 a: b"), HEADER("Space", " two ")};
    dd_header *back = NULL;
    (void)state;
    dd_auto_str text = kept_of(came, DD_COUNT(came), NULL);
    size_t count = dd_headers_from_text(text, &back);
    assert_int_equal(count, DD_COUNT(came));
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(back[i].name, came[i].name);
        assert_string_equal(back[i].value, came[i].value);
    }
    dd_headers_free(back, count);
}

static void what_proves_who_sent_it_is_not_kept(void **state)
{
    dd_header came[] = {HEADER("authorization", "Bearer x"), HEADER("X-Hub-Signature-256", "sha256=00"),
                        HEADER("X-Forwarded-Uri", "/hooks/s?token=t%30ken"),
                        HEADER("X-Original-Path", "/hooks/s/t0ken"), HEADER("X-Kept", "yes")};
    (void)state;
    dd_auto_str text = kept_of(came, DD_COUNT(came), "t0ken");
    assert_string_equal(text, "X-Kept: yes\n");
}

static void lines_that_are_no_headers_are_passed_over(void **state)
{
    dd_header *back = NULL;
    (void)state;
    size_t count = dd_headers_from_text("\n:x\nnone\nA:b\nB: c", &back);
    assert_int_equal(count, 2);
    assert_string_equal(back[0].name, "A");
    assert_string_equal(back[0].value, "b");
    assert_string_equal(back[1].value, "c");
    dd_headers_free(back, count);
    assert_int_equal(dd_headers_from_text("", &back), 0);
    dd_headers_free(back, 0);
}

/* ---- Decisions ---- */

static void assert_decision(const dd_decision *d, const char *task, const char *run, bool existed,
                            const char *why)
{
    assert_string_equal(d->task, task);
    assert_true(dd_str_eq(d->run, run));
    assert_int_equal(d->existed, existed);
    assert_string_equal(d->why, why);
}

static void decisions_are_plain_fields_and_are_read_back(void **state)
{
    dd_decisions made = {0}, back = {0};
    dd_auto(dd_fields) fields = dd_fields_new();
    (void)state;
    dd_decisions_add(&made, "app", "ca1", false, "commit aaaa on branch main");
    dd_decisions_add(&made, "b.c-d", "ca2", true, "commit aaaa: again");
    dd_decisions_add(&made, "off", NULL, false, "run by nobody: disabled");
    dd_decisions_to_fields(&made, fields);
    assert_string_equal(dd_fields_get(fields, "task:app"), "run ca1: commit aaaa on branch main");
    assert_string_equal(dd_fields_get(fields, "task:b.c-d"), "run ca2, made before: commit aaaa: again");
    assert_string_equal(dd_fields_get(fields, "task:off"), "no run: run by nobody: disabled");
    dd_fields_set(fields, "verdict", "other fields do no harm");
    dd_decisions_from_fields(fields, &back);
    assert_int_equal(back.count, 3);
    assert_decision(&back.items[0], "app", "ca1", false, "commit aaaa on branch main");
    assert_decision(&back.items[1], "b.c-d", "ca2", true, "commit aaaa: again");
    assert_decision(&back.items[2], "off", NULL, false, "run by nobody: disabled");
    assert_int_equal(back.left_out, 0);
    dd_decisions_done(&made);
    dd_decisions_done(&back);
}

static void what_was_kept_as_lines_at_first_is_read_too(void **state)
{
    dd_decisions back = {0};
    dd_auto(dd_fields) fields = dd_fields_new();
    (void)state;
    dd_fields_set(fields, "why",
                  "app: run ca1: commit aaaa\nold: run ca2, made before: x\noff: the task is disabled\n"
                  "and 3 more\n");
    dd_decisions_from_fields(fields, &back);
    assert_int_equal(back.count, 3);
    assert_decision(&back.items[0], "app", "ca1", false, "commit aaaa");
    assert_decision(&back.items[1], "old", "ca2", true, "x");
    assert_decision(&back.items[2], "off", NULL, false, "the task is disabled");
    dd_decisions_done(&back);
}

static void texts_of_no_form_are_reasons(void **state)
{
    static const char *const texts[] = {
        "", "run ", "run : x", "run ca1", "no run", "run ca1 x", "run ca1, made before", "run ca1, x: y"};
    (void)state;
    for (size_t i = 0; i < DD_COUNT(texts); i++) {
        dd_decisions back = {0};
        dd_auto(dd_fields) fields = dd_fields_new();
        dd_fields_set(fields, "task:app", texts[i]);
        dd_decisions_from_fields(fields, &back);
        assert_int_equal(back.count, 1);
        assert_decision(&back.items[0], "app", NULL, false, texts[i]);
        dd_decisions_done(&back);
    }
}

static void past_five_hundred_the_rest_is_counted(void **state)
{
    dd_decisions made = {0}, back = {0};
    dd_auto(dd_fields) fields = dd_fields_new();
    (void)state;
    for (int i = 0; i < 502; i++) {
        dd_auto_str task = dd_sprintf("t%d", i);
        dd_decisions_add(&made, task, NULL, false, "no");
    }
    dd_decisions_to_fields(&made, fields);
    dd_decisions_from_fields(fields, &back);
    assert_int_equal(back.count, 500);
    assert_int_equal(back.left_out, 2);
    dd_decisions_done(&made);
    dd_decisions_done(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_read_back_as_they_came),
        cmocka_unit_test(what_proves_who_sent_it_is_not_kept),
        cmocka_unit_test(lines_that_are_no_headers_are_passed_over),
        cmocka_unit_test(decisions_are_plain_fields_and_are_read_back),
        cmocka_unit_test(what_was_kept_as_lines_at_first_is_read_too),
        cmocka_unit_test(texts_of_no_form_are_reasons),
        cmocka_unit_test(past_five_hundred_the_rest_is_counted),
    };
    return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}
