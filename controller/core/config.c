/* One table row an option keeps names, units, defaults and ranges in one place; the rest of this
 * file turns device lists and profiles into the topology. */
#include "controller/core/config.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void read_options(struct conf_node *top, struct config *config)
{
    for (int i = 0; i < OPTIONS; i++) {
        const struct option *option = &options[i];
        struct conf_node *group = conf_group(top, option->group, group_is_needed(option->group));
        double *value = (double *)((char *)&config->values + option->offset);
        *value = read_option(group, option);
    }
}

static void read_text(struct conf_node *top, const char *group_name, const char *name,
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
    read_text(top, "site", "name", "site", config->site, sizeof config->site);
    read_text(top, "site", "currency", "EUR", config->currency, sizeof config->currency);
    read_text(top, "controller", "socket", "/run/tidewatt/tidewatt.sock", config->socket_path,
              sizeof config->socket_path);
    read_text(top, "store", "path", "/var/lib/tidewatt/tidewatt.db", config->store_path,
              sizeof config->store_path);
    read_text(top, "jobs", "spool", "/var/lib/tidewatt/jobs", config->spool_path,
              sizeof config->spool_path);
    read_text(top, "jobs", "supervisor", "", config->supervisor_path,
              sizeof config->supervisor_path);
    read_text(top, "forecast", "history", "", config->history_path, sizeof config->history_path);
    read_text(top, "battery", "device", "", config->battery_device, sizeof config->battery_device);
    read_text(top, "cooling", "supply_device", "", config->chiller_device,
              sizeof config->chiller_device);
    read_text(top, "cooling", "inlet_device", "", config->inlet_device,
              sizeof config->inlet_device);
    read_text(top, "mqtt", "host", "", config->mqtt.host, sizeof config->mqtt.host);
    read_text(top, "mqtt", "client_id", "tidewatt", config->mqtt.client_id,
              sizeof config->mqtt.client_id);
    read_text(top, "mqtt", "username", "", config->mqtt.username, sizeof config->mqtt.username);
    read_text(top, "mqtt", "password", "", config->mqtt.password, sizeof config->mqtt.password);
    snprintf(config->mqtt.will_topic, sizeof config->mqtt.will_topic, "tidewatt/%s/status",
             config->site);
    config->mqtt.port = (uint16_t)config->values.mqtt_port;
    config->mqtt.keepalive_s = (int)config->values.keepalive_s;
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

/* ---- devices ---- */

struct device_reader {
    struct config *config;
    struct conf_node *node;
    char profile_folder[LIMIT_PATH];
    config_note note;
    void *context;
};

static void forward_note(void *context, const char *text)
{
    const struct device_reader *reader = context;
    reader->note(reader->context, text);
}

/* The profile of that name, loaded once however many devices use it. */
static const struct profile *find_profile(struct device_reader *reader, const char *name)
{
    struct config *config = reader->config;
    for (int i = 0; i < config->profile_count; i++) {
        if (strcmp(config->profiles[i].name, name) == 0)
            return &config->profiles[i];
    }
    if (config->profile_count == LIMIT_PROFILES) {
        conf_error(reader->node, "more than %d profiles", LIMIT_PROFILES);
        return NULL;
    }
    char path[LIMIT_PATH + LIMIT_NAME + 8];
    snprintf(path, sizeof path, "%s/%s.cfg", reader->profile_folder, name);
    struct profile *profile = &config->profiles[config->profile_count];
    struct error error;
    if (profile_load(path, profile, &error, forward_note, reader) < 0) {
        conf_error(reader->node, "profile \"%s\" cannot be used (%s)", name, error.text);
        return NULL;
    }
    if (strcmp(profile->name, name) != 0) {
        conf_error(reader->node, "profile file %s names itself \"%s\": make both the same", path,
                   profile->name);
        return NULL;
    }
    config->profile_count++;
    return profile;
}

/* "host:port" or "[v6]:port"; the port may be left out (502). */
static bool split_address(const char *text, char *ret_host, size_t size, uint16_t *ret_port)
{
    const char *host = text, *end = text + strlen(text), *port = NULL;
    if (*text == '[') {
        host = text + 1;
        const char *close = strchr(host, ']');
        if (!close || (close[1] != '\0' && close[1] != ':'))
            return false;
        port = close[1] == ':' ? close + 2 : NULL;
        end = close;
    } else if (strchr(text, ':')) {
        end = strchr(text, ':');
        port = end + 1;
    }
    char *rest = NULL;
    long number = port ? strtol(port, &rest, 10) : 502;
    if (end == host || (size_t)(end - host) >= size || (port && (*rest || rest == port)) ||
        number < 1 || number > 65535)
        return false;
    memcpy(ret_host, host, (size_t)(end - host));
    ret_host[end - host] = '\0';
    *ret_port = (uint16_t)number;
    return true;
}

static void read_modbus(struct device_reader *reader, int32_t device)
{
    struct config *config = reader->config;
    struct modbus_device *out = &config->modbus_devices[config->modbus_count];
    *out = (struct modbus_device){.device = device};
    out->unit = (uint8_t)conf_integer(reader->node, "unit", 1, 0, 255);
    const char *address = conf_string_required(reader->node, "address");
    if (address && !split_address(address, out->host, sizeof out->host, &out->port))
        conf_error(reader->node,
                   "address \"%s\": write HOST:PORT or [IPv6]:PORT, e.g. 192.0.2.7:502", address);
    const char *name = conf_string_required(reader->node, "profile");
    out->profile = name ? find_profile(reader, name) : NULL;
    for (int r = 0; out->profile && r < out->profile->row_count; r++) {
        const struct profile_row *row = &out->profile->rows[r];
        struct point point = {.kind = row->point,
                              .low = row->low,
                              .high = row->high,
                              .rollover_milliwh = row->rollover_milliwh,
                              .every_ms = row->every_ms};
        struct error error;
        if (topology_add_point(config->topology, &point, &error) < 0)
            conf_error(reader->node, "%s", error.text);
    }
    config->modbus_count++;
}

static void read_mqtt_point(struct device_reader *reader, int32_t device, struct conf_node *node)
{
    struct config *config = reader->config;
    const char *name = conf_string_required(node, "point");
    const char *topic = conf_string_required(node, "topic");
    const char *unit = conf_string(node, "unit", "");
    double scale = conf_number(node, "scale", 1, -1e12, 1e12);
    struct point point = {.device = device};
    point.low = conf_number(node, "low", -1e12, -1e15, 1e15);
    point.high = conf_number(node, "high", 1e12, -1e15, 1e15);
    struct mqtt_point out = {.factor = 1, .offset = 0};
    struct error error;
    if (!name || !topic)
        return;
    if (point_kind_find(name, &point.kind) < 0) {
        conf_error(node, "unknown point \"%s\": the names are in schema/points.def", name);
        return;
    }
    if (point_unit_factor(point.kind, unit, &out.factor, &error) < 0) {
        conf_error(node, "%s", error.text);
        return;
    }
    if (strlen(topic) >= sizeof out.topic || strpbrk(topic, "+#")) {
        conf_error(node, "topic \"%s\": write one topic of at most %zu bytes, no wildcards", topic,
                   sizeof out.topic - 1);
        return;
    }
    out.factor *= scale;
    snprintf(out.topic, sizeof out.topic, "%s", topic);
    out.point = topology_add_point(config->topology, &point, &error);
    if (out.point < 0)
        conf_error(node, "%s", error.text);
    else
        config->mqtt_points[config->mqtt_point_count++] = out;
}

static void read_mqtt_points(struct device_reader *reader, int32_t device)
{
    struct conf_node *list = conf_list(reader->node, "points", true);
    for (size_t i = 0; i < conf_length(list); i++) {
        if (reader->config->mqtt_point_count == LIMIT_POINTS) {
            conf_error(list, "more than %d MQTT points", LIMIT_POINTS);
            return;
        }
        read_mqtt_point(reader, device, conf_item(list, i));
    }
    if (reader->config->mqtt.host[0] == '\0')
        conf_error(reader->node, "points with topics need a broker: set mqtt.host");
}

static void read_device(struct device_reader *reader)
{
    struct conf_node *node = reader->node;
    struct config *config = reader->config;
    const char *name = conf_string_required(node, "name");
    const char *role_name = conf_string(node, "role", "none");
    const char *feeder_name = conf_string(node, "feeder", "");
    double stale_ms =
        conf_quantity(node, "stale_after", DIMENSION_DURATION, SECONDS(10), SECONDS(1), DAYS(1));
    enum device_role role = ROLE_NONE;
    if (device_role_find(role_name, &role) < 0)
        conf_error(node,
                   "unknown role \"%s\": utility, pv, wind, battery, ups, rack_pdu, it, "
                   "cooling, auxiliary, weather, market or none",
                   role_name);
    int32_t feeder = -1;
    if (*feeder_name) {
        feeder = topology_find_feeder(config->topology, feeder_name);
        if (feeder < 0)
            conf_error(node, "no feeder \"%s\": declare it under feeders", feeder_name);
    }
    if (!name)
        return;
    struct error error;
    int32_t device =
        topology_add_device(config->topology, name, role, feeder, (int64_t)stale_ms, &error);
    if (device < 0) {
        conf_error(node, "%s", error.text);
        return;
    }
    if (conf_has(node, "address") || conf_has(node, "profile"))
        read_modbus(reader, device);
    else
        read_mqtt_points(reader, device);
}

static void read_devices(struct conf_node *top, struct config *config, config_note note,
                         void *context)
{
    struct device_reader reader = {.config = config, .note = note, .context = context};
    /* Profiles live in `profiles` beside the folder of the site file unless the file says where. */
    char folder[LIMIT_PATH];
    snprintf(folder, sizeof folder, "%s", config->path);
    char *slash = strrchr(folder, '/');
    snprintf(slash ? slash : folder, sizeof folder - (size_t)(slash ? slash - folder : 0), "%s",
             slash ? "" : ".");
    const char *profiles = conf_string(top, "profiles", "profiles");
    if (*profiles == '/')
        snprintf(reader.profile_folder, sizeof reader.profile_folder, "%s", profiles);
    else if (snprintf(reader.profile_folder, sizeof reader.profile_folder, "%s/%s", folder,
                      profiles) >= (int)sizeof reader.profile_folder)
        conf_error(top, "the path of the profiles folder is too long");
    struct conf_node *list = conf_list(top, "devices", true);
    if (conf_length(list) > LIMIT_DEVICES) {
        conf_error(list, "more than %d devices", LIMIT_DEVICES);
        return;
    }
    for (size_t i = 0; i < conf_length(list); i++) {
        reader.node = conf_item(list, i);
        read_device(&reader);
    }
}

static int allocate(struct config *config, struct error *error)
{
    config->topology = topology_create();
    config->profiles = calloc(LIMIT_PROFILES, sizeof *config->profiles);
    config->modbus_devices = calloc(LIMIT_DEVICES, sizeof *config->modbus_devices);
    config->mqtt_points = calloc(LIMIT_POINTS, sizeof *config->mqtt_points);
    if (!config->topology || !config->profiles || !config->modbus_devices || !config->mqtt_points)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    return 0;
}

int configuration_load(const char *path, struct config **ret_config, config_note note,
                       void *context, struct error *error)
{
    struct config *config = calloc(1, sizeof *config);
    if (!config || allocate(config, error) < 0) {
        configuration_destroy(config);
        return error_set(error, ERROR_SYSTEM, "out of memory");
    }
    snprintf(config->path, sizeof config->path, "%s", path);
    struct conf *conf = conf_open(path, error);
    if (!conf) {
        note(context, error->text);
        configuration_destroy(config);
        return ERROR_INVALID;
    }
    struct conf_node *top = conf_root(conf);
    read_options(top, config);
    read_texts(top, config);
    read_modes(top, config);
    read_feeders(top, config);
    read_devices(top, config, note, context);
    if (conf_sound(conf)) /* after other errors it would judge what nobody wrote */
        config_check_whole(top, config);
    size_t problems = conf_finish(conf);
    for (size_t i = 0; i < problems; i++)
        note(context, conf_error_text(conf, i));
    conf_close(conf);
    if (problems) {
        configuration_destroy(config);
        return error_set(error, ERROR_INVALID, "%s: %zu problem%s", path, problems,
                         problems == 1 ? "" : "s");
    }
    *ret_config = config;
    return 0;
}

void configuration_destroy(struct config *config)
{
    if (!config)
        return;
    topology_destroy(config->topology);
    free(config->profiles);
    free(config->modbus_devices);
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
        .battery_revert_after_ms = (int64_t)v->revert_after_ms,
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
