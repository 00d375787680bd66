/* From the metadata of a building-management system to devices, points and roles: a site in small,
 * then everything that people get wrong. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/dsx_metadata.h"

#define US "TIDEWATT"

static int take(struct dsx *dsx, const char *topic, const char *payload, struct error *error)
{
    char whole[2 * LIMIT_TOPIC];

    snprintf(whole, sizeof(whole), "BMS/v1/PUB/Metadata/%s", topic);
    return dsx_take(dsx, whole, payload, strlen(payload), error);
}

/* "PowerMeter/ActivePower/site/m1" with the rest of the payload. */
static int describe(struct dsx *dsx, const char *topic, const char *rest)
{
    char payload[LIMIT_PAYLOAD];
    struct error error;
    const char *slash = strchr(topic, '/');

    snprintf(payload, sizeof(payload), "{\"objectType\":\"%.*s\",\"pointType\":\"%.*s\"%s%s}",
             (int)(slash - topic), topic, (int)strcspn(slash + 1, "/"), slash + 1, *rest ? "," : "",
             rest);
    return take(dsx, topic, payload, &error);
}

static void add_meter(struct dsx *dsx, const char *id, const char *serves)
{
    char topic[LIMIT_TOPIC], rest[512];

    snprintf(topic, sizeof(topic), "PowerMeter/ActivePower/site/%s", id);
    snprintf(rest, sizeof(rest),
             "\"objectName\":\"%s\",\"objectId\":\"%s\",\"servesId\":[%s],\"engUnit\":\"kW\"", id,
             id, serves);
    assert_int_equal(describe(dsx, topic, rest), 0);
}

static void add_equipment(struct dsx *dsx, const char *type, const char *id, const char *serves)
{
    char topic[LIMIT_TOPIC], rest[512];

    snprintf(topic, sizeof(topic), "%s/Status/site/%s", type, id);
    snprintf(rest, sizeof(rest),
             "\"objectName\":\"%s\",\"objectId\":\"%s\",\"servesId\":[%s],"
             "\"stateText\":[{\"value\":0,\"text\":\"Off\"},{\"value\":1,\"text\":\"On\"}]",
             id, id, serves);
    assert_int_equal(describe(dsx, topic, rest), 0);
}

static void add_rack(struct dsx *dsx, const char *id)
{
    char topic[LIMIT_TOPIC], rest[512];

    snprintf(topic, sizeof(topic), "Rack/RackPower/site/%s", id);
    snprintf(rest, sizeof(rest),
             "\"rackLocationName\":\"%s\",\"rackLocationId\":\"%s\",\"engUnit\":\"kW\"", id, id);
    assert_int_equal(describe(dsx, topic, rest), 0);
}

/* Grid > main; main > ups feed > UPS > output > two busways > racks; main > mechanical > chiller
 * meter > chiller; a generator stands by. */
static struct dsx *small_site(void)
{
    struct dsx *dsx = dsx_create(US);

    add_meter(dsx, "MAIN", "\"UPS-IN\",\"MECH\",\"BESS-M\",\"OFFICE\"");
    add_meter(dsx, "UPS-IN", "\"UPS-1\"");
    add_equipment(dsx, "UPS", "UPS-1", "\"UPS-OUT\"");
    add_meter(dsx, "UPS-OUT", "\"BUS-A\",\"BUS-B\"");
    add_meter(dsx, "BUS-A", "\"R1\",\"R2\"");
    add_meter(dsx, "BUS-B", "\"R3\"");
    add_rack(dsx, "R1");
    add_rack(dsx, "R2");
    add_rack(dsx, "R3");
    add_meter(dsx, "MECH", "\"CH-M\",\"CDU-1\"");
    add_meter(dsx, "CH-M", "\"CH-1\"");
    add_equipment(dsx, "Chiller", "CH-1", "\"CDU-1\"");
    add_equipment(dsx, "CDU", "CDU-1", "\"R1\",\"R2\",\"R3\"");
    add_meter(dsx, "BESS-M", "\"BESS-1\"");
    add_equipment(dsx, "BESS", "BESS-1", "");
    add_meter(dsx, "OFFICE", "\"LIGHT\"");
    add_equipment(dsx, "GenericObject", "LIGHT", "");
    add_equipment(dsx, "Generator", "GEN-1", "\"MAIN\"");
    return dsx;
}

static const struct dsx_device *device_of(const struct dsx_proposal *proposal, const char *id)
{
    for (int32_t i = 0; i < proposal->device_count; i++) {
        if (strcmp(proposal->devices[i].object_id, id) == 0)
            return &proposal->devices[i];
    }
    fail_msg("no device %s", id);
    return NULL;
}

