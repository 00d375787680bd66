/* The evaluation of forecasts: its figures by hand, its files, and what it tells when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <math.h>

#include "controller/base/utc.h"
#include "tools/forecast/future.h"
#include "tools/forecast/report.h"

#define assert_near(a, b) assert_true(fabs((double)(a) - (double)(b)) <= 1e-6)

static const int64_t START_MS = 1609459200000; /* 2021-01-01 */
enum { HOURS = 40 * 24, LEADS = 96 };

static char folder[] = "/tmp/tidewatt-evaluate-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/file.csv", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* ---- figures ---- */

static void ranks(void **state)
{
    (void)state;
    double one[] = {1, 2, 3, 4}, same[] = {10, 20, 30, 40}, turned[] = {4, 3, 2, 1};
    double swapped[] = {1, 3, 2, 4}, tied[] = {1, 2, 2, 4}, still[] = {5, 5, 5, 5};
    assert_near(spearman(one, same, 4), 1.0);
    assert_near(spearman(one, turned, 4), -1.0);
    assert_near(spearman(one, swapped, 4), 0.8);
    assert_near(spearman(one, tied, 4), 4.5 / sqrt(5.0 * 4.5));
    assert_true(isnan(spearman(one, still, 4)));
    assert_true(isnan(spearman(one, one, 0)));
}

static struct outcome outcome_of(double came, double step)
{
    struct outcome outcome = {.came = came, .banded = true};
    for (int q = 0; q < QUANTILES; q++)
        outcome.quantile[q] = 100.0 + step * (q - QUANTILE_MEDIAN);
    for (int i = 0; i < RIVALS; i++)
        outcome.rivals[i] = (double)NAN;
    return outcome;
}

static void sums_by_hand(void **state)
{
    (void)state;
    struct metric metric = {0};
    struct outcome inside = outcome_of(110, 10), between = outcome_of(125, 10),
                   outside = outcome_of(50, 10);
    inside.rivals[RIVAL_DAY] = 90; /* 20 off, we are 10 off */
    outside.banded = false;
    metric_add(&metric, &inside);
    metric_add(&metric, &between);
    metric_add(&metric, &outside);
    assert_near(metric_mae(&metric), (10 + 25 + 50) / 3.0);
    assert_near(metric_mape(&metric), (10 / 110.0 + 25 / 125.0 + 50 / 50.0) / 3.0);
    assert_int_equal(metric.banded, 2);
    assert_near(metric_coverage_80(&metric), 0.5); /* P90 is 120 */
    assert_near(metric_coverage_90(&metric), 1.0); /* P95 is 130 */
    assert_near(metric_ratio(&metric, RIVAL_DAY), 0.5);
    assert_true(isnan(metric_ratio(&metric, RIVAL_WEEK)));
}

static void pinball_by_hand(void **state)
{
    (void)state;
    struct metric above = {0}, below = {0};
    struct outcome high = outcome_of(110, 0), low = outcome_of(90, 0);
    metric_add(&above, &high);
    metric_add(&below, &low);
    assert_near(metric_pinball(&above), 5.0); /* the quantiles' mean is 0.5 */
    assert_near(metric_pinball(&below), 5.0);
    assert_true(isnan(metric_pinball(&(struct metric){0})));
}

/* ---- weather ---- */

#define WEATHER_HEADER "issue_utc,lead_h,temp_c,dewpoint_c,ghi_w_m2,wind_m_s\n"
#define ISSUE "2021-01-01T00:00:00Z,"

