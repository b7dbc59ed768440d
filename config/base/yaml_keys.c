/* A map's keys by hash, while it is read. */
#include "yaml_private.h"

#include <stdlib.h>
#include <string.h>

void dd_yaml_keys_done(dd_yaml_keys *keys)
{
    free(keys->slots);
    free(keys->entries);
    free(keys->written);
}

static size_t *slot_of(const dd_yaml_keys *keys, const char *key)
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a */
    for (const char *c = key; *c; c++)
        hash = (hash ^ (uint64_t)(unsigned char)*c) * 1099511628211U;
    size_t i = (size_t)(hash ^ hash >> 32) & (keys->slot_count - 1);
    while (keys->slots[i] && strcmp(keys->entries[keys->slots[i] - 1].key->text, key) != 0)
        i = (i + 1) & (keys->slot_count - 1);
    return &keys->slots[i];
}

/* Room for one more, and at least half of the slots free. */
static void grow(dd_yaml_keys *keys)
{
    if (keys->count == keys->capacity) {
        keys->capacity = keys->capacity ? keys->capacity * 2 : 8;
        keys->entries = dd_reallocarray(keys->entries, keys->capacity, sizeof(*keys->entries));
        keys->written = dd_reallocarray(keys->written, keys->capacity, sizeof(*keys->written));
    }
    if (keys->slot_count > 2 * keys->count)
        return;
    keys->slot_count = keys->slot_count ? keys->slot_count * 2 : 16;
    free(keys->slots);
    keys->slots = dd_calloc(keys->slot_count, sizeof(*keys->slots));
    for (size_t i = 0; i < keys->count; i++)
        *slot_of(keys, keys->entries[i].key->text) = i + 1;
}

dd_yaml_setter dd_yaml_keys_set(dd_yaml_keys *keys, dd_yaml_node *key, dd_yaml_node *value,
                                dd_yaml_setter setter)
{
    grow(keys);
    size_t *slot = slot_of(keys, key->text);
    dd_yaml_setter before = DD_YAML_NOBODY;
    if (*slot)
        before = keys->written[*slot - 1] ? DD_YAML_THE_MAP : DD_YAML_A_MERGE;
    else
        *slot = ++keys->count;
    keys->entries[*slot - 1] = (dd_yaml_entry){.key = key, .value = value};
    keys->written[*slot - 1] = setter == DD_YAML_THE_MAP;
    return before;
}
