/* One step: its properties, its kind, its defaults, and what is wrong with it (acr-tasks.md, 2.2). */
#include "runner/lang/taskfile_private.h"
#include "runner/lang/template_private.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define AT(MEMBER) offsetof(dd_step, MEMBER)
#define NOWHERE    0
#define ROOT_ID    "acb_root"

/* `cmd`, `build` and `push` say which kind a step is, and are read with it. */
const dd_property dd_step_properties[] = {
    {"id", AT(id), NOWHERE, DD_PROPERTY_TEXT, DD_ON_ALL},
    {"cmd", NOWHERE, NOWHERE, DD_PROPERTY_ELSEWHERE, DD_ON_ALL},
    {"build", NOWHERE, NOWHERE, DD_PROPERTY_ELSEWHERE, DD_ON_ALL},
    {"push", NOWHERE, NOWHERE, DD_PROPERTY_ELSEWHERE, DD_ON_ALL},
    {"when", AT(when), NOWHERE, DD_PROPERTY_TEXTS, DD_ON_ALL},
    {"exitedWith", AT(exited_with), AT(exited_with_count), DD_PROPERTY_INTS, DD_ON_ALL},
    {"exitedWithout", AT(exited_without), AT(exited_without_count), DD_PROPERTY_INTS, DD_ON_ALL},
    {"timeout", AT(timeout_s), NOWHERE, DD_PROPERTY_INT, DD_ON_ALL},
    {"startDelay", AT(start_delay_s), NOWHERE, DD_PROPERTY_INT, DD_ON_ALL},
    {"retries", AT(retries), NOWHERE, DD_PROPERTY_INT, DD_ON_RUN},
    {"retryDelay", AT(retry_delay_s), NOWHERE, DD_PROPERTY_INT, DD_ON_RUN},
    {"retryOnErrors", AT(retry_on_errors), NOWHERE, DD_PROPERTY_TEXTS, DD_ON_RUN},
    {"repeat", AT(repeat), NOWHERE, DD_PROPERTY_INT, DD_ON_ALL},
    {"ignoreErrors", AT(ignore_errors), NOWHERE, DD_PROPERTY_BOOL, DD_ON_ALL},
    {"workingDirectory", AT(working_directory), NOWHERE, DD_PROPERTY_TEXT, DD_ON_RUN},
    {"disableWorkingDirectoryOverride", AT(disable_working_directory_override), NOWHERE, DD_PROPERTY_BOOL,
     DD_ON_RUN},
    {"entryPoint", AT(entry_point), NOWHERE, DD_PROPERTY_TEXT, DD_ON_CMD},
    {"env", AT(env), NOWHERE, DD_PROPERTY_TEXTS, DD_ON_RUN},
    {"user", AT(user), NOWHERE, DD_PROPERTY_TEXT, DD_ON_RUN},
    {"network", AT(network), NOWHERE, DD_PROPERTY_TEXT, DD_ON_RUN},
    {"isolation", AT(isolation), NOWHERE, DD_PROPERTY_TEXT, DD_ON_RUN},
    {"cpus", AT(cpus), NOWHERE, DD_PROPERTY_TEXT, DD_ON_RUN},
    {"expose", AT(expose), NOWHERE, DD_PROPERTY_TEXTS, DD_ON_RUN},
    {"ports", AT(ports), NOWHERE, DD_PROPERTY_TEXTS, DD_ON_RUN},
    {"volumeMounts", AT(mounts), AT(mount_count), DD_PROPERTY_MOUNTS, DD_ON_ALL},
    {"keep", AT(keep), NOWHERE, DD_PROPERTY_BOOL, DD_ON_RUN},
    {"detach", AT(detach), NOWHERE, DD_PROPERTY_BOOL, DD_ON_RUN},
    {"privileged", AT(privileged), NOWHERE, DD_PROPERTY_BOOL, DD_ON_RUN},
    {"dockerSocket", AT(docker_socket), NOWHERE, DD_PROPERTY_BOOL, DD_ON_RUN},
    {"pull", AT(pull), NOWHERE, DD_PROPERTY_BOOL, DD_ON_CMD},
    {"cmdDownloadRetries", AT(download_retries), NOWHERE, DD_PROPERTY_INT, DD_ON_CMD},
    {"cmdDownloadRetryDelay", AT(download_retry_delay_s), NOWHERE, DD_PROPERTY_INT, DD_ON_CMD},
    {"downloadRetries", AT(download_retries), NOWHERE, DD_PROPERTY_INT, DD_ON_CMD},
    {"downloadRetryDelay", AT(download_retry_delay_s), NOWHERE, DD_PROPERTY_INT, DD_ON_CMD},
    {"cache", AT(cache), NOWHERE, DD_PROPERTY_TEXT, DD_ON_BUILD},
};
const size_t dd_step_property_count = DD_COUNT(dd_step_properties);

