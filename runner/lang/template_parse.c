/* Tokens into a tree, by the rules of Go's text/template/parse (1.19).
 *
 * What can be known before anything runs is refused here: unknown functions, undefined variables, misplaced
 * actions, nesting beyond the limit. Variables become places on a stack, so that running never looks up
 * names. */
#include "runner/lang/template_private.h"
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BODIES 1000 /* defined templates */

typedef enum ending { ENDING_EOF, ENDING_END, ENDING_ELSE, ENDING_ELSE_IF } ending;

typedef struct variable {
    dd_text name;
    bool has_place;
} variable;

typedef struct parser {
    dd_template *into;
    const dd_token *tokens; /* ends with END or ERROR, which is never passed */
    size_t at;
    const dd_error *lex_error;
    dd_error **err;
    variable variables[DD_TEMPLATE_MAX_VARIABLES];
    size_t variable_count;
    size_t nest; /* open blocks and parentheses */
    size_t body_count;
    dd_statement **calls; /* of templates, which may be defined later */
    size_t call_count, call_capacity;
    size_t loops; /* open ranges of this template */
} parser;

static int parse_list(parser *p, bool nested, dd_statement **ret, ending *ret_ending, size_t *ret_at);
static int parse_pipeline(parser *p, const char *context, dd_token_kind end, dd_pipeline **ret);

/* ---- Tokens ---- */

static const dd_token *peek(const parser *p)
{
    return &p->tokens[p->at];
}

static const dd_token *next(parser *p)
{
    const dd_token *token = &p->tokens[p->at];

    if (token->kind != DD_TOKEN_END && token->kind != DD_TOKEN_ERROR)
        p->at++;
    return token;
}

static void skip_space(parser *p)
{
    while (peek(p)->kind == DD_TOKEN_SPACE)
        p->at++;
}

static dd_text text_of(const parser *p, const dd_token *token)
{
    return (dd_text){p->into->text + token->at, token->length};
}

static bool is_word(const parser *p, const dd_token *token, const char *word)
{
    return token->kind == DD_TOKEN_NAME && dd_text_is(text_of(p, token), word);
}

#define fail(p, at, ...)                                                                                     \
    dd_template_fail((p)->into->text, (p)->into->length, (at), DD_ERR_INVALID, (p)->err, __VA_ARGS__)

/* Something else should stand here; where the lexer stopped, its own reason says more. */
static int fail_unexpected(parser *p, const dd_token *token, const char *context)
{
    dd_text text = text_of(p, token);

    if (token->kind == DD_TOKEN_ERROR)
        return dd_fail_at(p->err, p->lex_error->code, p->lex_error->place, NULL, "%s", p->lex_error->message);
    if (token->kind == DD_TOKEN_END)
        return fail(p, token->at, "the text ends in the middle of %s", context);
    if (text.length > 0 && *text.data == DD_TEMPLATE_RUN_MARK)
        return fail(p, token->at, "unexpected alias $%.*s in %s", (int)text.length - 1, text.data + 1,
                    context);
    return fail(p, token->at, "unexpected '%.*s' in %s", text.length > 40 ? 40 : (int)text.length, text.data,
                context);
}

static int enter(parser *p, size_t at)
{
    if (++p->nest > DD_TEMPLATE_MAX_NEST)
        return dd_template_fail(p->into->text, p->into->length, at, DD_ERR_LIMIT, p->err,
                                "the template nests deeper than %d", DD_TEMPLATE_MAX_NEST);
    return 0;
}

/* ---- Variables ---- */

/* A name without a place is one that Go lets pass here, and then misses when it runs. */
static int push_variable(parser *p, const dd_token *token, bool has_place, size_t *ret)
{
    variable *last = &p->variables[p->variable_count];

    if (p->variable_count == DD_TEMPLATE_MAX_VARIABLES)
        return dd_template_fail(p->into->text, p->into->length, token->at, DD_ERR_LIMIT, p->err,
                                "more than %d variables at once", DD_TEMPLATE_MAX_VARIABLES);
    *last = (variable){text_of(p, token), has_place};
    if (ret)
        *ret = p->variable_count;
    p->variable_count++;
    return 0;
}

/* The place of the innermost variable of this name. Returns 0 when only the name is known, -1 when nothing
 * is. */
