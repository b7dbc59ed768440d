/* The worker: one thread, one loop. It claims runs while it has free slots, tells Redis that it is alive, and
 * hands out of Redis what its attempts need to know; all that happens to one run is attempt.c's.
 *
 * Three connections: one for calls, one that blocks until a queue has something new, one that listens for
 * cancels. A worker that drains claims nothing more. When its time is up, what still runs is ended, cleaned
 * up and left to the next worker: its lease runs out, and the run is queued again. */
#include "worker_private.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define QUEUE_WAIT_MS  30000
#define RETRY_MS       1000
#define CONNECT_MS     5
#define BEAT_RETRY_MS  1000
#define EXPIRE_LIMIT   50
#define HOST_MAX_BYTES 32

enum claiming {
    STARTING, /* Redis was not there yet, or leftovers are being removed */
    IDLE,     /* no slot is free, or the worker drains */
    ASKING,   /* a claim is under way */
    WATCHING, /* nothing waited; a blocking read tells when that changes */
    BACKOFF,  /* Redis is away */
    CLAIMING_STATES
};

#define TO(state) (1U << (state))

static const unsigned next_of[CLAIMING_STATES] = {
    [STARTING] = TO(IDLE),
    [IDLE] = TO(ASKING),
    [ASKING] = TO(IDLE) | TO(WATCHING) | TO(BACKOFF),
    [WATCHING] = TO(IDLE) | TO(BACKOFF),
    [BACKOFF] = TO(IDLE),
};

struct worker {
    const dd_settings *settings;
    dd_attempt_host host; /* of the attempts */
    struct event_base *base;
    dd_store_async *calls, *queue, *control;
    char *id, *hostname, *directory, *instance;
    char started[DD_TIME_TEXT];
    int lock;
    enum claiming claiming;
    int64_t asked_ms; /* when the claim under way was sent; monotonic */
    bool away;        /* Redis, as far as the log was told */
    dd_attempt **attempts;
    size_t attempt_count;
    dd_attempt **beaten; /* whose leases the beat under way extends; NULL: freed since */
    size_t beaten_count;
    int64_t beat_ms; /* when the beat under way was sent; 0: none is */
    bool beat_again;
    dd_strv leftovers; /* names in runs/, the last one first */
    dd_cleaner *cleaner;
    int64_t begin_ms; /* between looks whether the connections are there */
    struct event *prepare, *begin, *claim, *beat, *expire, *drain, *signals[2];
    bool draining, stopping;
    dd_error *failure;
};

static void claim_more(struct worker *worker);
static void beat_now(struct worker *worker);

static void claiming_enter(struct worker *worker, enum claiming to)
{
    dd_assert(next_of[worker->claiming] & TO(to));
    worker->claiming = to;
}

static void set_timer(struct event *timer, int64_t ms)
{
    struct timeval wait = {ms / 1000, ms % 1000 * 1000};

    event_add(timer, &wait);
}

/* Up to a quarter more or less, so that workers do not act in step. */
static int64_t with_jitter(int64_t ms)
{
    uint16_t random;

    evutil_secure_rng_get_bytes(&random, sizeof random);
    return ms - ms / 4 + ms / 2 * random / UINT16_MAX;
}

static void note_away(struct worker *worker, const dd_error *error)
{
    if (!error && worker->away)
        dd_log(DD_LOG_INFO, DD_WORKER_ROOM, NULL, "Redis is back");
    else if (error && !worker->away)
        dd_log(DD_LOG_WARNING, DD_WORKER_ROOM, NULL, "%s; retrying, running runs go on within their leases",
               error->message);
    worker->away = error != NULL;
}

static void stop_when_drained(struct worker *worker)
{
    if (worker->draining && worker->attempt_count == 0 && worker->claiming != ASKING)
        event_base_loopbreak(worker->base);
}

/* ---- Attempts ---- */

static dd_attempt *find_attempt(const struct worker *worker, const char *run)
{
    for (size_t i = 0; i < worker->attempt_count; i++)
        if (dd_str_eq(dd_attempt_run(worker->attempts[i]), run))
            return worker->attempts[i];
    return NULL;
}

