/* What Redis's error replies mean, and what is done about them. */
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

#define ELSEWHERE DD_REPLY_ELSEWHERE
#define ANSWER    DD_REPLY_ANSWER
#define USER_HINT                                                                                            \
    "redis.url's user and password, or redis.username and redis.password, and what Redis's ACL permits "     \
    "them; "                                                                                                 \
    "README's \"Redis\" has the line"

static const struct meaning {
    const char *prefix;
    dd_code code;
    bool ours; /* from our scripts: the prefix is only for us */
    dd_reply_kind kind;
    const char *hint;
} meanings[] = {
    {"STALE ", DD_ERR_STALE, true, ANSWER, NULL},
    {"CONFLICT ", DD_ERR_CONFLICT, true, ANSWER, NULL},
    {"NOTFOUND ", DD_ERR_NOT_FOUND, true, ANSWER, NULL},
    {"LIMIT ", DD_ERR_LIMIT, true, ANSWER, NULL},
    {"NOSCRIPT", DD_ERR_UNAVAILABLE, false, DD_REPLY_NOSCRIPT, NULL},
    {"MOVED ", DD_ERR_UNAVAILABLE, false, DD_REPLY_MOVED,
     "this Redis is a cluster's: redis.url must begin with cluster://"},
    {"ASK ", DD_ERR_UNAVAILABLE, false, DD_REPLY_ASK,
     "this Redis is a cluster's: redis.url must begin with cluster://"},
    {"TRYAGAIN", DD_ERR_UNAVAILABLE, false, DD_REPLY_TRYAGAIN, NULL},
    {"READONLY", DD_ERR_UNAVAILABLE, false, ELSEWHERE, "it is a replica: redis.url must lead to the master"},
    {"LOADING", DD_ERR_UNAVAILABLE, false, ELSEWHERE, NULL},
    {"MASTERDOWN", DD_ERR_UNAVAILABLE, false, ELSEWHERE, NULL},
    {"CLUSTERDOWN", DD_ERR_UNAVAILABLE, false, ELSEWHERE, NULL},
    {"UNBLOCKED", DD_ERR_UNAVAILABLE, false, ELSEWHERE, NULL}, /* it became a replica while we waited */
    {"OOM", DD_ERR_UNAVAILABLE, false, ANSWER,
     "Redis is full: give it more maxmemory, or let queue.events_keep and queue.runs_keep be shorter"},
    {"MISCONF", DD_ERR_UNAVAILABLE, false, ANSWER,
     "Redis cannot write to its disk, and so refuses to change anything: see its log"},
    {"NOREPLICAS", DD_ERR_UNAVAILABLE, false, ANSWER, "fewer replicas than its min-replicas-to-write"},
    {"BUSY ", DD_ERR_UNAVAILABLE, false, ANSWER, "a script is running for too long"},
    {"UNKILLABLE", DD_ERR_UNAVAILABLE, false, ANSWER, NULL},
    {"ERR max number of clients", DD_ERR_UNAVAILABLE, false, ANSWER, "Redis's maxclients is reached"},
    {"NOAUTH", DD_ERR_DENIED, false, ANSWER, USER_HINT},
    {"ERR Protocol error: unauthenticated", DD_ERR_DENIED, false, ANSWER,
     USER_HINT}, /* longer than a login's */
    {"WRONGPASS", DD_ERR_DENIED, false, ANSWER, USER_HINT},
    {"NOPERM", DD_ERR_DENIED, false, ANSWER, USER_HINT},
    {"ERR The user executing the script can't", DD_ERR_DENIED, false, ANSWER, USER_HINT},
    /* Redis's word for a password where its default user has none. */
    {"ERR AUTH <password> called without any password", DD_ERR_DENIED, false, ANSWER, USER_HINT},
};

static const struct meaning *meaning_of(const struct redisReply *reply)
{
    for (size_t i = 0; i < DD_COUNT(meanings); i++)
        if (dd_str_starts(reply->str, meanings[i].prefix))
            return &meanings[i];
    return NULL;
}

int dd_reply_error(const struct redisReply *reply, dd_error **err)
{
    if (reply->type != REDIS_REPLY_ERROR)
        return 0;
    const struct meaning *m = meaning_of(reply);
    if (m && m->ours)
        return dd_fail(err, m->code, "%s", reply->str + strlen(m->prefix));
    /* Some of Redis's sentences end in a full stop, ours go on. */
    int length = reply->len > 0 && reply->str[reply->len - 1] == '.' ? (int)reply->len - 1 : (int)reply->len;
    dd_fail(err, m ? m->code : DD_ERR_INTERNAL, "Redis: %.*s", length, reply->str);
    return m && m->hint ? dd_hint(err, "%s", m->hint) : -1;
}

bool dd_error_is_of_redis(const dd_error *error)
{
    return error->code == DD_ERR_UNAVAILABLE || error->code == DD_ERR_DENIED;
}

/* "MOVED 3999 127.0.0.1:6381"; the host may be empty: the one that was asked. */
static bool read_node(const char *text, dd_redis_node *ret)
{
    const char *place = strrchr(text, ' ');
    *ret = (dd_redis_node){0};
    if (!place)
        return false;
    int64_t port;
    if (*++place == ':' && dd_str_to_int(place + 1, &port) && port >= 1 && port <= 65535) {
        ret->port = (int)port;
        return true;
    }
    if (dd_redis_node_parse(place, 0, ret) && ret->port > 0)
        return true;
    free(dd_take(ret->host)); /* an address without its port is none */
    return false;
}

dd_reply_kind dd_reply_kind_of(const struct redisReply *reply, dd_redis_node *ret)
{
    const struct meaning *m = reply->type == REDIS_REPLY_ERROR ? meaning_of(reply) : NULL;
    if (!m)
        return DD_REPLY_ANSWER;
    if ((m->kind == DD_REPLY_MOVED || m->kind == DD_REPLY_ASK) && ret && !read_node(reply->str, ret))
        return DD_REPLY_ANSWER;
    return m->kind;
}

int dd_replicas_reply(const struct redisReply *reply, const dd_redis_config *config, dd_error **err)
{
    if (dd_reply_error(reply, err) < 0) {
        (void)dd_context(err, "waiting for replicas");
        if (err && *err && !dd_error_is_of_redis(*err))
            (*err)->code = DD_ERR_UNAVAILABLE;
        return -1;
    }
    long long have = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
    if (have >= config->replicas)
        return 0;
    return dd_fail(err, DD_ERR_UNAVAILABLE,
                   "done, but %lld of %lld replicas (redis.replicas) had it within %lld ms", have,
                   (long long)config->replicas, (long long)config->replica_timeout_ms);
}
