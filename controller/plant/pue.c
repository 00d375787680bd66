/* Which meters make up which part of the energy balance, and PUE from it. The auditor's SQL views
 * state the same rules a second time, independently. */
#include "controller/plant/pue.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

#include "controller/base/utc.h"

static const double WH_PER_MILLIWH = 1e-3;
static const int64_t TWELVE_MONTHS_MS = (int64_t)365 * DAY_MS;

enum presence { OPTIONAL, REQUIRED }; /* may a site be without any such device? */

/* What a balance is computed from. */
struct source {
    const struct topology *topology;
    const struct energy_interval *intervals;
    int count;
    int64_t start_ms, end_ms;
};

/* A sum on its way: parts can only worsen its quality. */
struct sum {
    struct energy energy;
    enum reason reason;
};

enum device_role pue_category_role(int category)
{
    static const enum device_role roles[] = {ROLE_UPS, ROLE_RACK_PDU, ROLE_IT};
    assert(category >= 1 && category <= 3);
    return roles[category - 1];
}

static const struct energy_interval *find_interval(const struct source *source, int32_t point)
{
    for (int i = 0; i < source->count; i++) {
        const struct energy_interval *interval = &source->intervals[i];
        if (interval->point == point && interval->start_ms == source->start_ms &&
            interval->end_ms == source->end_ms)
            return interval;
    }
    return NULL;
}

static bool known(enum quality quality)
{
    return quality == QUALITY_GOOD || quality == QUALITY_ESTIMATED;
}

static void worsen(struct sum *sum, enum quality quality, enum reason reason, double coverage)
{
    if (quality > sum->energy.quality) {
        sum->energy.quality = quality;
        sum->reason = reason;
    }
    sum->energy.coverage = fmin(sum->energy.coverage, coverage);
}

static void lose(struct sum *sum, enum reason reason)
{
    worsen(sum, QUALITY_MISSING, reason, 0);
    sum->energy.wh = (double)NAN;
}

/* The counter; on a device without any, its integrated power; -1: it cannot tell. */
static int32_t meter_point(const struct topology *topology, int32_t device, enum point_kind counter)
{
    int32_t point = topology_find_point(topology, device, counter);
    if (point >= 0)
        return point;
    if (topology_find_point(topology, device, POINT_ENERGY_IMPORT) >= 0 ||
        topology_find_point(topology, device, POINT_ENERGY_EXPORT) >= 0)
        return -1;
    return topology_find_point(topology, device, POINT_POWER);
}

static void add_device(struct sum *sum, const struct source *source, int32_t device,
                       enum point_kind counter)
{
    int32_t point = meter_point(source->topology, device, counter);
    const struct energy_interval *interval = point < 0 ? NULL : find_interval(source, point);
    if (!interval) {
        lose(sum, point < 0 ? REASON_NEVER_READ : REASON_GAP);
        return;
    }
    if (!known(interval->quality)) {
        lose(sum, interval->reason);
        return;
    }
    worsen(sum, interval->quality, interval->reason, interval->coverage);
    sum->energy.wh += (double)(interval->end_milliwh - interval->start_milliwh) * WH_PER_MILLIWH;
}

/* A utility meter without an export register stands where nothing can be exported. */
static bool counts_nothing(const struct topology *topology, int32_t device, enum point_kind counter)
{
    return counter == POINT_ENERGY_EXPORT && topology->devices[device].role == ROLE_UTILITY &&
           topology_find_point(topology, device, POINT_ENERGY_IMPORT) >= 0 &&
           topology_find_point(topology, device, POINT_ENERGY_EXPORT) < 0;
}

static struct sum sum_role(const struct source *source, enum device_role role,
                           enum point_kind counter, enum presence presence)
{
    struct sum sum = {{0, QUALITY_GOOD, 1}, REASON_FRESH};
    int32_t device = topology_next(source->topology, role, 0);
    if (device < 0 && presence == REQUIRED)
        lose(&sum, REASON_NEVER_READ);
    for (; device >= 0; device = topology_next(source->topology, role, device + 1)) {
        if (!counts_nothing(source->topology, device, counter))
            add_device(&sum, source, device, counter);
    }
    return sum;
}

static void add(struct sum *total, const struct sum *part, double sign)
{
    worsen(total, part->energy.quality, part->reason, part->energy.coverage);
    total->energy.wh += sign * part->energy.wh; /* NAN stays NAN */
}

