/* Read a settings file by the table: the file, then the environment, then the files that hold secrets. */
#include "reading.h"
#include "settings.h"
#include "settings_private.h"
#include "words.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECRET_MAX_BYTES ((size_t)64 * 1024)
#define ELEMENTS_MAX     1000
#define FILE_SUFFIX      "_file"
#define BLANKS           " \t\r\n\v\f"

/* Where a value comes from, for messages: a key with a place in the file, or a variable of the environment.
 */
typedef struct origin {
    const char *path;
    dd_place place;
} origin;

/* A secret's file, read last: an override by the environment must not fail over a file it replaces. */
typedef struct secret_file {
    const setting_row *row;
    void *object;
    char *file;
    char *path;
    dd_place place;
} secret_file;

/* An element of a list, checked when all its values are there. */
typedef struct setting_element {
    const setting_list *list;
    void *object;
    char *path;
    dd_place place;
} setting_element;

typedef struct setting_reader {
    dd_settings *settings;
    const char *directory; /* NULL: files are named as they are written */
    secret_file *files;
    size_t file_count;
    setting_element *elements;
    size_t element_count;
} setting_reader;

static void reader_done(setting_reader *reader)
{
    for (size_t i = 0; i < reader->file_count; i++) {
        free(reader->files[i].file);
        free(reader->files[i].path);
    }
    for (size_t i = 0; i < reader->element_count; i++)
        free(reader->elements[i].path);
    free(reader->files);
    free(reader->elements);
}

static void *field_of(const setting_row *row, void *object)
{
    return (char *)object + row->offset;
}

/* ---- One value ---- */

static char *resolve(const setting_reader *reader, const char *path)
{
    return path[0] == '/' || !reader->directory ? dd_strdup(path) : dd_path_join(reader->directory, path);
}

static void keep_text(const setting_row *row, void *object, char *text)
{
    char **field = field_of(row, object);

    free(*field);
    *field = text;
}

static int set_text(const setting_reader *reader, const setting_row *row, void *object, const char *text,
                    const origin *from, dd_error **err)
{
    dd_auto_str kept = row->normalise(text);

    if (!kept)
        return dd_fail_at(err, DD_ERR_INVALID, from->place, from->path, "'%.100s' is not %s", text,
                          row->form);
    if (row->kind == SETTING_TEXTS)
        dd_strv_take(field_of(row, object), dd_take(kept));
    else
        keep_text(row, object, row->kind == SETTING_PATH ? resolve(reader, kept) : dd_take(kept));
    return 0;
}

/* An empty key would verify what anybody signs; and no message here repeats the text. */
static int set_secret(const setting_row *row, void *object, const char *text, const origin *from,
                      dd_error **err)
{
    char *kept;

    if (text[strspn(text, BLANKS)] == '\0')
        return dd_fail_at(err, DD_ERR_INVALID, from->place, from->path, "the secret is empty");
    if (strpbrk(text, "\r\n"))
        return dd_fail_at(err, DD_ERR_INVALID, from->place, from->path, "the secret has a line break inside");
    if (row->kind == SETTING_KEYS) {
        dd_strv_add(field_of(row, object), text);
        return 0;
    }
    kept = row->normalise ? row->normalise(text) : dd_strdup(text);
    if (!kept)
        return dd_fail_at(err, DD_ERR_INVALID, from->place, from->path, "is not %s", row->form);
    keep_text(row, object, kept);
    return 0;
}

static bool whole_seconds(const char *text, int64_t *ret)
{
    int64_t ms;

    if (!dd_reading_duration(text, &ms) || ms % 1000 != 0)
        return false;
    *ret = ms / 1000;
    return true;
}

