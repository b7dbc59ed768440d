/* A problem in a text, told as a compiler does: the place, what is wrong, the line, a caret, what to do. */
#ifndef DD_BASE_DIAGNOSTIC_H
#define DD_BASE_DIAGNOSTIC_H

#include "error.h"
#include "screen.h"

/* "FILE:LINE:COLUMN: SEVERITY: path: message", the line of `text` with a caret under the column, "  hint: …";
 * each ends with a newline. `text` NULL, or that line not there or empty: no line and no caret. Tabs are
 * kept; a line longer than the screen (120 cells when that is not known) is cut around the column; nothing in
 * it is obeyed by a terminal. Owned. */
char *dd_diagnostic(const dd_error *error, const char *severity, const char *file, const char *text,
                    size_t length, const dd_screen *screen);

#endif