static void on_attempt_ended(void *context, dd_attempt *attempt)
{
    struct worker *worker = context;
    dd_auto_str run = dd_strdup(dd_attempt_run(attempt));
    dd_attempt *next;
    size_t i = 0;

    while (worker->attempts[i] != attempt)
        i++;
    worker->attempt_count--;
    /* In the order of their claims, so that find_attempt gives the one that comes next. */
    for (; i < worker->attempt_count; i++)
        worker->attempts[i] = worker->attempts[i + 1];
    for (i = 0; i < worker->beaten_count; i++)
        if (worker->beaten[i] == attempt)
            worker->beaten[i] = NULL;
    dd_attempt_free(attempt);
    next = find_attempt(worker, run);
    if (next)
        dd_attempt_begin(next);
    claim_more(worker);
    stop_when_drained(worker);
}

static void take_claim(struct worker *worker, dd_claim *claim)
{
    bool first = true;
    dd_attempt *attempt;

    dd_log(DD_LOG_INFO, DD_WORKER_ROOM, NULL, "claimed %s under lease %lld", claim->run,
           (long long)claim->lease);
    for (size_t i = 0; i < worker->attempt_count; i++)
        if (dd_str_eq(dd_attempt_run(worker->attempts[i]), claim->run)) {
            dd_attempt_lose(worker->attempts[i], "its lease ran out, and the run was claimed again");
            first = false;
        }
    attempt = dd_attempt_new(&worker->host, claim, worker->asked_ms);
    worker->attempts[worker->attempt_count++] = attempt;
    if (first)
        dd_attempt_begin(attempt);
}

/* ---- Claims ---- */

static void back_off(struct worker *worker, const dd_error *error)
{
    note_away(worker, error);
    claiming_enter(worker, BACKOFF);
    set_timer(worker->claim, with_jitter(RETRY_MS));
}

static void on_claim_timer(evutil_socket_t fd, short what, void *context)
{
    struct worker *worker = context;

    (void)fd, (void)what;
    claiming_enter(worker, IDLE);
    claim_more(worker);
}

static void on_queue_answer(struct redisReply *reply, const dd_error *error, void *context)
{
    struct worker *worker = context;

    (void)reply; /* whatever came is claimed, not taken from here */
    if (worker->stopping)
        return;
    if (error) {
        back_off(worker, error);
        return;
    }
    claiming_enter(worker, IDLE);
    claim_more(worker);
}

static void on_claim_answer(struct redisReply *reply, const dd_error *error, void *context)
{
    struct worker *worker = context;
    dd_auto(dd_error) refused = NULL;
    dd_claim *claim = NULL;
    dd_queue_cursor cursor;

    if (worker->stopping)
        return;
    if (error || dd_claim_reply(reply, &claim, &cursor, &refused) < 0) {
        back_off(worker, error ? error : refused);
        stop_when_drained(worker);
        return;
    }
    note_away(worker, NULL);
    if (claim) {
        claiming_enter(worker, IDLE);
        /* Also when the drain has begun meanwhile: it is ours now. */
        take_claim(worker, claim);
        claim_more(worker);
        return;
    }
    claiming_enter(worker, WATCHING);
    dd_store_async_call(worker->queue,
                        dd_queue_wait_request(worker->settings->redis.prefix, worker->settings->worker.pool,
                                              &cursor, QUEUE_WAIT_MS),
                        true, on_queue_answer, worker);
    stop_when_drained(worker);
}

static void claim_more(struct worker *worker)
{
    if (worker->claiming != IDLE || worker->draining ||
        worker->attempt_count >= (size_t)worker->settings->worker.slots)
        return;
    claiming_enter(worker, ASKING);
    worker->asked_ms = dd_monotonic_ms();
    dd_store_async_call(worker->calls,
                        dd_claim_request(worker->settings->redis.prefix, worker->settings->worker.pool,
                                         worker->id, worker->host.lease_ms),
                        false, on_claim_answer, worker);
}

