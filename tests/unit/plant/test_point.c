/* The catalogue of names and the topology's refusals. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "controller/plant/point.h"
#include "controller/plant/sample.h"

static int set_up(void **state)
{
    *state = topology_create();
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    topology_destroy(*state);
    return 0;
}

static int add_point(struct topology *topology, enum point_kind kind, struct error *error)
{
    struct point point = {.device = 99, .kind = kind, .low = 0, .high = 1};
    return topology_add_point(topology, &point, error);
}

static void every_kind_is_found_by_its_name(void **state)
{
    (void)state;
    for (int i = 0; i < POINT_KINDS; i++) {
        enum point_kind kind = (enum point_kind)i, found = POINT_KINDS;
        assert_int_equal(point_kind_find(point_kind_name(kind), &found), 0);
        assert_int_equal(found, kind);
        assert_true(strlen(point_kind_text(kind)) > 0);
        assert_non_null(unit_name(point_kind_unit(kind)));
    }
    enum point_kind untouched = POINT_SOC;
    assert_int_equal(point_kind_find("power", &untouched), ERROR_INVALID);
    assert_int_equal(untouched, POINT_SOC);
    assert_string_equal(unit_name(point_kind_unit(POINT_ENERGY_IMPORT)), "Wh");
    assert_int_equal(point_kind_class(POINT_ENERGY_IMPORT), POINT_CLASS_COUNTER);
}

static void units_are_the_catalogue_s(void **state)
{
    (void)state;
    assert_string_equal(point_kind_name(POINT_POWER), "power_w");
    assert_int_equal(point_kind_unit(POINT_POWER), UNIT_W);
    assert_int_equal(point_kind_unit(POINT_TEMP_OUTDOOR), UNIT_DEGC);
    assert_int_equal(point_kind_unit(POINT_SOC), UNIT_PCT);
}

static void every_role_is_found_by_its_name(void **state)
{
    (void)state;
    for (int i = 0; i < DEVICE_ROLES; i++) {
        enum device_role found = DEVICE_ROLES;
        assert_int_equal(device_role_find(device_role_name((enum device_role)i), &found), 0);
        assert_int_equal(found, i);
    }
    enum device_role role = ROLE_PV;
    assert_int_equal(device_role_find("solar", &role), ERROR_INVALID);
    assert_int_equal(role, ROLE_PV);
    for (int i = 0; i <= QUALITY_MISSING; i++)
        assert_true(strlen(quality_name((enum quality)i)) > 0);
}

static void points_follow_their_device(void **state)
{
    struct topology *topology = *state;
    char name[64], tiny[8];
    assert_int_equal(topology_add_feeder(topology, "feeder-a", 5e5, NULL), 0);
    assert_int_equal(topology_add_device(topology, "ups", ROLE_UPS, 0, 1000, NULL), 0);
    assert_int_equal(add_point(topology, POINT_POWER, NULL), 0);
    assert_int_equal(topology_add_device(topology, "pdu", ROLE_RACK_PDU, -1, 1000, NULL), 1);
    assert_int_equal(add_point(topology, POINT_POWER, NULL), 1);
    assert_int_equal(add_point(topology, POINT_ENERGY_IMPORT, NULL), 2);

    assert_int_equal(topology->points[2].device, 1);
    assert_int_equal(topology->devices[1].first_point, 1);
    assert_int_equal(topology->devices[1].point_count, 2);
    assert_int_equal(topology_find_device(topology, "pdu"), 1);
    assert_int_equal(topology_find_device(topology, "PDU"), -1);
    assert_int_equal(topology_find_feeder(topology, "feeder-a"), 0);
    assert_int_equal(topology_find_point(topology, 1, POINT_ENERGY_IMPORT), 2);
    assert_int_equal(topology_find_point(topology, 0, POINT_ENERGY_IMPORT), -1);
    assert_int_equal(topology_find_point(topology, -1, POINT_POWER), -1);
    assert_string_equal(topology_point_name(topology, 2, name, sizeof(name)),
                        "pdu.energy_import_wh");
    assert_string_equal(topology_point_name(topology, 2, tiny, sizeof(tiny)), "pdu.ene");
}

static void loops_over_a_role(void **state)
{
    struct topology *topology = *state;
    const enum device_role roles[] = {ROLE_PV, ROLE_UPS, ROLE_PV, ROLE_PV};
    char name[16];
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "d%d", i);
        topology_add_device(topology, name, roles[i], -1, 1000, NULL);
    }
    int seen = 0;
    for (int32_t d = topology_next(topology, ROLE_PV, 0); d >= 0;
         d = topology_next(topology, ROLE_PV, d + 1))
        seen = seen * 10 + d;
    assert_int_equal(seen, 23); /* 0, 2, 3 */
    assert_int_equal(topology_next(topology, ROLE_WIND, 0), -1);
}

