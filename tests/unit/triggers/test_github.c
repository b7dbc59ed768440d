/* GitHub: the signature's edges, headers, and which changed paths count as known. */
#include "tests/support/deliveries.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COMMIT_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define COMMIT_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* A push to main with these flags and commits. */
static char *push_body(const char *flags, const char *commits)
{
    return dd_sprintf("{\"ref\":\"refs/heads/main\",\"before\":\"" COMMIT_A "\",\"after\":\"" COMMIT_B
                      "\",%s,"
                      "\"commits\":%s,\"head_commit\":{\"message\":\"words\"},\"repository\":{\"full_name\":"
                      "\"org/app\",\"clone_url\":\"https://github.com/org/app.git\"}}",
                      flags, commits);
}

static const char plain_flags[] = "\"created\":false,\"deleted\":false,\"forced\":false";
static const char one_commit[] = "[{\"added\":[\"b\"],\"modified\":[\"a\",\"b\"],\"removed\":[]}]";

static void make(test_delivery *delivery, const char *body)
{
    test_delivery_body(delivery, body, strlen(body));
    test_delivery_header(delivery, "Content-Type", "application/json");
    test_delivery_header(delivery, "x-github-EVENT", "push");
    test_delivery_header(delivery, "X-GitHub-Delivery", "d-1");
    test_delivery_sign(delivery, TEST_GITHUB_SECRET);
}

static int read_status(const dd_sender_settings *settings, const test_delivery *delivery)
{
    int status = 0;
    dd_auto(dd_events) events = NULL;
    dd_auto(dd_error) why = NULL;
    if (dd_delivery_read(settings, &delivery->delivery, &events, &status, &why) == 0)
        return 202;
    assert_non_null(why);
    return status;
}

/* The one event of a signed push with this body. */
static dd_event *read_one(const char *body)
{
    int status = 0;
    test_delivery delivery = {0};
    dd_auto(dd_events) events = NULL;
    make(&delivery, body);
    assert_int_equal(dd_delivery_read(test_sender("github"), &delivery.delivery, &events, &status, NULL), 0);
    test_delivery_done(&delivery);
    test_check_events(events);
    assert_int_equal(events->count, 1);
    events->count = 0;
    return events->items[0];
}

/* ---- The signature ---- */

