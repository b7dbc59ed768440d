/* The language tools as users type them: what they print, where, and how they exit. Scripts rest on some of
 * their outputs. */
#include "tests/support/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static char directory[] = "/tmp/drydock-test-XXXXXX";

static void write_file(const char *name, const char *text)
{
    assert_int_equal(dd_write_file(name, text, strlen(text), 0600, NULL), 0);
}

static int go_to_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    return chdir("/") == 0 && dd_remove_tree(directory, NULL) == 0 ? 0 : -1;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fprintf(stderr, "no '%s' in: %s\n", part, text);
    assert_non_null(strstr(text, part));
}

/* Exit code, all of the output and all of standard error (NULL: whatever). */
static void check(int code, const char *output, const char *error, const char *const *words)
{
    dd_auto(test_verb) ran = test_verb_run(NULL, words);
    if (ran->code != code)
        fprintf(stderr, "%s: exit %d: %s%s\n", words[0], ran->code, ran->output, ran->error);
    assert_int_equal(ran->code, code);
    if (output)
        assert_string_equal(ran->output, output);
    if (error)
        assert_string_equal(ran->error, error);
}

/* The same, but a part of each. */
static void check_part(int code, const char *output, const char *error, const char *const *words)
{
    dd_auto(test_verb) ran = test_verb_run(NULL, words);
    assert_int_equal(ran->code, code);
    assert_has(ran->output, output);
    assert_has(ran->error, error);
}

/* ---- render ---- */

static void render_prints_the_file_or_where_it_is_wrong(void **state)
{
    (void)state;
    write_file("t.yaml", "steps:\n  - cmd: echo {{.Run.ID}} {{.Run.Registry}} {{.Values.a}} {{.Values.b}}\n");
    write_file("v.yaml", "a: one\nb: two\n");
    check(0, "steps:\n  - cmd: echo ca1 r.example.com one three\n", "",
          WORDS("render", "-f", "t.yaml", "--run", "ID=ca1", "--run", "Registry=r.example.com", "--values",
                "v.yaml", "--set", "b=three"));
    write_file("wrong.yaml", "steps:\n\t- cmd: echo {{ .Run.ID | nope }}\n");
    check_part(2, "", "wrong.yaml:2:27: error: ", WORDS("render", "-f", "wrong.yaml"));
    check_part(2, "", "\n\t- cmd: echo {{ .Run.ID | nope }}\n\t                         ^\n",
               WORDS("render", "-f", "wrong.yaml"));
    check_part(2, "", "nothing.yaml: error: ", WORDS("render", "-f", "nothing.yaml"));
    check_part(2, "", "is not NAME=VALUE", WORDS("render", "-f", "t.yaml", "--run", "ID"));
    check_part(2, "", "which file? -f FILE", WORDS("render"));
}

static void files_that_cannot_be_read_are_named_once_with_the_reason(void **state)
{
    static const char *const verbs[] = {"render", "graph", "lint", "deps"};
    (void)state;
    mkdir("folder", 0700);
    write_file("t.yaml", "steps: []\n");
    for (size_t i = 0; i < DD_COUNT(verbs); i++) {
        bool json = strcmp(verbs[i], "graph") == 0;
        check(2, json ? NULL : "", json ? "" : "nothing: error: cannot open it: No such file or directory\n",
              WORDS(verbs[i], "-f", "nothing"));
        check(2, json ? NULL : "", json ? "" : "folder: error: reading: Is a directory\n",
              WORDS(verbs[i], "-f", "folder"));
        check_part(2, "", "which file? -f FILE", WORDS(verbs[i], "-f", ""));
        check_part(2, "", "one file at a time: -f t.yaml, or more.yaml?",
                   WORDS(verbs[i], "-f", "t.yaml", "more.yaml"));
    }
}

static void a_values_file_is_wrong_in_its_own_lines(void **state)
{
    (void)state;
    write_file("t.yaml", "steps:\n  - cmd: one\n");
    write_file("v.yaml", "a: [\n");
    check(2, "",
          "drydock render: values file 'v.yaml': line 2, column 1: not YAML: did not find expected node "
          "content while parsing a flow node\n",
          WORDS("render", "-f", "t.yaml", "--values", "v.yaml"));
    check_part(2, "", "t.yaml: error: values file 'v.yaml': line 2, column 1: not YAML",
               WORDS("lint", "-f", "t.yaml", "--values", "v.yaml"));
    check_part(2, "", "values file 'none.yaml': cannot open it",
               WORDS("render", "-f", "t.yaml", "--values", "none.yaml"));
}

/* ---- graph ---- */

#define DIAMOND                                                                                              \
    "steps:\n"                                                                                               \
    "  - {id: a, cmd: one}\n"                                                                                \
    "  - {id: b, cmd: two, when: [\"-\"]}\n"                                                                 \
    "  - {id: c, cmd: three, when: [a, b]}\n"

