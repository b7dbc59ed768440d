/* Distribution (docker-registry, registry:2 and :3): envelopes of events, proven by a configured header
 * alone (auth.c). Format: https://distribution.github.io/distribution/about/notifications/
 *
 * A registry sends one envelope at a time and repeats it until it is answered 2xx; a refused one would hold
 * up all behind it. The host in an envelope is what the pusher's Host header said, so it is never looked at.
 */
#include "registry.h"

static void read_event(dd_reading *reading, const dd_json *entry)
{
    const dd_json *target = dd_json_get(entry, "target");
    const char *action = dd_registry_text(entry, "action");
    const dd_registry_image image = {.repository = dd_registry_text(target, "repository"),
                                     .tag = dd_registry_text(target, "tag"),
                                     .digest = dd_registry_text(target, "digest"),
                                     .media_type = dd_registry_text(target, "mediaType")};
    dd_event *event = dd_reading_own(reading, dd_registry_text(entry, "id"));
    dd_registry_actor(event, dd_registry_text(dd_json_get(entry, "actor"), "name"));
    if (dd_str_eq(action, "push")) {
        dd_registry_pushed(event, &image, true);
        if (event->kind == DD_EVENT_IMAGE_PUSH && !event->media_type)
            dd_event_ignore(event, "what was pushed is no manifest");
        return;
    }
    dd_registry_note(event, &image);
    dd_auto_str shown = dd_plain_line(action, 40);
    if (action)
        dd_event_ignore(event, "action %s: only a push changes an image", shown);
    else
        dd_event_ignore(event, "the event has no action");
}

static void read_envelope(dd_reading *reading, const dd_json *body)
{
    const dd_json *events = dd_json_get(body, "events");
    if (dd_json_count(events) > 0 && dd_json_is(events, DD_JSON_ARRAY))
        dd_reading_each(reading, events, read_event);
    else
        dd_reading_ignore(reading, "the envelope holds no events");
}

int dd_distribution_normalise(const dd_sender_settings *settings, const dd_delivery *delivery,
                              dd_events **ret, dd_error **err)
{
    return dd_registry_normalise(settings, delivery, read_envelope, ret, err);
}

const char *const dd_distribution_media_types[] = {"application/vnd.docker.distribution.events.v1+json",
                                                   "application/vnd.docker.distribution.events.v2+json",
                                                   "application/json", NULL};

const dd_sender dd_sender_distribution = {
    .kind = "distribution",
    .trust = DD_TRUST_BEARER,
    .is_registry = true,
    .media_types = dd_distribution_media_types,
    .normalise = dd_distribution_normalise,
    .check = dd_registry_check,
};
