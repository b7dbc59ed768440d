/* Settings: the table's defaults, every spelling that design fixes, overrides, files of secrets, and refusals
 * that say where and never what the secret was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- A folder of secrets, as beside a settings file ---- */

static char folder[] = "/tmp/drydock-settings-XXXXXX";

static void put(const char *name, const char *text, size_t length)
{
    dd_auto_str path = dd_path_join(folder, name);

    assert_int_equal(dd_write_file(path, text, length, 0600, NULL), 0);
}

static int make_folder(void **state)
{
    static const char zero[] = "a\0b";

    (void)state;
    assert_non_null(mkdtemp(folder));
    put("github.secret", "from file\n", 10);
    put("registry.header", "Bearer of it\r\n", 14);
    put("registry.password", "pass", 4);
    put("github.token", "token\n\n", 7);
    put("api.token", "api", 3);
    put("many", "one\n\n two \nthree\n", 17);
    put("empty", "", 0);
    put("blank", " \t\n", 3);
    put("two-lines", "a\nb\n", 4);
    put("zero", zero, sizeof(zero) - 1);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return dd_remove_tree(folder, NULL);
}

static int parse(const char *text, char *const *env, dd_settings **ret, dd_error **err)
{
    return dd_settings_parse(text, strlen(text), "f.yaml", folder, env, ret, err);
}

static dd_settings *settings_of(const char *text, char *const *env)
{
    dd_auto(dd_error) err = NULL;
    dd_settings *settings = NULL;

    if (parse(text, env, &settings, &err) < 0) {
        dd_auto_str why = dd_error_text(err);

        fail_msg("refused: %s\n%s", why, text);
    }
    return settings;
}

/* The text is refused, with each of `words` in the message, at the line (0: none). */
static void refused(const char *text, char *const *env, int line, const char *words)
{
    dd_auto(dd_settings) settings = NULL;
    dd_auto(dd_error) err = NULL;
    dd_auto_str message = NULL;

    if (parse(text, env, &settings, &err) == 0)
        fail_msg("taken: %s", text);
    message = dd_error_text(err);
    if (!strstr(message, words) || !strstr(message, "settings 'f.yaml'") || err->place.line != line)
        fail_msg("'%s' has not '%s' of the file's line %d (text: %s)", message, words, line, text);
}

/* ---- Tests ---- */

static void nothing_gives_the_defaults(void **state)
{
    dd_auto(dd_settings) s = settings_of("", NULL);

    (void)state;
    assert_string_equal(s->server.listen, "0.0.0.0:8443");
    assert_int_equal(s->server.threads, 2);
    assert_int_equal(s->server.body_max_bytes, 25 * 1024 * 1024);
    assert_int_equal(s->server.header_max_bytes, 64 * 1024);
    assert_int_equal(s->server.timeout_s, 30);
    assert_int_equal(s->server.connections_max, 2000);
    assert_null(s->server.tls_cert);
    assert_null(s->server.address_file);
    assert_null(s->api.token);
    assert_string_equal(s->redis.url, "unix:///run/drydock/redis.sock");
    assert_string_equal(s->redis.prefix, "{drydock}:");
    assert_int_equal(s->redis.timeout_ms, 2000);
    assert_int_equal(s->queue.events_max, 100000);
    assert_int_equal(s->queue.events_keep_s, 7 * 86400);
    assert_int_equal(s->queue.dedupe_s, 7 * 86400);
    assert_int_equal(s->queue.runs_keep_s, 30 * 86400);
    assert_string_equal(s->worker.pool, "default");
    assert_int_equal(s->worker.slots, 2);
    assert_string_equal(s->worker.engine, "podman");
    assert_string_equal(s->worker.directory, "/var/lib/drydock");
    assert_int_equal(s->worker.lease_s, 30);
    assert_int_equal(s->worker.attempts_max, 3);
    assert_int_equal(s->worker.grace_s, 10);
    assert_int_equal(s->worker.drain_s, 300);
    assert_int_equal(s->worker.log_max_bytes, 64 * 1024 * 1024);
    assert_false(s->worker.echo);
    assert_null(s->worker.registry);
    assert_int_equal(s->sender_count + s->registry_count + s->forge_count, 0);
}

