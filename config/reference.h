/* Image references as Docker and OCI write them, normalised: docker.io/library/name:tag. */
#ifndef DD_CONFIG_REFERENCE_H
#define DD_CONFIG_REFERENCE_H

#include "base/base.h"

typedef struct dd_reference {
    char *registry;   /* "docker.io", "localhost:5000", … */
    char *repository; /* "library/busybox" */
    char *tag;        /* "latest" when neither tag nor digest was written; NULL with only a digest */
    char *digest;     /* "sha256:…" or NULL */
    char *text;       /* the whole, normalised; "registry/repository:tag" or "…@digest" */
} dd_reference;

/* Docker Hub's other names (index.docker.io, registry-1.docker.io, registry.hub.docker.com) become docker.io;
 * the first component is a registry when it has a dot or a port or is "localhost". INVALID else. */
int dd_reference_parse(const char *text, dd_reference **ret, dd_error **err);
void dd_reference_free(dd_reference *reference);
DD_DEFINE_FREEP(dd_reference)

bool dd_digest_is_valid(const char *text); /* sha256: + 64, or sha512: + 128 lower-case hex */
bool dd_tag_is_valid(const char *text);
bool dd_repository_is_valid(const char *text);

/* Repository addresses of forges: "https://Host[:port]/org/name(.git)" becomes "host[:port]/org/name", the
 * key that settings, tasks and payloads are compared by. https, http (judged by the caller), ssh and
 * git@host:path are read; anything else, control bytes, quotes, and hosts that begin with '-' are INVALID.
 * Owned text. */
int dd_repository_key(const char *url, char **ret, dd_error **err);

/* A task's context: repo#ref:folder, as ACR writes it. */
typedef struct dd_context_ref {
    char *url;
    char *ref;    /* branch or NULL */
    char *folder; /* relative, without leading or trailing '/', or NULL */
    char *key;    /* dd_repository_key of url */
} dd_context_ref;
int dd_context_ref_parse(const char *text, dd_context_ref **ret, dd_error **err);
void dd_context_ref_free(dd_context_ref *context);
DD_DEFINE_FREEP(dd_context_ref)

#endif
