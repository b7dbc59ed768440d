/* Times and durations as templates' values, and their methods: {{ (now).Format "2006" }}, {{ $t.Month }}. */
#include "runner/lang/functions/times.h"
#include <math.h>

typedef struct time_object {
    dd_object object;
    dd_go_time time;
} time_object;

static dd_go_time time_of(const dd_value *value)
{
    return ((const time_object *)value->object)->time;
}

static dd_value named(dd_value_type type, int64_t integer)
{
    return (dd_value){.kind = DD_VALUE_INT, .type = type, .integer = integer};
}

static int64_t wrapped(__int128 value)
{
    return (int64_t)(uint64_t)value;
}

/* ---- Arguments ---- */

static int time_argument(dd_evaluation *e, const dd_value *value, dd_go_time *ret)
{
    if (dd_time_from(value, ret))
        return 0;
    return dd_evaluation_fail(e, "wrong type for value: want time.Time, got %s", dd_value_type_name(value));
}

/* A duration, or a number that is written: those are of any type in Go. */
static int duration_argument(dd_evaluation *e, const dd_value *value, int64_t *ret)
{
    if (value->kind != DD_VALUE_INT || (value->type != DD_TYPE_PLAIN && value->type != DD_TYPE_DURATION))
        return dd_evaluation_fail(e, "wrong type for value: want time.Duration, got %s",
                                  dd_value_type_name(value));
    *ret = value->integer;
    return 0;
}

/* ---- Methods of a time ---- */

CALL(Format)
{
    dd_buf text = {0};

    dd_go_time_format(&text, time_of(&arguments[0]), arguments[1].text);
    return dd_give_buf(e, &text, ret);
}

CALL(String)
{
    dd_buf text = {0};

    dd_value_print(&text, &arguments[0]);
    return dd_give_buf(e, &text, ret);
}

#define DEFINE_FACE(NAME, MEMBER, TYPE)                                                                      \
    CALL(NAME)                                                                                               \
    {                                                                                                        \
        dd_clock_face face;                                                                                  \
                                                                                                             \
        dd_go_time_face(time_of(&arguments[0]), &face);                                                      \
        *ret = named(TYPE, face.MEMBER);                                                                     \
        return 0;                                                                                            \
    }
DEFINE_FACE(Year, year, DD_TYPE_PLAIN)
DEFINE_FACE(Month, month, DD_TYPE_MONTH)
DEFINE_FACE(Day, day, DD_TYPE_PLAIN)
DEFINE_FACE(Hour, hour, DD_TYPE_PLAIN)
DEFINE_FACE(Minute, minute, DD_TYPE_PLAIN)
DEFINE_FACE(Second, second, DD_TYPE_PLAIN)
DEFINE_FACE(YearDay, year_day, DD_TYPE_PLAIN)
DEFINE_FACE(Weekday, weekday, DD_TYPE_WEEKDAY)

CALL(Nanosecond)
{
    *ret = dd_value_int(time_of(&arguments[0]).nanoseconds);
    return 0;
}

#define DEFINE_UNIX(NAME, PER_SECOND)                                                                        \
    CALL(NAME)                                                                                               \
    {                                                                                                        \
        dd_go_time time = time_of(&arguments[0]);                                                            \
                                                                                                             \
        *ret = dd_value_int64(wrapped((__int128)time.seconds * (PER_SECOND) +                                \
                                      time.nanoseconds / (DD_SECOND_NS / (PER_SECOND))));                    \
        return 0;                                                                                            \
    }
DEFINE_UNIX(Unix, 1)
DEFINE_UNIX(UnixMilli, 1000)
DEFINE_UNIX(UnixMicro, 1000000)
DEFINE_UNIX(UnixNano, DD_SECOND_NS)

/* The local zone is UTC too. */
CALL(UTC)
{
    dd_go_time time = time_of(&arguments[0]);

    time.zone = NULL;
    return dd_give_time(e, time, ret);
}

CALL(IsZero)
{
    dd_go_time time = time_of(&arguments[0]);

    *ret = dd_value_bool(time.seconds == DD_GO_TIME_ZERO_SECONDS && time.nanoseconds == 0);
    return 0;
}

