/* drydock events …: the deliveries that came, what became of them, and matching them again. */
#include "verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_S 60

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* The words of the event's address: "MILLISECONDS-NUMBER". */
static int path_of(const dd_args *args, const char *rest, char **ret, dd_error **err)
{
    const char *id = dd_args_word(args, 0);
    size_t first = strspn(id, "0123456789");
    if (first == 0 || id[first] != '-' || !id[first + 1] ||
        id[first + 1 + strspn(id + first + 1, "0123456789")] != '\0' || strlen(id) > 41) {
        dd_fail(err, DD_ERR_INVALID, "'%s' is no event's id", id);
        return dd_hint(err, "such as 1764000000000-0; `drydock events list` shows them");
    }
    *ret = dd_sprintf("/events/%s%s", id, rest);
    return 0;
}

static int call(const dd_args *args, const char *method, const char *rest, const char *body, json_t **ret,
                dd_error **err)
{
    dd_auto_str path = NULL;
    return path_of(args, rest, &path, err) < 0
               ? -1
               : dd_client_call(args, method, path, body, TIMEOUT_S, ret, err);
}

static const char *verdict_of(const json_t *event)
{
    const char *verdict = text_of(event, "verdict");
    return verdict ? verdict : "waits to be matched";
}

/* ---- list ---- */

/* What the event is about, in a few words. */
static char *about(const json_t *event)
{
    const char *repository = text_of(event, "repository"), *registry = text_of(event, "registry");
    const char *branch = text_of(event, "branch"), *tag = text_of(event, "tag");
    const char *after = text_of(event, "after"), *number = text_of(event, "number");
    if (registry)
        return dd_sprintf("%s/%s%s%s", registry, repository ? repository : "", tag ? ":" : "",
                          tag ? tag : "");
    return dd_sprintf("%s%s%s%s%s%s%.12s", repository ? repository : "", number ? " #" : "",
                      number ? number : "", branch || tag ? " " : "",
                      branch ? branch
                      : tag  ? tag
                             : "",
                      after ? " " : "", after ? after : "");
}

static void add_words(json_t *event)
{
    char at[DD_TIME_TEXT];
    dd_auto_str what = about(event);
    dd_time_format(json_integer_value(json_object_get(event, "at_ms")), at);
    at[19] = '\0';
    json_object_set_new(event, "at", json_string(at));
    json_object_set_new(event, "about", json_string(what));
    json_object_set_new(event, "verdict", json_string(verdict_of(event)));
}

static int list_path(const dd_args *args, char **ret, dd_error **err)
{
    const char *sender = dd_args_value(args, "sender"), *kind = dd_args_value(args, "kind"),
               *before = dd_args_value(args, "before");
    int64_t limit = 20;
    dd_event_kind known;
    if (dd_args_int(args, "limit", 1, 500, &limit, err) < 0)
        return -1;
    if (sender && !dd_name_is_valid(sender))
        return dd_fail(err, DD_ERR_INVALID, "--sender: '%s' is no name", sender);
    if (kind && !dd_event_kind_parse(kind, &known))
        return dd_fail(err, DD_ERR_INVALID, "--kind: '%s' is no kind of event", kind);
    if (before && before[strspn(before, "0123456789-")] != '\0')
        return dd_fail(err, DD_ERR_INVALID, "--before: '%s' is no event's id", before);
    *ret = dd_sprintf("/events?limit=%lld%s%s%s%s%s%s", (long long)limit, sender ? "&sender=" : "",
                      sender ? sender : "", kind ? "&kind=" : "", kind ? kind : "", before ? "&before=" : "",
                      before ? before : "");
    return 0;
}

static int list(const dd_args *args)
{
    static const dd_column columns[] = {{"EVENT", "id"},  {"TIME", "at"},     {"SENDER", "sender"},
                                        {"KIND", "kind"}, {"ABOUT", "about"}, {"VERDICT", "verdict"}};
    dd_auto_str path = NULL;
    json_t *answer = NULL;
    dd_error *error = NULL;
    bool as_json;
    if (dd_args_output(args, &as_json, &error) < 0 || list_path(args, &path, &error) < 0 ||
        dd_client_call(args, "GET", path, NULL, TIMEOUT_S, &answer, &error) < 0)
        return dd_verb_fail(args, error);
    json_t *events = json_object_get(answer, "events");
    if (as_json) {
        dd_print_json(events);
    } else {
        for (size_t i = 0; i < json_array_size(events); i++)
            add_words(json_array_get(events, i));
        dd_print_table(events, columns, DD_COUNT(columns));
    }
    json_decref(answer);
    return 0;
}

