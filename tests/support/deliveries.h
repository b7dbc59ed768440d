/* Deliveries for tests: read from a fixture's folder or made by hand, signed, and judged. */
#ifndef DD_TESTS_DELIVERIES_H
#define DD_TESTS_DELIVERIES_H

#include "triggers/triggers.h"

#include <jansson.h>

#define TEST_GITHUB_SECRET       "dev-secret" /* and of all others that have no form for theirs */
#define TEST_SIGNING_KEY         "whsec_ZHJ5ZG9jay10ZXN0LXNpZ25pbmcta2V5LW9mLTMyYnk="
#define TEST_AT_MS               ((int64_t)1764000000 * 1000) /* when the deliveries come */
#define TEST_DISTRIBUTION_HEADER "Bearer s3cr3t-registry"
#define TEST_REGISTRY            "registry.example.com" /* of those that do not say theirs */
#define TEST_URL_TOKEN           "dev-secret"

/* A delivery that owns what it points to. */
typedef struct test_delivery {
    dd_delivery delivery;
    char *body;
    char *url_token;
} test_delivery;
void test_delivery_done(test_delivery *delivery);
void test_delivery_header(test_delivery *delivery, const char *name, const char *value);
void test_delivery_body(test_delivery *delivery, const char *body, size_t length);
/* FOLDER/headers.json and FOLDER/body, and FOLDER/token where the address had another one than
 * TEST_URL_TOKEN, or none: an empty file; ends the test when they cannot be read. */
void test_delivery_load(test_delivery *delivery, const char *folder);
/* Replace (or set) a header. */
void test_delivery_set_header(test_delivery *delivery, const char *name, const char *value);
/* Sign the body as GitHub does. */
void test_delivery_sign(test_delivery *delivery, const char *secret);
/* Let the delivery prove itself again as senders of that kind do, with the secrets above, after its body was
 * changed. */
void test_delivery_prove(test_delivery *delivery, const char *kind);

/* Settings of a sender of that kind with the secrets above, which is named as its kind (distribution:
 * registry); static, the caller's to change until the next call. */
dd_sender_settings *test_sender(const char *kind);

/* Every event that comes out of any body keeps these, or the process ends with the broken rule's text: texts
 * are what their kind needs and are valid, and the event is the same after a way through the stream's fields.
 */
void test_check_events(const dd_events *events);

/* For fuzzers: "Name: value" lines, an empty line, the body. It is verified, then read whether it verified or
 * not; ends the process when a rule of test_check_events is broken. */
void test_fuzz_delivery(const char *kind, const uint8_t *data, size_t size);

/* Call `each` for every folder FIXTURES/KIND/CASE with a body, of every kind of sender that there is; how
 * many. */
int test_each_case(const char *fixtures, void (*each)(const char *kind, const char *folder));
json_t *test_load_json(const char *folder, const char *file);

#endif
