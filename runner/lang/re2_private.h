/* What the stages of RE2's syntax hand each other: the tree of a pattern. */
#ifndef DD_LANG_RE2_PRIVATE_H
#define DD_LANG_RE2_PRIVATE_H

#include "runner/lang/re2.h"

#define DD_RE2_MAX_HEIGHT 200  /* of the tree; Go takes 1000 */
#define DD_RE2_MAX_REPEAT 1000 /* copies that {n} may ask for, those within each other multiplied */
#define DD_RE2_LAST_RUNE  0x10FFFF

typedef enum dd_re2_kind {
    DD_RE2_LITERAL,
    DD_RE2_CLASS,
    DD_RE2_ANY, /* . with the flag s */
    DD_RE2_ANY_BUT_NEWLINE,
    DD_RE2_BEGIN_LINE,
    DD_RE2_END_LINE,
    DD_RE2_BEGIN_TEXT,
    DD_RE2_END_TEXT,
    DD_RE2_BOUNDARY,
    DD_RE2_NO_BOUNDARY,
    DD_RE2_REPEAT,
    DD_RE2_CAPTURE,
    DD_RE2_ALTERNATE, /* of its members */
    DD_RE2_CONCAT,
} dd_re2_kind;

typedef struct dd_re2_range {
    uint32_t low, high;
    struct dd_re2_range *next;
} dd_re2_range;

/* \p{…}: a category or a script. */
typedef struct dd_re2_property {
    const char *name;
    bool script, negated;
    struct dd_re2_property *next;
} dd_re2_property;

typedef struct dd_re2_class {
    dd_re2_range *ranges;
    dd_re2_property *properties;
    bool negated;
} dd_re2_class;

typedef struct dd_re2_node {
    dd_re2_kind kind;
    bool fold;       /* LITERAL, CLASS: without case */
    bool lazy;       /* REPEAT */
    int least, most; /* REPEAT; most -1: no end */
    int height, copies;
    size_t group;                /* CAPTURE: from 0 */
    bool may_be_empty, captures; /* what it or its members may match, and hold */
    uint32_t rune;
    const dd_re2_class *class;
    struct dd_re2_node *members; /* one, but for ALTERNATE and CONCAT */
    struct dd_re2_node *next;
} dd_re2_node;

typedef struct dd_re2_tree {
    dd_re2_node *root;
    dd_text *names;  /* of the groups, from 1; "" when it has none */
    size_t *numbers; /* PCRE2's, of those groups: emitting adds some of its own */
    size_t group_count, group_capacity;
} dd_re2_tree;

/* The tree lives in the arena. */
int dd_re2_parse(dd_arena *arena, dd_text pattern, dd_re2_tree *ret, dd_error **err);
/* The tree in PCRE2's words, and the groups' numbers. */
void dd_re2_emit(dd_arena *arena, dd_re2_tree *tree, dd_buf *into);

/* ---- Shared by the parser's files ---- */

enum {
    DD_RE2_FOLD = 1,      /* i */
    DD_RE2_MULTILINE = 2, /* m */
    DD_RE2_DOT_ALL = 4,   /* s */
    DD_RE2_UNGREEDY = 8,  /* U */
};

typedef struct dd_re2_parser {
    dd_arena *arena;
    const char *at, *end;
    unsigned flags;
    dd_re2_tree *tree;
    dd_error **err;
} dd_re2_parser;

/* "error parsing regexp: WHAT: `from…to`"; returns -1. */
int dd_re2_fail(dd_re2_parser *p, const char *what, const char *from, const char *to);
/* The next rune, taken off. */
int dd_re2_take_rune(dd_re2_parser *p, uint32_t *ret);
/* A backslash and what is behind it, when that is one rune. */
int dd_re2_take_escape(dd_re2_parser *p, uint32_t *ret);
bool dd_re2_is_alphanumeric(uint32_t c); /* of ASCII */
/* A class in brackets. */
int dd_re2_take_class(dd_re2_parser *p, dd_re2_class **ret);
/* \d, \pN and their like, outside of brackets: 1 when there is one, 0 when not. */
int dd_re2_take_class_escape(dd_re2_parser *p, dd_re2_class **ret);

#endif
