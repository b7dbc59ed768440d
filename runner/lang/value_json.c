/* Template values as JSON, written as Go's encoding/json writes it. */
#include "runner/lang/template_private.h"
#include <math.h>
#include <string.h>

typedef struct writer {
    dd_buf *into;
    bool pretty, bad;
    int level;
} writer;

/* Go escapes <, > and & too, and U+2028, U+2029, so that JSON is safe inside HTML. */
static void add_string(dd_buf *into, dd_text text)
{
    static const char *const short_names[] = {['\n'] = "\\n", ['\r'] = "\\r", ['\t'] = "\\t"};
    size_t used;

    dd_buf_add_char(into, '"');
    for (size_t i = 0; i < text.length; i += used) {
        uint32_t rune = dd_utf8_decode(text.data + i, text.length - i, &used);

        if (rune == '"' || rune == '\\')
            dd_buf_printf(into, "\\%c", (char)rune);
        else if (rune < DD_COUNT(short_names) && short_names[rune])
            dd_buf_add_str(into, short_names[rune]);
        else if (rune < 0x20 || rune == '<' || rune == '>' || rune == '&' || rune == 0x2028 ||
                 rune == 0x2029 || (rune == 0xfffd && used == 1))
            dd_buf_printf(into, "\\u%04x", rune);
        else
            dd_buf_add(into, text.data + i, used);
    }
    dd_buf_add_char(into, '"');
}

/* With an exponent only where it is small or large, and then "e-9" and not "e-09". */
static void add_float(writer *w, double real)
{
    dd_buf text = {0};
    const char *exponent;
    bool tiny = fabs(real) < 1e-6 && fpclassify(real) != FP_ZERO;

    if (isnan(real) || isinf(real)) {
        w->bad = true;
        return;
    }
    dd_float_print(&text, real, tiny || fabs(real) >= 1e21 ? 'e' : 'f');
    exponent = strstr(text.data, "e-0");
    if (exponent) {
        dd_buf_add(w->into, text.data, (size_t)(exponent - text.data) + 2);
        dd_buf_add_str(w->into, exponent + 3);
    } else {
        dd_buf_add(w->into, text.data, text.length);
    }
    dd_buf_done(&text);
}

static void add_line(writer *w)
{
    if (w->pretty)
        dd_buf_printf(w->into, "\n%*s", 2 * w->level, "");
}

static void add_value(writer *w, const dd_value *value);

static void add_list(writer *w, const dd_list *list)
{
    dd_buf_add_char(w->into, '[');
    w->level++;
    for (size_t i = 0; i < list->count && w->into->length < DD_VALUE_PRINT_MAX; i++) {
        if (i)
            dd_buf_add_char(w->into, ',');
        add_line(w);
        add_value(w, &list->items[i]);
    }
    w->level--;
    if (list->count)
        add_line(w);
    dd_buf_add_char(w->into, ']');
}

static void add_map(writer *w, dd_map *map)
{
    dd_buf_add_char(w->into, '{');
    w->level++;
    for (size_t i = 0; i < map->count && w->into->length < DD_VALUE_PRINT_MAX; i++) {
        const dd_pair *pair = &dd_map_sorted(map)[i];

        if (i)
            dd_buf_add_char(w->into, ',');
        add_line(w);
        add_string(w->into, pair->key);
        dd_buf_add_str(w->into, w->pretty ? ": " : ":");
        add_value(w, &pair->value);
    }
    w->level--;
    if (map->count)
        add_line(w);
    dd_buf_add_char(w->into, '}');
}

static void add_object(writer *w, const dd_value *value)
{
    dd_buf text = {0};

    if (!value->object->class->json(&text, value))
        w->bad = true;
    add_string(w->into, (dd_text){text.data ? text.data : "", text.length});
    dd_buf_done(&text);
}

static void add_value(writer *w, const dd_value *value)
{
    const dd_node *node = dd_value_node(value);

    if (node && node->none) {
        dd_buf_add_str(w->into, "null");
        return;
    }
    switch (value->kind) {
    case DD_VALUE_NIL:
        dd_buf_add_str(w->into, "null");
        break;
    case DD_VALUE_FLOAT:
        add_float(w, value->real);
        break;
    case DD_VALUE_STRING:
        add_string(w->into, value->text);
        break;
    case DD_VALUE_INT:
        if (dd_value_class(value)) { /* Go's JSON has their number */
            dd_buf_printf(w->into, "%lld", (long long)value->integer);
            break;
        }
        dd_value_print(w->into, value);
        break;
    case DD_VALUE_BOOL:
        dd_value_print(w->into, value);
        break;
    case DD_VALUE_LIST:
        add_list(w, value->list);
        break;
    case DD_VALUE_MAP:
        add_map(w, value->map);
        break;
    case DD_VALUE_OBJECT:
        add_object(w, value);
        break;
    }
}

bool dd_value_json(dd_buf *into, const dd_value *value, bool pretty)
{
    writer w = {into, pretty, false, 0};

    add_value(&w, value);
    return !w.bad;
}