typedef struct step_reader {
    dd_reader *reader;
    dd_step *step;
    size_t index;
    const dd_yaml_node *map;
    dd_problems *problems;
} step_reader;

const char *dd_step_kind_name(dd_step_kind kind)
{
    static const char *const names[] = {
        [DD_STEP_CMD] = "cmd",
        [DD_STEP_BUILD] = "build",
        [DD_STEP_PUSH] = "push",
    };

    return names[kind];
}

static void problem(const step_reader *r, const char *property, const char *hint, const char *format, ...)
    DD_PRINTF(4, 5);

/* An error at a property of the step; NULL: at the step itself. */
static void problem(const step_reader *r, const char *property, const char *hint, const char *format, ...)
{
    dd_auto_str path = dd_sprintf("steps[%zu]%s%s", r->index, property ? "." : "", property ? property : "");
    dd_auto_str message = NULL;
    va_list args;

    va_start(args, format);
    message = dd_vsprintf(format, args);
    va_end(args);
    dd_problem_error(r->problems, property ? dd_property_place(r->map, property) : r->map->place, path, hint,
                     "%s", message);
}

/* ---- The kind ---- */

static bool says_something(const dd_yaml_node *node)
{
    return dd_property_is_given(node) && node->length > 0;
}

/* An empty text or list is as good as none (acr-tasks.md, 2.2); what is of the wrong kind is none of these.
 */
static bool is_of_kind(const dd_yaml_node *node, dd_step_kind kind)
{
    if (!dd_property_is_given(node))
        return false;
    return node->length > 0 || node->kind == DD_YAML_MAP ||
           (node->kind == DD_YAML_LIST && kind != DD_STEP_PUSH);
}

static void take_command(const step_reader *r, const dd_yaml_node *node)
{
    if (node->kind != DD_YAML_SCALAR)
        problem(r, dd_step_kind_name(r->step->kind), NULL, "text is wanted here, not %s",
                dd_yaml_node_words(node));
    else if (strlen(node->text) != node->length)
        problem(r, dd_step_kind_name(r->step->kind), NULL, "this text holds a NUL byte");
    else
        r->step->command = dd_strdup(node->text);
}

/* From 1.1.0 on the first word of a cmd may be an alias without its directive. */
static void replace_first_word(const step_reader *r)
{
    const char *command = r->step->command, *word = command + strspn(command, " \t\r\n");
    size_t length = strcspn(word, " \t\r\n");
    const char *stands_for =
        r->reader->aliases_on ? dd_aliases_first_word(r->reader->aliases, word, length) : NULL;

    if (stands_for) {
        char *replaced = dd_sprintf("%s%s", stands_for, word + length);

        free(r->step->command);
        r->step->command = replaced;
    }
}

static void check_cmd(const step_reader *r)
{
    dd_auto(dd_strv) words = NULL;
    dd_auto(dd_error) error = NULL;

    replace_first_word(r);
    if (dd_words_split(r->step->command, &words, &error) < 0)
        problem(r, "cmd", error->hint, "%s", error->message);
}

static void check_build(const step_reader *r)
{
    dd_auto(dd_build_args) args = NULL;
    dd_auto(dd_error) error = NULL;

    if (dd_build_args_parse(r->step->command, &args, &error) < 0)
        problem(r, "build", error->hint, "%s", error->message);
    for (size_t i = 0; args && i < args->tags.count; i++)
        dd_strv_add(&r->step->images, args->tags.items[i]);
}