static int set_number(const setting_row *row, void *object, const char *text, const origin *from,
                      dd_error **err)
{
    static const struct {
        bool (*read)(const char *text, int64_t *ret);
        const char *form;
        const char *unit;
    } forms[] = {
        [SETTING_NUMBER] = {dd_str_to_int, "a whole number", ""},
        [SETTING_SECONDS] = {whole_seconds, "a duration such as 30s, 15m, 2h or 7d", " seconds"},
        [SETTING_MILLISECONDS] = {dd_reading_duration, "a duration such as 500ms or 2s", " milliseconds"},
        [SETTING_SIZE] = {dd_reading_size, "a size such as 64KiB, 25MiB or 1GiB", " bytes"},
    };
    int64_t number;

    if (!forms[row->kind].read(text, &number))
        return dd_fail_at(err, DD_ERR_INVALID, from->place, from->path, "'%.100s' is not %s", text,
                          forms[row->kind].form);
    if (number < row->min || number > row->max)
        return dd_fail_at(err, DD_ERR_INVALID, from->place, from->path,
                          "'%.100s' is not between %lld and %lld%s", text, (long long)row->min,
                          (long long)row->max, forms[row->kind].unit);
    *(int64_t *)field_of(row, object) = number;
    return 0;
}

static int set_switch(const setting_row *row, void *object, const char *text, const origin *from,
                      dd_error **err)
{
    if (!dd_reading_switch(text, field_of(row, object)))
        return dd_fail_at(err, DD_ERR_INVALID, from->place, from->path, "'%.100s' is not true or false",
                          text);
    return 0;
}

static int set_none(const setting_row *row, void *object, const char *text, const origin *from,
                    dd_error **err)
{
    if (!dd_str_eq(text, "none"))
        return dd_fail_at(err, DD_ERR_INVALID, from->place, from->path,
                          "'%.100s' is neither a map of keys nor none", text);
    *(bool *)field_of(row, object) = true;
    return 0;
}

static int set_value(const setting_reader *reader, const setting_row *row, void *object, const char *text,
                     const origin *from, dd_error **err)
{
    switch (row->kind) {
    case SETTING_TEXT:
    case SETTING_TEXTS:
    case SETTING_PATH:
        return set_text(reader, row, object, text, from, err);
    case SETTING_SECRET:
    case SETTING_KEYS:
        return set_secret(row, object, text, from, err);
    case SETTING_NUMBER:
    case SETTING_SECONDS:
    case SETTING_MILLISECONDS:
    case SETTING_SIZE:
        return set_number(row, object, text, from, err);
    case SETTING_SWITCH:
        return set_switch(row, object, text, from, err);
    case SETTING_NONE:
        return set_none(row, object, text, from, err);
    }
    dd_assert_failed("a kind of setting has a reader", __FILE__, __LINE__, __func__);
}

/* The defaults of the rows that begin with `prefix`, or of those of no list (""). They are written as in a
 * file, so that help and README show what is read here. */
static void set_defaults(const char *prefix, void *object)
{
    const setting_reader none = {0};

    for (size_t i = 0; i < dd_setting_table_count; i++) {
        const setting_row *row = &dd_setting_table[i];
        const origin from = {.path = row->key};
        dd_auto(dd_error) err = NULL;

        if (!row->fallback || !(*prefix ? dd_str_starts(row->key, prefix) : !strchr(row->key, '[')))
            continue;
        int result = set_value(&none, row, object, row->fallback, &from, &err);
        dd_assert(result == 0);
    }
}

/* ---- The file ---- */

typedef struct setting_level {
    void *object;     /* what the rows' offsets are of */
    const char *key;  /* "senders[].auth.": before each key, for the table */
    const char *path; /* "senders[2].auth.": the same for messages */
} setting_level;

static int read_map(setting_reader *reader, const setting_level *level, const dd_yaml_node *map,
                    dd_error **err);

static const setting_row *find_row(const char *key)
{
    for (size_t i = 0; i < dd_setting_table_count; i++)
        if (strcmp(dd_setting_table[i].key, key) == 0)
            return &dd_setting_table[i];
    return NULL;
}

/* The row of a secret whose key with "_file" this is. */
static const setting_row *find_file_row(const char *key)
{
    size_t length = strlen(key);
    dd_auto_str without = NULL;
    const setting_row *row;

    if (!dd_str_ends(key, FILE_SUFFIX))
        return NULL;
    without = dd_strndup(key, length - strlen(FILE_SUFFIX));
    row = find_row(without);
    return row && dd_setting_is_secret(row) ? row : NULL;
}