static void graph_prints_steps_and_stages(void **state)
{
    (void)state;
    write_file("t.yaml", DIAMOND);
    dd_auto(test_verb) ran =
        test_verb_run(NULL, WORDS("graph", "-f", "t.yaml", "--env", "K=V", "-o", "json"));
    json_t *json = json_loads(ran->output, 0, NULL);
    const json_t *last = json_array_get(json_object_get(json, "steps"), 2);
    assert_int_equal(ran->code, 0);
    assert_has(ran->output, "\"stages\":[[\"a\",\"b\"],[\"c\"]]");
    assert_string_equal(json_string_value(json_object_get(last, "kind")), "cmd");
    assert_int_equal(json_array_size(json_object_get(last, "needs")), 2);
    assert_int_equal(json_integer_value(json_object_get(last, "timeout")), 600);
    assert_string_equal(json_string_value(json_array_get(json_object_get(last, "env"), 0)), "K=V");
    json_decref(json);
    /* No terminal: the same without -o. */
    check_part(0, "{\"version\":", "", WORDS("graph", "t.yaml"));
}

static void graph_shows_what_a_line_became_when_it_is_no_yaml(void **state)
{
    (void)state;
    write_file("t.yaml", "steps:\n  - build: -t {{.Run.Registry}}/a:{{.Run.ID}} .\n");
    check_part(2, "", "  hint: rendered, this line is: - build: -t /a: .\n",
               WORDS("graph", "-f", "t.yaml", "-o", "text"));
}

static void graph_draws(void **state)
{
    (void)state;
    write_file("t.yaml", DIAMOND);
    check(0,
          ".-*  a  cmd\n"
          "+-*  b  cmd\n"
          "*    c  cmd    <- a, b\n",
          "", WORDS("graph", "-f", "t.yaml", "-o", "text"));
    check_part(0, "  \"b\" -> \"c\";\n}\n", "", WORDS("graph", "-f", "t.yaml", "-o", "dot"));
    check_part(2, "", "'xml' is none of json, text, dot", WORDS("graph", "-f", "t.yaml", "-o", "xml"));
}

static void graph_says_all_that_is_wrong(void **state)
{
    (void)state;
    write_file("wrong.yaml", "steps:\n  - cmd: a\n    when: [nosuch]\n  - cmd: b\n    retries: -1\n");
    check(2,
          "{\"errors\":[{\"message\":\"no step is named 'nosuch'\",\"line\":3,\"column\":11,"
          "\"path\":\"steps[0].when\",\"hint\":null},"
          "{\"message\":\"retries must not be negative\",\"line\":5,\"column\":14,"
          "\"path\":\"steps[1].retries\",\"hint\":null}]}\n",
          "", WORDS("graph", "-f", "wrong.yaml", "-o", "json"));
    check(2, "",
          "wrong.yaml:3:11: error: steps[0].when: no step is named 'nosuch'\n"
          "    when: [nosuch]\n"
          "          ^\n"
          "wrong.yaml:5:14: error: steps[1].retries: retries must not be negative\n"
          "    retries: -1\n"
          "             ^\n",
          WORDS("graph", "-f", "wrong.yaml", "-o", "text"));
    write_file("odd.yaml", "steps:\n  - cmd: a\n    whn: [x]\n");
    check_part(0, "\"stages\"", "odd.yaml:3:5: warning: steps[0].whn: ", WORDS("graph", "-f", "odd.yaml"));
    check_part(2, "{\"errors\":[{\"message\":", "", WORDS("graph", "-f", "nothing.yaml"));
    check_part(2, "", "nothing.yaml: error: ", WORDS("graph", "-f", "nothing.yaml", "-o", "dot"));
}

/* ---- lint ---- */

static void lint_says_when_all_is_well(void **state)
{
    (void)state;
    write_file("t.yaml", DIAMOND);
    check(0, "t.yaml: 3 steps, no problems\n", "", WORDS("lint", "-f", "t.yaml"));
    check(0, "t.yaml: 3 steps, no problems\n", "", WORDS("lint", "--strict", "t.yaml"));
    check(0, "{\"errors\":[],\"warnings\":[]}\n", "", WORDS("lint", "-f", "t.yaml", "-o", "json"));
}

static void lint_warns_and_under_strict_fails(void **state)
{
    (void)state;
    write_file("odd.yaml", "steps:\n  - cmd: a\n    timeout: 4000\n");
    check(0, "odd.yaml: 1 step, 1 warning\n",
          "odd.yaml:3:14: warning: steps[0].timeout: the run is ended before: after 3600 s, unless its task "
          "says otherwise\n"
          "    timeout: 4000\n"
          "             ^\n"
          "  hint: give the task a longer timeout, and lint --timeout\n",
          WORDS("lint", "-f", "odd.yaml"));
    check(0, "odd.yaml: 1 step, no problems\n", "",
          WORDS("lint", "-f", "odd.yaml", "--timeout", "4000", "--strict"));
    check_part(1, "",
               "odd.yaml:3:14: error: steps[0].timeout: ", WORDS("lint", "--strict", "-f", "odd.yaml"));
    check_part(1, "\"path\":\"steps[0].timeout\"", "",
               WORDS("lint", "--strict", "-f", "odd.yaml", "-o", "json"));
    check_part(0, "{\"errors\":[],\"warnings\":[{\"message\":", "",
               WORDS("lint", "-f", "odd.yaml", "-o", "json"));
    check_part(2, "", "--timeout", WORDS("lint", "-f", "odd.yaml", "--timeout", "soon"));
}