static const struct dsx_point *point_of(const struct dsx_proposal *proposal, const char *id,
                                        enum point_kind kind)
{
    const struct dsx_device *device = device_of(proposal, id);

    for (int32_t i = 0; i < device->points; i++) {
        if (proposal->points[device->first_point + i].kind == kind)
            return &proposal->points[device->first_point + i];
    }
    return NULL;
}

static void expect_role(const struct dsx_proposal *proposal, const char *id, enum device_role role,
                        const char *why)
{
    const struct dsx_device *device = device_of(proposal, id);

    if (device->role != role || !strstr(device->why, why))
        fail_msg("%s: %s, \"%s\"", id, device_role_name(device->role), device->why);
}

static bool has_finding(const struct dsx_proposal *proposal, const char *first, const char *second)
{
    for (int32_t i = 0; i < proposal->finding_count; i++) {
        if (strstr(proposal->findings[i].text, first) && strstr(proposal->findings[i].text, second))
            return true;
    }
    return false;
}

static void expect_unmapped(const struct dsx_proposal *proposal, const char *topic, const char *why)
{
    for (int32_t i = 0; i < proposal->unmapped_count; i++) {
        if (strstr(proposal->unmapped[i].topic, topic)) {
            if (!strstr(proposal->unmapped[i].why, why))
                fail_msg("%s: \"%s\"", topic, proposal->unmapped[i].why);
            return;
        }
    }
    fail_msg("%s was mapped", topic);
}

/* ---- roles --------------------------------------------------------------- */

static void roles_follow_from_the_power_path(void **state)
{
    struct dsx *dsx = small_site();
    struct dsx_proposal *proposal = dsx_propose(dsx);

    (void)state;
    expect_role(proposal, "MAIN", ROLE_UTILITY, "top of the power path");
    expect_role(proposal, "UPS-IN", ROLE_NONE, "its input");
    expect_role(proposal, "UPS-OUT", ROLE_UPS, "its output");
    expect_role(proposal, "BUS-A", ROLE_RACK_PDU, "racks only");
    expect_role(proposal, "BUS-B", ROLE_RACK_PDU, "racks only");
    expect_role(proposal, "R1", ROLE_IT, "at the rack");
    expect_role(proposal, "MECH", ROLE_COOLING, "cooling only");
    expect_role(proposal, "CH-M", ROLE_NONE, "same cooling");
    expect_role(proposal, "CH-1", ROLE_COOLING, "in a meter before it");
    expect_role(proposal, "BESS-M", ROLE_BATTERY, "charging positive");
    expect_role(proposal, "BESS-1", ROLE_NONE, "does not measure");
    expect_role(proposal, "OFFICE", ROLE_AUXILIARY, "neither");
    expect_role(proposal, "GEN-1", ROLE_NONE, "Generator");
    assert_string_equal(proposal->devices[device_of(proposal, "BUS-A")->fed_by].name, "UPS-OUT");
    assert_int_equal(device_of(proposal, "GEN-1")->fed_by, -1);
    assert_int_equal(proposal->finding_count, 0);
    dsx_proposal_destroy(proposal);
    dsx_destroy(dsx);
}

static void racks_without_a_meter_before_them_are_the_meter(void **state)
{
    struct dsx *dsx = dsx_create("");
    struct dsx_proposal *proposal;

    (void)state;
    add_meter(dsx, "MAIN", "\"UPS-1\",\"PV roof\"");
    add_meter(dsx, "PV roof", "\"MAIN-2\"");
    add_equipment(dsx, "UPS", "UPS-1", "\"R1\"");
    add_rack(dsx, "R1");
    proposal = dsx_propose(dsx);
    expect_role(proposal, "R1", ROLE_RACK_PDU, "own power");
    expect_role(proposal, "MAIN", ROLE_UTILITY, "");
    expect_role(proposal, "PV roof", ROLE_PV, "by its name");
    assert_true(has_finding(proposal, "PV roof", "\"MAIN-2\", which has no metadata"));
    dsx_proposal_destroy(proposal);
    dsx_destroy(dsx);
}

