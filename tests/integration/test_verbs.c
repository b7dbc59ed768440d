/* The client verbs as users type them, against a real server: what they print and how they exit. */
#include "tests/support/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TASKS                                                                                                \
    "tasks:\n"                                                                                               \
    "  - name: app\n"                                                                                        \
    "    context: https://github.com/org/app.git#main\n"                                                     \
    "    triggers: {commit: true}\n"
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static test_server *live;

static int setup(void **state)
{
    (void)state;
    live = test_server_up((test_server_options){0});
    dd_auto_str tasks = dd_path_join(live->directory, "tasks.yaml");
    return dd_write_file(tasks, TASKS, strlen(TASKS), 0600, NULL);
}

static int teardown(void **state)
{
    (void)state;
    int code = test_server_end(live);
    test_server_down(live);
    live = NULL;
    return code;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fprintf(stderr, "no '%s' in: %s\n", part, text);
    assert_non_null(strstr(text, part));
}

/* Run the verb; its exit code is `code`, its output has `output`, its standard error `error` (NULL:
 * whatever). Returns the output, owned. */
static char *verb(int code, const char *output, const char *error, const char *const *words)
{
    dd_auto(test_verb) ran = test_verb_run(live, words);
    if (ran->code != code)
        fprintf(stderr, "%s %s: exit %d: %s%s\n", words[0], words[1] ? words[1] : "", ran->code, ran->output,
                ran->error);
    assert_int_equal(ran->code, code);
    if (output)
        assert_has(ran->output, output);
    if (error)
        assert_has(ran->error, error);
    return dd_take(ran->output);
}

static void check(int code, const char *output, const char *error, const char *const *words)
{
    free(verb(code, output, error, words));
}

static char *first_line(char *taken)
{
    taken[strcspn(taken, "\n")] = '\0';
    return taken;
}

static void tasks_are_applied_listed_shown_and_deleted(void **state)
{
    (void)state;
    check(0, "task app created\n", NULL, WORDS("task", "apply", "-f", "tasks.yaml"));
    check(0, "task app unchanged\n", NULL, WORDS("task", "apply", "-f", "tasks.yaml"));
    check(0, "\"result\": \"unchanged\"", NULL, WORDS("task", "apply", "-f", "tasks.yaml", "-o", "json"));
    check(0, "NAME  STATUS   POOL     CONTEXT", NULL, WORDS("task", "list"));
    check(0, "app   Enabled  default  https://github.com/org/app.git#main", NULL, WORDS("task", "list"));
    check(0, "name: app", NULL, WORDS("task", "show", "app"));
    check(2, "", "no task 'nobody'", WORDS("task", "show", "nobody"));
    check(2, "", "'a/b' is no name", WORDS("task", "show", "a/b"));
    check(0, "task app deleted\n", NULL, WORDS("task", "delete", "app"));
    check(2, "", "no task", WORDS("task", "delete", "app"));
}

static void a_wrong_tasks_file_is_refused_with_its_place(void **state)
{
    const char *text = "tasks:\n  - name: app\n    contxt: x\n";
    dd_auto_str path = dd_path_join(live->directory, "wrong.yaml");
    (void)state;
    assert_int_equal(dd_write_file(path, text, strlen(text), 0600, NULL), 0);
    check(2, "", "wrong.yaml", WORDS("task", "apply", "-f", "wrong.yaml"));
    check(2, "", "3:5", WORDS("task", "apply", "-f", "wrong.yaml"));
    check(2, "", "No such file", WORDS("task", "apply", "-f", "nothing.yaml"));
    check(2, "", "-f FILE", WORDS("task", "apply"));
}

