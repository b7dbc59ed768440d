/* Command lines: what each engine is told, and which options a task file may write. */
#include "runner/clean.h"
#include "runner/dockerfile_private.h"
#include "runner/engine.h"
#include "runner/options.h"
#include "runner/runner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ---- Engines ---- */

static dd_strv *list(const char *const *texts)
{
    dd_strv *ret = dd_strv_new();

    dd_strv_add_all(ret, texts);
    return ret;
}
#define LIST(...) list((const char *const[]){__VA_ARGS__, NULL})

static void assert_argv(dd_strv *argv, const char *expected)
{
    dd_auto_str text = dd_strv_join(argv, " ");

    assert_string_equal(text, expected);
    dd_strv_done(argv);
}

static const dd_engine_scope scope = {.run = "ca1",
                                      .attempt = "i-ca1-3",
                                      .cgroup = "/drydock/ca1",
                                      .auth_file = "/d/auth.json",
                                      .limits = true};

static void a_step_runs_without_privileges_and_is_marked_as_the_runs(void **state)
{
    dd_auto(dd_strv) aliases = LIST("test", "web");
    dd_auto(dd_strv) volumes = LIST("/d/workspace:/workspace");
    dd_auto(dd_strv) names = LIST("KEY");
    dd_auto(dd_strv) ports = LIST("127.0.0.1:80:80");
    dd_auto(dd_strv) expose = LIST("81");
    dd_auto(dd_strv) options = LIST("--memory=1g");
    dd_auto(dd_strv) arguments = LIST("echo", "a b");
    dd_engine_run run = {.step = "test",
                         .name = "drydock-ca1-test",
                         .image = "r/i:1",
                         .network = "drydock-ca1",
                         .aliases = aliases,
                         .entry_point = "sh",
                         .user = "1000",
                         .cpus = "2",
                         .working_directory = "/workspace",
                         .env_file = "/d/env",
                         .env_names = names,
                         .volumes = volumes,
                         .ports = ports,
                         .expose = expose,
                         .options = options,
                         .arguments = arguments,
                         .fetch = DD_FETCH_NEWER,
                         .tls = {.plain_http = true}};
    dd_strv argv = {0};

    (void)state;
    dd_engine_podman.run(&scope, &run, &argv);
    assert_argv(
        &argv, "podman run --pull=newer --authfile=/d/auth.json --tls-verify=false --name=drydock-ca1-test "
               "--label=io.drydock.run=ca1 --label=io.drydock.attempt=i-ca1-3 --label=io.drydock.step=test "
               "--rm --log-driver=none "
               "--security-opt=no-new-privileges --cap-drop=all --cap-add=CHOWN --cap-add=DAC_OVERRIDE "
               "--cap-add=FOWNER --cap-add=FSETID --cap-add=KILL --cap-add=NET_BIND_SERVICE --cap-add=SETGID "
               "--cap-add=SETUID --cgroup-parent=/drydock/ca1 --pids-limit=2048 --network=drydock-ca1 "
               "--network-alias=test --network-alias=web --volume=/d/workspace:/workspace --env-file=/d/env "
               "--env=KEY --publish=127.0.0.1:80:80 --expose=81 --user=1000 --cpus=2 --entrypoint=sh "
               "--workdir=/workspace --memory=1g -- r/i:1 echo a b");
}

static void a_service_is_detached_and_a_kept_one_stays(void **state)
{
    dd_strv argv = {0};

    (void)state;
    dd_engine_podman.run(
        &(dd_engine_scope){.run = "ca1"},
        &(dd_engine_run){.step = "s", .name = "n", .image = "i", .detach = true, .keep = true}, &argv);
    assert_true(dd_strv_contains(&argv, "--detach"));
    assert_true(dd_strv_contains(&argv, "--pull=never"));
    assert_false(dd_strv_contains(&argv, "--rm"));
    /* Rootless on cgroup version 1: an engine refuses limits there. */
    assert_false(dd_strv_contains(&argv, "--pids-limit=2048"));
    dd_strv_done(&argv);
}

