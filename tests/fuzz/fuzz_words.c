/* Command lines: into words, and a build's into its parts. */
#include "runner/runner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer has no header for it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dd_auto_str text = dd_strndup((const char *)data, size);
    dd_auto(dd_strv) words = NULL;
    dd_auto(dd_build_args) args = NULL;
    dd_auto(dd_error) error = NULL;

    if (dd_words_split(text, &words, NULL) < 0)
        dd_assert(dd_build_args_parse(text, &args, NULL) < 0);
    else if (dd_build_args_parse(text, &args, &error) == 0)
        dd_assert(args->context && *args->context);
    return 0;
}
