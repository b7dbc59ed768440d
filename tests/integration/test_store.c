/* The store on a real Redis: what each script promises, and what both connections do when Redis is slow,
 * away, full of another version's data, or has forgotten its scripts. */
#include "tests/support/redis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PREFIX      "{drydock}:"
#define PATIENCE_MS 30000
#define LEASE_MS    60000
#define POOL        "default"
#define TASK        "app"

static struct stack {
    char directory[64];
    test_redis redis;
    dd_settings *settings;
    dd_store *store;
    struct event_base *base;
    dd_store_async *async;
} up;

/* A macro, so that the error is looked at after the call. */
#define must(call, why)                                                                                      \
    do {                                                                                                     \
        if ((call) < 0)                                                                                      \
            fail_msg("%s", (why) ? (why)->message : "failed");                                               \
    } while (0)

static dd_settings *settings_for(const char *url)
{
    dd_settings *settings = NULL;
    dd_auto(dd_error) why = NULL;
    dd_auto_str text = dd_sprintf("redis: {url: \"%s\", timeout: 300ms}\n"
                                  "queue: {events_max: 5}\n"
                                  "worker: {attempts: 3}\n",
                                  url);
    must(dd_settings_parse(text, strlen(text), "test", ".", NULL, &settings, &why), why);
    return settings;
}

static int setup(void **state)
{
    dd_auto(dd_error) why = NULL;
    (void)state;
    strcpy(up.directory, "/tmp/drydock-store.XXXXXX");
    assert_non_null(mkdtemp(up.directory));
    test_redis_start(&up.redis, up.directory);
    up.settings = settings_for(up.redis.url);
    must(dd_store_open(up.settings, &up.store, &why), why);
    must(dd_store_prepare(up.store, up.settings, &why), why);
    up.base = event_base_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dd_store_async_freep(&up.async);
    dd_store_freep(&up.store);
    if (up.base)
        event_base_free(up.base);
    up.base = NULL;
    dd_settings_freep(&up.settings);
    test_redis_done(&up.redis);
    dd_remove_tree(up.directory, NULL);
    return 0;
}

/* ======== Calls ======== */

/* Takes the command. */
static redisReply *call(dd_command *command)
{
    dd_auto(dd_error) why = NULL;
    redisReply *reply = NULL;
    must(dd_store_call(up.store, command, &reply, &why), why);
    dd_command_free(command);
    return reply;
}

/* The code of the command's answer; 0 when it is no error. */
static dd_code code_of(dd_command *command)
{
    dd_auto(dd_error) why = NULL;
    redisReply *reply = call(command);
    int result = dd_leased_reply(reply, &why);
    freeReplyObject(reply);
    return result < 0 ? why->code : 0;
}

static int accept_as(const char *sender, const char *delivery, dd_accepted *ret, dd_error **err)
{
    dd_auto(dd_fields) event = dd_fields_new();
    dd_fields_set(event, "kind", "push");
    dd_fields_set_bytes(event, "body", "a\0b\xff", 4);
    redisReply *reply = call(dd_accept_request(PREFIX, up.settings, sender, delivery, event, NULL));
    int result = dd_accept_reply(reply, ret, err);
    freeReplyObject(reply);
    return result;
}

static dd_accepted accepted(const char *sender, const char *delivery)
{
    dd_accepted ret;
    dd_auto(dd_error) why = NULL;
    must(accept_as(sender, delivery, &ret, &why), why);
    return ret;
}

/* `causes` are separated by spaces. */
static dd_created created(const char *task, const char *priority, const char *causes)
{
    dd_created ret;
    dd_auto(dd_error) why = NULL;
    dd_auto(dd_strv) list = dd_strv_new();
    dd_auto(dd_fields) fields = dd_fields_new();
    while (*causes) {
        size_t length = strcspn(causes, " ");
        dd_strv_add_n(list, causes, length);
        causes += length + strspn(causes + length, " ");
    }
    dd_fields_set(fields, "commit", "aaaa");
    redisReply *reply = call(dd_create_run_request(PREFIX, up.settings, task, POOL, priority, list, fields));
    must(dd_create_run_reply(reply, &ret, &why), why);
    freeReplyObject(reply);
    return ret;
}

static dd_claim *claimed(const char *worker, dd_queue_cursor *cursor)
{
    dd_claim *claim = NULL;
    dd_queue_cursor none;
    dd_auto(dd_error) why = NULL;
    redisReply *reply = call(dd_claim_request(PREFIX, POOL, worker, LEASE_MS));
    must(dd_claim_reply(reply, &claim, cursor ? cursor : &none, &why), why);
    freeReplyObject(reply);
    return claim;
}

/* The lease number with which `worker` has claimed `run`. */
static dd_lease lease_of(const char *worker, const char *run)
{
    dd_auto(dd_claim) claim = claimed(worker, NULL);
    assert_non_null(claim);
    assert_string_equal(claim->run, run);
    return (dd_lease){.run = run, .number = claim->lease};
}

static dd_code update(dd_lease lease, dd_run_state state)
{
    dd_auto(dd_fields) fields = dd_fields_new();
    dd_fields_set(fields, "note", "x");
    return code_of(dd_update_request(PREFIX, lease, state, fields));
}

static dd_code log_batch(dd_lease lease, int64_t batch, const char *text)
{
    dd_auto(dd_fields) line = dd_fields_new();
    dd_fields_set(line, "step", "build");
    dd_fields_set(line, "text", text);
    const dd_fields *lines[] = {line, line};
    return code_of(dd_log_request(PREFIX, lease, batch, lines, 2));
}

static dd_code log_line(dd_lease lease, const char *text)
{
    static int64_t batch;
    return log_batch(lease, ++batch, text);
}

static dd_code finish(dd_lease lease, dd_run_state state, const dd_base_use *bases, size_t count, bool index)
{
    dd_auto(dd_fields) fields = dd_fields_new();
    dd_fields_set(fields, "task", TASK);
    return code_of(dd_finish_request(PREFIX, up.settings, lease, state, fields, bases, count, index));
}

static void beat(const char *worker, dd_lease lease, dd_beat_result *ret)
{
    dd_auto(dd_error) why = NULL;
    dd_auto(dd_fields) fields = dd_fields_new();
    dd_fields_set(fields, "host", "here");
    redisReply *reply = call(dd_beat_request(PREFIX, worker, fields, LEASE_MS, &lease, 1));
    must(dd_beat_reply(reply, ret, &why), why);
    freeReplyObject(reply);
}

/* Let the run's lease run out, and what does it say that was done; owned. */
static char *expire(const char *run)
{
    dd_auto(dd_error) why = NULL;
    dd_strv done = {0};
    if (run)
        test_redis_number(&up.redis, "ZADD {drydock}:leases XX 1 %s", run);
    redisReply *reply = call(dd_expire_request(PREFIX, up.settings, 10));
    must(dd_expire_reply(reply, &done, &why), why);
    freeReplyObject(reply);
    char *text = dd_strv_join(&done, "\n");
    dd_strv_done(&done);
    return text;
}

static const char *cancel(const char *run, dd_error **err)
{
    const char *word = NULL;
    redisReply *reply = call(dd_cancel_request(PREFIX, up.settings, run, "me"));
    int result = dd_cancel_reply(reply, &word, err);
    freeReplyObject(reply);
    return result < 0 ? NULL : word;
}

static void apply_task(const char *name, const char *repository, const char *yaml, const char *expected)
{
    redisReply *reply = call(dd_task_apply_request(PREFIX, name, repository, yaml, NULL));
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    assert_string_equal(reply->str, expected);
    freeReplyObject(reply);
}

static void assert_field(const char *run, const char *name, const char *expected)
{
    dd_auto_str value = test_redis_text(&up.redis, "HGET {drydock}:run:%s %s", run, name);
    assert_non_null(value);
    assert_string_equal(value, expected);
}

static void assert_text_has(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("'%s' is not in: %s", part, text ? text : "(nothing)");
}

static long long queue_length(const char *priority)
{
    return test_redis_number(&up.redis, "XLEN {drydock}:queue:" POOL ":%s", priority);
}

static long long pending(const char *priority)
{
    redisReply *reply = redisCommand(up.redis.link, "XPENDING {drydock}:queue:" POOL ":%s workers", priority);
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    long long count = reply->element[0]->integer;
    freeReplyObject(reply);
    return count;
}

/* ======== Deliveries ======== */

static void a_delivery_is_taken_once_for_each_sender(void **state)
{
    (void)state;
    dd_accepted first = accepted("github", "d-1"), again = accepted("github", "d-1"),
                other = accepted("gitlab", "d-1");
    assert_false(first.duplicate);
    assert_true(again.duplicate);
    assert_string_equal(again.event, first.event);
    assert_false(other.duplicate);
    assert_int_equal(test_redis_number(&up.redis, "XLEN {drydock}:events"), 2);
    assert_true(test_redis_number(&up.redis, "PTTL {drydock}:seen:github:d-1") > 0);
}

