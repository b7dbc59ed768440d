/* Values as templates see them: what YAML can say, with Go's rules for truth, printing and kinds. */
#ifndef DD_LANG_VALUE_H
#define DD_LANG_VALUE_H

#include "runner/lang/arena.h"

typedef enum dd_value_kind {
    DD_VALUE_NIL, /* null, and what is missing */
    DD_VALUE_BOOL,
    DD_VALUE_INT,
    DD_VALUE_FLOAT,
    DD_VALUE_STRING,
    DD_VALUE_LIST,
    DD_VALUE_MAP,
} dd_value_kind;

typedef struct dd_text {
    const char *data; /* need not end with a NUL */
    size_t length;
} dd_text;

typedef struct dd_list dd_list;
typedef struct dd_map dd_map;

typedef struct dd_value {
    dd_value_kind kind;
    union {
        bool boolean;
        int64_t integer;
        double real;
        dd_text text;
        dd_list *list;
        dd_map *map;
    };
} dd_value;

struct dd_list {
    dd_value *items;
    size_t count, capacity;
    size_t depth; /* of containers, this one counted */
};

typedef struct dd_pair {
    dd_text key;
    dd_value value;
} dd_pair;

/* By hash; put in order only when somebody goes over it. */
struct dd_map {
    dd_pair *pairs;
    size_t count, capacity;
    size_t *slots; /* index of a pair + 1; 0: free */
    size_t slot_count;
    size_t depth;
    bool unsorted;
};

dd_text dd_text_of(const char *text); /* borrowed */
int dd_text_compare(dd_text a, dd_text b);
bool dd_text_is(dd_text a, const char *b);

dd_value dd_value_nil(void);
dd_value dd_value_bool(bool boolean);
dd_value dd_value_int(int64_t integer);
dd_value dd_value_float(double real);
dd_value dd_value_text(dd_text text); /* borrowed */
/* A copy of the bytes in the arena. */
dd_value dd_value_string(dd_arena *arena, const char *data, size_t length);
dd_value dd_value_list(dd_list *list);
dd_value dd_value_map(dd_map *map);

dd_list *dd_list_new(dd_arena *arena);
void dd_list_add(dd_arena *arena, dd_list *list, dd_value value);
dd_map *dd_map_new(dd_arena *arena);
/* Replaces an earlier value of the key; the key's bytes are borrowed. */
void dd_map_put(dd_arena *arena, dd_map *map, dd_text key, dd_value value);
/* NULL when there is none. The pointer holds until the next put. */
dd_value *dd_map_get(const dd_map *map, dd_text key);
/* Its `count` pairs by key, as templates range over them; valid until the next put. */
const dd_pair *dd_map_sorted(dd_map *map);

/* The tree with every scalar's YAML 1.1 type, copied into the arena; NULL is nil. */
dd_value dd_value_from_yaml(dd_arena *arena, const dd_yaml_node *node);

size_t dd_value_depth(const dd_value *value);
bool dd_value_truth(const dd_value *value);
/* Go's name of the type: "string", "map[string]interface {}", "nil". */
const char *dd_value_type_name(const dd_value *value);
/* What is printed past this much is cut: a list may hold itself many times over. Above any output's limit. */
#define DD_VALUE_PRINT_MAX (32 * 1024 * 1024)
#define DD_VALUE_MAX_DEPTH 1000
/* As Go's %v prints it: [a b], map[k:v], 1e+06; nil is "<nil>". */
void dd_value_print(dd_buf *into, const dd_value *value);
/* As Go's encoding/json writes it: sorted keys, no white space. */
void dd_value_json(dd_buf *into, const dd_value *value);
/* The shortest decimal that reads back as the number, by Go's %g, %e or %f ('g', 'e', 'f'). */
void dd_float_print(dd_buf *into, double real, char verb);

#endif
