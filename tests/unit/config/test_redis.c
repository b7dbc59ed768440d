/* What redis.url may be, what Redis's errors mean, and how long it is waited between attempts. */
#include "config/store/store_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* The address in one line: form, tls, path, nodes, master, user, password, database. */
static char *summary(const char *url)
{
    static const char *const forms[] = {"single", "sentinel", "cluster"};
    dd_redis_address a;
    dd_buf text = {0};
    if (dd_redis_address_parse(url, &a, NULL) < 0)
        return dd_strdup("refused");
    dd_buf_printf(&text, "%s%s", forms[a.form], a.tls ? " tls" : "");
    if (a.path)
        dd_buf_printf(&text, " path=%s", a.path);
    for (size_t i = 0; i < a.nodes.count; i++)
        dd_buf_printf(&text, " %s|%d", a.nodes.items[i].host, a.nodes.items[i].port);
    if (a.master)
        dd_buf_printf(&text, " master=%s", a.master);
    if (a.username)
        dd_buf_printf(&text, " user=%s", a.username);
    if (a.password)
        dd_buf_printf(&text, " password=%s", a.password);
    if (a.database)
        dd_buf_printf(&text, " db=%lld", (long long)a.database);
    dd_redis_address_done(&a);
    return dd_buf_steal(&text);
}

static void every_form_of_address_is_read(void **state)
{
    static const char *const cases[][2] = {
        {"unix:///run/redis.sock", "single path=/run/redis.sock"},
        {"unix:///r?user=u%26&password=p%3f&db=3", "single path=/r user=u& password=p? db=3"},
        {"redis://h", "single h|6379"},
        {"redis://h:1/2", "single h|1 db=2"},
        {"redis://pw@h", "single h|6379 password=pw"},
        {"redis://u:p%40q@[::1]:7/", "single ::1|7 user=u password=p@q"},
        {"redis://[fe80::1]", "single fe80::1|6379"},
        {"rediss://u:p@h/1", "single tls h|6379 user=u password=p db=1"},
        {"sentinel://a,b:1,[::2]:3/main", "sentinel a|26379 b|1 ::2|3 master=main"},
        {"sentinel://u:p@a/my%20main/4", "sentinel a|26379 master=my main user=u password=p db=4"},
        {"cluster://a,b:1", "cluster a|6379 b|1"},
        {"cluster://:p@a:1,a:1/0", "cluster a|1 password=p"},
    };
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto_str got = summary(cases[i][0]);
        assert_string_equal(got, cases[i][1]);
    }
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "h",
        "http://h",
        "redis:/h",
        "redis://",
        "redis://:1",
        "redis://h:",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:x",
        "redis://h/x",
        "redis://h/-1",
        "redis://h/65536",
        "redis://h/1/2",
        "redis://a,b",
        "redis://[::1",
        "redis://[::1]x",
        "redis://u:%zz@h",
        "redis://u:%00@h",
        "redis://u:p@",
        "unix://h",
        "unix:///s?",
        "unix:///s?db",
        "unix:///s?db=x",
        "unix:///s?name=x",
        "sentinel://a",
        "sentinel://a/",
        "sentinel:///main",
        "sentinel://a,/main",
        "sentinel://,a/main",
        "sentinel://a/main/x",
        "cluster://",
        "cluster://a/1",
        "cluster://a,,b",
    };
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto_str got = summary(cases[i]);
        if (strcmp(got, "refused") != 0)
            fail_msg("%s was taken as %s", cases[i], got);
    }
}

/* What the settings' text gives: the error, or NULL. */
static dd_error *config_error(const char *text)
{
    dd_auto(dd_settings) settings = NULL;
    dd_redis_config *config = NULL;
    dd_error *why = NULL;
    if (dd_settings_parse(text, strlen(text), "test", ".", NULL, &settings, &why) == 0)
        dd_redis_config_new(settings, &config, &why);
    dd_redis_config_unref(config);
    return why;
}

