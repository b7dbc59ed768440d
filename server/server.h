/* The server room's door: the HTTPS front, the client of its API, and the verbs of the one binary. */
#ifndef DD_SERVER_H
#define DD_SERVER_H

#include "config/config.h"
#include "runner/runner.h"
#include "triggers/triggers.h"

/* The `server` service: listeners, matcher, until SIGTERM or SIGINT. */
int dd_server_run(const dd_settings *settings, dd_error **err);

/* A verb of the command line: one file in verbs/, one row in verbs.c. */
typedef struct dd_verb {
    const char *name;     /* "task apply" for a verb of two words */
    const char *summary;  /* one line */
    const char *usage;    /* the synopsis' arguments: "[CONTEXT] [-f FILE] …" */
    const char *help;     /* the manual: options, what it prints, exit codes, an example */
    bool hidden;
    int (*main)(int argc, char **argv); /* argv[0] is the verb's name; returns the exit code */
} dd_verb;

#endif