void balance_compute(struct balance *ret_balance, const struct topology *topology, int category,
                     int64_t start_ms, int64_t end_ms, const struct energy_interval *intervals,
                     int count)
{
    const struct source source = {topology, intervals, count, start_ms, end_ms};
    struct sum import = sum_role(&source, ROLE_UTILITY, POINT_ENERGY_IMPORT, REQUIRED);
    struct sum export = sum_role(&source, ROLE_UTILITY, POINT_ENERGY_EXPORT, OPTIONAL);
    struct sum pv = sum_role(&source, ROLE_PV, POINT_ENERGY_EXPORT, OPTIONAL);
    struct sum wind = sum_role(&source, ROLE_WIND, POINT_ENERGY_EXPORT, OPTIONAL);
    struct sum charge = sum_role(&source, ROLE_BATTERY, POINT_ENERGY_IMPORT, OPTIONAL);
    struct sum discharge = sum_role(&source, ROLE_BATTERY, POINT_ENERGY_EXPORT, OPTIONAL);
    struct sum it = sum_role(&source, pue_category_role(category), POINT_ENERGY_IMPORT, REQUIRED);
    struct sum cooling = sum_role(&source, ROLE_COOLING, POINT_ENERGY_IMPORT, OPTIONAL);
    struct sum auxiliary = sum_role(&source, ROLE_AUXILIARY, POINT_ENERGY_IMPORT, OPTIONAL);

    struct sum facility = import;
    add(&facility, &export, -1);
    add(&facility, &pv, 1);
    add(&facility, &wind, 1);
    add(&facility, &discharge, 1);
    add(&facility, &charge, -1);

    struct sum distribution = facility;
    add(&distribution, &it, -1);
    add(&distribution, &cooling, -1);
    add(&distribution, &auxiliary, -1);

    /* Each interval's end is rounded by up to a milliwatt-hour: that much proves nothing. */
    bool disagree = distribution.energy.wh < -(count + 1) * WH_PER_MILLIWH;
    *ret_balance = (struct balance){
        .start_ms = start_ms,
        .end_ms = end_ms,
        .import = import.energy,
        .export = export.energy,
        .pv = pv.energy,
        .wind = wind.energy,
        .charge = charge.energy,
        .discharge = discharge.energy,
        .facility = facility.energy,
        .it = it.energy,
        .cooling = cooling.energy,
        .auxiliary = auxiliary.energy,
        .distribution = distribution.energy,
        .reason = disagree ? REASON_NEGATIVE_RESIDUAL : distribution.reason,
    };
}

static bool under_twelve_months(int64_t start_ms, int64_t end_ms)
{
    return end_ms - start_ms < TWELVE_MONTHS_MS;
}

void pue_from_balance(struct pue *ret_pue, const struct balance *balance, int category)
{
    struct pue pue = {
        .start_ms = balance->start_ms,
        .end_ms = balance->end_ms,
        .category = category,
        .facility_wh = (double)NAN,
        .it_wh = (double)NAN,
        .value = (double)NAN,
        .interim = under_twelve_months(balance->start_ms, balance->end_ms),
        .quality = QUALITY_MISSING,
    };
    if (known(balance->facility.quality) && known(balance->it.quality)) {
        pue.facility_wh = balance->facility.wh;
        pue.it_wh = balance->it.wh;
        pue.coverage = fmin(balance->facility.coverage, balance->it.coverage);
    }
    if (pue.it_wh > 0) {
        pue.value = pue.facility_wh / pue.it_wh;
        bool good =
            balance->facility.quality == QUALITY_GOOD && balance->it.quality == QUALITY_GOOD;
        pue.quality = good ? QUALITY_GOOD : QUALITY_ESTIMATED;
    }
    *ret_pue = pue;
}

void pue_sum_begin(struct pue_sum *sum, int64_t start_ms, int64_t end_ms, int category)
{
    assert(end_ms > start_ms && category >= 1 && category <= 3);
    *sum = (struct pue_sum){.start_ms = start_ms, .end_ms = end_ms, .category = category};
}

void pue_sum_add(struct pue_sum *sum, const struct pue *interval)
{
    if (interval->category != sum->category)
        return; /* stored before the configuration changed */
    if (interval->start_ms < sum->start_ms || interval->end_ms > sum->end_ms)
        return;
    if (interval->quality != QUALITY_GOOD)
        sum->estimated = true;
    if (!isfinite(interval->facility_wh) || !isfinite(interval->it_wh))
        return;
    sum->facility_wh += interval->facility_wh;
    sum->it_wh += interval->it_wh;
    sum->known_ms += interval->end_ms - interval->start_ms;
}

void pue_sum_read(const struct pue_sum *sum, struct pue *ret_pue)
{
    bool any = sum->known_ms > 0;
    struct pue pue = {
        .start_ms = sum->start_ms,
        .end_ms = sum->end_ms,
        .category = sum->category,
        .facility_wh = any ? sum->facility_wh : (double)NAN,
        .it_wh = any ? sum->it_wh : (double)NAN,
        .value = (double)NAN,
        .coverage = fmin(1, (double)sum->known_ms / (double)(sum->end_ms - sum->start_ms)),
        .interim = under_twelve_months(sum->start_ms, sum->end_ms),
        .quality = QUALITY_MISSING,
    };
    if (any && sum->it_wh > 0) {
        pue.value = sum->facility_wh / sum->it_wh;
        pue.quality = sum->estimated ? QUALITY_ESTIMATED : QUALITY_GOOD;
    }
    *ret_pue = pue;
}
