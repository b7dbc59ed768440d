/* A run's log lines between its process and Redis: kept until Redis has them, sent in batches, one at a time.
 */
#include "worker_private.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_LINES     500
#define BATCH_BYTES     (64 << 10)
#define LINE_COST_BYTES 64 /* of a line beside its text */

struct line {
    dd_fields *fields;
    size_t bytes;
};

struct dd_worker_log {
    struct line *lines;
    size_t count, capacity;
    size_t sent;  /* of the oldest, in the batch that is under way */
    size_t again; /* of the oldest, in a batch that was sent and not answered: the same lines, for it may have
                   * been kept nevertheless */
    int64_t batch; /* the number of the last one that is kept */
    size_t bytes;
};

dd_worker_log *dd_worker_log_new(void)
{
    return dd_new(dd_worker_log);
}

void dd_worker_log_free(dd_worker_log *log)
{
    if (!log)
        return;
    for (size_t i = 0; i < log->count; i++)
        dd_fields_free(log->lines[i].fields);
    free(log->lines);
    free(log);
}

void dd_worker_log_add(dd_worker_log *log, const char *step, dd_stream stream, int64_t at_ms,
                       const char *text, size_t length)
{
    dd_fields *fields = dd_fields_new();

    dd_fields_set(fields, "step", step);
    dd_fields_set(fields, "stream", dd_stream_name(stream));
    dd_fields_set_int(fields, "at_ms", at_ms);
    dd_fields_set_bytes(fields, "text", text, length);
    if (log->count == log->capacity) {
        log->capacity = log->capacity ? 2 * log->capacity : 64;
        log->lines = dd_reallocarray(log->lines, log->capacity, sizeof *log->lines);
    }
    log->lines[log->count++] = (struct line){fields, length + LINE_COST_BYTES};
    log->bytes += length + LINE_COST_BYTES;
}

size_t dd_worker_log_bytes(const dd_worker_log *log)
{
    return log->bytes;
}

bool dd_worker_log_is_empty(const dd_worker_log *log)
{
    return log->count == 0;
}

dd_command *dd_worker_log_send(dd_worker_log *log, const char *prefix, dd_lease lease)
{
    const dd_fields *batch[BATCH_LINES];
    size_t count = 0, bytes = 0;

    if (log->sent > 0 || log->count == 0)
        return NULL;
    while (log->again ? count < log->again
                      : count < log->count && count < BATCH_LINES && bytes < BATCH_BYTES) {
        bytes += log->lines[count].bytes;
        batch[count] = log->lines[count].fields;
        count++;
    }
    log->sent = count;
    return dd_log_request(prefix, lease, log->batch + 1, batch, count);
}

void dd_worker_log_answered(dd_worker_log *log, bool kept)
{
    size_t gone = kept ? log->sent : 0;

    log->again = kept ? 0 : log->sent;
    log->sent = 0;
    if (gone == 0)
        return;
    log->batch++;
    for (size_t i = 0; i < gone; i++) {
        log->bytes -= log->lines[i].bytes;
        dd_fields_free(log->lines[i].fields);
    }
    log->count -= gone;
    memmove(log->lines, log->lines + gone, log->count * sizeof *log->lines);
}
