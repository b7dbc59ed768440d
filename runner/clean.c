/* Clean-up.
 *
 * How each kind of leftover is known to be the run's, and nobody else's:
 * - engine clients: the attempt's mark in their environment, and the engine's own program and verb (the
 * environment is inherited by daemons that the engine starts for all, such as aardvark-dns);
 * - processes of containers and builds: the attempt's cgroup;
 * - containers and networks: the attempt's label;
 * - working containers of builds that were killed: the engine's record of them (buildah.json) has the cgroup
 * that the build was started with. So they can be removed while other builds go on in the same store. */
#include "clean.h"
#include "runner.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ENGINE_TIMEOUT_MS (60 * 1000)
#define COLLECT_BYTES     (1024 * 1024)
#define CLIENT_WAIT_MS    5000
#define CGROUP_WAIT_MS    5000
#define TURN_MS           20
#define DEPTH_MAX         16

static void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

/* Keep the first error, log the others. */
static void keep_error(dd_error *found, dd_error **first)
{
    if (!found)
        return;
    if (first && !*first) {
        *first = found;
        return;
    }
    /* The caller wants no error, or has one already. */
    dd_log(DD_LOG_WARNING, "runner", NULL, "clean-up: %s; going on", found->message);
    dd_error_free(found);
}

static int run_engine(const dd_strv *argv, char **ret_output, dd_error **err)
{
    dd_spawn spawn = DD_SPAWN_INIT;
    dd_spawn_result result = {0};
    int code;

    spawn.argv = (const char *const *)argv->items;
    spawn.own_group = true;
    if (dd_spawn_wait(&spawn, COLLECT_BYTES, ENGINE_TIMEOUT_MS, &result, err) < 0)
        return dd_context(err, "%s %s", argv->items[0], argv->items[1]);
    code = result.exit_code;
    if (code != 0)
        dd_fail(err, DD_ERR_INTERNAL, "%s %s: exit status %d: %.*s", argv->items[0], argv->items[1], code,
                (int)strcspn(result.error->data, "\n"), result.error->data);
    else if (ret_output)
        *ret_output = dd_buf_steal(result.output);
    dd_spawn_result_done(&result);
    return code == 0 ? 0 : -1;
}

/* ---- Engine clients of a run that died ---- */

static bool file_has(pid_t pid, const char *file, bool (*has)(const dd_buf *content, const char *what),
                     const char *what)
{
    dd_auto_str path = dd_sprintf("/proc/%d/%s", pid, file);
    dd_auto(dd_buf) content = NULL;

    return dd_buf_read_file(path, COLLECT_BYTES, &content, NULL) == 0 && has(content, what);
}

/* One of the NUL-terminated texts in it. */
static bool has_text(const dd_buf *content, const char *what)
{
    for (size_t at = 0; at < content->length; at += strlen(content->data + at) + 1)
        if (strcmp(content->data + at, what) == 0)
            return true;
    return false;
}

static bool is_client_of(const dd_buf *arguments, const char *program)
{
    static const char *const verbs[] = {"build", "run",     "pull",  "push", "stop",
                                        "rm",    "network", "image", "info"};
    const char *name = arguments->length ? strrchr(arguments->data, '/') : NULL;
    size_t first = arguments->length ? strlen(arguments->data) + 1 : 0;

    if (first == 0 || first >= arguments->length)
        return false;
    if (strcmp(name ? name + 1 : arguments->data, program) != 0)
        return false;
    for (size_t i = 0; i < DD_COUNT(verbs); i++)
        if (strcmp(arguments->data + first, verbs[i]) == 0)
            return true;
    return false;
}

/* Signal each of the run's engine clients; returns how many there are. */
static size_t signal_clients(const dd_clean *clean, int signal)
{
    dd_auto_str mark = dd_sprintf(DD_ENGINE_MARK "=%s", clean->attempt);
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    size_t count = 0;

    while (proc && (entry = readdir(proc))) {
        int64_t pid;
        if (!dd_str_to_int(entry->d_name, &pid) || pid <= 1 ||
            !file_has((pid_t)pid, "cmdline", is_client_of, clean->engine->program) ||
            !file_has((pid_t)pid, "environ", has_text, mark))
            continue;
        kill((pid_t)pid, signal);
        count++;
    }
    if (proc)
        closedir(proc);
    return count;
}

/* First as a cancel would do it, so that builds remove their own working containers. */
static void end_clients(const dd_clean *clean)
{
    int64_t until = dd_monotonic_ms() + CLIENT_WAIT_MS;

    if (signal_clients(clean, clean->engine->build_cancel_signal) == 0)
        return;
    while (signal_clients(clean, 0) > 0 && dd_monotonic_ms() < until)
        pause_ms(TURN_MS);
    until = dd_monotonic_ms() + CLIENT_WAIT_MS;
    while (signal_clients(clean, SIGKILL) > 0 && dd_monotonic_ms() < until)
        pause_ms(TURN_MS);
}

