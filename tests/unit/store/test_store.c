/* What is posted is what is stored, rolled up, kept and found again after a restart. */
#include "tests/unit/store/fixture.h"

/* ---- telemetry ---- */

static void set_sample(struct site *site, int32_t point, enum quality quality, double value,
                       int64_t source_ms)
{
    site->image.values[point] =
        (struct sample){.point = point,
                        .quality = quality,
                        .reason = quality == QUALITY_GOOD ? REASON_FRESH : REASON_TOO_OLD,
                        .value = value,
                        .source_ms = source_ms,
                        .receive_ms = source_ms};
}

static void test_only_news_is_stored_and_unknown_is_null(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    struct store *store = open_store(&site);
    int32_t soc = point_of(&site, "battery", POINT_SOC);
    set_sample(&site, soc, QUALITY_GOOD, 50, T0 - 200);
    for (int i = 0; i < 3; i++) { /* the same reading three times */
        site.image.frozen_ms = T0 + i * 1000;
        assert_true(store_post_image(store, &site.image));
    }
    set_sample(&site, soc, QUALITY_STALE, 50, T0 - 200);
    site.image.frozen_ms = T0 + 3000;
    assert_true(store_post_image(store, &site.image));
    store_close(store);
    assert_ask(&site, "SELECT count(*) FROM v_sample WHERE point = 'battery.soc_pct'", 2);
    assert_ask(&site, "SELECT value FROM v_sample WHERE point = 'battery.soc_pct'", 50);
    assert_ask(&site, "SELECT age_ms FROM v_sample WHERE point = 'battery.soc_pct'", 200);
    assert_ask(&site,
               "SELECT count(*) FROM v_sample WHERE quality = 'stale' AND value IS NULL"
               " AND reason = 'too_old'",
               1);
    assert_ask(&site,
               "SELECT count(*) FROM v_sample WHERE quality = 'missing' AND value IS NULL"
               " AND age_ms IS NULL",
               site.topology->point_count - 1);
    site_end(&site);
}

static void test_verdicts_are_stored_with_their_time(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    struct store *store = open_store(&site);
    int32_t soc = point_of(&site, "battery", POINT_SOC);
    int32_t power = point_of(&site, "utility", POINT_POWER);
    site.output.verdicts[0] = (struct verdict_change){T0 + 300, soc, QUALITY_BAD, REASON_FROZEN, 0};
    site.output.verdicts[1] =
        (struct verdict_change){T0 + 1000, soc, QUALITY_GOOD, REASON_FRESH, 3};
    site.output.verdicts[2] =
        (struct verdict_change){T0 + 1000, power, QUALITY_BAD, REASON_TOO_FAST, 0};
    site.output.verdict_count = 3;
    assert_true(store_post_tick(store, T0 + 1000, &site.output));
    store_close(store);
    assert_ask(&site, "SELECT count(*) FROM v_point_verdict", 3);
    assert_ask(&site,
               "SELECT lasted_ms FROM v_point_verdict WHERE point = 'battery.soc_pct'"
               " AND quality = 'bad' AND reason = 'frozen' AND at_utc = '2026-06-15T00:00:00.300Z'",
               700);
    assert_ask(&site, "SELECT withheld FROM v_point_verdict WHERE quality = 'good'", 3);
    assert_unknown(&site, "SELECT lasted_ms FROM v_point_verdict WHERE reason = 'too_fast'");
    assert_sound(&site);
    site_end(&site);
}

/* One level against plain arithmetic over the raw rows: the number of steps that differ. */
static void assert_level(const struct site *site, const char *table, int64_t step_ms,
                         int64_t end_ms)
{
    char sql[2048];
    snprintf(
        sql, sizeof sql,
        "WITH raw AS (SELECT at_ms / %lld * %lld AS start_ms, point_id, value, quality, at_ms"
        "  FROM sample WHERE at_ms < %lld),"
        " expected AS (SELECT start_ms, point_id, count(*) AS n, sum(quality = 0) AS good,"
        "  min(iif(quality = 0, value, NULL)) AS least,"
        "  max(iif(quality = 0, value, NULL)) AS most,"
        "  avg(iif(quality = 0, value, NULL)) AS mean,"
        "  (SELECT value FROM raw AS l WHERE l.start_ms = raw.start_ms"
        "   AND l.point_id = raw.point_id AND l.quality = 0 ORDER BY at_ms DESC LIMIT 1) AS last"
        "  FROM raw GROUP BY 1, 2)"
        " SELECT (SELECT count(*) FROM expected) <> (SELECT count(*) FROM %s)"
        "  OR (SELECT count(*) FROM expected) = 0"
        "  OR EXISTS (SELECT 1 FROM expected AS e LEFT JOIN %s AS t USING (start_ms, point_id)"
        "   WHERE t.reading_count IS NOT e.n OR t.good_count IS NOT e.good"
        "   OR t.value_min IS NOT e.least OR t.value_max IS NOT e.most"
        "   OR t.value_last IS NOT e.last OR (t.value_mean IS NULL) <> (e.mean IS NULL)"
        "   OR abs(t.value_mean - e.mean) > 1e-9 * (1 + abs(e.mean)))",
        (long long)step_ms, (long long)step_ms, (long long)end_ms, table, table);
    assert_ask(site, sql, 0);
}

/* Two hours of readings at odd times with bad ones among them, a clock set back and a restart. */
static void post_day(struct site *site, uint32_t *random)
{
    struct store *store = open_store(site);
    int64_t at_ms = T0 + 130;
    int32_t power = point_of(site, "utility", POINT_POWER);
    int32_t soc = point_of(site, "battery", POINT_SOC);
    bool stepped = false, restarted = false;
    while (at_ms < T0 + 2 * HOUR_MS + 2 * MINUTE_MS) {
        site->image.frozen_ms = at_ms;
        static const enum quality qualities[] = {QUALITY_GOOD, QUALITY_GOOD, QUALITY_GOOD,
                                                 QUALITY_ESTIMATED, QUALITY_BAD};
        enum quality quality = qualities[next_random(random) % 5];
        set_sample(site, power, quality, next_random(random) % 1000000 / 7.0, at_ms);
        if (next_random(random) % 3 == 0)
            set_sample(site, soc, QUALITY_GOOD, next_random(random) % 100, at_ms - 50);
        assert_true(store_post_image(store, &site->image));
        at_ms += 500 + next_random(random) % 7000;
        if (!stepped && at_ms > T0 + 40 * MINUTE_MS) {
            stepped = true;
            at_ms -= 9 * MINUTE_MS;
        }
        if (!restarted && at_ms > T0 + 70 * MINUTE_MS) {
            restarted = true;
            store_close(store);
            store = open_store(site);
        }
    }
    store_close(store);
}