static void a_delivery_id_of_any_bytes_makes_a_plain_key(void **state)
{
    (void)state;
    accepted("github", "a b\n*");
    assert_true(accepted("github", "a b\n*").duplicate);
    assert_false(accepted("github", "a b\n?").duplicate);
    redisReply *keys = redisCommand(up.redis.link, "KEYS {drydock}:seen:github:sha256-*");
    assert_int_equal(keys->elements, 2);
    freeReplyObject(keys);
}

static void a_deliverys_bytes_are_kept_as_they_are(void **state)
{
    (void)state;
    accepted("github", "d-1");
    redisReply *reply = redisCommand(up.redis.link, "XRANGE {drydock}:events - +");
    dd_auto(dd_fields) fields = NULL;
    size_t length;
    assert_int_equal(dd_fields_from_reply(reply->element[0]->element[1], &fields, NULL), 0);
    assert_memory_equal(dd_fields_get_bytes(fields, "body", &length), "a\0b\xff", 4);
    assert_int_equal(length, 4);
    freeReplyObject(reply);
}

/* ---- Deliveries beside their events ---- */

/* Its first event with the delivery, or a later one of the delivery `first`. */
static dd_accepted keep(const char *id, const char *first, size_t body_length)
{
    dd_accepted ret;
    dd_auto(dd_error) why = NULL;
    dd_auto(dd_fields) event = dd_fields_new();
    dd_auto(dd_fields) fields = dd_fields_new();
    dd_auto_str name = dd_kept_name("github", first ? first : id);
    char *body = dd_calloc(body_length + 1, 1);
    dd_fields_set(event, "kind", "push");
    dd_fields_set(fields, "sender", "github");
    const dd_kept kept = {
        .name = name, .fields = first ? NULL : fields, .body = body, .body_length = body_length};
    redisReply *reply = call(dd_accept_request(PREFIX, up.settings, "github", id, event, &kept));
    must(dd_accept_reply(reply, &ret, &why), why);
    freeReplyObject(reply);
    free(body);
    return ret;
}

static bool is_kept(const char *id)
{
    return test_redis_number(&up.redis, "EXISTS {drydock}:delivery:github:%s", id) == 1;
}

static int64_t kept_bytes(void)
{
    int64_t number = -1;
    dd_auto_str text = test_redis_text(&up.redis, "GET {drydock}:deliveries:bytes");
    assert_true(text && dd_str_to_int(text, &number));
    return number;
}

static void a_delivery_lies_once_beside_its_events_which_name_it(void **state)
{
    (void)state;
    dd_accepted first = keep("d-1", NULL, 100), second = keep("d-1.2", "d-1", 0);
    assert_int_equal(test_redis_number(&up.redis, "HSTRLEN {drydock}:delivery:github:d-1 body"), 100);
    dd_auto_str kind = test_redis_text(&up.redis, "HGET {drydock}:delivery:github:d-1 event:%s", first.event);
    dd_auto_str other =
        test_redis_text(&up.redis, "HGET {drydock}:delivery:github:d-1 event:%s", second.event);
    assert_string_equal(kind, "push");
    assert_string_equal(other, "push");
    assert_true(test_redis_number(&up.redis, "PTTL {drydock}:delivery:github:d-1") > 0);
    assert_int_equal(test_redis_number(&up.redis, "XLEN {drydock}:deliveries"), 1);
    assert_int_equal(kept_bytes(), 100 + (int64_t)strlen("github"));
    redisReply *reply = redisCommand(up.redis.link, "XRANGE {drydock}:events - +");
    assert_int_equal(reply->elements, 2);
    for (size_t i = 0; i < 2; i++) {
        dd_auto(dd_fields) fields = NULL;
        assert_int_equal(dd_fields_from_reply(reply->element[i]->element[1], &fields, NULL), 0);
        assert_string_equal(dd_fields_get(fields, "kept"), "github:d-1");
        assert_null(dd_fields_get(fields, "body"));
    }
    freeReplyObject(reply);
    assert_true(keep("d-1", NULL, 100).duplicate);
    assert_int_equal(test_redis_number(&up.redis, "XLEN {drydock}:deliveries"), 1);
}

static void above_the_bound_the_oldest_deliveries_go_first(void **state)
{
    char id[] = "d-0";
    (void)state;
    up.settings->queue.events_max = 100;
    up.settings->queue.deliveries_max_bytes = 3 * 106;
    for (int i = 0; i < 5; i++, id[2]++)
        keep(id, NULL, 100);
    assert_false(is_kept("d-0") || is_kept("d-1"));
    assert_true(is_kept("d-2") && is_kept("d-3") && is_kept("d-4"));
    assert_int_equal(kept_bytes(), 3 * 106);
    keep("d-5", NULL, 250); /* needs the room of all three */
    assert_false(is_kept("d-2") || is_kept("d-3") || is_kept("d-4"));
    assert_int_equal(kept_bytes(), 256);
    assert_int_equal(test_redis_number(&up.redis, "XLEN {drydock}:events"), 6); /* the events stay */
}

static void a_body_that_has_no_room_even_alone_is_left_out(void **state)
{
    (void)state;
    up.settings->queue.deliveries_max_bytes = 200;
    keep("d-1", NULL, 100);
    keep("d-2", NULL, 201);
    assert_true(is_kept("d-1") && is_kept("d-2"));
    assert_int_equal(test_redis_number(&up.redis, "HEXISTS {drydock}:delivery:github:d-2 body"), 0);
    assert_int_equal(kept_bytes(), 106 + 6);
}

static void deliveries_that_are_too_old_go_and_leave_the_count(void **state)
{
    (void)state;
    keep("d-1", NULL, 100);
    keep("d-2", NULL, 100);
    up.settings->queue.events_keep_s = -1; /* all of this millisecond are old, too */
    test_redis_number(&up.redis, "DEL {drydock}:delivery:github:d-1"); /* its own time was up before */
    keep("d-3", NULL, 50);
    assert_false(is_kept("d-2"));
    assert_int_equal(test_redis_number(&up.redis, "XLEN {drydock}:deliveries"), 1);
    assert_int_equal(kept_bytes(), 56);
}

static void one_call_makes_no_more_room_than_it_may_and_the_next_goes_on(void **state)
{
    char id[16];
    (void)state;
    up.settings->queue.events_max = 10000;
    for (int i = 0; i < 900; i++) {
        snprintf(id, sizeof(id), "d-%d", i);
        keep(id, NULL, 4);
    }
    up.settings->queue.deliveries_max_bytes = 10;
    keep("e-1", NULL, 4);
    assert_int_equal(test_redis_number(&up.redis, "XLEN {drydock}:deliveries"), 501);
    keep("e-2", NULL, 4);
    keep("e-3", NULL, 4);
    assert_int_equal(test_redis_number(&up.redis, "XLEN {drydock}:deliveries"), 1);
    assert_int_equal(kept_bytes(), 10);
    assert_true(is_kept("e-3"));
}

static void a_delivery_kept_again_under_its_name_is_not_lost_with_its_older_entry(void **state)
{
    (void)state;
    keep("d-1", NULL, 100);
    test_redis_number(&up.redis, "DEL {drydock}:seen:github:d-1"); /* as after queue.dedupe */
    up.settings->queue.deliveries_max_bytes = 150;
    assert_false(keep("d-1", NULL, 100).duplicate);
    assert_true(is_kept("d-1"));
    assert_int_equal(kept_bytes(), 106);
    /* A count that was lost is found again. */
    test_redis_number(&up.redis, "DEL {drydock}:deliveries:bytes {drydock}:deliveries");
    keep("d-2", NULL, 10);
    assert_int_equal(kept_bytes(), 16);
}

static void read_events(int count)
{
    redisReply *reply =
        redisCommand(up.redis.link, "XREADGROUP GROUP matchers m COUNT %d STREAMS {drydock}:events >", count);
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_int_equal(reply->element[0]->element[1]->elements, count);
    freeReplyObject(reply);
}

static void settle(const char *event)
{
    dd_auto(dd_fields) verdict = dd_fields_new();
    dd_fields_set(verdict, "verdict", "nothing to do");
    assert_int_equal(code_of(dd_settle_request(PREFIX, up.settings, event, verdict)), 0);
}

