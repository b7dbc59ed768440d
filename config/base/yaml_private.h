/* What the reader of YAML knows of scalars and of maps' keys. */
#ifndef DD_BASE_YAML_PRIVATE_H
#define DD_BASE_YAML_PRIVATE_H

#include "yaml.h"

#define YAML_TAG_PREFIX "tag:yaml.org,2002:"

/* Is the text what its tag says? (`!!int x` is not.) */
bool dd_yaml_scalar_fits(const dd_yaml_node *node);

/* A map's keys by hash while it is read, so that a map of many keys is read in linear time. */
typedef struct dd_yaml_keys {
    dd_yaml_entry *entries;
    bool *written; /* each by the map itself, not by a merge */
    size_t count, capacity;
    size_t *slots; /* index + 1 */
    size_t slot_count;
} dd_yaml_keys;

typedef enum dd_yaml_setter { DD_YAML_NOBODY, DD_YAML_A_MERGE, DD_YAML_THE_MAP } dd_yaml_setter;

/* Set the key's value. Says who had set it before. */
dd_yaml_setter dd_yaml_keys_set(dd_yaml_keys *keys, dd_yaml_node *key, dd_yaml_node *value,
                                dd_yaml_setter setter);
void dd_yaml_keys_done(dd_yaml_keys *keys);

#endif
