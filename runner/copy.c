/* Copy a directory into the workspace, so that no step can write to the user's own tree. */
#include "checkout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRIES_MAX 2000000
#define BYTES_MAX   ((int64_t)64 * 1024 * 1024 * 1024)
#define DEPTH_MAX   200

struct copy {
    struct stat skip; /* of the directory to leave out; st_ino 0: none */
    int64_t entries, bytes;
    int depth;
};

static int copy_directory(struct copy *copy, int from, int to, dd_error **err);

static int copy_bytes(int from, int to, dd_error **err)
{
    ssize_t n;

    if (ioctl(to, FICLONE, from) == 0)
        return 0;
    while ((n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0)) > 0)
        continue;
    if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS)) {
        char data[64 * 1024];
        while ((n = read(from, data, sizeof data)) > 0)
            if (write(to, data, (size_t)n) != n)
                return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "cannot write");
    }
    return n < 0 ? dd_fail_errno(err, DD_ERR_INTERNAL, errno, "cannot copy") : 0;
}

static int copy_file(int from, int to, const char *name, const struct stat *info, dd_error **err)
{
    dd_auto_fd in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    dd_auto_fd out = -1;

    if (in < 0)
        return dd_fail_errno(err, DD_ERR_INVALID, errno, "cannot read '%s'", name);
    out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (out < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "cannot make '%s'", name);
    if (copy_bytes(in, out, err) < 0)
        return dd_context(err, "'%s'", name);
    if (fchmod(out, info->st_mode & 0777) < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "cannot set the mode of '%s'", name);
    return 0;
}

static int copy_link(int from, int to, const char *name, dd_error **err)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(from, name, target, sizeof target - 1);

    if (length < 0)
        return dd_fail_errno(err, DD_ERR_INVALID, errno, "cannot read '%s'", name);
    target[length] = '\0';
    if (symlinkat(target, to, name) < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "cannot make '%s'", name);
    return 0;
}

static int copy_subdirectory(struct copy *copy, int from, int to, const char *name, const struct stat *info,
                             dd_error **err)
{
    dd_auto_fd in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    dd_auto_fd out = -1;

    if (in < 0)
        return dd_fail_errno(err, DD_ERR_INVALID, errno, "cannot read '%s'", name);
    if (mkdirat(to, name, 0700) < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "cannot make '%s'", name);
    out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (out < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "cannot open '%s'", name);
    if (copy_directory(copy, in, out, err) < 0)
        return dd_context(err, "%s", name);
    if (fchmod(out, info->st_mode & 0777) < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "cannot set the mode of '%s'", name);
    return 0;
}

static int copy_entry(struct copy *copy, int from, int to, const char *name, dd_error **err)
{
    struct stat info;
    int ret = 0;

    if (fstatat(from, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : dd_fail_errno(err, DD_ERR_INVALID, errno, "cannot look at '%s'", name);
    if (copy->skip.st_ino && info.st_ino == copy->skip.st_ino && info.st_dev == copy->skip.st_dev)
        return 0;
    copy->bytes += S_ISREG(info.st_mode) ? info.st_size : 0;
    if (++copy->entries > ENTRIES_MAX || copy->bytes > BYTES_MAX)
        return dd_fail(err, DD_ERR_LIMIT, "the context has more than %d entries or %lld GiB", ENTRIES_MAX,
                       (long long)(BYTES_MAX >> 30));
    if (S_ISREG(info.st_mode))
        return copy_file(from, to, name, &info, err);
    if (S_ISLNK(info.st_mode))
        return copy_link(from, to, name, err);
    if (!S_ISDIR(info.st_mode))
        return 0; /* sockets, pipes, devices: nothing a build could use */
    if (++copy->depth > DEPTH_MAX)
        ret = dd_fail(err, DD_ERR_LIMIT, "directories are more than %d deep", DEPTH_MAX);
    else
        ret = copy_subdirectory(copy, from, to, name, &info, err);
    copy->depth--;
    return ret;
}

static int copy_directory(struct copy *copy, int from, int to, dd_error **err)
{
    bool top = copy->depth == 0;
    DIR *dir = fdopendir(dup(from));
    struct dirent *entry;
    int ret = 0;

    if (!dir)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "cannot list a directory");
    while (ret == 0 && (entry = readdir(dir))) {
        if (dd_str_eq(entry->d_name, ".") || dd_str_eq(entry->d_name, "..") ||
            (top && dd_str_eq(entry->d_name, ".git")))
            continue;
        ret = copy_entry(copy, from, to, entry->d_name, err);
    }
    closedir(dir);
    return ret;
}

int dd_checkout_copy(const char *source, const char *target, const char *skip, dd_error **err)
{
    struct copy copy = {0};
    dd_auto_fd from = open(source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    dd_auto_fd to = -1;

    if (from < 0)
        return dd_fail_errno(err, DD_ERR_NOT_FOUND, errno, "cannot read the context '%s'", source);
    to = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (to < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "cannot open '%s'", target);
    if (skip && stat(skip, &copy.skip) < 0)
        copy.skip.st_ino = 0;
    if (copy_directory(&copy, from, to, err) < 0)
        return dd_context(err, "copying '%s'", source);
    return 0;
}
