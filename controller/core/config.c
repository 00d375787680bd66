/* One table row an option keeps names, units, defaults and ranges in one place. Devices are read in
 * config_devices.c, feeders in config_feeders.c, what MQTT needs in config_mqtt.c. */
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
enum { HORIZON_MOST_H = FORECAST_STEPS * (FORECAST_STEP_MS / MINUTE_MS) / 60 };

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
    QUANTITY("limits", "import_ramp", POWER_RATE, 0, 0, GIGA, import_ramp_w_per_s),
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
    QUANTITY("prices", "capacity", POWER, 0, 0, 1e9, capacity_w),
    QUANTITY("prices", "export", PRICE, 0, -1e4, 1e4, export_per_mwh),
    QUANTITY("prices", "delay", PRICE, 0.2, 0, 1e4, delay_per_mwh_h),
    NUMBER("prices", "churn", 2, 0, 1e4, churn),
    NUMBER("prices", "change_gain", 2, 0, 1e4, change_gain),
    QUANTITY("prices", "breach", PRICE, 20000, 1, 1e7, breach_per_mwh),
    QUANTITY("prices", "late_guaranteed", PRICE, 5000, 0, 1e7, late_guaranteed),
    QUANTITY("prices", "late_deferrable", PRICE, 1000, 0, 1e7, late_deferrable),
    QUANTITY("prices", "late_scavenger", PRICE, 300, 0, 1e7, late_scavenger),
    QUANTITY("prices", "late_growth", RATIO, 0.1, 0, 10, late_growth),
    QUANTITY("prices", "unserved_guaranteed", PRICE, 10000, 0, 1e7, unserved_guaranteed),
    QUANTITY("prices", "unserved_deferrable", PRICE, 4000, 0, 1e7, unserved_deferrable),
    QUANTITY("prices", "unserved_scavenger", PRICE, 600, 0, 1e7, unserved_scavenger),
    QUANTITY("cooling", "every", DURATION, MINUTES(10), SECONDS(10), HOURS(6), cooling_every_ms),
    NUMBER("cooling", "margin_k", 1.5, 0, 20, cooling_margin_k),
    NUMBER("cooling", "step_k", 0.5, 0.01, 5, cooling_step_k),
    QUANTITY("cooling", "chiller_max", POWER, 0, 0, GIGA, chiller_w),
    NUMBER("cooling", "cop", 4.5, 1, COOLING_COP_MOST, cop),
    QUANTITY("cooling", "cop_per_k", RATIO, 0.024, 0, 0.2, cop_per_k),
    QUANTITY("cooling", "free_below", TEMPERATURE, 8, -30, 40, free_below_c),
    QUANTITY("cooling", "free_above", TEMPERATURE, 16, -30, 40, free_above_c),
    NUMBER("cooling", "free_cop", 20, 1, 200, free_cop),
    NUMBER("cooling", "heat_ratio", 1.05, 0.5, 2, heat_ratio),
    QUANTITY("cooling", "distribution_ratio", RATIO, 0.08, 0, 1, distribution_ratio),
    QUANTITY("tank", "capacity", ENERGY, 0, 0, 1e12, tank_wh),
    QUANTITY("tank", "charge_max", POWER, 0, 0, GIGA, tank_charge_w),
    QUANTITY("tank", "discharge_max", POWER, 0, 0, GIGA, tank_discharge_w),
    QUANTITY("tank", "loss", RATIO, 0.01, 0, 1, tank_loss_per_h),
    QUANTITY("tank", "deadband", POWER, 5e3, 0, GIGA, tank_deadband_w),
    NUMBER("tank", "writes_per_hour", 60, 0, 36000, tank_writes_per_hour),
    QUANTITY("tank", "revert_after", DURATION, MINUTES(15), SECONDS(1), HOURS(18),
             tank_revert_after_ms),
    QUANTITY("plan", "every", DURATION, MINUTES(5), SECONDS(10), HOURS(24), plan_every_ms),
    QUANTITY("plan", "valid", DURATION, MINUTES(30), MINUTES(1), HOURS(48), plan_valid_ms),
    QUANTITY("plan", "horizon", DURATION, HOURS(48), HOURS(2), HOURS(HORIZON_MOST_H), horizon_ms),
    QUANTITY("plan", "deadline_margin", DURATION, MINUTES(15), 0, HOURS(24), deadline_margin_ms),
    QUANTITY("plan", "base_quantile", RATIO, 0.75, 0.5, 0.95, base_quantile),
    INTEGER("plan", "scenarios", 0, 0, LIMIT_SCENARIOS, scenarios),
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

bool config_read_flag(struct conf_node *top, const char *group, const char *name, bool fallback)
{
    return conf_flag(conf_group(top, group, false), name, fallback);
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
    config_read_text(top, "tank", "device", "", config->tank_device, sizeof config->tank_device);
    config->plan_on_arrival = config_read_flag(top, "plan", "on_arrival", true);
}

static void read_modes(struct conf_node *top, struct config *config)
{
    struct conf_node *group = conf_group(top, "modes", false);
    for (int s = 0; s < SUBSYSTEMS; s++)
        config->modes[s] =
            group ? (enum mode)conf_choice(group, subsystem_options[s], mode_options, MODE_OBSERVE)
                  : MODE_OBSERVE;
}

static int allocate(struct config *config, struct error *error)
{
    config->topology = topology_create();
    config->profiles = calloc(LIMIT_PROFILES, sizeof *config->profiles);
    config->modbus_devices = calloc(LIMIT_DEVICES, sizeof *config->modbus_devices);
    config->modbus_wires = calloc(LIMIT_DEVICES, sizeof *config->modbus_wires);
    config->feeds = calloc(LIMIT_FEEDS, sizeof *config->feeds);
    config->feed_zones = calloc(LIMIT_FEEDS, sizeof *config->feed_zones);
    config->mqtt_points = calloc(LIMIT_POINTS, sizeof *config->mqtt_points);
    if (!config->topology || !config->profiles || !config->modbus_devices ||
        !config->modbus_wires || !config->mqtt_points || !config->feeds || !config->feed_zones)
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
    config_read_feeds(top, config);
    read_modes(top, config);
    config_read_feeders(top, config);
    config_read_buses(top, config);
    config_read_devices(top, config, note, context);
    if (onboarded && conf_sound(conf))
        problems = read_onboarded(onboarded, config, note, context);
    if (conf_sound(conf)) /* after other errors it would judge what nobody wrote */
        config_check_whole(top, config);
    conf_leave(top, "backtest"); /* of `tidewatt backtest` */
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
    free(config->feeds);
    free(config->feed_zones);
    free(config);
}
