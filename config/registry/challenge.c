/* A small parser for WWW-Authenticate: scheme, then name=value pairs by commas, then perhaps the next scheme.
 */
#include "challenge.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void dd_challenge_done(dd_challenge *challenge)
{
    free(challenge->realm);
    free(challenge->service);
    *challenge = (dd_challenge){0};
}

static size_t token_length(const char *text)
{
    return strspn(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

static const char *skip_commas(const char *at)
{
    return at + strspn(at, " \t,");
}

/* A quoted string or a token; NULL when it is neither. */
static const char *read_value(const char *at, dd_buf *ret)
{
    if (*at != '"') {
        /* Wider than a token: values like "a/b:c=" are seen unquoted. */
        size_t length = strcspn(at, " \t,\"");
        dd_buf_add(ret, at, length);
        return length > 0 ? at + length : NULL;
    }
    for (at++; *at != '"'; at++) {
        if (*at == '\\')
            at++;
        if (*at == '\0')
            return NULL;
        dd_buf_add_char(ret, *at);
    }
    return at + 1;
}

static void take_parameter(const char *name, size_t length, dd_buf *value, char **realm, char **service)
{
    char **to = length == 5 && strncasecmp(name, "realm", 5) == 0     ? realm
                : length == 7 && strncasecmp(name, "service", 7) == 0 ? service
                                                                      : NULL;
    if (to && !*to)
        *to = dd_buf_steal(value);
}

/* The parameters of one challenge; returns where they end, NULL on another form. */
static const char *read_parameters(const char *at, char **realm, char **service)
{
    for (;;) {
        const char *name = skip_commas(at);
        size_t length = token_length(name);
        const char *equals = skip_blanks(name + length);
        if (length == 0 || *equals != '=')
            return name; /* the end, or the next scheme */
        dd_auto(dd_buf) value = dd_buf_new();
        at = read_value(skip_blanks(equals + 1), value);
        if (!at)
            return NULL;
        take_parameter(name, length, value, realm, service);
    }
}

int dd_challenge_read(const char *value, dd_challenge *challenge, dd_error **err)
{
    const char *at = skip_commas(value);
    while (at && *at) {
        const char *scheme = at;
        size_t length = token_length(scheme);
        bool bearer = length == 6 && strncasecmp(scheme, "Bearer", 6) == 0;
        bool basic = length == 5 && strncasecmp(scheme, "Basic", 5) == 0;
        dd_auto_str realm = NULL;
        dd_auto_str service = NULL;
        at = length > 0 ? read_parameters(scheme + length, &realm, &service) : NULL;
        challenge->basic |= at && basic;
        if (at && bearer && !challenge->bearer) {
            challenge->bearer = true;
            challenge->realm = dd_take(realm);
            challenge->service = dd_take(service);
        }
    }
    if (!at)
        return dd_fail(err, DD_ERR_INVALID, "a WWW-Authenticate header of another form");
    return 0;
}
