/* What the template engine's stages hand each other: tokens, the tree, functions. */
#ifndef DD_LANG_TEMPLATE_PRIVATE_H
#define DD_LANG_TEMPLATE_PRIVATE_H

#include "runner/lang/template.h"

/* ---- Tokens (template_lex.c) ---- */

typedef enum dd_token_kind {
    DD_TOKEN_END,
    DD_TOKEN_ERROR,    /* the lexer's error stands here */
    DD_TOKEN_TEXT,     /* literal text, already trimmed */
    DD_TOKEN_OPEN,     /* {{ */
    DD_TOKEN_CLOSE,    /* }} */
    DD_TOKEN_SPACE,    /* between operands it separates them */
    DD_TOKEN_FIELD,    /* .name */
    DD_TOKEN_DOT,      /* . */
    DD_TOKEN_VARIABLE, /* $ or $name */
    DD_TOKEN_NAME,     /* identifiers and keywords alike */
    DD_TOKEN_RUN,      /* DD_TEMPLATE_RUN_MARK and a name */
    DD_TOKEN_NUMBER,
    DD_TOKEN_CHARACTER, /* 'x' */
    DD_TOKEN_STRING,    /* "…" */
    DD_TOKEN_RAW,       /* `…` */
    DD_TOKEN_PIPE,
    DD_TOKEN_COMMA,
    DD_TOKEN_ASSIGN,
    DD_TOKEN_DECLARE,
    DD_TOKEN_LEFT,
    DD_TOKEN_RIGHT,
} dd_token_kind;

typedef struct dd_token {
    dd_token_kind kind;
    size_t at;
    size_t length;
} dd_token;

typedef struct dd_tokens {
    dd_token *items; /* ends with END or ERROR */
    size_t count, capacity;
    dd_error *error; /* what the ERROR token stands for */
} dd_tokens;
void dd_template_lex(const char *text, size_t length, dd_tokens *ret);
void dd_tokens_done(dd_tokens *tokens);

/* ---- The tree (template_parse.c) ---- */

#define DD_TEMPLATE_MAX_VARIABLES 1000 /* in scope at once */

typedef struct dd_pipeline dd_pipeline;
typedef struct dd_function dd_function;
typedef struct dd_body dd_body;

typedef enum dd_operand_kind {
    DD_OPERAND_DOT,
    DD_OPERAND_NIL,
    DD_OPERAND_CONSTANT,
    DD_OPERAND_VARIABLE,
    DD_OPERAND_FUNCTION,
    DD_OPERAND_PIPELINE,
    DD_OPERAND_RUN,
    DD_OPERAND_OVERFLOW,  /* an integer above int64's: Go minds only when it is evaluated */
    DD_OPERAND_UNDEFINED, /* a variable that is assigned to, or declared by the very pipeline that asks for it
                           */
} dd_operand_kind;

typedef struct dd_field {
    dd_text name;
    struct dd_field *next;
} dd_field;

/* `.a.b` is DOT with fields; so `fields` may follow all but NIL and CONSTANT. */
typedef struct dd_operand {
    dd_operand_kind kind;
    size_t at, end; /* where it stands, for messages */
    union {
        dd_value constant;
        size_t slot; /* VARIABLE: place on the stack of variables */
        const dd_function *function;
        const dd_pipeline *pipeline;
        dd_text name; /* RUN */
    };
    dd_field *fields;
    struct dd_operand *next; /* the command's next argument */
} dd_operand;

typedef struct dd_command {
    dd_operand *operands;
    size_t count;
    struct dd_command *next;
} dd_command;

struct dd_pipeline {
    size_t at, end;
    size_t slots[2]; /* the variables that take its value; for range: key and value */
    bool unknown;    /* assigns to a variable that nothing has declared */
    size_t slot_count;
    bool assign; /* '=' and not ':=' */
    dd_command *commands;
};

typedef enum dd_statement_kind {
    DD_STATEMENT_TEXT,
    DD_STATEMENT_ACTION,
    DD_STATEMENT_IF,
    DD_STATEMENT_RANGE,
    DD_STATEMENT_WITH,
    DD_STATEMENT_TEMPLATE,
    DD_STATEMENT_BREAK,
    DD_STATEMENT_CONTINUE,
} dd_statement_kind;

typedef struct dd_statement {
    dd_statement_kind kind;
    size_t at, length; /* TEXT: the bytes to write */
    const dd_pipeline *pipeline;
    struct dd_statement *body, *otherwise;
    bool chained;           /* IF: `otherwise` is the IF of an "else if" */
    dd_text name;           /* TEMPLATE */
    const dd_body *defined; /* TEMPLATE: what the name names; NULL: nothing */
    struct dd_statement *next;
} dd_statement;

