/* See cooling.h. Figures are those of an ordinary hybrid (liquid and air) 1 MW hall. */
#include "tools/twin/cooling.h"

#include <math.h>

static const double RATED_HEAT_W = 1.1e6;
static const double LIQUID_SHARE = 0.7; /* of the rack heat */

static const double COP_RATED = 4.5; /* at 25 C outdoors, 18 C supply, best load */
static const double COP_PER_OUTDOOR_K = 0.024, COP_PER_SUPPLY_K = 0.04;
static const double COP_BEST_LOAD = 0.7, COP_LOAD_CURVE = 0.35;
static const double REJECTION_RATIO = 0.02; /* condenser or dry-cooler fans and water pumps */
static const double CHILLER_STANDBY_W = 1500;

static const double APPROACH_K = 5;   /* dry cooler: water leaves warmer than the air */
static const double FREE_SPAN_K = 11; /* from all free to none */

static const double CDU_RATED_W = 9000, CDU_STANDBY_W = 300;
static const double CDU_RATED_L_MIN = 1200, CDU_LEAST_SHARE = 0.25;
static const double CDU_DELTA_K = 10, WATER_J_PER_L_K = 4186;

static const double FANS_RATED_W = 40000, FANS_LEAST_SHARE = 0.3, FANS_MOST_SHARE = 1.1;
static const double FANS_RATED_HEAT_W = 400000, FANS_RATED_DELTA_K = 18;
static const double AIR_APPROACH_K = 3, HOT_AISLE_C = 42, RECIRCULATION_K = 2.5;

static const double TANK_START_SHARE = 0.5;

static const double SUPPLY_LAG_S = 300, INLET_LAG_S = 420;

static double clamp(double value, double low, double high)
{
    return fmin(high, fmax(low, value));
}

/* Exact for any step length, so a long step cannot make it swing. */
static double lag(double value, double target, double dt_s, double lag_s)
{
    return target + (value - target) * exp(-dt_s / lag_s);
}

void cooling_init(struct cooling *cooling, double supply_set_c)
{
    *cooling = (struct cooling){
        .supply_set_c = supply_set_c,
        .supply_c = supply_set_c,
        .inlet_c = supply_set_c + AIR_APPROACH_K,
    };
    tank_init(&cooling->tank, TANK_START_SHARE);
}

double cooling_cop(double outdoor_c, double supply_c, double load_share)
{
    double off_best = load_share - COP_BEST_LOAD;

    return COP_RATED * exp(-COP_PER_OUTDOOR_K * (outdoor_c - 25)) *
           exp(COP_PER_SUPPLY_K * (supply_c - 18)) * (1 - COP_LOAD_CURVE * off_best * off_best);
}

double cooling_free_share(double outdoor_c, double supply_c)
{
    double all_below_c = supply_c - APPROACH_K;

    return clamp(1 - (outdoor_c - all_below_c) / FREE_SPAN_K, 0, 1);
}

static void step_cdu(struct cooling *cooling, double heat_w)
{
    double wanted_l_min = heat_w / (CDU_DELTA_K * WATER_J_PER_L_K) * 60;

    cooling->pump_share = clamp(wanted_l_min / CDU_RATED_L_MIN, CDU_LEAST_SHARE, 1);
    cooling->flow_l_min = cooling->pump_share * CDU_RATED_L_MIN;
    cooling->cdu_w = CDU_STANDBY_W + CDU_RATED_W * pow(cooling->pump_share, 3);
    cooling->cdu_supply_c = cooling->supply_c + 4 + 6 * heat_w / RATED_HEAT_W;
}

/* Warmer supply needs more air for the same heat: the price of saving at the chiller. */
static void step_fans(struct cooling *cooling, double heat_w)
{
    double delta_k = fmax(4, HOT_AISLE_C - (cooling->supply_c + AIR_APPROACH_K));
    double share = heat_w / FANS_RATED_HEAT_W * FANS_RATED_DELTA_K / delta_k;

    cooling->fans_w = FANS_RATED_W * pow(clamp(share, FANS_LEAST_SHARE, FANS_MOST_SHARE), 3);
}

static void step_chiller(struct cooling *cooling, double heat_w, double outdoor_c)
{
    double load_share = clamp(heat_w / RATED_HEAT_W, 0.1, 1.2);
    double compressor_w, cop = cooling_cop(outdoor_c, cooling->supply_c, load_share);

    cooling->free_share = cooling_free_share(outdoor_c, cooling->supply_c);
    compressor_w = (1 - cooling->free_share) * heat_w / cop;
    cooling->chiller_w = CHILLER_STANDBY_W + REJECTION_RATIO * heat_w + compressor_w;
    cooling->return_c = cooling->supply_c + 4 + 8 * load_share;
}

void cooling_step(struct cooling *cooling, double it_w, double loss_w, double outdoor_c,
                  double dt_s)
{
    double air_w = (1 - LIQUID_SHARE) * it_w + loss_w;
    double inlet_c;

    cooling->supply_c = lag(cooling->supply_c, cooling->supply_set_c, dt_s, SUPPLY_LAG_S);
    step_cdu(cooling, LIQUID_SHARE * it_w);
    step_fans(cooling, air_w);
    cooling->heat_w = it_w + loss_w + cooling->cdu_w + cooling->fans_w;
    tank_step(&cooling->tank, cooling->heat_w, fmax(0, RATED_HEAT_W - cooling->heat_w), dt_s);
    cooling->chiller_heat_w = cooling->heat_w - cooling->tank.heat_w;
    step_chiller(cooling, cooling->chiller_heat_w, outdoor_c);
    inlet_c = cooling->supply_c + AIR_APPROACH_K + cooling->leak_k +
              RECIRCULATION_K * air_w / FANS_RATED_HEAT_W;
    cooling->inlet_c = lag(cooling->inlet_c, inlet_c, dt_s, INLET_LAG_S);
}
