/* Flat maps of aliases: an alias block's own values, and those of the files and addresses that it names. */
#ifndef DD_LANG_ALIAS_SOURCES_H
#define DD_LANG_ALIAS_SOURCES_H

#include "runner/lang/value.h"

#define DD_ALIAS_SOURCES_MAX    16
#define DD_ALIAS_SOURCE_BYTES   (64 * 1024)
#define DD_ALIAS_SOURCE_TIME_MS 2000 /* for an address, from the first packet to the last byte */

/* Where `src` may be read from. All zero: from nowhere. */
typedef struct dd_alias_policy {
    bool files;
    int root;        /* a directory that no file's path leads out of, or AT_FDCWD: any file may be named */
    char *directory; /* in it: what paths are relative to */
    bool urls;       /* are addresses fetched? */
} dd_alias_policy;

/* Put the node's names and texts into the map; `path` names the node in errors. */
int dd_alias_values_read(dd_arena *arena, dd_map *into, const dd_yaml_node *node, const char *path,
                         dd_error **err);
/* The same of each source that the node lists, later ones over earlier ones. BLOCKING, for an address at most
 * DD_ALIAS_SOURCE_TIME_MS. Errors have the place of the source's name. */
int dd_alias_sources_read(const dd_alias_policy *policy, dd_arena *arena, dd_map *into,
                          const dd_yaml_node *node, dd_error **err);

#endif