static int look_up(const parser *p, dd_text name, size_t *ret)
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

static int find_variable(parser *p, const dd_token *token, dd_operand *into)
{
    dd_text name = text_of(p, token);
    int found = look_up(p, name, &into->slot);

    into->kind = found > 0 ? DD_OPERAND_VARIABLE : DD_OPERAND_UNDEFINED;
    return found >= 0 ? 0 : fail(p, token->at, "undefined variable %.*s", (int)name.length, name.data);
}

/* ---- Constants ---- */

/* Go lets '_' stand between digits, and behind 0x, 0b, 0o and a leading 0. Without them, for strto…; false
 * where one stands elsewhere. */
static bool without_underscores(dd_text text, char *into, size_t size)
{
    size_t length = 0;
    bool hex = text.length > 2 && text.data[0] == '0' && (text.data[1] | 0x20) == 'x';
    char before = '^'; /* '0': a digit or a base's prefix, '_', or something else */

    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        bool prefix = i == 1 && text.data[0] == '0' && strchr("xXbBoO", c);

        if (c == '_' ? before != '0' : before == '_' && !isxdigit((unsigned char)c))
            return false;
        before = c == '_'                                                                   ? '_'
                 : prefix || (hex ? isxdigit((unsigned char)c) : isdigit((unsigned char)c)) ? '0'
                                                                                            : '!';
        if (c == '_')
            continue;
        if (length + 1 >= size)
            return false;
        into[length++] = c;
    }
    into[length] = '\0';
    return before != '_';
}

/* Go's integers of any base. False: it is none, or does not fit 64 bits. */
static bool read_integer(const char *text, bool *ret_negative, uint64_t *ret)
{
    const char *digits = text + (*text == '+' || *text == '-');
    int base = 10;
    char *end;

    *ret_negative = *text == '-';
    if (digits[0] == '0' && digits[1]) {
        static const char prefixes[] = "xXbBoO";
        static const int bases[] = {16, 16, 2, 2, 8, 8};
        const char *prefix = strchr(prefixes, digits[1]);

        base = prefix ? bases[prefix - prefixes] : 8;
        digits += prefix ? 2 : 1;
    }
    if (!isxdigit((unsigned char)*digits))
        return false;
    errno = 0;
    *ret = strtoull(digits, &end, base);
    return !*end && !errno && (!*ret_negative || *ret <= (uint64_t)INT64_MAX + 1) &&
           (*text != '+' || *ret <= INT64_MAX);
}

/* With a point or an exponent; hexadecimal ones must have the exponent. */
static bool read_float(const char *text, double *ret)
{
    bool hex = strpbrk(text, "xX") != NULL;
    char *end;

    *ret = strtod(text, &end);
    return end != text && !*end && !isinf(*ret) && strpbrk(text, hex ? "pP" : ".eE");
}

/* "0x1E" is an integer, but "-0x1E" is one of Go's floats, for the E in it. */
static bool looks_like_float(const char *text)
{
    return strpbrk(text, ".eEpP") && !(text[0] == '0' && (text[1] | 0x20) == 'x' && !strpbrk(text, "pP"));
}

static int parse_number(parser *p, const dd_token *token, dd_operand *into)
{
    char text[64];
    bool negative;
    uint64_t size;
    double real;

    into->kind = DD_OPERAND_CONSTANT;
    if (without_underscores(text_of(p, token), text, sizeof(text))) {
        if (read_integer(text, &negative, &size)) {
            int64_t integer = negative ? (int64_t)(0 - size) : (int64_t)size;

            if (!negative && size > INT64_MAX)
                into->kind = DD_OPERAND_OVERFLOW;
            else
                into->constant =
                    looks_like_float(text) ? dd_value_float((double)integer) : dd_value_int(integer);
            return 0;
        }
        if (read_float(text, &real)) {
            into->constant = dd_value_float(real);
            return 0;
        }
    }
    if (token->length > 1 && p->into->text[token->at + token->length - 1] == 'i')
        return fail(p, token->at, "imaginary numbers are not there: '%.*s'",
                    token->length > 60 ? 60 : (int)token->length, p->into->text + token->at);
    return fail(p, token->at, "bad number '%.*s'", token->length > 60 ? 60 : (int)token->length,
                p->into->text + token->at);
}

