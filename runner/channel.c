/* Frames between a worker and its run's process: one table for writing and reading. */
#include "channel.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS_MAX   8
#define WHY_MAX_BYTES (16 << 10)

enum form {
    NONE,   /* the list is at its end */
    NUMBER, /* 8 bytes, two's complement, within the bounds */
    NAME,   /* u16 length, bytes; at most `high` of them */
    TEXT,   /* all that is left of the payload; at most `high` bytes */
};

struct member {
    enum form form;
    size_t offset, size;
    int64_t low, high;
};

struct kind {
    const char *name;
    dd_direction direction;
    struct member members[MEMBERS_MAX];
};

#define PLACE(name) .offset = offsetof(dd_message, name), .size = sizeof(((dd_message *)NULL)->name)
#define A_NUMBER(name, a, z)                                                                                 \
    {                                                                                                        \
        .form = NUMBER, PLACE(name), .low = (a), .high = (z)                                                 \
    }
#define A_STEP                                                                                               \
    {                                                                                                        \
        .form = NAME, PLACE(step), .high = DD_STEP_ID_MAX_BYTES                                              \
    }
#define A_TEXT(bytes)                                                                                        \
    {                                                                                                        \
        .form = TEXT, PLACE(text), .high = (bytes)                                                           \
    }

static const struct kind kinds[DD_MESSAGE_TYPES] = {
    [DD_MESSAGE_JOB] = {"JOB", DD_TO_CHILD, {A_TEXT(DD_FRAME_MAX_BYTES)}},
    [DD_MESSAGE_PUSH_ANSWER] = {"PUSH_ANSWER", DD_TO_CHILD, {A_NUMBER(allowed, 0, 1), A_STEP}},
    [DD_MESSAGE_CANCEL] = {"CANCEL",
                           DD_TO_CHILD,
                           {A_NUMBER(state, DD_RUN_CANCELED, DD_RUN_TIMEOUT), A_TEXT(WHY_MAX_BYTES)}},
    [DD_MESSAGE_STATE] = {"STATE", DD_TO_WORKER, {A_NUMBER(state, DD_RUN_STARTED, DD_RUN_RUNNING)}},
    [DD_MESSAGE_STEP] = {"STEP",
                         DD_TO_WORKER,
                         {A_NUMBER(report.kind, DD_STEP_CMD, DD_STEP_PUSH),
                          A_NUMBER(report.state, DD_STEP_WAITING, DD_STEP_STATES - 1),
                          A_NUMBER(report.exit_code, INT32_MIN, INT32_MAX),
                          A_NUMBER(report.attempts, 0, INT32_MAX), A_NUMBER(report.started_ms, 0, INT64_MAX),
                          A_NUMBER(report.ended_ms, 0, INT64_MAX), A_STEP, A_TEXT(WHY_MAX_BYTES)}},
    [DD_MESSAGE_LOG] = {"LOG",
                        DD_TO_WORKER,
                        {A_NUMBER(stream, DD_STREAM_SYSTEM, DD_STREAM_ERR), A_NUMBER(at_ms, 0, INT64_MAX),
                         A_STEP, A_TEXT(DD_LOG_TEXT_MAX_BYTES)}},
    [DD_MESSAGE_MAY_PUSH] = {"MAY_PUSH", DD_TO_WORKER, {A_STEP}},
    [DD_MESSAGE_RESULT] = {"RESULT", DD_TO_WORKER, {A_TEXT(DD_FRAME_MAX_BYTES)}},
};

const char *dd_message_type_name(dd_message_type type)
{
    return kinds[type].name;
}

/* ---- Numbers of any width ---- */

static int64_t number_get(const void *at, size_t size)
{
    uint8_t byte;
    int32_t word;
    int64_t whole;

    if (size == sizeof byte)
        return memcpy(&byte, at, size), byte;
    if (size == sizeof word)
        return memcpy(&word, at, size), word;
    return memcpy(&whole, at, sizeof whole), whole;
}

static void number_set(void *at, size_t size, int64_t number)
{
    uint8_t byte = (uint8_t)number;
    int32_t word = (int32_t)number;

    if (size == sizeof byte)
        memcpy(at, &byte, size);
    else if (size == sizeof word)
        memcpy(at, &word, size);
    else
        memcpy(at, &number, sizeof number);
}

/* ---- Writing ---- */

static void add_number(dd_buf *into, int64_t number)
{
    uint64_t wire = htobe64((uint64_t)number);

    dd_buf_add(into, &wire, sizeof wire);
}

/* Names that we make ourselves fit; a task file's longer one is cut, the same way each time. */
static void add_name(dd_buf *into, const char *name, size_t max)
{
    size_t length = name ? strnlen(name, max) : 0;
    uint16_t wire = htobe16((uint16_t)length);

    dd_buf_add(into, &wire, sizeof wire);
    if (length > 0)
        dd_buf_add(into, name, length);
}

static void add_header(dd_buf *into, size_t length, dd_message_type type)
{
    uint32_t wire_length = htobe32((uint32_t)length);
    uint16_t wire_type = htobe16((uint16_t)type);

    dd_buf_add(into, &wire_length, sizeof wire_length);
    dd_buf_add(into, &wire_type, sizeof wire_type);
}

static void add_member(dd_buf *into, const struct member *member, const dd_message *message)
{
    const char *at = (const char *)message + member->offset;

    switch (member->form) {
    case NUMBER:
        add_number(into, number_get(at, member->size));
        break;
    case NAME:
        add_name(into, *(const char *const *)(const void *)at, (size_t)member->high);
        break;
    case TEXT:
        if (message->length > 0)
            dd_buf_add(into, message->text, message->length);
        break;
    case NONE:
        break;
    }
}

