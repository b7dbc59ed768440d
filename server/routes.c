/* Which handler a request goes to: one table. */
#include "routes.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool run_id_is_valid(const char *text)
{
    size_t length = strlen(text);
    return length >= 1 && length <= 31 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789") == length;
}

static const dd_route routes[] = {
    {HTTP_POST, dd_admit_hook, "/hooks/*", dd_name_is_valid, dd_handle_hook},
    {HTTP_OPTIONS, NULL, "/hooks/*", dd_name_is_valid, dd_handle_hook_options},
    {HTTP_GET, NULL, "/healthz", NULL, dd_handle_health},
    {HTTP_GET, NULL, "/readyz", NULL, dd_handle_ready},
    {HTTP_GET, NULL, "/metrics", NULL, dd_handle_metrics},
    {HTTP_GET, dd_admit_token, "/api/v1/tasks", NULL, dd_handle_tasks_list},
    {HTTP_POST, dd_admit_token, "/api/v1/tasks", NULL, dd_handle_tasks_apply},
    {HTTP_GET, dd_admit_token, "/api/v1/tasks/*", dd_name_is_valid, dd_handle_task_show},
    {HTTP_DELETE, dd_admit_token, "/api/v1/tasks/*", dd_name_is_valid, dd_handle_task_delete},
    {HTTP_POST, dd_admit_token, "/api/v1/tasks/*/runs", dd_name_is_valid, dd_handle_task_run},
    {HTTP_GET, dd_admit_token, "/api/v1/runs", NULL, dd_handle_runs_list},
    {HTTP_GET, dd_admit_token, "/api/v1/runs/*", run_id_is_valid, dd_handle_run_show},
    {HTTP_GET, dd_admit_token, "/api/v1/runs/*/log", run_id_is_valid, dd_handle_run_log},
    {HTTP_POST, dd_admit_token, "/api/v1/runs/*/cancel", run_id_is_valid, dd_handle_run_cancel},
    {HTTP_GET, dd_admit_token, "/api/v1/events", NULL, dd_handle_events_list},
    {HTTP_GET, dd_admit_token, "/api/v1/events/*", dd_stream_id_is_valid, dd_handle_event_show},
    {HTTP_GET, dd_admit_token, "/api/v1/events/*/why", dd_stream_id_is_valid, dd_handle_event_why},
    {HTTP_POST, dd_admit_token, "/api/v1/events/*/replay", dd_stream_id_is_valid, dd_handle_event_replay},
    {HTTP_GET, dd_admit_token, "/api/v1/queue", NULL, dd_handle_queue},
    {HTTP_GET, dd_admit_token, "/api/v1/workers", NULL, dd_handle_workers},
};

static const struct {
    enum http_method type;
    const char *name;
} methods[] = {{HTTP_GET, "GET"}, {HTTP_POST, "POST"}, {HTTP_DELETE, "DELETE"}};

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

const dd_route *dd_route_find(enum http_method method, const char *path, char **ret_argument)
{
    /* A HEAD is a GET whose body is left out. */
    enum http_method wanted = method == HTTP_HEAD ? HTTP_GET : method;
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
        if (methods[i].type == HTTP_GET)
            dd_strv_add(words, "HEAD");
    }
    if (words->count)
        dd_strv_add(words, "OPTIONS");
    return dd_strv_join(words, ", ");
}

static bool token_is_right(dd_exchange *exchange, dd_error **err)
{
    const char *token = exchange->door->settings->api.token;
    const char *header = dd_http_header(exchange->request, "Authorization");
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

static void refuse(dd_exchange *exchange, int status, const char *why, const char *word)
{
    dd_auto(dd_error) error = NULL;
    dd_auto_str text = dd_sprintf("%s%s", why, word);
    dd_fail(&error, DD_ERR_INVALID, "%s", text);
    dd_answer_error(exchange, status, error);
}

/* No route: the path is unknown, or it takes other methods. */
static void answer_no_route(dd_exchange *exchange, enum http_method method, const char *path)
{
    dd_auto_str allowed = dd_route_allowed(path);
    if (!*allowed) {
        refuse(exchange, 404, "no such path", "");
        return;
    }
    dd_exchange_header(exchange, "Allow", allowed);
    if (method == HTTP_OPTIONS)
        dd_answer(exchange, 200, json_pack("{s:s}", "allow", allowed));
    else
        refuse(exchange, 405, "this path takes ", allowed);
}

bool dd_admit_token(dd_exchange *exchange)
{
    dd_auto(dd_error) error = NULL;
    if (token_is_right(exchange, &error))
        return true;
    bool is_off = !exchange->door->settings->api.token;
    if (!is_off)
        dd_exchange_header(exchange, "WWW-Authenticate", "Bearer");
    dd_answer_error(exchange, is_off ? 403 : 401, error);
    return false;
}

void dd_route_head(dd_http_request *request, void *context)
{
    dd_exchange *exchange = dd_exchange_new(context, request);
    int64_t wait_s = dd_gate_request(exchange->door->gate, exchange->client);
    if (wait_s) {
        dd_answer_later(exchange, wait_s, "too many requests from this address");
        return;
    }
    const dd_route *route = dd_route_find(request->method, request->path, &exchange->argument);
    if (!route)
        answer_no_route(exchange, request->method, request->path);
    else if (!route->admit || route->admit(exchange))
        exchange->route = route;
}

void dd_route_whole(dd_http_request *request, void *context)
{
    dd_exchange *exchange = request->context;
    (void)context;
    exchange->handled = true;
    exchange->route->handler(exchange);
}
