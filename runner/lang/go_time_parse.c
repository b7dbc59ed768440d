/* A time read by a Go layout, with Go's tolerances: a fraction that the layout does not have, blanks that
 * count as one, zone names that are only letters. */
#include "runner/lang/go_time_private.h"
#include <string.h>
#include <strings.h>

#define WHOLE_MAX (UINT64_C(1) << 62) /* far above what any element can mean */

typedef struct reading {
    dd_text rest; /* of the text */
    int64_t year;
    int month, day, year_day; /* -1: not seen */
    int hour, minute, second;
    int64_t nanoseconds;
    bool am, pm, utc;
    int offset; /* -1: not seen; Go cannot tell that from one second west either */
    dd_text zone_name;
} reading;

static bool digit_at(dd_text text, size_t at)
{
    return at < text.length && text.data[at] >= '0' && text.data[at] <= '9';
}

static void skip(dd_text *text, size_t length)
{
    text->data += length;
    text->length -= length;
}

static bool starts(dd_text text, const char *with)
{
    return text.length >= strlen(with) && memcmp(text.data, with, strlen(with)) == 0;
}

/* Literal text; a run of blanks stands for any run of them, and for the text's end. */
static bool skip_literal(dd_text *text, dd_text literal)
{
    while (literal.length) {
        if (literal.data[0] == ' ') {
            if (text->length && text->data[0] != ' ')
                return false;
            while (literal.length && literal.data[0] == ' ')
                skip(&literal, 1);
            while (text->length && text->data[0] == ' ')
                skip(text, 1);
            continue;
        }
        if (!text->length || text->data[0] != literal.data[0])
            return false;
        skip(&literal, 1);
        skip(text, 1);
    }
    return true;
}

/* A whole text of digits, with an optional sign; none at all is 0, as Go has it. */
static bool whole_number(dd_text text, int64_t *ret)
{
    bool negative = text.length && text.data[0] == '-';
    int64_t value = 0;

    if (text.length && (text.data[0] == '-' || text.data[0] == '+'))
        skip(&text, 1);
    for (; digit_at(text, 0); skip(&text, 1)) {
        if ((uint64_t)value > WHOLE_MAX / 16)
            return false;
        value = value * 10 + (text.data[0] - '0');
    }
    *ret = negative ? -value : value;
    return text.length == 0;
}

/* One to `width` digits; all of them when the layout fills with zeros. */
static bool take_digits(reading *r, size_t width, bool fixed, int *ret)
{
    size_t length = 0;

    *ret = 0;
    for (; length < width && digit_at(r->rest, length); length++)
        *ret = *ret * 10 + (r->rest.data[length] - '0');
    if (length == 0 || (fixed && length < width))
        return false;
    skip(&r->rest, length);
    return true;
}

static bool take_in_range(reading *r, bool fixed, int least, int most, int *ret)
{
    return take_digits(r, 2, fixed, ret) && *ret >= least && *ret <= most;
}

static bool take_name(reading *r, const char *(*name)(int), int first, int last, bool whole, int *ret)
{
    for (*ret = first; *ret <= last; ++*ret) {
        size_t length = whole ? strlen(name(*ret)) : 3;

        if (r->rest.length >= length && strncasecmp(r->rest.data, name(*ret), length) == 0) {
            skip(&r->rest, length);
            return true;
        }
    }
    return false;
}

static bool take_year(reading *r)
{
    if (r->rest.length < 2 || !whole_number((dd_text){r->rest.data, 2}, &r->year))
        return false;
    skip(&r->rest, 2);
    r->year += r->year >= 69 ? 1900 : 2000;
    return true;
}

static bool take_long_year(reading *r)
{
    if (!digit_at(r->rest, 0) || r->rest.length < 4 || !whole_number((dd_text){r->rest.data, 4}, &r->year))
        return false;
    skip(&r->rest, 4);
    return true;
}

/* A separator and `length - 1` digits. */
static bool take_nanoseconds(reading *r, size_t length)
{
    size_t used = length > 10 ? 10 : length;

    if (r->rest.length < length || (r->rest.data[0] != '.' && r->rest.data[0] != ',') ||
        !whole_number((dd_text){r->rest.data + 1, used - 1}, &r->nanoseconds) || r->nanoseconds < 0)
        return false;
    for (; used < 10; used++)
        r->nanoseconds *= 10;
    skip(&r->rest, length);
    return true;
}

static size_t fraction_length(dd_text text)
{
    size_t length = 1;

    if (text.length < 2 || (text.data[0] != '.' && text.data[0] != ','))
        return 0;
    while (digit_at(text, length))
        length++;
    return length > 1 ? length : 0;
}

