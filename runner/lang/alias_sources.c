/* Reading aliases: flat maps of names and texts, from the block itself, from files and from addresses.
 *
 * A task file may come from anybody who may push, so what its `src` names is read only where the caller's
 * policy says so: files beneath a directory, and addresses not at all in a worker's run. */
#include "runner/lang/alias_sources.h"
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define MAX_REDIRECTS 5L

/* ---- Flat maps ---- */

static bool is_alphanumeric(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!(text[i] >= '0' && text[i] <= '9') && !((text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'z'))
            return false;
    return length > 0;
}

static int read_entry(dd_arena *arena, dd_map *into, const dd_yaml_entry *entry, const char *path,
                      dd_error **err)
{
    const dd_yaml_node *key = entry->key, *value = entry->value;
    bool null = value->kind == DD_YAML_SCALAR && dd_yaml_scalar_type(value) == DD_YAML_NULL;

    if (key->length == 0)
        return dd_fail_at(err, DD_ERR_INVALID, key->place, path, "an alias has an empty name");
    if (!is_alphanumeric(key->text, key->length))
        return dd_fail_at(err, DD_ERR_INVALID, key->place, path,
                          "the alias '%s' has something other than letters and digits in its name",
                          key->text);
    if (value->kind != DD_YAML_SCALAR)
        return dd_fail_at(err, DD_ERR_INVALID, value->place, path, "the alias '%s' must be text, not %s",
                          key->text, dd_yaml_node_words(value));
    dd_map_put(arena, into, (dd_text){dd_arena_copy(arena, key->text, key->length), key->length},
               dd_value_string(arena, value->text, null ? 0 : value->length));
    return 0;
}

int dd_alias_values_read(dd_arena *arena, dd_map *into, const dd_yaml_node *node, const char *path,
                         dd_error **err)
{
    if (!node || (node->kind == DD_YAML_SCALAR && dd_yaml_scalar_type(node) == DD_YAML_NULL))
        return 0;
    if (node->kind != DD_YAML_MAP)
        return dd_fail_at(err, DD_ERR_INVALID, node->place, path,
                          "%s must be a map of names to texts, not %s", path, dd_yaml_node_words(node));
    for (size_t i = 0; i < node->length; i++)
        if (read_entry(arena, into, &node->entries[i], path, err) < 0)
            return -1;
    return 0;
}

/* ---- Files ---- */

static int open_source(const dd_alias_policy *policy, const char *path, dd_error **err)
{
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, fd;

    if (policy->root != AT_FDCWD)
        return dd_open_beneath(policy->root, path, flags, err);
    fd = open(path, flags);
    if (fd < 0)
        return dd_fail_errno(err, DD_ERR_NOT_FOUND, errno, "cannot open it");
    return fd;
}

static int read_file(const dd_alias_policy *policy, const char *name, dd_buf **ret, dd_error **err)
{
    dd_auto_str path =
        policy->directory && name[0] != '/' ? dd_path_join(policy->directory, name) : dd_strdup(name);
    dd_auto_fd fd = -1;
    struct stat info;

    if (!policy->files)
        return dd_fail(err, DD_ERR_DENIED, "no files are read here");
    fd = open_source(policy, path, err);
    if (fd < 0)
        return -1;
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))
        return dd_fail(err, DD_ERR_INVALID, "it is not a file");
    return dd_buf_read_fd(fd, DD_ALIAS_SOURCE_BYTES, ret, err);
}

/* ---- Addresses ---- */

static bool is_url(const char *name)
{
    return strncasecmp(name, "http://", 7) == 0 || strncasecmp(name, "https://", 8) == 0;
}

static size_t take_bytes(char *data, size_t size, size_t count, void *context)
{
    dd_buf *into = context;

    if (into->length + size * count > DD_ALIAS_SOURCE_BYTES)
        return CURL_WRITEFUNC_ERROR;
    dd_buf_add(into, data, size * count);
    return size * count;
}

static void prepare_fetch(CURL *curl, const char *url, dd_buf *into)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, MAX_REDIRECTS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)DD_ALIAS_SOURCE_TIME_MS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "drydock/" DRYDOCK_VERSION);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, into);
}

