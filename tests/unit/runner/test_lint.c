/* What lint warns of, and what it keeps still about: a warning that is often wrong is worse than none. */
#include "runner/runner.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BUILDS                                                                                               \
    "steps:\n"                                                                                               \
    "  - {id: one, build: -t r.io/app:1 .}\n"                                                                \
    "  - {id: two, build: -t r.io/db:1 ., when: [\"-\"]}\n"

/* All warnings, a line each: "LINE:COLUMN path: message; hint". */
static char *warnings_of(const char *text, bool lint, int64_t run_timeout_s)
{
    dd_auto(dd_template_data) data = dd_template_data_new();
    dd_auto(dd_taskfile) taskfile = NULL;
    dd_auto(dd_problems) problems = NULL;
    dd_taskfile_options options = {.lint = lint, .run_timeout_s = run_timeout_s};
    dd_buf told = {0};

    if (dd_taskfile_load(text, strlen(text), data, &options, &taskfile, &problems) < 0)
        fail_msg("refused: %s\n%s", problems->errors[0]->message, text);
    for (size_t i = 0; i < problems->warning_count; i++) {
        const dd_error *warning = problems->warnings[i];

        dd_buf_printf(&told, "%d:%d %s: %s%s%s\n", warning->place.line, warning->place.column,
                      warning->path ? warning->path : "", warning->message, warning->hint ? "; " : "",
                      warning->hint ? warning->hint : "");
    }
    return dd_buf_steal(&told);
}

/* Exactly these warnings with lint, and none without. */
static void check(const char *text, const char *wanted)
{
    dd_auto_str told = warnings_of(text, true, 0);
    dd_auto_str without = warnings_of(text, false, 0);

    assert_string_equal(told, wanted);
    assert_string_equal(without, "");
}

static void images_that_no_step_builds_are_pushed_with_a_warning(void **state)
{
    (void)state;
    check(BUILDS "  - push: [r.io/ap:1]\n    when: [one, two]\n",
          "4:11 steps[2].push: no step builds r.io/ap:1; did you mean r.io/app:1?\n");
    check(BUILDS "  - push: [r.io/app:1, r.io/db:1]\n    when: [one, two]\n", "");
    /* Two spellings of one image. */
    check("steps:\n  - build: -t docker.io/library/app .\n  - push: app\n", "");
    check("steps:\n  - push: elsewhere:1\n", "2:11 steps[0].push: no step builds elsewhere:1\n");
}

static void images_that_a_tool_may_make_are_not_doubted(void **state)
{
    (void)state;
    check("steps:\n  - cmd: docker tag a r.io/app:2\n  - push: [r.io/app:2]\n", "");
    check("steps:\n  - cmd: kaniko --destination=r.io/app\n  - push: [r.io/app:latest]\n", "");
    check("steps:\n  - cmd: r.io/app:2 tag\n  - push: [r.io/app:2]\n",
          "3:11 steps[1].push: no step builds r.io/app:2\n");
}

static void images_are_waited_for(void **state)
{
    (void)state;
    check(BUILDS "  - push: [r.io/app:1]\n    when: [two]\n",
          "4:11 steps[2].push: r.io/app:1 is pushed without waiting for the step that builds it; "
          "name 'one' under when:\n");
    check(BUILDS "  - cmd: r.io/app:1 test\n    when: [two]\n",
          "4:10 steps[2].cmd: r.io/app:1 is run without waiting for the step that builds it; "
          "name 'one' under when:\n");
    /* Through others. */
    check(BUILDS "  - {id: t, cmd: x, when: [one]}\n  - push: [r.io/app:1]\n    when: [two, t]\n", "");
    /* What was there before is run before it is built anew. */
    check("steps:\n  - {id: t, cmd: r.io/app:1}\n  - {id: b, build: -t r.io/app:1 .}\n", "");
}

static void a_dollar_is_no_part_of_an_image(void **state)
{
    (void)state;
    check("steps:\n  - build: -t $Registry/app .\n",
          "2:12 steps[0].build: '$Registry/app' is no image: aliases are off before version v1.1.0; "
          "write version: v1.1.0\n");
    check("version: v1.1.0\nsteps:\n  - cmd: $nope/app\n",
          "3:10 steps[0].cmd: '$nope/app' is no image: it names an alias that there is not\n");
}