/* ---- The cgroup ---- */

/* Kill the processes that the file lists, one a line; returns how many there are. */
static size_t kill_listed(int directory)
{
    dd_auto_fd fd = openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    dd_auto(dd_buf) list = NULL;
    size_t count = 0;

    if (fd < 0 || dd_buf_read_fd(fd, COLLECT_BYTES, &list, NULL) < 0 || list->length == 0)
        return 0;
    for (char *save = NULL, *line = strtok_r(list->data, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        int64_t pid;
        if (!dd_str_to_int(line, &pid) || pid <= 1 || pid == getpid())
            continue;
        kill((pid_t)pid, SIGKILL);
        count++;
    }
    return count;
}

/* Kill what is in the cgroup and below; returns how many processes there were. */
static size_t cgroup_kill(int parent, const char *name, int depth)
{
    dd_auto_fd fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(dup(fd)) : NULL;
    struct dirent *entry;
    size_t count = 0;

    if (!dir)
        return 0;
    while (depth < DEPTH_MAX && (entry = readdir(dir)))
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            count += cgroup_kill(fd, entry->d_name, depth + 1);
    closedir(dir);
    return count + kill_listed(fd);
}

static void cgroup_remove(int parent, const char *name, int depth)
{
    dd_auto_fd fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(dup(fd)) : NULL;
    struct dirent *entry;

    if (!dir)
        return;
    while (depth < DEPTH_MAX && (entry = readdir(dir)))
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            cgroup_remove(fd, entry->d_name, depth + 1);
    closedir(dir);
    unlinkat(parent, name, AT_REMOVEDIR);
}

/* Every place where the run's cgroup may be: version 2, or each controller of version 1; by path or as slice.
 */
static void cgroup_paths(const char *attempt, dd_strv *ret)
{
    static const char root[] = "/sys/fs/cgroup";
    dd_auto_str path = dd_sprintf("drydock/%s", attempt);
    dd_auto_str slice = dd_engine_cgroup(&(dd_engine_info){.systemd_cgroups = true}, attempt);
    DIR *dir = opendir(root);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        dd_auto_str by_path = dd_sprintf("%s/%s/%s", root, entry->d_name, path);
        dd_auto_str by_slice = dd_sprintf("%s/%s/drydock.slice/%s", root, entry->d_name, slice);
        if (dd_str_eq(entry->d_name, ".."))
            continue;
        if (dd_path_exists(by_path))
            dd_strv_add(ret, by_path);
        if (dd_path_exists(by_slice))
            dd_strv_add(ret, by_slice);
    }
    if (dir)
        closedir(dir);
}

static int kill_cgroup(const dd_clean *clean, dd_error **err)
{
    int64_t until = dd_monotonic_ms() + CGROUP_WAIT_MS;
    dd_strv paths = {0};
    size_t alive;

    cgroup_paths(clean->attempt, &paths);
    do {
        alive = 0;
        for (size_t i = 0; i < paths.count; i++)
            alive += cgroup_kill(AT_FDCWD, paths.items[i], 0);
        if (alive > 0)
            pause_ms(TURN_MS);
    } while (alive > 0 && dd_monotonic_ms() < until);
    dd_strv_done(&paths);
    return alive == 0 ? 0 : dd_fail(err, DD_ERR_INTERNAL, "%zu processes of the run do not end", alive);
}

/* A directory that still has a process stays; kill_cgroup has said so. */
static int remove_cgroup(const dd_clean *clean, dd_error **err)
{
    dd_strv paths = {0};

    (void)err;
    cgroup_paths(clean->attempt, &paths);
    for (size_t i = 0; i < paths.count; i++)
        cgroup_remove(AT_FDCWD, paths.items[i], 0);
    dd_strv_done(&paths);
    return 0;
}

static int remove_directory(const dd_clean *clean, dd_error **err)
{
    return dd_remove_tree(clean->directory, err);
}

/* ---- The engine's objects ---- */

static int clean_containers(const dd_clean *clean, dd_error **err)
{
    dd_strv argv = {0};
    int ret;

    clean->engine->containers_remove(clean->attempt, &argv);
    /* A container that ends on its own in that moment makes the first call fail. */
    ret = run_engine(&argv, NULL, NULL);
    if (ret < 0)
        ret = run_engine(&argv, NULL, err);
    dd_strv_done(&argv);
    return ret;
}

