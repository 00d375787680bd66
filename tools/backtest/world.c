/* See world.h. */
#include "tools/backtest/world.h"

#include <math.h>
#include <stdio.h>

#include "controller/base/utc.h"

static const double PERCENT = 100;
static const int64_t STALE_MS = HOUR_MS; /* a tick comes long before */

/* ---- virtual devices ---- */

struct unit_points {
    enum device_role role;
    const char *name;
    enum point_kind kinds[6];
    int count;
};

static const struct unit_points utility = {
    ROLE_UTILITY, "utility", {POINT_POWER, POINT_ENERGY_IMPORT, POINT_ENERGY_EXPORT}, 3};
static const struct unit_points pv = {ROLE_PV, "pv", {POINT_POWER, POINT_ENERGY_EXPORT}, 2};
static const struct unit_points wind = {ROLE_WIND, "wind", {POINT_POWER, POINT_ENERGY_EXPORT}, 2};
static const struct unit_points battery = {
    ROLE_BATTERY,
    "battery",
    {POINT_POWER, POINT_SOC, POINT_ENERGY_IMPORT, POINT_ENERGY_EXPORT, POINT_POWER_SET},
    5};
static const struct unit_points pdu = {ROLE_RACK_PDU, "", {POINT_POWER, POINT_ENERGY_IMPORT}, 2};
static const struct unit_points weather = {ROLE_WEATHER, "weather", {POINT_TEMP_OUTDOOR}, 1};

static int add_device(struct world *world, const struct unit_points *unit, const char *name,
                      int32_t feeder, struct error *error)
{
    int device = topology_add_device(world->topology, name, unit->role, feeder, STALE_MS, error);
    for (int i = 0; device >= 0 && i < unit->count; i++) {
        const struct point point = {.kind = unit->kinds[i], .low = -1e15, .high = 1e15};
        int result = topology_add_point(world->topology, &point, error);
        if (result < 0)
            return result;
    }
    return device;
}

static int add_market(struct world *world, struct error *error)
{
    struct unit_points market = {.role = ROLE_MARKET, .name = "market"};
    if (world->inputs->price.path)
        market.kinds[market.count++] = POINT_PRICE;
    if (world->inputs->carbon.path)
        market.kinds[market.count++] = POINT_CARBON;
    return add_device(world, &market, market.name, -1, error);
}

static int add_feeders(struct world *world, struct error *error)
{
    const struct topology *given = world->site->config->topology;
    for (int32_t f = 0; f < given->feeder_count; f++) {
        char name[LIMIT_NAME];
        const struct feeder *feeder = &given->feeders[f];
        int result = topology_add_feeder(world->topology, feeder->name, feeder->limit_w, error);
        if (result < 0)
            return result;
        snprintf(name, sizeof name, "pdu-%.40s", feeder->name);
        result = add_device(world, &pdu, name, f, error);
        if (result < 0)
            return result;
    }
    return 0;
}

static int add_devices(struct world *world, struct error *error)
{
    const struct config *config = world->site->config;
    int result = add_feeders(world, error);
    if (result >= 0)
        result = add_device(world, &utility, utility.name, -1, error);
    if (result >= 0 && world->pv_per_mw > 0)
        result = add_device(world, &pv, pv.name, -1, error);
    if (result >= 0 && world->wind_per_mw > 0)
        result = add_device(world, &wind, wind.name, -1, error);
    if (result >= 0 && world->inputs->temp_c.path)
        result = add_device(world, &weather, weather.name, -1, error);
    if (result >= 0)
        result = add_market(world, error);
    if (result >= 0 && *config->battery_device)
        result = world->battery_device = add_device(world, &battery, battery.name, -1, error);
    return result;
}

/* ---- sources ---- */

static double base_facility_w(const struct backtest_site *site)
{
    const struct config_values *values = &site->config->values;
    return values->fixed_w + site->load_w * (1 + values->overhead_ratio);
}

static double scale(const struct track *track, double target_w, int64_t from_ms, int64_t to_ms)
{
    double sum = 0;
    int64_t hours = 0;
    for (int64_t at = from_ms; track->path && at < to_ms; at += HOUR_MS) {
        double mw = track_at(track, at);
        sum += isnan(mw) ? 0 : mw;
        hours += !isnan(mw);
    }
    return sum > 0 ? target_w * (double)hours / sum : 0;
}

