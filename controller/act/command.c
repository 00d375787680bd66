/* Names of subsystems, modes and verbs: the same words in configuration, store and interfaces. */
#include "controller/act/command.h"

#include <assert.h>
#include <string.h>

#include "controller/base/error.h"

static const char *const subsystem_names[SUBSYSTEMS] = {
    [SUBSYSTEM_JOBS] = "jobs",
    [SUBSYSTEM_BATTERY] = "battery",
    [SUBSYSTEM_COOLING] = "cooling",
};

static const char *const mode_names[MODES] = {
    [MODE_OBSERVE] = "observe",
    [MODE_ADVISE] = "advise",
    [MODE_CONTROL] = "control",
};

static const char *const verb_names[] = {
    [VERB_JOB_START] = "start",   [VERB_JOB_SUSPEND] = "suspend", [VERB_JOB_RESUME] = "resume",
    [VERB_JOB_CANCEL] = "cancel", [VERB_JOB_LEVEL] = "level",     [VERB_SETPOINT] = "setpoint",
};

enum { VERBS = sizeof(verb_names) / sizeof(verb_names[0]) };

static int find_name(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return ERROR_INVALID;
}

const char *subsystem_name(enum subsystem subsystem)
{
    assert((unsigned)subsystem < SUBSYSTEMS);
    return subsystem_names[subsystem];
}

int subsystem_find(const char *name, enum subsystem *ret_subsystem)
{
    int index = find_name(subsystem_names, SUBSYSTEMS, name);
    if (index < 0)
        return index;
    *ret_subsystem = (enum subsystem)index;
    return 0;
}

const char *mode_name(enum mode mode)
{
    assert((unsigned)mode < MODES);
    return mode_names[mode];
}

int mode_find(const char *name, enum mode *ret_mode)
{
    int index = find_name(mode_names, MODES, name);
    if (index < 0)
        return index;
    *ret_mode = (enum mode)index;
    return 0;
}

const char *verb_name(enum verb verb)
{
    assert((unsigned)verb < VERBS);
    return verb_names[verb];
}
