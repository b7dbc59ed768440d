/* Bitbucket Cloud: signed by HMAC-SHA256 over the raw body. A push may change several refs, and names no
 * paths. Format: https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/ */
#include "forge.h"

#include <stdlib.h>
#include <string.h>

/* X-Hub-Signature is SHA-256 here; "sha1=", as others send under that name, is none. */
static int verify(const dd_sender_settings *settings, const dd_delivery *delivery, dd_error **err)
{
    return dd_auth_hmac(settings, delivery, "X-Hub-Signature", "sha256=", delivery->body,
                        delivery->body_length, err);
}

/* ---- What all events say alike ---- */

/* The address of a page, from which that to clone from is made; NULL where it is not told. */
static int read_page(const dd_json *object, const char *path, const char **ret, dd_error **err)
{
    const dd_json *links, *html = NULL;
    *ret = NULL;
    if (dd_body_object(object, path, "links", DD_REQUIRED, &links, err) < 0 ||
        dd_body_object(links, "links", "html", DD_REQUIRED, &html, err) < 0)
        return -1;
    return dd_body_text(html, "links.html", "href", DD_REQUIRED, DD_FORGE_URL_BYTES, ret, err);
}

static int read_repository(const dd_json *body, dd_event *event, dd_error **err)
{
    static const char at[] = "repository";
    const dd_json *repository, *main_branch;
    const char *name, *page, *branch = NULL;
    if (dd_body_object(body, "", at, DD_REQUIRED, &repository, err) < 0 ||
        dd_body_text(repository, at, "full_name", DD_REQUIRED, DD_FORGE_NAME_BYTES, &name, err) < 0 ||
        read_page(repository, at, &page, err) < 0 ||
        dd_body_object(repository, at, "mainbranch", DD_OPTIONAL, &main_branch, err) < 0 ||
        (main_branch && dd_body_text(main_branch, "repository.mainbranch", "name", DD_OPTIONAL,
                                     DD_FORGE_NAME_BYTES, &branch, err) < 0))
        return -1;
    dd_auto_str url = dd_sprintf("%s.git", page);
    if (dd_forge_repository(event, at, name, url, err) < 0)
        return -1;
    dd_forge_default_branch(event, branch);
    return 0;
}

/* Names may be changed and are left out of newer bodies; the uuid stays. */
static int read_actor(const dd_json *body, dd_event *event, dd_error **err)
{
    const dd_json *actor;
    if (dd_body_object(body, "", "actor", DD_OPTIONAL, &actor, err) < 0 ||
        dd_forge_actor(event, actor, "actor", "nickname", "uuid", err) < 0)
        return -1;
    return dd_forge_actor(event, actor, "actor", "username", "account_id", err);
}

/* ---- repo:push ---- */

typedef struct side {
    const char *name, *type;
    char *commit;
    const dd_json *target;
} side;

static int read_ref_side(const dd_json *change, const char *path, const char *which, side *ret,
                         dd_error **err)
{
    const dd_json *object, *target;
    dd_auto_str at = dd_sprintf("%s.%s", path, which);
    dd_auto_str target_at = dd_sprintf("%s.target", at);
    *ret = (side){0};
    if (dd_body_object(change, path, which, DD_OPTIONAL, &object, err) < 0)
        return -1;
    if (!object)
        return 0;
    if (dd_body_text(object, at, "name", DD_REQUIRED, DD_FORGE_NAME_BYTES, &ret->name, err) < 0 ||
        dd_body_text(object, at, "type", DD_REQUIRED, DD_FORGE_NAME_BYTES, &ret->type, err) < 0 ||
        dd_body_object(object, at, "target", DD_REQUIRED, &target, err) < 0 ||
        dd_forge_commit(target, target_at, "hash", DD_REQUIRED, &ret->commit, err) < 0)
        return -1;
    if (dd_commit_is_zero(ret->commit))
        return dd_fail(err, DD_ERR_INVALID, "%s.hash: a ref that is there has a commit", target_at);
    ret->target = target;
    return 0;
}

/* Bookmarks and what else there may be are no refs of git. */
static const char *prefix_of(const char *type)
{
    if (dd_str_eq(type, "branch"))
        return "refs/heads/";
    return dd_str_eq(type, "tag") || dd_str_eq(type, "annotated_tag") ? "refs/tags/" : NULL;
}