static const setting_list *find_list(const char *key)
{
    for (size_t i = 0; i < dd_setting_lists_count; i++)
        if (strcmp(dd_setting_lists[i].key, key) == 0)
            return &dd_setting_lists[i];
    return NULL;
}

static bool is_group(const char *key)
{
    dd_auto_str prefix = dd_sprintf("%s.", key);

    for (size_t i = 0; i < dd_setting_table_count; i++)
        if (dd_str_starts(dd_setting_table[i].key, prefix))
            return true;
    return false;
}

static void add_once(dd_strv *names, const char *name)
{
    if (!dd_strv_contains(names, name))
        dd_strv_add(names, name);
}

/* What may stand at this level: groups and lists once, secrets also as files. */
static int refuse_key(const setting_level *level, const dd_yaml_node *key, const char *path, dd_error **err)
{
    dd_auto(dd_strv) known = dd_strv_new();
    dd_auto_str full = dd_sprintf("%s%s", level->key, key->text);

    for (size_t i = 0; i < dd_setting_laters_count; i++)
        if (dd_str_eq(full, dd_setting_laters[i].key)) {
            dd_fail_at(err, DD_ERR_INVALID, key->place, path, "is not supported by this version");
            return dd_hint(err, "%s", dd_setting_laters[i].instead);
        }
    for (size_t i = 0; i < dd_setting_table_count; i++) {
        const char *row = dd_setting_table[i].key;
        const char *rest = row + strlen(level->key);
        dd_auto_str name = NULL;

        if (!dd_str_starts(row, level->key))
            continue;
        name = dd_strndup(rest, strcspn(rest, ".["));
        add_once(known, name);
        if (dd_setting_is_secret(&dd_setting_table[i]) && strlen(name) == strlen(rest))
            dd_strv_addf(known, "%s%s", name, FILE_SUFFIX);
    }
    return dd_reading_unknown(key, path, known, err);
}

static int read_value(setting_reader *reader, const setting_row *row, const setting_level *level,
                      const dd_yaml_node *value, const char *path, dd_error **err)
{
    const char *text;

    if ((row->kind == SETTING_KEYS || row->kind == SETTING_TEXTS) && value->kind == DD_YAML_LIST) {
        if (value->length == 0)
            return dd_fail_at(err, DD_ERR_INVALID, value->place, path, "has no value");
        for (size_t i = 0; i < value->length; i++) {
            dd_auto_str member = dd_sprintf("%s[%zu]", path, i);
            const origin from = {member, value->items[i]->place};

            if (dd_reading_text(value->items[i], member, &text, err) < 0 ||
                set_value(reader, row, level->object, text, &from, err) < 0)
                return -1;
        }
        return 0;
    }
    if (dd_reading_text(value, path, &text, err) < 0)
        return -1;
    const origin from = {path, value->place};
    return set_value(reader, row, level->object, text, &from, err);
}

static void note_file(setting_reader *reader, const setting_row *row, void *object, const char *file,
                      const origin *from)
{
    reader->files = dd_reallocarray(reader->files, reader->file_count + 1, sizeof(*reader->files));
    reader->files[reader->file_count++] =
        (secret_file){row, object, resolve(reader, file), dd_strdup(from->path), from->place};
}

static int read_file_key(setting_reader *reader, const setting_row *row, const setting_level *level,
                         const dd_yaml_node *map, const dd_yaml_entry *entry, const char *path,
                         dd_error **err)
{
    dd_auto_str direct = dd_strndup(entry->key->text, strlen(entry->key->text) - strlen(FILE_SUFFIX));
    const origin from = {path, entry->value->place};
    const char *file;

    if (dd_yaml_get(map, direct))
        return dd_fail_at(err, DD_ERR_INVALID, entry->key->place, path,
                          "'%s' is there too: one of them must go", direct);
    if (dd_reading_text(entry->value, path, &file, err) < 0)
        return -1;
    note_file(reader, row, level->object, file, &from);
    return 0;
}

