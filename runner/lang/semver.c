/* Semantic versions: reading, order, constraints. */
#include "runner/lang/semver.h"
#include <string.h>

#define CONSTRAINT_MAX_BYTES 4096 /* ranges are looked for from each byte on */

/* What a version's text is made of; a part that is not there is empty. The numbers are without their dots,
 * prerelease and metadata without their signs. */
typedef struct parts {
    dd_text major, minor, patch, prerelease, metadata;
    dd_text whole;
} parts;

#define DIGITS    "0123456789"
#define WILD      DIGITS "xX*|" /* as the reference has it: its pattern counts '|' in */
#define LETTERS   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define ANY_IDENT DIGITS LETTERS "-"

static dd_text skip(dd_text text, size_t bytes)
{
    return (dd_text){text.data + bytes, text.length - bytes};
}

static size_t span(dd_text text, const char *set)
{
    size_t length = 0;

    while (length < text.length && text.data[length] && strchr(set, text.data[length]))
        length++;
    return length;
}

static bool starts(dd_text text, char c)
{
    return text.length && text.data[0] == c;
}

/* `sign` and what is of the set behind it; nothing is taken when nothing is. */
static dd_text take_signed(dd_text *rest, char sign, const char *set)
{
    size_t length = starts(*rest, sign) ? span(skip(*rest, 1), set) : 0;
    dd_text ret = {rest->data + 1, length};

    if (!length)
        return (dd_text){"", 0};
    *rest = skip(*rest, 1 + length);
    return ret;
}

/* Identifiers with dots between them. */
static dd_text take_identifiers(dd_text *rest, char sign)
{
    dd_text ret = take_signed(rest, sign, ANY_IDENT), more;

    while (ret.length && (more = take_signed(rest, '.', ANY_IDENT)).length)
        ret.length += 1 + more.length;
    return ret;
}

/* The version that the text begins with; the numbers' digits are of the set. */
static bool take_version(dd_text *rest, const char *set, parts *ret)
{
    dd_text text = *rest;

    *ret = (parts){.minor = {"", 0}};
    if (starts(*rest, 'v'))
        *rest = skip(*rest, 1);
    ret->major = (dd_text){rest->data, span(*rest, set)};
    if (!ret->major.length) {
        *rest = text;
        return false;
    }
    *rest = skip(*rest, ret->major.length);
    ret->minor = take_signed(rest, '.', set);
    ret->patch = ret->minor.length ? take_signed(rest, '.', set) : (dd_text){"", 0};
    ret->prerelease = take_identifiers(rest, '-');
    ret->metadata = take_identifiers(rest, '+');
    ret->whole = (dd_text){text.data, text.length - rest->length};
    return true;
}

/* Nothing is 0. */
static int read_number(dd_text text, int64_t *ret, dd_error **err)
{
    *ret = 0;
    for (size_t i = 0; i < text.length; i++) {
        int digit = text.data[i] - '0';

        if (digit < 0 || digit > 9)
            return dd_fail(err, DD_ERR_INVALID, "Invalid Semantic Version");
        if (*ret > (INT64_MAX - digit) / 10)
            return dd_fail(
                err, DD_ERR_INVALID,
                "Error parsing version segment: strconv.ParseInt: parsing \"%.*s\": value out of range",
                (int)text.length, text.data);
        *ret = *ret * 10 + digit;
    }
    return 0;
}

static int from_parts(const parts *from, dd_semver *ret, dd_error **err)
{
    *ret = (dd_semver){.prerelease = from->prerelease, .metadata = from->metadata, .original = from->whole};
    return read_number(from->major, &ret->major, err) < 0 || read_number(from->minor, &ret->minor, err) < 0 ||
                   read_number(from->patch, &ret->patch, err) < 0
               ? -1
               : 0;
}

int dd_semver_parse(dd_text text, dd_semver *ret, dd_error **err)
{
    parts found;

    *ret = (dd_semver){0};
    if (!take_version(&text, DIGITS, &found) || text.length)
        return dd_fail(err, DD_ERR_INVALID, "Invalid Semantic Version");
    return from_parts(&found, ret, err);
}

void dd_semver_print(dd_buf *into, const dd_semver *version)
{
    dd_buf_printf(into, "%lld.%lld.%lld", (long long)version->major, (long long)version->minor,
                  (long long)version->patch);
    if (version->prerelease.length) {
        dd_buf_add_char(into, '-');
        dd_buf_add(into, version->prerelease.data, version->prerelease.length);
    }
    if (version->metadata.length) {
        dd_buf_add_char(into, '+');
        dd_buf_add(into, version->metadata.data, version->metadata.length);
    }
}

/* ---- Order ---- */

