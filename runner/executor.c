/* One run, from its job to its result.
 *
 * Checkout and the engine's description of itself go on side by side; then the task file is read, and from
 * there on the schedule says what starts. Whatever happens (a process ends, somebody cancels, a clock runs
 * out) only notes itself and pokes `turn`; on_turn is the one place that decides what comes next. The end is
 * always the same: stop what runs, remove what was made, call `done`. */
#include "executor_private.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

#define TO(state) (1U << DD_EXECUTOR_##state)

static const unsigned next_of[DD_EXECUTOR_STATES] = {
    [DD_EXECUTOR_NEW] = TO(PREPARING),
    [DD_EXECUTOR_PREPARING] = TO(RUNNING) | TO(CLEANING),
    [DD_EXECUTOR_RUNNING] = TO(STOPPING) | TO(CLEANING),
    [DD_EXECUTOR_STOPPING] = TO(CLEANING),
    [DD_EXECUTOR_CLEANING] = TO(DONE),
};

static void executor_enter(dd_executor *executor, dd_executor_state to)
{
    dd_assert(next_of[executor->state] & (1U << to));
    executor->state = to;
}

/* ---- Helpers that all parts use ---- */

void dd_executor_poke(dd_executor *executor)
{
    event_active(executor->turn, EV_TIMEOUT, 0);
}

void dd_executor_line(dd_executor *executor, const char *step, dd_stream stream, const char *text,
                      size_t length)
{
    if (stream != DD_STREAM_SYSTEM) {
        if (executor->log_cut)
            return;
        executor->log_bytes += (int64_t)length + 1;
        if (executor->job->log_max_bytes > 0 && executor->log_bytes > executor->job->log_max_bytes) {
            executor->log_cut = true;
            dd_executor_say(executor, NULL,
                            "the log is at its limit of %lld bytes; what steps write from here on "
                            "is not kept",
                            (long long)executor->job->log_max_bytes);
            return;
        }
    }
    executor->sink.log(executor->sink.context, step, stream, text, length);
}

void dd_executor_say(dd_executor *executor, const char *step, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    dd_auto_str text = dd_vsprintf(format, args);
    va_end(args);
    dd_auto_str safe = dd_secrets_mask(executor->secrets, text);
    dd_executor_line(executor, step, DD_STREAM_SYSTEM, safe, strlen(safe));
}

const char *dd_executor_built(const dd_executor *executor, const char *name)
{
    for (size_t i = executor->built.count; i > 0; i--) /* the last one counts */
        if (dd_str_eq(executor->built.items[i - 1], name))
            return executor->built_ids.items[i - 1];
    return NULL;
}

char *dd_executor_path(const dd_executor *executor, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    dd_auto_str name = dd_vsprintf(format, args);
    va_end(args);
    return dd_path_join(executor->job->directory, name);
}

const dd_login *dd_executor_login(const dd_executor *executor, const char *registry)
{
    for (size_t i = 0; i < executor->job->login_count; i++)
        if (dd_str_eq(executor->job->logins[i].host, registry))
            return &executor->job->logins[i];
    return NULL;
}

dd_engine_tls dd_executor_tls(const dd_executor *executor, const dd_reference *reference)
{
    const dd_login *login = dd_executor_login(executor, reference->registry);
    dd_engine_tls tls = {0};

    if (!login)
        return tls;
    tls.plain_http = login->plain_http;
    if (login->ca_file && !login->plain_http)
        tls.cert_dir = executor->cert_dirs.items[login - executor->job->logins];
    return tls;
}

void dd_executor_end(dd_executor *executor, dd_run_state state, const char *message)
{
    if (executor->end_asked || executor->state >= DD_EXECUTOR_CLEANING)
        return;
    executor->end_asked = true;
    executor->result->state = state;
    free(executor->result->message);
    executor->result->message = dd_secrets_mask(executor->secrets, message);
    if (executor->state != DD_EXECUTOR_NEW)
        dd_executor_poke(executor);
}

void dd_executor_failed(dd_executor *executor, const char *message)
{
    if (executor->result->state != DD_RUN_SUCCEEDED)
        return;
    executor->result->state = DD_RUN_FAILED;
    executor->result->message = dd_secrets_mask(executor->secrets, message);
}

