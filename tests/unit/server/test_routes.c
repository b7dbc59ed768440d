/* The routes' table: which path and method goes where, and what is refused before any handler. */
#include "server/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

static void assert_goes_to(enum http_method method, const char *path, dd_handler *handler,
                           const char *argument, bool (*admit)(dd_exchange *))
{
    dd_auto_str found = NULL;
    const dd_route *route = dd_route_find(method, path, &found);
    assert_non_null(route);
    assert_ptr_equal(route->handler, handler);
    assert_true(route->admit == admit);
    assert_string_equal(found, argument);
}

static void paths_lead_to_their_handlers(void **state)
{
    (void)state;
    assert_goes_to(HTTP_GET, "/healthz", dd_handle_health, "", NULL);
    assert_goes_to(HTTP_HEAD, "/healthz", dd_handle_health, "", NULL);
    assert_goes_to(HTTP_POST, "/hooks/github", dd_handle_hook, "github", dd_admit_hook);
    assert_goes_to(HTTP_GET, "/api/v1/tasks", dd_handle_tasks_list, "", dd_admit_token);
    assert_goes_to(HTTP_POST, "/api/v1/tasks", dd_handle_tasks_apply, "", dd_admit_token);
    assert_goes_to(HTTP_GET, "/api/v1/tasks/runs", dd_handle_task_show, "runs", dd_admit_token);
    assert_goes_to(HTTP_DELETE, "/api/v1/tasks/a.b-c", dd_handle_task_delete, "a.b-c", dd_admit_token);
    assert_goes_to(HTTP_POST, "/api/v1/tasks/app/runs", dd_handle_task_run, "app", dd_admit_token);
    assert_goes_to(HTTP_GET, "/api/v1/runs/ca1/log", dd_handle_run_log, "ca1", dd_admit_token);
    assert_goes_to(HTTP_POST, "/api/v1/runs/ca1/cancel", dd_handle_run_cancel, "ca1", dd_admit_token);
    assert_goes_to(HTTP_GET, "/api/v1/events", dd_handle_events_list, "", dd_admit_token);
    assert_goes_to(HTTP_GET, "/api/v1/events/1-0", dd_handle_event_show, "1-0", dd_admit_token);
    assert_goes_to(HTTP_GET, "/api/v1/events/1-0/why", dd_handle_event_why, "1-0", dd_admit_token);
    assert_goes_to(HTTP_POST, "/api/v1/events/1-0/replay", dd_handle_event_replay, "1-0", dd_admit_token);
}

static void arguments_that_are_no_names_lead_nowhere(void **state)
{
    static const char *const paths[] = {
        "",
        "/",
        "healthz",
        "/healthz/",
        "/HEALTHZ",
        "/api/v1/tasks/",
        "/api/v1/tasks//runs",
        "/api/v1/tasks/../runs",
        "/api/v1/tasks/a%2fb",
        "/api/v1/tasks/a:b",
        "/api/v1/tasks/-a",
        "/api/v1/tasks/{drydock}",
        "/api/v1/tasks/a\r\nb",
        "/api/v1/runs/CA1",
        "/api/v1/runs/c_1",
        "/api/v1/runs/ca1/logs",
        "/api/v1/runs/c1234567890123456789012345678901",
        "/api/v1/events/1",
        "/api/v1/events/1-",
        "/api/v1/events/-1",
        "/api/v1/events/1-0-0",
        "/api/v1/events/1-x",
        "/api/v1/events/123456789012345678901-0",
        "/api/v1",
    };
    static const enum http_method methods[] = {HTTP_GET, HTTP_POST, HTTP_DELETE};
    (void)state;
    for (size_t i = 0; i < DD_COUNT(paths); i++) {
        for (size_t j = 0; j < DD_COUNT(methods); j++) {
            dd_auto_str argument = NULL;
            assert_null(dd_route_find(methods[j], paths[i], &argument));
            assert_null(argument);
        }
        dd_auto_str allowed = dd_route_allowed(paths[i]);
        assert_string_equal(allowed, "");
    }
}

static void every_path_says_what_it_takes(void **state)
{
    static const char *const cases[][2] = {{"/healthz", "GET, HEAD, OPTIONS"},
                                           {"/hooks/any", "POST, OPTIONS"},
                                           {"/api/v1/tasks", "GET, HEAD, POST, OPTIONS"},
                                           {"/api/v1/tasks/a", "GET, HEAD, DELETE, OPTIONS"},
                                           {"/api/v1/runs/ca1/cancel", "POST, OPTIONS"}};
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto_str allowed = dd_route_allowed(cases[i][0]);
        assert_string_equal(allowed, cases[i][1]);
    }
}

static void a_known_path_asked_in_another_way_has_no_route(void **state)
{
    dd_auto_str argument = NULL;
    (void)state;
    assert_null(dd_route_find(HTTP_POST, "/healthz", &argument));
    assert_null(dd_route_find(HTTP_PUT, "/api/v1/tasks/a", &argument));
    assert_null(dd_route_find(HTTP_HEAD, "/hooks/github", &argument));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_lead_to_their_handlers),
        cmocka_unit_test(arguments_that_are_no_names_lead_nowhere),
        cmocka_unit_test(every_path_says_what_it_takes),
        cmocka_unit_test(a_known_path_asked_in_another_way_has_no_route),
    };
    return cmocka_run_group_tests_name("routes", tests, NULL, NULL);
}