static void when_too_many_wait_no_more_are_taken_until_one_is_settled(void **state)
{
    char name[] = "d-0", first[32] = "";
    dd_accepted ret;
    dd_auto(dd_error) why = NULL;
    (void)state;
    for (int i = 0; i < 5; i++, name[2]++) {
        ret = accepted("github", name);
        if (i == 0)
            strcpy(first, ret.event);
    }
    assert_int_equal(accept_as("github", "d-9", &ret, &why), -1);
    assert_int_equal(why->code, DD_ERR_LIMIT);
    assert_true(accepted("github", "d-0").duplicate); /* what is kept is still said to be kept */
    read_events(2);                                   /* read is not handled */
    assert_int_equal(accept_as("github", "d-9", &ret, &why), -1);
    settle(first);
    accepted("github", "d-9");
    assert_int_equal(accept_as("github", "d-8", &ret, &why), -1);
}

static bool has_event(const char *event)
{
    redisReply *reply = redisCommand(up.redis.link, "XRANGE {drydock}:events %s %s", event, event);
    bool has = reply->elements == 1;
    freeReplyObject(reply);
    return has;
}

static void settling_trims_neither_what_is_unread_nor_what_is_unsettled(void **state)
{
    char events[6][32], name[] = "d-0";
    (void)state;
    redisReply *reply = redisCommand(up.redis.link, "CONFIG SET stream-node-max-entries 1");
    freeReplyObject(reply);
    up.settings->queue.events_max = 100;
    up.settings->queue.events_keep_s = -1; /* all of this millisecond are old, too */
    for (int i = 0; i < 6; i++, name[2]++)
        strcpy(events[i], accepted("github", name).event);
    read_events(4);
    settle(events[0]);
    settle(events[1]);
    settle(events[3]); /* events[2] is pending */
    assert_false(has_event(events[0]));
    assert_false(has_event(events[1]));
    for (int i = 2; i < 6; i++)
        assert_true(has_event(events[i]));
    settle(events[2]);
    assert_false(has_event(events[2]));
    assert_true(has_event(events[4]) && has_event(events[5]));
    read_events(2);
}

static void a_verdict_is_kept_for_its_time(void **state)
{
    (void)state;
    dd_accepted event = accepted("github", "d-1");
    read_events(1);
    settle(event.event);
    dd_auto_str verdict = test_redis_text(&up.redis, "HGET {drydock}:event:%s verdict", event.event);
    assert_string_equal(verdict, "nothing to do");
    assert_true(test_redis_number(&up.redis, "PTTL {drydock}:event:%s", event.event) > 0);
    assert_true(has_event(event.event));
}

/* ======== Making and claiming ======== */

static void any_of_its_causes_means_the_same_run(void **state)
{
    (void)state;
    dd_created first = created(TASK, "normal", "delivery-1 push-1");
    assert_string_equal(first.run, "ca1");
    assert_false(first.existed);
    static const char *const later[] = {
        "delivery-1", "push-1", "delivery-2 push-1", "delivery-2", "delivery-3 delivery-2", "delivery-3"};
    for (size_t i = 0; i < DD_COUNT(later); i++) {
        dd_created again = created(TASK, "normal", later[i]);
        assert_true(again.existed);
        assert_string_equal(again.run, first.run);
    }
    assert_int_equal(queue_length("normal"), 1);
    assert_string_equal(created("other", "normal", "push-1").run, "ca2");
    assert_int_equal(test_redis_number(&up.redis, "ZCARD {drydock}:runs"), 2);
    assert_int_equal(test_redis_number(&up.redis, "ZCARD {drydock}:runs:" TASK), 1);
}

static void what_a_person_asks_for_comes_first_and_a_base_image_last(void **state)
{
    (void)state;
    created(TASK, "low", "1");
    created(TASK, "normal", "2");
    created(TASK, "normal", "3");
    created(TASK, "high", "4");
    static const char *const order[] = {"ca4", "ca2", "ca3", "ca1"};
    for (size_t i = 0; i < DD_COUNT(order); i++) {
        dd_lease lease = lease_of("w1", order[i]);
        assert_int_equal(lease.number, 1);
        assert_field(order[i], "state", "Started");
        assert_field(order[i], "worker", "w1");
    }
    assert_null(claimed("w1", NULL));
}

static void nothing_that_comes_between_claim_and_wait_is_missed(void **state)
{
    dd_queue_cursor cursor;
    dd_auto(dd_error) why = NULL;
    (void)state;
    for (int i = 0; i < DD_PRIORITY_COUNT; i++) {
        dd_auto_str cause = dd_sprintf("c%d", i);
        assert_null(claimed("w1", &cursor));
        dd_created run = created(TASK, dd_priorities[i], cause);
        dd_auto(dd_command) wait = dd_queue_wait_request(PREFIX, POOL, &cursor, PATIENCE_MS);
        redisReply *reply = NULL;
        int64_t began_ms = dd_monotonic_ms();
        must(dd_store_call_blocking(up.store, wait, PATIENCE_MS + 5000, &reply, &why), why);
        assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
        assert_true(dd_monotonic_ms() - began_ms < PATIENCE_MS / 2);
        freeReplyObject(reply);
        lease_of("w1", run.run);
    }
}

static void strange_and_old_queue_entries_are_skipped_and_removed(void **state)
{
    (void)state;
    dd_created run = created(TASK, "normal", "1");
    dd_auto_str entry = test_redis_text(&up.redis, "HGET {drydock}:run:%s queue_entry", run.run);
    dd_auto_str more = test_redis_text(&up.redis, "XADD {drydock}:queue:" POOL ":high * run nosuch");
    dd_auto_str old = test_redis_text(&up.redis, "XADD {drydock}:queue:" POOL ":high * run %s", run.run);
    assert_string_not_equal(entry, old);
    lease_of("w1", run.run);
    assert_field(run.run, "attempt", "1");
    assert_int_equal(queue_length("high"), 0);
    assert_int_equal(pending("high"), 0);
    assert_int_equal(pending("normal"), 1);
}

static void behind_many_strange_entries_the_wait_ends_at_once(void **state)
{
    dd_queue_cursor cursor;
    dd_auto(dd_error) why = NULL;
    (void)state;
    for (int i = 0; i < 150; i++) {
        dd_auto_str entry = test_redis_text(&up.redis, "XADD {drydock}:queue:" POOL ":normal * run no%d", i);
    }
    dd_created run = created(TASK, "normal", "1");
    assert_null(claimed("w1", &cursor)); /* as many as one call may look at */
    dd_auto(dd_command) wait = dd_queue_wait_request(PREFIX, POOL, &cursor, PATIENCE_MS);
    redisReply *reply = NULL;
    must(dd_store_call_blocking(up.store, wait, PATIENCE_MS / 2, &reply, &why), why);
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    freeReplyObject(reply);
    lease_of("w1", run.run);
}

/* ======== Leases ======== */

static void after_its_lease_a_run_is_requeued_and_its_old_worker_is_refused(void **state)
{
    dd_beat_result result;
    (void)state;
    dd_created run = created(TASK, "normal", "1");
    dd_lease old = lease_of("w1", run.run);
    assert_int_equal(update(old, DD_RUN_RUNNING), 0);
    assert_int_equal(log_line(old, "one"), 0);
    dd_auto_str done = expire(run.run);
    assert_text_has(done, "requeued ca1: worker w1 was lost (lease 1)");
    for (int round = 0; round < 2; round++) { /* while it waits, and while another has it */
        assert_int_equal(update(old, DD_RUN_RUNNING), DD_ERR_STALE);
        assert_int_equal(log_line(old, "two"), DD_ERR_STALE);
        assert_int_equal(finish(old, DD_RUN_SUCCEEDED, NULL, 0, true), DD_ERR_STALE);
        beat("w1", old, &result);
        assert_true(dd_strv_contains(&result.stale, run.run));
        dd_beat_result_done(&result);
        if (round == 0) {
            dd_lease fresh = lease_of("w2", run.run);
            assert_true(fresh.number > old.number);
            assert_field(run.run, "state", "Running"); /* there is no way back */
            assert_field(run.run, "attempt", "2");
            assert_int_equal(log_line(fresh, "three"), 0);
        }
    }
    assert_field(run.run, "worker", "w2");
    assert_int_equal(queue_length("normal"), 1);
    assert_int_equal(pending("normal"), 1);
}

static void a_workers_beat_keeps_its_lease(void **state)
{
    dd_beat_result result;
    (void)state;
    dd_created run = created(TASK, "normal", "1");
    dd_lease lease = lease_of("w1", run.run);
    test_redis_number(&up.redis, "ZADD {drydock}:leases XX 1 %s", run.run);
    beat("w1", lease, &result);
    assert_int_equal(result.stale.count + result.cancel.count, 0);
    dd_beat_result_done(&result);
    dd_auto_str done = expire(NULL);
    assert_string_equal(done, "");
    dd_auto_str host = test_redis_text(&up.redis, "HGET {drydock}:worker:w1 host");
    assert_string_equal(host, "here");
    assert_true(test_redis_number(&up.redis, "PTTL {drydock}:worker:w1") > LEASE_MS);
    beat("w2", lease, &result); /* the number alone does not do */
    assert_int_equal(result.stale.count, 1);
    dd_beat_result_done(&result);
}

