/* Versions: which there are, and how a file's is found while it may still hold templates. */
#include "runner/lang/version.h"
#include <string.h>
#include <strings.h>

/* Each with and without a 'v', in any case (acr-tasks.md, 9.1). */
static const struct {
    const char *name;
    bool aliases;
} versions[] = {{"1.0-preview-1", false}, {"1.0.0", false}, {"1.1.0", true}};

bool dd_version_parse(const char *text, bool *ret_aliases)
{
    if (*text == 'v' || *text == 'V')
        text++;
    for (size_t i = 0; i < DD_COUNT(versions); i++)
        if (strcasecmp(text, versions[i].name) == 0) {
            *ret_aliases = versions[i].aliases;
            return true;
        }
    return false;
}

/* "version: 'v1.1.0'  # why" → v1.1.0; NULL when the line says something else. */
static char *version_of_line(const char *line, size_t length)
{
    static const char *const keys[] = {"version", "\"version\"", "'version'"};

    for (size_t i = 0; i < DD_COUNT(keys); i++) {
        size_t at = strlen(keys[i]), end;

        if (length <= at || memcmp(line, keys[i], at) != 0)
            continue;
        while (at < length && (line[at] == ' ' || line[at] == '\t'))
            at++;
        if (at == length || line[at++] != ':')
            continue;
        while (at < length && strchr(" \t\"'", line[at]) && line[at])
            at++;
        for (end = at; end < length && !(strchr(" \t\"'\r", line[end]) && line[end]); end++)
            ;
        return dd_strndup(line + at, end - at);
    }
    return NULL;
}

size_t dd_mark_length(const char *text, size_t length)
{
    return length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

char *dd_version_in_text(const char *text, size_t length)
{
    for (size_t at = dd_mark_length(text, length); at < length;) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t line = end ? (size_t)(end - text) - at : length - at;
        char *found = version_of_line(text + at, line);

        if (found)
            return found;
        at += line + 1;
    }
    return NULL;
}
