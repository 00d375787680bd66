/* Names are the identity of a device, its role belongs to it: a device that changes its role gets
 * a new number, so that the past is still judged by the role it had then. */
#include "controller/store/identity.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/reason.h"
#include "controller/forecast/forecast.h"
#include "controller/plant/sample.h"

static enum db_result seed_reasons(struct db *db)
{
    enum reason reason;
    enum db_result result = DB_DONE;
    for (int i = 0; result == DB_DONE && reason_catalogue(i, &reason); i++)
        result = db_once(db, "INSERT OR REPLACE INTO reason (reason, name, text) VALUES (?, ?, ?)",
                         DB_VALUES(db_integer((int64_t)reason), db_text(reason_name(reason)),
                                   db_text(reason_text(reason))));
    return result;
}

static enum db_result seed_events(struct db *db)
{
    enum event_kind kind;
    enum db_result result = DB_DONE;
    for (int i = 0; result == DB_DONE && event_catalogue(i, &kind); i++)
        result = db_once(
            db,
            "INSERT OR REPLACE INTO event_kind (kind, name, severity, text) VALUES (?, ?, ?, ?)",
            DB_VALUES(db_integer((int64_t)kind), db_text(event_name(kind)),
                      db_text(severity_name(event_severity(kind))), db_text(event_text(kind))));
    return result;
}

static enum db_result seed_names(struct db *db)
{
    enum db_result result = DB_DONE;
    for (int q = 0; result == DB_DONE && q <= QUALITY_MISSING; q++)
        result = db_once(db, "INSERT OR REPLACE INTO quality (quality, name) VALUES (?, ?)",
                         DB_VALUES(db_integer(q), db_text(quality_name((enum quality)q))));
    for (int s = 0; result == DB_DONE && s < FORECAST_TRACKS; s++)
        result = db_once(db, "INSERT OR REPLACE INTO series (series, name) VALUES (?, ?)",
                         DB_VALUES(db_integer(s), db_text(forecast_track_name(s))));
    return result;
}

/* Runs a statement that ends in RETURNING and keeps the number it returns. */
static enum db_result returning(struct db *db, const char *sql, const struct db_value *values,
                                int count, int64_t *ret_id)
{
    struct db_statement *statement = db_prepare(db, sql);
    if (!statement)
        return DB_BROKEN;
    db_bind(statement, values, count);
    enum db_result result = db_next(statement);
    if (result == DB_ROW) {
        *ret_id = db_column_integer(statement, 0);
        result = db_next(statement);
    }
    db_finalize(statement);
    return result;
}

static enum db_result register_feeders(struct identity *identity, struct db *db,
                                       const struct topology *topology)
{
    enum db_result result = DB_DONE;
    identity->feeder_count = topology->feeder_count;
    for (int32_t f = 0; result == DB_DONE && f < topology->feeder_count; f++) {
        const struct feeder *feeder = &topology->feeders[f];
        identity->feeder_limit_w[f] = feeder->limit_w;
        result = returning(db,
                           "INSERT INTO feeder (name, limit_w) VALUES (?, ?)"
                           " ON CONFLICT (name) DO UPDATE SET limit_w = excluded.limit_w"
                           " RETURNING feeder_id",
                           DB_VALUES(db_text(feeder->name),
                                     db_real_if(isfinite(feeder->limit_w), feeder->limit_w)),
                           &identity->feeder_ids[f]);
    }
    return result;
}

static enum db_result register_groups(struct identity *identity, struct db *db,
                                      const struct topology *topology)
{
    enum db_result result = DB_DONE;
    identity->group_count = topology->group_count;
    for (int32_t g = 0; result == DB_DONE && g < topology->group_count; g++) {
        const struct rack_group *group = &topology->groups[g];
        identity->group_feeders[g] = group->feeder;
        identity->group_limit_w[g] = group->limit_w;
        result = returning(db,
                           "INSERT INTO rack_group (name, feeder_id, limit_w) VALUES (?, ?, ?)"
                           " ON CONFLICT (name) DO UPDATE SET feeder_id = excluded.feeder_id,"
                           " limit_w = excluded.limit_w RETURNING group_id",
                           DB_VALUES(db_text(group->name), identity_feeder(identity, group->feeder),
                                     db_real_if(isfinite(group->limit_w), group->limit_w)),
                           &identity->group_ids[g]);
    }
    return result;
}

static enum db_result register_points(struct identity *identity, struct db *db,
                                      const struct topology *topology, const struct device *device,
                                      int64_t device_id)
{
    enum db_result result = DB_DONE;
    int32_t end = device->first_point + device->point_count;
    for (int32_t p = device->first_point; result == DB_DONE && p < end; p++) {
        static const char *const classes[] = {"gauge", "counter", "state", "setpoint"};
        enum point_kind kind = topology->points[p].kind;
        result = returning(
            db,
            "INSERT INTO point (device_id, kind, unit, class) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (device_id, kind) DO UPDATE SET unit = excluded.unit, configured = 1"
            " RETURNING point_id",
            DB_VALUES(db_integer(device_id), db_text(point_kind_name(kind)),
                      db_text(unit_name(point_kind_unit(kind))),
                      db_text(classes[point_kind_class(kind)])),
            &identity->point_ids[p]);
    }
    return result;
}

