/* The run's own process: one job from the worker's channel to its result.
 *
 * What crashes or hangs in here ends one run. The process answers to the channel alone: when the worker dies,
 * the channel ends, and the run is ended and cleaned up as by a cancel. */
#include "channel.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define JOB_WAIT_S 60
/* Beyond this much that the worker has not read, lines of steps are dropped: a worker that waits for Redis
 * must not stop a build, nor fill our memory. */
#define UNREAD_MAX_BYTES (4 << 20)

struct child {
    struct event_base *base;
    struct bufferevent *channel;
    dd_decoder *decoder;
    struct event *job_wait, *signals[2];
    dd_job *job;
    dd_executor *executor;
    int lock; /* on the job's directory, as long as this process lives: run-clean waits for it */
    uint64_t dropped;
    bool worker_gone, done;
    int exit_code;
};

/* ---- To the worker ---- */

static int child_send(struct child *child, const dd_message *message, dd_error **err)
{
    dd_buf frame = {0};

    if (child->worker_gone)
        return 0;
    if (dd_message_encode(message, &frame, err) < 0)
        return -1;
    bufferevent_write(child->channel, frame.data, frame.length);
    dd_buf_done(&frame);
    return 0;
}

static size_t unread(const struct child *child)
{
    return evbuffer_get_length(bufferevent_get_output(child->channel));
}

/* Only what has a bound of its own is sent by this: a failure is our bug. */
static void child_tell(struct child *child, const dd_message *message)
{
    int sent = child_send(child, message, NULL);

    dd_assert(sent == 0);
}

static void say(struct child *child, const char *text)
{
    child_tell(child, &(dd_message){.type = DD_MESSAGE_LOG,
                                    .stream = DD_STREAM_SYSTEM,
                                    .at_ms = dd_wall_ms(),
                                    .text = text,
                                    .length = strlen(text)});
}

static void note_dropped(struct child *child)
{
    if (child->dropped == 0)
        return;
    dd_auto_str text = dd_sprintf("%llu lines are missing here: they came faster than they could be kept",
                                  (unsigned long long)child->dropped);
    child->dropped = 0;
    say(child, text);
}

/* ---- The executor's sink ---- */

static void on_state(void *context, dd_run_state state)
{
    child_tell(context, &(dd_message){.type = DD_MESSAGE_STATE, .state = state});
}

static void on_step(void *context, const dd_step_report *report)
{
    const char *why = report->message ? report->message : "";

    child_tell(context, &(dd_message){.type = DD_MESSAGE_STEP,
                                      .report = *report,
                                      .step = report->id,
                                      .text = why,
                                      .length = strnlen(why, 4096)});
}

static void on_log(void *context, const char *step, dd_stream stream, const char *text, size_t length)
{
    struct child *child = context;

    if (stream != DD_STREAM_SYSTEM && unread(child) > UNREAD_MAX_BYTES) {
        child->dropped++;
        return;
    }
    note_dropped(child);
    child_tell(child,
               &(dd_message){.type = DD_MESSAGE_LOG,
                             .stream = stream,
                             .at_ms = dd_wall_ms(),
                             .step = step,
                             .text = text,
                             .length = length < DD_LOG_TEXT_MAX_BYTES ? length : DD_LOG_TEXT_MAX_BYTES});
}

static void on_may_push(void *context, const char *step)
{
    child_tell(context, &(dd_message){.type = DD_MESSAGE_MAY_PUSH, .step = step});
}

/* ---- The end ---- */

static void leave(struct child *child, int exit_code)
{
    child->exit_code = exit_code;
    event_base_loopbreak(child->base);
}

/* Leave once the worker has all of it. */
static void leave_when_sent(struct child *child)
{
    child->done = true;
    if (child->worker_gone)
        leave(child, 1);
    else if (unread(child) == 0)
        leave(child, 0);
}

static int send_result(struct child *child, const dd_run_result *result, dd_error **err)
{
    dd_auto_str json = dd_run_result_to_json(result);

    return child_send(child, &(dd_message){.type = DD_MESSAGE_RESULT, .text = json, .length = strlen(json)},
                      err);
}

static void on_done(dd_run_result *taken, void *context)
{
    struct child *child = context;
    dd_auto(dd_run_result) result = taken;
    dd_auto(dd_error) error = NULL;

    note_dropped(child);
    if (send_result(child, result, NULL) < 0) {
        /* The dependency report is the one part that a task file can make so long. */
        free(dd_take(result->dependencies));
        if (send_result(child, result, &error) < 0) {
            dd_run_result failed = {.state = DD_RUN_ERROR, .message = error->message};
            int sent = send_result(child, &failed, NULL);
            dd_assert(sent == 0);
        }
    }
    leave_when_sent(child);
}

static void end_run(struct child *child, dd_run_state state, const char *why)
{
    if (child->done)
        return;
    if (child->executor)
        dd_executor_cancel(child->executor, state, why);
    else
        leave(child, 1);
}

static void lose_worker(struct child *child, const char *why)
{
    if (child->worker_gone)
        return;
    dd_log(DD_LOG_WARNING, "runner", NULL, "%s; the run is ended and cleaned up", why);
    child->worker_gone = true;
    bufferevent_disable(child->channel, EV_READ | EV_WRITE);
    if (child->done)
        leave(child, 1);
    else
        end_run(child, DD_RUN_ERROR, why);
}

