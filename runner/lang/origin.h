/* Where text came from: expanding aliases and templates moves and repeats lines, and errors must name the
 * lines as they were written. */
#ifndef DD_LANG_ORIGIN_H
#define DD_LANG_ORIGIN_H

#include "config/config.h"

typedef struct dd_origin dd_origin;
dd_origin *dd_origin_new(void);
void dd_origin_free(dd_origin *origin);
DD_DEFINE_FREEP(dd_origin)
/* The text from `at` on (ascending calls) was copied from `from` on, or, not `copied`, stands for what is
 * there. */
void dd_origin_add(dd_origin *origin, size_t at, size_t from, bool copied);
/* The text from `at` on is what stood at [from, to) of the text that `source` describes. */
void dd_origin_copy(dd_origin *into, size_t at, const dd_origin *source, size_t from, size_t to);
/* Where the byte came from; a NULL origin changes nothing. */
size_t dd_origin_of(const dd_origin *origin, size_t at);

dd_place dd_place_of(const char *text, size_t length, size_t at);
/* The byte that a place names; at most `length`. */
size_t dd_place_offset(const char *text, size_t length, dd_place place);

#endif
