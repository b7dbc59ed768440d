/* YAML as a tree: types, places, anchors and merges, and bounds that hold against aliases too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/base/base.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static dd_yaml *parsed(const char *text)
{
    dd_yaml *yaml = NULL;
    dd_auto(dd_error) err = NULL;
    if (dd_yaml_parse(text, strlen(text), &yaml, &err) < 0)
        fail_msg("%s", err->message);
    return yaml;
}

static void assert_refused(const char *text, size_t length, dd_code code, const char *part)
{
    dd_yaml *yaml = NULL;
    dd_auto(dd_error) err = NULL;
    assert_int_equal(dd_yaml_parse(text, length, &yaml, &err), -1);
    assert_null(yaml);
    assert_int_equal(err->code, code);
    if (!strstr(err->message, part))
        fail_msg("'%s' is not in: %s", part, err->message);
}

static void assert_text(const dd_yaml_node *map, const char *key, const char *expected)
{
    const dd_yaml_node *node = dd_yaml_get(map, key);
    assert_non_null(node);
    assert_string_equal(node->text, expected);
}

static void scalars_have_the_types_of_yaml_1_1(void **state)
{
    static const struct {
        const char *text;
        dd_yaml_type type;
    } cases[] = {{"~", DD_YAML_NULL},
                 {"null", DD_YAML_NULL},
                 {"yes", DD_YAML_BOOL},
                 {"off", DD_YAML_BOOL},
                 {"True", DD_YAML_BOOL},
                 {"tRUE", DD_YAML_STRING},
                 {"1", DD_YAML_INT},
                 {"-1", DD_YAML_INT},
                 {"+1", DD_YAML_INT},
                 {"010", DD_YAML_INT},
                 {"0x1F", DD_YAML_INT},
                 {"0b11", DD_YAML_INT},
                 {"0o17", DD_YAML_INT},
                 {"1_000", DD_YAML_INT},
                 {"09", DD_YAML_FLOAT},
                 {"0x", DD_YAML_STRING},
                 {"0b2", DD_YAML_STRING},
                 {"0o", DD_YAML_STRING},
                 {"0", DD_YAML_INT},
                 {"1_000.5", DD_YAML_FLOAT},
                 {".5_0", DD_YAML_STRING},
                 {"_1", DD_YAML_STRING},
                 {"-_1", DD_YAML_INT},
                 {"1__0", DD_YAML_INT},
                 {"0x_1", DD_YAML_INT},
                 {"08_0", DD_YAML_FLOAT},
                 {"2001-01-01", DD_YAML_STRING},
                 {"1:30", DD_YAML_STRING},
                 {"tRue", DD_YAML_STRING},
                 {"+.Inf", DD_YAML_FLOAT},
                 {"+.inF", DD_YAML_STRING},
                 {"1e999", DD_YAML_STRING},
                 {"1.5", DD_YAML_FLOAT},
                 {".5", DD_YAML_FLOAT},
                 {"1.", DD_YAML_FLOAT},
                 {"1e3", DD_YAML_FLOAT},
                 {"1e", DD_YAML_STRING},
                 {".", DD_YAML_STRING},
                 {"-.inf", DD_YAML_FLOAT},
                 {".nan", DD_YAML_FLOAT},
                 {"1.2.3", DD_YAML_STRING},
                 {"\"1\"", DD_YAML_STRING},
                 {"'yes'", DD_YAML_STRING},
                 {"!!str 1", DD_YAML_STRING},
                 {"-", DD_YAML_STRING},
                 {"9223372036854775807", DD_YAML_INT},
                 {"9223372036854775808", DD_YAML_FLOAT},
                 {"-9223372036854775808", DD_YAML_INT}};
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto_str text = dd_sprintf("a: %s", strcmp(cases[i].text, "-") == 0 ? "\"-\"" : cases[i].text);
        dd_auto(dd_yaml) yaml = parsed(text);
        dd_yaml_type type = dd_yaml_scalar_type(dd_yaml_get(yaml->root, "a"));
        if (type != cases[i].type)
            fail_msg("%s is of type %d", cases[i].text, (int)type);
    }
}

static void numbers_are_read_in_the_base_that_they_are_written_in(void **state)
{
    dd_auto(dd_yaml) yaml = parsed(
        "[010, 0x10, -0b101, 1_000, 2.9, 0o17, -9223372036854775808, 1e30, x, .nan, 9223372036854775808]");
    static const int64_t expected[] = {8, 16, -5, 1000, 2, 15, INT64_MIN};
    int64_t number;
    double real;
    (void)state;
    for (size_t i = 0; i < yaml->root->length; i++) {
        bool is = dd_yaml_scalar_int(yaml->root->items[i], &number);
        assert_int_equal(is, i < DD_COUNT(expected));
        if (is)
            assert_int_equal(number, expected[i]);
    }
    assert_true(dd_yaml_scalar_float(yaml->root->items[4], &real) && real > 2.8 && real < 3);
    assert_true(dd_yaml_scalar_float(yaml->root->items[9], &real) && isnan(real));
    assert_false(dd_yaml_scalar_float(yaml->root->items[8], &real));
}

static void nodes_know_where_they_stand(void **state)
{
    dd_auto(dd_yaml) yaml = parsed("a: 1\nb:\n  - x\n  - {c: d}\n");
    const dd_yaml_node *list = dd_yaml_get(yaml->root, "b"), *d = dd_yaml_get(list->items[1], "c");
    (void)state;
    assert_int_equal(d->place.line, 4);
    assert_int_equal(d->place.column, 9);
    assert_int_equal(yaml->root->entries[1].key->place.line, 2);
    assert_null(dd_yaml_get(NULL, "a"));
    assert_null(dd_yaml_get(list, "a"));
}

static void assert_refused_at(const char *text, size_t length, int line, int column)
{
    dd_yaml *yaml = NULL;
    dd_auto(dd_error) err = NULL;
    assert_int_equal(dd_yaml_parse(text, length, &yaml, &err), -1);
    if (err->place.line != line || err->place.column != column)
        fail_msg("%d:%d instead of %d:%d: %s", err->place.line, err->place.column, line, column,
                 err->message);
}

static void places_are_bytes_in_lines_as_an_editor_ends_them(void **state)
{
    static const struct {
        const char *text;
        int line, column;
    } cases[] = {{"a: *x", 1, 4},
                 {"\u00e9: *x", 1, 5},                   /* two bytes, one character */
                 {"a: 1\n\u20ac\U0001f600: *x", 2, 10},  /* three and four */
                 {"a: 1\r\nb: *x", 2, 4},                /* one end of line */
                 {"a: \"\u2028\xc2\x85\"\nb: *x", 2, 4}, /* ends of lines to YAML only */
                 {"\xef\xbb\xbf"
                  "b: *x",
                  1, 7},                 /* the byte order mark is there */
                 {"\u00e9: \xff", 1, 5}, /* unreadable: after two bytes, not one */
                 {"a: 1\nb: \x01", 2, 4},
                 {"\u00e9: [\n\n", 3, 1}};
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++)
        assert_refused_at(cases[i].text, strlen(cases[i].text), cases[i].line, cases[i].column);
    assert_refused_at("\xff\xfe*\0x\0", 6, 1, 1); /* UTF-16 */
}

