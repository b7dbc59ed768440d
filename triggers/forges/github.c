/* GitHub's webhooks, and those of GitHub Enterprise: signed by HMAC-SHA256 over the raw body.
 * Format: https://docs.github.com/webhooks/webhook-events-and-payloads
 * Signature: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries */
#include "forge.h"

#define COMMITS_MAX 2048 /* GitHub lists no more: a list this long may be cut */

/* X-Hub-Signature (SHA-1) is never looked at. The signature covers a form as it came, too. */
static int verify(const dd_sender_settings *settings, const dd_delivery *delivery, dd_error **err)
{
    return dd_auth_hmac(settings, delivery, "X-Hub-Signature-256", "sha256=", delivery->body,
                        delivery->body_length, err);
}

/* Unknown is not "none": a new branch on an existing commit lists no commits, a forced push lists what was
 * added but not what went, and a long list may have been cut. */
static int read_changed_paths(const dd_json *body, dd_event *event, dd_error **err)
{
    const dd_json *commits;
    bool created = false, deleted = false;
    if (dd_body_array(body, "", "commits", DD_OPTIONAL, &commits, err) < 0 ||
        dd_body_flag(body, "", "forced", &event->forced, err) < 0 ||
        dd_body_flag(body, "", "created", &created, err) < 0 ||
        dd_body_flag(body, "", "deleted", &deleted, err) < 0)
        return -1;
    if (deleted && !dd_commit_is_zero(event->after))
        return dd_fail(err, DD_ERR_INVALID, "deleted: the ref is gone, but 'after' is a commit");
    bool complete = dd_json_count(commits) < COMMITS_MAX && !event->forced && dd_json_get(body, "forced");
    return dd_forge_changed_paths(event, commits, complete, err);
}

static int read_push(const dd_json *body, dd_event *event, dd_error **err)
{
    const dd_json *head;
    if (dd_hub_push(body, event, err) < 0 ||
        dd_body_object(body, "", "head_commit", DD_OPTIONAL, &head, err) < 0 ||
        dd_forge_commit_words(event, head, "head_commit", "message", "name", err) < 0 ||
        read_changed_paths(body, event, err) < 0)
        return -1;
    dd_forge_settle_push(event);
    return 0;
}

static int read_pull_request(const dd_json *body, dd_event *event, dd_error **err)
{
    /* Labels, titles and reviews bring no code. */
    static const char *const code_actions[] = {"opened", "reopened", "ready_for_review", "synchronize"};
    return dd_hub_pull_request(body, code_actions, DD_COUNT(code_actions), event, err);
}

static int read_ping(const dd_json *body, dd_event *event, dd_error **err)
{
    /* Hooks of an organization or an app name no repository. */
    if (dd_hub_repository(body, DD_OPTIONAL, event, err) < 0 || dd_hub_actor(body, event, err) < 0)
        return -1;
    event->kind = DD_EVENT_PING;
    return 0;
}

/* How each event is read; `why` for those with nothing to do. */
static const struct rule {
    const char *event;
    int (*read)(const dd_json *body, dd_event *event, dd_error **err);
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
    {"package", NULL, "a sender of the kind ghcr reads what the registry says"},
    {"registry_package", NULL, "a sender of the kind ghcr reads what the registry says"},
};

static int read_event(const char *name, const dd_json *body, dd_event *event, dd_error **err)
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

static int normalise(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     dd_error **err)
{
    const char *name;
    dd_auto(dd_json_document) document = NULL;
    const dd_json *body;
    dd_auto(dd_event) event = NULL;
    if (dd_delivery_one(delivery, "X-GitHub-Event", &name, err) < 0 ||
        dd_forge_body(delivery, &document, &body, err) < 0 ||
        dd_forge_event(settings, delivery, "X-GitHub-Delivery", &event, err) < 0 ||
        read_event(name, body, event, err) < 0)
        return -1;
    dd_forge_single(dd_take(event), ret);
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
