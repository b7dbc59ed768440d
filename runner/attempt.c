/* One attempt at a run: the right to it (a lease), its process, and what of it goes to Redis.
 *
 * The order at the end matters: first the process is gone, then what it left is removed, then the last lines
 * of its log are kept, then the run gets its final state. Whatever cannot be confirmed with Redis before the
 * lease's end ends the attempt without a word, since somebody else may have the run by then. */
#include "worker_private.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define STEPS_MAX        2000
#define ASKS_MAX         1000
#define RETRY_MS         500
#define FLUSH_MS         100
#define FLUSH_BYTES      (64 << 10)
#define LOG_PAUSE_BYTES  (1 << 20)
#define LOG_RESUME_BYTES (512 << 10)
#define LOG_SLACK_BYTES  (1 << 20) /* what the run's process says itself beside its limit */
#define EXIT_WAIT_MS     10000
/* Beyond the run's own limit, which its process keeps: time to stop steps and to clean up. */
#define OVERTIME_MS     (5 * 60 * 1000)
#define LEASE_MARGIN_MS 2000 /* at most: for killing before the lease ends */

enum phase {
    WAITING,  /* an earlier attempt at the same run is still being removed from this machine */
    LIVE,     /* its process works */
    ENDING,   /* its process was asked to end, and is killed when its time is up */
    REPORTED, /* its result is here; its process has nothing more to do than exit */
    KILLED,   /* its process got SIGKILL */
    CLEANING, /* its process is gone, and what it left is being removed */
    WRITING,  /* the rest of its log and its end go to Redis */
    GONE,     /* nothing is left but answers to come */
    PHASES
};

#define TO(phase) (1U << (phase))

static const unsigned next_of[PHASES] = {
    [WAITING] = TO(LIVE) | TO(CLEANING) | TO(WRITING) | TO(GONE),
    [LIVE] = TO(ENDING) | TO(REPORTED) | TO(KILLED) | TO(CLEANING),
    [ENDING] = TO(REPORTED) | TO(KILLED) | TO(CLEANING),
    [REPORTED] = TO(KILLED) | TO(CLEANING) | TO(WRITING) | TO(GONE),
    [KILLED] = TO(CLEANING) | TO(WRITING) | TO(GONE),
    [CLEANING] = TO(WRITING) | TO(GONE),
    [WRITING] = TO(GONE),
};

static const char *const phase_names[PHASES] = {
    [WAITING] = "waiting", [LIVE] = "live",         [ENDING] = "ending",   [REPORTED] = "reported",
    [KILLED] = "killed",   [CLEANING] = "cleaning", [WRITING] = "writing", [GONE] = "gone",
};

struct dd_attempt {
    const dd_attempt_host *host;
    dd_claim *claim;
    enum phase phase;
    char *fields; /* for log lines */
    char *name;   /* dd_attempt_name */
    char *directory;
    /* the process */
    pid_t pid; /* 0: none, or waited for */
    int pidfd, wait_status;
    struct event *exited, *kill;
    struct bufferevent *channel; /* NULL: at its end */
    dd_decoder *decoder;
    bool paused; /* its channel is not read, since Redis does not keep up */
    dd_cleaner *cleaner;
    /* the right to the run */
    bool lost, released;
    bool overdue; /* its process did not keep the run's time limit */
    struct event *lease;
    /* the end */
    char *canceled; /* why, when somebody asked */
    char *failure;  /* what the process did wrong */
    dd_run_result *result;
    /* towards Redis */
    dd_run_state state; /* that updates move to, if it is not there yet */
    bool state_due, update_sent, finish_sent, flush_due;
    dd_fields *updates, *updates_sent;
    dd_strv steps; /* all that were reported */
    dd_strv asks;  /* steps that wait for leave to push */
    size_t asks_sent;
    dd_worker_log *log;
    int64_t log_bytes;
    struct event *flush, *retry, *gone;
    size_t calls; /* not answered yet */
};

static void pump(dd_attempt *attempt);
static void read_channel(dd_attempt *attempt);
static void process_over(dd_attempt *attempt);

