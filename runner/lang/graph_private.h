/* What the drawing of a graph's parts share. */
#ifndef DD_LANG_GRAPH_PRIVATE_H
#define DD_LANG_GRAPH_PRIVATE_H

#include "runner/runner.h"

/* A cell of the drawing: the sides on which a line leaves it, or a step. */
enum { DD_UP = 1, DD_DOWN = 2, DD_LEFT = 4, DD_RIGHT = 8, DD_NODE = 16 };

#define DD_NO_STEP SIZE_MAX

typedef struct dd_rails_row {
    unsigned char *cells;
    size_t length;
    size_t step; /* whose row it is; DD_NO_STEP: lines alone */
} dd_rails_row;

/* Steps on rails, from top to bottom: a line leads from each to those that wait for it (graph_rails.c). */
typedef struct dd_rails {
    dd_rails_row *rows;
    size_t count, capacity;
    size_t width; /* of the widest, in cells */
} dd_rails;

#define DD_RAILS_MOST_STEPS 300 /* beyond them nobody follows lines */

/* False, with nothing drawn, when it would be wider than `most` cells. At most DD_RAILS_MOST_STEPS steps. */
bool dd_rails_draw(const dd_taskfile *taskfile, size_t most, dd_rails *ret);
void dd_rails_done(dd_rails *rails);

#endif
