/* Functions of templates: one file a family here, each with its table of rows. template_functions.c lists the
 * families.
 *
 * A new function: its CALL and its row in its family's file, and a fixture
 * tests/fixtures/lang/templates/sprig-NAME. */
#ifndef DD_LANG_FUNCTIONS_H
#define DD_LANG_FUNCTIONS_H

#include "runner/lang/template_private.h"

typedef struct dd_function_family {
    const char *name;
    const dd_function *rows;
    size_t count;
} dd_function_family;

#define DD_FAMILY(NAME, ROWS)                                                                                \
    {                                                                                                        \
        NAME, ROWS, DD_COUNT(ROWS)                                                                           \
    }

extern const dd_function_family dd_functions_builtins, dd_functions_defaults, dd_functions_encodings,
    dd_functions_lists, dd_functions_maps, dd_functions_math, dd_functions_strings;

extern const dd_function_family dd_functions_dates, dd_functions_regex, dd_functions_versions;

/* The head of a row's function; the arguments have been held against the row's signature. */
#define CALL(NAME)                                                                                           \
    static int call_##NAME(DD_UNUSED dd_evaluation *e, DD_UNUSED const dd_value *arguments,                  \
                           DD_UNUSED size_t count, DD_UNUSED dd_value *ret)

/* ---- Reading arguments ---- */

/* Sprig's strval: strings as they are, all else as %v. */
dd_text dd_text_from(dd_evaluation *e, const dd_value *value);
/* Sprig's toInt64 (spf13/cast): what is no number counts as 0. */
int64_t dd_integer_from(const dd_value *value);

bool dd_text_starts(dd_text text, dd_text prefix);
bool dd_text_ends(dd_text text, dd_text suffix);
/* Where `what` first stands in `in`, or NULL; what is empty stands at the start. */
const char *dd_text_find(dd_text in, dd_text what);
bool dd_text_has_byte(const char *set, size_t length, char c);

/* ---- Answering; they return 0 ---- */

/* The buffer's text, copied into the arena; the buffer is emptied. */
int dd_give_buf(dd_evaluation *e, dd_buf *text, dd_value *ret);
/* Bytes that live as long as the evaluation does. */
int dd_give_text(const char *data, size_t length, dd_value *ret);

#endif