static bool is_null(const dd_yaml_node *node)
{
    return node->kind == DD_YAML_SCALAR && dd_yaml_scalar_type(node) == DD_YAML_NULL;
}

static int check_required(const setting_list *list, void *object, dd_place place, const char *path,
                          dd_error **err)
{
    size_t prefix = strlen(list->key) + strlen("[].");

    for (size_t i = 0; i < dd_setting_table_count; i++) {
        const setting_row *row = &dd_setting_table[i];

        if (row->required && dd_str_starts(row->key, list->key) && !*(char **)field_of(row, object))
            return dd_fail_at(err, DD_ERR_INVALID, place, path, "'%s' is missing", row->key + prefix);
    }
    return 0;
}

static int read_element(setting_reader *reader, const setting_list *list, void *object,
                        const dd_yaml_node *node, const char *path, dd_error **err)
{
    dd_auto_str key = dd_sprintf("%s[].", list->key);
    dd_auto_str prefix = dd_sprintf("%s.", path);
    const setting_level level = {object, key, prefix};

    if (node->kind != DD_YAML_MAP)
        return dd_fail_at(err, DD_ERR_INVALID, node->place, path, "a map of keys is expected, not %s",
                          dd_yaml_node_words(node));
    if (list->place_offset >= 0)
        *(dd_place *)((char *)object + list->place_offset) = node->place;
    reader->elements =
        dd_reallocarray(reader->elements, reader->element_count + 1, sizeof(*reader->elements));
    reader->elements[reader->element_count++] = (setting_element){list, object, dd_strdup(path), node->place};
    if (read_map(reader, &level, node, err) < 0)
        return -1;
    return check_required(list, object, node->place, path, err);
}

static int read_list(setting_reader *reader, const setting_list *list, const dd_yaml_node *node,
                     dd_error **err)
{
    char *array;
    dd_auto_str prefix = dd_sprintf("%s[].", list->key);

    if (is_null(node))
        return 0;
    if (node->kind != DD_YAML_LIST)
        return dd_fail_at(err, DD_ERR_INVALID, node->place, list->key, "a list is expected, not %s",
                          dd_yaml_node_words(node));
    if (node->length > ELEMENTS_MAX)
        return dd_fail_at(err, DD_ERR_LIMIT, node->place, list->key, "has more than %d entries",
                          ELEMENTS_MAX);
    if (node->length == 0)
        return 0;
    array = dd_calloc(node->length, list->element_size);
    *(char **)((char *)reader->settings + list->array_offset) = array;
    *(size_t *)((char *)reader->settings + list->count_offset) = node->length;
    for (size_t i = 0; i < node->length; i++) {
        dd_auto_str path = dd_sprintf("%s[%zu]", list->key, i);

        set_defaults(prefix, array + i * list->element_size);
        if (read_element(reader, list, array + i * list->element_size, node->items[i], path, err) < 0)
            return -1;
    }
    return 0;
}

static int read_group(setting_reader *reader, const setting_level *outer, const char *key,
                      const dd_yaml_node *value, const char *path, dd_error **err)
{
    dd_auto_str key_prefix = dd_sprintf("%s.", key);
    dd_auto_str path_prefix = dd_sprintf("%s.", path);
    const setting_level level = {outer->object, key_prefix, path_prefix};

    if (is_null(value))
        return 0;
    if (value->kind != DD_YAML_MAP)
        return dd_fail_at(err, DD_ERR_INVALID, value->place, path, "a map of keys is expected, not %s",
                          dd_yaml_node_words(value));
    return read_map(reader, &level, value, err);
}

static int read_entry(setting_reader *reader, const setting_level *level, const dd_yaml_node *map,
                      const dd_yaml_entry *entry, dd_error **err)
{
    dd_auto_str key = dd_sprintf("%s%s", level->key, entry->key->text);
    dd_auto_str path = dd_sprintf("%s%s", level->path, entry->key->text);
    const setting_row *row;
    const setting_list *list;

    /* A key as the table writes it whole ("senders[].name") would name a field of another object. */
    if (strpbrk(entry->key->text, ".[") || strlen(entry->key->text) != entry->key->length)
        return refuse_key(level, entry->key, path, err);
    if ((row = find_row(key)) && (row->kind != SETTING_NONE || entry->value->kind != DD_YAML_MAP))
        return read_value(reader, row, level, entry->value, path, err);
    if ((row = find_file_row(key)))
        return read_file_key(reader, row, level, map, entry, path, err);
    if ((list = find_list(key)))
        return read_list(reader, list, entry->value, err);
    if (is_group(key))
        return read_group(reader, level, key, entry->value, path, err);
    return refuse_key(level, entry->key, path, err);
}