static void end_with_error(dd_executor *executor, dd_run_state state, const dd_error *error)
{
    dd_auto_str text = dd_error_text(error);

    dd_executor_end(executor, state, text);
}

/* Whose fault is it: the task's, which fails, or the platform's? */
static dd_run_state state_of(const dd_error *error)
{
    return error->code == DD_ERR_INTERNAL || error->code == DD_ERR_UNAVAILABLE ||
                   error->code == DD_ERR_TIMEOUT
               ? DD_RUN_ERROR
               : DD_RUN_FAILED;
}

/* ---- Preparing ---- */

static void on_info(void *context, dd_process *process, int exit_code)
{
    dd_executor *executor = context;
    const dd_buf *output = dd_process_output(process), *said = dd_process_error(process);
    dd_auto(dd_error) error = NULL;

    if (exit_code != 0)
        dd_fail(&error, DD_ERR_UNAVAILABLE, "the engine %s does not work: exit status %d: %.*s",
                executor->engine->name, exit_code, (int)(said->length ? strcspn(said->data, "\n") : 0),
                said->length ? said->data : "");
    else
        executor->engine->read_info(output->length ? output->data : "", output->length, &executor->info,
                                    &error);
    if (error)
        end_with_error(executor, DD_RUN_ERROR, error);
    dd_process_free(dd_take(executor->info_process));
    dd_executor_poke(executor);
}

static int start_info(dd_executor *executor, dd_error **err)
{
    dd_strv argv = {0}, environment = {0};
    int ret;

    executor->engine->info(&argv);
    dd_strv_add_all(&environment, (const char *const *)executor->environment.items);
    if (executor->engine->info_variable)
        dd_strv_add(&environment, executor->engine->info_variable);
    ret = dd_process_start(executor->base,
                           &(dd_process_spec){.argv = (const char *const *)argv.items,
                                              .envp = (const char *const *)environment.items,
                                              .ended = on_info,
                                              .context = executor},
                           &executor->info_process, err);
    dd_strv_done(&argv);
    dd_strv_done(&environment);
    return ret < 0 ? dd_context(err, "the engine %s", executor->engine->name) : 0;
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
    dd_executor *executor = context;

    (void)fd, (void)what;
    dd_auto_str why = dd_sprintf("the run took longer than %lld s", (long long)executor->job->timeout_s);
    dd_executor_end(executor, DD_RUN_TIMEOUT, why);
}

static void on_turn(evutil_socket_t fd, short what, void *context);

/* The environment of engine processes: this one's, without our own settings (which may be secrets), marked.
 */
static void set_environment(dd_executor *executor)
{
    for (char **variable = environ; *variable; variable++)
        if (!dd_str_starts(*variable, "DRYDOCK_"))
            dd_strv_add(&executor->environment, *variable);
    dd_strv_addf(&executor->environment, DD_ENGINE_MARK "=%s", executor->attempt);
}

static void set_secrets(dd_executor *executor)
{
    const dd_job *job = executor->job;

    executor->secrets = dd_secrets_new();
    dd_secrets_add(executor->secrets, job->forge_token);
    for (size_t i = 0; i < job->login_count; i++)
        dd_secrets_add(executor->secrets, job->logins[i].password);
}

int dd_executor_new(struct event_base *base, const dd_job *job, const dd_run_sink *sink, dd_executor **ret,
                    dd_error **err)
{
    const dd_engine *engine = dd_engine_find(job->engine, err);
    dd_executor *executor;

    if (!engine)
        return -1;
    if (!job->run || !dd_name_is_valid(job->run))
        return dd_fail(err, DD_ERR_INVALID, "'%s' is not a run's id", job->run ? job->run : "");
    if (job->instance && !dd_name_is_valid(job->instance))
        return dd_fail(err, DD_ERR_INVALID, "'%s' is not an instance's name", job->instance);
    if (!job->directory || job->directory[0] != '/' || strpbrk(job->directory, ":,\n"))
        return dd_fail(err, DD_ERR_INVALID,
                       "the run's directory must be an absolute path without ':' and ','");
    executor = dd_new(dd_executor);
    executor->base = base;
    executor->job = job;
    executor->sink = *sink;
    executor->engine = engine;
    executor->root = -1;
    executor->result = dd_new(dd_run_result);
    executor->result->state = DD_RUN_SUCCEEDED;
    dd_auto_str instance = job->instance ? dd_strdup(job->instance) : dd_random_hex(4);
    executor->attempt = dd_attempt_name(instance, job->run, job->lease);
    executor->turn = evtimer_new(base, on_turn, executor);
    executor->deadline = evtimer_new(base, on_deadline, executor);
    set_environment(executor);
    set_secrets(executor);
    *ret = executor;
    return 0;
}

