/* Engines: the container command lines, each a row of functions that build argument vectors. Nothing here
 * runs anything, so one test holds every row. Facts behind the arguments: engines/NAME.c. */
#ifndef DD_RUNNER_ENGINE_H
#define DD_RUNNER_ENGINE_H

#include "config/config.h"

#define DD_LABEL_RUN     "io.drydock.run"
#define DD_LABEL_STEP    "io.drydock.step"
#define DD_LABEL_ATTEMPT "io.drydock.attempt" /* what clean-up goes by; dd_attempt_name */
/* In the environment of every engine process of a run: how a clean-up finds those of a run that died. */
#define DD_ENGINE_MARK "DRYDOCK_ATTEMPT"

/* What `info` told about the engine. */
typedef struct dd_engine_info {
    char *version;
    char *graph_root;     /* where working containers of builds are recorded; NULL: nowhere that we know */
    bool systemd_cgroups; /* cgroups are named by systemd slices */
    bool limits;          /* resource limits work (not rootless on cgroup v1) */
    bool loose_mounts;    /* its builds let a RUN --mount out to the machine; dockerfile_mounts.c */
    bool documents;       /* its builds know here-documents */
} dd_engine_info;
void dd_engine_info_free(dd_engine_info *info);
DD_DEFINE_FREEP(dd_engine_info)

/* The same for every command of a run. */
typedef struct dd_engine_scope {
    const char *run, *attempt;
    const char *cgroup;    /* --cgroup-parent, NULL: the engine's own */
    const char *auth_file; /* NULL: the user's own */
    bool limits;
} dd_engine_scope;

/* How to speak to the registry of one reference. */
typedef struct dd_engine_tls {
    bool plain_http;
    const char *cert_dir; /* with ca.crt; NULL: the system's */
} dd_engine_tls;

/* When an image is fetched although the store has one of the name. */
typedef enum dd_engine_fetch {
    DD_FETCH_NEVER,   /* and not when it has none, either */
    DD_FETCH_MISSING, /* only when it has none */
    DD_FETCH_NEWER,   /* when the registry has another one, as far as it answers */
} dd_engine_fetch;

/* Nothing is fetched by a build: the file names images by ids. */
typedef struct dd_engine_build {
    const char *file, *target, *network,
        *context; /* target NULL: the last stage; network NULL: the engine's own */
    const dd_strv *tags, *build_args, *options;
    const char *cgroup;  /* of this build alone: dd_engine_build_cgroup */
    const char *id_file; /* the image's id is written there */
    dd_engine_tls tls;
} dd_engine_build;

typedef struct dd_engine_run {
    const char *step, *name, *image;
    const char *network;    /* NULL: the engine's default; "none" */
    const dd_strv *aliases; /* on that network */
    const char *entry_point, *user, *cpus, *working_directory;
    const char *env_file;
    const dd_strv *env_names; /* variables taken from the engine process's environment */
    const dd_strv *volumes;   /* source:target[:ro] */
    const dd_strv *ports, *expose, *options, *arguments;
    bool detach, keep;
    dd_engine_fetch fetch;
    dd_engine_tls tls;
} dd_engine_run;

typedef struct dd_engine {
    const char *name;        /* as in settings */
    const char *program;     /* looked up in PATH */
    int build_cancel_signal; /* ends a build with its RUN step and working container */
    const char *const
        *noise; /* lines it writes to standard error for no reason of a step's; NULL-terminated */
    void (*info)(dd_strv *argv);
    const char *info_variable; /* NAME=VALUE for `info`, to make it quick; NULL: none */
    int (*read_info)(const char *text, size_t length, dd_engine_info **ret, dd_error **err);
    void (*build)(const dd_engine_scope *scope, const dd_engine_build *build, dd_strv *argv);
    void (*run)(const dd_engine_scope *scope, const dd_engine_run *run, dd_strv *argv);
    /* `options` (NULL: none) choose a platform. Prints the image's id. */
    void (*pull)(const dd_engine_scope *scope, const dd_engine_tls *tls, const dd_strv *options,
                 const char *image, dd_strv *argv);
    void (*push)(const dd_engine_scope *scope, const dd_engine_tls *tls, const char *image, const char *to,
                 const char *digest_file, dd_strv *argv);
    /* Prints a JSON list, one object with Id, RepoDigests and Config.OnBuild for each. */
    void (*images_inspect)(const dd_strv *images, dd_strv *argv);
    void (*network_create)(const dd_engine_scope *scope, const char *name, const char *driver, bool ipv6,
                           dd_strv *argv);
    void (*network_list)(const char *attempt, dd_strv *argv); /* prints a name per line */
    void (*network_remove)(const dd_strv *names, dd_strv *argv);
    void (*container_stop)(const char *name, int64_t grace_s, dd_strv *argv);
    void (*container_remove)(const char *name, dd_strv *argv);     /* killed at once; missing is fine */
    void (*containers_remove)(const char *attempt, dd_strv *argv); /* all that carry its label */
} dd_engine;

extern const dd_engine dd_engine_podman;

const dd_engine *dd_engine_find(const char *name, dd_error **err); /* INVALID names those there are */
/* What is the host's and the engine's (containers, networks, cgroups) is named for the attempt:
 * "INSTANCE-RUN-LEASE". Run ids alone would not do: two drydocks may both have a ca1, and a worker that lost
 * its lease must leave the next attempt's alone. Owned. */
char *dd_attempt_name(const char *instance, const char *run, int64_t lease);
/* The run's id of such a name (owned), or NULL when it is none. */
char *dd_attempt_name_run(const char *name);
/* The cgroup that all of an attempt stands below: "/drydock/ATTEMPT", or as a systemd slice. Owned. */
char *dd_engine_cgroup(const dd_engine_info *info, const char *attempt);
/* A build's own, below the run's: an engine may put a RUN into the very cgroup it is given as a parent, and
 * that one must not hold other processes then. Owned. */
char *dd_engine_build_cgroup(const dd_engine_info *info, const char *cgroup, size_t step);
/* Why a container ended so: the engine's own codes and signals in words. Owned. */
char *dd_engine_exit_words(int exit_code);

#endif
