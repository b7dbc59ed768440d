/* Regular expressions: a pattern, a text and a replacement, in lines. Whatever PCRE2 is given of our making
 * it takes; spans lie within the text and in order. */
#include "runner/lang/re2.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer has no header for it */

static dd_text take_line(dd_text *rest)
{
    const char *end = rest->length ? memchr(rest->data, '\n', rest->length) : NULL;
    dd_text ret = {rest->data, end ? (size_t)(end - rest->data) : rest->length};

    *rest = (dd_text){rest->data + ret.length + (end ? 1 : 0), rest->length - ret.length - (end ? 1 : 0)};
    return ret;
}

static void check_spans(dd_re2_spans *spans, dd_text text)
{
    size_t last = 0;

    for (size_t i = 0; i < spans->count; i++) {
        dd_assert(spans->items[i].from >= last && spans->items[i].from <= spans->items[i].to);
        dd_assert(spans->items[i].to <= text.length);
        last = spans->items[i].to;
    }
    dd_re2_spans_done(spans);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dd_text rest = {(const char *)data, size}, pattern = take_line(&rest), by = take_line(&rest);
    dd_auto(dd_re2) re = NULL;
    dd_auto(dd_error) error = NULL;
    dd_re2_spans spans;
    dd_buf replaced = {0};

    if (dd_re2_compile(pattern, &re, &error) < 0) {
        dd_assert(!re && error && error->message);
        return 0;
    }
    if (dd_re2_find_all(re, rest, -1, &spans, NULL) == 0)
        check_spans(&spans, rest);
    if (dd_re2_split(re, rest, 3, &spans, NULL) == 0) {
        dd_assert(spans.count <= 3);
        check_spans(&spans, rest);
    }
    dd_re2_replace(re, rest, by, size % 2, 100000, &replaced, NULL);
    dd_buf_done(&replaced);
    return 0;
}
