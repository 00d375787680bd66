/* See belief.h. Every question goes by a key: time first, or series and time. */
#include "controller/store/belief.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/base/utc.h"
#include "controller/store/db.h"

enum { SCHEMA_WITH_FEEDS = 5 };

struct belief {
    struct db *db;
    char path[LIMIT_PATH];
};

static int broken(const struct belief *belief, struct error *error)
{
    return error_set(error, ERROR_SYSTEM, "%s: %s", belief->path, db_message(belief->db));
}

static int check_version(const struct belief *belief, struct error *error)
{
    struct db_statement *rows = db_prepare(belief->db, "SELECT max(version) FROM schema_migration");
    int64_t version = rows && db_next(rows) == DB_ROW ? db_column_integer(rows, 0) : 0;
    db_finalize(rows);
    if (!rows)
        return error_set(error, ERROR_INVALID, "%s: this is no ledger of a site", belief->path);
    if (version >= SCHEMA_WITH_FEEDS)
        return 0;
    return error_set(error, ERROR_INVALID,
                     "%s: written by an older version: start tidewattd once, it brings the ledger "
                     "up to date",
                     belief->path);
}

int belief_open(const char *path, struct belief **ret_belief, struct error *error)
{
    struct belief *belief = calloc(1, sizeof *belief);
    if (!belief)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    snprintf(belief->path, sizeof belief->path, "%s", path);
    int rc = 0;
    if (access(path, R_OK) < 0)
        rc = error_set(error, ERROR_SYSTEM, "%s: cannot be read: %s", path, strerror(errno));
    if (rc == 0)
        rc = db_open(path, DB_READ, &belief->db, error);
    if (rc == 0)
        rc = check_version(belief, error);
    if (rc < 0)
        belief_close(belief);
    else
        *ret_belief = belief;
    return rc;
}

void belief_close(struct belief *belief)
{
    if (!belief)
        return;
    db_close(belief->db);
    free(belief);
}

/* ---- rows ---- */

typedef void (*take_row)(struct db_statement *row, void *context);

static int each_row(struct belief *belief, const char *sql, const struct db_value *values,
                    int count, take_row take, void *context, struct error *error)
{
    int taken = 0;
    enum db_result result = DB_BROKEN;
    struct db_statement *rows = db_prepare(belief->db, sql);
    if (rows) {
        db_bind(rows, values, count);
        for (; (result = db_next(rows)) == DB_ROW; taken++)
            take(rows, context);
    }
    if (result != DB_DONE)
        taken = broken(belief, error);
    db_finalize(rows);
    return taken;
}

static void copy_text(char *room, size_t size, struct db_statement *row, int column)
{
    snprintf(room, size, "%s", db_column_text(row, column));
}

static void take_issue(struct db_statement *row, void *context)
{
    struct belief_issue *issue = context;
    issue->issue_ms = db_column_integer(row, 0);
    issue->steps = (int32_t)db_column_integer(row, 1);
    issue->reason = (enum reason)db_column_integer(row, 3);
    copy_text(issue->model, sizeof issue->model, row, 2);
}

int belief_issue(struct belief *belief, enum forecast_series series, int64_t at_ms,
                 struct belief_issue *ret_issue, struct error *error)
{
    return each_row(belief,
                    "SELECT issue_ms, steps, model, coalesce(reason, 0) FROM forecast_issue"
                    " WHERE issue_ms <= ? AND series = ? ORDER BY issue_ms DESC LIMIT 1",
                    DB_VALUES(db_integer(at_ms), db_integer(series)), take_issue, ret_issue, error);
}

struct taker {
    void *context;
    union {
        belief_take_step step;
        belief_take_word word;
        belief_take_score score;
        belief_take_standing standing;
    } take;
};

static void take_step(struct db_statement *row, void *context)
{
    const struct taker *taker = context;
    struct belief_step step = {.step_ms = db_column_integer(row, 0),
                               .issue_ms = db_column_integer(row, 1),
                               .came = db_column_real(row, 2 + QUANTILES)};
    for (int q = 0; q < QUANTILES; q++)
        step.quantile[q] = db_column_real(row, 2 + q);
    taker->take.step(taker->context, &step);
}

/* max() picks the row that the other columns are of. */
int belief_steps(struct belief *belief, enum forecast_series series, int64_t at_ms, int64_t from_ms,
                 int64_t to_ms, belief_take_step take, void *context, struct error *error)
{
    struct belief_issue last;
    struct taker taker = {.context = context, .take.step = take};
    int issues = belief_issue(belief, series, at_ms, &last, error);
    if (issues <= 0)
        return issues;
    return each_row(belief,
                    "SELECT f.step_ms, max(f.issue_ms), f.q05, f.q10, f.q25, f.q50, f.q75, f.q90,"
                    " f.q95, h.value FROM forecast AS f"
                    " LEFT JOIN forecast_history AS h ON h.step_ms = f.step_ms"
                    "  AND h.series = f.series"
                    " WHERE f.issue_ms > ?1 AND f.issue_ms <= ?2 AND f.series = ?3"
                    "  AND f.step_ms >= ?4 AND f.step_ms < ?5 GROUP BY f.step_ms ORDER BY 1",
                    DB_VALUES(db_integer(last.issue_ms - HOUR_MS), db_integer(last.issue_ms),
                              db_integer(series), db_integer(from_ms), db_integer(to_ms)),
                    take_step, &taker, error);
}

