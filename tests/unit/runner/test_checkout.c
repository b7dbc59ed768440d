/* Exactly the commit that was asked for comes into the workspace, from a repository as from a directory. */
#include "runner/checkout.h"
#include "tests/support/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *work;
static int targets;

/* libgit2 1.5 leaves the frames of each match of a regular expression to its process's end. */
const char *
__lsan_default_suppressions(void); /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
const char *
__lsan_default_suppressions(void) /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
{
    return "leak:libpcre2";
}

/* ---- A repository, by git itself ---- */

static char *output_of(const char *const *argv)
{
    static const char *const environment[] = {
        "PATH=/usr/bin:/bin",   "HOME=/nonexistent",    "GIT_CONFIG_NOSYSTEM=1",   "GIT_AUTHOR_NAME=a",
        "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b", NULL};
    dd_spawn spawn = DD_SPAWN_INIT;
    dd_spawn_result result = {0};
    dd_auto_str repository = dd_path_join(work, "repository");
    char *ret;

    spawn.argv = argv;
    spawn.envp = environment;
    spawn.directory = repository;
    assert_int_equal(dd_spawn_wait(&spawn, 65536, 30000, &result, NULL), 0);
    if (result.exit_code != 0)
        fail_msg("%s %s: %s", argv[0], argv[1], result.error->data);
    ret = dd_buf_steal(result.output);
    ret[strcspn(ret, "\n")] = '\0';
    dd_spawn_result_done(&result);
    return ret;
}
#define GIT(...) free(output_of((const char *const[]){"git", __VA_ARGS__, NULL}))

static void write_file(const char *name, const char *text)
{
    dd_auto_str path = dd_sprintf("%s/repository/%s", work, name);

    assert_int_equal(dd_write_file(path, text, strlen(text), 0644, NULL), 0);
}

/* A commit of one file with this text; its id, owned. */
static char *commit(const char *text)
{
    write_file("file", text);
    GIT("add", "--all");
    GIT("commit", "--quiet", "--message", text);
    return output_of((const char *const[]){"git", "rev-parse", "HEAD", NULL});
}

/* ---- Fetching ---- */

static void say(void *context, const char *line)
{
    dd_strv_add(context, line);
}

typedef struct fetched {
    dd_checkout checkout;
    dd_strv said;
    char *target;
    dd_error *error;
    int result;
} fetched;

static fetched fetch(const char *wanted, const char *ref)
{
    dd_auto_str url = dd_sprintf("file://%s/repository", work);
    dd_auto_str mirror = dd_path_join(work, "mirror");
    fetched f = {0};
    const dd_fetch spec = {
        .url = url, .commit = wanted, .ref = ref, .mirror = mirror, .say = say, .context = &f.said};

    f.target = dd_sprintf("%s/target-%d", work, ++targets);
    assert_int_equal(dd_mkdirs(f.target, 0755, NULL), 0);
    f.result = dd_checkout_fetch(&spec, f.target, &f.checkout, &f.error);
    return f;
}

static void fetched_done(fetched *f)
{
    dd_checkout_done(&f->checkout);
    dd_strv_done(&f->said);
    free(f->target);
    dd_error_free(f->error);
}

static void assert_fetched(const char *wanted, const char *ref, const char *id, const char *text)
{
    fetched f = fetch(wanted, ref);
    dd_auto_str file = dd_path_join(f.target, "file");
    dd_auto_str git = dd_path_join(f.target, ".git");
    dd_auto(dd_buf) content = NULL;

    if (f.result < 0)
        fail_msg("%s", f.error->message);
    assert_string_equal(f.checkout.commit, id);
    assert_int_equal(dd_buf_read_file(file, 100, &content, NULL), 0);
    assert_string_equal(content->data, text);
    /* No configuration, no credentials, no history for an image to carry. */
    assert_false(dd_path_exists(git));
    fetched_done(&f);
}

static void the_commit_is_checked_out_and_not_the_branchs_head(void **state)
{
    dd_auto_str one = commit("one");
    dd_auto_str two = commit("two");

    (void)state;
    assert_fetched(one, "refs/heads/main", one, "one");
    assert_fetched(two, "refs/heads/main", two, "two");
    /* Known already: the repository is not asked again. */
    fetched f = fetch(one, "refs/heads/no-more");
    assert_int_equal(f.result, 0);
    fetched_done(&f);
}

static void without_a_commit_it_is_the_head_of_the_ref(void **state)
{
    dd_auto_str three = commit("three");

    (void)state;
    GIT("tag", "--annotate", "--message", "v1", "v1");
    GIT("branch", "feature/a");
    assert_fetched(NULL, NULL, three, "three");
    assert_fetched(NULL, "main", three, "three");
    assert_fetched(NULL, "refs/heads/feature/a", three, "three");
    assert_fetched(NULL, "v1", three, "three");
    dd_auto_str four = commit("four");
    assert_fetched(NULL, "main", four, "four");
    assert_fetched(NULL, "v1", three, "three");
    fetched f = fetch(NULL, "main");
    assert_string_equal(f.checkout.branch, "main");
    fetched_done(&f);
    /* A branch that takes the place of a directory of branches. */
    GIT("branch", "--delete", "--force", "feature/a");
    GIT("branch", "feature");
    assert_fetched(NULL, "feature", four, "four");
}

