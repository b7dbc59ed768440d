/* What a Dockerfile is built from (acr-tasks.md, 9.9).
 *
 * Instructions become stages, each with its base and with what it copies or mounts from; then the stages that
 * the target reaches say which images count. Stages take only from earlier ones, so nothing here recurses. */
#include "runner/dockerfile_private.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>

#define STAGES_MAX           1000
#define DOCKERFILE_MAX_BYTES (4 * 1024 * 1024)
#define NO_STAGE             SIZE_MAX

typedef struct image {
    char *name;
    dd_place place;
} image;

typedef struct stage {
    char *name;        /* NULL: only its number */
    image base;        /* expanded */
    size_t base_stage; /* the earlier stage that the base is, or NO_STAGE */
    size_t *uses;      /* earlier stages copied or mounted from */
    size_t use_count;
    image *images; /* images copied or mounted from */
    size_t image_count;
    dd_variables args, env;
} stage;

typedef struct scan {
    dd_dockerfile_lines lines;
    const dd_strv *build_args;
    dd_variables global;   /* ARG before the first FROM */
    dd_variables platform; /* what the builder sets by itself, for FROM */
    stage *stages;
    size_t count;
    dd_error **err;
} scan;

static stage *current(const scan *s)
{
    return s->count ? &s->stages[s->count - 1] : NULL;
}

/* ---- Variables ---- */

static const char *build_arg(const scan *s, const char *name, size_t length)
{
    for (size_t i = s->build_args ? s->build_args->count : 0; i > 0; i--) { /* the last one counts */
        const char *entry = s->build_args->items[i - 1];

        if (strncmp(entry, name, length) == 0 && entry[length] == '=')
            return entry + length + 1;
    }
    return NULL;
}

/* The builder's own arguments that FROM may use undeclared. */
static int set_platform(scan *s)
{
    static const char *const sides[] = {"TARGET", "BUILD"};
    struct utsname machine;
    const char *architecture = "amd64";

    if (uname(&machine) == 0)
        architecture = strcmp(machine.machine, "x86_64") == 0    ? "amd64"
                       : strcmp(machine.machine, "aarch64") == 0 ? "arm64"
                                                                 : machine.machine;
    dd_auto_str platform = dd_sprintf("linux/%s", architecture);
    const struct {
        const char *name, *value;
    } parts[] = {{"PLATFORM", platform}, {"OS", "linux"}, {"ARCH", architecture}, {"VARIANT", ""}};

    for (size_t i = 0; i < DD_COUNT(sides); i++)
        for (size_t p = 0; p < DD_COUNT(parts); p++) {
            dd_auto_str name = dd_sprintf("%s%s", sides[i], parts[p].name);
            const char *given = build_arg(s, name, strlen(name));

            if (dd_variables_set(&s->platform, name, strlen(name), given ? given : parts[p].value, s->err) <
                0)
                return -1;
        }
    return 0;
}

/* In a stage ENV beats ARG; before the first FROM there are only the global ones. */
static int expand_in(const scan *s, const stage *in, const char *word, dd_place place, char **ret)
{
    const dd_variables *scopes[2];

    scopes[0] = in ? &in->env : &s->global;
    scopes[1] = in ? &in->args : &s->platform;
    return dd_dockerfile_expand(word, s->lines.escape, scopes, DD_COUNT(scopes), place, ret, s->err);
}

/* ARG NAME[=default]: a given build argument beats the default; in a stage, a name alone takes the global
 * value. */
static int declare(scan *s, const char *word, dd_place place)
{
    stage *in = current(s);
    size_t length = strcspn(word, "=");
    const char *value = build_arg(s, word, length);
    dd_auto_str expanded = NULL;

    if (!value && word[length]) {
        if (expand_in(s, in, word + length + 1, place, &expanded) < 0)
            return -1;
        value = expanded;
    }
    if (!value && in)
        value = dd_variables_get(&s->global, word, length);
    if (!value)
        value = dd_variables_get(&s->platform, word, length);
    if (!length || !value)
        return 0;
    return dd_variables_set(in ? &in->args : &s->global, word, length, value, s->err);
}

static int read_arg(scan *s, const dd_instruction *in)
{
    dd_auto(dd_strv) words = dd_strv_new();

    dd_dockerfile_words(in->rest, s->lines.escape, words);
    if (!words->count)
        return dd_fail_at(s->err, DD_ERR_INVALID, in->place, NULL, "ARG needs a name");
    for (size_t i = 0; i < words->count; i++)
        if (declare(s, words->items[i], in->place) < 0)
            return -1;
    return 0;
}

