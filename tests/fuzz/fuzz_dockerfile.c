/* Dockerfiles: what they are built from. References are whole, sorted and each there once; the JSON is JSON;
 * line endings change nothing; an error has its place in the text. Written for the engine, the file names no
 * image but the ids that it was given. */
#include "runner/dockerfile_private.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer has no header for it */

static void check_reference(const dd_reference *reference)
{
    dd_auto(dd_reference) again = NULL;

    dd_assert(dd_reference_parse(reference->text, &again, NULL) == 0);
    dd_assert(dd_str_eq(again->text, reference->text) && dd_str_eq(again->registry, reference->registry) &&
              dd_str_eq(again->repository, reference->repository) && dd_str_eq(again->tag, reference->tag) &&
              dd_str_eq(again->digest, reference->digest));
}

static void check_deps(const dd_deps *deps)
{
    dd_auto_str json = dd_deps_to_json(deps);
    json_t *parsed = json_loads(json, 0, NULL);

    dd_assert(parsed && json_array_size(json_object_get(parsed, "buildtime")) == deps->buildtime_count);
    json_decref(parsed);
    if (deps->runtime)
        check_reference(deps->runtime);
    for (size_t i = 0; i < deps->buildtime_count; i++) {
        check_reference(deps->buildtime[i]);
        dd_assert(!deps->runtime || strcmp(deps->runtime->text, deps->buildtime[i]->text) != 0);
        dd_assert(i == 0 || strcmp(deps->buildtime[i - 1]->text, deps->buildtime[i]->text) < 0);
    }
}

static void check_error(const dd_error *error, const char *text, size_t length)
{
    const char *end = text + length;

    dd_assert(error && (error->code == DD_ERR_INVALID || error->code == DD_ERR_LIMIT));
    if (error->code == DD_ERR_LIMIT && !error->place.line)
        return;
    dd_assert(error->place.line >= 1 && error->place.column >= 1);
    for (int line = 1; line < error->place.line; line++) {
        text = memchr(text, '\n', (size_t)(end - text));
        dd_assert(text);
        text++;
    }
    dd_assert(error->place.column - 1 <= end - text);
}

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void add_build_args(dd_strv *into)
{
    dd_strv_add(into, "V=3");
    dd_strv_add(into, "EMPTY=");
    dd_strv_add(into, "BASE=alpine:3");
}

static void check_is_id(const dd_reference *reference)
{
    dd_assert(strcmp(reference->text, "docker.io/library/" ID ":latest") == 0);
}

static void check_pinned(const dd_buf *pinned)
{
    dd_auto(dd_strv) build_args = dd_strv_new();
    dd_auto(dd_deps) deps = NULL;

    add_build_args(build_args);
    dd_assert(dd_deps_scan(pinned->data, pinned->length, build_args, NULL, &deps, NULL) == 0);
    if (deps->runtime)
        check_is_id(deps->runtime);
    for (size_t i = 0; i < deps->buildtime_count; i++)
        check_is_id(deps->buildtime[i]);
}

/* What ONBUILD names is the engine's to find. */
static bool has_trigger(const char *text, size_t length)
{
    dd_auto_str copy = dd_strndup(text, length);

    return strcasestr(copy, "onbuild");
}

static void pin(const char *text, size_t length)
{
    dd_auto(dd_strv) build_args = dd_strv_new();
    dd_auto(dd_deps) deps = NULL;
    dd_auto(dd_buf) pinned = dd_buf_new();
    dd_image_uses uses = {0};

    add_build_args(build_args);
    if (dd_dockerfile_scan(text, length, build_args, NULL, &deps, &uses, NULL) == 0) {
        for (size_t i = 0; i < uses.count; i++)
            if (uses.items[i].reference)
                uses.items[i].id = dd_strdup(ID);
        if (dd_dockerfile_pin(text, length, &uses, true, pinned, NULL) == 0 && !has_trigger(text, length))
            check_pinned(pinned);
    }
    dd_image_uses_done(&uses);
}

/* The answer as text, of an error too. */
static char *scan(const char *text, size_t length, const char *target)
{
    dd_auto(dd_strv) build_args = dd_strv_new();
    dd_auto(dd_deps) deps = NULL;
    dd_auto(dd_error) error = NULL;

    add_build_args(build_args);
    if (dd_deps_scan(text, length, build_args, target, &deps, &error) == 0) {
        dd_assert(deps && !error);
        check_deps(deps);
        return dd_deps_to_json(deps);
    }
    dd_assert(!deps);
    if (!target)
        check_error(error, text, length);
    return dd_error_compiler_text(error, "Dockerfile");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    dd_auto_str answer = scan(text, size, NULL);
    dd_auto_str first = scan(text, size, "0");
    dd_auto_str final = scan(text, size, "final");
    dd_auto_str again = NULL;
    dd_buf other = {0};

    dd_assert(*first && *final);
    pin(text, size);
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n')
            dd_buf_add_char(&other, '\r');
        dd_buf_add_char(&other, text[i]);
    }
    again = scan(other.data ? other.data : "", other.length, NULL);
    dd_assert(memchr(text, '\0', size) || strcmp(answer, again) == 0);
    dd_buf_done(&other);
    return 0;
}
