/* redis.url taken apart. */
#ifndef DD_CONFIG_STORE_ADDRESS_H
#define DD_CONFIG_STORE_ADDRESS_H

#include "../base/base.h"

#define DD_REDIS_NODES_MAX 64

/* Where to ask first. */
typedef enum dd_redis_form {
    DD_REDIS_SINGLE,   /* the one that is named */
    DD_REDIS_SENTINEL, /* the sentinels that are named know it */
    DD_REDIS_CLUSTER,  /* the nodes that are named know which has our slot */
} dd_redis_form;

typedef struct dd_redis_node {
    char *host;
    int port;
} dd_redis_node;

typedef struct dd_redis_nodes {
    dd_redis_node items[DD_REDIS_NODES_MAX];
    size_t count;
} dd_redis_nodes;
/* Nothing happens when it is there already, or when there are DD_REDIS_NODES_MAX. */
void dd_redis_nodes_add(dd_redis_nodes *nodes, const char *host, int port);
void dd_redis_nodes_done(dd_redis_nodes *nodes);
/* "HOST:PORT" or "[HOST]:PORT", the port optional; false when it is none. An IPv6 address may come without
 * its brackets when the port is written, as Redis writes it. */
bool dd_redis_node_parse(const char *text, int default_port, dd_redis_node *ret);

typedef struct dd_redis_address {
    dd_redis_form form;
    bool tls;
    char *path;           /* unix socket, or NULL */
    dd_redis_nodes nodes; /* none with a path */
    char *master;         /* of a sentinel's address */
    char *username, *password;
    int64_t database;
} dd_redis_address;

/* What redis.url may be, for messages. */
#define DD_REDIS_FORMS                                                                                       \
    "unix:///PATH[?user=USER&password=PASSWORD&db=DB], redis://[USER:PASSWORD@]HOST[:PORT][/DB], rediss:// " \
    "likewise, sentinel://[USER:PASSWORD@]HOST[:PORT],…/MASTER[/DB] or "                                   \
    "cluster://[USER:PASSWORD@]HOST[:PORT],…"

/* INVALID, without a word of the address: it may hold a password. */
int dd_redis_address_parse(const char *url, dd_redis_address *ret, dd_error **err);
void dd_redis_address_done(dd_redis_address *address);

#endif
