/* The settings' table: every key, its form, its bounds, its default and its help, once.
 *
 * Reading (settings_read.c), freeing, `--help` and the README's table all go by it: a new setting is a field
 * in settings.h and a row here. */
#include "settings.h"
#include "host.h"
#include "ranges.h"
#include "reading.h"
#include "reference.h"
#include "settings_private.h"
#include "store/address.h"
#include "words.h"
#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- Forms of texts: the value as it is kept, or NULL ---- */

static char *plain(const char *text)
{
    return dd_reading_has_control(text) ? NULL : dd_strdup(text);
}

static char *name(const char *text)
{
    return dd_name_is_valid(text) ? dd_strdup(text) : NULL;
}

static char *registry_host(const char *text)
{
    return dd_registry_host_normalise(text, strlen(text));
}

/* 443 is what a repository's key leaves out, so an entry that writes it means the same host. */
static char *forge_host(const char *text)
{
    return dd_host_normalise(text, strlen(text), 443);
}

static char *header_name(const char *text)
{
    static const char token[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";

    return text[strspn(text, token)] == '\0' ? dd_strdup(text) : NULL;
}

/* An address to listen at; the port may be 0. Names are resolved, and judged, when the listener starts. */
static char *listen_address(const char *text)
{
    const char *colon = strrchr(text, ':');
    int64_t port;

    if (!colon || colon == text || !dd_str_to_int(colon + 1, &port) || port < 0 || port > 65535)
        return NULL;
    return plain(text);
}

static char *redis_url(const char *text)
{
    dd_redis_address address;

    if (dd_redis_address_parse(text, &address, NULL) < 0)
        return NULL;
    dd_redis_address_done(&address);
    return plain(text);
}

/* Keys are built from it and printed by printf-like calls; the braces keep them in one cluster slot. */
static char *redis_prefix(const char *text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789{}:._-";

    return strlen(text) <= 64 && text[strspn(text, allowed)] == '\0' ? dd_strdup(text) : NULL;
}

/* Where a forge's repositories are: https://host/path, without the '/' at its end. */
static char *web_address(const char *text)
{
    dd_auto_str key = NULL;
    size_t length = strlen(text);
    bool is_web = dd_str_starts(text, "https://") || dd_str_starts(text, "http://");

    while (length > 0 && text[length - 1] == '/')
        length--;
    dd_auto_str address = dd_strndup(text, length);
    dd_auto_str repository = dd_sprintf("%s/name", address);
    return is_web && !strchr(text, '@') && dd_repository_key(repository, &key, NULL) == 0 ? dd_take(address)
                                                                                          : NULL;
}

/* RFC 6901: "" would be the whole body, which is no text. */
static char *json_pointer(const char *text)
{
    if (text[0] != '/' || dd_reading_has_control(text))
        return NULL;
    for (const char *tilde = strchr(text, '~'); tilde; tilde = strchr(tilde + 1, '~'))
        if (tilde[1] != '0' && tilde[1] != '1')
            return NULL;
    return dd_strdup(text);
}

#define HOST_FORM "a host with an optional port"
#define NAME_FORM "a name: a letter or digit, then up to 62 letters, digits, '.', '_' and '-'"
#define TEXT_FORM "a text without control characters"

/* ---- The table ---- */

#define TOP(member)      offsetof(dd_settings, member)
#define SENDER(member)   offsetof(dd_sender_settings, member)
#define REGISTRY(member) offsetof(dd_registry_settings, member)
#define FORGE(member)    offsetof(dd_forge_settings, member)

#define NAME       .normalise = name, .form = NAME_FORM
#define TEXT(f, w) .normalise = (f), .form = (w)
#define PLAIN      TEXT(plain, TEXT_FORM)
#define RANGE      TEXT(dd_range_normalise, "an address or a range such as 10.0.0.0/8 or 2001:db8::/32")
#define POINTER    TEXT(json_pointer, "a JSON pointer such as /data/ref")

#define KIB       ((int64_t)1 << 10)
#define MIB       ((int64_t)1 << 20)
#define GIB       ((int64_t)1 << 30)
#define DAY       ((int64_t)24 * 3600)
#define MINUTE_MS ((int64_t)60 * 1000)
#define BILLION   ((int64_t)1000 * 1000 * 1000)

const setting_row dd_setting_table[] = {
    {"server.listen", SETTING_TEXT, false, TOP(server.listen), "0.0.0.0:8443", 0, 0,
     TEXT(listen_address, "HOST:PORT"), "address of the HTTPS server; port 0 takes a free one"},
    {"server.tls.cert", SETTING_PATH, false, TOP(server.tls_cert), NULL, 0, 0, PLAIN,
     "certificate chain, a PEM file"},
    {"server.tls.key", SETTING_PATH, false, TOP(server.tls_key), NULL, 0, 0, PLAIN,
     "the certificate's private key, a PEM file"},
    {"server.threads", SETTING_NUMBER, false, TOP(server.threads), "2", 1, 64, NULL, NULL,
     "threads that answer requests"},
    {"server.body_max", SETTING_SIZE, false, TOP(server.body_max_bytes), "25MiB", KIB, GIB, NULL, NULL,
     "largest body of a request; above it: 413"},
    {"server.header_max", SETTING_SIZE, false, TOP(server.header_max_bytes), "64KiB", KIB, MIB, NULL, NULL,
     "largest header of a request"},
    {"server.timeout", SETTING_SECONDS, false, TOP(server.timeout_s), "30s", 1, 3600, NULL, NULL,
     "a whole request must have come by then"},
    {"server.connections", SETTING_NUMBER, false, TOP(server.connections_max), "2000", 1, 1000000, NULL, NULL,
     "connections at a time"},
    {"server.memory", SETTING_SIZE, false, TOP(server.memory_max_bytes), "256MiB", MIB, 1024 * GIB, NULL,
     NULL, "all bodies under way together; above it: 503"},
    {"server.unix", SETTING_PATH, false, TOP(server.unix_path), NULL, 0, 0, PLAIN,
     "a unix socket to listen on too, without TLS, for a proxy in front"},
    {"server.proxies", SETTING_TEXTS, false, TOP(server.proxies), NULL, 0, 0, RANGE,
     "proxies in front whose X-Forwarded-For is believed; the unix socket's always is"},
    {"server.address_connections", SETTING_NUMBER, false, TOP(server.address_connections), "256", 1, 1000000,
     NULL, NULL, "connections of one address at a time (of one /64 in IPv6); more are closed"},
    {"server.address_rate", SETTING_NUMBER, false, TOP(server.address_rate), "500", 1, 1000000, NULL, NULL,
     "requests of one address a second; above it: 429"},
    {"server.address_file", SETTING_PATH, false, TOP(server.address_file), NULL, 0, 0, PLAIN,
     "the address is written to this file once the server listens"},
    {"api.token", SETTING_SECRET, false, TOP(api.token), NULL, 0, 0, NULL, NULL,
     "bearer token of the client verbs; without it the API answers 403"},
    {"redis.url", SETTING_SECRET, false, TOP(redis.url), "unix:///run/drydock/redis.sock", 0, 0,
     TEXT(redis_url, DD_REDIS_FORMS),
     "where Redis is: see \"Redis\"; a secret because it may hold a password"},
    {"redis.username", SETTING_TEXT, false, TOP(redis.username), NULL, 0, 0, PLAIN,
     "the ACL user, where redis.url names none"},
    {"redis.password", SETTING_SECRET, false, TOP(redis.password), NULL, 0, 0, NULL, NULL,
     "the user's password, where redis.url has none"},
    {"redis.database", SETTING_NUMBER, false, TOP(redis.database), "0", 0, 65535, NULL, NULL,
     "the database, where redis.url names none"},
    {"redis.tls", SETTING_SWITCH, false, TOP(redis.tls), "false", 0, 0, NULL, NULL,
     "TLS also where redis.url is not rediss://: with sentinel:// (to sentinels and Redis) and cluster://"},
    {"redis.ca_file", SETTING_PATH, false, TOP(redis.ca_file), NULL, 0, 0, PLAIN,
     "the authorities whose certificates are taken, instead of the system's, a PEM file"},
    {"redis.cert", SETTING_PATH, false, TOP(redis.cert), NULL, 0, 0, PLAIN,
     "our own certificate, where Redis asks for one, a PEM file"},
    {"redis.key", SETTING_PATH, false, TOP(redis.key), NULL, 0, 0, PLAIN, "its private key, a PEM file"},
    {"redis.server_name", SETTING_TEXT, false, TOP(redis.server_name), NULL, 0, 0, PLAIN,
     "the name that certificates must bear, where it is not the host that is connected to"},
    {"redis.sentinel_username", SETTING_TEXT, false, TOP(redis.sentinel_username), NULL, 0, 0, PLAIN,
     "the sentinels' ACL user, where they have one"},
    {"redis.sentinel_password", SETTING_SECRET, false, TOP(redis.sentinel_password), NULL, 0, 0, NULL, NULL,
     "the sentinels' password, where they have one"},
    {"redis.prefix", SETTING_TEXT, false, TOP(redis.prefix), "{drydock}:", 0, 0,
     TEXT(redis_prefix, "at most 64 letters, digits and {}:._-"),
     "what every key begins with; the braces keep all in one cluster slot"},
    {"redis.timeout", SETTING_MILLISECONDS, false, TOP(redis.timeout_ms), "2s", 100, MINUTE_MS, NULL, NULL,
     "Redis must have answered by then"},
    {"redis.replicas", SETTING_NUMBER, false, TOP(redis.replicas), "0", 0, 100, NULL, NULL,
     "replicas that must have a delivery before it is answered 2xx, and a run's change before it counts"},
    {"redis.replica_timeout", SETTING_MILLISECONDS, false, TOP(redis.replica_timeout_ms), "1s", 1, MINUTE_MS,
     NULL, NULL, "they must have it by then; else: 503"},
    {"queue.events_max", SETTING_NUMBER, false, TOP(queue.events_max), "100000", 1, BILLION, NULL, NULL,
     "deliveries that may wait for the matcher; above it: 503"},
    {"queue.events_keep", SETTING_SECONDS, false, TOP(queue.events_keep_s), "7d", 1, 3650 * DAY, NULL, NULL,
     "how long handled deliveries are kept"},
    {"queue.deliveries_max", SETTING_SIZE, false, TOP(queue.deliveries_max_bytes), "256MiB", KIB, 1024 * GIB,
     NULL, NULL, "headers and bodies of kept deliveries together; above it the oldest go"},
    {"queue.dedupe", SETTING_SECONDS, false, TOP(queue.dedupe_s), "7d", 1, 3650 * DAY, NULL, NULL,
     "how long delivery ids and causes are remembered"},
    {"queue.runs_keep", SETTING_SECONDS, false, TOP(queue.runs_keep_s), "30d", 1, 3650 * DAY, NULL, NULL,
     "how long ended runs and their logs are kept"},
    {"worker.pool", SETTING_TEXT, false, TOP(worker.pool), "default", 0, 0, NAME,
     "the pool whose runs this worker takes"},
    {"worker.slots", SETTING_NUMBER, false, TOP(worker.slots), "2", 1, 1024, NULL, NULL, "runs at a time"},
    {"worker.engine", SETTING_TEXT, false, TOP(worker.engine), "podman", 0, 0, NAME,
     "the container engine's command"},
    {"worker.directory", SETTING_PATH, false, TOP(worker.directory), "/var/lib/drydock", 0, 0, PLAIN,
     "mirrors of repositories and the runs' working directories"},
    {"worker.lease", SETTING_SECONDS, false, TOP(worker.lease_s), "30s", 2, 3600, NULL, NULL,
     "a worker's right to a run, unless it is renewed"},
    {"worker.attempts", SETTING_NUMBER, false, TOP(worker.attempts_max), "3", 1, 100, NULL, NULL,
     "times a run is taken up before it ends Error"},
    {"worker.grace", SETTING_SECONDS, false, TOP(worker.grace_s), "10s", 0, 3600, NULL, NULL,
     "between asking a run to end and killing it"},
    {"worker.drain", SETTING_SECONDS, false, TOP(worker.drain_s), "300s", 0, DAY, NULL, NULL,
     "how long SIGTERM waits for the runs under way"},
    {"worker.log_max", SETTING_SIZE, false, TOP(worker.log_max_bytes), "64MiB", KIB, 10 * GIB, NULL, NULL,
     "a run's log; past it a line says that the rest is left out"},
    {"worker.echo", SETTING_SWITCH, false, TOP(worker.echo), "false", 0, 0, NULL, NULL,
     "write the runs' logs to standard output too"},
    {"worker.registry", SETTING_TEXT, false, TOP(worker.registry), NULL, 0, 0,
     TEXT(dd_registry_prefix_normalise, "HOST[:PORT][/PATH]"), ".Run.Registry of tasks that name none"},

    {"senders[].name", SETTING_TEXT, true, SENDER(name), NULL, 0, 0, NAME,
     "deliveries come at POST /hooks/NAME"},
    {"senders[].kind", SETTING_TEXT, true, SENDER(kind), NULL, 0, 0, NAME,
     "the form of its deliveries: see \"Senders\""},
    {"senders[].secret", SETTING_KEYS, false, SENDER(secrets), NULL, 0, 0, NULL, NULL,
     "the key or token that the kind signs or sends with"},
    {"senders[].secrets", SETTING_KEYS, false, SENDER(secrets), NULL, 0, 0, NULL, NULL,
     "several, for rotation; the file has one a line"},
    {"senders[].auth", SETTING_NONE, false, SENDER(auth_none), NULL, 0, 0, NULL, NULL,
     "none: deliveries are taken from anybody, which is warned about"},
    {"senders[].auth.header", SETTING_TEXT, false, SENDER(auth_header), NULL, 0, 0,
     TEXT(header_name, "a header's name"), "the header by which a sender that cannot sign proves itself"},
    {"senders[].auth.value", SETTING_KEYS, false, SENDER(auth_values), NULL, 0, 0, NULL, NULL,
     "the value that this header must have; several for rotation"},
    {"senders[].auth.url_token", SETTING_KEYS, false, SENDER(auth_url_tokens), NULL, 0, 0, NULL, NULL,
     "deliveries come at /hooks/NAME?token=…; several for rotation"},
    {"senders[].auth.username", SETTING_TEXT, false, SENDER(auth_username), NULL, 0, 0, PLAIN,
     "deliveries come with this name and the password, by HTTP's Basic scheme"},
    {"senders[].auth.password", SETTING_KEYS, false, SENDER(auth_passwords), NULL, 0, 0, NULL, NULL,
     "the password; several for rotation"},
    {"senders[].replay_window", SETTING_SECONDS, false, SENDER(replay_window_s), "5m", 1, DAY, NULL, NULL,
     "how far the time that a delivery is signed with may be off"},
    {"senders[].addresses", SETTING_TEXTS, false, SENDER(addresses), NULL, 0, 0, RANGE,
     "the ranges that deliveries may come from (192.0.2.0/24); from elsewhere: 403"},
    {"senders[].rate", SETTING_NUMBER, false, SENDER(rate), "0", 0, 1000000, NULL, NULL,
     "deliveries a second; above it: 429; 0: no limit"},
    {"senders[].body_max", SETTING_SIZE, false, SENDER(body_max_bytes), "0", 0, GIB, NULL, NULL,
     "largest body of a delivery; 0: server.body_max"},
    {"senders[].url", SETTING_TEXT, false, SENDER(url), NULL, 0, 0,
     TEXT(web_address, "https://HOST[:PORT][/PATH]"),
     "where a bitbucket-datacenter's repositories are cloned from, as https://HOST/scm; older ones do not "
     "say"},
    {"senders[].fields.repository", SETTING_TEXT, false, SENDER(fields.repository), NULL, 0, 0, POINTER,
     "standard-webhooks: a JSON pointer to the repository's name (/data/repository/full_name)"},
    {"senders[].fields.clone_url", SETTING_TEXT, false, SENDER(fields.clone_url), NULL, 0, 0, POINTER,
     "to the repository's address (/data/repository/clone_url)"},
    {"senders[].fields.ref", SETTING_TEXT, false, SENDER(fields.ref), NULL, 0, 0, POINTER,
     "to the ref or the branch that was pushed (/data/ref)"},
    {"senders[].fields.before", SETTING_TEXT, false, SENDER(fields.before), NULL, 0, 0, POINTER,
     "to the commit before it (/data/before)"},
    {"senders[].fields.commit", SETTING_TEXT, false, SENDER(fields.commit), NULL, 0, 0, POINTER,
     "to the commit that was pushed (/data/after)"},
    {"senders[].fields.message", SETTING_TEXT, false, SENDER(fields.message), NULL, 0, 0, POINTER,
     "to the commit's message (/data/head_commit/message)"},
    {"senders[].fields.actor", SETTING_TEXT, false, SENDER(fields.actor), NULL, 0, 0, POINTER,
     "to who pushed (/data/sender/login)"},
    {"senders[].fields.image", SETTING_TEXT, false, SENDER(fields.image), NULL, 0, 0, POINTER,
     "cloudevents: to an image's whole name, [HOST/]REPOSITORY:TAG[@DIGEST]; without it repository "
     "(/data/repository), "
     "tag and digest"},
    {"senders[].fields.tag", SETTING_TEXT, false, SENDER(fields.tag), NULL, 0, 0, POINTER,
     "to the tag (/data/tag)"},
    {"senders[].fields.digest", SETTING_TEXT, false, SENDER(fields.digest), NULL, 0, 0, POINTER,
     "to the digest, which may be missing (/data/digest)"},
    {"senders[].types", SETTING_TEXTS, false, SENDER(types), NULL, 0, 0, PLAIN,
     "cloudevents: the types that are pushes of images"},
    {"senders[].docker_repository", SETTING_TEXT, false, SENDER(docker_repository), NULL, 0, 0, PLAIN,
     "artifactory, nexus: the Docker repository that the registry is (by its subdomain or port); without it "
     "images are "
     "REGISTRY/REPOSITORY/NAME"},
    {"senders[].registry", SETTING_TEXT, false, SENDER(registry), NULL, 0, 0, TEXT(registry_host, HOST_FORM),
     "the registry that this sender speaks for"},
    {"senders[].repositories", SETTING_TEXT, false, SENDER(repositories), NULL, 0, 0, PLAIN,
     "what a sender may speak for: repositories as github.com/org/*, images as ghcr.io/org/*; without it "
     "any"},

    {"registries[].host", SETTING_TEXT, true, REGISTRY(host), NULL, 0, 0, TEXT(registry_host, HOST_FORM),
     "the registry, as images name it"},
    {"registries[].username", SETTING_TEXT, false, REGISTRY(username), NULL, 0, 0, PLAIN,
     "who pulls and pushes"},
    {"registries[].password", SETTING_SECRET, false, REGISTRY(password), NULL, 0, 0, NULL, NULL,
     "the password or token"},
    {"registries[].ca_file", SETTING_PATH, false, REGISTRY(ca_file), NULL, 0, 0, PLAIN,
     "certificates to trust beside the system's, a PEM file"},
    {"registries[].plain_http", SETTING_SWITCH, false, REGISTRY(plain_http), "false", 0, 0, NULL, NULL,
     "speak http to it"},
    {"registries[].push_confirm", SETTING_SWITCH, false, REGISTRY(push_confirm), "true", 0, 0, NULL, NULL,
     "confirm a notified digest at the registry before anything runs"},

    {"forges[].host", SETTING_TEXT, true, FORGE(host), NULL, 0, 0, TEXT(forge_host, HOST_FORM),
     "the forge, as repository addresses name it"},
    {"forges[].kind", SETTING_TEXT, false, FORGE(kind), "generic", 0, 0, NAME, "github or generic"},
    {"forges[].username", SETTING_TEXT, false, FORGE(username), NULL, 0, 0, PLAIN,
     "who clones, where the token alone is not enough"},
    {"forges[].token", SETTING_SECRET, false, FORGE(token), NULL, 0, 0, NULL, NULL,
     "the token to clone with"},
    {"forges[].ca_file", SETTING_PATH, false, FORGE(ca_file), NULL, 0, 0, PLAIN,
     "certificates to trust beside the system's, a PEM file"},
    {"forges[].plain_http", SETTING_SWITCH, false, FORGE(plain_http), "false", 0, 0, NULL, NULL,
     "http:// addresses of this host may be fetched"},
};
const size_t dd_setting_table_count = DD_COUNT(dd_setting_table);

const setting_later dd_setting_laters[] = {
    {"registries[].poll", "base images are followed by the registry's notifications: see senders"},
};
const size_t dd_setting_laters_count = DD_COUNT(dd_setting_laters);

/* ---- Checks over several values ---- */

static int check_pair(const char *a, const char *a_key, const char *b, const char *b_key, dd_error **err)
{
    if (!a == !b)
        return 0;
    return dd_fail(err, DD_ERR_INVALID, "%s is there without %s", a ? a_key : b_key, a ? b_key : a_key);
}

static const char *first_of(const dd_strv *values)
{
    return values->count > 0 ? values->items[0] : NULL;
}

static int check_sender(void *element, dd_error **err)
{
    const dd_sender_settings *sender = element;

    if (check_pair(sender->auth_header, "auth.header", first_of(&sender->auth_values), "auth.value", err) <
            0 ||
        check_pair(sender->auth_username, "auth.username", first_of(&sender->auth_passwords), "auth.password",
                   err) < 0)
        return -1;
    if (sender->auth_username && strchr(sender->auth_username, ':'))
        return dd_fail(err, DD_ERR_INVALID, "auth.username: HTTP's Basic scheme has no names with a ':'");
    return 0;
}

static int check_registry(void *element, dd_error **err)
{
    const dd_registry_settings *registry = element;

    return check_pair(registry->username, "username", registry->password, "password", err);
}

/* Behind plain_http it is port 80 that a repository's key leaves out. */
static int check_forge(void *element, dd_error **err)
{
    dd_forge_settings *forge = element;
    char *host;

    (void)err;
    if (!forge->plain_http)
        return 0;
    host = dd_host_normalise(forge->host, strlen(forge->host), 80);
    dd_assert(host);
    free(forge->host);
    forge->host = host;
    return 0;
}

int dd_settings_check(const dd_settings *settings, dd_error **err)
{
    if (check_pair(settings->redis.cert, "redis.cert", settings->redis.key, "redis.key", err) < 0)
        return -1;
    return check_pair(settings->server.tls_cert, "server.tls.cert", settings->server.tls_key,
                      "server.tls.key", err);
}

const setting_list dd_setting_lists[] = {
    {"senders", sizeof(dd_sender_settings), TOP(senders), TOP(sender_count), SENDER(name),
     (ptrdiff_t)SENDER(place), check_sender},
    {"registries", sizeof(dd_registry_settings), TOP(registries), TOP(registry_count), REGISTRY(host), -1,
     check_registry},
    {"forges", sizeof(dd_forge_settings), TOP(forges), TOP(forge_count), FORGE(host), -1, check_forge},
};
const size_t dd_setting_lists_count = DD_COUNT(dd_setting_lists);

/* ---- The table as others see it ---- */

static dd_setting_row public_rows[DD_COUNT(dd_setting_table)];
static char public_names[DD_COUNT(dd_setting_table)][64];
static pthread_once_t public_once = PTHREAD_ONCE_INIT;

bool dd_setting_is_secret(const setting_row *row)
{
    return row->kind == SETTING_SECRET || row->kind == SETTING_KEYS;
}

/* "server.tls.cert" is DRYDOCK_SERVER_TLS_CERT. */
static void write_env_name(const char *key, char *ret, size_t size)
{
    size_t length = strlen("DRYDOCK_");

    dd_assert(length + strlen(key) < size);
    memcpy(ret, "DRYDOCK_", length);
    for (; *key; key++)
        ret[length++] = *key == '.' ? '_' : (char)toupper((unsigned char)*key);
    ret[length] = '\0';
}

static void fill_public_rows(void)
{
    for (size_t i = 0; i < DD_COUNT(dd_setting_table); i++) {
        const setting_row *row = &dd_setting_table[i];
        bool of_list = strchr(row->key, '[') != NULL;

        if (!of_list)
            write_env_name(row->key, public_names[i], sizeof(public_names[i]));
        public_rows[i] = (dd_setting_row){row->key, of_list ? NULL : public_names[i], row->fallback,
                                          row->help, dd_setting_is_secret(row)};
    }
}

size_t dd_settings_rows(const dd_setting_row **ret)
{
    pthread_once(&public_once, fill_public_rows);
    *ret = public_rows;
    return DD_COUNT(public_rows);
}

/* ---- The end of settings ---- */

/* Secrets are wiped, so that a later leak of freed memory (a core, a log of a crash) does not hold them. */
static void free_text(char **text, bool secret)
{
    if (*text && secret)
        explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

static void free_value(const setting_row *row, void *object)
{
    void *field = (char *)object + row->offset;

    switch (row->kind) {
    case SETTING_TEXT:
    case SETTING_PATH:
    case SETTING_SECRET:
        free_text(field, dd_setting_is_secret(row));
        break;
    case SETTING_TEXTS:
    case SETTING_KEYS:
        for (size_t i = 0; i < ((dd_strv *)field)->count; i++)
            explicit_bzero(((dd_strv *)field)->items[i], strlen(((dd_strv *)field)->items[i]));
        dd_strv_done(field);
        break;
    case SETTING_NUMBER:
    case SETTING_SECONDS:
    case SETTING_MILLISECONDS:
    case SETTING_SIZE:
    case SETTING_SWITCH:
    case SETTING_NONE:
        break;
    }
}

/* Free the values of the rows that begin with `prefix` ("senders[]."), or of those of no list (""). */
static void free_values(const char *prefix, void *object)
{
    for (size_t i = 0; i < DD_COUNT(dd_setting_table); i++) {
        const char *key = dd_setting_table[i].key;

        if (*prefix ? dd_str_starts(key, prefix) : !strchr(key, '['))
            free_value(&dd_setting_table[i], object);
    }
}

void dd_settings_free(dd_settings *settings)
{
    if (!settings)
        return;
    for (size_t i = 0; i < DD_COUNT(dd_setting_lists); i++) {
        const setting_list *list = &dd_setting_lists[i];
        dd_auto_str prefix = dd_sprintf("%s[].", list->key);
        char **array = (char **)((char *)settings + list->array_offset);
        size_t count = *(size_t *)((char *)settings + list->count_offset);

        for (size_t element = 0; element < count; element++)
            free_values(prefix, *array + element * list->element_size);
        free(*array);
    }
    free_values("", settings);
    free(settings);
}

/* ---- Finding ---- */

const dd_sender_settings *dd_settings_sender(const dd_settings *settings, const char *wanted)
{
    for (size_t i = 0; i < settings->sender_count; i++)
        if (dd_str_eq(settings->senders[i].name, wanted))
            return &settings->senders[i];
    return NULL;
}

const dd_registry_settings *dd_settings_registry(const dd_settings *settings, const char *host)
{
    dd_auto_str wanted = host ? registry_host(host) : NULL;

    for (size_t i = 0; wanted && i < settings->registry_count; i++)
        if (dd_str_eq(settings->registries[i].host, wanted))
            return &settings->registries[i];
    return NULL;
}

const dd_forge_settings *dd_settings_forge(const dd_settings *settings, const char *host)
{
    dd_auto_str wanted = host ? forge_host(host) : NULL;

    for (size_t i = 0; wanted && i < settings->forge_count; i++)
        if (dd_str_eq(settings->forges[i].host, wanted))
            return &settings->forges[i];
    return NULL;
}
