/* Go's text/template, as task files are written in it: text → tokens → tree → output.
 *
 * A name behind the byte DD_TEMPLATE_RUN_MARK inside an action is `.Run.NAME` wherever it stands, also inside
 * range, with and define: what built-in aliases become (acr-tasks.md, 9.8). */
#ifndef DD_LANG_TEMPLATE_H
#define DD_LANG_TEMPLATE_H

#include "runner/lang/origin.h"
#include "runner/lang/value.h"

#define DD_TEMPLATE_RUN_MARK   '\x01'
#define DD_TEMPLATE_MAX_OUTPUT (16 * 1024 * 1024)
#define DD_TEMPLATE_MAX_TURNS  1000000  /* of loops and of calls of templates */
#define DD_TEMPLATE_MAX_WORK   20000000 /* nodes evaluated, and bytes that functions read, in some measure */
#define DD_TEMPLATE_MAX_NEST   100      /* blocks in the text, parentheses, and calls of templates */
#define DD_TEMPLATE_MAX_MEMORY (256 * 1024 * 1024)

typedef struct dd_template dd_template;
/* `text` is borrowed and must outlive the template. Errors have their place in `text`. */
int dd_template_parse(const char *text, size_t length, dd_template **ret, dd_error **err);
void dd_template_free(dd_template *parsed);
DD_DEFINE_FREEP(dd_template)

/* Run with `root` as dot, behind what `into` holds. `origin`, when given, is told where each byte came from.
 */
int dd_template_run(const dd_template *parsed, const dd_value *root, dd_buf *into, dd_origin *origin,
                    dd_error **err);

/* Whole lines whose first non-blank is '#', outside block scalars: YAML comments, which neither aliases nor
 * templates are looked for in. */
typedef struct dd_span {
    size_t from, to; /* `to` is before the newline */
} dd_span;
typedef struct dd_spans {
    dd_span *items; /* ascending */
    size_t count, capacity;
} dd_spans;
void dd_comment_lines(const char *text, size_t length, dd_spans *ret);
void dd_spans_done(dd_spans *spans);
/* The span that holds `at` (from <= at < to), or NULL. */
const dd_span *dd_spans_find(const dd_spans *spans, size_t at);

#endif
