/* The digest of a tag, asked at a real docker-registry and at ones that answer what no good registry would.
 */
#include "tests/support/registry.h"
#include "triggers/triggers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DIGEST "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static char *temporary_directory(void)
{
    char path[] = "/tmp/drydock-test.XXXXXX";
    assert_non_null(mkdtemp(path));
    return dd_strdup(path);
}

/* ---- A real registry ---- */

static char user[] = TEST_REGISTRY_USER, password[] = TEST_REGISTRY_PASSWORD, wrong[] = "wrong";

static dd_code digest_code(const dd_registry_settings *settings, const char *repository, const char *tag)
{
    dd_auto_str digest = NULL;
    dd_auto(dd_error) why = NULL;
    assert_int_equal(dd_registry_digest(settings, repository, tag, &digest, &why), -1);
    assert_null(strstr(why->message, password));
    return why->code;
}

static void assert_digest(const dd_registry_settings *settings, const char *repository, const char *tag,
                          const char *expected)
{
    dd_auto_str digest = NULL;
    dd_auto(dd_error) why = NULL;
    if (dd_registry_digest(settings, repository, tag, &digest, &why) < 0)
        fail_msg("%s", why->message);
    assert_string_equal(digest, expected);
}

static void the_digest_is_what_the_tag_points_to_now(void **state)
{
    (void)state;
    test_registry registry;
    dd_auto_str directory = temporary_directory();
    test_registry_start(&registry, directory, (test_registry_options){0});
    const dd_registry_settings settings = {.host = registry.host, .plain_http = true};
    dd_auto_str one = test_registry_push(&registry, "team/base", "1", "one");
    assert_digest(&settings, "team/base", "1", one);
    dd_auto_str two = test_registry_push(&registry, "team/base", "1", "two");
    assert_string_not_equal(one, two);
    assert_digest(&settings, "team/base", "1", two);
    assert_int_equal(digest_code(&settings, "team/base", "2"), DD_ERR_NOT_FOUND);
    assert_int_equal(digest_code(&settings, "team/none", "1"), DD_ERR_NOT_FOUND);
    test_registry_stop(&registry);
    assert_int_equal(dd_remove_tree(directory, NULL), 0);
}

static void a_registry_with_password_and_private_ca_answers_only_the_right_ones(void **state)
{
    (void)state;
    test_registry registry;
    dd_auto_str directory = temporary_directory();
    test_registry_start(&registry, directory, (test_registry_options){.tls = true, .password = true});
    dd_auto_str digest = test_registry_push(&registry, "base", "1", "one");
    dd_registry_settings settings = {
        .host = registry.host, .username = user, .password = password, .ca_file = registry.ca_file};
    assert_digest(&settings, "base", "1", digest);
    settings.password = wrong;
    assert_int_equal(digest_code(&settings, "base", "1"), DD_ERR_DENIED);
    settings.username = NULL;
    assert_int_equal(digest_code(&settings, "base", "1"), DD_ERR_DENIED);
    settings.username = user;
    settings.password = password;
    settings.ca_file = NULL; /* a certificate that nobody we know signed */
    assert_int_equal(digest_code(&settings, "base", "1"), DD_ERR_UNAVAILABLE);
    test_registry_stop(&registry);
    assert_int_equal(dd_remove_tree(directory, NULL), 0);
}

static void a_registry_that_is_away_is_unavailable(void **state)
{
    (void)state;
    char host[] = "127.0.0.1:1";
    const dd_registry_settings settings = {.host = host, .plain_http = true};
    assert_int_equal(digest_code(&settings, "base", "1"), DD_ERR_UNAVAILABLE);
}

/* ---- One that answers what is written here ---- */

static char *plain_answer(const char *head, void *context)
{
    (void)head;
    return dd_strdup(context);
}

