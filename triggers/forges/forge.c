/* What the forges' files share: see forge.h. */
#include "forge.h"

#include <stdlib.h>
#include <string.h>

#define LINE_BYTES  200
#define ID_BYTES    128
#define PATHS_MAX   3000 /* past it, the paths count as unknown and path filters let the push run */
#define PATH_BYTES  4096
#define LABELS_MAX  100
#define LABEL_BYTES 255

/* ---- Bodies ---- */

int dd_forge_json_text(const dd_delivery *delivery, dd_buf **ret_form, const char **ret, size_t *ret_length,
                       dd_error **err)
{
    *ret = delivery->body;
    *ret_length = delivery->body_length;
    if (!dd_delivery_is(delivery, "application/x-www-form-urlencoded"))
        return 0;
    if (dd_form_field(delivery->body, delivery->body_length, "payload", ret_form, err) < 0)
        return -1;
    *ret = (*ret_form)->data;
    *ret_length = (*ret_form)->length;
    return 0;
}

int dd_forge_body(const dd_delivery *delivery, dd_json_document **ret_document, const dd_json **ret,
                  dd_error **err)
{
    dd_auto(dd_buf) form = NULL;
    dd_auto(dd_json_document) document = NULL;
    const char *text;
    size_t length;
    if (dd_forge_json_text(delivery, &form, &text, &length, err) < 0 ||
        dd_json_parse(text, length, &document, err) < 0)
        return -1;
    *ret = dd_json_root(document);
    if (!dd_json_is(*ret, DD_JSON_OBJECT))
        return dd_fail(err, DD_ERR_INVALID, "the body must be an object");
    *ret_document = dd_take(document);
    return 0;
}

/* ---- Events ---- */

int dd_forge_event(const dd_sender_settings *settings, const dd_delivery *delivery, const char *id_header,
                   dd_event **ret, dd_error **err)
{
    bool twice = false;
    const char *id = id_header ? dd_delivery_header(delivery, id_header, &twice) : NULL;
    if (twice)
        return dd_fail(err, DD_ERR_INVALID, "the header %s stands twice", id_header);
    *ret = dd_event_new(DD_EVENT_IGNORED, settings);
    (*ret)->delivery = dd_delivery_id(id, delivery, 0);
    return 0;
}

void dd_forge_single(dd_event *event, dd_events **ret)
{
    *ret = dd_new(dd_events);
    dd_events_add(*ret, event);
}

dd_event *dd_forge_another(const dd_sender_settings *settings, const dd_event *first, size_t index)
{
    dd_event *event = dd_event_new(DD_EVENT_IGNORED, settings);
    event->delivery = dd_strdup(first->delivery);
    if (index > 0)
        event->part = dd_sprintf("%zu", index + 1);
    event->repository = dd_strdup(first->repository);
    event->clone_url = dd_strdup(first->clone_url);
    event->repository_key = dd_strdup(first->repository_key);
    event->default_branch = dd_strdup(first->default_branch);
    event->actor = dd_strdup(first->actor);
    event->actor_id = dd_strdup(first->actor_id);
    return event;
}

int dd_forge_changes(const dd_sender_settings *settings, const dd_event *first, const dd_json *list,
                     dd_forge_read_change *read, const dd_json *context, dd_events *events, dd_error **err)
{
    size_t count = dd_json_count(list);
    size_t taken = count < DD_FORGE_EVENTS_MAX ? count : DD_FORGE_EVENTS_MAX;
    for (size_t i = 0; i < taken; i++) {
        dd_event *event = dd_forge_another(settings, first, i);
        dd_events_add(events, event);
        if (read(dd_json_at(list, i), context, i, event, err) < 0)
            return -1;
    }
    if (count > 0 && taken == count)
        return 0;
    dd_event *rest = dd_forge_another(settings, first, taken);
    dd_event_ignore(rest, "the delivery names %s", count ? "more changes than are read" : "no changes");
    dd_events_add(events, rest);
    return 0;
}

/* ---- Names ---- */

int dd_forge_repository(dd_event *event, const char *path, const char *name, const char *url, dd_error **err)
{
    if (!dd_is_plain_word(name))
        return dd_fail(err, DD_ERR_INVALID, "%s: no repository has such a name", path);
    if (url && dd_repository_key(url, &event->repository_key, err) < 0)
        return dd_context(err, "%s", path);
    event->repository = dd_strdup(name);
    event->clone_url = dd_strdup(url);
    return 0;
}

void dd_forge_default_branch(dd_event *event, const char *branch)
{
    static const char heads[] = "refs/heads/";
    if (branch && dd_str_starts(branch, heads))
        branch += strlen(heads);
    /* Only a task without branches of its own looks at it. */
    dd_auto_str ref = dd_sprintf("%s%s", heads, branch ? branch : "");
    if (branch && dd_ref_is_valid(ref))
        event->default_branch = dd_strdup(branch);
}

