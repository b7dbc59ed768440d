/* The senders' table: every forge and registry that deliveries are taken from, and the way all of them go. */
#include "senders.h"

#include <pthread.h>

static const dd_sender *const senders[] = {
    &dd_sender_github,
    &dd_sender_gitlab,
    &dd_sender_gitea,
    &dd_sender_forgejo,
    &dd_sender_gogs,
    &dd_sender_bitbucket,
    &dd_sender_bitbucket_datacenter,
    &dd_sender_azure_devops,
    &dd_sender_standard_webhooks,
    &dd_sender_distribution,
    &dd_sender_gitlab_registry,
    &dd_sender_harbor,
    &dd_sender_acr,
    &dd_sender_dockerhub,
    &dd_sender_quay,
    &dd_sender_ghcr,
    &dd_sender_ecr,
    &dd_sender_gar,
    &dd_sender_artifactory,
    &dd_sender_nexus,
    &dd_sender_zot,
    &dd_sender_cloudevents,
};

const dd_sender *dd_sender_find(const char *kind)
{
    for (size_t i = 0; i < DD_COUNT(senders); i++)
        if (dd_str_eq(senders[i]->kind, kind))
            return senders[i];
    return NULL;
}

static const char *kinds[DD_COUNT(senders)];
static pthread_once_t kinds_filled = PTHREAD_ONCE_INIT;

static void fill_kinds(void)
{
    for (size_t i = 0; i < DD_COUNT(senders); i++)
        kinds[i] = senders[i]->kind;
}

const char *const *dd_sender_kinds(size_t *ret_count)
{
    pthread_once(&kinds_filled, fill_kinds);
    *ret_count = DD_COUNT(senders);
    return kinds;
}

static int check_sender(const dd_sender_settings *settings, dd_error **err)
{
    size_t count;
    const char *const *known = dd_sender_kinds(&count);
    const dd_sender *sender = dd_sender_find(settings->kind);
    if (sender && dd_auth_check(sender, settings, err) < 0)
        return -1;
    if (sender)
        return sender->check ? sender->check(settings, err) : 0;
    const char *nearest = settings->kind ? dd_str_nearest(settings->kind, known, count) : NULL;
    dd_fail(err, DD_ERR_INVALID, "there is no kind '%s'", settings->kind ? settings->kind : "");
    return nearest ? dd_hint(err, "did you mean '%s'?", nearest) : -1;
}

int dd_senders_check(const dd_settings *settings, dd_error **err)
{
    for (size_t i = 0; i < settings->sender_count; i++) {
        const dd_sender_settings *sender = &settings->senders[i];
        dd_error *why = NULL;
        if (check_sender(sender, &why) == 0) {
            if (dd_sender_trust(sender) == DD_TRUST_NONE)
                dd_log(DD_LOG_WARNING, "triggers", NULL,
                       "sender '%s' takes deliveries from anybody (auth: none), as its settings say",
                       sender->name);
            continue;
        }
        dd_fail_at(err, why->code, sender->place, NULL, "sender '%s': %s", sender->name, why->message);
        if (why->hint)
            dd_hint(err, "%s", why->hint);
        dd_error_free(why);
        return -1;
    }
    return 0;
}

static bool is_media_type_of(const dd_sender *sender, const dd_delivery *delivery)
{
    for (const char *const *type = sender->media_types; *type; type++)
        if (dd_delivery_is(delivery, *type))
            return true;
    return false;
}

/* Whoever has the secret of one repository's hook could name any other in a body. A registry's are
 * HOST/REPOSITORY. */
static void check_repository(const dd_sender_settings *settings, dd_event *event)
{
    if (!settings->repositories || !event->repository)
        return;
    dd_auto_str image = event->registry ? dd_sprintf("%s/%s", event->registry, event->repository) : NULL;
    const char *key = image ? image : event->repository_key;
    if (!key || !dd_glob_match(settings->repositories, key))
        dd_event_ignore(event, "the sender does not speak for the repository %.100s", event->repository);
}

static int read_events(const dd_sender *sender, const dd_sender_settings *settings,
                       const dd_delivery *delivery, dd_events **ret, dd_error **err)
{
    if (sender->normalise(settings, delivery, ret, err) < 0)
        return -1;
    for (size_t i = 0; i < (*ret)->count; i++)
        check_repository(settings, (*ret)->items[i]);
    return 0;
}

int dd_delivery_read(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     int *ret_status, dd_error **err)
{
    const dd_sender *sender = dd_sender_find(settings->kind);
    *ret_status = 400;
    dd_assert(!delivery->head_only);
    if (!sender)
        return dd_fail(err, DD_ERR_INVALID, "no sender is of the kind '%s'", settings->kind);
    if (dd_sender_verify(settings, delivery, err) < 0) {
        *ret_status = 401;
        return -1;
    }
    if (!is_media_type_of(sender, delivery)) {
        *ret_status = 415;
        return dd_fail(err, DD_ERR_INVALID, "a %s sender sends no such Content-Type", sender->kind);
    }
    return read_events(sender, settings, delivery, ret, err);
}

int dd_delivery_read_again(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                           dd_error **err)
{
    const dd_sender *sender = dd_sender_find(settings->kind);
    if (!sender)
        return dd_fail(err, DD_ERR_INVALID, "no sender is of the kind '%s'", settings->kind);
    return read_events(sender, settings, delivery, ret, err);
}
