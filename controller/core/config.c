/* One table row an option keeps names, units, defaults and ranges in one place. Devices are read in
 * config_devices.c, what MQTT needs in config_mqtt.c. */
#include "controller/core/config.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/base/utc.h"
#include "controller/core/config_private.h"

enum option_form { FORM_QUANTITY, FORM_NUMBER, FORM_INTEGER };

struct option {
    const char *group, *name;
    enum option_form form;
    enum dimension dimension;
    double fallback, least, most;
    size_t offset;
    bool required;
};

#define AT(field) offsetof(struct config_values, field)
#define QUANTITY(group, name, dim, fallback, least, most, field)                                   \
    {                                                                                              \
        group, name, FORM_QUANTITY, DIMENSION_##dim, fallback, least, most, AT(field), false       \
    }
#define NEEDED(group, name, dim, least, most, field)                                               \
    {                                                                                              \
        group, name, FORM_QUANTITY, DIMENSION_##dim, 0, least, most, AT(field), true               \
    }
#define NUMBER(group, name, fallback, least, most, field)                                          \
    {                                                                                              \
        group, name, FORM_NUMBER, DIMENSION_COUNT, fallback, least, most, AT(field), false         \
    }
#define INTEGER(group, name, fallback, least, most, field)                                         \
    {                                                                                              \
        group, name, FORM_INTEGER, DIMENSION_COUNT, fallback, least, most, AT(field), false        \
    }

static const double GIGA = 1e9;

#define DAYS(n) ((n) * (double)DAY_MS)
#define HOURS(n) ((n) * (double)HOUR_MS)
#define MINUTES(n) ((n) * (double)MINUTE_MS)
#define SECONDS(n) ((n) * (double)SECOND_MS)

