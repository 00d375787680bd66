/* What a ledger knows of forecasts, read while a controller writes it, or without one: what was
 * believed, what providers said, what came, and how well it was foreseen. Only reads. */
#ifndef TIDEWATT_STORE_BELIEF_H
#define TIDEWATT_STORE_BELIEF_H

#include "controller/base/error.h"
#include "controller/forecast/forecast.h"

struct belief;

/* Errors say what to do. */
int belief_open(const char *path, struct belief **ret_belief, struct error *error);
void belief_close(struct belief *belief);

/* The functions below return the number of rows, or a negative error. */

/* What was forecast last at a time, for one series. */
struct belief_issue {
    int64_t issue_ms;
    int32_t steps; /* 0: nothing was known */
    char model[LIMIT_NAME];
    enum reason reason;
};
int belief_issue(struct belief *belief, enum forecast_series series, int64_t at_ms,
                 struct belief_issue *ret_issue, struct error *error);

/* The newest word at a time about each step of [from, to) that is kept, at most an hour old when
 * the last issue was made: far steps are kept of one issue an hour. */
struct belief_step {
    int64_t step_ms, issue_ms;
    double quantile[QUANTILES]; /* NAN: was not kept */
    double came;                /* NAN: not yet, or never known */
};
typedef void (*belief_take_step)(void *context, const struct belief_step *step);
int belief_steps(struct belief *belief, enum forecast_series series, int64_t at_ms, int64_t from_ms,
                 int64_t to_ms, belief_take_step take, void *context, struct error *error);

/* What each provider had said at a time about another: the newest issue of each source. */
struct belief_word {
    char source[LIMIT_NAME];
    int64_t issue_ms, received_ms;
    int64_t step_ms, length_ms; /* the step that it is about */
    double value;
};
typedef void (*belief_take_word)(void *context, const struct belief_word *word);
int belief_words(struct belief *belief, int32_t track, int64_t at_ms, int64_t about_ms,
                 belief_take_word take, void *context, struct error *error);

/* The newest quarter-hour mean of a track that began before a time. */
int belief_last(struct belief *belief, int32_t track, int64_t before_ms, int64_t *ret_step_ms,
                double *ret_value, struct error *error);

/* The newest scores and standings, by series and lead. */
typedef void (*belief_take_score)(void *context, const struct forecast_score *score);
int belief_scores(struct belief *belief, belief_take_score take, void *context,
                  struct error *error);
typedef void (*belief_take_standing)(void *context, const struct forecast_standing *standing);
int belief_standings(struct belief *belief, belief_take_standing take, void *context,
                     struct error *error);

#endif
