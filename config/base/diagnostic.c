/* Problems in texts, as a compiler tells them. */
#include "diagnostic.h"

#include "buf.h"

#include <string.h>

#define DEFAULT_CELLS 120
#define LEAST_CELLS   20
#define TAB_CELLS     8

typedef struct line {
    const char *text;
    size_t length;
    size_t at; /* of the caret; at most `length` */
    size_t limit;
    const dd_screen *screen;
} line;

/* ---- The line ---- */

/* False when the text has no such line. */
static bool find_line(const char *text, size_t length, dd_place place, line *ret)
{
    const char *at = text, *end = text + length;
    for (int number = 1; number < place.line; number++) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (!at || ++at == end)
            return false;
    }
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    ret->text = at;
    ret->length = (size_t)((newline ? newline : end) - at);
    if (ret->length && at[ret->length - 1] == '\r')
        ret->length--;
    ret->at = place.column > 0 ? (size_t)place.column - 1 : 0;
    if (ret->at > ret->length)
        ret->at = ret->length;
    return true;
}

static bool fits(const line *l)
{
    size_t cells = 0;
    dd_glyph glyph;
    for (size_t at = 0; at < l->length && cells <= l->limit; at += glyph.used) {
        dd_glyph_read(l->text + at, l->length - at, &glyph);
        cells = l->text[at] == '\t' ? (cells / TAB_CELLS + 1) * TAB_CELLS : cells + glyph.cells;
    }
    return cells <= l->limit;
}

/* The beginning of the character before `at`. */
static size_t before(const line *l, size_t at)
{
    size_t from = at - 1;
    dd_glyph glyph;
    while (from > 0 && at - from < 4 && ((unsigned char)l->text[from] & 0xc0) == 0x80)
        from--;
    dd_glyph_read(l->text + from, at - from, &glyph);
    return from + glyph.used == at ? from : at - 1;
}

/* A tab is one cell in a line that was cut, where its stops are gone. */
static size_t cells_at(const line *l, size_t at, dd_glyph *ret)
{
    dd_glyph_read(l->text + at, l->length - at, ret);
    return l->text[at] == '\t' ? 1 : ret->cells;
}

/* What is left of a long line: half of the cells before the caret, the rest behind it; what one side does not
 * need is the other's. */
static void cut(const line *l, size_t *ret_from, size_t *ret_to)
{
    size_t from = l->at, to = from, cells = 0;
    dd_glyph glyph;
    while (from > 0) {
        size_t previous = before(l, from), more = cells_at(l, previous, &glyph);
        if (cells + more > l->limit / 2)
            break;
        cells += more;
        from = previous;
    }
    while (to < l->length && cells + cells_at(l, to, &glyph) <= l->limit) {
        cells += cells_at(l, to, &glyph);
        to += glyph.used;
    }
    while (from > 0) {
        size_t previous = before(l, from);
        cells += cells_at(l, previous, &glyph);
        if (cells > l->limit)
            break;
        from = previous;
    }
    *ret_from = from;
    *ret_to = to;
}

static void add_spaces(dd_buf *into, size_t count)
{
    dd_buf_printf(into, "%*s", (int)count, "");
}

/* The bytes from `from` to `to` as they may be shown, and beneath them a caret at the column. */
static void add_lines(dd_buf *into, const line *l, size_t from, size_t to, bool keep_tabs)
{
    const char *dots = from == 0 ? "" : l->screen->utf8 ? "…" : "...";
    const char *on = l->screen->colour ? "\033[1;32m" : "", *off = l->screen->colour ? "\033[0m" : "";
    dd_buf under = {0};
    dd_glyph glyph;
    dd_buf_add_str(into, dots);
    add_spaces(&under, dd_text_cells(dots));
    for (size_t at = from; at < to; at += glyph.used) {
        size_t cells = cells_at(l, at, &glyph);
        bool tab = l->text[at] == '\t';
        dd_buf_add_str(into, !tab ? glyph.text : keep_tabs ? "\t" : " ");
        if (at < l->at && tab && keep_tabs)
            dd_buf_add_char(&under, '\t');
        else if (at < l->at)
            add_spaces(&under, cells);
    }
    if (to < l->length)
        dd_buf_add_str(into, l->screen->utf8 ? "…" : "...");
    dd_buf_printf(into, "\n%s%s^%s\n", under.length ? under.data : "", on, off);
    dd_buf_done(&under);
}

static void add_line(dd_buf *into, line *l)
{
    size_t from = 0, to = l->length;
    bool whole = fits(l);
    if (!whole) {
        l->limit -= l->screen->utf8 ? 2 : 6; /* the dots */
        cut(l, &from, &to);
    }
    add_lines(into, l, from, to, whole);
}

/* ---- The whole ---- */

static void add_head(dd_buf *into, const dd_error *error, const char *severity, const char *file,
                     const dd_screen *screen)
{
    const char *bold = screen->colour ? "\033[1m" : "", *off = screen->colour ? "\033[0m" : "";
    const char *colour = !screen->colour ? "" : strcmp(severity, "error") == 0 ? "\033[1;31m" : "\033[1;35m";
    dd_auto_str name = dd_text_safe(file);
    dd_auto_str message = dd_text_safe(error->message);
    dd_auto_str path = dd_text_safe(error->path ? error->path : "");
    dd_buf_printf(into, "%s%s:", bold, name);
    if (error->place.line > 0)
        dd_buf_printf(into, "%d:%d:", error->place.line, error->place.column);
    dd_buf_printf(into, "%s %s%s:%s %s%s%s\n", off, colour, severity, off, path, *path ? ": " : "", message);
}

char *dd_diagnostic(const dd_error *error, const char *severity, const char *file, const char *text,
                    size_t length, const dd_screen *screen)
{
    dd_buf into = {0};
    line l = {.limit = screen->columns ? screen->columns : DEFAULT_CELLS, .screen = screen};
    if (l.limit < LEAST_CELLS)
        l.limit = LEAST_CELLS;
    add_head(&into, error, severity, file, screen);
    if (text && error->place.line > 0 && find_line(text, length, error->place, &l) && l.length > 0)
        add_line(&into, &l);
    if (error->hint) {
        dd_auto_str hint = dd_text_safe(error->hint);
        dd_buf_printf(&into, "  hint: %s\n", hint);
    }
    return dd_buf_steal(&into);
}
