/* The worker on a real Redis, with deaths, pauses and strangers in the middle.
 *
 * This program is the worker too, and the processes that the worker starts of itself (/proc/self/exe):
 * `worker FILE` is the real one, `run-child` plays the part that the run's task names, `run-clean` tells that
 * it was called. What these tell goes through a FIFO, so that the tests wait for events and never for time.
 * Real runs: tests/e2e. */
#include "runner/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS  30000
#define CHATTY_LINES 20000

/* ======== Processes that the worker starts ======== */

/* TEST is where the FIFO is: three above the run's own directory, TEST/worker/runs/INSTANCE-RUN-LEASE. */
static void tell(const char *run_directory, const char *format, ...) DD_PRINTF(2, 3);
static void tell(const char *run_directory, const char *format, ...)
{
    dd_auto_str path = dd_sprintf("%s/../../../events", run_directory);
    dd_auto_fd fifo = open(path, O_WRONLY | O_CLOEXEC);
    va_list args;

    va_start(args, format);
    dd_auto_str text = dd_vsprintf(format, args);
    va_end(args);
    dd_auto_str line = dd_sprintf("%s\n", text);
    dd_assert(write(fifo, line, strlen(line)) == (ssize_t)strlen(line));
}

/* ---- run-clean ---- */

static int clean_main(char **argv)
{
    const char *directory = argv[3];
    dd_auto_fd lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    dd_assert(lock >= 0 && flock(lock, LOCK_EX) == 0);
    dd_assert(dd_str_eq(argv[1], "podman"));
    dd_auto_str copy = dd_strdup(directory);
    dd_auto_str runs = dd_strdup(dirname(copy));
    dd_auto_str again = dd_strdup(directory);
    dd_assert(dd_remove_tree(directory, NULL) == 0);
    dd_auto_str stand_in = dd_sprintf("%s/x", runs);
    dd_assert(mkdir(stand_in, 0700) == 0); /* for the way to the FIFO */
    const char *name = basename(again);
    dd_assert(dd_str_eq(argv[2], name));
    tell(stand_in, "cleaned %s", strchr(name, '-') + 1); /* whatever the instance */
    return rmdir(stand_in);
}

/* ---- run-child ---- */

struct player {
    dd_decoder *decoder;
    dd_job *job;
    int lock;
};

static volatile sig_atomic_t told;

static void on_told(int signal)
{
    (void)signal;
    told = 1;
}

static void send_bytes(const void *data, size_t length)
{
    for (size_t at = 0; at < length;) {
        ssize_t written = write(DD_CHANNEL_FD, (const char *)data + at, length - at);
        if (written < 0 && errno != EINTR)
            _exit(1); /* the worker is gone */
        at += written > 0 ? (size_t)written : 0;
    }
}

static void send_message(const dd_message *message)
{
    dd_buf frame = {0};

    dd_assert(dd_message_encode(message, &frame, NULL) == 0);
    send_bytes(frame.data, frame.length);
    dd_buf_done(&frame);
}

static void say(const char *step, const char *text)
{
    send_message(&(dd_message){.type = DD_MESSAGE_LOG,
                               .stream = DD_STREAM_OUT,
                               .at_ms = dd_wall_ms(),
                               .step = step,
                               .text = text,
                               .length = strlen(text)});
}

/* The next message; false at the end of the channel, or when told by a signal. */
static bool listen_for(struct player *player, dd_message *ret)
{
    char data[4096];

    for (;;) {
        int next = dd_decoder_next(player->decoder, ret, NULL);
        dd_assert(next >= 0);
        if (next > 0)
            return true;
        ssize_t got = told ? -1 : read(DD_CHANNEL_FD, data, sizeof data);
        if (got <= 0)
            return false;
        dd_decoder_feed(player->decoder, data, (size_t)got);
    }
}

