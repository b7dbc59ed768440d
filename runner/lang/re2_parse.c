/* RE2's syntax, as Go reads it with its Perl flags: a pattern into a tree. Errors are Go's, word for word. */
#include "runner/lang/re2_private.h"
#include <string.h>

/* One open parenthesis, or the whole pattern. */
typedef struct level {
    unsigned flags; /* to be restored behind it */
    bool capture;
    size_t group;                       /* when it captures */
    dd_re2_node *choices, *last_choice; /* what stands before the last '|' */
    dd_re2_node *items;                 /* of the concatenation being read */
    dd_re2_node **last;                 /* where the last of them hangs; NULL: there is none */
} level;

typedef struct reader {
    dd_re2_parser base;
    const char *pattern;
    level levels[DD_RE2_MAX_HEIGHT];
    size_t depth;
    const char *last_repeat; /* directly before: repeats do not stack */
} reader;

/* ---- The tree ---- */

static dd_re2_node *new_node(reader *r, dd_re2_kind kind)
{
    dd_re2_node *ret = dd_arena_alloc(r->base.arena, sizeof(*ret));

    ret->kind = kind;
    ret->height = ret->copies = 1;
    return ret;
}

/* Takes over what its members ask for. */
static void measure(dd_re2_node *node)
{
    bool all = true, any = false;

    for (const dd_re2_node *member = node->members; member; member = member->next) {
        node->height = node->height > member->height ? node->height : member->height + 1;
        node->copies = node->copies > member->copies ? node->copies : member->copies;
        node->captures = node->captures || member->captures;
        all = all && member->may_be_empty;
        any = any || member->may_be_empty;
    }
    node->captures = node->captures || node->kind == DD_RE2_CAPTURE;
    node->may_be_empty = node->kind == DD_RE2_ALTERNATE ? any
                         : node->kind == DD_RE2_REPEAT  ? any || node->least == 0
                         : node->kind == DD_RE2_CONCAT || node->kind == DD_RE2_CAPTURE
                             ? all
                             : node->kind >= DD_RE2_BEGIN_LINE && node->kind <= DD_RE2_NO_BOUNDARY;
}

static int check_height(reader *r, const dd_re2_node *node)
{
    if (node->height <= DD_RE2_MAX_HEIGHT)
        return 0;
    return dd_fail(r->base.err, DD_ERR_LIMIT, "error parsing regexp: expression nests too deeply");
}

static level *top(reader *r)
{
    return &r->levels[r->depth];
}

static int push(reader *r, dd_re2_node *node)
{
    level *l = top(r);

    measure(node);
    l->last = l->last ? &(*l->last)->next : &l->items;
    *l->last = node;
    return check_height(r, node);
}

static int push_kind(reader *r, dd_re2_kind kind, size_t length)
{
    r->base.at += length;
    return push(r, new_node(r, kind));
}

static int push_literal(reader *r, uint32_t rune)
{
    dd_re2_node *node = new_node(r, DD_RE2_LITERAL);

    node->rune = rune;
    node->fold = r->base.flags & DD_RE2_FOLD;
    return push(r, node);
}

static int push_class(reader *r, const dd_re2_class *class)
{
    dd_re2_node *node = new_node(r, DD_RE2_CLASS);

    node->class = class;
    node->fold = r->base.flags & DD_RE2_FOLD;
    return push(r, node);
}

/* At '|' and at the end of a level: what was read is one choice. */
static void end_choice(reader *r)
{
    level *l = top(r);
    dd_re2_node *choice = new_node(r, DD_RE2_CONCAT);

    choice->members = l->items;
    measure(choice);
    if (l->last_choice)
        l->last_choice->next = choice;
    else
        l->choices = choice;
    l->last_choice = choice;
    l->items = NULL;
    l->last = NULL;
}

static dd_re2_node *end_level(reader *r)
{
    dd_re2_node *ret;

    end_choice(r);
    ret = top(r)->choices;
    if (ret->next) {
        ret = new_node(r, DD_RE2_ALTERNATE);
        ret->members = top(r)->choices;
        measure(ret);
    }
    return ret;
}

static int open_level(reader *r, bool capture, unsigned restored)
{
    if (r->depth + 1 == DD_RE2_MAX_HEIGHT)
        return dd_fail(r->base.err, DD_ERR_LIMIT, "error parsing regexp: expression nests too deeply");
    r->depth++;
    *top(r) = (level){.flags = restored, .capture = capture, .group = r->base.tree->group_count - capture};
    return 0;
}

static void add_group(reader *r, dd_text name)
{
    dd_re2_tree *tree = r->base.tree;

    if (tree->group_count == tree->group_capacity) {
        dd_text *grown;

        tree->group_capacity = tree->group_capacity ? 2 * tree->group_capacity : 8;
        grown = dd_arena_alloc(r->base.arena, tree->group_capacity * sizeof(*grown));
        if (tree->group_count)
            memcpy(grown, tree->names, tree->group_count * sizeof(*grown));
        tree->names = grown;
    }
    tree->names[tree->group_count++] = name;
}

