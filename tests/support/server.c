/* The server as its users see it, for tests. */
#include "server.h"

#include "server/dev.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_S 30

/* ---- The process ---- */

void test_server_main(int argc, char **argv)
{
    dd_auto(dd_settings) settings = NULL;
    dd_auto(dd_error) error = NULL;
    if (argc > 1 && strcmp(argv[1], "drydock") == 0)
        exit(dd_main(argc - 1, argv + 1));
    if (argc != 3 || strcmp(argv[1], "server") != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int failed = dd_settings_load(argv[2], &settings, &error) < 0 || dd_server_run(settings, &error) < 0;
    if (failed)
        fprintf(stderr, "%s\n", error->message);
    dd_settings_freep(&settings);
    dd_error_freep(&error);
    exit(failed);
}

/* Wait until the server has written its address, or has ended. */
static void await_address(test_server *server, int notes)
{
    dd_auto_str path = dd_path_join(server->directory, "address");
    dd_auto_fd process = (int)syscall(SYS_pidfd_open, server->pid, 0);
    struct pollfd fds[] = {{.fd = notes, .events = POLLIN}, {.fd = process, .events = POLLIN}};
    char note[4096];
    while (!dd_path_exists(path)) {
        dd_assert(poll(fds, 2, PATIENCE_S * 1000) > 0);
        dd_assert(!fds[1].revents); /* it ended: standard error has the reason */
        dd_assert(read(notes, note, sizeof(note)) > 0);
    }
    dd_auto(dd_buf) text = NULL;
    dd_assert(dd_buf_read_file(path, 200, &text, NULL) == 0);
    server->address = dd_strndup(text->data, strcspn(text->data, "\n"));
}

void test_server_start(test_server *server)
{
    dd_auto_str settings = dd_path_join(server->directory, "drydock.yaml");
    dd_auto_str address = dd_path_join(server->directory, "address");
    const char *const argv[] = {"/proc/self/exe", "server", settings, NULL};
    dd_auto_fd notes = inotify_init1(IN_CLOEXEC);
    dd_spawn spawn = DD_SPAWN_INIT;
    unlink(address);
    free(dd_take(server->address));
    dd_assert(inotify_add_watch(notes, server->directory, IN_MOVED_TO) >= 0);
    spawn.argv = argv;
    spawn.error = STDERR_FILENO;
    dd_assert(dd_spawn_start(&spawn, &server->pid, NULL) == 0);
    await_address(server, notes);
}

test_server *test_server_up(test_server_options options)
{
    test_server *server = dd_new(test_server);
    char directory[] = "/tmp/drydock-server.XXXXXX";
    dd_assert(mkdtemp(directory));
    server->directory = dd_strdup(directory);
    server->ca_file = dd_path_join(directory, "server.crt");
    dd_auto_str key = dd_path_join(directory, "server.key");
    dd_auto_str file = dd_path_join(directory, "drydock.yaml");
    dd_auto_str text = dd_sprintf("server: {listen: \"127.0.0.1:0\", tls: {cert: server.crt, key: "
                                  "server.key}, address_file: address, %s}\n"
                                  "%s"
                                  "redis: {url: \"unix://%s/redis.sock\", timeout: 500ms}\n"
                                  "senders:\n"
                                  "  - {name: github, kind: github, secrets: [" TEST_GITHUB_SECRET "]}\n"
                                  "%s",
                                  options.server ? options.server : "",
                                  options.no_token ? "" : "api: {token: " TEST_API_TOKEN "}\n", directory,
                                  options.more ? options.more : "");
    dd_assert(dd_dev_certificate(server->ca_file, key, NULL) == 0);
    dd_assert(dd_write_file(file, text, strlen(text), 0600, NULL) == 0);
    if (!options.no_redis)
        test_redis_start(&server->redis, directory);
    test_server_start(server);
    return server;
}

bool test_server_runs(const test_server *server)
{
    return waitpid(server->pid, NULL, WNOHANG) == 0;
}

int test_server_end(test_server *server)
{
    if (server->pid <= 0)
        return 0;
    kill(server->pid, SIGTERM);
    return test_server_wait(server);
}

int test_server_wait(test_server *server)
{
    int status = 0;
    waitpid(server->pid, &status, 0);
    server->pid = 0;
    return dd_exit_code_of(status);
}

void test_server_down(test_server *server)
{
    if (!server)
        return;
    test_server_end(server);
    test_redis_done(&server->redis);
    dd_remove_tree(server->directory, NULL);
    free(server->directory);
    free(server->address);
    free(server->ca_file);
    free(server);
}

/* ---- Requests ---- */

void test_answer_free(test_answer *answer)
{
    if (!answer)
        return;
    dd_buf_done(&answer->head);
    dd_buf_done(&answer->body);
    json_decref(answer->json);
    free(answer);
}

static size_t take(char *data, size_t size, size_t count, void *context)
{
    dd_buf_add(context, data, size * count);
    return size * count;
}

test_answer *test_request(const test_server *server, const char *method, const char *path,
                          const char *const *headers, const char *body)
{
    test_answer *answer = dd_new(test_answer);
    dd_auto_str url = dd_sprintf("https://%s%s", server->address, path);
    struct curl_slist *list = NULL;
    long status = 0;
    CURL *curl = curl_easy_init();
    for (size_t i = 0; headers && headers[i]; i++)
        list = curl_slist_append(list, headers[i]);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_NOBODY, strcmp(method, "HEAD") == 0 ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_CAINFO, server->ca_file);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)PATIENCE_S);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer->body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer->head);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
    }
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        fprintf(stderr, "%s %s: %s\n", method, path, curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    answer->status = (int)status;
    if (answer->body.length)
        answer->json = json_loadb(answer->body.data, answer->body.length, 0, NULL);
    curl_easy_cleanup(curl);
    curl_slist_free_all(list);
    return answer;
}

