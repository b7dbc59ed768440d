/* Before the first step: the run's directory, its private logins, the checkout and the task file. */
#include "executor_private.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define TASKFILE_MAX_BYTES (1024 * 1024)
#define CA_MAX_BYTES       (1024 * 1024)
#define EXIT_OF_ALARM      (128 + 14)

/* ---- The directory ---- */

/* The engine's login file, readable by nobody else: passwords are in no argument list. */
static int write_auth_file(dd_executor *executor, dd_error **err)
{
    json_t *auths = json_object(), *file = json_pack("{s:o}", "auths", auths);
    char *text;
    int ret;

    for (size_t i = 0; i < executor->job->login_count; i++) {
        const dd_login *login = &executor->job->logins[i];
        if (!login->host || !login->username || !login->password)
            continue;
        dd_auto_str pair = dd_sprintf("%s:%s", login->username, login->password);
        dd_auto_str encoded = dd_base64_encode(pair, strlen(pair));
        dd_secrets_add(executor->secrets, encoded);
        json_object_set_new(auths, login->host, json_pack("{s:s}", "auth", encoded));
    }
    text = json_dumps(file, JSON_COMPACT);
    executor->auth_file = dd_executor_path(executor, "auth.json");
    ret = dd_write_file(executor->auth_file, text, strlen(text), 0600, err);
    free(text);
    json_decref(file);
    return ret;
}

/* podman reads every *.crt of a directory, so each registry's CA gets one of its own. */
static int write_certificates(dd_executor *executor, dd_error **err)
{
    for (size_t i = 0; i < executor->job->login_count; i++) {
        const dd_login *login = &executor->job->logins[i];
        dd_auto(dd_buf) ca = NULL;
        if (!login->ca_file) {
            dd_strv_add(&executor->cert_dirs, "");
            continue;
        }
        dd_auto_str directory = dd_executor_path(executor, "certs/%zu", i);
        dd_auto_str file = dd_path_join(directory, "ca.crt");
        if (dd_buf_read_file(login->ca_file, CA_MAX_BYTES, &ca, err) < 0 ||
            dd_mkdirs(directory, 0700, err) < 0 || dd_write_file(file, ca->data, ca->length, 0600, err) < 0)
            return dd_context(err, "the CA of registry %s", login->host);
        dd_strv_add(&executor->cert_dirs, directory);
    }
    return 0;
}

int dd_prepare_directory(dd_executor *executor, dd_error **err)
{
    dd_auto_str home = dd_executor_path(executor, "home");

    if (dd_mkdirs(executor->job->directory, 0700, err) < 0 || dd_mkdirs(home, 0700, err) < 0)
        return -1;
    /* Steps run as whoever their image says, and HOME is meant to be written. */
    if (chmod(home, 01777) < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "cannot set the mode of '%s'", home);
    /* A worker's run never uses the logins of the user it runs as; `drydock run` does unless it has its own.
     */
    if ((executor->job->login_count > 0 || executor->job->clone_url) && write_auth_file(executor, err) < 0)
        return -1;
    return write_certificates(executor, err);
}

/* ---- The checkout ---- */

static void say_to_stderr(void *context, const char *line)
{
    (void)context;
    dprintf(STDERR_FILENO, "%s\n", line);
}

static int checkout_main(void *context)
{
    const dd_job *job = context;
    dd_auto(dd_error) error = NULL;
    dd_checkout checkout = {0};
    json_t *json;
    char *text;

    if (dd_checkout_job(job, say_to_stderr, NULL, &checkout, &error) < 0)
        json = json_pack("{s:i, s:s}", "code", (int)error->code, "error", error->message);
    else
        json = json_pack("{s:s*, s:s*}", "commit", checkout.commit, "branch", checkout.branch);
    text = json_dumps(json, JSON_COMPACT);
    return text && dprintf(STDOUT_FILENO, "%s", text) > 0 ? 0 : 1;
}

static int read_checkout(dd_executor *executor, const dd_buf *output, dd_error **err)
{
    const char *message = NULL, *commit = NULL, *branch = NULL;
    int code = 0;
    json_t *json = json_loadb(output->length ? output->data : "", output->length, 0, NULL);

    if (!json || json_unpack(json, "{s?i, s?s, s?s, s?s}", "code", &code, "error", &message, "commit",
                             &commit, "branch", &branch) < 0)
        dd_fail(err, DD_ERR_INTERNAL, "the checkout's process gave no answer");
    else if (message)
        dd_fail(err, (dd_code)code, "%s", message);
    executor->checkout.commit = dd_strdup(commit);
    executor->checkout.branch = dd_strdup(branch);
    json_decref(json);
    return json && !message ? 0 : -1;
}

