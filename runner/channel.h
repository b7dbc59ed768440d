/* What a worker and its run's process say to each other: typed, length-checked messages on a stream socket.
 *
 * A frame is {u32 length of the payload, u16 type} in network byte order, then the payload, whose members one
 * table in channel.c lists for each type. Either side takes only the types that are meant for it, and treats
 * the other as a stranger: the first bad frame is the last one read. No I/O in here. */
#ifndef DD_RUNNER_CHANNEL_H
#define DD_RUNNER_CHANNEL_H

#include "runner.h"

#define DD_FRAME_HEADER_BYTES 6
#define DD_FRAME_MAX_BYTES    (1 << 20)
#define DD_CHANNEL_FD         3 /* in the run's process */
#define DD_STEP_ID_MAX_BYTES  1024
#define DD_LOG_TEXT_MAX_BYTES (16 << 10) /* runner.h: dd_run_sink.log */

typedef enum dd_message_type {
    DD_MESSAGE_JOB,         /* to the child: what to run; comes first, once */
    DD_MESSAGE_PUSH_ANSWER, /* to the child: the answer to MAY_PUSH */
    DD_MESSAGE_CANCEL,      /* to the child: end, with this state and for this reason */
    DD_MESSAGE_STATE,       /* to the worker: the run has moved on */
    DD_MESSAGE_STEP,        /* to the worker: a step has moved on */
    DD_MESSAGE_LOG,         /* to the worker: one line */
    DD_MESSAGE_MAY_PUSH,    /* to the worker: the step waits for leave to push */
    DD_MESSAGE_RESULT,      /* to the worker: the end, when nothing of the run is left; comes last, once */
    DD_MESSAGE_TYPES
} dd_message_type;
const char *dd_message_type_name(dd_message_type type);

typedef enum dd_direction { DD_TO_CHILD, DD_TO_WORKER } dd_direction;

/* Which members count depends on the type; all texts are borrowed and without NUL bytes. */
typedef struct dd_message {
    dd_message_type type;
    dd_run_state state;    /* STATE, CANCEL */
    dd_stream stream;      /* LOG */
    bool allowed;          /* PUSH_ANSWER */
    int64_t at_ms;         /* LOG: wall clock */
    const char *step;      /* STEP (its id), LOG ("": of the run itself), MAY_PUSH, PUSH_ANSWER */
    dd_step_report report; /* STEP: its numbers */
    const char *text;      /* JOB and RESULT: JSON; CANCEL and STEP: why, or ""; LOG: the line */
    size_t length;         /* of text */
} dd_message;

/* Append the frame. LIMIT when the text is longer than the type permits. */
int dd_message_encode(const dd_message *message, dd_buf *into, dd_error **err);

typedef struct dd_decoder dd_decoder;
dd_decoder *dd_decoder_new(dd_direction direction);
void dd_decoder_free(dd_decoder *decoder);
DD_DEFINE_FREEP(dd_decoder)
void dd_decoder_feed(dd_decoder *decoder, const void *data, size_t length);
/* Return 1 with *ret, whose texts are valid until the next call on the decoder; 0 when more bytes are needed;
 * -1 with INVALID, and from then on always. */
int dd_decoder_next(dd_decoder *decoder, dd_message *ret, dd_error **err);

#endif