static void settings_that_do_not_go_together_are_refused(void **state)
{
    static const char *const cases[][2] = {
        {"redis: {url: \"cluster://a\", prefix: \"drydock:\"}\n", "one slot"},
        {"redis: {url: \"cluster://a\", prefix: \"{}:\"}\n", "one slot"},
        {"redis: {url: \"cluster://a\", database: 1}\n", "redis.database"},
        {"redis: {url: \"unix:///s\", tls: true}\n", "redis.tls"},
        {"redis: {url: \"redis://h\", username: u}\n", "redis.username"},
        {"redis: {url: \"rediss://h\", cert: c}\n", "redis.key"},
        {"redis: {url: \"rediss://h\", ca_file: /nosuch.pem}\n", NULL},
        {"redis: {url: \"cluster://a\"}\n", NULL},
        {"redis: {url: \"sentinel://a/m\", tls: true, username: u, password: p, database: 2}\n", NULL},
    };
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto(dd_error) why = config_error(cases[i][0]);
        if (!why != !cases[i][1] || (why && !strstr(why->message, cases[i][1])))
            fail_msg("%s: %s", cases[i][0], why ? why->message : "taken");
    }
}

static void the_address_goes_before_the_settings(void **state)
{
    static const char text[] =
        "redis: {url: \"redis://:a@h/1\", username: u, password: p, database: 2, tls: true}\n";
    dd_auto(dd_settings) settings = NULL;
    dd_redis_config *config = NULL;
    (void)state;
    assert_int_equal(dd_settings_parse(text, strlen(text), "test", ".", NULL, &settings, NULL), 0);
    assert_int_equal(dd_redis_config_new(settings, &config, NULL), 0);
    assert_string_equal(config->address.username, "u");
    assert_string_equal(config->address.password, "a");
    assert_int_equal(config->address.database, 1);
    assert_true(config->address.tls);
    dd_redis_config_unref(config);
}

static void each_error_of_redis_has_its_code_and_its_way_on(void **state)
{
    static const struct {
        const char *text;
        dd_code code;
        dd_reply_kind kind;
        const char *hint;
    } cases[] = {
        {"READONLY You can't write against a read only replica.", DD_ERR_UNAVAILABLE, DD_REPLY_ELSEWHERE,
         "master"},
        {"LOADING Redis is loading the dataset in memory", DD_ERR_UNAVAILABLE, DD_REPLY_ELSEWHERE, NULL},
        {"MASTERDOWN Link with MASTER is down", DD_ERR_UNAVAILABLE, DD_REPLY_ELSEWHERE, NULL},
        {"CLUSTERDOWN Hash slot not served", DD_ERR_UNAVAILABLE, DD_REPLY_ELSEWHERE, NULL},
        {"UNBLOCKED force unblock from blocking operation", DD_ERR_UNAVAILABLE, DD_REPLY_ELSEWHERE, NULL},
        {"MOVED 3999 127.0.0.1:6381", DD_ERR_UNAVAILABLE, DD_REPLY_MOVED, "cluster://"},
        {"ASK 3999 127.0.0.1:6381", DD_ERR_UNAVAILABLE, DD_REPLY_ASK, "cluster://"},
        {"MOVED 3999 nonsense", DD_ERR_UNAVAILABLE, DD_REPLY_ANSWER, NULL},
        {"MOVED 3999 h:99999", DD_ERR_UNAVAILABLE, DD_REPLY_ANSWER, NULL},
        {"TRYAGAIN Multiple keys request during rehashing of slot", DD_ERR_UNAVAILABLE, DD_REPLY_TRYAGAIN,
         NULL},
        {"NOSCRIPT No matching script", DD_ERR_UNAVAILABLE, DD_REPLY_NOSCRIPT, NULL},
        {"OOM command not allowed when used memory > 'maxmemory'.", DD_ERR_UNAVAILABLE, DD_REPLY_ANSWER,
         "maxmemory"},
        {"MISCONF Errors writing to the AOF file: No space left on device", DD_ERR_UNAVAILABLE,
         DD_REPLY_ANSWER, "disk"},
        {"NOREPLICAS Not enough good replicas to write.", DD_ERR_UNAVAILABLE, DD_REPLY_ANSWER, "replicas"},
        {"BUSY Redis is busy running a script.", DD_ERR_UNAVAILABLE, DD_REPLY_ANSWER, "script"},
        {"UNKILLABLE Sorry the script already executed write commands", DD_ERR_UNAVAILABLE, DD_REPLY_ANSWER,
         NULL},
        {"NOAUTH Authentication required.", DD_ERR_DENIED, DD_REPLY_ANSWER, "redis.password"},
        {"WRONGPASS invalid username-password pair or user is disabled.", DD_ERR_DENIED, DD_REPLY_ANSWER,
         "redis.password"},
        {"NOPERM this user has no permissions to run the 'role' command", DD_ERR_DENIED, DD_REPLY_ANSWER,
         "redis.username"},
        {"STALE lease 1 is over", DD_ERR_STALE, DD_REPLY_ANSWER, NULL},
        {"ERR unknown command", DD_ERR_INTERNAL, DD_REPLY_ANSWER, NULL},
        {"", DD_ERR_INTERNAL, DD_REPLY_ANSWER, NULL},
    };
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto_str text = dd_strdup(cases[i].text);
        redisReply reply = {.type = REDIS_REPLY_ERROR, .str = text, .len = strlen(text)};
        dd_auto(dd_error) why = NULL;
        dd_redis_node node = {0};
        assert_int_equal(dd_reply_error(&reply, &why), -1);
        if (why->code != cases[i].code || dd_reply_kind_of(&reply, &node) != cases[i].kind ||
            (cases[i].hint && (!why->hint || !strstr(why->hint, cases[i].hint))))
            fail_msg("%s: %s", cases[i].text, why->message);
        assert_false(dd_str_ends(why->message, "."));
        free(node.host);
    }
}

