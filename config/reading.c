/* What reading our own two YAML files has in common: strictness, forms of values, errors that find the place.
 */
#include "reading.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SECOND_MS ((int64_t)1000)

int dd_reading_document(const char *text, size_t length, dd_yaml **ret, dd_error **err)
{
    dd_auto(dd_yaml) yaml = NULL;

    if (dd_yaml_parse(text, length, &yaml, err) < 0)
        return -1;
    if (yaml->warning_count > 0) {
        dd_fail_at(err, DD_ERR_INVALID, yaml->warnings[0]->place, NULL, "%s", yaml->warnings[0]->message);
        return dd_hint(err, "in this file each key stands once, and there is one document");
    }
    if (yaml->root && yaml->root->kind != DD_YAML_MAP)
        return dd_fail_at(err, DD_ERR_INVALID, yaml->root->place, NULL, "a map of keys is expected, not %s",
                          dd_yaml_node_words(yaml->root));
    *ret = dd_take(yaml);
    return 0;
}

int dd_reading_text(const dd_yaml_node *node, const char *path, const char **ret, dd_error **err)
{
    if (node->kind != DD_YAML_SCALAR)
        return dd_fail_at(err, DD_ERR_INVALID, node->place, path, "one value is expected, not %s",
                          dd_yaml_node_words(node));
    if (node->length == 0 || dd_yaml_scalar_type(node) == DD_YAML_NULL)
        return dd_fail_at(err, DD_ERR_INVALID, node->place, path, "has no value");
    if (strlen(node->text) != node->length)
        return dd_fail_at(err, DD_ERR_INVALID, node->place, path, "has a zero byte inside");
    *ret = node->text;
    return 0;
}

int dd_reading_place(dd_error **err, dd_place place, const char *path)
{
    if (err && *err && !(*err)->path) {
        (*err)->path = dd_strdup(path);
        (*err)->place = place;
    }
    return -1;
}

int dd_reading_unknown(const dd_yaml_node *key, const char *path, const dd_strv *known, dd_error **err)
{
    const char *nearest = dd_str_nearest(key->text, (const char *const *)known->items, known->count);

    dd_fail_at(err, DD_ERR_INVALID, key->place, path, "there is no such key");
    if (nearest)
        return dd_hint(err, "did you mean '%s'?", nearest);
    dd_auto_str all = dd_strv_join(known, ", ");
    return dd_hint(err, "the keys here are %s", all);
}

typedef struct unit {
    const char *name;
    int64_t factor;
} unit;

/* Digits and then one of the units; the first one has no name. False also when the product is too large. */
static bool read_quantity(const char *text, const unit *units, size_t count, int64_t *ret)
{
    size_t digits = strspn(text, "0123456789");
    dd_auto_str number = dd_strndup(text, digits);
    int64_t value;

    if (!dd_str_to_int(number, &value))
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(text + digits, units[i].name) == 0)
            return !__builtin_mul_overflow(value, units[i].factor, ret);
    return false;
}

bool dd_reading_duration(const char *text, int64_t *ret_ms)
{
    static const unit units[] = {{"", SECOND_MS},         {"ms", 1},
                                 {"s", SECOND_MS},        {"m", 60 * SECOND_MS},
                                 {"h", 3600 * SECOND_MS}, {"d", 86400 * SECOND_MS}};

    return read_quantity(text, units, DD_COUNT(units), ret_ms);
}

bool dd_reading_size(const char *text, int64_t *ret_bytes)
{
    static const unit units[] = {{"", 1}, {"KiB", 1LL << 10}, {"MiB", 1LL << 20}, {"GiB", 1LL << 30}};

    return read_quantity(text, units, DD_COUNT(units), ret_bytes);
}

bool dd_reading_switch(const char *text, bool *ret)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true},   {"yes", true}, {"on", true},
                 {"false", false}, {"no", false}, {"off", false}};

    for (size_t i = 0; i < DD_COUNT(words); i++)
        if (strcasecmp(text, words[i].word) == 0) {
            *ret = words[i].value;
            return true;
        }
    return false;
}

bool dd_reading_has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

int dd_reading_failed(const char *what, const char *file, dd_error **err)
{
    if (err && *err && (*err)->path) {
        dd_auto_str path = dd_take((*err)->path);

        dd_context(err, "%s", path);
    }
    return file ? dd_context(err, "%s '%s'", what, file) : dd_context(err, "%s", what);
}
