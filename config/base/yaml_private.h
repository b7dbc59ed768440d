/* What the reader of YAML knows of scalars. */
#ifndef DD_BASE_YAML_PRIVATE_H
#define DD_BASE_YAML_PRIVATE_H

#include "yaml.h"

#define YAML_TAG_PREFIX "tag:yaml.org,2002:"

/* Is the text what its tag says? (`!!int x` is not.) */
bool dd_yaml_scalar_fits(const dd_yaml_node *node);

#endif
