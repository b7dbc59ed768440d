/* Kept deliveries and their events as the API tells them; pure. */
#ifndef DD_SERVER_KEPT_JSON_H
#define DD_SERVER_KEPT_JSON_H

#include "server/server.h"

#include <jansson.h>

/* What Redis has of an event, each NULL where it is not there, or not any more. */
typedef struct dd_kept_event {
    const char *id;
    const dd_fields *entry;    /* of the stream */
    const dd_fields *verdict;  /* event:ID, once it is matched */
    const dd_fields *delivery; /* delivery:NAME */
} dd_kept_event;

/* Its row in a list. */
json_t *dd_kept_row(const dd_kept_event *event);
/* All of it. */
json_t *dd_kept_whole(const dd_kept_event *event);
/* {"event", "kind", "verdict", "tasks": [{"task", "run", "existed", "why"}], "left_out"} */
json_t *dd_kept_why(const dd_kept_event *event);
/* Headers and body as they came: the delivery's, or, as both were kept at first, the entry's. NULL: gone. */
const char *dd_kept_headers(const dd_kept_event *event);
const char *dd_kept_body(const dd_kept_event *event, size_t *ret_length);

#endif
