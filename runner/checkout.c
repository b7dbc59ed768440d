/* Fetch and check out, by libgit2 1.5.
 *
 * It has no timeouts of its own, so this runs in a process that can be killed, and that a clock ends when the
 * forge falls silent. What the forge can send is bounded: objects by size and number, hashes checked,
 * redirects to another host refused, credentials given once and only to the address of the settings. No text
 * of a user's or a sender's is ever given to revparse; submodules and the machine's own git configuration do
 * not exist here. */
#include "checkout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <git2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <unistd.h>

#define OBJECT_MAX_BYTES  ((size_t)1024 * 1024 * 1024)
#define OBJECTS_MAX       ((size_t)20 * 1000 * 1000)
#define RECEIVED_MAX      ((size_t)16 * 1024 * 1024 * 1024)
#define SILENCE_MAX_S     120
#define PROGRESS_EVERY_MS 2000

struct session {
    const dd_fetch *fetch;
    git_repository *repository;
    git_remote *remote;
    bool credentials_given;
    bool too_much;
    int64_t said_ms;
};

void dd_checkout_done(dd_checkout *checkout)
{
    free(checkout->commit);
    free(checkout->branch);
    *checkout = (dd_checkout){0};
}

/* libgit2 keeps its last error until the next call: copied at once. */
static int fail_git(dd_error **err, int code, const char *what)
{
    const git_error *error = git_error_last();
    dd_code kind = code == GIT_EAUTH          ? DD_ERR_DENIED
                   : code == GIT_ECERTIFICATE ? DD_ERR_DENIED
                   : code == GIT_ENOTFOUND    ? DD_ERR_NOT_FOUND
                                              : DD_ERR_UNAVAILABLE;

    return dd_fail(err, kind, "%s: %s", what, error && error->message ? error->message : "no reason given");
}

static void alive(void)
{
    alarm(SILENCE_MAX_S);
}

/* ---- Addresses ---- */

/* Length of "scheme://host:port"; a user name in it does not count as part of the address. */
static size_t origin_length(const char *url)
{
    const char *host = strstr(url, "://");

    return host ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?#") : 0;
}

static bool same_origin(const char *a, const char *b)
{
    size_t length = origin_length(a);

    return length > 0 && length == origin_length(b) && strncasecmp(a, b, length) == 0;
}

int dd_clone_url_check(const char *url, bool plain_http, dd_error **err)
{
    dd_auto_str key = NULL;

    if (dd_repository_key(url, &key, err) < 0)
        return -1;
    if (strncasecmp(url, "https://", 8) == 0)
        return 0;
    if (strncasecmp(url, "http://", 7) == 0) {
        if (plain_http)
            return 0;
        dd_fail(err, DD_ERR_DENIED, "'%s' would be fetched without encryption", url);
        return dd_hint(err, "use https, or set plain_http for this forge in the settings");
    }
    if (git_libgit2_features() & GIT_FEATURE_SSH)
        return 0;
    dd_fail(err, DD_ERR_INVALID, "'%s': libgit2 was built without ssh", url);
    return dd_hint(err, "use the repository's https address");
}

/* ---- Callbacks ---- */

static int on_credentials(git_credential **ret, const char *url, const char *username, unsigned allowed,
                          void *payload)
{
    struct session *session = payload;
    const dd_fetch *fetch = session->fetch;

    alive();
    if (session->credentials_given) {
        git_error_set_str(GIT_ERROR_HTTP, "the forge refused the credentials");
        return GIT_EAUTH;
    }
    session->credentials_given = true;
    if (allowed & GIT_CREDENTIAL_SSH_KEY)
        return git_credential_ssh_key_from_agent(ret, username ? username : "git");
    if (!fetch->token || !(allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) || !same_origin(url, fetch->url)) {
        git_error_set_str(GIT_ERROR_HTTP, fetch->token ? "credentials asked for by another address"
                                                       : "the forge asks for credentials, and none are set");
        return GIT_EAUTH;
    }
    return git_credential_userpass_plaintext_new(ret, fetch->username ? fetch->username : "x-access-token",
                                                 fetch->token);
}

static int on_certificate(git_cert *certificate, int valid, const char *host, void *payload)
{
    (void)certificate, (void)payload;
    alive();
    if (valid)
        return 0;
    dd_auto_str text = dd_sprintf("the certificate or host key of %s is not trusted", host);
    git_error_set_str(GIT_ERROR_SSL, text);
    return GIT_ECERTIFICATE;
}

static int on_transfer(const git_indexer_progress *progress, void *payload)
{
    struct session *session = payload;
    int64_t now = dd_monotonic_ms();

    alive();
    if (progress->received_bytes > RECEIVED_MAX) {
        session->too_much = true;
        return -1;
    }
    if (now - session->said_ms >= PROGRESS_EVERY_MS) {
        dd_auto_str line = dd_sprintf("received %u of %u objects, %zu KiB", progress->received_objects,
                                      progress->total_objects, progress->received_bytes / 1024);
        session->said_ms = now;
        session->fetch->say(session->fetch->context, line);
    }
    return 0;
}

