/* The target of a request, taken apart and judged by the routes' table; its query too. */
#include "server/http/http_private.h"
#include "server/routes.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum http_method methods[] = {HTTP_GET,    HTTP_HEAD,    HTTP_POST,
                                           HTTP_DELETE, HTTP_OPTIONS, HTTP_PUT};

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    atomic_size_t memory = 0;
    const dd_http_limits limits = {.memory = &memory};
    dd_auto_str text = dd_strndup((const char *)data, size);
    dd_http_request *request = dd_http_request_new(&limits);
    if (dd_http_request_target(request, HTTP_GET, text)) {
        check_path(request->path);
        for (size_t i = 0; i < request->query_count; i++)
            dd_assert(strlen(request->query[i].name) + strlen(request->query[i].value) <= strlen(text));
    }
    dd_http_request_free(request, &limits);
    check_path(text);
    return 0;
}
