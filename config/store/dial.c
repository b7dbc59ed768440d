/* Find the Redis that is meant, and connect to it. */
#include "dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Of several servers each has a part of the time limit: one that is gone must not use it up. */
#define PART_OF_TIME 4
#define PART_MIN_MS  100

typedef struct search {
    const dd_dial *dial;
    const dd_redis_config *config;
    dd_redis_nodes *known;
    SSL_CTX *tls; /* NULL: plain */
    int cancel_fd;
} search;

void dd_redis_nodes_copy(dd_redis_nodes *to, const dd_redis_nodes *from)
{
    dd_redis_nodes_done(to);
    for (size_t i = 0; i < from->count; i++)
        dd_redis_nodes_add(to, from->items[i].host, from->items[i].port);
}

/* ---- Sockets ---- */

static int await_connected(int fd, const char *name, const dd_patience *patience, dd_error **err)
{
    int number = 0;
    socklen_t length = sizeof(number);
    int ready = dd_await(fd, POLLOUT, patience, err);
    if (ready < 0)
        return -1;
    if (ready == 0)
        return dd_fail(err, DD_ERR_UNAVAILABLE, "Redis at %s does not answer", name);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &length) < 0 || number)
        return dd_fail_errno(err, DD_ERR_UNAVAILABLE, number ? number : errno, "Redis at %s", name);
    return 0;
}

static int connect_socket(const struct sockaddr *address, socklen_t length, const char *name,
                          const dd_patience *patience, int *ret, dd_error **err)
{
    dd_auto_fd fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return dd_fail_errno(err, DD_ERR_UNAVAILABLE, errno, "Redis at %s: socket", name);
    if (connect(fd, address, length) < 0) {
        if (errno != EINPROGRESS)
            return dd_fail_errno(err, DD_ERR_UNAVAILABLE, errno, "Redis at %s", name);
        if (await_connected(fd, name, patience, err) < 0)
            return -1;
    }
    *ret = fd;
    fd = -1;
    return 0;
}

static int connect_unix(const char *path, const dd_patience *patience, int *ret, dd_error **err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return dd_fail(err, DD_ERR_INVALID, "redis.url: the socket's path is longer than a socket's may be");
    memcpy(address.sun_path, path, strlen(path) + 1);
    return connect_socket((const struct sockaddr *)&address, sizeof(address), path, patience, ret, err);
}

/* A peer that went without a word is noticed within half a minute, also by those who only listen. */
static void watch_peer(int fd)
{
    int on = 1, idle_s = 15, every_s = 5, times = 3;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
}

static int connect_host(const dd_redis_node *node, const char *name, const dd_patience *patience, int *ret,
                        dd_error **err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    dd_auto_str port = dd_sprintf("%d", node->port);
    int problem = getaddrinfo(node->host, port, &hints, &found), result = -1;
    if (problem)
        return dd_fail(err, DD_ERR_UNAVAILABLE, "Redis at %s: %s", name, gai_strerror(problem));
    for (const struct addrinfo *at = found; at && result < 0; at = at->ai_next)
        result = connect_socket(at->ai_addr, at->ai_addrlen, name, patience, ret, err);
    freeaddrinfo(found);
    if (result == 0)
        watch_peer(*ret);
    return result;
}

/* To the node, or to the unix socket when it is NULL. */
static int open_link(const search *s, const dd_redis_node *node, const dd_patience *patience, dd_link **ret,
                     dd_error **err)
{
    dd_auto_fd fd = -1;
    SSL *ssl = NULL;
    dd_assert(node || s->config->address.path);
    if (!node) {
        if (connect_unix(s->config->address.path, patience, &fd, err) < 0)
            return -1;
        *ret = dd_link_new(fd, NULL, s->config->address.path);
        fd = -1;
        return 0;
    }
    const char *expected = s->config->server_name ? s->config->server_name : node->host;
    dd_auto_str name = dd_sprintf(strchr(node->host, ':') ? "[%s]:%d" : "%s:%d", node->host, node->port);
    if (connect_host(node, name, patience, &fd, err) < 0 ||
        (s->tls && dd_tls_connect(s->tls, fd, expected, name, patience, &ssl, err) < 0))
        return -1;
    *ret = dd_link_new(fd, ssl, name);
    fd = -1;
    return 0;
}

