/* What fits together in a request for a job: one place for every way in which one can come. */
#include "controller/act/job_request.h"

static int check_level(const struct job_request *request, int32_t l, struct error *error)
{
    const struct job_level *level = &request->levels[l], *above = &request->levels[l - 1];
    if (!(level->power_w > 0 && level->power_w < above->power_w))
        return error_set(
            error, ERROR_INVALID,
            "level %d: %.0f W is not below the %.0f W of the level before: give levels "
            "from the highest power to the lowest",
            l, level->power_w, above->power_w);
    if (!(level->speed > 0 && level->speed <= above->speed))
        return error_set(error, ERROR_INVALID,
                         "level %d: its speed must be above 0 %% and not above that of the level "
                         "before",
                         l);
    if (level->accelerators > above->accelerators ||
        (above->accelerators > 0 && level->accelerators < 1))
        return error_set(error, ERROR_INVALID,
                         "level %d: %d accelerators do not fit after %d: a lower level has as many "
                         "or fewer, at least one",
                         l, level->accelerators, above->accelerators);
    return 0;
}

static int check_levels(const struct job_request *request, struct error *error)
{
    if (request->level_count > LIMIT_LEVELS)
        return error_set(error, ERROR_INVALID, "a job has at most %d levels beside the full one",
                         LIMIT_LEVELS - 1);
    if (request->level_count > 1 && !request->level_command[0])
        return error_set(error, ERROR_INVALID,
                         "levels need a level command: the shell command that makes the job run at "
                         "TIDEWATT_LEVEL");
    if (request->level_count <= 1 && request->level_command[0])
        return error_set(error, ERROR_INVALID,
                         "a level command without levels: say what the job draws and does at each, "
                         "e.g. --level 4.5kW=85%%");
    for (int32_t l = 1; l < request->level_count; l++) {
        int r = check_level(request, l, error);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_accelerators(const struct job_request *request, struct error *error)
{
    int32_t count = request->level_count > 0 ? request->levels[0].accelerators : 0;
    if (count < 0)
        return error_set(error, ERROR_INVALID, "a job cannot have %d accelerators", count);
    if ((count > 0) != (request->accelerator_classes != 0))
        return error_set(error, ERROR_INVALID,
                         count > 0 ? "which class of accelerators? e.g. --accelerators h100:8"
                                   : "how many accelerators? e.g. --accelerators h100:8");
    return 0;
}

/* Who never reads a checkpoint back has nothing to pay for it. */
static int check_restart(const struct job_request *request, struct error *error)
{
    bool shrinks =
        request->level_count > 1 &&
        request->levels[request->level_count - 1].accelerators != request->levels[0].accelerators;
    if (request->restart_ms < 0)
        return error_set(error, ERROR_INVALID, "the time of a restart cannot be negative");
    if (request->restart_ms > 0 && !request->checkpoint[0] && !shrinks)
        return error_set(error, ERROR_INVALID,
                         "a restart time without a checkpoint command: a job that is stopped by "
                         "signals goes on where it was");
    return 0;
}

int job_request_check(const struct job_request *request, struct error *error)
{
    int r = check_levels(request, error);
    if (r == 0)
        r = check_accelerators(request, error);
    return r == 0 ? check_restart(request, error) : r;
}
