/* The building-management system's broker connection: points out, job states in. The only user
 * of libmosquitto in the twin. Connects again for ever, on a thread of its own. */
#ifndef TIDEWATT_TWIN_BMS_MQTT_H
#define TIDEWATT_TWIN_BMS_MQTT_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/twin/exogenous.h"
#include "tools/twin/jobs.h"

struct bms_mqtt_config {
    const char *host;
    uint16_t port;
    const char *site;
    int64_t value_every_ms; /* site time */
};

struct bms_mqtt;

int bms_mqtt_create(const struct bms_mqtt_config *config, struct bms_mqtt **ret_bms,
                    struct error *error);
void bms_mqtt_destroy(struct bms_mqtt *bms);

/* Takes the job messages that arrived into `jobs`. After a (re)connect the table starts empty:
 * the broker's retained messages are the truth and follow at once. */
void bms_mqtt_take_jobs(struct bms_mqtt *bms, struct jobs *jobs);

/* Publishes what is due at the plant's time: metadata every 100 s, values every value_every. */
void bms_mqtt_publish(struct bms_mqtt *bms, const struct plant *plant,
                      const struct outside *outside);

#endif
