/* See feeds.h. */
#include "tools/backtest/feeds.h"

#include <math.h>
#include <stdio.h>

#include "controller/base/utc.h"

static const double W_PER_MW = 1e6;

static void begin(struct feeds *feeds, const struct inputs *inputs, int64_t now_ms)
{
    const struct weather *weather = &inputs->weather;
    feeds->began = true;
    feeds->hour_ms = utc_floor(now_ms, HOUR_MS) - HOUR_MS;
    while (feeds->issue + 1 < weather->count &&
           weather->issues[feeds->issue + 1].issue_ms <= now_ms)
        feeds->issue++;
}

/* An issue that there is no room for follows with the next call. */
static void tell_weather(struct feeds *feeds, const struct weather *weather, int64_t now_ms)
{
    while (feeds->issue < weather->count && weather->issues[feeds->issue].issue_ms <= now_ms &&
           feeds->count + WEATHER_VALUES <= LIMIT_BLOCKS) {
        for (int value = 0; value < WEATHER_VALUES; value++)
            weather_block(&weather->issues[feeds->issue], value, &feeds->blocks[feeds->count++]);
        feeds->issue++;
    }
}

static void tell_source(struct feeds *feeds, const struct inputs *inputs, int source, int32_t hours,
                        int64_t now_ms)
{
    struct forecast_block *block = &feeds->blocks[feeds->count];
    bool known = false;
    *block = (struct forecast_block){.track = grid_columns[source].track,
                                     .kind = BLOCK_MEASURED,
                                     .source = "grid",
                                     .issue_ms = now_ms,
                                     .start_ms = feeds->hour_ms,
                                     .step_ms = HOUR_MS,
                                     .count = hours};
    for (int32_t h = 0; h < hours; h++) {
        double mw = track_at(&inputs->grid_mw[source], feeds->hour_ms + h * (int64_t)HOUR_MS);
        block->value[h] = (float)(mw * W_PER_MW);
        known |= !isnan(mw);
    }
    feeds->count += known;
}

static void tell_grid(struct feeds *feeds, const struct inputs *inputs, int64_t now_ms)
{
    int64_t hours = (utc_floor(now_ms, HOUR_MS) - feeds->hour_ms) / HOUR_MS;
    if (hours > LIMIT_BLOCK)
        hours = LIMIT_BLOCK;
    if (hours <= 0 || feeds->count + GRID_SOURCES > LIMIT_BLOCKS)
        return;
    for (int source = 0; source < GRID_SOURCES; source++)
        tell_source(feeds, inputs, source, (int32_t)hours, now_ms);
    feeds->hour_ms += hours * HOUR_MS;
}

void feeds_update(struct feeds *feeds, const struct inputs *inputs, int64_t now_ms)
{
    feeds->count = 0;
    if (!feeds->began)
        begin(feeds, inputs, now_ms);
    tell_weather(feeds, &inputs->weather, now_ms);
    tell_grid(feeds, inputs, now_ms);
}
