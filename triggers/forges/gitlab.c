/* GitLab's webhooks and system hooks. They prove themselves by a token in a header, which says nothing of the
 * body, or by a signing token (whsec_…) as Standard Webhooks define it.
 * Format: https://docs.gitlab.com/user/project/integrations/webhook_events/
 * Headers: https://docs.gitlab.com/user/project/integrations/webhooks/ */
#include "forge.h"

#include <string.h>

/* ---- Authenticity ---- */

static bool is_signing_key(const char *secret)
{
    size_t bytes;
    return dd_auth_is_signing_key(secret, &bytes);
}

static bool is_token(const char *secret)
{
    return !dd_str_starts(secret, "whsec_");
}

static bool has_token(const dd_sender_settings *settings)
{
    for (size_t i = 0; i < settings->secrets.count; i++)
        if (is_token(settings->secrets.items[i]))
            return true;
    return false;
}

static bool has_key(const dd_sender_settings *settings)
{
    for (size_t i = 0; i < settings->secrets.count; i++)
        if (is_signing_key(settings->secrets.items[i]))
            return true;
    return false;
}

static int verify_token(const dd_sender_settings *settings, const char *given, dd_error **err)
{
    bool good = false;
    for (size_t i = 0; i < settings->secrets.count; i++) {
        const dd_strv one = {&settings->secrets.items[i], 1, 1};
        good |= is_token(one.items[0]) && dd_auth_matches(given, strlen(given), &one);
    }
    if (!good)
        return dd_fail(err, DD_ERR_DENIED, "the header X-Gitlab-Token has not the configured value");
    return 0;
}

/* A hook may send both; then what the settings know of both must hold. A hook that sends one is judged by
 * that, so that a token can be replaced by a signing token while deliveries come. */
static int verify(const dd_sender_settings *settings, const dd_delivery *delivery, dd_error **err)
{
    bool twice, signed_twice;
    const char *token = dd_delivery_header(delivery, "X-Gitlab-Token", &twice);
    bool is_signed = dd_delivery_header(delivery, "webhook-signature", &signed_twice) || signed_twice;
    if (twice)
        return dd_fail(err, DD_ERR_DENIED, "the header X-Gitlab-Token stands twice");
    bool by_key = is_signed && has_key(settings), by_token = token && has_token(settings);
    if (!by_key && !by_token)
        return dd_fail(err, DD_ERR_DENIED,
                       "neither X-Gitlab-Token nor webhook-signature is there as configured");
    if (by_token && verify_token(settings, token, err) < 0)
        return -1;
    return by_key ? dd_auth_standard(settings, delivery, err) : 0;
}

static int check(const dd_sender_settings *settings, dd_error **err)
{
    for (size_t i = 0; i < settings->secrets.count; i++)
        if (dd_str_starts(settings->secrets.items[i], "whsec_") &&
            !is_signing_key(settings->secrets.items[i]))
            return dd_fail(err, DD_ERR_INVALID, "a signing token is not 'whsec_' and base64");
    return 0;
}

static dd_trust trust_of(const dd_sender_settings *settings)
{
    return has_token(settings) ? DD_TRUST_BEARER : DD_TRUST_SIGNED;
}

/* ---- What all events say alike ---- */

static int read_project(const dd_json *body, dd_event *event, dd_error **err)
{
    static const char at[] = "project";
    const dd_json *project;
    const char *name, *url, *branch;
    if (dd_body_object(body, "", "project", DD_REQUIRED, &project, err) < 0 ||
        dd_body_text(project, at, "path_with_namespace", DD_REQUIRED, DD_FORGE_NAME_BYTES, &name, err) < 0 ||
        dd_body_text(project, at, "git_http_url", DD_OPTIONAL, DD_FORGE_URL_BYTES, &url, err) < 0 ||
        (!url && dd_body_text(project, at, "http_url", DD_REQUIRED, DD_FORGE_URL_BYTES, &url, err) < 0) ||
        dd_body_text(project, at, "default_branch", DD_OPTIONAL, DD_FORGE_NAME_BYTES, &branch, err) < 0 ||
        dd_forge_repository(event, at, name, url, err) < 0)
        return -1;
    dd_forge_default_branch(event, branch);
    return 0;
}

/* ---- push and tag_push ---- */

/* git push -o ci.skip */
static bool skip_option(const dd_json *body)
{
    const dd_json *skip = dd_json_get(dd_json_get(dd_json_get(body, "push_options"), "ci"), "skip");
    return dd_json_is(skip, DD_JSON_BOOLEAN) && skip->boolean;
}

