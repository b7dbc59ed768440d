/* Command lines into words, by POSIX quoting and nothing else of the shell: no expansion, no second command.
 *
 * What a shell would act on (`&& | ; < > ( )` and backticks, unquoted) is refused instead of being passed on:
 * a file that was written for a shell must not run half. */
#include "runner/runner.h"
#include <string.h>

#define OPERATORS "&|;<>()`"

typedef struct splitter {
    const char *text;
    const char *at;
    dd_strv *words;
    dd_buf word;
    bool in_word; /* also true for a word that is empty but quoted */
} splitter;

static dd_place place_of(const char *text, const char *at)
{
    dd_place place = {1, 1};

    for (; text < at; text++) {
        place.column++;
        if (*text == '\n')
            place = (dd_place){place.line + 1, 1};
    }
    return place;
}

static void word_end(splitter *s)
{
    if (s->in_word)
        dd_strv_add_n(s->words, s->word.data ? s->word.data : "", s->word.length);
    dd_buf_clear(&s->word);
    s->in_word = false;
}

static int fail_unclosed(splitter *s, const char *quote, dd_error **err)
{
    dd_fail_at(err, DD_ERR_INVALID, place_of(s->text, quote), NULL, "the quote %c is never closed", *quote);
    return dd_hint(err, "a quote that is meant as itself is written \\%c", *quote);
}

static int single_quoted(splitter *s, dd_error **err)
{
    const char *end = strchr(s->at + 1, '\'');

    if (!end)
        return fail_unclosed(s, s->at, err);
    dd_buf_add(&s->word, s->at + 1, (size_t)(end - s->at - 1));
    s->at = end + 1;
    return 0;
}

/* Inside double quotes a backslash keeps its meaning before these only (POSIX 2.2.3). */
static int double_quoted(splitter *s, dd_error **err)
{
    const char *quote = s->at++;

    for (; *s->at != '"'; s->at++) {
        if (!*s->at)
            return fail_unclosed(s, quote, err);
        if (*s->at == '\\' && s->at[1] && strchr("$`\"\\\n", s->at[1])) {
            s->at++;
            if (*s->at == '\n')
                continue;
        }
        dd_buf_add_char(&s->word, *s->at);
    }
    s->at++;
    return 0;
}

static int escaped(splitter *s, dd_error **err)
{
    if (!s->at[1])
        return dd_fail_at(err, DD_ERR_INVALID, place_of(s->text, s->at), NULL,
                          "a backslash at the end escapes nothing");
    if (s->at[1] != '\n')
        dd_buf_add_char(&s->word, s->at[1]);
    s->at += 2;
    return 0;
}

static int fail_operator(splitter *s, dd_error **err)
{
    size_t length = strspn(s->at, OPERATORS);

    if (length > 2)
        length = 2;
    dd_fail_at(err, DD_ERR_INVALID, place_of(s->text, s->at), NULL,
               "'%.*s' is a shell operator, and no shell reads this line", (int)length, s->at);
    return dd_hint(err, "quote it, or run a shell in the container: IMAGE sh -c '…' (or entryPoint: sh)");
}

static int split(splitter *s, dd_error **err)
{
    while (*s->at) {
        int result = 0;

        if (strchr(" \t\r\n", *s->at)) {
            word_end(s);
            s->at++;
            continue;
        }
        if (strchr(OPERATORS, *s->at))
            return fail_operator(s, err);
        if (*s->at == '\\' && s->at[1] == '\n') { /* a line goes on: neither word nor separator */
            s->at += 2;
            continue;
        }
        s->in_word = true;
        if (*s->at == '\'')
            result = single_quoted(s, err);
        else if (*s->at == '"')
            result = double_quoted(s, err);
        else if (*s->at == '\\')
            result = escaped(s, err);
        else
            dd_buf_add_char(&s->word, *s->at++);
        if (result < 0)
            return -1;
    }
    word_end(s);
    return 0;
}

int dd_words_split(const char *text, dd_strv **ret, dd_error **err)
{
    dd_auto(dd_strv) words = dd_strv_new();
    splitter s = {.text = text, .at = text, .words = words};
    int result = split(&s, err);

    dd_buf_done(&s.word);
    if (result == 0)
        *ret = dd_take(words);
    return result;
}
