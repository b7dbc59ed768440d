/* The task file: its properties, defaults and checks (acr-tasks.md, sections 2 and 9). */
#include "runner/lang/taskfile_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const char *dd_step_kind_name(dd_step_kind kind)
{
    static const char *const names[] = {
        [DD_STEP_CMD] = "cmd", [DD_STEP_BUILD] = "build", [DD_STEP_PUSH] = "push"};
    return names[kind];
}

/* ---- The tables ---- */

static const dd_property task_properties[] = {
    {"version", DD_PROPERTY_TEXT, offsetof(dd_taskfile, version), 0},
    {"stepTimeout", DD_PROPERTY_INT, offsetof(dd_taskfile, step_timeout_s), 0},
    {"workingDirectory", DD_PROPERTY_TEXT, offsetof(dd_taskfile, working_directory), 0},
    {"env", DD_PROPERTY_TEXTS, offsetof(dd_taskfile, env), 0},
    {"secrets", DD_PROPERTY_SECRETS, offsetof(dd_taskfile, secrets), offsetof(dd_taskfile, secret_count)},
    {"networks", DD_PROPERTY_NETWORKS, offsetof(dd_taskfile, networks), offsetof(dd_taskfile, network_count)},
    {"volumes", DD_PROPERTY_VOLUMES, offsetof(dd_taskfile, volumes), offsetof(dd_taskfile, volume_count)},
    {"steps", DD_PROPERTY_STEPS, 0, 0},
    {"alias", DD_PROPERTY_IGNORED, 0, 0},
};

/* `cmd`, `build` and `push` say which kind a step is, and are read with it. */
static const dd_property step_properties[] = {
    {"id", DD_PROPERTY_TEXT, offsetof(dd_step, id), 0},
    {"cmd", DD_PROPERTY_IGNORED, 0, 0},
    {"build", DD_PROPERTY_IGNORED, 0, 0},
    {"push", DD_PROPERTY_IGNORED, 0, 0},
    {"when", DD_PROPERTY_TEXTS, offsetof(dd_step, when), 0},
    {"workingDirectory", DD_PROPERTY_TEXT, offsetof(dd_step, working_directory), 0},
    {"entryPoint", DD_PROPERTY_TEXT, offsetof(dd_step, entry_point), 0},
    {"user", DD_PROPERTY_TEXT, offsetof(dd_step, user), 0},
    {"network", DD_PROPERTY_TEXT, offsetof(dd_step, network), 0},
    {"isolation", DD_PROPERTY_TEXT, offsetof(dd_step, isolation), 0},
    {"cpus", DD_PROPERTY_TEXT, offsetof(dd_step, cpus), 0},
    {"cache", DD_PROPERTY_TEXT, offsetof(dd_step, cache), 0},
    {"env", DD_PROPERTY_TEXTS, offsetof(dd_step, env), 0},
    {"expose", DD_PROPERTY_TEXTS, offsetof(dd_step, expose), 0},
    {"ports", DD_PROPERTY_TEXTS, offsetof(dd_step, ports), 0},
    {"volumeMounts", DD_PROPERTY_MOUNTS, offsetof(dd_step, mounts), offsetof(dd_step, mount_count)},
    {"timeout", DD_PROPERTY_INT, offsetof(dd_step, timeout_s), 0},
    {"startDelay", DD_PROPERTY_INT, offsetof(dd_step, start_delay_s), 0},
    {"retries", DD_PROPERTY_INT, offsetof(dd_step, retries), 0},
    {"retryDelay", DD_PROPERTY_INT, offsetof(dd_step, retry_delay_s), 0},
    {"retryOnErrors", DD_PROPERTY_TEXTS, offsetof(dd_step, retry_on_errors), 0},
    {"repeat", DD_PROPERTY_INT, offsetof(dd_step, repeat), 0},
    {"downloadRetries", DD_PROPERTY_INT, offsetof(dd_step, download_retries), 0},
    {"cmdDownloadRetries", DD_PROPERTY_INT, offsetof(dd_step, download_retries), 0},
    {"downloadRetryDelay", DD_PROPERTY_INT, offsetof(dd_step, download_retry_delay_s), 0},
    {"cmdDownloadRetryDelay", DD_PROPERTY_INT, offsetof(dd_step, download_retry_delay_s), 0},
    {"exitedWith", DD_PROPERTY_INTS, offsetof(dd_step, exited_with), offsetof(dd_step, exited_with_count)},
    {"exitedWithout", DD_PROPERTY_INTS, offsetof(dd_step, exited_without),
     offsetof(dd_step, exited_without_count)},
    {"keep", DD_PROPERTY_BOOL, offsetof(dd_step, keep), 0},
    {"detach", DD_PROPERTY_BOOL, offsetof(dd_step, detach), 0},
    {"privileged", DD_PROPERTY_BOOL, offsetof(dd_step, privileged), 0},
    {"pull", DD_PROPERTY_BOOL, offsetof(dd_step, pull), 0},
    {"ignoreErrors", DD_PROPERTY_BOOL, offsetof(dd_step, ignore_errors), 0},
    {"disableWorkingDirectoryOverride", DD_PROPERTY_BOOL,
     offsetof(dd_step, disable_working_directory_override), 0},
    {"dockerSocket", DD_PROPERTY_BOOL, offsetof(dd_step, docker_socket), 0},
};

