/* Go's time.Duration: "1h15m30.918s" read, printed and rounded. */
#include "runner/lang/go_time.h"
#include <stdio.h>
#include <string.h>

#define UNIT_MAX (UINT64_C(1) << 63)

static const struct {
    const char *name;
    uint64_t ns;
} units[] = {
    {"ns", 1},
    {"us", 1000},
    {"\xc2\xb5s", 1000}, /* the micro sign, and the Greek letter */
    {"\xce\xbcs", 1000},
    {"ms", 1000000},
    {"s", 1000000000},
    {"m", 60 * UINT64_C(1000000000)},
    {"h", 3600 * UINT64_C(1000000000)},
};

static bool is_digit(const char *at, const char *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

/* False: too large. */
static bool read_whole(const char **at, const char *end, uint64_t *ret)
{
    *ret = 0;
    for (; is_digit(*at, end); ++*at) {
        if (*ret > UNIT_MAX / 10)
            return false;
        *ret = *ret * 10 + (uint64_t)(**at - '0');
        if (*ret > UNIT_MAX)
            return false;
    }
    return true;
}

/* Digits that have no room add nothing. */
static uint64_t read_fraction(const char **at, const char *end, double *ret_scale)
{
    uint64_t ret = 0;
    bool full = false;

    *ret_scale = 1;
    for (; is_digit(*at, end); ++*at) {
        uint64_t next = ret * 10 + (uint64_t)(**at - '0');

        full = full || ret > (UNIT_MAX - 1) / 10 || next > UNIT_MAX;
        if (full)
            continue;
        ret = next;
        *ret_scale *= 10;
    }
    return ret;
}

static uint64_t read_unit(const char **at, const char *end)
{
    const char *start = *at;

    while (*at < end && **at != '.' && !is_digit(*at, end))
        ++*at;
    for (size_t i = 0; i < DD_COUNT(units); i++)
        if (dd_text_is((dd_text){start, (size_t)(*at - start)}, units[i].name))
            return units[i].ns;
    return 0;
}

/* One number with its unit. */
static bool read_part(const char **at, const char *end, uint64_t *ret)
{
    const char *start = *at;
    uint64_t whole, fraction = 0, unit;
    double scale = 1;
    bool digits;

    if (!read_whole(at, end, &whole))
        return false;
    digits = *at > start;
    if (*at < end && **at == '.') {
        const char *point = ++*at;

        fraction = read_fraction(at, end, &scale);
        digits = digits || *at > point;
    }
    unit = digits ? read_unit(at, end) : 0;
    if (unit == 0 || whole > UNIT_MAX / unit)
        return false;
    *ret = whole * unit;
    if (fraction)
        *ret += (uint64_t)((double)fraction * ((double)unit / scale));
    return *ret <= UNIT_MAX;
}

bool dd_go_duration_parse(dd_text text, int64_t *ret_ns)
{
    const char *at = text.data, *end = text.data + text.length;
    bool negative = at < end && *at == '-';
    uint64_t sum = 0;

    *ret_ns = 0;
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    if (end - at == 1 && *at == '0')
        return true;
    if (at == end)
        return false;
    while (at < end) {
        uint64_t part = 0;

        if (!read_part(&at, end, &part))
            return false;
        sum += part;
        if (sum > UNIT_MAX)
            return false;
    }
    if (!negative && sum == UNIT_MAX)
        return false;
    *ret_ns = (int64_t)(negative ? 0 - sum : sum);
    return true;
}

/* "1.5": of a unit of `scale`, without trailing zeros. */
static void print_fraction(dd_buf *into, uint64_t value, uint64_t scale)
{
    uint64_t rest = value % scale;

    dd_buf_printf(into, "%llu", (unsigned long long)(value / scale));
    if (!rest)
        return;
    dd_buf_add_char(into, '.');
    for (; rest; rest %= scale) {
        scale /= 10;
        dd_buf_add_char(into, (char)('0' + rest / scale));
    }
}

void dd_go_duration_print(dd_buf *into, int64_t duration_ns)
{
    uint64_t value = duration_ns < 0 ? 0 - (uint64_t)duration_ns : (uint64_t)duration_ns;
    uint64_t minutes = value / (60 * (uint64_t)DD_SECOND_NS);

    if (duration_ns < 0)
        dd_buf_add_char(into, '-');
    if (value < (uint64_t)DD_SECOND_NS) {
        const char *unit = value == 0 ? "s" : value < 1000 ? "ns" : value < 1000000 ? "\xc2\xb5s" : "ms";

        print_fraction(into, value, value < 1000 ? 1 : value < 1000000 ? 1000 : 1000000);
        dd_buf_add_str(into, unit);
        return;
    }
    if (minutes >= 60)
        dd_buf_printf(into, "%lluh", (unsigned long long)(minutes / 60));
    if (minutes)
        dd_buf_printf(into, "%llum", (unsigned long long)(minutes % 60));
    print_fraction(into, value % (60 * (uint64_t)DD_SECOND_NS), (uint64_t)DD_SECOND_NS);
    dd_buf_add_char(into, 's');
}

int64_t dd_go_duration_round(int64_t duration_ns, int64_t multiple_ns)
{
    __int128 rest, rounded;

    if (multiple_ns <= 0)
        return duration_ns;
    rest = duration_ns % multiple_ns;
    rest = rest < 0 ? -rest : rest;
    rounded = rest + rest < multiple_ns ? (duration_ns < 0 ? duration_ns + rest : duration_ns - rest)
              : duration_ns < 0         ? duration_ns - (multiple_ns - rest)
                                        : duration_ns + (multiple_ns - rest);
    return rounded > INT64_MAX ? INT64_MAX : rounded < INT64_MIN ? INT64_MIN : (int64_t)rounded;
}