static void the_published_vector_verifies(void **state)
{
    (void)state;
    char secret[] = "It's a Secret to Everybody";
    char *secrets[] = {secret, NULL};
    dd_sender_settings settings = *test_sender("github");
    settings.secrets = (dd_strv){secrets, 1, 2};
    test_delivery delivery = {0};
    test_delivery_body(&delivery, "Hello, World!", 13);
    test_delivery_header(&delivery, "X-Hub-Signature-256",
                         "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
    assert_int_equal(dd_sender_find("github")->verify(&settings, &delivery.delivery, NULL), 0);
    test_delivery_body(&delivery, "Hello, World?", 13);
    assert_int_equal(dd_sender_find("github")->verify(&settings, &delivery.delivery, NULL), -1);
    test_delivery_done(&delivery);
}

/* The value of the right signature, changed in some way. */
static char *changed(const char *right, const char *how)
{
    const char *hex = right + strlen("sha256=");
    if (dd_str_eq(how, "empty"))
        return dd_strdup("");
    if (dd_str_eq(how, "no digits"))
        return dd_strdup("sha256=");
    if (dd_str_eq(how, "sha1"))
        return dd_sprintf("sha1=%.40s", hex);
    if (dd_str_eq(how, "named sha1"))
        return dd_sprintf("sha1=%s", hex);
    if (dd_str_eq(how, "short"))
        return dd_strndup(right, strlen(right) - 1);
    if (dd_str_eq(how, "long"))
        return dd_sprintf("%s0", right);
    if (dd_str_eq(how, "bare"))
        return dd_strdup(hex);
    if (dd_str_eq(how, "blank before"))
        return dd_sprintf(" %s", right);
    if (dd_str_eq(how, "two in one"))
        return dd_sprintf("%s,%s", right, right);
    char *value = dd_strdup(right);
    if (dd_str_eq(how, "one digit"))
        value[70] = value[70] == '0' ? '1' : '0';
    for (char *c = value; dd_str_eq(how, "upper case") && *c; c++)
        *c = *c >= 'a' && *c <= 'f' ? (char)(*c - 'a' + 'A') : *c;
    return value;
}

static void threat_27_a_signature_that_is_not_exactly_right_gets_401(void **state)
{
    (void)state;
    static const char *const ways[] = {"empty",        "no digits",  "sha1",      "named sha1",
                                       "short",        "long",       "bare",      "one digit",
                                       "blank before", "two in one", "upper case"};
    dd_auto_str body = push_body(plain_flags, one_commit);
    bool twice;
    for (size_t i = 0; i < DD_COUNT(ways); i++) {
        test_delivery delivery = {0};
        make(&delivery, body);
        dd_auto_str right = dd_strdup(dd_delivery_header(&delivery.delivery, "X-Hub-Signature-256", &twice));
        dd_auto_str value = changed(right, ways[i]);
        test_delivery_set_header(&delivery, "X-Hub-Signature-256", value);
        if (read_status(test_sender("github"), &delivery) != 401)
            print_error("%s: %s\n", ways[i], value);
        assert_int_equal(read_status(test_sender("github"), &delivery), 401);
        test_delivery_set_header(&delivery, "X-Hub-Signature-256", right);
        assert_int_equal(read_status(test_sender("github"), &delivery), 202);
        test_delivery_done(&delivery);
    }
}

static void threat_27_an_absent_or_repeated_signature_gets_401(void **state)
{
    (void)state;
    bool twice;
    dd_auto_str body = push_body(plain_flags, one_commit);
    test_delivery delivery = {0};
    make(&delivery, body);
    dd_auto_str right = dd_strdup(dd_delivery_header(&delivery.delivery, "X-Hub-Signature-256", &twice));
    test_delivery_header(&delivery, "x-hub-signature-256", right);
    assert_int_equal(read_status(test_sender("github"), &delivery), 401);
    test_delivery_done(&delivery);
    test_delivery_body(&delivery, body, strlen(body));
    test_delivery_header(&delivery, "Content-Type", "application/json");
    test_delivery_header(&delivery, "X-GitHub-Event", "push");
    /* SHA-1 alone, even a right one, is none. */
    test_delivery_header(&delivery, "X-Hub-Signature", "sha1=0000000000000000000000000000000000000000");
    assert_int_equal(read_status(test_sender("github"), &delivery), 401);
    test_delivery_done(&delivery);
}

static void any_of_several_secrets_verifies_so_that_they_can_be_rotated(void **state)
{
    (void)state;
    char new_secret[] = "new", old_secret[] = TEST_GITHUB_SECRET, other[] = "other";
    char *secrets[] = {new_secret, old_secret, NULL}, *wrong[] = {new_secret, other, NULL};
    dd_auto_str body = push_body(plain_flags, one_commit);
    dd_sender_settings settings = *test_sender("github");
    test_delivery delivery = {0};
    make(&delivery, body);
    settings.secrets = (dd_strv){secrets, 2, 3};
    assert_int_equal(read_status(&settings, &delivery), 202);
    test_delivery_sign(&delivery, "new");
    assert_int_equal(read_status(&settings, &delivery), 202);
    settings.secrets = (dd_strv){wrong, 2, 3};
    test_delivery_sign(&delivery, TEST_GITHUB_SECRET);
    assert_int_equal(read_status(&settings, &delivery), 401);
    test_delivery_done(&delivery);
}

static void threat_28_an_empty_key_verifies_nothing(void **state)
{
    (void)state;
    char empty[] = "", blank[] = " ";
    char *secrets[] = {empty, blank, NULL};
    dd_auto_str body = push_body(plain_flags, one_commit);
    dd_sender_settings settings = *test_sender("github");
    test_delivery delivery = {0};
    make(&delivery, body);
    settings.secrets = (dd_strv){secrets, 2, 3};
    test_delivery_sign(&delivery, "");
    assert_int_equal(read_status(&settings, &delivery), 401);
    test_delivery_sign(&delivery, " ");
    assert_int_equal(read_status(&settings, &delivery), 401);
    settings.secrets = (dd_strv){0};
    assert_int_equal(read_status(&settings, &delivery), 401);
    test_delivery_done(&delivery);
}

static void threat_26_no_refusal_says_what_was_expected(void **state)
{
    (void)state;
    int status = 0;
    bool twice;
    dd_auto_str body = push_body(plain_flags, one_commit);
    test_delivery delivery = {0};
    dd_auto(dd_events) events = NULL;
    dd_auto(dd_error) why = NULL;
    make(&delivery, body);
    dd_auto_str right = dd_strdup(dd_delivery_header(&delivery.delivery, "X-Hub-Signature-256", &twice));
    dd_auto_str wrong = changed(right, "one digit");
    test_delivery_set_header(&delivery, "X-Hub-Signature-256", wrong);
    assert_int_equal(dd_delivery_read(test_sender("github"), &delivery.delivery, &events, &status, &why), -1);
    dd_auto_str text = dd_error_text(why);
    for (const char *hex = right + strlen("sha256="); strlen(hex) >= 8; hex++) {
        char piece[9] = {0};
        memcpy(piece, hex, 8);
        assert_null(strstr(text, piece));
    }
    assert_null(strstr(text, TEST_GITHUB_SECRET));
    test_delivery_done(&delivery);
}

/* ---- Headers and forms ---- */

static void a_repeated_header_that_is_read_gets_400(void **state)
{
    (void)state;
    static const char *const names[] = {"X-GitHub-Event", "X-GitHub-Delivery"};
    dd_auto_str body = push_body(plain_flags, one_commit);
    for (size_t i = 0; i < DD_COUNT(names); i++) {
        test_delivery delivery = {0};
        make(&delivery, body);
        test_delivery_header(&delivery, names[i], "push");
        assert_int_equal(read_status(test_sender("github"), &delivery), 400);
        test_delivery_done(&delivery);
    }
}

static void only_the_content_types_that_github_sends_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        int status;
    } cases[] = {
        {"application/json", 202},    {"Application/JSON ; charset=utf-8", 202},
        {"application/jsonx", 415},   {"application/json5", 415},
        {"text/json", 415},           {"", 415},
        {"multipart/form-data", 415},
    };
    dd_auto_str body = push_body(plain_flags, one_commit);
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        test_delivery delivery = {0};
        make(&delivery, body);
        test_delivery_set_header(&delivery, "Content-Type", cases[i].type);
        assert_int_equal(read_status(test_sender("github"), &delivery), cases[i].status);
        test_delivery_done(&delivery);
    }
}