int dd_message_encode(const dd_message *message, dd_buf *into, dd_error **err)
{
    const struct kind *kind = &kinds[message->type];
    dd_buf payload = {0};

    for (size_t i = 0; i < MEMBERS_MAX; i++) {
        const struct member *member = &kind->members[i];
        if (member->form == TEXT && message->length > (size_t)member->high) {
            dd_buf_done(&payload);
            return dd_fail(err, DD_ERR_LIMIT, "a %s message of %zu bytes; at most %lld fit", kind->name,
                           message->length, (long long)member->high);
        }
        add_member(&payload, member, message);
    }
    add_header(into, payload.length, message->type);
    if (payload.length > 0)
        dd_buf_add(into, payload.data, payload.length);
    dd_buf_done(&payload);
    return 0;
}

/* ---- Reading ---- */

struct dd_decoder {
    dd_direction direction;
    dd_buf pending;
    size_t used;       /* of pending */
    char *step, *text; /* of the last message */
    char *broken;      /* why nothing more is read */
};

dd_decoder *dd_decoder_new(dd_direction direction)
{
    dd_decoder *decoder = dd_new(dd_decoder);

    decoder->direction = direction;
    return decoder;
}

static void forget(dd_decoder *decoder)
{
    free(decoder->step);
    free(decoder->text);
    decoder->step = decoder->text = NULL;
}

void dd_decoder_free(dd_decoder *decoder)
{
    if (!decoder)
        return;
    forget(decoder);
    free(decoder->broken);
    dd_buf_done(&decoder->pending);
    free(decoder);
}

void dd_decoder_feed(dd_decoder *decoder, const void *data, size_t length)
{
    forget(decoder);
    if (decoder->broken)
        return;
    dd_buf_consume(&decoder->pending, decoder->used);
    decoder->used = 0;
    dd_buf_add(&decoder->pending, data, length);
}

struct payload {
    const char *data;
    size_t length;
};

static bool take(struct payload *payload, void *ret, size_t size)
{
    if (payload->length < size)
        return false;
    memcpy(ret, payload->data, size);
    payload->data += size;
    payload->length -= size;
    return true;
}

static bool take_text(struct payload *payload, size_t length, const struct member *member, char **ret)
{
    if (payload->length < length || length > (size_t)member->high || memchr(payload->data, 0, length))
        return false;
    *ret = dd_strndup(payload->data, length);
    payload->data += length;
    payload->length -= length;
    return true;
}

static bool take_member(dd_decoder *decoder, struct payload *payload, const struct member *member,
                        dd_message *ret)
{
    uint64_t number;
    uint16_t length;

    switch (member->form) {
    case NUMBER:
        if (!take(payload, &number, sizeof number))
            return false;
        number = be64toh(number);
        if ((int64_t)number < member->low || (int64_t)number > member->high)
            return false;
        number_set((char *)ret + member->offset, member->size, (int64_t)number);
        return true;
    case NAME:
        if (!take(payload, &length, sizeof length) ||
            !take_text(payload, be16toh(length), member, &decoder->step))
            return false;
        ret->step = decoder->step;
        return true;
    case TEXT:
        ret->length = payload->length;
        if (!take_text(payload, payload->length, member, &decoder->text))
            return false;
        ret->text = decoder->text;
        return true;
    case NONE:
        return true;
    }
    return false;
}

static int read_payload(dd_decoder *decoder, const struct kind *kind, struct payload payload, dd_message *ret,
                        dd_error **err)
{
    for (size_t i = 0; i < MEMBERS_MAX; i++)
        if (!take_member(decoder, &payload, &kind->members[i], ret))
            return dd_fail(err, DD_ERR_INVALID, "member %zu of a %s message is wrong", i + 1, kind->name);
    if (payload.length > 0)
        return dd_fail(err, DD_ERR_INVALID, "%zu bytes too many in a %s message", payload.length, kind->name);
    return 1;
}

static int read_frame(dd_decoder *decoder, dd_message *ret, dd_error **err)
{
    struct payload left = {decoder->pending.data, decoder->pending.length - decoder->used};
    uint32_t length;
    uint16_t type;

    if (left.length < DD_FRAME_HEADER_BYTES)
        return 0;
    left.data += decoder->used;
    take(&left, &length, sizeof length);
    take(&left, &type, sizeof type);
    length = be32toh(length);
    type = be16toh(type);
    /* All of this before the payload is there: a stranger's length is not waited for. */
    if (type >= DD_MESSAGE_TYPES)
        return dd_fail(err, DD_ERR_INVALID, "no message has the type %u", type);
    if (kinds[type].direction != decoder->direction)
        return dd_fail(err, DD_ERR_INVALID, "a %s message does not go this way", kinds[type].name);
    if (length > DD_FRAME_MAX_BYTES)
        return dd_fail(err, DD_ERR_INVALID, "a %s message of %u bytes", kinds[type].name, length);
    if (left.length < length)
        return 0;
    left.length = length;
    decoder->used += DD_FRAME_HEADER_BYTES + length;
    *ret = (dd_message){.type = type, .step = "", .text = ""};
    return read_payload(decoder, &kinds[type], left, ret, err);
}

int dd_decoder_next(dd_decoder *decoder, dd_message *ret, dd_error **err)
{
    dd_auto(dd_error) error = NULL;
    int result;

    forget(decoder);
    if (decoder->broken)
        return dd_fail(err, DD_ERR_INVALID, "%s", decoder->broken);
    result = read_frame(decoder, ret, &error);
    if (result < 0) {
        decoder->broken = dd_strdup(error->message);
        dd_buf_done(&decoder->pending);
        decoder->used = 0;
        return dd_fail(err, DD_ERR_INVALID, "%s", decoder->broken);
    }
    return result;
}