static const char whole[] =
    "server: {listen: \"127.0.0.1:0\", tls: {cert: server.crt, key: /k/server.key}, threads: 4, body_max: "
    "1GiB,\n"
    "         header_max: 65536, timeout: 2m, connections: 10, address_file: address}\n"
    "api: {token_file: api.token}\n"
    "redis: {url: \"redis://:pw@localhost:6379/1\", prefix: \"{test}:\", timeout: 500ms}\n"
    "queue: {events_max: 5, events_keep: 1h, dedupe: 90, runs_keep: 1d}\n"
    "senders:\n"
    "  - {name: github, kind: github, secret_file: github.secret}\n"
    "  - {name: gitlab, kind: gitlab, secrets: [old, whsec_bmV3]}\n"
    "  - {name: registry, kind: distribution, registry: Registry.example.com, auth: {header: Authorization, "
    "value_file: registry.header}}\n"
    "  - name: inline\n"
    "    kind: distribution\n"
    "    secret: s3cret\n"
    "    auth:\n"
    "      header: X-Token\n"
    "      value: verbatim\n"
    "  - {name: many, kind: github, secrets_file: many}\n"
    "registries:\n"
    "  - {host: registry.example.com, username: ci, password_file: registry.password, ca_file: ca.crt}\n"
    "  - {host: index.docker.io, push_confirm: no}\n"
    "  - {host: \"127.0.0.1:5000\", plain_http: true}\n"
    "forges:\n"
    "  - {host: GitHub.com, kind: github, token_file: github.token}\n"
    "  - {host: \"localhost:80\", plain_http: yes, username: me, token: t}\n"
    "worker: {pool: big, slots: 3, engine: docker, directory: w, lease: 2s, attempts: 1, grace: 0, drain: "
    "0s,\n"
    "         log_max: 1KiB, echo: on, registry: \"ghcr.io/org\"}\n";

static void every_key_of_the_design_is_read(void **state)
{
    dd_auto(dd_settings) s = settings_of(whole, NULL);
    dd_auto_str certificate = dd_path_join(folder, "server.crt");

    (void)state;
    assert_string_equal(s->server.listen, "127.0.0.1:0");
    assert_string_equal(s->server.tls_cert, certificate);
    assert_string_equal(s->server.tls_key, "/k/server.key");
    assert_int_equal(s->server.threads, 4);
    assert_int_equal(s->server.body_max_bytes, 1024 * 1024 * 1024);
    assert_int_equal(s->server.header_max_bytes, 65536);
    assert_int_equal(s->server.timeout_s, 120);
    assert_true(dd_str_ends(s->server.address_file, "/address"));
    assert_string_equal(s->api.token, "api");
    assert_string_equal(s->redis.url, "redis://:pw@localhost:6379/1");
    assert_int_equal(s->redis.timeout_ms, 500);
    assert_int_equal(s->queue.events_keep_s, 3600);
    assert_int_equal(s->queue.dedupe_s, 90);
    assert_string_equal(s->worker.pool, "big");
    assert_true(dd_str_ends(s->worker.directory, "/w"));
    assert_int_equal(s->worker.lease_s, 2);
    assert_int_equal(s->worker.grace_s, 0);
    assert_int_equal(s->worker.log_max_bytes, 1024);
    assert_true(s->worker.echo);
    assert_string_equal(s->worker.registry, "ghcr.io/org");
}