/* ---- One step ---- */

static bool is_given(const dd_yaml_node *node)
{
    if (!node)
        return false;
    if (node->kind == DD_YAML_SCALAR)
        return node->length > 0 && dd_yaml_scalar_type(node) != DD_YAML_NULL;
    return node->length > 0;
}

/* As `:latest` is added in the reference: no ':' and no '@' anywhere. */
static void add_image(dd_step *step, const char *image)
{
    dd_auto_str whole = strpbrk(image, ":@") ? dd_strdup(image) : dd_sprintf("%s:latest", image);
    if (!dd_strv_contains(&step->images, whole))
        dd_strv_add(&step->images, whole);
}

static void read_push(dd_step *step, const dd_yaml_node *node, const char *path, dd_problems *problems)
{
    if (node->kind == DD_YAML_SCALAR) {
        add_image(step, node->text);
        return;
    }
    if (node->kind != DD_YAML_LIST) {
        dd_problem_error(problems, node->place, path, NULL, "a list of images is wanted, not %s",
                         dd_yaml_node_words(node));
        return;
    }
    for (size_t i = 0; i < node->length; i++) {
        dd_auto_str at = dd_sprintf("%s[%zu]", path, i);
        if (node->items[i]->kind == DD_YAML_SCALAR && node->items[i]->length)
            add_image(step, node->items[i]->text);
        else
            dd_problem_error(problems, node->items[i]->place, at, NULL, "an image's name is wanted, not %s",
                             dd_yaml_node_words(node->items[i]));
    }
}

/* What a build tags, for the report; what is wrong with its words is an error of the file. */
static void read_build(dd_step *step, const dd_yaml_node *node, const char *path, dd_problems *problems)
{
    dd_auto(dd_build_args) args = NULL;
    dd_auto(dd_error) error = NULL;
    if (dd_build_args_parse(step->command, &args, &error) < 0) {
        dd_problem_error(problems, node->place, path, error->hint, "%s", error->message);
        return;
    }
    for (size_t i = 0; i < args->tags.count; i++)
        dd_strv_add(&step->images, args->tags.items[i]);
}

static void read_cmd(const dd_step *step, const dd_yaml_node *node, const char *path, dd_problems *problems)
{
    dd_auto(dd_strv) words = NULL;
    dd_auto(dd_error) error = NULL;
    if (dd_words_split(step->command, &words, &error) < 0)
        dd_problem_error(problems, node->place, path, error->hint, "%s", error->message);
}

