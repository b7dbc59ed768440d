/* Dockerfiles: what they are built from. */
#include "runner/runner.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer has no header for it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dd_auto(dd_strv) build_args = dd_strv_new();
    dd_auto(dd_deps) deps = NULL;
    dd_auto(dd_error) error = NULL;

    dd_strv_add(build_args, "V=3");
    if (dd_deps_scan((const char *)data, size, build_args, NULL, &deps, &error) < 0) {
        dd_assert(error && !deps);
        return 0;
    }
    for (size_t i = 1; i < deps->buildtime_count; i++)
        dd_assert(strcmp(deps->buildtime[i - 1]->text, deps->buildtime[i]->text) < 0);
    free(dd_deps_to_json(deps));
    return 0;
}
