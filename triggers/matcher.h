/* The matcher's inside: its state, what it keeps of an event, and the two kinds of event that make runs. */
#ifndef DD_TRIGGERS_MATCHER_H
#define DD_TRIGGERS_MATCHER_H

#include "triggers/triggers.h"

#include <stdatomic.h>

#define DD_MATCHER_GROUP "matchers"

/* Times that tests shorten. */
typedef struct dd_matcher_times {
    int64_t min_idle_ms;   /* an event that lies with another matcher for longer is taken over */
    int64_t takeover_ms;   /* how often it looks for such */
    int64_t retry_ms;      /* the first wait for a registry that is away, doubling… */
    int64_t retry_most_ms; /* …up to this… */
    int64_t retry_for_ms;  /* …until an event has waited this long */
    int64_t settle_ms;     /* how long a registry may still say another digest than it notified */
} dd_matcher_times;

/* A registry that did not answer: nobody asks it before `until_ms`, so that commits do not wait for it. */
typedef struct dd_away {
    char *registry;
    int64_t until_ms;
    int64_t delay_ms;
} dd_away;

/* An event that waits for its registry; in Redis it stays this matcher's. */
typedef struct dd_waiting {
    char *id;
    dd_event *event;
    int64_t since_ms;
} dd_waiting;

struct dd_matcher {
    const dd_settings *settings;
    dd_store *store;
    char *consumer;
    dd_matcher_times times;
    atomic_bool stopping;
    int wake;      /* eventfd: ends a wait between attempts */
    bool catch_up; /* events that are ours already may lie in Redis: after a start, after a lost answer */
    int64_t takeover_at_ms;
    int64_t refresh_at_ms; /* when Redis must hear again that the waiting events are ours */
    dd_away *away;
    size_t away_count;
    dd_waiting *waiting;
    size_t waiting_count;
};

/* What became of an event: kept for `events why`, each list bounded. */
typedef struct dd_verdict {
    char *text; /* set for an event that makes no run; else made of the counts */
    dd_decisions decisions;
    dd_strv runs;
    size_t made, existed, without;
} dd_verdict;
void dd_verdict_say(dd_verdict *verdict, const char *format, ...) DD_PRINTF(2, 3);
/* Why a task has no run. */
void dd_verdict_why(dd_verdict *verdict, const char *task, const char *format, ...) DD_PRINTF(3, 4);

/* ---- Steps that both kinds share (matcher.c) ---- */
struct redisReply;
/* How long the event has waited for its registry; 0: it is the first time that it is handled. */
int64_t dd_matcher_waited_ms(const dd_matcher *matcher, const char *event_id);
/* A plain command; an error reply is an error. */
int dd_matcher_call(dd_matcher *matcher, const dd_command *command, struct redisReply **ret, dd_error **err);
/* The members of a set of task names, sorted. */
int dd_matcher_task_names(dd_matcher *matcher, const char *key, dd_strv **ret, dd_error **err);
/* The task and its stored fields. Returns 0 with *ret NULL, and a reason in the verdict, when it is gone or
 * cannot be read: other tasks do not wait for it. */
int dd_matcher_task(dd_matcher *matcher, const char *name, dd_verdict *verdict, dd_task **ret,
                    dd_fields **ret_fields, dd_error **err);
/* Make a run of the task; `more` are fields beside those that all runs have. `cause` is what the event means.
 */
typedef struct dd_cause {
    const dd_event *event;
    const char *event_id;
    const char *meaning;
    const char *priority;
    dd_trigger_kind trigger;
} dd_cause;
int dd_matcher_make_run(dd_matcher *matcher, const dd_task *task, const dd_cause *cause,
                        const dd_fields *more, const char *why, dd_verdict *verdict, dd_error **err);
/* CANCELED once the matcher is asked to stop: between the parts of long work. */
int dd_matcher_check_stop(const dd_matcher *matcher, dd_error **err);

/* ---- The kinds: 0 with a verdict, 1 when the event must wait for its registry, -1 ---- */
int dd_matcher_push(dd_matcher *matcher, const char *event_id, const dd_event *event, dd_verdict *verdict,
                    dd_error **err);
int dd_matcher_image_push(dd_matcher *matcher, const char *event_id, const dd_event *event,
                          dd_verdict *verdict, dd_error **err);
/* What no trigger takes: says so for each task of the repository. */
int dd_matcher_other(dd_matcher *matcher, const char *event_id, const dd_event *event, dd_verdict *verdict,
                     dd_error **err);

#endif