/* The new side, or the old one of a ref that is gone; a missing side is zeros. */
static int settle_change(const side *old, const side *new, const char *path, dd_event *event, dd_error **err)
{
    const side *there = new->name ? new : old;
    const char *prefix = there->type ? prefix_of(there->type) : NULL;
    if (!there->name)
        return dd_fail(err, DD_ERR_INVALID, "%s: it has neither an old nor a new side", path);
    if (!prefix) {
        dd_event_ignore(event, "the change is neither of a branch nor of a tag");
        return 0;
    }
    dd_auto_str ref = dd_sprintf("%s%s", prefix, there->name);
    if (dd_forge_ref(event, path, ref, err) < 0)
        return -1;
    event->before = old->commit ? dd_strdup(old->commit) : dd_forge_zeros(new->commit);
    event->after = new->commit ? dd_strdup(new->commit) : dd_forge_zeros(old->commit);
    dd_forge_settle_push(event);
    return 0;
}

static int read_change(const dd_json *change, const dd_json *context, size_t index, dd_event *event,
                       dd_error **err)
{
    (void)context;
    side old = {0}, new = {0};
    dd_auto_str path = dd_sprintf("push.changes[%zu]", index);
    dd_auto_str target_path = dd_sprintf("%s.new.target", path);
    int result = -1;
    if (!dd_json_is(change, DD_JSON_OBJECT))
        return dd_fail(err, DD_ERR_INVALID, "%s: must be an object", path);
    if (read_ref_side(change, path, "old", &old, err) == 0 &&
        read_ref_side(change, path, "new", &new, err) == 0 &&
        dd_body_flag(change, path, "forced", &event->forced, err) == 0 &&
        dd_forge_commit_words(event, new.target, target_path, "message", "raw", err) == 0)
        result = settle_change(&old, &new, path, event, err);
    free(old.commit);
    free(new.commit);
    return result;
}

static int read_push(const dd_sender_settings *settings, const dd_json *body, dd_event *first,
                     dd_events *events, dd_error **err)
{
    const dd_json *push, *changes;
    if (dd_body_object(body, "", "push", DD_REQUIRED, &push, err) < 0 ||
        dd_body_array(push, "push", "changes", DD_REQUIRED, &changes, err) < 0 ||
        read_repository(body, first, err) < 0 || read_actor(body, first, err) < 0)
        return -1;
    return dd_forge_changes(settings, first, changes, read_change, NULL, events, err);
}

/* ---- pullrequest:… ---- */

/* Commits of requests are cut to 12 digits; whoever fetches the branch finds the whole. */
static int read_short_commit(const dd_json *object, const char *path, char **ret, dd_error **err)
{
    static const char digits[] = "0123456789abcdef";
    const dd_json *commit;
    const char *hash;
    if (dd_body_object(object, path, "commit", DD_REQUIRED, &commit, err) < 0 ||
        dd_body_text(commit, "commit", "hash", DD_REQUIRED, DD_FORGE_NAME_BYTES, &hash, err) < 0)
        return -1;
    size_t length = strlen(hash);
    if (length < 12 || length > 64 || strspn(hash, digits) != length || strspn(hash, "0") == length)
        return dd_fail(err, DD_ERR_INVALID, "%s.commit.hash: must be a commit id of 12 digits or more", path);
    *ret = dd_strdup(hash);
    return 0;
}

/* *ret_id and *ret_name are of the side's repository, NULL where it is gone. */
static int read_request_side(const dd_json *request, const char *which, char **ret_commit,
                             const char **ret_branch, char **ret_id, char **ret_name, dd_error **err)
{
    const dd_json *object, *branch, *repository;
    const char *name = NULL;
    dd_auto_str path = dd_sprintf("pullrequest.%s", which);
    if (dd_body_object(request, "pullrequest", which, DD_REQUIRED, &object, err) < 0 ||
        read_short_commit(object, path, ret_commit, err) < 0 ||
        dd_body_object(object, path, "branch", DD_REQUIRED, &branch, err) < 0 ||
        dd_body_text(branch, path, "name", DD_REQUIRED, DD_FORGE_NAME_BYTES, ret_branch, err) < 0 ||
        dd_body_object(object, path, "repository", DD_OPTIONAL, &repository, err) < 0 ||
        (repository &&
         dd_body_text(repository, path, "full_name", DD_OPTIONAL, DD_FORGE_NAME_BYTES, &name, err) < 0))
        return -1;
    *ret_id = dd_forge_id(repository, "uuid");
    *ret_name = name && dd_is_plain_word(name) ? dd_strdup(name) : NULL;
    return 0;
}

