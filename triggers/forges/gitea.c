/* Gitea, and what came of it and before it: Forgejo and Gogs. One form, three rows; signed by HMAC-SHA256
 * over the JSON text, also where that stands in a form. Formats: https://docs.gitea.com/usage/webhooks,
 * https://forgejo.org/docs/latest/user/webhooks/, https://github.com/gogs/docs-api (Repositories, Webhooks)
 */
#include "forge.h"

#include <string.h>
#include <strings.h>

/* Where the number of commits is not told, a list this long may be cut (5 in the oldest releases). */
#define COMMITS_SURE 5

/* What tells the three apart; headers also come under the names of those before, for old receivers. */
typedef struct family {
    const char *header;   /* before -Event, -Delivery, -Signature */
    const char *ancestor; /* an older release of it may know only this; NULL: none */
    bool tags_by_create;  /* a new tag comes as `create` alone */
    bool bare_requests;   /* pull requests name no commits */
} family;

static const family gitea = {"X-Gitea", NULL, false, false};
static const family forgejo = {"X-Forgejo", "X-Gitea", false, false};
static const family gogs = {"X-Gogs", NULL, true, true};

static const family *family_of(const dd_sender_settings *settings)
{
    if (dd_str_eq(settings->kind, "gitea"))
        return &gitea;
    return dd_str_eq(settings->kind, "forgejo") ? &forgejo : &gogs;
}

/* The headers' prefix in this delivery: all are read under one name, so that no part of it is another's. */
static const char *prefix_of(const family *of, const dd_delivery *delivery)
{
    bool twice;
    dd_auto_str name = dd_sprintf("%s-Event", of->header);
    return !of->ancestor || dd_delivery_header(delivery, name, &twice) || twice ? of->header : of->ancestor;
}

/* Without a secret the headers are still sent, with nothing in them: that is no signature. */
static int verify(const dd_sender_settings *settings, const dd_delivery *delivery, dd_error **err)
{
    dd_auto(dd_buf) form = NULL;
    const char *text;
    size_t length;
    dd_auto_str name = dd_sprintf("%s-Signature", prefix_of(family_of(settings), delivery));
    if (delivery->head_only)
        return dd_auth_hmac(settings, delivery, name, "", NULL, 0, err);
    if (dd_forge_json_text(delivery, &form, &text, &length, err) < 0)
        return dd_fail(err, DD_ERR_DENIED, "the form has no payload that could be signed");
    return dd_auth_hmac(settings, delivery, name, "", text, length, err);
}

/* The message is the newest commit's. They come newest first, and old releases have no head_commit. */
static int read_head(const dd_json *body, const dd_json *commits, dd_event *event, dd_error **err)
{
    const dd_json *head;
    if (dd_body_object(body, "", "head_commit", DD_OPTIONAL, &head, err) < 0)
        return -1;
    return dd_forge_commit_words(event, head ? head : dd_forge_find_commit(commits, "id", event->after),
                                 "head_commit", "message", "name", err);
}

/* Nothing tells a forced push from another one. A new ref lists an arbitrary part of its past. */
static int read_changed_paths(const dd_json *body, const dd_json *commits, dd_event *event, dd_error **err)
{
    int64_t total;
    size_t count = dd_json_count(commits);
    if (dd_forge_total(body, "total_commits", &total, err) < 0)
        return -1;
    bool complete = total < 0 ? count < COMMITS_SURE : (uint64_t)total == count;
    return dd_forge_changed_paths(event, commits, complete && !dd_commit_is_zero(event->before), err);
}

static int read_push(const family *of, const dd_json *body, dd_event *event, dd_error **err)
{
    const dd_json *commits;
    (void)of;
    if (dd_hub_push(body, event, err) < 0 ||
        dd_body_array(body, "", "commits", DD_OPTIONAL, &commits, err) < 0 ||
        read_head(body, commits, event, err) < 0 || read_changed_paths(body, commits, event, err) < 0)
        return -1;
    dd_forge_settle_push(event);
    return 0;
}

/* `create` and `delete` name a ref by its last part and its kind. */
static int read_short_ref(const dd_json *body, dd_event *event, dd_error **err)
{
    const char *name, *type;
    if (dd_body_text(body, "", "ref", DD_REQUIRED, DD_FORGE_NAME_BYTES, &name, err) < 0 ||
        dd_body_text(body, "", "ref_type", DD_REQUIRED, DD_FORGE_NAME_BYTES, &type, err) < 0)
        return -1;
    if (!dd_str_eq(type, "branch") && !dd_str_eq(type, "tag"))
        return dd_fail(err, DD_ERR_INVALID, "ref_type: must be branch or tag");
    dd_auto_str ref = dd_sprintf("refs/%s/%s", dd_str_eq(type, "tag") ? "tags" : "heads", name);
    return dd_forge_ref(event, "ref", ref, err);
}

