/* drydock run: a task file here and now, with no server and no Redis. */
#include "verbs.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct local {
    dd_executor *executor;
    struct event_base *base;
    dd_run_result *result;
    dd_strv step_ids; /* the steps that were reported, in order, and their last report */
    dd_step_report *steps;
    bool quiet;
    bool terminal; /* lines get the time of day, and colours unless NO_COLOR is set */
    bool colour;
    int interrupts;
} local;

/* ---- What happens, on the terminal ---- */

static void on_state(void *context, dd_run_state state)
{
    (void)context;
    (void)state;
}

static void on_step(void *context, const dd_step_report *report)
{
    local *l = context;
    size_t i = 0;
    while (i < l->step_ids.count && strcmp(l->step_ids.items[i], report->id) != 0)
        i++;
    if (i == l->step_ids.count) {
        dd_strv_add(&l->step_ids, report->id);
        l->steps = dd_reallocarray(l->steps, i + 1, sizeof(*l->steps));
        l->steps[i] = (dd_step_report){0};
    }
    free((char *)(uintptr_t)l->steps[i].message);
    l->steps[i] = *report;
    l->steps[i].id = l->step_ids.items[i];
    l->steps[i].message = dd_strdup(report->message);
}

static void print_time(FILE *to)
{
    time_t now = time(NULL);
    struct tm parts;
    char text[16];
    strftime(text, sizeof(text), "%H:%M:%S", localtime_r(&now, &parts));
    fprintf(to, "%s ", text);
}

static void on_log(void *context, const char *step, dd_stream stream, const char *text, size_t length)
{
    const local *l = context;
    /* Steps' own output goes where their streams say; of the run itself, quiet drops it. */
    FILE *to = stream == DD_STREAM_ERR ? stderr : stdout;
    if (l->quiet && stream == DD_STREAM_SYSTEM)
        return;
    if (l->terminal)
        print_time(to);
    if (step)
        fprintf(to, l->colour ? "\033[36m%s\033[0m | %.*s\n" : "%s | %.*s\n", step, (int)length, text);
    else
        fprintf(to, "%.*s\n", (int)length, text);
    fflush(to);
}

static void on_may_push(void *context, const char *step)
{
    local *l = context;
    dd_executor_push_answer(l->executor, step, true);
}

static void on_done(dd_run_result *taken, void *context)
{
    local *l = context;
    l->result = taken;
    event_base_loopbreak(l->base);
}

static void on_signal(evutil_socket_t number, short events, void *context)
{
    local *l = context;
    (void)events;
    /* A second one does not wait for the clean-up. */
    if (++l->interrupts > 1) {
        signal((int)number, SIG_DFL);
        raise((int)number);
    }
    fprintf(stderr, "ending the run; once more to leave at once\n");
    dd_executor_cancel(l->executor, DD_RUN_CANCELED, "interrupted");
}

/* ---- The summary ---- */

static json_t *step_row(const dd_step_report *step)
{
    dd_auto_str took = step->started_ms && step->ended_ms
                           ? dd_sprintf("%.1f", (double)(step->ended_ms - step->started_ms) / 1000)
                           : NULL;
    bool ran = step->ended_ms && step->started_ms;
    json_t *row =
        json_pack("{s:s, s:s, s:s, s:s*, s:s*}", "id", step->id, "kind", dd_step_kind_name(step->kind),
                  "state", dd_step_state_name(step->state), "seconds", took, "message", step->message);
    if (row && ran)
        json_object_set_new(row, "exit", json_integer(step->exit_code));
    return row ? row : json_object();
}

