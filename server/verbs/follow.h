/* Following a run to its end, for the verbs that wait. */
#ifndef DD_SERVER_FOLLOW_H
#define DD_SERVER_FOLLOW_H

#include "verbs.h"

/* Read the run's log to its end, printing it when `print`; at most `timeout_s` (0: for ever). Returns the
 * exit code: 0 for Succeeded, 1 for another end or when the time is up. Says on standard error what the end
 * was. */
int dd_follow_run(const dd_args *args, const char *run, bool print, int64_t timeout_s);
/* One page of the log: prints it when `print`, and moves *after (owned). *ret_end is the final state, owned,
 * or NULL. *ret_lines is the number of lines. */
int dd_log_page(const dd_args *args, const char *run, char **after, int64_t wait_s, bool print,
                char **ret_end, size_t *ret_lines, dd_error **err);

#endif