static void on_checkout(void *context, dd_process *process, int exit_code)
{
    dd_executor *executor = context;
    dd_auto(dd_error) error = NULL;

    if (exit_code == EXIT_OF_ALARM)
        dd_fail(&error, DD_ERR_UNAVAILABLE, "checkout: the forge sent nothing for two minutes");
    else if (exit_code != 0)
        dd_fail(&error, DD_ERR_INTERNAL, "checkout: its process ended with status %d", exit_code);
    else if (read_checkout(executor, dd_process_output(process), &error) == 0)
        executor->checked_out = true;
    else
        dd_context(&error, "checkout");
    if (executor->checkout.commit)
        dd_executor_say(executor, NULL, "checked out commit %s", executor->checkout.commit);
    if (error)
        dd_executor_end(executor,
                        error->code == DD_ERR_INTERNAL || error->code == DD_ERR_UNAVAILABLE ? DD_RUN_ERROR
                                                                                            : DD_RUN_FAILED,
                        error->message);
    dd_process_free(dd_take(executor->checkout_process));
    dd_executor_poke(executor);
}

static void checkout_line(void *context, const char *text, size_t length)
{
    dd_executor_line(context, NULL, DD_STREAM_SYSTEM, text, length);
}

int dd_prepare_checkout(dd_executor *executor, dd_error **err)
{
    const dd_job *job = executor->job;
    /* Not written to after the fork: the child has its own copy of it. */
    void *argument = (void *)(uintptr_t)job;

    if (job->clone_url)
        dd_executor_say(executor, NULL, "fetching %s%s%s", job->clone_url, job->commit ? " at commit " : "",
                        job->commit ? job->commit : "");
    executor->checkout_log = dd_output_new(executor->secrets, checkout_line, executor);
    return dd_process_start(executor->base,
                            &(dd_process_spec){.main = checkout_main,
                                               .argument = argument,
                                               .error = executor->checkout_log,
                                               .ended = on_checkout,
                                               .context = executor},
                            &executor->checkout_process, err);
}

/* ---- The task file ---- */

int dd_prepare_open(const dd_executor *executor, const char *path, int flags, dd_error **err)
{
    return dd_open_beneath(executor->root, path, flags, err);
}

static int open_root(dd_executor *executor, dd_error **err)
{
    dd_auto_str workspace = dd_executor_path(executor, "workspace");
    dd_auto_fd top = open(workspace, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char link[64], path[4096];
    ssize_t length;

    if (top < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "cannot open '%s'", workspace);
    executor->root = dd_open_beneath(top, executor->job->folder ? executor->job->folder : ".",
                                     O_RDONLY | O_DIRECTORY, err);
    if (executor->root < 0)
        return dd_context(err, "the context's folder");
    snprintf(link, sizeof link, "/proc/self/fd/%d", executor->root);
    length = readlink(link, path, sizeof path);
    if (length <= 0 || length == (ssize_t)sizeof path)
        return dd_fail(err, DD_ERR_INTERNAL, "the context's path is too long");
    executor->root_path = dd_strndup(path, (size_t)length);
    return 0;
}

static int read_file(const dd_executor *executor, const char *path, dd_buf **ret, dd_error **err)
{
    dd_auto_fd fd = dd_prepare_open(executor, path, O_RDONLY | O_NONBLOCK, err);
    struct stat info;

    if (fd < 0)
        return -1;
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))
        return dd_fail(err, DD_ERR_INVALID, "it is not a file");
    return dd_buf_read_fd(fd, TASKFILE_MAX_BYTES, ret, err);
}

static int read_taskfile(dd_executor *executor, dd_buf **ret, dd_error **err)
{
    static const char *const defaults[] = {"acr-task.yaml", "drydock.yaml", "acb.yaml"};
    dd_error *error = NULL;

    if (executor->job->file) {
        executor->file_name = dd_strdup(executor->job->file);
        return read_file(executor, executor->file_name, ret, err);
    }
    for (size_t i = 0; i < DD_COUNT(defaults); i++) {
        dd_error_free(error);
        error = NULL;
        if (read_file(executor, defaults[i], ret, &error) == 0 || error->code != DD_ERR_NOT_FOUND) {
            executor->file_name = dd_strdup(defaults[i]);
            if (error && err)
                *err = error;
            return error ? -1 : 0;
        }
    }
    dd_error_free(error);
    executor->file_name = dd_strdup(defaults[0]);
    return dd_fail(err, DD_ERR_NOT_FOUND, "no such file in the context, nor %s or %s", defaults[1],
                   defaults[2]);
}