static void a_commit_that_its_ref_left_is_found_in_another(void **state)
{
    GIT("checkout", "--quiet", "-b", "other");
    dd_auto_str five = commit("five");

    (void)state;
    GIT("checkout", "--quiet", "main");
    assert_fetched(five, "refs/heads/main", five, "five");
    assert_fetched(five, "refs/heads/deleted", five, "five");
}

static void what_is_not_there_is_not_found(void **state)
{
    static const struct {
        const char *commit, *ref;
        dd_code code;
    } cases[] = {
        {"0123456789012345678901234567890123456789", "refs/heads/main", DD_ERR_NOT_FOUND},
        {NULL, "no-such-branch", DD_ERR_NOT_FOUND},
        {"main", NULL, DD_ERR_INVALID}, /* never revparse */
        {"HEAD~1", "refs/heads/main", DD_ERR_INVALID},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        fetched f = fetch(cases[i].commit, cases[i].ref);
        assert_int_equal(f.result, -1);
        assert_int_equal(f.error->code, cases[i].code);
        fetched_done(&f);
    }
}

static void submodules_and_links_stay_what_they_are(void **state)
{
    dd_auto_str link = dd_sprintf("%s/repository/link", work);
    struct stat info;

    (void)state;
    assert_int_equal(symlink("/etc/passwd", link), 0);
    write_file(".gitmodules", "[submodule \"s\"]\n\tpath = s\n\turl = /nonexistent\n");
    GIT("update-index", "--add", "--cacheinfo", "160000,0123456789012345678901234567890123456789,s");
    dd_auto_str id = commit("six");
    fetched f = fetch(id, "main");
    dd_auto_str in_target = dd_path_join(f.target, "link");
    dd_auto_str module = dd_path_join(f.target, "s");
    assert_int_equal(f.result, 0);
    assert_int_equal(lstat(in_target, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(rmdir(module) == 0 || !dd_path_exists(module), 1); /* nothing was fetched into it */
    fetched_done(&f);
}

static void two_at_once_share_a_mirror(void **state)
{
    dd_auto_str id = commit("seven");
    pid_t pids[4];

    (void)state;
    for (size_t i = 0; i < DD_COUNT(pids); i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            targets += (int)i * 100; /* each process its own */
            fetched f = fetch(id, "main");
            _exit(f.result == 0 && dd_str_eq(f.checkout.commit, id) ? 0 : 1);
        }
    }
    for (size_t i = 0; i < DD_COUNT(pids); i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
}

static void a_mirror_that_was_left_unusable_is_made_anew(void **state)
{
    dd_auto_str head = dd_path_join(work, "mirror/HEAD");
    dd_auto_str leftover = dd_path_join(work, "mirror/objects/pack/pack_abcdef");

    (void)state;
    assert_int_equal(dd_write_file(leftover, "x", 1, 0600, NULL), 0);
    dd_auto_str before = output_of((const char *const[]){"git", "rev-parse", "main", NULL});
    assert_fetched(NULL, "main", before, "seven");
    assert_false(dd_path_exists(leftover));
    assert_int_equal(unlink(head), 0);
    dd_auto_str id = commit("eight");
    assert_fetched(id, "main", id, "eight");
}

/* ---- Addresses ---- */

static void only_https_is_fetched_unless_the_forge_permits_http(void **state)
{
    static const char *const refused[] = {
        "file:///etc",
        "git://host/o/r",
        "ext::sh -c id",
        "EXT::sh -c id",
        "--upload-pack=x",
        "-oProxyCommand=x",
        "https://-host/o/r",
        "https://host/o/r\n",
        "ssh://host/o/r';id'",
        "/etc",
        "",
    };

    (void)state;
    assert_int_equal(dd_clone_url_check("https://host/o/r.git", false, NULL), 0);
    assert_int_equal(dd_clone_url_check("HTTPS://host/o/r.git", false, NULL), 0);
    assert_int_equal(dd_clone_url_check("http://host:3000/o/r", true, NULL), 0);
    dd_auto(dd_error) error = NULL;
    assert_int_equal(dd_clone_url_check("http://host:3000/o/r", false, &error), -1);
    assert_int_equal(error->code, DD_ERR_DENIED);
    for (size_t i = 0; i < DD_COUNT(refused); i++)
        assert_int_equal(dd_clone_url_check(refused[i], true, NULL), -1);
}

/* ---- Forges that do not play fair ---- */

static dd_error *fetch_from(const char *host)
{
    dd_auto_str url = dd_sprintf("http://%s/org/repo.git", host);
    dd_auto_str mirror = dd_path_join(work, "mirror-of-a-forge");
    dd_strv said = {0};
    dd_checkout checkout = {0};
    dd_error *error = NULL;
    const dd_fetch spec = {
        .url = url, .token = "t0ken-of-the-forge", .mirror = mirror, .say = say, .context = &said};

    assert_int_equal(dd_checkout_fetch(&spec, work, &checkout, &error), -1);
    assert_null(strstr(error->message, "t0ken"));
    dd_checkout_done(&checkout);
    dd_strv_done(&said);
    return error;
}

/* Counts the requests that come with credentials. */
static char *ask_for_credentials(const char *head, void *context)
{
    int *given = context;

    if (strstr(head, "Authorization:"))
        (*given)++;
    return dd_strdup("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
                     "Content-Length: 0\r\nConnection: close\r\n\r\n");
}

static char *redirect(const char *head, void *context)
{
    (void)head;
    return dd_sprintf(
        "HTTP/1.1 302 Found\r\nLocation: http://%s/org/repo.git/info/refs?service=git-upload-pack\r\n"
        "Content-Length: 0\r\nConnection: close\r\n\r\n",
        (const char *)context);
}

static void credentials_are_given_once(void **state)
{
    int given = 0;
    test_answers *answers = test_answers_start(ask_for_credentials, &given);
    dd_auto(dd_error) error = fetch_from(test_answers_host(answers));

    (void)state;
    test_answers_stop(answers);
    assert_int_equal(error->code, DD_ERR_DENIED);
    assert_int_equal(given, 1);
}

/* `name`: of this machine, by which the redirect names the other one. */
static int requests_at_the_other(const char *name, int *ret_given)
{
    test_answers *other = test_answers_start(ask_for_credentials, ret_given);
    dd_auto_str host = dd_sprintf("%s%s", name, strchr(test_answers_host(other), ':'));
    test_answers *answers = test_answers_start(redirect, host);
    dd_auto(dd_error) error = fetch_from(test_answers_host(answers));
    int ret = test_answers_count(other);

    test_answers_stop(answers);
    test_answers_stop(other);
    return ret;
}

static void another_host_gets_neither_request_nor_credentials(void **state)
{
    int given = 0;

    (void)state;
    assert_int_equal(requests_at_the_other("localhost", &given), 0);
    assert_int_equal(given, 0);
}

static void another_port_gets_no_credentials(void **state)
{
    int given = 0;

    (void)state;
    requests_at_the_other("127.0.0.1", &given);
    assert_int_equal(given, 0);
}

/* ---- Copies ---- */

static void a_directory_is_copied_without_its_git(void **state)
{
    dd_auto_str source = dd_path_join(work, "repository");
    dd_auto_str target = dd_path_join(work, "copy");
    dd_auto_str skip = dd_path_join(work, "repository/skip");
    dd_auto_str program = dd_path_join(work, "repository/deep/er/program");
    dd_auto_str copied = dd_path_join(target, "deep/er/program");
    dd_auto_str link = dd_path_join(target, "link");
    dd_auto_str git = dd_path_join(target, ".git");
    dd_auto_str skipped = dd_path_join(target, "skip");
    dd_auto_str fifo = dd_path_join(work, "repository/fifo");
    struct stat info;

    (void)state;
    assert_int_equal(dd_mkdirs(skip, 0755, NULL), 0);
    assert_int_equal(dd_mkdirs(target, 0755, NULL), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    dd_auto_str directory = dd_path_join(work, "repository/deep/er");
    assert_int_equal(dd_mkdirs(directory, 0755, NULL), 0);
    assert_int_equal(dd_write_file(program, "#!/bin/sh\n", 10, 0755, NULL), 0);
    assert_int_equal(dd_checkout_copy(source, target, skip, NULL), 0);
    assert_int_equal(stat(copied, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0755);
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_false(dd_path_exists(git));
    assert_false(dd_path_exists(skipped));
    assert_int_equal(dd_checkout_copy("/nonexistent", target, NULL, NULL), -1);
}

/* ---- Set-up ---- */

static int set_up(void **state)
{
    char path[] = "/tmp/drydock-checkout.XXXXXX";
    dd_auto_str repository = NULL;

    (void)state;
    assert_non_null(mkdtemp(path));
    work = dd_strdup(path);
    repository = dd_path_join(work, "repository");
    assert_int_equal(dd_mkdirs(repository, 0755, NULL), 0);
    GIT("init", "--quiet", "--initial-branch=main");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dd_remove_tree(work, NULL);
    free(work);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_commit_is_checked_out_and_not_the_branchs_head),
        cmocka_unit_test(without_a_commit_it_is_the_head_of_the_ref),
        cmocka_unit_test(a_commit_that_its_ref_left_is_found_in_another),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(submodules_and_links_stay_what_they_are),
        cmocka_unit_test(two_at_once_share_a_mirror),
        cmocka_unit_test(a_mirror_that_was_left_unusable_is_made_anew),
        cmocka_unit_test(only_https_is_fetched_unless_the_forge_permits_http),
        cmocka_unit_test(credentials_are_given_once),
        cmocka_unit_test(another_host_gets_neither_request_nor_credentials),
        cmocka_unit_test(another_port_gets_no_credentials),
        cmocka_unit_test(a_directory_is_copied_without_its_git),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
