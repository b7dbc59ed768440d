/* zot's events: CloudEvents over HTTP, in binary form, proven by a header, a bearer token or Basic.
 * https://zotregistry.dev/latest/articles/events/ */
#include "registry.h"

static void read_event(dd_reading *reading, const dd_json *body)
{
    const dd_cloudevent cloudevent = dd_cloudevent_read(reading, body);
    const dd_json *data = cloudevent.data;
    const dd_registry_image image = {.repository = dd_registry_text(data, "name"),
                                     .tag = dd_registry_text(data, "reference"),
                                     .digest = dd_registry_text(data, "digest"),
                                     .media_type = dd_registry_text(data, "mediaType")};
    dd_event *event = dd_reading_own(reading, cloudevent.id);
    dd_auto_str shown = dd_plain_line(cloudevent.type, 60);
    dd_registry_actor(event, dd_registry_text(dd_json_get(data, "actor"), "name"));
    dd_registry_note(event, &image);
    if (!cloudevent.type)
        dd_event_ignore(event, "no type says what happened");
    else if (dd_str_eq(cloudevent.type, "zotregistry.image.updated"))
        dd_registry_pushed(event, &image, true);
    else
        dd_event_ignore(event, "%s: only an updated image is of interest", shown);
}

static int normalise(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     dd_error **err)
{
    return dd_registry_normalise(settings, delivery, read_event, ret, err);
}

static const char *const media_types[] = {"application/json", "application/cloudevents+json", NULL};

const dd_sender dd_sender_zot = {
    .kind = "zot",
    .trust = DD_TRUST_BEARER,
    .is_registry = true,
    .media_types = media_types,
    .normalise = normalise,
    .check = dd_registry_check,
};
