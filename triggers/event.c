/* Events: one form for what all senders say, as a line of JSON and as the fields of the events stream. */
#include "senders.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

/* Every text of an event, in the order of the JSON line that design.md fixes; one row serves freeing, the
 * line and the stream alike. */
static const struct member {
    const char *name;
    size_t offset;
    bool in_json;
} members[] = {
    {"delivery", offsetof(dd_event, delivery), true},
    {"part", offsetof(dd_event, part), false},
    {"repository", offsetof(dd_event, repository), true},
    {"clone_url", offsetof(dd_event, clone_url), true},
    {"ref", offsetof(dd_event, ref), true},
    {"branch", offsetof(dd_event, branch), true},
    {"tag", offsetof(dd_event, tag), true},
    {"before", offsetof(dd_event, before), true},
    {"after", offsetof(dd_event, after), true},
    {"registry", offsetof(dd_event, registry), true},
    {"digest", offsetof(dd_event, digest), true},
    {"sender", offsetof(dd_event, sender), false}, /* stands first, before the kind */
    {"sender_kind", offsetof(dd_event, sender_kind), false},
    {"repository_key", offsetof(dd_event, repository_key), false},
    {"default_branch", offsetof(dd_event, default_branch), false},
    {"media_type", offsetof(dd_event, media_type), false},
    {"message", offsetof(dd_event, message), false},
    {"actor", offsetof(dd_event, actor), false},
    {"actor_id", offsetof(dd_event, actor_id), false},
    {"author", offsetof(dd_event, author), false},
    {"number", offsetof(dd_event, number), false},
    {"head_branch", offsetof(dd_event, head_branch), false},
    {"head_repository", offsetof(dd_event, head_repository), false},
    {"why", offsetof(dd_event, why), false},
    {"validation", offsetof(dd_event, validation), false},
    {"replay_of", offsetof(dd_event, replay_of), false},
};

/* Stream only: "yes", or the field is not there. */
static const struct flag {
    const char *name;
    size_t offset;
} flags[] = {
    {"skip_asked", offsetof(dd_event, skip_asked)},
    {"forced", offsetof(dd_event, forced)},
    {"fork", offsetof(dd_event, fork)},
    {"draft", offsetof(dd_event, draft)},
    {"replay_forced", offsetof(dd_event, replay_forced)},
};

static bool flag_in(const dd_event *event, const struct flag *flag)
{
    return *(const bool *)((const char *)event + flag->offset);
}

static char **text_of(dd_event *event, const struct member *member)
{
    return (char **)(void *)((char *)event + member->offset);
}

static const char *text_in(const dd_event *event, const struct member *member)
{
    return *(char *const *)(const void *)((const char *)event + member->offset);
}

dd_event *dd_event_new(dd_event_kind kind, const dd_sender_settings *settings)
{
    dd_event *event = dd_new(dd_event);
    event->kind = kind;
    event->sender = dd_strdup(settings->name);
    event->sender_kind = dd_strdup(settings->kind);
    return event;
}

void dd_event_free(dd_event *event)
{
    if (!event)
        return;
    for (size_t i = 0; i < DD_COUNT(members); i++)
        free(*text_of(event, &members[i]));
    dd_strv_done(&event->changed_paths);
    dd_strv_done(&event->labels);
    free(event);
}

char *dd_event_id(const dd_event *event)
{
    /* A part is short, and a name of 63 characters with it still tells deliveries apart by 58. */
    return event->part ? dd_sprintf("%.58s.%.4s", event->delivery, event->part) : dd_strdup(event->delivery);
}

void dd_event_ignore(dd_event *event, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    free(event->why);
    event->why = dd_vsprintf(format, args);
    va_end(args);
    event->kind = DD_EVENT_IGNORED;
}

void dd_events_add(dd_events *events, dd_event *event)
{
    /* Grows at powers of two. */
    if ((events->count & (events->count - 1)) == 0)
        events->items =
            dd_reallocarray(events->items, events->count ? events->count * 2 : 1, sizeof(dd_event *));
    events->items[events->count++] = event;
}

void dd_events_free(dd_events *events)
{
    if (!events)
        return;
    for (size_t i = 0; i < events->count; i++)
        dd_event_free(events->items[i]);
    free(events->items);
    free(events);
}

static void set_text(json_t *object, const char *name, const char *text)
{
    if (text)
        json_object_set_new(object, name, json_string(text));
}

static json_t *paths_to_json(const dd_event *event)
{
    if (!event->paths_known)
        return json_null();
    json_t *list = json_array();
    for (size_t i = 0; i < event->changed_paths.count; i++)
        json_array_append_new(list, json_string(event->changed_paths.items[i]));
    return list;
}

char *dd_event_to_json(const dd_event *event)
{
    json_t *object = json_object();
    set_text(object, "sender", event->sender);
    set_text(object, "kind", dd_event_kind_name(event->kind));
    for (size_t i = 0; i < DD_COUNT(members); i++) {
        if (!members[i].in_json)
            continue;
        set_text(object, members[i].name, text_in(event, &members[i]));
        if (members[i].offset == offsetof(dd_event, after))
            json_object_set_new(object, "changed_paths", paths_to_json(event));
    }
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    dd_assert(text); /* its texts came out of JSON, or are ours */
    return text;
}

dd_fields *dd_event_to_fields(const dd_event *event)
{
    dd_fields *fields = dd_fields_new();
    dd_fields_set(fields, "kind", dd_event_kind_name(event->kind));
    for (size_t i = 0; i < DD_COUNT(members); i++)
        dd_fields_set(fields, members[i].name, text_in(event, &members[i]));
    for (size_t i = 0; i < DD_COUNT(flags); i++)
        if (flag_in(event, &flags[i]))
            dd_fields_set(fields, flags[i].name, "yes");
    if (event->labels.count > 0) {
        dd_auto_str labels = dd_strv_join(&event->labels, "\n");
        dd_fields_set(fields, "labels", labels);
    }
    if (event->paths_known) {
        dd_auto_str paths = dd_strv_join(&event->changed_paths, "\n");
        dd_fields_set(fields, "changed_paths", paths);
    }
    return fields;
}

static void split_lines(const char *text, dd_strv *ret)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        if (length > 0)
            dd_strv_add_n(ret, text, length);
        text += length + (text[length] == '\n');
    }
}

int dd_event_from_fields(const dd_fields *fields, dd_event **ret, dd_error **err)
{
    const char *kind = dd_fields_get(fields, "kind");
    dd_event_kind known;
    if (!kind || !dd_event_kind_parse(kind, &known))
        return dd_fail(err, DD_ERR_INVALID, "an event of no known kind");
    dd_event *event = dd_new(dd_event);
    event->kind = known;
    for (size_t i = 0; i < DD_COUNT(members); i++)
        *text_of(event, &members[i]) = dd_strdup(dd_fields_get(fields, members[i].name));
    for (size_t i = 0; i < DD_COUNT(flags); i++)
        *(bool *)((char *)event + flags[i].offset) = dd_str_eq(dd_fields_get(fields, flags[i].name), "yes");
    const char *labels = dd_fields_get(fields, "labels");
    if (labels)
        split_lines(labels, &event->labels);
    const char *paths = dd_fields_get(fields, "changed_paths");
    event->paths_known = paths != NULL;
    if (paths)
        split_lines(paths, &event->changed_paths);
    *ret = event;
    return 0;
}
