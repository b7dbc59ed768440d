/* RE2's character classes: brackets, [[:alpha:]], \d, \p{Greek}. */
#include "runner/lang/re2_private.h"
#include <stdlib.h>
#include <string.h>

#define LONG_S      0x17F  /* folds with s */
#define KELVIN_SIGN 0x212A /* folds with k */

/* Sets of ASCII by name: pairs of first and last, ascending. */
typedef struct set {
    const char *name;
    const char *pairs;
    size_t bytes;
} set;

#define SET(NAME, PAIRS)                                                                                     \
    {                                                                                                        \
        NAME, PAIRS, sizeof(PAIRS) - 1                                                                       \
    }

static const set posix_sets[] = {
    SET("alnum", "09AZaz"),
    SET("alpha", "AZaz"),
    SET("ascii", "\x00\x7f"),
    SET("blank", "\t\t  "),
    SET("cntrl", "\x00\x1f\x7f\x7f"),
    SET("digit", "09"),
    SET("graph", "!~"),
    SET("lower", "az"),
    SET("print", " ~"),
    SET("punct", "!/:@[`{~"),
    SET("space", "\t\r  "),
    SET("upper", "AZ"),
    SET("word", "09AZ__az"),
    SET("xdigit", "09AFaf"),
};

/* RE2's \s has no vertical tab. */
static const set perl_sets[] = {
    SET("d", "09"),
    SET("s", "\t\n\f\r  "),
    SET("w", "09AZ__az"),
};

static const char *const categories[] = {
    "Any", "C",  "Cc", "Cf", "Co", "Cs", "L",  "Ll", "Lm", "Lo", "Lt", "Lu", "M",
    "Mc",  "Me", "Mn", "N",  "Nd", "Nl", "No", "P",  "Pc", "Pd", "Pe", "Pf", "Pi",
    "Po",  "Ps", "S",  "Sc", "Sk", "Sm", "So", "Z",  "Zl", "Zp", "Zs",
};

/* Unicode 13's, as Go 1.19 has them, by Go's names, in byte order. */
static const char *const scripts[] = {
    "Adlam",
    "Ahom",
    "Anatolian_Hieroglyphs",
    "Arabic",
    "Armenian",
    "Avestan",
    "Balinese",
    "Bamum",
    "Bassa_Vah",
    "Batak",
    "Bengali",
    "Bhaiksuki",
    "Bopomofo",
    "Brahmi",
    "Braille",
    "Buginese",
    "Buhid",
    "Canadian_Aboriginal",
    "Carian",
    "Caucasian_Albanian",
    "Chakma",
    "Cham",
    "Cherokee",
    "Chorasmian",
    "Common",
    "Coptic",
    "Cuneiform",
    "Cypriot",
    "Cyrillic",
    "Deseret",
    "Devanagari",
    "Dives_Akuru",
    "Dogra",
    "Duployan",
    "Egyptian_Hieroglyphs",
    "Elbasan",
    "Elymaic",
    "Ethiopic",
    "Georgian",
    "Glagolitic",
    "Gothic",
    "Grantha",
    "Greek",
    "Gujarati",
    "Gunjala_Gondi",
    "Gurmukhi",
    "Han",
    "Hangul",
    "Hanifi_Rohingya",
    "Hanunoo",
    "Hatran",
    "Hebrew",
    "Hiragana",
    "Imperial_Aramaic",
    "Inherited",
    "Inscriptional_Pahlavi",
    "Inscriptional_Parthian",
    "Javanese",
    "Kaithi",
    "Kannada",
    "Katakana",
    "Kayah_Li",
    "Kharoshthi",
    "Khitan_Small_Script",
    "Khmer",
    "Khojki",
    "Khudawadi",
    "Lao",
    "Latin",
    "Lepcha",
    "Limbu",
    "Linear_A",
    "Linear_B",
    "Lisu",
    "Lycian",
    "Lydian",
    "Mahajani",
    "Makasar",
    "Malayalam",
    "Mandaic",
    "Manichaean",
    "Marchen",
    "Masaram_Gondi",
    "Medefaidrin",
    "Meetei_Mayek",
    "Mende_Kikakui",
    "Meroitic_Cursive",
    "Meroitic_Hieroglyphs",
    "Miao",
    "Modi",
    "Mongolian",
    "Mro",
    "Multani",
    "Myanmar",
    "Nabataean",
    "Nandinagari",
    "New_Tai_Lue",
    "Newa",
    "Nko",
    "Nushu",
    "Nyiakeng_Puachue_Hmong",
    "Ogham",
    "Ol_Chiki",
    "Old_Hungarian",
    "Old_Italic",
    "Old_North_Arabian",
    "Old_Permic",
    "Old_Persian",
    "Old_Sogdian",
    "Old_South_Arabian",
    "Old_Turkic",
    "Oriya",
    "Osage",
    "Osmanya",
    "Pahawh_Hmong",
    "Palmyrene",
    "Pau_Cin_Hau",
    "Phags_Pa",
    "Phoenician",
    "Psalter_Pahlavi",
    "Rejang",
    "Runic",
    "Samaritan",
    "Saurashtra",
    "Sharada",
    "Shavian",
    "Siddham",
    "SignWriting",
    "Sinhala",
    "Sogdian",
    "Sora_Sompeng",
    "Soyombo",
    "Sundanese",
    "Syloti_Nagri",
    "Syriac",
    "Tagalog",
    "Tagbanwa",
    "Tai_Le",
    "Tai_Tham",
    "Tai_Viet",
    "Takri",
    "Tamil",
    "Tangut",
    "Telugu",
    "Thaana",
    "Thai",
    "Tibetan",
    "Tifinagh",
    "Tirhuta",
    "Ugaritic",
    "Vai",
    "Wancho",
    "Warang_Citi",
    "Yezidi",
    "Yi",
    "Zanabazar_Square",
};

