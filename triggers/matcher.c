/* The matcher: reads the events stream as one of the group "matchers", asks the tasks, makes runs, settles
 * the event.
 *
 * An event stays pending in Redis until it is settled, and a run is made once for its causes: so a crash
 * between any two calls costs nothing but doing it again, here after a start or in another matcher. */
#include "matcher.h"
#include "senders.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define READ_COUNT      16
#define WAITING_MAX     1000 /* events kept here; more of them lie in Redis until these are settled */
#define WHY_MAX         300  /* bytes of a reason */
#define RUNS_LISTED_MAX 500
#define REFRESH_MS      5000 /* must be well below min_idle_ms */
#define DELAY_FIRST_MS  100
#define DELAY_MOST_MS   5000

static const dd_matcher_times usual_times = {.min_idle_ms = 15000,
                                             .takeover_ms = 10000,
                                             .retry_ms = 1000,
                                             .retry_most_ms = 60000,
                                             .retry_for_ms = 3600000,
                                             .settle_ms = 2000};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- The verdict ---- */

void dd_verdict_say(dd_verdict *verdict, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    free(verdict->text);
    verdict->text = dd_vsprintf(format, args);
    va_end(args);
}

void dd_verdict_why(dd_verdict *verdict, const char *task, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    dd_auto_str why = dd_vsprintf(format, args);
    va_end(args);
    dd_auto_str line = dd_plain_line(why, WHY_MAX);
    dd_decisions_add(&verdict->decisions, task, NULL, false, line);
    verdict->without++;
}

static void verdict_run(dd_verdict *verdict, const char *task, const dd_created *created, const char *why)
{
    dd_decisions_add(&verdict->decisions, task, created->run, created->existed, why);
    if (verdict->runs.count < RUNS_LISTED_MAX)
        dd_strv_add(&verdict->runs, created->run);
    *(created->existed ? &verdict->existed : &verdict->made) += 1;
}

static void verdict_done(dd_verdict *verdict)
{
    free(verdict->text);
    dd_decisions_done(&verdict->decisions);
    dd_strv_done(&verdict->runs);
}

static char *verdict_text(const dd_verdict *verdict)
{
    if (verdict->text)
        return dd_strdup(verdict->text);
    return dd_sprintf("runs made: %zu, made before: %zu, tasks without a run: %zu", verdict->made,
                      verdict->existed, verdict->without);
}

static dd_fields *verdict_fields(const dd_verdict *verdict, const dd_event *event)
{
    dd_fields *fields = dd_fields_new();
    dd_auto_str text = verdict_text(verdict);
    dd_auto_str runs = dd_strv_join(&verdict->runs, " ");
    dd_fields_set(fields, "verdict", text);
    dd_fields_set(fields, "runs", runs);
    dd_decisions_to_fields(&verdict->decisions, fields);
    if (event) {
        dd_fields_set(fields, "kind", dd_event_kind_name(event->kind));
        dd_fields_set(fields, "sender", event->sender);
        dd_fields_set(fields, "delivery", event->delivery);
        dd_fields_set(fields, "replay_of", event->replay_of);
    }
    return fields;
}

/* ---- What both kinds of event share ---- */

int dd_matcher_check_stop(const dd_matcher *matcher, dd_error **err)
{
    return atomic_load(&matcher->stopping) ? dd_fail(err, DD_ERR_CANCELED, "asked to stop") : 0;
}

static int check_reply(redisReply *reply, redisReply **ret, dd_error **err)
{
    *ret = reply;
    if (reply->type != REDIS_REPLY_ERROR)
        return 0;
    dd_fail(err, DD_ERR_INTERNAL, "Redis: %s", reply->str);
    freeReplyObject(reply);
    *ret = NULL;
    return -1;
}

int dd_matcher_call(dd_matcher *matcher, const dd_command *command, redisReply **ret, dd_error **err)
{
    redisReply *reply = NULL;
    if (dd_store_call(matcher->store, command, &reply, err) < 0)
        return -1;
    return check_reply(reply, ret, err);
}

