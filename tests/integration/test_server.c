/* The server on a real Redis, over TLS: what it takes, what it refuses, and what it survives. This program is
 * the server too (tests/support/server.h). */
#include "server/dev.h"
#include "tests/support/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define COMMIT     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DELIVERY_1 "72d3162e-cc78-11e3-81ab-4c9367dc0958"
#define DELIVERY_2 "72d3162e-cc78-11e3-81ab-4c9367dc0959"
/* Enough for a head: whether it is right the body tells. */
#define SIGNED                                                                                               \
    "X-Hub-Signature-256: sha256=0000000000000000000000000000000000000000000000000000000000000000\r\n"
#define TASKS                                                                                                \
    "tasks:\n"                                                                                               \
    "  - name: app\n"                                                                                        \
    "    context: https://github.com/org/app.git#main\n"                                                     \
    "    triggers: {commit: true}\n"

static test_server *live; /* the test's, until it is taken down */

static test_server *up(test_server_options options)
{
    live = test_server_up(options);
    return live;
}

/* An exit code of 0 says too that nothing leaked, where the sanitizers watch. */
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

static void assert_status(test_answer *taken, int status)
{
    if (taken->status != status)
        fprintf(stderr, "answered %d %s\n", taken->status, taken->body.data ? taken->body.data : "");
    assert_int_equal(taken->status, status);
    test_answer_free(taken);
}

static void assert_has(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fprintf(stderr, "no '%s' in: %s\n", part, text ? text : "(nothing)");
    assert_non_null(text);
    assert_non_null(strstr(text, part));
}

static void apply_tasks(const test_server *server)
{
    dd_auto(test_answer) answer = test_api(server, "POST", "/tasks", TASKS);
    assert_int_equal(answer->status, 200);
}

/* ---- The door ---- */

static void probes_tell_the_process_and_redis_apart(void **state)
{
    test_server *server = up((test_server_options){0});
    (void)state;
    assert_status(test_request(server, "GET", "/healthz", NULL, NULL), 200);
    assert_status(test_request(server, "GET", "/readyz", NULL, NULL), 200);
    test_redis_pause(&server->redis);
    assert_status(test_request(server, "GET", "/healthz", NULL, NULL), 200);
    dd_auto(test_answer) answer = test_request(server, "GET", "/readyz", NULL, NULL);
    assert_int_equal(answer->status, 503);
    assert_has(answer->head.data, "Retry-After: 5");
    assert_non_null(test_member(answer, "error"));
    test_redis_resume(&server->redis);
    down(server);
}

static void a_server_without_redis_starts_and_is_not_ready_until_redis_is_there(void **state)
{
    test_server *server = up((test_server_options){.no_redis = true});
    int status = 0;
    (void)state;
    assert_status(test_request(server, "GET", "/healthz", NULL, NULL), 200);
    assert_status(test_request(server, "GET", "/readyz", NULL, NULL), 503);
    test_redis_start(&server->redis, server->directory);
    for (int64_t until_ms = dd_monotonic_ms() + 20000; status != 200 && dd_monotonic_ms() < until_ms;) {
        dd_auto(test_answer) answer = test_request(server, "GET", "/readyz", NULL, NULL);
        status = answer->status;
    }
    assert_int_equal(status, 200);
    down(server);
}

static void wrong_paths_and_methods_are_told_so(void **state)
{
    static const struct {
        const char *method, *path;
        int status;
        const char *allow;
    } cases[] = {
        {"GET", "/", 404, NULL},
        {"GET", "/healthz/", 404, NULL},
        {"GET", "//healthz", 404, NULL},
        {"GET", "/hooks/", 404, NULL},
        {"POST", "/hooks/nobody", 404, NULL},
        {"POST", "/hooks/a%2fb", 404, NULL},
        {"POST", "/hooks/github/more", 404, NULL},
        {"GET", "/hooks/github", 405, "Allow: POST, OPTIONS\r\n"},
        {"PUT", "/healthz", 405, "Allow: GET, HEAD, OPTIONS\r\n"},
        {"PATCH", "/api/v1/tasks", 405, "Allow: GET, HEAD, POST, OPTIONS\r\n"},
        {"DELETE", "/api/v1/runs", 405, "Allow: GET, HEAD, OPTIONS\r\n"},
        {"OPTIONS", "/hooks/github", 200, "Allow: POST, OPTIONS\r\n"},
        {"HEAD", "/healthz", 200, NULL},
        {"HEAD", "/nowhere", 404, NULL},
        {"TRACE", "/healthz", 501, NULL},
        {"BREW", "/healthz", 501, NULL},
    };
    test_server *server = up((test_server_options){0});
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto(test_answer) answer = test_request(server, cases[i].method, cases[i].path, NULL, NULL);
        if (answer->status != cases[i].status)
            fprintf(stderr, "%s %s: %d\n", cases[i].method, cases[i].path, answer->status);
        assert_int_equal(answer->status, cases[i].status);
        if (cases[i].allow)
            assert_has(answer->head.data, cases[i].allow);
        assert_null(strstr(answer->head.data, "Server:"));
    }
    down(server);
}

static void answer_to_bytes(const test_server *server, const char *bytes, const char *status)
{
    dd_auto(test_stream) stream = test_stream_open(server);
    assert_true(test_stream_write(stream, bytes, strlen(bytes)));
    dd_auto_str answer = test_stream_read(stream, NULL);
    if (!dd_str_starts(answer, status))
        fprintf(stderr, "%s answered: %s\n", bytes, answer);
    assert_true(dd_str_starts(answer, status));
    /* What was smuggled behind it was not answered. */
    assert_null(strstr(answer, "ready"));
}

static void bodies_of_doubtful_length_are_refused_and_the_connection_closed(void **state)
{
    static const char *const cases[][2] = {
        {"POST /hooks/github HTTP/1.1\r\nHost: x\r\n" SIGNED
         "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
         "0\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
         "HTTP/1.1 400"},
        {"POST /hooks/github HTTP/1.1\r\nHost: x\r\n" SIGNED "Transfer-Encoding: gzip, chunked\r\n\r\n"
         "0\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
         "HTTP/1.1 501"},
        {"POST /hooks/github HTTP/1.1\r\nHost: x\r\n" SIGNED
         "Transfer-Encoding: chunked\r\nTransfer-Encoding: "
         "identity\r\n\r\n0\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
         "HTTP/1.1 "},
        {"POST /hooks/github HTTP/1.0\r\n" SIGNED "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "HTTP/1.1 400"},
        {"POST /hooks/github HTTP/1.1\r\nHost: x\r\n" SIGNED "Content-Length: 1\r\nContent-Length: 0\r\n\r\n"
         "xGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
         "HTTP/1.1 400"},
        {"POST /hooks/github HTTP/1.1\r\nHost: x\r\n" SIGNED "Content-Length: -1\r\n\r\n", "HTTP/1.1 400"},
        {"POST /hooks/github HTTP/1.1\r\nHost: x\r\n" SIGNED "Content-Length: 99999999999999999999\r\n\r\n",
         "HTTP/1.1 400"},
        {"POST /hooks/github HTTP/1.1\r\nHost: x\r\n" SIGNED "Content-Length: 1073741824\r\n\r\n{",
         "HTTP/1.1 413"},
        {"POST /hooks/github HTTP/1.1\r\nHost: x\r\n" SIGNED "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
         "HTTP/1.1 400"},
        {"POST /hooks/github HTTP/1.1\r\nHost: x\r\n" SIGNED "Transfer-Encoding: chunked\r\n\r\n"
         "fffffffffffffffff\r\n",
         "HTTP/1.1 400"},
        /* A HEAD has no body of its own to answer with, but may bring one, which is then no request. */
        {"HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 33\r\n\r\n"
         "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
         "HTTP/1.1 200"},
    };
    test_server *server = up((test_server_options){.server = "timeout: 2s"});
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++)
        answer_to_bytes(server, cases[i][0], cases[i][1]);
    assert_status(test_request(server, "GET", "/readyz", NULL, NULL), 200);
    down(server);
}

