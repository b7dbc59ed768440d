/* Values as JSON, by Sprig's names, and as YAML, by Helm's. */
#include "runner/lang/functions/functions.h"
#include <string.h>
#include <yaml.h>

/* ---- JSON ---- */

/* Sprig swallows errors: what JSON cannot say is nothing. */
static int give_json(dd_evaluation *e, const dd_value *value, bool pretty, dd_value *ret)
{
    dd_buf into = {0};

    if (!dd_value_json(&into, value, pretty))
        into.length = 0;
    return dd_give_buf(e, &into, ret);
}

CALL(toJson)
{
    return give_json(e, &arguments[0], false, ret);
}

CALL(toPrettyJson)
{
    return give_json(e, &arguments[0], true, ret);
}

/* ---- YAML ---- */

static int write_yaml(void *into, unsigned char *data, size_t size)
{
    dd_buf *buf = into;

    dd_buf_add(buf, (const char *)data, size);
    return buf->length < DD_VALUE_PRINT_MAX;
}

/* Texts of lines as a block, and in quotes what would read as something else than a string. */
static yaml_scalar_style_t style_of(dd_text text)
{
    dd_auto_str copy = dd_strndup(text.data, text.length);
    dd_yaml_node node = {.kind = DD_YAML_SCALAR, .text = copy, .length = text.length};

    if (memchr(text.data, '\n', text.length))
        return YAML_LITERAL_SCALAR_STYLE;
    return dd_yaml_scalar_type(&node) == DD_YAML_STRING ? YAML_PLAIN_SCALAR_STYLE
                                                        : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
}

static bool emit_scalar(yaml_emitter_t *emitter, dd_text text, yaml_scalar_style_t style)
{
    yaml_event_t event;
    dd_buf valid = {0};
    bool ret;

    while (text.length) /* libyaml takes nothing that is no UTF-8 */
        dd_rune_add(&valid, dd_rune_take(&text));
    ret = yaml_scalar_event_initialize(&event, NULL, NULL, (yaml_char_t *)(valid.data ? valid.data : ""),
                                       (int)valid.length, 1, 1, style) &&
          yaml_emitter_emit(emitter, &event);
    dd_buf_done(&valid);
    return ret;
}

static bool emit_value(yaml_emitter_t *emitter, const dd_value *value);

static bool emit_list(yaml_emitter_t *emitter, const dd_list *list)
{
    yaml_event_t event;
    bool ret =
        yaml_sequence_start_event_initialize(
            &event, NULL, NULL, 1, list->count ? YAML_BLOCK_SEQUENCE_STYLE : YAML_FLOW_SEQUENCE_STYLE) &&
        yaml_emitter_emit(emitter, &event);

    for (size_t i = 0; ret && i < list->count; i++)
        ret = emit_value(emitter, &list->items[i]);
    return ret && yaml_sequence_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
}

static bool emit_map(yaml_emitter_t *emitter, dd_map *map)
{
    yaml_event_t event;
    bool ret = yaml_mapping_start_event_initialize(
                   &event, NULL, NULL, 1, map->count ? YAML_BLOCK_MAPPING_STYLE : YAML_FLOW_MAPPING_STYLE) &&
               yaml_emitter_emit(emitter, &event);

    for (size_t i = 0; ret && i < map->count; i++) {
        const dd_pair *pair = &dd_map_sorted(map)[i];

        ret = emit_scalar(emitter, pair->key, style_of(pair->key)) && emit_value(emitter, &pair->value);
    }
    return ret && yaml_mapping_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
}

static bool emit_printed(yaml_emitter_t *emitter, const dd_value *value)
{
    dd_buf text = {0};
    bool ret;

    dd_value_json(&text, value, false);
    ret = emit_scalar(emitter, (dd_text){text.data ? text.data : "", text.length}, YAML_PLAIN_SCALAR_STYLE);
    dd_buf_done(&text);
    return ret;
}

static bool emit_value(yaml_emitter_t *emitter, const dd_value *value)
{
    if (value->kind == DD_VALUE_LIST)
        return emit_list(emitter, value->list);
    if (value->kind == DD_VALUE_MAP)
        return emit_map(emitter, value->map);
    return value->kind == DD_VALUE_STRING ? emit_scalar(emitter, value->text, style_of(value->text))
                                          : emit_printed(emitter, value);
}

static bool emit_document(yaml_emitter_t *emitter, const dd_value *value)
{
    yaml_event_t event;

    return yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) &&
           yaml_emitter_emit(emitter, &event) &&
           yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1) &&
           yaml_emitter_emit(emitter, &event) && emit_value(emitter, value) &&
           yaml_document_end_event_initialize(&event, 1) && yaml_emitter_emit(emitter, &event) &&
           yaml_stream_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
}

/* Block style, keys sorted, without the newline at the end. */
CALL(toYaml)
{
    yaml_emitter_t emitter;
    dd_buf into = {0};
    bool done;

    dd_assert(yaml_emitter_initialize(&emitter));
    yaml_emitter_set_output(&emitter, write_yaml, &into);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, -1);
    done = emit_document(&emitter, &arguments[0]);
    yaml_emitter_delete(&emitter);
    if (!done && into.length < DD_VALUE_PRINT_MAX) {
        dd_buf_done(&into);
        return dd_evaluation_fail(e, "the value cannot be written as YAML");
    }
    if (into.length && into.data[into.length - 1] == '\n')
        into.length--;
    return dd_give_buf(e, &into, ret);
}

static const dd_function rows[] = {
    {"toJson", "a", call_toJson},
    {"toPrettyJson", "a", call_toPrettyJson},
    {"toYaml", "a", call_toYaml},
};
const dd_function_family dd_functions_json = DD_FAMILY("json", rows);
