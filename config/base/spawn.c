/* Child processes by posix_spawn, with exactly the descriptors given. */
#include "spawn.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define PASSED_MAX 16
/* Above every number a child is given, so that a dup2 never overwrites a source still needed. */
#define SAFE_FD 64
/* After the child's own end, how long to read on from a pipe that a grandchild may hold open. */
#define LINGER_MS 200

int dd_exit_code_of(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/* The child's descriptors, moved out of the way first: closed here when the spawn is done. */
typedef struct moved {
    int fds[3 + PASSED_MAX];
    size_t count;
} moved;

static void moved_done(moved *m)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->fds[i] >= 0)
            close(m->fds[i]);
}

static int move(moved *m, int fd, dd_error **err)
{
    int copy = fd < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : fcntl(fd, F_DUPFD_CLOEXEC, SAFE_FD);
    if (copy >= 0 && copy < SAFE_FD) {
        int high = fcntl(copy, F_DUPFD_CLOEXEC, SAFE_FD);
        close(copy);
        copy = high;
    }
    if (copy < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "preparing a child's descriptors");
    m->fds[m->count++] = copy;
    return 0;
}

static int fill_attributes(posix_spawnattr_t *attributes, bool own_group)
{
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    if (own_group)
        flags = (short)(flags | POSIX_SPAWN_SETPGROUP);
    return posix_spawnattr_setsigdefault(attributes, &all) | posix_spawnattr_setsigmask(attributes, &none) |
           posix_spawnattr_setpgroup(attributes, 0) | posix_spawnattr_setflags(attributes, flags);
}

static int fill_actions(posix_spawn_file_actions_t *actions, const dd_spawn *spawn, const moved *m)
{
    int failed = 0;
    if (spawn->directory)
        failed |= posix_spawn_file_actions_addchdir_np(actions, spawn->directory);
    for (size_t i = 0; i < m->count; i++)
        failed |= posix_spawn_file_actions_adddup2(actions, m->fds[i], (int)i);
    return failed | posix_spawn_file_actions_addclosefrom_np(actions, (int)m->count);
}