static void names_are_checked(void **state)
{
    struct topology *topology = *state;
    struct error error;
    char longest[LIMIT_NAME + 1];
    memset(longest, 'x', LIMIT_NAME);
    longest[LIMIT_NAME] = '\0';
    const char *const wrong[] = {"", "a.b", "a/b", "a b", "ä", "+", longest};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(topology_add_device(topology, wrong[i], ROLE_PV, -1, 1, &error),
                         ERROR_INVALID);
        assert_int_equal(topology_add_feeder(topology, wrong[i], 1, NULL), ERROR_INVALID);
    }
    longest[LIMIT_NAME - 1] = '\0';
    assert_int_equal(topology_add_device(topology, longest, ROLE_PV, -1, 1, &error), 0);
    assert_int_equal(topology_add_device(topology, longest, ROLE_PV, -1, 1, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "already taken"));
    assert_int_equal(topology->device_count, 1);
}

static void the_same_point_twice_is_refused(void **state)
{
    struct topology *topology = *state;
    struct error error;
    topology_add_device(topology, "pv", ROLE_PV, -1, 1, NULL);
    assert_int_equal(add_point(topology, POINT_POWER, NULL), 0);
    assert_int_equal(add_point(topology, POINT_POWER, &error), ERROR_INVALID);
    assert_string_equal(error.text, "pv.power_w is defined twice");
    assert_int_equal(topology->point_count, 1);
}

static void full_tables_refuse(void **state)
{
    struct topology *topology = *state;
    char name[16];
    for (int i = 0; i < LIMIT_FEEDERS; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        assert_int_equal(topology_add_feeder(topology, name, 1, NULL), i);
    }
    assert_int_equal(topology_add_feeder(topology, "one-more", 1, NULL), ERROR_FULL);
    for (int i = 0; i < LIMIT_DEVICES; i++) {
        snprintf(name, sizeof(name), "d%d", i);
        assert_int_equal(topology_add_device(topology, name, ROLE_NONE, -1, 1, NULL), i);
        for (int k = 0; k < LIMIT_POINTS / LIMIT_DEVICES; k++)
            assert_true(add_point(topology, (enum point_kind)k, NULL) >= 0);
    }
    assert_int_equal(topology_add_device(topology, "one-more", ROLE_NONE, -1, 1, NULL), ERROR_FULL);
    assert_int_equal(add_point(topology, POINT_ALARMS, NULL), ERROR_FULL);
}

static void a_feeder_is_its_own_group_until_it_has_others(void **state)
{
    struct topology *topology = *state;
    struct error error;
    assert_int_equal(topology_add_feeder(topology, "A", 450e3, &error), 0);
    assert_int_equal(topology_add_feeder(topology, "B", 300e3, &error), 1);
    assert_int_equal(topology->group_count, 2);
    assert_string_equal(topology->groups[1].name, "B");
    assert_true(topology->groups[1].limit_w == 300e3);
    /* The first named one takes the place of the stand-in, the others follow. */
    assert_int_equal(topology_add_group(topology, "A", 0, 120e3, &error), 0);
    assert_int_equal(topology_add_group(topology, "A2", 0, 100e3, &error), 2);
    assert_int_equal(topology->group_count, 3);
    assert_true(topology->groups[0].limit_w == 120e3);
    assert_int_equal(topology_find_group(topology, "A2"), 2);
    assert_int_equal(topology->groups[2].feeder, 0);
    assert_int_equal(topology_only_group(topology, 0), -1);
    assert_int_equal(topology_only_group(topology, 1), 1);
    assert_int_equal(topology_add_group(topology, "A2", 1, 1e3, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "taken"));
    assert_int_equal(topology_add_group(topology, "B1", 1, 0, &error), ERROR_INVALID);
    assert_int_equal(topology->group_count, 3);
}

