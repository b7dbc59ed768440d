/* The Dockerfile that the engine gets: with ids for its images, and otherwise as it was read.
 *
 * A name means what the engine's store has under it at that moment, and others use the store too. An id is
 * what was fetched and looked at before.
 *
 * Builders differ in how they split a file: which blanks count, what a directive is, whether there are
 * here-documents. A FROM that only the engine saw would take whatever it likes. So nothing is copied as it
 * stands: each instruction is one line, without comments, and starts with a plain word. */
#include "runner/dockerfile_private.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_BYTES 65000 /* buildah ends a file, without a word, at a line of 64 KiB */

typedef struct pin {
    dd_dockerfile_lines lines;
    const dd_image_uses *uses;
    bool documents;
    dd_buf *into;
    int line; /* of what is written next */
    dd_error **err;
} pin;

static const dd_image_use *use_at(const pin *p, dd_place place)
{
    for (size_t i = 0; i < p->uses->count; i++)
        if (p->uses->items[i].place.line == place.line && p->uses->items[i].place.column == place.column)
            return &p->uses->items[i];
    return NULL;
}

/* ---- FROM ---- */

/* Can it stand in a line as it is, and be read as it is? */
static bool is_plain(const char *text)
{
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-._/:@+", *c))
            return false;
    return *text;
}

static int refuse_word(const pin *p, dd_place place, const char *word)
{
    return dd_fail_at(p->err, DD_ERR_INVALID, place, NULL, "FROM: '%.100s' cannot stand there", word);
}

static dd_place place_of_base(const pin *p, const dd_instruction *in)
{
    const char *at = in->rest;
    dd_word word;

    while (dd_dockerfile_flag(&at, p->lines.escape, &word)) {
    }
    dd_dockerfile_word(&at, p->lines.escape, &word);
    return dd_instruction_place(in, word.text);
}

static int write_from(pin *p, const dd_instruction *in)
{
    dd_place place = place_of_base(p, in);
    const dd_image_use *use = use_at(p, place);
    const char *base = "scratch"; /* of a stage that nothing needs, and that is not built */

    dd_assert(use);
    if (use->reached)
        base = use->stage ? use->name : use->id;
    if (!base)
        return dd_fail_at(p->err, DD_ERR_DENIED, place, NULL, "FROM %.200s is not an image of a registry",
                          use->name);
    dd_buf_add_str(p->into, "FROM ");
    if (use->platform && use->reached) {
        if (!is_plain(use->platform))
            return refuse_word(p, place, use->platform);
        dd_buf_printf(p->into, "--platform=%s ", use->platform);
    }
    if (!is_plain(base))
        return refuse_word(p, place, base);
    dd_buf_add_str(p->into, base);
    if (use->as && !is_plain(use->as))
        return refuse_word(p, place, use->as);
    if (use->as)
        dd_buf_printf(p->into, " AS %s", use->as);
    return 0;
}

/* ---- COPY --from, RUN --mount=…,from= ---- */

/* Where the value of the last "from=" is in "--mount=type=bind,from=x". */
static bool find_from(const char *mount, dd_word *ret)
{
    bool found = false;

    for (size_t length; *mount; mount += length + (mount[length] == ',')) {
        length = strcspn(mount, ",");
        if (length >= strlen("from=") && strncasecmp(mount, "from=", strlen("from=")) == 0) {
            *ret = (dd_word){mount + strlen("from="), length - strlen("from=")};
            found = true;
        }
    }
    return found;
}

static int write_flag(pin *p, const dd_instruction *in, dd_word flag)
{
    const char *prefix = dd_instruction_is(in, "RUN") ? "--mount=" : "--from=";
    dd_place place = dd_instruction_place(in, flag.text);
    const dd_image_use *use = use_at(p, place);
    dd_auto(dd_buf) text = dd_buf_new();
    dd_word from;

    if (!use || !use->id || !dd_dockerfile_unquote(flag, p->lines.escape, text) ||
        !dd_str_starts(text->data, prefix)) {
        dd_buf_add(p->into, flag.text, flag.length);
        return 0;
    }
    from = (dd_word){text->data + strlen(prefix), text->length - strlen(prefix)};
    if (dd_instruction_is(in, "RUN") && !find_from(from.text, &from))
        from = (dd_word){text->data + text->length, 0};
    dd_auto_str before = dd_strndup(text->data, (size_t)(from.text - text->data));
    const char *behind = from.text + from.length;
    if (strpbrk(before, " \t\"'\\`") || strpbrk(behind, " \t\"'\\`"))
        return dd_fail_at(p->err, DD_ERR_INVALID, place, NULL, "the flag %.100s cannot stand there",
                          text->data);
    dd_buf_printf(p->into, "%s%s%s", before, use->id, behind);
    return 0;
}