static void heads_that_others_may_read_otherwise_are_refused(void **state)
{
    static const char *const cases[][2] = {
        {"nonsense\r\n\r\n", "HTTP/1.1 400"},
        {"GET /healthz HTTP/1.1\nHost: x\n\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400"},
        {"GET /healthz HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", "HTTP/1.1 400"},
        {"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", "HTTP/1.1 400"},
        {"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", "HTTP/1.1 400"},
        {"GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n", "HTTP/1.1 400"},
        {"GET /healthz HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
        {"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "HTTP/1.1 400"},
        {"GET /healthz\r\n\r\n", "HTTP/1.1 505"},
        {"GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n", "HTTP/1.1 505"},
        {"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 501"},
        {"GET healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400"},
    };
    test_server *server = up((test_server_options){.server = "timeout: 2s"});
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++)
        answer_to_bytes(server, cases[i][0], cases[i][1]);
    down(server);
}

static void too_many_headers_are_answered_431(void **state)
{
    test_server *server = up((test_server_options){0});
    dd_buf many = {0};
    (void)state;
    dd_buf_add_str(&many, "GET /healthz HTTP/1.1\r\nHost: x\r\n");
    for (size_t i = 0; i < 250; i++)
        dd_buf_add_str(&many, "a: b\r\n");
    dd_buf_add_str(&many, "\r\n");
    answer_to_bytes(server, many.data, "HTTP/1.1 431");
    dd_buf_clear(&many);
    dd_buf_add_str(&many, "GET /healthz HTTP/1.1\r\nHost: x\r\na: ");
    for (size_t i = 0; i < 70000; i++)
        dd_buf_add_char(&many, 'x');
    answer_to_bytes(server, many.data, "HTTP/1.1 431");
    dd_buf_done(&many);
    down(server);
}

static void a_client_that_waits_before_its_body_is_told_to_go_on(void **state)
{
    test_server *server = up((test_server_options){0});
    const char *const headers[] = {"Expect: 100-continue", "Authorization: Bearer " TEST_API_TOKEN, NULL};
    (void)state;
    int64_t began_ms = dd_monotonic_ms();
    dd_auto(test_answer) answer = test_request(server, "POST", "/api/v1/tasks", headers, TASKS);
    assert_int_equal(answer->status, 200);
    assert_has(answer->head.data, "HTTP/1.1 100 Continue");
    /* curl gives up waiting for it after a second. */
    assert_true(dd_monotonic_ms() - began_ms < 20000);
    down(server);
}

static void requests_sent_at_once_are_answered_in_order(void **state)
{
    static const char two[] = "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
                              "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    test_server *server = up((test_server_options){0});
    (void)state;
    dd_auto(test_stream) stream = test_stream_open(server);
    assert_true(test_stream_write(stream, two, strlen(two)));
    dd_auto_str answers = test_stream_read(stream, NULL);
    const char *first = strstr(answers, "\"ready\""), *second = strstr(answers, "\"ok\"");
    assert_true(first && second && first < second);
    test_stream_freep(&stream);
    down(server);
}

static void a_body_over_the_limit_is_answered_413(void **state)
{
    test_server *server = up((test_server_options){.server = "body_max: 64KiB, header_max: 8KiB"});
    dd_buf large = {0};
    (void)state;
    while (large.length < 100 * 1024)
        dd_buf_add_str(&large, "0123456789abcdef");
    assert_status(test_push(server, TEST_GITHUB_SECRET, DELIVERY_1, large.data), 413);
    const char *const chunked[] = {"Transfer-Encoding: chunked",
                                   "X-Hub-Signature-256: sha256="
                                   "0000000000000000000000000000000000000000000000000000000000000000",
                                   NULL};
    assert_status(test_request(server, "POST", "/hooks/github", chunked, large.data), 413);
    large.data[60 * 1024] = '\0';
    assert_status(test_push(server, "wrong", DELIVERY_1, large.data), 401);
    large.data[9000] = '\0';
    dd_auto_str header = dd_sprintf("X-Long: %s", large.data);
    const char *const headers[] = {header, NULL};
    dd_auto(test_answer) answer = test_request(server, "GET", "/healthz", headers, NULL);
    assert_int_equal(answer->status, 431);
    dd_buf_done(&large);
    down(server);
}

/* A byte now and then keeps no connection: the whole request must be there by the deadline. */
static void a_client_that_dribbles_is_cut_off(void **state)
{
    static const char head[] = "POST /hooks/github HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n";
    test_server *server = up((test_server_options){.server = "timeout: 1s"});
    struct timespec pause = {.tv_nsec = 100 * 1000000L};
    (void)state;
    dd_auto(test_stream) stream = test_stream_open(server);
    assert_true(test_stream_write(stream, head, strlen(head)));
    int64_t began_ms = dd_monotonic_ms();
    while (test_stream_write(stream, "x", 1) && dd_monotonic_ms() - began_ms < 20000)
        nanosleep(&pause, NULL); /* the pace of the client, which is what is tested */
    assert_in_range(dd_monotonic_ms() - began_ms, 800, 10000);
    test_stream_freep(&stream);
    down(server);
}

static void idle_connections_keep_nobody_out(void **state)
{
    test_server *server = up((test_server_options){.server = "connections: 8, threads: 1, timeout: 60s"});
    test_stream *streams[40];
    (void)state;
    for (size_t i = 0; i < DD_COUNT(streams); i++)
        streams[i] = test_stream_open(server);
    assert_status(test_request(server, "GET", "/readyz", NULL, NULL), 200);
    for (size_t i = 0; i < DD_COUNT(streams); i++)
        test_stream_free(streams[i]);
    assert_status(test_request(server, "GET", "/readyz", NULL, NULL), 200);
    down(server);
}

static char *shown_certificate(const test_server *server)
{
    dd_auto(test_stream) stream = test_stream_open(server);
    return test_stream_certificate(stream);
}

static void assert_new_certificate_comes(const test_server *server, const char *old)
{
    bool changed = false;
    for (int64_t until_ms = dd_monotonic_ms() + 20000; !changed && dd_monotonic_ms() < until_ms;) {
        dd_auto_str now = shown_certificate(server);
        changed = strcmp(now, old) != 0;
    }
    assert_true(changed);
}

static void a_changed_certificate_is_used_and_no_connection_dropped(void **state)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    test_server *server = up((test_server_options){.server = "threads: 1"});
    dd_auto_str key = dd_path_join(server->directory, "server.key");
    dd_auto_str broken = dd_path_join(server->directory, "broken");
    dd_auto(test_stream) before = test_stream_open(server);
    (void)state;
    dd_auto_str first = test_stream_certificate(before);
    assert_int_equal(dd_dev_certificate(server->ca_file, key, NULL), 0);
    assert_new_certificate_comes(server, first);
    dd_auto_str second = shown_certificate(server);
    /* One that cannot be read changes nothing, whoever asks. */
    assert_int_equal(dd_write_file(broken, "no key", 6, 0600, NULL), 0);
    assert_int_equal(rename(broken, key), 0);
    kill(server->pid, SIGHUP);
    dd_auto(test_stream) after = test_stream_open(server);
    dd_auto_str still = test_stream_certificate(after);
    assert_string_equal(still, second);
    assert_true(test_stream_write(before, request, strlen(request)));
    dd_auto_str answer = test_stream_read(before, "\"ok\"");
    assert_has(answer, "200 OK");
    test_stream_freep(&before);
    test_stream_freep(&after);
    down(server);
}

