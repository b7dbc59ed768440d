/* GitHub's webhooks: signed by HMAC-SHA256 over the raw body.
 * Format: https://docs.github.com/webhooks/webhook-events-and-payloads
 * Signature: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries */
#include "triggers/senders.h"

#include <string.h>

#define COMMITS_MAX    2048 /* GitHub lists no more: a list this long may be cut */
#define PATHS_MAX      3000 /* past it, the paths count as unknown and path filters let the push run */
#define PATH_MAX_BYTES 4096
#define NAME_MAX_BYTES 255
#define URL_MAX_BYTES  2048
#define TEXT_MAX_BYTES 65536
#define LINE_MAX_BYTES 200

/* X-Hub-Signature (SHA-1) is never looked at. */
static int verify(const dd_sender_settings *settings, const dd_delivery *delivery, dd_error **err)
{
    return dd_auth_hmac(settings, delivery, "X-Hub-Signature-256", "sha256=", delivery->body,
                        delivery->body_length, err);
}

/* ---- What all events say alike ---- */

static int read_repository(const json_t *body, dd_need need, dd_event *event, dd_error **err)
{
    json_t *repository;
    const char *name, *url, *branch;
    if (dd_body_object(body, "", "repository", need, &repository, err) < 0)
        return -1;
    if (!repository)
        return 0;
    if (dd_body_text(repository, "repository", "full_name", DD_REQUIRED, NAME_MAX_BYTES, &name, err) < 0 ||
        dd_body_text(repository, "repository", "clone_url", DD_REQUIRED, URL_MAX_BYTES, &url, err) < 0 ||
        dd_body_text(repository, "repository", "default_branch", DD_OPTIONAL, NAME_MAX_BYTES, &branch, err) <
            0)
        return -1;
    if (!dd_is_plain_word(name))
        return dd_fail(err, DD_ERR_INVALID, "repository.full_name: no repository has such a name");
    if (dd_repository_key(url, &event->repository_key, err) < 0)
        return dd_context(err, "repository.clone_url");
    event->repository = dd_strdup(name);
    event->clone_url = dd_strdup(url);
    /* A branch that cannot be one is left out: only a task without branches of its own looks at it. */
    dd_auto_str ref = dd_sprintf("refs/heads/%s", branch ? branch : "");
    if (branch && dd_ref_is_valid(ref))
        event->default_branch = dd_strdup(branch);
    return 0;
}

/* Who GitHub authenticated; a commit's author is only what the commit says. */
static int read_actor(const json_t *body, dd_event *event, dd_error **err)
{
    json_t *sender;
    const char *login = NULL;
    if (dd_body_object(body, "", "sender", DD_OPTIONAL, &sender, err) < 0 ||
        (sender && dd_body_text(sender, "sender", "login", DD_OPTIONAL, NAME_MAX_BYTES, &login, err) < 0))
        return -1;
    if (login && dd_is_plain_word(login))
        event->actor = dd_strdup(login);
    return 0;
}

static int read_commit_id(const json_t *object, const char *path, const char *name, char **ret,
                          dd_error **err)
{
    const char *text;
    if (dd_body_text(object, path, name, DD_REQUIRED, NAME_MAX_BYTES, &text, err) < 0)
        return -1;
    if (!dd_commit_is_valid(text))
        return dd_fail(err, DD_ERR_INVALID, "%s%s%s: must be a full commit id", path, *path ? "." : "", name);
    *ret = dd_strdup(text);
    return 0;
}

/* ---- push ---- */

static int read_ref(const json_t *body, dd_event *event, dd_error **err)
{
    const char *ref;
    if (dd_body_text(body, "", "ref", DD_REQUIRED, NAME_MAX_BYTES + sizeof("refs/heads/"), &ref, err) < 0)
        return -1;
    if (!dd_ref_is_valid(ref) || !dd_str_starts(ref, "refs/"))
        return dd_fail(err, DD_ERR_INVALID, "ref: must be a full ref");
    event->ref = dd_strdup(ref);
    if (dd_str_starts(ref, "refs/heads/"))
        event->branch = dd_strdup(ref + strlen("refs/heads/"));
    else if (dd_str_starts(ref, "refs/tags/"))
        event->tag = dd_strdup(ref + strlen("refs/tags/"));
    return 0;
}