static void enter(dd_attempt *attempt, enum phase to)
{
    dd_assert(next_of[attempt->phase] & TO(to));
    dd_log(DD_LOG_DEBUG, DD_WORKER_ROOM, attempt->fields, "%s -> %s", phase_names[attempt->phase],
           phase_names[to]);
    attempt->phase = to;
}

static void set_timer(struct event *timer, int64_t ms)
{
    struct timeval wait = {0, 0};

    if (ms > 0)
        wait = (struct timeval){ms / 1000, ms % 1000 * 1000};
    event_add(timer, &wait);
}

/* Freed by the worker, and never within a call of ours or a callback. */
static void check_gone(dd_attempt *attempt)
{
    if (attempt->phase == GONE && attempt->calls == 0)
        event_active(attempt->gone, EV_TIMEOUT, 0);
}

static void go(dd_attempt *attempt)
{
    event_del(attempt->lease);
    event_del(attempt->kill);
    enter(attempt, GONE);
    check_gone(attempt);
}

static dd_lease lease_of(const dd_attempt *attempt)
{
    return (dd_lease){attempt->claim->run, attempt->claim->lease};
}

static void add_line(dd_attempt *attempt, const char *step, dd_stream stream, int64_t at_ms, const char *text,
                     size_t length)
{
    dd_worker_log_add(attempt->log, step, stream, at_ms, text, length);
    if (attempt->host->settings->worker.echo)
        dd_worker_echo(attempt->claim->run, step, text);
}

static void say(dd_attempt *attempt, const char *text)
{
    add_line(attempt, "", DD_STREAM_SYSTEM, dd_wall_ms(), text, strlen(text));
}

/* ---- Calls on the store ---- */

static void call(dd_attempt *attempt, dd_command *command, dd_store_reply_cb *callback)
{
    attempt->calls++;
    dd_store_async_call(attempt->host->store, command, false, callback, attempt);
}

/* Read an answer. False when the call failed, and then what follows has been seen to: another try, or the
 * end. */
static bool answer(dd_attempt *attempt, const struct redisReply *reply, const dd_error *error)
{
    dd_auto(dd_error) refused = NULL;

    attempt->calls--;
    if (reply && dd_leased_reply(reply, &refused) == 0)
        return true;
    if (!reply)
        dd_fail(&refused, error->code, "%s", error->message);
    if (refused->code == DD_ERR_UNAVAILABLE || refused->code == DD_ERR_TIMEOUT)
        set_timer(attempt->retry, RETRY_MS);
    else if (refused->code != DD_ERR_CANCELED)
        dd_attempt_lose(attempt, refused->message);
    return false;
}

static void on_log_answer(struct redisReply *reply, const dd_error *error, void *context)
{
    dd_attempt *attempt = context;
    bool kept = answer(attempt, reply, error);

    dd_worker_log_answered(attempt->log, kept);
    if (!dd_worker_log_is_empty(attempt->log) && !event_pending(attempt->flush, EV_TIMEOUT, NULL))
        set_timer(attempt->flush, FLUSH_MS);
    if (attempt->paused && dd_worker_log_bytes(attempt->log) < LOG_RESUME_BYTES && attempt->channel) {
        attempt->paused = false;
        bufferevent_enable(attempt->channel, EV_READ);
        read_channel(attempt);
    }
    pump(attempt);
    check_gone(attempt);
}

static void pump_log(dd_attempt *attempt)
{
    dd_command *command;

    if (!attempt->flush_due && attempt->phase != WRITING && dd_worker_log_bytes(attempt->log) < FLUSH_BYTES)
        return;
    command = dd_worker_log_send(attempt->log, attempt->host->settings->redis.prefix, lease_of(attempt));
    if (!command)
        return;
    attempt->flush_due = false;
    call(attempt, command, on_log_answer);
}

/* What was sent and not kept goes below what has come since. */
static void restore_updates(dd_attempt *attempt)
{
    dd_fields *older = dd_take(attempt->updates_sent), *newer = attempt->updates;

    for (size_t i = 0; i < dd_fields_count(newer); i++)
        dd_fields_set(older, dd_fields_name_at(newer, i), dd_fields_value_at(newer, i));
    dd_fields_free(newer);
    attempt->updates = older;
    attempt->state_due = true;
}