static void a_unix_socket_serves_a_proxy_without_tls(void **state)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    test_server *server = up((test_server_options){.server = "unix: server.sock"});
    dd_auto_str path = dd_path_join(server->directory, "server.sock");
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        dd_auto(test_stream) stream = test_stream_open_unix(path);
        assert_true(test_stream_write(stream, request, strlen(request)));
        dd_auto_str answer = test_stream_read(stream, NULL);
        assert_has(answer, "HTTP/1.1 200 OK\r\n");
        test_stream_freep(&stream);
        /* One that died leaves the socket; its successor takes its place. */
        if (i == 0) {
            kill(server->pid, SIGKILL);
            test_server_wait(server);
            assert_true(dd_path_exists(path));
            test_server_start(server);
        }
    }
    assert_int_equal(test_server_end(server), 0);
    assert_false(dd_path_exists(path));
    down(server);
}

static void sockets_that_systemd_hands_over_are_served(void **state)
{
    test_server *server = up((test_server_options){0});
    dd_auto_str settings = dd_path_join(server->directory, "drydock.yaml");
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(at);
    (void)state;
    assert_int_equal(test_server_end(server), 0);
    dd_auto_fd fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &length), 0);
    server->pid = fork();
    if (server->pid == 0) {
        dd_auto_str pid = dd_sprintf("%d", (int)getpid());
        if (fd == 3)
            fcntl(3, F_SETFD, 0);
        else
            dup2(fd, 3);
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", "1", 1);
        execl("/proc/self/exe", "server", "server", settings, (char *)NULL);
        _exit(127);
    }
    /* The socket listens already: what connects waits for the server to come. */
    free(server->address);
    server->address = dd_sprintf("127.0.0.1:%d", ntohs(at.sin_port));
    assert_status(test_request(server, "GET", "/healthz", NULL, NULL), 200);
    down(server);
}

/* ---- The gate ---- */

static void one_address_has_so_many_connections_and_no_more(void **state)
{
    test_server *server = up((test_server_options){.server = "address_connections: 3, threads: 1"});
    test_stream *streams[3];
    (void)state;
    for (size_t i = 0; i < DD_COUNT(streams); i++)
        streams[i] = test_stream_open(server);
    assert_status(test_request(server, "GET", "/healthz", NULL, NULL), 0);
    for (size_t i = 0; i < DD_COUNT(streams); i++)
        test_stream_free(streams[i]);
    int status = 0; /* until the server has seen them go */
    for (int64_t until_ms = dd_monotonic_ms() + 20000; status != 200 && dd_monotonic_ms() < until_ms;) {
        dd_auto(test_answer) answer = test_request(server, "GET", "/healthz", NULL, NULL);
        status = answer->status;
    }
    assert_int_equal(status, 200);
    down(server);
}

static void one_address_asks_so_often_and_no_more(void **state)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    static const char last[] = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    test_server *server = up((test_server_options){.server = "address_rate: 1, threads: 1"});
    dd_buf all = {0};
    (void)state;
    for (size_t i = 0; i < 50; i++)
        dd_buf_add_str(&all, request);
    dd_buf_add_str(&all, last);
    dd_auto(test_stream) stream = test_stream_open(server);
    assert_true(test_stream_write(stream, all.data, all.length));
    dd_auto_str answers = test_stream_read(stream, NULL);
    assert_has(answers, "HTTP/1.1 200 OK");
    assert_has(answers, "HTTP/1.1 429 Too Many Requests");
    assert_has(answers, "Retry-After: 1\r\n");
    dd_buf_done(&all);
    test_stream_freep(&stream);
    down(server);
}

static int delivered_through(const char *socket, const char *forwarded)
{
    dd_auto_str request = dd_sprintf("POST /hooks/near HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: %s\r\n"
                                     "Connection: close\r\nContent-Length: 2\r\n\r\n{}",
                                     forwarded);
    dd_auto(test_stream) stream = test_stream_open_unix(socket);
    assert_true(test_stream_write(stream, request, strlen(request)));
    dd_auto_str answer = test_stream_read(stream, NULL);
    assert_true(dd_str_starts(answer, "HTTP/1.1 "));
    return atoi(answer + strlen("HTTP/1.1 "));
}

static void deliveries_come_from_the_sender_s_addresses_alone(void **state)
{
    static const struct {
        const char *forwarded;
        int status;
    } cases[] = {
        {"192.0.2.7", 401}, /* let in, and then it cannot prove itself */
        {"198.51.100.9, 192.0.2.7", 401},
        {"192.0.2.7, 10.1.2.3", 401}, /* the last is a proxy of ours */
        {"192.0.2.7, 198.51.100.9", 403},
        {"2001:db8:1::5", 401},
        {"2001:db9::5", 403},
        {"::ffff:192.0.2.9", 401},
        {"unknown", 403},
        {"", 403},
    };
    test_server *server =
        up((test_server_options){.server = "unix: server.sock, proxies: [10.0.0.0/8]",
                                 .more = "  - {name: near, kind: github, secret: s, addresses: "
                                         "[192.0.2.0/24, \"2001:db8::/32\"]}\n"});
    dd_auto_str path = dd_path_join(server->directory, "server.sock");
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        int status = delivered_through(path, cases[i].forwarded);
        if (status != cases[i].status)
            fprintf(stderr, "%s: %d\n", cases[i].forwarded, status);
        assert_int_equal(status, cases[i].status);
    }
    /* Who is no proxy says what they like. */
    const char *const headers[] = {"X-Forwarded-For: 192.0.2.7", NULL};
    assert_status(test_request(server, "POST", "/hooks/near", headers, "{}"), 403);
    down(server);
}

