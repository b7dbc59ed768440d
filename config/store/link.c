/* One connection: commands out, replies in. */
#include "link.h"

#include <openssl/err.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 16384

dd_link *dd_link_new(int fd, SSL *ssl, const char *name)
{
    dd_link *link = dd_new(dd_link);
    *link = (dd_link){.fd = fd, .ssl = ssl, .name = dd_strdup(name), .reader = redisReaderCreate()};
    dd_assert(link->reader);
    return link;
}

void dd_link_free(dd_link *link)
{
    if (!link)
        return;
    SSL_free(link->ssl);
    close(link->fd);
    redisReaderFree(link->reader);
    dd_buf_done(&link->out);
    free(link->name);
    free(link);
}

void dd_link_queue(dd_link *link, const dd_command *command)
{
    dd_buf_printf(&link->out, "*%zu\r\n", command->count);
    for (size_t i = 0; i < command->count; i++) {
        dd_buf_printf(&link->out, "$%zu\r\n", command->lengths[i]);
        dd_buf_add(&link->out, command->words[i], command->lengths[i]);
        dd_buf_add(&link->out, "\r\n", 2);
    }
}

static dd_io lost(const dd_link *link, int number, dd_error **err)
{
    if (number)
        dd_fail_errno(err, DD_ERR_UNAVAILABLE, number, "Redis at %s", link->name);
    else
        dd_fail(err, DD_ERR_UNAVAILABLE, "Redis at %s: it closed the connection", link->name);
    /* With TLS 1.3 the handshake is over for us before it looks at our certificate. */
    if (link->ssl && !link->heard && !SSL_get_certificate(link->ssl))
        dd_hint(err, "it may ask for a certificate of ours: redis.cert and redis.key");
    return DD_IO_LOST;
}

