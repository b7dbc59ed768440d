/* The server when Redis dies and comes back, and what stands on that: the listeners, the matcher and those
 * who wait find it again by themselves. This program is the server too (tests/support/server.h). */
#include "tests/support/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 30000
#define COMMIT      "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DELIVERY    "72d3162e-cc78-11e3-81ab-4c9367dc0958"
#define TASKS                                                                                                \
    "tasks:\n"                                                                                               \
    "  - name: app\n"                                                                                        \
    "    context: https://github.com/org/app.git#main\n"                                                     \
    "    triggers: {commit: true}\n"

static test_server *live; /* the test's, until it is taken down */

static int setup(void **state)
{
    (void)state;
    live = test_server_up((test_server_options){0});
    return 0;
}

/* An exit code of 0 says too that nothing leaked, where the sanitizers watch. */
static int teardown(void **state)
{
    (void)state;
    int code = test_server_end(live);
    test_server_down(live);
    live = NULL;
    return code;
}

static void assert_status(test_answer *taken, int status)
{
    if (taken->status != status)
        fail_msg("answered %d %s", taken->status, taken->body.data ? taken->body.data : "");
    test_answer_free(taken);
}

/* Each listener finds Redis by itself, and the kernel spreads connections over them: after this many well
 * answered in a row all are ready. A connection with its handshake each time is pace enough. */
#define IN_A_ROW 30

static void await_all_ready(void)
{
    int64_t until_ms = dd_monotonic_ms() + PATIENCE_MS;
    for (int well = 0; well < IN_A_ROW;) {
        dd_auto(test_answer) answer = test_request(live, "GET", "/readyz", NULL, NULL);
        well = answer->status == 200 ? well + 1 : 0;
        assert_true(dd_monotonic_ms() < until_ms);
    }
}

static void apply_tasks(void)
{
    await_all_ready();
    assert_status(test_api(live, "POST", "/tasks", TASKS), 200);
}

/* A run that a person asked for; owned. */
static char *new_run(void)
{
    apply_tasks();
    dd_auto(test_answer) answer = test_api(live, "POST", "/tasks/app/runs", NULL);
    assert_int_equal(answer->status, 201);
    return dd_strdup(test_member(answer, "run"));
}

static void a_redis_that_died_and_came_back_empty_gets_its_deliveries_matched(void **state)
{
    dd_auto_str body = test_push_body(COMMIT);
    int64_t until_ms = dd_monotonic_ms() + PATIENCE_MS;
    (void)state;
    await_all_ready();
    test_redis_stop(&live->redis);
    dd_auto(test_answer) refused = test_push(live, TEST_GITHUB_SECRET, DELIVERY, body);
    assert_int_equal(refused->status, 503);
    assert_non_null(strstr(refused->head.data, "Retry-After: "));
    assert_status(test_request(live, "GET", "/healthz", NULL, NULL), 200);
    assert_status(test_request(live, "GET", "/readyz", NULL, NULL), 503);
    assert_status(test_api(live, "GET", "/runs", NULL), 503);
    assert_status(test_api(live, "GET", "/queue", NULL), 503);
    assert_status(test_api(live, "POST", "/tasks", TASKS), 503);
    test_redis_start(&live->redis, live->directory);
    apply_tasks();
    assert_status(test_push(live, TEST_GITHUB_SECRET, DELIVERY, body), 202);
    /* The group that the matcher read is gone with the data; it makes it again. */
    while (test_redis_number(&live->redis, "ZCARD {drydock}:runs:app") == 0)
        assert_true(dd_monotonic_ms() < until_ms);
}

static void one_who_follows_a_log_is_told_when_redis_dies(void **state)
{
    (void)state;
    dd_auto_str run = new_run();
    dd_auto_str request = dd_sprintf("GET /api/v1/runs/%s/log?wait=30 HTTP/1.1\r\nHost: x\r\n"
                                     "Authorization: Bearer " TEST_API_TOKEN "\r\nConnection: close\r\n\r\n",
                                     run);
    dd_auto(test_stream) stream = test_stream_open(live);
    assert_true(test_stream_write(stream, request, strlen(request)));
    /* The matcher waits too; the follower is the second. */
    for (bool waits = false; !waits;) {
        dd_auto_str info = test_redis_text(&live->redis, "INFO clients");
        waits = strstr(info, "blocked_clients:2") != NULL;
    }
    test_redis_stop(&live->redis);
    dd_auto_str answer = test_stream_read(stream, NULL);
    assert_true(dd_str_starts(answer, "HTTP/1.1 503 "));
}

static void a_run_is_canceled_once(void **state)
{
    (void)state;
    dd_auto_str run = new_run();
    dd_auto_str path = dd_sprintf("/runs/%s/cancel", run);
    assert_status(test_api(live, "POST", path, NULL), 200);
    dd_auto_str state_now = test_redis_text(&live->redis, "HGET {drydock}:run:%s state", run);
    assert_string_equal(state_now, "Canceled");
    assert_status(test_api(live, "POST", "/runs/nosuch/cancel", NULL), 404);
    dd_auto(test_answer) again = test_api(live, "POST", path, NULL);
    assert_string_equal(test_member(again, "result"), "final");
    dd_auto_str log = dd_sprintf("/runs/%s/log?wait=20", run);
    dd_auto(test_answer) ended = test_api(live, "GET", log, NULL); /* nothing more comes: no wait */
    assert_string_equal(test_member(ended, "end"), "Canceled");
}

static void a_delivery_without_one_right_signature_is_refused(void **state)
{
    dd_auto_str body = test_push_body(COMMIT);
    uint8_t mac[DD_SHA256_BYTES];
    char hex[DD_SHA256_HEX];
    (void)state;
    dd_hmac_sha256(TEST_GITHUB_SECRET, strlen(TEST_GITHUB_SECRET), body, strlen(body), mac);
    dd_hex_encode(mac, sizeof(mac), hex);
    dd_auto_str right = dd_sprintf("X-Hub-Signature-256: sha256=%s", hex);
    hex[0] = hex[0] == 'a' ? 'b' : 'a';
    dd_auto_str wrong = dd_sprintf("X-Hub-Signature-256: sha256=%s", hex);
    const char *const pairs[][2] = {
        {NULL, NULL}, {wrong, NULL}, {right, wrong}, {wrong, right}, {right, right}};
    for (size_t i = 0; i < DD_COUNT(pairs); i++) {
        const char *const headers[] = {"Content-Type: application/json",
                                       "X-GitHub-Event: push",
                                       "X-GitHub-Delivery: " DELIVERY,
                                       pairs[i][0],
                                       pairs[i][1],
                                       NULL};
        dd_auto(test_answer) answer = test_request(live, "POST", "/hooks/github", headers, body);
        if (answer->status != 401 && answer->status != 400)
            fail_msg("case %zu was answered %d", i, answer->status);
    }
    assert_int_equal(test_redis_number(&live->redis, "XLEN {drydock}:events"), 0);
}

int main(int argc, char **argv)
{
#define server_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        server_test(a_redis_that_died_and_came_back_empty_gets_its_deliveries_matched),
        server_test(one_who_follows_a_log_is_told_when_redis_dies),
        server_test(a_run_is_canceled_once),
        server_test(a_delivery_without_one_right_signature_is_refused),
    };
    test_server_main(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