static void senders_registries_and_forges_are_found(void **state)
{
    dd_auto(dd_settings) s = settings_of(whole, NULL);

    (void)state;
    assert_int_equal(s->sender_count, 5);
    assert_string_equal(dd_settings_sender(s, "github")->secrets.items[0], "from file");
    assert_int_equal(dd_settings_sender(s, "github")->place.line, 7);
    assert_int_equal(dd_settings_sender(s, "gitlab")->secrets.count, 2);
    assert_string_equal(dd_settings_sender(s, "gitlab")->secrets.items[1], "whsec_bmV3");
    assert_string_equal(dd_settings_sender(s, "registry")->auth_header, "Authorization");
    assert_string_equal(dd_settings_sender(s, "registry")->auth_values.items[0], "Bearer of it");
    assert_string_equal(dd_settings_sender(s, "registry")->registry, "registry.example.com");
    assert_string_equal(dd_settings_sender(s, "inline")->secrets.items[0], "s3cret");
    assert_string_equal(dd_settings_sender(s, "inline")->auth_values.items[0], "verbatim");
    assert_int_equal(dd_settings_sender(s, "many")->secrets.count, 3);
    assert_string_equal(dd_settings_sender(s, "many")->secrets.items[1], " two ");
    assert_null(dd_settings_sender(s, "none"));
    assert_null(dd_settings_sender(s, NULL));

    assert_string_equal(dd_settings_registry(s, "registry.example.com")->password, "pass");
    assert_true(dd_settings_registry(s, "registry.example.com")->push_confirm);
    assert_false(dd_settings_registry(s, "registry-1.docker.io")->push_confirm);
    assert_true(dd_settings_registry(s, "127.0.0.1:5000")->plain_http);
    assert_null(dd_settings_registry(s, "127.0.0.1"));
    assert_null(dd_settings_registry(s, NULL));

    assert_string_equal(dd_settings_forge(s, "github.com")->token, "token");
    assert_string_equal(dd_settings_forge(s, "github.com:443")->kind, "github");
    assert_string_equal(dd_settings_forge(s, "localhost")->kind, "generic");
    assert_null(dd_settings_forge(s, "github.com.evil.example"));
}

static void the_environment_overrides_the_file(void **state)
{
    char *env[] = {"DRYDOCK_SERVER_LISTEN=[::1]:1",
                   "DRYDOCK_SERVER_TLS_CERT=/c",
                   "DRYDOCK_SERVER_TLS_KEY=/k",
                   "DRYDOCK_REDIS_URL=unix:///x",
                   "DRYDOCK_API_TOKEN=from env",
                   "DRYDOCK_WORKER_LOG_MAX=2MiB",
                   "DRYDOCK_WORKER_ECHO=true",
                   "DRYDOCK_SERVER=https://elsewhere",
                   "OTHER=1",
                   NULL};
    /* The file's token is not even looked for. */
    dd_auto(dd_settings) s =
        settings_of("server: {listen: \"h:2\"}\napi: {token_file: missing}\nworker: {echo: false}\n", env);

    (void)state;
    assert_string_equal(s->server.listen, "[::1]:1");
    assert_string_equal(s->server.tls_cert, "/c");
    assert_string_equal(s->redis.url, "unix:///x");
    assert_string_equal(s->api.token, "from env");
    assert_int_equal(s->worker.log_max_bytes, 2 * 1024 * 1024);
    assert_true(s->worker.echo);
}

static void a_secret_of_the_environment_may_be_a_file(void **state)
{
    char *env[] = {"DRYDOCK_API_TOKEN_FILE=api.token", NULL};
    char *both[] = {"DRYDOCK_API_TOKEN_FILE=api.token", "DRYDOCK_API_TOKEN=x", NULL};
    char *empty[] = {"DRYDOCK_API_TOKEN=", NULL};
    char *wrong[] = {"DRYDOCK_WORKER_SLOTS=many", NULL};
    dd_auto(dd_settings) s = settings_of("api: {token: inline}\n", env);

    (void)state;
    assert_string_equal(s->api.token, "api");
    refused("", both, 0, "one of them must go");
    refused("", empty, 0, "DRYDOCK_API_TOKEN: is empty");
    refused("", wrong, 0, "DRYDOCK_WORKER_SLOTS: 'many' is not a whole number");
}

