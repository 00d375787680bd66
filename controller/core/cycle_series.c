/* What is forecast, as the image tells it at this moment. */
#include "controller/core/cycle_private.h"

#include <math.h>

#include "controller/plant/wet_bulb.h"

static const struct {
    enum device_role role;
    enum point_kind kind;
    enum forecast_series series;
} singles[] = {
    {ROLE_MARKET, POINT_PRICE, SERIES_PRICE},
    {ROLE_MARKET, POINT_PRICE_REALTIME, SERIES_PRICE_RT},
    {ROLE_MARKET, POINT_CARBON, SERIES_CARBON},
    {ROLE_WEATHER, POINT_TEMP_OUTDOOR, SERIES_TEMP},
    {ROLE_WEATHER, POINT_TEMP_WET_BULB, SERIES_WET_BULB},
};
enum { SINGLES = sizeof singles / sizeof *singles };

int cycle_series_of(const struct topology *topology, int32_t point)
{
    enum device_role role = topology->devices[topology->points[point].device].role;
    for (int i = 0; i < SINGLES; i++) {
        if (singles[i].role == role && singles[i].kind == topology->points[point].kind)
            return (int)singles[i].series;
    }
    return -1;
}

static double running_jobs_w(const struct tick_input *input)
{
    double sum_w = 0;
    for (int i = 0; i < input->job_count; i++) {
        if (job_state_draws_power(input->jobs[i].state))
            sum_w += job_power_w(&input->jobs[i]);
    }
    return sum_w;
}

/* Of the devices that tell both the heat that they remove and what they draw for it; a cold store
 * removes heat that was paid for before. */
static double chiller_cop(const struct cycle *cycle, const struct image *image)
{
    const struct topology *topology = cycle->config.topology;
    double heat_w = 0, power_w = 0;
    for (int32_t d = topology_next(topology, ROLE_COOLING, 0); d >= 0;
         d = topology_next(topology, ROLE_COOLING, d + 1)) {
        if (d == cycle->config.tank_device ||
            topology_find_point(topology, d, POINT_POWER_COOLING) < 0 ||
            topology_find_point(topology, d, POINT_POWER) < 0)
            continue;
        heat_w += cycle_device_value(image, d, POINT_POWER_COOLING);
        power_w += cycle_device_value(image, d, POINT_POWER);
    }
    return power_w >= LIMIT_CHILLER_IDLE_W && heat_w > 0 ? heat_w / power_w : NAN;
}

static double overhead_w(const struct cycle *cycle, const struct image *image, double it_w)
{
    const struct topology *topology = cycle->config.topology;
    if (topology_next(topology, ROLE_UTILITY, 0) < 0 ||
        topology_next(topology, pue_category_role(cycle->config.pue_category), 0) < 0)
        return NAN; /* without a meter the sum is 0, and that is not known */
    double facility_w =
        cycle_role_power(cycle, image, ROLE_UTILITY) + cycle_role_power(cycle, image, ROLE_PV) +
        cycle_role_power(cycle, image, ROLE_WIND) + cycle_role_power(cycle, image, ROLE_BATTERY);
    return facility_w >= it_w ? facility_w - it_w : NAN; /* less: the meters disagree */
}

void cycle_read_series(struct cycle *cycle, const struct tick_input *input,
                       double ret_now[FORECAST_SERIES])
{
    const struct image *image = input->image;
    double it_w = cycle_role_power(cycle, image, pue_category_role(cycle->config.pue_category));
    cycle->base_it_w = isnan(it_w) ? NAN : fmax(it_w - running_jobs_w(input), 0);
    for (int i = 0; i < SINGLES; i++)
        ret_now[singles[i].series] = cycle_first(cycle, image, singles[i].role, singles[i].kind);
    if (isnan(ret_now[SERIES_WET_BULB]))
        ret_now[SERIES_WET_BULB] = wet_bulb_c(
            ret_now[SERIES_TEMP], cycle_first(cycle, image, ROLE_WEATHER, POINT_HUMIDITY));
    ret_now[SERIES_PV] = cycle_role_power(cycle, image, ROLE_PV);
    ret_now[SERIES_WIND] = cycle_role_power(cycle, image, ROLE_WIND);
    ret_now[SERIES_BASE_IT] = cycle->base_it_w;
    ret_now[SERIES_COP] = chiller_cop(cycle, image);
    ret_now[SERIES_OVERHEAD] = overhead_w(cycle, image, it_w);
}
