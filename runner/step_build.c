/* A build step: its context and Dockerfile, the bases that are fetched first, and their digests. */
#include "executor_private.h"

#include <ctype.h>
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

static int check_mounts(const dd_step_run *run, const dd_buf *dockerfile, dd_error **err)
{
    if (!run->executor->info->loose_mounts || !dockerfile->data)
        return 0;
    return dd_dockerfile_check_mounts(dockerfile->data, dockerfile->length, err);
}

/* The Dockerfile is read once: what is scanned for bases is what is built. */
static int set_dockerfile(dd_step_run *run, const char *context, dd_error **err)
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
    if (dd_buf_read_fd(fd, DOCKERFILE_MAX_BYTES, &run->dockerfile, err) < 0 ||
        check_mounts(run, run->dockerfile, err) < 0)
        return dd_context(err, "Dockerfile '%s'", path);
    run->build_file = dd_executor_path(run->executor, "step-%zu.Dockerfile", run->index);
    run->id_file = dd_executor_path(run->executor, "step-%zu.image", run->index);
    return 0;
}

/* ---- Bases ---- */

static dd_build_base *find_base(const dd_step_run *run, const dd_reference *reference, const char *platform)
{
    for (size_t i = 0; i < run->base_count; i++)
        if (dd_str_eq(run->bases[i].reference->text, reference->text) &&
            dd_str_eq(run->bases[i].platform, platform))
            return &run->bases[i];
    return NULL;
}

/* The platform for which the reference is named first. */
static const char *platform_of(const dd_step_run *run, const dd_reference *reference)
{
    for (size_t i = 0; i < run->uses.count; i++)
        if (run->uses.items[i].reference && dd_str_eq(run->uses.items[i].reference->text, reference->text))
            return run->uses.items[i].platform;
    return NULL;
}

static void add_base(dd_step_run *run, const dd_reference *reference, const char *platform, bool runtime)
{
    const char *own = dd_executor_built(run->executor, reference->text);
    dd_build_base *base;

    run->bases = dd_reallocarray(run->bases, run->base_count + 1, sizeof *run->bases);
    base = &run->bases[run->base_count++];
    *base = (dd_build_base){.reference = reference,
                            .platform = platform,
                            .id = dd_strdup(own),
                            .digest = dd_strdup(reference->digest),
                            .runtime = runtime,
                            .own = own != NULL};
    base->outside = !own && !dd_str_eq(reference->registry, "localhost");
}

