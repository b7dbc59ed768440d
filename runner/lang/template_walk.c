/* Running a template's statements: Go's rules for truth, loops and calls of templates, and the output. */
#include "runner/lang/template_eval.h"
#include <stdlib.h>
#include <string.h>

typedef enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE, FLOW_FAILED } flow;

static flow walk(dd_evaluation *e, const dd_statement *statements, dd_value dot);

/* ---- Output ---- */

static int write_out(dd_evaluation *e, size_t at, const char *data, size_t length, bool copied)
{
    if (length > DD_TEMPLATE_MAX_OUTPUT || e->out->length - e->out_start + length > DD_TEMPLATE_MAX_OUTPUT)
        return dd_template_fail(e->parsed->text, e->parsed->length, at, DD_ERR_LIMIT, e->err,
                                "the template writes more than %d MiB", DD_TEMPLATE_MAX_OUTPUT / 1024 / 1024);
    if (e->origin && length)
        dd_origin_add(e->origin, e->out->length, at, copied);
    if (length)
        dd_buf_add(e->out, data, length);
    return 0;
}

/* What is missing is written as nothing (acr-tasks.md, 4.2). */
static int write_value(dd_evaluation *e, size_t at, const dd_value *value)
{
    dd_buf text = {0};
    int result;

    if (value->kind == DD_VALUE_NIL)
        return 0;
    if (value->kind == DD_VALUE_STRING)
        return write_out(e, at, value->text.data, value->text.length, false);
    if (dd_evaluation_measure(e, at, value) < 0)
        return -1;
    dd_value_print(&text, value);
    result = write_out(e, at, text.data, text.length, false);
    dd_buf_done(&text);
    return result;
}

/* ---- Statements ---- */

static flow walk_nested(dd_evaluation *e, const dd_statement *statement, const dd_statement *body,
                        dd_value dot)
{
    flow ret = dd_evaluation_frame(e, statement->at) < 0 ? FLOW_FAILED : walk(e, body, dot);

    e->frames--;
    return ret;
}

static flow walk_if(dd_evaluation *e, const dd_statement *statement, dd_value dot)
{
    for (;;) {
        dd_value value;

        if (dd_evaluation_pipeline(e, statement->pipeline, dot, &value) < 0)
            return FLOW_FAILED;
        if (dd_value_truth(&value))
            return walk_nested(e, statement, statement->body, dot);
        if (!statement->chained)
            return walk_nested(e, statement, statement->otherwise, dot);
        statement = statement->otherwise;
    }
}

static flow walk_with(dd_evaluation *e, const dd_statement *statement, dd_value dot)
{
    dd_value value;

    if (dd_evaluation_pipeline(e, statement->pipeline, dot, &value) < 0)
        return FLOW_FAILED;
    return dd_value_truth(&value) ? walk_nested(e, statement, statement->body, value)
                                  : walk_nested(e, statement, statement->otherwise, dot);
}

static flow walk_turn(dd_evaluation *e, const dd_statement *statement, dd_value key, dd_value value)
{
    const dd_pipeline *pipeline = statement->pipeline;

    if (dd_evaluation_turn(e, statement->at) < 0)
        return FLOW_FAILED;
    if (value.kind == DD_VALUE_NIL)
        value.type = DD_TYPE_INTERFACE;
    if (pipeline->slot_count > 0)
        *dd_evaluation_variable(e, pipeline->slots[pipeline->slot_count - 1]) = value;
    if (pipeline->slot_count > 1)
        *dd_evaluation_variable(e, pipeline->slots[0]) = key;
    return walk_nested(e, statement, statement->body, value);
}

static flow walk_list(dd_evaluation *e, const dd_statement *statement, const dd_list *list)
{
    flow after = FLOW_ON;

    for (size_t i = 0; i < list->count && after != FLOW_BREAK && after != FLOW_FAILED; i++)
        after = walk_turn(e, statement, dd_value_int((int64_t)i), list->items[i]);
    return after;
}

/* Over the pairs that are there now: the body may change the map. */
static flow walk_map(dd_evaluation *e, const dd_statement *statement, dd_map *map)
{
    size_t count = map->count;
    dd_pair *pairs;
    flow after = FLOW_ON;

    /* What was put into it since is sorted now. */
    if (dd_evaluation_spend(e, statement->at, map->unsorted ? count : count / DD_TEMPLATE_PLACES_PER_WORK) <
        0)
        return FLOW_FAILED;
    pairs = dd_calloc(count + 1, sizeof(*pairs));
    if (count)
        memcpy(pairs, dd_map_sorted(map), count * sizeof(*pairs));
    for (size_t i = 0; i < count && after != FLOW_BREAK && after != FLOW_FAILED; i++)
        after = walk_turn(e, statement, dd_value_text(pairs[i].key), pairs[i].value);
    free(pairs);
    return after;
}

