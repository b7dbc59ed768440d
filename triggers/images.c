/* A pushed image: the tasks that were last built from its reference run again when it has another digest now.
 *
 * The index (config/store/scripts/finish.lua writes it when a run ends): image:REFERENCE:tasks names the
 * tasks, task:NAME:bases says per reference "DIGEST runtime" or "DIGEST buildtime", what the last good run
 * was built from. */
#include "matcher.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_STEP_MS 100

/* What a registry is asked for. */
struct settling {
    const char *event_id;
    const dd_registry_settings *registry;
    const dd_reference *image;
    const char *notified; /* the digest that it notified; NULL: none */
};

/* One image under one digest, on its way to the tasks. */
struct update {
    const char *event_id;
    const dd_event *event;
    const char *reference;
    const char *digest;
};

/* ---- A registry that is away ---- */

static dd_away *find_away(dd_matcher *matcher, const char *registry)
{
    for (size_t i = 0; i < matcher->away_count; i++)
        if (dd_str_eq(matcher->away[i].registry, registry))
            return &matcher->away[i];
    matcher->away = dd_reallocarray(matcher->away, matcher->away_count + 1, sizeof(*matcher->away));
    matcher->away[matcher->away_count] = (dd_away){.registry = dd_strdup(registry)};
    return &matcher->away[matcher->away_count++];
}

static void note_away(dd_matcher *matcher, dd_away *away, const char *why)
{
    int64_t delay_ms = away->delay_ms ? away->delay_ms * 2 : matcher->times.retry_ms;
    away->delay_ms = delay_ms < matcher->times.retry_most_ms ? delay_ms : matcher->times.retry_most_ms;
    away->until_ms = dd_monotonic_ms() + away->delay_ms;
    dd_log(DD_LOG_WARNING, "triggers", NULL, "%s; asking again in %lld ms", why, (long long)away->delay_ms);
}

/* ---- The digest ---- */

/* 0 with *ret, 1 when the registry is away, -1. */
static int ask_registry(dd_matcher *matcher, dd_away *away, const dd_registry_settings *registry,
                        const dd_reference *image, char **ret, dd_error **err)
{
    dd_error *why = NULL;
    if (away->until_ms > dd_monotonic_ms())
        return 1;
    if (dd_registry_digest_until(registry, image->repository, image->tag, &matcher->stopping, ret, &why) ==
        0) {
        away->delay_ms = 0;
        return 0;
    }
    bool is_away = why->code == DD_ERR_UNAVAILABLE;
    if (is_away)
        note_away(matcher, away, why->message);
    else
        dd_fail(err, why->code, "%s", why->message);
    dd_error_free(why);
    return is_away ? 1 : -1;
}

/* docker-registry notifies of a manifest before it moves the tag (its tags.Tag comes behind manifests.Put),
 * so that who asks at once hears of the digest before. 1 when it should be asked again. */
static int ask_until_settled(dd_matcher *matcher, dd_away *away, const struct settling *settling, char **ret,
                             dd_error **err)
{
    int result = ask_registry(matcher, away, settling->registry, settling->image, ret, err);
    if (result != 0 || !settling->notified || dd_str_eq(*ret, settling->notified) ||
        dd_matcher_waited_ms(matcher, settling->event_id) >= matcher->times.settle_ms)
        return result;
    away->until_ms = dd_monotonic_ms() + SETTLE_STEP_MS;
    free(dd_take(*ret));
    return 1;
}

/* A signed body is believed. Else the registry itself says which digest the tag has, unless the settings
 * leave it out; a registry that is not listed is asked without credentials. */
static int confirm_digest(dd_matcher *matcher, const char *event_id, const dd_event *event,
                          const dd_reference *image, char **ret, dd_error **err)
{
    const dd_sender_settings *sender = dd_settings_sender(matcher->settings, event->sender);
    const dd_registry_settings unlisted = {.host = image->registry, .push_confirm = true};
    const dd_registry_settings *listed = dd_settings_registry(matcher->settings, image->registry);
    bool is_signed = sender && dd_sender_trust(sender) == DD_TRUST_SIGNED;
    if (event->digest && (is_signed || (listed && !listed->push_confirm))) {
        *ret = dd_strdup(event->digest);
        return 0;
    }
    const struct settling settling = {event_id, listed ? listed : &unlisted, image, event->digest};
    return ask_until_settled(matcher, find_away(matcher, event->registry), &settling, ret, err);
}

/* Keep the digest last seen, for `image stale`. The time is Redis's own: that of the event. */
static int note_digest(dd_matcher *matcher, const struct update *update, dd_error **err)
{
    redisReply *reply = NULL;
    dd_auto_str key = dd_store_key(matcher->store, "image:%s", update->reference);
    dd_auto_str seen_ms = dd_strndup(update->event_id, strcspn(update->event_id, "-"));
    dd_auto(dd_command) command = dd_command_new("HSET");
    dd_command_key(command, key);
    dd_command_arg(command, "digest");
    dd_command_arg(command, update->digest);
    dd_command_arg(command, "seen_ms");
    dd_command_arg(command, seen_ms);
    if (dd_matcher_call(matcher, command, &reply, err) < 0)
        return -1;
    freeReplyObject(reply);
    return 0;
}

/* ---- The tasks ---- */

