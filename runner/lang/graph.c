/* Which step waits for which: `when` resolved, cycles found and named, stages. No recursion that a file could
 * drive deep, and linear but for the sorting of each step's needs. */
#include "runner/lang/taskfile_private.h"
#include <stdlib.h>
#include <string.h>

#define STEP_KINDS (DD_STEP_PUSH + 1)
#define SHOWN_IDS  20
#define HINT_NAMES 256 /* among so many ids a hint is no help */

typedef struct graph {
    const dd_reader *reader;
    dd_taskfile *taskfile;
    const dd_yaml_node *nodes; /* the list of steps as it was written */
    size_t *slots;             /* ids by hash: index + 1 */
    size_t slot_count;         /* a power of two */
    size_t need_total;
    struct {
        size_t *steps; /* those that are resolved: the earlier ones of the one in hand */
        size_t count;
    } of_kind[STEP_KINDS];
    size_t *open;     /* per step: how many of its needs are not in order yet */
    size_t *seen;     /* per step: the search for cycles that came by, from 1 */
    size_t *waiters;  /* who waits for each step: lists in one array */
    size_t *waits_at; /* per step: where its list begins; one more at the end */
} graph;

static void problem(const graph *g, size_t index, const char *property, const char *hint, const char *format,
                    ...) DD_PRINTF(5, 6);

static void problem(const graph *g, size_t index, const char *property, const char *hint, const char *format,
                    ...)
{
    dd_auto_str path = dd_sprintf("steps[%zu].%s", index, property);
    dd_auto_str message = NULL;
    va_list args;

    va_start(args, format);
    message = dd_vsprintf(format, args);
    va_end(args);
    dd_problem_error(g->reader->problems, dd_property_place(g->nodes->items[index], property), path, hint,
                     "%s", message);
}

/* ---- Ids by hash ---- */

static size_t *slot_of(const graph *g, const char *id)
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a */
    size_t at;

    for (const char *c = id; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211U;
    at = (size_t)(hash ^ hash >> 32) & (g->slot_count - 1);
    while (g->slots[at] && strcmp(g->taskfile->steps[g->slots[at] - 1].id, id) != 0)
        at = (at + 1) & (g->slot_count - 1);
    return &g->slots[at];
}

/* Every id once; a second one of the same name is an error, and the first keeps it. */
static void collect_ids(graph *g)
{
    g->slot_count = 16;
    while (g->slot_count < 2 * g->taskfile->step_count + 1)
        g->slot_count *= 2;
    g->slots = dd_calloc(g->slot_count, sizeof(*g->slots));
    for (size_t i = 0; i < g->taskfile->step_count; i++) {
        size_t *slot = slot_of(g, g->taskfile->steps[i].id);

        if (*slot)
            problem(g, i, "id", NULL, "the id '%s' is taken by steps[%zu]", g->taskfile->steps[i].id,
                    *slot - 1);
        else
            *slot = i + 1;
    }
}

/* ---- when → needs ---- */

static bool add_need(graph *g, size_t index, size_t need, size_t *capacity)
{
    dd_step *step = &g->taskfile->steps[index];

    if (g->need_total == DD_TASKFILE_MAX_NEEDS) {
        problem(g, index, "when", NULL, "the steps wait for more than %d others in all",
                DD_TASKFILE_MAX_NEEDS);
        return false;
    }
    g->need_total++;
    if (step->need_count == *capacity) {
        *capacity = *capacity ? *capacity * 2 : 4;
        step->needs = dd_reallocarray(step->needs, *capacity, sizeof(*step->needs));
    }
    step->needs[step->need_count++] = need;
    return true;
}

/* Whose name it is; STEP_KINDS: nobody's. */
static size_t kind_named(const char *name)
{
    size_t kind = 0;

    while (kind < STEP_KINDS && strcmp(dd_step_kind_name((dd_step_kind)kind), name) != 0)
        kind++;
    return kind;
}

