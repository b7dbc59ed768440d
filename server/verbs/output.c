/* Tables and JSON on standard output. */
#include "verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* On a terminal nothing but ASCII: a text with an escape sequence of C1 codes is not to be obeyed there. */
void dd_print_json(const json_t *json)
{
    size_t flags = JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY;
    char *text = json_dumps(json, flags | (isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0));
    puts(text ? text : "null");
    free(text);
}

char *dd_printable(const char *text)
{
    dd_buf safe = {0};
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        bool is_c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0;
        if (*c < 0x20 || *c == 0x7f || is_c1)
            dd_buf_printf(&safe, "\\x%02x", is_c1 ? *++c : *c);
        else
            dd_buf_add_char(&safe, (char)*c);
    }
    return dd_buf_steal(&safe);
}

static char *cell(const json_t *row, const char *member)
{
    const json_t *value = json_object_get(row, member);
    if (!value || json_is_null(value))
        return dd_strdup("-");
    if (json_is_string(value))
        return *json_string_value(value) ? dd_printable(json_string_value(value)) : dd_strdup("-");
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    char *copy = dd_strdup(text);
    free(text);
    return copy;
}

/* Characters, not bytes: every byte that does not continue one. */
static size_t width(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static void print_cell(const char *text, size_t column, bool last)
{
    printf("%s%*s", text, last ? 0 : (int)(column - width(text) + 2), "");
}

void dd_print_table(const json_t *rows, const dd_column *columns, size_t count)
{
    size_t *widths = dd_calloc(count, sizeof(*widths));
    for (size_t c = 0; c < count; c++) {
        widths[c] = width(columns[c].heading);
        for (size_t r = 0; r < json_array_size(rows); r++) {
            dd_auto_str text = cell(json_array_get(rows, r), columns[c].member);
            widths[c] = width(text) > widths[c] ? width(text) : widths[c];
        }
    }
    for (size_t c = 0; c < count; c++)
        print_cell(columns[c].heading, widths[c], c + 1 == count);
    printf("\n");
    for (size_t r = 0; r < json_array_size(rows); r++) {
        for (size_t c = 0; c < count; c++) {
            dd_auto_str text = cell(json_array_get(rows, r), columns[c].member);
            print_cell(text, widths[c], c + 1 == count);
        }
        printf("\n");
    }
    free(widths);
}