static void take_word(struct db_statement *row, void *context)
{
    const struct taker *taker = context;
    struct belief_word word = {.issue_ms = db_column_integer(row, 1),
                               .received_ms = db_column_integer(row, 2),
                               .step_ms = db_column_integer(row, 3),
                               .length_ms = db_column_integer(row, 4),
                               .value = db_column_real(row, 5)};
    copy_text(word.source, sizeof word.source, row, 0);
    taker->take.word(taker->context, &word);
}

/* Of one issue the last word counts: what was received later corrects what was said before. */
int belief_words(struct belief *belief, int32_t track, int64_t at_ms, int64_t about_ms,
                 belief_take_word take, void *context, struct error *error)
{
    struct taker taker = {.context = context, .take.word = take};
    return each_row(
        belief,
        "SELECT source, issue_ms, received_ms, start_ms + step * step_ms, step_ms, value FROM"
        " (SELECT i.*, v.step, v.value, row_number() OVER (PARTITION BY i.source"
        "   ORDER BY i.issue_ms DESC, i.received_ms DESC, i.position DESC) AS age"
        "  FROM feed_issue AS i JOIN feed_value AS v ON v.received_ms = i.received_ms"
        "   AND v.position = i.position AND v.step = (?3 - i.start_ms) / i.step_ms"
        "  WHERE i.track = ?1 AND i.kind <> 'measured' AND i.issue_ms > ?2 - ?4"
        "   AND i.received_ms <= ?2 AND i.start_ms <= ?3) WHERE age = 1 ORDER BY source",
        DB_VALUES(db_integer(track), db_integer(at_ms), db_integer(about_ms),
                  db_integer(30 * (int64_t)DAY_MS)),
        take_word, &taker, error);
}

struct last {
    int64_t *step_ms;
    double *value;
};

static void take_last(struct db_statement *row, void *context)
{
    const struct last *last = context;
    *last->step_ms = db_column_integer(row, 0);
    *last->value = db_column_real(row, 1);
}

int belief_last(struct belief *belief, int32_t track, int64_t before_ms, int64_t *ret_step_ms,
                double *ret_value, struct error *error)
{
    struct last last = {ret_step_ms, ret_value};
    return each_row(
        belief,
        "SELECT step_ms, value FROM forecast_history WHERE step_ms < ?1"
        " AND step_ms > ?1 - ?3 AND series = ?2 ORDER BY step_ms DESC LIMIT 1",
        DB_VALUES(db_integer(before_ms), db_integer(track), db_integer(30 * (int64_t)DAY_MS)),
        take_last, &last, error);
}

/* ---- judgement ---- */

static int lead_of(int64_t hours)
{
    int lead = 0;
    while (lead < SCORE_LEADS - 1 && forecast_lead_h[lead] < hours)
        lead++;
    return lead;
}

static void take_score(struct db_statement *row, void *context)
{
    const struct taker *taker = context;
    const struct forecast_score score = {.series = (enum forecast_series)db_column_integer(row, 0),
                                         .lead = lead_of(db_column_integer(row, 1)),
                                         .count = db_column_integer(row, 2),
                                         .mae = db_column_real(row, 3),
                                         .bias = db_column_real(row, 4),
                                         .pinball = db_column_real(row, 5),
                                         .coverage = db_column_real(row, 6),
                                         .coverage_80 = db_column_real(row, 7),
                                         .rank = db_column_real(row, 8)};
    taker->take.score(taker->context, &score);
}

int belief_scores(struct belief *belief, belief_take_score take, void *context, struct error *error)
{
    struct taker taker = {.context = context, .take.score = take};
    return each_row(belief,
                    "SELECT series, lead_h, count, mae, bias, pinball, coverage, coverage_80, rank"
                    " FROM forecast_score WHERE at_ms = (SELECT max(at_ms) FROM forecast_score)"
                    " ORDER BY series, lead_h",
                    NULL, 0, take_score, &taker, error);
}

static void take_standing(struct db_statement *row, void *context)
{
    const struct taker *taker = context;
    struct forecast_standing standing = {.series = (enum forecast_series)db_column_integer(row, 0),
                                         .lead = lead_of(db_column_integer(row, 1)),
                                         .count = db_column_real(row, 3),
                                         .mae = db_column_real(row, 4),
                                         .weight = db_column_real(row, 5)};
    copy_text(standing.model, sizeof standing.model, row, 2);
    taker->take.standing(taker->context, &standing);
}

int belief_standings(struct belief *belief, belief_take_standing take, void *context,
                     struct error *error)
{
    struct taker taker = {.context = context, .take.standing = take};
    return each_row(belief,
                    "SELECT series, lead_h, model, count, mae, weight FROM forecast_standing"
                    " WHERE at_ms = (SELECT max(at_ms) FROM forecast_standing)"
                    " ORDER BY series, lead_h, weight DESC, model",
                    NULL, 0, take_standing, &taker, error);
}
