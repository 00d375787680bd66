/* The plant of a backtest: exact balances of power and energy, an ideal battery, and virtual
 * devices that tell the controller what a real site's would. Values change only on the hour, with
 * a job, or with a set-point; between these everything is constant, so energy is exact. */
#ifndef TIDEWATT_TOOLS_BACKTEST_WORLD_H
#define TIDEWATT_TOOLS_BACKTEST_WORLD_H

#include "controller/plant/image.h"
#include "tools/backtest/inputs.h"

/* What flows at one moment, W. */
struct flows {
    double jobs_w, it_w, facility_w;
    double pv_offer_w, wind_offer_w; /* what the sources could give ... */
    double pv_w, wind_w;             /* ... and what is taken */
    double battery_w;                /* discharge positive */
    double import_w, export_w;
};

struct world {
    const struct backtest_site *site;
    const struct inputs *inputs;
    struct topology *topology; /* owned */
    struct image live;
    int32_t battery_device;        /* -1: there is none */
    double pv_per_mw, wind_per_mw; /* W of ours per MW of the region */
    double feeder_jobs_w[LIMIT_FEEDERS];
    double soc_wh, set_w;
    int64_t now_ms;
    /* counters since the start, Wh */
    double import_wh, export_wh, pv_wh, wind_wh, charge_wh, discharge_wh;
    double feeder_wh[LIMIT_FEEDERS];
};

/* Called for every stretch of constant power. */
typedef void (*world_note)(void *context, const struct flows *flows, int64_t from_ms,
                           int64_t to_ms);

/* The sources are scaled to their shares of the energy from the first to the last window. */
int world_init(struct world *world, const struct backtest_site *site, const struct inputs *inputs,
               int64_t from_ms, int64_t to_ms, struct error *error);
void world_finish(struct world *world);

/* Jumps to the start of a window; counters stand still on the way. */
void world_begin(struct world *world, int64_t now_ms);

void world_flows(const struct world *world, struct flows *ret_flows);
void world_advance(struct world *world, int64_t to_ms, world_note note, void *context);
/* Fresh samples of all points at the present moment. */
void world_sample(struct world *world);

/* A series as a forecast of it would be for this time; NAN: unknown. */
double world_series(const struct world *world, enum forecast_series series, int64_t at_ms);

#endif
