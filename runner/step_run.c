/* One step under way.
 *
 * A step goes through phases; in each it waits for one thing: a process, a timer, an answer. `after` says
 * which function goes on when the phase's process ends. A step that is being stopped takes no further phase:
 * whatever ends next ends it. */
#include "executor_private.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define PUSH_TRIES       3
#define DEFAULT_GRACE_S  10
#define ENGINE_MARGIN_S  10 /* what the engine may take beside the grace that it gives */
#define CLIENT_GRACE_S   5
#define STOP_AGAIN_MS    500
#define PUSH_BACK_OFF_MS 250
#define EXIT_NOT_STARTED 125

static void attempt(dd_step_run *run);
static void ask(dd_step_run *run);
static void next_base(dd_step_run *run);

/* ---- The end ---- */

static int64_t grace_s(const dd_step_run *run)
{
    return run->executor->job->grace_s > 0 ? run->executor->job->grace_s : DEFAULT_GRACE_S;
}

static void finish(dd_step_run *run, dd_step_state state)
{
    dd_executor *executor = run->executor;
    bool failed = state == DD_STEP_FAILED || state == DD_STEP_TIMEOUT;

    run->phase = DD_PHASE_IDLE;
    run->waits_for = NULL;
    event_del(run->timer);
    event_del(run->timeout);
    event_del(run->kill);
    dd_process_free(dd_take(run->stopper));
    dd_process_free(dd_take(run->process));
    if (failed && run->step->ignore_errors) {
        dd_auto_str message = dd_take(run->message);
        run->message = dd_sprintf("%s; ignored, as the step says", message);
        state = DD_STEP_SUCCEEDED;
        failed = false;
    }
    dd_schedule_end(executor->schedule, run->index, state, run->exit_code);
    if (failed) {
        dd_auto_str message = dd_sprintf("step '%s': %s", run->step->id, run->message);
        if (dd_schedule_failure_is_final(executor->schedule, run->index))
            dd_executor_end(executor, DD_RUN_FAILED, message);
        else
            dd_executor_failed(executor, message);
    }
    dd_executor_poke(executor);
}

static void set_message(dd_step_run *run, const char *text)
{
    free(run->message);
    run->message = dd_secrets_mask(run->executor->secrets, text);
}

static void fail(dd_step_run *run, const char *message)
{
    set_message(run, message);
    finish(run, DD_STEP_FAILED);
}

static void fail_with(dd_step_run *run, const dd_error *error)
{
    dd_auto_str text = dd_error_text(error);

    if (run->exit_code == 0)
        run->exit_code = EXIT_NOT_STARTED;
    fail(run, text);
}

static void finish_stopped(dd_step_run *run)
{
    if (run->timed_out)
        finish(run, DD_STEP_TIMEOUT);
    else
        finish(run, DD_STEP_CANCELED);
}

/* ---- Processes and timers ---- */

static void after_pull(dd_step_run *run, dd_process *process, int exit_code);
static void after_lookup(dd_step_run *run, dd_process *process, int exit_code);
static void after_base(dd_step_run *run, dd_process *process, int exit_code);
static void after_inspect(dd_step_run *run, dd_process *process, int exit_code);
static void after_work(dd_step_run *run, dd_process *process, int exit_code);
static void after_remove(dd_step_run *run, dd_process *process, int exit_code);

static void (*const after[])(dd_step_run *run, dd_process *process, int exit_code) = {
    [DD_PHASE_PULL] = after_pull,       [DD_PHASE_LOOKUP] = after_lookup, [DD_PHASE_BASE] = after_base,
    [DD_PHASE_INSPECT] = after_inspect, [DD_PHASE_WORK] = after_work,     [DD_PHASE_REMOVE] = after_remove,
};

static void on_ended(void *context, dd_process *process, int exit_code)
{
    dd_step_run *run = context;

    /* Its collected output is still read below; it is freed when that has been done. */
    run->process = NULL;
    /* Else the client has seen to it that the container is gone. */
    if (run->step->kind == DD_STEP_CMD && run->phase == DD_PHASE_WORK &&
        (run->ending || exit_code >= EXIT_NOT_STARTED))
        run->executor->containers_left = true;
    if (run->ending) {
        run->exit_code = exit_code;
        finish_stopped(run);
    } else {
        after[run->phase](run, process, exit_code);
    }
    dd_process_free(process);
}

