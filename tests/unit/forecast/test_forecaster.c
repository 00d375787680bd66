/* What every forecast must be, whatever comes in, and what the models must achieve. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "controller/forecast/forecast_model.h"
#include "tests/unit/forecast/series.h"

static const struct forecaster_config MADRID = {.latitude_deg = 40.4, .longitude_deg = -3.7};

static struct forecaster *fresh(void)
{
    struct error error;
    struct forecaster *forecaster = forecaster_create(&MADRID, &error);
    assert_non_null(forecaster);
    return forecaster;
}

static double clear_sky(int64_t step)
{
    static struct sun_table table;
    static bool ready;
    if (!ready)
        sun_table_init(&table, MADRID.latitude_deg, MADRID.longitude_deg);
    ready = true;
    return sun_table_clear_sky_w_m2(&table, step_of(step_ms(step)));
}

/* Whoever produces at night is believed, so garbage may shine then. */
static bool nights_are_dark = true;

static void check_sane(const struct forecast *forecast, int64_t first_step)
{
    bool never_negative = forecast->series != SERIES_PRICE && forecast->series != SERIES_PRICE_RT &&
                          forecast->series != SERIES_TEMP && forecast->series != SERIES_WET_BULB;
    assert_int_equal(forecast->steps, FORECAST_STEPS);
    assert_int_equal(forecast->start_ms, step_ms(first_step));
    for (int32_t i = 0; i < FORECAST_STEPS; i++) {
        for (int q = 0; q < QUANTILES; q++) {
            float value = forecast->value[i][q];
            assert_true(isfinite(value));
            assert_true(q == 0 || value >= forecast->value[i][q - 1]);
            assert_true(!never_negative || value >= 0.0f);
            if (nights_are_dark && forecast->series == SERIES_PV &&
                clear_sky(first_step + i) == 0.0)
                assert_true(value == 0.0f);
        }
    }
}

static void nothing_known_nothing_said(void **state)
{
    (void)state;
    struct forecaster *forecaster = fresh();
    struct forecast forecast;
    struct forecast_score scores[FORECAST_SERIES * SCORE_LEADS];
    for (int series = 0; series < FORECAST_SERIES; series++) {
        forecaster_observe(forecaster, series, step_ms(0), (double)NAN);
        forecaster_now(forecaster, series, step_ms(0), (double)INFINITY);
        forecaster_issue(forecaster, series, step_ms(5), &forecast);
        assert_int_equal(forecast.steps, 0);
        assert_string_equal(forecast.model, "none");
    }
    assert_int_equal(forecaster_scores(forecaster, scores, FORECAST_SERIES * SCORE_LEADS), 0);
    forecaster_destroy(forecaster);
}

static void position_must_be_on_earth(void **state)
{
    (void)state;
    struct error error;
    assert_null(forecaster_create(&(struct forecaster_config){91.0, 0.0}, &error));
    assert_non_null(strstr(error.text, "latitude"));
    assert_null(forecaster_create(&(struct forecaster_config){(double)NAN, 0.0}, &error));
}

/* One instant value is enough to persist, and the further ahead the less sure. */
static void first_minutes_persist_and_widen(void **state)
{
    (void)state;
    struct forecaster *forecaster = fresh();
    struct forecast forecast;
    int64_t noon = 48;
    for (int series = SERIES_WIND; series < FORECAST_SERIES; series++) {
        forecaster_now(forecaster, series, step_ms(noon), 150.0);
        forecaster_issue(forecaster, series, step_ms(noon) + 1000, &forecast);
        check_sane(&forecast, noon);
        assert_string_equal(forecast.model, "persistence");
        for (int32_t i = 0; i < FORECAST_STEPS; i++)
            assert_near(forecast.value[i][QUANTILE_MEDIAN], 150.0f, 1e-3);
        for (int32_t i = 1; i < FORECAST_STEPS; i++)
            assert_true(forecast.value[i][4] > forecast.value[i - 1][4]);
    }
    forecaster_destroy(forecaster);
}

static void first_night_of_pv(void **state)
{
    (void)state;
    struct forecaster *forecaster = fresh();
    struct forecast forecast;
    for (int64_t step = 0; step < 8; step++)
        forecaster_observe(forecaster, SERIES_PV, step_ms(step), -12.0);
    forecaster_issue(forecaster, SERIES_PV, step_ms(8), &forecast);
    check_sane(&forecast, 8);
    assert_string_equal(forecast.model, "persistence");
    assert_true(forecast.value[48][QUANTILES - 1] > 500.0f); /* unknown is not none */
    forecaster_destroy(forecaster);
}