/* As the reference's fields (acr-tasks.md, 4.1): what is not known is empty; OS and Architecture are there
 * already. */
static void set_run_data(const dd_executor *executor, dd_template_data *data)
{
    const dd_job *job = executor->job;
    dd_auto_str registry_name = job->registry ? dd_strndup(job->registry, strcspn(job->registry, ".")) : NULL;
    char date[32];
    time_t now = time(NULL);
    struct utsname machine;
    struct tm utc;

    gmtime_r(&now, &utc);
    strftime(date, sizeof date, "%Y%m%d-%H%M%Sz", &utc);
    uname(&machine);
    const char *const fields[][2] = {
        {"ID", job->run},
        {"Commit", executor->checkout.commit ? executor->checkout.commit : job->commit},
        {"Repository", job->clone_url},
        {"Branch", job->branch ? job->branch : executor->checkout.branch},
        {"GitTag", job->git_tag},
        {"TriggeredBy", job->trigger},
        {"Registry", job->registry},
        {"RegistryName", registry_name},
        {"Date", date},
        {"SharedVolume", "workspace"},
        {"OSVersion", machine.release},
        {"TaskName", job->task},
    };
    for (size_t i = 0; i < DD_COUNT(fields); i++)
        dd_template_data_run(data, fields[i][0], fields[i][1] ? fields[i][1] : "");
}

static int template_data(const dd_executor *executor, dd_template_data **ret, dd_error **err)
{
    const dd_job *job = executor->job;
    dd_auto(dd_template_data) data = dd_template_data_new();
    const char *slash = strrchr(executor->file_name, '/');
    dd_auto_str directory =
        slash ? dd_strndup(executor->file_name, (size_t)(slash - executor->file_name)) : NULL;

    set_run_data(executor, data);
    dd_template_data_sources(data, executor->root, directory, false);
    if (job->values && dd_template_data_values(data, job->values, strlen(job->values), "values", err) < 0)
        return -1;
    for (size_t i = 0; i < job->sets.count; i++)
        if (dd_template_data_set(data, job->sets.items[i], err) < 0)
            return -1;
    *ret = dd_take(data);
    return 0;
}

/* As a compiler tells it, a line of the log for each of its lines; `text` is the task file, where it was
 * read. */
static void say_problem(dd_executor *executor, const dd_buf *text, const dd_error *problem,
                        const char *severity)
{
    const dd_screen screen = {.utf8 = true};
    dd_auto_str told =
        dd_diagnostic(problem, severity, executor->file_name ? executor->file_name : "task file",
                      text ? text->data : NULL, text ? text->length : 0, &screen);

    for (char *save = NULL, *line = strtok_r(told, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        dd_executor_say(executor, NULL, "%s", line);
}

/* A file may be read with more of them, but each is a container, and lines of its own in every log. */
static int check_size(const dd_taskfile *taskfile, dd_error **err)
{
    if (taskfile->step_count <= DD_RUN_MAX_STEPS)
        return 0;
    dd_fail_at(err, DD_ERR_LIMIT, taskfile->steps[DD_RUN_MAX_STEPS].place, "steps",
               "these are %zu steps, and a run has at most %d", taskfile->step_count, DD_RUN_MAX_STEPS);
    return dd_hint(err, "make it several tasks");
}

static int load(dd_executor *executor, const dd_buf *text, const dd_template_data *data, dd_error **err)
{
    dd_taskfile_options options = {0};
    dd_auto(dd_problems) problems = NULL;
    const dd_error *first;
    int ret = dd_taskfile_load(text->data, text->length, data, &options, &executor->taskfile, &problems);

    for (size_t i = 0; i < problems->warning_count; i++)
        say_problem(executor, text, problems->warnings[i], "warning");
    if (ret == 0)
        return check_size(executor->taskfile, err);
    for (size_t i = 1; i < problems->error_count; i++)
        say_problem(executor, text, problems->errors[i], "error");
    dd_assert(problems->error_count > 0);
    first = problems->errors[0];
    dd_fail_at(err, first->code, first->place, first->path, "%s", first->message);
    if (first->hint)
        dd_hint(err, "%s", first->hint);
    return -1;
}

int dd_prepare_taskfile(dd_executor *executor, dd_error **err)
{
    dd_auto(dd_buf) text = NULL;
    dd_auto(dd_template_data) data = NULL;
    dd_error *error = NULL;

    if (open_root(executor, &error) == 0 && read_taskfile(executor, &text, &error) == 0 &&
        template_data(executor, &data, &error) == 0 && load(executor, text, data, &error) == 0)
        return 0;
    say_problem(executor, text, error, "error");
    if (err)
        *err = error;
    else
        dd_error_free(error);
    return -1;
}
