/* Runs on the real engine and a real registry: what they do, what they tell, and that nothing of them is
 * left. */
#include "runner/runner.h"
#include "tests/support/engine.h"
#include "tests/support/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <event2/event.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEPS_MAX 32

static char *work; /* all that this program writes */
static test_registry registry;

/* ---- A run and all that it told ---- */

typedef struct run {
    char *id, *attempt, *context, *directory;
    dd_job *job;
    struct event_base *base;
    dd_executor *executor;
    dd_run_result *result;
    dd_buf log; /* "STEP|STREAM|TEXT\n" */
    dd_step_report steps[STEPS_MAX];
    char *messages[STEPS_MAX];
    size_t step_count;
    bool pushes_denied;
    void (*on_line)(struct run *run, const char *step, const char *text);
    void *on_line_data;
} run;

static run *run_new(void)
{
    static int number;
    run *r = calloc(1, sizeof *r);

    r->id = dd_sprintf("t%d-%d", getpid(), ++number);
    r->attempt = dd_sprintf("test-%s-1", r->id);
    r->context = dd_sprintf("%s/%s.context", work, r->id);
    r->directory = dd_sprintf("%s/%s.run", work, r->id);
    assert_int_equal(dd_mkdirs(r->context, 0755, NULL), 0);
    r->job = dd_new(dd_job);
    r->job->run = dd_strdup(r->id);
    r->job->instance = dd_strdup("test");
    r->job->lease = 1;
    r->job->directory = dd_strdup(r->directory);
    r->job->local_context = dd_strdup(r->context);
    r->job->registry = dd_strdup(registry.host);
    r->job->timeout_s = 120;
    r->job->grace_s = 1;
    r->job->login_count = 1;
    r->job->logins = dd_calloc(1, sizeof *r->job->logins);
    r->job->logins[0].host = dd_strdup(registry.host);
    r->job->logins[0].plain_http = true;
    return r;
}

static void run_free(run *r)
{
    dd_executor_free(r->executor);
    dd_run_result_free(r->result);
    dd_job_free(r->job);
    dd_buf_done(&r->log);
    for (size_t i = 0; i < r->step_count; i++)
        free(r->messages[i]);
    if (r->base)
        event_base_free(r->base);
    free(r->id);
    free(r->attempt);
    free(r->context);
    free(r->directory);
    free(r);
}

static void add_file(run *r, const char *name, const char *text)
{
    dd_auto_str path = dd_path_join(r->context, name);

    assert_int_equal(dd_write_file(path, text, strlen(text), 0644, NULL), 0);
}

static void on_state(void *context, dd_run_state state)
{
    (void)context;
    assert_int_equal(state, DD_RUN_RUNNING);
}

static void on_step(void *context, const dd_step_report *report)
{
    run *r = context;
    size_t i = 0;

    while (i < r->step_count && strcmp(r->steps[i].id, report->id) != 0)
        i++;
    assert_true(i < STEPS_MAX);
    if (i == r->step_count)
        r->step_count++;
    else
        assert_true(dd_step_may_move(r->steps[i].state, report->state));
    free(r->messages[i]);
    r->steps[i] = *report;
    r->messages[i] = dd_strdup(report->message);
}

static void on_log(void *context, const char *step, dd_stream stream, const char *text, size_t length)
{
    run *r = context;

    dd_buf_printf(&r->log, "%s|%s|%.*s\n", step ? step : "", dd_stream_name(stream), (int)length, text);
    if (r->on_line && stream != DD_STREAM_SYSTEM) {
        dd_auto_str line = dd_strndup(text, length);
        r->on_line(r, step, line);
    }
}

static void on_may_push(void *context, const char *step)
{
    run *r = context;

    dd_executor_push_answer(r->executor, step, !r->pushes_denied);
}

static void on_done(dd_run_result *taken, void *context)
{
    run *r = context;

    assert_null(r->result);
    r->result = taken;
    event_base_loopbreak(r->base);
}

static void execute(run *r, dd_run_state expected)
{
    const dd_run_sink sink = {
        .state = on_state, .step = on_step, .log = on_log, .may_push = on_may_push, .context = r};

    r->base = event_base_new();
    assert_int_equal(dd_executor_new(r->base, r->job, &sink, &r->executor, NULL), 0);
    dd_executor_start(r->executor, on_done, r);
    event_base_dispatch(r->base);
    assert_non_null(r->result);
    if (r->result->state != expected)
        fail_msg("%s: %s\n%s", dd_run_state_name(r->result->state), r->result->message, r->log.data);
    assert_false(dd_path_exists(r->directory));
    test_engine_assert_clean(r->id);
}

static const dd_step_report *step_of(const run *r, const char *id)
{
    for (size_t i = 0; i < r->step_count; i++)
        if (strcmp(r->steps[i].id, id) == 0)
            return &r->steps[i];
    fail_msg("no report of step %s\n%s", id, r->log.data);
    return NULL;
}

static void assert_log(const run *r, const char *text)
{
    if (!r->log.data || !strstr(r->log.data, text))
        fail_msg("not in the log: %s\n%s", text, r->log.length ? r->log.data : "");
}

static void assert_step(const run *r, const char *id, dd_step_state state)
{
    if (step_of(r, id)->state != state)
        fail_msg("step %s: %s\n%s", id, dd_step_state_name(step_of(r, id)->state), r->log.data);
}

/* A run of this task file alone, `BASE` in it standing for the base image. */
static run *run_text(const char *taskfile)
{
    run *r = run_new();
    dd_auto(dd_buf) text = dd_buf_new();

    for (const char *at = taskfile; *at;) {
        const char *base = strstr(at, "BASE");
        dd_buf_add(text, at, base ? (size_t)(base - at) : strlen(at));
        if (!base)
            break;
        dd_buf_add_str(text, TEST_BASE_IMAGE);
        at = base + strlen("BASE");
    }
    add_file(r, "acr-task.yaml", text->data);
    return r;
}

