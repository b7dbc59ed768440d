/* Child processes: what they get, what is kept of them, and how they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/base/base.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 30000

static dd_spawn spawn_of(const char *const *argv)
{
    dd_spawn spawn = DD_SPAWN_INIT;
    spawn.argv = argv;
    return spawn;
}

/* A shell is the shortest way to a child of some behaviour; nothing of a sender's is in it. */
#define SHELL(text) ((const char *const[]){"sh", "-c", text, NULL})

static void run(const char *text, size_t max_bytes, dd_spawn_result *ret)
{
    dd_auto(dd_error) err = NULL;
    const char *const *argv = SHELL(text);
    dd_spawn spawn = spawn_of(argv);
    if (dd_spawn_wait(&spawn, max_bytes, PATIENCE_MS, ret, &err) < 0)
        fail_msg("%s", err->message);
}

static void both_outputs_and_the_exit_code_are_kept(void **state)
{
    dd_spawn_result result;
    (void)state;
    run("echo out; echo err >&2; exit 3", 100, &result);
    assert_int_equal(result.exit_code, 3);
    assert_string_equal(result.output->data, "out\n");
    assert_string_equal(result.error->data, "err\n");
    dd_spawn_result_done(&result);
    run("kill -9 $$", 100, &result);
    assert_int_equal(result.exit_code, 128 + SIGKILL);
    dd_spawn_result_done(&result);
}

static void output_past_the_limit_is_read_and_dropped(void **state)
{
    dd_spawn_result result;
    (void)state;
    run("head -c 1000000 /dev/zero | tr '\\0' x", 1000, &result);
    assert_int_equal(result.exit_code, 0);
    assert_int_equal(result.output->length, 1000);
    dd_spawn_result_done(&result);
    run("head -c 1000000 /dev/zero", 10000000, &result);
    assert_int_equal(result.output->length, 1000000);
    dd_spawn_result_done(&result);
}

static void a_missing_program_or_directory_is_told(void **state)
{
    const char *const argv[] = {"drydock-no-such-program", NULL}, *const yes[] = {"true", NULL};
    dd_spawn spawn = spawn_of(argv);
    dd_spawn_result result;
    dd_auto(dd_error) err = NULL;
    (void)state;
    assert_int_equal(dd_spawn_wait(&spawn, 100, PATIENCE_MS, &result, &err), -1);
    assert_int_equal(err->code, DD_ERR_NOT_FOUND);
    assert_null(result.output);
    spawn = spawn_of(yes);
    spawn.directory = "/drydock-no-such-directory";
    assert_int_equal(dd_spawn_wait(&spawn, 100, PATIENCE_MS, &result, &err), -1);
    assert_int_equal(err->code, DD_ERR_NOT_FOUND);
}

static void at_the_deadline_the_child_and_its_children_are_killed(void **state)
{
    const char *const *argv = SHELL("sleep 600 & sleep 600");
    dd_spawn spawn = spawn_of(argv);
    dd_spawn_result result;
    dd_auto(dd_error) err = NULL;
    int ends[2];
    char byte;
    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    spawn.passed = &ends[1];
    spawn.passed_count = 1;
    assert_int_equal(dd_spawn_wait(&spawn, 100, 200, &result, &err), -1);
    assert_int_equal(err->code, DD_ERR_TIMEOUT);
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 0); /* nobody holds the other end any more */
    close(ends[0]);
}

static void one_who_writes_for_ever_meets_the_deadline_too(void **state)
{
    const char *const argv[] = {"yes", NULL};
    dd_spawn spawn = spawn_of(argv);
    dd_spawn_result result;
    dd_auto(dd_error) err = NULL;
    (void)state;
    int64_t began_ms = dd_monotonic_ms();
    assert_int_equal(dd_spawn_wait(&spawn, 100, 200, &result, &err), -1);
    assert_int_equal(err->code, DD_ERR_TIMEOUT);
    assert_true(dd_monotonic_ms() - began_ms < PATIENCE_MS);
}

static void a_grandchild_that_keeps_the_output_open_is_not_waited_for(void **state)
{
    dd_spawn_result result;
    (void)state;
    int64_t began_ms = dd_monotonic_ms();
    run("sleep 20 & echo out", 100, &result);
    assert_true(dd_monotonic_ms() - began_ms < 15000);
    assert_string_equal(result.output->data, "out\n");
    dd_spawn_result_done(&result);
}

