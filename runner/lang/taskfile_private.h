/* What the task file's reader, checker and printer share. */
#ifndef DD_LANG_TASKFILE_PRIVATE_H
#define DD_LANG_TASKFILE_PRIVATE_H

#include "runner/runner.h"

#define DD_TASKFILE_DEFAULT_TIMEOUT_S 600
#define DD_TASKFILE_DEFAULT_DELAY_S   5
#define DD_TASKFILE_DEFAULT_NETWORK   "acb_default_network"
#define DD_TASKFILE_MAX_PROBLEMS      100 /* of each kind: what comes behind them is not said */

/* Note a problem; the path is copied. */
void dd_problem_error(dd_problems *problems, dd_place place, const char *path, const char *hint,
                      const char *format, ...) DD_PRINTF(5, 6);
void dd_problem_warning(dd_problems *problems, dd_place place, const char *path, const char *hint,
                        const char *format, ...) DD_PRINTF(5, 6);

/* How a property is read, and where it goes. */
typedef enum dd_property_type {
    DD_PROPERTY_TEXT,
    DD_PROPERTY_TEXTS, /* a list of texts, or one alone */
    DD_PROPERTY_INT,
    DD_PROPERTY_BOOL,
    DD_PROPERTY_MOUNTS,
    DD_PROPERTY_INTS,
    DD_PROPERTY_NETWORKS,
    DD_PROPERTY_VOLUMES,
    DD_PROPERTY_SECRETS,
    DD_PROPERTY_STEPS,
    DD_PROPERTY_IGNORED, /* known, and read elsewhere */
} dd_property_type;

typedef struct dd_property {
    const char *name;
    dd_property_type type;
    size_t offset, count_offset; /* the count of arrays that are no dd_strv */
} dd_property;

/* Read a map's members by the table: unknown ones are warned about with the nearest known name. */
void dd_properties_read(const dd_yaml_node *map, const dd_property *table, size_t count, const char *path,
                        void *into, dd_problems *problems);

/* `when` of all steps → needs, cycles refused and named, stages. */
void dd_graph_resolve(dd_taskfile *taskfile, dd_problems *problems);

#endif
