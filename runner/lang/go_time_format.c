/* Go's time layouts: what their elements are, and a time written by them. */
#include "runner/lang/go_time_private.h"
#include <string.h>

typedef struct row {
    const char *text;
    dd_layout_kind kind;
    unsigned style;
} row;

/* Of those that begin alike, the longest stands first. */
static const row rows[] = {
    {"January", DD_LAYOUT_LONG_MONTH, 0},
    {"Jan", DD_LAYOUT_MONTH, 0},
    {"Monday", DD_LAYOUT_LONG_WEEKDAY, 0},
    {"Mon", DD_LAYOUT_WEEKDAY, 0},
    {"MST", DD_LAYOUT_ZONE_NAME, 0},
    {"01", DD_LAYOUT_NUMBER_MONTH, DD_LAYOUT_ZERO},
    {"02", DD_LAYOUT_DAY, DD_LAYOUT_ZERO},
    {"03", DD_LAYOUT_HOUR_12, DD_LAYOUT_ZERO},
    {"04", DD_LAYOUT_MINUTE, DD_LAYOUT_ZERO},
    {"05", DD_LAYOUT_SECOND, DD_LAYOUT_ZERO},
    {"06", DD_LAYOUT_YEAR, DD_LAYOUT_ZERO},
    {"002", DD_LAYOUT_YEAR_DAY, DD_LAYOUT_ZERO},
    {"15", DD_LAYOUT_HOUR, DD_LAYOUT_ZERO},
    {"1", DD_LAYOUT_NUMBER_MONTH, 0},
    {"2006", DD_LAYOUT_LONG_YEAR, 0},
    {"2", DD_LAYOUT_DAY, 0},
    {"_2006", DD_LAYOUT_LONG_YEAR, DD_LAYOUT_UNDER},
    {"_2", DD_LAYOUT_DAY, DD_LAYOUT_UNDER},
    {"__2", DD_LAYOUT_YEAR_DAY, DD_LAYOUT_UNDER},
    {"3", DD_LAYOUT_HOUR_12, 0},
    {"4", DD_LAYOUT_MINUTE, 0},
    {"5", DD_LAYOUT_SECOND, 0},
    {"PM", DD_LAYOUT_UPPER_PM, 0},
    {"pm", DD_LAYOUT_LOWER_PM, 0},
    {"-07:00:00", DD_LAYOUT_OFFSET, DD_LAYOUT_COLON | DD_LAYOUT_MINUTES | DD_LAYOUT_SECONDS},
    {"-070000", DD_LAYOUT_OFFSET, DD_LAYOUT_MINUTES | DD_LAYOUT_SECONDS},
    {"-07:00", DD_LAYOUT_OFFSET, DD_LAYOUT_COLON | DD_LAYOUT_MINUTES},
    {"-0700", DD_LAYOUT_OFFSET, DD_LAYOUT_MINUTES},
    {"-07", DD_LAYOUT_OFFSET, 0},
    {"Z07:00:00", DD_LAYOUT_OFFSET, DD_LAYOUT_Z | DD_LAYOUT_COLON | DD_LAYOUT_MINUTES | DD_LAYOUT_SECONDS},
    {"Z070000", DD_LAYOUT_OFFSET, DD_LAYOUT_Z | DD_LAYOUT_MINUTES | DD_LAYOUT_SECONDS},
    {"Z07:00", DD_LAYOUT_OFFSET, DD_LAYOUT_Z | DD_LAYOUT_COLON | DD_LAYOUT_MINUTES},
    {"Z0700", DD_LAYOUT_OFFSET, DD_LAYOUT_Z | DD_LAYOUT_MINUTES},
    {"Z07", DD_LAYOUT_OFFSET, DD_LAYOUT_Z},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "Jan" in "Jane" and "Mon" in "Month" are letters of words. */
static bool is_word(const row *r, dd_text behind)
{
    return (r->kind == DD_LAYOUT_MONTH || r->kind == DD_LAYOUT_WEEKDAY) && behind.length > 0 &&
           behind.data[0] >= 'a' && behind.data[0] <= 'z';
}

/* The length of the element that the text begins with; 0 when it begins with none. */
static size_t match_row(dd_text text, dd_layout_part *ret)
{
    for (size_t i = 0; i < DD_COUNT(rows); i++) {
        size_t length = strlen(rows[i].text);

        if (length > text.length || memcmp(text.data, rows[i].text, length) != 0 ||
            is_word(&rows[i], (dd_text){text.data + length, text.length - length}))
            continue;
        ret->kind = rows[i].kind;
        ret->style = rows[i].style;
        return length;
    }
    return 0;
}

/* ".000": one digit repeated, and no other digit behind it. */
static size_t match_fraction(dd_text text, dd_layout_part *ret)
{
    size_t length = 1;

    if (text.length < 2 || (text.data[0] != '.' && text.data[0] != ',') ||
        (text.data[1] != '0' && text.data[1] != '9'))
        return 0;
    while (length < text.length && text.data[length] == text.data[1])
        length++;
    if (length < text.length && is_digit(text.data[length]))
        return 0;
    ret->kind = DD_LAYOUT_FRACTION;
    ret->style = text.data[1] == '9' ? DD_LAYOUT_TRIM : 0;
    ret->digits = length - 1;
    ret->separator = text.data[0];
    return length;
}

void dd_layout_next(dd_text *layout, dd_layout_part *ret)
{
    *ret = (dd_layout_part){.before = *layout};
    for (size_t at = 0; at < layout->length; at++) {
        dd_text rest = {layout->data + at, layout->length - at};
        size_t length = match_row(rest, ret);

        if (!length)
            length = match_fraction(rest, ret);
        if (!length)
            continue;
        ret->before.length = at;
        if (ret->kind == DD_LAYOUT_LONG_YEAR && ret->style == DD_LAYOUT_UNDER)
            ret->before.length++; /* "_2006" is a line and a year */
        *layout = (dd_text){rest.data + length, rest.length - length};
        return;
    }
    *layout = (dd_text){layout->data + layout->length, 0};
}

static void add_number(dd_buf *into, int64_t value, int width)
{
    if (value < 0)
        dd_buf_add_char(into, '-');
    dd_buf_printf(into, "%0*lld", width, (long long)(value < 0 ? -value : value));
}

/* "1", "01" or "_1", as the element is written. */
static void add_styled(dd_buf *into, int value, unsigned style, int width)
{
    if (style & DD_LAYOUT_UNDER)
        dd_buf_printf(into, "%*d", width, value);
    else
        dd_buf_printf(into, "%0*d", style & DD_LAYOUT_ZERO ? width : 1, value);
}

static void add_offset(dd_buf *into, int offset, unsigned style)
{
    int minutes = offset / 60, magnitude = offset < 0 ? -offset : offset;
    const char *colon = style & DD_LAYOUT_COLON ? ":" : "";

    if (offset == 0 && style & DD_LAYOUT_Z) {
        dd_buf_add_char(into, 'Z');
        return;
    }
    dd_buf_printf(into, "%c%02d", minutes < 0 ? '-' : '+', magnitude / 3600);
    if (style & DD_LAYOUT_MINUTES)
        dd_buf_printf(into, "%s%02d", colon, magnitude / 60 % 60);
    if (style & DD_LAYOUT_SECONDS)
        /* Go negates by the whole minutes: less than one of them stays as it is. */
        dd_buf_printf(into, "%s%02d", colon, (minutes < 0 ? -offset : offset) % 60);
}

static void add_fraction(dd_buf *into, int32_t nanoseconds, const dd_layout_part *part)
{
    dd_auto_str text = dd_sprintf("%09d", nanoseconds);
    size_t length = part->digits < 9 ? part->digits : 9;

    if (part->style & DD_LAYOUT_TRIM)
        while (length && text[length - 1] == '0')
            length--;
    if (part->style & DD_LAYOUT_TRIM && !length)
        return;
    dd_buf_add_char(into, part->separator);
    dd_buf_add(into, text, length);
}

static void add_part(dd_buf *into, const dd_clock_face *face, int32_t nanoseconds, const dd_layout_part *part)
{
    switch (part->kind) {
    case DD_LAYOUT_END:
        break;
    case DD_LAYOUT_LONG_MONTH:
        dd_buf_add_str(into, dd_month_name(face->month));
        break;
    case DD_LAYOUT_MONTH:
        dd_buf_add(into, dd_month_name(face->month), 3);
        break;
    case DD_LAYOUT_NUMBER_MONTH:
        add_styled(into, face->month, part->style, 2);
        break;
    case DD_LAYOUT_LONG_WEEKDAY:
        dd_buf_add_str(into, dd_weekday_name(face->weekday));
        break;
    case DD_LAYOUT_WEEKDAY:
        dd_buf_add(into, dd_weekday_name(face->weekday), 3);
        break;
    case DD_LAYOUT_DAY:
        add_styled(into, face->day, part->style, 2);
        break;
    case DD_LAYOUT_YEAR_DAY:
        add_styled(into, face->year_day, part->style, 3);
        break;
    case DD_LAYOUT_HOUR:
        add_styled(into, face->hour, part->style, 2);
        break;
    case DD_LAYOUT_HOUR_12:
        add_styled(into, face->hour % 12 ? face->hour % 12 : 12, part->style, 2);
        break;
    case DD_LAYOUT_MINUTE:
        add_styled(into, face->minute, part->style, 2);
        break;
    case DD_LAYOUT_SECOND:
        add_styled(into, face->second, part->style, 2);
        break;
    case DD_LAYOUT_LONG_YEAR:
        add_number(into, face->year, 4);
        break;
    case DD_LAYOUT_YEAR:
        add_number(into, (face->year < 0 ? -face->year : face->year) % 100, 2);
        break;
    case DD_LAYOUT_UPPER_PM:
        dd_buf_add_str(into, face->hour >= 12 ? "PM" : "AM");
        break;
    case DD_LAYOUT_LOWER_PM:
        dd_buf_add_str(into, face->hour >= 12 ? "pm" : "am");
        break;
    case DD_LAYOUT_ZONE_NAME:
        if (*face->zone_name)
            dd_buf_add_str(into, face->zone_name);
        else
            add_offset(into, face->offset, DD_LAYOUT_MINUTES);
        break;
    case DD_LAYOUT_OFFSET:
        add_offset(into, face->offset, part->style);
        break;
    case DD_LAYOUT_FRACTION:
        add_fraction(into, nanoseconds, part);
        break;
    }
}

void dd_go_time_format(dd_buf *into, dd_go_time time, dd_text layout)
{
    dd_clock_face face;

    dd_go_time_face(time, &face);
    while (layout.length) {
        dd_layout_part part;

        dd_layout_next(&layout, &part);
        dd_buf_add(into, part.before.data, part.before.length);
        add_part(into, &face, time.nanoseconds, &part);
    }
}

const char *dd_month_name(int month)
{
    static const char *const names[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};

    dd_assert(month >= 1 && month <= 12);
    return names[month - 1];
}

const char *dd_weekday_name(int weekday)
{
    static const char *const names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};

    dd_assert(weekday >= 0 && weekday < 7);
    return names[weekday];
}
