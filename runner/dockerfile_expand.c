/* Variables in a Dockerfile's words: ARG and ENV, as docs.docker.com's "environment replacement" has them. */
#include "runner/dockerfile_private.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define VARIABLES_MAX  1000
#define WORD_MAX_BYTES 4096 /* an image's reference is shorter by far */
#define DEPTH_MAX      32

void dd_variables_done(dd_variables *variables)
{
    dd_strv_done(&variables->names);
    dd_strv_done(&variables->values);
}

static size_t find(const dd_variables *variables, const char *name, size_t length)
{
    size_t i = 0;

    while (i < variables->names.count &&
           (strncmp(variables->names.items[i], name, length) != 0 || variables->names.items[i][length]))
        i++;
    return i;
}

const char *dd_variables_get(const dd_variables *variables, const char *name, size_t length)
{
    size_t at = find(variables, name, length);

    return at < variables->names.count ? variables->values.items[at] : NULL;
}

int dd_variables_set(dd_variables *variables, const char *name, size_t length, const char *value,
                     dd_error **err)
{
    size_t at = find(variables, name, length);

    if (at < variables->names.count) {
        free(variables->values.items[at]);
        variables->values.items[at] = dd_strdup(value);
        return 0;
    }
    if (at == VARIABLES_MAX)
        return dd_fail(err, DD_ERR_LIMIT, "more than %d variables", VARIABLES_MAX);
    dd_strv_add_n(&variables->names, name, length);
    dd_strv_add(&variables->values, value);
    return 0;
}

typedef struct expander {
    char escape;
    const dd_variables *const *scopes;
    size_t scope_count;
    dd_place place;
    dd_buf into;
    int depth;
    dd_error **err;
} expander;

static int expand(expander *x, const char *text, size_t length);

static const char *value_of(const expander *x, const char *name, size_t length)
{
    const char *value = NULL;

    for (size_t i = 0; i < x->scope_count && !value; i++)
        value = dd_variables_get(x->scopes[i], name, length);
    return value;
}

static size_t name_length(const char *text, size_t length)
{
    size_t at = 0;

    while (at < length && (text[at] == '_' || isalpha((unsigned char)text[at]) ||
                           (at > 0 && isdigit((unsigned char)text[at]))))
        at++;
    return at;
}

/* What stands between "${" and "}": a name, then maybe ':' and one of - + ? with a word. */
static int expand_braced(expander *x, const char *inside, size_t length)
{
    size_t name = name_length(inside, length), at = name;
    const char *value = value_of(x, inside, name);
    bool colon = at < length && inside[at] == ':', has;
    char kind;

    at += colon;
    kind = at < length ? inside[at++] : '\0';
    if (!name || (kind && !strchr("-+?", kind)) || (colon && !kind)) {
        dd_fail_at(x->err, DD_ERR_INVALID, x->place, NULL, "${%.*s} is not understood", (int)length, inside);
        return dd_hint(x->err, "variables are written $NAME, ${NAME}, ${NAME:-word} and ${NAME:+word}");
    }
    has = value && (!colon || *value);
    if (kind == '?' && !has)
        return dd_fail_at(x->err, DD_ERR_INVALID, x->place, NULL, "%.*s: %.*s", (int)name, inside,
                          length > at ? (int)(length - at) : 7, length > at ? inside + at : "not set");
    if (kind == '+' ? !has : has || !kind || kind == '?') {
        if (kind != '+')
            dd_buf_add_str(&x->into, value);
        return 0;
    }
    return expand(x, inside + at, length - at);
}

/* The bytes before the brace that closes "${". */
static bool find_brace(const char *text, size_t length, size_t *ret)
{
    size_t open = 1;

    for (size_t i = 0; i < length; i++) {
        open += text[i] == '{' && i > 0 && text[i - 1] == '$';
        if (text[i] == '}' && --open == 0) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* At a '$'. Returns how many bytes it took, 0 after an error. */
static size_t expand_variable(expander *x, const char *text, size_t length)
{
    size_t inside;
    const char *value;

    if (length > 1 && text[1] == '{') {
        if (!find_brace(text + 2, length - 2, &inside)) {
            dd_fail_at(x->err, DD_ERR_INVALID, x->place, NULL, "a '${' is never closed");
            return 0;
        }
        return expand_braced(x, text + 2, inside) < 0 ? 0 : inside + 3;
    }
    inside = name_length(text + 1, length - 1);
    value = value_of(x, text + 1, inside);
    if (!inside)
        dd_buf_add_char(&x->into, '$');
    else if (value)
        dd_buf_add_str(&x->into, value);
    return inside + 1;
}

/* The length of a quoted part, both quotes counted; the rest when it is not closed. */
static size_t quoted_length(const expander *x, const char *text, size_t length)
{
    for (size_t i = 1; i < length; i++) {
        if (text[0] == '"' && text[i] == x->escape)
            i++;
        else if (text[i] == text[0])
            return i + 1;
    }
    return length;
}

static int expand_quoted(expander *x, const char *text, size_t length)
{
    size_t inside = length > 1 && text[length - 1] == text[0] ? length - 2 : length - 1;

    if (text[0] == '"')
        return expand(x, text + 1, inside);
    dd_buf_add(&x->into, text + 1, inside);
    return 0;
}

static int expand_some(expander *x, const char *text, size_t length)
{
    for (size_t at = 0, used; at < length; at += used) {
        used = 1;
        if (x->into.length > WORD_MAX_BYTES)
            return dd_fail_at(x->err, DD_ERR_LIMIT, x->place, NULL, "a word of more than %d bytes",
                              WORD_MAX_BYTES);
        if (text[at] == x->escape && at + 1 < length) {
            dd_buf_add_char(&x->into, text[at + 1]);
            used = 2;
        } else if (text[at] == '\'' || text[at] == '"') {
            used = quoted_length(x, text + at, length - at);
            if (expand_quoted(x, text + at, used) < 0)
                return -1;
        } else if (text[at] == '$') {
            used = expand_variable(x, text + at, length - at);
            if (!used)
                return -1;
        } else {
            dd_buf_add_char(&x->into, text[at]);
        }
    }
    return 0;
}

/* As deep as words in braces nest, within a limit. */
static int expand(expander *x, const char *text, size_t length)
{
    int result;

    if (x->depth == DEPTH_MAX)
        return dd_fail_at(x->err, DD_ERR_LIMIT, x->place, NULL, "variables nest deeper than %d", DEPTH_MAX);
    x->depth++;
    result = expand_some(x, text, length);
    x->depth--;
    return result;
}

int dd_dockerfile_expand(const char *word, char escape, const dd_variables *const *scopes, size_t scope_count,
                         dd_place place, char **ret, dd_error **err)
{
    expander x = {.escape = escape, .scopes = scopes, .scope_count = scope_count, .place = place, .err = err};
    int result = expand(&x, word, strlen(word));

    *ret = result == 0 ? dd_buf_steal(&x.into) : NULL;
    dd_buf_done(&x.into);
    return result;
}
