/* Log lines of the service itself (not of runs), one line each to standard error:
 * 2026-11-24T01:02:03.456Z info worker run=ca1: claimed
 * A warning ends in what we did about it. */
#ifndef DD_BASE_LOG_H
#define DD_BASE_LOG_H

#include "error.h"

typedef enum dd_level { DD_LOG_DEBUG, DD_LOG_INFO, DD_LOG_WARNING, DD_LOG_ERROR } dd_level;

/* Lines below the level are dropped; the default is info. `DRYDOCK_LOG_LEVEL` is read by main. */
void dd_log_set_level(dd_level level);
/* Return false when the word is none of debug, info, warning, error. */
bool dd_log_level_parse(const char *word, dd_level *ret);
/* Write one line: the room's name, fields ("run=ca1 step=build" or NULL), the message.
 * Control characters in the message are written as \xNN. Safe from any thread. */
void dd_log(dd_level level, const char *room, const char *fields, const char *format, ...) DD_PRINTF(4, 5);

#endif
