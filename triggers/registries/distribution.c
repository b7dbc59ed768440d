/* Distribution (docker-registry, registry:2 and :3): envelopes of events, proven by a configured header
 * alone (auth.c). Format: https://distribution.github.io/distribution/about/notifications/
 *
 * A registry sends one envelope at a time and repeats it until it is answered 2xx; a refused one would hold
 * up all behind it. So an authenticated envelope is never refused for what it says: what cannot be used is
 * ignored. */
#include "triggers/senders.h"

#include <string.h>

#define EVENTS_MAX     1000 /* observed: one */
#define TEXT_MAX_BYTES 512

/* ---- Settings ---- */

/* A host that image names could not begin with would make its images Docker Hub's. */
static int check_registry(const char *registry, dd_error **err)
{
    dd_auto(dd_reference) image = NULL;
    dd_auto_str text = dd_sprintf("%s/image:tag", registry);
    if (dd_reference_parse(text, &image, err) < 0)
        return dd_context(err, "registry '%s'", registry);
    if (!dd_str_eq(image->repository, "image") && !dd_str_eq(image->repository, "library/image"))
        return dd_fail(err, DD_ERR_INVALID,
                       "registry '%s': a registry is a host with a dot or a port, or localhost", registry);
    return 0;
}

static int check(const dd_sender_settings *settings, dd_error **err)
{
    if (!settings->registry || !*settings->registry)
        return dd_fail(err, DD_ERR_INVALID, "a distribution sender needs the registry it speaks for");
    return check_registry(settings->registry, err);
}

/* ---- What an event says ---- */

static bool is_manifest(const char *media_type)
{
    static const char *const types[] = {
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    };
    for (size_t i = 0; i < DD_COUNT(types); i++)
        if (dd_str_eq(media_type, types[i]))
            return true;
    return false;
}

/* sha256-<64 hex>[.sig|.att|.sbom]: something about an image, not an image. */
static bool is_attachment_tag(const char *tag)
{
    return dd_str_starts(tag, "sha256-") && strspn(tag + 7, "0123456789abcdef") >= 64;
}

/* A member's text, or NULL for what is no text: here nothing is an error. */
static const char *text_of(const dd_json *object, const char *name)
{
    const dd_json *member = dd_json_get(object, name);
    return dd_json_is(member, DD_JSON_STRING) && member->length <= TEXT_MAX_BYTES ? dd_json_text(member)
                                                                                  : NULL;
}

/* Copy what is valid; what is missing decides the kind below. */
static void read_target(const dd_json *target, dd_event *event)
{
    const char *repository = text_of(target, "repository"), *tag = text_of(target, "tag");
    const char *digest = text_of(target, "digest"), *media_type = text_of(target, "mediaType");
    if (repository && dd_repository_is_valid(repository))
        event->repository = dd_strdup(repository);
    if (tag && dd_tag_is_valid(tag))
        event->tag = dd_strdup(tag);
    if (digest && dd_digest_is_valid(digest))
        event->digest = dd_strdup(digest);
    if (media_type && is_manifest(media_type))
        event->media_type = dd_strdup(media_type);
}

static void decide(const char *action, dd_event *event)
{
    if (!action) {
        dd_event_ignore(event, "the event has no action");
    } else if (!dd_str_eq(action, "push")) {
        dd_auto_str shown = dd_plain_line(action, 40);
        dd_event_ignore(event, "action %s: only a push changes an image", shown);
    } else if (!event->media_type) {
        dd_event_ignore(event, "what was pushed is no manifest");
    } else if (!event->repository) {
        dd_event_ignore(event, "the event names no valid repository");
    } else if (!event->tag) {
        dd_event_ignore(event, "the manifest was pushed without a tag");
    } else if (is_attachment_tag(event->tag)) {
        dd_event_ignore(event, "the tag belongs to a signature or an attachment");
    } else if (!event->digest) {
        dd_event_ignore(event, "the event has no valid digest");
    } else {
        event->kind = DD_EVENT_IMAGE_PUSH;
    }
}

static dd_event *read_event(const dd_json *entry, const dd_sender_settings *settings,
                            const dd_delivery *delivery, size_t index)
{
    dd_event *event = dd_event_new(DD_EVENT_IGNORED, settings);
    event->delivery = dd_delivery_id(text_of(entry, "id"), delivery, index);
    event->registry = dd_strdup(settings->registry);
    const char *actor = text_of(dd_json_get(entry, "actor"), "name");
    if (actor && dd_is_plain_word(actor))
        event->actor = dd_strdup(actor);
    read_target(dd_json_get(entry, "target"), event);
    decide(text_of(entry, "action"), event);
    return event;
}

static dd_event *nothing(const dd_sender_settings *settings, const dd_delivery *delivery, const char *why)
{
    dd_event *event = dd_event_new(DD_EVENT_IGNORED, settings);
    event->delivery = dd_delivery_id(NULL, delivery, EVENTS_MAX);
    event->registry = dd_strdup(settings->registry);
    dd_event_ignore(event, "%s", why);
    return event;
}

static int normalise(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     dd_error **err)
{
    dd_auto(dd_json_document) document = NULL;
    const dd_json *entry;
    size_t i;
    if (dd_json_parse(delivery->body, delivery->body_length, &document, err) < 0)
        return -1;
    const dd_json *list = dd_json_get(dd_json_root(document), "events");
    dd_auto(dd_events) events = dd_new(dd_events);
    DD_JSON_ITEMS(list, i, entry)
    {
        if (i == EVENTS_MAX)
            break;
        dd_events_add(events, read_event(entry, settings, delivery, i));
    }
    if (events->count == 0)
        dd_events_add(events, nothing(settings, delivery, "the envelope holds no events"));
    else if (dd_json_count(list) > EVENTS_MAX)
        dd_events_add(events, nothing(settings, delivery, "the envelope holds more events than are read"));
    *ret = dd_take(events);
    return 0;
}

static const char *const media_types[] = {"application/vnd.docker.distribution.events.v1+json",
                                          "application/vnd.docker.distribution.events.v2+json",
                                          "application/json", NULL};

const dd_sender dd_sender_distribution = {
    .kind = "distribution",
    .trust = DD_TRUST_BEARER,
    .is_registry = true,
    .media_types = media_types,
    .normalise = normalise,
    .check = check,
};