static void after_its_last_attempt_a_run_ends_error_with_its_history(void **state)
{
    static const char *const workers[] = {"w1", "w2", "w3"};
    (void)state;
    dd_created run = created(TASK, "normal", "1");
    for (size_t i = 0; i < DD_COUNT(workers); i++) {
        lease_of(workers[i], run.run);
        dd_auto_str done = expire(run.run);
        assert_text_has(done, i < 2 ? "requeued ca1" : "error ca1");
    }
    assert_field(run.run, "state", "Error");
    dd_auto_str message = test_redis_text(&up.redis, "HGET {drydock}:run:%s message", run.run);
    assert_text_has(message, "given up after 3 attempts");
    for (size_t i = 0; i < DD_COUNT(workers); i++)
        assert_text_has(message, workers[i]);
    assert_int_equal(queue_length("normal"), 0);
    assert_int_equal(test_redis_number(&up.redis, "ZCARD {drydock}:leases"), 0);
    assert_true(test_redis_number(&up.redis, "PTTL {drydock}:run:%s", run.run) > 0);
    redisReply *last = redisCommand(up.redis.link, "XREVRANGE {drydock}:run:%s:log + - COUNT 1", run.run);
    assert_string_equal(last->element[0]->element[1]->element[0]->str, "end");
    freeReplyObject(last);
    assert_null(claimed("w4", NULL));
}

static void one_call_expires_no_more_than_it_may(void **state)
{
    (void)state;
    dd_auto(dd_error) why = NULL;
    created(TASK, "normal", "1");
    created(TASK, "normal", "2");
    lease_of("w1", "ca1");
    lease_of("w1", "ca2");
    test_redis_number(&up.redis, "ZADD {drydock}:leases XX 1 ca1 1 ca2");
    dd_strv done = {0};
    redisReply *reply = call(dd_expire_request(PREFIX, up.settings, 1));
    must(dd_expire_reply(reply, &done, &why), why);
    freeReplyObject(reply);
    assert_int_equal(done.count, 1);
    dd_strv_done(&done);
}

/* ======== States ======== */

static void the_scripts_permit_the_moves_that_the_words_permit(void **state)
{
    (void)state;
    dd_created run = created(TASK, "normal", "1");
    dd_lease lease = lease_of("w1", run.run);
    for (int from = 0; from < DD_RUN_STATES; from++)
        for (int to = 0; to < DD_RUN_STATES; to++) {
            test_redis_number(&up.redis, "HSET {drydock}:run:%s state %s", run.run,
                              dd_run_state_name((dd_run_state)from));
            bool may = dd_run_may_move((dd_run_state)from, (dd_run_state)to) ||
                       (from == to && !dd_run_is_final((dd_run_state)from));
            dd_code expected = may ? (dd_code)0 : DD_ERR_CONFLICT;
            if (update(lease, (dd_run_state)to) != expected)
                fail_msg("%s -> %s", dd_run_state_name((dd_run_state)from),
                         dd_run_state_name((dd_run_state)to));
            assert_field(run.run, "state", dd_run_state_name((dd_run_state)(may ? to : from)));
        }
}

static void a_run_ends_once_and_never_from_where_it_may_not(void **state)
{
    (void)state;
    dd_created run = created(TASK, "normal", "1");
    dd_lease lease = lease_of("w1", run.run);
    for (int from = 0; from < DD_RUN_STATES; from++)
        for (int to = DD_RUN_SUCCEEDED; to < DD_RUN_STATES; to++) {
            test_redis_number(&up.redis, "HSET {drydock}:run:%s state %s", run.run,
                              dd_run_state_name((dd_run_state)from));
            dd_code expected = from == to || dd_run_may_move((dd_run_state)from, (dd_run_state)to)
                                   ? (dd_code)0
                                   : DD_ERR_CONFLICT;
            if (finish(lease, (dd_run_state)to, NULL, 0, false) != expected)
                fail_msg("%s -> %s", dd_run_state_name((dd_run_state)from),
                         dd_run_state_name((dd_run_state)to));
        }
}

/* Its worker asks again when the answer was lost. */
static void an_end_that_its_own_lease_tells_again_changes_nothing(void **state)
{
    (void)state;
    dd_created run = created(TASK, "normal", "1");
    dd_lease lease = lease_of("w1", run.run), old = {.run = run.run, .number = lease.number - 1};
    assert_int_equal(finish(lease, DD_RUN_FAILED, NULL, 0, false), 0);
    dd_auto_str ended = test_redis_text(&up.redis, "HGET {drydock}:run:%s ended_ms", run.run);
    assert_int_equal(finish(lease, DD_RUN_FAILED, NULL, 0, false), 0);
    assert_field(run.run, "ended_ms", ended);
    assert_int_equal(test_redis_number(&up.redis, "XLEN {drydock}:run:%s:log", run.run), 1);
    assert_int_equal(finish(lease, DD_RUN_SUCCEEDED, NULL, 0, false), DD_ERR_CONFLICT);
    assert_int_equal(finish(old, DD_RUN_FAILED, NULL, 0, false), DD_ERR_STALE);
}

static void a_run_is_listed_for_as_long_as_it_is_kept(void **state)
{
    (void)state;
    dd_created waits = created(TASK, "low", "1"), gone = created(TASK, "low", "2"),
               ends = created(TASK, "high", "3");
    test_redis_number(&up.redis, "DEL {drydock}:run:%s", gone.run);
    test_redis_number(&up.redis, "ZADD {drydock}:runs XX 1 %s 1 %s", waits.run, gone.run);
    test_redis_number(&up.redis, "ZADD {drydock}:runs:" TASK " XX 1 %s 1 %s", waits.run, gone.run);
    assert_int_equal(finish(lease_of("w1", ends.run), DD_RUN_SUCCEEDED, NULL, 0, false), 0);
    static const char *const lists[] = {"runs", "runs:" TASK};
    for (size_t i = 0; i < DD_COUNT(lists); i++) {
        dd_auto_str old = test_redis_text(&up.redis, "ZSCORE {drydock}:%s %s", lists[i], gone.run);
        dd_auto_str live = test_redis_text(&up.redis, "ZSCORE {drydock}:%s %s", lists[i], waits.run);
        assert_null(old);
        assert_non_null(live);
        assert_int_equal(test_redis_number(&up.redis, "ZCARD {drydock}:%s", lists[i]), 2);
    }
}

static void an_ended_run_takes_no_more_lines(void **state)
{
    (void)state;
    dd_created run = created(TASK, "normal", "1");
    dd_lease lease = lease_of("w1", run.run);
    assert_int_equal(log_line(lease, "one\ntwo"), 0);
    assert_int_equal(finish(lease, DD_RUN_FAILED, NULL, 0, false), 0);
    assert_int_equal(log_line(lease, "three"), DD_ERR_CONFLICT);
    assert_int_equal(test_redis_number(&up.redis, "XLEN {drydock}:run:%s:log", run.run), 3);
    assert_int_equal(queue_length("normal"), 0);
    assert_int_equal(test_redis_number(&up.redis, "ZCARD {drydock}:leases"), 0);
    lease.run = "nosuch";
    assert_int_equal(log_line(lease, "x"), DD_ERR_NOT_FOUND);
    assert_int_equal(update(lease, DD_RUN_RUNNING), DD_ERR_NOT_FOUND);
    assert_int_equal(finish(lease, DD_RUN_FAILED, NULL, 0, false), DD_ERR_NOT_FOUND);
}

/* ======== Cancel ======== */

static void a_waiting_run_is_canceled_and_its_queue_entry_gone(void **state)
{
    dd_auto(dd_error) why = NULL;
    (void)state;
    dd_created run = created(TASK, "normal", "1");
    assert_string_equal(cancel(run.run, NULL), "canceled");
    assert_field(run.run, "state", "Canceled");
    assert_field(run.run, "message", "canceled by me");
    assert_int_equal(queue_length("normal"), 0);
    assert_null(claimed("w1", NULL));
    assert_string_equal(cancel(run.run, NULL), "final");
    assert_null(cancel("nosuch", &why));
    assert_int_equal(why->code, DD_ERR_NOT_FOUND);
}