static int set_bases(dd_step_run *run, dd_error **err)
{
    const dd_buf *text = run->dockerfile;
    dd_auto(dd_strv) args = dd_strv_new();

    dd_dockerfile_target_args(&run->build_options->platform, args);
    for (size_t i = 0; i < run->build_args.count; i++)
        dd_strv_add(args, run->build_args.items[i]);
    if (dd_dockerfile_scan(text->data ? text->data : "", text->length, args, run->build->target, &run->deps,
                           &run->uses, err) < 0)
        return dd_context(err, "Dockerfile");
    if (run->deps->runtime)
        add_base(run, run->deps->runtime, platform_of(run, run->deps->runtime), true);
    for (size_t i = 0; i < run->deps->buildtime_count; i++)
        add_base(run, run->deps->buildtime[i], platform_of(run, run->deps->buildtime[i]), false);
    /* One image may be needed for several platforms. */
    for (size_t i = 0; i < run->uses.count; i++) {
        const dd_image_use *use = &run->uses.items[i];
        if (use->reference && !find_base(run, use->reference, use->platform))
            add_base(run, use->reference, use->platform, false);
    }
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

void dd_step_build_ask(dd_step_run *run, dd_strv *ret_images)
{
    for (size_t i = 0; i < run->base_count; i++) {
        dd_build_base *base = &run->bases[i];
        base->asked = !base->id || (base->outside && !base->digest);
        if (base->asked)
            dd_strv_add(ret_images, base->id ? base->id : base->reference->text);
    }
}

/* Among "name@digest" of the image's, the digest of this name, unless there are several. */
static void read_digest(dd_build_base *base, const json_t *list)
{
    dd_auto_str name = dd_sprintf("%s/%s@", base->reference->registry, base->reference->repository);
    const char *found = NULL;
    size_t index, count = 0;
    json_t *item;

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
}

static int read_image(dd_build_base *base, const json_t *image, dd_error **err)
{
    const char *id = json_string_value(json_object_get(image, "Id"));

    if (!base->id && (!id || !dd_step_read_id(id, &base->id)))
        return dd_fail(err, DD_ERR_INTERNAL, "the engine does not tell the id of %s", base->reference->text);
    if (!base->digest)
        read_digest(base, json_object_get(image, "RepoDigests"));
    return 0;
}

int dd_step_build_read_inspect(dd_step_run *run, const char *text, size_t length, dd_error **err)
{
    json_t *list = json_loadb(text, length, 0, NULL);
    size_t at = 0;
    int ret = 0;

    for (size_t i = 0; i < run->base_count && ret == 0; i++)
        if (run->bases[i].asked)
            ret = read_image(&run->bases[i], json_array_get(list, at++), err);
    json_decref(list);
    return ret;
}

bool dd_step_read_id(const char *text, char **ret)
{
    static const char prefix[] = "sha256:";
    size_t length = strlen(text);

    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    dd_auto_str trimmed = dd_strndup(text, length);
    const char *line = strrchr(trimmed, '\n');
    line = line ? line + 1 : trimmed;
    if (dd_str_starts(line, prefix))
        line += strlen(prefix);
    dd_auto_str digest = dd_sprintf("sha256:%s", line);
    if (!dd_digest_is_valid(digest))
        return false;
    *ret = dd_strdup(line);
    return true;
}

/* ---- Between the bases and the build ---- */

static int check_base(const dd_step_run *run, const dd_build_base *base, dd_error **err)
{
    if (!run->executor->info->loose_mounts || base->own)
        return 0;
    return dd_image_check_triggers(run->executor->info, base->id, err) < 0
               ? dd_context(err, "base %s", base->reference->text)
               : 0;
}

int dd_step_build_pin(dd_step_run *run, dd_error **err)
{
    dd_auto(dd_buf) pinned = dd_buf_new();

    for (size_t i = 0; i < run->base_count; i++)
        if (check_base(run, &run->bases[i], err) < 0)
            return -1;
    for (size_t i = 0; i < run->uses.count; i++) {
        dd_image_use *use = &run->uses.items[i];
        if (!use->reference)
            continue;
        free(use->id);
        use->id = dd_strdup(find_base(run, use->reference, use->platform)->id);
    }
    /* The engine's own lines have nothing but the ids. */
    for (size_t i = 0; run->attempts == 1 && i < run->base_count; i++)
        dd_executor_say(run->executor, run->step->id, "base %s is image %.12s%s%s",
                        run->bases[i].reference->text, run->bases[i].id,
                        run->bases[i].digest ? ", digest " : "",
                        run->bases[i].digest ? run->bases[i].digest : "");
    if (dd_dockerfile_pin(run->dockerfile->data ? run->dockerfile->data : "", run->dockerfile->length,
                          &run->uses, run->executor->info->documents, pinned, err) < 0 ||
        check_mounts(run, pinned, err) < 0)
        return dd_context(err, "Dockerfile");
    return dd_write_file(run->build_file, pinned->data ? pinned->data : "", pinned->length, 0600, err);
}

int dd_step_build_keep(dd_step_run *run, dd_error **err)
{
    dd_executor *executor = run->executor;
    dd_auto(dd_buf) text = NULL;
    dd_auto_str id = NULL;

    if (dd_buf_read_file(run->id_file, 200, &text, err) < 0)
        return dd_context(err, "the image's id");
    if (!text->data || !dd_step_read_id(text->data, &id))
        return dd_fail(err, DD_ERR_INTERNAL, "the engine does not tell the image's id");
    for (size_t i = 0; i < run->tags.count; i++) {
        dd_strv_add(&executor->built, run->tags.items[i]);
        dd_strv_add(&executor->built_ids, id);
    }
    return 0;
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

    if (dd_build_args_parse(run->step->command, &run->build, err) < 0 ||
        dd_build_options_parse(&run->build->others, &run->build_options, err) < 0 || set_tags(run, err) < 0 ||
        set_network(run, err) < 0 || set_context(run, &context, err) < 0 ||
        set_dockerfile(run, context, err) < 0)
        return -1;
    return set_bases(run, err);
}

/* Bases were fetched before, each as its registry wants it. Where others use the engine's images too, what is
 * built has no name that they could take for the registry's: the run knows it by its id. */
void dd_step_build_argv(dd_step_run *run, dd_strv *argv)
{
    dd_executor *executor = run->executor;
    dd_auto_str cgroup = dd_engine_build_cgroup(executor->info, executor->cgroup, run->index);
    dd_engine_build build = {
        .file = run->build_file,
        .target = run->build->target,
        .network = run->network,
        .context = run->context,
        .tags = executor->job->shared_images ? NULL : &run->tags,
        .build_args = &run->build_args,
        .options = &run->build_options->passed,
        .cgroup = cgroup,
        .id_file = run->id_file,
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
    free(run->id_file);
    dd_buf_free(run->dockerfile);
    free(run->context);
    dd_strv_done(&run->tags);
    dd_strv_done(&run->build_args);
    dd_deps_free(run->deps);
    dd_image_uses_done(&run->uses);
    for (size_t i = 0; i < run->base_count; i++) {
        free(run->bases[i].id);
        free(run->bases[i].digest);
    }
    free(run->bases);
}
