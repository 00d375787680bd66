/* What the twin shows to the outside: registers through the shipped profiles, building-management
 * payloads, and the jobs it learns about. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "tools/twin/bms_points.h"
#include "tools/twin/devices.h"
#include "tools/twin/faults.h"
#include "tools/twin/jobs.h"
#include "tools/twin/registers.h"

static const int64_t START_MS = INT64_C(1780272000000); /* 2026-06-01 */

struct fixture {
    struct plant plant;
    struct outside outside;
    struct profile profile;
    struct registers registers;
    uint16_t words[REGISTER_TABLES][256];
};

static struct fixture fixture;

static void run_plant(void)
{
    struct plant_input input = {.outdoor_c = 24,
                                .irradiance_w_m2 = 600,
                                .wind_m_s = 8,
                                .base_it_w = 250e3,
                                .rack_job_w = {30e3, 0, 0, 5e3}};

    fixture.outside = (struct outside){.temp_outdoor_c = 24, .frequency_hz = 49.98};
    plant_init(&fixture.plant, 1, START_MS, 0.6);
    set_point_write(&fixture.plant.battery.set, -123456);
    for (int i = 0; i < 50; i++)
        plant_step(&fixture.plant, &input, fixture.plant.time_ms + 999);
}

static void load(int device)
{
    char path[LIMIT_PATH];
    struct error error;

    snprintf(path, sizeof(path), "%s/%s.cfg", PROFILE_FOLDER, twin_devices[device].profile);
    if (profile_load(path, &fixture.profile, &error, NULL, NULL) < 0)
        fail_msg("%s", error.text);
    registers_init(&fixture.registers, &fixture.profile);
    for (int table = 0; table < REGISTER_TABLES; table++) {
        assert_in_range(fixture.registers.count[table], 0, 255);
        fixture.registers.words[table] = fixture.words[table];
    }
}

static const uint16_t *words_of(const struct profile_row *row)
{
    return fixture.words[row->table] + row->address - fixture.registers.start[row->table];
}

/* The largest error that the register's resolution excuses. */
static double resolution(const struct profile_row *row, double value)
{
    bool is_float = row->type == TYPE_F32 || row->type == TYPE_F64;

    return is_float ? 1e-6 * fabs(value) + 1e-6 : fabs(row->factor);
}

static void every_device_reads_back_through_its_profile(void **state)
{
    (void)state;
    run_plant();
    for (int device = 0; device < TWIN_DEVICES; device++) {
        load(device);
        for (int i = 0; i < fixture.profile.row_count; i++) {
            const struct profile_row *row = &fixture.profile.rows[i];
            double value = twin_device_value(&fixture.plant, &fixture.outside, device, row->point);
            double read = -1;
            enum reason reason;

            assert_false(isnan(value));
            registers_show(&fixture.registers, i, value);
            assert_int_equal(profile_decode(NULL, row, words_of(row), &read, &reason),
                             QUALITY_GOOD);
            if (fabs(read - value) > resolution(row, value))
                fail_msg("%s.%s: %g read as %g", twin_devices[device].name,
                         point_kind_name(row->point), value, read);
        }
    }
}

static double power_w_of(const char *name)
{
    return twin_device_value(&fixture.plant, &fixture.outside, twin_device_find(name), POINT_POWER);
}

static void powers_have_the_signs_of_the_catalogue(void **state)
{
    const double *power_w = fixture.plant.power_w;

    (void)state;
    run_plant();
    assert_true(power_w_of("battery") == -123456); /* it charges */
    assert_true(power_w_of("pv") > 0 && power_w_of("wind") > 0);
    assert_true(power_w_of("chiller") > 0 && power_w_of("pdu-a1") > power_w_of("pdu-a2") + 25e3);
    assert_true(power_w_of("utility") == power_w[FLOW_IMPORT] - power_w[FLOW_EXPORT]);
}

static void counters_resolve_ten_watt_hours(void **state)
{
    (void)state;
    for (int device = 0; device < TWIN_DEVICES; device++) {
        load(device);
        for (int i = 0; i < fixture.profile.row_count; i++) {
            const struct profile_row *row = &fixture.profile.rows[i];

            if (point_kind_class(row->point) != POINT_CLASS_COUNTER || row->type == TYPE_F64)
                continue;
            assert_true(row->factor <= 10 && row->type != TYPE_F32);
        }
    }
}

