/* Which variables a Dockerfile's words see: ARG before the first FROM for FROM itself; in a stage what it and
 * the stages below it have declared.
 *
 * A stage's ARG and ENV are read only when a --from needs them: all else they do is the engine's affair, and
 * what it makes of an odd one must not fail here. */
#include "runner/dockerfile_scan.h"
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

void dd_kept_add(dd_kept_instructions *kept, const char *text, dd_place place)
{
    if (kept->count == kept->capacity) {
        kept->capacity = kept->capacity ? 2 * kept->capacity : 8;
        kept->items = dd_reallocarray(kept->items, kept->capacity, sizeof *kept->items);
    }
    kept->items[kept->count++] = (dd_kept_instruction){dd_strdup(text), place};
}

void dd_kept_done(dd_kept_instructions *kept)
{
    for (size_t i = 0; i < kept->count; i++)
        free(kept->items[i].text);
    free(kept->items);
}

static const char *build_arg(const dd_scan *scan, dd_word name)
{
    for (size_t i = scan->build_args ? scan->build_args->count : 0; i > 0; i--) { /* the last one counts */
        const char *entry = scan->build_args->items[i - 1];

        if (strncmp(entry, name.text, name.length) == 0 && entry[name.length] == '=')
            return entry + name.length + 1;
    }
    return NULL;
}

/* ---- What the builder sets by itself ---- */

typedef struct machine {
    const char *name, *architecture, *variant; /* as uname and as the platforms of images have them */
} machine;

static machine this_machine(const struct utsname *host)
{
    static const machine machines[] = {
        {"x86_64", "amd64", ""},    {"aarch64", "arm64", ""}, {"armv7l", "arm", "v7"},
        {"armv6l", "arm", "v6"},    {"i686", "386", ""},      {"i386", "386", ""},
        {"ppc64le", "ppc64le", ""}, {"s390x", "s390x", ""},   {"riscv64", "riscv64", ""},
    };

    for (size_t i = 0; i < DD_COUNT(machines); i++)
        if (strcmp(machines[i].name, host->machine) == 0)
            return machines[i];
    return (machine){host->machine, host->machine, ""};
}

static int set(dd_scan *scan, const char *name, const char *value, dd_error **err)
{
    dd_word word = {name, strlen(name)};
    const char *given = build_arg(scan, word);

    return dd_variables_set(&scan->builder.args, word, given ? given : value, (dd_place){1, 1}, err);
}

/* BUILDARCH, TARGETPLATFORM… A build argument of the name is believed: so the caller says what --platform it
 * builds for. */
static int set_platforms(dd_scan *scan, dd_error **err)
{
    static const char *const sides[] = {"TARGET", "BUILD"};
    struct utsname host = {.machine = "x86_64"};
    machine here;

    if (uname(&host) < 0)
        return dd_fail(err, DD_ERR_INTERNAL, "cannot tell this machine's architecture");
    here = this_machine(&host);
    dd_auto_str platform =
        dd_sprintf("linux/%s%s%s", here.architecture, *here.variant ? "/" : "", here.variant);
    const struct {
        const char *name, *value;
    } parts[] = {{"PLATFORM", platform},
                 {"OS", "linux"},
                 {"OSVERSION", ""},
                 {"ARCH", here.architecture},
                 {"VARIANT", here.variant}};

    for (size_t side = 0; side < DD_COUNT(sides); side++)
        for (size_t i = 0; i < DD_COUNT(parts); i++) {
            dd_auto_str name = dd_sprintf("%s%s", sides[side], parts[i].name);

            if (set(scan, name, parts[i].value, err) < 0)
                return -1;
        }
    return 0;
}

static void replace(char **slot, const char *value, size_t length)
{
    free(*slot);
    *slot = dd_strndup(value, length);
}

/* "os/architecture[/variant]"; of several platforms the first. */
static void split_platform(const char *text, char *parts[3])
{
    for (size_t i = 0; i < 3; i++) {
        size_t length = strcspn(text, "/,");

        replace(&parts[i], text, length);
        text += length + (text[length] == '/');
    }
}

static void read_choice(const char *option, char *parts[3])
{
    static const char *const names[] = {"--os=", "--arch=", "--variant="};
    static const char platform[] = "--platform=";

    if (dd_str_starts(option, platform))
        split_platform(option + strlen(platform), parts);
    for (size_t i = 0; i < DD_COUNT(names); i++)
        if (dd_str_starts(option, names[i]))
            replace(&parts[i], option + strlen(names[i]), strlen(option) - strlen(names[i]));
}

void dd_dockerfile_target_args(const dd_strv *options, dd_strv *ret)
{
    char *parts[3] = {NULL, NULL, NULL};
    struct utsname host;

    for (size_t i = 0; i < options->count; i++)
        read_choice(options->items[i], parts);
    if (options->count && uname(&host) == 0) {
        const char *os = parts[0] && *parts[0] ? parts[0] : "linux", *variant = parts[2] ? parts[2] : "",
                   *architecture = parts[1] && *parts[1] ? parts[1] : this_machine(&host).architecture;

        dd_strv_addf(ret, "TARGETPLATFORM=%s/%s%s%s", os, architecture, *variant ? "/" : "", variant);
        dd_strv_addf(ret, "TARGETOS=%s", os);
        dd_strv_addf(ret, "TARGETARCH=%s", architecture);
        dd_strv_addf(ret, "TARGETVARIANT=%s", variant);
    }
    for (size_t i = 0; i < DD_COUNT(parts); i++)
        free(parts[i]);
}

