/* Which --mount a RUN may have under an engine that lets some of them out of the build.
 *
 * buildah before 1.39 (podman before 5.4) joins what a mount names to a path of the machine, as it stands:
 * `type=cache,id=../../..` and a bind whose source is a link mount the machine's own files, for writing
 * (CVE-2024-1753, CVE-2024-9407, CVE-2024-9675, CVE-2024-11218). Such an engine gets no bind, and a cache
 * only by a plain name of its own.
 *
 * Builders differ in how they read a Dockerfile (here-documents, quotes, blanks). So this goes by lines, and
 * takes for a mount whatever one of them might. */
#include "runner/dockerfile_private.h"
#include "runner/engine.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define FLAG "--mount="

/* Go's blanks, byte by byte. */
static bool is_blank(char c)
{
    return isspace((unsigned char)c) || (unsigned char)c == 0x85 || (unsigned char)c == 0xa0;
}

static bool is_plain_name(const char *text)
{
    static const char others[] = "._-";

    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && (c == text || !strchr(others, *c)))
            return false;
    return *text;
}

static int refuse(const char *mount, size_t length, int line, dd_error **err)
{
    dd_fail_at(err, DD_ERR_DENIED, (dd_place){line, 1}, NULL,
               "RUN --mount=%.*s is not permitted: this engine's version lets a mount out of the build",
               length > 100 ? 100 : (int)length, mount);
    return dd_hint(err,
                   "COPY what is needed, write a cache as type=cache,id=NAME,target=PATH, or use podman 5.4");
}

/* `mount` is what stands behind FLAG. */
static bool is_confined(const char *mount, size_t length)
{
    dd_auto_str options = dd_strndup(mount, length);
    bool cache = false, named = false;
    char *save = NULL;

    for (const char *c = options; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_./:,=@+-", *c))
            return false;
    for (char *option = strtok_r(options, ",", &save); option; option = strtok_r(NULL, ",", &save)) {
        if (dd_str_starts(option, "type=")) {
            cache = cache || dd_str_eq(option, "type=cache");
            if (!cache && !dd_str_eq(option, "type=tmpfs") && !dd_str_eq(option, "type=secret") &&
                !dd_str_eq(option, "type=ssh"))
                return false;
            named = named || !cache;
        } else if (dd_str_starts(option, "from=") || dd_str_starts(option, "source=") ||
                   dd_str_starts(option, "src=")) {
            return false;
        } else if (dd_str_starts(option, "id=")) {
            if (!is_plain_name(option + strlen("id=")))
                return false;
            named = true;
        }
    }
    /* One without a type is a bind; a cache without an id is named by its target, '/' and all. */
    return named && (cache || strstr(mount, "type="));
}

/* One instruction on one line, without quotes and escapes. */
static int check_line(const char *text, int line, dd_error **err)
{
    const char *found = text, *at = text;
    size_t length;

    while ((found = strstr(found, FLAG))) {
        found += strlen(FLAG);
        for (length = 0; found[length] && !is_blank(found[length]);)
            length++;
        if (!is_confined(found, length))
            return refuse(found, length, line, err);
    }
    /* RUN's flags may have variables in them. */
    for (bool run = false;; at += length) {
        while (*at && is_blank(*at))
            at++;
        for (length = 0; at[length] && !is_blank(at[length]);)
            length++;
        if (!run && ((length == 3 && strncasecmp(at, "RUN", 3) == 0) ||
                     (length == 7 && strncasecmp(at, "ONBUILD", 7) == 0)))
            run = length == 3;
        else if (!run || !dd_str_starts(at, "--"))
            return 0;
        else if (memchr(at, '$', length))
            return refuse(at, length, line, err);
    }
}

static bool begins_with_a_keyword(const char *text, size_t length)
{
    size_t letters = 0;

    while (letters < length && isalpha((unsigned char)text[letters]))
        letters++;
    return letters > 0 && letters < length && (text[letters] == ' ' || text[letters] == '\t');
}

/* An image's configuration is anybody's text: it may have lines, and blanks that only a builder takes for
 * such. */
int dd_dockerfile_check_trigger(const char *text, size_t length, dd_error **err)
{
    if (begins_with_a_keyword(text, length) && !memchr(text, '\n', length) && !memchr(text, '\0', length))
        return dd_dockerfile_check_mounts(text, length, err);
    dd_fail(err, DD_ERR_DENIED, "'%.*s' is not one instruction, as a builder would have written it",
            length > 100 ? 100 : (int)length, text);
    return -1;
}

int dd_dockerfile_check_mounts(const char *text, size_t length, dd_error **err)
{
    dd_buf joined = {0};
    int ret = 0;
    const char *at = text, *end = text + length;

    for (int line = 1; at < end && ret == 0; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end,
                   *from = at;
        bool goes_on;

        at = newline ? newline + 1 : end;
        while (from < stop && is_blank(*from))
            from++;
        while (stop > from && is_blank(stop[-1]))
            stop--;
        if (at < end && (from == stop || *from == '#'))
            continue;
        goes_on = stop > from && (stop[-1] == '\\' || stop[-1] == '`');
        for (; from < stop && *from != '\0'; from++)
            if (!strchr("\"'\\`", *from))
                dd_buf_add(&joined, from, 1);
        if (goes_on && at < end)
            continue;
        if (joined.data)
            ret = check_line(joined.data, line, err);
        dd_buf_done(&joined);
    }
    return ret;
}