static void lint_refuses_what_a_run_would_refuse(void **state)
{
    (void)state;
    write_file("wrong.yaml", "steps:\n  - cmd: a\n    retries: -1\n  - {push: x, build: .}\n");
    check(2, "",
          "wrong.yaml:3:14: error: steps[0].retries: retries must not be negative\n"
          "    retries: -1\n"
          "             ^\n"
          "wrong.yaml:4:5: error: steps[1]: a step is one of cmd, build and push, not several\n"
          "  - {push: x, build: .}\n"
          "    ^\n"
          "  hint: make it several steps\n"
          "wrong.yaml: 2 errors\n",
          WORDS("lint", "-f", "wrong.yaml"));
    check_part(2, "{\"errors\":[{\"message\":\"retries must not be negative\"", "",
               WORDS("lint", "-f", "wrong.yaml", "-o", "json"));
    write_file("broken.yaml", "steps:\n  - cmd: a {{\n");
    check_part(2, "", "broken.yaml:2:", WORDS("lint", "-f", "broken.yaml"));
    check_part(2, "{\"errors\":[{\"message\":", "", WORDS("lint", "-f", "nothing.yaml", "-o", "json"));
    check_part(2, "", "nothing.yaml: error: ", WORDS("lint", "-f", "nothing.yaml"));
}

/* As they are printed on ACR's page, with no more than their names. */
static void lint_takes_the_examples_of_acr(void **state)
{
    const char *first = DD_TESTS_DIR "/fixtures/lang/taskfiles/acr-overview-1/input.yaml";
    const char *second = DD_TESTS_DIR "/fixtures/lang/taskfiles/acr-overview-2/input.yaml";
    (void)state;
    check_part(0, ": 2 steps, no problems\n", "", WORDS("lint", "-f", first));
    check_part(0, ": 7 steps, 2 warnings\n",
               ":11:11: warning: steps[2].when: 'build' is no step's id: every earlier build step is meant "
               "(build-web, build-tests)\n",
               WORDS("lint", "-f", second));
}

/* ---- deps ---- */

static void deps_prints_what_a_dockerfile_is_built_from(void **state)
{
    (void)state;
    write_file("Dockerfile",
               "ARG R=docker.io\nFROM golang:1.20 AS b\nFROM ${R}/library/busybox\nCOPY --from=b /x /x\n");
    check_part(
        0,
        "{\"runtime\":{\"registry\":\"r.example.com\",\"repository\":\"library/busybox\",\"tag\":\"latest\"",
        "", WORDS("deps", "-f", "Dockerfile", "--build-arg", "R=r.example.com", "-o", "json"));
    check_part(0, "\"runtime\":{\"registry\":\"docker.io\",\"repository\":\"library/golang\"", "",
               WORDS("deps", "Dockerfile", "--target", "b"));
    check(0,
          "USE        IMAGE\n"
          "runtime    docker.io/library/busybox:latest\n"
          "buildtime  docker.io/library/golang:1.20\n",
          "", WORDS("deps", "-f", "Dockerfile", "-o", "text"));
    write_file("Wrong", "FROM\n");
    check_part(2, "", "Wrong:1:1: error: ", WORDS("deps", "-f", "Wrong"));
    check_part(2, "", "\nFROM\n^\n", WORDS("deps", "-f", "Wrong"));
    check_part(2, "", "which file? -f FILE", WORDS("deps"));
}

int main(int argc, char **argv)
{
    test_server_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(render_prints_the_file_or_where_it_is_wrong),
        cmocka_unit_test(files_that_cannot_be_read_are_named_once_with_the_reason),
        cmocka_unit_test(a_values_file_is_wrong_in_its_own_lines),
        cmocka_unit_test(graph_shows_what_a_line_became_when_it_is_no_yaml),
        cmocka_unit_test(graph_prints_steps_and_stages),
        cmocka_unit_test(graph_draws),
        cmocka_unit_test(graph_says_all_that_is_wrong),
        cmocka_unit_test(lint_says_when_all_is_well),
        cmocka_unit_test(lint_warns_and_under_strict_fails),
        cmocka_unit_test(lint_refuses_what_a_run_would_refuse),
        cmocka_unit_test(lint_takes_the_examples_of_acr),
        cmocka_unit_test(deps_prints_what_a_dockerfile_is_built_from),
    };
    return cmocka_run_group_tests_name("tools", tests, go_to_directory, remove_directory);
}
