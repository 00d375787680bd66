/* The forecast part of the cycle: what is seen of each series, what feeds bring, and what happens
 * when what came lies far from what was said. The forecaster's verdicts are given by the test. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controller/base/utc.h"
#include "controller/core/cycle.h"
#include "controller/plant/wet_bulb.h"

static const int64_t START_MS = INT64_C(1781481600000); /* 2026-06-15T00:00:00Z */
enum { TICK_MS = 10000 };

/* ---- the forecaster's verdicts ---- */

static struct forecast_state states[FORECAST_SERIES];
static enum reason verdict;
static int32_t taken[8];
static int taken_count;

void __wrap_forecaster_state(const struct forecaster *forecaster, enum forecast_series series,
                             struct forecast_state *ret_state);
enum reason __wrap_forecaster_take(struct forecaster *forecaster,
                                   const struct forecast_block *block);

void __wrap_forecaster_state(const struct forecaster *forecaster, enum forecast_series series,
                             struct forecast_state *ret_state)
{
    (void)forecaster;
    *ret_state = states[series];
}

enum reason __wrap_forecaster_take(struct forecaster *forecaster,
                                   const struct forecast_block *block)
{
    (void)forecaster;
    assert_in_range(taken_count, 0, 7);
    taken[taken_count++] = block->track;
    return block->track == INPUT_GHI ? verdict : REASON_NONE;
}

/* ---- a site ---- */

struct site {
    struct topology *topology;
    struct cycle *cycle;
    struct image live, frozen;
    struct tick_output *output;
    int64_t now_ms;
    double chiller_w, utility_w;
    double mean[FORECAST_SERIES]; /* of the last observation; NAN: none */
    int bust, drift, back, problems;
    char text[160];
    const struct forecast_block *blocks;
    int block_count;
};

static void add_device(struct topology *t, const char *name, enum device_role role,
                       const enum point_kind *kinds, int count)
{
    int32_t device =
        topology_add_device(t, name, role, role == ROLE_RACK_PDU ? 0 : -1, 60000, NULL);
    for (int i = 0; i < count; i++) {
        const struct point point = {device, kinds[i], -1e12, 1e12, 0};
        assert_true(topology_add_point(t, &point, NULL) >= 0);
    }
}

static void begin(struct site *site)
{
    static const enum point_kind power[] = {POINT_POWER, POINT_POWER_COOLING};
    static const enum point_kind weather[] = {POINT_TEMP_OUTDOOR, POINT_HUMIDITY};
    static const enum point_kind market[] = {POINT_PRICE, POINT_PRICE_REALTIME};
    struct error error;
    *site = (struct site){.now_ms = START_MS, .chiller_w = 10e3, .utility_w = 240e3};
    for (int s = 0; s < FORECAST_SERIES; s++) {
        site->mean[s] = (double)NAN;
        states[s] = (struct forecast_state){.trouble = FORECAST_SOUND};
    }
    taken_count = 0;
    site->topology = topology_create();
    topology_add_feeder(site->topology, "A", 400e3, NULL);
    add_device(site->topology, "utility", ROLE_UTILITY, power, 1);
    add_device(site->topology, "pdu", ROLE_RACK_PDU, power, 1);
    add_device(site->topology, "chiller", ROLE_COOLING, power, 2);
    add_device(site->topology, "pumps", ROLE_COOLING, power, 1); /* tells no heat */
    add_device(site->topology, "weather", ROLE_WEATHER, weather, 2);
    add_device(site->topology, "market", ROLE_MARKET, market, 2);
    struct cycle_config config = {.topology = site->topology,
                                  .guard = {.import_limit_w = 1e6,
                                            .import_fail_safe_w = 5e5,
                                            .export_limit_w = 1e6,
                                            .overhead_ratio_max = 1.5,
                                            .feeder_count = 1,
                                            .feeder_limit_w = {400e3}},
                                  .overhead_ratio = 0.2,
                                  .battery_device = -1,
                                  .chiller_device = -1,
                                  .inlet_device = -1,
                                  .tank_device = -1,
                                  .cooling_every_ms = 600000,
                                  .plan_every_ms = 6 * HOUR_MS,
                                  .plan_valid_ms = 12 * HOUR_MS,
                                  .forecast_every_ms = QUARTER_MS,
                                  .meter_gap_ms = MINUTE_MS,
                                  .grid = {2, 12, 24},
                                  .pue_category = 2};
    site->cycle = cycle_create(&config, &error);
    assert_non_null(site->cycle);
    assert_int_equal(image_init(&site->live, site->topology, &error), 0);
    assert_int_equal(image_init(&site->frozen, site->topology, &error), 0);
    site->output = calloc(1, sizeof *site->output);
}

