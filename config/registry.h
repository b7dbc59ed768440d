/* Registries asked over HTTP: the distribution API, https://distribution.github.io/distribution/spec/api/ */
#ifndef DD_CONFIG_REGISTRY_H
#define DD_CONFIG_REGISTRY_H

#include "settings.h"

#include <stdatomic.h>

/* The digest that a tag has now: HEAD /v2/REPOSITORY/manifests/TAG with the registry's credentials (Basic,
 * and Bearer by its challenge at the same host or a realm that is known to be the registry's); no redirects
 * to other hosts; answers capped. NOT_FOUND, DENIED, UNAVAILABLE; INVALID and LIMIT for an answer that no
 * registry gives. BLOCKING, at most 10 s. Owned text. */
int dd_registry_digest(const dd_registry_settings *registry, const char *repository, const char *tag,
                       char **ret, dd_error **err);
/* The same; ends early with CANCELED once *stop is true (NULL: never). */
int dd_registry_digest_until(const dd_registry_settings *registry, const char *repository, const char *tag,
                             const atomic_bool *stop, char **ret, dd_error **err);

#endif
