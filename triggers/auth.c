/* Authenticity: what senders prove themselves with, beside and instead of what only their kind knows.
 * Everything that the settings ask for must hold; of several values of one thing any may, so that secrets can
 * be rotated.
 *
 * Comparisons take the same time for right and wrong values, every value is tried, and no error says what was
 * expected. */
#include "senders.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REPLAY_WINDOW_S   300
#define SIGNING_KEY       "whsec_"
#define PUBLIC_KEY        "whpk_"
#define PUBLIC_TRIES_MAX  4 /* a check costs a tenth of a millisecond, and anybody can ask for it */
#define STANDARD_ID_BYTES 255

static const char *const trust_names[DD_TRUST_LEVELS] = {
    [DD_TRUST_SIGNED] = "body signed",
    [DD_TRUST_BEARER] = "bearer",
    [DD_TRUST_PATH] = "path only",
    [DD_TRUST_NONE] = "none",
};

const char *dd_trust_name(dd_trust trust)
{
    dd_assert(trust < DD_TRUST_LEVELS);
    return trust_names[trust];
}

/* ---- Comparing ---- */

bool dd_auth_matches(const char *text, size_t length, const dd_strv *values)
{
    bool good = false;
    for (size_t i = 0; i < values->count; i++)
        good |= dd_secret_is_usable(values->items[i]) &&
                dd_equal_constant_time(text, length, values->items[i], strlen(values->items[i]));
    return good;
}

/* A header that must stand once, or DENIED. */
static int read_header(const dd_delivery *delivery, const char *name, const char **ret, dd_error **err)
{
    bool twice;
    *ret = dd_delivery_header(delivery, name, &twice);
    if (!*ret)
        return dd_fail(err, DD_ERR_DENIED, "the header %s %s", name, twice ? "stands twice" : "is not there");
    return 0;
}

/* ---- What `auth` asks for ---- */

static const char *header_name(const dd_sender_settings *settings)
{
    return settings->auth_header ? settings->auth_header : "Authorization";
}

static bool asks_header(const dd_sender *sender, const dd_sender_settings *settings)
{
    return settings->auth_values.count > 0 || (!sender->verify && settings->secrets.count > 0);
}

/* auth.value is the header's whole value; a secret of a kind without a proof of its own may stand alone or as
 * a bearer token. */
static int verify_header(const dd_sender *sender, const dd_sender_settings *settings,
                         const dd_delivery *delivery, dd_error **err)
{
    static const char bearer[] = "Bearer ";
    const char *given;
    if (read_header(delivery, header_name(settings), &given, err) < 0)
        return -1;
    bool good = dd_auth_matches(given, strlen(given), &settings->auth_values);
    if (!sender->verify) {
        const char *token = given + (dd_str_starts(given, bearer) ? strlen(bearer) : 0);
        good |= dd_auth_matches(given, strlen(given), &settings->secrets);
        good |= dd_auth_matches(token, strlen(token), &settings->secrets);
    }
    if (!good)
        return dd_fail(err, DD_ERR_DENIED, "the header %s has not the configured value",
                       header_name(settings));
    return 0;
}

static bool asks_basic(const dd_sender *sender, const dd_sender_settings *settings)
{
    (void)sender;
    return settings->auth_username != NULL;
}

/* RFC 7617; the scheme's name is of any case. */
static int verify_basic(const dd_sender *sender, const dd_sender_settings *settings,
                        const dd_delivery *delivery, dd_error **err)
{
    static const char scheme[] = "Basic ";
    const char *given;
    bool good = false;
    (void)sender;
    if (read_header(delivery, "Authorization", &given, err) < 0)
        return -1;
    if (strncasecmp(given, scheme, strlen(scheme)) != 0)
        return dd_fail(err, DD_ERR_DENIED, "the header Authorization is not of the Basic scheme");
    given += strlen(scheme);
    for (size_t i = 0; i < settings->auth_passwords.count; i++) {
        if (!dd_secret_is_usable(settings->auth_passwords.items[i]))
            continue;
        dd_auto_str pair = dd_sprintf("%s:%s", settings->auth_username, settings->auth_passwords.items[i]);
        dd_auto_str wanted = dd_base64_encode(pair, strlen(pair));
        good |= dd_equal_constant_time(given, strlen(given), wanted, strlen(wanted));
    }
    if (!good)
        return dd_fail(err, DD_ERR_DENIED, "the name or the password is not the configured one");
    return 0;
}

