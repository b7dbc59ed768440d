/* What a worker tells a run's process, and what it believes and writes of its answers. */
#include "runner/worker_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const char settings_text[] =
    "redis: {url: \"unix:///nowhere\"}\n"
    "worker: {registry: \"registry.example.com\", engine: podman, grace: 7s}\n"
    "registries:\n"
    "  - {host: registry.example.com, username: ci, password: hidden}\n"
    "  - {host: \"localhost:5000\", plain_http: true}\n"
    "forges:\n"
    "  - {host: git.example.com, kind: generic, username: git, token: t0ken}\n";

static dd_settings *settings_new(void)
{
    dd_auto(dd_error) error = NULL;
    dd_settings *settings = NULL;

    if (dd_settings_parse(settings_text, strlen(settings_text), "test", "/", NULL, &settings, &error) < 0)
        fail_msg("%s", error->message);
    return settings;
}

static dd_claim *claim_new(const char *const *fields)
{
    dd_claim *claim = dd_new(dd_claim);

    strcpy(claim->run, "ca1");
    claim->lease = 3;
    claim->fields = dd_fields_new();
    for (; *fields; fields += 2)
        dd_fields_set(claim->fields, fields[0], fields[1]);
    return claim;
}

static void a_job_has_the_run_s_fields_and_the_settings_credentials(void **state)
{
    static const char *const fields[] = {"task",      "hello",
                                         "trigger",   "commit",
                                         "clone_url", "https://git.example.com/org/hello.git",
                                         "commit",    "0123456789012345678901234567890123456789",
                                         "branch",    "main",
                                         "folder",    "",
                                         "file",      "acr-task.yaml",
                                         "values",    "{\"a\":1}",
                                         "timeout_s", "77",
                                         NULL};
    dd_auto(dd_settings) settings = settings_new();
    dd_auto(dd_claim) claim = claim_new(fields);
    dd_auto(dd_job) job = NULL;

    (void)state;
    assert_int_equal(dd_worker_job(settings, "/var/lib/drydock", "0a1b2c3d", claim, &job, NULL), 0);
    assert_string_equal(job->run, "ca1");
    assert_string_equal(job->instance, "0a1b2c3d");
    assert_int_equal(job->lease, 3);
    assert_string_equal(job->task, "hello");
    assert_string_equal(job->trigger, "commit");
    assert_string_equal(job->directory, "/var/lib/drydock/runs/0a1b2c3d-ca1-3");
    assert_string_equal(job->mirrors, "/var/lib/drydock/mirrors");
    assert_string_equal(job->branch, "main");
    assert_null(job->folder);
    assert_string_equal(job->values, "{\"a\":1}");
    assert_string_equal(job->registry, "registry.example.com");
    assert_string_equal(job->forge_username, "git");
    assert_string_equal(job->forge_token, "t0ken");
    assert_string_equal(job->engine, "podman");
    assert_int_equal(job->timeout_s, 77);
    assert_int_equal(job->grace_s, 7);
    assert_int_equal(job->login_count, 2);
    assert_string_equal(job->logins[0].password, "hidden");
    assert_true(job->logins[1].plain_http);
}

static void a_job_for_another_host_gets_no_token(void **state)
{
    static const char *const urls[] = {"https://evil.example.com/git.example.com/x.git",
                                       "https://git.example.com.evil.example/x/y.git",
                                       "https://git.example.com:8443/org/hello.git"};
    dd_auto(dd_settings) settings = settings_new();

    (void)state;
    for (size_t i = 0; i < DD_COUNT(urls); i++) {
        const char *fields[] = {"task", "hello", "clone_url", urls[i], NULL};
        dd_auto(dd_claim) claim = claim_new(fields);
        dd_auto(dd_job) job = NULL;
        assert_int_equal(dd_worker_job(settings, "/d", "0a1b2c3d", claim, &job, NULL), 0);
        assert_null(job->forge_token);
    }
}

static void a_run_without_an_address_makes_no_job(void **state)
{
    static const char *const fields[] = {"task", "hello", NULL};
    dd_auto(dd_settings) settings = settings_new();
    dd_auto(dd_claim) claim = claim_new(fields);
    dd_auto(dd_error) error = NULL;
    dd_auto(dd_job) job = NULL;

    (void)state;
    assert_int_equal(dd_worker_job(settings, "/d", "0a1b2c3d", claim, &job, &error), -1);
    assert_int_equal(error->code, DD_ERR_INVALID);
}