int world_init(struct world *world, const struct backtest_site *site, const struct inputs *inputs,
               int64_t from_ms, int64_t to_ms, struct error *error)
{
    *world = (struct world){.site = site, .inputs = inputs, .battery_device = -1};
    double load_w = base_facility_w(site);
    world->pv_per_mw = scale(&inputs->solar_mw, site->pv_share * load_w, from_ms, to_ms);
    world->wind_per_mw = scale(&inputs->wind_mw, site->wind_share * load_w, from_ms, to_ms);
    world->topology = topology_create();
    if (!world->topology)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    int result = add_devices(world, error);
    if (result < 0)
        return result;
    return image_init(&world->live, world->topology, error);
}

void world_finish(struct world *world)
{
    image_finish(&world->live);
    topology_destroy(world->topology);
}

void world_begin(struct world *world, int64_t now_ms)
{
    const struct config_values *values = &world->site->config->values;
    double band = values->soc_most - values->reserve;
    world->now_ms = now_ms;
    world->set_w = 0;
    world->soc_wh = (values->reserve + world->site->soc * band) * values->capacity_wh;
    for (int f = 0; f < LIMIT_FEEDERS; f++)
        world->feeder_jobs_w[f] = 0;
}

static double known(double value, double otherwise)
{
    return isnan(value) ? otherwise : value;
}

double world_series(const struct world *world, enum forecast_series series, int64_t at_ms)
{
    const struct inputs *inputs = world->inputs;
    switch (series) {
    case SERIES_PV:
        return world->pv_per_mw > 0 ? world->pv_per_mw * track_at(&inputs->solar_mw, at_ms) : 0;
    case SERIES_WIND:
        return world->wind_per_mw > 0 ? world->wind_per_mw * track_at(&inputs->wind_mw, at_ms) : 0;
    case SERIES_PRICE:
        return track_at(&inputs->price, at_ms);
    case SERIES_CARBON:
        return track_at(&inputs->carbon, at_ms);
    case SERIES_BASE_IT:
        return world->site->load_w;
    case SERIES_TEMP:
        return track_at(&inputs->temp_c, at_ms);
    case SERIES_PRICE_RT: /* not in these files ... */
    case SERIES_WET_BULB:
    case SERIES_COP:
    case SERIES_OVERHEAD: /* ... or left to the meters */
    case FORECAST_SERIES:
        break;
    }
    return (double)NAN;
}

/* ---- balance ---- */

static double feeder_w(const struct world *world, int32_t f)
{
    return world->feeder_jobs_w[f] + world->site->load_w / world->topology->feeder_count;
}

/* The sources give way where export is not allowed: the dearer to build less, PV, last. */
static void balance(const struct world *world, struct flows *flows)
{
    double most_w = world->site->config->values.export_w;
    double net_w = flows->facility_w - flows->pv_w - flows->wind_w - flows->battery_w;
    double spill_w = fmax(-net_w - most_w, 0);
    double wind_spill_w = fmin(spill_w, flows->wind_w);
    flows->wind_w -= wind_spill_w;
    flows->pv_w -= fmin(spill_w - wind_spill_w, flows->pv_w);
    net_w = flows->facility_w - flows->pv_w - flows->wind_w - flows->battery_w;
    flows->import_w = fmax(net_w, 0);
    flows->export_w = fmin(fmax(-net_w, 0), most_w); /* but for rounding it is */
}

/* With the battery at this power. */
static void flows_with(const struct world *world, double battery_w, struct flows *flows)
{
    const struct config_values *values = &world->site->config->values;
    *flows = (struct flows){.battery_w = battery_w};
    for (int32_t f = 0; f < world->topology->feeder_count; f++) {
        flows->jobs_w += world->feeder_jobs_w[f];
        flows->it_w += feeder_w(world, f);
    }
    flows->facility_w = values->fixed_w + flows->it_w * (1 + values->overhead_ratio);
    flows->pv_w = flows->pv_offer_w = known(world_series(world, SERIES_PV, world->now_ms), 0);
    flows->wind_w = flows->wind_offer_w = known(world_series(world, SERIES_WIND, world->now_ms), 0);
    balance(world, flows);
}

/* What the set-point gives over so long within limits and charge. */
static double battery_w(const struct world *world, double hours)
{
    const struct config_values *values = &world->site->config->values;
    double low_wh = values->reserve * values->capacity_wh;
    double high_wh = values->soc_most * values->capacity_wh;
    if (world->battery_device < 0)
        return 0;
    double power_w = fmin(fmax(world->set_w, -values->charge_w), values->discharge_w);
    double most_w = fmax(world->soc_wh - low_wh, 0) * values->discharge_efficiency / hours;
    double least_w = -fmax(high_wh - world->soc_wh, 0) / values->charge_efficiency / hours;
    return fmin(fmax(power_w, least_w), most_w);
}

