/* drydock queue, drydock workers list: what waits, and who works. */
#include "verbs.h"

#include <stdio.h>

#define TIMEOUT_S 30

static int queue(const dd_args *args)
{
    static const dd_column columns[] = {{"POOL", "pool"},
                                        {"PRIORITY", "priority"},
                                        {"WAITING", "waiting"},
                                        {"CLAIMED", "claimed"},
                                        {"OLDEST", "oldest"}};
    json_t *answer = NULL;
    dd_error *error = NULL;
    bool as_json;
    if (dd_args_output(args, &as_json, &error) < 0 ||
        dd_client_call(args, "GET", "/queue", NULL, TIMEOUT_S, &answer, &error) < 0)
        return dd_verb_fail(args, error);
    json_t *queues = json_object_get(answer, "queues");
    for (size_t i = 0; i < json_array_size(queues); i++) {
        json_t *row = json_array_get(queues, i);
        const json_t *oldest = json_object_get(row, "oldest_ms");
        /* A stream's entries are those that wait and those that a worker has. */
        json_object_set_new(row, "waiting",
                            json_integer(json_integer_value(json_object_get(row, "entries")) -
                                         json_integer_value(json_object_get(row, "claimed"))));
        if (json_is_integer(oldest)) {
            dd_auto_str age =
                dd_sprintf("%lld s", (long long)(dd_wall_ms() - json_integer_value(oldest)) / 1000);
            json_object_set_new(row, "oldest", json_string(age));
        }
    }
    if (as_json)
        dd_print_json(queues);
    else
        dd_print_table(queues, columns, DD_COUNT(columns));
    json_decref(answer);
    return 0;
}

static const dd_option options[] = {DD_OUTPUT_OPTION, DD_CLIENT_OPTIONS, {0}};
const dd_verb dd_verb_queue = {.name = "queue",
                               .summary = "what waits and what is being run, by pool and priority",
                               .usage = "",
                               .help = "  OLDEST is the age of the oldest run that waits or is being run.\n",
                               .examples = "  drydock queue -o json\n",
                               .options = options,
                               .main = queue};

static int workers(const dd_args *args)
{
    static const dd_column columns[] = {{"WORKER", "id"},   {"HOST", "host"}, {"POOL", "pool"},
                                        {"SLOTS", "slots"}, {"RUNS", "runs"}, {"ENGINE", "engine"}};
    json_t *answer = NULL;
    dd_error *error = NULL;
    bool as_json;
    if (dd_args_output(args, &as_json, &error) < 0 ||
        dd_client_call(args, "GET", "/workers", NULL, TIMEOUT_S, &answer, &error) < 0)
        return dd_verb_fail(args, error);
    if (as_json)
        dd_print_json(json_object_get(answer, "workers"));
    else
        dd_print_table(json_object_get(answer, "workers"), columns, DD_COUNT(columns));
    json_decref(answer);
    return 0;
}

const dd_verb dd_verb_workers_list = {.name = "workers list",
                                      .summary = "workers that are alive",
                                      .usage = "",
                                      .help =
                                          "  A worker that has not been heard of for three lease times is "
                                          "left out.\n",
                                      .examples = "  drydock workers list\n",
                                      .options = options,
                                      .main = workers};

static int version(const dd_args *args)
{
    (void)args;
    printf("drydock %s\n", DRYDOCK_VERSION);
    return 0;
}

const dd_verb dd_verb_version = {.name = "version",
                                 .summary = "this binary's version",
                                 .usage = "",
                                 .help = "  Prints one line: drydock VERSION.\n",
                                 .examples = "  drydock version\n",
                                 .main = version};
