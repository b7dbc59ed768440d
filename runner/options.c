/* Allow-lists of engine options. */
#include "options.h"

#include <stdlib.h>
#include <string.h>

enum takes { FLAG, VALUE };

struct words {
    const dd_strv *all;
    size_t at;
};

struct option {
    const char *name; /* without "--" */
    char letter;      /* 0: none */
    enum takes takes;
    /* NULL: for the engine as it stands. `value` is NULL for flags. */
    int (*take)(void *result, const char *value, dd_error **err);
};

/* ---- Values ---- */

bool dd_mount_path_is_valid(const char *path)
{
    return path[0] == '/' && path[1] && !strpbrk(path, ":,");
}

int dd_port_on_loopback(const char *text, char **ret, dd_error **err)
{
    static const char digits[] = "0123456789-";
    const char *slash = strchr(text, '/');
    dd_auto_str ports = dd_strndup(text, slash ? (size_t)(slash - text) : strlen(text));
    char *container = strrchr(ports, ':');
    const char *protocol = slash ? slash : "", *host = "", *address;

    if (*protocol && !dd_str_eq(protocol, "/tcp") && !dd_str_eq(protocol, "/udp"))
        return dd_fail(err, DD_ERR_INVALID, "port '%s': the protocol is tcp or udp", text);
    if (container) {
        char *colon;
        *container++ = '\0';
        colon = strrchr(ports, ':');
        host = colon ? colon + 1 : ports;
        address = colon ? ports : "127.0.0.1";
        if (colon)
            *colon = '\0';
    } else {
        container = ports;
        address = "127.0.0.1";
    }
    if (!*container || container[strspn(container, digits)] || host[strspn(host, digits)])
        return dd_fail(err, DD_ERR_INVALID, "'%s' is not a port, as in 8080:80", text);
    if (!dd_str_starts(address, "127.") || address[strspn(address, "0123456789.")]) {
        dd_fail(err, DD_ERR_DENIED, "port '%s': only loopback addresses are permitted", text);
        return dd_hint(err, "leave the address out: 127.0.0.1 is taken");
    }
    *ret = dd_sprintf("%s:%s:%s%s", address, host, container, protocol);
    return 0;
}

static int set(char **member, const char *value)
{
    free(*member);
    *member = dd_strdup(value);
    return 0;
}

static int take_name(void *result, const char *value, dd_error **err)
{
    if (!dd_name_is_valid(value))
        return dd_fail(err, DD_ERR_INVALID, "'%s' cannot be a container's name", value);
    return set(&((dd_run_options *)result)->name, value);
}

static int take_run_network(void *result, const char *value, dd_error **err)
{
    (void)err;
    return set(&((dd_run_options *)result)->network, value);
}

static int take_user(void *result, const char *value, dd_error **err)
{
    (void)err;
    return set(&((dd_run_options *)result)->user, value);
}

static int take_entry_point(void *result, const char *value, dd_error **err)
{
    (void)err;
    return set(&((dd_run_options *)result)->entry_point, value);
}

static int take_directory(void *result, const char *value, dd_error **err)
{
    (void)err;
    return set(&((dd_run_options *)result)->working_directory, value);
}

static int take_detach(void *result, const char *value, dd_error **err)
{
    (void)err;
    ((dd_run_options *)result)->detach = !value || !dd_str_eq(value, "false");
    return 0;
}

/* A name alone would take its value from the worker's own environment. */
static int take_env(void *result, const char *value, dd_error **err)
{
    (void)err;
    if (strchr(value, '='))
        dd_strv_add(&((dd_run_options *)result)->env, value);
    return 0;
}

static int take_port(void *result, const char *value, dd_error **err)
{
    char *port;

    if (dd_port_on_loopback(value, &port, err) < 0)
        return -1;
    dd_strv_take(&((dd_run_options *)result)->ports, port);
    return 0;
}

static int take_expose(void *result, const char *value, dd_error **err)
{
    (void)err;
    dd_strv_add(&((dd_run_options *)result)->expose, value);
    return 0;
}