test_answer *test_api(const test_server *server, const char *method, const char *path, const char *body)
{
    const char *const headers[] = {"Authorization: Bearer " TEST_API_TOKEN, NULL};
    dd_auto_str whole = dd_sprintf("/api/v1%s", path);
    return test_request(server, method, whole, headers, body);
}

test_answer *test_push(const test_server *server, const char *secret, const char *delivery, const char *body)
{
    uint8_t mac[DD_SHA256_BYTES];
    char hex[DD_SHA256_HEX];
    dd_hmac_sha256(secret, strlen(secret), body, strlen(body), mac);
    dd_hex_encode(mac, sizeof(mac), hex);
    dd_auto_str id = dd_sprintf("X-GitHub-Delivery: %s", delivery);
    dd_auto_str signature = dd_sprintf("X-Hub-Signature-256: sha256=%s", hex);
    const char *const headers[] = {"Content-Type: application/json", "X-GitHub-Event: push", id, signature,
                                   NULL};
    return test_request(server, "POST", "/hooks/github", headers, body);
}

char *test_push_body(const char *commit)
{
    return dd_sprintf(
        "{\"ref\": \"refs/heads/main\", \"before\": \"%040d\", \"after\": \"%s\", \"created\": false, "
        "\"deleted\": false,"
        " \"forced\": false, \"commits\": [], \"head_commit\": {\"id\": \"%s\", \"message\": \"one\"},"
        " \"repository\": {\"id\": 1, \"full_name\": \"org/app\", \"clone_url\": "
        "\"https://github.com/org/app.git\","
        " \"default_branch\": \"main\"}, \"sender\": {\"login\": \"dev\", \"id\": 1}}",
        1, commit, commit);
}

const char *test_member(const test_answer *answer, const char *name)
{
    return json_string_value(json_object_get(answer->json, name));
}

/* ---- The command line ---- */

void test_verb_free(test_verb *verb)
{
    if (!verb)
        return;
    free(verb->output);
    free(verb->error);
    free(verb);
}

