/* What the language costs: task files of 30 to 100,000 steps rendered, read and ordered. Prints a table; the
 * goals stand beside the figures (README.md). Each size is measured in a child of its own, so that its peak
 * of memory is its own too. */
#include "runner/lang/taskfile_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MEASURED_SECONDS 0.5 /* a size is repeated until then */

typedef struct figures {
    double render_s, read_s; /* CPU, of one time */
} figures;

/* Beyond what a file may be: the goals are set beyond it too. */
static const dd_yaml_limits no_limits = {.bytes = SIZE_MAX, .nodes = SIZE_MAX};

static double cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* As such files are written: every third step builds, one pushes, one tests; each group starts at once. */
static void write_steps(dd_buf *into, size_t count)
{
    dd_buf_add_str(into, "version: v1.1.0\nstepTimeout: 900\nenv: [CI=true]\nsteps:\n");
    for (size_t i = 0; i < count; i += 3)
        dd_buf_printf(into,
                      "  - id: build-%zu\n"
                      "    build: -t $Registry/service-%zu:{{.Run.ID}} -f service/Dockerfile .\n"
                      "    when: [\"-\"]\n"
                      "  - id: test-%zu\n"
                      "    cmd: $Registry/service-%zu:{{.Run.ID}} --check 'all of it'\n"
                      "    env: [LEVEL=3]\n"
                      "    timeout: 300\n"
                      "  - id: push-%zu\n"
                      "    push: [\"$Registry/service-%zu:{{.Run.ID}}\"]\n"
                      "    when: [test-%zu, build-%zu]\n",
                      i, i, i, i, i, i, i, i);
}

static dd_template_data *run_data(void)
{
    dd_template_data *data = dd_template_data_new();

    dd_template_data_run(data, "ID", "ca1");
    dd_template_data_run(data, "Registry", "registry.example.com");
    return data;
}

static void must(bool is, const char *what)
{
    if (is)
        return;
    fprintf(stderr, "%s failed\n", what);
    exit(EXIT_FAILURE);
}

static void once(const dd_buf *text, const dd_template_data *data, size_t steps, figures *sum)
{
    dd_auto(dd_buf) rendered = NULL;
    dd_auto(dd_taskfile) taskfile = NULL;
    dd_auto(dd_problems) problems = NULL;
    double began = cpu_seconds(), between;

    must(dd_render(text->data, text->length, data, &rendered, NULL) == 0, "rendering");
    between = cpu_seconds();
    must(dd_taskfile_parse_within(rendered->data, rendered->length, &no_limits, &taskfile, &problems) == 0,
         "reading");
    sum->render_s += between - began;
    sum->read_s += cpu_seconds() - between;
    must(taskfile->step_count >= steps, "counting");
}

static figures measure(const dd_buf *text, size_t steps, bool often)
{
    dd_auto(dd_template_data) data = run_data();
    figures sum = {0};
    double began = cpu_seconds();
    int times = 0;

    do {
        once(text, data, steps, &sum);
        times++;
    } while (often && cpu_seconds() - began < MEASURED_SECONDS);
    return (figures){sum.render_s / times, sum.read_s / times};
}

/* In a child; its peak of memory is returned in KiB. `work` false: what a child has before. */
static long in_a_child(size_t steps, bool work, bool often)
{
    struct rusage usage;
    int status = 0;
    pid_t child;

    fflush(stdout); /* or the child prints it once more */
    child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
        dd_auto(dd_buf) text = dd_buf_new();

        write_steps(text, steps);
        if (work) {
            figures got = measure(text, steps, often);

            if (often)
                printf("%7zu  %9zu  %10.3f  %10.3f  %10.3f", steps, text->length, got.render_s * 1e3,
                       got.read_s * 1e3, (got.render_s + got.read_s) * 1e3);
        }
        fflush(stdout);
        _exit(EXIT_SUCCESS);
    }
    must(wait4(child, &status, 0, &usage) == child && status == 0, "a child");
    return usage.ru_maxrss;
}

static void measure_size(size_t steps)
{
    dd_auto(dd_buf) text = dd_buf_new();
    long before, after;

    in_a_child(steps, true, true);
    before = in_a_child(steps, false, false);
    after = in_a_child(steps, true, false);
    write_steps(text, steps);
    printf("  %8.1f  %9.1f\n", (double)(after - before) / 1024,
           (double)(after - before) * 1024 / (double)text->length);
}

int main(void)
{
    static const size_t sizes[] = {30, 1000, 10000, 100000};

    printf("  steps      bytes   render ms     read ms      all ms  peak MiB  peak/file\n");
    for (size_t i = 0; i < DD_COUNT(sizes); i++)
        measure_size(sizes[i]);
    return EXIT_SUCCESS;
}
