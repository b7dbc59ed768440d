/* A Dockerfile's text taken apart: instructions, their words, and the variables in these.
 *
 * BuildKit's rules are followed, for Dockerfiles are written against its documentation; where buildah
 * (podman) takes more than BuildKit does (variables in --from, names of stages in variables), that is taken
 * too. */
#ifndef DD_RUNNER_DOCKERFILE_PRIVATE_H
#define DD_RUNNER_DOCKERFILE_PRIVATE_H

#include "runner/runner.h"

#define DD_DOCKERFILE_BLANKS " \t\v\f\r" /* between words; a newline is none: it stands only in quotes */

/* ---- Instructions (dockerfile_lines.c) ---- */

typedef struct dd_dockerfile_lines {
    const char *text; /* ends with a NUL behind `length` */
    size_t length, at;
    int line; /* of what was read last */
    char escape;
} dd_dockerfile_lines;

/* Where in the file a joined line's piece begins. */
typedef struct dd_instruction_piece {
    size_t offset; /* into the text */
    dd_place place;
} dd_instruction_piece;

typedef struct dd_instruction {
    dd_buf text;         /* lines joined, from the keyword on */
    const char *keyword; /* into `text`, as long as `keyword_length` */
    size_t keyword_length;
    const char *rest; /* behind the keyword, blanks skipped */
    dd_place place;
    size_t body; /* where in the file its here-documents begin; they end where the next instruction is read */
    dd_instruction_piece *pieces; /* none for an instruction that did not come from the file's lines */
    size_t piece_count, piece_capacity;
} dd_instruction;

/* Read the parser directives at the top; `text` is borrowed. */
int dd_dockerfile_lines_init(dd_dockerfile_lines *lines, const char *text, size_t length, dd_error **err);
/* Returns 1 with the next instruction (its buffers are reused), 0 at the end, -1 with *err. Comments,
 * continuations and the bodies of here-documents are dealt with. */
int dd_dockerfile_next(dd_dockerfile_lines *lines, dd_instruction *into, dd_error **err);
/* Make `into` the instruction that `text` is, as a whole; `place` is that of all its words. */
void dd_instruction_init(dd_instruction *into, const char *text, dd_place place);
void dd_instruction_done(dd_instruction *instruction);
bool dd_instruction_is(const dd_instruction *instruction, const char *keyword);
/* The place in the file of what `at`, in the instruction's text, points to. */
dd_place dd_instruction_place(const dd_instruction *instruction, const char *at);

/* ---- Words (dockerfile_words.c) ---- */

typedef struct dd_word {
    const char *text;
    size_t length;
} dd_word;

/* The next word between blanks, quotes kept in it; `*at` moves behind it. False at the end. */
bool dd_dockerfile_word(const char **at, char escape, dd_word *ret);
/* The next flag: a word that begins with "--", before all others; "--" alone ends them. */
bool dd_dockerfile_flag(const char **at, char escape, dd_word *ret);
/* Append the word without its quotes and escapes. False when a quote is not closed. */
bool dd_dockerfile_unquote(dd_word word, char escape, dd_buf *into);

/* ---- The images that it names (dockerfile.c, dockerfile_images.c) ---- */

/* What one FROM, COPY --from or RUN --mount=from= takes from. A --from that takes from a stage is none. */
typedef struct dd_image_use {
    dd_place place;          /* of FROM's image, or of the flag */
    char *name;              /* expanded */
    char *as;                /* FROM's name for the stage; NULL: none */
    char *platform;          /* that FROM asks for; NULL: the builder's own */
    dd_reference *reference; /* NULL: an earlier stage, scratch, or no image of a registry */
    bool stage;              /* FROM an earlier stage, or scratch */
    bool reached;            /* the target needs it */
    char *id;                /* for dd_dockerfile_pin: what the engine is told instead; NULL until known */
} dd_image_use;
typedef struct dd_image_uses {
    dd_image_use *items;
    size_t count;
} dd_image_uses;
void dd_image_uses_done(dd_image_uses *uses);
/* What a build's --platform, --os, --arch and --variant say of TARGETPLATFORM and its kin: build arguments
 * for the scan, to stand before those that were given. */
void dd_dockerfile_target_args(const dd_strv *options, dd_strv *ret);
/* dd_deps_scan, and each place where an image is named (*ret_uses is done by the caller in any case). */
int dd_dockerfile_scan(const char *text, size_t length, const dd_strv *build_args, const char *target,
                       dd_deps **ret, dd_image_uses *ret_uses, dd_error **err);

/* ---- The file that the engine gets (dockerfile_pin.c) ---- */

/* Write the file again, as it was read, with the ids of its images in the place of their names. `documents`:
 * the engine knows here-documents. INVALID or DENIED for what it might read otherwise, or take from
 * elsewhere. */
int dd_dockerfile_pin(const char *text, size_t length, const dd_image_uses *uses, bool documents, dd_buf *ret,
                      dd_error **err);

/* ---- Mounts (dockerfile_mounts.c) ---- */

/* DENIED for a RUN --mount that could leave the build, under an engine with loose_mounts. */
int dd_dockerfile_check_mounts(const char *text, size_t length, dd_error **err);
/* The same for what an image's ONBUILD has builds on it do: one instruction. */
int dd_dockerfile_check_trigger(const char *text, size_t length, dd_error **err);

/* ---- Variables (dockerfile_expand.c) ---- */

typedef struct dd_variables {
    dd_strv names, values;
} dd_variables;
void dd_variables_done(dd_variables *variables);
/* The value or NULL. */
const char *dd_variables_get(const dd_variables *variables, const char *name, size_t length);
/* Replaces an earlier value. LIMIT when there are too many. */
int dd_variables_set(dd_variables *variables, dd_word name, const char *value, dd_place place,
                     dd_error **err);

/* What ENV sets beats what ARG declares, of all outer scopes too. */
typedef struct dd_scope {
    dd_variables env, args;
    const struct dd_scope *outer;
} dd_scope;

typedef struct dd_expander {
    char escape;
    size_t work_left; /* for the file as a whole: what is past it is LIMIT */
} dd_expander;
/* False when that much work is no longer left. */
bool dd_expander_work(dd_expander *expander, size_t amount);

/* The word without its quotes, variables replaced: $V, ${V}, ${V:-w} and ${V-w}, the same with + and ?,
 * ${V#p} ${V##p} ${V%p} ${V%%p} ${V/p/w} ${V//p/w}. *ret is owned. */
int dd_dockerfile_expand(dd_expander *expander, dd_word word, const dd_scope *scope, dd_place place,
                         char **ret, dd_error **err);

/* ---- Patterns (dockerfile_patterns.c): '*', '?' and a backslash before them ---- */

/* Each appends to `into`, and returns false when the expander has no work left. */
bool dd_pattern_trim(dd_expander *expander, const char *pattern, const char *value, bool end, bool longest,
                     dd_buf *into);
bool dd_pattern_replace(dd_expander *expander, const char *pattern, const char *value,
                        const char *replacement, bool all, dd_buf *into);

#endif