test_verb *test_verb_run(const test_server *server, const char *const *words)
{
    dd_auto(dd_strv) argv = dd_strv_new();
    dd_auto(dd_strv) envp = dd_strv_new();
    dd_spawn spawn = DD_SPAWN_INIT;
    dd_spawn_result result = {0};
    test_verb *verb = dd_new(test_verb);
    dd_strv_add(argv, "/proc/self/exe");
    dd_strv_add(argv, "drydock");
    dd_strv_add_all(argv, words);
    dd_strv_addf(envp, "PATH=%s", getenv("PATH"));
    dd_strv_add(envp, "TZ=UTC");
    if (server) {
        dd_strv_addf(envp, "DRYDOCK_SERVER=https://%s", server->address);
        dd_strv_addf(envp, "DRYDOCK_CA_FILE=%s", server->ca_file);
        dd_strv_add(envp, "DRYDOCK_TOKEN=" TEST_API_TOKEN);
        dd_strv_add(envp, "https_proxy=http://127.0.0.1:1"); /* not for what is on loopback */
        spawn.directory = server->directory;
    }
    spawn.argv = (const char *const *)argv->items;
    spawn.envp = (const char *const *)envp->items;
    dd_assert(dd_spawn_wait(&spawn, (size_t)1024 * 1024, 60000, &result, NULL) == 0);
    verb->code = result.exit_code;
    verb->output = dd_buf_steal(result.output);
    verb->error = dd_buf_steal(result.error);
    dd_spawn_result_done(&result);
    return verb;
}

/* ---- Connections as bytes ---- */

struct test_stream {
    SSL_CTX *context;
    SSL *ssl;
    int fd;
};

test_stream *test_stream_open(const test_server *server)
{
    test_stream *stream = dd_new(test_stream);
    struct timeval patience = {.tv_sec = PATIENCE_S};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    to.sin_port = htons((uint16_t)atoi(strrchr(server->address, ':') + 1));
    stream->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(stream->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    dd_assert(connect(stream->fd, (struct sockaddr *)&to, sizeof(to)) == 0);
    stream->context = SSL_CTX_new(TLS_client_method());
    stream->ssl = SSL_new(stream->context);
    SSL_set_fd(stream->ssl, stream->fd);
    dd_assert(SSL_connect(stream->ssl) == 1);
    return stream;
}

test_stream *test_stream_open_unix(const char *path)
{
    test_stream *stream = dd_new(test_stream);
    struct timeval patience = {.tv_sec = PATIENCE_S};
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    dd_assert(strlen(path) < sizeof(to.sun_path));
    memcpy(to.sun_path, path, strlen(path) + 1);
    stream->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(stream->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    dd_assert(connect(stream->fd, (struct sockaddr *)&to, sizeof(to)) == 0);
    return stream;
}

char *test_stream_certificate(const test_stream *stream)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    X509 *certificate = SSL_get1_peer_certificate(stream->ssl);
    X509_digest(certificate, EVP_sha256(), sum, &length);
    X509_free(certificate);
    dd_hex_encode(sum, length, hex);
    return dd_strdup(hex);
}

void test_stream_free(test_stream *stream)
{
    if (!stream)
        return;
    SSL_free(stream->ssl);
    SSL_CTX_free(stream->context);
    close(stream->fd);
    free(stream);
}

bool test_stream_write(test_stream *stream, const char *text, size_t length)
{
    if (!stream->ssl)
        return write(stream->fd, text, length) == (ssize_t)length;
    return SSL_write(stream->ssl, text, (int)length) == (int)length;
}

char *test_stream_read(test_stream *stream, const char *text)
{
    dd_buf all = {0};
    char part[4096];
    int got;
    errno = 0;
    while ((!text || !all.data || !strstr(all.data, text)) &&
           (got = stream->ssl ? SSL_read(stream->ssl, part, sizeof(part))
                              : (int)read(stream->fd, part, sizeof(part))) > 0)
        dd_buf_add(&all, part, (size_t)got);
    dd_assert(errno != EAGAIN); /* it neither sent nor closed */
    return dd_buf_steal(&all);
}
