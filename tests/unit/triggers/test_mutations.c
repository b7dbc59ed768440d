/* What no body may do to any sender: every member of every fixture's body is removed, made null, emptied and
 * given each other type in turn, and every body is cut short. There is an answer every time; and an event
 * that comes out all the same is one that a run could be made of (test_check_events). */
#include "tests/support/deliveries.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- Members taken away, made null, of another type, empty ---- */

enum change { REMOVED, NULLED, EMPTIED, A_STRING, A_NUMBER, A_LIST, AN_OBJECT, A_FLAG, CHANGES };

static json_t *replacement(enum change change, const json_t *old)
{
    switch (change) {
    case NULLED:
        return json_null();
    case EMPTIED:
        return json_is_object(old) ? json_object() : json_is_array(old) ? json_array() : json_string("");
    case A_STRING:
        return json_string("\xc3\xa4 \x01\x7f|,*$1");
    case A_NUMBER:
        return json_integer(-9007199254740993);
    case A_LIST:
        return json_pack("[n, s, i]", "x", 1);
    case AN_OBJECT:
        return json_pack("{s:n, s:s}", "id", "x", "y");
    case A_FLAG:
        return json_true();
    case REMOVED:
    case CHANGES:
        break;
    }
    return NULL;
}

static int tried;
static const char *tried_kind;

/* An answer, and the right kind of it: a distribution registry must never be refused for what an envelope
 * says. */
static void try_body(test_delivery *delivery, const json_t *root)
{
    int status = 0;
    dd_auto(dd_events) events = NULL;
    dd_auto(dd_error) why = NULL;
    dd_sender_settings *settings = test_sender(tried_kind);
    char *text = json_dumps(root, JSON_COMPACT | JSON_ENCODE_ANY);
    test_delivery_body(delivery, text, strlen(text));
    free(text);
    test_delivery_prove(delivery, tried_kind);
    int result = dd_delivery_read(settings, &delivery->delivery, &events, &status, &why);
    if (result == 0)
        test_check_events(events);
    else
        assert_int_equal(status, 400);
    bool envelope = json_is_object(root) || json_is_array(root);
    if (envelope && dd_sender_find(settings->kind)->is_registry)
        assert_int_equal(result, 0);
    tried++;
}

static void change_members(test_delivery *delivery, json_t *root, json_t *at);

/* Each change to one member, and then within it. */
static void change_member(test_delivery *delivery, json_t *root, json_t *object, const char *name,
                          size_t index)
{
    json_t *old = json_incref(name ? json_object_get(object, name) : json_array_get(object, index));
    for (enum change change = REMOVED; change < CHANGES; change++) {
        if (change != REMOVED && name)
            json_object_set_new(object, name, replacement(change, old));
        else if (change != REMOVED)
            json_array_set_new(object, index, replacement(change, old));
        else if (name)
            json_object_del(object, name);
        else
            json_array_remove(object, index);
        try_body(delivery, root);
        if (change == REMOVED && !name)
            json_array_insert(object, index, old);
    }
    if (name)
        json_object_set(object, name, old);
    else
        json_array_set(object, index, old);
    change_members(delivery, root, old);
    json_decref(old);
}

static void change_members(test_delivery *delivery, json_t *root, json_t *at)
{
    dd_auto(dd_strv) names = dd_strv_new();
    const char *name;
    json_t *value;
    json_object_foreach(at, name, value) dd_strv_add(names, name);
    for (size_t i = 0; i < names->count; i++)
        change_member(delivery, root, at, names->items[i], 0);
    for (size_t i = 0; i < json_array_size(at); i++)
        change_member(delivery, root, at, NULL, i);
}

static void change_case(const char *kind, const char *folder)
{
    test_delivery delivery = {0};
    test_delivery_load(&delivery, folder);
    json_auto_t *root = json_loadb(delivery.body, delivery.delivery.body_length, 0, NULL);
    json_auto_t *expected = test_load_json(folder, "expected.json");
    tried_kind = kind;
    /* What is refused as it is, or is a form, has no members to change. */
    if (root && !json_object_get(expected, "status")) {
        change_members(&delivery, root, root);
        for (enum change change = NULLED; change < CHANGES; change++) {
            json_auto_t *other = replacement(change, root);
            try_body(&delivery, other);
        }
    }
    test_delivery_done(&delivery);
}

static void threat_04_every_member_changed_in_turn_still_gets_an_answer(void **state)
{
    (void)state;
    test_each_case(DD_TESTS_DIR "/fixtures", change_case);
    print_message("%d bodies\n", tried);
    assert_true(tried > 50000);
}

static void cut_case(const char *kind, const char *folder)
{
    test_delivery delivery = {0};
    test_delivery_load(&delivery, folder);
    dd_auto_str whole = dd_strndup(delivery.body, delivery.delivery.body_length);
    size_t length = delivery.delivery.body_length;
    for (size_t cut = 0; cut < length; cut += 1 + cut / 16) {
        int status = 0;
        dd_auto(dd_events) events = NULL;
        test_delivery_body(&delivery, whole, cut);
        test_delivery_prove(&delivery, kind);
        if (dd_delivery_read(test_sender(kind), &delivery.delivery, &events, &status, NULL) == 0)
            test_check_events(events); /* a newline at the end may be missed */
    }
    test_delivery_done(&delivery);
}

static void threat_05_bodies_cut_short_get_an_answer(void **state)
{
    (void)state;
    test_each_case(DD_TESTS_DIR "/fixtures", cut_case);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threat_04_every_member_changed_in_turn_still_gets_an_answer),
        cmocka_unit_test(threat_05_bodies_cut_short_get_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
