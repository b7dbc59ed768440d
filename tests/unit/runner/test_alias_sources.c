/* Aliases from files and addresses: which win, what is refused, and that nothing is read or fetched that the
 * caller has not allowed. The addresses are of a server of the test's own, on a free port. */
#include "runner/runner.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- A web server of a few answers ---- */

static const struct {
    const char *path, *status, *header, *body;
} answers[] = {
    {"/good", "200 OK", "", "web: from the web\nshared: web\n"},
    {"/redirect", "302 Found", "Location: /good\r\n", ""},
    {"/redirect-to-a-file", "302 Found", "Location: file:///etc/passwd\r\n", ""},
    {"/redirect-for-ever", "302 Found", "Location: /redirect-for-ever\r\n", ""},
    {"/missing", "404 Not Found", "", "web: not this\n"},
    {"/list", "200 OK", "", "- web\n"},
};

typedef struct web {
    int listener;
    pthread_t thread;
    char *address; /* http://127.0.0.1:PORT */
    int requests;
} web;

static void send_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        data += sent;
        length -= (size_t)sent;
    }
}

static void answer_large(int fd)
{
    dd_auto_str head = dd_sprintf("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\na: ");
    char block[1024];

    memset(block, 'x', sizeof(block));
    send_all(fd, head, strlen(head));
    for (int i = 0; i < 80; i++)
        send_all(fd, block, sizeof(block));
}

/* Says nothing until the other side has had enough. */
static void answer_never(int fd)
{
    char rest[16];

    while (recv(fd, rest, sizeof(rest), 0) > 0)
        ;
}