static void a_run_that_waits_again_after_its_worker_was_lost_is_canceled_too(void **state)
{
    (void)state;
    dd_created run = created(TASK, "normal", "1");
    lease_of("w1", run.run);
    dd_auto_str done = expire(run.run);
    assert_string_equal(cancel(run.run, NULL), "canceled");
    assert_int_equal(queue_length("normal"), 0);
    assert_null(claimed("w2", NULL));
}

static void note_message(const char *message, void *context)
{
    dd_strv_add(context, message);
}

/* One turn of the loop, which always ends: a timer of its own sees to that. */
static void turn(void)
{
    struct timeval soon = {.tv_usec = 20000};
    event_base_loopexit(up.base, &soon);
    event_base_loop(up.base, EVLOOP_ONCE);
}

#define turn_until(condition)                                                                                \
    do {                                                                                                     \
        int64_t until_ms = dd_monotonic_ms() + PATIENCE_MS;                                                  \
        while (!(condition)) {                                                                               \
            assert_true(dd_monotonic_ms() < until_ms);                                                       \
            turn();                                                                                          \
        }                                                                                                    \
    } while (false)

static void open_async(void)
{
    dd_auto(dd_error) why = NULL;
    must(dd_store_async_new(up.base, up.settings, &up.async, &why), why);
    turn_until(dd_store_async_ready(up.async));
}

static void a_running_run_is_asked_to_end_by_channel_and_by_beat(void **state)
{
    dd_auto(dd_strv) heard = dd_strv_new();
    dd_beat_result result;
    (void)state;
    open_async();
    dd_store_async_subscribe(up.async, PREFIX "control", note_message, heard);
    turn_until(test_redis_number(&up.redis, "PUBLISH {drydock}:control hello") == 1);
    dd_created run = created(TASK, "normal", "1");
    dd_lease lease = lease_of("w1", run.run);
    assert_string_equal(cancel(run.run, NULL), "asked");
    turn_until(dd_strv_contains(heard, "cancel ca1"));
    beat("w1", lease, &result);
    assert_true(dd_strv_contains(&result.cancel, run.run));
    assert_int_equal(result.stale.count, 0);
    dd_beat_result_done(&result);
    assert_field(run.run, "state", "Started"); /* its worker ends it */
    dd_auto_str done = expire(run.run);        /* or its worker is lost */
    assert_text_has(done, "canceled ca1");
    assert_field(run.run, "state", "Canceled");
}

/* ======== Tasks and the image index ======== */

static bool depends(const char *image, const char *task)
{
    return test_redis_number(&up.redis, "SISMEMBER {drydock}:image:%s:tasks %s", image, task) == 1;
}

static void finish_with(const char *cause, dd_run_state end, bool index, const char *first,
                        const char *second)
{
    char one[64], two[64], digest[] = "sha256:d";
    dd_created run = created(TASK, "normal", cause);
    dd_lease lease = lease_of("w1", run.run);
    strcpy(one, first);
    strcpy(two, second);
    const dd_base_use bases[] = {{one, digest, true}, {two, digest, false}};
    assert_int_equal(finish(lease, end, bases, 2, index), 0);
}

static void a_run_that_succeeds_replaces_its_tasks_edges(void **state)
{
    (void)state;
    apply_task(TASK, "", "y", "created");
    finish_with("1", DD_RUN_SUCCEEDED, true, "r/a:1", "r/b:1");
    assert_true(depends("r/a:1", TASK) && depends("r/b:1", TASK));
    dd_auto_str kind = test_redis_text(&up.redis, "HGET {drydock}:task:" TASK ":bases r/a:1");
    assert_string_equal(kind, "sha256:d runtime");
    finish_with("2", DD_RUN_SUCCEEDED, true, "r/b:1", "r/c:1");
    assert_true(!depends("r/a:1", TASK) && depends("r/b:1", TASK) && depends("r/c:1", TASK));
    finish_with("3", DD_RUN_FAILED, false, "r/d:1", "r/e:1");
    assert_true(depends("r/b:1", TASK) && depends("r/c:1", TASK) && !depends("r/d:1", TASK));
    assert_int_equal(code_of(dd_task_delete_request(PREFIX, TASK)), 0);
    assert_true(!depends("r/b:1", TASK) && !depends("r/c:1", TASK));
    finish_with("4", DD_RUN_SUCCEEDED, true, "r/a:1", "r/b:1"); /* of a task that is gone */
    assert_true(!depends("r/a:1", TASK) && !depends("r/b:1", TASK));
    assert_int_equal(test_redis_number(&up.redis, "EXISTS {drydock}:task:" TASK), 0);
}

static void an_image_that_no_task_is_built_from_any_more_is_forgotten(void **state)
{
    (void)state;
    apply_task(TASK, "", "y", "created");
    finish_with("1", DD_RUN_SUCCEEDED, true, "r/a:1", "r/b:1");
    finish_with("2", DD_RUN_SUCCEEDED, true, "r/b:1", "r/c:1");
    assert_int_equal(test_redis_number(&up.redis, "EXISTS {drydock}:image:r/a:1"), 0);
    assert_int_equal(test_redis_number(&up.redis, "EXISTS {drydock}:image:r/b:1 {drydock}:image:r/c:1"), 2);
    assert_int_equal(code_of(dd_task_delete_request(PREFIX, TASK)), 0);
    assert_int_equal(test_redis_number(&up.redis, "EXISTS {drydock}:image:r/b:1 {drydock}:image:r/c:1"), 0);
}

/* The list outlives the runs that it names, whatever ended the last of them. */
static void an_idle_tasks_list_of_runs_goes_after_its_last_run(void **state)
{
    (void)state;
    finish_with("1", DD_RUN_SUCCEEDED, false, "r/a:1", "r/b:1");
    long long ttl = test_redis_number(&up.redis, "PTTL {drydock}:runs:" TASK);
    assert_true(ttl > up.settings->queue.runs_keep_s * 1000);
    dd_created run = created(TASK, "normal", "2");
    assert_int_equal(test_redis_number(&up.redis, "PTTL {drydock}:runs:" TASK), -1);
    assert_string_equal(cancel(run.run, NULL), "canceled");
    assert_true(test_redis_number(&up.redis, "PTTL {drydock}:runs:" TASK) > 0);
    run = created(TASK, "normal", "3");
    lease_of("w1", run.run);
    assert_string_equal(cancel(run.run, NULL), "asked");
    free(expire(run.run));
    assert_true(test_redis_number(&up.redis, "PTTL {drydock}:runs:" TASK) > 0);
}

static void a_batch_of_log_lines_that_is_sent_again_is_kept_once(void **state)
{
    (void)state;
    dd_created run = created(TASK, "normal", "1");
    dd_lease lease = lease_of("w1", run.run);
    assert_int_equal(log_batch(lease, 1, "a"), 0);
    assert_int_equal(log_batch(lease, 1, "a"), 0);
    assert_int_equal(test_redis_number(&up.redis, "XLEN {drydock}:run:%s:log", run.run), 2);
    assert_int_equal(log_batch(lease, 2, "b"), 0);
    assert_int_equal(test_redis_number(&up.redis, "XLEN {drydock}:run:%s:log", run.run), 4);
    free(expire(run.run)); /* one line: its worker was lost */
    dd_lease next = lease_of("w2", run.run);
    assert_int_equal(log_batch(next, 1, "c"), 0);
    assert_int_equal(test_redis_number(&up.redis, "XLEN {drydock}:run:%s:log", run.run), 7);
}

static long long readers(void)
{
    return test_redis_number(&up.redis, "EVAL %s 1 {drydock}:queue:default:normal",
                             "return #redis.call('XINFO', 'CONSUMERS', KEYS[1], 'workers')");
}

static void a_worker_that_ends_or_dies_is_no_reader_of_its_queues_any_more(void **state)
{
    (void)state;
    dd_auto(dd_error) why = NULL;
    dd_beat_result result;
    static const char *const others[] = {"w2", "w3"}; /* w3 dies without a word */
    for (size_t i = 0; i < DD_COUNT(others); i++) {
        dd_created done = created(TASK, "normal", others[i]);
        assert_int_equal(finish(lease_of(others[i], done.run), DD_RUN_FAILED, NULL, 0, false), 0);
    }
    dd_created run = created(TASK, "normal", "1");
    dd_lease lease = lease_of("w1", run.run);
    beat("w1", lease, &result);
    dd_beat_result_done(&result);
    assert_int_equal(readers(), 3);
    must(dd_store_leave(up.store, "default", "w2", &why), why);
    assert_int_equal(readers(), 2);
    must(dd_store_leave(up.store, "default", "w1", &why), why); /* while it holds a run */
    assert_int_equal(readers(), 2);
    assert_int_equal(test_redis_number(&up.redis, "EXISTS {drydock}:worker:w1"), 0);
    assert_int_equal(test_redis_number(&up.redis, "ZCARD {drydock}:workers"), 0);
    free(expire(NULL));
    assert_int_equal(readers(), 1);
    free(expire(run.run));
    assert_int_equal(readers(), 0);
}

