/* The forges' settings, several events of one delivery, and what their fixtures cannot say. */
#include "tests/support/deliveries.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COMMIT_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define COMMIT_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ZEROS    "0000000000000000000000000000000000000000"

static dd_events *read_body(const dd_sender_settings *settings, const char *event_header, const char *event,
                            const char *body)
{
    int status = 0;
    dd_events *events = NULL;
    dd_auto(dd_error) why = NULL;
    test_delivery delivery = {0};
    test_delivery_body(&delivery, body, strlen(body));
    test_delivery_header(&delivery, "Content-Type", "application/json");
    test_delivery_header(&delivery, event_header, event);
    test_delivery_header(&delivery, "webhook-id", "msg_1");
    test_delivery_header(&delivery, "webhook-timestamp", "1764000000");
    test_delivery_prove(&delivery, settings->kind);
    if (dd_delivery_read(settings, &delivery.delivery, &events, &status, &why) < 0)
        fail_msg("%d %s", status, why->message);
    test_delivery_done(&delivery);
    test_check_events(events);
    return events;
}

/* ---- Bitbucket Data Center ---- */

#define DATACENTER_PUSH                                                                                      \
    "{\"actor\":{\"name\":\"ann\",\"id\":5},\"repository\":{\"slug\":\"my-repo\",\"id\":1,\"project\":{"     \
    "\"key\":\"PRJ\"}},"                                                                                     \
    "\"changes\":[%s]}"

static void an_old_data_centers_repositories_are_where_the_settings_say(void **state)
{
    static char url[] = "https://git.example.com/scm";
    dd_sender_settings settings = *test_sender("bitbucket-datacenter");
    dd_auto_str body =
        dd_sprintf(DATACENTER_PUSH, "{\"ref\":{\"id\":\"refs/heads/main\"},\"fromHash\":\"" COMMIT_A
                                    "\",\"toHash\":\"" COMMIT_B "\"}");
    (void)state;
    settings.url = url;
    dd_auto(dd_events) events = read_body(&settings, "X-Event-Key", "repo:refs_changed", body);
    assert_string_equal(events->items[0]->clone_url, "https://git.example.com/scm/prj/my-repo.git");
    assert_string_equal(events->items[0]->repository_key, "git.example.com/scm/prj/my-repo");
    assert_string_equal(events->items[0]->repository, "PRJ/my-repo");
}

/* ---- Which repositories ---- */

static void threat_06_a_sender_speaks_for_the_repositories_of_its_settings_alone(void **state)
{
    static char globs[][40] = {"git.example.com/scm/prj/*", "git.example.com/scm/PRJ/*",
                               "git.example.com/scm/prj", "other.example.com/**", "**"};
    static const bool taken[] = {true, false, false, false, true};
    static char url[] = "https://git.example.com/scm";
    dd_auto_str body =
        dd_sprintf(DATACENTER_PUSH, "{\"ref\":{\"id\":\"refs/heads/main\"},\"fromHash\":\"" COMMIT_A
                                    "\",\"toHash\":\"" COMMIT_B "\"}");
    (void)state;
    for (size_t i = 0; i < DD_COUNT(globs); i++) {
        dd_sender_settings settings = *test_sender("bitbucket-datacenter");
        settings.url = url;
        settings.repositories = globs[i];
        dd_auto(dd_events) events = read_body(&settings, "X-Event-Key", "repo:refs_changed", body);
        assert_int_equal(events->items[0]->kind, taken[i] ? DD_EVENT_PUSH : DD_EVENT_IGNORED);
        settings.url = NULL; /* nobody knows where it is */
        dd_auto(dd_events) lost = read_body(&settings, "X-Event-Key", "repo:refs_changed", body);
        assert_int_equal(lost->items[0]->kind, DD_EVENT_IGNORED);
    }
}

/* ---- Several events ---- */

static void the_events_of_one_delivery_are_remembered_apart(void **state)
{
    dd_buf changes = {0};
    (void)state;
    for (int i = 0; i < 1001; i++)
        dd_buf_printf(&changes,
                      "%s{\"ref\":{\"id\":\"refs/heads/b%d\"},\"fromHash\":\"" ZEROS
                      "\",\"toHash\":\"" COMMIT_B "\"}",
                      i ? "," : "", i);
    dd_auto_str body = dd_sprintf(DATACENTER_PUSH, changes.data);
    dd_auto(dd_events) events =
        read_body(test_sender("bitbucket-datacenter"), "X-Event-Key", "repo:refs_changed", body);
    assert_int_equal(events->count, 1001);
    dd_auto_str first = dd_event_id(events->items[0]);
    dd_auto_str second = dd_event_id(events->items[1]);
    dd_auto_str last = dd_event_id(events->items[999]);
    assert_string_equal(first, events->items[0]->delivery); /* alone, it is the delivery's own */
    assert_true(dd_name_is_valid(second) && dd_name_is_valid(last));
    assert_string_not_equal(first, second);
    assert_true(dd_str_ends(last, ".1000"));
    /* What is too much is told, with the rest of it left out. */
    const dd_event *told = NULL;
    for (size_t i = 0; i < events->count; i++)
        if (events->items[i]->kind == DD_EVENT_IGNORED)
            told = events->items[i];
    assert_non_null(told);
    assert_non_null(strstr(told->why, "more changes"));
    dd_buf_done(&changes);
}