/* As the executor: first everything is gone, then the result. */
static int end(struct player *player, dd_run_state state, const char *message)
{
    dd_image_report image = {dd_strdup("r.example.com/hello:1"), dd_strdup("sha256:1")};
    dd_base_use base = {dd_strdup("r.example.com/base:1"),
                        dd_strdup("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
                        true};
    dd_run_result result = {.state = state,
                            .message = dd_strdup(message),
                            .images = &image,
                            .image_count = state == DD_RUN_SUCCEEDED,
                            .bases = &base,
                            .base_count = 1};
    dd_auto_str json = dd_run_result_to_json(&result);

    dd_assert(dd_remove_tree(player->job->directory, NULL) == 0);
    send_message(&(dd_message){.type = DD_MESSAGE_RESULT, .text = json, .length = strlen(json)});
    free(result.message);
    free(image.reference);
    free(image.digest);
    free(base.reference);
    free(base.digest);
    return 0;
}

static int play_success(struct player *player)
{
    dd_message message;

    send_message(&(dd_message){.type = DD_MESSAGE_STATE, .state = DD_RUN_RUNNING});
    send_message(
        &(dd_message){.type = DD_MESSAGE_STEP,
                      .report = {.kind = DD_STEP_BUILD, .state = DD_STEP_RUNNING, .started_ms = 1000},
                      .step = "build"});
    say("build", getenv("DRYDOCK_REDIS_TIMEOUT") ? "a setting has leaked" : "first");
    say("build", "a\x1b[31mb");
    send_message(&(dd_message){.type = DD_MESSAGE_MAY_PUSH, .step = "push"});
    if (!listen_for(player, &message) || message.type != DD_MESSAGE_PUSH_ANSWER || !message.allowed)
        return end(player, DD_RUN_FAILED, "the push was denied");
    send_message(&(dd_message){
        .type = DD_MESSAGE_STEP,
        .report = {.kind = DD_STEP_BUILD, .state = DD_STEP_SUCCEEDED, .started_ms = 1000, .ended_ms = 2000},
        .step = "build"});
    say("", "last");
    return end(player, DD_RUN_SUCCEEDED, NULL);
}

/* Goes on until it is told (SIGUSR1), canceled, or alone. */
static int play_waiting(struct player *player)
{
    dd_message message;

    send_message(&(dd_message){.type = DD_MESSAGE_STATE, .state = DD_RUN_RUNNING});
    tell(player->job->directory, "waiting %s %d", player->job->run, getpid());
    if (listen_for(player, &message))
        return end(player, message.state, message.text);
    if (told)
        return end(player, DD_RUN_SUCCEEDED, NULL);
    tell(player->job->directory, "alone %s", player->job->run);
    return 1;
}

static int play_deaf(struct player *player)
{
    tell(player->job->directory, "waiting %s %d", player->job->run, getpid());
    while (!told)
        pause();
    return end(player, DD_RUN_SUCCEEDED, NULL);
}

/* Asks for leave to push once it is told. */
static int play_pusher(struct player *player)
{
    dd_message message;

    tell(player->job->directory, "waiting %s %d", player->job->run, getpid());
    while (!told)
        pause();
    told = 0;
    send_message(&(dd_message){.type = DD_MESSAGE_MAY_PUSH, .step = "push"});
    if (listen_for(player, &message) && message.type == DD_MESSAGE_PUSH_ANSWER && message.allowed)
        tell(player->job->directory, "pushed %s", player->job->run);
    return play_deaf(player);
}

static int play_stranger(struct player *player)
{
    say("", "so far so good");
    send_bytes("\x00\x00\x00\x00\xff\xff", 6);
    return play_deaf(player);
}

static int play_chatty(struct player *player)
{
    for (int i = 0; i < CHATTY_LINES; i++) {
        dd_auto_str text = dd_sprintf("%099d", i);
        say("chat", text);
    }
    return end(player, DD_RUN_SUCCEEDED, NULL);
}

static int play_exit(struct player *player)
{
    (void)player;
    return 7;
}

static const struct {
    const char *task;
    int (*play)(struct player *player);
} parts[] = {{"success", play_success}, {"waiting", play_waiting}, {"deaf", play_deaf},
             {"pusher", play_pusher},   {"exit", play_exit},       {"stranger", play_stranger},
             {"chatty", play_chatty}};

static int child_main(void)
{
    struct player player = {.decoder = dd_decoder_new(DD_TO_CHILD)};
    struct sigaction action = {.sa_handler = on_told};
    dd_message message;
    int ret = 1;

    sigaction(SIGUSR1, &action, NULL);
    if (!listen_for(&player, &message) || message.type != DD_MESSAGE_JOB ||
        dd_job_from_json(message.text, message.length, &player.job, NULL) < 0)
        return 2;
    player.lock = open(player.job->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    dd_assert(player.lock >= 0 && flock(player.lock, LOCK_EX) == 0);
    for (size_t i = 0; i < DD_COUNT(parts); i++)
        if (dd_str_eq(parts[i].task, player.job->task))
            ret = parts[i].play(&player);
    close(player.lock);
    dd_job_free(player.job);
    dd_decoder_free(player.decoder);
    return ret;
}

/* ---- worker ---- */

static int worker_main(const char *file)
{
    dd_auto(dd_settings) settings = NULL;
    dd_auto(dd_error) error = NULL;

    if (dd_settings_load(file, &settings, &error) == 0 && dd_worker_run(settings, &error) == 0)
        return 0;
    dd_log(DD_LOG_ERROR, "test", NULL, "%s", error->message);
    return dd_error_exit_code(error);
}

/* ======== The tests' stack ======== */

struct stack {
    char directory[64];
    dd_settings *settings;
    dd_store *store;
    pid_t redis, worker;
    int events;
    dd_buf heard; /* of the FIFO, lines not yet asked for */
};

/* A macro, for the error is there only once the call is made. */
#define must(result, error)                                                                                  \
    do {                                                                                                     \
        if ((result) < 0)                                                                                    \
            fail_msg("%s", (error)->message);                                                                \
    } while (0)

static pid_t start(struct stack *stack, const char *const *argv, int output)
{
    dd_auto(dd_error) error = NULL;
    dd_spawn spawn = DD_SPAWN_INIT;
    pid_t pid;

    spawn.argv = argv;
    spawn.directory = stack->directory;
    spawn.output = output;
    spawn.error = STDERR_FILENO;
    must(dd_spawn_start(&spawn, &pid, &error), error);
    return pid;
}

/* Wait for the end of a process, anybody's child. */
static void await_death(pid_t pid)
{
    dd_auto_fd pidfd = (int)syscall(SYS_pidfd_open, pid, 0U);
    struct pollfd wait = {.fd = pidfd, .events = POLLIN};

    if (pidfd >= 0)
        assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
}

static int stop(pid_t *pid, int signal)
{
    int status = 0;

    if (*pid <= 0)
        return 0;
    kill(*pid, signal);
    await_death(*pid);
    waitpid(*pid, &status, 0);
    *pid = 0;
    return dd_exit_code_of(status);
}

static void start_redis(struct stack *stack)
{
    const char *const argv[] = {"redis-server", "--port",    "0", "--unixsocket",
                                "redis.sock",   "--save",    "",  "--appendonly",
                                "no",           "--logfile", "",  NULL};
    char log[4096] = "";
    size_t length = 0;
    int pipe_ends[2];
    ssize_t got;

    assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
    stack->redis = start(stack, argv, pipe_ends[1]);
    close(pipe_ends[1]);
    while (!strstr(log, "eady to accept connections") && length < sizeof log - 1 &&
           (got = read(pipe_ends[0], log + length, sizeof log - 1 - length)) > 0)
        length += (size_t)got;
    assert_non_null(strstr(log, "eady to accept connections"));
    close(pipe_ends[0]); /* redis-server does not die of what it cannot write to its log */
}

static void open_store(struct stack *stack)
{
    dd_auto(dd_error) error = NULL;

    must(dd_store_open(stack->settings, &stack->store, &error), error);
    must(dd_store_prepare(stack->store, stack->settings, &error), error);
}

static void start_worker(struct stack *stack)
{
    dd_auto_str file = dd_path_join(stack->directory, "drydock.yaml");
    const char *const argv[] = {"/proc/self/exe", "worker", file, NULL};
    dd_auto_str output = dd_path_join(stack->directory, "out");
    dd_auto_fd out = open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    stack->worker = start(stack, argv, out);
}

/* `worker` is in YAML's flow style: "lease: 2s, drain: 1s". */
static struct stack *live; /* the test's, until it is taken down */

static struct stack *stack_new(const char *worker)
{
    struct stack *stack = live = dd_new(struct stack);
    dd_auto(dd_error) error = NULL;

    strcpy(stack->directory, "/tmp/drydock-worker.XXXXXX");
    assert_non_null(mkdtemp(stack->directory));
    dd_auto_str text = dd_sprintf("redis: {url: \"unix://%s/redis.sock\", timeout: 500ms}\n"
                                  "worker: {directory: \"%s/worker\", slots: 1, %s}\n",
                                  stack->directory, stack->directory, worker);
    dd_auto_str file = dd_path_join(stack->directory, "drydock.yaml");
    must(dd_write_file(file, text, strlen(text), 0600, &error), error);
    must(dd_settings_load(file, &stack->settings, &error), error);
    dd_auto_str fifo = dd_path_join(stack->directory, "events");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    stack->events = open(fifo, O_RDWR | O_CLOEXEC); /* for writing too: it never ends */
    return stack;
}

static struct stack *stack_up(const char *worker)
{
    struct stack *stack = stack_new(worker);

    start_redis(stack);
    open_store(stack);
    start_worker(stack);
    return stack;
}

static void stack_down(struct stack *stack)
{
    stop(&stack->worker, SIGKILL);
    dd_store_free(stack->store);
    stop(&stack->redis, SIGKILL);
    dd_settings_free(stack->settings);
    dd_buf_done(&stack->heard);
    close(stack->events);
    dd_remove_tree(stack->directory, NULL);
    free(stack);
    live = NULL;
}

/* A test that failed has left it. */
static int teardown(void **state)
{
    (void)state;
    if (live)
        stack_down(live);
    return 0;
}

static redisReply *command(struct stack *stack, dd_command *taken)
{
    dd_auto(dd_command) request = taken;
    dd_auto(dd_error) error = NULL;
    redisReply *reply = NULL;

    must(dd_store_call(stack->store, request, &reply, &error), error);
    return reply;
}

static void queue_run(struct stack *stack, const char *task, dd_created *ret)
{
    dd_auto(dd_fields) fields = dd_fields_new();
    dd_auto_str cause = dd_random_hex(8);
    dd_auto(dd_error) error = NULL;
    dd_strv causes = {0};

    dd_strv_add(&causes, cause);
    dd_fields_set(fields, "task", task);
    dd_fields_set(fields, "trigger", "manual");
    dd_fields_set(fields, "clone_url", "https://git.example.com/org/hello.git");
    redisReply *reply = command(stack, dd_create_run_request(stack->settings->redis.prefix, stack->settings,
                                                             task, "default", "normal", &causes, fields));
    must(dd_create_run_reply(reply, ret, &error), error);
    freeReplyObject(reply);
    dd_strv_done(&causes);
}

static void cancel_run(struct stack *stack, const char *run)
{
    freeReplyObject(
        command(stack, dd_cancel_request(stack->settings->redis.prefix, stack->settings, run, "somebody")));
}

/* The number of a process that said "waiting RUN PID" and the like; 0 when the line has none. */
static pid_t await_event(struct stack *stack, const char *expected)
{
    int64_t until = dd_monotonic_ms() + PATIENCE_MS;
    char data[4096];

    for (;;) {
        for (char *line = stack->heard.data, *stop_at; line && (stop_at = strchr(line, '\n'));
             line = stop_at + 1) {
            size_t length = strlen(expected);
            if (strncmp(line, expected, length) == 0 && (line[length] == '\n' || line[length] == ' ')) {
                pid_t pid = (pid_t)strtol(line + length, NULL, 10);
                dd_buf_consume(&stack->heard, (size_t)(stop_at + 1 - stack->heard.data));
                return pid;
            }
        }
        struct pollfd wait = {.fd = stack->events, .events = POLLIN};
        int64_t left = until - dd_monotonic_ms();
        if (left <= 0 || poll(&wait, 1, (int)left) != 1)
            fail_msg("waited in vain for '%s'; there was: %s", expected,
                     stack->heard.length ? stack->heard.data : "");
        ssize_t got = read(stack->events, data, sizeof data);
        assert_true(got > 0);
        dd_buf_add(&stack->heard, data, (size_t)got);
    }
}

static bool was_heard(struct stack *stack, const char *text)
{
    struct pollfd more = {.fd = stack->events, .events = POLLIN};
    char data[4096];

    while (poll(&more, 1, 0) == 1) {
        ssize_t got = read(stack->events, data, sizeof data);
        assert_true(got > 0);
        dd_buf_add(&stack->heard, data, (size_t)got);
    }
    return stack->heard.length && strstr(stack->heard.data, text);
}

/* Follow the run's log to its last line; returns all texts, one a line. */
static char *await_end(struct stack *stack, const char *run)
{
    dd_auto_str key = dd_store_key(stack->store, "run:%s:log", run);
    dd_auto_str after = dd_strdup("0");
    dd_auto(dd_error) error = NULL;
    dd_buf texts = {0};
    bool ended = false;

    while (!ended) {
        const char *const words[] = {"COUNT", "1000", "BLOCK", "30000", "STREAMS", key, after};
        dd_auto(dd_command) read_log = dd_command_new("XREAD");
        redisReply *reply = NULL;
        for (size_t i = 0; i < DD_COUNT(words); i++)
            dd_command_arg(read_log, words[i]);
        must(dd_store_call_blocking(stack->store, read_log, PATIENCE_MS + 5000, &reply, &error), error);
        if (reply->type != REDIS_REPLY_ARRAY)
            fail_msg("run %s does not end; so far: %s", run, texts.length ? texts.data : "");
        const redisReply *entries = reply->element[0]->element[1];
        for (size_t i = 0; i < entries->elements; i++) {
            dd_auto(dd_fields) fields = NULL;
            must(dd_fields_from_reply(entries->element[i]->element[1], &fields, &error), error);
            ended = ended || dd_fields_get(fields, "end");
            if (dd_fields_get(fields, "text"))
                dd_buf_printf(&texts, "%s\n", dd_fields_get(fields, "text"));
        }
        free(after);
        after = dd_strdup(entries->element[entries->elements - 1]->element[0]->str);
        freeReplyObject(reply);
    }
    return dd_buf_steal(&texts);
}

static void assert_field(struct stack *stack, const char *run, const char *name, const char *expected)
{
    dd_auto(dd_fields) fields = NULL;
    dd_auto(dd_error) error = NULL;

    must(dd_store_get_run(stack->store, run, &fields, &error), error);
    const char *value = dd_fields_get(fields, name);
    if (!dd_str_eq(value, expected))
        fail_msg("run %s has %s '%s', not '%s'", run, name, value ? value : "(none)",
                 expected ? expected : "(none)");
}

static void assert_field_has(struct stack *stack, const char *run, const char *name, const char *part)
{
    dd_auto(dd_fields) fields = NULL;
    dd_auto(dd_error) error = NULL;

    must(dd_store_get_run(stack->store, run, &fields, &error), error);
    const char *value = dd_fields_get(fields, name);
    if (!value || !strstr(value, part))
        fail_msg("run %s has %s '%s', without '%s'", run, name, value ? value : "(none)", part);
}

static pid_t await_waiting(struct stack *stack, const char *run)
{
    dd_auto_str expected = dd_sprintf("waiting %s", run);
    pid_t pid = await_event(stack, expected);

    assert_true(pid > 0);
    return pid;
}

static void await_cleaned(struct stack *stack, const char *run, int lease)
{
    dd_auto_str expected = dd_sprintf("cleaned %s-%d", run, lease);

    await_event(stack, expected);
}

static void assert_no_directory(struct stack *stack, const char *run, int lease)
{
    dd_auto_str end = dd_sprintf("-%s-%d", run, lease);
    dd_auto_str path = dd_sprintf("%s/worker/runs", stack->directory);
    DIR *runs = opendir(path);
    struct dirent *entry;

    while (runs && (entry = readdir(runs)))
        assert_false(dd_str_ends(entry->d_name, end));
    if (runs)
        closedir(runs);
}

/* ======== Tests ======== */

static void a_run_is_executed_and_its_report_is_in_redis(void **state)
{
    struct stack *stack = stack_up("lease: 30s, echo: true");
    dd_created run;

    (void)state;
    queue_run(stack, "success", &run);
    dd_auto_str log = await_end(stack, run.run);
    assert_string_equal(log, "first\na?[31mb\nlast\n");
    assert_field(stack, run.run, "state", "Succeeded");
    assert_field(stack, run.run, "images", "r.example.com/hello:1@sha256:1");
    assert_field_has(stack, run.run, "step:build", "Succeeded build, exit 0");
    assert_no_directory(stack, run.run, 1);
    assert_int_equal(stop(&stack->worker, SIGTERM), 0);
    dd_auto(dd_buf) echoed = NULL;
    dd_auto_str output = dd_path_join(stack->directory, "out");
    assert_int_equal(dd_buf_read_file(output, 4096, &echoed, NULL), 0);
    dd_auto_str expected =
        dd_sprintf("%s build | first\n%s build | a?[31mb\n%s | last\n", run.run, run.run, run.run);
    assert_string_equal(echoed->data, expected);
    stack_down(stack);
}

static void every_line_of_a_chatty_run_is_kept_in_order(void **state)
{
    struct stack *stack = stack_up("lease: 30s");
    dd_created run;
    dd_buf expected = {0};

    (void)state;
    for (int i = 0; i < CHATTY_LINES; i++)
        dd_buf_printf(&expected, "%099d\n", i);
    queue_run(stack, "chatty", &run);
    dd_auto_str log = await_end(stack, run.run);
    assert_true(strcmp(log, expected.data) == 0); /* too long to be shown */
    dd_buf_done(&expected);
    stack_down(stack);
}

static void a_worker_waits_for_redis_to_come_up(void **state)
{
    struct stack *stack = stack_new("lease: 30s");
    dd_created run;

    (void)state;
    start_worker(stack);
    start_redis(stack);
    open_store(stack);
    queue_run(stack, "success", &run);
    free(await_end(stack, run.run));
    assert_field(stack, run.run, "state", "Succeeded");
    stack_down(stack);
}

static void a_killed_process_ends_its_run_in_error_with_the_reason(void **state)
{
    struct stack *stack = stack_up("lease: 30s");
    dd_created run;

    (void)state;
    queue_run(stack, "waiting", &run);
    kill(await_waiting(stack, run.run), SIGKILL);
    dd_auto_str log = await_end(stack, run.run);
    assert_field(stack, run.run, "state", "Error");
    assert_field(stack, run.run, "message",
                 "the run's process was killed by signal 9 (SIGKILL) before it reported");
    assert_non_null(strstr(log, "signal 9"));
    await_cleaned(stack, run.run, 1);
    stack_down(stack);
}

static void a_process_that_leaves_without_a_word_is_an_error(void **state)
{
    struct stack *stack = stack_up("lease: 30s");
    dd_created run;

    (void)state;
    queue_run(stack, "exit", &run);
    free(await_end(stack, run.run));
    assert_field(stack, run.run, "state", "Error");
    assert_field_has(stack, run.run, "message", "ended with exit code 7");
    await_cleaned(stack, run.run, 1);
    stack_down(stack);
}

static void a_bad_frame_ends_its_run_and_no_other(void **state)
{
    struct stack *stack = stack_up("lease: 30s");
    dd_created run, next;

    (void)state;
    queue_run(stack, "stranger", &run);
    queue_run(stack, "success", &next);
    dd_auto_str log = await_end(stack, run.run);
    assert_non_null(strstr(log, "so far so good"));
    assert_field(stack, run.run, "state", "Error");
    assert_field_has(stack, run.run, "message", "cannot be read");
    await_cleaned(stack, run.run, 1);
    free(await_end(stack, next.run));
    assert_field(stack, next.run, "state", "Succeeded");
    stack_down(stack);
}

static void a_cancel_ends_a_run_at_once_and_not_at_the_next_beat(void **state)
{
    struct stack *stack = stack_up("lease: 300s");
    dd_created run;

    (void)state;
    queue_run(stack, "waiting", &run);
    await_waiting(stack, run.run);
    cancel_run(stack, run.run);
    free(await_end(stack, run.run));
    assert_field(stack, run.run, "state", "Canceled");
    stack_down(stack);
}

static void a_process_deaf_to_a_cancel_is_killed(void **state)
{
    struct stack *stack = stack_up("lease: 300s, grace: 0s");
    dd_created run;
    pid_t child;

    (void)state;
    queue_run(stack, "deaf", &run);
    child = await_waiting(stack, run.run);
    cancel_run(stack, run.run);
    await_death(child);
    free(await_end(stack, run.run));
    assert_field(stack, run.run, "state", "Canceled");
    assert_field_has(stack, run.run, "message", "SIGKILL");
    await_cleaned(stack, run.run, 1);
    stack_down(stack);
}

/* Somebody else has the run: as after a pause that outlasted the lease. */
static void take_lease_away(struct stack *stack, const char *run)
{
    dd_auto_str key = dd_store_key(stack->store, "run:%s", run);
    dd_command *increment = dd_command_new("HINCRBY");

    dd_command_arg(increment, key);
    dd_command_arg(increment, "lease");
    dd_command_arg(increment, "1");
    freeReplyObject(command(stack, increment));
}

static void a_stale_worker_gets_no_leave_to_push_and_writes_nothing(void **state)
{
    struct stack *stack = stack_up("lease: 300s");
    dd_created run;
    pid_t child;

    (void)state;
    queue_run(stack, "pusher", &run);
    child = await_waiting(stack, run.run);
    take_lease_away(stack, run.run);
    kill(child, SIGUSR1);
    await_death(child);
    await_cleaned(stack, run.run, 1);
    assert_false(was_heard(stack, "pushed"));
    assert_field(stack, run.run, "state", "Started");
    assert_field(stack, run.run, "ended_ms", NULL);
    assert_int_equal(stop(&stack->worker, SIGTERM), 0);
    stack_down(stack);
}

static void a_lease_that_is_held_gives_leave_to_push(void **state)
{
    struct stack *stack = stack_up("lease: 300s");
    dd_created run;
    pid_t child;

    (void)state;
    queue_run(stack, "pusher", &run);
    child = await_waiting(stack, run.run);
    kill(child, SIGUSR1);
    dd_auto_str pushed = dd_sprintf("pushed %s", run.run);
    await_event(stack, pushed);
    kill(await_waiting(stack, run.run), SIGUSR1);
    free(await_end(stack, run.run));
    assert_field(stack, run.run, "state", "Succeeded");
    stack_down(stack);
}

static void a_redis_paused_longer_than_the_lease_ends_the_process(void **state)
{
    struct stack *stack = stack_up("lease: 2s");
    dd_created run;
    pid_t child;
    int64_t paused_ms;

    (void)state;
    queue_run(stack, "waiting", &run);
    child = await_waiting(stack, run.run);
    kill(stack->redis, SIGSTOP);
    paused_ms = dd_monotonic_ms();
    await_death(child);
    assert_true(dd_monotonic_ms() - paused_ms <= 2000);
    await_cleaned(stack, run.run, 1);
    kill(stack->redis, SIGCONT);
    /* Taken up again, here by the same worker. */
    kill(await_waiting(stack, run.run), SIGUSR1);
    free(await_end(stack, run.run));
    assert_field(stack, run.run, "state", "Succeeded");
    assert_field(stack, run.run, "attempt", "2");
    stack_down(stack);
}

static void a_redis_paused_shorter_than_the_lease_is_no_matter(void **state)
{
    struct stack *stack = stack_up("lease: 30s");
    dd_created run;
    pid_t child;

    (void)state;
    queue_run(stack, "waiting", &run);
    child = await_waiting(stack, run.run);
    kill(stack->redis, SIGSTOP);
    kill(child, SIGUSR1); /* it ends while nothing can be written */
    await_death(child);
    kill(stack->redis, SIGCONT);
    free(await_end(stack, run.run));
    assert_field(stack, run.run, "state", "Succeeded");
    assert_field(stack, run.run, "attempt", "1");
    stack_down(stack);
}

static void a_worker_that_was_stopped_does_not_go_on_with_a_run_that_is_another_s(void **state)
{
    struct stack *stack = stack_up("lease: 2s");
    dd_created run;
    pid_t child;
    dd_strv done = {0};

    (void)state;
    queue_run(stack, "waiting", &run);
    child = await_waiting(stack, run.run);
    kill(stack->worker, SIGSTOP);
    /* What another worker would do. */
    for (int64_t until = dd_monotonic_ms() + PATIENCE_MS; done.count == 0 && dd_monotonic_ms() < until;) {
        redisReply *reply =
            command(stack, dd_expire_request(stack->settings->redis.prefix, stack->settings, 10));
        assert_int_equal(dd_expire_reply(reply, &done, NULL), 0);
        freeReplyObject(reply);
        poll(NULL, 0, 20);
    }
    assert_int_equal(done.count, 1);
    dd_strv_done(&done);
    kill(stack->worker, SIGCONT);
    await_death(child);
    await_cleaned(stack, run.run, 1);
    kill(await_waiting(stack, run.run), SIGUSR1);
    free(await_end(stack, run.run));
    assert_field(stack, run.run, "lease", "3"); /* one by expire, one by the second claim */
    stack_down(stack);
}

static void a_killed_worker_s_run_is_taken_up_again_by_the_next(void **state)
{
    struct stack *stack = stack_up("lease: 2s");
    dd_created run;

    (void)state;
    queue_run(stack, "waiting", &run);
    await_waiting(stack, run.run);
    stop(&stack->worker, SIGKILL);
    start_worker(stack);
    dd_auto_str alone = dd_sprintf("alone %s", run.run);
    await_event(stack, alone);
    await_cleaned(stack, run.run, 1);
    kill(await_waiting(stack, run.run), SIGUSR1);
    dd_auto_str log = await_end(stack, run.run);
    assert_field(stack, run.run, "state", "Succeeded");
    assert_field(stack, run.run, "attempt", "2");
    assert_non_null(strstr(log, "was lost"));
    stack_down(stack);
}

static void an_idle_worker_ends_at_once(void **state)
{
    struct stack *stack = stack_up("lease: 30s");
    dd_created run;

    (void)state;
    queue_run(stack, "success", &run); /* so that it is known to be up */
    free(await_end(stack, run.run));
    assert_int_equal(stop(&stack->worker, SIGTERM), 0);
    stack_down(stack);
}

static void a_drain_waits_for_the_run_and_claims_no_other(void **state)
{
    struct stack *stack = stack_up("lease: 30s, drain: 60s");
    dd_created run, next;
    pid_t child;
    int status;

    (void)state;
    queue_run(stack, "waiting", &run);
    child = await_waiting(stack, run.run);
    kill(stack->worker, SIGTERM);
    queue_run(stack, "success", &next);
    kill(child, SIGUSR1);
    await_death(stack->worker);
    assert_int_equal(waitpid(stack->worker, &status, 0), stack->worker);
    stack->worker = 0;
    assert_int_equal(dd_exit_code_of(status), 0);
    assert_field(stack, run.run, "state", "Succeeded");
    assert_field(stack, next.run, "state", "Queued");
    stack_down(stack);
}

static void a_drain_that_takes_too_long_leaves_the_run_to_the_next_worker(void **state)
{
    struct stack *stack = stack_up("lease: 2s, drain: 0s");
    dd_created run;

    (void)state;
    queue_run(stack, "waiting", &run);
    await_waiting(stack, run.run);
    assert_int_equal(stop(&stack->worker, SIGTERM), 0);
    assert_field(stack, run.run, "state", "Running");
    assert_no_directory(stack, run.run, 1);
    start_worker(stack);
    kill(await_waiting(stack, run.run), SIGUSR1);
    free(await_end(stack, run.run));
    assert_field(stack, run.run, "state", "Succeeded");
    assert_field(stack, run.run, "attempt", "2");
    stack_down(stack);
}

static void a_second_signal_ends_a_drain(void **state)
{
    struct stack *stack = stack_up("lease: 30s, drain: 3600s");
    dd_created run;

    (void)state;
    queue_run(stack, "waiting", &run);
    await_waiting(stack, run.run);
    kill(stack->worker, SIGTERM);
    /* Another kind, since two of one kind may become one. */
    assert_int_equal(stop(&stack->worker, SIGINT), 0);
    assert_field(stack, run.run, "state", "Running");
    stack_down(stack);
}

static void leftovers_are_removed_before_the_first_claim(void **state)
{
    struct stack *stack = stack_new("lease: 30s");
    dd_auto_str left = dd_sprintf("%s/worker/runs/other-ca77-4/workspace", stack->directory);
    dd_created run;

    (void)state;
    assert_int_equal(dd_mkdirs(left, 0700, NULL), 0);
    start_redis(stack);
    open_store(stack);
    queue_run(stack, "waiting", &run);
    start_worker(stack);
    await_event(stack, "cleaned ca77-4");
    kill(await_waiting(stack, run.run), SIGUSR1); /* heard after it */
    free(await_end(stack, run.run));
    stack_down(stack);
}

static void a_second_worker_in_the_same_directory_is_refused(void **state)
{
    struct stack *stack = stack_up("lease: 30s");
    dd_created run;
    pid_t first;
    int status;

    (void)state;
    queue_run(stack, "success", &run);
    free(await_end(stack, run.run));
    first = stack->worker;
    start_worker(stack);
    await_death(stack->worker);
    waitpid(stack->worker, &status, 0);
    assert_int_not_equal(dd_exit_code_of(status), 0);
    stack->worker = first;
    stack_down(stack);
}

static void a_run_that_cannot_be_started_ends_in_error(void **state)
{
    struct stack *stack = stack_up("lease: 30s");
    dd_auto(dd_fields) fields = dd_fields_new();
    dd_auto(dd_error) error = NULL;
    dd_strv causes = {0};
    dd_created run;

    (void)state;
    dd_strv_add(&causes, "cause");
    dd_fields_set(fields, "task", "success");
    redisReply *reply =
        command(stack, dd_create_run_request(stack->settings->redis.prefix, stack->settings, "success",
                                             "default", "normal", &causes, fields));
    must(dd_create_run_reply(reply, &run, &error), error);
    freeReplyObject(reply);
    dd_strv_done(&causes);
    free(await_end(stack, run.run));
    assert_field(stack, run.run, "state", "Error");
    assert_field(stack, run.run, "message", "the run cannot be started: the run has no clone_url");
    stack_down(stack);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_run_is_executed_and_its_report_is_in_redis, teardown),
        cmocka_unit_test_teardown(every_line_of_a_chatty_run_is_kept_in_order, teardown),
        cmocka_unit_test_teardown(a_worker_waits_for_redis_to_come_up, teardown),
        cmocka_unit_test_teardown(a_killed_process_ends_its_run_in_error_with_the_reason, teardown),
        cmocka_unit_test_teardown(a_process_that_leaves_without_a_word_is_an_error, teardown),
        cmocka_unit_test_teardown(a_bad_frame_ends_its_run_and_no_other, teardown),
        cmocka_unit_test_teardown(a_cancel_ends_a_run_at_once_and_not_at_the_next_beat, teardown),
        cmocka_unit_test_teardown(a_process_deaf_to_a_cancel_is_killed, teardown),
        cmocka_unit_test_teardown(a_stale_worker_gets_no_leave_to_push_and_writes_nothing, teardown),
        cmocka_unit_test_teardown(a_lease_that_is_held_gives_leave_to_push, teardown),
        cmocka_unit_test_teardown(a_redis_paused_longer_than_the_lease_ends_the_process, teardown),
        cmocka_unit_test_teardown(a_redis_paused_shorter_than_the_lease_is_no_matter, teardown),
        cmocka_unit_test_teardown(a_worker_that_was_stopped_does_not_go_on_with_a_run_that_is_another_s,
                                  teardown),
        cmocka_unit_test_teardown(a_killed_worker_s_run_is_taken_up_again_by_the_next, teardown),
        cmocka_unit_test_teardown(an_idle_worker_ends_at_once, teardown),
        cmocka_unit_test_teardown(a_drain_waits_for_the_run_and_claims_no_other, teardown),
        cmocka_unit_test_teardown(a_drain_that_takes_too_long_leaves_the_run_to_the_next_worker, teardown),
        cmocka_unit_test_teardown(a_second_signal_ends_a_drain, teardown),
        cmocka_unit_test_teardown(leftovers_are_removed_before_the_first_claim, teardown),
        cmocka_unit_test_teardown(a_second_worker_in_the_same_directory_is_refused, teardown),
        cmocka_unit_test_teardown(a_run_that_cannot_be_started_ends_in_error, teardown),
    };

    if (argc == 3 && strcmp(argv[1], "worker") == 0)
        return worker_main(argv[2]);
    if (argc == 2 && strcmp(argv[1], "run-child") == 0)
        return child_main();
    if (argc == 5 && strcmp(argv[1], "run-clean") == 0)
        return clean_main(argv + 1);
    /* The settings of the worker are these; its processes must not see them. */
    setenv("DRYDOCK_REDIS_TIMEOUT", "500ms", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
