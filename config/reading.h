/* Private to the config room: what reading our own two YAML files (settings, tasks) has in common. They are
 * strict where a task file of the language is lenient: a slip in them would change what runs, or who may ask.
 */
#ifndef DD_CONFIG_READING_H
#define DD_CONFIG_READING_H

#include "base/base.h"
#include "base/yaml.h"

/* Parse a document whose root is a map, or nothing at all (*ret then has no root). A repeated key and a
 * second document are errors. */
int dd_reading_document(const char *text, size_t length, dd_yaml **ret, dd_error **err);

/* The text of a scalar that says something: no list, map, null, empty text or NUL byte. Borrowed. */
int dd_reading_text(const dd_yaml_node *node, const char *path, const char **ret, dd_error **err);

/* Give an error that has no path yet, of a lower layer that knows the value only, its place. Returns -1. */
int dd_reading_place(dd_error **err, dd_place place, const char *path);

/* There is no such key; the nearest of `known`, or all of them, as a hint. Returns -1. */
int dd_reading_unknown(const dd_yaml_node *key, const char *path, const dd_strv *known, dd_error **err);

/* "30s", "15m", "2h", "7d", "500ms", or digits alone, which count seconds. */
bool dd_reading_duration(const char *text, int64_t *ret_ms);
/* "64KiB", "25MiB", "1GiB", or digits alone, which count bytes. */
bool dd_reading_size(const char *text, int64_t *ret_bytes);
/* true, yes, on, false, no, off, in any case. */
bool dd_reading_switch(const char *text, bool *ret);
bool dd_reading_has_control(const char *text);

/* Put the file and the error's path before its message ("settings 'f.yaml': worker.slots: …"), for a caller
 * who prints the message alone; the place stays. Returns -1. */
int dd_reading_failed(const char *what, const char *file, dd_error **err);

#endif
