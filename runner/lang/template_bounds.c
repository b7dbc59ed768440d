/* The bounds of running a template: everything that a task file could make large is counted here, and refused
 * with the action that went too far. */
#include "runner/lang/template_eval.h"
#include <string.h>

#define MAX_FRAMES 1000 /* blocks and parentheses within each other, over all calls of templates */

/* ---- Errors and bounds ---- */

int dd_evaluation_fail_at(dd_evaluation *e, size_t at, size_t end, dd_code code, const char *format, ...)
{
    dd_auto_str why = NULL;
    dd_auto_str shown = NULL;
    size_t length = end > at ? end - at : 0;
    va_list args;

    va_start(args, format);
    why = dd_vsprintf(format, args);
    va_end(args);
    shown =
        dd_strndup(e->parsed->text + at, length > DD_TEMPLATE_SHOWN_BYTES ? DD_TEMPLATE_SHOWN_BYTES : length);
    for (char *c = shown; *c; c++)
        if (*c == DD_TEMPLATE_RUN_MARK)
            *c = '$';
        else if (*c == '\n')
            *c = ' ';
    return dd_template_fail(e->parsed->text, e->parsed->length, at, code, e->err, "at <%s%s>: %s", shown,
                            length > DD_TEMPLATE_SHOWN_BYTES ? "…" : "", why);
}

int dd_evaluation_spend(dd_evaluation *e, size_t at, size_t amount)
{
    e->work += amount;
    if (e->work <= DD_TEMPLATE_MAX_WORK)
        return 0;
    return dd_template_fail(e->parsed->text, e->parsed->length, at, DD_ERR_LIMIT, e->err,
                            "the template takes too many steps");
}

int dd_evaluation_turn(dd_evaluation *e, size_t at)
{
    if (++e->turns <= DD_TEMPLATE_MAX_TURNS)
        return 0;
    return dd_template_fail(e->parsed->text, e->parsed->length, at, DD_ERR_LIMIT, e->err,
                            "the template loops more than %d times", DD_TEMPLATE_MAX_TURNS);
}

int dd_evaluation_frame(dd_evaluation *e, size_t at)
{
    if (++e->frames <= MAX_FRAMES)
        return 0;
    return dd_template_fail(e->parsed->text, e->parsed->length, at, DD_ERR_LIMIT, e->err,
                            "the template nests deeper than %d", MAX_FRAMES);
}

dd_arena *dd_evaluation_arena(dd_evaluation *evaluation)
{
    return evaluation->arena;
}

int dd_evaluation_fail(dd_evaluation *e, const char *format, ...)
{
    dd_auto_str why = NULL;
    va_list args;

    va_start(args, format);
    why = dd_vsprintf(format, args);
    va_end(args);
    return dd_evaluation_fail_at(e, e->operand->at, e->operand->end, DD_ERR_INVALID, "%s: %s",
                                 e->operand->function->name, why);
}

int dd_evaluation_room(dd_evaluation *e, size_t bytes)
{
    if (bytes <= DD_TEMPLATE_MAX_MEMORY && dd_arena_used(e->arena) + bytes <= DD_TEMPLATE_MAX_MEMORY)
        return 0;
    return dd_evaluation_fail_at(e, e->operand->at, e->operand->end, DD_ERR_LIMIT,
                                 "the template takes more than %d MiB", DD_TEMPLATE_MAX_MEMORY / 1024 / 1024);
}

int dd_evaluation_work(dd_evaluation *e, size_t amount)
{
    return dd_evaluation_spend(e, e->operand->at, amount);
}

/* ---- Depth: a map that stands in others may have become deeper than they know ---- */

int dd_evaluation_measure(dd_evaluation *e, size_t at, const dd_value *value)
{
    size_t seen = 0;

    if (e->generation > 0)
        dd_value_measure(value, e->generation, &seen);
    if (dd_evaluation_spend(e, at, seen) < 0)
        return -1;
    if (dd_value_depth(value) <= DD_VALUE_MAX_DEPTH)
        return 0;
    return dd_template_fail(e->parsed->text, e->parsed->length, at, DD_ERR_LIMIT, e->err,
                            "a value nests deeper than %d", DD_VALUE_MAX_DEPTH);
}

int dd_evaluation_put(dd_evaluation *e, dd_map *map, dd_text key, dd_value value)
{
    const dd_node *node = dd_value_node(&value);
    bool deepens = node && map->node.held, within = node == &map->node;

    if (map->node.none)
        return dd_evaluation_fail(
            e, "there is no map to put \"%.*s\" into",
            key.length > DD_TEMPLATE_SHOWN_BYTES ? DD_TEMPLATE_SHOWN_BYTES : (int)key.length, key.data);
    if (deepens) { /* what the measure reaches stands in the value */
        e->generation++;
        if (dd_evaluation_measure(e, e->operand->at, &value) < 0)
            return -1;
        within = map->node.generation == e->generation;
        e->generation++;
    }
    if (within)
        return dd_evaluation_fail(e, "a map cannot be put into itself");
    dd_map_put(e->arena, map, key, value);
    return 0;
}