/* ---- The main job ---- */

static char *push_base(const char *patch)
{
    dd_auto_str target = dd_sprintf("%s/base/busybox:1", registry.host);
    dd_auto_str file = dd_sprintf("%s/digest", work);
    dd_buf *digest = NULL;
    char *ret;

    test_engine_base(patch);
    free(TEST_OUTPUT("podman", "push", "--quiet", "--tls-verify=false", "--digestfile", file, TEST_BASE_IMAGE,
                     target));
    assert_int_equal(dd_buf_read_file(file, 200, &digest, NULL), 0);
    ret = dd_buf_steal(digest);
    dd_buf_free(digest);
    return ret;
}

static run *run_sample(void)
{
    run *r = run_new();

    add_file(r, "Dockerfile",
             "ARG REGISTRY=localhost\nFROM ${REGISTRY}/base/busybox:1 AS build\nRUN echo built > /built\n"
             "FROM ${REGISTRY}/base/busybox:1\nCOPY --from=build /built /built\n"
             "CMD [\"/bin/cat\", \"/etc/base-release\", \"/built\"]\n");
    add_file(r, "acr-task.yaml",
             "version: 1.0.0\nsteps:\n"
             "  - build: -t {{.Run.Registry}}/hello:{{.Run.ID}} --build-arg REGISTRY={{.Run.Registry}} .\n"
             "  - push: [\"{{.Run.Registry}}/hello:{{.Run.ID}}\"]\n"
             "  - id: check\n    cmd: \"{{.Run.Registry}}/hello:{{.Run.ID}}\"\n");
    return r;
}

static void the_sample_is_built_pushed_and_run(void **state)
{
    dd_auto_str base = push_base("1");
    dd_auto_str base_name = dd_sprintf("%s/base/busybox:1", registry.host);
    run *r = run_sample();
    dd_auto_str image = dd_sprintf("%s/hello:%s", registry.host, r->id);
    dd_auto_str url = dd_sprintf("http://%s/v2/hello/manifests/%s", registry.host, r->id);

    (void)state;
    execute(r, DD_RUN_SUCCEEDED);
    assert_log(r, "check|out|drydock-test/busybox 1 patch 1\n");
    assert_log(r, "check|out|built\n");
    assert_int_equal(r->result->image_count, 1);
    assert_string_equal(r->result->images[0].reference, image);
    dd_auto_str headers =
        TEST_OUTPUT("curl", "-sSI", "-H", "Accept: application/vnd.oci.image.manifest.v1+json", "-H",
                    "Accept: application/vnd.docker.distribution.manifest.v2+json", url);
    assert_non_null(strstr(headers, r->result->images[0].digest));
    assert_int_equal(r->result->base_count, 1);
    assert_string_equal(r->result->bases[0].reference, base_name);
    assert_string_equal(r->result->bases[0].digest, base);
    assert_true(r->result->bases[0].runtime);
    json_t *report = json_loads(r->result->dependencies, 0, NULL);
    json_t *one = json_array_get(report, 0);
    assert_string_equal(json_string_value(json_object_get(json_object_get(one, "image"), "digest")),
                        r->result->images[0].digest);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(one, "runtime-dependency"), "digest")), base);
    json_decref(report);
    run_free(r);
}

static void a_patched_base_is_fetched_although_its_tag_is_known(void **state)
{
    dd_auto_str first = push_base("2");
    run *r = run_sample();

    (void)state;
    execute(r, DD_RUN_SUCCEEDED);
    assert_log(r, "check|out|drydock-test/busybox 1 patch 2\n");
    assert_string_equal(r->result->bases[0].digest, first);
    run_free(r);
    dd_auto_str second = push_base("3");
    assert_string_not_equal(first, second);
    r = run_sample();
    execute(r, DD_RUN_SUCCEEDED);
    assert_log(r, "check|out|drydock-test/busybox 1 patch 3\n");
    assert_string_equal(r->result->bases[0].digest, second);
    run_free(r);
}

static void an_image_built_in_the_run_is_the_base_of_another(void **state)
{
    run *r = run_new();

    (void)state;
    add_file(r, "Dockerfile.one", "FROM " TEST_BASE_IMAGE "\nRUN echo one > /one\n");
    add_file(r, "Dockerfile.two", "ARG ID\nFROM drydock-one:${ID}\nRUN echo two >> /one\n");
    add_file(r, "acr-task.yaml",
             "steps:\n  - build: -f Dockerfile.one -t drydock-one:{{.Run.ID}} .\n"
             "  - build: -f Dockerfile.two -t drydock-two:{{.Run.ID}} --build-arg ID={{.Run.ID}} .\n"
             "  - cmd: drydock-two:{{.Run.ID}} cat /one\n    id: show\n");
    execute(r, DD_RUN_SUCCEEDED);
    assert_log(r, "show|out|one\nshow|out|two\n");
    /* Neither of them comes from outside. */
    for (size_t i = 0; i < r->result->base_count; i++)
        assert_null(strstr(r->result->bases[i].reference, "drydock-one"));
    dd_auto_str one = dd_sprintf("docker.io/library/drydock-one:%s", r->id);
    dd_auto_str two = dd_sprintf("docker.io/library/drydock-two:%s", r->id);
    free(TEST_OUTPUT("podman", "rmi", "--force", one, two));
    run_free(r);
}

static void a_push_needs_leave_and_a_refusal_fails_the_run(void **state)
{
    dd_auto_str base = push_base("4");
    run *r = run_sample();

    (void)state;
    r->pushes_denied = true;
    execute(r, DD_RUN_FAILED);
    assert_non_null(strstr(r->result->message, "may not push"));
    assert_step(r, "check", DD_STEP_SKIPPED);
    run_free(r);
}

