/* The coverage table, tests/fixtures/lang/COVERAGE.md: every property, function and alias of the language,
 * each with the cases that cover it. The code is asked for its names; the table must have them all and no
 * others, and each case named must be there and have the name in its input.
 *
 * `unit_runner_coverage --write` writes the table anew (tests/support/coverage-table): of the cases that have
 * a name in their input, those whose folder is called after it, else the first few. */
#include "runner/lang/alias.h"
#include "runner/lang/functions/functions.h"
#include "runner/lang/taskfile_private.h"
#include <ctype.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIXTURES   DD_TESTS_DIR "/fixtures/lang"
#define TABLE      FIXTURES "/COVERAGE.md"
#define MOST_CASES 4 /* named in a row */

/* Sprig 2.22's functions, by its documentation and its map. */
static const char *const sprig[] = {"abbrev",
                                    "abbrevboth",
                                    "add",
                                    "add1",
                                    "adler32sum",
                                    "ago",
                                    "append",
                                    "atoi",
                                    "b32dec",
                                    "b32enc",
                                    "b64dec",
                                    "b64enc",
                                    "base",
                                    "biggest",
                                    "buildCustomCert",
                                    "camelcase",
                                    "cat",
                                    "ceil",
                                    "clean",
                                    "coalesce",
                                    "compact",
                                    "concat",
                                    "contains",
                                    "date",
                                    "dateInZone",
                                    "dateModify",
                                    "date_in_zone",
                                    "date_modify",
                                    "decryptAES",
                                    "deepCopy",
                                    "deepEqual",
                                    "default",
                                    "derivePassword",
                                    "dict",
                                    "dir",
                                    "div",
                                    "empty",
                                    "encryptAES",
                                    "env",
                                    "expandenv",
                                    "ext",
                                    "fail",
                                    "first",
                                    "float64",
                                    "floor",
                                    "genCA",
                                    "genPrivateKey",
                                    "genSelfSignedCert",
                                    "genSignedCert",
                                    "getHostByName",
                                    "has",
                                    "hasKey",
                                    "hasPrefix",
                                    "hasSuffix",
                                    "hello",
                                    "htmlDate",
                                    "htmlDateInZone",
                                    "indent",
                                    "initial",
                                    "initials",
                                    "int",
                                    "int64",
                                    "isAbs",
                                    "join",
                                    "kebabcase",
                                    "keys",
                                    "kindIs",
                                    "kindOf",
                                    "last",
                                    "list",
                                    "lower",
                                    "max",
                                    "merge",
                                    "mergeOverwrite",
                                    "min",
                                    "mod",
                                    "mul",
                                    "nindent",
                                    "nospace",
                                    "now",
                                    "omit",
                                    "pick",
                                    "pluck",
                                    "plural",
                                    "prepend",
                                    "push",
                                    "quote",
                                    "randAlpha",
                                    "randAlphaNum",
                                    "randAscii",
                                    "randNumeric",
                                    "regexFind",
                                    "regexFindAll",
                                    "regexMatch",
                                    "regexReplaceAll",
                                    "regexReplaceAllLiteral",
                                    "regexSplit",
                                    "repeat",
                                    "replace",
                                    "rest",
                                    "reverse",
                                    "round",
                                    "semver",
                                    "semverCompare",
                                    "set",
                                    "sha1sum",
                                    "sha256sum",
                                    "shuffle",
                                    "slice",
                                    "snakecase",
                                    "sortAlpha",
                                    "split",
                                    "splitList",
                                    "splitn",
                                    "squote",
                                    "sub",
                                    "substr",
                                    "swapcase",
                                    "ternary",
                                    "title",
                                    "toDate",
                                    "toDecimal",
                                    "toJson",
                                    "toPrettyJson",
                                    "toString",
                                    "toStrings",
                                    "trim",
                                    "trimAll",
                                    "trimPrefix",
                                    "trimSuffix",
                                    "trimall",
                                    "trunc",
                                    "tuple",
                                    "typeIs",
                                    "typeIsLike",
                                    "typeOf",
                                    "uniq",
                                    "unixEpoch",
                                    "unset",
                                    "until",
                                    "untilStep",
                                    "untitle",
                                    "upper",
                                    "urlJoin",
                                    "urlParse",
                                    "uuidv4",
                                    "values",
                                    "without",
                                    "wrap",
                                    "wrapWith"};

/* What is said of more than one name, and is no function of Sprig's. */
static const char *const own[] = {"get", "required", "toYaml"};