static void parts_of_a_meter_say_what_it_measures(void **state)
{
    struct dsx *dsx = dsx_create("");
    struct dsx_proposal *proposal;

    (void)state;
    add_meter(dsx, "MAIN", "\"M-UPS\",\"M-BESS\",\"M-CRAH\"");
    add_meter(dsx, "M-UPS", "\"R1\"");
    add_meter(dsx, "M-BESS", "");
    add_meter(dsx, "M-CRAH", "");
    add_rack(dsx, "R1");
    assert_int_equal(describe(dsx, "UPS/Status/u", "\"associateId\":\"M-UPS\",\"stateText\":[]"),
                     0);
    assert_int_equal(describe(dsx, "BESS/Status/b", "\"associateId\":\"M-BESS\",\"stateText\":[]"),
                     0);
    assert_int_equal(describe(dsx, "CRAH/Status/c", "\"associateId\":\"M-CRAH\",\"stateText\":[]"),
                     0);
    proposal = dsx_propose(dsx);
    expect_role(proposal, "MAIN", ROLE_UTILITY, "");
    expect_role(proposal, "M-UPS", ROLE_UPS, "associateId");
    expect_role(proposal, "M-BESS", ROLE_BATTERY, "associateId");
    expect_role(proposal, "M-CRAH", ROLE_COOLING, "associateId");
    assert_int_equal(proposal->finding_count, 0);
    assert_non_null(point_of(proposal, "M-UPS", POINT_STATE));
    dsx_proposal_destroy(proposal);
    dsx_destroy(dsx);
}

static void circles_orphans_and_contradictions_are_told(void **state)
{
    struct dsx *dsx = dsx_create("");
    struct dsx_proposal *proposal;

    (void)state;
    add_meter(dsx, "MAIN", "\"A\",\"GHOST\"");
    add_meter(dsx, "A", "\"B\"");
    add_meter(dsx, "B", "\"A\",\"R1\"");
    add_meter(dsx, "SELF", "\"SELF\"");
    add_rack(dsx, "R1");
    describe(
        dsx, "PowerMeter/Voltage/site/MAIN",
        "\"objectName\":\"Main\",\"objectId\":\"MAIN\",\"servesId\":[\"A\"],\"engUnit\":\"V\"");
    describe(dsx, "UPS/Status/u", "\"associateId\":\"NOBODY\",\"stateText\":[]");
    describe(dsx, "CDU/Status/r", "\"objectName\":\"R1\",\"objectId\":\"R1\",\"stateText\":[]");
    proposal = dsx_propose(dsx);
    assert_true(has_finding(proposal, "circle", "A > B"));
    assert_true(has_finding(proposal, "circle", "SELF > ..."));
    assert_true(has_finding(proposal, "Metadata/PowerMeter/ActivePower/site/MAIN", "\"GHOST\""));
    assert_true(has_finding(proposal, "site/MAIN", "serves others"));
    assert_true(has_finding(proposal, "site/MAIN", "is named \"Main\" here and \"MAIN\""));
    assert_true(has_finding(proposal, "UPS/Status/u", "\"NOBODY\""));
    assert_true(has_finding(proposal, "R1", "of type Rack here and CDU in topic"));
    expect_role(proposal, "A", ROLE_NONE, "circle");
    expect_role(proposal, "MAIN", ROLE_UTILITY, "");
    dsx_proposal_destroy(proposal);
    dsx_destroy(dsx);
}

static void several_tops_are_told_and_one_is_proposed(void **state)
{
    struct dsx *dsx = dsx_create("");
    struct dsx_proposal *proposal;

    (void)state;
    add_meter(dsx, "FEED-A", "\"R1\"");
    add_meter(dsx, "FEED-B", "\"R1\",\"R2\"");
    add_meter(dsx, "PARK", "\"CH-1\",\"CH-2\",\"CH-3\",\"CH-4\"");
    add_rack(dsx, "R1");
    add_rack(dsx, "R2");
    for (int i = 1; i <= 4; i++) {
        char id[8];

        snprintf(id, sizeof(id), "CH-%d", i);
        add_equipment(dsx, "Chiller", id, "");
    }
    proposal = dsx_propose(dsx);
    assert_true(has_finding(proposal, "2 meters are at the top", "\"FEED-B\" is proposed"));
    expect_role(proposal, "FEED-B", ROLE_UTILITY, "");
    expect_role(proposal, "FEED-A", ROLE_RACK_PDU, "");
    expect_role(proposal, "PARK", ROLE_COOLING, "");
    dsx_proposal_destroy(proposal);
    dsx_destroy(dsx);
}

static void without_a_power_path_a_person_is_asked(void **state)
{
    struct dsx *dsx = dsx_create("");
    struct dsx_proposal *proposal = dsx_propose(dsx);

    (void)state;
    assert_int_equal(proposal->device_count, 0);
    assert_true(has_finding(proposal, "no meter is at the top", "by hand"));
    dsx_proposal_destroy(proposal);
    add_meter(dsx, "M", "");
    proposal = dsx_propose(dsx);
    expect_role(proposal, "M", ROLE_NONE, "nothing known");
    dsx_proposal_destroy(proposal);
    dsx_destroy(dsx);
}

/* ---- points -------------------------------------------------------------- */

static const char CDU[] = "\"objectName\":\"CDU 5\",\"objectId\":\"cdu5\",\"engUnit\":\"C\"";

