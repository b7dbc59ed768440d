/* Frames from a stranger, in both directions; whatever is read can be written again. */
#include "runner/channel.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(dd_direction direction, const uint8_t *data, size_t size, size_t piece)
{
    dd_auto(dd_decoder) decoder = dd_decoder_new(direction);
    dd_message message;
    dd_buf again = {0};

    for (size_t at = 0; at < size; at += piece) {
        dd_decoder_feed(decoder, data + at, size - at < piece ? size - at : piece);
        while (dd_decoder_next(decoder, &message, NULL) > 0) {
            dd_assert(strlen(message.text) == message.length);
            dd_assert(strlen(message.step) <= DD_STEP_ID_MAX_BYTES);
            dd_assert(dd_message_encode(&message, &again, NULL) == 0);
        }
    }
    /* What was read is a beginning of what was given. */
    dd_assert(again.length <= size && (again.length == 0 || memcmp(again.data, data, again.length) == 0));
    dd_buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    for (int direction = DD_TO_CHILD; direction <= DD_TO_WORKER; direction++) {
        read_all((dd_direction)direction, data + 1, size - 1, size);
        read_all((dd_direction)direction, data + 1, size - 1, (size_t)data[0] + 1);
    }
    return 0;
}