static void what_a_run_refuses_is_said_before(void **state)
{
    (void)state;
    check("steps:\n  - cmd: --privileged alpine\n",
          "2:10 steps[0].cmd: a run refuses this: --privileged is not permitted\n");
    check("steps:\n  - build: -t x https://github.com/a/b.git\n",
          "2:12 steps[0].build: a run refuses this: the context 'https://github.com/a/b.git' is not in the "
          "workspace; make that repository the task's context, or fetch it in a cmd step before\n");
    check("steps:\n  - cmd: x\n    privileged: true\n",
          "3:17 steps[0].privileged: a run refuses this: privileged is not permitted\n");
    check("steps:\n  - cmd: x\n    ports: [\"8080:80\", \"0.0.0.0:80:80\"]\n",
          "3:12 steps[0].ports: a run refuses this: port '0.0.0.0:80:80': only loopback addresses are "
          "permitted; leave the address out: 127.0.0.1 is taken\n");
    check("steps:\n  - cmd: x\n    network: host\n",
          "3:14 steps[0].network: a run refuses this: the network of the worker's machine is not "
          "permitted\n");
    check(
        "networks:\n  - name: backend\nsteps:\n  - {cmd: x, network: backend}\n  - cmd: x\n    network: "
        "backnd\n",
        "6:14 steps[1].network: a run refuses this: network 'backnd' is not one of the task's; did you mean "
        "backend?\n");
    check("networks:\n  - {name: n, driver: macvlan, isDefault: true}\nsteps:\n  - cmd: x\n",
          "2:23 networks[0].driver: a run refuses this: only the driver bridge is permitted\n");
    check("volumes:\n  - {name: v, secret: {a: YQ==}}\nsteps:\n  - cmd: x\n    volumeMounts: [{name: v, "
          "mountPath: here}]\n",
          "5:19 steps[0].volumeMounts: a run refuses this: 'here' is not an absolute path\n");
    check("steps:\n  - {cmd: x, network: none}\n  - {cmd: x, network: bridge}\n", "");
}

static void what_does_nothing_is_said(void **state)
{
    (void)state;
    check("steps:\n  - cmd: x\n    retryDelay: 3\n",
          "3:17 steps[0].retryDelay: retryDelay does nothing without retries; write retries: too\n");
    check("steps:\n  - {cmd: x, retries: 2, retryDelay: 3, retryOnErrors: [a]}\n", "");
    check("steps:\n  - cmd: x\n    downloadRetries: 3\n",
          "3:22 steps[0].downloadRetries: downloadRetries does nothing where the step does not pull; write "
          "pull: true too\n");
    check("steps:\n  - {cmd: x, pull: true, downloadRetries: 3}\n", "");
    check(
        "steps:\n  - cmd: x\n    exitedWith: [1]\n",
        "3:17 steps[0].exitedWith: exitedWith does nothing: this step waits for no other; name the steps it "
        "asks about under when:\n");
    check("steps:\n  - {id: a, cmd: x}\n  - cmd: x\n    exitedWithout: [0, 256]\n",
          "4:20 steps[1].exitedWithout: no step ends with 256: exit codes are 0 to 255\n");
    check("steps:\n  - cmd: x\n    disableWorkingDirectoryOverride: true\n    workingDirectory: src\n",
          "4:23 steps[0].workingDirectory: workingDirectory does nothing beside "
          "disableWorkingDirectoryOverride\n");
    check("version: v1.0.0\n", "1:1 : this file has no steps\n");
}

static void timeouts_are_held_against_the_runs(void **state)
{
    const char *text = "steps:\n  - cmd: x\n    timeout: 9000\n";
    dd_auto_str longer = warnings_of(text, true, 9000);
    dd_auto_str shorter = warnings_of(text, true, 8999);

    (void)state;
    check(text,
          "3:14 steps[0].timeout: the run is ended before: after 3600 s, unless its task says otherwise; "
          "give the task a longer timeout, and lint --timeout\n");
    check("stepTimeout: 3601\nsteps:\n  - cmd: x\n  - cmd: x\n",
          "1:14 stepTimeout: the run is ended before: after 3600 s, unless its task says otherwise; "
          "give the task a longer timeout, and lint --timeout\n");
    assert_string_equal(longer, "");
    assert_string_equal(shorter,
                        "3:14 steps[0].timeout: the run is ended before: after 8999 s; give the task "
                        "a longer timeout\n");
}

