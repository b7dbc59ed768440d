/* Text for terminals: what a terminal can do, how many cells a character takes, and what must not reach one.
 */
#ifndef DD_BASE_SCREEN_H
#define DD_BASE_SCREEN_H

#include "mem.h"

/* What there is to write on. */
typedef struct dd_screen {
    bool terminal;
    bool colour;    /* a terminal, and NO_COLOR is not set */
    bool utf8;      /* by the locale's variables */
    size_t columns; /* COLUMNS, or the terminal's; 0: not known */
} dd_screen;
dd_screen dd_screen_of(int fd);

/* One character as it may be shown: control bytes and bad UTF-8 become \xNN, characters that are not seen or
 * turn the direction of writing \uNNNN. */
typedef struct dd_glyph {
    char text[12]; /* NUL-terminated */
    size_t used;   /* bytes read */
    size_t cells;
} dd_glyph;
/* The first one of the text, whose length is above 0. */
void dd_glyph_read(const char *text, size_t length, dd_glyph *ret);

/* The whole text, safe to show; owned. */
char *dd_text_safe(const char *text);
/* The cells it takes when shown so. */
size_t dd_text_cells(const char *text);

#endif
