/* Steps' states and order. A step knows how many of its needs have not ended; the last one to end decides
 * whether it starts or is skipped. */
#include "steps.h"

#include <stdlib.h>

struct entry {
    dd_step_state state;
    int exit_code;
    size_t open_needs;
    size_t *dependents;
    size_t dependent_count;
};

struct dd_schedule {
    const dd_taskfile *taskfile;
    struct entry *entries;
    size_t *ready; /* a queue: each step enters it at most once */
    size_t ready_from, ready_to;
    size_t running, ended, max_parallel;
    dd_step_moved_cb *moved;
    void *context;
};

/* The one place where a state changes. */
static void step_enter(dd_schedule *schedule, size_t step, dd_step_state to)
{
    struct entry *entry = &schedule->entries[step];

    dd_assert(dd_step_may_move(entry->state, to));
    if (entry->state == DD_STEP_RUNNING)
        schedule->running--;
    entry->state = to;
    if (to == DD_STEP_RUNNING)
        schedule->running++;
    else
        schedule->ended++;
    schedule->moved(schedule->context, step, to);
}

static bool contains(const int64_t *codes, size_t count, int code)
{
    for (size_t i = 0; i < count; i++)
        if (codes[i] == code)
            return true;
    return false;
}

static bool asks_for_exit_codes(const dd_step *step)
{
    return step->exited_with_count > 0 || step->exited_without_count > 0;
}

static bool need_is_met(const dd_step *step, const struct entry *need)
{
    if (!asks_for_exit_codes(step))
        return need->state == DD_STEP_SUCCEEDED;
    if (need->state == DD_STEP_SKIPPED || need->state == DD_STEP_CANCELED)
        return false;
    return (step->exited_with_count == 0 ||
            contains(step->exited_with, step->exited_with_count, need->exit_code)) &&
           !contains(step->exited_without, step->exited_without_count, need->exit_code);
}

static void settle(dd_schedule *schedule, size_t index);

/* All needs of the step have ended: it may start, or never will. */
static void decide(dd_schedule *schedule, size_t index)
{
    const dd_step *step = &schedule->taskfile->steps[index];

    if (schedule->entries[index].state != DD_STEP_WAITING)
        return;
    for (size_t i = 0; i < step->need_count; i++)
        if (!need_is_met(step, &schedule->entries[step->needs[i]])) {
            step_enter(schedule, index, DD_STEP_SKIPPED);
            settle(schedule, index);
            return;
        }
    schedule->ready[schedule->ready_to++] = index;
}

/* The step has ended: tell those that wait for it. */
static void settle(dd_schedule *schedule, size_t index)
{
    const struct entry *entry = &schedule->entries[index];

    for (size_t i = 0; i < entry->dependent_count; i++)
        if (--schedule->entries[entry->dependents[i]].open_needs == 0)
            decide(schedule, entry->dependents[i]);
}

dd_schedule *dd_schedule_new(const dd_taskfile *taskfile, int64_t max_parallel, dd_step_moved_cb *moved,
                             void *context)
{
    dd_schedule *schedule = dd_new(dd_schedule);
    size_t count = taskfile->step_count;

    schedule->taskfile = taskfile;
    schedule->entries = dd_calloc(count + 1, sizeof *schedule->entries);
    schedule->ready = dd_calloc(count + 1, sizeof *schedule->ready);
    schedule->max_parallel = max_parallel > 0 ? (size_t)max_parallel : SIZE_MAX;
    schedule->moved = moved;
    schedule->context = context;
    for (size_t i = 0; i < count; i++) {
        const dd_step *step = &taskfile->steps[i];
        schedule->entries[i].open_needs = step->need_count;
        for (size_t n = 0; n < step->need_count; n++) {
            struct entry *need = &schedule->entries[step->needs[n]];
            need->dependents =
                dd_reallocarray(need->dependents, need->dependent_count + 1, sizeof *need->dependents);
            need->dependents[need->dependent_count++] = i;
        }
        if (step->need_count == 0)
            schedule->ready[schedule->ready_to++] = i;
    }
    return schedule;
}

void dd_schedule_free(dd_schedule *schedule)
{
    if (!schedule)
        return;
    for (size_t i = 0; i < schedule->taskfile->step_count; i++)
        free(schedule->entries[i].dependents);
    free(schedule->entries);
    free(schedule->ready);
    free(schedule);
}

bool dd_schedule_next(dd_schedule *schedule, size_t *ret)
{
    while (schedule->ready_from < schedule->ready_to && schedule->running < schedule->max_parallel) {
        size_t step = schedule->ready[schedule->ready_from++];
        if (schedule->entries[step].state != DD_STEP_WAITING)
            continue;
        step_enter(schedule, step, DD_STEP_RUNNING);
        *ret = step;
        return true;
    }
    return false;
}

void dd_schedule_end(dd_schedule *schedule, size_t step, dd_step_state state, int exit_code)
{
    schedule->entries[step].exit_code = exit_code;
    step_enter(schedule, step, state);
    settle(schedule, step);
}

void dd_schedule_stop(dd_schedule *schedule)
{
    for (size_t i = 0; i < schedule->taskfile->step_count; i++)
        if (schedule->entries[i].state == DD_STEP_WAITING)
            step_enter(schedule, i, DD_STEP_SKIPPED);
}

dd_step_state dd_schedule_state(const dd_schedule *schedule, size_t step)
{
    return schedule->entries[step].state;
}

size_t dd_schedule_running(const dd_schedule *schedule)
{
    return schedule->running;
}

bool dd_schedule_is_done(const dd_schedule *schedule)
{
    return schedule->ended == schedule->taskfile->step_count;
}

bool dd_schedule_failure_is_final(const dd_schedule *schedule, size_t step)
{
    const struct entry *entry = &schedule->entries[step];

    for (size_t i = 0; i < entry->dependent_count; i++)
        if (asks_for_exit_codes(&schedule->taskfile->steps[entry->dependents[i]]))
            return false;
    return true;
}
