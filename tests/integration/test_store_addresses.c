/* The store on Redis in each form in which it is run: users and databases, TLS, replicas, sentinels whose
 * master dies, and a cluster whose slot moves. All on loopback ports of the test's own. */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <event2/event.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PREFIX      "{drydock}:"
#define PATIENCE_MS 30000
#define NODES_MAX   8

/* README's line for Redis's ACL, which must do for all that is called. */
#define ACL                                                                                                  \
    "user drydock on >secret ~{drydock}:* &{drydock}:* -@all +@read +@write +@stream +@scripting +@pubsub "  \
    "+@connection +@transaction +wait +role +time +cluster|slots"

typedef struct node {
    pid_t pid;
    int port;
    char *directory;
    redisContext *link; /* for looking in from outside, while there is no TLS */
} node;

static struct stack {
    char directory[64];
    node nodes[NODES_MAX];
    size_t count;
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

/* ======== Processes ======== */

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    dd_auto_fd fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    return ntohs(address.sin_port);
}

static void pause_ms(int ms)
{
    (void)poll(NULL, 0, ms);
}

/* Wait for what another process says by itself, looking now and then. */
#define await(condition)                                                                                     \
    do {                                                                                                     \
        int64_t until_ms = dd_monotonic_ms() + PATIENCE_MS;                                                  \
        while (!(condition)) {                                                                               \
            assert_true(dd_monotonic_ms() < until_ms);                                                       \
            pause_ms(20);                                                                                    \
        }                                                                                                    \
    } while (false)

static bool answers(node *n)
{
    if (n->link)
        redisFree(n->link);
    n->link = redisConnect("127.0.0.1", n->port);
    redisReply *reply = n->link && !n->link->err ? redisCommand(n->link, "PING") : NULL;
    bool well = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    return well;
}

static bool accepts(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    dd_auto_fd fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

/* `config` is redis.conf's text, behind what all have. It ends with this program, however that ends. */
static node *start(const char *config, bool sentinel, bool tls)
{
    assert_true(up.count < NODES_MAX);
    node *n = &up.nodes[up.count++];
    dd_auto(dd_error) why = NULL;
    n->port = free_port();
    n->directory = dd_sprintf("%s/%zu", up.directory, up.count);
    assert_int_equal(mkdir(n->directory, 0700), 0);
    dd_auto_str text =
        dd_sprintf("bind 127.0.0.1\n%s %d\n%s\nlogfile log\nsave \"\"\nrepl-diskless-sync-delay 0\n%s\n",
                   tls ? "port 0\ntls-port" : "port", n->port, sentinel ? "" : "appendonly no", config);
    dd_auto_str path = dd_sprintf("%s/redis.conf", n->directory);
    must(dd_write_file(path, text, strlen(text), 0600, &why), why);
    const char *const argv[] = {
        "setpriv", "--pdeathsig", "KILL", "redis-server", "redis.conf", sentinel ? "--sentinel" : NULL, NULL};
    dd_spawn spawn = DD_SPAWN_INIT;
    spawn.argv = argv;
    spawn.directory = n->directory;
    must(dd_spawn_start(&spawn, &n->pid, &why), why);
    await(tls ? accepts(n->port) : answers(n));
    return n;
}

static void stop(node *n)
{
    if (n->link)
        redisFree(n->link);
    n->link = NULL;
    if (n->pid > 0) {
        kill(n->pid, SIGKILL);
        waitpid(n->pid, NULL, 0);
    }
    n->pid = 0;
}

static int run(const char *directory, const char *const *argv)
{
    dd_spawn spawn = DD_SPAWN_INIT;
    dd_spawn_result result = {0};
    dd_auto(dd_error) why = NULL;
    spawn.argv = argv;
    spawn.directory = directory;
    must(dd_spawn_wait(&spawn, 100000, PATIENCE_MS, &result, &why), why);
    int code = result.exit_code;
    if (code)
        fprintf(stderr, "%s: %s%s\n", argv[0], result.output->data, result.error->data);
    dd_spawn_result_done(&result);
    return code;
}

/* What a node answers as one text: numbers and lists written out. */
static void write_reply(dd_buf *to, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_INTEGER)
        dd_buf_printf(to, "%lld", reply->integer);
    else if (reply->str)
        dd_buf_add_str(to, reply->str);
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        write_reply(to, reply->element[i]);
        dd_buf_add_char(to, ' ');
    }
}

