/* What senders prove themselves with: each way, several values of one, several ways at once, and none. */
#include "tests/support/deliveries.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID    "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define AT_S  1614265330
#define BODY  "{\"test\": 2432232314}"
#define KEY   "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define RIGHT "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

static char old_value[] = "old value", new_value[] = "new value", header_name[] = "X-Token",
            user[] = "drydock";
static char *both[] = {old_value, new_value, NULL};
static const dd_strv two = {both, 2, 3};

static int check_one(dd_sender_settings *sender, dd_error **err)
{
    const dd_settings settings = {.senders = sender, .sender_count = 1};
    return dd_senders_check(&settings, err);
}

static bool proves(const dd_sender_settings *settings, const test_delivery *delivery)
{
    dd_auto(dd_error) why = NULL;
    int result = dd_sender_verify(settings, &delivery->delivery, &why);
    assert_true(result == 0 || why->code == DD_ERR_DENIED);
    for (size_t i = 0; why && i < two.count; i++) /* no refusal says what was expected */
        assert_null(strstr(why->message, two.items[i]));
    return result == 0;
}

/* One header, or none (NULL). */
static bool header_proves(const dd_sender_settings *settings, const char *name, const char *value)
{
    test_delivery delivery = {0};
    test_delivery_body(&delivery, "{}", 2);
    if (name)
        test_delivery_header(&delivery, name, value);
    bool good = proves(settings, &delivery);
    test_delivery_done(&delivery);
    return good;
}

/* ---- auth ---- */

static void any_of_a_headers_values_proves_so_that_they_can_be_rotated(void **state)
{
    dd_sender_settings settings = *test_sender("github");
    (void)state;
    settings.secrets = (dd_strv){0};
    settings.auth_header = header_name;
    settings.auth_values = two;
    assert_int_equal(check_one(&settings, NULL), 0);
    assert_int_equal(dd_sender_trust(&settings), DD_TRUST_BEARER);
    assert_true(header_proves(&settings, "x-token", "old value"));
    assert_true(header_proves(&settings, "X-Token", "new value"));
    assert_false(header_proves(&settings, "X-Token", "new value "));
    assert_false(header_proves(&settings, "X-Token", ""));
    assert_false(header_proves(&settings, "Authorization", "new value"));
    assert_false(header_proves(&settings, NULL, NULL));
}

static char *basic(const char *pair)
{
    dd_auto_str text = dd_base64_encode(pair, strlen(pair));
    return dd_sprintf("Basic %s", text);
}

static void a_name_and_a_password_prove_together(void **state)
{
    static const struct {
        const char *pair;
        bool good;
    } cases[] = {{"drydock:old value", true}, {"drydock:new value", true},
                 {"drydock:", false},         {"hook:new value", false},
                 {":new value", false},       {"drydock:new value:", false},
                 {"drydock", false},          {"", false}};
    dd_sender_settings settings = *test_sender("azure-devops");
    (void)state;
    settings.secrets = (dd_strv){0};
    settings.auth_username = user;
    settings.auth_passwords = two;
    assert_int_equal(check_one(&settings, NULL), 0);
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto_str value = basic(cases[i].pair);
        assert_int_equal(header_proves(&settings, "Authorization", value), cases[i].good);
        dd_auto_str other = dd_sprintf("BASIC %s", value + strlen("Basic "));
        assert_int_equal(header_proves(&settings, "Authorization", other), cases[i].good);
        assert_false(header_proves(&settings, "Authorization", value + strlen("Basic ")));
    }
}

/* Azure's subscriptions have a name that nobody looks at, where only a secret is set. */
static void a_secret_is_azures_password_whoever_the_name_says(void **state)
{
    dd_sender_settings settings = *test_sender("azure-devops");
    (void)state;
    settings.secrets = two;
    static const struct {
        const char *pair;
        bool good;
    } cases[] = {{"a:old value", true}, {":new value", true}, {"a:b:new value", false}, {"new value", false}};
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto_str value = basic(cases[i].pair);
        assert_int_equal(header_proves(&settings, "Authorization", value), cases[i].good);
    }
    assert_false(header_proves(&settings, "Authorization", "Basic bmV3IHZhbHVl!"));
    assert_false(header_proves(&settings, "Authorization", "Basic "));
}

