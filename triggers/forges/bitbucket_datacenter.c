/* Bitbucket Data Center (and Server): signed by HMAC-SHA256 over the raw body. A push may change several
 * refs, and names no paths; older releases do not say where the repository is cloned from (senders[].url).
 * Format: https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html */
#include "forge.h"

#include <ctype.h>
#include <string.h>

static int verify(const dd_sender_settings *settings, const dd_delivery *delivery, dd_error **err)
{
    return dd_auth_hmac(settings, delivery, "X-Hub-Signature", "sha256=", delivery->body,
                        delivery->body_length, err);
}

/* ---- What all events say alike ---- */

/* The http address among the links, NULL where there is none. */
static int read_clone_link(const dd_json *repository, const char *path, const char **ret, dd_error **err)
{
    const dd_json *links, *list = NULL, *entry;
    size_t i;
    *ret = NULL;
    if (dd_body_object(repository, path, "links", DD_OPTIONAL, &links, err) < 0 ||
        (links && dd_body_array(links, "links", "clone", DD_OPTIONAL, &list, err) < 0))
        return -1;
    DD_JSON_ITEMS(list, i, entry)
    {
        const dd_json *name = dd_json_get(entry, "name");
        if (dd_json_is(name, DD_JSON_STRING) && dd_str_eq(dd_json_text(name), "http"))
            return dd_body_text(entry, "links.clone[]", "href", DD_REQUIRED, DD_FORGE_URL_BYTES, ret, err);
    }
    return 0;
}

