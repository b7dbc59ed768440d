/* Registries for tests. */
#include "tests/support/registry.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void require(bool kept, const char *what)
{
    if (kept)
        return;
    fprintf(stderr, "test registry: %s\n", what);
    abort();
}

/* ---- docker-registry ---- */

static void run(const char *const *argv)
{
    dd_spawn spawn = DD_SPAWN_INIT;
    dd_spawn_result result = {0};
    spawn.argv = argv;
    require(dd_spawn_wait(&spawn, 65536, 30000, &result, NULL) == 0 && result.exit_code == 0, argv[0]);
    dd_spawn_result_done(&result);
}

/* A certificate of its own, which serves as its CA too. */
static void make_certificate(test_registry *registry)
{
    registry->ca_file = dd_path_join(registry->directory, "tls.crt");
    dd_auto_str key = dd_path_join(registry->directory, "tls.key");
    run((const char *const[]){"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                              "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                              "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", key, "-out",
                              registry->ca_file, NULL});
}

static void write_text(const char *directory, const char *name, const char *text)
{
    dd_auto_str path = dd_path_join(directory, name);
    require(dd_write_file(path, text, strlen(text), 0600, NULL) == 0, path);
}

static void write_config(test_registry *registry, test_registry_options options)
{
    dd_auto(dd_buf) text = dd_buf_new();
    dd_buf_printf(text,
                  "version: 0.1\nlog: {level: info}\n"
                  "storage: {filesystem: {rootdirectory: '%s/data'}, delete: {enabled: true}}\n"
                  "http:\n  addr: 127.0.0.1:%d\n",
                  registry->directory, options.port);
    if (options.tls) {
        make_certificate(registry);
        dd_buf_printf(text, "  tls: {certificate: '%s/tls.crt', key: '%s/tls.key'}\n", registry->directory,
                      registry->directory);
    }
    if (options.password) {
        /* bcrypt of TEST_REGISTRY_PASSWORD */
        write_text(registry->directory, "htpasswd",
                   "ci:$2y$05$dIyFryDGQtwES5hmJNrNTuqKwHDPl0VgQjA8r4L/TEV0Exu6ZYPZu\n");
        dd_buf_printf(text, "auth: {htpasswd: {realm: test, path: '%s/htpasswd'}}\n", registry->directory);
    }
    if (options.notify_url)
        dd_buf_printf(
            text,
            "notifications: {endpoints: [{name: drydock, url: '%s', headers: {Authorization: ['%s']}, "
            "timeout: 10s, threshold: 2, backoff: 100ms}]}\n",
            options.notify_url, options.notify_authorization);
    write_text(registry->directory, "config.yml", text->data);
}

/* It says where it listens; the rest of what it says is not read. */
static char *await_address(FILE *log)
{
    char *line = NULL, *host = NULL;
    size_t room = 0;
    while (!host && getline(&line, &room, log) > 0) {
        char *at = strstr(line, "listening on ");
        if (at) {
            at += strlen("listening on ");
            host = dd_strndup(at, strspn(at, "0123456789.:"));
        }
    }
    free(line);
    return host;
}

/* Its output goes on being read, so that it never waits for us. */
static void *drop_log(void *log)
{
    char buffer[4096];
    while (fread(buffer, 1, sizeof(buffer), log) > 0)
        ;
    fclose(log);
    return NULL;
}

void test_registry_start(test_registry *registry, const char *directory, test_registry_options options)
{
    int pipe_fds[2];
    pthread_t thread;
    dd_spawn spawn = DD_SPAWN_INIT;
    *registry = (test_registry){.directory = dd_strdup(directory)};
    require(dd_mkdirs(directory, 0700, NULL) == 0, directory);
    write_config(registry, options);
    dd_auto_str config = dd_path_join(directory, "config.yml");
    /* Any REGISTRY_… variable of ours would be its configuration. */
    dd_auto_str path = dd_sprintf("PATH=%s", getenv("PATH"));
    dd_auto_str ca_file =
        options.notify_ca_file ? dd_sprintf("SSL_CERT_FILE=%s", options.notify_ca_file) : NULL;
    require(pipe2(pipe_fds, O_CLOEXEC) == 0, "pipe");
    spawn.argv = (const char *const[]){"docker-registry", "serve", config, NULL};
    spawn.envp = (const char *const[]){path, ca_file, NULL};
    spawn.output = spawn.error = pipe_fds[1];
    require(dd_spawn_start(&spawn, &registry->pid, NULL) == 0, "docker-registry is not installed");
    close(pipe_fds[1]);
    FILE *log = fdopen(pipe_fds[0], "r");
    registry->host = await_address(log);
    require(registry->host != NULL, "docker-registry did not start");
    require(pthread_create(&thread, NULL, drop_log, log) == 0, "thread");
    pthread_detach(thread);
}

void test_registry_stop(test_registry *registry)
{
    if (registry->pid > 0) {
        kill(registry->pid, SIGKILL);
        waitpid(registry->pid, NULL, 0);
    }
    free(registry->directory);
    free(registry->host);
    free(registry->ca_file);
    *registry = (test_registry){0};
}

/* ---- Pushing ---- */

static size_t keep_location(char *line, size_t size, size_t count, void *context)
{
    char **location = context;
    size_t length = size * count;
    if (length > 10 && strncasecmp(line, "Location: ", 10) == 0) {
        free(*location);
        *location = dd_strndup(line + 10, strcspn(line + 10, "\r\n"));
    }
    return length;
}

static size_t drop_body(char *data, size_t size, size_t count, void *context)
{
    (void)data, (void)context;
    return size * count;
}