int dd_matcher_task_names(dd_matcher *matcher, const char *key, dd_strv **ret, dd_error **err)
{
    redisReply *reply = NULL;
    dd_auto(dd_command) command = dd_command_new("SMEMBERS");
    dd_command_key(command, key);
    if (dd_matcher_call(matcher, command, &reply, err) < 0)
        return -1;
    *ret = dd_strv_new();
    for (size_t i = 0; i < reply->elements; i++)
        if (reply->element[i]->type == REDIS_REPLY_STRING && dd_name_is_valid(reply->element[i]->str))
            dd_strv_add(*ret, reply->element[i]->str);
    freeReplyObject(reply);
    dd_strv_sort(*ret);
    return 0;
}

int dd_matcher_task(dd_matcher *matcher, const char *name, dd_verdict *verdict, dd_task **ret,
                    dd_fields **ret_fields, dd_error **err)
{
    dd_error *why = NULL;
    *ret = NULL;
    if (dd_store_get_task(matcher->store, name, ret_fields, &why) == 0) {
        const char *yaml = dd_fields_get(*ret_fields, "yaml");
        if (dd_task_parse(yaml ? yaml : "", ret, &why) == 0)
            return 0;
    } else if (why->code != DD_ERR_NOT_FOUND) {
        dd_fail(err, why->code, "%s", why->message);
        dd_error_free(why);
        return -1;
    }
    dd_verdict_why(verdict, name, "%s", why->message);
    dd_error_free(why);
    return 0;
}

/* What every run says of itself. Where it is cloned from is the task's word alone, whatever a sender wrote.
 */
static void set_run_fields(dd_fields *fields, const dd_task *task, const dd_cause *cause)
{
    dd_run_fields_of_task(fields, task);
    dd_fields_set(fields, "trigger", dd_trigger_kind_name(cause->trigger));
    dd_fields_set(fields, "event", cause->event_id);
    dd_fields_set(fields, "sender", cause->event->sender);
    dd_fields_set(fields, "delivery", cause->event->delivery);
    dd_fields_set(fields, "actor", cause->event->actor);
    dd_fields_set(fields, "replay_of", cause->event->replay_of);
}

/* A forced replay has nothing in common with what came before, and is itself one cause however often it is
 * matched. */
static void add_causes(const dd_cause *cause, dd_strv *causes)
{
    if (cause->event->replay_forced) {
        dd_strv_addf(causes, "replay %s", cause->event_id);
        return;
    }
    dd_auto_str id = dd_event_id(cause->event);
    dd_strv_addf(causes, "delivery %s %s", cause->event->sender, id);
    dd_strv_add(causes, cause->meaning);
}

static int create_run(dd_matcher *matcher, const dd_task *task, const dd_cause *cause,
                      const dd_fields *fields, dd_created *ret, dd_error **err)
{
    redisReply *reply = NULL;
    dd_auto(dd_strv) causes = dd_strv_new();
    add_causes(cause, causes);
    dd_auto(dd_command) command =
        dd_create_run_request(dd_store_prefix(matcher->store), matcher->settings, task->name, task->pool,
                              cause->priority, causes, fields);
    if (dd_store_call(matcher->store, command, &reply, err) < 0)
        return -1;
    int result = dd_create_run_reply(reply, ret, err);
    freeReplyObject(reply);
    return result;
}

int dd_matcher_make_run(dd_matcher *matcher, const dd_task *task, const dd_cause *cause,
                        const dd_fields *more, const char *why, dd_verdict *verdict, dd_error **err)
{
    dd_created created;
    dd_auto(dd_fields) fields = dd_fields_new();
    set_run_fields(fields, task, cause);
    for (size_t i = 0; i < dd_fields_count(more); i++)
        dd_fields_set(fields, dd_fields_name_at(more, i), dd_fields_value_at(more, i));
    if (create_run(matcher, task, cause, fields, &created, err) < 0)
        return -1;
    verdict_run(verdict, task->name, &created, why);
    return 0;
}

/* ---- One event ---- */

/* How each kind is handled, and `why` it makes no run where it makes none. */
static const struct handler {
    int (*handle)(dd_matcher *, const char *event_id, const dd_event *, dd_verdict *, dd_error **);
    const char *why;
} handlers[DD_EVENT_KINDS] = {
    [DD_EVENT_IGNORED] = {NULL, "nothing to do"},
    [DD_EVENT_PUSH] = {dd_matcher_push, NULL},
    [DD_EVENT_TAG] = {dd_matcher_other, "no trigger takes tags"},
    [DD_EVENT_PULL_REQUEST] = {dd_matcher_other, "no trigger takes pull requests"},
    [DD_EVENT_IMAGE_PUSH] = {dd_matcher_image_push, NULL},
    [DD_EVENT_DELETE] = {dd_matcher_other, "a ref that is gone starts no run"},
    [DD_EVENT_PING] = {NULL, "the sender says hello"},
    [DD_EVENT_SCHEDULE] = {NULL, "no delivery makes such an event"},
    [DD_EVENT_MANUAL] = {NULL, "no delivery makes such an event"},
};

