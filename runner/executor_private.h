/* The executor's inside: one run on an event loop. */
#ifndef DD_RUNNER_EXECUTOR_PRIVATE_H
#define DD_RUNNER_EXECUTOR_PRIVATE_H

#include "checkout.h"
#include "clean.h"
#include "dockerfile_private.h"
#include "engine.h"
#include "options.h"
#include "output.h"
#include "process.h"
#include "runner.h"
#include "steps.h"

#define DD_RUN_MAX_STEPS 1000

struct event;

typedef enum dd_executor_state {
    DD_EXECUTOR_NEW,       /* made, not started */
    DD_EXECUTOR_PREPARING, /* the checkout and the engine's description of itself are under way */
    DD_EXECUTOR_RUNNING,   /* steps are executed */
    DD_EXECUTOR_STOPPING,  /* nothing new starts; running steps are being ended */
    DD_EXECUTOR_CLEANING,  /* what the run made is being removed */
    DD_EXECUTOR_DONE,      /* nothing is left; `done` was or is about to be called */
    DD_EXECUTOR_STATES
} dd_executor_state;

typedef enum dd_phase {
    DD_PHASE_IDLE,        /* not started, or ended */
    DD_PHASE_DELAY,       /* startDelay */
    DD_PHASE_NETWORK,     /* waits for its network to be made */
    DD_PHASE_PULL,        /* fetches the image of a cmd */
    DD_PHASE_PULL_DELAY,  /* waits before it fetches again */
    DD_PHASE_LOOKUP,      /* asks registries for the digests of a build's bases */
    DD_PHASE_BASE,        /* fetches a base */
    DD_PHASE_INSPECT,     /* asks the engine for what is not known of the bases yet: ids, digests */
    DD_PHASE_ASK,         /* waits for the word that it may push */
    DD_PHASE_WORK,        /* the container, the build or the push itself */
    DD_PHASE_REMOVE,      /* removes an attempt's container before the next attempt */
    DD_PHASE_RETRY_DELAY, /* waits before the next attempt */
} dd_phase;

/* A base of a build, or an image that it makes. */
typedef struct dd_build_base {
    const dd_reference *reference; /* in step_run.deps or .uses */
    const char *platform;          /* in step_run.uses; NULL: the build's own */
    char *id;                      /* in the engine's store; NULL until it is known */
    char *digest;
    bool runtime;
    bool own;     /* built by this run */
    bool outside; /* neither that nor the engine's alone: fetched before the build */
    bool asked;   /* about to be told by DD_PHASE_INSPECT */
} dd_build_base;

typedef struct dd_step_run {
    struct dd_executor *executor;
    const dd_step *step;
    size_t index;
    dd_phase phase;
    bool ending;    /* it is being stopped */
    bool timed_out; /* by its own clock */
    dd_process *process, *stopper;
    dd_output *output, *error;
    struct event *timer;   /* the delay of the phase */
    struct event *timeout; /* the step's own deadline */
    struct event *kill;    /* when asking it to end was of no use */
    bool matched;          /* the attempt wrote one of retryOnErrors */
    int attempts, exit_code;
    int64_t tries_left, rounds_left;
    int round_failed; /* the exit code of the last round of `repeat` that failed; 0: none has */
    int64_t started_ms, ended_ms;
    char *message;
    /* cmd */
    dd_run_options *options;
    char *container, *image, *env_file, *directory;
    const char *network;
    dd_strv aliases, volumes, ports, expose, env_names, env_values;
    struct dd_network_run *waits_for;
    dd_reference *reference; /* the image's */
    bool pull_first;         /* fetched on its own, before the container is made */
    int64_t pulls_left;
    /* build */
    dd_build_args *build;
    dd_build_options *build_options;
    char *build_file, *id_file, *context;
    dd_buf *dockerfile; /* as it was read */
    dd_strv tags, build_args;
    dd_deps *deps;
    dd_image_uses uses;
    dd_build_base *bases;
    size_t base_count, base_at;
    /* push */
    size_t push_at;
    int push_tries;
    char *digest_file;
} dd_step_run;

/* A network of the task file, made when the first step that needs it is known. */
typedef struct dd_network_run {
    struct dd_executor *executor;
    const dd_network *network;
    char *name; /* for the engine */
    bool wanted, made;
    dd_process *process;
} dd_network_run;

struct dd_executor {
    struct event_base *base;
    const dd_job *job;
    dd_run_sink sink;
    void (*done)(dd_run_result *taken, void *context);
    void *done_context;
    dd_executor_state state;
    struct event *turn;     /* what happened is acted on at the loop's next turn, never inside a callback */
    struct event *deadline; /* of the whole run */
    const dd_engine *engine;
    dd_engine_info *info;
    dd_engine_scope scope;
    char *attempt; /* dd_attempt_name */
    char *cgroup, *auth_file;
    dd_strv cert_dirs;   /* one per login; "" where there is none */
    dd_strv environment; /* of engine processes */
    dd_secrets *secrets;
    int64_t log_bytes;
    bool log_cut;
    /* preparing */
    dd_process *checkout_process, *info_process, *clean_process;
    dd_output *checkout_log;
    dd_checkout checkout;
    bool checked_out;
    int root; /* the context's directory */
    char *root_path;
    char *file_name;
    dd_taskfile *taskfile;
    /* running */
    dd_schedule *schedule;
    dd_step_run *steps;
    dd_network_run *networks;
    dd_strv built, built_ids; /* what the run's builds have tagged, normalised, and the image that it is */
    bool no_peers; /* no step's container could meet another's: nobody needs the network that joins them */
    bool containers_left, networks_made, build_killed;
    /* ending */
    bool end_asked;
    bool told;             /* the reason is in the log already */
    dd_run_result *result; /* filled as the run goes */
};

