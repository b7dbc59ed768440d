/* Text for terminals. The width of characters is looked up here and not by wcwidth(), which knows nothing but
 * ASCII until a process sets its locale, and drydock sets none. */
#include "screen.h"

#include "buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MOST_COLUMNS 1000

/* ---- What there is to write on ---- */

/* The variable's value; NULL when it is not set, or to nothing. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static bool is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    const char *locale = NULL;
    for (size_t i = 0; i < DD_COUNT(names) && !locale; i++)
        locale = variable(names[i]);
    return locale && (strcasestr(locale, "utf-8") || strcasestr(locale, "utf8"));
}

static size_t columns_of(int fd)
{
    int64_t number;
    struct winsize size;
    const char *given = getenv("COLUMNS");
    if (given && dd_str_to_int(given, &number) && number > 0)
        return number < MOST_COLUMNS ? (size_t)number : MOST_COLUMNS;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

dd_screen dd_screen_of(int fd)
{
    const char *kind = getenv("TERM");
    dd_screen screen = {.terminal = isatty(fd), .utf8 = is_utf8(), .columns = columns_of(fd)};
    screen.colour = screen.terminal && !variable("NO_COLOR") && !dd_str_eq(kind, "dumb");
    return screen;
}

/* ---- Characters ---- */

typedef struct range {
    uint32_t first, last;
} range;

/* Unicode 15: East Asian width W and F, and what is shown as emoji. */
static const range wide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},   {0x23f0, 0x23f0},
    {0x23f3, 0x23f3},   {0x25fd, 0x25fe},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x267f, 0x267f},
    {0x2693, 0x2693},   {0x26a1, 0x26a1},   {0x26aa, 0x26ab},   {0x26bd, 0x26be},   {0x26c4, 0x26c5},
    {0x26ce, 0x26ce},   {0x26d4, 0x26d4},   {0x26ea, 0x26ea},   {0x26f2, 0x26f3},   {0x26f5, 0x26f5},
    {0x26fa, 0x26fa},   {0x26fd, 0x26fd},   {0x2705, 0x2705},   {0x270a, 0x270b},   {0x2728, 0x2728},
    {0x274c, 0x274c},   {0x274e, 0x274e},   {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2795, 0x2797},
    {0x27b0, 0x27b0},   {0x27bf, 0x27bf},   {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},   {0x2b55, 0x2b55},
    {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0xa4cf},   {0xa960, 0xa97f},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
    {0xffe0, 0xffe6},   {0x16fe0, 0x18cff}, {0x1aff0, 0x1b2ff}, {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf},
    {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a}, {0x1f200, 0x1f320}, {0x1f32d, 0x1f335}, {0x1f337, 0x1f37c},
    {0x1f37e, 0x1f393}, {0x1f3a0, 0x1f3ca}, {0x1f3cf, 0x1f3d3}, {0x1f3e0, 0x1f3f0}, {0x1f3f4, 0x1f3f4},
    {0x1f3f8, 0x1f43e}, {0x1f440, 0x1f440}, {0x1f442, 0x1f4fc}, {0x1f4ff, 0x1f53d}, {0x1f54b, 0x1f54e},
    {0x1f550, 0x1f567}, {0x1f57a, 0x1f57a}, {0x1f595, 0x1f596}, {0x1f5a4, 0x1f5a4}, {0x1f5fb, 0x1f64f},
    {0x1f680, 0x1f6c5}, {0x1f6cc, 0x1f6cc}, {0x1f6d0, 0x1f6d2}, {0x1f6d5, 0x1f6df}, {0x1f6eb, 0x1f6ec},
    {0x1f6f4, 0x1f6fc}, {0x1f7e0, 0x1f7f0}, {0x1f90c, 0x1f93a}, {0x1f93c, 0x1f945}, {0x1f947, 0x1f9ff},
    {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
};

