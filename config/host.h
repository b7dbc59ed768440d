/* Private to the config room: hosts, as references, repository addresses and settings all write them. */
#ifndef DD_CONFIG_HOST_H
#define DD_CONFIG_HOST_H

#include "base/base.h"

/* Read "host", "host:port", "[v6]" or "[v6]:port" of `length` bytes into lower case. Labels of letters,
 * digits,
 * '-' and '_', none beginning or ending with '-'; a port from 1 to 65535. `drop_port` (0: none) is the
 * scheme's own port, which is left out of the result. Owned text, or NULL when it is no host. */
char *dd_host_normalise(const char *text, size_t length, int drop_port);
/* The same, and docker.io for each of Docker Hub's names. */
char *dd_registry_host_normalise(const char *text, size_t length);
/* "registry[/path]" that images can be named under: host as above, then repository components. Owned, or
 * NULL. */
char *dd_registry_prefix_normalise(const char *text);
/* A relative path inside a checkout: no "..", no ".git", no control byte, no '\', not beginning with '-'; "."
 * and doubled or outer slashes are dropped. Owned text, "" for the folder itself, NULL when it is none. */
char *dd_inner_path_normalise(const char *text);

#endif