static int describe_cdu(struct dsx *dsx, const char *topic, const char *more)
{
    char rest[512];

    snprintf(rest, sizeof(rest), "%s%s%s", CDU, *more ? "," : "", more);
    return describe(dsx, topic, rest);
}

static void points_are_found_by_type_unit_and_area(void **state)
{
    struct dsx *dsx = dsx_create(US);
    struct dsx_proposal *proposal;

    (void)state;
    describe_cdu(dsx, "CDU/LiquidTemperature/a", "\"processArea\":[\"Secondary\",\"Supply\"]");
    describe_cdu(dsx, "CDU/LiquidTemperature/b", "\"processArea\":[\"SecondaryReturn\"]");
    describe_cdu(dsx, "CDU/LiquidTemperature/c", "\"processArea\":[\"Primary\",\"Supply\"]");
    describe_cdu(dsx, "CDU/LiquidTemperature/d", "");
    describe_cdu(dsx, "CDU/LiquidTemperature/e", "\"processArea\":[\"supply\"]");
    describe(dsx, "CDU/LiquidFlow/f",
             "\"objectName\":\"CDU 5\",\"objectId\":\"cdu5\",\"engUnit\":\"GPM\"");
    describe(dsx, "CDU/PumpSpeed/g",
             "\"objectName\":\"CDU 5\",\"objectId\":\"cdu5\",\"engUnit\":\"rpm\"");
    describe(dsx, "CDU/LiquidPressure/h",
             "\"objectName\":\"CDU 5\",\"objectId\":\"cdu5\",\"engUnit\":\"kPa\"");
    describe(dsx, "Sensor/AirTemperature/o",
             "\"objectName\":\"Roof\",\"objectId\":\"roof/1\",\"engUnit\":\"degF\","
             "\"processArea\":[\"OutdoorAir\"]");
    proposal = dsx_propose(dsx);
    assert_string_equal(point_of(proposal, "cdu5", POINT_TEMP_SUPPLY)->topic,
                        "BMS/v1/PUB/Value/CDU/LiquidTemperature/a");
    assert_string_equal(point_of(proposal, "cdu5", POINT_TEMP_RETURN)->topic,
                        "BMS/v1/PUB/Value/CDU/LiquidTemperature/b");
    assert_string_equal(point_of(proposal, "cdu5", POINT_FLOW)->unit, "l/min");
    assert_true(point_of(proposal, "cdu5", POINT_FLOW)->scale > 3.785);
    expect_unmapped(proposal, "LiquidTemperature/c", "towards the racks");
    expect_unmapped(proposal, "LiquidTemperature/d", "no point of Tidewatt's");
    expect_unmapped(proposal, "LiquidTemperature/e", "has its temp_supply_c from");
    expect_unmapped(proposal, "PumpSpeed/g", "\"rpm\"");
    expect_unmapped(proposal, "LiquidPressure/h", "no point of Tidewatt's");
    expect_role(proposal, "roof/1", ROLE_WEATHER, "outdoors");
    assert_string_equal(device_of(proposal, "roof/1")->name, "roof_1");
    assert_true(point_of(proposal, "roof/1", POINT_TEMP_OUTDOOR)->offset < -17);
    dsx_proposal_destroy(proposal);
    dsx_destroy(dsx);
}

static void meters_have_phases_and_generic_points(void **state)
{
    static const char METER[] = "\"objectName\":\"M\",\"objectId\":\"M\",\"servesId\":[]";
    static const struct {
        const char *topic, *more;
        enum point_kind kind; /* POINT_KINDS: none */
    } cases[] = {
        {"PhaseCurrent/1", "\"engUnit\":\"A\",\"phase\":\"A\"", POINT_CURRENT_L1},
        {"PhaseCurrent/2", "\"engUnit\":\"A\",\"phase\":\"3\"", POINT_CURRENT_L3},
        {"PhaseCurrent/3", "\"engUnit\":\"A\",\"phase\":\"N\"", POINT_KINDS},
        {"ApparentPower/1", "\"engUnit\":\"kVA\"", POINT_POWER_APPARENT},
        {"PowerFactor/1", "", POINT_KINDS},
        {"Voltage/1", "\"engUnit\":\"kW\"", POINT_KINDS},
        {"ActivePower/1", "", POINT_KINDS},
        {"GenericPoint/1", "\"engUnit\":\"kWh\",\"processArea\":[\"Energy\",\"Import\"]",
         POINT_ENERGY_IMPORT},
        {"GenericPoint/2", "\"engUnit\":\"MWh\",\"processArea\":[\"EnergyExported\"]",
         POINT_ENERGY_EXPORT},
        {"GenericPoint/3", "\"engUnit\":\"%\",\"processArea\":[\"State of charge\"]", POINT_SOC},
        {"GenericPoint/4", "\"engUnit\":\"kW\",\"processArea\":[\"ActivePowerLimit\"]",
         POINT_KINDS},
        {"GenericPoint/5", "\"engUnit\":\"kW\",\"processArea\":[\"Active power\"],\"phase\":\"B\"",
         POINT_KINDS},
        {"GenericPoint/6", "\"engUnit\":\"kvarh\",\"processArea\":[\"reactive energy\"]",
         POINT_KINDS},
        {"CurrentLimit/1", "\"engUnit\":\"A\"", POINT_KINDS},
    };
    int mapped = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dsx *dsx = dsx_create(US);
        struct dsx_proposal *proposal;
        char topic[64], rest[256];

        snprintf(topic, sizeof(topic), "PowerMeter/%s", cases[i].topic);
        snprintf(rest, sizeof(rest), "%s%s%s", METER, *cases[i].more ? "," : "", cases[i].more);
        assert_int_equal(describe(dsx, topic, rest), 0);
        proposal = dsx_propose(dsx);
        mapped += proposal->point_count;
        if (cases[i].kind != POINT_KINDS && !point_of(proposal, "M", cases[i].kind))
            fail_msg("%s %s: %s", topic, rest, proposal->unmapped[0].why);
        if (cases[i].kind == POINT_KINDS && proposal->point_count > 0)
            fail_msg("%s %s: %s", topic, rest, point_kind_name(proposal->points[0].kind));
        dsx_proposal_destroy(proposal);
        dsx_destroy(dsx);
    }
    assert_int_equal(mapped, 6);
}