static int settle(dd_matcher *matcher, const char *id, const dd_event *event, dd_verdict *verdict,
                  dd_error **err)
{
    redisReply *reply = NULL;
    dd_auto(dd_fields) fields = verdict_fields(verdict, event);
    dd_auto(dd_command) command =
        dd_settle_request(dd_store_prefix(matcher->store), matcher->settings, id, fields);
    if (dd_matcher_call(matcher, command, &reply, err) < 0)
        return -1;
    freeReplyObject(reply);
    dd_auto_str log = dd_sprintf("event=%s sender=%s", id, event && event->sender ? event->sender : "-");
    /* A registry tells of every pull. */
    dd_level level = event && event->kind == DD_EVENT_IGNORED ? DD_LOG_DEBUG : DD_LOG_INFO;
    dd_log(level, "triggers", log, "%s", dd_fields_get(fields, "verdict"));
    return 0;
}

/* A poison event is settled with what is wrong with it; where Redis is away, or we are to stop, it stays
 * pending. */
static int settle_error(dd_matcher *matcher, const char *id, const dd_event *event, dd_error *why,
                        dd_verdict *verdict, dd_error **err)
{
    int result;
    if (why->code == DD_ERR_UNAVAILABLE || why->code == DD_ERR_DENIED || why->code == DD_ERR_CANCELED) {
        result = dd_fail(err, why->code, "%s", why->message);
    } else {
        dd_verdict_say(verdict, "failed: %s", why->message);
        result = settle(matcher, id, event, verdict, err);
    }
    dd_error_free(why);
    return result;
}

/* 0: settled; 1: it waits for its registry; -1. */
static int handle(dd_matcher *matcher, const char *id, const dd_event *event, dd_error **err)
{
    const struct handler *handler = &handlers[event->kind];
    dd_verdict verdict = {0};
    dd_error *why = NULL;
    int result = 0;
    if (handler->why)
        dd_verdict_say(&verdict, "%s: %s", dd_event_kind_name(event->kind),
                       event->why ? event->why : handler->why);
    if (handler->handle)
        result = handler->handle(matcher, id, event, &verdict, &why);
    if (result < 0)
        result = settle_error(matcher, id, event, why, &verdict, err);
    else if (result == 0)
        result = settle(matcher, id, event, &verdict, err);
    verdict_done(&verdict);
    return result;
}

/* ---- Events that wait for their registry ---- */

static bool is_waiting(const dd_matcher *matcher, const char *id)
{
    for (size_t i = 0; i < matcher->waiting_count; i++)
        if (dd_str_eq(matcher->waiting[i].id, id))
            return true;
    return false;
}

int64_t dd_matcher_waited_ms(const dd_matcher *matcher, const char *event_id)
{
    for (size_t i = 0; i < matcher->waiting_count; i++)
        if (dd_str_eq(matcher->waiting[i].id, event_id))
            return dd_monotonic_ms() - matcher->waiting[i].since_ms;
    return 0;
}

static void add_waiting(dd_matcher *matcher, const char *id, dd_event *event)
{
    matcher->waiting =
        dd_reallocarray(matcher->waiting, matcher->waiting_count + 1, sizeof(*matcher->waiting));
    matcher->waiting[matcher->waiting_count++] =
        (dd_waiting){.id = dd_strdup(id), .event = event, .since_ms = dd_monotonic_ms()};
}

static void drop_waiting(dd_matcher *matcher, size_t index)
{
    free(matcher->waiting[index].id);
    dd_event_free(matcher->waiting[index].event);
    matcher->waiting_count--;
    memmove(&matcher->waiting[index], &matcher->waiting[index + 1],
            (matcher->waiting_count - index) * sizeof(*matcher->waiting));
}

static int give_up(dd_matcher *matcher, const dd_waiting *waiting, dd_error **err)
{
    dd_verdict verdict = {0};
    dd_verdict_say(&verdict,
                   "the registry %s was away for %lld s: the digest is not confirmed, no run is made",
                   waiting->event->registry, (long long)(matcher->times.retry_for_ms / 1000));
    int result = settle(matcher, waiting->id, waiting->event, &verdict, err);
    verdict_done(&verdict);
    return result;
}

