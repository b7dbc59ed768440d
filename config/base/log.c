/* The service's own log lines. */
#include "log.h"

#include "buf.h"
#include "clock.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static const char *const level_names[] = {
    [DD_LOG_DEBUG] = "debug", [DD_LOG_INFO] = "info", [DD_LOG_WARNING] = "warning", [DD_LOG_ERROR] = "error"};
static atomic_int lowest = DD_LOG_INFO;

void dd_log_set_level(dd_level level)
{
    atomic_store(&lowest, (int)level);
}

bool dd_log_level_parse(const char *word, dd_level *ret)
{
    for (size_t i = 0; i < DD_COUNT(level_names); i++)
        if (strcmp(word, level_names[i]) == 0) {
            *ret = (dd_level)i;
            return true;
        }
    return false;
}

/* A sender's text must not end a line, nor speak to a terminal: C0, DEL, and C1 as UTF-8 writes it. */
static void add_safe(dd_buf *line, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        bool is_c1 = *c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0;
        if (*c < 0x20 || *c == 0x7f)
            dd_buf_printf(line, "\\x%02x", (unsigned)*c);
        else if (is_c1)
            dd_buf_printf(line, "\\x%02x", (unsigned)*++c);
        else
            dd_buf_add_char(line, (char)*c);
    }
}

void dd_log(dd_level level, const char *room, const char *fields, const char *format, ...)
{
    char at[DD_TIME_TEXT];
    dd_buf line = {0};
    va_list args;
    if ((int)level < atomic_load(&lowest))
        return;
    va_start(args, format);
    dd_auto_str message = dd_vsprintf(format, args);
    va_end(args);
    dd_buf_printf(&line, "%s %s %s", dd_time_format(dd_wall_ms(), at), level_names[level], room);
    if (fields && *fields) {
        dd_buf_add_char(&line, ' ');
        add_safe(&line, fields);
    }
    dd_buf_add_str(&line, ": ");
    add_safe(&line, message);
    dd_buf_add_char(&line, '\n');
    /* One write a line, so that threads' and processes' lines do not mix. A log that cannot be written is no
     * reason to stop. */
    ssize_t written = write(STDERR_FILENO, line.data, line.length);
    (void)written;
    dd_buf_done(&line);
}
