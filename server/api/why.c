/* GET /api/v1/events/ID/why: for every task near an event, the run it had or why it had none. */
#include "events.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

typedef struct why {
    dd_event_lookup lookup;
    json_t *answer;
    char *image;       /* REGISTRY/REPOSITORY:TAG that was pushed, normalised; NULL: not asked */
    size_t repository; /* length of its REGISTRY/REPOSITORY: */
} why;

static void why_free(void *state)
{
    why *w = state;
    dd_event_lookup_free(&w->lookup);
    json_decref(w->answer);
    free(w->image);
    free(w);
}

static void answer(dd_exchange *exchange)
{
    const why *w = exchange->state;
    dd_answer(exchange, 200, json_incref(w->answer));
}

/* ---- The neighbours of a pushed image: tasks built from another tag of its repository ----
 * The matcher asks only those of the tag. These are told as the index is now. */

static const char *other_image(const why *w, const dd_fields *bases)
{
    const char *other = NULL;
    for (size_t i = 0; bases && i < dd_fields_count(bases); i++) {
        const char *name = dd_fields_name_at(bases, i);
        if (strcmp(name, w->image) == 0)
            return NULL;
        if (strncmp(name, w->image, w->repository) == 0)
            other = name;
    }
    return other;
}

static bool is_told(const json_t *tasks, const char *name)
{
    for (size_t i = 0; i < json_array_size(tasks); i++)
        if (dd_str_eq(json_string_value(json_object_get(json_array_get(tasks, i), "task")), name))
            return true;
    return false;
}

static void on_bases(dd_exchange *exchange, const dd_strv *keys, dd_fields *const *items)
{
    const why *w = exchange->state;
    json_t *tasks = json_object_get(w->answer, "tasks");
    for (size_t i = 0; i < keys->count; i++) {
        const char *other = other_image(w, items[i]), *name = keys->items[i] + strlen("task:");
        dd_auto_str task = dd_strndup(name, strcspn(name, ":"));
        if (!other || is_told(tasks, task))
            continue;
        dd_auto_str text = dd_sprintf("it is built from %s, not from %s", other, w->image);
        json_array_append_new(
            tasks, json_pack("{s:s, s:n, s:b, s:s}", "task", task, "run", "existed", 0, "why", text));
    }
    answer(exchange);
}

static void on_tasks(struct redisReply *reply, const dd_error *error, void *context)
{
    if (error) {
        dd_answer_error(context, 0, error);
        return;
    }
    dd_strv *keys = dd_strv_new();
    for (size_t i = 0; i < reply->elements; i++)
        dd_strv_addf(keys, "task:%s:bases", reply->element[i]->str);
    dd_strv_sort(keys);
    dd_exchange_hashes(context, keys, on_bases);
}

static void set_image(why *w, const dd_fields *entry)
{
    const char *kind = dd_fields_get(entry, "kind"), *registry = dd_fields_get(entry, "registry");
    const char *repository = dd_fields_get(entry, "repository"), *tag = dd_fields_get(entry, "tag");
    dd_auto(dd_reference) reference = NULL;
    if (!dd_str_eq(kind, dd_event_kind_name(DD_EVENT_IMAGE_PUSH)) || !registry || !repository || !tag)
        return;
    dd_auto_str text = dd_sprintf("%s/%s:%s", registry, repository, tag);
    if (dd_reference_parse(text, &reference, NULL) < 0)
        return;
    w->image = dd_strdup(reference->text);
    w->repository = (size_t)(strrchr(w->image, ':') - w->image) + 1;
}

static void on_found(dd_exchange *exchange, const dd_kept_event *event)
{
    why *w = exchange->state;
    w->answer = dd_kept_why(event);
    if (event->entry)
        set_image(w, event->entry);
    if (!w->image) {
        answer(exchange);
        return;
    }
    dd_auto_str key = dd_sprintf("%stasks", exchange->door->settings->redis.prefix);
    dd_command *command = dd_command_new("SMEMBERS");
    dd_command_key(command, key);
    dd_exchange_call(exchange, command, on_tasks);
}

void dd_handle_event_why(dd_exchange *exchange)
{
    why *w = exchange->state = dd_new(why);
    exchange->free_state = why_free;
    w->lookup.found = on_found;
    dd_event_lookup_start(exchange);
}