static void on_update_answer(struct redisReply *reply, const dd_error *error, void *context)
{
    dd_attempt *attempt = context;

    attempt->update_sent = false;
    if (answer(attempt, reply, error))
        dd_fields_free(dd_take(attempt->updates_sent));
    else
        restore_updates(attempt);
    pump(attempt);
    check_gone(attempt);
}

static bool updates_are_due(const dd_attempt *attempt)
{
    return attempt->state_due || dd_fields_count(attempt->updates) > 0;
}

static void pump_updates(dd_attempt *attempt)
{
    if (attempt->update_sent || !updates_are_due(attempt))
        return;
    attempt->updates_sent = attempt->updates;
    attempt->updates = dd_fields_new();
    attempt->state_due = false;
    attempt->update_sent = true;
    call(attempt,
         dd_update_request(attempt->host->settings->redis.prefix, lease_of(attempt), attempt->state,
                           attempt->updates_sent),
         on_update_answer);
}

/* ---- To the process ---- */

static int send_message(dd_attempt *attempt, const dd_message *message, dd_error **err)
{
    dd_buf frame = {0};

    if (!attempt->channel)
        return 0;
    if (dd_message_encode(message, &frame, err) < 0)
        return -1;
    bufferevent_write(attempt->channel, frame.data, frame.length);
    dd_buf_done(&frame);
    return 0;
}

static void answer_push(dd_attempt *attempt, const char *step, bool allowed)
{
    send_message(attempt, &(dd_message){.type = DD_MESSAGE_PUSH_ANSWER, .allowed = allowed, .step = step},
                 NULL);
}

static void close_channel(dd_attempt *attempt)
{
    if (attempt->channel)
        bufferevent_free(dd_take(attempt->channel));
    attempt->paused = false;
}

/* The last look at the lease before a push: only a yes that was asked for after the step asked counts. */
static void on_ask_answer(struct redisReply *reply, const dd_error *error, void *context)
{
    dd_attempt *attempt = context;
    bool held = answer(attempt, reply, error);
    dd_strv left = {0};

    for (size_t i = 0; i < attempt->asks.count; i++) {
        if (i >= attempt->asks_sent || (!held && attempt->phase == LIVE))
            dd_strv_add(&left, attempt->asks.items[i]);
        else
            answer_push(attempt, attempt->asks.items[i], held && attempt->phase == LIVE);
    }
    dd_strv_done(&attempt->asks);
    attempt->asks = left;
    attempt->asks_sent = 0;
    pump(attempt);
    check_gone(attempt);
}

static void pump_asks(dd_attempt *attempt)
{
    dd_auto(dd_fields) none = NULL;

    if (attempt->asks_sent > 0 || attempt->asks.count == 0 || attempt->phase != LIVE)
        return;
    attempt->asks_sent = attempt->asks.count;
    none = dd_fields_new();
    call(attempt,
         dd_update_request(attempt->host->settings->redis.prefix, lease_of(attempt), attempt->state, none),
         on_ask_answer);
}

static void ask_to_end(dd_attempt *attempt, dd_run_state state, const char *why)
{
    size_t length = strnlen(why, 1024);

    enter(attempt, ENDING);
    send_message(attempt,
                 &(dd_message){.type = DD_MESSAGE_CANCEL, .state = state, .text = why, .length = length},
                 NULL);
    for (size_t i = attempt->asks_sent; i < attempt->asks.count; i++)
        answer_push(attempt, attempt->asks.items[i], false);
    set_timer(attempt->kill, attempt->host->settings->worker.grace_s * 1000 + EXIT_WAIT_MS);
}

/* The process is the leader of its group. What its engine clients have started is run-clean's to find. */
static void kill_process(dd_attempt *attempt)
{
    enter(attempt, KILLED);
    event_del(attempt->kill);
    if (attempt->pid > 0)
        kill(-attempt->pid, SIGKILL);
}

