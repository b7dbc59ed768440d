/* Go's calendar and clock arithmetic: the proleptic Gregorian calendar over all 64-bit seconds, which wrap
 * round as Go's do. */
#include "runner/lang/go_time.h"
#include <time.h>

#define DAY_SECONDS 86400
#define DAYS_400    (365 * 400 + 97)
#define DAYS_100    (365 * 100 + 24)
#define DAYS_4      (365 * 4 + 1)
/* The year that Go counts from: divisible by 400, and no 64-bit second lies before it. */
#define ORIGIN_YEAR (-INT64_C(292277022399))
/* Seconds from that year to 1970. */
#define ORIGIN_TO_1970 (UINT64_C(9223371966579724800) + UINT64_C(62135596800))

/* Days of a common year before each month, then of the whole year. */
static const int days_before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

bool dd_is_leap_year(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int dd_days_in(int month, int64_t year)
{
    return month == 2 && dd_is_leap_year(year) ? 29 : days_before[month] - days_before[month - 1];
}

dd_go_time dd_go_time_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (dd_go_time){.seconds = now.tv_sec, .nanoseconds = (int32_t)now.tv_nsec};
}

static void face_month(dd_clock_face *face)
{
    int day = face->year_day - 1, month = 0;

    while (day >= dd_days_in(month + 1, face->year))
        day -= dd_days_in(++month, face->year);
    face->month = month + 1;
    face->day = day + 1;
}

/* `days` since the origin's first of January. */
static void face_date(dd_clock_face *face, uint64_t days)
{
    uint64_t year = 400 * (days / DAYS_400), n;

    days %= DAYS_400;
    n = days / DAYS_100;
    n -= n >> 2; /* the last day of the four hundred years */
    year += 100 * n;
    days -= DAYS_100 * n;
    year += 4 * (days / DAYS_4);
    days %= DAYS_4;
    n = days / 365;
    n -= n >> 2; /* the last day of a leap year */
    year += n;
    days -= 365 * n;
    face->year = (int64_t)year + ORIGIN_YEAR;
    face->year_day = (int)days + 1;
    face_month(face);
}

void dd_go_time_face(dd_go_time time, dd_clock_face *ret)
{
    uint64_t since;
    int of_day;

    *ret = (dd_clock_face){.zone_name = "UTC"};
    if (time.zone)
        dd_zone_at(time.zone, time.seconds, &ret->offset, &ret->zone_name);
    since = (uint64_t)time.seconds + (uint64_t)(int64_t)ret->offset + ORIGIN_TO_1970;
    of_day = (int)(since % DAY_SECONDS);
    ret->hour = of_day / 3600;
    ret->minute = of_day % 3600 / 60;
    ret->second = of_day % 60;
    ret->weekday = (int)((since / DAY_SECONDS + 1) % 7); /* the origin was a Monday */
    face_date(ret, since / DAY_SECONDS);
}

/* Brings `*low` into 0 … base-1, and what is over into `*high`. */
static void carry(int64_t *high, int64_t *low, int64_t base)
{
    int64_t over = *low / base - (*low % base < 0);

    *low = (int64_t)((uint64_t)*low - (uint64_t)over * (uint64_t)base);
    *high = (int64_t)((uint64_t)*high + (uint64_t)over);
}

static uint64_t days_to_year(int64_t year)
{
    uint64_t y = (uint64_t)year - (uint64_t)ORIGIN_YEAR, n = y / 400, days = DAYS_400 * n;

    y -= 400 * n;
    n = y / 100;
    y -= 100 * n;
    days += DAYS_100 * n;
    n = y / 4;
    y -= 4 * n;
    return days + DAYS_4 * n + 365 * y;
}

int64_t dd_go_time_seconds_of(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute,
                              int64_t second)
{
    uint64_t days;

    month--;
    carry(&year, &month, 12);
    carry(&minute, &second, 60);
    carry(&hour, &minute, 60);
    carry(&day, &hour, 24);
    days = days_to_year(year) + (uint64_t)days_before[month];
    if (dd_is_leap_year(year) && month >= 2)
        days++;
    days += (uint64_t)day - 1;
    return (int64_t)(days * DAY_SECONDS + (uint64_t)(hour * 3600 + minute * 60 + second) - ORIGIN_TO_1970);
}

dd_go_time dd_go_time_add(dd_go_time time, int64_t duration_ns)
{
    int64_t seconds = duration_ns / DD_SECOND_NS, nanoseconds = time.nanoseconds + duration_ns % DD_SECOND_NS;

    carry(&seconds, &nanoseconds, DD_SECOND_NS);
    time.seconds = (int64_t)((uint64_t)time.seconds + (uint64_t)seconds);
    time.nanoseconds = (int32_t)nanoseconds;
    return time;
}

dd_go_time dd_go_time_add_date(dd_go_time time, int64_t years, int64_t months, int64_t days)
{
    dd_clock_face face;
    int64_t local;

    dd_go_time_face(time, &face);
    local = dd_go_time_seconds_of(
        (int64_t)((uint64_t)face.year + (uint64_t)years), (int64_t)((uint64_t)face.month + (uint64_t)months),
        (int64_t)((uint64_t)face.day + (uint64_t)days), face.hour, face.minute, face.second);
    time.seconds = (int64_t)((uint64_t)local - (uint64_t)(int64_t)face.offset);
    return time;
}

/* Nanoseconds since the zero Time. */
static __int128 since_zero(dd_go_time time)
{
    return ((__int128)time.seconds - DD_GO_TIME_ZERO_SECONDS) * DD_SECOND_NS + time.nanoseconds;
}

int64_t dd_go_time_subtract(dd_go_time a, dd_go_time b)
{
    __int128 apart = since_zero(a) - since_zero(b);

    return apart > INT64_MAX ? INT64_MAX : apart < INT64_MIN ? INT64_MIN : (int64_t)apart;
}

int dd_go_time_compare(dd_go_time a, dd_go_time b)
{
    __int128 apart = since_zero(a) - since_zero(b);

    return (apart > 0) - (apart < 0);
}

/* How far the time lies behind the multiple before it. */
static int64_t behind_multiple(dd_go_time time, int64_t duration_ns)
{
    int64_t rest = (int64_t)(since_zero(time) % duration_ns);

    return rest < 0 ? rest + duration_ns : rest;
}

dd_go_time dd_go_time_truncate(dd_go_time time, int64_t duration_ns)
{
    return duration_ns <= 0 ? time : dd_go_time_add(time, -behind_multiple(time, duration_ns));
}

dd_go_time dd_go_time_round(dd_go_time time, int64_t duration_ns)
{
    int64_t behind = duration_ns <= 0 ? 0 : behind_multiple(time, duration_ns);

    return duration_ns <= 0                ? time
           : behind < duration_ns - behind ? dd_go_time_add(time, -behind)
                                           : dd_go_time_add(time, duration_ns - behind);
}
