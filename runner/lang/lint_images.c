/* Images that are pushed or run, against those that the task's own steps build: is there one, and is it
 * waited for? */
#include "runner/lang/lint_private.h"
#include <stdlib.h>
#include <string.h>

#define MOST_VISITS 5000000 /* of steps, over all searches: then no more is said */
#define NEAR_NAMES  256

typedef struct built {
    char *image;         /* normalised */
    const char *written; /* as it stands there */
    size_t step;
} built;

typedef struct images {
    const dd_lint *lint;
    built *built; /* by image, then by step */
    size_t count;
    dd_strv made_known; /* words of commands that may name what they build or tag, sorted */
    size_t *seen;       /* per step: the number of the last search that came by */
    size_t *stack;
    size_t searches, visits;
} images;

/* Two spellings of one image are one text; what is no reference (an empty registry's, say) stays as it is. */
static char *normal(const char *image)
{
    dd_auto(dd_reference) reference = NULL;

    if (dd_reference_parse(image, &reference, NULL) == 0)
        return dd_strdup(reference->text);
    return dd_sprintf("%s%s", image, strpbrk(image, ":@") ? "" : ":latest");
}

static int by_image(const void *a, const void *b)
{
    const built *left = a, *right = b;
    int order = strcmp(left->image, right->image);

    return order ? order : (left->step > right->step) - (left->step < right->step);
}

static void collect_built(images *x)
{
    const dd_taskfile *taskfile = x->lint->taskfile;
    size_t capacity = 0;

    for (size_t i = 0; i < taskfile->step_count; i++) {
        const dd_step *step = &taskfile->steps[i];

        for (size_t j = 0; step->kind == DD_STEP_BUILD && j < step->images.count; j++) {
            if (x->count == capacity) {
                capacity = capacity ? capacity * 2 : 16;
                x->built = dd_reallocarray(x->built, capacity, sizeof(*x->built));
            }
            x->built[x->count++] = (built){normal(step->images.items[j]), step->images.items[j], i};
        }
    }
    if (x->count)
        qsort(x->built, x->count, sizeof(*x->built), by_image);
}

/* `docker tag a b`, `--destination=b` and the like: a tool in a container may make any image that its
 * arguments name. */
static void collect_made_known(images *x)
{
    for (size_t i = 0; i < x->lint->taskfile->step_count; i++) {
        const dd_run_options *command = x->lint->commands[i];

        for (size_t j = 0; command && j < command->arguments.count; j++) {
            const char *word = command->arguments.items[j];
            const char *value = word[0] == '-' ? strchr(word, '=') : NULL;

            dd_strv_take(&x->made_known, normal(value ? value + 1 : word));
        }
    }
    dd_strv_sort(&x->made_known);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_made_known(const images *x, const char *image)
{
    return x->made_known.count &&
           bsearch(&image, x->made_known.items, x->made_known.count, sizeof(char *), by_text);
}

/* Those that build the image: [*ret, *ret + count). */
static size_t find(const images *x, const char *image, size_t *ret)
{
    size_t from = 0, to = x->count, count = 0;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (strcmp(x->built[middle].image, image) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    *ret = from;
    while (from + count < x->count && strcmp(x->built[from + count].image, image) == 0)
        count++;
    return count;
}

/* Does `step` start only after `other` has ended? When the searches have become too many: yes. */
static bool waits_for(images *x, size_t step, size_t other)
{
    const dd_step *steps = x->lint->taskfile->steps;
    size_t depth = 0;

    x->searches++;
    x->stack[depth++] = step;
    x->seen[step] = x->searches;
    while (depth) {
        const dd_step *at = &steps[x->stack[--depth]];

        if ((x->visits += at->need_count + 1) > MOST_VISITS)
            return true;
        for (size_t i = 0; i < at->need_count; i++) {
            if (at->needs[i] == other)
                return true;
            if (x->seen[at->needs[i]] == x->searches)
                continue;
            x->seen[at->needs[i]] = x->searches;
            x->stack[depth++] = at->needs[i];
        }
    }
    return false;
}

/* The images that are built, as a hint's choices. */
static const char *nearest(const images *x, const char *image)
{
    const char *names[NEAR_NAMES], *found;
    size_t count = 0, first = 0;

    for (size_t i = 0; i < x->count && count < NEAR_NAMES; i++)
        names[count++] = x->built[i].image;
    found = dd_str_nearest(image, names, count);
    return found && find(x, found, &first) ? x->built[first].written : NULL;
}

static void check_push(images *x, size_t index, const char *written)
{
    dd_auto_str image = normal(written);
    size_t first, count = find(x, image, &first);

    if (!count) {
        const char *near = nearest(x, image);
        dd_auto_str hint = near ? dd_sprintf("did you mean %s?", near) : NULL;

        if (!is_made_known(x, image))
            dd_lint_warn(x->lint, index, "push", hint, "no step builds %s", written);
        return;
    }
    for (size_t i = first; i < first + count; i++)
        if (waits_for(x, index, x->built[i].step))
            return;
    dd_auto_str hint = dd_sprintf("name '%s' under when:", x->lint->taskfile->steps[x->built[first].step].id);

    dd_lint_warn(x->lint, index, "push", hint, "%s is pushed without waiting for the step that builds it",
                 written);
}

/* A command before the build runs what was there before, which may be meant; one beside it, either. */
static void check_command(images *x, size_t index)
{
    const dd_run_options *command = x->lint->commands[index];
    dd_auto_str image = command ? normal(command->image) : NULL;
    size_t first, count = image ? find(x, image, &first) : 0;

    if (!count)
        return;
    for (size_t i = first; i < first + count; i++)
        if (waits_for(x, index, x->built[i].step) || waits_for(x, x->built[i].step, index))
            return;
    dd_auto_str hint = dd_sprintf("name '%s' under when:", x->lint->taskfile->steps[x->built[first].step].id);

    dd_lint_warn(x->lint, index, "cmd", hint, "%s is run without waiting for the step that builds it",
                 command->image);
}

/* No reference holds a '$': it stands where an alias was meant. */
static void check_dollar(const images *x, size_t index, const char *image)
{
    bool on = x->lint->reader->aliases_on;

    if (image && strchr(image, '$'))
        dd_lint_warn(x->lint, index, dd_step_kind_name(x->lint->taskfile->steps[index].kind),
                     on ? NULL : "write version: v1.1.0", "'%s' is no image: %s", image,
                     on ? "it names an alias that there is not" : "aliases are off before version v1.1.0");
}

void dd_lint_images(const dd_lint *lint)
{
    size_t count = lint->taskfile->step_count;
    images x = {.lint = lint};

    x.seen = dd_calloc(count, sizeof(*x.seen));
    x.stack = dd_calloc(count, sizeof(*x.stack));
    collect_built(&x);
    collect_made_known(&x);
    for (size_t i = 0; i < count; i++) {
        const dd_step *step = &lint->taskfile->steps[i];

        check_command(&x, i);
        check_dollar(&x, i, lint->commands[i] ? lint->commands[i]->image : NULL);
        for (size_t j = 0; j < step->images.count; j++)
            check_dollar(&x, i, step->images.items[j]);
        for (size_t j = 0; step->kind == DD_STEP_PUSH && j < step->images.count; j++)
            check_push(&x, i, step->images.items[j]);
    }
    for (size_t i = 0; i < x.count; i++)
        free(x.built[i].image);
    free(x.built);
    free(x.seen);
    free(x.stack);
    dd_strv_done(&x.made_known);
}