static void moved_names_the_node_or_only_its_port(void **state)
{
    static const struct {
        const char *text, *host;
        int port;
    } cases[] = {{"MOVED 1 127.0.0.1:6381", "127.0.0.1", 6381},
                 {"MOVED 1 ::1:6381", "::1", 6381},
                 {"ASK 1 redis-1.example:1", "redis-1.example", 1},
                 {"MOVED 1 :6381", NULL, 6381}};
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto_str text = dd_strdup(cases[i].text);
        redisReply reply = {.type = REDIS_REPLY_ERROR, .str = text, .len = strlen(text)};
        dd_redis_node node = {0};
        dd_reply_kind_of(&reply, &node);
        assert_true(dd_str_eq(node.host, cases[i].host));
        assert_int_equal(node.port, cases[i].port);
        free(node.host);
    }
}

static void a_move_to_no_node_is_an_error_like_any_other(void **state)
{
    static const char *const cases[] = {"ASK [::1]", "MOVED 1 host", "MOVED 1 :0", "MOVED 1 host:0", "MOVED"};
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto_str text = dd_strdup(cases[i]);
        redisReply reply = {.type = REDIS_REPLY_ERROR, .str = text, .len = strlen(text)};
        dd_redis_node node = {0};
        dd_reply_kind kind = dd_reply_kind_of(&reply, &node);
        assert_true(kind != DD_REPLY_MOVED && kind != DD_REPLY_ASK);
        assert_null(node.host);
    }
}

static void attempts_come_ever_more_slowly_and_out_of_step(void **state)
{
    dd_backoff backoff = {0};
    int64_t sum_ms = 0, seen[20], different = 0;
    (void)state;
    for (int i = 0; i < 20; i++) {
        int64_t usual_ms = i < 6 ? 100 << i : 5000;
        seen[i] = dd_backoff_ms(&backoff, NULL);
        sum_ms += seen[i];
        different += i > 7 && seen[i] != seen[i - 1];
        assert_in_range(seen[i], usual_ms - usual_ms / 8, usual_ms + usual_ms / 7);
    }
    assert_true(sum_ms > 60000);
    assert_true(different > 0);
}

static void a_wrong_password_is_not_tried_again_soon(void **state)
{
    dd_backoff backoff = {0};
    dd_auto(dd_error) why = NULL;
    (void)state;
    dd_fail(&why, DD_ERR_DENIED, "WRONGPASS");
    assert_true(dd_backoff_ms(&backoff, why) >= 4000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_address_is_read),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(settings_that_do_not_go_together_are_refused),
        cmocka_unit_test(the_address_goes_before_the_settings),
        cmocka_unit_test(each_error_of_redis_has_its_code_and_its_way_on),
        cmocka_unit_test(moved_names_the_node_or_only_its_port),
        cmocka_unit_test(a_move_to_no_node_is_an_error_like_any_other),
        cmocka_unit_test(attempts_come_ever_more_slowly_and_out_of_step),
        cmocka_unit_test(a_wrong_password_is_not_tried_again_soon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