static char *tell(node *n, const char *format, ...) DD_PRINTF(2, 3);
static char *tell(node *n, const char *format, ...)
{
    dd_buf text = {0};
    va_list args;
    if (!answers(n)) /* on a connection of its own: failovers close those that there are */
        fail_msg("the node at port %d is gone", n->port);
    va_start(args, format);
    redisReply *reply = redisvCommand(n->link, format, args);
    va_end(args);
    assert_non_null(reply);
    write_reply(&text, reply);
    freeReplyObject(reply);
    return dd_buf_steal(&text);
}

static bool says(char *text, const char *part)
{
    bool has = strstr(text, part) != NULL;
    free(text);
    return has;
}

/* ======== The stores ======== */

static dd_settings *settings_for(const char *more)
{
    dd_settings *settings = NULL;
    dd_auto(dd_error) why = NULL;
    dd_auto_str text = dd_sprintf("redis:\n%s", more);
    must(dd_settings_parse(text, strlen(text), "test", up.directory, NULL, &settings, &why), why);
    return settings;
}

static void use(const char *format, ...) DD_PRINTF(1, 2);
static void use(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    dd_auto_str more = dd_vsprintf(format, args);
    va_end(args);
    dd_settings_freep(&up.settings);
    up.settings = settings_for(more);
}

static void turn_until_ms(int64_t until_ms)
{
    struct timeval slice = {.tv_usec = 10000};
    assert_true(dd_monotonic_ms() < until_ms);
    event_base_loopexit(up.base, &slice);
    event_base_dispatch(up.base);
}

#define turn_until(condition)                                                                                \
    do {                                                                                                     \
        int64_t until_ms = dd_monotonic_ms() + PATIENCE_MS;                                                  \
        while (!(condition))                                                                                 \
            turn_until_ms(until_ms);                                                                         \
    } while (false)

static void open_both(void)
{
    dd_auto(dd_error) why = NULL;
    dd_store_async_freep(&up.async);
    dd_store_freep(&up.store);
    must(dd_store_open(up.settings, &up.store, &why), why);
    must(dd_store_async_new(up.base, up.settings, &up.async, &why), why);
    turn_until(dd_store_async_ready(up.async));
}

/* Neither connects; the blocking one's error. */
static dd_error *refusal(void)
{
    dd_error *why = NULL;
    dd_store_async_freep(&up.async);
    dd_store_freep(&up.store);
    assert_int_equal(dd_store_open(up.settings, &up.store, &why), -1);
    assert_non_null(why);
    return why;
}

static void assert_refused(dd_code code, const char *message, const char *hint)
{
    dd_auto(dd_error) why = refusal();
    if (why->code != code || !strstr(why->message, message) ||
        (hint && (!why->hint || !strstr(why->hint, hint))))
        fail_msg("%s: %s (%s)", dd_code_name(why->code), why->message, why->hint ? why->hint : "");
}

typedef struct outcome {
    int answers;
    dd_code code;
    bool duplicate;
    char *message; /* of the error */
} outcome;

static void note(redisReply *reply, const dd_error *error, void *context)
{
    outcome *o = context;
    dd_accepted accepted;
    dd_auto(dd_error) why = NULL;
    o->answers++;
    o->code = error ? error->code : (dd_code)0;
    if (error)
        o->message = dd_strdup(error->message);
    else if (dd_accept_reply(reply, &accepted, &why) == 0)
        o->duplicate = accepted.duplicate;
    else if (reply->type == REDIS_REPLY_ERROR)
        o->code = why->code;
}

static void ask(dd_command *command, outcome *ret)
{
    *ret = (outcome){0};
    dd_store_async_call(up.async, command, false, note, ret);
}

static dd_code answer_of(dd_command *command)
{
    outcome o;
    ask(command, &o);
    turn_until(o.answers);
    if (o.code)
        fprintf(stderr, "async: %s\n", o.message);
    free(o.message);
    return o.code;
}

/* Takes the command. */
static dd_code code_of(dd_command *command)
{
    dd_auto(dd_error) why = NULL;
    redisReply *reply = NULL;
    dd_code code = (dd_code)0;
    if (dd_store_call(up.store, command, &reply, &why) < 0)
        code = why->code;
    else if (reply->type == REDIS_REPLY_ERROR)
        code = DD_ERR_INTERNAL;
    if (code)
        fprintf(stderr, "blocking: %s\n", why ? why->message : reply->str);
    freeReplyObject(reply);
    dd_command_free(command);
    return code;
}