static void end(struct site *site)
{
    cycle_destroy(site->cycle);
    image_finish(&site->live);
    image_finish(&site->frozen);
    topology_destroy(site->topology);
    free(site->output);
}

static double value_of(const struct site *site, const struct device *device, enum point_kind kind)
{
    if (kind == POINT_TEMP_OUTDOOR)
        return 20;
    if (kind == POINT_HUMIDITY)
        return 50;
    if (kind == POINT_PRICE)
        return 60;
    if (kind == POINT_PRICE_REALTIME)
        return 70;
    if (kind == POINT_POWER_COOLING)
        return 4 * site->chiller_w;
    return device->role == ROLE_UTILITY   ? site->utility_w
           : device->role == ROLE_COOLING ? site->chiller_w
                                          : 200e3;
}

static void sample(struct site *site)
{
    for (int32_t p = 0; p < site->topology->point_count; p++) {
        const struct point *point = &site->topology->points[p];
        const struct sample sample = {
            .point = p,
            .value = value_of(site, &site->topology->devices[point->device], point->kind),
            .quality = QUALITY_GOOD,
            .reason = REASON_FRESH,
            .source_ms = site->now_ms,
            .receive_ms = site->now_ms};
        image_apply(&site->live, &sample);
    }
    image_freeze(&site->frozen, &site->live, site->now_ms);
}

static void note(struct site *site)
{
    const struct tick_output *output = site->output;
    for (int i = 0; i < output->observation_count; i++)
        site->mean[output->observations[i].series] = output->observations[i].value;
    for (int i = 0; i < output->event_count; i++) {
        enum event_kind kind = output->events[i].kind;
        site->bust += kind == EVENT_FORECAST_BUST;
        site->drift += kind == EVENT_FORECAST_DRIFT;
        site->back += kind == EVENT_FORECAST_BACK;
        if (kind >= EVENT_FORECAST_BUST && kind <= EVENT_FORECAST_BACK)
            snprintf(site->text, sizeof site->text, "%s: %s", output->events[i].subject,
                     output->events[i].text);
    }
}

/* The solver gives up at once, so that each plan that is asked for shows. */
static void run(struct site *site, int64_t length_ms)
{
    bool failed = false;
    for (int64_t end_ms = site->now_ms + length_ms; site->now_ms < end_ms;
         site->now_ms += TICK_MS) {
        sample(site);
        const struct tick_input input = {.now_ms = site->now_ms,
                                         .image = &site->frozen,
                                         .solve_failed = failed,
                                         .blocks = site->blocks,
                                         .block_count = site->block_count,
                                         .external_limit_w = (double)INFINITY};
        cycle_tick(site->cycle, &input, site->output);
        note(site);
        failed = site->output->problem != NULL;
        site->problems += failed;
        problem_destroy(site->output->problem);
    }
}

/* ---- tests ---- */

