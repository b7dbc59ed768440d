/* Aliases: the block is rendered and read, then names behind the directive are replaced in the rest.
 *
 * The text is a template, so what a replacement may hold depends on where it stands: text, an action, or a
 * string inside an action. A value never becomes template code by being put into text (a branch's name may be
 * an alias's value, and anybody can name a branch). */
#include "runner/lang/alias.h"
#include "runner/lang/template_private.h"
#include "runner/lang/version.h"
#include <stdlib.h>
#include <string.h>

#define MAX_OUTPUT DD_TEMPLATE_MAX_OUTPUT

/* What `.Run` names; inside actions they become marks that the template engine knows. */
static const char *const run_aliases[] = {"ID", "SharedVolume", "Registry", "RegistryName", "Date",
                                          "OS", "Architecture", "Commit",   "Branch"};

/* The tool images of the reference, pinned as it pins them. */
static const struct {
    const char *name, *image;
} image_aliases[] = {
    {"acr", "mcr.microsoft.com/acr/acr-cli:0.19"},  {"az", "mcr.microsoft.com/acr/azure-cli:2ff604c"},
    {"bash", "mcr.microsoft.com/acr/bash:2ff604c"}, {"curl", "mcr.microsoft.com/acr/curl:2ff604c"},
    {"cssc", "mcr.microsoft.com/acr/cssc:2ff604c"},
};

struct dd_aliases {
    dd_arena *arena;
    dd_map *values; /* the file's own, rendered */
    const char *directive;
    size_t directive_length;
    const dd_value *root;
};

void dd_aliases_free(dd_aliases *aliases)
{
    if (!aliases)
        return;
    dd_arena_free(aliases->arena);
    free(aliases);
}

static const char *image_of(dd_text name)
{
    for (size_t i = 0; i < DD_COUNT(image_aliases); i++)
        if (dd_text_is(name, image_aliases[i].name))
            return image_aliases[i].image;
    return NULL;
}

const char *dd_aliases_built_in(size_t index, const char **ret_image)
{
    *ret_image = NULL;
    if (index < DD_COUNT(run_aliases))
        return run_aliases[index];
    index -= DD_COUNT(run_aliases);
    if (index >= DD_COUNT(image_aliases))
        return NULL;
    *ret_image = image_aliases[index].image;
    return image_aliases[index].name;
}

static bool is_run_alias(dd_text name)
{
    for (size_t i = 0; i < DD_COUNT(run_aliases); i++)
        if (dd_text_is(name, run_aliases[i]))
            return true;
    return false;
}

const char *dd_aliases_first_word(const dd_aliases *aliases, const char *word, size_t length)
{
    dd_text name = {word, length};
    const dd_value *own = aliases ? dd_map_get(aliases->values, name) : NULL;

    return own ? own->text.data : image_of(name);
}

/* ---- The block ---- */

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Does a new top-level key begin with this line? */
static bool begins_key(const char *line, size_t length)
{
    return length > 0 && !strchr(" \t\r#{}-", line[0]) && memchr(line, ':', length);
}

static bool is_alias_key(const char *line, size_t length)
{
    size_t at = strlen("alias");

    if (length <= at || memcmp(line, "alias", at) != 0)
        return false;
    while (at < length && line[at] == ' ')
        at++;
    return at < length && line[at] == ':';
}

/* The lines from `alias:` up to the next top-level key, each with its newline. */
static dd_span find_block(const char *text, size_t length)
{
    dd_span block = {length, length};

    for (size_t at = dd_mark_length(text, length); at < length;) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t line = end ? (size_t)(end - text) - at : length - at;

        if (block.from == length && is_alias_key(text + at, line))
            block.from = at;
        else if (block.from < length && begins_key(text + at, line)) {
            block.to = at;
            break;
        }
        at += line + 1;
    }
    return block;
}

static int read_directive(dd_aliases *into, const dd_yaml_node *node, dd_error **err)
{
    size_t used = 0;

    if (!node || node->kind != DD_YAML_SCALAR || node->length == 0)
        return node && node->kind != DD_YAML_SCALAR
                   ? dd_fail_at(err, DD_ERR_INVALID, node->place, "alias.directive",
                                "the directive is no text")
                   : 0;
    dd_utf8_decode(node->text, node->length, &used);
    if (used != node->length || is_alphanumeric(node->text[0]) || strchr(" \t\r\n", node->text[0]))
        return dd_fail_at(err, DD_ERR_INVALID, node->place, "alias.directive",
                          "the directive must be one character that is neither letter nor digit, not '%s'",
                          node->text);
    into->directive = dd_arena_copy(into->arena, node->text, node->length);
    into->directive_length = node->length;
    return 0;
}