static int close_level(reader *r)
{
    dd_re2_node *inside, *node;

    if (r->depth == 0)
        return dd_re2_fail(&r->base, "unexpected )", r->pattern, r->base.end);
    r->base.at++;
    inside = end_level(r);
    node = inside;
    if (top(r)->capture) {
        node = new_node(r, DD_RE2_CAPTURE);
        node->members = inside;
        node->group = top(r)->group;
    }
    r->base.flags = top(r)->flags;
    r->depth--;
    return push(r, node);
}

/* ---- Groups and flags ---- */

/* "(?P<name>" */
static int open_named(reader *r)
{
    const char *start = r->base.at, *close = memchr(start, '>', (size_t)(r->base.end - start));
    dd_text name = {start + 4, close ? (size_t)(close - start) - 4 : 0};

    if (!close)
        return dd_re2_fail(&r->base, "invalid named capture", start, r->base.end);
    for (size_t i = 0; i < name.length; i++)
        if (name.data[i] != '_' && !dd_re2_is_alphanumeric((unsigned char)name.data[i]))
            name.length = 0;
    if (!name.length)
        return dd_re2_fail(&r->base, "invalid named capture", start, close + 1);
    r->base.at = close + 1;
    add_group(r, name);
    return open_level(r, true, r->base.flags);
}

static unsigned flag_of(uint32_t letter)
{
    static const char letters[] = "imsU";
    static const unsigned flags[] = {DD_RE2_FOLD, DD_RE2_MULTILINE, DD_RE2_DOT_ALL, DD_RE2_UNGREEDY};
    const char *found = letter && letter < 0x80 ? strchr(letters, (int)letter) : NULL;

    return found ? flags[found - letters] : 0;
}

/* "(?i)", "(?s-m:", "(?:" */
static int open_flags(reader *r)
{
    const char *start = r->base.at;
    unsigned flags = r->base.flags;
    bool off = false, seen = false;

    r->base.at += 2;
    while (r->base.at < r->base.end) {
        uint32_t letter = 0;

        if (dd_re2_take_rune(&r->base, &letter) < 0)
            return -1;
        if (flag_of(letter)) {
            flags = off ? flags & ~flag_of(letter) : flags | flag_of(letter);
            seen = true;
        } else if (letter == '-' && !off) {
            off = true;
            seen = false;
        } else if ((letter == ':' || letter == ')') && (!off || seen)) {
            unsigned restored = r->base.flags;

            r->base.flags = flags;
            return letter == ':' ? open_level(r, false, restored) : 0;
        } else {
            break;
        }
    }
    return dd_re2_fail(&r->base, "invalid or unsupported Perl syntax", start, r->base.at);
}

static int open_group(reader *r)
{
    dd_text rest = {r->base.at, (size_t)(r->base.end - r->base.at)};

    if (rest.length > 4 && memcmp(rest.data, "(?P<", 4) == 0)
        return open_named(r);
    if (rest.length >= 2 && rest.data[1] == '?')
        return open_flags(r);
    r->base.at++;
    add_group(r, (dd_text){"", 0});
    return open_level(r, true, r->base.flags);
}

/* ---- Repeats ---- */

/* Behind the operator, which begins at `start`. */
static int repeat(reader *r, const char *start, int least, int most, bool counted)
{
    bool lazy = r->base.flags & DD_RE2_UNGREEDY;
    level *l = top(r);
    dd_re2_node *node;
    int copies = most < 0 ? least : most;

    if (r->base.at < r->base.end && *r->base.at == '?') {
        lazy = !lazy;
        r->base.at++;
    }
    if (r->last_repeat)
        return dd_re2_fail(&r->base, "invalid nested repetition operator", r->last_repeat, r->base.at);
    if (!l->last)
        return dd_re2_fail(&r->base, "missing argument to repetition operator", start, r->base.at);
    node = new_node(r, DD_RE2_REPEAT);
    node->least = least;
    node->most = most;
    node->lazy = lazy;
    node->members = *l->last;
    *l->last = node;
    measure(node);
    if (counted)
        node->copies = most == 0 ? 1 : node->copies * (copies > 1 ? copies : 1);
    if (counted && (least >= 2 || most >= 2) && node->copies > DD_RE2_MAX_REPEAT)
        return dd_re2_fail(&r->base, "invalid repeat count", start, r->base.at);
    r->last_repeat = start;
    return check_height(r, node);
}

/* Digits without a leading zero; *ret is -1 for what is far too large. */
static bool take_count(const char **at, const char *end, int *ret)
{
    const char *start = *at;

    *ret = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; ++*at)
        if (*ret >= 0)
            *ret = *ret > DD_RE2_MAX_REPEAT ? -1 : *ret * 10 + (**at - '0');
    return *at > start && (*start != '0' || *at == start + 1);
}

