/* The words of a Dockerfile's instructions. */
#include "runner/dockerfile_private.h"
#include <string.h>

/* Up to a blank outside quotes; an unclosed quote takes the rest. */
static size_t word_length(const char *text, char escape)
{
    char quote = '\0';
    size_t length = 0;

    for (; text[length] && (quote || !strchr(DD_DOCKERFILE_BLANKS "\n", text[length])); length++) {
        if (text[length] == escape && text[length + 1] && quote != '\'')
            length++;
        else if (quote ? text[length] == quote : text[length] == '"' || text[length] == '\'')
            quote = quote ? '\0' : text[length];
    }
    return length;
}

bool dd_dockerfile_word(const char **at, char escape, dd_word *ret)
{
    *at += strspn(*at, DD_DOCKERFILE_BLANKS "\n");
    *ret = (dd_word){*at, word_length(*at, escape)};
    *at += ret->length;
    return ret->length > 0;
}

bool dd_dockerfile_flag(const char **at, char escape, dd_word *ret)
{
    const char *next = *at;

    if (!dd_dockerfile_word(&next, escape, ret) || ret->length <= 2 || strncmp(ret->text, "--", 2) != 0)
        return false;
    *at = next;
    return true;
}

/* Inside double quotes the escape character keeps its meaning before these only. */
static bool is_escape(dd_word word, size_t at, char escape, char quote)
{
    if (word.text[at] != escape || at + 1 == word.length || quote == '\'')
        return false;
    return !quote || word.text[at + 1] == '"' || word.text[at + 1] == '$' || word.text[at + 1] == escape;
}

bool dd_dockerfile_unquote(dd_word word, char escape, dd_buf *into)
{
    char quote = '\0';

    for (size_t at = 0; at < word.length; at++) {
        char c = word.text[at];

        if (is_escape(word, at, escape, quote))
            dd_buf_add_char(into, word.text[++at]);
        else if (c == quote || (!quote && (c == '"' || c == '\'')))
            quote = quote ? '\0' : c;
        else
            dd_buf_add_char(into, c);
    }
    return !quote;
}