/* ---- Beats ---- */

static dd_fields *worker_fields(const struct worker *worker)
{
    const dd_settings *settings = worker->settings;
    dd_fields *fields = dd_fields_new();
    dd_strv runs = {0};

    for (size_t i = 0; i < worker->attempt_count; i++)
        dd_strv_add(&runs, dd_attempt_run(worker->attempts[i]));
    dd_auto_str list = dd_strv_join(&runs, " ");
    dd_strv_done(&runs);
    dd_fields_set(fields, "host", worker->hostname);
    dd_fields_set(fields, "pool", settings->worker.pool);
    dd_fields_set_int(fields, "slots", settings->worker.slots);
    dd_fields_set(fields, "runs", list);
    dd_fields_set(fields, "engine", settings->worker.engine);
    dd_fields_set(fields, "version", DRYDOCK_VERSION);
    dd_fields_set(fields, "started", worker->started);
    dd_fields_set(fields, "draining", worker->draining ? "yes" : "no");
    return fields;
}

static void heed_beat(struct worker *worker, const dd_beat_result *result)
{
    for (size_t i = 0; i < worker->beaten_count; i++) {
        dd_attempt *attempt = worker->beaten[i];
        if (!attempt)
            continue;
        if (dd_strv_contains(&result->stale, dd_attempt_run(attempt))) {
            dd_attempt_lose(attempt, "its lease is over");
            continue;
        }
        dd_attempt_confirm(attempt, worker->beat_ms);
        if (dd_strv_contains(&result->cancel, dd_attempt_run(attempt)))
            dd_attempt_cancel(attempt, "canceled on request");
    }
}

static void on_beat_answer(struct redisReply *reply, const dd_error *error, void *context)
{
    struct worker *worker = context;
    dd_auto(dd_error) refused = NULL;
    dd_beat_result result = {0};
    int64_t next_ms = worker->host.lease_ms / 3;

    if (worker->stopping)
        return;
    if (error || dd_beat_reply(reply, &result, &refused) < 0) {
        note_away(worker, error ? error : refused);
        next_ms = next_ms < BEAT_RETRY_MS ? next_ms / 2 : BEAT_RETRY_MS;
    } else {
        note_away(worker, NULL);
        heed_beat(worker, &result);
        dd_beat_result_done(&result);
    }
    worker->beat_ms = 0;
    set_timer(worker->beat, next_ms);
    if (worker->beat_again)
        beat_now(worker);
}

static void beat_now(struct worker *worker)
{
    dd_auto(dd_fields) fields = NULL;
    dd_lease *leases;

    worker->beat_again = worker->beat_ms != 0;
    if (worker->beat_again)
        return;
    leases = dd_calloc(worker->attempt_count + 1, sizeof *leases);
    worker->beaten_count = 0;
    for (size_t i = 0; i < worker->attempt_count; i++)
        if (dd_attempt_lease(worker->attempts[i], &leases[worker->beaten_count]))
            worker->beaten[worker->beaten_count++] = worker->attempts[i];
    fields = worker_fields(worker);
    worker->beat_ms = dd_monotonic_ms();
    dd_store_async_call(worker->calls,
                        dd_beat_request(worker->settings->redis.prefix, worker->id, fields,
                                        worker->host.lease_ms, leases, worker->beaten_count),
                        false, on_beat_answer, worker);
    free(leases);
}

static void on_beat_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    beat_now(context);
}

/* "cancel RUN". The message only wakes us: what counts is the run's hash, which the beat reads. */
static void on_control(const char *message, void *context)
{
    struct worker *worker = context;

    if (dd_str_starts(message, "cancel ") && find_attempt(worker, message + strlen("cancel ")))
        beat_now(worker);
}

/* ---- Leases of others that ran out ---- */