static void a_run_is_asked_for_shown_and_canceled(void **state)
{
    (void)state;
    check(0, NULL, NULL, WORDS("task", "apply", "-f", "tasks.yaml"));
    dd_auto_str run = first_line(verb(0, "c", NULL, WORDS("task", "run", "app", "--set", "greeting=hi")));
    check(0, run, NULL, WORDS("runs", "list"));
    check(0, "Queued  manual", NULL, WORDS("runs", "list", "--task", "app", "-n", "1"));
    check(0, "values             {\"greeting\":\"hi\"}\n", NULL, WORDS("runs", "show", run));
    check(0, "\"state\": \"Queued\"", NULL, WORDS("runs", "show", run, "-o", "json"));
    check(0, "default  high      1        0", NULL, WORDS("queue"));
    check(0, "WORKER", NULL, WORDS("workers", "list"));
    check(1, "", "has not ended within 1 s", WORDS("runs", "wait", run, "--timeout", "1"));
    check(0, "canceled; it had not started", NULL, WORDS("runs", "cancel", run));
    check(0, "it has ended already", NULL, WORDS("runs", "cancel", run));
    check(1, "", "Canceled: canceled by the API", WORDS("runs", "wait", run));
    check(1, NULL, "Canceled", WORDS("runs", "logs", "-f", run));
    check(2, "", "no run 'czzz'", WORDS("runs", "show", "czzz"));
    check(2, "", "is not KEY=VALUE", WORDS("task", "run", "app", "--set", "greeting"));
}

struct run_end {
    test_server *server;
    pthread_t thread;
};

/* What a worker would do: a line, and the end. */
static void *end_run(void *context)
{
    struct run_end *end = context;
    dd_auto(dd_settings) settings = NULL;
    dd_auto(dd_store) store = NULL;
    dd_auto(dd_claim) claim = NULL;
    dd_auto(dd_fields) line = dd_fields_new();
    dd_auto(dd_fields) result = dd_fields_new();
    dd_auto_str path = dd_path_join(end->server->directory, "drydock.yaml");
    dd_queue_cursor cursor;
    redisReply *reply = NULL;
    dd_assert(dd_settings_load(path, &settings, NULL) == 0 && dd_store_open(settings, &store, NULL) == 0);
    const char *prefix = dd_store_prefix(store);
    test_redis_await(&end->server->redis, "xadd", 1); /* the run is in the queue */
    dd_auto(dd_command) take = dd_claim_request(prefix, "default", "tester", 60000);
    dd_assert(dd_store_call(store, take, &reply, NULL) == 0 &&
              dd_claim_reply(reply, &claim, &cursor, NULL) == 0);
    dd_assert(claim);
    freeReplyObject(reply);
    dd_fields_set(line, "step", "build");
    dd_fields_set(line, "text", "hello \xc3\xa9");
    const dd_lease lease = {.run = claim->run, .number = claim->lease};
    dd_auto(dd_command) log = dd_log_request(prefix, lease, 1, (const dd_fields *const[]){line}, 1);
    dd_assert(dd_store_call(store, log, &reply, NULL) == 0);
    freeReplyObject(reply);
    dd_fields_set(result, "task", "app");
    dd_auto(dd_command) finish =
        dd_finish_request(prefix, settings, lease, DD_RUN_SUCCEEDED, result, NULL, 0, false);
    dd_assert(dd_store_call(store, finish, &reply, NULL) == 0 && dd_leased_reply(reply, NULL) == 0);
    freeReplyObject(reply);
    return NULL;
}

static void following_a_run_prints_its_log_and_exits_by_its_end(void **state)
{
    struct run_end end = {.server = live};
    (void)state;
    check(0, NULL, NULL, WORDS("task", "apply", "-f", "tasks.yaml"));
    test_redis_listen(&live->redis, "queue:default:high");
    assert_int_equal(pthread_create(&end.thread, NULL, end_run, &end), 0);
    dd_auto_str output =
        verb(0, "build | hello \xc3\xa9\n", "Succeeded", WORDS("task", "run", "app", "--follow"));
    pthread_join(end.thread, NULL);
    dd_auto_str run = first_line(dd_strdup(output));
    check(0, "build | hello", "Succeeded", WORDS("runs", "logs", "-f", run));
    check(0, "build | hello", NULL, WORDS("runs", "logs", run));
    check(0, "", "Succeeded", WORDS("runs", "wait", run));
}

static void what_cannot_be_reached_or_is_not_permitted_has_its_exit_code(void **state)
{
    (void)state;
    check(3, "", "127.0.0.1:1", WORDS("task", "list", "--server", "https://127.0.0.1:1"));
    check(1, "", "bearer token", WORDS("task", "list", "--token", "wrong"));
    check(2, "", "https://", WORDS("task", "list", "--server", "http://127.0.0.1:1"));
    check(3, "", "--ca-file", WORDS("task", "list", "--ca-file", "/etc/ssl/certs/ca-certificates.crt"));
    check(2, "", "neither table nor json", WORDS("task", "list", "-o", "xml"));
    test_redis_pause(&live->redis);
    check(3, "", "Redis", WORDS("task", "list"));
    test_redis_resume(&live->redis);
}

