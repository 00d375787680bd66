/* The site of a backtest: an ordinary configuration and what only a backtest needs of it, the
 * group `backtest` of the same file. */
#ifndef TIDEWATT_TOOLS_BACKTEST_SITE_H
#define TIDEWATT_TOOLS_BACKTEST_SITE_H

#include "controller/core/config.h"

enum carbon_kind { CARBON_DIRECT, CARBON_LIFECYCLE };

struct backtest_site {
    struct config *config;       /* owned */
    double load_w;               /* flat IT load beside the jobs */
    double pv_share, wind_share; /* of the energy that the site takes without jobs */
    double soc;                  /* of the usable band at the start */
    enum carbon_kind carbon;
    int64_t step_ms; /* between two ticks when nothing happens */
    bool hourly;     /* plans of hourly slots instead of 5, 15 and 60 min */
    bool interruptible;
    double cpu_w;
    int64_t short_ms, wait_short_ms, wait_long_ms; /* jobs shorter than the first may wait ... */
    int64_t grain_ms;      /* arrivals go down and lengths up to a multiple; 0: they stay */
    int64_t price_zone_ms; /* a local clock's distance from UTC in winter */
    bool price_summer;     /* and it follows European summer time */
};

/* Every problem goes to `note`, a line each, as by configuration_load. */
int backtest_site_load(const char *path, struct backtest_site *ret_site, config_note note,
                       void *context, struct error *error);
void backtest_site_finish(struct backtest_site *site);

/* The part of the cycle: everything in control, on the given topology. */
void backtest_site_cycle(const struct backtest_site *site, struct cycle_config *ret_cycle);

#endif
