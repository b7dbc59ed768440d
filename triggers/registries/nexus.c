/* Sonatype Nexus Repository's webhooks of a repository's components and assets, signed by HMAC-SHA1 of the
 * body where they have a secret key. They have no digests: those are asked of the registry.
 * https://help.sonatype.com/en/working-with-webhooks.html */
#include "registry.h"

#include <string.h>

static int verify(const dd_sender_settings *settings, const dd_delivery *delivery, dd_error **err)
{
    return dd_auth_hmac_sha1(settings, delivery, "X-Nexus-Webhook-Signature", err);
}

static void read_image(dd_reading *reading, const dd_json *body, const char *name, const char *tag,
                       dd_event *event)
{
    const char *key = dd_registry_text(body, "repositoryName");
    dd_auto_str repository = dd_registry_hosted(reading->settings, key, name);
    const dd_registry_image image = {.repository = repository, .tag = tag};
    if (key && !dd_registry_hosts(reading->settings, key))
        dd_event_ignore(event, "it is of another Docker repository than the registry is");
    else
        dd_registry_pushed(event, &image, false);
}

static void read_component(dd_reading *reading, const dd_json *body, const dd_json *component,
                           dd_event *event)
{
    read_image(reading, body, dd_registry_text(component, "name"), dd_registry_text(component, "version"),
               event);
}

/* A moved tag may be told by its manifest alone: "v2/IMAGE/manifests/TAG". */
static void read_asset(dd_reading *reading, const dd_json *body, const dd_json *asset, dd_event *event)
{
    static const char top[] = "v2/", between[] = "/manifests/";
    const char *path = dd_registry_text(asset, "name");
    if (path && *path == '/')
        path++;
    const char *middle = path && dd_str_starts(path, top) ? strstr(path, between) : NULL;
    if (!middle || middle < path + strlen(top)) {
        dd_event_ignore(event, "the asset is no manifest");
        return;
    }
    dd_auto_str name = dd_strndup(path + strlen(top), (size_t)(middle - path) - strlen(top));
    read_image(reading, body, name, middle + strlen(between), event);
}

static const struct rule {
    const char *member;
    void (*read)(dd_reading *reading, const dd_json *body, const dd_json *object, dd_event *event);
} rules[] = {
    {"component", read_component},
    {"asset", read_asset},
};

static void read_change(dd_reading *reading, const dd_json *body, const struct rule *rule, dd_event *event)
{
    const dd_json *object = dd_json_get(body, rule->member);
    const char *action = dd_registry_text(body, "action"), *format = dd_registry_text(object, "format");
    dd_auto_str shown = dd_plain_line(action ? action : "none", 40);
    dd_registry_actor(event, dd_registry_text(body, "initiator"));
    if (!dd_str_eq(action, "CREATED") && !dd_str_eq(action, "UPDATED"))
        dd_event_ignore(event, "action %s: only what is new changes an image", shown);
    else if (!dd_str_eq(format, "docker"))
        dd_event_ignore(event, "the %s is no Docker image", rule->member);
    else
        rule->read(reading, body, object, event);
}

static void read_body(dd_reading *reading, const dd_json *body)
{
    bool twice;
    reading->id = dd_delivery_header(reading->delivery, "X-Nexus-Webhook-Delivery", &twice);
    dd_event *event = dd_reading_part(reading);
    for (size_t i = 0; i < DD_COUNT(rules); i++) {
        if (!dd_json_is(dd_json_get(body, rules[i].member), DD_JSON_OBJECT))
            continue;
        read_change(reading, body, &rules[i], event);
        return;
    }
    dd_event_ignore(event, "it is of no component and no asset");
}

static int normalise(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     dd_error **err)
{
    return dd_registry_normalise(settings, delivery, read_body, ret, err);
}

static const char *const media_types[] = {"application/json", NULL};

const dd_sender dd_sender_nexus = {
    .kind = "nexus",
    .trust = DD_TRUST_SIGNED,
    .is_registry = true,
    .media_types = media_types,
    .verify = verify,
    .normalise = normalise,
    .check = dd_registry_check,
};
