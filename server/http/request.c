/* Requests: their parts, and the target taken apart. */
#include "http_private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define QUERY_PAIRS_MAX 100

/* ---- The query ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Owned; NULL where a % has no two digits behind it, or stands for NUL, which no text of ours can hold. */
static char *decode(const char *text, size_t length)
{
    char *ret = dd_strndup(text, length), *to = ret;
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '%') {
            *to++ = text[i] == '+' ? ' ' : text[i];
            continue;
        }
        int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low < 0 || high * 16 + low == 0) {
            free(ret);
            return NULL;
        }
        *to++ = (char)(high * 16 + low);
        i += 2;
    }
    *to = '\0';
    return ret;
}

static bool decode_pair(const char *text, size_t length, dd_http_pair *ret)
{
    const char *equals = memchr(text, '=', length);
    size_t name = equals ? (size_t)(equals - text) : length;
    *ret = (dd_http_pair){.name = decode(text, name),
                          .value = equals ? decode(equals + 1, length - name - 1) : dd_strdup("")};
    if (ret->name && ret->value && *ret->name)
        return true;
    free(ret->name);
    free(ret->value);
    return false;
}

void dd_http_query_parse(const char *text, dd_http_pair **ret, size_t *ret_count)
{
    *ret = dd_calloc(QUERY_PAIRS_MAX, sizeof(**ret));
    *ret_count = 0;
    while (*text && *ret_count < QUERY_PAIRS_MAX) {
        size_t length = strcspn(text, "&");
        *ret_count += decode_pair(text, length, *ret + *ret_count);
        text += length + (text[length] == '&');
    }
}

void dd_http_query_free(dd_http_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(pairs[i].name);
        free(pairs[i].value);
    }
    free(pairs);
}

/* ---- Requests ---- */

dd_http_request *dd_http_request_new(const dd_http_limits *limits)
{
    dd_http_request *request = dd_new(dd_http_request);
    request->body_max_bytes = limits->body_max_bytes;
    return request;
}

void dd_http_request_free(dd_http_request *request, const dd_http_limits *limits)
{
    if (!request)
        return;
    atomic_fetch_sub_explicit(limits->memory, request->body.length, memory_order_relaxed);
    dd_buf_done(&request->body);
    for (size_t i = 0; i < request->header_count; i++) {
        free(request->headers[i].name);
        free(request->headers[i].value);
    }
    free(request->headers);
    dd_http_query_free(request->query, request->query_count);
    free(request->path);
    free(request);
}

bool dd_http_request_target(dd_http_request *request, enum http_method method, const char *target)
{
    struct http_parser_url url;
    size_t length = strlen(target);
    request->method = method;
    /* "OPTIONS *" asks about the server as a whole. */
    if (strcmp(target, "*") == 0) {
        request->path = dd_strdup("*");
        return method == HTTP_OPTIONS;
    }
    http_parser_url_init(&url);
    if (http_parser_parse_url(target, length, 0, &url) != 0 || !(url.field_set & (1U << UF_PATH)))
        return false;
    request->path = dd_strndup(target + url.field_data[UF_PATH].off, url.field_data[UF_PATH].len);
    if (url.field_set & (1U << UF_QUERY)) {
        dd_auto_str query = dd_strndup(target + url.field_data[UF_QUERY].off, url.field_data[UF_QUERY].len);
        dd_http_query_parse(query, &request->query, &request->query_count);
    }
    return true;
}

const char *dd_http_header(const dd_http_request *request, const char *name)
{
    const char *found = NULL;
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, name) != 0)
            continue;
        if (found)
            return NULL;
        found = request->headers[i].value;
    }
    return found;
}

const char *dd_http_query(const dd_http_request *request, const char *name)
{
    for (size_t i = 0; i < request->query_count; i++)
        if (strcmp(request->query[i].name, name) == 0)
            return request->query[i].value;
    return NULL;
}
