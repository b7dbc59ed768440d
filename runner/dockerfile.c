/* What a Dockerfile is built from (acr-tasks.md, 9.9). Grammar: docs.docker.com/reference/dockerfile.
 *
 * Two passes: the text becomes instructions (continuations joined, comments and here-documents skipped), and
 * these become stages with what each takes from where; then the stages that the target reaches say the bases.
 */
#include "runner.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define STAGES_MAX     1000
#define EXPAND_MAX     (64 * 1024) /* bytes of one word after expansion */
#define EXPAND_DEPTH   32
#define DOCKERFILE_MAX (1024 * 1024)

/* ---- Names with values: build arguments ---- */

typedef struct variables {
    dd_strv names, values;
} variables;

static void variables_done(variables *v)
{
    dd_strv_done(&v->names);
    dd_strv_done(&v->values);
}

static const char *variable(const variables *v, const char *name, size_t length)
{
    for (size_t i = v->names.count; i > 0; i--) /* the last one counts */
        if (strlen(v->names.items[i - 1]) == length && strncmp(v->names.items[i - 1], name, length) == 0)
            return v->values.items[i - 1];
    return NULL;
}

static void set_variable(variables *v, const char *name, size_t length, const char *value)
{
    dd_strv_add_n(&v->names, name, length);
    dd_strv_add(&v->values, value);
}

/* ---- Stages ---- */

typedef struct stage {
    char *name;   /* NULL: only its number */
    char *base;   /* as written, expanded; "scratch" for none */
    size_t from;  /* the earlier stage that `base` is, plus 1; 0: an image */
    size_t *uses; /* earlier stages copied or mounted from */
    size_t use_count;
    dd_strv images; /* images copied or mounted from */
    dd_place place;
    variables args; /* declared in the stage */
} stage;

typedef struct scan {
    const char *text;
    size_t length;
    char escape;
    const dd_strv *build_args;
    variables global; /* ARG before the first FROM */
    stage *stages;
    size_t count;
    dd_error **err;
} scan;

static const char *build_arg(const scan *s, const char *name, size_t length)
{
    for (size_t i = s->build_args ? s->build_args->count : 0; i > 0; i--) {
        const char *entry = s->build_args->items[i - 1];
        if (strncmp(entry, name, length) == 0 && entry[length] == '=')
            return entry + length + 1;
    }
    return NULL;
}

static int fail(const scan *s, dd_place place, const char *message)
{
    return dd_fail_at(s->err, DD_ERR_INVALID, place, NULL, "%s", message);
}

/* ---- Expansion: $V, ${V}, ${V:-word}, ${V-word}, ${V:+word}, ${V+word}; \$ is a dollar sign ---- */

static int expand(const scan *s, const variables *scope, const char *text, size_t length, int depth,
                  dd_place place, dd_buf *into);

static bool is_name(char c, bool first)
{
    return c == '_' || isalpha((unsigned char)c) || (!first && isdigit((unsigned char)c));
}

static int expand_braced(const scan *s, const variables *scope, const char *inside, size_t length, int depth,
                         dd_place place, dd_buf *into)
{
    size_t name = 0;
    while (name < length && is_name(inside[name], name == 0))
        name++;
    const char *value = variable(scope, inside, name);
    size_t at = name;
    bool colon = at < length && inside[at] == ':';
    at += colon;
    char kind = at < length ? inside[at] : '\0';
    if (name == 0 || (at < length && kind != '-' && kind != '+') || (colon && at >= length))
        return fail(s, place, "a variable is written $NAME, ${NAME}, ${NAME:-word} or ${NAME:+word}");
    bool has = value && (!colon || *value);
    if (at >= length || (kind == '-' && has)) {
        dd_buf_add_str(into, value);
        return 0;
    }
    if (kind == '+' && !has)
        return 0;
    return expand(s, scope, inside + at + 1, length - at - 1, depth + 1, place, into);
}

