/* A dial on a thread of its own: looking up names and TLS handshakes would stop an event loop. */
#include "dial.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct dd_dialer {
    dd_redis_config *config;
    dd_redis_nodes known;
    dd_redis_node hop; /* without a host: none */
    bool only_hop;
    int done_fd, cancel_fd;
    pthread_mutex_t lock;
    int references; /* the loop's and the thread's */
    dd_link *link;
    dd_error *error;
};

static void unref(dd_dialer *dialer)
{
    pthread_mutex_lock(&dialer->lock);
    bool last = --dialer->references == 0;
    pthread_mutex_unlock(&dialer->lock);
    if (!last)
        return;
    dd_link_free(dialer->link);
    dd_error_free(dialer->error);
    dd_redis_nodes_done(&dialer->known);
    free(dialer->hop.host);
    close(dialer->done_fd);
    close(dialer->cancel_fd);
    pthread_mutex_destroy(&dialer->lock);
    dd_redis_config_unref(dialer->config);
    free(dialer);
}

static void raise_flag(int fd)
{
    uint64_t one = 1;
    ssize_t put = write(fd, &one, sizeof(one));
    dd_assert(put == sizeof(one));
}

static void *work(void *context)
{
    dd_dialer *dialer = context;
    dd_dial dial = {.config = dialer->config,
                    .hop = dialer->hop.host ? &dialer->hop : NULL,
                    .only_hop = dialer->only_hop};
    dd_link *link = NULL;
    dd_error *error = NULL;
    dd_redis_dial(&dial, &dialer->known, dialer->cancel_fd, &link, &error);
    pthread_mutex_lock(&dialer->lock);
    dialer->link = link;
    dialer->error = error;
    pthread_mutex_unlock(&dialer->lock);
    raise_flag(dialer->done_fd);
    unref(dialer);
    return NULL;
}

/* Signals are the process's own threads' business. Nobody joins it: a name's look-up cannot be cut short. */
static int start_thread(dd_dialer *dialer)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t thread;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&thread, &attributes, work, dialer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return number;
}

dd_dialer *dd_dialer_start(dd_redis_config *config, const dd_redis_nodes *known, const dd_redis_node *hop,
                           bool only_hop)
{
    dd_dialer *dialer = dd_new(dd_dialer);
    dialer->config = dd_redis_config_ref(config);
    dd_redis_nodes_copy(&dialer->known, known);
    if (hop)
        dialer->hop = (dd_redis_node){.host = dd_strdup(hop->host), .port = hop->port};
    dialer->only_hop = only_hop;
    dialer->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    dialer->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    dialer->references = 2;
    pthread_mutex_init(&dialer->lock, NULL);
    int number = dialer->done_fd < 0 || dialer->cancel_fd < 0 ? errno : start_thread(dialer);
    if (number) {
        dialer->references = 1;
        dd_fail_errno(&dialer->error, DD_ERR_UNAVAILABLE, number, "connecting to Redis");
        if (dialer->done_fd >= 0)
            raise_flag(dialer->done_fd);
    }
    return dialer;
}

int dd_dialer_fd(const dd_dialer *dialer)
{
    return dialer->done_fd;
}

int dd_dialer_take(dd_dialer *dialer, dd_redis_nodes *known, dd_link **ret, dd_error **err)
{
    pthread_mutex_lock(&dialer->lock);
    *ret = dd_take(dialer->link);
    dd_error *error = dd_take(dialer->error);
    pthread_mutex_unlock(&dialer->lock);
    dd_redis_nodes_copy(known, &dialer->known);
    if (*ret) {
        dd_error_free(error);
        return 0;
    }
    dd_assert(error);
    dd_fail(err, error->code, "%s", error->message);
    if (error->hint)
        dd_hint(err, "%s", error->hint);
    dd_error_free(error);
    return -1;
}

void dd_dialer_free(dd_dialer *dialer)
{
    if (!dialer)
        return;
    if (dialer->cancel_fd >= 0)
        raise_flag(dialer->cancel_fd);
    unref(dialer);
}
