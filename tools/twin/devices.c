/* See devices.h. */
#include "tools/twin/devices.h"

#include <math.h>
#include <string.h>

#include "tools/twin/noise.h"

const struct twin_device twin_devices[TWIN_DEVICES] = {
    {"utility", "twin-utility-meter", -1},
    {"ups", "twin-ups", -1},
    {"pdu-a1", "twin-rack-pdu", 0},
    {"pdu-a2", "twin-rack-pdu", 1},
    {"pdu-a3", "twin-rack-pdu", 2},
    {"pdu-a4", "twin-rack-pdu", 3},
    {"pdu-b1", "twin-rack-pdu", 4},
    {"pdu-b2", "twin-rack-pdu", 5},
    {"pdu-b3", "twin-rack-pdu", 6},
    {"pdu-b4", "twin-rack-pdu", 7},
    {"pv", "twin-pv", -1},
    {"wind", "twin-wind", -1},
    {"battery", "twin-battery", -1},
    {"chiller", "twin-chiller", -1},
    {"cdu", "twin-cdu", -1},
    {"air-handler", "twin-meter", -1},
    {"lighting", "twin-meter", -1},
    {"tank", "twin-tank", -1},
};

enum {
    UTILITY,
    UPS,
    PDU_FIRST,
    PV = PDU_FIRST + PLANT_RACKS,
    WIND,
    BATTERY,
    CHILLER,
    CDU,
    TANK = CDU + 3
};

/* What a device meters; its power is the one less the other, positive as the catalogue says. */
static const struct {
    enum flow consumed, produced;
    bool production_positive;
} METERED[TWIN_DEVICES] = {
    {FLOW_IMPORT, FLOW_EXPORT, false},   {FLOW_UPS_OUTPUT, FLOW_NONE, false},
    {FLOW_RACK + 0, FLOW_NONE, false},   {FLOW_RACK + 1, FLOW_NONE, false},
    {FLOW_RACK + 2, FLOW_NONE, false},   {FLOW_RACK + 3, FLOW_NONE, false},
    {FLOW_RACK + 4, FLOW_NONE, false},   {FLOW_RACK + 5, FLOW_NONE, false},
    {FLOW_RACK + 6, FLOW_NONE, false},   {FLOW_RACK + 7, FLOW_NONE, false},
    {FLOW_NONE, FLOW_PV, true},          {FLOW_NONE, FLOW_WIND, true},
    {FLOW_CHARGE, FLOW_DISCHARGE, true}, {FLOW_CHILLER, FLOW_NONE, false},
    {FLOW_CDU, FLOW_NONE, false},        {FLOW_FANS, FLOW_NONE, false},
    {FLOW_AUXILIARY, FLOW_NONE, false},  {FLOW_TANK_PUMP, FLOW_NONE, false},
};

static const double NO_VALUE = (double)NAN;
static const double COUNTER_START_MOST_WH = 4e8; /* far below 2^32 Wh */
static const double SOH_PCT = 98;

int twin_device_find(const char *name)
{
    for (int i = 0; i < TWIN_DEVICES; i++)
        if (strcmp(twin_devices[i].name, name) == 0)
            return i;
    return -1;
}

static double flow_w(const struct plant *plant, enum flow flow)
{
    return flow == FLOW_NONE ? 0 : plant->power_w[flow];
}

static double power_w(const struct plant *plant, int device)
{
    double consumed_w =
        flow_w(plant, METERED[device].consumed) - flow_w(plant, METERED[device].produced);

    return METERED[device].production_positive ? -consumed_w : consumed_w;
}

static double counter_wh(const struct plant *plant, enum flow flow)
{
    if (flow == FLOW_NONE)
        return NO_VALUE;
    return plant->energy_wh[flow] +
           floor(COUNTER_START_MOST_WH * noise_uniform(plant->seed, 1000 + (uint64_t)flow));
}

