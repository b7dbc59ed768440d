/* Settings: one YAML file, every value also as DRYDOCK_…, every secret also as …_file. Paths are
 * relative to the settings file's folder, in the environment too, and kept resolved; hosts are kept in lower
 * case. */
#ifndef DD_CONFIG_SETTINGS_H
#define DD_CONFIG_SETTINGS_H

#include "base/base.h"

/* A sender, and how it proves itself: by what its kind signs or sends with, by `auth`, or by both; then both
 * must hold. Of several values, for rotation, any one holds. */
typedef struct dd_sender_settings {
    char *name; /* POST /hooks/NAME */
    char *kind; /* the row of the senders' table */
    dd_strv secrets;
    bool auth_none;    /* `auth: none`: deliveries are taken from anybody */
    char *auth_header; /* header name and the values, one of which it must have */
    dd_strv auth_values;
    dd_strv auth_url_tokens; /* /hooks/NAME?token=… */
    char *auth_username;     /* HTTP's Basic scheme */
    dd_strv auth_passwords;
    dd_strv addresses;       /* ranges that deliveries may come from; none: all */
    int64_t rate;            /* deliveries a second; 0: no limit */
    int64_t body_max_bytes;  /* 0: the server's */
    int64_t replay_window_s; /* how far a signed time may be off; 0 is the default's 300 */
    char *url;               /* the forge's address, for kinds whose deliveries may name none */
    struct {                 /* JSON pointers, for kinds without a form of their own; NULL: the default's */
        char *repository;
        char *clone_url;
        char *ref;
        char *before;
        char *commit;
        char *message;
        char *actor;
        char *image;
        char *tag;
        char *digest;
    } fields;
    dd_strv types;           /* the CloudEvents that are pushes of images */
    char *docker_repository; /* the one that the registry is, of a server with several; NULL: images are
                                REGISTRY/REPOSITORY/NAME */
    char *registry;          /* the registry that this door speaks for; NULL for forges */
    char *repositories; /* a glob of what it may speak for, by repositories' keys and images' names; NULL: any
                         */
    dd_place place;     /* where in the settings file it stands */
} dd_sender_settings;

typedef struct dd_registry_settings {
    char *host;
    char *username;
    char *password;
    char *ca_file;
    bool plain_http;
    bool push_confirm; /* confirm digests at the registry before a run (default true) */
} dd_registry_settings;

typedef struct dd_forge_settings {
    char *host; /* host[:port] */
    char *kind; /* "generic" when not given */
    char *username;
    char *token;
    char *ca_file;
    bool plain_http; /* http:// may be fetched from this host */
} dd_forge_settings;

typedef struct dd_settings {
    struct {
        char *listen;   /* "0.0.0.0:8443"; port 0 takes a free one */
        char *tls_cert; /* PEM files; made (self-signed P-256) by `drydock dev` only */
        char *tls_key;
        int64_t threads;
        int64_t body_max_bytes; /* a delivery's body */
        int64_t header_max_bytes;
        int64_t timeout_s; /* a whole request must have come by then */
        int64_t connections_max;
        int64_t memory_max_bytes;    /* bodies of all requests under way together */
        char *unix_path;             /* a unix socket to listen on too, without TLS; NULL: none */
        dd_strv proxies;             /* ranges whose X-Forwarded-For is believed */
        int64_t address_connections; /* of one address at a time */
        int64_t address_rate;        /* requests of one address a second */
        char *address_file;          /* the listening address is written here once ready; NULL: nowhere */
    } server;
    struct {
        char *token; /* bearer token of the client verbs; NULL: the API answers 403 */
    } api;
    struct {
        char *url;      /* unix://, redis://, rediss://, sentinel:// or cluster:// */
        char *username; /* and the three that follow: where the address names none */
        char *password;
        int64_t database;
        bool tls; /* beside rediss://, for sentinels and clusters */
        char *ca_file;
        char *cert;
        char *key;
        char *server_name; /* what certificates must bear; NULL: the host */
        char *sentinel_username;
        char *sentinel_password;
        char *prefix; /* "{drydock}:" */
        int64_t timeout_ms;
        int64_t replicas; /* that must have what was acknowledged; 0: none */
        int64_t replica_timeout_ms;
    } redis;
    struct {
        int64_t events_max;           /* deliveries waiting for the matcher before the server answers 503 */
        int64_t events_keep_s;        /* how long handled deliveries stay in the stream */
        int64_t deliveries_max_bytes; /* headers and bodies of kept deliveries; above it the oldest go */
        int64_t dedupe_s;             /* how long delivery ids and causes are remembered */
        int64_t runs_keep_s;          /* how long ended runs stay */
    } queue;
    struct {
        char *pool;
        int64_t slots;
        char *engine;
        char *directory;
        int64_t lease_s;
        int64_t attempts_max;  /* times a run is taken up before it ends Error */
        int64_t grace_s;       /* between asking a run to end and killing it */
        int64_t drain_s;       /* how long SIGTERM waits for running runs before it cancels them */
        int64_t log_max_bytes; /* a run's log; past it a line says so */
        bool echo;             /* run logs also to standard output */
        char *registry;        /* .Run.Registry when the task names none */
    } worker;
    dd_sender_settings *senders;
    size_t sender_count;
    dd_registry_settings *registries;
    size_t registry_count;
    dd_forge_settings *forges;
    size_t forge_count;
} dd_settings;

/* Read `path` (NULL: /etc/drydock/drydock.yaml, else ./drydock.yaml, else defaults alone), then the
 * environment, then every …_file (relative to the settings file). Errors name file, line and key. */
int dd_settings_load(const char *path, dd_settings **ret, dd_error **err);
/* The same from text; `directory` is what …_file is relative to; `env` as environ, NULL for none. */
int dd_settings_parse(const char *text, size_t length, const char *name, const char *directory,
                      char *const *env, dd_settings **ret, dd_error **err);
void dd_settings_free(dd_settings *settings);
DD_DEFINE_FREEP(dd_settings)

/* The table behind it, for --help and the README's test: returns the number of rows. */
typedef struct dd_setting_row {
    const char *key;      /* "server.listen"; "senders[].kind" for members of lists */
    const char *env;      /* "DRYDOCK_SERVER_LISTEN", NULL for members of lists */
    const char *fallback; /* default as written in a file, NULL for none */
    const char *help;
    bool secret;
} dd_setting_row;
size_t dd_settings_rows(const dd_setting_row **ret);

const dd_sender_settings *dd_settings_sender(const dd_settings *settings, const char *name);
/* By host[:port]; NULL when not listed. Docker Hub's names are one; a forge's port is left out where a
 * repository's key leaves it out (443, and 80 behind plain_http). */
const dd_registry_settings *dd_settings_registry(const dd_settings *settings, const char *host);
const dd_forge_settings *dd_settings_forge(const dd_settings *settings, const char *host);

#endif
