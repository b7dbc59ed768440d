/* The triggers room's door: senders (forges and registries), events, and the matcher that makes runs of them.
 */
#ifndef DD_TRIGGERS_H
#define DD_TRIGGERS_H

#include "config/config.h"

/* ---- A delivery: one HTTP request as it came ---- */
typedef struct dd_header {
    char *name;
    char *value;
} dd_header;
typedef struct dd_delivery {
    dd_header *headers; /* in order, repeated names kept */
    size_t header_count;
    const char *body; /* borrowed */
    size_t body_length;
    const char *url_token; /* the address's ?token=, decoded; NULL: none. Neither logged nor kept */
    int64_t at_ms;         /* when it came; signed times are held against it */
    bool head_only;        /* the body is still to come: for dd_sender_verify */
} dd_delivery;
/* The one value of a header (any case). NULL when absent; when it stands twice, NULL and *twice is true. */
const char *dd_delivery_header(const dd_delivery *delivery, const char *name, bool *twice);

/* ---- An event: what a delivery says, in one form for all senders ---- */
typedef struct dd_event {
    dd_event_kind kind;
    char *sender; /* the sender's name in the settings */
    char *sender_kind;
    char *delivery;   /* the sender's delivery id; made from the body's SHA-256 where the sender has none */
    char *part;       /* which of its delivery's events this is: NULL for the first, then "2", "3"… */
    char *repository; /* forges: full name ("org/name"); registries: repository name */
    char *clone_url;
    char *repository_key; /* dd_repository_key(clone_url); what tasks are found by */
    char *ref;
    char *branch;
    char *tag;
    char *before; /* zeros: the ref is new. A pull request's base, where the sender says it */
    char *after;  /* zeros: the ref is gone. Bitbucket shortens those of pull requests to 12 digits */
    char *default_branch;
    bool paths_known;
    dd_strv changed_paths; /* when paths_known */
    char *registry;        /* from the settings, never from the body */
    char *digest;
    char *media_type;
    char *message;   /* first line of the head commit's message */
    bool skip_asked; /* a marker like [skip ci] stands anywhere in that message */
    char *actor; /* who, as the sender authenticated them: a name, which may be given to another one day… */
    char *actor_id; /* …and an id that stays; lists of who may do what go by these two alone */
    char *author;   /* who the commit says wrote it: anybody can write anything there */
    bool forced;    /* the sender says that commits went away */
    /* Pull requests: `branch` is what the request is to go into. */
    char *number;
    char *head_branch;
    char *head_repository; /* NULL: the sender does not say, or it is gone */
    bool fork;             /* from another repository than the one it is for, or nobody can tell */
    bool draft;
    bool replay_forced; /* a replay makes runs though this has made them before */
    dd_strv labels;
    char *why;        /* DD_EVENT_IGNORED: the reason */
    char *validation; /* Event Grid's code, which is to be answered as "validationResponse"; NULL: none */
    char *replay_of; /* a person lets what came first as this event be matched again; NULL: it is no replay */
} dd_event;
void dd_event_free(dd_event *event);
DD_DEFINE_FREEP(dd_event)
/* What an event is remembered by, among all of its sender's: its delivery, and its part of it. Owned text. */
char *dd_event_id(const dd_event *event);
typedef struct dd_events {
    dd_event **items;
    size_t count;
} dd_events;
void dd_events_free(dd_events *events);
DD_DEFINE_FREEP(dd_events)
/* The line of `drydock event parse` (design.md, fixed outputs); owned text. */
char *dd_event_to_json(const dd_event *event);
/* To and from the events stream's fields (plain words, one field each; paths one per line). */
dd_fields *dd_event_to_fields(const dd_event *event);
int dd_event_from_fields(const dd_fields *fields, dd_event **ret, dd_error **err);