int dd_spawn_start(const dd_spawn *spawn, pid_t *ret_pid, dd_error **err)
{
    __attribute__((cleanup(moved_done))) moved m = {0};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    dd_assert(spawn->argv && spawn->argv[0] && spawn->passed_count <= PASSED_MAX);
    if (move(&m, spawn->input, err) < 0 || move(&m, spawn->output, err) < 0 ||
        move(&m, spawn->error, err) < 0)
        return -1;
    for (size_t i = 0; i < spawn->passed_count; i++)
        if (move(&m, spawn->passed[i], err) < 0)
            return -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    int failed = fill_actions(&actions, spawn, &m) | fill_attributes(&attributes, spawn->own_group);
    /* posix_spawn's argv is not const for history's sake; it does not write to it. */
    if (failed == 0)
        failed = posix_spawnp(ret_pid, spawn->argv[0], &actions, &attributes,
                              (char *const *)(uintptr_t)spawn->argv,
                              spawn->envp ? (char *const *)(uintptr_t)spawn->envp : environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (failed)
        return dd_fail_errno(err, failed == ENOENT ? DD_ERR_NOT_FOUND : DD_ERR_INTERNAL, failed,
                             "starting '%s'%s%s", spawn->argv[0], spawn->directory ? " in " : "",
                             spawn->directory ? spawn->directory : "");
    return 0;
}

void dd_spawn_result_done(dd_spawn_result *result)
{
    dd_buf_free(result->output);
    dd_buf_free(result->error);
    *result = (dd_spawn_result){0};
}

/* Read once, so that one who writes for ever keeps us from nothing; false at the end of the stream. What is
 * above max_bytes is dropped. */
static bool drain(int fd, dd_buf *into, size_t max_bytes)
{
    char chunk[65536];
    ssize_t got = read(fd, chunk, sizeof(chunk));
    if (got <= 0)
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    size_t room = max_bytes - into->length;
    dd_buf_add(into, chunk, (size_t)got < room ? (size_t)got : room);
    return true;
}

typedef struct waiting {
    pid_t pid;
    int pidfd;
    int out, error;
    int64_t deadline;
    size_t max_bytes;
    dd_spawn_result *result;
} waiting;

static int poll_ms(int64_t until)
{
    int64_t left = until - dd_monotonic_ms();
    return left <= 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

/* Until the child has ended and both streams too, or the deadline; returns whether the child ended. */
static bool collect(waiting *w)
{
    bool ended = false;
    int64_t until = w->deadline;
    while (!ended || w->out >= 0 || w->error >= 0) {
        struct pollfd fds[] = {{.fd = ended ? -1 : w->pidfd, .events = POLLIN},
                               {.fd = w->out, .events = POLLIN},
                               {.fd = w->error, .events = POLLIN}};
        int wait_ms = poll_ms(until);
        if (wait_ms == 0)
            return ended;
        if (poll(fds, DD_COUNT(fds), wait_ms) <= 0)
            continue;
        if (fds[1].revents && !drain(w->out, w->result->output, w->max_bytes))
            dd_fd_closep(&w->out);
        if (fds[2].revents && !drain(w->error, w->result->error, w->max_bytes))
            dd_fd_closep(&w->error);
        if (fds[0].revents) {
            ended = true;
            int64_t linger = dd_monotonic_ms() + LINGER_MS;
            until = linger < until ? linger : until;
        }
    }
    return ended;
}

static int finish(waiting *w, const char *name, dd_error **err)
{
    int status = 0;
    bool ended = collect(w);
    if (!ended)
        kill(-w->pid, SIGKILL);
    pid_t waited;
    while ((waited = waitpid(w->pid, &status, 0)) < 0 && errno == EINTR)
        ;
    int number = errno;
    if (!ended)
        return dd_fail(err, DD_ERR_TIMEOUT, "'%s' did not end in time and was killed", name);
    /* Where SIGCHLD is ignored the kernel forgets how a child ended: that must not pass for success. */
    if (waited < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, number, "how '%s' ended is not known", name);
    w->result->exit_code = dd_exit_code_of(status);
    return 0;
}

/* Without a pidfd the child cannot be waited for with a deadline: it is ended at once. */
static int watch(waiting *w, const char *name, dd_error **err)
{
    w->pidfd = (int)syscall(SYS_pidfd_open, w->pid, 0);
    if (w->pidfd >= 0)
        return 0;
    int number = errno;
    if (number != ESRCH) /* else the kernel has forgotten it, and the number may be another's */
        kill(-w->pid, SIGKILL);
    while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return dd_fail_errno(err, DD_ERR_INTERNAL, number, "watching '%s'", name);
}

static int pipe_to_child(int ends[2], dd_error **err)
{
    if (pipe2(ends, O_CLOEXEC) < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "making a pipe");
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return 0;
}

int dd_spawn_wait(const dd_spawn *spawn, size_t max_bytes, int timeout_ms, dd_spawn_result *ret,
                  dd_error **err)
{
    int out[2] = {-1, -1}, error[2] = {-1, -1};
    dd_spawn piped = *spawn;
    waiting w = {
        .pidfd = -1, .deadline = dd_monotonic_ms() + timeout_ms, .max_bytes = max_bytes, .result = ret};
    *ret = (dd_spawn_result){.output = dd_buf_new(), .error = dd_buf_new()};
    int result = -1;
    if (pipe_to_child(out, err) < 0 || pipe_to_child(error, err) < 0)
        goto end;
    piped.output = out[1];
    piped.error = error[1];
    piped.own_group = true; /* so that a deadline ends its children too */
    if (dd_spawn_start(&piped, &w.pid, err) < 0)
        goto end;
    dd_fd_closep(&out[1]);
    dd_fd_closep(&error[1]);
    w.out = out[0];
    w.error = error[0];
    out[0] = error[0] = -1;
    if (watch(&w, spawn->argv[0], err) == 0)
        result = finish(&w, spawn->argv[0], err);
    dd_fd_closep(&w.out);
    dd_fd_closep(&w.error);
    dd_fd_closep(&w.pidfd);
end:
    for (int i = 0; i < 2; i++) {
        dd_fd_closep(&out[i]);
        dd_fd_closep(&error[i]);
    }
    if (result < 0)
        dd_spawn_result_done(ret);
    return result;
}