static dd_command *delivery(const char *id)
{
    dd_auto(dd_fields) event = dd_fields_new();
    dd_fields_set(event, "kind", "push");
    return dd_accept_request(PREFIX, up.settings, "github", id, event, NULL);
}

static dd_command *numbered_delivery(int number)
{
    dd_auto_str id = dd_sprintf("n-%d", number);
    return delivery(id);
}

static dd_command *set_key(const char *key)
{
    dd_command *set = dd_command_new("SET");
    dd_command_key(set, key);
    dd_command_arg(set, "x");
    return set;
}

static int setup(void **state)
{
    (void)state;
    strcpy(up.directory, "/tmp/drydock-redis.XXXXXX");
    assert_non_null(mkdtemp(up.directory));
    up.base = event_base_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dd_store_async_freep(&up.async);
    dd_store_freep(&up.store);
    dd_settings_freep(&up.settings);
    for (size_t i = 0; i < up.count; i++) {
        stop(&up.nodes[i]);
        free(up.nodes[i].directory);
    }
    memset(up.nodes, 0, sizeof(up.nodes));
    up.count = 0;
    event_base_free(up.base);
    dd_remove_tree(up.directory, NULL);
    return 0;
}

/* ======== Users ======== */

static void a_user_may_stand_in_the_address_or_in_the_settings(void **state)
{
    (void)state;
    node *n = start("unixsocket s\n" ACL, false, false);
    use("  url: redis://drydock:secret@127.0.0.1:%d/0\n", n->port);
    open_both();
    assert_int_equal(code_of(delivery("1")), 0);
    use("  url: unix://%s/s?user=drydock&password=secret\n", n->directory);
    open_both();
    assert_int_equal(answer_of(delivery("2")), 0);
    use("  url: unix://%s/s\n  username: drydock\n  password: secret\n", n->directory);
    open_both();
    assert_int_equal(answer_of(delivery("3")), 0);
    use("  url: redis://127.0.0.1:%d\n  username: drydock\n  password: wrong\n", n->port);
    assert_refused(DD_ERR_DENIED, "WRONGPASS", "redis.password");
    free(tell(n, "ACL SETUSER drydock -xadd"));
    use("  url: redis://drydock:secret@127.0.0.1:%d\n", n->port);
    open_both();
    assert_int_equal(code_of(delivery("4")), DD_ERR_DENIED);
    assert_int_equal(answer_of(delivery("4")), DD_ERR_DENIED);
}

static redisReply *reply_of(dd_command *command)
{
    dd_auto(dd_error) why = NULL;
    redisReply *reply = NULL;
    must(dd_store_call(up.store, command, &reply, &why), why);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    dd_command_free(command);
    return reply;
}

static void do_well(dd_command *command)
{
    freeReplyObject(reply_of(command));
}

static void the_acl_of_the_readme_does_for_a_runs_whole_life(void **state)
{
    dd_auto(dd_error) why = NULL;
    dd_auto(dd_strv) causes = dd_strv_new();
    dd_auto(dd_fields) fields = dd_fields_new();
    dd_lease lease = {.run = "ca1", .number = 1};
    (void)state;
    node *n = start(ACL, false, false);
    use("  url: redis://drydock:secret@127.0.0.1:%d\n", n->port);
    open_both();
    dd_store_async_subscribe(up.async, PREFIX "control", NULL, NULL);
    must(dd_store_prepare(up.store, up.settings, &why), why);
    dd_strv_add(causes, "c");
    dd_fields_set(fields, "task", "app");
    do_well(delivery("1"));
    do_well(dd_task_apply_request(PREFIX, "app", "github.com/o/r", "yaml", NULL));
    do_well(dd_create_run_request(PREFIX, up.settings, "app", "default", "normal", causes, fields));
    do_well(dd_claim_request(PREFIX, "default", "w1", 60000));
    do_well(dd_beat_request(PREFIX, "w1", fields, 60000, &lease, 1));
    do_well(dd_update_request(PREFIX, lease, DD_RUN_RUNNING, fields));
    do_well(dd_log_request(PREFIX, lease, 1, (const dd_fields *const *)&fields, 1));
    do_well(dd_cancel_request(PREFIX, up.settings, "ca1", "me"));
    do_well(dd_finish_request(PREFIX, up.settings, lease, DD_RUN_CANCELED, fields, NULL, 0, false));
    do_well(dd_expire_request(PREFIX, up.settings, 10));
    must(dd_store_leave(up.store, "default", "w1", &why), why);
    do_well(dd_task_delete_request(PREFIX, "app"));
    turn_until(says(tell(n, "PUBSUB NUMSUB %s", PREFIX "control"), " 1 "));
    use("  url: redis://drydock:secret@127.0.0.1:%d\n  prefix: \"other:\"\n", n->port);
    open_both();
    assert_int_equal(code_of(set_key("other:x")), DD_ERR_DENIED);
}