static int take_volume(void *result, const char *value, dd_error **err)
{
    dd_run_options *options = result;
    const char *colon = strchr(value, ':');
    dd_run_volume volume = {0};

    if (!colon || value[0] == '/' || value[0] == '.' || value[0] == '~') {
        dd_fail(err, DD_ERR_DENIED, "volume '%s': a path of the worker's machine cannot be mounted", value);
        return dd_hint(err, "name one of the task's volumes, or use /workspace, which all steps share");
    }
    volume.name = dd_strndup(value, (size_t)(colon - value));
    volume.path = dd_strdup(colon + 1);
    if (dd_str_ends(volume.path, ":ro") || dd_str_ends(volume.path, ":rw")) {
        volume.read_only = dd_str_ends(volume.path, ":ro");
        volume.path[strlen(volume.path) - 3] = '\0';
    }
    options->volumes = dd_reallocarray(options->volumes, options->volume_count + 1, sizeof volume);
    options->volumes[options->volume_count++] = volume;
    if (!dd_mount_path_is_valid(volume.path))
        return dd_fail(err, DD_ERR_INVALID, "volume '%s': '%s' is not an absolute path", value, volume.path);
    return 0;
}

static int take_label(void *result, const char *value, dd_error **err)
{
    /* Ours say what belongs to which run. */
    if (dd_str_starts(value, "io.drydock."))
        return dd_fail(err, DD_ERR_DENIED, "labels that begin with io.drydock. are drydock's own");
    dd_strv_addf(&((dd_run_options *)result)->passed, "--label=%s", value);
    return 0;
}

static int take_privileged(void *result, const char *value, dd_error **err)
{
    (void)result, (void)value;
    return dd_fail(err, DD_ERR_DENIED, "--privileged is not permitted");
}

static int drop(void *result, const char *value, dd_error **err)
{
    (void)result, (void)value, (void)err;
    return 0;
}

/* Which of an image's platforms: for the fetch, too. */
static void choose(dd_strv *platform, dd_strv *passed, const char *name, const char *value)
{
    dd_strv_addf(platform, "--%s=%s", name, value);
    dd_strv_addf(passed, "--%s=%s", name, value);
}

static int take_run_platform(void *result, const char *value, dd_error **err)
{
    dd_run_options *options = result;

    (void)err;
    choose(&options->platform, &options->passed, "platform", value);
    return 0;
}

static int take_platform(void *result, const char *value, dd_error **err)
{
    dd_build_options *options = result;

    (void)err;
    choose(&options->platform, &options->passed, "platform", value);
    return 0;
}

static int take_arch(void *result, const char *value, dd_error **err)
{
    dd_build_options *options = result;

    (void)err;
    choose(&options->platform, &options->passed, "arch", value);
    return 0;
}

static int take_os(void *result, const char *value, dd_error **err)
{
    dd_build_options *options = result;

    (void)err;
    choose(&options->platform, &options->passed, "os", value);
    return 0;
}

static int take_variant(void *result, const char *value, dd_error **err)
{
    dd_build_options *options = result;

    (void)err;
    choose(&options->platform, &options->passed, "variant", value);
    return 0;
}

static int take_build_network(void *result, const char *value, dd_error **err)
{
    (void)err;
    return set(&((dd_build_options *)result)->network, value);
}

static const struct option run_options[] = {
    {"add-host", 0, VALUE, NULL},
    {"cap-drop", 0, VALUE, NULL},
    {"cpu-shares", 'c', VALUE, NULL},
    {"cpus", 0, VALUE, NULL},
    {"cpuset-cpus", 0, VALUE, NULL},
    {"detach", 'd', FLAG, take_detach},
    {"dns", 0, VALUE, NULL},
    {"dns-search", 0, VALUE, NULL},
    {"entrypoint", 0, VALUE, take_entry_point},
    {"env", 'e', VALUE, take_env},
    {"expose", 0, VALUE, take_expose},
    {"group-add", 0, VALUE, NULL},
    {"health-cmd", 0, VALUE, NULL},
    {"health-interval", 0, VALUE, NULL},
    {"health-retries", 0, VALUE, NULL},
    {"health-start-period", 0, VALUE, NULL},
    {"health-timeout", 0, VALUE, NULL},
    {"hostname", 'h', VALUE, NULL},
    {"init", 0, FLAG, NULL},
    {"interactive", 'i', FLAG, drop}, /* there is nobody to type */
    {"label", 'l', VALUE, take_label},
    {"memory", 'm', VALUE, NULL},
    {"memory-reservation", 0, VALUE, NULL},
    {"memory-swap", 0, VALUE, NULL},
    {"name", 0, VALUE, take_name},
    {"net", 0, VALUE, take_run_network},
    {"network", 0, VALUE, take_run_network},
    {"no-healthcheck", 0, FLAG, NULL},
    {"platform", 0, VALUE, take_run_platform},
    {"privileged", 0, FLAG, take_privileged},
    {"publish", 'p', VALUE, take_port},
    {"read-only", 0, FLAG, NULL},
    {"rm", 0, FLAG, drop}, /* always, unless the step says keep */
    {"shm-size", 0, VALUE, NULL},
    {"stop-signal", 0, VALUE, NULL},
    {"tmpfs", 0, VALUE, NULL},
    {"tty", 't', FLAG, drop}, /* would mix the two output streams */
    {"ulimit", 0, VALUE, NULL},
    {"user", 'u', VALUE, take_user},
    {"volume", 'v', VALUE, take_volume},
    {"workdir", 'w', VALUE, take_directory},
};

