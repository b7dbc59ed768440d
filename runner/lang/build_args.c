/* A `build` step's command line taken apart, as the engine's own command line reads it.
 *
 * The context is the one word that is neither a flag nor a flag's value, so this must know which flags take
 * one: the tables hold those of docker, buildx and podman. A flag in none of them is passed on; the word
 * behind it is its value exactly when another word is left to be the context. */
#include "runner/runner.h"
#include <stdlib.h>
#include <string.h>

typedef enum flag_role { OTHER, TAG, BUILD_ARG, DOCKERFILE, TARGET } flag_role;

static const struct {
    const char *name;
    flag_role role;
} named_flags[] = {
    {"--tag", TAG},
    {"--build-arg", BUILD_ARG},
    {"--file", DOCKERFILE},
    {"--target", TARGET},
};

/* Long flags whose value may be the next word. */
static const char *const value_flags[] = {
    "--add-host",
    "--allow",
    "--annotation",
    "--arch",
    "--attest",
    "--authfile",
    "--build-arg-file",
    "--build-context",
    "--builder",
    "--cache-from",
    "--cache-to",
    "--cache-ttl",
    "--cap-add",
    "--cap-drop",
    "--cert-dir",
    "--cgroup-parent",
    "--cgroupns",
    "--cpp-flag",
    "--cpu-period",
    "--cpu-quota",
    "--cpu-shares",
    "--cpuset-cpus",
    "--cpuset-mems",
    "--creds",
    "--decryption-key",
    "--device",
    "--dns",
    "--dns-option",
    "--dns-search",
    "--env",
    "--format",
    "--from",
    "--group-add",
    "--hooks-dir",
    "--iidfile",
    "--ignorefile",
    "--ipc",
    "--isolation",
    "--jobs",
    "--label",
    "--layer-label",
    "--logfile",
    "--manifest",
    "--memory",
    "--memory-swap",
    "--metadata-file",
    "--network",
    "--no-cache-filter",
    "--os",
    "--os-feature",
    "--os-version",
    "--output",
    "--pid",
    "--platform",
    "--progress",
    "--retry",
    "--retry-delay",
    "--runtime",
    "--runtime-flag",
    "--sbom-output",
    "--secret",
    "--security-opt",
    "--shm-size",
    "--sign-by",
    "--ssh",
    "--timestamp",
    "--ulimit",
    "--unsetenv",
    "--unsetlabel",
    "--userns",
    "--userns-gid-map",
    "--userns-gid-map-group",
    "--userns-uid-map",
    "--variant",
    "--volume",
    "--userns-uid-map-user",
    "--uts",
    "--call",
    "--source-date-epoch",
    "--rusage-logfile",
};

/* Long flags that stand alone; a value, where they have one, comes behind '='. */
static const char *const plain_flags[] = {
    "--all-platforms",
    "--check",
    "--compat-volumes",
    "--compress",
    "--debug",
    "--disable-compression",
    "--disable-content-trust",
    "--force-rm",
    "--http-proxy",
    "--identity-label",
    "--inherit-annotations",
    "--inherit-labels",
    "--layers",
    "--load",
    "--logsplit",
    "--no-cache",
    "--no-hostname",
    "--no-hosts",
    "--omit-history",
    "--provenance",
    "--pull",
    "--pull-always",
    "--pull-never",
    "--push",
    "--quiet",
    "--rewrite-timestamp",
    "--rm",
    "--save-stages",
    "--sbom",
    "--skip-unused-stages",
    "--squash",
    "--squash-all",
    "--stdin",
    "--tls-verify",
};

/* Short flags: those that take a value, by the long one they stand for. Every other letter is plain. */
static const struct {
    char letter;
    flag_role role;
} short_values[] = {
    {'t', TAG}, {'f', DOCKERFILE}, {'c', OTHER}, {'m', OTHER}, {'o', OTHER}, {'v', OTHER}, {'e', OTHER},
};

typedef struct reader {
    char **words;
    size_t count;
    size_t at;
    dd_build_args *args;
    dd_strv positional;
} reader;

static bool listed(const char *const *names, size_t count, const char *text, size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == length && memcmp(names[i], text, length) == 0)
            return true;
    return false;
}

static flag_role role_of(const char *text, size_t length)
{
    for (size_t i = 0; i < DD_COUNT(named_flags); i++)
        if (strlen(named_flags[i].name) == length && memcmp(named_flags[i].name, text, length) == 0)
            return named_flags[i].role;
    return OTHER;
}

static void replace(char **slot, const char *value)
{
    free(*slot);
    *slot = dd_strdup(value);
}

