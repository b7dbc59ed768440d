/* `drydock dev`: the supervisor. Blocking and single-threaded on purpose: it only waits for signals. */
#include "dev.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS         15000
#define READY_STEP_MS    20
#define STOP_MS          40000 /* above the drain time in the settings that dev writes */
#define BACKOFF_FIRST_MS 200
#define BACKOFF_LAST_MS  10000
#define STABLE_MS        30000 /* a service that lived so long starts over with the first back-off */

extern char **environ;

struct dev;

struct service {
    const char *name;
    bool demo_only;
    bool ours;       /* `drydock NAME`: reads the settings file, and says itself what it does */
    bool shows_runs; /* its standard output is the terminal's */
    int (*arguments)(struct dev *dev, dd_strv *argv, dd_strv *env, dd_error **err);
    bool (*ready)(struct dev *dev);
};

struct slot {
    const struct service *service;
    pid_t pid; /* 0: not running */
    int64_t started_ms, restart_ms;
    int64_t backoff_ms;
};

struct dev {
    const dd_dev_options *options;
    dd_dev_place *place;
    char *self; /* path of this binary */
    sigset_t signals;
    bool stopping;
    struct slot *slots;
    size_t slot_count;
};

/* ---- What is started, and when it is ready ---- */

static bool connects(int port)
{
    dd_auto_fd fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    return fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

static int redis_arguments(struct dev *dev, dd_strv *argv, dd_strv *env, dd_error **err)
{
    (void)env;
    (void)err;
    const char *directory = dev->place->directory;
    dd_strv_add_all(argv,
                    (const char *const[]){"redis-server", "--port", "0", "--unixsocket", dev->place->socket,
                                          "--unixsocketperm", "700", "--appendonly", "yes", "--appendfsync",
                                          "everysec", "--save", "", "--daemonize", "no", "--dir", NULL});
    dd_strv_addf(argv, "%s/redis", directory);
    return 0;
}

static bool redis_ready(struct dev *dev)
{
    dd_auto(dd_settings) settings = NULL;
    dd_auto(dd_store) store = NULL;
    /* Preparing writes to it, so it succeeds only once the append-only file is loaded. */
    return dd_settings_load(dev->place->settings, &settings, NULL) == 0 &&
           dd_store_open(settings, &store, NULL) == 0 && dd_store_prepare(store, settings, NULL) == 0;
}

static bool server_ready(struct dev *dev)
{
    return dd_path_exists(dev->place->address_file);
}

static int registry_arguments(struct dev *dev, dd_strv *argv, dd_strv *env, dd_error **err)
{
    const dd_dev_place *place = dev->place;
    dd_auto_str config = dd_path_join(place->directory, "registry/config.yml");
    dd_auto_str header_path = dd_path_join(place->directory, "registry.header");
    dd_auto(dd_buf) header = NULL;
    if (dd_buf_read_file(header_path, 4096, &header, err) < 0)
        return -1;
    dd_auto_str text =
        dd_sprintf("version: 0.1\n"
                   "log: {level: warn, accesslog: {disabled: true}}\n"
                   "storage: {filesystem: {rootdirectory: \"%s/registry\"}, delete: {enabled: true}}\n"
                   "http: {addr: \"127.0.0.1:%d\"}\n"
                   "notifications:\n"
                   "  endpoints:\n"
                   "    - {name: drydock, url: \"https://127.0.0.1:%d/hooks/registry\",\n"
                   "       headers: {Authorization: [\"%.*s\"]},\n"
                   "       timeout: 2s, threshold: 3, backoff: 1s, ignore: {actions: [pull]}}\n",
                   place->directory, place->port_registry, place->port_server,
                   (int)strcspn(header->data, "\n"), header->data);
    if (dd_write_file(config, text, strlen(text), 0600, err) < 0)
        return -1;
    dd_strv_add_all(argv, (const char *const[]){"docker-registry", "serve", config, NULL});
    dd_strv_addf(env, "SSL_CERT_FILE=%s", place->certificate);
    return 0;
}

static bool registry_ready(struct dev *dev)
{
    return connects(dev->place->port_registry);
}

/* The repositories below DIR/git/repositories, served by git's own http-backend through busybox's CGI. */
static int git_arguments(struct dev *dev, dd_strv *argv, dd_strv *env, dd_error **err)
{
    const char *directory = dev->place->directory;
    dd_auto_str backend = dd_path_join(directory, "git/cgi-bin/git");
    dd_auto_str hook = dd_path_join(directory, "git/hooks/post-receive");
    dd_auto_str hook_text = dd_sprintf("#!/bin/sh\nexec '%s' dev-hook --dir '%s'\n", dev->self, directory);
    static const char backend_text[] = "#!/bin/sh\nexec git http-backend\n";
    if (dd_write_file(backend, backend_text, strlen(backend_text), 0700, err) < 0 ||
        dd_write_file(hook, hook_text, strlen(hook_text), 0700, err) < 0)
        return -1;
    dd_strv_add_all(argv, (const char *const[]){"busybox", "httpd", "-f", "-p", NULL});
    dd_strv_addf(argv, "127.0.0.1:%d", dev->place->port_git);
    dd_strv_add(argv, "-h");
    dd_strv_addf(argv, "%s/git", directory);
    dd_strv_addf(env, "GIT_PROJECT_ROOT=%s/git/repositories", directory);
    dd_strv_addf(env, "GIT_CONFIG_VALUE_1=%s/git/hooks", directory);
    dd_strv_add_all(env, (const char *const[]){"GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=2",
                                               "GIT_CONFIG_KEY_0=http.receivepack", "GIT_CONFIG_VALUE_0=true",
                                               "GIT_CONFIG_KEY_1=core.hooksPath", NULL});
    return 0;
}

static bool git_ready(struct dev *dev)
{
    return connects(dev->place->port_git);
}

/* In the order of their start; they are stopped in the order of `stop_order`. */
static const struct service services[] = {
    {.name = "redis", .arguments = redis_arguments, .ready = redis_ready},
    {.name = "server", .ours = true, .ready = server_ready},
    {.name = "registry", .demo_only = true, .arguments = registry_arguments, .ready = registry_ready},
    {.name = "git", .demo_only = true, .arguments = git_arguments, .ready = git_ready},
    {.name = "worker", .ours = true, .shows_runs = true},
};
/* The worker drains while Redis, the registry and the git host are still there. */
static const char *const stop_order[] = {"worker", "server", "git", "registry", "redis"};

/* ---- Starting ---- */

static bool is_set(const dd_strv *env, const char *variable)
{
    size_t length = strcspn(variable, "=") + 1;
    for (size_t i = 0; i < env->count; i++)
        if (strncmp(env->items[i], variable, length) == 0)
            return true;
    return false;
}

/* Our environment behind the service's own, without what that sets, and without REGISTRY_* for
 * docker-registry, which takes any of them for its configuration. */
static void inherit_environment(const struct service *service, dd_strv *env)
{
    bool registry = strcmp(service->name, "registry") == 0;
    for (char **variable = environ; *variable; variable++)
        if (!is_set(env, *variable) && !(registry && dd_str_starts(*variable, "REGISTRY_")))
            dd_strv_add(env, *variable);
}

static int own_arguments(struct dev *dev, const struct service *service, dd_strv *argv)
{
    dd_strv_add_all(argv,
                    (const char *const[]){dev->self, service->name, "--config", dev->place->settings, NULL});
    return 0;
}

static int start(struct dev *dev, struct slot *slot, dd_error **err)
{
    const struct service *service = slot->service;
    dd_auto(dd_strv) argv = dd_strv_new();
    dd_auto(dd_strv) env = dd_strv_new();
    dd_auto_str log_path = dd_sprintf("%s/logs/%s.log", dev->place->directory, service->name);
    /* Tied to this process: should it be killed, none of them stays behind. */
    dd_strv_add_all(argv, (const char *const[]){dev->self, "exec-tied", "--", NULL});
    if ((service->ours ? own_arguments(dev, service, argv) : service->arguments(dev, argv, env, err)) < 0)
        return dd_context(err, "%s", service->name);
    inherit_environment(service, env);
    dd_auto_fd log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "opening '%s'", log_path);
    if (strcmp(service->name, "server") == 0)
        unlink(dev->place->address_file);
    dd_spawn spawn = {.argv = (const char *const *)argv->items,
                      .envp = (const char *const *)env->items,
                      .input = -1,
                      .output = service->shows_runs ? STDOUT_FILENO : log,
                      .error = log,
                      .own_group =
                          true}; /* so that a terminal's Ctrl-C reaches only us, and they end in order */
    slot->started_ms = dd_monotonic_ms();
    if (dd_spawn_start(&spawn, &slot->pid, err) < 0)
        return dd_context(err, "%s", service->name);
    return 0;
}