static void all_series_are_observed(void **state)
{
    (void)state;
    struct site site;
    begin(&site);
    run(&site, 20 * MINUTE_MS);
    assert_float_equal(site.mean[SERIES_PRICE], 60, 1e-9);
    assert_float_equal(site.mean[SERIES_PRICE_RT], 70, 1e-9);
    assert_float_equal(site.mean[SERIES_WET_BULB], wet_bulb_c(20, 50), 1e-9);
    assert_float_equal(site.mean[SERIES_COP], 4, 1e-9);
    assert_float_equal(site.mean[SERIES_OVERHEAD], 40e3, 1e-6);
    end(&site);
}

static void what_is_not_known_is_not_observed(void **state)
{
    (void)state;
    struct site site;
    begin(&site);
    site.chiller_w = LIMIT_CHILLER_IDLE_W - 1;
    site.utility_w = 199e3; /* below the IT load: the meters disagree */
    run(&site, 20 * MINUTE_MS);
    assert_true(isnan(site.mean[SERIES_COP]));
    assert_true(isnan(site.mean[SERIES_OVERHEAD]));
    assert_true(isnan(site.mean[SERIES_CARBON]));
    assert_false(isnan(site.mean[SERIES_PRICE]));
    end(&site);
}

static void blocks_go_to_the_forecaster_in_order(void **state)
{
    (void)state;
    static const struct forecast_block blocks[] = {
        {.track = INPUT_DEW_POINT}, {.track = INPUT_GHI}, {.track = SERIES_PRICE}};
    struct site site;
    begin(&site);
    site.blocks = blocks;
    site.block_count = 3;
    verdict = REASON_FEED_LATE;
    run(&site, TICK_MS);
    assert_int_equal(taken_count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(taken[i], blocks[i].track);
    assert_int_equal(site.output->block_verdicts[0], REASON_NONE);
    assert_int_equal(site.output->block_verdicts[1], REASON_FEED_LATE);
    assert_int_equal(site.output->block_verdicts[2], REASON_NONE);
    cycle_resume_block(site.cycle, &blocks[0]);
    assert_int_equal(taken_count, 4);
    end(&site);
}

static void a_bust_is_told_once_and_asks_for_a_plan(void **state)
{
    (void)state;
    struct site site;
    begin(&site);
    run(&site, 10 * MINUTE_MS);
    int problems = site.problems;
    states[SERIES_PRICE] = (struct forecast_state){FORECAST_BUST, 81.5, 12.25};
    states[SERIES_TEMP] = (struct forecast_state){FORECAST_BUST, 9, 1};
    run(&site, 4 * MINUTE_MS); /* no forecast was made yet */
    assert_int_equal(site.bust, 0);
    run(&site, 2 * MINUTE_MS);
    assert_int_equal(site.bust, 2);
    assert_int_equal(site.problems, problems + 1); /* one for both */
    assert_string_equal(site.text, "temp_outdoor_c: mean error 9 K over the last hours, usually 1");
    run(&site, HOUR_MS);
    assert_int_equal(site.bust, 2);
    assert_int_equal(site.problems, problems + 1);
    states[SERIES_TEMP].trouble = FORECAST_SOUND;
    states[SERIES_PRICE].trouble = FORECAST_DRIFT;
    run(&site, QUARTER_MS);
    assert_int_equal(site.back, 1);
    assert_int_equal(site.drift, 1);
    assert_int_equal(site.problems, problems + 2);
    end(&site);
}

static void what_no_plan_rests_on_asks_for_none(void **state)
{
    (void)state;
    struct site site;
    begin(&site);
    run(&site, 10 * MINUTE_MS);
    int problems = site.problems;
    states[SERIES_PRICE_RT].trouble = FORECAST_BUST;
    run(&site, QUARTER_MS);
    assert_int_equal(site.bust, 1);
    assert_int_equal(site.problems, problems);
    end(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_series_are_observed),
        cmocka_unit_test(what_is_not_known_is_not_observed),
        cmocka_unit_test(blocks_go_to_the_forecaster_in_order),
        cmocka_unit_test(a_bust_is_told_once_and_asks_for_a_plan),
        cmocka_unit_test(what_no_plan_rests_on_asks_for_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
