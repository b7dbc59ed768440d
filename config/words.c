/* The words of the system: each enum's names in one table, the permitted moves in another. */
#include "words.h"
#include <string.h>

#define TO(state) (1U << (state))

/* One name table serves both ways: index to word, word to index. */
static bool find_word(const char *word, const char *const *words, int count, int *ret)
{
    for (int i = 0; i < count; i++)
        if (dd_str_eq(word, words[i])) {
            *ret = i;
            return true;
        }
    return false;
}

/* ---- Runs ---- */

static const char *const run_state_names[DD_RUN_STATES] = {
    [DD_RUN_QUEUED] = "Queued",       [DD_RUN_STARTED] = "Started", [DD_RUN_RUNNING] = "Running",
    [DD_RUN_SUCCEEDED] = "Succeeded", [DD_RUN_FAILED] = "Failed",   [DD_RUN_CANCELED] = "Canceled",
    [DD_RUN_ERROR] = "Error",         [DD_RUN_TIMEOUT] = "Timeout",
};

static const char *const run_state_sentences[DD_RUN_STATES] = {
    [DD_RUN_QUEUED] = "waits in its pool's queue for a worker",
    [DD_RUN_STARTED] = "a worker has taken it and fetches the commit",
    [DD_RUN_RUNNING] = "its steps are being executed",
    [DD_RUN_SUCCEEDED] = "every step succeeded, or its errors are ignored",
    [DD_RUN_FAILED] = "a step failed, or the task file cannot be run",
    [DD_RUN_CANCELED] = "somebody asked for its end",
    [DD_RUN_ERROR] = "the platform failed, not the task",
    [DD_RUN_TIMEOUT] = "its total time was up",
};

#define RUN_FINAL                                                                                            \
    (TO(DD_RUN_SUCCEEDED) | TO(DD_RUN_FAILED) | TO(DD_RUN_CANCELED) | TO(DD_RUN_ERROR) | TO(DD_RUN_TIMEOUT))

/* A run that is taken up again keeps its state, so there is no way back to Queued. A row left out is an end.
 */
static const unsigned run_next_of[DD_RUN_STATES] = {
    [DD_RUN_QUEUED] = TO(DD_RUN_STARTED) | TO(DD_RUN_CANCELED) | TO(DD_RUN_ERROR) | TO(DD_RUN_TIMEOUT),
    [DD_RUN_STARTED] = TO(DD_RUN_RUNNING) | RUN_FINAL,
    [DD_RUN_RUNNING] = RUN_FINAL,
};

const char *dd_run_state_name(dd_run_state state)
{
    dd_assert(state < DD_RUN_STATES);
    return run_state_names[state];
}

const char *dd_run_state_sentence(dd_run_state state)
{
    dd_assert(state < DD_RUN_STATES);
    return run_state_sentences[state];
}

bool dd_run_state_parse(const char *name, dd_run_state *ret)
{
    int index;

    if (!find_word(name, run_state_names, DD_RUN_STATES, &index))
        return false;
    *ret = (dd_run_state)index;
    return true;
}

bool dd_run_is_final(dd_run_state state)
{
    dd_assert(state < DD_RUN_STATES);
    return (RUN_FINAL & TO(state)) != 0;
}

bool dd_run_may_move(dd_run_state from, dd_run_state to)
{
    dd_assert(from < DD_RUN_STATES && to < DD_RUN_STATES);
    return (run_next_of[from] & TO(to)) != 0;
}

/* ---- Steps ---- */

static const char *const step_state_names[DD_STEP_STATES] = {
    [DD_STEP_WAITING] = "Waiting", [DD_STEP_RUNNING] = "Running", [DD_STEP_SUCCEEDED] = "Succeeded",
    [DD_STEP_FAILED] = "Failed",   [DD_STEP_SKIPPED] = "Skipped", [DD_STEP_CANCELED] = "Canceled",
    [DD_STEP_TIMEOUT] = "Timeout",
};

static const unsigned step_next_of[DD_STEP_STATES] = {
    [DD_STEP_WAITING] = TO(DD_STEP_RUNNING) | TO(DD_STEP_SKIPPED),
    [DD_STEP_RUNNING] =
        TO(DD_STEP_SUCCEEDED) | TO(DD_STEP_FAILED) | TO(DD_STEP_CANCELED) | TO(DD_STEP_TIMEOUT),
};

const char *dd_step_state_name(dd_step_state state)
{
    dd_assert(state < DD_STEP_STATES);
    return step_state_names[state];
}