static void weather_as_a_feed_brings_it(void **state)
{
    (void)state;
    struct weather weather;
    struct forecast_block block;
    struct error error = {""};
    write_file(WEATHER_HEADER ISSUE "0,6,1,,4\n" ISSUE "3,12,1,30,4\n" ISSUE "6,0,1,100,4\n" ISSUE
                                    "9,0,1,50,4\n" ISSUE "12,0,1,20,4\n" ISSUE "18,0,1,90,4\n");
    assert_int_equal(weather_load(&weather, path, &error), 0);
    assert_int_equal(weather.count, 1);
    weather_block(&weather.issues[0], 0, &block);
    assert_int_equal(block.track, SERIES_TEMP);
    assert_int_equal(block.kind, BLOCK_FORECAST);
    assert_true(block.issue_ms == START_MS && block.start_ms == START_MS);
    assert_int_equal(block.count, LEADS);
    assert_near(block.value[0], 7); /* the line from 6 to 12 at half an hour */
    assert_near(block.value[2], 11);
    assert_near(block.value[3], 10);
    assert_true(isnan(block.value[12])); /* lead 15 is not there */
    weather_block(&weather.issues[0], 2, &block);
    assert_int_equal(block.track, INPUT_GHI);
    assert_int_equal(block.step_ms, 3 * HOUR_MS);
    assert_int_equal(block.count, LEADS / 3);
    assert_near(block.value[0], 30);
    assert_near(block.value[1], 170); /* 2 x 100 - 30 */
    assert_near(block.value[2], 50);
    assert_near(block.value[3], 0); /* 2 x 20 - 50 is below */
    assert_true(isnan(block.value[4]) && isnan(block.value[5]));
    weather_finish(&weather);
}

static void bad_weather_is_named(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {WEATHER_HEADER, "file.csv: has no row"},
        {WEATHER_HEADER ISSUE "1,6,1,,4\n", "file.csv:2: lead_h is 1"},
        {WEATHER_HEADER ISSUE "99,6,1,,4\n", "file.csv:2: lead_h is 99"},
        {WEATHER_HEADER ISSUE "0,six,1,,4\n", "file.csv:2: temp_c is \"six\""},
        {WEATHER_HEADER ISSUE "0,6,1,,4\n2020-12-31T00:00:00Z,0,6,1,,4\n",
         "file.csv:3: issue_utc comes after a later one"},
        {WEATHER_HEADER "2021-01-01T00:20:00Z,0,6,1,,4\n", "file.csv:2: issue_utc is no full hour"},
        {WEATHER_HEADER "yesterday,0,6,1,,4\n", "file.csv:2"},
        {"issue_utc,lead_h\n", "no column is called temp_c"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct weather weather;
        struct error error = {""};
        write_file(cases[i][0]);
        assert_true(weather_load(&weather, path, &error) < 0);
        if (!strstr(error.text, cases[i][1]))
            fail_msg("\"%s\" does not say \"%s\"", error.text, cases[i][1]);
        weather_finish(&weather);
    }
}

/* ---- peers ---- */

#define PEER_HEADER "issue_utc,lead_h,time_utc,actual_g_per_kwh,forecast_g_per_kwh\n"

static struct track ramp_track(void)
{
    struct track track = {.path = "grid.csv",
                          .column = "carbon",
                          .start_ms = START_MS,
                          .hours = HOURS,
                          .value = malloc(HOURS * sizeof(double))};
    for (int32_t i = 0; i < HOURS; i++)
        track.value[i] = 1000 + i;
    return track;
}

static void rows_of_another_hour_are_left_out(void **state)
{
    (void)state;
    struct track measured = ramp_track();
    struct peer peer;
    struct error error = {""};
    double said = 0;
    write_file(PEER_HEADER "2021-01-02T00:00:00Z,1,2021-01-02T01:00:00Z,1025,7\n"
                           "2021-01-02T00:00:00Z,0,2021-01-02T00:00:00Z,1024,6\n"
                           "2021-01-02T00:00:00Z,0,2021-01-02T00:00:00Z,1048,8\n");
    assert_int_equal(peer_load(&peer, path, &measured, &error), 0);
    assert_string_equal(peer.name, "file");
    assert_int_equal(peer.disputed, 1);
    assert_true(peer_at(&peer, START_MS + DAY_MS, START_MS + DAY_MS, &said) && said == 6);
    assert_true(peer_at(&peer, START_MS + DAY_MS, START_MS + DAY_MS + HOUR_MS, &said) && said == 7);
    assert_false(peer_at(&peer, START_MS, START_MS + DAY_MS, &said));
    peer_finish(&peer);
    track_finish(&measured);
}

