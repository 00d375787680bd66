/* Energy balance and PUE of one interval from the meters' intervals. Pure.
 *
 * PUE = facility energy / IT energy over the same interval (ISO/IEC 30134-2).
 *   facility = import - export + PV + wind + battery discharge - battery charge
 * The battery stands at its AC terminals outside the facility: stored energy is neither consumed
 * nor produced, its conversion losses are accounted apart (battery_loss needs SoC).
 *   IT        = UPS outputs (category 1), rack PDU outputs (2) or IT inputs (3), as configured
 *   cooling, auxiliary = sums of the meters of these roles
 *   distribution = facility - IT - cooling - auxiliary (transformers, UPS, busbars)
 * A missing meter makes every sum that needs it MISSING, never smaller. A role without any device
 * counts as 0 and GOOD (no wind turbine), except the utility meter and IT, which PUE cannot be
 * without. Loads and the charged energy are counted by energy_import_wh, producers and the
 * discharged energy by energy_export_wh; a device without any counter by its integrated power. */
#ifndef TIDEWATT_PLANT_PUE_H
#define TIDEWATT_PLANT_PUE_H

#include "controller/plant/meter.h"
#include "controller/plant/point.h"

/* One energy figure: unknown unless quality is GOOD or ESTIMATED. */
struct energy {
    double wh; /* NAN when unknown */
    enum quality quality;
    double coverage; /* least coverage of its parts, 0..1 */
};

struct balance {
    int64_t start_ms, end_ms;
    struct energy import, export, pv, wind, charge, discharge; /* at the meters */
    struct energy facility, it, cooling, auxiliary, distribution;
    enum reason reason; /* NEGATIVE_RESIDUAL when the parts exceed the whole, else of the
                         * part that is known worst */
};

struct pue {
    int64_t start_ms, end_ms;
    int category;              /* 1, 2 or 3 */
    double facility_wh, it_wh; /* over the part of the period in which both are known, else NAN */
    double value;              /* facility/IT; NAN unless quality is GOOD or ESTIMATED */
    double coverage;           /* one interval: observed share; a period: share of its intervals
                                * in which both energies are known; 0..1 */
    bool interim;              /* under twelve months (ISO/IEC 30134-2) */
    enum quality quality;      /* MISSING also while no IT energy flowed */
};

/* Which meters count for IT. */
enum device_role pue_category_role(int category);

/* The balance of the interval [start, end) from the closed intervals of all meters that span
 * exactly it. `intervals` may hold others; those are skipped. */
void balance_compute(struct balance *ret_balance, const struct topology *topology, int category,
                     int64_t start_ms, int64_t end_ms, const struct energy_interval *intervals,
                     int count);

void pue_from_balance(struct pue *ret_pue, const struct balance *balance, int category);

/* Adds up interval PUEs of a longer period: begin, add each, read at any time. Intervals outside
 * the period are skipped, and so are those of another category (the configuration changed since
 * they were stored): their time stays unknown and lowers the coverage. One with an unknown energy
 * makes the period ESTIMATED. */
struct pue_sum {
    int64_t start_ms, end_ms;
    int category;
    double facility_wh, it_wh;
    int64_t known_ms;
    bool estimated;
};
void pue_sum_begin(struct pue_sum *sum, int64_t start_ms, int64_t end_ms, int category);
void pue_sum_add(struct pue_sum *sum, const struct pue *interval);
void pue_sum_read(const struct pue_sum *sum, struct pue *ret_pue);

#endif
