/* The versions of the task-file language. */
#ifndef DD_LANG_VERSION_H
#define DD_LANG_VERSION_H

#include "config/config.h"

/* False when there is no such version; *ret_aliases: does it have aliases? */
bool dd_version_parse(const char *text, bool *ret_aliases);
/* Bytes of the byte-order mark that the text begins with, if it does. */
size_t dd_mark_length(const char *text, size_t length);
/* The value of the first `version:` that begins a line, before the file is YAML; NULL when there is none.
 * Owned. */
char *dd_version_in_text(const char *text, size_t length);

#endif