CALL(Add)
{
    int64_t duration = 0;

    if (duration_argument(e, &arguments[1], &duration) < 0)
        return -1;
    return dd_give_time(e, dd_go_time_add(time_of(&arguments[0]), duration), ret);
}

CALL(AddDate)
{
    return dd_give_time(e,
                        dd_go_time_add_date(time_of(&arguments[0]), arguments[1].integer,
                                            arguments[2].integer, arguments[3].integer),
                        ret);
}

CALL(Sub)
{
    dd_go_time other;

    if (time_argument(e, &arguments[1], &other) < 0)
        return -1;
    *ret = named(DD_TYPE_DURATION, dd_go_time_subtract(time_of(&arguments[0]), other));
    return 0;
}

#define DEFINE_TIME_ORDER(NAME, TEST)                                                                        \
    CALL(NAME)                                                                                               \
    {                                                                                                        \
        dd_go_time other;                                                                                    \
                                                                                                             \
        if (time_argument(e, &arguments[1], &other) < 0)                                                     \
            return -1;                                                                                       \
        *ret = dd_value_bool(dd_go_time_compare(time_of(&arguments[0]), other) TEST 0);                      \
        return 0;                                                                                            \
    }
DEFINE_TIME_ORDER(Before, <)
DEFINE_TIME_ORDER(After, >)
DEFINE_TIME_ORDER(Equal, ==)

#define DEFINE_TIME_STEP(NAME, STEP)                                                                         \
    CALL(NAME)                                                                                               \
    {                                                                                                        \
        int64_t duration = 0;                                                                                \
                                                                                                             \
        if (duration_argument(e, &arguments[1], &duration) < 0)                                              \
            return -1;                                                                                       \
        return dd_give_time(e, STEP(time_of(&arguments[0]), duration), ret);                                 \
    }
DEFINE_TIME_STEP(Truncate, dd_go_time_truncate)
DEFINE_TIME_STEP(Round, dd_go_time_round)

static const dd_function time_methods[] = {
    {"Add", "a", call_Add},
    {"AddDate", "iii", call_AddDate},
    {"After", "a", call_After},
    {"Before", "a", call_Before},
    {"Day", "", call_Day},
    {"Equal", "a", call_Equal},
    {"Format", "s", call_Format},
    {"Hour", "", call_Hour},
    {"IsZero", "", call_IsZero},
    {"Local", "", call_UTC},
    {"Minute", "", call_Minute},
    {"Month", "", call_Month},
    {"Nanosecond", "", call_Nanosecond},
    {"Round", "a", call_Round},
    {"Second", "", call_Second},
    {"String", "", call_String},
    {"Sub", "a", call_Sub},
    {"Truncate", "a", call_Truncate},
    {"UTC", "", call_UTC},
    {"Unix", "", call_Unix},
    {"UnixMicro", "", call_UnixMicro},
    {"UnixMilli", "", call_UnixMilli},
    {"UnixNano", "", call_UnixNano},
    {"Weekday", "", call_Weekday},
    {"Year", "", call_Year},
    {"YearDay", "", call_YearDay},
};

/* The reference shows the monotonic clock behind what `now` gives ("m=+0.012"): that is the process's, not
 * the time's, and left out here. */
static void print_time(dd_buf *into, const dd_value *value)
{
    dd_go_time_format(into, time_of(value), dd_text_of(DD_GO_TIME_LAYOUT_STRING));
}

static bool same_time(const dd_value *a, const dd_value *b)
{
    dd_go_time left = time_of(a), right = time_of(b);

    return left.seconds == right.seconds && left.nanoseconds == right.nanoseconds && left.zone == right.zone;
}

/* JSON's times have four digits for the year. */
static bool json_time(dd_buf *into, const dd_value *value)
{
    dd_clock_face face;

    dd_go_time_face(time_of(value), &face);
    dd_go_time_format(into, time_of(value), dd_text_of(DD_GO_TIME_LAYOUT_JSON));
    return face.year >= 0 && face.year <= 9999;
}

static const dd_class time_class = {
    .type_name = "time.Time",
    .kind_name = "struct",
    .print = print_time,
    .equal = same_time,
    .json = json_time,
    .methods = time_methods,
    .method_count = DD_COUNT(time_methods),
};

