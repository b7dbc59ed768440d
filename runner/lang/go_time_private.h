/* The elements of Go's time layouts, shared by formatting and parsing. */
#ifndef DD_LANG_GO_TIME_PRIVATE_H
#define DD_LANG_GO_TIME_PRIVATE_H

#include "runner/lang/go_time.h"

typedef enum dd_layout_kind {
    DD_LAYOUT_END, /* the rest is literal text */
    DD_LAYOUT_LONG_MONTH,
    DD_LAYOUT_MONTH,
    DD_LAYOUT_NUMBER_MONTH,
    DD_LAYOUT_LONG_WEEKDAY,
    DD_LAYOUT_WEEKDAY,
    DD_LAYOUT_DAY,
    DD_LAYOUT_YEAR_DAY,
    DD_LAYOUT_HOUR,
    DD_LAYOUT_HOUR_12,
    DD_LAYOUT_MINUTE,
    DD_LAYOUT_SECOND,
    DD_LAYOUT_LONG_YEAR,
    DD_LAYOUT_YEAR,
    DD_LAYOUT_UPPER_PM,
    DD_LAYOUT_LOWER_PM,
    DD_LAYOUT_ZONE_NAME,
    DD_LAYOUT_OFFSET,   /* -07, Z07:00 and their like */
    DD_LAYOUT_FRACTION, /* .000, ,999 */
} dd_layout_kind;

/* How an element is written. */
enum {
    DD_LAYOUT_ZERO = 1,     /* "01": filled with zeros */
    DD_LAYOUT_UNDER = 2,    /* "_2": filled with blanks */
    DD_LAYOUT_Z = 4,        /* "Z07": UTC is the letter Z */
    DD_LAYOUT_COLON = 8,    /* "-07:00" */
    DD_LAYOUT_MINUTES = 16, /* what stands behind an offset's hours */
    DD_LAYOUT_SECONDS = 32,
    DD_LAYOUT_TRIM = 64, /* ".999": without trailing zeros */
};

typedef struct dd_layout_part {
    dd_text before; /* the literal text in front */
    dd_layout_kind kind;
    unsigned style;
    size_t digits;  /* FRACTION */
    char separator; /* FRACTION: as the layout writes it */
} dd_layout_part;

/* Take the next element, and the text in front of it, off the layout. */
void dd_layout_next(dd_text *layout, dd_layout_part *ret);

#endif