static void a_sender_has_a_rate_and_a_largest_body_of_its_own(void **state)
{
    test_server *server = up((test_server_options){
        .more = "  - {name: slow, kind: github, secret: s, rate: 1, body_max: 1KiB}\n"});
    const char *const signature[] = {"X-Hub-Signature-256: sha256="
                                     "0000000000000000000000000000000000000000000000000000000000000000",
                                     NULL};
    dd_buf large = {0};
    (void)state;
    while (large.length < 2000)
        dd_buf_add_char(&large, ' ');
    assert_status(test_request(server, "POST", "/hooks/slow", signature, large.data), 413);
    int status = 0;
    for (size_t i = 0; i < 50 && status != 429; i++) {
        dd_auto(test_answer) answer = test_request(server, "POST", "/hooks/slow", signature, "{}");
        status = answer->status;
    }
    assert_int_equal(status, 429);
    /* Others are not held up by it. */
    assert_status(test_request(server, "POST", "/hooks/github", NULL, large.data), 401);
    dd_buf_done(&large);
    down(server);
}

/* A sender that has nothing to show is not heard out. */
static void a_head_that_proves_nothing_is_refused_before_its_body_comes(void **state)
{
    static const char head[] = "POST /hooks/github HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n";
    test_server *server = up((test_server_options){0});
    (void)state;
    answer_to_bytes(server, head, "HTTP/1.1 401");
    down(server);
}

/* ---- Deliveries ---- */

static void a_wrong_signature_gets_401_and_leaves_no_key(void **state)
{
    test_server *server = up((test_server_options){0});
    dd_auto_str body = test_push_body(COMMIT);
    (void)state;
    assert_status(test_request(server, "GET", "/readyz", NULL, NULL), 200);
    dd_auto(test_answer) answer = test_push(server, "wrong", DELIVERY_1, body);
    assert_int_equal(answer->status, 401);
    /* The answer says nothing of what was expected. */
    uint8_t mac[DD_SHA256_BYTES];
    char hex[DD_SHA256_HEX];
    dd_hmac_sha256(TEST_GITHUB_SECRET, strlen(TEST_GITHUB_SECRET), body, strlen(body), mac);
    dd_hex_encode(mac, sizeof(mac), hex);
    assert_null(strstr(answer->body.data, hex));
    /* The matcher makes two keys when it starts, deliveries or not. */
    assert_int_equal(
        test_redis_number(&server->redis, "EVAL %s 2 {drydock}:events {drydock}:schema",
                          "return redis.call('DBSIZE') - redis.call('EXISTS', KEYS[1], KEYS[2])"),
        0);
    assert_int_equal(test_redis_number(&server->redis, "XLEN {drydock}:events"), 0);
    down(server);
}

static void the_same_delivery_twice_makes_one_run(void **state)
{
    test_server *server = up((test_server_options){0});
    dd_auto_str body = test_push_body(COMMIT);
    (void)state;
    apply_tasks(server);
    test_redis_listen(&server->redis, "event:*");
    dd_auto(test_answer) first = test_push(server, TEST_GITHUB_SECRET, DELIVERY_1, body);
    dd_auto(test_answer) again = test_push(server, TEST_GITHUB_SECRET, DELIVERY_1, body);
    assert_int_equal(first->status, 202);
    assert_int_equal(again->status, 202);
    assert_non_null(test_member(first, "event"));
    assert_string_equal(test_member(first, "event"), test_member(again, "event"));
    /* Another delivery of the same commit is the same cause. */
    dd_auto(test_answer) other = test_push(server, TEST_GITHUB_SECRET, DELIVERY_2, body);
    assert_int_equal(other->status, 202);
    assert_string_not_equal(test_member(first, "event"), test_member(other, "event"));
    test_redis_await(&server->redis, "hset", 2);
    assert_int_equal(test_redis_number(&server->redis, "XLEN {drydock}:events"), 2);
    assert_int_equal(test_redis_number(&server->redis, "ZCARD {drydock}:runs:app"), 1);
    assert_int_equal(test_redis_number(&server->redis, "XLEN {drydock}:queue:default:normal"), 1);
    down(server);
}

static void a_delivery_is_kept_as_it_came_without_what_proved_it(void **state)
{
    test_server *server = up((test_server_options){0});
    dd_auto_str body = test_push_body(COMMIT);
    (void)state;
    assert_status(test_push(server, TEST_GITHUB_SECRET, DELIVERY_1, body), 202);
    redisReply *reply = redisCommand(server->redis.link, "XRANGE {drydock}:events - +");
    assert_int_equal(reply->elements, 1);
    dd_auto(dd_fields) fields = NULL;
    assert_int_equal(dd_fields_from_reply(reply->element[0]->element[1], &fields, NULL), 0);
    freeReplyObject(reply);
    /* Beside the stream, so that the matcher does not read it. */
    assert_string_equal(dd_fields_get(fields, "kept"), "github:" DELIVERY_1);
    assert_null(dd_fields_get(fields, "body"));
    dd_auto_str kept = test_redis_text(&server->redis, "HGET {drydock}:delivery:github:" DELIVERY_1 " body");
    dd_auto_str headers =
        test_redis_text(&server->redis, "HGET {drydock}:delivery:github:" DELIVERY_1 " headers");
    assert_string_equal(kept, body);
    assert_has(headers, "X-GitHub-Delivery: " DELIVERY_1 "\n");
    assert_null(strcasestr(headers, "signature"));
    down(server);
}

#define PROOFS                                                                                               \
    "  - {name: path, kind: bitbucket-datacenter, auth: {url_token: [old, t0ken]}, url: "                    \
    "\"https://git.example.com/scm\"}\n"                                                                     \
    "  - {name: basic, kind: azure-devops, auth: {username: drydock, password: t0ken}}\n"                    \
    "  - {name: anybody, kind: gitea, auth: none}\n"
#define CHANGE(name)                                                                                         \
    "{\"ref\":{\"id\":\"refs/heads/" name "\"},\"fromHash\":\"" COMMIT "\",\"toHash\":\"" COMMIT "\"}"

static void assert_no_token(const redisReply *values)
{
    for (size_t i = 0; i < values->elements; i++)
        assert_null(strstr(values->element[i]->str, "t0ken"));
}

/* Every event in the stream, and none of them, nor a kept delivery, with the token. */
static size_t count_events(const test_server *server)
{
    redisReply *reply = redisCommand(server->redis.link, "XRANGE {drydock}:events - +");
    size_t count = reply->elements;
    for (size_t i = 0; i < count; i++)
        assert_no_token(reply->element[i]->element[1]);
    freeReplyObject(reply);
    redisReply *keys = redisCommand(server->redis.link, "KEYS {drydock}:delivery:*");
    assert_no_token(keys);
    for (size_t i = 0; i < keys->elements; i++) {
        reply = redisCommand(server->redis.link, "HGETALL %s", keys->element[i]->str);
        assert_no_token(reply);
        freeReplyObject(reply);
    }
    assert_int_equal(keys->elements, count > 0);
    freeReplyObject(keys);
    return count;
}