static void nothing_is_a_document_without_a_root(void **state)
{
    static const char *const empty[] = {"", "\n", "# only words\n", "---\n", "---\n...\n"};
    (void)state;
    for (size_t i = 0; i < DD_COUNT(empty); i++) {
        dd_auto(dd_yaml) yaml = parsed(empty[i]);
        assert_null(yaml->root);
    }
    dd_auto(dd_yaml) yaml = parsed("''");
    assert_non_null(yaml->root);
}

static void the_last_of_repeated_keys_counts_and_a_warning_says_so(void **state)
{
    dd_auto(dd_yaml) yaml = parsed("a: 1\nb: 2\na: 3\n---\nc: d\n");
    (void)state;
    assert_int_equal(yaml->root->length, 2);
    assert_text(yaml->root, "a", "3");
    assert_int_equal(yaml->warning_count, 2);
    assert_int_equal(yaml->warnings[0]->place.line, 3);
    assert_int_equal(yaml->warnings[1]->place.line, 4);
    assert_null(dd_yaml_get(yaml->root, "c"));
}

static void what_stands_behind_the_first_document_may_be_anything(void **state)
{
    dd_auto(dd_yaml) yaml = parsed("a: 1\n---\n]]]\n");
    dd_auto(dd_yaml) unmarked = parsed("[a]\n]\n");
    (void)state;
    assert_text(yaml->root, "a", "1");
    assert_int_equal(yaml->warning_count, 1);
    assert_int_equal(unmarked->root->length, 1);
    assert_int_equal(unmarked->warning_count, 1);
    assert_int_equal(unmarked->warnings[0]->place.line, 2);
}