/* These need no ARG, when they are given. */
static int set_predefined(dd_scan *scan, dd_error **err)
{
    static const char *const names[] = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
                                        "FTP_PROXY",  "ftp_proxy",  "NO_PROXY",    "no_proxy",
                                        "ALL_PROXY",  "all_proxy"};

    for (size_t i = 0; i < DD_COUNT(names); i++) {
        dd_word name = {names[i], strlen(names[i])};
        const char *given = build_arg(scan, name);

        if (given && dd_variables_set(&scan->predefined.args, name, given, (dd_place){1, 1}, err) < 0)
            return -1;
    }
    return 0;
}

int dd_scope_init(dd_scan *scan, dd_error **err)
{
    scan->global.outer = &scan->builder;
    scan->builder.outer = &scan->predefined;
    return set_platforms(scan, err) < 0 || set_predefined(scan, err) < 0 ? -1 : 0;
}

/* ---- ARG and ENV ---- */

static dd_word part_before_equals(dd_word word)
{
    const char *equals = memchr(word.text, '=', word.length);

    return (dd_word){word.text, equals ? (size_t)(equals - word.text) : word.length};
}

/* NAME[=default]: a given build argument beats the default. A name alone takes, in a stage, the global value,
 * and then what the builder sets. */
static int declare(dd_scan *scan, dd_scope *in, dd_word word, dd_place place, dd_error **err)
{
    dd_word name = part_before_equals(word);
    const char *value = build_arg(scan, name);
    dd_auto_str expanded = NULL;

    if (!value && name.length < word.length) {
        dd_word text = {name.text + name.length + 1, word.length - name.length - 1};

        if (dd_dockerfile_expand(&scan->expander, text, in, place, &expanded, err) < 0)
            return -1;
        value = expanded;
    }
    for (const dd_scope *from = &scan->global; from && !value; from = from->outer)
        value = from == in ? NULL : dd_variables_get(&from->args, name.text, name.length);
    return name.length && value ? dd_variables_set(&in->args, name, value, place, err) : 0;
}

static int read_arg(dd_scan *scan, dd_scope *in, const dd_instruction *arg, dd_error **err)
{
    const char *at = arg->rest;
    dd_word word;

    while (dd_dockerfile_word(&at, scan->expander.escape, &word))
        if (declare(scan, in, word, dd_instruction_place(arg, word.text), err) < 0)
            return -1;
    return 0;
}

static int read_assignment(dd_scan *scan, const dd_scope *in, dd_word name, dd_word text, dd_place place,
                           dd_variables *into, dd_error **err)
{
    dd_auto_str value = NULL;

    if (dd_dockerfile_expand(&scan->expander, text, in, place, &value, err) < 0)
        return -1;
    return dd_variables_set(into, name, value, place, err);
}

/* ENV A=b C=d, or the old ENV A b. All values of one instruction see what was before it. */
static int read_env(dd_scan *scan, const dd_scope *in, const dd_instruction *env, dd_variables *into,
                    dd_error **err)
{
    const char *at = env->rest;
    dd_word word, name;
    bool first = true;

    for (; dd_dockerfile_word(&at, scan->expander.escape, &word); first = false) {
        dd_place place = dd_instruction_place(env, word.text);

        name = part_before_equals(word);
        if (name.length == word.length) {
            if (!first)
                continue; /* the engine refuses it */
            at += strspn(at, DD_DOCKERFILE_BLANKS);
            return read_assignment(scan, in, name, (dd_word){at, strlen(at)}, place, into, err);
        }
        word = (dd_word){name.text + name.length + 1, word.length - name.length - 1};
        if (read_assignment(scan, in, name, word, place, into, err) < 0)
            return -1;
    }
    return 0;
}

static int set_env(dd_scan *scan, dd_scope *in, const dd_instruction *env, dd_error **err)
{
    dd_variables set_here = {0};
    int ret = read_env(scan, in, env, &set_here, err);

    for (size_t i = 0; ret == 0 && i < set_here.names.count; i++) {
        dd_word name = {set_here.names.items[i], strlen(set_here.names.items[i])};

        ret = dd_variables_set(&in->env, name, set_here.values.items[i], env->place, err);
    }
    dd_variables_done(&set_here);
    return ret;
}

int dd_scope_read_global(dd_scan *scan, const dd_instruction *arg, dd_error **err)
{
    return read_arg(scan, &scan->global, arg, err);
}

static int settle_one(dd_scan *scan, dd_stage *stage, dd_error **err)
{
    int ret = 0;

    for (; ret == 0 && stage->settings_done < stage->settings.count; stage->settings_done++) {
        const dd_kept_instruction *kept = &stage->settings.items[stage->settings_done];
        dd_instruction in;

        dd_instruction_init(&in, kept->text, kept->place);
        ret = dd_instruction_is(&in, "ENV") ? set_env(scan, &stage->scope, &in, err)
                                            : read_arg(scan, &stage->scope, &in, err);
        dd_instruction_done(&in);
        if (ret < 0)
            break;
    }
    return ret;
}

int dd_scope_settle(dd_scan *scan, dd_stage *stage, dd_error **err)
{
    size_t depth = 0;
    dd_stage **chain; /* from the stage down to the one on an image, which must be settled first */
    int ret = 0;

    for (const dd_stage *at = stage; at->base_stage != DD_NO_STAGE; at = scan->stages[at->base_stage])
        depth++;
    chain = dd_calloc(depth + 1, sizeof(dd_stage *));
    chain[0] = stage;
    for (size_t i = 0; i < depth; i++)
        chain[i + 1] = scan->stages[chain[i]->base_stage];
    for (size_t i = depth + 1; ret == 0 && i > 0; i--)
        ret = settle_one(scan, chain[i - 1], err);
    free(chain);
    dd_expander_work(&scan->expander, depth);
    return ret;
}
