/* A small site, a ledger in a folder of its own, and questions to it in SQL. */
#ifndef TIDEWATT_TESTS_UNIT_STORE_FIXTURE_H
#define TIDEWATT_TESTS_UNIT_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "controller/base/utc.h"
#include "controller/store/store.h"

#define T0 1781481600000LL /* 2026-06-15T00:00:00Z */

struct site {
    char folder[64];
    struct store_config config;
    struct topology *topology;
    struct image image;
    struct tick_output output; /* large: kept out of the stack */
};

static inline void add_device(struct topology *topology, const char *name, enum device_role role,
                              int32_t feeder, const enum point_kind *kinds, int count)
{
    assert_true(topology_add_device(topology, name, role, feeder, 5000, NULL) >= 0);
    for (int i = 0; i < count; i++) {
        struct point point = {.kind = kinds[i], .low = -1e12, .high = 1e12};
        point.device = topology->device_count - 1;
        assert_true(topology_add_point(topology, &point, NULL) >= 0);
    }
}

#define KINDS(...)                                                                                 \
    (const enum point_kind[]){__VA_ARGS__},                                                        \
        (int)(sizeof((const enum point_kind[]){__VA_ARGS__}) / sizeof(enum point_kind))

static inline struct topology *make_topology(void)
{
    struct topology *t = topology_create();
    assert_non_null(t);
    topology_add_feeder(t, "feeder-a", 500e3, NULL);
    topology_add_feeder(t, "feeder-b", 500e3, NULL);
    assert_int_equal(topology_add_group(t, "rack-a1", 0, 200e3, NULL), 0);
    assert_int_equal(topology_add_group(t, "rack-a2", 0, 300e3, NULL), 2);
    assert_int_equal(topology_add_accelerators(t, 2, "h100", 8, NULL), 0);
    assert_int_equal(topology_add_accelerators(t, 0, "a100", 16, NULL), 0);
    add_device(t, "utility", ROLE_UTILITY, -1,
               KINDS(POINT_POWER, POINT_ENERGY_IMPORT, POINT_ENERGY_EXPORT));
    add_device(t, "pv", ROLE_PV, -1, KINDS(POINT_ENERGY_EXPORT));
    add_device(t, "battery", ROLE_BATTERY, -1,
               KINDS(POINT_SOC, POINT_POWER_SET, POINT_ENERGY_IMPORT, POINT_ENERGY_EXPORT));
    add_device(t, "ups", ROLE_UPS, -1, KINDS(POINT_ENERGY_IMPORT));
    add_device(t, "pdu-a", ROLE_RACK_PDU, 0, KINDS(POINT_POWER, POINT_ENERGY_IMPORT));
    add_device(t, "pdu-b", ROLE_RACK_PDU, 1, KINDS(POINT_POWER)); /* no counter */
    add_device(t, "chiller", ROLE_COOLING, -1, KINDS(POINT_ENERGY_IMPORT));
    return t;
}

static inline void site_begin(struct site *site)
{
    memset(site, 0, sizeof *site);
    strcpy(site->folder, "/tmp/tidewatt-store-XXXXXX");
    assert_non_null(mkdtemp(site->folder));
    snprintf(site->config.path, sizeof site->config.path, "%s/ledger.db", site->folder);
    strcpy(site->config.site, "test-site");
    strcpy(site->config.currency, "EUR");
    strcpy(site->config.version, "0.1.0");
    site->topology = make_topology();
    assert_int_equal(image_init(&site->image, site->topology, NULL), 0);
}

static inline void site_end(struct site *site)
{
    image_finish(&site->image);
    topology_destroy(site->topology);
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char path[LIMIT_PATH + 8];
        snprintf(path, sizeof path, "%s%s", site->config.path, suffixes[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(site->folder), 0);
}

static inline struct store *open_store(struct site *site)
{
    struct store *store = NULL;
    struct error error = {""};
    if (store_open(&site->config, site->topology, &store, &error) != 0)
        fail_msg("%s", error.text);
    return store;
}

static inline int32_t point_of(const struct site *site, const char *device, enum point_kind kind)
{
    int32_t p =
        topology_find_point(site->topology, topology_find_device(site->topology, device), kind);
    assert_true(p >= 0);
    return p;
}

/* The first column of the first row; NAN when NULL or no row. */
static inline double ask(const struct site *site, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    double answer = (double)NAN;
    assert_int_equal(sqlite3_open(site->config.path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL)
        answer = sqlite3_column_double(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return answer;
}

static inline void tell(const struct site *site, const char *sql)
{
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(site->config.path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
}

#define assert_unknown(site, sql) assert_true(isnan(ask(site, sql)))

/* By hand: cmocka takes NAN for equal to anything. */
static inline void assert_ask(const struct site *site, const char *sql, double expected)
{
    double answer = ask(site, sql);
    if (!(fabs(answer - expected) <= 1e-6))
        fail_msg("%s: %.12g, expected %.12g", sql, answer, expected);
}

/* The ledger keeps SQLite's rules and its own. */
static inline void assert_sound(const struct site *site)
{
    assert_ask(site, "SELECT integrity_check = 'ok' FROM pragma_integrity_check", 1);
    assert_ask(site, "SELECT count(*) FROM pragma_foreign_key_check", 0);
}

static inline void add_interval(struct tick_output *output, int32_t point, int64_t start_ms,
                                int64_t start_milliwh, int64_t end_milliwh, enum quality quality)
{
    output->interval_raw_milliwh[output->interval_count] = end_milliwh % 1000000;
    output->intervals[output->interval_count++] =
        (struct energy_interval){.point = point,
                                 .start_ms = start_ms,
                                 .end_ms = start_ms + QUARTER_MS,
                                 .start_milliwh = start_milliwh,
                                 .end_milliwh = end_milliwh,
                                 .coverage = 1,
                                 .quality = quality,
                                 .reason = REASON_FRESH};
}

/* Deterministic on every machine. */
static inline uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

#endif
