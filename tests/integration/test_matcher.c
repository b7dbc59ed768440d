/* The matcher on a real Redis: deliveries become runs, once each, whoever dies in between.
 *
 * This program is the matcher that dies, too: `matcher FILE NAME` runs one. What happens is heard by Redis's
 * keyspace notifications, so that the tests wait for events and never for time. */
#include "tests/support/deliveries.h"
#include "tests/support/registry.h"
#include "triggers/matcher.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_S 30
#define COMMIT_A   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define COMMIT_B   "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define APP        "https://github.com/org/app.git"
#define DIGEST_1   "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define DIGEST_2   "sha256:2222222222222222222222222222222222222222222222222222222222222222"

/* ======== The stack ======== */

struct stack {
    char directory[64];
    dd_settings *settings;
    dd_store *store;
    redisContext *ears; /* subscribed to what happens */
    pid_t redis;
    dd_matcher *matcher;
    pthread_t thread;
    const char *registry; /* 127.0.0.1:PORT */
};

static struct stack *up; /* the running test's */

/* A macro, so that the error is looked at after the call. */
#define must(call, why)                                                                                      \
    do {                                                                                                     \
        if ((call) < 0)                                                                                      \
            fail_msg("%s", (why) ? (why)->message : "failed");                                               \
    } while (0)

static pid_t start(const char *directory, const char *const *argv, int output)
{
    pid_t pid;
    dd_auto(dd_error) why = NULL;
    dd_spawn spawn = DD_SPAWN_INIT;
    spawn.argv = argv;
    spawn.directory = directory;
    spawn.output = output;
    spawn.error = STDERR_FILENO;
    must(dd_spawn_start(&spawn, &pid, &why), why);
    return pid;
}

