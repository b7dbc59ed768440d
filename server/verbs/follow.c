/* Following a run's log by the API's long poll. */
#include "follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_S    20
#define ANSWER_S  30 /* beyond the wait */
#define RETRY_MAX 5  /* connections lost in a row before giving up: a server may be restarted meanwhile */
#define PAUSE_MS  1000

static void print_line(const json_t *line)
{
    const char *step = json_string_value(json_object_get(line, "step"));
    const char *text = json_string_value(json_object_get(line, "text"));
    /* Lines of steps carry their name; those of the run itself stand alone. The worker made them safe for
     * terminals; a tab may stand in them. */
    if (step && *step)
        printf("%s | %s\n", step, text ? text : "");
    else
        printf("%s\n", text ? text : "");
}

int dd_log_page(const dd_args *args, const char *run, char **after, int64_t wait_s, bool print,
                char **ret_end, size_t *ret_lines, dd_error **err)
{
    dd_auto_str path = dd_sprintf("/runs/%s/log?after=%s&wait=%lld", run, *after, (long long)wait_s);
    json_t *answer = NULL;
    if (dd_client_call(args, "GET", path, NULL, wait_s + ANSWER_S, &answer, err) < 0)
        return -1;
    const json_t *lines = json_object_get(answer, "lines");
    *ret_lines = json_array_size(lines);
    for (size_t i = 0; print && i < *ret_lines; i++)
        print_line(json_array_get(lines, i));
    if (print)
        fflush(stdout);
    const char *next = json_string_value(json_object_get(answer, "next"));
    if (next) {
        free(*after);
        *after = dd_strdup(next);
    }
    *ret_end = dd_strdup(json_string_value(json_object_get(answer, "end")));
    json_decref(answer);
    return 0;
}

static int end_of_run(const dd_args *args, const char *run, const char *state)
{
    dd_auto_str path = dd_sprintf("/runs/%s", run);
    json_t *answer = NULL;
    const char *message = NULL;
    if (dd_client_call(args, "GET", path, NULL, ANSWER_S, &answer, NULL) == 0)
        message = json_string_value(json_object_get(answer, "message"));
    dd_auto_str safe = dd_text_safe(message ? message : "");
    fprintf(stderr, "run %s: %s%s%s\n", run, state, *safe ? ": " : "", safe);
    json_decref(answer);
    return strcmp(state, "Succeeded") == 0 ? 0 : 1;
}

int dd_follow_run(const dd_args *args, const char *run, bool print, int64_t timeout_s)
{
    dd_auto_str after = dd_strdup("0-0");
    int64_t deadline = dd_monotonic_ms() + timeout_s * 1000;
    int lost = 0;
    for (;;) {
        dd_auto_str end = NULL;
        dd_error *error = NULL;
        size_t lines;
        int64_t began_ms = dd_monotonic_ms();
        int64_t left_s = timeout_s ? (deadline - dd_monotonic_ms() + 999) / 1000 : WAIT_S;
        if (timeout_s && left_s <= 0) {
            fprintf(stderr, "run %s has not ended within %lld s\n", run, (long long)timeout_s);
            return 1;
        }
        if (dd_log_page(args, run, &after, left_s < WAIT_S ? left_s : WAIT_S, print, &end, &lines, &error) <
            0) {
            if (error->code != DD_ERR_UNAVAILABLE || ++lost > RETRY_MAX)
                return dd_verb_fail(args, error);
            fprintf(stderr, "%s: trying again\n", error->message);
            dd_error_free(error);
            sleep(1);
            continue;
        }
        lost = 0;
        if (end)
            return end_of_run(args, run, end);
        /* A server with too many followers does not wait for us. */
        if (lines == 0 && dd_monotonic_ms() - began_ms < PAUSE_MS)
            sleep(1);
    }
}