static const struct option build_options[] = {
    {"add-host", 0, VALUE, NULL},
    {"annotation", 0, VALUE, NULL},
    {"arch", 0, VALUE, take_arch},
    {"cache-from", 0, VALUE, NULL}, /* not cache-to: a push that nobody was asked about */
    {"cap-drop", 0, VALUE, NULL},
    {"compress", 0, FLAG, drop}, /* of the way to a daemon; there is none */
    {"cpu-period", 0, VALUE, NULL},
    {"cpu-quota", 0, VALUE, NULL},
    {"cpu-shares", 'c', VALUE, NULL},
    {"cpuset-cpus", 0, VALUE, NULL},
    {"disable-content-trust", 0, FLAG, drop},
    {"dns", 0, VALUE, NULL},
    {"force-rm", 0, FLAG, NULL},
    {"format", 0, VALUE, NULL},
    {"label", 0, VALUE, NULL},
    {"layers", 0, FLAG, NULL},
    {"memory", 'm', VALUE, NULL},
    {"memory-swap", 0, VALUE, NULL},
    {"network", 0, VALUE, take_build_network},
    {"no-cache", 0, FLAG, NULL},
    {"os", 0, VALUE, take_os},
    {"platform", 0, VALUE, take_platform},
    {"progress", 0, VALUE, drop}, /* BuildKit's */
    {"pull", 0, FLAG, drop},      /* bases are always fetched anew */
    {"quiet", 'q', FLAG, NULL},
    {"rm", 0, FLAG, NULL},
    {"shm-size", 0, VALUE, NULL},
    {"squash", 0, FLAG, NULL},
    {"timestamp", 0, VALUE, NULL},
    {"ulimit", 0, VALUE, NULL},
    {"variant", 0, VALUE, take_variant},
};

/* ---- Reading ---- */

struct table {
    const struct option *rows;
    size_t count;
    const char *where; /* "cmd", "build" */
};

static int refuse(const struct table *table, const char *word, dd_error **err)
{
    dd_strv names = {0};

    for (size_t i = 0; i < table->count; i++)
        dd_strv_addf(&names, "--%s", table->rows[i].name);
    dd_auto_str all = dd_strv_join(&names, " ");
    dd_strv_done(&names);
    dd_fail(err, DD_ERR_DENIED, "option '%s' is not permitted in a %s step", word, table->where);
    return dd_hint(err, "permitted are: %s", all);
}

static int take(const struct option *option, const char *value, void *result, dd_strv *passed, dd_error **err)
{
    if (option->take)
        return option->take(result, value, err);
    if (value)
        dd_strv_addf(passed, "--%s=%s", option->name, value);
    else
        dd_strv_addf(passed, "--%s", option->name);
    return 0;
}

/* The value of `option`: behind '=' or the next word. */
static int value_of(const struct option *option, const char *attached, struct words *words, const char **ret,
                    dd_error **err)
{
    *ret = attached;
    if (attached || option->takes == FLAG)
        return 0;
    if (words->at >= words->all->count)
        return dd_fail(err, DD_ERR_INVALID, "option '--%s' has no value", option->name);
    *ret = words->all->items[words->at++];
    return 0;
}