static void our_write_back_points_have_our_topic(void **state)
{
    struct dsx *dsx = dsx_create(US);
    struct dsx_proposal *proposal;
    const struct dsx_point *point;

    (void)state;
    describe_cdu(dsx, "CDU/LiquidTemperatureSpRequest/row3/cdu5", "\"integration\":\"" US "\"");
    describe_cdu(dsx, "CDU/LiquidTemperature/row3/sp",
                 "\"isSetpoint\":true,\"processArea\":[\"Secondary\",\"Supply\"]");
    describe(dsx, "Rack/RackLeakDetectTray/r1",
             "\"rackLocationName\":\"R1\",\"rackLocationId\":\"R1\",\"stateText\":[],"
             "\"integration\":\"" US "\"");
    describe(dsx, "CDU/LiquidTemperatureSpRequest/row4/cdu6",
             "\"objectName\":\"CDU 6\",\"objectId\":\"cdu6\",\"engUnit\":\"C\","
             "\"integration\":\"OTHER\"");
    proposal = dsx_propose(dsx);
    point = point_of(proposal, "cdu5", POINT_TEMP_SUPPLY_SET);
    assert_string_equal(point->write_topic,
                        "BMS/v1/" US "/Value/CDU/LiquidTemperatureSpRequest/row3/cdu5");
    assert_string_equal(point->topic, "BMS/v1/PUB/Value/CDU/LiquidTemperature/row3/sp");
    point = point_of(proposal, "cdu6", POINT_TEMP_SUPPLY_SET);
    assert_string_equal(point->write_topic, "");
    assert_string_equal(point->topic,
                        "BMS/v1/OTHER/Value/CDU/LiquidTemperatureSpRequest/row4/cdu6");
    dsx_proposal_destroy(proposal);
    dsx_destroy(dsx);
}

static void heartbeats_that_concern_us_are_found(void **state)
{
    static const char SYSTEM[] = "\"objectName\":\"x\",\"objectId\":\"%s\"%s";
    static const char *const points[][3] = {
        {"System/HeartbeatTimestampBms/bms", "BMS", ""},
        {"System/HeartbeatTimestampIntegration/us", US, ",\"integration\":\"" US "\""},
        {"System/HeartbeatTimestampIntegration/a", "OTHER", ",\"integration\":\"OTHER\""},
        {"System/HeartbeatEchoIntegration/us", "BMS", ",\"integration\":\"" US "\""},
        {"System/HeartbeatEchoBms/other", "OTHER", ""},
        {"System/HeartbeatEchoBms/us", US, ""},
    };
    struct dsx *dsx = dsx_create(US);
    struct dsx_proposal *proposal;

    (void)state;
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        char rest[256];

        snprintf(rest, sizeof(rest), SYSTEM, points[i][1], points[i][2]);
        assert_int_equal(describe(dsx, points[i][0], rest), 0);
    }
    proposal = dsx_propose(dsx);
    assert_string_equal(proposal->heartbeats.bms,
                        "BMS/v1/PUB/Value/System/HeartbeatTimestampBms/bms");
    assert_string_equal(proposal->heartbeats.ours,
                        "BMS/v1/" US "/Value/System/HeartbeatTimestampIntegration/us");
    assert_string_equal(proposal->heartbeats.echo_of_bms,
                        "BMS/v1/" US "/Value/System/HeartbeatEchoIntegration/us");
    assert_string_equal(proposal->heartbeats.echo_of_us,
                        "BMS/v1/PUB/Value/System/HeartbeatEchoBms/us");
    assert_int_equal(proposal->device_count, 0);
    dsx_proposal_destroy(proposal);
    dsx_destroy(dsx);
}

