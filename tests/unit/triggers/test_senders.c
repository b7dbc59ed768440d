/* Every sender's fixtures, and the senders' table and settings. */
#include "tests/support/deliveries.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

/* ---- Fixtures ---- */

static void assert_json_equal(const json_t *expected, const json_t *actual, const char *where)
{
    if (json_equal(expected, actual))
        return;
    char *a = json_dumps(expected, JSON_SORT_KEYS | JSON_ENCODE_ANY);
    char *b = json_dumps(actual, JSON_SORT_KEYS | JSON_ENCODE_ANY);
    print_error("%s:\nexpected %s\nactual   %s\n", where, a, b);
    free(a);
    free(b);
    fail();
}

static void assert_events(const json_t *expected, const dd_events *events, const char *where)
{
    json_auto_t *actual = json_array();
    for (size_t i = 0; i < events->count; i++) {
        dd_auto_str line = dd_event_to_json(events->items[i]);
        json_array_append_new(actual, json_loads(line, 0, NULL));
    }
    assert_json_equal(expected, actual, where);
}

/* The named fields of the stream; null is one that is left out. */
static void assert_stream(json_t *expected, const dd_events *events, const char *where)
{
    size_t i;
    json_t *entry, *value;
    const char *name;
    json_array_foreach(expected, i, entry)
    {
        assert_true(i < events->count);
        dd_auto(dd_fields) fields = dd_event_to_fields(events->items[i]);
        json_object_foreach(entry, name, value)
        {
            const char *text = dd_fields_get(fields, name);
            json_auto_t *actual = text ? json_string(text) : json_null();
            assert_json_equal(value, actual, where);
        }
    }
}

static void check_case(const char *kind, const char *folder)
{
    int status = 0;
    test_delivery delivery = {0};
    dd_auto(dd_events) events = NULL;
    dd_auto(dd_error) why = NULL;
    json_auto_t *expected = test_load_json(folder, "expected.json");
    json_t *refused = json_object_get(expected, "status");
    test_delivery_load(&delivery, folder);
    int result = dd_delivery_read(test_sender(kind), &delivery.delivery, &events, &status, &why);
    if (refused) {
        assert_int_equal(result, -1);
        assert_int_equal(status, json_integer_value(refused));
    } else {
        if (result < 0)
            print_error("%s: %s\n", folder, why->message);
        assert_int_equal(result, 0);
        test_check_events(events);
        assert_events(json_object_get(expected, "events"), events, folder);
        assert_stream(json_object_get(expected, "stream"), events, folder);
    }
    test_delivery_done(&delivery);
}

static void every_fixture_says_what_was_read_from_it_by_hand(void **state)
{
    (void)state;
    assert_true(test_each_case(DD_TESTS_DIR "/fixtures", check_case) > 100);
}

/* ---- Proofs ---- */

static int read_status(const char *kind, const test_delivery *delivery)
{
    int status = 0;
    dd_auto(dd_events) events = NULL;
    return dd_delivery_read(test_sender(kind), &delivery->delivery, &events, &status, NULL) == 0 ? 200
                                                                                                 : status;
}

static void without_header(test_delivery *delivery, size_t index)
{
    dd_delivery *of = &delivery->delivery;
    free(of->headers[index].name);
    free(of->headers[index].value);
    of->header_count--;
    memmove(&of->headers[index], &of->headers[index + 1], (of->header_count - index) * sizeof(*of->headers));
}

/* What the kind's deliveries bring for others, or beside another proof. */
static bool is_spare(const char *kind, const char *name)
{
    static const char *const spare[][2] = {
        {"gitea", "X-Gogs-Signature"},      {"gitea", "X-Hub-Signature"},    {"gitea", "X-Hub-Signature-256"},
        {"forgejo", "X-Gitea-Signature"},   {"forgejo", "X-Gogs-Signature"}, {"forgejo", "X-Hub-Signature"},
        {"forgejo", "X-Hub-Signature-256"}, {"github", "X-Hub-Signature"},   {"gitlab", "webhook-signature"},
        {"gitlab", "X-Gitlab-Token"},       {"ghcr", "X-Hub-Signature"},     {"gar", "Authorization"},
    };
    for (size_t i = 0; i < DD_COUNT(spare); i++)
        if (dd_str_eq(spare[i][0], kind) && strcasecmp(spare[i][1], name) == 0)
            return true;
    return false;
}

static void try_proof(const char *kind, const char *folder, size_t index)
{
    test_delivery less = {0}, twice = {0};
    test_delivery_load(&less, folder);
    test_delivery_load(&twice, folder);
    const dd_header *header = &less.delivery.headers[index];
    dd_auto_str name = dd_strdup(header->name);
    dd_auto_str value = dd_strdup(header->value);
    bool is_proof = dd_sender_header_is_secret(test_sender(kind), name);
    without_header(&less, index);
    test_delivery_header(&twice, name, value);
    int missing = read_status(kind, &less), doubled = read_status(kind, &twice);
    /* A header may be another kind's proof, as those of the Gitea family are; then it is not looked at. */
    assert_true(missing == 401 || !is_proof || is_spare(kind, name));
    if (missing == 401)
        assert_int_equal(doubled, 401);
    test_delivery_done(&less);
    test_delivery_done(&twice);
}