static void a_build_names_its_files_tags_and_arguments(void **state)
{
    dd_auto(dd_strv) tags = LIST("r/i:1", "r/i:2");
    dd_auto(dd_strv) args = LIST("A=b c");
    dd_auto(dd_strv) options = LIST("--no-cache");
    dd_engine_build build = {.file = "/d/Dockerfile",
                             .target = "t",
                             .network = "none",
                             .context = "/d/workspace",
                             .cgroup = "/drydock/ca1/build-0",
                             .tags = tags,
                             .build_args = args,
                             .options = options,
                             .id_file = "/d/image",
                             .tls = {.cert_dir = "/d/certs"}};
    dd_strv argv = {0};

    (void)state;
    dd_engine_podman.build(&scope, &build, &argv);
    assert_argv(&argv, "podman build --pull=never --authfile=/d/auth.json --cert-dir=/d/certs "
                       "--cgroup-parent=/drydock/ca1/build-0 --network=none --iidfile=/d/image --no-cache "
                       "--build-arg=A=b c --tag=r/i:1 "
                       "--tag=r/i:2 --target=t --file=/d/Dockerfile -- /d/workspace");
    assert_int_equal(dd_engine_podman.build_cancel_signal, SIGHUP);
}

static void the_other_commands_are_as_the_engine_knows_them(void **state)
{
    dd_auto(dd_strv) networks = LIST("a", "b");
    dd_auto(dd_strv) platform = LIST("--platform=linux/arm64");
    const dd_engine_tls plain = {.plain_http = true}, none = {0};
    dd_strv argv = {0};

    (void)state;
    dd_engine_podman.push(&scope, &plain, "0a1b", "r/i:1", "/d/digest", &argv);
    assert_argv(&argv, "podman push --quiet --authfile=/d/auth.json --tls-verify=false "
                       "--digestfile=/d/digest -- 0a1b r/i:1");
    dd_engine_podman.pull(&scope, &none, NULL, "r/i:1", &argv);
    assert_argv(&argv, "podman pull --quiet --authfile=/d/auth.json -- r/i:1");
    dd_engine_podman.pull(&scope, &none, platform, "r/i:1", &argv);
    assert_argv(&argv, "podman pull --quiet --authfile=/d/auth.json --platform=linux/arm64 -- r/i:1");
    dd_engine_podman.images_inspect(networks, &argv);
    assert_argv(&argv, "podman image inspect -- a b");
    dd_engine_podman.network_create(&scope, "drydock-ca1", NULL, false, &argv);
    assert_argv(
        &argv,
        "podman network create --label=io.drydock.run=ca1 --label=io.drydock.attempt=i-ca1-3 -- drydock-ca1");
    dd_engine_podman.network_list("i-ca1-3", &argv);
    assert_argv(&argv, "podman network ls --format {{.Name}} --filter=label=io.drydock.attempt=i-ca1-3");
    dd_engine_podman.network_remove(networks, &argv);
    assert_argv(&argv, "podman network rm --force -- a b");
    dd_engine_podman.container_stop("n", 7, &argv);
    assert_argv(&argv, "podman stop --ignore --time=7 -- n");
    dd_engine_podman.container_remove("n", &argv);
    assert_argv(&argv, "podman rm --force --ignore --volumes --time=0 -- n");
    dd_engine_podman.containers_remove("i-ca1-3", &argv);
    assert_argv(&argv, "podman rm --force --volumes --time=0 --filter=label=io.drydock.attempt=i-ca1-3");
}

static void an_engine_is_found_by_its_name(void **state)
{
    dd_auto(dd_error) error = NULL;

    (void)state;
    assert_ptr_equal(dd_engine_find("podman", NULL), &dd_engine_podman);
    assert_ptr_equal(dd_engine_find(NULL, NULL), &dd_engine_podman);
    assert_null(dd_engine_find("rkt", &error));
    assert_non_null(strstr(error->hint, "podman"));
}