static void a_token_in_the_address_proves_a_delivery_and_each_of_its_events_is_kept_once(void **state)
{
    static const char body[] =
        "{\"repository\":{\"slug\":\"app\",\"project\":{\"key\":\"PRJ\"}},\"changes\":[" CHANGE(
            "main") "," CHANGE("topic") "]}";
    static const char *const headers[] = {"Content-Type: application/json", "X-Event-Key: repo:refs_changed",
                                          "X-Request-Id: r-1", "X-Forwarded-Uri: /hooks/path?token=t0ken",
                                          NULL};
    test_server *server = up((test_server_options){.more = PROOFS});
    (void)state;
    assert_status(test_request(server, "POST", "/hooks/path", headers, body), 401);
    assert_status(test_request(server, "POST", "/hooks/path?token=t0ke", headers, body), 401);
    assert_status(test_request(server, "POST", "/hooks/path?token=", headers, body), 401);
    assert_int_equal(count_events(server), 0);
    assert_status(test_request(server, "POST", "/hooks/path?token=t0%6ben", headers, body), 202);
    assert_int_equal(count_events(server), 2);
    assert_status(test_request(server, "POST", "/hooks/path?x=y&token=old", headers, body), 202);
    assert_int_equal(count_events(server), 2);
    down(server);
}

static void a_password_proves_a_delivery_and_none_is_told_in_the_metrics(void **state)
{
    static const char body[] = "{\"id\":\"a-1\",\"eventType\":\"workitem.updated\"}";
    static const char *const headers[] = {"Content-Type: application/json",
                                          "Authorization: Basic ZHJ5ZG9jazp0MGtlbg==", NULL};
    static const char *const unproven[] = {"Content-Type: application/json", "X-Gitea-Event: release", NULL};
    test_server *server = up((test_server_options){.more = PROOFS});
    (void)state;
    assert_status(test_request(server, "POST", "/hooks/basic", headers, body), 200);
    assert_status(test_request(server, "POST", "/hooks/basic", headers + 1, body), 415);
    assert_status(test_request(server, "POST", "/hooks/basic", unproven, body), 401);
    assert_status(test_request(server, "POST", "/hooks/anybody", unproven, body), 200);
    dd_auto(test_answer) answer = test_request(server, "GET", "/metrics", NULL, NULL);
    assert_has(answer->body.data,
               "drydock_sender_info{sender=\"anybody\",kind=\"gitea\",trust=\"none\"} 1\n");
    assert_has(answer->body.data,
               "drydock_sender_info{sender=\"path\",kind=\"bitbucket-datacenter\",trust=\"path only\"} 1\n");
    assert_has(answer->body.data,
               "drydock_sender_info{sender=\"github\",kind=\"github\",trust=\"body signed\"} 1\n");
    down(server);
}

static void with_redis_stopped_a_delivery_gets_503_and_makes_its_run_when_sent_again(void **state)
{
    test_server *server = up((test_server_options){0});
    dd_auto_str body = test_push_body(COMMIT);
    int status = 0;
    (void)state;
    apply_tasks(server);
    test_redis_listen(&server->redis, "event:*");
    test_redis_pause(&server->redis);
    dd_auto(test_answer) refused = test_push(server, TEST_GITHUB_SECRET, DELIVERY_1, body);
    assert_int_equal(refused->status, 503);
    assert_has(refused->head.data, "Retry-After: 5\r\n");
    assert_non_null(test_member(refused, "error"));
    test_redis_resume(&server->redis);
    for (int64_t until_ms = dd_monotonic_ms() + 20000; status != 202 && dd_monotonic_ms() < until_ms;) {
        dd_auto(test_answer) answer = test_push(server, TEST_GITHUB_SECRET, DELIVERY_1, body);
        status = answer->status;
    }
    assert_int_equal(status, 202);
    test_redis_await(&server->redis, "hset", 1);
    assert_int_equal(test_redis_number(&server->redis, "ZCARD {drydock}:runs:app"), 1);
    down(server);
}

static void a_full_stream_is_answered_503_too(void **state)
{
    test_server *server = up((test_server_options){.more = "queue: {events_max: 1}\n"});
    dd_auto_str body = test_push_body(COMMIT);
    (void)state;
    /* A consumer that never settles what it took: one delivery waits, and no more are taken. */
    assert_status(test_request(server, "GET", "/readyz", NULL, NULL), 200);
    free(test_redis_text(
        &server->redis, "EVAL %s 0",
        "redis.pcall('XGROUP', 'DESTROY', '{drydock}:events', 'matchers') "
        "redis.call('XGROUP', 'CREATE', '{drydock}:events', 'matchers', '0', 'MKSTREAM') "
        "redis.call('XADD', '{drydock}:events', '*', 'kind', 'none') "
        "redis.call('XREADGROUP', 'GROUP', 'matchers', 'nobody', 'STREAMS', '{drydock}:events', '>') "
        "return 'OK'"));
    dd_auto(test_answer) answer = test_push(server, TEST_GITHUB_SECRET, DELIVERY_1, body);
    assert_int_equal(answer->status, 503);
    assert_has(answer->head.data, "Retry-After: 5\r\n");
    down(server);
}

static void what_is_verified_but_says_nothing_is_answered_200(void **state)
{
    test_server *server = up((test_server_options){0});
    char hex[DD_SHA256_HEX];
    uint8_t mac[DD_SHA256_BYTES];
    const char *body = "{\"zen\": \"Keep it logically awesome.\", \"hook_id\": 1, \"hook\": {\"id\": 1}}";
    (void)state;
    dd_hmac_sha256(TEST_GITHUB_SECRET, strlen(TEST_GITHUB_SECRET), body, strlen(body), mac);
    dd_hex_encode(mac, sizeof(mac), hex);
    dd_auto_str signature = dd_sprintf("X-Hub-Signature-256: sha256=%s", hex);
    const char *const ping[] = {"X-GitHub-Event: ping", "X-GitHub-Delivery: " DELIVERY_1, signature,
                                "Content-Type: application/json", NULL};
    dd_auto(test_answer) answer = test_request(server, "POST", "/hooks/github", ping, body);
    assert_int_equal(answer->status, 200);
    assert_string_equal(test_member(answer, "ignored"), "ping");
    const char *const typed[] = {"X-GitHub-Event: ping", "X-GitHub-Delivery: " DELIVERY_1, signature,
                                 "Content-Type: text/plain", NULL};
    assert_status(test_request(server, "POST", "/hooks/github", typed, body), 415);
    /* It is kept all the same, once. */
    assert_status(test_request(server, "POST", "/hooks/github", ping, body), 200);
    assert_int_equal(test_redis_number(&server->redis, "XLEN {drydock}:events"), 1);
    dd_auto_str kept =
        test_redis_text(&server->redis, "HGET {drydock}:delivery:github:ignored:" DELIVERY_1 " ignored");
    assert_string_equal(kept, "ping");
    test_redis_pause(&server->redis);
    assert_status(test_request(server, "POST", "/hooks/github", ping, body), 503);
    test_redis_resume(&server->redis);
    down(server);
}

/* ---- The API of events ---- */

