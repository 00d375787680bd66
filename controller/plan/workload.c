/* The slots of a problem, and what its sites cost and carry before any job is placed. */
#include "controller/plan/work.h"

#include <math.h>
#include <stdlib.h>

static const double HOUR_MS = 3600e3;

int64_t overlap_ms(int64_t start_a, int64_t end_a, int64_t start_b, int64_t end_b)
{
    int64_t start = start_a > start_b ? start_a : start_b;
    int64_t end = end_a < end_b ? end_a : end_b;
    return end > start ? end - start : 0;
}

int32_t workload_slot(const struct workload *load, int64_t at_ms)
{
    const struct problem_slot *slots = load->problem->sites[0].slots;
    int32_t low = 0, high = load->slot_count - 1;
    while (low < high) {
        int32_t middle = (low + high + 1) / 2;
        if (slots[middle].start_ms <= at_ms)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

int64_t workload_slot_end_ms(const struct workload *load, int32_t t)
{
    const struct problem_slot *slot = &load->problem->sites[0].slots[t];
    return slot->start_ms + slot->length_ms;
}

double workload_moment(const struct workload *load, int64_t start_ms, int64_t end_ms)
{
    double moment = 0;
    for (int32_t t = workload_slot(load, start_ms); t < load->slot_count; t++) {
        const struct problem_slot *slot = &load->problem->sites[0].slots[t];
        if (slot->start_ms >= end_ms)
            break;
        moment +=
            (double)overlap_ms(start_ms, end_ms, slot->start_ms, slot->start_ms + slot->length_ms) *
            load->middle_h[t];
    }
    return moment;
}

static double price_import(const struct problem *problem, int32_t site, int32_t t)
{
    const struct problem_slot *slot = &problem->sites[site].slots[t];
    return slot->price_import_per_mwh / 1000 +
           slot->carbon_g_per_kwh * problem->prices.carbon_per_t / 1e6;
}

/* Mean over the horizon. */
static double mean_price(const struct workload *load, int32_t site)
{
    double sum = 0, hours = 0;
    for (int32_t t = 0; t < load->slot_count; t++) {
        sum += price_import(load->problem, site, t) * load->hours[t];
        hours += load->hours[t];
    }
    return sum / hours;
}

/* What a kWh of IT energy costs with overhead and cooling, on average over the horizon. */
static double later_price(const struct workload *load, int32_t s)
{
    const struct problem_site *site = &load->problem->sites[s];
    double cost = 0, hours = 0;
    for (int32_t t = 0; t < load->slot_count; t++) {
        const struct problem_slot *slot = &site->slots[t];
        double cooling = site->cooling.chiller_max_w > 0 ? slot->heat_ratio / slot->cop : 0;
        cost += load->hours[t] * (1 + slot->overhead_ratio + cooling) *
                price_import(load->problem, s, t);
        hours += load->hours[t];
    }
    return fmax(0, cost / hours);
}

static void slots_init(struct workload *load)
{
    const struct problem *problem = load->problem;
    for (int32_t t = 0; t < load->slot_count; t++) {
        const struct problem_slot *slot = &problem->sites[0].slots[t];
        load->hours[t] = (double)slot->length_ms / HOUR_MS;
        load->middle_h[t] =
            (double)(slot->start_ms - load->start_ms) / HOUR_MS + load->hours[t] / 2;
    }
    for (int32_t s = 0; s < load->site_count; s++) {
        load->later_per_kwh[s] = later_price(load, s);
        load->arrive_per_kwh[s] = fmax(0, mean_price(load, s));
    }
}

static bool arrays_create(struct workload *load)
{
    size_t slots = (size_t)load->slot_count, sites = (size_t)load->site_count;
    load->hours = calloc(slots, sizeof(double));
    load->middle_h = calloc(slots, sizeof(double));
    load->committed_kw = calloc(slots * sites, sizeof(double));
    load->committed_feeder_kw = calloc(slots * sites * LIMIT_FEEDERS, sizeof(double));
    load->works = calloc((size_t)load->count + 1, sizeof(*load->works));
    return load->hours && load->middle_h && load->committed_kw && load->committed_feeder_kw &&
           load->works;
}

struct workload *workload_create(const struct problem *problem)
{
    struct workload *load = calloc(1, sizeof(*load));
    if (!load)
        return NULL;
    load->problem = problem;
    load->start_ms = problem->sites[0].slots[0].start_ms;
    load->end_ms = problem_end_ms(problem);
    load->end_h = (double)(load->end_ms - load->start_ms) / HOUR_MS;
    load->site_count = problem->site_count;
    load->slot_count = problem->slot_count;
    load->count = problem->job_count;
    if (!arrays_create(load)) {
        workload_destroy(load);
        return NULL;
    }
    slots_init(load);
    for (int32_t i = 0; i < load->count; i++)
        work_init(load, &load->works[i], &problem->jobs[i]);
    return load;
}

void workload_destroy(struct workload *load)
{
    if (!load)
        return;
    free(load->hours);
    free(load->middle_h);
    free(load->committed_kw);
    free(load->committed_feeder_kw);
    free(load->works);
    free(load);
}