static void a_registry_with_a_password_and_a_ca_of_its_own_is_pushed_to(void **state)
{
    test_registry closed;
    dd_auto_str directory = dd_path_join(work, "closed-registry");
    run *r = run_new();

    (void)state;
    test_registry_start(&closed, directory, (test_registry_options){.tls = true, .password = true});
    add_file(r, "Dockerfile", "FROM " TEST_BASE_IMAGE "\nRUN echo x > /x\n");
    dd_auto_str host = dd_sprintf("host=%s", closed.host);
    dd_strv_add(&r->job->sets, host);
    free(r->job->logins[0].host);
    r->job->logins[0] = (dd_login){.host = dd_strdup(closed.host),
                                   .username = dd_strdup(TEST_REGISTRY_USER),
                                   .password = dd_strdup(TEST_REGISTRY_PASSWORD),
                                   .ca_file = dd_strdup(closed.ca_file)};
    add_file(r, "acr-task.yaml",
             "steps:\n  - build: -t {{.Values.host}}/team/x:1 .\n  - push: ['{{.Values.host}}/team/x:1']\n"
             "  - id: show\n    cmd: \"{{.Values.host}}/team/x:1 sh -c 'echo password is s3cret'\"\n");
    execute(r, DD_RUN_SUCCEEDED);
    assert_log(r, "show|out|password is ***\n");
    assert_null(strstr(r->log.data, TEST_REGISTRY_PASSWORD));
    assert_non_null(r->result->images[0].digest);
    run_free(r);
    test_registry_stop(&closed);
}

/* ---- Images that others name, in a store that all runs of a worker share ---- */

#define FORGE "steps:\n  - build: -t {{.Run.Registry}}/base/busybox:1 -f Forged .\n"
#define USE                                                                                                  \
    "steps:\n  - {id: use, cmd: \"{{.Run.Registry}}/base/busybox:1 cat /etc/base-release\"}\n"               \
    "  - build: -t built:1 -f Use --build-arg REGISTRY={{.Run.Registry}} .\n"                                \
    "  - {id: built, cmd: \"built:1 cat /etc/base-release /copied\"}\n"

static run *run_shared(const char *taskfile)
{
    run *r = run_new();

    r->job->shared_images = true;
    add_file(r, "acr-task.yaml", taskfile);
    add_file(r, "Forged", "FROM " TEST_BASE_IMAGE "\nRUN echo forged > /etc/base-release\n");
    add_file(r, "Use",
             "ARG REGISTRY\nFROM ${REGISTRY}/base/busybox:1\nARG REGISTRY\n"
             "COPY --from=${REGISTRY}/base/busybox:1 /etc/base-release /copied\n");
    return r;
}

/* Does another run get the registry's image? */
static void assert_real_image(const char *digest, const char *release)
{
    run *r = run_shared(USE);
    dd_auto_str used = dd_sprintf("use|out|%s\n", release);
    dd_auto_str built = dd_sprintf("built|out|%s\nbuilt|out|%s\n", release, release);

    execute(r, DD_RUN_SUCCEEDED);
    assert_log(r, used);
    assert_log(r, built);
    assert_null(strstr(r->log.data, "|forged"));
    assert_int_equal(r->result->base_count, 1);
    assert_string_equal(r->result->bases[0].digest, digest);
    assert_non_null(strstr(r->result->dependencies, digest));
    run_free(r);
}

static void use_while_forged(run *r, const char *step, const char *text)
{
    if (strcmp(step, "wait") != 0 || strcmp(text, "forged") != 0)
        return;
    assert_real_image(r->on_line_data, "drydock-test/busybox 1 patch 5");
    dd_auto_str go = dd_sprintf("%s/workspace/go", r->directory);
    assert_int_equal(dd_write_file(go, "", 0, 0644, NULL), 0);
}

static void an_image_that_one_run_names_is_not_what_another_gets(void **state)
{
    dd_auto_str digest = push_base("5");
    dd_auto_str name = dd_sprintf("%s/base/busybox:1", registry.host);
    run *r = run_shared(
        FORGE "  - {id: wait, cmd: \"{{.Run.Registry}}/base/busybox:1 sh -c 'cat /etc/base-release; "
              "until test -e go; do sleep 0.05; done'\"}\n");

    (void)state;
    r->on_line = use_while_forged;
    r->on_line_data = digest;
    execute(r, DD_RUN_SUCCEEDED);
    assert_log(r, "wait|out|forged\n"); /* its own it gets */
    assert_real_image(digest, "drydock-test/busybox 1 patch 5");
    run_free(r);
    /* Nor does a name in the store count that is there already. */
    free(TEST_OUTPUT("podman", "tag", "localhost/drydock-test/busybox:1", name));
    dd_auto_str newer = push_base("6");
    test_engine_base("7");
    free(TEST_OUTPUT("podman", "tag", "localhost/drydock-test/busybox:1", name));
    assert_real_image(newer, "drydock-test/busybox 1 patch 6");
}

static void only_what_a_run_has_built_is_pushed(void **state)
{
    run *r = run_shared("steps:\n  - push: ['{{.Run.Registry}}/base/busybox:1']\n");
    dd_auto_str digest = push_base("8");

    (void)state;
    execute(r, DD_RUN_FAILED);
    assert_non_null(strstr(r->result->message, "the run has built no image"));
    run_free(r);
}

