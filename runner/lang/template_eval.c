/* The values of a template's operands and pipelines: Go's rules for fields, arguments and calls. */
#include "runner/lang/template_eval.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARGUMENTS  1000
#define BYTES_PER_WORK 16 /* that a function reads or makes, a byte at a time */

static int eval_pipeline(dd_evaluation *e, const dd_pipeline *pipeline, dd_value dot, dd_value *ret);

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
        int shown =
            field->name.length > DD_TEMPLATE_SHOWN_BYTES ? DD_TEMPLATE_SHOWN_BYTES : (int)field->name.length;

        if (value->kind == DD_VALUE_NIL && value->type != DD_TYPE_INTERFACE)
            continue;
        if (value->kind == DD_VALUE_NIL) {
            dd_evaluation_fail_at(e, operand->at, end, DD_ERR_INVALID,
                                  "there is no value to take the field %.*s of", shown, field->name.data);
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
            return dd_evaluation_fail_at(e, operand->at, end, DD_ERR_INVALID,
                                         "a value of type %s has no field %.*s", dd_value_type_name(value),
                                         shown, field->name.data);
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

dd_value *dd_evaluation_variable(dd_evaluation *e, size_t slot)
{
    return &e->variables[e->calls * DD_TEMPLATE_MAX_VARIABLES + slot];
}

static int fail_undefined(dd_evaluation *e, size_t at, size_t end)
{
    return dd_evaluation_fail_at(e, at, end, DD_ERR_INVALID, "undefined variable");
}

static int call_function(dd_evaluation *e, const dd_operand *function, const dd_operand *arguments,
                         dd_value dot, const dd_value *last, dd_value *ret);

/* The operand without its fields. */
static int eval_base(dd_evaluation *e, const dd_operand *operand, dd_value dot, dd_value *ret)
{
    int result = dd_evaluation_spend(e, operand->at, 1);

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
        *ret = *dd_evaluation_variable(e, operand->slot);
        break;
    case DD_OPERAND_RUN:
        *ret = run_value(e, operand->name);
        break;
    case DD_OPERAND_OVERFLOW:
        return dd_evaluation_fail_at(e, operand->at, operand->end, DD_ERR_INVALID,
                                     "the number overflows int");
    case DD_OPERAND_UNDEFINED:
        return fail_undefined(e, operand->at, operand->end);
    case DD_OPERAND_FUNCTION:
        if (result == 0)
            result = call_function(e, operand, NULL, dot, NULL, ret);
        break;
    case DD_OPERAND_PIPELINE:
        if (result == 0)
            result = dd_evaluation_frame(e, operand->at);
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

    return dd_evaluation_fail_at(e, function->at, function->end, DD_ERR_INVALID,
                                 "wrong number of arguments for %s: want %s%zu%s, got %zu",
                                 function->function->name, open ? "at least " : "", wanted,
                                 maybe ? " or one more" : "", count);
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
            dd_evaluation_fail_at(e, function->at, function->end, DD_ERR_INVALID,
                                  "wrong type for argument %zu of %s: want %s, got %s", i + 1,
                                  function->function->name, type_words[(unsigned char)*letter],
                                  arguments[i].kind == DD_VALUE_NIL ? "no value"
                                                                    : dd_value_type_name(&arguments[i]));
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
        return value->list->count / DD_TEMPLATE_PLACES_PER_WORK;
    case DD_VALUE_MAP:
        return value->map->count / DD_TEMPLATE_PLACES_PER_WORK;
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
        return dd_evaluation_fail_at(e, function->at, function->end, DD_ERR_LIMIT, "more than %d arguments",
                                     MAX_ARGUMENTS);
    all = dd_calloc(count + 2, sizeof(*all));
    values = all + 1;
    result = 0;
    for (const dd_operand *operand = arguments->operands; operand && result == 0;
         operand = operand->next, i++) {
        result = eval_operand(e, operand, arguments->dot, &values[i]);
        e->work += weight(&values[i]);
        if (result == 0)
            result = dd_evaluation_measure(e, function->at, &values[i]);
    }
    if (arguments->last) {
        values[count - 1] = *arguments->last;
        e->work += weight(arguments->last);
    }
    if (self)
        all[0] = *self;
    e->operand = function;
    if (result == 0)
        result = dd_evaluation_spend(e, function->at, 1);
    if (result == 0)
        result = check_arguments(e, function, arguments->operands, values, count);
    if (result == 0)
        result = function->function->call(e, self ? all : values, self ? count + 1 : count, ret);
    if (result == 0)
        result = dd_evaluation_room(e, 0);
    if (result == 0)
        result = dd_evaluation_spend(e, function->at, weight(ret));
    if (result == 0 && ret->kind == DD_VALUE_STRING && ret->text.length >= DD_VALUE_PRINT_MAX)
        result = dd_evaluation_fail_at(e, function->at, function->end, DD_ERR_LIMIT,
                                       "a text is longer than %d MiB", DD_VALUE_PRINT_MAX / 1024 / 1024);
    if (result == 0)
        result = dd_evaluation_measure(e, function->at, ret);
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
        return dd_evaluation_fail_at(e, first->at, first->end, DD_ERR_INVALID, "nil is not a command");
    if (!first->next && !last)
        return eval_operand(e, first, dot, ret);
    /* Go does not look at the arguments of a field that it takes of a nil. */
    if (first->fields && (eval_base(e, first, dot, ret) < 0 || eval_fields(e, first, &arguments, ret) < 0))
        return -1;
    if (first->fields && (arguments.used || (ret->kind == DD_VALUE_NIL && ret->type == DD_TYPE_PLAIN)))
        return 0;
    return dd_evaluation_fail_at(e, first->at, first->end, DD_ERR_INVALID,
                                 "this is no function, so it takes no argument");
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

int dd_evaluation_pipeline(dd_evaluation *e, const dd_pipeline *pipeline, dd_value dot, dd_value *ret)
{
    if (eval_pipeline(e, pipeline, dot, ret) < 0)
        return -1;
    if (pipeline->unknown)
        return fail_undefined(e, pipeline->at, pipeline->end);
    for (size_t i = 0; i < pipeline->slot_count; i++)
        *dd_evaluation_variable(e, pipeline->slots[i]) = *ret;
    return 0;
}