static void events_are_listed_in_pages_and_by_what_they_are(void **state)
{
    test_server *server = up((test_server_options){0});
    dd_auto_str first = NULL;
    size_t seen = 0;
    (void)state;
    for (int i = 0; i < 250; i++) {
        dd_auto_str id =
            test_redis_text(&server->redis, "XADD {drydock}:events * kind %s sender %s delivery d",
                            i % 50 == 7 ? "push" : "ping", i % 2 ? "one" : "two");
        if (i == 7)
            first = dd_strdup(id);
    }
    /* Five of them, all beyond a page of others. */
    dd_auto(test_answer) rare = test_api(server, "GET", "/events?kind=push&sender=one&limit=10", NULL);
    assert_int_equal(json_array_size(json_object_get(rare->json, "events")), 5);
    assert_true(json_is_null(json_object_get(rare->json, "next")));
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(json_object_get(rare->json, "events"), 4), "id")),
        first);
    dd_auto(test_answer) some = test_api(server, "GET", "/events?kind=push&limit=2", NULL);
    dd_auto_str rest = dd_sprintf("/events?kind=push&before=%s", test_member(some, "next"));
    dd_auto(test_answer) others = test_api(server, "GET", rest, NULL);
    assert_int_equal(json_array_size(json_object_get(some->json, "events")), 2);
    assert_int_equal(json_array_size(json_object_get(others->json, "events")), 3);
    dd_auto_str path = dd_strdup("/events?limit=100");
    while (path) {
        dd_auto(test_answer) page = test_api(server, "GET", path, NULL);
        seen += json_array_size(json_object_get(page->json, "events"));
        const char *next = test_member(page, "next");
        free(path);
        path = next ? dd_sprintf("/events?limit=100&before=%s", next) : NULL;
    }
    assert_int_equal(seen, 250);
    down(server);
}

static void wrong_questions_about_events_are_refused(void **state)
{
    static const struct {
        const char *method, *path, *body;
        int status;
    } questions[] = {
        {"GET", "/events?limit=0", NULL, 400},
        {"GET", "/events?limit=501", NULL, 400},
        {"GET", "/events?before=ca1", NULL, 400},
        {"GET", "/events?sender=a/b", NULL, 400},
        {"GET", "/events?kind=pushes", NULL, 400},
        {"GET", "/events/1-0", NULL, 404},
        {"GET", "/events/99999999999999999999-0", NULL, 404},
        {"GET", "/events/1-0/why", NULL, 404},
        {"POST", "/events/1-0/replay", NULL, 404},
        {"POST", "/events/1-0/replay", "{\"force\": 1}", 400},
        {"POST", "/events/1-0/replay", "{\"forced\": true}", 400},
        {"POST", "/events/1-0/replay", "[", 400},
        {"GET", "/events/1-0/replay", NULL, 405},
    };
    test_server *server = up((test_server_options){0});
    (void)state;
    for (size_t i = 0; i < DD_COUNT(questions); i++)
        assert_status(test_api(server, questions[i].method, questions[i].path, questions[i].body),
                      questions[i].status);
    assert_status(test_request(server, "GET", "/api/v1/events", NULL, NULL), 401);
    /* A sender that the settings do not have any more. */
    dd_auto_str event =
        test_redis_text(&server->redis, "XADD {drydock}:events * kind push sender gone delivery d body {}");
    dd_auto_str path = dd_sprintf("/events/%s/replay", event);
    assert_status(test_api(server, "POST", path, NULL), 409);
    down(server);
}

static void deliveries_are_counted_by_sender_and_status(void **state)
{
    test_server *server = up((test_server_options){0});
    dd_auto_str body = test_push_body(COMMIT);
    (void)state;
    assert_status(test_push(server, "wrong", DELIVERY_1, body), 401);
    assert_status(test_push(server, "wrong", DELIVERY_1, body), 401);
    assert_status(test_push(server, TEST_GITHUB_SECRET, DELIVERY_1, body), 202);
    dd_auto(test_answer) answer = test_request(server, "GET", "/metrics", NULL, NULL);
    assert_int_equal(answer->status, 200);
    assert_has(answer->head.data, "Content-Type: application/openmetrics-text; version=1.0.0");
    assert_has(answer->body.data, "drydock_deliveries_total{sender=\"github\",status=\"401\"} 2\n");
    assert_has(answer->body.data, "drydock_deliveries_total{sender=\"github\",status=\"202\"} 1\n");
    assert_true(dd_str_ends(answer->body.data, "\n# EOF\n"));
    down(server);
}

static void a_client_that_left_before_its_answer_is_no_matter(void **state)
{
    test_server *server = up((test_server_options){0});
    static const char *const requests[] = {
        "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /api/v1/runs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " TEST_API_TOKEN "\r\n\r\n",
        "GET /api/v1/runs/ca1/log?wait=20 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " TEST_API_TOKEN
        "\r\n\r\n",
        "POST /api/v1/tasks/app/runs HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nAuthorization: "
        "Bearer " TEST_API_TOKEN "\r\n\r\n{}",
    };
    (void)state;
    test_redis_pause(&server->redis);
    for (size_t i = 0; i < 20; i++) {
        const char *request = requests[i % DD_COUNT(requests)];
        dd_auto(test_stream) stream = test_stream_open(server);
        assert_true(test_stream_write(stream, request, strlen(request)));
    }
    assert_status(test_request(server, "GET", "/readyz", NULL, NULL), 503);
    test_redis_resume(&server->redis);
    assert_true(test_server_runs(server));
    assert_status(test_request(server, "GET", "/healthz", NULL, NULL), 200);
    down(server);
}

/* ---- The API ---- */

static void the_api_wants_its_token(void **state)
{
    static const char *const wrong[] = {"Authorization: Bearer " TEST_API_TOKEN "x", "Authorization: Bearer ",
                                        "Authorization: Basic " TEST_API_TOKEN,
                                        "Authorization: " TEST_API_TOKEN};
    test_server *server = up((test_server_options){0});
    (void)state;
    assert_status(test_request(server, "GET", "/api/v1/tasks", NULL, NULL), 401);
    for (size_t i = 0; i < DD_COUNT(wrong); i++) {
        const char *const headers[] = {wrong[i], NULL};
        assert_status(test_request(server, "GET", "/api/v1/tasks", headers, NULL), 401);
        assert_status(test_request(server, "POST", "/api/v1/tasks", headers, TASKS), 401);
    }
    assert_status(test_api(server, "GET", "/tasks", NULL), 200);
    assert_int_equal(test_redis_number(&server->redis, "EXISTS {drydock}:task:app"), 0);
    down(server);
    server = up((test_server_options){.no_token = true});
    dd_auto(test_answer) answer = test_api(server, "GET", "/tasks", NULL);
    assert_int_equal(answer->status, 403);
    assert_has(test_member(answer, "error"), "api.token");
    down(server);
}

