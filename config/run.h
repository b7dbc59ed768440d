/* A run's fields: what the hash run:ID says of the task it is a run of. */
#ifndef DD_CONFIG_RUN_H
#define DD_CONFIG_RUN_H

#include "store.h"
#include "task.h"

/* Everything a worker needs of the task: task, clone_url, repository, context, folder, file, values,
 * registry, timeout_s, and ref and branch where the context names one. The clone URL is the task's, never a
 * payload's. */
void dd_run_fields_of_task(dd_fields *fields, const dd_task *task);

#endif
