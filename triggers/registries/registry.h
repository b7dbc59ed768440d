/* What the registries' files share. Almost no registry signs, and some send one notification again and again
 * until it is answered 2xx, with all later ones behind it. So here nothing that an authentic body says is an
 * error: what cannot be used becomes an ignored event that says why, and the digest of what can is confirmed
 * at the registry. Only a body that is no JSON at all is refused. */
#ifndef DD_TRIGGERS_REGISTRY_H
#define DD_TRIGGERS_REGISTRY_H

#include "triggers/senders.h"

#define DD_REGISTRY_EVENTS_MAX 1000 /* of one body; past it the rest is ignored, and that is said */

/* ---- Settings ---- */
/* For rows' check: a registry is named that images can be of, unless the kind has its own. */
int dd_registry_check(const dd_sender_settings *settings, dd_error **err);
/* For rows' verify, of kinds that send their secret nowhere but in the address: `secret` is url_token. */
int dd_registry_verify_path(const dd_sender_settings *settings, const dd_delivery *delivery, dd_error **err);

/* Servers that host several Docker repositories: whether the registry of the settings is this one of them, or
 * all; and what its image is called there, "hosted/name" or the name alone where the registry is one. Owned,
 * NULL when either is missing. */
bool dd_registry_hosts(const dd_sender_settings *settings, const char *hosted);
char *dd_registry_hosted(const dd_sender_settings *settings, const char *hosted, const char *name);

/* ---- Reading ---- */
/* A text that is not empty, NULL for everything else; and one by its name in an object. */
const char *dd_registry_plain(const dd_json *value);
const char *dd_registry_text(const dd_json *object, const char *name);

typedef struct dd_reading {
    const dd_sender_settings *settings;
    const dd_delivery *delivery;
    const char *id; /* what dd_reading_part's events are known by; NULL: the body's own */
    dd_events *events;
    char *made; /* the first id made of the body, which is hashed once however many events it holds */
} dd_reading;
/* A row's normalise: parse the body, and let `read` add events. */
typedef void dd_registry_read(dd_reading *reading, const dd_json *body);
int dd_registry_normalise(const dd_sender_settings *settings, const dd_delivery *delivery,
                          dd_registry_read *read, dd_events **ret, dd_error **err);
/* Call `read` for each item, up to DD_REGISTRY_EVENTS_MAX. `body` is a list or the only item. */
void dd_reading_each(dd_reading *reading, const dd_json *body, dd_registry_read *read);
/* The next event, ignored until it is settled: one that has an id of its own (NULL, or none that can serve:
 * one made of the body), or one of several that the delivery's id is shared by. Borrowed. */
dd_event *dd_reading_own(dd_reading *reading, const char *id);
dd_event *dd_reading_part(dd_reading *reading);
/* The same with nothing to do. */
void dd_reading_ignore(dd_reading *reading, const char *format, ...) DD_PRINTF(2, 3);
/* An id for bodies that neither have one nor say when: the same body another time is another push, for a tag
 * may go back to what it was. Owned. */
char *dd_reading_timed_id(const dd_reading *reading);
/* Who did it, where the sender authenticated them; what cannot be a name is left out. */
void dd_registry_actor(dd_event *event, const char *name);

/* ---- Images ---- */
/* A reference as registries write it, "[HOST/]REPOSITORY[:TAG][@DIGEST]", taken apart; nothing is judged. The
 * host stands there when the first component looks like one. */
typedef struct dd_image_text {
    char *registry, *repository, *tag, *digest; /* NULL: not there */
} dd_image_text;
void dd_image_text_init(dd_image_text *image, const char *text);
void dd_image_text_done(dd_image_text *image);

/* What a body says of an image; borrowed. */
typedef struct dd_registry_image {
    const char *registry; /* the host that the body names; NULL: none */
    const char *repository;
    const char *tag; /* also a digest, where senders put one for want of a tag */
    const char *digest;
    const char *media_type;
} dd_registry_image;
/* Keep what is valid of it. */
void dd_registry_note(dd_event *event, const dd_registry_image *image);
/* It is of that kind, which is not ignored. */
void dd_registry_settle(dd_event *event, dd_event_kind kind);
/* It was pushed: note it, and settle whether that is of interest. A push without a digest is, when the kind
 * sends none (`needs_digest`). */
void dd_registry_pushed(dd_event *event, const dd_registry_image *image, bool needs_digest);

/* ---- CloudEvents over HTTP: https://github.com/cloudevents/spec/tree/v1.0.2/cloudevents ---- */
typedef struct dd_cloudevent {
    const char *id, *source, *type, *subject; /* NULL: not there */
    const dd_json *data;                      /* NULL: none, or no JSON */
} dd_cloudevent;
/* Whether the body is one in structured form, or a list of them, by its Content-Type. */
bool dd_cloudevent_is_structured(const dd_delivery *delivery);
/* One in structured form. */
dd_cloudevent dd_cloudevent_of(const dd_json *object);
/* One in binary form: its attributes are headers, its data is the body. */
dd_cloudevent dd_cloudevent_of_headers(const dd_delivery *delivery, const dd_json *body);
/* Either, by the Content-Type: for dd_reading_each's `read`. */
dd_cloudevent dd_cloudevent_read(const dd_reading *reading, const dd_json *item);

/* ---- Distribution's envelopes, which others send too ---- */
int dd_distribution_normalise(const dd_sender_settings *settings, const dd_delivery *delivery,
                              dd_events **ret, dd_error **err);
extern const char *const dd_distribution_media_types[];

#endif
