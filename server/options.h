/* Reading the command line; verbs see only verbs/verbs.h. */
#ifndef DD_SERVER_OPTIONS_H
#define DD_SERVER_OPTIONS_H

#include "verbs/verbs.h"

/* Read what stands behind the verb's name. *ret is always set (free: dd_args_free). */
int dd_args_parse(const dd_verb *verb, int argc, char **argv, dd_args **ret, dd_error **err);
bool dd_args_help(const dd_args *args); /* --help was given */
void dd_args_free(dd_args *args);
void dd_verb_manual(const dd_verb *verb);

#endif