bool dd_step_state_parse(const char *name, dd_step_state *ret)
{
    int index;

    if (!find_word(name, step_state_names, DD_STEP_STATES, &index))
        return false;
    *ret = (dd_step_state)index;
    return true;
}

bool dd_step_may_move(dd_step_state from, dd_step_state to)
{
    dd_assert(from < DD_STEP_STATES && to < DD_STEP_STATES);
    return (step_next_of[from] & TO(to)) != 0;
}

/* ---- Events and triggers ---- */

static const char *const event_kind_names[DD_EVENT_KINDS] = {
    [DD_EVENT_IGNORED] = "ignored",
    [DD_EVENT_PUSH] = "push",
    [DD_EVENT_TAG] = "tag",
    [DD_EVENT_PULL_REQUEST] = "pull_request",
    [DD_EVENT_IMAGE_PUSH] = "image_push",
    [DD_EVENT_DELETE] = "delete",
    [DD_EVENT_PING] = "ping",
    [DD_EVENT_SCHEDULE] = "schedule",
    [DD_EVENT_MANUAL] = "manual",
};

const char *dd_event_kind_name(dd_event_kind kind)
{
    dd_assert(kind < DD_EVENT_KINDS);
    return event_kind_names[kind];
}

bool dd_event_kind_parse(const char *name, dd_event_kind *ret)
{
    int index;

    if (!find_word(name, event_kind_names, DD_EVENT_KINDS, &index))
        return false;
    *ret = (dd_event_kind)index;
    return true;
}

static const char *const trigger_kind_names[DD_TRIGGER_KINDS] = {
    [DD_TRIGGER_COMMIT] = "commit",         [DD_TRIGGER_PULL_REQUEST] = "pull_request",
    [DD_TRIGGER_BASE_IMAGE] = "base_image", [DD_TRIGGER_SCHEDULE] = "schedule",
    [DD_TRIGGER_MANUAL] = "manual",
};

const char *dd_trigger_kind_name(dd_trigger_kind kind)
{
    dd_assert(kind < DD_TRIGGER_KINDS);
    return trigger_kind_names[kind];
}

bool dd_trigger_kind_parse(const char *name, dd_trigger_kind *ret)
{
    int index;

    if (!find_word(name, trigger_kind_names, DD_TRIGGER_KINDS, &index))
        return false;
    *ret = (dd_trigger_kind)index;
    return true;
}

/* ---- Texts that become parts of keys, paths, URLs and arguments ---- */

#define LETTERS_AND_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define NAME_MAX_BYTES     63
#define REF_MAX_BYTES      1024

bool dd_name_is_valid(const char *name)
{
    size_t length = name ? strlen(name) : 0;

    return length >= 1 && length <= NAME_MAX_BYTES && strchr(LETTERS_AND_DIGITS, name[0]) &&
           strspn(name, LETTERS_AND_DIGITS "._-") == length;
}

bool dd_commit_is_valid(const char *text)
{
    size_t length = text ? strlen(text) : 0;

    return (length == 40 || length == 64) && strspn(text, "0123456789abcdef") == length;
}

bool dd_commit_is_zero(const char *text)
{
    return dd_commit_is_valid(text) && text[strspn(text, "0")] == '\0';
}

/* A component between slashes: not empty, not hidden, not a lock file of git's own. */
static bool ref_component_is_valid(const char *component, size_t length)
{
    static const char lock[] = ".lock";
    const size_t lock_length = sizeof(lock) - 1;

    return length > 0 && component[0] != '.' &&
           (length < lock_length || memcmp(component + length - lock_length, lock, lock_length) != 0);
}

/* git-check-ref-format(1), with names of one level allowed; and the short name may not look like an option,
 * which git too refuses for branches and tags. */
bool dd_ref_is_valid(const char *text)
{
    static const char *const spaces[] = {"refs/heads/", "refs/tags/", ""};
    size_t length = text ? strlen(text) : 0;

    if (length == 0 || length > REF_MAX_BYTES || strcmp(text, "@") == 0 || text[length - 1] == '.' ||
        strstr(text, "..") || strstr(text, "@{") || strpbrk(text, " ~^:?*[\\"))
        return false;
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return false;
    for (size_t i = 0; i < DD_COUNT(spaces); i++)
        if (dd_str_starts(text, spaces[i]) && text[strlen(spaces[i])] == '-')
            return false;
    for (const char *component = text;;) {
        size_t span = strcspn(component, "/");

        if (!ref_component_is_valid(component, span))
            return false;
        if (component[span] == '\0')
            return true;
        component += span + 1;
    }
}

bool dd_is_plain_word(const char *text)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
            return false;
    return *text != '\0';
}
