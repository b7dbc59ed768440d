/* Google's Artifact Registry (and gcr.io before it): messages of the Pub/Sub topic "gcr", pushed here.
 * https://cloud.google.com/artifact-registry/docs/configure-notifications
 * https://cloud.google.com/pubsub/docs/push
 *
 * Pub/Sub can send an OIDC token, which is judged by keys that Google changes every few days. They are not
 * fetched here: the proof is a token in the subscription's address, and digests are confirmed as always. */
#include "registry.h"

/* "HOST/PROJECT/REPOSITORY/IMAGE@DIGEST", and the same with the tag. */
static void read_insert(const dd_json *data, dd_event *event)
{
    dd_image_text by_digest, by_tag;
    const char *digest = dd_registry_text(data, "digest"), *tag = dd_registry_text(data, "tag");
    dd_image_text_init(&by_digest, digest ? digest : "");
    dd_image_text_init(&by_tag, tag ? tag : "");
    const dd_image_text *named = tag ? &by_tag : &by_digest;
    const dd_registry_image image = {.registry = named->registry,
                                     .repository = named->repository,
                                     .tag = by_tag.tag,
                                     .digest = by_digest.digest};
    /* One that names no digest is an older message of the tag alone: the registry is asked for it. */
    bool is_one = !tag || !digest ||
                  (dd_str_eq(by_tag.registry, by_digest.registry) &&
                   dd_str_eq(by_tag.repository, by_digest.repository));
    if (is_one)
        dd_registry_pushed(event, &image, false);
    else
        dd_event_ignore(event, "the tag and the digest are of two images");
    dd_image_text_done(&by_digest);
    dd_image_text_done(&by_tag);
}

static void read_data(const dd_json *data, dd_event *event)
{
    const char *action = dd_registry_text(data, "action");
    dd_auto_str shown = dd_plain_line(action ? action : "none", 40);
    if (dd_str_eq(action, "INSERT"))
        read_insert(data, event);
    else
        dd_event_ignore(event, "action %s: only a push changes an image", shown);
}

static void read_body(dd_reading *reading, const dd_json *body)
{
    const dd_json *message = dd_json_get(body, "message"), *data = dd_json_get(message, "data");
    dd_auto(dd_buf) text = dd_buf_new();
    dd_auto(dd_json_document) document = NULL;
    dd_event *event = dd_reading_own(reading, dd_registry_text(message, "messageId"));
    if (!dd_json_is(data, DD_JSON_STRING) || !dd_base64_decode(data->text, data->length, text) ||
        text->length == 0 || dd_json_parse(text->data, text->length, &document, NULL) < 0)
        dd_event_ignore(event, "the message's data is no base64 of JSON");
    else
        read_data(dd_json_root(document), event);
}

static int normalise(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     dd_error **err)
{
    return dd_registry_normalise(settings, delivery, read_body, ret, err);
}

static const char *const media_types[] = {"application/json", NULL};

const dd_sender dd_sender_gar = {
    .kind = "gar",
    .trust = DD_TRUST_PATH,
    .is_registry = true,
    .names_registry = true,
    .media_types = media_types,
    .verify = dd_registry_verify_path,
    .normalise = normalise,
    .check = dd_registry_check,
};
