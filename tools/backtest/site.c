/* See site.h. */
#include "tools/backtest/site.h"

#include <math.h>
#include <string.h>

#include "controller/base/utc.h"

static const char *const carbon_options[] = {"direct", "lifecycle", NULL};

static const double WATTS_MOST = 1e9;

static int64_t duration(struct conf_node *group, const char *name, int64_t fallback_ms,
                        int64_t least_ms, int64_t most_ms)
{
    return (int64_t)conf_quantity(group, name, DIMENSION_DURATION, (double)fallback_ms,
                                  (double)least_ms, (double)most_ms);
}

static void read_jobs(struct conf_node *group, struct backtest_site *site)
{
    const int64_t most_ms = 365 * (int64_t)DAY_MS;
    site->cpu_w = conf_quantity(group, "cpu_power", DIMENSION_POWER, 100, 1e-3, WATTS_MOST);
    site->interruptible = conf_flag(group, "interruptible", true);
    site->short_ms = duration(group, "short_job", 2 * HOUR_MS, 0, most_ms);
    site->wait_short_ms = duration(group, "wait_short", 6 * HOUR_MS, 0, most_ms);
    site->wait_long_ms = duration(group, "wait_long", DAY_MS, 0, most_ms);
    site->grain_ms = duration(group, "job_grain", 0, 0, HOUR_MS);
}

static void read_power(struct conf_node *group, struct backtest_site *site)
{
    site->load_w = conf_quantity(group, "load", DIMENSION_POWER, 0, 0, WATTS_MOST);
    site->pv_share = conf_quantity(group, "pv_share", DIMENSION_RATIO, 0, 0, 10);
    site->wind_share = conf_quantity(group, "wind_share", DIMENSION_RATIO, 0, 0, 10);
    site->soc = conf_quantity(group, "soc", DIMENSION_RATIO, 0, 0, 1);
    site->carbon = (enum carbon_kind)conf_choice(group, "carbon", carbon_options, CARBON_DIRECT);
    site->price_zone_ms = MINUTE_MS * conf_integer(group, "price_zone_min", 60, -720, 840);
    site->price_summer = conf_flag(group, "price_summer_time", true);
}

static void read_time(struct conf_node *group, struct backtest_site *site)
{
    site->step_ms = duration(group, "step", 5 * MINUTE_MS, 10 * SECOND_MS, QUARTER_MS);
    site->hourly = conf_flag(group, "hourly_slots", false);
    if (QUARTER_MS % site->step_ms != 0)
        conf_error(group, "step must divide a quarter hour: 1 min, 5 min or 15 min");
    if ((site->pv_share > 0 || site->wind_share > 0) && site->load_w <= 0)
        conf_error(group, "pv_share and wind_share are of the energy of 'load': name it");
}

static size_t read_group(struct conf *conf, struct backtest_site *site, config_note note,
                         void *context)
{
    struct conf_node *group = conf_group(conf_root(conf), "backtest", true);
    read_jobs(group, site);
    read_power(group, site);
    read_time(group, site);
    size_t problems = conf_finish_group(conf, group);
    for (size_t i = 0; i < problems; i++)
        note(context, conf_error_text(conf, i));
    return problems;
}

int backtest_site_load(const char *path, struct backtest_site *ret_site, config_note note,
                       void *context, struct error *error)
{
    struct backtest_site site = {0};
    int result = configuration_load(path, &site.config, note, context, error);
    if (result < 0)
        return result;
    struct conf *conf = conf_open(path, error);
    size_t problems = conf ? read_group(conf, &site, note, context) : 1;
    conf_close(conf);
    if (problems > 0) {
        backtest_site_finish(&site);
        return error_set(error, ERROR_INVALID, "%s: %zu problem%s in its group backtest", path,
                         problems, problems == 1 ? "" : "s");
    }
    *ret_site = site;
    return 0;
}

void backtest_site_finish(struct backtest_site *site)
{
    configuration_destroy(site->config);
    site->config = NULL;
}

void backtest_site_cycle(const struct backtest_site *site, struct cycle_config *ret_cycle)
{
    configuration_cycle(site->config, ret_cycle);
    for (int s = 0; s < SUBSYSTEMS; s++)
        ret_cycle->modes[s] = MODE_CONTROL;
    ret_cycle->chiller_device = ret_cycle->inlet_device = ret_cycle->tank_device = -1;
    ret_cycle->cooling.chiller_max_w = 0; /* cooling is part of the overhead */
    ret_cycle->pue_category = 2;          /* the virtual meters are rack PDUs */
    ret_cycle->meter_gap_ms = 2 * site->step_ms;
    ret_cycle->guard.settle_ms = -1; /* virtual meters show a change at once */
    /* A new plan acts in the moment in which the old one spoke, where no time passes for a ramp of
     * watts per second; within a step of minutes it would be over. */
    ret_cycle->guard.battery_ramp_w_per_s = 0;
    ret_cycle->guard.battery_write_per_hour = INFINITY; /* virtual registers do not wear */
    if (site->hourly)
        ret_cycle->grid.fine_h = ret_cycle->grid.quarter_h = 0;
}
