/* Entries of env: NAME=VALUE, of which one level of quotes is removed (acr-tasks.md, 9.6). */
#include "runner/lang/taskfile_private.h"
#include <stdlib.h>
#include <string.h>

static bool is_quoted(const char *text, size_t length)
{
    return length >= 2 && (text[0] == '\'' || text[0] == '"') && text[length - 1] == text[0];
}

/* The inside of a quoted text; in double quotes a backslash keeps these from their meaning, as POSIX says. */
static void add_inside(dd_buf *into, const char *text, size_t length)
{
    for (size_t i = 1; i + 1 < length; i++) {
        if (text[0] == '"' && text[i] == '\\' && i + 2 < length && strchr("$`\"\\", text[i + 1]))
            i++;
        dd_buf_add_char(into, text[i]);
    }
}

/* Only quotes around the whole go: those inside (NAME={"a":1}) belong to the value. */
char *dd_env_unquote(const char *entry)
{
    dd_buf into = {0};
    size_t length = strlen(entry), name = strcspn(entry, "=");

    if (is_quoted(entry, length)) {
        add_inside(&into, entry, length);
        return dd_buf_steal(&into);
    }
    name += name < length;
    if (!is_quoted(entry + name, length - name))
        return dd_strdup(entry);
    dd_buf_add(&into, entry, name);
    add_inside(&into, entry + name, length - name);
    return dd_buf_steal(&into);
}

void dd_env_check(const dd_strv *env, dd_place place, const char *path, dd_problems *problems)
{
    for (size_t i = 0; i < env->count; i++) {
        const char *equals = strchr(env->items[i], '=');

        if (!equals || equals == env->items[i])
            dd_problem_error(problems, place, path, "write NAME=VALUE", "'%s' is no NAME=VALUE",
                             env->items[i]);
    }
}