static int on_sideband(const char *text, int length, void *payload)
{
    (void)text, (void)length, (void)payload;
    alive();
    return 0;
}

static void on_checkout(const char *path, size_t completed, size_t total, void *payload)
{
    (void)path, (void)completed, (void)total, (void)payload;
    alive();
}

/* ---- The mirror ---- */

/* A fetch that was killed leaves the pack it was writing; under the lock nobody else writes one. */
static void remove_leftovers(const char *mirror)
{
    dd_auto_str directory = dd_path_join(mirror, "objects/pack");
    DIR *dir = opendir(directory);
    struct dirent *entry;

    if (!dir)
        return;
    while ((entry = readdir(dir)))
        if (dd_str_starts(entry->d_name, "pack_") || dd_str_starts(entry->d_name, "tmp_"))
            unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
}

static int lock_mirror(const dd_fetch *fetch, dd_error **err)
{
    dd_auto_str path = dd_sprintf("%s.lock", fetch->mirror);
    dd_auto_fd fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int ret;

    if (fd < 0)
        return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "cannot open '%s'", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        fetch->say(fetch->context, "waiting for another run that fetches the same repository");
        alarm(0); /* that run has its own clock */
        while (flock(fd, LOCK_EX) < 0)
            if (errno != EINTR)
                return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "cannot lock '%s'", path);
        alive();
    }
    ret = fd;
    fd = -1;
    return ret;
}

static int open_mirror(struct session *session, dd_error **err)
{
    const char *path = session->fetch->mirror;
    int code = git_repository_open_bare(&session->repository, path);

    if (code == 0)
        return 0;
    /* Not there, or left unusable by a process that died while making it. */
    if (dd_remove_tree(path, err) < 0)
        return -1;
    code = git_repository_init(&session->repository, path, 1);
    return code < 0 ? fail_git(err, code, "cannot make the mirror") : 0;
}

static bool has_commit(const struct session *session, const git_oid *id)
{
    git_commit *commit = NULL;
    bool ret = git_commit_lookup(&commit, session->repository, id) == 0;

    git_commit_free(commit);
    return ret;
}

/* ---- Fetch ---- */

static void set_callbacks(struct session *session, git_remote_callbacks *callbacks)
{
    callbacks->credentials = on_credentials;
    callbacks->certificate_check = on_certificate;
    callbacks->transfer_progress = on_transfer;
    callbacks->sideband_progress = on_sideband;
    callbacks->payload = session;
}

static int connect_remote(struct session *session, dd_error **err)
{
    git_remote_connect_options options;
    int code;

    git_remote_connect_options_init(&options, GIT_REMOTE_CONNECT_OPTIONS_VERSION);
    set_callbacks(session, &options.callbacks);
    options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
    options.proxy_opts.type = GIT_PROXY_AUTO;
    session->credentials_given = false;
    git_remote_free(session->remote);
    session->remote = NULL;
    code = git_remote_create_anonymous(&session->remote, session->repository, session->fetch->url);
    if (code == 0)
        code = git_remote_connect_ext(session->remote, GIT_DIRECTION_FETCH, &options);
    return code < 0 ? fail_git(err, code, session->fetch->url) : 0;
}

static int download(struct session *session, char **refspecs, size_t count, dd_error **err)
{
    git_strarray specs = {refspecs, count};
    git_fetch_options options;
    int code;

    git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
    set_callbacks(session, &options.callbacks);
    options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
    options.proxy_opts.type = GIT_PROXY_AUTO;
    options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
    options.update_fetchhead = 0;
    code = git_remote_fetch(session->remote, &specs, &options, NULL);
    if (session->too_much)
        return dd_fail(err, DD_ERR_LIMIT, "%s: more than %zu GiB", session->fetch->url, RECEIVED_MAX >> 30);
    return code < 0 ? fail_git(err, code, session->fetch->url) : 0;
}

/* The remote's ref that the fetch means, with its full name; NULL when there is none. */
static const git_remote_head *find_ref(const git_remote_head **heads, size_t count, const dd_fetch *fetch)
{
    static const char *const prefixes[] = {"", "refs/heads/", "refs/tags/"};
    const char *name = fetch->ref ? fetch->ref : "HEAD";

    for (size_t i = 0; !fetch->ref && i < count; i++)
        if (strcmp(heads[i]->name, "HEAD") == 0 && heads[i]->symref_target)
            name = heads[i]->symref_target;
    for (size_t p = 0; p < DD_COUNT(prefixes); p++) {
        dd_auto_str full = dd_sprintf("%s%s", prefixes[p], name);
        for (size_t i = 0; i < count; i++)
            if (strcmp(heads[i]->name, full) == 0)
                return heads[i];
    }
    return NULL;
}

