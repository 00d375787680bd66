/* The auditor's views and queries against the controller's own arithmetic: two independent ways
 * from the same counters to the same PUE. */
#include "tests/unit/store/fixture.h"

#include "controller/plant/pue.h"
#include "tests/unit/store/query_folder.h"

enum { QUARTERS = 3 * 96 };

/* Every counter, and the power of the PDU that has none. */
static bool meters_energy(const struct site *site, int32_t point)
{
    const struct point *p = &site->topology->points[point];
    return point_kind_class(p->kind) == POINT_CLASS_COUNTER ||
           point == point_of(site, "pdu-b", POINT_POWER);
}

static enum quality random_quality(uint32_t *random)
{
    uint32_t n = next_random(random) % 200;
    return n < 1 ? QUALITY_MISSING : n < 20 ? QUALITY_ESTIMATED : QUALITY_GOOD;
}

static int64_t random_energy(const struct site *site, int32_t point, uint32_t *random)
{
    bool utility =
        site->topology->devices[site->topology->points[point].device].role == ROLE_UTILITY;
    bool import = site->topology->points[point].kind == POINT_ENERGY_IMPORT;
    return next_random(random) % 10000000 + (utility && import ? 200000000 : 0);
}

static void fill_quarter(struct site *site, int quarter, int64_t *counters, uint32_t *random)
{
    site->output.interval_count = 0;
    for (int32_t p = 0; p < site->topology->point_count; p++) {
        int64_t start = counters[p];
        if (!meters_energy(site, p))
            continue;
        counters[p] += random_energy(site, p, random);
        if (next_random(random) % 300 == 0)
            continue; /* never arrived: an unknown part, and a break in the chain */
        add_interval(&site->output, p, T0 + quarter * (int64_t)QUARTER_MS, start, counters[p],
                     random_quality(random));
        site->output.intervals[site->output.interval_count - 1].coverage =
            next_random(random) % 100 / 100.0;
    }
}

/* All rows of a view in one go: it recomputes everything each time it is asked. */
struct figures {
    int64_t start_ms;
    int category;
    double pue, facility_wh, it_wh, quality, coverage_pct;
};

static int read_figures(const struct site *site, const char *sql, struct figures *ret_rows)
{
    sqlite3 *db;
    sqlite3_stmt *rows;
    int count = 0;
    assert_int_equal(sqlite3_open(site->config.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &rows, NULL), SQLITE_OK);
    while (sqlite3_step(rows) == SQLITE_ROW) {
        double reals[5];
        for (int c = 0; c < 5; c++)
            reals[c] = sqlite3_column_type(rows, 2 + c) == SQLITE_NULL
                           ? (double)NAN
                           : sqlite3_column_double(rows, 2 + c);
        assert_true(count < 2 * QUARTERS);
        ret_rows[count++] = (struct figures){sqlite3_column_int64(rows, 0),
                                             sqlite3_column_int(rows, 1),
                                             reals[0],
                                             reals[1],
                                             reals[2],
                                             reals[3],
                                             reals[4]};
    }
    sqlite3_finalize(rows);
    sqlite3_close(db);
    return count;
}

static void assert_same(double answer, double expected)
{
    if (isnan(expected) ? !isnan(answer) : !(fabs(answer - expected) < 1e-9 * (1 + expected)))
        fail_msg("%.12g, expected %.12g", answer, expected);
}

static void assert_quarter(const struct figures *row, const struct pue *pue)
{
    assert_int_equal(row->start_ms, pue->start_ms);
    assert_int_equal(row->category, pue->category);
    assert_same(row->pue, pue->value);
    assert_same(row->pue * row->it_wh, pue->facility_wh);
    assert_same(row->quality, (double)pue->quality);
    if (!isnan(pue->value))
        assert_same(row->coverage_pct, 100 * pue->coverage);
}

static void assert_day(const struct figures *row, const struct pue quarters[QUARTERS][3])
{
    struct pue_sum sum;
    struct pue pue;
    pue_sum_begin(&sum, row->start_ms, row->start_ms + DAY_MS, row->category);
    int first = (int)((row->start_ms - T0) / QUARTER_MS);
    for (int q = first; q < first + 96; q++)
        pue_sum_add(&sum, &quarters[q][row->category - 1]);
    pue_sum_read(&sum, &pue);
    assert_same(row->pue, pue.value);
    assert_same(row->facility_wh, pue.facility_wh);
    assert_same(row->it_wh, pue.it_wh);
    assert_same(row->coverage_pct, 100 * pue.coverage);
}