static void bad_peers_are_named(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {PEER_HEADER "2021-01-02T00:00:00Z,1,2021-01-02T02:00:00Z,1026,7\n",
         "file.csv:2: time_utc is not lead_h hours after"},
        {PEER_HEADER "2021-01-02T00:00:00Z,1,2021-01-02T01:00:00Z,7,7\n", "of another region"},
        {PEER_HEADER "2021-01-02T00:00:00Z,1,2021-01-02T01:00:00Z,1025,\n",
         "file.csv:2: forecast_g_per_kwh is \"\""},
        {PEER_HEADER "2021-01-02T00:00:00Z,0,2021-01-02T00:00:00Z,1024,6\n"
                     "2021-01-02T00:00:00Z,0,2021-01-02T00:00:00Z,1024,7\n",
         "2021-01-02T00:00:00Z speaks twice of"},
        {"issue_utc,lead_h,time_utc,actual\n", "file.csv:1: no column is called forecast"},
    };
    struct track measured = ramp_track();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct peer peer;
        struct error error = {""};
        write_file(cases[i][0]);
        assert_true(peer_load(&peer, path, &measured, &error) < 0);
        if (!strstr(error.text, cases[i][1]))
            fail_msg("\"%s\" does not say \"%s\"", error.text, cases[i][1]);
        peer_finish(&peer);
    }
    track_finish(&measured);
}

/* ---- the walk ---- */

static struct evaluation_request ramp_request(void)
{
    return (struct evaluation_request){
        .series[SERIES_PRICE] = true,
        .from_ms = START_MS + 20 * (int64_t)DAY_MS,
        .to_ms = START_MS + HOURS * (int64_t)HOUR_MS,
    };
}

/* What rises by 1 an hour is 24 higher a day later: the rivals' errors are known. */
static void rivals_know_only_the_past(void **state)
{
    (void)state;
    struct evaluation_inputs inputs = {.measured[SERIES_PRICE] = ramp_track()};
    struct evaluation_request request = ramp_request();
    struct evaluation evaluation;
    struct error error = {""};
    assert_int_equal(evaluate(&inputs, &request, &evaluation, &error), 0);
    const struct series_evaluation *series = &evaluation.series[SERIES_PRICE];
    assert_true(series->wanted && !evaluation.series[SERIES_CARBON].wanted);
    assert_int_equal(series->issues, 40 - 20 - 4 + 1);
    assert_int_equal(series->silent, 0);
    assert_near(series->most, 1000 + HOURS - 1);
    for (int day = 0; day < EVALUATION_DAYS; day++) {
        const struct metric *metric = &series->lead_day[day];
        const struct duel *before = &metric->duels[RIVAL_DAY], *week = &metric->duels[RIVAL_WEEK];
        assert_int_equal(metric->count, series->issues * 24);
        assert_near(before->theirs / (double)before->count, 24.0 * (day + 1));
        assert_near(week->theirs / (double)week->count, 168.0);
        assert_int_equal(metric->duels[RIVAL_PEER].count, 0);
    }
    assert_int_equal(series->lead_day[EVALUATION_ALL].count, series->issues * LEADS);
    evaluation_inputs_finish(&inputs);
}

static void gaps_are_not_judged(void **state)
{
    (void)state;
    struct evaluation_inputs inputs = {.measured[SERIES_PRICE] = ramp_track()};
    struct evaluation_request request = ramp_request();
    struct evaluation evaluation;
    struct error error = {""};
    inputs.measured[SERIES_PRICE].value[30 * 24 + 5] = (double)NAN;
    assert_int_equal(evaluate(&inputs, &request, &evaluation, &error), 0);
    const struct series_evaluation *series = &evaluation.series[SERIES_PRICE];
    for (int day = 0; day < EVALUATION_DAYS; day++)
        assert_int_equal(series->lead_day[day].count, series->issues * 24 - 1);
    assert_int_equal(series->lead_day[0].duels[RIVAL_DAY].count, series->issues * 24 - 2);
    assert_int_equal(series->lead_day[0].duels[RIVAL_WEEK].count, series->issues * 24 - 1);
    evaluation_inputs_finish(&inputs);
}

