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
    DD_VALUE_OBJECT, /* a time, a version */
} dd_value_kind;

/* What Go's types are behind a kind; the first of each kind is what YAML and constants make. They tell by %T,
 * by whether a typed argument takes them, and by what a missing member is. */
typedef enum dd_value_type {
    DD_TYPE_PLAIN,     /* nil; int; []interface {}; map[string]interface {} */
    DD_TYPE_INTERFACE, /* of NIL: a nil member of a list or map, and a key that a map has not */
    DD_TYPE_INT32,     /* of INT */
    DD_TYPE_INT64,
    DD_TYPE_UINT8,
    DD_TYPE_UINT32,
    DD_TYPE_UINT64,
    DD_TYPE_STRINGS,  /* []string, map[string]string */
    DD_TYPE_INTS,     /* []int */
    DD_TYPE_DURATION, /* of INT: nanoseconds; these have a class */
    DD_TYPE_MONTH,
    DD_TYPE_WEEKDAY,
    DD_TYPES
} dd_value_type;

typedef struct dd_text {
    const char *data; /* need not end with a NUL */
    size_t length;
} dd_text;

typedef struct dd_list dd_list;
typedef struct dd_map dd_map;
typedef struct dd_object dd_object;

typedef struct dd_value {
    dd_value_kind kind;
    dd_value_type type;
    union {
        bool boolean;
        int64_t integer;
        double real;
        dd_text text;
        dd_list *list;
        dd_map *map;
        const dd_object *object;
    };
} dd_value;

/* What a Go type with methods is to templates. */
typedef struct dd_class {
    const char *type_name; /* "time.Time" */
    const char *kind_name; /* of Go's reflection: "struct", "ptr" */
    void (*print)(dd_buf *into, const dd_value *value);
    bool (*equal)(const dd_value *a, const dd_value *b); /* by ==; of OBJECT only */
    /* The text that JSON has; false: it can have none. Of OBJECT only. */
    bool (*json)(dd_buf *into, const dd_value *value);
    /* Called with the value before the arguments that the signature names. */
    const struct dd_function *methods;
    size_t method_count;
} dd_class;

/* The first member of what an object holds. */
struct dd_object {
    const dd_class *class;
};

/* Of INT's types (functions/times.c). */
extern const dd_class dd_class_duration, dd_class_month, dd_class_weekday;

/* What lists and maps have in common. */
typedef struct dd_node {
    size_t depth;      /* of containers, this one counted; never too small, but see dd_value_measure */
    size_t generation; /* when it was last measured */
    bool held;         /* stands in another container */
    bool none;         /* Go's nil slice or map: empty, "null" in JSON, and nothing is put into it */
} dd_node;

struct dd_list {
    dd_node node;
    dd_value *items; /* may be shared with the list that this one is a slice of */
    size_t count, capacity;
};

typedef struct dd_pair {
    dd_text key;
    dd_value value;
} dd_pair;

/* By hash; put in order only when somebody goes over it. */
struct dd_map {
    dd_node node;
    dd_pair *pairs;
    size_t count, capacity;
    size_t *slots; /* index of a pair + 1; 0: free */
    size_t slot_count;
    bool unsorted;
};

dd_text dd_text_of(const char *text); /* borrowed */
int dd_text_compare(dd_text a, dd_text b);
bool dd_text_is(dd_text a, const char *b);

dd_value dd_value_nil(void);
dd_value dd_value_bool(bool boolean);
dd_value dd_value_int(int64_t integer);
dd_value dd_value_int64(int64_t integer); /* as Sprig's arithmetic answers */
dd_value dd_value_float(double real);
dd_value dd_value_text(dd_text text); /* borrowed */
/* A copy of the bytes in the arena. */
dd_value dd_value_string(dd_arena *arena, const char *data, size_t length);
dd_value dd_value_list(dd_list *list);
dd_value dd_value_map(dd_map *map);
dd_value dd_value_object(const dd_object *object);
/* NULL for what has no methods. */
const dd_class *dd_value_class(const dd_value *value);

dd_list *dd_list_new(dd_arena *arena);
void dd_list_add(dd_arena *arena, dd_list *list, dd_value value);
dd_map *dd_map_new(dd_arena *arena);
/* Replaces an earlier value of the key; the key's bytes are borrowed. */
void dd_map_put(dd_arena *arena, dd_map *map, dd_text key, dd_value value);
/* Takes the key out; nothing happens when it is not there. */
void dd_map_remove(dd_map *map, dd_text key);
/* NULL when there is none. The pointer holds until the next put. */
dd_value *dd_map_get(const dd_map *map, dd_text key);
/* Its `count` pairs by key, as templates range over them; valid until the next put. */
const dd_pair *dd_map_sorted(dd_map *map);

/* The tree with every scalar's YAML 1.1 type, copied into the arena; NULL is nil. */
dd_value dd_value_from_yaml(dd_arena *arena, const dd_yaml_node *node);

/* All containers anew; the texts are shared. */
dd_value dd_value_copy(dd_arena *arena, const dd_value *value);
/* What dd_value_copy would make: containers and members, counted where they stand, up to `limit`. */
size_t dd_value_size(const dd_value *value, size_t limit);

/* The list's or map's part of the value, or NULL. */
dd_node *dd_value_node(const dd_value *value);
size_t dd_value_depth(const dd_value *value);
/* The depths of a value that holds a map which became deeper since: every container is gone over once in a
 * generation (above 0), and counted in *ret_seen. Ends early above DD_VALUE_MAX_DEPTH. */
size_t dd_value_measure(const dd_value *value, size_t generation, size_t *ret_seen);
/* What a map answers for a key that it has not. */
dd_value dd_value_missing(const dd_value *map);
bool dd_value_truth(const dd_value *value);
/* Go's name of the type: "string", "map[string]interface {}", "nil". */
const char *dd_value_type_name(const dd_value *value);
/* What is printed past this much is cut: a list may hold itself many times over. Above any output's limit. */
#define DD_VALUE_PRINT_MAX (32 * 1024 * 1024)
#define DD_VALUE_MAX_DEPTH 1000
/* As Go's %v prints it: [a b], map[k:v], 1e+06; nil is "<nil>". */
void dd_value_print(dd_buf *into, const dd_value *value);
/* As Go's encoding/json writes it: sorted keys; no white space, or a member a line. False when it holds a
 * number that JSON has not (infinite, NaN). */
bool dd_value_json(dd_buf *into, const dd_value *value, bool pretty);
/* The shortest decimal that reads back as the number, by Go's %g, %e or %f ('g', 'e', 'f'). */
void dd_float_print(dd_buf *into, double real, char letter);
/* With its sign always, by one of Go's "beEfgGxX"; a precision of -1: as many digits as read back. */
void dd_float_format(dd_buf *into, double real, char letter, int precision);

#endif
