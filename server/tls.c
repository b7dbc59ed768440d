/* The server's TLS: OpenSSL's context, and its exchange for another. */
#include "tls.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES ((size_t)1024 * 1024)

struct dd_tls {
    const dd_settings *settings;
    pthread_mutex_t lock; /* of `context` */
    SSL_CTX *context;
    char fingerprint[DD_SHA256_HEX]; /* of the two files as they were read */
};

static int fail_tls(dd_error **err, const char *what, const char *path)
{
    char text[160];
    ERR_error_string_n(ERR_get_error(), text, sizeof(text));
    dd_fail(err, DD_ERR_INVALID, "%s '%s': %s", what, path, text);
    return dd_hint(err, "server.tls.cert and server.tls.key name PEM files; `drydock dev` makes its own");
}

/* A service has no terminal to be asked at. */
static int no_password(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static SSL_CTX *new_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context,
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set1_groups_list(context, "X25519:P-256");
    /* Resumption by tickets alone; the cache would only take memory. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(context, no_password);
    return context;
}

static int load(const dd_settings *settings, SSL_CTX **ret, dd_error **err)
{
    const char *cert = settings->server.tls_cert, *key = settings->server.tls_key;
    int result = 0;
    *ret = NULL;
    if (!cert || !key) {
        dd_fail(err, DD_ERR_INVALID, "server.tls.cert and server.tls.key are not set");
        return dd_hint(err, "they name PEM files; `drydock dev` makes its own");
    }
    SSL_CTX *context = new_context();
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, cert) != 1)
        result = fail_tls(err, "the certificate", cert);
    else if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        result = fail_tls(err, "the key", key);
    else if (SSL_CTX_check_private_key(context) != 1)
        result = fail_tls(err, "the key does not belong to the certificate:", key);
    if (result < 0)
        SSL_CTX_free(context);
    else
        *ret = context;
    return result;
}

static int read_fingerprint(const dd_settings *settings, char ret[DD_SHA256_HEX], dd_error **err)
{
    dd_auto(dd_buf) cert = NULL;
    dd_auto(dd_buf) key = NULL;
    if (dd_buf_read_file(settings->server.tls_cert, FILE_MAX_BYTES, &cert, err) < 0 ||
        dd_buf_read_file(settings->server.tls_key, FILE_MAX_BYTES, &key, err) < 0)
        return -1;
    dd_buf_add(cert, key->data, key->length);
    dd_sha256_hex(cert->data, cert->length, ret);
    return 0;
}

int dd_tls_new(const dd_settings *settings, dd_tls **ret, dd_error **err)
{
    dd_auto(dd_tls) tls = dd_new(dd_tls);
    tls->settings = settings;
    pthread_mutex_init(&tls->lock, NULL);
    if (load(settings, &tls->context, err) < 0 || read_fingerprint(settings, tls->fingerprint, err) < 0)
        return -1;
    *ret = dd_take(tls);
    return 0;
}

void dd_tls_free(dd_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
}

SSL *dd_tls_accept(dd_tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    SSL *ssl = SSL_new(tls->context); /* which holds the context for as long as it is open */
    pthread_mutex_unlock(&tls->lock);
    dd_assert(ssl);
    return ssl;
}

int dd_tls_reload(dd_tls *tls, dd_error **err)
{
    char fingerprint[DD_SHA256_HEX];
    SSL_CTX *context;
    if (read_fingerprint(tls->settings, fingerprint, err) < 0)
        return -1;
    if (strcmp(fingerprint, tls->fingerprint) == 0)
        return 0;
    if (load(tls->settings, &context, err) < 0)
        return -1;
    memcpy(tls->fingerprint, fingerprint, sizeof(fingerprint));
    pthread_mutex_lock(&tls->lock);
    SSL_CTX *old = tls->context;
    tls->context = context;
    pthread_mutex_unlock(&tls->lock);
    SSL_CTX_free(old);
    return 1;
}
