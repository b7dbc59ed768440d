/* The post-receive hook of `drydock dev`'s git host: what a push changed, as GitHub's push webhook says it.
 * Format: https://docs.github.com/webhooks/webhook-events-and-payloads#push */
#include "dev.h"

#include <curl/curl.h>
#include <git2.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define COMMITS_MAX  2048 /* as GitHub sends at most */
#define ANSWER_BYTES 4096
#define TIMEOUT_S    10L /* GitHub's own */

static int fail_git(dd_error **err, const char *what)
{
    const git_error *last = git_error_last();
    return dd_fail(err, DD_ERR_INTERNAL, "%s: %s", what,
                   last && last->message ? last->message : "unknown error");
}

static void add_path(const git_diff_delta *delta, json_t *added, json_t *removed, json_t *modified)
{
    json_t *to = delta->status == GIT_DELTA_ADDED     ? added
                 : delta->status == GIT_DELTA_DELETED ? removed
                                                      : modified;
    const char *path = delta->status == GIT_DELTA_DELETED ? delta->old_file.path : delta->new_file.path;
    /* A path that is no UTF-8 cannot stand in JSON; GitHub leaves it out likewise. */
    json_t *text = json_string(path);
    if (text)
        json_array_append_new(to, text);
}

/* Fill the three lists with what the commit changed against its first parent. */
static int add_paths(git_repository *repository, git_commit *commit, json_t *entry, dd_error **err)
{
    git_tree *tree = NULL, *parent_tree = NULL;
    git_commit *parent = NULL;
    git_diff *diff = NULL;
    int ret = -1;
    json_t *added = json_array(), *removed = json_array(), *modified = json_array();
    json_object_set_new(entry, "added", added);
    json_object_set_new(entry, "removed", removed);
    json_object_set_new(entry, "modified", modified);
    if (git_commit_tree(&tree, commit) < 0)
        goto end;
    if (git_commit_parentcount(commit) > 0 &&
        (git_commit_parent(&parent, commit, 0) < 0 || git_commit_tree(&parent_tree, parent) < 0))
        goto end;
    if (git_diff_tree_to_tree(&diff, repository, parent_tree, tree, NULL) < 0)
        goto end;
    for (size_t i = 0; i < git_diff_num_deltas(diff); i++)
        add_path(git_diff_get_delta(diff, i), added, removed, modified);
    ret = 0;
end:
    if (ret < 0)
        fail_git(err, "reading what a commit changed");
    git_diff_free(diff);
    git_tree_free(tree);
    git_tree_free(parent_tree);
    git_commit_free(parent);
    return ret;
}

static json_t *person(const git_signature *who)
{
    /* A name that is no UTF-8 becomes null. */
    json_t *object = json_object();
    json_t *name = json_string(who->name), *email = json_string(who->email);
    json_object_set_new(object, "name", name ? name : json_null());
    json_object_set_new(object, "email", email ? email : json_null());
    return object;
}

static json_t *commit_entry(git_repository *repository, const git_oid *oid, dd_error **err)
{
    git_commit *commit = NULL;
    char id[GIT_OID_HEXSZ + 1], when[DD_TIME_TEXT];
    if (git_commit_lookup(&commit, repository, oid) < 0) {
        fail_git(err, "reading a commit");
        return NULL;
    }
    json_t *entry = json_object();
    json_t *message = json_string(git_commit_message(commit));
    json_object_set_new(entry, "id", json_string(git_oid_tostr(id, sizeof(id), oid)));
    json_object_set_new(entry, "message", message ? message : json_string(""));
    json_object_set_new(entry, "timestamp",
                        json_string(dd_time_format((int64_t)git_commit_time(commit) * 1000, when)));
    json_object_set_new(entry, "author", person(git_commit_author(commit)));
    json_object_set_new(entry, "committer", person(git_commit_committer(commit)));
    if (add_paths(repository, commit, entry, err) < 0) {
        json_decref(entry);
        entry = NULL;
    }
    git_commit_free(commit);
    return entry;
}

/* The commits that `after` has and `before` has not, oldest first. A new ref's are not known, as at GitHub.
 */
static json_t *commit_list(git_repository *repository, const char *before, const char *after, dd_error **err)
{
    json_t *list = json_array();
    git_revwalk *walk = NULL;
    git_oid oid, hidden;
    if (dd_commit_is_zero(before) || dd_commit_is_zero(after))
        return list;
    if (git_revwalk_new(&walk, repository) < 0 || git_oid_fromstr(&oid, after) < 0 ||
        git_oid_fromstr(&hidden, before) < 0 || git_revwalk_push(walk, &oid) < 0 ||
        git_revwalk_hide(walk, &hidden) < 0) {
        fail_git(err, "walking the pushed commits");
        goto failed;
    }
    git_revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL | GIT_SORT_REVERSE);
    while (json_array_size(list) < COMMITS_MAX && git_revwalk_next(&oid, walk) == 0) {
        json_t *entry = commit_entry(repository, &oid, err);
        if (!entry)
            goto failed;
        json_array_append_new(list, entry);
    }
    git_revwalk_free(walk);
    return list;
failed:
    git_revwalk_free(walk);
    json_decref(list);
    return NULL;
}

/* Whether `before` is no ancestor of `after`. */
static bool is_forced(git_repository *repository, const char *before, const char *after)
{
    git_oid from, to;
    return !dd_commit_is_zero(before) && !dd_commit_is_zero(after) && git_oid_fromstr(&from, before) == 0 &&
           git_oid_fromstr(&to, after) == 0 && git_graph_descendant_of(repository, &to, &from) != 1;
}

