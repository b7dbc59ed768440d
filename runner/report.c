/* What a run has made and what that was built from. */
#include "executor_private.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

void dd_report_image(dd_executor *executor, const char *reference, const char *digest)
{
    dd_run_result *result = executor->result;
    dd_image_report *image = NULL;

    for (size_t i = 0; i < result->image_count; i++)
        if (dd_str_eq(result->images[i].reference, reference))
            image = &result->images[i];
    if (!image) {
        result->images = dd_reallocarray(result->images, result->image_count + 1, sizeof *result->images);
        image = &result->images[result->image_count++];
        *image = (dd_image_report){.reference = dd_strdup(reference)};
    }
    if (digest) {
        free(image->digest);
        image->digest = dd_strdup(digest);
    }
}

static void add_base(dd_run_result *result, const char *reference, const char *digest, bool runtime)
{
    dd_base_use *base = NULL;

    for (size_t i = 0; i < result->base_count; i++)
        if (dd_str_eq(result->bases[i].reference, reference))
            base = &result->bases[i];
    if (!base) {
        result->bases = dd_reallocarray(result->bases, result->base_count + 1, sizeof *result->bases);
        base = &result->bases[result->base_count++];
        *base = (dd_base_use){.reference = dd_strdup(reference), .digest = dd_strdup(digest)};
    }
    base->runtime = base->runtime || runtime;
}

/* A base by digest never moves, and one that the run has built itself is no base from outside. */
void dd_report_bases(dd_executor *executor, const dd_step_run *run)
{
    for (size_t i = 0; i < run->base_count; i++) {
        const dd_build_base *base = &run->bases[i];
        if (!base->outside || base->reference->digest || !base->reference->tag)
            continue;
        if (base->digest)
            add_base(executor->result, base->reference->text, base->digest, base->runtime);
        else
            dd_executor_say(executor, run->step->id,
                            "warning: the digest of base %s is not known; its updates start no run",
                            base->reference->text);
    }
}

/* ---- The dependency report, with the reference's names (acr-tasks.md, 3.8) ---- */

static json_t *reference_to_json(const dd_reference *reference, const char *digest)
{
    return json_pack("{s:s, s:s, s:s?, s:s, s:s}", "registry", reference->registry, "repository",
                     reference->repository, "tag", reference->tag, "digest",
                     digest              ? digest
                     : reference->digest ? reference->digest
                                         : "",
                     "reference", reference->text);
}

static const char *pushed_digest(const dd_executor *executor, const char *reference)
{
    for (size_t i = 0; i < executor->result->image_count; i++)
        if (dd_str_eq(executor->result->images[i].reference, reference))
            return executor->result->images[i].digest;
    return NULL;
}

static json_t *image_to_json(const dd_executor *executor, const char *text)
{
    dd_auto(dd_reference) reference = NULL;

    if (!text || dd_reference_parse(text, &reference, NULL) < 0)
        return json_null();
    return reference_to_json(reference, pushed_digest(executor, text));
}

static json_t *dependency_to_json(const dd_executor *executor, const dd_step_run *run, const char *tag)
{
    json_t *runtime = NULL, *buildtime = json_array();

    for (size_t i = 0; i < run->base_count; i++) {
        json_t *base = reference_to_json(run->bases[i].reference, run->bases[i].digest);
        if (run->bases[i].runtime)
            runtime = base;
        else
            json_array_append_new(buildtime, base);
    }
    return json_pack("{s:o, s:o, s:o, s:{s:s}}", "image", image_to_json(executor, tag), "runtime-dependency",
                     runtime ? runtime : json_null(), "buildtime-dependency", buildtime, "git",
                     "git-head-revision", executor->checkout.commit ? executor->checkout.commit : "");
}

char *dd_report_dependencies(const dd_executor *executor)
{
    json_t *list = json_array();
    char *text, *ret;

    for (size_t i = 0; executor->steps && i < executor->taskfile->step_count; i++) {
        const dd_step_run *run = &executor->steps[i];
        if (run->step->kind != DD_STEP_BUILD || !run->deps)
            continue;
        for (size_t t = 0; t < run->tags.count; t++)
            json_array_append_new(list, dependency_to_json(executor, run, run->tags.items[t]));
        if (run->tags.count == 0)
            json_array_append_new(list, dependency_to_json(executor, run, NULL));
    }
    text = json_dumps(list, JSON_COMPACT);
    ret = dd_strdup(text);
    free(text);
    json_decref(list);
    return ret;
}
