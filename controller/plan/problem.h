/* The dispatch problem of one or more sites: everything a plan depends on, as one plain struct.
 * Pure.
 *
 * Signs: all powers are >= 0 with their direction in the name. Every site and slot closes two
 * balances. Power at the point of common coupling:
 *   import - export = facility - pv_used - wind_used - discharge + charge
 *   facility = fixed_w + it_w * (1 + overhead_ratio) + chiller_heat / cop + free_heat / free_cop
 *   it_w     = base_it_w + sum of running jobs, as the average over the slot
 * and heat, where the site's cooling is modelled (cooling.chiller_max_w > 0; elsewhere its power is
 * part of overhead_ratio and there is no tank):
 *   it_w * heat_ratio = chiller_heat + free_heat + tank_discharge - tank_charge + cooling_short
 *   tank_end = tank_start * (1 - tank_loss_per_h * h) + h * (tank_charge - tank_discharge)
 * No slot both imports and exports, nor charges and discharges a store. Limits of feeders, rack
 * groups and accelerators hold at every moment, the others for the slot's average. Where
 * cooling is not modelled, all its flows and the tank are 0.
 *
 * Accelerators suffice when those that run on a group could share them out, each taking any mix of
 * its classes: for every set of classes, jobs that know no other need at most what the group has.
 *
 * A job runs on one rack group of one site, in stretches at one of its levels. A stretch does
 *   floor(length_ms * speed + 1e-6)                                             (integer ms)
 * of its work. A stretch that resumes (the first of a suspended job, any that does not touch the
 * one before, one with another number of accelerators than the one before) needs restart_ms more
 * of work to read the checkpoint back; what runs now is the one before the first. A job is done
 * when its stretches did remaining_ms + restarts * restart_ms; the first restart of a suspended
 * job is owed whether it resumes or not. A job with remaining_ms 0 needs nothing. A stretch is at
 * least min_run_ms long unless it finishes the job, continues a running one (at any level, from
 * the start of the horizon), touches the one before it, or meets the end of the horizon.
 *
 * Committed jobs run from their release (a running one from now) at level 0 or as they run now
 * without a break, whatever it costs: realtime ones that some group of their site that they may
 * use can carry (its limit at level 0, and its accelerators), and running ones that are realtime,
 * guaranteed, cannot be suspended, or whose hold_until_ms lies ahead (until then; after it the job
 * is one of the others). Other jobs never take a group, a feeder or accelerators above the limit,
 * nor run where base_it_high_w and committed jobs already exceed it. Guaranteed jobs start as soon
 * as there is room. They and jobs that cannot be suspended run in one piece at one level; its end
 * may lie beyond the horizon.
 *
 * A job that neither runs nor is tied to a group may go to another site where a link leads there:
 * it cannot start before release + data_gb / gb_per_h (rounded up to ms), and the way costs
 * data_gb * wh_per_gb. One that does not run inside the horizon stays where it is.
 *
 * The battery's reserve is safety: while the battery is below it, the state of charge may not fall
 * behind the path that charges with all the import limit leaves beside base load, green power and
 * committed jobs:
 *   floor' = min(soc_min, floor + efficiency * h * min(charge_max, max(0, import_limit - load)))
 * where load = facility of expected base load and committed jobs - pv - wind, with the tank at rest
 * and heat removed by free cooling first, then by the chiller up to its maximum.
 * The first floor is min(soc_wh, soc_min); a state of charge above soc_max at the start may stay.
 *
 * A plan's objective is the sum of these parts over all sites, in currency:
 *   energy   import * price_import - export * price_export
 *   carbon   import * carbon * carbon_per_t
 *   peak     peak_per_kw * (largest slot average of import above peak_so_far_w)
 *   wear     discharge * wear_per_mwh
 *   breach   (import above its limit + change of import - export beyond the ramp + heat that is
 *            not removed) * breach_per_mwh
 *   lateness work after the due time * (lateness_per_mwh + lateness_per_mwh_h * hours from the due
 *            time to the middle of the part of the slot that is late), and unserved work *
 *            unserved_per_mwh. Work is energy at the level that is used. Due is the deadline; for
 *            realtime and guaranteed jobs the end of a start at once, if earlier. Unserved is work
 *            left at the end of the horizon beyond what fits between there and the due time, at
 *            level 0; for scavengers it is all work left, so that their price is what running
 *            them is worth. It is priced at the power of level 0
 *   delay    work (at level 0) * delay_per_mwh_h * hours that it waits: idle accelerators are
 *            capital. The time of work is the middle of the slot it is done in, and the end of the
 *            horizon for work left; counted from what a start at once would give, so that jobs
 *            that start at once cost nothing. Scavengers wait for free. That is: sum of work *
 *            hours from the start of the horizon, of all stretches and what is left, restarts
 *            included, less the same sum of one run from the release at level 0
 *   churn    churn for every suspension, resumption and change of level inside the horizon. A
 *            change without a break counts once; with a break it is a suspension and a resumption
 *   transfer energy of moved data at the horizon's mean price of imported energy with carbon (at
 *            least 0) at the site it goes to
 *   less     stored energy at the end * end_value_per_mwh (battery and tank), net of work left
 *            that is neither unserved nor scavenging, at the horizon's mean price of imported
 *            energy with carbon, overhead and cooling (at least 0) of the site that it runs at, or
 *            of the cheapest site that it may use (its own or where a link leads) if it does not
 *            run. Per slot: (price_import + carbon) * (1 + overhead_ratio + heat_ratio / cop), the
 *            last where cooling is modelled; the mean is by time
 */