int dd_give_time(dd_evaluation *e, dd_go_time time, dd_value *ret)
{
    time_object *object = dd_arena_alloc(dd_evaluation_arena(e), sizeof(*object));

    object->object.class = &time_class;
    object->time = time;
    *ret = dd_value_object(&object->object);
    return 0;
}

bool dd_time_from(const dd_value *value, dd_go_time *ret)
{
    bool is = value->kind == DD_VALUE_OBJECT && value->object->class == &time_class;

    *ret = is ? time_of(value) : (dd_go_time){0};
    return is;
}

/* ---- Durations, months, days of the week ---- */

#define DEFINE_FLOAT_UNIT(NAME, NS)                                                                          \
    CALL(NAME)                                                                                               \
    {                                                                                                        \
        int64_t whole = arguments[0].integer / (NS), rest = arguments[0].integer % (NS);                     \
                                                                                                             \
        *ret = dd_value_float((double)whole + (double)rest / (double)(NS));                                  \
        return 0;                                                                                            \
    }
DEFINE_FLOAT_UNIT(Hours, 3600 * DD_SECOND_NS)
DEFINE_FLOAT_UNIT(Minutes, 60 * DD_SECOND_NS)
DEFINE_FLOAT_UNIT(Seconds, DD_SECOND_NS)

#define DEFINE_WHOLE_UNIT(NAME, NS)                                                                          \
    CALL(NAME)                                                                                               \
    {                                                                                                        \
        *ret = dd_value_int64(arguments[0].integer / (NS));                                                  \
        return 0;                                                                                            \
    }
DEFINE_WHOLE_UNIT(Milliseconds, 1000000)
DEFINE_WHOLE_UNIT(Microseconds, 1000)
DEFINE_WHOLE_UNIT(Nanoseconds, 1)

CALL(Abs)
{
    int64_t duration = arguments[0].integer;

    *ret = named(DD_TYPE_DURATION, duration == INT64_MIN ? INT64_MAX : duration < 0 ? -duration : duration);
    return 0;
}

CALL(RoundDuration)
{
    int64_t multiple = 0;

    if (duration_argument(e, &arguments[1], &multiple) < 0)
        return -1;
    *ret = named(DD_TYPE_DURATION, dd_go_duration_round(arguments[0].integer, multiple));
    return 0;
}

CALL(TruncateDuration)
{
    int64_t multiple = 0;

    if (duration_argument(e, &arguments[1], &multiple) < 0)
        return -1;
    *ret = named(DD_TYPE_DURATION, multiple <= 0 ? arguments[0].integer
                                                 : arguments[0].integer - arguments[0].integer % multiple);
    return 0;
}

static const dd_function duration_methods[] = {
    {"Abs", "", call_Abs},
    {"Hours", "", call_Hours},
    {"Microseconds", "", call_Microseconds},
    {"Milliseconds", "", call_Milliseconds},
    {"Minutes", "", call_Minutes},
    {"Nanoseconds", "", call_Nanoseconds},
    {"Round", "a", call_RoundDuration},
    {"Seconds", "", call_Seconds},
    {"String", "", call_String},
    {"Truncate", "a", call_TruncateDuration},
};

static void print_duration(dd_buf *into, const dd_value *value)
{
    dd_go_duration_print(into, value->integer);
}

const dd_class dd_class_duration = {
    .type_name = "time.Duration",
    .kind_name = "int64",
    .print = print_duration,
    .methods = duration_methods,
    .method_count = DD_COUNT(duration_methods),
};

static const dd_function name_methods[] = {{"String", "", call_String}};

static void print_month(dd_buf *into, const dd_value *value)
{
    dd_buf_add_str(into, dd_month_name((int)value->integer));
}

const dd_class dd_class_month = {
    .type_name = "time.Month",
    .kind_name = "int",
    .print = print_month,
    .methods = name_methods,
    .method_count = DD_COUNT(name_methods),
};

static void print_weekday(dd_buf *into, const dd_value *value)
{
    dd_buf_add_str(into, dd_weekday_name((int)value->integer));
}

const dd_class dd_class_weekday = {
    .type_name = "time.Weekday",
    .kind_name = "int",
    .print = print_weekday,
    .methods = name_methods,
    .method_count = DD_COUNT(name_methods),
};
