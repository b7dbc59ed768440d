/* The images among what a Dockerfile's target needs: its last base, and those it was made with. */
#include "runner/dockerfile_scan.h"
#include <stdlib.h>
#include <string.h>

static int fail_target(const dd_scan *scan, const char *target, dd_error **err)
{
    const char *names[64], *nearest;
    size_t count = 0;

    for (size_t i = 0; i < scan->count && count < DD_COUNT(names); i++)
        if (scan->stages[i]->name)
            names[count++] = scan->stages[i]->name;
    nearest = dd_str_nearest(target, names, count);
    dd_fail(err, DD_ERR_INVALID, "no stage is named '%s'", target);
    return nearest ? dd_hint(err, "did you mean %s?", nearest) : -1;
}

static int find_target(dd_scan *scan, const char *target, size_t *ret, dd_error **err)
{
    int64_t number;

    *ret = scan->count - 1;
    if (!target || !*target)
        return 0;
    if (dd_stage_find(scan, target, scan->count, ret, err) < 0)
        return -1;
    if (*ret == DD_NO_STAGE && dd_str_to_int(target, &number) && number >= 0 &&
        (uint64_t)number < scan->count)
        *ret = (size_t)number;
    return *ret == DD_NO_STAGE ? fail_target(scan, target, err) : 0;
}

static void mark_reached(const dd_scan *scan, size_t target, bool *reached)
{
    reached[target] = true;
    for (size_t i = target + 1; i > 0; i--) {
        const dd_stage *at = scan->stages[i - 1];

        if (!reached[i - 1])
            continue;
        if (at->base_stage != DD_NO_STAGE)
            reached[at->base_stage] = true;
        for (size_t j = 0; j < at->use_count; j++)
            reached[at->uses[j]] = true;
    }
}

/* Podman takes images from elsewhere than a registry, and no registry tells of their news. */
static bool is_from_elsewhere(const char *name)
{
    static const char *const transports[] = {
        "oci:", "oci-archive:", "docker-archive:", "docker-daemon:",     "dir:",
        "sif:", "tarball:",     "ostree:",         "containers-storage:"};

    for (size_t i = 0; i < DD_COUNT(transports); i++)
        if (dd_str_starts(name, transports[i]))
            return true;
    return false;
}

/* *ret stays NULL for what is no image of a registry: scratch, and podman's archives and directories. */
static int parse_image(const dd_base_image *from, dd_reference **ret, dd_error **err)
{
    static const char docker[] = "docker://"; /* podman's long way to say registry */
    const char *name = dd_str_starts(from->name, docker) ? from->name + strlen(docker) : from->name;
    dd_error *why = NULL;

    *ret = NULL;
    if (strcmp(name, "scratch") == 0 || dd_reference_parse(name, ret, &why) == 0)
        return 0;
    if (is_from_elsewhere(name)) {
        dd_error_free(why);
        return 0;
    }
    dd_fail_at(err, DD_ERR_INVALID, from->place, NULL, "%s", why->message);
    if (why->hint)
        dd_hint(err, "%s", why->hint);
    dd_error_free(why);
    return -1;
}

static int add_buildtime(const dd_base_image *from, dd_deps *deps, dd_error **err)
{
    dd_auto(dd_reference) reference = NULL;

    if (parse_image(from, &reference, err) < 0)
        return -1;
    if (!reference || (deps->runtime && strcmp(deps->runtime->text, reference->text) == 0))
        return 0;
    deps->buildtime = dd_reallocarray(deps->buildtime, deps->buildtime_count + 1, sizeof(dd_reference *));
    deps->buildtime[deps->buildtime_count++] = dd_take(reference);
    return 0;
}

static int add_images(const dd_stage *stage, dd_deps *deps, dd_error **err)
{
    if (stage->base_stage == DD_NO_STAGE && add_buildtime(&stage->base, deps, err) < 0)
        return -1;
    for (size_t i = 0; i < stage->image_count; i++)
        if (add_buildtime(&stage->images[i], deps, err) < 0)
            return -1;
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp((*(dd_reference *const *)a)->text, (*(dd_reference *const *)b)->text);
}

