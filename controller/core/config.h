/* The configuration file of one site, read into one struct. Every option is one row of a table in
 * config.c (name, dimension, default, range); config/tidewatt.cfg documents them. */
#ifndef TIDEWATT_CORE_CONFIG_H
#define TIDEWATT_CORE_CONFIG_H

#include "controller/base/conf.h"
#include "controller/core/cycle.h"
#include "drivers/feed.h"
#include "drivers/modbus_master.h"
#include "drivers/mqtt.h"
#include "drivers/profile.h"

/* Numbers in their base units (W, Wh, ms, ratio 0..1, degC, currency/MWh, ...). */
struct config_values {
    double latitude_deg, longitude_deg;
    double tick_ms, socket_mode;
    double raw_every_ms, raw_keep_ms, minute_keep_ms, quarter_keep_ms;
    double import_w, import_fail_safe_w, export_w, headroom_w, import_ramp_w_per_s, overhead_most;
    double inlet_c, supply_min_c, supply_max_c, supply_fail_safe_c, supply_ramp_k_per_s;
    double cooling_writes_per_hour;
    double job_min_run_ms, job_min_stop_ms, settle_ms;
    double contest_rewrites, contest_window_ms, contest_hold_ms;
    double capacity_wh, reserve, soc_most, charge_w, discharge_w, charge_efficiency,
        discharge_efficiency, wear_per_mwh, ramp_w_per_s, deadband_w, battery_writes_per_hour,
        revert_after_ms;
    double carbon_per_t, peak_per_kw, capacity_w, export_per_mwh, delay_per_mwh_h, churn,
        change_gain, breach_per_mwh;
    double late_guaranteed, late_deferrable, late_scavenger, late_growth;
    double unserved_guaranteed, unserved_deferrable, unserved_scavenger;
    double cooling_every_ms, cooling_margin_k, cooling_step_k;
    double chiller_w, cop, cop_per_k, free_below_c, free_above_c, free_cop, heat_ratio,
        distribution_ratio;
    double tank_wh, tank_charge_w, tank_discharge_w, tank_loss_per_h, tank_deadband_w,
        tank_writes_per_hour, tank_revert_after_ms;
    double base_quantile, scenarios;
    double plan_every_ms, plan_valid_ms, horizon_ms, deadline_margin_ms, forecast_every_ms;
    double pue_category, meter_gap_ms;
    double fixed_w, overhead_ratio, base_reserve_w;
    double mqtt_port, keepalive_s, onboard_ms;
};

/* A serial line that devices name. */
struct config_bus {
    char name[LIMIT_NAME];
    struct modbus_serial_config serial;
    int wire; /* in modbus_wires; -1: no device uses it */
};

struct config {
    char path[LIMIT_PATH];
    char site[LIMIT_NAME];
    char currency[8];
    char socket_path[LIMIT_PATH];
    char store_path[LIMIT_PATH];
    char spool_path[LIMIT_PATH];
    char supervisor_path[LIMIT_PATH]; /* tidewatt-jobexec; empty: beside tidewattd */
    char history_path[LIMIT_PATH];    /* CSV imported into an empty store; empty: none */
    char battery_device[LIMIT_NAME], chiller_device[LIMIT_NAME], inlet_device[LIMIT_NAME],
        tank_device[LIMIT_NAME];
    bool plan_on_arrival;
    enum mode modes[SUBSYSTEMS];
    struct config_values values;
    struct mqtt_config mqtt;    /* host empty: no broker */
    bool onboard_roles;         /* onboarded devices count for what they were proposed as */
    struct error onboard_fault; /* why no onboarded device is used; empty: nothing is wrong */
    struct topology *topology;  /* the file's own devices first */
    int32_t own_devices;        /* the rest is onboarded */
    int onboard_left_out;       /* onboarded devices for which there is no room */
    struct profile *profiles;   /* owned */
    int profile_count;
    struct config_bus buses[LIMIT_BUSES];
    int bus_count;
    struct modbus_wire *modbus_wires; /* those that devices use */
    int wire_count;
    struct modbus_device *modbus_devices;
    int modbus_count;
    struct mqtt_point *mqtt_points;
    int mqtt_point_count;
    struct feed_config *feeds;
    int feed_count;
    struct feed_zone *feed_zones; /* that the feeds' documents are written in */
    int feed_zone_count;
};

/* Called with every problem found, each a whole line with file and line number. */
typedef void (*config_note)(void *context, const char *text);

/* Reads and validates everything, profiles included, and the devices that were onboarded (see
 * onboard.h) if the file asks for them. On failure (ERROR_INVALID, the number of
 * problems in the text) `ret_config` is NULL and every problem went to `note`. */
int configuration_load(const char *path, struct config **ret_config, config_note note,
                       void *context, struct error *error);
void configuration_destroy(struct config *config);

/* No more than it takes to reach the broker: the rest of the file may still be unfinished. */
int configuration_load_broker(const char *path, struct config **ret_config, config_note note,
                              void *context, struct error *error);
/* Tells what works, but should not be so: secrets that everybody can read, files that cannot be
 * read, onboarded devices that are not used. */
void configuration_warn(const struct config *config, config_note note, void *context);
/* Where onboarded devices are kept: beside the store. */
void configuration_onboarded_path(const struct config *config, char *ret_path, size_t size);

/* The part the cycle needs. */
void configuration_cycle(const struct config *config, struct cycle_config *ret_cycle);

#endif
