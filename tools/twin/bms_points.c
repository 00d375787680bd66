/* See bms_points.h. Site names are checked to hold neither quotes nor topic wildcards. */
#include "tools/twin/bms_points.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    OUTDOOR,
    WET_BULB,
    IRRADIANCE,
    WIND_SPEED,
    PRICE,
    PRICE_REALTIME,
    CARBON,
    INLET,
    UTILITY_POWER,
    HEARTBEAT,
    HEARTBEAT_OF_INTEGRATION,
    ECHO_OF_INTEGRATION,
    RACK_1
};

/* `identity` is what the contract asks of this kind of object; %s stands for the site. Those that
 * serve the racks say so: the power path begins at the utility meter. */
static const struct {
    const char *type; /* object type and point type, as in the topic */
    const char *path; /* after the site */
    const char *object_type, *point_type;
    const char *identity;
    bool serves_racks;
} POINTS[RACK_1] = {
    [OUTDOOR] = {"Sensor/AirTemperature", "weather/outdoor", "Sensor", "AirTemperature",
                 "\"objectName\":\"Outdoor air\",\"objectId\":\"%s/weather/outdoor\","
                 "\"processArea\":[\"Outdoor\"],\"engUnit\":\"C\""},
    [WET_BULB] = {"Sensor/GenericPoint", "weather/wet-bulb", "Sensor", "GenericPoint",
                  "\"objectName\":\"Psychrometer\",\"objectId\":\"%s/weather/wet-bulb\","
                  "\"processArea\":[\"Outdoor\",\"Wet-bulb temperature\"],\"engUnit\":\"C\""},
    [IRRADIANCE] = {"Sensor/GenericPoint", "weather/irradiance", "Sensor", "GenericPoint",
                    "\"objectName\":\"Pyranometer\",\"objectId\":\"%s/weather/irradiance\","
                    "\"processArea\":[\"Outdoor\",\"Global horizontal irradiance\"],"
                    "\"engUnit\":\"W/m2\""},
    [WIND_SPEED] = {"Sensor/GenericPoint", "weather/wind", "Sensor", "GenericPoint",
                    "\"objectName\":\"Anemometer\",\"objectId\":\"%s/weather/wind\","
                    "\"processArea\":[\"Outdoor\",\"Wind speed at hub height\"],"
                    "\"engUnit\":\"m/s\""},
    [PRICE] = {"GenericObject/GenericPoint", "market/price", "GenericObject", "GenericPoint",
               "\"objectName\":\"Power market\",\"objectId\":\"%s/market/price\","
               "\"processArea\":[\"Energy price\"],\"engUnit\":\"EUR/MWh\""},
    [PRICE_REALTIME] = {"GenericObject/GenericPoint", "market/price-realtime", "GenericObject",
                        "GenericPoint",
                        "\"objectName\":\"Power market\",\"objectId\":\"%s/market/price-realtime\","
                        "\"processArea\":[\"Real-time energy price\"],\"engUnit\":\"EUR/MWh\""},
    [CARBON] = {"GenericObject/GenericPoint", "market/carbon", "GenericObject", "GenericPoint",
                "\"objectName\":\"Grid carbon\",\"objectId\":\"%s/market/carbon\","
                "\"processArea\":[\"Grid carbon intensity\"],\"engUnit\":\"g/kWh\""},
    [INLET] = {"AHU/AirTemperature", "hall/inlet", "AHU", "AirTemperature",
               "\"objectName\":\"Hall air handler\",\"objectId\":\"%s/hall\","
               "\"processArea\":[\"Rack inlet\"],\"engUnit\":\"C\"",
               .serves_racks = true},
    [UTILITY_POWER] = {"PowerMeter/ActivePower", "utility", "PowerMeter", "ActivePower",
                       "\"objectName\":\"Utility meter\",\"objectId\":\"%s/utility\","
                       "\"engUnit\":\"kW\"",
                       .serves_racks = true},
    [HEARTBEAT] = {"System/HeartbeatTimestampBms", "bms", "System", "HeartbeatTimestampBms",
                   "\"objectName\":\"BMS\",\"objectId\":\"BMS\","
                   "\"scope\":\"BMS/v1/PUB/Value/+/+/%s/#\""},
    [HEARTBEAT_OF_INTEGRATION] = {"System/HeartbeatTimestampIntegration", "integration", "System",
                                  "HeartbeatTimestampIntegration",
                                  "\"objectName\":\"Controller of %s\","
                                  "\"objectId\":\"" BMS_INTEGRATION "\","
                                  "\"integration\":\"" BMS_INTEGRATION "\""},
    [ECHO_OF_INTEGRATION] = {"System/HeartbeatEchoIntegration", "bms-echo", "System",
                             "HeartbeatEchoIntegration",
                             "\"objectName\":\"BMS of %s\",\"objectId\":\"BMS\","
                             "\"integration\":\"" BMS_INTEGRATION "\""},
};