static void test_views_equal_the_controller(void **state)
{
    (void)state;
    struct site site;
    uint32_t random = 42;
    int64_t counters[32] = {0};
    static struct pue quarters[QUARTERS][3];
    site_begin(&site);
    struct store *store = open_store(&site);
    for (int q = 0; q < QUARTERS; q++) {
        int64_t start_ms = T0 + q * (int64_t)QUARTER_MS;
        fill_quarter(&site, q, counters, &random);
        assert_true(store_post_tick(store, start_ms + QUARTER_MS, &site.output));
        for (int c = 1; c <= 3; c++) {
            struct balance balance;
            balance_compute(&balance, site.topology, c, start_ms, start_ms + QUARTER_MS,
                            site.output.intervals, site.output.interval_count);
            pue_from_balance(&quarters[q][c - 1], &balance, c);
        }
    }
    store_close(store);
    static struct figures rows[2 * QUARTERS];
    int known = 0;
    int count = read_figures(&site,
                             "SELECT start_ms, category, pue, facility_wh, it_wh, quality,"
                             " coverage_pct FROM v_pue_15min ORDER BY 1, 2",
                             rows);
    assert_int_equal(count, 2 * QUARTERS); /* the site has no category 3 */
    for (int i = 0; i < count; i++) {
        assert_quarter(&rows[i], &quarters[i / 2][i % 2]);
        known += !isnan(rows[i].pue);
    }
    assert_in_range(known, QUARTERS, 2 * QUARTERS - 1); /* both kinds were tried */
    count = read_figures(&site,
                         "SELECT day_ms, category, pue, facility_wh, it_wh, 0, coverage_pct"
                         " FROM v_pue_day",
                         rows);
    assert_int_equal(count, 3 * 2);
    for (int i = 0; i < count; i++)
        assert_day(&rows[i], quarters);
    site_end(&site);
}

/* Small numbers that anybody can check on paper. */
static void post_by_hand(struct site *site, struct store *store, int quarter)
{
    static const struct {
        const char *device;
        enum point_kind kind;
        int64_t wh;
    } rows[] = {
        {"utility", POINT_ENERGY_IMPORT, 150}, {"utility", POINT_ENERGY_EXPORT, 10},
        {"pv", POINT_ENERGY_EXPORT, 30},       {"battery", POINT_ENERGY_IMPORT, 45},
        {"battery", POINT_ENERGY_EXPORT, 5},   {"ups", POINT_ENERGY_IMPORT, 110},
        {"pdu-a", POINT_ENERGY_IMPORT, 60},    {"pdu-b", POINT_POWER, 40},
        {"chiller", POINT_ENERGY_IMPORT, 15},
    }; /* facility 150 - 10 + 30 + 5 - 45 = 130; IT 110 at the UPS, 100 at the PDUs */
    site->output.interval_count = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        add_interval(&site->output, point_of(site, rows[i].device, rows[i].kind),
                     T0 + quarter * (int64_t)QUARTER_MS, quarter * rows[i].wh * 1000,
                     (quarter + 1) * rows[i].wh * 1000, QUALITY_GOOD);
    assert_true(store_post_tick(store, T0 + (quarter + 1) * (int64_t)QUARTER_MS, &site->output));
}

static void test_a_day_by_hand(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    struct store *store = open_store(&site);
    for (int q = 0; q < 48; q++)
        post_by_hand(&site, store, q);
    store_close(store);
    assert_ask(&site, "SELECT pue FROM v_pue_day WHERE category = 1", 130.0 / 110);
    assert_ask(&site, "SELECT pue FROM v_pue_day WHERE category = 2", 1.3);
    assert_ask(&site, "SELECT coverage_pct FROM v_pue_day WHERE category = 2", 50);
    assert_ask(&site,
               "SELECT wh FROM v_energy_day WHERE role = 'battery'"
               " AND kind = 'energy_import_wh'",
               48 * 45);
    assert_ask(&site, "SELECT count(*) FROM v_meter_chain", 0);
    tell(&site, "UPDATE energy_interval SET end_milliwh = end_milliwh + 7 WHERE point_id ="
                " (SELECT point_id FROM point JOIN device USING (device_id) WHERE name = 'ups')"
                " AND start_ms = 1781481600000 + 900000 * 9");
    assert_ask(&site,
               "SELECT count(*) FROM v_meter_chain WHERE meter = 'ups.energy_import_wh'"
               " AND gap_milliwh = -7",
               1);
    assert_ask(&site, "SELECT count(*) FROM v_meter_chain", 1);
    site_end(&site);
}

