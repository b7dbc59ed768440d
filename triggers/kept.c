/* What is kept for people: a delivery's headers, and what the matcher decided for each task near an event.
 * Written by the door and by the matcher, read by the API; plain text, since operators read it by redis-cli.
 */
#include "triggers.h"

#include <stdlib.h>
#include <string.h>

#define TASK_FIELD    "task:"
#define DECISIONS_MAX 500

/* ---- Headers: a line each ---- */

/* A proxy in front may hand the address on as a header, and with it a token that stands in it. */
static bool tells_token(const dd_delivery *delivery, const char *value)
{
    return delivery->url_token && (strstr(value, "token=") || strstr(value, delivery->url_token));
}

char *dd_headers_to_text(const dd_sender_settings *settings, const dd_delivery *delivery)
{
    dd_buf text = {0};
    for (size_t i = 0; i < delivery->header_count; i++) {
        const dd_header *header = &delivery->headers[i];
        if (!dd_sender_header_is_secret(settings, header->name) && !tells_token(delivery, header->value))
            dd_buf_printf(&text, "%s: %s\n", header->name, header->value);
    }
    return dd_buf_steal(&text);
}

size_t dd_headers_from_text(const char *text, dd_header **ret)
{
    size_t count = 0, lines = 0;
    for (const char *line = text; *line; line++)
        lines += *line == '\n';
    dd_header *headers = dd_calloc(lines + 2, sizeof(*headers));
    while (*text) {
        size_t length = strcspn(text, "\n"), name = strcspn(text, ":\n");
        if (name > 0 && text[name] == ':') {
            size_t value = name + 1 + (text[name + 1] == ' ');
            headers[count++] = (dd_header){.name = dd_strndup(text, name),
                                           .value = dd_strndup(text + value, length - value)};
        }
        text += length + (text[length] == '\n');
    }
    *ret = headers;
    return count;
}

void dd_headers_free(dd_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(headers[i].name);
        free(headers[i].value);
    }
    free(headers);
}

/* ---- Decisions: a field for each task ---- */

void dd_decisions_done(dd_decisions *decisions)
{
    for (size_t i = 0; i < decisions->count; i++) {
        free(decisions->items[i].task);
        free(decisions->items[i].run);
        free(decisions->items[i].why);
    }
    free(decisions->items);
    *decisions = (dd_decisions){0};
}

void dd_decisions_add(dd_decisions *decisions, const char *task, const char *run, bool existed,
                      const char *why)
{
    if (decisions->count == DECISIONS_MAX) {
        decisions->left_out++;
        return;
    }
    if ((decisions->count & (decisions->count - 1)) == 0)
        decisions->items = dd_reallocarray(decisions->items, decisions->count ? decisions->count * 2 : 1,
                                           sizeof(*decisions->items));
    decisions->items[decisions->count++] = (dd_decision){
        .task = dd_strdup(task), .run = dd_strdup(run), .existed = existed, .why = dd_strdup(why)};
}

void dd_decisions_to_fields(const dd_decisions *decisions, dd_fields *fields)
{
    for (size_t i = 0; i < decisions->count; i++) {
        const dd_decision *d = &decisions->items[i];
        dd_auto_str name = dd_sprintf(TASK_FIELD "%s", d->task);
        dd_auto_str text = d->run
                               ? dd_sprintf("run %s%s: %s", d->run, d->existed ? ", made before" : "", d->why)
                               : dd_sprintf("no run: %s", d->why);
        dd_fields_set(fields, name, text);
    }
    if (decisions->left_out)
        dd_fields_set_int(fields, "tasks_left_out", (int64_t)decisions->left_out);
}

/* "run ca1: why", "run ca1, made before: why", "no run: why"; anything else is a reason for no run. */
static void read_decision(dd_decisions *decisions, const char *task, const char *text)
{
    static const char made[] = "run ", none[] = "no run: ", before[] = ", made before";
    const char *id = text + strlen(made);
    size_t length = dd_str_starts(text, made) ? strcspn(id, ":, ") : 0;
    const char *rest = length ? id + length : text;
    bool existed = length && dd_str_starts(rest, before);
    rest += existed ? strlen(before) : 0;
    dd_auto_str run = length && dd_str_starts(rest, ": ") ? dd_strndup(id, length) : NULL;
    const char *why = run ? rest + 2 : dd_str_starts(text, none) ? text + strlen(none) : text;
    dd_decisions_add(decisions, task, run, run && existed, why);
}

/* As they were kept at first: "TASK: reason" lines under one name. */
static void read_lines(dd_decisions *decisions, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        dd_auto_str line = dd_strndup(text, length);
        char *colon = strstr(line, ": ");
        if (colon) {
            *colon = '\0';
            read_decision(decisions, line, colon + 2);
        }
        text += length + (text[length] == '\n');
    }
}

void dd_decisions_from_fields(const dd_fields *fields, dd_decisions *ret)
{
    *ret = (dd_decisions){0};
    for (size_t i = 0; i < dd_fields_count(fields); i++) {
        const char *name = dd_fields_name_at(fields, i);
        if (dd_str_starts(name, TASK_FIELD))
            read_decision(ret, name + strlen(TASK_FIELD), dd_fields_value_at(fields, i));
    }
    const char *lines = dd_fields_get(fields, "why");
    if (lines)
        read_lines(ret, lines);
    ret->left_out += (size_t)dd_fields_get_int(fields, "tasks_left_out", 0);
}
