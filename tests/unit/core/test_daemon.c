/* The wiring, without running it: what a request leaves in the ledger. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "controller/core/daemon_private.h"

struct fixture {
    char folder[64];
    struct config *config;
    struct clock clock;
};

static void note(void *context, const char *text)
{
    (void)context;
    print_error("%s\n", text);
}

/* The shipped site, with its files in a folder of its own and no broker. */
static int begin(void **state)
{
    static struct fixture fixture;
    struct error error;
    strcpy(fixture.folder, "/tmp/tidewatt-daemon-XXXXXX");
    assert_non_null(mkdtemp(fixture.folder));
    assert_int_equal(configuration_load(CONFIG_FOLDER "/sites/training-hall.cfg", &fixture.config,
                                        note, NULL, &error),
                     0);
    struct config *config = fixture.config;
    snprintf(config->socket_path, sizeof config->socket_path, "%s/socket", fixture.folder);
    snprintf(config->store_path, sizeof config->store_path, "%s/ledger.db", fixture.folder);
    snprintf(config->spool_path, sizeof config->spool_path, "%s/jobs", fixture.folder);
    snprintf(config->supervisor_path, sizeof config->supervisor_path, "/bin/true");
    config->mqtt.host[0] = '\0';
    clock_init_real(&fixture.clock);
    *state = &fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;
    char command[96];
    configuration_destroy(fixture->config);
    snprintf(command, sizeof command, "rm -r %s", fixture->folder);
    return system(command);
}

static struct daemon *start(const struct fixture *fixture)
{
    struct daemon *daemon;
    struct error error;
    if (daemon_create(fixture->config, &fixture->clock, &daemon, &error) < 0)
        fail_msg("%s", error.text);
    return daemon;
}

static int64_t ask(const struct fixture *fixture, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open_v2(fixture->config->store_path, &db, SQLITE_OPEN_READONLY, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}

/* It may wait for days: the ledger has it at once, and a restart adds nothing. */
static void a_submitted_job_is_in_the_ledger(void **state)
{
    const struct fixture *fixture = *state;
    struct error error;
    int64_t id;
    struct job_request request = {.name = "night",
                                  .owner = "ann",
                                  .job_class = JOB_DEFERRABLE,
                                  .power_w = 6500,
                                  .work_ms = 3600000,
                                  .deadline_ms = JOB_NO_DEADLINE,
                                  .argc = 1,
                                  .command = "true",
                                  .command_length = 5,
                                  .directory = "/"};
    struct daemon *daemon = start(fixture);
    assert_int_equal(daemon->api.submit(daemon, &request, &id, &error), REASON_ACCEPTED);
    daemon_destroy(daemon);
    for (int restarts = 0; restarts < 2; restarts++) {
        assert_int_equal(ask(fixture, "SELECT count(*) FROM v_job WHERE state = 'queued' AND name ="
                                      " 'night'"),
                         1);
        assert_int_equal(ask(fixture, "SELECT count(*) FROM job_event"), 1);
        assert_int_equal(ask(fixture, "SELECT count(*) FROM job_event JOIN reason USING (reason)"
                                      " JOIN job USING (job_id) WHERE at_ms = submitted_ms AND"
                                      " reason.name = 'submitted'"),
                         1);
        daemon_destroy(start(fixture));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_submitted_job_is_in_the_ledger, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
