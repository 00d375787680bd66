/* Opening the ledger: what is created, what is migrated, and what is refused with which words. */
#include "tests/unit/store/fixture.h"

#include <fcntl.h>

#include "controller/store/migrate.h"

static int refused(struct site *site, struct error *error)
{
    struct store *store = NULL;
    *error = (struct error){""};
    int rc = store_open(&site->config, site->topology, &store, error);
    assert_null(store);
    assert_true(error->text[0] != '\0');
    return rc;
}

static void test_a_new_ledger_is_complete(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    store_close(open_store(&site));
    assert_ask(&site, "SELECT count(*) FROM schema_migration", migration_count);
    assert_ask(&site, "SELECT name = 'too_old' FROM reason WHERE reason = 3", 1);
    assert_ask(&site, "SELECT severity = 'alarm' FROM event_kind WHERE name = 'store_full'", 1);
    assert_ask(&site, "SELECT count(*) FROM point", site.topology->point_count);
    assert_ask(&site, "SELECT clean FROM run", 1);
    assert_sound(&site);
    site_end(&site);
}

static void test_names_keep_their_numbers(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    store_close(open_store(&site));
    double id = ask(&site, "SELECT point_id FROM point JOIN device USING (device_id)"
                           " WHERE name = 'chiller'");
    topology_destroy(site.topology);
    site.topology = topology_create();
    add_device(site.topology, "chiller", ROLE_COOLING, -1, KINDS(POINT_ENERGY_IMPORT));
    add_device(site.topology, "pv", ROLE_AUXILIARY, -1, KINDS(POINT_ENERGY_IMPORT));
    store_close(open_store(&site));
    assert_ask(&site,
               "SELECT point_id FROM point JOIN device USING (device_id)"
               " WHERE name = 'chiller'",
               id);
    /* another role is another device: the past keeps the old one */
    assert_ask(&site, "SELECT count(*) FROM device WHERE name = 'pv'", 2);
    assert_ask(&site, "SELECT count(*) FROM point WHERE configured", 2);
    site_end(&site);
}

static void test_version_1_is_migrated_with_its_rows(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    tell(&site, migrations[0].sql);
    tell(&site, "INSERT INTO schema_migration VALUES (1, 'ledger', '0.0.1', 0);"
                "INSERT INTO mode_change (at_ms, subsystem, mode, asker)"
                " VALUES (5, 'battery', 'control', 'ann')");
    store_close(open_store(&site));
    assert_ask(&site, "SELECT max(version) FROM schema_migration", migration_count);
    assert_ask(&site, "SELECT count(*) FROM schema_migration WHERE program_version = '0.1.0'",
               migration_count - 1);
    assert_ask(&site, "SELECT count(*) FROM mode_change WHERE asker = 'ann'", 1);
    assert_ask(&site, "SELECT count(*) FROM v_pue_day", 0);
    site_end(&site);
}

/* Version 4 kept five quantiles: what was believed stays, what was not kept is unknown. */
static void test_version_4_keeps_its_forecasts(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    for (int i = 0; i < 4; i++)
        tell(&site, migrations[i].sql);
    tell(&site,
         "INSERT INTO schema_migration VALUES (1, 'a', '', 0), (2, 'b', '', 0), (3, 'c', '', 0),"
         " (4, 'd', '', 0);"
         "INSERT INTO series VALUES (2, 'price_per_mwh');"
         "INSERT INTO forecast_issue VALUES (1781481600000, 2, 'seasonal', 1781481600000, 192);"
         "INSERT INTO forecast VALUES (1781481600000, 2, 1781481600000, 1, 2, 3, 4, 5);"
         "INSERT INTO forecast_history VALUES (1781481600000, 2, 4.5);"
         "INSERT INTO forecast_score VALUES (1781481600000, 2, 6, 9, 1, 0, 1, 0.9)");
    store_close(open_store(&site));
    assert_ask(&site, "SELECT q95 FROM v_forecast_vs_actual WHERE inside AND actual = 4.5", 5);
    assert_unknown(&site, "SELECT q10 FROM v_forecast_vs_actual");
    assert_unknown(&site, "SELECT inside_80 FROM v_forecast_vs_actual");
    assert_unknown(&site, "SELECT coverage_80 FROM v_forecast_score WHERE mae = 1");
    assert_sound(&site);
    site_end(&site);
}