/* Combining marks of the scripts most written, joiners and variation selectors: drawn on what is before. */
static const range combining[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489},   {0x0591, 0x05bd}, {0x05bf, 0x05c7}, {0x0610, 0x061a},
    {0x064b, 0x065f}, {0x0670, 0x0670},   {0x06d6, 0x06dc}, {0x06df, 0x06e4}, {0x06e7, 0x06ed},
    {0x0900, 0x0902}, {0x093c, 0x093c},   {0x0941, 0x0948}, {0x094d, 0x094d}, {0x0951, 0x0957},
    {0x0e31, 0x0e31}, {0x0e34, 0x0e3a},   {0x0e47, 0x0e4e}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
    {0x20d0, 0x20f0}, {0x302a, 0x302d},   {0x3099, 0x309a}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
    {0x200d, 0x200d}, {0xe0100, 0xe01ef},
};

/* Not seen, or turning the direction of writing: what is read would not be what is there. */
static const range unseen[] = {
    {0x00ad, 0x00ad}, {0x034f, 0x034f}, {0x061c, 0x061c}, {0x115f, 0x1160}, {0x17b4, 0x17b5},
    {0x180b, 0x180f}, {0x200b, 0x200c}, {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
    {0x3164, 0x3164}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0xe0000, 0xe0fff},
};

static bool is_in(const range *ranges, size_t count, uint32_t rune)
{
    for (size_t i = 0; i < count; i++)
        if (rune >= ranges[i].first && rune <= ranges[i].last)
            return true;
    return false;
}

/* The bytes of a valid UTF-8 sequence and its rune; 0 when it is none (overlong ones and surrogates too). */
static size_t decode(const unsigned char *at, size_t length, uint32_t *ret)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t i = 0; i < DD_COUNT(forms) && i < length; i++) {
        if ((at[0] & forms[i].mask) != forms[i].lead)
            continue;
        uint32_t rune = at[0] & (unsigned char)~forms[i].mask;
        for (size_t j = 1; j <= i; j++) {
            if ((at[j] & 0xc0) != 0x80)
                return 0;
            rune = rune << 6 | (at[j] & 0x3f);
        }
        *ret = rune;
        return rune >= forms[i].least && rune <= 0x10ffff && (rune < 0xd800 || rune > 0xdfff) ? i + 1 : 0;
    }
    return 0;
}

void dd_glyph_read(const char *text, size_t length, dd_glyph *ret)
{
    uint32_t rune = 0;
    size_t used = decode((const unsigned char *)text, length, &rune);
    *ret = (dd_glyph){.used = used ? used : 1, .cells = 1};
    if (!used || rune < 0x20 || (rune >= 0x7f && rune < 0xa0)) {
        ret->cells = (size_t)snprintf(ret->text, sizeof(ret->text), "\\x%02x",
                                      used ? (unsigned)rune : (unsigned char)*text);
    } else if (is_in(unseen, DD_COUNT(unseen), rune)) {
        ret->cells = (size_t)snprintf(ret->text, sizeof(ret->text), "\\u%04x", (unsigned)rune);
    } else {
        memcpy(ret->text, text, used);
        if (is_in(combining, DD_COUNT(combining), rune))
            ret->cells = 0;
        else if (rune >= wide[0].first && is_in(wide, DD_COUNT(wide), rune))
            ret->cells = 2;
    }
}

char *dd_text_safe(const char *text)
{
    dd_buf safe = {0};
    dd_glyph glyph;
    for (size_t length = strlen(text); length; text += glyph.used, length -= glyph.used) {
        dd_glyph_read(text, length, &glyph);
        dd_buf_add_str(&safe, glyph.text);
    }
    return dd_buf_steal(&safe);
}

size_t dd_text_cells(const char *text)
{
    dd_glyph glyph;
    size_t cells = 0;
    for (size_t length = strlen(text); length; text += glyph.used, length -= glyph.used) {
        dd_glyph_read(text, length, &glyph);
        cells += glyph.cells;
    }
    return cells;
}
