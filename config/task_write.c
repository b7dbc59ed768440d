/* A task's definition as a document of its own, written by libyaml's emitter from the tree that was read. */
#include "task_private.h"
#include <string.h>
#include <yaml.h>

typedef struct writer {
    yaml_emitter_t emitter;
    dd_buf *text;
    bool full;
} writer;

static int append(void *context, unsigned char *data, size_t length)
{
    writer *w = context;

    w->full = w->full || w->text->length + length > TASK_MAX_BYTES;
    if (w->full)
        return 0;
    dd_buf_add(w->text, data, length);
    return 1;
}

/* The emitter takes the event, whatever comes of it. */
static int emit(writer *w, int made, yaml_event_t *event, dd_error **err)
{
    if (made && yaml_emitter_emit(&w->emitter, event))
        return 0;
    if (w->full)
        return dd_fail(err, DD_ERR_LIMIT, "a task's definition is larger than %zu bytes", TASK_MAX_BYTES);
    return dd_fail(err, DD_ERR_INVALID, "a task's definition cannot be written: %s",
                   w->emitter.problem ? w->emitter.problem : "no memory");
}

/* Breaks and control characters stay what they are only as escapes: lines of plain and single-quoted text are
 * folded, and YAML counts U+0085, U+2028 and U+2029 as breaks too. */
static bool needs_escapes(const char *text)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return true;
    return strstr(text, "\xc2\x85") || strstr(text, "\xe2\x80\xa8") || strstr(text, "\xe2\x80\xa9");
}

static unsigned char *bytes(char *text)
{
    return (unsigned char *)text;
}

/* What was quoted stays quoted, and what was plain stays plain where it is no string: there the form is the
 * type. */
static int write_scalar(writer *w, const dd_yaml_node *node, dd_error **err)
{
    yaml_event_t event;
    yaml_scalar_style_t style =
        needs_escapes(node->text) ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_ANY_SCALAR_STYLE;
    int made =
        yaml_scalar_event_initialize(&event, NULL, bytes(node->tag), bytes(node->text), (int)node->length,
                                     !node->tag && !node->quoted, !node->tag, style);

    return emit(w, made, &event, err);
}

static int write_node(writer *w, const dd_yaml_node *node, int depth, dd_error **err);

static int write_members(writer *w, const dd_yaml_node *node, int depth, dd_error **err)
{
    for (size_t i = 0; i < node->length; i++) {
        if (node->kind == DD_YAML_MAP && (write_scalar(w, node->entries[i].key, err) < 0 ||
                                          write_node(w, node->entries[i].value, depth + 1, err) < 0))
            return -1;
        if (node->kind == DD_YAML_LIST && write_node(w, node->items[i], depth + 1, err) < 0)
            return -1;
    }
    return 0;
}

static int write_node(writer *w, const dd_yaml_node *node, int depth, dd_error **err)
{
    bool map = node->kind == DD_YAML_MAP;
    yaml_event_t event;
    int made;

    if (depth > DD_YAML_MAX_DEPTH)
        return dd_fail(err, DD_ERR_LIMIT, "a task's definition is nested more than %d deep",
                       DD_YAML_MAX_DEPTH);
    if (node->kind == DD_YAML_SCALAR)
        return write_scalar(w, node, err);
    made = map ? yaml_mapping_start_event_initialize(&event, NULL, bytes(node->tag), !node->tag,
                                                     YAML_ANY_MAPPING_STYLE)
               : yaml_sequence_start_event_initialize(&event, NULL, bytes(node->tag), !node->tag,
                                                      YAML_ANY_SEQUENCE_STYLE);
    if (emit(w, made, &event, err) < 0 || write_members(w, node, depth, err) < 0)
        return -1;
    made = map ? yaml_mapping_end_event_initialize(&event) : yaml_sequence_end_event_initialize(&event);
    return emit(w, made, &event, err);
}

/* The frame is made of nodes too, so that the same code writes it. */
static int write_document(writer *w, const dd_yaml_node *task, dd_error **err)
{
    char word[] = "tasks";
    dd_yaml_node member = *task;
    dd_yaml_node *members[] = {&member};
    dd_yaml_node key = {.kind = DD_YAML_SCALAR, .text = word, .length = strlen(word)};
    dd_yaml_node list = {.kind = DD_YAML_LIST, .items = members, .length = DD_COUNT(members)};
    dd_yaml_entry entry = {&key, &list};
    dd_yaml_node root = {.kind = DD_YAML_MAP, .entries = &entry, .length = 1};
    yaml_event_t event;

    if (emit(w, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING), &event, err) < 0 ||
        emit(w, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1), &event, err) < 0 ||
        write_node(w, &root, 1, err) < 0 ||
        emit(w, yaml_document_end_event_initialize(&event, 1), &event, err) < 0)
        return -1;
    return emit(w, yaml_stream_end_event_initialize(&event), &event, err);
}

int dd_task_write(const dd_yaml_node *task, char **ret, dd_error **err)
{
    dd_auto(dd_buf) text = dd_buf_new();
    writer w = {.text = text};
    int result;

    if (!yaml_emitter_initialize(&w.emitter))
        return dd_fail(err, DD_ERR_INTERNAL, "libyaml's emitter cannot be initialised");
    yaml_emitter_set_output(&w.emitter, append, &w);
    yaml_emitter_set_unicode(&w.emitter, 1);
    yaml_emitter_set_width(&w.emitter, -1);
    result = write_document(&w, task, err);
    yaml_emitter_delete(&w.emitter);
    if (result < 0)
        return -1;
    *ret = dd_buf_steal(text);
    return 0;
}
