/* Semantic versions and constraints, as Masterminds/semver 1.5 reads them (Sprig 2.22's): "v1.2" is 1.2.0,
 * and constraints have ~ ^ ranges and wildcards. */
#ifndef DD_LANG_SEMVER_H
#define DD_LANG_SEMVER_H

#include "runner/lang/value.h"

typedef struct dd_semver {
    int64_t major, minor, patch;
    dd_text prerelease, metadata, original; /* parts of the text that was read */
} dd_semver;

/* INVALID in the reference's words. The text is borrowed. */
int dd_semver_parse(dd_text text, dd_semver *ret, dd_error **err);
/* -1, 0 or 1; metadata has no say. */
int dd_semver_compare(const dd_semver *a, const dd_semver *b);
void dd_semver_print(dd_buf *into, const dd_semver *version);

/* Does the version keep the constraint (">= 1.2, < 2 || ^3.1")? The constraint is read before the version's
 * value is looked at: INVALID when it is none. */
int dd_semver_check(dd_text constraint, const dd_semver *version, bool *ret, dd_error **err);

#endif
