/* Patterns in a Dockerfile's variables, as in ${V%.*}: '*', '?', and a backslash before what means itself.
 *
 * A pattern is followed through the value with the set of all places it may have come to, so that no pattern
 * takes more than (pattern × value) steps. */
#include "runner/dockerfile_private.h"
#include <stdlib.h>
#include <string.h>

typedef struct token {
    enum { LITERAL, ANY, ANY_RUN } kind;
    char byte;
} token;

typedef struct pattern {
    token *tokens;
    size_t count;
    bool *reached, *next; /* count + 1 each: tokens done so far */
} pattern;

static void pattern_init(pattern *p, const char *text)
{
    size_t length = strlen(text);

    *p = (pattern){.tokens = dd_calloc(length + 1, sizeof(token))};
    for (size_t i = 0; i < length; i++) {
        token *to = &p->tokens[p->count++];

        if (text[i] == '\\' && i + 1 < length)
            *to = (token){LITERAL, text[++i]};
        else
            *to = (token){text[i] == '*' ? ANY_RUN : text[i] == '?' ? ANY : LITERAL, text[i]};
    }
    p->reached = dd_calloc(p->count + 1, sizeof(bool));
    p->next = dd_calloc(p->count + 1, sizeof(bool));
}

static void pattern_done(pattern *p)
{
    free(p->tokens);
    free(p->reached);
    free(p->next);
}

static void reverse(pattern *p)
{
    for (size_t i = 0; i < p->count / 2; i++) {
        token first = p->tokens[i];

        p->tokens[i] = p->tokens[p->count - 1 - i];
        p->tokens[p->count - 1 - i] = first;
    }
}

/* A run of any bytes may be empty. */
static void skip_runs(const pattern *p, bool *reached)
{
    for (size_t i = 0; i < p->count; i++)
        if (reached[i] && p->tokens[i].kind == ANY_RUN)
            reached[i + 1] = true;
}

/* Take one byte; false when the pattern cannot go on. */
static bool step(pattern *p, char byte)
{
    bool *old = p->reached, any = false;

    memset(p->next, 0, p->count + 1);
    for (size_t i = 0; i < p->count; i++) {
        if (!old[i])
            continue;
        if (p->tokens[i].kind == ANY_RUN)
            p->next[i] = any = true;
        else if (p->tokens[i].kind == ANY || p->tokens[i].byte == byte)
            p->next[i + 1] = any = true;
    }
    p->reached = p->next;
    p->next = old;
    skip_runs(p, p->reached);
    return any;
}

/* How many bytes from `text` on match; `way` is -1 to go backwards. Returns -1 with no match. */
static int64_t match(dd_expander *expander, pattern *p, const char *text, size_t length, int way,
                     bool longest)
{
    int64_t found = -1;

    memset(p->reached, 0, p->count + 1);
    p->reached[0] = true;
    skip_runs(p, p->reached);
    for (size_t taken = 0;; taken++) {
        if (p->reached[p->count])
            found = (int64_t)taken;
        if ((found >= 0 && !longest) || taken == length || !dd_expander_work(expander, p->count + 1) ||
            !step(p, text[way * (int64_t)taken]))
            return found;
    }
}

bool dd_pattern_trim(dd_expander *expander, const char *text, const char *value, bool end, bool longest,
                     dd_buf *into)
{
    size_t length = strlen(value), cut = 0;
    int64_t matched;
    pattern p;

    pattern_init(&p, text);
    if (end)
        reverse(&p);
    matched = match(expander, &p, end && length ? value + length - 1 : value, length, end ? -1 : 1, longest);
    if (matched > 0)
        cut = (size_t)matched;
    dd_buf_add(into, end ? value : value + cut, length - cut);
    pattern_done(&p);
    return dd_expander_work(expander, 0);
}

/* An empty pattern replaces nothing. */
bool dd_pattern_replace(dd_expander *expander, const char *text, const char *value, const char *replacement,
                        bool all, dd_buf *into)
{
    size_t length = strlen(value);
    bool done = false;
    pattern p;

    pattern_init(&p, text);
    for (size_t at = 0; at < length;) {
        int64_t matched = done ? -1 : match(expander, &p, value + at, length - at, 1, true);

        if (matched > 0) {
            dd_buf_add_str(into, replacement);
            at += (size_t)matched;
            done = !all;
        } else {
            dd_buf_add_char(into, value[at++]);
        }
    }
    pattern_done(&p);
    return dd_expander_work(expander, strlen(replacement));
}