static void print_summary(const local *l)
{
    static const dd_column step_columns[] = {
        {"STEP", "id"}, {"KIND", "kind"}, {"STATUS", "state"}, {"SECONDS", "seconds"}, {"EXIT", "exit"}};
    static const dd_column image_columns[] = {{"IMAGE", "reference"}, {"DIGEST", "digest"}};
    json_t *steps = json_array(), *images = json_array();
    for (size_t i = 0; i < l->step_ids.count; i++)
        json_array_append_new(steps, step_row(&l->steps[i]));
    for (size_t i = 0; i < l->result->image_count; i++)
        json_array_append_new(images, json_pack("{s:s, s:s*}", "reference", l->result->images[i].reference,
                                                "digest", l->result->images[i].digest));
    printf("\n");
    if (json_array_size(steps))
        dd_print_table(steps, step_columns, DD_COUNT(step_columns));
    if (json_array_size(images)) {
        printf("\n");
        dd_print_table(images, image_columns, DD_COUNT(image_columns));
    }
    fflush(stdout);
    json_decref(steps);
    json_decref(images);
    fprintf(stderr, "\n%s%s%s\n", dd_run_state_name(l->result->state), l->result->message ? ": " : "",
            l->result->message ? l->result->message : "");
}

/* ---- The job ---- */

static char *copy_absolute(const char *path, dd_error **err)
{
    char absolute[PATH_MAX];
    if (!realpath(path, absolute)) {
        dd_fail_errno(err, DD_ERR_NOT_FOUND, errno, "'%s'", path);
        return NULL;
    }
    return dd_strdup(absolute);
}

static void add_logins(const dd_settings *settings, dd_job *job)
{
    job->logins = dd_calloc(settings->registry_count + 1, sizeof(*job->logins));
    job->login_count = settings->registry_count;
    for (size_t i = 0; i < settings->registry_count; i++) {
        const dd_registry_settings *from = &settings->registries[i];
        job->logins[i] = (dd_login){.host = dd_strdup(from->host),
                                    .username = dd_strdup(from->username),
                                    .password = dd_strdup(from->password),
                                    .ca_file = dd_strdup(from->ca_file),
                                    .plain_http = from->plain_http};
    }
}

static int read_values(const dd_args *args, dd_job *job, dd_error **err)
{
    const char *path = dd_args_value(args, "values");
    dd_auto(dd_buf) text = NULL;
    if (!path)
        return 0;
    if (dd_buf_read_file(path, (size_t)DD_YAML_MAX_BYTES, &text, err) < 0)
        return dd_context(err, "--values");
    job->values = dd_buf_steal(text);
    return 0;
}

/* "local" and the time in base 36: short, and not one of a server's ids. */
static char *local_id(void)
{
    dd_auto_str random = dd_random_hex(3);
    return dd_sprintf("local%s", random);
}

static int make_job(const dd_args *args, dd_job **ret, dd_error **err)
{
    dd_auto(dd_job) job = dd_new(dd_job);
    dd_auto(dd_settings) settings = NULL;
    const char *context = dd_args_word(args, 0), *config = dd_args_value(args, "config"),
               *id = dd_args_value(args, "id");
    const char *engine = dd_args_value(args, "engine"), *tmp = getenv("TMPDIR");
    /* Without --config nothing is read: the user's own logins are the engine's to find. */
    if (config ? dd_settings_load(config, &settings, err) < 0
               : dd_settings_parse("", 0, "", ".", NULL, &settings, err) < 0)
        return -1;
    if (id && !dd_name_is_valid(id))
        return dd_fail(err, DD_ERR_INVALID, "--id: '%s' is no name", id);
    job->run = id ? dd_strdup(id) : local_id();
    job->task = dd_strdup("");
    job->trigger = dd_strdup(dd_trigger_kind_name(DD_TRIGGER_MANUAL));
    job->local_context = copy_absolute(context ? context : ".", err);
    if (!job->local_context)
        return -1;
    job->directory =
        dd_sprintf("%s/drydock-%s-%d", tmp && *tmp == '/' ? tmp : "/tmp", job->run, (int)getpid());
    job->file = dd_strdup(dd_args_value(args, "file"));
    job->registry = dd_strdup(dd_args_value(args, "registry"));
    if (!job->registry)
        job->registry = dd_strdup(settings->worker.registry ? settings->worker.registry : "");
    job->engine = dd_strdup(engine ? engine : settings->worker.engine);
    job->timeout_s = 3600;
    job->log_max_bytes = settings->worker.log_max_bytes;
    job->grace_s = settings->worker.grace_s;
    dd_strv_add_all(&job->sets, (const char *const *)dd_args_values(args, "set")->items);
    add_logins(settings, job);
    if (read_values(args, job, err) < 0 || dd_args_int(args, "timeout", 1, 28800, &job->timeout_s, err) < 0 ||
        dd_args_int(args, "max-parallel", 1, 1000, &job->max_parallel, err) < 0)
        return -1;
    *ret = dd_take(job);
    return 0;
}

