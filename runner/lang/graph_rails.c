/* A graph on rails, as version control draws its history: a row for each step, and lanes that carry what has
 * ended down to those that wait for it.
 *
 * A lane is what it still leads to. Two that lead to the same steps become one: whoever stands at its end
 * waits for all that flowed into it. Steps with the same needs and the same waiters hang side by side from
 * one lane, so that a wide fan is one line with many leaves. Needs that follow from others are not drawn. */
#include "runner/lang/graph_private.h"
#include <stdlib.h>
#include <string.h>

typedef struct set {
    size_t *items; /* ascending */
    size_t count;
} set;

/* Which of the steps that could come next does. Each is tried: what is plain in one is a tangle in another.
 */
typedef enum drawing_order {
    BY_FILE, /* the first of the file */
    BY_WAY, /* one that waits for what was drawn last, so that one way is at its end before the next begins */
    BY_STAGE, /* the first of the earliest stage */
    ORDERS
} drawing_order;

typedef struct drawing {
    const dd_taskfile *taskfile;
    drawing_order order;
    size_t count;
    set *needs;   /* per step, without those that follow from others */
    set *waiters; /* per step: who waits for it */
    bool *drawn;
    set *lanes; /* per column: the steps that it still leads to; none: the column is free */
    size_t lane_count;
    size_t most; /* columns */
    bool too_wide;
    dd_rails *rails;
} drawing;

/* ---- Sets ---- */

static bool same(const set *a, const set *b)
{
    return a->count == b->count && (!a->count || memcmp(a->items, b->items, a->count * sizeof(size_t)) == 0);
}

static bool has(const set *in, size_t item)
{
    for (size_t i = 0; i < in->count; i++)
        if (in->items[i] == item)
            return true;
    return false;
}

static void add(set *to, size_t item)
{
    to->items = dd_reallocarray(to->items, to->count + 1, sizeof(size_t));
    to->items[to->count++] = item;
}

static void drop(set *from, size_t item)
{
    size_t kept = 0;

    for (size_t i = 0; i < from->count; i++)
        if (from->items[i] != item)
            from->items[kept++] = from->items[i];
    from->count = kept;
}

static void clear(set *of)
{
    free(of->items);
    *of = (set){0};
}

/* ---- The graph ---- */

/* Steps so that each comes behind its needs: by stage. */
static size_t *by_stage(const dd_taskfile *taskfile)
{
    size_t *sorted = dd_calloc(taskfile->step_count, sizeof(*sorted)), filled = 0;

    for (size_t stage = 0; filled < taskfile->step_count; stage++)
        for (size_t i = 0; i < taskfile->step_count; i++)
            if (taskfile->stage_of[i] == stage)
                sorted[filled++] = i;
    return sorted;
}

/* A need that another need waits for (in the end) goes without saying. */
static void reduce(drawing *d)
{
    size_t *sorted = by_stage(d->taskfile), count = d->count;
    bool *before = dd_calloc(count * count, sizeof(*before)); /* [i * count + j]: j ends before i starts */

    for (size_t at = 0; at < count; at++) {
        size_t i = sorted[at];
        const dd_step *step = &d->taskfile->steps[i];

        for (size_t j = 0; j < step->need_count; j++)
            for (size_t k = 0; k < count; k++)
                before[i * count + k] |= before[step->needs[j] * count + k];
        for (size_t j = 0; j < step->need_count; j++)
            if (!before[i * count + step->needs[j]])
                add(&d->needs[i], step->needs[j]);
        for (size_t j = 0; j < step->need_count; j++)
            before[i * count + step->needs[j]] = true;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < d->needs[i].count; j++)
            add(&d->waiters[d->needs[i].items[j]], i);
    free(before);
    free(sorted);
}

/* ---- Rows ---- */

/* The lanes as they are, passing by. Room is left for a step at the right. */
static unsigned char *new_row(drawing *d, size_t step)
{
    dd_rails *rails = d->rails;
    size_t length = 2 * d->lane_count + 1;
    unsigned char *cells = dd_calloc(length, 1);

    for (size_t i = 0; i < d->lane_count; i++)
        if (d->lanes[i].count)
            cells[2 * i] = DD_UP | DD_DOWN;
    if (rails->count == rails->capacity) {
        rails->capacity = rails->capacity ? 2 * rails->capacity : 64;
        rails->rows = dd_reallocarray(rails->rows, rails->capacity, sizeof(*rails->rows));
    }
    rails->rows[rails->count++] = (dd_rails_row){cells, length, step};
    return cells;
}

/* A line through all columns that take part; what it crosses on its way stays as it is. */
static void join(unsigned char *cells, const bool *part, size_t columns)
{
    size_t first = columns, last = 0;

    for (size_t i = 0; i < columns; i++)
        if (part[i]) {
            first = i < first ? i : first;
            last = i;
        }
    for (size_t i = 2 * first; i <= 2 * last; i++) {
        if (i % 2 == 0 && !part[i / 2] && cells[i])
            continue;
        if (i > 2 * first)
            cells[i] |= DD_LEFT;
        if (i < 2 * last)
            cells[i] |= DD_RIGHT;
    }
}