/* ---- the registry -------------------------------------------------------- */

static void malformed_metadata_is_named_by_topic(void **state)
{
    static const char *const cases[][2] = {
        {"", "no JSON"},
        {"[]", "no JSON object"},
        {"{", "no JSON at byte"},
        {"{}", "\"objectType\" is absent"},
        {"{\"objectType\":\"CDU\",\"pointType\":\"Status\"}", "the topic says \"UPS\""},
        {"{\"objectType\":\"UPS\",\"pointType\":\"Available\"}", "the topic says \"Status\""},
        {"{\"objectType\":\"UPS\",\"pointType\":5}", "\"pointType\" must be a text"},
        {"{\"objectType\":\"UPS\",\"objectType\":\"UPS\"}", "no JSON at byte"},
        {"{\"objectType\":\"UPS\",\"pointType\":\"Status\"}", "\"objectId\" is absent"},
        {"{\"objectType\":\"UPS\",\"pointType\":\"Status\",\"objectId\":\"u\"}",
         "\"objectName\" is absent"},
        {"{\"objectType\":\"UPS\",\"pointType\":\"Status\",\"objectId\":\"u\",\"associateId\":"
         "\"m\"}",
         "excludes"},
        {"{\"objectType\":\"UPS\",\"pointType\":\"Status\",\"objectId\":\"u\\u001b[2J\","
         "\"objectName\":\"u\"}",
         "control characters"},
        {"{\"objectType\":\"UPS\",\"pointType\":\"Status\",\"objectId\":\"u\",\"objectName\":\"u\","
         "\"servesId\":\"m\"}",
         "\"servesId\" must be a list"},
        {"{\"objectType\":\"UPS\",\"pointType\":\"Status\",\"objectId\":\"u\",\"objectName\":\"u\","
         "\"servesId\":[\"m\",7]}",
         "\"servesId\" must be a list"},
        {"{\"objectType\":\"UPS\",\"pointType\":\"Status\",\"objectId\":\"u\",\"objectName\":\"u\","
         "\"engUnit\":\"kW\",\"stateText\":[]}",
         "exclude each other"},
        {"{\"objectType\":\"UPS\",\"pointType\":\"Status\",\"objectId\":\"u\",\"objectName\":\"u\","
         "\"isSetpoint\":\"true\"}",
         "\"isSetpoint\" must be true or false"},
        {"{\"objectType\":\"UPS\",\"pointType\":\"Status\",\"objectId\":\"u\",\"objectName\":\"u\","
         "\"processArea\":\"Supply\"}",
         "\"processArea\" must be a list"},
    };

    (void)state;
    for (size_t i = 1; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dsx *dsx = dsx_create(US);
        struct dsx_proposal *proposal;
        struct error error;

        assert_int_equal(take(dsx, "UPS/Status/u", cases[i][0], &error), ERROR_INVALID);
        if (!strstr(error.text, cases[i][1]))
            fail_msg("%s: \"%s\"", cases[i][0], error.text);
        proposal = dsx_propose(dsx);
        assert_true(has_finding(proposal, "topic BMS/v1/PUB/Metadata/UPS/Status/u:", cases[i][1]));
        assert_int_equal(proposal->device_count, 0);
        dsx_proposal_destroy(proposal);
        dsx_destroy(dsx);
    }
}

static void the_newest_metadata_counts_and_an_empty_one_removes(void **state)
{
    struct dsx *dsx = dsx_create(US);
    struct error error;

    (void)state;
    add_rack(dsx, "R1");
    add_rack(dsx, "R2");
    add_rack(dsx, "R1");
    assert_int_equal(dsx_point_count(dsx), 2);
    assert_int_equal(take(dsx, "Rack/RackPower/site/R2", "{", &error), ERROR_INVALID);
    assert_int_equal(dsx_point_count(dsx), 2);
    assert_int_equal(take(dsx, "Rack/RackPower/site/R2", "", &error), 0);
    assert_int_equal(take(dsx, "Rack/RackPower/site/R2", "", &error), 0);
    assert_int_equal(dsx_point_count(dsx), 1);
    dsx_destroy(dsx);
}