/* ---- The end ---- */

static void on_finish_answer(struct redisReply *reply, const dd_error *error, void *context)
{
    dd_attempt *attempt = context;

    attempt->finish_sent = false;
    if (answer(attempt, reply, error) && attempt->phase == WRITING) {
        dd_log(DD_LOG_INFO, DD_WORKER_ROOM, attempt->fields, "%s%s%s",
               dd_run_state_name(attempt->result->state), attempt->result->message ? ": " : "",
               attempt->result->message ? attempt->result->message : "");
        go(attempt);
        return;
    }
    check_gone(attempt);
}

static void pump_finish(dd_attempt *attempt)
{
    const dd_run_result *result = attempt->result;
    dd_auto(dd_fields) fields = NULL;

    if (attempt->phase != WRITING || attempt->finish_sent || attempt->update_sent ||
        updates_are_due(attempt) || !dd_worker_log_is_empty(attempt->log))
        return;
    if (attempt->released) {
        dd_log(DD_LOG_INFO, DD_WORKER_ROOM, attempt->fields,
               "ended without a result; it is taken up again when the lease has run out");
        go(attempt);
        return;
    }
    attempt->finish_sent = true;
    fields = dd_worker_result_fields(result, dd_fields_get(attempt->claim->fields, "task"));
    call(attempt,
         dd_finish_request(attempt->host->settings->redis.prefix, attempt->host->settings, lease_of(attempt),
                           result->state, fields, result->bases, result->base_count,
                           result->state == DD_RUN_SUCCEEDED),
         on_finish_answer);
}

/* Send whatever is due and not under way. */
static void pump(dd_attempt *attempt)
{
    if (attempt->lost || attempt->phase == GONE || event_pending(attempt->retry, EV_TIMEOUT, NULL))
        return;
    pump_log(attempt);
    pump_updates(attempt);
    pump_asks(attempt);
    pump_finish(attempt);
}

static void begin_writing(dd_attempt *attempt)
{
    if (attempt->lost) {
        go(attempt);
        return;
    }
    enter(attempt, WRITING);
    pump(attempt);
}

static void on_cleaned(void *context, const char *problem)
{
    dd_attempt *attempt = context;

    dd_cleaner_free(dd_take(attempt->cleaner));
    if (problem) {
        dd_log(DD_LOG_WARNING, DD_WORKER_ROOM, attempt->fields,
               "clean-up: %s; what is left is tried again at the next start", problem);
        say(attempt, "warning: what the run left could not be removed altogether");
    }
    begin_writing(attempt);
}

static void begin_cleaning(dd_attempt *attempt)
{
    dd_auto(dd_error) error = NULL;

    enter(attempt, CLEANING);
    if (dd_cleaner_start(attempt->host->base, attempt->host->settings->worker.engine, attempt->name,
                         attempt->directory, on_cleaned, attempt, &attempt->cleaner, &error) < 0)
        on_cleaned(attempt, error->message);
}

/* What is written of a run whose process did not say. */
static void set_result(dd_attempt *attempt)
{
    dd_auto_str how = dd_worker_exit_words(attempt->wait_status);

    attempt->result = dd_new(dd_run_result);
    attempt->result->state = attempt->canceled  ? DD_RUN_CANCELED
                             : attempt->overdue ? DD_RUN_TIMEOUT
                                                : DD_RUN_ERROR;
    if (attempt->canceled && attempt->phase == WAITING)
        attempt->result->message = dd_strdup(attempt->canceled);
    else if (attempt->canceled)
        attempt->result->message = dd_sprintf("%s; the run's process %s", attempt->canceled, how);
    else if (attempt->failure)
        attempt->result->message = dd_strdup(attempt->failure);
    else
        attempt->result->message = dd_sprintf("the run's process %s before it reported", how);
    say(attempt, attempt->result->message);
}