/* Send `body` by `method`; returns the Location of the answer, owned. */
static char *send_body(const test_registry *registry, const char *method, const char *url, const char *type,
                       const char *body)
{
    long status = 0;
    char *location = NULL;
    CURL *curl = curl_easy_init();
    dd_auto_str line = dd_sprintf("Content-Type: %s", type);
    struct curl_slist *headers = curl_slist_append(NULL, line);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, keep_location);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &location);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_body);
    curl_easy_setopt(curl, CURLOPT_USERPWD, TEST_REGISTRY_USER ":" TEST_REGISTRY_PASSWORD);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (registry->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, registry->ca_file);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    require(code == CURLE_OK && status / 100 == 2, url);
    return location;
}

static char *url_of(const test_registry *registry, const char *path)
{
    return dd_sprintf("%s://%s/v2/%s", registry->ca_file ? "https" : "http", registry->host, path);
}

void test_registry_send(const test_registry *registry, const char *method, const char *path, const char *type,
                        const char *body)
{
    dd_auto_str url = url_of(registry, path);
    free(send_body(registry, method, url, type, body));
}

/* The image's configuration is its whole content. */
static char *config_of(const char *text)
{
    return dd_sprintf("{\"architecture\":\"amd64\",\"os\":\"linux\",\"author\":\"%s\"}", text);
}

char *test_registry_blob_of(const char *text)
{
    char hex[DD_SHA256_HEX];
    dd_auto_str config = config_of(text);
    dd_sha256_hex(config, strlen(config), hex);
    return dd_sprintf("sha256:%s", hex);
}

char *test_registry_manifest_of(const char *text)
{
    dd_auto_str config = config_of(text);
    dd_auto_str blob = test_registry_blob_of(text);
    return dd_sprintf("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
                      "\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"size\":%zu,"
                      "\"digest\":\"%s\"},\"layers\":[]}",
                      strlen(config), blob);
}

char *test_registry_push(const test_registry *registry, const char *repository, const char *tag,
                         const char *text)
{
    char hex[DD_SHA256_HEX];
    dd_auto_str base = url_of(registry, repository);
    dd_auto_str config = config_of(text);
    dd_auto_str blob_digest = test_registry_blob_of(text);
    dd_auto_str upload = dd_sprintf("%s/blobs/uploads/", base);
    dd_auto_str place = send_body(registry, "POST", upload, "application/octet-stream", "");
    require(place != NULL, "no place for the upload");
    dd_auto_str blob = dd_sprintf("%s%cdigest=%s", place, strchr(place, '?') ? '&' : '?', blob_digest);
    free(send_body(registry, "PUT", blob, "application/octet-stream", config));
    dd_auto_str manifest = test_registry_manifest_of(text);
    dd_auto_str url = dd_sprintf("%s/manifests/%s", base, tag);
    free(send_body(registry, "PUT", url, "application/vnd.oci.image.manifest.v1+json", manifest));
    dd_sha256_hex(manifest, strlen(manifest), hex);
    return dd_sprintf("sha256:%s", hex);
}

/* ---- One that answers what is written ---- */

struct test_answers {
    test_answerer *answer;
    void *context;
    char *host;
    int listener;
    pthread_t thread;
    pthread_mutex_t lock;
    int count;
};

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

static void send_answer(int fd, char *text)
{
    static const char endless[] = "@endless";
    char line[1024];
    bool on = dd_str_ends(text, endless);
    send_all(fd, text, strlen(text) - (on ? strlen(endless) : 0));
    memset(line, 'x', sizeof(line));
    memcpy(line, "X: ", 3);
    line[sizeof(line) - 1] = '\n';
    while (on && send(fd, line, sizeof(line), MSG_NOSIGNAL) > 0)
        ;
}

static void serve(test_answers *answers, int fd)
{
    char head[8192];
    size_t length = 0;
    for (;;) {
        ssize_t got = recv(fd, head + length, sizeof(head) - 1 - length, 0);
        if (got <= 0)
            return;
        length += (size_t)got;
        head[length] = '\0';
        if (strstr(head, "\r\n\r\n"))
            break;
    }
    pthread_mutex_lock(&answers->lock);
    answers->count++;
    pthread_mutex_unlock(&answers->lock);
    dd_auto_str text = answers->answer(head, answers->context);
    if (text)
        send_answer(fd, text);
    /* Read on, so that closing does not reset what was sent. */
    shutdown(fd, SHUT_WR);
    while (recv(fd, head, sizeof(head), 0) > 0)
        ;
}

static void *serve_all(void *context)
{
    test_answers *answers = context;
    for (;;) {
        dd_auto_fd fd = accept4(answers->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            return NULL; /* shut down: test_answers_stop */
        serve(answers, fd);
    }
}

test_answers *test_answers_start(test_answerer *answer, void *context)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    test_answers *answers = dd_new(test_answers);
    answers->answer = answer;
    answers->context = context;
    answers->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_mutex_init(&answers->lock, NULL);
    require(bind(answers->listener, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
                listen(answers->listener, 16) == 0 &&
                getsockname(answers->listener, (struct sockaddr *)&address, &length) == 0,
            "no loopback port");
    answers->host = dd_sprintf("127.0.0.1:%d", ntohs(address.sin_port));
    require(pthread_create(&answers->thread, NULL, serve_all, answers) == 0, "thread");
    return answers;
}

void test_answers_stop(test_answers *answers)
{
    shutdown(answers->listener, SHUT_RDWR);
    pthread_join(answers->thread, NULL);
    close(answers->listener);
    pthread_mutex_destroy(&answers->lock);
    free(answers->host);
    free(answers);
}

const char *test_answers_host(const test_answers *answers)
{
    return answers->host;
}

int test_answers_count(test_answers *answers)
{
    pthread_mutex_lock(&answers->lock);
    int count = answers->count;
    pthread_mutex_unlock(&answers->lock);
    return count;
}