static void test_a_silent_meter_makes_the_sum_unknown(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    struct store *store = open_store(&site);
    for (int q = 0; q < 4; q++)
        post_by_hand(&site, store, q);
    store_close(store);
    tell(&site, "DELETE FROM energy_interval WHERE point_id = (SELECT point_id FROM point"
                " JOIN device USING (device_id) WHERE name = 'pv')");
    assert_unknown(&site, "SELECT sum(pue) FROM v_pue_15min");
    assert_ask(&site, "SELECT min(quality) FROM v_pue_15min", QUALITY_MISSING);
    /* once it is no part of the site any more, the rest stands alone again */
    tell(&site, "UPDATE point_use SET until_ms = 1781481600000 + 1800000 WHERE point_id ="
                " (SELECT point_id FROM point JOIN device USING (device_id) WHERE name = 'pv');"
                "UPDATE point_use SET since_ms = 1781481600000 WHERE until_ms IS NOT NULL");
    assert_ask(&site, "SELECT count(pue) FROM v_pue_15min WHERE category = 2", 2);
    assert_ask(&site, "SELECT max(pue) FROM v_pue_15min WHERE category = 2", 1.0);
    site_end(&site);
}

/* A query file as an auditor runs it, with the stock shell: what it prints. */
static void run_query(const struct site *site, const char *name, char *ret_text, size_t size)
{
    char command[2 * LIMIT_PATH];
    snprintf(command, sizeof command, "sqlite3 -readonly %s < %s/%s 2>&1", site->config.path,
             QUERY_FOLDER, name);
    FILE *shell = popen(command, "r");
    assert_non_null(shell);
    size_t used = fread(ret_text, 1, size - 1, shell);
    ret_text[used] = '\0';
    assert_int_equal(pclose(shell), 0);
}

static bool has_shell(void)
{
    return system("command -v sqlite3 >/dev/null") == 0;
}

static void test_the_query_file_gives_the_same(void **state)
{
    (void)state;
    struct site site;
    char text[8192];
    if (!has_shell())
        skip();
    site_begin(&site);
    struct store *store = open_store(&site);
    for (int q = 0; q < 100; q++)
        post_by_hand(&site, store, q);
    store_close(store);
    run_query(&site, "pue_from_counters.sql", text, sizeof text);
    const char *last = strstr(text, "\nall");
    assert_non_null(last);
    int category, quarters;
    double facility_kwh, it_kwh, pue;
    assert_int_equal(
        sscanf(last, " all %d %d %lf %lf %lf", &category, &quarters, &facility_kwh, &it_kwh, &pue),
        5);
    assert_int_equal(category, 1);
    assert_int_equal(quarters, 100);
    assert_float_equal(facility_kwh, 13, 1e-9);
    assert_float_equal(pue, 1.18182, 1e-5);
    site_end(&site);
}

/* ---- peak shaving ---- */

/* One quarter hour: facility = import + pv + discharge - charge, in Wh. */
static void post_shaving(struct site *site, struct store *store, int quarter, double threshold_w,
                         const int64_t wh[5])
{
    static const struct {
        const char *device;
        enum point_kind kind;
    } meters[] = {{"utility", POINT_ENERGY_IMPORT},
                  {"utility", POINT_ENERGY_EXPORT},
                  {"pv", POINT_ENERGY_EXPORT},
                  {"battery", POINT_ENERGY_EXPORT},
                  {"battery", POINT_ENERGY_IMPORT}};
    int64_t start_ms = T0 + quarter * (int64_t)QUARTER_MS;
    struct tick_output *output = &site->output;
    output->interval_count = 0;
    for (int m = 0; m < 5; m++) {
        if (wh[m] >= 0)
            add_interval(output, point_of(site, meters[m].device, meters[m].kind), start_ms, 0,
                         wh[m] * 1000, QUALITY_GOOD);
    }
    output->accounts[0] = (struct account){.start_ms = start_ms,
                                           .end_ms = start_ms + QUARTER_MS,
                                           .pue = {.start_ms = start_ms, .category = 1},
                                           .threshold_w = threshold_w};
    output->account_count = 1;
    assert_true(store_post_tick(store, start_ms + QUARTER_MS, output));
    output->account_count = 0;
}

/* Held by the battery, held while it charges, not held, no meter, a silent battery, no threshold.
 */
