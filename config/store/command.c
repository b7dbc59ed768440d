/* Commands as argument vectors of bytes. */
#include "store_private.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static char sha1s[DD_SCRIPTS][DD_SHA1_HEX];
static pthread_once_t sha1s_once = PTHREAD_ONCE_INIT;

static void make_sha1s(void)
{
    for (size_t i = 0; i < DD_SCRIPTS; i++)
        dd_sha1_hex(dd_script_texts[i].source, strlen(dd_script_texts[i].source), sha1s[i]);
}

const char *dd_script_name(dd_script script)
{
    return dd_script_texts[script].name;
}

const char *dd_script_source(dd_script script)
{
    return dd_script_texts[script].source;
}

const char *dd_script_sha1(dd_script script)
{
    pthread_once(&sha1s_once, make_sha1s);
    return sha1s[script];
}

static dd_command *command_new(dd_script script)
{
    dd_command *command = dd_new(dd_command);
    command->script = script;
    return command;
}

dd_command *dd_command_new(const char *name)
{
    dd_command *command = command_new(DD_SCRIPTS);
    dd_command_arg(command, name);
    return command;
}

dd_command *dd_command_script(dd_script script)
{
    dd_command *command = command_new(script);
    dd_command_arg(command, "EVALSHA");
    dd_command_arg(command, dd_script_sha1(script));
    dd_command_arg(command, "0"); /* the number of keys: dd_command_finish knows it */
    return command;
}

void dd_command_arg_bytes(dd_command *command, const void *data, size_t length)
{
    if (command->count == command->capacity) {
        command->capacity = command->capacity ? command->capacity * 2 : 16;
        command->words = dd_reallocarray(command->words, command->capacity, sizeof(*command->words));
        command->lengths = dd_reallocarray(command->lengths, command->capacity, sizeof(*command->lengths));
    }
    char *word = dd_calloc(length + 1, 1);
    if (length)
        memcpy(word, data, length);
    command->words[command->count] = word;
    command->lengths[command->count++] = length;
}

void dd_command_arg(dd_command *command, const char *text)
{
    dd_command_arg_bytes(command, text ? text : "", text ? strlen(text) : 0);
}

void dd_command_arg_int(dd_command *command, int64_t number)
{
    dd_auto_str text = dd_sprintf("%lld", (long long)number);
    dd_command_arg(command, text);
}

void dd_command_key(dd_command *command, const char *key)
{
    /* Keys stand before the arguments: EVALSHA counts them from the left. */
    dd_assert(command->script == DD_SCRIPTS || command->count == 3 + command->keys);
    dd_command_arg(command, key);
    command->keys++;
}

void dd_command_finish(dd_command *command)
{
    if (command->script == DD_SCRIPTS)
        return;
    free(command->words[2]);
    command->words[2] = dd_sprintf("%zu", command->keys);
    command->lengths[2] = strlen(command->words[2]);
}

dd_command *dd_command_load(const dd_command *command)
{
    dd_assert(command->script != DD_SCRIPTS);
    dd_command *load = dd_command_new("SCRIPT");
    dd_command_arg(load, "LOAD");
    dd_command_arg(load, dd_script_source(command->script));
    return load;
}

void dd_command_free(dd_command *command)
{
    if (!command)
        return;
    for (size_t i = 0; i < command->count; i++)
        free(command->words[i]);
    free(command->words);
    free(command->lengths);
    free(command);
}

void dd_command_args_fields(dd_command *command, const dd_fields *fields)
{
    for (size_t i = 0; fields && i < dd_fields_count(fields); i++) {
        size_t length;
        const char *value = dd_fields_get_bytes(fields, dd_fields_name_at(fields, i), &length);
        dd_command_arg(command, dd_fields_name_at(fields, i));
        dd_command_arg_bytes(command, value, length);
    }
}

/* What a person, a forge or a worker was told stays. A claim that a failover loses is made again, so are
 * beats; and what ends a run says so of the lines before it. */
static const bool is_replicated[DD_SCRIPTS] = {
    [DD_SCRIPT_ACCEPT] = true, [DD_SCRIPT_CREATE_RUN] = true,  [DD_SCRIPT_UPDATE] = true,
    [DD_SCRIPT_FINISH] = true, [DD_SCRIPT_CANCEL] = true,      [DD_SCRIPT_TASK_APPLY] = true,
    [DD_SCRIPT_SETTLE] = true, [DD_SCRIPT_TASK_DELETE] = true,
};

bool dd_command_is_replicated(const dd_command *command)
{
    return command->script != DD_SCRIPTS && is_replicated[command->script];
}