/* ======== TLS ======== */

static void make_certificate(const char *name, const char *subject)
{
    dd_auto_str key = dd_sprintf("%s.key", name);
    dd_auto_str cert = dd_sprintf("%s.pem", name);
    const char *const argv[] = {
        "openssl", "req",         "-x509",   "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes",  "-keyout",     key,       "-out",    cert, "-days",    "2",
        "-subj",   "/CN=drydock", "-addext", subject,   NULL};
    assert_int_equal(run(up.directory, argv), 0);
}

static node *start_tls(const char *name, const char *clients, const char *more)
{
    dd_auto_str config = dd_sprintf("tls-cert-file ../%s.pem\ntls-key-file ../%s.key\n"
                                    "tls-ca-cert-file ../client.pem\ntls-auth-clients %s\n%s",
                                    name, name, clients, more);
    return start(config, false, true);
}

static void over_tls_only_the_right_server_is_spoken_to(void **state)
{
    (void)state;
    make_certificate("server", "subjectAltName=IP:127.0.0.1");
    make_certificate("named", "subjectAltName=DNS:redis.example");
    make_certificate("client", "subjectAltName=DNS:client");
    node *n = start_tls("server", "no", "");
    use("  url: rediss://127.0.0.1:%d\n  ca_file: server.pem\n", n->port);
    open_both();
    assert_int_equal(code_of(delivery("1")), 0);
    assert_int_equal(answer_of(delivery("2")), 0);
    use("  url: rediss://127.0.0.1:%d\n", n->port); /* the system's authorities do not know it */
    assert_refused(DD_ERR_DENIED, "certificate", "redis.ca_file");
    use("  url: rediss://127.0.0.1:%d\n  ca_file: named.pem\n", n->port);
    assert_refused(DD_ERR_DENIED, "certificate", "redis.ca_file");
    use("  url: redis://127.0.0.1:%d\n", n->port);
    assert_refused(DD_ERR_UNAVAILABLE, "Redis at", NULL);
    use("  url: rediss://127.0.0.1:%d\n  ca_file: nosuch.pem\n", n->port);
    assert_refused(DD_ERR_INVALID, "redis.ca_file", NULL);
    n = start_tls("named", "no", "");
    use("  url: rediss://127.0.0.1:%d\n  ca_file: named.pem\n", n->port);
    assert_refused(DD_ERR_DENIED, "certificate", "redis.server_name");
    use("  url: rediss://127.0.0.1:%d\n  ca_file: named.pem\n  server_name: redis.example\n", n->port);
    open_both();
    assert_int_equal(answer_of(delivery("1")), 0);
}

static void a_redis_that_asks_for_our_certificate_gets_it(void **state)
{
    (void)state;
    make_certificate("server", "subjectAltName=IP:127.0.0.1");
    make_certificate("client", "subjectAltName=DNS:client");
    node *n = start_tls("server", "yes", "");
    use("  url: rediss://127.0.0.1:%d\n  ca_file: server.pem\n", n->port);
    assert_refused(DD_ERR_UNAVAILABLE, "Redis at", "redis.cert");
    use("  url: rediss://127.0.0.1:%d\n  ca_file: server.pem\n  cert: client.pem\n  key: client.key\n",
        n->port);
    open_both();
    assert_int_equal(answer_of(delivery("1")), 0);
    kill(n->pid, SIGKILL);
    turn_until(!dd_store_async_ready(up.async));
    assert_int_equal(code_of(delivery("1")), DD_ERR_UNAVAILABLE);
}

/* More than a record, than a socket's buffer and than one read, in both directions and on both connections.
 */
