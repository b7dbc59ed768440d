/* Distribution: the configured header's edges, and envelopes that no registry would send. */
#include "tests/support/deliveries.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char media_type[] = "application/vnd.docker.distribution.events.v2+json";

static int read_status(const dd_sender_settings *settings, const char *header, const char *value, int times)
{
    int status = 0;
    test_delivery delivery = {0};
    dd_auto(dd_events) events = NULL;
    test_delivery_body(&delivery, "{\"events\":[]}", 13);
    test_delivery_header(&delivery, "Content-Type", media_type);
    for (int i = 0; i < times; i++)
        test_delivery_header(&delivery, header, value);
    int result = dd_delivery_read(settings, &delivery.delivery, &events, &status, NULL);
    test_delivery_done(&delivery);
    return result == 0 ? 200 : status;
}

static void threat_27_only_the_exact_header_value_once_is_taken(void **state)
{
    (void)state;
    const dd_sender_settings *settings = test_sender("distribution");
    static const char *const wrong[] = {"",
                                        "Bearer ",
                                        "Bearer s3cr3t-registr",
                                        "Bearer s3cr3t-registry ",
                                        "bearer s3cr3t-registry",
                                        "s3cr3t-registry",
                                        "Bearer Bearer s3cr3t-registry"};
    assert_int_equal(read_status(settings, "authorization", TEST_DISTRIBUTION_HEADER, 1), 200);
    assert_int_equal(read_status(settings, "Authorization", TEST_DISTRIBUTION_HEADER, 2), 401);
    assert_int_equal(read_status(settings, "Authorization", TEST_DISTRIBUTION_HEADER, 0), 401);
    assert_int_equal(read_status(settings, "X-Authorization", TEST_DISTRIBUTION_HEADER, 1), 401);
    for (size_t i = 0; i < DD_COUNT(wrong); i++)
        assert_int_equal(read_status(settings, "Authorization", wrong[i], 1), 401);
}

static void a_secret_may_stand_alone_or_as_a_bearer_token(void **state)
{
    (void)state;
    char one[] = "one", two[] = "two", header[] = "X-Token";
    char *secrets[] = {one, two, NULL};
    dd_sender_settings settings = *test_sender("distribution");
    settings.auth_values = (dd_strv){0};
    settings.auth_header = header;
    settings.secrets = (dd_strv){secrets, 2, 3};
    assert_int_equal(read_status(&settings, "X-Token", "one", 1), 200);
    assert_int_equal(read_status(&settings, "X-Token", "Bearer two", 1), 200);
    assert_int_equal(read_status(&settings, "X-Token", "Basic two", 1), 401);
    assert_int_equal(read_status(&settings, "Authorization", "one", 1), 401);
}

static void threat_28_an_empty_value_proves_nothing(void **state)
{
    (void)state;
    char empty[] = "";
    char *secrets[] = {empty, NULL};
    dd_sender_settings settings = *test_sender("distribution");
    settings.auth_values = (dd_strv){secrets, 1, 2};
    settings.secrets = (dd_strv){secrets, 1, 2};
    assert_int_equal(read_status(&settings, "Authorization", "", 1), 401);
    assert_int_equal(read_status(&settings, "Authorization", "Bearer ", 1), 401);
}

static dd_events *read_envelope(const char *body)
{
    int status = 0;
    test_delivery delivery = {0};
    dd_events *events = NULL;
    test_delivery_body(&delivery, body, strlen(body));
    test_delivery_header(&delivery, "Content-Type", media_type);
    test_delivery_header(&delivery, "Authorization", TEST_DISTRIBUTION_HEADER);
    assert_int_equal(
        dd_delivery_read(test_sender("distribution"), &delivery.delivery, &events, &status, NULL), 0);
    test_delivery_done(&delivery);
    test_check_events(events);
    return events;
}

static void an_envelope_of_another_shape_is_ignored_not_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {"{}",
                                         "[]",
                                         "{\"events\":null}",
                                         "{\"events\":{}}",
                                         "{\"events\":7}",
                                         "{\"events\":[null]}",
                                         "{\"events\":[[]]}",
                                         "{\"events\":[{}]}"};
    for (size_t i = 0; i < DD_COUNT(bodies); i++) {
        dd_auto(dd_events) events = read_envelope(bodies[i]);
        assert_int_equal(events->count, 1);
        assert_int_equal(events->items[0]->kind, DD_EVENT_IGNORED);
    }
}

static void an_endless_envelope_is_read_to_a_bound(void **state)
{
    (void)state;
    dd_auto(dd_buf) body = dd_buf_new();
    dd_buf_add_str(body, "{\"events\":[{}");
    for (int i = 0; i < 100000; i++)
        dd_buf_add_str(body, ",{}");
    dd_buf_add_str(body, "]}");
    dd_auto(dd_events) events = read_envelope(body->data);
    assert_int_equal(events->count, 1001);
    assert_non_null(strstr(events->items[1000]->why, "more events"));
}

static void events_without_an_id_get_ids_that_tell_them_apart_and_stay_the_same(void **state)
{
    (void)state;
    static const char body[] = "{\"events\":[{\"id\":\"\"},{\"id\":\"a/b\"}]}";
    dd_auto(dd_events) one = read_envelope(body);
    dd_auto(dd_events) two = read_envelope(body);
    assert_int_equal(one->count, 2);
    assert_string_not_equal(one->items[0]->delivery, one->items[1]->delivery);
    assert_string_equal(one->items[0]->delivery, two->items[0]->delivery);
    assert_string_equal(one->items[1]->delivery, two->items[1]->delivery);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threat_27_only_the_exact_header_value_once_is_taken),
        cmocka_unit_test(a_secret_may_stand_alone_or_as_a_bearer_token),
        cmocka_unit_test(threat_28_an_empty_value_proves_nothing),
        cmocka_unit_test(an_envelope_of_another_shape_is_ignored_not_refused),
        cmocka_unit_test(an_endless_envelope_is_read_to_a_bound),
        cmocka_unit_test(events_without_an_id_get_ids_that_tell_them_apart_and_stay_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
