/* GitHub's container registry: the events package and registry_package of a repository's or an organization's
 * hook, signed as all of GitHub's. https://docs.github.com/webhooks/webhook-events-and-payloads#package
 *
 * The same events tell of npm's packages and others, and of every manifest within an index, untagged. */
#include "registry.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static int verify(const dd_sender_settings *settings, const dd_delivery *delivery, dd_error **err)
{
    return dd_auth_hmac(settings, delivery, "X-Hub-Signature-256", "sha256=", delivery->body,
                        delivery->body_length, err);
}

static bool is_container(const char *type)
{
    static const char *const types[] = {"container", "docker"};
    for (size_t i = 0; type && i < DD_COUNT(types); i++)
        if (strcasecmp(type, types[i]) == 0)
            return true;
    return false;
}

/* As one can pull it; else by namespace and name. Names come as they were typed, images are in lower case. */
static char *read_repository(const dd_json *package, const dd_image_text *address)
{
    const char *space = dd_registry_text(package, "namespace"), *name = dd_registry_text(package, "name");
    char *text = address->registry ? dd_strdup(address->repository)
                 : space && name   ? dd_sprintf("%s/%s", space, name)
                                   : NULL;
    for (char *c = text; c && *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return text;
}

static void read_version(const dd_json *package, dd_event *event)
{
    const dd_json *version = dd_json_get(package, "package_version");
    const dd_json *container = dd_json_get(version, "container_metadata");
    const char *url = dd_registry_text(version, "package_url");
    dd_image_text address;
    dd_image_text_init(&address, url ? url : "");
    dd_auto_str repository = read_repository(package, &address);
    const dd_registry_image image = {.registry = address.registry,
                                     .repository = repository,
                                     .tag = dd_registry_text(dd_json_get(container, "tag"), "name"),
                                     .digest = dd_registry_text(version, "version"),
                                     .media_type =
                                         dd_registry_text(dd_json_get(container, "manifest"), "media_type")};
    dd_registry_pushed(event, &image, true);
    dd_image_text_done(&address);
}

static void read_package(const dd_json *body, const char *name, dd_event *event)
{
    const dd_json *package = dd_json_get(body, name);
    const char *action = dd_registry_text(body, "action");
    const char *type = dd_registry_text(package, "package_type");
    dd_auto_str shown_action = dd_plain_line(action ? action : "none", 40);
    dd_auto_str shown_type = dd_plain_line(type ? type : "unknown", 40);
    dd_registry_actor(event, dd_registry_text(dd_json_get(body, "sender"), "login"));
    if (!dd_str_eq(action, "published") && !dd_str_eq(action, "updated"))
        dd_event_ignore(event, "action %s: only a push changes an image", shown_action);
    else if (!is_container(type))
        dd_event_ignore(event, "the package's type is %s: it is no image", shown_type);
    else
        read_version(package, event);
}

static void read_body(dd_reading *reading, const dd_json *body)
{
    bool twice;
    const char *name = dd_delivery_header(reading->delivery, "X-GitHub-Event", &twice);
    reading->id = dd_delivery_header(reading->delivery, "X-GitHub-Delivery", &twice);
    dd_event *event = dd_reading_part(reading);
    dd_auto_str shown = dd_plain_line(name, 40);
    if (!name)
        dd_event_ignore(event, "the header X-GitHub-Event does not say what happened");
    else if (dd_str_eq(name, "package") || dd_str_eq(name, "registry_package"))
        read_package(body, name, event);
    else if (dd_str_eq(name, "ping"))
        dd_registry_settle(event, DD_EVENT_PING);
    else
        dd_event_ignore(event, "%s: only packages are read here", shown);
}

/* The signature covers a form as it came. */
static int normalise(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     dd_error **err)
{
    dd_auto(dd_buf) form = NULL;
    dd_delivery inner = *delivery;
    if (dd_delivery_is(delivery, "application/x-www-form-urlencoded")) {
        if (dd_form_field(delivery->body, delivery->body_length, "payload", &form, err) < 0)
            return -1;
        inner.body = form->data;
        inner.body_length = form->length;
    }
    return dd_registry_normalise(settings, &inner, read_body, ret, err);
}

static const char *const media_types[] = {"application/json", "application/x-www-form-urlencoded", NULL};

const dd_sender dd_sender_ghcr = {
    .kind = "ghcr",
    .trust = DD_TRUST_SIGNED,
    .is_registry = true,
    .registry = "ghcr.io",
    .media_types = media_types,
    .verify = verify,
    .normalise = normalise,
    .check = dd_registry_check,
};