/* ---- Events ---- */

#define COMMIT "cccccccccccccccccccccccccccccccccccccccc"

/* Its event's id, once it is matched; owned. */
static char *push(const char *delivery)
{
    dd_auto_str body = test_push_body(COMMIT);
    test_redis_listen(&live->redis, "event:*");
    dd_auto(test_answer) answer = test_push(live, TEST_GITHUB_SECRET, delivery, body);
    assert_int_equal(answer->status, 202);
    test_redis_await(&live->redis, "hset", 1);
    return dd_strdup(test_member(answer, "event"));
}

static void deliveries_are_listed_and_shown_as_they_came(void **state)
{
    (void)state;
    check(0, NULL, NULL, WORDS("task", "apply", "-f", "tasks.yaml"));
    dd_auto_str first = push("d-1");
    dd_auto_str second = push("d-2");
    dd_auto_str body = test_push_body(COMMIT);
    dd_auto_str rows = verb(0, "EVENT", NULL, WORDS("events", "list"));
    assert_has(rows, "github  push  org/app main cccccccccccc  runs made: 1, made before: 0");
    assert_true(strstr(rows, second) < strstr(rows, first)); /* the newest first */
    dd_auto_str older = verb(0, first, NULL, WORDS("events", "list", "--before", second, "-n", "5"));
    assert_null(strstr(older, second));
    check(0, first, NULL, WORDS("events", "list", "--sender", "github", "--kind", "push"));
    check(0, "[]\n", NULL, WORDS("events", "list", "--kind", "tag", "-o", "json"));
    check(0, "[]\n", NULL, WORDS("events", "list", "--sender", "nobody", "-o", "json"));
    check(0, "\"delivery\": \"d-2\"", NULL, WORDS("events", "list", "-o", "json"));
    check(0, "header             X-GitHub-Delivery: d-1\n", NULL, WORDS("events", "show", first));
    check(0, "task               app: commit cccccccccccc", NULL, WORDS("events", "show", first));
    check(0, "\"body_encoding\": \"utf-8\"", NULL, WORDS("events", "show", first, "-o", "json"));
    dd_auto_str shown = verb(0, NULL, "", WORDS("events", "show", first, "--body"));
    assert_string_equal(shown, body);
    check(2, "", "no event '1-0'", WORDS("events", "show", "1-0"));
    check(2, "", "is no event's id", WORDS("events", "show", "ca1"));
    check(2, "", "is no kind of event", WORDS("events", "list", "--kind", "psh"));
    check(2, "", "is no name", WORDS("events", "list", "--sender", "a/b"));
    test_redis_number(&live->redis, "DEL {drydock}:delivery:github:d-1");
    check(1, "", "not kept any more", WORDS("events", "show", first, "--body"));
    check(0, "verdict", NULL, WORDS("events", "show", first));
}

static void why_tells_of_every_task_near_an_event(void **state)
{
    (void)state;
    const char *more = TASKS "  - {name: other, context: \"https://github.com/org/app.git#main\", "
                             "triggers: {commit: {branches: [dev]}}}\n"
                             "  - {name: far, context: \"https://github.com/org/far.git#main\"}\n";
    dd_auto_str path = dd_path_join(live->directory, "more.yaml");
    assert_int_equal(dd_write_file(path, more, strlen(more), 0600, NULL), 0);
    check(0, NULL, NULL, WORDS("task", "apply", "-f", "more.yaml"));
    dd_auto_str event = push("d-1");
    dd_auto_str told = verb(0, "TASK   RUN  WHY\n", NULL, WORDS("events", "why", event));
    assert_has(told, "app    ca1  commit cccccccccccc on branch main\n");
    assert_has(told, "other  -    branch main matches none of the trigger's branches\n");
    assert_has(told, "\nruns made: 1, made before: 0, tasks without a run: 1\n");
    assert_null(strstr(told, "far"));
    dd_auto_str again = push("d-2");
    check(0, "app    ca1 (made before)", NULL, WORDS("events", "why", again));
    check(0, "\"existed\": true", NULL, WORDS("events", "why", again, "-o", "json"));
    check(2, "", "no event", WORDS("events", "why", "1-0"));
    /* A pushed image, of which another tag is built from. */
    test_redis_number(&live->redis, "HSET {drydock}:task:far:bases r.example.com/base:2 %s",
                      "sha256:00 runtime");
    test_redis_listen(&live->redis, "event:*");
    dd_auto_str image = test_redis_text(
        &live->redis,
        "XADD {drydock}:events * kind image_push sender r registry r.example.com repository base "
        "tag 1 delivery i-1");
    test_redis_await(&live->redis, "hset", 1);
    check(0, "far   -    it is built from r.example.com/base:2, not from r.example.com/base:1\n", NULL,
          WORDS("events", "why", image));
}

