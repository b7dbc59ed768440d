/* redis.url: unix://, redis://, rediss://, sentinel:// and cluster:// taken apart. */
#include "address.h"

#include <stdlib.h>
#include <string.h>

#define REDIS_PORT    6379
#define SENTINEL_PORT 26379

static void free_secret(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

void dd_redis_nodes_done(dd_redis_nodes *nodes)
{
    for (size_t i = 0; i < nodes->count; i++)
        free(nodes->items[i].host);
    nodes->count = 0;
}

void dd_redis_nodes_add(dd_redis_nodes *nodes, const char *host, int port)
{
    for (size_t i = 0; i < nodes->count; i++)
        if (nodes->items[i].port == port && strcmp(nodes->items[i].host, host) == 0)
            return;
    if (nodes->count < DD_REDIS_NODES_MAX)
        nodes->items[nodes->count++] = (dd_redis_node){.host = dd_strdup(host), .port = port};
}

void dd_redis_address_done(dd_redis_address *address)
{
    free(address->path);
    dd_redis_nodes_done(&address->nodes);
    free(address->master);
    free(address->username);
    free_secret(address->password);
    *address = (dd_redis_address){0};
}

/* %XX decoded in place; false for a bad one. */
static bool unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        uint8_t byte = (uint8_t)*from;
        if (*from == '%') {
            char digits[3] = {from[1], from[1] ? from[2] : '\0', '\0'};
            for (char *d = digits; *d; d++)
                if (*d >= 'A' && *d <= 'F')
                    *d = (char)(*d - 'A' + 'a');
            if (!dd_hex_decode(digits, &byte, 1) || byte == 0)
                return false;
            from += 2;
        }
        *to++ = (char)byte;
    }
    *to = '\0';
    return true;
}

static bool set_text(char **field, const char *escaped)
{
    free(*field);
    *field = dd_strdup(escaped);
    return unescape(*field);
}

static bool set_database(dd_redis_address *ret, const char *text)
{
    return dd_str_to_int(text, &ret->database) && ret->database >= 0 && ret->database <= 65535;
}

/* "user:password@", ":password@" or nothing before the host. */
static bool read_user(char **rest, dd_redis_address *ret)
{
    char *at = strrchr(*rest, '@');
    if (!at)
        return true;
    *at = '\0';
    char *colon = strchr(*rest, ':');
    if (colon)
        *colon = '\0';
    /* One word alone is the password, as redis-cli reads it. */
    const char *user = colon ? *rest : "", *password = colon ? colon + 1 : *rest;
    bool good = (!*user || set_text(&ret->username, user)) && set_text(&ret->password, password);
    *rest = at + 1;
    return good;
}

bool dd_redis_node_parse(const char *text, int default_port, dd_redis_node *ret)
{
    dd_auto_str copy = dd_strdup(text);
    char *host = copy, *colon = strrchr(copy, ':');
    int64_t port = default_port;
    *ret = (dd_redis_node){0};
    if (*copy == '[') { /* [::1]:6379 */
        char *bracket = strchr(copy, ']');
        if (!bracket || (bracket[1] && bracket[1] != ':'))
            return false;
        *bracket = '\0';
        host = copy + 1;
        colon = bracket[1] ? bracket + 1 : NULL;
    }
    if (colon) {
        *colon = '\0';
        if (!dd_str_to_int(colon + 1, &port) || port < 1 || port > 65535)
            return false;
    }
    if (!*host || strpbrk(host, "/,@ []"))
        return false;
    *ret = (dd_redis_node){.host = dd_strdup(host), .port = (int)port};
    return true;
}

/* "HOST[:PORT],HOST[:PORT]" */
static bool read_nodes(char *list, int default_port, dd_redis_address *ret)
{
    for (char *item = list, *next; item; item = next) {
        dd_redis_node node;
        next = strchr(item, ',');
        if (next)
            *next++ = '\0';
        if (!dd_redis_node_parse(item, default_port, &node))
            return false;
        dd_redis_nodes_add(&ret->nodes, node.host, node.port);
        free(node.host);
    }
    return ret->nodes.count > 0;
}

/* Cut at the '/': what follows, or NULL. */
static char *cut_path(char *rest)
{
    char *slash = strchr(rest, '/');
    if (slash)
        *slash++ = '\0';
    return slash && *slash ? slash : NULL;
}

static bool read_single(char *rest, dd_redis_address *ret)
{
    const char *database = cut_path(rest);
    return !strchr(rest, ',') && read_nodes(rest, REDIS_PORT, ret) &&
           (!database || set_database(ret, database));
}

static bool read_single_tls(char *rest, dd_redis_address *ret)
{
    ret->tls = true;
    return read_single(rest, ret);
}

static bool read_sentinel(char *rest, dd_redis_address *ret)
{
    char *master = cut_path(rest), *database = master ? cut_path(master) : NULL;
    ret->form = DD_REDIS_SENTINEL;
    return master && *master && set_text(&ret->master, master) && read_nodes(rest, SENTINEL_PORT, ret) &&
           (!database || set_database(ret, database));
}

/* A cluster has but the database 0. */
static bool read_cluster(char *rest, dd_redis_address *ret)
{
    const char *database = cut_path(rest);
    ret->form = DD_REDIS_CLUSTER;
    return (!database || strcmp(database, "0") == 0) && read_nodes(rest, REDIS_PORT, ret);
}

static bool read_query(char *query, dd_redis_address *ret)
{
    for (char *item = query, *next; item; item = next) {
        next = strchr(item, '&');
        if (next)
            *next++ = '\0';
        char *value = strchr(item, '=');
        if (!value)
            return false;
        *value++ = '\0';
        bool good = strcmp(item, "user") == 0       ? set_text(&ret->username, value)
                    : strcmp(item, "password") == 0 ? set_text(&ret->password, value)
                    : strcmp(item, "db") == 0       ? set_database(ret, value)
                                                    : false;
        if (!good)
            return false;
    }
    return true;
}

static bool read_unix(char *rest, dd_redis_address *ret)
{
    char *query = strchr(rest, '?');
    if (query)
        *query++ = '\0';
    ret->path = dd_strdup(rest);
    return *rest == '/' && (!query || read_query(query, ret));
}

static const struct scheme {
    const char *prefix;
    bool has_user;
    bool (*read)(char *rest, dd_redis_address *ret);
} schemes[] = {
    {"unix://", false, read_unix},        {"redis://", true, read_single},
    {"rediss://", true, read_single_tls}, {"sentinel://", true, read_sentinel},
    {"cluster://", true, read_cluster},
};

int dd_redis_address_parse(const char *url, dd_redis_address *ret, dd_error **err)
{
    *ret = (dd_redis_address){0};
    for (size_t i = 0; i < DD_COUNT(schemes); i++) {
        if (!dd_str_starts(url, schemes[i].prefix))
            continue;
        char *copy = dd_strdup(url + strlen(schemes[i].prefix)), *rest = copy;
        bool good = (!schemes[i].has_user || read_user(&rest, ret)) && schemes[i].read(rest, ret);
        free_secret(copy);
        if (good)
            return 0;
        dd_redis_address_done(ret);
        dd_fail(err, DD_ERR_INVALID, "redis.url begins with %s but does not go on as such an address does",
                schemes[i].prefix);
        return dd_hint(err, "it is %s", DD_REDIS_FORMS);
    }
    dd_fail(err, DD_ERR_INVALID, "redis.url is of no form that is known");
    return dd_hint(err, "it is %s", DD_REDIS_FORMS);
}
