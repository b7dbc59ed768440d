/* A build step: its context and Dockerfile, the bases that are fetched first, and their digests. */
#include "dockerfile_private.h"
#include "executor_private.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DOCKERFILE_MAX_BYTES (1024 * 1024)
#define WORKSPACE            "/workspace"

/* ---- Paths ---- */

/* `written` relative to the workspace, or NULL when it is an absolute path elsewhere. */
static const char *below_workspace(const char *written)
{
    size_t length = strlen(WORKSPACE);

    if (written[0] != '/')
        return written;
    if (strncmp(written, WORKSPACE, length) != 0 || (written[length] && written[length] != '/'))
        return NULL;
    written += length;
    return written + strspn(written, "/");
}

int dd_step_path(const dd_step_run *run, const char *written, char **ret, dd_error **err)
{
    const char *directory = run->step->working_directory ? run->step->working_directory : "";
    const char *base = below_workspace(directory), *path = below_workspace(written);

    if (!path || !base)
        return dd_fail(err, DD_ERR_DENIED, "'%s' is outside of the workspace", path ? directory : written);
    if (written[0] == '/' || !*base)
        *ret = dd_strdup(*path ? path : ".");
    else
        *ret = dd_path_join(base, *path ? path : ".");
    return 0;
}

/* A step that runs beside this one may swap a directory for a link; so it is opened below the context, and
 * the engine is given the path of what was opened. */
static int real_path(int fd, char **ret, dd_error **err)
{
    char link[64], path[4096];
    ssize_t length;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path);
    if (length <= 0 || length == (ssize_t)sizeof path)
        return dd_fail(err, DD_ERR_INTERNAL, "the context's path is too long");
    *ret = dd_strndup(path, (size_t)length);
    return 0;
}

static int set_context(dd_step_run *run, char **ret_relative, dd_error **err)
{
    const char *written = run->build->context;
    dd_auto_fd fd = -1;

    if (dd_str_eq(written, "/dev/null")) {
        run->context = dd_executor_path(run->executor, "empty");
        *ret_relative = dd_strdup(".");
        return dd_mkdirs(run->context, 0755, err);
    }
    if (strstr(written, "://") || dd_str_starts(written, "git@") || dd_str_starts(written, "github.com/")) {
        dd_fail(err, DD_ERR_INVALID, "the context '%s' is not in the workspace", written);
        return dd_hint(err, "make that repository the task's context, or fetch it in a cmd step before");
    }
    if (dd_step_path(run, written, ret_relative, err) < 0)
        return -1;
    fd = dd_prepare_open(run->executor, *ret_relative, O_RDONLY | O_DIRECTORY, err);
    if (fd < 0)
        return dd_context(err, "the context '%s'", written);
    return real_path(fd, &run->context, err);
}

/* The Dockerfile is read once: what is scanned for bases is what is built. */
static int set_dockerfile(dd_step_run *run, const char *context, dd_buf **ret, dd_error **err)
{
    dd_auto_str path = NULL;
    dd_auto_fd fd = -1;
    struct stat info;

    if (!run->build->file)
        path = dd_path_join(context, "Dockerfile");
    else if (dd_step_path(run, run->build->file, &path, err) < 0)
        return -1;
    fd = dd_prepare_open(run->executor, path, O_RDONLY | O_NONBLOCK, err);
    if (fd < 0)
        return dd_context(err, "Dockerfile '%s'", path);
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))
        return dd_fail(err, DD_ERR_INVALID, "Dockerfile '%s' is not a file", path);
    if (dd_buf_read_fd(fd, DOCKERFILE_MAX_BYTES, ret, err) < 0)
        return dd_context(err, "Dockerfile '%s'", path);
    if (run->executor->info->loose_mounts && (*ret)->data &&
        dd_dockerfile_check_mounts((*ret)->data, (*ret)->length, err) < 0)
        return dd_context(err, "Dockerfile '%s'", path);
    run->build_file = dd_executor_path(run->executor, "step-%zu.Dockerfile", run->index);
    return dd_write_file(run->build_file, (*ret)->data ? (*ret)->data : "", (*ret)->length, 0600, err);
}

/* ---- Bases ---- */

static void add_base(dd_step_run *run, const dd_reference *reference, bool runtime)
{
    dd_build_base *base;

    run->bases = dd_reallocarray(run->bases, run->base_count + 1, sizeof *run->bases);
    base = &run->bases[run->base_count++];
    *base =
        (dd_build_base){.reference = reference, .digest = dd_strdup(reference->digest), .runtime = runtime};
    base->outside = !dd_str_eq(reference->registry, "localhost") &&
                    !dd_strv_contains(&run->executor->built, reference->text);
}

static int set_bases(dd_step_run *run, const dd_buf *dockerfile, dd_error **err)
{
    if (dd_deps_scan(dockerfile->data ? dockerfile->data : "", dockerfile->length, &run->build_args,
                     run->build->target, &run->deps, err) < 0)
        return dd_context(err, "Dockerfile");
    if (run->deps->runtime)
        add_base(run, run->deps->runtime, true);
    for (size_t i = 0; i < run->deps->buildtime_count; i++)
        add_base(run, run->deps->buildtime[i], false);
    return 0;
}