/* Ask again for each; one whose registry is still away is passed over at once. */
static int retry_waiting(dd_matcher *matcher, dd_error **err)
{
    size_t before = matcher->waiting_count;
    for (size_t i = 0; i < matcher->waiting_count;) {
        const dd_waiting *waiting = &matcher->waiting[i];
        int result = handle(matcher, waiting->id, waiting->event, err);
        if (result > 0 && dd_monotonic_ms() - waiting->since_ms > matcher->times.retry_for_ms)
            result = give_up(matcher, waiting, err);
        if (result < 0)
            return -1;
        if (result == 0)
            drop_waiting(matcher, i);
        else
            i++;
    }
    /* Where there was no room for all, the others lie in Redis. */
    if (before >= WAITING_MAX && matcher->waiting_count < before)
        matcher->catch_up = true;
    return 0;
}

static int64_t until_of(const dd_matcher *matcher, const char *registry)
{
    for (size_t i = 0; i < matcher->away_count; i++)
        if (dd_str_eq(matcher->away[i].registry, registry))
            return matcher->away[i].until_ms;
    return 0;
}

/* When the first of the registries that events wait for may be asked. */
static int64_t next_retry_ms(const dd_matcher *matcher)
{
    int64_t next_ms = INT64_MAX;
    for (size_t i = 0; i < matcher->waiting_count; i++)
        next_ms = smaller(next_ms, until_of(matcher, matcher->waiting[i].event->registry));
    return next_ms;
}

/* ---- The stream ---- */

static dd_command *read_group(const dd_matcher *matcher, const char *from, int64_t block_ms)
{
    dd_auto_str key = dd_store_key(matcher->store, "events");
    dd_command *command = dd_command_new("XREADGROUP");
    dd_command_arg(command, "GROUP");
    dd_command_arg(command, DD_MATCHER_GROUP);
    dd_command_arg(command, matcher->consumer);
    dd_command_arg(command, "COUNT");
    dd_command_arg_int(command, READ_COUNT);
    if (block_ms > 0) {
        dd_command_arg(command, "BLOCK");
        dd_command_arg_int(command, block_ms);
    }
    dd_command_arg(command, "STREAMS");
    dd_command_key(command, key);
    dd_command_arg(command, from);
    return command;
}

static int acknowledge(dd_matcher *matcher, const char *id, dd_error **err)
{
    redisReply *reply = NULL;
    dd_auto_str key = dd_store_key(matcher->store, "events");
    dd_auto(dd_command) command = dd_command_new("XACK");
    dd_command_key(command, key);
    dd_command_arg(command, DD_MATCHER_GROUP);
    dd_command_arg(command, id);
    if (dd_matcher_call(matcher, command, &reply, err) < 0)
        return -1;
    freeReplyObject(reply);
    return 0;
}

static int take_entry(dd_matcher *matcher, const char *id, const redisReply *values, dd_error **err)
{
    dd_auto(dd_fields) fields = NULL;
    dd_auto(dd_event) event = NULL;
    dd_error *why = NULL;
    dd_verdict verdict = {0};
    if (is_waiting(matcher, id))
        return 0;
    if (values->type != REDIS_REPLY_ARRAY) /* trimmed by hand: nothing is left of it */
        return acknowledge(matcher, id, err);
    if (dd_fields_from_reply(values, &fields, &why) < 0 || dd_event_from_fields(fields, &event, &why) < 0) {
        int result = settle_error(matcher, id, NULL, why, &verdict, err);
        verdict_done(&verdict);
        return result;
    }
    int result = handle(matcher, id, event, err);
    if (result > 0 && matcher->waiting_count < WAITING_MAX)
        add_waiting(matcher, id, dd_take(event));
    return result < 0 ? -1 : 0;
}

/* Entries of a stream reply, [[id, [name, value, …]], …]; *last becomes the last id. */
static int take_entries(dd_matcher *matcher, const redisReply *entries, char **last, dd_error **err)
{
    for (size_t i = 0; i < entries->elements; i++) {
        const redisReply *entry = entries->element[i];
        if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
            entry->element[0]->type != REDIS_REPLY_STRING)
            continue;
        if (dd_matcher_check_stop(matcher, err) < 0 ||
            take_entry(matcher, entry->element[0]->str, entry->element[1], err) < 0)
            return -1;
        free(*last);
        *last = dd_strdup(entry->element[0]->str);
    }
    return 0;
}