/* The bytes between "${" and its "}". */
static bool find_brace(const char *text, size_t length, size_t *ret)
{
    int depth = 1;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '$' && i + 1 < length && text[i + 1] == '{')
            depth++;
        if (text[i] == '}' && --depth == 0) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static int expand(const scan *s, const variables *scope, const char *text, size_t length, int depth,
                  dd_place place, dd_buf *into)
{
    if (depth > EXPAND_DEPTH)
        return fail(s, place, "variables are nested too deep");
    for (size_t i = 0; i < length; i++) {
        size_t inside = 0;
        if (into->length > EXPAND_MAX)
            return fail(s, place, "a word grows too long by its variables");
        if (text[i] == s->escape && i + 1 < length && text[i + 1] == '$') {
            dd_buf_add_char(into, text[++i]);
        } else if (text[i] != '$' || i + 1 >= length) {
            dd_buf_add_char(into, text[i]);
        } else if (text[i + 1] == '{') {
            if (!find_brace(text + i + 2, length - i - 2, &inside))
                return fail(s, place, "a '${' without '}'");
            if (expand_braced(s, scope, text + i + 2, inside, depth, place, into) < 0)
                return -1;
            i += inside + 2;
        } else if (is_name(text[i + 1], true)) {
            while (i + 1 + inside < length && is_name(text[i + 1 + inside], inside == 0))
                inside++;
            dd_buf_add_str(into, variable(scope, text + i + 1, inside));
            i += inside;
        } else {
            dd_buf_add_char(into, '$');
        }
    }
    return 0;
}

/* A word without its quotes, variables expanded but in single quotes. Owned. */
static int word_value(const scan *s, const variables *scope, const char *word, dd_place place, char **ret)
{
    dd_buf out = {0};
    int result = 0;
    for (size_t i = 0, length = strlen(word); i < length && result == 0;) {
        if (word[i] == '\'' || word[i] == '"') {
            const char *end = strchr(word + i + 1, word[i]);
            size_t inside = end ? (size_t)(end - word) - i - 1 : length - i - 1;
            if (word[i] == '\'')
                dd_buf_add(&out, word + i + 1, inside);
            else
                result = expand(s, scope, word + i + 1, inside, 0, place, &out);
            i += inside + 2;
        } else {
            size_t plain = strcspn(word + i, "'\"");
            result = expand(s, scope, word + i, plain, 0, place, &out);
            i += plain;
        }
    }
    *ret = dd_buf_steal(&out);
    return result;
}

/* ---- Instructions ---- */

typedef struct instruction {
    dd_buf text; /* joined, without the keyword */
    char keyword[16];
    dd_place place;
} instruction;

static bool is_blank_or_comment(const char *line, size_t length)
{
    size_t i = 0;
    while (i < length && isspace((unsigned char)line[i]))
        i++;
    return i == length || line[i] == '#';
}

/* The next line without its newline; false at the end. */
static bool next_line(const scan *s, size_t *at, const char **ret, size_t *ret_length)
{
    if (*at >= s->length)
        return false;
    const char *line = s->text + *at, *end = memchr(line, '\n', s->length - *at);
    size_t length = end ? (size_t)(end - line) : s->length - *at;
    *at += length + (end != NULL);
    *ret = line;
    *ret_length = length && line[length - 1] == '\r' ? length - 1 : length;
    return true;
}

/* Whether the line goes on: its last non-blank is the escape character; its length without it. */
static bool goes_on(const scan *s, const char *line, size_t *length)
{
    size_t end = *length;
    while (end && (line[end - 1] == ' ' || line[end - 1] == '\t'))
        end--;
    if (!end || line[end - 1] != s->escape)
        return false;
    *length = end - 1;
    return true;
}

/* Here-documents that the instruction opens: their lines are skipped. Only RUN, COPY and ADD may have them.
 */
static void skip_heredocs(const scan *s, const instruction *in, size_t *at, int *line_number)
{
    static const char *const takers[] = {"RUN", "COPY", "ADD"};
    bool takes = false;
    for (size_t i = 0; i < DD_COUNT(takers); i++)
        takes = takes || strcasecmp(in->keyword, takers[i]) == 0;
    for (const char *p = takes && in->text.data ? strstr(in->text.data, "<<") : NULL; p;
         p = strstr(p, "<<")) {
        p += 2;
        bool tabs = *p == '-';
        p += tabs;
        char quote = *p == '"' || *p == '\'' ? *p : '\0';
        p += quote != '\0';
        size_t length = 0;
        while (is_name(p[length], length == 0) || (length && (p[length] == '-' || p[length] == '.')))
            length++;
        if (length == 0 || (quote && p[length] != quote))
            continue;
        const char *line;
        size_t line_length;
        while (next_line(s, at, &line, &line_length)) {
            ++*line_number;
            while (tabs && line_length && *line == '\t') {
                line++;
                line_length--;
            }
            if (line_length == length && strncmp(line, p, length) == 0)
                break;
        }
    }
}