/* ---- The run ---- */

static void local_done(local *l)
{
    for (size_t i = 0; i < l->step_ids.count; i++)
        free((char *)(uintptr_t)l->steps[i].message);
    free(l->steps);
    dd_strv_done(&l->step_ids);
    dd_run_result_free(l->result);
}

static int execute(local *l, const dd_job *job, dd_error **err)
{
    dd_run_sink sink = {
        .state = on_state, .step = on_step, .log = on_log, .may_push = on_may_push, .context = l};
    l->base = event_base_new();
    struct event *interrupted = evsignal_new(l->base, SIGINT, on_signal, l);
    struct event *terminated = evsignal_new(l->base, SIGTERM, on_signal, l);
    int result = dd_executor_new(l->base, job, &sink, &l->executor, err);
    if (result == 0) {
        signal(SIGPIPE, SIG_IGN);
        event_add(interrupted, NULL);
        event_add(terminated, NULL);
        dd_executor_start(l->executor, on_done, l);
        event_base_dispatch(l->base);
    }
    dd_executor_free(l->executor);
    event_free(interrupted);
    event_free(terminated);
    event_base_free(l->base);
    return result;
}

static int run(const dd_args *args)
{
    dd_auto(dd_job) job = NULL;
    dd_error *error = NULL;
    local l = {.quiet = dd_args_has(args, "quiet"), .terminal = isatty(STDOUT_FILENO)};
    const char *no_colour = getenv("NO_COLOR");
    l.colour = l.terminal && !(no_colour && *no_colour);
    if (make_job(args, &job, &error) < 0 || execute(&l, job, &error) < 0)
        return dd_verb_fail(args, error);
    dd_assert(l.result);
    print_summary(&l);
    int code = l.result->state == DD_RUN_SUCCEEDED ? 0 : 1;
    local_done(&l);
    return code;
}

static const dd_option options[] = {
    {"file", 'f', "FILE",
     "the task file, in the context (default acr-task.yaml, then drydock.yaml, acb.yaml)"},
    {"registry", 0, "HOST", ".Run.Registry"},
    {"id", 0, "ID", ".Run.ID (default a random one)"},
    {"set", 0, "KEY=VALUE", "one of .Values (again for more)"},
    {"values", 0, "FILE", "a YAML file of .Values"},
    {"timeout", 0, "SECONDS", "for the whole run (3600)"},
    {"max-parallel", 0, "NUMBER", "steps at once (default as many as the file allows)"},
    {"engine", 0, "NAME", "container engine (podman)"},
    {"config", 'c', "FILE", "settings, for the registries' logins"},
    {"quiet", 'q', NULL, "only what the steps print, and the summary"},
    {0},
};
const dd_verb dd_verb_run = {
    .name = "run",
    .summary = "run a task file here and now",
    .usage = "[CONTEXT]",
    .help = "  Runs the task file of the directory CONTEXT (default this one), uncommitted files included, "
            "with no server and\n"
            "  no Redis. The steps work on a copy: the directory itself is not changed. Pushes are real.\n\n"
            "  Ends with a table of the steps. Ctrl-C ends the run and removes what it made;\n"
            "  once more leaves at once.\n",
    .examples = "  drydock run\n"
                "  drydock run -f ci/acr-task.yaml --registry registry.example.com --set greeting=hi .\n",
    .options = options,
    .most = 1,
    .main = run,
};
