/* What the store's files share. */
#ifndef DD_CONFIG_STORE_PRIVATE_H
#define DD_CONFIG_STORE_PRIVATE_H

#include "../store.h"

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
/* The words as hiredis wants them: it does not write to them. */
static inline const char **dd_command_argv(const dd_command *command)
{
    return (const char **)(uintptr_t)command->words;
}
/* Write the number of keys into a script's words; before it is sent. */
void dd_command_finish(dd_command *command);
/* SCRIPT LOAD of the command's script. */
dd_command *dd_command_load(const dd_command *command);

/* redis.url taken apart. */
typedef struct dd_redis_address {
    char *path; /* unix socket, or NULL */
    char *host;
    int port;
    char *username, *password;
    int64_t database;
} dd_redis_address;
int dd_redis_address_parse(const char *url, dd_redis_address *ret, dd_error **err);
void dd_redis_address_done(dd_redis_address *address);

/* What an error reply means: 0 when the reply is none. */
int dd_reply_error(const struct redisReply *reply, dd_error **err);
bool dd_reply_is_noscript(const struct redisReply *reply);
/* AUTH and SELECT, as many as the address needs (0 to 2); owned by the caller. */
size_t dd_redis_greeting(const dd_redis_address *address, dd_command *ret[2]);

#endif
