/* A map's members read by a table: types, scalars for lists, quoted numbers, unknown names. */
#include "runner/lang/taskfile_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- Problems ---- */

static void add_problem(dd_error ***list, size_t *count, dd_error *problem)
{
    if (*count >= DD_TASKFILE_MAX_PROBLEMS) {
        dd_error_free(problem);
        return;
    }
    *list = dd_reallocarray(*list, *count + 1, sizeof(**list));
    (*list)[(*count)++] = problem;
}

static dd_error *make(dd_place place, const char *path, const char *hint, const char *format, va_list args)
{
    dd_error *problem = NULL;
    dd_auto_str text = dd_vsprintf(format, args);
    dd_fail_at(&problem, DD_ERR_INVALID, place, path, "%s", text);
    if (hint)
        dd_hint(&problem, "%s", hint);
    return problem;
}

void dd_problem_error(dd_problems *problems, dd_place place, const char *path, const char *hint,
                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_problem(&problems->errors, &problems->error_count, make(place, path, hint, format, args));
    va_end(args);
}

void dd_problem_warning(dd_problems *problems, dd_place place, const char *path, const char *hint,
                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_problem(&problems->warnings, &problems->warning_count, make(place, path, hint, format, args));
    va_end(args);
}

void dd_problems_free(dd_problems *problems)
{
    if (!problems)
        return;
    for (size_t i = 0; i < problems->error_count; i++)
        dd_error_free(problems->errors[i]);
    for (size_t i = 0; i < problems->warning_count; i++)
        dd_error_free(problems->warnings[i]);
    free(problems->errors);
    free(problems->warnings);
    free(problems);
}

/* ---- Values ---- */

static bool is_null(const dd_yaml_node *node)
{
    return node->kind == DD_YAML_SCALAR && dd_yaml_scalar_type(node) == DD_YAML_NULL;
}

static void wrong_type(dd_problems *problems, const dd_yaml_node *node, const char *path, const char *wanted)
{
    dd_problem_error(problems, node->place, path, NULL, "%s is wanted, not %s", wanted,
                     dd_yaml_node_words(node));
}

static void read_text(const dd_yaml_node *node, const char *path, char **into, dd_problems *problems)
{
    if (is_null(node))
        return;
    if (node->kind != DD_YAML_SCALAR) {
        wrong_type(problems, node, path, "a text");
        return;
    }
    free(*into);
    *into = dd_strdup(node->text);
}

static void read_texts(const dd_yaml_node *node, const char *path, dd_strv *into, dd_problems *problems)
{
    if (is_null(node))
        return;
    if (node->kind == DD_YAML_SCALAR) {
        dd_strv_add(into, node->text);
        return;
    }
    if (node->kind != DD_YAML_LIST) {
        wrong_type(problems, node, path, "a list of texts");
        return;
    }
    for (size_t i = 0; i < node->length; i++) {
        dd_auto_str at = dd_sprintf("%s[%zu]", path, i);
        if (node->items[i]->kind != DD_YAML_SCALAR)
            wrong_type(problems, node->items[i], at, "a text");
        else
            dd_strv_add(into, node->items[i]->text);
    }
}

/* A quoted number or boolean is taken, with a warning (acr-tasks.md, 9.4). */
static dd_yaml_node unquoted(const dd_yaml_node *node, const char *path, dd_problems *problems)
{
    dd_yaml_node plain = *node;
    if (node->kind == DD_YAML_SCALAR && node->quoted) {
        dd_problem_warning(problems, node->place, path, "take the quotes away",
                           "'%s' is quoted, and so a text", node->text);
        plain.quoted = false;
    }
    return plain;
}

static void read_int(const dd_yaml_node *node, const char *path, int64_t *into, dd_problems *problems)
{
    if (is_null(node))
        return;
    dd_yaml_node plain = node->kind == DD_YAML_SCALAR ? unquoted(node, path, problems) : *node;
    if (!dd_yaml_scalar_int(&plain, into))
        wrong_type(problems, node, path, "a whole number");
}

static void read_bool(const dd_yaml_node *node, const char *path, bool *into, dd_problems *problems)
{
    if (is_null(node))
        return;
    dd_yaml_node plain = node->kind == DD_YAML_SCALAR ? unquoted(node, path, problems) : *node;
    if (!dd_yaml_scalar_bool(&plain, into))
        wrong_type(problems, node, path, "true or false");
}

static void read_ints(const dd_yaml_node *node, const char *path, int64_t **into, size_t *count,
                      dd_problems *problems)
{
    if (is_null(node))
        return;
    size_t length = node->kind == DD_YAML_LIST ? node->length : 1;
    *into = dd_calloc(length + 1, sizeof(**into));
    for (size_t i = 0; i < length; i++) {
        dd_auto_str at = dd_sprintf("%s[%zu]", path, i);
        read_int(node->kind == DD_YAML_LIST ? node->items[i] : node, at, &(*into)[*count], problems);
        (*count)++;
    }
}

/* ---- Lists of maps ---- */