static void post_shaving_cases(struct site *site, struct store *store)
{
    static const struct {
        double threshold_w;
        int64_t wh[5];
    } cases[] = {{1000, {250, 0, 10, 60, 0}}, {1000, {200, 0, 10, 0, 50}},
                 {1000, {260, 0, 10, 5, 0}},  {1000, {-1, 0, 10, 60, 0}},
                 {1000, {240, 0, 10, -1, 0}}, {(double)NAN, {260, 0, 10, 0, 0}}};
    for (int q = 0; q < 6; q++)
        post_shaving(site, store, q, cases[q].threshold_w, cases[q].wh);
    site->image.values[point_of(site, "battery", POINT_SOC)] =
        (struct sample){.quality = QUALITY_GOOD,
                        .reason = REASON_FRESH,
                        .value = 12.5,
                        .source_ms = T0 + 2 * QUARTER_MS};
    site->image.frozen_ms = T0 + 2 * QUARTER_MS;
    assert_true(store_post_image(store, &site->image));
    site->image.values[point_of(site, "battery", POINT_SOC)].source_ms += QUARTER_MS;
    site->image.frozen_ms += QUARTER_MS;
    assert_true(store_post_image(store, &site->image));
}

static void test_peak_shaving_side_by_side(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    struct store *store = open_store(&site);
    post_shaving_cases(&site, store);
    store_close(store);
    static const char *const rows[] = {
        "1280.0/1000.0/1000.0/240.0/yes", "640.0/1000.0/800.0/-200.0/yes",
        "1100.0/1000.0/1040.0/20.0/no",   "-/1000.0/-/240.0/unknown",
        "-/1000.0/960.0/-/yes",           "1080.0/-/1040.0/0.0/-"};
    for (int q = 0; q < 6; q++) {
        char sql[512];
        snprintf(sql, sizeof sql,
                 "SELECT coalesce(facility_w, '-') || '/' || coalesce(threshold_w, '-') || '/'"
                 " || coalesce(import_w, '-') || '/' || coalesce(battery_w, '-') || '/'"
                 " || coalesce(held, '-') = '%s' FROM v_peak_shaving WHERE start_ms = %lld",
                 rows[q], (long long)(T0 + q * (int64_t)QUARTER_MS));
        assert_ask(&site, sql, 1);
    }
    assert_ask(&site, "SELECT count(*) FROM v_peak_shaving", 6);
    site_end(&site);
}

static void test_the_peak_query_gives_the_same(void **state)
{
    (void)state;
    struct site site;
    char text[8192], month[16], soc[16];
    if (!has_shell())
        skip();
    site_begin(&site);
    struct store *store = open_store(&site);
    post_shaving_cases(&site, store);
    store_close(store);
    run_query(&site, "peak_shaving.sql", text, sizeof text);
    int quarters, held, not_held, unknown;
    double threshold, peak, without, above, facility, import, battery;
    const char *row = strstr(text, "\n2026-06 ");
    assert_non_null(row);
    assert_int_equal(sscanf(row, "%15s %d %d %d %d %lf %lf %lf %lf", month, &quarters, &held,
                            &not_held, &unknown, &threshold, &peak, &without, &above),
                     9);
    assert_true(quarters == 5 && held == 3 && not_held == 1 && unknown == 1);
    assert_float_equal(peak, 1.04, 1e-9);
    assert_float_equal(without, 1.24, 1e-9);
    assert_float_equal(above, 0.04, 1e-9);
    row = strstr(text, "2026-06-15T00:30:00Z");
    assert_non_null(row);
    assert_int_equal(
        sscanf(row + 20, "%lf %lf %lf %lf no %15s", &facility, &threshold, &import, &battery, soc),
        5);
    assert_true(facility == 1.1 && threshold == 1 && import == 1.04 && battery == 0.02);
    assert_string_equal(soc, "12.5");
    assert_non_null(strstr(text, "2026-06-15T00:45:00Z")); /* unknown is shown, */
    assert_null(strstr(text, "2026-06-15T00:00:00Z"));     /* what was held is not */
    site_end(&site);
}

/* ---- energy by day ---- */

