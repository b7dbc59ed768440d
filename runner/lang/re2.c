/* Searching by PCRE2, and Go's FindAll, Split and ReplaceAll on top of it. */
#include "runner/lang/re2_private.h"
#include "runner/lang/template_private.h"
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* A search may go back so often, and so many times its text's length more. One step is a callout (some tens
 * of nanoseconds), or so many bytes walked over. */
#define STEPS_MAX      1000000
#define STEPS_PER_BYTE 4
#define BYTES_PER_STEP 16
/* Behind the steps, should they ever miss something. */
#define MATCH_LIMIT 10000000
#define HEAP_KIB    (64 * 1024)

struct dd_re2 {
    dd_arena *arena;
    dd_re2_tree tree;
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *context;
    bool empty; /* the pattern */
    size_t work;
    size_t steps, steps_max; /* of the search going on */
    size_t last_position;
};

/* A text being searched. PCRE2 takes only UTF-8, and RE2 reads each wrong byte as U+FFFD: so it stands in
 * `clean`. */
typedef struct subject {
    dd_text text;  /* as it was given */
    dd_text clean; /* as it is searched */
    dd_buf copy;
    size_t *wrong; /* where the wrong bytes stand in `text`, ascending */
    size_t wrong_count, wrong_capacity;
} subject;

/* ---- Compiling ---- */

void dd_re2_free(dd_re2 *re)
{
    if (!re)
        return;
    pcre2_match_context_free(re->context);
    pcre2_match_data_free(re->match);
    pcre2_code_free(re->code);
    dd_arena_free(re->arena);
    free(re);
}

/* A turn of a loop that matched nothing, and is not the loop's first (re2_emit.c). */
static bool is_empty_turn(const pcre2_callout_block *block)
{
    size_t group = strtoul((const char *)block->callout_string, NULL, 10);
    const PCRE2_SIZE *loop = block->offset_vector + 2 * group, *turn = loop + 2;

    return turn[0] == block->current_position && turn[0] != loop[0];
}

static int count_step(pcre2_callout_block *block, void *data)
{
    dd_re2 *re = data;
    size_t apart = block->current_position > re->last_position ? block->current_position - re->last_position
                                                               : re->last_position - block->current_position;

    re->steps += 1 + apart / BYTES_PER_STEP;
    re->last_position = block->current_position;
    if (re->steps > re->steps_max)
        return PCRE2_ERROR_CALLOUT;
    return block->callout_string && is_empty_turn(block); /* 1: go back */
}

static int compile(dd_re2 *re, dd_error **err)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    dd_buf emitted = {0};
    PCRE2_SIZE at;
    int error;

    dd_re2_emit(re->arena, &re->tree, &emitted);
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(context, 4 * DD_RE2_MAX_HEIGHT);
    re->code = pcre2_compile((PCRE2_SPTR)emitted.data, emitted.length, PCRE2_UTF | PCRE2_ALT_CIRCUMFLEX,
                             &error, &at, context);
    pcre2_compile_context_free(context);
    dd_buf_done(&emitted);
    if (!re->code)
        return dd_fail(err, DD_ERR_LIMIT, "the regular expression is too large");
    re->match = pcre2_match_data_create_from_pattern(re->code, NULL);
    re->context = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(re->context, MATCH_LIMIT);
    pcre2_set_heap_limit(re->context, HEAP_KIB);
    pcre2_set_callout(re->context, count_step, re);
    return 0;
}

int dd_re2_compile(dd_text pattern, dd_re2 **ret, dd_error **err)
{
    dd_auto(dd_re2) re = dd_new(dd_re2);

    *ret = NULL;
    re->arena = dd_arena_new();
    re->work = 100 + pattern.length;
    re->empty = pattern.length == 0;
    if (pattern.length > DD_RE2_MAX_PATTERN)
        return dd_fail(err, DD_ERR_LIMIT, "the regular expression has more than %d bytes",
                       DD_RE2_MAX_PATTERN);
    if (dd_re2_parse(re->arena, pattern, &re->tree, err) < 0 || compile(re, err) < 0)
        return -1;
    *ret = dd_take(re);
    return 0;
}

size_t dd_re2_work(const dd_re2 *re)
{
    return re->work;
}

/* ---- The text searched ---- */

static void add_wrong(subject *s, size_t at)
{
    if (s->wrong_count == s->wrong_capacity) {
        s->wrong_capacity = s->wrong_capacity ? 2 * s->wrong_capacity : 16;
        s->wrong = dd_reallocarray(s->wrong, s->wrong_capacity, sizeof(*s->wrong));
    }
    s->wrong[s->wrong_count++] = at;
}