static void a_form_must_hold_one_well_encoded_payload(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int status;
    } cases[] = {
        {"payload=%7B%7D", 202},
        {"a=b&payload=%7b%7D&c", 202},
        {"payload={}", 202},
        {"payload=%7B%7D&payload=%7B%7D", 400},
        {"payload=%7", 400},
        {"payload=%", 400},
        {"payload=%zz", 400},
        {"payload=%7B%0", 400},
        {"payload", 400},
        {"", 400},
        {"&&&", 400},
        {"xpayload=%7B%7D", 400},
        {"payload=", 400},
        {"payload=%00", 400},
    };
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        test_delivery delivery = {0};
        make(&delivery, cases[i].body);
        test_delivery_set_header(&delivery, "Content-Type", "application/x-www-form-urlencoded");
        test_delivery_set_header(&delivery, "X-GitHub-Event", "ping");
        assert_int_equal(read_status(test_sender("github"), &delivery), cases[i].status);
        test_delivery_done(&delivery);
    }
}

/* ---- Changed paths ---- */

static char *commits_of(size_t count, size_t paths)
{
    dd_auto(dd_buf) text = dd_buf_new();
    for (size_t i = 0; i < count; i++) {
        dd_buf_add_str(text, i == 0 ? "[" : ",");
        dd_buf_add_str(text, "{\"removed\":[],\"modified\":[],\"added\":[");
        for (size_t k = 0; k < paths; k++)
            dd_buf_printf(text, "%s\"p%zu\"", k == 0 ? "" : ",", k);
        dd_buf_add_str(text, "]}");
    }
    dd_buf_add_char(text, ']');
    return dd_buf_steal(text);
}

