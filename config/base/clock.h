#ifndef DD_BASE_CLOCK_H
#define DD_BASE_CLOCK_H

#include "mem.h"

int64_t dd_wall_ms(void);      /* since 1970, UTC */
int64_t dd_monotonic_ms(void); /* for durations only */
/* "2026-11-24T01:02:03.456Z"; buffer of at least DD_TIME_TEXT bytes; returns it. */
#define DD_TIME_TEXT 32
char *dd_time_format(int64_t wall_ms, char buffer[DD_TIME_TEXT]);
/* RFC 3339 in UTC or with an offset, fraction optional. False when the text is none. */
bool dd_time_parse(const char *text, int64_t *ret_wall_ms);

#endif
