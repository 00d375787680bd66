/* The twin's weather and market: deterministic, a pure function of time, plausible, and
 * replaceable by measured series. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "controller/base/utc.h"
#include "tools/twin/exogenous.h"
#include "tools/twin/history.h"
#include "tools/twin/physics.h"

static const int64_t START_MS = INT64_C(1780272000000); /* 2026-06-01 */

static void init(struct exogenous *exogenous, uint64_t seed)
{
    struct exogenous_config config = {.seed = seed, .latitude_deg = 37.4, .longitude_deg = -6};

    assert_int_equal(exogenous_init(exogenous, &config, NULL), 0);
}

static void same_seed_same_world_in_any_order(void **state)
{
    struct exogenous forth, back;
    struct outside seen[500], now;

    (void)state;
    init(&forth, 5);
    init(&back, 5);
    for (int i = 0; i < 500; i++)
        exogenous_at(&forth, START_MS + i * INT64_C(777777), &seen[i]);
    for (int i = 499; i >= 0; i--) {
        exogenous_at(&back, START_MS + i * INT64_C(777777), &now);
        assert_memory_equal(&now, &seen[i], sizeof(now));
    }
}

static void other_seeds_are_other_worlds(void **state)
{
    struct exogenous a, b;
    struct outside now_a, now_b;

    (void)state;
    init(&a, 5);
    init(&b, 6);
    exogenous_at(&a, START_MS, &now_a);
    exogenous_at(&b, START_MS, &now_b);
    assert_true(now_a.temp_outdoor_c != now_b.temp_outdoor_c);
    assert_true(now_a.wind_m_s != now_b.wind_m_s);
}

/* Evenings must be dearer and dirtier than noons, or shifting load would gain nothing. */
static void a_year_is_plausible(void **state)
{
    double noon_price = 0, evening_price = 0, noon_carbon = 0, evening_carbon = 0;
    double night_price = 0, january_c = 0, july_c = 0;
    struct exogenous exogenous;

    (void)state;
    init(&exogenous, 1);
    for (int day = 0; day < 365; day++) {
        int64_t midnight_ms = START_MS + day * (int64_t)DAY_MS;
        struct outside now;

        exogenous_at(&exogenous, midnight_ms, &now);
        assert_true(now.irradiance_w_m2 == 0);
        night_price += now.price_per_mwh / 365;
        exogenous_at(&exogenous, midnight_ms + 13 * HOUR_MS, &now);
        assert_true(now.irradiance_w_m2 > 0 && now.irradiance_w_m2 < 1150);
        assert_true(now.temp_outdoor_c > -15 && now.temp_outdoor_c < 45);
        assert_true(now.temp_wet_bulb_c <= now.temp_outdoor_c);
        assert_true(fabs(now.price_realtime_per_mwh - now.price_per_mwh) < 60);
        assert_true(now.wind_m_s >= 0 && now.base_it_w > 1.5e5 && now.base_it_w < 3.6e5);
        noon_price += now.price_per_mwh / 365;
        noon_carbon += now.carbon_g_per_kwh / 365;
        july_c += day >= 30 && day < 61 ? now.temp_outdoor_c / 31 : 0;
        january_c += day >= 214 && day < 245 ? now.temp_outdoor_c / 31 : 0;
        exogenous_at(&exogenous, midnight_ms + 20 * HOUR_MS, &now);
        evening_price += now.price_per_mwh / 365;
        evening_carbon += now.carbon_g_per_kwh / 365;
    }
    assert_true(evening_price > 1.5 * noon_price && evening_price > 1.5 * night_price);
    assert_true(evening_carbon > 1.5 * noon_carbon);
    assert_true(july_c > january_c + 10);
}

static void noise_has_mean_0_and_variance_1(void **state)
{
    struct noise noise;
    double sum = 0, squares = 0, neighbours = 0, before;

    (void)state;
    noise_init(&noise, 3, 1, 1000, 10000);
    before = noise_at(&noise, -1000);
    for (int i = 0; i < 200000; i++) {
        double value = noise_at(&noise, i * INT64_C(1000));

        sum += value;
        squares += value * value;
        neighbours += value * before;
        before = value;
    }
    assert_true(fabs(sum / 200000) < 0.05);
    assert_true(fabs(squares / 200000 - 1) < 0.05);
    assert_true(fabs(neighbours / squares - exp(-0.1)) < 0.02);
}

struct folder {
    char path[64];
};

