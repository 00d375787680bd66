/* SQLite behind a narrow door: the only part of the program that knows the library.
 *
 * Results are few because callers do only a few different things about them. */
#ifndef TIDEWATT_STORE_DB_H
#define TIDEWATT_STORE_DB_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "controller/base/error.h"

struct db;
struct db_statement;

enum db_result {
    DB_DONE,     /* 0: no more rows, or the statement took effect */
    DB_ROW,      /* a row is there */
    DB_FULL,     /* the disk takes no more: try again later */
    DB_BUSY,     /* somebody else holds the lock: try again */
    DB_REJECTED, /* this row breaks a rule of the schema: trying again is useless */
    DB_BROKEN,   /* anything else: see db_message */
};

enum db_access { DB_READ, DB_WRITE };

int db_open(const char *path, enum db_access access, struct db **ret_db, struct error *error);
/* Changes the file, and so comes after whatever may refuse it. */
enum db_result db_write_ahead(struct db *db);
void db_close(struct db *db); /* with all its statements */
const char *db_message(struct db *db);

enum db_result db_script(struct db *db, const char *sql); /* statements without rows */
void db_rollback(struct db *db);                          /* whether or not one is open */

/* A value on its way in. Unknown reals are NAN and become NULL. */
struct db_value {
    enum { DB_VALUE_NULL, DB_VALUE_INTEGER, DB_VALUE_REAL, DB_VALUE_TEXT } type;
    union {
        int64_t integer;
        double real;
        const char *text;
    };
};

static inline struct db_value db_null(void)
{
    return (struct db_value){.type = DB_VALUE_NULL};
}

static inline struct db_value db_integer(int64_t integer)
{
    return (struct db_value){.type = DB_VALUE_INTEGER, .integer = integer};
}

static inline struct db_value db_integer_if(bool known, int64_t integer)
{
    return known ? db_integer(integer) : db_null();
}

static inline struct db_value db_real(double real)
{
    return isnan(real) ? db_null() : (struct db_value){.type = DB_VALUE_REAL, .real = real};
}

static inline struct db_value db_real_if(bool known, double real)
{
    return known ? db_real(real) : db_null();
}

static inline struct db_value db_text(const char *text)
{
    return (struct db_value){.type = DB_VALUE_TEXT, .text = text};
}

/* NULL with db_message when the statement is wrong or memory is out. */
struct db_statement *db_prepare(struct db *db, const char *sql);
/* "INSERT INTO table (a, b)" is completed by one placeholder a column. */
struct db_statement *db_prepare_insert(struct db *db, const char *into);
void db_finalize(struct db_statement *statement);

void db_bind(struct db_statement *statement, const struct db_value *values, int count);
enum db_result db_next(struct db_statement *statement);
void db_reset(struct db_statement *statement);
/* Binds, runs to the end and leaves the statement ready for the next time. */
enum db_result db_run(struct db_statement *statement, const struct db_value *values, int count);
/* The same for a statement that is needed once. */
enum db_result db_once(struct db *db, const char *sql, const struct db_value *values, int count);

/* The values of a call as an array and its length. */
#define DB_VALUES(...)                                                                             \
    (const struct db_value[]){__VA_ARGS__},                                                        \
        (int)(sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value))

bool db_column_null(struct db_statement *statement, int column);
int64_t db_column_integer(struct db_statement *statement, int column);
double db_column_real(struct db_statement *statement, int column);      /* NAN: NULL */
const char *db_column_text(struct db_statement *statement, int column); /* until the next step */

#endif