static const struct option options[] = {
    NUMBER("site", "latitude", 0, -90, 90, latitude_deg),
    NUMBER("site", "longitude", 0, -180, 180, longitude_deg),
    QUANTITY("controller", "tick", DURATION, SECONDS(1), SECONDS(0.1), MINUTES(1), tick_ms),
    INTEGER("controller", "socket_mode", 0660, 0600, 0777, socket_mode),
    QUANTITY("store", "raw_every", DURATION, SECONDS(1), SECONDS(0.1), HOURS(1), raw_every_ms),
    QUANTITY("store", "raw_keep", DURATION, DAYS(7), HOURS(1), DAYS(3650), raw_keep_ms),
    QUANTITY("store", "minute_keep", DURATION, DAYS(90), DAYS(1), DAYS(3650), minute_keep_ms),
    QUANTITY("store", "quarter_keep", DURATION, DAYS(1100), DAYS(2), DAYS(36500), quarter_keep_ms),
    NEEDED("limits", "import", POWER, 0, 1e9, import_w),
    NEEDED("limits", "import_fail_safe", POWER, 0, 1e9, import_fail_safe_w),
    QUANTITY("limits", "export", POWER, 0, 0, 1e9, export_w),
    QUANTITY("limits", "headroom", POWER, 0, 0, 1e9, headroom_w),
    NUMBER("limits", "overhead_most", 1.6, 1, 3, overhead_most),
    QUANTITY("limits", "inlet", TEMPERATURE, 27, 15, 60, inlet_c),
    QUANTITY("limits", "supply_min", TEMPERATURE, 14, 4, 50, supply_min_c),
    QUANTITY("limits", "supply_max", TEMPERATURE, 24, 4, 55, supply_max_c),
    QUANTITY("limits", "supply_fail_safe", TEMPERATURE, 16, 4, 50, supply_fail_safe_c),
    QUANTITY("limits", "supply_ramp", TEMPERATURE_RATE, 1.0 / 60, 0, 1, supply_ramp_k_per_s),
    NUMBER("limits", "cooling_writes_per_hour", 12, 0, 3600, cooling_writes_per_hour),
    QUANTITY("limits", "job_min_run", DURATION, MINUTES(15), 0, DAYS(1), job_min_run_ms),
    QUANTITY("limits", "job_min_stop", DURATION, MINUTES(5), 0, DAYS(1), job_min_stop_ms),
    QUANTITY("limits", "settle", DURATION, SECONDS(5), 0, HOURS(1), settle_ms),
    INTEGER("limits", "other_writer_rewrites", 3, 0, 100, contest_rewrites),
    QUANTITY("limits", "other_writer_within", DURATION, MINUTES(10), SECONDS(1), DAYS(1),
             contest_window_ms),
    QUANTITY("limits", "other_writer_hold_off", DURATION, MINUTES(15), 0, DAYS(1), contest_hold_ms),
    QUANTITY("battery", "capacity", ENERGY, 0, 0, 1e12, capacity_wh),
    QUANTITY("battery", "reserve", RATIO, 0.2, 0, 1, reserve),
    QUANTITY("battery", "soc_max", RATIO, 0.95, 0, 1, soc_most),
    QUANTITY("battery", "charge_max", POWER, 0, 0, GIGA, charge_w),
    QUANTITY("battery", "discharge_max", POWER, 0, 0, GIGA, discharge_w),
    QUANTITY("battery", "charge_efficiency", RATIO, 0.96, 0.3, 1, charge_efficiency),
    QUANTITY("battery", "discharge_efficiency", RATIO, 0.96, 0.3, 1, discharge_efficiency),
    QUANTITY("battery", "wear", PRICE, 10, 0, 1e6, wear_per_mwh),
    QUANTITY("battery", "ramp", POWER_RATE, 20e3, 1, GIGA, ramp_w_per_s),
    QUANTITY("battery", "deadband", POWER, 2e3, 0, GIGA, deadband_w),
    NUMBER("battery", "writes_per_hour", 360, 0, 36000, battery_writes_per_hour),
    QUANTITY("battery", "revert_after", DURATION, MINUTES(2), SECONDS(1), HOURS(18),
             revert_after_ms),
    QUANTITY("prices", "carbon", CARBON_PRICE, 80, 0, 1e5, carbon_per_t),
    QUANTITY("prices", "peak", POWER_PRICE, 0, 0, 1e4, peak_per_kw),
    QUANTITY("prices", "export", PRICE, 0, -1e4, 1e4, export_per_mwh),
    QUANTITY("prices", "delay", PRICE, 0.2, 0, 1e4, delay_per_mwh_h),
    NUMBER("prices", "churn", 0.2, 0, 1e4, churn),
    QUANTITY("prices", "breach", PRICE, 20000, 1, 1e7, breach_per_mwh),
    QUANTITY("prices", "late_guaranteed", PRICE, 5000, 0, 1e7, late_guaranteed),
    QUANTITY("prices", "late_deferrable", PRICE, 1000, 0, 1e7, late_deferrable),
    QUANTITY("prices", "late_scavenger", PRICE, 300, 0, 1e7, late_scavenger),
    QUANTITY("prices", "unserved_guaranteed", PRICE, 10000, 0, 1e7, unserved_guaranteed),
    QUANTITY("prices", "unserved_deferrable", PRICE, 4000, 0, 1e7, unserved_deferrable),
    QUANTITY("prices", "unserved_scavenger", PRICE, 600, 0, 1e7, unserved_scavenger),
    QUANTITY("cooling", "every", DURATION, MINUTES(10), SECONDS(10), HOURS(6), cooling_every_ms),
    NUMBER("cooling", "margin_k", 1.5, 0, 20, cooling_margin_k),
    NUMBER("cooling", "step_k", 0.5, 0.01, 5, cooling_step_k),
    QUANTITY("plan", "every", DURATION, MINUTES(5), SECONDS(10), HOURS(6), plan_every_ms),
    QUANTITY("plan", "valid", DURATION, MINUTES(30), MINUTES(1), HOURS(48), plan_valid_ms),
    QUANTITY("plan", "horizon", DURATION, HOURS(48), HOURS(2), HOURS(48), horizon_ms),
    QUANTITY("plan", "deadline_margin", DURATION, MINUTES(15), 0, HOURS(24), deadline_margin_ms),
    QUANTITY("forecast", "every", DURATION, MINUTES(15), MINUTES(1), HOURS(24), forecast_every_ms),
    INTEGER("pue", "category", 2, 1, 3, pue_category),
    QUANTITY("pue", "gap", DURATION, MINUTES(1), SECONDS(1), HOURS(1), meter_gap_ms),
    QUANTITY("plant", "fixed", POWER, 0, 0, GIGA, fixed_w),
    QUANTITY("plant", "overhead_ratio", RATIO, 0.3, 0, 2, overhead_ratio),
    QUANTITY("jobs", "base_reserve", POWER, 0, 0, GIGA, base_reserve_w),
    INTEGER("mqtt", "port", 1883, 1, 65535, mqtt_port),
    INTEGER("mqtt", "keepalive_s", 30, 5, 3600, keepalive_s),
    QUANTITY("mqtt", "onboard", DURATION, 0, 0, MINUTES(1), onboard_ms),
};

