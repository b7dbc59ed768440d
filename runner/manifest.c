/* The registry's digest of a tag.
 *
 * The engine's store cannot tell: an image that was built here and pulled again has several digests under
 * each of its names, and no record which one the registry has. So it is asked: HEAD of the manifest, with a
 * token where the registry wants one. Rules: distribution spec, "Checking if content exists"; distribution's
 * token spec. */
#include "manifest.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ANSWER_MAX_BYTES (1024 * 1024)
#define HEADER_MAX_BYTES 8192
#define TIMEOUT_S        20L

static const char *const accepted[] = {
    "Accept: application/vnd.oci.image.index.v1+json",
    "Accept: application/vnd.docker.distribution.manifest.list.v2+json",
    "Accept: application/vnd.oci.image.manifest.v1+json",
    "Accept: application/vnd.docker.distribution.manifest.v2+json",
};

struct answer {
    long status;
    char *digest, *challenge;
    dd_buf body;
};

static void answer_done(struct answer *answer)
{
    free(answer->digest);
    free(answer->challenge);
    dd_buf_done(&answer->body);
}

static void take_header(const char *line, size_t length, const char *name, char **ret)
{
    size_t name_length = strlen(name);
    const char *end = line + length;

    if (length <= name_length || strncasecmp(line, name, name_length) != 0)
        return;
    line += name_length;
    while (line < end && (*line == ' ' || *line == '\t'))
        line++;
    while (end > line && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    free(*ret);
    *ret = dd_strndup(line, (size_t)(end - line));
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
    struct answer *answer = context;

    if (size * count > HEADER_MAX_BYTES)
        return 0;
    take_header(data, size * count, "Docker-Content-Digest:", &answer->digest);
    take_header(data, size * count, "WWW-Authenticate:", &answer->challenge);
    return size * count;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct answer *answer = context;

    if (answer->body.length + size * count > ANSWER_MAX_BYTES)
        return 0;
    dd_buf_add(&answer->body, data, size * count);
    return size * count;
}

struct request {
    const char *url;
    bool head, secure;
    const char *username, *password, *token;
    const char *ca_file;
};

static int perform(CURL *curl, const struct request *request, struct answer *ret, dd_error **err)
{
    struct curl_slist *headers = NULL;
    CURLcode code;

    for (size_t i = 0; i < DD_COUNT(accepted) && request->head; i++)
        headers = curl_slist_append(headers, accepted[i]);
    if (request->token) {
        dd_auto_str bearer = dd_sprintf("Authorization: Bearer %s", request->token);
        headers = curl_slist_append(headers, bearer);
    }
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, request->secure ? "https" : "http,https");
    curl_easy_setopt(curl, CURLOPT_NOBODY, request->head ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "drydock/" DRYDOCK_VERSION);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, ret);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret);
    if (request->username && request->password) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERNAME, request->username);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, request->password);
    }
    if (request->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca_file);
    code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret->status);
    curl_slist_free_all(headers);
    if (code != CURLE_OK)
        return dd_fail(err, DD_ERR_UNAVAILABLE, "%s", curl_easy_strerror(code));
    return 0;
}

/* The quoted value of `name` in a challenge's parameters; owned, NULL when absent. */
static char *challenge_value(const char *parameters, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = parameters; (at = strstr(at, name)); at += length) {
        bool whole = at == parameters || at[-1] == ' ' || at[-1] == ',';
        if (whole && at[length] == '=' && at[length + 1] == '"') {
            const char *value = at + length + 2;
            return dd_strndup(value, strcspn(value, "\""));
        }
    }
    return NULL;
}

static void add_parameter(dd_buf *url, const char *name, const char *value)
{
    char *escaped;

    if (!value)
        return;
    escaped = curl_easy_escape(NULL, value, 0);
    dd_buf_printf(url, "%c%s=%s", strchr(url->data, '?') ? '&' : '?', name, escaped ? escaped : "");
    curl_free(escaped);
}

bool dd_manifest_token_url(const char *challenge, bool secure, char **ret)
{
    dd_buf url = {0};

    if (!challenge || strncasecmp(challenge, "Bearer ", 7) != 0)
        return false;
    dd_auto_str realm = challenge_value(challenge + 7, "realm");
    dd_auto_str service = challenge_value(challenge + 7, "service");
    dd_auto_str scope = challenge_value(challenge + 7, "scope");
    if (!realm ||
        (strncasecmp(realm, "https://", 8) != 0 && (secure || strncasecmp(realm, "http://", 7) != 0)))
        return false;
    dd_buf_add_str(&url, realm);
    add_parameter(&url, "service", service);
    add_parameter(&url, "scope", scope);
    *ret = dd_buf_steal(&url);
    return true;
}

