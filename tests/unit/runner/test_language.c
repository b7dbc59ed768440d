/* The task-file language by its fixtures: tests/fixtures/lang/{templates,taskfiles,dockerfiles}/CASE/. Adding
 * a folder adds a test.
 *
 * CASE holds the input (input.yaml or Dockerfile), `args` (one "--flag value" a line, may be missing), and
 * what is expected: `output` (exact) or `error` ("LINE:COLUMN", then texts that the message or hint holds,
 * one a line) or `expected.json`, which the answer must contain (objects may have more members; texts named
 * message and hint may be parts). */
#include "runner/runner.h"
#include <dirent.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIXTURES DD_TESTS_DIR "/fixtures/lang"

typedef struct test_case {
    const char *folder;
    dd_template_data *data;
    dd_taskfile_options options;
    dd_strv build_args;
    char *target, *network, *working_directory;
} test_case;

/* ---- Files ---- */

static dd_buf *read_optional(const char *folder, const char *name)
{
    dd_auto_str path = dd_path_join(folder, name);
    dd_buf *text = NULL;

    if (!dd_path_exists(path))
        return NULL;
    assert_int_equal(dd_buf_read_file(path, 16 * 1024 * 1024, &text, NULL), 0);
    return text;
}

static dd_buf *read_input(const char *folder, const char *name)
{
    dd_buf *text = read_optional(folder, name);

    if (!text)
        fail_msg("%s has no %s", folder, name);
    return text;
}

static void take_values(test_case *c, const char *name)
{
    dd_auto(dd_buf) text = read_input(c->folder, name);
    dd_auto(dd_error) error = NULL;

    if (dd_template_data_values(c->data, text->data, text->length, name, &error) < 0)
        fail_msg("%s: %s", c->folder, error->message);
}

static void take_run(test_case *c, const char *assignment)
{
    dd_auto_str name = dd_strndup(assignment, strcspn(assignment, "="));

    dd_template_data_run(c->data, name, assignment + strlen(name) + 1);
}

static void take_argument(test_case *c, const char *flag, const char *value)
{
    if (strcmp(flag, "--values") == 0)
        take_values(c, value);
    else if (strcmp(flag, "--run") == 0)
        take_run(c, value);
    else if (strcmp(flag, "--set") == 0)
        assert_int_equal(dd_template_data_set(c->data, value, NULL), 0);
    else if (strcmp(flag, "--env") == 0)
        dd_strv_add(&c->options.env, value);
    else if (strcmp(flag, "--network") == 0)
        c->options.network = c->network = dd_strdup(value);
    else if (strcmp(flag, "--working-directory") == 0)
        c->options.working_directory = c->working_directory = dd_strdup(value);
    else if (strcmp(flag, "--build-arg") == 0)
        dd_strv_add(&c->build_args, value);
    else if (strcmp(flag, "--target") == 0)
        c->target = dd_strdup(value);
    else
        fail_msg("%s: unknown flag %s", c->folder, flag);
}

static void case_init(test_case *c, const char *folder)
{
    dd_auto(dd_buf) args = read_optional(folder, "args");
    char *save = NULL;

    *c = (test_case){.folder = folder, .data = dd_template_data_new()};
    dd_template_data_run(c->data, "Architecture", "amd64");
    for (char *line = args ? strtok_r(args->data, "\n", &save) : NULL; line;
         line = strtok_r(NULL, "\n", &save)) {
        dd_auto_str flag = dd_strndup(line, strcspn(line, " "));

        take_argument(c, flag, line + strlen(flag) + (line[strlen(flag)] == ' '));
    }
}

static void case_done(test_case *c)
{
    dd_template_data_free(c->data);
    dd_strv_done(&c->options.env);
    dd_strv_done(&c->build_args);
    free(c->target);
    free(c->network);
    free(c->working_directory);
}

/* ---- What is expected ---- */

static bool complain(const char *folder, const char *wanted, const char *got)
{
    print_error("%s\n  wanted: %s\n  got:    %s\n", folder, wanted, got);
    return false;
}

static bool check_output(const char *folder, const dd_buf *output)
{
    dd_auto(dd_buf) wanted = read_input(folder, "output");

    return (wanted->length == output->length && memcmp(wanted->data, output->data, output->length) == 0) ||
           complain(folder, wanted->data, output->data);
}

static bool check_error(const char *folder, const dd_error *error)
{
    dd_auto(dd_buf) wanted = read_optional(folder, "error");
    dd_auto_str got = dd_error_compiler_text(error, "input");
    dd_auto_str place = dd_sprintf("%d:%d", error->place.line, error->place.column);
    char *save = NULL, *line;

    if (!wanted)
        return complain(folder, "no error", got);
    line = strtok_r(wanted->data, "\n", &save);
    if (!line || strcmp(line, place) != 0)
        return complain(folder, line ? line : "a place", got);
    while ((line = strtok_r(NULL, "\n", &save)))
        if (!strstr(got, line))
            return complain(folder, line, got);
    return true;
}