static void a_token_in_the_address_proves_by_its_whole_value(void **state)
{
    static const char *const wrong[] = {NULL, "", "new value ", "new", "new valuf"};
    dd_sender_settings settings = *test_sender("gitlab");
    test_delivery delivery = {0};
    (void)state;
    settings.secrets = (dd_strv){0};
    settings.auth_url_tokens = two;
    assert_int_equal(check_one(&settings, NULL), 0);
    assert_int_equal(dd_sender_trust(&settings), DD_TRUST_PATH);
    test_delivery_body(&delivery, "{}", 2);
    for (size_t i = 0; i < DD_COUNT(wrong); i++) {
        delivery.delivery.url_token = wrong[i];
        assert_false(proves(&settings, &delivery));
    }
    delivery.delivery.url_token = "old value";
    assert_true(proves(&settings, &delivery));
    test_delivery_done(&delivery);
}

static void everything_that_is_asked_for_must_hold(void **state)
{
    dd_sender_settings settings = *test_sender("github");
    test_delivery delivery = {0};
    (void)state;
    settings.auth_header = header_name;
    settings.auth_values = two;
    assert_int_equal(dd_sender_trust(&settings), DD_TRUST_SIGNED);
    test_delivery_body(&delivery, "{}", 2);
    test_delivery_prove(&delivery, "github");
    assert_false(proves(&settings, &delivery));
    test_delivery_header(&delivery, "X-Token", "new value");
    assert_true(proves(&settings, &delivery));
    test_delivery_body(&delivery, "{ }", 3);
    assert_false(proves(&settings, &delivery));
    test_delivery_done(&delivery);
}

static void threat_29_none_must_be_written_out_and_stands_alone(void **state)
{
    dd_auto(dd_error) why = NULL;
    dd_sender_settings settings = *test_sender("gitea");
    (void)state;
    settings.secrets = (dd_strv){0};
    assert_false(header_proves(&settings, NULL, NULL));
    assert_int_equal(check_one(&settings, NULL), -1);
    settings.auth_none = true;
    assert_int_equal(check_one(&settings, NULL), 0); /* and warns */
    assert_int_equal(dd_sender_trust(&settings), DD_TRUST_NONE);
    assert_string_equal(dd_trust_name(dd_sender_trust(&settings)), "none");
    assert_true(header_proves(&settings, NULL, NULL));
    settings.secrets = two;
    assert_int_equal(check_one(&settings, &why), -1);
    assert_non_null(strstr(why->message, "auth: none"));
    assert_false(
        header_proves(&settings, NULL, NULL)); /* the secret is asked for, whatever else is written */
}

static void threat_28_an_empty_value_is_refused_at_the_start_and_proves_nothing(void **state)
{
    static char blank[] = " \t";
    static char *one[] = {blank, NULL};
    static const dd_strv empty = {one, 1, 2};
    (void)state;
    for (int way = 0; way < 3; way++) {
        dd_sender_settings settings = *test_sender("bitbucket");
        settings.secrets = (dd_strv){0};
        settings.auth_header = header_name;
        settings.auth_username = way == 1 ? user : NULL;
        *(way == 0   ? &settings.auth_values
          : way == 1 ? &settings.auth_passwords
                     : &settings.auth_url_tokens) = empty;
        assert_int_equal(check_one(&settings, NULL), -1);
        test_delivery delivery = {0};
        dd_auto_str value = basic("drydock: \t");
        test_delivery_body(&delivery, "{}", 2);
        test_delivery_header(&delivery, "X-Token", blank);
        test_delivery_header(&delivery, "Authorization", value);
        delivery.delivery.url_token = blank;
        assert_false(proves(&settings, &delivery));
        test_delivery_done(&delivery);
    }
}

static void what_proves_a_delivery_is_not_kept_with_it(void **state)
{
    static const char *const secret[] = {
        "authorization",     "X-GITLAB-TOKEN", "X-Hub-Signature", "X-Hub-Signature-256",
        "webhook-signature", "x-token",        "Cookie"};
    dd_sender_settings settings = *test_sender("gitlab");
    (void)state;
    settings.auth_header = header_name;
    for (size_t i = 0; i < DD_COUNT(secret); i++)
        assert_true(dd_sender_header_is_secret(&settings, secret[i]));
    assert_false(dd_sender_header_is_secret(&settings, "X-Gitlab-Event"));
    assert_false(dd_sender_header_is_secret(&settings, "webhook-id"));
}

/* ---- The head alone ---- */

