/* The server as its users see it, for tests: a process of its own (the test program run again), a real Redis,
 * requests over TLS. */
#ifndef DD_TESTS_SERVER_H
#define DD_TESTS_SERVER_H

#include "redis.h"

#include <jansson.h>

#define TEST_API_TOKEN     "api-token"
#define TEST_GITHUB_SECRET "dev-secret"

typedef struct test_server {
    char *directory;
    test_redis redis;
    pid_t pid;
    char *address; /* 127.0.0.1:PORT */
    char *ca_file;
} test_server;

/* To be called first by main: when the program was started to be the server, or drydock's command line, it is
 * that and never returns. */
void test_server_main(int argc, char **argv);

/* A directory with certificate and settings (`more` is YAML added to them: "server: {…}" lines are given by
 * `server`, in flow style), a running Redis unless `no_redis`, and a server that listens. */
typedef struct test_server_options {
    const char *server; /* "timeout: 1s, body_max: 64KiB" */
    const char *more;
    bool no_redis;
    bool no_token;
} test_server_options;
test_server *test_server_up(test_server_options options);
/* Start it again after its end. */
void test_server_start(test_server *server);
/* Wait for its end, of its own accord; returns its exit code. */
int test_server_wait(test_server *server);
/* Ends it by SIGTERM; returns its exit code (128+N for signal N). */
int test_server_end(test_server *server);
void test_server_down(test_server *server); /* all of it; NULL is fine */
bool test_server_runs(const test_server *server);

/* ---- Requests ---- */
typedef struct test_answer {
    int status; /* 0: none came */
    dd_buf head;
    dd_buf body;
    json_t *json; /* the body; NULL when it is none */
} test_answer;
void test_answer_free(test_answer *answer);
DD_DEFINE_FREEP(test_answer)

/* `headers` ends with NULL; NULL for none. `body` NULL for none. */
test_answer *test_request(const test_server *server, const char *method, const char *path,
                          const char *const *headers, const char *body);
/* With the API's token. */
test_answer *test_api(const test_server *server, const char *method, const char *path, const char *body);
/* A push delivery of GitHub, signed with `secret`. */
test_answer *test_push(const test_server *server, const char *secret, const char *delivery, const char *body);
/* The body of a push of `commit` to main of https://github.com/org/app.git; owned. */
char *test_push_body(const char *commit);
/* The member of the answer's JSON; NULL when it is no text. */
const char *test_member(const test_answer *answer, const char *name);

/* ---- The command line ---- */
typedef struct test_verb {
    int code;
    char *output, *error;
} test_verb;
void test_verb_free(test_verb *verb);
DD_DEFINE_FREEP(test_verb)
/* `drydock WORDS` with the environment that finds the server (NULL: none of it); `words` ends with NULL. At
 * most 60 s. */
test_verb *test_verb_run(const test_server *server, const char *const *words);

/* ---- Connections as bytes ---- */
typedef struct test_stream test_stream;
test_stream *test_stream_open(const test_server *server);
/* To a unix socket, without TLS. */
test_stream *test_stream_open_unix(const char *path);
/* The SHA-256 of the certificate that the server showed; owned. */
char *test_stream_certificate(const test_stream *stream);
void test_stream_free(test_stream *stream);
DD_DEFINE_FREEP(test_stream)
/* False when the other side has closed. */
bool test_stream_write(test_stream *stream, const char *text, size_t length);
/* All until the other side closes, or until `text` has come (NULL: only then); at most 30 s. Owned text. */
char *test_stream_read(test_stream *stream, const char *text);

#endif