static void test_rollups_equal_recomputation(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 3; seed++) {
        struct site site;
        uint32_t random = seed * 2654435761u;
        site_begin(&site);
        post_day(&site, &random);
        int64_t newest_ms = (int64_t)ask(&site, "SELECT max(at_ms) FROM sample");
        assert_level(&site, "sample_1min", MINUTE_MS, utc_floor(newest_ms, MINUTE_MS));
        assert_level(&site, "sample_15min", QUARTER_MS, utc_floor(newest_ms, QUARTER_MS));
        assert_level(&site, "sample_1h", HOUR_MS, utc_floor(newest_ms, HOUR_MS));
        site_end(&site);
    }
}

static void wait_until_written(struct store *store, uint64_t records)
{
    struct store_health health;
    for (int i = 0; i < 3000; i++) {
        store_health(store, &health);
        if (health.written >= records)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    fail_msg("%llu of %llu records written: %s", (unsigned long long)health.written,
             (unsigned long long)records, health.last.text);
}

/* Six hours of readings, then as many more as deleting takes: slices shrink on a slow machine, and
 * one goes behind each batch. */
static void post_until_old_rows_are_gone(struct site *site, struct store *store)
{
    static const char gone[] = "SELECT (SELECT min(at_ms) FROM sample) > 1781481600000"
                               " AND (SELECT min(start_ms) FROM sample_1min) > 1781481600000";
    int32_t power = point_of(site, "utility", POINT_POWER);
    uint64_t posted = 0;
    int64_t step_ms = 20000;
    for (int64_t at_ms = T0; at_ms < T0 + 8 * HOUR_MS; at_ms += step_ms) {
        site->image.frozen_ms = at_ms;
        set_sample(site, power, QUALITY_GOOD, 1, at_ms);
        assert_true(store_post_image(store, &site->image));
        bool enough = at_ms >= T0 + 6 * HOUR_MS;
        if (++posted % 60 != 0 && !enough)
            continue;
        wait_until_written(store, posted);
        if (enough && ask(site, gone) == 1)
            return;
        if (enough)
            step_ms = 1000;
    }
    fail_msg("old rows are still there");
}

static void test_old_rows_go_only_after_their_rollup(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    site.config.raw_keep_ms = 30 * MINUTE_MS;
    site.config.minute_keep_ms = 2 * HOUR_MS;
    struct store *store = open_store(&site);
    post_until_old_rows_are_gone(&site, store);
    store_close(store);
    /* what is left begins within one step of the readings after the cut */
    assert_ask(&site, "SELECT max(at_ms) - min(at_ms) > 1800000 - 20000 FROM sample", 1);
    assert_ask(&site, "SELECT max(start_ms) - min(start_ms) >= 7200000 - 60000 FROM sample_1min",
               1);
    assert_ask(&site,
               "SELECT sum(good_count) FROM sample_15min"
               " WHERE value_mean = 1 AND start_ms < 1781481600000 + 23 * 900000",
               23 * 45);
    site_end(&site);
}

/* ---- ticks ---- */

static void test_a_tick_is_stored_whole_and_once(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    struct store *store = open_store(&site);
    struct tick_output *output = &site.output;
    int32_t utility = point_of(&site, "utility", POINT_ENERGY_IMPORT);
    add_interval(output, utility, T0, 1000, 5000, QUALITY_GOOD);
    output->accounts[output->account_count++] =
        (struct account){.start_ms = T0,
                         .end_ms = T0 + QUARTER_MS,
                         .balance.import = {4, QUALITY_GOOD, 1},
                         .balance.pv = {77, QUALITY_MISSING, 0},
                         .pue = {.start_ms = T0,
                                 .end_ms = T0 + QUARTER_MS,
                                 .category = 2,
                                 .facility_wh = 4,
                                 .it_wh = (double)NAN,
                                 .value = 99,
                                 .quality = QUALITY_MISSING},
                         .cost = 12.5,
                         .carbon_g = (double)NAN};
    assert_true(store_post_tick(store, T0 + QUARTER_MS, output));
    assert_true(store_post_tick(store, T0 + QUARTER_MS, output)); /* again, as after a crash */
    output->intervals[0].end_milliwh = 6000; /* what was measured once never changes */
    assert_true(store_post_tick(store, T0 + QUARTER_MS, output));
    output->interval_count = output->account_count = 0;
    assert_true(store_post_tick(store, T0 + QUARTER_MS, output)); /* nothing in it */
    store_close(store);
    assert_ask(&site, "SELECT count(*) FROM energy_interval", 1);
    assert_ask(&site, "SELECT end_milliwh FROM energy_interval", 5000);
    assert_ask(&site, "SELECT raw_end_milliwh FROM energy_interval", 5000);
    assert_ask(&site, "SELECT count(*) FROM account_15min", 1);
    assert_ask(&site, "SELECT import_wh FROM account_15min", 4);
    assert_ask(&site,
               "SELECT pv_wh IS NULL AND pv_quality = 4 AND carbon_g IS NULL"
               " FROM account_15min",
               1);
    assert_ask(&site, "SELECT value IS NULL AND it_wh IS NULL AND facility_wh = 4 FROM pue", 1);
    assert_ask(&site, "SELECT cost FROM v_cost_day WHERE currency = 'EUR'", 12.5);
    assert_sound(&site);
    site_end(&site);
}

static void test_decisions_carry_names(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    struct store *store = open_store(&site);
    struct job job = {.id = 7,
                      .name = "train",
                      .owner = "ann",
                      .state = JOB_RUNNING,
                      .feeder = 1,
                      .deadline_ms = JOB_NO_DEADLINE,
                      .submitted_ms = T0};
    assert_true(store_post_job(store, &job, REASON_RUN_NOW, T0 + 1));
    site.output.decisions[0] = (struct decision){.at_ms = T0,
                                                 .plan_id = 3,
                                                 .mode = MODE_CONTROL,
                                                 .command = {.subsystem = SUBSYSTEM_JOBS,
                                                             .verb = VERB_JOB_START,
                                                             .job_id = 7,
                                                             .group = 1,
                                                             .feeder = 1,
                                                             .level = 1,
                                                             .reason = REASON_CHEAPEST_NOW,
                                                             .asker = "planner",
                                                             .apply = true}};
    site.output.decisions[1] =
        (struct decision){.at_ms = T0,
                          .mode = MODE_ADVISE,
                          .command = {.subsystem = SUBSYSTEM_BATTERY,
                                      .verb = VERB_SETPOINT,
                                      .value = 10,
                                      .wanted = 20,
                                      .point = point_of(&site, "battery", POINT_POWER_SET),
                                      .reason = REASON_LIMIT_RAMP,
                                      .asker = "planner"}};
    site.output.decision_count = 2;
    assert_true(store_post_tick(store, T0, &site.output));
    store_close(store);
    assert_ask(&site,
               "SELECT count(*) FROM v_decision WHERE job = 'train' AND feeder = 'feeder-b'"
               " AND reason = 'cheapest_now' AND applied AND value IS NULL AND plan_id = 3"
               " AND rack_group = 'feeder-b' AND level = 1"
               " AND at_utc = '2026-06-15T00:00:00.000Z'",
               1);
    assert_ask(&site,
               "SELECT count(*) FROM v_decision WHERE point = 'battery.power_set_w'"
               " AND value = 10 AND wanted = 20 AND NOT applied AND job_id IS NULL"
               " AND plan_id IS NULL AND mode = 'advise' AND level IS NULL AND rack_group IS NULL",
               1);
    assert_ask(&site,
               "SELECT count(*) FROM v_job WHERE name = 'train' AND deadline_utc IS NULL"
               " AND started_utc IS NULL AND exit_status IS NULL",
               1);
    assert_ask(&site, "SELECT count(*) FROM job_event", 1);
    assert_sound(&site);
    site_end(&site);
}

/* An hour of work at level 0, two hours of it at level 1 in four hours, the rest at level 0. */
static void test_jobs_keep_their_levels(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    struct store *store = open_store(&site);
    struct job job = {.id = 7,
                      .name = "train",
                      .state = JOB_RUNNING,
                      .power_w = 6000,
                      .levels = {{6000, 1, 8}, {2400, 0.5, 4}},
                      .level_count = 2,
                      .accelerator_classes = 1,
                      .restart_ms = 60000,
                      .group = 2,
                      .deadline_ms = JOB_NO_DEADLINE};
    assert_true(store_post_job(store, &job, REASON_RUN_NOW, T0));
    job.level = 1;
    job.ran_ms = HOUR_MS;
    assert_true(store_post_job(store, &job, REASON_PEAK_CHARGE, T0 + HOUR_MS));
    job.level = 0;
    job.restarts = 1;
    job.ran_ms = 3 * HOUR_MS;
    assert_true(store_post_job(store, &job, REASON_RUN_NOW, T0 + 5 * HOUR_MS));
    job.state = JOB_COMPLETED;
    job.ran_ms += HOUR_MS / 2;
    assert_true(store_post_job(store, &job, REASON_EXITED_ZERO, T0 + 6 * HOUR_MS));
    job = (struct job){.id = 8, .feeder = -1, .group = -1, .power_w = 100, .ran_ms = HOUR_MS};
    assert_true(store_post_job(store, &job, REASON_ADOPTED, T0));
    store_close(store);
    assert_ask(&site, "SELECT energy_wh FROM v_job WHERE job_id = 7", 6000 + 4 * 2400 + 3000);
    assert_ask(&site,
               "SELECT count(*) FROM v_job WHERE rack_group = 'rack-a2' AND level = 0"
               " AND restarts = 1",
               1);
    assert_ask(&site,
               "SELECT json_extract(levels, '$[1].speed') + json_extract(levels, '$[0].power_w')"
               " + json_extract(levels, '$[1].accelerators') FROM job WHERE restart_ms = 60000"
               " AND accelerator_classes = '[\"h100\"]'",
               6004.5);
    assert_ask(&site, "SELECT group_concat(level) = '0,1,0,0' FROM job_event WHERE job_id = 7", 1);
    assert_ask(&site, "SELECT energy_wh FROM v_job WHERE job_id = 8 AND rack_group IS NULL", 100);
    assert_ask(&site, "SELECT count(*) FROM job WHERE job_id = 8 AND levels IS NULL", 1);
    assert_sound(&site);
    site_end(&site);
}

static void test_one_bad_record_goes_alone(void **state)
{
    (void)state;
    struct site site;
    struct store_health health;
    site_begin(&site);
    struct store *store = open_store(&site);
    struct cycle_event event = {.kind = EVENT_DEVICE_LOST, .subject = "pv"};
    assert_true(store_post_event(store, T0, &event));
    add_interval(&site.output, 0, T0, 0, 1, QUALITY_GOOD);
    site.output.intervals[0].end_ms = T0; /* the schema forbids it */
    assert_true(store_post_tick(store, T0, &site.output));
    assert_true(store_post_event(store, T0, &event));
    wait_until_written(store, 2);
    store_health(store, &health);
    assert_int_equal(health.refused, 1);
    assert_non_null(strstr(health.last.text, "CHECK"));
    assert_true(store_post_event(store, T0 + 1, &event));
    store_close(store);
    assert_ask(&site, "SELECT count(*) FROM event WHERE subject = 'pv'", 3);
    assert_ask(&site, "SELECT count(*) FROM event WHERE subject = 'store'", 1); /* tells the hole */
    assert_ask(&site, "SELECT count(*) FROM energy_interval", 0);
    site_end(&site);
}

static void test_forecasts_are_thinned_and_compared(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    struct store *store = open_store(&site);
    int64_t start_ms = T0 + 14 * HOUR_MS + QUARTER_MS;
    for (int s = 0; s < FORECAST_SERIES; s++) {
        struct forecast *f = &site.output.forecasts[s];
        *f = (struct forecast){.series = (enum forecast_series)s,
                               .issue_ms = T0 + 14 * HOUR_MS,
                               .start_ms = start_ms,
                               .model = "test",
                               .steps = s == SERIES_WIND ? 0 : FORECAST_STEPS};
        for (int i = 0; i < FORECAST_STEPS; i++) {
            for (int q = 0; q < QUANTILES; q++)
                f->value[i][q] = (float)(i * 10 + q);
        }
    }
    site.output.forecasts_issued = true;
    assert_true(store_post_tick(store, T0 + 14 * HOUR_MS, &site.output));
    assert_true(store_post_history(store, T0 + 19 * HOUR_MS, SERIES_PV, T0 + 18 * HOUR_MS, 151));
    store_close(store);
    assert_ask(&site, "SELECT count(*) FROM forecast WHERE series = 0",
               24 + (FORECAST_STEPS - 24) / 4); /* the near hours whole, then one an hour */
    assert_ask(&site,
               "SELECT max(step_ms - issue_ms) > (SELECT max(steps) FROM forecast_issue) * 900000"
               " - 3600000 FROM forecast",
               1); /* to the end */
    assert_ask(&site, "SELECT count(*) FROM forecast WHERE series = 1", 0);
    assert_ask(&site, "SELECT count(*) FROM forecast_issue", FORECAST_SERIES);
    assert_ask(&site,
               "SELECT error FROM v_forecast_vs_actual WHERE series = 'pv_w' AND inside AND"
               " issue_utc = '2026-06-15T14:00:00Z' AND step_utc = '2026-06-15T18:00:00Z'",
               151 - 153);
    assert_ask(&site, "SELECT q95 FROM v_forecast_vs_actual WHERE series = 'pv_w' AND lead_h = 48",
               1916);
    site_end(&site);
}

/* ---- recovery ---- */

static struct plan *make_plan(int64_t issue_ms, int64_t id, uint32_t *random)
{
    struct plan *plan = calloc(1, sizeof *plan);
    *plan = (struct plan){
        .id = id,
        .issue_ms = issue_ms,
        .expires_ms = issue_ms + HOUR_MS,
        .status = PLAN_BREACHING,
        .objective = 12.5,
        .bound = 12.25,
        .gap = 0.02,
        .energy_cost = 1,
        .carbon_cost = 2,
        .peak_cost = 3,
        .wear_cost = 4,
        .lateness_cost = 5,
        .breach_cost = 6,
        .delay_cost = 7,
        .churn_cost = 8,
        .end_value = 9,
        .transfer_cost = 10,
        .hedge_cost = 11,
        .site_count = 1,
        .sites = {{.feeders = {{4e5}, {(double)INFINITY}},
                   .feeder_count = 2,
                   .groups = {{0, 2e5, {0, 16}}, {1, 3e5, {0}}, {0, (double)INFINITY, {8, 4}}},
                   .group_count = 3,
                   .peak_import_w = 1e6}},
        .late_jobs = 2,
        .solve_ms = 33.5,
        .slot_count = 100,
        .job_count = 40};
    plan->sites[0].frame = calloc(100, sizeof *plan->sites[0].frame);
    plan->sites[0].slots = calloc(100, sizeof *plan->sites[0].slots);
    plan->jobs = calloc(40, sizeof *plan->jobs);
    plan->why = calloc(40 * 100, sizeof *plan->why);
    for (int s = 0; s < plan->slot_count; s++) {
        struct problem_slot *in = &plan->sites[0].frame[s];
        struct plan_slot *out = &plan->sites[0].slots[s];
        double *const reals[] = {&in->pv_w,
                                 &in->wind_w,
                                 &in->base_it_w[0],
                                 &in->base_it_w[1],
                                 &in->base_it_w[2],
                                 &in->base_it_high_w[0],
                                 &in->base_it_high_w[1],
                                 &in->base_it_high_w[2],
                                 &in->heat_ratio,
                                 &in->cop,
                                 &in->free_cooling_w,
                                 &in->free_cop,
                                 &in->fixed_w,
                                 &in->overhead_ratio,
                                 &in->price_import_per_mwh,
                                 &in->price_export_per_mwh,
                                 &in->carbon_g_per_kwh,
                                 &in->export_limit_w,
                                 &out->import_w,
                                 &out->export_w,
                                 &out->pv_used_w,
                                 &out->wind_used_w,
                                 &out->charge_w,
                                 &out->discharge_w,
                                 &out->soc_end_wh,
                                 &out->it_jobs_w[0],
                                 &out->it_jobs_w[1],
                                 &out->it_jobs_w[2],
                                 &out->chiller_heat_w,
                                 &out->free_heat_w,
                                 &out->tank_charge_w,
                                 &out->tank_discharge_w,
                                 &out->tank_end_wh,
                                 &out->ramp_breach_w,
                                 &out->cooling_short_w,
                                 &out->facility_w,
                                 &out->breach_w,
                                 &out->group_breach_w[0],
                                 &out->group_breach_w[1],
                                 &out->group_breach_w[2],
                                 &out->reserve_short_wh,
                                 &out->marginal_per_mwh};
        for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
            *reals[i] = next_random(random) % 100000 / 7.0 - 1000;
        in->start_ms = issue_ms + s * 300000;
        in->length_ms = 300000;
        in->import_limit_w = s % 2 ? (double)INFINITY : 9e5;
        out->feeder_breach_w[1] = s % 5 == 0 ? s + 0.5 : 0;
        out->battery_reason = s % 3 ? REASON_IDLE : REASON_ARBITRAGE;
        out->tank_reason = s % 4 ? REASON_NONE : REASON_PEAK_SHAVING;
    }
    for (int j = 0; j < plan->job_count; j++) {
        struct plan_job *job = &plan->jobs[j];
        *job = (struct plan_job){.id = 100 + (j * 7) % 40,
                                 .group = j % 4 - 1,
                                 .late = j % 2,
                                 .run_count = j % (LIMIT_RUNS + 1),
                                 .reason = REASON_DEADLINE,
                                 .finish_ms = j % 4 ? issue_ms + j : INT64_MAX};
        for (int r = 0; r < job->run_count; r++)
            job->runs[r] =
                (struct plan_run){issue_ms + r * 1000, issue_ms + r * 1000 + 500, (j + r) % 4};
        for (int s = 0; s < plan->slot_count; s++) /* from none to a change in every slot */
            plan->why[j * plan->slot_count + s] =
                j % 2 ? (uint16_t)(REASON_RUN_NOW + s / (1 + j % 7) % 5)
                      : (s > 90 ? REASON_NONE : REASON_DEADLINE);
    }
    return plan;
}

struct recovered {
    struct plan *plan;
    int meters, histories, quarters, modes, uncleans;
    int64_t end_ms, end_milliwh, raw_milliwh, last_step_ms, plan_id, month_ms, unclean_ms;
    double peak_w;
    enum mode battery;
    struct pue quarter;
    int64_t first_quarter_ms;
    struct energy_interval intervals[16];
    int interval_count;
    struct recovered_mean {
        int32_t point;
        int64_t quarter_ms, seen_ms;
        double mean;
    } means[16];
    int mean_count;
    int64_t last_job_id;
    int32_t last_level;
    int jobs_by_state[JOB_STATES];
    struct {
        int32_t point;
        int64_t count;
    } writes[4];
    int write_count;
};

static void on_meter(void *context, int32_t point, int64_t end_ms, int64_t end_milliwh,
                     int64_t raw_milliwh)
{
    struct recovered *r = context;
    (void)point;
    r->meters++;
    r->end_ms = end_ms;
    r->end_milliwh = end_milliwh;
    r->raw_milliwh = raw_milliwh;
}

static void on_history(void *context, enum forecast_series series, int64_t step_ms, double value)
{
    struct recovered *r = context;
    assert_int_equal(series, SERIES_PRICE);
    assert_true(step_ms > r->last_step_ms);
    assert_float_equal(value, (double)(step_ms / QUARTER_MS % 1000), 1e-9);
    r->last_step_ms = step_ms;
    r->histories++;
}

static void on_quarter(void *context, const struct pue *quarter)
{
    struct recovered *r = context;
    if (r->quarters++ == 0)
        r->first_quarter_ms = quarter->start_ms;
    r->quarter = *quarter;
}

static void on_interval(void *context, const struct energy_interval *interval)
{
    struct recovered *r = context;
    assert_in_range(r->interval_count, 0, 15);
    r->intervals[r->interval_count++] = *interval;
}

static void on_mean(void *context, int32_t point, int64_t quarter_ms, double mean, int64_t seen_ms)
{
    struct recovered *r = context;
    assert_in_range(r->mean_count, 0, 15);
    r->means[r->mean_count++] = (struct recovered_mean){point, quarter_ms, seen_ms, mean};
}

static void on_job(void *context, int64_t job_id, enum job_state state, int32_t level)
{
    struct recovered *r = context;
    assert_true(job_id > r->last_job_id);
    r->last_job_id = job_id;
    r->jobs_by_state[state]++;
    r->last_level = level;
}

static void on_peak(void *context, int64_t month_start_ms, double peak_w)
{
    struct recovered *r = context;
    r->month_ms = month_start_ms;
    r->peak_w = peak_w;
}

static void on_writes(void *context, int32_t point, int64_t count)
{
    struct recovered *r = context;
    r->writes[r->write_count].point = point;
    r->writes[r->write_count++].count = count;
}

static void on_mode(void *context, enum subsystem subsystem, enum mode mode)
{
    struct recovered *r = context;
    r->modes++;
    if (subsystem == SUBSYSTEM_BATTERY)
        r->battery = mode;
}

static void on_plan(void *context, struct plan *plan)
{
    struct recovered *r = context;
    assert_null(r->plan);
    r->plan = plan;
}

static void on_plan_id(void *context, int64_t last_id)
{
    ((struct recovered *)context)->plan_id = last_id;
}

static void on_unclean(void *context, int64_t last_ms)
{
    struct recovered *r = context;
    r->uncleans++;
    r->unclean_ms = last_ms;
}

static struct recovered recover_at(struct store *store, int64_t now_ms)
{
    struct recovered r = {0};
    struct error error = {""};
    const struct store_recovery calls = {.meter = on_meter,
                                         .history = on_history,
                                         .quarter = on_quarter,
                                         .interval = on_interval,
                                         .mean = on_mean,
                                         .job = on_job,
                                         .peak = on_peak,
                                         .writes = on_writes,
                                         .mode = on_mode,
                                         .plan = on_plan,
                                         .plan_id = on_plan_id,
                                         .unclean = on_unclean,
                                         .context = &r};
    if (store_recover(store, now_ms, &calls, &error) != 0)
        fail_msg("%s", error.text);
    return r;
}

/* Also that nobody forgot a new field: structs are compared whole, but for what follows the last
 * field that padding leaves undefined. */
static void assert_same_site(const struct plan_site *a, const struct plan_site *b, int slots)
{
    assert_int_equal(a->feeder_count, b->feeder_count);
    assert_int_equal(a->group_count, b->group_count);
    assert_memory_equal(a->feeders, b->feeders, sizeof a->feeders);
    for (int g = 0; g < a->group_count; g++) {
        assert_int_equal(a->groups[g].feeder, b->groups[g].feeder);
        assert_true(a->groups[g].limit_w == b->groups[g].limit_w);
        assert_memory_equal(a->groups[g].accelerators, b->groups[g].accelerators,
                            sizeof a->groups[g].accelerators);
    }
    assert_float_equal(a->peak_import_w, b->peak_import_w, 0);
    assert_memory_equal(a->frame, b->frame, (size_t)slots * sizeof *a->frame);
    for (int s = 0; s < slots; s++) {
        assert_memory_equal(&a->slots[s], &b->slots[s], offsetof(struct plan_slot, battery_reason));
        assert_int_equal(a->slots[s].battery_reason, b->slots[s].battery_reason);
        assert_int_equal(a->slots[s].tank_reason, b->slots[s].tank_reason);
    }
}

static void assert_same_job(const struct plan_job *a, const struct plan_job *b)
{
    assert_memory_equal(a, b, offsetof(struct plan_job, runs));
    for (int r = 0; r < a->run_count; r++) {
        assert_int_equal(a->runs[r].start_ms, b->runs[r].start_ms);
        assert_int_equal(a->runs[r].end_ms, b->runs[r].end_ms);
        assert_int_equal(a->runs[r].level, b->runs[r].level);
    }
    assert_int_equal(a->finish_ms, b->finish_ms);
    assert_int_equal(a->late, b->late);
    assert_int_equal(a->reason, b->reason);
}

static void assert_same_plan(const struct plan *a, const struct plan *b)
{
    assert_int_equal(a->slot_count, b->slot_count);
    assert_int_equal(a->job_count, b->job_count);
    assert_memory_equal(a, b, offsetof(struct plan, late_jobs));
    assert_int_equal(a->late_jobs, b->late_jobs);
    assert_float_equal(a->solve_ms, b->solve_ms, 0);
    assert_int_equal(a->site_count, b->site_count);
    assert_same_site(&a->sites[0], &b->sites[0], a->slot_count);
    for (int j = 0; j < a->job_count; j++)
        assert_same_job(&a->jobs[j], &b->jobs[j]);
    assert_memory_equal(a->why, b->why,
                        (size_t)a->slot_count * (size_t)a->job_count * sizeof *a->why);
}

static void test_the_plan_comes_back_as_it_was(void **state)
{
    (void)state;
    struct site site;
    uint32_t random = 7;
    site_begin(&site);
    struct plan *old = make_plan(T0 - 10 * MINUTE_MS, 4, &random);
    struct plan *plan = make_plan(T0, 5, &random);
    struct store *store = open_store(&site);
    assert_true(store_post_plan(store, old));
    assert_true(store_post_plan(store, plan));
    assert_true(store_post_plan(store, plan)); /* twice is once */
    store_close(store);
    store = open_store(&site);
    struct recovered r = recover_at(store, T0 + MINUTE_MS);
    assert_non_null(r.plan);
    assert_same_plan(plan, r.plan);
    assert_int_equal(r.plan_id, 5);
    plan_destroy(r.plan);
    r = recover_at(store, T0 + 2 * HOUR_MS); /* expired by now */
    assert_null(r.plan);
    assert_int_equal(r.plan_id, 5);
    store_close(store);
    assert_sound(&site);
    plan_destroy(plan);
    plan_destroy(old);
    site_end(&site);
}

/* Jobs that found a place between two plans stand in the ledger with the others of their plan. */
static void test_jobs_that_came_later_join_their_plan(void **state)
{
    (void)state;
    struct site site;
    uint32_t random = 5;
    site_begin(&site);
    struct plan *plan = make_plan(T0, 5, &random);
    struct store *store = open_store(&site);
    tick_output_clear(&site.output);
    site.output.adopted = plan;
    plan->job_count = 30;
    assert_true(store_post_tick_plan(store, &site.output));
    tick_output_clear(&site.output);
    assert_true(store_post_tick_plan(store, &site.output)); /* nothing new */
    site.output.extended = plan;
    for (site.output.extended_from = 30; site.output.extended_from < 40;
         site.output.extended_from += 5) {
        plan->job_count = site.output.extended_from + 5;
        plan->late_jobs++;
        assert_true(store_post_tick_plan(store, &site.output));
    }
    store_close(store);
    store = open_store(&site);
    struct recovered r = recover_at(store, T0 + MINUTE_MS);
    assert_non_null(r.plan);
    assert_int_equal(r.plan->late_jobs, 4);
    assert_same_plan(plan, r.plan);
    store_close(store);
    assert_sound(&site);
    assert_ask(&site, "SELECT count(*) FROM plan_job", 40);
    assert_ask(&site, "SELECT count(*) FROM plan", 1);
    plan_destroy(r.plan);
    plan_destroy(plan);
    site_end(&site);
}

/* Groups and feeders go by name: another order in the configuration changes nothing. */
static void test_a_plan_finds_its_groups_again(void **state)
{
    (void)state;
    struct site site;
    uint32_t random = 3;
    site_begin(&site);
    struct plan *plan = make_plan(T0, 5, &random);
    struct store *store = open_store(&site);
    assert_true(store_post_plan(store, plan));
    store_close(store);
    topology_destroy(site.topology);
    site.topology = topology_create();
    topology_add_feeder(site.topology, "feeder-b", 500e3, NULL);
    topology_add_feeder(site.topology, "feeder-a", 500e3, NULL);
    topology_add_group(site.topology, "rack-new", 1, 50e3, NULL);
    topology_add_group(site.topology, "rack-a2", 1, 300e3, NULL); /* rack-a1 is gone */
    topology_add_accelerators(site.topology, 0, "h100", 1, NULL);
    store = open_store(&site);
    struct recovered r = recover_at(store, T0 + MINUTE_MS);
    const struct plan_site *before = &plan->sites[0], *after = &r.plan->sites[0];
    assert_int_equal(after->feeder_count, 2);
    assert_int_equal(after->group_count, 3);
    assert_true(after->groups[0].feeder == 0 && after->groups[0].limit_w == 3e5);
    assert_true(after->groups[2].feeder == 1 && isinf(after->groups[2].limit_w));
    assert_int_equal(after->groups[2].accelerators[0], 8);
    assert_true(after->groups[1].limit_w == 50e3); /* unknown to the plan: as it is now */
    assert_true(after->feeders[1].limit_w == 4e5 && isinf(after->feeders[0].limit_w));
    assert_true(after->slots[9].it_jobs_w[2] == before->slots[9].it_jobs_w[2]);
    assert_true(after->slots[9].it_jobs_w[0] == before->slots[9].it_jobs_w[1]);
    assert_true(after->slots[9].it_jobs_w[1] == 0);
    assert_true(after->slots[5].feeder_breach_w[0] == 5.5);
    for (int j = 0; j < plan->job_count; j++) {
        static const int moved[] = {-1, 0, 2}; /* rack-a1, feeder-b, rack-a2 */
        int group = plan->jobs[j].group;
        assert_int_equal(r.plan->jobs[j].group, group < 0 ? -1 : moved[group]);
    }
    store_close(store);
    plan_destroy(r.plan);
    plan_destroy(plan);
    site_end(&site);
}

/* The reasons of a plan, expanded: as many stretches as there are changes, and each slot's own. */
static void test_the_reasons_of_a_plan_can_be_read(void **state)
{
    (void)state;
    struct site site;
    uint32_t random = 11;
    char sql[1024];
    site_begin(&site);
    struct plan *plan = make_plan(T0, 5, &random);
    struct store *store = open_store(&site);
    assert_true(store_post_plan(store, plan));
    store_close(store);
    for (int j = 0; j < plan->job_count; j++) {
        const uint16_t *why = plan->why + j * plan->slot_count;
        int stretches = 0;
        for (int s = 0; s < plan->slot_count; s++) {
            stretches += why[s] != REASON_NONE && (s == 0 || why[s] != why[s - 1]);
            if (s % 7 != j % 7)
                continue;
            snprintf(sql, sizeof sql,
                     "SELECT coalesce(max(reason = '%s' AND plan_id = 5), 0) FROM v_plan_job_why"
                     " WHERE issue_ms = %lld AND job_id = %lld AND start_ms <= %lld"
                     " AND end_ms > %lld",
                     reason_name((enum reason)why[s]), (long long)plan->issue_ms,
                     (long long)plan->jobs[j].id, (long long)plan->sites[0].frame[s].start_ms,
                     (long long)plan->sites[0].frame[s].start_ms);
            assert_ask(&site, sql, why[s] != REASON_NONE);
        }
        snprintf(sql, sizeof sql, "SELECT count(*) FROM v_plan_job_why WHERE job_id = %lld",
                 (long long)plan->jobs[j].id);
        assert_ask(&site, sql, stretches);
    }
    assert_ask(&site, "SELECT max(end_ms) - 1781481600000 FROM v_plan_job_why", 100 * 300000);
    assert_ask(&site,
               "SELECT count(*) FROM v_plan_run WHERE level = 2 AND rack_group = 'rack-a2'"
               " AND feeder = 'feeder-a'",
               ask(&site,
                   "SELECT count(*) FROM plan_run JOIN plan_job USING (issue_ms, position)"
                   " JOIN rack_group USING (group_id) WHERE level = 2 AND name = 'rack-a2'"));
    assert_ask(&site, "SELECT count(*) > 5 FROM v_plan_run WHERE level = 2", 1);
    snprintf(sql, sizeof sql,
             "SELECT it_jobs_w - (%.17g) FROM v_plan_feeder WHERE slot = 4 AND feeder = 'feeder-a'"
             " AND limit_w = 4e5 AND breach_w = 0",
             plan->sites[0].slots[4].it_jobs_w[0] + plan->sites[0].slots[4].it_jobs_w[2]);
    assert_ask(&site, sql, 0);
    assert_ask(&site, "SELECT breach_w FROM v_plan_feeder WHERE slot = 5 AND feeder = 'feeder-b'",
               5.5);
    plan_destroy(plan);
    site_end(&site);
}

static void post_quarters(struct site *site, struct store *store, int count)
{
    int32_t utility = point_of(site, "utility", POINT_ENERGY_IMPORT);
    for (int q = 0; q < count; q++) {
        struct tick_output *output = &site->output;
        int64_t start_ms = T0 + q * (int64_t)QUARTER_MS;
        output->interval_count = output->account_count = 0;
        add_interval(output, utility, start_ms, q * 1000, q * 1000 + 1000, QUALITY_GOOD);
        output->accounts[output->account_count++] =
            (struct account){.start_ms = start_ms,
                             .end_ms = start_ms + QUARTER_MS,
                             .balance.import = {1000 + q % 7, QUALITY_GOOD, 1},
                             .pue = {.start_ms = start_ms,
                                     .end_ms = start_ms + QUARTER_MS,
                                     .category = 1,
                                     .facility_wh = 13,
                                     .it_wh = 10,
                                     .value = 1.3,
                                     .coverage = 0.5,
                                     .interim = true,
                                     .quality = QUALITY_GOOD}};
        assert_true(store_post_tick(store, start_ms + QUARTER_MS, output));
        assert_true(store_post_history(store, start_ms + QUARTER_MS, SERIES_PRICE, start_ms,
                                       (double)(start_ms / QUARTER_MS % 1000)));
    }
}

static void test_a_restart_finds_its_commitments(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    struct store *store = open_store(&site);
    struct recovered r = recover_at(store, T0);
    assert_int_equal(r.meters + r.histories + r.quarters + r.modes + r.uncleans, 0);
    assert_null(r.plan);
    post_quarters(&site, store, 100);
    store_post_mode(store, T0, SUBSYSTEM_BATTERY, MODE_CONTROL, "ann");
    store_post_mode(store, T0, SUBSYSTEM_JOBS, MODE_CONTROL, "ann");
    store_post_mode(store, T0 + 1, SUBSYSTEM_BATTERY, MODE_ADVISE, "bob");
    store_close(store);
    store = open_store(&site);
    r = recover_at(store, T0 + 100 * (int64_t)QUARTER_MS + 5);
    assert_int_equal(r.meters, 1);
    assert_int_equal(r.end_ms, T0 + 100 * (int64_t)QUARTER_MS);
    assert_int_equal(r.end_milliwh, 100000);
    assert_int_equal(r.raw_milliwh, 100000);
    assert_int_equal(r.histories, 100);
    assert_int_equal(r.quarters, 100);
    assert_int_equal(r.interval_count, 0); /* each has its account */
    assert_float_equal(r.quarter.value, 1.3, 1e-12);
    assert_float_equal(r.quarter.coverage, 0.5, 1e-12);
    assert_true(r.quarter.interim && r.quarter.category == 1);
    assert_float_equal(r.peak_w, 4 * 1006, 1e-6);
    assert_int_equal(r.month_ms, T0 - 14 * (int64_t)DAY_MS);
    assert_int_equal(r.modes, 2);
    assert_int_equal(r.battery, MODE_ADVISE);
    assert_int_equal(r.uncleans, 0);
    store_close(store);
    site_end(&site);
}

/* Down before midnight, up after it: yesterday closes in this run, with all its quarters. */
/* Of all runs together; what never left wears nothing. */
static void test_the_life_of_registers_is_known(void **state)
{
    (void)state;
    static const enum reason outcomes[] = {REASON_WRITE_CONFIRMED, REASON_WRITE_REFUSED,
                                           REASON_WRITE_NOT_HELD,  REASON_WRITE_UNANSWERED,
                                           REASON_WRITE_REPLACED,  REASON_WRITE_FAILED};
    struct site site;
    site_begin(&site);
    int32_t set = point_of(&site, "battery", POINT_POWER_SET);
    struct store *store = open_store(&site);
    assert_int_equal(recover_at(store, T0).write_count, 0);
    for (int run = 0; run < 2; run++) {
        for (int i = 0; i < 6; i++)
            assert_true(store_post_write(store, T0 + i, set, 1e3, outcomes[i]));
        store_close(store);
        store = open_store(&site);
    }
    struct recovered r = recover_at(store, T0 + HOUR_MS);
    assert_int_equal(r.write_count, 1);
    assert_int_equal(r.writes[0].point, set);
    assert_int_equal(r.writes[0].count, 10);
    store_close(store);
    assert_ask(&site, "SELECT writes FROM v_register_life WHERE point = 'battery.power_set_w'", 10);
    assert_ask(&site, "SELECT unsent FROM v_register_life", 2);
    assert_ask(&site, "SELECT count(*) FROM v_setpoint_write WHERE outcome = 'write_not_held'", 2);
    site_end(&site);
}

static void test_yesterday_comes_back_whole(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    struct store *store = open_store(&site);
    post_quarters(&site, store, 2 * 96 + 95);
    store_close(store);
    store = open_store(&site);
    struct recovered r = recover_at(store, T0 + 3 * DAY_MS + MINUTE_MS);
    assert_int_equal(r.quarters, 95);
    assert_int_equal(r.first_quarter_ms, T0 + 2 * DAY_MS);
    r = recover_at(store, T0 + 2 * DAY_MS + 23 * HOUR_MS + 50 * MINUTE_MS);
    assert_int_equal(r.quarters, 96 + 95); /* all of the day before, and today's so far */
    assert_int_equal(r.first_quarter_ms, T0 + DAY_MS);
    store_close(store);
    site_end(&site);
}

static void test_an_unknown_quarter_comes_back_unknown(void **state)
{
    (void)state;
    static const char *const nulls[] = {"it_wh = NULL", "facility_wh = NULL"};
    struct site site;
    site_begin(&site);
    struct store *store = open_store(&site);
    post_quarters(&site, store, 1);
    store_close(store);
    for (int i = 0; i < 2; i++) {
        char sql[128];
        snprintf(sql, sizeof sql, "UPDATE pue SET facility_wh = 13, it_wh = 10; UPDATE pue SET %s",
                 nulls[i]);
        tell(&site, sql);
        store = open_store(&site);
        struct recovered r = recover_at(store, T0 + HOUR_MS);
        store_close(store);
        assert_int_equal(r.quarters, 1);
        assert_int_equal(r.quarter.quality, QUALITY_MISSING);
        assert_true(isnan(r.quarter.facility_wh) && isnan(r.quarter.it_wh));
        assert_true(isnan(r.quarter.value));
    }
    site_end(&site);
}

/* The meters of a quarter were stored, its account was not. */
static void test_only_intervals_without_account_come_back(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    struct store *store = open_store(&site);
    int32_t utility = point_of(&site, "utility", POINT_ENERGY_IMPORT);
    int32_t pv = point_of(&site, "pv", POINT_ENERGY_EXPORT);
    post_quarters(&site, store, 4);
    site.output.interval_count = site.output.account_count = 0;
    for (int q = 4; q < 6; q++)
        add_interval(&site.output, utility, T0 + q * QUARTER_MS, q * 1000, q * 1000 + 1000,
                     QUALITY_GOOD);
    add_interval(&site.output, pv, T0 + 4 * QUARTER_MS, 70, 95, QUALITY_ESTIMATED);
    site.output.intervals[2].coverage = 0.25;
    assert_true(store_post_tick(store, T0 + 6 * QUARTER_MS, &site.output));
    store_close(store);
    store = open_store(&site);
    struct recovered r = recover_at(store, T0 + 6 * QUARTER_MS + MINUTE_MS);
    assert_int_equal(r.interval_count, 3);
    assert_int_equal(r.intervals[0].point, utility);
    assert_int_equal(r.intervals[0].start_ms, T0 + 4 * QUARTER_MS);
    assert_int_equal(r.intervals[1].start_ms, T0 + 5 * QUARTER_MS);
    assert_int_equal(r.intervals[1].end_milliwh, 6000);
    assert_int_equal(r.intervals[2].point, pv);
    assert_int_equal(r.intervals[2].end_ms, T0 + 5 * QUARTER_MS);
    assert_int_equal(r.intervals[2].start_milliwh, 70);
    assert_int_equal(r.intervals[2].end_milliwh, 95);
    assert_int_equal(r.intervals[2].quality, QUALITY_ESTIMATED);
    assert_int_equal(r.intervals[2].reason, REASON_FRESH);
    assert_float_equal(r.intervals[2].coverage, 0.25, 0);
    r = recover_at(store, T0 + 5 * QUARTER_MS + MINUTE_MS); /* the future is left alone */
    assert_int_equal(r.interval_count, 2);
    r = recover_at(store, T0 + 12 * QUARTER_MS + MINUTE_MS); /* more than the cycle keeps open */
    assert_int_equal(r.interval_count, 1);
    assert_int_equal(r.intervals[0].start_ms, T0 + 5 * QUARTER_MS);
    store_close(store);
    site_end(&site);
}

static void post_reading(struct site *site, struct store *store, int32_t point, int64_t at_ms,
                         enum quality quality, double value)
{
    set_sample(site, point, quality, value, at_ms);
    site->image.frozen_ms = at_ms;
    assert_true(store_post_image(store, &site->image));
}

/* Each good reading weighs as long as it held. */
static void test_means_come_back_with_their_weight(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    struct store *store = open_store(&site);
    int32_t power = point_of(&site, "utility", POINT_POWER);
    int32_t soc = point_of(&site, "battery", POINT_SOC);
    post_quarters(&site, store, 1); /* it has its account: nothing of it */
    const int64_t q1 = T0 + QUARTER_MS, q2 = q1 + QUARTER_MS;
    post_reading(&site, store, power, T0 + MINUTE_MS, QUALITY_GOOD, 1e6);
    post_reading(&site, store, power, q1, QUALITY_GOOD, 100);
    post_reading(&site, store, soc, q1 + MINUTE_MS, QUALITY_GOOD, 50);
    post_reading(&site, store, power, q1 + 10 * MINUTE_MS, QUALITY_GOOD, 400); /* until its end */
    post_reading(&site, store, power, q2, QUALITY_GOOD, 10);
    post_reading(&site, store, power, q2 + MINUTE_MS, QUALITY_STALE, 10); /* for two minutes */
    post_reading(&site, store, power, q2 + 3 * MINUTE_MS, QUALITY_GOOD, 40);
    post_reading(&site, store, soc, q2 + 5 * MINUTE_MS, QUALITY_STALE, 50); /* the last record */
    store_close(store);
    store = open_store(&site);
    struct recovered r = recover_at(store, q2 + 7 * MINUTE_MS);
    assert_int_equal(r.mean_count, 3);
    const struct recovered_mean expected[] = {
        {power, q1, QUARTER_MS, (10 * 100 + 5 * 400) / 15.0},
        {power, q2, 3 * MINUTE_MS, (1 * 10 + 2 * 40) / 3.0},
        {soc, q1, 14 * MINUTE_MS, 50},
    };
    for (int i = 0; i < 3; i++) {
        assert_int_equal(r.means[i].point, expected[i].point);
        assert_int_equal(r.means[i].quarter_ms, expected[i].quarter_ms);
        assert_int_equal(r.means[i].seen_ms, expected[i].seen_ms);
        assert_float_equal(r.means[i].mean, expected[i].mean, 1e-9);
    }
    store_close(store);
    site_end(&site);
}

static void test_jobs_come_back_in_their_newest_state(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    struct store *store = open_store(&site);
    for (int64_t id = 9; id >= 1; id--) { /* posted in no order of theirs */
        struct job job = {.id = id, .feeder = -1, .state = JOB_RUNNING, .level = id == 9 ? 1 : 0};
        assert_true(store_post_job(store, &job, REASON_RUN_NOW, T0 + id));
        job.state = JOB_COMPLETED;
        if (id % 3 == 0)
            assert_true(store_post_job(store, &job, REASON_IDLE, T0 + 100 + id));
    }
    store_close(store);
    store = open_store(&site);
    struct recovered r = recover_at(store, T0 + HOUR_MS);
    assert_int_equal(r.last_job_id, 9);
    assert_int_equal(r.last_level, 1);
    assert_int_equal(r.jobs_by_state[JOB_COMPLETED], 3);
    assert_int_equal(r.jobs_by_state[JOB_RUNNING], 6);
    store_close(store);
    site_end(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_news_is_stored_and_unknown_is_null),
        cmocka_unit_test(test_verdicts_are_stored_with_their_time),
        cmocka_unit_test(test_rollups_equal_recomputation),
        cmocka_unit_test(test_old_rows_go_only_after_their_rollup),
        cmocka_unit_test(test_a_tick_is_stored_whole_and_once),
        cmocka_unit_test(test_decisions_carry_names),
        cmocka_unit_test(test_jobs_keep_their_levels),
        cmocka_unit_test(test_one_bad_record_goes_alone),
        cmocka_unit_test(test_forecasts_are_thinned_and_compared),
        cmocka_unit_test(test_the_plan_comes_back_as_it_was),
        cmocka_unit_test(test_jobs_that_came_later_join_their_plan),
        cmocka_unit_test(test_a_plan_finds_its_groups_again),
        cmocka_unit_test(test_the_reasons_of_a_plan_can_be_read),
        cmocka_unit_test(test_a_restart_finds_its_commitments),
        cmocka_unit_test(test_the_life_of_registers_is_known),
        cmocka_unit_test(test_yesterday_comes_back_whole),
        cmocka_unit_test(test_an_unknown_quarter_comes_back_unknown),
        cmocka_unit_test(test_only_intervals_without_account_come_back),
        cmocka_unit_test(test_means_come_back_with_their_weight),
        cmocka_unit_test(test_jobs_come_back_in_their_newest_state),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
