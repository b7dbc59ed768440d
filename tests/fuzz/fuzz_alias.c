/* Aliases: any text as the rest of a file whose version has them; values of strangers never become templates.
 */
#include "runner/runner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer has no header for it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char head[] = "version: v1.1.0\n";
    dd_auto(dd_template_data) known = dd_template_data_new();
    dd_auto(dd_buf) output = NULL;
    dd_buf text = {0};

    dd_template_data_run(known, "ID", "ca1");
    dd_template_data_run(known, "Branch", "{{fail \"code\"}}`\"'");
    dd_buf_add(&text, head, sizeof(head) - 1);
    dd_buf_add(&text, data, size);
    if (dd_render(text.data, text.length, known, &output, NULL) == 0)
        dd_assert(output);
    dd_buf_done(&text);
    return 0;
}
