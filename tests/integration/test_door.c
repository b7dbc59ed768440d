/* The door under hostile clients: what they can cost, and that nothing of them stays. This program is the
 * server too (tests/support/server.h). */
#include "server/server.h"
#include "tests/support/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define COMMIT        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define IDLE_CLIENTS  2000
#define SLOW_CLIENTS  200
#define GOOD_REQUESTS 60
#define BIG_BODY      ((size_t)1024 * 1024 * 1024)
/* Of the server. ASan keeps back up to 256 MiB of what was freed. */
#ifdef __SANITIZE_ADDRESS__
#define MEMORY_KIB (512L * 1024)
#else
#define MEMORY_KIB (64L * 1024)
#endif

static test_server *live; /* the test's, until it is taken down */

static test_server *up(test_server_options options)
{
    live = test_server_up(options);
    return live;
}

static void down(test_server *server)
{
    assert_int_equal(test_server_end(server), 0);
    test_server_down(server);
    live = NULL;
}

static int teardown(void **state)
{
    (void)state;
    test_server_down(live);
    live = NULL;
    return 0;
}

static size_t descriptors(const test_server *server)
{
    dd_auto_str path = dd_sprintf("/proc/%d/fd", (int)server->pid);
    DIR *folder = opendir(path);
    size_t count = 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static long resident_kib(const test_server *server)
{
    dd_auto_str path = dd_sprintf("/proc/%d/status", (int)server->pid);
    dd_auto(dd_buf) text = NULL;
    assert_int_equal(dd_buf_read_file(path, 65536, &text, NULL), 0);
    const char *line = strstr(text->data, "VmRSS:");
    return line ? atol(line + strlen("VmRSS:")) : 0;
}

/* Until as few are open as before. */
static void assert_closed(const test_server *server, size_t before)
{
    size_t now = SIZE_MAX;
    for (int64_t until_ms = dd_monotonic_ms() + 30000; now > before && dd_monotonic_ms() < until_ms;) {
        struct timespec pause = {.tv_nsec = 10 * 1000000L};
        nanosleep(&pause, NULL);
        now = descriptors(server);
    }
    assert_true(now <= before);
}

static char *signed_push(const char *id)
{
    uint8_t mac[DD_SHA256_BYTES];
    char hex[DD_SHA256_HEX];
    dd_auto_str body = test_push_body(COMMIT);
    dd_hmac_sha256(TEST_GITHUB_SECRET, strlen(TEST_GITHUB_SECRET), body, strlen(body), mac);
    dd_hex_encode(mac, sizeof(mac), hex);
    return dd_sprintf("POST /hooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                      "X-GitHub-Event: push\r\nX-GitHub-Delivery: %s\r\nX-Hub-Signature-256: sha256=%s\r\n"
                      "Content-Length: %zu\r\n\r\n%s",
                      id, hex, strlen(body), body);
}

/* ---- Leaving ---- */

static void clients_that_leave_at_any_point_leave_nothing_behind(void **state)
{
    test_server *server =
        up((test_server_options){.server = "unix: server.sock, threads: 1, address_connections: 4000"});
    dd_auto_str path = dd_path_join(server->directory, "server.sock");
    dd_auto_str push = signed_push("72d3162e-cc78-11e3-81ab-4c9367dc0958");
    size_t length = strlen(push);
    (void)state;
    test_answer_free(test_request(server, "GET", "/readyz", NULL, NULL));
    size_t before = descriptors(server);
    for (size_t i = 0; i <= length; i++) {
        dd_auto(test_stream) stream = test_stream_open_unix(path);
        assert_true(test_stream_write(stream, push, i));
    }
    /* Over TLS at some points, the handshake's among them. */
    for (size_t i = 0; i <= length; i += 97) {
        dd_auto(test_stream) stream = test_stream_open(server);
        if (i > 0)
            assert_true(test_stream_write(stream, push, i));
    }
    assert_closed(server, before);
    dd_auto(test_stream) stream = test_stream_open_unix(path);
    assert_true(test_stream_write(stream, push, length));
    dd_auto_str answer = test_stream_read(stream, "\"event\"");
    assert_true(dd_str_starts(answer, "HTTP/1.1 202"));
    /* However often it was begun, it is one delivery. */
    assert_int_equal(test_redis_number(&server->redis, "XLEN {drydock}:events"), 1);
    test_stream_freep(&stream);
    down(server);
}

/* ---- Staying ---- */

typedef struct dribble {
    test_stream *streams[SLOW_CLIENTS];
    atomic_bool stops;
} dribble;

/* A byte a second on each of them, for as long as the server has it. */
static void *send_slowly(void *context)
{
    dribble *d = context;
    struct timespec pace = {.tv_nsec = 1000 * 1000000L / SLOW_CLIENTS};
    while (!d->stops)
        for (size_t i = 0; i < SLOW_CLIENTS && !d->stops; i++) {
            test_stream_write(d->streams[i], "x", 1);
            nanosleep(&pace, NULL); /* the clients' pace is what is tested */
        }
    return NULL;
}

static void idle_and_slow_clients_harm_no_delivery(void **state)
{
    static const char head[] = "POST /hooks/github HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256="
                               "0000000000000000000000000000000000000000000000000000000000000000\r\n"
                               "Content-Length: 100000\r\n\r\n";
    test_server *server = up((test_server_options){
        .server = "connections: 4000, address_connections: 4000, address_rate: 100000, timeout: 300s"});
    test_stream **idle =
        dd_calloc(IDLE_CLIENTS, sizeof(test_stream *)); /* NOLINT(bugprone-sizeof-expression) */
    dribble slow = {.stops = false};
    pthread_t thread;
    (void)state;
    for (size_t i = 0; i < IDLE_CLIENTS; i++)
        idle[i] = test_stream_open(server);
    for (size_t i = 0; i < SLOW_CLIENTS; i++) {
        slow.streams[i] = test_stream_open(server);
        assert_true(test_stream_write(slow.streams[i], head, strlen(head)));
    }
    assert_int_equal(pthread_create(&thread, NULL, send_slowly, &slow), 0);
    for (size_t i = 0; i < GOOD_REQUESTS; i++) {
        dd_auto_str body = test_push_body(COMMIT);
        dd_auto_str id = dd_sprintf("72d3162e-cc78-11e3-81ab-%012zu", i);
        dd_auto(test_answer) answer = test_push(server, TEST_GITHUB_SECRET, id, body);
        assert_int_equal(answer->status, 202);
    }
    print_message("%d idle and %d slow clients: the server takes %ld KiB\n", IDLE_CLIENTS, SLOW_CLIENTS,
                  resident_kib(server));
    slow.stops = true;
    pthread_join(thread, NULL);
    for (size_t i = 0; i < SLOW_CLIENTS; i++)
        test_stream_free(slow.streams[i]);
    for (size_t i = 0; i < IDLE_CLIENTS; i++)
        test_stream_free(idle[i]);
    free(idle);
    down(server);
}

/* ---- Too much ---- */

static void a_gigabyte_is_refused_whether_its_length_is_told_or_not(void **state)
{
    static const char *const heads[] = {"Content-Length: 1073741824\r\n\r\n",
                                        "Transfer-Encoding: chunked\r\n\r\n40000000\r\n"};
    test_server *server =
        up((test_server_options){.server = "unix: server.sock, threads: 1, body_max: 1MiB"});
    dd_auto_str path = dd_path_join(server->directory, "server.sock");
    char *part = dd_calloc(1, 65536);
    (void)state;
    test_answer_free(test_request(server, "GET", "/readyz", NULL, NULL));
    size_t before = descriptors(server);
    for (size_t i = 0; i < DD_COUNT(heads); i++) {
        dd_auto(test_stream) stream = test_stream_open_unix(path);
        dd_auto_str head =
            dd_sprintf("POST /hooks/github HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256="
                       "0000000000000000000000000000000000000000000000000000000000000000\r\n%s",
                       heads[i]);
        assert_true(test_stream_write(stream, head, strlen(head)));
        /* It stops listening at some point; a client that reads while it sends has its answer before. */
        size_t sent = 0;
        while (sent < BIG_BODY && test_stream_write(stream, part, 65536))
            sent += 65536;
        assert_true(resident_kib(server) < MEMORY_KIB);
        if (sent >= BIG_BODY) {
            dd_auto_str answer = test_stream_read(stream, "\"error\"");
            assert_true(dd_str_starts(answer, "HTTP/1.1 413"));
        }
    }
    assert_closed(server, before);
    free(part);
    down(server);
}

static void a_hundred_thousand_headers_are_refused_unread(void **state)
{
    test_server *server = up((test_server_options){.server = "unix: server.sock, threads: 1"});
    dd_auto_str path = dd_path_join(server->directory, "server.sock");
    dd_auto(test_stream) stream = test_stream_open_unix(path);
    static const char line[] = "A: b\r\n";
    dd_buf many = {0};
    (void)state;
    dd_buf_add_str(&many, "GET /healthz HTTP/1.1\r\nHost: x\r\n");
    for (size_t i = 0; i < 100000; i++)
        dd_buf_add(&many, line, strlen(line));
    test_stream_write(stream, many.data, many.length);
    dd_auto_str answer = test_stream_read(stream, "\"error\"");
    assert_true(dd_str_starts(answer, "HTTP/1.1 431"));
    assert_true(resident_kib(server) < MEMORY_KIB);
    dd_buf_done(&many);
    test_stream_freep(&stream);
    down(server);
}

static void a_thousand_requests_sent_at_once_are_answered_in_order(void **state)
{
    test_server *server = up((test_server_options){.server = "unix: server.sock, threads: 1"});
    dd_auto_str path = dd_path_join(server->directory, "server.sock");
    dd_auto(test_stream) stream = test_stream_open_unix(path);
    dd_buf many = {0};
    size_t answers = 0;
    (void)state;
    for (size_t i = 0; i < 1000; i++)
        dd_buf_printf(&many, "GET /%s HTTP/1.1\r\nHost: x\r\n%s\r\n", i % 2 ? "healthz" : "nowhere",
                      i == 999 ? "Connection: close\r\n" : "");
    assert_true(test_stream_write(stream, many.data, many.length));
    dd_auto_str text = test_stream_read(stream, NULL);
    for (const char *at = strstr(text, "HTTP/1.1 "); at; at = strstr(at + 1, "HTTP/1.1 "))
        assert_true(dd_str_starts(at, answers++ % 2 ? "HTTP/1.1 200" : "HTTP/1.1 404"));
    assert_int_equal(answers, 1000);
    dd_buf_done(&many);
    test_stream_freep(&stream);
    down(server);
}

int main(int argc, char **argv)
{
    struct rlimit files;
    test_server_main(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_ALL);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(clients_that_leave_at_any_point_leave_nothing_behind, teardown),
        cmocka_unit_test_teardown(idle_and_slow_clients_harm_no_delivery, teardown),
        cmocka_unit_test_teardown(a_gigabyte_is_refused_whether_its_length_is_told_or_not, teardown),
        cmocka_unit_test_teardown(a_hundred_thousand_headers_are_refused_unread, teardown),
        cmocka_unit_test_teardown(a_thousand_requests_sent_at_once_are_answered_in_order, teardown),
    };
    return cmocka_run_group_tests_name("door", tests, NULL, NULL);
}
