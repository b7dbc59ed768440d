/* Files and trees. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Deeper trees than this are not made by any tool of ours, and recursion has an end. */
#define TREE_DEPTH_MAX 512

char *dd_path_join(const char *a, const char *b)
{
    size_t length = strlen(a);
    while (length > 1 && a[length - 1] == '/')
        length--;
    while (*b == '/')
        b++;
    return dd_sprintf("%.*s%s%s", (int)length, a, length && a[length - 1] == '/' ? "" : "/", b);
}

bool dd_path_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

int dd_mkdirs(const char *path, mode_t mode, dd_error **err)
{
    dd_auto_str copy = dd_strdup(path);
    for (char *slash = copy + (*copy == '/');; slash++) {
        if (*slash != '/' && *slash != '\0')
            continue;
        char kept = *slash;
        struct stat status;
        *slash = '\0';
        if (mkdir(copy, mode) < 0 &&
            !(errno == EEXIST && stat(copy, &status) == 0 && S_ISDIR(status.st_mode)))
            return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "making directory '%s'", copy);
        *slash = kept;
        if (!kept)
            return 0;
    }
}

static bool write_all(int fd, const char *data, size_t length)
{
    while (length) {
        ssize_t written = write(fd, data, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        data += written;
        length -= (size_t)written;
    }
    return true;
}

int dd_write_file(const char *path, const void *data, size_t length, mode_t mode, dd_error **err)
{
    dd_auto_str temporary = dd_sprintf("%s.XXXXXX", path);
    dd_auto_fd fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "writing '%s'", path);
    if (write_all(fd, data, length) && fchmod(fd, mode) == 0 && fsync(fd) == 0 &&
        rename(temporary, path) == 0)
        return 0;
    int number = errno;
    unlink(temporary);
    return dd_fail_errno(err, DD_ERR_INTERNAL, number, "writing '%s'", path);
}

static bool is_mount(int dirfd, const char *name)
{
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};
    dd_auto_fd fd = (int)syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
    return fd < 0 && errno == EXDEV;
}

/* Remove `name` below dirfd. A directory without the right to search it is given that right first: what a
 * container wrote may have any mode. Returns 0, or -1 with errno. */
static int remove_at(int dirfd, const char *name, dev_t device, int depth)
{
    struct stat status;
    if (fstatat(dirfd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -1;
    if (!S_ISDIR(status.st_mode))
        return unlinkat(dirfd, name, 0) < 0 && errno != ENOENT ? -1 : 0;
    if (status.st_dev != device || depth > TREE_DEPTH_MAX) {
        errno = status.st_dev != device ? EXDEV : ELOOP;
        return -1;
    }
    /* A mount of the same file system has the same device. */
    if (depth > 0 && is_mount(dirfd, name)) {
        errno = EXDEV;
        return -1;
    }
    if ((status.st_mode & S_IRWXU) != S_IRWXU && fchmodat(dirfd, name, status.st_mode | S_IRWXU, 0) < 0)
        return -1;
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (!directory) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    int ret = 0;
    struct dirent *entry;
    while (ret == 0 && (errno = 0, entry = readdir(directory)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ret = remove_at(fd, entry->d_name, device, depth + 1);
    int number = errno;
    closedir(directory);
    errno = number;
    if (ret < 0)
        return -1;
    return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -1 : 0;
}

int dd_remove_tree(const char *path, dd_error **err)
{
    struct stat status;
    if (lstat(path, &status) < 0 && errno == ENOENT)
        return 0;
    if (remove_at(AT_FDCWD, path, status.st_dev, 0) == 0)
        return 0;
    return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "removing '%s'", path);
}

int dd_open_beneath(int dirfd, const char *path, int flags, dd_error **err)
{
    struct open_how how = {.flags = (unsigned)flags | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
    int fd;
    do
        fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
    while (fd < 0 && errno == EAGAIN); /* a rename raced with the walk: the kernel asks to try again */
    if (fd >= 0)
        return fd;
    if (errno == EXDEV || errno == ELOOP)
        return dd_fail(err, DD_ERR_DENIED, "'%s' leads out of its directory", path);
    return dd_fail_errno(err, errno == ENOENT || errno == ENOTDIR ? DD_ERR_NOT_FOUND : DD_ERR_INTERNAL, errno,
                         "'%s'", path);
}
