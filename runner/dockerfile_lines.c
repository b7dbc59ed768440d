/* A Dockerfile's lines into instructions, as BuildKit's parser does: parser directives, comments,
 * continuations by the escape character, here-documents.
 *
 * Of two characters `\\` at a line's end the second is escaped, so the line ends there, as for BuildKit
 * (buildah joins the next one); a directive `escape` counts behind others, too. */
#include "runner/dockerfile_private.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct line {
    const char *text;
    size_t length; /* without newline and carriage returns */
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
    while (ret->length && from[ret->length - 1] == '\r')
        ret->length--;
    return true;
}

/* How many bytes the white space has that begins here, in Unicode's sense; 0 for none. */
static size_t space_length(const char *text, size_t length)
{
    static const char *const wide[] = {
        "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
        "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
        "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
        "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
    };

    if (length && isspace((unsigned char)*text))
        return 1;
    for (size_t i = 0; length && (unsigned char)*text >= 0x80 && i < DD_COUNT(wide); i++)
        if (length >= strlen(wide[i]) && memcmp(text, wide[i], strlen(wide[i])) == 0)
            return strlen(wide[i]);
    return 0;
}

static size_t blanks(const char *text, size_t length)
{
    size_t count = 0;

    for (size_t space; (space = space_length(text + count, length - count)) > 0;)
        count += space;
    return count;
}

/* ---- Directives: "# name=value", at the top only ---- */

static bool read_directive(const line *l, line *ret_name, line *ret_value)
{
    const char *at = l->text, *end = l->text + l->length;

    at += blanks(at, (size_t)(end - at));
    if (at == end || *at++ != '#')
        return false;
    at += blanks(at, (size_t)(end - at));
    ret_name->text = at;
    while (at < end && (at > ret_name->text ? isalnum((unsigned char)*at) : isalpha((unsigned char)*at)))
        at++;
    ret_name->length = (size_t)(at - ret_name->text);
    at += blanks(at, (size_t)(end - at));
    if (!ret_name->length || at == end || *at++ != '=')
        return false;
    at += blanks(at, (size_t)(end - at));
    while (end > at && isspace((unsigned char)end[-1]))
        end--;
    *ret_value = (line){at, (size_t)(end - at)};
    return ret_value->length > 0;
}

static bool is_text(const line *l, const char *text)
{
    return l->length == strlen(text) && strncasecmp(l->text, text, l->length) == 0;
}

static int read_escape(dd_dockerfile_lines *lines, const line *value, dd_place place, dd_error **err)
{
    if (!is_text(value, "\\") && !is_text(value, "`"))
        return dd_fail_at(err, DD_ERR_INVALID, place, NULL, "the escape character is \\ or `, not '%.*s'",
                          value->length > 20 ? 20 : (int)value->length, value->text);
    lines->escape = *value->text;
    return 0;
}

