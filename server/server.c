/* The `server` service: listeners and matcher, until a signal. */
#include "server.h"

#include "certificate.h"
#include "listener.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define RETRY_FIRST_MS 200
#define RETRY_LAST_MS  10000

/* The matcher's thread: it blocks on Redis, so it has a thread rather than a loop. */
typedef struct matching {
    const dd_settings *settings;
    char *consumer;
    pthread_t thread;
    pthread_mutex_t lock; /* of `matcher` and `stopping` */
    pthread_cond_t wake;
    dd_matcher *matcher;
    bool stopping;
    dd_error *fatal; /* for dd_server_run, once the thread has ended */
} matching;

/* Sleep for a while, or until we are to stop; whether we are. */
static bool rest(matching *m, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    pthread_mutex_lock(&m->lock);
    while (!m->stopping && pthread_cond_timedwait(&m->wake, &m->lock, &until) == 0)
        ;
    bool stopping = m->stopping;
    pthread_mutex_unlock(&m->lock);
    return stopping;
}

/* Give the matcher to dd_matcher_stop's caller, or take it back; false when we are to stop. */
static bool set_matcher(matching *m, dd_matcher *matcher)
{
    pthread_mutex_lock(&m->lock);
    m->matcher = matcher;
    bool going_on = !m->stopping;
    pthread_mutex_unlock(&m->lock);
    return going_on;
}

static int match_once(matching *m, dd_error **err)
{
    dd_auto(dd_store) store = NULL;
    dd_auto(dd_matcher) matcher = NULL;
    if (dd_store_open(m->settings, &store, err) < 0 || dd_store_prepare(store, m->settings, err) < 0)
        return -1;
    dd_store_freep(&store);
    if (dd_matcher_new(m->settings, m->consumer, &matcher, err) < 0)
        return -1;
    int result = set_matcher(m, matcher) ? dd_matcher_run(matcher, err) : 0;
    set_matcher(m, NULL);
    return result;
}

static void *match(void *context)
{
    matching *m = context;
    int64_t wait_ms = RETRY_FIRST_MS;
    do {
        dd_auto(dd_error) error = NULL;
        int64_t began_ms = dd_monotonic_ms();
        if (match_once(m, &error) == 0)
            break;
        if (error->code == DD_ERR_CONFLICT) {
            /* Another schema: what we write there, another version would misread. */
            m->fatal = dd_take(error);
            kill(getpid(), SIGTERM);
            break;
        }
        if (dd_monotonic_ms() - began_ms > RETRY_LAST_MS)
            wait_ms = RETRY_FIRST_MS;
        if (error->code != DD_ERR_CANCELED)
            dd_log(DD_LOG_WARNING, "server", NULL, "matching: %s: trying again in %.1f s", error->message,
                   (double)wait_ms / 1000);
        if (rest(m, wait_ms))
            break;
        wait_ms = wait_ms * 2 < RETRY_LAST_MS ? wait_ms * 2 : RETRY_LAST_MS;
    } while (true);
    return NULL;
}

static void stop_matching(matching *m)
{
    pthread_mutex_lock(&m->lock);
    m->stopping = true;
    if (m->matcher)
        dd_matcher_stop(m->matcher);
    pthread_cond_signal(&m->wake);
    pthread_mutex_unlock(&m->lock);
    pthread_join(m->thread, NULL);
    pthread_mutex_destroy(&m->lock);
    pthread_cond_destroy(&m->wake);
    free(m->consumer);
}

static int start_matching(matching *m, const dd_settings *settings, dd_error **err)
{
    char host[65] = "";
    gethostname(host, sizeof(host) - 1);
    m->settings = settings;
    /* Its own name per process: what a dead one left pending is taken over by the others. */
    m->consumer = dd_sprintf("%s-%d", host, (int)getpid());
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->wake, NULL);
    int failed = pthread_create(&m->thread, NULL, match, m);
    return failed ? dd_fail_errno(err, DD_ERR_INTERNAL, failed, "starting the matcher's thread") : 0;
}

static int say_address(const dd_settings *settings, const char *address, dd_error **err)
{
    dd_log(DD_LOG_INFO, "server", NULL, "listening on https://%s", address);
    if (!settings->server.address_file)
        return 0;
    dd_auto_str line = dd_sprintf("%s\n", address);
    return dd_write_file(settings->server.address_file, line, strlen(line), 0644, err);
}

static void warn_of_api(const dd_settings *settings)
{
    if (!settings->api.token)
        dd_log(DD_LOG_WARNING, "server", NULL, "no api.token in the settings: the API answers 403");
}

/* ---- The main thread ---- */

static void reload(dd_listeners *listeners, bool asked)
{
    dd_auto(dd_error) error = NULL;
    int changed = dd_listeners_reload(listeners, &error);
    if (changed < 0)
        dd_log(DD_LOG_WARNING, "server", NULL, "%s: the certificate that was read before stays",
               error->message);
    else if (changed || asked)
        dd_log(DD_LOG_INFO, "server", NULL, "%s",
               changed ? "new connections get the certificate that was read now"
                       : "the certificate is unchanged");
}

/* Signals and changed certificates, until one says to end; which. */
static int serve(dd_listeners *listeners, int signals, dd_certificate_watch *watch)
{
    struct pollfd fds[] = {{.fd = signals, .events = POLLIN},
                           {.fd = dd_certificate_watch_fd(watch), .events = POLLIN}};
    struct signalfd_siginfo info;
    while (true) {
        int ready = poll(fds, 2, dd_certificate_watch_wait_ms(watch));
        if (ready > 0 && fds[1].revents)
            dd_certificate_watch_read(watch);
        if (dd_certificate_watch_due(watch))
            reload(listeners, false);
        if (ready <= 0 || !fds[0].revents || read(signals, &info, sizeof(info)) != sizeof(info))
            continue;
        if (info.ssi_signo != SIGHUP)
            return (int)info.ssi_signo;
        reload(listeners, true);
    }
}

/* Blocked before the threads begin, so that they are the main thread's alone. */
static int take_signals(void)
{
    sigset_t signals;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC);
}

int dd_server_run(const dd_settings *settings, dd_error **err)
{
    dd_listeners *listeners = NULL;
    matching m = {0};
    dd_auto_str address = NULL;
    dd_auto(dd_certificate_watch) watch = NULL;
    if (dd_senders_check(settings, err) < 0)
        return -1;
    dd_auto_fd signals = take_signals();
    warn_of_api(settings);
    if (dd_listeners_start(settings, &listeners, &address, err) < 0)
        return -1;
    watch = dd_certificate_watch_new(settings);
    if (start_matching(&m, settings, err) < 0 || say_address(settings, address, err) < 0) {
        dd_listeners_stop(listeners);
        return -1;
    }
    int number = serve(listeners, signals, watch);
    dd_log(DD_LOG_INFO, "server", NULL, "%s: ending", number == SIGINT ? "interrupted" : "terminated");
    dd_listeners_stop(listeners);
    stop_matching(&m);
    if (!m.fatal)
        return 0;
    if (err)
        *err = dd_take(m.fatal);
    dd_error_free(m.fatal);
    return -1;
}
