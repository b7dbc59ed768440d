/* The routes' table, and the pure part of finding a way in it. */
#ifndef DD_SERVER_ROUTES_H
#define DD_SERVER_ROUTES_H

#include "exchange.h"

typedef struct dd_route {
    enum http_method method; /* a GET is a HEAD too */
    /* Asked when the head is there, before the body comes: true to go on; else it has answered. NULL: open to
     * all. */
    bool (*admit)(dd_exchange *exchange);
    const char *path; /* "*" stands for one component, the handler's argument */
    bool (*valid)(const char *argument);
    dd_handler *handler;
} dd_route;

/* The API's bearer token. */
bool dd_admit_token(dd_exchange *exchange);

/* The route of a method and a path, NULL when there is none. *ret_argument is its component under "*" as it
 * was sent (owned, valid when the route says what that is, or ""); with NULL returned it is NULL. */
const dd_route *dd_route_find(enum http_method method, const char *path, char **ret_argument);
/* "GET, HEAD, OPTIONS": what the path can be asked by; "" when nothing is there. Owned text. */
char *dd_route_allowed(const char *path);

#endif
