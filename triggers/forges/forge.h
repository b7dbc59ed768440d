/* What the forges' files share: how their bodies are read, and the rules for what becomes a ref, a commit, a
 * repository, a person or a list of changed paths. All are pure; a text that cannot be what it must be is
 * INVALID, one that only people read is made plain. */
#ifndef DD_TRIGGERS_FORGE_H
#define DD_TRIGGERS_FORGE_H

#include "triggers/senders.h"

#define DD_FORGE_NAME_BYTES 255
#define DD_FORGE_REF_BYTES  300 /* a name with refs/heads/ before it */
#define DD_FORGE_URL_BYTES  2048
#define DD_FORGE_TEXT_BYTES 65536
#define DD_FORGE_EVENTS_MAX 1000 /* of one delivery; past it the rest is ignored, and that is said */

/* The JSON object of the body, or of the form's field `payload`: the document, and in it the object. */
int dd_forge_body(const dd_delivery *delivery, dd_json_document **ret_document, const dd_json **ret,
                  dd_error **err);
/* What a form's HMAC of the Gitea family covers: the JSON text, wherever it stands. `*ret_form` keeps it when
 * it was in a form. */
int dd_forge_json_text(const dd_delivery *delivery, dd_buf **ret_form, const char **ret, size_t *ret_length,
                       dd_error **err);

/* An event to be filled, ignored until it has a kind; the delivery's id is this header's, or made of the body
 * (NULL: always). */
int dd_forge_event(const dd_sender_settings *settings, const dd_delivery *delivery, const char *id_header,
                   dd_event **ret, dd_error **err);
void dd_forge_single(dd_event *event, dd_events **ret);
/* The next event of a delivery with several: what `first` says of the whole delivery, and its own part. */
dd_event *dd_forge_another(const dd_sender_settings *settings, const dd_event *first, size_t index);
/* An event for each entry of the list, read by `read` with `context` passed through; where there are more
 * entries than are read, or none, a last event says so. */
typedef int dd_forge_read_change(const dd_json *change, const dd_json *context, size_t index, dd_event *event,
                                 dd_error **err);
int dd_forge_changes(const dd_sender_settings *settings, const dd_event *first, const dd_json *list,
                     dd_forge_read_change *read, const dd_json *context, dd_events *events, dd_error **err);

/* The repository by name and address, found at `path`. The address may be NULL where the sender knows none.
 */
int dd_forge_repository(dd_event *event, const char *path, const char *name, const char *url, dd_error **err);
/* "main" or "refs/heads/main"; what cannot be a branch is left out. */
void dd_forge_default_branch(dd_event *event, const char *branch);
/* A full ref: sets ref, and branch or tag. */
int dd_forge_ref(dd_event *event, const char *path, const char *ref, dd_error **err);
/* Fail unless a branch may have that name. */
int dd_forge_branch(const char *path, const char *branch, dd_error **err);
/* A member that is a full commit id. *ret is owned, NULL when optional and not there. */
int dd_forge_commit(const dd_json *object, const char *path, const char *name, dd_need need, char **ret,
                    dd_error **err);
/* Zeros, as many as `like` has digits (40 when it is NULL): the ref that is not there. Owned. */
char *dd_forge_zeros(const char *like);

/* Who did it, as the forge authenticated them: members of `person` (NULL: nobody says). */
int dd_forge_actor(dd_event *event, const dd_json *person, const char *path, const char *name, const char *id,
                   dd_error **err);
/* An id that is a number or a text; owned, NULL when it is neither. */
char *dd_forge_id(const dd_json *object, const char *name);
/* A commit's message, with the markers that ask for no run. */
void dd_forge_message(dd_event *event, const char *message);
/* What a pull request is called: it stands for the message, and no marker in it counts. */
void dd_forge_title(dd_event *event, const char *title);
/* The message and the author of a commit (NULL: nothing is set). `author` names the text in its author. */
int dd_forge_commit_words(dd_event *event, const dd_json *commit, const char *path, const char *message,
                          const char *author, dd_error **err);
/* The commit with that id in a list, NULL when it is not there. */
const dd_json *dd_forge_find_commit(const dd_json *commits, const char *name, const char *id);

/* The paths that the commits added, modified and removed; unknown unless `complete` and each commit says all.
 */
int dd_forge_changed_paths(dd_event *event, const dd_json *commits, bool complete, dd_error **err);
/* How many commits there are: a member that may be left out. *ret is -1 then. */
int dd_forge_total(const dd_json *body, const char *name, int64_t *ret, dd_error **err);
/* A push, a tag or a deletion by what ref and after are. */
void dd_forge_settle_push(dd_event *event);

/* ---- Pull requests ---- */
/* `number` of at least 1, into the event and into its ref by a format with one %lld. */
int dd_forge_number(dd_event *event, const dd_json *object, const char *path, const char *name,
                    const char *ref_format, dd_error **err);
/* Both branches; `base` is where it is to go. */
int dd_forge_branches(dd_event *event, const char *path, const char *base, const char *head, dd_error **err);
/* Whether it comes from another repository than it is for: by two ids, either NULL when it is not known. */
void dd_forge_fork(dd_event *event, const char *base_id, const char *head_id);
/* The texts `name` of a list of objects. */
int dd_forge_labels(dd_event *event, const dd_json *list, const char *path, const char *name, dd_error **err);
/* The action is one of those that bring new code: a pull request. Else ignored. */
void dd_forge_settle_request(dd_event *event, const char *action, const char *const *code_actions,
                             size_t count);

/* ---- GitHub's form, which the Gitea family took over (hub.c) ---- */
int dd_hub_repository(const dd_json *body, dd_need need, dd_event *event, dd_error **err);
int dd_hub_actor(const dd_json *body, dd_event *event, dd_error **err);
/* ref, before, after, repository and sender. */
int dd_hub_push(const dd_json *body, dd_event *event, dd_error **err);
int dd_hub_pull_request(const dd_json *body, const char *const *code_actions, size_t count, dd_event *event,
                        dd_error **err);

#endif
