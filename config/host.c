/* Hosts and inner paths: the grammar that image references, repository addresses and settings share. */
#include "host.h"
#include "reference.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX_BYTES 255
#define PATH_MAX_BYTES 1024

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static void lower(char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
}

static bool labels_are_valid(const char *text, size_t length)
{
    size_t start = 0;

    for (size_t i = 0; i <= length; i++) {
        if (i < length && text[i] != '.') {
            if (!is_letter_or_digit(text[i]) && text[i] != '-' && text[i] != '_')
                return false;
            continue;
        }
        if (i == start || text[start] == '-' || text[i - 1] == '-')
            return false;
        start = i + 1;
    }
    return true;
}

/* "[…]" with hexadecimal digits, colons and dots (mapped IPv4) inside. The resolver has the last word. */
static bool bracket_is_valid(const char *text, size_t length)
{
    static const char allowed[] = "0123456789abcdefABCDEF:.";

    if (length < 4 || text[length - 1] != ']' || !memchr(text, ':', length))
        return false;
    for (size_t i = 1; i < length - 1; i++)
        if (!memchr(allowed, text[i], sizeof(allowed) - 1))
            return false;
    return true;
}

/* Digits of a port without leading zeros: one spelling for one port. Returns 0 when it is none. */
static int read_port(const char *text, size_t length)
{
    int port = 0;

    if (length < 1 || length > 5 || text[0] == '0')
        return 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        port = port * 10 + (text[i] - '0');
    }
    return port <= 65535 ? port : 0;
}

char *dd_host_normalise(const char *text, size_t length, int drop_port)
{
    bool bracket = length > 0 && text[0] == '[';
    const char *end = bracket ? memchr(text, ']', length) : memchr(text, ':', length);
    size_t host = end ? (size_t)(end - text) + (bracket ? 1 : 0) : length;
    int port = 0;
    char *ret;

    if (host > HOST_MAX_BYTES || !(bracket ? bracket_is_valid(text, host) : labels_are_valid(text, host)))
        return NULL;
    if (host < length) {
        if (text[host] != ':')
            return NULL;
        port = read_port(text + host + 1, length - host - 1);
        if (port == 0)
            return NULL;
    }
    ret = port != 0 && port != drop_port ? dd_sprintf("%.*s:%d", (int)host, text, port)
                                         : dd_strndup(text, host);
    lower(ret);
    return ret;
}

char *dd_registry_host_normalise(const char *text, size_t length)
{
    static const char *const hub[] = {"docker.io", "index.docker.io", "registry-1.docker.io",
                                      "registry.hub.docker.com"};
    char *host = dd_host_normalise(text, length, 0);

    for (size_t i = 0; host && i < DD_COUNT(hub); i++)
        if (dd_str_eq(host, hub[i])) {
            free(host);
            return dd_strdup("docker.io");
        }
    return host;
}

char *dd_registry_prefix_normalise(const char *text)
{
    size_t length = strcspn(text, "/");
    dd_auto_str host = dd_registry_host_normalise(text, length);

    if (!host)
        return NULL;
    if (text[length] == '\0')
        return dd_take(host);
    return dd_repository_is_valid(text + length + 1) ? dd_sprintf("%s%s", host, text + length) : NULL;
}

static bool component_equals(const char *component, size_t length, const char *word)
{
    return length == strlen(word) && strncasecmp(component, word, length) == 0;
}

char *dd_inner_path_normalise(const char *text)
{
    dd_buf path = {0};
    bool valid = strlen(text) <= PATH_MAX_BYTES;

    for (const char *c = text; *c && valid; c++)
        valid = (unsigned char)*c >= 0x20 && *c != 0x7f && *c != '\\';
    while (*text && valid) {
        size_t length = strcspn(text, "/");

        if (component_equals(text, length, "..") || component_equals(text, length, ".git")) {
            valid = false;
        } else if (length > 0 && !component_equals(text, length, ".")) {
            if (path.length > 0)
                dd_buf_add_char(&path, '/');
            dd_buf_add(&path, text, length);
        }
        text += length + (text[length] == '/' ? 1 : 0);
    }
    if (path.length > 0 && path.data[0] == '-')
        valid = false;
    if (!valid) {
        dd_buf_done(&path);
        return NULL;
    }
    return dd_buf_steal(&path);
}
