/* Registries for tests: the real docker-registry on a free loopback port, and one that answers what a test
 * wrote. */
#ifndef DD_TESTS_REGISTRY_H
#define DD_TESTS_REGISTRY_H

#include "config/config.h"

#include <sys/types.h>

/* ---- docker-registry ---- */
#define TEST_REGISTRY_USER     "ci"
#define TEST_REGISTRY_PASSWORD "s3cret"

typedef struct test_registry {
    char *directory;
    char *host;    /* 127.0.0.1:PORT */
    char *ca_file; /* with TLS; NULL else */
    pid_t pid;
} test_registry;
typedef struct test_registry_options {
    bool tls;
    bool password; /* asks for TEST_REGISTRY_USER */
    int port;      /* 0: a free one */
    /* Where it sends its notifications, by https with what is in ca_file alone; NULL: nowhere. */
    const char *notify_url, *notify_authorization, *notify_ca_file;
} test_registry_options;
/* Start it with its files in `directory` (made when it is not there); ends the test program when it does not
 * start. */
void test_registry_start(test_registry *registry, const char *directory, test_registry_options options);
void test_registry_stop(test_registry *registry); /* ends it and waits; the files stay */
/* Push an image that consists of `text`, without layers; returns its digest, owned. */
char *test_registry_push(const test_registry *registry, const char *repository, const char *tag,
                         const char *text);
/* The digest of the blob that such an image consists of, and its manifest; owned. */
char *test_registry_blob_of(const char *text);
char *test_registry_manifest_of(const char *text);
/* Send `body` by `method` to /v2/PATH; ends the test program unless the answer is 2xx. */
void test_registry_send(const test_registry *registry, const char *method, const char *path, const char *type,
                        const char *body);

/* ---- One that answers what is written ---- */
typedef struct test_answers test_answers;
/* The answer to a request whose head (method to empty line) is given, as bytes to send; owned text, NULL
 * hangs up.
 * "@endless" at its end: keeps sending until the other side closes. */
typedef char *test_answerer(const char *head, void *context);
test_answers *test_answers_start(test_answerer *answer, void *context);
void test_answers_stop(test_answers *answers);
const char *test_answers_host(const test_answers *answers); /* 127.0.0.1:PORT */
int test_answers_count(test_answers *answers);              /* requests so far */

#endif