static int parse_character(parser *p, const dd_token *token, dd_value *ret)
{
    dd_text says;
    size_t length = 0;
    uint32_t rune = 0;

    if (dd_template_unquote(p->into->arena, text_of(p, token), &says) && says.length > 0)
        rune = dd_utf8_decode(says.data, says.length, &length);
    if (length == 0 || length != says.length)
        return fail(p, token->at, "malformed character constant %.*s", (int)token->length,
                    p->into->text + token->at);
    *ret = dd_value_int(rune);
    return 0;
}

static int parse_string(parser *p, const dd_token *token, dd_value *ret)
{
    dd_text says;

    if (!dd_template_unquote(p->into->arena, text_of(p, token), &says))
        return fail(p, token->at, "a bad escape in the string %.*s",
                    token->length > 60 ? 60 : (int)token->length, p->into->text + token->at);
    *ret = dd_value_text(says);
    return 0;
}

/* ---- Operands ---- */

static int parse_function(parser *p, const dd_token *token, dd_operand *into)
{
    dd_text name = text_of(p, token);
    const char *why, *nearest;

    into->kind = DD_OPERAND_FUNCTION;
    into->function = dd_function_find(name, &why, &nearest);
    if (into->function)
        return 0;
    if (why)
        return fail(p, token->at, "the function %.*s is not there: %s", (int)name.length, name.data, why);
    fail(p, token->at, "the function %.*s is not defined", (int)name.length, name.data);
    if (nearest)
        dd_hint(p->err, "did you mean %s?", nearest);
    return -1;
}

static int parse_name(parser *p, const dd_token *token, dd_operand *into)
{
    static const char *const keywords[] = {"if",    "else",     "end",   "range",  "with",
                                           "block", "template", "break", "define", "continue"};

    if (is_word(p, token, "true") || is_word(p, token, "false")) {
        into->kind = DD_OPERAND_CONSTANT;
        into->constant = dd_value_bool(is_word(p, token, "true"));
        return 0;
    }
    if (is_word(p, token, "nil")) {
        into->kind = DD_OPERAND_NIL;
        return 0;
    }
    for (size_t i = 0; i < DD_COUNT(keywords); i++)
        if (is_word(p, token, keywords[i]))
            return fail_unexpected(p, token, "an operand");
    return parse_function(p, token, into);
}

static int parse_parentheses(parser *p, const dd_token *token, dd_operand *into)
{
    dd_pipeline *inner;

    if (enter(p, token->at) < 0 || parse_pipeline(p, "parentheses", DD_TOKEN_RIGHT, &inner) < 0)
        return -1;
    p->nest--;
    into->kind = DD_OPERAND_PIPELINE;
    into->pipeline = inner;
    return 0;
}

/* ".a.b" at or behind an operand; constants have no fields. */
static int parse_fields(parser *p, dd_operand *into)
{
    dd_field **last = &into->fields;

    for (; peek(p)->kind == DD_TOKEN_FIELD; p->at++) {
        dd_text name = text_of(p, peek(p));

        if (into->kind == DD_OPERAND_CONSTANT || into->kind == DD_OPERAND_OVERFLOW ||
            into->kind == DD_OPERAND_NIL)
            return fail(p, peek(p)->at, "a constant has no field %.*s", (int)name.length, name.data);
        *last = dd_arena_alloc(p->into->arena, sizeof(dd_field));
        (*last)->name = (dd_text){name.data + 1, name.length - 1};
        last = &(*last)->next;
    }
    return 0;
}