static void without_its_registry_a_known_image_is_run_but_not_built_on(void **state)
{
    test_registry away;
    dd_auto_str directory = dd_path_join(work, "registry-away");
    dd_auto_str base = push_base("9");

    (void)state;
    test_registry_start(&away, directory, (test_registry_options){0});
    dd_auto_str host = dd_strdup(away.host);
    dd_auto_str name = dd_sprintf("%s/x:1", host);
    free(TEST_OUTPUT("podman", "push", "--quiet", "--tls-verify=false", TEST_BASE_IMAGE, name));
    for (int up = 1; up >= 0; up--) {
        run *r = run_shared("steps:\n  - {id: use, cmd: '{{.Run.Registry}}/x:1 cat /etc/base-release'}\n"
                            "  - build: -t {{.Run.Registry}}/y:1 -f Own .\n"
                            "  - {id: own, cmd: '{{.Run.Registry}}/y:1 cat /own'}\n"
                            "  - build: -f On --build-arg REGISTRY={{.Run.Registry}} .\n");
        add_file(r, "Own", "FROM " TEST_BASE_IMAGE "\nRUN echo own > /own\n");
        add_file(r, "On", "ARG REGISTRY\nFROM ${REGISTRY}/y:1\nFROM ${REGISTRY}/x:1\n");
        free(r->job->registry);
        r->job->registry = dd_strdup(host);
        free(r->job->logins[0].host);
        r->job->logins[0].host = dd_strdup(host);
        execute(r, up ? DD_RUN_SUCCEEDED : DD_RUN_FAILED);
        assert_log(r, "use|out|drydock-test/busybox 1 patch 9\n");
        assert_log(r, "own|out|own\n");
        if (!up)
            assert_non_null(strstr(r->result->message, "could not be fetched"));
        run_free(r);
        if (up)
            test_registry_stop(&away);
    }
}

/* ---- What a base has builds on it do ---- */

/* Only in docker's form an image has them. */
static void push_triggering(const char *name, const char *trigger)
{
    dd_auto_str directory = dd_path_join(work, "triggering");
    dd_auto_str file = dd_path_join(directory, "Dockerfile");
    dd_auto_str text = dd_sprintf("FROM " TEST_BASE_IMAGE "\nONBUILD RUN echo first\nONBUILD %s\n", trigger);

    assert_int_equal(dd_mkdirs(directory, 0755, NULL), 0);
    assert_int_equal(dd_write_file(file, text, strlen(text), 0644, NULL), 0);
    free(TEST_OUTPUT("podman", "build", "--quiet", "--format", "docker", "--tag", name, directory));
    free(TEST_OUTPUT("podman", "push", "--quiet", "--tls-verify=false", name));
    free(TEST_OUTPUT("podman", "rmi", "--force", name));
}

static run *run_on(const char *dockerfile)
{
    run *r = run_new();

    r->job->shared_images = true;
    add_file(r, "Dockerfile", dockerfile);
    add_file(r, "acr-task.yaml", "steps:\n  - build: -t on:1 --build-arg R={{.Run.Registry}} .\n");
    return r;
}

static void a_base_whose_onbuild_mounts_the_machine_is_refused(void **state)
{
    static const char *const triggers[] = {
        "RUN --mount=type=bind,source=/,target=/host,rw touch /host/reached",
        "RUN --mount=type=cache,id=../../../..,target=/host touch /host/reached"};
    static const char *const dockerfiles[] = {
        "ARG R\nFROM $R/evil:1\n", "ARG R\nFROM $R/evil:1 AS evil\nFROM scratch\nCOPY --from=evil /bin /\n",
        "ARG R\nFROM \\\n  --platform=$BUILDPLATFORM  ${R:-x}/evil:1 AS e\nFROM e\n"};
    dd_auto_str name = dd_sprintf("%s/evil:1", registry.host);

    (void)state;
    for (size_t i = 0; i < DD_COUNT(triggers); i++) {
        push_triggering(name, triggers[i]);
        for (size_t d = 0; d < DD_COUNT(dockerfiles); d++) {
            run *r = run_on(dockerfiles[d]);
            execute(r, DD_RUN_FAILED);
            assert_non_null(strstr(r->result->message, "ONBUILD"));
            assert_null(strstr(r->log.data, "STEP"));
            run_free(r);
        }
    }
    /* Nothing that is built is built on it. */
    run *r = run_on("ARG R\nFROM $R/evil:1 AS unused\nFROM " TEST_BASE_IMAGE "\nRUN echo fine\n");
    execute(r, DD_RUN_SUCCEEDED);
    run_free(r);
    r = run_on("ARG R\nFROM " TEST_BASE_IMAGE "\nRUN <<EOF\nFROM $R/evil:1\nEOF\n");
    execute(r, DD_RUN_FAILED);
    assert_non_null(strstr(r->result->message, "here-documents"));
    run_free(r);
}

static void a_base_with_an_ordinary_onbuild_is_built_on(void **state)
{
    dd_auto_str name = dd_sprintf("%s/fine:1", registry.host);
    run *r = run_on("ARG R\nFROM $R/fine:1\nRUN cat /cache/second\n");

    (void)state;
    push_triggering(
        name, "RUN --mount=type=cache,id=drydock-test,target=/x mkdir /cache && echo two > /cache/second");
    execute(r, DD_RUN_SUCCEEDED);
    assert_log(r, "|out|two\n");
    run_free(r);
}

/* ---- Order ---- */

static void steps_without_needs_run_side_by_side_in_one_workspace(void **state)
{
    /* Each waits for what the other writes: one after the other, neither would end. */
    run *r = run_text(
        "stepTimeout: 20\nsteps:\n"
        "  - {id: a, when: ['-'], cmd: \"BASE sh -c 'touch a; until test -e b; do sleep 0.05; done'\"}\n"
        "  - {id: b, when: ['-'], cmd: \"BASE sh -c 'touch b; until test -e a; do sleep 0.05; done'\"}\n"
        "  - {id: c, when: [a, b], cmd: \"BASE ls\"}\n");
    dd_auto_str written = dd_path_join(r->context, "a");

    (void)state;
    execute(r, DD_RUN_SUCCEEDED);
    assert_log(r, "c|out|a\nc|out|acr-task.yaml\nc|out|b\n");
    /* The user's own tree is untouched. */
    assert_false(dd_path_exists(written));
    run_free(r);
}