static int set_env(scan *s, const char *name, size_t length, const char *word, dd_place place)
{
    dd_auto_str value = NULL;

    if (expand_in(s, current(s), word, place, &value) < 0)
        return -1;
    return dd_variables_set(&current(s)->env, name, length, value, s->err);
}

/* ENV A=b C=d, or the old ENV A b. */
static int read_env(scan *s, const dd_instruction *in)
{
    dd_auto(dd_strv) words = dd_strv_new();

    dd_dockerfile_words(in->rest, s->lines.escape, words);
    if (words->count && !strchr(words->items[0], '=')) {
        size_t length = strlen(words->items[0]);

        return set_env(s, words->items[0], length, in->rest + length + strspn(in->rest + length, " \t"),
                       in->place);
    }
    for (size_t i = 0; i < words->count; i++) {
        size_t length = strcspn(words->items[i], "=");

        if (words->items[i][length] &&
            set_env(s, words->items[i], length, words->items[i] + length + 1, in->place) < 0)
            return -1;
    }
    return 0;
}

/* ---- FROM ---- */

/* The latest of the first `count` stages that has the name, whatever its case. */
static size_t find_stage(const scan *s, const char *name, size_t count)
{
    for (size_t i = count; i > 0; i--)
        if (s->stages[i - 1].name && strcasecmp(s->stages[i - 1].name, name) == 0)
            return i - 1;
    return NO_STAGE;
}

static int copy_env(scan *s, const stage *from, stage *to)
{
    for (size_t i = 0; i < from->env.names.count; i++)
        if (dd_variables_set(&to->env, from->env.names.items[i], strlen(from->env.names.items[i]),
                             from->env.values.items[i], s->err) < 0)
            return -1;
    return 0;
}

static int fail_empty_base(const scan *s, const char *word, dd_place place)
{
    dd_fail_at(s->err, DD_ERR_INVALID, place, NULL, "FROM %s names no image: its variables are empty", word);
    return dd_hint(s->err, "give --build-arg, or declare ARG with a default before the first FROM");
}

/* FROM [--platform=P] IMAGE [AS NAME] */
static int read_from(scan *s, const dd_instruction *in)
{
    dd_auto(dd_strv) words = dd_strv_new();
    dd_auto_str base = NULL;
    size_t at = 0, rest;
    stage *added;

    dd_dockerfile_words(in->rest, s->lines.escape, words);
    while (at < words->count && dd_str_starts(words->items[at], "--"))
        at++;
    rest = words->count - at;
    if (rest != 1 && !(rest == 3 && strcasecmp(words->items[at + 1], "as") == 0))
        return dd_fail_at(s->err, DD_ERR_INVALID, in->place, NULL,
                          "FROM is written FROM [--platform=PLATFORM] IMAGE [AS NAME]");
    if (s->count == STAGES_MAX)
        return dd_fail_at(s->err, DD_ERR_LIMIT, in->place, NULL, "more than %d stages", STAGES_MAX);
    if (expand_in(s, NULL, words->items[at], in->place, &base) < 0)
        return -1;
    if (!*base)
        return fail_empty_base(s, words->items[at], in->place);
    s->stages = dd_reallocarray(s->stages, s->count + 1, sizeof(*s->stages));
    added = &s->stages[s->count];
    *added = (stage){.base_stage = find_stage(s, base, s->count)};
    added->name = rest == 3 ? dd_strdup(words->items[at + 2]) : NULL;
    added->base = (image){dd_take(base), in->place};
    s->count++;
    return added->base_stage == NO_STAGE ? 0 : copy_env(s, &s->stages[added->base_stage], added);
}

/* ---- COPY --from, RUN --mount=…,from= ---- */

/* A number is an earlier stage's; a name is an earlier stage's, or else an image. */
static int use(scan *s, const char *word, dd_place place)
{
    stage *in = current(s);
    size_t index = s->count - 1, found;
    dd_auto_str from = NULL;
    int64_t number;

    if (expand_in(s, in, word, place, &from) < 0)
        return -1;
    found = find_stage(s, from, index);
    if (found == NO_STAGE && dd_str_to_int(from, &number) && number >= 0) {
        if ((uint64_t)number >= index)
            return dd_fail_at(s->err, DD_ERR_INVALID, place, NULL, "there is no earlier stage %s", from);
        found = (size_t)number;
    }
    if (found != NO_STAGE) {
        in->uses = dd_reallocarray(in->uses, in->use_count + 1, sizeof(*in->uses));
        in->uses[in->use_count++] = found;
    } else if (*from) {
        in->images = dd_reallocarray(in->images, in->image_count + 1, sizeof(*in->images));
        in->images[in->image_count++] = (image){dd_take(from), place};
    }
    return 0;
}

