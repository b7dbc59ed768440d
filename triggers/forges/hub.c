/* GitHub's form of a body, which Gitea, Forgejo and Gogs took over: repository, sender, push and pull
 * request.
 */
#include "forge.h"

#include <string.h>

int dd_hub_repository(const dd_json *body, dd_need need, dd_event *event, dd_error **err)
{
    const dd_json *repository;
    const char *name, *url, *branch;
    if (dd_body_object(body, "", "repository", need, &repository, err) < 0)
        return -1;
    if (!repository)
        return 0;
    if (dd_body_text(repository, "repository", "full_name", DD_REQUIRED, DD_FORGE_NAME_BYTES, &name, err) <
            0 ||
        dd_body_text(repository, "repository", "clone_url", DD_REQUIRED, DD_FORGE_URL_BYTES, &url, err) < 0 ||
        dd_body_text(repository, "repository", "default_branch", DD_OPTIONAL, DD_FORGE_NAME_BYTES, &branch,
                     err) < 0 ||
        dd_forge_repository(event, "repository", name, url, err) < 0)
        return -1;
    dd_forge_default_branch(event, branch);
    return 0;
}

/* Who the forge authenticated; a commit's author is only what the commit says. */
int dd_hub_actor(const dd_json *body, dd_event *event, dd_error **err)
{
    const dd_json *sender;
    return dd_body_object(body, "", "sender", DD_OPTIONAL, &sender, err) < 0
               ? -1
               : dd_forge_actor(event, sender, "sender", "login", "id", err);
}

int dd_hub_push(const dd_json *body, dd_event *event, dd_error **err)
{
    const char *ref;
    if (dd_body_text(body, "", "ref", DD_REQUIRED, DD_FORGE_REF_BYTES, &ref, err) < 0 ||
        dd_forge_ref(event, "ref", ref, err) < 0 ||
        dd_forge_commit(body, "", "before", DD_REQUIRED, &event->before, err) < 0 ||
        dd_forge_commit(body, "", "after", DD_REQUIRED, &event->after, err) < 0)
        return -1;
    return dd_hub_repository(body, DD_REQUIRED, event, err) < 0 ? -1 : dd_hub_actor(body, event, err);
}

/* One side of a request. *ret_id is the id of its repository, NULL where that is gone. */
static int read_side(const dd_json *pull, const char *side, char **ret_sha, const char **ret_ref,
                     char **ret_id, char **ret_name, dd_error **err)
{
    const dd_json *object, *repository;
    const char *name = NULL;
    dd_auto_str path = dd_sprintf("pull_request.%s", side);
    dd_auto_str repository_path = dd_sprintf("%s.repo", path);
    if (dd_body_object(pull, "pull_request", side, DD_REQUIRED, &object, err) < 0 ||
        dd_forge_commit(object, path, "sha", DD_REQUIRED, ret_sha, err) < 0 ||
        dd_body_text(object, path, "ref", DD_REQUIRED, DD_FORGE_NAME_BYTES, ret_ref, err) < 0 ||
        dd_body_object(object, path, "repo", DD_OPTIONAL, &repository, err) < 0 ||
        (repository && dd_body_text(repository, repository_path, "full_name", DD_OPTIONAL,
                                    DD_FORGE_NAME_BYTES, &name, err) < 0))
        return -1;
    *ret_id = dd_forge_id(repository, "id");
    *ret_name = name && dd_is_plain_word(name) ? dd_strdup(name) : NULL;
    return 0;
}

/* ref is where the forge keeps the request's head; branch is the one it is to go into; before and after are
 * the commits of the two sides. */
static int read_sides(const dd_json *pull, dd_event *event, dd_error **err)
{
    const char *base_ref, *head_ref;
    dd_auto_str base_id = NULL;
    dd_auto_str head_id = NULL;
    dd_auto_str base_name = NULL;
    if (read_side(pull, "base", &event->before, &base_ref, &base_id, &base_name, err) < 0 ||
        read_side(pull, "head", &event->after, &head_ref, &head_id, &event->head_repository, err) < 0 ||
        dd_forge_branches(event, "pull_request", base_ref, head_ref, err) < 0)
        return -1;
    dd_forge_fork(event, base_id, head_id);
    return 0;
}

static int read_words(const dd_json *pull, dd_event *event, dd_error **err)
{
    const dd_json *labels, *user;
    const char *title, *login = NULL;
    if (dd_body_text(pull, "pull_request", "title", DD_OPTIONAL, DD_FORGE_TEXT_BYTES, &title, err) < 0 ||
        dd_body_flag(pull, "pull_request", "draft", &event->draft, err) < 0 ||
        dd_body_array(pull, "pull_request", "labels", DD_OPTIONAL, &labels, err) < 0 ||
        dd_forge_labels(event, labels, "pull_request.labels", "name", err) < 0 ||
        dd_body_object(pull, "pull_request", "user", DD_OPTIONAL, &user, err) < 0 ||
        (user &&
         dd_body_text(user, "pull_request.user", "login", DD_OPTIONAL, DD_FORGE_NAME_BYTES, &login, err) < 0))
        return -1;
    dd_forge_title(event, title);
    event->author = dd_plain_line(login, DD_FORGE_NAME_BYTES);
    return 0;
}

int dd_hub_pull_request(const dd_json *body, const char *const *code_actions, size_t count, dd_event *event,
                        dd_error **err)
{
    const dd_json *pull;
    const char *action;
    if (dd_body_text(body, "", "action", DD_REQUIRED, DD_FORGE_NAME_BYTES, &action, err) < 0 ||
        dd_forge_number(event, body, "", "number", "refs/pull/%lld/head", err) < 0 ||
        dd_body_object(body, "", "pull_request", DD_REQUIRED, &pull, err) < 0 ||
        read_sides(pull, event, err) < 0 || read_words(pull, event, err) < 0 ||
        dd_hub_repository(body, DD_REQUIRED, event, err) < 0 || dd_hub_actor(body, event, err) < 0)
        return -1;
    dd_forge_settle_request(event, action, code_actions, count);
    return 0;
}
