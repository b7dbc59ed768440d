/* podman, as tested with 4.3:
 * - a build is canceled with HUP to the client: TERM makes it exit 0 and leaves RUN's processes behind, INT
 * leaves them too, KILL leaves a working container as well;
 * - the digest of a push is in --digestfile; a local image's own digest is of its uncompressed layers;
 * - `run` has --tls-verify but no --cert-dir: an image behind a private CA is pulled on its own;
 * - with cgroupfs a RUN is put into the cgroup that --cgroup-parent names, not below it; runc wants that
 * empty;
 * - a build's --network is none, host, private or a network's name ("bridge" and "default" are errors). */
#include "runner/engine.h"

#include <jansson.h>
#include <signal.h>
#include <stdlib.h>

#define PIDS_MAX "2048"

/* Docker's default set without what few images need and much abuse does: NET_RAW, MKNOD, AUDIT_WRITE,
 * SETFCAP, SETPCAP, SYS_CHROOT. Enough for an entry point that chowns its data and drops to another user. */
static const char *const capabilities[] = {"CHOWN", "DAC_OVERRIDE",     "FOWNER", "FSETID",
                                           "KILL",  "NET_BIND_SERVICE", "SETGID", "SETUID"};

static void words(dd_strv *argv, const char *const *texts)
{
    dd_strv_add_all(argv, texts);
}
#define WORDS(argv, ...) words(argv, (const char *const[]){__VA_ARGS__, NULL})

static void option(dd_strv *argv, const char *name, const char *value)
{
    if (value && *value)
        dd_strv_addf(argv, "%s=%s", name, value);
}

static void options(dd_strv *argv, const char *name, const dd_strv *values)
{
    for (size_t i = 0; values && i < values->count; i++)
        dd_strv_addf(argv, "%s=%s", name, values->items[i]);
}

static void append(dd_strv *argv, const dd_strv *more)
{
    for (size_t i = 0; more && i < more->count; i++)
        dd_strv_add(argv, more->items[i]);
}

static void registry_options(dd_strv *argv, const dd_engine_scope *scope, const dd_engine_tls *tls)
{
    option(argv, "--authfile", scope->auth_file);
    option(argv, "--cert-dir", tls->cert_dir);
    if (tls->plain_http)
        dd_strv_add(argv, "--tls-verify=false");
}

static void podman_info(dd_strv *argv)
{
    WORDS(argv, "podman", "info", "--format", "json");
}

static bool is_before(const char *version, long major, long minor)
{
    char *end;
    long first = strtol(version, &end, 10), second = *end == '.' ? strtol(end + 1, NULL, 10) : 0;

    return first < major || (first == major && second < minor);
}

static int podman_read_info(const char *text, size_t length, dd_engine_info **ret, dd_error **err)
{
    const char *version = NULL, *manager = NULL, *cgroup = NULL, *root = NULL;
    int rootless = 0;
    json_error_t problem;
    json_t *json = json_loadb(text, length, 0, &problem);

    if (!json || json_unpack(json, "{s:{s:s, s:s, s:{s:b}}, s:{s:s}, s:{s?s}}", "host", "cgroupManager",
                             &manager, "cgroupVersion", &cgroup, "security", "rootless", &rootless, "version",
                             "Version", &version, "store", "graphRoot", &root) < 0) {
        json_decref(json);
        return dd_fail(err, DD_ERR_INTERNAL, "podman's description of itself cannot be read");
    }
    *ret = dd_new(dd_engine_info);
    (*ret)->version = dd_strdup(version);
    (*ret)->graph_root = dd_strdup(root);
    (*ret)->loose_mounts = is_before(version, 5, 4);
    (*ret)->documents = !is_before(version, 4, 9);
    (*ret)->systemd_cgroups = dd_str_eq(manager, "systemd");
    (*ret)->limits = !rootless || dd_str_eq(cgroup, "v2");
    json_decref(json);
    return 0;
}

static void podman_build(const dd_engine_scope *scope, const dd_engine_build *build, dd_strv *argv)
{
    WORDS(argv, "podman", "build", "--pull=never");
    registry_options(argv, scope, &build->tls);
    if (scope->limits)
        option(argv, "--cgroup-parent", build->cgroup);
    option(argv, "--network", build->network);
    option(argv, "--iidfile", build->id_file);
    append(argv, build->options);
    options(argv, "--build-arg", build->build_args);
    options(argv, "--tag", build->tags);
    option(argv, "--target", build->target);
    option(argv, "--file", build->file);
    WORDS(argv, "--", build->context);
}

static void sandbox_options(dd_strv *argv, const dd_engine_scope *scope)
{
    WORDS(argv, "--security-opt=no-new-privileges", "--cap-drop=all");
    for (size_t i = 0; i < DD_COUNT(capabilities); i++)
        option(argv, "--cap-add", capabilities[i]);
    if (scope->limits) {
        option(argv, "--cgroup-parent", scope->cgroup);
        option(argv, "--pids-limit", PIDS_MAX);
    }
}

