/* The words of the system as types: run and step states, kinds of events and triggers. */
#ifndef DD_CONFIG_WORDS_H
#define DD_CONFIG_WORDS_H

#include "base/base.h"

/* A run's state only moves forward; DD_RUN_SUCCEEDED and all after it are final. */
typedef enum dd_run_state {
    DD_RUN_QUEUED,    /* waits in its pool's queue */
    DD_RUN_STARTED,   /* a worker has its lease and fetches the commit */
    DD_RUN_RUNNING,   /* steps are being executed */
    DD_RUN_SUCCEEDED, /* every step succeeded or was ignored */
    DD_RUN_FAILED,    /* a step failed, or the task file cannot be run */
    DD_RUN_CANCELED,  /* somebody asked for its end */
    DD_RUN_ERROR,     /* the platform failed, not the task */
    DD_RUN_TIMEOUT,   /* the run's total time was up */
    DD_RUN_STATES
} dd_run_state;
const char *dd_run_state_name(dd_run_state state); /* "Queued", … as in Redis and the API */
const char *dd_run_state_sentence(dd_run_state state);
bool dd_run_state_parse(const char *name, dd_run_state *ret);
bool dd_run_is_final(dd_run_state state);
bool dd_run_may_move(dd_run_state from, dd_run_state to);

typedef enum dd_step_state {
    DD_STEP_WAITING,   /* its needs have not ended */
    DD_STEP_RUNNING,   /* its container, build or push is under way */
    DD_STEP_SUCCEEDED, /* ended well, or its errors are ignored */
    DD_STEP_FAILED,    /* ended badly */
    DD_STEP_SKIPPED,   /* the run ended before it could start */
    DD_STEP_CANCELED,  /* stopped while it ran */
    DD_STEP_TIMEOUT,   /* stopped at its own deadline */
    DD_STEP_STATES
} dd_step_state;
const char *dd_step_state_name(dd_step_state state);
bool dd_step_state_parse(const char *name, dd_step_state *ret);
bool dd_step_may_move(dd_step_state from, dd_step_state to);

typedef enum dd_event_kind {
    DD_EVENT_IGNORED, /* verified, but nothing to do; `why` says why */
    DD_EVENT_PUSH,
    DD_EVENT_TAG,
    DD_EVENT_PULL_REQUEST,
    DD_EVENT_IMAGE_PUSH,
    DD_EVENT_DELETE,
    DD_EVENT_PING,
    DD_EVENT_SCHEDULE,
    DD_EVENT_MANUAL,
    DD_EVENT_KINDS
} dd_event_kind;
const char *dd_event_kind_name(dd_event_kind kind); /* "push", "image_push", … */
bool dd_event_kind_parse(const char *name, dd_event_kind *ret);

typedef enum dd_trigger_kind {
    DD_TRIGGER_COMMIT,
    DD_TRIGGER_PULL_REQUEST,
    DD_TRIGGER_BASE_IMAGE,
    DD_TRIGGER_SCHEDULE,
    DD_TRIGGER_MANUAL,
    DD_TRIGGER_KINDS
} dd_trigger_kind;
const char *dd_trigger_kind_name(dd_trigger_kind kind); /* "commit", "base_image", … */
bool dd_trigger_kind_parse(const char *name, dd_trigger_kind *ret);

/* Names that become parts of keys, paths and URLs: [A-Za-z0-9][A-Za-z0-9._-]{0,62}. */
bool dd_name_is_valid(const char *name);
/* A full commit id: 40 or 64 lower-case hex digits. */
bool dd_commit_is_valid(const char *text);
/* "all digits are 0", of either length: a ref that is not there. */
bool dd_commit_is_zero(const char *text);
/* A ref as git's check-ref-format allows it, not beginning with '-'. */
bool dd_ref_is_valid(const char *text);

/* Printable ASCII without spaces, at least one character. */
bool dd_is_plain_word(const char *text);

#endif