static void tasks_are_applied_listed_shown_and_deleted(void **state)
{
    test_server *server = up((test_server_options){0});
    (void)state;
    static const char *const results[] = {"created", "unchanged"};
    for (size_t i = 0; i < DD_COUNT(results); i++) {
        dd_auto(test_answer) applied = test_api(server, "POST", "/tasks", TASKS);
        const json_t *first = json_array_get(json_object_get(applied->json, "tasks"), 0);
        assert_string_equal(json_string_value(json_object_get(first, "name")), "app");
        assert_string_equal(json_string_value(json_object_get(first, "result")), results[i]);
    }
    dd_auto(test_answer) wrong = test_api(
        server, "POST", "/tasks", "tasks:\n  - name: app\n    contxt: https://github.com/org/app.git\n");
    assert_int_equal(wrong->status, 400);
    assert_int_equal(json_integer_value(json_object_get(wrong->json, "line")), 3);
    dd_auto(test_answer) list = test_api(server, "GET", "/tasks", NULL);
    assert_int_equal(json_array_size(json_object_get(list->json, "tasks")), 1);
    dd_auto(test_answer) shown = test_api(server, "GET", "/tasks/app", NULL);
    assert_int_equal(shown->status, 200);
    assert_has(test_member(shown, "yaml"), "name: app");
    assert_status(test_api(server, "DELETE", "/tasks/app", NULL), 200);
    assert_status(test_api(server, "DELETE", "/tasks/app", NULL), 404);
    assert_status(test_api(server, "GET", "/tasks/app", NULL), 404);
    assert_status(test_api(server, "POST", "/tasks/app/runs", "{}"), 404);
    down(server);
}

static void a_person_runs_a_task_with_values_of_their_own(void **state)
{
    test_server *server = up((test_server_options){0});
    (void)state;
    apply_tasks(server);
    static const char *const wrong[] = {"{",
                                        "[]",
                                        "{\"ref\": 1}",
                                        "{\"ref\": \"-x\"}",
                                        "{\"commit\": \"main\"}",
                                        "{\"values\": []}",
                                        "{\"shell\": \"x\"}"};
    for (size_t i = 0; i < DD_COUNT(wrong); i++)
        assert_status(test_api(server, "POST", "/tasks/app/runs", wrong[i]), 400);
    assert_int_equal(test_redis_number(&server->redis, "EXISTS {drydock}:runs"), 0);
    dd_auto(test_answer) made =
        test_api(server, "POST", "/tasks/app/runs",
                 "{\"ref\": \"next\", \"commit\": \"" COMMIT "\", \"values\": {\"greeting\": \"hi\"}}");
    assert_int_equal(made->status, 201);
    dd_auto_str path = dd_sprintf("/runs/%s", test_member(made, "run"));
    dd_auto(test_answer) run = test_api(server, "GET", path, NULL);
    static const char *const members[][2] = {{"state", "Queued"},
                                             {"task", "app"},
                                             {"trigger", "manual"},
                                             {"priority", "high"},
                                             {"commit", COMMIT},
                                             {"ref", "refs/heads/next"},
                                             {"branch", "next"},
                                             {"values", "{\"greeting\":\"hi\"}"},
                                             {"clone_url", "https://github.com/org/app.git"}};
    for (size_t i = 0; i < DD_COUNT(members); i++)
        assert_string_equal(test_member(run, members[i][0]), members[i][1]);
    assert_status(test_api(server, "POST", "/tasks/app/runs", ""), 201); /* each asking is a run */
    dd_auto(test_answer) all = test_api(server, "GET", "/runs?task=app", NULL);
    assert_int_equal(json_array_size(json_object_get(all->json, "runs")), 2);
    dd_auto(test_answer) one = test_api(server, "GET", "/runs?limit=1", NULL);
    assert_int_equal(json_array_size(json_object_get(one->json, "runs")), 1);
    assert_status(test_api(server, "GET", "/runs?limit=0", NULL), 400);
    assert_status(test_api(server, "GET", "/runs?task=a/b", NULL), 400);
    assert_status(test_api(server, "GET", "/runs/czzz", NULL), 404);
    dd_auto(test_answer) queue = test_api(server, "GET", "/queue", NULL);
    const json_t *high = json_array_get(json_object_get(queue->json, "queues"), 0);
    assert_string_equal(json_string_value(json_object_get(high, "priority")), "high");
    assert_int_equal(json_integer_value(json_object_get(high, "entries")), 2);
    dd_auto(test_answer) workers = test_api(server, "GET", "/workers", NULL);
    assert_int_equal(workers->status, 200);
    down(server);
}

/* ---- Logs ---- */

struct poll {
    const test_server *server;
    char *path;
    test_answer *answer;
    pthread_t thread;
};

static void *poll_log(void *context)
{
    struct poll *poll = context;
    poll->answer = test_api(poll->server, "GET", poll->path, NULL);
    return NULL;
}

/* Wait until the poll's own connection blocks on the log. */
static void await_blocked(test_server *server)
{
    for (int64_t until_ms = dd_monotonic_ms() + 20000; dd_monotonic_ms() < until_ms;) {
        redisReply *reply = redisCommand(server->redis.link, "CLIENT LIST");
        /* The matcher's read blocks as well, on another stream: by XREADGROUP. */
        bool blocked = strstr(reply->str, "cmd=xread ");
        freeReplyObject(reply);
        if (blocked)
            return;
    }
    fail_msg("nobody waits for the log");
}

static char *queued_run(test_server *server)
{
    apply_tasks(server);
    dd_auto(test_answer) made = test_api(server, "POST", "/tasks/app/runs", "{}");
    assert_int_equal(made->status, 201);
    return dd_strdup(test_member(made, "run"));
}

static void a_log_is_followed_line_by_line_to_its_end(void **state)
{
    test_server *server = up((test_server_options){0});
    dd_auto_str run = queued_run(server);
    struct poll poll = {.server = server, .path = dd_sprintf("/runs/%s/log?wait=20", run)};
    (void)state;
    assert_int_equal(pthread_create(&poll.thread, NULL, poll_log, &poll), 0);
    await_blocked(server);
    free(test_redis_text(&server->redis,
                         "XADD {drydock}:run:%s:log * step build stream out text hello at_ms 1", run));
    pthread_join(poll.thread, NULL);
    assert_int_equal(poll.answer->status, 200);
    const json_t *line = json_array_get(json_object_get(poll.answer->json, "lines"), 0);
    assert_string_equal(json_string_value(json_object_get(line, "text")), "hello");
    assert_true(json_is_null(json_object_get(poll.answer->json, "end")));
    dd_auto_str next = dd_sprintf("/runs/%s/log?after=%s", run, test_member(poll.answer, "next"));
    dd_auto(test_answer) none = test_api(server, "GET", next, NULL);
    assert_int_equal(json_array_size(json_object_get(none->json, "lines")), 0);
    dd_auto_str cancel = dd_sprintf("/runs/%s/cancel", run);
    dd_auto(test_answer) canceled = test_api(server, "POST", cancel, "");
    assert_string_equal(test_member(canceled, "result"), "canceled");
    dd_auto(test_answer) end = test_api(server, "GET", next, NULL);
    assert_string_equal(test_member(end, "end"), "Canceled");
    assert_status(test_api(server, "GET", "/runs/czzz/log", NULL), 404);
    dd_auto_str bad = dd_sprintf("/runs/%s/log?after=x", run);
    assert_status(test_api(server, "GET", bad, NULL), 400);
    test_answer_free(poll.answer);
    free(poll.path);
    down(server);
}