static void kill_and_wait(pid_t pid)
{
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

static void start_redis(struct stack *stack)
{
    const char *const argv[] = {"redis-server", "--port",        "0",      "--unixsocket",
                                "redis.sock",   "--save",        "",       "--appendonly",
                                "yes",          "--appendfsync", "always", "--notify-keyspace-events",
                                "KA",           "--logfile",     "",       NULL};
    char log[8192] = "";
    size_t length = 0;
    int ends[2];
    ssize_t got;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    stack->redis = start(stack->directory, argv, ends[1]);
    close(ends[1]);
    while (!strstr(log, "eady to accept connections") && length < sizeof(log) - 1 &&
           (got = read(ends[0], log + length, sizeof(log) - 1 - length)) > 0)
        length += (size_t)got;
    close(ends[0]);
    assert_non_null(strstr(log, "eady to accept connections"));
}

/* Hear of writes to the keys that match. */
static void listen_to(struct stack *stack, const char *keys)
{
    dd_auto_str socket = dd_path_join(stack->directory, "redis.sock");
    if (stack->ears)
        redisFree(stack->ears);
    stack->ears = redisConnectUnix(socket);
    assert_int_equal(stack->ears->err, 0);
    redisSetTimeout(stack->ears, (struct timeval){.tv_sec = PATIENCE_S});
    redisReply *reply = redisCommand(stack->ears, "PSUBSCRIBE __keyspace@0__:{drydock}:%s", keys);
    assert_non_null(reply);
    freeReplyObject(reply);
}

/* Wait for `count` writes by the command `word` ("hset"). */
static void await(struct stack *stack, const char *word, int count)
{
    while (count > 0) {
        void *reply = NULL;
        if (redisGetReply(stack->ears, &reply) != REDIS_OK)
            fail_msg("waited in vain for %s", word);
        const redisReply *message = reply;
        count -= message->elements == 4 && dd_str_eq(message->element[3]->str, word);
        freeReplyObject(reply);
    }
}

static void await_settled(struct stack *stack, int count)
{
    await(stack, "hset", count);
}

/* Run a command; owned text of its answer or of the answer's first member, "" for nil. */
static char *redis(struct stack *stack, const char *format, ...)
{
    dd_auto_str socket = dd_path_join(stack->directory, "redis.sock");
    redisContext *context = redisConnectUnix(socket);
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(context, format, args);
    va_end(args);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    const redisReply *first = reply->elements ? reply->element[0] : reply;
    char *text = first->type == REDIS_REPLY_INTEGER ? dd_sprintf("%lld", first->integer)
                                                    : dd_strndup(first->str ? first->str : "", first->len);
    freeReplyObject(reply);
    redisFree(context);
    return text;
}

#define assert_redis(stack, expected, ...)                                                                   \
    do {                                                                                                     \
        dd_auto_str actual_ = redis(stack, __VA_ARGS__);                                                     \
        assert_string_equal(actual_, expected);                                                              \
    } while (0)

static void open_store(struct stack *stack)
{
    dd_auto(dd_error) why = NULL;
    dd_store_free(stack->store);
    must(dd_store_open(stack->settings, &stack->store, &why), why);
    must(dd_store_prepare(stack->store, stack->settings, &why), why);
}

/* With one registry, whose digests are confirmed there or not. */
static struct stack *stack_up(const char *registry, bool confirm)
{
    struct stack *stack = dd_new(struct stack);
    dd_auto(dd_error) why = NULL;
    up = stack;
    stack->registry = registry;
    strcpy(stack->directory, "/tmp/drydock-matcher.XXXXXX");
    assert_non_null(mkdtemp(stack->directory));
    dd_auto_str text = dd_sprintf("redis: {url: \"unix://%s/redis.sock\", timeout: 2s}\n"
                                  "registries: [{host: \"%s\", plain_http: true, push_confirm: %s}]\n"
                                  "senders:\n"
                                  "  - {name: signed, kind: artifactory, registry: \"%s\", secret: s}\n"
                                  "  - {name: bearer, kind: artifactory, registry: \"%s\", auth: {header: "
                                  "X-JFrog-Event-Auth, value: s}}\n",
                                  stack->directory, registry, confirm ? "true" : "false", registry, registry);
    dd_auto_str file = dd_path_join(stack->directory, "drydock.yaml");
    must(dd_write_file(file, text, strlen(text), 0600, &why), why);
    must(dd_settings_load(file, &stack->settings, &why), why);
    start_redis(stack);
    open_store(stack);
    listen_to(stack, "event:*");
    return stack;
}

static void *run_matcher(void *context)
{
    dd_error *why = NULL;
    if (dd_matcher_run(context, &why) < 0) {
        fprintf(stderr, "the matcher ended: %s\n", why->message);
        dd_error_free(why);
        abort();
    }
    return NULL;
}

static void matcher_new(struct stack *stack, const char *name)
{
    dd_auto(dd_error) why = NULL;
    must(dd_matcher_new(stack->settings, name, &stack->matcher, &why), why);
    stack->matcher->times.retry_ms = 20;
    stack->matcher->times.retry_most_ms = 100;
    stack->matcher->times.settle_ms = 0; /* what the registry says first is what it says */
}

static void matcher_start(struct stack *stack)
{
    if (!stack->matcher)
        matcher_new(stack, "one");
    assert_int_equal(pthread_create(&stack->thread, NULL, run_matcher, stack->matcher), 0);
}

static void matcher_stop(struct stack *stack)
{
    if (!stack->matcher)
        return;
    dd_matcher_stop(stack->matcher);
    pthread_join(stack->thread, NULL);
    dd_matcher_free(dd_take(stack->matcher));
}

static void stack_down(struct stack *stack)
{
    up = NULL;
    matcher_stop(stack);
    if (stack->ears)
        redisFree(stack->ears);
    dd_store_free(stack->store);
    kill_and_wait(stack->redis);
    dd_settings_free(stack->settings);
    dd_remove_tree(stack->directory, NULL);
    free(stack);
}

/* A test that failed half-way leaves no process. */
static int tear_down(void **state)
{
    (void)state;
    if (up)
        stack_down(up);
    return 0;
}

/* ---- What is in Redis ---- */

static redisReply *command(struct stack *stack, dd_command *taken)
{
    dd_auto(dd_command) request = taken;
    dd_auto(dd_error) why = NULL;
    redisReply *reply = NULL;
    must(dd_store_call(stack->store, request, &reply, &why), why);
    return reply;
}

static void apply_task(struct stack *stack, const char *name, const char *triggers)
{
    dd_task **tasks = NULL;
    size_t count = 0;
    dd_auto(dd_error) why = NULL;
    dd_auto_str text =
        dd_sprintf("tasks:\n  - {name: %s, context: \"%s#main:src\", file: f.yaml, values: {a: b}, "
                   "timeout: 60, triggers: {%s}}\n",
                   name, APP, triggers);
    must(dd_tasks_parse(text, strlen(text), "t", &tasks, &count, &why), why);
    freeReplyObject(command(stack, dd_task_apply_request(stack->settings->redis.prefix, name,
                                                         tasks[0]->context->key, tasks[0]->yaml, NULL)));
    dd_task_free(tasks[0]);
    free(tasks);
}

/* The way of the server: the fields of a read delivery, once per delivery id. Returns the event's id. */
static char *accept_event(struct stack *stack, const dd_fields *fields)
{
    dd_accepted accepted;
    dd_auto(dd_error) why = NULL;
    redisReply *reply = command(stack, dd_accept_request(stack->settings->redis.prefix, stack->settings,
                                                         dd_fields_get(fields, "sender"),
                                                         dd_fields_get(fields, "delivery"), fields, NULL));
    must(dd_accept_reply(reply, &accepted, &why), why);
    freeReplyObject(reply);
    return dd_strdup(accepted.event);
}

static char *push(struct stack *stack, const char *delivery, const char *branch, const char *commit)
{
    int status = 0;
    test_delivery made = {0};
    dd_auto(dd_events) events = NULL;
    dd_auto_str body =
        dd_sprintf("{\"ref\":\"refs/heads/%s\",\"before\":\"" COMMIT_A "\",\"after\":\"%s\",\"commits\":[],"
                   "\"repository\":{\"full_name\":\"some/body\",\"clone_url\":\"" APP "\","
                   "\"default_branch\":\"main\"},\"head_commit\":{\"message\":\"words\"},"
                   "\"sender\":{\"login\":\"ann\"}}",
                   branch, commit);
    test_delivery_body(&made, body, strlen(body));
    test_delivery_header(&made, "Content-Type", "application/json");
    test_delivery_header(&made, "X-GitHub-Event", "push");
    test_delivery_header(&made, "X-GitHub-Delivery", delivery);
    test_delivery_sign(&made, TEST_GITHUB_SECRET);
    assert_int_equal(dd_delivery_read(test_sender("github"), &made.delivery, &events, &status, NULL), 0);
    test_delivery_done(&made);
    dd_auto(dd_fields) fields = dd_event_to_fields(events->items[0]);
    return accept_event(stack, fields);
}

static char *push_image_by(struct stack *stack, const char *sender, const char *kind, const char *delivery,
                           const char *digest)
{
    dd_auto(dd_fields) fields = dd_fields_new();
    dd_fields_set(fields, "kind", "image_push");
    dd_fields_set(fields, "sender", sender);
    dd_fields_set(fields, "sender_kind", kind);
    dd_fields_set(fields, "delivery", delivery);
    dd_fields_set(fields, "registry", stack->registry);
    dd_fields_set(fields, "repository", "team/base");
    dd_fields_set(fields, "tag", "1");
    dd_fields_set(fields, "digest", digest);
    return accept_event(stack, fields);
}

static char *push_image(struct stack *stack, const char *delivery, const char *digest)
{
    return push_image_by(stack, "registry", "distribution", delivery, digest);
}

/* As finish.lua leaves it after a good run. */
static void built_from(struct stack *stack, const char *task, const char *run, const char *digest,
                       const char *kind)
{
    dd_auto_str reference = dd_sprintf("%s/team/base:1", stack->registry);
    dd_auto_str edge = dd_sprintf("%s %s", digest, kind);
    free(redis(stack, "HSET {drydock}:task:%s:bases %s %s", task, reference, edge));
    free(redis(stack, "SADD {drydock}:image:%s:tasks %s", reference, task));
    free(redis(stack, "HSET {drydock}:task:%s last_run %s", task, run));
}

static void assert_nothing_pending(struct stack *stack)
{
    assert_redis(stack, "0", "XPENDING {drydock}:events matchers");
}

static void assert_verdict(struct stack *stack, const char *event, const char *part)
{
    dd_auto_str verdict = redis(stack, "HGET {drydock}:event:%s verdict", event);
    if (!strstr(verdict, part))
        fail_msg("no '%s' in: %s", part, verdict);
}

/* "TASK: words" that are told of the task. */
static void assert_why(struct stack *stack, const char *event, const char *part)
{
    dd_auto_str task = dd_strndup(part, strcspn(part, ":"));
    dd_auto_str why = redis(stack, "HGET {drydock}:event:%s task:%s", event, task);
    if (!*why || !strstr(why, part + strlen(task) + 2))
        fail_msg("no '%s' in: %s", part, why);
}

static void assert_runs(struct stack *stack, const char *task, const char *count)
{
    assert_redis(stack, count, "ZCARD {drydock}:runs:%s", task);
}

static void assert_field(struct stack *stack, const char *task, const char *field, const char *value)
{
    dd_auto_str run = redis(stack, "ZREVRANGE {drydock}:runs:%s 0 0", task);
    assert_redis(stack, value, "HGET {drydock}:run:%s %s", run, field);
}

/* ======== Commits ======== */

static void a_push_makes_one_run_that_says_what_it_is(void **state)
{
    (void)state;
    struct stack *stack = stack_up("127.0.0.1:1", true);
    apply_task(stack, "app", "commit: true");
    apply_task(stack, "other", "commit: {branches: [dev]}");
    matcher_start(stack);
    dd_auto_str event = push(stack, "d-1", "main", COMMIT_B);
    await_settled(stack, 1);
    assert_verdict(stack, event, "runs made: 1, made before: 0, tasks without a run: 1");
    assert_why(stack, event, "app: run ca1: commit bbbbbbbbbbbb on branch main");
    assert_why(stack, event, "other: no run: branch main matches none");
    assert_runs(stack, "app", "1");
    assert_runs(stack, "other", "0");
    static const char *const fields[][2] = {
        {"task", "app"},
        {"trigger", "commit"},
        {"sender", "github"},
        {"delivery", "d-1"},
        {"clone_url", APP},
        {"repository", "github.com/org/app"},
        {"branch", "main"},
        {"commit", COMMIT_B},
        {"ref", "refs/heads/main"},
        {"file", "f.yaml"},
        {"folder", "src"},
        {"timeout_s", "60"},
        {"actor", "ann"},
        {"commit_message", "words"},
        {"state", "Queued"},
        {"priority", "normal"},
        {"context", APP "#main:src"},
    };
    for (size_t i = 0; i < DD_COUNT(fields); i++)
        assert_field(stack, "app", fields[i][0], fields[i][1]);
    assert_field(stack, "app", "event", event);
    assert_redis(stack, "1", "XLEN {drydock}:queue:default:normal");
    assert_nothing_pending(stack);
    stack_down(stack);
}

static void the_same_delivery_twice_and_the_same_commit_again_make_one_run(void **state)
{
    (void)state;
    struct stack *stack = stack_up("127.0.0.1:1", true);
    apply_task(stack, "app", "commit: true");
    matcher_start(stack);
    dd_auto_str first = push(stack, "d-1", "main", COMMIT_B);
    dd_auto_str again = push(stack, "d-1", "main", COMMIT_B);
    assert_string_equal(first, again);
    dd_auto_str other = push(stack, "d-2", "main", COMMIT_B);
    await_settled(stack, 2);
    assert_verdict(stack, other, "runs made: 0, made before: 1");
    assert_runs(stack, "app", "1");
    free(push(stack, "d-3", "main", COMMIT_A));
    await_settled(stack, 1);
    assert_runs(stack, "app", "2");
    stack_down(stack);
}

static void an_event_that_cannot_be_read_is_settled_with_what_is_wrong(void **state)
{
    (void)state;
    struct stack *stack = stack_up("127.0.0.1:1", true);
    apply_task(stack, "app", "commit: true");
    dd_auto_str unknown = redis(stack, "XADD {drydock}:events * kind nonsense sender github");
    dd_auto_str empty = redis(stack, "XADD {drydock}:events * kind push sender github delivery x");
    dd_auto_str bad =
        redis(stack, "XADD {drydock}:events * kind push sender github delivery y ref refs/heads/main "
                     "branch main repository_key ../x after " COMMIT_B);
    dd_auto_str image = redis(stack, "XADD {drydock}:events * kind image_push sender registry delivery z");
    dd_auto_str ping = redis(stack, "XADD {drydock}:events * kind ping sender github delivery p");
    dd_auto_str good = push(stack, "d-1", "main", COMMIT_B);
    matcher_start(stack);
    await_settled(stack, 6);
    assert_verdict(stack, unknown, "failed: an event of no known kind");
    assert_verdict(stack, empty, "failed: a push without");
    assert_verdict(stack, bad, "failed: repository_key");
    assert_verdict(stack, image, "failed: a pushed image without");
    assert_verdict(stack, ping, "ping: ");
    assert_verdict(stack, good, "runs made: 1");
    assert_nothing_pending(stack);
    stack_down(stack);
}

static void a_task_that_cannot_be_read_is_no_other_tasks_harm(void **state)
{
    (void)state;
    struct stack *stack = stack_up("127.0.0.1:1", true);
    apply_task(stack, "app", "commit: true");
    apply_task(stack, "broken", "commit: true");
    free(redis(stack, "HSET {drydock}:task:broken yaml [[["));
    free(redis(stack, "SADD {drydock}:repository:github.com/org/app gone"));
    matcher_start(stack);
    dd_auto_str event = push(stack, "d-1", "main", COMMIT_B);
    await_settled(stack, 1);
    assert_verdict(stack, event, "runs made: 1, made before: 0, tasks without a run: 2");
    assert_why(stack, event, "gone: no task 'gone'");
    assert_why(stack, event, "broken: ");
    stack_down(stack);
}

static void what_no_trigger_takes_says_so_for_each_task_of_the_repository(void **state)
{
    (void)state;
    static const char *const kinds[][2] = {
        {"tag", "no tag"}, {"pull_request", "no pull_request"}, {"delete", "no delete"}};
    struct stack *stack = stack_up("127.0.0.1:1", true);
    apply_task(stack, "app", "commit: true");
    apply_task(stack, "base", "base_image: {type: runtime}");
    matcher_start(stack);
    for (size_t i = 0; i < DD_COUNT(kinds); i++) {
        dd_auto(dd_fields) fields = dd_fields_new();
        dd_fields_set(fields, "kind", kinds[i][0]);
        dd_fields_set(fields, "sender", "github");
        dd_fields_set(fields, "delivery", kinds[i][0]);
        dd_fields_set(fields, "repository_key", "github.com/org/app");
        dd_auto_str event = accept_event(stack, fields);
        dd_auto_str why = dd_sprintf("app: no run: a commit trigger takes %s", kinds[i][1]);
        await_settled(stack, 1);
        assert_verdict(stack, event, kinds[i][0]);
        assert_why(stack, event, why);
        assert_why(stack, event, "base: no run: the task has no commit trigger");
    }
    assert_runs(stack, "app", "0");
    stack_down(stack);
}

/* ======== Replays ======== */

static void give_to(struct stack *stack, const char *consumer)
{
    dd_auto_str got =
        redis(stack, "XREADGROUP GROUP matchers %s COUNT 10 STREAMS {drydock}:events >", consumer);
    (void)got;
}

/* The event's entry again, as a person's replay of it; its new id. */
static char *replay(struct stack *stack, const char *event, bool forced)
{
    dd_auto_str socket = dd_path_join(stack->directory, "redis.sock");
    redisContext *context = redisConnectUnix(socket);
    redisReply *reply = redisCommand(context, "XRANGE {drydock}:events %s %s", event, event);
    dd_auto(dd_fields) old = NULL;
    dd_auto(dd_event) again = NULL;
    assert_int_equal(dd_fields_from_reply(reply->element[0]->element[1], &old, NULL), 0);
    assert_int_equal(dd_event_from_fields(old, &again, NULL), 0);
    freeReplyObject(reply);
    redisFree(context);
    free(again->replay_of);
    again->replay_of = dd_strdup(event);
    again->replay_forced = forced;
    dd_auto(dd_fields) fields = dd_event_to_fields(again);
    static int count;
    dd_auto_str id = dd_sprintf("replay:%d", ++count);
    dd_accepted accepted;
    reply = command(
        stack, dd_accept_request(stack->settings->redis.prefix, stack->settings, "github", id, fields, NULL));
    assert_int_equal(dd_accept_reply(reply, &accepted, NULL), 0);
    freeReplyObject(reply);
    return dd_strdup(accepted.event);
}

static void a_replay_makes_only_the_runs_that_were_not_made(void **state)
{
    (void)state;
    struct stack *stack = stack_up("127.0.0.1:1", true);
    apply_task(stack, "app", "commit: true");
    matcher_start(stack);
    dd_auto_str event = push(stack, "d-1", "main", COMMIT_B);
    await_settled(stack, 1);
    apply_task(stack, "late", "commit: true");
    dd_auto_str again = replay(stack, event, false);
    await_settled(stack, 1);
    assert_verdict(stack, again, "runs made: 1, made before: 1, tasks without a run: 0");
    assert_why(stack, again, "app: run ca1, made before: commit bbbb");
    assert_why(stack, again, "late: run ca2: commit bbbb");
    assert_redis(stack, event, "HGET {drydock}:event:%s replay_of", again);
    assert_field(stack, "late", "replay_of", event);
    dd_auto_str third = replay(stack, again, false);
    await_settled(stack, 1);
    assert_verdict(stack, third, "runs made: 0, made before: 2, tasks without a run: 0");
    stack_down(stack);
}

static void a_forced_replay_makes_each_run_anew_and_once_though_it_is_matched_twice(void **state)
{
    (void)state;
    struct stack *stack = stack_up("127.0.0.1:1", true);
    apply_task(stack, "app", "commit: true");
    matcher_start(stack);
    dd_auto_str event = push(stack, "d-1", "main", COMMIT_B);
    await_settled(stack, 1);
    matcher_stop(stack);
    dd_auto_str forced = replay(stack, event, true);
    give_to(stack, "two");
    /* As if a matcher had died between the run and the verdict. */
    matcher_new(stack, "two");
    matcher_start(stack);
    await_settled(stack, 1);
    matcher_stop(stack);
    assert_verdict(stack, forced, "runs made: 1, made before: 0");
    assert_why(stack, forced, "app: run ca2: commit bbbb");
    free(redis(stack, "XGROUP SETID {drydock}:events matchers %s", event));
    matcher_new(stack, "three");
    matcher_start(stack);
    await_settled(stack, 1);
    assert_verdict(stack, forced, "runs made: 0, made before: 1");
    assert_runs(stack, "app", "2");
    assert_redis(stack, "2", "XLEN {drydock}:events");
    stack_down(stack);
}

static void a_forced_replay_builds_an_image_again_of_the_digest_it_has(void **state)
{
    (void)state;
    struct stack *stack = stack_up("127.0.0.1:1", false);
    apply_task(stack, "app", "base_image: {type: runtime}");
    built_from(stack, "app", "ca0", DIGEST_1, "runtime");
    matcher_start(stack);
    dd_auto_str event = push_image(stack, "e-1", DIGEST_1);
    await_settled(stack, 1);
    assert_why(stack, event, "app: no run: its last run was built from this digest");
    dd_auto_str forced = replay(stack, event, true);
    await_settled(stack, 1);
    assert_why(stack, forced, "app: run ca1: ");
    assert_runs(stack, "app", "1");
    stack_down(stack);
}

/* ======== Deaths ======== */

static void what_a_dead_matcher_left_is_taken_over(void **state)
{
    (void)state;
    struct stack *stack = stack_up("127.0.0.1:1", true);
    apply_task(stack, "app", "commit: true");
    dd_auto_str event = push(stack, "d-1", "main", COMMIT_B);
    give_to(stack, "dead");
    matcher_new(stack, "one");
    stack->matcher->times.min_idle_ms = 1;
    matcher_start(stack);
    await_settled(stack, 1);
    assert_verdict(stack, event, "runs made: 1");
    assert_nothing_pending(stack);
    stack_down(stack);
}

static void what_a_matcher_left_under_its_own_name_is_taken_up_at_once(void **state)
{
    (void)state;
    struct stack *stack = stack_up("127.0.0.1:1", true);
    apply_task(stack, "app", "commit: true");
    dd_auto_str event = push(stack, "d-1", "main", COMMIT_B);
    dd_auto_str trimmed = push(stack, "d-2", "main", COMMIT_A);
    give_to(stack, "one");
    free(redis(stack, "XDEL {drydock}:events %s", trimmed));
    matcher_start(stack);
    await_settled(stack, 1);
    assert_verdict(stack, event, "runs made: 1");
    free(push(stack, "d-3", "main", COMMIT_A));
    await_settled(stack, 1);
    assert_nothing_pending(stack);
    stack_down(stack);
}

static void a_matcher_killed_between_runs_leaves_none_out_and_none_twice(void **state)
{
    (void)state;
    struct stack *stack = stack_up("127.0.0.1:1", true);
    for (int i = 0; i < 200; i++) {
        dd_auto_str name = dd_sprintf("app-%d", i);
        apply_task(stack, name, "commit: true");
    }
    dd_auto_str file = dd_path_join(stack->directory, "drydock.yaml");
    const char *const argv[] = {"/proc/self/exe", "matcher", file, "mortal", NULL};
    free(push(stack, "d-1", "main", COMMIT_B));
    listen_to(stack, "runs");
    pid_t mortal = start(stack->directory, argv, -1);
    await(stack, "zadd", 20);
    kill_and_wait(mortal);
    dd_auto_str made = redis(stack, "ZCARD {drydock}:runs");
    print_message("%s of 200 runs were made before the death\n", made);
    listen_to(stack, "event:*");
    matcher_new(stack, "heir");
    stack->matcher->times.min_idle_ms = 1;
    matcher_start(stack);
    await_settled(stack, 1);
    assert_redis(stack, "200", "ZCARD {drydock}:runs");
    assert_runs(stack, "app-0", "1");
    assert_runs(stack, "app-199", "1");
    assert_nothing_pending(stack);
    stack_down(stack);
}

static void a_redis_that_dies_and_comes_back_loses_no_event(void **state)
{
    (void)state;
    struct stack *stack = stack_up("127.0.0.1:1", true);
    apply_task(stack, "app", "commit: true");
    free(push(stack, "d-1", "main", COMMIT_B));
    matcher_start(stack);
    await_settled(stack, 1);
    kill_and_wait(stack->redis);
    start_redis(stack);
    open_store(stack);
    listen_to(stack, "event:*");
    free(push(stack, "d-2", "main", COMMIT_A));
    await_settled(stack, 1);
    assert_runs(stack, "app", "2");
    assert_nothing_pending(stack);
    stack_down(stack);
}

static void a_redis_that_lost_everything_is_prepared_again(void **state)
{
    (void)state;
    struct stack *stack = stack_up("127.0.0.1:1", true);
    matcher_start(stack);
    free(push(stack, "d-1", "main", COMMIT_B));
    await_settled(stack, 1);
    free(redis(stack, "FLUSHALL"));
    apply_task(stack, "app", "commit: true");
    free(push(stack, "d-1", "main", COMMIT_B));
    await_settled(stack, 1);
    assert_runs(stack, "app", "1");
    stack_down(stack);
}

static void stopping_ends_a_wait_for_a_redis_that_is_away(void **state)
{
    (void)state;
    struct stack *stack = stack_up("127.0.0.1:1", true);
    matcher_start(stack);
    kill_and_wait(stack->redis);
    stack->redis = 0;
    int64_t began_ms = dd_monotonic_ms();
    matcher_stop(stack);
    assert_true(dd_monotonic_ms() - began_ms < 4000);
    stack_down(stack);
}

/* ======== Base images ======== */

static char *answer_digest(const char *head, void *context)
{
    (void)head;
    return dd_sprintf("HTTP/1.1 200 OK\r\nDocker-Content-Digest: %s\r\n\r\n", (const char *)context);
}

static void a_patched_base_image_makes_a_run_once_and_the_same_digest_makes_none(void **state)
{
    (void)state;
    test_registry registry;
    char path[] = "/tmp/drydock-registry.XXXXXX";
    assert_non_null(mkdtemp(path));
    test_registry_start(&registry, path, (test_registry_options){0});
    dd_auto_str old = test_registry_push(&registry, "team/base", "1", "old");
    struct stack *stack = stack_up(registry.host, true);
    apply_task(stack, "app", "base_image: {type: runtime}");
    built_from(stack, "app", "ca0", old, "runtime");
    matcher_start(stack);
    dd_auto_str same = push_image(stack, "e-1", old);
    await_settled(stack, 1);
    assert_why(stack, same, "app: its last run was built from this digest");
    assert_runs(stack, "app", "0");
    dd_auto_str patched = test_registry_push(&registry, "team/base", "1", "patched");
    /* What the notification says of the digest is not believed. */
    free(push_image(stack, "e-2", DIGEST_1));
    dd_auto_str second = push_image(stack, "e-3", patched);
    await_settled(stack, 2);
    assert_runs(stack, "app", "1");
    dd_auto_str image = dd_sprintf("%s/team/base:1@%s", registry.host, patched);
    assert_field(stack, "app", "image", image);
    assert_field(stack, "app", "trigger", "base_image");
    assert_field(stack, "app", "priority", "low");
    assert_field(stack, "app", "commit", "");
    assert_field(stack, "app", "ref", "refs/heads/main");
    assert_field(stack, "app", "branch", "main");
    assert_field(stack, "app", "clone_url", APP);
    assert_redis(stack, patched, "HGET {drydock}:image:%s/team/base:1 digest", registry.host);
    assert_verdict(stack, second, "made before: 1");
    stack_down(stack);
    test_registry_stop(&registry);
    dd_remove_tree(path, NULL);
}

/* Of one kind, the settings decide whether the body was signed. */
static void a_digest_is_believed_of_a_sender_whose_settings_sign_bodies_and_of_no_other(void **state)
{
    (void)state;
    char digest[] = DIGEST_2;
    test_answers *answers = test_answers_start(answer_digest, digest);
    struct stack *stack = stack_up(test_answers_host(answers), true);
    apply_task(stack, "app", "base_image: {type: runtime}");
    built_from(stack, "app", "ca0", DIGEST_2, "runtime");
    matcher_start(stack);
    dd_auto_str unsigned_one = push_image_by(stack, "bearer", "artifactory", "e-1", DIGEST_1);
    dd_auto_str removed = push_image_by(stack, "gone", "artifactory", "e-2", DIGEST_1);
    await_settled(stack, 2);
    assert_int_equal(test_answers_count(answers), 2);
    assert_why(stack, unsigned_one, "app: its last run was built from this digest");
    assert_why(stack, removed, "app: its last run was built from this digest");
    assert_runs(stack, "app", "0");
    free(push_image_by(stack, "signed", "artifactory", "e-3", DIGEST_1));
    await_settled(stack, 1);
    assert_int_equal(test_answers_count(answers), 2);
    assert_runs(stack, "app", "1");
    stack_down(stack);
    test_answers_stop(answers);
}

static void a_push_without_a_digest_gets_it_from_the_registry_even_where_none_are_confirmed(void **state)
{
    (void)state;
    char digest[] = DIGEST_2;
    test_answers *answers = test_answers_start(answer_digest, digest);
    struct stack *stack = stack_up(test_answers_host(answers), false);
    apply_task(stack, "app", "base_image: {type: runtime}");
    built_from(stack, "app", "ca0", DIGEST_1, "runtime");
    matcher_start(stack);
    free(push_image_by(stack, "signed", "artifactory", "e-1", NULL));
    await_settled(stack, 1);
    assert_int_equal(test_answers_count(answers), 1);
    dd_auto_str image = dd_sprintf("%s/team/base:1@" DIGEST_2, test_answers_host(answers));
    assert_field(stack, "app", "image", image);
    stack_down(stack);
    test_answers_stop(answers);
}

static void only_tasks_whose_trigger_takes_the_edge_are_built_again(void **state)
{
    (void)state;
    char digest[] = DIGEST_2;
    test_answers *answers = test_answers_start(answer_digest, digest);
    struct stack *stack = stack_up(test_answers_host(answers), true);
    apply_task(stack, "runtime", "base_image: {type: runtime}");
    apply_task(stack, "all", "base_image: {type: all}");
    apply_task(stack, "none", "commit: true");
    built_from(stack, "runtime", "ca0", DIGEST_1, "buildtime");
    built_from(stack, "all", "ca0", DIGEST_1, "buildtime");
    built_from(stack, "none", "ca0", DIGEST_1, "runtime");
    matcher_start(stack);
    dd_auto_str event = push_image(stack, "e-1", DIGEST_2);
    await_settled(stack, 1);
    assert_runs(stack, "runtime", "0");
    assert_runs(stack, "all", "1");
    assert_runs(stack, "none", "0");
    assert_why(stack, event, "runtime: the image is used while building only");
    assert_why(stack, event, "none: the task has no base_image trigger");
    stack_down(stack);
    test_answers_stop(answers);
}

static void a_base_image_that_goes_back_to_an_older_digest_is_news_again(void **state)
{
    (void)state;
    struct stack *stack = stack_up("127.0.0.1:1", false); /* the settings trust this registry's word */
    apply_task(stack, "app", "base_image: {type: runtime}");
    built_from(stack, "app", "ca0", DIGEST_1, "runtime");
    matcher_start(stack);
    free(push_image(stack, "e-1", DIGEST_2));
    await_settled(stack, 1);
    assert_runs(stack, "app", "1");
    built_from(stack, "app", "ca1", DIGEST_2, "runtime");
    free(push_image(stack, "e-2", DIGEST_1));
    await_settled(stack, 1);
    assert_runs(stack, "app", "2");
    built_from(stack, "app", "ca2", DIGEST_1, "runtime");
    free(push_image(stack, "e-3", DIGEST_2));
    await_settled(stack, 1);
    assert_runs(stack, "app", "3");
    stack_down(stack);
}

static void an_image_that_nobody_was_built_from_asks_no_registry(void **state)
{
    (void)state;
    char digest[] = DIGEST_2;
    test_answers *answers = test_answers_start(answer_digest, digest);
    struct stack *stack = stack_up(test_answers_host(answers), true);
    matcher_start(stack);
    dd_auto_str event = push_image(stack, "e-1", DIGEST_2);
    await_settled(stack, 1);
    assert_verdict(stack, event, "no task was built from");
    assert_int_equal(test_answers_count(answers), 0);
    stack_down(stack);
    test_answers_stop(answers);
}

static char *answer_text(const char *head, void *context)
{
    (void)head;
    return dd_strdup(context);
}

static void a_digest_that_the_registry_does_not_confirm_makes_no_run(void **state)
{
    (void)state;
    static const char *const refusals[] = {"HTTP/1.1 404 None\r\n\r\n", "HTTP/1.1 403 No\r\n\r\n",
                                           "HTTP/1.1 200 OK\r\nDocker-Content-Digest: x\r\n\r\n"};
    for (size_t i = 0; i < DD_COUNT(refusals); i++) {
        dd_auto_str text = dd_strdup(refusals[i]);
        test_answers *answers = test_answers_start(answer_text, text);
        struct stack *stack = stack_up(test_answers_host(answers), true);
        apply_task(stack, "app", "base_image: {type: runtime}");
        built_from(stack, "app", "ca0", DIGEST_1, "runtime");
        matcher_start(stack);
        dd_auto_str event = push_image(stack, "e-1", DIGEST_2);
        await_settled(stack, 1);
        assert_verdict(stack, event, "is not confirmed");
        assert_runs(stack, "app", "0");
        stack_down(stack);
        test_answers_stop(answers);
    }
}

/* ---- A registry that is away ---- */

/* Its third answer is the first with the new digest. */
struct moving {
    atomic_int asked;
    const char *digest;
};

static char *answer_moving(const char *head, void *context)
{
    struct moving *moving = context;
    (void)head;
    return dd_sprintf("HTTP/1.1 200 OK\r\nDocker-Content-Digest: %s\r\n\r\n",
                      moving->asked++ < 2 ? moving->digest : DIGEST_2);
}

struct flaky {
    pthread_mutex_t lock;
    bool back;
};

static char *answer_once_back(const char *head, void *context)
{
    (void)head;
    struct flaky *flaky = context;
    pthread_mutex_lock(&flaky->lock);
    bool back = flaky->back;
    pthread_mutex_unlock(&flaky->lock);
    return dd_strdup(back ? "HTTP/1.1 200 OK\r\nDocker-Content-Digest: " DIGEST_2 "\r\n\r\n"
                          : "HTTP/1.1 503 Later\r\n\r\n");
}

/* docker-registry sends its notification before the tag has moved. */
static void a_tag_that_moves_just_after_its_notification_is_waited_for(void **state)
{
    (void)state;
    struct moving moving = {.digest = DIGEST_1};
    test_answers *answers = test_answers_start(answer_moving, &moving);
    struct stack *stack = stack_up(test_answers_host(answers), true);
    apply_task(stack, "app", "base_image: {type: runtime}");
    built_from(stack, "app", "ca0", DIGEST_1, "runtime");
    matcher_new(stack, "one");
    stack->matcher->times.settle_ms = 20000;
    matcher_start(stack);
    dd_auto_str event = push_image(stack, "e-1", DIGEST_2);
    await_settled(stack, 1);
    assert_verdict(stack, event, "runs made: 1");
    assert_redis(stack, DIGEST_2, "HGET {drydock}:image:%s/team/base:1 digest", test_answers_host(answers));
    stack_down(stack);
    test_answers_stop(answers);
}

static void an_event_waits_for_its_registry_and_commits_do_not_wait_for_it(void **state)
{
    (void)state;
    struct flaky flaky = {.lock = PTHREAD_MUTEX_INITIALIZER};
    test_answers *answers = test_answers_start(answer_once_back, &flaky);
    struct stack *stack = stack_up(test_answers_host(answers), true);
    apply_task(stack, "app", "commit: true, base_image: {type: runtime}");
    built_from(stack, "app", "ca0", DIGEST_1, "runtime");
    matcher_start(stack);
    dd_auto_str image = push_image(stack, "e-1", DIGEST_2);
    dd_auto_str commit = push(stack, "d-1", "main", COMMIT_B);
    await_settled(stack, 1);
    assert_verdict(stack, commit, "runs made: 1");
    assert_redis(stack, "1", "XPENDING {drydock}:events matchers");
    pthread_mutex_lock(&flaky.lock);
    flaky.back = true;
    pthread_mutex_unlock(&flaky.lock);
    await_settled(stack, 1);
    assert_verdict(stack, image, "runs made: 1");
    assert_nothing_pending(stack);
    stack_down(stack);
    test_answers_stop(answers);
}

static void an_event_whose_registry_stays_away_is_settled_with_that_and_no_run(void **state)
{
    (void)state;
    struct stack *stack = stack_up("127.0.0.1:1", true);
    apply_task(stack, "app", "base_image: {type: runtime}");
    built_from(stack, "app", "ca0", DIGEST_1, "runtime");
    matcher_new(stack, "one");
    stack->matcher->times.retry_for_ms = 50;
    matcher_start(stack);
    dd_auto_str event = push_image(stack, "e-1", DIGEST_2);
    await_settled(stack, 1);
    assert_verdict(stack, event, "the digest is not confirmed");
    assert_runs(stack, "app", "0");
    assert_nothing_pending(stack);
    stack_down(stack);
}

/* ======== The matcher that dies ======== */

static int mortal_main(const char *file, const char *name)
{
    dd_auto(dd_settings) settings = NULL;
    dd_auto(dd_matcher) matcher = NULL;
    dd_auto(dd_error) why = NULL;
    if (dd_settings_load(file, &settings, &why) < 0 || dd_matcher_new(settings, name, &matcher, &why) < 0 ||
        dd_matcher_run(matcher, &why) < 0) {
        fprintf(stderr, "%s\n", why->message);
        return 1;
    }
    return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(a_push_makes_one_run_that_says_what_it_is),
        TEST(the_same_delivery_twice_and_the_same_commit_again_make_one_run),
        TEST(an_event_that_cannot_be_read_is_settled_with_what_is_wrong),
        TEST(a_task_that_cannot_be_read_is_no_other_tasks_harm),
        TEST(what_no_trigger_takes_says_so_for_each_task_of_the_repository),
        TEST(a_replay_makes_only_the_runs_that_were_not_made),
        TEST(a_forced_replay_makes_each_run_anew_and_once_though_it_is_matched_twice),
        TEST(a_forced_replay_builds_an_image_again_of_the_digest_it_has),
        TEST(what_a_dead_matcher_left_is_taken_over),
        TEST(what_a_matcher_left_under_its_own_name_is_taken_up_at_once),
        TEST(a_matcher_killed_between_runs_leaves_none_out_and_none_twice),
        TEST(a_redis_that_dies_and_comes_back_loses_no_event),
        TEST(a_redis_that_lost_everything_is_prepared_again),
        TEST(stopping_ends_a_wait_for_a_redis_that_is_away),
        TEST(a_patched_base_image_makes_a_run_once_and_the_same_digest_makes_none),
        TEST(a_digest_is_believed_of_a_sender_whose_settings_sign_bodies_and_of_no_other),
        TEST(a_push_without_a_digest_gets_it_from_the_registry_even_where_none_are_confirmed),
        TEST(only_tasks_whose_trigger_takes_the_edge_are_built_again),
        TEST(a_base_image_that_goes_back_to_an_older_digest_is_news_again),
        TEST(an_image_that_nobody_was_built_from_asks_no_registry),
        TEST(a_digest_that_the_registry_does_not_confirm_makes_no_run),
        TEST(a_tag_that_moves_just_after_its_notification_is_waited_for),
        TEST(an_event_waits_for_its_registry_and_commits_do_not_wait_for_it),
        TEST(an_event_whose_registry_stays_away_is_settled_with_that_and_no_run),
    };
    if (argc == 4 && dd_str_eq(argv[1], "matcher"))
        return mortal_main(argv[2], argv[3]);
    dd_log_set_level(DD_LOG_ERROR);
    signal(SIGPIPE, SIG_IGN); /* as every service does: a Redis that is gone is an error, not the end */
    if (argc == 2)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
