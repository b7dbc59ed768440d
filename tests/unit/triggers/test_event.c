/* Events: the line that scripts read, and the way through the stream's fields. */
#include "triggers/triggers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static dd_fields *push_fields(void)
{
    dd_fields *fields = dd_fields_new();
    dd_fields_set(fields, "kind", "push");
    dd_fields_set(fields, "sender", "hook");
    dd_fields_set(fields, "sender_kind", "github");
    dd_fields_set(fields, "delivery", "d-1");
    dd_fields_set(fields, "repository", "org/app");
    dd_fields_set(fields, "clone_url", "https://github.com/org/app.git");
    dd_fields_set(fields, "ref", "refs/heads/main");
    dd_fields_set(fields, "branch", "main");
    dd_fields_set(fields, "before", "b");
    dd_fields_set(fields, "after", "a");
    dd_fields_set(fields, "message", "words");
    return fields;
}

static void the_line_has_its_members_in_the_fixed_order_and_unknown_paths_are_null(void **state)
{
    (void)state;
    dd_auto(dd_fields) fields = push_fields();
    dd_auto(dd_event) event = NULL;
    assert_int_equal(dd_event_from_fields(fields, &event, NULL), 0);
    dd_auto_str line = dd_event_to_json(event);
    assert_string_equal(
        line, "{\"sender\":\"hook\",\"kind\":\"push\",\"delivery\":\"d-1\",\"repository\":\"org/app\","
              "\"clone_url\":\"https://github.com/org/app.git\",\"ref\":\"refs/heads/main\","
              "\"branch\":\"main\",\"before\":\"b\",\"after\":\"a\",\"changed_paths\":null}");
}

static void known_paths_survive_the_stream_and_no_paths_are_not_unknown_paths(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t count;
    } cases[] = {{"", 0}, {"a", 1}, {"a\nb c\n\xc3\xa4", 3}};
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto(dd_fields) fields = push_fields();
        dd_auto(dd_event) event = NULL;
        dd_fields_set(fields, "changed_paths", cases[i].text);
        assert_int_equal(dd_event_from_fields(fields, &event, NULL), 0);
        assert_true(event->paths_known);
        assert_int_equal(event->changed_paths.count, cases[i].count);
        dd_auto(dd_fields) again = dd_event_to_fields(event);
        assert_string_equal(dd_fields_get(again, "changed_paths"), cases[i].text);
        assert_string_equal(dd_fields_get(again, "message"), "words");
        assert_null(dd_fields_get(again, "tag"));
    }
}

static void fields_of_no_known_kind_are_no_event(void **state)
{
    (void)state;
    static const char *const kinds[] = {"", "Push", "pushed", NULL};
    for (size_t i = 0; i < DD_COUNT(kinds); i++) {
        dd_auto(dd_fields) fields = dd_fields_new();
        dd_auto(dd_event) event = NULL;
        dd_auto(dd_error) why = NULL;
        dd_fields_set(fields, "kind", kinds[i]);
        assert_int_equal(dd_event_from_fields(fields, &event, &why), -1);
        assert_int_equal(why->code, DD_ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_has_its_members_in_the_fixed_order_and_unknown_paths_are_null),
        cmocka_unit_test(known_paths_survive_the_stream_and_no_paths_are_not_unknown_paths),
        cmocka_unit_test(fields_of_no_known_kind_are_no_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