struct dd_body { /* a defined template */
    dd_text name;
    dd_statement *statements;
    dd_body *next;
};

struct dd_template {
    const char *text;
    size_t length;
    dd_arena *arena; /* the tree */
    dd_statement *statements;
    dd_body *bodies;
};

/* A message at a byte of the text; returns -1. */
int dd_template_fail(const char *text, size_t length, size_t at, dd_code code, dd_error **err,
                     const char *format, ...) DD_PRINTF(6, 7);
/* What a Go quoted string or character says: "…" with its escapes, `…`, or '…'. False: it says nothing valid.
 */
bool dd_template_unquote(dd_arena *arena, dd_text quoted, dd_text *ret);
/* A rune as UTF-8; returns the bytes written (at most 4). */
size_t dd_utf8_encode(uint32_t rune, char into[4]);
/* The rune at the start and its length; U+FFFD and 1 where the bytes are no UTF-8. `length` is above 0. */
uint32_t dd_utf8_decode(const char *data, size_t length, size_t *ret_length);

/* Unicode 13 (unicode.c): does Go's %q show the rune as it is; may it stand in a template's names? */
bool dd_rune_is_printable(uint32_t rune);
bool dd_rune_is_name(uint32_t rune);

/* ---- Functions (template_builtins.c and functions/, found by template_functions.c) ---- */

typedef struct dd_evaluation dd_evaluation;

/* The arguments have been held against the row's signature. Return -1 by dd_evaluation_fail. */
typedef int dd_function_call(dd_evaluation *evaluation, const dd_value *arguments, size_t count,
                             dd_value *ret);

struct dd_function {
    const char *name;
    /* One letter an argument: s string, i int, f float64, b bool, l list, m map, a anything. The last may
     * have '*' (any number, none too) or '?' (none or one) behind it. */
    const char *signature;
    dd_function_call *call;
};

/* and, or: their arguments are evaluated one by one, until the answer stands. */
int dd_function_and(dd_evaluation *evaluation, const dd_value *arguments, size_t count, dd_value *ret);
int dd_function_or(dd_evaluation *evaluation, const dd_value *arguments, size_t count, dd_value *ret);

/* NULL when there is none; then *ret_why says more than "not defined" when there is more to say, and
 * *ret_nearest names the nearest one; both may be NULL. */
const dd_function *dd_function_find(dd_text name, const char **ret_why, const char **ret_nearest);
/* All of them, from 0 on in the order of their names, each with its family; NULL behind the last. */
const dd_function *dd_function_at(size_t index, const char **ret_family);
/* Those that are left out on purpose; NULL behind the last. */
const char *dd_function_left_out(size_t index, const char **ret_why);

dd_arena *dd_evaluation_arena(dd_evaluation *evaluation);
/* Why the call cannot be answered; returns -1. */
int dd_evaluation_fail(dd_evaluation *evaluation, const char *format, ...) DD_PRINTF(2, 3);
/* May so many bytes more be made? Else fails. Asked before what a file can make large. */
int dd_evaluation_room(dd_evaluation *evaluation, size_t bytes);
/* Takes so many steps of DD_TEMPLATE_MAX_WORK, or fails. */
int dd_evaluation_work(dd_evaluation *evaluation, size_t amount);
/* Puts the value into a map that others may hold. Fails where the map would hold itself. */
int dd_evaluation_put(dd_evaluation *evaluation, dd_map *map, dd_text key, dd_value value);

/* Go's fmt.Sprintf, Sprint and Sprintln. */
int dd_format_print(dd_evaluation *evaluation, dd_text format, const dd_value *arguments, size_t count,
                    dd_buf *into);
void dd_print(dd_buf *into, const dd_value *arguments, size_t count, bool line);
/* One value by one verb; `flags` may be NULL. */
typedef struct dd_verb {
    bool minus, plus, sharp, space, zero;
    bool plus_v, sharp_v; /* what '+' and '#' are to %v */
    bool has_width, has_precision;
    size_t width, precision;
    uint32_t letter;
} dd_verb;
void dd_format_value(dd_buf *into, dd_verb verb, const dd_value *value);
/* Go's strconv.Quote, and with `ascii` its QuoteToASCII. */
void dd_quote_go(dd_buf *into, dd_text text);
void dd_quote_text(dd_buf *into, dd_text text, bool ascii);
/* 'x' with its escapes. */
void dd_quote_rune(dd_buf *into, uint32_t rune, bool ascii);
/* Can the text stand between backquotes as it is? */
bool dd_quote_can_be_raw(dd_text text);

#endif
