/* The engine options that a task file may write, inside `cmd` before the image and inside `build`: an
 * allow-list, since the rest (mounts, devices, capabilities, the host's network) would hand over the worker's
 * machine. */
#ifndef DD_RUNNER_OPTIONS_H
#define DD_RUNNER_OPTIONS_H

#include "config/config.h"

/* A mount of something that is the run's own, by its name in the task file. */
typedef struct dd_run_volume {
    char *name, *path;
    bool read_only;
} dd_run_volume;

/* `cmd`, taken apart. */
typedef struct dd_run_options {
    char *image;
    dd_strv arguments;
    char *name, *network, *user, *entry_point, *working_directory; /* NULL: not written */
    dd_strv env;                                                   /* K=V */
    dd_strv ports, expose;
    dd_run_volume *volumes;
    size_t volume_count;
    dd_strv platform; /* those of `passed` that choose one */
    dd_strv passed;   /* for the engine as they stand, each one word */
    bool detach;
} dd_run_options;
int dd_run_options_parse(const dd_strv *words, dd_run_options **ret, dd_error **err);
void dd_run_options_free(dd_run_options *options);
DD_DEFINE_FREEP(dd_run_options)

typedef struct dd_build_options {
    char *network;    /* NULL: not written */
    dd_strv platform; /* those of `passed` that choose one: bases are fetched with them */
    dd_strv passed;
} dd_build_options;
/* `words`: what a build's command has besides -t, -f, --build-arg, --target and the context. */
int dd_build_options_parse(const dd_strv *words, dd_build_options **ret, dd_error **err);
void dd_build_options_free(dd_build_options *options);
DD_DEFINE_FREEP(dd_build_options)

/* "[ADDRESS:][HOST:]CONTAINER[/PROTOCOL]" with the host side bound to loopback; another address is DENIED. */
int dd_port_on_loopback(const char *text, char **ret, dd_error **err);
/* A path in a container for a mount: absolute, no ':' or ','. */
bool dd_mount_path_is_valid(const char *path);

#endif
