/* TLS towards the MQTT broker: whom we trust, who we are, and why a broker was not trusted.
 *
 * The MQTT library is given a numeric address, so that each address of a broker gets its turn; it
 * would check the certificate against that. The name is therefore checked here, and so the reason
 * of a refusal is known in words. */
#ifndef TIDEWATT_DRIVERS_MQTT_TLS_H
#define TIDEWATT_DRIVERS_MQTT_TLS_H

#include <stdbool.h>

#include "controller/base/error.h"

struct mqtt_security {
    bool tls;
    char ca_file[LIMIT_PATH];   /* PEM: certificates that are trusted; "": those of the system */
    char cert_file[LIMIT_PATH]; /* PEM: our certificate and its chain; "": none */
    char key_file[LIMIT_PATH];  /* PEM: its private key */
};

struct mqtt_tls;

/* Both or none of certificate and key, and neither without TLS. */
int mqtt_security_check(const struct mqtt_security *security, struct error *error);

/* Reads the files. `host`: what the broker's certificate must be made out to, a name or address. */
int mqtt_tls_create(const struct mqtt_security *security, const char *host,
                    struct mqtt_tls **ret_tls, struct error *error);
void mqtt_tls_destroy(struct mqtt_tls *tls); /* NULL: nothing */

/* Reads the files again: certificates are renewed while we run. */
int mqtt_tls_reload(struct mqtt_tls *tls, struct error *error);
/* The SSL_CTX for the library, the same one for ever. */
void *mqtt_tls_context(struct mqtt_tls *tls);
/* Why the broker's certificate was refused since the last reload; "" if it was not. */
const char *mqtt_tls_refusal(const struct mqtt_tls *tls);

#endif