/* Flags stand before all else. */
static int read_copy(scan *s, const dd_instruction *in)
{
    dd_auto(dd_strv) words = dd_strv_new();

    dd_dockerfile_words(in->rest, s->lines.escape, words);
    for (size_t i = 0; i < words->count && dd_str_starts(words->items[i], "--"); i++)
        if (strncasecmp(words->items[i], "--from=", 7) == 0 && use(s, words->items[i] + 7, in->place) < 0)
            return -1;
    return 0;
}

static int read_mount(scan *s, char *options, dd_place place)
{
    char *save = NULL;

    for (char *option = strtok_r(options, ",", &save); option; option = strtok_r(NULL, ",", &save))
        if (strncasecmp(option, "from=", 5) == 0 && use(s, option + 5, place) < 0)
            return -1;
    return 0;
}

static int read_run(scan *s, const dd_instruction *in)
{
    dd_auto(dd_strv) words = dd_strv_new();

    if (!dd_str_starts(in->rest, "--"))
        return 0; /* most have no flags, and may be long */
    dd_dockerfile_words(in->rest, s->lines.escape, words);
    for (size_t i = 0; i < words->count && dd_str_starts(words->items[i], "--"); i++)
        if (strncasecmp(words->items[i], "--mount=", 8) == 0 &&
            read_mount(s, words->items[i] + 8, in->place) < 0)
            return -1;
    return 0;
}

/* ---- The file ---- */

static int read_instruction(scan *s, const dd_instruction *in)
{
    static const struct {
        const char *keyword;
        int (*read)(scan *, const dd_instruction *);
        bool in_stage;
    } readers[] = {
        {"FROM", read_from, false}, {"ARG", read_arg, false}, {"ENV", read_env, true},
        {"COPY", read_copy, true},  {"RUN", read_run, true},
    };

    for (size_t i = 0; i < DD_COUNT(readers); i++)
        if (dd_instruction_is(in, readers[i].keyword) && (s->count || !readers[i].in_stage))
            return readers[i].read(s, in);
    if (s->count)
        return 0;
    dd_fail_at(s->err, DD_ERR_INVALID, in->place, NULL, "'%.*s' stands before the first FROM",
               in->keyword_length > 20 ? 20 : (int)in->keyword_length, in->keyword);
    return dd_hint(s->err, "only ARG may");
}

static int read_all(scan *s)
{
    dd_instruction in = {0};
    int result;

    while ((result = dd_dockerfile_next(&s->lines, &in, s->err)) > 0)
        if ((result = read_instruction(s, &in)) < 0)
            break;
    dd_buf_done(&in.text);
    if (result == 0 && s->count == 0)
        return dd_fail_at(s->err, DD_ERR_INVALID, (dd_place){1, 1}, NULL, "the Dockerfile has no FROM");
    return result;
}

/* ---- The answer ---- */

static int find_target(const scan *s, const char *target, size_t *ret)
{
    int64_t number;

    *ret = s->count - 1;
    if (!target || !*target)
        return 0;
    *ret = find_stage(s, target, s->count);
    if (*ret == NO_STAGE && dd_str_to_int(target, &number) && number >= 0 && (uint64_t)number < s->count)
        *ret = (size_t)number;
    if (*ret != NO_STAGE)
        return 0;
    const char *names[64], *nearest;
    size_t count = 0;

    for (size_t i = 0; i < s->count && count < DD_COUNT(names); i++)
        if (s->stages[i].name)
            names[count++] = s->stages[i].name;
    nearest = dd_str_nearest(target, names, count);
    dd_fail(s->err, DD_ERR_INVALID, "no stage is named '%s'", target);
    return nearest ? dd_hint(s->err, "did you mean %s?", nearest) : -1;
}

static void mark_reached(const scan *s, size_t target, bool *reached)
{
    reached[target] = true;
    for (size_t i = target + 1; i > 0; i--) {
        const stage *at = &s->stages[i - 1];

        if (!reached[i - 1])
            continue;
        if (at->base_stage != NO_STAGE)
            reached[at->base_stage] = true;
        for (size_t j = 0; j < at->use_count; j++)
            reached[at->uses[j]] = true;
    }
}