/* A new branch is pushed too, and only the push knows its paths. A tag's two events mean the same, so that
 * the second makes no run; where they are chosen one by one in the hook, either is enough. */
static int read_create(const family *of, const dd_json *body, dd_event *event, dd_error **err)
{
    if (read_short_ref(body, event, err) < 0 || dd_hub_repository(body, DD_REQUIRED, event, err) < 0 ||
        dd_hub_actor(body, event, err) < 0 ||
        dd_forge_commit(body, "", "sha", of->tags_by_create && event->tag ? DD_REQUIRED : DD_OPTIONAL,
                        &event->after, err) < 0)
        return -1;
    if (event->branch || !event->after) {
        dd_event_ignore(event, "create: the push event says the same");
        return 0;
    }
    if (dd_commit_is_zero(event->after))
        return dd_fail(err, DD_ERR_INVALID, "sha: what was made is no commit");
    event->before = dd_forge_zeros(event->after);
    event->kind = DD_EVENT_TAG;
    return 0;
}

static int read_delete(const family *of, const dd_json *body, dd_event *event, dd_error **err)
{
    (void)of;
    if (read_short_ref(body, event, err) < 0 || dd_hub_repository(body, DD_REQUIRED, event, err) < 0 ||
        dd_hub_actor(body, event, err) < 0)
        return -1;
    event->after = dd_forge_zeros(NULL);
    event->kind = DD_EVENT_DELETE;
    return 0;
}

static int read_pull_request(const family *of, const dd_json *body, dd_event *event, dd_error **err)
{
    static const char *const code_actions[] = {"opened", "reopened", "synchronized", "ready_for_review"};
    /* Older releases have no other sign of it. */
    static const char *const draft_titles[] = {"WIP:", "[WIP]"};
    if (of->bare_requests) {
        dd_event_ignore(event, "pull_request: it names no commits");
        return 0;
    }
    if (dd_hub_pull_request(body, code_actions, DD_COUNT(code_actions), event, err) < 0)
        return -1;
    for (size_t i = 0; i < DD_COUNT(draft_titles); i++)
        event->draft = event->draft || (event->message && strncasecmp(event->message, draft_titles[i],
                                                                      strlen(draft_titles[i])) == 0);
    return 0;
}

static const struct rule {
    const char *event;
    int (*read)(const family *of, const dd_json *body, dd_event *event, dd_error **err);
} rules[] = {
    {"push", read_push},
    {"create", read_create},
    {"delete", read_delete},
    {"pull_request", read_pull_request},
};

static int read_event(const family *of, const char *name, const dd_json *body, dd_event *event,
                      dd_error **err)
{
    for (size_t i = 0; i < DD_COUNT(rules); i++)
        if (dd_str_eq(name, rules[i].event))
            return rules[i].read(of, body, event, err);
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
    const family *of = family_of(settings);
    dd_auto_str event_header = dd_sprintf("%s-Event", prefix_of(of, delivery));
    dd_auto_str id_header = dd_sprintf("%s-Delivery", prefix_of(of, delivery));
    if (dd_delivery_one(delivery, event_header, &name, err) < 0 ||
        dd_forge_body(delivery, &document, &body, err) < 0 ||
        dd_forge_event(settings, delivery, id_header, &event, err) < 0 ||
        read_event(of, name, body, event, err) < 0)
        return -1;
    dd_forge_single(dd_take(event), ret);
    return 0;
}

static const char *const media_types[] = {"application/json", "application/x-www-form-urlencoded", NULL};

const dd_sender dd_sender_gitea = {
    .kind = "gitea",
    .trust = DD_TRUST_SIGNED,
    .media_types = media_types,
    .verify = verify,
    .normalise = normalise,
};

const dd_sender dd_sender_forgejo = {
    .kind = "forgejo",
    .trust = DD_TRUST_SIGNED,
    .media_types = media_types,
    .verify = verify,
    .normalise = normalise,
};

const dd_sender dd_sender_gogs = {
    .kind = "gogs",
    .trust = DD_TRUST_SIGNED,
    .media_types = media_types,
    .verify = verify,
    .normalise = normalise,
};
