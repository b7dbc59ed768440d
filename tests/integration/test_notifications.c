/* A real registry's notifications, taken live: what is done to it arrives as the events that it is,
 * everything that it sends is answered 2xx, and nothing that we ignore holds up what comes behind. The
 * program is its own server. */
#include "tests/support/registry.h"
#include "tests/support/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AUTHORIZATION "Bearer s3cr3t-registry"
#define REGISTRY      "registry.example.com" /* by the settings; the registry itself says 127.0.0.1 */
#define OCI_MANIFEST  "application/vnd.oci.image.manifest.v1+json"
#define DOCKER_LIST   "application/vnd.docker.distribution.manifest.list.v2+json"
#define OCI_INDEX     "application/vnd.oci.image.index.v1+json"
#define PATIENCE_S    30

static test_server *server;
static test_registry registry;

static int setup_server(void **state)
{
    (void)state;
    server = test_server_up((test_server_options){
        .more = "  - {name: registry, kind: distribution, registry: " REGISTRY
                ", auth: {header: Authorization, value: \"" AUTHORIZATION "\"}}\n"
                "  - {name: grid, kind: acr, registry: example.azurecr.io, auth: {url_token: t0ken}}\n"});
    return 0;
}

static int setup(void **state)
{
    setup_server(state);
    dd_auto_str directory = dd_path_join(server->directory, "registry");
    dd_auto_str url = dd_sprintf("https://%s/hooks/registry", server->address);
    test_registry_start(&registry, directory,
                        (test_registry_options){.password = true,
                                                .notify_url = url,
                                                .notify_authorization = AUTHORIZATION,
                                                .notify_ca_file = server->ca_file});
    test_redis_listen(&server->redis, "events");
    return 0;
}

/* An exit code of 0 says too that nothing leaked, where the sanitizers watch. */
static int teardown(void **state)
{
    (void)state;
    test_registry_stop(&registry);
    int code = test_server_end(server);
    test_server_down(server);
    server = NULL;
    return code;
}

/* ---- Doing things to the registry ---- */

/* Put a list of the manifests of these digests. */
static char *put_list(const char *repository, const char *name, const char *type, const char *const *digests,
                      const size_t *sizes, size_t count)
{
    char hex[DD_SHA256_HEX];
    static const char *const machines[] = {"amd64", "arm64"};
    dd_auto(dd_buf) text = dd_buf_new();
    dd_buf_printf(text, "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"manifests\":[", type);
    for (size_t i = 0; i < count; i++)
        dd_buf_printf(text,
                      "%s{\"mediaType\":\"" OCI_MANIFEST "\",\"size\":%zu,\"digest\":\"%s\",\"platform\":{"
                      "\"os\":\"linux\",\"architecture\":\"%s\"}}",
                      i ? "," : "", sizes[i], digests[i], machines[i % 2]);
    dd_buf_add_str(text, "]}");
    dd_auto_str path = dd_sprintf("%s/manifests/%s", repository, name);
    test_registry_send(&registry, "PUT", path, type, text->data);
    dd_sha256_hex(text->data, text->length, hex);
    return dd_sprintf("sha256:%s", hex);
}

static void mount_blob(const char *from, const char *to, const char *text)
{
    dd_auto_str blob = test_registry_blob_of(text);
    dd_auto_str path = dd_sprintf("%s/blobs/uploads/?mount=%s&from=%s", to, blob, from);
    test_registry_send(&registry, "POST", path, "application/octet-stream", "");
}

static void put_manifest(const char *repository, const char *name, const char *text)
{
    dd_auto_str manifest = test_registry_manifest_of(text);
    dd_auto_str path = dd_sprintf("%s/manifests/%s", repository, name);
    test_registry_send(&registry, "PUT", path, OCI_MANIFEST, manifest);
}

/* ---- What came of it ---- */

/* The fields of the event that came as the nth. */
static const char *field(const redisReply *events, size_t n, const char *name)
{
    assert_true(n < events->elements);
    const redisReply *fields = events->element[n]->element[1];
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (strcmp(fields->element[i]->str, name) == 0)
            return fields->element[i + 1]->str;
    return NULL;
}

