/* Jobs and results go through JSON unchanged, and what is none is refused. */
#include "runner/runner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void a_job_comes_back_as_it_was(void **state)
{
    static const char full[] =
        "{\"run\":\"ca1\",\"task\":\"hello\",\"trigger\":\"commit\",\"directory\":\"/d/ca1\",\"mirrors\":\"/"
        "d/m\","
        "\"clone_url\":\"https://h/o/r\",\"commit\":\"c0ffee\",\"ref\":\"refs/heads/"
        "main\",\"branch\":\"main\","
        "\"git_tag\":\"v1\",\"folder\":\"src\",\"forge_username\":\"u\",\"forge_token\":\"t\\u00fc\","
        "\"forge_ca_file\":\"/ca\",\"forge_plain_http\":true,\"local_context\":\"/l\",\"file\":\"f.yaml\","
        "\"values\":\"{\\\"a\\\":1}\",\"sets\":[\"a=b\",\"c=\"],\"registry\":\"r\",\"engine\":\"podman\","
        "\"timeout_s\":3600,\"log_max_bytes\":1048576,\"grace_s\":10,\"max_parallel\":4,"
        "\"logins\":[{\"host\":\"r\",\"username\":\"u\",\"password\":\"p\",\"ca_file\":\"/"
        "c\",\"plain_http\":false},"
        "{\"host\":\"s\",\"plain_http\":true}]}";
    dd_auto(dd_job) job = NULL;
    dd_auto_str text = NULL;

    (void)state;
    assert_int_equal(dd_job_from_json(full, strlen(full), &job, NULL), 0);
    assert_string_equal(job->forge_token, "t\xC3\xBC");
    assert_true(job->forge_plain_http);
    assert_int_equal(job->sets.count, 2);
    assert_int_equal(job->login_count, 2);
    assert_null(job->logins[1].username);
    assert_true(job->logins[1].plain_http);
    assert_int_equal(job->timeout_s, 3600);
    text = dd_job_to_json(job);
    dd_auto(dd_job) again = NULL;
    assert_int_equal(dd_job_from_json(text, strlen(text), &again, NULL), 0);
    dd_auto_str second = dd_job_to_json(again);
    assert_string_equal(text, second);
}

static void a_result_comes_back_as_it_was(void **state)
{
    static const char full[] =
        "{\"state\":\"Failed\",\"message\":\"why\",\"commit\":\"c\",\"dependencies\":\"[]\","
        "\"images\":[{\"reference\":\"r/a:1\",\"digest\":\"sha256:x\"},{\"reference\":\"r/b:1\"}],"
        "\"bases\":[{\"reference\":\"r/c:1\",\"digest\":\"sha256:y\",\"runtime\":true}]}";
    dd_auto(dd_run_result) result = NULL;

    (void)state;
    assert_int_equal(dd_run_result_from_json(full, strlen(full), &result, NULL), 0);
    assert_int_equal(result->state, DD_RUN_FAILED);
    assert_int_equal(result->image_count, 2);
    assert_null(result->images[1].digest);
    assert_true(result->bases[0].runtime);
    dd_auto_str text = dd_run_result_to_json(result);
    dd_auto(dd_run_result) again = NULL;
    assert_int_equal(dd_run_result_from_json(text, strlen(text), &again, NULL), 0);
    dd_auto_str second = dd_run_result_to_json(again);
    assert_string_equal(text, second);
}

static void what_is_no_job_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{",
        "{}",
        "{\"run\":\"a\"}",
        "{\"run\":\"a\",\"directory\":\"/d\",\"unknown\":1}",
        "{\"run\":1,\"directory\":\"/d\"}",
        "{\"run\":\"a\",\"run\":\"b\",\"directory\":\"/d\"}",
        "{\"run\":\"a\",\"directory\":\"/d\",\"timeout_s\":\"1\"}",
        "{\"run\":\"a\",\"directory\":\"/d\",\"sets\":\"a=b\"}",
        "{\"run\":\"a\",\"directory\":\"/d\",\"sets\":[1]}",
        "{\"run\":\"a\",\"directory\":\"/d\",\"logins\":{}}",
        "{\"run\":\"a\",\"directory\":\"/d\",\"logins\":[{}]}",
        "{\"run\":\"a\",\"directory\":\"/d\",\"logins\":[{\"host\":\"h\",\"x\":1}]}",
        "{\"run\":\"a\\u0000b\",\"directory\":\"/d\"}",
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(bad); i++) {
        dd_auto(dd_job) job = NULL;
        dd_auto(dd_error) error = NULL;
        assert_int_equal(dd_job_from_json(bad[i], strlen(bad[i]), &job, &error), -1);
        assert_null(job);
        assert_int_equal(error->code, DD_ERR_INVALID);
    }
}

static void a_result_has_a_final_state(void **state)
{
    static const char *const bad[] = {"{}", "{\"state\":\"Running\"}", "{\"state\":\"succeeded\"}",
                                      "{\"state\":1}",
                                      "{\"state\":\"Failed\",\"images\":[{\"digest\":\"x\"}]}"};

    (void)state;
    for (size_t i = 0; i < DD_COUNT(bad); i++) {
        dd_auto(dd_run_result) result = NULL;
        assert_int_equal(dd_run_result_from_json(bad[i], strlen(bad[i]), &result, NULL), -1);
        assert_null(result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_comes_back_as_it_was),
        cmocka_unit_test(a_result_comes_back_as_it_was),
        cmocka_unit_test(what_is_no_job_is_refused),
        cmocka_unit_test(a_result_has_a_final_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
