/* Templates: any text, with the data that the fixtures have. What has no action is only copied; rendered
 * again it is the same; the data is not changed by it. */
#include "tests/fuzz/checks.h"
#include <stdlib.h>

static const char values[] =
    "name: hello\nn: 5\nf: 2.5\nyes: true\nempty: ''\nnothing: null\nnested: {a: {b: deep}}\n"
    "list: [one, two, three]\nmap: {zeta: 1, alpha: 2}\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer has no header for it */

/* The text without what the reference prints for a missing value, and deletes. */
static char *without_no_value(const char *text, size_t length)
{
    static const char mark[] = "<no value>";
    dd_buf into = {0};

    for (size_t at = 0; at < length;) {
        const char *found = memmem(text + at, length - at, mark, sizeof(mark) - 1);
        size_t to = found ? (size_t)(found - text) : length;

        dd_buf_add(&into, text + at, to - at);
        at = to + (found ? sizeof(mark) - 1 : 0);
    }
    return dd_buf_steal(&into);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    dd_auto(dd_template_data) known = dd_template_data_new();
    dd_auto_str first = NULL;
    dd_auto_str second = NULL;
    dd_auto_str plain = NULL;
    int64_t began_ms = dd_monotonic_ms();
    bool done, again;

    dd_template_data_run(known, "ID", "ca1");
    dd_template_data_run(known, "Registry", "r.example.com");
    dd_template_data_secret(known, "token", "s3cr3t");
    dd_template_data_values(known, values, sizeof(values) - 1, "values.yaml", NULL);
    first = check_render(text, size, known, &done);
    if (is_of_the_moment(text, size) || is_slow(began_ms))
        return 0;
    second = check_render(text, size, known, &again);
    dd_assert(done == again && strcmp(first, second) == 0);
    if (done && !has(text, size, "{{") && !has(text, size, "version")) {
        plain = without_no_value(text, size);
        dd_assert(strcmp(first, plain) == 0);
    }
    return 0;
}