static bool is_null(const dd_yaml_node *node)
{
    return !node || (node->kind == DD_YAML_SCALAR && dd_yaml_scalar_type(node) == DD_YAML_NULL);
}

static int read_block_tree(dd_aliases *into, const dd_alias_policy *policy, const dd_yaml_node *alias,
                           dd_error **err)
{
    if (is_null(alias))
        return 0;
    if (alias->kind != DD_YAML_MAP)
        return dd_fail_at(err, DD_ERR_INVALID, alias->place, "alias", "alias must be a map, not %s",
                          dd_yaml_node_words(alias));
    if (read_directive(into, dd_yaml_get(alias, "directive"), err) < 0 ||
        dd_alias_sources_read(policy, into->arena, into->values, dd_yaml_get(alias, "src"), err) < 0)
        return -1;
    return dd_alias_values_read(into->arena, into->values, dd_yaml_get(alias, "values"), "alias.values", err);
}

static int parse_block(dd_aliases *into, const dd_alias_policy *policy, const dd_buf *rendered,
                       dd_error **err)
{
    dd_auto(dd_yaml) yaml = NULL;

    if (dd_yaml_parse(rendered->data ? rendered->data : "", rendered->length, &yaml, err) < 0)
        return -1;
    return read_block_tree(into, policy, dd_yaml_get(yaml->root, "alias"), err);
}

/* Render and read the block. Places in errors become those of the whole text. */
static int read_block(dd_aliases *into, const dd_alias_policy *policy, const char *text, size_t length,
                      dd_span block, dd_error **err)
{
    dd_auto(dd_template) parsed = NULL;
    dd_auto(dd_origin) origin = dd_origin_new();
    dd_buf rendered = {0};
    const char *from = text + block.from;
    size_t block_length = block.to - block.from, at;
    dd_error *why = NULL;
    int result = dd_template_parse(from, block_length, &parsed, &why);

    if (result == 0)
        result = dd_template_run(parsed, into->root, &rendered, origin, &why);
    if (result < 0) {
        at = dd_place_offset(from, block_length, why->place);
        why->place = dd_place_of(text, length, block.from + at);
    } else if ((result = parse_block(into, policy, &rendered, &why)) < 0) {
        at = dd_place_offset(rendered.data ? rendered.data : "", rendered.length, why->place);
        why->place = dd_place_of(text, length, block.from + dd_origin_of(origin, at));
    }
    dd_buf_done(&rendered);
    if (result < 0 && err)
        *err = why;
    else
        dd_error_free(why);
    return result;
}

/* ---- The rest ---- */

typedef enum where { IN_TEXT, IN_ACTION, IN_STRING, IN_RAW, IN_CHARACTER } where;

typedef struct expander {
    const char *text;
    size_t length, at;
    dd_span block;
    dd_spans comments;
    const dd_aliases *aliases;
    where where;
    dd_arena *memory;
    dd_map *variables; /* of the template, by name */
    dd_buf *into;
    dd_origin *origin;
} expander;

static bool here(const expander *x, const char *what)
{
    size_t length;

    if (x->text[x->at] != what[0])
        return false;
    length = strlen(what);
    return x->length - x->at >= length && memcmp(x->text + x->at, what, length) == 0;
}

static void copy(expander *x, size_t length)
{
    dd_origin_add(x->origin, x->into->length, x->at, true);
    dd_buf_add(x->into, x->text + x->at, length);
    x->at += length;
}

/* The names of "$name :=" and "$name,": the file has template variables of these names, which inside actions
 * win. */
static void collect_variables(expander *x)
{
    const char *end = x->text + x->length, *at = x->text;

    while ((at = memchr(at, '$', (size_t)(end - at)))) {
        const char *name = ++at;

        while (at < end && is_alphanumeric(*at))
            at++;
        dd_text text = {name, (size_t)(at - name)};

        while (at < end && *at == ' ')
            at++;
        if (text.length && at < end && (*at == ',' || (*at == ':' && at + 1 < end && at[1] == '=')))
            dd_map_put(x->memory, x->variables, text, dd_value_bool(true));
    }
}