static void a_replay_makes_what_was_not_made_and_all_of_it_when_forced(void **state)
{
    (void)state;
    dd_auto_str event = push("d-1");
    check(0, "no task has the repository", NULL, WORDS("events", "why", event));
    check(0, NULL, NULL, WORDS("task", "apply", "-f", "tasks.yaml"));
    static const struct {
        const char *force, *verdict;
    } replays[] = {{NULL, "runs made: 1, made before: 0"},
                   {NULL, "runs made: 0, made before: 1"},
                   {"--force", "runs made: 1, made before: 0"},
                   {"--force", "runs made: 1, made before: 0"}};
    for (size_t i = 0; i < DD_COUNT(replays); i++) {
        test_redis_listen(&live->redis, "event:*");
        dd_auto_str again =
            first_line(verb(0, "-", NULL, WORDS("events", "replay", event, replays[i].force)));
        test_redis_await(&live->redis, "hset", 1);
        check(0, replays[i].verdict, NULL, WORDS("events", "why", again));
        dd_auto_str of = dd_sprintf("\"replay_of\": \"%s\"", event);
        check(0, of, NULL, WORDS("events", "show", again, "-o", "json"));
        check(0, "\"body\": ", NULL, WORDS("events", "show", again, "-o", "json"));
    }
    assert_int_equal(test_redis_number(&live->redis, "ZCARD {drydock}:runs:app"), 3);
    check(0, "replay_of", NULL, WORDS("runs", "show", "ca2"));
    check(2, "", "no event", WORDS("events", "replay", "1-0"));
    test_redis_number(&live->redis, "DEL {drydock}:delivery:github:d-1");
    check(1, "", "not kept any more", WORDS("events", "replay", event));
}

static void what_was_ignored_can_be_seen_and_replayed_and_old_entries_too(void **state)
{
    (void)state;
    char hex[DD_SHA256_HEX];
    uint8_t mac[DD_SHA256_BYTES];
    const char *body = "{\"zen\": \"x\", \"hook_id\": 1, \"hook\": {\"id\": 1}}";
    dd_hmac_sha256(TEST_GITHUB_SECRET, strlen(TEST_GITHUB_SECRET), body, strlen(body), mac);
    dd_hex_encode(mac, sizeof(mac), hex);
    dd_auto_str signature = dd_sprintf("X-Hub-Signature-256: sha256=%s", hex);
    const char *const headers[] = {"X-GitHub-Event: ping", "X-GitHub-Delivery: p-1", signature,
                                   "Content-Type: application/json", NULL};
    test_redis_listen(&live->redis, "event:*");
    dd_auto(test_answer) answer = test_request(live, "POST", "/hooks/github", headers, body);
    assert_int_equal(answer->status, 200);
    test_redis_await(&live->redis, "hset", 1);
    dd_auto_str rows =
        verb(0, "ping: the sender says hello", NULL, WORDS("events", "list", "--kind", "ping"));
    const char *line = strchr(rows, '\n') + 1;
    dd_auto_str event = dd_strndup(line, strcspn(line, " "));
    check(0, "ignored            ping\n", NULL, WORDS("events", "show", event));
    check(0, "", "still nothing to do", WORDS("events", "replay", event));
    /* Headers and body in the entry, reasons as lines: as they were kept at first. */
    check(0, NULL, NULL, WORDS("task", "apply", "-f", "tasks.yaml"));
    dd_auto_str push_body = test_push_body(COMMIT);
    test_redis_listen(&live->redis, "event:*");
    dd_auto_str old =
        test_redis_text(&live->redis,
                        "XADD {drydock}:events * kind none sender github delivery d-9 headers %s "
                        "body %s",
                        "X-GitHub-Event: push\nContent-Type: application/json\n"
                        "X-GitHub-Delivery: d-9\n",
                        push_body);
    test_redis_await(&live->redis, "hset", 1);
    test_redis_number(&live->redis, "HSET {drydock}:event:%s why %s", old, "app: run ca9, made before: so\n");
    check(0, "app   ca9 (made before)  so\n", NULL, WORDS("events", "why", old));
    check(0, push_body, NULL, WORDS("events", "show", old, "--body"));
    test_redis_listen(&live->redis, "event:*");
    dd_auto_str again = first_line(verb(0, "-", NULL, WORDS("events", "replay", old)));
    test_redis_await(&live->redis, "hset", 1);
    check(0, "app   ca1  commit cccc", NULL, WORDS("events", "why", again));
}