int dd_forge_ref(dd_event *event, const char *path, const char *ref, dd_error **err)
{
    if (!dd_ref_is_valid(ref) || !dd_str_starts(ref, "refs/"))
        return dd_fail(err, DD_ERR_INVALID, "%s: must be a full ref", path);
    event->ref = dd_strdup(ref);
    if (dd_str_starts(ref, "refs/heads/"))
        event->branch = dd_strdup(ref + strlen("refs/heads/"));
    else if (dd_str_starts(ref, "refs/tags/"))
        event->tag = dd_strdup(ref + strlen("refs/tags/"));
    return 0;
}

int dd_forge_branch(const char *path, const char *branch, dd_error **err)
{
    dd_auto_str ref = dd_sprintf("refs/heads/%s", branch);
    if (!dd_ref_is_valid(ref))
        return dd_fail(err, DD_ERR_INVALID, "%s: no branch has such a name", path);
    return 0;
}

int dd_forge_commit(const dd_json *object, const char *path, const char *name, dd_need need, char **ret,
                    dd_error **err)
{
    const char *text;
    if (dd_body_text(object, path, name, need, DD_FORGE_NAME_BYTES, &text, err) < 0)
        return -1;
    if (text && !dd_commit_is_valid(text))
        return dd_fail(err, DD_ERR_INVALID, "%s%s%s: must be a full commit id", path, *path ? "." : "", name);
    *ret = dd_strdup(text);
    return 0;
}

char *dd_forge_zeros(const char *like)
{
    char *zeros = dd_strdup(like ? like : "0000000000000000000000000000000000000000");
    memset(zeros, '0', strlen(zeros));
    return zeros;
}

/* ---- People and what they wrote ---- */

char *dd_forge_id(const dd_json *object, const char *name)
{
    const dd_json *id = dd_json_get(object, name);
    if (dd_json_is(id, DD_JSON_INTEGER))
        return dd_sprintf("%lld", (long long)id->integer);
    if (dd_json_is(id, DD_JSON_STRING) && id->length <= ID_BYTES && dd_is_plain_word(dd_json_text(id)))
        return dd_strdup(dd_json_text(id));
    return NULL;
}

