/* Tasks: what design fixes is read, ACR's defaults, refusals with line and path, and a text that reads back
 * equal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"
#include <stdlib.h>
#include <string.h>

#define HEAD "tasks:\n  - name: t\n    context: https://github.com/org/hello.git#main:src\n"

static dd_task *task_of(const char *text)
{
    dd_task *task = NULL;
    dd_auto(dd_error) err = NULL;

    if (dd_task_parse(text, &task, &err) < 0) {
        dd_auto_str why = dd_error_text(err);

        fail_msg("refused: %s\n%s", why, text);
    }
    return task;
}

static void refused(const char *text, int line, const char *words)
{
    dd_task **tasks = NULL;
    size_t count = 0;
    dd_auto(dd_error) err = NULL;
    dd_auto_str message = NULL;

    if (dd_tasks_parse(text, strlen(text), "t.yaml", &tasks, &count, &err) == 0)
        fail_msg("taken: %s", text);
    message = dd_error_text(err);
    if (!strstr(message, words) || !strstr(message, "tasks 't.yaml'") || err->place.line != line)
        fail_msg("'%s' has not '%s' of the file's line %d (text: %s)", message, words, line, text);
}

static void every_key_of_the_design_is_read(void **state)
{
    dd_auto(dd_task) task =
        task_of("tasks:\n"
                "  - name: hello-world\n"
                "    context: https://github.com/org/hello.git#main:src\n"
                "    file: ./ci/acr-task.yaml\n"
                "    values: {greeting: hi}\n"
                "    registry: Localhost:5000\n"
                "    pool: big\n"
                "    enabled: false\n"
                "    triggers:\n"
                "      commit:     {branches: [main, 'v*'], paths: [\"src/**\", \"!docs/**\"]}\n"
                "      base_image: {type: all}\n"
                "    timeout: 600\n");

    (void)state;
    assert_string_equal(task->name, "hello-world");
    assert_string_equal(task->context_text, "https://github.com/org/hello.git#main:src");
    assert_string_equal(task->context->key, "github.com/org/hello");
    assert_string_equal(task->context->ref, "main");
    assert_string_equal(task->context->folder, "src");
    assert_string_equal(task->file, "ci/acr-task.yaml");
    assert_string_equal(task->values, "{\"greeting\":\"hi\"}");
    assert_string_equal(task->registry, "localhost:5000");
    assert_string_equal(task->pool, "big");
    assert_false(task->enabled);
    assert_true(task->commit.on);
    assert_int_equal(task->commit.branches.count, 2);
    assert_string_equal(task->commit.paths.items[1], "!docs/**");
    assert_int_equal(task->base_image, DD_BASE_IMAGE_ALL);
    assert_int_equal(task->timeout_s, 600);
}

static void a_task_that_says_little_is_as_acr_has_it(void **state)
{
    dd_auto(dd_task) task = task_of(HEAD);

    (void)state;
    assert_null(task->file);
    assert_string_equal(task->values, "{}");
    assert_null(task->registry);
    assert_string_equal(task->pool, "default");
    assert_true(task->enabled);
    assert_int_equal(task->timeout_s, 3600);
    assert_true(task->commit.on);
    assert_int_equal(task->commit.branches.count + task->commit.paths.count, 0);
    assert_int_equal(task->base_image, DD_BASE_IMAGE_RUNTIME);
}

static void triggers_that_are_listed_are_the_only_ones(void **state)
{
    static const struct {
        const char *text;
        bool commit;
        dd_base_image_type base_image;
    } cases[] = {
        {"{}", false, DD_BASE_IMAGE_OFF},
        {"{commit: {}}", true, DD_BASE_IMAGE_OFF},
        {"{commit: true}", true, DD_BASE_IMAGE_OFF},
        {"{commit: false, base_image: true}", false, DD_BASE_IMAGE_RUNTIME},
        {"{base_image: {}}", false, DD_BASE_IMAGE_RUNTIME},
        {"{base_image: {type: runtime}}", false, DD_BASE_IMAGE_RUNTIME},
        {"{base_image: {type: all}}", false, DD_BASE_IMAGE_ALL},
        {"{base_image: off}", false, DD_BASE_IMAGE_OFF},
        {"{commit: {branches: main}}", true, DD_BASE_IMAGE_OFF},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto_str text = dd_sprintf(HEAD "    triggers: %s\n", cases[i].text);
        dd_auto(dd_task) task = task_of(text);

        assert_int_equal(task->commit.on, cases[i].commit);
        assert_int_equal(task->base_image, cases[i].base_image);
    }
}

static void values_keep_the_types_that_yaml_gives_them(void **state)
{
    dd_auto(dd_task) task = task_of(HEAD "    values:\n"
                                         "      s: text\n"
                                         "      q: '1'\n"
                                         "      b: yes\n"
                                         "      n: ~\n"
                                         "      i: 010\n"
                                         "      f: 0.1\n"
                                         "      big: 1e300\n"
                                         "      l: [1, {a: b}]\n"
                                         "      m: {x: {y: \"\\u00e9\"}}\n"
                                         "      1: one\n");

    dd_auto(dd_task) exact =
        task_of(HEAD "    values: {g: 0.30000000000000004, big: 18446744073709551616}\n");

    (void)state;
    assert_string_equal(exact->values, "{\"g\":0.30000000000000004,\"big\":1.8446744073709552e19}");
    assert_string_equal(task->values,
                        "{\"s\":\"text\",\"q\":\"1\",\"b\":true,\"n\":null,\"i\":8,\"f\":0.1,"
                        "\"big\":1e300,"
                        "\"l\":[1,{\"a\":\"b\"}],\"m\":{\"x\":{\"y\":\"\xc3\xa9\"}},\"1\":\"one\"}");
}

static void what_this_version_does_not_do_is_refused(void **state)
{
    (void)state;
    refused(HEAD "    triggers:\n      pull_request: {branches: [main]}\n", 5,
            "tasks[0].triggers.pull_request: is not supported by this version");
    refused(HEAD "    triggers: {schedule: [{name: n, cron: \"0 2 * * *\"}]}\n", 4, "triggers.schedule");
    refused(HEAD "    concurrency: {limit: 1}\n", 4, "not supported by this version");
    refused(HEAD "    image: a\n", 4, "not supported by this version");
    refused(HEAD "    dockerfile: a\n", 4, "not supported by this version");
    refused(HEAD "    steps: []\n", 4, "not supported by this version");
}

static void mistakes_are_refused_with_line_and_path(void **state)
{
    (void)state;
    refused("", 0, "'tasks' is missing");
    refused("name: t\n", 1, "there is no such key");
    refused("tasks: {}\n", 1, "a list is expected, not a map");
    refused("tasks:\n  - a\n", 2, "a map of keys is expected");
    refused("tasks:\n  -\n", 2, "tasks[0]");
    refused("tasks:\n  - {context: \"https://h/a\"}\n", 2, "'name' is missing");
    refused("tasks:\n  - {name: a}\n", 2, "'context' is missing");
    refused("tasks:\n  - {name: a b, context: \"https://h/a\"}\n", 2, "tasks[0].name");
    refused("tasks:\n  - {name: a, context: \"ext::sh -c id\"}\n", 2, "tasks[0].context");
    refused("tasks:\n  - {name: a, context: \"https://h/a\"}\n  - {name: a, context: \"https://h/b\"}\n", 3,
            "tasks[0] has the name 'a' too");
    refused(HEAD "    timout: 60\n", 4, "did you mean 'timeout'?");
    refused(HEAD "    timeout: 59\n", 4, "tasks[0].timeout");
    refused(HEAD "    timeout: 28801\n", 4, "tasks[0].timeout");
    refused(HEAD "    timeout: soon\n", 4, "tasks[0].timeout");
    refused(HEAD "    file: ../x\n", 4, "tasks[0].file");
    refused(HEAD "    file: /x\n", 4, "tasks[0].file");
    refused(HEAD "    file: .\n", 4, "tasks[0].file");
    refused(HEAD "    pool: a/b\n", 4, "tasks[0].pool");
    refused(HEAD "    registry: -x\n", 4, "tasks[0].registry");
    refused(HEAD "    enabled: 2\n", 4, "not true or false");
    refused(HEAD "    values: [a]\n", 4, "a map of values is expected");
    refused(HEAD "    values: {a: {b: [0, .nan]}}\n", 4, "tasks[0].values.a.b[1]");
    refused(HEAD "    values: {a: 1, a: 2}\n", 4, "repeated");
    refused(HEAD "    triggers:\n", 4, "tasks[0].triggers");
    refused(HEAD "    triggers: {commit: }\n", 4, "tasks[0].triggers.commit");
    refused(HEAD "    triggers: {commit: {branch: main}}\n", 4, "did you mean 'branches'?");
    refused(HEAD "    triggers: {commit: {branches: ['!main']}}\n", 4, "branches[0]");
    refused(HEAD "    triggers: {commit: {paths: ['!']}}\n", 4, "paths[0]");
    refused(HEAD "    triggers: {commit: {paths: ['a[b']}}\n", 4, "paths[0]");
    refused(HEAD "    triggers: {commit: {paths: [{a: b}]}}\n", 4, "paths[0]");
    refused(HEAD "    triggers: {base_image: {type: some}}\n", 4, "base_image.type");
}

static void a_definition_reads_back_equal(void **state)
{
    static const char file[] = "tasks:\n"
                               "  - name: a # comment\n"
                               "    context: &c https://github.com/org/hello.git#main:src\n"
                               "    values: &v\n"
                               "      plain: text with spaces\n"
                               "      quoted: 'true'\n"
                               "      bool: true\n"
                               "      empty: ''\n"
                               "      nothing:\n"
                               "      block: |\n"
                               "        #!/bin/sh\n"
                               "          indented: yes\n"
                               "\n"
                               "        end\n"
                               "      folded: >-\n"
                               "        a\n"
                               "        b\n"
                               "      odd: \"\\x01\\t \\N\\L\\P \\u00e9 \\U0001F600\"\n"
                               "      tagged: !!str 12\n"
                               "      'yes': 1\n"
                               "      long: ' %s '\n";
    char words[500];
    dd_auto_str text = NULL;
    dd_auto(dd_task) once = NULL;
    dd_auto(dd_task) twice = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(words) - 1; i++)
        words[i] = i % 5 == 4 ? ' ' : 'w';
    words[sizeof(words) - 1] = '\0';
    text = dd_sprintf(file, words);
    once = task_of(text);
    twice = task_of(once->yaml);
    assert_string_equal(twice->yaml, once->yaml);
    assert_string_equal(twice->values, once->values);
    assert_non_null(
        strstr(once->values, "\"quoted\":\"true\",\"bool\":true,\"empty\":\"\",\"nothing\":null"));
    assert_non_null(strstr(once->values, "#!/bin/sh\\n  indented: yes\\n\\nend\\n"));
    assert_non_null(strstr(once->values, "\"tagged\":\"12\""));
    assert_non_null(strstr(once->values, words));
}

static void aliases_and_merges_are_written_out(void **state)
{
    static const char file[] = "tasks:\n"
                               "  - &a\n"
                               "    name: a\n"
                               "    context: &c https://github.com/org/hello.git\n"
                               "    values: &v {x: 1, y: [&z 'two', *z]}\n"
                               "  - <<: *a\n"
                               "    name: b\n"
                               "    context: *c\n"
                               "    pool: big\n";
    dd_task **tasks = NULL;
    size_t count = 0;
    dd_auto(dd_task) back = NULL;

    (void)state;
    assert_int_equal(dd_tasks_parse(file, sizeof(file) - 1, "f", &tasks, &count, NULL), 0);
    assert_int_equal(count, 2);
    back = task_of(tasks[1]->yaml);
    assert_string_equal(back->name, "b");
    assert_string_equal(back->values, "{\"x\":1,\"y\":[\"two\",\"two\"]}");
    assert_string_equal(back->values, tasks[1]->values);
    assert_string_equal(back->context_text, tasks[1]->context_text);
    assert_string_equal(back->yaml, tasks[1]->yaml);
    for (size_t i = 0; i < count; i++)
        dd_task_free(tasks[i]);
    free(tasks);
}

static void little_text_cannot_become_a_lot_of_memory(void **state)
{
    dd_buf text = {0};
    dd_buf deep = {0};

    (void)state;
    dd_buf_add_str(&text, HEAD "    values:\n      a: &a \"");
    for (size_t i = 0; i < 20000; i++)
        dd_buf_add_char(&text, 'x');
    dd_buf_add_str(&text, "\"\n      b: [");
    for (size_t i = 0; i < 20000; i++)
        dd_buf_add_str(&text, "*a, ");
    dd_buf_add_str(&text, "1]\n");
    refused(text.data, 2, "larger than 262144 bytes");
    dd_buf_done(&text);

    dd_buf_add_str(&deep, "tasks:\n  - name: a\n    x: &a ");
    for (int i = 0; i < 60; i++)
        dd_buf_add_char(&deep, '[');
    for (int i = 0; i < 60; i++)
        dd_buf_add_char(&deep, ']');
    dd_buf_add_str(&deep, "\n    y: ");
    for (int i = 0; i < 60; i++)
        dd_buf_add_char(&deep, '[');
    dd_buf_add_str(&deep, "*a");
    for (int i = 0; i < 60; i++)
        dd_buf_add_char(&deep, ']');
    dd_buf_add_str(&deep, "\n");
    refused(deep.data, 4, "nested more than 100 deep");
    dd_buf_done(&deep);
}

static void a_stored_definition_is_one_task(void **state)
{
    dd_task *task = NULL;

    (void)state;
    assert_int_equal(dd_task_parse("tasks: []\n", &task, NULL), -1);
    assert_int_equal(dd_task_parse(HEAD "  - {name: b, context: \"https://h/a\"}\n", &task, NULL), -1);
    assert_null(task);
    dd_task_free(NULL);
}

static void a_password_in_a_context_is_not_repeated(void **state)
{
    dd_auto(dd_error) err = NULL;
    dd_auto_str message = NULL;
    dd_task *task = NULL;

    (void)state;
    assert_int_equal(
        dd_task_parse("tasks:\n  - {name: a, context: \"https://me:hunter2@h/a\"}\n", &task, &err), -1);
    message = dd_error_text(err);
    assert_null(strstr(message, "hunter2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_of_the_design_is_read),
        cmocka_unit_test(a_task_that_says_little_is_as_acr_has_it),
        cmocka_unit_test(triggers_that_are_listed_are_the_only_ones),
        cmocka_unit_test(values_keep_the_types_that_yaml_gives_them),
        cmocka_unit_test(what_this_version_does_not_do_is_refused),
        cmocka_unit_test(mistakes_are_refused_with_line_and_path),
        cmocka_unit_test(a_definition_reads_back_equal),
        cmocka_unit_test(aliases_and_merges_are_written_out),
        cmocka_unit_test(little_text_cannot_become_a_lot_of_memory),
        cmocka_unit_test(a_stored_definition_is_one_task),
        cmocka_unit_test(a_password_in_a_context_is_not_repeated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