static void an_unknown_key_is_refused_with_the_nearest(void **state)
{
    (void)state;
    refused("worker: {slot: 2}\n", NULL, 1, "did you mean 'slots'?");
    refused("sever: {}\n", NULL, 1, "did you mean 'server'?");
    refused("api:\n  tokn_file: x\n", NULL, 2, "did you mean 'token_file'?");
    refused("senders:\n  - {name: a, kind: b, sekret: c}\n", NULL, 2, "senders[0].sekret");
    refused("server: {tls: {crt: a}}\n", NULL, 1, "server.tls.crt");
    refused("worker: {xyzzyxyzzy: 1}\n", NULL, 1, "the keys here are pool, slots");
}

/* A key that spells a row of the table whole would otherwise write into another object. */
static void a_key_cannot_name_a_row_of_another_level(void **state)
{
    (void)state;
    refused("\"senders[].name\": x\n", NULL, 1, "there is no such key");
    refused("server.listen: x\n", NULL, 1, "there is no such key");
    refused("senders: [{\"auth.value\": x}]\n", NULL, 1, "there is no such key");
    refused("\"\": x\n", NULL, 1, "there is no such key");
}

static void later_keys_say_that_they_are_later(void **state)
{
    (void)state;
    refused("registries:\n  - {host: r.io, poll: 15m}\n", NULL, 2, "not supported by this version");
    refused("redis: {url: \"sentinel://x\"}\n", NULL, 1, "sentinel://[USER:PASSWORD@]HOST");
}

static void every_way_of_proving_oneself_is_read(void **state)
{
    dd_auto(dd_settings) s = settings_of(
        "senders:\n"
        "  - {name: a, kind: gitlab, auth: none}\n"
        "  - {name: b, kind: dockerhub, auth: {url_token_file: many}}\n"
        "  - {name: c, kind: azure-devops, auth: {username: drydock, password: [old, new]}, replay_window: "
        "10m}\n"
        "  - {name: d, kind: bitbucket-datacenter, secret: s, url: \"https://git.example.com/scm/\"}\n"
        "  - {name: e, kind: standard-webhooks, secret: s, fields: {ref: /data/branch~1name, commit: "
        "/a/0}}\n",
        NULL);

    (void)state;
    assert_true(s->senders[0].auth_none);
    assert_false(s->senders[1].auth_none);
    assert_int_equal(s->senders[1].auth_url_tokens.count, 3);
    assert_string_equal(s->senders[2].auth_username, "drydock");
    assert_string_equal(s->senders[2].auth_passwords.items[1], "new");
    assert_int_equal(s->senders[2].replay_window_s, 600);
    assert_int_equal(s->senders[3].replay_window_s, 300);
    assert_string_equal(s->senders[3].url, "https://git.example.com/scm");
    assert_string_equal(s->senders[4].fields.ref, "/data/branch~1name");
    assert_string_equal(s->senders[4].fields.commit, "/a/0");
    assert_null(s->senders[4].fields.before);
}

