/* What the plant draws where, from the image of this tick. Unknown stays unknown. */
#include <math.h>

#include "controller/core/cycle_private.h"

double cycle_role_power(const struct cycle *cycle, const struct image *image, enum device_role role)
{
    const struct topology *topology = cycle->config.topology;
    double sum_w = 0;
    for (int32_t d = topology_next(topology, role, 0); d >= 0;
         d = topology_next(topology, role, d + 1)) {
        double power_w;
        if (!image_device_value(image, d, POINT_POWER, &power_w))
            return NAN;
        sum_w += power_w;
    }
    return sum_w;
}

double cycle_first(const struct cycle *cycle, const struct image *image, enum device_role role,
                   enum point_kind kind)
{
    const struct topology *topology = cycle->config.topology;
    for (int32_t d = topology_next(topology, role, 0); d >= 0;
         d = topology_next(topology, role, d + 1)) {
        double value;
        if (image_device_value(image, d, kind, &value))
            return value;
    }
    return NAN;
}

double cycle_device_value(const struct image *image, int32_t device, enum point_kind kind)
{
    double value = NAN;
    if (device >= 0)
        image_device_value(image, device, kind, &value);
    return value;
}

/* ---- feeders and rack groups ---- */

void cycle_loads_init(struct cycle *cycle)
{
    const struct topology *topology = cycle->config.topology;
    for (int32_t d = topology_next(topology, ROLE_RACK_PDU, 0); d >= 0;
         d = topology_next(topology, ROLE_RACK_PDU, d + 1))
        if (topology->devices[d].group >= 0)
            cycle->group_metered[topology->devices[d].group] = true;
}

/* NAN spreads: a branch is known when all its rack PDUs are. */
static void add_pdus(struct cycle *cycle, const struct image *image, bool metered[LIMIT_FEEDERS])
{
    const struct topology *topology = cycle->config.topology;
    for (int32_t d = topology_next(topology, ROLE_RACK_PDU, 0); d >= 0;
         d = topology_next(topology, ROLE_RACK_PDU, d + 1)) {
        const struct device *device = &topology->devices[d];
        double power_w = cycle_device_value(image, d, POINT_POWER);
        if (device->feeder < 0)
            continue;
        metered[device->feeder] = true;
        cycle->loads.feeder_w[device->feeder] += power_w;
        if (device->group >= 0)
            cycle->loads.group_w[device->group] += power_w;
    }
}

/* A job whose level is being changed counts as the larger of the two. */
static void add_jobs(struct cycle *cycle, const struct tick_input *input)
{
    for (int j = 0; j < input->job_count; j++) {
        const struct job *job = &input->jobs[j];
        bool counts = job->group >= 0 && job->group < LIMIT_GROUPS &&
                      !cycle->group_metered[job->group] && job_state_draws_power(job->state);
        if (counts)
            cycle->loads.group_w[job->group] +=
                fmax(job_power_w(job), job_level_power_w(job, job->level_asked));
    }
}

void cycle_loads(struct cycle *cycle, const struct tick_input *input)
{
    bool metered[LIMIT_FEEDERS] = {false};
    cycle->loads = (struct branch_loads){0};
    add_pdus(cycle, input->image, metered);
    add_jobs(cycle, input);
    for (int f = 0; f < LIMIT_FEEDERS; f++)
        if (!metered[f])
            cycle->loads.feeder_w[f] = NAN;
}