static void answers_that_are_none_are_errors_of_the_right_kind(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        dd_code code;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nDocker-Content-Digest: sha256:1\r\n\r\n", DD_ERR_INVALID},
        {"HTTP/1.1 200 OK\r\nDocker-Content-Digest: " DIGEST "\r\nDocker-Content-Digest: " DIGEST "\r\n\r\n",
         DD_ERR_INVALID},
        {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/v2/\r\n\r\n", DD_ERR_DENIED},
        {"HTTP/1.1 307 Found\r\nLocation: https://example.com/\r\n\r\n", DD_ERR_DENIED},
        {"HTTP/1.1 302 Found\r\n\r\n", DD_ERR_DENIED},
        {"HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n", DD_ERR_UNAVAILABLE},
        {"HTTP/1.1 403 No\r\n\r\n", DD_ERR_DENIED},
        {"HTTP/1.1 429 Slow\r\n\r\n", DD_ERR_UNAVAILABLE},
        {"HTTP/1.1 500 Oops\r\n\r\n", DD_ERR_UNAVAILABLE},
        {"HTTP/1.1 401 Who\r\n\r\n", DD_ERR_DENIED},
        {"HTTP/1.1 401 Who\r\nWWW-Authenticate: Bearer realm=\"open\r\n\r\n", DD_ERR_DENIED},
        {"HTTP/1.1 401 Who\r\nWWW-Authenticate: Bearer realm=\"ftp://x/\"\r\n\r\n", DD_ERR_DENIED},
        {"HTTP/1.1 401 Who\r\nWWW-Authenticate: Bearer realm=\"http://u:p@x/\"\r\n\r\n", DD_ERR_DENIED},
        {"HTTP/1.1 401 Who\r\nWWW-Authenticate: Bearer realm=\"http://example.com/token\"\r\n\r\n",
         DD_ERR_DENIED},
        {"HTTP/1.1 401 Who\r\nWWW-Authenticate: Bearer realm=\"file:///etc/passwd\"\r\n\r\n", DD_ERR_DENIED},
        {"nonsense", DD_ERR_UNAVAILABLE},
        {"", DD_ERR_UNAVAILABLE},
        {"HTTP/1.1 200 OK\r\n@endless", DD_ERR_LIMIT},
    };
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto_str text = dd_strdup(cases[i].answer);
        test_answers *answers = test_answers_start(plain_answer, text);
        dd_auto_str host = dd_strdup(test_answers_host(answers));
        const dd_registry_settings settings = {
            .host = host, .plain_http = true, .username = user, .password = password};
        dd_code code = digest_code(&settings, "base", "1");
        if (code != cases[i].code)
            print_error("%s\n", cases[i].answer);
        assert_int_equal(code, cases[i].code);
        assert_true(test_answers_count(answers) <= 6);
        test_answers_stop(answers);
    }
}