/* The process has exited, and all that it wrote is read. */
static void process_over(dd_attempt *attempt)
{
    bool reported = attempt->result != NULL;

    if (attempt->pid > 0 || attempt->channel || attempt->phase >= CLEANING)
        return;
    event_del(attempt->kill);
    /* A result that was ready before the word to end came counts. */
    if (reported && attempt->result->state != DD_RUN_ERROR)
        attempt->released = false;
    if (!reported && !attempt->lost && !attempt->released)
        set_result(attempt);
    if (!reported || dd_path_exists(attempt->directory))
        begin_cleaning(attempt);
    else
        begin_writing(attempt);
}

/* ---- From the process ---- */

static int take_state(dd_attempt *attempt, const dd_message *message, dd_error **err)
{
    (void)err;
    /* A run that is taken up again may be Running already. */
    if (dd_run_may_move(attempt->state, message->state)) {
        attempt->state = message->state;
        attempt->state_due = true;
    }
    return 0;
}

static int take_step(dd_attempt *attempt, const dd_message *message, dd_error **err)
{
    dd_auto_str name = dd_sprintf("step:%s", message->step);
    dd_auto_str words = dd_worker_step_words(message);

    if (!dd_strv_contains(&attempt->steps, message->step)) {
        if (attempt->steps.count >= STEPS_MAX)
            return dd_fail(err, DD_ERR_LIMIT, "more than %d steps", STEPS_MAX);
        dd_strv_add(&attempt->steps, message->step);
    }
    dd_worker_clean_line(words, strlen(words));
    dd_fields_set(attempt->updates, name, words);
    return 0;
}

static int take_log(dd_attempt *attempt, const dd_message *message, dd_error **err)
{
    dd_auto_str text = dd_strndup(message->text, message->length);
    dd_auto_str step = dd_strdup(message->step);

    (void)err;
    /* It keeps to its limit itself; one that does not is not believed. */
    attempt->log_bytes += (int64_t)message->length + 1;
    if (attempt->log_bytes > attempt->host->settings->worker.log_max_bytes + LOG_SLACK_BYTES)
        return 0;
    dd_worker_clean_line(text, message->length);
    dd_worker_clean_line(step, strlen(step));
    add_line(attempt, step, message->stream, message->at_ms, text, message->length);
    if (!event_pending(attempt->flush, EV_TIMEOUT, NULL))
        set_timer(attempt->flush, FLUSH_MS);
    return 0;
}

static int take_may_push(dd_attempt *attempt, const dd_message *message, dd_error **err)
{
    if (attempt->phase != LIVE) {
        answer_push(attempt, message->step, false);
        return 0;
    }
    if (attempt->asks.count >= ASKS_MAX)
        return dd_fail(err, DD_ERR_LIMIT, "more than %d pushes at once", ASKS_MAX);
    dd_strv_add(&attempt->asks, message->step);
    return 0;
}

static int take_result(dd_attempt *attempt, const dd_message *message, dd_error **err)
{
    size_t refused;

    if (dd_run_result_from_json(message->text, message->length, &attempt->result, err) < 0)
        return -1;
    refused = dd_worker_check_result(attempt->result);
    if (refused > 0) {
        dd_auto_str words = dd_sprintf(
            "warning: %zu base images are no references, or more than %d; their updates start no run",
            refused, DD_WORKER_BASES_MAX);
        dd_log(DD_LOG_WARNING, DD_WORKER_ROOM, attempt->fields, "%s", words);
        say(attempt, words);
    }
    if (attempt->phase != KILLED) {
        enter(attempt, REPORTED);
        set_timer(attempt->kill, EXIT_WAIT_MS);
    }
    return 0;
}

static int (*const takers[DD_MESSAGE_TYPES])(dd_attempt *, const dd_message *, dd_error **) = {
    [DD_MESSAGE_STATE] = take_state,       [DD_MESSAGE_STEP] = take_step,     [DD_MESSAGE_LOG] = take_log,
    [DD_MESSAGE_MAY_PUSH] = take_may_push, [DD_MESSAGE_RESULT] = take_result,
};

static int take_message(dd_attempt *attempt, const dd_message *message, dd_error **err)
{
    if (attempt->result)
        return dd_fail(err, DD_ERR_INVALID, "a %s message after the result",
                       dd_message_type_name(message->type));
    return takers[message->type](attempt, message, err);
}

