/* A Dockerfile's text taken apart: instructions, and the variables in their words. */
#ifndef DD_RUNNER_DOCKERFILE_PRIVATE_H
#define DD_RUNNER_DOCKERFILE_PRIVATE_H

#include "runner/runner.h"

/* ---- Instructions (dockerfile_lines.c) ---- */

typedef struct dd_dockerfile_lines {
    const char *text; /* ends with a NUL behind `length` */
    size_t length, at;
    int line; /* of what was read last */
    char escape;
} dd_dockerfile_lines;

typedef struct dd_instruction {
    dd_buf text;         /* lines joined, from the keyword on */
    const char *keyword; /* into `text`, as long as `keyword_length` */
    size_t keyword_length;
    const char *rest; /* behind the keyword, blanks skipped */
    dd_place place;
} dd_instruction;

/* Read the parser directives at the top; `text` is borrowed. */
int dd_dockerfile_lines_init(dd_dockerfile_lines *lines, const char *text, size_t length, dd_error **err);
/* Returns 1 with the next instruction (its buffer is reused), 0 at the end, -1 with *err. Comments,
 * continuations and the bodies of here-documents are dealt with. */
int dd_dockerfile_next(dd_dockerfile_lines *lines, dd_instruction *into, dd_error **err);
bool dd_instruction_is(const dd_instruction *instruction, const char *keyword);
/* Words between blanks, quotes kept in them. */
void dd_dockerfile_words(const char *text, char escape, dd_strv *ret);

/* ---- Mounts (dockerfile_mounts.c) ---- */

/* DENIED for a RUN --mount that could leave the build, under an engine with loose_mounts. */
int dd_dockerfile_check_mounts(const char *text, size_t length, dd_error **err);

/* ---- Variables (dockerfile_expand.c) ---- */

typedef struct dd_variables {
    dd_strv names, values;
} dd_variables;
void dd_variables_done(dd_variables *variables);
/* The value or NULL. */
const char *dd_variables_get(const dd_variables *variables, const char *name, size_t length);
/* Replaces an earlier value. LIMIT when there are too many. */
int dd_variables_set(dd_variables *variables, const char *name, size_t length, const char *value,
                     dd_error **err);

/* The word without its quotes, variables replaced: $V ${V} ${V:-w} ${V-w} ${V:+w} ${V+w} ${V:?w} ${V?w}.
 * Scopes are asked in their order. *ret is owned. */
int dd_dockerfile_expand(const char *word, char escape, const dd_variables *const *scopes, size_t scope_count,
                         dd_place place, char **ret, dd_error **err);

#endif