static void warn_of_kind(const graph *g, size_t index, size_t kind)
{
    dd_auto(dd_strv) meant = dd_strv_new();
    dd_auto_str path = dd_sprintf("steps[%zu].when", index);
    dd_auto_str ids = NULL;
    const char *name = dd_step_kind_name((dd_step_kind)kind);
    size_t count = g->of_kind[kind].count;

    if (g->reader->problems->warning_count >= DD_TASKFILE_MAX_PROBLEMS)
        return;
    for (size_t i = 0; i < count && i < SHOWN_IDS; i++)
        dd_strv_add(meant, g->taskfile->steps[g->of_kind[kind].steps[i]].id);
    if (count > SHOWN_IDS)
        dd_strv_addf(meant, "%zu more", count - SHOWN_IDS);
    ids = dd_strv_join(meant, ", ");
    dd_problem_warning(g->reader->problems, dd_property_place(g->nodes->items[index], "when"), path,
                       "write the ids that are meant",
                       "'%s' is no step's id: every earlier %s step is meant (%s)", name, name, ids);
}

/* A name that is no id but a kind means every earlier step of that kind (acr-tasks.md, 9.3). Returns false
 * when it is none, or there is no such step. */
static bool add_kind(graph *g, size_t index, const char *name, size_t *capacity)
{
    size_t kind = kind_named(name);

    if (kind == STEP_KINDS || g->of_kind[kind].count == 0)
        return false;
    for (size_t i = 0; i < g->of_kind[kind].count; i++)
        if (!add_need(g, index, g->of_kind[kind].steps[i], capacity))
            return true;
    warn_of_kind(g, index, kind);
    return true;
}

static const char *nearest_id(const graph *g, size_t index, const char *name)
{
    const char *names[HINT_NAMES];
    size_t count = 0;

    if (g->reader->problems->error_count >= DD_TASKFILE_MAX_PROBLEMS)
        return NULL;
    for (size_t i = 0; i < g->taskfile->step_count && count < HINT_NAMES; i++)
        if (i != index)
            names[count++] = g->taskfile->steps[i].id;
    return dd_str_nearest(name, names, count);
}

static void fail_unknown(const graph *g, size_t index, const char *name)
{
    const char *nearest = nearest_id(g, index, name);
    dd_auto_str hint = nearest ? dd_sprintf("did you mean %s?", nearest) : NULL;

    if (kind_named(name) < STEP_KINDS)
        problem(g, index, "when", hint, "no step is named '%s', and no earlier one is a %s step", name, name);
    else
        problem(g, index, "when", hint, "no step is named '%s'", name);
}

static void add_name(graph *g, size_t index, const char *name, size_t *capacity)
{
    const dd_step *step = &g->taskfile->steps[index];
    size_t found = *slot_of(g, name);

    if (strcmp(name, "-") == 0) {
        if (step->when.count > 1)
            problem(g, index, "when", NULL, "'-' (start at once) stands alone");
    } else if (found == index + 1) {
        problem(g, index, "when", NULL, "the step '%s' waits for itself", step->id);
    } else if (found) {
        add_need(g, index, found - 1, capacity);
    } else if (!*name) {
        problem(g, index, "when", NULL, "a name in `when` is empty");
    } else if (strcmp(name, "acb_root") != 0 && /* the reference's name of the start */
               !add_kind(g, index, name, capacity)) {
        fail_unknown(g, index, name);
    }
}

static int by_number(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return (x > y) - (x < y);
}

static void sort_needs(dd_step *step)
{
    size_t kept = 0;

    if (step->need_count < 2)
        return;
    qsort(step->needs, step->need_count, sizeof(*step->needs), by_number);
    for (size_t i = 0; i < step->need_count; i++)
        if (i == 0 || step->needs[i] != step->needs[kept - 1])
            step->needs[kept++] = step->needs[i];
    step->need_count = kept;
}

static void resolve_step(graph *g, size_t index)
{
    dd_step *step = &g->taskfile->steps[index];
    size_t capacity = 0;

    if (step->when.count == 0 && index > 0)
        add_need(g, index, index - 1, &capacity);
    for (size_t i = 0; i < step->when.count; i++)
        add_name(g, index, step->when.items[i], &capacity);
    sort_needs(step);
}

/* ---- Order ---- */