/* Start the phase's process. `output` NULL: what it writes to standard output is for us. */
static void start(dd_step_run *run, dd_phase phase, const dd_strv *argv, dd_output *output,
                  const dd_strv *envp)
{
    dd_auto(dd_error) error = NULL;

    run->phase = phase;
    if (dd_process_start(run->executor->base,
                         &(dd_process_spec){.argv = (const char *const *)argv->items,
                                            .envp = (const char *const *)envp->items,
                                            .output = output,
                                            .error = run->error,
                                            .ended = on_ended,
                                            .context = run},
                         &run->process, &error) < 0)
        fail_with(run, error);
}

static void wait_ms(dd_step_run *run, dd_phase phase, int64_t ms)
{
    struct timeval time = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

    run->phase = phase;
    event_add(run->timer, &time);
}

static void arm(struct event *timer, int64_t seconds)
{
    struct timeval time = {(time_t)seconds, 0};

    event_add(timer, &time);
}

static void start_clock(dd_step_run *run)
{
    if (run->step->timeout_s > 0 && !event_pending(run->timeout, EV_TIMEOUT, NULL))
        arm(run->timeout, run->step->timeout_s);
}

/* ---- cmd: network, image, container ---- */

static void pull(dd_step_run *run)
{
    dd_executor *executor = run->executor;
    dd_engine_tls tls = dd_executor_tls(executor, run->reference);
    dd_strv argv = {0};

    executor->engine->pull(&executor->scope, &tls, &run->options->platform, run->image, &argv);
    start(run, DD_PHASE_PULL, &argv, NULL, &executor->environment);
    dd_strv_done(&argv);
}

static void begin_cmd(dd_step_run *run)
{
    if (run->waits_for) {
        run->phase = DD_PHASE_NETWORK;
        dd_network_want(run->waits_for);
    } else if (run->pull_first) {
        pull(run);
    } else {
        attempt(run);
    }
}

void dd_step_run_network_ready(dd_step_run *run)
{
    run->waits_for = NULL;
    if (run->phase != DD_PHASE_NETWORK)
        return;
    if (run->step->kind == DD_STEP_BUILD)
        next_base(run);
    else
        begin_cmd(run);
}

static void after_pull(dd_step_run *run, dd_process *process, int exit_code)
{
    const dd_buf *output = dd_process_output(process);
    dd_auto_str id = NULL;

    if (exit_code == 0) {
        /* What was fetched is what is run, whatever its name means by then. */
        if (output->length > 0 && dd_step_read_id(output->data, &id)) {
            free(run->image);
            run->image = dd_take(id);
        }
        attempt(run);
        return;
    }
    if (run->pulls_left-- > 0) {
        wait_ms(run, DD_PHASE_PULL_DELAY, run->step->download_retry_delay_s * 1000);
        return;
    }
    run->exit_code = exit_code;
    dd_auto_str message = dd_sprintf("image %s could not be fetched: exit status %d", run->image, exit_code);
    fail(run, message);
}

static void start_container(dd_step_run *run)
{
    dd_executor *executor = run->executor;
    dd_strv argv = {0}, environment = {0};
    bool detach = run->step->detach || run->options->detach;

    dd_strv_add_all(&environment, (const char *const *)executor->environment.items);
    if (run->env_values.count > 0)
        dd_strv_add_all(&environment, (const char *const *)run->env_values.items);
    executor->containers_left = executor->containers_left || detach || run->step->keep;
    dd_step_cmd_argv(run, &argv);
    /* A detached container's client writes its id, which is nobody's output. */
    start(run, DD_PHASE_WORK, &argv, detach ? NULL : run->output, &environment);
    dd_strv_done(&argv);
    dd_strv_done(&environment);
}

/* ---- build: bases, then the build itself ---- */

