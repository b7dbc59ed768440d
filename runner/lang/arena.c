/* An arena: blocks that grow, freed as one. */
#include "runner/lang/arena.h"
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK_BYTES 4096
#define BLOCK_MAX_BYTES   (1024 * 1024)
#define ALIGNMENT         16

typedef struct block {
    struct block *next;
    size_t size, used;
    _Alignas(ALIGNMENT) char data[];
} block;

struct dd_arena {
    block *blocks; /* the first is the one that is filled */
    size_t used;
};

dd_arena *dd_arena_new(void)
{
    return dd_new(dd_arena);
}

void dd_arena_free(dd_arena *arena)
{
    if (!arena)
        return;
    while (arena->blocks) {
        block *next = arena->blocks->next;

        free(arena->blocks);
        arena->blocks = next;
    }
    free(arena);
}

static block *add_block(dd_arena *arena, size_t bytes)
{
    size_t size = arena->blocks ? arena->blocks->size * 2 : FIRST_BLOCK_BYTES;
    block *added;

    if (size > BLOCK_MAX_BYTES)
        size = BLOCK_MAX_BYTES;
    if (size < bytes)
        size = bytes;
    added = dd_calloc(1, sizeof(block) + size);
    added->size = size;
    added->next = arena->blocks;
    arena->blocks = added;
    return added;
}

void *dd_arena_alloc(dd_arena *arena, size_t bytes)
{
    block *into = arena->blocks;
    void *ret;

    dd_assert(bytes < SIZE_MAX / 4);
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!into || into->size - into->used < bytes)
        into = add_block(arena, bytes);
    ret = into->data + into->used;
    into->used += bytes;
    arena->used += bytes;
    return ret;
}

char *dd_arena_copy(dd_arena *arena, const char *data, size_t length)
{
    char *copy = dd_arena_alloc(arena, length + 1);

    if (length)
        memcpy(copy, data, length);
    return copy;
}

size_t dd_arena_used(const dd_arena *arena)
{
    return arena->used;
}