static bool asks_url_token(const dd_sender *sender, const dd_sender_settings *settings)
{
    (void)sender;
    return settings->auth_url_tokens.count > 0;
}

static int verify_url_token(const dd_sender *sender, const dd_sender_settings *settings,
                            const dd_delivery *delivery, dd_error **err)
{
    const char *token = delivery->url_token;
    (void)sender;
    if (!token)
        return dd_fail(err, DD_ERR_DENIED, "the address has no token");
    if (!dd_auth_matches(token, strlen(token), &settings->auth_url_tokens))
        return dd_fail(err, DD_ERR_DENIED, "the address's token is not the configured one");
    return 0;
}

static bool asks_kind(const dd_sender *sender, const dd_sender_settings *settings)
{
    return sender->verify && settings->secrets.count > 0;
}

static int verify_kind(const dd_sender *sender, const dd_sender_settings *settings,
                       const dd_delivery *delivery, dd_error **err)
{
    return sender->verify(settings, delivery, err);
}

static dd_trust trust_of_kind(const dd_sender *sender, const dd_sender_settings *settings)
{
    return sender->trust_of ? sender->trust_of(settings) : sender->trust;
}

/* Every way, and what it proves; NULL: what the kind's row says. */
static const struct way {
    bool (*asks)(const dd_sender *, const dd_sender_settings *);
    int (*verify)(const dd_sender *, const dd_sender_settings *, const dd_delivery *, dd_error **);
    dd_trust trust;
    dd_trust (*trust_of)(const dd_sender *, const dd_sender_settings *);
} ways[] = {
    {asks_header, verify_header, DD_TRUST_BEARER, NULL},
    {asks_basic, verify_basic, DD_TRUST_BEARER, NULL},
    {asks_url_token, verify_url_token, DD_TRUST_PATH, NULL},
    {asks_kind, verify_kind, DD_TRUST_SIGNED, trust_of_kind},
};

/* ---- All of it ---- */

static int check_values(const dd_strv *values, const char *what, dd_error **err)
{
    for (size_t i = 0; i < values->count; i++)
        if (!dd_secret_is_usable(values->items[i]))
            return dd_fail(err, DD_ERR_INVALID, "%s is empty", what);
    return 0;
}

int dd_auth_check(const dd_sender *sender, const dd_sender_settings *settings, dd_error **err)
{
    bool asked = false;
    if (check_values(&settings->secrets, "a secret", err) < 0 ||
        check_values(&settings->auth_values, "auth.value", err) < 0 ||
        check_values(&settings->auth_url_tokens, "auth.url_token", err) < 0 ||
        check_values(&settings->auth_passwords, "auth.password", err) < 0)
        return -1;
    for (size_t i = 0; i < DD_COUNT(ways); i++)
        asked = asked || ways[i].asks(sender, settings);
    if (asked && settings->auth_none)
        return dd_fail(err, DD_ERR_INVALID, "auth: none stands beside a secret: one of them must go");
    if (asked || settings->auth_none)
        return 0;
    dd_fail(err, DD_ERR_INVALID,
            "a %s sender needs a secret, or auth with a header, a url_token or a username", sender->kind);
    return dd_hint(err, "auth: none takes deliveries from anybody");
}

int dd_sender_verify(const dd_sender_settings *settings, const dd_delivery *delivery, dd_error **err)
{
    const dd_sender *sender = dd_sender_find(settings->kind);
    bool proven = settings->auth_none;
    dd_assert(sender);
    for (size_t i = 0; i < DD_COUNT(ways); i++) {
        if (!ways[i].asks(sender, settings))
            continue;
        if (ways[i].verify(sender, settings, delivery, err) < 0)
            return -1;
        proven = true;
    }
    return proven ? 0 : dd_fail(err, DD_ERR_DENIED, "the sender's settings name nothing that would prove it");
}