/* ---- From the worker ---- */

/* Held by this process alone: its children get no descriptor of ours. */
static void lock_directory(struct child *child)
{
    child->lock = open(child->job->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (child->lock >= 0 && flock(child->lock, LOCK_EX | LOCK_NB) < 0)
        dd_log(DD_LOG_WARNING, "runner", NULL, "%s is locked by another process; going on",
               child->job->directory);
}

static int take_job(struct child *child, const dd_message *message, dd_error **err)
{
    const dd_run_sink sink = {
        .state = on_state, .step = on_step, .log = on_log, .may_push = on_may_push, .context = child};

    if (child->job)
        return dd_fail(err, DD_ERR_INVALID, "a second job");
    event_del(child->job_wait);
    if (dd_job_from_json(message->text, message->length, &child->job, err) < 0)
        return -1;
    lock_directory(child);
    if (dd_executor_new(child->base, child->job, &sink, &child->executor, err) == 0) {
        dd_executor_start(child->executor, on_done, child);
        return 0;
    }
    /* The job can be read but not run: that is the run's result, not the channel's fault. */
    dd_run_result *failed = dd_new(dd_run_result);
    failed->state = DD_RUN_ERROR;
    failed->message = dd_strdup((*err)->message);
    dd_error_free(dd_take(*err));
    on_done(failed, child);
    return 0;
}

static int take_message(struct child *child, const dd_message *message, dd_error **err)
{
    if (message->type == DD_MESSAGE_JOB)
        return take_job(child, message, err);
    if (child->done)
        return 0;
    if (!child->executor)
        return dd_fail(err, DD_ERR_INVALID, "a %s message before the job",
                       dd_message_type_name(message->type));
    if (message->type == DD_MESSAGE_CANCEL)
        end_run(child, message->state, message->text);
    else
        dd_executor_push_answer(child->executor, message->step, message->allowed);
    return 0;
}

static void on_read(struct bufferevent *channel, void *context)
{
    struct child *child = context;
    struct evbuffer *input = bufferevent_get_input(channel);
    dd_auto(dd_error) error = NULL;
    dd_message message;
    char data[16384];
    int got, next = 0;

    while (next >= 0 && (got = evbuffer_remove(input, data, sizeof data)) > 0) {
        dd_decoder_feed(child->decoder, data, (size_t)got);
        while ((next = dd_decoder_next(child->decoder, &message, &error)) > 0)
            if ((next = take_message(child, &message, &error)) < 0)
                break;
    }
    if (next >= 0)
        return;
    dd_auto_str why = dd_sprintf("the worker sent what cannot be read: %s", error->message);
    lose_worker(child, why);
}

static void on_written(struct bufferevent *channel, void *context)
{
    struct child *child = context;

    (void)channel;
    if (child->done)
        leave(child, child->worker_gone ? 1 : 0);
    else
        note_dropped(child);
}

static void on_channel_end(struct bufferevent *channel, short what, void *context)
{
    (void)channel, (void)what;
    lose_worker(context, "the worker died");
}

static void on_no_job(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    lose_worker(context, "no job came");
}

static void on_signal(evutil_socket_t signal, short what, void *context)
{
    (void)what;
    dd_auto_str why = dd_sprintf("the run's process was asked to end by SIG%s", sigabbrev_np((int)signal));
    end_run(context, DD_RUN_ERROR, why);
}

/* ---- Main ---- */

static bool child_init(struct child *child)
{
    static const int signals[] = {SIGTERM, SIGINT};
    struct timeval wait = {JOB_WAIT_S, 0};

    signal(SIGPIPE, SIG_IGN);
    if (evutil_make_socket_nonblocking(DD_CHANNEL_FD) < 0 ||
        evutil_make_socket_closeonexec(DD_CHANNEL_FD) < 0)
        return false;
    child->base = event_base_new();
    child->channel = bufferevent_socket_new(child->base, DD_CHANNEL_FD, BEV_OPT_CLOSE_ON_FREE);
    child->decoder = dd_decoder_new(DD_TO_CHILD);
    bufferevent_setcb(child->channel, on_read, on_written, on_channel_end, child);
    bufferevent_enable(child->channel, EV_READ | EV_WRITE);
    child->job_wait = evtimer_new(child->base, on_no_job, child);
    event_add(child->job_wait, &wait);
    for (size_t i = 0; i < DD_COUNT(signals); i++) {
        child->signals[i] = evsignal_new(child->base, signals[i], on_signal, child);
        event_add(child->signals[i], NULL);
    }
    return true;
}

static void child_done(struct child *child)
{
    dd_executor_free(child->executor);
    dd_job_free(child->job);
    dd_decoder_free(child->decoder);
    event_free(child->job_wait);
    for (size_t i = 0; i < DD_COUNT(child->signals); i++)
        event_free(child->signals[i]);
    bufferevent_free(child->channel);
    event_base_free(child->base);
    if (child->lock >= 0)
        close(child->lock);
}

int dd_run_child_main(void)
{
    struct child child = {.lock = -1, .exit_code = 1};

    if (!child_init(&child)) {
        dd_log(DD_LOG_ERROR, "runner", NULL,
               "run-child is started by a worker, with its channel as descriptor %d", DD_CHANNEL_FD);
        return 2;
    }
    event_base_dispatch(child.base);
    child_done(&child);
    return child.exit_code;
}