/* Text in which a "{{" of the value stays what it is. */
static void put_text(dd_buf *into, dd_text value)
{
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] == '{' && (i + 1 == value.length || value.data[i + 1] == '{'))
            dd_buf_add_str(into, "{{\"{\"}}");
        else
            dd_buf_add_char(into, value.data[i]);
    }
}

static void put_quoted(dd_buf *into, dd_text value)
{
    dd_buf quoted = {0};

    dd_quote_go(&quoted, value);
    dd_buf_add(into, quoted.data + 1, quoted.length - 2);
    dd_buf_done(&quoted);
}

static int put_value(expander *x, dd_text name, dd_text value, bool own, dd_error **err)
{
    switch (x->where) {
    case IN_TEXT:
        put_text(x->into, value);
        break;
    case IN_STRING:
    case IN_CHARACTER:
        put_quoted(x->into, value);
        break;
    case IN_RAW:
        if (value.length && memchr(value.data, '`', value.length))
            return dd_template_fail(x->text, x->length, x->at, DD_ERR_INVALID, err,
                                    "the alias '%.*s' holds a ` and stands in a `…` string", (int)name.length,
                                    name.data);
        dd_buf_add(x->into, value.data, value.length);
        break;
    case IN_ACTION: /* the file's own may be meant as code, as in the reference */
        if (own) {
            dd_buf_add(x->into, value.data, value.length);
        } else {
            dd_buf_add_char(x->into, '"');
            put_quoted(x->into, value);
            dd_buf_add_char(x->into, '"');
        }
        break;
    }
    return 0;
}

static void put_mark(expander *x, dd_text name)
{
    dd_buf_printf(x->into, x->where == IN_TEXT ? "{{%c%.*s}}" : "%c%.*s", DD_TEMPLATE_RUN_MARK,
                  (int)name.length, name.data);
}

static dd_text run_value(const expander *x, dd_text name)
{
    const dd_value *run = dd_map_get(x->aliases->root->map, dd_text_of("Run"));
    const dd_value *value = run && run->kind == DD_VALUE_MAP ? dd_map_get(run->map, name) : NULL;

    return value && value->kind == DD_VALUE_STRING ? value->text : (dd_text){"", 0};
}

/* Returns 1 when the name was known and replaced. */
static int put_alias(expander *x, dd_text name, dd_error **err)
{
    const dd_value *own = dd_map_get(x->aliases->values, name);
    const char *image = image_of(name);

    if (!own && !image && !is_run_alias(name))
        return 0;
    if (x->where == IN_ACTION && x->aliases->directive[0] == '$' && dd_map_get(x->variables, name))
        return 0;
    dd_origin_add(x->origin, x->into->length, x->at, false);
    if (own)
        return put_value(x, name, own->text, true, err) < 0 ? -1 : 1;
    if (image)
        return put_value(x, name, dd_text_of(image), false, err) < 0 ? -1 : 1;
    if (x->where == IN_TEXT || x->where == IN_ACTION)
        put_mark(x, name);
    else if (put_value(x, name, run_value(x, name), false, err) < 0)
        return -1;
    return 1;
}

/* At the directive. Twice: one of them. Before a known name: its value. Else itself, and the name is text. */
static int expand_directive(expander *x, dd_error **err)
{
    size_t directive = x->aliases->directive_length, from = x->at + directive, to = from;
    int found;

    if (x->length - from >= directive && memcmp(x->text + from, x->aliases->directive, directive) == 0) {
        copy(x, directive);
        x->at += directive;
        return 0;
    }
    while (to < x->length && is_alphanumeric(x->text[to]))
        to++;
    found = to > from ? put_alias(x, (dd_text){x->text + from, to - from}, err) : 0;
    if (found < 0)
        return -1;
    if (found)
        x->at = to;
    else
        copy(x, to - x->at);
    return 0;
}

