/* The digest a tag has now, asked at the registry itself: what makes an unsigned notification safe to act on.
 * Requests: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 * Tokens: https://distribution.github.io/distribution/spec/auth/token/ */
#include "challenge.h"
#include "reach.h"

#include <curl/curl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEADLINE_MS      10000
#define REQUESTS_MAX     6 /* redirects and challenges together */
#define HEADER_MAX_BYTES ((size_t)64 * 1024)
#define BODY_MAX_BYTES   ((size_t)4 * 1024 * 1024) /* a manifest; the distribution spec's own limit */
#define TOKEN_MAX_BYTES  ((size_t)16 * 1024)

/* All four, always: with a shorter list some registries answer 404, or convert to an image with another
 * digest. */
static const char accept_header[] = "Accept: application/vnd.oci.image.index.v1+json, "
                                    "application/vnd.docker.distribution.manifest.list.v2+json, "
                                    "application/vnd.oci.image.manifest.v1+json, "
                                    "application/vnd.docker.distribution.manifest.v2+json";

/* One conversation with a registry; each request overwrites what the one before left. */
struct talk {
    CURL *curl;
    const dd_registry_settings *registry;
    const atomic_bool *stop;
    int64_t deadline_ms;
    char *origin;        /* "https://host:port", where the registry is */
    char *authorization; /* header line for the registry's origin alone; NULL: none */
    dd_reach reach;      /* of the registry itself */
    bool away;           /* this request goes to another origin */
    long status;
    size_t header_bytes;
    char *digest;
    bool digest_twice;
    dd_challenge challenge;
    bool challenge_bad;
    dd_buf body;
    char error[CURL_ERROR_SIZE];
};

static void talk_done(struct talk *talk)
{
    curl_easy_cleanup(talk->curl);
    free(talk->origin);
    free(talk->authorization);
    free(talk->digest);
    dd_challenge_done(&talk->challenge);
    dd_buf_done(&talk->body);
}

/* ---- What curl calls ---- */

static void forget_answer(struct talk *talk)
{
    free(dd_take(talk->digest));
    talk->digest_twice = false;
    dd_challenge_done(&talk->challenge);
    talk->challenge_bad = false;
}

/* The value when `line` is the header `name`; owned, trimmed. */
static char *header_value(const char *line, size_t length, const char *name)
{
    size_t skip = strlen(name);
    if (length <= skip || strncasecmp(line, name, skip) != 0 || line[skip] != ':')
        return NULL;
    line += skip + 1;
    length -= skip + 1;
    while (length > 0 && (line[0] == ' ' || line[0] == '\t')) {
        line++;
        length--;
    }
    while (length > 0 && strchr(" \t\r\n", line[length - 1]))
        length--;
    return dd_strndup(line, length);
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    struct talk *talk = context;
    size_t length = size * count;
    talk->header_bytes += length;
    if (talk->header_bytes > HEADER_MAX_BYTES)
        return 0;
    if (length > 5 && memcmp(line, "HTTP/", 5) == 0)
        forget_answer(talk); /* of an interim answer */
    char *digest = header_value(line, length, "Docker-Content-Digest");
    if (digest) {
        talk->digest_twice |= talk->digest != NULL;
        free(talk->digest);
        talk->digest = digest;
    }
    dd_auto_str challenge = header_value(line, length, "WWW-Authenticate");
    if (challenge && dd_challenge_read(challenge, &talk->challenge, NULL) < 0)
        talk->challenge_bad = true;
    return length;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct talk *talk = context;
    if (size * count > BODY_MAX_BYTES - talk->body.length)
        return 0;
    dd_buf_add(&talk->body, data, size * count);
    return size * count;
}

static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    const struct talk *talk = context;
    return talk->stop && atomic_load(talk->stop);
}

/* Where another origin was named, its address is judged as it is connected to: no name can point elsewhere
 * between. */
static curl_socket_t on_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    const struct talk *talk = context;
    dd_reach reach = dd_address_reach(&address->addr);
    if (talk->away && (reach == DD_REACH_NEVER || reach > talk->reach))
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- One request ---- */

static void set_options(struct talk *talk, const char *url, bool head, struct curl_slist *headers,
                        int64_t left_ms)
{
    CURL *curl = talk->curl;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, talk->registry->plain_http ? "http,https" : "https");
    curl_easy_setopt(curl, CURLOPT_NOBODY, head ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "drydock/" DRYDOCK_VERSION);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left_ms);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, talk->error);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, talk);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, talk);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, talk);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, talk);
    if (talk->registry->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, talk->registry->ca_file);
}

