/* The registries' settings, and what their fixtures cannot say: other settings than theirs, other times, and
 * bodies without end. */
#include "tests/support/deliveries.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DIGEST "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void load(test_delivery *delivery, const char *kind, const char *name)
{
    dd_auto_str folder = dd_sprintf(DD_TESTS_DIR "/fixtures/%s/%s", kind, name);
    *delivery = (test_delivery){0};
    test_delivery_load(delivery, folder);
}

static dd_events *read_delivery(const dd_sender_settings *settings, const test_delivery *delivery)
{
    int status = 0;
    dd_events *events = NULL;
    dd_auto(dd_error) why = NULL;
    if (dd_delivery_read(settings, &delivery->delivery, &events, &status, &why) < 0)
        fail_msg("%d %s", status, why->message);
    return events;
}

static int read_status(const dd_sender_settings *settings, const test_delivery *delivery)
{
    int status = 0;
    dd_auto(dd_events) events = NULL;
    return dd_delivery_read(settings, &delivery->delivery, &events, &status, NULL) == 0 ? 200 : status;
}

/* The fixture's first event under these settings. */
static dd_events *read_case(const dd_sender_settings *settings, const char *name)
{
    test_delivery delivery;
    load(&delivery, settings->kind, name);
    dd_events *events = read_delivery(settings, &delivery);
    test_delivery_done(&delivery);
    return events;
}

/* `text` as the body of a delivery that proves itself with the tests' secret by a bearer token, a code, or in
 * the address. */
static dd_events *read_text(const dd_sender_settings *settings, const char *media_type, const char *text)
{
    test_delivery delivery = {0};
    test_delivery_body(&delivery, text, strlen(text));
    test_delivery_header(&delivery, "Content-Type", media_type);
    test_delivery_header(&delivery, "Authorization", "Bearer " TEST_GITHUB_SECRET);
    test_delivery_prove(&delivery, settings->kind);
    dd_events *events = read_delivery(settings, &delivery);
    test_delivery_done(&delivery);
    return events;
}

static int check_one(const dd_sender_settings *sender, dd_error **err)
{
    dd_sender_settings senders[] = {*sender};
    const dd_settings settings = {.senders = senders, .sender_count = 1};
    return dd_senders_check(&settings, err);
}

/* ---- Settings ---- */

static void every_registry_needs_to_be_named_except_where_there_is_one_alone(void **state)
{
    (void)state;
    size_t count;
    const char *const *kinds = dd_sender_kinds(&count);
    for (size_t i = 0; i < count; i++) {
        dd_sender_settings settings = *test_sender(kinds[i]);
        if (!dd_sender_find(kinds[i])->is_registry)
            continue;
        assert_int_equal(check_one(&settings, NULL), 0);
        settings.registry = NULL;
        bool has_own = dd_str_eq(kinds[i], "dockerhub") || dd_str_eq(kinds[i], "ghcr");
        assert_int_equal(check_one(&settings, NULL), has_own ? 0 : -1);
    }
}

static void docker_hub_is_no_other_registry(void **state)
{
    (void)state;
    char other[] = "registry.example.com", hub[] = "docker.io";
    dd_sender_settings settings = *test_sender("dockerhub");
    settings.registry = hub;
    assert_int_equal(check_one(&settings, NULL), 0);
    settings.registry = other;
    assert_int_equal(check_one(&settings, NULL), -1);
}

static void cloudevents_need_the_types_that_are_pushes(void **state)
{
    (void)state;
    dd_sender_settings settings = *test_sender("cloudevents");
    settings.types = (dd_strv){0};
    assert_int_equal(check_one(&settings, NULL), -1);
}