static void sort_buildtime(dd_deps *deps)
{
    size_t kept = 0;

    if (!deps->buildtime_count)
        return;
    qsort(deps->buildtime, deps->buildtime_count, sizeof(dd_reference *), by_text);
    for (size_t i = 0; i < deps->buildtime_count; i++) {
        if (kept && strcmp(deps->buildtime[kept - 1]->text, deps->buildtime[i]->text) == 0)
            dd_reference_free(deps->buildtime[i]);
        else
            deps->buildtime[kept++] = deps->buildtime[i];
    }
    deps->buildtime_count = kept;
}

/* The first stage, among those that count, that is wrong. */
static int check_reached(dd_scan *scan, size_t target, const bool *reached, dd_error **err)
{
    for (size_t i = 0; i <= target; i++)
        if (reached[i] && scan->stages[i]->error) {
            dd_error *error = dd_take(scan->stages[i]->error);

            if (err)
                *err = error;
            else
                dd_error_free(error);
            return -1;
        }
    return 0;
}

static int collect(dd_scan *scan, size_t target, const bool *reached, dd_deps *deps, dd_error **err)
{
    size_t origin = target;

    if (check_reached(scan, target, reached, err) < 0)
        return -1;
    while (scan->stages[origin]->base_stage != DD_NO_STAGE)
        origin = scan->stages[origin]->base_stage;
    if (parse_image(&scan->stages[origin]->base, &deps->runtime, err) < 0)
        return -1;
    for (size_t i = 0; i <= target; i++)
        if (reached[i] && add_images(scan->stages[i], deps, err) < 0)
            return -1;
    sort_buildtime(deps);
    return 0;
}

/* ---- Each place where one is named ---- */

void dd_image_uses_done(dd_image_uses *uses)
{
    for (size_t i = 0; i < uses->count; i++) {
        dd_image_use *use = &uses->items[i];

        free(use->name);
        free(use->as);
        free(use->platform);
        dd_reference_free(use->reference);
        free(use->id);
    }
    free(uses->items);
    *uses = (dd_image_uses){0};
}

/* What the target does not need may be wrong: it is not even parsed. */
static int add_use(const dd_base_image *image, bool reached, dd_image_uses *uses, dd_error **err)
{
    dd_image_use *use;

    uses->items = dd_reallocarray(uses->items, uses->count + 1, sizeof(*uses->items));
    use = &uses->items[uses->count++];
    *use = (dd_image_use){.place = image->place, .name = dd_strdup(image->name), .reached = reached};
    return reached ? parse_image(image, &use->reference, err) : 0;
}

static int add_stage_uses(const dd_stage *stage, bool reached, dd_image_uses *uses, dd_error **err)
{
    bool earlier = stage->base_stage != DD_NO_STAGE;

    if (add_use(&stage->base, reached && !earlier, uses, err) < 0)
        return -1;
    uses->items[uses->count - 1].reached = reached;
    uses->items[uses->count - 1].stage = earlier || dd_str_eq(stage->base.name, "scratch");
    uses->items[uses->count - 1].as = dd_strdup(stage->name);
    uses->items[uses->count - 1].platform = dd_strdup(stage->platform);
    for (size_t i = 0; i < stage->image_count; i++)
        if (add_use(&stage->images[i], reached, uses, err) < 0)
            return -1;
    return 0;
}

int dd_scan_collect(dd_scan *scan, const char *target, dd_deps *deps, dd_image_uses *uses, dd_error **err)
{
    bool *reached = dd_calloc(scan->count, sizeof(*reached));
    size_t index;
    int result = find_target(scan, target, &index, err);

    if (result == 0) {
        mark_reached(scan, index, reached);
        result = collect(scan, index, reached, deps, err);
    }
    for (size_t i = 0; uses && i < scan->count && result == 0; i++)
        result = add_stage_uses(scan->stages[i], reached[i], uses, err);
    free(reached);
    return result;
}
