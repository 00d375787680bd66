/* The energy balance and PUE: a missing meter makes a sum unknown and never smaller. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "controller/base/utc.h"
#include "controller/plant/pue.h"

static const int64_t START = 1780000200000 / QUARTER_MS * QUARTER_MS;

struct meter_line {
    const char *device;
    enum device_role role;
    enum point_kind kind;
    int64_t wh;
};

/* One hall of each: facility = 1000 - 50 + 200 + 100 + 80 - 30 = 1300 Wh. */
static const struct meter_line lines[] = {
    {"utility", ROLE_UTILITY, POINT_ENERGY_IMPORT, 1000},
    {"utility", ROLE_UTILITY, POINT_ENERGY_EXPORT, 50},
    {"pv", ROLE_PV, POINT_ENERGY_EXPORT, 200},
    {"wind", ROLE_WIND, POINT_ENERGY_EXPORT, 100},
    {"battery", ROLE_BATTERY, POINT_ENERGY_EXPORT, 80},
    {"battery", ROLE_BATTERY, POINT_ENERGY_IMPORT, 30},
    {"ups", ROLE_UPS, POINT_ENERGY_IMPORT, 1050},
    {"pdu-a", ROLE_RACK_PDU, POINT_ENERGY_IMPORT, 600},
    {"pdu-b", ROLE_RACK_PDU, POINT_ENERGY_IMPORT, 400},
    {"server", ROLE_IT, POINT_POWER, 980}, /* no counter: integrated */
    {"chiller", ROLE_COOLING, POINT_ENERGY_IMPORT, 150},
    {"lights", ROLE_AUXILIARY, POINT_ENERGY_IMPORT, 25},
};

enum { LINES = sizeof(lines) / sizeof(lines[0]) };

struct site {
    struct topology *topology;
    struct energy_interval intervals[LINES];
};

static int set_up(void **state)
{
    static struct site site;
    site.topology = topology_create();
    int32_t device = -1;
    for (int i = 0; i < LINES; i++) {
        if (topology_find_device(site.topology, lines[i].device) < 0)
            device =
                topology_add_device(site.topology, lines[i].device, lines[i].role, -1, 1000, NULL);
        struct point point = {.kind = lines[i].kind, .low = 0, .high = 1e12};
        int32_t index = topology_add_point(site.topology, &point, NULL);
        assert_true(device >= 0 && index == i);
        site.intervals[i] = (struct energy_interval){
            .point = index,
            .start_ms = START,
            .end_ms = START + QUARTER_MS,
            .start_milliwh = 5000000,
            .end_milliwh = 5000000 + lines[i].wh * 1000,
            .coverage = 1,
            .quality = QUALITY_GOOD,
            .reason = REASON_FRESH,
        };
    }
    *state = &site;
    return 0;
}

static int tear_down(void **state)
{
    struct site *site = *state;
    topology_destroy(site->topology);
    return 0;
}

static struct balance balance_of(const struct site *site, int category)
{
    struct balance balance;
    balance_compute(&balance, site->topology, category, START, START + QUARTER_MS, site->intervals,
                    LINES);
    return balance;
}

static struct pue pue_of(const struct site *site, int category)
{
    struct balance balance = balance_of(site, category);
    struct pue pue;
    pue_from_balance(&pue, &balance, category);
    return pue;
}

static void assert_wh(struct energy energy, double wh)
{
    assert_int_equal(energy.quality, QUALITY_GOOD);
    assert_true(fabs(energy.wh - wh) < 1e-6);
}

static void assert_unknown(struct energy energy)
{
    assert_int_equal(energy.quality, QUALITY_MISSING);
    assert_true(isnan(energy.wh));
    assert_true(energy.coverage == 0);
}

static void the_whole_balance(void **state)
{
    struct balance b = balance_of(*state, 2);
    assert_wh(b.import, 1000);
    assert_wh(b.export, 50);
    assert_wh(b.pv, 200);
    assert_wh(b.wind, 100);
    assert_wh(b.discharge, 80);
    assert_wh(b.charge, 30);
    assert_wh(b.facility, 1300);
    assert_wh(b.it, 1000);
    assert_wh(b.cooling, 150);
    assert_wh(b.auxiliary, 25);
    assert_wh(b.distribution, 125);
    assert_int_equal(b.reason, REASON_FRESH);
}

