/* The task file: its own properties, and the way through its parts (acr-tasks.md, sections 2 and 9). */
#include "runner/lang/render.h"
#include "runner/lang/taskfile_private.h"
#include "runner/lang/version.h"
#include <stdlib.h>
#include <string.h>

#define AT(MEMBER) offsetof(dd_taskfile, MEMBER)
#define NOWHERE    0

#define SHOWN_BYTES 120

const dd_property dd_task_properties[] = {
    {"version", AT(version), NOWHERE, DD_PROPERTY_TEXT, 0},
    {"stepTimeout", AT(step_timeout_s), NOWHERE, DD_PROPERTY_INT, 0},
    {"workingDirectory", AT(working_directory), NOWHERE, DD_PROPERTY_TEXT, 0},
    {"env", AT(env), NOWHERE, DD_PROPERTY_TEXTS, 0},
    {"secrets", AT(secrets), AT(secret_count), DD_PROPERTY_SECRETS, 0},
    {"networks", AT(networks), AT(network_count), DD_PROPERTY_NETWORKS, 0},
    {"volumes", AT(volumes), AT(volume_count), DD_PROPERTY_VOLUMES, 0},
    {"steps", NOWHERE, NOWHERE, DD_PROPERTY_ELSEWHERE, 0},
    {"alias", NOWHERE, NOWHERE, DD_PROPERTY_ELSEWHERE, 0},
};
const size_t dd_task_property_count = DD_COUNT(dd_task_properties);

/* ---- The task's own ---- */

static void read_version(dd_reader *reader)
{
    static const char *const known[] = {"v1.0.0", "v1.1.0", "1.0.0", "1.1.0", "1.0-preview-1"};
    const dd_yaml_node *alias = dd_yaml_get(reader->root, "alias");
    dd_taskfile *taskfile = reader->taskfile;

    if (!taskfile->version || !*taskfile->version) {
        free(taskfile->version);
        taskfile->version = dd_strdup(DD_TASKFILE_DEFAULT_VERSION);
    } else if (!dd_version_parse(taskfile->version, &reader->aliases_on)) {
        const char *nearest = dd_str_nearest(taskfile->version, known, DD_COUNT(known));
        dd_auto_str hint = dd_sprintf("%s%s", nearest ? "did you mean " : "there are ",
                                      nearest ? nearest : "v1.0.0 and v1.1.0");

        dd_problem_error(reader->problems, dd_property_place(reader->root, "version"), "version", hint,
                         "there is no version '%s'", taskfile->version);
    }
    if (alias && !reader->aliases_on)
        dd_problem_warning(reader->problems, alias->place, "alias", "write version: v1.1.0",
                           "aliases are off before version v1.1.0");
}

/* The reference splits each entry at commas too; here those inside a quoted value stay. */
static void split_env(dd_strv *env)
{
    dd_strv pieces = {0};

    for (size_t i = 0; i < env->count; i++) {
        const char *at = env->items[i];

        for (;;) {
            size_t length = strcspn(at, ",");
            const char *equals = memchr(at, '=', length);
            const char *open = equals && (equals[1] == '\'' || equals[1] == '"') ? equals + 1 : NULL;
            const char *close = open ? strchr(open + 1, *open) : NULL;
            dd_auto_str piece = NULL;

            if (close && (close[1] == ',' || !close[1]))
                length = (size_t)(close - at) + 1;
            piece = dd_strndup(at, length);
            dd_strv_take(&pieces, dd_env_unquote(piece));
            if (!at[length])
                break;
            at += length + 1;
        }
    }
    dd_strv_done(env);
    *env = pieces;
}

static void add_network(dd_taskfile *taskfile, const char *name, const char *driver, bool skip_creation)
{
    taskfile->networks =
        dd_reallocarray(taskfile->networks, taskfile->network_count + 1, sizeof(*taskfile->networks));
    taskfile->networks[taskfile->network_count++] = (dd_network){
        .name = dd_strdup(name),
        .driver = dd_strdup(driver),
        .skip_creation = skip_creation,
        .is_default = true,
    };
}

/* After the checks, which look at what was written. */
static void fill_networks(const dd_reader *reader)
{
    const char *given = reader->options ? reader->options->network : NULL;

    if (given && *given)
        add_network(reader->taskfile, given, DD_TASKFILE_GIVEN_DRIVER, true);
    else if (reader->taskfile->network_count == 0)
        add_network(reader->taskfile, DD_TASKFILE_DEFAULT_NETWORK, DD_TASKFILE_DEFAULT_DRIVER, false);
}