static bool has_skip_marker(const char *message)
{
    static const char *const markers[] = {"[skip ci]", "[ci skip]", "[no ci]"};
    for (size_t i = 0; i < DD_COUNT(markers); i++)
        if (strcasestr(message, markers[i]))
            return true;
    return false;
}

static int read_message(const json_t *body, dd_event *event, dd_error **err)
{
    json_t *head;
    const char *message = NULL;
    if (dd_body_object(body, "", "head_commit", DD_OPTIONAL, &head, err) < 0 ||
        (head &&
         dd_body_text(head, "head_commit", "message", DD_OPTIONAL, TEXT_MAX_BYTES, &message, err) < 0))
        return -1;
    if (message) {
        event->message = dd_plain_line(message, LINE_MAX_BYTES);
        event->skip_asked = has_skip_marker(message);
    }
    return 0;
}

/* One list of a commit's paths. *complete turns false when the list cannot be relied on. */
static int add_paths(const json_t *commit, const char *path, const char *name, dd_strv *paths, bool *complete,
                     dd_error **err)
{
    json_t *list, *item;
    size_t i;
    if (dd_body_array(commit, path, name, DD_OPTIONAL, &list, err) < 0)
        return -1;
    if (!list)
        *complete = false;
    json_array_foreach(list, i, item)
    {
        if (!json_is_string(item) || json_string_length(item) == 0)
            return dd_fail(err, DD_ERR_INVALID, "%s.%s[%zu]: must be a path", path, name, i);
        /* Paths stand one per line in the stream. */
        if (paths->count >= (size_t)PATHS_MAX * 2 || json_string_length(item) > PATH_MAX_BYTES ||
            strchr(json_string_value(item), '\n'))
            *complete = false;
        if (*complete)
            dd_strv_add(paths, json_string_value(item));
    }
    return 0;
}

/* Sorted texts, each once. */
static void add_distinct(const dd_strv *sorted, dd_strv *ret)
{
    for (size_t i = 0; i < sorted->count; i++)
        if (i == 0 || !dd_str_eq(sorted->items[i], sorted->items[i - 1]))
            dd_strv_add(ret, sorted->items[i]);
}

static int read_commit_paths(const json_t *commits, dd_strv *paths, bool *complete, dd_error **err)
{
    static const char *const lists[] = {"added", "modified", "removed"};
    json_t *commit;
    size_t i;
    json_array_foreach(commits, i, commit)
    {
        dd_auto_str path = dd_sprintf("commits[%zu]", i);
        if (!json_is_object(commit))
            return dd_fail(err, DD_ERR_INVALID, "%s: must be an object", path);
        for (size_t k = 0; k < DD_COUNT(lists); k++)
            if (add_paths(commit, path, lists[k], paths, complete, err) < 0)
                return -1;
    }
    return 0;
}

/* Unknown is not "none": a new branch on an existing commit lists no commits, a forced push lists what was
 * added but not what went, and a long list may have been cut. */
