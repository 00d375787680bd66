/* What the files of the configuration share. */
#ifndef TIDEWATT_CORE_CONFIG_PRIVATE_H
#define TIDEWATT_CORE_CONFIG_PRIVATE_H

#include "controller/core/config.h"

/* ---- config.c ---- */

void config_read_text(struct conf_node *top, const char *group_name, const char *name,
                      const char *fallback, char *ret_text, size_t size);
bool config_read_flag(struct conf_node *top, const char *group, const char *name, bool fallback);
/* A path; relative ones start at the folder of the configuration file. "" stays "". */
int config_resolve(const struct config *config, const char *path, char *ret_path, size_t size);

/* ---- config_check.c ---- */

/* Notes what does not fit together. Only for files that are sound so far. */
void config_check_whole(struct conf_node *top, const struct config *config);
/* The counter that a device lacks for its role in the energy balance; false: none. */
bool config_lacks_counter(const struct topology *topology, int32_t device,
                          enum point_kind *ret_kind);

/* ---- config_devices.c ---- */

void config_read_devices(struct conf_node *top, struct config *config, config_note note,
                         void *context);
/* Devices that building management described: what the site's own file names is left out. */
void config_read_onboarded(struct conf_node *top, struct config *config);

/* ---- config_feeders.c ---- */

void config_read_feeders(struct conf_node *top, struct config *config);
/* Which feeder and rack group the device that was added last is behind. */
void config_place_device(struct conf_node *node, struct config *config);

/* ---- config_wires.c ---- */

void config_read_buses(struct conf_node *top, struct config *config);
/* Wire and unit of a Modbus device (wire -1: there was an error). */
void config_read_wire(struct conf_node *node, struct config *config, struct modbus_device *device);

/* ---- config_mqtt.c, config_mqtt_points.c ---- */

/* The driver's texts begin with its name; the place in the file says that already. */
const char *config_mqtt_text(const struct error *error);
/* The options of the group, but for the numbers, which are read already. */
void config_read_mqtt(struct conf_node *top, struct config *config);
/* The points of the device that was added last. */
void config_read_mqtt_points(struct conf_node *device_node, struct config *config, int32_t device);
/* Of a device that was onboarded: the points whose topics are not among the first `own_points`
 * MQTT points, those of the site's own file. They are only read, never written. */
int config_count_unmapped(struct conf_node *device_node, const struct config *config,
                          int own_points);
void config_read_unmapped(struct conf_node *device_node, struct config *config, int own_points);

/* Notes a secret that cannot be read, or that everybody can. */
void config_warn_secret(const char *path, const char *what, config_note note, void *context);

/* ---- config_feeds.c ---- */

void config_read_feeds(struct conf_node *top, struct config *config);
void config_warn_feeds(const struct config *config, config_note note, void *context);

#endif
