/* Running a template's tree: Go's rules for pipelines, truth, fields and loops, with bounds on everything
 * that a task file could make large. */
#include "runner/lang/template_private.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARGUMENTS   1000
#define MAX_FRAMES      1000 /* blocks and parentheses within each other, over all calls of templates */
#define SHOWN_BYTES     80
#define BYTES_PER_WORK  16 /* that a function reads or makes, a byte at a time */
#define PLACES_PER_WORK 8  /* of lists and maps, that are only copied */

struct dd_evaluation {
    const dd_template *parsed;
    dd_value root; /* a copy: functions may change maps */
    dd_arena *arena;
    dd_buf *out;
    size_t out_start;
    dd_origin *origin;
    dd_value *variables; /* DD_TEMPLATE_MAX_VARIABLES for each call of a template */
    size_t calls, frames, turns, work;
    size_t generation;         /* goes up when a map that stands in others becomes deeper */
    const dd_operand *operand; /* the function being called */
    dd_error **err;
};

typedef enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE, FLOW_FAILED } flow;

static flow walk(dd_evaluation *e, const dd_statement *statements, dd_value dot);
static int eval_pipeline(dd_evaluation *e, const dd_pipeline *pipeline, dd_value dot, dd_value *ret);

/* ---- Errors and bounds ---- */

static int fail_at(dd_evaluation *e, size_t at, size_t end, dd_code code, const char *format, ...)
    DD_PRINTF(5, 6);

/* "at <.Values.a.b>: why", with the action as it was written. */
static int fail_at(dd_evaluation *e, size_t at, size_t end, dd_code code, const char *format, ...)
{
    dd_auto_str why = NULL;
    dd_auto_str shown = NULL;
    size_t length = end > at ? end - at : 0;
    va_list args;

    va_start(args, format);
    why = dd_vsprintf(format, args);
    va_end(args);
    shown = dd_strndup(e->parsed->text + at, length > SHOWN_BYTES ? SHOWN_BYTES : length);
    for (char *c = shown; *c; c++)
        if (*c == DD_TEMPLATE_RUN_MARK)
            *c = '$';
        else if (*c == '\n')
            *c = ' ';
    return dd_template_fail(e->parsed->text, e->parsed->length, at, code, e->err, "at <%s%s>: %s", shown,
                            length > SHOWN_BYTES ? "…" : "", why);
}

static int work(dd_evaluation *e, size_t at, size_t amount)
{
    e->work += amount;
    if (e->work <= DD_TEMPLATE_MAX_WORK)
        return 0;
    return dd_template_fail(e->parsed->text, e->parsed->length, at, DD_ERR_LIMIT, e->err,
                            "the template takes too many steps");
}

static int turn(dd_evaluation *e, size_t at)
{
    if (++e->turns <= DD_TEMPLATE_MAX_TURNS)
        return 0;
    return dd_template_fail(e->parsed->text, e->parsed->length, at, DD_ERR_LIMIT, e->err,
                            "the template loops more than %d times", DD_TEMPLATE_MAX_TURNS);
}

static int frame(dd_evaluation *e, size_t at)
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
    return fail_at(e, e->operand->at, e->operand->end, DD_ERR_INVALID, "%s: %s", e->operand->function->name,
                   why);
}

int dd_evaluation_room(dd_evaluation *e, size_t bytes)
{
    if (bytes <= DD_TEMPLATE_MAX_MEMORY && dd_arena_used(e->arena) + bytes <= DD_TEMPLATE_MAX_MEMORY)
        return 0;
    return fail_at(e, e->operand->at, e->operand->end, DD_ERR_LIMIT, "the template takes more than %d MiB",
                   DD_TEMPLATE_MAX_MEMORY / 1024 / 1024);
}

int dd_evaluation_work(dd_evaluation *e, size_t amount)
{
    return work(e, e->operand->at, amount);
}

/* ---- Depth: a map that stands in others may have become deeper than they know ---- */

static int measure(dd_evaluation *e, size_t at, const dd_value *value)
{
    size_t seen = 0;

    if (e->generation > 0)
        dd_value_measure(value, e->generation, &seen);
    if (work(e, at, seen) < 0)
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
        return dd_evaluation_fail(e, "there is no map to put \"%.*s\" into",
                                  key.length > SHOWN_BYTES ? SHOWN_BYTES : (int)key.length, key.data);
    if (deepens) { /* what the measure reaches stands in the value */
        e->generation++;
        if (measure(e, e->operand->at, &value) < 0)
            return -1;
        within = map->node.generation == e->generation;
        e->generation++;
    }
    if (within)
        return dd_evaluation_fail(e, "a map cannot be put into itself");
    dd_map_put(e->arena, map, key, value);
    return 0;
}

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
    if (measure(e, at, value) < 0)
        return -1;
    dd_value_print(&text, value);
    result = write_out(e, at, text.data, text.length, false);
    dd_buf_done(&text);
    return result;
}

