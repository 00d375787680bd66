/* The ledger: one SQLite database a site, written by one thread, readable by anybody.
 *
 * The control thread posts copies of records; posting never waits and never touches SQLite. When
 * the queue is full the record is refused and counted: nothing is overwritten silently. Readings,
 * forecasts and scores are refused when half of the room is used: the rest is for records that
 * nobody can make again (decisions, intervals, accounts, plans, jobs, events). The writer
 * commits in batches (WAL); decisions, job events, energy intervals and plans are committed with
 * synchronous=FULL, samples with NORMAL. A full disk keeps records in memory (bounded) and retries.
 * Migrations are the files of schema/sql in the order of their numbers, each once, recorded in
 * schema_migration; a database of a newer version is refused (ERROR_NEWER). */
#ifndef TIDEWATT_STORE_STORE_H
#define TIDEWATT_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/act/command.h"
#include "controller/core/cycle.h"

struct store;

struct store_config {
    char path[LIMIT_PATH];
    char site[LIMIT_NAME];
    char currency[8];
    char version[LIMIT_NAME]; /* of the program, recorded at each start */
    int64_t raw_keep_ms, minute_keep_ms, quarter_keep_ms; /* retention; 0: for ever, like hours */
    /* For runs faster than real time that can be repeated, such as backtests: posting waits for
     * room instead of refusing, and nothing waits for the disk itself. */
    bool patient;
};

struct store_health {
    uint64_t written, refused, retried; /* records */
    size_t waiting;                     /* in the queue */
    bool full;                          /* the disk is full right now */
    struct error last;                  /* last trouble */
    int64_t last_commit_ms;             /* site time of the newest record committed */
};

/* Opens or creates, migrates, starts the writer. Errors name the file and what to do. */
int store_open(const struct store_config *config, const struct topology *topology,
               struct store **ret_store, struct error *error);
void store_close(struct store *store); /* writes what is queued, checkpoints, stops the thread */
/* Waits until all that was posted is committed. ERROR_SYSTEM when writing fails for seconds. */
int store_flush(struct store *store, struct error *error);

/* Posting: false when refused (counted). All pointers are copied from. Any thread may post, images
 * from one thread only. */
/* Readings whose source time or verdict is new; an image that brings none leaves no record. */
bool store_post_image(struct store *store, const struct image *image);
/* Decisions, verdicts, intervals, accounts and periods of a tick, all of them or none, and its
 * forecasts unless room is short (counted as one refused). Its events, observations and plan
 * are posted by their own calls. */
bool store_post_tick(struct store *store, int64_t now_ms, const struct tick_output *output);
/* The plan that the tick adopted, or the jobs that it gave a place in the one in force, if any. */
bool store_post_tick_plan(struct store *store, const struct tick_output *output);
bool store_post_plan(struct store *store, const struct plan *plan); /* of one site: this one */
bool store_post_job(struct store *store, const struct job *job, enum reason reason, int64_t at_ms);
bool store_post_event(struct store *store, int64_t at_ms, const struct cycle_event *event);
bool store_post_write(struct store *store, int64_t at_ms, int32_t point, double value,
                      enum reason outcome); /* set-point outcome */
bool store_post_mode(struct store *store, int64_t at_ms, enum subsystem subsystem, enum mode mode,
                     const char *asker);
bool store_post_scores(struct store *store, int64_t at_ms, const struct forecast_score *scores,
                       int count);
/* What the forecaster knows of its own errors: scores by lead, and how its models stand. */
bool store_post_judgement(struct store *store, int64_t at_ms, const struct forecaster *forecaster);
void store_health(const struct store *store, struct store_health *ret_health);

/* Recovery: reads before the loop starts (they use a connection of their own). Each calls back
 * once a row; 0 or an error. */
struct store_recovery {
    void (*meter)(void *context, int32_t point, int64_t end_ms, int64_t end_milliwh,
                  int64_t raw_milliwh); /* newest interval of each meter */
    /* Quarter-hour means and blocks of feeds of the last months, in the order in which they became
     * known; together or not at all. */
    void (*history)(void *context, enum forecast_series series, int64_t step_start_ms,
                    double value);
    void (*block)(void *context, const struct forecast_block *block);
    void (*quarter)(void *context, const struct pue *quarter); /* of today and yesterday */
    void (*peak)(void *context, int64_t month_start_ms, double peak_w);
    /* Of quarter hours without an account: a kill came between the meters and the account. Means
     * are of a point's good readings, each for as long as it held: seen_ms in all. */
    void (*interval)(void *context, const struct energy_interval *interval);
    void (*mean)(void *context, int32_t point, int64_t quarter_ms, double mean, int64_t seen_ms);
    /* As last recorded, by id. */
    void (*job)(void *context, int64_t job_id, enum job_state state, int32_t level);
    /* Set-point writes that reached the register, in all runs; of points that had any. */
    void (*writes)(void *context, int32_t point, int64_t count);
    void (*mode)(void *context, enum subsystem subsystem, enum mode mode);
    void (*plan)(void *context, struct plan *plan);  /* newest unexpired, given away */
    void (*plan_id)(void *context, int64_t last_id); /* newest plan id ever given */
    void (*unclean)(void *context, int64_t last_ms); /* the last run was cut short */
    void *context;
};
int store_recover(struct store *store, int64_t now_ms, const struct store_recovery *recovery,
                  struct error *error);

/* Quarter-hour mean of a series, kept as forecasting history, and when it became known. */
bool store_post_history(struct store *store, int64_t known_ms, enum forecast_series series,
                        int64_t step_start_ms, double value);
/* The blocks of a tick, with what became of them; measured values become history too. */
bool store_post_blocks(struct store *store, const struct tick_input *input,
                       const struct tick_output *output);

#endif