static struct slot *slot_of(struct dev *dev, const char *name)
{
    for (size_t i = 0; i < dev->slot_count; i++)
        if (strcmp(dev->slots[i].service->name, name) == 0)
            return &dev->slots[i];
    return NULL;
}

/* Note every child that ended. */
static void reap(struct dev *dev)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t i = 0; i < dev->slot_count; i++) {
            struct slot *slot = &dev->slots[i];
            if (slot->pid != pid)
                continue;
            slot->pid = 0;
            if (dev->stopping)
                continue;
            int64_t now = dd_monotonic_ms();
            bool stable = now - slot->started_ms > STABLE_MS;
            slot->backoff_ms = stable || !slot->backoff_ms ? BACKOFF_FIRST_MS : slot->backoff_ms * 2;
            if (slot->backoff_ms > BACKOFF_LAST_MS)
                slot->backoff_ms = BACKOFF_LAST_MS;
            slot->restart_ms = now + slot->backoff_ms;
            dd_log(DD_LOG_WARNING, "dev", NULL,
                   "%s ended (exit %d; see %s/logs/%s.log): starting it again in %.1f s", slot->service->name,
                   dd_exit_code_of(status), dev->place->directory, slot->service->name,
                   (double)slot->backoff_ms / 1000);
        }
}