/* The newest 20 commits are listed, and how many there are. Nothing tells a forced push from another one. */
static int read_commits(const dd_json *body, dd_event *event, dd_error **err)
{
    const dd_json *commits;
    int64_t total;
    dd_auto_str checkout = NULL;
    if (dd_body_array(body, "", "commits", DD_OPTIONAL, &commits, err) < 0 ||
        dd_forge_total(body, "total_commits_count", &total, err) < 0 ||
        dd_forge_commit(body, "", "checkout_sha", DD_OPTIONAL, &checkout, err) < 0)
        return -1;
    const dd_json *head = dd_forge_find_commit(commits, "id", checkout ? checkout : event->after);
    if (dd_forge_commit_words(event, head, "commits[]", "message", "name", err) < 0)
        return -1;
    event->skip_asked = event->skip_asked || skip_option(body);
    return dd_forge_changed_paths(event, commits, total >= 0 && (uint64_t)total == dd_json_count(commits),
                                  err);
}

static int read_push(const dd_json *body, dd_event *event, dd_error **err)
{
    const char *ref;
    if (dd_body_text(body, "", "ref", DD_REQUIRED, DD_FORGE_REF_BYTES, &ref, err) < 0 ||
        dd_forge_ref(event, "ref", ref, err) < 0 ||
        dd_forge_commit(body, "", "before", DD_REQUIRED, &event->before, err) < 0 ||
        dd_forge_commit(body, "", "after", DD_REQUIRED, &event->after, err) < 0 ||
        read_project(body, event, err) < 0 ||
        dd_forge_actor(event, body, "", "user_username", "user_id", err) < 0 ||
        read_commits(body, event, err) < 0)
        return -1;
    dd_forge_settle_push(event);
    return 0;
}

/* ---- merge_request ---- */

/* Both branches, and whether they are of one project. There is no word of the base's commit. */
static int read_sides(const dd_json *request, dd_event *event, dd_error **err)
{
    static const char at[] = "object_attributes";
    const dd_json *source;
    const char *base, *head, *name = NULL;
    if (dd_body_text(request, at, "target_branch", DD_REQUIRED, DD_FORGE_NAME_BYTES, &base, err) < 0 ||
        dd_body_text(request, at, "source_branch", DD_REQUIRED, DD_FORGE_NAME_BYTES, &head, err) < 0 ||
        dd_forge_branches(event, at, base, head, err) < 0 ||
        dd_body_object(request, at, "source", DD_OPTIONAL, &source, err) < 0 ||
        (source && dd_body_text(source, "object_attributes.source", "path_with_namespace", DD_OPTIONAL,
                                DD_FORGE_NAME_BYTES, &name, err) < 0))
        return -1;
    dd_auto_str base_id = dd_forge_id(request, "target_project_id");
    dd_auto_str head_id = dd_forge_id(request, "source_project_id");
    dd_forge_fork(event, base_id, head_id);
    if (name && dd_is_plain_word(name))
        event->head_repository = dd_strdup(name);
    return 0;
}

static int read_head(const dd_json *request, dd_event *event, dd_error **err)
{
    static const char at[] = "object_attributes.last_commit";
    const dd_json *commit;
    const char *title;
    if (dd_body_object(request, "object_attributes", "last_commit", DD_REQUIRED, &commit, err) < 0 ||
        dd_forge_commit(commit, at, "id", DD_REQUIRED, &event->after, err) < 0 ||
        dd_forge_commit_words(event, commit, at, "message", "name", err) < 0 ||
        dd_body_text(request, "object_attributes", "title", DD_OPTIONAL, DD_FORGE_TEXT_BYTES, &title, err) <
            0)
        return -1;
    if (title)
        dd_forge_title(event, title);
    return 0;
}

/* `draft` was called work_in_progress. */
static int read_marks(const dd_json *body, const dd_json *request, dd_event *event, dd_error **err)
{
    const dd_json *labels, *user;
    if (dd_body_flag(request, "object_attributes", "work_in_progress", &event->draft, err) < 0 ||
        dd_body_flag(request, "object_attributes", "draft", &event->draft, err) < 0 ||
        dd_body_array(body, "", "labels", DD_OPTIONAL, &labels, err) < 0 ||
        dd_forge_labels(event, labels, "labels", "title", err) < 0 ||
        dd_body_object(body, "", "user", DD_OPTIONAL, &user, err) < 0)
        return -1;
    return dd_forge_actor(event, user, "user", "username", "id", err);
}