static void other_topics_are_refused(void **state)
{
    static const char *const topics[] = {"BMS/v1/PUB/Value/Rack/RackPower/r",
                                         "BMS/v1/PUB/Metadata/Rack/RackPower",
                                         "BMS/v1/PUB/Metadata/Rack/RackPower/",
                                         "BMS/v1/PUB/Metadata//RackPower/r",
                                         "BMS/v1/PUB/Metadata/Rack//r",
                                         "BMS/v1/PUB/Metadata/Rack/RackPower/#",
                                         "BMS/v1/PUB/Metadata/Rack/RackPower/\x1b",
                                         ""};
    struct dsx *dsx = dsx_create(US);
    char topic[LIMIT_TOPIC];
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
        assert_int_equal(dsx_take(dsx, topics[i], "{}", 2, &error), ERROR_INVALID);
    assert_int_equal(dsx_point_count(dsx), 0);
    assert_int_equal(
        dsx_value_topic("BMS/v1/PUB/Metadata/CDU/X/a/b", "", topic, sizeof(topic), &error), 0);
    assert_string_equal(topic, "BMS/v1/PUB/Value/CDU/X/a/b");
    assert_int_equal(
        dsx_value_topic("BMS/v1/PUB/Metadata/CDU/X/a/b", "a/b", topic, sizeof(topic), &error),
        ERROR_INVALID);
    dsx_destroy(dsx);
}

static void the_registry_is_bounded(void **state)
{
    struct dsx *dsx = dsx_create(US);
    struct dsx_proposal *proposal;
    struct error error;
    char topic[64];

    (void)state;
    for (int i = 0; i < LIMIT_DSX_POINTS; i++) {
        snprintf(topic, sizeof(topic), "Rack/RackPower/%d", i);
        take(dsx, topic, "{", &error);
    }
    assert_int_equal(dsx_point_count(dsx), LIMIT_DSX_POINTS);
    assert_int_equal(take(dsx, "Rack/RackPower/more", "{", &error), ERROR_FULL);
    proposal = dsx_propose(dsx);
    assert_true(has_finding(proposal, "and ", " more"));
    dsx_proposal_destroy(proposal);
    dsx_destroy(dsx);
}

/* ---- texts --------------------------------------------------------------- */

static void the_proposal_is_written_in_words(void **state)
{
    struct dsx *dsx = small_site();
    struct dsx_proposal *proposal = dsx_propose(dsx);
    char *text = dsx_render_text(proposal);

    (void)state;
    assert_non_null(strstr(text, "  MAIN: PowerMeter, role utility: at the top"));
    assert_non_null(strstr(text, "fed by UPS-OUT"));
    assert_non_null(strstr(text, "power_w                  from BMS/v1/PUB/Value/PowerMeter/"));
    free(text);
    dsx_proposal_destroy(proposal);
    dsx_destroy(dsx);
}

static void configuration_text_stays_what_it_is(void **state)
{
    struct dsx *dsx = dsx_create(US);
    struct dsx_proposal *proposal;
    char *text;

    (void)state;
    describe_cdu(dsx, "CDU/LiquidTemperature/a\"; x = \\", "\"processArea\":[\"Supply\"]");
    proposal = dsx_propose(dsx);
    text = dsx_render_config(proposal);
    assert_non_null(strstr(text, "{ name = \"cdu5\"; role = \"cooling\"; stale_after = \"250 s\"; "
                                 "# CDU \"cdu5\": CDU: "));
    assert_non_null(strstr(text, "{ point = \"temp_supply_c\"; unit = \"C\"; "
                                 "topic = \"BMS/v1/PUB/Value/CDU/LiquidTemperature/"
                                 "a\\\"; x = \\\\\"; }"));
    free(text);
    dsx_proposal_destroy(proposal);
    dsx_destroy(dsx);
}

/* ---- properties ---------------------------------------------------------- */

static bool fit_for_topology(const char *name)
{
    for (const char *at = name; *at; at++) {
        if (!isalnum((unsigned char)*at) && *at != '_' && *at != '-')
            return false;
    }
    return *name && strlen(name) < LIMIT_NAME;
}

static void check_names(const struct dsx_proposal *proposal)
{
    for (int32_t i = 0; i < proposal->device_count; i++) {
        assert_true(fit_for_topology(proposal->devices[i].name));
        for (int32_t k = 0; k < i; k++)
            assert_string_not_equal(proposal->devices[i].name, proposal->devices[k].name);
    }
}

