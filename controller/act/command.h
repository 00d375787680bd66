/* Commands: what the controller wants done, with who and why. */
#ifndef TIDEWATT_ACT_COMMAND_H
#define TIDEWATT_ACT_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/base/limits.h"
#include "controller/base/reason.h"

enum subsystem { SUBSYSTEM_JOBS, SUBSYSTEM_BATTERY, SUBSYSTEM_COOLING, SUBSYSTEMS };
enum mode { MODE_OBSERVE, MODE_ADVISE, MODE_CONTROL, MODES };

enum verb {
    VERB_JOB_START,
    VERB_JOB_SUSPEND,
    VERB_JOB_RESUME,
    VERB_JOB_CANCEL,
    VERB_JOB_LEVEL,  /* run at another level */
    VERB_SETPOINT,   /* write `value` to the point */
};

const char *subsystem_name(enum subsystem subsystem);
int subsystem_find(const char *name, enum subsystem *ret_subsystem);
const char *mode_name(enum mode mode);
int mode_find(const char *name, enum mode *ret_mode);
const char *verb_name(enum verb verb);

struct command {
    enum subsystem subsystem;
    enum verb verb;
    int64_t job_id;        /* job verbs */
    int32_t group, feeder; /* VERB_JOB_START: where */
    int32_t level;         /* START, RESUME, LEVEL: to run at */
    int32_t point;         /* VERB_SETPOINT: a SETPOINT point of the topology */
    double value;          /* VERB_SETPOINT: base unit */
    double wanted;         /* before the guard made it safer */
    enum reason reason;    /* one */
    char asker[LIMIT_NAME];/* "planner", "guard", "fallback", or who asked from outside */
    bool apply;            /* false: advice only (mode), to be recorded and not executed */
};

#endif
