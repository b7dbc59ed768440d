/* The target of a request line, as evhttp takes it apart and the routes' table judges it; its query too. */
#include "server/routes.h"

#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum evhttp_cmd_type methods[] = {EVHTTP_REQ_GET,    EVHTTP_REQ_HEAD,    EVHTTP_REQ_POST,
                                               EVHTTP_REQ_DELETE, EVHTTP_REQ_OPTIONS, EVHTTP_REQ_PUT};

/* What goes on into keys of Redis is a name or an id, whatever was sent. */
static void check_path(const char *path)
{
    dd_auto_str allowed = dd_route_allowed(path);
    bool any = false;
    for (size_t i = 0; i < DD_COUNT(methods); i++) {
        dd_auto_str argument = NULL;
        const dd_route *route = dd_route_find(methods[i], path, &argument);
        dd_assert(!route == !argument);
        any = any || route;
        if (route && *argument) {
            dd_assert(strlen(argument) <= 63 && strstr(path, argument));
            dd_assert(!strpbrk(argument, "/:{}%?* \r\n"));
        }
    }
    dd_assert(any == (*allowed != '\0'));
}

static void check_query(const char *text)
{
    struct evkeyvalq query;
    TAILQ_INIT(&query);
    if (evhttp_parse_query_str(text, &query) == 0) {
        const dd_exchange exchange = {.query = &query};
        const char *task = dd_exchange_query(&exchange, "task");
        dd_assert(!task || strlen(task) <= strlen(text));
    }
    evhttp_clear_headers(&query);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dd_auto_str text = dd_strndup((const char *)data, size);
    struct evhttp_uri *uri = evhttp_uri_parse_with_flags(text, EVHTTP_URI_NONCONFORMANT);
    if (uri) {
        check_path(evhttp_uri_get_path(uri) ? evhttp_uri_get_path(uri) : "");
        if (evhttp_uri_get_query(uri))
            check_query(evhttp_uri_get_query(uri));
        evhttp_uri_free(uri);
    }
    check_path(text);
    return 0;
}