/* *ret stays NULL for scratch, which is no image. */
static int parse_image(const scan *s, const image *from, dd_reference **ret)
{
    dd_error *why = NULL;

    *ret = NULL;
    if (strcmp(from->name, "scratch") == 0)
        return 0;
    if (dd_reference_parse(from->name, ret, &why) == 0)
        return 0;
    dd_fail_at(s->err, DD_ERR_INVALID, from->place, NULL, "%s", why->message);
    dd_error_free(why);
    return -1;
}

static int add_buildtime(const scan *s, const image *from, dd_deps *deps)
{
    dd_auto(dd_reference) reference = NULL;

    if (parse_image(s, from, &reference) < 0)
        return -1;
    if (!reference || (deps->runtime && strcmp(deps->runtime->text, reference->text) == 0))
        return 0;
    deps->buildtime = dd_reallocarray(deps->buildtime, deps->buildtime_count + 1, sizeof(dd_reference *));
    deps->buildtime[deps->buildtime_count++] = dd_take(reference);
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp((*(dd_reference *const *)a)->text, (*(dd_reference *const *)b)->text);
}

static void sort_buildtime(dd_deps *deps)
{
    size_t kept = 0;

    if (!deps->buildtime_count)
        return;
    qsort(deps->buildtime, deps->buildtime_count, sizeof(dd_reference *), by_text);
    for (size_t i = 0; i < deps->buildtime_count; i++) {
        if (kept && strcmp(deps->buildtime[kept - 1]->text, deps->buildtime[i]->text) == 0)
            dd_reference_free(deps->buildtime[i]);
        else
            deps->buildtime[kept++] = deps->buildtime[i];
    }
    deps->buildtime_count = kept;
}

static int collect(const scan *s, size_t target, dd_deps *deps)
{
    bool *reached = dd_calloc(s->count, sizeof(*reached));
    size_t origin = target;
    int result;

    while (s->stages[origin].base_stage != NO_STAGE)
        origin = s->stages[origin].base_stage;
    result = parse_image(s, &s->stages[origin].base, &deps->runtime);
    mark_reached(s, target, reached);
    for (size_t i = 0; i <= target && result == 0; i++) {
        const stage *at = &s->stages[i];

        if (!reached[i])
            continue;
        if (at->base_stage == NO_STAGE)
            result = add_buildtime(s, &at->base, deps);
        for (size_t j = 0; j < at->image_count && result == 0; j++)
            result = add_buildtime(s, &at->images[j], deps);
    }
    free(reached);
    sort_buildtime(deps);
    return result;
}

static void scan_done(scan *s)
{
    for (size_t i = 0; i < s->count; i++) {
        stage *at = &s->stages[i];

        for (size_t j = 0; j < at->image_count; j++)
            free(at->images[j].name);
        free(at->images);
        free(at->name);
        free(at->base.name);
        free(at->uses);
        dd_variables_done(&at->args);
        dd_variables_done(&at->env);
    }
    free(s->stages);
    dd_variables_done(&s->global);
    dd_variables_done(&s->platform);
}

static int scan_text(scan *s, const char *text, size_t length, const char *target, dd_deps *deps)
{
    size_t index;

    if (dd_dockerfile_lines_init(&s->lines, text, length, s->err) < 0 || set_platform(s) < 0 ||
        read_all(s) < 0 || find_target(s, target, &index) < 0)
        return -1;
    return collect(s, index, deps);
}

int dd_deps_scan(const char *text, size_t length, const dd_strv *build_args, const char *target,
                 dd_deps **ret, dd_error **err)
{
    static const char bom[] = "\xef\xbb\xbf";
    dd_auto(dd_deps) deps = dd_new(dd_deps);
    dd_auto_str copy = NULL; /* with a NUL behind it */
    scan s = {.build_args = build_args, .err = err};
    size_t skipped = length >= 3 && memcmp(text, bom, 3) == 0 ? 3 : 0;
    int result;

    if (length > DOCKERFILE_MAX_BYTES)
        return dd_fail(err, DD_ERR_LIMIT, "the Dockerfile has more than %d bytes", DOCKERFILE_MAX_BYTES);
    if (memchr(text, '\0', length))
        return dd_fail(err, DD_ERR_INVALID, "the Dockerfile holds a NUL byte");
    copy = dd_strndup(text + skipped, length - skipped);
    result = scan_text(&s, copy, length - skipped, target, deps);
    scan_done(&s);
    if (result == 0)
        *ret = dd_take(deps);
    return result;
}

void dd_deps_free(dd_deps *deps)
{
    if (!deps)
        return;
    dd_reference_free(deps->runtime);
    for (size_t i = 0; i < deps->buildtime_count; i++)
        dd_reference_free(deps->buildtime[i]);
    free(deps->buildtime);
    free(deps);
}
