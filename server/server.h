/* The server room's door: the HTTPS front and the one binary's verbs. */
#ifndef DD_SERVER_H
#define DD_SERVER_H

#include "config/config.h"
#include "runner/runner.h"
#include "triggers/triggers.h"

/* The `server` service: listeners, API and matcher, until SIGTERM or SIGINT. */
int dd_server_run(const dd_settings *settings, dd_error **err);

/* The command line: returns the exit code design.md fixes. */
int dd_main(int argc, char **argv);

#endif
