/* The whole controller without I/O: image in, commands out. Pure, so that the very same code runs
 * live, in a backtest and in seeded fault simulation.
 *
 * One call a tick. Solving is the caller's: when `ret_problem` is set, solve it (on a worker
 * thread, or in line) and pass the plan in with a later tick. */
#ifndef TIDEWATT_CORE_CYCLE_H
#define TIDEWATT_CORE_CYCLE_H

#include "controller/act/command.h"
#include "controller/act/guard.h"
#include "controller/forecast/forecast.h"
#include "controller/plan/plan.h"
#include "controller/plant/cooling_model.h"
#include "controller/plant/image.h"
#include "controller/plant/job.h"
#include "controller/plant/meter.h"
#include "controller/plant/overhead.h"
#include "controller/plant/pue.h"
#include "controller/plant/verdict_log.h"

struct cycle_config {
    const struct topology *topology;
    enum mode modes[SUBSYSTEMS];
    struct guard_config guard;
    struct problem_battery battery; /* soc_wh is taken from the image */
    struct problem_cooling cooling; /* tank_wh is taken from the image */
    struct cooling_model cooling_model;
    double heat_ratio;         /* W of heat per W of IT, where cooling is modelled ... */
    double distribution_ratio; /* ... and W of overhead that is not cooling */
    struct problem_prices prices;
    double export_price_per_mwh;
    double threshold_w;    /* contracted capacity that import is held under; 0: none */
    double ramp_w_per_min; /* of import - export; 0: free */
    int base_quantile;     /* of the base load's forecast that stays free under the limits; below
                              the median: the median */
    int scenarios;         /* ways the future may go that a plan is made for; 0: the expectation */
    bool plan_on_arrival;  /* a new job asks for a plan; else it gets a place in the one in force */
    double fixed_w;        /* facility load independent of IT, until learnt */
    double overhead_ratio; /* W per W of IT, until learnt from the meters */
    int32_t battery_device, chiller_device, inlet_device, tank_device; /* -1: there is none */
    int64_t cooling_every_ms;
    double cooling_margin_k, cooling_step_k;
    int64_t deadline_margin_ms; /* plans aim so long before a job's deadline */
    int64_t plan_every_ms, plan_valid_ms, forecast_every_ms, meter_gap_ms;
    struct problem_grid grid;
    int pue_category;
    struct forecaster_config forecaster;
};

/* Quarter hours that may be open at once while late meters are waited for. */
enum { OPEN_QUARTERS = 8 };

/* One interval's money, carbon and origin of energy. Unknown parts have their quality. */
struct account {
    int64_t start_ms, end_ms;
    struct balance balance;
    struct pue pue;
    double price_per_mwh, carbon_g_per_kwh; /* means over the interval; NAN: unknown */
    double cost;        /* import x price - export x export price; NAN: unknown */
    double carbon_g;    /* import x intensity; NAN: unknown */
    double green_wh;    /* direct on-site green energy used by the facility */
    double threshold_w; /* of peak shaving; NAN: none */
};

struct decision {
    struct command command;
    int64_t at_ms;
    int64_t plan_id; /* 0: none */
    enum mode mode;
};

struct cycle_event {
    enum event_kind kind;
    char subject[LIMIT_NAME]; /* device, feeder, subsystem */
    char text[160];
};

struct tick_input {
    int64_t now_ms;            /* site time */
    const struct image *image; /* frozen */
    const struct job *jobs;    /* all jobs as the batch system reports them */
    int job_count;
    struct plan *arrived;            /* a solved plan (ownership passes) or NULL */
    struct problem *arrived_problem; /* the problem it solves (ownership passes) or NULL */
    bool solve_failed;               /* the solver gave up on the problem handed out last */
    /* Forecasts from outside: as far as they reach they take the place of our own of the same
     * series in planning, and are taken for certain. */
    const struct forecast *provided;
    int provided_count;
    const struct forecast_block *blocks; /* that feeds brought since the last tick, in order */
    int block_count;                     /* at most LIMIT_BLOCKS */
    double external_limit_w;             /* INFINITY: none; NAN: its master is silent */
};

/* A quarter-hour mean that just became known: forecasting history. */
struct observation {
    enum forecast_series series;
    int64_t step_start_ms;
    double value;
};

struct tick_output {
    struct decision decisions[LIMIT_COMMANDS];
    int decision_count; /* those with command.apply are to be executed */
    struct cycle_event events[LIMIT_EVENTS];
    int event_count;
    struct energy_interval intervals[LIMIT_INTERVALS]; /* closed in this tick */
    int64_t interval_raw_milliwh[LIMIT_INTERVALS];     /* raw counter at each end, to resume from */
    int interval_count;
    struct verdict_change verdicts[LIMIT_VERDICTS];
    int verdict_count;
    struct account accounts[OPEN_QUARTERS]; /* closed quarter hours, or revised ones */
    int account_count;
    struct pue hours[OPEN_QUARTERS], days[OPEN_QUARTERS]; /* closed, or revised */
    int hour_count, day_count;
    struct observation observations[OPEN_QUARTERS * FORECAST_SERIES];
    int observation_count;
    struct forecast forecasts[FORECAST_SERIES];
    bool forecasts_issued;
    enum reason block_verdicts[LIMIT_BLOCKS]; /* of each block of the input; NONE: taken whole */
    const struct plan *adopted;               /* a plan came into force in this tick, else NULL */
    /* Or the one in force took in jobs that came later, the first of them at this index; else NULL.
     * A plan that is adopted in this tick has its jobs already. */
    const struct plan *extended;
    int32_t extended_from;
    struct problem *problem; /* to be solved; ownership passes to the caller */
};

