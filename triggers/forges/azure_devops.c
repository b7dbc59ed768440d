/* Azure DevOps' service hooks: nothing is signed, a password comes with them. A push may change several refs,
 * and names no paths.
 * Format: https://learn.microsoft.com/azure/devops/service-hooks/events */
#include "forge.h"

#include <string.h>
#include <strings.h>

/* ---- Authenticity ---- */

/* A secret is the password of HTTP's Basic scheme, whoever the name says; auth.username asks for both. */
static int verify(const dd_sender_settings *settings, const dd_delivery *delivery, dd_error **err)
{
    static const char scheme[] = "Basic ";
    bool twice;
    dd_auto(dd_buf) pair = dd_buf_new();
    const char *given = dd_delivery_header(delivery, "Authorization", &twice);
    if (!given || strncasecmp(given, scheme, strlen(scheme)) != 0)
        return dd_fail(err, DD_ERR_DENIED, "the header Authorization %s",
                       twice ? "stands twice" : "is not there, or not of the Basic scheme");
    given += strlen(scheme);
    const char *colon =
        dd_base64_decode(given, strlen(given), pair) ? memchr(pair->data, ':', pair->length) : NULL;
    if (!colon ||
        !dd_auth_matches(colon + 1, pair->length - (size_t)(colon + 1 - pair->data), &settings->secrets))
        return dd_fail(err, DD_ERR_DENIED, "the password is not the configured one");
    return 0;
}

/* ---- What all events say alike ---- */

/* Names may have spaces; in an event they are as in the address. */
static void add_name(dd_buf *text, const char *name)
{
    for (; *name; name++)
        if (*name == ' ')
            dd_buf_add_str(text, "%20");
        else
            dd_buf_add_char(text, *name);
}

/* The address without who is to ask: "https://somebody@dev.azure.com/…". */
static char *address_of(const char *url)
{
    const char *host = strstr(url, "://");
    size_t scheme = host ? (size_t)(host - url) + strlen("://") : 0;
    size_t user = strcspn(url + scheme, "@/");
    return url[scheme + user] == '@' ? dd_sprintf("%.*s%s", (int)scheme, url, url + scheme + user + 1)
                                     : dd_strdup(url);
}

static int read_repository(const dd_json *resource, dd_event *event, dd_error **err)
{
    static const char at[] = "resource.repository";
    const dd_json *repository, *project;
    const char *name, *project_name, *url, *branch;
    dd_auto(dd_buf) full = dd_buf_new();
    if (dd_body_object(resource, "resource", "repository", DD_REQUIRED, &repository, err) < 0 ||
        dd_body_text(repository, at, "name", DD_REQUIRED, DD_FORGE_NAME_BYTES, &name, err) < 0 ||
        dd_body_object(repository, at, "project", DD_REQUIRED, &project, err) < 0 ||
        dd_body_text(project, "resource.repository.project", "name", DD_REQUIRED, DD_FORGE_NAME_BYTES,
                     &project_name, err) < 0 ||
        dd_body_text(repository, at, "remoteUrl", DD_REQUIRED, DD_FORGE_URL_BYTES, &url, err) < 0 ||
        dd_body_text(repository, at, "defaultBranch", DD_OPTIONAL, DD_FORGE_REF_BYTES, &branch, err) < 0)
        return -1;
    add_name(full, project_name);
    dd_buf_add_char(full, '/');
    add_name(full, name);
    dd_auto_str address = address_of(url);
    if (dd_forge_repository(event, at, full->data, address, err) < 0)
        return -1;
    dd_forge_default_branch(event, branch);
    return 0;
}

static int read_person(const dd_json *resource, const char *member, dd_event *event, dd_error **err)
{
    const dd_json *person;
    dd_auto_str path = dd_sprintf("resource.%s", member);
    return dd_body_object(resource, "resource", member, DD_OPTIONAL, &person, err) < 0
               ? -1
               : dd_forge_actor(event, person, path, "uniqueName", "id", err);
}

/* ---- git.push ---- */

