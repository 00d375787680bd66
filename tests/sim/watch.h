/* The judge of a simulated day: in every tick the physical truth is held against what the
 * controller promises. It shares no code with the guard.
 *
 * A duty counts from what the controller could know. What the outside changes inside the reaction
 * time is nobody's fault, so a limit may be crossed by that much and no more:
 *
 * - battery: import seen above the limit, a battery that answers and holds more than the reserve:
 *   in the next tick it discharges what is missing, or all that it offers
 * - shedding: import (a feeder, a rack group) above its limit by more than the need grew within the
 *   reaction time: nothing that can be suspended has been running through all of that time. Need is
 *   load that is not ours less the limit, and what the battery no longer offers; while the meter is
 *   silent it is the need of the last reading
 * - starts: none above a limit, none where a meter is unknown, none before its release; no
 *   suspension of what may not be suspended
 * - battery: never discharged at the reserve, charged at the band's end, moved away from 0 while
 *   the site's or its own meter is unknown, faster than its ramp but for a limit's sake, nor into
 *   an export above the limit
 * - cooling: the supply gets colder while the inlet is too warm, never warmer on an unknown one,
 *   and the inlet is never far above its limit unless hot air leaks
 * - tank: charging stops while the racks are too warm or import is above its limit, and does not
 *   rise while the meters of site, racks or tank are unknown
 * - accelerators: jobs never use more of a class than their group has
 * - energy and heat close to 1 Wh, and every account that calls itself good is the truth */
#ifndef TIDEWATT_TESTS_SIM_WATCH_H
#define TIDEWATT_TESTS_SIM_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/base/limits.h"

enum watch_rule {
    RULE_BATTERY_HELPS,
    RULE_IMPORT_SHED,
    RULE_BRANCH_SHED,
    RULE_START,
    RULE_SUSPEND,
    RULE_RESERVE,
    RULE_BAND,
    RULE_BATTERY_BLIND,
    RULE_RAMP,
    RULE_EXPORT,
    RULE_INLET,
    RULE_COOLING_BLIND,
    RULE_TANK,
    RULE_ACCELERATORS,
    RULE_PLAN,
    RULE_BALANCE,
    RULE_ACCOUNT,
    RULES
};
const char *watch_rule_name(enum watch_rule rule);

/* Ticks in the reaction time: seen, settled, a stop believed in for two settling times, stopped. */
enum { WATCH_WINDOW = 8, WATCH_BRANCHES = LIMIT_FEEDERS + LIMIT_GROUPS };

/* What the controller saw in one tick, and what was true. */
struct watch_moment {
    bool site_known, battery_known, soc_known, inlet_known, battery_hears, chiller_hears,
        tank_hears;
    double limit_w;     /* of import, in force */
    double net_w;       /* import - export */
    double known_net_w; /* of it what could be known */
    double offer_w;     /* that the battery may discharge: 0 at the reserve */
    double battery_w, soc_pct, inlet_c, supply_set_c, tank_heat_w, tank_set_w;
    double jobs_w;                       /* declared, of all that draw */
    double need_w;                       /* load that is not ours less the limit */
    double branch_w[WATCH_BRANCHES];     /* IT load of feeders, then rack groups */
    double branch_own_w[WATCH_BRANCHES]; /* of it no jobs of ours */
    bool branch_known[WATCH_BRANCHES];
};

struct watch {
    struct watch_moment past[WATCH_WINDOW]; /* ring by tick */
    int64_t ticks;
    double last_net_w, last_jobs_w, last_battery_w;       /* when the site's meter was heard last */
    double set_w;                                         /* the battery's, as written last ... */
    bool set_known;                                       /* ... and it arrived */
    double starting_w, branch_starting_w[WATCH_BRANCHES]; /* let start in this tick */
    int violations;
    int by_rule[RULES];
    bool quiet; /* counts, and prints nothing */
};

struct sim;
struct command;
/* Before the controller decides; the plant has run up to now. */
void watch_plant(struct sim *sim);
/* Each command that is about to be executed. */
void watch_command(struct sim *sim, const struct command *command);
/* When the day is over. */
void watch_day(struct sim *sim);

#endif
