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

/* Recursion has an end, and each level holds a descriptor; what a step made deeper is moved up first. */
#define TREE_DEPTH_MAX 128
/* How often a walk is begun again that a rename raced with. */
#define BENEATH_TRIES_MAX 100

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

typedef struct removal {
    dev_t device;
    int top;         /* the tree's own directory */
    unsigned serial; /* of the next name there */
    bool moved;      /* something was moved there in this pass */
} removal;

/* A directory as such, without the right to read it: never a symbolic link, and below the top no mount either
 * (a mount of the same file system has the same device, so the number is not enough). */
static int look_at(int dirfd, const char *name, bool is_top)
{
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
                           .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};
    int fd = is_top ? -1 : (int)syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
    /* Old kernels have no openat2, and old containers' filters refuse it; the device's number remains. */
    if (is_top || (fd < 0 && (errno == ENOSYS || errno == EPERM)))
        fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd;
}

/* Open a directory to empty it. One without the right to search it is given that right first: what a
 * container wrote may have any mode. All by one descriptor, so that nobody puts a link in between. */
static int open_directory(int dirfd, const char *name, const removal *r, bool is_top)
{
    struct stat status;
    char self[64];
    dd_auto_fd seen = look_at(dirfd, name, is_top);
    if (seen < 0 || fstat(seen, &status) < 0)
        return -1;
    if (status.st_dev != r->device) {
        errno = EXDEV;
        return -1;
    }
    snprintf(self, sizeof(self), "/proc/self/fd/%d", seen); /* fchmod takes no O_PATH descriptor */
    if ((status.st_mode & S_IRWXU) != S_IRWXU && chmod(self, (status.st_mode & 07777) | S_IRWXU) < 0)
        return -1;
    return openat(seen, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Move a directory that lies too deep to the top, for the next pass. */
static int move_up(int dirfd, const char *name, removal *r)
{
    char fresh[64];
    int ret;
    do {
        snprintf(fresh, sizeof(fresh), ".drydock-removed-%u", r->serial++);
        ret = renameat(dirfd, name, r->top, fresh);
    } while (ret < 0 && (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR));
    r->moved = r->moved || ret == 0;
    return ret;
}

static int remove_at(int dirfd, const char *name, removal *r, int depth);

/* Remove what is in the directory `fd`, which is closed. Returns 0, or -1 with errno. */
static int empty(int fd, removal *r, int depth)
{
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
            ret = remove_at(fd, entry->d_name, r, depth + 1);
    int number = errno;
    closedir(directory);
    errno = number;
    return ret;
}

static int remove_at(int dirfd, const char *name, removal *r, int depth)
{
    struct stat status;
    if (fstatat(dirfd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -1;
    if (!S_ISDIR(status.st_mode))
        return unlinkat(dirfd, name, 0) < 0 && errno != ENOENT ? -1 : 0;
    int fd = open_directory(dirfd, name, r, false);
    if (fd < 0)
        return -1;
    if (depth == TREE_DEPTH_MAX) {
        close(fd);
        return move_up(dirfd, name, r);
    }
    if (empty(fd, r, depth) < 0)
        return -1;
    return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -1 : 0;
}

static int remove_top(const char *path)
{
    struct stat status;
    if (lstat(path, &status) < 0)
        return errno == ENOENT ? 0 : -1;
    if (!S_ISDIR(status.st_mode))
        return unlink(path) < 0 && errno != ENOENT ? -1 : 0;
    removal r = {.device = status.st_dev};
    dd_auto_fd top = open_directory(AT_FDCWD, path, &r, true);
    if (top < 0)
        return -1;
    r.top = top;
    do {
        r.moved = false;
        if (empty(openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), &r, 0) < 0)
            return -1;
    } while (r.moved);
    return rmdir(path) < 0 && errno != ENOENT ? -1 : 0;
}

int dd_remove_tree(const char *path, dd_error **err)
{
    return remove_top(path) == 0 ? 0 : dd_fail_errno(err, DD_ERR_INTERNAL, errno, "removing '%s'", path);
}

int dd_open_beneath(int dirfd, const char *path, int flags, dd_error **err)
{
    struct open_how how = {.flags = (unsigned)flags | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
    int fd = -1;
    errno = EAGAIN; /* a rename raced with the walk: the kernel asks to try again */
    for (int i = 0; i < BENEATH_TRIES_MAX && fd < 0 && errno == EAGAIN; i++)
        fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
    if (fd >= 0)
        return fd;
    if (errno == EXDEV || errno == ELOOP)
        return dd_fail(err, DD_ERR_DENIED, "'%s' leads out of its directory", path);
    return dd_fail_errno(err, errno == ENOENT || errno == ENOTDIR ? DD_ERR_NOT_FOUND : DD_ERR_INTERNAL, errno,
                         "'%s'", path);
}
