/* Senders of no kind of their own that sign as Standard Webhooks define it: the settings say where in the
 * body a push's members stand. Signature:
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md Pointers: RFC
 * 6901 */
#include "forge.h"

#include <stdlib.h>
#include <string.h>

#define KEY_MIN_BYTES 24
#define KEY_MAX_BYTES 64

static int verify(const dd_sender_settings *settings, const dd_delivery *delivery, dd_error **err)
{
    return dd_auth_standard(settings, delivery, err);
}

static int check(const dd_sender_settings *settings, dd_error **err)
{
    size_t bytes;
    for (size_t i = 0; i < settings->secrets.count; i++) {
        const char *secret = settings->secrets.items[i];
        bool is_shared =
            dd_auth_is_signing_key(secret, &bytes) && bytes >= KEY_MIN_BYTES && bytes <= KEY_MAX_BYTES;
        if (!is_shared && !dd_auth_is_public_key(secret))
            return dd_fail(
                err, DD_ERR_INVALID,
                "a secret is neither 'whsec_' and the base64 of %d to %d bytes, nor 'whpk_' and a public "
                "key's",
                KEY_MIN_BYTES, KEY_MAX_BYTES);
    }
    return 0;
}

/* ---- Members by pointers ---- */

/* The text that the pointer leads to; NULL when nothing is there. */
static int read_text(const dd_json *body, const char *pointer, const char *fallback, size_t max_bytes,
                     const char **ret, dd_error **err)
{
    const char *whole = pointer ? pointer : fallback;
    const dd_json *at = dd_json_pointer(body, whole);
    *ret = NULL;
    if (!at || dd_json_is(at, DD_JSON_NULL))
        return 0;
    if (!dd_json_is(at, DD_JSON_STRING))
        return dd_fail(err, DD_ERR_INVALID, "%s: must be a string", whole);
    if (at->length > max_bytes)
        return dd_fail(err, DD_ERR_INVALID, "%s: is too long", whole);
    *ret = *dd_json_text(at) ? dd_json_text(at) : NULL;
    return 0;
}

/* ---- The push ---- */

typedef struct members {
    const char *repository, *clone_url, *ref, *before, *commit, *message, *actor;
} members;

static int read_members(const dd_sender_settings *settings, const dd_json *body, members *ret, dd_error **err)
{
    const struct {
        const char *pointer, *fallback;
        size_t max_bytes;
        const char **ret;
    } rows[] = {
        {settings->fields.repository, "/data/repository/full_name", DD_FORGE_NAME_BYTES, &ret->repository},
        {settings->fields.clone_url, "/data/repository/clone_url", DD_FORGE_URL_BYTES, &ret->clone_url},
        {settings->fields.ref, "/data/ref", DD_FORGE_REF_BYTES, &ret->ref},
        {settings->fields.before, "/data/before", DD_FORGE_NAME_BYTES, &ret->before},
        {settings->fields.commit, "/data/after", DD_FORGE_NAME_BYTES, &ret->commit},
        {settings->fields.message, "/data/head_commit/message", DD_FORGE_TEXT_BYTES, &ret->message},
        {settings->fields.actor, "/data/sender/login", DD_FORGE_NAME_BYTES, &ret->actor},
    };
    for (size_t i = 0; i < DD_COUNT(rows); i++)
        if (read_text(body, rows[i].pointer, rows[i].fallback, rows[i].max_bytes, rows[i].ret, err) < 0)
            return -1;
    return 0;
}

static int read_commit(const char *text, const char *what, char **ret, dd_error **err)
{
    if (text && !dd_commit_is_valid(text))
        return dd_fail(err, DD_ERR_INVALID, "the %s must be a full commit id", what);
    *ret = dd_strdup(text);
    return 0;
}

/* The path of the address, where nothing names the repository. */
static int read_repository(const members *from, dd_event *event, dd_error **err)
{
    dd_auto_str key = NULL;
    if (dd_repository_key(from->clone_url, &key, err) < 0)
        return dd_context(err, "the repository's address");
    const char *slash = strchr(key, '/');
    return dd_forge_repository(event, "the repository", from->repository ? from->repository : slash + 1,
                               from->clone_url, err);
}

static int read_push(const members *from, dd_event *event, dd_error **err)
{
    bool is_full = dd_str_starts(from->ref, "refs/");
    dd_auto_str ref = dd_sprintf("%s%s", is_full ? "" : "refs/heads/", from->ref);
    if (dd_forge_ref(event, "the ref", ref, err) < 0 ||
        read_commit(from->before, "commit before", &event->before, err) < 0 ||
        read_commit(from->commit, "commit", &event->after, err) < 0 || read_repository(from, event, err) < 0)
        return -1;
    dd_forge_message(event, from->message);
    if (from->actor && dd_is_plain_word(from->actor))
        event->actor = dd_strdup(from->actor);
    dd_forge_settle_push(event);
    return 0;
}

static int read_event(const dd_sender_settings *settings, const dd_json *body, dd_event *event,
                      dd_error **err)
{
    members from = {0};
    if (read_members(settings, body, &from, err) < 0)
        return -1;
    /* Such a sender tells of other things as well. */
    if (!from.clone_url || !from.ref || !from.commit) {
        dd_event_ignore(event, "the body has no %s where the settings' fields say it is",
                        !from.clone_url ? "address"
                        : !from.ref     ? "ref"
                                        : "commit");
        return 0;
    }
    return read_push(&from, event, err);
}

static int normalise(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     dd_error **err)
{
    bool twice;
    dd_auto(dd_json_document) document = NULL;
    const dd_json *body;
    dd_auto(dd_event) event = NULL;
    const char *header =
        dd_delivery_header(delivery, "webhook-id", &twice) || twice ? "webhook-id" : "svix-id";
    if (dd_forge_body(delivery, &document, &body, err) < 0 ||
        dd_forge_event(settings, delivery, header, &event, err) < 0 ||
        read_event(settings, body, event, err) < 0)
        return -1;
    dd_forge_single(dd_take(event), ret);
    return 0;
}

static const char *const media_types[] = {"application/json", NULL};

const dd_sender dd_sender_standard_webhooks = {
    .kind = "standard-webhooks",
    .trust = DD_TRUST_SIGNED,
    .media_types = media_types,
    .verify = verify,
    .normalise = normalise,
    .check = check,
};