typedef enum name_kind {
    TASK_PROPERTY,
    STEP_PROPERTY,
    ALIAS_PROPERTY,
    BUILT_IN,
    SPRIG,
    OWN,
    LEFT_OUT,
    BUILT_IN_ALIAS,
    IMAGE_ALIAS,
} name_kind;

static const struct {
    const char *title;  /* in the table */
    const char *prefix; /* of the folders called after a name */
    const char *folder; /* where the cases are */
} kinds[] = {
    [TASK_PROPERTY] = {"task property", "task-", "taskfiles"},
    [STEP_PROPERTY] = {"step property", "step-", "taskfiles"},
    [ALIAS_PROPERTY] = {"alias property", "alias-", "templates"},
    [BUILT_IN] = {"template built-in", "builtin-", "templates"},
    [SPRIG] = {"Sprig function", "sprig-", "templates"},
    [OWN] = {"function besides Sprig's", "sprig-", "templates"},
    [LEFT_OUT] = {"left out", "sprig-", "templates"},
    [BUILT_IN_ALIAS] = {"built-in alias", "alias-builtin-", "templates"},
    [IMAGE_ALIAS] = {"image alias", "alias-image-", "templates"},
};

typedef struct name {
    name_kind kind;
    char *text; /* "networks.driver" for a member of a list's maps */
    char *note;
} name;

static name *names;
static size_t name_count;

typedef struct test_case {
    char *name; /* "templates/range-else" */
    char *input;
} test_case;

static test_case *cases;
static size_t case_count;

/* ---- The code's names ---- */

static void add_name(name_kind kind, char *taken, const char *note)
{
    names = dd_reallocarray(names, name_count + 1, sizeof(*names));
    names[name_count++] = (name){kind, taken, dd_strdup(note ? note : "")};
}

static void add_properties(name_kind kind, const dd_property *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t members;
        const dd_property *member = dd_member_properties(rows[i].type, &members);

        add_name(kind, dd_strdup(rows[i].name), NULL);
        for (size_t j = 0; j < members; j++)
            add_name(kind, dd_sprintf("%s.%s", rows[i].name, member[j].name), NULL);
    }
}

