/* YAML as a tree with positions, from libyaml's events. */
#include "yaml_private.h"

#include "digest.h"
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define MOST_WARNINGS 100 /* what comes behind them is not said */

/* ---- The nodes' arena: freed as a whole ---- */

#define BLOCK_BYTES (16 * 1024)

#define NODE_ALIGNMENT _Alignof(dd_yaml_node)

/* Nodes from its begin, texts, which need no alignment, from its end. */
typedef struct block {
    struct block *next;
    size_t used, size;
    max_align_t data[];
} block;

static block *with_room(block **arena, size_t bytes)
{
    if (!*arena || (*arena)->size - (*arena)->used < bytes) {
        size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        block *fresh = dd_calloc(1, sizeof(block) + size);
        fresh->size = size;
        fresh->next = *arena;
        *arena = fresh;
    }
    return *arena;
}

static void *take(block **arena, size_t bytes)
{
    bytes = (bytes + NODE_ALIGNMENT - 1) / NODE_ALIGNMENT * NODE_ALIGNMENT;
    block *from = with_room(arena, bytes);
    void *memory = (char *)from->data + from->used;
    from->used += bytes;
    return memory;
}

static char *take_text(block **arena, const char *text, size_t length)
{
    block *from = with_room(arena, length + 1);
    from->size -= length + 1;
    char *copy = (char *)from->data + from->size;
    memcpy(copy, text, length);
    return copy; /* blocks are zeroed, so a NUL stands behind it */
}

void dd_yaml_free(dd_yaml *yaml)
{
    if (!yaml)
        return;
    for (block *next, *b = yaml->memory; b; b = next) {
        next = b->next;
        free(b);
    }
    for (size_t i = 0; i < yaml->warning_count; i++)
        dd_error_free(yaml->warnings[i]);
    free(yaml->warnings);
    free(yaml);
}

/* ---- Reading ---- */

typedef struct anchor {
    struct anchor *next;
    const char *name;
    dd_yaml_node *node; /* NULL while it is being read: an alias to it would contain itself */
    size_t nodes;       /* below and with it, aliases expanded */
    int height;         /* levels below it, aliases expanded */
} anchor;

/* A character's number, and where it stands. */
typedef struct cursor {
    size_t index, offset;
    dd_place place;
} cursor;

typedef struct reader {
    yaml_parser_t parser;
    dd_yaml *yaml;
    block *arena;
    anchor *anchors; /* the newest first: a later anchor of the same name hides the earlier */
    const dd_yaml_limits *limits;
    size_t nodes; /* so far, aliases expanded */
    int deepest;  /* level so far below the innermost anchored node, aliases expanded */
    const char *text;
    size_t length;
    cursor seen; /* the last place asked for */
    dd_error **err;
} reader;

static void step(cursor *c, char byte)
{
    c->offset++;
    c->place.column++;
    if (byte == '\n')
        c->place = (dd_place){c->place.line + 1, 1};
}

/* libyaml counts characters, and ends lines at more than '\n'; our places are bytes in lines. Marks come in
 * the text's order (but for an error's), so the way from the last one is short. */
static dd_place place_of(reader *r, yaml_mark_t mark)
{
    if (r->parser.encoding != YAML_UTF8_ENCODING) /* UTF-16: bytes would say nothing */
        return (dd_place){.line = (int)mark.line + 1, .column = (int)mark.column + 1};
    cursor *c = &r->seen;
    if (c->place.line == 0 || mark.index < c->index) {
        *c = (cursor){.place = {1, 1}};
        if (r->length >= 3 && memcmp(r->text, "\xef\xbb\xbf", 3) == 0) /* not a character to libyaml */
            for (int i = 0; i < 3; i++)
                step(c, r->text[i]);
    }
    while (c->index < mark.index && c->offset < r->length) {
        step(c, r->text[c->offset]);
        while (c->offset < r->length && ((unsigned char)r->text[c->offset] & 0xc0) == 0x80)
            step(c, r->text[c->offset]);
        c->index++;
    }
    return c->place;
}

/* Where libyaml gave up. Bytes that it cannot read have an offset instead of a mark. */
static dd_place problem_place(reader *r)
{
    /* What is never closed is wrong where it is opened, not where the file ends. */
    bool unclosed = r->parser.problem && r->parser.context && strstr(r->parser.problem, "end of stream");
    if (r->parser.error != YAML_READER_ERROR)
        return place_of(r, unclosed ? r->parser.context_mark : r->parser.problem_mark);
    cursor c = {.place = {1, 1}};
    while (c.offset < r->parser.problem_offset && c.offset < r->length)
        step(&c, r->text[c.offset]);
    return c.place;
}