static void labels(dd_strv *argv, const dd_engine_scope *scope)
{
    dd_strv_addf(argv, "--label=" DD_LABEL_RUN "=%s", scope->run);
    dd_strv_addf(argv, "--label=" DD_LABEL_ATTEMPT "=%s", scope->attempt);
}

static void podman_run(const dd_engine_scope *scope, const dd_engine_run *run, dd_strv *argv)
{
    static const char *const policies[] = {[DD_FETCH_NEVER] = "--pull=never",
                                           [DD_FETCH_MISSING] = "--pull=missing",
                                           [DD_FETCH_NEWER] = "--pull=newer"};

    WORDS(argv, "podman", "run", policies[run->fetch]);
    registry_options(argv, scope, &run->tls);
    option(argv, "--name", run->name);
    labels(argv, scope);
    dd_strv_addf(argv, "--label=" DD_LABEL_STEP "=%s", run->step);
    if (!run->keep)
        dd_strv_add(argv, "--rm");
    /* An attached container's output is ours already; the engine's own copy would only fill the disk. */
    dd_strv_add(argv, run->detach ? "--detach" : "--log-driver=none");
    sandbox_options(argv, scope);
    option(argv, "--network", run->network);
    options(argv, "--network-alias", run->aliases);
    options(argv, "--volume", run->volumes);
    option(argv, "--env-file", run->env_file);
    options(argv, "--env", run->env_names);
    options(argv, "--publish", run->ports);
    options(argv, "--expose", run->expose);
    option(argv, "--user", run->user);
    option(argv, "--cpus", run->cpus);
    option(argv, "--entrypoint", run->entry_point);
    option(argv, "--workdir", run->working_directory);
    append(argv, run->options);
    WORDS(argv, "--", run->image);
    append(argv, run->arguments);
}

static void podman_pull(const dd_engine_scope *scope, const dd_engine_tls *tls, const dd_strv *options,
                        const char *image, dd_strv *argv)
{
    WORDS(argv, "podman", "pull", "--quiet");
    registry_options(argv, scope, tls);
    append(argv, options);
    WORDS(argv, "--", image);
}

static void podman_push(const dd_engine_scope *scope, const dd_engine_tls *tls, const char *image,
                        const char *to, const char *digest_file, dd_strv *argv)
{
    WORDS(argv, "podman", "push", "--quiet");
    registry_options(argv, scope, tls);
    option(argv, "--digestfile", digest_file);
    WORDS(argv, "--", image, to);
}

static void podman_images_inspect(const dd_strv *images, dd_strv *argv)
{
    WORDS(argv, "podman", "image", "inspect", "--");
    append(argv, images);
}

static void podman_network_create(const dd_engine_scope *scope, const char *name, const char *driver,
                                  bool ipv6, dd_strv *argv)
{
    WORDS(argv, "podman", "network", "create");
    labels(argv, scope);
    option(argv, "--driver", driver);
    if (ipv6)
        dd_strv_add(argv, "--ipv6");
    WORDS(argv, "--", name);
}

static void podman_network_list(const char *attempt, dd_strv *argv)
{
    WORDS(argv, "podman", "network", "ls", "--format", "{{.Name}}");
    dd_strv_addf(argv, "--filter=label=" DD_LABEL_ATTEMPT "=%s", attempt);
}

static void podman_network_remove(const dd_strv *names, dd_strv *argv)
{
    WORDS(argv, "podman", "network", "rm", "--force", "--");
    append(argv, names);
}

static void podman_container_stop(const char *name, int64_t grace_s, dd_strv *argv)
{
    WORDS(argv, "podman", "stop", "--ignore");
    dd_strv_addf(argv, "--time=%lld", (long long)grace_s);
    WORDS(argv, "--", name);
}

static void podman_container_remove(const char *name, dd_strv *argv)
{
    WORDS(argv, "podman", "rm", "--force", "--ignore", "--volumes", "--time=0", "--", name);
}

static void podman_containers_remove(const char *attempt, dd_strv *argv)
{
    WORDS(argv, "podman", "rm", "--force", "--volumes", "--time=0");
    dd_strv_addf(argv, "--filter=label=" DD_LABEL_ATTEMPT "=%s", attempt);
}

/* aardvark-dns, at the first container of a network, where there is no syslog. */
static const char *const noise[] = {"failed to connect to syslog: Initialization", NULL};

const dd_engine dd_engine_podman = {
    .name = "podman",
    .program = "podman",
    .build_cancel_signal = SIGHUP,
    .noise = noise,
    .info = podman_info,
    /* Else it asks dpkg, three times, from which packages its programs are: that takes ten times its own
       time. */
    .info_variable = "DPKG_ADMINDIR=/nonexistent",
    .read_info = podman_read_info,
    .build = podman_build,
    .run = podman_run,
    .pull = podman_pull,
    .push = podman_push,
    .images_inspect = podman_images_inspect,
    .network_create = podman_network_create,
    .network_list = podman_network_list,
    .network_remove = podman_network_remove,
    .container_stop = podman_container_stop,
    .container_remove = podman_container_remove,
    .containers_remove = podman_containers_remove,
};
