/* What the registries' files share: settings, the way through a body, and what becomes of an image. */
#include "registry.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_MAX_BYTES 1024

/* ---- Settings ---- */

/* A host that image names could not begin with would make its images Docker Hub's. */
static int check_host(const char *registry, dd_error **err)
{
    dd_auto(dd_reference) image = NULL;
    dd_auto_str text = dd_sprintf("%s/image:tag", registry);
    if (dd_reference_parse(text, &image, err) < 0)
        return dd_context(err, "registry '%s'", registry);
    if (!dd_str_eq(image->repository, "image") && !dd_str_eq(image->repository, "library/image"))
        return dd_fail(err, DD_ERR_INVALID,
                       "registry '%s': a registry is a host with a dot or a port, or localhost", registry);
    return 0;
}

static const char *registry_of(const dd_sender_settings *settings)
{
    const dd_sender *sender = dd_sender_find(settings->kind);
    return settings->registry || !sender ? settings->registry : sender->registry;
}

int dd_registry_check(const dd_sender_settings *settings, dd_error **err)
{
    const char *registry = registry_of(settings);
    if (!registry || !*registry)
        return dd_fail(err, DD_ERR_INVALID, "a %s sender needs the registry it speaks for", settings->kind);
    return check_host(registry, err);
}

int dd_registry_verify_path(const dd_sender_settings *settings, const dd_delivery *delivery, dd_error **err)
{
    const char *token = delivery->url_token;
    if (!token)
        return dd_fail(err, DD_ERR_DENIED, "the address has no token");
    if (!dd_auth_matches(token, strlen(token), &settings->secrets))
        return dd_fail(err, DD_ERR_DENIED, "the address's token is not the configured one");
    return 0;
}

bool dd_registry_hosts(const dd_sender_settings *settings, const char *hosted)
{
    return !settings->docker_repository || dd_str_eq(settings->docker_repository, hosted);
}

char *dd_registry_hosted(const dd_sender_settings *settings, const char *hosted, const char *name)
{
    if (!name || (!hosted && !settings->docker_repository))
        return NULL;
    return settings->docker_repository ? dd_strdup(name) : dd_sprintf("%s/%s", hosted, name);
}

/* ---- Reading ---- */

const char *dd_registry_plain(const dd_json *value)
{
    bool is_text = dd_json_is(value, DD_JSON_STRING) && value->length > 0;
    return is_text && value->length <= TEXT_MAX_BYTES ? dd_json_text(value) : NULL;
}

const char *dd_registry_text(const dd_json *object, const char *name)
{
    return dd_registry_plain(dd_json_get(object, name));
}

static dd_event *add_event(dd_reading *reading)
{
    dd_event *event = dd_event_new(DD_EVENT_IGNORED, reading->settings);
    event->registry = dd_strdup(registry_of(reading->settings));
    dd_event_ignore(event, "nothing is done for it");
    dd_events_add(reading->events, event);
    return event;
}

/* As dd_delivery_id. */
static char *id_of(dd_reading *reading, const char *claimed, size_t index)
{
    if (claimed && dd_name_is_valid(claimed))
        return dd_strdup(claimed);
    if (!reading->made)
        reading->made = dd_delivery_id(NULL, reading->delivery, 0);
    int stem = (int)(strrchr(reading->made, '-') - reading->made);
    return dd_sprintf("%.*s-%zu", stem, reading->made, index);
}

dd_event *dd_reading_own(dd_reading *reading, const char *id)
{
    size_t index = reading->events->count;
    dd_event *event = add_event(reading);
    event->delivery = id_of(reading, id, index);
    return event;
}

dd_event *dd_reading_part(dd_reading *reading)
{
    size_t index = reading->events->count;
    dd_event *event = add_event(reading);
    event->delivery = id_of(reading, reading->id, 0);
    if (index > 0)
        event->part = dd_sprintf("%zu", index + 1);
    return event;
}

void dd_reading_ignore(dd_reading *reading, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    dd_auto_str why = dd_vsprintf(format, args);
    va_end(args);
    dd_event_ignore(dd_reading_part(reading), "%s", why);
}

char *dd_reading_timed_id(const dd_reading *reading)
{
    char digest[DD_SHA256_HEX];
    dd_sha256_hex(reading->delivery->body, reading->delivery->body_length, digest);
    return dd_sprintf("body-%.32s-%lld", digest, (long long)reading->delivery->at_ms);
}

void dd_registry_actor(dd_event *event, const char *name)
{
    if (name && dd_is_plain_word(name))
        event->actor = dd_strdup(name);
}

void dd_reading_each(dd_reading *reading, const dd_json *body, dd_registry_read *read)
{
    const dd_json *item;
    size_t i;
    if (!dd_json_is(body, DD_JSON_ARRAY)) {
        read(reading, body);
        return;
    }
    DD_JSON_ITEMS(body, i, item)
    {
        if (i == DD_REGISTRY_EVENTS_MAX) {
            dd_reading_ignore(reading, "the delivery holds more events than are read");
            return;
        }
        read(reading, item);
    }
}

