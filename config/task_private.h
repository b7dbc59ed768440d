/* Private to the tasks: the definition's own text. */
#ifndef DD_CONFIG_TASK_PRIVATE_H
#define DD_CONFIG_TASK_PRIVATE_H

#include "base/yaml.h"
#include "task.h"

#define TASK_MAX_BYTES ((size_t)256 * 1024)

/* Write one member of `tasks:` as a document of its own, with aliases and merges expanded, so that it means
 * the same without the rest of its file. Owned text of at most TASK_MAX_BYTES, LIMIT above (aliases can make
 * much of little). Reading it gives the same tree, and writing that again the same text. */
int dd_task_write(const dd_yaml_node *task, char **ret, dd_error **err);

#endif
