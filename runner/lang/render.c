/* Rendering: the data that templates see, and the way of a task file through aliases and templates. */
#include "runner/lang/render.h"
#include "runner/lang/template.h"
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define NO_VALUE "<no value>"

struct dd_template_data {
    dd_arena *arena;
    dd_map *run, *values, *secrets;
    dd_alias_policy sources;
};

/* ---- The machine, in Go's words ---- */

static const char *machine_architecture(void)
{
    static const struct {
        const char *machine, *name;
    } names[] = {{"x86_64", "amd64"}, {"aarch64", "arm64"}, {"armv7l", "arm"},     {"armv6l", "arm"},
                 {"i686", "386"},     {"i386", "386"},      {"ppc64le", "ppc64le"}};
    static struct utsname machine;

    if (uname(&machine) < 0)
        return "";
    for (size_t i = 0; i < DD_COUNT(names); i++)
        if (strcmp(machine.machine, names[i].machine) == 0)
            return names[i].name;
    return machine.machine;
}

/* ---- Data ---- */

dd_template_data *dd_template_data_new(void)
{
    static const char *const names[] = {"ID",     "Commit",       "Repository", "Branch",
                                        "GitTag", "TriggeredBy",  "Registry",   "RegistryName",
                                        "Date",   "SharedVolume", "OSVersion",  "TaskName"};
    dd_template_data *data = dd_new(dd_template_data);

    data->arena = dd_arena_new();
    data->run = dd_map_new(data->arena);
    data->values = dd_map_new(data->arena);
    data->secrets = dd_map_new(data->arena);
    for (size_t i = 0; i < DD_COUNT(names); i++)
        dd_template_data_run(data, names[i], "");
    dd_template_data_run(data, "OS", "linux");
    dd_template_data_run(data, "Architecture", machine_architecture());
    return data;
}

void dd_template_data_free(dd_template_data *data)
{
    if (!data)
        return;
    dd_arena_free(data->arena);
    free(data->sources.directory);
    free(data);
}

static dd_text keep(dd_arena *arena, const char *text, size_t length)
{
    return (dd_text){dd_arena_copy(arena, text, length), length};
}

static void put_run(dd_template_data *data, const char *name, const char *value, size_t length)
{
    dd_map_put(data->arena, data->run, keep(data->arena, name, strlen(name)),
               dd_value_text(keep(data->arena, value, length)));
}

void dd_template_data_secret(dd_template_data *data, const char *name, const char *value)
{
    dd_map_put(data->arena, data->secrets, keep(data->arena, name, strlen(name)),
               dd_value_text(keep(data->arena, value, strlen(value))));
}

void dd_template_data_sources(dd_template_data *data, int root, const char *directory, bool urls)
{
    free(data->sources.directory);
    data->sources = (dd_alias_policy){
        .files = true, .root = root, .directory = directory ? dd_strdup(directory) : NULL, .urls = urls};
}

/* Times come in RFC 3339 and are shown as the reference shows them: 20261124-010203z. */
static char *run_date(const char *value)
{
    int64_t wall_ms;
    char text[DD_TIME_TEXT];

    if (!dd_time_parse(value, &wall_ms))
        return dd_strdup(value);
    dd_time_format(wall_ms, text);
    return dd_sprintf("%.4s%.2s%.2s-%.2s%.2s%.2sz", text, text + 5, text + 8, text + 11, text + 14,
                      text + 17);
}

void dd_template_data_run(dd_template_data *data, const char *name, const char *value)
{
    dd_auto_str date = strcmp(name, "Date") == 0 ? run_date(value) : NULL;
    const dd_value *short_name;

    value = date ? date : value;
    put_run(data, name, value, strlen(value));
    short_name = dd_map_get(data->run, dd_text_of("RegistryName"));
    if (strcmp(name, "Registry") == 0 && short_name && short_name->text.length == 0)
        put_run(data, "RegistryName", value, strcspn(value, "."));
}

/* Maps are laid over maps key by key; all else is replaced. As deep as the YAML reader lets a file be. */
static void overlay(dd_arena *arena, dd_map *under, dd_map *over)
{
    for (size_t i = 0; i < over->count; i++) {
        dd_value *old = dd_map_get(under, over->pairs[i].key);

        if (old && old->kind == DD_VALUE_MAP && over->pairs[i].value.kind == DD_VALUE_MAP)
            overlay(arena, old->map, over->pairs[i].value.map);
        else
            dd_map_put(arena, under, over->pairs[i].key, over->pairs[i].value);
    }
}

/* The place goes into the message: it would be looked for in the task file's text. */
static int fail_values(const char *name, const dd_error *why, dd_error **err)
{
    dd_auto_str place =
        why->place.line ? dd_sprintf("line %d, column %d: ", why->place.line, why->place.column) : NULL;

    dd_fail(err, why->code, "values file '%s': %s%s", name, place ? place : "", why->message);
    return why->hint ? dd_hint(err, "%s", why->hint) : -1;
}