static void file_in(const struct folder *folder, const char *name, const char *text,
                    char ret_path[128])
{
    FILE *file;

    snprintf(ret_path, 128, "%s/%s", folder->path, name);
    file = fopen(ret_path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_folder(void **state)
{
    static struct folder folder;

    strcpy(folder.path, "/tmp/twin-test-XXXXXX");
    *state = &folder;
    return mkdtemp(folder.path) == NULL;
}

static int remove_folder(void **state)
{
    const struct folder *folder = *state;

    return rmdir(folder->path);
}

static void measured_carbon_replaces_the_generated(void **state)
{
    struct exogenous_config config = {.seed = 1, .start_ms = START_MS};
    struct exogenous exogenous;
    struct outside now;
    struct error error;
    char path[128];

    file_in(*state, "grid.csv",
            "time_utc,carbon_direct_g_per_kwh,solar_mw\n"
            "2021-06-01T00:00:00Z,,1\n2021-06-01T01:00:00Z,100,1\n2021-06-01T02:00:00Z,200,1\n",
            path);
    config.grid_path = path;
    assert_int_equal(utc_parse("2021-06-01T01:30:00Z", &config.data_shift_ms, NULL), 0);
    config.data_shift_ms -= START_MS;
    assert_int_equal(exogenous_init(&exogenous, &config, NULL), 0);
    exogenous_at(&exogenous, START_MS, &now);
    assert_true(fabs(now.carbon_g_per_kwh - 150) < 1e-9);
    exogenous_finish(&exogenous);
    config.data_shift_ms = 0;
    assert_true(exogenous_init(&exogenous, &config, &error) < 0);
    assert_non_null(strstr(error.text, "--data-from"));
    unlink(path);
}

/* Radiation means of 6 h are split into their halves; the day begins where the last one ended. */
static void measured_weather_is_unpacked(void **state)
{
    struct series temp = {0}, wind = {0}, irradiance = {0};
    struct error error;
    int64_t issue_ms;
    char path[128];

    file_in(*state, "weather.csv",
            "issue_utc,lead_h,temp_c,dewpoint_c,ghi_w_m2,wind_m_s\n"
            "2021-06-01T00:00:00Z,0,10,5,,2\n2021-06-01T00:00:00Z,3,13,5,100,4\n"
            "2021-06-01T00:00:00Z,6,16,5,200,6\n2021-06-01T00:00:00Z,27,99,5,9,9\n",
            path);
    utc_parse("2021-06-01T00:00:00Z", &issue_ms, NULL);
    assert_int_equal(series_load_weather(&temp, &wind, &irradiance, path, &error), 0);
    assert_int_equal(temp.count, 3);
    assert_true(fabs(series_linear(&temp, issue_ms + HOUR_MS) - 11) < 1e-9);
    assert_true(series_hold(&irradiance, issue_ms + HOUR_MS) == 100);
    assert_true(series_hold(&irradiance, issue_ms + 4 * HOUR_MS) == 300);
    series_finish(&temp);
    series_finish(&wind);
    series_finish(&irradiance);
    unlink(path);
}

/* A forecast that stayed out leaves the neighbours of its hours; half a radiation mean that did
 * leaves the whole one. */
static void empty_weather_cells_are_bridged(void **state)
{
    struct exogenous exogenous;
    struct outside outside;
    struct error error;
    char path[128], text[LIMIT_ERROR_TEXT];
    struct exogenous_config config = {.weather_path = path};

    file_in(*state, "weather.csv",
            "issue_utc,lead_h,temp_c,dewpoint_c,ghi_w_m2,wind_m_s\n"
            "2021-06-01T00:00:00Z,0,10,5,,2\n2021-06-01T00:00:00Z,3,,,,\n"
            "2021-06-01T00:00:00Z,6,16,5,50,8\n2021-06-01T00:00:00Z,9,16,5,80,8\n"
            "2021-06-01T00:00:00Z,12,16,5,,8\n2021-06-01T00:00:00Z,15,16,5,80,8\n",
            path);
    utc_parse("2021-06-01T00:00:00Z", &config.start_ms, NULL);
    if (exogenous_init(&exogenous, &config, &error) < 0)
        fail_msg("%s", error.text);
    exogenous_at(&exogenous, config.start_ms + 3 * HOUR_MS, &outside);
    assert_true(fabs(outside.temp_outdoor_c - 13) < 1e-9);
    assert_true(fabs(outside.wind_m_s - 1.34 * 5) < 1e-9);
    assert_true(series_hold(&exogenous.irradiance_w_m2, config.start_ms) == 50);
    assert_true(series_hold(&exogenous.irradiance_w_m2, config.start_ms + 4 * HOUR_MS) == 50);
    assert_true(series_hold(&exogenous.irradiance_w_m2, config.start_ms + 10 * HOUR_MS) == 80);
    exogenous_bridged(&exogenous, text, sizeof(text));
    assert_non_null(
        strstr(text, "has no temp_c from 2021-06-01T00:00:00Z to 2021-06-01T06:00:00Z"));
    assert_non_null(strstr(text, "has no ghi_w_m2 from 2021-06-01T06:00:00Z"));
    exogenous_finish(&exogenous);
    unlink(path);
}

static void weather_with_too_little_is_refused(void **state)
{
    static const struct {
        const char *rows, *told;
    } CASES[] = {
        {"2021-06-01T00:00:00Z,0,,5,,2\n2021-06-01T00:00:00Z,3,,5,9,2\n",
         "column temp_c has no value"},
        {"2021-06-01T00:00:00Z,0,1,5,,\n2021-06-01T00:00:00Z,3,1,5,9,\n",
         "column wind_m_s has no value"},
        {"2021-06-01T00:00:00Z,0,1,5,,2\n2021-06-01T00:00:00Z,3,1,5,,2\n",
         "column ghi_w_m2 has no value"},
        {"2021-06-01T00:00:00Z,0,1,5,,2\n2021-06-01T00:00:00Z,3,1,5,9,2\n"
         "2021-06-03T00:00:00Z,0,1,5,,2\n2021-06-03T00:00:00Z,6,1,5,9,2\n",
         "has no ghi_w_m2 from 2021-06-01T00:00:00Z to 2021-06-03T00:00:00Z, more than the 12 h"},
        {"2021-06-01T00:00:00Z,0,1,5,,2\n2021-06-01T00:00:00Z,3,x,5,9,2\n",
         "weather.csv:3: temp_c is \"x\", no number"},
    };
    struct exogenous exogenous;
    struct error error;
    char path[128], text[512];
    struct exogenous_config config = {.weather_path = path};

    utc_parse("2021-06-01T00:00:00Z", &config.start_ms, NULL);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        snprintf(text, sizeof(text), "issue_utc,lead_h,temp_c,dewpoint_c,ghi_w_m2,wind_m_s\n%s",
                 CASES[i].rows);
        file_in(*state, "weather.csv", text, path);
        assert_true(exogenous_init(&exogenous, &config, &error) < 0);
        if (!strstr(error.text, CASES[i].told))
            fail_msg("%s, not %s", error.text, CASES[i].told);
        unlink(path);
    }
}

static void bad_series_name_file_and_line(void **state)
{
    struct series series;
    struct error error;
    char path[128];

    file_in(*state, "bad.csv", "time_utc,carbon\n2021-06-01T00:00:00Z,1\n2021-06-01T01:00:00Z,x\n",
            path);
    assert_true(series_load(&series, path, "time_utc", "price", &error) < 0);
    assert_non_null(strstr(error.text, "bad.csv:1: no column is called price"));
    assert_true(series_load(&series, path, "time_utc", "carbon", &error) < 0);
    assert_non_null(strstr(error.text, "bad.csv:3"));
    unlink(path);
}

static void history_ends_where_the_plant_begins(void **state)
{
    struct exogenous exogenous;
    char path[128], line[128], last[128] = "";
    FILE *file;
    int rows = 0;

    file_in(*state, "history.csv", "", path);
    init(&exogenous, 1);
    assert_int_equal(history_write(path, &exogenous, START_MS + 7, 2, NULL), 0);
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        strcpy(last, line);
        rows++;
    }
    fclose(file);
    assert_int_equal(rows, 1 + 2 * 96 * 8);
    assert_int_equal(strncmp(last, "2026-05-31T23:45:00Z,", 21), 0);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_world_in_any_order),
        cmocka_unit_test(other_seeds_are_other_worlds),
        cmocka_unit_test(a_year_is_plausible),
        cmocka_unit_test(noise_has_mean_0_and_variance_1),
        cmocka_unit_test(measured_carbon_replaces_the_generated),
        cmocka_unit_test(measured_weather_is_unpacked),
        cmocka_unit_test(empty_weather_cells_are_bridged),
        cmocka_unit_test(weather_with_too_little_is_refused),
        cmocka_unit_test(bad_series_name_file_and_line),
        cmocka_unit_test(history_ends_where_the_plant_begins),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