static void warn(reader *r, dd_place place, const char *format, const char *word)
{
    if (r->yaml->warning_count == MOST_WARNINGS)
        return;
    dd_error *warning = NULL;
    dd_auto_str text = dd_sprintf("%s%s", format, word);
    dd_fail_at(&warning, DD_ERR_INVALID, place, NULL, "%s", text);
    size_t size = sizeof(dd_error *); /* NOLINT(bugprone-sizeof-expression): pointers */
    r->yaml->warnings = dd_reallocarray(r->yaml->warnings, r->yaml->warning_count + 1, size);
    r->yaml->warnings[r->yaml->warning_count++] = warning;
}

static int next(reader *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event))
        return 0;
    const yaml_parser_t *p = &r->parser;
    return dd_fail_at(r->err, DD_ERR_INVALID, problem_place(r), NULL, "not YAML: %s%s%s",
                      p->problem ? p->problem : "unreadable", p->context ? " " : "",
                      p->context ? p->context : "");
}

static int count(reader *r, size_t more, dd_place place)
{
    size_t most = r->limits->nodes;
    if (more > most || (r->nodes += more) > most)
        return dd_fail_at(r->err, DD_ERR_LIMIT, place, NULL, "more than %zu values once aliases are expanded",
                          most);
    return 0;
}

static int read_node(reader *r, const yaml_event_t *event, int depth, dd_yaml_node **ret);

static int reach(reader *r, int depth, dd_place place)
{
    if (depth > DD_YAML_MAX_DEPTH)
        return dd_fail_at(r->err, DD_ERR_LIMIT, place, NULL, "nested more than %d deep", DD_YAML_MAX_DEPTH);
    if (depth > r->deepest)
        r->deepest = depth;
    return 0;
}

static int read_alias(reader *r, const yaml_event_t *event, int depth, dd_yaml_node **ret)
{
    const char *name = (const char *)event->data.alias.anchor;
    dd_place place = place_of(r, event->start_mark);
    for (anchor *a = r->anchors; a; a = a->next) {
        if (strcmp(a->name, name) != 0)
            continue;
        if (!a->node)
            return dd_fail_at(r->err, DD_ERR_INVALID, place, NULL, "the value of anchor '%s' contains itself",
                              name);
        if (count(r, a->nodes, place) < 0 || reach(r, depth + a->height, place) < 0)
            return -1;
        *ret = a->node;
        return 0;
    }
    return dd_fail_at(r->err, DD_ERR_INVALID, place, NULL, "no anchor '%s' before this alias", name);
}

static int keep_text(reader *r, const char *text, size_t length, dd_yaml_node *node)
{
    if (length && memchr(text, '\0', length))
        return dd_fail_at(r->err, DD_ERR_INVALID, node->place, NULL, "a NUL character in a value");
    node->length = length;
    node->text = take_text(&r->arena, length ? text : "", length);
    return 0;
}

/* `!!binary` is read as what it says, a text like any other. */
static int read_binary(reader *r, const char *text, size_t length, dd_yaml_node *node)
{
    dd_auto(dd_buf) written = dd_buf_new();
    dd_auto(dd_buf) bytes = dd_buf_new();
    for (size_t i = 0; i < length; i++) /* it may be folded */
        if (text[i] != '\n' && text[i] != '\r')
            dd_buf_add_char(written, text[i]);
    if (written->length && !dd_base64_decode(written->data, written->length, bytes))
        return dd_fail_at(r->err, DD_ERR_INVALID, node->place, NULL, "a !!binary value that is no base64");
    node->tag = NULL;
    node->quoted = true;
    return keep_text(r, bytes->data, bytes->length, node);
}

static int read_scalar(reader *r, const yaml_event_t *event, dd_yaml_node *node)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (node->tag && strcmp(node->tag, YAML_TAG_PREFIX "binary") == 0)
        return read_binary(r, text, length, node);
    if (keep_text(r, text, length, node) < 0)
        return -1;
    if (!dd_yaml_scalar_fits(node))
        return dd_fail_at(r->err, DD_ERR_INVALID, node->place, NULL, "'%s' is no !!%s", node->text,
                          node->tag + strlen(YAML_TAG_PREFIX));
    return 0;
}

/* Members of a list or map while their number is not known. */
typedef struct members {
    void *items;
    size_t count, capacity;
} members;

static void members_done(members *m)
{
    free(m->items);
}