static void threat_02_a_head_that_no_body_could_make_good_is_refused_by_itself(void **state)
{
    static const struct {
        const char *kind, *header, *value;
        bool may_be;
    } cases[] = {
        {"github", "X-Hub-Signature-256", "sha256=short", false},
        {"github", "X-Hub-Signature-256",
         "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", true},
        {"gitea", "X-Gitea-Signature", "", false},
        {"gitea", "X-Gitea-Signature", "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
         true},
        {"gitlab", "X-Gitlab-Token", "wrong", false},
        {"gitlab", "X-Gitlab-Token", TEST_GITHUB_SECRET, true},
        {"distribution", "Authorization", "Bearer x", false},
        {"distribution", "Authorization", TEST_DISTRIBUTION_HEADER, true},
        {"standard-webhooks", "webhook-signature", RIGHT, false}, /* without id and time */
    };
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        test_delivery delivery = {0};
        test_delivery_header(&delivery, cases[i].header, cases[i].value);
        delivery.delivery.head_only = true;
        assert_int_equal(proves(test_sender(cases[i].kind), &delivery), cases[i].may_be);
        test_delivery_done(&delivery);
    }
}

/* ---- Standard Webhooks ---- */

static char shared_key[] = KEY, public_key[] = "whpk_SzE3nKvULcVVUI9s3GeWXxPrkSzk1nF38gUAhOfg8BA=";
static char *published[] = {shared_key, NULL};

static bool signature_proves(const char *id, const char *at, const char *list, int64_t now_s)
{
    dd_sender_settings settings = *test_sender("standard-webhooks");
    test_delivery delivery = {0};
    settings.secrets = (dd_strv){published, 1, 2};
    assert_int_equal(check_one(&settings, NULL), 0);
    test_delivery_body(&delivery, BODY, strlen(BODY));
    delivery.delivery.at_ms = now_s * 1000 + 999;
    test_delivery_header(&delivery, "webhook-id", id);
    test_delivery_header(&delivery, "webhook-timestamp", at);
    test_delivery_header(&delivery, "Webhook-Signature", list);
    bool good = proves(&settings, &delivery);
    test_delivery_done(&delivery);
    return good;
}

static void the_published_vector_of_standard_webhooks_verifies(void **state)
{
    (void)state;
    assert_true(signature_proves(ID, "1614265330", RIGHT, AT_S));
    assert_true(signature_proves(ID, "1614265330", "v1a,AAAA v1,AAAA " RIGHT, AT_S));
    assert_true(signature_proves(ID, "1614265330", "  " RIGHT " ", AT_S));
    assert_false(signature_proves(ID, "1614265330", "", AT_S));
    assert_false(signature_proves(ID, "1614265330", "v1," RIGHT, AT_S));
    assert_false(
        signature_proves(ID, "1614265330", "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", AT_S));
    assert_false(signature_proves(ID, "1614265330", "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", AT_S));
    assert_false(signature_proves(ID "x", "1614265330", RIGHT, AT_S));
    assert_false(signature_proves("", "1614265330", RIGHT, AT_S));
}

/* The same message, signed by a key that was made for this test and thrown away. */
static void a_signature_by_a_public_keys_owner_verifies(void **state)
{
    static const char by_owner[] =
        "v1a,tkZUNEvAAiD17ao7DwN2fnWJCDI+cvUK3yx4Dzp95mhcjoBaTGqvrj6bmoE2qZ4eqC5kbE6QZ6NC0kX9wnNiBA==";
    (void)state;
    assert_false(signature_proves(ID, "1614265330", by_owner, AT_S));
    published[0] = public_key;
    dd_auto_str among = dd_sprintf("%s v1a,AAAA %s", RIGHT, by_owner);
    assert_true(signature_proves(ID, "1614265330", by_owner, AT_S));
    assert_true(signature_proves(ID, "1614265330", among, AT_S));
    assert_false(signature_proves(ID, "1614265330", RIGHT, AT_S));
    assert_false(signature_proves(ID "x", "1614265330", by_owner, AT_S));
    assert_false(signature_proves(ID, "1614265330", "v1a,", AT_S));
    assert_false(signature_proves(ID, "1614265330", "v1a", AT_S));
    published[0] = shared_key;
}

