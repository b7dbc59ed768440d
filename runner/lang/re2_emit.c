/* A pattern's tree in PCRE2's words. Every rune that is not a plain letter or digit is written by its number,
 * and every flag where it holds, so that nothing rests on PCRE2's defaults.
 *
 * Behind all that can make PCRE2 go back and try again stands a callout "(?C)": re2.c counts there.
 *
 * A loop's turn that matches nothing is no turn in RE2, unless it is the first; in PCRE2 it is the last one,
 * and empties the groups in it. So where that can be seen, two empty groups tell where the loop and the turn
 * began, and a callout with the first one's number, "(?C'5')", has re2.c refuse such a turn. */
#include "runner/lang/re2_private.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define NEVER "(?:(?!))" /* matches nothing */

typedef struct emitter {
    dd_buf *into;
    size_t *numbers;
    size_t next; /* the next group's number */
} emitter;

static void emit(emitter *e, const dd_re2_node *node);

static bool is_surrogate(uint32_t rune)
{
    return rune >= 0xD800 && rune <= 0xDFFF;
}

static void emit_rune(dd_buf *into, uint32_t rune)
{
    bool plain = (rune >= '0' && rune <= '9') || (rune >= 'A' && rune <= 'Z') || (rune >= 'a' && rune <= 'z');

    if (plain)
        dd_buf_add_char(into, (char)rune);
    else
        dd_buf_printf(into, "\\x{%x}", rune);
}

/* Surrogates stand in no text, and PCRE2 takes none. */
static void emit_range(dd_buf *into, uint32_t low, uint32_t high)
{
    low = is_surrogate(low) ? 0xE000 : low;
    high = is_surrogate(high) ? 0xD7FF : high;
    if (low > high)
        return;
    emit_rune(into, low);
    if (low == high)
        return;
    dd_buf_add_char(into, '-');
    emit_rune(into, high);
}

/* Since 10.40 a script's name alone has its extensions too, which RE2 leaves out. */
#if PCRE2_MAJOR > 10 || PCRE2_MINOR >= 40
#define SCRIPT "sc:"
#else
#define SCRIPT ""
#endif

static void emit_class(dd_buf *into, const dd_re2_class *class)
{
    dd_buf members = {0};

    for (const dd_re2_range *range = class->ranges; range; range = range->next)
        emit_range(&members, range->low, range->high);
    for (const dd_re2_property *property = class->properties; property; property = property->next)
        dd_buf_printf(&members, "\\%c{%s%s}", property->negated ? 'P' : 'p', property->script ? SCRIPT : "",
                      property->name);
    if (!members.length)
        dd_buf_add_str(into, class->negated ? "(?s:.)" : NEVER);
    else
        dd_buf_printf(into, "[%s%s]", class->negated ? "^" : "", members.data);
    dd_buf_done(&members);
}

static bool is_one_rune(const dd_re2_node *node)
{
    return node->kind == DD_RE2_LITERAL || node->kind == DD_RE2_CLASS || node->kind == DD_RE2_ANY ||
           node->kind == DD_RE2_ANY_BUT_NEWLINE;
}

/* One rune, so many times: PCRE2 goes over them in one step. `count` stands inside of the flags. */
static void emit_runes(dd_buf *into, const dd_re2_node *node, const char *count)
{
    const char *flag = node->kind == DD_RE2_ANY ? "(?s:" : node->fold ? "(?i:" : "";

    dd_buf_add_str(into, flag);
    if (node->kind == DD_RE2_CLASS)
        emit_class(into, node->class);
    else if (node->kind != DD_RE2_LITERAL)
        dd_buf_add_char(into, '.');
    else if (is_surrogate(node->rune))
        dd_buf_add_str(into, NEVER);
    else
        emit_rune(into, node->rune);
    dd_buf_add_str(into, count);
    if (*flag)
        dd_buf_add_char(into, ')');
}