/* "{2}", "{2,}", "{2,3}"; all else is text. */
static int take_braces(reader *r)
{
    const char *start = r->base.at, *at = start + 1;
    int least = 0, most;
    bool good = take_count(&at, r->base.end, &least);

    most = least;
    if (good && at < r->base.end && *at == ',') {
        at++;
        most = -1;
        if (at < r->base.end && *at != '}') {
            good = take_count(&at, r->base.end, &most);
            if (most < 0)
                least = -1;
        }
    }
    if (!good || at == r->base.end || *at != '}') {
        r->base.at++;
        r->last_repeat = NULL;
        return push_literal(r, '{');
    }
    r->base.at = at + 1;
    if (least < 0 || least > DD_RE2_MAX_REPEAT || most > DD_RE2_MAX_REPEAT || (most >= 0 && least > most))
        return dd_re2_fail(&r->base, "invalid repeat count", start, r->base.at);
    return repeat(r, start, least, most, true);
}

static int take_operator(reader *r)
{
    const char *start = r->base.at++;

    return repeat(r, start, *start == '+', *start == '?' ? 1 : -1, false);
}

/* ---- One item ---- */

/* \Q…\E: all of it as it stands. */
static int take_quoted(reader *r)
{
    const char *close, *whole_end = r->base.end;
    int result = 0;

    r->base.at += 2;
    close = memmem(r->base.at, (size_t)(whole_end - r->base.at), "\\E", 2);
    r->base.end = close ? close : whole_end;
    while (result == 0 && r->base.at < r->base.end) {
        uint32_t rune = 0;

        result = dd_re2_take_rune(&r->base, &rune);
        if (result == 0)
            result = push_literal(r, rune);
    }
    r->base.at = close ? close + 2 : whole_end;
    r->base.end = whole_end;
    return result;
}

static int take_backslash(reader *r)
{
    static const struct {
        char letter;
        dd_re2_kind kind;
    } places[] = {
        {'A', DD_RE2_BEGIN_TEXT}, {'b', DD_RE2_BOUNDARY}, {'B', DD_RE2_NO_BOUNDARY}, {'z', DD_RE2_END_TEXT}};
    char letter = r->base.end - r->base.at >= 2 ? r->base.at[1] : '\0';
    dd_re2_class *class;
    uint32_t rune = 0;
    int taken;

    for (size_t i = 0; letter && i < DD_COUNT(places); i++)
        if (letter == places[i].letter)
            return push_kind(r, places[i].kind, 2);
    if (letter == 'Q')
        return take_quoted(r);
    taken = dd_re2_take_class_escape(&r->base, &class);
    if (taken != 0)
        return taken < 0 ? -1 : push_class(r, class);
    return dd_re2_take_escape(&r->base, &rune) < 0 ? -1 : push_literal(r, rune);
}

static int take_item(reader *r)
{
    dd_re2_class *class;
    uint32_t rune = 0;
    bool lines = r->base.flags & DD_RE2_MULTILINE;

    switch (*r->base.at) {
    case '(':
        return open_group(r);
    case ')':
        return close_level(r);
    case '|':
        r->base.at++;
        end_choice(r);
        return 0;
    case '^':
        return push_kind(r, lines ? DD_RE2_BEGIN_LINE : DD_RE2_BEGIN_TEXT, 1);
    case '$':
        return push_kind(r, lines ? DD_RE2_END_LINE : DD_RE2_END_TEXT, 1);
    case '.':
        return push_kind(r, r->base.flags & DD_RE2_DOT_ALL ? DD_RE2_ANY : DD_RE2_ANY_BUT_NEWLINE, 1);
    case '[':
        return dd_re2_take_class(&r->base, &class) < 0 ? -1 : push_class(r, class);
    case '\\':
        return take_backslash(r);
    default:
        return dd_re2_take_rune(&r->base, &rune) < 0 ? -1 : push_literal(r, rune);
    }
}

static int take_next(reader *r)
{
    if (strchr("*+?", *r->base.at) && *r->base.at)
        return take_operator(r);
    if (*r->base.at == '{')
        return take_braces(r);
    r->last_repeat = NULL;
    return take_item(r);
}

int dd_re2_parse(dd_arena *arena, dd_text pattern, dd_re2_tree *ret, dd_error **err)
{
    reader *r = dd_arena_alloc(arena, sizeof(*r));

    *ret = (dd_re2_tree){0};
    r->base = (dd_re2_parser){arena, pattern.data, pattern.data + pattern.length, 0, ret, err};
    r->pattern = pattern.data;
    while (r->base.at < r->base.end)
        if (take_next(r) < 0)
            return -1;
    if (r->depth)
        return dd_re2_fail(&r->base, "missing closing )", pattern.data, r->base.end);
    ret->root = end_level(r);
    return 0;
}