enum { OPTIONS = sizeof options / sizeof *options };

static const char *const subsystem_options[SUBSYSTEMS] = {"jobs", "battery", "cooling"};
static const char *const mode_options[MODES + 1] = {"observe", "advise", "control", NULL};

static bool group_is_needed(const char *group)
{
    for (int i = 0; i < OPTIONS; i++) {
        if (options[i].required && strcmp(options[i].group, group) == 0)
            return true;
    }
    return false;
}

static double read_option(struct conf_node *group, const struct option *option)
{
    if (!group)
        return option->fallback;
    switch (option->form) {
    case FORM_NUMBER:
        return conf_number(group, option->name, option->fallback, option->least, option->most);
    case FORM_INTEGER:
        return (double)conf_integer(group, option->name, (int64_t)option->fallback,
                                    (int64_t)option->least, (int64_t)option->most);
    case FORM_QUANTITY:
        break;
    }
    if (option->required)
        return conf_quantity_required(group, option->name, option->dimension, option->least,
                                      option->most);
    return conf_quantity(group, option->name, option->dimension, option->fallback, option->least,
                         option->most);
}

/* `only`: the options of one group; NULL: all. */
static void read_options(struct conf_node *top, struct config *config, const char *only)
{
    for (int i = 0; i < OPTIONS; i++) {
        const struct option *option = &options[i];
        if (only && strcmp(option->group, only) != 0)
            continue;
        struct conf_node *group = conf_group(top, option->group, group_is_needed(option->group));
        double *value = (double *)((char *)&config->values + option->offset);
        *value = read_option(group, option);
    }
}

void config_read_text(struct conf_node *top, const char *group_name, const char *name,
                      const char *fallback, char *ret_text, size_t size)
{
    struct conf_node *group = conf_group(top, group_name, false);
    const char *text = group ? conf_string(group, name, fallback) : fallback;
    if (strlen(text) >= size)
        conf_error(group, "'%s' is longer than %zu bytes: shorten it", name, size - 1);
    else
        snprintf(ret_text, size, "%s", text);
}

static void read_texts(struct conf_node *top, struct config *config)
{
    config_read_text(top, "site", "name", "site", config->site, sizeof config->site);
    config_read_text(top, "site", "currency", "EUR", config->currency, sizeof config->currency);
    config_read_text(top, "controller", "socket", "/run/tidewatt/tidewatt.sock",
                     config->socket_path, sizeof config->socket_path);
    config_read_text(top, "store", "path", "/var/lib/tidewatt/tidewatt.db", config->store_path,
                     sizeof config->store_path);
    config_read_text(top, "jobs", "spool", "/var/lib/tidewatt/jobs", config->spool_path,
                     sizeof config->spool_path);
    config_read_text(top, "jobs", "supervisor", "", config->supervisor_path,
                     sizeof config->supervisor_path);
    config_read_text(top, "forecast", "history", "", config->history_path,
                     sizeof config->history_path);
    config_read_text(top, "battery", "device", "", config->battery_device,
                     sizeof config->battery_device);
    config_read_text(top, "cooling", "supply_device", "", config->chiller_device,
                     sizeof config->chiller_device);
    config_read_text(top, "cooling", "inlet_device", "", config->inlet_device,
                     sizeof config->inlet_device);
}

