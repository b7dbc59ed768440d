/* Docker Hub's webhooks: of pushes alone, without a digest, and proven by nothing but a token in the address.
 * Its callback_url is never called. https://docs.docker.com/docker-hub/repos/manage/webhooks/ */
#include "registry.h"

#include <string.h>

static const char hub[] = "docker.io";

static void read_body(dd_reading *reading, const dd_json *body)
{
    const dd_json *push = dd_json_get(body, "push_data");
    const char *name = dd_registry_text(dd_json_get(body, "repository"), "repo_name");
    dd_auto_str official = name && !strchr(name, '/') ? dd_sprintf("library/%s", name) : NULL;
    const dd_registry_image image = {.repository = official ? official : name,
                                     .tag = dd_registry_text(push, "tag"),
                                     .media_type = dd_registry_text(push, "media_type")};
    dd_event *event = dd_reading_part(reading);
    dd_registry_actor(event, dd_registry_text(push, "pusher"));
    dd_registry_pushed(event, &image, false);
}

static int normalise(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     dd_error **err)
{
    return dd_registry_normalise(settings, delivery, read_body, ret, err);
}

static int check(const dd_sender_settings *settings, dd_error **err)
{
    if (settings->registry && !dd_str_eq(settings->registry, hub))
        return dd_fail(err, DD_ERR_INVALID, "registry '%s': a dockerhub sender speaks for %s",
                       settings->registry, hub);
    return 0;
}

static const char *const media_types[] = {"application/json", NULL};

const dd_sender dd_sender_dockerhub = {
    .kind = "dockerhub",
    .trust = DD_TRUST_PATH,
    .is_registry = true,
    .registry = hub,
    .media_types = media_types,
    .verify = dd_registry_verify_path,
    .normalise = normalise,
    .check = check,
};