/* Returns 1 with an operand, 0 when none begins here. */
static int parse_term(parser *p, dd_operand *into)
{
    const dd_token *token = peek(p);
    dd_text text = text_of(p, token);
    int result = 0;

    p->at += token->kind != DD_TOKEN_FIELD; /* which parse_fields reads */
    into->at = token->at;
    switch (token->kind) {
    case DD_TOKEN_NAME:
        result = parse_name(p, token, into);
        break;
    case DD_TOKEN_DOT:
        into->kind = DD_OPERAND_DOT;
        if (peek(p)->kind == DD_TOKEN_FIELD) /* "..a" */
            return fail_unexpected(p, peek(p), "an operand");
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
        result = parse_number(p, token, into);
        break;
    case DD_TOKEN_CHARACTER:
        result = parse_character(p, token, &into->constant);
        into->kind = DD_OPERAND_CONSTANT;
        break;
    case DD_TOKEN_STRING:
    case DD_TOKEN_RAW:
        result = parse_string(p, token, &into->constant);
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
static int parse_command(parser *p, dd_command *into)
{
    dd_operand **last = &into->operands;

    for (;;) {
        dd_operand *operand = dd_arena_alloc(p->into->arena, sizeof(*operand));
        int found;

        skip_space(p);
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
        if (peek(p)->kind == DD_TOKEN_SPACE && found)
            continue;
        return 0;
    }
}

/* Go allows only what can be called behind a '|'. */
static int check_stage(parser *p, const dd_command *command, size_t stage)
{
    const dd_operand *first = command->operands;

    if (stage > 1 && (first->kind == DD_OPERAND_CONSTANT || first->kind == DD_OPERAND_OVERFLOW ||
                      first->kind == DD_OPERAND_NIL || (first->kind == DD_OPERAND_DOT && !first->fields)))
        return fail(p, first->at, "stage %zu of this pipeline cannot be called", stage);
    return 0;
}

static int parse_commands(parser *p, const char *context, dd_token_kind end, dd_pipeline *into)
{
    dd_command **last = &into->commands;

    for (size_t stage = 1;; stage++) {
        dd_command *command = dd_arena_alloc(p->into->arena, sizeof(*command));
        const dd_token *token;

        if (parse_command(p, command) < 0)
            return -1;
        token = peek(p);
        if (token->kind != end && token->kind != DD_TOKEN_PIPE)
            return fail_unexpected(p, token, context);
        if (command->count == 0)
            return fail(p, token->at, "a value is missing for %s", context);
        if (check_stage(p, command, stage) < 0)
            return -1;
        *last = command;
        last = &command->next;
        into->end = token->at;
        p->at++;
        if (token->kind == end)
            return 0;
        skip_space(p);
        if (peek(p)->kind == end) { /* "x | }}": Go takes it for "x" */
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

static int parse_declaration(parser *p, bool range, declaration *ret)
{
    size_t from = p->at;
    const dd_token *name;

    while (ret->count < 2) {
        skip_space(p);
        name = peek(p);
        if (name->kind != DD_TOKEN_VARIABLE)
            break;
        p->at++;
        skip_space(p);
        ret->names[ret->count++] = name;
        if (peek(p)->kind == DD_TOKEN_ASSIGN || peek(p)->kind == DD_TOKEN_DECLARE) {
            ret->assign = next(p)->kind == DD_TOKEN_ASSIGN;
            return 0;
        }
        if (peek(p)->kind != DD_TOKEN_COMMA)
            break;
        if (!range || ret->count == 2)
            return fail(p, peek(p)->at, "too many variables are declared here");
        p->at++;
    }
    if (ret->count == 2 || (ret->count == 1 && p->tokens[p->at - 1].kind == DD_TOKEN_COMMA))
        return fail(p, peek(p)->at, "range can only declare variables: $key, $value := …");
    ret->count = 0;
    p->at = from;
    return 0;
}

/* While the value is read the names are known already, but stand for outer variables. */
static int announce(parser *p, const declaration *declared)
{
    for (size_t i = 0; i < declared->count; i++)
        if (push_variable(p, declared->names[i], false, NULL) < 0)
            return -1;
    return 0;
}

static int bind(parser *p, const declaration *declared, dd_pipeline *into)
{
    into->slot_count = declared->count;
    into->assign = declared->assign;
    for (size_t i = 0; i < declared->count; i++) {
        int found = declared->assign ? look_up(p, text_of(p, declared->names[i]), &into->slots[i]) : -1;

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

static int parse_pipeline(parser *p, const char *context, dd_token_kind end, dd_pipeline **ret)
{
    dd_pipeline *into = dd_arena_alloc(p->into->arena, sizeof(*into));
    declaration declared = {0};
    size_t outer = p->variable_count;

    skip_space(p);
    into->at = peek(p)->at;
    if (parse_declaration(p, strcmp(context, "range") == 0, &declared) < 0 || announce(p, &declared) < 0 ||
        parse_commands(p, context, end, into) < 0)
        return -1;
    p->variable_count = outer;
    if (bind(p, &declared, into) < 0)
        return -1;
    *ret = into;
    return 0;
}

/* ---- Statements ---- */

static int expect_close(parser *p, const char *context)
{
    skip_space(p);
    if (peek(p)->kind != DD_TOKEN_CLOSE)
        return fail_unexpected(p, peek(p), context);
    p->at++;
    return 0;
}

static int fail_open(parser *p, const char *context, size_t at)
{
    if (peek(p)->kind == DD_TOKEN_ERROR)
        return fail_unexpected(p, peek(p), context);
    return fail(p, at, "this {{%s}} has no {{end}}", context);
}

/* The body of if, range or with, and what `else` begins. An "else if" is a statement of its own in
 * `otherwise`, read by a loop here so that a long chain does not nest. */
static int parse_branches(parser *p, const char *context, dd_statement *into)
{
    size_t open = into->at, outer = p->variable_count;
    bool loop = into->kind == DD_STATEMENT_RANGE;

    for (;;) {
        dd_statement *inner = into;
        dd_pipeline *pipeline;
        ending ended;
        size_t else_at;

        if (parse_pipeline(p, context, DD_TOKEN_CLOSE, &pipeline) < 0)
            return -1;
        into->pipeline = pipeline;
        p->loops += loop;
        if (parse_list(p, true, &into->body, &ended, &else_at) < 0)
            return -1;
        p->loops -= loop;
        if (ended == ENDING_ELSE_IF) {
            if (into->kind != DD_STATEMENT_IF)
                return fail(p, else_at, "{{else if}} belongs to an {{if}}, not to a {{%s}}", context);
            inner = dd_arena_alloc(p->into->arena, sizeof(*inner));
            inner->kind = DD_STATEMENT_IF;
            inner->at = else_at;
            into->otherwise = inner;
            into->chained = true;
            into = inner;
            continue;
        }
        if (ended == ENDING_ELSE) {
            if (parse_list(p, true, &into->otherwise, &ended, &else_at) < 0)
                return -1;
            if (ended == ENDING_ELSE || ended == ENDING_ELSE_IF)
                return fail(p, else_at, "a second {{else}}");
        }
        if (ended == ENDING_EOF)
            return fail_open(p, context, open);
        p->variable_count = outer;
        return 0;
    }
}

static int parse_control(parser *p, const char *context, dd_statement_kind kind, dd_statement *into)
{
    into->kind = kind;
    if (enter(p, into->at) < 0 || parse_branches(p, context, into) < 0)
        return -1;
    p->nest--;
    return 0;
}

static int parse_template_name(parser *p, const char *context, dd_text *ret)
{
    const dd_token *token;
    dd_value name = dd_value_nil();

    skip_space(p);
    token = next(p);
    if (token->kind != DD_TOKEN_STRING && token->kind != DD_TOKEN_RAW)
        return fail_unexpected(p, token, context);
    if (parse_string(p, token, &name) < 0)
        return -1;
    *ret = name.text;
    skip_space(p);
    return 0;
}

static int parse_template_call(parser *p, const char *context, dd_statement *into)
{
    dd_pipeline *pipeline = NULL;

    into->kind = DD_STATEMENT_TEMPLATE;
    if (parse_template_name(p, context, &into->name) < 0)
        return -1;
    if (peek(p)->kind == DD_TOKEN_CLOSE)
        p->at++;
    else if (parse_pipeline(p, context, DD_TOKEN_CLOSE, &pipeline) < 0)
        return -1;
    into->pipeline = pipeline;
    if (p->call_count == p->call_capacity) {
        p->call_capacity = p->call_capacity ? p->call_capacity * 2 : 16;
        p->calls = dd_reallocarray(p->calls, p->call_capacity, sizeof(dd_statement *));
    }
    p->calls[p->call_count++] = into;
    return 0;
}

static bool is_blank(const parser *p, const dd_statement *statements)
{
    for (; statements; statements = statements->next) {
        if (statements->kind != DD_STATEMENT_TEXT)
            return false;
        for (size_t i = 0; i < statements->length; i++)
            if (!strchr(" \t\r\n", p->into->text[statements->at + i]))
                return false;
    }
    return true;
}

static dd_body *find_body(const parser *p, dd_text name)
{
    dd_body *body = p->into->bodies;

    while (body && dd_text_compare(body->name, name) != 0)
        body = body->next;
    return body;
}

/* A definition that holds something replaces one that does not; two that do are an error, as in Go. */
static int define(parser *p, size_t at, dd_text name, dd_statement *statements)
{
    dd_body *body = find_body(p, name);

    if (!body) {
        if (++p->body_count > MAX_BODIES)
            return dd_template_fail(p->into->text, p->into->length, at, DD_ERR_LIMIT, p->err,
                                    "more than %d templates are defined", MAX_BODIES);
        body = dd_arena_alloc(p->into->arena, sizeof(*body));
        *body = (dd_body){name, statements, p->into->bodies};
        p->into->bodies = body;
    } else if (is_blank(p, body->statements)) {
        body->statements = statements;
    } else if (!is_blank(p, statements)) {
        return fail(p, at, "the template \"%.*s\" is defined twice", (int)name.length, name.data);
    }
    return 0;
}

/* A body has its own variables: `$` is what it is called with. */
static int parse_body(parser *p, const char *context, size_t at, dd_text name)
{
    size_t saved_count = p->variable_count, saved_loops = p->loops;
    variable *saved = dd_arena_alloc(p->into->arena, saved_count * sizeof(*saved));
    dd_statement *statements;
    ending ended = ENDING_EOF;
    size_t ended_at = 0;

    memcpy(saved, p->variables, saved_count * sizeof(*saved));
    p->variable_count = 1;
    p->loops = 0;
    if (enter(p, at) < 0 || parse_list(p, true, &statements, &ended, &ended_at) < 0)
        return -1;
    if (ended == ENDING_ELSE || ended == ENDING_ELSE_IF)
        return fail(p, ended_at, "unexpected {{else}} in {{%s}}", context);
    if (ended == ENDING_EOF)
        return fail_open(p, context, at);
    p->nest--;
    memcpy(p->variables, saved, saved_count * sizeof(*saved));
    p->variable_count = saved_count;
    p->loops = saved_loops;
    return define(p, at, name, statements);
}

static int parse_define(parser *p, size_t at)
{
    dd_text name = {NULL, 0};

    return parse_template_name(p, "define", &name) < 0 || expect_close(p, "define") < 0
               ? -1
               : parse_body(p, "define", at, name);
}

static int parse_block(parser *p, dd_statement *into)
{
    if (parse_template_call(p, "block", into) < 0)
        return -1;
    if (!into->pipeline)
        return fail(p, into->at, "a {{block}} needs a value behind its name");
    return parse_body(p, "block", into->at, into->name);
}

static int parse_jump(parser *p, const char *word, dd_statement_kind kind, dd_statement *into)
{
    into->kind = kind;
    if (expect_close(p, word) < 0)
        return -1;
    return p->loops ? 0 : fail(p, into->at, "{{%s}} outside of a {{range}}", word);
}

static int parse_plain_action(parser *p, dd_statement *into)
{
    dd_pipeline *pipeline;

    into->kind = DD_STATEMENT_ACTION;
    if (parse_pipeline(p, "an action", DD_TOKEN_CLOSE, &pipeline) < 0)
        return -1;
    into->pipeline = pipeline;
    return 0;
}

/* What begins behind "{{". Returns 1 with a statement, 0 with a definition. */
static int parse_action(parser *p, bool nested, dd_statement *into)
{
    static const struct {
        const char *word;
        int (*parse)(parser *, const char *, dd_statement_kind, dd_statement *);
        dd_statement_kind kind;
    } actions[] = {
        {"if", parse_control, DD_STATEMENT_IF},          {"range", parse_control, DD_STATEMENT_RANGE},
        {"with", parse_control, DD_STATEMENT_WITH},      {"break", parse_jump, DD_STATEMENT_BREAK},
        {"continue", parse_jump, DD_STATEMENT_CONTINUE},
    };
    const dd_token *open = next(p);
    const dd_token *word;

    skip_space(p);
    word = peek(p);
    into->at = open->at;
    for (size_t i = 0; i < DD_COUNT(actions); i++)
        if (is_word(p, word, actions[i].word)) {
            p->at++;
            return actions[i].parse(p, actions[i].word, actions[i].kind, into) < 0 ? -1 : 1;
        }
    if (is_word(p, word, "template") || is_word(p, word, "block")) {
        p->at++;
        return (is_word(p, word, "block") ? parse_block(p, into) : parse_template_call(p, "template", into)) <
                       0
                   ? -1
                   : 1;
    }
    if (!is_word(p, word, "define"))
        return parse_plain_action(p, into) < 0 ? -1 : 1;
    p->at++;
    return nested ? fail(p, word->at, "{{define}} inside of another block") : parse_define(p, open->at);
}

/* "{{end}}" or "{{else…" ahead: read it. Returns 1 when there was one. */
static int parse_ending(parser *p, ending *ret, size_t *ret_at)
{
    size_t from = p->at;

    *ret_at = peek(p)->at;
    if (next(p)->kind == DD_TOKEN_OPEN) {
        skip_space(p);
        if (is_word(p, peek(p), "end")) {
            p->at++;
            *ret = ENDING_END;
            return expect_close(p, "end") < 0 ? -1 : 1;
        }
        if (is_word(p, peek(p), "else")) {
            p->at++;
            skip_space(p);
            *ret = is_word(p, peek(p), "if") ? ENDING_ELSE_IF : ENDING_ELSE;
            if (*ret == ENDING_ELSE_IF)
                p->at++;
            return *ret == ENDING_ELSE && expect_close(p, "else") < 0 ? -1 : 1;
        }
    }
    p->at = from;
    return 0;
}

static int parse_list(parser *p, bool nested, dd_statement **ret, ending *ret_ending, size_t *ret_at)
{
    dd_statement **last = ret;
    size_t outer = p->variable_count;

    *ret = NULL;
    *ret_ending = ENDING_EOF;
    while (peek(p)->kind == DD_TOKEN_TEXT || peek(p)->kind == DD_TOKEN_OPEN) {
        dd_statement *statement;
        int found = parse_ending(p, ret_ending, ret_at);

        if (found < 0)
            return -1;
        if (found) {
            p->variable_count = outer;
            return 0;
        }
        statement = dd_arena_alloc(p->into->arena, sizeof(*statement));
        if (peek(p)->kind == DD_TOKEN_TEXT) {
            *statement =
                (dd_statement){.kind = DD_STATEMENT_TEXT, .at = peek(p)->at, .length = peek(p)->length};
            p->at++;
            found = 1;
        } else {
            found = parse_action(p, nested, statement);
        }
        if (found < 0)
            return -1;
        if (found) {
            *last = statement;
            last = &statement->next;
        }
    }
    return peek(p)->kind == DD_TOKEN_ERROR ? fail_unexpected(p, peek(p), "the template") : 0;
}

static int parse_whole(parser *p)
{
    ending ended = ENDING_EOF;
    size_t at = 0;

    p->variables[p->variable_count++] = (variable){dd_text_of("$"), true};
    if (parse_list(p, false, &p->into->statements, &ended, &at) < 0)
        return -1;
    if (ended != ENDING_EOF)
        return fail(p, at, "unexpected {{%s}}: no block is open here", ended == ENDING_END ? "end" : "else");
    for (size_t i = 0; i < p->call_count; i++)
        p->calls[i]->defined = find_body(p, p->calls[i]->name);
    return 0;
}

int dd_template_parse(const char *text, size_t length, dd_template **ret, dd_error **err)
{
    dd_auto(dd_template) into = dd_new(dd_template);
    dd_tokens tokens = {0};
    parser *p = dd_new(parser);
    int result;

    into->text = text;
    into->length = length;
    into->arena = dd_arena_new();
    dd_template_lex(text, length, &tokens);
    p->into = into;
    p->tokens = tokens.items;
    p->lex_error = tokens.error;
    p->err = err;
    result = parse_whole(p);
    if (result == 0)
        *ret = dd_take(into);
    dd_tokens_done(&tokens);
    free(p->calls);
    free(p);
    return result;
}

void dd_template_free(dd_template *parsed)
{
    if (!parsed)
        return;
    dd_arena_free(parsed->arena);
    free(parsed);
}