static void read_modes(struct conf_node *top, struct config *config)
{
    struct conf_node *group = conf_group(top, "modes", false);
    for (int s = 0; s < SUBSYSTEMS; s++)
        config->modes[s] =
            group ? (enum mode)conf_choice(group, subsystem_options[s], mode_options, MODE_OBSERVE)
                  : MODE_OBSERVE;
}

static void read_feeders(struct conf_node *top, struct config *config)
{
    struct conf_node *list = conf_list(top, "feeders", true);
    for (size_t i = 0; i < conf_length(list); i++) {
        struct conf_node *group = conf_item(list, i);
        const char *name = conf_string_required(group, "name");
        double limit_w = conf_quantity_required(group, "limit", DIMENSION_POWER, 1, GIGA);
        struct error error;
        if (name && topology_add_feeder(config->topology, name, limit_w, &error) < 0)
            conf_error(group, "%s", error.text);
    }
    if (list && conf_length(list) == 0)
        conf_error(list, "no feeder: name at least one, with its limit");
}

static int allocate(struct config *config, struct error *error)
{
    config->topology = topology_create();
    config->profiles = calloc(LIMIT_PROFILES, sizeof *config->profiles);
    config->modbus_devices = calloc(LIMIT_DEVICES, sizeof *config->modbus_devices);
    config->modbus_wires = calloc(LIMIT_DEVICES, sizeof *config->modbus_wires);
    config->mqtt_points = calloc(LIMIT_POINTS, sizeof *config->mqtt_points);
    if (!config->topology || !config->profiles || !config->modbus_devices ||
        !config->modbus_wires || !config->mqtt_points)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    return 0;
}

static struct config *create(const char *path, struct error *error)
{
    struct config *config = calloc(1, sizeof *config);
    if (!config || allocate(config, error) < 0) {
        configuration_destroy(config);
        error_set(error, ERROR_SYSTEM, "out of memory");
        return NULL;
    }
    snprintf(config->path, sizeof config->path, "%s", path);
    return config;
}

/* Hands every problem on, and counts them. */
static size_t tell_problems(const struct conf *conf, config_note note, void *context)
{
    size_t problems = conf_error_count(conf);
    for (size_t i = 0; i < problems; i++)
        note(context, conf_error_text(conf, i));
    return problems;
}

/* The devices of the other file join those of the site. Its keys that are not for us are no
 * mistakes: a program wrote it, for people too. */
static size_t read_onboarded(const char *path, struct config *config, config_note note,
                             void *context)
{
    struct error error;
    struct conf *conf = conf_open(path, &error);
    if (!conf) {
        note(context, error.text);
        return 1;
    }
    config_read_onboarded(conf_root(conf), config);
    size_t problems = tell_problems(conf, note, context);
    conf_close(conf);
    return problems;
}

static size_t read_all(struct conf *conf, const char *onboarded, struct config *config,
                       config_note note, void *context)
{
    struct conf_node *top = conf_root(conf);
    size_t problems = 0;
    read_options(top, config, NULL);
    read_texts(top, config);
    config_read_mqtt(top, config);
    read_modes(top, config);
    read_feeders(top, config);
    config_read_buses(top, config);
    config_read_devices(top, config, note, context);
    if (onboarded && conf_sound(conf))
        problems = read_onboarded(onboarded, config, note, context);
    if (conf_sound(conf)) /* after other errors it would judge what nobody wrote */
        config_check_whole(top, config);
    conf_finish(conf);
    return problems + tell_problems(conf, note, context);
}

/* No more than it takes to reach the broker: the rest of the file may still be unfinished. */
static size_t read_broker(struct conf *conf, struct config *config, config_note note, void *context)
{
    struct conf_node *top = conf_root(conf);
    read_options(top, config, "mqtt");
    config_read_mqtt(top, config);
    if (conf_sound(conf) && !*config->mqtt.host)
        conf_error(top, "no broker: name it in mqtt.host");
    return tell_problems(conf, note, context);
}