/* One sunny instant already tells the plant's size, so noon is not forecast for the evening. */
static void first_sun_of_pv(void **state)
{
    (void)state;
    struct forecaster *forecaster = fresh();
    struct forecast forecast;
    forecaster_now(forecaster, SERIES_PV, step_ms(48), 300.0 * clear_sky(48));
    forecaster_issue(forecaster, SERIES_PV, step_ms(48), &forecast);
    check_sane(&forecast, 48);
    assert_string_equal(forecast.model, "clear_sky");
    for (int32_t i = 0; i < FORECAST_STEPS; i++)
        assert_near(forecast.value[i][QUANTILE_MEDIAN], 300.0 * clear_sky(48 + i), 1.0);
    forecaster_destroy(forecaster);
}

/* The kinds of trouble that a series can be. */
enum trouble {
    CONSTANT,
    ZEROS,
    NEGATIVE,
    SPIKES,
    GAPS,
    NOT_NUMBERS,
    HUGE_JUMPS,
    TINY,
    WILD,
    TROUBLES
};

static double troubled(enum trouble trouble, struct noise *noise, int64_t step)
{
    double chance = noise_uniform(noise);
    switch (trouble) {
    case CONSTANT:
        return 400.0;
    case ZEROS:
        return 0.0;
    case NEGATIVE:
        return -80.0 + 30.0 * noise_normal(noise);
    case SPIKES:
        return chance < 0.01 ? 1e9 : 50.0 + noise_normal(noise);
    case GAPS:
        return chance < 0.7 ? (double)NAN : diurnal(step, 100.0, 50.0);
    case NOT_NUMBERS:
        return chance < 0.3 ? (double)NAN : chance < 0.5 ? (double)INFINITY : -(double)INFINITY;
    case HUGE_JUMPS:
        return chance < 0.5 ? 1e15 : -1e15;
    case TINY:
        return 1e-44 * chance;
    case WILD:
        return noise_normal(noise) * pow(10.0, 30.0 * chance - 10.0);
    case TROUBLES:
        break;
    }
    return 0.0;
}

static void sane_whatever_comes_in(void **state)
{
    (void)state;
    nights_are_dark = false;
    for (int trouble = 0; trouble < TROUBLES; trouble++) {
        struct noise noise = {(uint64_t)trouble + 1};
        struct forecaster *forecaster = fresh();
        struct forecast forecast;
        for (int64_t step = 0; step < 700; step++) {
            for (int series = 0; series < FORECAST_SERIES; series++) {
                double value = troubled(trouble, &noise, step);
                if (step % 13 == 0 || (step > 300 && step % 3 == 0)) {
                    forecaster_now(forecaster, series, step_ms(step) + 20, value);
                    forecaster_issue(forecaster, series, step_ms(step) + 30, &forecast);
                    if (forecast.steps > 0)
                        check_sane(&forecast, step);
                }
                forecaster_observe(forecaster, series, step_ms(step), value);
            }
        }
        struct forecast_score scores[FORECAST_SERIES * SCORE_LEADS];
        int rows = forecaster_scores(forecaster, scores, FORECAST_SERIES * SCORE_LEADS);
        for (int i = 0; i < rows; i++) {
            assert_true(isfinite(scores[i].mae) && isfinite(scores[i].bias));
            assert_true(isfinite(scores[i].pinball) && scores[i].pinball >= 0.0);
            assert_true(scores[i].coverage >= 0.0 && scores[i].coverage <= 1.0);
        }
        forecaster_destroy(forecaster);
    }
    nights_are_dark = true;
}

/* Long silence: what is older than the history is not known any more. */
static void old_news_is_no_news(void **state)
{
    (void)state;
    struct forecaster *forecaster = fresh();
    struct forecast forecast;
    forecaster_observe(forecaster, SERIES_PRICE, step_ms(0), 50.0);
    forecaster_issue(forecaster, SERIES_PRICE, step_ms(LIMIT_HISTORY_SLOTS), &forecast);
    assert_int_equal(forecast.steps, FORECAST_STEPS);
    forecaster_issue(forecaster, SERIES_PRICE, step_ms(LIMIT_HISTORY_SLOTS + 1), &forecast);
    assert_int_equal(forecast.steps, 0);
    forecaster_destroy(forecaster);
}