/* ---- Senders: one file each, one row of the table in senders.c ---- */
typedef enum dd_trust {
    DD_TRUST_SIGNED, /* the body is signed */
    DD_TRUST_BEARER, /* a secret came with it in a header; the body proves nothing: digests are confirmed at
                        the registry */
    DD_TRUST_PATH,   /* the secret stands in the address, where proxies and logs may see it */
    DD_TRUST_NONE,   /* anybody: `auth: none` */
    DD_TRUST_LEVELS
} dd_trust;
const char *dd_trust_name(dd_trust trust); /* "body signed", "bearer", "path only", "none" */
typedef struct dd_sender {
    const char *kind; /* as in settings: kind: github */
    dd_trust trust;   /* the best that the kind can do with a secret */
    bool is_registry;
    bool names_registry;  /* its bodies name the registry, which then must be that of the settings */
    const char *registry; /* of a kind that has one unless the settings name another; NULL */
    const char *const *media_types; /* of bodies it sends, ends with NULL; others are answered 415 */
    /* Check what the kind proves itself with by the settings' secrets, of which there is one at least, as far
     * as the head goes where there is no more. DENIED (401) when it fails; the error never says what was
     * expected. Pure. NULL: the kind has nothing of its own, and a secret is the value of a header
     * (auth.header, else Authorization), alone or as a bearer token. */
    int (*verify)(const dd_sender_settings *settings, const dd_delivery *delivery, dd_error **err);
    /* Read a verified delivery. INVALID (400) when it cannot be read. One event at least, IGNORED ones too.
     * Pure. */
    int (*normalise)(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     dd_error **err);
    /* Check what the settings of this kind need beside an authenticator. INVALID. NULL: nothing. */
    int (*check)(const dd_sender_settings *settings, dd_error **err);
    /* The trust that these settings' secrets give, where it depends on them. NULL: `trust`. */
    dd_trust (*trust_of)(const dd_sender_settings *settings);
} dd_sender;
const dd_sender *dd_sender_find(const char *kind); /* NULL: no such kind */
const char *const *dd_sender_kinds(size_t *ret_count);
/* Every sender of the settings has a known kind and an authenticator. Warns of those that take anybody's
 * deliveries. */
int dd_senders_check(const dd_settings *settings, dd_error **err);
/* What a delivery to this sender proves, as it is set up; for doctor, docs and metrics. */
dd_trust dd_sender_trust(const dd_sender_settings *settings);
/* Check the authenticity: everything that the settings ask for. DENIED. Pure.
 * Of a head alone: DENIED when no body could make it authentic, so that none need be kept; 0 proves nothing
 * yet.
 */
int dd_sender_verify(const dd_sender_settings *settings, const dd_delivery *delivery, dd_error **err);
/* Whether a header may prove who sent a delivery, so that it is not kept with it. */
bool dd_sender_header_is_secret(const dd_sender_settings *settings, const char *name);

/* Verify, then normalise; what a forge may not speak for is ignored. What server, `event parse` and fuzzers
 * call. On failure *ret_status is the HTTP status (401, 400, 415). */
int dd_delivery_read(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                     int *ret_status, dd_error **err);
/* The same of one that was verified when it came: what proved it then is not kept. INVALID. */
int dd_delivery_read_again(const dd_sender_settings *settings, const dd_delivery *delivery, dd_events **ret,
                           dd_error **err);

/* ---- What is kept for people (kept.c) ---- */
/* The headers, "Name: value" each on a line, without those that prove who sent them. Owned text. */
char *dd_headers_to_text(const dd_sender_settings *settings, const dd_delivery *delivery);
/* Returns how many; *ret is the caller's (dd_headers_free). */
size_t dd_headers_from_text(const char *text, dd_header **ret);
void dd_headers_free(dd_header *headers, size_t count);
/* What was decided for one task near an event. */
typedef struct dd_decision {
    char *task;
    char *run;    /* NULL: none */
    bool existed; /* the run was there already */
    char *why;    /* either way */
} dd_decision;
typedef struct dd_decisions {
    dd_decision *items;
    size_t count;
    size_t left_out; /* beyond a bound */
} dd_decisions;
void dd_decisions_done(dd_decisions *decisions);
void dd_decisions_add(dd_decisions *decisions, const char *task, const char *run, bool existed,
                      const char *why);
/* To and from the fields of event:ID, "task:NAME" each. */
void dd_decisions_to_fields(const dd_decisions *decisions, dd_fields *fields);
void dd_decisions_from_fields(const dd_fields *fields, dd_decisions *ret);

/* ---- Matching ---- */
/* Why a task does or does not run for an event; pure. */
typedef struct dd_match {
    bool runs;
    dd_trigger_kind trigger;
    char why[160];
} dd_match;
dd_match dd_match_commit(const dd_task *task, const dd_event *event);

/* The matcher: one of the consumer group "matchers". Runs on the caller's thread until dd_matcher_stop; takes
 * up what a dead matcher left. BLOCKING. */
typedef struct dd_matcher dd_matcher;
int dd_matcher_new(const dd_settings *settings, const char *consumer, dd_matcher **ret, dd_error **err);
int dd_matcher_run(dd_matcher *matcher, dd_error **err);
void dd_matcher_stop(dd_matcher *matcher); /* from any thread */
void dd_matcher_free(dd_matcher *matcher);
DD_DEFINE_FREEP(dd_matcher)

#endif