static void changed_paths_are_the_sorted_union_each_once(void **state)
{
    (void)state;
    dd_auto_str body =
        push_body(plain_flags, "[{\"added\":[\"z\",\"b\"],\"modified\":[\"a\"],\"removed\":[\"m\"]},"
                               "{\"added\":[],\"modified\":[\"z\"],\"removed\":[\"b\"]}]");
    dd_auto(dd_event) event = read_one(body);
    dd_auto_str joined = dd_strv_join(&event->changed_paths, " ");
    assert_true(event->paths_known);
    assert_string_equal(joined, "a b m z");
}

static void changed_paths_are_unknown_unless_the_list_is_surely_complete(void **state)
{
    (void)state;
    dd_auto_str many = commits_of(2048, 1);
    dd_auto_str long_list = commits_of(1, 3001);
    const struct {
        const char *flags, *commits;
        bool known;
    } cases[] = {
        {plain_flags, one_commit, true},
        {"\"created\":true,\"forced\":false", one_commit, true},
        {"\"created\":true,\"forced\":false", "[]", false},
        {plain_flags, "[]", false},
        {plain_flags, "null", false},
        {"\"forced\":true", one_commit, false},
        {"\"created\":false", one_commit, false}, /* nobody says that it was not forced */
        {plain_flags, many, false},
        {plain_flags, long_list, false},
        {plain_flags, "[{\"added\":[\"a\"],\"modified\":null,\"removed\":[]}]", false},
        {plain_flags, "[{\"added\":[\"a\\nb\"],\"modified\":[],\"removed\":[]}]", false},
    };
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto_str body = push_body(cases[i].flags, cases[i].commits);
        dd_auto(dd_event) event = read_one(body);
        assert_int_equal(event->paths_known, cases[i].known);
    }
    dd_auto_str just = commits_of(2047, 1);
    dd_auto_str body = push_body(plain_flags, just);
    dd_auto(dd_event) event = read_one(body);
    assert_true(event->paths_known);
    assert_int_equal(event->changed_paths.count, 1);
}

static void threat_31_text_cannot_leave_its_line_and_ids_are_only_ids(void **state)
{
    (void)state;
    test_delivery delivery = {0};
    int status = 0;
    dd_auto(dd_events) events = NULL;
    dd_auto_str body =
        dd_strdup("{\"ref\":\"refs/heads/a|b,c\",\"before\":\"" COMMIT_A "\",\"after\":\"" COMMIT_B
                  "\",\"forced\":false,\"commits\":[],\"head_commit\":{\"message\":\"*3\\t$5 \\u001b[2J"
                  "\\u0001x\\r\\n*1\\r\\n$4\"},\"repository\":{\"full_name\":\"org/app\",\"clone_url\":"
                  "\"https://github.com/org/app.git\"},\"sender\":{\"login\":\"a b\"}}");
    make(&delivery, body);
    test_delivery_set_header(&delivery, "X-GitHub-Delivery", "x\r\nXADD:{drydock}");
    assert_int_equal(dd_delivery_read(test_sender("github"), &delivery.delivery, &events, &status, NULL), 0);
    test_check_events(events);
    assert_string_equal(events->items[0]->message, "*3 $5  [2J x");
    assert_true(dd_str_starts(events->items[0]->delivery, "body-"));
    assert_null(events->items[0]->actor);
    assert_string_equal(events->items[0]->branch, "a|b,c");
    test_delivery_done(&delivery);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_vector_verifies),
        cmocka_unit_test(threat_27_a_signature_that_is_not_exactly_right_gets_401),
        cmocka_unit_test(threat_27_an_absent_or_repeated_signature_gets_401),
        cmocka_unit_test(any_of_several_secrets_verifies_so_that_they_can_be_rotated),
        cmocka_unit_test(threat_28_an_empty_key_verifies_nothing),
        cmocka_unit_test(threat_26_no_refusal_says_what_was_expected),
        cmocka_unit_test(a_repeated_header_that_is_read_gets_400),
        cmocka_unit_test(only_the_content_types_that_github_sends_are_read),
        cmocka_unit_test(a_form_must_hold_one_well_encoded_payload),
        cmocka_unit_test(changed_paths_are_the_sorted_union_each_once),
        cmocka_unit_test(changed_paths_are_unknown_unless_the_list_is_surely_complete),
        cmocka_unit_test(threat_31_text_cannot_leave_its_line_and_ids_are_only_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