static const dd_property mount_properties[] = {
    {"name", DD_PROPERTY_TEXT, offsetof(dd_mount, name), 0},
    {"mountPath", DD_PROPERTY_TEXT, offsetof(dd_mount, path), 0},
};
static const dd_property network_properties[] = {
    {"name", DD_PROPERTY_TEXT, offsetof(dd_network, name), 0},
    {"driver", DD_PROPERTY_TEXT, offsetof(dd_network, driver), 0},
    {"ipv6", DD_PROPERTY_BOOL, offsetof(dd_network, ipv6), 0},
    {"skipCreation", DD_PROPERTY_BOOL, offsetof(dd_network, skip_creation), 0},
    {"isDefault", DD_PROPERTY_BOOL, offsetof(dd_network, is_default), 0},
};
static const dd_property secret_properties[] = {
    {"id", DD_PROPERTY_TEXT, offsetof(dd_secret_ref, id), 0},
    {"keyvault", DD_PROPERTY_TEXT, offsetof(dd_secret_ref, keyvault), 0},
    {"clientID", DD_PROPERTY_TEXT, offsetof(dd_secret_ref, client_id), 0},
};
static const dd_property volume_properties[] = {
    {"name", DD_PROPERTY_TEXT, offsetof(dd_volume, name), 0},
    {"secret", DD_PROPERTY_IGNORED, 0, 0},
};

/* A list of maps into an array of structs of `size` bytes each. */
static void *read_maps(const dd_yaml_node *node, const char *path, const dd_property *table, size_t count,
                       size_t size, size_t *ret_count, dd_problems *problems)
{
    if (is_null(node))
        return NULL;
    if (node->kind != DD_YAML_LIST) {
        wrong_type(problems, node, path, "a list");
        return NULL;
    }
    char *items = dd_calloc(node->length + 1, size);
    for (size_t i = 0; i < node->length; i++) {
        dd_auto_str at = dd_sprintf("%s[%zu]", path, i);
        if (node->items[i]->kind != DD_YAML_MAP)
            wrong_type(problems, node->items[i], at, "a map");
        else
            dd_properties_read(node->items[i], table, count, at, items + i * size, problems);
    }
    *ret_count = node->length;
    return items;
}

static void read_volume_files(const dd_yaml_node *secret, const char *path, dd_volume *volume,
                              dd_problems *problems)
{
    if (secret->kind != DD_YAML_MAP) {
        wrong_type(problems, secret, path, "a map of file names and base64 texts");
        return;
    }
    volume->files = dd_calloc(secret->length + 1, sizeof(*volume->files));
    for (size_t i = 0; i < secret->length; i++) {
        dd_auto_str at = dd_sprintf("%s.%s", path, secret->entries[i].key->text);
        volume->files[volume->file_count].name = dd_strdup(secret->entries[i].key->text);
        read_text(secret->entries[i].value, at, &volume->files[volume->file_count].path, problems);
        volume->file_count++;
    }
}

static void read_volumes(const dd_yaml_node *node, const char *path, dd_volume **into, size_t *count,
                         dd_problems *problems)
{
    *into = read_maps(node, path, volume_properties, DD_COUNT(volume_properties), sizeof(**into), count,
                      problems);
    for (size_t i = 0; *into && i < *count; i++) {
        dd_auto_str at = dd_sprintf("%s[%zu].secret", path, i);
        const dd_yaml_node *secret = dd_yaml_get(node->items[i], "secret");
        if (secret)
            read_volume_files(secret, at, &(*into)[i], problems);
    }
}

/* ---- The table ---- */

static void read_property(const dd_property *property, const dd_yaml_node *value, const char *path,
                          void *into, dd_problems *problems)
{
    void *at = (char *)into + property->offset;
    size_t *count = (size_t *)(void *)((char *)into + property->count_offset);
    switch (property->type) {
    case DD_PROPERTY_TEXT:
        read_text(value, path, at, problems);
        break;
    case DD_PROPERTY_TEXTS:
        read_texts(value, path, at, problems);
        break;
    case DD_PROPERTY_INT:
        read_int(value, path, at, problems);
        break;
    case DD_PROPERTY_BOOL:
        read_bool(value, path, at, problems);
        break;
    case DD_PROPERTY_INTS:
        read_ints(value, path, at, count, problems);
        break;
    case DD_PROPERTY_MOUNTS:
        *(dd_mount **)at = read_maps(value, path, mount_properties, DD_COUNT(mount_properties),
                                     sizeof(dd_mount), count, problems);
        break;
    case DD_PROPERTY_NETWORKS:
        *(dd_network **)at = read_maps(value, path, network_properties, DD_COUNT(network_properties),
                                       sizeof(dd_network), count, problems);
        break;
    case DD_PROPERTY_SECRETS:
        *(dd_secret_ref **)at = read_maps(value, path, secret_properties, DD_COUNT(secret_properties),
                                          sizeof(dd_secret_ref), count, problems);
        break;
    case DD_PROPERTY_VOLUMES:
        read_volumes(value, path, at, count, problems);
        break;
    case DD_PROPERTY_STEPS:
    case DD_PROPERTY_IGNORED:
        break;
    }
}

static void unknown_property(const dd_yaml_node *key, const dd_property *table, size_t count,
                             const char *path, dd_problems *problems)
{
    const char *names[64];
    for (size_t i = 0; i < count; i++)
        names[i] = table[i].name;
    const char *nearest = dd_str_nearest(key->text, names, count);
    dd_auto_str hint = nearest ? dd_sprintf("is '%s' meant?", nearest) : NULL;
    dd_problem_warning(problems, key->place, path, hint, "unknown property '%s' is ignored", key->text);
}

void dd_properties_read(const dd_yaml_node *map, const dd_property *table, size_t count, const char *path,
                        void *into, dd_problems *problems)
{
    dd_assert(count <= 64);
    for (size_t i = 0; i < map->length; i++) {
        const dd_yaml_entry *entry = &map->entries[i];
        dd_auto_str at = dd_sprintf("%s%s%s", path, *path ? "." : "", entry->key->text);
        size_t found = 0;
        while (found < count && strcmp(table[found].name, entry->key->text) != 0)
            found++;
        if (found < count)
            read_property(&table[found], entry->value, at, into, problems);
        else
            unknown_property(entry->key, table, count, at, problems);
    }
}
