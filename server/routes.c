/* Which handler a request goes to: one table. */
#include "routes.h"

#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

static bool run_id_is_valid(const char *text)
{
    size_t length = strlen(text);
    return length >= 1 && length <= 31 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789") == length;
}

static const dd_route routes[] = {
    /* The sender proves itself. */
    {EVHTTP_REQ_POST, DD_AUTH_NONE, "/hooks/*", dd_name_is_valid, dd_handle_hook},
    {EVHTTP_REQ_GET, DD_AUTH_NONE, "/healthz", NULL, dd_handle_health},
    {EVHTTP_REQ_GET, DD_AUTH_NONE, "/readyz", NULL, dd_handle_ready},
    {EVHTTP_REQ_GET, DD_AUTH_NONE, "/metrics", NULL, dd_handle_metrics},
    {EVHTTP_REQ_GET, DD_AUTH_TOKEN, "/api/v1/tasks", NULL, dd_handle_tasks_list},
    {EVHTTP_REQ_POST, DD_AUTH_TOKEN, "/api/v1/tasks", NULL, dd_handle_tasks_apply},
    {EVHTTP_REQ_GET, DD_AUTH_TOKEN, "/api/v1/tasks/*", dd_name_is_valid, dd_handle_task_show},
    {EVHTTP_REQ_DELETE, DD_AUTH_TOKEN, "/api/v1/tasks/*", dd_name_is_valid, dd_handle_task_delete},
    {EVHTTP_REQ_POST, DD_AUTH_TOKEN, "/api/v1/tasks/*/runs", dd_name_is_valid, dd_handle_task_run},
    {EVHTTP_REQ_GET, DD_AUTH_TOKEN, "/api/v1/runs", NULL, dd_handle_runs_list},
    {EVHTTP_REQ_GET, DD_AUTH_TOKEN, "/api/v1/runs/*", run_id_is_valid, dd_handle_run_show},
    {EVHTTP_REQ_GET, DD_AUTH_TOKEN, "/api/v1/runs/*/log", run_id_is_valid, dd_handle_run_log},
    {EVHTTP_REQ_POST, DD_AUTH_TOKEN, "/api/v1/runs/*/cancel", run_id_is_valid, dd_handle_run_cancel},
    {EVHTTP_REQ_GET, DD_AUTH_TOKEN, "/api/v1/queue", NULL, dd_handle_queue},
    {EVHTTP_REQ_GET, DD_AUTH_TOKEN, "/api/v1/workers", NULL, dd_handle_workers},
};

static const struct {
    enum evhttp_cmd_type type;
    const char *name;
} methods[] = {{EVHTTP_REQ_GET, "GET"}, {EVHTTP_REQ_POST, "POST"}, {EVHTTP_REQ_DELETE, "DELETE"}};

/* Whether the path has the pattern; *ret is the owned component under "*", or NULL. */
static bool matches(const char *pattern, const char *path, char **ret)
{
    const char *star = strchr(pattern, '*');
    *ret = NULL;
    if (!star)
        return strcmp(pattern, path) == 0;
    size_t before = (size_t)(star - pattern);
    if (strncmp(pattern, path, before) != 0)
        return false;
    size_t length = strcspn(path + before, "/");
    if (length == 0 || strcmp(path + before + length, star + 1) != 0)
        return false;
    *ret = dd_strndup(path + before, length);
    return true;
}

const dd_route *dd_route_find(enum evhttp_cmd_type method, const char *path, char **ret_argument)
{
    /* A HEAD is a GET whose body evhttp leaves out. */
    enum evhttp_cmd_type wanted = method == EVHTTP_REQ_HEAD ? EVHTTP_REQ_GET : method;
    *ret_argument = NULL;
    for (size_t i = 0; i < DD_COUNT(routes); i++) {
        dd_auto_str argument = NULL;
        if (routes[i].method != wanted || !matches(routes[i].path, path, &argument) ||
            (routes[i].valid && !routes[i].valid(argument)))
            continue;
        *ret_argument = argument ? dd_take(argument) : dd_strdup("");
        return &routes[i];
    }
    return NULL;
}

char *dd_route_allowed(const char *path)
{
    dd_auto(dd_strv) words = dd_strv_new();
    for (size_t i = 0; i < DD_COUNT(methods); i++) {
        dd_auto_str argument = NULL;
        if (!dd_route_find(methods[i].type, path, &argument))
            continue;
        dd_strv_add(words, methods[i].name);
        if (methods[i].type == EVHTTP_REQ_GET)
            dd_strv_add(words, "HEAD");
    }
    if (words->count)
        dd_strv_add(words, "OPTIONS");
    return dd_strv_join(words, ", ");
}

