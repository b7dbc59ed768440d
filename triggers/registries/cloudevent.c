/* CloudEvents over HTTP, in structured and in binary form.
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md */
#include "registry.h"

bool dd_cloudevent_is_structured(const dd_delivery *delivery)
{
    return dd_delivery_is(delivery, "application/cloudevents+json") ||
           dd_delivery_is(delivery, "application/cloudevents-batch+json");
}

dd_cloudevent dd_cloudevent_of(const dd_json *object)
{
    return (dd_cloudevent){.id = dd_registry_text(object, "id"),
                           .source = dd_registry_text(object, "source"),
                           .type = dd_registry_text(object, "type"),
                           .subject = dd_registry_text(object, "subject"),
                           .data = dd_json_get(object, "data")};
}

/* One that stands twice is none. */
static const char *attribute(const dd_delivery *delivery, const char *name)
{
    bool twice;
    const char *value = dd_delivery_header(delivery, name, &twice);
    return value && *value ? value : NULL;
}

dd_cloudevent dd_cloudevent_of_headers(const dd_delivery *delivery, const dd_json *body)
{
    return (dd_cloudevent){.id = attribute(delivery, "Ce-Id"),
                           .source = attribute(delivery, "Ce-Source"),
                           .type = attribute(delivery, "Ce-Type"),
                           .subject = attribute(delivery, "Ce-Subject"),
                           .data = body};
}

dd_cloudevent dd_cloudevent_read(const dd_reading *reading, const dd_json *item)
{
    return dd_cloudevent_is_structured(reading->delivery) ? dd_cloudevent_of(item)
                                                          : dd_cloudevent_of_headers(reading->delivery, item);
}
