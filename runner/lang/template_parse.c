/* Tokens into a tree, by the rules of Go's text/template/parse (1.19).
 *
 * What can be known before anything runs is refused here: unknown functions, undefined variables, misplaced
 * actions, nesting beyond the limit. */
#include "runner/lang/template_parse.h"
#include <stdlib.h>
#include <string.h>

#define MAX_BODIES 1000 /* defined templates */

typedef enum ending { ENDING_EOF, ENDING_END, ENDING_ELSE, ENDING_ELSE_IF } ending;

static int parse_list(dd_parser *p, bool nested, dd_statement **ret, ending *ret_ending, size_t *ret_at);

/* ---- Tokens ---- */

const dd_token *dd_parser_peek(const dd_parser *p)
{
    return &p->tokens[p->at];
}

const dd_token *dd_parser_next(dd_parser *p)
{
    const dd_token *token = &p->tokens[p->at];

    if (token->kind != DD_TOKEN_END && token->kind != DD_TOKEN_ERROR)
        p->at++;
    return token;
}

void dd_parser_skip_space(dd_parser *p)
{
    while (dd_parser_peek(p)->kind == DD_TOKEN_SPACE)
        p->at++;
}

dd_text dd_parser_text(const dd_parser *p, const dd_token *token)
{
    return (dd_text){p->into->text + token->at, token->length};
}

bool dd_parser_is_word(const dd_parser *p, const dd_token *token, const char *word)
{
    return token->kind == DD_TOKEN_NAME && dd_text_is(dd_parser_text(p, token), word);
}

/* Something else should stand here; where the lexer stopped, its own reason says more. */
int dd_parser_unexpected(dd_parser *p, const dd_token *token, const char *context)
{
    dd_text text = dd_parser_text(p, token);

    if (token->kind == DD_TOKEN_ERROR)
        return dd_fail_at(p->err, p->lex_error->code, p->lex_error->place, NULL, "%s", p->lex_error->message);
    if (token->kind == DD_TOKEN_END)
        return dd_parser_fail(p, token->at, "the text ends in the middle of %s", context);
    if (text.length > 0 && *text.data == DD_TEMPLATE_RUN_MARK)
        return dd_parser_fail(p, token->at, "unexpected alias $%.*s in %s", (int)text.length - 1,
                              text.data + 1, context);
    return dd_parser_fail(p, token->at, "unexpected '%.*s' in %s", text.length > 40 ? 40 : (int)text.length,
                          text.data, context);
}

int dd_parser_enter(dd_parser *p, size_t at)
{
    if (++p->nest > DD_TEMPLATE_MAX_NEST)
        return dd_template_fail(p->into->text, p->into->length, at, DD_ERR_LIMIT, p->err,
                                "the template nests deeper than %d", DD_TEMPLATE_MAX_NEST);
    return 0;
}

/* ---- Statements ---- */

static int expect_close(dd_parser *p, const char *context)
{
    dd_parser_skip_space(p);
    if (dd_parser_peek(p)->kind != DD_TOKEN_CLOSE)
        return dd_parser_unexpected(p, dd_parser_peek(p), context);
    p->at++;
    return 0;
}

static int fail_open(dd_parser *p, const char *context, size_t at)
{
    if (dd_parser_peek(p)->kind == DD_TOKEN_ERROR)
        return dd_parser_unexpected(p, dd_parser_peek(p), context);
    return dd_parser_fail(p, at, "this {{%s}} has no {{end}}", context);
}

/* The body of if, range or with, and what `else` begins. An "else if" is a statement of its own in
 * `otherwise`, read by a loop here so that a long chain does not nest. */
static int parse_branches(dd_parser *p, const char *context, dd_statement *into)
{
    size_t open = into->at, outer = p->variable_count;
    bool loop = into->kind == DD_STATEMENT_RANGE;

    for (;;) {
        dd_statement *inner = into;
        dd_pipeline *pipeline;
        ending ended;
        size_t else_at;

        if (dd_parse_pipeline(p, context, DD_TOKEN_CLOSE, &pipeline) < 0)
            return -1;
        into->pipeline = pipeline;
        p->loops += loop;
        if (parse_list(p, true, &into->body, &ended, &else_at) < 0)
            return -1;
        p->loops -= loop;
        if (ended == ENDING_ELSE_IF) {
            if (into->kind != DD_STATEMENT_IF)
                return dd_parser_fail(p, else_at, "{{else if}} belongs to an {{if}}, not to a {{%s}}",
                                      context);
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
                return dd_parser_fail(p, else_at, "a second {{else}}");
        }
        if (ended == ENDING_EOF)
            return fail_open(p, context, open);
        p->variable_count = outer;
        return 0;
    }
}