static void only_a_run_s_directory_is_taken_for_a_leftover(void **state)
{
    dd_auto_str name = dd_attempt_name("0a1b2c3d", "my-run", 12);
    dd_auto_str path = dd_worker_run_directory("/d", name);
    dd_auto_str run = dd_attempt_name_run(name);
    static const char *const others[] = {"ca1",     "ca1-3",      "i-ca1-",
                                         "i-ca1-x", "-ca1-1",     "i--1",
                                         "i-a b-1", "../i-ca1-1", "i-ca1-99999999999999999999"};

    (void)state;
    assert_string_equal(path, "/d/runs/0a1b2c3d-my-run-12");
    assert_string_equal(run, "my-run");
    for (size_t i = 0; i < DD_COUNT(others); i++)
        assert_null(dd_attempt_name_run(others[i]));
}

static void a_step_s_field_reads_as_a_sentence(void **state)
{
    dd_message step = {.type = DD_MESSAGE_STEP,
                       .report = {.kind = DD_STEP_BUILD,
                                  .state = DD_STEP_FAILED,
                                  .exit_code = 7,
                                  .attempts = 2,
                                  .started_ms = 1000,
                                  .ended_ms = 2500},
                       .step = "b",
                       .text = "no space",
                       .length = 8};
    dd_auto_str words = dd_worker_step_words(&step);

    (void)state;
    assert_string_equal(words, "Failed build, exit 7, attempts 2, started 1970-01-01T00:00:01.000Z, "
                               "ended 1970-01-01T00:00:02.500Z: no space");
}

static void a_stranger_s_bases_are_kept_only_when_well_written(void **state)
{
    static const char json[] = "{\"state\":\"Succeeded\",\"commit\":\"not a "
                               "commit\",\"message\":\"a\\u001b[31mb\",\"images\":[],\"bases\":["
                               "{\"reference\":\"docker.io/library/busybox:1\",\"runtime\":true},"
                               "{\"reference\":\"busybox\",\"runtime\":true},"
                               "{\"reference\":\"docker.io/library/busybox:1\",\"digest\":\"sha256:xyz\"},"
                               "{\"reference\":\"x y\"}]}";
    dd_auto(dd_run_result) result = NULL;

    (void)state;
    assert_int_equal(dd_run_result_from_json(json, strlen(json), &result, NULL), 0);
    assert_int_equal(dd_worker_check_result(result), 3);
    assert_int_equal(result->base_count, 1);
    assert_string_equal(result->bases[0].reference, "docker.io/library/busybox:1");
    assert_string_equal(result->bases[0].digest, "");
    assert_string_equal(result->message, "a?[31mb");
    assert_null(result->commit);
}

static void ends_of_processes_are_told_in_words(void **state)
{
    dd_auto_str killed = dd_worker_exit_words(9);
    dd_auto_str ended = dd_worker_exit_words(3 << 8);

    (void)state;
    assert_string_equal(killed, "was killed by signal 9 (SIGKILL)");
    assert_string_equal(ended, "ended with exit code 3");
}

static void log_lines_leave_only_once_they_are_kept(void **state)
{
    dd_auto(dd_worker_log) log = dd_worker_log_new();
    dd_lease lease = {"ca1", 1};
    dd_command *command;

    (void)state;
    assert_null(dd_worker_log_send(log, "p:", lease));
    for (int i = 0; i < 700; i++)
        dd_worker_log_add(log, "s", DD_STREAM_OUT, 1, "text", 4);
    size_t bytes = dd_worker_log_bytes(log);
    command = dd_worker_log_send(log, "p:", lease);
    assert_non_null(command);
    dd_command_free(command);
    assert_null(dd_worker_log_send(log, "p:", lease)); /* one at a time */
    dd_worker_log_answered(log, false);
    assert_int_equal(dd_worker_log_bytes(log), bytes);
    for (int i = 0; i < 2; i++) { /* 500, then 200 */
        assert_false(dd_worker_log_is_empty(log));
        dd_command_free(dd_worker_log_send(log, "p:", lease));
        dd_worker_log_answered(log, true);
    }
    assert_true(dd_worker_log_is_empty(log));
    assert_int_equal(dd_worker_log_bytes(log), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_has_the_run_s_fields_and_the_settings_credentials),
        cmocka_unit_test(a_job_for_another_host_gets_no_token),
        cmocka_unit_test(a_run_without_an_address_makes_no_job),
        cmocka_unit_test(only_a_run_s_directory_is_taken_for_a_leftover),
        cmocka_unit_test(a_step_s_field_reads_as_a_sentence),
        cmocka_unit_test(a_stranger_s_bases_are_kept_only_when_well_written),
        cmocka_unit_test(ends_of_processes_are_told_in_words),
        cmocka_unit_test(log_lines_leave_only_once_they_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
