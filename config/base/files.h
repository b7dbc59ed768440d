#ifndef DD_BASE_FILES_H
#define DD_BASE_FILES_H

#include "buf.h"
#include <sys/types.h>

/* Make the directory and its parents (mode for each one made). An existing one is fine. */
int dd_mkdirs(const char *path, mode_t mode, dd_error **err);
/* Write through a temporary file and rename, with fsync. */
int dd_write_file(const char *path, const void *data, size_t length, mode_t mode, dd_error **err);
/* Remove the tree below and with `path`, never following a symbolic link, never crossing a mount.
 * A path that is not there is fine. */
int dd_remove_tree(const char *path, dd_error **err);
/* Join with one '/' between; owned. */
char *dd_path_join(const char *a, const char *b);
bool dd_path_exists(const char *path);
/* Open `path` relative to `dirfd` so that no "..", no absolute path and no symbolic link leads out of it
 * (openat2 RESOLVE_BENEATH). Returns the descriptor, or -1 with *err (DENIED when it would lead out). */
int dd_open_beneath(int dirfd, const char *path, int flags, dd_error **err);

#endif