static void who_follows_a_log_is_answered_when_redis_is_stuck(void **state)
{
    test_server *server = up((test_server_options){0});
    dd_auto_str run = queued_run(server);
    struct poll poll = {.server = server, .path = dd_sprintf("/runs/%s/log?wait=1", run)};
    (void)state;
    assert_int_equal(pthread_create(&poll.thread, NULL, poll_log, &poll), 0);
    await_blocked(server);
    test_redis_pause(&server->redis);
    pthread_join(poll.thread, NULL);
    assert_int_equal(poll.answer->status, 503);
    test_redis_resume(&server->redis);
    test_answer_free(poll.answer);
    free(poll.path);
    down(server);
}

static void a_server_that_ends_answers_those_who_wait(void **state)
{
    test_server *server = up((test_server_options){0});
    dd_auto_str run = queued_run(server);
    struct poll poll = {.server = server, .path = dd_sprintf("/runs/%s/log?wait=30", run)};
    (void)state;
    assert_int_equal(pthread_create(&poll.thread, NULL, poll_log, &poll), 0);
    await_blocked(server);
    int64_t began_ms = dd_monotonic_ms();
    assert_int_equal(test_server_end(server), 0);
    assert_true(dd_monotonic_ms() - began_ms < 10000);
    pthread_join(poll.thread, NULL);
    assert_int_equal(poll.answer->status, 503);
    test_answer_free(poll.answer);
    free(poll.path);
    down(server);
}

/* ---- What it cannot serve with ---- */

static void a_redis_of_another_schema_ends_the_server(void **state)
{
    test_server *server = up((test_server_options){0});
    (void)state;
    assert_int_equal(test_server_end(server), 0);
    free(test_redis_text(&server->redis, "SET {drydock}:schema 999"));
    test_server_start(server);
    assert_int_equal(test_server_wait(server), 1);
    assert_int_equal(test_redis_number(&server->redis, "XLEN {drydock}:events"), 0);
    down(server);
}

static void a_server_without_a_certificate_says_how_to_get_one(void **state)
{
    static const char *const cases[] = {
        "server: {listen: \"127.0.0.1:0\"}\n",
        "server: {listen: \"127.0.0.1:0\", tls: {cert: none.crt, key: none.key}}\n"};
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto(dd_settings) settings = NULL;
        dd_auto(dd_error) error = NULL;
        assert_int_equal(
            dd_settings_parse(cases[i], strlen(cases[i]), "t", "/nowhere", NULL, &settings, &error), 0);
        assert_int_equal(dd_server_run(settings, &error), -1);
        assert_int_equal(error->code, DD_ERR_INVALID);
        assert_has(error->hint, "drydock dev");
    }
}

int main(int argc, char **argv)
{
    test_server_main(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_ALL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(probes_tell_the_process_and_redis_apart, teardown),
        cmocka_unit_test_teardown(a_server_without_redis_starts_and_is_not_ready_until_redis_is_there,
                                  teardown),
        cmocka_unit_test_teardown(wrong_paths_and_methods_are_told_so, teardown),
        cmocka_unit_test_teardown(bodies_of_doubtful_length_are_refused_and_the_connection_closed, teardown),
        cmocka_unit_test_teardown(heads_that_others_may_read_otherwise_are_refused, teardown),
        cmocka_unit_test_teardown(too_many_headers_are_answered_431, teardown),
        cmocka_unit_test_teardown(a_client_that_waits_before_its_body_is_told_to_go_on, teardown),
        cmocka_unit_test_teardown(requests_sent_at_once_are_answered_in_order, teardown),
        cmocka_unit_test_teardown(a_body_over_the_limit_is_answered_413, teardown),
        cmocka_unit_test_teardown(a_client_that_dribbles_is_cut_off, teardown),
        cmocka_unit_test_teardown(idle_connections_keep_nobody_out, teardown),
        cmocka_unit_test_teardown(a_changed_certificate_is_used_and_no_connection_dropped, teardown),
        cmocka_unit_test_teardown(a_unix_socket_serves_a_proxy_without_tls, teardown),
        cmocka_unit_test_teardown(sockets_that_systemd_hands_over_are_served, teardown),
        cmocka_unit_test_teardown(one_address_has_so_many_connections_and_no_more, teardown),
        cmocka_unit_test_teardown(one_address_asks_so_often_and_no_more, teardown),
        cmocka_unit_test_teardown(deliveries_come_from_the_sender_s_addresses_alone, teardown),
        cmocka_unit_test_teardown(a_sender_has_a_rate_and_a_largest_body_of_its_own, teardown),
        cmocka_unit_test_teardown(a_head_that_proves_nothing_is_refused_before_its_body_comes, teardown),
        cmocka_unit_test_teardown(a_wrong_signature_gets_401_and_leaves_no_key, teardown),
        cmocka_unit_test_teardown(the_same_delivery_twice_makes_one_run, teardown),
        cmocka_unit_test_teardown(a_delivery_is_kept_as_it_came_without_what_proved_it, teardown),
        cmocka_unit_test_teardown(
            a_token_in_the_address_proves_a_delivery_and_each_of_its_events_is_kept_once, teardown),
        cmocka_unit_test_teardown(a_password_proves_a_delivery_and_none_is_told_in_the_metrics, teardown),
        cmocka_unit_test_teardown(with_redis_stopped_a_delivery_gets_503_and_makes_its_run_when_sent_again,
                                  teardown),
        cmocka_unit_test_teardown(a_full_stream_is_answered_503_too, teardown),
        cmocka_unit_test_teardown(what_is_verified_but_says_nothing_is_answered_200, teardown),
        cmocka_unit_test_teardown(deliveries_are_counted_by_sender_and_status, teardown),
        cmocka_unit_test_teardown(events_are_listed_in_pages_and_by_what_they_are, teardown),
        cmocka_unit_test_teardown(wrong_questions_about_events_are_refused, teardown),
        cmocka_unit_test_teardown(a_client_that_left_before_its_answer_is_no_matter, teardown),
        cmocka_unit_test_teardown(the_api_wants_its_token, teardown),
        cmocka_unit_test_teardown(tasks_are_applied_listed_shown_and_deleted, teardown),
        cmocka_unit_test_teardown(a_person_runs_a_task_with_values_of_their_own, teardown),
        cmocka_unit_test_teardown(a_log_is_followed_line_by_line_to_its_end, teardown),
        cmocka_unit_test_teardown(who_follows_a_log_is_answered_when_redis_is_stuck, teardown),
        cmocka_unit_test_teardown(a_server_that_ends_answers_those_who_wait, teardown),
        cmocka_unit_test_teardown(a_redis_of_another_schema_ends_the_server, teardown),
        cmocka_unit_test_teardown(a_server_without_a_certificate_says_how_to_get_one, teardown),
    };
    return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