/* The next instruction; false at the end. *at and *line_number move on. */
static bool next_instruction(const scan *s, size_t *at, int *line_number, instruction *ret)
{
    const char *line;
    size_t length;
    bool begun = false, more = true;
    dd_buf_clear(&ret->text);
    while (more && next_line(s, at, &line, &length)) {
        ++*line_number;
        if (is_blank_or_comment(line, length))
            continue; /* also between continued lines */
        more = goes_on(s, line, &length);
        if (!begun) {
            size_t skip = strspn(line, " \t"), word = 0;
            skip = skip < length ? skip : length;
            while (skip + word < length && !isspace((unsigned char)line[skip + word]))
                word++;
            snprintf(ret->keyword, sizeof(ret->keyword), "%.*s", (int)(word < 15 ? word : 15), line + skip);
            ret->place = (dd_place){*line_number, (int)skip + 1};
            dd_buf_add(&ret->text, line + skip + word, length - skip - word);
            begun = true;
        } else {
            dd_buf_add(&ret->text, line, length);
        }
    }
    if (begun)
        skip_heredocs(s, ret, at, line_number);
    return begun;
}

/* `# escape=X` before anything else. */
static void read_directives(scan *s)
{
    const char *line;
    size_t length;
    for (size_t at = 0; next_line(s, &at, &line, &length);) {
        dd_auto_str copy = dd_strndup(line, length);
        const char *p = copy + strspn(copy, " \t");
        if (*p++ != '#')
            return;
        p += strspn(p, " \t");
        size_t name = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
        const char *value = p + name + strspn(p + name, " \t");
        if (name == 0 || *value++ != '=')
            return;
        value += strspn(value, " \t");
        if (name == 6 && strncasecmp(p, "escape", 6) == 0 && (*value == '`' || *value == '\\'))
            s->escape = *value;
    }
}

/* Split at blanks outside quotes. */
static void split(const char *text, dd_strv *ret)
{
    while (*text) {
        text += strspn(text, " \t");
        size_t length = 0;
        char quote = '\0';
        for (; text[length] && (quote || (text[length] != ' ' && text[length] != '\t')); length++)
            if (quote ? text[length] == quote : (text[length] == '"' || text[length] == '\''))
                quote = quote ? '\0' : text[length];
        if (length)
            dd_strv_add_n(ret, text, length);
        text += length;
    }
}

/* ---- ARG ---- */

/* ARG NAME[=default]…: a given build argument beats the default; without both, a stage's takes the global
 * one. */
static int read_arg(scan *s, const instruction *in, stage *current)
{
    variables *scope = current ? &current->args : &s->global;
    __attribute__((cleanup(dd_strv_done))) dd_strv words = {0};
    split(in->text.data ? in->text.data : "", &words);
    if (words.count == 0)
        return fail(s, in->place, "ARG needs a name");
    for (size_t i = 0; i < words.count; i++) {
        const char *word = words.items[i];
        size_t length = strcspn(word, "=");
        const char *given = build_arg(s, word, length);
        dd_auto_str value = NULL;
        if (given)
            value = dd_strdup(given);
        else if (word[length] && word_value(s, scope, word + length + 1, in->place, &value) < 0)
            return -1;
        else if (!word[length] && current)
            value = dd_strdup(variable(&s->global, word, length));
        if (value)
            set_variable(scope, word, length, value);
    }
    return 0;
}

/* ---- FROM ---- */

static size_t find_stage(const scan *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->stages[i].name && strcasecmp(s->stages[i].name, name) == 0)
            return i + 1;
    return 0;
}

/* FROM [--platform=P] IMAGE [AS NAME] */
static int read_from(scan *s, const instruction *in)
{
    __attribute__((cleanup(dd_strv_done))) dd_strv words = {0};
    size_t first = 0;
    split(in->text.data ? in->text.data : "", &words);
    while (first < words.count && dd_str_starts(words.items[first], "--"))
        first++;
    size_t rest = words.count - first;
    if (rest != 1 && !(rest == 3 && strcasecmp(words.items[first + 1], "as") == 0))
        return fail(s, in->place, "FROM is written FROM [--platform=P] IMAGE [AS NAME]");
    if (s->count >= STAGES_MAX)
        return dd_fail_at(s->err, DD_ERR_LIMIT, in->place, NULL, "more than %d stages", STAGES_MAX);
    char *base = NULL;
    if (word_value(s, &s->global, words.items[first], in->place, &base) < 0) {
        free(base);
        return -1;
    }
    if (!*base) {
        free(base);
        dd_fail_at(s->err, DD_ERR_INVALID, in->place, NULL, "FROM %s: the image's name is empty",
                   words.items[first]);
        return dd_hint(s->err, "is a --build-arg missing?");
    }
    size_t from = find_stage(s, base);
    s->stages = dd_reallocarray(s->stages, s->count + 1, sizeof(*s->stages));
    s->stages[s->count++] = (stage){.name = rest == 3 ? dd_strdup(words.items[first + 2]) : NULL,
                                    .base = base,
                                    .from = from,
                                    .place = in->place};
    return 0;
}