static void a_signed_time_holds_for_five_minutes_either_way(void **state)
{
    (void)state;
    assert_true(signature_proves(ID, "1614265330", RIGHT, AT_S + 300));
    assert_true(signature_proves(ID, "1614265330", RIGHT, AT_S - 300));
    assert_false(signature_proves(ID, "1614265330", RIGHT, AT_S + 301));
    assert_false(signature_proves(ID, "1614265330", RIGHT, AT_S - 301));
    /* Read as the number it would be, but it is not what was signed; or no number at all. */
    assert_false(signature_proves(ID, "01614265330", RIGHT, AT_S));
    assert_false(signature_proves(ID, "1614265330.0", RIGHT, AT_S));
    assert_false(signature_proves(ID, "-1", RIGHT, AT_S));
    assert_false(signature_proves(ID, "9999999999999999999999", RIGHT, AT_S));
    assert_false(signature_proves(ID, "", RIGHT, AT_S));
}

static void a_secret_that_is_no_signing_key_is_refused_at_the_start(void **state)
{
    static char short_key[] = "whsec_bmV3", plain[] = "just words", broken[] = "whsec_%%%";
    static const struct {
        const char *kind;
        char *secret;
        int result;
    } cases[] = {
        {"standard-webhooks", short_key, -1},
        {"standard-webhooks", plain, -1},
        {"standard-webhooks", broken, -1},
        {"gitlab", short_key, 0},
        {"gitlab", plain, 0},
        {"gitlab", broken, -1},
    };
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        char *secrets[] = {cases[i].secret, NULL};
        dd_sender_settings settings = *test_sender(cases[i].kind);
        settings.secrets = (dd_strv){secrets, 1, 2};
        assert_int_equal(check_one(&settings, NULL), cases[i].result);
    }
}

/* ---- GitLab's two ---- */

static void a_token_and_a_signing_token_are_told_apart(void **state)
{
    static char key[] = TEST_SIGNING_KEY, token[] = TEST_GITHUB_SECRET;
    char *keys[] = {key, NULL}, *tokens[] = {token, NULL};
    dd_sender_settings settings = *test_sender("gitlab");
    test_delivery delivery = {0};
    (void)state;
    assert_int_equal(dd_sender_trust(&settings), DD_TRUST_BEARER); /* a token is enough */
    settings.secrets = (dd_strv){keys, 1, 2};
    assert_int_equal(dd_sender_trust(&settings), DD_TRUST_SIGNED);
    assert_false(header_proves(&settings, "X-Gitlab-Token", TEST_GITHUB_SECRET));
    assert_false(header_proves(&settings, "X-Gitlab-Token", TEST_SIGNING_KEY));
    test_delivery_body(&delivery, "{}", 2);
    test_delivery_header(&delivery, "webhook-id", "msg_1");
    test_delivery_header(&delivery, "webhook-timestamp", "1764000000");
    test_delivery_prove(&delivery, "gitlab");
    test_delivery_header(&delivery, "X-Gitlab-Token", "of somebody else's making");
    assert_true(proves(&settings, &delivery)); /* no token is known: it is not looked at */
    settings.secrets = (dd_strv){tokens, 1, 2};
    assert_false(proves(&settings, &delivery)); /* no key is known: the signature says nothing */
    test_delivery_done(&delivery);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_of_a_headers_values_proves_so_that_they_can_be_rotated),
        cmocka_unit_test(a_name_and_a_password_prove_together),
        cmocka_unit_test(a_secret_is_azures_password_whoever_the_name_says),
        cmocka_unit_test(a_token_in_the_address_proves_by_its_whole_value),
        cmocka_unit_test(everything_that_is_asked_for_must_hold),
        cmocka_unit_test(threat_29_none_must_be_written_out_and_stands_alone),
        cmocka_unit_test(threat_28_an_empty_value_is_refused_at_the_start_and_proves_nothing),
        cmocka_unit_test(what_proves_a_delivery_is_not_kept_with_it),
        cmocka_unit_test(threat_02_a_head_that_no_body_could_make_good_is_refused_by_itself),
        cmocka_unit_test(the_published_vector_of_standard_webhooks_verifies),
        cmocka_unit_test(a_signature_by_a_public_keys_owner_verifies),
        cmocka_unit_test(a_signed_time_holds_for_five_minutes_either_way),
        cmocka_unit_test(a_secret_that_is_no_signing_key_is_refused_at_the_start),
        cmocka_unit_test(a_token_and_a_signing_token_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
