/* What is wrong with a task's volumes, secrets and networks (acr-tasks.md, 2.1 and 2.4). */
#include "runner/lang/taskfile_private.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static bool is_made_of(const char *text, const char *letters)
{
    return text && *text && strspn(text, letters) == strlen(text);
}

static bool is_blank(const char *text)
{
    return !text || !*text;
}

static bool has_form(const char *text, const char *form)
{
    if (strlen(text) != strlen(form))
        return false;
    for (size_t i = 0; form[i]; i++)
        if (form[i] == 'x' ? !isxdigit((unsigned char)text[i])
                           : tolower((unsigned char)form[i]) != tolower((unsigned char)text[i]))
            return false;
    return true;
}

/* In the four forms that the reference takes, any case. */
static bool is_uuid(const char *text)
{
#define UUID_FORM "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
    static const char *const forms[] = {UUID_FORM, ("{" UUID_FORM "}"), ("urn:uuid:" UUID_FORM),
                                        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};

    for (size_t i = 0; i < DD_COUNT(forms); i++)
        if (has_form(text, forms[i]))
            return true;
    return false;
}

/* ---- Names that must be unique ---- */

typedef struct named {
    const char *name;
    size_t index;
} named;

static int by_name(const void *a, const void *b)
{
    const named *left = a, *right = b;
    int order = strcmp(left->name, right->name);

    return order ? order : (left->index > right->index) - (left->index < right->index);
}

/* `list` is what `names` were read from; a missing name is "". */
static void check_unique(const dd_reader *reader, const char *list, named *names, size_t count)
{
    const dd_yaml_node *nodes = dd_yaml_get(reader->root, list);

    if (count)
        qsort(names, count, sizeof(*names), by_name);
    for (size_t i = 1; i < count; i++) {
        if (!*names[i].name || strcmp(names[i].name, names[i - 1].name) != 0)
            continue;
        dd_auto_str path = dd_sprintf("%s[%zu]", list, names[i].index);

        dd_problem_error(reader->problems, nodes->items[names[i].index]->place, path, NULL,
                         "another one in %s is named '%s' already", list, names[i].name);
    }
}

#define CHECK_UNIQUE(reader, list, items, count, member)                                                     \
    do {                                                                                                     \
        named *names_ = dd_calloc((count) + 1, sizeof(*names_));                                             \
        for (size_t i_ = 0; i_ < (count); i_++)                                                              \
            names_[i_] = (named){(items)[i_].member ? (items)[i_].member : "", i_};                          \
        check_unique((reader), (list), names_, (count));                                                     \
        free(names_);                                                                                        \
    } while (0)

static void problem(const dd_reader *reader, const char *list, size_t index, const char *member,
                    const char *format, ...) DD_PRINTF(5, 6);

static void problem(const dd_reader *reader, const char *list, size_t index, const char *member,
                    const char *format, ...)
{
    const dd_yaml_node *map = dd_yaml_get(reader->root, list)->items[index];
    dd_auto_str path = dd_sprintf("%s[%zu].%s", list, index, member);
    dd_auto_str message = NULL;
    va_list args;

    va_start(args, format);
    message = dd_vsprintf(format, args);
    va_end(args);
    dd_problem_error(reader->problems, dd_property_place(map, member), path, NULL, "%s", message);
}

/* ---- Each ---- */

/* What the list's member was read from; NULL when it is no map, which has been told already. */
static const dd_yaml_node *entry_of(const dd_reader *reader, const char *list, size_t index)
{
    const dd_yaml_node *entry = dd_yaml_get(reader->root, list)->items[index];

    return entry->kind == DD_YAML_MAP ? entry : NULL;
}

static void check_volume(const dd_reader *reader, size_t index)
{
    const dd_volume *volume = &reader->taskfile->volumes[index];
    const dd_yaml_node *secret = dd_yaml_get(entry_of(reader, "volumes", index), "secret");

    if (!is_made_of(volume->name, LETTERS "_-"))
        problem(reader, "volumes", index, "name", "a volume's name is made of letters, digits, '_' and '-'");
    if (!dd_property_is_given(secret) || (secret->kind == DD_YAML_MAP && secret->length == 0))
        problem(reader, "volumes", index, "secret", "a volume needs a map `secret` with at least one file");
    for (size_t i = 0; i < volume->file_count; i++)
        if (!is_made_of(volume->files[i].name, LETTERS "._-"))
            problem(reader, "volumes", index, "secret",
                    "a file's name is made of letters, digits, '.', '_' and '-', not '%s'",
                    volume->files[i].name);
}

static void check_network(const dd_reader *reader, size_t index)
{
    if (is_blank(reader->taskfile->networks[index].name))
        problem(reader, "networks", index, "name", "a network needs a name");
}

static void check_secret(const dd_reader *reader, size_t index)
{
    const dd_secret_ref *secret = &reader->taskfile->secrets[index];

    if (is_blank(secret->id))
        problem(reader, "secrets", index, "id", "a secret needs an id");
    else if (dd_text_has_space(secret->id))
        problem(reader, "secrets", index, "id", "the id '%s' holds white space", secret->id);
    if (is_blank(secret->keyvault))
        problem(reader, "secrets", index, "keyvault", "a secret needs a keyvault");
    if (!is_blank(secret->client_id) && !is_uuid(secret->client_id))
        problem(reader, "secrets", index, "clientID", "'%s' is no UUID", secret->client_id);
}

static void check_each(const dd_reader *reader, const char *list, size_t count,
                       void (*check)(const dd_reader *, size_t))
{
    for (size_t i = 0; i < count; i++)
        if (entry_of(reader, list, i))
            check(reader, i);
}

void dd_taskfile_check(const dd_reader *reader)
{
    const dd_taskfile *taskfile = reader->taskfile;

    check_each(reader, "volumes", taskfile->volume_count, check_volume);
    check_each(reader, "secrets", taskfile->secret_count, check_secret);
    check_each(reader, "networks", taskfile->network_count, check_network);
    CHECK_UNIQUE(reader, "volumes", taskfile->volumes, taskfile->volume_count, name);
    CHECK_UNIQUE(reader, "secrets", taskfile->secrets, taskfile->secret_count, id);
    CHECK_UNIQUE(reader, "networks", taskfile->networks, taskfile->network_count, name);
}
