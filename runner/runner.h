/* The runner room's door: the task-file language, the executor, and the worker. */
#ifndef DD_RUNNER_H
#define DD_RUNNER_H

#include "config/config.h"

struct event_base;

/* ======== The task-file language (no Redis, no engine) ======== */

/* The data of templates: names to values, as `.Run.ID` and `.Values.key` see them. */
typedef struct dd_template_data dd_template_data;
dd_template_data *dd_template_data_new(void);
void dd_template_data_free(dd_template_data *data);
DD_DEFINE_FREEP(dd_template_data)
void dd_template_data_run(dd_template_data *data, const char *name, const char *value); /* .Run.NAME */
/* A values file (YAML; JSON is YAML); later calls overlay earlier ones. An error says in words where in it.
 */
int dd_template_data_values(dd_template_data *data, const char *text, size_t length, const char *name,
                            dd_error **err);
int dd_template_data_set(dd_template_data *data, const char *assignment, dd_error **err);  /* --set k=v */
void dd_template_data_secret(dd_template_data *data, const char *name, const char *value); /* .Secrets.NAME */
/* Let an alias block's `src` name files: relative to `directory` (NULL: to `root`), and none that leads out
 * of the open directory `root`, which is borrowed; AT_FDCWD: any file, as the user of a command line may.
 * With `urls` it may name http and https addresses too: rendering then BLOCKS for up to 2 s for each. Without
 * this call every source is refused. */
void dd_template_data_sources(dd_template_data *data, int root, const char *directory, bool urls);

/* Aliases and templates over the whole text. Errors carry line and column of `text`. */
int dd_render(const char *text, size_t length, const dd_template_data *data, dd_buf **ret, dd_error **err);

typedef enum dd_step_kind { DD_STEP_CMD, DD_STEP_BUILD, DD_STEP_PUSH } dd_step_kind;
const char *dd_step_kind_name(dd_step_kind kind);

typedef struct dd_mount {
    char *name;
    char *path;
} dd_mount;

/* One step, every property under its YAML name with its default filled in. */
typedef struct dd_step {
    char *id;
    dd_step_kind kind;
    dd_place place;
    char *command;  /* cmd and build: the text as written */
    dd_strv images; /* push: images; build: those its -t/--tag name */
    dd_strv when;   /* as written */
    size_t *needs;  /* indices of steps, ascending */
    size_t need_count;
    char *working_directory, *entry_point, *user, *network, *isolation, *cpus, *cache;
    dd_strv env; /* K=V, step's own first, then the task's, one level of quotes removed */
    dd_strv expose, ports;
    dd_mount *mounts;
    size_t mount_count;
    int64_t timeout_s, start_delay_s, retries, retry_delay_s, repeat;
    int64_t download_retries, download_retry_delay_s;
    dd_strv retry_on_errors;
    int64_t *exited_with, *exited_without;
    size_t exited_with_count, exited_without_count;
    bool keep, detach, privileged, pull, ignore_errors, disable_working_directory_override, docker_socket;
} dd_step;

typedef struct dd_network {
    char *name, *driver;
    bool ipv6, skip_creation, is_default;
} dd_network;
typedef struct dd_volume {
    char *name;
    dd_mount *files; /* secret volumes: file name, base64 text in `path` */
    size_t file_count;
} dd_volume;
typedef struct dd_secret_ref {
    char *id, *keyvault, *client_id;
} dd_secret_ref;

typedef struct dd_taskfile {
    char *version;
    int64_t step_timeout_s;
    char *working_directory;
    dd_strv env;
    dd_network *networks;
    size_t network_count;
    dd_volume *volumes;
    size_t volume_count;
    dd_secret_ref *secrets;
    size_t secret_count;
    dd_step *steps;
    size_t step_count;
    size_t *stage_of; /* per step: 0 for those that start at once, else one more than its latest need */
} dd_taskfile;

/* All that is wrong or doubtful with a file, at once. */
typedef struct dd_problems {
    dd_error **errors;
    size_t error_count;
    dd_error **warnings;
    size_t warning_count;
} dd_problems;
void dd_problems_free(dd_problems *problems);
DD_DEFINE_FREEP(dd_problems)