static void default_directory(const dd_reader *reader)
{
    char **directory = &reader->taskfile->working_directory;
    const char *given = reader->options ? reader->options->working_directory : NULL;

    if (!given || (*directory && **directory))
        return;
    free(*directory);
    *directory = dd_strdup(given);
}

/* Names that a higher rank has are left out; of those twice in one rank both stay, and the engine takes the
 * last. */
static void add_default_env(dd_reader *reader, const dd_strv *more)
{
    dd_strv *env = &reader->default_env;
    size_t higher = env->count;

    for (size_t i = 0; i < more->count; i++)
        if (!dd_env_has_name(env, higher, more->items[i]))
            dd_strv_add(env, more->items[i]);
}

static void add_given_env(dd_reader *reader)
{
    dd_strv given = {0};

    for (size_t i = 0; reader->options && i < reader->options->env.count; i++)
        dd_strv_add(&given, reader->options->env.items[i]);
    split_env(&given);
    dd_env_check(&given, (dd_place){0, 0}, "--env", reader->problems);
    add_default_env(reader, &given);
    dd_strv_done(&given);
}

static void read_task(dd_reader *reader)
{
    dd_taskfile *taskfile = reader->taskfile;

    dd_properties_read(reader->root, dd_task_properties, dd_task_property_count, "", taskfile,
                       reader->problems);
    read_version(reader);
    if (taskfile->step_timeout_s <= 0)
        taskfile->step_timeout_s = DD_TASKFILE_DEFAULT_TIMEOUT_S;
    default_directory(reader);
    split_env(&taskfile->env);
    if (taskfile->env.count > DD_TASKFILE_MAX_ENTRIES) {
        dd_problem_error(reader->problems, dd_property_place(reader->root, "env"), "env", NULL,
                         "more than %d entries", DD_TASKFILE_MAX_ENTRIES);
        dd_strv_done(&taskfile->env); /* or each step would be given them */
    }
    dd_env_check(&taskfile->env, dd_property_place(reader->root, "env"), "env", reader->problems);
    add_default_env(reader, &taskfile->env);
    add_given_env(reader);
    dd_taskfile_check(reader);
    fill_networks(reader);
}

static void read_steps(dd_reader *reader)
{
    const dd_yaml_node *steps = dd_yaml_get(reader->root, "steps");
    dd_taskfile *taskfile = reader->taskfile;

    if (!dd_property_is_given(steps))
        return;
    if (steps->kind != DD_YAML_LIST) {
        dd_problem_error(reader->problems, steps->place, "steps",
                         "write each step as a list's entry: - cmd: …", "steps is a list, not %s",
                         dd_yaml_node_words(steps));
        return;
    }
    taskfile->steps = dd_calloc(steps->length + 1, sizeof(*taskfile->steps));
    taskfile->step_count = steps->length;
    for (size_t i = 0; i < steps->length; i++)
        dd_step_read(reader, i, steps->items[i]);
    dd_graph_resolve(reader, steps);
}

/* ---- The file ---- */

static void take_warnings(const dd_yaml *yaml, dd_problems *problems)
{
    for (size_t i = 0; i < yaml->warning_count; i++)
        dd_problem_warning(problems, yaml->warnings[i]->place, yaml->warnings[i]->path,
                           yaml->warnings[i]->hint, "%s", yaml->warnings[i]->message);
}

static void read_file(dd_reader *reader, const char *text, size_t length)
{
    static const dd_yaml_node nothing = {.kind = DD_YAML_MAP, .place = {1, 1}};
    dd_auto(dd_yaml) yaml = NULL;
    dd_auto(dd_error) error = NULL;

    if ((reader->limits ? dd_yaml_parse_within(text, length, reader->limits, &yaml, &error)
                        : dd_yaml_parse(text, length, &yaml, &error)) < 0) {
        dd_problem_error(reader->problems, error->place, error->path, error->hint, "%s", error->message);
        reader->unreadable = true;
        return;
    }
    take_warnings(yaml, reader->problems);
    reader->root = dd_property_is_given(yaml->root) ? yaml->root : &nothing;
    if (reader->root->kind != DD_YAML_MAP) {
        dd_problem_error(reader->problems, reader->root->place, NULL, NULL, "a task file is a map, not %s",
                         dd_yaml_node_words(reader->root));
        return;
    }
    read_task(reader);
    read_steps(reader);
    if (reader->options && reader->options->lint && !reader->problems->error_count)
        dd_taskfile_lint(reader);
}

