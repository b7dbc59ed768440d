/* Tables and JSON on standard output. */
#include "verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void dd_print_json(const json_t *json)
{
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY);
    puts(text);
    free(text);
}

static char *cell(const json_t *row, const char *member)
{
    const json_t *value = json_object_get(row, member);
    if (!value || json_is_null(value))
        return dd_strdup("-");
    if (json_is_string(value))
        return dd_strdup(*json_string_value(value) ? json_string_value(value) : "-");
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    char *copy = dd_strdup(text);
    free(text);
    return copy;
}

void dd_print_table(const json_t *rows, const dd_column *columns, size_t count)
{
    size_t *widths = dd_calloc(count, sizeof(*widths));
    for (size_t c = 0; c < count; c++) {
        widths[c] = strlen(columns[c].heading);
        for (size_t r = 0; r < json_array_size(rows); r++) {
            dd_auto_str text = cell(json_array_get(rows, r), columns[c].member);
            widths[c] = strlen(text) > widths[c] ? strlen(text) : widths[c];
        }
    }
    for (size_t c = 0; c < count; c++)
        printf("%-*s", c + 1 < count ? (int)widths[c] + 2 : 0, columns[c].heading);
    printf("\n");
    for (size_t r = 0; r < json_array_size(rows); r++) {
        for (size_t c = 0; c < count; c++) {
            dd_auto_str text = cell(json_array_get(rows, r), columns[c].member);
            printf("%-*s", c + 1 < count ? (int)widths[c] + 2 : 0, text);
        }
        printf("\n");
    }
    free(widths);
}
