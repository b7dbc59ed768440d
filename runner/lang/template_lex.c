/* Template text into tokens, by the rules of Go's text/template/parse lexer (1.19).
 *
 * Two things are ours: comment lines of the task file are text whatever they hold (and count as white space
 * for trim markers, since the reference drops them), and the mark of built-in aliases is a token. */
#include "runner/lang/template_private.h"
#include <stdlib.h>
#include <string.h>

typedef struct lexer {
    const char *text;
    size_t length;
    size_t at;
    size_t parentheses;
    bool trim_next; /* the last action ended in " -}}" */
    dd_spans comments;
    dd_tokens *tokens;
} lexer;

/* ---- Bytes ---- */

static int at_offset(const lexer *l, size_t at)
{
    return at < l->length ? (unsigned char)l->text[at] : -1;
}

static bool is_space(int c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

/* How many bytes of a name stand here: one of its runes; 0 when there is none. */
static size_t name_rune(const lexer *l, size_t at)
{
    size_t length = 1;

    if (at >= l->length)
        return 0;
    if ((unsigned char)l->text[at] < 0x80)
        return dd_rune_is_name((unsigned char)l->text[at]);
    return dd_rune_is_name(dd_utf8_decode(l->text + at, l->length - at, &length)) ? length : 0;
}

static size_t name_end(const lexer *l, size_t at)
{
    for (size_t used; (used = name_rune(l, at)) > 0; at += used)
        ;
    return at;
}

static bool starts(const lexer *l, size_t at, const char *what)
{
    size_t length = strlen(what);

    return l->length - at >= length && memcmp(l->text + at, what, length) == 0;
}

/* ---- Tokens ---- */

static void emit(lexer *l, dd_token_kind kind, size_t from, size_t to)
{
    dd_tokens *tokens = l->tokens;

    if (tokens->count == tokens->capacity) {
        tokens->capacity = tokens->capacity ? tokens->capacity * 2 : 64;
        tokens->items = dd_reallocarray(tokens->items, tokens->capacity, sizeof(dd_token));
    }
    tokens->items[tokens->count++] = (dd_token){kind, from, to - from};
}

/* The lexer stops here; the parser reports it once it has read so far. */
static bool fail(lexer *l, size_t at, const char *what)
{
    dd_template_fail(l->text, l->length, at, DD_ERR_INVALID, &l->tokens->error, "%s", what);
    emit(l, DD_TOKEN_ERROR, at, at);
    return false;
}

static bool fail_byte(lexer *l, size_t at, const char *what)
{
    size_t length;
    uint32_t rune = dd_utf8_decode(l->text + at, l->length - at, &length);

    dd_template_fail(l->text, l->length, at, DD_ERR_INVALID, &l->tokens->error, "%s U+%04X '%.*s'", what,
                     rune, rune < 0x20 ? 0 : (int)length, l->text + at);
    emit(l, DD_TOKEN_ERROR, at, at);
    return false;
}

/* ---- Text ---- */

/* The next "{{" that is not in a comment line; the length when there is none. */
static size_t next_action(const lexer *l, size_t at)
{
    while (at < l->length) {
        const char *found = memmem(l->text + at, l->length - at, "{{", 2);
        const dd_span *comment;

        if (!found)
            return l->length;
        comment = dd_spans_find(&l->comments, (size_t)(found - l->text));
        if (!comment)
            return (size_t)(found - l->text);
        at = comment->to;
    }
    return l->length;
}

/* White space before `to`, comment lines counted in. */
static size_t trim_right(const lexer *l, size_t from, size_t to)
{
    while (to > from) {
        const dd_span *comment = dd_spans_find(&l->comments, to - 1);

        if (comment && comment->from >= from)
            to = comment->from;
        else if (!comment && is_space(l->text[to - 1]))
            to--;
        else
            break;
    }
    return to;
}

static size_t trim_left(const lexer *l, size_t from, size_t to)
{
    while (from < to) {
        const dd_span *comment = dd_spans_find(&l->comments, from);

        if (comment && comment->from == from && comment->to <= to)
            from = comment->to;
        else if (is_space(l->text[from]) && (!comment || comment->from == from))
            from++;
        else
            break;
    }
    return from;
}

static bool trims_left(const lexer *l, size_t open)
{
    return at_offset(l, open + 2) == '-' && is_space(at_offset(l, open + 3));
}

static void lex_text(lexer *l)
{
    size_t open = next_action(l, l->at);
    size_t from = l->at, to = open;

    if (l->trim_next)
        from = trim_left(l, from, to);
    if (open < l->length && trims_left(l, open))
        to = trim_right(l, from, to);
    if (to > from)
        emit(l, DD_TOKEN_TEXT, from, to);
    l->trim_next = false;
    l->at = open;
}

/* ---- Inside an action ---- */

/* "}}" or " -}}" (the space was read as one already): how many bytes close the action here; 0: none do. */
static size_t closes(const lexer *l, size_t at, bool after_space)
{
    if (starts(l, at, "}}"))
        return 2;
    return after_space && starts(l, at, "-}}") ? 3 : 0;
}

static bool lex_comment(lexer *l, size_t open, size_t start)
{
    const char *end = memmem(l->text + start, l->length - start, "*/", 2);
    size_t at, close;

    if (!end)
        return fail(l, open, "this comment is never closed");
    at = (size_t)(end - l->text) + 2;
    close = closes(l, at, false);
    if (!close && is_space(at_offset(l, at)))
        close = closes(l, at + 1, true) == 3 ? 4 : 0;
    if (!close)
        return fail(l, at, "a comment ends before the closing delimiter: {{/* … */}}");
    l->trim_next = close == 4;
    l->at = at + close;
    return true;
}

/* May what was just read end here? `$x,` and `.a|b` may; `.a"b"` may not. */
static bool at_terminator(const lexer *l)
{
    int c = at_offset(l, l->at);

    return c < 0 || is_space(c) || (c && strchr(".,|:()=", c)) || starts(l, l->at, "}}");
}

static bool lex_name_like(lexer *l, dd_token_kind kind, size_t prefix)
{
    size_t from = l->at;

    l->at = name_end(l, l->at + prefix);
    if (!at_terminator(l))
        return fail_byte(l, l->at, "bad character");
    emit(l, kind, from, l->at);
    return true;
}

static bool lex_number(lexer *l)
{
    size_t from = l->at;

    if (l->text[l->at] == '+' || l->text[l->at] == '-')
        l->at++;
    while (name_rune(l, l->at) || at_offset(l, l->at) == '.' ||
           ((at_offset(l, l->at) == '+' || at_offset(l, l->at) == '-') && strchr("eEpP", l->text[l->at - 1])))
        l->at++;
    emit(l, DD_TOKEN_NUMBER, from, l->at);
    return true;
}

/* Up to the closing quote; escapes are kept for the parser. */
static bool lex_quoted(lexer *l, char quote, dd_token_kind kind)
{
    size_t from = l->at;

    for (l->at++; at_offset(l, l->at) != quote; l->at++) {
        if (l->at >= l->length || (quote != '`' && l->text[l->at] == '\n'))
            return fail(l, from,
                        quote == '`'    ? "this raw string is never closed"
                        : quote == '\'' ? "this character constant is never closed"
                                        : "this quoted string is never closed");
        if (quote != '`' && l->text[l->at] == '\\' && l->at + 1 < l->length && l->text[l->at + 1] != '\n')
            l->at++;
    }
    l->at++;
    emit(l, kind, from, l->at);
    return true;
}

static bool lex_spaces(lexer *l)
{
    size_t from = l->at;

    while (is_space(at_offset(l, l->at)))
        l->at++;
    if (closes(l, l->at, true) == 3 && l->at - from == 1)
        return true; /* the space belongs to the trim marker */
    emit(l, DD_TOKEN_SPACE, from, l->at);
    return true;
}

static bool lex_parenthesis(lexer *l, int c)
{
    if (c == ')' && l->parentheses == 0)
        return fail(l, l->at, "unexpected right parenthesis");
    l->parentheses += c == '(' ? 1 : (size_t)-1;
    emit(l, c == '(' ? DD_TOKEN_LEFT : DD_TOKEN_RIGHT, l->at, l->at + 1);
    l->at++;
    return true;
}

static bool lex_mark(lexer *l, dd_token_kind kind, size_t length)
{
    emit(l, kind, l->at, l->at + length);
    l->at += length;
    return true;
}

static bool lex_one(lexer *l)
{
    int c = at_offset(l, l->at), next = at_offset(l, l->at + 1);

    if (is_space(c))
        return lex_spaces(l);
    if (c == ':')
        return next == '=' ? lex_mark(l, DD_TOKEN_DECLARE, 2) : fail(l, l->at, "expected := here");
    if (c == '.' && !is_digit(next))
        return name_rune(l, l->at + 1) ? lex_name_like(l, DD_TOKEN_FIELD, 1) : lex_mark(l, DD_TOKEN_DOT, 1);
    if (is_digit(c) || c == '.' || ((c == '+' || c == '-') && (is_digit(next) || next == '.')))
        return lex_number(l);
    if (name_rune(l, l->at))
        return lex_name_like(l, DD_TOKEN_NAME, 0);
    switch (c) {
    case '=':
        return lex_mark(l, DD_TOKEN_ASSIGN, 1);
    case '|':
        return lex_mark(l, DD_TOKEN_PIPE, 1);
    case ',':
        return lex_mark(l, DD_TOKEN_COMMA, 1);
    case '"':
        return lex_quoted(l, '"', DD_TOKEN_STRING);
    case '`':
        return lex_quoted(l, '`', DD_TOKEN_RAW);
    case '\'':
        return lex_quoted(l, '\'', DD_TOKEN_CHARACTER);
    case '$':
        return lex_name_like(l, DD_TOKEN_VARIABLE, 1);
    case DD_TEMPLATE_RUN_MARK:
        return lex_name_like(l, DD_TOKEN_RUN, 1);
    case '(':
    case ')':
        return lex_parenthesis(l, c);
    default:
        return fail_byte(l, l->at, "unrecognised character in an action:");
    }
}

/* Does a close stand here, behind what was read? " -}}" needs white space before it. */
static size_t closing_here(const lexer *l, size_t inside)
{
    return closes(l, l->at, l->at > inside && is_space(l->text[l->at - 1]));
}

static bool lex_action(lexer *l)
{
    size_t open = l->at, inside = open + 2 + (trims_left(l, open) ? 2 : 0);
    size_t close;

    if (starts(l, inside, "/*"))
        return lex_comment(l, open, inside + 2);
    emit(l, DD_TOKEN_OPEN, open, inside);
    l->at = inside;
    l->parentheses = 0;
    while (!(close = closing_here(l, inside))) {
        if (l->at >= l->length)
            return fail(l, open, "this action is never closed by }}");
        if (!lex_one(l))
            return false;
    }
    if (l->parentheses)
        return fail(l, l->at, "unclosed left parenthesis");
    emit(l, DD_TOKEN_CLOSE, l->at, l->at + close);
    l->trim_next = close == 3;
    l->at += close;
    return true;
}

void dd_template_lex(const char *text, size_t length, dd_tokens *ret)
{
    lexer l = {.text = text, .length = length, .tokens = ret};
    bool going = true;

    dd_comment_lines(text, length, &l.comments);
    while (going && l.at < length) {
        lex_text(&l);
        if (l.at < length)
            going = lex_action(&l);
    }
    if (going)
        emit(&l, DD_TOKEN_END, length, length);
    dd_spans_done(&l.comments);
}

void dd_tokens_done(dd_tokens *tokens)
{
    free(tokens->items);
    dd_error_free(tokens->error);
    *tokens = (dd_tokens){0};
}
