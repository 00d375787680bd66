/* Ridge regression, learnt online: all it keeps is sums of products, in which the past fades, for
 * each hour of the day and each day ahead. Coefficients of an hour are solved from its sums and
 * half of those of the hours beside it, when they are asked for. There is no training step, and a
 * replay of the past gives the same sums.
 *
 * What the regression leaves unexplained goes on as a process (process.h). Its past are the errors
 * of fits made before each hour was known: errors within the sample would be too small. */
#include "controller/forecast/regression.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const double PRIOR_DAYS = 3.0;      /* of the ridge */
static const double LEAST_DAYS = 14.0;     /* in the sums, to say anything */
static const float NEIGHBOUR_SHARE = 0.5f; /* of the hours of the day beside */
/* No further outside of what was seen than this share of its range: squares run away. */
static const double BEYOND_SEEN = 0.25;

static int64_t hour_of_day(int64_t hour)
{
    int64_t rest = hour % HOURS_A_DAY;
    return rest < 0 ? rest + HOURS_A_DAY : rest;
}

static int32_t position(int64_t hour)
{
    return (int32_t)((uint32_t)hour % HOURLY_KEPT);
}

static size_t sums_bytes(const struct regression_form *form)
{
    return (size_t)form->lead_days * HOURS_A_DAY * (size_t)ridge_sums(terms_count(&form->terms)) *
           sizeof(float);
}

size_t regression_room(const struct regression_form *form)
{
    size_t coefficients =
        (size_t)form->lead_days * HOURS_A_DAY * (size_t)terms_count(&form->terms) * sizeof(float);
    size_t residual = form->by_hours ? sizeof(struct residual) : 0;
    return (sums_bytes(form) + residual + coefficients + 15) / 16 * 16;
}

void regression_init(struct regression *regression, const struct regression_form *form, void *room)
{
    memset(room, 0, regression_room(form));
    char *behind = (char *)room + sums_bytes(form);
    *regression = (struct regression){
        .form = form,
        .terms = terms_count(&form->terms),
        .sums = room,
        .residual = form->by_hours ? (struct residual *)behind : NULL,
        .coefficient = (float *)(behind + (form->by_hours ? sizeof(struct residual) : 0)),
    };
    assert(regression->terms <= RIDGE_TERMS);
    for (int32_t i = 0; i < HOURLY_KEPT; i++)
        regression->fit[i] = NAN;
}

static float *sums_of(const struct regression *regression, int day, int64_t hour)
{
    return regression->sums +
           (day * HOURS_A_DAY + hour_of_day(hour)) * ridge_sums(regression->terms);
}

/* NULL: too little is known. */
static const float *coefficients_of(struct regression *regression, int day, int64_t hour)
{
    int64_t of_day = hour_of_day(hour);
    float *coefficient = regression->coefficient + (day * HOURS_A_DAY + of_day) * regression->terms;
    bool *solved = &regression->solved[day][of_day];
    if (!regression->current[day][of_day]) {
        float sums[(RIDGE_TERMS + 1) * (RIDGE_TERMS + 2) / 2];
        const float *own = sums_of(regression, day, hour);
        const float *before = sums_of(regression, day, hour - 1);
        const float *after = sums_of(regression, day, hour + 1);
        for (int32_t i = 0; i < ridge_sums(regression->terms); i++)
            sums[i] = own[i] + NEIGHBOUR_SHARE * (before[i] + after[i]);
        float found[RIDGE_TERMS];
        if ((double)sums[0] >= LEAST_DAYS &&
            ridge_solve(sums, regression->terms, PRIOR_DAYS, found)) {
            memcpy(coefficient, found, (size_t)regression->terms * sizeof(float));
            *solved = true;
        }
        regression->current[day][of_day] = true;
    }
    return *solved ? coefficient : NULL;
}

/* NAN: coefficients or features are unknown. */
static double value_of(struct regression *regression, int64_t hour, int day,
                       const double term[RIDGE_TERMS])
{
    const float *coefficient = coefficients_of(regression, day, hour);
    double sum = coefficient ? 0.0 : (double)NAN;
    for (int32_t i = 0; coefficient && i < regression->terms; i++)
        sum += (double)coefficient[i] * term[i];
    return sum;
}

static void add_sample(struct regression *regression, int day, int64_t hour,
                       double term[RIDGE_TERMS + 1])
{
    double fade = exp2(-1.0 / regression->form->half_life_days);
    float *sum = sums_of(regression, day, hour);
    for (int32_t i = 0; i <= regression->terms; i++)
        for (int32_t j = i; j <= regression->terms; j++, sum++)
            *sum = (float)((double)*sum * fade + term[i] * term[j]);
    for (int64_t beside = hour - 1; beside <= hour + 1; beside++)
        regression->current[day][hour_of_day(beside)] = false;
}

static double own_at(const struct regression *regression, const struct hourly *self, int64_t hour)
{
    double value = hourly_at(self, hour);
    return isnan(value) ? value : terms_transform(&regression->form->terms, self, value);
}

static double fit_at(const struct regression *regression, int64_t hour)
{
    return regression->fit_hour[position(hour)] == (int32_t)hour
               ? (double)regression->fit[position(hour)]
               : (double)NAN;
}

struct errors {
    const struct regression *regression;
    const struct hourly *self;
};