static void half_a_way_of_proving_oneself_is_refused(void **state)
{
    (void)state;
    refused("senders:\n  - {name: a, kind: b, auth: maybe}\n", NULL, 2, "neither a map of keys nor none");
    refused("senders:\n  - {name: a, kind: b, auth: []}\n", NULL, 2, "senders[0].auth");
    refused("senders:\n  - {name: a, kind: b, auth: {none: true}}\n", NULL, 2, "senders[0].auth.none");
    refused("senders:\n  - {name: a, kind: b, auth: {header: X}}\n", NULL, 2,
            "auth.header is there without auth.value");
    refused("senders:\n  - {name: a, kind: b, auth: {username: x}}\n", NULL, 2,
            "auth.username is there without auth.password");
    refused("senders:\n  - {name: a, kind: b, auth: {password: x}}\n", NULL, 2,
            "auth.password is there without auth.username");
    refused("senders:\n  - {name: a, kind: b, auth: {username: \"x:y\", password: z}}\n", NULL, 2,
            "no names with a ':'");
    refused("senders:\n  - {name: a, kind: b, auth: {url_token: \" \"}}\n", NULL, 2, "the secret is empty");
    refused("senders:\n  - {name: a, kind: b, fields: {ref: data}}\n", NULL, 2, "is not a JSON pointer");
    refused("senders:\n  - {name: a, kind: b, fields: {ref: /a~2}}\n", NULL, 2, "is not a JSON pointer");
    refused("senders:\n  - {name: a, kind: b, url: \"ssh://git@h\"}\n", NULL, 2, "senders[0].url");
    refused("senders:\n  - {name: a, kind: b, url: \"https://u:p@h\"}\n", NULL, 2, "senders[0].url");
}

static void threat_28_an_empty_secret_is_refused(void **state)
{
    (void)state;
    refused("api: {token: \"\"}\n", NULL, 1, "has no value");
    refused("api: {token: }\n", NULL, 1, "has no value");
    refused("api: {token: \"  \"}\n", NULL, 1, "the secret is empty");
    refused("api: {token_file: empty}\n", NULL, 1, "the secret is empty");
    refused("api: {token_file: blank}\n", NULL, 1, "the secret is empty");
    refused("api: {token_file: missing}\n", NULL, 1, "api.token_file");
    refused("senders:\n  - {name: a, kind: b, secrets: []}\n", NULL, 2, "has no value");
    refused("senders:\n  - {name: a, kind: b, secrets: [x, \" \"]}\n", NULL, 2,
            "secrets[1]: the secret is empty");
    refused("senders:\n  - {name: a, kind: b, secrets_file: blank}\n", NULL, 2, "the secret is empty");
    refused("senders:\n  - {name: a, kind: b, secret_file: empty}\n", NULL, 2, "the secret is empty");
}

static void no_message_holds_a_secret(void **state)
{
    static const char *const texts[] = {
        "api: {token: \"hun\\nter2\"}\n",
        "redis: {url: \"rediss://u:hunter2@h:x\"}\n",
        "api: {token: hunter2, token_file: api.token}\n",
        "senders: [{name: a, kind: b, secrets: {x: hunter2}}]\n",
        "registries: [{host: r.io, password: hunter2}]\n",
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(texts); i++) {
        dd_auto(dd_settings) settings = NULL;
        dd_auto(dd_error) err = NULL;
        dd_auto_str message = NULL;

        assert_int_equal(parse(texts[i], NULL, &settings, &err), -1);
        message = dd_error_text(err);
        assert_null(strstr(message, "ter2"));
    }
}

