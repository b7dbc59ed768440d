/* Aliases: short names for text, from version 1.1.0 on (acr-tasks.md, 4.4 and 9.8). */
#ifndef DD_LANG_ALIAS_H
#define DD_LANG_ALIAS_H

#include "runner/lang/alias_sources.h"
#include "runner/lang/origin.h"
#include "runner/lang/value.h"

typedef struct dd_aliases dd_aliases;
void dd_aliases_free(dd_aliases *aliases);
DD_DEFINE_FREEP(dd_aliases)
/* What the first word of a `cmd` stands for, or NULL. With NULL aliases only the built-in images are known.
 */
const char *dd_aliases_first_word(const dd_aliases *aliases, const char *word, size_t length);

/* The built-in ones, from 0 on; NULL behind the last. *ret_image is what an image's stands for, else NULL. */
const char *dd_aliases_built_in(size_t index, const char **ret_image);

/* Take the alias block out of the text and replace its names in the rest; `root` is what templates see, and
 * `policy` says what may be read. BLOCKING when the block names addresses and they may be fetched. The result
 * is a template; `origin` is told where it came from. *ret_aliases is NULL when the version has no aliases
 * (the text is copied). Errors have their place in `text`. */
int dd_aliases_expand(const char *text, size_t length, const dd_value *root, const dd_alias_policy *policy,
                      dd_buf *into, dd_origin *origin, dd_aliases **ret_aliases, dd_error **err);

#endif