static int read_map(setting_reader *reader, const setting_level *level, const dd_yaml_node *map,
                    dd_error **err)
{
    for (size_t i = 0; i < map->length; i++)
        if (read_entry(reader, level, map, &map->entries[i], err) < 0)
            return -1;
    return 0;
}

static int read_document(setting_reader *reader, const char *text, size_t length, dd_error **err)
{
    dd_auto(dd_yaml) yaml = NULL;
    const setting_level top = {reader->settings, "", ""};

    if (dd_reading_document(text, length, &yaml, err) < 0)
        return -1;
    return yaml->root ? read_map(reader, &top, yaml->root, err) : 0;
}

/* ---- The environment ---- */

static const char *find_variable(char *const *env, const char *name)
{
    size_t length = strlen(name);

    for (; env && *env; env++)
        if (strncmp(*env, name, length) == 0 && (*env)[length] == '=')
            return *env + length + 1;
    return NULL;
}

static void drop_files(setting_reader *reader, const setting_row *row)
{
    for (size_t i = 0; i < reader->file_count; i++)
        if (reader->files[i].row == row)
            reader->files[i].row = NULL;
}

static int read_variable(setting_reader *reader, const setting_row *row, const char *name, char *const *env,
                         dd_error **err)
{
    dd_auto_str file_name = dd_sprintf("%s_FILE", name);
    const char *value = find_variable(env, name);
    const char *file = dd_setting_is_secret(row) ? find_variable(env, file_name) : NULL;
    const origin from = {.path = value ? name : file_name};

    if (!value && !file)
        return 0;
    if (value && file)
        return dd_fail_at(err, DD_ERR_INVALID, from.place, file_name, "%s is there too: one of them must go",
                          name);
    if (*(value ? value : file) == '\0')
        return dd_fail_at(err, DD_ERR_INVALID, from.place, from.path, "is empty");
    drop_files(reader, row);
    if (value)
        return set_value(reader, row, reader->settings, value, &from, err);
    note_file(reader, row, reader->settings, file, &from);
    return 0;
}

static int read_environment(setting_reader *reader, char *const *env, dd_error **err)
{
    const dd_setting_row *rows;
    size_t count = dd_settings_rows(&rows);

    for (size_t i = 0; env && i < count; i++)
        if (rows[i].env && read_variable(reader, &dd_setting_table[i], rows[i].env, env, err) < 0)
            return -1;
    return 0;
}

/* ---- The files that hold secrets ---- */

