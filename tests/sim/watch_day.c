/* See watch.h: what must add up when the day is over. */
#include <math.h>

#include "controller/base/utc.h"
#include "tests/sim/watch_private.h"

static const double CLOSE_WH = 1;
static const double ROUNDING_WH = 0.02; /* sums of counters in whole milliwatt-hours */

static void judge_close(struct sim *sim, const char *what, double difference_wh)
{
    if (!(fabs(difference_wh) <= CLOSE_WH))
        watch_violation(sim, RULE_BALANCE, "%s differs by %.3f Wh", what, difference_wh);
}

static void judge_balances(struct sim *sim)
{
    const double *wh = sim->plant.energy_wh;
    double held_wh = sim->plant.battery.soc_wh - sim->setup.soc_share * battery_capacity_wh;
    double cold_wh = sim->plant.cooling.tank.cold_wh - sim->start_cold_wh;
    judge_close(sim, "energy at the grid",
                wh[FLOW_IMPORT] - wh[FLOW_EXPORT] - wh[FLOW_FACILITY] + wh[FLOW_PV] +
                    wh[FLOW_WIND] + wh[FLOW_DISCHARGE] - wh[FLOW_CHARGE]);
    judge_close(sim, "energy of the facility",
                wh[FLOW_FACILITY] - wh[FLOW_IT] - wh[FLOW_DISTRIBUTION] - wh[FLOW_COOLING] -
                    wh[FLOW_AUXILIARY]);
    judge_close(sim, "energy in the battery",
                held_wh + sim->faults.faded_wh - wh[FLOW_CHARGE] * battery_charge_efficiency +
                    wh[FLOW_DISCHARGE] / battery_discharge_efficiency);
    judge_close(sim, "heat",
                wh[FLOW_HEAT] + wh[FLOW_TANK_CHARGE] - wh[FLOW_CHILLER_HEAT] -
                    wh[FLOW_TANK_DISCHARGE]);
    judge_close(sim, "cold in the tank",
                cold_wh - wh[FLOW_TANK_CHARGE] + wh[FLOW_TANK_DISCHARGE] + wh[FLOW_TANK_LOSS]);
}

struct audited {
    const char *name;
    enum flow flow;
    const struct energy *energy;
};

static double true_wh(const struct sim *sim, int quarter, enum flow flow)
{
    return sim->truth_wh[quarter + 1][flow] - sim->truth_wh[quarter][flow];
}

/* Facility energy is no meter's: it follows from the others. */
static int list_audited(const struct balance *b, struct audited ret_list[8])
{
    const struct audited list[] = {
        {"import", FLOW_IMPORT, &b->import},
        {"export", FLOW_EXPORT, &b->export},
        {"pv", FLOW_PV, &b->pv},
        {"wind", FLOW_WIND, &b->wind},
        {"charge", FLOW_CHARGE, &b->charge},
        {"discharge", FLOW_DISCHARGE, &b->discharge},
        {"facility", FLOW_FACILITY, &b->facility},
        {"it", FLOW_IT, &b->it},
    };
    for (int i = 0; i < 8; i++)
        ret_list[i] = list[i];
    return 8;
}

static void judge_account(struct sim *sim, int quarter)
{
    const struct account *account = &sim->accounts[quarter];
    struct audited list[8];
    int count = list_audited(&account->balance, list);
    for (int i = 0; i < count; i++) {
        double truth_wh = true_wh(sim, quarter, list[i].flow);
        if (list[i].energy->quality == QUALITY_GOOD &&
            !(fabs(list[i].energy->wh - truth_wh) <= ROUNDING_WH))
            watch_violation(sim, RULE_ACCOUNT, "%s of quarter hour %d is %.3f Wh, truly %.3f Wh",
                            list[i].name, quarter, list[i].energy->wh, truth_wh);
    }
}

/* Silence moves energy between quarter hours and loses none: between two good ones, what is known
 * adds up to the truth. */
static void judge_stretches(struct sim *sim, int which)
{
    double difference_wh = 0;
    bool open = false;
    for (int q = 1; q < SIM_QUARTERS; q++) {
        struct audited list[8];
        list_audited(&sim->accounts[q].balance, list);
        const struct energy *energy = list[which].energy;
        bool known = sim->accounts[q].end_ms != 0 && energy->quality <= QUALITY_ESTIMATED;
        if (!known) {
            open = false;
        } else if (energy->quality == QUALITY_GOOD) {
            if (open && fabs(difference_wh) > CLOSE_WH)
                watch_violation(sim, RULE_ACCOUNT, "%s before quarter hour %d is off by %.3f Wh",
                                list[which].name, q, difference_wh);
            open = true;
            difference_wh = 0;
        } else {
            difference_wh += energy->wh - true_wh(sim, q, list[which].flow);
        }
    }
}

void watch_day(struct sim *sim)
{
    judge_balances(sim);
    if (sim->totals.rejected > 0)
        watch_violation(sim, RULE_PLAN, "%d plans were rejected", sim->totals.rejected);
    for (int q = 0; q < SIM_QUARTERS; q++) {
        if (sim->accounts[q].end_ms != 0)
            judge_account(sim, q);
    }
    for (int which = 0; which < 8; which++)
        judge_stretches(sim, which);
}