static flow walk_range(dd_evaluation *e, const dd_statement *statement, dd_value dot)
{
    dd_value over;
    flow after;

    if (dd_evaluation_pipeline(e, statement->pipeline, dot, &over) < 0)
        return FLOW_FAILED;
    if (over.kind != DD_VALUE_LIST && over.kind != DD_VALUE_MAP && over.kind != DD_VALUE_NIL) {
        dd_evaluation_fail_at(e, statement->pipeline->at, statement->pipeline->end, DD_ERR_INVALID,
                              "range cannot go over a value of type %s", dd_value_type_name(&over));
        return FLOW_FAILED;
    }
    if (!dd_value_truth(&over))
        return walk_nested(e, statement, statement->otherwise, dot);
    after =
        over.kind == DD_VALUE_LIST ? walk_list(e, statement, over.list) : walk_map(e, statement, over.map);
    return after == FLOW_FAILED ? FLOW_FAILED : FLOW_ON;
}

static flow walk_template(dd_evaluation *e, const dd_statement *statement, dd_value dot)
{
    const dd_body *body = statement->defined;
    dd_value value = dd_value_nil();
    flow ret;

    if (!body) {
        dd_template_fail(e->parsed->text, e->parsed->length, statement->at, DD_ERR_INVALID, e->err,
                         "no template is defined as \"%.*s\"", (int)statement->name.length,
                         statement->name.data);
        return FLOW_FAILED;
    }
    if ((statement->pipeline && dd_evaluation_pipeline(e, statement->pipeline, dot, &value) < 0) ||
        dd_evaluation_turn(e, statement->at) < 0)
        return FLOW_FAILED;
    if (e->calls == DD_TEMPLATE_MAX_NEST) {
        dd_template_fail(e->parsed->text, e->parsed->length, statement->at, DD_ERR_LIMIT, e->err,
                         "templates call each other deeper than %d", DD_TEMPLATE_MAX_NEST);
        return FLOW_FAILED;
    }
    e->calls++;
    *dd_evaluation_variable(e, 0) = value;
    ret = walk_nested(e, statement, body->statements, value);
    e->calls--;
    return ret;
}

static flow walk_action(dd_evaluation *e, const dd_statement *statement, dd_value dot)
{
    dd_value value;

    if (dd_evaluation_pipeline(e, statement->pipeline, dot, &value) < 0)
        return FLOW_FAILED;
    if (statement->pipeline->slot_count)
        return FLOW_ON;
    return write_value(e, statement->at, &value) < 0 ? FLOW_FAILED : FLOW_ON;
}

static flow walk_one(dd_evaluation *e, const dd_statement *statement, dd_value dot)
{
    if (dd_evaluation_spend(e, statement->at, 1) < 0)
        return FLOW_FAILED;
    switch (statement->kind) {
    case DD_STATEMENT_TEXT:
        return write_out(e, statement->at, e->parsed->text + statement->at, statement->length, true) < 0
                   ? FLOW_FAILED
                   : FLOW_ON;
    case DD_STATEMENT_ACTION:
        return walk_action(e, statement, dot);
    case DD_STATEMENT_IF:
        return walk_if(e, statement, dot);
    case DD_STATEMENT_RANGE:
        return walk_range(e, statement, dot);
    case DD_STATEMENT_WITH:
        return walk_with(e, statement, dot);
    case DD_STATEMENT_TEMPLATE:
        return walk_template(e, statement, dot);
    case DD_STATEMENT_BREAK:
        return FLOW_BREAK;
    case DD_STATEMENT_CONTINUE:
        return FLOW_CONTINUE;
    }
    return FLOW_ON;
}

static flow walk(dd_evaluation *e, const dd_statement *statements, dd_value dot)
{
    flow ret = FLOW_ON;

    for (; statements && ret == FLOW_ON; statements = statements->next)
        ret = walk_one(e, statements, dot);
    return ret;
}

int dd_template_run(const dd_template *parsed, const dd_value *root, dd_buf *into, dd_origin *origin,
                    dd_error **err)
{
    dd_evaluation e = {
        .parsed = parsed,
        .out = into,
        .out_start = into->length,
        .origin = origin,
        .err = err,
    };
    flow ret;

    dd_assert(root->kind == DD_VALUE_MAP);
    e.arena = dd_arena_new();
    e.root = dd_value_copy(e.arena, root);
    /* Not zeroed: the parser has seen to it that each is written before it is read. */
    e.variables =
        dd_reallocarray(NULL, (DD_TEMPLATE_MAX_NEST + 1) * DD_TEMPLATE_MAX_VARIABLES, sizeof(dd_value));
    e.variables[0] = e.root;
    ret = walk(&e, parsed->statements, e.root);
    free(e.variables);
    dd_arena_free(e.arena);
    return ret == FLOW_FAILED ? -1 : 0;
}
