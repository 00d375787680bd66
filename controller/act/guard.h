/* The guard: hard limits, every tick, after the planner. It can only make a command safer. Pure.
 *
 * Safer means: the battery's set-point lies between what was asked, what is in force and 0 (beyond
 * them only where a hard import limit demands discharge that the reserve allows), fewer jobs
 * running, cooling colder, a cold store that charges less. On a stale input the configured fail-safe value takes its place and no
 * output rises: no job starts or resumes, the battery neither charges nor discharges more.
 *
 * What wins over what, for the battery: reserve and SoC band, then export and device limits, then
 * the import limit, then fail-safe, then the ramp. A hard limit is kept at once, without ramp; a
 * set-point in force that breaks a hard limit is corrected whatever dead band and budget say. */
#ifndef TIDEWATT_ACT_GUARD_H
#define TIDEWATT_ACT_GUARD_H

#include "controller/act/command.h"
#include "controller/plant/image.h"
#include "controller/plant/job.h"

/* Beside its configuration the guard keeps the rules that a set-point's point brings along (range,
 * ramp, writes an hour, writes in the register's life): the stricter of both holds. Of a register's
 * life the last twentieth is kept for writes that a hard limit demands.
 *
 * There is one writer. A set-point that reads back another value than was written is told, and
 * written again `contest_rewrites` times inside `contest_window_ms`; then it is left to the other
 * writer for `contest_hold_ms`, unless a hard limit demands a write. */
struct guard_config {
    double import_limit_w;          /* contract or feeder to the site */
    double import_fail_safe_w;      /* in force while the limit's source or the meter is unknown */
    double export_limit_w;
    double headroom_w;              /* distance kept from hard limits when starting load */
    double soc_min_pct;             /* backup reserve */
    double soc_max_pct;
    double battery_charge_max_w, battery_discharge_max_w;
    double battery_ramp_w_per_s;
    double battery_deadband_w;      /* smaller changes are not written */
    double battery_write_per_hour;  /* set-point writes allowed per hour (token bucket; at most a
                                       tenth of it, and at least one write, in a burst) */
    double inlet_limit_c;           /* rack inlet limit */
    double supply_min_c, supply_max_c;
    double supply_ramp_k_per_s;
    double supply_fail_safe_c;      /* in force while the inlet temperature is unknown */
    double cooling_write_per_hour;
    double tank_charge_max_w, tank_discharge_max_w; /* of heat */
    double tank_deadband_w;
    double tank_write_per_hour;
    int64_t tank_refresh_ms;        /* as refresh_ms */
    double overhead_ratio_max;      /* facility W per extra W of IT, for start decisions, e.g. 1.5 */
    int64_t job_min_run_ms, job_min_stop_ms; /* no thrashing */
    double feeder_limit_w[LIMIT_FEEDERS]; /* hard limit of the IT load behind each feeder */
    int feeder_count;
    double group_limit_w[LIMIT_GROUPS];   /* of each rack group; INFINITY: its feeder's is enough */
    bool group_metered[LIMIT_GROUPS];
    int32_t group_accelerators[LIMIT_GROUPS][LIMIT_ACCELERATORS]; /* of each class */
    int group_count;
    int64_t settle_ms;              /* a changed load shows in the meters after this long; until
                                       then a start counts in full and a shed job as gone */
    int64_t refresh_ms;             /* an unchanged set-point is written again after this long, so
                                       that the device's reversion does not take it; 0: never.
                                       Twice this time is the reversion itself */
    double revert_s;                /* the reversion time a battery is told where it has one */
    int contest_rewrites;
    int64_t contest_window_ms;
    int64_t contest_hold_ms;        /* 0: nothing is ever left to another writer */
};

struct guard_inputs {               /* point indices, -1: not there */
    int32_t utility_power, battery_power, battery_soc, battery_charge_max, battery_discharge_max;
    int32_t battery_set, battery_revert, supply_set, inlet_temp, tank_soc, tank_set;
};

struct guard_setpoint {
    bool written;                   /* one was let through since the start and is not known to have
                                       failed */
    double last;                    /* the one let through last, or what was read back since */
    int64_t written_ms;
    double step;                    /* change that the ramp allows by now */
    double tokens;                  /* writes left in the budget */
    double life_writes;             /* in the register's life, earlier runs included */
    bool worn;                      /* that its life is used up was told */
    bool ours;                      /* nobody is known to have moved it since our last write */
    int contests;                   /* times that somebody did, since ... */
    int64_t contest_ms;             /* ... the first of them */
    int64_t yield_until_ms;         /* it is left to another writer; 0: it is not */
    int failures;                   /* writes in a row that did not arrive or did not last, as far as
                                       they make the next try wait longer */
    double failed;                  /* value of the last of these, ... */
    bool unsent;                    /* ... and whether it never left */
};

