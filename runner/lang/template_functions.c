/* Which functions templates have, and what is said of those they have not. */
#include "runner/lang/functions/functions.h"
#include <pthread.h>

/* Sprig has these; drydock leaves them out on purpose (acr-tasks.md, 9.15). */
static const struct {
    const char *name, *why;
} left_out[] = {
    {"env", "a task file does not see the worker's environment"},
    {"expandenv", "a task file does not see the worker's environment"},
    {"getHostByName", "rendering asks no network"},
    {"genPrivateKey", "templates make no keys or certificates"},
    {"derivePassword", "templates make no keys or certificates"},
    {"genCA", "templates make no keys or certificates"},
    {"genCAWithKey", "templates make no keys or certificates"},
    {"genSelfSignedCert", "templates make no keys or certificates"},
    {"genSelfSignedCertWithKey", "templates make no keys or certificates"},
    {"genSignedCert", "templates make no keys or certificates"},
    {"genSignedCertWithKey", "templates make no keys or certificates"},
    {"buildCustomCert", "templates make no keys or certificates"},
    {"encryptAES", "templates make no keys or certificates"},
    {"decryptAES", "templates make no keys or certificates"},
    {"bcrypt", "templates make no keys or certificates"},
    {"htpasswd", "templates make no keys or certificates"},
};

/* A name in an earlier family hides the same name in a later one: Sprig's go before Go's. */
static const dd_function_family *const families[] = {
    &dd_functions_defaults, &dd_functions_kinds, &dd_functions_trees,     &dd_functions_strings,
    &dd_functions_cases,    &dd_functions_trims, &dd_functions_splits,    &dd_functions_lists,
    &dd_functions_maps,     &dd_functions_math,  &dd_functions_encodings, &dd_functions_json,
    &dd_functions_paths,    &dd_functions_urls,  &dd_functions_random,    &dd_functions_builtins,
    &dd_functions_dates,    &dd_functions_regex, &dd_functions_versions,
};

#define MAX_FUNCTIONS 512

/* All rows by name, made at the first look-up. */
static const dd_function *sorted[MAX_FUNCTIONS];
static const char *names[MAX_FUNCTIONS];
static size_t sorted_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The place where the name stands or would stand. */
static size_t place_of(dd_text name)
{
    size_t low = 0, high = sorted_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (dd_text_compare(dd_text_of(sorted[middle]->name), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool stands_at(size_t place, dd_text name)
{
    return place < sorted_count && dd_text_is(name, sorted[place]->name);
}

static void insert(const dd_function *row)
{
    size_t place = place_of(dd_text_of(row->name));

    if (stands_at(place, dd_text_of(row->name)))
        return;
    dd_assert(sorted_count < MAX_FUNCTIONS);
    for (size_t i = sorted_count; i > place; i--)
        sorted[i] = sorted[i - 1];
    sorted[place] = row;
    sorted_count++;
}

static void sort(void)
{
    for (size_t i = 0; i < DD_COUNT(families); i++)
        for (size_t k = 0; k < families[i]->count; k++)
            insert(&families[i]->rows[k]);
    for (size_t i = 0; i < sorted_count; i++)
        names[i] = sorted[i]->name;
}

const dd_function *dd_function_find(dd_text name, const char **ret_why, const char **ret_nearest)
{
    dd_auto_str text = NULL;
    size_t place;

    *ret_why = *ret_nearest = NULL;
    pthread_once(&once, sort);
    place = place_of(name);
    if (stands_at(place, name))
        return sorted[place];
    for (size_t i = 0; i < DD_COUNT(left_out); i++)
        if (dd_text_is(name, left_out[i].name))
            *ret_why = left_out[i].why;
    if (*ret_why || name.length >= 40)
        return NULL;
    text = dd_strndup(name.data, name.length);
    *ret_nearest = dd_str_nearest(text, names, sorted_count);
    return NULL;
}

const dd_function *dd_function_at(size_t index, const char **ret_family)
{
    *ret_family = NULL;
    pthread_once(&once, sort);
    if (index >= sorted_count)
        return NULL;
    for (size_t i = 0; i < DD_COUNT(families) && !*ret_family; i++)
        for (size_t k = 0; k < families[i]->count; k++)
            if (&families[i]->rows[k] == sorted[index])
                *ret_family = families[i]->name;
    return sorted[index];
}

const char *dd_function_left_out(size_t index, const char **ret_why)
{
    *ret_why = index < DD_COUNT(left_out) ? left_out[index].why : NULL;
    return index < DD_COUNT(left_out) ? left_out[index].name : NULL;
}
