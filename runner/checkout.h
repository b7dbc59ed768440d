/* From a repository or a directory to the run's workspace. All calls BLOCK: they run in a process of their
 * own. */
#ifndef DD_RUNNER_CHECKOUT_H
#define DD_RUNNER_CHECKOUT_H

#include "runner.h"

/* One line of progress. */
typedef void dd_say_cb(void *context, const char *line);

typedef struct dd_fetch {
    const char *url;
    const char *commit;           /* full id, or NULL: the head of `ref` */
    const char *ref;              /* full name, or a branch's or tag's; NULL: the remote's HEAD */
    const char *username, *token; /* sent to the URL's own scheme, host and port only */
    const char *ca_file;          /* NULL: the system's certificates */
    const char *mirror;           /* directory of the bare mirror; made when missing */
    dd_say_cb *say;
    void *context;
} dd_fetch;

typedef struct dd_checkout {
    char *commit, *branch; /* branch NULL: fetched by commit or tag */
} dd_checkout;
void dd_checkout_done(dd_checkout *checkout);

/* The rules for addresses: https; http where the forge's settings permit it; ssh when libgit2 can. */
int dd_clone_url_check(const char *url, bool plain_http, dd_error **err);
/* Fetch what is missing into the mirror (one run at a time) and check the commit out into `target`, which
 * gets no .git. The address is not judged here. */
int dd_checkout_fetch(const dd_fetch *fetch, const char *target, dd_checkout *ret, dd_error **err);
/* Copy the tree without its .git; `skip` (may be NULL) is a directory to leave out. */
int dd_checkout_copy(const char *source, const char *target, const char *skip, dd_error **err);
/* The whole of a job's checkout into job->directory/workspace. */
int dd_checkout_job(const dd_job *job, dd_say_cb *say, void *context, dd_checkout *ret, dd_error **err);

#endif