/* By one name the ledger knows one group. */
static void feeders_and_groups_share_their_names(void **state)
{
    struct topology *topology = *state;
    struct error error;
    topology_add_feeder(topology, "A", 450e3, &error);
    assert_int_equal(topology_add_group(topology, "B", 0, 120e3, &error), 0);
    assert_int_equal(topology_add_feeder(topology, "B", 300e3, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "already taken by a rack group"));
    assert_int_equal(topology_add_feeder(topology, "C", 300e3, &error), 1);
    assert_int_equal(topology_add_group(topology, "C1", 1, 1e3, &error), 1);
    assert_int_equal(topology_add_group(topology, "C", 0, 1e3, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "already taken by a feeder"));
    assert_int_equal(topology->feeder_count, 2);
    assert_int_equal(topology->group_count, 2);
}

static void devices_stand_behind_a_group(void **state)
{
    struct topology *topology = *state;
    struct error error;
    topology_add_feeder(topology, "A", 450e3, &error);
    topology_add_group(topology, "A1", 0, 120e3, &error);
    topology_add_group(topology, "A2", 0, 120e3, &error);
    topology_add_feeder(topology, "B", 300e3, &error);
    int whole = topology_add_device(topology, "p1", ROLE_RACK_PDU, 0, 1, &error);
    assert_int_equal(topology->devices[whole].group, -1);
    int only = topology_add_device(topology, "p2", ROLE_RACK_PDU, 1, 1, &error);
    assert_int_equal(topology->devices[only].group, topology_find_group(topology, "B"));
    int placed = topology_add_device(topology, "p3", ROLE_RACK_PDU, -1, 1, &error);
    topology_place_device(topology, topology_find_group(topology, "A2"));
    assert_int_equal(topology->devices[placed].feeder, 0);
    assert_int_equal(topology->devices[placed].group, 1);
}

static void accelerators_are_counted_by_class(void **state)
{
    struct topology *topology = *state;
    struct error error;
    char name[LIMIT_NAME];
    topology_add_feeder(topology, "A", 450e3, &error);
    assert_int_equal(topology_add_accelerators(topology, 0, "h100", 64, &error), 0);
    assert_int_equal(topology_add_accelerators(topology, 0, "a100", 32, &error), 0);
    assert_int_equal(topology_add_accelerators(topology, 0, "h100", 8, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "twice in group \"A\""));
    assert_int_equal(topology->groups[0].accelerators[0], 64);
    assert_int_equal(topology_find_accelerator(topology, "a100"), 1);
    assert_int_equal(topology_find_accelerator(topology, "tpu"), -1);
    for (int i = 2; i < LIMIT_ACCELERATORS; i++) {
        snprintf(name, sizeof(name), "c%d", i);
        assert_int_equal(topology_add_accelerators(topology, 0, name, 1, &error), 0);
    }
    assert_int_equal(topology_add_accelerators(topology, 0, "more", 1, &error), ERROR_FULL);
    assert_int_equal(topology_add_accelerators(topology, 0, "no name", 1, &error), ERROR_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_found_by_its_name),
        cmocka_unit_test(units_are_the_catalogue_s),
        cmocka_unit_test(every_role_is_found_by_its_name),
        TEST(points_follow_their_device),
        TEST(loops_over_a_role),
        TEST(names_are_checked),
        TEST(the_same_point_twice_is_refused),
        TEST(full_tables_refuse),
        TEST(a_feeder_is_its_own_group_until_it_has_others),
        TEST(feeders_and_groups_share_their_names),
        TEST(devices_stand_behind_a_group),
        TEST(accelerators_are_counted_by_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
