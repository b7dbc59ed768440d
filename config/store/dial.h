/* Find the Redis that is meant and connect to it: names looked up, TLS, user, database, sentinels, cluster.
 */
#ifndef DD_CONFIG_STORE_DIAL_H
#define DD_CONFIG_STORE_DIAL_H

#include "link.h"

typedef struct dd_dial {
    const dd_redis_config *config;
    const dd_redis_node *hop; /* a cluster's node to try first; NULL: none */
    bool only_hop;            /* that one whatever slots it has: for ASKING */
} dd_dial;

/* BLOCKING, at most about redis.timeout for each server on the way. `known` are the nodes of the cluster or
 * the sentinels, the best first: they are asked in this order, and it is made better. The link is greeted: it
 * is the right user's, on the right database, of a Redis that serves, and a master where we know what that
 * is. */
int dd_redis_dial(const dd_dial *dial, dd_redis_nodes *known, int cancel_fd, dd_link **ret, dd_error **err);

/* ---- The same on a thread of its own, for event loops ---- */
typedef struct dd_dialer dd_dialer;
/* Copies what it needs. */
dd_dialer *dd_dialer_start(dd_redis_config *config, const dd_redis_nodes *known, const dd_redis_node *hop,
                           bool only_hop);
/* Readable when it has ended. */
int dd_dialer_fd(const dd_dialer *dialer);
/* After that: the link, and what became of `known`, which is replaced. Once. */
int dd_dialer_take(dd_dialer *dialer, dd_redis_nodes *known, dd_link **ret, dd_error **err);
/* Also while it is under way: it ends by itself then. */
void dd_dialer_free(dd_dialer *dialer);

void dd_redis_nodes_copy(dd_redis_nodes *to, const dd_redis_nodes *from);

#endif
