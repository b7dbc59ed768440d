/* URLs, taken apart and put together as Go's net/url does. Sprig 2.22, its behaviour. */
#include "runner/lang/functions/functions.h"
#include <ctype.h>
#include <string.h>

/* The parts of a URL that have rules of their own for what stands as it is. */
typedef enum url_part { PATH, HOST, ZONE, USER, FRAGMENT } url_part;

typedef struct url {
    dd_text scheme, opaque, host, path, query, fragment; /* decoded, but opaque and query */
    dd_text user, password;
    bool has_user, has_password;
} url;

static const char *const wrong_escape = "invalid URL escape", *const wrong_host =
                                                                  "invalid character in host name";

/* ---- Escapes ---- */

static bool is_plain(unsigned char c, url_part part)
{
    static const char *const plain[] = {
        [PATH] = "-_.~$&+,/:;=@", [HOST] = "-_.~!$&'()*+,;=:[]<>\"", [ZONE] = "-_.~!$&'()*+,;=:[]<>\"",
        [USER] = "-_.~$&+,;=",    [FRAGMENT] = "-_.~$&+,/:;=?@!()*",
    };

    return c < 0x80 && c && (isalnum(c) || strchr(plain[part], c));
}

static void escape(dd_buf *into, dd_text text, url_part part)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (is_plain(c, part))
            dd_buf_add_char(into, (char)c);
        else
            dd_buf_printf(into, "%%%02X", c);
    }
}

static int hex_value(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower(c) - 'a' + 10 : -1;
}

/* A host may have escapes only beyond ASCII, a zone those of what may stand there anyway; "%25" both. */
static bool may_be_escaped(unsigned char c, url_part part)
{
    return c == '%' || (part != HOST && part != ZONE) || (part == HOST && c >= 0x80) ||
           (part == ZONE && (c == ' ' || is_plain(c, HOST)));
}

static int unescape(dd_evaluation *e, dd_text text, url_part part, dd_text *ret)
{
    char *into = dd_arena_alloc(dd_evaluation_arena(e), text.length + 1);
    size_t length = 0;

    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c == '%') {
            int high = i + 2 < text.length ? hex_value(text.data[i + 1]) : -1;
            int low = high < 0 ? -1 : hex_value(text.data[i + 2]);

            if (low < 0 || !may_be_escaped((unsigned char)(high << 4 | low), part))
                return dd_evaluation_fail(e, "%s", wrong_escape);
            c = (unsigned char)(high << 4 | low);
            i += 2;
        } else if ((part == HOST || part == ZONE) && c < 0x80 && !is_plain(c, part)) {
            return dd_evaluation_fail(e, "%s", wrong_host);
        }
        into[length++] = (char)c;
    }
    *ret = (dd_text){into, length};
    return 0;
}

/* ---- Apart ---- */

/* What stands before the mark; *rest is what stands behind it, empty when there is none. */
static dd_text cut(dd_text text, char mark, dd_text *rest)
{
    const char *at = text.length ? memchr(text.data, mark, text.length) : NULL;
    size_t length = at ? (size_t)(at - text.data) : text.length;

    *rest = dd_text_skip(text, at ? length + 1 : length);
    return (dd_text){text.data, length};
}

static bool has_byte(dd_text text, char c)
{
    return text.length && memchr(text.data, c, text.length);
}

/* "" or ":" and digits. */
static bool is_port(dd_text text)
{
    if (text.length && *text.data != ':')
        return false;
    for (size_t i = 1; i < text.length; i++)
        if (!isdigit((unsigned char)text.data[i]))
            return false;
    return true;
}

/* From the last such byte on, or nothing. */
static dd_text from_last(dd_text text, char c)
{
    const char *at = text.length ? memrchr(text.data, c, text.length) : NULL;

    return at ? dd_text_skip(text, (size_t)(at - text.data)) : (dd_text){"", 0};
}

/* "[fe80::1%25zone]:80": the zone has rules of its own. */
static int parse_bracketed(dd_evaluation *e, dd_text host, url *into)
{
    dd_text end = from_last(host, ']'), address = {host.data, host.length - end.length};
    const char *zone = dd_text_find(address, dd_text_of("%25"));
    dd_text parts[3], before = zone ? (dd_text){host.data, (size_t)(zone - host.data)} : address;
    dd_buf whole = {0};
    dd_value value = dd_value_nil();

    if (!end.length)
        return dd_evaluation_fail(e, "missing ']' in host");
    if (!is_port(dd_text_skip(end, 1)))
        return dd_evaluation_fail(e, "invalid port after host");
    if (unescape(e, before, HOST, &parts[0]) < 0 ||
        unescape(e, dd_text_skip(address, before.length), zone ? ZONE : HOST, &parts[1]) < 0 ||
        unescape(e, end, HOST, &parts[2]) < 0)
        return -1;
    for (size_t i = 0; i < DD_COUNT(parts); i++)
        dd_buf_add(&whole, parts[i].data, parts[i].length);
    if (dd_give_buf(e, &whole, &value) < 0)
        return -1;
    into->host = value.text;
    return 0;
}