#ifndef TIDEWATT_PLAN_PROBLEM_H
#define TIDEWATT_PLAN_PROBLEM_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/base/limits.h"
#include "controller/plant/job.h"

struct problem_slot { /* of one site; start and length are the same at all sites */
    int64_t start_ms;
    int64_t length_ms;
    double pv_w, wind_w;            /* available */
    double base_it_w[LIMIT_GROUPS]; /* IT load that is not planned, by rack group: expected ... */
    double base_it_high_w[LIMIT_GROUPS]; /* ... and what is kept free for it under the limits of
                                            groups and feeders (a high quantile; >= expected) */
    double fixed_w;                      /* facility load independent of IT */
    double overhead_ratio; /* W of distribution (and of cooling, where it is not modelled)
                              per W of IT */
    double heat_ratio;     /* W of heat to remove per W of IT */
    double cop;            /* W of heat per W of chiller, at the outdoor temperature */
    double free_cooling_w; /* heat that can be rejected without the compressor ... */
    double free_cop;       /* ... at this many W of heat per W of pumps and fans */
    double price_import_per_mwh, price_export_per_mwh; /* currency; export is revenue */
    double carbon_g_per_kwh;                           /* of imported energy */
    double import_limit_w, export_limit_w; /* hard limits at the point of common coupling */
};

struct problem_feeder {
    double limit_w; /* IT load */
};

