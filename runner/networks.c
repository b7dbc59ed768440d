/* The run's networks: named for the run, made when the first step needs them. */
#include "executor_private.h"

#include <stdlib.h>
#include <string.h>

/* The name that the reference gives the network of a file which declares none. */
#define IMPLICIT_NETWORK "acb_default_network"

static dd_network_run *find(dd_executor *executor, const char *name)
{
    bool any = dd_str_eq(name, "bridge") || dd_str_eq(name, "default");

    for (size_t i = 0; i < executor->taskfile->network_count; i++) {
        dd_network_run *network = &executor->networks[i];
        if (dd_str_eq(network->network->name, name) || (any && network->network->is_default))
            return network;
    }
    return NULL;
}

static int name_network(dd_network_run *network, dd_error **err)
{
    const dd_network *written = network->network;
    const char *attempt = network->executor->attempt;

    if (network->name)
        return 0;
    if (!dd_name_is_valid(written->name))
        return dd_fail(err, DD_ERR_INVALID, "'%s' cannot be a network's name", written->name);
    /* Others (macvlan, ipvlan) would stand in the worker's own network. */
    if (written->driver && *written->driver && !dd_str_eq(written->driver, "bridge"))
        return dd_fail(err, DD_ERR_DENIED, "network '%s': only the driver bridge is permitted",
                       written->name);
    if (written->skip_creation)
        network->name = dd_strdup(written->name);
    else if (dd_str_eq(written->name, IMPLICIT_NETWORK))
        network->name = dd_sprintf("drydock-%s", attempt);
    else
        network->name = dd_sprintf("drydock-%s-%s", attempt, written->name);
    network->made = written->skip_creation;
    return 0;
}

int dd_network_resolve(dd_executor *executor, const char *written, const char **ret_name,
                       dd_network_run **ret_wait, dd_error **err)
{
    dd_network_run *network;

    *ret_name = NULL;
    *ret_wait = NULL;
    if (!written || !*written)
        return 0;
    if (dd_str_eq(written, "none")) {
        *ret_name = "none";
        return 0;
    }
    network = find(executor, written);
    if (dd_str_eq(written, "host") || (network && dd_str_eq(network->network->name, "host")))
        return dd_fail(err, DD_ERR_DENIED, "the network of the worker's machine is not permitted");
    if (!network && (dd_str_eq(written, "bridge") || dd_str_eq(written, "default")))
        return 0;
    /* The one that joins a file's steps, when it declares none: the engine's own does, and costs nothing. */
    if (network && executor->no_peers && dd_str_eq(network->network->name, IMPLICIT_NETWORK))
        return 0;
    if (!network) {
        dd_fail(err, DD_ERR_INVALID, "network '%s' is not one of the task's", written);
        return dd_hint(err, "declare it under networks:");
    }
    if (name_network(network, err) < 0)
        return -1;
    *ret_name = network->name;
    *ret_wait = network->made ? NULL : network;
    return 0;
}

static void on_made(void *context, dd_process *process, int exit_code)
{
    dd_network_run *network = context;
    dd_executor *executor = network->executor;
    const dd_buf *said = dd_process_error(process);

    if (exit_code != 0) {
        dd_auto_str why =
            dd_sprintf("network %s cannot be made: exit status %d: %.*s", network->name, exit_code,
                       (int)(said->length ? strcspn(said->data, "\n") : 0), said->length ? said->data : "");
        dd_executor_end(executor, DD_RUN_ERROR, why);
    }
    network->made = exit_code == 0;
    dd_process_free(dd_take(network->process));
    for (size_t i = 0; network->made && i < executor->taskfile->step_count; i++)
        if (executor->steps[i].waits_for == network)
            dd_step_run_network_ready(&executor->steps[i]);
    dd_executor_poke(executor);
}

void dd_network_want(dd_network_run *network)
{
    dd_executor *executor = network->executor;
    dd_auto(dd_error) error = NULL;
    dd_strv argv = {0};

    if (network->made || network->process)
        return;
    executor->networks_made = true;
    network->wanted = true;
    executor->engine->network_create(&executor->scope, network->name, network->network->driver,
                                     network->network->ipv6, &argv);
    if (dd_process_start(executor->base,
                         &(dd_process_spec){.argv = (const char *const *)argv.items,
                                            .envp = (const char *const *)executor->environment.items,
                                            .ended = on_made,
                                            .context = network},
                         &network->process, &error) < 0)
        dd_executor_end(executor, DD_RUN_ERROR, error->message);
    dd_strv_done(&argv);
}
