/* A task file's steps drawn for a terminal: on rails where they fit, else as a list of stages. */
#include "runner/lang/graph_private.h"
#include <stdlib.h>
#include <string.h>

#define DEFAULT_COLUMNS 80
#define LEAST_COLUMNS   40
#define MOST_ID_CELLS   40
#define NODE            "\342\227\217" /* a black circle */

typedef struct drawing {
    const dd_taskfile *taskfile;
    const dd_screen *screen;
    size_t columns;
    size_t id_cells; /* of the column of ids */
    dd_buf *into;
} drawing;

static const char *colour(const drawing *d, const char *code)
{
    return d->screen->colour ? code : "";
}

static const char *dots(const drawing *d)
{
    return d->screen->utf8 ? "…" : "...";
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- Text ---- */

/* The text, cut to the cells with dots at its end; returns the cells written. Outside UTF-8 other letters are
 * question marks. */
static size_t add_cut(const drawing *d, const char *text, size_t most)
{
    bool whole = dd_text_cells(text) <= most;
    size_t room = whole ? most : most - smaller(most, dd_text_cells(dots(d))), cells = 0;
    dd_glyph glyph;

    for (size_t left = strlen(text); left; text += glyph.used, left -= glyph.used) {
        dd_glyph_read(text, left, &glyph);
        if (cells + glyph.cells > room)
            break;
        if (!d->screen->utf8 && (unsigned char)glyph.text[0] >= 0x80) {
            for (size_t i = 0; i < glyph.cells; i++)
                dd_buf_add_char(d->into, '?');
        } else {
            dd_buf_add_str(d->into, glyph.text);
        }
        cells += glyph.cells;
    }
    if (whole)
        return cells;
    dd_buf_add_str(d->into, dots(d));
    return cells + dd_text_cells(dots(d));
}

static void add_spaces(const drawing *d, size_t count)
{
    dd_buf_printf(d->into, "%*s", (int)count, "");
}

/* As many as there is room for, and how many more there are. */
static void add_needs(const drawing *d, const dd_step *step, size_t room)
{
    dd_buf line = {0};
    size_t cells = 0;

    for (size_t i = 0; i < step->need_count; i++) {
        const char *id = d->taskfile->steps[step->needs[i]].id;
        dd_auto_str more = dd_sprintf(", +%zu", step->need_count - i);
        size_t wanted = dd_text_cells(id) + (i ? 2 : 0);
        size_t kept = i + 1 < step->need_count ? strlen(more) : 0;

        if (i && cells + wanted + kept > room) {
            dd_buf_add_str(&line, more);
            break;
        }
        dd_buf_printf(&line, "%s%s", i ? ", " : "", id);
        cells += wanted;
    }
    add_cut(d, line.data, room);
    dd_buf_done(&line);
}

/* "id  kind  <- needs" behind `used` cells, to the end of the line. */
static void add_step(const drawing *d, const dd_step *step, size_t used)
{
    static const char *const colours[] = {
        [DD_STEP_CMD] = "\033[32m",
        [DD_STEP_BUILD] = "\033[34m",
        [DD_STEP_PUSH] = "\033[35m",
    };
    const char *arrow = d->screen->utf8 ? "\342\206\220 " : "<- ";
    const char *kind = dd_step_kind_name(step->kind);
    size_t cells, behind = used + d->id_cells + strlen("  build  ") + (d->screen->utf8 ? 2 : 3);

    dd_buf_add_str(d->into, colour(d, "\033[1m"));
    cells = add_cut(d, step->id, d->id_cells);
    dd_buf_add_str(d->into, colour(d, "\033[0m"));
    add_spaces(d, d->id_cells - cells + 2);
    dd_buf_printf(d->into, "%s%s%s", colour(d, colours[step->kind]), kind, colour(d, "\033[0m"));
    if (step->need_count && d->columns > behind + 3) {
        add_spaces(d, strlen("build  ") - strlen(kind));
        dd_buf_printf(d->into, "%s%s", colour(d, "\033[2m"), arrow);
        add_needs(d, step, d->columns - behind);
        dd_buf_add_str(d->into, colour(d, "\033[0m"));
    }
    dd_buf_add_char(d->into, '\n');
}

/* ---- On rails ---- */

static void add_cell(const drawing *d, unsigned char cell)
{
    static const char *const lines[] = {
        " ", "╵", "╷", "│", "╴", "┘", "┐", "┤", "╶", "└", "┌", "├", "─", "┴", "┬", "┼",
    };
    static const char ascii[] = " '.|-'.+-'.+-+++";

    if (cell & DD_NODE)
        dd_buf_add_str(d->into, d->screen->utf8 ? NODE : "*");
    else if (d->screen->utf8)
        dd_buf_add_str(d->into, lines[cell]);
    else
        dd_buf_add_char(d->into, ascii[cell]);
}

static void add_rails(const drawing *d, const dd_rails *rails)
{
    for (size_t i = 0; i < rails->count; i++) {
        const dd_rails_row *row = &rails->rows[i];

        for (size_t j = 0; j < row->length; j++)
            add_cell(d, row->cells[j]);
        if (row->step == DD_NO_STEP) {
            dd_buf_add_char(d->into, '\n');
            continue;
        }
        add_spaces(d, rails->width - row->length + 2);
        add_step(d, &d->taskfile->steps[row->step], rails->width + 2);
    }
}

/* ---- By stages ---- */

static void add_stage(const drawing *d, const size_t *steps, size_t count)
{
    const char *middle = d->screen->utf8 ? "├─ " : "|- ", *last = d->screen->utf8 ? "└─ " : "'- ";

    for (size_t i = 0; i < count; i++) {
        dd_buf_add_str(d->into, i + 1 < count ? middle : last);
        add_step(d, &d->taskfile->steps[steps[i]], 3);
    }
}

/* Steps ordered by stage, in file order within each: a counting sort. */
static void add_stages(const drawing *d)
{
    size_t count = d->taskfile->step_count;
    size_t *from = dd_calloc(count + 2, sizeof(*from)), *steps = dd_calloc(count + 1, sizeof(*steps));

    for (size_t i = 0; i < count; i++)
        from[d->taskfile->stage_of[i] + 2]++;
    for (size_t i = 2; i < count + 2; i++)
        from[i] += from[i - 1];
    for (size_t i = 0; i < count; i++)
        steps[from[d->taskfile->stage_of[i] + 1]++] = i;
    for (size_t stage = 0; stage < count && from[stage] < from[stage + 1]; stage++) {
        dd_buf_printf(d->into, "stage %zu\n", stage + 1);
        add_stage(d, steps + from[stage], from[stage + 1] - from[stage]);
    }
    free(from);
    free(steps);
}

static size_t widest_id(const dd_taskfile *taskfile)
{
    size_t widest = 0;

    for (size_t i = 0; i < taskfile->step_count; i++) {
        size_t cells = dd_text_cells(taskfile->steps[i].id);

        widest = cells > widest ? cells : widest;
    }
    return widest;
}

char *dd_taskfile_to_text(const dd_taskfile *taskfile, const dd_screen *screen)
{
    dd_buf into = {0};
    size_t columns = screen->columns ? screen->columns : DEFAULT_COLUMNS;
    drawing d = {.taskfile = taskfile, .screen = screen, .into = &into};
    dd_rails rails = {0};

    d.columns = columns > LEAST_COLUMNS ? columns : LEAST_COLUMNS;
    d.id_cells = smaller(widest_id(taskfile), smaller(MOST_ID_CELLS, d.columns / 3));
    /* What ids and kinds leave, and some of the needs. */
    if (taskfile->step_count <= DD_RAILS_MOST_STEPS &&
        dd_rails_draw(taskfile, d.columns - d.id_cells - strlen("  id  build  ") - d.columns / 8, &rails))
        add_rails(&d, &rails);
    else
        add_stages(&d);
    dd_rails_done(&rails);
    return dd_buf_steal(&into);
}
