/* Kept deliveries as the API tells them. */
#include "server/api/kept_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define ID "1764000000123-4"

static void assert_json(json_t *json, const char *expected)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER);
    assert_string_equal(text, expected);
    free(text);
    json_decref(json);
}

static dd_fields *fields_of(const char *const *words)
{
    dd_fields *fields = dd_fields_new();
    for (size_t i = 0; words[i]; i += 2)
        dd_fields_set(fields, words[i], words[i + 1]);
    return fields;
}
#define FIELDS(...) fields_of((const char *const[]){__VA_ARGS__, NULL})

static void an_event_that_waits_has_no_verdict(void **state)
{
    dd_auto(dd_fields) entry =
        FIELDS("kind", "push", "sender", "github", "kept", "github:d-1", "branch", "main");
    const dd_kept_event event = {.id = ID, .entry = entry};
    (void)state;
    assert_json(dd_kept_row(&event), "{\"id\":\"" ID "\",\"at_ms\":1764000000123,\"sender\":\"github\","
                                     "\"kind\":\"push\",\"branch\":\"main\",\"verdict\":null,\"runs\":[]}");
    assert_json(dd_kept_why(&event), "{\"event\":\"" ID "\",\"kind\":\"push\",\"verdict\":null,\"runs\":[],"
                                     "\"tasks\":[]}");
}

static void an_event_whose_entry_was_trimmed_says_what_became_of_it(void **state)
{
    dd_auto(dd_fields) verdict =
        FIELDS("kind", "push", "sender", "github", "delivery", "d-1", "verdict", "v", "runs", "ca1 ca2",
               "task:app", "run ca1: why", "task:off", "no run: off");
    const dd_kept_event event = {.id = ID, .verdict = verdict};
    (void)state;
    assert_json(dd_kept_row(&event), "{\"id\":\"" ID "\",\"at_ms\":1764000000123,\"sender\":\"github\","
                                     "\"kind\":\"push\",\"delivery\":\"d-1\",\"verdict\":\"v\","
                                     "\"runs\":[\"ca1\",\"ca2\"]}");
    assert_json(dd_kept_why(&event),
                "{\"event\":\"" ID
                "\",\"kind\":\"push\",\"verdict\":\"v\",\"runs\":[\"ca1\",\"ca2\"],\"tasks\":["
                "{\"task\":\"app\",\"run\":\"ca1\",\"existed\":false,\"why\":\"why\"},"
                "{\"task\":\"off\",\"run\":null,\"existed\":false,\"why\":\"off\"}]}");
}

static void all_of_an_event_is_told_with_its_delivery(void **state)
{
    dd_auto(dd_fields) entry =
        FIELDS("kind", "push", "changed_paths", "a\nb c", "labels", "", "kept", "github:d-1", "why", "\xff");
    dd_auto(dd_fields) delivery =
        FIELDS("event:" ID, "push", "sender", "github", "client", "192.0.2.1", "at_ms", "17", "answer",
               "accepted", "ignored", "x\ny", "headers", "A: b\n", "body_bytes", "2", "body", "{}");
    const dd_kept_event event = {.id = ID, .entry = entry, .delivery = delivery};
    (void)state;
    assert_json(dd_kept_whole(&event),
                "{\"id\":\"" ID "\",\"at_ms\":1764000000123,\"kind\":\"push\",\"why\":\"(not UTF-8)\","
                "\"changed_paths\":[\"a\",\"b c\"],\"labels\":[],\"verdict\":null,\"runs\":[],\"tasks\":[],"
                "\"events\":[{\"id\":\"" ID "\",\"kind\":\"push\"}],\"client\":\"192.0.2.1\","
                "\"answer\":\"accepted\",\"ignored\":[\"x\",\"y\"],\"received_ms\":17,\"body_bytes\":2,"
                "\"headers\":[[\"A\",\"b\"]],\"body_encoding\":\"utf-8\",\"body\":\"{}\"}");
}

static void headers_and_body_in_the_entry_are_read_as_they_were_kept_at_first(void **state)
{
    dd_auto(dd_fields) entry = FIELDS("kind", "push", "headers", "A: b\n");
    size_t length = 0;
    (void)state;
    dd_fields_set_bytes(entry, "body", "a\0b\xff", 4);
    const dd_kept_event event = {.id = ID, .entry = entry};
    assert_string_equal(dd_kept_headers(&event), "A: b\n");
    assert_memory_equal(dd_kept_body(&event, &length), "a\0b\xff", 4);
    assert_int_equal(length, 4);
    assert_json(
        dd_kept_whole(&event),
        "{\"id\":\"" ID "\",\"at_ms\":1764000000123,\"kind\":\"push\",\"verdict\":null,\"runs\":[],"
        "\"tasks\":[],\"headers\":[[\"A\",\"b\"]],\"body_encoding\":\"base64\",\"body\":\"YQBi/w==\"}");
}

static void a_body_that_is_gone_is_not_told(void **state)
{
    dd_auto(dd_fields) entry = FIELDS("kind", "push");
    const dd_kept_event event = {.id = ID, .entry = entry};
    size_t length = 0;
    (void)state;
    assert_null(dd_kept_body(&event, &length));
    assert_null(dd_kept_headers(&event));
    json_t *whole = dd_kept_whole(&event);
    assert_null(json_object_get(whole, "body"));
    json_decref(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_that_waits_has_no_verdict),
        cmocka_unit_test(an_event_whose_entry_was_trimmed_says_what_became_of_it),
        cmocka_unit_test(all_of_an_event_is_told_with_its_delivery),
        cmocka_unit_test(headers_and_body_in_the_entry_are_read_as_they_were_kept_at_first),
        cmocka_unit_test(a_body_that_is_gone_is_not_told),
    };
    return cmocka_run_group_tests_name("kept_json", tests, NULL, NULL);
}