/* Intervals of all lengths, as gaps of the readings make them; returns the counter at the end. */
static int64_t post_gaps(struct site *site, struct store *store, int32_t point, uint32_t *random)
{
    static const int64_t lengths_ms[] = {
        QUARTER_MS, QUARTER_MS,  QUARTER_MS,   QUARTER_MS,
        1,          7 * HOUR_MS, 24 * HOUR_MS, 61 * HOUR_MS + 12345};
    int64_t at_ms = T0 + 5 * HOUR_MS + 1234, milliwh = 1000;
    for (int i = 0; i < 200; i++) {
        int64_t length_ms = lengths_ms[next_random(random) % 8];
        int64_t used_milliwh = next_random(random) * (i % 10 == 0 ? 20000LL : 1LL);
        site->output.interval_count = 0;
        add_interval(&site->output, point, at_ms, milliwh, milliwh + used_milliwh, QUALITY_GOOD);
        site->output.intervals[0].end_ms = at_ms += length_ms;
        milliwh += used_milliwh;
        assert_true(store_post_tick(store, at_ms, &site->output));
    }
    return milliwh;
}

static void test_days_add_up_to_the_counter(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 5; seed++) {
        struct site site;
        uint32_t random = seed * 2654435761u;
        site_begin(&site);
        struct store *store = open_store(&site);
        int64_t end_milliwh =
            post_gaps(&site, store, point_of(&site, "ups", POINT_ENERGY_IMPORT), &random);
        store_close(store);
        char sql[256];
        snprintf(sql, sizeof sql,
                 "SELECT sum(CAST(round(wh * 1000) AS INTEGER)) = %lld FROM v_energy_day",
                 (long long)(end_milliwh - 1000));
        assert_ask(&site, sql, 1);
        assert_ask(&site, "SELECT min(wh) >= 0 AND max(day_ms % 86400000) = 0 FROM v_energy_day",
                   1);
        assert_ask(&site,
                   "SELECT count(*) = 1 + (max(day_ms) - min(day_ms)) / 86400000"
                   " FROM v_energy_day",
                   1); /* no day is skipped */
        site_end(&site);
    }
}

/* A gap from 18:00 over a whole day until 12:00: 6, 24 and 12 of 42 hours. */
static void test_an_interval_over_midnight_is_shared_out(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    struct store *store = open_store(&site);
    struct tick_output *output = &site.output;
    int32_t ups = point_of(&site, "ups", POINT_ENERGY_IMPORT);
    add_interval(output, ups, T0, 0, 5000, QUALITY_GOOD);
    add_interval(output, ups, T0 + 18 * HOUR_MS, 5000, 47000, QUALITY_GOOD);
    output->intervals[1].end_ms = T0 + 60 * HOUR_MS;
    add_interval(output, ups, T0 + 60 * HOUR_MS, 47000, 48000, QUALITY_ESTIMATED);
    add_interval(output, ups, T0 + 71 * HOUR_MS, 48000, 49000, QUALITY_GOOD); /* ends at midnight */
    output->intervals[3].end_ms = T0 + 72 * HOUR_MS;
    add_interval(output, ups, T0 + 95 * HOUR_MS, 49000, 59000, QUALITY_MISSING);
    output->intervals[4].end_ms = T0 + 97 * HOUR_MS;
    assert_true(store_post_tick(store, T0 + 97 * HOUR_MS, output));
    store_close(store);
    static const struct {
        const char *wh, *estimated_wh, *counts;
    } days[] = {{"11.0", "6.0", "2/1/0"},
                {"24.0", "24.0", "1/1/0"},
                {"14.0", "13.0", "3/2/0"},
                {"NULL", "0.0", "1/0/1"},
                {"NULL", "0.0", "1/0/1"}};
    for (int d = 0; d < 5; d++) {
        char sql[512];
        snprintf(sql, sizeof sql,
                 "SELECT wh IS %s AND estimated_wh = %s AND intervals || '/' || estimated_intervals"
                 " || '/' || unknown_intervals = '%s' FROM v_energy_day WHERE day_ms = %lld",
                 days[d].wh, days[d].estimated_wh, days[d].counts, T0 + d * (long long)DAY_MS);
        assert_ask(&site, sql, 1);
    }
    assert_ask(&site, "SELECT count(*) FROM v_energy_day", 5);
    site_end(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views_equal_the_controller),
        cmocka_unit_test(test_a_day_by_hand),
        cmocka_unit_test(test_a_silent_meter_makes_the_sum_unknown),
        cmocka_unit_test(test_days_add_up_to_the_counter),
        cmocka_unit_test(test_an_interval_over_midnight_is_shared_out),
        cmocka_unit_test(test_the_query_file_gives_the_same),
        cmocka_unit_test(test_peak_shaving_side_by_side),
        cmocka_unit_test(test_the_peak_query_gives_the_same),
    };
    return cmocka_run_group_tests_name("store_pue", tests, NULL, NULL);
}
