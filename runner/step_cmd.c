/* A cmd step: its text and properties become one container. */
#include "executor_private.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORKSPACE "/workspace"
#define HOME      "/acb/home"

/* ---- Names ---- */

static bool is_host_label(const char *text)
{
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
            return false;
    return isalnum((unsigned char)text[0]) && strlen(text) <= 63;
}

/* A step's id is free text; where it cannot be a part of a name, its number stands for it. */
static void set_names(dd_step_run *run)
{
    const char *id = run->step->id;

    run->container = is_host_label(id) ? dd_sprintf("drydock-%s-%s", run->executor->attempt, id)
                                       : dd_sprintf("drydock-%s.%zu", run->executor->attempt, run->index);
    if (is_host_label(id))
        dd_strv_add(&run->aliases, id);
    if (run->options->name)
        dd_strv_add(&run->aliases, run->options->name);
}

static char *absolute_directory(const char *written)
{
    return written[0] == '/' ? dd_strdup(written) : dd_sprintf(WORKSPACE "/%s", written);
}

/* ---- Environment ---- */

/* Names by which the engine's client itself, or the loader, would be changed. */
static bool is_clients_own(const char *name)
{
    static const char *const prefixes[] = {"LD_",      "CONTAINER", "STORAGE_", "REGISTRY_",
                                           "XDG_",     "BUILDAH_",  "_CONTAIN", "GODEBUG",
                                           "SSL_CERT", "NOTIFY_",   "TMPDIR"};

    for (size_t i = 0; i < DD_COUNT(prefixes); i++)
        if (dd_str_starts(name, prefixes[i]))
            return true;
    return getenv(name) != NULL;
}

/* One variable, by a line of the file, or (a file has no way to write a line break) by the client's
 * environment. Never as an argument: those can be read by everybody on the machine. */
static int add_variable(dd_step_run *run, const char *variable, dd_buf *file, dd_error **err)
{
    size_t name_length = strcspn(variable, "=");
    dd_auto_str name = dd_strndup(variable, name_length);

    if (!variable[name_length])
        return 0; /* docker takes such a one from the client, where a worker has none */
    /* The client would take "NAME*" for all of its own variables that begin so. */
    if (name_length == 0 || strpbrk(name, " \t\r\n#*"))
        return dd_fail(err, DD_ERR_INVALID, "env: '%s' cannot be a variable's name", name);
    if (!strpbrk(variable, "\r\n")) {
        dd_buf_printf(file, "%s\n", variable);
        return 0;
    }
    if (is_clients_own(name))
        return dd_fail(err, DD_ERR_INVALID, "env: the value of %s cannot have line breaks", name);
    dd_strv_add(&run->env_names, name);
    dd_strv_add(&run->env_values, variable);
    return 0;
}

static int write_environment(dd_step_run *run, dd_error **err)
{
    const dd_strv *lists[] = {&run->step->env, &run->options->env};
    dd_buf file = {0};
    int ret = 0;

    dd_buf_add_str(&file, "HOME=" HOME "\n");
    for (size_t l = 0; l < DD_COUNT(lists); l++)
        for (size_t i = 0; i < lists[l]->count && ret == 0; i++)
            ret = add_variable(run, lists[l]->items[i], &file, err);
    run->env_file = dd_executor_path(run->executor, "step-%zu.env", run->index);
    if (ret == 0)
        ret = dd_write_file(run->env_file, file.data, file.length, 0600, err);
    dd_buf_done(&file);
    return ret;
}

/* ---- Volumes ---- */

static int write_secret(const char *directory, const dd_mount *file, dd_error **err)
{
    size_t length = strlen(file->path);
    unsigned char *data = dd_calloc(1, length / 4 * 3 + 4);
    int decoded = EVP_DecodeBlock(data, (const unsigned char *)file->path, (int)length), ret;
    dd_auto_str path = dd_path_join(directory, file->name);

    if (decoded < 0 || length % 4 != 0) {
        free(data);
        return dd_fail(err, DD_ERR_INVALID, "secret file '%s' is not base64", file->name);
    }
    /* EVP_DecodeBlock counts the padding as bytes. */
    for (size_t i = length; i > 0 && file->path[i - 1] == '=' && decoded > 0; i--)
        decoded--;
    ret = dd_write_file(path, data, (size_t)decoded, 0444, err);
    free(data);
    return ret;
}

