/* Which pushes start a run of which task, as a table. */
#include "triggers/triggers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COMMIT "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

#define APP "https://github.com/org/app.git"

static const struct {
    const char *what;
    const char *context, *trigger; /* of the task */
    dd_event_kind kind;            /* of the event, and its members */
    const char *repository, *branch, *default_branch, *paths;
    bool skip;
    bool runs;
} cases[] = {
    {"the default branch", APP, "commit: true", DD_EVENT_PUSH, APP, "main", "main", NULL, false, true},
    {"another branch than the default", APP, "commit: true", DD_EVENT_PUSH, APP, "dev", "main", NULL, false,
     false},
    {"no default branch known", APP, "commit: true", DD_EVENT_PUSH, APP, "main", NULL, NULL, false, false},
    {"the context's branch", APP "#dev", "commit: true", DD_EVENT_PUSH, APP, "dev", "main", NULL, false,
     true},
    {"not the context's branch", APP "#dev", "commit: true", DD_EVENT_PUSH, APP, "main", "main", NULL, false,
     false},
    {"the context's branch as a full ref", APP "#refs/heads/dev", "commit: true", DD_EVENT_PUSH, APP, "dev",
     "main", NULL, false, true},
    {"a glob of branches", APP "#dev", "commit: {branches: [main, 'release/*']}", DD_EVENT_PUSH, APP,
     "release/1", "main", NULL, false, true},
    {"no glob of branches", APP "#dev", "commit: {branches: [main, 'release/*']}", DD_EVENT_PUSH, APP, "dev",
     "main", NULL, false, false},
    {"another repository", APP, "commit: true", DD_EVENT_PUSH, "https://github.com/org/other.git", "main",
     "main", NULL, false, false},
    {"the same path at another host", APP, "commit: true", DD_EVENT_PUSH,
     "https://github.example/org/app.git", "main", "main", NULL, false, false},
    {"the same repository by ssh", APP, "commit: true", DD_EVENT_PUSH, "ssh://git@github.com/org/app.git",
     "main", "main", NULL, false, true},
    {"no commit trigger", APP, "base_image: {type: all}", DD_EVENT_PUSH, APP, "main", "main", NULL, false,
     false},
    {"a tag", APP, "commit: true", DD_EVENT_TAG, APP, "main", "main", NULL, false, false},
    {"a deleted branch", APP, "commit: true", DD_EVENT_DELETE, APP, "main", "main", NULL, false, false},
    {"a pull request", APP, "commit: true", DD_EVENT_PULL_REQUEST, APP, "main", "main", NULL, false, false},
    {"a message that asks for none", APP, "commit: true", DD_EVENT_PUSH, APP, "main", "main", NULL, true,
     false},
    {"a path that matches", APP, "commit: {paths: ['src/**']}", DD_EVENT_PUSH, APP, "main", "main",
     "README\nsrc/a/b.c", false, true},
    {"no path that matches", APP, "commit: {paths: ['src/**']}", DD_EVENT_PUSH, APP, "main", "main",
     "README\ndocs/a", false, false},
    {"unknown paths", APP, "commit: {paths: ['src/**']}", DD_EVENT_PUSH, APP, "main", "main", NULL, false,
     true},
    {"an excluded path", APP, "commit: {paths: ['**', '!docs/**']}", DD_EVENT_PUSH, APP, "main", "main",
     "docs/a", false, false},
    {"an excluded path and another", APP, "commit: {paths: ['**', '!docs/**']}", DD_EVENT_PUSH, APP, "main",
     "main", "docs/a\nx", false, true},
    {"an excluded path taken back by a later pattern", APP,
     "commit: {paths: ['**', '!docs/**', 'docs/api/*']}", DD_EVENT_PUSH, APP, "main", "main", "docs/api/a",
     false, true},
    {"the last pattern wins", APP, "commit: {paths: ['docs/api/*', '!docs/**']}", DD_EVENT_PUSH, APP, "main",
     "main", "docs/api/a", false, false},
    {"a list of exclusions alone excludes from everything", APP, "commit: {paths: ['!docs/**']}",
     DD_EVENT_PUSH, APP, "main", "main", "x", false, true},
    {"a list of exclusions alone, excluded", APP, "commit: {paths: ['!docs/**']}", DD_EVENT_PUSH, APP, "main",
     "main", "docs/x", false, false},
};