static bool add_column(drawing *d)
{
    if (d->lane_count >= d->most) {
        d->too_wide = true;
        return false;
    }
    d->lanes = dd_reallocarray(d->lanes, d->lane_count + 1, sizeof(*d->lanes));
    d->lanes[d->lane_count++] = (set){0};
    return true;
}

/* The first that no lane is in. */
static size_t free_column(drawing *d)
{
    size_t i = 0;

    while (i < d->lane_count && d->lanes[i].count)
        i++;
    if (i == d->lane_count)
        add_column(d);
    return i;
}

/* ---- Into a step ---- */

/* The column where the step (or several that hang together) stands: of the first lane that ends there, or a
 * new one. */
static size_t column_for(drawing *d, size_t step, size_t group, bool *ret_new)
{
    *ret_new = false;
    for (size_t i = 0; i < d->lane_count; i++)
        if (has(&d->lanes[i], step) && d->lanes[i].count == group)
            return i;
    *ret_new = true;
    return free_column(d);
}

/* The lines from all lanes that lead to the step, in one row; lanes that end there are gone behind it. */
static void draw_needs(drawing *d, const size_t *steps, size_t group, size_t column, bool is_new)
{
    bool *part = dd_calloc(d->lane_count, sizeof(*part));
    size_t others = 0;

    for (size_t i = 0; i < d->lane_count; i++) {
        part[i] = i == column || has(&d->lanes[i], steps[0]);
        others += part[i] && i != column;
    }
    if (others) {
        unsigned char *cells = new_row(d, DD_NO_STEP);

        for (size_t i = 0; i < d->lane_count; i++)
            if (part[i] && d->lanes[i].count == group)
                cells[2 * i] = DD_UP;
        cells[2 * column] = (unsigned char)(is_new ? DD_DOWN : DD_UP | DD_DOWN);
        join(cells, part, d->lane_count);
    }
    for (size_t i = 0; i < d->lane_count; i++)
        for (size_t j = 0; j < group; j++)
            drop(&d->lanes[i], steps[j]);
    free(part);
}

/* ---- Out of it ---- */

/* The lanes that lead to the same as this one flow into it. */
static void merge_into(drawing *d, size_t lane)
{
    bool *part = dd_calloc(d->lane_count, sizeof(*part));
    size_t others = 0;

    for (size_t i = lane; i < d->lane_count; i++) {
        part[i] = same(&d->lanes[i], &d->lanes[lane]);
        others += part[i] && i != lane;
    }
    if (others) {
        unsigned char *cells = new_row(d, DD_NO_STEP);

        for (size_t i = lane + 1; i < d->lane_count; i++)
            if (part[i]) {
                cells[2 * i] = DD_UP;
                clear(&d->lanes[i]);
            }
        join(cells, part, d->lane_count);
    }
    free(part);
}

/* Lanes that lead to the same are one from here on. */
static void merge_lanes(drawing *d)
{
    for (size_t i = 0; i < d->lane_count; i++)
        if (d->lanes[i].count)
            merge_into(d, i);
    while (d->lane_count && !d->lanes[d->lane_count - 1].count)
        clear(&d->lanes[--d->lane_count]);
}

static void lead_on(drawing *d, size_t column, const set *to)
{
    for (size_t i = 0; i < to->count; i++)
        add(&d->lanes[column], to->items[i]);
    merge_lanes(d);
}

/* What the last row has in the column, when it is a step's. */
static unsigned char above(const drawing *d, size_t column)
{
    const dd_rails_row *row = d->rails->count ? &d->rails->rows[d->rails->count - 1] : NULL;

    return row && row->step != DD_NO_STEP && 2 * column < row->length ? row->cells[2 * column] : 0;
}

static void draw_one(drawing *d, size_t step)
{
    bool is_new;
    size_t column = column_for(d, step, 1, &is_new);

    if (d->too_wide)
        return;
    draw_needs(d, &step, 1, column, is_new);
    /* Right beneath a step stands one that waits for it: this one does not. */
    if (!d->needs[step].count && above(d, column) == DD_NODE)
        new_row(d, DD_NO_STEP);
    new_row(d, step)[2 * column] = DD_NODE;
    lead_on(d, column, &d->waiters[step]);
}

/* Several with the same needs and the same waiters. */
static void draw_group(drawing *d, const size_t *steps, size_t group)
{
    bool *part, is_new, from_above = d->needs[steps[0]].count > 0, goes_on = d->waiters[steps[0]].count > 0;
    size_t column = column_for(d, steps[0], group, &is_new), side;

    if (d->too_wide)
        return;
    draw_needs(d, steps, group, column, is_new);
    side = d->lane_count;
    while (side > column + 1 && !d->lanes[side - 1].count)
        side--;
    if (side == d->lane_count && !add_column(d)) /* gone again with merge_lanes */
        return;
    part = dd_calloc(d->lane_count, sizeof(*part));
    /* Leaves of one line look as if they ran at once, and these wait for those above. */
    if (from_above && above(d, column) == (DD_UP | DD_DOWN | DD_RIGHT))
        new_row(d, DD_NO_STEP)[2 * column] = DD_UP | DD_DOWN;
    for (size_t i = 0; i < group; i++) {
        unsigned char *cells = new_row(d, steps[i]);

        cells[2 * column] = 0;
        if (from_above || i > 0)
            cells[2 * column] |= DD_UP;
        if (goes_on || i + 1 < group)
            cells[2 * column] |= DD_DOWN;
        part[column] = part[side] = true;
        join(cells, part, d->lane_count);
        cells[2 * side] = DD_NODE;
    }
    free(part);
    lead_on(d, column, &d->waiters[steps[0]]);
}