static void take_plan(void *context, struct plan *plan)
{
    *(struct plan **)context = plan;
}

/* Version 3 knew feeders only: each becomes a rack group of its name. Its plan goes on. */
static void test_version_3_is_migrated_with_its_plan(void **state)
{
    (void)state;
    struct site site;
    struct plan *plan = NULL;
    struct error error;
    site_begin(&site);
    for (int i = 0; i < 3; i++)
        tell(&site, migrations[i].sql);
    tell(&site,
         "INSERT INTO schema_migration VALUES (1, 'ledger', '0.0.1', 0),"
         " (2, 'auditor_views', '0.0.1', 0), (3, 'point_verdicts', '0.0.1', 0);"
         "INSERT INTO meta VALUES ('site', 'test-site'), ('currency', 'EUR');"
         "INSERT INTO feeder VALUES (5, 'feeder-b', NULL), (6, 'gone', 1e5);"
         "INSERT INTO reason VALUES (0, 'none', ''), (101, 'x', ''), (113, 'x', '');"
         "INSERT INTO plan (issue_ms, plan_id, expires_ms, status, late_jobs, energy_cost)"
         " VALUES (1781481600000, 7, 1781485200000, 'complete', 0, 3.5);"
         "INSERT INTO plan_slot (issue_ms, slot, start_ms, length_ms, import_w, battery_reason)"
         " VALUES (1781481600000, 0, 1781481600000, 300000, 1500, 113),"
         " (1781481600000, 1, 1781481900000, 300000, 2500, 113);"
         "INSERT INTO plan_feeder VALUES (1781481600000, 0, 5, 10, 20, 30),"
         " (1781481600000, 1, 5, 11, 21, 31), (1781481600000, 1, 6, 1, 2, 3);"
         "INSERT INTO plan_job VALUES (1781481600000, 0, 42, 5, 1781481800000, 0, 101),"
         " (1781481600000, 1, 43, NULL, NULL, 1, 101);"
         "INSERT INTO plan_run VALUES (1781481600000, 0, 0, 1781481600000, 1781481800000);"
         "INSERT INTO job (job_id, name, owner, class, state, reason, power_w, work_ms, ran_ms,"
         " release_ms, min_run_ms, can_suspend, feeder_id, suspensions) VALUES"
         " (42, 'j', 'o', 'deferrable', 'running', 101, 50, 7200000, 3600000, 0, 0, 1, 5, 0);"
         "INSERT INTO job_event (at_ms, job_id, state, reason, ran_ms, feeder_id)"
         " VALUES (1, 42, 'running', 101, 0, 5), (2, 42, 'running', 101, 3600000, 5);"
         "INSERT INTO decision (at_ms, subsystem, verb, job_id, feeder_id, reason, mode, asker,"
         " applied) VALUES (1781481600000, 'jobs', 'start', 42, 5, 101, 'control', 'p', 1)");
    struct store *store = open_store(&site);
    const struct store_recovery calls = {.plan = take_plan, .context = &plan};
    assert_int_equal(store_recover(store, T0 + MINUTE_MS, &calls, &error), 0);
    store_close(store);
    assert_ask(&site, "SELECT max(version) FROM schema_migration", migration_count);
    assert_non_null(plan);
    assert_true(plan->id == 7 && plan->slot_count == 2 && plan->job_count == 2);
    assert_true(plan->energy_cost == 3.5 && plan->transfer_cost == 0 && plan->hedge_cost == 0);
    const struct plan_site *of = &plan->sites[0];
    assert_int_equal(of->group_count, 3);
    assert_true(of->frame[1].base_it_w[1] == 11 && of->frame[1].base_it_high_w[1] == 11);
    assert_true(of->slots[1].it_jobs_w[1] == 21 && of->slots[1].group_breach_w[1] == 31);
    assert_true(of->slots[1].import_w == 2500 && of->slots[1].tank_end_wh == 0);
    assert_int_equal(of->slots[1].battery_reason, REASON_IDLE);
    assert_true(of->groups[1].feeder == 1 && of->groups[1].limit_w == 500e3); /* as it is now */
    assert_int_equal(plan->jobs[0].group, 1);
    assert_int_equal(plan->jobs[0].runs[0].level, 0);
    assert_int_equal(plan->jobs[1].group, -1);
    assert_int_equal(plan_why(plan, 0, 0), REASON_NONE);
    plan_destroy(plan);
    assert_ask(&site, "SELECT it_jobs_w FROM v_plan_feeder WHERE feeder = 'gone'", 2);
    assert_ask(&site, "SELECT count(*) FROM v_plan_run WHERE rack_group = 'feeder-b'", 1);
    assert_ask(&site, "SELECT energy_wh FROM v_job WHERE feeder = 'feeder-b'", 50);
    assert_ask(&site, "SELECT count(*) FROM v_decision WHERE level IS NULL AND verb = 'start'", 1);
    assert_ask(&site, "SELECT count(*) FROM v_plan_job_why", 0);
    assert_sound(&site);
    site_end(&site);
}