static void answer(int fd, const char *path)
{
    if (strcmp(path, "/large") == 0)
        answer_large(fd);
    if (strcmp(path, "/slow") == 0)
        answer_never(fd);
    for (size_t i = 0; i < DD_COUNT(answers); i++)
        if (strcmp(answers[i].path, path) == 0) {
            dd_auto_str text =
                dd_sprintf("HTTP/1.1 %s\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                           answers[i].status, answers[i].header, strlen(answers[i].body), answers[i].body);

            send_all(fd, text, strlen(text));
        }
}

static void *serve(void *context)
{
    web *server = context;

    for (;;) {
        dd_auto_fd fd = accept(server->listener, NULL, NULL);
        dd_buf request = {0};
        char part[512];
        ssize_t got;

        if (fd < 0)
            return NULL; /* shut down */
        while (!memmem(request.data ? request.data : "", request.length, "\r\n\r\n", 4) &&
               (got = recv(fd, part, sizeof(part), 0)) > 0)
            dd_buf_add(&request, part, (size_t)got);
        server->requests++;
        if (request.length > 4) {
            dd_auto_str path = dd_strndup(request.data + 4, strcspn(request.data + 4, " \r"));

            answer(fd, path);
        }
        dd_buf_done(&request);
    }
}

static void web_start(web *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);

    *server = (web){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_true(server->listener >= 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(server->listener, 8), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &length), 0);
    server->address = dd_sprintf("http://127.0.0.1:%d", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void web_stop(web *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    free(server->address);
}

/* ---- A checkout with a task file in a folder ---- */

static char checkout[] = "/tmp/drydock-alias-XXXXXX";
static int root = -1;
static web server;

static void put(const char *path, const char *text)
{
    dd_auto_str whole = dd_path_join(checkout, path);

    assert_int_equal(dd_write_file(whole, text, strlen(text), 0644, NULL), 0);
}

static void make_link(const char *to, const char *path)
{
    dd_auto_str whole = dd_path_join(checkout, path);

    assert_int_equal(symlink(to, whole), 0);
}

static int set_up(void **state)
{
    dd_auto_str folder = NULL;
    dd_auto_str pipe = NULL;

    (void)state;
    assert_non_null(mkdtemp(checkout));
    folder = dd_path_join(checkout, "repository/deploy");
    assert_int_equal(dd_mkdirs(folder, 0755, NULL), 0);
    put("outside.yaml", "secret: outside\n");
    put("repository/common.yaml", "common: of all\nshared: common\n");
    put("repository/deploy/own.yaml", "own: of deploy\nshared: own\nnumber: 010\nnothing: ~\n");
    put("repository/deploy/list.yaml", "- a\n");
    put("repository/deploy/deep.yaml", "a: {b: c}\n");
    put("repository/deploy/name.yaml", "a-b: c\n");
    put("repository/deploy/broken.yaml", "a: [\n");
    put("repository/deploy/empty.yaml", "");
    make_link("../../outside.yaml", "repository/deploy/link.yaml");
    make_link("../common.yaml", "repository/deploy/inner-link.yaml");
    pipe = dd_path_join(checkout, "repository/deploy/pipe.yaml");
    assert_int_equal(mkfifo(pipe, 0644), 0);
    folder = (free(folder), dd_path_join(checkout, "repository"));
    root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(root >= 0);
    setenv("no_proxy", "*", 1);
    web_start(&server);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    web_stop(&server);
    close(root);
    return dd_remove_tree(checkout, NULL);
}

/* ---- Rendering ---- */

typedef enum allowed { NOTHING, FILES, FILES_AND_URLS } allowed;

/* `$common` and kin behind an alias block; owned. NULL with *err. */
static char *render_with(allowed what, const char *block, const char *line, dd_error **err)
{
    dd_auto(dd_template_data) data = dd_template_data_new();
    dd_auto(dd_buf) output = NULL;
    dd_auto_str text = dd_sprintf("version: v1.1.0\nalias:\n%ssteps:\n%s\n", block, line);
    const char *steps;

    if (what != NOTHING)
        dd_template_data_sources(data, root, "deploy", what == FILES_AND_URLS);
    if (dd_render(text, strlen(text), data, &output, err) < 0)
        return NULL;
    steps = strstr(output->data, "steps:\n") + strlen("steps:\n");
    return dd_strndup(steps, strcspn(steps, "\n"));
}

static void assert_rendered(allowed what, const char *block, const char *line, const char *wanted)
{
    dd_auto(dd_error) error = NULL;
    dd_auto_str got = render_with(what, block, line, &error);

    if (!got)
        fail_msg("%s", error->message);
    assert_string_equal(got, wanted);
}

/* Refused with these words, at the source's name. */
static void assert_refused(allowed what, const char *source, const char *words)
{
    dd_auto(dd_error) error = NULL;
    dd_auto_str block = dd_sprintf("  src: [%s]\n", source);
    dd_auto_str got = render_with(what, block, "$own", &error);

    assert_null(got);
    if (!strstr(error->message, words))
        fail_msg("%s: wanted '%s' in: %s", source, words, error->message);
    assert_int_equal(error->place.line, 3);
    assert_int_equal(error->place.column, 9);
}

static void files_are_named_from_the_task_files_folder(void **state)
{
    (void)state;
    assert_rendered(FILES, "  src: [own.yaml]\n", "$own|$number|$nothing|", "of deploy|010||");
    assert_rendered(FILES, "  src: own.yaml\n", "$own", "of deploy");
    assert_rendered(FILES, "  src: [../common.yaml, empty.yaml]\n", "$common", "of all");
    assert_rendered(FILES, "  src: [inner-link.yaml]\n", "$common", "of all");
    assert_rendered(FILES, "  src: []\n", "$common", "$common");
}

static void later_sources_win_over_earlier_and_values_over_all(void **state)
{
    (void)state;
    assert_rendered(FILES, "  src: [../common.yaml, own.yaml]\n", "$shared $common", "own of all");
    assert_rendered(FILES, "  src: [own.yaml, ../common.yaml]\n", "$shared", "common");
    assert_rendered(FILES, "  src: [own.yaml]\n  values: {shared: value}\n", "$shared $own",
                    "value of deploy");
    assert_rendered(FILES, "  values: {bash: mine}\n", "$bash", "mine");
}

static void the_block_is_a_template_before_its_sources_are_read(void **state)
{
    (void)state;
    assert_rendered(FILES, "  src: ['{{\"own\"}}.yaml']\n", "$own", "of deploy");
}

static void nothing_leads_out_of_the_checkout(void **state)
{
    (void)state;
    assert_refused(FILES, "../../outside.yaml", "outside.yaml");
    assert_refused(FILES, "link.yaml", "link.yaml");
    assert_refused(FILES, "/etc/passwd", "/etc/passwd");
    assert_refused(FILES_AND_URLS, "'file:///etc/passwd'", "etc/passwd");
}

static void what_is_no_flat_map_of_texts_is_refused(void **state)
{
    (void)state;
    assert_refused(FILES, "list.yaml", "a map of names to texts");
    assert_refused(FILES, "deep.yaml", "'a' must be text");
    assert_refused(FILES, "name.yaml", "letters and digits");
    assert_refused(FILES, "broken.yaml", "line 2");
    assert_refused(FILES, "none.yaml", "none.yaml");
    assert_refused(FILES, "pipe.yaml", "not a file");
    assert_refused(FILES, "..", "not a file");
}

static void sources_are_bounded(void **state)
{
    dd_auto_str large = dd_sprintf("a: %070000d\n", 0);
    dd_auto(dd_error) error = NULL;
    dd_buf block = {0};

    (void)state;
    put("repository/deploy/large.yaml", large);
    assert_refused(FILES, "large.yaml", "65536");
    dd_buf_add_str(&block, "  src:\n");
    for (int i = 0; i < 17; i++)
        dd_buf_add_str(&block, "    - own.yaml\n");
    assert_null(render_with(FILES, block.data, "$own", &error));
    assert_non_null(strstr(error->message, "more than 16"));
    dd_buf_done(&block);
}

static void nothing_is_read_without_leave(void **state)
{
    (void)state;
    assert_refused(NOTHING, "own.yaml", "no files are read here");
    assert_refused(NOTHING, "'http://127.0.0.1:9/'", "no addresses are fetched here");
}

/* What a worker's run allows: promise 6 of the design. */
static void addresses_are_not_fetched_where_only_files_are_allowed(void **state)
{
    dd_auto_str source = dd_sprintf("'%s/good'", server.address);
    int before = server.requests;

    (void)state;
    assert_refused(FILES, source, "no addresses are fetched here");
    assert_refused(FILES, "'HTTPS://user:word@127.0.0.1/x'", "'HTTPS://127.0.0.1/x'");
    assert_int_equal(server.requests, before);
}

static void addresses_are_fetched_where_they_are_allowed(void **state)
{
    dd_auto_str good = dd_sprintf("  src: [own.yaml, '%s/good']\n", server.address);
    dd_auto_str redirect = dd_sprintf("  src: ['%s/redirect', own.yaml]\n", server.address);

    (void)state;
    assert_rendered(FILES_AND_URLS, good, "$web $shared $own", "from the web web of deploy");
    assert_rendered(FILES_AND_URLS, redirect, "$web $shared", "from the web own");
}

static void answers_that_are_none_are_refused(void **state)
{
    static const char *const refused[][2] = {
        {"/missing", "status 404"},        {"/list", "a map of names to texts"},
        {"/large", "larger than 65536"},   {"/redirect-to-a-file", "rotocol"},
        {"/redirect-for-ever", "edirect"}, {"/nothing", "aliases of"},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(refused); i++) {
        dd_auto_str source = dd_sprintf("'%s%s'", server.address, refused[i][0]);

        assert_refused(FILES_AND_URLS, source, refused[i][1]);
    }
    assert_refused(FILES_AND_URLS, "'http://127.0.0.1:1/'", "aliases of");
}

static void a_server_that_says_nothing_is_left_after_two_seconds(void **state)
{
    dd_auto_str source = dd_sprintf("'%s/slow'", server.address);

    (void)state;
    assert_refused(FILES_AND_URLS, source, "longer than 2 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_named_from_the_task_files_folder),
        cmocka_unit_test(later_sources_win_over_earlier_and_values_over_all),
        cmocka_unit_test(the_block_is_a_template_before_its_sources_are_read),
        cmocka_unit_test(nothing_leads_out_of_the_checkout),
        cmocka_unit_test(what_is_no_flat_map_of_texts_is_refused),
        cmocka_unit_test(sources_are_bounded),
        cmocka_unit_test(nothing_is_read_without_leave),
        cmocka_unit_test(addresses_are_not_fetched_where_only_files_are_allowed),
        cmocka_unit_test(addresses_are_fetched_where_they_are_allowed),
        cmocka_unit_test(answers_that_are_none_are_refused),
        cmocka_unit_test(a_server_that_says_nothing_is_left_after_two_seconds),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
