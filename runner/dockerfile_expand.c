/* Variables in a Dockerfile's words: ARG and ENV, as docs.docker.com's "environment replacement" and
 * BuildKit's lexer have them. */
#include "runner/dockerfile_private.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define VARIABLES_MAX  1000
#define WORD_MAX_BYTES 4096 /* an image's reference is shorter by far */
#define DEPTH_MAX      32

/* ---- Variables ---- */

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

int dd_variables_set(dd_variables *variables, dd_word name, const char *value, dd_place place, dd_error **err)
{
    size_t at = find(variables, name.text, name.length);

    if (at < variables->names.count) {
        free(variables->values.items[at]);
        variables->values.items[at] = dd_strdup(value);
        return 0;
    }
    if (at == VARIABLES_MAX)
        return dd_fail_at(err, DD_ERR_LIMIT, place, NULL, "more than %d variables", VARIABLES_MAX);
    dd_strv_add_n(&variables->names, name.text, name.length);
    dd_strv_add(&variables->values, value);
    return 0;
}

bool dd_expander_work(dd_expander *expander, size_t amount)
{
    expander->work_left = expander->work_left > amount ? expander->work_left - amount : 0;
    return expander->work_left > 0;
}

/* ---- Words ---- */

typedef struct reader {
    dd_expander *expander;
    const dd_scope *scope;
    const char *at, *end;
    int depth;
    dd_place place;
    dd_error **err;
} reader;

/* Read until one of the bytes in `stops`, which is skipped (*ret_stop, if wanted), or without any to the end.
 * `raw` keeps escape characters, for a pattern. */
static int read_until(reader *r, const char *stops, bool raw, dd_buf *into, char *ret_stop);

static int fail(reader *r, const char *what)
{
    return dd_fail_at(r->err, DD_ERR_INVALID, r->place, NULL, "%s", what);
}

static int fail_substitution(reader *r, const char *from)
{
    const char *brace = memchr(from, '}', (size_t)(r->end - from));
    size_t length = brace ? (size_t)(brace + 1 - from) : (size_t)(r->end - from);

    dd_fail_at(r->err, DD_ERR_INVALID, r->place, NULL, "%.*s is not understood",
               length > 100 ? 100 : (int)length, from);
    return dd_hint(r->err, "variables are written $NAME, ${NAME}, ${NAME:-word} and ${NAME:+word}");
}

static int check_limits(reader *r, const dd_buf *into)
{
    if (into->length > WORD_MAX_BYTES)
        return dd_fail_at(r->err, DD_ERR_LIMIT, r->place, NULL, "a word of more than %d bytes",
                          WORD_MAX_BYTES);
    if (!dd_expander_work(r->expander, 1))
        return dd_fail_at(r->err, DD_ERR_LIMIT, r->place, NULL,
                          "the Dockerfile's variables take too long to work out");
    return 0;
}

/* NULL when nothing has set it. */
static const char *value_of(reader *r, dd_word name)
{
    const char *value = NULL;

    for (const dd_scope *s = r->scope; s && !value; s = s->outer) {
        dd_expander_work(r->expander, s->env.names.count + s->args.names.count + 1);
        value = dd_variables_get(&s->env, name.text, name.length);
    }
    for (const dd_scope *s = r->scope; s && !value; s = s->outer)
        value = dd_variables_get(&s->args, name.text, name.length);
    return value;
}

/* A name, or digits, or one of the shell's special parameters (which are never set here). */
static dd_word read_name(reader *r)
{
    dd_word name = {r->at, 0};
    bool digits = r->at < r->end && isdigit((unsigned char)*r->at);

    if (r->at < r->end && strchr("@*#?-$!", *r->at)) {
        r->at++;
    } else {
        while (r->at < r->end && (digits ? isdigit((unsigned char)*r->at)
                                         : isalnum((unsigned char)*r->at) || *r->at == '_' || *r->at & 0x80))
            r->at++;
    }
    name.length = (size_t)(r->at - name.text);
    return name;
}

/* ${NAME-word}, ${NAME+word} and ${NAME?word}; with ':' an empty value is none. */
static int read_choice(reader *r, dd_word name, char kind, bool colon, dd_buf *into)
{
    const char *value = value_of(r, name);
    bool has = value && (!colon || *value);
    dd_auto(dd_buf) word = dd_buf_new();

    if (read_until(r, "}", false, word, NULL) < 0)
        return -1;
    if (kind == '?' && !has)
        return dd_fail_at(r->err, DD_ERR_INVALID, r->place, NULL, "%.*s: %s",
                          name.length > 100 ? 100 : (int)name.length, name.text,
                          word->length ? word->data : "not set");
    if (kind != '+' && has)
        dd_buf_add_str(into, value);
    else if (has || kind == '-')
        dd_buf_add(into, word->data, word->length);
    return 0;
}

static int fail_work(reader *r)
{
    r->expander->work_left = 0;
    return check_limits(r, &(dd_buf){0});
}