static int clean_networks(const dd_clean *clean, dd_error **err)
{
    dd_strv argv = {0}, found = {0};
    dd_auto_str output = NULL;
    const dd_strv *names = clean->network_names ? clean->network_names : &found;
    int ret = 0;

    if (names == &found) {
        clean->engine->network_list(clean->attempt, &argv);
        ret = run_engine(&argv, &output, err);
        dd_strv_done(&argv);
    }
    for (char *save = NULL, *line = output ? strtok_r(output, "\n", &save) : NULL; line;
         line = strtok_r(NULL, "\n", &save))
        dd_strv_add(&found, line);
    if (names->count > 0) {
        clean->engine->network_remove(names, &argv);
        ret = run_engine(&argv, NULL, err);
        dd_strv_done(&argv);
    }
    dd_strv_done(&found);
    return ret;
}

bool dd_clean_is_working_container(const char *json, size_t length, const char *cgroup)
{
    json_t *record = json_loadb(json, length, 0, NULL);
    const char *parent =
        json_string_value(json_object_get(json_object_get(record, "CommonBuildOpts"), "CgroupParent"));
    size_t length_of = strlen(cgroup);
    bool ret = parent && strncmp(parent, cgroup, length_of) == 0 &&
               (parent[length_of] == '\0' || parent[length_of] == '/');

    json_decref(record);
    return ret;
}

static int remove_working_container(const dd_clean *clean, const char *directory, const char *id,
                                    dd_error **err)
{
    dd_auto_str path = dd_sprintf("%s/%s/userdata/buildah.json", directory, id);
    dd_auto(dd_buf) record = NULL;
    dd_strv argv = {0};
    int ret;

    if (dd_buf_read_file(path, COLLECT_BYTES, &record, NULL) < 0 ||
        !dd_clean_is_working_container(record->data, record->length, clean->cgroup))
        return 0;
    clean->engine->container_remove(id, &argv);
    ret = run_engine(&argv, NULL, err);
    dd_strv_done(&argv);
    return ret;
}

static int clean_builds(const dd_clean *clean, dd_error **err)
{
    DIR *root = clean->graph_root && clean->cgroup ? opendir(clean->graph_root) : NULL;
    struct dirent *driver, *container;
    dd_error *first = NULL;

    while (root && (driver = readdir(root))) {
        dd_auto_str directory = dd_path_join(clean->graph_root, driver->d_name);
        DIR *containers = dd_str_ends(driver->d_name, "-containers") ? opendir(directory) : NULL;
        while (containers && (container = readdir(containers))) {
            dd_error *found = NULL;
            if (container->d_name[0] != '.' &&
                remove_working_container(clean, directory, container->d_name, &found) < 0)
                keep_error(found, &first);
        }
        if (containers)
            closedir(containers);
    }
    if (root)
        closedir(root);
    if (!first)
        return 0;
    keep_error(first, err);
    return -1;
}

int dd_clean_up(const dd_clean *clean, dd_error **err)
{
    /* Containers come first, while the engine finds them as it knows them; the cgroup's processes next, since
     * a build's network is not free before they are gone. */
    const struct {
        bool wanted;
        int (*work)(const dd_clean *clean, dd_error **err);
    } works[] = {
        {clean->containers, clean_containers},
        {true, kill_cgroup},
        {clean->builds, clean_builds},
        {clean->networks, clean_networks},
        {true, remove_cgroup},
        {clean->directory != NULL, remove_directory},
    };
    dd_error *first = NULL, *found = NULL;

    for (size_t i = 0; i < DD_COUNT(works); i++, found = NULL)
        if (works[i].wanted && works[i].work(clean, &found) < 0)
            keep_error(found, &first);
    if (!first)
        return 0;
    keep_error(first, err);
    return -1;
}

static int engine_info(const dd_engine *engine, dd_engine_info **ret, dd_error **err)
{
    dd_auto_str text = NULL;
    dd_strv argv = {0};
    int code;

    engine->info(&argv);
    code = run_engine(&argv, &text, err);
    dd_strv_done(&argv);
    return code < 0 ? -1 : engine->read_info(text, strlen(text), ret, err);
}

int dd_run_clean(const char *engine, const char *attempt, const char *directory, dd_error **err)
{
    dd_clean clean = {.engine = dd_engine_find(engine, err), .attempt = attempt, .directory = directory};
    dd_auto_str run = dd_attempt_name_run(attempt);
    dd_auto(dd_engine_info) info = NULL;
    dd_auto_str cgroup = NULL;
    dd_error *found = NULL;
    int ret;

    if (!clean.engine)
        return -1;
    if (!run)
        return dd_fail(err, DD_ERR_INVALID, "'%s' is not an attempt's name", attempt);
    end_clients(&clean);
    if (engine_info(clean.engine, &info, &found) == 0) {
        clean.cgroup = cgroup = dd_engine_cgroup(info, attempt);
        clean.graph_root = info->graph_root;
        clean.containers = clean.networks = clean.builds = true;
    }
    ret = dd_clean_up(&clean, found ? NULL : err);
    if (!found)
        return ret;
    /* Without an engine there is nothing more to remove, but the caller should know why. */
    if (err)
        *err = found;
    else
        dd_error_free(found);
    return -1;
}
