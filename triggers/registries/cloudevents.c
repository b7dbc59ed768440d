/* CloudEvents of senders without a kind of their own: the settings say which types are pushes of images, and
 * where in the event an image's parts stand. */
#include "registry.h"

#include <string.h>

#define UNIQUE_ID_BYTES 32 /* as long as a UUID */

/* What a pointer leads to: within the data, or an attribute, which is a header in binary form. */
static const char *text_at(const dd_reading *reading, const dd_json *item, const dd_cloudevent *cloudevent,
                           const char *pointer)
{
    static const char data[] = "/data/";
    bool twice;
    if (dd_str_starts(pointer, data))
        return dd_registry_plain(dd_json_pointer(cloudevent->data, pointer + strlen(data) - 1));
    if (dd_cloudevent_is_structured(reading->delivery))
        return dd_registry_plain(dd_json_pointer(item, pointer));
    dd_auto_str header = dd_sprintf("Ce-%s", pointer + 1);
    return dd_delivery_header(reading->delivery, header, &twice);
}

/* A whole reference, where the settings say that there is one; else its parts. */
static void read_push(const dd_reading *reading, const dd_json *item, const dd_cloudevent *cloudevent,
                      dd_event *event)
{
    const dd_sender_settings *settings = reading->settings;
    const struct {
        const char *pointer, *fallback;
    } fields[] = {{settings->fields.repository, "/data/repository"},
                  {settings->fields.tag, "/data/tag"},
                  {settings->fields.digest, "/data/digest"},
                  {settings->fields.actor, "/data/actor"}};
    const char *texts[DD_COUNT(fields)], *whole = NULL;
    for (size_t i = 0; i < DD_COUNT(fields); i++)
        texts[i] =
            text_at(reading, item, cloudevent, fields[i].pointer ? fields[i].pointer : fields[i].fallback);
    if (settings->fields.image)
        whole = text_at(reading, item, cloudevent, settings->fields.image);
    dd_image_text reference;
    dd_image_text_init(&reference, whole ? whole : "");
    const dd_registry_image image = {.registry = reference.registry,
                                     .repository = whole ? reference.repository : texts[0],
                                     .tag = reference.tag ? reference.tag : texts[1],
                                     .digest = reference.digest ? reference.digest : texts[2]};
    dd_registry_actor(event, texts[3]);
    dd_registry_pushed(event, &image, false);
    dd_image_text_done(&reference);
}

/* An id is unique among its source's alone: "7" of one is not "7" of another. */
static char *id_of(const dd_cloudevent *cloudevent)
{
    char digest[DD_SHA256_HEX];
    if (!cloudevent->id || !cloudevent->source || strlen(cloudevent->id) >= UNIQUE_ID_BYTES)
        return dd_strdup(cloudevent->id);
    dd_sha256_hex(cloudevent->source, strlen(cloudevent->source), digest);
    return dd_sprintf("%s-%.16s", cloudevent->id, digest);
}

static void read_event(dd_reading *reading, const dd_json *item)
{
    const dd_cloudevent cloudevent = dd_cloudevent_read(reading, item);
    const dd_strv *types = &reading->settings->types;
    dd_auto_str id = id_of(&cloudevent);
    dd_event *event = dd_reading_own(reading, id);
    dd_auto_str shown = dd_plain_line(cloudevent.type, 100);
    if (!cloudevent.type)
        dd_event_ignore(event, "no type says what happened");
    else if (types->count > 0 && !dd_strv_contains(types, cloudevent.type))
        dd_event_ignore(event, "%s is none of the settings' types", shown);
    else
        read_push(reading, item, &cloudevent, event);
}

/* A list in binary form is the data of one event. */
static void read_body(dd_reading *reading, const dd_json *body)
{
    if (dd_cloudevent_is_structured(reading->delivery))
        dd_reading_each(reading, body, read_event);
    else
        read_event(reading, body);
}

static int normalise(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     dd_error **err)
{
    return dd_registry_normalise(settings, delivery, read_body, ret, err);
}

static int check(const dd_sender_settings *settings, dd_error **err)
{
    if (settings->types.count == 0)
        return dd_fail(err, DD_ERR_INVALID, "a cloudevents sender needs the types that are pushes of images");
    return dd_registry_check(settings, err);
}

static const char *const media_types[] = {"application/cloudevents+json",
                                          "application/cloudevents-batch+json", "application/json", NULL};

const dd_sender dd_sender_cloudevents = {
    .kind = "cloudevents",
    .trust = DD_TRUST_BEARER,
    .is_registry = true,
    .media_types = media_types,
    .normalise = normalise,
    .check = check,
};