/* ---- Operands ---- */

/* A member as Go hands it out: nil in it is of the type interface, which has no fields. */
static dd_value member(const dd_value *map, const dd_value *found)
{
    if (!found)
        return dd_value_missing(map);
    if (found->kind == DD_VALUE_NIL)
        return (dd_value){.type = DD_TYPE_INTERFACE};
    return *found;
}

/* What stands behind a chain of fields: its last one must be a method. */
typedef struct call_arguments {
    const dd_operand *operands;
    dd_value dot;
    const dd_value *last;
    bool used;
} call_arguments;

static int call_row(dd_evaluation *e, const dd_operand *function, const call_arguments *arguments,
                    const dd_value *self, dd_value *ret);

/* The field as a method of the value: 1 when it is one, 0 when not. */
static int eval_method(dd_evaluation *e, const dd_operand *operand, const dd_field *field,
                       call_arguments *arguments, dd_value *value)
{
    const dd_class *class = dd_value_class(value);
    dd_operand method = {.kind = DD_OPERAND_FUNCTION, .at = operand->at};
    dd_value self = *value;

    method.end = (size_t)(field->name.data + field->name.length - e->parsed->text);
    for (size_t i = 0; class && i < class->method_count; i++)
        if (dd_text_is(field->name, class->methods[i].name))
            method.function = &class->methods[i];
    if (!method.function)
        return 0;
    if (arguments && !field->next)
        arguments->used = true;
    if (call_row(e, &method, arguments && !field->next ? arguments : &(call_arguments){0}, &self, value) < 0)
        return -1;
    return 1;
}

/* Of a nil that was a pipeline's or a variable's value, each field is nil; of a member that is nil, none can
 * be taken. */
static int eval_fields(dd_evaluation *e, const dd_operand *operand, call_arguments *arguments,
                       dd_value *value)
{
    for (const dd_field *field = operand->fields; field; field = field->next) {
        size_t end = (size_t)(field->name.data + field->name.length - e->parsed->text);
        int shown = field->name.length > SHOWN_BYTES ? SHOWN_BYTES : (int)field->name.length;

        if (value->kind == DD_VALUE_NIL && value->type != DD_TYPE_INTERFACE)
            continue;
        if (value->kind == DD_VALUE_NIL) {
            fail_at(e, operand->at, end, DD_ERR_INVALID, "there is no value to take the field %.*s of", shown,
                    field->name.data);
            return dd_hint(e->err, "a value that may be missing is tested first: {{if …}} or {{with …}}");
        }
        if (value->kind != DD_VALUE_MAP) {
            int called = eval_method(e, operand, field, arguments, value);

            if (called < 0)
                return -1;
            if (called > 0)
                continue;
        }
        if (value->kind != DD_VALUE_MAP)
            return fail_at(e, operand->at, end, DD_ERR_INVALID, "a value of type %s has no field %.*s",
                           dd_value_type_name(value), shown, field->name.data);
        *value = member(value, dd_map_get(value->map, field->name));
    }
    return 0;
}

static dd_value run_value(const dd_evaluation *e, dd_text name)
{
    const dd_value *run = dd_map_get(e->root.map, dd_text_of("Run"));
    const dd_value *found = run && run->kind == DD_VALUE_MAP ? dd_map_get(run->map, name) : NULL;

    return found ? *found : dd_value_nil();
}

static dd_value *variable(dd_evaluation *e, size_t slot)
{
    return &e->variables[e->calls * DD_TEMPLATE_MAX_VARIABLES + slot];
}

static int fail_undefined(dd_evaluation *e, size_t at, size_t end)
{
    return fail_at(e, at, end, DD_ERR_INVALID, "undefined variable");
}

static int call_function(dd_evaluation *e, const dd_operand *function, const dd_operand *arguments,
                         dd_value dot, const dd_value *last, dd_value *ret);