static int read_token(const dd_buf *body, char **ret, dd_error **err)
{
    json_t *json = json_loadb(body->data ? body->data : "", body->length, 0, NULL);
    const char *token = json_string_value(json_object_get(json, "token"));

    if (!token)
        token = json_string_value(json_object_get(json, "access_token"));
    *ret = dd_strdup(token);
    json_decref(json);
    return *ret ? 0 : dd_fail(err, DD_ERR_DENIED, "the registry's token service gave no token");
}

static int fetch_token(CURL *curl, const char *url, struct request request, char **ret, dd_error **err)
{
    struct answer answer = {0};
    int result;

    request.url = url;
    request.head = false;
    result = perform(curl, &request, &answer, err);
    if (result == 0 && answer.status != 200)
        result = dd_fail(err, DD_ERR_DENIED, "the registry's token service answered %ld", answer.status);
    if (result == 0)
        result = read_token(&answer.body, ret, err);
    answer_done(&answer);
    return result;
}

static int read_answer(struct answer *answer, char **ret, dd_error **err)
{
    if (answer->status == 401 || answer->status == 403)
        return dd_fail(err, DD_ERR_DENIED, "the registry answered %ld", answer->status);
    if (answer->status == 404)
        return dd_fail(err, DD_ERR_NOT_FOUND, "the registry does not have it");
    if (answer->status != 200)
        return dd_fail(err, DD_ERR_UNAVAILABLE, "the registry answered %ld", answer->status);
    if (!answer->digest || !dd_digest_is_valid(answer->digest))
        return dd_fail(err, DD_ERR_UNAVAILABLE, "the registry gave no digest");
    *ret = dd_take(answer->digest);
    return 0;
}

static int ask(CURL *curl, struct request request, char **ret, dd_error **err)
{
    struct answer answer = {0};
    struct request anonymous = request;
    dd_auto_str url = NULL;
    dd_auto_str token = NULL;
    int result;

    anonymous.username = anonymous.password = NULL;
    result = perform(curl, &anonymous, &answer, err);
    if (result == 0 && answer.status == 401) {
        if (dd_manifest_token_url(answer.challenge, request.secure, &url)) {
            result = fetch_token(curl, url, request, &token, err);
            anonymous.token = token;
        } else {
            anonymous = request;
        }
        answer_done(&answer);
        answer = (struct answer){0};
        if (result == 0)
            result = perform(curl, &anonymous, &answer, err);
    }
    if (result == 0)
        result = read_answer(&answer, ret, err);
    answer_done(&answer);
    return result;
}

static bool is_loopback(const char *host)
{
    return dd_str_starts(host, "127.") || dd_str_eq(host, "localhost") || dd_str_starts(host, "localhost:");
}

static int ask_over(const dd_reference *reference, const dd_login *login, const char *scheme, char **ret,
                    dd_error **err)
{
    bool hub = dd_str_eq(reference->registry, "docker.io");
    dd_auto_str url =
        dd_sprintf("%s://%s/v2/%s/manifests/%s", scheme, hub ? "registry-1.docker.io" : reference->registry,
                   reference->repository, reference->tag ? reference->tag : reference->digest);
    struct request request = {.url = url,
                              .head = true,
                              .secure = dd_str_eq(scheme, "https"),
                              .username = login ? login->username : NULL,
                              .password = login ? login->password : NULL,
                              .ca_file = login ? login->ca_file : NULL};
    CURL *curl = curl_easy_init();
    int result;

    if (!curl)
        return dd_fail(err, DD_ERR_INTERNAL, "libcurl cannot be set up");
    result = ask(curl, request, ret, err);
    curl_easy_cleanup(curl);
    return result < 0 ? dd_context(err, "%s", reference->text) : 0;
}

int dd_manifest_digest(const dd_reference *reference, const dd_login *login, char **ret, dd_error **err)
{
    dd_error *error = NULL;
    int result = ask_over(reference, login, login && login->plain_http ? "http" : "https", ret, &error);

    /* As engines do: a registry on this machine may go without TLS. No credentials are sent that way. */
    if (result < 0 && !login && error->code == DD_ERR_UNAVAILABLE && is_loopback(reference->registry)) {
        dd_error_free(dd_take(error));
        result = ask_over(reference, NULL, "http", ret, &error);
    }
    if (error && err)
        *err = error;
    else
        dd_error_free(error);
    return result;
}
