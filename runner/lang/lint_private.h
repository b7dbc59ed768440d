/* What lint's parts share. */
#ifndef DD_LANG_LINT_PRIVATE_H
#define DD_LANG_LINT_PRIVATE_H

#include "runner/lang/taskfile_private.h"
#include "runner/options.h"

typedef struct dd_lint {
    const dd_reader *reader;
    const dd_taskfile *taskfile;
    const dd_yaml_node *steps; /* the list as it was written */
    /* Per step: its command line taken apart; NULL where it is of another kind, or a run would refuse it. */
    dd_run_options **commands;
    dd_build_args **builds;
} dd_lint;

/* Warn at a property of the step. */
void dd_lint_warn(const dd_lint *lint, size_t step, const char *property, const char *hint,
                  const char *format, ...) DD_PRINTF(5, 6);
/* The map that the step was read from has the property. */
bool dd_lint_has(const dd_lint *lint, size_t step, const char *property);

/* Images that are pushed or run, against those that are built (lint_images.c). */
void dd_lint_images(const dd_lint *lint);

#endif