enum extent { WHOLE, BROKER_ONLY };

static int load(const char *path, enum extent extent, const char *onboarded,
                struct config **ret_config, config_note note, void *context, struct error *error)
{
    struct config *config = create(path, error);
    if (!config)
        return ERROR_SYSTEM;
    struct conf *conf = conf_open(path, error);
    if (!conf) {
        note(context, error->text);
        configuration_destroy(config);
        return ERROR_INVALID;
    }
    size_t problems = extent == WHOLE ? read_all(conf, onboarded, config, note, context)
                                      : read_broker(conf, config, note, context);
    conf_close(conf);
    if (problems) {
        configuration_destroy(config);
        return error_set(error, ERROR_INVALID, "%s: %zu problem%s", path, problems,
                         problems == 1 ? "" : "s");
    }
    *ret_config = config;
    return 0;
}

static void keep_first(void *context, const char *text)
{
    struct error *first = context;
    if (!*first->text)
        error_set(first, 0, "%s", text);
}

/* What building management said is never a reason not to start: without sound devices of its file
 * the site is what its own file says. */
static struct config *with_onboarded(struct config *own)
{
    char path[LIMIT_PATH];
    struct error first = {""}, error;
    struct config *whole;
    configuration_onboarded_path(own, path, sizeof path);
    if (access(path, F_OK) < 0)
        return own;
    if (load(own->path, WHOLE, path, &whole, keep_first, &first, &error) < 0) {
        error_set(&own->onboard_fault, 0, "none of the onboarded devices is used: %s", first.text);
        return own;
    }
    configuration_destroy(own);
    return whole;
}

int configuration_load(const char *path, struct config **ret_config, config_note note,
                       void *context, struct error *error)
{
    struct config *config;
    struct error own;
    int result = load(path, WHOLE, NULL, &config, note, context, error ? error : &own);
    if (result == 0)
        *ret_config = config->values.onboard_ms > 0 ? with_onboarded(config) : config;
    return result;
}

int configuration_load_broker(const char *path, struct config **ret_config, config_note note,
                              void *context, struct error *error)
{
    return load(path, BROKER_ONLY, NULL, ret_config, note, context, error);
}

int config_resolve(const struct config *config, const char *path, char *ret_path, size_t size)
{
    const char *slash = strrchr(config->path, '/');
    int folder = *path && *path != '/' && slash ? (int)(slash - config->path) + 1 : 0;
    return snprintf(ret_path, size, "%.*s%s", folder, config->path, path) < (int)size
               ? 0
               : ERROR_INVALID;
}

void configuration_onboarded_path(const struct config *config, char *ret_path, size_t size)
{
    const char *slash = strrchr(config->store_path, '/');
    int folder = slash ? (int)(slash - config->store_path) + 1 : 0;
    snprintf(ret_path, size, "%.*s%s", folder, config->store_path, "onboarded.cfg");
}

void configuration_destroy(struct config *config)
{
    if (!config)
        return;
    topology_destroy(config->topology);
    free(config->profiles);
    free(config->modbus_devices);
    free(config->modbus_wires);
    free(config->mqtt_points);
    free(config);
}

/* ---- for the cycle ---- */

