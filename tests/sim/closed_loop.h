/* The real cycle against the twin's physics in one process: site days in seconds, with seeds and
 * faults. No sockets, no clock: every run with the same seed is the same. */
#ifndef TIDEWATT_TESTS_SIM_CLOSED_LOOP_H
#define TIDEWATT_TESTS_SIM_CLOSED_LOOP_H

#include "controller/core/config.h"
#include "tools/twin/devices.h"
#include "tools/twin/exogenous.h"

enum { SIM_JOBS = 64, SIM_FAULTS = 8, SIM_TICK_MS = 10000, SIM_QUARTERS = 96 };

/* A device that tells nothing for a while; a NULL name cuts the grid's limit instead. */
struct sim_fault {
    const char *device;
    int64_t from_ms, to_ms;
    double external_limit_w; /* device NULL: in force meanwhile; NAN: its master is silent */
};

struct sim_totals {
    struct energy import; /* struck by the cycle from counters */
    double facility_wh, it_wh, cost, carbon_g;
    int accounts, unknown_accounts;
    int plans, rejected, starts, suspensions;
    double longest_over_limit_s; /* longest stretch above the import limit in force */
    double worst_feeder_w;       /* largest load above a feeder's limit */
    double least_soc_pct;
    bool rose_unknown; /* load was added while the utility meter was unknown */
};

struct sim {
    struct config *config;
    struct cycle *cycle;
    struct plant plant;
    struct exogenous exogenous;
    struct image live, frozen;
    struct job jobs[SIM_JOBS];
    int job_count;
    struct sim_fault faults[SIM_FAULTS];
    int fault_count;
    struct account accounts[SIM_QUARTERS]; /* by quarter hour since the start, newest revision */
    struct tick_output output;
    struct plan *solved;
    struct problem *solved_problem;
    int64_t start_ms, now_ms;
    double over_limit_s;
    struct sim_totals totals;
    void (*observer)(struct sim *sim, void *context); /* after each tick, or NULL */
    void *observer_context;
};

/* `mode` for all subsystems. Exits the process with a message when the site file is not sound. */
void sim_start(struct sim *sim, const char *site_path, enum mode mode, uint64_t seed,
               int64_t start_ms);
void sim_add_job(struct sim *sim, const struct job *job);
void sim_add_fault(struct sim *sim, const struct sim_fault *fault);
void sim_run(struct sim *sim, int64_t until_ms);
/* Sums the accounts into the totals. */
void sim_account(struct sim *sim);
void sim_finish(struct sim *sim);

#endif
