/* Image references, repository addresses and contexts: read strictly, written in one form.
 *
 * What is compared later (an image with the image index, a payload's repository with a task's) is compared as
 * text, so two spellings of one thing must become one text here, and nothing else may. */
#include "reference.h"
#include "host.h"
#include "words.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DIGITS              "0123456789"
#define HEX_DIGITS          "0123456789abcdef"
#define LOWER               "abcdefghijklmnopqrstuvwxyz"
#define UPPER               "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define TAG_MAX_BYTES       128
#define REPOSITORY_MAX      255
#define REFERENCE_MAX_BYTES 1024
#define ADDRESS_MAX_BYTES   2048
#define DEFAULT_REGISTRY    "docker.io"
#define DEFAULT_TAG         "latest"

/* ---- Parts of image references (registry-notifications.md's grammar is Docker's own) ---- */

bool dd_digest_is_valid(const char *text)
{
    static const struct {
        const char *prefix;
        size_t digits;
    } kinds[] = {{"sha256:", 64}, {"sha512:", 128}};

    for (size_t i = 0; text && i < DD_COUNT(kinds); i++) {
        const char *hex = text + strlen(kinds[i].prefix);

        if (dd_str_starts(text, kinds[i].prefix))
            return strlen(hex) == kinds[i].digits && strspn(hex, HEX_DIGITS) == kinds[i].digits;
    }
    return false;
}

bool dd_tag_is_valid(const char *text)
{
    size_t length = text ? strlen(text) : 0;

    return length >= 1 && length <= TAG_MAX_BYTES && text[0] != '.' && text[0] != '-' &&
           strspn(text, UPPER LOWER DIGITS "_.-") == length;
}

/* Between two runs of letters and digits: one dot, one or two underscores, or any number of dashes. */
static size_t separator_length(const char *text)
{
    if (*text == '.')
        return 1;
    if (*text == '_')
        return text[1] == '_' ? 2 : 1;
    return strspn(text, "-");
}

bool dd_repository_is_valid(const char *text)
{
    if (!text || strlen(text) > REPOSITORY_MAX)
        return false;
    for (;;) {
        size_t length = strspn(text, LOWER DIGITS);

        if (length == 0)
            return false;
        text += length;
        if (*text == '\0')
            return true;
        length = *text == '/' ? 1 : separator_length(text);
        if (length == 0)
            return false;
        text += length;
    }
}

/* ---- Image references ---- */

void dd_reference_free(dd_reference *reference)
{
    if (!reference)
        return;
    free(reference->registry);
    free(reference->repository);
    free(reference->tag);
    free(reference->digest);
    free(reference->text);
    free(reference);
}

static int invalid_reference(dd_error **err, const char *text, const char *why)
{
    return dd_fail(err, DD_ERR_INVALID, "image reference '%.200s': %s", text, why);
}

/* Take "@digest" and then ":tag" off the end of `name`. */
static int split_suffixes(char *name, dd_reference *reference, const char *text, dd_error **err)
{
    char *at = strchr(name, '@');
    char *slash;
    char *colon;

    if (at) {
        *at = '\0';
        if (!dd_digest_is_valid(at + 1))
            return invalid_reference(err, text,
                                     "the digest is not sha256: with 64 or sha512: with 128 "
                                     "lower-case hexadecimal digits");
        reference->digest = dd_strdup(at + 1);
    }
    slash = strrchr(name, '/');
    colon = strchr(slash ? slash : name, ':');
    if (colon) {
        *colon = '\0';
        if (!dd_tag_is_valid(colon + 1))
            return invalid_reference(err, text, "the tag is not 1 to 128 letters, digits, '_', '.' and '-'");
        reference->tag = dd_strdup(colon + 1);
    }
    return 0;
}

/* Docker's rule: the first component is a registry when it has a dot or a port, or is localhost. */
static bool first_is_registry(const char *name, size_t length)
{
    return memchr(name, '.', length) || memchr(name, ':', length) ||
           (length == strlen("localhost") && strncasecmp(name, "localhost", length) == 0);
}