/* Those that are not ignored. */
static redisReply *read_events(void)
{
    redisReply *events = redisCommand(server->redis.link, "XRANGE {drydock}:events - +");
    size_t count = 0;
    assert_non_null(events);
    assert_int_equal(events->type, REDIS_REPLY_ARRAY);
    for (size_t i = 0; i < events->elements; i++) {
        if (strcmp(field(events, i, "kind"), "ignored") != 0)
            events->element[count++] = events->element[i];
        else
            freeReplyObject(events->element[i]);
    }
    events->elements = count;
    return events;
}

/* Until the push to team/last is there. The registry's queue goes one by one: all else was answered then. */
static redisReply *await_last(void)
{
    while (true) {
        redisReply *events = read_events();
        if (events->elements && strcmp(field(events, events->elements - 1, "repository"), "team/last") == 0)
            return events;
        freeReplyObject(events);
        test_redis_await(&server->redis, "xadd", 1);
    }
}

static void assert_event(const redisReply *events, size_t n, const char *repository, const char *tag,
                         const char *digest, const char *media_type)
{
    assert_string_equal(field(events, n, "kind"), "image_push");
    assert_string_equal(field(events, n, "registry"), REGISTRY);
    assert_string_equal(field(events, n, "repository"), repository);
    assert_string_equal(field(events, n, "tag"), tag);
    assert_string_equal(field(events, n, "digest"), digest);
    assert_string_equal(field(events, n, "media_type"), media_type);
    assert_string_equal(field(events, n, "actor"), TEST_REGISTRY_USER);
}

/* Deliveries of the registry that were answered so. */
static long answered(int status)
{
    dd_auto(test_answer) answer = test_request(server, "GET", "/metrics", NULL, NULL);
    dd_auto_str line = dd_sprintf("drydock_deliveries_total{sender=\"registry\",status=\"%d\"} ", status);
    assert_int_equal(answer->status, 200);
    const char *at = strstr(answer->body.data, line);
    return at ? strtol(at + strlen(line), NULL, 10) : 0;
}

static void assert_none_refused(void)
{
    static const int refusals[] = {400, 401, 403, 405, 413, 415, 429};
    for (size_t i = 0; i < DD_COUNT(refusals); i++)
        assert_int_equal(answered(refusals[i]), 0);
}

static void what_is_done_to_a_registry_arrives_as_the_events_that_it_is(void **state)
{
    (void)state;
    dd_auto_str one = test_registry_push(&registry, "team/base", "1", "one");   /* a new tag */
    dd_auto_str two = test_registry_push(&registry, "team/base", "1", "two");   /* a moved tag */
    dd_auto_str again = test_registry_push(&registry, "team/base", "1", "two"); /* the same digest again */
    dd_auto_str manifest_one = test_registry_manifest_of("one");
    dd_auto_str manifest_two = test_registry_manifest_of("two");
    const char *const digests[] = {one, two};
    const size_t sizes[] = {strlen(manifest_one), strlen(manifest_two)};
    dd_auto_str list = put_list("team/base", "multi", DOCKER_LIST, digests, sizes, 2);
    dd_auto_str index = put_list("team/base", "index", OCI_INDEX, digests, sizes, 2);
    dd_auto_str three = test_registry_push(&registry, "team/base", "3", "three");
    put_manifest("team/base", three, "three"); /* by its digest */
    dd_auto_str gone = dd_sprintf("team/base/manifests/%s", one);
    test_registry_send(&registry, "DELETE", gone, "application/json", ""); /* team/base@one */
    mount_blob("team/base", "other/app", "three");
    put_manifest("other/app", "V1.2_x-y", "three");
    dd_auto_str last = test_registry_push(&registry, "team/last", "end", "last");

    redisReply *events = await_last();
    assert_int_equal(events->elements, 8);
    assert_string_equal(two, again);
    assert_event(events, 0, "team/base", "1", one, OCI_MANIFEST);
    assert_event(events, 1, "team/base", "1", two, OCI_MANIFEST);
    assert_event(events, 2, "team/base", "1", two, OCI_MANIFEST);
    assert_string_not_equal(field(events, 1, "delivery"), field(events, 2, "delivery"));
    assert_event(events, 3, "team/base", "multi", list, DOCKER_LIST);
    assert_event(events, 4, "team/base", "index", index, OCI_INDEX);
    assert_event(events, 5, "team/base", "3", three, OCI_MANIFEST);
    assert_event(events, 6, "other/app", "V1.2_x-y", three, OCI_MANIFEST);
    assert_event(events, 7, "team/last", "end", last, OCI_MANIFEST);
    freeReplyObject(events);
    /* Blobs, the push by digest, the deletion and the mount: ignored, and that with 200. */
    assert_none_refused();
    assert_int_equal(answered(503), 0);
    assert_true(answered(202) >= 7); /* the last one's may not be counted yet */
    assert_true(answered(200) >= 8);
}