/* `reader` has what is known besides the text: options, aliases, and the source. */
static int parse_with(const char *text, size_t length, dd_reader *reader, dd_taskfile **ret,
                      dd_problems **ret_problems)
{
    dd_auto(dd_taskfile) taskfile = dd_new(dd_taskfile);

    reader->taskfile = taskfile;
    reader->problems = dd_new(dd_problems);
    read_file(reader, text, length);
    dd_strv_done(&reader->default_env);
    dd_problems_sort(reader->problems);
    *ret_problems = reader->problems;
    if (reader->problems->error_count)
        return -1;
    *ret = dd_take(taskfile);
    return 0;
}

int dd_taskfile_parse(const char *text, size_t length, const dd_taskfile_options *options, dd_taskfile **ret,
                      dd_problems **ret_problems)
{
    dd_reader reader = {.options = options};

    return parse_with(text, length, &reader, ret, ret_problems);
}

int dd_taskfile_parse_within(const char *text, size_t length, const dd_yaml_limits *limits, dd_taskfile **ret,
                             dd_problems **ret_problems)
{
    dd_reader reader = {.limits = limits};

    return parse_with(text, length, &reader, ret, ret_problems);
}

static dd_text line_at(const char *text, size_t length, dd_place place)
{
    size_t from = dd_place_offset(text, length, (dd_place){place.line, 1});
    const char *end = memchr(text + from, '\n', length - from);

    return (dd_text){text + from, (end ? (size_t)(end - text) : length) - from};
}

/* What was written is often good YAML, and what it became is not: that is in no other place to be seen. */
static void show_rendered(const dd_rendered *rendered, const char *text, size_t length, dd_error *error)
{
    dd_place written = dd_rendered_place(rendered, text, length, error->place);
    dd_text became = line_at(rendered->text->data, rendered->text->length, error->place);
    dd_text was = line_at(text, length, written);

    if (error->hint || error->code != DD_ERR_INVALID || dd_text_compare(became, was) == 0)
        return;
    while (became.length && (*became.data == ' ' || *became.data == '\t'))
        became = (dd_text){became.data + 1, became.length - 1};
    dd_hint(&error, "rendered, this line is: %.*s%s",
            became.length > SHOWN_BYTES ? SHOWN_BYTES : (int)became.length, became.data,
            became.length > SHOWN_BYTES ? "…" : "");
}

/* Problems were met in the rendered text, and are told in the one that was written. */
static void move_places(const dd_rendered *rendered, const char *text, size_t length, dd_error **list,
                        size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (list[i]->place.line > 0)
            list[i]->place = dd_rendered_place(rendered, text, length, list[i]->place);
}

int dd_taskfile_load(const char *text, size_t length, const dd_template_data *data,
                     const dd_taskfile_options *options, dd_taskfile **ret, dd_problems **ret_problems)
{
    dd_rendered rendered = {0};
    dd_error *error = NULL;
    int result = dd_render_traced(text, length, data, &rendered, &error);

    if (result < 0) {
        *ret_problems = dd_new(dd_problems);
        (*ret_problems)->errors = dd_new(dd_error *);
        (*ret_problems)->errors[(*ret_problems)->error_count++] = error;
    } else {
        dd_reader reader = {
            .options = options, .aliases = rendered.aliases, .source = text, .source_length = length};

        result = parse_with(rendered.text->data, rendered.text->length, &reader, ret, ret_problems);
        for (size_t i = 0;
             i < (*ret_problems)->error_count && reader.unreadable && options && options->show_rendered; i++)
            show_rendered(&rendered, text, length, (*ret_problems)->errors[i]);
        move_places(&rendered, text, length, (*ret_problems)->errors, (*ret_problems)->error_count);
        move_places(&rendered, text, length, (*ret_problems)->warnings, (*ret_problems)->warning_count);
    }
    dd_rendered_done(&rendered);
    return result;
}

/* ---- The end ---- */

static void mounts_free(dd_mount *mounts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(mounts[i].name);
        free(mounts[i].path);
    }
    free(mounts);
}

static void step_done(dd_step *step)
{
    char *texts[] = {step->id,          step->command, step->working_directory,
                     step->entry_point, step->user,    step->network,
                     step->isolation,   step->cpus,    step->cache};
    dd_strv *lists[] = {&step->images, &step->when,  &step->env,
                        &step->expose, &step->ports, &step->retry_on_errors};

    for (size_t i = 0; i < DD_COUNT(texts); i++)
        free(texts[i]);
    for (size_t i = 0; i < DD_COUNT(lists); i++)
        dd_strv_done(lists[i]);
    mounts_free(step->mounts, step->mount_count);
    free(step->needs);
    free(step->exited_with);
    free(step->exited_without);
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
    for (size_t i = 0; i < taskfile->volume_count; i++) {
        mounts_free(taskfile->volumes[i].files, taskfile->volumes[i].file_count);
        free(taskfile->volumes[i].name);
    }
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
