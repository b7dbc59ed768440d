/* From a claimed run to its job: the run's fields say what, the settings say with which credentials. */
#include "worker_private.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT_S     3600 /* of a run whose task says nothing; task.h */
#define TIMEOUT_MAX_S (30 * 24 * 3600)

char *dd_worker_run_directory(const char *directory, const char *attempt)
{
    return dd_sprintf("%s/runs/%s", directory, attempt);
}

/* The run's fields that go into the job as they stand; empty ones count as absent. */
static const struct {
    const char *field;
    size_t offset;
} texts[] = {
    {"task", offsetof(dd_job, task)},
    {"trigger", offsetof(dd_job, trigger)},
    {"clone_url", offsetof(dd_job, clone_url)},
    {"commit", offsetof(dd_job, commit)},
    {"ref", offsetof(dd_job, ref)},
    {"branch", offsetof(dd_job, branch)},
    {"tag", offsetof(dd_job, git_tag)},
    {"folder", offsetof(dd_job, folder)},
    {"file", offsetof(dd_job, file)},
    {"values", offsetof(dd_job, values)},
    {"registry", offsetof(dd_job, registry)},
};

static void set_text(char **at, const char *text)
{
    if (text && *text) {
        free(*at);
        *at = dd_strdup(text);
    }
}

static void set_logins(const dd_settings *settings, dd_job *job)
{
    job->logins = dd_calloc(settings->registry_count + 1, sizeof *job->logins);
    job->login_count = settings->registry_count;
    for (size_t i = 0; i < settings->registry_count; i++) {
        const dd_registry_settings *registry = &settings->registries[i];
        job->logins[i] = (dd_login){.host = dd_strdup(registry->host),
                                    .username = dd_strdup(registry->username),
                                    .password = dd_strdup(registry->password),
                                    .ca_file = dd_strdup(registry->ca_file),
                                    .plain_http = registry->plain_http};
    }
}

/* The forge of the repository's host; one that is not in the settings is cloned without credentials. */
static int set_forge(const dd_settings *settings, dd_job *job, dd_error **err)
{
    dd_auto_str key = NULL;
    const dd_forge_settings *forge;

    if (dd_repository_key(job->clone_url, &key, err) < 0)
        return -1;
    key[strcspn(key, "/")] = '\0';
    forge = dd_settings_forge(settings, key);
    if (!forge)
        return 0;
    job->forge_username = dd_strdup(forge->username);
    job->forge_token = dd_strdup(forge->token);
    job->forge_ca_file = dd_strdup(forge->ca_file);
    job->forge_plain_http = forge->plain_http;
    return 0;
}

int dd_worker_job(const dd_settings *settings, const char *directory, const char *instance,
                  const dd_claim *claim, dd_job **ret, dd_error **err)
{
    dd_auto(dd_job) job = dd_new(dd_job);

    if (!dd_name_is_valid(claim->run))
        return dd_fail(err, DD_ERR_INVALID, "'%s' is not a run's id", claim->run);
    dd_auto_str attempt = dd_attempt_name(instance, claim->run, claim->lease);
    job->instance = dd_strdup(instance);
    job->lease = claim->lease;
    job->shared_images = true;
    job->run = dd_strdup(claim->run);
    job->task = dd_strdup("");
    set_text(&job->registry, settings->worker.registry);
    for (size_t i = 0; i < DD_COUNT(texts); i++)
        set_text((char **)(void *)((char *)job + texts[i].offset),
                 dd_fields_get(claim->fields, texts[i].field));
    if (!job->clone_url)
        return dd_fail(err, DD_ERR_INVALID, "the run has no clone_url");
    if (set_forge(settings, job, err) < 0)
        return -1;
    set_logins(settings, job);
    job->directory = dd_worker_run_directory(directory, attempt);
    job->mirrors = dd_path_join(directory, "mirrors");
    job->engine = dd_strdup(settings->worker.engine);
    job->timeout_s = dd_fields_get_int(claim->fields, "timeout_s", TIMEOUT_S);
    if (job->timeout_s < 1 || job->timeout_s > TIMEOUT_MAX_S)
        job->timeout_s = job->timeout_s < 1 ? TIMEOUT_S : TIMEOUT_MAX_S;
    job->log_max_bytes = settings->worker.log_max_bytes;
    job->grace_s = settings->worker.grace_s;
    *ret = dd_take(job);
    return 0;
}