/* The entries of XREADGROUP's reply, [[stream, entries]]; NULL when the wait ended without any. */
static const redisReply *entries_of(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 1 ||
        reply->element[0]->type != REDIS_REPLY_ARRAY || reply->element[0]->elements < 2)
        return NULL;
    return reply->element[0]->element[1];
}

/* What was given to this name before and never settled. */
static int catch_up(dd_matcher *matcher, dd_error **err)
{
    dd_auto_str last = dd_strdup("0-0");
    for (bool more = true; more;) {
        redisReply *reply = NULL;
        dd_auto(dd_command) command = read_group(matcher, last, 0);
        if (dd_matcher_call(matcher, command, &reply, err) < 0)
            return -1;
        const redisReply *entries = entries_of(reply);
        more = entries && entries->elements > 0;
        int result = more ? take_entries(matcher, entries, &last, err) : 0;
        freeReplyObject(reply);
        if (result < 0)
            return -1;
    }
    matcher->catch_up = false;
    return 0;
}

static int auto_claim(dd_matcher *matcher, const char *from, redisReply **ret, dd_error **err)
{
    dd_auto_str key = dd_store_key(matcher->store, "events");
    dd_auto(dd_command) command = dd_command_new("XAUTOCLAIM");
    dd_command_key(command, key);
    dd_command_arg(command, DD_MATCHER_GROUP);
    dd_command_arg(command, matcher->consumer);
    dd_command_arg_int(command, matcher->times.min_idle_ms);
    dd_command_arg(command, from);
    dd_command_arg(command, "COUNT");
    dd_command_arg_int(command, READ_COUNT);
    return dd_matcher_call(matcher, command, ret, err);
}

/* What lies with a matcher that has not settled it for long: it died, or is cut off. */
static int take_over(dd_matcher *matcher, dd_error **err)
{
    dd_auto_str from = dd_strdup("0-0");
    dd_auto_str last = NULL;
    do {
        redisReply *reply = NULL;
        if (auto_claim(matcher, from, &reply, err) < 0)
            return -1;
        bool sound = reply->type == REDIS_REPLY_ARRAY && reply->elements >= 2 &&
                     reply->element[0]->type == REDIS_REPLY_STRING &&
                     reply->element[1]->type == REDIS_REPLY_ARRAY;
        free(from);
        from = dd_strdup(sound ? reply->element[0]->str : "0-0");
        int result = sound ? take_entries(matcher, reply->element[1], &last, err) : 0;
        freeReplyObject(reply);
        if (result < 0)
            return -1;
    } while (!dd_str_eq(from, "0-0"));
    matcher->takeover_at_ms = dd_monotonic_ms() + matcher->times.takeover_ms;
    return 0;
}

/* Events that wait are no dead matcher's: their idle time begins anew. */
static int refresh_waiting(dd_matcher *matcher, dd_error **err)
{
    redisReply *reply = NULL;
    dd_auto_str key = dd_store_key(matcher->store, "events");
    dd_auto(dd_command) command = dd_command_new("XCLAIM");
    dd_command_key(command, key);
    dd_command_arg(command, DD_MATCHER_GROUP);
    dd_command_arg(command, matcher->consumer);
    dd_command_arg_int(command, 0);
    for (size_t i = 0; i < matcher->waiting_count; i++)
        dd_command_arg(command, matcher->waiting[i].id);
    dd_command_arg(command, "JUSTID");
    if (dd_matcher_call(matcher, command, &reply, err) < 0)
        return -1;
    freeReplyObject(reply);
    matcher->refresh_at_ms = dd_monotonic_ms() + REFRESH_MS;
    return 0;
}

