/* What a policy came to: sums over all windows. */
#ifndef TIDEWATT_TOOLS_BACKTEST_RESULT_H
#define TIDEWATT_TOOLS_BACKTEST_RESULT_H

#include "controller/plan/policy.h"
#include "tools/backtest/world.h"

struct result {
    enum policy policy;
    double import_wh, export_wh, facility_wh, it_wh, green_wh, spilled_wh;
    double charge_wh, discharge_wh, cell_wh; /* the last: out of the cells */
    double job_wh;                           /* IT energy of jobs */
    double energy_cost;                      /* NAN: there are no prices */
    double carbon_g;                         /* NAN: there is no intensity */
    double peak_cost, wear_cost;
    double objective;     /* those of these costs that are known, and carbon at its price */
    double bound;         /* of the objective: no plan that does all jobs in time can be cheaper;
                             NAN: not known */
    double peak_import_w; /* highest quarter hour; NAN: not known */
    double peak_it_w;     /* highest moment */
    int32_t jobs, done, missed, suspensions;
    double wait_ms; /* sum over done jobs */
    int32_t plans, rejected;
    double seconds; /* real time that it took */
};

/* Adds up while a window runs. */
struct tally {
    struct result *result;
    const struct backtest_site *site;
    const struct inputs *inputs;
    int64_t quarter_ms, month_ms;
    double quarter_wh, month_peak_w;
};

void tally_begin(struct tally *tally, struct result *result, const struct backtest_site *site,
                 const struct inputs *inputs);
void tally_flows(void *context, const struct flows *flows, int64_t from_ms, int64_t to_ms);
void tally_job(struct tally *tally, const struct job *job, int64_t end_ms);
void tally_end(struct tally *tally);

#endif
