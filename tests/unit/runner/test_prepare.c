/* The task file of a run: what a file may be and a run may not. */
#include "runner/executor_private.h"
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void ignore_line(void *context, const char *step, dd_stream stream, const char *text, size_t length)
{
    (void)context, (void)step, (void)stream, (void)text, (void)length;
}

static void write_steps(const char *directory, size_t count)
{
    dd_auto_str workspace = dd_path_join(directory, "workspace");
    dd_auto_str path = dd_path_join(workspace, "acr-task.yaml");
    FILE *file;

    assert_int_equal(mkdir(workspace, 0700), 0);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("steps:\n", file);
    for (size_t i = 0; i < count; i++)
        fputs("  - cmd: a\n", file);
    assert_int_equal(fclose(file), 0);
}

static void remove_steps(const char *directory)
{
    dd_auto_str workspace = dd_path_join(directory, "workspace");
    dd_auto_str path = dd_path_join(workspace, "acr-task.yaml");

    assert_int_equal(unlink(path) | rmdir(workspace) | rmdir(directory), 0);
}

/* Prepare a run of a file with so many steps; its result and error. */
static int prepare(size_t count, dd_error **err)
{
    char directory[] = "/tmp/drydock-prepare-XXXXXX";
    struct event_base *base = event_base_new();
    const dd_run_sink sink = {.log = ignore_line};
    dd_auto(dd_job) job = dd_new(dd_job);
    dd_executor *executor = NULL;
    int ret;

    assert_non_null(mkdtemp(directory));
    write_steps(directory, count);
    job->run = dd_strdup("r1");
    job->engine = dd_strdup("podman");
    job->directory = dd_strdup(directory);
    assert_int_equal(dd_executor_new(base, job, &sink, &executor, NULL), 0);
    ret = dd_prepare_taskfile(executor, err);
    dd_executor_free(executor);
    event_base_free(base);
    remove_steps(directory);
    return ret;
}

static void a_run_of_too_many_steps_is_refused_where_they_begin(void **state)
{
    dd_auto(dd_error) error = NULL;

    (void)state;
    assert_int_equal(prepare(DD_RUN_MAX_STEPS + 1, &error), -1);
    assert_int_equal(error->code, DD_ERR_LIMIT);
    assert_non_null(strstr(error->message, "1001 steps"));
    assert_int_equal(error->place.line, DD_RUN_MAX_STEPS + 2);
    assert_non_null(error->hint);
}

static void a_run_of_just_so_many_steps_is_taken(void **state)
{
    (void)state;
    assert_int_equal(prepare(DD_RUN_MAX_STEPS, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_of_too_many_steps_is_refused_where_they_begin),
        cmocka_unit_test(a_run_of_just_so_many_steps_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
