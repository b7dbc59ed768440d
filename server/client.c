/* The client of the server's API, for the verbs. */
#include "verbs/verbs.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX ((size_t)64 * 1024 * 1024)

static const char *setting(const dd_args *args, const char *option, const char *variable,
                           const char *fallback)
{
    const char *value = dd_args_value(args, option);
    if (!value)
        value = getenv(variable);
    return value && *value ? value : fallback;
}

static size_t take(char *data, size_t size, size_t count, void *context)
{
    dd_buf *answer = context;
    if (answer->length + size * count > ANSWER_MAX)
        return 0;
    dd_buf_add(answer, data, size * count);
    return size * count;
}

/* The API's {"error": …} as an error of ours. */
static int fail_answer(long status, const json_t *json, const char *server, dd_error **err)
{
    static const struct {
        long status;
        dd_code code;
    } codes[] = {{400, DD_ERR_INVALID},    {401, DD_ERR_DENIED},   {403, DD_ERR_DENIED},
                 {404, DD_ERR_NOT_FOUND},  {409, DD_ERR_CONFLICT}, {413, DD_ERR_LIMIT},
                 {503, DD_ERR_UNAVAILABLE}};
    dd_code code = DD_ERR_INTERNAL;
    const char *message = json_string_value(json_object_get(json, "error"));
    const char *hint = json_string_value(json_object_get(json, "hint"));
    dd_place place = {.line = (int)json_integer_value(json_object_get(json, "line")),
                      .column = (int)json_integer_value(json_object_get(json, "column"))};
    for (size_t i = 0; i < DD_COUNT(codes); i++)
        if (codes[i].status == status)
            code = codes[i].code;
    dd_fail_at(err, code, place, json_string_value(json_object_get(json, "path")), "%s",
               message ? message : "the answer is none of drydock's API");
    if (!message)
        dd_context(err, "%s answered %ld", server, status);
    return hint ? dd_hint(err, "%s", hint) : -1;
}

static void set_options(CURL *curl, const char *method, const char *url, const char *body, int64_t timeout_s)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)timeout_s);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
    }
}

/* No proxy is asked for what is on this machine, whatever the environment says. */
static bool is_loopback(const char *url)
{
    return dd_str_starts(url, "https://127.") || dd_str_starts(url, "https://localhost:") ||
           dd_str_starts(url, "https://localhost/") || dd_str_starts(url, "https://[::1]");
}

static int read_answer(CURL *curl, CURLcode code, const char *server, const char *details,
                       const dd_buf *answer, json_t **ret, dd_error **err)
{
    long status = 0;
    json_error_t where;
    if (code != CURLE_OK) {
        dd_fail(err, DD_ERR_UNAVAILABLE, "%s: %s", server, *details ? details : curl_easy_strerror(code));
        return code == CURLE_PEER_FAILED_VERIFICATION
                   ? dd_hint(err, "--ca-file or DRYDOCK_CA_FILE names the certificate to check it by")
                   : -1;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    json_t *json = json_loadb(answer->data, answer->length, 0, &where);
    if (status / 100 != 2 || !json) {
        fail_answer(status, json, server, err);
        json_decref(json);
        return -1;
    }
    *ret = json;
    return 0;
}

int dd_client_call(const dd_args *args, const char *method, const char *path, const char *body,
                   int64_t timeout_s, json_t **ret, dd_error **err)
{
    const char *server = setting(args, "server", "DRYDOCK_SERVER", "https://127.0.0.1:8443");
    const char *token = setting(args, "token", "DRYDOCK_TOKEN", NULL);
    const char *ca_file = setting(args, "ca-file", "DRYDOCK_CA_FILE", NULL);
    dd_auto_str url = dd_sprintf("%s/api/v1%s", server, path);
    dd_auto(dd_buf) answer = dd_buf_new();
    struct curl_slist *headers = NULL;
    char details[CURL_ERROR_SIZE] = "";
    if (!dd_str_starts(server, "https://"))
        return dd_fail(err, DD_ERR_INVALID, "the server's address '%s' does not begin with https://", server);
    if (!token) {
        dd_fail(err, DD_ERR_INVALID, "no token for the server's API");
        return dd_hint(err, "set DRYDOCK_TOKEN; `drydock dev` writes it to the file `env` in its directory");
    }
    dd_auto_str header = dd_sprintf("Authorization: Bearer %s", token);
    headers = curl_slist_append(headers, header);
    headers = curl_slist_append(headers, "Expect:");
    CURL *curl = curl_easy_init();
    set_options(curl, method, url, body, timeout_s);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, details);
    if (ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
    if (is_loopback(url))
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    CURLcode code = curl_easy_perform(curl);
    int result = read_answer(curl, code, server, details, answer, ret, err);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return result;
}