static void a_failure_ends_the_run_and_names_the_step(void **state)
{
    run *r = run_text("steps:\n  - {id: long, when: ['-'], cmd: BASE sleep 1000}\n"
                      "  - {id: bad, when: ['-'], cmd: \"BASE sh -c 'sleep 0.5; exit 3'\"}\n"
                      "  - {id: after, when: [long], cmd: BASE true}\n");

    (void)state;
    execute(r, DD_RUN_FAILED);
    assert_string_equal(r->result->message, "step 'bad': exit status 3");
    assert_step(r, "long", DD_STEP_CANCELED);
    assert_step(r, "after", DD_STEP_SKIPPED);
    assert_int_equal(step_of(r, "bad")->exit_code, 3);
    assert_null(r->result->dependencies);
    run_free(r);
}

static void ignored_errors_stop_nothing(void **state)
{
    run *r = run_text(
        "steps:\n  - {id: bad, ignoreErrors: true, cmd: BASE false}\n  - {id: next, cmd: BASE true}\n");

    (void)state;
    execute(r, DD_RUN_SUCCEEDED);
    assert_step(r, "bad", DD_STEP_SUCCEEDED);
    assert_step(r, "next", DD_STEP_SUCCEEDED);
    run_free(r);
}

static void retries_go_on_until_it_works(void **state)
{
    run *r = run_text("steps:\n  - id: flaky\n    retries: 4\n    retryDelay: 1\n"
                      "    cmd: BASE sh -c 'echo x >> tries; test $(wc -l < tries) = 3'\n"
                      "  - id: wrong\n    retries: 4\n    retryDelay: 1\n    retryOnErrors: [timeout]\n"
                      "    ignoreErrors: true\n    cmd: BASE sh -c 'echo refused >&2; exit 1'\n");

    (void)state;
    execute(r, DD_RUN_SUCCEEDED);
    assert_int_equal(step_of(r, "flaky")->attempts, 3);
    assert_int_equal(step_of(r, "wrong")->attempts, 1);
    assert_log(r, "wrong|err|refused\n");
    run_free(r);
}

static void repeat_goes_on_after_a_round_that_failed_and_fails_the_step(void **state)
{
    run *r = run_text("steps:\n  - id: rounds\n    repeat: 2\n    keep: true\n"
                      "    cmd: BASE sh -c 'echo x >> rounds; test $(wc -l < rounds) != 2'\n");

    (void)state;
    execute(r, DD_RUN_FAILED);
    assert_int_equal(step_of(r, "rounds")->attempts, 3);
    run_free(r);
}

static void a_step_is_stopped_at_its_time_limit(void **state)
{
    run *r = run_text("steps:\n  - {id: slow, timeout: 1, retries: 3, cmd: \"BASE sh -c 'trap \\\"\\\" TERM; "
                      "while :; do sleep 1; done'\"}\n");

    (void)state;
    execute(r, DD_RUN_FAILED);
    assert_step(r, "slow", DD_STEP_TIMEOUT);
    assert_int_equal(step_of(r, "slow")->attempts, 1);
    assert_string_equal(r->result->message, "step 'slow': it took longer than 1 s");
    run_free(r);
}

static void the_whole_run_has_a_time_limit(void **state)
{
    run *r = run_text("steps:\n  - {id: slow, cmd: BASE sleep 1000}\n");

    (void)state;
    r->job->timeout_s = 2;
    execute(r, DD_RUN_TIMEOUT);
    assert_step(r, "slow", DD_STEP_CANCELED);
    run_free(r);
}

static void a_service_is_reached_by_its_steps_name(void **state)
{
    run *r = run_text("steps:\n  - id: web\n    cmd: -d --name other BASE httpd -f -p 80 -h /workspace\n"
                      "  - id: test\n    retries: 5\n    retryDelay: 1\n"
                      "    cmd: BASE sh -c 'wget -q -O - http://web/acr-task.yaml | head -n 1 &&"
                      " wget -q -O - http://other/acr-task.yaml >/dev/null'\n");

    (void)state;
    execute(r, DD_RUN_SUCCEEDED);
    assert_log(r, "test|out|steps:\n");
    run_free(r);
}

static void exit_codes_of_the_engine_are_told_in_words(void **state)
{
    run *r = run_text("steps:\n  - {id: a, ignoreErrors: true, cmd: BASE /no/such/program}\n"
                      "  - {id: b, ignoreErrors: true, cmd: BASE /etc/passwd}\n");

    (void)state;
    execute(r, DD_RUN_SUCCEEDED);
    assert_int_equal(step_of(r, "a")->exit_code, 127);
    assert_int_equal(step_of(r, "b")->exit_code, 126);
    assert_log(r, "not found");
    assert_log(r, "cannot be executed");
    run_free(r);
}

/* ---- What a step is given ---- */

static void look_for_secret_in_arguments(run *r, const char *step, const char *text)
{
    struct dirent *entry;
    int *looked = r->on_line_data;
    DIR *proc;

    (void)step;
    if (strcmp(text, "ready") != 0)
        return;
    proc = opendir("/proc");
    while ((entry = readdir(proc))) {
        dd_auto_str path = dd_sprintf("/proc/%s/cmdline", entry->d_name);
        dd_auto(dd_buf) arguments = NULL;
        if (dd_buf_read_file(path, 1 << 20, &arguments, NULL) < 0 || arguments->length == 0)
            continue;
        assert_null(memmem(arguments->data, arguments->length, "very-private", strlen("very-private")));
        (*looked)++;
    }
    closedir(proc);
}