/* `:latest` as the reference adds it: where neither ':' nor '@' stands anywhere. */
static void add_image(const step_reader *r, const dd_yaml_node *node)
{
    dd_auto_str image = NULL;

    if (node->kind != DD_YAML_SCALAR || !says_something(node) || strlen(node->text) != node->length) {
        problem(r, "push", NULL, "an image is wanted here, not %s",
                says_something(node) ? dd_yaml_node_words(node) : "nothing");
        return;
    }
    image = dd_sprintf("%s%s", node->text, strpbrk(node->text, ":@") ? "" : ":latest");
    if (!dd_strv_contains(&r->step->images, image))
        dd_strv_add(&r->step->images, image);
}

static void take_images(const step_reader *r, const dd_yaml_node *node)
{
    if (node->kind == DD_YAML_MAP)
        problem(r, "push", NULL, "a list of images is wanted here, not a map");
    else if (node->kind == DD_YAML_SCALAR)
        add_image(r, node);
    for (size_t i = 0; node->kind == DD_YAML_LIST && i < node->length; i++) {
        if (i == DD_TASKFILE_MAX_ENTRIES) {
            problem(r, "push", NULL, "more than %d images", DD_TASKFILE_MAX_ENTRIES);
            break;
        }
        add_image(r, node->items[i]);
    }
}

/* Returns false when the step is of no kind or of several. */
static bool read_kind(const step_reader *r)
{
    static const dd_step_kind kinds[] = {DD_STEP_CMD, DD_STEP_BUILD, DD_STEP_PUSH};
    const dd_yaml_node *node = NULL;
    size_t given = 0;

    for (size_t i = 0; i < DD_COUNT(kinds); i++) {
        const dd_yaml_node *found = dd_yaml_get(r->map, dd_step_kind_name(kinds[i]));

        if (!is_of_kind(found, kinds[i]))
            continue;
        given++;
        node = found;
        r->step->kind = kinds[i];
    }
    if (given != 1) {
        problem(r, NULL, given ? "make it several steps" : NULL,
                given ? "a step is one of cmd, build and push, not several"
                      : "a step needs cmd, build or push");
        return false;
    }
    if (r->step->kind == DD_STEP_PUSH) {
        take_images(r, node);
        return true;
    }
    take_command(r, node);
    if (r->step->command)
        (r->step->kind == DD_STEP_CMD ? check_cmd : check_build)(r);
    return true;
}

/* ---- Checks ---- */

static bool is_space(uint32_t rune)
{
    return rune == ' ' || (rune >= 9 && rune <= 13) || rune == 0x85 || rune == 0xA0 || rune == 0x1680 ||
           (rune >= 0x2000 && rune <= 0x200A) || rune == 0x2028 || rune == 0x2029 || rune == 0x202F ||
           rune == 0x205F || rune == 0x3000;
}

bool dd_text_has_space(const char *text)
{
    for (size_t length = strlen(text), used; length; text += used, length -= used)
        if (is_space(dd_utf8_decode(text, length, &used)))
            return true;
    return false;
}

static void check_id(const step_reader *r)
{
    if (dd_text_has_space(r->step->id))
        problem(r, "id", NULL, "the id '%s' holds white space", r->step->id);
    else if (strcmp(r->step->id, ROOT_ID) == 0)
        problem(r, "id", NULL, "the id '%s' is reserved", ROOT_ID);
}

static void check_values(const step_reader *r)
{
    static const char *const caches[] = {"enabled", "disabled"};
    const char *cache = r->step->cache;

    if (r->step->retries < 0)
        problem(r, "retries", NULL, "retries must not be negative");
    if (r->step->repeat < 0)
        problem(r, "repeat", NULL, "repeat must not be negative");
    if (cache && *cache && strcasecmp(cache, caches[0]) != 0 && strcasecmp(cache, caches[1]) != 0)
        problem(r, "cache", dd_str_nearest(cache, caches, DD_COUNT(caches)),
                "cache is 'enabled' or 'disabled', not '%s'", cache);
}

