/* What the settings say of Redis, checked and put together. */
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

static void free_secret(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

void dd_redis_config_unref(dd_redis_config *config)
{
    if (!config || __atomic_sub_fetch(&config->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    dd_redis_address_done(&config->address);
    free(config->sentinel_username);
    free_secret(config->sentinel_password);
    free(config->ca_file);
    free(config->cert);
    free(config->key);
    free(config->server_name);
    free(config->probe_key);
    free(config);
}

dd_redis_config *dd_redis_config_ref(dd_redis_config *config)
{
    __atomic_add_fetch(&config->references, 1, __ATOMIC_RELAXED);
    return config;
}

const char *dd_redis_config_place(const dd_redis_config *config)
{
    const dd_redis_address *address = &config->address;
    return address->path ? address->path : address->master ? address->master : address->nodes.items[0].host;
}

/* What the address leaves open, the settings say. */
static void complete(dd_redis_address *address, const dd_settings *settings)
{
    if (!address->username && settings->redis.username)
        address->username = dd_strdup(settings->redis.username);
    if (!address->password && settings->redis.password)
        address->password = dd_strdup(settings->redis.password);
    if (address->database == 0)
        address->database = settings->redis.database;
    address->tls = address->tls || settings->redis.tls;
}

/* "{…}" with something inside: keys with it are in one slot. */
static bool has_hash_tag(const char *prefix)
{
    const char *open = strchr(prefix, '{'), *close = open ? strchr(open, '}') : NULL;
    return close && close > open + 1;
}

static int check(const dd_redis_address *address, const char *prefix, dd_error **err)
{
    if (address->username && !address->password)
        return dd_fail(err, DD_ERR_INVALID, "redis.username is there without a password");
    if (address->path && address->tls)
        return dd_fail(err, DD_ERR_INVALID, "redis.tls: there is no TLS over a unix socket");
    if (address->form != DD_REDIS_CLUSTER)
        return 0;
    if (address->database != 0)
        return dd_fail(err, DD_ERR_INVALID, "redis.database: a cluster has none but 0");
    if (!has_hash_tag(prefix)) {
        dd_fail(err, DD_ERR_INVALID, "redis.prefix '%s' does not keep all keys in one slot of a cluster",
                prefix);
        return dd_hint(err, "put a part of it in braces, as in {drydock}:");
    }
    return 0;
}

int dd_redis_config_new(const dd_settings *settings, dd_redis_config **ret, dd_error **err)
{
    dd_redis_config *config = dd_new(dd_redis_config);
    config->references = 1;
    config->sentinel_username = dd_strdup(settings->redis.sentinel_username);
    config->sentinel_password = dd_strdup(settings->redis.sentinel_password);
    config->ca_file = dd_strdup(settings->redis.ca_file);
    config->cert = dd_strdup(settings->redis.cert);
    config->key = dd_strdup(settings->redis.key);
    config->server_name = dd_strdup(settings->redis.server_name);
    config->probe_key = dd_sprintf("%sschema", settings->redis.prefix);
    config->timeout_ms = settings->redis.timeout_ms;
    config->replicas = settings->redis.replicas;
    config->replica_timeout_ms = settings->redis.replica_timeout_ms;
    if (dd_redis_address_parse(settings->redis.url, &config->address, err) < 0) {
        dd_redis_config_unref(config);
        return -1;
    }
    complete(&config->address, settings);
    if (check(&config->address, settings->redis.prefix, err) < 0) {
        dd_redis_config_unref(config);
        return -1;
    }
    *ret = config;
    return 0;
}