/* ---- COPY --from, RUN --mount=…,from= ---- */

static int use(scan *s, stage *current, const char *from, dd_place place)
{
    dd_auto_str value = NULL;
    int64_t number;
    size_t index = (size_t)(current - s->stages);
    if (word_value(s, &current->args, from, place, &value) < 0)
        return -1;
    size_t found = find_stage(s, value);
    if (!found && dd_str_to_int(value, &number) && number >= 0)
        found = (uint64_t)number < index ? (size_t)number + 1 : 0;
    if (found && found - 1 < index) {
        current->uses = dd_reallocarray(current->uses, current->use_count + 1, sizeof(*current->uses));
        current->uses[current->use_count++] = found - 1;
    } else if (!found && *value) {
        dd_strv_add(&current->images, value);
    }
    return 0;
}

static int read_copy(scan *s, const instruction *in, stage *current)
{
    __attribute__((cleanup(dd_strv_done))) dd_strv words = {0};
    split(in->text.data ? in->text.data : "", &words);
    for (size_t i = 0; i < words.count && dd_str_starts(words.items[i], "--"); i++)
        if (dd_str_starts(words.items[i], "--from=") && use(s, current, words.items[i] + 7, in->place) < 0)
            return -1;
    return 0;
}

static int read_run(scan *s, const instruction *in, stage *current)
{
    __attribute__((cleanup(dd_strv_done))) dd_strv words = {0};
    split(in->text.data ? in->text.data : "", &words);
    for (size_t i = 0; i < words.count && dd_str_starts(words.items[i], "--"); i++) {
        if (!dd_str_starts(words.items[i], "--mount="))
            continue;
        char *save = NULL;
        for (char *part = strtok_r(words.items[i] + 8, ",", &save); part; part = strtok_r(NULL, ",", &save))
            if (dd_str_starts(part, "from=") && use(s, current, part + 5, in->place) < 0)
                return -1;
    }
    return 0;
}

static int read_instruction(scan *s, const instruction *in)
{
    stage *current = s->count ? &s->stages[s->count - 1] : NULL;
    if (strcasecmp(in->keyword, "FROM") == 0)
        return read_from(s, in);
    if (strcasecmp(in->keyword, "ARG") == 0)
        return read_arg(s, in, current);
    if (!current)
        return dd_fail_at(s->err, DD_ERR_INVALID, in->place, NULL, "%s before the first FROM", in->keyword);
    if (strcasecmp(in->keyword, "COPY") == 0)
        return read_copy(s, in, current);
    if (strcasecmp(in->keyword, "RUN") == 0)
        return read_run(s, in, current);
    return 0;
}

/* ---- The answer ---- */

static int find_target(const scan *s, const char *target, size_t *ret)
{
    int64_t number;
    *ret = s->count - 1;
    if (!target || !*target)
        return 0;
    size_t found = find_stage(s, target);
    if (!found && dd_str_to_int(target, &number) && number >= 0 && (uint64_t)number < s->count)
        found = (size_t)number + 1;
    if (!found)
        return dd_fail(s->err, DD_ERR_NOT_FOUND, "no stage is named '%s'", target);
    *ret = found - 1;
    return 0;
}

/* Stages take only from earlier ones, so one pass backwards reaches all. */
static void mark_reached(const scan *s, size_t target, bool *reached)
{
    reached[target] = true;
    for (size_t i = target + 1; i > 0; i--) {
        const stage *st = &s->stages[i - 1];
        if (!reached[i - 1])
            continue;
        if (st->from)
            reached[st->from - 1] = true;
        for (size_t j = 0; j < st->use_count; j++)
            reached[st->uses[j]] = true;
    }
}