static int compare_names(const void *key, const void *row)
{
    return strcmp(key, *(const char *const *)row);
}

static const char *find_name(const char *const *rows, size_t count, const char *name)
{
    const char *const *found = bsearch(name, rows, count, sizeof(*rows), compare_names);

    return found ? *found : NULL;
}

static void add_range(dd_re2_parser *p, dd_re2_class *into, uint32_t low, uint32_t high)
{
    dd_re2_range *range = dd_arena_alloc(p->arena, sizeof(*range));

    *range = (dd_re2_range){low, high, into->ranges};
    into->ranges = range;
}

/* The set's runes, and without case those that fold with them. */
static void add_set(dd_re2_parser *p, dd_re2_class *into, const set *from)
{
    bool has_k = false, has_s = false;

    for (size_t i = 0; i < from->bytes; i += 2) {
        add_range(p, into, (unsigned char)from->pairs[i], (unsigned char)from->pairs[i + 1]);
        has_k = has_k || (from->pairs[i] <= 'k' && 'k' <= from->pairs[i + 1]) ||
                (from->pairs[i] <= 'K' && 'K' <= from->pairs[i + 1]);
        has_s = has_s || (from->pairs[i] <= 's' && 's' <= from->pairs[i + 1]) ||
                (from->pairs[i] <= 'S' && 'S' <= from->pairs[i + 1]);
    }
    if (p->flags & DD_RE2_FOLD && has_s)
        add_range(p, into, LONG_S, LONG_S);
    if (p->flags & DD_RE2_FOLD && has_k)
        add_range(p, into, KELVIN_SIGN, KELVIN_SIGN);
}

/* The other case's letters, so that what is no member can be counted off. */
static void mark(bool members[128], const set *from, bool fold)
{
    for (size_t i = 0; i < from->bytes; i += 2)
        for (int c = (unsigned char)from->pairs[i]; c <= (unsigned char)from->pairs[i + 1]; c++) {
            bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

            members[c] = true;
            if (fold && letter)
                members[c ^ 0x20] = true;
        }
}

/* All that is not in the set. */
static void add_other_than(dd_re2_parser *p, dd_re2_class *into, const set *from)
{
    bool members[128] = {false}, fold = p->flags & DD_RE2_FOLD;

    mark(members, from, fold);
    for (uint32_t c = 0; c < 128; c++)
        if (!members[c])
            add_range(p, into, c, c);
    if (!fold || !members['k']) {
        add_range(p, into, 128, DD_RE2_LAST_RUNE);
        return;
    }
    /* All sets with k have s too. */
    add_range(p, into, 128, LONG_S - 1);
    add_range(p, into, LONG_S + 1, KELVIN_SIGN - 1);
    add_range(p, into, KELVIN_SIGN + 1, DD_RE2_LAST_RUNE);
}

static void add_signed(dd_re2_parser *p, dd_re2_class *into, const set *from, bool negated)
{
    if (negated)
        add_other_than(p, into, from);
    else
        add_set(p, into, from);
}

/* [:alpha:] or [:^alpha:]; 0 when it is none. */
static int take_posix(dd_re2_parser *p, dd_re2_class *into)
{
    const char *start = p->at, *close;
    bool negated;
    dd_text name;

    if (p->end - p->at <= 2 || memcmp(p->at, "[:", 2) != 0)
        return 0;
    close = memmem(p->at + 2, (size_t)(p->end - p->at) - 2, ":]", 2);
    if (!close)
        return 0;
    negated = start[2] == '^';
    name = (dd_text){start + 2 + negated, (size_t)(close - start) - 2 - (negated && close > start + 2)};
    for (size_t i = 0; i < DD_COUNT(posix_sets); i++)
        if (dd_text_is(name, posix_sets[i].name)) {
            add_signed(p, into, &posix_sets[i], negated);
            p->at = close + 2;
            return 1;
        }
    return dd_re2_fail(p, "invalid character class range", start, close + 2);
}

/* \d, \D, …; 0 when it is none. */
static int take_perl(dd_re2_parser *p, dd_re2_class *into)
{
    char letter = p->end - p->at >= 2 && p->at[0] == '\\' ? p->at[1] : '\0';

    for (size_t i = 0; letter && i < DD_COUNT(perl_sets); i++)
        if ((letter | 0x20) == perl_sets[i].name[0]) {
            add_signed(p, into, &perl_sets[i], !(letter & 0x20));
            p->at += 2;
            return 1;
        }
    return 0;
}