static bool contains(const json_t *got, const json_t *wanted, const char *key)
{
    const char *name;
    json_t *member;
    size_t index;

    if (json_is_object(wanted) && json_is_object(got)) {
        json_object_foreach((json_t *)(uintptr_t)wanted, name,
                            member) if (!json_object_get(got, name) ||
                                        !contains(json_object_get(got, name), member, name)) return false;
        return true;
    }
    if (json_is_array(wanted) && json_is_array(got)) {
        if (json_array_size(wanted) != json_array_size(got))
            return false;
        json_array_foreach(wanted, index,
                           member) if (!contains(json_array_get(got, index), member, key)) return false;
        return true;
    }
    if (json_is_string(wanted) && json_is_string(got) &&
        (dd_str_eq(key, "message") || dd_str_eq(key, "hint")))
        return strstr(json_string_value(got), json_string_value(wanted)) != NULL;
    return json_equal(got, wanted);
}

/* `got` is JSON text, owned. */
static bool check_json(const char *folder, char *got)
{
    dd_auto_str text = got;
    dd_auto(dd_buf) wanted_text = read_input(folder, "expected.json");
    json_error_t error;
    json_t *wanted = json_loads(wanted_text->data, 0, &error), *parsed = json_loads(got, 0, NULL);
    bool ret;

    if (!wanted)
        fail_msg("%s/expected.json: %s", folder, error.text);
    assert_non_null(parsed);
    ret = contains(parsed, wanted, NULL) || complain(folder, wanted_text->data, text);
    json_decref(wanted);
    json_decref(parsed);
    return ret;
}

/* ---- The three kinds of cases ---- */

static bool template_case(test_case *c)
{
    dd_auto(dd_buf) text = read_input(c->folder, "input.yaml");
    dd_auto(dd_buf) output = NULL;
    dd_auto(dd_error) error = NULL;

    if (dd_render(text->data, text->length, c->data, &output, &error) < 0)
        return check_error(c->folder, error);
    return check_output(c->folder, output);
}

/* Warnings are expected beside the steps or the errors, under "warnings". */
static char *with_warnings(char *answer, const dd_problems *problems)
{
    dd_auto_str text = answer;
    dd_auto_str told = dd_problems_to_json(problems);
    json_t *json = json_loads(text, 0, NULL), *all = json_loads(told, 0, NULL);
    json_t *warnings = json_object_get(all, "warnings");
    char *ret;

    assert_non_null(json);
    json_object_set_new(json, "warnings", warnings ? json_incref(warnings) : json_array());
    ret = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    json_decref(all);
    return ret;
}

static bool taskfile_case(test_case *c)
{
    dd_auto(dd_buf) text = read_input(c->folder, "input.yaml");
    dd_auto(dd_taskfile) taskfile = NULL;
    dd_auto(dd_problems) problems = NULL;
    int result = dd_taskfile_load(text->data, text->length, c->data, &c->options, &taskfile, &problems);

    assert_true((result == 0) == (problems->error_count == 0));
    assert_true((result == 0) == (taskfile != NULL));
    return check_json(
        c->folder,
        with_warnings(result < 0 ? dd_problems_to_json(problems) : dd_taskfile_to_json(taskfile), problems));
}

static bool dockerfile_case(test_case *c)
{
    dd_auto(dd_buf) text = read_input(c->folder, "Dockerfile");
    dd_auto(dd_deps) deps = NULL;
    dd_auto(dd_error) error = NULL;

    if (dd_deps_scan(text->data, text->length, &c->build_args, c->target, &deps, &error) < 0)
        return check_error(c->folder, error);
    return check_json(c->folder, dd_deps_to_json(deps));
}

/* ---- The walk ---- */

static void walk(const char *name, size_t at_least, bool (*check)(test_case *))
{
    dd_auto_str root = dd_path_join(FIXTURES, name);
    DIR *folder = opendir(root);
    size_t count = 0, failed = 0;

    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        dd_auto_str path = dd_path_join(root, entry->d_name);
        test_case c;

        if (entry->d_name[0] == '.')
            continue;
        case_init(&c, path);
        failed += !check(&c);
        count++;
        case_done(&c);
    }
    closedir(folder);
    assert_int_equal(failed, 0);
    assert_true(count >= at_least);
}

static void templates_render_as_their_definitions_say(void **state)
{
    (void)state;
    walk("templates", 40, template_case);
}

static void task_files_are_read_or_refused_as_their_definitions_say(void **state)
{
    (void)state;
    walk("taskfiles", 150, taskfile_case);
}

static void dockerfiles_have_the_bases_their_definitions_say(void **state)
{
    (void)state;
    walk("dockerfiles", 200, dockerfile_case);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_render_as_their_definitions_say),
        cmocka_unit_test(task_files_are_read_or_refused_as_their_definitions_say),
        cmocka_unit_test(dockerfiles_have_the_bases_their_definitions_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
