/* What models weigh after known errors; troubles; ranks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "controller/forecast/rank.h"
#include "controller/forecast/tournament.h"
#include "controller/forecast/trouble.h"
#include "tests/unit/forecast/series.h"

static struct tournament tournament;
static double weight[FORECAST_MODELS];

/* Model i errs by error[i] each time; NAN: silent. All others are silent. */
static void judge(const double *error, int models, int times)
{
    float point[FORECAST_MODELS];
    for (int i = 0; i < FORECAST_MODELS; i++)
        point[i] = i < models ? (float)(100.0 + error[i]) : NAN;
    for (int i = 0; i < times; i++)
        tournament_judge(&tournament, 0, point, 100.0);
    tournament_weights(&tournament, 0, weight);
}

static double sum(void)
{
    double all = 0.0;
    for (int i = 0; i < FORECAST_MODELS; i++)
        all += weight[i];
    return all;
}

static void weights(void **state)
{
    (void)state;
    tournament = (struct tournament){0};
    tournament_weights(&tournament, 0, weight);
    assert_true(weight[0] == 1.0); /* nothing known: the series' own */
    judge((double[]){10.0, -10.0, 10.5, 30.0, (double)NAN}, 5, 40);
    assert_true(weight[0] == 1.0); /* too little known */
    judge((double[]){10.0, -10.0, 10.5, 30.0, (double)NAN}, 5, 200);
    assert_near(sum(), 1.0, 1e-12);
    assert_near(weight[0], weight[1], 1e-9);           /* equal models */
    assert_near(weight[2] / weight[0], exp(-1), 1e-3); /* 5 % worse */
    assert_true(weight[3] == 0.0 && weight[4] == 0.0);
    assert_near(tournament_ratio(&tournament, 0, 3), 3.0, 1e-6);
    tournament_forget(&tournament, 1);
    tournament_weights(&tournament, 0, weight);
    assert_true(weight[1] == 0.0);
    assert_near(sum(), 1.0, 1e-12);
}

static void one_bad_hour(void **state)
{
    (void)state;
    tournament = (struct tournament){0};
    judge((double[]){10.0, 8.0}, 2, 500);
    double before = weight[1];
    judge((double[]){10.0, 1e9}, 2, 1);
    assert_true(weight[1] > 0.9 * before);
}

/* A series that never moved: its own model is never wrong. */
static void the_first_never_errs(void **state)
{
    (void)state;
    tournament = (struct tournament){0};
    judge((double[]){0.0, 0.0, 1e9}, 3, 300);
    assert_near(weight[0], 0.5, 1e-9);
    assert_near(weight[1], 0.5, 1e-9);
    assert_true(weight[2] == 0.0);
    assert_true(isfinite(tournament_ratio(&tournament, 0, 2)));
}

static void hours_in_order(void **state)
{
    (void)state;
    float up[RANKED_HOURS], down[RANKED_HOURS], flat[RANKED_HOURS], halves[RANKED_HOURS];
    for (int i = 0; i < RANKED_HOURS; i++) {
        up[i] = (float)(i * i);
        down[i] = (float)-i;
        flat[i] = 7.0f;
        halves[i] = i < RANKED_HOURS / 2 ? 0.0f : 1.0f;
    }
    assert_near(rank_correlation(up, up), 1.0, 1e-12);
    assert_near(rank_correlation(up, down), -1.0, 1e-12);
    assert_true(isnan(rank_correlation(up, flat)));
    /* Ties at their mean rank: covariance n / 8, variances (n^2 - 1) / 12 and n^2 / 16 in ranks. */
    double n = RANKED_HOURS;
    assert_near(rank_correlation(up, halves), sqrt(3.0 * n * n / (n * n - 1.0)) / 2.0, 1e-12);
    up[3] = NAN;
    assert_true(isnan(rank_correlation(up, down)));
}

static enum forecast_trouble after(struct trouble *trouble, double error, int values)
{
    for (int i = 0; i < values; i++)
        trouble_judge(trouble, error, 10.0);
    return trouble->state;
}

static void bust_and_back(void **state)
{
    (void)state;
    struct trouble trouble = {0};
    assert_int_equal(after(&trouble, 40.0, 50), FORECAST_SOUND); /* too early to tell */
    trouble = (struct trouble){0};
    assert_int_equal(after(&trouble, 5.0, 1000), FORECAST_SOUND);
    assert_int_equal(after(&trouble, 1e6, 1), FORECAST_SOUND); /* one value is no bust */
    trouble = (struct trouble){0};
    after(&trouble, 5.0, 1000);
    assert_int_equal(after(&trouble, -40.0, 10), FORECAST_BUST);
    assert_int_equal(after(&trouble, 5.0, 20), FORECAST_SOUND);
}

/* At dawn bands are as narrow as the errors: far outside of one is no bust when it is next to
 * nothing. */
static void next_to_nothing_is_no_bust(void **state)
{
    (void)state;
    struct trouble trouble = {0};
    after(&trouble, 5.0, 1000);
    for (int i = 0; i < 30; i++)
        trouble_judge(&trouble, 0.003, 0.001);
    assert_int_equal(trouble.state, FORECAST_SOUND);
}

/* Errors are three times as large for days while the band holds them. */
static void drift_and_usual_again(void **state)
{
    (void)state;
    struct trouble trouble = {0};
    after(&trouble, 4.0, 2000);
    assert_int_equal(after(&trouble, 12.0, 30), FORECAST_SOUND);
    assert_int_equal(after(&trouble, 12.0, 200), FORECAST_DRIFT);
    assert_int_equal(after(&trouble, 12.0, 6000), FORECAST_SOUND); /* it has become the usual */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights),
        cmocka_unit_test(one_bad_hour),
        cmocka_unit_test(the_first_never_errs),
        cmocka_unit_test(hours_in_order),
        cmocka_unit_test(bust_and_back),
        cmocka_unit_test(next_to_nothing_is_no_bust),
        cmocka_unit_test(drift_and_usual_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
