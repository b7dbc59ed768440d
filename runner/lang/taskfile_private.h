/* What the task file's reader, checkers and printer share. */
#ifndef DD_LANG_TASKFILE_PRIVATE_H
#define DD_LANG_TASKFILE_PRIVATE_H

#include "runner/lang/alias.h"
#include "runner/runner.h"

#define DD_TASKFILE_DEFAULT_VERSION   "v1.0.0"
#define DD_TASKFILE_DEFAULT_TIMEOUT_S 600
#define DD_TASKFILE_DEFAULT_DELAY_S   5
#define DD_TASKFILE_DEFAULT_NETWORK   "acb_default_network"
#define DD_TASKFILE_DEFAULT_DRIVER    "bridge"
#define DD_TASKFILE_GIVEN_DRIVER      "external" /* the command line's network: made by others */
#define DD_TASKFILE_MAX_PROBLEMS      100        /* of each kind: what comes behind them is not said */
#define DD_TASKFILE_MAX_NUMBER        INT32_MAX
#define DD_TASKFILE_MAX_ENTRIES       1000               /* of env, images and mounts, each */
#define DD_TASKFILE_MAX_COPIED        (64 * 1024 * 1024) /* bytes of the task's that its steps are given */
#define DD_TASKFILE_MAX_NEEDS         1000000            /* over all steps: kind names multiply */

/* ---- Problems ---- */

/* Note a problem; path and hint are copied and may be NULL. */
void dd_problem_error(dd_problems *problems, dd_place place, const char *path, const char *hint,
                      const char *format, ...) DD_PRINTF(5, 6);
void dd_problem_warning(dd_problems *problems, dd_place place, const char *path, const char *hint,
                        const char *format, ...) DD_PRINTF(5, 6);
/* By place, as a reader meets them. */
void dd_problems_sort(dd_problems *problems);

/* ---- Properties, by tables (properties.c) ---- */

/* How a property is read, and where it goes. */
typedef enum dd_property_type {
    DD_PROPERTY_TEXT,
    DD_PROPERTY_TEXTS, /* a list of texts, or one alone: a dd_strv */
    DD_PROPERTY_INT,
    DD_PROPERTY_BOOL,
    DD_PROPERTY_INTS,   /* an array and its count, as the rest */
    DD_PROPERTY_MOUNTS, /* a list of {name, mountPath} */
    DD_PROPERTY_FILES,  /* a map of file names to base64 text */
    DD_PROPERTY_NETWORKS,
    DD_PROPERTY_VOLUMES,
    DD_PROPERTY_SECRETS,
    DD_PROPERTY_ELSEWHERE, /* known, and read by code of its own */
} dd_property_type;

/* On which kinds of steps a property does something. */
enum { DD_ON_CMD = 1 << DD_STEP_CMD, DD_ON_BUILD = 1 << DD_STEP_BUILD, DD_ON_PUSH = 1 << DD_STEP_PUSH };
#define DD_ON_RUN (DD_ON_CMD | DD_ON_BUILD)
#define DD_ON_ALL (DD_ON_RUN | DD_ON_PUSH)

typedef struct dd_property {
    const char *name;
    size_t offset, count_offset; /* in the struct; the count's, where there is one */
    dd_property_type type;
    unsigned kinds; /* of steps; 0 in tables of other things */
} dd_property;

/* Every property of a task, and of what its lists of maps are made of (NULL for other types). */
extern const dd_property dd_task_properties[];
extern const size_t dd_task_property_count;
const dd_property *dd_member_properties(dd_property_type type, size_t *ret_count);
/* Every property of a step, in the order `graph` prints them. */
extern const dd_property dd_step_properties[];
extern const size_t dd_step_property_count;

/* Read a map's members by the table; unknown ones are warned about with the nearest known name. */
void dd_properties_read(const dd_yaml_node *map, const dd_property *table, size_t count, const char *path,
                        void *into, dd_problems *problems);
/* The place of the value under `key`, or of the map when it has none. */
dd_place dd_property_place(const dd_yaml_node *map, const char *key);
/* Neither missing nor null. */
bool dd_property_is_given(const dd_yaml_node *node);

/* ---- Reading ---- */

typedef struct dd_reader {
    dd_taskfile *taskfile;
    const dd_yaml_node *root; /* a map */
    const dd_taskfile_options *options;
    const dd_aliases *aliases; /* the file's own, when they are known */
    bool aliases_on;
    bool unreadable;    /* the text is no YAML */
    const char *source; /* the file as it was written, before rendering; NULL: not known */
    size_t source_length;
    const dd_yaml_limits *limits; /* NULL: the usual ones */
    dd_strv default_env;          /* each step's but its own: the task's, then the command line's */
    size_t copied;                /* bytes of the task's env and defaults in its steps */
    dd_problems *problems;
} dd_reader;

/* dd_taskfile_parse within other bounds, for measuring what lies beyond them. */
int dd_taskfile_parse_within(const char *text, size_t length, const dd_yaml_limits *limits, dd_taskfile **ret,
                             dd_problems **ret_problems);
/* Has one of the first `count` entries the name of `entry`, NAME=VALUE? */
bool dd_env_has_name(const dd_strv *env, size_t count, const char *entry);
/* `steps[index]` from its map: properties, kind, defaults, checks (taskfile_step.c). */
void dd_step_read(dd_reader *reader, size_t index, const dd_yaml_node *map);
/* What is wrong with volumes, secrets and networks (taskfile_checks.c). */
void dd_taskfile_check(const dd_reader *reader);
/* Warnings of `dd_taskfile_options.lint`, of a file without errors (lint.c). */
void dd_taskfile_lint(const dd_reader *reader);
/* `when` of all steps → needs, cycles refused and named, stages (graph.c). `steps` is the list they were read
 * from. */
void dd_graph_resolve(const dd_reader *reader, const dd_yaml_node *steps);

/* White space in the sense of Unicode. */
bool dd_text_has_space(const char *text);
/* NAME=VALUE, or in quotes as a whole or for its value: one level of quotes removed. Owned. */
char *dd_env_unquote(const char *entry);
/* Note what is no NAME=VALUE. */
void dd_env_check(const dd_strv *env, dd_place place, const char *path, dd_problems *problems);

#endif