static enum db_result register_devices(struct identity *identity, struct db *db,
                                       const struct topology *topology)
{
    enum db_result result = DB_DONE;
    for (int32_t d = 0; result == DB_DONE && d < topology->device_count; d++) {
        const struct device *device = &topology->devices[d];
        int64_t device_id = 0;
        result = returning(db,
                           "INSERT INTO device (name, role, feeder_id) VALUES (?, ?, ?)"
                           " ON CONFLICT (name, role) DO UPDATE SET feeder_id = excluded.feeder_id"
                           " RETURNING device_id",
                           DB_VALUES(db_text(device->name), db_text(device_role_name(device->role)),
                                     identity_feeder(identity, device->feeder)),
                           &device_id);
        if (result == DB_DONE)
            result = register_points(identity, db, topology, device, device_id);
    }
    return result;
}

static enum db_result register_all(struct identity *identity, struct db *db,
                                   const struct topology *topology)
{
    enum db_result result = db_script(db, "BEGIN IMMEDIATE");
    if (result == DB_DONE)
        result = seed_reasons(db);
    if (result == DB_DONE)
        result = seed_events(db);
    if (result == DB_DONE)
        result = seed_names(db);
    if (result == DB_DONE)
        result = db_script(db, "UPDATE point SET configured = 0");
    if (result == DB_DONE)
        result = register_feeders(identity, db, topology);
    if (result == DB_DONE)
        result = register_groups(identity, db, topology);
    if (result == DB_DONE)
        result = register_devices(identity, db, topology);
    return result == DB_DONE ? db_script(db, "COMMIT") : result;
}

int identity_init(struct identity *identity, struct db *db, const struct topology *topology,
                  struct error *error)
{
    identity->accelerator_count = topology->accelerator_count;
    memcpy(identity->accelerators, topology->accelerators, sizeof identity->accelerators);
    identity->point_count = topology->point_count;
    identity->point_ids = calloc((size_t)topology->point_count + 1, sizeof *identity->point_ids);
    if (!identity->point_ids)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    if (register_all(identity, db, topology) == DB_DONE)
        return 0;
    error_set(error, ERROR_SYSTEM, "%s", db_message(db));
    db_rollback(db);
    return ERROR_SYSTEM;
}

void identity_finish(struct identity *identity)
{
    free(identity->point_ids);
    identity->point_ids = NULL;
}

struct db_value identity_point(const struct identity *identity, int32_t point)
{
    assert(point < identity->point_count);
    return point < 0 ? db_null() : db_integer(identity->point_ids[point]);
}

struct db_value identity_feeder(const struct identity *identity, int32_t feeder)
{
    assert(feeder < identity->feeder_count);
    return feeder < 0 ? db_null() : db_integer(identity->feeder_ids[feeder]);
}

struct db_value identity_group(const struct identity *identity, int32_t group)
{
    assert(group < identity->group_count);
    return group < 0 ? db_null() : db_integer(identity->group_ids[group]);
}

static int32_t find(const int64_t *ids, int32_t count, int64_t id)
{
    for (int32_t i = 0; i < count; i++) {
        if (ids[i] == id)
            return i;
    }
    return -1;
}

int32_t identity_find_point(const struct identity *identity, int64_t point_id)
{
    return find(identity->point_ids, identity->point_count, point_id);
}

int32_t identity_find_feeder(const struct identity *identity, int64_t feeder_id)
{
    return find(identity->feeder_ids, identity->feeder_count, feeder_id);
}

int32_t identity_find_group(const struct identity *identity, int64_t group_id)
{
    return find(identity->group_ids, identity->group_count, group_id);
}

int32_t identity_find_accelerator(const struct identity *identity, const char *name)
{
    for (int32_t a = 0; a < identity->accelerator_count; a++) {
        if (strcmp(identity->accelerators[a], name) == 0)
            return a;
    }
    return -1;
}

enum db_result identity_in_use(struct db *db, int64_t since_ms)
{
    struct db_value since = db_integer(since_ms);
    enum db_result result =
        db_once(db,
                "UPDATE point_use SET until_ms = max(since_ms, ?) WHERE until_ms IS NULL"
                " AND point_id IN (SELECT point_id FROM point WHERE NOT configured)",
                &since, 1);
    if (result != DB_DONE)
        return result;
    return db_once(db,
                   "INSERT INTO point_use (point_id, since_ms) SELECT point_id, ?1 FROM point AS p"
                   " WHERE configured AND NOT EXISTS (SELECT 1 FROM point_use AS u"
                   " WHERE u.point_id = p.point_id"
                   "   AND (u.until_ms IS NULL OR u.since_ms = ?1))",
                   &since, 1);
}