void dd_executor_start(dd_executor *executor, void (*done)(dd_run_result *taken, void *context),
                       void *context)
{
    struct timeval limit = {(time_t)executor->job->timeout_s, 0};
    dd_auto(dd_error) error = NULL;

    executor->done = done;
    executor->done_context = context;
    executor_enter(executor, DD_EXECUTOR_PREPARING);
    if (executor->job->timeout_s > 0)
        event_add(executor->deadline, &limit);
    if (dd_prepare_directory(executor, &error) < 0 || start_info(executor, &error) < 0 ||
        dd_prepare_checkout(executor, &error) < 0)
        end_with_error(executor, DD_RUN_ERROR, error);
    dd_executor_poke(executor);
}

/* ---- Running ---- */

static void on_moved(void *context, size_t index, dd_step_state state)
{
    static const char *const words[DD_STEP_STATES] = {
        [DD_STEP_RUNNING] = "started",  [DD_STEP_SUCCEEDED] = "succeeded",
        [DD_STEP_FAILED] = "failed",    [DD_STEP_SKIPPED] = "skipped",
        [DD_STEP_CANCELED] = "stopped", [DD_STEP_TIMEOUT] = "stopped at its time limit",
    };
    dd_executor *executor = context;
    dd_step_run *run = &executor->steps[index];
    dd_step_report report = {.id = run->step->id, .kind = run->step->kind, .state = state};

    if (state == DD_STEP_RUNNING)
        run->started_ms = dd_wall_ms();
    else if (run->started_ms)
        run->ended_ms = dd_wall_ms();
    report.exit_code = run->exit_code;
    report.attempts = run->attempts;
    report.started_ms = run->started_ms;
    report.ended_ms = run->ended_ms;
    report.message = run->message;
    if (run->ended_ms)
        dd_executor_say(executor, run->step->id, "%s after %.1f s%s%s", words[state],
                        (double)(run->ended_ms - run->started_ms) / 1000, run->message ? ": " : "",
                        run->message ? run->message : "");
    else if (state == DD_STEP_RUNNING)
        dd_executor_say(executor, run->step->id, "%s (%s)", words[state], dd_step_kind_name(run->step->kind));
    else
        dd_executor_say(executor, run->step->id, "%s", words[state]);
    executor->sink.step(executor->sink.context, &report);
}

static bool needs_the_one_before(const dd_taskfile *taskfile, size_t index)
{
    for (size_t i = 0; i < taskfile->steps[index].need_count; i++)
        if (taskfile->steps[index].needs[i] + 1 == index)
            return true;
    return false;
}

/* Steps one after the other, none of which goes on beside the next. */
static bool has_no_peers(const dd_taskfile *taskfile)
{
    for (size_t i = 0; i < taskfile->step_count; i++) {
        const dd_step *step = &taskfile->steps[i];
        /* `cmd` may say --detach, too. */
        if (step->detach || (step->kind == DD_STEP_CMD && strstr(step->command, "-d")))
            return taskfile->step_count == 1;
        if (i > 0 && !needs_the_one_before(taskfile, i))
            return false;
    }
    return true;
}