static void read_kind(dd_step *step, const dd_yaml_node *map, const char *path, dd_problems *problems)
{
    static const dd_step_kind kinds[] = {DD_STEP_CMD, DD_STEP_BUILD, DD_STEP_PUSH};
    const dd_yaml_node *node = NULL;
    size_t given = 0;
    for (size_t i = 0; i < DD_COUNT(kinds); i++) {
        const dd_yaml_node *found = dd_yaml_get(map, dd_step_kind_name(kinds[i]));
        if (!is_given(found))
            continue;
        given++;
        node = found;
        step->kind = kinds[i];
    }
    if (given != 1) {
        dd_problem_error(problems, map->place, path, NULL,
                         given ? "a step is one of cmd, build and push, not several"
                               : "a step needs cmd, build or push");
        return;
    }
    dd_auto_str at = dd_sprintf("%s.%s", path, dd_step_kind_name(step->kind));
    if (step->kind == DD_STEP_PUSH) {
        read_push(step, node, at, problems);
    } else if (node->kind != DD_YAML_SCALAR) {
        dd_problem_error(problems, node->place, at, NULL, "a text is wanted, not %s",
                         dd_yaml_node_words(node));
    } else {
        step->command = dd_strdup(node->text);
        if (step->kind == DD_STEP_BUILD)
            read_build(step, node, at, problems);
        else
            read_cmd(step, node, at, problems);
    }
}

static bool has_space(const char *text)
{
    for (; *text; text++)
        if (isspace((unsigned char)*text))
            return true;
    return false;
}

static void check_id(const dd_step *step, const char *path, dd_problems *problems)
{
    dd_auto_str at = dd_sprintf("%s.id", path);
    if (has_space(step->id))
        dd_problem_error(problems, step->place, at, NULL, "an id has no white space: '%s'", step->id);
    else if (strcmp(step->id, "acb_root") == 0)
        dd_problem_error(problems, step->place, at, NULL, "'acb_root' is reserved");
}

static void check_numbers(const dd_step *step, const char *path, dd_problems *problems)
{
    dd_auto_str retries = dd_sprintf("%s.retries", path);
    dd_auto_str repeat = dd_sprintf("%s.repeat", path);
    if (step->retries < 0)
        dd_problem_error(problems, step->place, retries, NULL, "below 0");
    if (step->repeat < 0)
        dd_problem_error(problems, step->place, repeat, NULL, "below 0");
}

static void check_cache(const dd_step *step, const char *path, dd_problems *problems)
{
    dd_auto_str at = dd_sprintf("%s.cache", path);
    if (step->cache && strcasecmp(step->cache, "enabled") != 0 && strcasecmp(step->cache, "disabled") != 0)
        dd_problem_error(problems, step->place, at, NULL, "'%s' is neither enabled nor disabled",
                         step->cache);
}

static bool volume_exists(const dd_taskfile *taskfile, const char *name)
{
    for (size_t i = 0; i < taskfile->volume_count; i++)
        if (dd_str_eq(taskfile->volumes[i].name, name))
            return true;
    return false;
}

static void check_mounts(const dd_taskfile *taskfile, const dd_step *step, const char *path,
                         dd_problems *problems)
{
    for (size_t i = 0; i < step->mount_count; i++) {
        const dd_mount *mount = &step->mounts[i];
        dd_auto_str at = dd_sprintf("%s.volumeMounts[%zu]", path, i);
        if (step->kind == DD_STEP_PUSH)
            dd_problem_error(problems, step->place, at, NULL, "a push mounts nothing");
        else if (!mount->name || !*mount->name || !mount->path || !*mount->path)
            dd_problem_error(problems, step->place, at, NULL, "a mount needs name and mountPath");
        else if (!volume_exists(taskfile, mount->name))
            dd_problem_error(problems, step->place, at, NULL, "no volume is named '%s'", mount->name);
        for (size_t j = 0; j < i; j++)
            if (mount->path && dd_str_eq(mount->path, step->mounts[j].path))
                dd_problem_error(problems, step->place, at, NULL, "two mounts at '%s'", mount->path);
    }
}