/* Feeders, then rack groups: all that has a limit of its own between the meter and a job. */
enum { GUARD_BRANCHES = LIMIT_FEEDERS + LIMIT_GROUPS };

struct guard {                      /* state between ticks; init with guard_init */
    struct guard_config config;
    struct guard_inputs inputs;
    bool acts[SUBSYSTEMS];          /* the subsystem is in control (all are after guard_init): what
                                       the guard adds by itself gets this as `apply` */
    struct guard_setpoint battery, revert, supply, tank;
    double revert_seen_s;           /* what the register held at the last attempt; NAN: unknown */
    int64_t revert_due_ms;          /* next attempt while it holds the same */
    int64_t last_ms;
    bool started;
    bool fail_safe;                 /* the fail-safe import limit is in force */
    bool breached;                  /* the import limit is crossed right now */
    int64_t breached_ms;            /* since when */
    bool holding;                   /* the battery discharges to hold the import limit */
    bool inlet_breached, branch_breached[GUARD_BRANCHES];
    double import_limit_w;          /* in force this tick */
    double known_import_w, known_battery_w; /* when the utility meter was last known ... */
    double known_jobs_w;            /* ... and what the jobs in its reading drew ... */
    int64_t known_ms;               /* ... at this site time; 0: never */
    int64_t blind_over_ms;          /* since when the limit is crossed without a meter; 0: not */
    double known_charge_max_w, known_discharge_max_w; /* what the device offered last */
};

enum { GUARD_EVENTS = 12 + GUARD_BRANCHES }; /* most in one tick */

struct guard_event {
    enum event_kind kind;
    int32_t branch;                 /* feeder, or LIMIT_FEEDERS + rack group; -1: about neither */
    double value, limit;            /* value NAN: unknown; of set-points: read back, written */
    int32_t point;                  /* whose limit it is; -1 for a branch or a silent grid master */
};

void guard_init(struct guard *guard, const struct guard_config *config,
                const struct guard_inputs *inputs);

/* Writes that the register of a set-point has had in earlier runs. */
void guard_resume_writes(struct guard *guard, int32_t point, int64_t count);

/* The device's answer (WRITE_CONFIRMED or another reason) to a set-point, whenever it comes; other
 * points are ignored. A failed one is no longer taken for in force: the next tick starts from what
 * is read back or measured and writes again, within the budget or where a hard limit demands it:
 * then the same value waits from LIMIT_RETRY_MS to LIMIT_RETRY_MOST_MS, longer with every failure
 * in a row, and another value goes at once while the budget lasts. WRITE_REPLACED is no failure.
 * Every answer but WRITE_FAILED, which never left, counts as a write in the register's life.
 *
 * Where the set-point can be read back, a reading newer than the write by `settle_ms` counts more
 * than any answer, so a device that reverted, or that somebody else moved, is noticed as well. */
void guard_written(struct guard *guard, int32_t point, enum reason outcome);

/* `commands` in the order of priority; entries are changed in place, withheld ones get apply =
 * false and a reason of 204 to 226. `apply` comes in as the mode says: advice (false) is judged
 * and made safe like the rest, stays advice and leaves no trace in the guard's state.
 *
 * Added, up to `room` entries in all, asker "guard": at the front the battery's reversion time, when
 * the device does not hold it and is about to be relied on (while it does not, its set-point only
 * goes towards 0, hard limits apart); at the end set-points of battery and
 * cooling that a limit demands though nobody asked, and what sheds load: VERB_JOB_LEVEL for
 * scavenger and deferrable jobs that can run at less power, then VERB_JOB_SUSPEND for them
 * (scavenger first, largest first), then VERB_JOB_LEVEL for guaranteed ones. Realtime jobs never,
 * nor guaranteed ones or what cannot be suspended beyond their levels.
 *
 * `external_limit_w`: the grid's limit now (INFINITY: none; NAN: its master is silent).
 * `feeder_load_w`, `group_load_w`: measured IT load of each, NAN: unknown (nothing rises there); of
 * groups that are not metered the sum of their jobs.
 * Returns the new number of commands; events (limit breached/restored, fail-safe entered/left)
 * go to `ret_events` (room for GUARD_EVENTS), their number to `ret_event_count`. */
int guard_apply(struct guard *guard, const struct image *image, int64_t now_ms,
                double external_limit_w, const struct job *jobs, int job_count,
                const double *feeder_load_w, const double *group_load_w,
                struct command *commands, int count, int room,
                struct guard_event *ret_events, int *ret_event_count);

#endif