/* ---- The greeting ---- */

/* Takes the command. */
static int ask(dd_link *link, dd_command *command, const dd_patience *patience, redisReply **ret,
               dd_error **err)
{
    int result = dd_link_ask(link, command, patience, ret, err);
    dd_command_free(command);
    return result;
}

/* Takes the command, whose answer does not matter when it is none of error. */
static int tell(dd_link *link, dd_command *command, const dd_patience *patience, dd_error **err)
{
    redisReply *reply = NULL;
    if (ask(link, command, patience, &reply, err) < 0)
        return -1;
    freeReplyObject(reply);
    return 0;
}

static int authenticate(dd_link *link, const char *username, const char *password,
                        const dd_patience *patience, dd_error **err)
{
    if (!password)
        return 0;
    dd_command *auth = dd_command_new("AUTH");
    if (username)
        dd_command_arg(auth, username);
    dd_command_arg(auth, password);
    return tell(link, auth, patience, err);
}

static int greet(const search *s, dd_link *link, const dd_patience *patience, dd_error **err)
{
    const dd_redis_address *address = &s->config->address;
    if (authenticate(link, address->username, address->password, patience, err) < 0)
        return -1;
    if (address->database) {
        dd_command *select = dd_command_new("SELECT");
        dd_command_arg_int(select, address->database);
        if (tell(link, select, patience, err) < 0)
            return -1;
    }
    return 0;
}

/* A Redis may accept connections before it serves: a stopped one, one that loads. */
static int open_greeted(const search *s, const dd_redis_node *node, int64_t limit_ms, dd_link **ret,
                        dd_error **err)
{
    dd_patience patience = dd_patience_of(limit_ms, s->cancel_fd);
    dd_auto(dd_link) link = NULL;
    if (open_link(s, node, &patience, &link, err) < 0 || greet(s, link, &patience, err) < 0 ||
        tell(link, dd_command_new("PING"), &patience, err) < 0)
        return -1;
    *ret = dd_take(link);
    return 0;
}

static int64_t part_ms(const search *s)
{
    int64_t part = s->config->timeout_ms / PART_OF_TIME;
    return s->known->count < 2 ? s->config->timeout_ms : part > PART_MIN_MS ? part : PART_MIN_MS;
}

static bool is_canceled(dd_error *const *err)
{
    return *err && (*err)->code == DD_ERR_CANCELED;
}

/* What answered well is asked first the next time. */
static void prefer(dd_redis_nodes *known, size_t index)
{
    dd_redis_node node = known->items[index];
    memmove(&known->items[1], &known->items[0], index * sizeof(node));
    known->items[0] = node;
}

/* ---- Sentinels ---- */

/* NOT_FOUND when this sentinel knows no such master. */
static int ask_sentinel(const search *s, const dd_redis_node *sentinel, dd_redis_node *ret, dd_error **err)
{
    dd_patience patience = dd_patience_of(part_ms(s), s->cancel_fd);
    dd_auto(dd_link) link = NULL;
    redisReply *reply = NULL;
    int64_t port;
    if (open_link(s, sentinel, &patience, &link, err) < 0)
        return -1;
    if (authenticate(link, s->config->sentinel_username, s->config->sentinel_password, &patience, err) < 0)
        return dd_context(err, "redis.sentinel_password");
    dd_command *get = dd_command_new("SENTINEL");
    dd_command_arg(get, "GET-MASTER-ADDR-BY-NAME");
    dd_command_arg(get, s->config->address.master);
    if (ask(link, get, &patience, &reply, err) < 0)
        return dd_context(err, "sentinel");
    int result = 0;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING || reply->element[1]->type != REDIS_REPLY_STRING ||
        !dd_str_to_int(reply->element[1]->str, &port) || port < 1 || port > 65535)
        result = dd_fail(err, DD_ERR_NOT_FOUND, "the sentinel at %s knows no master '%s'", link->name,
                         s->config->address.master);
    else
        *ret = (dd_redis_node){.host = dd_strdup(reply->element[0]->str), .port = (int)port};
    freeReplyObject(reply);
    return result;
}

