/* The real cycle against the twin's physics in one process: site days in seconds, with seeds and
 * faults. No sockets, no clock: every run with the same seed is the same. */
#ifndef TIDEWATT_TESTS_SIM_CLOSED_LOOP_H
#define TIDEWATT_TESTS_SIM_CLOSED_LOOP_H

#include "controller/core/config.h"
#include "tests/sim/batch_model.h"
#include "tests/sim/faults.h"
#include "tests/sim/watch.h"
#include "tools/twin/devices.h"
#include "tools/twin/exogenous.h"

enum { SIM_TICK_MS = 10000, SIM_QUARTERS = 96 };

struct sim_setup {
    const char *site_path;
    enum mode mode; /* of all subsystems */
    uint64_t seed;
    int64_t start_ms;
    int64_t tick_ms;       /* divides a quarter hour; the guard's times are scaled to it */
    int64_t plan_every_ms; /* a plan is valid four times as long */
    int history_days;      /* of the outside that the forecasts know at the start */
    int plan_patience;     /* how often the planner may ask for more time; 0: no bound */
    bool planner_fails;    /* there is never a plan */
    double soc_share;      /* of the battery at the start */
    void (*adjust)(struct cycle_config *config, const void *context); /* or NULL */
    const void *context;
};
/* Whatever a test does not choose: in control, 10 s ticks, plans every half hour. */
extern const struct sim_setup sim_setup_default;

struct sim_totals {
    double facility_wh, it_wh, cost; /* struck by the cycle from counters */
    int accounts, unknown_accounts;
    int plans, rejected, starts, suspensions, levels;
    double longest_over_limit_s; /* longest stretch above the import limit in force */
    double worst_feeder_w;       /* largest load above a feeder's limit */
    double least_soc_pct;
    bool rose_unknown; /* load was added while the utility meter was unknown */
};

struct sim {
    struct sim_setup setup;
    struct cycle_config cycle_config;
    const struct config *config; /* shared by the days of a process */
    struct cycle *cycle;
    struct plant plant;
    struct exogenous exogenous;
    struct outside outside; /* at now, faults included */
    struct image live, frozen;
    struct batch_model batch;
    struct fault_list faults;
    struct account accounts[SIM_QUARTERS];    /* since the start, newest revision */
    double truth_wh[SIM_QUARTERS + 1][FLOWS]; /* the plant's, at the quarters' ends */
    struct tick_output output;
    struct plan *solved;
    struct problem *solved_problem;
    bool solve_failed;
    int64_t now_ms;
    double over_limit_s;
    double start_cold_wh;
    struct sim_totals totals;
    struct watch watch;
    void (*observer)(struct sim *sim, void *context); /* after each tick, or NULL */
    void *observer_context;
};

/* Exits the process with a message when the site file is not sound. */
void sim_start(struct sim *sim, const struct sim_setup *setup);
void sim_run(struct sim *sim, int64_t until_ms);
/* Sums the accounts into the totals. */
void sim_account(struct sim *sim);
void sim_finish(struct sim *sim);

/* Whether a device's values arrive in this tick, and its set-points. */
bool sim_hears(const struct sim *sim, int32_t device);

#endif