/* ---- Standard Webhooks ---- */

static void a_push_is_found_where_the_settings_point(void **state)
{
    static char clone_url[] = "/repos/0/a~1b", ref[] = "/m~0n", commit[] = "/list/1/id",
                actor[] = "/repos/0/who", before[] = "/list/01/id", name[] = "/repos/0/name";
    static const char body[] = "{\"repos\":[{\"a/b\":\"https://git.example.com/org/"
                               "app\",\"who\":\"ann\",\"name\":\"the-app\"}],\"m~n\":\"main\","
                               "\"list\":[{\"id\":\"" COMMIT_A "\"},{\"id\":\"" COMMIT_B "\"}]}";
    dd_sender_settings settings = *test_sender("standard-webhooks");
    (void)state;
    settings.fields.clone_url = clone_url;
    settings.fields.ref = ref;
    settings.fields.commit = commit;
    settings.fields.actor = actor;
    settings.fields.before = before; /* "01" is no index */
    settings.fields.repository = name;
    dd_auto(dd_events) events = read_body(&settings, "X", "x", body);
    const dd_event *event = events->items[0];
    assert_int_equal(event->kind, DD_EVENT_PUSH);
    assert_string_equal(event->ref, "refs/heads/main");
    assert_string_equal(event->after, COMMIT_B);
    assert_string_equal(event->repository, "the-app");
    assert_string_equal(event->repository_key, "git.example.com/org/app");
    assert_string_equal(event->actor, "ann");
    assert_null(event->before);
}

static void pointers_that_lead_nowhere_find_nothing(void **state)
{
    static const char *const pointers[] = {"/x",      "/data/0",  "/data/ref/x", "/data/",
                                           "/list/2", "/list/-1", "/list/-",     "/list/9999999999999999999",
                                           "/",       "//"};
    static const char body[] = "{\"data\":{\"ref\":\"main\"},\"list\":[1,2]}";
    (void)state;
    for (size_t i = 0; i < DD_COUNT(pointers); i++) {
        dd_sender_settings settings = *test_sender("standard-webhooks");
        dd_auto_str pointer = dd_strdup(pointers[i]);
        settings.fields.clone_url = pointer;
        dd_auto(dd_events) events = read_body(&settings, "X", "x", body);
        assert_int_equal(events->items[0]->kind, DD_EVENT_IGNORED);
    }
}

/* ---- What a header brings ---- */

static void a_reason_can_be_answered_whatever_bytes_a_header_has(void **state)
{
    (void)state;
    dd_auto(dd_events) events =
        read_body(test_sender("github"), "X-GitHub-Event", "\xff\xfe \x01 e\xcc\x81", "{}");
    assert_int_equal(events->items[0]->kind, DD_EVENT_IGNORED);
    assert_string_equal(events->items[0]->why, "nothing is done for the event '\?\?   e\?\?'");
}

/* threats, row 7: names in commits are anybody's words. */
static void threat_07_an_actor_is_who_the_forge_says_not_who_the_commit_says(void **state)
{
    static const char body[] =
        "{\"object_kind\":\"push\",\"before\":\"" COMMIT_A "\",\"after\":\"" COMMIT_B
        "\",\"ref\":\"refs/heads/main\",\"checkout_sha\":\"" COMMIT_B
        "\",\"user_username\":\"stranger\",\"user_id\":66,\"project\":{\"path_with_namespace\":\"org/app\","
        "\"git_http_url\":\"https://gitlab.example.com/org/app.git\"},\"commits\":[{\"id\":\"" COMMIT_B
        "\",\"message\":\"m\",\"author\":{\"name\":\"maintainer\"}}]}";
    (void)state;
    dd_sender_settings settings = *test_sender("gitlab");
    settings.secrets.items++; /* the signing key alone */
    settings.secrets.count--;
    dd_auto(dd_events) events = read_body(&settings, "X-Gitlab-Event", "Push Hook", body);
    assert_string_equal(events->items[0]->actor, "stranger");
    assert_string_equal(events->items[0]->actor_id, "66");
    assert_string_equal(events->items[0]->author, "maintainer");
    assert_false(events->items[0]->paths_known); /* no lists, no count */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_old_data_centers_repositories_are_where_the_settings_say),
        cmocka_unit_test(threat_06_a_sender_speaks_for_the_repositories_of_its_settings_alone),
        cmocka_unit_test(the_events_of_one_delivery_are_remembered_apart),
        cmocka_unit_test(a_push_is_found_where_the_settings_point),
        cmocka_unit_test(pointers_that_lead_nowhere_find_nothing),
        cmocka_unit_test(a_reason_can_be_answered_whatever_bytes_a_header_has),
        cmocka_unit_test(threat_07_an_actor_is_who_the_forge_says_not_who_the_commit_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