static bool listed(const char *const *list, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

static void add_functions(void)
{
    const char *family, *why, *left_out;
    const dd_function *function;

    for (size_t i = 0; (function = dd_function_at(i, &family)); i++) {
        bool built_in = strcmp(family, "builtins") == 0;

        add_name(built_in                                     ? BUILT_IN
                 : listed(own, DD_COUNT(own), function->name) ? OWN
                                                              : SPRIG,
                 dd_strdup(function->name), built_in ? NULL : family);
    }
    for (size_t i = 0; (left_out = dd_function_left_out(i, &why)); i++)
        add_name(LEFT_OUT, dd_strdup(left_out), why);
}

/* The block's keys are read one by one, by no table. */
static const char *const alias_keys[] = {"values", "src", "directive"};

static void add_aliases(void)
{
    const char *alias, *image;

    for (size_t i = 0; i < DD_COUNT(alias_keys); i++)
        add_name(ALIAS_PROPERTY, dd_sprintf("alias.%s", alias_keys[i]), NULL);
    for (size_t i = 0; (alias = dd_aliases_built_in(i, &image)); i++)
        add_name(image ? IMAGE_ALIAS : BUILT_IN_ALIAS, dd_strdup(alias), image);
}

static int by_kind_and_text(const void *a, const void *b)
{
    const name *left = a, *right = b;

    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    return strcmp(left->text, right->text);
}

static void collect_names(void)
{
    add_properties(TASK_PROPERTY, dd_task_properties, dd_task_property_count);
    add_properties(STEP_PROPERTY, dd_step_properties, dd_step_property_count);
    add_functions();
    add_aliases();
    qsort(names, name_count, sizeof(*names), by_kind_and_text);
}

/* ---- The cases ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const test_case *)a)->name, ((const test_case *)b)->name);
}

static void collect_folder(const char *folder)
{
    dd_auto_str root = dd_path_join(FIXTURES, folder);
    DIR *open = opendir(root);

    assert_non_null(open);
    for (struct dirent *entry; (entry = readdir(open));) {
        dd_auto_str path = dd_sprintf("%s/%s/input.yaml", root, entry->d_name);
        dd_auto(dd_buf) text = NULL;

        if (entry->d_name[0] == '.' || dd_buf_read_file(path, 16 * 1024 * 1024, &text, NULL) < 0)
            continue;
        cases = dd_reallocarray(cases, case_count + 1, sizeof(*cases));
        cases[case_count++] = (test_case){dd_sprintf("%s/%s", folder, entry->d_name), dd_buf_steal(text)};
    }
    closedir(open);
}

static void collect_cases(void)
{
    collect_folder("taskfiles");
    collect_folder("templates");
    qsort(cases, case_count, sizeof(*cases), by_name);
}

static const test_case *find_case(const char *text, size_t length)
{
    for (size_t i = 0; i < case_count; i++)
        if (strlen(cases[i].name) == length && memcmp(cases[i].name, text, length) == 0)
            return &cases[i];
    return NULL;
}

/* ---- Does an input have the name? ---- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Between "{{" and "}}", the nearest of which before it decides. */
static bool in_action(const char *input, const char *at)
{
    for (const char *c = at; c-- > input;)
        if (c[0] == c[1] && (c[0] == '{' || c[0] == '}'))
            return c[0] == '{';
    return false;
}

static bool stands(name_kind kind, const char *input, const char *at, size_t length)
{
    char before = at > input ? at[-1] : '\n', after = at[length];

    if (is_word(before) || is_word(after))
        return false;
    switch (kind) {
    case TASK_PROPERTY:
    case STEP_PROPERTY:
    case ALIAS_PROPERTY:
        return at[length + strspn(at + length, " '\"")] == ':';
    case BUILT_IN:
    case SPRIG:
    case OWN:
    case LEFT_OUT:
        return before != '.' && before != '$' && in_action(input, at);
    case BUILT_IN_ALIAS:
        return ispunct((unsigned char)before) && before != '.';
    case IMAGE_ALIAS:
        return true;
    }
    return false;
}

static bool has_word(name_kind kind, const char *input, const char *word)
{
    for (const char *at = input; (at = strstr(at, word)); at++)
        if (stands(kind, input, at, strlen(word)))
            return true;
    return false;
}

/* A member's list or map must be there too. */
static bool has_name(const test_case *c, const name *n)
{
    const char *dot = strchr(n->text, '.');
    dd_auto_str list = dot ? dd_strndup(n->text, (size_t)(dot - n->text)) : NULL;

    return has_word(n->kind, c->input, dot ? dot + 1 : n->text) &&
           (!list || has_word(n->kind, c->input, list));
}

/* ---- Writing ---- */

/* "step-retries" and "step-retries-below-zero" are called after retries, "step-retryDelay" is not. */
static bool is_called_after(const test_case *c, const name *n)
{
    const char *dot = strrchr(n->text, '.');
    const char *folder = strchr(c->name, '/') + 1, *prefix = kinds[n->kind].prefix;
    dd_auto_str start = dd_sprintf("%s%s", prefix, dot && n->kind == ALIAS_PROPERTY ? dot + 1 : n->text);

    for (char *at = start; *at; at++)
        *at = *at == '.' ? '-' : *at;
    return dd_str_starts(folder, start) && (!folder[strlen(start)] || folder[strlen(start)] == '-');
}

static bool is_of_kind(const test_case *c, const name *n)
{
    const char *folder = kinds[n->kind].folder;

    return dd_str_starts(c->name, folder) && has_name(c, n);
}

/* Separated by ", "; owned, and empty when there is none. */
static char *cases_of(const name *n)
{
    dd_auto(dd_strv) found = dd_strv_new();

    for (int called = 1; called >= 0 && found->count == 0; called--)
        for (size_t i = 0; i < case_count && found->count < MOST_CASES; i++)
            if (is_of_kind(&cases[i], n) && (!called || is_called_after(&cases[i], n)))
                dd_strv_add(found, cases[i].name);
    for (size_t i = 0; i < case_count && found->count == 0; i++)
        if (has_name(&cases[i], n))
            dd_strv_add(found, cases[i].name);
    return dd_strv_join(found, ", ");
}

static int write_table(void)
{
    dd_buf text = {0};
    dd_error *error = NULL;
    int uncovered = 0;

    dd_buf_add_str(&text,
                   "# What covers the language\n\n"
                   "Every property, function and alias, and cases (folders beside this file) that have it "
                   "in their input.\n"
                   "Written by `tests/support/coverage-table`; `unit_runner_coverage` fails where it and "
                   "the code disagree.\n\n"
                   "| what | name | note | cases |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < name_count; i++) {
        dd_auto_str found = cases_of(&names[i]);

        if (!*found)
            fprintf(stderr, "no case: %s %s\n", kinds[names[i].kind].title, names[i].text);
        uncovered += !*found;
        dd_buf_printf(&text, "| %s | `%s` | %s | %s |\n", kinds[names[i].kind].title, names[i].text,
                      names[i].note, found);
    }
    if (dd_write_file(TABLE, text.data, text.length, 0644, &error) < 0) {
        fprintf(stderr, "%s\n", error->message);
        dd_error_free(error);
        uncovered++;
    }
    dd_buf_done(&text);
    return uncovered ? 1 : 0;
}

/* ---- Checking ---- */

typedef struct row {
    char *kind, *name, *cases; /* into the table's text */
} row;

/* "| kind | `name` | note | cases |"; false when the line is none. */
static bool read_row(char *line, row *ret)
{
    char *cells[4], *at = line;

    if (!dd_str_starts(line, "| ") || dd_str_starts(line, "| what ") || dd_str_starts(line, "| --- "))
        return false;
    for (size_t i = 0; i < DD_COUNT(cells); i++) {
        assert_true(dd_str_starts(at, "| "));
        cells[i] = at + 2;
        at = strstr(cells[i], " |");
        assert_non_null(at);
        *at++ = '\0';
    }
    assert_true(cells[1][0] == '`' && dd_str_ends(cells[1], "`"));
    cells[1][strlen(cells[1]) - 1] = '\0';
    *ret = (row){cells[0], cells[1] + 1, cells[3]};
    return true;
}

static size_t find_name(const row *r)
{
    size_t i = 0;

    while (i < name_count &&
           (strcmp(kinds[names[i].kind].title, r->kind) != 0 || strcmp(names[i].text, r->name) != 0))
        i++;
    return i;
}

/* The number of its cases; complains of those that are not there or have not its name. */
static size_t check_cases(const row *r, const name *n, size_t *wrong)
{
    size_t count = 0;

    for (const char *at = r->cases; *at;) {
        size_t length = strcspn(at, ",");
        const test_case *found = find_case(at, length);

        if (!found || !has_name(found, n)) {
            print_error("%s %s: %.*s %s\n", r->kind, r->name, (int)length, at,
                        found ? "does not have it" : "is not there");
            ++*wrong;
        }
        count++;
        at += length + strspn(at + length, ", ");
    }
    return count;
}

static void the_table_and_the_code_agree(void **state)
{
    dd_auto(dd_buf) text = NULL;
    bool *seen = dd_calloc(name_count, sizeof(*seen));
    size_t wrong = 0;
    char *save = NULL;
    row r;

    (void)state;
    assert_int_equal(dd_buf_read_file(TABLE, 1024 * 1024, &text, NULL), 0);
    for (char *line = strtok_r(text->data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (!read_row(line, &r))
            continue;
        size_t index = find_name(&r);

        if (index == name_count || seen[index]) {
            print_error("%s %s: %s\n", r.kind, r.name, index < name_count ? "twice" : "the code has none");
            wrong++;
            continue;
        }
        seen[index] = true;
        if (check_cases(&r, &names[index], &wrong) == 0) {
            print_error("%s %s: no case\n", r.kind, r.name);
            wrong++;
        }
    }
    for (size_t i = 0; i < name_count; i++)
        if (!seen[i]) {
            print_error("%s %s: not in the table\n", kinds[names[i].kind].title, names[i].text);
            wrong++;
        }
    free(seen);
    if (wrong)
        print_error("tests/support/coverage-table writes the table anew\n");
    assert_int_equal(wrong, 0);
}

static void all_of_sprig_is_there_or_left_out_with_a_reason(void **state)
{
    size_t wrong = 0;

    (void)state;
    for (size_t i = 0; i < DD_COUNT(sprig); i++) {
        const char *why, *nearest;

        if (dd_function_find(dd_text_of(sprig[i]), &why, &nearest) || why)
            continue;
        print_error("Sprig's %s is neither there nor left out\n", sprig[i]);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void done(void)
{
    for (size_t i = 0; i < name_count; i++) {
        free(names[i].text);
        free(names[i].note);
    }
    for (size_t i = 0; i < case_count; i++) {
        free(cases[i].name);
        free(cases[i].input);
    }
    free(names);
    free(cases);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_and_the_code_agree),
        cmocka_unit_test(all_of_sprig_is_there_or_left_out_with_a_reason),
    };
    int code;

    collect_names();
    collect_cases();
    code = argc > 1 && strcmp(argv[1], "--write") == 0 ? write_table()
                                                       : cmocka_run_group_tests(tests, NULL, NULL);
    done();
    return code;
}
