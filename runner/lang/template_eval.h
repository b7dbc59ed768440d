/* What the parts of running a template share: its bounds (template_bounds.c), values (template_eval.c) and
 * statements (template_walk.c). */
#ifndef DD_LANG_TEMPLATE_EVAL_H
#define DD_LANG_TEMPLATE_EVAL_H

#include "runner/lang/template_private.h"

#define DD_TEMPLATE_SHOWN_BYTES     80 /* of a text, in an error */
#define DD_TEMPLATE_PLACES_PER_WORK 8  /* of lists and maps, that are only copied */

struct dd_evaluation {
    const dd_template *parsed;
    dd_value root; /* a copy: functions may change maps */
    dd_arena *arena;
    dd_buf *out;
    size_t out_start;
    dd_origin *origin;
    dd_value *variables; /* DD_TEMPLATE_MAX_VARIABLES for each call of a template */
    size_t calls, frames, turns, work;
    size_t generation;         /* goes up when a map that stands in others becomes deeper */
    const dd_operand *operand; /* the function being called */
    dd_error **err;
};

/* "at <.Values.a.b>: why", with the action as it was written; returns -1. */
int dd_evaluation_fail_at(dd_evaluation *e, size_t at, size_t end, dd_code code, const char *format, ...)
    DD_PRINTF(5, 6);
/* Each counts what is begun at the place, and fails beyond its bound: steps, turns of loops and calls, and
 * blocks and parentheses within each other (whose end is e->frames--, also after a failure). */
int dd_evaluation_spend(dd_evaluation *e, size_t at, size_t amount);
int dd_evaluation_turn(dd_evaluation *e, size_t at);
int dd_evaluation_frame(dd_evaluation *e, size_t at);
/* Fails when the value nests too deep. */
int dd_evaluation_measure(dd_evaluation *e, size_t at, const dd_value *value);

dd_value *dd_evaluation_variable(dd_evaluation *e, size_t slot);
/* The pipeline's value, kept in the variables that it declares. */
int dd_evaluation_pipeline(dd_evaluation *e, const dd_pipeline *pipeline, dd_value dot, dd_value *ret);

#endif
