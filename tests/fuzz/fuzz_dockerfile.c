/* Dockerfiles: what they are built from. References are whole, sorted and each there once; the JSON is JSON;
 * line endings change nothing; an error has its place in the text. */
#include "runner/runner.h"
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

/* The answer as text, of an error too. */
static char *scan(const char *text, size_t length, const char *target)
{
    dd_auto(dd_strv) build_args = dd_strv_new();
    dd_auto(dd_deps) deps = NULL;
    dd_auto(dd_error) error = NULL;

    dd_strv_add(build_args, "V=3");
    dd_strv_add(build_args, "EMPTY=");
    dd_strv_add(build_args, "BASE=alpine:3");
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