static int fail_curl(struct talk *talk, CURLcode code, dd_error **err)
{
    const char *why = *talk->error ? talk->error : curl_easy_strerror(code);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return dd_fail(err, DD_ERR_CANCELED, "asked to end");
    if (code == CURLE_WRITE_ERROR)
        return dd_fail(err, DD_ERR_LIMIT, "the registry's answer is too large");
    return dd_fail(err, DD_ERR_UNAVAILABLE, "%s", why);
}

/* Ask `url`; the answer is left in *talk. `authorization` is a whole header line, or NULL. */
static int ask(struct talk *talk, const char *url, bool head, const char *authorization, dd_error **err)
{
    int64_t left_ms = talk->deadline_ms - dd_monotonic_ms();
    if (left_ms < 1)
        return dd_fail(err, DD_ERR_UNAVAILABLE, "no answer within %d s", DEADLINE_MS / 1000);
    struct curl_slist *headers = curl_slist_append(NULL, accept_header);
    if (authorization)
        headers = curl_slist_append(headers, authorization);
    forget_answer(talk);
    dd_buf_clear(&talk->body);
    talk->header_bytes = 0;
    talk->error[0] = '\0';
    set_options(talk, url, head, headers, left_ms);
    CURLcode code = curl_easy_perform(talk->curl);
    curl_easy_getinfo(talk->curl, CURLINFO_RESPONSE_CODE, &talk->status);
    curl_slist_free_all(headers);
    return code == CURLE_OK ? 0 : fail_curl(talk, code, err);
}

/* ---- Origins ---- */

static void url_freep(CURLU **url)
{
    curl_url_cleanup(*url);
}

static char *url_part(CURLU *url, CURLUPart part, unsigned int flags)
{
    char *text = NULL;
    if (curl_url_get(url, part, &text, flags) != CURLUE_OK)
        return NULL;
    char *copy = dd_strdup(text);
    curl_free(text);
    return copy;
}