/* ---- The order ---- */

static bool is_ready(const drawing *d, size_t step)
{
    for (size_t i = 0; i < d->needs[step].count; i++)
        if (!d->drawn[d->needs[step].items[i]])
            return false;
    return !d->drawn[step];
}

static size_t next_step(const drawing *d, size_t last)
{
    const size_t *stage_of = d->taskfile->stage_of;
    size_t ret = DD_NO_STEP;

    for (size_t i = 0; d->order == BY_WAY && last != DD_NO_STEP && i < d->waiters[last].count; i++)
        if (is_ready(d, d->waiters[last].items[i]))
            return d->waiters[last].items[i];
    for (size_t i = 0; i < d->count; i++)
        if (is_ready(d, i) && (ret == DD_NO_STEP || (d->order == BY_STAGE && stage_of[i] < stage_of[ret])))
            ret = i;
    return ret;
}

static size_t collect_group(const drawing *d, size_t step, size_t *group)
{
    size_t count = 0;

    for (size_t i = 0; i < d->count; i++)
        if (i == step ||
            (!d->drawn[i] && same(&d->needs[i], &d->needs[step]) && same(&d->waiters[i], &d->waiters[step])))
            group[count++] = i;
    return count;
}

static void draw(drawing *d)
{
    size_t *group = dd_calloc(d->count, sizeof(*group));
    size_t last = DD_NO_STEP, step;

    while (!d->too_wide && (step = next_step(d, last)) != DD_NO_STEP) {
        size_t count = collect_group(d, step, group);

        for (size_t i = 0; i < count; i++)
            d->drawn[group[i]] = true;
        if (count > 1)
            draw_group(d, group, count);
        else
            draw_one(d, step);
        last = step;
    }
    free(group);
}

/* ---- The choice ---- */

/* Empty cells at the right are none; the widest row is the width. */
static void trim(dd_rails *rails)
{
    for (size_t i = 0; i < rails->count; i++) {
        dd_rails_row *row = &rails->rows[i];

        while (row->length && !row->cells[row->length - 1])
            row->length--;
        rails->width = row->length > rails->width ? row->length : rails->width;
    }
}

/* The less there is to follow, the better: lines, and above all those that cross others. */
static size_t cost_of(const dd_rails *rails)
{
    size_t cost = 0;

    for (size_t i = 0; i < rails->count; i++)
        for (size_t j = 0; j < rails->rows[i].length; j++) {
            unsigned char cell = rails->rows[i].cells[j];
            bool crosses = cell == (DD_UP | DD_DOWN) && j > 0 && (rails->rows[i].cells[j - 1] & DD_RIGHT);

            cost += (cell ? 1U : 0U) + (crosses ? 4U : 0U);
        }
    return cost;
}

static bool draw_by(const drawing *graph, drawing_order order, dd_rails *ret)
{
    drawing d = *graph;

    *ret = (dd_rails){0};
    d.order = order;
    d.rails = ret;
    d.drawn = dd_calloc(d.count, sizeof(*d.drawn));
    draw(&d);
    for (size_t i = 0; i < d.lane_count; i++)
        clear(&d.lanes[i]);
    free(d.lanes);
    free(d.drawn);
    trim(ret);
    if (d.too_wide)
        dd_rails_done(ret);
    return !d.too_wide;
}

bool dd_rails_draw(const dd_taskfile *taskfile, size_t most, dd_rails *ret)
{
    size_t count = taskfile->step_count;
    drawing d = {.taskfile = taskfile, .count = count, .most = (most + 1) / 2};
    bool any = false;

    dd_assert(count <= DD_RAILS_MOST_STEPS);
    *ret = (dd_rails){0};
    d.needs = dd_calloc(count, sizeof(*d.needs));
    d.waiters = dd_calloc(count, sizeof(*d.waiters));
    reduce(&d);
    for (drawing_order order = BY_FILE; order < ORDERS; order++) {
        dd_rails rails;

        if (!draw_by(&d, order, &rails))
            continue;
        if (any && cost_of(&rails) >= cost_of(ret)) {
            dd_rails_done(&rails);
            continue;
        }
        dd_rails_done(ret);
        *ret = rails;
        any = true;
    }
    for (size_t i = 0; i < count; i++) {
        clear(&d.needs[i]);
        clear(&d.waiters[i]);
    }
    free(d.needs);
    free(d.waiters);
    return any;
}

void dd_rails_done(dd_rails *rails)
{
    for (size_t i = 0; i < rails->count; i++)
        free(rails->rows[i].cells);
    free(rails->rows);
    *rails = (dd_rails){0};
}
