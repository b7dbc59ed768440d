/* Every property of tasks and steps has its cases: fixtures/lang/taskfiles/{task,step}-NAME[-…], at least one
 * that is taken and one that is refused.
 *
 * The cases are what the reference does, but for this. By acr-tasks.md, section 9: versions without 'v', one
 * text for a list of texts, kinds and later steps in `when`, quoted numbers and booleans, `downloadRetries`,
 * `dockerSocket`, shell operators and open quotes refused, one level of quotes off in env, null steps
 * refused. By our own decision, because such a file can only fail at run time or is a slip:
 * - refused: a network without a name or of another's, env without a name ("=x"), an empty image, a build
 * with two contexts or a flag without its value, null among exit codes, numbers beyond 2^31, a NUL character,
 * env of the task without '=' also where there are no steps;
 * - a step's env entry without '=' is left out, where nothing is merged: an engine would take the worker's;
 * - a negative startDelay and download delay are shown as the 0 that they mean;
 * - what is wrong under an unknown key (a tag that does not fit, a merge of no map) is refused there too, and
 * a property that is repeated is read the last time only. By libyaml, which is not go-yaml: "{a? b}", "\/" in
 * double quotes and a byte order mark further down are taken, "{a:, b}" is not. `!!timestamp` is text,
 * whatever it says. */
#include "runner/lang/taskfile_private.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static dd_strv folders;

static int list_folders(void **state)
{
    DIR *folder = opendir(DD_TESTS_DIR "/fixtures/lang/taskfiles");

    (void)state;
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (entry->d_name[0] != '.')
            dd_strv_add(&folders, entry->d_name);
    closedir(folder);
    return 0;
}

static int forget_folders(void **state)
{
    (void)state;
    dd_strv_done(&folders);
    return 0;
}

static bool has_case(const char *of, const char *property, bool refused)
{
    dd_auto_str name = dd_sprintf("%s-%s", of, property);

    for (size_t i = 0; i < folders.count; i++) {
        const char *rest = folders.items[i] + strlen(name);

        if (dd_str_starts(folders.items[i], name) && (*rest == '-' || !*rest) &&
            dd_str_starts(rest, "-refused") == refused)
            return true;
    }
    return false;
}

static void check_all(const char *of, const dd_property *table, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (int refused = 0; refused < 2; refused++)
            if (!has_case(of, table[i].name, refused))
                fail_msg("no folder %s-%s%s…", of, table[i].name, refused ? "-refused" : "");
}

static void every_property_of_a_task_has_cases(void **state)
{
    (void)state;
    check_all("task", dd_task_properties, dd_task_property_count);
}

static void every_property_of_a_step_has_cases(void **state)
{
    (void)state;
    check_all("step", dd_step_properties, dd_step_property_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_property_of_a_task_has_cases),
        cmocka_unit_test(every_property_of_a_step_has_cases),
    };

    return cmocka_run_group_tests(tests, list_folders, forget_folders);
}
