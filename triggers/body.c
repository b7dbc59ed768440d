/* Bodies are written by others: every member is read by the type it must have, and nothing is taken on trust.
 */
#include "senders.h"

#include <string.h>

/* "commits[3].added" for messages; path "" is the top. */
static int fail_member(dd_error **err, const char *path, const char *name, const char *what)
{
    return dd_fail(err, DD_ERR_INVALID, "%s%s%s: %s", path, *path ? "." : "", name, what);
}

int dd_body_load(const char *text, size_t length, json_t **ret, dd_error **err)
{
    json_error_t why;
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &why);
    if (!root) {
        dd_auto_str line = dd_plain_line(why.text, 100);
        return dd_fail(err, DD_ERR_INVALID, "the body is no JSON: %s (line %d)", line, why.line);
    }
    *ret = root;
    return 0;
}

/* The member, or NULL for absent and null ones alike. */
static int find(const json_t *object, const char *path, const char *name, dd_need need, json_t **ret,
                dd_error **err)
{
    json_t *member = json_object_get(object, name);
    *ret = json_is_null(member) ? NULL : member;
    if (!*ret && need == DD_REQUIRED)
        return fail_member(err, path, name, member ? "may not be null" : "is not there");
    return 0;
}

int dd_body_object(const json_t *object, const char *path, const char *name, dd_need need, json_t **ret,
                   dd_error **err)
{
    if (find(object, path, name, need, ret, err) < 0)
        return -1;
    if (*ret && !json_is_object(*ret))
        return fail_member(err, path, name, "must be an object");
    return 0;
}

int dd_body_array(const json_t *object, const char *path, const char *name, dd_need need, json_t **ret,
                  dd_error **err)
{
    if (find(object, path, name, need, ret, err) < 0)
        return -1;
    if (*ret && !json_is_array(*ret))
        return fail_member(err, path, name, "must be a list");
    return 0;
}

int dd_body_text(const json_t *object, const char *path, const char *name, dd_need need, size_t max_bytes,
                 const char **ret, dd_error **err)
{
    json_t *member;
    *ret = NULL;
    if (find(object, path, name, need, &member, err) < 0)
        return -1;
    if (!member)
        return 0;
    if (!json_is_string(member))
        return fail_member(err, path, name, "must be a string");
    if (json_string_length(member) > max_bytes)
        return fail_member(err, path, name, "is too long");
    if (need == DD_REQUIRED && json_string_length(member) == 0)
        return fail_member(err, path, name, "may not be empty");
    *ret = json_string_value(member);
    return 0;
}

int dd_body_flag(const json_t *object, const char *path, const char *name, bool *ret, dd_error **err)
{
    json_t *member;
    if (find(object, path, name, DD_OPTIONAL, &member, err) < 0)
        return -1;
    if (member && !json_is_boolean(member))
        return fail_member(err, path, name, "must be true or false");
    if (member)
        *ret = json_is_true(member);
    return 0;
}

int dd_body_number(const json_t *object, const char *path, const char *name, int64_t *ret, dd_error **err)
{
    json_t *member;
    if (find(object, path, name, DD_REQUIRED, &member, err) < 0)
        return -1;
    if (!json_is_integer(member))
        return fail_member(err, path, name, "must be a whole number");
    *ret = json_integer_value(member);
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
    json_auto_t *probe = json_string(line);
    for (char *c = line; !probe && *c; c++)
        if ((unsigned char)*c >= 0x80U)
            *c = '?';
    return line;
}
