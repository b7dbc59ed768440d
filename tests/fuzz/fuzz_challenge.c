/* WWW-Authenticate headers, one per line. */
#include "config/registry/challenge.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dd_challenge challenge = {0};
    dd_auto_str text = dd_strndup((const char *)data, size);
    for (char *line = text; line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        (void)!dd_challenge_read(line, &challenge, NULL);
        line = end ? end + 1 : NULL;
    }
    dd_assert(challenge.bearer || (!challenge.realm && !challenge.service));
    dd_challenge_done(&challenge);
    return 0;
}
