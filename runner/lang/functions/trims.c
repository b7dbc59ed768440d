/* Strings: what is cut from their ends, and from within. Sprig 2.22, its behaviour. */
#include "runner/lang/functions/functions.h"
#include <string.h>

/* ---- Ends ---- */

static size_t last_rune(dd_text text, uint32_t *ret)
{
    size_t at = text.length - 1, used;

    while (at > 0 && text.length - at < 4 && ((unsigned char)text.data[at] & 0xc0) == 0x80)
        at--;
    *ret = dd_utf8_decode(text.data + at, text.length - at, &used);
    if (used == text.length - at)
        return used;
    *ret = 0xfffd;
    return 1;
}

static bool is_in(dd_text set, uint32_t rune)
{
    while (set.length)
        if (dd_rune_take(&set) == rune)
            return true;
    return false;
}

static dd_text trim(dd_text text, bool (*goes)(uint32_t, dd_text), dd_text set)
{
    uint32_t rune;

    while (text.length) {
        dd_text rest = text;

        if (!goes(dd_rune_take(&rest), set))
            break;
        text = rest;
    }
    while (text.length) {
        size_t length = last_rune(text, &rune);

        if (!goes(rune, set))
            break;
        text.length -= length;
    }
    return text;
}

static bool is_space(uint32_t rune, DD_UNUSED dd_text set)
{
    return dd_rune_is_space(rune);
}

static bool is_of(uint32_t rune, dd_text set)
{
    return is_in(set, rune);
}

CALL(trim)
{
    if (dd_text_charge(e, arguments[0].text.length) < 0)
        return -1;
    *ret = dd_value_text(trim(arguments[0].text, is_space, (dd_text){0}));
    return 0;
}

CALL(trimAll)
{
    dd_text set = arguments[0].text, text = arguments[1].text;

    if (dd_text_charge(e, text.length + set.length * text.length / 64) < 0)
        return -1;
    *ret = dd_value_text(trim(text, is_of, set));
    return 0;
}

CALL(trimPrefix)
{
    dd_text text = arguments[1].text, prefix = arguments[0].text;

    *ret = dd_value_text(dd_text_starts(text, prefix) ? dd_text_skip(text, prefix.length) : text);
    return 0;
}

CALL(trimSuffix)
{
    dd_text text = arguments[1].text;

    if (dd_text_ends(text, arguments[0].text))
        text.length -= arguments[0].text.length;
    *ret = dd_value_text(text);
    return 0;
}

/* ---- By bytes: runes may be cut ---- */

static int fail_bounds(dd_evaluation *e)
{
    return dd_evaluation_fail(e, "the bounds are not within the text");
}

CALL(trunc)
{
    int64_t length = arguments[0].integer;
    dd_text text = arguments[1].text;

    if (length < 0)
        return fail_bounds(e);
    if (text.length > (uint64_t)length)
        text.length = (size_t)length;
    *ret = dd_value_text(text);
    return 0;
}

/* From `start`, or with a negative one from the beginning; up to `end`, or with a negative or too large one
 * to the end. */
CALL(substr)
{
    int64_t start = arguments[0].integer, end = arguments[1].integer;
    dd_text text = arguments[2].text;
    int64_t length = (int64_t)text.length;

    if (start < 0)
        start = 0;
    else if (end < 0 || end > length)
        end = length;
    if (end < start || end > length)
        return fail_bounds(e);
    return dd_give_text(text.data + start, (size_t)(end - start), ret);
}

/* goutils' AbbreviateFull: "..." stands for what goes; -1 with *ret as it is when the width is too small. */
static dd_text abbreviated(dd_evaluation *e, dd_text text, int64_t left, int64_t width)
{
    int64_t length = (int64_t)text.length;
    dd_buf into = {0};
    dd_value ret = dd_value_text((dd_text){"", 0});

    if (length <= width)
        return text;
    left = left > length ? length : left;
    if (length - left < width - 3)
        left = length - (width - 3);
    if (left <= 4) {
        dd_buf_add(&into, text.data, (size_t)(width - 3));
        dd_buf_add_str(&into, "...");
    } else if (left + width - 3 < length) {
        dd_text middle =
            width < 7 ? (dd_text){"", 0} : abbreviated(e, dd_text_skip(text, (size_t)left), 0, width - 3);

        if (width >= 7) {
            dd_buf_add_str(&into, "...");
            dd_buf_add(&into, middle.data, middle.length);
        }
    } else if (width >= 7) {
        dd_buf_add_str(&into, "...");
        dd_buf_add(&into, text.data + length - (width - 3), (size_t)(width - 3));
    }
    dd_give_buf(e, &into, &ret);
    return ret.text;
}

CALL(abbrev)
{
    *ret = arguments[1];
    if (arguments[0].integer >= 4)
        *ret = dd_value_text(abbreviated(e, arguments[1].text, 0, arguments[0].integer));
    return 0;
}

CALL(abbrevboth)
{
    int64_t left = arguments[0].integer, right = arguments[1].integer;

    *ret = arguments[2];
    if (right >= 4 && (left <= 0 || right >= 7))
        *ret = dd_value_text(abbreviated(e, arguments[2].text, left < 0 ? 0 : left, right));
    return 0;
}

/* ---- Within: goutils reads each byte as a rune of Latin-1 ---- */

/* A text without any such space stays as it is; else what is beyond ASCII comes out as Latin-1 would. */
CALL(nospace)
{
    dd_text text = arguments[0].text;
    dd_buf into = {0};
    size_t kept = 0;

    if (dd_text_charge(e, text.length) < 0)
        return -1;
    for (size_t i = 0; i < text.length; i++)
        if (!dd_rune_is_space((unsigned char)text.data[i])) {
            dd_rune_add(&into, (unsigned char)text.data[i]);
            kept++;
        }
    if (kept < text.length)
        return dd_give_buf(e, &into, ret);
    dd_buf_done(&into);
    *ret = arguments[0];
    return 0;
}

CALL(initials)
{
    dd_text text = arguments[0].text;
    dd_buf into = {0};
    bool begins = true;

    if (dd_text_charge(e, text.length) < 0)
        return -1;
    for (size_t i = 0; i < text.length; i++) {
        bool space = dd_rune_is_space((unsigned char)text.data[i]);

        if (begins && !space)
            dd_rune_add(&into, (unsigned char)text.data[i]);
        begins = space;
    }
    return dd_give_buf(e, &into, ret);
}

static const dd_function rows[] = {
    {"trim", "s", call_trim},
    {"trimAll", "ss", call_trimAll},
    {"trimall", "ss", call_trimAll},
    {"trimPrefix", "ss", call_trimPrefix},
    {"trimSuffix", "ss", call_trimSuffix},
    {"trunc", "is", call_trunc},
    {"substr", "iis", call_substr},
    {"abbrev", "is", call_abbrev},
    {"abbrevboth", "iis", call_abbrevboth},
    {"nospace", "s", call_nospace},
    {"initials", "s", call_initials},
};
const dd_function_family dd_functions_trims = DD_FAMILY("trims", rows);