/* One level of quotes around an env entry's value, or around the whole of it, goes (acr-tasks.md, 9.6). */
static char *unquote_env(const char *entry)
{
    size_t length = strlen(entry);
    if (length >= 2 && (entry[0] == '\'' || entry[0] == '"') && entry[length - 1] == entry[0])
        return dd_strndup(entry + 1, length - 2);
    const char *equals = strchr(entry, '=');
    const char *value = equals ? equals + 1 : "";
    size_t rest = strlen(value);
    if (rest >= 2 && (*value == '\'' || *value == '"') && value[rest - 1] == *value)
        return dd_sprintf("%.*s%.*s", (int)(value - entry), entry, (int)(rest - 2), value + 1);
    return dd_strdup(entry);
}

static size_t name_length(const char *entry)
{
    return strcspn(entry, "=");
}

static bool has_name(const dd_strv *env, const char *entry)
{
    size_t length = name_length(entry);
    for (size_t i = 0; i < env->count; i++)
        if (name_length(env->items[i]) == length && strncmp(env->items[i], entry, length) == 0)
            return true;
    return false;
}

/* Add to a step's env what it has not; the ranks are step, task, command line. */
static void merge_env(dd_step *step, const dd_strv *from)
{
    for (size_t i = 0; i < from->count; i++) {
        dd_auto_str entry = unquote_env(from->items[i]);
        if (strchr(entry, '=') && !has_name(&step->env, entry))
            dd_strv_add(&step->env, entry);
    }
}

static void check_env(const dd_strv *env, dd_place place, const char *path, dd_problems *problems)
{
    for (size_t i = 0; i < env->count; i++) {
        dd_auto_str entry = unquote_env(env->items[i]);
        dd_auto_str at = dd_sprintf("%s[%zu]", path, i);
        if (!strchr(entry, '=') || *entry == '=')
            dd_problem_error(problems, place, at, NULL, "'%s' is not NAME=VALUE", entry);
    }
}

static void unquote_all(dd_strv *env)
{
    for (size_t i = 0; i < env->count; i++) {
        char *entry = unquote_env(env->items[i]);
        free(env->items[i]);
        env->items[i] = entry;
    }
}

static const char *default_network(const dd_taskfile *taskfile, const dd_taskfile_options *options)
{
    const char *found = taskfile->network_count == 0 ? DD_TASKFILE_DEFAULT_NETWORK : NULL;
    for (size_t i = 0; i < taskfile->network_count; i++)
        if (taskfile->networks[i].is_default)
            found = taskfile->networks[i].name;
    return options && options->network && *options->network ? options->network : found;
}

static void fill_defaults(dd_taskfile *taskfile, dd_step *step, size_t index,
                          const dd_taskfile_options *options)
{
    if (!step->id || !*step->id) {
        free(step->id);
        step->id = dd_sprintf("acb_step_%zu", index);
    }
    if (step->timeout_s <= 0)
        step->timeout_s = taskfile->step_timeout_s;
    if (step->start_delay_s < 0)
        step->start_delay_s = 0;
    if (step->retry_delay_s <= 0)
        step->retry_delay_s = DD_TASKFILE_DEFAULT_DELAY_S;
    if (!step->working_directory && taskfile->working_directory)
        step->working_directory = dd_strdup(taskfile->working_directory);
    if (!step->network && step->kind != DD_STEP_PUSH)
        step->network = dd_strdup(default_network(taskfile, options));
    unquote_all(&step->env);
    merge_env(step, &taskfile->env);
    if (options)
        merge_env(step, &options->env);
}