static double error_at(const void *context, int64_t hour)
{
    const struct errors *errors = context;
    return own_at(errors->regression, errors->self, hour) - fit_at(errors->regression, hour);
}

void regression_learn(struct regression *regression, const struct weather *weather,
                      const struct hourly *self, int64_t hour, const double (*mix)[MIX_TERMS])
{
    double value = hourly_at(self, hour);
    if (isnan(value))
        return;
    for (int day = 0; day < regression->form->lead_days; day++) {
        double term[RIDGE_TERMS + 1];
        struct term_source source = {weather, self, hour, day, mix ? mix[day] : NULL};
        if (!terms_fill(&regression->form->terms, &source, term))
            continue;
        if (day == 0) {
            regression->fit[position(hour)] = (float)value_of(regression, hour, 0, term);
            regression->fit_hour[position(hour)] = (int32_t)hour;
        }
        term[regression->terms] = terms_transform(&regression->form->terms, self, value);
        add_sample(regression, day, hour, term);
    }
    struct errors errors = {regression, self};
    if (regression->residual && !isnan(error_at(&errors, hour)))
        residual_learn(regression->residual, error_at, &errors, hour,
                       regression->form->half_life_days);
}

/* The unexplained of the past, up to the newest known hour before `first_hour` or the part of it.
 */
static int64_t unexplained(const struct regression *regression, const struct hourly *self,
                           int64_t first_hour, double part_deviation, struct deviations *past)
{
    int64_t newest = self->newest < first_hour ? self->newest : first_hour - 1;
    while (newest > first_hour - HOURLY_KEPT &&
           isnan(own_at(regression, self, newest) - fit_at(regression, newest)))
        newest--;
    if (!isnan(part_deviation))
        newest = first_hour;
    memset(past, 0, sizeof(*past));
    past->count = HOURLY_KEPT;
    for (int32_t i = 0; i < HOURLY_KEPT; i++) {
        int64_t hour = newest - HOURLY_KEPT + 1 + i;
        double deviation = hour == first_hour
                               ? part_deviation
                               : own_at(regression, self, hour) - fit_at(regression, hour);
        if (isnan(deviation))
            continue;
        past->value[i] = deviation;
        past->known++;
    }
    return newest;
}

/* What is left of the unexplained in the hours from `first_hour` on. */
static void go_on(const struct regression *regression, const struct hourly *self,
                  int64_t first_hour, double part_deviation, double ret_left[REGRESSION_AHEAD])
{
    struct deviations past;
    double left[PROCESS_AHEAD_MOST];
    struct errors errors = {regression, self};
    int64_t newest = unexplained(regression, self, first_hour, part_deviation, &past);
    int32_t skip = (int32_t)(first_hour - newest);
    process_project(&past, regression->form->order, skip + REGRESSION_AHEAD, left);
    memcpy(ret_left, &left[skip], REGRESSION_AHEAD * sizeof(left[0]));
    if (regression->residual)
        residual_predict(regression->residual, error_at, &errors, first_hour, ret_left);
}

static void keep_near_seen(const struct hourly *self, double value[REGRESSION_AHEAD])
{
    double least, most;
    hourly_range(self, &least, &most);
    double room = BEYOND_SEEN * (most - least);
    if (!isfinite(room)) /* back after a silence as long as the past that is kept */
        return;
    for (int32_t i = 0; i < REGRESSION_AHEAD; i++)
        if (!isnan(value[i]))
            value[i] = fmin(most + room, fmax(least - room, value[i]));
}

double regression_value(struct regression *regression, const struct weather *weather,
                        const struct hourly *self, int64_t hour, int lead_day)
{
    double term[RIDGE_TERMS + 1];
    struct term_source source = {weather, self, hour, lead_day, NULL};
    if (!terms_fill(&regression->form->terms, &source, term))
        return NAN;
    return terms_restore(&regression->form->terms, self,
                         value_of(regression, hour, lead_day, term));
}

bool regression_predict(struct regression *regression, const struct weather *weather,
                        const struct hourly *self, int64_t first_hour, double part,
                        const double (*mix)[MIX_TERMS], double ret_hour[REGRESSION_AHEAD])
{
    double value[REGRESSION_AHEAD];
    bool any = false;
    for (int32_t i = 0; i < REGRESSION_AHEAD; i++) {
        double term[RIDGE_TERMS + 1];
        int day = i / HOURS_A_DAY < LEAD_DAYS ? i / HOURS_A_DAY : LEAD_DAYS - 1;
        struct term_source source = {weather, self, first_hour + i, day, mix ? mix[i] : NULL};
        bool known = day < regression->form->lead_days &&
                     terms_fill(&regression->form->terms, &source, term);
        value[i] = known ? value_of(regression, first_hour + i, day, term) : (double)NAN;
        any |= !isnan(value[i]);
    }
    if (!any)
        return false;
    if (!isnan(part))
        part = terms_transform(&regression->form->terms, self, part) - value[0];
    double left[REGRESSION_AHEAD];
    go_on(regression, self, first_hour, part, left);
    for (int32_t i = 0; i < REGRESSION_AHEAD; i++)
        ret_hour[i] = terms_restore(&regression->form->terms, self, value[i] + left[i]);
    keep_near_seen(self, ret_hour);
    return true;
}
