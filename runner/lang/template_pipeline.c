/* Pipelines: variables, operands, commands, and what a pipeline declares. Variables become places on a stack,
 * so that running never looks up names. */
#include "runner/lang/template_parse.h"
#include <string.h>

/* ---- Variables ---- */

/* A name without a place is one that Go lets pass here, and then misses when it runs. */
static int push_variable(dd_parser *p, const dd_token *token, bool has_place, size_t *ret)
{
    dd_parser_variable *last = &p->variables[p->variable_count];

    if (p->variable_count == DD_TEMPLATE_MAX_VARIABLES)
        return dd_template_fail(p->into->text, p->into->length, token->at, DD_ERR_LIMIT, p->err,
                                "more than %d variables at once", DD_TEMPLATE_MAX_VARIABLES);
    *last = (dd_parser_variable){dd_parser_text(p, token), has_place};
    if (ret)
        *ret = p->variable_count;
    p->variable_count++;
    return 0;
}

/* The place of the innermost variable of this name. Returns 0 when only the name is known, -1 when nothing
 * is. */
static int look_up(const dd_parser *p, dd_text name, size_t *ret)
{
    int known = -1;

    for (size_t i = p->variable_count; i-- > 0;) {
        if (dd_text_compare(p->variables[i].name, name) != 0)
            continue;
        if (p->variables[i].has_place) {
            *ret = i;
            return 1;
        }
        known = 0;
    }
    return known;
}

static int find_variable(dd_parser *p, const dd_token *token, dd_operand *into)
{
    dd_text name = dd_parser_text(p, token);
    int found = look_up(p, name, &into->slot);

    into->kind = found > 0 ? DD_OPERAND_VARIABLE : DD_OPERAND_UNDEFINED;
    return found >= 0 ? 0
                      : dd_parser_fail(p, token->at, "undefined variable %.*s", (int)name.length, name.data);
}

/* ---- Operands ---- */

static int parse_function(dd_parser *p, const dd_token *token, dd_operand *into)
{
    dd_text name = dd_parser_text(p, token);
    const char *why, *nearest;

    into->kind = DD_OPERAND_FUNCTION;
    into->function = dd_function_find(name, &why, &nearest);
    if (into->function)
        return 0;
    if (why)
        return dd_parser_fail(p, token->at, "the function %.*s is not there: %s", (int)name.length, name.data,
                              why);
    dd_parser_fail(p, token->at, "the function %.*s is not defined", (int)name.length, name.data);
    if (nearest)
        dd_hint(p->err, "did you mean %s?", nearest);
    return -1;
}

static int parse_name(dd_parser *p, const dd_token *token, dd_operand *into)
{
    static const char *const keywords[] = {"if",    "else",     "end",   "range",  "with",
                                           "block", "template", "break", "define", "continue"};

    if (dd_parser_is_word(p, token, "true") || dd_parser_is_word(p, token, "false")) {
        into->kind = DD_OPERAND_CONSTANT;
        into->constant = dd_value_bool(dd_parser_is_word(p, token, "true"));
        return 0;
    }
    if (dd_parser_is_word(p, token, "nil")) {
        into->kind = DD_OPERAND_NIL;
        return 0;
    }
    for (size_t i = 0; i < DD_COUNT(keywords); i++)
        if (dd_parser_is_word(p, token, keywords[i]))
            return dd_parser_unexpected(p, token, "an operand");
    return parse_function(p, token, into);
}

static int parse_parentheses(dd_parser *p, const dd_token *token, dd_operand *into)
{
    dd_pipeline *inner;

    if (dd_parser_enter(p, token->at) < 0 || dd_parse_pipeline(p, "parentheses", DD_TOKEN_RIGHT, &inner) < 0)
        return -1;
    p->nest--;
    into->kind = DD_OPERAND_PIPELINE;
    into->pipeline = inner;
    return 0;
}

