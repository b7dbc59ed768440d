/* Sprig's functions of dates. The local zone is UTC. */
#include "runner/lang/functions/times.h"

#define ZONE_WORK 1000 /* reading a zone's file, in steps of DD_TEMPLATE_MAX_WORK */

static int64_t clock_ns(dd_go_time time)
{
    return dd_go_time_subtract(dd_go_time_now(), time);
}

/* A time, or a number of seconds; all else is the present. */
static dd_go_time date_from(const dd_value *value)
{
    dd_go_time time;

    if (dd_time_from(value, &time))
        return time;
    if (value->kind == DD_VALUE_INT &&
        (value->type == DD_TYPE_PLAIN || value->type == DD_TYPE_INT64 || value->type == DD_TYPE_INT32))
        return (dd_go_time){.seconds = value->integer};
    return dd_go_time_now();
}

static int format_in(dd_evaluation *e, dd_text layout, const dd_value *date, dd_text zone, dd_value *ret)
{
    dd_go_time time = date_from(date);
    dd_buf text = {0};

    if (dd_evaluation_work(e, layout.length + (zone.length ? ZONE_WORK : 0)) < 0)
        return -1;
    dd_zone_load(dd_evaluation_arena(e), zone, &time.zone); /* UTC for a name that is unknown */
    dd_go_time_format(&text, time, layout);
    return dd_give_buf(e, &text, ret);
}

static const dd_text no_zone = {"", 0};
static const dd_text html_layout = {"2006-01-02", 10};

CALL(now)
{
    return dd_give_time(e, dd_go_time_now(), ret);
}

CALL(date)
{
    return format_in(e, arguments[0].text, &arguments[1], no_zone, ret);
}

CALL(dateInZone)
{
    return format_in(e, arguments[0].text, &arguments[1], arguments[2].text, ret);
}

CALL(htmlDate)
{
    return format_in(e, html_layout, &arguments[0], no_zone, ret);
}

CALL(htmlDateInZone)
{
    return format_in(e, html_layout, &arguments[0], arguments[1].text, ret);
}

static int need_time(dd_evaluation *e, const dd_value *value, dd_go_time *ret)
{
    if (dd_time_from(value, ret))
        return 0;
    return dd_evaluation_fail(e, "wrong type for value: want time.Time, got %s",
                              value->kind == DD_VALUE_NIL ? "no value" : dd_value_type_name(value));
}

/* A duration that cannot be read moves nothing. */
CALL(dateModify)
{
    dd_go_time time;
    int64_t duration = 0;

    if (need_time(e, &arguments[1], &time) < 0)
        return -1;
    dd_go_duration_parse(arguments[0].text, &duration);
    return dd_give_time(e, dd_go_time_add(time, duration), ret);
}

CALL(ago)
{
    dd_buf text = {0};

    dd_go_duration_print(&text, dd_go_duration_round(clock_ns(date_from(&arguments[0])), DD_SECOND_NS));
    return dd_give_buf(e, &text, ret);
}

/* What cannot be read is the zero time. */
CALL(toDate)
{
    dd_go_time time;

    if (dd_evaluation_work(e, arguments[0].text.length) < 0)
        return -1;
    if (!dd_go_time_parse(dd_evaluation_arena(e), arguments[0].text, arguments[1].text, &time))
        time = (dd_go_time){.seconds = DD_GO_TIME_ZERO_SECONDS};
    return dd_give_time(e, time, ret);
}

CALL(unixEpoch)
{
    dd_buf text = {0};
    dd_go_time time;

    if (need_time(e, &arguments[0], &time) < 0)
        return -1;
    dd_buf_printf(&text, "%lld", (long long)time.seconds);
    return dd_give_buf(e, &text, ret);
}

static const dd_function rows[] = {
    {"now", "", call_now},
    {"date", "sa", call_date},
    {"dateInZone", "sas", call_dateInZone},
    {"date_in_zone", "sas", call_dateInZone},
    {"dateModify", "sa", call_dateModify},
    {"date_modify", "sa", call_dateModify},
    {"htmlDate", "a", call_htmlDate},
    {"htmlDateInZone", "as", call_htmlDateInZone},
    {"ago", "a", call_ago},
    {"toDate", "ss", call_toDate},
    {"unixEpoch", "a", call_unixEpoch},
};
const dd_function_family dd_functions_dates = DD_FAMILY("dates", rows);