static void merges_fill_in_what_is_not_said(void **state)
{
    dd_auto(dd_yaml) yaml = parsed("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\n"
                                   "z: {<<: [*x, *y], c: 3, '<<': quoted}\n"
                                   "v: {<<: *x, a: 0}\n");
    const dd_yaml_node *z = dd_yaml_get(yaml->root, "z"), *v = dd_yaml_get(yaml->root, "v");
    (void)state;
    assert_text(z, "a", "1");
    assert_text(z, "b", "1"); /* the first of the list */
    assert_text(z, "c", "3"); /* what is said itself */
    assert_text(z, "<<", "quoted");
    assert_text(v, "a", "0");
    assert_int_equal(yaml->warning_count, 0);
    assert_refused("a: {<<: 1}", 10, DD_ERR_INVALID, "'<<' merges");
    assert_refused("a: {<<: [1]}", 12, DD_ERR_INVALID, "'<<' merges");
}

/* As go-yaml v2 reads a map, from its begin to its end. */
static void a_merge_replaces_what_stands_before_it_and_says_so(void **state)
{
    dd_auto(dd_yaml) yaml = parsed("x: &x {a: 1, b: 1}\ny: &y {b: 2}\n"
                                   "v: {a: 0, <<: *x}\n"
                                   "w: {<<: *x, <<: *y, !!str <<: text}\n"
                                   "z: {<<: {<<: *y, b: 3}, b: 4, !!merge '<<': *x}\n");
    const dd_yaml_node *v = dd_yaml_get(yaml->root, "v"), *w = dd_yaml_get(yaml->root, "w");
    (void)state;
    assert_text(v, "a", "1");
    assert_text(w, "b", "2");
    assert_text(w, "<<", "text");
    assert_text(dd_yaml_get(yaml->root, "z"), "b", "1");
    assert_int_equal(yaml->warning_count, 2);
    assert_non_null(strstr(yaml->warnings[0]->message, "replaces it: a"));
    assert_int_equal(yaml->warnings[0]->place.line, 3);
    assert_int_equal(yaml->warnings[0]->place.column, 11);
}