static void large_values_pass_tls_as_they_are(void **state)
{
    const size_t size = (size_t)8 << 20;
    outcome many[4];
    (void)state;
    make_certificate("server", "subjectAltName=IP:127.0.0.1");
    make_certificate("client", "subjectAltName=DNS:client");
    node *n = start_tls("server", "no", "");
    use("  url: rediss://127.0.0.1:%d\n  ca_file: server.pem\n  timeout: 30s\n", n->port);
    open_both();
    dd_auto_str big = dd_calloc(size, 1);
    for (size_t i = 0; i < size; i++)
        big[i] = (char)(i * 7 + i / 251);
    for (size_t i = 0; i < DD_COUNT(many); i++) {
        dd_auto_str key = dd_sprintf(PREFIX "big%zu", i);
        dd_command *set = dd_command_new("SET");
        dd_command_key(set, key);
        dd_command_arg_bytes(set, big, size);
        ask(set, &many[i]);
    }
    for (size_t i = 0; i < DD_COUNT(many); i++) {
        turn_until(many[i].answers);
        assert_int_equal(many[i].code, 0);
        dd_auto_str key = dd_sprintf(PREFIX "big%zu", i);
        dd_command *get = dd_command_new("GET");
        dd_command_key(get, key);
        redisReply *reply = reply_of(get);
        assert_int_equal(reply->len, size);
        assert_memory_equal(reply->str, big, size);
        freeReplyObject(reply);
    }
    for (size_t i = 0; i < DD_COUNT(many); i++) {
        dd_command *get = dd_command_new("GET");
        dd_command_key(get, PREFIX "big1");
        ask(get, &many[i]);
    }
    for (size_t i = 0; i < DD_COUNT(many); i++) {
        turn_until(many[i].answers);
        assert_int_equal(many[i].code, 0);
    }
}

/* ======== Replicas ======== */

static node *start_replica(node *master)
{
    dd_auto_str config = dd_sprintf("replicaof 127.0.0.1 %d", master->port);
    node *n = start(config, false, false);
    await(says(tell(n, "INFO replication"), "master_link_status:up"));
    free(tell(master, "SET other x")); /* something to acknowledge, or WAIT has nothing to wait for */
    await(says(tell(master, "WAIT 1 1000"), "1"));
    return n;
}

static void a_delivery_is_taken_when_a_replica_has_it_also_the_second_time(void **state)
{
    outcome many[50];
    (void)state;
    node *master = start("", false, false), *replica = start_replica(master);
    use("  url: redis://127.0.0.1:%d\n  replicas: 1\n  replica_timeout: 500ms\n", master->port);
    open_both();
    assert_int_equal(code_of(delivery("b")), 0);
    for (size_t i = 0; i < DD_COUNT(many); i++)
        ask(numbered_delivery((int)i), &many[i]);
    for (size_t i = 0; i < DD_COUNT(many); i++) {
        turn_until(many[i].answers);
        assert_int_equal(many[i].code, 0);
    }
    assert_true(says(tell(replica, "XLEN " PREFIX "events"), "51"));
    kill(replica->pid, SIGSTOP);
    assert_int_equal(code_of(delivery("c")), DD_ERR_UNAVAILABLE);
    assert_int_equal(answer_of(delivery("d")), DD_ERR_UNAVAILABLE);
    open_both(); /* new connections, on which nothing was written yet: what is known already is not safe yet
                  */
    assert_int_equal(code_of(delivery("c")), DD_ERR_UNAVAILABLE);
    assert_int_equal(answer_of(delivery("d")), DD_ERR_UNAVAILABLE);
    assert_true(dd_store_async_ready(up.async));
    kill(replica->pid, SIGCONT);
    outcome again;
    ask(delivery("d"), &again);
    turn_until(again.answers);
    assert_int_equal(again.code, 0);
    assert_true(again.duplicate);
    assert_int_equal(code_of(delivery("c")), 0);
    assert_true(says(tell(master, "XLEN " PREFIX "events"), "53"));
}

/* ======== Sentinels ======== */

static node *start_sentinel(const node *master, const char *more)
{
    dd_auto_str config = dd_sprintf("sentinel monitor main 127.0.0.1 %d 2\n"
                                    "sentinel down-after-milliseconds main 500\n"
                                    "sentinel failover-timeout main 5000\n%s",
                                    master->port, more);
    return start(config, true, false);
}

/* Deliveries one after the other, each until it is taken; how many tries that took. */
static int deliver_until_taken(int number, bool blocking)
{
    int64_t last_ms = dd_monotonic_ms() + PATIENCE_MS;
    for (int tries = 1;; tries++) {
        outcome o = {0};
        if (blocking) {
            o.code = code_of(numbered_delivery(number));
        } else {
            ask(numbered_delivery(number), &o);
            turn_until(o.answers);
            free(o.message);
        }
        if (o.code == 0)
            return tries;
        assert_int_equal(o.code, DD_ERR_UNAVAILABLE);
        assert_true(dd_monotonic_ms() < last_ms);
        struct timeval pause = {.tv_usec = 50000};
        event_base_loopexit(up.base, &pause);
        event_base_dispatch(up.base);
    }
}

