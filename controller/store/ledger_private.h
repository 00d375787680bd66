/* What the files that write rows share. */
#ifndef TIDEWATT_STORE_LEDGER_PRIVATE_H
#define TIDEWATT_STORE_LEDGER_PRIVATE_H

#include "controller/store/ledger.h"

enum table {
    TABLE_SAMPLE,
    TABLE_INTERVAL,
    TABLE_ACCOUNT,
    TABLE_PUE,
    TABLE_FORECAST_ISSUE,
    TABLE_FORECAST,
    TABLE_HISTORY,
    TABLE_SCORE,
    TABLE_STANDING,
    TABLE_FEED_ISSUE,
    TABLE_FEED_VALUE,
    TABLE_FEED_HISTORY,
    TABLE_PLAN,
    TABLE_PLAN_LATE,
    TABLE_PLAN_SLOT,
    TABLE_PLAN_GROUP,
    TABLE_PLAN_FEEDER_BREACH,
    TABLE_PLAN_FEEDER_LIMIT,
    TABLE_PLAN_GROUP_LIMIT,
    TABLE_PLAN_JOB,
    TABLE_PLAN_RUN,
    TABLE_DECISION,
    TABLE_JOB,
    TABLE_JOB_EVENT,
    TABLE_WRITE,
    TABLE_MODE,
    TABLE_EVENT,
    TABLE_VERDICT,
    TABLES
};

struct ledger {
    struct db *db;
    const struct identity *identity;
    struct db_statement *statements[TABLES];
};

#define INSERT(ledger, table, ...) db_run((ledger)->statements[table], DB_VALUES(__VA_ARGS__))

/* Enumerated reasons and qualities are stored by number and joined to their catalogue. */
static inline struct db_value number(int value)
{
    return db_integer(value);
}

enum db_result ledger_write_plan(struct ledger *ledger, const struct record_plan *record);
enum db_result ledger_write_extension(struct ledger *ledger, const struct record_extension *record);

/* ledger_forecast.c */
enum db_result ledger_write_forecast(struct ledger *ledger, const struct thin_forecast *forecast);
enum db_result ledger_write_history(struct ledger *ledger, const struct record_history *history);
enum db_result ledger_write_scores(struct ledger *ledger, const struct record_scores *record);
enum db_result ledger_write_standings(struct ledger *ledger, const struct record_standings *record);
enum db_result ledger_write_block(struct ledger *ledger, const struct record_block *block);

#endif