/* Seconds may have a fraction that the layout says nothing of; then Go does not even ask for the seconds. */
static bool take_second(reading *r, bool fixed, dd_text layout)
{
    dd_layout_part next;
    bool digits = take_digits(r, 2, fixed, &r->second);
    size_t fraction = fraction_length(r->rest);

    if (digits && r->second > 59)
        return false;
    r->second = digits ? r->second : 0;
    dd_layout_next(&layout, &next);
    return fraction && next.kind != DD_LAYOUT_FRACTION ? take_nanoseconds(r, fraction) : digits;
}

static bool take_fraction(reading *r, const dd_layout_part *part)
{
    size_t length = fraction_length(r->rest);

    if (!(part->style & DD_LAYOUT_TRIM))
        return take_nanoseconds(r, 1 + part->digits);
    return !length || take_nanoseconds(r, length > 10 ? 10 : length);
}

static bool take_half(reading *r, const char *am, const char *pm)
{
    if (starts(r->rest, pm))
        r->pm = true;
    else if (starts(r->rest, am))
        r->am = true;
    else
        return false;
    skip(&r->rest, 2);
    return true;
}

static bool take_offset(reading *r, unsigned style)
{
    size_t step = style & DD_LAYOUT_COLON ? 3 : 2,
           parts = style & DD_LAYOUT_SECONDS   ? 3
                   : style & DD_LAYOUT_MINUTES ? 2
                                               : 1,
           length = 3 + (parts - 1) * step;
    int64_t sum = 0;

    if (style & DD_LAYOUT_Z && starts(r->rest, "Z") &&
        !(style & DD_LAYOUT_SECONDS)) { /* Go reads no Z for these two */
        skip(&r->rest, 1);
        r->utc = true;
        return true;
    }
    if (r->rest.length < length || !strchr("+-", r->rest.data[0]) || !r->rest.data[0])
        return false;
    for (size_t i = 0; i < 3; i++) {
        const char *at = r->rest.data + 1 + i * step;
        int64_t value = 0;

        if (i < parts && i && style & DD_LAYOUT_COLON && at[-1] != ':')
            return false;
        if (i < parts && !whole_number((dd_text){at, 2}, &value))
            return false;
        sum = sum * 60 + value;
    }
    r->offset = (int)(r->rest.data[0] == '-' ? -sum : sum);
    skip(&r->rest, length);
    return true;
}

/* "+03": at most 23 hours; 0 when there is none. */
static size_t signed_hours(dd_text text)
{
    size_t length = 1;
    int hours = 0;

    if (text.length < 2 || (text.data[0] != '+' && text.data[0] != '-'))
        return 0;
    for (; digit_at(text, length); length++)
        hours = hours > 23 ? hours : hours * 10 + (text.data[length] - '0');
    return length > 1 && hours <= 23 ? length : 0;
}

/* What may be a zone's abbreviation: three capitals, or four or five that end in T, and some of their own
 * kind. 0 when nothing may. */
static size_t zone_name_length(dd_text text)
{
    size_t capitals = 0;

    if (text.length < 3)
        return 0;
    if (starts(text, "ChST") || starts(text, "MeST"))
        return 4;
    if (starts(text, "GMT"))
        return 3 + signed_hours((dd_text){text.data + 3, text.length - 3});
    if (text.data[0] == '+' || text.data[0] == '-')
        return signed_hours(text);
    while (capitals < 6 && capitals < text.length && text.data[capitals] >= 'A' && text.data[capitals] <= 'Z')
        capitals++;
    if (capitals == 3 || (capitals == 4 && starts(text, "WITA")) ||
        ((capitals == 4 || capitals == 5) && text.data[capitals - 1] == 'T'))
        return capitals;
    return 0;
}

static bool take_zone_name(reading *r)
{
    size_t length;

    if (starts(r->rest, "UTC")) {
        skip(&r->rest, 3);
        r->utc = true;
        return true;
    }
    length = zone_name_length(r->rest);
    r->zone_name = (dd_text){r->rest.data, length};
    skip(&r->rest, length);
    return length > 0;
}

/* What is filled with blanks may have so many fewer digits. */
static void skip_fill(reading *r, unsigned style, size_t most)
{
    while (style & DD_LAYOUT_UNDER && most-- && r->rest.length && r->rest.data[0] == ' ')
        skip(&r->rest, 1);
}

