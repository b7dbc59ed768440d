/* A child process on the event loop: its output in lines or collected, its end by pidfd. */
#ifndef DD_RUNNER_PROCESS_H
#define DD_RUNNER_PROCESS_H

#include "output.h"

struct event_base;

#define DD_PROCESS_COLLECT_BYTES (256 * 1024)

typedef struct dd_process dd_process;

typedef struct dd_process_spec {
    const char *const *argv;     /* NULL: `main` in a fork of this process */
    const char *const *envp;     /* NULL: this process's */
    const char *directory;       /* NULL: this process's */
    int (*main)(void *argument); /* its standard output and error are the pipes; ends with _exit */
    void *argument;
    /* Each stream goes to a splitter or, where that is NULL, is collected (the first
     * DD_PROCESS_COLLECT_BYTES). */
    dd_output *output, *error;
    void (*ended)(void *context, dd_process *process, int exit_code); /* may free the process */
    void *context;
} dd_process_spec;

/* Start the child in a process group of its own. `ended` is never called from within this call. */
int dd_process_start(struct event_base *base, const dd_process_spec *spec, dd_process **ret, dd_error **err);
/* Send the signal to the child alone: an engine's client starts daemons that serve other runs too
 * (aardvark-dns). Nothing happens when it has ended. */
void dd_process_signal(dd_process *process, int signal);
const dd_buf *dd_process_output(const dd_process *process); /* what was collected */
const dd_buf *dd_process_error(const dd_process *process);
/* A child that still runs is killed and waited for. */
void dd_process_free(dd_process *process);
DD_DEFINE_FREEP(dd_process)

#endif
