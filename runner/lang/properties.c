/* A map's members read by a table: types, scalars for lists, quoted numbers, unknown names. */
#include "runner/lang/taskfile_private.h"
#include <stdlib.h>
#include <string.h>

#define MAX_ROWS 64

static void read_property(const dd_property *property, const dd_yaml_node *value, const char *path,
                          void *into, dd_problems *problems);

bool dd_property_is_given(const dd_yaml_node *node)
{
    return node && !(node->kind == DD_YAML_SCALAR && dd_yaml_scalar_type(node) == DD_YAML_NULL);
}

dd_place dd_property_place(const dd_yaml_node *map, const char *key)
{
    const dd_yaml_node *value = dd_yaml_get(map, key);

    return value ? value->place : map->place;
}

/* ---- Values ---- */

static void wrong_type(dd_problems *problems, const dd_yaml_node *node, const char *path, const char *wanted)
{
    dd_problem_error(problems, node->place, path, NULL, "%s is wanted here, not %s", wanted,
                     dd_yaml_node_words(node));
}

/* The text of a scalar; NULL after a problem. Our texts end with a NUL, so they hold none. */
static const char *scalar_text(const dd_yaml_node *node, const char *path, dd_problems *problems)
{
    if (node->kind != DD_YAML_SCALAR) {
        wrong_type(problems, node, path, "text");
        return NULL;
    }
    if (strlen(node->text) != node->length) {
        dd_problem_error(problems, node->place, path, NULL, "this text holds a NUL byte");
        return NULL;
    }
    return dd_property_is_given(node) ? node->text : "";
}

static void read_text(const dd_yaml_node *node, const char *path, char **into, dd_problems *problems)
{
    const char *text = scalar_text(node, path, problems);

    if (!text || !dd_property_is_given(node))
        return;
    free(*into);
    *into = dd_strdup(text);
}

static void read_texts(const dd_yaml_node *node, const char *path, dd_strv *into, dd_problems *problems)
{
    const char *text;

    if (node->kind == DD_YAML_MAP) {
        wrong_type(problems, node, path, "a list of texts");
        return;
    }
    if (node->kind == DD_YAML_SCALAR) {
        if ((text = scalar_text(node, path, problems)))
            dd_strv_add(into, text);
        return;
    }
    for (size_t i = 0; i < node->length; i++) {
        dd_auto_str at = dd_sprintf("%s[%zu]", path, i);

        if ((text = scalar_text(node->items[i], at, problems)))
            dd_strv_add(into, text);
    }
}

/* A quoted number or boolean is taken for one, with a warning (acr-tasks.md, 9.4). */
static dd_yaml_node unquoted(const dd_yaml_node *node)
{
    dd_yaml_node plain = *node;

    plain.quoted = false;
    return plain;
}

static void warn_of_quotes(const dd_yaml_node *node, const char *path, dd_problems *problems)
{
    if (node->quoted && !node->tag)
        dd_problem_warning(problems, node->place, path, "take the quotes away",
                           "'%s' is quoted, and so is text", node->text);
}

static void read_int(const dd_yaml_node *node, const char *path, int64_t *into, dd_problems *problems)
{
    dd_yaml_node plain = unquoted(node);
    int64_t value;

    if (node->kind != DD_YAML_SCALAR || !dd_yaml_scalar_int(&plain, &value)) {
        wrong_type(problems, node, path, "a whole number");
        return;
    }
    if (value > DD_TASKFILE_MAX_NUMBER || value < -DD_TASKFILE_MAX_NUMBER) {
        dd_problem_error(problems, node->place, path, NULL, "%s is beyond %d", node->text,
                         DD_TASKFILE_MAX_NUMBER);
        return;
    }
    warn_of_quotes(node, path, problems);
    if (dd_yaml_scalar_type(&plain) == DD_YAML_FLOAT)
        dd_problem_warning(problems, node->place, path, NULL, "%s is taken as %lld", node->text,
                           (long long)value);
    *into = value;
}

static void read_bool(const dd_yaml_node *node, const char *path, bool *into, dd_problems *problems)
{
    dd_yaml_node plain = unquoted(node);

    if (node->kind != DD_YAML_SCALAR || !dd_yaml_scalar_bool(&plain, into)) {
        wrong_type(problems, node, path, "true or false");
        return;
    }
    warn_of_quotes(node, path, problems);
}

static void read_ints(const dd_yaml_node *node, const char *path, int64_t **into, size_t *count,
                      dd_problems *problems)
{
    if (node->kind != DD_YAML_LIST) {
        wrong_type(problems, node, path, "a list of whole numbers");
        return;
    }
    *into = dd_calloc(node->length + 1, sizeof(**into));
    for (size_t i = 0; i < node->length; i++) {
        dd_auto_str at = dd_sprintf("%s[%zu]", path, i);

        read_int(node->items[i], at, &(*into)[i], problems);
    }
    *count = node->length;
}

/* ---- Lists of maps ---- */

