/* What the store's files share. */
#ifndef DD_CONFIG_STORE_PRIVATE_H
#define DD_CONFIG_STORE_PRIVATE_H

#include "../store.h"
#include "address.h"

#include <hiredis/hiredis.h>

typedef struct dd_script_text {
    const char *name;
    const char *source;
} dd_script_text;
extern const dd_script_text dd_script_texts[DD_SCRIPTS];

struct dd_command {
    dd_script script; /* DD_SCRIPTS: a plain command */
    size_t keys;      /* of a script */
    char **words;     /* name, [sha1, number of keys,] keys, arguments */
    size_t *lengths;
    size_t count, capacity;
};
/* Write the number of keys into a script's words; before it is sent. */
void dd_command_finish(dd_command *command);
/* SCRIPT LOAD of the command's script. */
dd_command *dd_command_load(const dd_command *command);
/* Is what it changes answered only when the replicas that settings ask for have it? */
bool dd_command_is_replicated(const dd_command *command);

/* ---- What is known of Redis from the settings; never changes, and is counted: threads share it ---- */
typedef struct dd_redis_config {
    dd_redis_address address; /* with the user, the password, the database and TLS of the settings */
    char *sentinel_username, *sentinel_password;
    char *ca_file, *cert, *key;
    char *server_name; /* what certificates must bear; NULL: the host */
    char *probe_key;   /* one of ours, to find its cluster node by */
    int64_t timeout_ms;
    int64_t replicas, replica_timeout_ms;
    int references; /* atomic */
} dd_redis_config;
int dd_redis_config_new(const dd_settings *settings, dd_redis_config **ret, dd_error **err);
dd_redis_config *dd_redis_config_ref(dd_redis_config *config);
void dd_redis_config_unref(dd_redis_config *config);
/* Where Redis is, for messages: without a password. */
const char *dd_redis_config_place(const dd_redis_config *config);

/* ---- Replies ---- */

/* What an error reply means: 0 when the reply is none. */
int dd_reply_error(const struct redisReply *reply, dd_error **err);
/* Is the error one for the caller to wait out or to tell its operator, not an answer to what it asked? */
bool dd_error_is_of_redis(const dd_error *error);

/* What is to be done with a reply. All but the first say that the command was not executed. */
typedef enum dd_reply_kind {
    DD_REPLY_ANSWER,    /* it is the caller's */
    DD_REPLY_NOSCRIPT,  /* load the script, send again */
    DD_REPLY_MOVED,     /* send to the node that it names, as all that follows */
    DD_REPLY_ASK,       /* send this one to the node that it names, behind ASKING */
    DD_REPLY_TRYAGAIN,  /* send again in a moment */
    DD_REPLY_ELSEWHERE, /* this Redis is not, or not now, who we want: find the one that is */
} dd_reply_kind;
/* `ret` (may be NULL) is the node of MOVED and ASK, its host owned, NULL when it is that of the connection.
 */
dd_reply_kind dd_reply_kind_of(const struct redisReply *reply, dd_redis_node *ret);

/* The answer of WAIT: have as many replicas it as the settings ask for? */
int dd_replicas_reply(const struct redisReply *reply, const dd_redis_config *config, dd_error **err);

/* Attempts to bring one command to where it is executed. */
#define DD_REDIRECTS_MAX 5
/* An error such as READONLY makes us look for another Redis no more often than this. */
#define DD_ELSEWHERE_EVERY_MS 1000
#define DD_TRYAGAIN_MS        50

/* ---- Back-off: 0.1 s doubling to 5 s, with jitter, so that a fleet does not come back in step ---- */
typedef struct dd_backoff {
    int64_t next_ms; /* 0: the first */
} dd_backoff;
/* How long to wait after this failure. What needs its operator (a wrong password) waits longest at once. */
int64_t dd_backoff_ms(dd_backoff *backoff, const dd_error *why);

/* ---- Outages: of the whole process, told by one line when the first connection is without Redis, by one
 * for each other kind of reason, and by one when the last is served again ---- */
typedef struct dd_outage {
    bool on;
} dd_outage;
void dd_outage_begin(dd_outage *outage, const dd_error *why);
void dd_outage_end(dd_outage *outage, const dd_redis_config *config);
/* The connection is freed: it neither is away nor served. */
void dd_outage_forget(dd_outage *outage);

#endif
