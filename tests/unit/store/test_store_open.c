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
        cmocka_unit_test(test_a_newer_ledger_is_left_alone),
        cmocka_unit_test(test_foreign_files_are_refused),
        cmocka_unit_test(test_bad_paths_are_explained),
        cmocka_unit_test(test_one_controller_and_one_site),
    };
    return cmocka_run_group_tests_name("store_open", tests, NULL, NULL);
}