static const dd_property mount_properties[] = {
    {"name", offsetof(dd_mount, name), 0, DD_PROPERTY_TEXT, 0},
    {"mountPath", offsetof(dd_mount, path), 0, DD_PROPERTY_TEXT, 0},
};
static const dd_property network_properties[] = {
    {"name", offsetof(dd_network, name), 0, DD_PROPERTY_TEXT, 0},
    {"driver", offsetof(dd_network, driver), 0, DD_PROPERTY_TEXT, 0},
    {"ipv6", offsetof(dd_network, ipv6), 0, DD_PROPERTY_BOOL, 0},
    {"skipCreation", offsetof(dd_network, skip_creation), 0, DD_PROPERTY_BOOL, 0},
    {"isDefault", offsetof(dd_network, is_default), 0, DD_PROPERTY_BOOL, 0},
};
static const dd_property secret_properties[] = {
    {"id", offsetof(dd_secret_ref, id), 0, DD_PROPERTY_TEXT, 0},
    {"keyvault", offsetof(dd_secret_ref, keyvault), 0, DD_PROPERTY_TEXT, 0},
    {"clientID", offsetof(dd_secret_ref, client_id), 0, DD_PROPERTY_TEXT, 0},
};
static const dd_property volume_properties[] = {
    {"name", offsetof(dd_volume, name), 0, DD_PROPERTY_TEXT, 0},
    {"secret", offsetof(dd_volume, files), offsetof(dd_volume, file_count), DD_PROPERTY_FILES, 0},
};

/* What a list of maps is made of, by its type. */
static const struct {
    const dd_property *rows;
    size_t count, size;
} members[] = {
    [DD_PROPERTY_MOUNTS] = {mount_properties, DD_COUNT(mount_properties), sizeof(dd_mount)},
    [DD_PROPERTY_NETWORKS] = {network_properties, DD_COUNT(network_properties), sizeof(dd_network)},
    [DD_PROPERTY_VOLUMES] = {volume_properties, DD_COUNT(volume_properties), sizeof(dd_volume)},
    [DD_PROPERTY_SECRETS] = {secret_properties, DD_COUNT(secret_properties), sizeof(dd_secret_ref)},
};

const dd_property *dd_member_properties(dd_property_type type, size_t *ret_count)
{
    *ret_count = (size_t)type < DD_COUNT(members) ? members[type].count : 0;
    return *ret_count ? members[type].rows : NULL;
}

static void read_maps(dd_property_type type, const dd_yaml_node *node, const char *path, void **into,
                      size_t *count, dd_problems *problems)
{
    char *items;

    if (node->kind != DD_YAML_LIST) {
        wrong_type(problems, node, path, "a list of maps");
        return;
    }
    items = dd_calloc(node->length + 1, members[type].size);
    for (size_t i = 0; i < node->length; i++) {
        dd_auto_str at = dd_sprintf("%s[%zu]", path, i);

        if (node->items[i]->kind == DD_YAML_MAP)
            dd_properties_read(node->items[i], members[type].rows, members[type].count, at,
                               items + i * members[type].size, problems);
        else
            wrong_type(problems, node->items[i], at, "a map");
    }
    *into = items;
    *count = node->length;
}

static void read_files(const dd_yaml_node *node, const char *path, dd_mount **into, size_t *count,
                       dd_problems *problems)
{
    if (node->kind != DD_YAML_MAP) {
        wrong_type(problems, node, path, "a map of file names to base64 text");
        return;
    }
    *into = dd_calloc(node->length + 1, sizeof(**into));
    for (size_t i = 0; i < node->length; i++) {
        dd_auto_str at = dd_sprintf("%s.%s", path, node->entries[i].key->text);

        (*into)[i].name = dd_strdup(node->entries[i].key->text);
        read_text(node->entries[i].value, at, &(*into)[i].path, problems);
        /* Nothing is an empty file: so it looks where the secret's value is not known yet. */
        if (!(*into)[i].path)
            (*into)[i].path = dd_strdup("");
    }
    *count = node->length;
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
    case DD_PROPERTY_FILES:
        read_files(value, path, at, count, problems);
        break;
    case DD_PROPERTY_MOUNTS:
    case DD_PROPERTY_NETWORKS:
    case DD_PROPERTY_SECRETS:
    case DD_PROPERTY_VOLUMES:
        read_maps(property->type, value, path, at, count, problems);
        break;
    case DD_PROPERTY_ELSEWHERE:
        break;
    }
}

static void unknown_property(const dd_yaml_node *key, const dd_property *table, size_t count,
                             const char *path, dd_problems *problems)
{
    const char *names[MAX_ROWS];
    const char *nearest;
    dd_auto_str hint = NULL;

    for (size_t i = 0; i < count; i++)
        names[i] = table[i].name;
    nearest =
        problems->warning_count < DD_TASKFILE_MAX_PROBLEMS ? dd_str_nearest(key->text, names, count) : NULL;
    hint = nearest ? dd_sprintf("did you mean %s?", nearest) : NULL;
    dd_problem_warning(problems, key->place, path, hint, "the unknown property '%s' is ignored", key->text);
}

void dd_properties_read(const dd_yaml_node *map, const dd_property *table, size_t count, const char *path,
                        void *into, dd_problems *problems)
{
    dd_assert(count <= MAX_ROWS);
    for (size_t i = 0; i < map->length; i++) {
        const dd_yaml_entry *entry = &map->entries[i];
        dd_auto_str at = dd_sprintf("%s%s%s", path, *path ? "." : "", entry->key->text);
        size_t found = 0;

        while (found < count && strcmp(table[found].name, entry->key->text) != 0)
            found++;
        if (found == count)
            unknown_property(entry->key, table, count, at, problems);
        else if (dd_property_is_given(entry->value))
            read_property(&table[found], entry->value, at, into, problems);
    }
}