static void begin_build(dd_step_run *run)
{
    dd_auto(dd_error) error = NULL;
    bool any = false;

    start_clock(run);
    for (size_t i = 0; i < run->base_count; i++)
        any = any || (run->bases[i].outside && !run->bases[i].digest);
    if (!any) {
        next_base(run);
        return;
    }
    run->phase = DD_PHASE_LOOKUP;
    if (dd_process_start(run->executor->base,
                         &(dd_process_spec){.main = dd_step_build_lookup,
                                            .argument = run,
                                            .error = run->error,
                                            .ended = on_ended,
                                            .context = run},
                         &run->process, &error) < 0)
        fail_with(run, error);
}

/* A registry that does not answer is found out by the fetch. */
static void after_lookup(dd_step_run *run, dd_process *process, int exit_code)
{
    const dd_buf *output = dd_process_output(process);

    if (exit_code == 0 && output->length > 0)
        dd_step_build_read_lookup(run, output->data);
    next_base(run);
}

static void ask_for_images(dd_step_run *run)
{
    dd_strv images = {0}, argv = {0};

    dd_step_build_ask(run, &images);
    if (images.count == 0) {
        attempt(run);
    } else {
        run->executor->engine->images_inspect(&images, &argv);
        start(run, DD_PHASE_INSPECT, &argv, NULL, &run->executor->environment);
    }
    dd_strv_done(&images);
    dd_strv_done(&argv);
}

static void after_inspect(dd_step_run *run, dd_process *process, int exit_code)
{
    const dd_buf *output = dd_process_output(process);
    dd_auto(dd_error) error = NULL;

    if (exit_code != 0) {
        run->exit_code = exit_code;
        dd_auto_str message = dd_sprintf("a base is not there: exit status %d", exit_code);
        fail(run, message);
    } else if (dd_step_build_read_inspect(run, output->length ? output->data : "", output->length, &error) <
               0) {
        fail_with(run, error);
    } else {
        attempt(run);
    }
}

static void fetch_base(dd_step_run *run)
{
    dd_executor *executor = run->executor;
    const dd_build_base *base = &run->bases[run->base_at];
    dd_engine_tls tls = dd_executor_tls(executor, base->reference);
    dd_strv argv = {0}, options = {0};

    if (base->platform)
        dd_strv_addf(&options, "--platform=%s", base->platform);
    executor->engine->pull(&executor->scope, &tls, base->platform ? &options : &run->build_options->platform,
                           base->reference->text, &argv);
    start(run, DD_PHASE_BASE, &argv, NULL, &executor->environment);
    dd_strv_done(&options);
    dd_strv_done(&argv);
}

/* Fetch the next base from outside, or go on when all are here. */
static void next_base(dd_step_run *run)
{
    while (run->base_at < run->base_count && !run->bases[run->base_at].outside)
        run->base_at++;
    if (run->base_at < run->base_count) {
        fetch_base(run);
    } else if (run->waits_for) {
        run->phase = DD_PHASE_NETWORK;
        dd_network_want(run->waits_for);
    } else {
        ask_for_images(run);
    }
}

static void after_base(dd_step_run *run, dd_process *process, int exit_code)
{
    dd_executor *executor = run->executor;
    dd_build_base *base = &run->bases[run->base_at];
    const dd_buf *output = dd_process_output(process);

    if (exit_code == 0 && output->length > 0)
        dd_step_read_id(output->data, &base->id);
    /* Away from the network one can still work with what is here; a worker's run must not build on an old
     * base. */
    if (exit_code != 0 && !executor->job->shared_images) {
        dd_executor_say(executor, run->step->id, "warning: base %s could not be fetched; using the local one",
                        base->reference->text);
        exit_code = 0;
    }
    if (exit_code != 0) {
        run->exit_code = exit_code;
        dd_auto_str message =
            dd_sprintf("base %s could not be fetched: exit status %d", base->reference->text, exit_code);
        fail(run, message);
        return;
    }
    run->base_at++;
    next_base(run);
}

static void start_build(dd_step_run *run)
{
    dd_auto(dd_error) error = NULL;
    dd_strv argv = {0};

    if (dd_step_build_pin(run, &error) < 0) {
        fail_with(run, error);
        return;
    }
    dd_step_build_argv(run, &argv);
    start(run, DD_PHASE_WORK, &argv, run->output, &run->executor->environment);
    dd_strv_done(&argv);
}

