/* What happens in a repository: every task whose context it is is asked, and those that match get a run of
 * the commit. */
#include "matcher.h"

#include <string.h>

static int make_run(dd_matcher *matcher, const char *event_id, const dd_event *event, const dd_task *task,
                    const char *why, dd_verdict *verdict, dd_error **err)
{
    dd_auto_str meaning = dd_sprintf("commit %s %s %s", event->repository_key, event->ref, event->after);
    const dd_cause cause = {.event = event,
                            .event_id = event_id,
                            .meaning = meaning,
                            .priority = "normal",
                            .trigger = DD_TRIGGER_COMMIT};
    dd_auto(dd_fields) more = dd_fields_new();
    dd_fields_set(more, "ref", event->ref);
    dd_fields_set(more, "branch", event->branch);
    dd_fields_set(more, "commit", event->after);
    dd_fields_set(more, "commit_message", event->message);
    return dd_matcher_make_run(matcher, task, &cause, more, why, verdict, err);
}

static int match_task(dd_matcher *matcher, const char *event_id, const dd_event *event, const char *name,
                      dd_verdict *verdict, dd_error **err)
{
    dd_auto(dd_task) task = NULL;
    dd_auto(dd_fields) fields = NULL;
    if (dd_matcher_task(matcher, name, verdict, &task, &fields, err) < 0)
        return -1;
    if (!task)
        return 0;
    dd_match match = dd_match_commit(task, event);
    if (match.runs)
        return make_run(matcher, event_id, event, task, match.why, verdict, err);
    dd_verdict_why(verdict, name, "%s", match.why);
    return 0;
}

/* From the stream, so it is looked at again: what becomes a key must be one. */
static int check_key(const dd_event *event, dd_error **err)
{
    dd_auto_str key = NULL;
    dd_auto_str url = dd_sprintf("https://%s", event->repository_key);
    return dd_repository_key(url, &key, err) < 0 ? dd_context(err, "repository_key") : 0;
}

static int check_event(const dd_event *event, dd_error **err)
{
    if (!event->repository_key && event->repository)
        return dd_fail(err, DD_ERR_INVALID,
                       "the sender does not say where %.100s is cloned from: give its url in "
                       "the settings' senders",
                       event->repository);
    if (!event->repository_key || !event->ref || !event->after || !dd_ref_is_valid(event->ref) ||
        !dd_commit_is_valid(event->after))
        return dd_fail(err, DD_ERR_INVALID, "a push without repository, ref or commit");
    return check_key(event, err);
}

static int match_tasks(dd_matcher *matcher, const char *event_id, const dd_event *event, dd_verdict *verdict,
                       dd_error **err)
{
    dd_auto(dd_strv) names = NULL;
    dd_auto_str key = dd_store_key(matcher->store, "repository:%s", event->repository_key);
    if (dd_matcher_task_names(matcher, key, &names, err) < 0)
        return -1;
    if (names->count == 0 && !verdict->text)
        dd_verdict_say(verdict, "no task has the repository %s as its context", event->repository_key);
    for (size_t i = 0; i < names->count; i++)
        if (match_task(matcher, event_id, event, names->items[i], verdict, err) < 0 ||
            dd_matcher_check_stop(matcher, err) < 0)
            return -1;
    return 0;
}

int dd_matcher_push(dd_matcher *matcher, const char *event_id, const dd_event *event, dd_verdict *verdict,
                    dd_error **err)
{
    return check_event(event, err) < 0 ? -1 : match_tasks(matcher, event_id, event, verdict, err);
}

int dd_matcher_other(dd_matcher *matcher, const char *event_id, const dd_event *event, dd_verdict *verdict,
                     dd_error **err)
{
    if (!event->repository_key || check_key(event, NULL) < 0)
        return 0;
    return match_tasks(matcher, event_id, event, verdict, err);
}