int dd_step_build_lookup(void *step_run)
{
    const dd_step_run *run = step_run;

    for (size_t i = 0; i < run->base_count; i++) {
        const dd_build_base *base = &run->bases[i];
        dd_auto(dd_error) error = NULL;
        dd_auto_str digest = NULL;
        if (!base->outside || base->digest)
            continue;
        const dd_login *login = dd_executor_login(run->executor, base->reference->registry);
        const dd_registry_settings registry = {.host = base->reference->registry,
                                               .username = login ? login->username : NULL,
                                               .password = login ? login->password : NULL,
                                               .ca_file = login ? login->ca_file : NULL,
                                               .plain_http = login && login->plain_http};
        if (dd_registry_digest(&registry, base->reference->repository, base->reference->tag, &digest,
                               &error) == 0)
            dprintf(STDOUT_FILENO, "%zu %s\n", i, digest);
    }
    return 0;
}

void dd_step_build_read_lookup(dd_step_run *run, const char *text)
{
    for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
        size_t number = strcspn(text, " \n");
        dd_auto_str index_text = dd_strndup(text, number);
        dd_auto_str digest =
            text[number] == ' ' ? dd_strndup(text + number + 1, strcspn(text + number + 1, "\n")) : NULL;
        int64_t index;
        if (!digest || !dd_digest_is_valid(digest) || !dd_str_to_int(index_text, &index) || index < 0 ||
            (uint64_t)index >= run->base_count || run->bases[index].digest)
            continue;
        run->bases[index].digest = dd_take(digest);
    }
}

void dd_step_build_read_digests(dd_step_run *run, const char *text, size_t length)
{
    dd_build_base *base = &run->bases[run->base_at];
    dd_auto_str name = dd_sprintf("%s/%s@", base->reference->registry, base->reference->repository);
    json_t *list = json_loadb(text, length, 0, NULL), *item;
    const char *found = NULL;
    size_t index, count = 0;

    json_array_foreach(list, index, item)
    {
        const char *digest = json_string_value(item);
        if (!digest || !dd_str_starts(digest, name))
            continue;
        found = digest + strlen(name);
        count++;
    }
    if (count == 1 && dd_digest_is_valid(found))
        base->digest = dd_strdup(found);
    json_decref(list);
}

/* ---- The whole ---- */

static int set_tags(dd_step_run *run, dd_error **err)
{
    for (size_t i = 0; i < run->build->tags.count; i++) {
        dd_auto(dd_reference) reference = NULL;
        if (dd_reference_parse(run->build->tags.items[i], &reference, err) < 0)
            return -1;
        if (reference->digest)
            return dd_fail(err, DD_ERR_INVALID, "'%s': a build cannot choose its digest", reference->text);
        if (!dd_strv_contains(&run->tags, reference->text))
            dd_strv_add(&run->tags, reference->text);
    }
    /* A name alone would take its value from the worker's own environment. */
    for (size_t i = 0; i < run->build->build_args.count; i++)
        if (strchr(run->build->build_args.items[i], '='))
            dd_strv_add(&run->build_args, run->build->build_args.items[i]);
    return 0;
}

/* A RUN needs the run's own network only when the task file says so; else the engine's private one, which
 * costs nothing to make. */
static int set_network(dd_step_run *run, dd_error **err)
{
    const char *written = run->build_options->network ? run->build_options->network : run->step->network;

    if (written && (dd_str_eq(written, "acb_default_network") || dd_str_eq(written, "default") ||
                    dd_str_eq(written, "bridge")))
        written = NULL;
    return dd_network_resolve(run->executor, written, &run->network, &run->waits_for, err);
}

int dd_step_build_prepare(dd_step_run *run, dd_error **err)
{
    dd_auto_str context = NULL;
    dd_auto(dd_buf) dockerfile = NULL;

    if (dd_build_args_parse(run->step->command, &run->build, err) < 0 ||
        dd_build_options_parse(&run->build->others, &run->build_options, err) < 0 || set_tags(run, err) < 0 ||
        set_network(run, err) < 0 || set_context(run, &context, err) < 0 ||
        set_dockerfile(run, context, &dockerfile, err) < 0)
        return -1;
    return set_bases(run, dockerfile, err);
}

/* Bases were fetched before, each as its registry wants it. What the scan did not see is left to the engine,
 * with the rules of the first base's registry. */
void dd_step_build_argv(dd_step_run *run, dd_strv *argv)
{
    dd_executor *executor = run->executor;
    dd_auto_str cgroup = dd_engine_build_cgroup(executor->info, executor->cgroup, run->index);
    dd_engine_build build = {
        .file = run->build_file,
        .target = run->build->target,
        .network = run->network,
        .context = run->context,
        .tags = &run->tags,
        .build_args = &run->build_args,
        .options = &run->build_options->passed,
        .cgroup = cgroup,
        .pull = true,
    };

    if (run->base_count > 0)
        build.tls = dd_executor_tls(executor, run->bases[0].reference);
    executor->engine->build(&executor->scope, &build, argv);
}

void dd_step_build_done(dd_step_run *run)
{
    dd_build_args_free(run->build);
    dd_build_options_free(run->build_options);
    free(run->build_file);
    free(run->context);
    dd_strv_done(&run->tags);
    dd_strv_done(&run->build_args);
    dd_deps_free(run->deps);
    for (size_t i = 0; i < run->base_count; i++)
        free(run->bases[i].digest);
    free(run->bases);
}