static bool take_part(reading *r, const dd_layout_part *part, dd_text layout)
{
    bool fixed = part->style & DD_LAYOUT_ZERO;
    int ignored;

    switch (part->kind) {
    case DD_LAYOUT_END:
        return r->rest.length == 0;
    case DD_LAYOUT_LONG_MONTH:
        return take_name(r, dd_month_name, 1, 12, true, &r->month);
    case DD_LAYOUT_MONTH:
        return take_name(r, dd_month_name, 1, 12, false, &r->month);
    case DD_LAYOUT_NUMBER_MONTH:
        return take_in_range(r, fixed, 1, 12, &r->month);
    case DD_LAYOUT_LONG_WEEKDAY:
        return take_name(r, dd_weekday_name, 0, 6, true, &ignored);
    case DD_LAYOUT_WEEKDAY:
        return take_name(r, dd_weekday_name, 0, 6, false, &ignored);
    case DD_LAYOUT_DAY:
        skip_fill(r, part->style, 1);
        return take_digits(r, 2, fixed, &r->day);
    case DD_LAYOUT_YEAR_DAY:
        skip_fill(r, part->style, 2);
        return take_digits(r, 3, fixed, &r->year_day);
    case DD_LAYOUT_HOUR: /* one digit will do */
        return take_in_range(r, false, 0, 23, &r->hour);
    case DD_LAYOUT_HOUR_12:
        return take_in_range(r, fixed, 0, 12, &r->hour);
    case DD_LAYOUT_MINUTE:
        return take_in_range(r, fixed, 0, 59, &r->minute);
    case DD_LAYOUT_SECOND:
        return take_second(r, fixed, layout);
    case DD_LAYOUT_LONG_YEAR:
        return take_long_year(r);
    case DD_LAYOUT_YEAR:
        return take_year(r);
    case DD_LAYOUT_UPPER_PM:
        return take_half(r, "AM", "PM");
    case DD_LAYOUT_LOWER_PM:
        return take_half(r, "am", "pm");
    case DD_LAYOUT_ZONE_NAME:
        return take_zone_name(r);
    case DD_LAYOUT_OFFSET:
        return take_offset(r, part->style);
    case DD_LAYOUT_FRACTION:
        return take_fraction(r, part);
    }
    return false;
}

/* Month and day from the day of the year; when they were read too, they must agree. */
static bool settle_year_day(reading *r)
{
    int day = r->year_day, month = 1;

    if (day < 1 || day > (dd_is_leap_year(r->year) ? 366 : 365))
        return false;
    while (day > dd_days_in(month, r->year))
        day -= dd_days_in(month++, r->year);
    if ((r->month >= 0 && r->month != month) || (r->day >= 0 && r->day != day))
        return false;
    r->month = month;
    r->day = day;
    return true;
}

static bool settle_date(reading *r)
{
    if (r->year_day >= 0 && !settle_year_day(r))
        return false;
    r->month = r->month < 0 ? 1 : r->month;
    r->day = r->day < 0 ? 1 : r->day;
    return r->day >= 1 && r->day <= dd_days_in(r->month, r->year);
}

static void settle_zone(dd_arena *arena, reading *r, dd_go_time *ret)
{
    if (r->utc)
        return;
    if (r->offset != -1) {
        ret->seconds -= r->offset;
        if (r->offset != 0 || (r->zone_name.length && !dd_text_is(r->zone_name, "UTC")))
            ret->zone = dd_zone_fixed(arena, r->zone_name, r->offset);
    } else if (r->zone_name.length) {
        int64_t hours = 0;

        /* A name says no offset, but for GMT+3; and that one, as in Go, does not move the moment. */
        if (starts(r->zone_name, "GMT"))
            whole_number((dd_text){r->zone_name.data + 3, r->zone_name.length - 3}, &hours);
        ret->zone = dd_zone_fixed(arena, r->zone_name, (int)hours * 3600);
    }
}

bool dd_go_time_parse(dd_arena *arena, dd_text layout, dd_text text, dd_go_time *ret)
{
    reading r = {.rest = text, .month = -1, .day = -1, .year_day = -1, .offset = -1};
    dd_layout_part part;

    *ret = (dd_go_time){.seconds = DD_GO_TIME_ZERO_SECONDS};
    do {
        dd_layout_next(&layout, &part);
        if (!skip_literal(&r.rest, part.before) || !take_part(&r, &part, layout))
            return false;
    } while (part.kind != DD_LAYOUT_END);
    if (r.pm && r.hour < 12)
        r.hour += 12;
    else if (r.am && r.hour == 12)
        r.hour = 0;
    if (!settle_date(&r))
        return false;
    ret->seconds = dd_go_time_seconds_of(r.year, r.month, r.day, r.hour, r.minute, r.second);
    ret->nanoseconds = (int32_t)r.nanoseconds;
    settle_zone(arena, &r, ret);
    return true;
}
