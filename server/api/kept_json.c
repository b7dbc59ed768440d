/* Kept deliveries and their events as JSON. */
#include "kept_json.h"

#include <stdlib.h>
#include <string.h>

#define EVENT_FIELD "event:"

static const char *get(const dd_fields *fields, const char *name)
{
    return fields ? dd_fields_get(fields, name) : NULL;
}

/* Bytes that are no UTF-8 cannot stand in JSON; say so rather than leave the member out. */
static json_t *text_of(const char *text)
{
    json_t *json = json_string(text);
    return json ? json : json_string("(not UTF-8)");
}

static void set_text(json_t *object, const char *name, const char *text)
{
    if (text)
        json_object_set_new(object, name, text_of(text));
}

static void set_words(json_t *object, const char *name, const char *text, const char *between)
{
    json_t *list = json_array();
    while (text && *text) {
        size_t length = strcspn(text, between);
        dd_auto_str word = dd_strndup(text, length);
        if (length > 0)
            json_array_append_new(list, text_of(word));
        text += length + (text[length] != '\0');
    }
    json_object_set_new(object, name, list);
}

/* From the stream, or where its entry is gone, from what is kept longer. */
static const char *get_either(const dd_kept_event *event, const char *name)
{
    const char *text = get(event->entry, name);
    return text ? text : get(event->verdict, name);
}

/* An id begins with the time, by Redis's clock, at which the event was taken. */
static json_t *head_of(const dd_kept_event *event)
{
    json_t *object = json_object();
    json_object_set_new(object, "id", json_string(event->id));
    json_object_set_new(object, "at_ms", json_integer(strtoll(event->id, NULL, 10)));
    return object;
}

/* `verdict` is null as long as the event waits for the matcher. */
static void set_verdict(json_t *object, const dd_kept_event *event)
{
    const char *verdict = get(event->verdict, "verdict");
    json_object_set_new(object, "verdict", verdict ? text_of(verdict) : json_null());
    set_words(object, "runs", get(event->verdict, "runs"), " ");
}

json_t *dd_kept_row(const dd_kept_event *event)
{
    static const char *const names[] = {"sender", "kind",   "delivery", "repository", "registry",
                                        "ref",    "branch", "tag",      "number",     "after",
                                        "digest", "actor",  "why",      "replay_of"};
    json_t *row = head_of(event);
    for (size_t i = 0; i < DD_COUNT(names); i++)
        set_text(row, names[i], get_either(event, names[i]));
    set_verdict(row, event);
    return row;
}

/* ---- Why ---- */

static json_t *tasks_of(const dd_decisions *decisions)
{
    json_t *list = json_array();
    for (size_t i = 0; i < decisions->count; i++) {
        const dd_decision *d = &decisions->items[i];
        json_array_append_new(list, json_pack("{s:o, s:s?, s:b, s:o}", "task", text_of(d->task), "run",
                                              d->run, "existed", d->existed, "why", text_of(d->why)));
    }
    return list;
}

static void set_tasks(json_t *object, const dd_kept_event *event)
{
    dd_decisions decisions = {0};
    if (event->verdict)
        dd_decisions_from_fields(event->verdict, &decisions);
    json_object_set_new(object, "tasks", tasks_of(&decisions));
    if (decisions.left_out)
        json_object_set_new(object, "tasks_left_out", json_integer((json_int_t)decisions.left_out));
    dd_decisions_done(&decisions);
}

json_t *dd_kept_why(const dd_kept_event *event)
{
    json_t *answer = json_pack("{s:s}", "event", event->id);
    set_text(answer, "kind", get_either(event, "kind"));
    set_verdict(answer, event);
    set_tasks(answer, event);
    return answer;
}

/* ---- All of it ---- */

const char *dd_kept_headers(const dd_kept_event *event)
{
    const char *headers = get(event->delivery, "headers");
    return headers ? headers : get(event->entry, "headers");
}

const char *dd_kept_body(const dd_kept_event *event, size_t *ret_length)
{
    const char *body = event->delivery ? dd_fields_get_bytes(event->delivery, "body", ret_length) : NULL;
    if (!body && event->entry)
        body = dd_fields_get_bytes(event->entry, "body", ret_length);
    return body;
}

/* As the fields of the stream, but for what is told otherwise. */
static void set_entry(json_t *object, const dd_fields *entry)
{
    static const char *const others[] = {"headers", "body", "kept", "changed_paths", "labels"};
    for (size_t i = 0; i < dd_fields_count(entry); i++) {
        const char *name = dd_fields_name_at(entry, i);
        bool other = false;
        for (size_t k = 0; k < DD_COUNT(others); k++)
            other = other || strcmp(name, others[k]) == 0;
        if (!other)
            set_text(object, name, dd_fields_value_at(entry, i));
    }
    const char *paths = dd_fields_get(entry, "changed_paths"), *labels = dd_fields_get(entry, "labels");
    if (paths)
        set_words(object, "changed_paths", paths, "\n");
    if (labels)
        set_words(object, "labels", labels, "\n");
}

static void set_headers(json_t *object, const char *text)
{
    dd_header *headers = NULL;
    json_t *list = json_array();
    size_t count = dd_headers_from_text(text, &headers);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_pack("[o, o]", text_of(headers[i].name), text_of(headers[i].value)));
    dd_headers_free(headers, count);
    json_object_set_new(object, "headers", list);
}

/* Text where JSON can hold it as it is; else base64. */
static void set_body(json_t *object, const char *body, size_t length)
{
    bool is_text = dd_utf8_is_valid(body, length) && !memchr(body, '\0', length);
    dd_auto_str coded = is_text ? NULL : dd_base64_encode(body, length);
    json_object_set_new(object, "body_encoding", json_string(is_text ? "utf-8" : "base64"));
    json_object_set_new(object, "body", json_string(is_text ? body : coded));
}

static void set_delivery(json_t *object, const dd_fields *delivery)
{
    json_t *events = json_array();
    for (size_t i = 0; i < dd_fields_count(delivery); i++) {
        const char *name = dd_fields_name_at(delivery, i);
        if (dd_str_starts(name, EVENT_FIELD))
            json_array_append_new(events, json_pack("{s:o, s:o}", "id", text_of(name + strlen(EVENT_FIELD)),
                                                    "kind", text_of(dd_fields_value_at(delivery, i))));
    }
    json_object_set_new(object, "events", events);
    set_text(object, "client", dd_fields_get(delivery, "client"));
    set_text(object, "answer", dd_fields_get(delivery, "answer"));
    set_words(object, "ignored", dd_fields_get(delivery, "ignored"), "\n");
    json_object_set_new(object, "received_ms", json_integer(dd_fields_get_int(delivery, "at_ms", 0)));
    json_object_set_new(object, "body_bytes", json_integer(dd_fields_get_int(delivery, "body_bytes", 0)));
}

json_t *dd_kept_whole(const dd_kept_event *event)
{
    json_t *whole = head_of(event);
    size_t length = 0;
    const char *headers = dd_kept_headers(event), *body = dd_kept_body(event, &length);
    if (event->entry)
        set_entry(whole, event->entry);
    else
        set_text(whole, "kind", get(event->verdict, "kind"));
    set_verdict(whole, event);
    set_tasks(whole, event);
    if (event->delivery)
        set_delivery(whole, event->delivery);
    if (headers)
        set_headers(whole, headers);
    if (body)
        set_body(whole, body, length);
    return whole;
}
