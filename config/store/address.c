/* redis.url: unix:///path, or redis://[user:password@]host[:port][/database]. */
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_PORT 6379

void dd_redis_address_done(dd_redis_address *address)
{
    free(address->path);
    free(address->host);
    free(address->username);
    free(address->password);
    *address = (dd_redis_address){0};
}

/* %XX decoded in place; false for a bad one. */
static bool unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        uint8_t byte = (uint8_t)*from;
        if (*from == '%') {
            char digits[3] = {from[1], from[1] ? from[2] : '\0', '\0'};
            for (char *d = digits; *d; d++)
                if (*d >= 'A' && *d <= 'F')
                    *d = (char)(*d - 'A' + 'a');
            if (!dd_hex_decode(digits, &byte, 1) || byte == 0)
                return false;
            from += 2;
        }
        *to++ = (char)byte;
    }
    *to = '\0';
    return true;
}

/* "user:password@", ":password@" or nothing before the host. */
static bool read_user(char **rest, dd_redis_address *ret)
{
    char *at = strrchr(*rest, '@');
    if (!at)
        return true;
    *at = '\0';
    char *colon = strchr(*rest, ':');
    if (colon)
        *colon = '\0';
    /* One word alone is the password, as redis-cli reads it. */
    const char *user = colon ? *rest : "", *password = colon ? colon + 1 : *rest;
    ret->username = *user ? dd_strdup(user) : NULL;
    ret->password = dd_strdup(password);
    *rest = at + 1;
    return (!ret->username || unescape(ret->username)) && unescape(ret->password);
}

static bool read_host(char *rest, dd_redis_address *ret)
{
    int64_t port = DEFAULT_PORT;
    char *slash = strchr(rest, '/');
    if (slash) {
        *slash = '\0';
        if (slash[1] &&
            (!dd_str_to_int(slash + 1, &ret->database) || ret->database < 0 || ret->database > 65535))
            return false;
    }
    char *host = rest, *colon = strrchr(rest, ':');
    char *bracket = *rest == '[' ? strchr(rest, ']') : NULL;
    if (bracket) { /* [::1]:6379 */
        *bracket = '\0';
        host = rest + 1;
        colon = bracket[1] == ':' ? bracket + 1 : NULL;
    }
    if (colon) {
        *colon = '\0';
        if (!dd_str_to_int(colon + 1, &port) || port < 1 || port > 65535)
            return false;
    }
    ret->host = dd_strdup(host);
    ret->port = (int)port;
    return *host != '\0';
}

int dd_redis_address_parse(const char *url, dd_redis_address *ret, dd_error **err)
{
    *ret = (dd_redis_address){0};
    if (dd_str_starts(url, "unix://") && url[7] == '/') {
        ret->path = dd_strdup(url + 7);
        return 0;
    }
    if (!dd_str_starts(url, "redis://")) {
        /* The address itself may hold a password, so it is not shown. */
        dd_fail(err, DD_ERR_INVALID, "redis.url is of a form that this version does not know");
        return dd_hint(err, "unix:///PATH or redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]");
    }
    dd_auto_str copy = dd_strdup(url + strlen("redis://"));
    char *rest = copy;
    if (!read_user(&rest, ret) || !read_host(rest, ret)) {
        dd_redis_address_done(ret);
        return dd_fail(err, DD_ERR_INVALID,
                       "redis.url is not redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]");
    }
    return 0;
}

size_t dd_redis_greeting(const dd_redis_address *address, dd_command *ret[2])
{
    size_t count = 0;
    if (address->password) {
        dd_command *auth = ret[count++] = dd_command_new("AUTH");
        if (address->username)
            dd_command_arg(auth, address->username);
        dd_command_arg(auth, address->password);
    }
    if (address->database) {
        dd_command *select = ret[count++] = dd_command_new("SELECT");
        dd_command_arg_int(select, address->database);
    }
    return count;
}
