/* What a Dockerfile is built from (acr-tasks.md, 9.9): its instructions into stages, each with its base and
 * with what it copies or mounts from. Stages take only from earlier ones, so nothing here recurses.
 *
 * What is wrong with a stage is told when the target needs the stage, as podman does it; BuildKit looks at
 * the others' FROM too. A --from that names a later stage, or its own, is an image, as for podman; a number
 * that is no earlier stage's is an error, as for BuildKit. */
#include "runner/dockerfile_scan.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define STAGES_MAX           1000
#define DOCKERFILE_MAX_BYTES (4 * 1024 * 1024)
#define WORK_MAX             (100 * 1000 * 1000)

static dd_stage *current(const dd_scan *scan)
{
    return scan->count ? scan->stages[scan->count - 1] : NULL;
}

int dd_stage_find(dd_scan *scan, const char *name, size_t count, size_t *ret, dd_error **err)
{
    *ret = DD_NO_STAGE;
    if (!dd_expander_work(&scan->expander, count))
        return dd_fail(err, DD_ERR_LIMIT, "the Dockerfile's stages take too long to find");
    for (size_t i = count; i > 0 && *ret == DD_NO_STAGE; i--)
        if (scan->stages[i - 1]->name && strcasecmp(scan->stages[i - 1]->name, name) == 0)
            *ret = i - 1;
    return 0;
}

/* ---- FROM ---- */

typedef struct from_words {
    dd_word base, name, platform; /* name.text is NULL without AS, platform.text without the flag */
} from_words;

/* FROM [--platform=P] IMAGE [AS NAME] */
static int read_from_words(const dd_scan *scan, const dd_instruction *in, from_words *ret, dd_error **err)
{
    static const char flag[] = "--platform=";
    const char *at = in->rest;
    dd_word words[4], platform = {0};
    size_t count = 0;

    while (dd_dockerfile_flag(&at, scan->expander.escape, &words[0]))
        if (words[0].length > strlen(flag) && strncmp(words[0].text, flag, strlen(flag)) == 0)
            platform = (dd_word){words[0].text + strlen(flag), words[0].length - strlen(flag)};
    while (count < DD_COUNT(words) && dd_dockerfile_word(&at, scan->expander.escape, &words[count]))
        count++;
    if (count != 1 &&
        !(count == 3 && words[1].length == 2 && strncasecmp(words[1].text, "as", words[1].length) == 0))
        return dd_fail_at(err, DD_ERR_INVALID, in->place, NULL,
                          "FROM is written FROM [--platform=PLATFORM] IMAGE [AS NAME]");
    *ret = (from_words){.base = words[0], .platform = platform};
    if (count == 3)
        ret->name = words[2];
    return 0;
}

static int fail_empty_base(dd_word word, dd_place place, dd_error **err)
{
    dd_fail_at(err, DD_ERR_INVALID, place, NULL, "FROM %.*s names no image: its variables are empty",
               word.length > 100 ? 100 : (int)word.length, word.text);
    return dd_hint(err, "give --build-arg, or declare ARG with a default before the first FROM");
}

static int expand_platform(dd_scan *scan, dd_stage *stage, dd_word word, dd_error **err)
{
    const char *own = dd_variables_get(&scan->builder.args, "TARGETPLATFORM", strlen("TARGETPLATFORM"));
    dd_auto_str platform = NULL;

    if (!word.text)
        return 0;
    if (dd_dockerfile_expand(&scan->expander, word, &scan->global, stage->base.place, &platform, err) < 0)
        return -1;
    if (*platform && !dd_str_eq(platform, own))
        stage->platform = dd_take(platform);
    return 0;
}

static int expand_from(dd_scan *scan, dd_stage *stage, const from_words *words, dd_place name_place,
                       dd_error **err)
{
    dd_auto_str base = NULL;

    if (words->name.text &&
        dd_dockerfile_expand(&scan->expander, words->name, &scan->global, name_place, &stage->name, err) < 0)
        return -1;
    if (dd_dockerfile_expand(&scan->expander, words->base, &scan->global, stage->base.place, &base, err) < 0)
        return -1;
    if (!*base)
        return fail_empty_base(words->base, stage->base.place, err);
    if (expand_platform(scan, stage, words->platform, err) < 0)
        return -1;
    if (dd_stage_find(scan, base, scan->count - 1, &stage->base_stage, err) < 0)
        return -1;
    stage->base.name = dd_take(base);
    if (stage->base_stage != DD_NO_STAGE)
        stage->scope.outer = &scan->stages[stage->base_stage]->scope;
    return 0;
}

static void read_in_stage(dd_scan *scan, const dd_instruction *in);

/* What ONBUILD says in a stage is done first in the stages that are built on it. */
static int pull_triggers(dd_scan *scan, const dd_stage *base, dd_place place, dd_error **err)
{
    for (size_t i = 0; i < base->triggers.count; i++) {
        const dd_kept_instruction *trigger = &base->triggers.items[i];
        dd_instruction in;

        if (!dd_expander_work(&scan->expander, strlen(trigger->text) + sizeof(in)))
            return dd_fail_at(err, DD_ERR_LIMIT, place, NULL, "too much is done by ONBUILD");
        dd_instruction_init(&in, trigger->text, trigger->place);
        read_in_stage(scan, &in);
        dd_instruction_done(&in);
    }
    return 0;
}