static int set_lines(const setting_reader *reader, const secret_file *file, char *text, const origin *from,
                     dd_error **err)
{
    char *rest = NULL;
    size_t count = 0;

    for (char *line = strtok_r(text, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
        if (line[strspn(line, BLANKS)] == '\0')
            continue;
        if (set_value(reader, file->row, file->object, line, from, err) < 0)
            return -1;
        count++;
    }
    return count > 0 ? 0 : dd_fail_at(err, DD_ERR_INVALID, from->place, from->path, "the secret is empty");
}

static int set_from_file(const setting_reader *reader, const secret_file *file, dd_buf *text, dd_error **err)
{
    const origin from = {file->path, file->place};

    if (text->length > 0 && memchr(text->data, '\0', text->length))
        return dd_fail_at(err, DD_ERR_INVALID, from.place, from.path, "the file has a zero byte inside");
    while (text->length > 0 && strchr("\r\n", text->data[text->length - 1]))
        text->data[--text->length] = '\0';
    if (text->length == 0)
        return dd_fail_at(err, DD_ERR_INVALID, from.place, from.path, "the secret is empty");
    if (file->row->kind == SETTING_KEYS && !dd_str_ends(file->row->key, ".secret"))
        return set_lines(reader, file, text->data, &from, err);
    return set_value(reader, file->row, file->object, text->data, &from, err);
}

static int read_file(const setting_reader *reader, const secret_file *file, dd_error **err)
{
    dd_auto(dd_buf) text = NULL;
    int ret;

    if (dd_buf_read_file(file->file, SECRET_MAX_BYTES, &text, err) < 0)
        return dd_reading_place(err, file->place, file->path);
    ret = set_from_file(reader, file, text, err);
    if (text->capacity > 0)
        explicit_bzero(text->data, text->capacity);
    return ret < 0 ? dd_context(err, "'%s'", file->file) : 0;
}

static int read_files(const setting_reader *reader, dd_error **err)
{
    for (size_t i = 0; i < reader->file_count; i++)
        if (reader->files[i].row && read_file(reader, &reader->files[i], err) < 0)
            return -1;
    return 0;
}

/* ---- The whole ---- */

static int check_unique(const setting_reader *reader, const setting_element *element, dd_error **err)
{
    size_t offset = element->list->unique_offset;
    const char *text = *(char **)((char *)element->object + offset);

    for (const setting_element *other = reader->elements; other < element; other++)
        if (other->list == element->list && dd_str_eq(*(char **)((char *)other->object + offset), text))
            return dd_fail(err, DD_ERR_INVALID, "'%s' is there already, in line %d", text, other->place.line);
    return 0;
}

static int check_all(const setting_reader *reader, dd_error **err)
{
    for (size_t i = 0; i < reader->element_count; i++) {
        const setting_element *element = &reader->elements[i];

        if (element->list->check(element->object, err) < 0 || check_unique(reader, element, err) < 0)
            return dd_reading_place(err, element->place, element->path);
    }
    return dd_settings_check(reader->settings, err);
}

int dd_settings_parse(const char *text, size_t length, const char *name, const char *directory,
                      char *const *env, dd_settings **ret, dd_error **err)
{
    dd_auto(dd_settings) settings = dd_new(dd_settings);
    setting_reader reader = {.settings = settings, .directory = directory};
    int result = -1;

    set_defaults("", settings);
    if (read_document(&reader, text, length, err) == 0 && read_environment(&reader, env, err) == 0 &&
        read_files(&reader, err) == 0)
        result = check_all(&reader, err);
    reader_done(&reader);
    if (result < 0)
        return dd_reading_failed("settings", name, err);
    *ret = dd_take(settings);
    return 0;
}

/* The default places, first come first served; *ret_path NULL when there is none of them. */
static int read_default(dd_buf **ret, const char **ret_path, dd_error **err)
{
    static const char *const paths[] = {"/etc/drydock/drydock.yaml", "./drydock.yaml"};

    for (size_t i = 0; i < DD_COUNT(paths); i++) {
        dd_auto(dd_error) failed = NULL;

        *ret_path = paths[i];
        if (dd_buf_read_file(paths[i], (size_t)DD_YAML_MAX_BYTES, ret, &failed) == 0)
            return 0;
        if (failed->code != DD_ERR_NOT_FOUND) {
            if (err)
                *err = dd_take(failed);
            return -1;
        }
    }
    *ret_path = NULL;
    *ret = dd_buf_new();
    return 0;
}

int dd_settings_load(const char *path, dd_settings **ret, dd_error **err)
{
    dd_auto(dd_buf) text = NULL;
    dd_auto_str directory = NULL;
    const char *slash;

    if ((path ? dd_buf_read_file(path, (size_t)DD_YAML_MAX_BYTES, &text, err)
              : read_default(&text, &path, err)) < 0)
        return dd_context(err, "settings");
    slash = path ? strrchr(path, '/') : NULL;
    directory = slash ? dd_strndup(path, (size_t)(slash - path) + (slash == path ? 1 : 0)) : dd_strdup(".");
    return dd_settings_parse(text->data, text->length, path, directory, environ, ret, err);
}
