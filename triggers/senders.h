/* What the senders' files share: their rows, and how they read headers and bodies that anybody may have
 * written. */
#ifndef DD_TRIGGERS_SENDERS_H
#define DD_TRIGGERS_SENDERS_H

#include "triggers/json.h"
#include "triggers/triggers.h"

/* ---- Rows of the table in senders.c ---- */
extern const dd_sender dd_sender_github;
extern const dd_sender dd_sender_gitlab;
extern const dd_sender dd_sender_gitea;
extern const dd_sender dd_sender_forgejo;
extern const dd_sender dd_sender_gogs;
extern const dd_sender dd_sender_bitbucket;
extern const dd_sender dd_sender_bitbucket_datacenter;
extern const dd_sender dd_sender_azure_devops;
extern const dd_sender dd_sender_standard_webhooks;
extern const dd_sender dd_sender_distribution;
extern const dd_sender dd_sender_gitlab_registry;
extern const dd_sender dd_sender_harbor;
extern const dd_sender dd_sender_acr;
extern const dd_sender dd_sender_dockerhub;
extern const dd_sender dd_sender_quay;
extern const dd_sender dd_sender_ghcr;
extern const dd_sender dd_sender_ecr;
extern const dd_sender dd_sender_gar;
extern const dd_sender dd_sender_artifactory;
extern const dd_sender dd_sender_nexus;
extern const dd_sender dd_sender_zot;
extern const dd_sender dd_sender_cloudevents;

/* ---- Deliveries (delivery.c) ---- */
/* A header that must stand exactly once: INVALID when it is absent, empty or stands twice. */
int dd_delivery_one(const dd_delivery *delivery, const char *name, const char **ret, dd_error **err);
/* Whether the Content-Type is this media type; case and parameters do not count. */
bool dd_delivery_is(const dd_delivery *delivery, const char *media_type);
/* The value of the one form field `name` (application/x-www-form-urlencoded). INVALID when it is not there,
 * stands twice, or is not well encoded. */
int dd_form_field(const char *body, size_t length, const char *name, dd_buf **ret, dd_error **err);
/* `claimed` when it can serve as a delivery id; else one made of the body, and `index` tells a body's events
 * apart. Owned text; always a valid name. */
char *dd_delivery_id(const char *claimed, const dd_delivery *delivery, size_t index);
/* A secret of at least one character that is no white space. */
bool dd_secret_is_usable(const char *secret);

/* ---- Authenticity (auth.c) ---- */
/* An authenticator is there, and none of its values is empty. */
int dd_auth_check(const dd_sender *sender, const dd_sender_settings *settings, dd_error **err);
/* For a row's verify. `header` must be `scheme` and the lower-case hex of the HMAC-SHA256 of these bytes
 * under one of the secrets. */
int dd_auth_hmac(const dd_sender_settings *settings, const dd_delivery *delivery, const char *header,
                 const char *scheme, const char *data, size_t length, dd_error **err);
/* The same by HMAC-SHA1 of the whole body: for those who have nothing better. */
int dd_auth_hmac_sha1(const dd_sender_settings *settings, const dd_delivery *delivery, const char *header,
                      dd_error **err);
/* Standard Webhooks: the headers webhook-id, webhook-timestamp and webhook-signature (or svix-…), by those of
 * the secrets that are signing or public keys. https://github.com/standard-webhooks/standard-webhooks */
int dd_auth_standard(const dd_sender_settings *settings, const dd_delivery *delivery, dd_error **err);
/* Whether the secret is a signing key, "whsec_" and base64. *ret_bytes its length. */
bool dd_auth_is_signing_key(const char *secret, size_t *ret_bytes);
/* Whether it is the public key of one who signs by Ed25519, "whpk_" and base64. */
bool dd_auth_is_public_key(const char *secret);
/* Whether the text is one of the values; every one is looked at, so that the time does not tell which. */
bool dd_auth_matches(const char *text, size_t length, const dd_strv *values);

/* ---- Events (event.c) ---- */
dd_event *dd_event_new(dd_event_kind kind, const dd_sender_settings *settings);
/* Make it an event with nothing to do, and say why. */
void dd_event_ignore(dd_event *event, const char *format, ...) DD_PRINTF(2, 3);
void dd_events_add(dd_events *events, dd_event *event); /* takes the event */

/* ---- Bodies (body.c): JSON read by the types it must have ---- */
typedef enum dd_need {
    DD_OPTIONAL, /* absent or null: *ret NULL */
    DD_REQUIRED, /* absent or null: INVALID */
} dd_need;
/* Members of `object` by name. `path` is where the object stands, for messages ("" at the top). A member of
 * another type is INVALID, needed or not. Borrowed from the body. */
int dd_body_object(const dd_json *object, const char *path, const char *name, dd_need need,
                   const dd_json **ret, dd_error **err);
int dd_body_array(const dd_json *object, const char *path, const char *name, dd_need need,
                  const dd_json **ret, dd_error **err);
/* Text of at most `max_bytes`, not empty when needed. */
int dd_body_text(const dd_json *object, const char *path, const char *name, dd_need need, size_t max_bytes,
                 const char **ret, dd_error **err);
/* *ret keeps what it is when the member is absent or null. */
int dd_body_flag(const dd_json *object, const char *path, const char *name, bool *ret, dd_error **err);
int dd_body_number(const dd_json *object, const char *path, const char *name, int64_t *ret, dd_error **err);

/* Text for people from a sender: the first line, control characters become spaces, cut at max_bytes between
 * characters. Owned; NULL for NULL. */
char *dd_plain_line(const char *text, size_t max_bytes);

#endif