static void on_expire_answer(struct redisReply *reply, const dd_error *error, void *context)
{
    struct worker *worker = context;
    dd_strv done = {0};

    if (worker->stopping)
        return;
    /* A failed one is told by the beats, too. */
    if (!error && dd_expire_reply(reply, &done, NULL) == 0)
        for (size_t i = 0; i < done.count; i++)
            dd_log(DD_LOG_WARNING, DD_WORKER_ROOM, NULL, "a lease ran out: %s", done.items[i]);
    dd_strv_done(&done);
    set_timer(worker->expire, with_jitter(worker->host.lease_ms / 2));
}

static void on_expire_timer(evutil_socket_t fd, short what, void *context)
{
    struct worker *worker = context;

    (void)fd, (void)what;
    dd_store_async_call(worker->calls,
                        dd_expire_request(worker->settings->redis.prefix, worker->settings, EXPIRE_LIMIT),
                        false, on_expire_answer, worker);
}

/* ---- The beginning: Redis is there, and what an earlier worker left is gone ---- */

static void clean_next(struct worker *worker);

/* The connections were made while the leftovers were removed; when they are not there yet, they soon are. */
static void begin(struct worker *worker)
{
    if (!dd_store_async_ready(worker->calls) || !dd_store_async_ready(worker->queue)) {
        worker->begin_ms = worker->begin_ms < RETRY_MS / 2 ? 2 * worker->begin_ms : RETRY_MS;
        set_timer(worker->begin, worker->begin_ms);
        return;
    }
    claiming_enter(worker, IDLE);
    dd_log(DD_LOG_INFO, DD_WORKER_ROOM, NULL, "%s serves the pool %s with %lld slots", worker->id,
           worker->settings->worker.pool, (long long)worker->settings->worker.slots);
    beat_now(worker);
    set_timer(worker->expire, with_jitter(worker->host.lease_ms / 2));
    claim_more(worker);
}

static void on_begin_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    begin(context);
}

static void on_leftover_cleaned(void *context, const char *problem)
{
    struct worker *worker = context;

    dd_cleaner_free(dd_take(worker->cleaner));
    if (problem)
        dd_log(DD_LOG_WARNING, DD_WORKER_ROOM, NULL, "%s; what is left is tried again at the next start",
               problem);
    clean_next(worker);
}

/* All before the first claim, so that nothing is left of an earlier attempt at what is claimed. */
static void clean_next(struct worker *worker)
{
    dd_auto(dd_error) error = NULL;

    if (worker->leftovers.count == 0) {
        begin(worker);
        return;
    }
    dd_auto_str name = worker->leftovers.items[--worker->leftovers.count];
    worker->leftovers.items[worker->leftovers.count] = NULL;
    dd_auto_str path = dd_worker_run_directory(worker->directory, name);
    dd_auto_str run = dd_attempt_name_run(name);
    if (!run) {
        dd_log(DD_LOG_WARNING, DD_WORKER_ROOM, NULL, "%s is not a run's directory; left alone", path);
        clean_next(worker);
        return;
    }
    dd_log(DD_LOG_INFO, DD_WORKER_ROOM, NULL, "removing what run %s left in %s", run, path);
    if (dd_cleaner_start(worker->base, worker->settings->worker.engine, name, path, on_leftover_cleaned,
                         worker, &worker->cleaner, &error) < 0)
        on_leftover_cleaned(worker, error->message);
}

static void find_leftovers(struct worker *worker)
{
    dd_auto_str path = dd_path_join(worker->directory, "runs");
    DIR *runs = opendir(path);
    struct dirent *entry;

    while (runs && (entry = readdir(runs)))
        if (entry->d_name[0] != '.')
            dd_strv_add(&worker->leftovers, entry->d_name);
    if (runs)
        closedir(runs);
}

static int prepare(struct worker *worker, dd_error **err)
{
    dd_auto(dd_store) store = NULL;

    if (dd_store_open(worker->settings, &store, err) < 0 ||
        dd_store_prepare(store, worker->settings, err) < 0 ||
        dd_store_instance(store, &worker->instance, err) < 0)
        return -1;
    worker->host.instance = worker->instance;
    return 0;
}

