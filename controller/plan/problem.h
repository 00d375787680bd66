/* The dispatch problem of one site: everything a plan depends on, as one plain struct. Pure.
 *
 * Signs: all powers are >= 0 with their direction in the name. Power at the point of common
 * coupling in each slot:
 *   import - export = facility - pv_used - wind_used - discharge + charge
 *   facility = fixed_w + it_w * (1 + overhead_ratio)       (cooling and distribution follow IT)
 *   it_w     = base_it_w + sum of running jobs, as the average over the slot; a feeder's limit
 *              holds at every moment
 * No slot both imports and exports, nor both charges and discharges.
 *
 * Committed jobs run from their release (a running one from now) without a break, whatever it
 * costs: realtime ones that some feeder can carry, and running ones that are guaranteed or cannot
 * be suspended. Other jobs never take a feeder above its limit. Guaranteed jobs start as soon as a
 * feeder has room. Jobs that cannot be suspended run in one piece; its end may lie beyond the
 * horizon. A stretch of a job is at least min_run_ms long unless it finishes the job, continues a
 * running one or meets the end of the horizon.
 *
 * The reserve is safety: while the battery is below it, the state of charge may not fall behind
 * the path that charges with all the import limit leaves beside base load, green power and
 * committed jobs:
 *   floor' = min(soc_min, floor + efficiency * h * min(charge_max, max(0, import_limit - load)))
 *
 * A plan's objective is the sum of these parts, in currency:
 *   energy   import * price_import - export * price_export
 *   carbon   import * carbon * carbon_per_t
 *   peak     peak_per_kw * (largest slot average of import above peak_so_far_w)
 *   wear     discharge * wear_per_mwh
 *   breach   (import above its limit) * breach_per_mwh
 *   lateness work after the due time * lateness_per_mwh, and unserved work * unserved_per_mwh.
 *            Due is the deadline; for realtime and guaranteed jobs the end of a start at once, if
 *            earlier. Unserved is work left at the end of the horizon beyond what fits between
 *            there and the due time; for scavengers it is all work left, so that their price is
 *            what running them is worth
 *   delay    work * delay_per_mwh_h * hours that it waits. The time of work is the middle of the
 *            slot it is done in, and the end of the horizon for work left; counted from what a
 *            start at once would give, so that jobs that start at once cost nothing. Scavengers
 *            wait for free
 *   churn    churn for every suspension and resumption inside the horizon
 *   less     stored energy at the end * end_value_per_mwh, net of work left that is neither
 *            unserved nor scavenging, at the horizon's mean price of imported energy with carbon
 *            and overhead (at least 0)
 */
#ifndef TIDEWATT_PLAN_PROBLEM_H
#define TIDEWATT_PLAN_PROBLEM_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/base/limits.h"
#include "controller/plant/job.h"

struct problem_slot {
    int64_t start_ms;
    int64_t length_ms;
    double pv_w, wind_w;             /* available */
    double base_it_w[LIMIT_FEEDERS]; /* IT load that is not planned, by feeder */
    double fixed_w;                  /* facility load independent of IT */
    double overhead_ratio; /* W of cooling and distribution per W of IT, from COP(outdoor) */
    double price_import_per_mwh, price_export_per_mwh; /* currency; export is revenue */
    double carbon_g_per_kwh;                           /* of imported energy */
    double import_limit_w, export_limit_w; /* hard limits at the point of common coupling */
};

struct problem_feeder {
    double limit_w; /* IT load */
};

struct problem_battery {
    double capacity_wh; /* 0: there is none */
    double soc_wh;      /* now */
    double soc_min_wh;  /* backup reserve: untouchable */
    double soc_max_wh;
    double charge_max_w, discharge_max_w;
    double charge_efficiency;    /* (0, 1]: AC in to stored */
    double discharge_efficiency; /* (0, 1]: stored to AC out */
    double wear_per_mwh;         /* currency per MWh discharged */
    double end_value_per_mwh;    /* currency per MWh stored at the horizon's end */
};

struct problem_job {
    int64_t id;
    enum job_class job_class;
    double power_w;
    int64_t remaining_ms; /* running time still needed */
    int64_t release_ms;   /* earliest start (>= horizon start) */
    int64_t deadline_ms;  /* JOB_NO_DEADLINE: end of horizon plus what it takes */
    int64_t min_run_ms;
    bool can_suspend;
    bool running;   /* now */
    int32_t feeder; /* running or suspended jobs keep theirs; -1: free choice */
};

struct problem_prices {
    double carbon_per_t; /* currency per tonne CO2 */
    double peak_per_kw;  /* currency per kW above peak_so_far_w in the billing period */
    double lateness_per_mwh[JOB_CLASSES]; /* currency per MWh of work done after the deadline */
    double unserved_per_mwh[JOB_CLASSES]; /* work not done inside the horizon though due */
    double delay_per_mwh_h; /* currency per MWh of waiting work and hour: idle accelerators */
    double churn;           /* currency per suspension or resumption */
    double breach_per_mwh;  /* of a limit that cannot be kept */
};

struct problem {
    int64_t issue_ms; /* the plan is asked for at this time */
    struct problem_slot slots[LIMIT_SLOTS];
    int32_t slot_count;
    struct problem_feeder feeders[LIMIT_FEEDERS];
    int32_t feeder_count; /* >= 1 */
    struct problem_battery battery;
    double peak_so_far_w; /* metered import peak of the billing period */
    struct problem_prices prices;
    struct problem_job *jobs; /* owned */
    int32_t job_count;
    int32_t job_room;
};

struct problem *problem_create(int32_t job_room); /* NULL: out of memory; all else 0 */
void problem_destroy(struct problem *problem);

/* Lays out slots of 5 min for 2 h, 15 min to 12 h, 60 min to `horizon_h`, aligned to their own
 * length (the first slot may be shorter so that all others start on the clock). Fills start and
 * length only; returns the number of slots. */
int32_t problem_slots(struct problem *problem, int64_t now_ms, int32_t horizon_h);
int64_t problem_end_ms(const struct problem *problem);

#endif