/* What the command line gives a task: lowest rank. Members may be NULL or empty. */
typedef struct dd_taskfile_options {
    dd_strv env;
    const char *network;
    const char *working_directory;
    bool lint;          /* warn also of what can hardly be meant, and of what a run would refuse */
    bool show_rendered; /* in hints, where no YAML came out: for whoever gave the data, which may be secret */
    int64_t run_timeout_s; /* lint: the task's timeout; 0: not known, so the default of tasks */
} dd_taskfile_options;

/* Read a rendered task file. Returns -1 with problems->errors when it is refused; *ret_problems is always set
 * (warnings); never both a task file and errors. */
int dd_taskfile_parse(const char *text, size_t length, const dd_taskfile_options *options, dd_taskfile **ret,
                      dd_problems **ret_problems);
void dd_taskfile_free(dd_taskfile *taskfile);
DD_DEFINE_FREEP(dd_taskfile)
/* Render and read in one, as `graph` and the executor do. Places are those of `text` as it was written, also
 * where aliases and templates moved or repeated lines (a render error is errors[0]); and only here are the
 * file's own aliases known that may stand as the first word of a `cmd`. Else as dd_taskfile_parse. */
int dd_taskfile_load(const char *text, size_t length, const dd_template_data *data,
                     const dd_taskfile_options *options, dd_taskfile **ret, dd_problems **ret_problems);
/* The JSON of `drydock graph` (design.md, fixed outputs); owned text. */
char *dd_taskfile_to_json(const dd_taskfile *taskfile);
char *dd_problems_to_json(const dd_problems *problems);
/* The same for Graphviz, and drawn for a terminal (within its width; ASCII when it is not UTF-8). Owned text.
 */
char *dd_taskfile_to_dot(const dd_taskfile *taskfile);
char *dd_taskfile_to_text(const dd_taskfile *taskfile, const dd_screen *screen);

/* Split by POSIX quoting, no expansion; an unquoted shell operator is INVALID with a hint. */
int dd_words_split(const char *text, dd_strv **ret, dd_error **err);

/* A `build` step's command line taken apart. */
typedef struct dd_build_args {
    dd_strv tags, build_args;
    char *file;     /* -f, NULL: Dockerfile in the context */
    char *target;   /* NULL: the last stage */
    char *context;  /* "." when none was written */
    dd_strv others; /* every other word, in order, for the engine */
} dd_build_args;
int dd_build_args_parse(const char *command, dd_build_args **ret, dd_error **err);
void dd_build_args_free(dd_build_args *args);
DD_DEFINE_FREEP(dd_build_args)

/* What a Dockerfile is built FROM (acr-tasks.md, 9.9). */
typedef struct dd_deps {
    dd_reference *runtime; /* NULL: scratch */
    dd_reference **buildtime;
    size_t buildtime_count; /* sorted by reference */
} dd_deps;
int dd_deps_scan(const char *text, size_t length, const dd_strv *build_args, const char *target,
                 dd_deps **ret, dd_error **err);
void dd_deps_free(dd_deps *deps);
DD_DEFINE_FREEP(dd_deps)
char *dd_deps_to_json(const dd_deps *deps); /* design.md, fixed outputs */

/* ======== Jobs, reports and the executor ======== */

typedef struct dd_login {
    char *host, *username, *password, *ca_file;
    bool plain_http;
} dd_login;

/* Everything a run's process needs to know; it reads nothing else of the settings. */
typedef struct dd_job {
    char *instance;  /* whose run ids these are: dd_store_instance; NULL: nobody else's, so one is made up */
    char *run;       /* run id */
    char *task;      /* task name or "" */
    char *trigger;   /* "commit", … → .Run.TriggeredBy */
    char *directory; /* absolute, made by the caller for this run alone: checkout, auth file, workspace */
    char *mirrors;   /* directory of the bare mirrors; NULL for local runs */
    char *clone_url; /* NULL: the context is `local_context` */
    char *commit, *ref, *branch, *git_tag, *folder;
    char *forge_username, *forge_token, *forge_ca_file;
    bool forge_plain_http;
    char *local_context; /* absolute directory */
    char *file;     /* task file, relative to the context; NULL: acr-task.yaml, then drydock.yaml, acb.yaml */
    char *values;   /* JSON or YAML text, or NULL */
    dd_strv sets;   /* --set assignments */
    char *registry; /* .Run.Registry */
    dd_login *logins;
    size_t login_count;
    char *engine;
    int64_t lease; /* 0: a local run */
    /* Others use the engine's images too: their names are not believed, and none are left there. Else the
     * images are the user's own, and a build leaves its names. */
    bool shared_images;
    int64_t timeout_s, log_max_bytes, grace_s;
    int64_t max_parallel; /* 0: no limit */
} dd_job;
void dd_job_free(dd_job *job);
DD_DEFINE_FREEP(dd_job)
char *dd_job_to_json(const dd_job *job);
int dd_job_from_json(const char *text, size_t length, dd_job **ret, dd_error **err);

