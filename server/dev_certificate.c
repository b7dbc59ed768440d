/* The certificate that `drydock dev` makes for itself at its first start. */
#include "dev.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* Within the 825 days that clients accept of a server's certificate. */
#define VALID_SECONDS (825L * 24 * 3600)

static void pkey_freep(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void x509_freep(X509 **certificate)
{
    X509_free(*certificate);
}

static void bio_freep(BIO **bio)
{
    BIO_free(*bio);
}

static int fail_openssl(dd_error **err, const char *what)
{
    char text[160];
    ERR_error_string_n(ERR_get_error(), text, sizeof(text));
    return dd_fail(err, DD_ERR_INTERNAL, "%s: %s", what, text);
}

static bool add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool added = extension && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added;
}

static bool fill(X509 *certificate, EVP_PKEY *key)
{
    uint64_t serial = 0;
    dd_auto_str random = dd_random_hex(7);
    for (const char *digit = random; *digit; digit++)
        serial = serial * 16 + (uint64_t)(*digit <= '9' ? *digit - '0' : *digit - 'a' + 10);
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_set_version(certificate, X509_VERSION_3) &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_SECONDS) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"drydock dev", -1, -1,
                                      0) &&
           X509_set_issuer_name(certificate, name) && X509_set_pubkey(certificate, key) &&
           add_extension(certificate, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1") &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE") &&
           add_extension(certificate, NID_subject_key_identifier, "hash") &&
           X509_sign(certificate, key, EVP_sha256());
}

static int write_pem(const char *path, BIO *bio, mode_t mode, dd_error **err)
{
    char *data = NULL;
    long length = BIO_get_mem_data(bio, &data);
    return dd_write_file(path, data, (size_t)length, mode, err);
}

int dd_dev_certificate(const char *certificate_path, const char *key_path, dd_error **err)
{
    __attribute__((cleanup(pkey_freep))) EVP_PKEY *key = EVP_EC_gen("P-256");
    __attribute__((cleanup(x509_freep))) X509 *certificate = X509_new();
    __attribute__((cleanup(bio_freep))) BIO *key_pem = BIO_new(BIO_s_mem());
    __attribute__((cleanup(bio_freep))) BIO *certificate_pem = BIO_new(BIO_s_mem());
    if (!key || !certificate || !key_pem || !certificate_pem || !fill(certificate, key))
        return fail_openssl(err, "making a certificate");
    if (!PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) ||
        !PEM_write_bio_X509(certificate_pem, certificate))
        return fail_openssl(err, "writing a certificate");
    /* The key first: a certificate that is there says that its key is too. */
    if (write_pem(key_path, key_pem, 0600, err) < 0 ||
        write_pem(certificate_path, certificate_pem, 0644, err) < 0)
        return dd_context(err, "the certificate of drydock dev");
    return 0;
}
