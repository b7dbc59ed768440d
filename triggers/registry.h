/* What registry.c shows to the matcher and to tests. */
#ifndef DD_TRIGGERS_REGISTRY_H
#define DD_TRIGGERS_REGISTRY_H

#include "triggers/triggers.h"

#include <stdatomic.h>

struct sockaddr;

/* As dd_registry_digest; ends early with CANCELED once *stop is true (NULL: never). */
int dd_registry_digest_until(const dd_registry_settings *registry, const char *repository, const char *tag,
                             const atomic_bool *stop, char **ret, dd_error **err);

/* How far an address reaches (address.c). A registry that is out in the world may not send us to one that is
 * nearer. */
typedef enum dd_reach {
    DD_REACH_WORLD,   /* addresses that all can reach */
    DD_REACH_PRIVATE, /* this machine, private networks */
    DD_REACH_NEVER,   /* link-local (where clouds keep credentials), multicast, unspecified */
} dd_reach;
dd_reach dd_address_reach(const struct sockaddr *address);
/* Of an address as text; NEVER for what is none. */
dd_reach dd_address_text_reach(const char *text);

#endif