static const char *find_volume(const dd_taskfile *taskfile, const char *name)
{
    for (size_t i = 0; i < taskfile->volume_count; i++)
        if (dd_str_eq(taskfile->volumes[i].name, name))
            return name;
    return NULL;
}

static const char *nearest_volume(const dd_taskfile *taskfile, const char *name)
{
    const char *names[64];
    size_t count = 0;

    for (size_t i = 0; i < taskfile->volume_count && count < DD_COUNT(names); i++)
        if (taskfile->volumes[i].name)
            names[count++] = taskfile->volumes[i].name;
    return dd_str_nearest(name, names, count);
}

static void check_mount(const step_reader *r, size_t which)
{
    const dd_mount *mount = &r->step->mounts[which];
    dd_auto_str hint = NULL;

    if (!mount->name || !*mount->name || !mount->path || !*mount->path) {
        problem(r, "volumeMounts", NULL, "a mount needs both name and mountPath");
        return;
    }
    if (!find_volume(r->reader->taskfile, mount->name)) {
        const char *nearest = nearest_volume(r->reader->taskfile, mount->name);

        hint = nearest ? dd_sprintf("did you mean %s?", nearest) : NULL;
        problem(r, "volumeMounts", hint, "no volume is named '%s'", mount->name);
    }
    for (size_t i = 0; i < which; i++)
        if (dd_str_eq(mount->path, r->step->mounts[i].path)) {
            problem(r, "volumeMounts", NULL, "two mounts have the path '%s'", mount->path);
            break;
        }
}

/* What is written on a step but does nothing there. */
static void check_kinds(const step_reader *r)
{
    for (size_t i = 0; i < r->map->length; i++) {
        const dd_yaml_entry *entry = &r->map->entries[i];

        for (size_t p = 0; p < dd_step_property_count; p++) {
            const dd_property *property = &dd_step_properties[p];

            if ((property->kinds & (1U << r->step->kind)) || strcmp(property->name, entry->key->text) != 0 ||
                !dd_property_is_given(entry->value))
                continue;
            dd_auto_str path = dd_sprintf("steps[%zu].%s", r->index, property->name);

            dd_problem_warning(r->problems, entry->key->place, path, NULL, "%s does nothing on a %s step",
                               property->name, dd_step_kind_name(r->step->kind));
        }
    }
}

static void check_mounts(const step_reader *r)
{
    const dd_yaml_node *written = dd_yaml_get(r->map, "volumeMounts");

    if (r->step->mount_count && r->step->kind == DD_STEP_PUSH)
        problem(r, "volumeMounts", NULL, "a push step mounts nothing");
    for (size_t i = 0; i < r->step->mount_count && i < DD_TASKFILE_MAX_ENTRIES; i++)
        if (written->items[i]->kind == DD_YAML_MAP) /* else it has been told already */
            check_mount(r, i);
    if (r->step->mount_count > DD_TASKFILE_MAX_ENTRIES)
        problem(r, "volumeMounts", NULL, "more than %d mounts", DD_TASKFILE_MAX_ENTRIES);
}

/* ---- Env ---- */

bool dd_env_has_name(const dd_strv *env, size_t count, const char *entry)
{
    size_t length = strcspn(entry, "=");

    for (size_t i = 0; i < count; i++)
        if (strcspn(env->items[i], "=") == length && memcmp(env->items[i], entry, length) == 0)
            return true;
    return false;
}

/* Steps are given copies of what the task has: a large task with many steps would take all memory. */
static bool may_copy(const step_reader *r, size_t bytes)
{
    bool before = r->reader->copied <= DD_TASKFILE_MAX_COPIED;

    r->reader->copied += bytes;
    if (r->reader->copied <= DD_TASKFILE_MAX_COPIED)
        return true;
    if (before)
        problem(r, NULL, NULL, "the task's env and defaults make more than %d MiB over all steps",
                DD_TASKFILE_MAX_COPIED / 1024 / 1024);
    return false;
}

