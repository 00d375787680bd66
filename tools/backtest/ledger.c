/* See ledger.h. */
#include "tools/backtest/ledger.h"

#include <stdio.h>
#include <unistd.h>

int ledger_open(const char *path, const struct world *world, struct store **ret_store,
                struct error *error)
{
    const struct config *config = world->site->config;
    struct store_config store = {
        .raw_keep_ms = (int64_t)config->values.raw_keep_ms,
        .minute_keep_ms = (int64_t)config->values.minute_keep_ms,
        .quarter_keep_ms = (int64_t)config->values.quarter_keep_ms,
        .patient = true,
    };
    if (access(path, F_OK) == 0)
        return error_set(error, ERROR_INVALID, "%s exists: remove it or choose another name", path);
    snprintf(store.path, sizeof store.path, "%s", path);
    snprintf(store.site, sizeof store.site, "%s", config->site);
    snprintf(store.currency, sizeof store.currency, "%s", config->currency);
    snprintf(store.version, sizeof store.version, "%s", TIDEWATT_VERSION);
    return store_open(&store, world->topology, ret_store, error);
}

void ledger_tick(struct store *store, const struct world *world, const struct image *image,
                 const struct tick_output *output, const struct cycle *cycle)
{
    int64_t now_ms = world->now_ms;
    store_post_tick(store, now_ms, output);
    store_post_image(store, image);
    for (int i = 0; i < output->event_count; i++)
        store_post_event(store, now_ms, &output->events[i]);
    for (int i = 0; i < output->observation_count; i++)
        store_post_history(store, output->observations[i].series,
                           output->observations[i].step_start_ms, output->observations[i].value);
    if (output->adopted)
        store_post_plan(store, output->adopted);
    if (output->hour_count > 0) {
        struct forecast_score scores[FORECAST_SERIES * SCORE_LEADS];
        int count =
            forecaster_scores(cycle_forecaster(cycle), scores, FORECAST_SERIES * SCORE_LEADS);
        store_post_scores(store, now_ms, scores, count);
    }
}

int ledger_close(struct store *store, struct error *error)
{
    struct store_health health;
    store_health(store, &health);
    store_close(store);
    if (health.refused > 0)
        return error_set(error, ERROR_SYSTEM, "%llu records did not reach the database: %s",
                         (unsigned long long)health.refused, health.last.text);
    return 0;
}
