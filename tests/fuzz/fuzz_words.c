/* Command lines: into words, and a build's into its parts. Words that are quoted again, in any of the three
 * ways, are the same words; a refused line says where. */
#include "runner/runner.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer has no header for it */

static void single_quote(dd_buf *into, const char *word)
{
    dd_buf_add_char(into, '\'');
    for (; *word; word++)
        if (*word == '\'')
            dd_buf_add_str(into, "'\\''");
        else
            dd_buf_add_char(into, *word);
    dd_buf_add_char(into, '\'');
}

static void double_quote(dd_buf *into, const char *word)
{
    dd_buf_add_char(into, '"');
    for (; *word; word++) {
        if (strchr("$`\"\\", *word))
            dd_buf_add_char(into, '\\');
        dd_buf_add_char(into, *word);
    }
    dd_buf_add_char(into, '"');
}

/* A newline cannot be escaped by a backslash, which joins lines; an empty word leaves nothing to escape. */
static void escape(dd_buf *into, const char *word)
{
    if (!*word || strchr(word, '\n')) {
        single_quote(into, word);
        return;
    }
    for (; *word; word++) {
        dd_buf_add_char(into, '\\');
        dd_buf_add_char(into, *word);
    }
}

static bool is_same(const dd_strv *a, const dd_strv *b)
{
    for (size_t i = 0; a->count == b->count && i < a->count; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return a->count == b->count;
}

static void check_build(const char *text, const char *quoted)
{
    dd_auto(dd_build_args) args = NULL;
    dd_auto(dd_build_args) again = NULL;
    dd_auto(dd_error) error = NULL;

    if (dd_build_args_parse(text, &args, &error) < 0) {
        dd_assert(error && !args && dd_build_args_parse(quoted, &again, NULL) < 0);
        return;
    }
    dd_assert(!error && args->context && *args->context);
    dd_assert(dd_build_args_parse(quoted, &again, NULL) == 0);
    dd_assert(dd_str_eq(args->context, again->context) && dd_str_eq(args->file, again->file) &&
              dd_str_eq(args->target, again->target) && is_same(&args->tags, &again->tags) &&
              is_same(&args->build_args, &again->build_args) && is_same(&args->others, &again->others));
}

static void check_words(const char *text, const dd_strv *words)
{
    void (*const quoters[])(dd_buf *, const char *) = {single_quote, double_quote, escape};

    for (size_t q = 0; q < DD_COUNT(quoters); q++) {
        dd_auto(dd_buf) quoted = dd_buf_new();
        dd_auto(dd_strv) again = NULL;

        dd_buf_add_str(quoted, "");
        for (size_t i = 0; i < words->count; i++) {
            quoters[q](quoted, words->items[i]);
            dd_buf_add_char(quoted, ' ');
        }
        dd_assert(dd_words_split(quoted->data, &again, NULL) == 0 && is_same(words, again));
        check_build(text, quoted->data);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dd_auto_str text = dd_strndup((const char *)data, size);
    dd_auto(dd_strv) words = NULL;
    dd_auto(dd_build_args) args = NULL;
    dd_auto(dd_error) error = NULL;

    if (dd_words_split(text, &words, &error) == 0) {
        dd_assert(!error);
        check_words(text, words);
        return 0;
    }
    dd_assert(!words && error->code == DD_ERR_INVALID && error->place.line >= 1 && error->place.column >= 1);
    dd_assert(dd_build_args_parse(text, &args, NULL) < 0 && !args);
    return 0;
}
