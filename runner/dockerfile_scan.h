/* The stages of a Dockerfile while it is scanned: read (dockerfile.c), with their variables
 * (dockerfile_scope.c), and at last the images that the target is built from (dockerfile_images.c). */
#ifndef DD_RUNNER_DOCKERFILE_SCAN_H
#define DD_RUNNER_DOCKERFILE_SCAN_H

#include "runner/dockerfile_private.h"

#define DD_NO_STAGE SIZE_MAX

typedef struct dd_base_image {
    char *name; /* expanded */
    dd_place place;
} dd_base_image;

/* An instruction that is read when it is needed: ARG and ENV, and what stands behind ONBUILD. */
typedef struct dd_kept_instruction {
    char *text;
    dd_place place;
} dd_kept_instruction;

typedef struct dd_kept_instructions {
    dd_kept_instruction *items;
    size_t count, capacity;
} dd_kept_instructions;

typedef struct dd_stage {
    char *name;         /* NULL: only its number */
    char *platform;     /* that FROM asks for; NULL: none, or the builder's own */
    dd_base_image base; /* no name when `error` says why */
    size_t base_stage;  /* the earlier stage that the base is, or DD_NO_STAGE */
    size_t *uses;       /* earlier stages copied or mounted from */
    size_t use_count;
    dd_base_image *images; /* images copied or mounted from */
    size_t image_count;
    dd_kept_instructions settings; /* ARG and ENV */
    size_t settings_done;          /* how many of them are in `scope` */
    dd_scope scope;
    dd_kept_instructions triggers; /* ONBUILD: for the stages that are built on this one */
    dd_error *error;               /* the first: told when the target needs the stage */
} dd_stage;

typedef struct dd_scan {
    dd_dockerfile_lines lines;
    dd_expander expander;
    const dd_strv *build_args;
    dd_scope global;     /* ARG before the first FROM; around it what the builder sets by itself */
    dd_scope builder;    /* TARGETPLATFORM and its kin, which a stage must declare */
    dd_scope predefined; /* HTTP_PROXY and its kin, when they are given: everywhere */
    dd_stage **stages;
    size_t count;
} dd_scan;

void dd_kept_add(dd_kept_instructions *kept, const char *text, dd_place place);
void dd_kept_done(dd_kept_instructions *kept);

/* The latest of the first `count` stages that has the name, whatever its case. LIMIT when looking takes too
 * long. */
int dd_stage_find(dd_scan *scan, const char *name, size_t count, size_t *ret, dd_error **err);

/* ---- Variables (dockerfile_scope.c) ---- */

int dd_scope_init(dd_scan *scan, dd_error **err);
/* ARG before the first FROM. */
int dd_scope_read_global(dd_scan *scan, const dd_instruction *arg, dd_error **err);
/* Read what the stage, and those it is built on, have set so far. */
int dd_scope_settle(dd_scan *scan, dd_stage *stage, dd_error **err);

/* ---- The answer (dockerfile_images.c) ---- */

int dd_scan_collect(dd_scan *scan, const char *target, dd_deps *deps, dd_image_uses *uses, dd_error **err);

#endif
