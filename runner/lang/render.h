/* Rendering with its traces: where each byte came from, and the aliases. */
#ifndef DD_LANG_RENDER_H
#define DD_LANG_RENDER_H

#include "runner/lang/alias.h"
#include "runner/runner.h"

typedef struct dd_rendered {
    dd_buf *text;
    dd_origin *origin;          /* of `text`, in the text with its aliases expanded */
    dd_origin *expanded_origin; /* of that, in the text as it was written */
    dd_aliases *aliases;        /* NULL: the version has none */
    dd_value root;
    dd_arena *memory;
} dd_rendered;
/* *ret is to be done with also after an error; it points into `data`. */
int dd_render_traced(const char *text, size_t length, const dd_template_data *data, dd_rendered *ret,
                     dd_error **err);
void dd_rendered_done(dd_rendered *rendered);
/* A place in the rendered text as a place in `text`, from which it was made. */
dd_place dd_rendered_place(const dd_rendered *rendered, const char *text, size_t length, dd_place place);

#endif