static int read_from(dd_scan *scan, const dd_instruction *in, dd_error **err)
{
    from_words words;
    dd_place name_place;
    dd_stage *added;

    if (read_from_words(scan, in, &words, err) < 0)
        return -1;
    if (scan->count == STAGES_MAX)
        return dd_fail_at(err, DD_ERR_LIMIT, in->place, NULL, "more than %d stages", STAGES_MAX);
    name_place = words.name.text ? dd_instruction_place(in, words.name.text) : in->place;
    added = dd_new(dd_stage);
    added->base_stage = DD_NO_STAGE;
    added->base.place = dd_instruction_place(in, words.base.text);
    added->scope.outer = &scan->predefined;
    scan->stages = dd_reallocarray(scan->stages, scan->count + 1, sizeof(dd_stage *));
    scan->stages[scan->count++] = added;
    if (expand_from(scan, added, &words, name_place, &added->error) < 0 || added->base_stage == DD_NO_STAGE)
        return 0;
    return pull_triggers(scan, scan->stages[added->base_stage], in->place, err);
}

/* ---- COPY --from, RUN --mount=…,from= ---- */

/* A stage by its name, or by its number. */
static int find_earlier(dd_scan *scan, const char *name, dd_place place, size_t *ret, dd_error **err)
{
    size_t index = scan->count - 1;
    int64_t number;

    if (dd_stage_find(scan, name, index, ret, err) < 0)
        return -1;
    if (*ret != DD_NO_STAGE || !dd_str_to_int(name, &number) || number < 0)
        return 0;
    if ((uint64_t)number >= index)
        return dd_fail_at(err, DD_ERR_INVALID, place, NULL, "there is no earlier stage %s", name);
    *ret = (size_t)number;
    return 0;
}

static int use(dd_scan *scan, dd_word word, dd_place place, dd_error **err)
{
    dd_stage *stage = current(scan);
    dd_auto_str from = NULL;
    size_t found;

    if (memchr(word.text, '$', word.length) && dd_scope_settle(scan, stage, err) < 0)
        return -1;
    if (dd_dockerfile_expand(&scan->expander, word, &stage->scope, place, &from, err) < 0 ||
        find_earlier(scan, from, place, &found, err) < 0)
        return -1;
    if (found != DD_NO_STAGE) {
        stage->uses = dd_reallocarray(stage->uses, stage->use_count + 1, sizeof(*stage->uses));
        stage->uses[stage->use_count++] = found;
    } else if (*from) {
        stage->images = dd_reallocarray(stage->images, stage->image_count + 1, sizeof(*stage->images));
        stage->images[stage->image_count++] = (dd_base_image){dd_take(from), place};
    }
    return 0;
}

/* What stands behind "from=" in "type=bind,from=x": the last one counts. */
static bool find_from(const char *mount, dd_word *ret)
{
    bool found = false;

    for (size_t length; *mount; mount += length + (mount[length] == ',')) {
        length = strcspn(mount, ",");
        if (length >= strlen("from=") && strncasecmp(mount, "from=", strlen("from=")) == 0) {
            *ret = (dd_word){mount + strlen("from="), length - strlen("from=")};
            found = true;
        }
    }
    return found;
}

/* The flags of COPY and RUN are read alike: each has the one that can name an image. */
static int read_flags(dd_scan *scan, const dd_instruction *in, dd_error **err)
{
    bool run = dd_instruction_is(in, "RUN");
    const char *prefix = run ? "--mount=" : "--from=", *at = in->rest;
    dd_word flag;
    int ret = 0;

    while (ret == 0 && dd_dockerfile_flag(&at, scan->expander.escape, &flag)) {
        dd_auto(dd_buf) text = dd_buf_new();
        dd_place place = dd_instruction_place(in, flag.text);
        dd_word from;

        if (!dd_dockerfile_unquote(flag, scan->expander.escape, text))
            return dd_fail_at(err, DD_ERR_INVALID, place, NULL, "a quote in the flag is never closed");
        if (!dd_str_starts(text->data, prefix))
            continue;
        from = (dd_word){text->data + strlen(prefix), text->length - strlen(prefix)};
        if (!run || find_from(from.text, &from))
            ret = use(scan, from, place, err);
    }
    return ret;
}

/* ---- The file ---- */

static int keep_setting(dd_scan *scan, const dd_instruction *in, dd_error **err)
{
    (void)err;
    dd_kept_add(&current(scan)->settings, in->keyword, in->place);
    return 0;
}

static int keep_trigger(dd_scan *scan, const dd_instruction *in, dd_error **err)
{
    (void)err;
    dd_kept_add(&current(scan)->triggers, in->rest, dd_instruction_place(in, in->rest));
    return 0;
}

