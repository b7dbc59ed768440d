/* What a worker writes of a run: into its hash in words that operators read with redis-cli, and on its own
 * standard output. */
#include "worker_private.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void add_time(dd_buf *words, const char *name, int64_t at_ms)
{
    char text[DD_TIME_TEXT];

    if (at_ms > 0)
        dd_buf_printf(words, ", %s %s", name, dd_time_format(at_ms, text));
}

char *dd_worker_step_words(const dd_message *step)
{
    const dd_step_report *report = &step->report;
    dd_buf words = {0};

    dd_buf_printf(&words, "%s %s", dd_step_state_name(report->state), dd_step_kind_name(report->kind));
    if (report->ended_ms > 0)
        dd_buf_printf(&words, ", exit %d", report->exit_code);
    if (report->attempts > 1)
        dd_buf_printf(&words, ", attempts %d", report->attempts);
    add_time(&words, "started", report->started_ms);
    add_time(&words, "ended", report->ended_ms);
    if (step->length > 0)
        dd_buf_printf(&words, ": %s", step->text);
    return dd_buf_steal(&words);
}

dd_fields *dd_worker_result_fields(const dd_run_result *result, const char *task)
{
    dd_fields *fields = dd_fields_new();
    dd_buf images = {0};

    for (size_t i = 0; i < result->image_count; i++)
        dd_buf_printf(&images, "%s%s%s%s", i > 0 ? "\n" : "", result->images[i].reference,
                      result->images[i].digest ? "@" : "",
                      result->images[i].digest ? result->images[i].digest : "");
    dd_fields_set(fields, "task", task); /* whose index it is: store.h, dd_finish_request */
    dd_fields_set(fields, "message", result->message);
    dd_fields_set(fields, "commit", result->commit);
    dd_fields_set(fields, "dependencies", result->dependencies);
    if (images.length > 0)
        dd_fields_set(fields, "images", images.data);
    dd_buf_done(&images);
    return fields;
}

static bool base_is_good(const dd_base_use *base)
{
    dd_auto(dd_reference) reference = NULL;

    return base->reference && (!base->digest || !*base->digest || dd_digest_is_valid(base->digest)) &&
           dd_reference_parse(base->reference, &reference, NULL) == 0 &&
           dd_str_eq(reference->text, base->reference);
}

static void check_text(char *text)
{
    if (text)
        dd_worker_clean_line(text, strlen(text));
}

size_t dd_worker_check_result(dd_run_result *result)
{
    size_t kept = 0, all = result->base_count;

    check_text(result->message);
    for (size_t i = 0; i < result->image_count; i++) {
        check_text(result->images[i].reference);
        check_text(result->images[i].digest);
    }
    if (result->commit && !dd_commit_is_valid(result->commit))
        free(dd_take(result->commit));
    for (size_t i = 0; i < all; i++) {
        dd_base_use *base = &result->bases[i];
        if (kept < DD_WORKER_BASES_MAX && base_is_good(base)) {
            if (!base->digest)
                base->digest = dd_strdup(""); /* not known */
            result->bases[kept++] = *base;
            continue;
        }
        free(base->reference);
        free(base->digest);
    }
    result->base_count = kept;
    return all - kept;
}

char *dd_worker_exit_words(int wait_status)
{
    const char *name;

    if (!WIFSIGNALED(wait_status))
        return dd_sprintf("ended with exit code %d", WEXITSTATUS(wait_status));
    name = sigabbrev_np(WTERMSIG(wait_status));
    return dd_sprintf("was killed by signal %d (%s%s)", WTERMSIG(wait_status), name ? "SIG" : "",
                      name ? name : "unknown");
}

void dd_worker_clean_line(char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            text[i] = '?';
    }
}

void dd_worker_echo(const char *run, const char *step, const char *text)
{
    dd_auto_str line = dd_sprintf("%s%s%s | %s\n", run, *step ? " " : "", step, text);
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    size_t length = strlen(line);

    /* A pipe that can be written takes PIPE_BUF bytes at once. What nobody reads must not stop the worker. */
    for (size_t at = 0; at < length;) {
        size_t piece = length - at < PIPE_BUF ? length - at : PIPE_BUF;
        ssize_t written =
            poll(&out, 1, 0) == 1 && (out.revents & POLLOUT) ? write(STDOUT_FILENO, line + at, piece) : -1;
        if (written <= 0)
            return;
        at += (size_t)written;
    }
}