static void the_stores_instance_is_made_once(void **state)
{
    (void)state;
    dd_auto_str first = NULL;
    dd_auto_str second = NULL;
    dd_auto(dd_error) why = NULL;
    must(dd_store_instance(up.store, &first, &why), why);
    must(dd_store_instance(up.store, &second, &why), why);
    assert_true(dd_name_is_valid(first));
    assert_string_equal(first, second);
    test_redis_number(&up.redis, "DEL {drydock}:instance");
    dd_auto_str third = NULL;
    must(dd_store_instance(up.store, &third, &why), why);
    assert_string_not_equal(first, third);
}

static void a_run_does_not_overwrite_the_digest_that_a_registry_told(void **state)
{
    (void)state;
    apply_task(TASK, "", "y", "created");
    test_redis_number(&up.redis, "HSET {drydock}:image:r/a:1 digest sha256:newer");
    finish_with("1", DD_RUN_SUCCEEDED, true, "r/a:1", "r/b:1");
    dd_auto_str told = test_redis_text(&up.redis, "HGET {drydock}:image:r/a:1 digest");
    dd_auto_str found = test_redis_text(&up.redis, "HGET {drydock}:image:r/b:1 digest");
    assert_string_equal(told, "sha256:newer");
    assert_string_equal(found, "sha256:d");
}

static void a_tasks_repository_leads_to_it_and_to_nothing_old(void **state)
{
    (void)state;
    apply_task(TASK, "github.com/org/a", "one", "created");
    apply_task(TASK, "github.com/org/a", "one", "unchanged");
    apply_task(TASK, "github.com/org/b", "two", "updated");
    assert_int_equal(test_redis_number(&up.redis, "SCARD {drydock}:repository:github.com/org/a"), 0);
    assert_int_equal(test_redis_number(&up.redis, "SCARD {drydock}:repository:github.com/org/b"), 1);
    assert_int_equal(code_of(dd_task_delete_request(PREFIX, TASK)), 0);
    assert_int_equal(code_of(dd_task_delete_request(PREFIX, TASK)), DD_ERR_NOT_FOUND);
    assert_int_equal(test_redis_number(&up.redis, "SCARD {drydock}:repository:github.com/org/b"), 0);
    assert_int_equal(test_redis_number(&up.redis, "SCARD {drydock}:tasks"), 0);
}

/* ======== The asynchronous connection ======== */

typedef struct outcome {
    int answers; /* must be 1 in the end */
    dd_code code;
    bool inside; /* the call has not returned yet */
} outcome;

static void note_outcome(redisReply *reply, const dd_error *error, void *context)
{
    outcome *o = context;
    assert_false(o->inside);
    assert_true((reply == NULL) == (error != NULL));
    o->answers++;
    o->code = error ? error->code : (dd_code)0;
    if (reply && reply->type == REDIS_REPLY_ERROR)
        o->code = DD_ERR_INTERNAL;
}

static void ask(dd_command *command, bool blocking, outcome *ret)
{
    *ret = (outcome){.inside = true};
    dd_store_async_call(up.async, command, blocking, note_outcome, ret);
    ret->inside = false;
}

static dd_code answer_of(dd_command *command)
{
    outcome o;
    ask(command, false, &o);
    turn_until(o.answers);
    assert_int_equal(o.answers, 1);
    return o.code;
}

static dd_command *any_script(void)
{
    return dd_claim_request(PREFIX, POOL, "w1", LEASE_MS);
}

static void scripts_that_redis_has_forgotten_are_loaded_again(void **state)
{
    outcome many[50];
    (void)state;
    open_async();
    for (int round = 0; round < 2; round++) {
        redisReply *reply = redisCommand(up.redis.link, "SCRIPT FLUSH");
        freeReplyObject(reply);
        if (round == 0) {
            assert_null(claimed("w1", NULL));
            continue;
        }
        for (size_t i = 0; i < DD_COUNT(many); i++)
            ask(any_script(), false, &many[i]);
        for (size_t i = 0; i < DD_COUNT(many); i++) {
            turn_until(many[i].answers);
            assert_int_equal(many[i].code, 0);
        }
    }
}

static void a_stopped_redis_is_unavailable_in_time_and_is_found_again(void **state)
{
    dd_auto(dd_error) why = NULL;
    redisReply *reply = NULL;
    (void)state;
    open_async();
    dd_auto(dd_command) ping = dd_command_new("PING");
    test_redis_pause(&up.redis);
    int64_t began_ms = dd_monotonic_ms();
    assert_int_equal(answer_of(any_script()), DD_ERR_UNAVAILABLE); /* under way */
    assert_false(dd_store_async_ready(up.async));
    assert_int_equal(answer_of(dd_command_new("PING")), DD_ERR_UNAVAILABLE); /* not sent */
    assert_int_equal(dd_store_call(up.store, ping, &reply, &why), -1);
    assert_int_equal(why->code, DD_ERR_UNAVAILABLE);
    assert_int_equal(dd_store_call(up.store, ping, &reply, &why), -1); /* on a fresh connection */
    assert_int_equal(why->code, DD_ERR_UNAVAILABLE);
    assert_true(dd_monotonic_ms() - began_ms < 10000);
    test_redis_resume(&up.redis);
    turn_until(dd_store_async_ready(up.async));
    assert_int_equal(answer_of(any_script()), 0);
    dd_error_freep(&why);
    must(dd_store_call(up.store, ping, &reply, &why), why);
    assert_string_equal(reply->str, "PONG");
    freeReplyObject(reply);
}

static void a_redis_that_comes_back_is_used_again_and_heard_again(void **state)
{
    dd_auto(dd_strv) heard = dd_strv_new();
    dd_auto(dd_command) ping = dd_command_new("PING");
    dd_auto(dd_error) why = NULL;
    redisReply *reply = NULL;
    outcome waits;
    (void)state;
    open_async();
    dd_store_async *calls = up.async;
    open_async();
    dd_store_async_subscribe(up.async, PREFIX "control", note_message, heard);
    turn_until(test_redis_number(&up.redis, "PUBLISH {drydock}:control one") == 1);
    dd_store_async *ears = up.async;
    up.async = calls;
    dd_command *wait = dd_command_new("BLPOP");
    dd_command_arg(wait, "nothing");
    dd_command_arg(wait, "0");
    ask(wait, true, &waits);
    turn_until(dd_strv_contains(heard, "one"));
    test_redis_stop(&up.redis);
    turn_until(waits.answers && !dd_store_async_ready(calls) && !dd_store_async_ready(ears));
    assert_int_equal(waits.code, DD_ERR_UNAVAILABLE);
    assert_int_equal(answer_of(dd_command_new("PING")), DD_ERR_UNAVAILABLE);
    assert_int_equal(dd_store_call(up.store, ping, &reply, &why), -1);
    assert_int_equal(why->code, DD_ERR_UNAVAILABLE);
    test_redis_start(&up.redis, up.directory);
    turn_until(dd_store_async_ready(calls) && dd_store_async_ready(ears));
    assert_int_equal(answer_of(any_script()), 0);
    turn_until(test_redis_number(&up.redis, "PUBLISH {drydock}:control two") == 1);
    turn_until(dd_strv_contains(heard, "two"));
    dd_error_freep(&why);
    must(dd_store_call(up.store, ping, &reply, &why), why);
    freeReplyObject(reply);
    assert_int_equal(waits.answers, 1);
    dd_store_async_free(ears);
}

#define MANY 10050

static void past_ten_thousand_calls_under_way_the_rest_is_refused_and_all_are_answered_once(void **state)
{
    outcome *many = dd_calloc(MANY, sizeof(*many));
    size_t well = 0, refused = 0;
    (void)state;
    up.settings->redis.timeout_ms = PATIENCE_MS;
    open_async();
    for (size_t i = 0; i < MANY; i++)
        ask(dd_command_new("PING"), false, &many[i]);
    for (size_t i = 0; i < MANY; i++) {
        turn_until(many[i].answers);
        well += many[i].code == 0;
        refused += many[i].code == DD_ERR_UNAVAILABLE;
    }
    assert_int_equal(well, 10000);
    assert_int_equal(refused, MANY - 10000);
    assert_int_equal(answer_of(dd_command_new("PING")), 0);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(many[i].answers, 1);
    free(many);
}

static void a_blocking_call_may_take_longer_than_the_time_limit(void **state)
{
    outcome o;
    (void)state;
    open_async();
    dd_command *wait = dd_command_new("BLPOP");
    dd_command_arg(wait, "nothing");
    dd_command_arg(wait, "1");
    ask(wait, true, &o);
    turn_until(o.answers);
    assert_int_equal(o.code, 0);
    assert_true(dd_store_async_ready(up.async));
}