static void counters_wrap_and_never_run_ahead(void **state)
{
    const struct profile_row *row;
    int index = -1;
    enum reason reason;
    double read;

    (void)state;
    load(twin_device_find("pdu-a1"));
    for (int i = 0; i < fixture.profile.row_count; i++)
        index = fixture.profile.rows[i].point == POINT_ENERGY_IMPORT ? i : index;
    row = &fixture.profile.rows[index];
    registers_show(&fixture.registers, index, 41.999);
    assert_int_equal(profile_decode(NULL, row, words_of(row), &read, &reason), QUALITY_GOOD);
    assert_true(read == 41);
    registers_show(&fixture.registers, index, 4294967296.0 + 17);
    assert_int_equal(profile_decode(NULL, row, words_of(row), &read, &reason), QUALITY_GOOD);
    assert_true(read == 17);
}

static const struct profile_row *row_of(enum point_kind point, int *ret_index)
{
    for (*ret_index = 0; *ret_index < fixture.profile.row_count; (*ret_index)++)
        if (fixture.profile.rows[*ret_index].point == point)
            return &fixture.profile.rows[*ret_index];
    fail_msg("the profile has no %s", point_kind_name(point));
    return NULL;
}

static void a_set_point_write_arrives(void **state)
{
    int battery = twin_device_find("battery"), index;
    const struct profile_row *row;
    uint16_t words[2];
    double value;

    (void)state;
    run_plant();
    load(battery);
    row = row_of(POINT_POWER_SET, &index);
    assert_int_equal(profile_encode(row, -250000, 0, words, NULL), 0);
    assert_int_equal(registers_check_write(&fixture.registers, row->address, 2, words),
                     REGISTERS_OK);
    memcpy(fixture.words[row->table] + row->address - fixture.registers.start[row->table], words,
           sizeof(words));
    assert_true(registers_written(&fixture.registers, index, row->address, 2, &value));
    assert_true(value == -250000);
    assert_true(twin_device_set(&fixture.plant, battery, POINT_POWER_SET, value));
    assert_true(fixture.plant.battery.set.value == -250000);
    assert_false(twin_device_set(&fixture.plant, twin_device_find("pv"), POINT_POWER_SET, 1));
}

static void bad_writes_are_refused(void **state)
{
    const uint16_t huge[2] = {0x7fff, 0xffff}, words[4] = {0};
    const struct profile_row *row;
    int index;

    (void)state;
    load(twin_device_find("battery"));
    row = row_of(POINT_POWER_SET, &index);
    assert_int_equal(registers_check_write(&fixture.registers, row->address, 2, huge),
                     REGISTERS_BAD_VALUE);
    assert_int_equal(registers_check_write(&fixture.registers, row->address, 1, words),
                     REGISTERS_BAD_ADDRESS); /* half a value */
    assert_int_equal(registers_check_write(&fixture.registers, row->address + 1, 1, words),
                     REGISTERS_BAD_ADDRESS);
    row = row_of(POINT_POWER, &index);
    assert_int_equal(registers_check_write(&fixture.registers, row->address, 2, words),
                     REGISTERS_BAD_ADDRESS); /* a measurement */
}

/* Jobs */

static int apply(struct jobs *jobs, const char *topic, const char *payload)
{
    return jobs_apply(jobs, topic, payload, strlen(payload), NULL);
}

static void racks_follow_the_jobs(void **state)
{
    static struct jobs jobs;
    double rack_w[PLANT_RACKS];

    (void)state;
    assert_int_equal(apply(&jobs, "tidewatt/x/jobs/1",
                           "{\"state\":\"running\",\"power_w\":8000,\"feeder\":\"A\"}"),
                     0);
    assert_int_equal(apply(&jobs, "tidewatt/x/jobs/2",
                           "{\"state\":\"starting\",\"power_w\":4000,\"feeder\":\"B\"}"),
                     0);
    assert_int_equal(apply(&jobs, "tidewatt/x/jobs/3",
                           "{\"state\":\"queued\",\"power_w\":4000,\"feeder\":null}"),
                     0);
    jobs_rack_power(&jobs, rack_w);
    for (int rack = 0; rack < PLANT_RACKS; rack++)
        assert_true(rack_w[rack] == (rack < 4 ? 2000 : 1000));
    assert_int_equal(apply(&jobs, "tidewatt/x/jobs/1",
                           "{\"state\":\"suspended\",\"power_w\":8000,\"feeder\":\"A\"}"),
                     0);
    assert_int_equal(apply(&jobs, "tidewatt/x/jobs/2", ""), 0);
    jobs_rack_power(&jobs, rack_w);
    for (int rack = 0; rack < PLANT_RACKS; rack++)
        assert_true(rack_w[rack] == 0);
}