static double hours_of(int64_t ms)
{
    return (double)ms / HOUR_MS;
}

void world_flows(const struct world *world, struct flows *ret_flows)
{
    flows_with(world, battery_w(world, hours_of(SECOND_MS)), ret_flows);
}

static void count(struct world *world, const struct flows *flows, double hours)
{
    const struct config_values *values = &world->site->config->values;
    double in_w = fmax(-flows->battery_w, 0), out_w = fmax(flows->battery_w, 0);
    world->import_wh += flows->import_w * hours;
    world->export_wh += flows->export_w * hours;
    world->pv_wh += flows->pv_w * hours;
    world->wind_wh += flows->wind_w * hours;
    world->charge_wh += in_w * hours;
    world->discharge_wh += out_w * hours;
    double soc_wh = world->soc_wh + in_w * hours * values->charge_efficiency -
                    out_w * hours / values->discharge_efficiency;
    /* But for rounding the flows kept it in its band. */
    world->soc_wh = fmin(fmax(soc_wh, values->reserve * values->capacity_wh),
                         values->soc_most * values->capacity_wh);
    for (int32_t f = 0; f < world->topology->feeder_count; f++)
        world->feeder_wh[f] += feeder_w(world, f) * hours;
}

void world_advance(struct world *world, int64_t to_ms, world_note note, void *context)
{
    while (world->now_ms < to_ms) {
        struct flows flows;
        int64_t until_ms = utc_floor(world->now_ms, HOUR_MS) + HOUR_MS;
        if (until_ms > to_ms)
            until_ms = to_ms;
        double hours = hours_of(until_ms - world->now_ms);
        flows_with(world, battery_w(world, hours), &flows);
        count(world, &flows, hours);
        note(context, &flows, world->now_ms, until_ms);
        world->now_ms = until_ms;
    }
}

/* ---- what the devices tell ---- */

/* The sources tell as power what they could give, as modern inverters do: what is curtailed would
 * teach the forecast too little. Their counters tell what was taken. */
static double source_value(enum point_kind kind, double offer_w, double taken_wh)
{
    return kind == POINT_POWER ? offer_w : taken_wh;
}

static double battery_value(const struct world *world, const struct flows *flows,
                            enum point_kind kind)
{
    if (kind == POINT_SOC)
        return world->soc_wh / world->site->config->values.capacity_wh * PERCENT;
    if (kind == POINT_POWER)
        return flows->battery_w;
    if (kind == POINT_POWER_SET)
        return world->set_w;
    return kind == POINT_ENERGY_IMPORT ? world->charge_wh : world->discharge_wh;
}

static double point_value(const struct world *world, const struct flows *flows, int32_t point)
{
    enum point_kind kind = world->topology->points[point].kind;
    const struct device *device = &world->topology->devices[world->topology->points[point].device];
    double counter_wh = 0, power_w = 0;
    if (device->role == ROLE_BATTERY)
        return battery_value(world, flows, kind);
    if (device->role == ROLE_PV)
        return source_value(kind, flows->pv_offer_w, world->pv_wh);
    if (device->role == ROLE_WIND)
        return source_value(kind, flows->wind_offer_w, world->wind_wh);
    if (device->role == ROLE_WEATHER)
        return world_series(world, SERIES_TEMP, world->now_ms);
    if (device->role == ROLE_MARKET)
        return world_series(world, kind == POINT_PRICE ? SERIES_PRICE : SERIES_CARBON,
                            world->now_ms);
    if (device->role == ROLE_RACK_PDU) {
        power_w = feeder_w(world, device->feeder);
        counter_wh = world->feeder_wh[device->feeder];
    } else {
        power_w = flows->import_w - flows->export_w;
        counter_wh = kind == POINT_ENERGY_IMPORT ? world->import_wh : world->export_wh;
    }
    return kind == POINT_POWER ? power_w : counter_wh;
}

void world_sample(struct world *world)
{
    struct flows flows;
    world_flows(world, &flows);
    for (int32_t p = 0; p < world->topology->point_count; p++) {
        const struct sample sample = {.point = p,
                                      .value = point_value(world, &flows, p),
                                      .quality = QUALITY_GOOD,
                                      .reason = REASON_FRESH,
                                      .source_ms = world->now_ms,
                                      .receive_ms = world->now_ms};
        image_apply(&world->live, &sample);
    }
}
