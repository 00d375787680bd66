/* What the parts of the guard share within one tick. Not for other rooms. */
#ifndef TIDEWATT_ACT_GUARD_PRIVATE_H
#define TIDEWATT_ACT_GUARD_PRIVATE_H

#include "controller/act/accelerators.h"
#include "controller/act/guard.h"

struct guard_tick {
    struct guard *guard;
    const struct image *image;
    int64_t now_ms, elapsed_ms;
    double external_limit_w;
    double import_w, battery_w, soc_pct;    /* measured; NAN: unknown */
    double supposed_import_w;               /* import_w, or while that is unknown the last one
                                               known, moved by battery and jobs; NAN: never known */
    int64_t meter_ms;                       /* site time of the last known import */
    bool new_reading;                       /* it came with this tick */
    enum reason fail_safe_reason;           /* NONE: no fail-safe in force */
    double rising_w, branch_rising_w[GUARD_BRANCHES];  /* let start, not yet in the meters */
    double falling_w, branch_falling_w[GUARD_BRANCHES]; /* shed, still in the meters; both also
                                                           not yet in supposed_import_w */
    double battery_relief_w;                /* import that the battery takes off by this tick */
    const struct job *jobs;
    int job_count;
    const double *feeder_load_w, *group_load_w;
    struct accelerators accelerators;       /* less what is let start */
    int next_job;                           /* commands come in the order of the jobs */
    struct command *commands;
    int count, room;
    struct guard_event *events;
    int event_count;
};

/* A set-point on its way through limits; the last limit that moved it gives the reason. */
struct bounded {
    double value;
    enum reason reason;
};
void bound_low(struct bounded *bounded, double low, enum reason reason);
void bound_high(struct bounded *bounded, double high, enum reason reason);

double guard_value(const struct image *image, int32_t point); /* NAN: unknown */
void guard_event(struct guard_tick *tick, enum event_kind kind, int32_t branch, int32_t point,
                 double value, double limit);
/* Crossing a limit and keeping it again, one event each. */
void guard_watch(struct guard_tick *tick, bool *breached, bool now, int32_t branch, int32_t point,
                 double value, double limit);
/* The next free command, cleared and marked as the guard's own; NULL when the room is used up. */
struct command *guard_add(struct guard_tick *tick, enum subsystem subsystem, enum verb verb);

/* guard_setpoint.c: ramp, dead band, budget, life, other writers. */
struct setpoint_rules {
    int32_t point;
    double ramp_per_s, deadband, writes_per_hour;
    double rounding;               /* a read-back within it is the value written; 0 W exactly */
    int64_t settle_ms, refresh_ms;
    int64_t revert_ms;             /* later than that the device may have reverted by itself */
    double lifetime;               /* 0: no bound */
};
/* The rules that the point itself brings along are added. */
void setpoint_rules_init(struct setpoint_rules *rules, const struct guard_tick *tick,
                         int32_t point);
void setpoint_init(struct guard_setpoint *setpoint);
/* Others move it from now on: only measured values count, and nobody is in our way. */
void setpoint_let_go(struct guard_setpoint *setpoint);
void setpoint_answered(struct guard_setpoint *setpoint, const struct guard_config *config,
                       enum reason outcome, int64_t now_ms);
/* Once a tick, before judging: the ramp's step and the budget grow with time. */
void setpoint_elapse(struct guard_setpoint *setpoint, const struct setpoint_rules *rules,
                     int64_t elapsed_ms);
/* Takes what the device holds for in force, once it was read after the last write settled, and
 * judges whether another writer is at work. */
void setpoint_watch(struct guard_tick *tick, struct guard_setpoint *setpoint,
                    const struct setpoint_rules *rules);
void setpoint_withhold(struct command *command, double in_force, enum reason reason);
/* Settles what the command becomes. `in_force`: what the device follows now; `forced`: that breaks
 * a hard limit, so neither dead band nor budget nor another writer count; only a value that has
 * just failed waits. */
void setpoint_settle(struct guard_tick *tick, struct guard_setpoint *setpoint,
                     const struct setpoint_rules *rules, struct command *command,
                     const struct bounded *safe, double in_force, bool forced);
/* The first set-point command for a point; later ones for it are withheld. NULL: none. */
struct command *setpoint_command(struct guard_tick *tick, int32_t point);

void guard_battery(struct guard_tick *tick);      /* guard_battery.c; may put a command first */
void guard_watch_inlet(struct guard_tick *tick);  /* guard_cooling.c */
void guard_cooling(struct guard_tick *tick);      /* guard_cooling.c */
void guard_tank(struct guard_tick *tick);         /* guard_tank.c: after cooling */
void guard_jobs(struct guard_tick *tick);         /* guard_jobs.c: starts, stops, minimum times */
void guard_shed(struct guard_tick *tick);         /* guard_shed.c: after the battery */

/* guard_load.c: what the jobs draw, and how that moves before the meters show it. */
void guard_count_load(struct guard_tick *tick);
void guard_note_rising(struct guard_tick *tick, int32_t group, int32_t feeder, double power_w);
void guard_note_falling(struct guard_tick *tick, int32_t group, int32_t feeder, double power_w);
/* A stop is believed in for a while only: a checkpoint takes minutes and may fail. */
bool guard_believes(const struct guard_tick *tick, int64_t since_ms);
double guard_branch_limit(const struct guard_tick *tick, int32_t branch); /* INFINITY: none */
double guard_branch_load(const struct guard_tick *tick, int32_t branch);  /* NAN: unknown */
/* The branches of a job's place that exist; returns their number, at most 2. */
int guard_branches_of(const struct guard_tick *tick, int32_t group, int32_t feeder,
                      int32_t ret_branches[2]);

#endif
