/* Paths with slashes, as Go's package path has them. */
#include "runner/lang/functions/functions.h"
#include <string.h>

static const char *last_slash(dd_text path)
{
    return path.length ? memrchr(path.data, '/', path.length) : NULL;
}

/* Removes "." and "..", and slashes that say nothing. Nothing at all is ".". */
static void clean(dd_text path, dd_buf *into)
{
    bool rooted = path.length && *path.data == '/';
    size_t kept = rooted; /* what no ".." takes away: the root, and earlier ".." */

    if (rooted)
        dd_buf_add_char(into, '/');
    while (path.length) {
        const char *slash = memchr(path.data, '/', path.length);
        dd_text part = {path.data, slash ? (size_t)(slash - path.data) : path.length};

        path = dd_text_skip(path, part.length + (slash ? 1 : 0));
        if (!part.length || dd_text_is(part, "."))
            continue;
        if (dd_text_is(part, "..") && into->length > kept) {
            do
                into->length--;
            while (into->length > kept && into->data[into->length] != '/');
            continue;
        }
        if (dd_text_is(part, "..") && rooted)
            continue;
        if (into->length > rooted)
            dd_buf_add_char(into, '/');
        dd_buf_add(into, part.data, part.length);
        if (dd_text_is(part, ".."))
            kept = into->length;
    }
    if (!into->length)
        dd_buf_add_char(into, '.');
}

CALL(clean)
{
    dd_buf into = {0};

    clean(arguments[0].text, &into);
    return dd_give_buf(e, &into, ret);
}

CALL(dir)
{
    dd_text path = arguments[0].text;
    const char *slash = last_slash(path);
    dd_buf into = {0};

    clean((dd_text){path.data, slash ? (size_t)(slash - path.data) + 1 : 0}, &into);
    return dd_give_buf(e, &into, ret);
}

CALL(base)
{
    dd_text path = arguments[0].text;
    const char *slash;

    if (!path.length)
        return dd_give_text(".", 1, ret);
    while (path.length && path.data[path.length - 1] == '/')
        path.length--;
    if (!path.length)
        return dd_give_text("/", 1, ret);
    slash = last_slash(path);
    *ret = dd_value_text(slash ? dd_text_skip(path, (size_t)(slash - path.data) + 1) : path);
    return 0;
}

CALL(ext)
{
    dd_text path = arguments[0].text;
    const char *slash = last_slash(path);
    dd_text name = slash ? dd_text_skip(path, (size_t)(slash - path.data)) : path;
    const char *dot = name.length ? memrchr(name.data, '.', name.length) : NULL;

    *ret = dd_value_text(dot ? dd_text_skip(name, (size_t)(dot - name.data)) : (dd_text){"", 0});
    return 0;
}

CALL(isAbs)
{
    *ret = dd_value_bool(arguments[0].text.length && *arguments[0].text.data == '/');
    return 0;
}

static const dd_function rows[] = {
    {"clean", "s", call_clean}, {"dir", "s", call_dir},     {"base", "s", call_base},
    {"ext", "s", call_ext},     {"isAbs", "s", call_isAbs},
};
const dd_function_family dd_functions_paths = DD_FAMILY("paths", rows);