static void begin_steps(dd_executor *executor)
{
    const dd_taskfile *taskfile = executor->taskfile;

    executor->steps = dd_calloc(taskfile->step_count + 1, sizeof *executor->steps);
    executor->no_peers = has_no_peers(taskfile);
    executor->networks = dd_calloc(taskfile->network_count + 1, sizeof *executor->networks);
    for (size_t i = 0; i < taskfile->network_count; i++) {
        executor->networks[i].executor = executor;
        executor->networks[i].network = &taskfile->networks[i];
    }
    for (size_t i = 0; i < taskfile->step_count; i++)
        dd_step_run_init(&executor->steps[i], executor, i);
    executor->schedule = dd_schedule_new(taskfile, executor->job->max_parallel, on_moved, executor);
    executor->sink.state(executor->sink.context, DD_RUN_RUNNING);
}

static void leave_preparing(dd_executor *executor)
{
    dd_auto(dd_error) error = NULL;

    if (!executor->info || !executor->checked_out)
        return;
    executor->cgroup = dd_engine_cgroup(executor->info, executor->attempt);
    executor->scope = (dd_engine_scope){.run = executor->job->run,
                                        .attempt = executor->attempt,
                                        .cgroup = executor->cgroup,
                                        .auth_file = executor->auth_file,
                                        .limits = executor->info->limits};
    if (dd_prepare_taskfile(executor, &error) < 0) {
        executor->told = true;
        dd_auto_str text =
            dd_error_compiler_text(error, executor->file_name ? executor->file_name : "task file");
        dd_executor_end(executor, state_of(error), text);
        return;
    }
    executor_enter(executor, DD_EXECUTOR_RUNNING);
    begin_steps(executor);
    dd_executor_poke(executor);
}

static void turn_running(dd_executor *executor)
{
    size_t index;

    while (!executor->end_asked && dd_schedule_next(executor->schedule, &index))
        dd_step_run_start(&executor->steps[index]);
}

static void begin_stopping(dd_executor *executor)
{
    executor_enter(executor, DD_EXECUTOR_STOPPING);
    dd_executor_say(executor, NULL, "ending the run: %s", executor->result->message);
    dd_schedule_stop(executor->schedule);
    for (size_t i = 0; i < executor->taskfile->step_count; i++)
        if (dd_schedule_state(executor->schedule, i) == DD_STEP_RUNNING)
            dd_step_run_stop(&executor->steps[i]);
}

/* ---- Ending ---- */

/* Those that were made; one whose making was cut short cannot be known, and then the engine is asked. */
static bool names_of_networks(const dd_executor *executor, dd_strv *ret)
{
    for (size_t i = 0; executor->networks && i < executor->taskfile->network_count; i++) {
        const dd_network_run *network = &executor->networks[i];
        if (network->wanted && !network->made)
            return false;
        if (network->wanted)
            dd_strv_add(ret, network->name);
    }
    return true;
}

static int clean_main(void *context)
{
    dd_executor *executor = context;
    dd_auto(dd_error) error = NULL;
    dd_strv networks = {0};
    dd_clean clean = {.engine = executor->engine,
                      .attempt = executor->attempt,
                      .cgroup = executor->cgroup,
                      .graph_root = executor->info ? executor->info->graph_root : NULL,
                      .directory = executor->job->directory,
                      .containers = executor->containers_left,
                      .networks = executor->networks_made,
                      .builds = executor->build_killed,
                      .network_names = names_of_networks(executor, &networks) ? &networks : NULL};

    if (dd_clean_up(&clean, &error) == 0)
        return 0;
    dprintf(STDERR_FILENO, "%s\n", error->message);
    return 1;
}

static void finish(dd_executor *executor)
{
    executor_enter(executor, DD_EXECUTOR_DONE);
    event_del(executor->deadline);
    dd_executor_poke(executor);
}

static void on_clean(void *context, dd_process *process, int exit_code)
{
    dd_executor *executor = context;
    const dd_buf *said = dd_process_error(process);

    if (exit_code != 0)
        dd_executor_say(executor, NULL, "warning: clean-up: %s; left behind",
                        said->length ? said->data : "it ended by a signal");
    dd_process_free(dd_take(executor->clean_process));
    finish(executor);
}