static void *members_add(members *m, size_t size)
{
    if (m->count == m->capacity) {
        m->capacity = m->capacity ? m->capacity * 2 : 8;
        m->items = dd_reallocarray(m->items, m->capacity, size);
    }
    return (char *)m->items + size * m->count++;
}

/* They are kept in the arena. */
static void *keep(reader *r, const void *items, size_t count, size_t size)
{
    void *kept = take(&r->arena, count * size + 1);
    if (count)
        memcpy(kept, items, count * size);
    return kept;
}

static int read_list(reader *r, int depth, dd_yaml_node *node)
{
    __attribute__((cleanup(members_done))) members items = {0};
    for (;;) {
        yaml_event_t event;
        dd_yaml_node *item;
        if (next(r, &event) < 0)
            return -1;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        int ret = end ? 0 : read_node(r, &event, depth + 1, &item);
        yaml_event_delete(&event);
        if (ret < 0)
            return -1;
        if (end)
            break;
        *(dd_yaml_node **)members_add(&items, sizeof(dd_yaml_node *)) = item;
    }
    node->items = keep(r, items.items, items.count, sizeof(dd_yaml_node *));
    node->length = items.count;
    return 0;
}

static int merge_one(reader *r, dd_yaml_keys *k, dd_place place, const dd_yaml_node *from)
{
    if (from->kind != DD_YAML_MAP)
        return dd_fail_at(r->err, DD_ERR_INVALID, from->place, NULL,
                          "'<<' merges a map or a list of maps, not %s", dd_yaml_node_words(from));
    if (count(r, from->length, from->place) < 0)
        return -1;
    for (size_t i = 0; i < from->length; i++)
        if (dd_yaml_keys_set(k, from->entries[i].key, from->entries[i].value, DD_YAML_A_MERGE) ==
            DD_YAML_THE_MAP)
            warn(r, place, "'<<' stands behind this key and replaces it: ", from->entries[i].key->text);
    return 0;
}

/* As the reference's parser has it, what is merged replaces what stands before it and is replaced by what
 * stands behind it. In a list the first map wins. */
static int merge(reader *r, dd_yaml_keys *k, dd_place place, const dd_yaml_node *from)
{
    if (from->kind != DD_YAML_LIST)
        return merge_one(r, k, place, from);
    for (size_t i = from->length; i-- > 0;)
        if (merge_one(r, k, place, from->items[i]) < 0)
            return -1;
    return 0;
}

/* One event's node; *ret_end when the event was the collection's end instead. */
static int read_member(reader *r, int depth, bool *ret_end, dd_yaml_node **ret)
{
    yaml_event_t event;
    if (next(r, &event) < 0)
        return -1;
    *ret_end = event.type == YAML_MAPPING_END_EVENT;
    int result = *ret_end ? 0 : read_node(r, &event, depth, ret);
    yaml_event_delete(&event);
    return result;
}

static bool is_merge(const dd_yaml_node *key)
{
    return strcmp(key->text, "<<") == 0 &&
           (key->tag ? strcmp(key->tag, YAML_TAG_PREFIX "merge") == 0 : !key->quoted);
}

static int read_entries(reader *r, int depth, dd_yaml_keys *k)
{
    for (;;) {
        bool end;
        dd_yaml_node *key = NULL, *value = NULL;
        if (read_member(r, depth + 1, &end, &key) < 0)
            return -1;
        if (end)
            return 0;
        if (key->kind != DD_YAML_SCALAR)
            return dd_fail_at(r->err, DD_ERR_INVALID, key->place, NULL, "a key must be a text, not %s",
                              dd_yaml_node_words(key));
        if (read_member(r, depth + 1, &end, &value) < 0)
            return -1;
        dd_assert(value); /* libyaml ends no map behind a key */
        if (is_merge(key)) {
            if (merge(r, k, key->place, value) < 0)
                return -1;
        } else if (dd_yaml_keys_set(k, key, value, DD_YAML_THE_MAP) == DD_YAML_THE_MAP) {
            warn(r, key->place, "repeated key, the last one counts: ", key->text);
        }
    }
}

static int read_map(reader *r, int depth, dd_yaml_node *node)
{
    __attribute__((cleanup(dd_yaml_keys_done))) dd_yaml_keys k = {0};
    if (read_entries(r, depth, &k) < 0)
        return -1;
    node->entries = keep(r, k.entries, k.count, sizeof(dd_yaml_entry));
    node->length = k.count;
    return 0;
}

static const char *anchor_of(const yaml_event_t *event, const char **ret_tag)
{
    const yaml_char_t *name = NULL, *tag = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        name = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        name = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        name = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    *ret_tag = (const char *)tag;
    return (const char *)name;
}