static void out_of_order_is_ignored(void **state)
{
    (void)state;
    struct forecaster *one = fresh(), *other = fresh();
    struct forecast a, b;
    for (int64_t step = 0; step < 300; step++) {
        forecaster_observe(one, SERIES_CARBON, step_ms(step), diurnal(step, 200.0, 50.0));
        forecaster_observe(other, SERIES_CARBON, step_ms(step), diurnal(step, 200.0, 50.0));
        forecaster_observe(other, SERIES_CARBON, step_ms(step), 900.0);
        forecaster_observe(other, SERIES_CARBON, step_ms(step - 5), 900.0);
    }
    forecaster_issue(one, SERIES_CARBON, step_ms(300), &a);
    forecaster_issue(other, SERIES_CARBON, step_ms(300), &b);
    assert_memory_equal(a.value, b.value, sizeof(a.value));
    forecaster_destroy(one);
    forecaster_destroy(other);
}

/* The history after the start of a forecast is not in the view, whatever it is. */
static void models_cannot_peek(void **state)
{
    (void)state;
    static const struct forecast_model *const models[] = {&clear_sky_model,   &wind_model,
                                                          &seasonal_model,    &load_model,
                                                          &temperature_model, &persistence_model};
    static struct history truth, shifted;
    static struct forecast_view view, view_shifted;
    static struct outlook outlook, outlook_shifted;
    static struct sun_table sun;
    struct noise noise = {11};
    int64_t origin = step_of(step_ms(1000));
    history_init(&truth);
    history_init(&shifted);
    sun_table_init(&sun, MADRID.latitude_deg, MADRID.longitude_deg);
    for (int64_t step = 0; step < 1500; step++) {
        double value = diurnal(step, 100.0, 60.0) + noise_normal(&noise);
        history_add(&truth, step_of(step_ms(step)), value);
        history_add(&shifted, step_of(step_ms(step)), step < 1000 ? value : 5.0 * value + 77.0);
    }
    view.known = history_before(&truth, origin, view.past);
    view_shifted.known = history_before(&shifted, origin, view_shifted.past);
    view.end_step = view_shifted.end_step = origin;
    view.present_step = view_shifted.present_step = origin - 1;
    view.present = view_shifted.present = (double)view.past[LIMIT_HISTORY_SLOTS - 1];
    view.sun = view_shifted.sun = &sun;
    assert_int_equal(view.known, 1000);
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        assert_true(models[i]->predict(&view, &outlook));
        assert_true(models[i]->predict(&view_shifted, &outlook_shifted));
        assert_memory_equal(&outlook, &outlook_shifted, sizeof(outlook));
    }
}

/* Whole forecasts: two sites with the same past say the same, however their futures differ. */
static void future_changes_nothing(void **state)
{
    (void)state;
    for (int series = 0; series < FORECAST_SERIES; series++) {
        struct forecaster *one = fresh(), *other = fresh();
        struct forecast a, b;
        struct noise noise = {5}, future = {6};
        for (int64_t step = 0; step < 900; step++) {
            double value = fmax(0.0, clear_sky(step) * 100.0 + 5.0 * noise_normal(&noise));
            if (step == 600) {
                forecaster_issue(one, series, step_ms(step), &a);
                forecaster_issue(other, series, step_ms(step), &b);
                assert_memory_equal(a.value, b.value, sizeof(a.value));
            }
            forecaster_observe(one, series, step_ms(step), value);
            forecaster_observe(other, series, step_ms(step),
                               step < 600 ? value : value * 9.0 * noise_uniform(&future));
        }
        forecaster_issue(one, series, step_ms(900), &a);
        forecaster_issue(other, series, step_ms(900), &b);
        assert_memory_not_equal(a.value, b.value, sizeof(a.value));
        forecaster_destroy(one);
        forecaster_destroy(other);
    }
}

/* A restart that imports the history forecasts as if the daemon had lived through it. */
static void import_equals_life(void **state)
{
    (void)state;
    for (int series = 0; series < FORECAST_SERIES; series++) {
        struct forecaster *lived = fresh(), *imported = fresh();
        struct forecast a, b;
        struct noise noise = {71};
        for (int64_t step = 0; step < 800; step++) {
            double value = fmax(0.0, clear_sky(step) * 100.0 + 5.0 * noise_normal(&noise));
            forecaster_issue(lived, series, step_ms(step), &a);
            forecaster_observe(lived, series, step_ms(step), value);
            forecaster_observe(imported, series, step_ms(step), value);
        }
        forecaster_issue(lived, series, step_ms(800), &a);
        forecaster_issue(imported, series, step_ms(800), &b);
        assert_memory_equal(a.value, b.value, sizeof(a.value));
        forecaster_destroy(lived);
        forecaster_destroy(imported);
    }
}