static void refuse_process(dd_attempt *attempt, const dd_error *error)
{
    attempt->failure = dd_sprintf("the run's process sent what cannot be read: %s", error->message);
    dd_log(DD_LOG_ERROR, DD_WORKER_ROOM, attempt->fields, "%s; it is killed", attempt->failure);
    /* Not believed any more, whatever it said before. */
    dd_run_result_free(dd_take(attempt->result));
    close_channel(attempt);
    if (attempt->phase != KILLED)
        kill_process(attempt);
    process_over(attempt);
}

static int take_messages(dd_attempt *attempt, const char *data, size_t length, dd_error **err)
{
    dd_message message;
    int next;

    dd_decoder_feed(attempt->decoder, data, length);
    while ((next = dd_decoder_next(attempt->decoder, &message, err)) > 0)
        if (take_message(attempt, &message, err) < 0)
            return -1;
    return next;
}

static void read_channel(dd_attempt *attempt)
{
    dd_auto(dd_error) error = NULL;
    char data[16384];
    int got;

    while (attempt->channel && !attempt->paused &&
           (got = evbuffer_remove(bufferevent_get_input(attempt->channel), data, sizeof data)) > 0) {
        if (take_messages(attempt, data, (size_t)got, &error) < 0) {
            refuse_process(attempt, error);
            return;
        }
        if (dd_worker_log_bytes(attempt->log) > LOG_PAUSE_BYTES) {
            attempt->paused = true;
            bufferevent_disable(attempt->channel, EV_READ);
        }
    }
    pump(attempt);
}

static void on_read(struct bufferevent *channel, void *context)
{
    (void)channel;
    read_channel(context);
}

static void on_channel_end(struct bufferevent *channel, short what, void *context)
{
    dd_attempt *attempt = context;

    (void)channel, (void)what;
    close_channel(attempt);
    process_over(attempt);
}

static void on_exited(evutil_socket_t fd, short what, void *context)
{
    dd_attempt *attempt = context;
    pid_t waited = waitpid(attempt->pid, &attempt->wait_status, WNOHANG);

    (void)fd, (void)what;
    dd_assert(waited >= 0); /* nobody else waits for it, and SIGCHLD is not ignored (main) */
    if (waited == 0)
        return;
    attempt->pid = 0;
    event_del(attempt->exited);
    process_over(attempt);
}

static void on_kill(evutil_socket_t fd, short what, void *context)
{
    dd_attempt *attempt = context;

    (void)fd, (void)what;
    if (attempt->pid > 0)
        dd_log(DD_LOG_WARNING, DD_WORKER_ROOM, attempt->fields, "its process did not end in time; killed");
    if (attempt->phase == LIVE) {
        attempt->overdue = true;
        attempt->failure =
            dd_strdup("the run took longer than its time limit, and its process did not end it");
    }
    kill_process(attempt);
}

static void on_flush(evutil_socket_t fd, short what, void *context)
{
    dd_attempt *attempt = context;

    (void)fd, (void)what;
    attempt->flush_due = true;
    pump(attempt);
}

static void on_retry(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    pump(context);
}

static void on_lease_end(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    dd_attempt_lose(context, "Redis did not confirm the lease before its end");
}

static void on_gone(evutil_socket_t fd, short what, void *context)
{
    dd_attempt *attempt = context;

    (void)fd, (void)what;
    attempt->host->ended(attempt->host->context, attempt); /* frees it */
}

/* ---- Starting ---- */

/* This process's environment without our settings, which may be secrets: the run's process gets its job. */
static void child_environment(dd_strv *ret)
{
    for (char **variable = environ; *variable; variable++)
        if (!dd_str_starts(*variable, "DRYDOCK_") || dd_str_starts(*variable, "DRYDOCK_LOG_LEVEL="))
            dd_strv_add(ret, *variable);
}

