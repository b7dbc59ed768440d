/* What a tag points to right now, asked at its registry. */
#ifndef DD_RUNNER_MANIFEST_H
#define DD_RUNNER_MANIFEST_H

#include "runner.h"

/* The digest of the reference's tag; `login` (may be NULL) is of the reference's registry. BLOCKING, bounded.
 * DENIED, NOT_FOUND or UNAVAILABLE. */
int dd_manifest_digest(const dd_reference *reference, const dd_login *login, char **ret, dd_error **err);

/* A WWW-Authenticate header's Bearer challenge: the address that hands out the token. False when it is none,
 * or not `https` although `secure` asks for that. Owned text. */
bool dd_manifest_token_url(const char *challenge, bool secure, char **ret);

#endif
