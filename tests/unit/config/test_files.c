/* Files and trees, links and mounts in the way included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/base/base.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *temporary(void)
{
    char path[] = "/tmp/drydock-files.XXXXXX";
    assert_non_null(mkdtemp(path));
    return dd_strdup(path);
}

static void done(char *path)
{
    assert_int_equal(dd_remove_tree(path, NULL), 0);
    assert_false(dd_path_exists(path));
    free(path);
}

static void directories_are_made_with_their_parents(void **state)
{
    dd_auto(dd_error) err = NULL;
    char *top = temporary();
    dd_auto_str deep = dd_path_join(top, "a/b/c/");
    dd_auto_str file = dd_path_join(top, "file");
    dd_auto_str below = dd_path_join(file, "x");
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(dd_mkdirs(deep, 0700, &err), 0);
    assert_int_equal(dd_mkdirs("/", 0700, &err), 0);
    assert_int_equal(dd_write_file(file, "x", 1, 0600, &err), 0);
    assert_int_equal(dd_mkdirs(file, 0700, &err), -1);
    assert_int_equal(dd_mkdirs(below, 0700, &err), -1);
    assert_int_equal(dd_mkdirs("", 0700, &err), -1);
    done(top);
}

static void paths_are_joined_with_one_slash(void **state)
{
    static const char *const cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "/b", "a/b"}, {"a//", "b", "a/b"}, {"/", "b", "/b"}, {"a", "", "a/"}};
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto_str path = dd_path_join(cases[i][0], cases[i][1]);
        assert_string_equal(path, cases[i][2]);
    }
}

static void a_file_is_written_whole_with_its_mode(void **state)
{
    char *top = temporary();
    dd_auto(dd_buf) text = NULL;
    dd_auto(dd_error) err = NULL;
    struct stat status;
    dd_auto_str path = dd_path_join(top, "f");
    dd_auto_str nowhere = dd_path_join(top, "no/f");
    (void)state;
    assert_int_equal(dd_write_file(path, "old", 3, 0644, &err), 0);
    assert_int_equal(dd_write_file(path, "new\0", 4, 0600, &err), 0);
    assert_int_equal(dd_buf_read_file(path, 100, &text, &err), 0);
    assert_int_equal(text->length, 4);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(dd_write_file(nowhere, "x", 1, 0600, &err), -1);
    done(top);
}

static void removing_follows_no_link_and_minds_no_mode(void **state)
{
    char *top = temporary(), *other = temporary();
    dd_auto(dd_error) err = NULL;
    dd_auto_str kept = dd_path_join(other, "kept");
    dd_auto_str locked = dd_path_join(top, "a/locked");
    dd_auto_str link = dd_path_join(top, "a/link");
    dd_auto_str dangling = dd_path_join(top, "dangling");
    (void)state;
    assert_int_equal(dd_mkdirs(locked, 0700, &err), 0);
    assert_int_equal(dd_write_file(kept, "x", 1, 0600, &err), 0);
    assert_int_equal(symlink(other, link), 0);
    assert_int_equal(symlink("/nowhere", dangling), 0);
    dd_auto_str inside = dd_path_join(locked, "f");
    assert_int_equal(dd_write_file(inside, "x", 1, 0000, &err), 0);
    assert_int_equal(chmod(locked, 0), 0);
    assert_int_equal(dd_remove_tree(dangling, &err), 0);
    done(top);
    assert_true(dd_path_exists(kept));
    assert_int_equal(dd_remove_tree("/tmp/drydock-files.not-there", &err), 0);
    done(other);
}

/* Deeper than a path can name, and than this process may have descriptors. */
static void a_tree_of_any_depth_is_removed(void **state)
{
    char *top = temporary();
    dd_auto_str taken = dd_path_join(top, ".drydock-removed-0");
    dd_auto_fd fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)state;
    assert_int_equal(dd_write_file(taken, "x", 1, 0600, NULL), 0);
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(mkdirat(fd, "d", 0700), 0);
        int below = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(below >= 0);
        if (i % 100 == 0)
            assert_int_equal(fchmod(fd, 0000), 0);
        close(fd);
        fd = below;
    }
    done(top);
}

/* In a mount namespace of its own. 0: what is mounted stayed; 77: mounting is not permitted here. */
static int remove_around_a_mount(const char *top, const char *other)
{
    dd_auto_str mounted = dd_path_join(top, "a/mounted");
    dd_auto_str kept = dd_path_join(other, "kept");
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount(other, mounted, NULL, MS_BIND, NULL) < 0)
        return 77;
    return dd_remove_tree(top, NULL) == -1 && dd_path_exists(kept) ? 0 : 1;
}

static void removing_never_enters_what_is_mounted_below(void **state)
{
    char *top = temporary(), *other = temporary();
    int status;
    dd_auto_str mounted = dd_path_join(top, "a/mounted");
    dd_auto_str kept = dd_path_join(other, "kept");
    (void)state;
    assert_int_equal(dd_mkdirs(mounted, 0700, NULL), 0);
    assert_int_equal(dd_write_file(kept, "x", 1, 0600, NULL), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(remove_around_a_mount(top, other));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    done(top);
    done(other);
    if (dd_exit_code_of(status) == 77)
        skip();
    assert_int_equal(status, 0);
}

static void nothing_leads_out_of_a_directory(void **state)
{
    static const char *const out[] = {"/etc/passwd", "../x", "a/../../x", "link", "a/up/../x"};
    char *top = temporary();
    dd_auto_str a = dd_path_join(top, "a");
    dd_auto_str f = dd_path_join(top, "a/f");
    dd_auto_str link = dd_path_join(top, "link");
    dd_auto_str up_link = dd_path_join(top, "a/up");
    dd_auto_str inner = dd_path_join(top, "a/inner");
    dd_auto(dd_error) err = NULL;
    (void)state;
    assert_int_equal(dd_mkdirs(a, 0700, NULL), 0);
    assert_int_equal(dd_write_file(f, "x", 1, 0600, NULL), 0);
    assert_int_equal(symlink("/etc/passwd", link), 0);
    assert_int_equal(symlink("../..", up_link), 0);
    assert_int_equal(symlink("../a/f", inner), 0);
    dd_auto_fd directory = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < DD_COUNT(out); i++) {
        assert_int_equal(dd_open_beneath(directory, out[i], O_RDONLY, &err), -1);
        assert_int_equal(err->code, DD_ERR_DENIED);
    }
    assert_int_equal(dd_open_beneath(directory, "a/none", O_RDONLY, &err), -1);
    assert_int_equal(err->code, DD_ERR_NOT_FOUND);
    dd_auto_fd fd = dd_open_beneath(directory, "a/../a/inner", O_RDONLY, &err);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    done(top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directories_are_made_with_their_parents),
        cmocka_unit_test(paths_are_joined_with_one_slash),
        cmocka_unit_test(a_file_is_written_whole_with_its_mode),
        cmocka_unit_test(removing_follows_no_link_and_minds_no_mode),
        cmocka_unit_test(a_tree_of_any_depth_is_removed),
        cmocka_unit_test(removing_never_enters_what_is_mounted_below),
        cmocka_unit_test(nothing_leads_out_of_a_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
