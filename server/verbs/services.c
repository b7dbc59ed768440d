/* drydock server, drydock worker, and the worker's hidden children. */
#include "verbs.h"

#include <stdlib.h>

static const dd_option service_options[] = {
    {"config", 'c', "FILE", "settings (default /etc/drydock/drydock.yaml, then ./drydock.yaml)"},
    {0},
};

static int run_service(const dd_args *args, int (*service)(const dd_settings *, dd_error **))
{
    dd_auto(dd_settings) settings = NULL;
    dd_error *error = NULL;
    if (dd_settings_load(dd_args_value(args, "config"), &settings, &error) < 0 ||
        service(settings, &error) < 0)
        return dd_verb_fail(args, error);
    return 0;
}

static int server(const dd_args *args)
{
    return run_service(args, dd_server_run);
}

static int worker(const dd_args *args)
{
    return run_service(args, dd_worker_run);
}

const dd_verb dd_verb_server = {
    .name = "server",
    .summary = "receive deliveries over HTTPS, and match them to tasks",
    .usage = "",
    .help = "  Listens on server.listen. POST /hooks/NAME takes the deliveries of the sender NAME in the "
            "settings and\n"
            "  answers 202 once Redis has them; /api/v1 serves the client verbs; /healthz and /readyz serve "
            "probes.\n"
            "  A matcher makes runs of the deliveries, in the same process.\n\n"
            "  SIGTERM ends it: no new connections, requests under way are answered.\n\n"
            "  Each setting can also be given by the environment: server.listen as DRYDOCK_SERVER_LISTEN, "
            "and so on.\n",
    .examples = "  drydock server --config /etc/drydock/drydock.yaml\n"
                "  DRYDOCK_SERVER_LISTEN=127.0.0.1:9443 drydock server -c drydock.yaml\n",
    .options = service_options,
    .main = server,
};

const dd_verb dd_verb_worker = {
    .name = "worker",
    .summary = "claim runs from the queue and execute them",
    .usage = "",
    .help = "  Takes runs of worker.pool, worker.slots at once, each in a process of its own, and writes "
            "their logs and\n"
            "  results to Redis under a lease.\n\n"
            "  SIGTERM drains it: no new runs; it ends when its runs have, or gives them back after "
            "worker.drain.\n",
    .examples = "  drydock worker --config /etc/drydock/drydock.yaml\n"
                "  DRYDOCK_WORKER_POOL=large DRYDOCK_WORKER_SLOTS=4 drydock worker\n",
    .options = service_options,
    .main = worker,
};

static int run_child(const dd_args *args)
{
    (void)args;
    return dd_run_child_main();
}

static int run_clean(const dd_args *args)
{
    const dd_strv *words = dd_args_words(args);
    dd_auto(dd_strv) argv = dd_strv_new();
    dd_strv_add(argv, "run-clean");
    dd_strv_add_all(argv, (const char *const *)words->items);
    return dd_run_clean_main((int)argv->count, argv->items);
}

const dd_verb dd_verb_run_child = {.name = "run-child",
                                   .summary = "one run, for a worker",
                                   .usage = "",
                                   .help = "",
                                   .main = run_child,
                                   .hidden = true};

const dd_verb dd_verb_run_clean = {.name = "run-clean",
                                   .summary = "remove what a dead run left, for a worker",
                                   .usage = "ENGINE RUN DIRECTORY",
                                   .help = "",
                                   .least = 3,
                                   .most = 3,
                                   .main = run_clean,
                                   .hidden = true};