/* "DIGEST KIND" of the edge; NULL when there is none. */
static int read_edge(dd_matcher *matcher, const char *task, const char *reference, char **ret, dd_error **err)
{
    redisReply *reply = NULL;
    dd_auto_str key = dd_store_key(matcher->store, "task:%s:bases", task);
    dd_auto(dd_command) command = dd_command_new("HGET");
    dd_command_key(command, key);
    dd_command_arg(command, reference);
    if (dd_matcher_call(matcher, command, &reply, err) < 0)
        return -1;
    *ret = reply->type == REDIS_REPLY_STRING ? dd_strndup(reply->str, reply->len) : NULL;
    freeReplyObject(reply);
    return 0;
}

/* Why the task does not run for this digest; NULL when it does. */
static const char *why_not(const dd_task *task, const char *edge, const char *digest, bool forced)
{
    size_t length = edge ? strcspn(edge, " ") : 0;
    if (!task->enabled)
        return "the task is disabled";
    if (task->base_image == DD_BASE_IMAGE_OFF)
        return "the task has no base_image trigger";
    if (!edge)
        return "its last run was not built from this image";
    if (task->base_image == DD_BASE_IMAGE_RUNTIME && dd_str_eq(edge + length, " buildtime"))
        return "the image is used while building only, and the trigger is for runtime";
    if (!forced && length == strlen(digest) && strncmp(edge, digest, length) == 0)
        return "its last run was built from this digest";
    return NULL;
}

/* The commit is left open: the run is of what its branch has by then. */
static int make_run(dd_matcher *matcher, const struct update *update, const dd_task *task,
                    const char *last_run, dd_verdict *verdict, dd_error **err)
{
    /* Beside the digest, the run that the index is from: a base that goes back to an older digest is news
     * again, but the same digest sent twice, or after a run of it that failed, is not. */
    dd_auto_str meaning = dd_sprintf("base %s@%s after %s", update->reference, update->digest,
                                     last_run && *last_run ? last_run : "none");
    const dd_cause cause = {.event = update->event,
                            .event_id = update->event_id,
                            .meaning = meaning,
                            .priority = "low",
                            .trigger = DD_TRIGGER_BASE_IMAGE};
    dd_auto_str image = dd_sprintf("%s@%s", update->reference, update->digest);
    dd_auto(dd_fields) more = dd_fields_new();
    dd_fields_set(more, "image", image);
    return dd_matcher_make_run(matcher, task, &cause, more, image, verdict, err);
}

static int update_task(dd_matcher *matcher, const struct update *update, const char *name,
                       dd_verdict *verdict, dd_error **err)
{
    dd_auto(dd_task) task = NULL;
    dd_auto(dd_fields) fields = NULL;
    dd_auto_str edge = NULL;
    if (dd_matcher_task(matcher, name, verdict, &task, &fields, err) < 0)
        return -1;
    if (!task)
        return 0;
    if (read_edge(matcher, name, update->reference, &edge, err) < 0)
        return -1;
    const char *why = why_not(task, edge, update->digest, update->event->replay_forced);
    if (!why)
        return make_run(matcher, update, task, dd_fields_get(fields, "last_run"), verdict, err);
    dd_verdict_why(verdict, name, "%s", why);
    return 0;
}

static int update_tasks(dd_matcher *matcher, const struct update *update, const dd_strv *names,
                        dd_verdict *verdict, dd_error **err)
{
    if (note_digest(matcher, update, err) < 0)
        return -1;
    for (size_t i = 0; i < names->count; i++)
        if (update_task(matcher, update, names->items[i], verdict, err) < 0 ||
            dd_matcher_check_stop(matcher, err) < 0)
            return -1;
    return 0;
}

static int read_reference(const dd_event *event, dd_reference **ret, dd_error **err)
{
    if (!event->registry || !event->repository || !event->tag)
        return dd_fail(err, DD_ERR_INVALID, "a pushed image without registry, repository or tag");
    dd_auto_str text = dd_sprintf("%s/%s:%s", event->registry, event->repository, event->tag);
    return dd_reference_parse(text, ret, err);
}

/* What the registry says against the event ends it, with a verdict: it is no fault of ours to try again. */
static int settle_refusal(dd_verdict *verdict, const char *reference, dd_error *why, dd_error **err)
{
    int result = 0;
    if (why->code == DD_ERR_CANCELED)
        result = dd_fail(err, why->code, "%s", why->message);
    else
        dd_verdict_say(verdict, "the digest of %s is not confirmed: %s", reference, why->message);
    dd_error_free(why);
    return result;
}

int dd_matcher_image_push(dd_matcher *matcher, const char *event_id, const dd_event *event,
                          dd_verdict *verdict, dd_error **err)
{
    dd_auto(dd_reference) reference = NULL;
    dd_auto(dd_strv) names = NULL;
    dd_auto_str digest = NULL;
    dd_error *why = NULL;
    if (read_reference(event, &reference, err) < 0)
        return -1;
    dd_assert(reference);
    dd_auto_str key = dd_store_key(matcher->store, "image:%s:tasks", reference->text);
    if (dd_matcher_task_names(matcher, key, &names, err) < 0)
        return -1;
    if (names->count == 0) { /* nobody to tell, so nothing to ask */
        dd_verdict_say(verdict, "no task was built from %s", reference->text);
        return 0;
    }
    int confirmed = confirm_digest(matcher, event_id, event, reference, &digest, &why);
    if (confirmed < 0)
        return settle_refusal(verdict, reference->text, why, err);
    if (confirmed > 0)
        return 1;
    const struct update update = {event_id, event, reference->text, digest};
    return update_tasks(matcher, &update, names, verdict, err);
}