/* Fetch one ref of the remote. Its local name is a hash: so "a" and "a/b", one after the other, do not clash.
 */
static int fetch_ref(struct session *session, const char *name, char **ret_local, dd_error **err)
{
    char hash[DD_SHA1_HEX];
    char *spec;

    dd_sha1_hex(name, strlen(name), hash);
    *ret_local = dd_sprintf("refs/drydock/%s", hash);
    dd_auto_str text = dd_sprintf("+%s:%s", name, *ret_local);
    spec = text;
    return download(session, &spec, 1, err);
}

/* The last resort for a commit that the ref no longer leads to: every branch and tag. */
static int fetch_all(struct session *session, dd_error **err)
{
    char heads[] = "+refs/heads/*:refs/heads/*", tags[] = "+refs/tags/*:refs/tags/*";
    char *specs[] = {heads, tags};
    git_strarray old = {0};

    session->fetch->say(session->fetch->context,
                        "the commit is not in that ref; fetching all branches and tags");
    if (git_reference_list(&old, session->repository) == 0) {
        for (size_t i = 0; i < old.count; i++)
            if (!dd_str_starts(old.strings[i], "refs/drydock/"))
                git_reference_remove(session->repository, old.strings[i]);
        git_strarray_dispose(&old);
    }
    if (connect_remote(session, err) < 0)
        return -1;
    return download(session, specs, 2, err);
}

static int resolve_local(const struct session *session, const char *local, git_oid *ret, dd_error **err)
{
    git_reference *reference = NULL;
    git_object *object = NULL;
    int code = git_reference_lookup(&reference, session->repository, local);

    if (code == 0)
        code = git_reference_peel(&object, reference, GIT_OBJECT_COMMIT);
    if (code == 0)
        git_oid_cpy(ret, git_object_id(object));
    git_object_free(object);
    git_reference_free(reference);
    return code < 0 ? fail_git(err, code, "the fetched ref") : 0;
}

static int fetch_head(struct session *session, git_oid *ret, dd_checkout *checkout, dd_error **err)
{
    const dd_fetch *fetch = session->fetch;
    const git_remote_head **heads = NULL, *head;
    dd_auto_str name = NULL;
    dd_auto_str local = NULL;
    size_t count = 0;
    int code;

    if (connect_remote(session, err) < 0)
        return -1;
    code = git_remote_ls(&heads, &count, session->remote);
    if (code < 0)
        return fail_git(err, code, fetch->url);
    head = find_ref(heads, count, fetch);
    if (!head && fetch->commit)
        return 0; /* a deleted branch; the commit may be in others */
    if (!head && !fetch->ref)
        return dd_fail(err, DD_ERR_NOT_FOUND, "%s has no commit yet", fetch->url);
    if (!head)
        return dd_fail(err, DD_ERR_NOT_FOUND, "%s has no branch or tag '%s'", fetch->url, fetch->ref);
    name = dd_strdup(head->name);
    if (fetch_ref(session, name, &local, err) < 0)
        return -1;
    if (dd_str_starts(name, "refs/heads/"))
        checkout->branch = dd_strdup(name + strlen("refs/heads/"));
    return fetch->commit ? 0 : resolve_local(session, local, ret, err);
}

/* Make sure that the mirror has the commit; say which one it is. */
static int fetch_commit(struct session *session, git_oid *ret, dd_checkout *checkout, dd_error **err)
{
    const dd_fetch *fetch = session->fetch;

    if (fetch->commit && (strlen(fetch->commit) != GIT_OID_HEXSZ || git_oid_fromstr(ret, fetch->commit) < 0))
        return dd_fail(err, DD_ERR_INVALID, "'%s' is no commit that this libgit2 reads: it knows SHA-1 only",
                       fetch->commit);
    if (fetch->commit && has_commit(session, ret))
        return 0;
    if (fetch_head(session, ret, checkout, err) < 0)
        return -1;
    if (!fetch->commit || has_commit(session, ret))
        return 0;
    if (fetch_all(session, err) < 0)
        return -1;
    if (!has_commit(session, ret))
        return dd_fail(err, DD_ERR_NOT_FOUND, "%s has no commit %s in any branch or tag", fetch->url,
                       fetch->commit);
    return 0;
}