static int parse_control(dd_parser *p, const char *context, dd_statement_kind kind, dd_statement *into)
{
    into->kind = kind;
    if (dd_parser_enter(p, into->at) < 0 || parse_branches(p, context, into) < 0)
        return -1;
    p->nest--;
    return 0;
}

static int parse_template_name(dd_parser *p, const char *context, dd_text *ret)
{
    const dd_token *token;
    dd_value name = dd_value_nil();

    dd_parser_skip_space(p);
    token = dd_parser_next(p);
    if (token->kind != DD_TOKEN_STRING && token->kind != DD_TOKEN_RAW)
        return dd_parser_unexpected(p, token, context);
    if (dd_parse_string(p, token, &name) < 0)
        return -1;
    *ret = name.text;
    dd_parser_skip_space(p);
    return 0;
}

static int parse_template_call(dd_parser *p, const char *context, dd_statement *into)
{
    dd_pipeline *pipeline = NULL;

    into->kind = DD_STATEMENT_TEMPLATE;
    if (parse_template_name(p, context, &into->name) < 0)
        return -1;
    if (dd_parser_peek(p)->kind == DD_TOKEN_CLOSE)
        p->at++;
    else if (dd_parse_pipeline(p, context, DD_TOKEN_CLOSE, &pipeline) < 0)
        return -1;
    into->pipeline = pipeline;
    if (p->call_count == p->call_capacity) {
        p->call_capacity = p->call_capacity ? p->call_capacity * 2 : 16;
        p->calls = dd_reallocarray(p->calls, p->call_capacity, sizeof(dd_statement *));
    }
    p->calls[p->call_count++] = into;
    return 0;
}

static bool is_blank(const dd_parser *p, const dd_statement *statements)
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

static dd_body *find_body(const dd_parser *p, dd_text name)
{
    dd_body *body = p->into->bodies;

    while (body && dd_text_compare(body->name, name) != 0)
        body = body->next;
    return body;
}

/* A definition that holds something replaces one that does not; two that do are an error, as in Go. */
static int define(dd_parser *p, size_t at, dd_text name, dd_statement *statements)
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
        return dd_parser_fail(p, at, "the template \"%.*s\" is defined twice", (int)name.length, name.data);
    }
    return 0;
}

/* A body has its own variables: `$` is what it is called with. */
static int parse_body(dd_parser *p, const char *context, size_t at, dd_text name)
{
    size_t saved_count = p->variable_count, saved_loops = p->loops;
    dd_parser_variable *saved = dd_arena_alloc(p->into->arena, saved_count * sizeof(*saved));
    dd_statement *statements;
    ending ended = ENDING_EOF;
    size_t ended_at = 0;

    memcpy(saved, p->variables, saved_count * sizeof(*saved));
    p->variable_count = 1;
    p->loops = 0;
    if (dd_parser_enter(p, at) < 0 || parse_list(p, true, &statements, &ended, &ended_at) < 0)
        return -1;
    if (ended == ENDING_ELSE || ended == ENDING_ELSE_IF)
        return dd_parser_fail(p, ended_at, "unexpected {{else}} in {{%s}}", context);
    if (ended == ENDING_EOF)
        return fail_open(p, context, at);
    p->nest--;
    memcpy(p->variables, saved, saved_count * sizeof(*saved));
    p->variable_count = saved_count;
    p->loops = saved_loops;
    return define(p, at, name, statements);
}

static int parse_define(dd_parser *p, size_t at)
{
    dd_text name = {NULL, 0};

    return parse_template_name(p, "define", &name) < 0 || expect_close(p, "define") < 0
               ? -1
               : parse_body(p, "define", at, name);
}

static int parse_block(dd_parser *p, dd_statement *into)
{
    if (parse_template_call(p, "block", into) < 0)
        return -1;
    if (!into->pipeline)
        return dd_parser_fail(p, into->at, "a {{block}} needs a value behind its name");
    return parse_body(p, "block", into->at, into->name);
}

static int parse_jump(dd_parser *p, const char *word, dd_statement_kind kind, dd_statement *into)
{
    into->kind = kind;
    if (expect_close(p, word) < 0)
        return -1;
    return p->loops ? 0 : dd_parser_fail(p, into->at, "{{%s}} outside of a {{range}}", word);
}

static int parse_plain_action(dd_parser *p, dd_statement *into)
{
    dd_pipeline *pipeline;

    into->kind = DD_STATEMENT_ACTION;
    if (dd_parse_pipeline(p, "an action", DD_TOKEN_CLOSE, &pipeline) < 0)
        return -1;
    into->pipeline = pipeline;
    return 0;
}