/* ".a.b" at or behind an operand; constants have no fields. */
static int parse_fields(dd_parser *p, dd_operand *into)
{
    dd_field **last = &into->fields;

    for (; dd_parser_peek(p)->kind == DD_TOKEN_FIELD; p->at++) {
        dd_text name = dd_parser_text(p, dd_parser_peek(p));

        if (into->kind == DD_OPERAND_CONSTANT || into->kind == DD_OPERAND_OVERFLOW ||
            into->kind == DD_OPERAND_NIL)
            return dd_parser_fail(p, dd_parser_peek(p)->at, "a constant has no field %.*s", (int)name.length,
                                  name.data);
        *last = dd_arena_alloc(p->into->arena, sizeof(dd_field));
        (*last)->name = (dd_text){name.data + 1, name.length - 1};
        last = &(*last)->next;
    }
    return 0;
}

/* Returns 1 with an operand, 0 when none begins here. */
static int parse_term(dd_parser *p, dd_operand *into)
{
    const dd_token *token = dd_parser_peek(p);
    dd_text text = dd_parser_text(p, token);
    int result = 0;

    p->at += token->kind != DD_TOKEN_FIELD; /* which parse_fields reads */
    into->at = token->at;
    switch (token->kind) {
    case DD_TOKEN_NAME:
        result = parse_name(p, token, into);
        break;
    case DD_TOKEN_DOT:
        into->kind = DD_OPERAND_DOT;
        if (dd_parser_peek(p)->kind == DD_TOKEN_FIELD) /* "..a" */
            return dd_parser_unexpected(p, dd_parser_peek(p), "an operand");
        break;
    case DD_TOKEN_FIELD:
        into->kind = DD_OPERAND_DOT;
        break;
    case DD_TOKEN_RUN:
        into->kind = DD_OPERAND_RUN;
        into->name = (dd_text){text.data + 1, text.length - 1};
        break;
    case DD_TOKEN_VARIABLE:
        into->kind = DD_OPERAND_VARIABLE;
        result = find_variable(p, token, into);
        break;
    case DD_TOKEN_NUMBER:
        result = dd_parse_number(p, token, into);
        break;
    case DD_TOKEN_CHARACTER:
        result = dd_parse_character(p, token, &into->constant);
        into->kind = DD_OPERAND_CONSTANT;
        break;
    case DD_TOKEN_STRING:
    case DD_TOKEN_RAW:
        result = dd_parse_string(p, token, &into->constant);
        into->kind = DD_OPERAND_CONSTANT;
        break;
    case DD_TOKEN_LEFT:
        result = parse_parentheses(p, token, into);
        break;
    case DD_TOKEN_END:
    case DD_TOKEN_ERROR:
    case DD_TOKEN_TEXT:
    case DD_TOKEN_OPEN:
    case DD_TOKEN_CLOSE:
    case DD_TOKEN_SPACE:
    case DD_TOKEN_PIPE:
    case DD_TOKEN_COMMA:
    case DD_TOKEN_ASSIGN:
    case DD_TOKEN_DECLARE:
    case DD_TOKEN_RIGHT:
        p->at--;
        return 0;
    }
    if (result < 0 || parse_fields(p, into) < 0)
        return -1;
    into->end = p->tokens[p->at - 1].at + p->tokens[p->at - 1].length;
    return 1;
}

/* ---- Pipelines ---- */

/* Operands separated by spaces, up to '|' or the end. A function's errors show its arguments too. */
static int parse_command(dd_parser *p, dd_command *into)
{
    dd_operand **last = &into->operands;

    for (;;) {
        dd_operand *operand = dd_arena_alloc(p->into->arena, sizeof(*operand));
        int found;

        dd_parser_skip_space(p);
        found = parse_term(p, operand);
        if (found < 0)
            return -1;
        if (found) {
            *last = operand;
            last = &operand->next;
            into->count++;
            if (into->operands->kind == DD_OPERAND_FUNCTION && !into->operands->fields)
                into->operands->end = operand->end;
        }
        if (dd_parser_peek(p)->kind == DD_TOKEN_SPACE && found)
            continue;
        return 0;
    }
}

/* Go allows only what can be called behind a '|'. */
static int check_stage(dd_parser *p, const dd_command *command, size_t stage)
{
    const dd_operand *first = command->operands;

    if (stage > 1 && (first->kind == DD_OPERAND_CONSTANT || first->kind == DD_OPERAND_OVERFLOW ||
                      first->kind == DD_OPERAND_NIL || (first->kind == DD_OPERAND_DOT && !first->fields)))
        return dd_parser_fail(p, first->at, "stage %zu of this pipeline cannot be called", stage);
    return 0;
}