/* The operand without its fields. */
static int eval_base(dd_evaluation *e, const dd_operand *operand, dd_value dot, dd_value *ret)
{
    int result = work(e, operand->at, 1);

    switch (operand->kind) {
    case DD_OPERAND_DOT:
        *ret = dot;
        break;
    case DD_OPERAND_NIL:
        *ret = dd_value_nil();
        break;
    case DD_OPERAND_CONSTANT:
        *ret = operand->constant;
        break;
    case DD_OPERAND_VARIABLE:
        *ret = *variable(e, operand->slot);
        break;
    case DD_OPERAND_RUN:
        *ret = run_value(e, operand->name);
        break;
    case DD_OPERAND_OVERFLOW:
        return fail_at(e, operand->at, operand->end, DD_ERR_INVALID, "the number overflows int");
    case DD_OPERAND_UNDEFINED:
        return fail_undefined(e, operand->at, operand->end);
    case DD_OPERAND_FUNCTION:
        if (result == 0)
            result = call_function(e, operand, NULL, dot, NULL, ret);
        break;
    case DD_OPERAND_PIPELINE:
        if (result == 0)
            result = frame(e, operand->at);
        if (result == 0)
            result = eval_pipeline(e, operand->pipeline, dot, ret);
        e->frames--;
        break;
    }
    return result;
}

static int eval_operand(dd_evaluation *e, const dd_operand *operand, dd_value dot, dd_value *ret)
{
    return eval_base(e, operand, dot, ret) < 0 ? -1 : eval_fields(e, operand, NULL, ret);
}

/* ---- Functions ---- */

static const char *const type_words[] = {
    ['s'] = "string", ['i'] = "int", ['f'] = "float64", ['b'] = "bool", ['l'] = "list", ['m'] = "map"};

static bool fits(char letter, const dd_value *value)
{
    switch (letter) {
    case 's':
        return value->kind == DD_VALUE_STRING;
    case 'i':
        return value->kind == DD_VALUE_INT && value->type == DD_TYPE_PLAIN;
    case 'f':
        return value->kind == DD_VALUE_FLOAT;
    case 'b':
        return value->kind == DD_VALUE_BOOL;
    case 'l':
        return value->kind == DD_VALUE_LIST;
    case 'm':
        return value->kind == DD_VALUE_MAP && value->type == DD_TYPE_PLAIN;
    default:
        return true;
    }
}

static int fail_count(dd_evaluation *e, const dd_operand *function, size_t count)
{
    const char *signature = function->function->signature;
    size_t letters = strlen(signature);
    bool open = letters > 0 && signature[letters - 1] == '*',
         maybe = letters > 0 && signature[letters - 1] == '?';
    size_t wanted = letters - (open || maybe ? 2 : 0);

    return fail_at(e, function->at, function->end, DD_ERR_INVALID,
                   "wrong number of arguments for %s: want %s%zu%s, got %zu", function->function->name,
                   open ? "at least " : "", wanted, maybe ? " or one more" : "", count);
}

static bool is_whole(double real)
{
    return real > -9e18 && real < 9e18 && fpclassify(real - (double)(int64_t)real) == FP_ZERO;
}

/* A constant is of whatever type is asked for: 2.0 is an int, 2 a float. And nil is a map, though nothing is
 * in it. */
static void suit(dd_evaluation *e, char letter, const dd_operand *operand, dd_value *value)
{
    bool constant = operand && operand->kind == DD_OPERAND_CONSTANT;

    if (letter == 'i' && constant && value->kind == DD_VALUE_FLOAT && is_whole(value->real))
        *value = dd_value_int((int64_t)value->real);
    if (letter == 'f' && constant && value->kind == DD_VALUE_INT)
        *value = dd_value_float((double)value->integer);
    if (letter == 'm' && value->kind == DD_VALUE_NIL && value->type == DD_TYPE_PLAIN) {
        *value = dd_value_map(dd_map_new(e->arena));
        value->map->node.none = true;
    }
}

static int check_arguments(dd_evaluation *e, const dd_operand *function, const dd_operand *operands,
                           dd_value *arguments, size_t count)
{
    const char *letter = function->function->signature;

    for (size_t i = 0; i < count; i++, operands = operands ? operands->next : NULL) {
        if (!*letter)
            return fail_count(e, function, count);
        suit(e, *letter, operands, &arguments[i]);
        if (!fits(*letter, &arguments[i])) {
            fail_at(e, function->at, function->end, DD_ERR_INVALID,
                    "wrong type for argument %zu of %s: want %s, got %s", i + 1, function->function->name,
                    type_words[(unsigned char)*letter],
                    arguments[i].kind == DD_VALUE_NIL ? "no value" : dd_value_type_name(&arguments[i]));
            return arguments[i].kind == DD_VALUE_NIL
                       ? dd_hint(e->err, "give it one first: … | default \"\" | %s", function->function->name)
                       : -1;
        }
        if (letter[1] != '*')
            letter += letter[1] == '?' ? 2 : 1;
    }
    return !*letter || letter[1] == '*' || letter[1] == '?' ? 0 : fail_count(e, function, count);
}

