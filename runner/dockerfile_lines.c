/* A Dockerfile's lines into instructions, as BuildKit's parser does: parser directives, comments,
 * continuations by the escape character, here-documents. */
#include "runner/dockerfile_private.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>

typedef struct line {
    const char *text;
    size_t length; /* without newline and carriage return */
} line;

static bool next_line(dd_dockerfile_lines *lines, line *ret)
{
    const char *from = lines->text + lines->at, *end;

    if (lines->at >= lines->length)
        return false;
    end = memchr(from, '\n', lines->length - lines->at);
    *ret = (line){from, end ? (size_t)(end - from) : lines->length - lines->at};
    lines->at += ret->length + (end != NULL);
    lines->line++;
    if (ret->length && from[ret->length - 1] == '\r')
        ret->length--;
    return true;
}

static size_t blanks(const char *text, size_t length)
{
    size_t count = 0;

    while (count < length && (text[count] == ' ' || text[count] == '\t'))
        count++;
    return count;
}

/* ---- Directives: "# name=value", at the top only ---- */

static bool read_directive(const line *l, line *ret_name, line *ret_value)
{
    const char *at = l->text, *end = l->text + l->length;

    if (at == end || *at++ != '#')
        return false;
    at += blanks(at, (size_t)(end - at));
    ret_name->text = at;
    while (at < end && isalnum((unsigned char)*at))
        at++;
    ret_name->length = (size_t)(at - ret_name->text);
    at += blanks(at, (size_t)(end - at));
    if (!ret_name->length || at == end || *at++ != '=')
        return false;
    at += blanks(at, (size_t)(end - at));
    while (end > at && isspace((unsigned char)end[-1]))
        end--;
    *ret_value = (line){at, (size_t)(end - at)};
    return true;
}

static bool is_text(const line *l, const char *text)
{
    return l->length == strlen(text) && strncasecmp(l->text, text, l->length) == 0;
}

static int read_directives(dd_dockerfile_lines *lines, dd_error **err)
{
    dd_dockerfile_lines ahead = *lines;
    line l, name, value;

    while (next_line(&ahead, &l) && read_directive(&l, &name, &value)) {
        if (is_text(&name, "escape")) {
            if (!is_text(&value, "\\") && !is_text(&value, "`"))
                return dd_fail_at(err, DD_ERR_INVALID, (dd_place){ahead.line, 1}, NULL,
                                  "the escape character is \\ or `, not '%.*s'", (int)value.length,
                                  value.text);
            lines->escape = *value.text;
        } else if (!is_text(&name, "syntax") && !is_text(&name, "check")) {
            break; /* a comment, which ends the directives */
        }
    }
    return 0;
}

int dd_dockerfile_lines_init(dd_dockerfile_lines *lines, const char *text, size_t length, dd_error **err)
{
    *lines = (dd_dockerfile_lines){.text = text, .length = length, .escape = '\\'};
    return read_directives(lines, err);
}

/* ---- Continuations ---- */

static bool is_blank_or_comment(const line *l)
{
    size_t skipped = blanks(l->text, l->length);

    return skipped == l->length || l->text[skipped] == '#';
}

/* Does the line go on in the next? Its last non-blank is the escape character, and not an escaped one. */
static bool goes_on(char escape, line *l)
{
    size_t end = l->length;

    while (end && (l->text[end - 1] == ' ' || l->text[end - 1] == '\t'))
        end--;
    if (!end || l->text[end - 1] != escape || (end > 1 && l->text[end - 2] == escape))
        return false;
    l->length = end - 1;
    return true;
}

/* ---- Words ---- */

/* The length of the word at `text`: up to a blank outside quotes. */
static size_t word_length(const char *text, char escape)
{
    char quote = '\0';
    size_t length = 0;

    for (; text[length] && (quote || !strchr(" \t\n", text[length])); length++) {
        if (text[length] == escape && text[length + 1] && quote != '\'')
            length++;
        else if (quote ? text[length] == quote : text[length] == '"' || text[length] == '\'')
            quote = quote ? '\0' : text[length];
    }
    return length;
}

