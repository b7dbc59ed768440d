/* Memory of things that die together: a template's tree, a rendering's values. */
#ifndef DD_LANG_ARENA_H
#define DD_LANG_ARENA_H

#include "config/config.h"

typedef struct dd_arena dd_arena;
dd_arena *dd_arena_new(void);
void dd_arena_free(dd_arena *arena);
DD_DEFINE_FREEP(dd_arena)
/* Zeroed and aligned for anything; never NULL, freed with the arena. */
void *dd_arena_alloc(dd_arena *arena, size_t bytes);
/* A copy with a NUL behind it. */
char *dd_arena_copy(dd_arena *arena, const char *data, size_t length);
/* What was handed out so far: who works for strangers compares it with a limit. */
size_t dd_arena_used(const dd_arena *arena);

#endif
