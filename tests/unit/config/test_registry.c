/* What can be said of registries without one: challenges, and the reach of addresses. */
#include "config/registry/challenge.h"
#include "config/registry/reach.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void challenges_are_read_in_every_form_that_registries_send(void **state)
{
    (void)state;
    static const struct {
        const char *value, *realm, *service;
        bool basic, bearer;
    } cases[] = {
        {"Bearer realm=\"https://auth.example/token\",service=\"r.example\",scope=\"repository:a:pull,push\"",
         "https://auth.example/token", "r.example", false, true},
        {"bearer service=\"r\", realm=\"https://a/t\"", "https://a/t", "r", false, true},
        {"Bearer realm=https://a/t", "https://a/t", NULL, false, true},
        {"Bearer  realm = \"https://a/t\" , x=y", "https://a/t", NULL, false, true},
        {"Basic realm=\"test\"", NULL, NULL, true, false},
        {"Basic", NULL, NULL, true, false},
        {"Basic realm=\"a\", Bearer realm=\"https://a/t\",service=\"s\"", "https://a/t", "s", true, true},
        {"Bearer realm=\"https://a/t\", Basic realm=\"b\"", "https://a/t", NULL, true, true},
        {"Bearer realm=\"first\", Bearer realm=\"second\"", "first", NULL, false, true},
        {"Bearer realm=\"a\\\"b\\\\c\"", "a\"b\\c", NULL, false, true},
        {"Bearer realm=\"first\",realm=\"second\"", "first", NULL, false, true},
        {"Negotiate, Bearer realm=\"x\"", "x", NULL, false, true},
        {"", NULL, NULL, false, false},
    };
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_challenge challenge = {0};
        if (dd_challenge_read(cases[i].value, &challenge, NULL) < 0)
            fail_msg("refused: %s", cases[i].value);
        if (!dd_str_eq(challenge.realm, cases[i].realm) || !dd_str_eq(challenge.service, cases[i].service) ||
            challenge.basic != cases[i].basic || challenge.bearer != cases[i].bearer)
            fail_msg("%s: realm %s, service %s", cases[i].value, challenge.realm, challenge.service);
        dd_challenge_done(&challenge);
    }
}

static void challenges_of_another_form_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "Bearer realm=\"open",     "Bearer realm=", "Bearer realm=\"a\\", "=x", "Bearer @",
        "Bearer realm=\"a\" \"b\""};
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_challenge challenge = {0};
        if (dd_challenge_read(cases[i], &challenge, NULL) == 0)
            fail_msg("taken: %s", cases[i]);
        dd_challenge_done(&challenge);
    }
}

static void threat_35_addresses_are_told_apart_by_how_far_they_reach(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        dd_reach reach;
    } cases[] = {
        {"8.8.8.8", DD_REACH_WORLD},
        {"127.0.0.1", DD_REACH_PRIVATE},
        {"127.255.0.1", DD_REACH_PRIVATE},
        {"10.1.2.3", DD_REACH_PRIVATE},
        {"172.15.0.1", DD_REACH_WORLD},
        {"172.16.0.1", DD_REACH_PRIVATE},
        {"172.31.255.255", DD_REACH_PRIVATE},
        {"172.32.0.0", DD_REACH_WORLD},
        {"192.168.0.1", DD_REACH_PRIVATE},
        {"100.64.0.1", DD_REACH_PRIVATE},
        {"169.254.169.254", DD_REACH_NEVER},
        {"0.0.0.0", DD_REACH_NEVER},
        {"224.0.0.1", DD_REACH_NEVER},
        {"255.255.255.255", DD_REACH_NEVER},
        {"::1", DD_REACH_PRIVATE},
        {"::", DD_REACH_NEVER},
        {"fd00::1", DD_REACH_PRIVATE},
        {"fe80::1", DD_REACH_NEVER},
        {"2001:4860:4860::8888", DD_REACH_WORLD},
        {"::ffff:127.0.0.1", DD_REACH_PRIVATE},
        {"::ffff:169.254.169.254", DD_REACH_NEVER},
        {"ff02::1", DD_REACH_NEVER},
        {"64:ff9b::7f00:1", DD_REACH_NEVER},
        {"example.com", DD_REACH_NEVER},
    };
    for (size_t i = 0; i < DD_COUNT(cases); i++)
        if (dd_address_text_reach(cases[i].address) != cases[i].reach)
            fail_msg("%s", cases[i].address);
    assert_int_equal(dd_address_text_reach(NULL), DD_REACH_NEVER);
}

static void names_that_no_image_has_are_never_asked_for(void **state)
{
    (void)state;
    char host[] = "registry.invalid";
    const dd_registry_settings registry = {.host = host};
    static const struct {
        const char *repository, *tag;
    } cases[] = {{"a/../b", "1"}, {"a", "../../x"}, {"a", "1?x=y"}, {"A", "1"},
                 {"a b", "1"},    {"", "1"},        {"a", ""}};
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto_str digest = NULL;
        dd_auto(dd_error) why = NULL;
        assert_int_equal(dd_registry_digest(&registry, cases[i].repository, cases[i].tag, &digest, &why), -1);
        assert_int_equal(why->code, DD_ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(challenges_are_read_in_every_form_that_registries_send),
        cmocka_unit_test(challenges_of_another_form_are_refused),
        cmocka_unit_test(threat_35_addresses_are_told_apart_by_how_far_they_reach),
        cmocka_unit_test(names_that_no_image_has_are_never_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