static void report_build(dd_step_run *run)
{
    for (size_t i = 0; i < run->tags.count; i++)
        dd_report_image(run->executor, run->tags.items[i], NULL);
    dd_report_bases(run->executor, run);
}

/* ---- push: one image after the other, each attempt with the worker's leave ---- */

/* Where names in the store are not believed, only what this run has built is known to be what is meant. */
static int check_push(dd_step_run *run, dd_error **err)
{
    dd_executor *executor = run->executor;

    dd_reference_free(dd_take(run->reference));
    if (dd_reference_parse(run->step->images.items[run->push_at], &run->reference, err) < 0)
        return -1;
    if (!executor->job->shared_images || dd_executor_built(executor, run->reference->text))
        return 0;
    return dd_fail(err, DD_ERR_INVALID, "the run has built no image %s", run->reference->text);
}

static void ask(dd_step_run *run)
{
    dd_executor *executor = run->executor;
    dd_auto(dd_error) error = NULL;

    if (check_push(run, &error) < 0) {
        fail_with(run, error);
        return;
    }
    start_clock(run);
    run->phase = DD_PHASE_ASK;
    if (executor->sink.may_push)
        executor->sink.may_push(executor->sink.context, run->step->id);
    else
        dd_step_run_answer(run, true);
}

void dd_step_run_answer(dd_step_run *run, bool allowed)
{
    dd_executor *executor = run->executor;
    const char *built;
    dd_strv argv = {0};

    if (run->phase != DD_PHASE_ASK)
        return;
    if (!allowed) {
        run->exit_code = EXIT_NOT_STARTED;
        fail(run, "it may not push: the run is not this worker's any more");
        return;
    }
    built = dd_executor_built(executor, run->reference->text);
    run->attempts++;
    run->push_tries++;
    dd_engine_tls tls = dd_executor_tls(executor, run->reference);
    executor->engine->push(&executor->scope, &tls, built ? built : run->reference->text, run->reference->text,
                           run->digest_file, &argv);
    start(run, DD_PHASE_WORK, &argv, run->output, &executor->environment);
    dd_strv_done(&argv);
}

static void report_push(dd_step_run *run)
{
    dd_auto(dd_buf) digest = NULL;

    if (dd_buf_read_file(run->digest_file, 200, &digest, NULL) == 0 && digest->length > 0)
        digest->data[strcspn(digest->data, "\r\n")] = '\0';
    if (!digest || !dd_digest_is_valid(digest->data)) {
        dd_executor_say(run->executor, run->step->id, "warning: pushed %s; its digest is not known",
                        run->reference->text);
        dd_report_image(run->executor, run->reference->text, NULL);
        return;
    }
    dd_executor_say(run->executor, run->step->id, "pushed %s, %s", run->reference->text, digest->data);
    dd_report_image(run->executor, run->reference->text, digest->data);
}

static void after_push(dd_step_run *run, int exit_code)
{
    run->exit_code = exit_code;
    if (exit_code == 0) {
        report_push(run);
        run->push_tries = 0;
        if (++run->push_at < run->step->images.count)
            ask(run);
        else
            finish(run, DD_STEP_SUCCEEDED);
    } else if (run->push_tries < PUSH_TRIES) {
        dd_executor_say(run->executor, run->step->id, "the push failed; trying again");
        wait_ms(run, DD_PHASE_RETRY_DELAY, PUSH_BACK_OFF_MS << (run->push_tries - 1));
    } else {
        dd_auto_str message =
            dd_sprintf("%s could not be pushed: exit status %d", run->reference->text, exit_code);
        fail(run, message);
    }
}

/* ---- Attempts and rounds ---- */

static void attempt(dd_step_run *run)
{
    start_clock(run);
    run->attempts++;
    run->matched = false;
    if (run->step->kind == DD_STEP_BUILD)
        start_build(run);
    else
        start_container(run);
}

