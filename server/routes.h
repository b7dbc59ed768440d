/* The routes' table, and the pure part of finding a way in it. */
#ifndef DD_SERVER_ROUTES_H
#define DD_SERVER_ROUTES_H

#include "exchange.h"

typedef enum dd_auth {
    DD_AUTH_NONE,  /* open, or the handler's own matter: a sender proves itself by its delivery */
    DD_AUTH_TOKEN, /* the API's bearer token */
} dd_auth;

typedef struct dd_route {
    enum evhttp_cmd_type method; /* a GET is a HEAD too */
    dd_auth auth;
    const char *path; /* "*" stands for one component, the handler's argument */
    bool (*valid)(const char *argument);
    dd_handler *handler;
} dd_route;

/* The route of a method and a path, NULL when there is none. *ret_argument is its component under "*" as it
 * was sent (owned, valid when the route says what that is, or ""); with NULL returned it is NULL. */
const dd_route *dd_route_find(enum evhttp_cmd_type method, const char *path, char **ret_argument);
/* "GET, HEAD, OPTIONS": what the path can be asked by; "" when nothing is there. Owned text. */
char *dd_route_allowed(const char *path);

#endif
