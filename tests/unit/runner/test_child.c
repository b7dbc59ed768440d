/* The run's process between its channel and an executor. The executor here is this file's: it plays what the
 * job's task names, so that a flood, a huge result and a worker's death come when the test wants them. */
#include "runner/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FLOOD_LINES 100000
#define LINE                                                                                                 \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"

/* ======== The executor (runner.h) ======== */

struct dd_executor {
    const dd_job *job;
    dd_run_sink sink;
    void (*done)(dd_run_result *taken, void *context);
    void *context;
};

int dd_executor_new(struct event_base *base, const dd_job *job, const dd_run_sink *sink, dd_executor **ret,
                    dd_error **err)
{
    (void)base;
    if (dd_str_eq(job->task, "impossible"))
        return dd_fail(err, DD_ERR_INVALID, "no such engine");
    *ret = dd_new(dd_executor);
    **ret = (dd_executor){.job = job, .sink = *sink};
    return 0;
}

static void end(dd_executor *executor, dd_run_state state, const char *why, size_t dependencies)
{
    dd_run_result *result = dd_new(dd_run_result);

    result->state = state;
    result->message = dd_strdup(why);
    if (dependencies > 0) {
        result->dependencies = dd_calloc(1, dependencies + 1);
        memset(result->dependencies, 'x', dependencies);
    }
    executor->done(result, executor->context);
}

void dd_executor_start(dd_executor *executor, void (*done)(dd_run_result *taken, void *context),
                       void *context)
{
    const dd_run_sink *sink = &executor->sink;

    executor->done = done;
    executor->context = context;
    sink->state(sink->context, DD_RUN_RUNNING);
    if (dd_str_eq(executor->job->task, "push"))
        sink->may_push(sink->context, "push");
    if (dd_str_eq(executor->job->task, "huge"))
        end(executor, DD_RUN_SUCCEEDED, "well", 2 * DD_FRAME_MAX_BYTES);
    if (dd_str_eq(executor->job->task, "flood")) {
        for (int i = 0; i < FLOOD_LINES; i++)
            sink->log(sink->context, "step", DD_STREAM_OUT, LINE, strlen(LINE));
        sink->log(sink->context, NULL, DD_STREAM_SYSTEM, "system", strlen("system"));
        end(executor, DD_RUN_SUCCEEDED, NULL, 0);
    }
}

void dd_executor_push_answer(dd_executor *executor, const char *step, bool allowed)
{
    end(executor, allowed ? DD_RUN_SUCCEEDED : DD_RUN_FAILED, step, 0);
}

void dd_executor_cancel(dd_executor *executor, dd_run_state state, const char *why)
{
    dd_auto_str path = dd_path_join(executor->job->directory, "ended");

    dd_assert(dd_write_file(path, why, strlen(why), 0600, NULL) == 0);
    end(executor, state, why, 0);
}

void dd_executor_free(dd_executor *executor)
{
    free(executor);
}

/* ======== The worker's side ======== */

struct run {
    char directory[64];
    pid_t pid;
    int channel;
    dd_decoder *decoder;
};

static void tell(struct run *run, const dd_message *message)
{
    dd_buf frame = {0};

    assert_int_equal(dd_message_encode(message, &frame, NULL), 0);
    assert_int_equal(write(run->channel, frame.data, frame.length), frame.length);
    dd_buf_done(&frame);
}

static struct run *run_new(const char *task)
{
    const char *const argv[] = {"/proc/self/exe", "run-child", NULL};
    struct run *run = dd_new(struct run);
    dd_spawn spawn = DD_SPAWN_INIT;
    int ends[2];

    strcpy(run->directory, "/tmp/drydock-child.XXXXXX");
    assert_non_null(mkdtemp(run->directory));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    spawn.argv = argv;
    spawn.error = STDERR_FILENO;
    spawn.passed = &ends[1];
    spawn.passed_count = 1;
    assert_int_equal(dd_spawn_start(&spawn, &run->pid, NULL), 0);
    close(ends[1]);
    run->channel = ends[0];
    run->decoder = dd_decoder_new(DD_TO_WORKER);
    dd_auto_str job =
        dd_sprintf("{\"run\":\"ca1\",\"task\":\"%s\",\"directory\":\"%s\"}", task, run->directory);
    tell(run, &(dd_message){.type = DD_MESSAGE_JOB, .text = job, .length = strlen(job)});
    return run;
}

/* The next message; false at the channel's end. */
static bool hear(struct run *run, dd_message *ret)
{
    char data[65536];

    for (;;) {
        int next = dd_decoder_next(run->decoder, ret, NULL);
        assert_true(next >= 0);
        if (next > 0)
            return true;
        struct pollfd wait = {.fd = run->channel, .events = POLLIN};
        assert_int_equal(poll(&wait, 1, 30000), 1);
        ssize_t got = read(run->channel, data, sizeof data);
        if (got <= 0)
            return false;
        dd_decoder_feed(run->decoder, data, (size_t)got);
    }
}

static dd_run_result *hear_result(struct run *run)
{
    dd_run_result *result = NULL;
    dd_message message;

    while (!result) {
        assert_true(hear(run, &message));
        if (message.type == DD_MESSAGE_RESULT)
            assert_int_equal(dd_run_result_from_json(message.text, message.length, &result, NULL), 0);
    }
    assert_false(hear(run, &message)); /* it comes last */
    return result;
}