/* An update is new code only where it says which head there was before: else a title or a label changed. */
static int settle(const dd_json *request, const char *action, dd_event *event, dd_error **err)
{
    static const char *const code_actions[] = {"open", "reopen", "update"};
    dd_auto_str old = NULL;
    if (dd_forge_commit(request, "object_attributes", "oldrev", DD_OPTIONAL, &old, err) < 0)
        return -1;
    if (dd_str_eq(action, "update") && !old)
        dd_event_ignore(event, "the update brings no new code");
    else
        dd_forge_settle_request(event, action, code_actions, DD_COUNT(code_actions));
    return 0;
}

static int read_merge_request(const dd_json *body, dd_event *event, dd_error **err)
{
    static const char at[] = "object_attributes";
    const dd_json *request;
    const char *action;
    if (dd_body_object(body, "", at, DD_REQUIRED, &request, err) < 0 ||
        dd_body_text(request, at, "action", DD_OPTIONAL, DD_FORGE_NAME_BYTES, &action, err) < 0)
        return -1;
    if (!action) { /* made by an import or a service: nothing happened now */
        dd_event_ignore(event, "the merge request's event has no action");
        return 0;
    }
    if (dd_forge_number(event, request, at, "iid", "refs/merge-requests/%lld/head", err) < 0 ||
        read_project(body, event, err) < 0 || read_sides(request, event, err) < 0 ||
        read_head(request, event, err) < 0 || read_marks(body, request, event, err) < 0)
        return -1;
    return settle(request, action, event, err);
}

/* ---- All events ---- */

/* A project's or group's hook says in the header what it is; an instance's says "System Hook" of all. The
 * body says it always, unless somebody wrote a template of his own for it. */
static const struct rule {
    const char *header;
    const char *kind;
    int (*read)(const dd_json *body, dd_event *event, dd_error **err);
    const char *why;
} rules[] = {
    {"Push Hook", "push", read_push, NULL},
    {"Tag Push Hook", "tag_push", read_push, NULL},
    {"Merge Request Hook", "merge_request", read_merge_request, NULL},
    {"System Hook", "repository_update", NULL, "the push event says the same"},
    {"Pipeline Hook", "pipeline", NULL, "reports on commits start no run: they could be our own"},
    {"Job Hook", "build", NULL, "reports on commits start no run: they could be our own"},
};

static const struct rule *find_rule(const char *kind)
{
    for (size_t i = 0; i < DD_COUNT(rules); i++)
        if (dd_str_eq(rules[i].kind, kind))
            return &rules[i];
    return NULL;
}

/* object_kind; system hooks of projects and users have event_name alone. */
static int read_kind(const dd_json *body, const char **ret, dd_error **err)
{
    if (dd_body_text(body, "", "object_kind", DD_OPTIONAL, DD_FORGE_NAME_BYTES, ret, err) < 0)
        return -1;
    return *ret ? 0 : dd_body_text(body, "", "event_name", DD_OPTIONAL, DD_FORGE_NAME_BYTES, ret, err);
}

static int read_event(const char *header, const dd_json *body, dd_event *event, dd_error **err)
{
    const char *kind;
    if (read_kind(body, &kind, err) < 0)
        return -1;
    const struct rule *rule = kind ? find_rule(kind) : NULL;
    dd_auto_str shown = dd_plain_line(kind ? kind : header, 40);
    if (!kind)
        dd_event_ignore(event,
                        "%s: the body does not say what happened: it is of a template that is not GitLab's",
                        shown);
    else if (!rule)
        dd_event_ignore(event, "nothing is done for the event '%s'", shown);
    else if (!dd_str_eq(header, "System Hook") && !dd_str_eq(header, rule->header))
        return dd_fail(err, DD_ERR_INVALID, "the body is not what the header X-Gitlab-Event says");
    else if (rule->read)
        return rule->read(body, event, err);
    else
        dd_event_ignore(event, "%s: %s", kind, rule->why);
    return 0;
}

static int normalise(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     dd_error **err)
{
    const char *header;
    dd_auto(dd_json_document) document = NULL;
    const dd_json *body;
    dd_auto(dd_event) event = NULL;
    /* The other two ids are of a request (new at each try) and of a chain of events. */
    if (dd_delivery_one(delivery, "X-Gitlab-Event", &header, err) < 0 ||
        dd_forge_body(delivery, &document, &body, err) < 0 ||
        dd_forge_event(settings, delivery, "Idempotency-Key", &event, err) < 0 ||
        read_event(header, body, event, err) < 0)
        return -1;
    dd_forge_single(dd_take(event), ret);
    return 0;
}

static const char *const media_types[] = {"application/json", NULL};

const dd_sender dd_sender_gitlab = {
    .kind = "gitlab",
    .trust = DD_TRUST_SIGNED,
    .media_types = media_types,
    .verify = verify,
    .normalise = normalise,
    .check = check,
    .trust_of = trust_of,
};
