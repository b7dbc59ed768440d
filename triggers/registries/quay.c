/* Quay's "Push to Repository" notifications: tags without digests, proven by nothing but a token in the
 * address. https://docs.quay.io/guides/notifications.html */
#include "registry.h"

/* The body neither has an id nor says when, so that each is news: the digest tells. A repeated one does no
 * harm. */
static void read_tags(dd_reading *reading, const dd_json *body, const dd_json *tags)
{
    dd_image_text address;
    const dd_json *tag;
    size_t i;
    const char *url = dd_registry_text(body, "docker_url");
    dd_auto_str id = dd_reading_timed_id(reading);
    reading->id = id;
    dd_image_text_init(&address, url ? url : "");
    DD_JSON_ITEMS(tags, i, tag)
    {
        if (i == DD_REGISTRY_EVENTS_MAX) {
            dd_reading_ignore(reading, "the delivery holds more tags than are read");
            break;
        }
        const dd_registry_image image = {.registry = address.registry,
                                         .repository = dd_registry_text(body, "repository"),
                                         .tag = dd_json_text(tag)};
        dd_registry_pushed(dd_reading_part(reading), &image, false);
    }
    dd_image_text_done(&address);
    reading->id = NULL;
}

static void read_body(dd_reading *reading, const dd_json *body)
{
    const dd_json *tags = dd_json_get(body, "updated_tags");
    if (dd_json_get(body, "build_id"))
        dd_reading_ignore(reading, "it is of a build: the push that follows says what changed");
    else if (!dd_json_is(tags, DD_JSON_ARRAY))
        dd_reading_ignore(reading, "it names no updated tags: only a push is of interest");
    else if (dd_json_count(tags) == 0)
        dd_reading_ignore(reading, "the push names no tags");
    else
        read_tags(reading, body, tags);
}

static int normalise(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     dd_error **err)
{
    return dd_registry_normalise(settings, delivery, read_body, ret, err);
}

static const char *const media_types[] = {"application/json", NULL};

const dd_sender dd_sender_quay = {
    .kind = "quay",
    .trust = DD_TRUST_PATH,
    .is_registry = true,
    .names_registry = true,
    .media_types = media_types,
    .verify = dd_registry_verify_path,
    .normalise = normalise,
    .check = dd_registry_check,
};
