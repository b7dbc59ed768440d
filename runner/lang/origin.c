/* A text's pieces, each with the place it came from. */
#include "runner/lang/origin.h"
#include <stdlib.h>
#include <string.h>

typedef struct piece {
    size_t at, from;
    bool copied;
} piece;

struct dd_origin {
    piece *pieces; /* ascending by `at` */
    size_t count, capacity;
};

dd_origin *dd_origin_new(void)
{
    return dd_new(dd_origin);
}

void dd_origin_free(dd_origin *origin)
{
    if (!origin)
        return;
    free(origin->pieces);
    free(origin);
}

void dd_origin_add(dd_origin *origin, size_t at, size_t from, bool copied)
{
    piece *last = origin->count ? &origin->pieces[origin->count - 1] : NULL;

    if (last && last->at == at) { /* nothing was written for the last piece */
        *last = (piece){at, from, copied};
        return;
    }
    if (last && last->copied == copied && last->from + (copied ? at - last->at : 0) == from)
        return;
    if (!origin->pieces || origin->count == origin->capacity) {
        origin->capacity = origin->capacity ? origin->capacity * 2 : 64;
        origin->pieces = dd_reallocarray(origin->pieces, origin->capacity, sizeof(piece));
    }
    origin->pieces[origin->count++] = (piece){at, from, copied};
}

/* The last piece that begins at or before `at`; count when there is none. */
static size_t piece_of(const dd_origin *origin, size_t at)
{
    size_t low = 0, high = origin->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (origin->pieces[middle].at <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? low - 1 : origin->count;
}

size_t dd_origin_of(const dd_origin *origin, size_t at)
{
    const piece *p;

    if (!origin || origin->count == 0)
        return at;
    p = &origin->pieces[piece_of(origin, at) % origin->count];
    return p->copied && at >= p->at ? p->from + (at - p->at) : p->from;
}

void dd_origin_copy(dd_origin *into, size_t at, const dd_origin *source, size_t from, size_t to)
{
    size_t in = piece_of(source, from);

    dd_origin_add(into, at, dd_origin_of(source, from), in >= source->count || source->pieces[in].copied);
    for (in = in < source->count ? in + 1 : 0; in < source->count && source->pieces[in].at < to; in++)
        if (source->pieces[in].at > from)
            dd_origin_add(into, at + source->pieces[in].at - from, source->pieces[in].from,
                          source->pieces[in].copied);
}

dd_place dd_place_of(const char *text, size_t length, size_t at)
{
    dd_place place = {1, 1};

    if (at > length)
        at = length;
    for (size_t i = 0; i < at; i++) {
        place.column++;
        if (text[i] == '\n')
            place = (dd_place){place.line + 1, 1};
    }
    return place;
}

size_t dd_place_offset(const char *text, size_t length, dd_place place)
{
    size_t at = 0;

    for (int line = 1; line < place.line; line++) {
        const char *end = memchr(text + at, '\n', length - at);

        if (!end)
            return length;
        at = (size_t)(end - text) + 1;
    }
    at += place.column > 0 ? (size_t)place.column - 1 : 0;
    return at < length ? at : length;
}
