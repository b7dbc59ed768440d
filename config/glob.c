/* Globs of tasks, over branches and changed paths.
 *
 * A glob becomes a row of parts, and the text is walked once with the set of parts it may be at: the time is
 * the product of the two lengths at worst, whatever a glob's author or a repository's file names try. */
#include "task.h"
#include <stdlib.h>
#include <string.h>

typedef enum part_kind {
    PART_CHARACTER,
    PART_ANY,     /* ?: one character, no slash */
    PART_CLASS,   /* [a-z]: one character, no slash */
    PART_STAR,    /* *: any characters but slashes */
    PART_STARS,   /* **: any characters */
    PART_FOLDERS, /* beginning of "**" and a slash: nothing, or what PART_FOLDER takes */
    PART_FOLDER,  /* any characters, up to a slash that ends it */
} part_kind;

typedef struct part {
    part_kind kind;
    uint32_t character;
    const char *set; /* behind the '[' */
} part;

/* One UTF-8 character, or a byte that is none of any (kept apart from all characters). Advances *text. */
static uint32_t next_character(const char **text)
{
    const unsigned char *c = (const unsigned char *)*text;
    static const struct {
        unsigned mask, lead, follow;
    } forms[] = {{0xe0, 0xc0, 1}, {0xf0, 0xe0, 2}, {0xf8, 0xf0, 3}};

    for (size_t i = 0; c[0] >= 0x80 && i < DD_COUNT(forms); i++) {
        uint32_t character = c[0] & ~forms[i].mask;
        unsigned follow = 0;

        if ((c[0] & forms[i].mask) != forms[i].lead)
            continue;
        while (follow < forms[i].follow && (c[follow + 1] & 0xc0) == 0x80)
            character = character << 6 | (c[++follow] & 0x3f);
        if (follow == forms[i].follow) {
            *text += follow + 1;
            return character;
        }
    }
    *text += 1;
    return c[0] < 0x80 ? c[0] : 0x80000000U | c[0];
}

/* The ']' of the class that begins at `set`, NULL when it has none; one that comes first is a member. */
static const char *class_end(const char *set)
{
    set += *set == '!' || *set == '^' ? 1 : 0;
    return *set ? strchr(set + 1, ']') : NULL;
}

static bool class_matches(const char *set, uint32_t character)
{
    bool negated = *set == '!' || *set == '^';
    const char *end = class_end(set);
    bool found = false;

    set += negated ? 1 : 0;
    while (set < end) {
        uint32_t low = next_character(&set);
        uint32_t high = low;

        if (*set == '-' && set + 1 < end) {
            set++;
            high = next_character(&set);
        }
        found = found || (character >= low && character <= high);
    }
    return found != negated;
}

/* Where the glob goes on behind a "**" at `glob`: all further stars are the same; a slash makes it folders,
 * when it began a component. */
static const char *read_stars(const char *glob, bool starts_component, part *parts, size_t *count)
{
    glob += strspn(glob, "*");
    if (*glob != '/' || !starts_component) {
        parts[(*count)++] = (part){.kind = PART_STARS};
        return glob;
    }
    parts[(*count)++] = (part){.kind = PART_FOLDERS};
    parts[(*count)++] = (part){.kind = PART_FOLDER};
    return glob + 1;
}

static const char *read_part(const char *glob, bool starts_component, part *parts, size_t *count)
{
    const char *end;

    if (glob[0] == '*' && glob[1] == '*')
        return read_stars(glob, starts_component, parts, count);
    if (glob[0] == '*' || glob[0] == '?') {
        parts[(*count)++] = (part){.kind = glob[0] == '*' ? PART_STAR : PART_ANY};
        return glob + 1;
    }
    if (glob[0] == '[' && (end = class_end(glob + 1))) {
        parts[(*count)++] = (part){.kind = PART_CLASS, .set = glob + 1};
        return end + 1;
    }
    glob += glob[0] == '\\' && glob[1] ? 1 : 0;
    parts[*count] = (part){.kind = PART_CHARACTER, .character = next_character(&glob)};
    ++*count;
    return glob;
}

/* Mark a part as one the text may be at, and those behind it that may stand for nothing. A mark that is there
 * has done this already, which keeps a row of "**" and slashes from being walked once for each of them. */
static void enter(const part *parts, size_t count, bool *at, size_t index)
{
    while (!at[index]) {
        at[index] = true;
        if (index == count)
            return;
        if (parts[index].kind == PART_STAR || parts[index].kind == PART_STARS) {
            index++;
        } else if (parts[index].kind == PART_FOLDERS) {
            at[index + 1] = true;
            index += 2;
        } else {
            return;
        }
    }
}

static void step(const part *parts, size_t count, size_t index, uint32_t character, bool *next)
{
    const part *at = &parts[index];
    bool takes = false;

    switch (at->kind) {
    case PART_CHARACTER:
        takes = at->character == character;
        break;
    case PART_ANY:
        takes = character != '/';
        break;
    case PART_CLASS:
        takes = character != '/' && class_matches(at->set, character);
        break;
    case PART_STAR:
        if (character != '/')
            enter(parts, count, next, index);
        return;
    case PART_STARS:
        enter(parts, count, next, index);
        return;
    case PART_FOLDERS:
        return;
    case PART_FOLDER:
        next[index] = true;
        takes = character == '/';
        break;
    }
    if (takes)
        enter(parts, count, next, index + 1);
}

static bool walk(const part *parts, size_t count, const char *text, bool *at, bool *next)
{
    enter(parts, count, at, 0);
    while (*text) {
        uint32_t character = next_character(&text);
        bool *swap = at;

        memset(next, 0, count + 1);
        for (size_t i = 0; i < count; i++)
            if (at[i])
                step(parts, count, i, character, next);
        at = next;
        next = swap;
    }
    return at[count];
}

bool dd_glob_match(const char *glob, const char *text)
{
    /* Each part takes a byte of the glob at least, folders ("**" and a slash, two parts) three. */
    part *parts = dd_calloc(strlen(glob) + 1, sizeof(*parts));
    size_t count = 0;
    bool *sets;
    bool matches;

    for (const char *c = glob; *c;)
        c = read_part(c, c == glob || c[-1] == '/', parts, &count);
    sets = dd_calloc(2 * (count + 1), sizeof(*sets));
    matches = walk(parts, count, text, sets, sets + count + 1);
    free(sets);
    free(parts);
    return matches;
}