static json_t *head_commit(git_repository *repository, const char *after, dd_error **err)
{
    git_oid oid;
    git_object *object = NULL, *commit = NULL;
    json_t *entry = NULL;
    if (dd_commit_is_zero(after))
        return json_null();
    if (git_oid_fromstr(&oid, after) == 0 &&
        git_object_lookup(&object, repository, &oid, GIT_OBJECT_ANY) == 0 &&
        git_object_peel(&commit, object, GIT_OBJECT_COMMIT) == 0)
        entry = commit_entry(repository, git_object_id(commit), err);
    else
        fail_git(err, "reading the pushed commit");
    git_object_free(object);
    git_object_free(commit);
    return entry;
}

static char *default_branch(git_repository *repository)
{
    git_reference *head = NULL;
    char *ret = NULL;
    if (git_reference_lookup(&head, repository, "HEAD") == 0 &&
        git_reference_type(head) == GIT_REFERENCE_SYMBOLIC &&
        dd_str_starts(git_reference_symbolic_target(head), "refs/heads/"))
        ret = dd_strdup(git_reference_symbolic_target(head) + strlen("refs/heads/"));
    git_reference_free(head);
    return ret ? ret : dd_strdup("main");
}

static int build_body(const dd_dev_hook *hook, git_repository *repository, const char *before,
                      const char *after, const char *ref, char **ret, dd_error **err)
{
    json_t *commits = commit_list(repository, before, after, err);
    json_t *head = commits ? head_commit(repository, after, err) : NULL;
    if (!head) {
        json_decref(commits);
        return -1;
    }
    dd_auto_str branch = default_branch(repository);
    const char *slash = strrchr(hook->full_name, '/');
    json_t *body = json_pack(
        "{s:s, s:s, s:s, s:b, s:b, s:b, s:o, s:o, s:{s:i, s:s, s:s, s:s, s:s, s:b}, s:{s:s}, s:{s:s, s:i}}",
        "ref", ref, "before", before, "after", after, "created", dd_commit_is_zero(before), "deleted",
        dd_commit_is_zero(after), "forced", is_forced(repository, before, after), "commits", commits,
        "head_commit", head, "repository", "id", 1, "name", slash ? slash + 1 : hook->full_name, "full_name",
        hook->full_name, "clone_url", hook->clone_url, "default_branch", branch, "private", 0, "pusher",
        "name", "dev", "sender", "login", "dev", "id", 1);
    if (!body)
        return dd_fail(err, DD_ERR_INVALID, "the ref '%s' cannot stand in JSON", ref);
    *ret = json_dumps(body, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    json_decref(body);
    return 0;
}

int dd_dev_hook_body(const dd_dev_hook *hook, const char *before, const char *after, const char *ref,
                     char **ret, dd_error **err)
{
    git_repository *repository = NULL;
    git_libgit2_init();
    int result;
    if (git_repository_open_bare(&repository, hook->repository_path) < 0)
        result = fail_git(err, hook->repository_path);
    else
        result = build_body(hook, repository, before, after, ref, ret, err);
    git_repository_free(repository);
    git_libgit2_shutdown();
    return result;
}

static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
    dd_buf *answer = context;
    size_t room = ANSWER_BYTES - answer->length;
    dd_buf_add(answer, data, size * count < room ? size * count : room);
    return size * count;
}

static int deliver(const dd_dev_hook *hook, const char *body, struct curl_slist *headers, dd_buf *answer,
                   dd_error **err)
{
    long status = 0;
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, hook->deliver_to);
    curl_easy_setopt(curl, CURLOPT_CAINFO, hook->ca_file);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    if (code != CURLE_OK)
        return dd_fail(err, DD_ERR_UNAVAILABLE, "%s: %s", hook->deliver_to, curl_easy_strerror(code));
    if (status / 100 != 2)
        return dd_fail(err, DD_ERR_DENIED, "%s answered %ld: %s", hook->deliver_to, status, answer->data);
    return 0;
}

int dd_dev_hook_send(const dd_dev_hook *hook, const char *before, const char *after, const char *ref,
                     char **ret_answer, dd_error **err)
{
    dd_auto_str body = NULL;
    if (dd_dev_hook_body(hook, before, after, ref, &body, err) < 0)
        return -1;
    uint8_t mac[DD_SHA256_BYTES];
    char mac_hex[DD_SHA256_HEX];
    dd_hmac_sha256(hook->secret, strlen(hook->secret), body, strlen(body), mac);
    dd_hex_encode(mac, sizeof(mac), mac_hex);
    dd_auto_str signature = dd_sprintf("X-Hub-Signature-256: sha256=%s", mac_hex);
    dd_auto_str random = dd_random_hex(16);
    dd_auto_str delivery = dd_sprintf("X-GitHub-Delivery: %.8s-%.4s-4%.3s-8%.3s-%.12s", random, random + 8,
                                      random + 12, random + 15, random + 18);
    const char *const lines[] = {"Content-Type: application/json", "X-GitHub-Event: push",
                                 "User-Agent: GitHub-Hookshot/drydock-dev", delivery, signature};
    struct curl_slist *headers = NULL;
    for (size_t i = 0; i < DD_COUNT(lines); i++)
        headers = curl_slist_append(headers, lines[i]);
    dd_auto(dd_buf) answer = dd_buf_new();
    int ret = deliver(hook, body, headers, answer, err);
    curl_slist_free_all(headers);
    if (ret == 0)
        *ret_answer = dd_buf_steal(answer);
    return ret;
}