static void names_are_unique_whatever_the_ids(void **state)
{
    static const char *const ids[] = {"a b",
                                      "a/b",
                                      "a.b",
                                      "a_b",
                                      "a_b_1",
                                      "a_b_2",
                                      "ä",
                                      "å",
                                      " ",
                                      "very-long-name-of-a-meter-in-the-third-row-of-hall-A1",
                                      "very-long-name-of-a-meter-in-the-third-row-of-hall-A2",
                                      "very-long-name-of-a-meter-in-the-third-row-of-h_10"};
    struct dsx *dsx = dsx_create("");
    struct dsx_proposal *proposal;

    (void)state;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        char topic[64], rest[256];

        snprintf(topic, sizeof(topic), "UPS/Status/%zu", i);
        snprintf(rest, sizeof(rest), "\"objectName\":\"x\",\"objectId\":\"%s\",\"stateText\":[]",
                 ids[i]);
        assert_int_equal(describe(dsx, topic, rest), 0);
    }
    proposal = dsx_propose(dsx);
    assert_int_equal(proposal->device_count, 12);
    check_names(proposal);
    dsx_proposal_destroy(proposal);
    dsx_destroy(dsx);
}

/* Whether `to` can be reached along proposals' sources: a second look at the graph of the test. */
enum { NODES = 14 };

static bool reaches(const bool serves[NODES][NODES], const bool cooling[NODES], int from, int to,
                    unsigned seen)
{
    if (cooling[from] || seen & 1u << from)
        return false;
    for (int i = 0; i < NODES; i++) {
        if (serves[from][i] && (i == to || reaches(serves, cooling, i, to, seen | 1u << from)))
            return true;
    }
    return false;
}

static void add_random_node(struct dsx *dsx, int i, bool is_cooling, const bool serves[NODES])
{
    char id[8], list[256] = "";

    snprintf(id, sizeof(id), "n%02d", i);
    for (int k = 0; k < NODES; k++) {
        if (serves[k])
            snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s\"n%02d\"",
                     *list ? "," : "", k);
    }
    if (is_cooling)
        add_equipment(dsx, "Pump", id, list);
    else if (i >= NODES - 3)
        add_rack(dsx, id);
    else
        add_meter(dsx, id, list);
}

/* Whatever the graph: at most one utility meter, which nobody serves, and no energy of a role is
 * counted twice, neither in cooling nor in racks. */
static void no_random_graph_counts_energy_twice(void **state)
{
    (void)state;
    srand(3);
    for (int round = 0; round < 3000; round++) {
        bool serves[NODES][NODES] = {{false}}, cooling[NODES] = {false};
        struct dsx *dsx = dsx_create("");
        struct dsx_proposal *proposal;
        int utilities = 0;

        for (int i = 0; i < NODES; i++) {
            cooling[i] = i >= NODES - 6 && i < NODES - 3;
            for (int k = 0; k < NODES && i < NODES - 3; k++)
                serves[i][k] = rand() % 8 == 0 && (k > i || rand() % 10 == 0);
        }
        for (int i = 0; i < NODES; i++)
            add_random_node(dsx, i, cooling[i], serves[i]);
        proposal = dsx_propose(dsx);
        assert_int_equal(proposal->device_count, NODES);
        for (int i = 0; i < NODES; i++) {
            enum device_role role = proposal->devices[i].role;

            assert_true(proposal->devices[i].why[0]);
            utilities += role == ROLE_UTILITY;
            for (int k = 0; k < NODES; k++) {
                if (k == i || cooling[i] || cooling[k] || !reaches(serves, cooling, i, k, 0))
                    continue;
                assert_int_not_equal(proposal->devices[k].role, ROLE_UTILITY);
                if (role == ROLE_COOLING || role == ROLE_RACK_PDU)
                    assert_int_not_equal(proposal->devices[k].role, role);
            }
        }
        assert_true(utilities <= 1);
        dsx_proposal_destroy(proposal);
        dsx_destroy(dsx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_follow_from_the_power_path),
        cmocka_unit_test(racks_without_a_meter_before_them_are_the_meter),
        cmocka_unit_test(parts_of_a_meter_say_what_it_measures),
        cmocka_unit_test(circles_orphans_and_contradictions_are_told),
        cmocka_unit_test(several_tops_are_told_and_one_is_proposed),
        cmocka_unit_test(without_a_power_path_a_person_is_asked),
        cmocka_unit_test(points_are_found_by_type_unit_and_area),
        cmocka_unit_test(meters_have_phases_and_generic_points),
        cmocka_unit_test(our_write_back_points_have_our_topic),
        cmocka_unit_test(heartbeats_that_concern_us_are_found),
        cmocka_unit_test(malformed_metadata_is_named_by_topic),
        cmocka_unit_test(the_newest_metadata_counts_and_an_empty_one_removes),
        cmocka_unit_test(other_topics_are_refused),
        cmocka_unit_test(the_registry_is_bounded),
        cmocka_unit_test(the_proposal_is_written_in_words),
        cmocka_unit_test(configuration_text_stays_what_it_is),
        cmocka_unit_test(names_are_unique_whatever_the_ids),
        cmocka_unit_test(no_random_graph_counts_energy_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
