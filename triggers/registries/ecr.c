/* Amazon ECR: EventBridge's events, from an API destination (a header of one's choice, or Basic) or inside
 * SNS's envelopes. https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
 *
 * SNS signs by a certificate that its body has the address of; nothing here fetches that, so an SNS endpoint
 * needs a token in its address or a name and a password. */
#include "registry.h"

#include <string.h>

#define ACCOUNT_DIGITS 12

static bool is_region(const char *text)
{
    return *text && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
}

static bool is_account(const char *text)
{
    return strlen(text) == ACCOUNT_DIGITS && strspn(text, "0123456789") == ACCOUNT_DIGITS;
}

/* The account's registry in that region; owned, NULL when the event does not say. */
static char *registry_of(const dd_json *body)
{
    const char *account = dd_registry_text(body, "account"), *region = dd_registry_text(body, "region");
    if (!account || !region || !is_account(account) || !is_region(region))
        return NULL;
    return dd_sprintf("%s.dkr.ecr.%s.amazonaws.com%s", account, region,
                      dd_str_starts(region, "cn-") ? ".cn" : "");
}

static void read_action(const dd_json *body, dd_event *event)
{
    const dd_json *detail = dd_json_get(body, "detail");
    const char *action = dd_registry_text(detail, "action-type");
    dd_auto_str registry = registry_of(body);
    const dd_registry_image image = {.registry = registry,
                                     .repository = dd_registry_text(detail, "repository-name"),
                                     .tag = dd_registry_text(detail, "image-tag"),
                                     .digest = dd_registry_text(detail, "image-digest"),
                                     .media_type = dd_registry_text(detail, "manifest-media-type")};
    dd_registry_note(event, &image);
    if (!registry)
        dd_event_ignore(event, "the event does not say which account and region it is of");
    else if (!dd_str_eq(action, "PUSH"))
        dd_event_ignore(event, "only a push changes an image");
    else if (!dd_str_eq(dd_registry_text(detail, "result"), "SUCCESS"))
        dd_event_ignore(event, "the push did not succeed");
    else
        dd_registry_pushed(event, &image, true);
}

/* Other events of ECR are of scans, replication and its cache. */
static void read_event(dd_reading *reading, const dd_json *body)
{
    dd_event *event = dd_reading_own(reading, dd_registry_text(body, "id"));
    const char *type = dd_registry_text(body, "detail-type");
    dd_auto_str shown = dd_plain_line(type ? type : "an event without a type", 60);
    if (dd_str_eq(dd_registry_text(body, "source"), "aws.ecr") && dd_str_eq(type, "ECR Image Action"))
        read_action(body, event);
    else
        dd_event_ignore(event, "%s: only ECR's image actions are read here", shown);
}

static void read_message(dd_reading *reading, const dd_json *envelope)
{
    const dd_json *message = dd_json_get(envelope, "Message");
    dd_auto(dd_json_document) document = NULL;
    if (dd_json_is(message, DD_JSON_STRING) &&
        dd_json_parse(message->text, message->length, &document, NULL) == 0)
        read_event(reading, dd_json_root(document));
    else
        dd_reading_ignore(reading, "the SNS message holds no event");
}

/* A topic's subscription begins once somebody fetches an address that SNS sends, or gives AWS the token in
 * it.
 */
static void read_body(dd_reading *reading, const dd_json *body)
{
    const char *type = dd_registry_text(body, "Type");
    if (!dd_json_get(body, "TopicArn") || !type)
        read_event(reading, body);
    else if (dd_str_eq(type, "Notification"))
        read_message(reading, body);
    else
        dd_reading_ignore(reading, "no address that SNS sends is fetched: confirm the subscription by "
                                   "`aws sns confirm-subscription` with the token in the delivery");
}

static int normalise(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     dd_error **err)
{
    return dd_registry_normalise(settings, delivery, read_body, ret, err);
}

/* SNS says text/plain of its JSON. */
static const char *const media_types[] = {"application/json", "text/plain", NULL};

const dd_sender dd_sender_ecr = {
    .kind = "ecr",
    .trust = DD_TRUST_BEARER,
    .is_registry = true,
    .names_registry = true,
    .media_types = media_types,
    .normalise = normalise,
    .check = dd_registry_check,
};