struct result {
    double mae, persistence_mae;
    struct forecast_score scores[SCORE_LEADS];
    int rows;
};

enum { IMPORT_STEPS = 21 * DAY_STEPS };

/* Imports three weeks, then lives through `days` of `truth` with an issue every quarter hour. */
static struct result live(enum forecast_series series, const double *truth, int64_t days)
{
    struct forecaster *forecaster = fresh();
    struct result result = {0};
    int64_t end = IMPORT_STEPS + days * DAY_STEPS, count = 0;
    for (int64_t step = 0; step < end; step++) {
        struct forecast forecast;
        if (step >= IMPORT_STEPS) {
            forecaster_issue(forecaster, series, step_ms(step), &forecast);
            for (int64_t i = 0; i < FORECAST_STEPS && step + i < end; i++, count++) {
                double value = (double)forecast.value[i][QUANTILE_MEDIAN];
                result.mae += fabs(value - truth[step + i]);
                result.persistence_mae += fabs(truth[step - 1] - truth[step + i]);
            }
        }
        forecaster_observe(forecaster, series, step_ms(step), truth[step]);
    }
    result.mae /= (double)count;
    result.persistence_mae /= (double)count;
    result.rows = forecaster_scores(forecaster, result.scores, SCORE_LEADS);
    forecaster_destroy(forecaster);
    return result;
}

enum { LIFE_DAYS = 14, LIFE_STEPS = IMPORT_STEPS + LIFE_DAYS * DAY_STEPS };
static double truth[LIFE_STEPS];

static void check_coverage(const struct result *result, double least, double most)
{
    assert_int_equal(result->rows, SCORE_LEADS);
    for (int i = 0; i < result->rows; i++) {
        const struct forecast_score *score = &result->scores[i];
        assert_int_equal(score->lead, i);
        if (score->coverage < least || score->coverage > most)
            fail_msg("coverage %.3f at %d h", score->coverage, forecast_lead_h[i]);
    }
}

static void beats_persistence_on_a_daily_wave(void **state)
{
    (void)state;
    static const enum forecast_series all[] = {SERIES_WIND, SERIES_PRICE, SERIES_CARBON,
                                               SERIES_BASE_IT, SERIES_TEMP};
    for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
        struct noise noise = {n + 21};
        for (int64_t step = 0; step < LIFE_STEPS; step++)
            truth[step] = diurnal(step, 300.0, 100.0) + 10.0 * noise_normal(&noise);
        struct result result = live(all[n], truth, LIFE_DAYS);
        assert_true(result.mae < 0.25 * result.persistence_mae);
    }
}

static void knows_the_weekend(void **state)
{
    (void)state;
    struct noise noise = {31};
    for (int64_t step = 0; step < LIFE_STEPS; step++)
        truth[step] = (step / DAY_STEPS % 7 >= 5 ? 200.0 : 300.0) + 5.0 * noise_normal(&noise);
    struct result result = live(SERIES_BASE_IT, truth, LIFE_DAYS);
    assert_true(result.mae < 0.4 * result.persistence_mae);
}

static void covers_stationary_noise(void **state)
{
    (void)state;
    struct noise noise = {41};
    double drift = 0.0;
    for (int64_t step = 0; step < LIFE_STEPS; step++)
        truth[step] = 300.0 + 20.0 * noise_normal(&noise);
    struct result result = live(SERIES_PRICE, truth, LIFE_DAYS);
    check_coverage(&result, 0.85, 0.95);
    for (int64_t step = 0; step < LIFE_STEPS; step++) {
        drift = 0.95 * drift + noise_normal(&noise);
        truth[step] = diurnal(step, 300.0, 100.0) + 10.0 * drift;
    }
    result = live(SERIES_CARBON, truth, LIFE_DAYS);
    check_coverage(&result, 0.80, 0.99);
}

