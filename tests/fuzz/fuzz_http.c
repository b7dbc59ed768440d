/* The bytes of a connection: in one piece, and cut in pieces as the first byte says, they are the same
 * requests. */
#include "server/http/http_private.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY_MAX   4096
#define HEADER_MAX 2048
#define MEMORY_MAX 3000

/* What a reader made of the bytes, in words. */
static dd_buf *read_all(const char *data, size_t size, size_t piece)
{
    atomic_size_t memory = 0;
    const dd_http_limits limits = {.header_max_bytes = HEADER_MAX,
                                   .body_max_bytes = BODY_MAX,
                                   .memory_max_bytes = MEMORY_MAX,
                                   .memory = &memory};
    dd_buf *words = dd_buf_new();
    dd_http_reader reader;
    dd_http_progress progress = DD_HTTP_MORE;
    dd_http_reader_init(&reader, &limits);
    for (size_t at = 0, used; at < size && progress != DD_HTTP_BAD; at += used) {
        size_t length = size - at < piece ? size - at : piece;
        progress = dd_http_reader_feed(&reader, data + at, length, &used);
        dd_assert(used <= length && (progress != DD_HTTP_MORE || used == length));
        if (progress == DD_HTTP_HEAD)
            dd_buf_printf(words, "head %d %s %zu\n", (int)reader.request->method, reader.request->path,
                          reader.request->header_count);
        if (progress != DD_HTTP_WHOLE)
            continue;
        dd_http_request *request = dd_take(reader.request);
        dd_assert(request->body.length <= BODY_MAX && request->header_count <= DD_HTTP_HEADERS_MAX);
        dd_buf_printf(words, "body %zu\n", request->body.length);
        dd_http_request_free(request, &limits);
    }
    if (progress == DD_HTTP_BAD)
        dd_buf_add_str(words, "bad\n"); /* for which of several reasons may depend on the pieces */
    dd_assert(progress != DD_HTTP_BAD || (reader.why && dd_http_reason(reader.status)));
    dd_http_reader_done(&reader);
    dd_assert(memory == 0);
    return words;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    dd_auto(dd_buf) whole = read_all(text, size - 1, size);
    dd_auto(dd_buf) pieces = read_all(text, size - 1, (size_t)data[0] % 64 + 1);
    /* A limit may be met earlier or later by how the pieces fall; what was a request before it is one in
     * both. */
    dd_assert(strcmp(whole->data ? whole->data : "", pieces->data ? pieces->data : "") == 0);
    return 0;
}
