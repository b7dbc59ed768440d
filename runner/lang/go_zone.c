/* Time zones from the system's tzdata: TZif files (RFC 8536) and the POSIX rule at their end, read by us, so
 * that no environment variable and no hidden state of libc has a say. */
#include "runner/lang/go_time.h"
#include <string.h>

#define ZONEINFO       "/usr/share/zoneinfo"
#define FILE_MAX_BYTES (256 * 1024)
#define NAME_MAX_BYTES 64
#define HEADER_BYTES   44

typedef struct kind {
    const char *name;
    int offset;
    bool daylight;
} kind;

typedef struct change {
    int64_t at;
    unsigned char kind;
} change;

struct dd_zone {
    kind *kinds; /* at least one */
    size_t kind_count;
    change *changes; /* ascending */
    size_t change_count;
    size_t first;     /* the kind before the first change */
    const char *rule; /* POSIX TZ for the time after the last change; NULL: that goes on */
};

/* ---- The POSIX rule: "CET-1CEST,M3.5.0,M10.5.0/3" ---- */

typedef struct day_rule {
    char letter; /* J: day from 1, without 29 February; M: month, week, weekday; 0: day from 0 */
    int month, week, day;
    int seconds; /* of that day, in the time that holds until then */
} day_rule;

static bool rule_number(const char **at, int least, int most, int *ret)
{
    const char *start = *at;

    for (*ret = 0; **at >= '0' && **at <= '9'; ++*at) {
        *ret = *ret * 10 + (**at - '0');
        if (*ret > most)
            return false;
    }
    return *at > start && *ret >= least;
}

/* At most `length` bytes are copied, with a NUL: tzdata's names are short. */
static bool rule_name(const char **at, dd_text *ret)
{
    bool quoted = **at == '<';
    size_t length = strcspn(*at + quoted, quoted ? ">" : "0123456789,-+");

    *ret = (dd_text){*at + quoted, length};
    *at += quoted + length;
    if (quoted)
        return *(*at)++ == '>';
    return length >= 3;
}

static bool rule_offset(const char **at, int *ret)
{
    bool negative = **at == '-';
    int part = 0;

    if (**at == '-' || **at == '+')
        ++*at;
    if (!rule_number(at, 0, 24 * 7, ret))
        return false;
    *ret *= 3600;
    for (int unit = 60; unit && **at == ':'; unit /= 60) {
        ++*at;
        if (!rule_number(at, 0, 59, &part))
            return false;
        *ret += part * unit;
    }
    if (negative)
        *ret = -*ret;
    return true;
}

static bool rule_day(const char **at, day_rule *ret)
{
    *ret = (day_rule){.letter = **at == 'J' || **at == 'M' ? *(*at)++ : 0, .seconds = 2 * 3600};
    if (ret->letter == 'M') {
        if (!rule_number(at, 1, 12, &ret->month) || *(*at)++ != '.' || !rule_number(at, 1, 5, &ret->week) ||
            *(*at)++ != '.' || !rule_number(at, 0, 6, &ret->day))
            return false;
    } else if (!rule_number(at, ret->letter == 'J' ? 1 : 0, 365, &ret->day)) {
        return false;
    }
    if (**at != '/')
        return true;
    ++*at;
    return rule_offset(at, &ret->seconds);
}

/* The seconds since the year's begin, in UTC, at which the rule takes effect while `offset` holds. */
static int rule_second(const day_rule *rule, int64_t year, int offset)
{
    dd_clock_face first;
    int day = rule->day;

    if (rule->letter == 'J') {
        day = rule->day - 1 + (dd_is_leap_year(year) && rule->day >= 60 ? 1 : 0);
    } else if (rule->letter == 'M') {
        dd_go_time_face((dd_go_time){.seconds = dd_go_time_seconds_of(year, rule->month, 1, 0, 0, 0)},
                        &first);
        day = (rule->day - first.weekday + 7) % 7;
        for (int week = 1; week < rule->week && day + 7 < dd_days_in(rule->month, year); week++)
            day += 7;
        day += first.year_day - 1;
    }
    return day * 86400 + rule->seconds - offset;
}

typedef struct zone_rule {
    dd_text names[2]; /* standard and daylight time */
    int offsets[2];
    bool has_daylight;
    day_rule days[2]; /* daylight time begins, and ends */
} zone_rule;

