/* What a registry asks for when it answers 401: the WWW-Authenticate header taken apart (RFC 9110, 11.6.1).
 */
#ifndef DD_CONFIG_CHALLENGE_H
#define DD_CONFIG_CHALLENGE_H

#include "config/config.h"

typedef struct dd_challenge {
    char *realm;   /* Bearer: where tokens are; NULL when the header names none */
    char *service; /* NULL: none */
    bool basic;    /* a Basic challenge stands there */
    bool bearer;
} dd_challenge;
void dd_challenge_done(dd_challenge *challenge);

/* Read one header value into *challenge, beside what earlier ones said; the first Bearer challenge counts.
 * Several challenges may stand in one value, their parameters quoted or not and in any order. INVALID for
 * another form. */
int dd_challenge_read(const char *value, dd_challenge *challenge, dd_error **err);

#endif
