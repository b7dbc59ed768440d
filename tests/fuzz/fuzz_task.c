/* A tasks file of any bytes: each task that is taken has a definition of its own, which reads back equal. */
#include "config/config.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const dd_task *task)
{
    dd_auto(dd_task) back = NULL;

    dd_assert(dd_task_parse(task->yaml, &back, NULL) == 0);
    dd_assert(dd_str_eq(task->yaml, back->yaml) && dd_str_eq(task->values, back->values));
    dd_assert(dd_str_eq(task->name, back->name) && dd_str_eq(task->context_text, back->context_text));
    dd_assert(dd_str_eq(task->file, back->file) && dd_str_eq(task->registry, back->registry));
    dd_assert(task->commit.on == back->commit.on && task->base_image == back->base_image);
    dd_assert(task->commit.paths.count == back->commit.paths.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dd_task **tasks = NULL;
    size_t count = 0;
    dd_auto(dd_error) err = NULL;

    if (dd_tasks_parse((const char *)data, size, "fuzz", &tasks, &count, &err) < 0) {
        dd_auto_str message = dd_error_text(err);

        dd_assert(err->code == DD_ERR_INVALID || err->code == DD_ERR_LIMIT);
        dd_assert(message[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        check(tasks[i]);
        dd_task_free(tasks[i]);
    }
    free(tasks);
    return 0;
}
