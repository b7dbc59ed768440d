/* Time: wall clock for people, monotonic for durations. */
#include "clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t dd_wall_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

int64_t dd_monotonic_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

char *dd_time_format(int64_t wall_ms, char buffer[DD_TIME_TEXT])
{
    struct tm parts;
    bool before = wall_ms % 1000 < 0; /* division goes towards zero */
    int64_t ms = wall_ms % 1000 + (before ? 1000 : 0);
    time_t seconds = (time_t)(wall_ms / 1000 - before);
    if (!gmtime_r(&seconds, &parts) || parts.tm_year + 1900 > 9999 || parts.tm_year + 1900 < 0) {
        snprintf(buffer, DD_TIME_TEXT, "-");
        return buffer;
    }
    /* strftime's %Y has fewer than four digits before the year 1000. */
    size_t length = (size_t)snprintf(buffer, DD_TIME_TEXT, "%04d", parts.tm_year + 1900);
    length += strftime(buffer + length, DD_TIME_TEXT - length, "-%m-%dT%H:%M:%S", &parts);
    snprintf(buffer + length, DD_TIME_TEXT - length, ".%03dZ", (int)ms);
    return buffer;
}

/* `count` digits at *text, which moves on; -1 when they are none. */
static int digits(const char **text, int count)
{
    int number = 0;
    for (int i = 0; i < count; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return -1;
        number = number * 10 + (**text - '0');
    }
    return number;
}

static bool skip(const char **text, char c)
{
    return *(*text)++ == c;
}

/* "Z" or "+hh:mm" to the text's end, in minutes east. */
static bool offset(const char *text, int *ret_minutes)
{
    if ((*text == 'Z' || *text == 'z') && !text[1]) {
        *ret_minutes = 0;
        return true;
    }
    int sign = *text == '+' ? 1 : *text == '-' ? -1 : 0;
    text++;
    int hours, minutes;
    if (!sign || (hours = digits(&text, 2)) < 0 || !skip(&text, ':') || (minutes = digits(&text, 2)) < 0 ||
        *text)
        return false;
    *ret_minutes = sign * (hours * 60 + minutes);
    return hours < 24 && minutes < 60;
}

/* timegm takes 31 February for 3 March. */
static bool day_is_there(const struct tm *parts)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = parts->tm_year + 1900;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return parts->tm_mon < 12 && parts->tm_mday <= days[parts->tm_mon] + (leap && parts->tm_mon == 1);
}

bool dd_time_parse(const char *text, int64_t *ret_wall_ms)
{
    struct tm parts = {0};
    int ms = 0, minutes = 0;
    if ((parts.tm_year = digits(&text, 4) - 1900) < -1900 || !skip(&text, '-') ||
        (parts.tm_mon = digits(&text, 2) - 1) < 0 || !skip(&text, '-') ||
        (parts.tm_mday = digits(&text, 2)) < 1 || (*text != 'T' && *text != 't' && *text != ' '))
        return false;
    text++;
    if ((parts.tm_hour = digits(&text, 2)) < 0 || !skip(&text, ':') ||
        (parts.tm_min = digits(&text, 2)) < 0 || !skip(&text, ':') || (parts.tm_sec = digits(&text, 2)) < 0)
        return false;
    if (*text == '.') {
        int scale = 100;
        if (*++text < '0' || *text > '9')
            return false;
        for (; *text >= '0' && *text <= '9'; text++, scale /= 10)
            ms += (*text - '0') * scale;
    }
    if (!day_is_there(&parts) || parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 60 ||
        !offset(text, &minutes))
        return false;
    *ret_wall_ms = ((int64_t)timegm(&parts) - (int64_t)minutes * 60) * 1000 + ms;
    return true;
}
