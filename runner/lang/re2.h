/* Regular expressions of RE2's syntax, as Go's regexp package takes them, searched by PCRE2.
 *
 * Our own parser reads the pattern and refuses what RE2 has not (look-around, back-references, possessive
 * quantifiers…); PCRE2 gets a text written anew from the tree, in which nothing depends on its own defaults.
 * Both engines take the leftmost match, and of those the one that Perl would. PCRE2 goes back where RE2 does
 * not, so each search has a budget, and a pattern that would take for ever is an error soon. */
#ifndef DD_LANG_RE2_H
#define DD_LANG_RE2_H

#include "runner/lang/value.h"

#define DD_RE2_MAX_PATTERN (16 * 1024)

typedef struct dd_re2 dd_re2;
/* INVALID says what is wrong in Go's words, LIMIT that it is too large. */
int dd_re2_compile(dd_text pattern, dd_re2 **ret, dd_error **err);
void dd_re2_free(dd_re2 *re);
DD_DEFINE_FREEP(dd_re2)
/* What compiling and all searches with it have cost so far, in units that take some tens of nanoseconds. */
size_t dd_re2_work(const dd_re2 *re);

typedef struct dd_re2_span {
    size_t from, to;
} dd_re2_span;
typedef struct dd_re2_spans {
    dd_re2_span *items;
    size_t count, capacity;
} dd_re2_spans;
void dd_re2_spans_done(dd_re2_spans *spans);

/* The three fail with LIMIT when the search takes too long. */

/* All matches, as FindAll counts them; at most `limit`, a negative one is none. */
int dd_re2_find_all(dd_re2 *re, dd_text text, int64_t limit, dd_re2_spans *ret, dd_error **err);
/* What stands between the matches, as Split; at most `limit` pieces. */
int dd_re2_split(dd_re2 *re, dd_text text, int64_t limit, dd_re2_spans *ret, dd_error **err);
/* Each match replaced; in `by`, unless it is meant literally, $1, $name, ${name} and $$ are expanded. LIMIT
 * when the answer has more than `max_bytes`. */
int dd_re2_replace(dd_re2 *re, dd_text text, dd_text by, bool literal, size_t max_bytes, dd_buf *into,
                   dd_error **err);

#endif
