/* Aliases: any text as the rest of a file whose version has them. A stranger's value never becomes a
 * template; where no alias is named, nothing is changed; rendered again it is the same. */
#include "tests/fuzz/checks.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer has no header for it */

#define WITH    "version: v1.1.0\n"
#define WITHOUT "version: v1.0.0\n"
#define RAN     "a-stranger-was-obeyed"

static char *render(const char *head, const char *text, size_t length, bool *ret_done)
{
    dd_auto(dd_template_data) known = dd_template_data_new();
    dd_auto(dd_buf) whole = dd_buf_new();

    dd_template_data_run(known, "ID", "ca1");
    dd_template_data_run(known, "OSVersion", RAN);
    dd_template_data_run(known, "Branch", "{{.Run.OSVersion}}{{`\"'}}\\");
    dd_buf_add_str(whole, head);
    dd_buf_add(whole, text, length);
    return check_render(whole->data, whole->length, known, ret_done);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    dd_auto_str first = NULL;
    dd_auto_str second = NULL;
    int64_t began_ms = dd_monotonic_ms();
    bool done, again;

    first = render(WITH, text, size, &done);
    if (done && !has(text, size, "{{") && !has(text, size, RAN))
        dd_assert(!strstr(first, RAN));
    if (is_of_the_moment(text, size) || is_slow(began_ms))
        return 0;
    second = render(WITH, text, size, &again);
    dd_assert(done == again && strcmp(first, second) == 0);
    if (done && !has(text, size, "$") && !has(text, size, "alias")) {
        dd_auto_str other = render(WITHOUT, text, size, &again);

        dd_assert(again && strcmp(first + strlen(WITH), other + strlen(WITHOUT)) == 0);
    }
    return 0;
}
