/* A container engine for tests. */
#include "tests/support/engine.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MS 120000

static void require(bool kept, const char *what, const char *why)
{
    if (kept)
        return;
    fprintf(stderr, "test engine: %s: %s\n", what, why);
    abort();
}

char *test_output(const char *const *argv)
{
    dd_spawn spawn = DD_SPAWN_INIT;
    dd_spawn_result result = {0};
    char *ret;

    spawn.argv = argv;
    require(dd_spawn_wait(&spawn, 1024 * 1024, TIMEOUT_MS, &result, NULL) == 0, argv[0],
            "did not start or end");
    require(result.exit_code == 0, argv[0], result.error->length ? result.error->data : "failed");
    ret = dd_buf_steal(result.output);
    dd_spawn_result_done(&result);
    return ret;
}

/* `engine env` prints lines of a shell; its values are paths without anything to quote. */
static void take_exports(char *text)
{
    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *value = strchr(line, '=');
        if (!dd_str_starts(line, "export ") || !value)
            continue;
        *value++ = '\0';
        setenv(line + strlen("export "), value, 1);
    }
}

void test_engine_start(const char *directory)
{
    dd_auto_str exports = TEST_OUTPUT(DD_SOURCE_DIR "/deploy/engine", "env", directory);

    take_exports(exports);
    test_engine_base("0");
}

void test_engine_stop(const char *directory)
{
    free(TEST_OUTPUT("podman", "rmi", "--force", TEST_BASE_IMAGE));
    free(TEST_OUTPUT(DD_SOURCE_DIR "/deploy/engine", "remove", directory));
}

void test_engine_base(const char *patch)
{
    free(TEST_OUTPUT(DD_SOURCE_DIR "/deploy/base-image", "drydock-test/busybox:1", "--patch", patch));
}

static void assert_empty(char *output, const char *what)
{
    require(output[strspn(output, " \n")] == '\0', what, output);
    free(output);
}

/* None of any attempt at the run. */
static void assert_no_cgroup(const char *run)
{
    dd_auto_str part = dd_sprintf("-%s-", run);
    DIR *dir = opendir("/sys/fs/cgroup"), *attempts;
    struct dirent *entry, *attempt;

    while (dir && (entry = readdir(dir))) {
        dd_auto_str path = dd_sprintf("/sys/fs/cgroup/%s/drydock", entry->d_name);
        attempts = opendir(path);
        while (attempts && (attempt = readdir(attempts)))
            require(!strstr(attempt->d_name, part), "left behind", attempt->d_name);
        if (attempts)
            closedir(attempts);
    }
    if (dir)
        closedir(dir);
}

void test_engine_assert_clean(const char *run)
{
    dd_auto_str label = dd_sprintf("--filter=label=io.drydock.run=%s", run);
    dd_auto_str external = TEST_OUTPUT("podman", "ps", "--all", "--external", "--format", "{{.Names}}");

    assert_empty(TEST_OUTPUT("podman", "ps", "--all", "--quiet", label), "containers left behind");
    assert_empty(TEST_OUTPUT("podman", "network", "ls", "--quiet", label), "networks left behind");
    require(!strstr(external, "working-container"), "working containers left behind", external);
    assert_no_cgroup(run);
}