static int write_flags(pin *p, const dd_instruction *in)
{
    const char *at = in->rest;
    dd_word flag;

    dd_buf_add(p->into, in->keyword, in->keyword_length);
    while (dd_dockerfile_flag(&at, p->lines.escape, &flag)) {
        dd_buf_add_char(p->into, ' ');
        if (write_flag(p, in, flag) < 0)
            return -1;
    }
    dd_buf_printf(p->into, " %s", at + strspn(at, DD_DOCKERFILE_BLANKS));
    return 0;
}

/* ---- The file ---- */

static int check_keyword(const pin *p, const dd_instruction *in)
{
    for (size_t i = 0; i < in->keyword_length; i++)
        if (!isalpha((unsigned char)in->keyword[i]))
            return dd_fail_at(p->err, DD_ERR_INVALID, in->place, NULL, "'%.*s' is not an instruction",
                              in->keyword_length > 40 ? 40 : (int)in->keyword_length, in->keyword);
    return 0;
}

static int write_documents(pin *p, const dd_instruction *in)
{
    const char *body = p->lines.text + in->body;
    size_t length = p->lines.at - in->body;

    if (length == 0)
        return 0;
    if (!p->documents) {
        dd_fail_at(p->err, DD_ERR_INVALID, in->place, NULL, "this engine's version knows no here-documents");
        return dd_hint(p->err, "write the commands in one RUN with && and \\, or use podman 4.9");
    }
    dd_buf_add(p->into, body, length);
    for (size_t i = 0; i < length; i++)
        p->line += body[i] == '\n';
    if (body[length - 1] != '\n') {
        dd_buf_add_char(p->into, '\n');
        p->line++;
    }
    return 0;
}

static int write_instruction(pin *p, const dd_instruction *in)
{
    size_t start;
    int ret = 0;

    if (check_keyword(p, in) < 0)
        return -1;
    /* On the line where it was: builders name lines in their errors. */
    for (; p->line < in->place.line; p->line++)
        dd_buf_add_char(p->into, '\n');
    start = p->into->length;
    if (dd_instruction_is(in, "FROM"))
        ret = write_from(p, in);
    else if (dd_instruction_is(in, "COPY") || dd_instruction_is(in, "RUN"))
        ret = write_flags(p, in);
    else
        dd_buf_printf(p->into, "%.*s %s", (int)in->keyword_length, in->keyword, in->rest);
    if (ret < 0)
        return -1;
    if (p->into->length - start > LINE_MAX_BYTES)
        return dd_fail_at(p->err, DD_ERR_LIMIT, in->place, NULL, "an instruction of more than %d bytes",
                          LINE_MAX_BYTES);
    dd_buf_add_char(p->into, '\n');
    p->line++;
    return write_documents(p, in);
}

static int write_all(pin *p)
{
    dd_instruction in = {0};
    int result;

    if (p->lines.escape == '`') {
        dd_buf_add_str(p->into, "# escape=`\n");
        p->line++;
    }
    while ((result = dd_dockerfile_next(&p->lines, &in, p->err)) > 0)
        if ((result = write_instruction(p, &in)) < 0)
            break;
    dd_instruction_done(&in);
    return result;
}

int dd_dockerfile_pin(const char *text, size_t length, const dd_image_uses *uses, bool documents, dd_buf *ret,
                      dd_error **err)
{
    static const char bom[] = "\xef\xbb\xbf";
    size_t skipped = length >= 3 && memcmp(text, bom, 3) == 0 ? 3 : 0;
    dd_auto_str copy = dd_strndup(text + skipped, length - skipped);
    pin p = {.uses = uses, .documents = documents, .into = ret, .line = 1, .err = err};

    if (dd_dockerfile_lines_init(&p.lines, copy, length - skipped, err) < 0)
        return -1;
    return write_all(&p);
}