dd_trust dd_sender_trust(const dd_sender_settings *settings)
{
    const dd_sender *sender = dd_sender_find(settings->kind);
    dd_trust best = DD_TRUST_NONE;
    for (size_t i = 0; sender && i < DD_COUNT(ways); i++) {
        if (!ways[i].asks(sender, settings))
            continue;
        dd_trust trust = ways[i].trust_of ? ways[i].trust_of(sender, settings) : ways[i].trust;
        best = trust < best ? trust : best;
    }
    return best;
}

bool dd_sender_header_is_secret(const dd_sender_settings *settings, const char *name)
{
    static const char *const names[] = {
        "Authorization",
        "Proxy-Authorization",
        "Cookie",
        "X-Gitlab-Token",
        "X-Hub-Signature",
        "X-Hub-Signature-256",
        "X-Gitea-Signature",
        "X-Forgejo-Signature",
        "X-Gogs-Signature",
        "webhook-signature",
        "svix-signature",
        "X-JFrog-Event-Auth",
        "X-Nexus-Webhook-Signature",
    };
    for (size_t i = 0; i < DD_COUNT(names); i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return strcasecmp(name, header_name(settings)) == 0;
}

/* ---- Pieces for the kinds' own proofs ---- */

typedef void make_code(const void *key, size_t key_length, const void *data, size_t length, uint8_t *ret);

static int verify_code(const dd_sender_settings *settings, const dd_delivery *delivery, const char *value,
                       make_code *make, size_t bytes, const char *data, size_t length, dd_error **err)
{
    bool good = false;
    uint8_t given[DD_SHA256_BYTES], wanted[DD_SHA256_BYTES];
    dd_assert(bytes <= sizeof(given));
    if (!dd_hex_decode(value, given, bytes))
        return dd_fail(err, DD_ERR_DENIED, "the signature is not %zu hex digits", 2 * bytes);
    if (delivery->head_only)
        return 0;
    for (size_t i = 0; i < settings->secrets.count; i++) {
        const char *secret = settings->secrets.items[i];
        if (!dd_secret_is_usable(secret))
            continue;
        make(secret, strlen(secret), data, length, wanted);
        good |= dd_equal_constant_time(given, bytes, wanted, bytes);
    }
    if (!good)
        return dd_fail(err, DD_ERR_DENIED, "the signature does not match");
    return 0;
}

int dd_auth_hmac(const dd_sender_settings *settings, const dd_delivery *delivery, const char *header,
                 const char *scheme, const char *data, size_t length, dd_error **err)
{
    const char *value;
    if (read_header(delivery, header, &value, err) < 0)
        return -1;
    if (!dd_str_starts(value, scheme))
        return dd_fail(err, DD_ERR_DENIED, "the header %s does not begin with '%s'", header, scheme);
    return verify_code(settings, delivery, value + strlen(scheme), dd_hmac_sha256, DD_SHA256_BYTES, data,
                       length, err);
}

int dd_auth_hmac_sha1(const dd_sender_settings *settings, const dd_delivery *delivery, const char *header,
                      dd_error **err)
{
    const char *value;
    if (read_header(delivery, header, &value, err) < 0)
        return -1;
    return verify_code(settings, delivery, value, dd_hmac_sha1, DD_SHA1_BYTES, delivery->body,
                       delivery->body_length, err);
}

/* The bytes behind the prefix; NULL when the secret is no such key. */
static dd_buf *read_key(const char *secret, const char *prefix)
{
    dd_auto(dd_buf) key = dd_buf_new();
    const char *text = secret + strlen(prefix);
    if (!dd_str_starts(secret, prefix) || !dd_base64_decode(text, strlen(text), key) || key->length == 0)
        return NULL;
    return dd_take(key);
}

bool dd_auth_is_signing_key(const char *secret, size_t *ret_bytes)
{
    dd_auto(dd_buf) key = read_key(secret, SIGNING_KEY);
    *ret_bytes = key ? key->length : 0;
    return key != NULL;
}

bool dd_auth_is_public_key(const char *secret)
{
    dd_auto(dd_buf) key = read_key(secret, PUBLIC_KEY);
    return key && key->length == DD_ED25519_KEY_BYTES;
}

/* One of the three headers, under either of its names. */
static int standard_header(const dd_delivery *delivery, const char *name, const char **ret, dd_error **err)
{
    bool twice;
    dd_auto_str other = dd_sprintf("svix-%s", name);
    dd_auto_str usual = dd_sprintf("webhook-%s", name);
    *ret = dd_delivery_header(delivery, usual, &twice);
    if (*ret)
        return 0;
    return read_header(delivery, twice || !dd_delivery_header(delivery, other, &twice) ? usual : other, ret,
                       err);
}

static int check_time(const dd_sender_settings *settings, const dd_delivery *delivery, const char *text,
                      dd_error **err)
{
    int64_t at_s, now_s = delivery->at_ms / 1000;
    int64_t window_s = settings->replay_window_s > 0 ? settings->replay_window_s : REPLAY_WINDOW_S;
    if (strlen(text) > 12 || !dd_str_to_int(text, &at_s))
        return dd_fail(err, DD_ERR_DENIED, "the time that was signed is no number of seconds");
    if (at_s < now_s - window_s || at_s > now_s + window_s)
        return dd_fail(err, DD_ERR_DENIED, "the time that was signed is more than %lld s off",
                       (long long)window_s);
    return 0;
}

/* Whether the list, "v1,BASE64 v1,BASE64 …", has this code in it. */
static bool list_has(const char *list, const uint8_t code[DD_SHA256_BYTES])
{
    dd_auto_str text = dd_base64_encode(code, DD_SHA256_BYTES);
    dd_auto_str wanted = dd_sprintf("v1,%s", text);
    bool good = false;
    while (*list) {
        size_t length = strcspn(list, " ");
        good |= dd_equal_constant_time(list, length, wanted, strlen(wanted));
        list += length + (list[length] == ' ');
    }
    return good;
}

/* Whether one of the first of "v1a,BASE64" is a signature of the text by the key's owner. */
static bool list_has_signature(const char *list, const uint8_t *key, const dd_buf *text)
{
    static const char scheme[] = "v1a,";
    bool good = false;
    for (int tries = 0; *list && tries < PUBLIC_TRIES_MAX;) {
        dd_auto(dd_buf) signature = dd_buf_new();
        size_t length = strcspn(list, " ");
        if (dd_str_starts(list, scheme) &&
            dd_base64_decode(list + strlen(scheme), length - strlen(scheme), signature) &&
            signature->length == DD_ED25519_SIGNATURE_BYTES) {
            good = good || dd_ed25519_verify(key, text->data, text->length, (const uint8_t *)signature->data);
            tries++;
        }
        list += length + (list[length] == ' ');
    }
    return good;
}

/* By a shared key or by a public one, as the secret is. */
static bool secret_signed(const char *secret, const char *list, const dd_buf *text)
{
    uint8_t code[DD_SHA256_BYTES];
    dd_auto(dd_buf) shared = read_key(secret, SIGNING_KEY);
    dd_auto(dd_buf) public = read_key(secret, PUBLIC_KEY);
    if (public && public->length == DD_ED25519_KEY_BYTES)
        return list_has_signature(list, (const uint8_t *)public->data, text);
    if (!shared)
        return false;
    dd_hmac_sha256(shared->data, shared->length, text->data, text->length, code);
    return list_has(list, code);
}

int dd_auth_standard(const dd_sender_settings *settings, const dd_delivery *delivery, dd_error **err)
{
    const char *id, *at, *list;
    bool good = false;
    if (standard_header(delivery, "id", &id, err) < 0 ||
        standard_header(delivery, "timestamp", &at, err) < 0 ||
        standard_header(delivery, "signature", &list, err) < 0)
        return -1;
    /* With a dot inside, an id and a time could change places with other ones under the same signature. */
    if (!*id || strlen(id) > STANDARD_ID_BYTES || strchr(id, '.'))
        return dd_fail(err, DD_ERR_DENIED, "the delivery's id is empty, too long, or has a dot inside");
    if (check_time(settings, delivery, at, err) < 0)
        return -1;
    if (delivery->head_only)
        return 0;
    dd_auto(dd_buf) text = dd_buf_new();
    dd_buf_printf(text, "%s.%s.", id, at);
    dd_buf_add(text, delivery->body, delivery->body_length);
    for (size_t i = 0; i < settings->secrets.count; i++)
        good |= secret_signed(settings->secrets.items[i], list, text);
    if (!good)
        return dd_fail(err, DD_ERR_DENIED, "the signature does not match");
    return 0;
}