/* Blocking, for at most Redis's time limit: there is nothing else to do yet. */
static void on_prepare_timer(evutil_socket_t fd, short what, void *context)
{
    struct worker *worker = context;
    dd_auto(dd_error) error = NULL;

    (void)fd, (void)what;
    if (prepare(worker, &error) == 0) {
        note_away(worker, NULL);
        find_leftovers(worker);
        clean_next(worker);
    } else if (error->code == DD_ERR_UNAVAILABLE) {
        note_away(worker, error);
        set_timer(worker->prepare, with_jitter(RETRY_MS));
    } else {
        worker->failure = dd_take(error);
        event_base_loopbreak(worker->base);
    }
}

/* ---- The end ---- */

/* Else its name stays in the queues' lists of readers until another worker finds it gone. */
static void leave(const struct worker *worker)
{
    dd_auto(dd_store) store = NULL;
    dd_auto(dd_error) error = NULL;

    if (dd_store_open(worker->settings, &store, &error) < 0 ||
        dd_store_leave(store, worker->settings->worker.pool, worker->id, &error) < 0)
        dd_log(DD_LOG_WARNING, DD_WORKER_ROOM, NULL, "%s; %s is still listed until its beat runs out",
               error->message, worker->id);
}

static void end_all(struct worker *worker)
{
    dd_log(DD_LOG_WARNING, DD_WORKER_ROOM, NULL,
           "not drained in time; %zu runs are ended and left to be taken up again", worker->attempt_count);
    for (size_t i = 0; i < worker->attempt_count; i++)
        dd_attempt_release(worker->attempts[i], "its worker is shut down; the run is taken up again");
}

static void on_drain_end(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    end_all(context);
}

static void on_signal(evutil_socket_t signal, short what, void *context)
{
    struct worker *worker = context;

    (void)what;
    if (worker->draining) {
        event_del(worker->drain);
        end_all(worker);
        return;
    }
    worker->draining = true;
    dd_log(DD_LOG_INFO, DD_WORKER_ROOM, NULL, "SIG%s: draining, %zu runs are left, at most %lld s",
           sigabbrev_np((int)signal), worker->attempt_count, (long long)worker->settings->worker.drain_s);
    set_timer(worker->drain, worker->settings->worker.drain_s * 1000);
    if (worker->claiming > STARTING)
        beat_now(worker); /* operators see that it drains */
    stop_when_drained(worker);
}

/* ---- Making and freeing ---- */

/* One worker per directory: two would take each other's runs for leftovers. */
static int lock_directory(struct worker *worker, dd_error **err)
{
    dd_auto_str path = dd_path_join(worker->directory, "lock");

    worker->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (worker->lock < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "'%s'", path);
    if (flock(worker->lock, LOCK_EX | LOCK_NB) == 0)
        return 0;
    dd_fail(err, DD_ERR_CONFLICT, "another worker uses the directory '%s'", worker->directory);
    return dd_hint(err, "give each worker a worker.directory of its own");
}

static int open_directory(struct worker *worker, dd_error **err)
{
    static const char *const folders[] = {"runs", "mirrors"};
    const char *directory = worker->settings->worker.directory;
    char whole[PATH_MAX];

    if (dd_mkdirs(directory, 0700, err) < 0)
        return -1;
    if (!realpath(directory, whole))
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "'%s'", directory);
    worker->directory = dd_strdup(whole);
    for (size_t i = 0; i < DD_COUNT(folders); i++) {
        dd_auto_str path = dd_path_join(worker->directory, folders[i]);
        if (dd_mkdirs(path, 0700, err) < 0)
            return -1;
    }
    return lock_directory(worker, err);
}