static void emit_count(dd_buf *into, int least, int most, bool lazy)
{
    if (most < 0)
        dd_buf_printf(into, "{%d,}", least);
    else
        dd_buf_printf(into, "{%d,%d}", least, most);
    if (lazy)
        dd_buf_add_char(into, '?');
}

/* A loop without end whose turns may match nothing. */
static void emit_watched(emitter *e, const dd_re2_node *node)
{
    size_t number;
    int least = node->least;

    if (least > 1) { /* RE2's loop begins with the last turn that must be */
        dd_buf_add_str(e->into, "(?:");
        emit(e, node->members);
        dd_buf_printf(e->into, "(?C)){%d}", least - 1);
        least = 1;
    }
    number = e->next;
    e->next += 2;
    dd_buf_add_str(e->into, "()(?:()");
    emit(e, node->members);
    dd_buf_printf(e->into, "(?C'%zu'))", number);
    emit_count(e->into, least, -1, node->lazy);
}

static void emit_repeat(emitter *e, const dd_re2_node *node)
{
    const dd_re2_node *body = node->members;
    /* Groups cannot be written twice. */
    bool watched = node->most < 0 && body->may_be_empty && (node->least <= 1 || !body->captures);

    if (is_one_rune(body)) {
        dd_buf count = {0};

        emit_count(&count, node->least, node->most, node->lazy);
        emit_runes(e->into, body, count.data);
        dd_buf_done(&count);
    } else if (watched) {
        emit_watched(e, node);
    } else {
        dd_buf_add_str(e->into, "(?:");
        emit(e, body);
        dd_buf_add_str(e->into, "(?C))");
        emit_count(e->into, node->least, node->most, node->lazy);
    }
    dd_buf_add_str(e->into, "(?C)");
}

static void emit_members(emitter *e, const dd_re2_node *node, const char *open, const char *between,
                         const char *close)
{
    dd_buf_add_str(e->into, open);
    for (const dd_re2_node *member = node->members; member; member = member->next) {
        emit(e, member);
        if (member->next)
            dd_buf_add_str(e->into, between);
    }
    dd_buf_add_str(e->into, close);
}

static void emit(emitter *e, const dd_re2_node *node)
{
    static const char *const places[] = {
        [DD_RE2_BEGIN_LINE] = "(?m:^)", [DD_RE2_END_LINE] = "(?m:$)", [DD_RE2_BEGIN_TEXT] = "\\A",
        [DD_RE2_END_TEXT] = "\\z",      [DD_RE2_BOUNDARY] = "\\b",    [DD_RE2_NO_BOUNDARY] = "\\B",
    };

    switch (node->kind) {
    case DD_RE2_ANY:
    case DD_RE2_ANY_BUT_NEWLINE:
    case DD_RE2_LITERAL:
    case DD_RE2_CLASS:
        emit_runes(e->into, node, "");
        break;
    case DD_RE2_BEGIN_LINE:
    case DD_RE2_END_LINE:
    case DD_RE2_BEGIN_TEXT:
    case DD_RE2_END_TEXT:
    case DD_RE2_BOUNDARY:
    case DD_RE2_NO_BOUNDARY:
        dd_buf_add_str(e->into, places[node->kind]);
        break;
    case DD_RE2_REPEAT:
        emit_repeat(e, node);
        break;
    case DD_RE2_CAPTURE:
        e->numbers[node->group] = e->next++;
        emit_members(e, node, "(", "", ")");
        break;
    case DD_RE2_ALTERNATE:
        emit_members(e, node, "(?:", "|", ")(?C)");
        break;
    case DD_RE2_CONCAT:
        emit_members(e, node, "", "", "");
        break;
    }
}

void dd_re2_emit(dd_arena *arena, dd_re2_tree *tree, dd_buf *into)
{
    emitter e = {into, dd_arena_alloc(arena, (tree->group_count + 1) * sizeof(size_t)), 1};

    dd_buf_add_str(into, "(?C)");
    emit(&e, tree->root);
    tree->numbers = e.numbers;
}
