/* drydock runs …: what runs there are, their logs, and their end. */
#include "verbs.h"

#include "follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_S 30

static int check_id(const dd_args *args, dd_error **err)
{
    const char *run = dd_args_word(args, 0);
    return dd_name_is_valid(run) ? 0 : dd_fail(err, DD_ERR_INVALID, "'%s' is no run's id", run);
}

/* ---- list ---- */

/* Members made for people: times, and how long it took. */
static void add_words(json_t *run)
{
    char at[DD_TIME_TEXT];
    json_int_t created = json_integer_value(json_object_get(run, "created_ms"));
    json_int_t started = json_integer_value(json_object_get(run, "started_ms"));
    json_int_t ended = json_integer_value(json_object_get(run, "ended_ms"));
    dd_time_format(created, at);
    at[19] = '\0';
    json_object_set_new(run, "created", json_string(at));
    if (started) {
        dd_auto_str took = dd_sprintf("%.1f s", (double)((ended ? ended : dd_wall_ms()) - started) / 1000);
        json_object_set_new(run, "duration", json_string(took));
    }
}

static int list(const dd_args *args)
{
    static const dd_column columns[] = {
        {"RUN", "id"},          {"TASK", "task"},         {"STATUS", "state"}, {"TRIGGER", "trigger"},
        {"CREATED", "created"}, {"DURATION", "duration"}, {"COMMIT", "commit"}};
    const char *task = dd_args_value(args, "task");
    int64_t limit = 20;
    json_t *answer = NULL;
    dd_error *error = NULL;
    bool as_json;
    if (dd_args_output(args, &as_json, &error) < 0 || dd_args_int(args, "limit", 1, 500, &limit, &error) < 0)
        return dd_verb_fail(args, error);
    if (task && !dd_name_is_valid(task))
        return dd_verb_misuse(args, "--task: '%s' is no task's name", task);
    dd_auto_str path =
        dd_sprintf("/runs?limit=%lld%s%s", (long long)limit, task ? "&task=" : "", task ? task : "");
    if (dd_client_call(args, "GET", path, NULL, TIMEOUT_S, &answer, &error) < 0)
        return dd_verb_fail(args, error);
    json_t *runs = json_object_get(answer, "runs");
    if (as_json)
        dd_print_json(runs);
    else {
        for (size_t i = 0; i < json_array_size(runs); i++)
            add_words(json_array_get(runs, i));
        dd_print_table(runs, columns, DD_COUNT(columns));
    }
    json_decref(answer);
    return 0;
}

static const dd_option list_options[] = {
    {"task", 't', "NAME", "only this task's"},
    {"limit", 'n', "NUMBER", "at most so many, the newest first (20; 500 at most)"},
    DD_OUTPUT_OPTION,
    DD_CLIENT_OPTIONS,
    {0}};
const dd_verb dd_verb_runs_list = {.name = "runs list",
                                   .summary = "runs, the newest first",
                                   .usage = "",
                                   .help =
                                       "  STATUS is Queued, Started, Running, Succeeded, Failed, Canceled, "
                                       "Error or Timeout.\n",
                                   .examples = "  drydock runs list --task hello-world -n 5\n",
                                   .options = list_options,
                                   .main = list};

/* ---- show ---- */

static int show(const dd_args *args)
{
    json_t *answer = NULL, *value;
    dd_error *error = NULL;
    const char *name;
    bool as_json;
    dd_auto_str path = dd_sprintf("/runs/%s", dd_args_word(args, 0));
    if (dd_args_output(args, &as_json, &error) < 0 || check_id(args, &error) < 0 ||
        dd_client_call(args, "GET", path, NULL, TIMEOUT_S, &answer, &error) < 0)
        return dd_verb_fail(args, error);
    if (as_json)
        dd_print_json(answer);
    else
        json_object_foreach(answer, name, value)
        {
            char at[DD_TIME_TEXT];
            dd_auto_str text = json_is_string(value) ? dd_text_safe(json_string_value(value)) : NULL;
            if (text)
                printf("%-18s %s\n", name, text);
            else if (dd_str_ends(name, "_ms"))
                printf("%-18s %s\n", name, dd_time_format(json_integer_value(value), at));
            else
                printf("%-18s %lld\n", name, (long long)json_integer_value(value));
        }
    json_decref(answer);
    return 0;
}

