/* Which step waits for which: `when` resolved, cycles found and named, stages. No recursion that a file could
 * drive deep, and linear but for the sorting of each step's needs. */
#include "runner/lang/taskfile_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- Ids by hash ---- */

typedef struct ids {
    const dd_taskfile *taskfile;
    size_t *slots; /* index + 1 */
    size_t size;
} ids;

static size_t *slot_of(const ids *table, const char *id)
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a */
    for (const char *c = id; *c; c++)
        hash = (hash ^ (uint64_t)(unsigned char)*c) * 1099511628211U;
    size_t i = (size_t)(hash ^ hash >> 32) & (table->size - 1);
    while (table->slots[i] && strcmp(table->taskfile->steps[table->slots[i] - 1].id, id) != 0)
        i = (i + 1) & (table->size - 1);
    return &table->slots[i];
}

/* Every id once; a second one of the same name is an error, and the first keeps it. */
static void collect_ids(ids *table, const dd_taskfile *taskfile, dd_problems *problems)
{
    table->taskfile = taskfile;
    table->size = 16;
    while (table->size < 2 * taskfile->step_count + 1)
        table->size *= 2;
    table->slots = dd_calloc(table->size, sizeof(*table->slots));
    for (size_t i = 0; i < taskfile->step_count; i++) {
        size_t *slot = slot_of(table, taskfile->steps[i].id);
        if (*slot) {
            dd_auto_str path = dd_sprintf("steps[%zu].id", i);
            dd_problem_error(problems, taskfile->steps[i].place, path, NULL,
                             "the id '%s' is step %zu's already", taskfile->steps[i].id, *slot - 1);
        } else {
            *slot = i + 1;
        }
    }
}

/* ---- when → needs ---- */

static void add_need(dd_step *step, size_t index, size_t *capacity)
{
    if (step->need_count == *capacity) {
        *capacity = *capacity ? *capacity * 2 : 4;
        step->needs = dd_reallocarray(step->needs, *capacity, sizeof(*step->needs));
    }
    step->needs[step->need_count++] = index;
}

/* A name that is no id but a kind means every earlier step of that kind (acr-tasks.md, 9.3). */
static bool add_kind(dd_taskfile *taskfile, size_t index, const char *name, const char *path,
                     size_t *capacity, dd_problems *problems)
{
    dd_auto(dd_strv) meant = dd_strv_new();
    for (size_t i = 0; i < index; i++) {
        if (strcmp(dd_step_kind_name(taskfile->steps[i].kind), name) != 0)
            continue;
        add_need(&taskfile->steps[index], i, capacity);
        if (meant->count < 8)
            dd_strv_add(meant, taskfile->steps[i].id);
    }
    if (!meant->count)
        return false;
    dd_auto_str list = dd_strv_join(meant, ", ");
    dd_problem_warning(problems, taskfile->steps[index].place, path, NULL,
                       "'%s' is no step's id: every earlier %s step is meant: %s", name, name, list);
    return true;
}

static const char *nearest_id(const dd_taskfile *taskfile, size_t index, const char *name)
{
    const char *names[256]; /* among so many names a hint is no help */
    size_t count = 0;
    for (size_t i = 0; i < taskfile->step_count && count < DD_COUNT(names); i++)
        if (i != index)
            names[count++] = taskfile->steps[i].id;
    return dd_str_nearest(name, names, count);
}