static void the_cgroup_is_a_path_or_a_slice(void **state)
{
    dd_auto_str path = dd_engine_cgroup(&(dd_engine_info){0}, "ca-1");
    dd_auto_str slice = dd_engine_cgroup(&(dd_engine_info){.systemd_cgroups = true}, "ca-1");

    (void)state;
    assert_string_equal(path, "/drydock/ca-1");
    assert_string_equal(slice, "drydock-ca_1.slice");
    dd_auto_str build = dd_engine_build_cgroup(&(dd_engine_info){0}, path, 3);
    assert_string_equal(build, "/drydock/ca-1/build-3");
}

static void exit_codes_are_told_in_words(void **state)
{
    static const struct {
        int code;
        const char *word;
    } cases[] = {
        {1, "exit status 1"}, {125, "engine"}, {126, "executed"}, {127, "not found"}, {137, "memory"}};

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto_str words = dd_engine_exit_words(cases[i].code);
        assert_non_null(strstr(words, cases[i].word));
    }
}

static void podmans_description_is_read(void **state)
{
    static const char text[] =
        "{\"host\":{\"cgroupManager\":\"systemd\",\"cgroupVersion\":\"v1\",\"security\":{\"rootless\":true}},"
        "\"store\":{\"graphRoot\":\"/s\"},\"version\":{\"Version\":\"4.3.1\"}}";
    dd_auto(dd_engine_info) info = NULL;

    (void)state;
    assert_int_equal(dd_engine_podman.read_info(text, strlen(text), &info, NULL), 0);
    assert_true(info->systemd_cgroups);
    assert_false(info->limits);
    assert_string_equal(info->graph_root, "/s");
    assert_true(info->loose_mounts);
    dd_engine_info_free(dd_take(info));
    assert_int_equal(dd_engine_podman.read_info("{}", 2, &info, NULL), -1);
    assert_int_equal(dd_engine_podman.read_info("", 0, &info, NULL), -1);
}

static void mounts_that_could_leave_a_build_are_refused(void **state)
{
    static const char *const refused[] = {
        "RUN --mount=type=cache,id=../../..,target=/x ls",
        "RUN --mount=type=cache,target=/x ls",
        "RUN --mount=type=cache,id=a,source=b,target=/x ls",
        "RUN --mount=type=cache,id=a/b,target=/x ls",
        "RUN --mount=type=cache,id=.,target=/x ls",
        "RUN --mount=target=/x,id=a ls",
        "RUN --mount=type=bind,from=a,source=/evil,target=/x,rw ls",
        "RUN --mount=type=tmpfs,target=/t --mount=type=bind,source=a,target=/x ls",
        "RUN --mount=type=tmpfs,target=/t\v--mount=type=bind,source=a,target=/x ls",
        "run\t--mo\"un\"t=type=bind,target=/x ls",
        "RUN \\\n  # a comment\n  --mou\\\nnt=type=bind,target=/x ls",
        "ONBUILD RUN --mount=type=bind,target=/x ls",
        "RUN cat <<EOF\nRUN --mount=type=bind,target=/x ls\nEOF",
        "RUN --mount=type=cache,id=$A,target=/x ls",
        "RUN --$A ls",
    };
    static const char *const taken[] = {
        "RUN --mount=type=cache,id=go-build,target=/root/.cache ls",
        "RUN --mount=type=tmpfs,target=/t --mount=type=secret,id=s,target=/s ls",
        "# RUN --mount=type=bind,target=/x ls\nRUN ls --$A",
        "COPY --from=a /x /y\nRUN\nFROM",
        "",
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(refused); i++) {
        dd_auto(dd_error) error = NULL;
        if (dd_dockerfile_check_mounts(refused[i], strlen(refused[i]), &error) == 0)
            fail_msg("taken: %s", refused[i]);
        assert_int_equal(error->code, DD_ERR_DENIED);
    }
    for (size_t i = 0; i < DD_COUNT(taken); i++)
        assert_int_equal(dd_dockerfile_check_mounts(taken[i], strlen(taken[i]), NULL), 0);
}

