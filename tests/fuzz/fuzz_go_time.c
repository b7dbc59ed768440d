/* Times by a layout, durations, zone files, versions and constraints, all of the same bytes: two lines and
 * the rest. A time that is written by a whole layout reads back as itself. */
#include "runner/lang/go_time.h"
#include "runner/lang/semver.h"
#include <stdlib.h>
#include <string.h>

#define WHOLE_LAYOUT "2006-01-02T15:04:05.000000000-07:00:00"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer has no header for it */

static dd_text take_line(dd_text *rest)
{
    const char *end = rest->length ? memchr(rest->data, '\n', rest->length) : NULL;
    dd_text ret = {rest->data, end ? (size_t)(end - rest->data) : rest->length};

    *rest = (dd_text){rest->data + ret.length + (end ? 1 : 0), rest->length - ret.length - (end ? 1 : 0)};
    return ret;
}

static void check_time(dd_arena *arena, dd_text layout, dd_text text)
{
    dd_buf written = {0}, whole = {0};
    dd_clock_face face;
    dd_go_time time, again;
    bool read = dd_go_time_parse(arena, layout, text, &time);

    dd_go_time_format(&written, time, layout);
    dd_go_time_face(time, &face);
    /* Offsets of less than a minute are written without their sign, as in Go; -1 second reads as none. */
    if (read && face.year >= 0 && face.year <= 9999 && face.offset % 60 == 0 && face.offset < 86400 &&
        face.offset > -86400) {
        dd_go_time_format(&whole, time, dd_text_of(WHOLE_LAYOUT));
        dd_assert(
            dd_go_time_parse(arena, dd_text_of(WHOLE_LAYOUT), (dd_text){whole.data, whole.length}, &again));
        dd_assert(dd_go_time_compare(time, again) == 0);
    }
    dd_buf_done(&written);
    dd_buf_done(&whole);
}

static void check_zone(dd_arena *arena, dd_text file)
{
    static const int64_t moments[] = {INT64_MIN, -1000000000, 0, 1700000000, 33000000000, INT64_MAX};
    dd_go_time time = {0};
    dd_buf written = {0};

    if (!dd_zone_read(arena, file.data, file.length, &time.zone))
        return;
    for (size_t i = 0; i < DD_COUNT(moments); i++) {
        time.seconds = moments[i];
        dd_go_time_format(&written, time, dd_text_of(DD_GO_TIME_LAYOUT_STRING));
    }
    dd_buf_done(&written);
}

static void check_duration(dd_text text)
{
    dd_buf written = {0};
    int64_t duration, again;

    if (!dd_go_duration_parse(text, &duration))
        return;
    dd_go_duration_print(&written, duration);
    dd_assert(dd_go_duration_parse((dd_text){written.data, written.length}, &again) && again == duration);
    dd_buf_done(&written);
}

static void check_versions(dd_text constraint, dd_text text)
{
    dd_semver version, again;
    dd_buf printed = {0};
    bool kept;

    if (dd_semver_parse(text, &version, NULL) == 0) {
        dd_semver_print(&printed, &version);
        dd_assert(dd_semver_parse((dd_text){printed.data, printed.length}, &again, NULL) == 0);
        dd_assert(dd_semver_compare(&version, &again) == 0);
        dd_buf_done(&printed);
    }
    dd_semver_check(constraint, &version, &kept, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dd_auto(dd_arena) arena = dd_arena_new();
    dd_text rest = {(const char *)data, size}, first = take_line(&rest), second = take_line(&rest);

    check_zone(arena, (dd_text){(const char *)data, size});
    check_time(arena, first, second);
    check_duration(first);
    check_versions(first, second);
    return 0;
}