static int split_name(const char *name, dd_reference *reference, const char *text, dd_error **err)
{
    size_t first = strcspn(name, "/");
    bool named = name[first] == '/' && first_is_registry(name, first);
    const char *repository = named ? name + first + 1 : name;

    reference->registry = named ? dd_registry_host_normalise(name, first) : dd_strdup(DEFAULT_REGISTRY);
    if (!reference->registry)
        return invalid_reference(err, text, "the registry is no host with an optional port");
    if (strchr(repository, '/') || !dd_str_eq(reference->registry, DEFAULT_REGISTRY))
        reference->repository = dd_strdup(repository);
    else
        reference->repository = dd_sprintf("library/%s", repository);
    if (dd_repository_is_valid(reference->repository))
        return 0;
    invalid_reference(err, text, "the repository's name is not valid");
    return dd_hint(err, "names are lower-case letters and digits, with '.', '_', '__' or '-' between them");
}

int dd_reference_parse(const char *text, dd_reference **ret, dd_error **err)
{
    dd_auto(dd_reference) reference = dd_new(dd_reference);
    dd_auto_str name = NULL;

    if (!text || *text == '\0')
        return dd_fail(err, DD_ERR_INVALID, "the image reference is empty");
    if (strlen(text) > REFERENCE_MAX_BYTES)
        return dd_fail(err, DD_ERR_INVALID, "the image reference is longer than %d bytes",
                       REFERENCE_MAX_BYTES);
    name = dd_strdup(text);
    if (split_suffixes(name, reference, text, err) < 0 || split_name(name, reference, text, err) < 0)
        return -1;
    if (!reference->tag && !reference->digest)
        reference->tag = dd_strdup(DEFAULT_TAG);
    reference->text = dd_sprintf("%s/%s%s%s%s%s", reference->registry, reference->repository,
                                 reference->tag ? ":" : "", reference->tag ? reference->tag : "",
                                 reference->digest ? "@" : "", reference->digest ? reference->digest : "");
    *ret = dd_take(reference);
    return 0;
}

/* ---- Repository addresses ----
 *
 * An address ends in a git library and, for ssh, in another program's arguments. So the grammar is a list of
 * what may stand there (threats: option-like hosts, shell characters in ssh paths, ext:: and its spellings),
 * and no message repeats the address: what somebody pasted may hold a token. */

typedef struct scheme {
    const char *prefix;
    int port;
    bool percent; /* an encoded space is decoded by ssh's transport into a remote shell's argument: not there
                   */
} scheme;

static const scheme schemes[] = {
    {"https://", 443, true},
    {"http://", 80, true},
    {"ssh://", 22, false},
};

/* git@host:path, which has no scheme. */
static const scheme scp_like = {"", 0, false};

typedef struct address_parts {
    const scheme *scheme;
    char *host;       /* owned */
    const char *path; /* of the text that was read */
} address_parts;

static int invalid_address(dd_error **err, const char *why)
{
    return dd_fail(err, DD_ERR_INVALID, "the repository's address %s", why);
}

static bool user_is_valid(const char *user, size_t length)
{
    static const char allowed[] = UPPER LOWER DIGITS "._-";

    if (length == 0 || user[0] == '-')
        return false;
    for (size_t i = 0; i < length; i++)
        if (!memchr(allowed, user[i], sizeof(allowed) - 1))
            return false;
    return true;
}

/* [user@]host[:port]; the user is dropped, for it says who asks and not what for. */
static int read_authority(const char *text, size_t length, address_parts *ret, dd_error **err)
{
    const char *at = memrchr(text, '@', length);
    size_t user = at ? (size_t)(at - text) : 0;
    size_t host = at ? user + 1 : 0;

    if (at && memchr(text, ':', user)) {
        invalid_address(err, "carries a password");
        return dd_hint(err, "give it in the settings, as token_file of an entry of forges");
    }
    if (at && !user_is_valid(text, user))
        return invalid_address(err, "names a user that is not letters, digits, '.', '_' and '-'");
    ret->host = dd_host_normalise(text + host, length - host, ret->scheme->port);
    if (!ret->host)
        return invalid_address(err, "has no valid host");
    return 0;
}

static int read_scp_like(const char *url, address_parts *ret, dd_error **err)
{
    size_t authority = strcspn(url, ":/");

    ret->scheme = &scp_like;
    if (url[authority] != ':' || !memchr(url, '@', authority)) {
        invalid_address(err, "is none that is permitted");
        return dd_hint(err, "write https://host/path, ssh://host/path or git@host:path");
    }
    ret->path = url + authority + 1;
    return read_authority(url, authority, ret, err);
}

static int read_address(const char *url, address_parts *ret, dd_error **err)
{
    for (size_t i = 0; i < DD_COUNT(schemes); i++) {
        size_t prefix = strlen(schemes[i].prefix);

        if (strncasecmp(url, schemes[i].prefix, prefix) == 0) {
            size_t authority = strcspn(url + prefix, "/");

            ret->scheme = &schemes[i];
            ret->path = url + prefix + authority;
            return read_authority(url + prefix, authority, ret, err);
        }
    }
    return read_scp_like(url, ret, err);
}