static void a_working_container_is_known_by_its_builds_cgroup(void **state)
{
    static const char ours[] =
        "{\"type\":\"buildah\",\"CommonBuildOpts\":{\"CgroupParent\":\"/drydock/ca1\"}}";
    static const char *const others[] = {"{\"CommonBuildOpts\":{\"CgroupParent\":\"/drydock/ca12\"}}",
                                         "{\"CommonBuildOpts\":{}}",
                                         "{}",
                                         "[]",
                                         "",
                                         "{"};

    (void)state;
    assert_true(dd_clean_is_working_container(ours, strlen(ours), "/drydock/ca1"));
    for (size_t i = 0; i < DD_COUNT(others); i++)
        assert_false(dd_clean_is_working_container(others[i], strlen(others[i]), "/drydock/ca1"));
}

/* ---- Options ---- */

static dd_run_options *read_cmd(const char *command, dd_error **err)
{
    dd_auto(dd_strv) words = NULL;
    dd_run_options *options = NULL;

    assert_int_equal(dd_words_split(command, &words, NULL), 0);
    dd_run_options_parse(words, &options, err);
    return options;
}

static void cmd_may_begin_with_options_of_the_engine(void **state)
{
    dd_auto(dd_run_options) options = read_cmd(
        "-dit -p 8080:80 --publish=443 --name web -eA=b --env NAME --memory 1g -v data:/data:ro --net none "
        "--entrypoint=sh -w /w -u 1000 --rm nginx -g 'daemon off;' --privileged",
        NULL);

    (void)state;
    assert_non_null(options);
    assert_true(options->detach);
    assert_string_equal(options->image, "nginx");
    assert_string_equal(options->name, "web");
    assert_string_equal(options->network, "none");
    assert_string_equal(options->entry_point, "sh");
    assert_string_equal(options->working_directory, "/w");
    assert_string_equal(options->user, "1000");
    assert_int_equal(options->ports.count, 2);
    assert_string_equal(options->ports.items[0], "127.0.0.1:8080:80");
    assert_string_equal(options->ports.items[1], "127.0.0.1::443");
    /* A name alone would take the worker's own value. */
    assert_int_equal(options->env.count, 1);
    assert_string_equal(options->env.items[0], "A=b");
    assert_int_equal(options->passed.count, 1);
    assert_string_equal(options->passed.items[0], "--memory=1g");
    assert_int_equal(options->volume_count, 1);
    assert_string_equal(options->volumes[0].name, "data");
    assert_string_equal(options->volumes[0].path, "/data");
    assert_true(options->volumes[0].read_only);
    assert_int_equal(options->arguments.count, 3);
    assert_string_equal(options->arguments.items[2], "--privileged");
}

static void what_would_hand_over_the_machine_is_refused(void **state)
{
    static const char *const denied[] = {
        "--privileged i",
        "--device /dev/sda i",
        "-v /etc:/etc i",
        "--volume=/:/host i",
        "-v ../x:/x i",
        "--mount type=bind i",
        "--cap-add=ALL i",
        "--security-opt x i",
        "--pid host i",
        "--ipc=host i",
        "--userns host i",
        "--uts=host i",
        "-p 0.0.0.0:80:80 i",
        "-p 10.1.2.3:80:80 i",
        "--label io.drydock.run=x i",
        "--cgroup-parent=/ i",
        "--env-file /etc/env i",
        "-dP i",
        "--authfile /x i",
        "--rootfs /",
        "--volumes-from x i",
        "--sysctl a=b i",
        "--runtime x i",
        "--add-hosts x i",
        "-v ~/x:/x i",
        "--pids-limit=-1 i",
        "--replace i",
        "--group-adds i",
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(denied); i++) {
        dd_auto(dd_error) error = NULL;
        dd_auto(dd_run_options) options = read_cmd(denied[i], &error);
        assert_null(options);
        assert_int_equal(error->code, DD_ERR_DENIED);
    }
}