static int read_sides(const dd_json *request, dd_event *event, dd_error **err)
{
    const char *base, *head;
    dd_auto_str base_id = NULL;
    dd_auto_str head_id = NULL;
    dd_auto_str base_name = NULL;
    if (read_request_side(request, "destination", &event->before, &base, &base_id, &base_name, err) < 0 ||
        read_request_side(request, "source", &event->after, &head, &head_id, &event->head_repository, err) <
            0 ||
        dd_forge_branches(event, "pullrequest", base, head, err) < 0)
        return -1;
    dd_forge_fork(event, base_id, head_id);
    return 0;
}

/* There is no ref of a request's own. What is to be built is a branch of this repository, or it cannot be
 * fetched from where the task says. */
static void settle_request(const char *key, dd_event *event)
{
    static const char *const code_keys[] = {"pullrequest:created", "pullrequest:updated"};
    free(event->ref);
    event->ref = dd_sprintf("refs/heads/%s", event->head_branch);
    dd_forge_settle_request(event, key, code_keys, DD_COUNT(code_keys));
    if (event->kind == DD_EVENT_PULL_REQUEST && event->fork)
        dd_event_ignore(
            event, "the request's branch is of a fork, and Bitbucket keeps no ref of it in this repository");
}

static int read_request(const char *key, const dd_json *body, dd_event *event, dd_error **err)
{
    static const char at[] = "pullrequest";
    const dd_json *request, *author;
    const char *title, *name = NULL;
    if (dd_body_object(body, "", at, DD_REQUIRED, &request, err) < 0 ||
        dd_forge_number(event, request, at, "id", "%lld", err) < 0 || read_sides(request, event, err) < 0 ||
        dd_body_text(request, at, "title", DD_OPTIONAL, DD_FORGE_TEXT_BYTES, &title, err) < 0 ||
        dd_body_flag(request, at, "draft", &event->draft, err) < 0 ||
        dd_body_object(request, at, "author", DD_OPTIONAL, &author, err) < 0 ||
        (author && dd_body_text(author, "pullrequest.author", "display_name", DD_OPTIONAL,
                                DD_FORGE_NAME_BYTES, &name, err) < 0) ||
        read_repository(body, event, err) < 0 || read_actor(body, event, err) < 0)
        return -1;
    dd_forge_title(event, title);
    event->author = dd_plain_line(name, DD_FORGE_NAME_BYTES);
    settle_request(key, event);
    return 0;
}

/* ---- All events ---- */

static int read_events(const dd_sender_settings *settings, const char *key, const dd_json *body,
                       dd_event *first, dd_events *events, dd_error **err)
{
    if (dd_str_eq(key, "repo:push"))
        return read_push(settings, body, first, events, err);
    dd_event *event = dd_forge_another(settings, first, 0);
    dd_events_add(events, event);
    for (const char *const *known =
             (const char *const[]){"pullrequest:created", "pullrequest:updated", "pullrequest:fulfilled",
                                   "pullrequest:rejected", NULL};
         *known; known++)
        if (dd_str_eq(key, *known))
            return read_request(key, body, event, err);
    dd_auto_str shown = dd_plain_line(key, 40);
    dd_event_ignore(event, "nothing is done for the event '%s'", shown);
    return 0;
}

static int normalise(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     dd_error **err)
{
    const char *key;
    dd_auto(dd_json_document) document = NULL;
    const dd_json *body;
    dd_auto(dd_event) first = NULL;
    dd_auto(dd_events) events = dd_new(dd_events);
    if (dd_delivery_one(delivery, "X-Event-Key", &key, err) < 0 ||
        dd_forge_body(delivery, &document, &body, err) < 0 ||
        dd_forge_event(settings, delivery, "X-Request-UUID", &first, err) < 0 ||
        read_events(settings, key, body, first, events, err) < 0)
        return -1;
    *ret = dd_take(events);
    return 0;
}

static const char *const media_types[] = {"application/json", NULL};

const dd_sender dd_sender_bitbucket = {
    .kind = "bitbucket",
    .trust = DD_TRUST_SIGNED,
    .media_types = media_types,
    .verify = verify,
    .normalise = normalise,
};