static void the_environment_is_given_but_never_as_an_argument(void **state)
{
    int looked = 0;
    run *r =
        run_text("env: [\"FROM_TASK=1\"]\nsteps:\n  - id: show\n    workingDirectory: sub/dir\n"
                 "    env: [\"KEY=very-private\", \"LINES_=one\\nvery-private two\", \"SPACED='a b'\"]\n"
                 "    cmd: BASE sh -c 'echo ready; sleep 0.5; env | sort; pwd; id -u'\n    user: '1000'\n");

    (void)state;
    r->on_line = look_for_secret_in_arguments;
    r->on_line_data = &looked;
    execute(r, DD_RUN_SUCCEEDED);
    assert_true(looked > 0);
    assert_log(r, "show|out|FROM_TASK=1\n");
    assert_log(r, "show|out|KEY=very-private\n");
    assert_log(r, "show|out|LINES_=one\n");
    assert_log(r, "show|out|very-private two\n");
    assert_log(r, "show|out|SPACED=a b\n");
    assert_log(r, "show|out|HOME=/acb/home\n");
    assert_log(r, "show|out|/workspace/sub/dir\n");
    assert_log(r, "show|out|1000\n");
    run_free(r);
}

static void what_would_hand_over_the_machine_is_refused(void **state)
{
    static const char *const steps[] = {
        "cmd: BASE true\n    privileged: true",
        "cmd: BASE true\n    dockerSocket: true",
        "cmd: -v /etc:/host BASE true",
        "cmd: --network host BASE true",
        "cmd: BASE true\n    network: host",
        "cmd: BASE true\n    network: container:x",
        "cmd: BASE true\n    network: ns:/proc/1/ns/net",
        "cmd: BASE true\n    ports: ['0.0.0.0:80:80']",
        "build: -t x --volume /:/host .",
        "build: -t x --network host .",
        "build: -t x /etc",
        "build: -t x ..",
        "build: -t x out",
        "build: -t x -f out/passwd .",
        "build: -t x -f ../../../etc/passwd .",
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(steps); i++) {
        dd_auto_str text = dd_sprintf("steps:\n  - %s\n", steps[i]);
        run *r = run_text(text);
        dd_auto_str link = dd_path_join(r->context, "out");
        assert_int_equal(symlink("/etc", link), 0);
        execute(r, DD_RUN_FAILED);
        assert_int_equal(step_of(r, "acb_step_0")->attempts, 0);
        run_free(r);
    }
}

/* ---- Task files that are none ---- */

static void a_task_file_that_cannot_be_used_fails_with_its_place(void **state)
{
    static const struct {
        const char *name, *text, *expected;
    } cases[] = {
        {"other.yaml", "steps: []\n", "acr-task.yaml: error: "},
        {"acr-task.yaml", "steps:\n  - cmd: [\n", "acr-task.yaml:3:1: error: "},
        {"acr-task.yaml", "steps:\n  - id: a\n    cmd: x\n  - id: b\n    cmd: x\n    when: [lint]\n",
         "acr-task.yaml:6:11: error: "},
        {"acr-task.yaml", "steps:\n  - cmd: '{{.Run.ID'\n", "acr-task.yaml:2:"},
        {"drydock.yaml", "steps:\n  - nothing: 1\n", "drydock.yaml:2:5: error: "},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        run *r = run_new();
        add_file(r, cases[i].name, cases[i].text);
        execute(r, DD_RUN_FAILED);
        if (strncmp(r->result->message, cases[i].expected, strlen(cases[i].expected)) != 0)
            fail_msg("%s instead of %s", r->result->message, cases[i].expected);
        assert_log(r, cases[i].expected);
        assert_int_equal(r->step_count, 0);
        run_free(r);
    }
}

static void a_task_file_outside_of_the_context_is_not_read(void **state)
{
    run *r = run_new();
    dd_auto_str link = dd_path_join(r->context, "acr-task.yaml");

    (void)state;
    assert_int_equal(symlink("/etc/passwd", link), 0);
    execute(r, DD_RUN_FAILED);
    assert_null(strstr(r->log.data, "root"));
    run_free(r);
}

/* ---- Logs ---- */

static void a_log_is_cut_at_its_limit_and_the_run_goes_on(void **state)
{
    run *r = run_text("steps:\n  - {id: loud, cmd: \"BASE sh -c 'yes 0123456789 | head -n 200000'\"}\n"
                      "  - {id: next, cmd: BASE true}\n");

    (void)state;
    r->job->log_max_bytes = 10000;
    execute(r, DD_RUN_SUCCEEDED);
    assert_true(r->log.length < 40000);
    assert_log(r, "the log is at its limit of 10000 bytes");
    assert_log(r, "next|system|succeeded");
    run_free(r);
}

static void see_partial_line(run *r, const char *step, const char *text)
{
    (void)step;
    if (strcmp(text, "Continue? ") == 0)
        dd_executor_cancel(r->executor, DD_RUN_CANCELED, "seen");
}

static void a_partial_line_is_shown_while_the_step_waits(void **state)
{
    run *r = run_text("steps:\n  - {id: ask, cmd: \"BASE sh -c 'printf \\\"Continue? \\\"; sleep 1000'\"}\n");

    (void)state;
    r->on_line = see_partial_line;
    execute(r, DD_RUN_CANCELED);
    run_free(r);
}

/* ---- The end ---- */

static void cancel_when_begun(run *r, const char *step, const char *text)
{
    (void)step;
    if (strcmp(text, "begun") == 0)
        dd_executor_cancel(r->executor, DD_RUN_CANCELED, "somebody asked for it");
}

static run *run_long_build(const char *command)
{
    run *r = run_new();
    dd_auto_str text = dd_sprintf("FROM " TEST_BASE_IMAGE "\nRUN echo %s; %s\n", r->id, command);

    add_file(r, "Dockerfile", text);
    add_file(r, "acr-task.yaml", "steps:\n  - {id: build, build: -t localhost/drydock-test/never:1 .}\n");
    return r;
}