int dd_template_data_values(dd_template_data *data, const char *text, size_t length, const char *name,
                            dd_error **err)
{
    dd_auto(dd_yaml) yaml = NULL;
    dd_auto(dd_error) why = NULL;
    dd_value values;

    if (dd_yaml_parse(text, length, &yaml, &why) < 0)
        return fail_values(name, why, err);
    values = dd_value_from_yaml(data->arena, yaml->root);
    if (values.kind != DD_VALUE_MAP && values.kind != DD_VALUE_NIL) {
        dd_fail_at(&why, DD_ERR_INVALID, yaml->root->place, NULL, "values must be a map, not %s",
                   dd_yaml_node_words(yaml->root));
        return fail_values(name, why, err);
    }
    if (values.kind == DD_VALUE_MAP)
        overlay(data->arena, data->values, values.map);
    return 0;
}

/* ---- --set ---- */

/* One part of "a.b[0]": ".b" or "[0]" is read from *at on. False: the key is no path. */
static bool next_part(const char **at, const char *end, bool first, dd_text *ret_name, size_t *ret_index)
{
    const char *from = *at;

    *ret_name = (dd_text){NULL, 0};
    if (*from == '[') {
        char *digits_end;

        *ret_index = strtoul(from + 1, &digits_end, 10);
        *at = digits_end + 1;
        return from[1] >= '0' && from[1] <= '9' && digits_end < end && *digits_end == ']';
    }
    if (!first && *from++ != '.')
        return false;
    *ret_name = (dd_text){from, strcspn(from, ".[=")};
    *at = from + ret_name->length;
    return ret_name->length > 0 && *at <= end;
}

/* The place that a nested key names, when the values have its way there; NULL else. A map's last key may be
 * new. */
static dd_value *find_nested(dd_template_data *data, const char *key, size_t length)
{
    const char *at = key, *end = key + length;
    dd_value root = dd_value_map(data->values), *value = &root;
    dd_text name;
    size_t index = 0;

    while (at < end) {
        if (!next_part(&at, end, at == key, &name, &index))
            return NULL;
        if (!name.data) {
            if (value->kind != DD_VALUE_LIST || index >= value->list->count)
                return NULL;
            value = &value->list->items[index];
            continue;
        }
        if (value->kind != DD_VALUE_MAP)
            return NULL;
        if (at == end && value != &root && !dd_map_get(value->map, name))
            dd_map_put(data->arena, value->map, keep(data->arena, name.data, name.length), dd_value_nil());
        value = dd_map_get(value->map, name);
        if (!value)
            return NULL;
    }
    return value == &root ? NULL : value;
}

int dd_template_data_set(dd_template_data *data, const char *assignment, dd_error **err)
{
    const char *equals = strchr(assignment, '=');
    size_t length = equals ? (size_t)(equals - assignment) : 0;
    dd_value value, *nested;

    if (length == 0)
        return dd_fail(err, DD_ERR_INVALID, "--set %s: KEY=VALUE is wanted", assignment);
    value = dd_value_text(keep(data->arena, equals + 1, strlen(equals + 1)));
    nested = dd_map_get(data->values, (dd_text){assignment, length});
    if (!nested)
        nested = find_nested(data, assignment, length);
    if (nested)
        *nested = value;
    else
        dd_map_put(data->arena, data->values, keep(data->arena, assignment, length), value);
    return 0;
}

/* ---- Rendering ---- */

/* JSON in single quotes, for shells. */
static dd_value quoted_json(dd_arena *arena, dd_map *map)
{
    dd_buf json = {0}, quoted = {0};
    dd_value value = dd_value_map(map), ret;

    dd_value_json(&json, &value, false);
    dd_buf_add_char(&quoted, '\'');
    for (size_t i = 0; i < json.length; i++) {
        if (json.data[i] == '\'')
            dd_buf_add_str(&quoted, "'\"'\"'");
        else
            dd_buf_add_char(&quoted, json.data[i]);
    }
    dd_buf_add_char(&quoted, '\'');
    ret = dd_value_string(arena, quoted.data, quoted.length);
    dd_buf_done(&json);
    dd_buf_done(&quoted);
    return ret;
}

static dd_value root_of(const dd_template_data *data, dd_arena *arena)
{
    dd_map *root = dd_map_new(arena), *build = dd_map_new(arena);
    const dd_value *id = dd_map_get(data->run, dd_text_of("ID"));

    dd_map_put(arena, build, dd_text_of("ID"), id ? *id : dd_value_nil());
    dd_map_put(arena, root, dd_text_of("Run"), dd_value_map(data->run));
    dd_map_put(arena, root, dd_text_of("Build"), dd_value_map(build));
    dd_map_put(arena, root, dd_text_of("Values"), dd_value_map(data->values));
    dd_map_put(arena, root, dd_text_of("Secrets"), dd_value_map(data->secrets));
    dd_map_put(arena, root, dd_text_of("RunJSON"), quoted_json(arena, data->run));
    dd_map_put(arena, root, dd_text_of("ValuesJSON"), quoted_json(arena, data->values));
    return dd_value_map(root);
}