static char *without_digest(const char *head, void *context)
{
    (void)context;
    assert_non_null(strstr(head, "Accept: application/vnd.oci.image.index.v1+json, "));
    return dd_strdup(dd_str_starts(head, "HEAD ") ? "HTTP/1.1 200 OK\r\n\r\n"
                                                  : "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
}

static void a_registry_that_leaves_the_digest_out_is_asked_for_the_bytes(void **state)
{
    (void)state;
    test_answers *answers = test_answers_start(without_digest, NULL);
    dd_auto_str host = dd_strdup(test_answers_host(answers));
    const dd_registry_settings settings = {.host = host, .plain_http = true};
    assert_digest(&settings, "base", "1",
                  "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    test_answers_stop(answers);
}

static char *endless_body(const char *head, void *context)
{
    (void)context;
    return dd_strdup(dd_str_starts(head, "HEAD ") ? "HTTP/1.1 200 OK\r\n\r\n"
                                                  : "HTTP/1.1 200 OK\r\n\r\n@endless");
}

static void threat_15_an_endless_body_is_cut_off(void **state)
{
    (void)state;
    test_answers *answers = test_answers_start(endless_body, NULL);
    dd_auto_str host = dd_strdup(test_answers_host(answers));
    const dd_registry_settings settings = {.host = host, .plain_http = true};
    assert_int_equal(digest_code(&settings, "base", "1"), DD_ERR_LIMIT);
    test_answers_stop(answers);
}

/* ---- Tokens ---- */

typedef struct token_service {
    char *host;
    const char *answer; /* of the token's address */
    bool saw_password, saw_scope;
} token_service;

static char *token_answers(const char *head, void *context)
{
    token_service *service = context;
    if (dd_str_starts(head, "GET /token?")) {
        service->saw_password = strstr(head, "Authorization: Basic Y2k6czNjcmV0\r\n") != NULL;
        service->saw_scope =
            strcasestr(head, "?x=1&service=a+b&scope=repository%3Abase%3Apull HTTP/1.1\r\n") != NULL;
        return dd_sprintf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(service->answer),
                          service->answer);
    }
    if (strstr(head, "Authorization: Bearer t0k-en\r\n"))
        return dd_strdup("HTTP/1.1 200 OK\r\nDocker-Content-Digest: " DIGEST "\r\n\r\n");
    return dd_sprintf("HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic realm=\"x\"\r\nWWW-Authenticate: Bearer "
                      "realm=\"http://%s/token?x=1\",service=\"a b\",scope=\"repository:*:push\"\r\n\r\n",
                      service->host);
}

static dd_code with_token(const char *answer, token_service *service)
{
    *service = (token_service){.answer = answer};
    test_answers *answers = test_answers_start(token_answers, service);
    service->host = dd_strdup(test_answers_host(answers));
    const dd_registry_settings settings = {
        .host = service->host, .plain_http = true, .username = user, .password = password};
    dd_auto_str digest = NULL;
    dd_auto(dd_error) why = NULL;
    int result = dd_registry_digest(&settings, "base", "1", &digest, &why);
    test_answers_stop(answers);
    free(service->host);
    return result == 0 ? 0 : why->code;
}

static void a_token_is_fetched_for_pulling_that_repository_alone(void **state)
{
    (void)state;
    token_service service;
    assert_int_equal(with_token("{\"token\":\"t0k-en\"}", &service), 0);
    assert_true(service.saw_password && service.saw_scope);
    assert_int_equal(with_token("{\"access_token\":\"t0k-en\",\"expires_in\":60}", &service), 0);
}

static void tokens_that_are_none_end_the_question(void **state)
{
    (void)state;
    token_service service;
    static const char *const none[] = {"{}", "{\"token\":\"\"}", "{\"token\":\"a\\r\\nX-Evil: 1\"}",
                                       "{\"token\":\"a b\"}", "{\"token\":\"refused\"}"};
    for (size_t i = 0; i < DD_COUNT(none); i++)
        assert_int_equal(with_token(none[i], &service), DD_ERR_DENIED);
    assert_int_equal(with_token("no JSON", &service), DD_ERR_INVALID);
    assert_int_equal(with_token("{\"token\":7}", &service), DD_ERR_INVALID);
}

/* Where another host is named without https, nobody is asked and nothing is told. */
static char *points_elsewhere(const char *head, void *context)
{
    (void)head;
    return dd_sprintf("HTTP/1.1 401 Who\r\nWWW-Authenticate: Bearer realm=\"http://%s/token\"\r\n\r\n",
                      (const char *)context);
}

static void threat_12_credentials_go_to_no_other_host(void **state)
{
    (void)state;
    test_answers *other = test_answers_start(plain_answer, (void *)(uintptr_t) "HTTP/1.1 200 OK\r\n\r\n");
    dd_auto_str elsewhere = dd_strdup(test_answers_host(other));
    test_answers *answers = test_answers_start(points_elsewhere, elsewhere);
    dd_auto_str host = dd_strdup(test_answers_host(answers));
    const dd_registry_settings settings = {
        .host = host, .plain_http = true, .username = user, .password = password};
    assert_int_equal(digest_code(&settings, "base", "1"), DD_ERR_DENIED);
    assert_int_equal(test_answers_count(other), 0);
    test_answers_stop(answers);
    test_answers_stop(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_digest_is_what_the_tag_points_to_now),
        cmocka_unit_test(a_registry_with_password_and_private_ca_answers_only_the_right_ones),
        cmocka_unit_test(a_registry_that_is_away_is_unavailable),
        cmocka_unit_test(answers_that_are_none_are_errors_of_the_right_kind),
        cmocka_unit_test(a_registry_that_leaves_the_digest_out_is_asked_for_the_bytes),
        cmocka_unit_test(threat_15_an_endless_body_is_cut_off),
        cmocka_unit_test(a_token_is_fetched_for_pulling_that_repository_alone),
        cmocka_unit_test(tokens_that_are_none_end_the_question),
        cmocka_unit_test(threat_12_credentials_go_to_no_other_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