/* What interfaces render: the tick's state, never live state. */
struct snapshot {
    int64_t now_ms;
    enum mode modes[SUBSYSTEMS];
    double import_w, export_w, pv_w, wind_w, battery_w, facility_w, it_w,
        soc_pct; /* NAN: unknown */
    double price_per_mwh, carbon_g_per_kwh, temp_outdoor_c;
    double import_limit_w;
    double peak_import_w; /* metered peak of the billing period, quarter-hour mean; NAN: unknown */
    double threshold_w;   /* contracted capacity that import is held under; NAN: there is none */
    double tank_soc_pct, tank_heat_w; /* cold store, discharge positive; NAN: unknown */
    struct pue last_quarter, last_hour, last_day, today;
    int jobs_by_state[JOB_STATES];
    bool fail_safe;
    int64_t plan_id, plan_issue_ms, plan_expires_ms; /* 0: none */
    enum plan_status plan_status;
    double plan_gap, plan_solve_ms;
    int points_by_quality[QUALITY_MISSING + 1];
    uint64_t verdicts_withheld; /* changes of flapping points that the ledger only counts */
};

/* The last write to a set-point, for status. */
struct setpoint_note {
    double value;
    enum reason outcome; /* NONE: not written since the start */
    int64_t at_ms;
    int64_t life_writes; /* in the register's life, as the ledger knows it */
};

/* The last restart of a counter, for status. */
struct counter_note {
    enum reason reason; /* COUNTER_RESET or COUNTER_ROLLOVER; NONE: none since the start */
    int64_t at_ms;
};

struct cycle;

struct cycle *cycle_create(const struct cycle_config *config, struct error *error);
void cycle_destroy(struct cycle *cycle);

void tick_output_clear(struct tick_output *output);
void cycle_tick(struct cycle *cycle, const struct tick_input *input,
                struct tick_output *ret_output);

/* Restart: what the store still knows. Call before the first tick. */
void cycle_resume_meter(struct cycle *cycle, int32_t point, int64_t end_ms, int64_t end_milliwh,
                        int64_t raw_milliwh);
/* Mean of a point over the part of a quarter hour that was seen before the restart. */
void cycle_resume_mean(struct cycle *cycle, int32_t point, int64_t quarter_ms, double mean,
                       int64_t seen_ms);
/* First of all: history and blocks up to this time follow. */
void cycle_resume_until(struct cycle *cycle, int64_t now_ms);
void cycle_resume_history(struct cycle *cycle, enum forecast_series series, int64_t step_start_ms,
                          double value);
/* What a feed brought, among the history in the order in which it came. */
void cycle_resume_block(struct cycle *cycle, const struct forecast_block *block);
void cycle_resume_plan(struct cycle *cycle, struct plan *plan);  /* ownership passes */
void cycle_resume_plan_id(struct cycle *cycle, int64_t last_id); /* newest id ever given */
void cycle_resume_peak(struct cycle *cycle, int64_t month_start_ms, double peak_w);
/* Of a quarter hour that has no account yet; after the meters and quarters. */
void cycle_resume_interval(struct cycle *cycle, const struct energy_interval *interval);
void cycle_resume_quarter(struct cycle *cycle,
                          const struct pue *quarter); /* of yesterday or today */
/* Writes that reached the register of a set-point so far. */
void cycle_resume_writes(struct cycle *cycle, int32_t point, int64_t count);

void cycle_set_mode(struct cycle *cycle, enum subsystem subsystem, enum mode mode);
void cycle_replan(struct cycle *cycle); /* asks for a plan in the next tick */
const struct snapshot *cycle_snapshot(const struct cycle *cycle);
const struct plan *cycle_plan(const struct cycle *cycle); /* in force, or NULL */
const struct forecaster *cycle_forecaster(const struct cycle *cycle);

/* The commands that let go of a subsystem in control, at shutdown or when its mode is taken back:
 * battery and cold store idle; cooling to its fail-safe value or what is in force, whichever is
 * colder; jobs stay as they are. Returns the number of decisions, at most CYCLE_RELEASES. */
enum { CYCLE_RELEASES = 2 };
int cycle_release(struct cycle *cycle, enum subsystem subsystem, enum reason reason,
                  const char *asker, int64_t now_ms, struct decision *ret_decisions);

/* The outcome of a set-point write: WRITE_CONFIRMED or why not. Until the next write nothing claims
 * any more that a failed one holds. True with an event when the device began or ceased to fail. */
bool cycle_written(struct cycle *cycle, int32_t point, double value, enum reason outcome,
                   int64_t now_ms, struct cycle_event *ret_event);

void cycle_setpoint(const struct cycle *cycle, int32_t point, struct setpoint_note *ret_note);
void cycle_counter(const struct cycle *cycle, int32_t point, struct counter_note *ret_note);

#endif
