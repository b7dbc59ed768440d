/* The messages between a worker and its run's process: what is written is read, and nothing else is. */
#include "runner/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const dd_message samples[DD_MESSAGE_TYPES] = {
    [DD_MESSAGE_JOB] = {.type = DD_MESSAGE_JOB, .text = "{}", .length = 2},
    [DD_MESSAGE_PUSH_ANSWER] = {.type = DD_MESSAGE_PUSH_ANSWER, .allowed = true, .step = "push"},
    [DD_MESSAGE_CANCEL] = {.type = DD_MESSAGE_CANCEL, .state = DD_RUN_CANCELED, .text = "why", .length = 3},
    [DD_MESSAGE_STATE] = {.type = DD_MESSAGE_STATE, .state = DD_RUN_RUNNING},
    [DD_MESSAGE_STEP] = {.type = DD_MESSAGE_STEP,
                         .report = {.kind = DD_STEP_BUILD,
                                    .state = DD_STEP_FAILED,
                                    .exit_code = -1,
                                    .attempts = 3,
                                    .started_ms = 1700000000123,
                                    .ended_ms = INT64_MAX},
                         .step = "build",
                         .text = "no space",
                         .length = 8},
    [DD_MESSAGE_LOG] = {.type = DD_MESSAGE_LOG,
                        .stream = DD_STREAM_ERR,
                        .at_ms = 1700000000123,
                        .step = "",
                        .text = "line",
                        .length = 4},
    [DD_MESSAGE_MAY_PUSH] = {.type = DD_MESSAGE_MAY_PUSH, .step = "push"},
    [DD_MESSAGE_RESULT] = {.type = DD_MESSAGE_RESULT, .text = "{}", .length = 2},
};

static dd_direction direction_of(dd_message_type type)
{
    return type <= DD_MESSAGE_CANCEL ? DD_TO_CHILD : DD_TO_WORKER;
}

static void encode(const dd_message *message, dd_buf *into)
{
    assert_int_equal(dd_message_encode(message, into, NULL), 0);
}

static void assert_same(const dd_message *expected, const dd_message *actual)
{
    assert_int_equal(actual->type, expected->type);
    assert_int_equal(actual->state, expected->state);
    assert_int_equal(actual->stream, expected->stream);
    assert_int_equal(actual->allowed, expected->allowed);
    assert_int_equal(actual->at_ms, expected->at_ms);
    assert_int_equal(actual->report.kind, expected->report.kind);
    assert_int_equal(actual->report.state, expected->report.state);
    assert_int_equal(actual->report.exit_code, expected->report.exit_code);
    assert_int_equal(actual->report.attempts, expected->report.attempts);
    assert_int_equal(actual->report.started_ms, expected->report.started_ms);
    assert_int_equal(actual->report.ended_ms, expected->report.ended_ms);
    assert_string_equal(actual->step, expected->step ? expected->step : "");
    assert_int_equal(actual->length, expected->length);
    assert_string_equal(actual->text, expected->text ? expected->text : "");
}

static void assert_refused(dd_direction direction, const void *data, size_t length)
{
    dd_auto(dd_decoder) decoder = dd_decoder_new(direction);
    dd_auto(dd_error) error = NULL;
    dd_message message;

    dd_decoder_feed(decoder, data, length);
    assert_int_equal(dd_decoder_next(decoder, &message, &error), -1);
    assert_int_equal(error->code, DD_ERR_INVALID);
}

static void every_type_is_read_as_it_was_written(void **state)
{
    (void)state;
    for (int type = 0; type < DD_MESSAGE_TYPES; type++) {
        dd_auto(dd_decoder) decoder = dd_decoder_new(direction_of((dd_message_type)type));
        dd_buf bytes = {0};
        dd_message message;
        encode(&samples[type], &bytes);
        dd_decoder_feed(decoder, bytes.data, bytes.length);
        assert_int_equal(dd_decoder_next(decoder, &message, NULL), 1);
        assert_same(&samples[type], &message);
        assert_int_equal(dd_decoder_next(decoder, &message, NULL), 0);
        dd_buf_done(&bytes);
    }
}

static void frames_cut_anywhere_are_put_together(void **state)
{
    dd_auto(dd_decoder) decoder = dd_decoder_new(DD_TO_WORKER);
    dd_buf bytes = {0};
    dd_message message;
    int next, expected = DD_MESSAGE_STATE;

    (void)state;
    for (int type = DD_MESSAGE_STATE; type < DD_MESSAGE_TYPES; type++)
        encode(&samples[type], &bytes);
    for (size_t i = 0; i < bytes.length; i++) {
        dd_decoder_feed(decoder, bytes.data + i, 1);
        while ((next = dd_decoder_next(decoder, &message, NULL)) > 0)
            assert_same(&samples[expected++], &message);
        assert_int_equal(next, 0);
    }
    assert_int_equal(expected, DD_MESSAGE_TYPES);
    dd_buf_done(&bytes);
}