static void the_three_categories(void **state)
{
    assert_true(fabs(pue_of(*state, 1).value - 1300.0 / 1050) < 1e-12);
    assert_true(fabs(pue_of(*state, 2).value - 1300.0 / 1000) < 1e-12);
    assert_true(fabs(pue_of(*state, 3).value - 1300.0 / 980) < 1e-12);
}

static void the_worst_part_decides(void **state)
{
    struct site *site = *state;
    site->intervals[2].quality = QUALITY_ESTIMATED;
    site->intervals[2].reason = REASON_GAP;
    site->intervals[2].coverage = 0.75;
    struct balance b = balance_of(site, 2);
    assert_int_equal(b.facility.quality, QUALITY_ESTIMATED);
    assert_true(b.facility.coverage == 0.75);
    assert_int_equal(b.it.quality, QUALITY_GOOD);
    assert_int_equal(b.reason, REASON_GAP);
    struct pue pue = pue_of(site, 2);
    assert_int_equal(pue.quality, QUALITY_ESTIMATED);
    assert_true(pue.coverage == 0.75);
    assert_true(pue.interim);
}

/* Whichever meter fails, and however: the sums that need it are unknown, all others stand. */
static void any_missing_meter_makes_its_sums_unknown(void **state)
{
    struct site *site = *state;
    for (int lost = 0; lost < LINES; lost++) {
        for (int way = 0; way < 3; way++) {
            struct energy_interval kept = site->intervals[lost];
            if (way == 0)
                site->intervals[lost].quality = QUALITY_MISSING;
            else if (way == 1)
                site->intervals[lost].end_ms += QUARTER_MS; /* spans more than the interval */
            else
                site->intervals[lost].point = -1;
            struct balance b = balance_of(site, 2);
            bool in_facility = lost <= 5, in_it = lost == 7 || lost == 8;
            if (in_facility)
                assert_unknown(b.facility);
            else
                assert_wh(b.facility, 1300);
            if (in_it)
                assert_unknown(b.it);
            else
                assert_wh(b.it, 1000);
            if (in_facility || in_it) {
                assert_unknown(b.distribution);
                struct pue pue = pue_of(site, 2);
                assert_int_equal(pue.quality, QUALITY_MISSING);
                assert_true(isnan(pue.value));
                assert_true(pue.coverage == 0);
            }
            site->intervals[lost] = kept;
        }
    }
}

static void absent_roles_count_as_nothing(void **state)
{
    (void)state;
    struct topology *topology = topology_create();
    struct point import = {.kind = POINT_ENERGY_IMPORT, .low = 0, .high = 1e12};
    topology_add_device(topology, "utility", ROLE_UTILITY, -1, 1000, NULL);
    topology_add_point(topology, &import, NULL);
    struct energy_interval one = {.point = 0,
                                  .start_ms = START,
                                  .end_ms = START + QUARTER_MS,
                                  .end_milliwh = 500000,
                                  .coverage = 1};
    struct balance b;
    balance_compute(&b, topology, 1, START, START + QUARTER_MS, &one, 1);
    assert_wh(b.facility, 500);
    assert_wh(b.pv, 0);
    assert_wh(b.export, 0); /* a meter without an export register */
    assert_wh(b.cooling, 0);
    assert_unknown(b.it); /* but PUE needs IT */
    topology_destroy(topology);

    topology = topology_create();
    balance_compute(&b, topology, 1, START, START + QUARTER_MS, NULL, 0);
    assert_unknown(b.facility);
    topology_destroy(topology);
}

static void parts_above_the_whole_are_told(void **state)
{
    struct site *site = *state;
    site->intervals[10].end_milliwh += 200000;
    struct balance b = balance_of(site, 2);
    assert_int_equal(b.reason, REASON_NEGATIVE_RESIDUAL);
    assert_true(fabs(b.distribution.wh + 75) < 1e-6); /* shown as it is */
}

static void no_it_energy_has_no_pue_but_counts(void **state)
{
    struct site *site = *state;
    site->intervals[7].end_milliwh = site->intervals[7].start_milliwh;
    site->intervals[8].end_milliwh = site->intervals[8].start_milliwh;
    struct pue idle = pue_of(site, 2);
    assert_int_equal(idle.quality, QUALITY_MISSING);
    assert_true(isnan(idle.value));
    assert_true(fabs(idle.facility_wh - 1300) < 1e-6);
}