static double battery_value(const struct battery *battery, enum point_kind kind)
{
    switch ((int)kind) {
    case POINT_SOC:
        return battery_soc_pct(battery);
    case POINT_SOH:
        return SOH_PCT;
    case POINT_POWER_CHARGE_MAX:
        return battery_charge_max_w(battery);
    case POINT_POWER_DISCHARGE_MAX:
        return battery_discharge_max_w(battery);
    case POINT_STATE:
        return battery_state(battery);
    case POINT_POWER_SET:
        return battery->set.value;
    case POINT_POWER_SET_REVERT:
        return battery->set.revert_s;
    default:
        return NO_VALUE;
    }
}

static double chiller_value(const struct cooling *cooling, enum point_kind kind)
{
    switch ((int)kind) {
    case POINT_TEMP_SUPPLY:
        return cooling->supply_c;
    case POINT_TEMP_RETURN:
        return cooling->return_c;
    case POINT_POWER_COOLING:
        return cooling->chiller_heat_w;
    case POINT_FREE_COOLING:
        return 100 * cooling->free_share;
    case POINT_TEMP_SUPPLY_SET:
        return cooling->supply_set_c;
    default:
        return NO_VALUE;
    }
}

static double tank_value(const struct tank *tank, enum point_kind kind)
{
    switch ((int)kind) {
    case POINT_SOC:
        return tank_level_pct(tank);
    case POINT_STATE:
        return tank_state(tank);
    case POINT_POWER_COOLING:
        return tank->heat_w;
    case POINT_POWER_COOLING_SET:
        return tank->set.value;
    case POINT_POWER_SET_REVERT:
        return tank->set.revert_s;
    default:
        return NO_VALUE;
    }
}

static double cdu_value(const struct cooling *cooling, enum point_kind kind)
{
    switch ((int)kind) {
    case POINT_FLOW:
        return cooling->flow_l_min;
    case POINT_PUMP_SPEED:
        return 100 * cooling->pump_share;
    case POINT_TEMP_SUPPLY:
        return cooling->cdu_supply_c;
    default:
        return NO_VALUE;
    }
}

double twin_device_value(const struct plant *plant, const struct outside *outside, int device,
                         enum point_kind kind)
{
    if (kind == POINT_POWER)
        return power_w(plant, device);
    if (kind == POINT_ENERGY_IMPORT)
        return counter_wh(plant, METERED[device].consumed);
    if (kind == POINT_ENERGY_EXPORT)
        return counter_wh(plant, METERED[device].produced);
    if (device == UTILITY && kind == POINT_VOLTAGE)
        return plant->voltage_v;
    if (device == UTILITY && kind == POINT_FREQUENCY)
        return outside->frequency_hz;
    if (device == UPS && kind == POINT_LOAD)
        return 100 * plant->power_w[FLOW_UPS_OUTPUT] / plant_ups_rated_w;
    if (device == BATTERY)
        return battery_value(&plant->battery, kind);
    if (device == CHILLER)
        return chiller_value(&plant->cooling, kind);
    if (device == CDU)
        return cdu_value(&plant->cooling, kind);
    if (device == TANK)
        return tank_value(&plant->cooling.tank, kind);
    return NO_VALUE;
}

bool twin_device_set(struct plant *plant, int device, enum point_kind kind, double value)
{
    if (device == BATTERY && kind == POINT_POWER_SET)
        set_point_write(&plant->battery.set, value);
    else if (device == BATTERY && kind == POINT_POWER_SET_REVERT)
        plant->battery.set.revert_s = value;
    else if (device == TANK && kind == POINT_POWER_COOLING_SET)
        set_point_write(&plant->cooling.tank.set, value);
    else if (device == TANK && kind == POINT_POWER_SET_REVERT)
        plant->cooling.tank.set.revert_s = value;
    else if (device == CHILLER && kind == POINT_TEMP_SUPPLY_SET)
        plant->cooling.supply_set_c = value;
    else
        return false;
    return true;
}