static dd_task *make_task(const char *context, const char *trigger)
{
    dd_task **tasks = NULL;
    size_t count = 0;
    dd_auto(dd_error) why = NULL;
    dd_auto_str yaml = dd_sprintf(
        "tasks:\n  - name: t\n    context: %s\n    file: f.yaml\n    triggers: {%s}\n", context, trigger);
    if (dd_tasks_parse(yaml, strlen(yaml), "t", &tasks, &count, &why) < 0)
        fail_msg("%s: %s", yaml, why->message);
    assert_int_equal(count, 1);
    dd_task *task = tasks[0];
    free(tasks);
    return task;
}

static dd_event *make_event(size_t i)
{
    dd_auto(dd_fields) fields = dd_fields_new();
    dd_event *event = NULL;
    dd_auto_str key = NULL;
    dd_auto_str ref = dd_sprintf("refs/heads/%s", cases[i].branch);
    assert_int_equal(dd_repository_key(cases[i].repository, &key, NULL), 0);
    dd_fields_set(fields, "kind", dd_event_kind_name(cases[i].kind));
    dd_fields_set(fields, "repository_key", key);
    dd_fields_set(fields, "ref", ref);
    dd_fields_set(fields, "branch", cases[i].branch);
    dd_fields_set(fields, "after", COMMIT);
    dd_fields_set(fields, "default_branch", cases[i].default_branch);
    dd_fields_set(fields, "changed_paths", cases[i].paths);
    dd_fields_set(fields, "skip_asked", cases[i].skip ? "yes" : NULL);
    assert_int_equal(dd_event_from_fields(fields, &event, NULL), 0);
    return event;
}

static void a_push_runs_the_tasks_whose_rules_it_meets_and_no_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto(dd_task) task = make_task(cases[i].context, cases[i].trigger);
        dd_auto(dd_event) event = make_event(i);
        dd_match match = dd_match_commit(task, event);
        if (match.runs != cases[i].runs)
            print_error("%s: %s\n", cases[i].what, match.why);
        assert_int_equal(match.runs, cases[i].runs);
        assert_int_equal(match.trigger, DD_TRIGGER_COMMIT);
        assert_true(strlen(match.why) > 10);
    }
}

static void a_disabled_task_runs_for_nothing(void **state)
{
    (void)state;
    dd_auto(dd_task) task = make_task(APP, "commit: true");
    dd_auto(dd_event) event = make_event(0);
    assert_true(dd_match_commit(task, event).runs);
    task->enabled = false;
    assert_false(dd_match_commit(task, event).runs);
}

static void threat_06_the_repository_is_the_tasks_whatever_name_a_body_claims(void **state)
{
    (void)state;
    dd_auto(dd_task) task = make_task(APP, "commit: true");
    dd_auto(dd_event) event = make_event(0);
    /* What the body calls itself is never compared: only the key of the address is, with the task's own. */
    event->repository = dd_strdup("somebody/else");
    assert_true(dd_match_commit(task, event).runs);
    free(event->repository_key);
    event->repository_key = NULL;
    assert_false(dd_match_commit(task, event).runs);
}

static void the_reason_stays_within_its_room(void **state)
{
    (void)state;
    dd_auto(dd_task) task = make_task(APP, "commit: true");
    dd_auto(dd_event) event = make_event(0);
    char name[300];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    free(event->branch);
    event->branch = dd_strdup(name);
    dd_match match = dd_match_commit(task, event);
    assert_false(match.runs);
    assert_true(strlen(match.why) < sizeof(match.why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_push_runs_the_tasks_whose_rules_it_meets_and_no_others),
        cmocka_unit_test(a_disabled_task_runs_for_nothing),
        cmocka_unit_test(threat_06_the_repository_is_the_tasks_whatever_name_a_body_claims),
        cmocka_unit_test(the_reason_stays_within_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