static int read_update(const dd_json *update, const dd_json *commits, size_t index, dd_event *event,
                       dd_error **err)
{
    const char *ref;
    dd_auto_str path = dd_sprintf("resource.refUpdates[%zu]", index);
    if (!dd_json_is(update, DD_JSON_OBJECT))
        return dd_fail(err, DD_ERR_INVALID, "%s: must be an object", path);
    if (dd_body_text(update, path, "name", DD_REQUIRED, DD_FORGE_REF_BYTES, &ref, err) < 0 ||
        dd_forge_ref(event, path, ref, err) < 0 ||
        dd_forge_commit(update, path, "oldObjectId", DD_REQUIRED, &event->before, err) < 0 ||
        dd_forge_commit(update, path, "newObjectId", DD_REQUIRED, &event->after, err) < 0 ||
        dd_forge_commit_words(event, dd_forge_find_commit(commits, "commitId", event->after),
                              "resource.commits[]", "comment", "name", err) < 0)
        return -1;
    dd_forge_settle_push(event);
    return 0;
}

static int read_push(const dd_sender_settings *settings, const dd_json *resource, dd_event *first,
                     dd_events *events, dd_error **err)
{
    const dd_json *updates, *commits;
    if (dd_body_array(resource, "resource", "refUpdates", DD_REQUIRED, &updates, err) < 0 ||
        dd_body_array(resource, "resource", "commits", DD_OPTIONAL, &commits, err) < 0 ||
        read_repository(resource, first, err) < 0 || read_person(resource, "pushedBy", first, err) < 0)
        return -1;
    return dd_forge_changes(settings, first, updates, read_update, commits, events, err);
}

/* ---- git.pullrequest.… ---- */

/* NULL where the commit is not told: it is not there until a merge was tried. */
static int read_commit(const dd_json *resource, const char *member, char **ret, dd_error **err)
{
    const dd_json *commit;
    dd_auto_str path = dd_sprintf("resource.%s", member);
    if (dd_body_object(resource, "resource", member, DD_OPTIONAL, &commit, err) < 0)
        return -1;
    return commit ? dd_forge_commit(commit, path, "commitId", DD_REQUIRED, ret, err) : 0;
}

static int read_sides(const dd_json *resource, dd_event *event, dd_error **err)
{
    static const char at[] = "resource", heads[] = "refs/heads/";
    const dd_json *fork;
    const char *base, *head;
    if (dd_body_text(resource, at, "targetRefName", DD_REQUIRED, DD_FORGE_REF_BYTES, &base, err) < 0 ||
        dd_body_text(resource, at, "sourceRefName", DD_REQUIRED, DD_FORGE_REF_BYTES, &head, err) < 0 ||
        dd_body_object(resource, at, "forkSource", DD_OPTIONAL, &fork, err) < 0 ||
        read_commit(resource, "lastMergeTargetCommit", &event->before, err) < 0 ||
        read_commit(resource, "lastMergeSourceCommit", &event->after, err) < 0)
        return -1;
    if (!dd_str_starts(base, heads) || !dd_str_starts(head, heads))
        return dd_fail(err, DD_ERR_INVALID, "resource: the request's two sides must be branches");
    event->fork = fork != NULL;
    return dd_forge_branches(event, at, base + strlen(heads), head + strlen(heads), err);
}

static int read_marks(const dd_json *resource, dd_event *event, dd_error **err)
{
    const dd_json *labels, *author;
    const char *title, *name = NULL;
    if (dd_body_text(resource, "resource", "title", DD_OPTIONAL, DD_FORGE_TEXT_BYTES, &title, err) < 0 ||
        dd_body_flag(resource, "resource", "isDraft", &event->draft, err) < 0 ||
        dd_body_array(resource, "resource", "labels", DD_OPTIONAL, &labels, err) < 0 ||
        dd_forge_labels(event, labels, "resource.labels", "name", err) < 0 ||
        dd_body_object(resource, "resource", "createdBy", DD_OPTIONAL, &author, err) < 0 ||
        (author && dd_body_text(author, "resource.createdBy", "displayName", DD_OPTIONAL, DD_FORGE_NAME_BYTES,
                                &name, err) < 0))
        return -1;
    dd_forge_title(event, title);
    event->author = dd_plain_line(name, DD_FORGE_NAME_BYTES);
    return 0;
}