static int make_volume(dd_executor *executor, const dd_volume *volume, char **ret, dd_error **err)
{
    dd_auto_str path = dd_executor_path(executor, "volumes/%s", volume->name);

    if (!dd_name_is_valid(volume->name))
        return dd_fail(err, DD_ERR_INVALID, "'%s' cannot be a volume's name", volume->name);
    if (!dd_path_exists(path)) {
        if (dd_mkdirs(path, 0755, err) < 0)
            return -1;
        for (size_t i = 0; i < volume->file_count; i++)
            if (write_secret(path, &volume->files[i], err) < 0)
                return dd_context(err, "volume '%s'", volume->name);
        if (chmod(path, volume->file_count ? 0755 : 01777) < 0)
            return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "cannot set the mode of '%s'", path);
    }
    *ret = dd_take(path);
    return 0;
}

static int volume_source(dd_step_run *run, const char *name, char **ret, dd_error **err)
{
    dd_executor *executor = run->executor;

    if (dd_str_eq(name, "workspace")) {
        *ret = dd_strdup(executor->root_path);
        return 0;
    }
    if (dd_str_eq(name, "home")) {
        *ret = dd_executor_path(executor, "home");
        return 0;
    }
    for (size_t i = 0; i < executor->taskfile->volume_count; i++)
        if (dd_str_eq(executor->taskfile->volumes[i].name, name))
            return make_volume(executor, &executor->taskfile->volumes[i], ret, err);
    return dd_fail(err, DD_ERR_INVALID, "volume '%s' is not one of the task's", name);
}

static int add_volume(dd_step_run *run, const char *name, const char *path, bool read_only, dd_error **err)
{
    dd_auto_str source = NULL;

    if (!dd_mount_path_is_valid(path))
        return dd_fail(err, DD_ERR_INVALID, "volume '%s': '%s' is not an absolute path", name, path);
    if (volume_source(run, name, &source, err) < 0)
        return -1;
    dd_strv_addf(&run->volumes, "%s:%s%s", source, path, read_only ? ":ro" : "");
    return 0;
}

