/* Bodies are written by others: every member is read by the type it must have, and nothing is taken on trust.
 */
#include "senders.h"

#include <string.h>

/* "commits[3].added" for messages; path "" is the top. */
static int fail_member(dd_error **err, const char *path, const char *name, const char *what)
{
    return dd_fail(err, DD_ERR_INVALID, "%s%s%s: %s", path, *path ? "." : "", name, what);
}

/* The member, or NULL for absent and null ones alike. */
static int find(const dd_json *object, const char *path, const char *name, dd_need need, const dd_json **ret,
                dd_error **err)
{
    const dd_json *member = dd_json_get(object, name);
    *ret = dd_json_is(member, DD_JSON_NULL) ? NULL : member;
    if (!*ret && need == DD_REQUIRED)
        return fail_member(err, path, name, member ? "may not be null" : "is not there");
    return 0;
}

int dd_body_object(const dd_json *object, const char *path, const char *name, dd_need need,
                   const dd_json **ret, dd_error **err)
{
    if (find(object, path, name, need, ret, err) < 0)
        return -1;
    if (*ret && !dd_json_is(*ret, DD_JSON_OBJECT))
        return fail_member(err, path, name, "must be an object");
    return 0;
}

int dd_body_array(const dd_json *object, const char *path, const char *name, dd_need need,
                  const dd_json **ret, dd_error **err)
{
    if (find(object, path, name, need, ret, err) < 0)
        return -1;
    if (*ret && !dd_json_is(*ret, DD_JSON_ARRAY))
        return fail_member(err, path, name, "must be a list");
    return 0;
}

int dd_body_text(const dd_json *object, const char *path, const char *name, dd_need need, size_t max_bytes,
                 const char **ret, dd_error **err)
{
    const dd_json *member;
    *ret = NULL;
    if (find(object, path, name, need, &member, err) < 0)
        return -1;
    if (!member)
        return 0;
    if (!dd_json_is(member, DD_JSON_STRING))
        return fail_member(err, path, name, "must be a string");
    if (member->length > max_bytes)
        return fail_member(err, path, name, "is too long");
    if (need == DD_REQUIRED && member->length == 0)
        return fail_member(err, path, name, "may not be empty");
    *ret = dd_json_text(member);
    return 0;
}

int dd_body_flag(const dd_json *object, const char *path, const char *name, bool *ret, dd_error **err)
{
    const dd_json *member;
    if (find(object, path, name, DD_OPTIONAL, &member, err) < 0)
        return -1;
    if (member && !dd_json_is(member, DD_JSON_BOOLEAN))
        return fail_member(err, path, name, "must be true or false");
    if (member)
        *ret = member->boolean;
    return 0;
}

int dd_body_number(const dd_json *object, const char *path, const char *name, int64_t *ret, dd_error **err)
{
    const dd_json *member;
    if (find(object, path, name, DD_REQUIRED, &member, err) < 0)
        return -1;
    if (!dd_json_is(member, DD_JSON_INTEGER))
        return fail_member(err, path, name, "must be a whole number");
    *ret = member->integer;
    return 0;
}

char *dd_plain_line(const char *text, size_t max_bytes)
{
    if (!text)
        return NULL;
    size_t length = strcspn(text, "\r\n");
    if (length > max_bytes) {
        length = max_bytes;
        while (length > 0 && ((unsigned char)text[length] & 0xc0U) == 0x80U)
            length--; /* not within a character of UTF-8 */
    }
    char *line = dd_strndup(text, length);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    /* A header may have any bytes; what is answered and shown is UTF-8. */
    bool is_utf8 = dd_utf8_is_valid(line, strlen(line));
    for (char *c = line; !is_utf8 && *c; c++)
        if ((unsigned char)*c >= 0x80U)
            *c = '?';
    return line;
}