static void read_step(dd_taskfile *taskfile, size_t index, const dd_yaml_node *node,
                      const dd_taskfile_options *options, dd_problems *problems)
{
    dd_step *step = &taskfile->steps[index];
    dd_auto_str path = dd_sprintf("steps[%zu]", index);
    dd_auto_str env_path = dd_sprintf("%s.env", path);
    step->place = node->place;
    if (node->kind != DD_YAML_MAP) {
        dd_problem_error(problems, node->place, path, NULL, "a step is a map, not %s",
                         dd_yaml_node_words(node));
    } else {
        dd_properties_read(node, step_properties, DD_COUNT(step_properties), path, step, problems);
        read_kind(step, node, path, problems);
        check_env(&step->env, step->place, env_path, problems);
    }
    fill_defaults(taskfile, step, index, options);
    check_id(step, path, problems);
    check_numbers(step, path, problems);
    check_cache(step, path, problems);
    check_mounts(taskfile, step, path, problems);
}

/* ---- The task ---- */

static void read_steps(dd_taskfile *taskfile, const dd_yaml_node *node, const dd_taskfile_options *options,
                       dd_problems *problems)
{
    if (!is_given(node))
        return;
    if (node->kind != DD_YAML_LIST) {
        dd_problem_error(problems, node->place, "steps", "write each step as `- cmd: …`",
                         "a list is wanted, not %s", dd_yaml_node_words(node));
        return;
    }
    taskfile->steps = dd_calloc(node->length + 1, sizeof(*taskfile->steps));
    taskfile->step_count = node->length;
    for (size_t i = 0; i < node->length; i++)
        read_step(taskfile, i, node->items[i], options, problems);
    /* Where `when` stands, for the errors about it. */
    for (size_t i = 0; i < node->length; i++) {
        const dd_yaml_node *when = dd_yaml_get(node->items[i], "when");
        if (when)
            taskfile->steps[i].place = when->place;
    }
    dd_graph_resolve(taskfile, problems);
    for (size_t i = 0; i < node->length; i++)
        taskfile->steps[i].place = node->items[i]->place;
}

/* With and without `v`, in any case (acr-tasks.md, 9.1). */
static void check_version(dd_taskfile *taskfile, const dd_yaml_node *node, dd_problems *problems)
{
    static const char *const known[] = {"1.0-preview-1", "1.0.0", "1.1.0"};
    if (!taskfile->version) {
        taskfile->version = dd_strdup("v1.0.0");
        return;
    }
    const char *number = taskfile->version;
    number += *number == 'v' || *number == 'V';
    for (size_t i = 0; i < DD_COUNT(known); i++)
        if (strcasecmp(number, known[i]) == 0)
            return;
    dd_problem_error(problems, node ? node->place : (dd_place){0}, "version", "v1.0.0 and v1.1.0 are known",
                     "unknown version '%s'", taskfile->version);
}

static bool is_made_of(const char *text, const char *letters)
{
    return text && *text && strspn(text, letters) == strlen(text);
}
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static void check_volumes(const dd_taskfile *taskfile, const dd_yaml_node *node, dd_problems *problems)
{
    for (size_t i = 0; i < taskfile->volume_count; i++) {
        const dd_volume *volume = &taskfile->volumes[i];
        dd_auto_str path = dd_sprintf("volumes[%zu]", i);
        dd_place place = node->items[i]->place;
        if (!is_made_of(volume->name, LETTERS "_-"))
            dd_problem_error(problems, place, path, NULL,
                             "a volume's name is made of letters, digits, '_' and '-'");
        if (volume->file_count == 0)
            dd_problem_error(problems, place, path, NULL,
                             "a volume needs a map `secret` with at least one file");
        for (size_t j = 0; j < volume->file_count; j++)
            if (!is_made_of(volume->files[j].name, LETTERS "._-") || !volume->files[j].path)
                dd_problem_error(
                    problems, place, path, NULL,
                    "a file's name is made of letters, digits, '.', '_' and '-', and has a base64 text");
        for (size_t j = 0; j < i; j++)
            if (dd_str_eq(volume->name, taskfile->volumes[j].name))
                dd_problem_error(problems, place, path, NULL, "two volumes are named '%s'", volume->name);
    }
}