typedef struct dd_step_report {
    const char *id;
    dd_step_kind kind;
    dd_step_state state;
    int exit_code; /* when ended */
    int attempts;
    int64_t started_ms, ended_ms; /* wall clock; 0 not yet */
    const char *message;          /* why it failed, in words; NULL */
} dd_step_report;

typedef struct dd_image_report {
    char *reference, *digest; /* as the registry has it; digest NULL when it was not pushed */
} dd_image_report;

typedef struct dd_run_result {
    dd_run_state state; /* a final one */
    char *message;      /* why, when it is not Succeeded */
    char *commit;
    dd_image_report *images;
    size_t image_count;
    dd_base_use *bases;
    size_t base_count;
    char *dependencies; /* the dependency report with the reference's JSON names */
} dd_run_result;
void dd_run_result_free(dd_run_result *result);
DD_DEFINE_FREEP(dd_run_result)
char *dd_run_result_to_json(const dd_run_result *result);
int dd_run_result_from_json(const char *text, size_t length, dd_run_result **ret, dd_error **err);

typedef enum dd_stream { DD_STREAM_SYSTEM, DD_STREAM_OUT, DD_STREAM_ERR } dd_stream;
const char *dd_stream_name(dd_stream stream); /* "system", "out", "err" */

/* Where what happens goes: the worker's channel, or the terminal. Called on the loop's thread. */
typedef struct dd_run_sink {
    void (*state)(void *context, dd_run_state state);
    void (*step)(void *context, const dd_step_report *report);
    /* One line without its newline, already safe for terminals (control bytes and bad UTF-8 replaced), at
     * most 16 KiB; step NULL: of the run itself. */
    void (*log)(void *context, const char *step, dd_stream stream, const char *text, size_t length);
    /* May this run push now? Answer by dd_executor_push_answer, at once or later. */
    void (*may_push)(void *context, const char *step);
    void *context;
} dd_run_sink;

/* One run on an event loop: checkout (in this process, blocking: so never in a worker's own process), render,
 * DAG, steps in containers, clean-up. */
typedef struct dd_executor dd_executor;
int dd_executor_new(struct event_base *base, const dd_job *job, const dd_run_sink *sink, dd_executor **ret,
                    dd_error **err);
/* Start; `done` is called once, when nothing of the run is left. */
void dd_executor_start(dd_executor *executor, void (*done)(dd_run_result *taken, void *context),
                       void *context);
void dd_executor_push_answer(dd_executor *executor, const char *step, bool allowed);
/* End it: running steps are stopped (TERM, grace, KILL), everything is removed, the result has `state`
 * (CANCELED, ERROR or TIMEOUT) and `why`. Idempotent. */
void dd_executor_cancel(dd_executor *executor, dd_run_state state, const char *why);
void dd_executor_free(dd_executor *executor);
DD_DEFINE_FREEP(dd_executor)

/* Remove all that is labelled with the attempt (INSTANCE-RUN-LEASE), and its directory: for runs whose
 * process died. BLOCKING. */
int dd_run_clean(const char *engine, const char *attempt, const char *directory, dd_error **err);

/* ======== Processes ======== */

/* The hidden verb `run-child`: descriptor 3 is the channel to the worker. Returns the exit code. */
int dd_run_child_main(void);
/* The hidden verb `run-clean ENGINE ATTEMPT DIRECTORY`: dd_run_clean, once the run's process has let go of
 * the directory (at most 60 s). Returns the exit code. */
int dd_run_clean_main(int argc, char **argv);
/* The worker: claims, children, beats, logs, drain. Ends after SIGTERM or SIGINT once drained. */
int dd_worker_run(const dd_settings *settings, dd_error **err);

#endif
