/* The worker's inside: attempts (one run under one lease, with its process), and what they share. */
#ifndef DD_RUNNER_WORKER_PRIVATE_H
#define DD_RUNNER_WORKER_PRIVATE_H

#include "channel.h"
#include "engine.h"

#define DD_WORKER_ROOM "worker"

/* ---- worker_job.c: what a run's process is told; pure ---- */

/* From the run's fields and the settings. `directory` is the worker's, absolute; `instance` the store's.
 * INVALID: the run cannot be run. */
int dd_worker_job(const dd_settings *settings, const char *directory, const char *instance,
                  const dd_claim *claim, dd_job **ret, dd_error **err);
/* DIRECTORY/runs/ATTEMPT: a lease's own, so that a run taken up again never meets its earlier files; and by
 * its name a later worker knows what to clean up, whatever store it serves. Owned. */
char *dd_worker_run_directory(const char *directory, const char *attempt);

/* ---- worker_report.c: what is written of a run; pure ---- */

/* The text of the field step:ID: "Failed build, exit 1, attempts 2, started …, ended …: why". Owned. */
char *dd_worker_step_words(const dd_message *step);
/* The fields that the end of a run of `task` (NULL: of none) leaves. Owned. */
dd_fields *dd_worker_result_fields(const dd_run_result *result, const char *task);
/* Keep of a stranger's result what can be shown, and of its bases what the index can take: at most
 * DD_WORKER_BASES_MAX, well written. Returns how many bases fell. */
#define DD_WORKER_BASES_MAX DD_BASES_MAX
size_t dd_worker_check_result(dd_run_result *result);
/* How a process ended, in words: "was killed by signal 9 (SIGKILL)", "ended with exit code 3". Owned. */
char *dd_worker_exit_words(int wait_status);
/* Control bytes of a line that came from a run's process become '?' (it has replaced them: a stranger has
 * not). */
void dd_worker_clean_line(char *text, size_t length);
/* One line of a run on standard output, as long as somebody reads it. */
void dd_worker_echo(const char *run, const char *step, const char *text);

/* ---- worker_log.c: log lines on their way to Redis ---- */

typedef struct dd_worker_log dd_worker_log;
dd_worker_log *dd_worker_log_new(void);
void dd_worker_log_free(dd_worker_log *log);
DD_DEFINE_FREEP(dd_worker_log)
void dd_worker_log_add(dd_worker_log *log, const char *step, dd_stream stream, int64_t at_ms,
                       const char *text, size_t length);
size_t dd_worker_log_bytes(const dd_worker_log *log); /* waiting and sent */
bool dd_worker_log_is_empty(const dd_worker_log *log);
/* The oldest lines as one request; NULL when there are none, or when the last batch is not answered yet. */
dd_command *dd_worker_log_send(dd_worker_log *log, const char *prefix, dd_lease lease);
/* The batch is kept in Redis, or has to be sent again. */
void dd_worker_log_answered(dd_worker_log *log, bool kept);

/* ---- attempt.c ---- */

typedef struct dd_attempt dd_attempt;
/* What all attempts of a worker share. */
typedef struct dd_attempt_host {
    struct event_base *base;
    const dd_settings *settings;
    dd_store_async *store;
    const char *directory, *instance;
    int64_t lease_ms;
    /* Nothing of the attempt is left, and it may be freed. Never called from within another call. */
    void (*ended)(void *context, dd_attempt *attempt);
    void *context;
} dd_attempt_host;

/* Take the claim; its lease counts from `asked_ms` (monotonic), when it was asked for. */
dd_attempt *dd_attempt_new(const dd_attempt_host *host, dd_claim *taken, int64_t asked_ms);
void dd_attempt_free(dd_attempt *attempt);
DD_DEFINE_FREEP(dd_attempt)
/* Start the run's process. Not before an earlier attempt at the same run is gone from this machine: cleaning
 * up after it would end this one too. */
void dd_attempt_begin(dd_attempt *attempt);
const char *dd_attempt_run(const dd_attempt *attempt);
/* The lease while the run is ours; false when it is not any more. */
bool dd_attempt_lease(const dd_attempt *attempt, dd_lease *ret);
/* The lease was extended by a beat sent at that time (monotonic). */
void dd_attempt_confirm(dd_attempt *attempt, int64_t sent_ms);
/* Somebody asked for its end: idempotent. */
void dd_attempt_cancel(dd_attempt *attempt, const char *why);
/* The run is not ours any more: kill, clean up, write nothing. */
void dd_attempt_lose(dd_attempt *attempt, const char *why);
/* End it and clean up, but leave the run to whoever takes it up when the lease has run out. */
void dd_attempt_release(dd_attempt *attempt, const char *why);

/* ---- worker_clean.c ---- */

/* Clean up after a run's process in a process of its own (the hidden verb run-clean). `ended` gets NULL or
 * why something is left. */
typedef struct dd_cleaner dd_cleaner;
int dd_cleaner_start(struct event_base *base, const char *engine, const char *attempt, const char *directory,
                     void (*ended)(void *context, const char *problem), void *context, dd_cleaner **ret,
                     dd_error **err);
void dd_cleaner_free(dd_cleaner *cleaner);
DD_DEFINE_FREEP(dd_cleaner)

#endif