static const dd_option list_options[] = {
    {"sender", 's', "NAME", "only this sender's, by its name in the settings"},
    {"kind", 'k', "KIND", "push, tag, pull_request, image_push, delete, ping or ignored"},
    {"limit", 'n', "NUMBER", "at most so many, the newest first (20; 500 at most)"},
    {"before", 0, "EVENT", "only older ones than this"},
    DD_OUTPUT_OPTION,
    DD_CLIENT_OPTIONS,
    {0}};
const dd_verb dd_verb_events_list = {
    .name = "events list",
    .summary = "what the deliveries said, and what became of it",
    .usage = "",
    .help =
        "  Every verified delivery is kept for queue.events_keep. One that says several things (refs of a "
        "push, images\n"
        "  of an envelope) has an event for each; one that says nothing to do has one of the kind "
        "ignored.\n",
    .examples = "  drydock events list --sender github --kind push\n"
                "  drydock events list --kind ignored -o json | jq -r '.[].why'\n",
    .options = list_options,
    .main = list};

/* ---- show ---- */

static int write_body(const dd_args *args, const json_t *event)
{
    const char *body = text_of(event, "body");
    dd_error *error = NULL;
    dd_auto(dd_buf) bytes = dd_buf_new();
    if (!body) {
        dd_fail(&error, DD_ERR_CONFLICT, "the body is not kept any more");
        return dd_verb_fail(args, error);
    }
    if (dd_str_eq(text_of(event, "body_encoding"), "base64"))
        dd_base64_decode(body, strlen(body), bytes);
    else
        dd_buf_add_str(bytes, body);
    fwrite(bytes->data, 1, bytes->length, stdout);
    return 0;
}

static void print_line(const char *name, const char *text)
{
    dd_auto_str safe = dd_text_safe(text);
    printf("%-18s %s\n", name, safe);
}

static void print_pair(const char *name, const char *first, const char *between, const char *second)
{
    dd_auto_str text = dd_sprintf("%s%s%s", first ? first : "", between, second ? second : "");
    print_line(name, text);
}

/* A list's items, a line each. */
static void print_items(const char *name, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (json_is_string(item))
            print_line(name, json_string_value(item));
        else if (json_is_array(item))
            print_pair("header", json_string_value(json_array_get(item, 0)), ": ",
                       json_string_value(json_array_get(item, 1)));
        else if (text_of(item, "task"))
            print_pair("task", text_of(item, "task"), ": ", text_of(item, "why"));
        else
            print_pair("event", text_of(item, "id"), " ", text_of(item, "kind"));
    }
}

static void print_whole(const json_t *event)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)event, name, value)
    {
        char at[DD_TIME_TEXT];
        if (strcmp(name, "body") == 0 || strcmp(name, "body_encoding") == 0)
            continue;
        if (json_is_array(value))
            print_items(name, value);
        else if (json_is_string(value))
            print_line(name, json_string_value(value));
        else if (json_is_null(value))
            print_line(name, "-");
        else if (dd_str_ends(name, "_ms"))
            print_line(name, dd_time_format(json_integer_value(value), at));
        else
            printf("%-18s %lld\n", name, (long long)json_integer_value(value));
    }
}

static int show(const dd_args *args)
{
    json_t *answer = NULL;
    dd_error *error = NULL;
    bool as_json;
    int code = 0;
    if (dd_args_output(args, &as_json, &error) < 0 || call(args, "GET", "", NULL, &answer, &error) < 0)
        return dd_verb_fail(args, error);
    if (dd_args_has(args, "body"))
        code = write_body(args, answer);
    else if (as_json)
        dd_print_json(answer);
    else
        print_whole(answer);
    json_decref(answer);
    return code;
}

static const dd_option show_options[] = {
    {"body", 'b', NULL, "write the delivery's body, byte for byte, and nothing else"},
    DD_OUTPUT_OPTION,
    DD_CLIENT_OPTIONS,
    {0}};
