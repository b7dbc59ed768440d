/* Go's time.Time and time.Duration, as templates see them: calendar, layouts, durations, zones.
 *
 * A runner's local zone is UTC, so "Local" is UTC here whatever the machine says: a file renders the same
 * everywhere. */
#ifndef DD_LANG_GO_TIME_H
#define DD_LANG_GO_TIME_H

#include "runner/lang/value.h"

#define DD_SECOND_NS INT64_C(1000000000)

typedef struct dd_zone dd_zone;

typedef struct dd_go_time {
    int64_t seconds;     /* since 1970, UTC; wraps round as Go's */
    int32_t nanoseconds; /* 0 … 999999999 */
    const dd_zone *zone; /* NULL: UTC */
} dd_go_time;

/* A time taken apart in its zone. */
typedef struct dd_clock_face {
    int64_t year;
    int month, day, year_day; /* from 1 */
    int weekday;              /* 0: Sunday */
    int hour, minute, second;
    int offset;            /* seconds east of Greenwich */
    const char *zone_name; /* "" when it has none */
} dd_clock_face;

/* Go's zero Time: 1 January of the year 1. */
#define DD_GO_TIME_ZERO_SECONDS (-INT64_C(62135596800))

dd_go_time dd_go_time_now(void);
void dd_go_time_face(dd_go_time time, dd_clock_face *ret);
/* Go's time.Date in UTC: what is out of range runs over into the next larger unit. */
int64_t dd_go_time_seconds_of(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute,
                              int64_t second);
int dd_days_in(int month, int64_t year);
bool dd_is_leap_year(int64_t year);

dd_go_time dd_go_time_add(dd_go_time time, int64_t duration_ns);
dd_go_time dd_go_time_add_date(dd_go_time time, int64_t years, int64_t months, int64_t days);
/* a - b; the least or greatest duration where it has no room. */
int64_t dd_go_time_subtract(dd_go_time a, dd_go_time b);
int dd_go_time_compare(dd_go_time a, dd_go_time b);
/* To a multiple of the duration since the zero Time; unchanged for a duration of 0 or less. */
dd_go_time dd_go_time_truncate(dd_go_time time, int64_t duration_ns);
dd_go_time dd_go_time_round(dd_go_time time, int64_t duration_ns);

/* By a Go layout ("2006-01-02 15:04:05"). */
void dd_go_time_format(dd_buf *into, dd_go_time time, dd_text layout);
#define DD_GO_TIME_LAYOUT_STRING "2006-01-02 15:04:05.999999999 -0700 MST" /* as a Time prints itself */
#define DD_GO_TIME_LAYOUT_JSON   "2006-01-02T15:04:05.999999999Z07:00"
/* Go's time.ParseInLocation with UTC for the location. A zone that the text names is made in the arena.
 * False: the text is not of that layout. */
bool dd_go_time_parse(dd_arena *arena, dd_text layout, dd_text text, dd_go_time *ret);

/* "1h15m0.5s" */
bool dd_go_duration_parse(dd_text text, int64_t *ret_ns);
void dd_go_duration_print(dd_buf *into, int64_t duration_ns);
/* To the nearest multiple, halves away from zero. */
int64_t dd_go_duration_round(int64_t duration_ns, int64_t multiple_ns);

const char *dd_month_name(int month);     /* from 1 */
const char *dd_weekday_name(int weekday); /* 0: Sunday */

/* A zone of that name ("Europe/Berlin") from the system's tzdata. False when there is none; *ret is NULL
 * then, as it is for UTC. */
bool dd_zone_load(dd_arena *arena, dd_text name, const dd_zone **ret);
/* The same from a TZif file's bytes (RFC 8536, any version). */
bool dd_zone_read(dd_arena *arena, const char *data, size_t length, const dd_zone **ret);
/* One offset for ever. */
const dd_zone *dd_zone_fixed(dd_arena *arena, dd_text name, int offset);
/* What the zone says at a moment; the name belongs to the zone. */
void dd_zone_at(const dd_zone *zone, int64_t seconds, int *ret_offset, const char **ret_name);

#endif