static bool rule_read(const char *text, zone_rule *ret)
{
    if (!rule_name(&text, &ret->names[0]) || !rule_offset(&text, &ret->offsets[0]))
        return false;
    ret->offsets[0] = -ret->offsets[0]; /* POSIX counts westwards */
    ret->has_daylight = *text && *text != ',';
    if (!ret->has_daylight)
        return true;
    if (!rule_name(&text, &ret->names[1]))
        return false;
    ret->offsets[1] = ret->offsets[0] + 3600;
    if (*text && *text != ',') {
        if (!rule_offset(&text, &ret->offsets[1]))
            return false;
        ret->offsets[1] = -ret->offsets[1];
    }
    if (!*text)
        text = ",M3.2.0,M11.1.0"; /* what tzcode takes when nothing is said */
    return *text++ == ',' && rule_day(&text, &ret->days[0]) && *text++ == ',' &&
           rule_day(&text, &ret->days[1]) && !*text;
}

/* The name that belongs to the zone, for one of its rule. */
static const char *own_name(const dd_zone *zone, dd_text name)
{
    for (size_t i = 0; i < zone->kind_count; i++)
        if (dd_text_is(name, zone->kinds[i].name))
            return zone->kinds[i].name;
    return "";
}

static bool rule_at(const dd_zone *zone, int64_t seconds, int *ret_offset, const char **ret_name)
{
    zone_rule rule = {0};
    dd_clock_face utc;
    bool daylight = false;

    if (!rule_read(zone->rule, &rule))
        return false;
    if (rule.has_daylight) {
        int begin, end, now;

        dd_go_time_face((dd_go_time){.seconds = seconds}, &utc);
        begin = rule_second(&rule.days[0], utc.year, rule.offsets[0]);
        end = rule_second(&rule.days[1], utc.year, rule.offsets[1]);
        now = (utc.year_day - 1) * 86400 + utc.hour * 3600 + utc.minute * 60 + utc.second;
        daylight = begin < end ? now >= begin && now < end : now >= begin || now < end;
    }
    *ret_offset = rule.offsets[daylight];
    *ret_name = own_name(zone, rule.names[daylight]);
    return true;
}

/* ---- A zone at a moment ---- */

void dd_zone_at(const dd_zone *zone, int64_t seconds, int *ret_offset, const char **ret_name)
{
    size_t low = 0, high = zone->change_count; /* the last change not after the moment is below `high` */
    const kind *found;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (zone->changes[middle].at <= seconds)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->change_count && zone->rule && rule_at(zone, seconds, ret_offset, ret_name))
        return;
    found = &zone->kinds[low ? zone->changes[low - 1].kind : zone->first];
    *ret_offset = found->offset;
    *ret_name = found->name;
}

const dd_zone *dd_zone_fixed(dd_arena *arena, dd_text name, int offset)
{
    dd_zone *ret = dd_arena_alloc(arena, sizeof(*ret));

    ret->kinds = dd_arena_alloc(arena, sizeof(*ret->kinds));
    ret->kinds[0] = (kind){dd_arena_copy(arena, name.data ? name.data : "", name.length), offset, false};
    ret->kind_count = 1;
    return ret;
}

/* ---- TZif ---- */

enum { COUNT_UTC, COUNT_WALL, COUNT_LEAP, COUNT_CHANGE, COUNT_KIND, COUNT_CHAR, COUNTS };

typedef struct reader {
    const unsigned char *at, *end;
} reader;

static const unsigned char *take(reader *r, size_t length)
{
    const unsigned char *ret = r->at;

    if ((size_t)(r->end - r->at) < length)
        return NULL;
    r->at += length;
    return ret;
}

static uint64_t big_endian(const unsigned char *bytes, size_t length)
{
    uint64_t ret = 0;

    for (size_t i = 0; i < length; i++)
        ret = ret << 8 | bytes[i];
    return ret;
}

static bool read_header(reader *r, char *ret_version, size_t counts[COUNTS])
{
    const unsigned char *header = take(r, HEADER_BYTES);

    if (!header || memcmp(header, "TZif", 4) != 0)
        return false;
    *ret_version = (char)header[4];
    for (size_t i = 0; i < COUNTS; i++) {
        counts[i] = (size_t)big_endian(header + 20 + 4 * i, 4);
        if (counts[i] > FILE_MAX_BYTES)
            return false;
    }
    return counts[COUNT_KIND] > 0;
}

/* The kind before all changes, as tzcode chooses it. */
static size_t first_kind(const dd_zone *zone)
{
    bool zero_used = false;

    for (size_t i = 0; i < zone->change_count; i++)
        zero_used = zero_used || zone->changes[i].kind == 0;
    if (!zero_used)
        return 0;
    if (zone->kinds[zone->changes[0].kind].daylight)
        for (size_t i = zone->changes[0].kind; i-- > 0;)
            if (!zone->kinds[i].daylight)
                return i;
    for (size_t i = 0; i < zone->kind_count; i++)
        if (!zone->kinds[i].daylight)
            return i;
    return 0;
}