/* Wait for a signal, at most `wait_ms` (negative: for ever). */
static void await_signal(struct dev *dev, int64_t wait_ms)
{
    struct timespec limit = {.tv_sec = wait_ms / 1000, .tv_nsec = (wait_ms % 1000) * 1000000L};
    int number = wait_ms < 0 ? sigwaitinfo(&dev->signals, NULL) : sigtimedwait(&dev->signals, NULL, &limit);
    if (number == SIGINT || number == SIGTERM || number == SIGHUP)
        dev->stopping = true;
    reap(dev);
}

/* The last lines of a log, for the error of a service that did not start. */
static void add_log_tail(const struct dev *dev, const char *name, dd_error **err)
{
    dd_auto_str path = dd_sprintf("%s/logs/%s.log", dev->place->directory, name);
    dd_auto(dd_buf) text = NULL;
    if (dd_buf_read_file(path, 16 * 1024 * 1024, &text, NULL) < 0 || text->length == 0) {
        dd_hint(err, "see %s", path);
        return;
    }
    const char *from = text->data + text->length;
    for (int lines = 0; from > text->data && lines <= 5; from--)
        lines += from[-1] == '\n';
    dd_hint(err, "the end of %s:\n%s", path, from > text->data ? from + 1 : from);
}

static int start_and_wait(struct dev *dev, struct slot *slot, dd_error **err)
{
    if (start(dev, slot, err) < 0)
        return -1;
    int64_t deadline = slot->started_ms + READY_MS;
    while (slot->pid && slot->service->ready && !slot->service->ready(dev)) {
        if (dev->stopping)
            return dd_fail(err, DD_ERR_CANCELED, "stopped while starting");
        if (dd_monotonic_ms() > deadline) {
            dd_fail(err, DD_ERR_UNAVAILABLE, "%s was not ready after %d s", slot->service->name,
                    READY_MS / 1000);
            add_log_tail(dev, slot->service->name, err);
            return -1;
        }
        /* A foreign server tells nobody when it listens: ask again after a moment, or at once when one ends.
         */
        await_signal(dev, READY_STEP_MS);
    }
    if (!slot->pid) {
        dd_fail(err, DD_ERR_UNAVAILABLE, "%s did not start", slot->service->name);
        add_log_tail(dev, slot->service->name, err);
        return -1;
    }
    return 0;
}

/* ---- Running and stopping ---- */

static void say_ready(const struct dev *dev)
{
    const dd_dev_place *place = dev->place;
    dd_auto_str env_path = dd_path_join(place->directory, "env");
    dd_auto_str env = dd_sprintf("export DRYDOCK_SERVER=https://127.0.0.1:%d\n"
                                 "export DRYDOCK_TOKEN=%s\n"
                                 "export DRYDOCK_CA_FILE='%s'\n"
                                 "export DRYDOCK_DEV_SOCKET='%s'\n"
                                 "export DRYDOCK_DEV_REGISTRY=127.0.0.1:%d\n"
                                 "export DRYDOCK_DEV_GIT=http://127.0.0.1:%d/cgi-bin/git\n",
                                 place->port_server, place->token, place->certificate, place->socket,
                                 place->port_registry, place->port_git);
    dd_auto(dd_error) error = NULL;
    if (dd_write_file(env_path, env, strlen(env), 0600, &error) < 0)
        dd_log(DD_LOG_WARNING, "dev", NULL, "%s: going on without it", error->message);
    printf("drydock dev is ready: https://127.0.0.1:%d, everything in %s\n"
           "  clients:  . %s/env    then e.g.  drydock runs list\n"
           "  Redis:    redis-cli -s %s\n",
           place->port_server, place->directory, place->directory, place->socket);
    if (dev->options->demo)
        printf("  registry: 127.0.0.1:%d\n  git:      http://127.0.0.1:%d/cgi-bin/git/NAME.git\n",
               place->port_registry, place->port_git);
    printf("Ctrl-C stops it.\n");
    fflush(stdout);
}

