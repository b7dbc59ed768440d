/* TLS to Redis and to sentinels: who they are is checked always. */
#include "link.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>

static int fail_files(const char *key, const char *path, dd_error **err)
{
    char text[256];
    ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
    return dd_fail(err, DD_ERR_INVALID, "%s '%s': %s", key, path, text);
}

int dd_tls_context(const dd_redis_config *config, SSL_CTX **ret, dd_error **err)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    int result = 0;
    dd_assert(tls);
    ERR_clear_error();
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    /* A Redis that dies sends no farewell; replies are of known length, so an end is no danger. */
    SSL_CTX_set_options(tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (config->ca_file && SSL_CTX_load_verify_locations(tls, config->ca_file, NULL) != 1)
        result = fail_files("redis.ca_file", config->ca_file, err);
    else if (!config->ca_file && SSL_CTX_set_default_verify_paths(tls) != 1)
        result = dd_fail(err, DD_ERR_INTERNAL, "the system's certificates cannot be read");
    else if (config->cert && SSL_CTX_use_certificate_chain_file(tls, config->cert) != 1)
        result = fail_files("redis.cert", config->cert, err);
    else if (config->cert && SSL_CTX_use_PrivateKey_file(tls, config->key, SSL_FILETYPE_PEM) != 1)
        result = fail_files("redis.key", config->key, err);
    if (result == 0)
        *ret = tls;
    else
        SSL_CTX_free(tls);
    return result;
}

int dd_tls_fail(const SSL *ssl, const char *name, const char *what, dd_error **err)
{
    unsigned long code = ERR_peek_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    long verified = SSL_get_verify_result(ssl);
    if (verified != X509_V_OK) {
        dd_fail(err, DD_ERR_DENIED, "Redis at %s: its certificate is not good: %s", name,
                X509_verify_cert_error_string(verified));
        return dd_hint(err,
                       "redis.ca_file names the authority, redis.server_name the name that it must bear");
    }
    dd_fail(err, DD_ERR_UNAVAILABLE, "Redis at %s: %s: %s", name, what,
            reason ? reason : "the connection ended");
    if (reason && (strstr(reason, "certificate required") || strstr(reason, "handshake failure")))
        dd_hint(err, "it may ask for a certificate of ours: redis.cert and redis.key");
    return -1;
}

/* A name is told to the server too, so that it shows the right certificate; an address never is. */
static void expect_host(SSL *ssl, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
        return;
    }
    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, (void *)(uintptr_t)host);
    SSL_set1_host(ssl, host);
}

int dd_tls_connect(SSL_CTX *tls, int fd, const char *host, const char *name, const dd_patience *patience,
                   SSL **ret, dd_error **err)
{
    SSL *ssl = SSL_new(tls);
    int result = -1;
    dd_assert(ssl && SSL_set_fd(ssl, fd) == 1);
    expect_host(ssl, host);
    for (;;) {
        ERR_clear_error();
        int done = SSL_connect(ssl);
        int wants = done == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl, done);
        if (wants == SSL_ERROR_NONE) {
            *ret = ssl;
            return 0;
        }
        if (wants != SSL_ERROR_WANT_READ && wants != SSL_ERROR_WANT_WRITE) {
            dd_tls_fail(ssl, name, "TLS handshake", err);
            break;
        }
        int ready = dd_await(fd, wants == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, patience, err);
        if (ready == 0)
            dd_fail(err, DD_ERR_UNAVAILABLE, "Redis at %s: no TLS handshake in time", name);
        if (ready <= 0)
            break;
    }
    SSL_free(ssl);
    return result;
}
