/* Jobs and results as JSON from another process: what is taken can be written and taken again. */
#include "runner/runner.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dd_auto(dd_job) job = NULL;
    dd_auto(dd_run_result) result = NULL;

    if (dd_job_from_json((const char *)data, size, &job, NULL) == 0) {
        dd_auto_str text = dd_job_to_json(job);
        dd_auto(dd_job) again = NULL;
        dd_assert(dd_job_from_json(text, strlen(text), &again, NULL) == 0);
    }
    if (dd_run_result_from_json((const char *)data, size, &result, NULL) == 0) {
        dd_auto_str text = dd_run_result_to_json(result);
        dd_auto(dd_run_result) again = NULL;
        dd_assert(dd_run_result_from_json(text, strlen(text), &again, NULL) == 0);
    }
    return 0;
}