int dd_registry_normalise(const dd_sender_settings *settings, const dd_delivery *delivery,
                          dd_registry_read *read, dd_events **ret, dd_error **err)
{
    dd_auto(dd_json_document) document = NULL;
    dd_auto(dd_events) events = dd_new(dd_events);
    dd_reading reading = {.settings = settings, .delivery = delivery, .events = events};
    if (dd_json_parse(delivery->body, delivery->body_length, &document, err) < 0)
        return -1;
    read(&reading, dd_json_root(document));
    if (events->count == 0)
        dd_reading_ignore(&reading, "the delivery holds no events");
    free(reading.made);
    *ret = dd_take(events);
    return 0;
}

/* ---- References ---- */

static bool looks_like_host(const char *text, size_t length)
{
    static const char local[] = "localhost";
    if (length == strlen(local) && strncasecmp(text, local, length) == 0)
        return true;
    return memchr(text, '.', length) || memchr(text, ':', length);
}

void dd_image_text_init(dd_image_text *image, const char *text)
{
    const char *at = strchr(text, '@');
    const char *end = at ? at : text + strlen(text);
    const char *slash = memchr(text, '/', (size_t)(end - text));
    *image = (dd_image_text){0};
    if (at)
        image->digest = dd_strdup(at + 1);
    if (slash && looks_like_host(text, (size_t)(slash - text))) {
        image->registry = dd_strndup(text, (size_t)(slash - text));
        text = slash + 1;
    }
    const char *colon = memchr(text, ':', (size_t)(end - text));
    if (colon && colon + 1 < end)
        image->tag = dd_strndup(colon + 1, (size_t)(end - colon - 1));
    image->repository = dd_strndup(text, (size_t)((colon ? colon : end) - text));
}

void dd_image_text_done(dd_image_text *image)
{
    free(image->registry);
    free(image->repository);
    free(image->tag);
    free(image->digest);
    *image = (dd_image_text){0};
}

/* ---- Images ---- */

static bool is_manifest(const char *media_type)
{
    static const char *const types[] = {
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    };
    for (size_t i = 0; i < DD_COUNT(types); i++)
        if (dd_str_eq(media_type, types[i]))
            return true;
    return false;
}

/* sha256-<64 hex>[.sig|.att|.sbom]: something about an image, not an image. Artifactory writes a digest as
 * sha256__<64 hex>. */
static bool is_attachment_tag(const char *tag)
{
    static const char *const prefixes[] = {"sha256-", "sha256__"};
    for (size_t i = 0; i < DD_COUNT(prefixes); i++)
        if (dd_str_starts(tag, prefixes[i]) && strspn(tag + strlen(prefixes[i]), "0123456789abcdef") >= 64)
            return true;
    return false;
}

/* "registry.example.com:443" is "registry.example.com". */
static size_t host_length(const char *host)
{
    size_t length = strlen(host);
    return dd_str_ends(host, ":443") ? length - 4 : length;
}

static bool is_same_host(const char *a, const char *b)
{
    size_t length = host_length(a);
    return length == host_length(b) && strncasecmp(a, b, length) == 0;
}

static void keep(char **to, const char *text, bool is_valid)
{
    if (!text || !is_valid)
        return;
    free(*to);
    *to = dd_strdup(text);
}

void dd_registry_note(dd_event *event, const dd_registry_image *image)
{
    /* A saved delivery that is read without settings: they always have one where a run could come of it. */
    if (!event->registry && image->registry && check_host(image->registry, NULL) == 0) {
        event->registry = dd_strdup(image->registry);
        for (char *c = event->registry; *c; c++)
            *c = (char)tolower((unsigned char)*c);
    }
    keep(&event->repository, image->repository,
         image->repository && dd_repository_is_valid(image->repository));
    keep(&event->tag, image->tag, image->tag && dd_tag_is_valid(image->tag));
    keep(&event->digest, image->digest, image->digest && dd_digest_is_valid(image->digest));
    keep(&event->media_type, image->media_type, image->media_type && is_manifest(image->media_type));
}

void dd_registry_settle(dd_event *event, dd_event_kind kind)
{
    free(event->why);
    event->why = NULL;
    event->kind = kind;
}

void dd_registry_pushed(dd_event *event, const dd_registry_image *image, bool needs_digest)
{
    dd_registry_note(event, image);
    if (!event->registry) {
        dd_event_ignore(event, "nothing says which registry it is of");
    } else if (image->registry && !is_same_host(image->registry, event->registry)) {
        dd_auto_str shown = dd_plain_line(image->registry, 100);
        dd_event_ignore(event, "it is of the registry %s, and this sender speaks for %s", shown,
                        event->registry);
    } else if (image->media_type && !event->media_type) {
        dd_event_ignore(event, "what was pushed is no manifest");
    } else if (!event->repository) {
        dd_event_ignore(event, "the event names no valid repository");
    } else if (!event->tag) {
        dd_event_ignore(event, image->tag && !dd_digest_is_valid(image->tag)
                                   ? "the event names no valid tag"
                                   : "the manifest was pushed without a tag");
    } else if (is_attachment_tag(event->tag)) {
        dd_event_ignore(event, "the tag belongs to a signature or an attachment");
    } else if (!event->digest && (needs_digest || image->digest)) {
        dd_event_ignore(event, "the event has no valid digest");
    } else {
        dd_registry_settle(event, DD_EVENT_IMAGE_PUSH);
    }
}