static void take_value(dd_build_args *args, flag_role role, const char *value)
{
    switch (role) {
    case TAG:
        dd_strv_add(&args->tags, value);
        break;
    case BUILD_ARG:
        dd_strv_add(&args->build_args, value);
        break;
    case DOCKERFILE:
        replace(&args->file, value);
        break;
    case TARGET:
        replace(&args->target, value);
        break;
    case OTHER:
        dd_strv_add(&args->others, value);
        break;
    }
}

static int fail_no_value(const char *flag, dd_error **err)
{
    return dd_fail(err, DD_ERR_INVALID, "the flag %s of this build has no value", flag);
}

/* Is there, behind the next word, one more that could be the context? */
static bool another_positional(const reader *r)
{
    for (size_t i = r->at + 2; i < r->count; i++)
        if (r->words[i][0] != '-' && r->words[i - 1][0] != '-')
            return true;
    return false;
}

static int read_long(reader *r, dd_error **err)
{
    const char *word = r->words[r->at];
    size_t length = strcspn(word, "=");
    flag_role role = role_of(word, length);
    bool known_value = role != OTHER || listed(value_flags, DD_COUNT(value_flags), word, length);
    bool known = known_value || listed(plain_flags, DD_COUNT(plain_flags), word, length);
    const char *next = r->at + 1 < r->count ? r->words[r->at + 1] : NULL;

    if (word[length] == '=') {
        take_value(r->args, role, role == OTHER ? word : word + length + 1);
        return 0;
    }
    if (known_value && !next)
        return fail_no_value(word, err);
    if (role != OTHER) {
        take_value(r->args, role, next);
        r->at++;
        return 0;
    }
    dd_strv_add(&r->args->others, word);
    if (known_value || (!known && next && next[0] != '-' && another_positional(r))) {
        dd_strv_add(&r->args->others, next);
        r->at++;
    }
    return 0;
}

/* "-qt x", "-tx", "-t=x" and "-q": plain letters, then at most one that takes the rest or the next word. */
static int read_short(reader *r, dd_error **err)
{
    const char *word = r->words[r->at];

    for (const char *letter = word + 1; *letter; letter++) {
        size_t row = 0;

        while (row < DD_COUNT(short_values) && short_values[row].letter != *letter)
            row++;
        if (row == DD_COUNT(short_values)) {
            dd_strv_addf(&r->args->others, "-%c", *letter);
            continue;
        }
        const char *value = letter[1] == '=' ? letter + 2 : letter + 1;

        if (!letter[1]) {
            if (++r->at >= r->count)
                return fail_no_value(word, err);
            value = r->words[r->at];
        }
        if (short_values[row].role == OTHER)
            dd_strv_addf(&r->args->others, "-%c", *letter);
        take_value(r->args, short_values[row].role, value);
        return 0;
    }
    return 0;
}

static int read_words(reader *r, dd_error **err)
{
    bool flags = true;

    for (; r->at < r->count; r->at++) {
        const char *word = r->words[r->at];
        int result = 0;

        if (!flags || word[0] != '-' || !word[1])
            dd_strv_add(&r->positional, word);
        else if (strcmp(word, "--") == 0)
            flags = false;
        else if (word[1] == '-')
            result = read_long(r, err);
        else
            result = read_short(r, err);
        if (result < 0)
            return -1;
    }
    return 0;
}

static int check(const reader *r, dd_error **err)
{
    if (r->positional.count > 1) {
        dd_fail(err, DD_ERR_INVALID, "a build has one context, but here are '%s' and '%s'",
                r->positional.items[0], r->positional.items[1]);
        return dd_hint(err, "a path with spaces is written in quotes; a flag's value may be joined by '='");
    }
    if (r->positional.count == 1 && !*r->positional.items[0])
        return dd_fail(err, DD_ERR_INVALID, "the context of this build is empty");
    for (size_t i = 0; i < r->args->tags.count; i++)
        if (!*r->args->tags.items[i])
            return dd_fail(err, DD_ERR_INVALID, "a tag of this build is empty");
    return 0;
}

int dd_build_args_parse(const char *command, dd_build_args **ret, dd_error **err)
{
    dd_auto(dd_strv) words = NULL;
    dd_auto(dd_build_args) args = dd_new(dd_build_args);
    reader r = {.args = args};
    int result;

    if (dd_words_split(command, &words, err) < 0)
        return -1;
    r.words = words->items;
    r.count = words->count;
    result = read_words(&r, err);
    if (result == 0)
        result = check(&r, err);
    if (result == 0) {
        args->context = dd_strdup(r.positional.count ? r.positional.items[0] : ".");
        *ret = dd_take(args);
    }
    dd_strv_done(&r.positional);
    return result;
}

void dd_build_args_free(dd_build_args *args)
{
    if (!args)
        return;
    dd_strv_done(&args->tags);
    dd_strv_done(&args->build_args);
    dd_strv_done(&args->others);
    free(args->file);
    free(args->target);
    free(args->context);
    free(args);
}