static void add_defaults(const step_reader *r, dd_strv *env)
{
    const dd_strv *defaults = &r->reader->default_env;
    size_t own = env->count;

    for (size_t i = 0; i < defaults->count; i++) {
        if (dd_env_has_name(env, own, defaults->items[i]))
            continue;
        if (!may_copy(r, strlen(defaults->items[i]) + sizeof(char *)))
            return;
        dd_strv_add(env, defaults->items[i]);
    }
}

/* A name alone would be taken from the worker's environment: it is left out, unless there is something to
 * merge, where the reference refuses it. */
static void drop_bare_names(const step_reader *r, dd_strv *kept)
{
    dd_strv *env = &r->step->env;

    for (size_t i = 0; i < env->count; i++) {
        char *entry = dd_env_unquote(env->items[i]);

        if (strchr(entry, '=')) {
            dd_strv_take(kept, entry);
            continue;
        }
        dd_auto_str path = dd_sprintf("steps[%zu].env", r->index);

        dd_problem_warning(r->problems, dd_property_place(r->map, "env"), path, "write NAME=VALUE",
                           "'%s' has no value and is left out", entry);
        free(entry);
    }
}

static void merge_env(const step_reader *r)
{
    dd_auto_str path = dd_sprintf("steps[%zu].env", r->index);
    dd_strv env = {0};

    if (r->reader->default_env.count)
        dd_env_check(&r->step->env, dd_property_place(r->map, "env"), path, r->problems);
    if (r->step->env.count > DD_TASKFILE_MAX_ENTRIES)
        problem(r, "env", NULL, "more than %d entries", DD_TASKFILE_MAX_ENTRIES);
    else
        drop_bare_names(r, &env);
    add_defaults(r, &env);
    dd_strv_done(&r->step->env);
    r->step->env = env;
}

/* ---- Defaults ---- */

static const char *default_network(const dd_taskfile *taskfile)
{
    const char *ret = NULL;

    for (size_t i = 0; i < taskfile->network_count; i++)
        if (taskfile->networks[i].is_default)
            ret = taskfile->networks[i].name;
    return ret;
}

static void default_text(const step_reader *r, char **slot, const char *value)
{
    if ((*slot && **slot) || !may_copy(r, value ? strlen(value) : 0))
        return;
    free(*slot);
    *slot = dd_strdup(value);
}

static void fill_defaults(const step_reader *r)
{
    const dd_taskfile *taskfile = r->reader->taskfile;
    dd_step *step = r->step;

    if (!step->id || !*step->id) {
        free(step->id);
        step->id = dd_sprintf("acb_step_%zu", r->index);
    }
    default_text(r, &step->working_directory, taskfile->working_directory);
    if (step->kind != DD_STEP_PUSH)
        default_text(r, &step->network, default_network(taskfile));
    if (step->timeout_s <= 0)
        step->timeout_s = taskfile->step_timeout_s;
    if (step->start_delay_s < 0)
        step->start_delay_s = 0;
    if (step->retry_delay_s <= 0)
        step->retry_delay_s = DD_TASKFILE_DEFAULT_DELAY_S;
    if (step->download_retries < 0)
        step->download_retries = 0;
    if (step->download_retry_delay_s < 0)
        step->download_retry_delay_s = 0;
}

void dd_step_read(dd_reader *reader, size_t index, const dd_yaml_node *map)
{
    step_reader r = {
        .reader = reader,
        .step = &reader->taskfile->steps[index],
        .index = index,
        .map = map,
        .problems = reader->problems,
    };
    dd_auto_str path = dd_sprintf("steps[%zu]", index);

    r.step->place = map->place;
    if (map->kind != DD_YAML_MAP) {
        dd_problem_error(reader->problems, map->place, path, NULL, "a step is a map, not %s",
                         dd_property_is_given(map) ? dd_yaml_node_words(map) : "nothing");
        r.step->id = dd_sprintf("acb_step_%zu", index);
        return;
    }
    dd_properties_read(map, dd_step_properties, dd_step_property_count, path, r.step, reader->problems);
    if (read_kind(&r))
        check_kinds(&r);
    fill_defaults(&r);
    check_id(&r);
    check_values(&r);
    check_mounts(&r);
    merge_env(&r);
}