/* HOSTNAME-PID-RANDOM, with the host's name as far as it can stand in a key. */
static void set_id(struct worker *worker)
{
    char name[HOST_MAX_BYTES + 1] = "";
    dd_auto_str random = dd_random_hex(3);

    gethostname(name, HOST_MAX_BYTES);
    worker->hostname = dd_strdup(name[0] ? name : "unknown");
    worker->id = dd_sprintf("%s-%d-%s", worker->hostname, getpid(), random);
    for (char *c = worker->id; *c; c++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-", *c))
            *c = '-';
}

static int connect_store(struct worker *worker, dd_error **err)
{
    dd_auto_str channel = dd_sprintf("%scontrol", worker->settings->redis.prefix);

    if (dd_store_async_new(worker->base, worker->settings, &worker->calls, err) < 0 ||
        dd_store_async_new(worker->base, worker->settings, &worker->queue, err) < 0 ||
        dd_store_async_new(worker->base, worker->settings, &worker->control, err) < 0)
        return -1;
    dd_store_async_subscribe(worker->control, channel, on_control, worker);
    return 0;
}

static void add_events(struct worker *worker)
{
    static const int signals[] = {SIGTERM, SIGINT};

    worker->prepare = evtimer_new(worker->base, on_prepare_timer, worker);
    worker->begin = evtimer_new(worker->base, on_begin_timer, worker);
    worker->claim = evtimer_new(worker->base, on_claim_timer, worker);
    worker->beat = evtimer_new(worker->base, on_beat_timer, worker);
    worker->expire = evtimer_new(worker->base, on_expire_timer, worker);
    worker->drain = evtimer_new(worker->base, on_drain_end, worker);
    for (size_t i = 0; i < DD_COUNT(signals); i++) {
        worker->signals[i] = evsignal_new(worker->base, signals[i], on_signal, worker);
        event_add(worker->signals[i], NULL);
    }
    set_timer(worker->prepare, 0);
}

static int worker_init(struct worker *worker, dd_error **err)
{
    size_t most = (size_t)worker->settings->worker.slots;

    signal(SIGPIPE, SIG_IGN);
    dd_time_format(dd_wall_ms(), worker->started);
    set_id(worker);
    worker->attempts = dd_calloc(most + 1, sizeof(dd_attempt *));
    worker->beaten = dd_calloc(most + 1, sizeof(dd_attempt *));
    worker->base = event_base_new();
    add_events(worker);
    if (open_directory(worker, err) < 0 || connect_store(worker, err) < 0)
        return -1;
    worker->host = (dd_attempt_host){.base = worker->base,
                                     .settings = worker->settings,
                                     .store = worker->calls,
                                     .directory = worker->directory,
                                     .lease_ms = worker->settings->worker.lease_s * 1000,
                                     .ended = on_attempt_ended,
                                     .context = worker};
    return 0;
}

static void worker_done(struct worker *worker)
{
    struct event *const events[] = {worker->prepare, worker->begin, worker->claim,      worker->beat,
                                    worker->expire,  worker->drain, worker->signals[0], worker->signals[1]};

    worker->stopping = true;
    dd_store_async_free(worker->calls);
    dd_store_async_free(worker->queue);
    dd_store_async_free(worker->control);
    dd_cleaner_free(worker->cleaner);
    for (size_t i = 0; i < DD_COUNT(events); i++)
        event_free(events[i]);
    event_base_free(worker->base);
    dd_strv_done(&worker->leftovers);
    free(worker->attempts);
    free(worker->beaten);
    free(worker->directory);
    free(worker->instance);
    free(worker->hostname);
    free(worker->id);
    if (worker->lock >= 0)
        close(worker->lock);
}

int dd_worker_run(const dd_settings *settings, dd_error **err)
{
    struct worker worker = {.settings = settings, .lock = -1, .begin_ms = CONNECT_MS};
    int ret = worker_init(&worker, err);

    if (ret == 0) {
        event_base_dispatch(worker.base);
        dd_assert(worker.attempt_count == 0);
        if (worker.failure) {
            ret = dd_fail(err, worker.failure->code, "%s", worker.failure->message);
            if (worker.failure->hint)
                dd_hint(err, "%s", worker.failure->hint);
        }
        if (worker.claiming > STARTING)
            leave(&worker);
        dd_log(DD_LOG_INFO, DD_WORKER_ROOM, NULL, "%s ended", worker.id);
    }
    dd_error_free(worker.failure);
    worker_done(&worker);
    return ret;
}