static int run_end(struct run *run)
{
    int status = 0;

    if (run->channel >= 0)
        close(run->channel);
    waitpid(run->pid, &status, 0);
    dd_decoder_free(run->decoder);
    dd_remove_tree(run->directory, NULL);
    free(run);
    return dd_exit_code_of(status);
}

/* ======== Tests ======== */

static void a_push_waits_for_the_worker_s_word(void **state)
{
    struct run *run = run_new("push");
    dd_message message;

    (void)state;
    assert_true(hear(run, &message));
    assert_int_equal(message.type, DD_MESSAGE_STATE);
    assert_int_equal(message.state, DD_RUN_RUNNING);
    assert_true(hear(run, &message));
    assert_int_equal(message.type, DD_MESSAGE_MAY_PUSH);
    tell(run, &(dd_message){.type = DD_MESSAGE_PUSH_ANSWER, .allowed = true, .step = message.step});
    dd_auto(dd_run_result) result = hear_result(run);
    assert_int_equal(result->state, DD_RUN_SUCCEEDED);
    assert_int_equal(run_end(run), 0);
}

static void a_cancel_reaches_the_executor_with_its_reason(void **state)
{
    struct run *run = run_new("idle");

    (void)state;
    tell(run,
         &(dd_message){.type = DD_MESSAGE_CANCEL, .state = DD_RUN_CANCELED, .text = "by you", .length = 6});
    dd_auto(dd_run_result) result = hear_result(run);
    assert_int_equal(result->state, DD_RUN_CANCELED);
    assert_string_equal(result->message, "by you");
    assert_int_equal(run_end(run), 0);
}

static void the_worker_s_death_ends_the_run(void **state)
{
    struct run *run = run_new("idle");
    dd_auto_str path = dd_path_join(run->directory, "ended");
    dd_auto(dd_buf) why = NULL;
    dd_message message;
    int status;

    (void)state;
    assert_true(hear(run, &message)); /* it has begun */
    close(run->channel);
    run->channel = -1;
    assert_int_equal(waitpid(run->pid, &status, 0), run->pid);
    assert_int_equal(dd_exit_code_of(status), 1);
    assert_int_equal(dd_buf_read_file(path, 100, &why, NULL), 0);
    assert_string_equal(why->data, "the worker died");
    run_end(run);
}

static void a_bad_frame_of_the_worker_ends_the_run(void **state)
{
    struct run *run = run_new("idle");
    dd_auto_str path = dd_path_join(run->directory, "ended");
    dd_message message;
    int status;

    (void)state;
    assert_true(hear(run, &message));
    assert_int_equal(write(run->channel, "\xff\xff\xff\xff\xff\xff", 6), 6);
    assert_int_equal(waitpid(run->pid, &status, 0), run->pid);
    assert_int_equal(dd_exit_code_of(status), 1);
    assert_true(dd_path_exists(path));
    run_end(run);
}

static void a_flood_loses_lines_of_steps_says_so_and_keeps_the_result(void **state)
{
    struct run *run = run_new("flood");
    size_t lines = 0, missing = 0;
    bool told_system = false, ended = false;
    dd_message message;

    (void)state;
    while (hear(run, &message)) {
        if (message.type == DD_MESSAGE_LOG && message.stream == DD_STREAM_OUT)
            lines++;
        else if (message.type == DD_MESSAGE_LOG && strstr(message.text, "lines are missing here"))
            missing += (size_t)strtoul(message.text, NULL, 10);
        else if (message.type == DD_MESSAGE_LOG)
            told_system = true;
        ended = message.type == DD_MESSAGE_RESULT;
    }
    assert_true(missing > 0);
    assert_int_equal(lines + missing, FLOOD_LINES);
    assert_true(told_system);
    assert_true(ended);
    assert_int_equal(run_end(run), 0);
}

static void a_result_too_long_for_a_frame_comes_without_its_dependency_report(void **state)
{
    struct run *run = run_new("huge");

    (void)state;
    dd_auto(dd_run_result) result = hear_result(run);
    assert_int_equal(result->state, DD_RUN_SUCCEEDED);
    assert_string_equal(result->message, "well");
    assert_null(result->dependencies);
    assert_int_equal(run_end(run), 0);
}

static void a_job_that_cannot_be_run_is_a_result(void **state)
{
    struct run *run = run_new("impossible");

    (void)state;
    dd_auto(dd_run_result) result = hear_result(run);
    assert_int_equal(result->state, DD_RUN_ERROR);
    assert_string_equal(result->message, "no such engine");
    assert_int_equal(run_end(run), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_push_waits_for_the_worker_s_word),
        cmocka_unit_test(a_cancel_reaches_the_executor_with_its_reason),
        cmocka_unit_test(the_worker_s_death_ends_the_run),
        cmocka_unit_test(a_bad_frame_of_the_worker_ends_the_run),
        cmocka_unit_test(a_flood_loses_lines_of_steps_says_so_and_keeps_the_result),
        cmocka_unit_test(a_result_too_long_for_a_frame_comes_without_its_dependency_report),
        cmocka_unit_test(a_job_that_cannot_be_run_is_a_result),
    };

    if (argc == 2 && strcmp(argv[1], "run-child") == 0)
        return dd_run_child_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