/* Sentinels may still name one that was the master. */
static int check_role(const search *s, dd_link *link, dd_error **err)
{
    dd_patience patience = dd_patience_of(s->config->timeout_ms, s->cancel_fd);
    redisReply *reply = NULL;
    if (ask(link, dd_command_new("ROLE"), &patience, &reply, err) < 0)
        return -1;
    bool master = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 &&
                  reply->element[0]->type == REDIS_REPLY_STRING &&
                  strcmp(reply->element[0]->str, "master") == 0;
    freeReplyObject(reply);
    return master ? 0
                  : dd_fail(err, DD_ERR_UNAVAILABLE,
                            "Redis at %s, which the sentinels name, is not the master now", link->name);
}

static int open_master(const search *s, const dd_redis_node *master, dd_link **ret, dd_error **err)
{
    dd_auto(dd_link) link = NULL;
    if (open_greeted(s, master, s->config->timeout_ms, &link, err) < 0 || check_role(s, link, err) < 0)
        return -1;
    *ret = dd_take(link);
    return 0;
}

static int dial_sentinel(const search *s, dd_link **ret, dd_error **err)
{
    for (size_t i = 0; i < s->known->count; i++) {
        dd_redis_node master = {0};
        if (ask_sentinel(s, &s->known->items[i], &master, err) < 0) {
            if (is_canceled(err))
                return -1;
            continue;
        }
        prefer(s->known, i);
        int result = open_master(s, &master, ret, err);
        free(master.host);
        return result;
    }
    if (*err && (*err)->code == DD_ERR_NOT_FOUND)
        (*err)->code = DD_ERR_UNAVAILABLE; /* it may be told later */
    return dd_context(err, "none of the %zu sentinels helps", s->known->count);
}

/* ---- A cluster ---- */

static bool is_text(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING && reply->len > 0;
}

/* [from, to, [host, port, …], …]: all nodes of a range of slots. */
static void learn_range(const redisReply *range, dd_redis_nodes *known)
{
    for (size_t i = 2; range->type == REDIS_REPLY_ARRAY && i < range->elements; i++) {
        const redisReply *node = range->element[i];
        if (node->type == REDIS_REPLY_ARRAY && node->elements >= 2 && is_text(node->element[0]) &&
            strcmp(node->element[0]->str, "?") != 0 && node->element[1]->type == REDIS_REPLY_INTEGER &&
            node->element[1]->integer > 0 && node->element[1]->integer < 65536)
            dd_redis_nodes_add(known, node->element[0]->str, (int)node->element[1]->integer);
    }
}

/* The address names some nodes; when these are gone the others still lead on. An ACL may forbid to ask. */
static void learn_nodes(const search *s, dd_link *link)
{
    dd_patience patience = dd_patience_of(s->config->timeout_ms, s->cancel_fd);
    dd_command *slots = dd_command_new("CLUSTER");
    redisReply *reply = NULL;
    dd_command_arg(slots, "SLOTS");
    if (ask(link, slots, &patience, &reply, NULL) < 0)
        return;
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        learn_range(reply->element[i], s->known);
    freeReplyObject(reply);
}