static int spawn_child(dd_attempt *attempt, int end, dd_error **err)
{
    const char *const argv[] = {"/proc/self/exe", "run-child", NULL};
    dd_spawn spawn = DD_SPAWN_INIT;
    dd_strv env = {0};
    pid_t pid = 0;
    int ret;

    child_environment(&env);
    spawn.argv = argv;
    spawn.envp = (const char *const *)env.items;
    spawn.output = spawn.error = STDERR_FILENO;
    spawn.passed = &end;
    spawn.passed_count = 1;
    spawn.own_group = true;
    ret = dd_spawn_start(&spawn, &pid, err);
    attempt->pid = ret == 0 ? pid : 0;
    dd_strv_done(&env);
    return ret;
}

static int watch_child(dd_attempt *attempt, dd_error **err)
{
    attempt->pidfd = (int)syscall(SYS_pidfd_open, attempt->pid, 0U);
    if (attempt->pidfd < 0) {
        dd_fail_errno(err, DD_ERR_INTERNAL, errno, "watching the run's process");
        kill(-attempt->pid, SIGKILL);
        waitpid(attempt->pid, &attempt->wait_status, 0);
        attempt->pid = 0;
        return -1;
    }
    attempt->exited =
        event_new(attempt->host->base, attempt->pidfd, EV_READ | EV_PERSIST, on_exited, attempt);
    event_add(attempt->exited, NULL);
    return 0;
}

static int open_channel(dd_attempt *attempt, int *ret_end, dd_error **err)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "making a channel");
    evutil_make_socket_nonblocking(ends[0]);
    *ret_end = ends[1];
    attempt->channel = bufferevent_socket_new(attempt->host->base, ends[0], BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(attempt->channel, on_read, NULL, on_channel_end, attempt);
    bufferevent_enable(attempt->channel, EV_READ | EV_WRITE);
    return 0;
}

static int start_process(dd_attempt *attempt, dd_error **err)
{
    dd_auto(dd_job) job = NULL;
    dd_auto_str json = NULL;
    dd_auto_fd end = -1;

    if (dd_worker_job(attempt->host->settings, attempt->host->directory, attempt->host->instance,
                      attempt->claim, &job, err) < 0 ||
        dd_mkdirs(job->directory, 0700, err) < 0 || open_channel(attempt, &end, err) < 0)
        return -1;
    json = dd_job_to_json(job);
    if (send_message(attempt, &(dd_message){.type = DD_MESSAGE_JOB, .text = json, .length = strlen(json)},
                     err) < 0)
        return -1;
    if (spawn_child(attempt, end, err) < 0 || watch_child(attempt, err) < 0)
        return -1;
    if (job->timeout_s > 0)
        set_timer(attempt->kill, (job->timeout_s + job->grace_s) * 1000 + OVERTIME_MS);
    return 0;
}

void dd_attempt_begin(dd_attempt *attempt)
{
    dd_auto(dd_error) error = NULL;

    if (attempt->phase != WAITING)
        return;
    if (start_process(attempt, &error) == 0) {
        enter(attempt, LIVE);
        dd_log(DD_LOG_INFO, DD_WORKER_ROOM, attempt->fields, "started as process %d", attempt->pid);
        return;
    }
    attempt->failure = dd_sprintf("the run cannot be started: %s", error->message);
    close_channel(attempt);
    set_result(attempt);
    process_over(attempt);
}

/* ---- The worker's calls ---- */

dd_attempt *dd_attempt_new(const dd_attempt_host *host, dd_claim *taken, int64_t asked_ms)
{
    dd_attempt *attempt = dd_new(dd_attempt);
    const char *state = dd_fields_get(taken->fields, "state");

    attempt->host = host;
    attempt->claim = taken;
    attempt->fields = dd_sprintf("run=%s lease=%lld", taken->run, (long long)taken->lease);
    attempt->name = dd_attempt_name(host->instance, taken->run, taken->lease);
    attempt->directory = dd_worker_run_directory(host->directory, attempt->name);
    attempt->pidfd = -1;
    attempt->decoder = dd_decoder_new(DD_TO_WORKER);
    attempt->log = dd_worker_log_new();
    attempt->updates = dd_fields_new();
    attempt->state = DD_RUN_STARTED;
    if (dd_str_eq(state, dd_run_state_name(DD_RUN_RUNNING)))
        attempt->state = DD_RUN_RUNNING;
    attempt->kill = evtimer_new(host->base, on_kill, attempt);
    attempt->lease = evtimer_new(host->base, on_lease_end, attempt);
    attempt->flush = evtimer_new(host->base, on_flush, attempt);
    attempt->retry = evtimer_new(host->base, on_retry, attempt);
    attempt->gone = evtimer_new(host->base, on_gone, attempt);
    dd_attempt_confirm(attempt, asked_ms);
    return attempt;
}

