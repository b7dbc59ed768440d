/* A glob and a text, with a line break between: any pair ends soon, and a text without wildcards matches
 * itself. */
#include "config/config.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dd_auto_str glob = dd_strndup((const char *)data, size);
    char *text = strchr(glob, '\n');

    if (text)
        *text++ = '\0';
    dd_glob_match(glob, text ? text : "");
    dd_assert(strpbrk(glob, "*?[\\") || dd_glob_match(glob, glob));
    dd_assert(dd_glob_match("**", glob));
    return 0;
}