static int read_contents(reader *r, const yaml_event_t *event, int depth, dd_yaml_node *node)
{
    if (event->type == YAML_SCALAR_EVENT)
        return read_scalar(r, event, node);
    node->kind = event->type == YAML_SEQUENCE_START_EVENT ? DD_YAML_LIST : DD_YAML_MAP;
    return node->kind == DD_YAML_LIST ? read_list(r, depth, node) : read_map(r, depth, node);
}

static int read_node(reader *r, const yaml_event_t *event, int depth, dd_yaml_node **ret)
{
    dd_place place = place_of(r, event->start_mark);
    const char *tag, *name = anchor_of(event, &tag);
    if (event->type == YAML_ALIAS_EVENT)
        return read_alias(r, event, depth, ret);
    size_t before = r->nodes;
    int deepest = r->deepest;
    if (reach(r, depth, place) < 0 || count(r, 1, place) < 0)
        return -1;
    dd_yaml_node *node = take(&r->arena, sizeof(*node));
    node->place = place;
    node->tag = tag ? take_text(&r->arena, tag, strlen(tag)) : NULL;
    anchor *named = NULL;
    if (name) {
        named = take(&r->arena, sizeof(*named));
        *named = (anchor){.next = r->anchors, .name = take_text(&r->arena, name, strlen(name))};
        r->anchors = named;
        r->deepest = depth;
    }
    if (read_contents(r, event, depth, node) < 0)
        return -1;
    if (named) {
        named->node = node;
        named->nodes = r->nodes - before;
        named->height = r->deepest - depth;
        if (deepest > r->deepest)
            r->deepest = deepest;
    }
    *ret = node;
    return 0;
}

/* The stream: its first document's root, and a warning where another begins. */
static int read_stream(reader *r)
{
    int documents = 0;
    for (;;) {
        yaml_event_t event;
        int ret = 0;
        if (next(r, &event) < 0) {
            if (documents)
                warn(r, problem_place(r), "only the first document is read", "");
            return documents ? 0 : -1;
        }
        yaml_event_type_t type = event.type;
        dd_place place = place_of(r, event.start_mark);
        if (type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT ||
            type == YAML_MAPPING_START_EVENT || type == YAML_ALIAS_EVENT)
            ret = read_node(r, &event, 1, &r->yaml->root);
        yaml_event_delete(&event);
        if (ret < 0)
            return -1;
        documents += type == YAML_DOCUMENT_END_EVENT;
        if (type == YAML_DOCUMENT_START_EVENT && documents) {
            warn(r, place, "only the first document is read", "");
            return 0;
        }
        if (type == YAML_STREAM_END_EVENT)
            return 0;
    }
}

/* An empty document's root is an empty plain scalar to libyaml. */
static bool is_nothing(const dd_yaml_node *root)
{
    return root && root->kind == DD_YAML_SCALAR && !root->quoted && root->length == 0 && !root->tag;
}

int dd_yaml_parse(const char *text, size_t length, dd_yaml **ret, dd_error **err)
{
    static const dd_yaml_limits usual = {.bytes = DD_YAML_MAX_BYTES, .nodes = DD_YAML_MAX_NODES};
    return dd_yaml_parse_within(text, length, &usual, ret, err);
}

int dd_yaml_parse_within(const char *text, size_t length, const dd_yaml_limits *limits, dd_yaml **ret,
                         dd_error **err)
{
    dd_auto(dd_yaml) yaml = dd_new(dd_yaml);
    if (length > limits->bytes)
        return dd_fail(err, DD_ERR_LIMIT, "larger than %zu bytes", limits->bytes);
    reader r = {.yaml = yaml, .limits = limits, .text = text, .length = length, .err = err};
    if (!yaml_parser_initialize(&r.parser))
        return dd_fail(err, DD_ERR_INTERNAL, "libyaml cannot be initialised");
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, length);
    int result = read_stream(&r);
    yaml_parser_delete(&r.parser);
    yaml->memory = r.arena;
    if (result < 0)
        return -1;
    if (err)
        dd_error_freep(err); /* of what stands behind the first document */
    if (is_nothing(yaml->root))
        yaml->root = NULL;
    *ret = dd_take(yaml);
    return 0;
}

/* ---- Looking ---- */

const dd_yaml_node *dd_yaml_get(const dd_yaml_node *map, const char *key)
{
    if (!map || map->kind != DD_YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->length; i++)
        if (strcmp(map->entries[i].key->text, key) == 0)
            return map->entries[i].value;
    return NULL;
}
