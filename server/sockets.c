/* Listening sockets. */
#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG        1024
#define FIRST_GIVEN_FD 3 /* sd_listen_fds(3) */
#define GIVEN_MAX      16

static void add(dd_sockets *sockets, size_t thread, size_t index, int fd, bool is_plain)
{
    sockets->items[thread * sockets->each + index] = (dd_socket){.fd = fd, .is_plain = is_plain};
}

static dd_sockets *sockets_new(size_t threads, size_t each)
{
    dd_sockets *sockets = dd_new(dd_sockets);
    sockets->threads = threads;
    sockets->each = each;
    sockets->items = dd_calloc(threads * each, sizeof(*sockets->items));
    for (size_t i = 0; i < threads * each; i++)
        sockets->items[i].fd = -1;
    return sockets;
}

void dd_sockets_free(dd_sockets *sockets)
{
    if (!sockets)
        return;
    for (size_t i = 0; i < sockets->threads * sockets->each; i++)
        dd_fd_closep(&sockets->items[i].fd);
    if (sockets->unix_path)
        unlink(sockets->unix_path);
    free(sockets->unix_path);
    free(sockets->address);
    free(sockets->items);
    free(sockets);
}

/* ---- TCP ---- */

/* The host and the port of "HOST:PORT" or "[V6]:PORT", both owned; NULL with *err when it is neither. */
static char *split_address(const char *text, char **ret_port, dd_error **err)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || !dd_str_to_int(colon + 1, &port) || port < 0 || port > 65535) {
        dd_fail(err, DD_ERR_INVALID, "server.listen: '%s' is not HOST:PORT", text);
        return NULL;
    }
    bool bracketed = *text == '[' && colon > text && colon[-1] == ']';
    *ret_port = dd_strdup(colon + 1);
    return bracketed ? dd_strndup(text + 1, (size_t)(colon - text - 2))
                     : dd_strndup(text, (size_t)(colon - text));
}

static int bind_tcp(const struct addrinfo *to, const char *text, int *ret, dd_error **err)
{
    int on = 1;
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Accepted sockets inherit TCP_NODELAY: without it TLS 1.3's tickets hold the first answer back for 40
     * ms. */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
        bind(fd, to->ai_addr, to->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        dd_fail_errno(err, DD_ERR_INTERNAL, errno, "listening on %s", text);
        dd_fd_closep(&fd);
        return -1;
    }
    *ret = fd;
    return 0;
}

static int port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};
    socklen_t length = sizeof(address);
    if (getsockname(fd, &address.any, &length) < 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

/* The first thread's port, when any was asked for, is everyone's. */
static int open_tcp(dd_sockets *sockets, size_t index, const char *text, dd_error **err)
{
    dd_auto_str port = NULL;
    dd_auto_str host = split_address(text, &port, err);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    if (!host)
        return -1;
    for (size_t i = 0; i < sockets->threads; i++) {
        struct addrinfo *to = NULL;
        int fd = -1, failed = getaddrinfo(*host ? host : NULL, port, &hints, &to);
        if (failed)
            return dd_fail(err, DD_ERR_INVALID, "server.listen: '%s': %s", text, gai_strerror(failed));
        int result = bind_tcp(to, text, &fd, err);
        freeaddrinfo(to);
        if (result < 0)
            return -1;
        add(sockets, i, index, fd, false);
        free(port);
        port = dd_sprintf("%d", port_of(fd));
    }
    sockets->address = dd_sprintf(strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
    return 0;
}

/* ---- Sockets that threads share ---- */

/* Each thread has its own descriptor of the one socket. */
static int share(dd_sockets *sockets, size_t index, int fd, bool is_plain, dd_error **err)
{
    add(sockets, 0, index, fd, is_plain);
    for (size_t i = 1; i < sockets->threads; i++) {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (copy < 0)
            return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "sharing a socket among threads");
        add(sockets, i, index, copy, is_plain);
    }
    return 0;
}

/* What a server that died left behind is in the way; one that lives is not to be robbed. */
static int remove_stale(const struct sockaddr_un *address, dd_error **err)
{
    struct stat status;
    if (lstat(address->sun_path, &status) < 0)
        return 0;
    if (!S_ISSOCK(status.st_mode))
        return dd_fail(err, DD_ERR_INVALID, "server.unix: '%s' is there and is no socket", address->sun_path);
    dd_auto_fd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
        return dd_fail(err, DD_ERR_CONFLICT, "server.unix: another process listens on '%s'",
                       address->sun_path);
    unlink(address->sun_path);
    return 0;
}

static int open_unix(dd_sockets *sockets, size_t index, const char *path, dd_error **err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return dd_fail(err, DD_ERR_INVALID, "server.unix: the path '%s' is longer than a socket's may be",
                       path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (remove_stale(&address, err) < 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* The proxy's user reaches it by the group; whoever reaches it speaks for everyone. */
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0660) < 0 ||
        listen(fd, BACKLOG) < 0) {
        dd_fail_errno(err, DD_ERR_INTERNAL, errno, "listening on %s", path);
        dd_fd_closep(&fd);
        return -1;
    }
    sockets->unix_path = dd_strdup(path);
    return share(sockets, index, fd, true, err);
}

/* ---- Sockets that were given ---- */

/* How many; 0: none, or they are another process's. */
static size_t given(void)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    int64_t for_pid = 0, count = 0;
    if (!pid || !fds || !dd_str_to_int(pid, &for_pid) || for_pid != getpid() || !dd_str_to_int(fds, &count) ||
        count < 1 || count > GIVEN_MAX)
        return 0;
    return (size_t)count;
}

static int take_given(dd_sockets *sockets, size_t index, dd_error **err)
{
    int fd = FIRST_GIVEN_FD + (int)index, listens = 0, on = 1;
    struct sockaddr_storage name = {0};
    socklen_t length = sizeof(name), size = sizeof(listens);
    if (getsockname(fd, (struct sockaddr *)&name, &length) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0 || !listens)
        return dd_fail(err, DD_ERR_INVALID, "descriptor %d of LISTEN_FDS is no listening socket", fd);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    bool is_unix = name.ss_family == AF_UNIX;
    if (!is_unix)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (!sockets->address)
        sockets->address = is_unix ? dd_strdup("unix") : dd_sprintf("localhost:%d", port_of(fd));
    return share(sockets, index, fd, is_unix, err);
}

int dd_sockets_open(const dd_settings *settings, dd_sockets **ret, dd_error **err)
{
    size_t count = given(), threads = (size_t)settings->server.threads;
    const char *unix_path = settings->server.unix_path;
    dd_auto(dd_sockets) sockets = sockets_new(threads, count ? count : 1 + (unix_path != NULL));
    for (size_t i = 0; i < count; i++)
        if (take_given(sockets, i, err) < 0)
            return -1;
    if (!count && open_tcp(sockets, 0, settings->server.listen, err) < 0)
        return -1;
    if (!count && unix_path && open_unix(sockets, 1, unix_path, err) < 0)
        return -1;
    *ret = dd_take(sockets);
    return 0;
}
