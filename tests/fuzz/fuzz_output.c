/* What a step writes: the lines are the same however the bytes are cut, are safe, and hold no secret. */
#include "runner/output.h"

#include <stdlib.h>
#include <string.h>

#define SECRET "s3cr3t-token"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(void *context, const char *text, size_t length)
{
    dd_assert(length <= DD_LINE_MAX_BYTES);
    for (size_t i = 0; i < length; i++)
        dd_assert(text[i] == '\t' || ((unsigned char)text[i] >= 0x20 && text[i] != 0x7F));
    dd_assert(!memmem(text, length, SECRET, strlen(SECRET)));
    dd_buf_add(context, text, length);
    dd_buf_add_char(context, '\n');
}

static char *lines(const dd_secrets *secrets, const uint8_t *data, size_t size, size_t piece)
{
    dd_buf all = {0};
    dd_auto(dd_output) output = dd_output_new(secrets, take, &all);

    for (size_t at = 0; at < size; at += piece)
        dd_output_feed(output, (const char *)data + at, size - at < piece ? size - at : piece);
    dd_output_end(output);
    return dd_buf_steal(&all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dd_auto(dd_secrets) secrets = dd_secrets_new();
    dd_auto_str whole = NULL;
    dd_auto_str pieces = NULL;

    dd_secrets_add(secrets, SECRET);
    whole = lines(secrets, data, size, size + 1);
    pieces = lines(secrets, data, size, 1);
    /* A line of more than one part is cut where its bytes came, so only short input compares. */
    dd_assert(size > DD_LINE_MAX_BYTES / 3 || strcmp(whole, pieces) == 0);
    return 0;
}