static char *sentinel_url(node *const sentinels[3])
{
    return dd_sprintf("sentinel://127.0.0.1:%d,127.0.0.1:1,127.0.0.1:%d,127.0.0.1:%d/main",
                      sentinels[0]->port, sentinels[1]->port, sentinels[2]->port);
}

static void after_the_masters_death_the_new_one_is_found_by_the_sentinels(void **state)
{
    node *sentinels[3];
    (void)state;
    node *master = start("", false, false), *replica = start_replica(master);
    for (int i = 0; i < 3; i++)
        sentinels[i] = start_sentinel(master, "");
    for (int i = 0; i < 3; i++)
        await(says(tell(sentinels[i], "SENTINEL CKQUORUM main"), "OK 3"));
    dd_auto_str url = sentinel_url(sentinels);
    use("  url: \"%s\"\n", url);
    open_both();
    assert_int_equal(deliver_until_taken(1, false), 1);
    assert_int_equal(deliver_until_taken(2, true), 1);
    await(says(tell(replica, "XLEN " PREFIX "events"), "2"));
    stop(master);
    stop(sentinels[0]); /* two are a majority still */
    deliver_until_taken(3, false);
    deliver_until_taken(4, true);
    deliver_until_taken(1, false);
    assert_true(says(tell(replica, "ROLE"), "master"));
    assert_true(says(tell(replica, "XLEN " PREFIX "events"), "4"));
}

static void one_whom_sentinels_name_but_who_is_no_master_is_not_used(void **state)
{
    (void)state;
    node *master = start("", false, false), *replica = start_replica(master);
    node *sentinel = start_sentinel(replica, "");
    use("  url: sentinel://127.0.0.1:%d/main\n", sentinel->port);
    assert_refused(DD_ERR_UNAVAILABLE, "not the master", NULL);
    use("  url: sentinel://127.0.0.1:%d/other\n", sentinel->port);
    assert_refused(DD_ERR_UNAVAILABLE, "knows no master 'other'", NULL);
}

static void sentinels_may_have_tls_and_a_password_of_their_own(void **state)
{
    (void)state;
    make_certificate("server", "subjectAltName=IP:127.0.0.1");
    make_certificate("client", "subjectAltName=DNS:client");
    node *master = start_tls("server", "no", ACL);
    dd_auto_str config = dd_sprintf("tls-cert-file ../server.pem\ntls-key-file ../server.key\n"
                                    "tls-ca-cert-file ../server.pem\ntls-auth-clients no\n"
                                    "tls-replication yes\nrequirepass guard\n"
                                    "sentinel monitor main 127.0.0.1 %d 1\n",
                                    master->port);
    node *sentinel = start(config, true, true);
    use("  url: sentinel://drydock:secret@127.0.0.1:%d/main\n  tls: true\n  ca_file: server.pem\n"
        "  sentinel_password: guard\n",
        sentinel->port);
    open_both();
    assert_int_equal(code_of(delivery("1")), 0);
    assert_int_equal(answer_of(delivery("2")), 0);
    use("  url: sentinel://drydock:secret@127.0.0.1:%d/main\n  tls: true\n  ca_file: server.pem\n",
        sentinel->port);
    assert_refused(DD_ERR_DENIED, "NOAUTH", NULL);
}

/* ======== A master that became a replica behind the same address ======== */

static void what_a_replica_refuses_is_done_once_it_is_the_master_again(void **state)
{
    outcome o;
    (void)state;
    node *n = start("", false, false);
    use("  url: redis://127.0.0.1:%d\n", n->port);
    open_both();
    assert_int_equal(answer_of(delivery("1")), 0);
    free(tell(n, "REPLICAOF 127.0.0.1 1"));
    ask(delivery("2"), &o);
    turn_until(o.answers);
    assert_int_equal(o.code, DD_ERR_UNAVAILABLE);
    assert_non_null(strstr(o.message, "READONLY"));
    free(o.message);
    assert_int_equal(code_of(delivery("3")), DD_ERR_UNAVAILABLE);
    free(tell(n, "REPLICAOF NO ONE"));
    assert_int_equal(deliver_until_taken(2, false), 1);
    assert_int_equal(deliver_until_taken(3, true), 1);
}

/* ======== A cluster ======== */