/* "scheme://host:port" in one spelling; NULL when a name or password stands in it or it is no URL. */
static char *origin_of(CURLU *url)
{
    dd_auto_str user = url_part(url, CURLUPART_USER, 0);
    dd_auto_str password = url_part(url, CURLUPART_PASSWORD, 0);
    dd_auto_str scheme = url_part(url, CURLUPART_SCHEME, 0);
    dd_auto_str host = url_part(url, CURLUPART_HOST, 0);
    dd_auto_str port = url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    if (user || password || !scheme || !host || !port)
        return NULL;
    char *origin = dd_sprintf("%s://%s:%s", scheme, host, port);
    for (char *c = origin; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return origin;
}

static char *origin_of_text(const char *text)
{
    __attribute__((cleanup(url_freep))) CURLU *url = curl_url();
    if (!text || curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
        return NULL;
    return origin_of(url);
}

/* Hosts that keep another registry's tokens. */
static bool is_token_host(const char *registry, const char *origin)
{
    static const struct known {
        const char *registry, *origin;
    } known[] = {
        {"docker.io", "https://auth.docker.io:443"},
        {"registry.gitlab.com", "https://gitlab.com:443"},
    };
    for (size_t i = 0; i < DD_COUNT(known); i++)
        if (dd_str_eq(known[i].registry, registry) && dd_str_eq(known[i].origin, origin))
            return true;
    return false;
}

/* ---- Credentials ---- */

static char *basic_line(const dd_registry_settings *registry)
{
    dd_auto_str pair = dd_sprintf("%s:%s", registry->username, registry->password ? registry->password : "");
    dd_auto_str coded = dd_base64_encode(pair, strlen(pair));
    return dd_sprintf("Authorization: Basic %s", coded);
}

/* The URL of the token, for pulling this repository and nothing more, whatever the challenge asks for. */
static int token_url(const dd_challenge *challenge, const char *repository, char **ret_url, char **ret_origin,
                     dd_error **err)
{
    __attribute__((cleanup(url_freep))) CURLU *url = curl_url();
    const unsigned int append = CURLU_APPENDQUERY | CURLU_URLENCODE;
    dd_auto_str scope = dd_sprintf("scope=repository:%s:pull", repository);
    dd_auto_str service = dd_sprintf("service=%s", challenge->service ? challenge->service : "");
    if (!challenge->realm || curl_url_set(url, CURLUPART_URL, challenge->realm, 0) != CURLUE_OK ||
        !(*ret_origin = origin_of(url)))
        return dd_fail(err, DD_ERR_DENIED, "the registry names no place where tokens are");
    curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
    if ((challenge->service && curl_url_set(url, CURLUPART_QUERY, service, append) != CURLUE_OK) ||
        curl_url_set(url, CURLUPART_QUERY, scope, append) != CURLUE_OK ||
        !(*ret_url = url_part(url, CURLUPART_URL, 0)))
        return dd_fail(err, DD_ERR_INTERNAL, "the token's address cannot be written");
    return 0;
}

static int token_member(const json_t *answer, const char *name, const char **ret, dd_error **err)
{
    const json_t *member = json_object_get(answer, name);
    *ret = json_string_value(member);
    if ((member && !json_is_null(member) && !*ret) || (*ret && strlen(*ret) > TOKEN_MAX_BYTES))
        return dd_fail(err, DD_ERR_INVALID, "the token's answer: '%s' is no text of at most %zu bytes", name,
                       TOKEN_MAX_BYTES);
    return 0;
}

static int read_token(const dd_buf *body, char **ret, dd_error **err)
{
    json_auto_t *answer =
        json_loadb(body->length ? body->data : "", body->length, JSON_REJECT_DUPLICATES, NULL);
    const char *token, *access_token;
    if (!json_is_object(answer))
        return dd_fail(err, DD_ERR_INVALID, "the token's answer is no JSON object");
    if (token_member(answer, "token", &token, err) < 0 ||
        token_member(answer, "access_token", &access_token, err) < 0)
        return -1;
    token = token ? token : access_token;
    if (!token || !dd_is_plain_word(token)) /* it becomes part of a header line */
        return dd_fail(err, DD_ERR_DENIED, "the token's answer holds no token");
    *ret = dd_sprintf("Authorization: Bearer %s", token);
    return 0;
}

/* The realm is the registry's word. At its own origin it gets the credentials; elsewhere only where that is
 * known to be right, and nobody at all without https. */
static int fetch_token(struct talk *talk, const char *repository, dd_error **err)
{
    dd_auto_str url = NULL;
    dd_auto_str origin = NULL;
    dd_auto_str line = NULL;
    if (token_url(&talk->challenge, repository, &url, &origin, err) < 0)
        return -1;
    bool own = dd_str_eq(origin, talk->origin);
    if (!own && !dd_str_starts(origin, "https://"))
        return dd_fail(err, DD_ERR_DENIED, "the registry asks for a token from %s, without https", origin);
    if (talk->registry->username && (own || is_token_host(talk->registry->host, origin)))
        line = basic_line(talk->registry);
    talk->away = !own;
    int result = ask(talk, url, false, line, err);
    talk->away = false;
    if (result < 0)
        return dd_context(err, "token from %s", origin);
    if (talk->status >= 500 || talk->status == 429)
        return dd_fail(err, DD_ERR_UNAVAILABLE, "token from %s: it answers %ld", origin, talk->status);
    if (talk->status != 200)
        return dd_fail(err, DD_ERR_DENIED, "token from %s: it answers %ld", origin, talk->status);
    return read_token(&talk->body, &talk->authorization, err);
}

/* Answer the registry's challenge, once. */
static int authorize(struct talk *talk, const char *repository, dd_error **err)
{
    const char *peer = NULL;
    if (talk->authorization)
        return dd_fail(err, DD_ERR_DENIED, "the registry refuses our credentials");
    if (talk->challenge.bearer) {
        curl_easy_getinfo(talk->curl, CURLINFO_PRIMARY_IP, &peer);
        talk->reach = dd_address_text_reach(peer);
        return fetch_token(talk, repository, err);
    }
    if (!talk->challenge.basic)
        return dd_fail(err, DD_ERR_DENIED, "the registry asks for credentials in a way that is not known%s",
                       talk->challenge_bad ? " (its header cannot be read)" : "");
    if (!talk->registry->username)
        return dd_fail(err, DD_ERR_DENIED, "the registry asks for a user name, and none is configured");
    talk->authorization = basic_line(talk->registry);
    return 0;
}

/* ---- The manifest ---- */

/* Follow within the registry's origin; its credentials go nowhere else. */
static int follow(const struct talk *talk, char **url, dd_error **err)
{
    char *to = NULL;
    curl_easy_getinfo(talk->curl, CURLINFO_REDIRECT_URL, &to);
    dd_auto_str origin = origin_of_text(to);
    if (!dd_str_eq(origin, talk->origin) || !origin)
        return dd_fail(err, DD_ERR_DENIED, "the registry sends us to another host, which is not followed");
    free(*url);
    *url = dd_strdup(to);
    return 0;
}

static bool is_redirect(long status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Ask until it is neither a redirect nor a challenge. */
static int ask_manifest(struct talk *talk, char **url, const char *repository, bool head, dd_error **err)
{
    for (int i = 0; i < REQUESTS_MAX; i++) {
        if (ask(talk, *url, head, talk->authorization, err) < 0)
            return -1;
        if (is_redirect(talk->status)) {
            if (follow(talk, url, err) < 0)
                return -1;
        } else if (talk->status == 401) {
            if (authorize(talk, repository, err) < 0)
                return -1;
        } else {
            return 0;
        }
    }
    return dd_fail(err, DD_ERR_UNAVAILABLE, "the registry redirects without end");
}

static int judge(long status, dd_error **err)
{
    switch (status) {
    case 200:
        return 0;
    case 403:
        return dd_fail(err, DD_ERR_DENIED, "the registry answers 403");
    case 404:
        return dd_fail(err, DD_ERR_NOT_FOUND, "the registry has no such tag, or does not show it to us");
    default:
        return dd_fail(err, DD_ERR_UNAVAILABLE, "the registry answers %ld", status);
    }
}

static int take_digest(const struct talk *talk, char **ret, dd_error **err)
{
    if (talk->digest_twice || !dd_digest_is_valid(talk->digest))
        return dd_fail(err, DD_ERR_INVALID, "the registry answers with no valid digest");
    *ret = dd_strdup(talk->digest);
    return 0;
}

static int find_digest(struct talk *talk, const char *repository, const char *tag, char **ret, dd_error **err)
{
    char hex[DD_SHA256_HEX];
    dd_auto_str url = dd_sprintf("%s/v2/%s/manifests/%s", talk->origin, repository, tag);
    if (ask_manifest(talk, &url, repository, true, err) < 0 || judge(talk->status, err) < 0)
        return -1;
    if (talk->digest)
        return take_digest(talk, ret, err);
    /* Older registries leave it out of the answer: it is what the bytes hash to. */
    if (ask_manifest(talk, &url, repository, false, err) < 0 || judge(talk->status, err) < 0)
        return -1;
    if (talk->digest)
        return take_digest(talk, ret, err);
    dd_sha256_hex(talk->body.data ? talk->body.data : "", talk->body.length, hex);
    *ret = dd_sprintf("sha256:%s", hex);
    return 0;
}

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void start_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

int dd_registry_digest_until(const dd_registry_settings *registry, const char *repository, const char *tag,
                             const atomic_bool *stop, char **ret, dd_error **err)
{
    if (!dd_repository_is_valid(repository) || !dd_tag_is_valid(tag))
        return dd_fail(err, DD_ERR_INVALID, "no image has such a name");
    pthread_once(&curl_once, start_curl);
    /* Docker Hub's images are at another host than their names say. */
    const char *host = dd_str_eq(registry->host, "docker.io") ? "registry-1.docker.io" : registry->host;
    dd_auto_str place = dd_sprintf("%s://%s/", registry->plain_http ? "http" : "https", host);
    struct talk talk = {.curl = curl_easy_init(), .registry = registry, .stop = stop};
    talk.deadline_ms = dd_monotonic_ms() + DEADLINE_MS;
    talk.origin = origin_of_text(place);
    int result = talk.origin ? find_digest(&talk, repository, tag, ret, err)
                             : dd_fail(err, DD_ERR_INVALID, "no registry has such a name");
    talk_done(&talk);
    return result < 0 ? dd_context(err, "%s/%s:%s", registry->host, repository, tag) : 0;
}

int dd_registry_digest(const dd_registry_settings *registry, const char *repository, const char *tag,
                       char **ret, dd_error **err)
{
    return dd_registry_digest_until(registry, repository, tag, NULL, ret, err);
}