/* and, or: later arguments are not evaluated once the answer stands. */
static int call_lazy(dd_evaluation *e, const dd_operand *function, const dd_operand *arguments, dd_value dot,
                     const dd_value *last, dd_value *ret)
{
    bool until = function->function->call == dd_function_or;

    if (!arguments && !last)
        return fail_count(e, function, 0);
    for (; arguments; arguments = arguments->next) {
        if (eval_operand(e, arguments, dot, ret) < 0)
            return -1;
        if (dd_value_truth(ret) == until)
            return 0;
    }
    if (last)
        *ret = *last;
    return 0;
}

/* The steps of reading or making a value, which its size can make many. */
static size_t weight(const dd_value *value)
{
    switch (value->kind) {
    case DD_VALUE_STRING:
        return value->text.length / BYTES_PER_WORK;
    case DD_VALUE_LIST:
        return value->list->count / PLACES_PER_WORK;
    case DD_VALUE_MAP:
        return value->map->count / PLACES_PER_WORK;
    case DD_VALUE_NIL:
    case DD_VALUE_BOOL:
    case DD_VALUE_INT:
    case DD_VALUE_FLOAT:
    case DD_VALUE_OBJECT:
        return 0;
    }
    return 0;
}

static size_t count_operands(const dd_operand *operands)
{
    size_t count = 0;

    for (; operands; operands = operands->next)
        count++;
    return count;
}

/* A method's arguments have the value itself, `self`, in front. */
static int call_row(dd_evaluation *e, const dd_operand *function, const call_arguments *arguments,
                    const dd_value *self, dd_value *ret)
{
    size_t count = count_operands(arguments->operands) + (arguments->last ? 1 : 0), i = 0;
    dd_value *all, *values;
    const dd_operand *outer = e->operand;
    int result;

    if (count > MAX_ARGUMENTS)
        return fail_at(e, function->at, function->end, DD_ERR_LIMIT, "more than %d arguments", MAX_ARGUMENTS);
    all = dd_calloc(count + 2, sizeof(*all));
    values = all + 1;
    result = 0;
    for (const dd_operand *operand = arguments->operands; operand && result == 0;
         operand = operand->next, i++) {
        result = eval_operand(e, operand, arguments->dot, &values[i]);
        e->work += weight(&values[i]);
        if (result == 0)
            result = measure(e, function->at, &values[i]);
    }
    if (arguments->last) {
        values[count - 1] = *arguments->last;
        e->work += weight(arguments->last);
    }
    if (self)
        all[0] = *self;
    e->operand = function;
    if (result == 0)
        result = work(e, function->at, 1);
    if (result == 0)
        result = check_arguments(e, function, arguments->operands, values, count);
    if (result == 0)
        result = function->function->call(e, self ? all : values, self ? count + 1 : count, ret);
    if (result == 0)
        result = dd_evaluation_room(e, 0);
    if (result == 0)
        result = work(e, function->at, weight(ret));
    if (result == 0 && ret->kind == DD_VALUE_STRING && ret->text.length >= DD_VALUE_PRINT_MAX)
        result = fail_at(e, function->at, function->end, DD_ERR_LIMIT, "a text is longer than %d MiB",
                         DD_VALUE_PRINT_MAX / 1024 / 1024);
    if (result == 0)
        result = measure(e, function->at, ret);
    e->operand = outer;
    free(all);
    return result;
}

static int call_function(dd_evaluation *e, const dd_operand *function, const dd_operand *arguments,
                         dd_value dot, const dd_value *last, dd_value *ret)
{
    if (function->function->call == dd_function_and || function->function->call == dd_function_or)
        return call_lazy(e, function, arguments, dot, last, ret);
    return call_row(e, function, &(call_arguments){arguments, dot, last, false}, NULL, ret);
}

/* ---- Pipelines ---- */

static int eval_command(dd_evaluation *e, const dd_command *command, dd_value dot, const dd_value *last,
                        dd_value *ret)
{
    const dd_operand *first = command->operands;
    call_arguments arguments = {first->next, dot, last, false};

    if (first->kind == DD_OPERAND_FUNCTION && !first->fields)
        return call_function(e, first, first->next, dot, last, ret);
    if (first->kind == DD_OPERAND_NIL && !first->next && !last)
        return fail_at(e, first->at, first->end, DD_ERR_INVALID, "nil is not a command");
    if (!first->next && !last)
        return eval_operand(e, first, dot, ret);
    /* Go does not look at the arguments of a field that it takes of a nil. */
    if (first->fields && (eval_base(e, first, dot, ret) < 0 || eval_fields(e, first, &arguments, ret) < 0))
        return -1;
    if (first->fields && (arguments.used || (ret->kind == DD_VALUE_NIL && ret->type == DD_TYPE_PLAIN)))
        return 0;
    return fail_at(e, first->at, first->end, DD_ERR_INVALID, "this is no function, so it takes no argument");
}