static void values_outside_their_form_or_bounds_are_refused(void **state)
{
    (void)state;
    refused("server: {threads: 0}\n", NULL, 1, "'0' is not between 1 and 64");
    refused("server: {threads: -1}\n", NULL, 1, "between");
    refused("server: {threads: two}\n", NULL, 1, "not a whole number");
    refused("server: {threads: 2.5}\n", NULL, 1, "not a whole number");
    refused("server: {threads: 99999999999999999999}\n", NULL, 1, "not a whole number");
    refused("server: {threads: [2]}\n", NULL, 1, "one value is expected, not a list");
    refused("server: {body_max: 25MB}\n", NULL, 1, "a size such as");
    refused("server: {body_max: 99999999999GiB}\n", NULL, 1, "a size such as");
    refused("server: {timeout: 1w}\n", NULL, 1, "a duration such as");
    refused("server: {timeout: 1500ms}\n", NULL, 1, "a duration such as");
    refused("server: {timeout: -1s}\n", NULL, 1, "a duration such as");
    refused("server: {timeout: s}\n", NULL, 1, "a duration such as");
    refused("worker: {lease: 1s}\n", NULL, 1, "between 2 and 3600 seconds");
    refused("worker: {echo: maybe}\n", NULL, 1, "not true or false");
    refused("worker: {pool: a b}\n", NULL, 1, "is not a name");
    refused("worker: {pool: }\n", NULL, 1, "has no value");
    refused("worker: {registry: \"https://r.io\"}\n", NULL, 1, "is not HOST");
    refused("worker: [a]\n", NULL, 1, "a map of keys is expected, not a list");
    refused("server: {listen: \"8443\"}\n", NULL, 1, "is not HOST:PORT");
    refused("server: {listen: \"h:65536\"}\n", NULL, 1, "is not HOST:PORT");
    refused("redis: {prefix: \"a b\"}\n", NULL, 1, "redis.prefix");
    refused("redis: {prefix: \"%n\"}\n", NULL, 1, "redis.prefix");
    refused("redis: {url: \"http://x\"}\n", NULL, 1, "redis.url");
    refused("senders: {a: b}\n", NULL, 1, "a list is expected, not a map");
    refused("senders:\n  - a\n", NULL, 2, "a map of keys is expected");
    refused("senders:\n  - {name: a/b, kind: c}\n", NULL, 2, "is not a name");
    refused("senders:\n  - {name: a, kind: c, auth: {header: \"X Y\", value: v}}\n", NULL, 2,
            "a header's name");
    refused("forges:\n  - {host: \"-x\"}\n", NULL, 2, "is not a host");
    refused("server: {address_file: \"a\\tb\"}\n", NULL, 1, "control characters");
    refused("api: {token_file: two-lines}\n", NULL, 1, "line break");
    refused("api: {token_file: zero}\n", NULL, 1, "zero byte");
    refused("api: {token: \"a\\0b\"}\n", NULL, 1, "NUL");
}

static void what_belongs_together_is_there_together(void **state)
{
    (void)state;
    refused("server: {tls: {cert: a}}\n", NULL, 0, "server.tls.cert is there without server.tls.key");
    refused("senders:\n  - {kind: a}\n", NULL, 2, "'name' is missing");
    refused("senders:\n  - {name: a}\n", NULL, 2, "'kind' is missing");
    refused("senders:\n  - {name: a, kind: b, auth: {header: X}}\n", NULL, 2, "auth.header is there without");
    refused("registries:\n  - {username: a, password: b}\n", NULL, 2, "'host' is missing");
    refused("registries:\n  - {host: a.io, username: b}\n", NULL, 2, "username is there without password");
    refused("senders:\n  - {name: a, kind: b}\n  - {name: a, kind: c}\n", NULL, 3,
            "there already, in line 2");
    refused("registries:\n  - {host: docker.io}\n  - {host: index.docker.io}\n", NULL, 3, "there already");
    refused("forges:\n  - {host: a}\n  - {host: \"a:443\"}\n", NULL, 3, "there already");
    refused("api: {token: a, token_file: api.token}\n", NULL, 1, "one of them must go");
}

static void the_file_is_one_strict_document(void **state)
{
    dd_auto(dd_settings) nothing =
        settings_of("# only a comment\nworker:\nsenders:\nserver: {tls: }\n", NULL);

    (void)state;
    assert_int_equal(nothing->sender_count, 0);
    refused("worker: {slots: 1, slots: 2}\n", NULL, 1, "slots");
    refused("worker: {slots: 1}\nworker: {pool: a}\n", NULL, 2, "worker");
    refused("worker: {slots: 1}\n---\nworker: {}\n", NULL, 2, "document");
    refused("- a\n", NULL, 1, "a map of keys is expected");
    refused("worker: {slots\n", NULL, 2, "not YAML");
    refused("text\n", NULL, 1, "a map of keys is expected");
}

