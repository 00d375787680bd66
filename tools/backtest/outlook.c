/* See outlook.h. */
#include "tools/backtest/outlook.h"

#include <math.h>
#include <stdio.h>

#include "controller/base/utc.h"

const char *const outlook_names[] = {"model", "persistence", "perfect", NULL};

/* The time whose value stands for that of `at_ms`. */
static int64_t stands_for(enum outlook_kind kind, int64_t at_ms, int64_t now_ms)
{
    int64_t known_ms = utc_floor(now_ms, HOUR_MS) + HOUR_MS; /* end of the hour under way */
    if (kind == OUTLOOK_PERFECT || at_ms < known_ms)
        return at_ms;
    return at_ms - ((at_ms - known_ms) / DAY_MS + 1) * DAY_MS;
}

static void fill(struct outlook *outlook, const struct world *world, enum forecast_series series)
{
    struct forecast *forecast = &outlook->forecasts[outlook->count];
    *forecast = (struct forecast){.series = series,
                                  .issue_ms = world->now_ms,
                                  .start_ms = utc_floor(world->now_ms, FORECAST_STEP_MS)};
    snprintf(forecast->model, sizeof forecast->model, "%s", outlook_names[outlook->kind]);
    /* The cycle's own forecaster speaks of all but the hour under way. */
    int32_t steps = FORECAST_STEPS;
    if (outlook->kind == OUTLOOK_MODEL)
        steps = (int32_t)((utc_floor(world->now_ms, HOUR_MS) + HOUR_MS - forecast->start_ms) /
                          FORECAST_STEP_MS);
    for (int32_t i = 0; i < steps; i++) {
        int64_t at_ms = forecast->start_ms + i * (int64_t)FORECAST_STEP_MS;
        double value = world_series(world, series, stands_for(outlook->kind, at_ms, world->now_ms));
        if (isnan(value))
            break; /* nothing is known from here on */
        for (int q = 0; q < QUANTILES; q++)
            forecast->value[i][q] = (float)value;
        forecast->steps++;
    }
    outlook->count += forecast->steps > 0;
}

void outlook_update(struct outlook *outlook, const struct world *world)
{
    int64_t start_ms = utc_floor(world->now_ms, FORECAST_STEP_MS);
    if (outlook->count > 0 && outlook->forecasts[0].start_ms == start_ms)
        return;
    outlook->count = 0;
    for (int s = 0; s < FORECAST_SERIES; s++)
        fill(outlook, world, (enum forecast_series)s);
}

void outlook_history(struct cycle *cycle, const struct world *world, struct feeds *feeds,
                     int64_t from_ms)
{
    cycle_resume_until(cycle, from_ms);
    int64_t first_ms = from_ms - LIMIT_LEARN_DAYS * (int64_t)DAY_MS;
    for (int64_t at = utc_floor(first_ms, FORECAST_STEP_MS); at < from_ms; at += FORECAST_STEP_MS) {
        feeds_update(feeds, world->inputs, at + FORECAST_STEP_MS);
        for (int b = 0; b < feeds->count; b++)
            cycle_resume_block(cycle, &feeds->blocks[b]);
        for (int s = 0; s < FORECAST_SERIES; s++)
            cycle_resume_history(cycle, (enum forecast_series)s, at,
                                 world_series(world, (enum forecast_series)s, at));
    }
}