/* Every view can be asked, whatever the ledger holds: nothing in it speaks of a table that is gone.
 */
static void test_every_view_works(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    store_close(open_store(&site));
    double views = ask(&site, "SELECT count(*) FROM sqlite_schema WHERE type = 'view'");
    assert_true(views >= 15);
    for (int v = 0; v < (int)views; v++) {
        char sql[256], name[64] = "";
        sqlite3 *db;
        sqlite3_stmt *statement;
        snprintf(sql, sizeof sql,
                 "SELECT name FROM sqlite_schema WHERE type = 'view' LIMIT 1 OFFSET %d", v);
        assert_int_equal(sqlite3_open(site.config.path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        snprintf(name, sizeof name, "%s", (const char *)sqlite3_column_text(statement, 0));
        sqlite3_finalize(statement);
        sqlite3_close(db);
        snprintf(sql, sizeof sql, "SELECT count(*) >= 0 FROM %s", name);
        assert_ask(&site, sql, 1);
    }
    site_end(&site);
}

static void test_a_newer_ledger_is_left_alone(void **state)
{
    (void)state;
    struct site site;
    struct error error;
    site_begin(&site);
    store_close(open_store(&site));
    tell(&site, "INSERT INTO schema_migration VALUES (999, 'future', '9.9', 0)");
    assert_int_equal(refused(&site, &error), ERROR_NEWER);
    assert_non_null(strstr(error.text, site.config.path));
    assert_non_null(strstr(error.text, "999"));
    assert_non_null(strstr(error.text, "newer Tidewatt"));
    assert_ask(&site, "SELECT count(*) FROM run", 1);
    site_end(&site);
}

static void test_foreign_files_are_refused(void **state)
{
    (void)state;
    struct site site;
    struct error error;
    site_begin(&site);
    tell(&site, "CREATE TABLE bookmarks (url TEXT)");
    assert_int_equal(refused(&site, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "another program"));
    unlink(site.config.path);
    FILE *file = fopen(site.config.path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is no database\n", file);
    fclose(file);
    assert_int_equal(refused(&site, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "not a database"));
    site_end(&site);
}

static void test_bad_paths_are_explained(void **state)
{
    (void)state;
    struct site site;
    struct error error;
    site_begin(&site);
    char good[LIMIT_PATH];
    strcpy(good, site.config.path);
    snprintf(site.config.path, sizeof site.config.path, "%s/none/ledger.db", site.folder);
    assert_int_equal(refused(&site, &error), ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "/none does not exist"));
    strcpy(site.config.path, site.folder);
    assert_int_equal(refused(&site, &error), ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "directory"));
    strcpy(site.config.path, good);
    site_end(&site);
}

static void test_one_controller_and_one_site(void **state)
{
    (void)state;
    struct site site;
    struct error error;
    site_begin(&site);
    struct store *store = open_store(&site);
    assert_int_equal(refused(&site, &error), ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "another controller"));
    store_close(store);
    strcpy(site.config.site, "elsewhere");
    assert_int_equal(refused(&site, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "test-site"));
    site_end(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_ledger_is_complete),
        cmocka_unit_test(test_names_keep_their_numbers),
        cmocka_unit_test(test_version_1_is_migrated_with_its_rows),
        cmocka_unit_test(test_version_4_keeps_its_forecasts),
        cmocka_unit_test(test_version_3_is_migrated_with_its_plan),
        cmocka_unit_test(test_every_view_works),
        cmocka_unit_test(test_a_newer_ledger_is_left_alone),
        cmocka_unit_test(test_foreign_files_are_refused),
        cmocka_unit_test(test_bad_paths_are_explained),
        cmocka_unit_test(test_one_controller_and_one_site),
    };
    return cmocka_run_group_tests_name("store_open", tests, NULL, NULL);
}
