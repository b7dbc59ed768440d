/* Does a task run for an event? Pure: a task and an event in, an answer with its reason out. */
#include "triggers.h"

#include <stdio.h>
#include <string.h>

#define NO_RUN (-1)

/* Write the reason; for the one-line refusals below. */
static int DD_PRINTF(2, 3) say(dd_match *match, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    /* The analyser loses va_start in a variadic function that is inlined. */
    vsnprintf(match->why, sizeof(match->why), format, args); /* NOLINT(clang-analyzer-valist.Uninitialized) */
    va_end(args);
    return NO_RUN;
}

/* One rule each: 0 when it lets the run be, NO_RUN with the reason when it does not. */

static int check_task(const dd_task *task, const dd_event *event, dd_match *match)
{
    (void)event;
    if (!task->enabled)
        return say(match, "the task is disabled");
    if (!task->commit.on)
        return say(match, "the task has no commit trigger");
    return 0;
}

static int check_kind(const dd_task *task, const dd_event *event, dd_match *match)
{
    (void)task;
    if (event->kind != DD_EVENT_PUSH)
        return say(match, "a commit trigger takes no %s, only a push to a branch",
                   dd_event_kind_name(event->kind));
    if (!event->branch || !event->after || dd_commit_is_zero(event->after))
        return say(match, "the event names no branch or no commit");
    return 0;
}

static int check_repository(const dd_task *task, const dd_event *event, dd_match *match)
{
    if (!task->context || !dd_str_eq(task->context->key, event->repository_key))
        return say(match, "the push is to another repository than the task's context");
    return 0;
}

static int check_branch(const dd_task *task, const dd_event *event, dd_match *match)
{
    if (task->commit.branches.count > 0) {
        for (size_t i = 0; i < task->commit.branches.count; i++)
            if (dd_glob_match(task->commit.branches.items[i], event->branch))
                return 0;
        return say(match, "branch %.60s matches none of the trigger's branches", event->branch);
    }
    const char *wanted = task->context->ref ? task->context->ref : event->default_branch;
    if (wanted && dd_str_starts(wanted, "refs/heads/"))
        wanted += strlen("refs/heads/");
    if (!wanted)
        return say(match, "neither the task nor the push says which branch is the task's");
    if (!dd_str_eq(wanted, event->branch))
        return say(match, "branch %.50s is not the task's, %.50s", event->branch, wanted);
    return 0;
}

/* The last pattern that matches decides. A list that begins by excluding excludes from everything. */
static bool path_counts(const dd_strv *patterns, const char *path)
{
    bool counts = patterns->items[0][0] == '!';
    for (size_t i = 0; i < patterns->count; i++) {
        const char *pattern = patterns->items[i];
        bool excludes = pattern[0] == '!';
        if (dd_glob_match(pattern + (excludes ? 1 : 0), path))
            counts = !excludes;
    }
    return counts;
}

static int check_paths(const dd_task *task, const dd_event *event, dd_match *match)
{
    /* Where the paths are not known, a run too many is better than one too few. */
    if (task->commit.paths.count == 0 || !event->paths_known)
        return 0;
    for (size_t i = 0; i < event->changed_paths.count; i++)
        if (path_counts(&task->commit.paths, event->changed_paths.items[i]))
            return 0;
    return say(match, "none of the %zu changed paths matches the trigger's paths",
               event->changed_paths.count);
}

static int check_skip(const dd_task *task, const dd_event *event, dd_match *match)
{
    (void)task;
    if (event->skip_asked)
        return say(match, "the commit's message asks for no run");
    return 0;
}

dd_match dd_match_commit(const dd_task *task, const dd_event *event)
{
    static int (*const rules[])(const dd_task *, const dd_event *, dd_match *) = {
        check_task, check_kind, check_repository, check_branch, check_skip, check_paths,
    };
    dd_match match = {.runs = false, .trigger = DD_TRIGGER_COMMIT};
    for (size_t i = 0; i < DD_COUNT(rules); i++)
        if (rules[i](task, event, &match) == NO_RUN)
            return match;
    match.runs = true;
    say(&match, "commit %.12s on branch %.60s%s", event->after, event->branch,
        task->commit.paths.count > 0 && !event->paths_known ? "; the changed paths are not known" : "");
    return match;
}