static int read_changed_paths(const json_t *body, dd_event *event, dd_error **err)
{
    json_t *commits;
    bool forced = false, created = false, deleted = false;
    if (dd_body_array(body, "", "commits", DD_OPTIONAL, &commits, err) < 0 ||
        dd_body_flag(body, "", "forced", &forced, err) < 0 ||
        dd_body_flag(body, "", "created", &created, err) < 0 ||
        dd_body_flag(body, "", "deleted", &deleted, err) < 0)
        return -1;
    if (deleted && !dd_commit_is_zero(event->after))
        return dd_fail(err, DD_ERR_INVALID, "deleted: the ref is gone, but 'after' is a commit");
    bool complete = commits && json_array_size(commits) > 0 && json_array_size(commits) < COMMITS_MAX;
    complete = complete && !forced && json_object_get(body, "forced");
    dd_auto(dd_strv) paths = dd_strv_new();
    if (commits && read_commit_paths(commits, paths, &complete, err) < 0)
        return -1;
    dd_strv_sort(paths);
    if (complete)
        add_distinct(paths, &event->changed_paths);
    event->paths_known = complete && event->changed_paths.count <= PATHS_MAX;
    if (!event->paths_known)
        dd_strv_done(&event->changed_paths);
    return 0;
}

static int read_push(const json_t *body, dd_event *event, dd_error **err)
{
    if (read_ref(body, event, err) < 0 || read_commit_id(body, "", "before", &event->before, err) < 0 ||
        read_commit_id(body, "", "after", &event->after, err) < 0 ||
        read_repository(body, DD_REQUIRED, event, err) < 0 || read_actor(body, event, err) < 0 ||
        read_message(body, event, err) < 0 || read_changed_paths(body, event, err) < 0)
        return -1;
    if (!event->branch && !event->tag)
        dd_event_ignore(event, "the ref is neither a branch nor a tag");
    else if (dd_commit_is_zero(event->after))
        event->kind = DD_EVENT_DELETE;
    else
        event->kind = event->tag ? DD_EVENT_TAG : DD_EVENT_PUSH;
    if (event->kind != DD_EVENT_PUSH) { /* nothing else has a path filter */
        event->paths_known = false;
        dd_strv_done(&event->changed_paths);
    }
    return 0;
}

/* ---- pull_request ---- */

/* The actions that bring new code; labels, titles and reviews bring none. */
static const char *const code_actions[] = {"opened", "reopened", "ready_for_review", "synchronize"};

static int read_side(const json_t *pull, const char *side, char **ret_sha, const char **ret_ref,
                     dd_error **err)
{
    json_t *object;
    dd_auto_str path = dd_sprintf("pull_request.%s", side);
    if (dd_body_object(pull, "pull_request", side, DD_REQUIRED, &object, err) < 0 ||
        read_commit_id(object, path, "sha", ret_sha, err) < 0 ||
        dd_body_text(object, path, "ref", DD_REQUIRED, NAME_MAX_BYTES, ret_ref, err) < 0)
        return -1;
    dd_auto_str ref = dd_sprintf("refs/heads/%s", *ret_ref);
    if (!dd_ref_is_valid(ref))
        return dd_fail(err, DD_ERR_INVALID, "%s.ref: no branch has such a name", path);
    return 0;
}

/* ref is where the forge keeps the request's head; branch is the one it is to go into; before and after are
 * the commits of the two sides. */
static int read_pull_request(const json_t *body, dd_event *event, dd_error **err)
{
    json_t *pull;
    const char *action, *head_ref, *base_ref, *title;
    int64_t number = 0;
    if (dd_body_text(body, "", "action", DD_REQUIRED, NAME_MAX_BYTES, &action, err) < 0 ||
        dd_body_number(body, "", "number", &number, err) < 0 ||
        dd_body_object(body, "", "pull_request", DD_REQUIRED, &pull, err) < 0 ||
        read_side(pull, "base", &event->before, &base_ref, err) < 0 ||
        read_side(pull, "head", &event->after, &head_ref, err) < 0 ||
        dd_body_text(pull, "pull_request", "title", DD_OPTIONAL, TEXT_MAX_BYTES, &title, err) < 0 ||
        read_repository(body, DD_REQUIRED, event, err) < 0 || read_actor(body, event, err) < 0)
        return -1;
    if (number < 1)
        return dd_fail(err, DD_ERR_INVALID, "number: must be at least 1");
    event->ref = dd_sprintf("refs/pull/%lld/head", (long long)number);
    event->branch = dd_strdup(base_ref);
    event->message = dd_plain_line(title, LINE_MAX_BYTES);
    for (size_t i = 0; i < DD_COUNT(code_actions); i++)
        if (dd_str_eq(action, code_actions[i])) {
            event->kind = DD_EVENT_PULL_REQUEST;
            return 0;
        }
    dd_auto_str shown = dd_plain_line(action, 40);
    dd_event_ignore(event, "a pull request's action '%s' brings no new code", shown);
    return 0;
}