/* What a call of OpenSSL that did not do it means. */
static dd_io tls_outcome(const dd_link *link, int result, dd_error **err)
{
    int number = errno;
    switch (SSL_get_error(link->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return DD_IO_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return DD_IO_WANT_WRITE;
    case SSL_ERROR_SSL:
        dd_tls_fail(link->ssl, link->name, "TLS", err);
        return DD_IO_LOST;
    case SSL_ERROR_SYSCALL:
        return lost(link, number, err);
    default:
        return lost(link, 0, err);
    }
}

/* The error queue is the thread's: what others left there must not be read as ours. */
static dd_io put(dd_link *link, const char *data, size_t length, size_t *ret, dd_error **err)
{
    if (link->ssl) {
        ERR_clear_error();
        int result = SSL_write_ex(link->ssl, data, length, ret);
        return result == 1 ? DD_IO_DONE : tls_outcome(link, result, err);
    }
    ssize_t put = send(link->fd, data, length, MSG_NOSIGNAL);
    if (put < 0)
        return errno == EAGAIN || errno == EINTR ? DD_IO_WANT_WRITE : lost(link, errno, err);
    *ret = (size_t)put;
    return DD_IO_DONE;
}

static dd_io get(dd_link *link, char *data, size_t size, size_t *ret, dd_error **err)
{
    if (link->ssl) {
        ERR_clear_error();
        int result = SSL_read_ex(link->ssl, data, size, ret);
        return result == 1 ? DD_IO_DONE : tls_outcome(link, result, err);
    }
    ssize_t got = recv(link->fd, data, size, 0);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? DD_IO_WANT_READ : lost(link, errno, err);
    *ret = (size_t)got;
    return got > 0 ? DD_IO_DONE : lost(link, 0, err);
}

dd_io dd_link_flush(dd_link *link, dd_error **err)
{
    while (link->written < link->out.length) {
        size_t count = 0;
        dd_io outcome =
            put(link, link->out.data + link->written, link->out.length - link->written, &count, err);
        if (outcome != DD_IO_DONE)
            return outcome;
        link->written += count;
    }
    dd_buf_clear(&link->out);
    link->written = 0;
    return DD_IO_DONE;
}

/* All that is there: bytes that OpenSSL holds decrypted wake no poll. */
dd_io dd_link_fill(dd_link *link, dd_error **err)
{
    char bytes[READ_BYTES];
    bool some = false;
    for (;;) {
        size_t count = 0;
        dd_io outcome = get(link, bytes, sizeof(bytes), &count, err);
        if (outcome == DD_IO_LOST || (outcome != DD_IO_DONE && !some))
            return outcome;
        if (outcome != DD_IO_DONE)
            return DD_IO_DONE;
        some = link->heard = true;
        redisReaderFeed(link->reader, bytes, count);
        if (!link->ssl && count < sizeof(bytes))
            return DD_IO_DONE;
    }
}

int dd_link_next(dd_link *link, struct redisReply **ret, dd_error **err)
{
    void *reply = NULL;
    if (redisReaderGetReply(link->reader, &reply) != REDIS_OK)
        return dd_fail(err, DD_ERR_UNAVAILABLE, "Redis at %s: %s", link->name, link->reader->errstr);
    *ret = reply;
    return reply != NULL;
}

void dd_link_complete_node(const dd_link *link, dd_redis_node *node)
{
    const char *colon = strrchr(link->name, ':');
    dd_redis_node same;
    if (node->host || !colon)
        return;
    dd_auto_str host = dd_strndup(link->name, (size_t)(colon - link->name));
    if (dd_redis_node_parse(host, node->port, &same))
        node->host = same.host;
}

/* ---- Waiting ---- */

dd_patience dd_patience_of(int64_t ms, int cancel_fd)
{
    return (dd_patience){.until_ms = ms > 0 ? dd_monotonic_ms() + ms : 0, .cancel_fd = cancel_fd};
}

int dd_await(int fd, short events, const dd_patience *patience, dd_error **err)
{
    for (;;) {
        struct pollfd both[] = {{.fd = fd, .events = events}, {.fd = patience->cancel_fd, .events = POLLIN}};
        int64_t left_ms = patience->until_ms ? patience->until_ms - dd_monotonic_ms() : -1;
        if (patience->until_ms && left_ms < 0)
            left_ms = 0;
        int ready = poll(both, 2, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
        if (ready < 0 && errno != EINTR)
            return dd_fail_errno(err, DD_ERR_INTERNAL, errno, "poll");
        if (ready > 0 && both[1].revents)
            return dd_fail(err, DD_ERR_CANCELED, "interrupted");
        if (ready > 0)
            return 1;
        if (ready == 0)
            return 0;
    }
}

static int await_io(const dd_link *link, dd_io wanted, const dd_patience *patience, dd_error **err)
{
    int ready = dd_await(link->fd, wanted == DD_IO_WANT_WRITE ? POLLOUT : POLLIN, patience, err);
    return ready > 0   ? 0
           : ready < 0 ? -1
                       : dd_fail(err, DD_ERR_UNAVAILABLE, "Redis at %s did not answer in time", link->name);
}

int dd_link_call(dd_link *link, const dd_command *command, const dd_patience *patience,
                 struct redisReply **ret, dd_error **err)
{
    dd_io outcome;
    int got;
    dd_link_queue(link, command);
    while ((outcome = dd_link_flush(link, err)) != DD_IO_DONE)
        if (outcome == DD_IO_LOST || await_io(link, outcome, patience, err) < 0)
            return -1;
    while ((got = dd_link_next(link, ret, err)) == 0) {
        outcome = dd_link_fill(link, err);
        if (outcome == DD_IO_LOST && dd_link_next(link, ret, NULL) == 1)
            return 0; /* its last words */
        if (outcome == DD_IO_LOST || (outcome != DD_IO_DONE && await_io(link, outcome, patience, err) < 0))
            return -1;
    }
    return got < 0 ? -1 : 0;
}

int dd_link_ask(dd_link *link, const dd_command *command, const dd_patience *patience,
                struct redisReply **ret, dd_error **err)
{
    if (dd_link_call(link, command, patience, ret, err) < 0)
        return -1;
    if (dd_reply_error(*ret, err) == 0)
        return 0;
    freeReplyObject(*ret);
    *ret = NULL;
    return dd_context(err, "at %s", link->name);
}
