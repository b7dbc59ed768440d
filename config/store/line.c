/* One connection of the asynchronous store. */
#include "line.h"

#include <stdlib.h>

dd_line *dd_line_new(dd_store_async *store, struct event_base *base, dd_redis_config *config,
                     const dd_redis_nodes *known, const dd_redis_node *hop, bool for_asking)
{
    dd_line *line = dd_new(dd_line);
    line->store = store;
    line->config = config;
    line->for_asking = for_asking;
    if (hop)
        line->hop = (dd_redis_node){.host = dd_strdup(hop->host), .port = hop->port};
    line->dialer = dd_dialer_start(config, known, hop, for_asking);
    line->dialed = event_new(base, dd_dialer_fd(line->dialer), EV_READ, dd_line_on_dialed, line);
    dd_assert(line->dialed);
    if (dd_dialer_fd(line->dialer) >= 0)
        event_add(line->dialed, NULL);
    else /* no descriptor is left: that is its result */
        event_active(line->dialed, EV_TIMEOUT, 0);
    return line;
}

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
}

void dd_line_free(dd_line *line)
{
    if (!line)
        return;
    free_event(line->dialed);
    free_event(line->readable);
    free_event(line->writable);
    free_event(line->flush);
    dd_dialer_free(line->dialer);
    dd_link_free(line->link);
    free(line->hop.host);
    free(line->owed);
    free(line);
}

void dd_line_open(dd_line *line, struct event_base *base, dd_link *link)
{
    line->link = link;
    line->readable = event_new(base, link->fd, EV_READ | EV_PERSIST, dd_line_on_readable, line);
    line->writable = event_new(base, link->fd, EV_WRITE, dd_line_on_flush, line);
    line->flush = event_new(base, -1, 0, dd_line_on_flush, line);
    dd_assert(line->readable && line->writable && line->flush);
    event_add(line->readable, NULL);
    /* OpenSSL may have read what came with the handshake's end. */
    if (link->ssl)
        event_active(line->readable, EV_READ, 0);
}

void dd_line_push(dd_line *line, dd_owed_kind kind, dd_call *call)
{
    if (line->count == line->capacity) {
        size_t capacity = line->capacity ? line->capacity * 2 : 16;
        dd_owed *owed = dd_calloc(capacity, sizeof(*owed));
        for (size_t i = 0; i < line->count; i++)
            owed[i] = line->owed[(line->first + i) % line->capacity];
        free(line->owed);
        line->owed = owed;
        line->first = 0;
        line->capacity = capacity;
    }
    line->owed[(line->first + line->count++) % line->capacity] = (dd_owed){.kind = kind, .call = call};
}

bool dd_line_pop(dd_line *line, dd_owed *ret)
{
    if (line->count == 0)
        return false;
    *ret = line->owed[line->first];
    line->first = (line->first + 1) % line->capacity;
    line->count--;
    return true;
}

static void queue(dd_line *line, const dd_command *command, dd_owed_kind kind, dd_call *call)
{
    dd_link_queue(line->link, command);
    dd_line_push(line, kind, call);
    /* Written together with all else of this turn of the loop. */
    event_active(line->flush, EV_TIMEOUT, 0);
}

void dd_line_send_load(dd_line *line, dd_call *call)
{
    dd_auto(dd_command) load = dd_command_load(call->command);
    queue(line, load, DD_OWED_LOADED, call);
}

void dd_line_send(dd_line *line, dd_call *call)
{
    if (call->asking) {
        dd_auto(dd_command) asking = dd_command_new("ASKING");
        queue(line, asking, DD_OWED_ASKED, NULL);
    }
    call->state = DD_CALL_SENT;
    call->line = line;
    if (call->wait) {
        call->wait = line->waits_sent + 1;
        line->wait_wanted = true;
    }
    queue(line, call->command, DD_OWED_REPLY, call);
}

/* One at a time: what is sent while it is under way has the next, all of it one. On the line it stops all
 * that follows, so a WAIT for each call would make them a queue. */
static void queue_wait(dd_line *line)
{
    dd_auto(dd_command) wait = dd_command_new("WAIT");
    dd_command_arg_int(wait, line->config->replicas);
    dd_command_arg_int(wait, line->config->replica_timeout_ms);
    dd_link_queue(line->link, wait);
    dd_line_push(line, DD_OWED_WAITED, NULL);
    line->waits_sent++;
    line->wait_wanted = false;
}

dd_io dd_line_flush(dd_line *line, dd_error **err)
{
    if (line->wait_wanted && line->waits_sent == line->waits_done)
        queue_wait(line);
    dd_io outcome = dd_link_flush(line->link, err);
    if (outcome == DD_IO_WANT_WRITE)
        event_add(line->writable, NULL);
    return outcome;
}
