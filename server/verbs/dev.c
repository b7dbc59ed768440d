/* drydock dev, and the hidden verbs of what it starts. */
#include "../dev.h"
#include "verbs.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static char *default_directory(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state && *state == '/')
        return dd_path_join(state, "drydock/dev");
    return dd_path_join(home && *home ? home : "/var/lib", ".local/state/drydock/dev");
}

static int dev(const dd_args *args)
{
    dd_error *error = NULL;
    dd_auto_str fallback = default_directory();
    const char *directory = dd_args_value(args, "dir"), *engine = dd_args_value(args, "engine");
    dd_dev_options options = {.directory = directory ? directory : fallback,
                              .engine = engine ? engine : "podman",
                              .slots = 2,
                              .demo = dd_args_has(args, "demo"),
                              .quiet = dd_args_has(args, "quiet")};
    if (dd_args_int(args, "slots", 1, 64, &options.slots, &error) < 0 || dd_dev_run(&options, &error) < 0)
        return dd_verb_fail(args, error);
    return 0;
}

static const dd_option dev_options[] = {
    {"dir", 0, "DIR", "where everything is kept (default $XDG_STATE_HOME/drydock/dev)"},
    {"demo", 0, NULL, "with a registry and a git host, on loopback too"},
    {"engine", 0, "NAME", "container engine (podman)"},
    {"slots", 0, "NUMBER", "runs at once (2)"},
    {"quiet", 'q', NULL, "do not print the runs' logs"},
    {0},
};
const dd_verb dd_verb_dev = {
    .name = "dev",
    .summary = "everything on loopback: a private Redis, the server, a worker",
    .usage = "",
    .help =
        "  Starts a redis-server on a unix socket, the HTTPS server with a self-signed certificate, and one "
        "worker, all\n"
        "  with their data in one directory, and prints the runs' logs as they come. Data are kept across "
        "starts.\n"
        "  DIR/env, sourced by a shell, sets what the client verbs need; DIR/logs has the services' logs.\n\n"
        "  --demo adds Debian's docker-registry, whose notifications go to the server, and git's "
        "http-backend serving\n"
        "  the repositories below DIR/git/repositories: a push to one is delivered as GitHub would.\n\n"
        "  Ctrl-C stops all of it, the worker first.\n",
    .examples = "  drydock dev --demo\n"
                "  . ~/.local/state/drydock/dev/env && drydock task list\n",
    .options = dev_options,
    .main = dev,
};

/* ---- exec-tied: a program that ends with its parent ---- */

static int exec_tied(const dd_args *args)
{
    const dd_strv *words = dd_args_words(args);
    pid_t parent = getppid();
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0) {
        fprintf(stderr, "drydock exec-tied: %s\n", strerror(errno));
        return 1;
    }
    /* The parent may have died before it took effect. */
    if (getppid() != parent || parent == 1)
        return 1;
    execvp(words->items[0], words->items);
    fprintf(stderr, "drydock exec-tied: %s: %s\n", words->items[0], strerror(errno));
    return errno == ENOENT ? 127 : 126;
}

const dd_verb dd_verb_exec_tied = {.name = "exec-tied",
                                   .summary = "a program that ends with its parent, for dev",
                                   .usage = "PROGRAM [ARGUMENT]…",
                                   .help = "",
                                   .least = 1,
                                   .most = 64,
                                   .main = exec_tied,
                                   .hidden = true};

/* ---- dev-hook: the git host's post-receive ---- */

static int read_line(const char *directory, const char *name, char **ret, dd_error **err)
{
    dd_auto_str path = dd_path_join(directory, name);
    dd_auto(dd_buf) text = NULL;
    if (dd_buf_read_file(path, 4096, &text, err) < 0)
        return -1;
    *ret = dd_strndup(text->data, strcspn(text->data, "\n"));
    return 0;
}

static int send_refs(const dd_dev_hook *hook)
{
    char line[4096];
    while (fgets(line, sizeof(line), stdin)) {
        char *save = NULL, *answer = NULL;
        const char *before = strtok_r(line, " \n", &save), *after = strtok_r(NULL, " \n", &save);
        const char *ref = strtok_r(NULL, "\n", &save);
        dd_auto(dd_error) error = NULL;
        if (!before || !after || !ref)
            continue;
        if (dd_dev_hook_send(hook, before, after, ref, &answer, &error) < 0)
            fprintf(stderr, "drydock: %s was not delivered: %s\n", ref, error->message);
        else
            fprintf(stderr, "drydock: %s delivered: %s", ref, answer);
        free(answer);
    }
    return 0;
}

/* Run by git in the repository: DIR/git/repositories/NAME.git. */
static int dev_hook(const dd_args *args)
{
    const char *directory = dd_args_value(args, "dir");
    dd_auto_str cwd = getcwd(NULL, 0);
    dd_auto_str root = dd_sprintf("%s/git/repositories/", directory ? directory : "");
    dd_auto_str secret = NULL;
    dd_auto_str address = NULL;
    dd_auto_str port = NULL;
    dd_auto_str ca_file = dd_path_join(directory ? directory : "", "server.crt");
    dd_error *error = NULL;
    if (!directory || !cwd || !dd_str_starts(cwd, root) || !dd_str_ends(cwd, ".git"))
        return dd_verb_misuse(args, "this is git's hook in the repositories of drydock dev");
    if (read_line(directory, "github.secret", &secret, &error) < 0 ||
        read_line(directory, "server.address", &address, &error) < 0 ||
        read_line(directory, "git.port", &port, &error) < 0)
        return dd_verb_fail(args, error);
    dd_auto_str name = dd_strndup(cwd + strlen(root), strlen(cwd) - strlen(root) - 4);
    dd_auto_str full_name = dd_sprintf("git/%s", name);
    dd_auto_str clone_url = dd_sprintf("http://127.0.0.1:%s/cgi-bin/git/%s.git", port, name);
    dd_auto_str url = dd_sprintf("https://%s/hooks/github", address);
    dd_dev_hook hook = {.repository_path = cwd,
                        .full_name = full_name,
                        .clone_url = clone_url,
                        .deliver_to = url,
                        .ca_file = ca_file,
                        .secret = secret};
    return send_refs(&hook);
}

static const dd_option hook_options[] = {{"dir", 0, "DIR", "the directory of drydock dev"}, {0}};
const dd_verb dd_verb_dev_hook = {.name = "dev-hook",
                                  .summary = "deliver a push, for dev's git host",
                                  .usage = "",
                                  .help = "",
                                  .options = hook_options,
                                  .main = dev_hook,
                                  .hidden = true};
