/* What to do when no valid plan exists. Pure.
 *
 * - Running jobs keep running: stopping work is a decision that needs a plan.
 * - Realtime and guaranteed jobs start (or resume) as soon as they are released and a rack group has
 *   room and accelerators.
 * - Others start (or resume) only when waiting longer would miss their deadline, most urgent
 *   first; those already late go after those that can still meet theirs. Without a deadline they
 *   wait.
 * - Battery and cold store idle (0 W): without a forecast no cycle is known to pay.
 * The guard, which runs after, keeps the import limit. */
#ifndef TIDEWATT_ACT_FALLBACK_H
#define TIDEWATT_ACT_FALLBACK_H

#include "controller/act/command.h"
#include "controller/plant/job.h"
#include "controller/plant/point.h"

struct fallback_input {
    const struct job *jobs;
    int job_count;
    int feeder_count;
    const double *feeder_limit_w;
    const double *feeder_load_w;   /* measured IT load; NAN: unknown, nothing starts there */
    int group_count;               /* rack groups, each with its feeder, the same of each */
    const struct rack_group *groups;
    const double *group_load_w;
    int32_t battery_set, tank_set; /* points, -1: none */
    int64_t now_ms;
    int64_t lead_ms;               /* start so long before the last possible moment */
};

/* Fills `ret_commands` (room for `most`) in the order of priority and returns their number: the
 * battery first. Reason FALLBACK_POLICY, asker "fallback", apply true. */
int fallback_commands(const struct fallback_input *input, struct command *ret_commands, int most);

#endif
