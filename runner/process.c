/* Child processes on the event loop.
 *
 * The end of a child is its pidfd becoming readable, so no SIGCHLD handler is shared with anybody. When it
 * has ended, what the pipes hold is read and they are closed: a grandchild that keeps them open does not keep
 * us. */
#include "process.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define IDLE_FLUSH_MS 100
#define READ_BYTES    (64 * 1024)

struct stream {
    dd_process *process;
    int fd;
    dd_output *output;
    dd_buf collected;
    struct event *readable, *idle;
};

struct dd_process {
    pid_t pid; /* 0: reaped */
    int pidfd;
    struct event *ended;
    struct stream streams[2];
    void (*callback)(void *context, dd_process *process, int exit_code);
    void *context;
};

static void stream_take(struct stream *stream, const char *data, size_t length)
{
    size_t room;

    if (stream->output) {
        dd_output_feed(stream->output, data, length);
        return;
    }
    room = DD_PROCESS_COLLECT_BYTES - stream->collected.length;
    dd_buf_add(&stream->collected, data, length < room ? length : room);
}

static void stream_close(struct stream *stream)
{
    if (stream->readable)
        event_free(stream->readable);
    if (stream->idle)
        event_free(stream->idle);
    stream->readable = stream->idle = NULL;
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
}

/* Read once. False when nothing more is there for now (or ever: then the stream is closed). */
static bool stream_read(struct stream *stream)
{
    static char data[READ_BYTES]; /* one loop, one thread */
    ssize_t n = read(stream->fd, data, sizeof data);

    if (n > 0) {
        stream_take(stream, data, (size_t)n);
        return true;
    }
    if (n < 0 && errno == EINTR)
        return true;
    if (n == 0 || errno != EAGAIN)
        stream_close(stream);
    return false;
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    static const struct timeval idle = {0, IDLE_FLUSH_MS * 1000};
    struct stream *stream = context;

    (void)fd, (void)what;
    stream_read(stream);
    if (stream->idle && stream->output && dd_output_is_partial(stream->output))
        event_add(stream->idle, &idle);
}

static void on_idle(evutil_socket_t fd, short what, void *context)
{
    struct stream *stream = context;

    (void)fd, (void)what;
    dd_output_flush(stream->output);
}

static void on_ended(evutil_socket_t fd, short what, void *context)
{
    dd_process *process = context;
    int status = 0;
    pid_t waited = waitpid(process->pid, &status, WNOHANG);

    (void)fd, (void)what;
    /* Nobody else waits for our children, and SIGCHLD is not ignored (main): else this would come for ever.
     */
    dd_assert(waited >= 0);
    if (waited == 0)
        return;
    process->pid = 0;
    event_free(process->ended);
    process->ended = NULL;
    for (size_t i = 0; i < DD_COUNT(process->streams); i++) {
        struct stream *stream = &process->streams[i];
        /* A pipe holds at most its size; more than that comes from a grandchild and does not count. */
        for (int reads = 0; reads < 64 && stream->fd >= 0 && stream_read(stream);)
            reads++;
        stream_close(stream);
        if (stream->output)
            dd_output_end(stream->output);
    }
    process->callback(process->context, process, dd_exit_code_of(status));
}

static int stream_open(struct event_base *base, struct stream *stream, int fd)
{
    stream->fd = fd;
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return -1;
    stream->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, stream);
    stream->idle = evtimer_new(base, on_idle, stream);
    return event_add(stream->readable, NULL);
}

/* The child of a fork: nothing of the parent's but the three standard descriptors, and it dies with the
 * parent. */
_Noreturn static void run_fork(const dd_process_spec *spec, int output, int error, pid_t parent)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    struct rlimit no_core = {0, 0};
    sigset_t none;
    int input = open("/dev/null", O_RDONLY | O_CLOEXEC);

    for (int signal = 1; signal < NSIG; signal++)
        sigaction(signal, &action, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || input < 0 || dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(error, 2) < 0)
        _exit(125);
    syscall(SYS_close_range, 3U, ~0U, 0U);
    setpgid(0, 0);
    setrlimit(RLIMIT_CORE, &no_core);
    _exit(spec->main(spec->argument));
}

static int start_child(const dd_process_spec *spec, int output, int error, pid_t *ret, dd_error **err)
{
    dd_spawn spawn = DD_SPAWN_INIT;
    pid_t parent = getpid();

    if (spec->argv) {
        spawn.argv = spec->argv;
        spawn.envp = spec->envp;
        spawn.directory = spec->directory;
        spawn.output = output;
        spawn.error = error;
        spawn.own_group = true;
        return dd_spawn_start(&spawn, ret, err);
    }
    *ret = fork();
    if (*ret < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "cannot start a process");
    if (*ret == 0)
        run_fork(spec, output, error, parent);
    return 0;
}

int dd_process_start(struct event_base *base, const dd_process_spec *spec, dd_process **ret, dd_error **err)
{
    dd_auto(dd_process) process = dd_new(dd_process);
    int pipes[2][2] = {{-1, -1}, {-1, -1}};
    int result = -1;

    process->pidfd = process->streams[0].fd = process->streams[1].fd = -1;
    process->callback = spec->ended;
    process->context = spec->context;
    process->streams[0].output = spec->output;
    process->streams[1].output = spec->error;
    if (pipe2(pipes[0], O_CLOEXEC) < 0 || pipe2(pipes[1], O_CLOEXEC) < 0)
        dd_fail_errno(err, DD_ERR_INTERNAL, errno, "cannot make a pipe");
    else
        result = start_child(spec, pipes[0][1], pipes[1][1], &process->pid, err);
    for (size_t i = 0; i < 2; i++) {
        process->streams[i].process = process;
        if (pipes[i][1] >= 0)
            close(pipes[i][1]);
        if (pipes[i][0] >= 0 && stream_open(base, &process->streams[i], pipes[i][0]) < 0 && result == 0)
            result = dd_fail(err, DD_ERR_INTERNAL, "cannot watch a pipe");
    }
    if (result < 0)
        return -1;
    process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0U);
    if (process->pidfd < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "cannot watch a process");
    process->ended = event_new(base, process->pidfd, EV_READ | EV_PERSIST, on_ended, process);
    event_add(process->ended, NULL);
    *ret = dd_take(process);
    return 0;
}

void dd_process_signal(dd_process *process, int signal)
{
    if (process && process->pid > 0)
        kill(process->pid, signal);
}

const dd_buf *dd_process_output(const dd_process *process)
{
    return &process->streams[0].collected;
}

const dd_buf *dd_process_error(const dd_process *process)
{
    return &process->streams[1].collected;
}

void dd_process_free(dd_process *process)
{
    if (!process)
        return;
    if (process->pid > 0) {
        kill(process->pid, SIGKILL);
        waitpid(process->pid, NULL, 0);
    }
    if (process->ended)
        event_free(process->ended);
    for (size_t i = 0; i < DD_COUNT(process->streams); i++) {
        stream_close(&process->streams[i]);
        dd_buf_done(&process->streams[i].collected);
    }
    if (process->pidfd >= 0)
        close(process->pidfd);
    free(process);
}