/* ---- All events ---- */

static int read_ping(const json_t *body, dd_event *event, dd_error **err)
{
    /* Hooks of an organization or an app name no repository. */
    if (read_repository(body, DD_OPTIONAL, event, err) < 0 || read_actor(body, event, err) < 0)
        return -1;
    event->kind = DD_EVENT_PING;
    return 0;
}

/* How each event is read; `why` for those with nothing to do. */
static const struct rule {
    const char *event;
    int (*read)(const json_t *body, dd_event *event, dd_error **err);
    const char *why;
} rules[] = {
    {"push", read_push, NULL},
    {"ping", read_ping, NULL},
    {"pull_request", read_pull_request, NULL},
    {"create", NULL, "the push event says the same"},
    {"delete", NULL, "the push event says the same"},
    {"status", NULL, "reports on commits start no run: they could be our own"},
    {"check_run", NULL, "reports on commits start no run: they could be our own"},
    {"check_suite", NULL, "reports on commits start no run: they could be our own"},
};

static int read_event(const char *name, const json_t *body, dd_event *event, dd_error **err)
{
    for (size_t i = 0; i < DD_COUNT(rules); i++) {
        if (!dd_str_eq(name, rules[i].event))
            continue;
        if (rules[i].read)
            return rules[i].read(body, event, err);
        dd_event_ignore(event, "%s: %s", name, rules[i].why);
        return 0;
    }
    dd_auto_str shown = dd_plain_line(name, 40);
    dd_event_ignore(event, "nothing is done for the event '%s'", shown);
    return 0;
}

/* The signature covers the encoded form; what is read is what was in it. */
static int load_body(const dd_delivery *delivery, json_t **ret, dd_error **err)
{
    if (!dd_delivery_is(delivery, "application/x-www-form-urlencoded"))
        return dd_body_load(delivery->body, delivery->body_length, ret, err);
    dd_auto(dd_buf) text = NULL;
    if (dd_form_field(delivery->body, delivery->body_length, "payload", &text, err) < 0)
        return -1;
    return dd_body_load(text->data, text->length, ret, err);
}

static int normalise(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     dd_error **err)
{
    const char *name, *id;
    bool twice;
    json_auto_t *body = NULL;
    if (dd_delivery_one(delivery, "X-GitHub-Event", &name, err) < 0 || load_body(delivery, &body, err) < 0)
        return -1;
    if (!json_is_object(body))
        return dd_fail(err, DD_ERR_INVALID, "the body must be an object");
    id = dd_delivery_header(delivery, "X-GitHub-Delivery", &twice);
    if (twice)
        return dd_fail(err, DD_ERR_INVALID, "the header X-GitHub-Delivery stands twice");
    dd_auto(dd_event) event = dd_event_new(DD_EVENT_IGNORED, settings);
    event->delivery = dd_delivery_id(id, delivery, 0);
    if (read_event(name, body, event, err) < 0)
        return -1;
    *ret = dd_new(dd_events);
    dd_events_add(*ret, dd_take(event));
    return 0;
}

static const char *const media_types[] = {"application/json", "application/x-www-form-urlencoded", NULL};

const dd_sender dd_sender_github = {
    .kind = "github",
    .trust = DD_TRUST_SIGNED,
    .is_registry = false,
    .media_types = media_types,
    .verify = verify,
    .normalise = normalise,
};
