/* Which step may run: states and order of a task file's steps. No engine, no time in here. */
#ifndef DD_RUNNER_STEPS_H
#define DD_RUNNER_STEPS_H

#include "runner.h"

typedef struct dd_schedule dd_schedule;
/* Called for every move of a step, once it has been made. */
typedef void dd_step_moved_cb(void *context, size_t step, dd_step_state state);

/* The task file is borrowed; max_parallel 0: no limit. */
dd_schedule *dd_schedule_new(const dd_taskfile *taskfile, int64_t max_parallel, dd_step_moved_cb *moved,
                             void *context);
void dd_schedule_free(dd_schedule *schedule);
DD_DEFINE_FREEP(dd_schedule)
/* Take a step that may start now; it is RUNNING then. False: none may, for now or for ever. */
bool dd_schedule_next(dd_schedule *schedule, size_t *ret);
/* A running step has ended. Steps that can never start any more become SKIPPED. */
void dd_schedule_end(dd_schedule *schedule, size_t step, dd_step_state state, int exit_code);
/* Nothing more starts: what waits is SKIPPED. */
void dd_schedule_stop(dd_schedule *schedule);
dd_step_state dd_schedule_state(const dd_schedule *schedule, size_t step);
size_t dd_schedule_running(const dd_schedule *schedule);
bool dd_schedule_is_done(const dd_schedule *schedule);
/* The step's failure ends the run: no step is there that starts because of it (exitedWith, exitedWithout). */
bool dd_schedule_failure_is_final(const dd_schedule *schedule, size_t step);

#endif
