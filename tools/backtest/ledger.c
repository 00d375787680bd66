/* See ledger.h. */
#include "tools/backtest/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int ledger_check(const char *path, struct error *error)
{
    char folder[LIMIT_PATH];
    const char *slash = strrchr(path, '/');
    if (access(path, F_OK) == 0)
        return error_set(error, ERROR_INVALID, "%s exists: remove it or choose another name", path);
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path + 1) : 1,
             slash ? path : ".");
    if (access(folder, W_OK | X_OK) < 0)
        return error_set(error, ERROR_INVALID, "%s cannot be written: %s: %s", path, folder,
                         strerror(errno));
    return 0;
}

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
    if (ledger_check(path, error) < 0)
        return ERROR_INVALID;
    snprintf(store.path, sizeof store.path, "%s", path);
    snprintf(store.site, sizeof store.site, "%s", config->site);
    snprintf(store.currency, sizeof store.currency, "%s", config->currency);
    snprintf(store.version, sizeof store.version, "%s", TIDEWATT_VERSION);
    return store_open(&store, world->topology, ret_store, error);
}

/* False: the rest would only wait in vain as well. */
static bool post(struct store *store, const struct tick_input *input,
                 const struct tick_output *output)
{
    int64_t now_ms = input->now_ms;
    bool posted = store_post_tick(store, now_ms, output) && store_post_image(store, input->image) &&
                  store_post_blocks(store, input, output);
    for (int i = 0; posted && i < output->event_count; i++)
        posted = store_post_event(store, now_ms, &output->events[i]);
    for (int i = 0; posted && i < output->observation_count; i++)
        posted = store_post_history(store, now_ms, output->observations[i].series,
                                    output->observations[i].step_start_ms,
                                    output->observations[i].value);
    return posted && store_post_tick_plan(store, output);
}

static int refuse(const struct store_health *health, struct error *error)
{
    return error_set(error, ERROR_SYSTEM,
                     "the database does not take the run's records: %s: make room on its disk, "
                     "name another place, or leave --database out",
                     health->last.text[0] ? health->last.text : "out of memory");
}

static int check_health(const struct store *store, struct error *error)
{
    struct store_health health;
    store_health(store, &health);
    return health.refused > 0 || health.full ? refuse(&health, error) : 0;
}

int ledger_tick(struct store *store, const struct tick_input *input,
                const struct tick_output *output, const struct cycle *cycle, struct error *error)
{
    if (post(store, input, output) && output->hour_count > 0)
        store_post_judgement(store, input->now_ms, cycle_forecaster(cycle));
    return check_health(store, error);
}

int ledger_close(struct store *store, struct error *error)
{
    struct store_health health;
    bool written = store_flush(store, NULL) == 0;
    store_health(store, &health);
    if (!written || health.refused > 0)
        return refuse(&health, error);
    store_close(store);
    return 0;
}

void ledger_discard(struct store *store, const char *path)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    store_close(store);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char name[LIMIT_PATH + 8];
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        unlink(name);
    }
}