/* A template comment: nothing is looked for in it. */
static bool copy_comment(expander *x)
{
    size_t inside = 2 + (here(x, "{{- ") ? 2 : 0);
    const char *end;

    if (x->length - x->at < inside + 2 || memcmp(x->text + x->at + inside, "/*", 2) != 0)
        return false;
    end = memmem(x->text + x->at + inside, x->length - x->at - inside, "*/", 2);
    copy(x, end ? (size_t)(end - x->text) + 2 - x->at : x->length - x->at);
    return true;
}

/* Text up to where something may begin: an action, an alias, a line. */
static void copy_text(expander *x)
{
    const char *at = x->text + x->at, *end = x->text + x->length;

    do
        at++;
    while (at < end && *at != '{' && *at != x->aliases->directive[0] && at[-1] != '\n');
    copy(x, (size_t)(at - x->text) - x->at);
}

/* Follow the template's own syntax by one byte or delimiter. */
static void step(expander *x)
{
    char c = x->text[x->at];

    if (x->where == IN_TEXT && !here(x, "{{")) {
        copy_text(x);
        return;
    }
    if (x->where == IN_TEXT) {
        x->where = IN_ACTION;
        if (!copy_comment(x))
            copy(x, 2);
        return;
    }
    if (x->where == IN_ACTION && here(x, "}}")) {
        x->where = IN_TEXT;
        copy(x, 2);
        return;
    }
    if (x->where == IN_ACTION)
        x->where = c == '"' ? IN_STRING : c == '`' ? IN_RAW : c == '\'' ? IN_CHARACTER : IN_ACTION;
    else if ((x->where == IN_STRING && c == '"') || (x->where == IN_RAW && c == '`') ||
             (x->where == IN_CHARACTER && c == '\''))
        x->where = IN_ACTION;
    else if ((x->where == IN_STRING || x->where == IN_CHARACTER) && c == '\\' && x->at + 1 < x->length &&
             !here(x, x->aliases->directive)) {
        copy(x, 2);
        return;
    }
    copy(x, 1);
}

static int expand(expander *x, dd_error **err)
{
    while (x->at < x->length) {
        const dd_span *comment = x->where == IN_TEXT ? dd_spans_find(&x->comments, x->at) : NULL;

        if (x->at == x->block.from && x->block.to > x->block.from) {
            x->at = x->block.to;
            continue;
        }
        if (comment)
            copy(x, comment->to - x->at);
        else if (!here(x, x->aliases->directive))
            step(x);
        else if (expand_directive(x, err) < 0)
            return -1;
        if (x->into->length > MAX_OUTPUT)
            return dd_template_fail(x->text, x->length, x->at, DD_ERR_LIMIT, err,
                                    "aliases make the file larger than %d MiB", MAX_OUTPUT / 1024 / 1024);
    }
    return 0;
}

static int expand_rest(const dd_aliases *aliases, const char *text, size_t length, dd_span block,
                       dd_buf *into, dd_origin *origin, dd_error **err)
{
    expander x = {
        .text = text,
        .length = length,
        .block = block,
        .aliases = aliases,
        .into = into,
        .origin = origin,
    };
    int result;

    x.memory = dd_arena_new();
    x.variables = dd_map_new(x.memory);
    collect_variables(&x);
    dd_comment_lines(text, length, &x.comments);
    result = expand(&x, err);
    dd_spans_done(&x.comments);
    dd_arena_free(x.memory);
    return result;
}

int dd_aliases_expand(const char *text, size_t length, const dd_value *root, const dd_alias_policy *policy,
                      dd_buf *into, dd_origin *origin, dd_aliases **ret_aliases, dd_error **err)
{
    dd_auto(dd_aliases) aliases = NULL;
    dd_auto_str version = dd_version_in_text(text, length);
    dd_span block = find_block(text, length);
    bool on = false;

    *ret_aliases = NULL;
    if (!version || !dd_version_parse(version, &on) || !on) {
        dd_origin_add(origin, 0, 0, true);
        dd_buf_add(into, text, length);
        return 0;
    }
    aliases = dd_new(dd_aliases);
    aliases->arena = dd_arena_new();
    aliases->values = dd_map_new(aliases->arena);
    aliases->directive = "$";
    aliases->directive_length = 1;
    aliases->root = root;
    if (block.from < block.to && read_block(aliases, policy, text, length, block, err) < 0)
        return -1;
    if (expand_rest(aliases, text, length, block, into, origin, err) < 0)
        return -1;
    *ret_aliases = dd_take(aliases);
    return 0;
}
