/* Task files: rendered, read, ordered, printed in every form. Either a task file or errors, never both; each
 * problem has its place in the text; what was taken has an order. */
#include "tests/fuzz/checks.h"
#include <jansson.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer has no header for it */

#define COLUMNS 60

static void check_steps(const dd_taskfile *taskfile)
{
    for (size_t i = 0; i < taskfile->step_count; i++) {
        const dd_step *step = &taskfile->steps[i];

        dd_assert(step->id && *step->id && step->timeout_s > 0 && step->retries >= 0 && step->repeat >= 0);
        dd_assert((step->kind == DD_STEP_PUSH) == (step->command == NULL));
        for (size_t j = 0; j < step->need_count; j++) {
            size_t need = step->needs[j];

            dd_assert(need < taskfile->step_count && need != i && (j == 0 || step->needs[j - 1] < need));
            dd_assert(taskfile->stage_of[need] < taskfile->stage_of[i]);
        }
    }
}

/* Nothing of a file reaches a terminal that it would obey, nor past its width. */
static void check_drawing(const char *drawn)
{
    for (size_t length; *drawn; drawn += length + (drawn[length] == '\n')) {
        length = strcspn(drawn, "\n");
        dd_assert(length <= COLUMNS);
        for (size_t i = 0; i < length; i++)
            dd_assert(drawn[i] >= 0x20 && drawn[i] < 0x7f);
    }
}

static void check_forms(const dd_taskfile *taskfile)
{
    const dd_screen screen = {.columns = COLUMNS};
    dd_auto_str json = dd_taskfile_to_json(taskfile);
    dd_auto_str dot = dd_taskfile_to_dot(taskfile);
    dd_auto_str drawn = dd_taskfile_to_text(taskfile, &screen);
    json_t *parsed = json_loads(json, 0, NULL);
    size_t in_stages = 0, i;
    json_t *stage;

    dd_assert(parsed && json_array_size(json_object_get(parsed, "steps")) == taskfile->step_count);
    json_array_foreach(json_object_get(parsed, "stages"), i, stage) in_stages += json_array_size(stage);
    dd_assert(in_stages == taskfile->step_count && *dot);
    check_drawing(drawn);
    json_decref(parsed);
}

static void check_problems(const dd_problems *problems, const char *text, size_t length)
{
    dd_auto_str json = dd_problems_to_json(problems);
    json_t *parsed = json_loads(json, 0, NULL);

    dd_assert(parsed);
    json_decref(parsed);
    for (size_t i = 0; i < problems->error_count; i++)
        check_place(problems->errors[i], text, length);
    for (size_t i = 0; i < problems->warning_count; i++)
        check_place(problems->warnings[i], text, length);
}

static void load(const char *text, size_t length, bool lint)
{
    const dd_taskfile_options options = {.lint = lint};
    dd_auto(dd_template_data) known = dd_template_data_new();
    dd_auto(dd_taskfile) taskfile = NULL;
    dd_auto(dd_problems) problems = NULL;
    int result = dd_taskfile_load(text, length, known, &options, &taskfile, &problems);

    dd_assert((result == 0) == (problems->error_count == 0) && (result == 0) == (taskfile != NULL));
    check_problems(problems, text, length);
    if (taskfile) {
        check_steps(taskfile);
        check_forms(taskfile);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    load((const char *)data, size, false);
    load((const char *)data, size, true);
    return 0;
}