static char *made_address(const dd_sender_settings *settings, const char *key, const char *slug)
{
    dd_auto_str project = dd_strdup(key);
    for (char *c = project; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return settings->url ? dd_sprintf("%s/%s/%s.git", settings->url, project, slug) : NULL;
}

/* "KEY/slug", as its pages are called. */
static int read_name(const dd_json *repository, const char *path, const char **ret_key, const char **ret_slug,
                     dd_error **err)
{
    const dd_json *project;
    dd_auto_str project_path = dd_sprintf("%s.project", path);
    if (dd_body_text(repository, path, "slug", DD_REQUIRED, DD_FORGE_NAME_BYTES, ret_slug, err) < 0 ||
        dd_body_object(repository, path, "project", DD_REQUIRED, &project, err) < 0)
        return -1;
    return dd_body_text(project, project_path, "key", DD_REQUIRED, DD_FORGE_NAME_BYTES, ret_key, err);
}

static int read_repository(const dd_sender_settings *settings, const dd_json *repository, const char *path,
                           dd_event *event, dd_error **err)
{
    const char *key, *slug, *link;
    if (read_name(repository, path, &key, &slug, err) < 0 ||
        read_clone_link(repository, path, &link, err) < 0)
        return -1;
    dd_auto_str name = dd_sprintf("%s/%s", key, slug);
    dd_auto_str made = link ? NULL : made_address(settings, key, slug);
    return dd_forge_repository(event, path, name, link ? link : made, err);
}

static int read_actor(const dd_json *body, dd_event *event, dd_error **err)
{
    const dd_json *actor;
    return dd_body_object(body, "", "actor", DD_OPTIONAL, &actor, err) < 0
               ? -1
               : dd_forge_actor(event, actor, "actor", "name", "id", err);
}

/* ---- repo:refs_changed ---- */

/* Newer releases bring the commits, and the newest one by itself. */
static int read_message(const dd_json *body, dd_event *event, dd_error **err)
{
    const dd_json *newest, *commits;
    if (dd_body_object(body, "", "toCommit", DD_OPTIONAL, &newest, err) < 0 ||
        dd_body_array(body, "", "commits", DD_OPTIONAL, &commits, err) < 0)
        return -1;
    const dd_json *id = dd_json_get(newest, "id");
    bool is_this = dd_json_is(id, DD_JSON_STRING) && dd_str_eq(dd_json_text(id), event->after);
    return dd_forge_commit_words(event, is_this ? newest : dd_forge_find_commit(commits, "id", event->after),
                                 "toCommit", "message", "name", err);
}

static int read_change(const dd_json *change, const dd_json *body, size_t index, dd_event *event,
                       dd_error **err)
{
    const dd_json *ref;
    const char *name;
    dd_auto_str path = dd_sprintf("changes[%zu]", index);
    dd_auto_str ref_path = dd_sprintf("%s.ref", path);
    if (!dd_json_is(change, DD_JSON_OBJECT))
        return dd_fail(err, DD_ERR_INVALID, "%s: must be an object", path);
    if (dd_body_object(change, path, "ref", DD_REQUIRED, &ref, err) < 0 ||
        dd_body_text(ref, ref_path, "id", DD_REQUIRED, DD_FORGE_REF_BYTES, &name, err) < 0 ||
        dd_forge_ref(event, ref_path, name, err) < 0 ||
        dd_forge_commit(change, path, "fromHash", DD_REQUIRED, &event->before, err) < 0 ||
        dd_forge_commit(change, path, "toHash", DD_REQUIRED, &event->after, err) < 0 ||
        read_message(body, event, err) < 0)
        return -1;
    dd_forge_settle_push(event);
    return 0;
}

static int read_push(const dd_sender_settings *settings, const dd_json *body, dd_event *first,
                     dd_events *events, dd_error **err)
{
    const dd_json *repository, *changes;
    if (dd_body_object(body, "", "repository", DD_REQUIRED, &repository, err) < 0 ||
        read_repository(settings, repository, "repository", first, err) < 0 ||
        read_actor(body, first, err) < 0 ||
        dd_body_array(body, "", "changes", DD_REQUIRED, &changes, err) < 0)
        return -1;
    return dd_forge_changes(settings, first, changes, read_change, body, events, err);
}

/* ---- pr:… ---- */

static int read_side(const dd_json *request, const char *which, char **ret_commit, const char **ret_branch,
                     const dd_json **ret_repository, dd_error **err)
{
    static const char heads[] = "refs/heads/";
    const dd_json *side;
    const char *ref;
    dd_auto_str path = dd_sprintf("pullRequest.%s", which);
    if (dd_body_object(request, "pullRequest", which, DD_REQUIRED, &side, err) < 0 ||
        dd_forge_commit(side, path, "latestCommit", DD_REQUIRED, ret_commit, err) < 0 ||
        dd_body_text(side, path, "id", DD_REQUIRED, DD_FORGE_REF_BYTES, &ref, err) < 0 ||
        dd_body_object(side, path, "repository", DD_REQUIRED, ret_repository, err) < 0)
        return -1;
    if (!dd_str_starts(ref, heads))
        return dd_fail(err, DD_ERR_INVALID, "%s.id: must be a branch's ref", path);
    *ret_branch = ref + strlen(heads);
    return 0;
}

static int read_sides(const dd_sender_settings *settings, const dd_json *request, dd_event *event,
                      dd_error **err)
{
    const dd_json *base_repository, *head_repository;
    const char *base, *head, *key, *slug;
    if (read_side(request, "toRef", &event->before, &base, &base_repository, err) < 0 ||
        read_side(request, "fromRef", &event->after, &head, &head_repository, err) < 0 ||
        dd_forge_branches(event, "pullRequest", base, head, err) < 0 ||
        read_repository(settings, base_repository, "pullRequest.toRef.repository", event, err) < 0 ||
        read_name(head_repository, "pullRequest.fromRef.repository", &key, &slug, err) < 0)
        return -1;
    dd_auto_str base_id = dd_forge_id(base_repository, "id");
    dd_auto_str head_id = dd_forge_id(head_repository, "id");
    dd_auto_str name = dd_sprintf("%s/%s", key, slug);
    dd_forge_fork(event, base_id, head_id);
    if (dd_is_plain_word(name))
        event->head_repository = dd_take(name);
    return 0;
}

static int read_author(const dd_json *request, dd_event *event, dd_error **err)
{
    const dd_json *author, *user = NULL;
    const char *name = NULL;
    if (dd_body_object(request, "pullRequest", "author", DD_OPTIONAL, &author, err) < 0 ||
        (author && dd_body_object(author, "pullRequest.author", "user", DD_OPTIONAL, &user, err) < 0) ||
        (user && dd_body_text(user, "pullRequest.author.user", "name", DD_OPTIONAL, DD_FORGE_NAME_BYTES,
                              &name, err) < 0))
        return -1;
    event->author = dd_plain_line(name, DD_FORGE_NAME_BYTES);
    return 0;
}

static int read_request(const dd_sender_settings *settings, const char *key, const dd_json *body,
                        dd_event *event, dd_error **err)
{
    static const char *const code_keys[] = {"pr:opened", "pr:reopened", "pr:from_ref_updated"};
    static const char at[] = "pullRequest";
    const dd_json *request;
    const char *title;
    if (dd_body_object(body, "", at, DD_REQUIRED, &request, err) < 0 ||
        dd_forge_number(event, request, at, "id", "refs/pull-requests/%lld/from", err) < 0 ||
        read_sides(settings, request, event, err) < 0 || read_actor(body, event, err) < 0 ||
        dd_body_text(request, at, "title", DD_OPTIONAL, DD_FORGE_TEXT_BYTES, &title, err) < 0 ||
        dd_body_flag(request, at, "draft", &event->draft, err) < 0 || read_author(request, event, err) < 0)
        return -1;
    dd_forge_title(event, title);
    dd_forge_settle_request(event, key, code_keys, DD_COUNT(code_keys));
    return 0;
}

/* ---- All events ---- */

static int read_events(const dd_sender_settings *settings, const char *key, const dd_json *body,
                       dd_event *first, dd_events *events, dd_error **err)
{
    if (dd_str_eq(key, "repo:refs_changed"))
        return read_push(settings, body, first, events, err);
    dd_event *event = dd_forge_another(settings, first, 0);
    dd_events_add(events, event);
    if (dd_str_eq(key, "diagnostics:ping")) {
        event->kind = DD_EVENT_PING;
        return 0;
    }
    for (const char *const *known =
             (const char *const[]){"pr:opened", "pr:reopened", "pr:from_ref_updated", "pr:modified",
                                   "pr:merged", "pr:declined", "pr:deleted", NULL};
         *known; known++)
        if (dd_str_eq(key, *known))
            return read_request(settings, key, body, event, err);
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
        dd_forge_event(settings, delivery, "X-Request-Id", &first, err) < 0 ||
        read_events(settings, key, body, first, events, err) < 0)
        return -1;
    *ret = dd_take(events);
    return 0;
}

static const char *const media_types[] = {"application/json", NULL};

const dd_sender dd_sender_bitbucket_datacenter = {
    .kind = "bitbucket-datacenter",
    .trust = DD_TRUST_SIGNED,
    .media_types = media_types,
    .verify = verify,
    .normalise = normalise,
};