static void each_kinds_trust_is_what_its_settings_give(void **state)
{
    (void)state;
    static const struct {
        const char *kind;
        dd_trust trust;
    } rows[] = {
        {"distribution", DD_TRUST_BEARER},
        {"gitlab-registry", DD_TRUST_BEARER},
        {"harbor", DD_TRUST_BEARER},
        {"acr", DD_TRUST_BEARER},
        {"dockerhub", DD_TRUST_PATH},
        {"quay", DD_TRUST_PATH},
        {"ghcr", DD_TRUST_SIGNED},
        {"ecr", DD_TRUST_BEARER},
        {"gar", DD_TRUST_PATH},
        {"artifactory", DD_TRUST_SIGNED},
        {"nexus", DD_TRUST_SIGNED},
        {"zot", DD_TRUST_BEARER},
        {"cloudevents", DD_TRUST_BEARER},
    };
    for (size_t i = 0; i < DD_COUNT(rows); i++)
        assert_int_equal(dd_sender_trust(test_sender(rows[i].kind)), rows[i].trust);
    char header[] = "X-JFrog-Event-Auth", value[] = TEST_GITHUB_SECRET;
    char *values[] = {value, NULL};
    dd_sender_settings settings = *test_sender("artifactory");
    settings.secrets = (dd_strv){0};
    settings.auth_header = header;
    settings.auth_values = (dd_strv){values, 1, 2};
    assert_int_equal(dd_sender_trust(&settings), DD_TRUST_BEARER);
}

/* ---- Proofs ---- */

static void artifactorys_header_is_a_code_or_the_secret_as_the_settings_say_and_never_both(void **state)
{
    (void)state;
    char header[] = "X-JFrog-Event-Auth", value[] = TEST_GITHUB_SECRET;
    char *values[] = {value, NULL};
    test_delivery signed_one, bare;
    dd_sender_settings settings = *test_sender("artifactory");
    load(&signed_one, "artifactory", "pushed");
    load(&bare, "artifactory", "refused-the-secret-itself");
    assert_int_equal(read_status(&settings, &signed_one), 200);
    assert_int_equal(read_status(&settings, &bare), 401);
    settings.secrets = (dd_strv){0};
    settings.auth_header = header;
    settings.auth_values = (dd_strv){values, 1, 2};
    assert_int_equal(read_status(&settings, &signed_one), 401);
    assert_int_equal(read_status(&settings, &bare), 200);
    test_delivery_done(&signed_one);
    test_delivery_done(&bare);
}

static void any_of_several_secrets_proves_a_delivery_and_an_empty_one_never(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"nexus", "component-created"},
                                           {"artifactory", "pushed"},
                                           {"ghcr", "package-published"},
                                           {"dockerhub", "push"},
                                           {"quay", "push-two-tags"},
                                           {"gar", "insert"},
                                           {"harbor", "push"},
                                           {"acr", "push"},
                                           {"ecr", "push"},
                                           {"zot", "image-updated"},
                                           {"cloudevents", "structured"}};
    char old[] = "old", right[] = TEST_GITHUB_SECRET, blank[] = " ";
    char *several[] = {old, right, blank, NULL}, *wrong[] = {old, blank, NULL};
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        test_delivery delivery;
        dd_sender_settings settings = *test_sender(cases[i][0]);
        load(&delivery, cases[i][0], cases[i][1]);
        settings.secrets = (dd_strv){several, 3, 4};
        assert_int_equal(read_status(&settings, &delivery), 200);
        settings.secrets = (dd_strv){wrong, 2, 3};
        assert_int_equal(read_status(&settings, &delivery), 401);
        test_delivery_done(&delivery);
    }
}

static void threat_26_no_refusal_tells_the_code_that_was_expected(void **state)
{
    (void)state;
    int status;
    test_delivery good, bad;
    dd_auto(dd_events) events = NULL;
    dd_auto(dd_error) why = NULL;
    load(&good, "nexus", "component-created");
    load(&bad, "nexus", "component-created");
    test_delivery_set_header(&bad, "X-Nexus-Webhook-Signature", "0123456789012345678901234567890123456789");
    assert_int_equal(dd_delivery_read(test_sender("nexus"), &bad.delivery, &events, &status, &why), -1);
    for (size_t i = 0; i < good.delivery.header_count; i++)
        assert_null(strstr(why->message, good.delivery.headers[i].value));
    test_delivery_done(&good);
    test_delivery_done(&bad);
}