static void fill_guard(const struct config *config, struct guard_config *guard)
{
    const struct config_values *v = &config->values;
    *guard = (struct guard_config){
        .import_limit_w = v->import_w,
        .import_fail_safe_w = v->import_fail_safe_w,
        .export_limit_w = v->export_w,
        .headroom_w = v->headroom_w,
        .soc_min_pct = v->reserve * 100,
        .soc_max_pct = v->soc_most * 100,
        .battery_charge_max_w = v->charge_w,
        .battery_discharge_max_w = v->discharge_w,
        .battery_ramp_w_per_s = v->ramp_w_per_s,
        .battery_deadband_w = v->deadband_w,
        .battery_write_per_hour = v->battery_writes_per_hour,
        .inlet_limit_c = v->inlet_c,
        .supply_min_c = v->supply_min_c,
        .supply_max_c = v->supply_max_c,
        .supply_ramp_k_per_s = v->supply_ramp_k_per_s,
        .supply_fail_safe_c = v->supply_fail_safe_c,
        .cooling_write_per_hour = v->cooling_writes_per_hour,
        .overhead_ratio_max = v->overhead_most,
        .job_min_run_ms = (int64_t)v->job_min_run_ms,
        .job_min_stop_ms = (int64_t)v->job_min_stop_ms,
        .settle_ms = (int64_t)v->settle_ms,
        .refresh_ms = (int64_t)(v->revert_after_ms / 2),
        .revert_s = v->revert_after_ms / SECOND_MS,
        .contest_rewrites = (int)v->contest_rewrites,
        .contest_window_ms = (int64_t)v->contest_window_ms,
        .contest_hold_ms = (int64_t)v->contest_hold_ms,
        .feeder_count = config->topology->feeder_count,
    };
    for (int f = 0; f < config->topology->feeder_count; f++)
        guard->feeder_limit_w[f] = config->topology->feeders[f].limit_w;
}

static void fill_prices(const struct config_values *v, struct problem_prices *prices)
{
    *prices = (struct problem_prices){
        .carbon_per_t = v->carbon_per_t,
        .peak_per_kw = v->peak_per_kw,
        .delay_per_mwh_h = v->delay_per_mwh_h,
        .churn = v->churn,
        .breach_per_mwh = v->breach_per_mwh,
    };
    /* Realtime work is never planned; should it be late it weighs as guaranteed work. */
    const double late[JOB_CLASSES] = {v->late_guaranteed, v->late_guaranteed, v->late_deferrable,
                                      v->late_scavenger};
    const double unserved[JOB_CLASSES] = {v->unserved_guaranteed, v->unserved_guaranteed,
                                          v->unserved_deferrable, v->unserved_scavenger};
    memcpy(prices->lateness_per_mwh, late, sizeof late);
    memcpy(prices->unserved_per_mwh, unserved, sizeof unserved);
}

void configuration_cycle(const struct config *config, struct cycle_config *ret_cycle)
{
    const struct config_values *v = &config->values;
    *ret_cycle = (struct cycle_config){
        .topology = config->topology,
        .battery_device = topology_find_device(config->topology, config->battery_device),
        .chiller_device = topology_find_device(config->topology, config->chiller_device),
        .inlet_device = topology_find_device(config->topology, config->inlet_device),
        .battery = {.capacity_wh = *config->battery_device ? v->capacity_wh : 0,
                    .soc_min_wh = v->reserve * v->capacity_wh,
                    .soc_max_wh = v->soc_most * v->capacity_wh,
                    .charge_max_w = v->charge_w,
                    .discharge_max_w = v->discharge_w,
                    .charge_efficiency = v->charge_efficiency,
                    .discharge_efficiency = v->discharge_efficiency,
                    .wear_per_mwh = v->wear_per_mwh},
        .export_price_per_mwh = v->export_per_mwh,
        .fixed_w = v->fixed_w,
        .overhead_ratio = v->overhead_ratio,
        .cooling_every_ms = (int64_t)v->cooling_every_ms,
        .cooling_margin_k = v->cooling_margin_k,
        .cooling_step_k = v->cooling_step_k,
        .deadline_margin_ms = (int64_t)v->deadline_margin_ms,
        .plan_every_ms = (int64_t)v->plan_every_ms,
        .plan_valid_ms = (int64_t)v->plan_valid_ms,
        .forecast_every_ms = (int64_t)v->forecast_every_ms,
        .meter_gap_ms = (int64_t)v->meter_gap_ms,
        .horizon_h = (int32_t)(v->horizon_ms / HOUR_MS),
        .pue_category = (int)v->pue_category,
        .forecaster = {.latitude_deg = v->latitude_deg, .longitude_deg = v->longitude_deg},
    };
    memcpy(ret_cycle->modes, config->modes, sizeof config->modes);
    fill_guard(config, &ret_cycle->guard);
    fill_prices(v, &ret_cycle->prices);
}