static void await_503(void)
{
    time_t until = time(NULL) + PATIENCE_S;
    while (answered(503) == 0)
        assert_true(time(NULL) < until);
}

/* While Redis is away nothing is taken, so that the registry keeps it; then all of it comes, each once. */
static void a_registry_keeps_what_comes_while_redis_is_away_and_then_sends_all_of_it_once(void **state)
{
    (void)state;
    test_redis_stop(&server->redis);
    dd_auto_str one = test_registry_push(&registry, "team/base", "1", "one");
    dd_auto_str two = test_registry_push(&registry, "team/base", "2", "two");
    await_503();
    test_redis_start(&server->redis, server->directory);
    test_redis_listen(&server->redis, "events");
    /* What came in between may have been written before we listened. */
    dd_auto_str last = test_registry_push(&registry, "team/last", "end", "last");
    redisReply *events = await_last();
    assert_int_equal(events->elements, 3);
    assert_event(events, 0, "team/base", "1", one, OCI_MANIFEST);
    assert_event(events, 1, "team/base", "2", two, OCI_MANIFEST);
    assert_event(events, 2, "team/last", "end", last, OCI_MANIFEST);
    freeReplyObject(events);
    assert_none_refused();
}

/* ---- Event Grid's handshakes ---- */

static test_answer *ask(const char *method, const char *path, const char *header, const char *body)
{
    const char *const headers[] = {"Content-Type: application/json", header, NULL};
    return test_request(server, method, path, headers, body);
}

static void event_grid_gets_its_code_back_when_the_address_has_the_token(void **state)
{
    static const char body[] =
        "[{\"id\":\"1\",\"eventType\":\"Microsoft.EventGrid.SubscriptionValidationEvent\","
        "\"data\":{\"validationCode\":\"512d38b6\",\"validationUrl\":\"https://example.net/x\"}}]";
    static const char header[] = "aeg-event-type: SubscriptionValidation";
    (void)state;
    dd_auto(test_answer) good = ask("POST", "/hooks/grid?token=t0ken", header, body);
    assert_int_equal(good->status, 200);
    assert_string_equal(test_member(good, "validationResponse"), "512d38b6");
    dd_auto(test_answer) bad = ask("POST", "/hooks/grid?token=token", header, body);
    assert_int_equal(bad->status, 401);
    assert_null(test_member(bad, "validationResponse"));
}

static void an_origin_of_cloudevents_is_allowed_when_the_address_has_the_token(void **state)
{
    static const char header[] = "WebHook-Request-Origin: eventgrid.azure.net";
    static const char allowed[] = "WebHook-Allowed-Origin: eventgrid.azure.net\r\n";
    static const char *const others[] = {"/hooks/grid", "/hooks/grid?token=x", "/hooks/registry",
                                         "/hooks/none"};
    (void)state;
    dd_auto(test_answer) good = ask("OPTIONS", "/hooks/grid?token=t0ken", header, NULL);
    assert_int_equal(good->status, 200);
    assert_non_null(strstr(good->head.data, allowed));
    for (size_t i = 0; i < DD_COUNT(others); i++) {
        dd_auto(test_answer) bad = ask("OPTIONS", others[i], header, NULL);
        assert_int_equal(bad->status, 200);
        assert_null(strstr(bad->head.data, "WebHook-Allowed-Origin"));
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_done_to_a_registry_arrives_as_the_events_that_it_is, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_registry_keeps_what_comes_while_redis_is_away_and_then_sends_all_of_it_once, setup, teardown),
        cmocka_unit_test_setup_teardown(event_grid_gets_its_code_back_when_the_address_has_the_token,
                                        setup_server, teardown),
        cmocka_unit_test_setup_teardown(an_origin_of_cloudevents_is_allowed_when_the_address_has_the_token,
                                        setup_server, teardown),
    };
    test_server_main(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