/* What begins behind "{{". Returns 1 with a statement, 0 with a definition. */
static int parse_action(dd_parser *p, bool nested, dd_statement *into)
{
    static const struct {
        const char *word;
        int (*parse)(dd_parser *, const char *, dd_statement_kind, dd_statement *);
        dd_statement_kind kind;
    } actions[] = {
        {"if", parse_control, DD_STATEMENT_IF},          {"range", parse_control, DD_STATEMENT_RANGE},
        {"with", parse_control, DD_STATEMENT_WITH},      {"break", parse_jump, DD_STATEMENT_BREAK},
        {"continue", parse_jump, DD_STATEMENT_CONTINUE},
    };
    const dd_token *open = dd_parser_next(p);
    const dd_token *word;

    dd_parser_skip_space(p);
    word = dd_parser_peek(p);
    into->at = open->at;
    for (size_t i = 0; i < DD_COUNT(actions); i++)
        if (dd_parser_is_word(p, word, actions[i].word)) {
            p->at++;
            return actions[i].parse(p, actions[i].word, actions[i].kind, into) < 0 ? -1 : 1;
        }
    if (dd_parser_is_word(p, word, "template") || dd_parser_is_word(p, word, "block")) {
        p->at++;
        return (dd_parser_is_word(p, word, "block") ? parse_block(p, into)
                                                    : parse_template_call(p, "template", into)) < 0
                   ? -1
                   : 1;
    }
    if (!dd_parser_is_word(p, word, "define"))
        return parse_plain_action(p, into) < 0 ? -1 : 1;
    p->at++;
    return nested ? dd_parser_fail(p, word->at, "{{define}} inside of another block")
                  : parse_define(p, open->at);
}

/* "{{end}}" or "{{else…" ahead: read it. Returns 1 when there was one. */
static int parse_ending(dd_parser *p, ending *ret, size_t *ret_at)
{
    size_t from = p->at;

    *ret_at = dd_parser_peek(p)->at;
    if (dd_parser_next(p)->kind == DD_TOKEN_OPEN) {
        dd_parser_skip_space(p);
        if (dd_parser_is_word(p, dd_parser_peek(p), "end")) {
            p->at++;
            *ret = ENDING_END;
            return expect_close(p, "end") < 0 ? -1 : 1;
        }
        if (dd_parser_is_word(p, dd_parser_peek(p), "else")) {
            p->at++;
            dd_parser_skip_space(p);
            *ret = dd_parser_is_word(p, dd_parser_peek(p), "if") ? ENDING_ELSE_IF : ENDING_ELSE;
            if (*ret == ENDING_ELSE_IF)
                p->at++;
            return *ret == ENDING_ELSE && expect_close(p, "else") < 0 ? -1 : 1;
        }
    }
    p->at = from;
    return 0;
}

static int parse_list(dd_parser *p, bool nested, dd_statement **ret, ending *ret_ending, size_t *ret_at)
{
    dd_statement **last = ret;
    size_t outer = p->variable_count;

    *ret = NULL;
    *ret_ending = ENDING_EOF;
    while (dd_parser_peek(p)->kind == DD_TOKEN_TEXT || dd_parser_peek(p)->kind == DD_TOKEN_OPEN) {
        dd_statement *statement;
        int found = parse_ending(p, ret_ending, ret_at);

        if (found < 0)
            return -1;
        if (found) {
            p->variable_count = outer;
            return 0;
        }
        statement = dd_arena_alloc(p->into->arena, sizeof(*statement));
        if (dd_parser_peek(p)->kind == DD_TOKEN_TEXT) {
            *statement = (dd_statement){
                .kind = DD_STATEMENT_TEXT, .at = dd_parser_peek(p)->at, .length = dd_parser_peek(p)->length};
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
    return dd_parser_peek(p)->kind == DD_TOKEN_ERROR
               ? dd_parser_unexpected(p, dd_parser_peek(p), "the template")
               : 0;
}

static int parse_whole(dd_parser *p)
{
    ending ended = ENDING_EOF;
    size_t at = 0;

    p->variables[p->variable_count++] = (dd_parser_variable){dd_text_of("$"), true};
    if (parse_list(p, false, &p->into->statements, &ended, &at) < 0)
        return -1;
    if (ended != ENDING_EOF)
        return dd_parser_fail(p, at, "unexpected {{%s}}: no block is open here",
                              ended == ENDING_END ? "end" : "else");
    for (size_t i = 0; i < p->call_count; i++)
        p->calls[i]->defined = find_body(p, p->calls[i]->name);
    return 0;
}

int dd_template_parse(const char *text, size_t length, dd_template **ret, dd_error **err)
{
    dd_auto(dd_template) into = dd_new(dd_template);
    dd_tokens tokens = {0};
    dd_parser *p = dd_new(dd_parser);
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