/* ---- executor.c ---- */
void dd_executor_poke(dd_executor *executor);
/* One line of the run (step NULL) or a step, counted against the log's limit. `text` is safe already. */
void dd_executor_line(dd_executor *executor, const char *step, dd_stream stream, const char *text,
                      size_t length);
/* The same by the system, masked. */
void dd_executor_say(dd_executor *executor, const char *step, const char *format, ...) DD_PRINTF(3, 4);
/* End the run with this state and reason, unless it is ending already. */
void dd_executor_end(dd_executor *executor, dd_run_state state, const char *message);
/* The run goes on, but it has failed. */
void dd_executor_failed(dd_executor *executor, const char *message);
const dd_login *dd_executor_login(const dd_executor *executor, const char *registry);
dd_engine_tls dd_executor_tls(const dd_executor *executor, const dd_reference *reference);
/* The id of the image that this run has built under the name; NULL: none. */
const char *dd_executor_built(const dd_executor *executor, const char *name);
/* A file of the run's own in job->directory; owned. */
char *dd_executor_path(const dd_executor *executor, const char *format, ...) DD_PRINTF(2, 3);

/* ---- prepare.c ---- */
int dd_prepare_directory(dd_executor *executor, dd_error **err);
int dd_prepare_checkout(dd_executor *executor, dd_error **err); /* starts it */
/* Read, render and parse the task file; its problems are in the log and the first one is *err. */
int dd_prepare_taskfile(dd_executor *executor, dd_error **err);
/* Open below the context: a directory or file that no symbolic link or ".." leads out of. */
int dd_prepare_open(const dd_executor *executor, const char *path, int flags, dd_error **err);

/* ---- step_run.c ---- */
void dd_step_run_init(dd_step_run *run, dd_executor *executor, size_t index);
void dd_step_run_done(dd_step_run *run);
void dd_step_run_start(dd_step_run *run);
void dd_step_run_stop(dd_step_run *run); /* idempotent */
void dd_step_run_network_ready(dd_step_run *run);
void dd_step_run_answer(dd_step_run *run, bool allowed);

/* ---- step_cmd.c, step_build.c: a step's text read before it starts, and its command lines ---- */
int dd_step_cmd_prepare(dd_step_run *run, dd_error **err);
void dd_step_cmd_argv(dd_step_run *run, dd_strv *argv);
void dd_step_cmd_done(dd_step_run *run);
int dd_step_build_prepare(dd_step_run *run, dd_error **err);
void dd_step_build_argv(dd_step_run *run, dd_strv *argv);
/* The id that the engine has written in a line of its own: the last one. False when it is none. */
bool dd_step_read_id(const char *text, char **ret);
/* Look at the bases, and write the Dockerfile with their ids in it. */
int dd_step_build_pin(dd_step_run *run, dd_error **err);
/* What the build has made has these names from now on. INTERNAL when its id is not known. */
int dd_step_build_keep(dd_step_run *run, dd_error **err);
/* The images of which the engine has to be asked something; none when the list stays empty. */
void dd_step_build_ask(dd_step_run *run, dd_strv *ret_images);
void dd_step_build_done(dd_step_run *run);
/* In a process of its own: prints "INDEX DIGEST" for each base whose registry answers. */
int dd_step_build_lookup(void *step_run);
void dd_step_build_read_lookup(dd_step_run *run, const char *text);
/* The engine's answer about those that were asked for. */
int dd_step_build_read_inspect(dd_step_run *run, const char *text, size_t length, dd_error **err);
/* A path as a step writes it ("src", "/workspace/src"), from the step's directory: relative to the context.
 * Owned. */
int dd_step_path(const dd_step_run *run, const char *written, char **ret, dd_error **err);

/* ---- image_triggers.c ---- */
/* DENIED for an image whose ONBUILD could leave a build, and for one that cannot be looked at. */
int dd_image_check_triggers(const dd_engine_info *info, const char *id, dd_error **err);

/* ---- networks.c ---- */
/* The network that a step writes (NULL: none), as the engine is told; *ret_wait when it must be made first.
 */
int dd_network_resolve(dd_executor *executor, const char *written, const char **ret_name,
                       dd_network_run **ret_wait, dd_error **err);
/* Begin to make it, once; the steps that wait for it are told. */
void dd_network_want(dd_network_run *network);

/* ---- report.c ---- */
void dd_report_image(dd_executor *executor, const char *reference, const char *digest);
void dd_report_bases(dd_executor *executor, const dd_step_run *run);
char *dd_report_dependencies(const dd_executor *executor);

#endif