static char rack_row(int point)
{
    return (char)('a' + (point - RACK_1) / PLANT_RACKS_PER_FEEDER);
}

static int rack_number(int point)
{
    return 1 + (point - RACK_1) % PLANT_RACKS_PER_FEEDER;
}

static void topic(const char *kind, const char *site, int point, char *ret_topic, size_t size)
{
    if (point >= RACK_1)
        snprintf(ret_topic, size, "BMS/v1/PUB/%s/Rack/RackPower/%s/row%c/rack%d", kind, site,
                 rack_row(point), rack_number(point));
    else
        snprintf(ret_topic, size, "BMS/v1/PUB/%s/%s/%s/%s", kind, POINTS[point].type, site,
                 POINTS[point].path);
}

void bms_value_topic(const char *site, int point, char *ret_topic, size_t size)
{
    topic("Value", site, point, ret_topic, size);
}

void bms_metadata_topic(const char *site, int point, char *ret_topic, size_t size)
{
    topic("Metadata", site, point, ret_topic, size);
}

bool bms_publishes(int point)
{
    return point != HEARTBEAT_OF_INTEGRATION && point != ECHO_OF_INTEGRATION;
}

static double value(const struct plant *plant, const struct outside *outside, int point)
{
    switch (point) {
    case OUTDOOR:
        return outside->temp_outdoor_c;
    case WET_BULB:
        return outside->temp_wet_bulb_c;
    case IRRADIANCE:
        return outside->irradiance_w_m2;
    case WIND_SPEED:
        return outside->wind_m_s;
    case PRICE:
        return outside->price_per_mwh;
    case PRICE_REALTIME:
        return outside->price_realtime_per_mwh;
    case CARBON:
        return outside->carbon_g_per_kwh;
    case INLET:
        return plant->cooling.inlet_c;
    case UTILITY_POWER:
        return (plant->power_w[FLOW_IMPORT] - plant->power_w[FLOW_EXPORT]) / 1000;
    case HEARTBEAT:
        return (double)plant->time_ms;
    default:
        return plant->power_w[FLOW_RACK + point - RACK_1] / 1000;
    }
}

void bms_value(const struct plant *plant, const struct outside *outside, int point,
               char ret_payload[BMS_PAYLOAD])
{
    assert(bms_publishes(point));
    snprintf(ret_payload, BMS_PAYLOAD, "{\"value\":%.*f,\"timestamp\":%lld,\"quality\":1}",
             point == HEARTBEAT ? 0 : 3, value(plant, outside, point), (long long)plant->time_ms);
}

static void rack_metadata(const char *site, int point, char ret_payload[BMS_PAYLOAD])
{
    char row = rack_row(point);
    int rack = rack_number(point);

    snprintf(ret_payload, BMS_PAYLOAD,
             "{\"objectType\":\"Rack\",\"pointType\":\"RackPower\",\"rackLocationName\":\"%c%d\","
             "\"rackLocationId\":\"%s/row%c/rack%d\",\"engUnit\":\"kW\"}",
             row, rack, site, row, rack);
}

/* `identity` with the site in the place of its one "%s". */
static void put_site(const char *identity, const char *site, char *ret_text, size_t size)
{
    const char *gap = strstr(identity, "%s");

    snprintf(ret_text, size, "%.*s%s%s", (int)(gap - identity), identity, site, gap + 2);
}

/* "servesId" with every rack. */
static void put_racks(const char *site, char *ret_text, size_t size)
{
    size_t used = (size_t)snprintf(ret_text, size, ",\"servesId\":[");

    for (int point = RACK_1; point < BMS_POINTS; point++)
        used +=
            (size_t)snprintf(ret_text + used, size - used, "%s\"%s/row%c/rack%d\"",
                             point > RACK_1 ? "," : "", site, rack_row(point), rack_number(point));
    snprintf(ret_text + used, size - used, "]");
}

void bms_metadata(const char *site, int point, char ret_payload[BMS_PAYLOAD])
{
    char identity[BMS_PAYLOAD / 4], racks[BMS_PAYLOAD / 2 + 128] = "";

    if (point >= RACK_1) {
        rack_metadata(site, point, ret_payload);
        return;
    }
    if (POINTS[point].serves_racks)
        put_racks(site, racks, sizeof(racks));
    put_site(POINTS[point].identity, site, identity, sizeof(identity));
    snprintf(ret_payload, BMS_PAYLOAD, "{\"objectType\":\"%s\",\"pointType\":\"%s\",%s%s}",
             POINTS[point].object_type, POINTS[point].point_type, identity, racks);
}