static void what_proves_a_delivery_is_not_kept_with_it(void **state)
{
    (void)state;
    assert_true(dd_sender_header_is_secret(test_sender("artifactory"), "x-jfrog-event-auth"));
    assert_true(dd_sender_header_is_secret(test_sender("nexus"), "X-Nexus-Webhook-Signature"));
    assert_true(dd_sender_header_is_secret(test_sender("ecr"), "X-Api-Key"));
}

/* ---- Names ---- */

static void threat_06_a_sender_speaks_for_the_images_of_its_settings_alone(void **state)
{
    (void)state;
    char ours[] = "ghcr.io/acme/*", others[] = "ghcr.io/other/*";
    dd_sender_settings settings = *test_sender("ghcr");
    settings.repositories = ours;
    dd_auto(dd_events) taken = read_case(&settings, "package-published");
    assert_int_equal(taken->items[0]->kind, DD_EVENT_IMAGE_PUSH);
    settings.repositories = others;
    dd_auto(dd_events) ignored = read_case(&settings, "package-published");
    assert_int_equal(ignored->items[0]->kind, DD_EVENT_IGNORED);
    assert_non_null(strstr(ignored->items[0]->why, "acme/app"));
}

static void an_enterprises_registry_is_the_one_of_its_settings(void **state)
{
    (void)state;
    char host[] = "containers.example.com";
    dd_sender_settings settings = *test_sender("ghcr");
    settings.registry = host;
    dd_auto(dd_events) taken = read_case(&settings, "package-of-another-host");
    assert_int_equal(taken->items[0]->kind, DD_EVENT_IMAGE_PUSH);
    assert_string_equal(taken->items[0]->registry, host);
    dd_auto(dd_events) ignored = read_case(&settings, "package-published");
    assert_int_equal(ignored->items[0]->kind, DD_EVENT_IGNORED);
}

static void a_registry_that_is_one_docker_repository_has_images_by_their_names_alone(void **state)
{
    (void)state;
    char host[] = "docker-local.example.jfrog.io", repository[] = "docker-local", other[] = "docker-dev";
    dd_sender_settings settings = *test_sender("artifactory");
    settings.registry = host;
    settings.docker_repository = repository;
    dd_auto(dd_events) events = read_case(&settings, "pushed");
    assert_int_equal(events->items[0]->kind, DD_EVENT_IMAGE_PUSH);
    assert_string_equal(events->items[0]->repository, "base/python");
    settings.docker_repository = other;
    dd_auto(dd_events) ignored = read_case(&settings, "pushed");
    assert_non_null(strstr(ignored->items[0]->why, "another Docker repository"));
    /* Without it, names begin with the repository's. */
    settings = *test_sender("nexus");
    settings.docker_repository = NULL;
    dd_auto(dd_events) nexus = read_case(&settings, "component-created");
    assert_string_equal(nexus->items[0]->repository, "docker-hosted/team/app");
}

static void an_artifactory_behind_another_name_is_known_by_its_address(void **state)
{
    (void)state;
    char host[] = "images.example.com", url[] = "https://EXAMPLE.jfrog.io/artifactory";
    dd_sender_settings settings = *test_sender("artifactory");
    settings.registry = host;
    dd_auto(dd_events) ignored = read_case(&settings, "pushed");
    assert_int_equal(ignored->items[0]->kind, DD_EVENT_IGNORED);
    settings.url = url;
    dd_auto(dd_events) taken = read_case(&settings, "pushed");
    assert_int_equal(taken->items[0]->kind, DD_EVENT_IMAGE_PUSH);
    assert_string_equal(taken->items[0]->registry, host);
}

/* As `event parse` reads a saved delivery, without settings. */
static void without_settings_the_registry_is_what_the_delivery_says(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"harbor", "push-of-another-host", "evil.example.net:8443"},
        {"acr", "push-registry-in-upper-case", "example.azurecr.io"},
        {"quay", "push-two-tags", "quay.io"},
        {"ecr", "push", "111122223333.dkr.ecr.us-west-2.amazonaws.com"},
        {"ecr", "push-in-china", "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn"},
        {"gar", "insert-of-another-host", "gcr.io"},
        {"artifactory", "pushed-elsewhere", "other.jfrog.io"},
        {"dockerhub", "push", "docker.io"},
        {"ghcr", "package-published", "ghcr.io"},
    };
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_sender_settings settings = *test_sender(cases[i][0]);
        settings.registry = NULL;
        dd_auto(dd_events) events = read_case(&settings, cases[i][1]);
        assert_int_equal(events->items[0]->kind, DD_EVENT_IMAGE_PUSH);
        assert_string_equal(events->items[0]->registry, cases[i][2]);
    }
}

