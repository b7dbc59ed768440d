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

extern const dd_function_family dd_functions_builtins, dd_functions_cases, dd_functions_defaults,
    dd_functions_encodings, dd_functions_json, dd_functions_kinds, dd_functions_lists, dd_functions_maps,
    dd_functions_math, dd_functions_paths, dd_functions_random, dd_functions_splits, dd_functions_strings,
    dd_functions_trees, dd_functions_trims, dd_functions_urls;

extern const dd_function_family dd_functions_dates, dd_functions_regex, dd_functions_versions;

/* The head of a row's function; the arguments have been held against the row's signature. */
#define CALL(NAME)                                                                                           \
    static int call_##NAME(DD_UNUSED dd_evaluation *e, DD_UNUSED const dd_value *arguments,                  \
                           DD_UNUSED size_t count, DD_UNUSED dd_value *ret)

/* ---- Reading arguments ---- */

/* Sprig's strval: strings as they are, all else as %v. -1 when that is too long. */
int dd_text_from(dd_evaluation *e, const dd_value *value, dd_text *ret);
/* Takes the steps of going over so many bytes one by one; -1 when that is too many. */
int dd_text_charge(dd_evaluation *e, size_t bytes);
/* Sprig's toInt64 and toFloat64: what is no number counts as 0. */
int64_t dd_integer_from(const dd_value *value);
double dd_float_from(const dd_value *value);
/* Go's strconv.ParseInt: a sign and digits of the base (8 or 10). *ret is 0 for what is none, and the nearest
 * there is for what is too large; both are false. */
bool dd_integer_parse(dd_text text, int base, int64_t *ret);

bool dd_text_starts(dd_text text, dd_text prefix);
bool dd_text_ends(dd_text text, dd_text suffix);
/* Where `what` first stands in `in`, or NULL; what is empty stands at the start. */
const char *dd_text_find(dd_text in, dd_text what);
dd_text dd_text_skip(dd_text text, size_t bytes);

/* ---- Runes (runes.c): Go's unicode package ---- */

uint32_t dd_rune_upper(uint32_t rune);
uint32_t dd_rune_lower(uint32_t rune);
uint32_t dd_rune_title(uint32_t rune);
bool dd_rune_is_space(uint32_t rune);
bool dd_rune_is_upper(uint32_t rune);
bool dd_rune_is_lower(uint32_t rune);
bool dd_rune_is_title(uint32_t rune);
bool dd_rune_is_letter(uint32_t rune);
bool dd_rune_is_digit(uint32_t rune);  /* of decimal numbers */
bool dd_rune_is_number(uint32_t rune); /* fractions and the like too */
bool dd_rune_is_punctuation(uint32_t rune);
void dd_rune_add(dd_buf *into, uint32_t rune);
/* The first rune of *text, which moves on behind it. *text is not empty. */
uint32_t dd_rune_take(dd_text *text);

/* ---- Trees ---- */

/* Go's reflect.DeepEqual: types count too. -1 when it takes too many steps. */
int dd_value_same(dd_evaluation *e, const dd_value *a, const dd_value *b, bool *ret);

/* ---- Answering; they return 0, or -1 when there is no room ---- */

/* The buffer's text, copied into the arena; the buffer is emptied. */
int dd_give_buf(dd_evaluation *e, dd_buf *text, dd_value *ret);
/* Bytes that live as long as the evaluation does. */
int dd_give_text(const char *data, size_t length, dd_value *ret);
/* An empty list for so many members. */
int dd_give_list(dd_evaluation *e, size_t members, dd_value *ret);
/* Go's nil slice. */
int dd_give_no_list(dd_evaluation *e, dd_value *ret);

#endif
