/* YAML as a tree with positions, read from libyaml's events.
 *
 * Bounded: input bytes, depth, and nodes after aliases are expanded. Anchors, aliases and `<<` merges work.
 * Only the first document is read. A repeated key: the last wins, and it is noted as a warning. Where this is
 * a matter of taste (merges, tags, numbers), it is read as go-yaml v2 does: so the task files' users know it.
 */
#ifndef DD_BASE_YAML_H
#define DD_BASE_YAML_H

#include "buf.h"

#define DD_YAML_MAX_BYTES (1024 * 1024)
#define DD_YAML_MAX_DEPTH 100
#define DD_YAML_MAX_NODES 100000

typedef enum dd_yaml_kind { DD_YAML_SCALAR, DD_YAML_LIST, DD_YAML_MAP } dd_yaml_kind;

typedef struct dd_yaml_node dd_yaml_node;
typedef struct dd_yaml_entry {
    dd_yaml_node *key; /* always a scalar */
    dd_yaml_node *value;
} dd_yaml_entry;

struct dd_yaml_node {
    dd_yaml_kind kind;
    dd_place place;
    bool quoted;   /* scalars: written with quotes or as a block, so always a string */
    char *text;    /* scalars: decoded text, NUL-terminated */
    size_t length; /* scalars: bytes of text; list and map: number of members */
    char *tag;     /* explicit tag ("!!str" in its long form) or NULL; `!!binary` is decoded, and a text */
    union {
        dd_yaml_node **items;   /* list */
        dd_yaml_entry *entries; /* map, in the order written, repeated keys already merged */
    };
};

typedef struct dd_yaml {
    dd_yaml_node *root;  /* NULL for an empty document */
    dd_error **warnings; /* repeated keys, further documents; owned */
    size_t warning_count;
    void *memory; /* the nodes' arena */
} dd_yaml;

int dd_yaml_parse(const char *text, size_t length, dd_yaml **ret, dd_error **err);
/* The same within other bounds than DD_YAML_MAX_BYTES and DD_YAML_MAX_NODES. */
typedef struct dd_yaml_limits {
    size_t bytes, nodes;
} dd_yaml_limits;
int dd_yaml_parse_within(const char *text, size_t length, const dd_yaml_limits *limits, dd_yaml **ret,
                         dd_error **err);
void dd_yaml_free(dd_yaml *yaml);
DD_DEFINE_FREEP(dd_yaml)

/* The value under `key` of a map, or NULL (also when `map` is NULL or no map). */
const dd_yaml_node *dd_yaml_get(const dd_yaml_node *map, const char *key);

/* How a scalar reads under YAML 1.1 (as go-yaml v2 does): plain ones by their text, tagged ones by their tag.
 */
typedef enum dd_yaml_type {
    DD_YAML_NULL,
    DD_YAML_BOOL,
    DD_YAML_INT,
    DD_YAML_FLOAT,
    DD_YAML_STRING
} dd_yaml_type;
dd_yaml_type dd_yaml_scalar_type(const dd_yaml_node *node);
bool dd_yaml_scalar_bool(const dd_yaml_node *node, bool *ret);
bool dd_yaml_scalar_int(const dd_yaml_node *node,
                        int64_t *ret); /* 010 octal, 0x10, 0b1, 1_000; floats truncate */
bool dd_yaml_scalar_float(const dd_yaml_node *node, double *ret);
/* "a list", "a map", "a number"…, for messages. */
const char *dd_yaml_node_words(const dd_yaml_node *node);

#endif