/* Wait for new events, until something else is due. */
static int read_new(dd_matcher *matcher, dd_error **err)
{
    redisReply *reply = NULL;
    int64_t due_ms = smaller(matcher->takeover_at_ms, next_retry_ms(matcher));
    if (matcher->waiting_count > 0)
        due_ms = smaller(due_ms, matcher->refresh_at_ms);
    int64_t block_ms = due_ms - dd_monotonic_ms();
    block_ms = block_ms < 1 ? 1 : smaller(block_ms, matcher->times.takeover_ms);
    dd_auto(dd_command) command = read_group(matcher, ">", block_ms);
    if (dd_store_call_blocking(matcher->store, command, (int)(block_ms + matcher->settings->redis.timeout_ms),
                               &reply, err) < 0 ||
        check_reply(reply, &reply, err) < 0)
        return -1;
    dd_auto_str last = NULL;
    const redisReply *entries = entries_of(reply);
    int result = entries ? take_entries(matcher, entries, &last, err) : 0;
    freeReplyObject(reply);
    return result;
}

/* ---- The loop ---- */

static int turn(dd_matcher *matcher, dd_error **err)
{
    if (matcher->catch_up && catch_up(matcher, err) < 0)
        return -1;
    if (dd_monotonic_ms() >= matcher->takeover_at_ms && take_over(matcher, err) < 0)
        return -1;
    if (matcher->waiting_count > 0 && dd_monotonic_ms() >= matcher->refresh_at_ms &&
        refresh_waiting(matcher, err) < 0)
        return -1;
    if (dd_monotonic_ms() >= next_retry_ms(matcher) && retry_waiting(matcher, err) < 0)
        return -1;
    return read_new(matcher, err);
}

/* Returns early once somebody stops the matcher. */
static void pause_for(const dd_matcher *matcher, int64_t ms)
{
    struct pollfd wake = {.fd = matcher->wake, .events = POLLIN};
    (void)poll(&wake, 1, (int)ms);
}

/* Redis is away, or lost what we knew of it: wait, and begin with what lies there under our name. */
static void recover(dd_matcher *matcher, int64_t *delay_ms, const dd_error *why)
{
    /* Of an outage the first says it; the store tells its end. */
    dd_log(*delay_ms == DELAY_FIRST_MS ? DD_LOG_WARNING : DD_LOG_DEBUG, "triggers", NULL,
           "%s; trying again from %lld ms on", why->message, (long long)*delay_ms);
    pause_for(matcher, *delay_ms);
    *delay_ms = smaller(*delay_ms * 2, DELAY_MOST_MS);
    matcher->catch_up = true;
}

int dd_matcher_run(dd_matcher *matcher, dd_error **err)
{
    int64_t delay_ms = DELAY_FIRST_MS;
    bool prepared = false;
    int result = 0;
    while (!atomic_load(&matcher->stopping) && result == 0) {
        dd_error *why = NULL;
        /* Again after each failure: a Redis that lost its data has no group either. */
        if (!prepared)
            prepared = dd_store_prepare(matcher->store, matcher->settings, &why) == 0;
        if (prepared && turn(matcher, &why) == 0) {
            delay_ms = DELAY_FIRST_MS;
            continue;
        }
        if (why->code == DD_ERR_CONFLICT)
            result = dd_fail(err, why->code, "%s", why->message);
        else if (!atomic_load(&matcher->stopping))
            recover(matcher, &delay_ms, why);
        prepared = false;
        dd_error_free(why);
    }
    return result;
}

int dd_matcher_new(const dd_settings *settings, const char *consumer, dd_matcher **ret, dd_error **err)
{
    dd_auto(dd_matcher) matcher = dd_new(dd_matcher);
    matcher->settings = settings;
    matcher->consumer = dd_strdup(consumer);
    matcher->times = usual_times;
    matcher->catch_up = true;
    matcher->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (matcher->wake < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "eventfd");
    if (dd_store_open(settings, &matcher->store, err) < 0)
        return -1;
    *ret = dd_take(matcher);
    return 0;
}

void dd_matcher_stop(dd_matcher *matcher)
{
    uint64_t one = 1;
    atomic_store(&matcher->stopping, true);
    (void)!write(matcher->wake, &one, sizeof(one));
    dd_store_interrupt(matcher->store);
}

void dd_matcher_free(dd_matcher *matcher)
{
    if (!matcher)
        return;
    while (matcher->waiting_count > 0)
        drop_waiting(matcher, matcher->waiting_count - 1);
    free(matcher->waiting);
    for (size_t i = 0; i < matcher->away_count; i++)
        free(matcher->away[i].registry);
    free(matcher->away);
    dd_store_free(matcher->store);
    free(matcher->consumer);
    if (matcher->wake >= 0)
        close(matcher->wake);
    free(matcher);
}
