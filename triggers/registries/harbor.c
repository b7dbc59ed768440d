/* Harbor 2: webhooks of a project, in its own form or as CloudEvents, proven by the Authorization header that
 * the policy has.
 * https://goharbor.io/docs/latest/working-with-projects/project-configuration/configure-webhooks/
 */
#include "registry.h"

#define PUSHED            "PUSH_ARTIFACT" /* and as CloudEvents: */
#define PUSHED_CLOUDEVENT "harbor.artifact.pushed"

/* A resource without a tag has its digest for one. Its address has no scheme. */
static void read_resource(dd_reading *reading, const dd_json *resource, const char *repository,
                          const char *actor)
{
    dd_image_text address;
    const char *url = dd_registry_text(resource, "resource_url");
    dd_image_text_init(&address, url ? url : "");
    const dd_registry_image image = {.registry = address.registry,
                                     .repository = repository,
                                     .tag = dd_registry_text(resource, "tag"),
                                     .digest = dd_registry_text(resource, "digest")};
    dd_event *event = dd_reading_part(reading);
    dd_registry_actor(event, actor);
    dd_registry_pushed(event, &image, true);
    dd_image_text_done(&address);
}

static void read_push(dd_reading *reading, const dd_json *data, const char *actor)
{
    const char *repository = dd_registry_text(dd_json_get(data, "repository"), "repo_full_name");
    const dd_json *resource, *list = dd_json_get(data, "resources");
    size_t i;
    DD_JSON_ITEMS(list, i, resource)
    {
        if (i == DD_REGISTRY_EVENTS_MAX) {
            dd_reading_ignore(reading, "the delivery holds more images than are read");
            return;
        }
        read_resource(reading, resource, repository, actor);
    }
    if (i == 0)
        dd_reading_ignore(reading, "the push names no images");
}

static void read_body(dd_reading *reading, const dd_json *body)
{
    bool is_cloudevent = dd_cloudevent_is_structured(reading->delivery);
    const char *type = dd_registry_text(body, "type");
    const dd_json *data = dd_json_get(body, is_cloudevent ? "data" : "event_data");
    reading->id = is_cloudevent ? dd_registry_text(body, "id") : NULL;
    dd_auto_str shown = dd_plain_line(type, 40);
    if (!type)
        dd_reading_ignore(reading, "the body does not say what happened");
    else if (dd_str_eq(type, is_cloudevent ? PUSHED_CLOUDEVENT : PUSHED))
        read_push(reading, data, dd_registry_text(body, "operator"));
    else
        dd_reading_ignore(reading, "%s: only a push changes an image", shown);
}

static int normalise(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     dd_error **err)
{
    return dd_registry_normalise(settings, delivery, read_body, ret, err);
}

static const char *const media_types[] = {"application/json", "application/cloudevents+json", NULL};

const dd_sender dd_sender_harbor = {
    .kind = "harbor",
    .trust = DD_TRUST_BEARER,
    .is_registry = true,
    .names_registry = true,
    .media_types = media_types,
    .normalise = normalise,
    .check = dd_registry_check,
};
