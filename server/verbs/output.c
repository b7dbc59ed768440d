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

static char *cell(const json_t *row, const char *member)
{
    const json_t *value = json_object_get(row, member);
    if (!value || json_is_null(value))
        return dd_strdup("-");
    if (json_is_string(value))
        return *json_string_value(value) ? dd_text_safe(json_string_value(value)) : dd_strdup("-");
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    char *copy = dd_strdup(text);
    free(text);
    return copy;
}

static void print_cell(const char *text, size_t column, bool last)
{
    printf("%s%*s", text, last ? 0 : (int)(column - dd_text_cells(text) + 2), "");
}

void dd_print_table(const json_t *rows, const dd_column *columns, size_t count)
{
    size_t *widths = dd_calloc(count, sizeof(*widths));
    for (size_t c = 0; c < count; c++) {
        widths[c] = dd_text_cells(columns[c].heading);
        for (size_t r = 0; r < json_array_size(rows); r++) {
            dd_auto_str text = cell(json_array_get(rows, r), columns[c].member);
            widths[c] = dd_text_cells(text) > widths[c] ? dd_text_cells(text) : widths[c];
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