static void add_property(dd_re2_parser *p, dd_re2_class *into, const char *name, bool script, bool negated)
{
    dd_re2_property *property = dd_arena_alloc(p->arena, sizeof(*property));

    *property = (dd_re2_property){name, script, negated, into->properties};
    into->properties = property;
}

/* PCRE2's C has Cn too, Go's has not. */
static void add_category_c(dd_re2_parser *p, dd_re2_class *into, bool negated)
{
    static const char *const parts[] = {"Cc", "Cf", "Co"};

    if (negated) {
        add_property(p, into, "C", false, true);
        add_property(p, into, "Cn", false, false);
    } else {
        for (size_t i = 0; i < DD_COUNT(parts); i++)
            add_property(p, into, parts[i], false, false);
    }
}

static bool add_named(dd_re2_parser *p, dd_re2_class *into, dd_text name, bool negated)
{
    dd_auto_str text = dd_strndup(name.data, name.length);
    const char *found =
        strlen(text) == name.length ? find_name(categories, DD_COUNT(categories), text) : NULL;
    bool cased = found && (dd_str_eq(found, "Ll") || dd_str_eq(found, "Lt") || dd_str_eq(found, "Lu"));

    if (found && dd_str_eq(found, "C")) {
        add_category_c(p, into, negated);
    } else if (found) {
        add_property(p, into, cased && p->flags & DD_RE2_FOLD ? "L&" : found, false, negated);
    } else {
        found = strlen(text) == name.length ? find_name(scripts, DD_COUNT(scripts), text) : NULL;
        if (found)
            add_property(p, into, found, true, negated);
    }
    return found != NULL;
}

/* \pN, \p{Greek}, \P{^Greek}; 0 when it is none. */
static int take_property(dd_re2_parser *p, dd_re2_class *into)
{
    const char *start = p->at, *close;
    bool negated;
    uint32_t letter;
    dd_text name;

    if (p->end - p->at < 2 || p->at[0] != '\\' || (p->at[1] != 'p' && p->at[1] != 'P'))
        return 0;
    negated = p->at[1] == 'P';
    p->at += 2;
    if (p->at == p->end)
        return dd_re2_fail(p, "invalid character class range", start, p->end);
    if (dd_re2_take_rune(p, &letter) < 0)
        return -1;
    name = (dd_text){start + 2, (size_t)(p->at - start) - 2};
    if (letter == '{') {
        close = memchr(start, '}', (size_t)(p->end - start));
        if (!close)
            return dd_re2_fail(p, "invalid character class range", start, p->end);
        name = (dd_text){start + 3, (size_t)(close - start) - 3};
        p->at = close + 1;
    }
    if (name.length && name.data[0] == '^') {
        negated = !negated;
        name = (dd_text){name.data + 1, name.length - 1};
    }
    if (!add_named(p, into, name, negated))
        return dd_re2_fail(p, "invalid character class range", start, p->at);
    return 1;
}

int dd_re2_take_class_escape(dd_re2_parser *p, dd_re2_class **ret)
{
    int taken;

    *ret = dd_arena_alloc(p->arena, sizeof(**ret));
    taken = take_property(p, *ret);
    return taken ? taken : take_perl(p, *ret);
}

static int take_class_rune(dd_re2_parser *p, const char *class, uint32_t *ret)
{
    *ret = 0;
    if (p->at == p->end)
        return dd_re2_fail(p, "missing closing ]", class, p->end);
    return *p->at == '\\' ? dd_re2_take_escape(p, ret) : dd_re2_take_rune(p, ret);
}

/* One rune, or from one to another. */
static int take_range(dd_re2_parser *p, const char *class, dd_re2_class *into)
{
    const char *start = p->at;
    uint32_t low, high;

    if (take_class_rune(p, class, &low) < 0)
        return -1;
    high = low;
    if (p->end - p->at >= 2 && p->at[0] == '-' && p->at[1] != ']') {
        p->at++;
        if (take_class_rune(p, class, &high) < 0)
            return -1;
        if (high < low)
            return dd_re2_fail(p, "invalid character class range", start, p->at);
    }
    add_range(p, into, low, high);
    return 0;
}

int dd_re2_take_class(dd_re2_parser *p, dd_re2_class **ret)
{
    const char *start = p->at++;
    dd_re2_class *into = *ret = dd_arena_alloc(p->arena, sizeof(*into));

    if (p->at < p->end && *p->at == '^') {
        into->negated = true;
        p->at++;
    }
    for (bool first = true; p->at == p->end || *p->at != ']' || first; first = false) {
        int taken = take_posix(p, into);

        if (taken == 0)
            taken = take_property(p, into);
        if (taken == 0)
            taken = take_perl(p, into);
        if (taken == 0)
            taken = take_range(p, start, into);
        if (taken < 0)
            return -1;
    }
    p->at++;
    return 0;
}