static int parse_host(dd_evaluation *e, dd_text host, url *into)
{
    if (host.length && *host.data == '[')
        return parse_bracketed(e, host, into);
    if (!is_port(from_last(host, ':')))
        return dd_evaluation_fail(e, "invalid port after host");
    return unescape(e, host, HOST, &into->host);
}

static int parse_user(dd_evaluation *e, dd_text text, url *into)
{
    dd_text password;

    for (size_t i = 0; i < text.length; i++)
        if (!isalnum((unsigned char)text.data[i]) &&
            (!text.data[i] || !strchr("-._:~!$&'()*+,;=%@", text.data[i])))
            return dd_evaluation_fail(e, "invalid user information");
    into->has_user = true;
    into->has_password = has_byte(text, ':');
    text = cut(text, ':', &password);
    return unescape(e, text, USER, &into->user) < 0 ? -1 : unescape(e, password, USER, &into->password);
}

static int parse_authority(dd_evaluation *e, dd_text text, url *into)
{
    dd_text host = from_last(text, '@');

    if (!host.length)
        return parse_host(e, text, into);
    return parse_host(e, dd_text_skip(host, 1), into) < 0
               ? -1
               : parse_user(e, (dd_text){text.data, text.length - host.length}, into);
}

/* "https:" and the rest; a text that begins otherwise has no scheme. */
static int parse_scheme(dd_evaluation *e, dd_text *text, url *into)
{
    size_t length = 0;
    char *lower;

    while (length < text->length &&
           (isalpha((unsigned char)text->data[length]) ||
            (length && (isdigit((unsigned char)text->data[length]) || strchr("+-.", text->data[length])))))
        length++;
    if (length == text->length || text->data[length] != ':')
        return 0;
    if (length == 0)
        return dd_evaluation_fail(e, "missing protocol scheme");
    lower = dd_arena_copy(dd_evaluation_arena(e), text->data, length);
    for (size_t i = 0; i < length; i++)
        lower[i] = (char)tolower((unsigned char)lower[i]);
    into->scheme = (dd_text){lower, length};
    *text = dd_text_skip(*text, length + 1);
    return 0;
}

static int parse_hierarchy(dd_evaluation *e, dd_text rest, url *into)
{
    dd_text segment, behind;
    bool rooted = dd_text_starts(rest, dd_text_of("/"));

    segment = cut(rest, '/', &behind);
    if (!rooted && into->scheme.length) {
        into->opaque = rest;
        return 0;
    }
    if (!rooted && has_byte(segment, ':'))
        return dd_evaluation_fail(e, "the first path segment in a URL cannot contain a colon");
    if (dd_text_starts(rest, dd_text_of("//")) &&
        (into->scheme.length || !dd_text_starts(rest, dd_text_of("///")))) {
        dd_text authority = cut(dd_text_skip(rest, 2), '/', &behind);

        rest = dd_text_skip(rest, 2 + authority.length);
        if (parse_authority(e, authority, into) < 0)
            return -1;
    }
    return unescape(e, rest, PATH, &into->path);
}

static int parse(dd_evaluation *e, dd_text text, url *into)
{
    dd_text fragment, rest = cut(text, '#', &fragment);
    static const dd_text nothing = {"", 0};

    *into = (url){nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, false, false};
    for (size_t i = 0; i < rest.length; i++)
        if ((unsigned char)rest.data[i] < ' ' || rest.data[i] == 0x7f)
            return dd_evaluation_fail(e, "invalid control character in URL");
    if (dd_text_is(rest, "*")) {
        into->path = rest;
    } else {
        if (parse_scheme(e, &rest, into) < 0)
            return -1;
        rest = cut(rest, '?', &into->query);
        if (parse_hierarchy(e, rest, into) < 0)
            return -1;
    }
    return unescape(e, fragment, FRAGMENT, &into->fragment);
}

/* The host without its port and brackets. */
static dd_text host_name(dd_text host)
{
    dd_text port = from_last(host, ':');

    if (is_port(port))
        host.length -= port.length;
    if (host.length > 1 && *host.data == '[' && host.data[host.length - 1] == ']')
        host = (dd_text){host.data + 1, host.length - 2};
    return host;
}

static void add_user(dd_buf *into, const url *from)
{
    escape(into, from->user, USER);
    if (from->has_password) {
        dd_buf_add_char(into, ':');
        escape(into, from->password, USER);
    }
}