static const dd_option common_options[] = {DD_OUTPUT_OPTION, DD_CLIENT_OPTIONS, {0}};
const dd_verb dd_verb_runs_show = {.name = "runs show",
                                   .summary = "everything about a run",
                                   .usage = "RUN",
                                   .help =
                                       "  Prints the run's fields as Redis has them: its state, what asked "
                                       "for it, its\n"
                                       "  commit, its images and their digests, and why it failed.\n",
                                   .examples = "  drydock runs show ca1 -o json | jq -r .state\n",
                                   .options = common_options,
                                   .least = 1,
                                   .most = 1,
                                   .main = show};

/* ---- logs ---- */

static int logs(const dd_args *args)
{
    const char *run = dd_args_word(args, 0);
    dd_auto_str after = dd_strdup("0-0");
    dd_error *error = NULL;
    size_t lines;
    if (check_id(args, &error) < 0)
        return dd_verb_fail(args, error);
    if (dd_args_has(args, "follow"))
        return dd_follow_run(args, run, true, 0);
    do {
        dd_auto_str end = NULL;
        if (dd_log_page(args, run, &after, 0, true, &end, &lines, &error) < 0)
            return dd_verb_fail(args, error);
        if (end)
            break;
    } while (lines > 0);
    return 0;
}

static const dd_option logs_options[] = {
    {"follow", 'f', NULL, "until the run ends; exit 1 unless it succeeded"}, DD_CLIENT_OPTIONS, {0}};
const dd_verb dd_verb_runs_logs = {
    .name = "runs logs",
    .summary = "a run's log",
    .usage = "RUN",
    .help = "  Lines of a step are printed as `STEP | text`, those of the run itself as they are.\n",
    .examples = "  drydock runs logs -f ca1\n",
    .options = logs_options,
    .least = 1,
    .most = 1,
    .main = logs};

/* ---- cancel, wait ---- */

static int cancel(const dd_args *args)
{
    json_t *answer = NULL;
    dd_error *error = NULL;
    dd_auto_str path = dd_sprintf("/runs/%s/cancel", dd_args_word(args, 0));
    if (check_id(args, &error) < 0 || dd_client_call(args, "POST", path, "", TIMEOUT_S, &answer, &error) < 0)
        return dd_verb_fail(args, error);
    static const char *const words[][2] = {{"canceled", "canceled; it had not started"},
                                           {"asked", "its worker is told to end it"},
                                           {"final", "it has ended already"}};
    const char *result = json_string_value(json_object_get(answer, "result"));
    for (size_t i = 0; i < DD_COUNT(words); i++)
        if (dd_str_eq(result, words[i][0]))
            printf("run %s: %s\n", dd_args_word(args, 0), words[i][1]);
    json_decref(answer);
    return 0;
}

static const dd_option cancel_options[] = {DD_CLIENT_OPTIONS, {0}};
const dd_verb dd_verb_runs_cancel = {.name = "runs cancel",
                                     .summary = "end a run",
                                     .usage = "RUN",
                                     .help = "  A run that waits ends at once; a running one when its worker "
                                             "has stopped its\n"
                                             "  steps and removed what it made.\n",
                                     .examples = "  drydock runs cancel ca1 && drydock runs wait ca1\n",
                                     .options = cancel_options,
                                     .least = 1,
                                     .most = 1,
                                     .main = cancel};

static int wait_for(const dd_args *args)
{
    dd_error *error = NULL;
    int64_t timeout_s = 0;
    if (check_id(args, &error) < 0 ||
        dd_args_int(args, "timeout", 1, (int64_t)7 * 24 * 3600, &timeout_s, &error) < 0)
        return dd_verb_fail(args, error);
    return dd_follow_run(args, dd_args_word(args, 0), false, timeout_s);
}

static const dd_option wait_options[] = {
    {"timeout", 0, "SECONDS", "give up after so long (default never)"}, DD_CLIENT_OPTIONS, {0}};
const dd_verb dd_verb_runs_wait = {.name = "runs wait",
                                   .summary = "wait until a run ends; exit 1 unless it succeeded",
                                   .usage = "RUN",
                                   .help = "  Prints nothing but the end, on standard error.\n",
                                   .examples = "  drydock runs wait ca1 --timeout 600\n",
                                   .options = wait_options,
                                   .least = 1,
                                   .most = 1,
                                   .main = wait_for};
