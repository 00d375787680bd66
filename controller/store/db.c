/* The only user of SQLite: connections, statements and results in the words of db.h. */
#include "controller/store/db.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUSY_WAIT_MS = 1000, INSERT_TEXT = 2048 };

struct db {
    sqlite3 *handle;
};

/* A statement is SQLite's own object under another name: no second allocation. */
static sqlite3_stmt *own(struct db_statement *statement)
{
    return (sqlite3_stmt *)(void *)statement;
}

static enum db_result judge(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
        return DB_DONE;
    case SQLITE_ROW:
        return DB_ROW;
    case SQLITE_FULL:
    case SQLITE_IOERR: /* quotas and file size limits arrive as failed writes */
        return DB_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return DB_BUSY;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
        return DB_REJECTED;
    default:
        return DB_BROKEN;
    }
}

/* Small caches: the ledger is written in order and hardly read by the writer. */
static const char *const write_settings = "PRAGMA cache_size = -1024;"
                                          "PRAGMA temp_store = FILE;"
                                          "PRAGMA synchronous = FULL;";

/* A rollup sorts a minute of every point: in memory that is 10 MB for 8,000 points, for good. Files
 * beside the ledger take it instead, in the one folder that a confined service may write. */
static void place_sorts_beside(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash && slash > path && !sqlite3_temp_directory)
        sqlite3_temp_directory = sqlite3_mprintf("%.*s", (int)(slash - path), path);
}

int db_open(const char *path, enum db_access access, struct db **ret_db, struct error *error)
{
    struct db *db = calloc(1, sizeof *db);
    if (!db)
        return error_set(error, ERROR_SYSTEM, "%s: out of memory", path);
    if (access == DB_WRITE)
        place_sorts_beside(path);
    int flags =
        access == DB_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    if (sqlite3_open_v2(path, &db->handle, flags, NULL) != SQLITE_OK)
        goto refused;
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, BUSY_WAIT_MS);
    /* Reads the header, so that a file of another kind is refused before anything is written. */
    if (db_script(db, "SELECT count(*) FROM sqlite_schema") != DB_DONE)
        goto refused;
    if (access == DB_WRITE && db_script(db, write_settings) != DB_DONE)
        goto refused;
    *ret_db = db;
    return 0;
refused:
    error_set(error, ERROR_INVALID,
              "%s: %s; restore a copy of the ledger, or move the file away to start a new one",
              path, db->handle ? sqlite3_errmsg(db->handle) : "out of memory");
    db_close(db);
    return ERROR_INVALID;
}

enum db_result db_write_ahead(struct db *db)
{
    return db_script(db, "PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 8388608");
}

void db_close(struct db *db)
{
    if (!db)
        return;
    sqlite3_stmt *statement;
    while ((statement = sqlite3_next_stmt(db->handle, NULL)))
        sqlite3_finalize(statement);
    sqlite3_close(db->handle);
    free(db);
}

const char *db_message(struct db *db)
{
    return sqlite3_errmsg(db->handle);
}

enum db_result db_script(struct db *db, const char *sql)
{
    return judge(sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

void db_rollback(struct db *db)
{
    /* SQLite has often rolled back by itself after a full disk. */
    if (!sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

struct db_statement *db_prepare(struct db *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
    return (struct db_statement *)(void *)statement;
}

struct db_statement *db_prepare_insert(struct db *db, const char *into)
{
    char sql[INSERT_TEXT];
    int used = snprintf(sql, sizeof sql, "%s VALUES (?", into);
    for (const char *comma = strchr(into, ','); comma; comma = strchr(comma + 1, ','))
        used += snprintf(sql + used, sizeof sql - (size_t)used, ",?");
    snprintf(sql + used, sizeof sql - (size_t)used, ")");
    return db_prepare(db, sql);
}

void db_finalize(struct db_statement *statement)
{
    sqlite3_finalize(own(statement));
}

void db_bind(struct db_statement *statement, const struct db_value *values, int count)
{
    sqlite3_stmt *s = own(statement);
    for (int i = 0; i < count; i++) {
        switch (values[i].type) {
        case DB_VALUE_NULL:
            sqlite3_bind_null(s, i + 1);
            break;
        case DB_VALUE_INTEGER:
            sqlite3_bind_int64(s, i + 1, values[i].integer);
            break;
        case DB_VALUE_REAL:
            sqlite3_bind_double(s, i + 1, values[i].real);
            break;
        case DB_VALUE_TEXT:
            sqlite3_bind_text(s, i + 1, values[i].text, -1, SQLITE_STATIC);
            break;
        }
    }
}

enum db_result db_next(struct db_statement *statement)
{
    return judge(sqlite3_step(own(statement)));
}

void db_reset(struct db_statement *statement)
{
    sqlite3_reset(own(statement));
}

enum db_result db_run(struct db_statement *statement, const struct db_value *values, int count)
{
    db_bind(statement, values, count);
    enum db_result result;
    do {
        result = db_next(statement);
    } while (result == DB_ROW);
    db_reset(statement);
    return result;
}

enum db_result db_once(struct db *db, const char *sql, const struct db_value *values, int count)
{
    struct db_statement *statement = db_prepare(db, sql);
    if (!statement)
        return judge(sqlite3_errcode(db->handle));
    enum db_result result = db_run(statement, values, count);
    db_finalize(statement);
    return result;
}

bool db_column_null(struct db_statement *statement, int column)
{
    return sqlite3_column_type(own(statement), column) == SQLITE_NULL;
}

int64_t db_column_integer(struct db_statement *statement, int column)
{
    return sqlite3_column_int64(own(statement), column);
}

double db_column_real(struct db_statement *statement, int column)
{
    return db_column_null(statement, column) ? (double)NAN
                                             : sqlite3_column_double(own(statement), column);
}

const char *db_column_text(struct db_statement *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(own(statement), column);
    return text ? text : "";
}