static void tags_say_what_a_value_is(void **state)
{
    static const struct {
        const char *text;
        dd_yaml_type type;
    } cases[] = {
        {"!!int \"1\"", DD_YAML_INT},     {"!!int 0x10", DD_YAML_INT},      {"!!float 1", DD_YAML_FLOAT},
        {"!!float '.5'", DD_YAML_FLOAT},  {"!!bool \"yes\"", DD_YAML_BOOL}, {"!!null ''", DD_YAML_NULL},
        {"!!null ~", DD_YAML_NULL},       {"!!str 1", DD_YAML_STRING},      {"!!str ~", DD_YAML_STRING},
        {"!!str", DD_YAML_STRING},        {"!own 1", DD_YAML_STRING},       {"! 1", DD_YAML_STRING},
        {"!!binary MQ==", DD_YAML_STRING}};
    static const char *const refused[] = {"!!int x",  "!!int ~",  "!!int 1.5", "!!float x",     "!!bool 1",
                                          "!!bool x", "!!null x", "!!int ''",  "!!binary \"*\""};
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_auto_str text = dd_sprintf("a: %s", cases[i].text);
        dd_auto(dd_yaml) yaml = parsed(text);
        dd_yaml_type type = dd_yaml_scalar_type(dd_yaml_get(yaml->root, "a"));
        if (type != cases[i].type)
            fail_msg("%s is of type %d", cases[i].text, (int)type);
    }
    for (size_t i = 0; i < DD_COUNT(refused); i++)
        assert_refused(refused[i], strlen(refused[i]), DD_ERR_INVALID, "no ");
    dd_auto(dd_yaml) yaml = parsed("a: !!binary |\n  aGVs\n  bG8=\nb: !!float 1\nc: !!int '010'\n");
    double real;
    int64_t whole;
    assert_text(yaml->root, "a", "hello");
    assert_true(dd_yaml_scalar_float(dd_yaml_get(yaml->root, "b"), &real) && real > 0.9 && real < 1.1);
    assert_true(dd_yaml_scalar_int(dd_yaml_get(yaml->root, "c"), &whole));
    assert_int_equal(whole, 8);
}

static void aliases_stand_for_the_newest_anchor_before_them(void **state)
{
    dd_auto(dd_yaml) yaml = parsed("a: &n 1\nb: *n\nc: &n 2\nd: *n\n");
    (void)state;
    assert_text(yaml->root, "b", "1");
    assert_text(yaml->root, "d", "2");
    assert_refused("a: *n", 5, DD_ERR_INVALID, "no anchor 'n'");
    assert_refused("&n [*n]", 7, DD_ERR_INVALID, "contains itself");
    assert_refused("&n {a: {<<: *n}}", 16, DD_ERR_INVALID, "contains itself");
    assert_refused("{? [a] : b}", 11, DD_ERR_INVALID, "a key must be a text");
}