static void what_is_declared_is_used(void **state)
{
    (void)state;
    check("volumes:\n  - {name: a, secret: {f: YQ==}}\n  - {name: b, secret: {f: YQ==}}\n"
          "  - {name: c, secret: {f: YQ==}}\n"
          "steps:\n  - cmd: -v a:/a x\n    volumeMounts: [{name: b, mountPath: /b}]\n",
          "4:5 volumes[2]: no step uses the volume 'c'\n");
    check("networks:\n  - {name: a, isDefault: true}\n  - name: b\n  - name: c\nsteps:\n  - cmd: x\n"
          "  - cmd: --network b x\n",
          "4:5 networks[2]: no step uses the network 'c'\n");
    check(
        "secrets:\n  - {id: a, keyvault: k}\n  - {id: ab, keyvault: k}\nsteps:\n  - cmd: x {{.Secrets.ab}}\n",
        "2:5 secrets[0]: no step uses the secret 'a'\n");
    check("secrets:\n  - {id: a, keyvault: k}\nsteps:\n  - cmd: x {{index .Secrets \"a\"}}\n", "");
}

static void the_second_example_of_acr_is_told_what_is_odd_in_it(void **state)
{
    dd_auto(dd_buf) text = NULL;
    dd_auto_str path = dd_path_join(DD_TESTS_DIR, "fixtures/lang/taskfiles/acr-overview-2/input.yaml");
    dd_auto(dd_template_data) data = dd_template_data_new();
    dd_auto(dd_taskfile) taskfile = NULL;
    dd_auto(dd_problems) problems = NULL;
    dd_taskfile_options options = {.lint = true};

    (void)state;
    assert_int_equal(dd_buf_read_file(path, 65536, &text, NULL), 0);
    dd_template_data_run(data, "ID", "ca1");
    dd_template_data_run(data, "Registry", "r.example.com");
    assert_int_equal(dd_taskfile_load(text->data, text->length, data, &options, &taskfile, &problems), 0);
    assert_int_equal(problems->warning_count, 2);
    assert_string_equal(problems->warnings[0]->message, "no step builds r.example.com/helloworld:ca1");
    assert_string_equal(problems->warnings[0]->hint, "did you mean r.example.com/hello-world:ca1?");
    assert_string_equal(
        problems->warnings[1]->message,
        "'build' is no step's id: every earlier build step is meant (build-web, build-tests)");
}

/* Ten thousand builds, each pushed by a step that waits for all of the chain: the searches are bounded. */
static void large_files_are_looked_at_in_bounded_time(void **state)
{
    dd_buf text = {0};

    (void)state;
    dd_buf_add_str(&text, "steps:\n");
    for (int i = 0; i < 2000; i++)
        dd_buf_printf(&text, "- {build: -t i%d .}\n- {push: i%d}\n", i, 1999 - i);
    dd_auto_str told = warnings_of(text.data, true, 0);
    assert_non_null(strstr(told, "is pushed without waiting"));
    dd_buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_that_no_step_builds_are_pushed_with_a_warning),
        cmocka_unit_test(images_that_a_tool_may_make_are_not_doubted),
        cmocka_unit_test(images_are_waited_for),
        cmocka_unit_test(a_dollar_is_no_part_of_an_image),
        cmocka_unit_test(what_a_run_refuses_is_said_before),
        cmocka_unit_test(what_does_nothing_is_said),
        cmocka_unit_test(timeouts_are_held_against_the_runs),
        cmocka_unit_test(what_is_declared_is_used),
        cmocka_unit_test(the_second_example_of_acr_is_told_what_is_odd_in_it),
        cmocka_unit_test(large_files_are_looked_at_in_bounded_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