static void check_secrets(const dd_taskfile *taskfile, const dd_yaml_node *node, dd_problems *problems)
{
    for (size_t i = 0; i < taskfile->secret_count; i++) {
        const dd_secret_ref *secret = &taskfile->secrets[i];
        dd_auto_str path = dd_sprintf("secrets[%zu]", i);
        dd_place place = node->items[i]->place;
        if (!secret->id || !*secret->id || has_space(secret->id))
            dd_problem_error(problems, place, path, NULL, "a secret needs an id without white space");
        if (!secret->keyvault || !*secret->keyvault)
            dd_problem_error(problems, place, path, NULL, "a secret needs a keyvault");
        for (size_t j = 0; j < i; j++)
            if (secret->id && dd_str_eq(secret->id, taskfile->secrets[j].id))
                dd_problem_error(problems, place, path, NULL, "two secrets have the id '%s'", secret->id);
    }
}

static void check_networks(const dd_taskfile *taskfile, const dd_yaml_node *node, dd_problems *problems)
{
    for (size_t i = 0; i < taskfile->network_count; i++) {
        dd_auto_str path = dd_sprintf("networks[%zu].name", i);
        if (!taskfile->networks[i].name || !*taskfile->networks[i].name)
            dd_problem_error(problems, node->items[i]->place, path, NULL, "a network needs a name");
    }
}

/* The reference splits each entry of the task's env at commas too. */
static void split_env(dd_strv *env)
{
    dd_strv pieces = {0};
    for (size_t i = 0; i < env->count; i++) {
        char *save = NULL;
        for (char *piece = strtok_r(env->items[i], ",", &save); piece; piece = strtok_r(NULL, ",", &save))
            dd_strv_add(&pieces, piece);
    }
    dd_strv_done(env);
    *env = pieces;
}

static void read_task(dd_taskfile *taskfile, const dd_yaml_node *root, const dd_taskfile_options *options,
                      dd_problems *problems)
{
    const dd_yaml_node *env = dd_yaml_get(root, "env"), *alias = dd_yaml_get(root, "alias");
    dd_properties_read(root, task_properties, DD_COUNT(task_properties), "", taskfile, problems);
    if (alias && !taskfile->version)
        dd_problem_warning(problems, alias->place, "alias", "add `version: v1.1.0`",
                           "aliases are off in a file without a version");
    check_version(taskfile, dd_yaml_get(root, "version"), problems);
    if (taskfile->step_timeout_s <= 0)
        taskfile->step_timeout_s = DD_TASKFILE_DEFAULT_TIMEOUT_S;
    if (!taskfile->working_directory && options)
        taskfile->working_directory = dd_strdup(options->working_directory);
    split_env(&taskfile->env);
    check_env(&taskfile->env, env ? env->place : root->place, "env", problems);
    check_networks(taskfile, dd_yaml_get(root, "networks"), problems);
    check_volumes(taskfile, dd_yaml_get(root, "volumes"), problems);
    check_secrets(taskfile, dd_yaml_get(root, "secrets"), problems);
    read_steps(taskfile, dd_yaml_get(root, "steps"), options, problems);
}

static void fill_networks(dd_taskfile *taskfile, const dd_taskfile_options *options)
{
    const char *given = options ? options->network : NULL;
    if (taskfile->network_count > 0 && !given)
        return;
    taskfile->networks =
        dd_reallocarray(taskfile->networks, taskfile->network_count + 1, sizeof(*taskfile->networks));
    taskfile->networks[taskfile->network_count++] =
        (dd_network){.name = dd_strdup(given ? given : DD_TASKFILE_DEFAULT_NETWORK),
                     .driver = given ? NULL : dd_strdup("bridge"),
                     .skip_creation = given != NULL,
                     .is_default = true};
}