static node *start_cluster_node(void)
{
    dd_auto_str config = dd_sprintf("cluster-enabled yes\ncluster-port %d\ncluster-node-timeout 2000\n"
                                    "cluster-require-full-coverage no\n"
                                    "cluster-config-file nodes.conf",
                                    free_port());
    return start(config, false, false);
}

static char *own_id(node *n)
{
    return tell(n, "CLUSTER MYID");
}

static void meet(node *from, node *const *others, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        dd_auto_str bus = tell(others[i], "CONFIG GET cluster-port");
        free(tell(from, "CLUSTER MEET 127.0.0.1 %d %d", others[i]->port, atoi(strchr(bus, ' '))));
    }
}

/* Three masters, the slot of our prefix on the second, and a replica of that. */
static void start_cluster(node *ret[4], int *ret_slot)
{
    for (int i = 0; i < 4; i++)
        ret[i] = start_cluster_node();
    dd_auto_str slot = tell(ret[0], "CLUSTER KEYSLOT " PREFIX "schema");
    *ret_slot = atoi(slot);
    free(tell(ret[0], "CLUSTER ADDSLOTSRANGE 0 %d", *ret_slot - 1));
    free(tell(ret[1], "CLUSTER ADDSLOTSRANGE %d %d", *ret_slot, *ret_slot));
    free(tell(ret[2], "CLUSTER ADDSLOTSRANGE %d 16383", *ret_slot + 1));
    for (int i = 1; i < 4; i++)
        free(tell(ret[i], "CLUSTER SET-CONFIG-EPOCH %d", i + 1));
    meet(ret[0], &ret[1], 3);
    for (int i = 0; i < 4; i++)
        await(says(tell(ret[i], "CLUSTER INFO"), "cluster_state:ok"));
    for (int i = 0; i < 4; i++)
        await(says(tell(ret[i], "CLUSTER INFO"), "cluster_known_nodes:4"));
    dd_auto_str master = own_id(ret[1]);
    await(says(tell(ret[3], "CLUSTER REPLICATE %s", master), "OK"));
    await(says(tell(ret[3], "INFO replication"), "master_link_status:up"));
    for (int i = 0; i < 4; i++)
        await(says(tell(ret[i], "CLUSTER NODES"), "slave"));
}

static void a_clusters_node_with_our_slot_is_found_and_followed(void **state)
{
    node *nodes[4];
    int slot;
    (void)state;
    start_cluster(nodes, &slot);
    use("  url: cluster://127.0.0.1:1,127.0.0.1:%d\n", nodes[0]->port);
    open_both();
    assert_int_equal(deliver_until_taken(1, false), 1);
    assert_int_equal(deliver_until_taken(2, true), 1);
    assert_true(says(tell(nodes[1], "XLEN " PREFIX "events"), "2"));
    /* MOVED: the replica takes over, with all connections left as they are. */
    await(says(tell(nodes[3], "CLUSTER FAILOVER"), "OK"));
    await(says(tell(nodes[3], "ROLE"), "master"));
    await(says(tell(nodes[1], "ROLE"), "slave"));
    assert_int_equal(deliver_until_taken(3, false), 1);
    assert_int_equal(deliver_until_taken(4, true), 1);
    assert_true(says(tell(nodes[3], "XLEN " PREFIX "events"), "4"));
    /* The node that the address names is gone: the others are known by now. */
    stop(nodes[0]);
    free(tell(nodes[3], "CLIENT KILL TYPE normal SKIPME yes"));
    turn_until(!dd_store_async_ready(up.async));
    turn_until(dd_store_async_ready(up.async));
    assert_int_equal(deliver_until_taken(5, false), 1);
    assert_int_equal(deliver_until_taken(6, true), 1);
}