/* ---- Ids ---- */

static char *id_at(const char *kind, const char *name, int64_t at_ms)
{
    test_delivery delivery;
    load(&delivery, kind, name);
    delivery.delivery.at_ms = at_ms;
    dd_auto(dd_events) events = read_delivery(test_sender(kind), &delivery);
    test_delivery_done(&delivery);
    return dd_strdup(events->items[0]->delivery);
}

/* A tag that goes back to what it was has the same body as before, and is news. */
static void the_same_body_at_another_time_is_another_delivery_where_it_has_no_time_of_its_own(void **state)
{
    (void)state;
    static const char *const timed[][2] = {{"quay", "push-two-tags"}, {"artifactory", "pushed"}};
    static const char *const others[][2] = {
        {"dockerhub", "push"}, {"harbor", "push"}, {"gar", "insert"}, {"acr", "push"}};
    for (size_t i = 0; i < DD_COUNT(timed); i++) {
        dd_auto_str one = id_at(timed[i][0], timed[i][1], TEST_AT_MS);
        dd_auto_str two = id_at(timed[i][0], timed[i][1], TEST_AT_MS + 1);
        assert_string_not_equal(one, two);
        assert_true(dd_name_is_valid(two) && strlen(two) <= 58); /* a part fits behind it */
    }
    for (size_t i = 0; i < DD_COUNT(others); i++) {
        dd_auto_str one = id_at(others[i][0], others[i][1], TEST_AT_MS);
        dd_auto_str two = id_at(others[i][0], others[i][1], TEST_AT_MS + 1);
        assert_string_equal(one, two);
    }
}

/* ---- CloudEvents by settings ---- */

#define PUSHED "\"type\":\"com.example.image.pushed\""

static void cloudevents_images_stand_where_the_settings_say(void **state)
{
    (void)state;
    char subject[] = "/subject", digest[] = "/data/artifact/digests/0", tag[] = "/data/x~1y";
    dd_sender_settings settings = *test_sender("cloudevents");
    settings.fields.image = subject;
    settings.fields.digest = digest;
    settings.fields.tag = tag;
    dd_auto(dd_events) events =
        read_text(&settings, "application/cloudevents+json",
                  "{" PUSHED ",\"id\":\"1\",\"subject\":\"registry.example.com/team/app\","
                  "\"data\":{\"x/y\":\"2.0\",\"artifact\":{\"digests\":[\"" DIGEST "\"]}}}");
    const dd_event *event = events->items[0];
    assert_int_equal(event->kind, DD_EVENT_IMAGE_PUSH);
    assert_string_equal(event->repository, "team/app");
    assert_string_equal(event->tag, "2.0");
    assert_string_equal(event->digest, DIGEST);
}

static void a_whole_name_has_its_tag_and_digest_with_it(void **state)
{
    (void)state;
    char image[] = "/data/image";
    static const char *const names[] = {"registry.example.com/team/app:2.0@" DIGEST, "team/app:2.0@" DIGEST};
    dd_sender_settings settings = *test_sender("cloudevents");
    settings.fields.image = image;
    for (size_t i = 0; i < DD_COUNT(names); i++) {
        dd_auto_str body = dd_sprintf("{" PUSHED ",\"data\":{\"image\":\"%s\",\"tag\":\"other\"}}", names[i]);
        dd_auto(dd_events) events = read_text(&settings, "application/cloudevents+json", body);
        assert_int_equal(events->items[0]->kind, DD_EVENT_IMAGE_PUSH);
        assert_string_equal(events->items[0]->repository, "team/app");
        assert_string_equal(events->items[0]->tag, "2.0");
        assert_string_equal(events->items[0]->digest, DIGEST);
    }
    dd_auto(dd_events) other = read_text(&settings, "application/cloudevents+json",
                                         "{" PUSHED ",\"data\":{\"image\":\"evil.example.net/a:1\"}}");
    assert_int_equal(other->items[0]->kind, DD_EVENT_IGNORED);
}