/* Three lives, because two weeks hold no more than some forty different skies. */
static void pv_follows_sun_and_clouds(void **state)
{
    (void)state;
    enum { LIVES = 3 };
    struct result mean = {.rows = SCORE_LEADS};
    for (int n = 0; n < LIVES; n++) {
        struct noise noise = {51 + (uint64_t)n};
        double cloud = 0.0;
        for (int64_t step = 0; step < LIFE_STEPS; step++) {
            cloud = 0.97 * cloud + 0.05 * noise_normal(&noise);
            truth[step] = 400.0 * clear_sky(step) * fmax(0.1, fmin(1.0, 0.8 + cloud));
        }
        struct result result = live(SERIES_PV, truth, LIFE_DAYS);
        assert_true(result.mae < 0.25 * result.persistence_mae);
        /* The clouds of now tell more about the next hour than about the day after tomorrow. */
        assert_true(result.scores[0].mae < 0.6 * result.scores[SCORE_LEADS - 1].mae);
        for (int i = 0; i < SCORE_LEADS; i++) {
            mean.scores[i].lead = i;
            mean.scores[i].coverage += result.scores[i].coverage / LIVES;
        }
    }
    check_coverage(&mean, 0.80, 0.99);
}

/* The figures themselves, on a case small enough for a pencil. */
static void scores_add_up(void **state)
{
    (void)state;
    struct forecaster *forecaster = fresh();
    struct forecast forecast;
    struct forecast_score score;
    forecaster_now(forecaster, SERIES_TEMP, step_ms(0), 20.0);
    forecaster_issue(forecaster, SERIES_TEMP, step_ms(0), &forecast);
    assert_int_equal(forecaster_scores(forecaster, &score, 1), 0);
    forecaster_observe(forecaster, SERIES_TEMP, step_ms(0), 17.0);
    assert_int_equal(forecaster_scores(forecaster, &score, 1), 1);
    double pinball = 0.0;
    for (int q = 0; q < QUANTILES; q++) {
        double over = 17.0 - (double)forecast.value[0][q];
        pinball +=
            fmax(forecast_quantiles[q] * over, (forecast_quantiles[q] - 1.0) * over) / QUANTILES;
    }
    assert_int_equal(score.series, SERIES_TEMP);
    assert_int_equal(score.lead, 0);
    assert_int_equal(score.count, 1);
    assert_near(score.mae, 3.0, 1e-6);
    assert_near(score.bias, 3.0, 1e-6);
    assert_near(score.pinball, pinball, 1e-6);
    assert_true(score.coverage == 0.0);
    forecaster_observe(forecaster, SERIES_TEMP, step_ms(1), 20.5);
    forecaster_scores(forecaster, &score, 1);
    assert_int_equal(score.count, 2);
    assert_near(score.mae, 1.75, 1e-6);
    assert_near(score.bias, 1.25, 1e-6);
    assert_near(score.coverage, 0.5, 1e-9);
    forecaster_destroy(forecaster);
}

/* Three weeks of import teach the band: the first live forecast is as narrow as it should be. */
static void import_warms_the_band(void **state)
{
    (void)state;
    struct forecaster *forecaster = fresh();
    struct forecast forecast;
    struct noise noise = {61};
    for (int64_t step = 0; step < IMPORT_STEPS; step++)
        forecaster_observe(forecaster, SERIES_WIND, step_ms(step),
                           500e3 + 1e3 * noise_normal(&noise));
    forecaster_issue(forecaster, SERIES_WIND, step_ms(IMPORT_STEPS), &forecast);
    assert_string_equal(forecast.model, "wind");
    float width = forecast.value[100][4] - forecast.value[100][0];
    assert_true(width > 2.5e3f && width < 5e3f); /* 3.3 standard deviations */
    forecaster_destroy(forecaster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_known_nothing_said),
        cmocka_unit_test(position_must_be_on_earth),
        cmocka_unit_test(first_minutes_persist_and_widen),
        cmocka_unit_test(first_night_of_pv),
        cmocka_unit_test(first_sun_of_pv),
        cmocka_unit_test(sane_whatever_comes_in),
        cmocka_unit_test(old_news_is_no_news),
        cmocka_unit_test(out_of_order_is_ignored),
        cmocka_unit_test(models_cannot_peek),
        cmocka_unit_test(future_changes_nothing),
        cmocka_unit_test(import_equals_life),
        cmocka_unit_test(beats_persistence_on_a_daily_wave),
        cmocka_unit_test(knows_the_weekend),
        cmocka_unit_test(covers_stationary_noise),
        cmocka_unit_test(pv_follows_sun_and_clouds),
        cmocka_unit_test(scores_add_up),
        cmocka_unit_test(import_warms_the_band),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