/* The first thing wrong with a stage is kept there, and nothing more is read of it. */
static void read_in_stage(dd_scan *scan, const dd_instruction *in)
{
    static const struct {
        const char *keyword;
        int (*read)(dd_scan *, const dd_instruction *, dd_error **);
    } readers[] = {
        {"ARG", keep_setting}, {"ENV", keep_setting},     {"COPY", read_flags},
        {"RUN", read_flags},   {"ONBUILD", keep_trigger},
    };
    dd_stage *stage = current(scan);

    for (size_t i = 0; i < DD_COUNT(readers) && !stage->error; i++)
        if (dd_instruction_is(in, readers[i].keyword)) {
            readers[i].read(scan, in, &stage->error);
            return;
        }
}

static int read_instruction(dd_scan *scan, const dd_instruction *in, dd_error **err)
{
    if (dd_instruction_is(in, "ARG") && !*in->rest)
        return dd_fail_at(err, DD_ERR_INVALID, in->place, NULL, "ARG needs a name");
    if (dd_instruction_is(in, "FROM"))
        return read_from(scan, in, err);
    if (scan->count) {
        read_in_stage(scan, in);
        return 0;
    }
    if (dd_instruction_is(in, "ARG"))
        return dd_scope_read_global(scan, in, err);
    dd_fail_at(err, DD_ERR_INVALID, in->place, NULL, "'%.*s' stands before the first FROM",
               in->keyword_length > 20 ? 20 : (int)in->keyword_length, in->keyword);
    return dd_hint(err, "only ARG may");
}

static int read_all(dd_scan *scan, dd_error **err)
{
    dd_instruction in = {0};
    int result;

    while ((result = dd_dockerfile_next(&scan->lines, &in, err)) > 0)
        if ((result = read_instruction(scan, &in, err)) < 0)
            break;
    dd_instruction_done(&in);
    if (result == 0 && scan->count == 0)
        return dd_fail_at(err, DD_ERR_INVALID, (dd_place){1, 1}, NULL, "the Dockerfile has no FROM");
    return result;
}

static void stage_free(dd_stage *stage)
{
    for (size_t i = 0; i < stage->image_count; i++)
        free(stage->images[i].name);
    free(stage->images);
    free(stage->name);
    free(stage->platform);
    free(stage->base.name);
    free(stage->uses);
    dd_kept_done(&stage->settings);
    dd_kept_done(&stage->triggers);
    dd_variables_done(&stage->scope.args);
    dd_variables_done(&stage->scope.env);
    dd_error_free(stage->error);
    free(stage);
}

static void scan_done(dd_scan *scan)
{
    for (size_t i = 0; i < scan->count; i++)
        stage_free(scan->stages[i]);
    free(scan->stages);
    dd_variables_done(&scan->global.args);
    dd_variables_done(&scan->builder.args);
    dd_variables_done(&scan->predefined.args);
}

static int scan_text(dd_scan *scan, const char *text, size_t length, const char *target, dd_deps *deps,
                     dd_image_uses *uses, dd_error **err)
{
    if (dd_dockerfile_lines_init(&scan->lines, text, length, err) < 0 || dd_scope_init(scan, err) < 0)
        return -1;
    scan->expander = (dd_expander){.escape = scan->lines.escape, .work_left = WORK_MAX};
    if (read_all(scan, err) < 0)
        return -1;
    return dd_scan_collect(scan, target, deps, uses, err);
}

static dd_place place_of(const char *text, const char *at)
{
    dd_place place = {1, 1};

    for (; text < at; text++) {
        place.column++;
        if (*text == '\n')
            place = (dd_place){place.line + 1, 1};
    }
    return place;
}

int dd_deps_scan(const char *text, size_t length, const dd_strv *build_args, const char *target,
                 dd_deps **ret, dd_error **err)
{
    return dd_dockerfile_scan(text, length, build_args, target, ret, NULL, err);
}

int dd_dockerfile_scan(const char *text, size_t length, const dd_strv *build_args, const char *target,
                       dd_deps **ret, dd_image_uses *ret_uses, dd_error **err)
{
    static const char bom[] = "\xef\xbb\xbf";
    dd_auto(dd_deps) deps = dd_new(dd_deps);
    dd_auto_str copy = NULL; /* with a NUL behind it */
    dd_scan scan = {.build_args = build_args};
    size_t skipped = length >= 3 && memcmp(text, bom, 3) == 0 ? 3 : 0;
    const char *nul;
    int result;

    if (length > DOCKERFILE_MAX_BYTES)
        return dd_fail(err, DD_ERR_LIMIT, "the Dockerfile has more than %d bytes", DOCKERFILE_MAX_BYTES);
    nul = length ? memchr(text, '\0', length) : NULL;
    if (nul)
        return dd_fail_at(err, DD_ERR_INVALID, place_of(text, nul), NULL, "the Dockerfile holds a NUL byte");
    copy = dd_strndup(text + skipped, length - skipped);
    result = scan_text(&scan, copy, length - skipped, target, deps, ret_uses, err);
    scan_done(&scan);
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
