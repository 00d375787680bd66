/* TLS of the MQTT edge; see mqtt_tls.h. The only user of OpenSSL's libssl. */
#include "drivers/mqtt_tls.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct mqtt_tls {
    struct mqtt_security security;
    char host[256];
    bool by_address; /* the host is an address: no name to announce */
    SSL_CTX *context;
    struct error refusal;
};

/* ---- files ------------------------------------------------------------- */

/* In the words of OpenSSL, whose queue of errors must not outlive the call. */
static int file_error(struct error *error, const char *option, const char *path, const char *hint)
{
    unsigned long code = ERR_peek_error(); /* the cause; what follows only passes it on */
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    if (code && ERR_SYSTEM_ERROR(code))
        reason = strerror(ERR_GET_REASON(code));
    error_set(error, ERROR_INVALID, "mqtt.%s \"%s\": %s; %s", option, path,
              reason ? reason : "cannot be used", hint);
    ERR_clear_error();
    return ERROR_INVALID;
}

int mqtt_security_check(const struct mqtt_security *security, struct error *error)
{
    if (!security->cert_file[0] != !security->key_file[0])
        return error_set(error, ERROR_INVALID,
                         "mqtt: a client certificate needs both cert_file and key_file");
    if (!security->tls && (security->ca_file[0] || security->cert_file[0]))
        return error_set(error, ERROR_INVALID,
                         "mqtt: ca_file and cert_file have no use without tls: set tls = true");
    return 0;
}

/* A fresh store each time: a certificate that was taken out of the file must not stay trusted. */
static int load_trust(struct mqtt_tls *tls, struct error *error)
{
    const char *path = tls->security.ca_file;
    X509_STORE *store = X509_STORE_new();

    if (!store)
        return error_set(error, ERROR_SYSTEM, "mqtt: out of memory");
    if (path[0] ? X509_STORE_load_file(store, path) == 1
                : X509_STORE_set_default_paths(store) == 1) {
        SSL_CTX_set_cert_store(tls->context, store); /* which owns it now */
        return 0;
    }
    X509_STORE_free(store);
    return file_error(error, "ca_file", path, "it must be a readable PEM file of certificates");
}

static int load_identity(struct mqtt_tls *tls, struct error *error)
{
    const struct mqtt_security *security = &tls->security;

    if (!security->cert_file[0])
        return 0;
    if (SSL_CTX_use_certificate_chain_file(tls->context, security->cert_file) != 1)
        return file_error(error, "cert_file", security->cert_file,
                          "it must be a readable PEM file, our certificate first");
    if (SSL_CTX_use_PrivateKey_file(tls->context, security->key_file, SSL_FILETYPE_PEM) != 1)
        return file_error(error, "key_file", security->key_file,
                          "it must be a readable PEM file, the private key of cert_file, without "
                          "a pass phrase");
    return 0;
}

int mqtt_tls_reload(struct mqtt_tls *tls, struct error *error)
{
    int code;

    tls->refusal.text[0] = '\0';
    ERR_clear_error();
    code = load_trust(tls, error);
    return code < 0 ? code : load_identity(tls, error);
}

/* ---- the broker's certificate ------------------------------------------ */

static const char *advice(int code)
{
    switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "renew it at the broker, or check our clock";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "check our clock and the broker's certificate";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "set mqtt.host to a name that the certificate is made out to";
    default:
        return "set mqtt.ca_file to the authority that signed the broker's certificate";
    }
}

static int on_verify(int sound, X509_STORE_CTX *store)
{
    int code = X509_STORE_CTX_get_error(store);
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct mqtt_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    if (!sound)
        error_set(&tls->refusal, 0, "the broker's certificate is not trusted for %s: %s; %s",
                  tls->host, X509_verify_cert_error_string(code), advice(code));
    return sound;
}

/* The library announces the address it was given; servers of several names need the name. */
static void on_progress(const SSL *ssl, int where, int result)
{
    struct mqtt_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    (void)result;
    if (where & SSL_CB_HANDSHAKE_START)
        SSL_set_tlsext_host_name((SSL *)ssl, tls->by_address ? NULL : tls->host);
}

static int expect_host(struct mqtt_tls *tls)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(tls->context);
    unsigned char address[sizeof(struct in6_addr)];

    tls->by_address =
        inet_pton(AF_INET, tls->host, address) == 1 || inet_pton(AF_INET6, tls->host, address) == 1;
    if (tls->by_address)
        return X509_VERIFY_PARAM_set1_ip_asc(param, tls->host);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(param, tls->host, 0);
}

/* ---- creation ---------------------------------------------------------- */

/* A daemon has nobody to ask. */
static int no_pass_phrase(char *buffer, int size, int writing, void *context)
{
    (void)buffer, (void)size, (void)writing, (void)context;
    return -1;
}

static int configure(struct mqtt_tls *tls, struct error *error)
{
    tls->context = SSL_CTX_new(TLS_client_method());
    if (!tls->context || SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) != 1 ||
        expect_host(tls) != 1)
        return error_set(error, ERROR_SYSTEM, "mqtt: TLS cannot be set up: %s",
                         ERR_reason_error_string(ERR_peek_last_error()));
    SSL_CTX_set_app_data(tls->context, tls);
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, on_verify);
    SSL_CTX_set_default_passwd_cb(tls->context, no_pass_phrase);
    SSL_CTX_set_info_callback(tls->context, on_progress);
    return mqtt_tls_reload(tls, error);
}

int mqtt_tls_create(const struct mqtt_security *security, const char *host,
                    struct mqtt_tls **ret_tls, struct error *error)
{
    struct mqtt_tls *tls = calloc(1, sizeof(*tls));
    int code;

    if (!tls)
        return error_set(error, ERROR_SYSTEM, "mqtt: out of memory");
    tls->security = *security;
    strncpy(tls->host, host, sizeof(tls->host) - 1);
    code = configure(tls, error);
    if (code < 0) {
        mqtt_tls_destroy(tls);
        return code;
    }
    *ret_tls = tls;
    return 0;
}

void mqtt_tls_destroy(struct mqtt_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

void *mqtt_tls_context(struct mqtt_tls *tls)
{
    return tls->context;
}

const char *mqtt_tls_refusal(const struct mqtt_tls *tls)
{
    return tls->refusal.text;
}