static void peers_are_compared_on_their_own_hours(void **state)
{
    (void)state;
    struct evaluation_inputs inputs = {.measured[SERIES_PRICE] = ramp_track()};
    struct evaluation_request request = ramp_request();
    struct peer_row *row = calloc(1, sizeof *row);
    struct evaluation evaluation;
    struct error error = {""};
    *row = (struct peer_row){request.from_ms, request.from_ms + 30 * (int64_t)HOUR_MS, 0};
    inputs.peers[SERIES_PRICE][0] = (struct peer){.count = 1, .rows = row};
    assert_int_equal(evaluate(&inputs, &request, &evaluation, &error), 0);
    const struct metric *lead_day = evaluation.series[SERIES_PRICE].lead_day;
    assert_int_equal(lead_day[0].duels[RIVAL_PEER].count, 0);
    assert_int_equal(lead_day[1].duels[RIVAL_PEER].count, 1);
    assert_near(lead_day[1].duels[RIVAL_PEER].theirs, 1000 + 20 * 24 + 30);
    assert_int_equal(lead_day[EVALUATION_ALL].duels[RIVAL_PEER].count, 1);
    evaluation_inputs_finish(&inputs);
}

static void tests_outside_the_series_are_refused(void **state)
{
    (void)state;
    struct evaluation_inputs inputs = {.measured[SERIES_PRICE] = ramp_track()};
    struct evaluation_request request = ramp_request();
    struct evaluation evaluation;
    struct error error = {""};
    request.to_ms = request.from_ms + LEADS * (int64_t)HOUR_MS - 1;
    assert_true(evaluate(&inputs, &request, &evaluation, &error) < 0);
    assert_non_null(strstr(error.text, "shorter than one forecast"));
    request = ramp_request();
    request.from_ms -= 400 * (int64_t)DAY_MS;
    assert_true(evaluate(&inputs, &request, &evaluation, &error) < 0);
    assert_non_null(strstr(error.text, "grid.csv: price_per_mwh goes from 2021-01-01T00:00:00Z"));
    request = ramp_request();
    request.to_ms += HOUR_MS;
    assert_true(evaluate(&inputs, &request, &evaluation, &error) < 0);
    assert_non_null(strstr(error.text, "to 2021-02-10T00:00:00Z"));
    request = ramp_request();
    request.series[SERIES_PRICE] = false;
    assert_true(evaluate(&inputs, &request, &evaluation, &error) < 0);
    assert_non_null(strstr(error.text, "no series"));
    request = ramp_request();
    request.site.latitude_deg = 91;
    assert_true(evaluate(&inputs, &request, &evaluation, &error) < 0);
    evaluation_inputs_finish(&inputs);
}

static void the_proof_needs_a_changed_future(void **state)
{
    (void)state;
    struct evaluation_inputs inputs = {.measured[SERIES_PRICE] = ramp_track()};
    struct evaluation_request request = ramp_request();
    struct error error = {""};
    FILE *nowhere = fopen("/dev/null", "w");
    assert_int_equal(future_check(&inputs, &request, nowhere, &error), 0);
    for (int32_t i = 0; i < HOURS; i++)
        inputs.measured[SERIES_PRICE].value[i] = 0; /* twice nothing is nothing */
    assert_true(future_check(&inputs, &request, nowhere, &error) < 0);
    assert_non_null(strstr(error.text, "no later forecast"));
    fclose(nowhere);
    evaluation_inputs_finish(&inputs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks),
        cmocka_unit_test(sums_by_hand),
        cmocka_unit_test(pinball_by_hand),
        cmocka_unit_test(weather_as_a_feed_brings_it),
        cmocka_unit_test(bad_weather_is_named),
        cmocka_unit_test(rows_of_another_hour_are_left_out),
        cmocka_unit_test(bad_peers_are_named),
        cmocka_unit_test(rivals_know_only_the_past),
        cmocka_unit_test(gaps_are_not_judged),
        cmocka_unit_test(peers_are_compared_on_their_own_hours),
        cmocka_unit_test(tests_outside_the_series_are_refused),
        cmocka_unit_test(the_proof_needs_a_changed_future),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
