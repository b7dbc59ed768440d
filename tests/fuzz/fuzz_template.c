/* Templates: any text, with the data that the fixtures have. */
#include "runner/runner.h"

static const char values[] =
    "name: hello\nn: 5\nf: 2.5\nyes: true\nempty: ''\nnothing: null\nnested: {a: {b: deep}}\n"
    "list: [one, two, three]\nmap: {zeta: 1, alpha: 2}\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer has no header for it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dd_auto(dd_template_data) known = dd_template_data_new();
    dd_auto(dd_buf) output = NULL;
    dd_auto(dd_error) error = NULL;

    dd_template_data_run(known, "ID", "ca1");
    dd_template_data_run(known, "Registry", "r.example.com");
    dd_template_data_values(known, values, sizeof(values) - 1, "values.yaml", NULL);
    if (dd_render((const char *)data, size, known, &output, &error) == 0)
        dd_assert(output && !error);
    else
        dd_assert(error && error->message && !output);
    return 0;
}