/* A space or a byte of a non-ASCII character, encoded: all that a repository's name needs of it. */
static bool read_percent(const char *text, unsigned *ret)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *high;
    const char *low;

    if (text[1] == '\0' || text[2] == '\0')
        return false;
    high = strchr(digits, toupper((unsigned char)text[1]));
    low = strchr(digits, toupper((unsigned char)text[2]));
    if (!high || !low)
        return false;
    *ret = (unsigned)((high - digits) * 16 + (low - digits));
    return *ret == 0x20 || *ret >= 0x80;
}

static bool add_component(dd_buf *key, const char *text, size_t length, bool percent)
{
    static const char allowed[] = UPPER LOWER DIGITS "._~+-";

    if (length == 0 || (length == 1 && text[0] == '.') || (length == 2 && memcmp(text, "..", 2) == 0))
        return false;
    dd_buf_add_char(key, '/');
    for (size_t i = 0; i < length; i++) {
        unsigned byte;

        if (text[i] == '%' && percent && i + 2 < length && read_percent(text + i, &byte)) {
            dd_buf_printf(key, "%%%02X", byte);
            i += 2;
        } else if (memchr(allowed, text[i], sizeof(allowed) - 1)) {
            dd_buf_add_char(key, text[i]);
        } else {
            return false;
        }
    }
    return true;
}

/* Append the path's components to the host; the outer slashes and one ".git" say nothing. */
static bool add_path(dd_buf *key, const char *path, bool percent)
{
    size_t length;

    path += *path == '/' ? 1 : 0;
    if (*path == '-')
        return false;
    length = strlen(path);
    length -= length > 0 && path[length - 1] == '/' ? 1 : 0;
    length -= length >= 4 && memcmp(path + length - 4, ".git", 4) == 0 ? 4 : 0;
    for (;;) {
        const char *slash = memchr(path, '/', length);
        size_t component = slash ? (size_t)(slash - path) : length;

        if (!add_component(key, path, component, percent))
            return false;
        if (!slash)
            return true;
        path += component + 1;
        length -= component + 1;
    }
}

int dd_repository_key(const char *url, char **ret, dd_error **err)
{
    address_parts address = {0};
    dd_auto_str host = NULL;
    dd_auto(dd_buf) key = dd_buf_new();

    if (!url || *url == '\0')
        return invalid_address(err, "is empty");
    if (strlen(url) > ADDRESS_MAX_BYTES)
        return invalid_address(err, "is too long");
    if (read_address(url, &address, err) < 0)
        return -1;
    dd_assert(address.path);
    host = address.host;
    dd_buf_add_str(key, host);
    if (!add_path(key, address.path, address.scheme->percent))
        return invalid_address(err, "has no valid path");
    *ret = dd_buf_steal(key);
    return 0;
}

/* ---- Contexts ---- */

void dd_context_ref_free(dd_context_ref *context)
{
    if (!context)
        return;
    free(context->url);
    free(context->ref);
    free(context->folder);
    free(context->key);
    free(context);
}

static int read_fragment(const char *fragment, dd_context_ref *context, dd_error **err)
{
    size_t length = strcspn(fragment, ":");

    if (length > 0) {
        context->ref = dd_strndup(fragment, length);
        if (!dd_ref_is_valid(context->ref))
            return dd_fail(err, DD_ERR_INVALID,
                           "the context's branch, behind '#', is no name that git allows");
    }
    if (fragment[length] == ':') {
        dd_auto_str folder = dd_inner_path_normalise(fragment + length + 1);

        if (!folder)
            return dd_fail(err, DD_ERR_INVALID,
                           "the context's folder, behind ':', leads out of the repository");
        if (*folder)
            context->folder = dd_take(folder);
    }
    return 0;
}

int dd_context_ref_parse(const char *text, dd_context_ref **ret, dd_error **err)
{
    dd_auto(dd_context_ref) context = dd_new(dd_context_ref);
    size_t length;

    if (!text)
        return invalid_address(err, "is empty");
    length = strcspn(text, "#");
    context->url = dd_strndup(text, length);
    if (dd_repository_key(context->url, &context->key, err) < 0)
        return -1;
    if (text[length] == '#' && read_fragment(text + length + 1, context, err) < 0)
        return -1;
    *ret = dd_take(context);
    return 0;
}