static void malformed_jobs_change_nothing(void **state)
{
    static const char *const PAYLOADS[] = {
        "{",
        "[]",
        "{}",
        "{\"state\":\"running\"}",
        "{\"state\":\"dancing\",\"power_w\":1}",
        "{\"state\":\"running\",\"power_w\":-5}",
        "{\"state\":\"running\",\"power_w\":\"5\"}",
        "{\"state\":\"running\",\"power_w\":1e300}",
    };
    static struct jobs jobs;

    (void)state;
    for (size_t i = 0; i < sizeof(PAYLOADS) / sizeof(PAYLOADS[0]); i++)
        assert_true(apply(&jobs, "tidewatt/x/jobs/1", PAYLOADS[i]) < 0);
    assert_true(apply(&jobs, "tidewatt/x/jobs/one", "{\"state\":\"running\",\"power_w\":1}") < 0);
    assert_int_equal(jobs.count, 0);
}

static void more_jobs_than_room_are_refused(void **state)
{
    static struct jobs jobs;
    char topic[64];

    (void)state;
    for (int id = 1; id <= LIMIT_JOBS + 1; id++) {
        snprintf(topic, sizeof(topic), "tidewatt/x/jobs/%d", id);
        assert_int_equal(apply(&jobs, topic, "{\"state\":\"running\",\"power_w\":1}"),
                         id <= LIMIT_JOBS ? 0 : ERROR_FULL);
    }
}

/* Building management */

static void check_metadata(const char *topic, const char *payload)
{
    json_t *object = json_loads(payload, 0, NULL);
    char kind[128];

    if (!json_is_object(object))
        fail_msg("no JSON: %s", payload);
    snprintf(kind, sizeof(kind), "BMS/v1/PUB/Metadata/%s/%s/hall/",
             json_string_value(json_object_get(object, "objectType")),
             json_string_value(json_object_get(object, "pointType")));
    assert_int_equal(strncmp(topic, kind, strlen(kind)), 0);
    if (strstr(topic, "/Rack/") != NULL)
        assert_non_null(json_object_get(object, "rackLocationId"));
    else
        assert_non_null(json_object_get(object, "objectId"));
    if (strstr(topic, "GenericPoint") != NULL)
        assert_true(json_is_array(json_object_get(object, "processArea")));
    if (strstr(topic, "PowerMeter") != NULL)
        assert_true(json_is_array(json_object_get(object, "servesId")));
    json_decref(object);
}

static void points_follow_the_contract(void **state)
{
    char topic[LIMIT_TOPIC], payload[BMS_PAYLOAD];

    (void)state;
    run_plant();
    for (int point = 0; point < BMS_POINTS; point++) {
        json_t *value;

        bms_metadata_topic("hall", point, topic, sizeof(topic));
        bms_metadata("hall", point, payload);
        check_metadata(topic, payload);
        bms_value_topic("hall", point, topic, sizeof(topic));
        assert_int_equal(strncmp(topic, "BMS/v1/PUB/Value/", 17), 0);
        if (!bms_publishes(point)) {
            assert_non_null(strstr(payload, "\"integration\""));
            continue;
        }
        bms_value(&fixture.plant, &fixture.outside, point, payload);
        value = json_loads(payload, 0, NULL);
        assert_true(json_is_number(json_object_get(value, "value")));
        assert_int_equal(json_integer_value(json_object_get(value, "quality")), 1);
        assert_int_equal(json_integer_value(json_object_get(value, "timestamp")),
                         fixture.plant.time_ms);
        json_decref(value);
    }
}

static void faults_hold_for_their_time(void **state)
{
    struct option_list texts = {.items = {"pv:silent:2026-06-01T01:00:00Z:2026-06-01T02:00:00Z"},
                                .count = 1};
    int pv = twin_device_find("pv");
    struct faults faults;

    (void)state;
    assert_int_equal(faults_parse(&faults, &texts, NULL), 0);
    assert_false(faults_silent(&faults, pv, START_MS + 3599999));
    assert_true(faults_silent(&faults, pv, START_MS + 3600000));
    assert_false(faults_silent(&faults, pv, START_MS + 7200000));
    assert_false(faults_silent(&faults, pv + 1, START_MS + 3600000));
    texts.items[0] = "pv:silent:2026-06-01T03:00:00Z:2026-06-01T02:00:00Z";
    assert_true(faults_parse(&faults, &texts, NULL) < 0);
    texts.items[0] = "pv:silent:2026-06-01T03:00:00Z";
    assert_true(faults_parse(&faults, &texts, NULL) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_device_reads_back_through_its_profile),
        cmocka_unit_test(powers_have_the_signs_of_the_catalogue),
        cmocka_unit_test(counters_resolve_ten_watt_hours),
        cmocka_unit_test(counters_wrap_and_never_run_ahead),
        cmocka_unit_test(a_set_point_write_arrives),
        cmocka_unit_test(bad_writes_are_refused),
        cmocka_unit_test(racks_follow_the_jobs),
        cmocka_unit_test(malformed_jobs_change_nothing),
        cmocka_unit_test(more_jobs_than_room_are_refused),
        cmocka_unit_test(points_follow_the_contract),
        cmocka_unit_test(faults_hold_for_their_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