/* An update may also be a vote or a title: the same commit again makes no second run. */
static int read_request(const dd_sender_settings *settings, const dd_json *resource, dd_event *first,
                        dd_events *events, dd_error **err)
{
    static const char *const code_status[] = {"active"};
    const char *status;
    dd_event *event = dd_forge_another(settings, first, 0);
    dd_events_add(events, event);
    if (dd_forge_number(event, resource, "resource", "pullRequestId", "refs/pull/%lld/merge", err) < 0 ||
        dd_body_text(resource, "resource", "status", DD_REQUIRED, DD_FORGE_NAME_BYTES, &status, err) < 0 ||
        read_repository(resource, event, err) < 0 || read_sides(resource, event, err) < 0 ||
        read_marks(resource, event, err) < 0)
        return -1;
    dd_forge_settle_request(event, status, code_status, DD_COUNT(code_status));
    if (event->kind == DD_EVENT_PULL_REQUEST && !event->after)
        dd_event_ignore(event, "the request's commit is not known yet");
    return 0;
}

/* Who made it is who did it, only here. */
static int read_new_request(const dd_sender_settings *settings, const dd_json *resource, dd_event *first,
                            dd_events *events, dd_error **err)
{
    if (read_person(resource, "createdBy", first, err) < 0)
        return -1;
    return read_request(settings, resource, first, events, err);
}

/* ---- All events ---- */

static const struct rule {
    const char *type;
    const char *detail; /* a member that a subscription of minimal detail leaves out */
    int (*read)(const dd_sender_settings *, const dd_json *resource, dd_event *first, dd_events *,
                dd_error **);
} rules[] = {
    {"git.push", "refUpdates", read_push},
    {"git.pullrequest.created", "sourceRefName", read_new_request},
    {"git.pullrequest.updated", "sourceRefName", read_request},
    {"git.pullrequest.merged", "sourceRefName", read_request},
};

static void ignore(const dd_sender_settings *settings, const dd_event *first, dd_events *events,
                   const char *why, const char *type)
{
    dd_auto_str shown = dd_plain_line(type, 40);
    dd_event *event = dd_forge_another(settings, first, 0);
    dd_event_ignore(event, "%s: %s", shown, why);
    dd_events_add(events, event);
}

static int read_events(const dd_sender_settings *settings, const dd_json *body, dd_event *first,
                       dd_events *events, dd_error **err)
{
    const dd_json *resource;
    const char *type;
    if (dd_body_text(body, "", "eventType", DD_REQUIRED, DD_FORGE_NAME_BYTES, &type, err) < 0)
        return -1;
    for (size_t i = 0; i < DD_COUNT(rules); i++) {
        if (!dd_str_eq(type, rules[i].type))
            continue;
        if (dd_body_object(body, "", "resource", DD_REQUIRED, &resource, err) < 0)
            return -1;
        if (dd_json_get(resource, rules[i].detail))
            return rules[i].read(settings, resource, first, events, err);
        ignore(settings, first, events, "the subscription must send all details of the resource", type);
        return 0;
    }
    ignore(settings, first, events, "nothing is done for such an event", type);
    return 0;
}

/* An event's id is its own, whichever subscriptions it comes by. */
static int normalise(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     dd_error **err)
{
    const char *id;
    dd_auto(dd_json_document) document = NULL;
    const dd_json *body;
    dd_auto(dd_event) first = dd_event_new(DD_EVENT_IGNORED, settings);
    dd_auto(dd_events) events = dd_new(dd_events);
    if (dd_forge_body(delivery, &document, &body, err) < 0 ||
        dd_body_text(body, "", "id", DD_OPTIONAL, DD_FORGE_NAME_BYTES, &id, err) < 0)
        return -1;
    first->delivery = dd_delivery_id(id, delivery, 0);
    if (read_events(settings, body, first, events, err) < 0)
        return -1;
    *ret = dd_take(events);
    return 0;
}

static const char *const media_types[] = {"application/json", NULL};

const dd_sender dd_sender_azure_devops = {
    .kind = "azure-devops",
    .trust = DD_TRUST_BEARER,
    .media_types = media_types,
    .verify = verify,
    .normalise = normalise,
};
