/* The senders' JSON: what it takes, what it refuses, and what look-ups say of what is not there. */
#include "triggers/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static dd_json_document *parsed(const char *text)
{
    dd_json_document *document = NULL;
    dd_auto(dd_error) error = NULL;
    if (dd_json_parse(text, strlen(text), &document, &error) < 0)
        fail_msg("%s: %s", text, error->message);
    return document;
}

static void values_are_read_as_they_are_written(void **state)
{
    dd_auto(dd_json_document) document =
        parsed("{\"a\": [1, -9223372036854775808, 1.5, true, false, null, \"x\\u00e9\\ud83d\\ude00\\n\"],"
               " \"b\": {\"\": {}}, \"c\": 9223372036854775808}");
    const dd_json *root = dd_json_root(document), *list = dd_json_get(root, "a");
    (void)state;
    assert_int_equal(dd_json_count(root), 3);
    assert_int_equal(dd_json_count(list), 7);
    assert_int_equal(dd_json_at(list, 0)->integer, 1);
    assert_int_equal(dd_json_at(list, 1)->integer, INT64_MIN);
    assert_true(dd_json_at(list, 2)->real > 1.4 && dd_json_at(list, 2)->real < 1.6);
    assert_true(dd_json_at(list, 3)->boolean);
    assert_false(dd_json_at(list, 4)->boolean);
    assert_true(dd_json_is(dd_json_at(list, 5), DD_JSON_NULL));
    assert_string_equal(dd_json_text(dd_json_at(list, 6)), "x\xc3\xa9\xf0\x9f\x98\x80\n");
    assert_true(dd_json_is(dd_json_get(dd_json_get(root, "b"), ""), DD_JSON_OBJECT));
    assert_true(dd_json_is(dd_json_get(root, "c"), DD_JSON_REAL));
}

static void what_is_not_there_is_null_however_deep_one_asks(void **state)
{
    dd_auto(dd_json_document) document = parsed("{\"a\": [1]}");
    const dd_json *root = dd_json_root(document);
    (void)state;
    assert_null(dd_json_get(dd_json_get(root, "x"), "y"));
    assert_null(dd_json_get(dd_json_get(root, "a"), "y"));
    assert_null(dd_json_at(root, 0));
    assert_null(dd_json_at(dd_json_get(root, "a"), 1));
    assert_null(dd_json_text(dd_json_at(dd_json_get(root, "a"), 0)));
    assert_int_equal(dd_json_count(dd_json_get(root, "x")), 0);
}

static void what_two_readers_could_read_otherwise_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        " ",
        "1",
        "\"x\"",
        "null",
        "{",
        "[1,]",
        "{\"a\": 1,}",
        "{\"a\": 1} x",
        "{\"a\": 1}{}",
        "{\"a\": 1}\"",
        "{\"a\": 1}\"}",
        "[1]\v",
        "[1,\f2]",
        "{'a': 1}",
        "{a: 1}",
        "[01]",
        "[1.]",
        "[NaN]",
        "[\"\t\"]",
        "[\"\xff\"]",
        "[\"\\u0000\"]",
        "{\"a\\u0000\": 1}",
        "[\"\\ud83d\"]",
        "[\"\\ude00\"]",
        "[\"\\ud83d\\ud83d\"]",
        "// x\n{}",
        "{\"a\": 1, \"a\": 2}",
        "{\"x\": {\"a\": 1, \"\\u0061\": 2}}",
        "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":1,\"l\":1,"
        "\"m\":1,"
        "\"b\":1}",
    };
    (void)state;
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd_json_document *document = NULL;
        dd_auto(dd_error) error = NULL;
        if (dd_json_parse(cases[i], strlen(cases[i]), &document, &error) == 0)
            fail_msg("taken: %s", cases[i]);
        assert_null(document);
        assert_int_equal(error->code, DD_ERR_INVALID);
    }
}

static void deep_nesting_is_refused_and_a_hundred_levels_are_not(void **state)
{
    dd_buf text = {0};
    (void)state;
    for (size_t depth = DD_JSON_MAX_DEPTH; depth <= DD_JSON_MAX_DEPTH + 1; depth++) {
        dd_json_document *document = NULL;
        dd_auto(dd_error) error = NULL;
        dd_buf_clear(&text);
        for (size_t i = 0; i < depth; i++)
            dd_buf_add_char(&text, '[');
        for (size_t i = 0; i < depth; i++)
            dd_buf_add_char(&text, ']');
        int result = dd_json_parse(text.data, text.length, &document, &error);
        assert_int_equal(result, depth > DD_JSON_MAX_DEPTH ? -1 : 0);
        assert_true(!error || error->code == DD_ERR_LIMIT);
        dd_json_document_free(document);
    }
    dd_buf_done(&text);
}

static void an_error_says_the_line(void **state)
{
    dd_json_document *document = NULL;
    dd_auto(dd_error) error = NULL;
    static const char text[] = "{\n\"a\": 1,\n\"b\" 2}";
    (void)state;
    assert_int_equal(dd_json_parse(text, strlen(text), &document, &error), -1);
    assert_non_null(strstr(error->message, "(line 3)"));
}

static void a_pointer_leads_to_a_value_or_to_nothing(void **state)
{
    static const char text[] = "{\"a\": {\"b/c\": [\"x\", {\"~\": \"y\"}], \"\": \"z\", \"0\": \"w\"}}";
    static const char *const found[][2] = {
        {"/a/b~1c/0", "x"}, {"/a/b~1c/1/~0", "y"}, {"/a/", "z"}, {"/a/0", "w"}};
    static const char *const nothing[] = {"/b",         "/a/b~1c/2",   "/a/b~1c/00", "/a/b~1c/-1",
                                          "/a/b~1c/01", "/a/b~1c/0/x", "/a/b/c"};
    dd_auto(dd_json_document) document = NULL;
    (void)state;
    assert_int_equal(dd_json_parse(text, strlen(text), &document, NULL), 0);
    for (size_t i = 0; i < DD_COUNT(found); i++)
        assert_string_equal(dd_json_text(dd_json_pointer(dd_json_root(document), found[i][0])), found[i][1]);
    for (size_t i = 0; i < DD_COUNT(nothing); i++)
        assert_null(dd_json_pointer(dd_json_root(document), nothing[i]));
    assert_ptr_equal(dd_json_pointer(dd_json_root(document), ""), dd_json_root(document));
    assert_null(dd_json_pointer(NULL, "/a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_as_they_are_written),
        cmocka_unit_test(what_is_not_there_is_null_however_deep_one_asks),
        cmocka_unit_test(what_two_readers_could_read_otherwise_is_refused),
        cmocka_unit_test(deep_nesting_is_refused_and_a_hundred_levels_are_not),
        cmocka_unit_test(an_error_says_the_line),
        cmocka_unit_test(a_pointer_leads_to_a_value_or_to_nothing),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
