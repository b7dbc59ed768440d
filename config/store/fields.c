/* Flat maps: what hashes and stream entries are. */
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

struct dd_fields {
    struct field {
        char *name;
        char *value;
        size_t length;
    } * items;
    size_t count, capacity;
};

dd_fields *dd_fields_new(void)
{
    return dd_new(dd_fields);
}

void dd_fields_free(dd_fields *fields)
{
    if (!fields)
        return;
    for (size_t i = 0; i < fields->count; i++) {
        free(fields->items[i].name);
        free(fields->items[i].value);
    }
    free(fields->items);
    free(fields);
}

static struct field *find(const dd_fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->count; i++)
        if (strcmp(fields->items[i].name, name) == 0)
            return &fields->items[i];
    return NULL;
}

void dd_fields_set_bytes(dd_fields *fields, const char *name, const void *data, size_t length)
{
    struct field *field = find(fields, name);
    if (!field) {
        if (fields->count == fields->capacity) {
            fields->capacity = fields->capacity ? fields->capacity * 2 : 16;
            fields->items = dd_reallocarray(fields->items, fields->capacity, sizeof(*fields->items));
        }
        field = &fields->items[fields->count++];
        *field = (struct field){.name = dd_strdup(name)};
    }
    char *value = dd_calloc(length + 1, 1);
    if (length)
        memcpy(value, data, length);
    free(field->value);
    field->value = value;
    field->length = length;
}

void dd_fields_set(dd_fields *fields, const char *name, const char *value)
{
    if (value)
        dd_fields_set_bytes(fields, name, value, strlen(value));
}

void dd_fields_set_int(dd_fields *fields, const char *name, int64_t value)
{
    dd_auto_str text = dd_sprintf("%lld", (long long)value);
    dd_fields_set(fields, name, text);
}

const char *dd_fields_get_bytes(const dd_fields *fields, const char *name, size_t *ret_length)
{
    const struct field *field = find(fields, name);
    *ret_length = field ? field->length : 0;
    return field ? field->value : NULL;
}

const char *dd_fields_get(const dd_fields *fields, const char *name)
{
    size_t length;
    return dd_fields_get_bytes(fields, name, &length);
}

int64_t dd_fields_get_int(const dd_fields *fields, const char *name, int64_t fallback)
{
    int64_t number;
    const char *text = dd_fields_get(fields, name);
    return text && dd_str_to_int(text, &number) ? number : fallback;
}

size_t dd_fields_count(const dd_fields *fields)
{
    return fields->count;
}

const char *dd_fields_name_at(const dd_fields *fields, size_t index)
{
    dd_assert(index < fields->count);
    return fields->items[index].name;
}

const char *dd_fields_value_at(const dd_fields *fields, size_t index)
{
    dd_assert(index < fields->count);
    return fields->items[index].value;
}

int dd_fields_from_reply(const struct redisReply *reply, dd_fields **ret, dd_error **err)
{
    if (dd_reply_error(reply, err) < 0)
        return -1;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements % 2)
        return dd_fail(err, DD_ERR_INTERNAL, "Redis: a list of names and values was expected");
    dd_auto(dd_fields) fields = dd_fields_new();
    for (size_t i = 0; i < reply->elements; i += 2) {
        const redisReply *name = reply->element[i], *value = reply->element[i + 1];
        if (name->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
            return dd_fail(err, DD_ERR_INTERNAL, "Redis: a list of names and values was expected");
        dd_fields_set_bytes(fields, name->str, value->str, (size_t)value->len);
    }
    *ret = dd_take(fields);
    return 0;
}