int dd_forge_actor(dd_event *event, const dd_json *person, const char *path, const char *name, const char *id,
                   dd_error **err)
{
    const char *text = NULL;
    if (person && dd_body_text(person, path, name, DD_OPTIONAL, DD_FORGE_NAME_BYTES, &text, err) < 0)
        return -1;
    if (text && !event->actor && dd_is_plain_word(text))
        event->actor = dd_strdup(text);
    if (!event->actor_id)
        event->actor_id = dd_forge_id(person, id);
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

void dd_forge_message(dd_event *event, const char *message)
{
    event->message = dd_plain_line(message, LINE_BYTES);
    event->skip_asked = event->skip_asked || (message && has_skip_marker(message));
}

void dd_forge_title(dd_event *event, const char *title)
{
    free(event->message);
    event->message = dd_plain_line(title, LINE_BYTES);
}

int dd_forge_commit_words(dd_event *event, const dd_json *commit, const char *path, const char *message,
                          const char *author, dd_error **err)
{
    const dd_json *person;
    const char *text = NULL, *name = NULL;
    dd_auto_str author_path = dd_sprintf("%s.author", path);
    if (!commit)
        return 0;
    if (dd_body_text(commit, path, message, DD_OPTIONAL, DD_FORGE_TEXT_BYTES, &text, err) < 0 ||
        dd_body_object(commit, path, "author", DD_OPTIONAL, &person, err) < 0 ||
        (person &&
         dd_body_text(person, author_path, author, DD_OPTIONAL, DD_FORGE_TEXT_BYTES, &name, err) < 0))
        return -1;
    dd_forge_message(event, text);
    event->author = dd_plain_line(name, LINE_BYTES);
    return 0;
}

const dd_json *dd_forge_find_commit(const dd_json *commits, const char *name, const char *id)
{
    const dd_json *commit;
    size_t i;
    DD_JSON_ITEMS(commits, i, commit)
    {
        const dd_json *member = dd_json_get(commit, name);
        if (dd_json_is(member, DD_JSON_STRING) && dd_str_eq(dd_json_text(member), id))
            return commit;
    }
    return NULL;
}

/* ---- Changed paths ---- */

/* One list of a commit's paths. *complete turns false when the list cannot be relied on. */
static int add_paths(const dd_json *commit, const char *path, const char *name, dd_strv *paths,
                     bool *complete, dd_error **err)
{
    const dd_json *list, *item;
    size_t i;
    if (dd_body_array(commit, path, name, DD_OPTIONAL, &list, err) < 0)
        return -1;
    if (!list)
        *complete = false;
    DD_JSON_ITEMS(list, i, item)
    {
        if (!dd_json_is(item, DD_JSON_STRING) || item->length == 0)
            return dd_fail(err, DD_ERR_INVALID, "%s.%s[%zu]: must be a path", path, name, i);
        /* Paths stand one per line in the stream. */
        if (paths->count >= (size_t)PATHS_MAX * 2 || item->length > PATH_BYTES ||
            strchr(dd_json_text(item), '\n'))
            *complete = false;
        if (*complete)
            dd_strv_add(paths, dd_json_text(item));
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

static int read_commit_paths(const dd_json *commits, dd_strv *paths, bool *complete, dd_error **err)
{
    static const char *const lists[] = {"added", "modified", "removed"};
    const dd_json *commit;
    size_t i;
    DD_JSON_ITEMS(commits, i, commit)
    {
        dd_auto_str path = dd_sprintf("commits[%zu]", i);
        if (!dd_json_is(commit, DD_JSON_OBJECT))
            return dd_fail(err, DD_ERR_INVALID, "%s: must be an object", path);
        for (size_t k = 0; k < DD_COUNT(lists); k++)
            if (add_paths(commit, path, lists[k], paths, complete, err) < 0)
                return -1;
    }
    return 0;
}

int dd_forge_changed_paths(dd_event *event, const dd_json *commits, bool complete, dd_error **err)
{
    dd_auto(dd_strv) paths = dd_strv_new();
    complete = complete && dd_json_count(commits) > 0;
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

int dd_forge_total(const dd_json *body, const char *name, int64_t *ret, dd_error **err)
{
    const dd_json *member = dd_json_get(body, name);
    *ret = -1;
    if (!member || dd_json_is(member, DD_JSON_NULL))
        return 0;
    if (dd_body_number(body, "", name, ret, err) < 0)
        return -1;
    return *ret < 0 ? dd_fail(err, DD_ERR_INVALID, "%s: is below 0", name) : 0;
}

void dd_forge_settle_push(dd_event *event)
{
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
}

/* ---- Pull requests ---- */

int dd_forge_number(dd_event *event, const dd_json *object, const char *path, const char *name,
                    const char *ref_format, dd_error **err)
{
    int64_t number = 0;
    const char *hole = strstr(ref_format, "%lld");
    dd_assert(hole);
    if (dd_body_number(object, path, name, &number, err) < 0)
        return -1;
    if (number < 1)
        return dd_fail(err, DD_ERR_INVALID, "%s%s%s: must be at least 1", path, *path ? "." : "", name);
    event->number = dd_sprintf("%lld", (long long)number);
    event->ref =
        dd_sprintf("%.*s%s%s", (int)(hole - ref_format), ref_format, event->number, hole + strlen("%lld"));
    return 0;
}

int dd_forge_branches(dd_event *event, const char *path, const char *base, const char *head, dd_error **err)
{
    if (dd_forge_branch(path, base, err) < 0 || dd_forge_branch(path, head, err) < 0)
        return -1;
    event->branch = dd_strdup(base);
    event->head_branch = dd_strdup(head);
    return 0;
}

void dd_forge_fork(dd_event *event, const char *base_id, const char *head_id)
{
    /* What is not known to be ours is a stranger's. */
    event->fork = !base_id || !head_id || !dd_str_eq(base_id, head_id);
}

int dd_forge_labels(dd_event *event, const dd_json *list, const char *path, const char *name, dd_error **err)
{
    const dd_json *label;
    size_t i;
    DD_JSON_ITEMS(list, i, label)
    {
        const char *text;
        dd_auto_str at = dd_sprintf("%s[%zu]", path, i);
        if (i == LABELS_MAX)
            break;
        if (!dd_json_is(label, DD_JSON_OBJECT))
            return dd_fail(err, DD_ERR_INVALID, "%s: must be an object", at);
        if (dd_body_text(label, at, name, DD_REQUIRED, LABEL_BYTES, &text, err) < 0)
            return -1;
        dd_strv_take(&event->labels, dd_plain_line(text, LABEL_BYTES));
    }
    return 0;
}

void dd_forge_settle_request(dd_event *event, const char *action, const char *const *code_actions,
                             size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (dd_str_eq(action, code_actions[i])) {
            event->kind = DD_EVENT_PULL_REQUEST;
            return;
        }
    dd_auto_str shown = dd_plain_line(action, 40);
    dd_event_ignore(event, "a pull request's action '%s' brings no new code", shown);
}
