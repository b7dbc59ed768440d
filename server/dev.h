/* `drydock dev`: all in one on loopback, in one directory. */
#ifndef DD_SERVER_DEV_H
#define DD_SERVER_DEV_H

#include "server.h"

typedef struct dd_dev_options {
    const char *directory; /* made when it is not there; its data are kept across starts */
    const char *engine;
    int64_t slots;
    bool demo;  /* with a registry and a git host */
    bool quiet; /* run logs not to standard output */
} dd_dev_options;

/* Start everything, print one line that it is ready, restart what dies, and stop all in order on SIGINT or
 * SIGTERM. */
int dd_dev_run(const dd_dev_options *options, dd_error **err);

/* What `dev` keeps below its directory. */
typedef struct dd_dev_place {
    char *directory; /* absolute */
    int port_server, port_registry, port_git;
    char *certificate, *key; /* PEM files */
    char *settings;          /* the file that server and worker read */
    char *socket;            /* Redis's */
    char *address_file;      /* the server's, once it listens */
    char *token;             /* of the API */
} dd_dev_place;
void dd_dev_place_free(dd_dev_place *place);
DD_DEFINE_FREEP(dd_dev_place)

/* Make the directory, the certificate, the secrets, the ports and the settings file; what is there is kept.
 */
int dd_dev_prepare(const dd_dev_options *options, dd_dev_place **ret, dd_error **err);

/* The post-receive hook of `dev`'s git host: reads "OLD NEW REF" lines from standard input and sends each as
 * a GitHub push delivery, signed. BLOCKING. */
typedef struct dd_dev_hook {
    const char *repository_path; /* bare repository */
    const char *full_name;       /* "org/name" */
    const char *clone_url;
    const char *deliver_to; /* https://…/hooks/github */
    const char *ca_file;
    const char *secret;
} dd_dev_hook;
int dd_dev_hook_send(const dd_dev_hook *hook, const char *before, const char *after, const char *ref,
                     char **ret_answer, dd_error **err);
/* The delivery's body alone; owned text. */
int dd_dev_hook_body(const dd_dev_hook *hook, const char *before, const char *after, const char *ref,
                     char **ret, dd_error **err);

/* A self-signed P-256 certificate for localhost, 127.0.0.1 and ::1, valid for 825 days. */
int dd_dev_certificate(const char *certificate_path, const char *key_path, dd_error **err);

#endif
