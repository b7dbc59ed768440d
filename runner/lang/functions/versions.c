/* Sprig's semantic versions, and *semver.Version as a value: {{ (semver "1.2.3").Major }}. */
#include "runner/lang/functions/functions.h"
#include "runner/lang/semver.h"

typedef struct version_object {
    dd_object object;
    dd_semver version;
} version_object;

static const dd_semver *version_of(const dd_value *value)
{
    return &((const version_object *)value->object)->version;
}

static void print_version(dd_buf *into, const dd_value *value)
{
    dd_semver_print(into, version_of(value));
}

/* They are pointers in Go: equal when they are the same one. */
static bool same_version(const dd_value *a, const dd_value *b)
{
    return a->object == b->object;
}

static bool json_version(dd_buf *into, const dd_value *value)
{
    print_version(into, value);
    return true;
}

/* ---- Methods ---- */

#define DEFINE_NUMBER(NAME, MEMBER)                                                                          \
    CALL(NAME)                                                                                               \
    {                                                                                                        \
        *ret = dd_value_int64(version_of(&arguments[0])->MEMBER);                                            \
        return 0;                                                                                            \
    }
DEFINE_NUMBER(Major, major)
DEFINE_NUMBER(Minor, minor)
DEFINE_NUMBER(Patch, patch)

#define DEFINE_TEXT(NAME, MEMBER)                                                                            \
    CALL(NAME)                                                                                               \
    {                                                                                                        \
        *ret = dd_value_text(version_of(&arguments[0])->MEMBER);                                             \
        return 0;                                                                                            \
    }
DEFINE_TEXT(Prerelease, prerelease)
DEFINE_TEXT(Metadata, metadata)
DEFINE_TEXT(Original, original)

CALL(String)
{
    dd_buf text = {0};

    print_version(&text, &arguments[0]);
    return dd_give_buf(e, &text, ret);
}

static int compare(dd_evaluation *e, const dd_value *arguments, int *ret);

CALL(Compare)
{
    int order = 0;

    if (compare(e, arguments, &order) < 0)
        return -1;
    *ret = dd_value_int(order);
    return 0;
}

#define DEFINE_VERSION_ORDER(NAME, TEST)                                                                     \
    CALL(NAME)                                                                                               \
    {                                                                                                        \
        int order = 0;                                                                                       \
                                                                                                             \
        if (compare(e, arguments, &order) < 0)                                                               \
            return -1;                                                                                       \
        *ret = dd_value_bool(order TEST 0);                                                                  \
        return 0;                                                                                            \
    }
DEFINE_VERSION_ORDER(LessThan, <)
DEFINE_VERSION_ORDER(GreaterThan, >)
DEFINE_VERSION_ORDER(Equal, ==)

static const dd_function methods[] = {
    {"Compare", "a", call_Compare},
    {"Equal", "a", call_Equal},
    {"GreaterThan", "a", call_GreaterThan},
    {"LessThan", "a", call_LessThan},
    {"Major", "", call_Major},
    {"Metadata", "", call_Metadata},
    {"Minor", "", call_Minor},
    {"Original", "", call_Original},
    {"Patch", "", call_Patch},
    {"Prerelease", "", call_Prerelease},
    {"String", "", call_String},
};

static const dd_class version_class = {
    .type_name = "*semver.Version",
    .kind_name = "ptr",
    .print = print_version,
    .equal = same_version,
    .json = json_version,
    .methods = methods,
    .method_count = DD_COUNT(methods),
};

static int compare(dd_evaluation *e, const dd_value *arguments, int *ret)
{
    if (arguments[1].kind != DD_VALUE_OBJECT || arguments[1].object->class != &version_class)
        return dd_evaluation_fail(e, "wrong type for value: want *semver.Version, got %s",
                                  dd_value_type_name(&arguments[1]));
    *ret = dd_semver_compare(version_of(&arguments[0]), version_of(&arguments[1]));
    return 0;
}

/* ---- Functions ---- */

CALL(semver)
{
    dd_auto(dd_error) error = NULL;
    version_object *object = dd_arena_alloc(dd_evaluation_arena(e), sizeof(*object));

    object->object.class = &version_class;
    if (dd_semver_parse(arguments[0].text, &object->version, &error) < 0)
        return dd_evaluation_fail(e, "%s", error->message);
    *ret = dd_value_object(&object->object);
    return 0;
}

CALL(semverCompare)
{
    dd_auto(dd_error) bad_constraint = NULL;
    dd_auto(dd_error) bad_version = NULL;
    dd_semver version;
    bool kept = false;

    if (dd_evaluation_work(e, arguments[0].text.length) < 0)
        return -1;
    dd_semver_parse(arguments[1].text, &version, &bad_version);
    if (dd_semver_check(arguments[0].text, &version, &kept, &bad_constraint) < 0)
        return dd_evaluation_fail(e, "%s", bad_constraint->message);
    if (bad_version)
        return dd_evaluation_fail(e, "%s", bad_version->message);
    *ret = dd_value_bool(kept);
    return 0;
}

static const dd_function rows[] = {
    {"semver", "s", call_semver},
    {"semverCompare", "ss", call_semverCompare},
};
const dd_function_family dd_functions_versions = DD_FAMILY("versions", rows);