static void a_cmd_that_is_none_is_invalid(void **state)
{
    static const char *const invalid[] = {"",
                                          "-d",
                                          "--name",
                                          "--name ''",
                                          "--name 'a b' i",
                                          "-p x i",
                                          "-p 80:80/sctp i",
                                          "-v data:relative i",
                                          "-v data: i"};

    (void)state;
    for (size_t i = 0; i < DD_COUNT(invalid); i++) {
        dd_auto(dd_error) error = NULL;
        dd_auto(dd_run_options) options = read_cmd(invalid[i], &error);
        assert_null(options);
        assert_int_equal(error->code, DD_ERR_INVALID);
    }
}

static void a_build_takes_options_from_a_list_too(void **state)
{
    static const char *const denied[] = {
        "--volume=/:/host",  "--device=/dev/sda", "--iidfile=/etc/x", "--secret=id=x,src=/etc/shadow",
        "--security-opt=x",  "--userns=host",     "--output=/x",      "--build-context=a=/",
        "--isolation=chroot"};
    dd_auto(dd_build_options) options = NULL;
    dd_auto(dd_strv) words = LIST("--no-cache", "--pull", "--network", "none", "--platform=linux/amd64");

    (void)state;
    assert_int_equal(dd_build_options_parse(words, &options, NULL), 0);
    assert_string_equal(options->network, "none");
    dd_auto_str passed = dd_strv_join(&options->passed, " ");
    assert_string_equal(passed, "--no-cache --platform=linux/amd64");
    for (size_t i = 0; i < DD_COUNT(denied); i++) {
        dd_auto(dd_strv) bad = LIST(denied[i]);
        dd_auto(dd_error) error = NULL;
        dd_auto(dd_build_options) none = NULL;
        assert_int_equal(dd_build_options_parse(bad, &none, &error), -1);
        assert_int_equal(error->code, DD_ERR_DENIED);
    }
}

static void mount_paths_are_absolute_and_have_no_separators(void **state)
{
    (void)state;
    assert_true(dd_mount_path_is_valid("/run/secrets"));
    assert_false(dd_mount_path_is_valid("/"));
    assert_false(dd_mount_path_is_valid("run"));
    assert_false(dd_mount_path_is_valid(""));
    assert_false(dd_mount_path_is_valid("/a:ro"));
    assert_false(dd_mount_path_is_valid("/a,b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_runs_without_privileges_and_is_marked_as_the_runs),
        cmocka_unit_test(a_service_is_detached_and_a_kept_one_stays),
        cmocka_unit_test(a_build_names_its_files_tags_and_arguments),
        cmocka_unit_test(the_other_commands_are_as_the_engine_knows_them),
        cmocka_unit_test(an_engine_is_found_by_its_name),
        cmocka_unit_test(the_cgroup_is_a_path_or_a_slice),
        cmocka_unit_test(exit_codes_are_told_in_words),
        cmocka_unit_test(podmans_description_is_read),
        cmocka_unit_test(mounts_that_could_leave_a_build_are_refused),
        cmocka_unit_test(a_working_container_is_known_by_its_builds_cgroup),
        cmocka_unit_test(cmd_may_begin_with_options_of_the_engine),
        cmocka_unit_test(what_would_hand_over_the_machine_is_refused),
        cmocka_unit_test(a_cmd_that_is_none_is_invalid),
        cmocka_unit_test(a_build_takes_options_from_a_list_too),
        cmocka_unit_test(mount_paths_are_absolute_and_have_no_separators),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
