/* Cleaning up after a run's process that died, in a process of its own: it blocks, and it may be killed too.
 *
 * A run's process holds a lock on the run's directory as long as it lives. One that outlives its worker
 * cleans up by itself, so the clean-up waits for that lock first, though not for ever. */
#include "process.h"
#include "worker_private.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define LOCK_WAIT_S   60
#define CLEAN_LIMIT_S 300

struct dd_cleaner {
    dd_process *process;
    struct event *limit;
    void (*ended)(void *context, const char *problem);
    void *context;
};

static void on_ended(void *context, dd_process *process, int exit_code)
{
    dd_cleaner *cleaner = context;
    const dd_buf *said = dd_process_error(process);
    dd_auto_str problem = NULL;

    if (exit_code != 0)
        problem =
            dd_sprintf("run-clean ended with exit code %d: %.*s", exit_code,
                       (int)(said->length ? strcspn(said->data, "\n") : 0), said->length ? said->data : "");
    cleaner->ended(cleaner->context, problem);
}

static void on_limit(evutil_socket_t fd, short what, void *context)
{
    dd_cleaner *cleaner = context;

    (void)fd, (void)what;
    dd_process_signal(cleaner->process, SIGKILL);
}

int dd_cleaner_start(struct event_base *base, const char *engine, const char *attempt, const char *directory,
                     void (*ended)(void *context, const char *problem), void *context, dd_cleaner **ret,
                     dd_error **err)
{
    const char *const argv[] = {"/proc/self/exe", "run-clean", engine, attempt, directory, NULL};
    const struct timeval limit = {CLEAN_LIMIT_S, 0};
    dd_auto(dd_cleaner) cleaner = dd_new(dd_cleaner);

    cleaner->ended = ended;
    cleaner->context = context;
    if (dd_process_start(base, &(dd_process_spec){.argv = argv, .ended = on_ended, .context = cleaner},
                         &cleaner->process, err) < 0)
        return -1;
    cleaner->limit = evtimer_new(base, on_limit, cleaner);
    event_add(cleaner->limit, &limit);
    *ret = dd_take(cleaner);
    return 0;
}

void dd_cleaner_free(dd_cleaner *cleaner)
{
    if (!cleaner)
        return;
    dd_process_free(cleaner->process);
    if (cleaner->limit)
        event_free(cleaner->limit);
    free(cleaner);
}

/* ---- The process itself ---- */

static void on_alarm(int signal)
{
    (void)signal; /* only to interrupt flock */
}

static void wait_for_owner(const char *directory)
{
    struct sigaction action = {.sa_handler = on_alarm};
    dd_auto_fd lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (lock < 0)
        return;
    sigaction(SIGALRM, &action, NULL); /* without SA_RESTART */
    alarm(LOCK_WAIT_S);
    if (flock(lock, LOCK_EX) < 0)
        dd_log(DD_LOG_WARNING, "runner", NULL, "the run's process still holds %s; cleaning up nevertheless",
               directory);
    alarm(0);
}

int dd_run_clean_main(int argc, char **argv)
{
    dd_auto(dd_error) error = NULL;

    if (argc != 4) {
        dd_log(DD_LOG_ERROR, "runner", NULL, "usage: run-clean ENGINE ATTEMPT DIRECTORY");
        return 2;
    }
    wait_for_owner(argv[3]);
    if (dd_run_clean(argv[1], argv[2], argv[3], &error) == 0)
        return 0;
    dd_auto_str text = dd_error_text(error);
    fprintf(stderr, "%s\n", text);
    return dd_error_exit_code(error);
}