/* One bit anywhere in a signed body, or one more byte. */
static void try_bits(const char *kind, const char *folder)
{
    test_delivery delivery = {0};
    test_delivery_load(&delivery, folder);
    size_t length = delivery.delivery.body_length;
    for (size_t i = 0; i < length; i += 1 + length / 50) {
        delivery.body[i] ^= 1;
        assert_int_equal(read_status(kind, &delivery), 401);
        delivery.body[i] ^= 1;
    }
    delivery.delivery.body_length--;
    assert_int_equal(read_status(kind, &delivery), 401);
    test_delivery_done(&delivery);
}

static void prove_case(const char *kind, const char *folder)
{
    test_delivery delivery = {0};
    test_delivery_load(&delivery, folder);
    bool is_form = dd_str_ends(folder, "form") || dd_str_ends(folder, "form-encoded");
    bool is_taken = read_status(kind, &delivery) == 200;
    for (size_t i = 0; is_taken && i < delivery.delivery.header_count; i++)
        try_proof(kind, folder, i);
    /* In a form, other bytes may mean the same text. */
    if (is_taken && !is_form && dd_sender_trust(test_sender(kind)) == DD_TRUST_SIGNED)
        try_bits(kind, folder);
    test_delivery_done(&delivery);
}

static void
threat_27_no_delivery_is_taken_without_its_proof_or_with_it_twice_or_with_another_body(void **state)
{
    (void)state;
    test_each_case(DD_TESTS_DIR "/fixtures", prove_case);
}

/* ---- The table and the settings ---- */

static void every_kind_is_found_by_its_name_and_no_other(void **state)
{
    (void)state;
    size_t count;
    const char *const *kinds = dd_sender_kinds(&count);
    for (size_t i = 0; i < count; i++) {
        const dd_sender *sender = dd_sender_find(kinds[i]);
        assert_non_null(sender);
        assert_string_equal(sender->kind, kinds[i]);
        assert_true(sender->normalise && sender->media_types[0]);
    }
    assert_null(dd_sender_find("Github"));
    assert_null(dd_sender_find(NULL));
}

static int check_one(const dd_sender_settings *sender, dd_error **err)
{
    dd_sender_settings senders[] = {*sender};
    const dd_settings settings = {.senders = senders, .sender_count = 1};
    return dd_senders_check(&settings, err);
}

static void threat_28_an_empty_secret_is_refused_at_the_start(void **state)
{
    (void)state;
    const char *const empty[] = {"", " ", "\t\n \r"};
    for (size_t i = 0; i < DD_COUNT(empty); i++) {
        dd_auto(dd_error) why = NULL;
        dd_auto_str secret = dd_strdup(empty[i]);
        char *secrets[] = {secret, NULL};
        dd_sender_settings github = *test_sender("github");
        github.secrets = (dd_strv){secrets, 1, 2};
        assert_int_equal(check_one(&github, &why), -1);
        assert_int_equal(why->code, DD_ERR_INVALID);
        dd_sender_settings registry = *test_sender("distribution");
        registry.auth_values = (dd_strv){secrets, 1, 2};
        assert_int_equal(check_one(&registry, NULL), -1);
    }
}

static void threat_29_a_sender_without_an_authenticator_is_refused_at_the_start(void **state)
{
    (void)state;
    dd_auto(dd_error) why = NULL;
    dd_sender_settings github = *test_sender("github"), registry = *test_sender("distribution");
    assert_int_equal(check_one(&github, NULL), 0);
    assert_int_equal(check_one(&registry, NULL), 0);
    github.secrets = (dd_strv){0};
    registry.auth_values = (dd_strv){0};
    assert_int_equal(check_one(&github, &why), -1);
    assert_non_null(strstr(why->message, "github"));
    assert_int_equal(check_one(&registry, NULL), -1);
}

static void a_registry_sender_must_say_for_which_registry_it_speaks(void **state)
{
    (void)state;
    char word[] = "registry";
    dd_sender_settings registry = *test_sender("distribution");
    registry.registry = NULL;
    assert_int_equal(check_one(&registry, NULL), -1);
    registry.registry = word; /* "registry/app" would be an image of Docker Hub */
    assert_int_equal(check_one(&registry, NULL), -1);
}

static void an_unknown_kind_is_refused_with_the_nearest_known_one(void **state)
{
    (void)state;
    char kind[] = "githup";
    dd_auto(dd_error) why = NULL;
    dd_sender_settings sender = *test_sender("github");
    sender.kind = kind;
    sender.place = (dd_place){7, 5};
    assert_int_equal(check_one(&sender, &why), -1);
    assert_int_equal(why->place.line, 7);
    assert_non_null(why->hint);
    assert_non_null(strstr(why->hint, "'github'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fixture_says_what_was_read_from_it_by_hand),
        cmocka_unit_test(
            threat_27_no_delivery_is_taken_without_its_proof_or_with_it_twice_or_with_another_body),
        cmocka_unit_test(every_kind_is_found_by_its_name_and_no_other),
        cmocka_unit_test(threat_28_an_empty_secret_is_refused_at_the_start),
        cmocka_unit_test(threat_29_a_sender_without_an_authenticator_is_refused_at_the_start),
        cmocka_unit_test(a_registry_sender_must_say_for_which_registry_it_speaks),
        cmocka_unit_test(an_unknown_kind_is_refused_with_the_nearest_known_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