static void the_table_is_whole(void **state)
{
    const dd_setting_row *rows;
    size_t count = dd_settings_rows(&rows);

    (void)state;
    assert_true(count > 40);
    for (size_t i = 0; i < count; i++) {
        assert_true(strlen(rows[i].help) > 0);
        assert_int_equal(rows[i].env == NULL, strchr(rows[i].key, '[') != NULL);
        for (size_t other = 0; other < i; other++)
            assert_string_not_equal(rows[i].key, rows[other].key);
        if (dd_str_eq(rows[i].key, "server.tls.cert"))
            assert_string_equal(rows[i].env, "DRYDOCK_SERVER_TLS_CERT");
        if (strstr(rows[i].key, "secret") || strstr(rows[i].key, "password") || strstr(rows[i].key, "token"))
            assert_true(rows[i].secret);
    }
}

static void a_named_file_must_be_there_and_says_where_it_is(void **state)
{
    dd_auto_str path = dd_path_join(folder, "drydock.yaml");
    dd_auto(dd_settings) settings = NULL;
    dd_auto(dd_error) err = NULL;

    (void)state;
    assert_int_equal(dd_settings_load(path, &settings, &err), -1);
    assert_int_equal(err->code, DD_ERR_NOT_FOUND);
    put("drydock.yaml", whole, sizeof(whole) - 1);
    assert_int_equal(dd_settings_load(path, &settings, NULL), 0);
    assert_string_equal(settings->api.token, "api");
    put("drydock.yaml", "a: b\n", 5);
    dd_settings_free(dd_take(settings));
    assert_int_equal(dd_settings_load(path, &settings, &err), -1);
    assert_non_null(strstr(err->message, path));
    assert_int_equal(err->place.line, 1);
    dd_settings_free(NULL);
}

static void without_a_name_the_folder_s_own_file_is_read(void **state)
{
    char before[PATH_MAX];
    dd_auto(dd_settings) settings = NULL;

    (void)state;
    if (dd_path_exists("/etc/drydock/drydock.yaml"))
        skip();
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(folder), 0);
    put("drydock.yaml", "worker: {slots: 7}\n", 19);
    assert_int_equal(dd_settings_load(NULL, &settings, NULL), 0);
    assert_int_equal(settings->worker.slots, 7);
    dd_settings_free(dd_take(settings));
    assert_int_equal(unlink("drydock.yaml"), 0);
    assert_int_equal(dd_settings_load(NULL, &settings, NULL), 0);
    assert_int_equal(settings->worker.slots, 2);
    assert_int_equal(chdir(before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_gives_the_defaults),
        cmocka_unit_test(every_key_of_the_design_is_read),
        cmocka_unit_test(senders_registries_and_forges_are_found),
        cmocka_unit_test(the_environment_overrides_the_file),
        cmocka_unit_test(a_secret_of_the_environment_may_be_a_file),
        cmocka_unit_test(an_unknown_key_is_refused_with_the_nearest),
        cmocka_unit_test(a_key_cannot_name_a_row_of_another_level),
        cmocka_unit_test(later_keys_say_that_they_are_later),
        cmocka_unit_test(every_way_of_proving_oneself_is_read),
        cmocka_unit_test(half_a_way_of_proving_oneself_is_refused),
        cmocka_unit_test(threat_28_an_empty_secret_is_refused),
        cmocka_unit_test(no_message_holds_a_secret),
        cmocka_unit_test(values_outside_their_form_or_bounds_are_refused),
        cmocka_unit_test(what_belongs_together_is_there_together),
        cmocka_unit_test(the_file_is_one_strict_document),
        cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(a_named_file_must_be_there_and_says_where_it_is),
        cmocka_unit_test(without_a_name_the_folder_s_own_file_is_read),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