/* What is left of the attempt before must be gone: its container has the same name. */
static void attempt_again(dd_step_run *run)
{
    dd_strv argv = {0};

    if (run->step->kind == DD_STEP_BUILD) {
        attempt(run);
        return;
    }
    run->executor->engine->container_remove(run->container, &argv);
    start(run, DD_PHASE_REMOVE, &argv, NULL, &run->executor->environment);
    dd_strv_done(&argv);
}

static void after_remove(dd_step_run *run, dd_process *process, int exit_code)
{
    (void)process, (void)exit_code;
    attempt(run);
}

static void end_rounds(dd_step_run *run)
{
    dd_auto(dd_error) error = NULL;

    run->exit_code = run->round_failed;
    if (run->round_failed != 0) {
        dd_auto_str words = dd_engine_exit_words(run->round_failed);
        fail(run, words);
        return;
    }
    if (run->step->kind == DD_STEP_BUILD) {
        if (dd_step_build_keep(run, &error) < 0) {
            fail_with(run, error);
            return;
        }
        report_build(run);
    }
    finish(run, DD_STEP_SUCCEEDED);
}

/* `repeat` goes on after a round that failed; any such round fails the step (acr-tasks.md, 3.2). */
static void end_round(dd_step_run *run, int exit_code)
{
    if (exit_code != 0)
        run->round_failed = exit_code;
    if (run->rounds_left == 0) {
        end_rounds(run);
        return;
    }
    run->rounds_left--;
    run->tries_left = run->step->retries;
    attempt_again(run);
}

static void after_work(dd_step_run *run, dd_process *process, int exit_code)
{
    (void)process;
    if (run->step->kind == DD_STEP_PUSH) {
        after_push(run, exit_code);
        return;
    }
    run->exit_code = exit_code;
    if (exit_code == 0 || run->tries_left == 0 || (run->step->retry_on_errors.count > 0 && !run->matched)) {
        end_round(run, exit_code);
        return;
    }
    run->tries_left--;
    dd_auto_str words = dd_engine_exit_words(exit_code);
    dd_executor_say(run->executor, run->step->id, "attempt %d: %s; trying again in %lld s", run->attempts,
                    words, (long long)run->step->retry_delay_s);
    wait_ms(run, DD_PHASE_RETRY_DELAY, run->step->retry_delay_s * 1000);
}

/* ---- Start ---- */

static void begin(dd_step_run *run)
{
    switch (run->step->kind) {
    case DD_STEP_CMD:
        begin_cmd(run);
        break;
    case DD_STEP_BUILD:
        begin_build(run);
        break;
    case DD_STEP_PUSH:
        ask(run);
        break;
    }
}

static int prepare(dd_step_run *run, dd_error **err)
{
    switch (run->step->kind) {
    case DD_STEP_CMD:
        return dd_step_cmd_prepare(run, err);
    case DD_STEP_BUILD:
        return dd_step_build_prepare(run, err);
    case DD_STEP_PUSH:
        run->digest_file = dd_executor_path(run->executor, "step-%zu.digest", run->index);
        return 0;
    }
    return 0;
}

void dd_step_run_start(dd_step_run *run)
{
    dd_auto(dd_error) error = NULL;

    run->tries_left = run->step->retries;
    run->rounds_left = run->step->repeat;
    if (prepare(run, &error) < 0)
        fail_with(run, error);
    else if (run->step->start_delay_s > 0)
        wait_ms(run, DD_PHASE_DELAY, run->step->start_delay_s * 1000);
    else
        begin(run);
}

/* ---- Stop ---- */

static void ask_engine_to_stop(dd_step_run *run);

static void on_stopper(void *context, dd_process *process, int exit_code)
{
    dd_step_run *run = context;

    (void)process, (void)exit_code;
    dd_process_free(dd_take(run->stopper));
    /* The container may not have been there yet; ask again until the client has ended or is killed. */
    if (run->process)
        wait_ms(run, run->phase, STOP_AGAIN_MS);
}

static void ask_engine_to_stop(dd_step_run *run)
{
    dd_executor *executor = run->executor;
    dd_strv argv = {0};

    executor->engine->container_stop(run->container, grace_s(run), &argv);
    /* Should it not start, the kill timer does the rest. */
    dd_process_start(executor->base,
                     &(dd_process_spec){.argv = (const char *const *)argv.items,
                                        .envp = (const char *const *)executor->environment.items,
                                        .ended = on_stopper,
                                        .context = run},
                     &run->stopper, NULL);
    dd_strv_done(&argv);
}

