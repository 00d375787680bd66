/* Each migration runs once, whole or not at all, and leaves its row in schema_migration. */
#include "controller/store/migrate.h"

#include <time.h>

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int broken(struct db *db, const char *path, struct error *error)
{
    return error_set(error, ERROR_SYSTEM, "%s: %s", path, db_message(db));
}

static int read_number(struct db *db, const char *path, const char *sql, int64_t *ret_number,
                       struct error *error)
{
    struct db_statement *statement = db_prepare(db, sql);
    if (!statement || db_next(statement) != DB_ROW) {
        broken(db, path, error);
        db_finalize(statement);
        return ERROR_SYSTEM;
    }
    *ret_number = db_column_integer(statement, 0);
    db_finalize(statement);
    return 0;
}

/* 0 for an empty file. */
static int read_version(struct db *db, const char *path, int64_t *ret_version, struct error *error)
{
    int64_t tables = 0, ours = 0;
    int rc = read_number(db, path, "SELECT count(*) FROM sqlite_schema", &tables, error);
    if (rc == 0)
        rc = read_number(db, path,
                         "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migration'",
                         &ours, error);
    if (rc != 0)
        return rc;
    if (tables > 0 && ours == 0)
        return error_set(error, ERROR_INVALID,
                         "%s: this is a database of another program: choose another store path",
                         path);
    *ret_version = 0;
    if (ours == 0)
        return 0;
    return read_number(db, path, "SELECT coalesce(max(version), 0) FROM schema_migration",
                       ret_version, error);
}

static enum db_result note(struct db *db, const struct migration *migration,
                           const char *program_version)
{
    return db_once(db,
                   "INSERT INTO schema_migration (version, name, program_version, applied_wall_ms)"
                   " VALUES (?, ?, ?, ?)",
                   DB_VALUES(db_integer(migration->version), db_text(migration->name),
                             db_text(program_version), db_integer(wall_ms())));
}

static int apply(struct db *db, const char *path, const struct migration *migration,
                 const char *program_version, struct error *error)
{
    if (db_script(db, "BEGIN IMMEDIATE") == DB_DONE && db_script(db, migration->sql) == DB_DONE &&
        note(db, migration, program_version) == DB_DONE && db_script(db, "COMMIT") == DB_DONE)
        return 0;
    broken(db, path, error);
    db_rollback(db);
    return error_prefix(error, ERROR_SYSTEM, "migration %04d_%s (nothing was changed)",
                        migration->version, migration->name);
}

int migrate(struct db *db, const char *path, const char *program_version, struct error *error)
{
    int64_t version = 0;
    int rc = read_version(db, path, &version, error);
    if (rc != 0)
        return rc;
    if (version > migration_count)
        return error_set(error, ERROR_NEWER,
                         "%s: written by a newer Tidewatt: its schema has version %lld, this "
                         "program (%s) knows version %d; install the newer Tidewatt again or set "
                         "another store path (the file was not changed)",
                         path, (long long)version, program_version, migration_count);
    for (int i = (int)version; i < migration_count; i++) {
        rc = apply(db, path, &migrations[i], program_version, error);
        if (rc != 0)
            return rc;
    }
    return 0;
}