/* ${NAME#pattern} and ${NAME%pattern}; twice the sign for the longest. */
static int read_trim(reader *r, dd_word name, char kind, dd_buf *into)
{
    const char *value = value_of(r, name);
    bool longest = r->at < r->end && *r->at == kind;
    dd_auto(dd_buf) pattern = dd_buf_new();

    r->at += longest;
    if (read_until(r, "}", true, pattern, NULL) < 0)
        return -1;
    if (!value)
        return 0;
    if (!dd_pattern_trim(r->expander, pattern->data ? pattern->data : "", value, kind == '%', longest, into))
        return fail_work(r);
    return 0;
}

/* ${NAME/pattern/word}; buildah lets "/word" be left out. */
static int read_replacement(reader *r, dd_word name, dd_buf *into)
{
    const char *value = value_of(r, name);
    bool all = r->at < r->end && *r->at == '/';
    dd_auto(dd_buf) pattern = dd_buf_new();
    dd_auto(dd_buf) word = dd_buf_new();
    char stop;

    r->at += all;
    if (read_until(r, "/}", true, pattern, &stop) < 0 ||
        (stop == '/' && read_until(r, "}", false, word, NULL) < 0))
        return -1;
    if (!value)
        return 0;
    if (!dd_pattern_replace(r->expander, pattern->data ? pattern->data : "", value,
                            word->data ? word->data : "", all, into))
        return fail_work(r);
    return 0;
}

/* At what stands behind "${". */
static int read_braced(reader *r, dd_buf *into)
{
    const char *from = r->at - 2;
    dd_word name = read_name(r);
    bool colon = r->at < r->end && *r->at == ':';
    char kind = '\0';

    r->at += colon;
    if (r->at < r->end)
        kind = *r->at++;
    if (!name.length || (colon && !strchr("-+?", kind)) || !strchr("}-+?#%/", kind))
        return fail_substitution(r, from);
    switch (kind) {
    case '\0':
        return fail(r, "a '${' is never closed");
    case '}':
        dd_buf_add_str(into, value_of(r, name));
        return 0;
    case '#':
    case '%':
        return read_trim(r, name, kind, into);
    case '/':
        return read_replacement(r, name, into);
    default:
        return read_choice(r, name, kind, colon, into);
    }
}

static int read_variable(reader *r, dd_buf *into)
{
    dd_word name;
    int ret;

    r->at++;
    if (r->at < r->end && *r->at == '{') {
        if (r->depth == DEPTH_MAX)
            return dd_fail_at(r->err, DD_ERR_LIMIT, r->place, NULL, "variables nest deeper than %d",
                              DEPTH_MAX);
        r->at++;
        r->depth++;
        ret = read_braced(r, into);
        r->depth--;
        return ret;
    }
    name = read_name(r);
    if (name.length)
        dd_buf_add_str(into, value_of(r, name));
    else
        dd_buf_add_char(into, '$');
    return 0;
}

static int read_single_quoted(reader *r, dd_buf *into)
{
    const char *from = ++r->at, *end = memchr(from, '\'', (size_t)(r->end - from));

    if (!end)
        return fail(r, "a quote ' is never closed");
    dd_buf_add(into, from, (size_t)(end - from));
    r->at = end + 1;
    return 0;
}

static int read_double_quoted(reader *r, dd_buf *into)
{
    for (r->at++; r->at < r->end && *r->at != '"';) {
        if (check_limits(r, into) < 0)
            return -1;
        if (*r->at == '$') {
            if (read_variable(r, into) < 0)
                return -1;
            continue;
        }
        if (*r->at == r->expander->escape && r->end - r->at > 1 &&
            (r->at[1] == '"' || r->at[1] == '$' || r->at[1] == r->expander->escape))
            r->at++;
        dd_buf_add_char(into, *r->at++);
    }
    if (r->at == r->end)
        return fail(r, "a quote \" is never closed");
    r->at++;
    return 0;
}

static int read_one(reader *r, bool raw, dd_buf *into)
{
    char c = *r->at;

    if (c == '$')
        return read_variable(r, into);
    if (c == '\'')
        return read_single_quoted(r, into);
    if (c == '"')
        return read_double_quoted(r, into);
    if (c == r->expander->escape && r->end - r->at > 1) {
        if (raw)
            dd_buf_add_char(into, c);
        r->at++;
    }
    dd_buf_add_char(into, *r->at++);
    return 0;
}

static int read_until(reader *r, const char *stops, bool raw, dd_buf *into, char *ret_stop)
{
    while (r->at < r->end) {
        if (strchr(stops, *r->at)) {
            if (ret_stop)
                *ret_stop = *r->at;
            r->at++;
            return 0;
        }
        if (check_limits(r, into) < 0 || read_one(r, raw, into) < 0)
            return -1;
    }
    return *stops ? fail(r, "a '${' is never closed") : 0;
}

int dd_dockerfile_expand(dd_expander *expander, dd_word word, const dd_scope *scope, dd_place place,
                         char **ret, dd_error **err)
{
    reader r = {.expander = expander,
                .scope = scope,
                .at = word.text,
                .end = word.text + word.length,
                .place = place,
                .err = err};
    dd_buf into = {0};
    int result = read_until(&r, "", false, &into, NULL);

    if (result == 0)
        result = check_limits(&r, &into);
    *ret = result == 0 ? dd_buf_steal(&into) : NULL;
    dd_buf_done(&into);
    return result;
}
