/* What each option allows by itself may still not fit together; every such error names the group
 * or device it is about. */
#include "controller/core/config_private.h"

#include <math.h>
#include <stdio.h>

#include "controller/base/utc.h"

static void check_named_device(struct conf_node *node, const struct config *config,
                               const char *option, const char *name, enum point_kind needed)
{
    if (!*name)
        return;
    int32_t device = topology_find_device(config->topology, name);
    if (device < 0)
        conf_error(node, "%s \"%s\": there is no such device", option, name);
    else if (topology_find_point(config->topology, device, needed) < 0)
        conf_error(node, "%s \"%s\": the device has no point %s", option, name,
                   point_kind_name(needed));
}

bool config_lacks_counter(const struct topology *topology, int32_t d, enum point_kind *ret_kind)
{
    enum device_role role = topology->devices[d].role;
    bool generates = role == ROLE_PV || role == ROLE_WIND;
    bool takes_part = role != ROLE_NONE && role != ROLE_WEATHER && role != ROLE_MARKET;
    bool import = topology_find_point(topology, d, POINT_ENERGY_IMPORT) >= 0;
    bool export = topology_find_point(topology, d, POINT_ENERGY_EXPORT) >= 0;
    if (!takes_part || (!import && !export))
        return false; /* without counters the power is integrated, or the balance says unknown */
    bool lacks_import = !import && !generates;
    bool lacks_export = !export && (generates || role == ROLE_BATTERY);
    *ret_kind = lacks_import ? POINT_ENERGY_IMPORT : POINT_ENERGY_EXPORT;
    return lacks_import || lacks_export;
}

/* The counter by which a role takes part in the energy balance must not be the one missing. */
static void check_counters(struct conf_node *node, const struct topology *topology, int32_t d)
{
    enum point_kind lacking;
    if (config_lacks_counter(topology, d, &lacking))
        conf_error(
            node, "device \"%s\": its role %s needs the counter %s, its profile has only the other",
            topology->devices[d].name, device_role_name(topology->devices[d].role),
            point_kind_name(lacking));
}

/* A set-point is renewed at half its reversion time: the write budget must allow that. */
static void check_refresh(struct conf_node *node, const char *group, const char *device,
                          double writes_per_hour, double revert_after_ms)
{
    double needed = 2.0 * HOUR_MS / revert_after_ms;
    if (*device && writes_per_hour < needed)
        conf_error(node,
                   "%s.writes_per_hour is too small for %s.revert_after: renewing the "
                   "set-point alone takes %.0f writes an hour",
                   group, group, ceil(needed));
}

/* A feeder's load is the sum of its rack PDUs: none may be missing. */
static void check_feeder(struct conf_node *node, const struct topology *topology, int32_t f)
{
    bool metered = false, whole = false, group_metered[LIMIT_GROUPS] = {false};
    for (int32_t d = topology_next(topology, ROLE_RACK_PDU, 0); d >= 0;
         d = topology_next(topology, ROLE_RACK_PDU, d + 1)) {
        const struct device *device = &topology->devices[d];
        metered |= device->feeder == f;
        whole |= device->feeder == f && device->group < 0;
        if (device->group >= 0)
            group_metered[device->group] = true;
    }
    if (!metered)
        conf_error(node,
                   "feeder \"%s\" has no device with role \"rack_pdu\": its limit cannot be "
                   "kept, so jobs cannot be controlled on it",
                   topology->feeders[f].name);
    for (int32_t g = 0; metered && !whole && g < topology->group_count; g++)
        if (topology->groups[g].feeder == f && !group_metered[g])
            conf_error(node,
                       "group \"%s\" has no device with role \"rack_pdu\", other groups of feeder "
                       "\"%s\" have: its load is missing in the feeder's",
                       topology->groups[g].name, topology->feeders[f].name);
}

static void check_feeders(struct conf_node *node, const struct config *config)
{
    if (config->modes[SUBSYSTEM_JOBS] != MODE_CONTROL)
        return;
    for (int32_t f = 0; f < config->topology->feeder_count; f++)
        check_feeder(node, config->topology, f);
}

/* What the planner counts on must be what the set-point takes: it would be held back every time. */
static void check_reach(struct conf_node *node, const char *option, double power_w, double takes_w,
                        enum point_kind kind)
{
    char power[32], takes[32];
    if (power_w > takes_w)
        conf_error(node,
                   "%s %s is beyond what the profile lets %s take, %s: lower it, or correct the "
                   "write range of the profile",
                   option, quantity_format(power_w, DIMENSION_POWER, power, (int)sizeof power),
                   point_kind_name(kind),
                   quantity_format(takes_w, DIMENSION_POWER, takes, (int)sizeof takes));
}

/* Discharge is positive in set-points. */
static void check_storage(struct conf_node *node, const struct config *config, const char *group,
                          const char *device_name, enum point_kind kind, double charge_w,
                          double discharge_w)
{
    int32_t device = topology_find_device(config->topology, device_name);
    int32_t p = device < 0 ? -1 : topology_find_point(config->topology, device, kind);
    if (!*device_name)
        return;
    if (charge_w <= 0 && discharge_w <= 0)
        conf_error(node,
                   "%s.charge_max and %s.discharge_max are 0: it would never be used; name them, "
                   "or take out %s.device",
                   group, group, group);
    const struct point_write *write = p < 0 ? NULL : &config->topology->points[p].write;
    if (!write || write->low >= write->high)
        return;
    char option[LIMIT_NAME];
    snprintf(option, sizeof option, "%s.charge_max", group);
    check_reach(node, option, charge_w, fmax(-write->low, 0), kind);
    snprintf(option, sizeof option, "%s.discharge_max", group);
    check_reach(node, option, discharge_w, fmax(write->high, 0), kind);
}