const dd_verb dd_verb_events_show = {
    .name = "events show",
    .summary = "an event and its delivery as it came",
    .usage = "EVENT",
    .help = "  Prints what the delivery said, what became of it, and its headers, without those that proved "
            "who sent it.\n"
            "  Headers and bodies go before the rest when queue.deliveries_max is reached, the oldest "
            "first.\n",
    .examples = "  drydock events show 1764000000000-0\n"
                "  drydock events show 1764000000000-0 --body > body.json\n"
                "  drydock events show 1764000000000-0 -o json | jq .headers > headers.json\n"
                "  drydock event parse --kind github --headers headers.json --body body.json\n",
    .options = show_options,
    .least = 1,
    .most = 1,
    .main = show};

/* ---- why ---- */

static int why(const dd_args *args)
{
    static const dd_column columns[] = {{"TASK", "task"}, {"RUN", "run"}, {"WHY", "why"}};
    json_t *answer = NULL;
    dd_error *error = NULL;
    bool as_json;
    if (dd_args_output(args, &as_json, &error) < 0 || call(args, "GET", "/why", NULL, &answer, &error) < 0)
        return dd_verb_fail(args, error);
    if (as_json) {
        dd_print_json(answer);
    } else {
        const json_t *tasks = json_object_get(answer, "tasks");
        json_int_t left_out = json_integer_value(json_object_get(answer, "tasks_left_out"));
        dd_auto_str verdict = dd_text_safe(verdict_of(answer));
        for (size_t i = 0; i < json_array_size(tasks); i++) {
            json_t *task = json_array_get(tasks, i);
            if (json_is_true(json_object_get(task, "existed"))) {
                dd_auto_str text = dd_sprintf("%s (made before)", text_of(task, "run"));
                json_object_set_new(task, "run", json_string(text));
            }
        }
        if (json_array_size(tasks) > 0)
            dd_print_table(tasks, columns, DD_COUNT(columns));
        if (left_out)
            printf("and %lld more\n", (long long)left_out);
        printf("%s\n", verdict);
    }
    json_decref(answer);
    return 0;
}

static const dd_option common_options[] = {DD_OUTPUT_OPTION, DD_CLIENT_OPTIONS, {0}};
const dd_verb dd_verb_events_why = {
    .name = "events why",
    .summary = "why each task near an event ran or did not",
    .usage = "EVENT",
    .help = "  Near are the tasks whose context is the event's repository, and those that were built from an "
            "image of the\n"
            "  repository that was pushed. RUN is the run that the event made, or that had been made for the "
            "same commit or\n"
            "  digest before. The last line is the event's verdict as a whole.\n",
    .examples = "  drydock events why 1764000000000-0\n",
    .options = common_options,
    .least = 1,
    .most = 1,
    .main = why};

/* ---- replay ---- */

static int replay(const dd_args *args)
{
    json_t *answer = NULL;
    dd_error *error = NULL;
    const char *body = dd_args_has(args, "force") ? "{\"force\": true}" : "";
    if (call(args, "POST", "/replay", body, &answer, &error) < 0)
        return dd_verb_fail(args, error);
    const json_t *events = json_object_get(answer, "events");
    const char *ignored = text_of(answer, "ignored");
    if (ignored) {
        dd_auto_str safe = dd_text_safe(ignored);
        fprintf(stderr, "drydock events replay: still nothing to do: %s\n", safe);
    }
    for (size_t i = 0; i < json_array_size(events); i++)
        printf("%s\n", json_string_value(json_array_get(events, i)));
    json_decref(answer);
    return 0;
}

static const dd_option replay_options[] = {
    {"force", 0, NULL, "make runs though the event has made them before"}, DD_CLIENT_OPTIONS, {0}};
const dd_verb dd_verb_events_replay = {
    .name = "events replay",
    .summary = "let a kept delivery be matched again",
    .usage = "EVENT",
    .help = "  Reads the delivery again, by the settings of now, as a new event, whose id is printed. Tasks "
            "that have a run\n"
            "  for the same commit or digest already get none, so that a replay is for tasks that were not "
            "there, were\n"
            "  disabled, or had other triggers; --force gives every task that matches a new run.\n",
    .examples = "  drydock events replay 1764000000000-0 --force\n",
    .options = replay_options,
    .least = 1,
    .most = 1,
    .main = replay};