/* The reference deletes what Go prints for a missing value wherever it stands, and so do we. */
static void finish(const dd_buf *from, const dd_origin *origin, dd_rendered *into)
{
    size_t at = 0, mark = strlen(NO_VALUE);

    while (at < from->length) {
        const char *found = memmem(from->data + at, from->length - at, NO_VALUE, mark);
        size_t to = found ? (size_t)(found - from->data) : from->length;

        dd_origin_copy(into->origin, into->text->length, origin, at, to);
        dd_buf_add(into->text, from->data + at, to - at);
        at = to + (found ? mark : 0);
    }
}

static size_t span_blank(const char *text, size_t length)
{
    size_t at = 0;

    while (at < length && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n'))
        at++;
    return at;
}

/* Anything but white space and comment lines? (No block scalar can begin before there is.) */
static bool says_something(const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t blank = at + span_blank(text + at, length - at);
        const char *end = blank < length ? memchr(text + blank, '\n', length - blank) : NULL;

        if (blank < length && text[blank] != '#')
            return true;
        at = end ? (size_t)(end - text) + 1 : length;
    }
    return false;
}

/* From a place in the expanded text to one in the text as it was written. */
static void move_place(dd_error *error, const dd_buf *expanded, const dd_origin *origin, const char *text,
                       size_t length)
{
    size_t at = dd_place_offset(expanded->data ? expanded->data : "", expanded->length, error->place);

    error->place = dd_place_of(text, length, dd_origin_of(origin, at));
}

static int run_template(const dd_buf *expanded, const dd_value *root, dd_buf *into, dd_origin *origin,
                        dd_error **err)
{
    dd_auto(dd_template) parsed = NULL;

    if (dd_template_parse(expanded->data ? expanded->data : "", expanded->length, &parsed, err) < 0)
        return -1;
    return dd_template_run(parsed, root, into, origin, err);
}

static int render_expanded(const char *text, size_t length, const dd_buf *expanded, const dd_value *root,
                           dd_rendered *ret, dd_error **err)
{
    dd_auto(dd_origin) made = dd_origin_new();
    dd_buf raw = {0};
    dd_error *why = NULL;
    int result = run_template(expanded, root, &raw, made, &why);

    if (result < 0)
        move_place(why, expanded, ret->expanded_origin, text, length);
    else
        finish(&raw, made, ret);
    if (result == 0 && says_something(text, length) && !says_something(ret->text->data, ret->text->length))
        result = dd_fail(&why, DD_ERR_INVALID, "the rendered file is empty");
    dd_buf_done(&raw);
    if (result < 0 && err)
        *err = why;
    else
        dd_error_free(why);
    return result;
}

int dd_render_traced(const char *text, size_t length, const dd_template_data *data, dd_rendered *ret,
                     dd_error **err)
{
    dd_buf expanded = {0};
    int result;

    *ret = (dd_rendered){
        .text = dd_buf_new(),
        .origin = dd_origin_new(),
        .expanded_origin = dd_origin_new(),
        .memory = dd_arena_new(),
    };
    dd_buf_add(ret->text, "", 0); /* so that there is text to point at */
    ret->root = root_of(data, ret->memory);
    result = dd_aliases_expand(text, length, &ret->root, &data->sources, &expanded, ret->expanded_origin,
                               &ret->aliases, err);
    if (result == 0)
        result = render_expanded(text, length, &expanded, &ret->root, ret, err);
    dd_buf_done(&expanded);
    return result;
}

void dd_rendered_done(dd_rendered *rendered)
{
    dd_buf_free(rendered->text);
    dd_aliases_free(rendered->aliases);
    dd_origin_free(rendered->origin);
    dd_origin_free(rendered->expanded_origin);
    dd_arena_free(rendered->memory);
    *rendered = (dd_rendered){0};
}

dd_place dd_rendered_place(const dd_rendered *rendered, const char *text, size_t length, dd_place place)
{
    size_t at = dd_place_offset(rendered->text->data, rendered->text->length, place);

    at = dd_origin_of(rendered->expanded_origin, dd_origin_of(rendered->origin, at));
    return dd_place_of(text, length, at);
}

int dd_render(const char *text, size_t length, const dd_template_data *data, dd_buf **ret, dd_error **err)
{
    dd_rendered rendered = {0};
    int result = dd_render_traced(text, length, data, &rendered, err);

    if (result == 0)
        *ret = dd_take(rendered.text);
    dd_rendered_done(&rendered);
    return result;
}