static const stage *origin_of(const scan *s, size_t index)
{
    const stage *st = &s->stages[index];
    while (st->from)
        st = &s->stages[st->from - 1];
    return st;
}

static int parse_image(const scan *s, const char *image, dd_place place, dd_reference **ret)
{
    dd_auto(dd_error) error = NULL;
    *ret = NULL;
    if (strcmp(image, "scratch") == 0)
        return 0;
    if (dd_reference_parse(image, ret, &error) < 0)
        return dd_fail_at(s->err, DD_ERR_INVALID, place, NULL, "%s", error->message);
    return 0;
}

static int add_buildtime(const scan *s, const char *image, dd_place place, dd_deps *deps)
{
    dd_auto(dd_reference) reference = NULL;
    if (parse_image(s, image, place, &reference) < 0)
        return -1;
    if (!reference || (deps->runtime && strcmp(deps->runtime->text, reference->text) == 0))
        return 0;
    for (size_t i = 0; i < deps->buildtime_count; i++)
        if (strcmp(deps->buildtime[i]->text, reference->text) == 0)
            return 0;
    deps->buildtime = dd_reallocarray(deps->buildtime, deps->buildtime_count + 1, sizeof(*deps->buildtime));
    deps->buildtime[deps->buildtime_count++] = dd_take(reference);
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp((*(dd_reference *const *)a)->text, (*(dd_reference *const *)b)->text);
}

static int collect(const scan *s, size_t target, dd_deps *deps)
{
    bool *reached = dd_calloc(s->count, sizeof(*reached));
    const stage *origin = origin_of(s, target);
    int result = parse_image(s, origin->base, origin->place, &deps->runtime);
    mark_reached(s, target, reached);
    for (size_t i = 0; i < s->count && result == 0; i++) {
        const stage *st = &s->stages[i];
        if (!reached[i])
            continue;
        if (!st->from)
            result = add_buildtime(s, st->base, st->place, deps);
        for (size_t j = 0; j < st->images.count && result == 0; j++)
            result = add_buildtime(s, st->images.items[j], st->place, deps);
    }
    if (deps->buildtime_count)
        qsort(deps->buildtime, deps->buildtime_count, sizeof(*deps->buildtime), by_text);
    free(reached);
    return result;
}

static int read_all(scan *s)
{
    instruction in = {0};
    size_t at = 0;
    int line_number = 0, result = 0;
    read_directives(s);
    while (result == 0 && next_instruction(s, &at, &line_number, &in))
        result = read_instruction(s, &in);
    dd_buf_done(&in.text);
    if (result == 0 && s->count == 0)
        result = dd_fail(s->err, DD_ERR_INVALID, "no FROM in the Dockerfile");
    return result;
}

static void scan_done(scan *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->stages[i].name);
        free(s->stages[i].base);
        free(s->stages[i].uses);
        dd_strv_done(&s->stages[i].images);
        variables_done(&s->stages[i].args);
    }
    free(s->stages);
    variables_done(&s->global);
}

int dd_deps_scan(const char *text, size_t length, const dd_strv *build_args, const char *target,
                 dd_deps **ret, dd_error **err)
{
    static const char bom[] = "\xef\xbb\xbf";
    dd_auto(dd_deps) deps = dd_new(dd_deps);
    size_t stage_index = 0;
    if (length > DOCKERFILE_MAX)
        return dd_fail(err, DD_ERR_LIMIT, "a Dockerfile of more than %d bytes", DOCKERFILE_MAX);
    if (memchr(text, '\0', length))
        return dd_fail(err, DD_ERR_INVALID, "a NUL byte in the Dockerfile");
    size_t skip = length >= 3 && memcmp(text, bom, 3) == 0 ? 3 : 0;
    dd_auto_str copy = dd_strndup(text + skip, length - skip); /* with a NUL behind it */
    scan s = {.text = copy, .length = length - skip, .escape = '\\', .build_args = build_args, .err = err};
    int result = read_all(&s);
    if (result == 0)
        result = find_target(&s, target, &stage_index);
    if (result == 0)
        result = collect(&s, stage_index, deps);
    scan_done(&s);
    if (result == 0)
        *ret = dd_take(deps);
    return result;
}

void dd_deps_free(dd_deps *deps)
{
    if (!deps)
        return;
    dd_reference_free(deps->runtime);
    for (size_t i = 0; i < deps->buildtime_count; i++)
        dd_reference_free(deps->buildtime[i]);
    free(deps->buildtime);
    free(deps);
}
