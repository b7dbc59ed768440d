/* JFrog Artifactory's webhooks of the domain "docker". The header X-JFrog-Event-Auth has the body's code
 * where payload signing is on (`secret`), and else the secret itself (`auth: {header: X-JFrog-Event-Auth,
 * value}`). Which of them is the settings' word: a code must not be taken for a secret, nor a secret for a
 * code. https://jfrog.com/help/r/jfrog-platform-administration-documentation/webhooks */
#include "registry.h"

#include <string.h>
#include <strings.h>

static int verify(const dd_sender_settings *settings, const dd_delivery *delivery, dd_error **err)
{
    return dd_auth_hmac(settings, delivery, "X-JFrog-Event-Auth", "", delivery->body, delivery->body_length,
                        err);
}

/* The host of an address; owned, without its port. */
static char *host_of(const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *host = scheme ? scheme + 3 : url;
    return dd_strndup(host, strcspn(host, "/:?#"));
}

/* A registry that is one repository (docker_repository) may be called anything; else it is Artifactory
 * itself.
 */
static bool is_from_elsewhere(const dd_sender_settings *settings, const char *origin)
{
    const char *own = settings->url ? settings->url : settings->registry;
    if (!origin || !own || (settings->docker_repository && !settings->url))
        return false;
    dd_auto_str a = host_of(origin);
    dd_auto_str b = host_of(own);
    return strcasecmp(a, b) != 0;
}

static void read_push(dd_reading *reading, const dd_json *body, dd_event *event)
{
    const dd_json *data = dd_json_get(body, "data");
    const char *key = dd_registry_text(data, "repo_key"), *name = dd_registry_text(data, "image_name");
    const char *origin = dd_registry_text(body, "jpd_origin"), *sum = dd_registry_text(data, "sha256");
    dd_auto_str own_host = origin ? host_of(origin) : NULL;
    dd_auto_str digest = sum ? dd_sprintf("sha256:%s", sum) : NULL;
    dd_auto_str repository = dd_registry_hosted(reading->settings, key, name);
    dd_auto_str shown = dd_plain_line(own_host, 100);
    const dd_registry_image image = {.registry = reading->settings->registry ? NULL : own_host,
                                     .repository = repository,
                                     .tag = dd_registry_text(data, "tag"),
                                     .digest = digest};
    if (is_from_elsewhere(reading->settings, origin))
        dd_event_ignore(event, "it is of %s, and not of the Artifactory of the settings", shown);
    else if (key && !dd_registry_hosts(reading->settings, key))
        dd_event_ignore(event, "it is of another Docker repository than the registry is");
    else
        dd_registry_pushed(event, &image, true);
}

/* A promotion puts an image into another repository, under another name. */
static void read_body(dd_reading *reading, const dd_json *body)
{
    const char *domain = dd_registry_text(body, "domain"), *type = dd_registry_text(body, "event_type");
    dd_auto_str shown_domain = dd_plain_line(domain ? domain : "none", 40);
    dd_auto_str shown_type = dd_plain_line(type ? type : "none", 40);
    /* Neither an id nor a time stands in the body. */
    dd_auto_str id = dd_reading_timed_id(reading);
    reading->id = id;
    dd_event *event = dd_reading_part(reading);
    reading->id = NULL;
    if (!dd_str_eq(domain, "docker"))
        dd_event_ignore(event, "domain %s: only Docker images are read here", shown_domain);
    else if (!dd_str_eq(type, "pushed"))
        dd_event_ignore(event, "%s: only a push changes an image", shown_type);
    else
        read_push(reading, body, event);
}

static int normalise(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     dd_error **err)
{
    return dd_registry_normalise(settings, delivery, read_body, ret, err);
}

static const char *const media_types[] = {"application/json", NULL};

const dd_sender dd_sender_artifactory = {
    .kind = "artifactory",
    .trust = DD_TRUST_SIGNED,
    .is_registry = true,
    .names_registry = true,
    .media_types = media_types,
    .verify = verify,
    .normalise = normalise,
    .check = dd_registry_check,
};