static void a_child_has_exactly_the_descriptors_given(void **state)
{
    const char *const argv[] = {"ls", "/proc/self/fd", NULL};
    dd_spawn spawn = spawn_of(argv);
    dd_spawn_result result;
    int open_ones[20], passed[2];
    (void)state;
    for (size_t i = 0; i < DD_COUNT(open_ones); i++)
        open_ones[i] = open("/dev/null", O_RDONLY); /* inherited, were it not prevented */
    passed[0] = open_ones[7];
    passed[1] = open_ones[0];
    spawn.passed = passed;
    spawn.passed_count = 2;
    assert_int_equal(dd_spawn_wait(&spawn, 1000, PATIENCE_MS, &result, NULL), 0);
    assert_string_equal(result.output->data, "0\n1\n2\n3\n4\n5\n"); /* 5 is the directory that ls reads */
    dd_spawn_result_done(&result);
    for (size_t i = 0; i < DD_COUNT(open_ones); i++)
        close(open_ones[i]);
}

static void a_child_inherits_neither_blocked_nor_ignored_signals(void **state)
{
    const char *const argv[] = {"grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status", NULL};
    dd_spawn spawn = spawn_of(argv);
    dd_spawn_result result;
    sigset_t set;
    (void)state;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(dd_spawn_wait(&spawn, 1000, PATIENCE_MS, &result, NULL), 0);
    assert_true(dd_str_starts(result.output->data, "SigBlk:\t0000000000000000\nSigIgn:\t"));
    /* The C library leaves the two of its own, 32 and 33, ignored. */
    assert_int_equal(strtoull(strstr(result.output->data, "Ign:\t") + 5, NULL, 16) & 0x7fffffff, 0);
    dd_spawn_result_done(&result);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void an_end_that_nobody_can_know_is_no_success(void **state)
{
    static const char *const texts[] = {"exit 3", "sleep 0.2; exit 3"};
    (void)state;
    signal(SIGCHLD, SIG_IGN); /* as a service may inherit it: the kernel forgets how children ended */
    for (size_t i = 0; i < DD_COUNT(texts); i++) {
        const char *const *argv = SHELL(texts[i]);
        dd_spawn spawn = spawn_of(argv);
        dd_spawn_result result;
        dd_auto(dd_error) err = NULL;
        assert_int_equal(dd_spawn_wait(&spawn, 100, PATIENCE_MS, &result, &err), -1);
        assert_int_equal(err->code, DD_ERR_INTERNAL);
    }
    signal(SIGCHLD, SIG_DFL);
}

static void environment_directory_and_input_are_those_given(void **state)
{
    const char *const *argv = SHELL("pwd; cat; echo $WORD; echo ${HOME-unset}");
    const char *const envp[] = {"WORD=here", "PATH=/usr/bin:/bin", NULL};
    dd_spawn spawn = spawn_of(argv);
    dd_spawn_result result;
    (void)state;
    spawn.directory = "/usr";
    spawn.envp = envp;
    assert_int_equal(dd_spawn_wait(&spawn, 1000, PATIENCE_MS, &result, NULL), 0);
    assert_string_equal(result.output->data, "/usr\nhere\nunset\n"); /* cat's input is empty */
    dd_spawn_result_done(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_outputs_and_the_exit_code_are_kept),
        cmocka_unit_test(output_past_the_limit_is_read_and_dropped),
        cmocka_unit_test(a_missing_program_or_directory_is_told),
        cmocka_unit_test(at_the_deadline_the_child_and_its_children_are_killed),
        cmocka_unit_test(one_who_writes_for_ever_meets_the_deadline_too),
        cmocka_unit_test(a_grandchild_that_keeps_the_output_open_is_not_waited_for),
        cmocka_unit_test(a_child_has_exactly_the_descriptors_given),
        cmocka_unit_test(a_child_inherits_neither_blocked_nor_ignored_signals),
        cmocka_unit_test(an_end_that_nobody_can_know_is_no_success),
        cmocka_unit_test(environment_directory_and_input_are_those_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