static bool is_number(dd_text text, uint64_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < text.length; i++) {
        uint64_t digit = (uint64_t)(text.data[i] - '0');

        if (text.data[i] < '0' || text.data[i] > '9' || *ret > (UINT64_MAX - digit) / 10)
            return false;
        *ret = *ret * 10 + digit;
    }
    return text.length > 0;
}

/* Numbers stand before words, and what is missing before both. Of two that say the same number the first is
 * the lesser, as the reference has it. */
static int compare_identifiers(dd_text a, dd_text b)
{
    uint64_t a_number, b_number;
    bool a_is = is_number(a, &a_number), b_is = is_number(b, &b_number);

    if (dd_text_compare(a, b) == 0)
        return 0;
    if (!a.length || !b.length)
        return a.length ? 1 : -1;
    if (a_is != b_is)
        return a_is ? -1 : 1;
    if (a_is)
        return a_number > b_number ? 1 : -1;
    return dd_text_compare(a, b) > 0 ? 1 : -1;
}

static dd_text take_identifier(dd_text *rest)
{
    const char *dot = rest->length ? memchr(rest->data, '.', rest->length) : NULL;
    dd_text ret = {rest->data, dot ? (size_t)(dot - rest->data) : rest->length};

    *rest = skip(*rest, ret.length + (dot ? 1 : 0));
    return ret;
}

static int compare_prereleases(dd_text a, dd_text b)
{
    if (!a.length || !b.length)
        return (b.length > 0) - (a.length > 0); /* a release is above its prereleases */
    while (a.length || b.length) {
        dd_text left = take_identifier(&a), right = take_identifier(&b);
        int order = compare_identifiers(left, right);

        if (order)
            return order;
    }
    return 0;
}

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

int dd_semver_compare(const dd_semver *a, const dd_semver *b)
{
    int order = compare_numbers(a->major, b->major);

    order = order ? order : compare_numbers(a->minor, b->minor);
    order = order ? order : compare_numbers(a->patch, b->patch);
    return order ? order : compare_prereleases(a->prerelease, b->prerelease);
}

/* ---- Constraints ---- */

/* One comparison. What a wildcard stands for, or is left out, is 0 in `with`, and noted. */
typedef struct comparison {
    dd_semver with;
    bool open;       /* something is */
    bool open_minor; /* the minor and the patch number are, but not the major one */
    bool open_patch;
} comparison;

typedef bool keeps_it(const dd_semver *version, const comparison *c);

static bool keeps_not(const dd_semver *version, const comparison *c)
{
    if (!c->open)
        return dd_semver_compare(version, &c->with) != 0;
    return version->major != c->with.major || (version->minor != c->with.minor && !c->open_minor);
}

static bool keeps_above(const dd_semver *version, const comparison *c)
{
    return dd_semver_compare(version, &c->with) > 0;
}

static bool keeps_from(const dd_semver *version, const comparison *c)
{
    return dd_semver_compare(version, &c->with) >= 0;
}

/* Below something open is within it too. */
static bool within(const dd_semver *version, const comparison *c)
{
    return version->major <= c->with.major && (version->minor <= c->with.minor || c->open_minor);
}

static bool keeps_below(const dd_semver *version, const comparison *c)
{
    return c->open ? within(version, c) : dd_semver_compare(version, &c->with) < 0;
}

static bool keeps_to(const dd_semver *version, const comparison *c)
{
    return c->open ? within(version, c) : dd_semver_compare(version, &c->with) <= 0;
}

static bool keeps_tilde(const dd_semver *version, const comparison *c)
{
    bool zero = !c->with.major && !c->with.minor && !c->with.patch;

    if (dd_semver_compare(version, &c->with) < 0)
        return false;
    if (zero && !c->open_minor && !c->open_patch) /* ~0.0.0 and ~*: any */
        return true;
    return version->major == c->with.major && (version->minor == c->with.minor || c->open_minor);
}

static bool keeps_equal(const dd_semver *version, const comparison *c)
{
    return c->open ? keeps_tilde(version, c) : dd_semver_compare(version, &c->with) == 0;
}

static bool keeps_caret(const dd_semver *version, const comparison *c)
{
    return dd_semver_compare(version, &c->with) >= 0 && version->major == c->with.major;
}

static const struct {
    const char *text;
    keeps_it *keeps;
} operators[] = {
    {"", keeps_equal},  {"=", keeps_equal}, {"!=", keeps_not},   {">", keeps_above},
    {"<", keeps_below}, {">=", keeps_from}, {"=>", keeps_from},  {"<=", keeps_to},
    {"=<", keeps_to},   {"~", keeps_tilde}, {"~>", keeps_tilde}, {"^", keeps_caret},
};

#define BLANKS "\t\n\f\r "