static void end_process(dd_step_run *run)
{
    bool work = run->phase == DD_PHASE_WORK;

    if (work && run->step->kind == DD_STEP_CMD) {
        ask_engine_to_stop(run);
        arm(run->kill, grace_s(run) + ENGINE_MARGIN_S);
    } else if (work && run->step->kind == DD_STEP_BUILD) {
        dd_process_signal(run->process, run->executor->engine->build_cancel_signal);
        arm(run->kill, grace_s(run));
    } else {
        dd_process_signal(run->process, SIGTERM);
        arm(run->kill, CLIENT_GRACE_S);
    }
}

static void on_kill(evutil_socket_t fd, short what, void *context)
{
    dd_step_run *run = context;

    (void)fd, (void)what;
    /* What a killed build leaves behind is looked for at the end of the run. */
    if (run->step->kind == DD_STEP_BUILD && run->phase == DD_PHASE_WORK)
        run->executor->build_killed = true;
    dd_process_signal(run->process, SIGKILL);
}

void dd_step_run_stop(dd_step_run *run)
{
    if (run->phase == DD_PHASE_IDLE || run->ending)
        return;
    run->ending = true;
    event_del(run->timer);
    event_del(run->timeout);
    if (run->process)
        end_process(run);
    else
        finish_stopped(run);
}

static void on_timeout(evutil_socket_t fd, short what, void *context)
{
    dd_step_run *run = context;

    (void)fd, (void)what;
    dd_auto_str message = dd_sprintf("it took longer than %lld s", (long long)run->step->timeout_s);
    set_message(run, message);
    run->timed_out = true;
    dd_step_run_stop(run);
}

/* ---- Timers and output ---- */

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    dd_step_run *run = context;

    (void)fd, (void)what;
    if (run->ending) {
        ask_engine_to_stop(run);
        return;
    }
    if (run->phase == DD_PHASE_DELAY)
        begin(run);
    else if (run->phase == DD_PHASE_PULL_DELAY)
        pull(run);
    else if (run->step->kind == DD_STEP_PUSH)
        ask(run);
    else
        attempt_again(run);
}

static void take_line(dd_step_run *run, dd_stream stream, const char *text, size_t length)
{
    const dd_strv *wanted = &run->step->retry_on_errors;

    for (size_t i = 0; i < wanted->count && !run->matched; i++)
        run->matched = memmem(text, length, wanted->items[i], strlen(wanted->items[i])) != NULL;
    dd_executor_line(run->executor, run->step->id, stream, text, length);
}

static void on_output(void *context, const char *text, size_t length)
{
    take_line(context, DD_STREAM_OUT, text, length);
}

static void on_error(void *context, const char *text, size_t length)
{
    dd_step_run *run = context;

    for (const char *const *noise = run->executor->engine->noise; noise && *noise; noise++)
        if (strlen(*noise) == length && memcmp(*noise, text, length) == 0)
            return;
    take_line(run, DD_STREAM_ERR, text, length);
}

void dd_step_run_init(dd_step_run *run, dd_executor *executor, size_t index)
{
    run->executor = executor;
    run->step = &executor->taskfile->steps[index];
    run->index = index;
    run->output = dd_output_new(executor->secrets, on_output, run);
    run->error = dd_output_new(executor->secrets, on_error, run);
    run->timer = evtimer_new(executor->base, on_timer, run);
    run->timeout = evtimer_new(executor->base, on_timeout, run);
    run->kill = evtimer_new(executor->base, on_kill, run);
}

void dd_step_run_done(dd_step_run *run)
{
    dd_process_free(run->process);
    dd_process_free(run->stopper);
    dd_output_free(run->output);
    dd_output_free(run->error);
    event_free(run->timer);
    event_free(run->timeout);
    event_free(run->kill);
    free(run->message);
    free(run->digest_file);
    dd_step_cmd_done(run);
    dd_step_build_done(run);
}