/* An unknown name makes the line a comment, which ends the directives. */
static int read_directives(dd_dockerfile_lines *lines, dd_error **err)
{
    static const char *const names[] = {"escape", "syntax", "check"};
    dd_dockerfile_lines ahead = *lines;
    bool seen[DD_COUNT(names)] = {false};
    line l, name, value;

    while (next_line(&ahead, &l) && read_directive(&l, &name, &value)) {
        dd_place place = {ahead.line, (int)(name.text - l.text) + 1};
        size_t i = 0;

        while (i < DD_COUNT(names) && !is_text(&name, names[i]))
            i++;
        if (i == DD_COUNT(names))
            break;
        if (seen[i])
            return dd_fail_at(err, DD_ERR_INVALID, place, NULL, "the directive '%s' stands here twice",
                              names[i]);
        seen[i] = true;
        if (i == 0 && read_escape(lines, &value, place, err) < 0)
            return -1;
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

/* ---- Here-documents ---- */

typedef struct document {
    dd_buf end; /* the line that ends it */
    bool tabs;  /* the tabs before it do not count */
} document;

/* "<<EOF", "<<-EOF", "3<<'EOF'", "<< EOF" (a blank may follow the two alone): BuildKit takes all that stands
 * behind them for the name. `*at` is behind the word. */
static bool opens_document(dd_word word, const char **at, document *ret)
{
    const char *from = word.text, *end = word.text + word.length;

    while (from < end && isdigit((unsigned char)*from))
        from++;
    if (end - from < 2 || from[0] != '<' || from[1] != '<')
        return false;
    from += 2;
    ret->tabs = from < end && *from == '-';
    from += ret->tabs;
    if (from == end && !ret->tabs && dd_dockerfile_word(at, '\\', &word)) {
        from = word.text;
        end = word.text + word.length;
    }
    dd_buf_clear(&ret->end);
    return from < end && !memchr(from, '<', (size_t)(end - from)) &&
           dd_dockerfile_unquote((dd_word){from, (size_t)(end - from)}, '\\', &ret->end) && ret->end.length;
}

static bool skip_document(dd_dockerfile_lines *lines, const document *of)
{
    line l;

    while (next_line(lines, &l)) {
        while (of->tabs && l.length && *l.text == '\t') {
            l.text++;
            l.length--;
        }
        if (l.length == of->end.length && memcmp(l.text, of->end.data, l.length) == 0)
            return true;
    }
    return false;
}

/* RUN, COPY and ADD may have them, also behind ONBUILD. */
static bool may_have_documents(const dd_instruction *instruction)
{
    static const char *const takers[] = {"RUN", "COPY", "ADD"};
    line keyword = {instruction->keyword, instruction->keyword_length};

    if (is_text(&keyword, "ONBUILD"))
        keyword = (line){instruction->rest, strcspn(instruction->rest, DD_DOCKERFILE_BLANKS)};
    for (size_t i = 0; i < DD_COUNT(takers); i++)
        if (is_text(&keyword, takers[i]))
            return true;
    return false;
}

/* The words are a shell's here, whatever the escape directive says. */
static int skip_documents(dd_dockerfile_lines *lines, const dd_instruction *instruction, dd_error **err)
{
    const char *at = instruction->rest;
    document found = {.tabs = false};
    dd_word word;
    int ret = 0;

    if (!may_have_documents(instruction) || !strstr(at, "<<"))
        return 0;
    while (ret == 0 && dd_dockerfile_word(&at, '\\', &word))
        if (opens_document(word, &at, &found) && !skip_document(lines, &found))
            ret = dd_fail_at(err, DD_ERR_INVALID, dd_instruction_place(instruction, word.text), NULL,
                             "the here-document is never ended by '%.100s'", found.end.data);
    dd_buf_done(&found.end);
    return ret;
}

/* ---- Instructions ---- */

bool dd_instruction_is(const dd_instruction *instruction, const char *keyword)
{
    line own = {instruction->keyword, instruction->keyword_length};

    return is_text(&own, keyword);
}

dd_place dd_instruction_place(const dd_instruction *instruction, const char *at)
{
    size_t offset = (size_t)(at - instruction->text.data), i = instruction->piece_count;

    while (i > 0 && instruction->pieces[i - 1].offset > offset)
        i--;
    if (i == 0)
        return instruction->place;
    return (dd_place){instruction->pieces[i - 1].place.line,
                      instruction->pieces[i - 1].place.column +
                          (int)(offset - instruction->pieces[i - 1].offset)};
}

static void add_piece(dd_instruction *into, const line *l, int number)
{
    if (into->piece_count == into->piece_capacity) {
        into->piece_capacity = into->piece_capacity ? 2 * into->piece_capacity : 8;
        into->pieces = dd_reallocarray(into->pieces, into->piece_capacity, sizeof *into->pieces);
    }
    into->pieces[into->piece_count++] = (dd_instruction_piece){into->text.length, {number, 1}};
    dd_buf_add(&into->text, l->text, l->length);
}

static void take_keyword(dd_instruction *into)
{
    into->keyword = into->text.data + blanks(into->text.data, into->text.length);
    into->keyword_length = strcspn(into->keyword, DD_DOCKERFILE_BLANKS);
    into->rest = into->keyword + into->keyword_length;
    into->rest += strspn(into->rest, DD_DOCKERFILE_BLANKS);
    into->place = dd_instruction_place(into, into->keyword);
}

/* Join the lines of one instruction; false at the end of the file. */
static bool join_lines(dd_dockerfile_lines *lines, dd_instruction *into)
{
    bool more = true;
    line l;

    dd_buf_clear(&into->text);
    into->piece_count = 0;
    while (more && next_line(lines, &l)) {
        if (is_blank_or_comment(&l)) /* also between continued lines */
            continue;
        more = goes_on(lines->escape, &l);
        add_piece(into, &l, lines->line);
    }
    return into->piece_count > 0;
}

int dd_dockerfile_next(dd_dockerfile_lines *lines, dd_instruction *into, dd_error **err)
{
    do {
        if (!join_lines(lines, into))
            return 0;
        take_keyword(into);
    } while (!into->keyword_length); /* lines of nothing but the escape character */
    into->body = lines->at;
    return skip_documents(lines, into, err) < 0 ? -1 : 1;
}

void dd_instruction_init(dd_instruction *into, const char *text, dd_place place)
{
    *into = (dd_instruction){.place = place};
    dd_buf_add_str(&into->text, text);
    take_keyword(into);
}

void dd_instruction_done(dd_instruction *instruction)
{
    dd_buf_done(&instruction->text);
    free(instruction->pieces);
}