static void add_name(dd_taskfile *taskfile, const ids *table, size_t index, size_t which, size_t *capacity,
                     dd_problems *problems)
{
    dd_step *step = &taskfile->steps[index];
    const char *name = step->when.items[which];
    dd_auto_str path = dd_sprintf("steps[%zu].when[%zu]", index, which);
    size_t found = *slot_of(table, name);
    if (found == index + 1) {
        dd_problem_error(problems, step->place, path, NULL, "step '%s' waits for itself", step->id);
    } else if (found) {
        add_need(step, found - 1, capacity);
    } else if (strcmp(name, "-") == 0) {
        if (step->when.count > 1)
            dd_problem_error(problems, step->place, path, NULL,
                             "'-' (start at once) stands alone or not at all");
    } else if (strcmp(name, "acb_root") == 0) {
        return; /* the reference's name of the start */
    } else if (!*name) {
        dd_problem_error(problems, step->place, path, NULL, "an empty name");
    } else if (!add_kind(taskfile, index, name, path, capacity, problems)) {
        const char *nearest = nearest_id(taskfile, index, name);
        dd_auto_str hint = nearest ? dd_sprintf("is '%s' meant?", nearest) : NULL;
        dd_problem_error(problems, step->place, path, hint, "no step is named '%s'", name);
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

static void resolve_step(dd_taskfile *taskfile, const ids *table, size_t index, dd_problems *problems)
{
    dd_step *step = &taskfile->steps[index];
    size_t capacity = 0;
    if (step->when.count == 0 && index > 0)
        add_need(step, index - 1, &capacity);
    for (size_t i = 0; i < step->when.count; i++)
        add_name(taskfile, table, index, i, &capacity, problems);
    sort_needs(step);
}

/* ---- Order ---- */

/* Who waits for each step: lists in one array. */
typedef struct waiters {
    size_t *first; /* per step, into `items`; one more at the end */
    size_t *items;
} waiters;

static void collect_waiters(const dd_taskfile *taskfile, waiters *ret)
{
    size_t total = 0, count = taskfile->step_count;
    ret->first = dd_calloc(count + 2, sizeof(*ret->first));
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < taskfile->steps[i].need_count; j++, total++)
            ret->first[taskfile->steps[i].needs[j] + 2]++;
    for (size_t i = 2; i < count + 2; i++)
        ret->first[i] += ret->first[i - 1];
    ret->items = dd_calloc(total + 1, sizeof(*ret->items));
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < taskfile->steps[i].need_count; j++)
            ret->items[ret->first[taskfile->steps[i].needs[j] + 1]++] = i;
}

/* From any step that was never ready, going to such a need each time leads into a cycle: name it. */
static void name_cycle(const dd_taskfile *taskfile, const size_t *left, dd_problems *problems)
{
    size_t count = taskfile->step_count, at = 0;
    bool *seen = dd_calloc(count, sizeof(*seen));
    while (left[at] == 0)
        at++;
    while (!seen[at]) {
        seen[at] = true;
        const dd_step *step = &taskfile->steps[at];
        for (size_t j = 0; j < step->need_count; j++)
            if (left[step->needs[j]]) {
                at = step->needs[j];
                break;
            }
    }
    dd_buf path = {0};
    size_t start = at, steps = 0;
    do {
        const dd_step *step = &taskfile->steps[at];
        if (steps++ < 20)
            dd_buf_printf(&path, "%s → ", step->id);
        for (size_t j = 0; j < step->need_count; j++)
            if (left[step->needs[j]] && seen[step->needs[j]]) {
                at = step->needs[j];
                break;
            }
    } while (at != start && steps <= count);
    dd_auto_str where = dd_sprintf("steps[%zu].when", start);
    dd_problem_error(problems, taskfile->steps[start].place, where, NULL, "steps wait for each other: %s%s%s",
                     path.data, steps > 20 ? "… → " : "", taskfile->steps[start].id);
    dd_buf_done(&path);
    free(seen);
}

static void find_stages(dd_taskfile *taskfile, dd_problems *problems)
{
    size_t count = taskfile->step_count, from = 0, to = 0;
    size_t *left = dd_calloc(count + 1, sizeof(*left)), *ready = dd_calloc(count + 1, sizeof(*ready));
    waiters w;
    collect_waiters(taskfile, &w);
    taskfile->stage_of = dd_calloc(count + 1, sizeof(*taskfile->stage_of));
    for (size_t i = 0; i < count; i++)
        if ((left[i] = taskfile->steps[i].need_count) == 0)
            ready[to++] = i;
    while (from < to) {
        size_t done = ready[from++];
        for (size_t i = w.first[done]; i < w.first[done + 1]; i++) {
            size_t waiter = w.items[i], stage = taskfile->stage_of[done] + 1;
            if (stage > taskfile->stage_of[waiter])
                taskfile->stage_of[waiter] = stage;
            if (--left[waiter] == 0)
                ready[to++] = waiter;
        }
    }
    if (to < count)
        name_cycle(taskfile, left, problems);
    free(w.first);
    free(w.items);
    free(left);
    free(ready);
}

void dd_graph_resolve(dd_taskfile *taskfile, dd_problems *problems)
{
    ids table = {0};
    collect_ids(&table, taskfile, problems);
    for (size_t i = 0; i < taskfile->step_count; i++)
        resolve_step(taskfile, &table, i, problems);
    free(table.slots);
    find_stages(taskfile, problems);
}