static int set_volumes(dd_step_run *run, dd_error **err)
{
    if (strpbrk(run->executor->root_path, ":,\n"))
        return dd_fail(err, DD_ERR_INVALID, "the context's path has a ':' or ','");
    if (add_volume(run, "workspace", WORKSPACE, false, err) < 0 ||
        add_volume(run, "home", HOME, false, err) < 0)
        return -1;
    for (size_t i = 0; i < run->step->mount_count; i++)
        if (add_volume(run, run->step->mounts[i].name, run->step->mounts[i].path, false, err) < 0)
            return -1;
    for (size_t i = 0; i < run->options->volume_count; i++) {
        const dd_run_volume *volume = &run->options->volumes[i];
        if (add_volume(run, volume->name, volume->path, volume->read_only, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- The whole ---- */

static int check_permissions(const dd_step *step, dd_error **err)
{
    if (step->privileged)
        return dd_fail(err, DD_ERR_DENIED, "privileged is not permitted");
    if (step->docker_socket)
        return dd_fail(err, DD_ERR_DENIED, "dockerSocket is not permitted");
    return 0;
}

static int set_ports(dd_step_run *run, dd_error **err)
{
    for (size_t i = 0; i < run->step->ports.count; i++) {
        char *port;
        if (dd_port_on_loopback(run->step->ports.items[i], &port, err) < 0)
            return -1;
        dd_strv_take(&run->ports, port);
    }
    for (size_t i = 0; i < run->options->ports.count; i++)
        dd_strv_add(&run->ports, run->options->ports.items[i]);
    for (size_t i = 0; i < run->step->expose.count; i++)
        dd_strv_add(&run->expose, run->step->expose.items[i]);
    for (size_t i = 0; i < run->options->expose.count; i++)
        dd_strv_add(&run->expose, run->options->expose.items[i]);
    return 0;
}

/* What the run has built itself is in the store, under its id. Another image whose registry needs a CA is
 * fetched on its own, since an engine's `run` may have no option for that. */
static int set_image(dd_step_run *run, dd_error **err)
{
    const char *own;

    if (dd_reference_parse(run->options->image, &run->reference, err) < 0)
        return -1;
    own = dd_executor_built(run->executor, run->reference->text);
    run->image = dd_strdup(own ? own : run->reference->text);
    run->pull_first = !own && !dd_str_eq(run->reference->registry, "localhost") &&
                      (run->step->pull || dd_executor_tls(run->executor, run->reference).cert_dir);
    run->pulls_left = run->step->download_retries;
    return 0;
}

/* A worker keeps images for long, so it asks for newer ones, as a fresh machine would have them. The user's
 * own machine has what the user wants. */
static dd_engine_fetch fetch_of(const dd_step_run *run)
{
    const dd_executor *executor = run->executor;

    if (run->pull_first || dd_str_eq(run->reference->registry, "localhost") ||
        dd_executor_built(executor, run->reference->text))
        return DD_FETCH_NEVER;
    return executor->job->shared_images ? DD_FETCH_NEWER : DD_FETCH_MISSING;
}

int dd_step_cmd_prepare(dd_step_run *run, dd_error **err)
{
    const dd_step *step = run->step;
    dd_auto(dd_strv) words = NULL;
    const char *directory;

    if (check_permissions(step, err) < 0 || dd_words_split(step->command, &words, err) < 0 ||
        dd_run_options_parse(words, &run->options, err) < 0)
        return -1;
    set_names(run);
    directory = run->options->working_directory ? run->options->working_directory : step->working_directory;
    if (!step->disable_working_directory_override || run->options->working_directory)
        run->directory = absolute_directory(directory && *directory ? directory : ".");
    if (dd_network_resolve(run->executor, run->options->network ? run->options->network : step->network,
                           &run->network, &run->waits_for, err) < 0)
        return -1;
    if (set_image(run, err) < 0 || set_ports(run, err) < 0 || set_volumes(run, err) < 0)
        return -1;
    return write_environment(run, err);
}

void dd_step_cmd_argv(dd_step_run *run, dd_strv *argv)
{
    static const dd_strv no_aliases = {0};
    dd_executor *executor = run->executor;
    const dd_step *step = run->step;
    bool named = run->network && !dd_str_eq(run->network, "none");
    const dd_engine_run spec = {
        .step = step->id,
        .name = run->container,
        .image = run->image,
        .network = run->network,
        .aliases = named ? &run->aliases : &no_aliases,
        .entry_point = run->options->entry_point ? run->options->entry_point : step->entry_point,
        .user = run->options->user ? run->options->user : step->user,
        .cpus = step->cpus,
        .working_directory = run->directory,
        .env_file = run->env_file,
        .env_names = &run->env_names,
        .volumes = &run->volumes,
        .ports = &run->ports,
        .expose = &run->expose,
        .options = &run->options->passed,
        .arguments = &run->options->arguments,
        .detach = step->detach || run->options->detach,
        .keep = step->keep,
        .fetch = fetch_of(run),
        .tls = {.plain_http = dd_executor_tls(executor, run->reference).plain_http},
    };

    executor->engine->run(&executor->scope, &spec, argv);
}

void dd_step_cmd_done(dd_step_run *run)
{
    dd_run_options_free(run->options);
    dd_reference_free(run->reference);
    free(run->container);
    free(run->image);
    free(run->env_file);
    free(run->directory);
    dd_strv_done(&run->aliases);
    dd_strv_done(&run->volumes);
    dd_strv_done(&run->ports);
    dd_strv_done(&run->expose);
    dd_strv_done(&run->env_names);
    dd_strv_done(&run->env_values);
}
