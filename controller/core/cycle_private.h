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
    bool struck;   /* an account was given out */
    bool revised;  /* a late meter closed since then */
    bool exceeded; /* the contracted capacity, and that was told */
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
    int32_t group, level;
    double value;
};

/* IT load that is measured or known; NAN: unknown. */
struct branch_loads {
    double feeder_w[LIMIT_FEEDERS];
    double group_w[LIMIT_GROUPS]; /* without a meter of its own: the sum of its jobs */
};

/* Commands of one tick on their way to decisions. */
struct commands {
    struct command list[LIMIT_COMMANDS];
    int count;
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
    double peak_w;                          /* of the accounts in it; NAN: none yet */
    int64_t last_tick_ms;

    struct forecast forecasts[FORECAST_SERIES];
    int64_t provided_until_ms[FORECAST_SERIES]; /* reach of those from outside */
    int64_t forecast_due_ms;
    enum forecast_trouble troubles[FORECAST_SERIES]; /* that were told */

    struct plan *plan;    /* in force, or NULL */
    struct plan *retired; /* stays readable until the next adoption */
    int64_t next_plan_id, plan_due_ms, first_tick_ms;
    bool replan, solving, expired_told;
    int64_t admitted_id; /* newest job that has a place in the plan, or was judged for one */
    struct forecast_scenario *scenarios; /* room for those of the configuration; NULL: none */

    struct verdict verdicts[2 * LIMIT_JOBS];
    int32_t battery_set, supply_set, tank_set;
    bool group_metered[LIMIT_GROUPS];
    struct branch_loads loads; /* of this tick */
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

/* cycle_forecast.c: what was seen and what feeds brought -> forecasts, and how they stand. */
void cycle_forecast(struct cycle *cycle, const struct tick_input *input,
                    struct tick_output *output);

/* cycle_series.c: what the series are at this moment; NAN: unknown. */
void cycle_read_series(struct cycle *cycle, const struct tick_input *input,
                       double ret_now[FORECAST_SERIES]);
/* The series that one point alone feeds, else -1; sums over devices cannot be taken up from means.
 */
int cycle_series_of(const struct topology *topology, int32_t point);

/* cycle_peak.c: import of quarter hours against what was contracted. */
void cycle_open_month(struct cycle *cycle, int64_t now_ms);
void cycle_note_import(struct cycle *cycle, struct quarter *quarter, const struct account *account,
                       struct tick_output *output);

/* cycle_problem.c: forecasts and state -> problem. */
struct problem *cycle_problem(struct cycle *cycle, const struct tick_input *input);
void cycle_problem_job(const struct cycle *cycle, const struct job *job, int64_t now_ms,
                       struct problem_job *ret_job);
/* The planner aims before the deadline; late is only what ends after it. */
void cycle_judge_late(struct plan *plan, const struct tick_input *input);

/* cycle_site.c: what of the problem is the site itself: hierarchy, storage, cooling, base load. */
void cycle_site_frame(const struct cycle *cycle, const struct tick_input *input,
                      struct problem *problem);
/* Base load and cooling of every slot. */
void cycle_site_slots(const struct cycle *cycle, const struct tick_input *input,
                      struct problem *problem);
/* After the slots: what is stored is worth what it saves later. */
void cycle_site_storage(const struct cycle *cycle, const struct tick_input *input,
                        struct problem *problem);
/* The mean of the forecast's quantile over the slot, or another value where there is none. */
double cycle_forecast_or(const struct cycle *cycle, enum forecast_series series, int quantile,
                         const struct problem_slot *slot, double otherwise);

/* cycle_scenarios.c: ways the future may go, into the problem; after the slots. */
void cycle_scenarios(struct cycle *cycle, struct problem *problem);

/* cycle_admit.c: new jobs get a place in the plan in force. */
void cycle_admit(struct cycle *cycle, const struct tick_input *input, struct tick_output *output);

/* cycle_loads.c: what is drawn where. */
void cycle_loads_init(struct cycle *cycle);
void cycle_loads(struct cycle *cycle, const struct tick_input *input);
/* Sums over all devices of a role; NAN when one of them is unknown, 0 when there is none. */
double cycle_role_power(const struct cycle *cycle, const struct image *image,
                        enum device_role role);
double cycle_first(const struct cycle *cycle, const struct image *image, enum device_role role,
                   enum point_kind kind); /* NAN: unknown */
double cycle_device_value(const struct image *image, int32_t device,
                          enum point_kind kind); /* NAN: unknown, or no device */

/* cycle_act.c: plan -> commands -> guard -> decisions. */
void cycle_act_init(struct cycle *cycle);
void cycle_act(struct cycle *cycle, const struct tick_input *input, struct tick_output *output);
struct command *cycle_add(struct commands *commands, enum subsystem subsystem, enum verb verb,
                          enum reason reason); /* NULL: the rest follows in the next tick */
void cycle_add_setpoint(struct commands *commands, enum subsystem subsystem, int32_t point,
                        double value, enum reason reason);
void cycle_decide(struct tick_output *output, const struct cycle *cycle, int64_t now_ms,
                  const struct command *command);

/* cycle_follow.c: the plan's slot of this second, jobs and storage. */
void cycle_follow_plan(struct cycle *cycle, const struct tick_input *input,
                       struct commands *commands);
void cycle_follow_fallback(const struct cycle *cycle, const struct tick_input *input,
                           struct commands *commands);

void cycle_event(struct tick_output *output, enum event_kind kind, const char *subject,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