void dd_dockerfile_words(const char *text, char escape, dd_strv *ret)
{
    for (size_t length; *(text += strspn(text, " \t\n")); text += length) {
        length = word_length(text, escape);
        dd_strv_add_n(ret, text, length);
    }
}

/* ---- Here-documents ---- */

/* "<<EOF", "<<-EOF", "3<<'EOF'": the word that ends the document. */
static bool opens_document(const char *word, line *ret_end, bool *ret_tabs)
{
    char quote;

    word += strspn(word, "0123456789");
    if (word[0] != '<' || word[1] != '<')
        return false;
    word += 2;
    *ret_tabs = *word == '-';
    word += *ret_tabs;
    quote = *word == '"' || *word == '\'' ? *word : '\0';
    word += quote != '\0';
    ret_end->text = word;
    ret_end->length = quote ? strcspn(word, "\"'") : strlen(word);
    return ret_end->length && !memchr(word, '<', ret_end->length) &&
           (!quote || word[ret_end->length] == quote);
}

static bool skip_document(dd_dockerfile_lines *lines, const line *end, bool tabs)
{
    line l;

    while (next_line(lines, &l)) {
        while (tabs && l.length && *l.text == '\t') {
            l.text++;
            l.length--;
        }
        if (l.length == end->length && memcmp(l.text, end->text, end->length) == 0)
            return true;
    }
    return false;
}

/* RUN, COPY and ADD may have them, also behind ONBUILD. */
static bool may_have_documents(const dd_instruction *instruction)
{
    static const char *const takers[] = {"RUN", "COPY", "ADD"};

    for (size_t i = 0; i < DD_COUNT(takers); i++) {
        size_t length = strlen(takers[i]);

        if (dd_instruction_is(instruction, takers[i]) ||
            (dd_instruction_is(instruction, "ONBUILD") &&
             strncasecmp(instruction->rest, takers[i], length) == 0))
            return true;
    }
    return false;
}

static int skip_documents(dd_dockerfile_lines *lines, const dd_instruction *instruction, dd_error **err)
{
    dd_auto(dd_strv) words = dd_strv_new();

    if (!may_have_documents(instruction) || !strstr(instruction->rest, "<<"))
        return 0;
    dd_dockerfile_words(instruction->rest, lines->escape, words);
    for (size_t i = 0; i < words->count; i++) {
        line end;
        bool tabs;

        if (opens_document(words->items[i], &end, &tabs) && !skip_document(lines, &end, tabs))
            return dd_fail_at(err, DD_ERR_INVALID, instruction->place, NULL,
                              "the here-document is never ended by '%.*s'", (int)end.length, end.text);
    }
    return 0;
}

/* ---- Instructions ---- */

bool dd_instruction_is(const dd_instruction *instruction, const char *keyword)
{
    return instruction->keyword_length == strlen(keyword) &&
           strncasecmp(instruction->keyword, keyword, instruction->keyword_length) == 0;
}

static void take_keyword(dd_instruction *into)
{
    into->keyword = into->text.data + blanks(into->text.data, into->text.length);
    into->keyword_length = strcspn(into->keyword, " \t");
    into->rest = into->keyword + into->keyword_length;
    into->rest += strspn(into->rest, " \t");
}

int dd_dockerfile_next(dd_dockerfile_lines *lines, dd_instruction *into, dd_error **err)
{
    bool begun = false, more = true;
    line l;

    dd_buf_clear(&into->text);
    while (more && next_line(lines, &l)) {
        if (is_blank_or_comment(&l)) /* also between continued lines */
            continue;
        more = goes_on(lines->escape, &l);
        if (!begun)
            into->place = (dd_place){lines->line, (int)blanks(l.text, l.length) + 1};
        begun = true;
        dd_buf_add(&into->text, l.text, l.length);
    }
    if (!begun)
        return 0;
    take_keyword(into);
    return skip_documents(lines, into, err) < 0 ? -1 : 1;
}
