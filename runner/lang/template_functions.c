/* Which functions templates have, and what is said of those they have not. */
#include "runner/lang/template_private.h"
#include <stdlib.h>

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

static const dd_function *find_in(const dd_function *rows, size_t count, dd_text name)
{
    for (size_t i = 0; i < count; i++)
        if (dd_text_is(name, rows[i].name))
            return &rows[i];
    return NULL;
}

static const char *nearest(dd_text name)
{
    size_t count = dd_template_builtin_count + dd_template_sprig_count;
    dd_auto_str text = dd_strndup(name.data, name.length);
    const char **names = dd_calloc(count, sizeof(*names));
    const char *ret;

    for (size_t i = 0; i < dd_template_builtin_count; i++)
        names[i] = dd_template_builtins[i].name;
    for (size_t i = 0; i < dd_template_sprig_count; i++)
        names[dd_template_builtin_count + i] = dd_template_sprig[i].name;
    ret = dd_str_nearest(text, names, count);
    free(names);
    return ret;
}

const dd_function *dd_function_find(dd_text name, const char **ret_why, const char **ret_nearest)
{
    const dd_function *found = find_in(dd_template_builtins, dd_template_builtin_count, name);

    *ret_why = *ret_nearest = NULL;
    if (!found)
        found = find_in(dd_template_sprig, dd_template_sprig_count, name);
    if (found)
        return found;
    for (size_t i = 0; i < DD_COUNT(left_out); i++)
        if (dd_text_is(name, left_out[i].name))
            *ret_why = left_out[i].why;
    if (!*ret_why && name.length < 40)
        *ret_nearest = nearest(name);
    return NULL;
}