static void a_bomb_of_aliases_is_refused(void **state)
{
    dd_buf text = {0};
    (void)state;
    dd_buf_add_str(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 12; i++)
        dd_buf_printf(&text, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1, i - 1,
                      i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    assert_refused(text.data, text.length, DD_ERR_LIMIT, "values once aliases are expanded");
    /* Nobody waits for that: aliases are counted, and never expanded. At the sixth of the twelve it is over.
     */
    dd_yaml *yaml = NULL;
    dd_auto(dd_error) err = NULL;
    assert_int_equal(dd_yaml_parse(text.data, text.length, &yaml, &err), -1);
    assert_int_equal(err->place.line, 6);
    dd_buf_done(&text);
}

static void add_nested(dd_buf *text, int depth, const char *inner)
{
    for (int i = 0; i < depth; i++)
        dd_buf_add_char(text, '[');
    dd_buf_add_str(text, inner);
    for (int i = 0; i < depth; i++)
        dd_buf_add_char(text, ']');
}

static void a_bomb_of_merges_is_refused(void **state)
{
    dd_buf text = {0};
    (void)state;
    dd_buf_add_str(&text, "a: &a {");
    for (int i = 0; i < 1000; i++)
        dd_buf_printf(&text, "k%d: v, ", i);
    dd_buf_add_str(&text, "}\nb: [");
    for (int i = 0; i < 1000; i++)
        dd_buf_add_str(&text, "{<<: *a},");
    dd_buf_add_str(&text, "]\n");
    assert_refused(text.data, text.length, DD_ERR_LIMIT, "values once aliases are expanded");
    dd_buf_done(&text);
}

static void other_bounds_may_be_given(void **state)
{
    static const dd_yaml_limits limits = {.bytes = 10, .nodes = 3};
    dd_yaml *yaml = NULL;
    dd_auto(dd_error) err = NULL;
    (void)state;
    assert_int_equal(dd_yaml_parse_within("[a, b, c]  ", 11, &limits, &yaml, &err), -1);
    assert_non_null(strstr(err->message, "larger than 10 bytes"));
    assert_int_equal(dd_yaml_parse_within("[a, b, c]", 9, &limits, &yaml, &err), -1);
    assert_non_null(strstr(err->message, "more than 3 values"));
    assert_int_equal(dd_yaml_parse_within("[a, b]", 6, &limits, &yaml, NULL), 0);
    dd_yaml_free(yaml);
}

static void depth_is_bounded_and_by_aliases_too(void **state)
{
    dd_buf text = {0};
    (void)state;
    add_nested(&text, DD_YAML_MAX_DEPTH - 1, "x");
    dd_auto(dd_yaml) deepest = parsed(text.data);
    dd_buf_clear(&text);
    add_nested(&text, DD_YAML_MAX_DEPTH, "x");
    assert_refused(text.data, text.length, DD_ERR_LIMIT, "nested more than");
    dd_buf_clear(&text);
    /* Each as deep as it may be, and each in the next. */
    dd_buf_add_str(&text, "a: &a ");
    add_nested(&text, 60, "x");
    dd_buf_add_str(&text, "\nflat: &flat [x]\nb: &b ");
    add_nested(&text, 60, "*a");
    assert_refused(text.data, text.length, DD_ERR_LIMIT, "nested more than");
    dd_buf_clear(&text);
    dd_buf_add_str(&text, "deep: ");
    add_nested(&text, 90, "x");
    dd_buf_add_str(&text, "\nflat: &flat [x]\nb: ");
    add_nested(&text, 90, "*flat");
    dd_auto(dd_yaml) beside = parsed(text.data); /* what is deep elsewhere does not count */
    dd_buf_done(&text);
}

static void bytes_are_bounded_and_must_be_text(void **state)
{
    char *huge = dd_calloc(DD_YAML_MAX_BYTES + 2, 1);
    (void)state;
    memset(huge, '#', DD_YAML_MAX_BYTES + 1);
    assert_refused(huge, DD_YAML_MAX_BYTES + 1, DD_ERR_LIMIT, "larger than");
    free(huge);
    assert_refused("a: \"\\0\"", 7, DD_ERR_INVALID, "NUL");
    assert_refused("a: \xff", 4, DD_ERR_INVALID, "not YAML");
    assert_refused("a: [", 4, DD_ERR_INVALID, "not YAML");
    assert_refused("\ta: 1\n - b", 10, DD_ERR_INVALID, "not YAML");
}

static void many_keys_are_read_in_little_time(void **state)
{
    dd_buf text = {0};
    (void)state;
    for (int i = 0; i < 40000; i++)
        dd_buf_printf(&text, "k%d: v\n", i);
    int64_t began_ms = dd_monotonic_ms();
    dd_auto(dd_yaml) yaml = parsed(text.data);
    assert_true(dd_monotonic_ms() - began_ms < 10000);
    assert_int_equal(yaml->root->length, 40000);
    assert_text(yaml->root, "k39999", "v");
    dd_buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_have_the_types_of_yaml_1_1),
        cmocka_unit_test(numbers_are_read_in_the_base_that_they_are_written_in),
        cmocka_unit_test(nodes_know_where_they_stand),
        cmocka_unit_test(places_are_bytes_in_lines_as_an_editor_ends_them),
        cmocka_unit_test(nothing_is_a_document_without_a_root),
        cmocka_unit_test(the_last_of_repeated_keys_counts_and_a_warning_says_so),
        cmocka_unit_test(what_stands_behind_the_first_document_may_be_anything),
        cmocka_unit_test(merges_fill_in_what_is_not_said),
        cmocka_unit_test(a_merge_replaces_what_stands_before_it_and_says_so),
        cmocka_unit_test(tags_say_what_a_value_is),
        cmocka_unit_test(aliases_stand_for_the_newest_anchor_before_them),
        cmocka_unit_test(a_bomb_of_aliases_is_refused),
        cmocka_unit_test(a_bomb_of_merges_is_refused),
        cmocka_unit_test(other_bounds_may_be_given),
        cmocka_unit_test(depth_is_bounded_and_by_aliases_too),
        cmocka_unit_test(bytes_are_bounded_and_must_be_text),
        cmocka_unit_test(many_keys_are_read_in_little_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
