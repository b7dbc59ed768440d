/* A task: the stored definition. Kept in Redis as its YAML (the hash task:NAME) and read into this form. */
#ifndef DD_CONFIG_TASK_H
#define DD_CONFIG_TASK_H

#include "base/base.h"
#include "reference.h"
#include "words.h"

typedef enum dd_base_image_type {
    DD_BASE_IMAGE_OFF,
    DD_BASE_IMAGE_RUNTIME,
    DD_BASE_IMAGE_ALL
} dd_base_image_type;

typedef struct dd_task {
    char *name;
    char *yaml; /* its own definition, as a document of one task, for showing and storing */
    dd_context_ref *context;
    char *context_text;
    char *file;     /* task file in the context; NULL: acr-task.yaml, else drydock.yaml */
    char *values;   /* JSON object text, "{}" when none */
    char *registry; /* .Run.Registry: host[:port][/path]; NULL: the worker's */
    char *pool;     /* default "default" */
    bool enabled;
    int64_t timeout_s; /* 3600 */
    struct {
        bool on;
        dd_strv branches; /* globs; empty: the context's ref, else the default branch of the push */
        dd_strv paths;    /* globs, '!' excludes; empty: all */
    } commit;
    dd_base_image_type base_image;
} dd_task;

/* Read a `tasks:` file: at most 1,000 tasks; every error names file, line and path. An array, owned. */
int dd_tasks_parse(const char *text, size_t length, const char *name, dd_task ***ret, size_t *ret_count,
                   dd_error **err);
/* One stored definition (dd_task.yaml). */
int dd_task_parse(const char *yaml, dd_task **ret, dd_error **err);
void dd_task_free(dd_task *task);
DD_DEFINE_FREEP(dd_task)

/* "*" within a component, "**" over components, "?" one character, [a-z] classes; whole text. */
bool dd_glob_match(const char *glob, const char *text);

#endif