CALL(urlParse)
{
    url parsed;
    dd_buf user = {0};
    dd_value user_info = dd_value_nil();

    if (parse(e, arguments[0].text, &parsed) < 0)
        return -1;
    if (parsed.has_user)
        add_user(&user, &parsed);
    if (dd_give_buf(e, &user, &user_info) < 0)
        return -1;
    *ret = dd_value_map(dd_map_new(dd_evaluation_arena(e)));
    {
        const struct {
            const char *key;
            dd_text value;
        } members[] = {
            {"scheme", parsed.scheme},    {"host", parsed.host},         {"hostname", host_name(parsed.host)},
            {"path", parsed.path},        {"query", parsed.query},       {"opaque", parsed.opaque},
            {"userinfo", user_info.text}, {"fragment", parsed.fragment},
        };

        for (size_t i = 0; i < DD_COUNT(members); i++)
            dd_map_put(dd_evaluation_arena(e), ret->map, dd_text_of(members[i].key),
                       dd_value_text(members[i].value));
    }
    return 0;
}

/* ---- Together ---- */

static int member(dd_evaluation *e, const dd_map *map, const char *key, dd_text *ret)
{
    const dd_value *found = dd_map_get(map, dd_text_of(key));

    *ret = found && found->kind == DD_VALUE_STRING ? found->text : (dd_text){"", 0};
    if (found && found->kind != DD_VALUE_STRING)
        return dd_evaluation_fail(e, "\"%s\" must be a string, not a value of type %s", key,
                                  dd_value_type_name(found));
    return 0;
}

static int members(dd_evaluation *e, const dd_map *map, url *into)
{
    const struct {
        const char *key;
        dd_text *ret;
    } wanted[] = {{"scheme", &into->scheme}, {"host", &into->host},     {"path", &into->path},
                  {"query", &into->query},   {"opaque", &into->opaque}, {"fragment", &into->fragment}};

    for (size_t i = 0; i < DD_COUNT(wanted); i++)
        if (member(e, map, wanted[i].key, wanted[i].ret) < 0)
            return -1;
    return 0;
}

/* Sprig reads it as the user of a URL, so a '/' in it ends it. */
static int user_of(dd_evaluation *e, const dd_map *map, url *into)
{
    dd_buf text = {0};
    dd_text user;
    dd_value whole = dd_value_nil();
    url parsed;

    if (member(e, map, "userinfo", &user) < 0)
        return -1;
    if (!user.length)
        return 0;
    dd_buf_add_str(&text, "proto://");
    dd_buf_add(&text, user.data, user.length);
    dd_buf_add_str(&text, "@host");
    if (dd_give_buf(e, &text, &whole) < 0 || parse(e, whole.text, &parsed) < 0)
        return -1;
    into->has_user = parsed.has_user;
    into->has_password = parsed.has_password;
    into->user = parsed.user;
    into->password = parsed.password;
    return 0;
}

static void add_hierarchy(dd_buf *into, const url *from)
{
    dd_text segment, behind;

    if (from->host.length || from->has_user || (from->scheme.length && from->path.length))
        dd_buf_add_str(into, "//");
    if (from->has_user) {
        add_user(into, from);
        dd_buf_add_char(into, '@');
    }
    escape(into, from->host, HOST);
    if (from->path.length && *from->path.data != '/' && from->host.length)
        dd_buf_add_char(into, '/');
    segment = cut(from->path, '/', &behind);
    if (!into->length && has_byte(segment, ':'))
        dd_buf_add_str(into, "./");
    if (dd_text_is(from->path, "*"))
        dd_buf_add_char(into, '*');
    else
        escape(into, from->path, PATH);
}

CALL(urlJoin)
{
    url from = {0};
    dd_buf into = {0};

    if (members(e, arguments[0].map, &from) < 0 || user_of(e, arguments[0].map, &from) < 0)
        return -1;
    if (from.scheme.length) {
        dd_buf_add(&into, from.scheme.data, from.scheme.length);
        dd_buf_add_char(&into, ':');
    }
    if (from.opaque.length)
        dd_buf_add(&into, from.opaque.data, from.opaque.length);
    else
        add_hierarchy(&into, &from);
    if (from.query.length) {
        dd_buf_add_char(&into, '?');
        dd_buf_add(&into, from.query.data, from.query.length);
    }
    if (from.fragment.length) {
        dd_buf_add_char(&into, '#');
        escape(&into, from.fragment, FRAGMENT);
    }
    return dd_give_buf(e, &into, ret);
}

static const dd_function rows[] = {
    {"urlParse", "s", call_urlParse},
    {"urlJoin", "m", call_urlJoin},
};
const dd_function_family dd_functions_urls = DD_FAMILY("urls", rows);