static void what_moves_with_its_slot_is_asked_for_where_it_is(void **state)
{
    node *nodes[4];
    int slot;
    outcome o;
    (void)state;
    start_cluster(nodes, &slot);
    node *from = nodes[1], *to = nodes[2];
    use("  url: cluster://127.0.0.1:%d\n", nodes[0]->port);
    open_both();
    dd_auto_str from_id = own_id(from);
    dd_auto_str to_id = own_id(to);
    free(tell(to, "CLUSTER SETSLOT %d IMPORTING %s", slot, from_id));
    free(tell(from, "CLUSTER SETSLOT %d MIGRATING %s", slot, to_id));
    /* ASK: what is not here (any more) is there. */
    assert_int_equal(code_of(set_key(PREFIX "a")), 0);
    assert_int_equal(answer_of(set_key(PREFIX "b")), 0);
    assert_int_equal(answer_of(set_key(PREFIX "b")), 0);
    assert_true(says(tell(to, "CLUSTER COUNTKEYSINSLOT %d", slot), "2"));
    assert_true(says(tell(from, "CLUSTER COUNTKEYSINSLOT %d", slot), "0"));
    /* TRYAGAIN: a script of several keys waits for the end of the move. */
    ask(delivery("1"), &o);
    for (int i = 0; i < 10; i++)
        turn_until_ms(dd_monotonic_ms() + PATIENCE_MS);
    assert_int_equal(o.answers, 0);
    free(tell(to, "CLUSTER SETSLOT %d NODE %s", slot, to_id));
    free(tell(from, "CLUSTER SETSLOT %d NODE %s", slot, to_id));
    turn_until(o.answers);
    if (o.code)
        fail_msg("%s", o.message);
    assert_int_equal(code_of(delivery("2")), 0);
    assert_true(says(tell(to, "XLEN " PREFIX "events"), "2"));
}

/* ======== Outages ======== */

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        count++;
    return count;
}

static void an_outage_is_one_line_and_its_end_another(void **state)
{
    dd_store_async *more[3];
    dd_auto(dd_buf) text = NULL;
    (void)state;
    node *n = start("", false, false);
    int port = n->port;
    use("  url: redis://127.0.0.1:%d\n", port);
    open_both();
    for (size_t i = 0; i < DD_COUNT(more); i++) {
        must(dd_store_async_new(up.base, up.settings, &more[i], NULL), (dd_error *)NULL);
        turn_until(dd_store_async_ready(more[i]));
    }
    dd_auto_str path = dd_sprintf("%s/stderr", up.directory);
    dd_auto_fd log = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    dd_auto_fd before = dup(2);
    dup2(log, 2);
    stop(n);
    int64_t end_ms = dd_monotonic_ms() + 1500;
    while (dd_monotonic_ms() < end_ms) {
        dd_code code = code_of(delivery("1"));
        turn_until_ms(dd_monotonic_ms() + PATIENCE_MS);
        assert_int_equal(code, DD_ERR_UNAVAILABLE);
    }
    dd_auto_str number = dd_sprintf("%d", port);
    const char *const argv[] = {"setpriv", "--pdeathsig", "KILL",   "redis-server",
                                "--port",  number,        "--save", "",
                                "--bind",  "127.0.0.1",   NULL};
    dd_spawn spawn = DD_SPAWN_INIT;
    spawn.argv = argv;
    spawn.directory = n->directory;
    must(dd_spawn_start(&spawn, &n->pid, NULL), (dd_error *)NULL);
    turn_until(dd_store_async_ready(up.async) && dd_store_async_ready(more[0]) &&
               dd_store_async_ready(more[1]) && dd_store_async_ready(more[2]));
    deliver_until_taken(1, true);
    dup2(before, 2);
    must(dd_buf_read_file(path, 1000000, &text, NULL), (dd_error *)NULL);
    if (count_of(text->data, "connecting again") != 1 || count_of(text->data, "serves again") != 1)
        fail_msg("%s", text->data);
    /* A caller that does not wait is made to: attempts, not turns of its loop. */
    assert_in_range(count_of(text->data, "blocking: "), 2, 15);
    for (size_t i = 0; i < DD_COUNT(more); i++)
        dd_store_async_free(more[i]);
}

#define address_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        address_test(a_user_may_stand_in_the_address_or_in_the_settings),
        address_test(the_acl_of_the_readme_does_for_a_runs_whole_life),
        address_test(over_tls_only_the_right_server_is_spoken_to),
        address_test(a_redis_that_asks_for_our_certificate_gets_it),
        address_test(large_values_pass_tls_as_they_are),
        address_test(a_delivery_is_taken_when_a_replica_has_it_also_the_second_time),
        address_test(after_the_masters_death_the_new_one_is_found_by_the_sentinels),
        address_test(one_whom_sentinels_name_but_who_is_no_master_is_not_used),
        address_test(sentinels_may_have_tls_and_a_password_of_their_own),
        address_test(what_a_replica_refuses_is_done_once_it_is_the_master_again),
        address_test(a_clusters_node_with_our_slot_is_found_and_followed),
        address_test(what_moves_with_its_slot_is_asked_for_where_it_is),
        address_test(an_outage_is_one_line_and_its_end_another),
    };
    signal(SIGPIPE, SIG_IGN); /* as each of our services does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