static void take_warnings(dd_yaml *yaml, dd_problems *problems)
{
    for (size_t i = 0; i < yaml->warning_count; i++)
        dd_problem_warning(problems, yaml->warnings[i]->place, NULL, NULL, "%s", yaml->warnings[i]->message);
}

int dd_taskfile_parse(const char *text, size_t length, const dd_taskfile_options *options, dd_taskfile **ret,
                      dd_problems **ret_problems)
{
    dd_problems *problems = *ret_problems = dd_new(dd_problems);
    dd_auto(dd_taskfile) taskfile = dd_new(dd_taskfile);
    dd_auto(dd_yaml) yaml = NULL;
    dd_auto(dd_error) error = NULL;
    static const dd_yaml_node nothing = {.kind = DD_YAML_MAP, .place = {1, 1}};
    if (dd_yaml_parse(text, length, &yaml, &error) < 0) {
        dd_problem_error(problems, error->place, NULL, NULL, "%s", error->message);
        return -1;
    }
    take_warnings(yaml, problems);
    if (yaml->root && yaml->root->kind != DD_YAML_MAP) {
        dd_problem_error(problems, yaml->root->place, NULL, NULL, "a task file is a map with `steps`, not %s",
                         dd_yaml_node_words(yaml->root));
        return -1;
    }
    read_task(taskfile, yaml->root ? yaml->root : &nothing, options, problems);
    fill_networks(taskfile, options);
    if (problems->error_count)
        return -1;
    *ret = dd_take(taskfile);
    return 0;
}

/* ---- The end ---- */

static void step_done(dd_step *step)
{
    char *texts[] = {step->id,          step->command, step->working_directory,
                     step->entry_point, step->user,    step->network,
                     step->isolation,   step->cpus,    step->cache};
    for (size_t i = 0; i < DD_COUNT(texts); i++)
        free(texts[i]);
    dd_strv_done(&step->images);
    dd_strv_done(&step->when);
    dd_strv_done(&step->env);
    dd_strv_done(&step->expose);
    dd_strv_done(&step->ports);
    dd_strv_done(&step->retry_on_errors);
    for (size_t i = 0; i < step->mount_count; i++) {
        free(step->mounts[i].name);
        free(step->mounts[i].path);
    }
    free(step->mounts);
    free(step->needs);
    free(step->exited_with);
    free(step->exited_without);
}

static void volume_done(dd_volume *volume)
{
    for (size_t i = 0; i < volume->file_count; i++) {
        free(volume->files[i].name);
        free(volume->files[i].path);
    }
    free(volume->files);
    free(volume->name);
}

void dd_taskfile_free(dd_taskfile *taskfile)
{
    if (!taskfile)
        return;
    for (size_t i = 0; i < taskfile->step_count; i++)
        step_done(&taskfile->steps[i]);
    for (size_t i = 0; i < taskfile->network_count; i++) {
        free(taskfile->networks[i].name);
        free(taskfile->networks[i].driver);
    }
    for (size_t i = 0; i < taskfile->volume_count; i++)
        volume_done(&taskfile->volumes[i]);
    for (size_t i = 0; i < taskfile->secret_count; i++) {
        free(taskfile->secrets[i].id);
        free(taskfile->secrets[i].keyvault);
        free(taskfile->secrets[i].client_id);
    }
    dd_strv_done(&taskfile->env);
    free(taskfile->steps);
    free(taskfile->networks);
    free(taskfile->volumes);
    free(taskfile->secrets);
    free(taskfile->stage_of);
    free(taskfile->version);
    free(taskfile->working_directory);
    free(taskfile);
}