static void restart_due(struct dev *dev)
{
    for (size_t i = 0; i < dev->slot_count; i++) {
        struct slot *slot = &dev->slots[i];
        dd_auto(dd_error) error = NULL;
        if (slot->pid || slot->restart_ms > dd_monotonic_ms())
            continue;
        if (start(dev, slot, &error) < 0) {
            slot->restart_ms = dd_monotonic_ms() + BACKOFF_LAST_MS;
            dd_log(DD_LOG_ERROR, "dev", NULL, "%s: trying again in %d s", error->message,
                   BACKOFF_LAST_MS / 1000);
        }
    }
}

static int64_t next_wait(const struct dev *dev)
{
    int64_t wait = -1;
    for (size_t i = 0; i < dev->slot_count; i++) {
        int64_t left = dev->slots[i].restart_ms - dd_monotonic_ms();
        if (!dev->slots[i].pid && (wait < 0 || left < wait))
            wait = left < 0 ? 0 : left;
    }
    return wait;
}

static void supervise(struct dev *dev)
{
    while (!dev->stopping) {
        await_signal(dev, next_wait(dev));
        if (!dev->stopping)
            restart_due(dev);
    }
}

static void stop(struct dev *dev, struct slot *slot)
{
    if (!slot || !slot->pid)
        return;
    kill(slot->pid, SIGTERM);
    int64_t deadline = dd_monotonic_ms() + STOP_MS;
    while (slot->pid && dd_monotonic_ms() < deadline)
        await_signal(dev, deadline - dd_monotonic_ms());
    if (!slot->pid)
        return;
    dd_log(DD_LOG_WARNING, "dev", NULL, "%s did not end within %d s: killed", slot->service->name,
           STOP_MS / 1000);
    kill(-slot->pid, SIGKILL);
    while (slot->pid)
        await_signal(dev, 1000);
}

static void stop_all(struct dev *dev)
{
    dev->stopping = true;
    for (size_t i = 0; i < DD_COUNT(stop_order); i++)
        stop(dev, slot_of(dev, stop_order[i]));
}

static int start_all(struct dev *dev, dd_error **err)
{
    for (size_t i = 0; i < DD_COUNT(services); i++) {
        if (services[i].demo_only && !dev->options->demo)
            continue;
        struct slot *slot = &dev->slots[dev->slot_count++];
        slot->service = &services[i];
        if (start_and_wait(dev, slot, err) < 0)
            return -1;
    }
    return 0;
}

/* One `dev` per directory. The descriptor is held until the process ends; children do not have it. */
static int lock_directory(const char *directory, int *ret_fd, dd_error **err)
{
    if (dd_mkdirs(directory, 0700, err) < 0)
        return -1;
    dd_auto_str path = dd_path_join(directory, "lock");
    *ret_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*ret_fd < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "opening '%s'", path);
    if (flock(*ret_fd, LOCK_EX | LOCK_NB) < 0)
        return dd_fail(err, DD_ERR_CONFLICT, "another `drydock dev` runs in '%s'", directory);
    return 0;
}

int dd_dev_run(const dd_dev_options *options, dd_error **err)
{
    dd_auto_fd lock = -1;
    struct slot slots[DD_COUNT(services)] = {0};
    dd_auto(dd_dev_place) place = NULL;
    dd_auto_str self = realpath("/proc/self/exe", NULL);
    if (!self)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "/proc/self/exe");
    if (lock_directory(options->directory, &lock, err) < 0 || dd_dev_prepare(options, &place, err) < 0)
        return -1;
    struct dev dev = {.options = options, .place = place, .self = self, .slots = slots};
    sigemptyset(&dev.signals);
    sigaddset(&dev.signals, SIGINT);
    sigaddset(&dev.signals, SIGTERM);
    sigaddset(&dev.signals, SIGHUP);
    sigaddset(&dev.signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &dev.signals, NULL);
    signal(SIGPIPE, SIG_IGN); /* of a Redis that is gone while it is asked whether it is ready */
    int ret = start_all(&dev, err);
    if (ret == 0) {
        say_ready(&dev);
        supervise(&dev);
    }
    stop_all(&dev);
    return ret;
}