static int read_long(const struct table *table, const char *word, struct words *words, void *result,
                     dd_strv *passed, dd_error **err)
{
    size_t length = strcspn(word + 2, "=");
    const char *attached = word[2 + length] ? word + 2 + length + 1 : NULL, *value;

    for (size_t i = 0; i < table->count; i++) {
        const struct option *option = &table->rows[i];
        if (strlen(option->name) != length || strncmp(option->name, word + 2, length) != 0)
            continue;
        if (value_of(option, attached, words, &value, err) < 0)
            return -1;
        return take(option, value, result, passed, err);
    }
    dd_auto_str name = dd_strndup(word, length + 2);
    return refuse(table, name, err);
}

/* "-it", "-p8080:80", "-p 8080:80". */
static int read_short(const struct table *table, const char *word, struct words *words, void *result,
                      dd_strv *passed, dd_error **err)
{
    for (const char *letter = word + 1; *letter; letter++) {
        const struct option *option = NULL;
        const char *value = NULL;
        for (size_t i = 0; i < table->count; i++)
            if (table->rows[i].letter == *letter)
                option = &table->rows[i];
        if (!option)
            return refuse(table, (const char[]){'-', *letter, '\0'}, err);
        if (option->takes == VALUE &&
            value_of(option, letter[1] ? letter + 1 + (letter[1] == '=') : NULL, words, &value, err) < 0)
            return -1;
        if (take(option, value, result, passed, err) < 0)
            return -1;
        if (value)
            break;
    }
    return 0;
}

/* Read options up to the first other word, or behind "--". */
static int read_options(const struct table *table, struct words *words, void *result, dd_strv *passed,
                        dd_error **err)
{
    while (words->at < words->all->count) {
        const char *word = words->all->items[words->at];
        int read;
        if (word[0] != '-' || !word[1])
            return 0;
        words->at++;
        if (dd_str_eq(word, "--"))
            return 0;
        read = word[1] == '-' ? read_long(table, word, words, result, passed, err)
                              : read_short(table, word, words, result, passed, err);
        if (read < 0)
            return -1;
    }
    return 0;
}

int dd_run_options_parse(const dd_strv *words, dd_run_options **ret, dd_error **err)
{
    static const struct table table = {run_options, DD_COUNT(run_options), "cmd"};
    dd_auto(dd_run_options) options = dd_new(dd_run_options);
    struct words rest = {words, 0};

    if (read_options(&table, &rest, options, &options->passed, err) < 0)
        return -1;
    if (rest.at >= words->count)
        return dd_fail(err, DD_ERR_INVALID, "cmd names no image");
    options->image = dd_strdup(words->items[rest.at++]);
    for (; rest.at < words->count; rest.at++)
        dd_strv_add(&options->arguments, words->items[rest.at]);
    *ret = dd_take(options);
    return 0;
}

void dd_run_options_free(dd_run_options *options)
{
    if (!options)
        return;
    free(options->image);
    dd_strv_done(&options->arguments);
    free(options->name);
    free(options->network);
    free(options->user);
    free(options->entry_point);
    free(options->working_directory);
    dd_strv_done(&options->env);
    dd_strv_done(&options->ports);
    dd_strv_done(&options->expose);
    for (size_t i = 0; i < options->volume_count; i++) {
        free(options->volumes[i].name);
        free(options->volumes[i].path);
    }
    free(options->volumes);
    dd_strv_done(&options->platform);
    dd_strv_done(&options->passed);
    free(options);
}

int dd_build_options_parse(const dd_strv *words, dd_build_options **ret, dd_error **err)
{
    static const struct table table = {build_options, DD_COUNT(build_options), "build"};
    dd_auto(dd_build_options) options = dd_new(dd_build_options);
    struct words rest = {words, 0};

    if (read_options(&table, &rest, options, &options->passed, err) < 0)
        return -1;
    if (rest.at < words->count)
        return dd_fail(err, DD_ERR_INVALID, "'%s' is one word too many: a build has one context",
                       words->items[rest.at]);
    *ret = dd_take(options);
    return 0;
}

void dd_build_options_free(dd_build_options *options)
{
    if (!options)
        return;
    free(options->network);
    dd_strv_done(&options->platform);
    dd_strv_done(&options->passed);
    free(options);
}