static void wrong_words_are_met_with_the_nearest(void **state)
{
    (void)state;
    check(2, "", "is 'task list' meant?", WORDS("task", "lst"));
    check(2, "", "is 'render' meant?", WORDS("rendr"));
    check(2, "", "is --limit meant?", WORDS("runs", "list", "--limits", "3"));
    check(2, "", "an argument is missing: drydock runs show RUN", WORDS("runs", "show"));
    check(0, "SYNOPSIS\n  drydock runs show", NULL, WORDS("runs", "show", "--help"));
    check(0, "runs cancel", NULL, WORDS("runs", "--help"));
    check(0, "EXAMPLES", NULL, WORDS("help", "task", "apply"));
    check(0, "drydock " DRYDOCK_VERSION "\n", NULL, WORDS("version"));
    check(0, "drydock VERB --help says more", NULL, WORDS("--help"));
}

static void event_parse_reads_a_saved_delivery_as_a_receiver_would(void **state)
{
    const char *folder = DD_TESTS_DIR "/fixtures/github/push";
    dd_auto_str headers = dd_path_join(folder, "headers.json");
    dd_auto_str body = dd_path_join(folder, "body");
    (void)state;
    check(0, "{\"sender\":\"github\",\"kind\":\"push\",", "",
          WORDS("event", "parse", "--kind", "github", "--headers", headers, "--body", body, "--secret",
                "dev-secret", "-o", "json"));
    check(2, "{\"error\":{\"status\":401,\"message\":\"", "",
          WORDS("event", "parse", "--kind", "github", "--headers", headers, "--body", body, "--secret",
                "other"));
    check(0, "\"kind\":\"push\"", "not verified",
          WORDS("event", "parse", "--kind", "github", "--headers", headers, "--body", body));
    check(2, "", "is this meant: github",
          WORDS("event", "parse", "--kind", "githb", "--headers", headers, "--body", body));
    check(2, "", "are needed", WORDS("event", "parse", "--kind", "github"));
}

int main(int argc, char **argv)
{
    test_server_main(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_ALL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tasks_are_applied_listed_shown_and_deleted, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_tasks_file_is_refused_with_its_place, setup, teardown),
        cmocka_unit_test_setup_teardown(a_run_is_asked_for_shown_and_canceled, setup, teardown),
        cmocka_unit_test_setup_teardown(following_a_run_prints_its_log_and_exits_by_its_end, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_reached_or_is_not_permitted_has_its_exit_code, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(deliveries_are_listed_and_shown_as_they_came, setup, teardown),
        cmocka_unit_test_setup_teardown(why_tells_of_every_task_near_an_event, setup, teardown),
        cmocka_unit_test_setup_teardown(a_replay_makes_what_was_not_made_and_all_of_it_when_forced, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_was_ignored_can_be_seen_and_replayed_and_old_entries_too, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(wrong_words_are_met_with_the_nearest, setup, teardown),
        cmocka_unit_test_setup_teardown(event_parse_reads_a_saved_delivery_as_a_receiver_would, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("verbs", tests, NULL, NULL);
}