static int eval_pipeline(dd_evaluation *e, const dd_pipeline *pipeline, dd_value dot, dd_value *ret)
{
    dd_value value = dd_value_nil();
    const dd_value *last = NULL;

    for (const dd_command *command = pipeline->commands; command; command = command->next) {
        dd_value result = dd_value_nil();

        if (eval_command(e, command, dot, last, &result) < 0)
            return -1;
        value = result.kind == DD_VALUE_NIL ? dd_value_nil() : result;
        last = &value;
    }
    *ret = value;
    return 0;
}

/* The pipeline's value, kept in the variables that it declares. */
static int eval_bound(dd_evaluation *e, const dd_pipeline *pipeline, dd_value dot, dd_value *ret)
{
    if (eval_pipeline(e, pipeline, dot, ret) < 0)
        return -1;
    if (pipeline->unknown)
        return fail_undefined(e, pipeline->at, pipeline->end);
    for (size_t i = 0; i < pipeline->slot_count; i++)
        *variable(e, pipeline->slots[i]) = *ret;
    return 0;
}

/* ---- Statements ---- */

static flow walk_nested(dd_evaluation *e, const dd_statement *statement, const dd_statement *body,
                        dd_value dot)
{
    flow ret = frame(e, statement->at) < 0 ? FLOW_FAILED : walk(e, body, dot);

    e->frames--;
    return ret;
}

static flow walk_if(dd_evaluation *e, const dd_statement *statement, dd_value dot)
{
    for (;;) {
        dd_value value;

        if (eval_bound(e, statement->pipeline, dot, &value) < 0)
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

    if (eval_bound(e, statement->pipeline, dot, &value) < 0)
        return FLOW_FAILED;
    return dd_value_truth(&value) ? walk_nested(e, statement, statement->body, value)
                                  : walk_nested(e, statement, statement->otherwise, dot);
}

static flow walk_turn(dd_evaluation *e, const dd_statement *statement, dd_value key, dd_value value)
{
    const dd_pipeline *pipeline = statement->pipeline;

    if (turn(e, statement->at) < 0)
        return FLOW_FAILED;
    if (value.kind == DD_VALUE_NIL)
        value.type = DD_TYPE_INTERFACE;
    if (pipeline->slot_count > 0)
        *variable(e, pipeline->slots[pipeline->slot_count - 1]) = value;
    if (pipeline->slot_count > 1)
        *variable(e, pipeline->slots[0]) = key;
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

    if (work(e, statement->at, count / PLACES_PER_WORK) < 0)
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

    if (eval_bound(e, statement->pipeline, dot, &over) < 0)
        return FLOW_FAILED;
    if (over.kind != DD_VALUE_LIST && over.kind != DD_VALUE_MAP && over.kind != DD_VALUE_NIL) {
        fail_at(e, statement->pipeline->at, statement->pipeline->end, DD_ERR_INVALID,
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
    if ((statement->pipeline && eval_bound(e, statement->pipeline, dot, &value) < 0) ||
        turn(e, statement->at) < 0)
        return FLOW_FAILED;
    if (e->calls == DD_TEMPLATE_MAX_NEST) {
        dd_template_fail(e->parsed->text, e->parsed->length, statement->at, DD_ERR_LIMIT, e->err,
                         "templates call each other deeper than %d", DD_TEMPLATE_MAX_NEST);
        return FLOW_FAILED;
    }
    e->calls++;
    *variable(e, 0) = value;
    ret = walk_nested(e, statement, body->statements, value);
    e->calls--;
    return ret;
}

static flow walk_action(dd_evaluation *e, const dd_statement *statement, dd_value dot)
{
    dd_value value;

    if (eval_bound(e, statement->pipeline, dot, &value) < 0)
        return FLOW_FAILED;
    if (statement->pipeline->slot_count)
        return FLOW_ON;
    return write_value(e, statement->at, &value) < 0 ? FLOW_FAILED : FLOW_ON;
}

static flow walk_one(dd_evaluation *e, const dd_statement *statement, dd_value dot)
{
    if (work(e, statement->at, 1) < 0)
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
