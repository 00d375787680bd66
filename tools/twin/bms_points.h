/* The building-management points of the twin: topics and payloads of the DSX BMS contract, as
 * text. Pure. */
#ifndef TIDEWATT_TWIN_BMS_POINTS_H
#define TIDEWATT_TWIN_BMS_POINTS_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/twin/exogenous.h"
#include "tools/twin/physics.h"

enum { BMS_POINTS = 12 + PLANT_RACKS, BMS_PAYLOAD = 1024 };
#define BMS_INTEGRATION "tidewatt" /* the controller's name in the contract */

/* BMS/v1/PUB/Value/... and BMS/v1/PUB/Metadata/... */
void bms_value_topic(const char *site, int point, char *ret_topic, size_t size);
void bms_metadata_topic(const char *site, int point, char *ret_topic, size_t size);

/* False: its values are the integration's to publish. */
bool bms_publishes(int point);
void bms_value(const struct plant *plant, const struct outside *outside, int point,
               char ret_payload[BMS_PAYLOAD]);
void bms_metadata(const char *site, int point, char ret_payload[BMS_PAYLOAD]);

#endif