void dd_attempt_free(dd_attempt *attempt)
{
    struct event **const events[] = {&attempt->exited, &attempt->kill,  &attempt->lease,
                                     &attempt->flush,  &attempt->retry, &attempt->gone};

    if (!attempt)
        return;
    dd_assert(attempt->calls == 0);
    close_channel(attempt);
    for (size_t i = 0; i < DD_COUNT(events); i++)
        if (*events[i])
            event_free(*events[i]);
    if (attempt->pidfd >= 0)
        close(attempt->pidfd);
    dd_cleaner_free(attempt->cleaner);
    dd_decoder_free(attempt->decoder);
    dd_worker_log_free(attempt->log);
    dd_fields_free(attempt->updates);
    dd_fields_free(attempt->updates_sent);
    dd_run_result_free(attempt->result);
    dd_strv_done(&attempt->steps);
    dd_strv_done(&attempt->asks);
    dd_claim_free(attempt->claim);
    free(attempt->canceled);
    free(attempt->failure);
    free(attempt->name);
    free(attempt->directory);
    free(attempt->fields);
    free(attempt);
}

const char *dd_attempt_run(const dd_attempt *attempt)
{
    return attempt->claim->run;
}

bool dd_attempt_lease(const dd_attempt *attempt, dd_lease *ret)
{
    *ret = lease_of(attempt);
    return !attempt->lost && attempt->phase != GONE;
}

void dd_attempt_confirm(dd_attempt *attempt, int64_t sent_ms)
{
    int64_t lease_ms = attempt->host->lease_ms;
    int64_t margin_ms = lease_ms / 6 < LEASE_MARGIN_MS ? lease_ms / 6 : LEASE_MARGIN_MS;

    if (!attempt->lost && attempt->phase != GONE)
        set_timer(attempt->lease, sent_ms + lease_ms - margin_ms - dd_monotonic_ms());
}

void dd_attempt_cancel(dd_attempt *attempt, const char *why)
{
    if (attempt->canceled || attempt->lost || attempt->result || attempt->phase >= CLEANING)
        return;
    dd_log(DD_LOG_INFO, DD_WORKER_ROOM, attempt->fields, "%s", why);
    attempt->canceled = dd_strdup(why);
    if (attempt->phase == LIVE) {
        ask_to_end(attempt, DD_RUN_CANCELED, why);
    } else if (attempt->phase == WAITING) {
        set_result(attempt);
        process_over(attempt);
    }
}

void dd_attempt_lose(dd_attempt *attempt, const char *why)
{
    if (attempt->lost || attempt->phase == GONE)
        return;
    attempt->lost = true;
    dd_log(DD_LOG_WARNING, DD_WORKER_ROOM, attempt->fields,
           "%s; the run is not ours any more: what runs of it is killed, and nothing more is written", why);
    event_del(attempt->lease);
    switch (attempt->phase) {
    case WAITING:
    case WRITING:
        go(attempt);
        break;
    case LIVE:
    case ENDING:
    case REPORTED:
        kill_process(attempt);
        close_channel(attempt);
        process_over(attempt);
        break;
    case KILLED:
        close_channel(attempt);
        process_over(attempt);
        break;
    case CLEANING:
    case GONE:
    case PHASES:
        break;
    }
}

void dd_attempt_release(dd_attempt *attempt, const char *why)
{
    if (attempt->phase == WAITING)
        go(attempt);
    if (attempt->phase != LIVE)
        return;
    attempt->released = true;
    ask_to_end(attempt, DD_RUN_ERROR, why);
}