static void what_is_under_way_at_the_end_is_answered_canceled(void **state)
{
    outcome sent, waits, unsent;
    (void)state;
    open_async();
    test_redis_pause(&up.redis);
    ask(dd_command_new("PING"), false, &sent);
    ask(any_script(), true, &waits);
    dd_store_async_freep(&up.async);
    assert_true(sent.answers == 1 && sent.code == DD_ERR_CANCELED);
    assert_true(waits.answers == 1 && waits.code == DD_ERR_CANCELED);
    must(dd_store_async_new(up.base, up.settings, &up.async, NULL), (dd_error *)NULL);
    ask(dd_command_new("PING"), false, &unsent);
    dd_store_async_freep(&up.async);
    assert_true(unsent.answers == 1 && unsent.code == DD_ERR_CANCELED);
    test_redis_resume(&up.redis);
}

static void ask_again(redisReply *reply, const dd_error *error, void *context)
{
    int *answers = context;
    assert_null(reply);
    assert_int_equal(error->code, DD_ERR_UNAVAILABLE);
    if (++*answers < 20)
        dd_store_async_call(up.async, dd_command_new("PING"), false, ask_again, answers);
}

static void a_caller_may_ask_again_from_within_the_answer_that_it_failed(void **state)
{
    int answers = 0;
    (void)state;
    open_async();
    test_redis_pause(&up.redis);
    dd_store_async_call(up.async, dd_command_new("PING"), false, ask_again, &answers);
    turn_until(answers == 20);
    test_redis_resume(&up.redis);
    turn_until(dd_store_async_ready(up.async));
}

static void count_call(int fd, short events, void *context)
{
    (void)fd;
    (void)events;
    ++*(int *)context;
}

static void when_it_is_ready_is_told_once_however_often_it_connects(void **state)
{
    int told = 0, late = 0;
    (void)state;
    must(dd_store_async_new(up.base, up.settings, &up.async, NULL), (dd_error *)NULL);
    dd_store_async_when_ready(up.async, count_call, &told);
    turn_until(told);
    assert_true(dd_store_async_ready(up.async));
    test_redis_stop(&up.redis);
    turn_until(!dd_store_async_ready(up.async));
    test_redis_start(&up.redis, up.directory);
    turn_until(dd_store_async_ready(up.async));
    assert_int_equal(answer_of(dd_command_new("PING")), 0);
    assert_int_equal(told, 1);
    dd_store_async_freep(&up.async);
    test_redis_pause(&up.redis);
    must(dd_store_async_new(up.base, up.settings, &up.async, NULL), (dd_error *)NULL);
    dd_store_async_when_ready(up.async, count_call, &late);
    turn_until(late);
    assert_false(dd_store_async_ready(up.async));
    test_redis_resume(&up.redis);
}

/* ======== The blocking connection ======== */

static dd_command *wait_for_nothing(const char *seconds)
{
    dd_command *wait = dd_command_new("BLPOP");
    dd_command_arg(wait, "nothing");
    dd_command_arg(wait, seconds);
    return wait;
}

static void *block(void *context)
{
    dd_error **why = context;
    dd_auto(dd_command) wait = wait_for_nothing("0");
    redisReply *reply = NULL;
    assert_int_equal(dd_store_call_blocking(up.store, wait, 0, &reply, why), -1);
    return NULL;
}

static void await_blocked(void)
{
    for (bool blocked = false; !blocked;) {
        dd_auto_str info = test_redis_text(&up.redis, "INFO clients");
        blocked = strstr(info, "blocked_clients:1") != NULL;
    }
}

static void another_thread_can_interrupt_a_call_and_all_later_ones(void **state)
{
    dd_auto(dd_error) why = NULL;
    dd_auto(dd_command) ping = dd_command_new("PING");
    redisReply *reply = NULL;
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, block, &why), 0);
    await_blocked();
    dd_store_interrupt(up.store);
    pthread_join(thread, NULL);
    assert_int_equal(why->code, DD_ERR_CANCELED);
    assert_int_equal(dd_store_call(up.store, ping, &reply, &why), -1);
    assert_int_equal(why->code, DD_ERR_CANCELED);
    assert_int_equal(dd_store_call_blocking(up.store, ping, 1000, &reply, &why), -1);
    assert_int_equal(why->code, DD_ERR_CANCELED);
}

static void kill_connections(void)
{
    test_redis_number(&up.redis, "CLIENT KILL TYPE normal SKIPME yes");
}

static void a_connection_that_was_closed_meanwhile_is_made_again(void **state)
{
    (void)state;
    kill_connections();
    assert_null(claimed("w1", NULL));
    kill_connections();
    created(TASK, "normal", "1");
}

/* A lost answer does not say that nothing was done: what is read from a group, say, is read once. */
static void a_call_whose_answer_was_lost_is_not_sent_again(void **state)
{
    dd_auto(dd_error) why = NULL;
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, block, &why), 0);
    await_blocked();
    kill_connections();
    pthread_join(thread, NULL);
    assert_int_equal(why->code, DD_ERR_UNAVAILABLE);
    created(TASK, "normal", "1");
}

static void a_wait_keeps_its_own_time_limit_on_a_connection_made_again(void **state)
{
    dd_auto(dd_error) why = NULL;
    dd_auto(dd_command) wait = wait_for_nothing("1");
    dd_auto(dd_command) ping = dd_command_new("PING");
    redisReply *reply = NULL;
    (void)state;
    kill_connections();
    must(dd_store_call_blocking(up.store, wait, PATIENCE_MS, &reply, &why), why);
    assert_int_equal(reply->type, REDIS_REPLY_NIL);
    freeReplyObject(reply);
    test_redis_pause(&up.redis); /* and the usual one counts again afterwards */
    int64_t began_ms = dd_monotonic_ms();
    assert_int_equal(dd_store_call(up.store, ping, &reply, &why), -1);
    assert_true(dd_monotonic_ms() - began_ms < PATIENCE_MS / 2);
    test_redis_resume(&up.redis);
}

static void another_schema_is_refused_with_a_way_out(void **state)
{
    dd_auto(dd_error) why = NULL;
    (void)state;
    must(dd_store_prepare(up.store, up.settings, &why), why); /* as every process does */
    dd_auto_str set = test_redis_text(&up.redis, "SET {drydock}:schema 2");
    assert_int_equal(dd_store_prepare(up.store, up.settings, &why), -1);
    assert_int_equal(why->code, DD_ERR_CONFLICT);
    assert_text_has(why->message, "schema 2");
    assert_text_has(why->hint, "redis.prefix");
    dd_auto_str kept = test_redis_text(&up.redis, "GET {drydock}:schema");
    assert_string_equal(kept, "2");
}

static void configure(const char *name, const char *value)
{
    redisReply *reply = redisCommand(up.redis.link, "CONFIG SET %s %s", name, value);
    assert_int_equal(reply->type, REDIS_REPLY_STATUS);
    freeReplyObject(reply);
}

static dd_code failure_of(dd_command *command)
{
    dd_auto(dd_error) why = NULL;
    redisReply *reply = NULL;
    assert_int_equal(dd_store_call(up.store, command, &reply, &why), -1);
    dd_command_free(command);
    return why->code;
}

static dd_command *any_write(void)
{
    dd_auto(dd_fields) event = dd_fields_new();
    dd_fields_set(event, "kind", "push");
    return dd_accept_request(PREFIX, up.settings, "github", "d-1", event, NULL);
}

static void a_redis_that_cannot_write_is_unavailable(void **state)
{
    (void)state;
    open_async();
    configure("maxmemory", "1");
    assert_int_equal(failure_of(any_write()), DD_ERR_UNAVAILABLE);
    assert_int_equal(answer_of(any_write()), DD_ERR_UNAVAILABLE);
    configure("maxmemory", "0");
    configure("min-replicas-to-write", "1");
    assert_int_equal(failure_of(any_write()), DD_ERR_UNAVAILABLE);
    assert_int_equal(answer_of(any_write()), DD_ERR_UNAVAILABLE);
    configure("min-replicas-to-write", "0");
    redisReply *reply = redisCommand(up.redis.link, "REPLICAOF 127.0.0.1 1");
    freeReplyObject(reply);
    assert_int_equal(failure_of(any_write()), DD_ERR_UNAVAILABLE);
    assert_int_equal(answer_of(any_write()), DD_ERR_UNAVAILABLE);
    reply = redisCommand(up.redis.link, "REPLICAOF NO ONE");
    freeReplyObject(reply);
    assert_int_equal(answer_of(any_write()), 0);
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    dd_auto_fd fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    return ntohs(address.sin_port);
}