static void subject_init(subject *s, dd_re2 *re, dd_text text)
{
    size_t copied = 0, length;

    if (!text.data)
        text = (dd_text){"", 0};
    *s = (subject){.text = text};
    for (size_t at = 0; at < text.length; at += length) {
        dd_utf8_decode(text.data + at, text.length - at, &length);
        if (length > 1 || (unsigned char)text.data[at] < 0x80)
            continue;
        dd_buf_add(&s->copy, text.data + copied, at - copied);
        dd_buf_add_str(&s->copy, "\xef\xbf\xbd");
        copied = at + 1;
        add_wrong(s, at);
    }
    s->clean = s->text;
    if (s->wrong_count) {
        dd_buf_add(&s->copy, text.data + copied, text.length - copied);
        s->clean = (dd_text){s->copy.data, s->copy.length};
    }
    re->steps = 0;
    re->steps_max = STEPS_MAX + STEPS_PER_BYTE * text.length;
    re->work += text.length / BYTES_PER_STEP;
}

static void subject_done(subject *s, dd_re2 *re)
{
    re->work += re->steps;
    free(s->wrong);
    dd_buf_done(&s->copy);
}

/* How many wrong bytes stand before a place of the text, or of the clean one. */
static size_t wrong_before(const subject *s, size_t place, bool clean)
{
    size_t low = 0, high = s->wrong_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (s->wrong[middle] + (clean ? 2 * middle : 0) < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t rune_length(dd_text text, size_t at)
{
    size_t length = 0;

    if (at < text.length)
        dd_utf8_decode(text.data + at, text.length - at, &length);
    return length;
}

static int fail_search(int error, dd_error **err)
{
    return dd_fail(err, DD_ERR_LIMIT, "the regular expression takes too %s for this text",
                   error == PCRE2_ERROR_HEAPLIMIT || error == PCRE2_ERROR_NOMEMORY ? "much memory" : "long");
}

/* False: the group took no part. */
static bool group_span(const dd_re2 *re, const subject *s, size_t group, dd_re2_span *ret)
{
    const PCRE2_SIZE *vector = pcre2_get_ovector_pointer(re->match);

    if (group > re->tree.group_count)
        return false;
    vector += 2 * (group ? re->tree.numbers[group - 1] : 0);
    if (vector[0] == PCRE2_UNSET)
        return false;
    *ret = (dd_re2_span){vector[0] - 2 * wrong_before(s, vector[0], true),
                         vector[1] - 2 * wrong_before(s, vector[1], true)};
    return true;
}

/* The first match at or behind `from`: 1, 0 or -1. Its groups are asked for with group_span. */
static int search(dd_re2 *re, const subject *s, size_t from, dd_re2_span *ret, dd_error **err)
{
    int found;

    *ret = (dd_re2_span){0};
    from += 2 * wrong_before(s, from, false);
    re->steps++;
    re->last_position = from;
    found = pcre2_match(re->code, (PCRE2_SPTR)s->clean.data, s->clean.length, from, PCRE2_NO_UTF_CHECK,
                        re->match, re->context);
    if (found == PCRE2_ERROR_NOMATCH)
        return 0;
    if (found < 0 || re->steps > re->steps_max)
        return fail_search(found, err);
    return group_span(re, s, 0, ret);
}

/* ---- FindAll and Split ---- */

void dd_re2_spans_done(dd_re2_spans *spans)
{
    free(spans->items);
    *spans = (dd_re2_spans){0};
}

static void add_span(dd_re2_spans *into, size_t from, size_t to)
{
    if (into->count == into->capacity) {
        into->capacity = into->capacity ? 2 * into->capacity : 16;
        into->items = dd_reallocarray(into->items, into->capacity, sizeof(*into->items));
    }
    into->items[into->count++] = (dd_re2_span){from, to};
}

/* An empty match directly behind a match is none, and behind an empty one the next rune is passed over. */
static int find_all(dd_re2 *re, const subject *s, int64_t limit, dd_re2_spans *ret, dd_error **err)
{
    size_t at = 0, last_end = SIZE_MAX;

    while (at <= s->text.length && (limit < 0 || ret->count < (size_t)limit)) {
        dd_re2_span span;
        int found = search(re, s, at, &span, err);
        bool taken = true;

        if (found <= 0)
            return found;
        if (span.to == at) {
            size_t length = rune_length(s->text, at);

            taken = span.from != last_end;
            at = length ? at + length : s->text.length + 1;
        } else {
            at = span.to;
        }
        last_end = span.to;
        if (taken)
            add_span(ret, span.from, span.to);
    }
    return 0;
}

int dd_re2_find_all(dd_re2 *re, dd_text text, int64_t limit, dd_re2_spans *ret, dd_error **err)
{
    subject s;
    int result;

    *ret = (dd_re2_spans){0};
    subject_init(&s, re, text);
    result = find_all(re, &s, limit, ret, err);
    subject_done(&s, re);
    if (result < 0)
        dd_re2_spans_done(ret);
    return result;
}

int dd_re2_split(dd_re2 *re, dd_text text, int64_t limit, dd_re2_spans *ret, dd_error **err)
{
    dd_re2_spans found;
    size_t begin = 0, end = 0;

    *ret = (dd_re2_spans){0};
    if (limit == 0)
        return 0;
    if (text.length == 0 && !re->empty) {
        add_span(ret, 0, 0);
        return 0;
    }
    if (dd_re2_find_all(re, text, limit, &found, err) < 0)
        return -1;
    for (size_t i = 0; i < found.count && (limit < 0 || ret->count + 1 < (size_t)limit); i++) {
        end = found.items[i].from;
        if (found.items[i].to)
            add_span(ret, begin, end);
        begin = found.items[i].to;
    }
    if (end != text.length)
        add_span(ret, begin, text.length);
    dd_re2_spans_done(&found);
    return 0;
}

/* ---- ReplaceAll ---- */

/* The bytes of a name's letters, digits and '_' at the text's begin; Unicode's too, even though no group's
 * name has them. */
static size_t name_length(dd_text text)
{
    size_t at = 0, length;

    for (; at < text.length; at += length)
        if (!dd_rune_is_name(dd_utf8_decode(text.data + at, text.length - at, &length)))
            break;
    return at;
}

/* What "$" is followed by: "name" or "{name}". False: nothing that is a name; else it is taken off. */
static bool take_name(dd_text *text, dd_text *ret)
{
    bool braces = text->length && text->data[0] == '{';
    size_t length;

    *ret = (dd_text){text->data + braces, text->length - braces};
    length = name_length(*ret);
    if (length == 0 || (braces && (length == ret->length || ret->data[length] != '}')))
        return false;
    ret->length = length;
    length += braces ? 2 : 0;
    *text = (dd_text){text->data + length, text->length - length};
    return true;
}

/* A number without leading zeros; -1 for what is a name. */
static int64_t group_number(dd_text name)
{
    int64_t number = 0;

    if (name.length > 1 && name.data[0] == '0')
        return -1;
    for (size_t i = 0; i < name.length; i++) {
        if (name.data[i] < '0' || name.data[i] > '9' || number >= 100000000)
            return -1;
        number = number * 10 + (name.data[i] - '0');
    }
    return number;
}

static void add_group(const dd_re2 *re, const subject *s, dd_text name, dd_buf *into)
{
    int64_t number = group_number(name);
    dd_re2_span span;

    if (number >= 0) {
        if (group_span(re, s, (size_t)number, &span))
            dd_buf_add(into, s->text.data + span.from, span.to - span.from);
        return;
    }
    for (size_t i = 0; i < re->tree.group_count; i++)
        if (dd_text_compare(re->tree.names[i], name) == 0 && group_span(re, s, i + 1, &span)) {
            dd_buf_add(into, s->text.data + span.from, span.to - span.from);
            return;
        }
}

static int expand(const dd_re2 *re, const subject *s, dd_text by, size_t max_bytes, dd_buf *into,
                  dd_error **err)
{
    while (by.length) {
        const char *dollar = memchr(by.data, '$', by.length);
        size_t before = dollar ? (size_t)(dollar - by.data) : by.length;
        dd_text name;

        dd_buf_add(into, by.data, before);
        if (!dollar)
            break;
        by = (dd_text){dollar + 1, by.length - before - 1};
        if (by.length && by.data[0] == '$') {
            dd_buf_add_char(into, '$');
            by = (dd_text){by.data + 1, by.length - 1};
        } else if (take_name(&by, &name)) {
            add_group(re, s, name, into);
        } else {
            dd_buf_add_char(into, '$');
        }
        if (into->length > max_bytes)
            return dd_fail(err, DD_ERR_LIMIT, "the replaced text has more than %zu bytes", max_bytes);
    }
    return 0;
}

typedef struct replacement {
    dd_text by;
    bool literal;
    size_t max_bytes;
} replacement;

static int replace_one(const dd_re2 *re, const subject *s, const replacement *how, dd_buf *into,
                       dd_error **err)
{
    if (!how->literal)
        return expand(re, s, how->by, how->max_bytes, into, err);
    dd_buf_add(into, how->by.data, how->by.length);
    return 0;
}

static int replace_all(dd_re2 *re, const subject *s, const replacement *how, dd_buf *into, dd_error **err)
{
    size_t copied = 0, at = 0;

    while (at <= s->text.length) {
        dd_re2_span span;
        int found = search(re, s, at, &span, err);
        size_t length = rune_length(s->text, at);

        if (found < 0)
            return -1;
        if (found == 0)
            break;
        dd_buf_add(into, s->text.data + copied, span.from - copied);
        /* An empty match directly behind a match is none. */
        if ((span.to > copied || span.from == 0) && replace_one(re, s, how, into, err) < 0)
            return -1;
        if (into->length > how->max_bytes)
            return dd_fail(err, DD_ERR_LIMIT, "the replaced text has more than %zu bytes", how->max_bytes);
        copied = span.to;
        at = at + length > span.to ? at + length : at + 1 > span.to ? at + 1 : span.to;
    }
    dd_buf_add(into, s->text.data + copied, s->text.length - copied);
    return 0;
}

int dd_re2_replace(dd_re2 *re, dd_text text, dd_text by, bool literal, size_t max_bytes, dd_buf *into,
                   dd_error **err)
{
    replacement how = {by, literal, max_bytes};
    subject s;
    int result;

    subject_init(&s, re, text);
    result = replace_all(re, &s, &how, into, err);
    re->work += into->length / BYTES_PER_STEP;
    subject_done(&s, re);
    return result;
}