static void attributes_of_binary_events_are_headers(void **state)
{
    (void)state;
    char subject[] = "/subject";
    test_delivery delivery;
    dd_sender_settings settings = *test_sender("cloudevents");
    settings.fields.image = subject;
    load(&delivery, "cloudevents", "binary");
    test_delivery_header(&delivery, "ce-subject", "base/other:3.1");
    dd_auto(dd_events) events = read_delivery(&settings, &delivery);
    assert_string_equal(events->items[0]->repository, "base/other");
    assert_string_equal(events->items[0]->tag, "3.1");
    test_delivery_done(&delivery);
}

/* ---- Bodies without end ---- */

static void endless_lists_are_read_to_a_bound(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *media_type, *before, *item, *after;
    } rows[] = {
        {"acr", "application/json", "[", "{}", "]"},
        {"cloudevents", "application/cloudevents-batch+json", "[", "{}", "]"},
        {"quay", "application/json", "{\"updated_tags\":[", "\"a\"", "]}"},
        {"harbor", "application/json", "{\"type\":\"PUSH_ARTIFACT\",\"event_data\":{\"resources\":[", "{}",
         "]}}"},
    };
    for (size_t i = 0; i < DD_COUNT(rows); i++) {
        dd_auto(dd_buf) body = dd_buf_new();
        dd_buf_printf(body, "%s%s", rows[i].before, rows[i].item);
        for (int n = 0; n < 20000; n++)
            dd_buf_printf(body, ",%s", rows[i].item);
        dd_buf_add_str(body, rows[i].after);
        dd_auto(dd_events) events = read_text(test_sender(rows[i].kind), rows[i].media_type, body->data);
        test_check_events(events);
        assert_int_equal(events->count, 1001);
        assert_non_null(strstr(events->items[1000]->why, "than are read"));
    }
}

static void events_of_one_delivery_have_ids_of_their_own(void **state)
{
    (void)state;
    dd_auto(dd_events) events = read_case(test_sender("harbor"), "push-several-resources");
    dd_auto_str one = dd_event_id(events->items[0]);
    dd_auto_str two = dd_event_id(events->items[1]);
    assert_string_equal(events->items[0]->delivery, events->items[1]->delivery);
    assert_string_not_equal(one, two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_registry_needs_to_be_named_except_where_there_is_one_alone),
        cmocka_unit_test(docker_hub_is_no_other_registry),
        cmocka_unit_test(cloudevents_need_the_types_that_are_pushes),
        cmocka_unit_test(each_kinds_trust_is_what_its_settings_give),
        cmocka_unit_test(artifactorys_header_is_a_code_or_the_secret_as_the_settings_say_and_never_both),
        cmocka_unit_test(any_of_several_secrets_proves_a_delivery_and_an_empty_one_never),
        cmocka_unit_test(threat_26_no_refusal_tells_the_code_that_was_expected),
        cmocka_unit_test(what_proves_a_delivery_is_not_kept_with_it),
        cmocka_unit_test(threat_06_a_sender_speaks_for_the_images_of_its_settings_alone),
        cmocka_unit_test(an_enterprises_registry_is_the_one_of_its_settings),
        cmocka_unit_test(a_registry_that_is_one_docker_repository_has_images_by_their_names_alone),
        cmocka_unit_test(an_artifactory_behind_another_name_is_known_by_its_address),
        cmocka_unit_test(without_settings_the_registry_is_what_the_delivery_says),
        cmocka_unit_test(the_same_body_at_another_time_is_another_delivery_where_it_has_no_time_of_its_own),
        cmocka_unit_test(cloudevents_images_stand_where_the_settings_say),
        cmocka_unit_test(a_whole_name_has_its_tag_and_digest_with_it),
        cmocka_unit_test(attributes_of_binary_events_are_headers),
        cmocka_unit_test(endless_lists_are_read_to_a_bound),
        cmocka_unit_test(events_of_one_delivery_have_ids_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
