/* What the language tools share: render, graph, lint, deps. */
#ifndef DD_SERVER_LANGUAGE_H
#define DD_SERVER_LANGUAGE_H

#include "verbs.h"

/* The file that a tool was given. */
typedef struct dd_source {
    const char *name; /* as it is told of; borrowed */
    dd_buf *text;     /* NULL: it could not be read */
} dd_source;
void dd_source_done(dd_source *source);
/* -f FILE, or the one argument; "-" is standard input. The name is set also when it cannot be read. NULL
 * name: none was given. */
int dd_source_read(const dd_args *args, dd_source *ret, dd_error **err);

/* On standard error, as a compiler does: the place, the line, a caret, the hint. */
void dd_source_tell(const dd_source *source, const char *severity, const dd_error *error);
void dd_source_tell_all(const dd_source *source, const char *severity, dd_error *const *errors, size_t count);
/* Tell the error, which is taken, and return its exit code. */
int dd_source_fail(const dd_source *source, dd_error *error);

/* .Values and .Run by the options. */
int dd_source_template_data(const dd_args *args, dd_template_data **ret, dd_error **err);
/* env, network, working directory by the options; `env` is owned. */
void dd_source_options(const dd_args *args, dd_taskfile_options *ret);

typedef enum dd_format { DD_FORMAT_JSON, DD_FORMAT_TEXT, DD_FORMAT_DOT } dd_format;
/* By --output; `formats` is how many of the enum the verb has. Without: `otherwise`. */
int dd_source_format(const dd_args *args, size_t formats, dd_format otherwise, dd_format *ret,
                     dd_error **err);
/* text on a terminal, else json: scripts need no option. */
dd_format dd_source_default_format(void);

#define DD_TEMPLATE_OPTIONS                                                                                  \
    {"file", 'f', "FILE", "the task file; - is standard input"},                                             \
        {"values", 0, "FILE", "a YAML file of .Values (again: later ones win)"},                             \
        {"set", 0, "KEY=VALUE", "one of .Values (again for more)"},                                          \
    {                                                                                                        \
        "run", 0, "NAME=VALUE", "one of .Run, e.g. ID=ca1 (again for more)"                                  \
    }
#define DD_TASKFILE_OPTIONS                                                                                  \
    DD_TEMPLATE_OPTIONS, {"env", 0, "KEY=VALUE", "for every step, with the lowest rank (again for more)"},   \
        {"network", 0, "NAME", "the steps' default network"},                                                \
    {                                                                                                        \
        "working-directory", 0, "DIR", "the steps' default working directory"                                \
    }

#endif