static int fetch(const char *url, dd_buf *into, dd_error **err)
{
    CURL *curl = curl_easy_init();
    long status = 0;
    CURLcode code;

    if (!curl)
        return dd_fail(err, DD_ERR_INTERNAL, "no memory for a request");
    prepare_fetch(curl, url, into);
    code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    if (code == CURLE_WRITE_ERROR)
        return dd_fail(err, DD_ERR_LIMIT, "it is larger than %d bytes", DD_ALIAS_SOURCE_BYTES);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return dd_fail(err, DD_ERR_TIMEOUT, "it took longer than %d s", DD_ALIAS_SOURCE_TIME_MS / 1000);
    if (code != CURLE_OK)
        return dd_fail(err, DD_ERR_UNAVAILABLE, "%s", curl_easy_strerror(code));
    if (status >= 300)
        return dd_fail(err, DD_ERR_UNAVAILABLE, "the answer is HTTP status %ld", status);
    return 0;
}

static int read_url(const dd_alias_policy *policy, const char *url, dd_buf **ret, dd_error **err)
{
    dd_auto(dd_buf) into = dd_buf_new();

    if (!policy->urls)
        return dd_fail(err, DD_ERR_DENIED, "no addresses are fetched here");
    if (fetch(url, into, err) < 0)
        return -1;
    *ret = dd_take(into);
    return 0;
}

/* ---- Sources ---- */

/* As it may be shown: without a user's name and password. */
static char *shown_name(const char *name)
{
    const char *host = is_url(name) ? strstr(name, "//") + 2 : NULL;
    size_t authority = host ? strcspn(host, "/?#") : 0;
    const char *at = host ? memrchr(host, '@', authority) : NULL;

    return at ? dd_sprintf("%.*s%s", (int)(host - name), name, at + 1) : dd_strdup(name);
}

static int read_text(dd_arena *arena, dd_map *into, const dd_buf *text, dd_error **err)
{
    dd_auto(dd_yaml) yaml = NULL;

    if (dd_yaml_parse(text->data ? text->data : "", text->length, &yaml, err) < 0)
        return -1;
    return dd_alias_values_read(arena, into, yaml->root, "it", err);
}

static int read_source(const dd_alias_policy *policy, dd_arena *arena, dd_map *into, const char *name,
                       dd_error **err)
{
    dd_auto(dd_buf) text = NULL;
    bool url = is_url(name);

    if ((url ? read_url : read_file)(policy, name, &text, err) < 0)
        return -1;
    return read_text(arena, into, text, err);
}

/* What is wrong in a source has a place there; the error's is the name of the source. */
static int tell_source(const dd_alias_policy *policy, const dd_yaml_node *node, dd_error *why, dd_error **err)
{
    dd_auto_str name = shown_name(node->text);
    dd_auto_str where =
        why->place.line ? dd_sprintf("line %d, column %d: ", why->place.line, why->place.column) : NULL;

    dd_fail_at(err, why->code, node->place, "alias.src", "the aliases of '%s': %s%s", name,
               where ? where : "", why->message);
    if (why->code == DD_ERR_DENIED && is_url(node->text) && !policy->urls)
        dd_hint(err, "keep them in a file of the repository, or write them under alias.values");
    dd_error_free(why);
    return -1;
}

static int read_named(const dd_alias_policy *policy, dd_arena *arena, dd_map *into, const dd_yaml_node *node,
                      dd_error **err)
{
    dd_error *why = NULL;

    if (node->kind != DD_YAML_SCALAR || node->length == 0)
        return dd_fail_at(err, DD_ERR_INVALID, node->place, "alias.src",
                          "a source must be a file's path or an address, not %s", dd_yaml_node_words(node));
    if (read_source(policy, arena, into, node->text, &why) < 0)
        return tell_source(policy, node, why, err);
    return 0;
}

int dd_alias_sources_read(const dd_alias_policy *policy, dd_arena *arena, dd_map *into,
                          const dd_yaml_node *node, dd_error **err)
{
    if (!node || (node->kind == DD_YAML_SCALAR && dd_yaml_scalar_type(node) == DD_YAML_NULL))
        return 0;
    if (node->kind == DD_YAML_SCALAR)
        return read_named(policy, arena, into, node, err);
    if (node->kind != DD_YAML_LIST)
        return dd_fail_at(err, DD_ERR_INVALID, node->place, "alias.src",
                          "alias.src must be a list of files and addresses, not %s",
                          dd_yaml_node_words(node));
    if (node->length > DD_ALIAS_SOURCES_MAX)
        return dd_fail_at(err, DD_ERR_LIMIT, node->place, "alias.src", "more than %d sources of aliases",
                          DD_ALIAS_SOURCES_MAX);
    for (size_t i = 0; i < node->length; i++)
        if (read_named(policy, arena, into, node->items[i], err) < 0)
            return -1;
    return 0;
}