static dd_text skip_blanks(dd_text text)
{
    return skip(text, span(text, BLANKS));
}

static bool is_wild(dd_text text)
{
    return text.length == 1 && strchr("xX*", text.data[0]) != NULL;
}

/* Prereleases are compared only with what names one, but by an exact "!=". */
static bool check(const dd_semver *version, const comparison *c, keeps_it *keeps)
{
    bool exact_not = keeps == keeps_not && !c->open;

    if (version->prerelease.length && !c->with.prerelease.length && !exact_not)
        return false;
    return keeps(version, c);
}

static int read_open(const parts *from, comparison *ret, dd_error **err)
{
    parts known = *from;

    *ret = (comparison){0};
    if (is_wild(from->major)) {
        ret->open = true;
        return 0;
    }
    if (is_wild(from->minor) || !from->minor.length) {
        ret->open = ret->open_minor = true;
        known.minor = known.patch = (dd_text){"", 0};
    } else if (is_wild(from->patch)) {
        ret->open = ret->open_patch = true;
        known.patch = (dd_text){"", 0};
    }
    if (from_parts(&known, &ret->with, NULL) < 0)
        return dd_fail(err, DD_ERR_INVALID, "constraint Parser Error");
    return 0;
}

static int fail_improper(dd_text text, dd_error **err)
{
    return dd_fail(err, DD_ERR_INVALID, "improper constraint: %.*s", (int)text.length, text.data);
}

static int check_one(dd_text text, const dd_semver *version, bool *ret, dd_error **err)
{
    dd_text rest = skip_blanks(text), sign = {rest.data, span(rest, "=!<>~^")};
    keeps_it *keeps = NULL;
    comparison c;
    parts found;

    for (size_t i = 0; i < DD_COUNT(operators); i++)
        if (dd_text_is(sign, operators[i].text))
            keeps = operators[i].keeps;
    rest = skip_blanks(skip(rest, sign.length));
    if (!keeps || !take_version(&rest, WILD, &found) || skip_blanks(rest).length)
        return fail_improper(text, err);
    if (read_open(&found, &c, err) < 0)
        return -1;
    *ret = check(version, &c, keeps);
    return 0;
}

/* The text before the separator, taken off with it. The last one leaves *rest NULL. */
static dd_text take_until(dd_text *rest, const char *separator)
{
    const char *found = memmem(rest->data, rest->length, separator, strlen(separator));
    dd_text ret = {rest->data, found ? (size_t)(found - rest->data) : rest->length};

    *rest = found ? skip(*rest, ret.length + strlen(separator)) : (dd_text){NULL, 0};
    return ret;
}

/* All of them are read, though the answer may stand before. */
static int check_all(dd_text text, const dd_semver *version, bool *ret, dd_error **err)
{
    *ret = false;
    while (text.data) {
        dd_text all = take_until(&text, "||");
        bool kept = true;

        while (all.data) {
            bool one = false;

            if (check_one(take_until(&all, ","), version, &one, err) < 0)
                return -1;
            kept = kept && one;
        }
        *ret = *ret || kept;
    }
    return 0;
}

/* "1.2 - 1.4", with the blanks around it. */
static bool take_range(dd_text *rest, parts *ret_from, parts *ret_to)
{
    dd_text at = skip_blanks(*rest);

    if (!take_version(&at, WILD, ret_from) || !span(at, BLANKS))
        return false;
    at = skip_blanks(at);
    if (!starts(at, '-') || !span(skip(at, 1), BLANKS))
        return false;
    at = skip_blanks(skip(at, 1));
    if (!take_version(&at, WILD, ret_to))
        return false;
    *rest = skip_blanks(at);
    return true;
}

/* Ranges become two comparisons. */
static void write_ranges(dd_text text, dd_buf *into)
{
    while (text.length) {
        parts from, to;

        if (take_range(&text, &from, &to)) {
            dd_buf_printf(into, ">= %.*s, <= %.*s", (int)from.whole.length, from.whole.data,
                          (int)to.whole.length, to.whole.data);
            continue;
        }
        dd_buf_add_char(into, text.data[0]);
        text = skip(text, 1);
    }
}

int dd_semver_check(dd_text constraint, const dd_semver *version, bool *ret, dd_error **err)
{
    dd_buf text = {0};
    int result;

    *ret = false;
    if (constraint.length > CONSTRAINT_MAX_BYTES)
        return dd_fail(err, DD_ERR_LIMIT, "the constraint has more than %d bytes", CONSTRAINT_MAX_BYTES);
    write_ranges(constraint, &text);
    result = check_all((dd_text){text.data ? text.data : "", text.length}, version, ret, err);
    dd_buf_done(&text);
    return result;
}
