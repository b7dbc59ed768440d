/* Removing what a run made, in one place for runs that end and for runs whose process died. All BLOCKING. */
#ifndef DD_RUNNER_CLEAN_H
#define DD_RUNNER_CLEAN_H

#include "engine.h"

typedef struct dd_clean {
    const dd_engine *engine;
    const char *attempt;
    const char *cgroup;     /* as it was given to the engine; NULL: not known, all forms are tried */
    const char *graph_root; /* NULL: builds leave no trace that we could find */
    const char *directory;  /* NULL: none */
    bool containers, networks, builds; /* what may be there */
    const dd_strv *network_names;      /* NULL: not known, so the engine is asked */
} dd_clean;

/* Everything is tried; the first failure is reported. */
int dd_clean_up(const dd_clean *clean, dd_error **err);
/* Is it, by its buildah.json, a working container of a build in or below that cgroup? */
bool dd_clean_is_working_container(const char *json, size_t length, const char *cgroup);

#endif