static void begin_cleaning(dd_executor *executor)
{
    dd_auto(dd_error) error = NULL;

    executor_enter(executor, DD_EXECUTOR_CLEANING);
    /* Killed and waited for: a checkout has no children, and `info` makes nothing. */
    dd_process_free(dd_take(executor->checkout_process));
    dd_process_free(dd_take(executor->info_process));
    for (size_t i = 0; executor->networks && i < executor->taskfile->network_count; i++)
        dd_process_free(dd_take(executor->networks[i].process));
    if (executor->result->state == DD_RUN_SUCCEEDED)
        executor->result->dependencies = dd_report_dependencies(executor);
    if (dd_process_start(
            executor->base,
            &(dd_process_spec){
                .main = clean_main, .argument = executor, .ended = on_clean, .context = executor},
            &executor->clean_process, &error) < 0) {
        dd_executor_say(executor, NULL, "warning: clean-up: %s; left behind", error->message);
        finish(executor);
    }
}

static void call_done(dd_executor *executor)
{
    dd_run_result *result = dd_take(executor->result);

    if (!result)
        return;
    result->commit = dd_strdup(executor->checkout.commit ? executor->checkout.commit : executor->job->commit);
    executor->done(result, executor->done_context); /* may free the executor */
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    dd_executor *executor = context;

    (void)fd, (void)what;
    switch (executor->state) {
    case DD_EXECUTOR_PREPARING:
        if (!executor->end_asked)
            leave_preparing(executor);
        if (executor->end_asked && executor->state == DD_EXECUTOR_PREPARING) {
            if (!executor->told)
                dd_executor_say(executor, NULL, "ending the run: %s", executor->result->message);
            begin_cleaning(executor);
        }
        break;
    case DD_EXECUTOR_RUNNING:
        turn_running(executor);
        if (dd_schedule_is_done(executor->schedule))
            begin_cleaning(executor);
        else if (executor->end_asked)
            begin_stopping(executor);
        break;
    case DD_EXECUTOR_STOPPING:
        if (dd_schedule_is_done(executor->schedule))
            begin_cleaning(executor);
        break;
    case DD_EXECUTOR_DONE:
        call_done(executor);
        break;
    case DD_EXECUTOR_NEW:
    case DD_EXECUTOR_CLEANING:
    case DD_EXECUTOR_STATES:
        break;
    }
}

void dd_executor_push_answer(dd_executor *executor, const char *step, bool allowed)
{
    for (size_t i = 0; executor->taskfile && executor->steps && i < executor->taskfile->step_count; i++)
        if (dd_str_eq(executor->taskfile->steps[i].id, step))
            dd_step_run_answer(&executor->steps[i], allowed);
}

void dd_executor_cancel(dd_executor *executor, dd_run_state state, const char *why)
{
    dd_assert(dd_run_is_final(state) && state != DD_RUN_SUCCEEDED);
    dd_executor_end(executor, state, why);
}

void dd_executor_free(dd_executor *executor)
{
    if (!executor)
        return;
    dd_process_free(executor->checkout_process);
    dd_process_free(executor->info_process);
    dd_process_free(executor->clean_process);
    for (size_t i = 0; executor->steps && i < executor->taskfile->step_count; i++)
        dd_step_run_done(&executor->steps[i]);
    for (size_t i = 0; executor->networks && i < executor->taskfile->network_count; i++) {
        dd_process_free(executor->networks[i].process);
        free(executor->networks[i].name);
    }
    free(executor->steps);
    free(executor->networks);
    dd_schedule_free(executor->schedule);
    dd_taskfile_free(executor->taskfile);
    dd_output_free(executor->checkout_log);
    dd_checkout_done(&executor->checkout);
    event_free(executor->turn);
    event_free(executor->deadline);
    dd_engine_info_free(executor->info);
    dd_secrets_free(executor->secrets);
    dd_strv_done(&executor->environment);
    dd_strv_done(&executor->built);
    dd_strv_done(&executor->built_ids);
    dd_strv_done(&executor->cert_dirs);
    dd_run_result_free(executor->result);
    free(executor->attempt);
    free(executor->cgroup);
    free(executor->auth_file);
    free(executor->root_path);
    free(executor->file_name);
    if (executor->root >= 0)
        close(executor->root);
    free(executor);
}