/* Whose is our slot? 0: this node's; 1: the one's in *ret. */
static int probe(const search *s, const dd_redis_node *at, dd_link *link, dd_redis_node *ret, dd_error **err)
{
    dd_patience patience = dd_patience_of(s->config->timeout_ms, s->cancel_fd);
    dd_auto(dd_command) exists = dd_command_new("EXISTS");
    redisReply *reply = NULL;
    dd_command_key(exists, s->config->probe_key);
    if (dd_link_call(link, exists, &patience, &reply, err) < 0)
        return -1;
    dd_reply_kind kind = dd_reply_kind_of(reply, ret);
    int result = 0;
    if (kind == DD_REPLY_MOVED) {
        if (!ret->host)
            ret->host = dd_strdup(at->host);
        result = 1;
    } else {
        free(ret->host);
        ret->host = NULL;
        /* Whoever sends elsewhere for the one key, or for a moment, has the slot. */
        if (kind != DD_REPLY_ASK && kind != DD_REPLY_TRYAGAIN && dd_reply_error(reply, err) < 0)
            result = dd_context(err, "at %s", link->name);
    }
    freeReplyObject(reply);
    return result;
}

/* From this node to the one that has our slot. */
static int follow(const search *s, const dd_redis_node *from, int64_t limit_ms, dd_link **ret, dd_error **err)
{
    dd_redis_node at = {.host = dd_strdup(from->host), .port = from->port};
    int result = 1;
    for (int hops = 0; result == 1 && hops < DD_REDIRECTS_MAX; hops++) {
        dd_auto(dd_link) link = NULL;
        dd_redis_node next = {0};
        result = open_greeted(s, &at, limit_ms, &link, err);
        if (result == 0)
            result = probe(s, &at, link, &next, err);
        if (result == 0) {
            learn_nodes(s, link);
            *ret = dd_take(link);
        }
        if (result == 1) {
            free(at.host);
            at = next;
            dd_redis_nodes_add(s->known, at.host, at.port);
        }
    }
    free(at.host);
    return result == 1 ? dd_fail(err, DD_ERR_UNAVAILABLE, "the cluster's nodes send from one to another")
                       : result;
}

static int dial_cluster(const search *s, dd_link **ret, dd_error **err)
{
    const dd_redis_node *hop = s->dial->hop;
    if (hop && s->dial->only_hop)
        return open_greeted(s, hop, s->config->timeout_ms, ret, err);
    if (hop && (follow(s, hop, s->config->timeout_ms, ret, err) == 0 || is_canceled(err)))
        return is_canceled(err) ? -1 : 0;
    for (size_t i = 0, count = s->known->count; i < count; i++) {
        if (follow(s, &s->known->items[i], part_ms(s), ret, err) == 0) {
            prefer(s->known, i);
            return 0;
        }
        if (is_canceled(err))
            return -1;
    }
    return dd_context(err, "none of the cluster's %zu nodes helps", s->known->count);
}

/* ---- All forms ---- */

static int dial_single(const search *s, dd_link **ret, dd_error **err)
{
    const dd_redis_node *node = s->config->address.path ? NULL : &s->known->items[0];
    return open_greeted(s, node, s->config->timeout_ms, ret, err);
}

static int (*const dials[])(const search *s, dd_link **ret, dd_error **err) = {
    [DD_REDIS_SINGLE] = dial_single,
    [DD_REDIS_SENTINEL] = dial_sentinel,
    [DD_REDIS_CLUSTER] = dial_cluster,
};

int dd_redis_dial(const dd_dial *dial, dd_redis_nodes *known, int cancel_fd, dd_link **ret, dd_error **err)
{
    search s = {.dial = dial, .config = dial->config, .known = known, .cancel_fd = cancel_fd};
    dd_error *why = NULL; /* looked at on the way, so it is there always */
    int result = -1;
    if (!dial->config->address.tls || dd_tls_context(dial->config, &s.tls, &why) == 0)
        result = dials[dial->config->address.form](&s, ret, &why);
    SSL_CTX_free(s.tls);
    if (result < 0 && err) {
        dd_error_free(*err);
        *err = dd_take(why);
    }
    dd_error_free(why); /* also of those who were asked in vain before */
    return result;
}
