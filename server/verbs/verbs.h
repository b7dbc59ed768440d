/* The command line: verbs, their options, and what they share. */
#ifndef DD_SERVER_VERBS_H
#define DD_SERVER_VERBS_H

#include "../server.h"

#include <jansson.h>

/* One row of a verb's option table; the table ends with a row without a name. */
typedef struct dd_option {
    const char *name;  /* long name without dashes */
    char letter;       /* 0: none */
    const char *value; /* what stands for its value in help; NULL: a switch */
    const char *help;
} dd_option;

typedef struct dd_args dd_args;

typedef struct dd_verb {
    const char *name;     /* "task apply" for a verb of two words */
    const char *summary;  /* one line */
    const char *usage;    /* positional arguments and so on: "[CONTEXT]" */
    const char *help;     /* the manual's DESCRIPTION: lines indented by two */
    const char *examples; /* its EXAMPLES; NULL: none */
    const dd_option *options;
    size_t least, most;               /* positional arguments */
    int (*main)(const dd_args *args); /* returns the exit code */
    bool hidden;
} dd_verb;

/* The rows of verbs.c, one file each. */
extern const dd_verb dd_verb_server, dd_verb_worker, dd_verb_dev, dd_verb_dev_hook, dd_verb_exec_tied;
extern const dd_verb dd_verb_run, dd_verb_run_child, dd_verb_run_clean;
extern const dd_verb dd_verb_lint, dd_verb_render, dd_verb_graph, dd_verb_deps, dd_verb_event_parse;
extern const dd_verb dd_verb_task_apply, dd_verb_task_list, dd_verb_task_show, dd_verb_task_delete,
    dd_verb_task_run;
extern const dd_verb dd_verb_runs_list, dd_verb_runs_show, dd_verb_runs_logs, dd_verb_runs_cancel,
    dd_verb_runs_wait;
extern const dd_verb dd_verb_events_list, dd_verb_events_show, dd_verb_events_why, dd_verb_events_replay;
extern const dd_verb dd_verb_queue, dd_verb_workers_list, dd_verb_version;

/* ---- Arguments ---- */
const char *dd_args_value(const dd_args *args, const char *option); /* the last one given; NULL */
bool dd_args_has(const dd_args *args, const char *option);
const dd_strv *dd_args_values(const dd_args *args, const char *option); /* all given, in order */
const char *dd_args_word(const dd_args *args, size_t index);            /* positional; NULL */
const dd_strv *dd_args_words(const dd_args *args);
/* A number within bounds; -1 with *err when it is none. *ret is left alone when the option is not given. */
int dd_args_int(const dd_args *args, const char *option, int64_t least, int64_t most, int64_t *ret,
                dd_error **err);
/* "table" (default) or "json". */
int dd_args_output(const dd_args *args, bool *ret_json, dd_error **err);

/* Print the error as "drydock VERB: …" and return its exit code. Takes the error. */
int dd_verb_fail(const dd_args *args, dd_error *error);
/* A wrong use of the command line: says so, and how to get help; 2. */
int dd_verb_misuse(const dd_args *args, const char *format, ...) DD_PRINTF(2, 3);

/* ---- Output ---- */
/* Columns aligned, two spaces between; rows are JSON objects, each column a member's name and its heading. */
typedef struct dd_column {
    const char *heading;
    const char *member;
} dd_column;
void dd_print_table(const json_t *rows, const dd_column *columns, size_t count);
void dd_print_json(const json_t *json);

/* ---- The client of the server's API ---- */
#define DD_CLIENT_OPTIONS                                                                                    \
    {"server", 0, "URL", "the server's address (DRYDOCK_SERVER; default https://127.0.0.1:8443)"},           \
        {"token", 0, "TOKEN", "the API's token (DRYDOCK_TOKEN; on the command line others can see it)"},     \
    {                                                                                                        \
        "ca-file", 0, "FILE", "certificate the server is checked by (DRYDOCK_CA_FILE; default the system's)" \
    }
#define DD_OUTPUT_OPTION                                                                                     \
    {                                                                                                        \
        "output", 'o', "FORMAT", "table (default) or json"                                                   \
    }
/* One request. `body` NULL for none. The JSON answer is the caller's. BLOCKING, at most `timeout_s`.
 * UNAVAILABLE when the server cannot be reached; else the API's own error. */
int dd_client_call(const dd_args *args, const char *method, const char *path, const char *body,
                   int64_t timeout_s, json_t **ret, dd_error **err);

#endif
