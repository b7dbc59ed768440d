/* What the client judges addresses by. */
#ifndef DD_CONFIG_REACH_H
#define DD_CONFIG_REACH_H

#include "config/registry.h"

struct sockaddr;

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