static int parse_commands(dd_parser *p, const char *context, dd_token_kind end, dd_pipeline *into)
{
    dd_command **last = &into->commands;

    for (size_t stage = 1;; stage++) {
        dd_command *command = dd_arena_alloc(p->into->arena, sizeof(*command));
        const dd_token *token;

        if (parse_command(p, command) < 0)
            return -1;
        token = dd_parser_peek(p);
        if (token->kind != end && token->kind != DD_TOKEN_PIPE)
            return dd_parser_unexpected(p, token, context);
        if (command->count == 0)
            return dd_parser_fail(p, token->at, "a value is missing for %s", context);
        if (check_stage(p, command, stage) < 0)
            return -1;
        *last = command;
        last = &command->next;
        into->end = token->at;
        p->at++;
        if (token->kind == end)
            return 0;
        dd_parser_skip_space(p);
        if (dd_parser_peek(p)->kind == end) { /* "x | }}": Go takes it for "x" */
            p->at++;
            return 0;
        }
    }
}

/* "$x :=", "$x =" and, for range, "$i, $x :=". Variables are declared once their value has been read: the
 * value may name an outer one of the same name. */
typedef struct declaration {
    const dd_token *names[2];
    size_t count;
    bool assign;
} declaration;

static int parse_declaration(dd_parser *p, bool range, declaration *ret)
{
    size_t from = p->at;
    const dd_token *name;

    while (ret->count < 2) {
        dd_parser_skip_space(p);
        name = dd_parser_peek(p);
        if (name->kind != DD_TOKEN_VARIABLE)
            break;
        p->at++;
        dd_parser_skip_space(p);
        ret->names[ret->count++] = name;
        if (dd_parser_peek(p)->kind == DD_TOKEN_ASSIGN || dd_parser_peek(p)->kind == DD_TOKEN_DECLARE) {
            ret->assign = dd_parser_next(p)->kind == DD_TOKEN_ASSIGN;
            return 0;
        }
        if (dd_parser_peek(p)->kind != DD_TOKEN_COMMA)
            break;
        if (!range || ret->count == 2)
            return dd_parser_fail(p, dd_parser_peek(p)->at, "too many variables are declared here");
        p->at++;
    }
    if (ret->count == 2 || (ret->count == 1 && p->tokens[p->at - 1].kind == DD_TOKEN_COMMA))
        return dd_parser_fail(p, dd_parser_peek(p)->at,
                              "range can only declare variables: $key, $value := …");
    ret->count = 0;
    p->at = from;
    return 0;
}

/* While the value is read the names are known already, but stand for outer variables. */
static int announce(dd_parser *p, const declaration *declared)
{
    for (size_t i = 0; i < declared->count; i++)
        if (push_variable(p, declared->names[i], false, NULL) < 0)
            return -1;
    return 0;
}

static int bind(dd_parser *p, const declaration *declared, dd_pipeline *into)
{
    into->slot_count = declared->count;
    into->assign = declared->assign;
    for (size_t i = 0; i < declared->count; i++) {
        int found =
            declared->assign ? look_up(p, dd_parser_text(p, declared->names[i]), &into->slots[i]) : -1;

        if (!declared->assign && push_variable(p, declared->names[i], true, &into->slots[i]) < 0)
            return -1;
        if (declared->assign && found <= 0) {
            into->unknown = true;
            if (found < 0 && push_variable(p, declared->names[i], false, NULL) < 0)
                return -1;
        }
    }
    if (into->unknown)
        into->slot_count = 0;
    return 0;
}

int dd_parse_pipeline(dd_parser *p, const char *context, dd_token_kind end, dd_pipeline **ret)
{
    dd_pipeline *into = dd_arena_alloc(p->into->arena, sizeof(*into));
    declaration declared = {0};
    size_t outer = p->variable_count;

    dd_parser_skip_space(p);
    into->at = dd_parser_peek(p)->at;
    if (parse_declaration(p, strcmp(context, "range") == 0, &declared) < 0 || announce(p, &declared) < 0 ||
        parse_commands(p, context, end, into) < 0)
        return -1;
    p->variable_count = outer;
    if (bind(p, &declared, into) < 0)
        return -1;
    *ret = into;
    return 0;
}