static void over_tcp_the_password_and_the_database_of_the_url_are_used(void **state)
{
    dd_auto(dd_error) why = NULL;
    (void)state;
    dd_auto_str port = dd_sprintf("%d", free_port());
    configure("port", port);
    configure("requirepass", "p@ss word");
    dd_auto_str url = dd_sprintf("redis://:p%%40ss%%20word@127.0.0.1:%s/3", port);
    dd_auto_str wrong = dd_sprintf("redis://:other@127.0.0.1:%s/3", port);
    dd_auto_str none = dd_sprintf("redis://127.0.0.1:%s", port);
    dd_settings_freep(&up.settings);
    dd_store_freep(&up.store);
    up.settings = settings_for(url);
    must(dd_store_open(up.settings, &up.store, &why), why);
    created(TASK, "normal", "1");
    open_async();
    assert_int_equal(answer_of(any_write()), 0);
    freeReplyObject(redisCommand(up.redis.link, "SELECT 3"));
    assert_int_equal(test_redis_number(&up.redis, "EXISTS {drydock}:run:ca1 {drydock}:events"), 2);
    dd_auto(dd_settings) bad = settings_for(wrong);
    dd_auto(dd_store) store = NULL;
    assert_int_equal(dd_store_open(bad, &store, &why), -1);
    assert_int_equal(why->code, DD_ERR_DENIED);
    assert_null(strstr(why->message, "other"));
    dd_settings_freep(&bad);
    bad = settings_for(none);
    assert_int_equal(dd_store_open(bad, &store, &why), -1);
    assert_int_equal(why->code, DD_ERR_DENIED);
    assert_text_has(why->hint, "redis.password");
}

static void a_redis_that_is_full_of_clients_is_unavailable(void **state)
{
    dd_auto(dd_error) why = NULL;
    (void)state;
    open_async();
    configure("maxclients", "1");
    dd_store_freep(&up.store);
    assert_int_equal(dd_store_open(up.settings, &up.store, &why), -1);
    assert_int_equal(why->code, DD_ERR_UNAVAILABLE);
    configure("maxclients", "100");
    must(dd_store_open(up.settings, &up.store, &why), why);
    assert_int_equal(code_of(any_write()), 0);
}

/* Else it would work as another user, or on another database. */
static void a_connection_whose_user_or_database_is_refused_is_never_ready(void **state)
{
    (void)state;
    dd_auto_str port = dd_sprintf("%d", free_port());
    configure("port", port);
    static const char *const forms[] = {"redis://nobody:secret@127.0.0.1:%s", "redis://127.0.0.1:%s/99"};
    for (size_t i = 0; i < DD_COUNT(forms); i++) {
        int told = 0;
        const char *end = strstr(forms[i], "%s");
        dd_auto_str url = dd_sprintf("%.*s%s%s", (int)(end - forms[i]), forms[i], port, end + 2);
        dd_auto(dd_settings) bad = settings_for(url);
        must(dd_store_async_new(up.base, bad, &up.async, NULL), (dd_error *)NULL);
        dd_store_async_when_ready(up.async, count_call, &told);
        turn_until(told);
        assert_false(dd_store_async_ready(up.async));
        assert_int_equal(answer_of(any_write()), DD_ERR_UNAVAILABLE);
        dd_store_async_freep(&up.async);
    }
}

static void an_address_that_is_none_is_refused_without_showing_it(void **state)
{
    static const char *const urls[] = {"redis://:secret@",
                                       "redis://:secret@host:0",
                                       "redis://:secret@host:x",
                                       "redis://:secret@host/x",
                                       "redis://:sec%zzret@host",
                                       "http://secret",
                                       "redis://:secret@host:1/70000",
                                       "unix://secret",
                                       "redis://:secret@host:"};
    (void)state;
    for (size_t i = 0; i < DD_COUNT(urls); i++) {
        dd_auto(dd_error) why = NULL;
        dd_auto(dd_store) store = NULL;
        dd_auto_str kept = up.settings->redis.url;
        up.settings->redis.url = dd_strdup(urls[i]);
        assert_int_equal(dd_store_open(up.settings, &store, &why), -1);
        assert_int_equal(why->code, DD_ERR_INVALID);
        assert_null(strstr(why->message, "secret"));
        assert_int_equal(dd_store_async_new(up.base, up.settings, &up.async, &why), -1);
        assert_null(up.async);
    }
}

#define store_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(a_delivery_is_taken_once_for_each_sender),
        store_test(a_delivery_id_of_any_bytes_makes_a_plain_key),
        store_test(a_deliverys_bytes_are_kept_as_they_are),
        store_test(when_too_many_wait_no_more_are_taken_until_one_is_settled),
        store_test(settling_trims_neither_what_is_unread_nor_what_is_unsettled),
        store_test(a_verdict_is_kept_for_its_time),
        store_test(a_delivery_lies_once_beside_its_events_which_name_it),
        store_test(above_the_bound_the_oldest_deliveries_go_first),
        store_test(a_body_that_has_no_room_even_alone_is_left_out),
        store_test(deliveries_that_are_too_old_go_and_leave_the_count),
        store_test(one_call_makes_no_more_room_than_it_may_and_the_next_goes_on),
        store_test(a_delivery_kept_again_under_its_name_is_not_lost_with_its_older_entry),
        store_test(any_of_its_causes_means_the_same_run),
        store_test(what_a_person_asks_for_comes_first_and_a_base_image_last),
        store_test(nothing_that_comes_between_claim_and_wait_is_missed),
        store_test(strange_and_old_queue_entries_are_skipped_and_removed),
        store_test(behind_many_strange_entries_the_wait_ends_at_once),
        store_test(after_its_lease_a_run_is_requeued_and_its_old_worker_is_refused),
        store_test(a_workers_beat_keeps_its_lease),
        store_test(after_its_last_attempt_a_run_ends_error_with_its_history),
        store_test(one_call_expires_no_more_than_it_may),
        store_test(the_scripts_permit_the_moves_that_the_words_permit),
        store_test(a_run_ends_once_and_never_from_where_it_may_not),
        store_test(an_end_that_its_own_lease_tells_again_changes_nothing),
        store_test(a_run_is_listed_for_as_long_as_it_is_kept),
        store_test(an_ended_run_takes_no_more_lines),
        store_test(a_waiting_run_is_canceled_and_its_queue_entry_gone),
        store_test(a_run_that_waits_again_after_its_worker_was_lost_is_canceled_too),
        store_test(a_running_run_is_asked_to_end_by_channel_and_by_beat),
        store_test(a_run_that_succeeds_replaces_its_tasks_edges),
        store_test(a_run_does_not_overwrite_the_digest_that_a_registry_told),
        store_test(a_tasks_repository_leads_to_it_and_to_nothing_old),
        store_test(scripts_that_redis_has_forgotten_are_loaded_again),
        store_test(a_stopped_redis_is_unavailable_in_time_and_is_found_again),
        store_test(a_redis_that_comes_back_is_used_again_and_heard_again),
        store_test(past_ten_thousand_calls_under_way_the_rest_is_refused_and_all_are_answered_once),
        store_test(a_blocking_call_may_take_longer_than_the_time_limit),
        store_test(what_is_under_way_at_the_end_is_answered_canceled),
        store_test(a_caller_may_ask_again_from_within_the_answer_that_it_failed),
        store_test(when_it_is_ready_is_told_once_however_often_it_connects),
        store_test(another_thread_can_interrupt_a_call_and_all_later_ones),
        store_test(a_connection_that_was_closed_meanwhile_is_made_again),
        store_test(a_call_whose_answer_was_lost_is_not_sent_again),
        store_test(a_wait_keeps_its_own_time_limit_on_a_connection_made_again),
        store_test(another_schema_is_refused_with_a_way_out),
        store_test(an_image_that_no_task_is_built_from_any_more_is_forgotten),
        store_test(an_idle_tasks_list_of_runs_goes_after_its_last_run),
        store_test(a_batch_of_log_lines_that_is_sent_again_is_kept_once),
        store_test(a_worker_that_ends_or_dies_is_no_reader_of_its_queues_any_more),
        store_test(the_stores_instance_is_made_once),
        store_test(a_redis_that_cannot_write_is_unavailable),
        store_test(over_tcp_the_password_and_the_database_of_the_url_are_used),
        store_test(a_redis_that_is_full_of_clients_is_unavailable),
        store_test(a_connection_whose_user_or_database_is_refused_is_never_ready),
        store_test(an_address_that_is_none_is_refused_without_showing_it),
    };
    signal(SIGPIPE, SIG_IGN); /* as each of our services does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
