/* Azure Container Registry: its own webhooks, proven by a configured header, and its events by way of Event
 * Grid, in Event Grid's form or as CloudEvents.
 * https://learn.microsoft.com/azure/container-registry/container-registry-webhook-reference
 * https://learn.microsoft.com/azure/event-grid/event-schema-container-registry */
#include "registry.h"

#define IMAGE_PUSHED "Microsoft.ContainerRegistry.ImagePushed"
#define VALIDATION   "Microsoft.EventGrid.SubscriptionValidationEvent"

static void read_push(const dd_json *data, dd_event *event)
{
    const dd_json *target = dd_json_get(data, "target");
    const dd_registry_image image = {.registry = dd_registry_text(dd_json_get(data, "request"), "host"),
                                     .repository = dd_registry_text(target, "repository"),
                                     .tag = dd_registry_text(target, "tag"),
                                     .digest = dd_registry_text(target, "digest"),
                                     .media_type = dd_registry_text(target, "mediaType")};
    dd_registry_pushed(event, &image, true);
}

/* `quarantine`: not to be pulled yet; a push follows once it is. */
static void read_what(const char *what, const dd_json *data, dd_event *event)
{
    dd_auto_str shown = dd_plain_line(what, 60);
    if (!what) {
        dd_event_ignore(event, "the event does not say what happened");
    } else if (dd_str_eq(what, "push") || dd_str_eq(what, IMAGE_PUSHED)) {
        read_push(data, event);
    } else if (dd_str_eq(what, "ping")) {
        dd_registry_settle(event, DD_EVENT_PING);
    } else {
        dd_event_ignore(event, "%s: only a push of an image is of interest", shown);
    }
}

/* The address that stands beside the code is never fetched. */
static void read_validation(const dd_json *data, dd_event *event)
{
    dd_event_ignore(event, "Event Grid asks whether this address takes its events");
    event->validation = dd_strdup(dd_registry_text(data, "validationCode"));
}

static void read_grid_event(dd_reading *reading, const dd_json *item)
{
    dd_event *event = dd_reading_own(reading, dd_registry_text(item, "id"));
    const dd_json *data = dd_json_get(item, "data");
    const char *type = dd_registry_text(item, "eventType");
    if (!type)
        type = dd_registry_text(item, "type"); /* CloudEvents */
    if (dd_str_eq(type, VALIDATION))
        read_validation(data, event);
    else
        read_what(type, data, event);
}

static void read_body(dd_reading *reading, const dd_json *body)
{
    bool is_grid = dd_json_is(body, DD_JSON_ARRAY) || dd_json_get(body, "eventType") ||
                   dd_cloudevent_is_structured(reading->delivery);
    if (is_grid)
        dd_reading_each(reading, body, read_grid_event);
    else
        read_what(dd_registry_text(body, "action"), body,
                  dd_reading_own(reading, dd_registry_text(body, "id")));
}

static int normalise(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     dd_error **err)
{
    return dd_registry_normalise(settings, delivery, read_body, ret, err);
}

static const char *const media_types[] = {"application/json", "application/cloudevents+json",
                                          "application/cloudevents-batch+json", NULL};

const dd_sender dd_sender_acr = {
    .kind = "acr",
    .trust = DD_TRUST_BEARER,
    .is_registry = true,
    .names_registry = true,
    .media_types = media_types,
    .normalise = normalise,
    .check = dd_registry_check,
};
