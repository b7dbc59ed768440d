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

char *dd_engine_cgroup(const dd_engine_info *info, const char *run)
{
    char *slice;

    if (!info->systemd_cgroups)
        return dd_sprintf("/drydock/%s", run);
    slice = dd_sprintf("drydock-%s.slice", run);
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