struct problem_group {
    int32_t feeder;
    double limit_w;                           /* IT load; at most its feeder's counts */
    int32_t accelerators[LIMIT_ACCELERATORS]; /* of each class */
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

/* Chiller and cold storage; energies and powers are of heat. */
struct problem_cooling {
    double chiller_max_w;    /* 0: cooling is not modelled */
    double tank_capacity_wh; /* 0: there is no tank */
    double tank_wh;          /* cold stored now: heat that it can take */
    double tank_charge_max_w, tank_discharge_max_w;
    double tank_loss_per_h;        /* share of what is stored */
    double tank_end_value_per_mwh; /* currency per MWh of cold at the horizon's end */
};

struct problem_site {
    struct problem_slot *slots; /* slot_count of the problem; owned by it */
    struct problem_feeder feeders[LIMIT_FEEDERS];
    int32_t feeder_count; /* >= 1 */
    struct problem_group groups[LIMIT_GROUPS];
    int32_t group_count; /* >= 1 */
    struct problem_battery battery;
    struct problem_cooling cooling;
    double peak_so_far_w;  /* metered import peak of the billing period, or contracted capacity */
    double ramp_w_per_min; /* of import - export from slot to slot (middle to middle), soft;
                              0: free */
    double net_now_w;      /* import - export at the start of the first slot (which is half a slot
                              before its middle); NAN: unknown, free */
};

/* How a job may run: power-capped, or on fewer accelerators. Level 0 is full: speed 1. */
struct problem_level {
    double power_w;
    double speed; /* work done per time, of that at level 0: (0, 1] */
    int32_t accelerators;
};

struct problem_job {
    int64_t id;
    enum job_class job_class;
    struct problem_level levels[LIMIT_LEVELS]; /* falling in power */
    int32_t level_count;                       /* >= 1 */
    uint32_t accelerator_classes; /* bit mask of those it can run on; 0: it needs none (at any
                                     level) */
    int64_t remaining_ms;         /* running time still needed at level 0 */
    int64_t release_ms;           /* earliest start (>= horizon start) */
    int64_t deadline_ms;          /* JOB_NO_DEADLINE: end of horizon plus what it takes */
    int64_t min_run_ms;
    int64_t restart_ms;    /* work that a resumption adds */
    int64_t hold_until_ms; /* a running one may not be suspended or changed before; 0: it may */
    bool can_suspend;
    bool running, suspended; /* now; not both */
    int32_t level;           /* of a running one */
    int32_t site, group;     /* running jobs keep both. Others: where the data is (site >= 0), and
                                -1 for the group or the one of that site that it is tied to */
    double data_gb;          /* to be moved before it can start at another site */
};

struct problem_link {
    double gb_per_h; /* 0: there is none */
    double wh_per_gb;
};

struct problem_prices {
    double carbon_per_t; /* currency per tonne CO2 */
    double peak_per_kw;  /* currency per kW above peak_so_far_w in the billing period */
    double lateness_per_mwh[JOB_CLASSES];   /* currency per MWh of work done after the deadline */
    double lateness_per_mwh_h[JOB_CLASSES]; /* and for every hour that it is late */
    double unserved_per_mwh[JOB_CLASSES];   /* work not done inside the horizon though due */
    double delay_per_mwh_h; /* currency per MWh of waiting work and hour: idle accelerators */
    double churn;           /* currency per suspension, resumption or change of level */
    double change_gain;     /* a running job is only touched for a gain above this; no part of the
                               objective */
    double breach_per_mwh;  /* of a limit that cannot be kept */
};

/* One way the future may go instead of the slots' expectation: for decisions that have to hold up
 * in all of them. */
struct problem_outlook {
    double pv_w, wind_w;
    double price_import_per_mwh;
    double carbon_g_per_kwh;
};
struct problem_scenario {
    double weight;                                /* they add up to 1 */
    struct problem_outlook *outlook[LIMIT_SITES]; /* slot_count entries a site; owned */
};

struct problem {
    int64_t issue_ms; /* the plan is asked for at this time */
    int32_t slot_count, slot_room;
    struct problem_site sites[LIMIT_SITES];
    int32_t site_count;                                  /* >= 1 */
    struct problem_link links[LIMIT_SITES][LIMIT_SITES]; /* [from][to] */
    struct problem_prices prices;
    struct problem_job *jobs; /* owned */
    int32_t job_count;
    int32_t job_room;
    struct problem_scenario scenarios[LIMIT_SCENARIOS];
    int32_t scenario_count; /* 0: the expectation is all that is known */
};

/* How the horizon is cut: slots of 5 min, then of 15 min, then of 60 min to its end. */
struct problem_grid {
    int32_t fine_h;    /* of 5 min */
    int32_t quarter_h; /* of 5 and 15 min */
    int32_t horizon_h;
};
extern const struct problem_grid problem_grid_live; /* 2 h, 12 h, 48 h */

/* NULL: out of memory; all else 0. */
struct problem *problem_create(int32_t site_count, int32_t slot_room, int32_t job_room);
void problem_destroy(struct problem *problem);

/* Makes room for one more scenario of weight 0, all 0. NULL: no room or memory. */
struct problem_scenario *problem_add_scenario(struct problem *problem);

/* Lays out the slots, aligned to their own length (the first slot may be shorter so that all others
 * start on the clock), as far as there is room. Fills start and length at all sites; returns the
 * number of slots. */
int32_t problem_slots(struct problem *problem, int64_t now_ms, const struct problem_grid *grid);
int64_t problem_end_ms(const struct problem *problem);

#endif
