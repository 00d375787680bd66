/* What a backtest gives to the forecasts: in order, once, and never before it was known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "controller/base/utc.h"
#include "tools/backtest/feeds.h"

static const int64_t T0 = INT64_C(1609459200000); /* 2021-01-01T00:00:00Z */
enum { HOURS = 24 * 60, ISSUES = 60 };

static struct inputs inputs;
static struct feeds feeds;

/* Weather is issued each day at 06:00; of the sources only the wind is in the file. */
static int begin(void **state)
{
    (void)state;
    inputs = (struct inputs){.jobs = NULL};
    feeds = (struct feeds){.began = false};
    struct track *wind = &inputs.grid_mw[1];
    *wind = (struct track){.path = "x", .start_ms = T0, .hours = HOURS};
    wind->value = calloc(HOURS, sizeof *wind->value);
    for (int h = 0; h < HOURS; h++)
        wind->value[h] = h == 30 ? (double)NAN : h;
    inputs.weather = (struct weather){.path = "x", .count = ISSUES};
    inputs.weather.issues = calloc(ISSUES, sizeof *inputs.weather.issues);
    for (int i = 0; i < ISSUES; i++)
        inputs.weather.issues[i].issue_ms = T0 + i * (int64_t)DAY_MS + 6 * HOUR_MS;
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(inputs.grid_mw[1].value);
    free(inputs.weather.issues);
    return 0;
}

static void nothing_comes_before_its_time(void **state)
{
    (void)state;
    int issues = 0;
    int64_t next_ms = 0;
    for (int64_t now_ms = T0 + DAY_MS; now_ms < T0 + 50 * (int64_t)DAY_MS; now_ms += QUARTER_MS) {
        feeds_update(&feeds, &inputs, now_ms);
        for (int b = 0; b < feeds.count; b++) {
            const struct forecast_block *block = &feeds.blocks[b];
            assert_true(block->issue_ms <= now_ms);
            if (block->kind == BLOCK_FORECAST) {
                assert_true(now_ms == T0 + DAY_MS || block->issue_ms == now_ms);
                issues++;
                continue;
            }
            assert_int_equal(block->track, INPUT_GRID_WIND);
            assert_int_equal(block->count, 1);
            assert_int_equal(block->start_ms + HOUR_MS, now_ms);
            assert_true(next_ms == 0 || block->start_ms >= next_ms);
            assert_true(block->value[0] == (float)((block->start_ms - T0) / HOUR_MS * 1e6));
            next_ms = block->start_ms + HOUR_MS;
        }
    }
    assert_int_equal(issues, 50 * WEATHER_VALUES); /* the newest at the start, then each day's */
    assert_int_equal(next_ms, T0 + (50 * 24 - 1) * (int64_t)HOUR_MS);
}

static void what_fits_into_no_tick_follows(void **state)
{
    (void)state;
    int issues = 0;
    feeds_update(&feeds, &inputs, T0 + DAY_MS);
    for (int call = 0; call < 5; call++) {
        feeds_update(&feeds, &inputs, T0 + 59 * (int64_t)DAY_MS);
        assert_true(feeds.count <= LIMIT_BLOCKS);
        for (int b = 0; b < feeds.count; b++)
            issues += feeds.blocks[b].kind == BLOCK_FORECAST;
    }
    assert_int_equal(issues, 58 * WEATHER_VALUES);
    assert_int_equal(feeds.hour_ms, T0 + 59 * (int64_t)DAY_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_comes_before_its_time, begin, end),
        cmocka_unit_test_setup_teardown(what_fits_into_no_tick_follows, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