static void a_build_is_canceled_in_its_middle(void **state)
{
    static const char *const commands[] = {"echo begun; sleep 1000",
                                           "trap '' HUP INT TERM; echo begun; while :; do sleep 1; done"};

    (void)state;
    for (size_t i = 0; i < DD_COUNT(commands); i++) {
        run *r = run_long_build(commands[i]);
        r->on_line = cancel_when_begun;
        execute(r, DD_RUN_CANCELED);
        assert_string_equal(r->result->message, "somebody asked for it");
        assert_step(r, "build", DD_STEP_CANCELED);
        run_free(r);
    }
}

static void steps_deaf_to_being_asked_are_killed(void **state)
{
    run *r = run_text("steps:\n  - id: deaf\n    cmd: BASE sh -c 'trap \"\" TERM HUP INT; echo begun;"
                      " while :; do sleep 1; done'\n");

    (void)state;
    r->on_line = cancel_when_begun;
    execute(r, DD_RUN_CANCELED);
    run_free(r);
}

static void a_run_canceled_at_its_start_ends_at_once(void **state)
{
    run *r = run_text("steps:\n  - {cmd: BASE true}\n");
    const dd_run_sink sink = {
        .state = on_state, .step = on_step, .log = on_log, .may_push = on_may_push, .context = r};

    (void)state;
    r->base = event_base_new();
    assert_int_equal(dd_executor_new(r->base, r->job, &sink, &r->executor, NULL), 0);
    dd_executor_start(r->executor, on_done, r);
    dd_executor_cancel(r->executor, DD_RUN_CANCELED, "at once");
    dd_executor_cancel(r->executor, DD_RUN_ERROR, "again");
    event_base_dispatch(r->base);
    assert_int_equal(r->result->state, DD_RUN_CANCELED);
    assert_string_equal(r->result->message, "at once");
    assert_int_equal(r->step_count, 0);
    assert_false(dd_path_exists(r->directory));
    run_free(r);
}

static void tell_parent(run *r, const char *step, const char *text)
{
    (void)step;
    if (strcmp(text, "begun") == 0)
        dprintf(*(int *)r->on_line_data, "x");
}

/* No assertion in here: a failed one would go on with the parent's tests. */
_Noreturn static void run_until_killed(run *r, int fd)
{
    const dd_run_sink sink = {
        .state = on_state, .step = on_step, .log = on_log, .may_push = on_may_push, .context = r};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    r->on_line = tell_parent;
    r->on_line_data = &fd;
    r->base = event_base_new();
    if (dd_executor_new(r->base, r->job, &sink, &r->executor, NULL) == 0) {
        dd_executor_start(r->executor, on_done, r);
        event_base_dispatch(r->base);
    }
    fprintf(stderr, "%s", r->log.data);
    _exit(1);
}

