/* What a step writes becomes lines: split, made safe for terminals and pages, secrets masked. No I/O here. */
#ifndef DD_RUNNER_OUTPUT_H
#define DD_RUNNER_OUTPUT_H

#include "config/config.h"

#define DD_LINE_MAX_BYTES   (16 * 1024)
#define DD_SECRET_MIN_BYTES 4 /* anything shorter would blank half of the log */
#define DD_SECRET_MAX_BYTES (8 * 1024)

/* Texts that are never shown, with their base64 and URL forms. */
typedef struct dd_secrets dd_secrets;
dd_secrets *dd_secrets_new(void);
void dd_secrets_free(dd_secrets *secrets);
DD_DEFINE_FREEP(dd_secrets)
void dd_secrets_add(dd_secrets *secrets, const char *text); /* NULL and short ones are left out */
/* `text` as it may be shown: controls and bad UTF-8 replaced, secrets masked. Owned. */
char *dd_secrets_mask(const dd_secrets *secrets, const char *text);

typedef void dd_line_cb(void *context, const char *text, size_t length);

typedef struct dd_output dd_output;
/* `secrets` is borrowed and may be NULL; `line` gets each line without its newline, at most
 * DD_LINE_MAX_BYTES. */
dd_output *dd_output_new(const dd_secrets *secrets, dd_line_cb *line, void *context);
void dd_output_free(dd_output *output);
DD_DEFINE_FREEP(dd_output)
void dd_output_feed(dd_output *output, const char *data, size_t length);
/* Something is held that a flush would show: a line that has not ended. */
bool dd_output_is_partial(const dd_output *output);
/* Show the line begun, but for an end that may be the beginning of a secret. */
void dd_output_flush(dd_output *output);
/* Show all that is left. */
void dd_output_end(dd_output *output);

#endif
