/* The table of engines, and what is the same for all of them. */
#include "engine.h"

#include <stdlib.h>
#include <string.h>

static const dd_engine *const engines[] = {&dd_engine_podman};

const dd_engine *dd_engine_find(const char *name, dd_error **err)
{
    dd_strv names = {0};

    for (size_t i = 0; i < DD_COUNT(engines); i++) {
        if (dd_str_eq(engines[i]->name, name ? name : "podman"))
            return engines[i];
        dd_strv_add(&names, engines[i]->name);
    }
    dd_auto_str known = dd_strv_join(&names, ", ");
    dd_strv_done(&names);
    dd_fail(err, DD_ERR_INVALID, "no engine is named '%s'", name);
    dd_hint(err, "the engines are: %s", known);
    return NULL;
}

void dd_engine_info_free(dd_engine_info *info)
{
    if (!info)
        return;
    free(info->version);
    free(info->graph_root);
    free(info);
}

char *dd_attempt_name(const char *instance, const char *run, int64_t lease)
{
    return dd_sprintf("%s-%s-%lld", instance, run, (long long)lease);
}

char *dd_attempt_name_run(const char *name)
{
    const char *first = strchr(name, '-'), *last = strrchr(name, '-');
    int64_t lease;

    if (!first || first == last || !dd_str_to_int(last + 1, &lease) || lease < 0)
        return NULL;
    dd_auto_str instance = dd_strndup(name, (size_t)(first - name));
    dd_auto_str run = dd_strndup(first + 1, (size_t)(last - first - 1));
    return dd_name_is_valid(instance) && dd_name_is_valid(run) ? dd_take(run) : NULL;
}

char *dd_engine_cgroup(const dd_engine_info *info, const char *attempt)
{
    char *slice;

    if (!info->systemd_cgroups)
        return dd_sprintf("/drydock/%s", attempt);
    slice = dd_sprintf("drydock-%s.slice", attempt);
    /* In a slice's name '-' stands for a level of the tree. */
    for (char *c = slice + strlen("drydock-"); *c; c++)
        if (*c == '-')
            *c = '_';
    return slice;
}

char *dd_engine_build_cgroup(const dd_engine_info *info, const char *cgroup, size_t step)
{
    return info->systemd_cgroups ? dd_strdup(cgroup) : dd_sprintf("%s/build-%zu", cgroup, step);
}

char *dd_engine_exit_words(int exit_code)
{
    static const struct {
        int code;
        const char *words;
    } meanings[] = {
        {125, "the engine could not run it"}, {126, "its command cannot be executed"},
        {127, "its command was not found"},   {137, "killed, or out of memory"},
        {139, "segmentation fault"},          {143, "terminated"},
    };

    for (size_t i = 0; i < DD_COUNT(meanings); i++)
        if (meanings[i].code == exit_code)
            return dd_sprintf("exit status %d (%s)", exit_code, meanings[i].words);
    return dd_sprintf("exit status %d", exit_code);
}