static int write_tree(const struct session *session, const git_oid *id, const char *target, dd_error **err)
{
    git_checkout_options options;
    git_commit *commit = NULL;
    int code;

    git_checkout_options_init(&options, GIT_CHECKOUT_OPTIONS_VERSION);
    options.checkout_strategy = GIT_CHECKOUT_FORCE | GIT_CHECKOUT_DONT_UPDATE_INDEX |
                                GIT_CHECKOUT_DONT_WRITE_INDEX | GIT_CHECKOUT_DONT_REMOVE_EXISTING;
    options.target_directory = target;
    options.progress_cb = on_checkout;
    code = git_commit_lookup(&commit, session->repository, id);
    if (code == 0)
        code = git_checkout_tree(session->repository, (const git_object *)commit, &options);
    git_commit_free(commit);
    return code < 0 ? fail_git(err, code, "checkout") : 0;
}

static int set_up_library(const dd_fetch *fetch, dd_error **err)
{
    static const int levels[] = {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG,
                                 GIT_CONFIG_LEVEL_GLOBAL};
    int code;

    git_libgit2_init();
    for (size_t i = 0; i < DD_COUNT(levels); i++)
        git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
    git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 1);
    git_libgit2_opts(GIT_OPT_ENABLE_STRICT_OBJECT_CREATION, 1);
    git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECT_SIZE, OBJECT_MAX_BYTES);
    git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS, OBJECTS_MAX);
    git_libgit2_opts(GIT_OPT_SET_USER_AGENT, "drydock " DRYDOCK_VERSION);
    if (!fetch->ca_file)
        return 0;
    code = git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, fetch->ca_file, NULL);
    return code < 0 ? fail_git(err, code, fetch->ca_file) : 0;
}

static int fetch_and_write(struct session *session, const char *target, dd_checkout *ret, dd_error **err)
{
    char hex[GIT_OID_HEXSZ + 1];
    git_oid id;
    dd_auto_fd lock = lock_mirror(session->fetch, err);

    if (lock < 0)
        return -1;
    remove_leftovers(session->fetch->mirror);
    if (open_mirror(session, err) < 0 || fetch_commit(session, &id, ret, err) < 0)
        return -1;
    /* Objects are only ever added, so others may fetch while this one reads. */
    close(lock);
    lock = -1;
    ret->commit = dd_strdup(git_oid_tostr(hex, sizeof hex, &id));
    return write_tree(session, &id, target, err);
}

int dd_checkout_fetch(const dd_fetch *fetch, const char *target, dd_checkout *ret, dd_error **err)
{
    struct session session = {.fetch = fetch, .said_ms = dd_monotonic_ms()};
    int result = set_up_library(fetch, err);

    if (result == 0) {
        alive();
        result = fetch_and_write(&session, target, ret, err);
        alarm(0);
    }
    git_remote_free(session.remote);
    git_repository_free(session.repository);
    /* No shutdown: libgit2 1.5 frees its user agent twice when it is set up again, and this process ends
     * anyway. */
    return result;
}

/* ---- A job's ---- */

static int fetch_job(const dd_job *job, const char *workspace, dd_fetch *fetch, dd_checkout *ret,
                     dd_error **err)
{
    dd_auto_str key = NULL;
    dd_auto_str mirror = NULL;
    char hash[DD_SHA256_HEX];

    if (dd_clone_url_check(job->clone_url, job->forge_plain_http, err) < 0 ||
        dd_repository_key(job->clone_url, &key, err) < 0)
        return -1;
    if (job->commit && !dd_commit_is_valid(job->commit))
        return dd_fail(err, DD_ERR_INVALID, "'%s' is not a full commit id", job->commit);
    if (fetch->ref && !dd_ref_is_valid(fetch->ref))
        return dd_fail(err, DD_ERR_INVALID, "'%s' is not a ref", fetch->ref);
    dd_sha256_hex(key, strlen(key), hash);
    mirror = dd_path_join(job->mirrors ? job->mirrors : job->directory, hash);
    if (job->mirrors && dd_mkdirs(job->mirrors, 0700, err) < 0)
        return -1;
    fetch->mirror = mirror;
    return dd_checkout_fetch(fetch, workspace, ret, err);
}

int dd_checkout_job(const dd_job *job, dd_say_cb *say, void *context, dd_checkout *ret, dd_error **err)
{
    dd_auto_str workspace = dd_path_join(job->directory, "workspace");
    dd_fetch fetch = {.url = job->clone_url,
                      .commit = job->commit,
                      .ref = job->ref      ? job->ref
                             : job->branch ? job->branch
                                           : job->git_tag,
                      .username = job->forge_username,
                      .token = job->forge_token,
                      .ca_file = job->forge_ca_file,
                      .say = say,
                      .context = context};

    if (dd_mkdirs(workspace, 0755, err) < 0)
        return -1;
    if (job->clone_url)
        return fetch_job(job, workspace, &fetch, ret, err);
    if (job->local_context)
        return dd_checkout_copy(job->local_context, workspace, job->directory, err);
    return 0; /* no context: an empty workspace */
}