static bool read_kinds(dd_arena *arena, dd_zone *zone, const unsigned char *from, dd_text names)
{
    zone->kinds = dd_arena_alloc(arena, zone->kind_count * sizeof(*zone->kinds));
    for (size_t i = 0; i < zone->kind_count; i++, from += 6) {
        if (from[5] >= names.length)
            return false;
        zone->kinds[i] = (kind){names.data + from[5], (int32_t)big_endian(from, 4), from[4] != 0};
        if (zone->kinds[i].offset < -7 * 86400 || zone->kinds[i].offset > 7 * 86400)
            return false;
    }
    return true;
}

static bool read_changes(dd_arena *arena, dd_zone *zone, const unsigned char *times,
                         const unsigned char *kinds, size_t size)
{
    zone->changes = dd_arena_alloc(arena, (zone->change_count + 1) * sizeof(*zone->changes));
    for (size_t i = 0; i < zone->change_count; i++) {
        uint64_t at = big_endian(times + i * size, size);

        zone->changes[i] = (change){size == 4 ? (int32_t)at : (int64_t)at, kinds[i]};
        if (kinds[i] >= zone->kind_count || (i && zone->changes[i].at < zone->changes[i - 1].at))
            return false;
    }
    return true;
}

/* The line behind the data, when it says anything. */
static void read_rule(dd_arena *arena, dd_zone *zone, const reader *r)
{
    size_t length = (size_t)(r->end - r->at);

    if (length > 2 && r->at[0] == '\n' && r->at[length - 1] == '\n')
        zone->rule = dd_arena_copy(arena, (const char *)r->at + 1, length - 2);
}

static bool read_block(dd_arena *arena, reader *r, const size_t counts[COUNTS], size_t size, dd_zone *zone)
{
    const unsigned char *times = take(r, counts[COUNT_CHANGE] * size), *kinds = take(r, counts[COUNT_CHANGE]),
                        *rows = take(r, counts[COUNT_KIND] * 6), *names = take(r, counts[COUNT_CHAR]);

    if (!times || !kinds || !rows || !names || !take(r, counts[COUNT_LEAP] * (size + 4)) ||
        !take(r, counts[COUNT_WALL]) || !take(r, counts[COUNT_UTC]))
        return false;
    zone->kind_count = counts[COUNT_KIND];
    zone->change_count = counts[COUNT_CHANGE];
    return read_kinds(arena, zone, rows,
                      (dd_text){dd_arena_copy(arena, (const char *)names, counts[COUNT_CHAR]),
                                counts[COUNT_CHAR]}) &&
           read_changes(arena, zone, times, kinds, size);
}

static size_t block_bytes(const size_t counts[COUNTS])
{
    return counts[COUNT_CHANGE] * 5 + counts[COUNT_KIND] * 6 + counts[COUNT_CHAR] + counts[COUNT_LEAP] * 8 +
           counts[COUNT_WALL] + counts[COUNT_UTC];
}

bool dd_zone_read(dd_arena *arena, const char *data, size_t length, const dd_zone **ret)
{
    reader r = {(const unsigned char *)data, (const unsigned char *)data + length};
    dd_zone *zone = dd_arena_alloc(arena, sizeof(*zone));
    size_t counts[COUNTS], size = 4;
    char version;

    *ret = NULL;
    if (!read_header(&r, &version, counts))
        return false;
    if (version >= '2') { /* the same again with 64 bits */
        size = 8;
        if (!take(&r, block_bytes(counts)) || !read_header(&r, &version, counts))
            return false;
    }
    if (!read_block(arena, &r, counts, size, zone))
        return false;
    zone->first = first_kind(zone);
    if (size == 8)
        read_rule(arena, zone, &r);
    *ret = zone;
    return true;
}

/* Letters, digits and _+-/ only, so that the name leads nowhere but into the tzdata. */
static bool is_zone_name(dd_text name)
{
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";

    for (size_t i = 0; i < name.length; i++)
        if (!name.data[i] || !strchr(good, name.data[i]))
            return false;
    return name.length > 0 && name.length <= NAME_MAX_BYTES && name.data[0] != '/';
}

bool dd_zone_load(dd_arena *arena, dd_text name, const dd_zone **ret)
{
    dd_auto_str path = NULL;
    dd_auto(dd_buf) file = NULL;

    *ret = NULL;
    if (name.length == 0 || dd_text_is(name, "UTC") || dd_text_is(name, "Local"))
        return true;
    if (!is_zone_name(name))
        return false;
    path = dd_sprintf("%s/%.*s", ZONEINFO, (int)name.length, name.data);
    return dd_buf_read_file(path, FILE_MAX_BYTES, &file, NULL) == 0 &&
           dd_zone_read(arena, file->data, file->length, ret);
}
