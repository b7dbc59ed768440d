/* What the parser's parts share: the parser, its tokens, its errors. */
#ifndef DD_LANG_TEMPLATE_PARSE_H
#define DD_LANG_TEMPLATE_PARSE_H

#include "runner/lang/template_private.h"

typedef struct dd_parser_variable {
    dd_text name;
    bool has_place;
} dd_parser_variable;

typedef struct dd_parser {
    dd_template *into;
    const dd_token *tokens; /* ends with END or ERROR, which is never passed */
    size_t at;
    const dd_error *lex_error;
    dd_error **err;
    dd_parser_variable variables[DD_TEMPLATE_MAX_VARIABLES];
    size_t variable_count;
    size_t nest; /* open blocks and parentheses */
    size_t body_count;
    dd_statement **calls; /* of templates, which may be defined later */
    size_t call_count, call_capacity;
    size_t loops; /* open ranges of this template */
} dd_parser;

#define dd_parser_fail(p, at, ...)                                                                           \
    dd_template_fail((p)->into->text, (p)->into->length, (at), DD_ERR_INVALID, (p)->err, __VA_ARGS__)

const dd_token *dd_parser_peek(const dd_parser *p);
/* The token ahead, and go on behind it. */
const dd_token *dd_parser_next(dd_parser *p);
void dd_parser_skip_space(dd_parser *p);
dd_text dd_parser_text(const dd_parser *p, const dd_token *token);
bool dd_parser_is_word(const dd_parser *p, const dd_token *token, const char *word);
/* Something else should stand here; returns -1. */
int dd_parser_unexpected(dd_parser *p, const dd_token *token, const char *context);
/* One block or parenthesis deeper; leaving is p->nest--. */
int dd_parser_enter(dd_parser *p, size_t at);

/* Up to and behind `end`. What it declares is in scope from there on; `context` names it in errors, and
 * "range" may declare two. */
int dd_parse_pipeline(dd_parser *p, const char *context, dd_token_kind end, dd_pipeline **ret);

/* The constants that the tokens stand for (template_constants.c). */
int dd_parse_number(dd_parser *p, const dd_token *token, dd_operand *into);
int dd_parse_character(dd_parser *p, const dd_token *token, dd_value *ret);
int dd_parse_string(dd_parser *p, const dd_token *token, dd_value *ret);

#endif