static void a_message_in_the_wrong_direction_is_refused(void **state)
{
    (void)state;
    for (int type = 0; type < DD_MESSAGE_TYPES; type++) {
        dd_buf bytes = {0};
        encode(&samples[type], &bytes);
        assert_refused(direction_of((dd_message_type)type) == DD_TO_CHILD ? DD_TO_WORKER : DD_TO_CHILD,
                       bytes.data, bytes.length);
        dd_buf_done(&bytes);
    }
}

static void a_length_above_the_limit_is_refused_before_its_bytes_come(void **state)
{
    static const uint8_t header[DD_FRAME_HEADER_BYTES] = {0x00, 0x10, 0x00, 0x01, 0, DD_MESSAGE_RESULT};

    (void)state;
    assert_refused(DD_TO_WORKER, header, sizeof header);
}

static void an_unknown_type_is_refused(void **state)
{
    static const uint8_t header[DD_FRAME_HEADER_BYTES] = {0, 0, 0, 0, 0, DD_MESSAGE_TYPES};

    (void)state;
    assert_refused(DD_TO_WORKER, header, sizeof header);
}

static void a_payload_cut_or_lengthened_is_refused(void **state)
{
    dd_buf bytes = {0};

    (void)state;
    encode(&samples[DD_MESSAGE_MAY_PUSH], &bytes);
    for (size_t length = 0; length < bytes.length - DD_FRAME_HEADER_BYTES; length++) {
        bytes.data[3] = (char)length;
        assert_refused(DD_TO_WORKER, bytes.data, bytes.length);
    }
    bytes.data[3] = (char)(bytes.length - DD_FRAME_HEADER_BYTES + 1);
    dd_buf_add_char(&bytes, 'x');
    assert_refused(DD_TO_WORKER, bytes.data, bytes.length);
    dd_buf_done(&bytes);
}

static void a_number_out_of_bounds_is_refused(void **state)
{
    dd_buf bytes = {0};

    (void)state;
    encode(&samples[DD_MESSAGE_STATE], &bytes);
    bytes.data[bytes.length - 1] = DD_RUN_SUCCEEDED; /* only RESULT ends a run */
    assert_refused(DD_TO_WORKER, bytes.data, bytes.length);
    bytes.data[DD_FRAME_HEADER_BYTES] = (char)0x80;
    assert_refused(DD_TO_WORKER, bytes.data, bytes.length);
    dd_buf_done(&bytes);
}

static void a_nul_byte_in_a_text_is_refused(void **state)
{
    dd_buf bytes = {0};

    (void)state;
    encode(&samples[DD_MESSAGE_RESULT], &bytes);
    bytes.data[bytes.length - 1] = '\0';
    assert_refused(DD_TO_WORKER, bytes.data, bytes.length);
    dd_buf_done(&bytes);
}

static void after_a_bad_frame_nothing_more_is_read(void **state)
{
    static const uint8_t bad[DD_FRAME_HEADER_BYTES] = {0, 0, 0, 0, 0xff, 0xff};
    dd_auto(dd_decoder) decoder = dd_decoder_new(DD_TO_WORKER);
    dd_buf good = {0};
    dd_message message;

    (void)state;
    encode(&samples[DD_MESSAGE_STATE], &good);
    dd_decoder_feed(decoder, bad, sizeof bad);
    assert_int_equal(dd_decoder_next(decoder, &message, NULL), -1);
    dd_decoder_feed(decoder, good.data, good.length);
    assert_int_equal(dd_decoder_next(decoder, &message, NULL), -1);
    dd_buf_done(&good);
}

static void a_text_that_does_not_fit_is_not_written(void **state)
{
    size_t length = DD_FRAME_MAX_BYTES + 1;
    char *text = dd_calloc(1, length + 1);
    dd_auto(dd_error) error = NULL;
    dd_buf bytes = {0};

    (void)state;
    memset(text, 'x', length);
    assert_int_equal(
        dd_message_encode(&(dd_message){.type = DD_MESSAGE_RESULT, .text = text, .length = length}, &bytes,
                          &error),
        -1);
    assert_int_equal(error->code, DD_ERR_LIMIT);
    assert_int_equal(bytes.length, 0);
    assert_int_equal(
        dd_message_encode(&(dd_message){.type = DD_MESSAGE_RESULT, .text = text, .length = length - 1},
                          &bytes, NULL),
        0);
    dd_buf_done(&bytes);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_read_as_it_was_written),
        cmocka_unit_test(frames_cut_anywhere_are_put_together),
        cmocka_unit_test(a_message_in_the_wrong_direction_is_refused),
        cmocka_unit_test(a_length_above_the_limit_is_refused_before_its_bytes_come),
        cmocka_unit_test(an_unknown_type_is_refused),
        cmocka_unit_test(a_payload_cut_or_lengthened_is_refused),
        cmocka_unit_test(a_number_out_of_bounds_is_refused),
        cmocka_unit_test(a_nul_byte_in_a_text_is_refused),
        cmocka_unit_test(after_a_bad_frame_nothing_more_is_read),
        cmocka_unit_test(a_text_that_does_not_fit_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