static void collect_waiters(graph *g)
{
    size_t count = g->taskfile->step_count, *fill;

    g->waits_at = dd_calloc(count + 2, sizeof(*g->waits_at));
    g->waiters = dd_calloc(g->need_total + 1, sizeof(*g->waiters));
    fill = g->waits_at + 1; /* each list's end so far, while the lists are filled */
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < g->taskfile->steps[i].need_count; j++)
            fill[g->taskfile->steps[i].needs[j] + 1]++;
    for (size_t i = 1; i <= count; i++)
        fill[i] += fill[i - 1];
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < g->taskfile->steps[i].need_count; j++)
            g->waiters[fill[g->taskfile->steps[i].needs[j]]++] = i;
}

/* Steps whose needs are all in order come next, each one stage behind its latest need. Returns how many came.
 */
static size_t order(graph *g)
{
    size_t count = g->taskfile->step_count, from = 0, to = 0;
    size_t *ready = dd_calloc(count + 1, sizeof(*ready)), *stage_of = g->taskfile->stage_of;

    for (size_t i = 0; i < count; i++)
        if ((g->open[i] = g->taskfile->steps[i].need_count) == 0)
            ready[to++] = i;
    while (from < to) {
        size_t done = ready[from++];

        for (size_t i = g->waits_at[done]; i < g->waits_at[done + 1]; i++) {
            size_t waiter = g->waiters[i];

            if (stage_of[waiter] < stage_of[done] + 1)
                stage_of[waiter] = stage_of[done] + 1;
            if (--g->open[waiter] == 0)
                ready[to++] = waiter;
        }
    }
    free(ready);
    return to;
}

/* ---- Cycles ---- */

/* A step that never became ready has a need that never did. */
static size_t open_need(const graph *g, size_t index)
{
    const dd_step *step = &g->taskfile->steps[index];

    for (size_t j = 0; j < step->need_count; j++)
        if (g->open[step->needs[j]])
            return step->needs[j];
    dd_assert(step->need_count == 0); /* never reached: such a step would have become ready */
    return index;
}

static void name_cycle(const graph *g, size_t start)
{
    dd_buf ids = {0};
    size_t at = start, count = 0;

    do {
        if (count++ < SHOWN_IDS)
            dd_buf_printf(&ids, "%s -> ", g->taskfile->steps[at].id);
        at = open_need(g, at);
    } while (at != start);
    if (count > SHOWN_IDS)
        dd_buf_printf(&ids, "%zu more -> ", count - SHOWN_IDS);
    problem(g, start, "when", "one of them must start without the others", "steps wait for each other: %s%s",
            ids.data, g->taskfile->steps[start].id);
    dd_buf_done(&ids);
}

/* From each open step along open needs: the way ends in a cycle, or where an earlier search came by. A cycle
 * is told at its first step. */
static void name_cycles(graph *g)
{
    for (size_t i = 0; i < g->taskfile->step_count; i++) {
        size_t at = i, first;

        while (g->open[at] && !g->seen[at]) {
            g->seen[at] = i + 1;
            at = open_need(g, at);
        }
        if (!g->open[at] || g->seen[at] != i + 1)
            continue;
        first = at;
        for (size_t on = open_need(g, at); on != at; on = open_need(g, on))
            first = on < first ? on : first;
        name_cycle(g, first);
    }
}

void dd_graph_resolve(const dd_reader *reader, const dd_yaml_node *steps)
{
    graph g = {.reader = reader, .taskfile = reader->taskfile, .nodes = steps};
    size_t count = g.taskfile->step_count;

    collect_ids(&g);
    for (size_t k = 0; k < STEP_KINDS; k++)
        g.of_kind[k].steps = dd_calloc(count + 1, sizeof(size_t));
    for (size_t i = 0; i < count; i++) {
        dd_step_kind kind = g.taskfile->steps[i].kind;

        resolve_step(&g, i);
        dd_assert(g.of_kind[kind].steps);
        g.of_kind[kind].steps[g.of_kind[kind].count++] = i;
    }
    collect_waiters(&g);
    g.open = dd_calloc(count + 1, sizeof(*g.open));
    g.seen = dd_calloc(count + 1, sizeof(*g.seen));
    g.taskfile->stage_of = dd_calloc(count + 1, sizeof(*g.taskfile->stage_of));
    if (order(&g) < count)
        name_cycles(&g);
    for (size_t k = 0; k < STEP_KINDS; k++)
        free(g.of_kind[k].steps);
    free(g.slots);
    free(g.waiters);
    free(g.waits_at);
    free(g.open);
    free(g.seen);
}
