/* What the files of the cycle share: its state between ticks. */
#ifndef TIDEWATT_CORE_CYCLE_PRIVATE_H
#define TIDEWATT_CORE_CYCLE_PRIVATE_H

#include <assert.h>

#include "controller/base/utc.h"
#include "controller/core/cycle.h"

/* Two days: a quarter hour of yesterday may still be revised. */
enum { KEPT_QUARTERS = 2 * (DAY_MS / QUARTER_MS) };

/* Time-weighted mean of an instant value over a quarter hour; 0 weight: never known. */
struct running_mean {
    double sum, weight_ms;
};

/* A quarter hour on its way to an account. */
struct quarter {
    bool open;
    bool struck;  /* an account was given out */
    bool revised; /* a late meter closed since then */
    int64_t start_ms;
    struct running_mean means[FORECAST_SERIES];
    struct energy_interval *intervals; /* one a meter */
    bool *closed;                      /* one a meter */
    int closed_count;
};

/* What is kept of a point beside the image. */
struct point_note {
    struct setpoint_note write;
    struct counter_note counter;
};

/* The last verdict recorded about a job or set-point, so that the ledger holds changes only. */
struct verdict {
    int64_t subject; /* job id, or -(point + 1) */
    enum verb verb;
    enum reason reason;
    bool apply;
    int32_t feeder;
    double value;
};

struct cycle {
    struct cycle_config config;
    struct guard guard;
    struct forecaster *forecaster;
    struct overhead overhead;
    struct snapshot snapshot;

    struct verdict_log *verdict_log;
    struct point_note *notes; /* by point */

    struct meter *meters;
    int meter_count;
    struct quarter quarters[OPEN_QUARTERS]; /* ring by (start / QUARTER_MS) % OPEN_QUARTERS */
    int64_t accounted_ms;                   /* end of the last account; 0: none yet */
    struct energy_interval *scratch;        /* room for one interval a meter */
    struct pue kept[KEPT_QUARTERS];         /* ring of quarter hours for hours and days */
    int64_t open_hour_ms, open_day_ms;      /* first period that is not closed; 0: none yet */
    int64_t month_ms;                       /* start of the billing period */
    double peak_w;
    int64_t last_tick_ms;

    struct forecast forecasts[FORECAST_SERIES];
    int64_t forecast_due_ms;

    struct plan *plan;    /* in force, or NULL */
    struct plan *retired; /* stays readable until the next adoption */
    int64_t next_plan_id, plan_due_ms, first_tick_ms;
    bool replan, solving, expired_told;

    struct verdict verdicts[2 * LIMIT_JOBS];
    int32_t battery_set, supply_set;
    int64_t cooling_due_ms;
    double supply_wish_c; /* NAN: none */
    enum reason supply_reason;
    bool inlet_seen;
    double supply_in_force_c; /* NAN: unknown */
    int64_t solving_since_ms;
    bool late_told;
    double series_now[FORECAST_SERIES]; /* at the last tick; NAN: unknown */
    double base_it_w;                   /* measured IT minus running jobs; NAN: unknown */
};

/* cycle_energy.c: meters, accounts, PUE. */
int cycle_energy_init(struct cycle *cycle, struct error *error);
void cycle_energy_finish(struct cycle *cycle);
void cycle_measure(struct cycle *cycle, const struct tick_input *input, struct tick_output *output);
void cycle_today(struct cycle *cycle, int64_t now_ms, struct pue *ret_pue);

/* cycle_problem.c: forecasts and state -> problem. */
struct problem *cycle_problem(struct cycle *cycle, const struct tick_input *input);

/* cycle_act.c: plan -> commands -> guard -> decisions. */
void cycle_act_init(struct cycle *cycle);
void cycle_act(struct cycle *cycle, const struct tick_input *input, struct tick_output *output);

/* Sums over all devices of a role; NAN when one of them is unknown, 0 when there is none. */
double cycle_role_power(const struct cycle *cycle, const struct image *image,
                        enum device_role role);
double cycle_first(const struct cycle *cycle, const struct image *image, enum device_role role,
                   enum point_kind kind); /* NAN: unknown */
/* Measured IT load of each feeder; NAN when one of its rack PDUs is unknown or it has none. */
void cycle_feeder_loads(const struct cycle *cycle, const struct image *image,
                        double ret_load_w[LIMIT_FEEDERS]);
void cycle_event(struct tick_output *output, enum event_kind kind, const char *subject,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));
void cycle_decide(struct tick_output *output, const struct cycle *cycle, int64_t now_ms,
                  const struct command *command);

#endif