static struct pue quarter(int index, double facility_wh, double it_wh, enum quality quality)
{
    return (struct pue){.start_ms = START + index * QUARTER_MS,
                        .end_ms = START + (index + 1) * QUARTER_MS,
                        .category = 2,
                        .facility_wh = facility_wh,
                        .it_wh = it_wh,
                        .value = facility_wh / it_wh,
                        .coverage = 1,
                        .quality = quality};
}

static void a_period_is_the_quotient_of_sums(void **state)
{
    (void)state;
    struct pue_sum sum;
    struct pue out;
    unsigned seed = 1;
    double facility_wh = 0, it_wh = 0;
    pue_sum_begin(&sum, START, START + 96 * QUARTER_MS, 2);
    for (int i = 0; i < 96; i++) {
        double it = rand_r(&seed) % 1000;
        double facility = it + rand_r(&seed) % 500;
        struct pue q = quarter(i, facility, it, QUALITY_GOOD);
        pue_sum_add(&sum, &q);
        facility_wh += facility;
        it_wh += it;
    }
    pue_sum_read(&sum, &out);
    assert_true(fabs(out.value - facility_wh / it_wh) < 1e-12);
    assert_true(out.coverage == 1);
    assert_int_equal(out.quality, QUALITY_GOOD);
    assert_true(out.interim);
}

static void a_period_says_what_it_lacks(void **state)
{
    (void)state;
    struct pue_sum sum;
    struct pue out;
    pue_sum_begin(&sum, START, START + 4 * QUARTER_MS, 2);
    pue_sum_read(&sum, &out);
    assert_int_equal(out.quality, QUALITY_MISSING);
    assert_true(isnan(out.value) && out.coverage == 0);

    struct pue known = quarter(0, 130, 100, QUALITY_GOOD);
    struct pue unknown = quarter(1, (double)NAN, (double)NAN, QUALITY_MISSING);
    struct pue outside = quarter(4, 1000, 1, QUALITY_GOOD);
    pue_sum_add(&sum, &known);
    pue_sum_read(&sum, &out);
    assert_int_equal(out.quality, QUALITY_GOOD);
    pue_sum_add(&sum, &unknown);
    pue_sum_add(&sum, &outside);
    pue_sum_read(&sum, &out);
    assert_true(out.coverage == 0.25);
    assert_true(fabs(out.value - 1.3) < 1e-12);
    assert_int_equal(out.quality, QUALITY_ESTIMATED);
}

/* Stored before pue.category was changed. */
static void another_category_stays_unknown(void **state)
{
    (void)state;
    struct pue_sum sum;
    struct pue out;
    struct pue before = quarter(0, 500, 100, QUALITY_GOOD);
    struct pue since = quarter(1, 130, 100, QUALITY_GOOD);
    pue_sum_begin(&sum, START, START + 2 * QUARTER_MS, 1);
    since.category = 1;
    pue_sum_add(&sum, &before);
    pue_sum_add(&sum, &since);
    pue_sum_read(&sum, &out);
    assert_true(fabs(out.value - 1.3) < 1e-12);
    assert_true(out.coverage == 0.5);
    assert_int_equal(out.category, 1);
}

static void twelve_months_are_not_interim(void **state)
{
    (void)state;
    struct pue_sum sum;
    struct pue out;
    pue_sum_begin(&sum, START, START + 365LL * DAY_MS, 2);
    pue_sum_read(&sum, &out);
    assert_false(out.interim);
    pue_sum_begin(&sum, START, START + 364LL * DAY_MS, 2);
    pue_sum_read(&sum, &out);
    assert_true(out.interim);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_whole_balance),
        TEST(the_three_categories),
        TEST(the_worst_part_decides),
        TEST(any_missing_meter_makes_its_sums_unknown),
        cmocka_unit_test(absent_roles_count_as_nothing),
        TEST(parts_above_the_whole_are_told),
        TEST(no_it_energy_has_no_pue_but_counts),
        cmocka_unit_test(a_period_is_the_quotient_of_sums),
        cmocka_unit_test(a_period_says_what_it_lacks),
        cmocka_unit_test(another_category_stays_unknown),
        cmocka_unit_test(twelve_months_are_not_interim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