static bool token_is_right(dd_exchange *exchange, dd_error **err)
{
    const char *token = exchange->door->settings->api.token;
    const char *header =
        evhttp_find_header(evhttp_request_get_input_headers(exchange->request), "Authorization");
    if (!token) {
        dd_fail(err, DD_ERR_DENIED, "the API is off: the settings have no api.token");
        return false;
    }
    if (!header || strncasecmp(header, "Bearer ", 7) != 0 ||
        !dd_equal_constant_time(header + 7, strlen(header + 7), token, strlen(token))) {
        dd_fail(err, DD_ERR_DENIED, "a bearer token is needed, and this is not it");
        return false;
    }
    return true;
}

static void on_close(struct evhttp_connection *connection, void *context)
{
    dd_exchange *exchange = context;
    (void)connection;
    /* A connection that failed has let its request go, to us; one that is freed frees it. */
    if (!evhttp_request_get_connection(exchange->request))
        evhttp_request_free(exchange->request);
    exchange->request = NULL; /* the handler's later answer goes nowhere */
}

static dd_exchange *exchange_new(struct evhttp_request *request, dd_door *door)
{
    dd_exchange *exchange = dd_new(dd_exchange);
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *query = uri ? evhttp_uri_get_query(uri) : NULL;
    exchange->door = door;
    exchange->request = request;
    exchange->query = dd_new(struct evkeyvalq);
    TAILQ_INIT(exchange->query);
    if (query && evhttp_parse_query_str(query, exchange->query) < 0)
        evhttp_clear_headers(exchange->query);
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_close, exchange);
    return exchange;
}

static void refuse(dd_exchange *exchange, int status, const char *why, const char *word)
{
    dd_auto(dd_error) error = NULL;
    dd_auto_str text = dd_sprintf("%s%s", why, word);
    dd_fail(&error, DD_ERR_INVALID, "%s", text);
    dd_answer_error(exchange, status, error);
}

/* How long the body is must be said once and in a way that evhttp goes by: what it does not take for this
 * request's body it reads as the next request, and a proxy in front may see that otherwise. */
static bool framing_is_sound(struct evhttp_request *request)
{
    size_t lengths = 0, codings = 0;
    const struct evkeyval *header;
    TAILQ_FOREACH(header, evhttp_request_get_input_headers(request), next)
    {
        bool is_coding = strcasecmp(header->key, "Transfer-Encoding") == 0;
        codings += is_coding;
        lengths += strcasecmp(header->key, "Content-Length") == 0;
        if (is_coding && strcasecmp(header->value, "chunked") != 0)
            return false;
    }
    return lengths + codings <= 1 &&
           (evhttp_request_get_command(request) != EVHTTP_REQ_HEAD || lengths + codings == 0);
}

/* No route: the path is unknown, or it takes other methods. */
static void answer_no_route(dd_exchange *exchange, enum evhttp_cmd_type method, const char *path)
{
    dd_auto_str allowed = dd_route_allowed(path);
    if (!*allowed) {
        refuse(exchange, 404, "no such path", "");
        return;
    }
    dd_exchange_header(exchange, "Allow", allowed);
    if (method == EVHTTP_REQ_OPTIONS)
        dd_answer(exchange, 200, json_pack("{s:s}", "allow", allowed));
    else
        refuse(exchange, 405, "this path takes ", allowed);
}

static void refuse_token(dd_exchange *exchange, const dd_error *error)
{
    bool is_off = !exchange->door->settings->api.token;
    if (!is_off)
        dd_exchange_header(exchange, "WWW-Authenticate", "Bearer");
    dd_answer_error(exchange, is_off ? 403 : 401, error);
}

void dd_route_request(struct evhttp_request *request, void *context)
{
    dd_connection_begin(request, context);
    dd_auto(dd_error) error = NULL;
    dd_exchange *exchange = exchange_new(request, context);
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri && evhttp_uri_get_path(uri) ? evhttp_uri_get_path(uri) : "";
    enum evhttp_cmd_type method = evhttp_request_get_command(request);
    if (!framing_is_sound(request)) {
        dd_exchange_header(exchange, "Connection", "close");
        refuse(exchange, 400, "the length of the body must be said once, by Content-Length or chunked", "");
        return;
    }
    const dd_route *route = dd_route_find(method, path, &exchange->argument);
    if (!route)
        answer_no_route(exchange, method, path);
    else if (route->auth == DD_AUTH_TOKEN && !token_is_right(exchange, &error))
        refuse_token(exchange, error);
    else
        route->handler(exchange);
}
