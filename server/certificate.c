/* Watching certificates by inotify: their folders, since files are replaced by renaming others onto them, and
 * Kubernetes changes a link beside them. */
#include "certificate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Two files are changed one after the other; both are read when nothing more comes. */
#define SETTLE_MS 300

struct dd_certificate_watch {
    int fd;
    int64_t due_ms; /* 0: nothing changed */
};

static void watch_folder_of(int fd, const char *path)
{
    const char *slash = strrchr(path, '/');
    dd_auto_str folder = slash ? dd_strndup(path, (size_t)(slash - path) + (slash == path)) : dd_strdup(".");
    inotify_add_watch(fd, folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE);
}

dd_certificate_watch *dd_certificate_watch_new(const dd_settings *settings)
{
    dd_certificate_watch *watch = dd_new(dd_certificate_watch);
    watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch->fd < 0) {
        dd_log(DD_LOG_WARNING, "server", NULL, "changed certificates are not noticed (%s): send SIGHUP",
               strerror(errno));
        return watch;
    }
    watch_folder_of(watch->fd, settings->server.tls_cert);
    watch_folder_of(watch->fd, settings->server.tls_key);
    return watch;
}

void dd_certificate_watch_free(dd_certificate_watch *watch)
{
    if (!watch)
        return;
    dd_fd_closep(&watch->fd);
    free(watch);
}

int dd_certificate_watch_fd(const dd_certificate_watch *watch)
{
    return watch->fd;
}

/* Whatever it was: the files tell whether they hold something else. */
void dd_certificate_watch_read(dd_certificate_watch *watch)
{
    char events[4096];
    while (read(watch->fd, events, sizeof(events)) > 0)
        ;
    watch->due_ms = dd_monotonic_ms() + SETTLE_MS;
}

int dd_certificate_watch_wait_ms(const dd_certificate_watch *watch)
{
    int64_t left_ms = watch->due_ms - dd_monotonic_ms();
    return !watch->due_ms ? -1 : left_ms > 0 ? (int)left_ms : 0;
}

bool dd_certificate_watch_due(dd_certificate_watch *watch)
{
    if (!watch->due_ms || dd_monotonic_ms() < watch->due_ms)
        return false;
    watch->due_ms = 0;
    return true;
}