static void what_a_killed_process_left_is_removed(void **state)
{
    static const char build[] = "trap '' HUP; echo begun; while :; do sleep 1; done";
    run *r = run_long_build(build);
    int fds[2];
    char byte[2];
    pid_t pid;

    (void)state;
    add_file(r, "acr-task.yaml",
             "steps:\n  - {id: build, when: ['-'], build: -t localhost/drydock-test/never:1 .}\n"
             "  - {id: cmd, when: ['-'], cmd: \"" TEST_BASE_IMAGE " sh -c 'echo begun; sleep 1000'\"}\n");
    assert_int_equal(pipe(fds), 0);
    pid = fork();
    if (pid == 0)
        run_until_killed(r, fds[1]);
    close(fds[1]);
    assert_int_equal(read(fds[0], byte, 1), 1);
    assert_int_equal(read(fds[0], byte, 1), 1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(fds[0]);
    assert_true(dd_path_exists(r->directory));
    dd_auto(dd_error) error = NULL;
    if (dd_run_clean(NULL, r->attempt, r->directory, &error) < 0)
        fail_msg("%s", error->message);
    assert_false(dd_path_exists(r->directory));
    test_engine_assert_clean(r->id);
    /* Again, with nothing there. */
    assert_int_equal(dd_run_clean(NULL, r->attempt, r->directory, NULL), 0);
    run_free(r);
}

static void count_networks(run *r, const char *step, const char *text)
{
    dd_auto_str label = dd_sprintf("--filter=label=io.drydock.run=%s", r->id);
    dd_auto_str names = TEST_OUTPUT("podman", "network", "ls", "--quiet", label);

    (void)step, (void)text;
    *(bool *)r->on_line_data = *names != '\0';
}

static void a_network_is_made_only_for_steps_that_could_meet(void **state)
{
    static const struct {
        const char *taskfile;
        bool network;
    } cases[] = {
        {"steps:\n  - cmd: BASE echo x\n", false},
        {"steps:\n  - cmd: BASE true\n  - cmd: BASE echo x\n", false},
        {"steps:\n  - {detach: true, cmd: BASE sleep 1000}\n  - cmd: BASE echo x\n", true},
        {"steps:\n  - {when: ['-'], cmd: BASE echo x}\n  - {when: ['-'], cmd: BASE true}\n", true},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        run *r = run_text(cases[i].taskfile);
        bool network = !cases[i].network;
        r->on_line = count_networks;
        r->on_line_data = &network;
        execute(r, DD_RUN_SUCCEEDED);
        assert_int_equal(network, cases[i].network);
        run_free(r);
    }
}

/* What somebody else cleans up while the step waits. */
static void clean_up_others(run *r, const char *step, const char *text)
{
    dd_auto_str other_drydock = dd_sprintf("other-%s-1", r->id);
    dd_auto_str next_lease = dd_sprintf("test-%s-2", r->id);
    dd_auto_str nowhere = dd_path_join(work, "nowhere");

    (void)step;
    if (strcmp(text, "begun") != 0)
        return;
    assert_int_equal(dd_run_clean(NULL, other_drydock, nowhere, NULL), 0);
    assert_int_equal(dd_run_clean(NULL, next_lease, nowhere, NULL), 0);
    add_file(r, "go", "");
}

static void another_drydock_and_another_lease_leave_a_run_alone(void **state)
{
    static const char wait[] =
        "echo begun; until test -e go; do sleep 0.05; done; nslookup service && echo on";
    run *r = run_new();
    dd_auto_str text =
        dd_sprintf("steps:\n  - {id: service, detach: true, keep: true, when: ['-'], cmd: %s sleep 1000}\n"
                   "  - {id: wait, when: ['-'], cmd: \"%s sh -c '%s'\"}\n",
                   TEST_BASE_IMAGE, TEST_BASE_IMAGE, wait);

    (void)state;
    /* Under the same run id both at once; the checkout is a copy, so the file is made where the step looks.
     */
    free(r->context);
    r->context = dd_sprintf("%s/workspace", r->directory);
    dd_auto_str path = dd_path_join(r->job->local_context, "acr-task.yaml");
    assert_int_equal(dd_write_file(path, text, strlen(text), 0644, NULL), 0);
    r->on_line = clean_up_others;
    execute(r, DD_RUN_SUCCEEDED);
    assert_log(r, "wait|out|on\n");
    run_free(r);
}

static void an_engine_that_is_missing_is_an_error_with_its_name(void **state)
{
    run *r = run_text("steps:\n  - {cmd: BASE true}\n");
    const dd_run_sink sink = {
        .state = on_state, .step = on_step, .log = on_log, .may_push = on_may_push, .context = r};
    dd_auto_str path = dd_strdup(getenv("PATH"));

    (void)state;
    setenv("PATH", "/nowhere", 1);
    r->base = event_base_new();
    assert_int_equal(dd_executor_new(r->base, r->job, &sink, &r->executor, NULL), 0);
    dd_executor_start(r->executor, on_done, r);
    event_base_dispatch(r->base);
    setenv("PATH", path, 1);
    assert_int_equal(r->result->state, DD_RUN_ERROR);
    assert_non_null(strstr(r->result->message, "podman"));
    assert_false(dd_path_exists(r->directory));
    run_free(r);
}

/* ---- Set-up ---- */

static int set_up(void **state)
{
    char path[] = "/tmp/drydock-executor.XXXXXX";
    dd_auto_str engine = NULL;
    dd_auto_str files = NULL;

    (void)state;
    assert_non_null(mkdtemp(path));
    work = dd_strdup(path);
    engine = dd_path_join(work, "engine");
    files = dd_path_join(work, "registry");
    test_engine_start(engine);
    test_registry_start(&registry, files, (test_registry_options){0});
    return 0;
}

static int tear_down(void **state)
{
    dd_auto_str engine = dd_path_join(work, "engine");

    (void)state;
    test_registry_stop(&registry);
    test_engine_stop(engine);
    dd_remove_tree(work, NULL);
    free(work);
    return 0;
}

/* With an argument: only the tests of that pattern. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_is_built_pushed_and_run),
        cmocka_unit_test(a_patched_base_is_fetched_although_its_tag_is_known),
        cmocka_unit_test(an_image_built_in_the_run_is_the_base_of_another),
        cmocka_unit_test(a_push_needs_leave_and_a_refusal_fails_the_run),
        cmocka_unit_test(an_image_that_one_run_names_is_not_what_another_gets),
        cmocka_unit_test(only_what_a_run_has_built_is_pushed),
        cmocka_unit_test(without_its_registry_a_known_image_is_run_but_not_built_on),
        cmocka_unit_test(a_base_whose_onbuild_mounts_the_machine_is_refused),
        cmocka_unit_test(a_base_with_an_ordinary_onbuild_is_built_on),
        cmocka_unit_test(a_registry_with_a_password_and_a_ca_of_its_own_is_pushed_to),
        cmocka_unit_test(steps_without_needs_run_side_by_side_in_one_workspace),
        cmocka_unit_test(a_failure_ends_the_run_and_names_the_step),
        cmocka_unit_test(ignored_errors_stop_nothing),
        cmocka_unit_test(retries_go_on_until_it_works),
        cmocka_unit_test(repeat_goes_on_after_a_round_that_failed_and_fails_the_step),
        cmocka_unit_test(a_step_is_stopped_at_its_time_limit),
        cmocka_unit_test(the_whole_run_has_a_time_limit),
        cmocka_unit_test(a_service_is_reached_by_its_steps_name),
        cmocka_unit_test(exit_codes_of_the_engine_are_told_in_words),
        cmocka_unit_test(the_environment_is_given_but_never_as_an_argument),
        cmocka_unit_test(what_would_hand_over_the_machine_is_refused),
        cmocka_unit_test(a_task_file_that_cannot_be_used_fails_with_its_place),
        cmocka_unit_test(a_task_file_outside_of_the_context_is_not_read),
        cmocka_unit_test(a_log_is_cut_at_its_limit_and_the_run_goes_on),
        cmocka_unit_test(a_partial_line_is_shown_while_the_step_waits),
        cmocka_unit_test(a_build_is_canceled_in_its_middle),
        cmocka_unit_test(steps_deaf_to_being_asked_are_killed),
        cmocka_unit_test(a_run_canceled_at_its_start_ends_at_once),
        cmocka_unit_test(what_a_killed_process_left_is_removed),
        cmocka_unit_test(a_network_is_made_only_for_steps_that_could_meet),
        cmocka_unit_test(another_drydock_and_another_lease_leave_a_run_alone),
        cmocka_unit_test(an_engine_that_is_missing_is_an_error_with_its_name),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
