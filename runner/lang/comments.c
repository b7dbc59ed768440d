/* Which lines of a task file are YAML comments, found before the file is YAML: a template may still stand in
 * it.
 *
 * A '#' line inside a block scalar is part of a script and stays (acr-tasks.md, 9.5); so block scalars are
 * followed by their header (`|` or `>` at a line's end) and their indentation. */
#include "runner/lang/template.h"
#include <stdlib.h>
#include <string.h>

typedef struct line {
    const char *text;
    size_t length; /* without the newline */
    size_t indent;
    bool blank;
} line;

static line line_at(const char *text, size_t length)
{
    const char *end = length ? memchr(text, '\n', length) : NULL;
    line l = {.text = text, .length = end ? (size_t)(end - text) : length};

    while (l.indent < l.length && l.text[l.indent] == ' ')
        l.indent++;
    l.blank = true;
    for (size_t i = l.indent; i < l.length && l.blank; i++)
        l.blank = l.text[i] == ' ' || l.text[i] == '\t' || l.text[i] == '\r';
    return l;
}

/* The column of the innermost node that the line opens: "- - key:" opens its last. */
static size_t node_column(const line *l)
{
    size_t at = l->indent, column = at;

    while (at + 1 < l->length && l->text[at] == '-' && l->text[at + 1] == ' ') {
        column = at;
        at++;
        while (at < l->length && l->text[at] == ' ')
            at++;
    }
    /* "- |" is itself the item; "- key: |" is the key. */
    return at < l->length && !strchr("|>", l->text[at]) ? at : column;
}

/* Does the line end in a block scalar's header: "|", ">-", "|2+", with a comment behind it or not? */
static bool opens_block(const line *l)
{
    size_t end = l->length;

    for (size_t i = l->indent; i < l->length; i++)
        if (l->text[i] == '#' && i > 0 && l->text[i - 1] == ' ') {
            end = i;
            break;
        }
    while (end > 0 && strchr(" \t\r", l->text[end - 1]) && l->text[end - 1])
        end--;
    while (end > 0 && strchr("+-0123456789", l->text[end - 1]) && l->text[end - 1])
        end--;
    if (end < 2 || !strchr("|>", l->text[end - 1]) || !l->text[end - 1])
        return false;
    for (end--; end > 0 && l->text[end - 1] == ' '; end--)
        ;
    return end > 0 && l->text[end] == ' ' && (l->text[end - 1] == ':' || l->text[end - 1] == '-');
}

static void add(dd_spans *spans, size_t from, size_t to)
{
    if (spans->count == spans->capacity) {
        spans->capacity = spans->capacity ? spans->capacity * 2 : 16;
        spans->items = dd_reallocarray(spans->items, spans->capacity, sizeof(dd_span));
    }
    spans->items[spans->count++] = (dd_span){from, to};
}

void dd_comment_lines(const char *text, size_t length, dd_spans *ret)
{
    bool in_block = false, block_began = false;
    size_t parent = 0, indent = 0;

    for (size_t at = 0; at < length;) {
        line l = line_at(text + at, length - at);

        if (in_block && !l.blank) {
            if (!block_began && l.indent > parent) {
                block_began = true;
                indent = l.indent;
            }
            in_block = block_began && l.indent >= indent;
        }
        if (!in_block && !l.blank && l.text[l.indent] == '#') {
            add(ret, at, at + l.length);
        } else if (!in_block && opens_block(&l)) {
            in_block = true;
            block_began = false;
            parent = node_column(&l);
        }
        at += l.length + 1;
    }
}

void dd_spans_done(dd_spans *spans)
{
    free(spans->items);
    *spans = (dd_spans){0};
}

const dd_span *dd_spans_find(const dd_spans *spans, size_t at)
{
    size_t low = 0, high = spans->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (spans->items[middle].to <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low < spans->count && spans->items[low].from <= at ? &spans->items[low] : NULL;
}