static void check_capacity(struct conf_node *node, const struct config_values *v)
{
    if (v->capacity_w > v->import_w)
        conf_error(node, "prices.capacity is above limits.import: it would never be reached");
    if (v->capacity_w > 0 && v->peak_per_kw <= 0)
        conf_error(node, "prices.capacity needs prices.peak: what a kW above it costs");
}

static void check_tank(struct conf_node *node, const struct config *config)
{
    const struct config_values *v = &config->values;
    int32_t device = topology_find_device(config->topology, config->tank_device);
    if (!*config->tank_device)
        return;
    if (v->chiller_w <= 0)
        conf_error(node, "a tank needs cooling.chiller_max: cooling is planned only where it is "
                         "modelled");
    if (v->tank_wh <= 0)
        conf_error(node, "tank.capacity is missing: name the cold that it stores, e.g. \"4 MWh\"");
    check_storage(node, config, "tank", config->tank_device, POINT_POWER_COOLING_SET,
                  v->tank_charge_w, v->tank_discharge_w);
    check_named_device(node, config, "tank.device", config->tank_device, POINT_POWER_COOLING_SET);
    if (device >= 0)
        check_named_device(node, config, "tank.device", config->tank_device, POINT_SOC);
}

static bool is_quantile(double share)
{
    for (int q = QUANTILE_MEDIAN; q < QUANTILES; q++)
        if (fabs(forecast_quantiles[q] - share) < 1e-6)
            return true;
    return false;
}

/* The device that takes power set-points is the battery of the balance. */
static void check_battery_role(struct conf_node *node, const struct config *config)
{
    int32_t d = topology_find_device(config->topology, config->battery_device);
    if (d >= 0 && config->topology->devices[d].role != ROLE_BATTERY)
        conf_error(node, "battery.device \"%s\" must have the role \"battery\"",
                   config->battery_device);
}

/* Where to point to: the group if the file has it. */
static struct conf_node *part(struct conf_node *top, const char *name)
{
    struct conf_node *group = conf_group(top, name, false);
    return group ? group : top;
}

void config_check_whole(struct conf_node *top, const struct config *config)
{
    const struct config_values *v = &config->values;
    struct conf_node *devices = conf_list(top, "devices", true);
    struct conf_node *feeders = conf_list(top, "feeders", true);
    if (v->import_fail_safe_w > v->import_w)
        conf_error(part(top, "limits"),
                   "limits.import_fail_safe is above limits.import: a fail-safe limit must "
                   "not be weaker");
    if (v->reserve >= v->soc_most)
        conf_error(part(top, "battery"), "battery.reserve must be below battery.soc_max");
    if (v->supply_min_c > v->supply_max_c || v->supply_fail_safe_c > v->supply_max_c ||
        v->supply_fail_safe_c < v->supply_min_c)
        conf_error(part(top, "limits"),
                   "limits: supply_min <= supply_fail_safe <= supply_max must hold");
    if (v->plan_valid_ms < v->plan_every_ms)
        conf_error(part(top, "plan"),
                   "plan.valid must not be shorter than plan.every: a plan would expire "
                   "before its successor");
    if (topology_next(config->topology, ROLE_UTILITY, 0) < 0)
        conf_error(devices,
                   "no device with role \"utility\": without the utility meter neither the "
                   "import limit nor PUE can be kept");
    int32_t utility = topology_next(config->topology, ROLE_UTILITY, 0);
    if (utility >= 0 && topology_next(config->topology, ROLE_UTILITY, utility + 1) >= 0)
        conf_error(devices,
                   "more than one device with role \"utility\": the import limit holds for one "
                   "meter at the point of common coupling; give the others the role none");
    check_refresh(part(top, "battery"), "battery", config->battery_device,
                  v->battery_writes_per_hour, v->revert_after_ms);
    check_refresh(part(top, "tank"), "tank", config->tank_device, v->tank_writes_per_hour,
                  v->tank_revert_after_ms);
    check_feeders(feeders, config);
    if (*config->battery_device && v->capacity_wh <= 0)
        conf_error(part(top, "battery"),
                   "battery.capacity is missing: name the usable energy, e.g. \"2 MWh\"");
    for (int32_t d = 0; d < config->own_devices; d++)
        check_counters(conf_item(devices, (size_t)d), config->topology, d);
    check_capacity(part(top, "prices"), v);
    check_tank(part(top, "tank"), config);
    if (v->free_below_c > v->free_above_c)
        conf_error(part(top, "cooling"), "cooling.free_below must not be above cooling.free_above");
    if (!is_quantile(v->base_quantile))
        conf_error(part(top, "plan"),
                   "plan.base_quantile: forecasts have \"50 %%\", \"75 %%\" and \"95 %%\"");
    check_battery_role(part(top, "battery"), config);
    check_storage(part(top, "battery"), config, "battery", config->battery_device, POINT_POWER_SET,
                  v->charge_w, v->discharge_w);
    check_named_device(part(top, "battery"), config, "battery.device", config->battery_device,
                       POINT_POWER_SET);
    check_named_device(part(top, "cooling"), config, "cooling.supply_device",
                       config->chiller_device, POINT_TEMP_SUPPLY_SET);
    check_named_device(part(top, "cooling"), config, "cooling.inlet_device", config->inlet_device,
                       POINT_TEMP_INLET);
}
