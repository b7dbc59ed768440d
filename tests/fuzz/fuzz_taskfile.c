/* Task files: rendered, read, ordered, printed. Either a task file or errors, never both. */
#include "runner/runner.h"
#include <stdlib.h>

static void check(const dd_taskfile *taskfile)
{
    for (size_t i = 0; i < taskfile->step_count; i++)
        for (size_t j = 0; j < taskfile->steps[i].need_count; j++) {
            size_t need = taskfile->steps[i].needs[j];

            dd_assert(need < taskfile->step_count && need != i);
            dd_assert(taskfile->stage_of[need] < taskfile->stage_of[i]);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer has no header for it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dd_auto(dd_template_data) known = dd_template_data_new();
    dd_auto(dd_taskfile) taskfile = NULL;
    dd_auto(dd_problems) problems = NULL;
    int result = dd_taskfile_load((const char *)data, size, known, NULL, &taskfile, &problems);

    dd_assert((result == 0) == (problems->error_count == 0) && (result == 0) == (taskfile != NULL));
    if (taskfile) {
        check(taskfile);
        free(dd_taskfile_to_json(taskfile));
    }
    free(dd_problems_to_json(problems));
    return 0;
}
