/* After any end, clean or not, the daemon goes on with the commitments that the ledger holds. */
#include "controller/core/daemon_private.h"

#include <stdio.h>

#include "controller/base/log.h"
#include "controller/base/utc.h"
#include "controller/core/history.h"

struct known_job {
    int64_t id;
    enum job_state state;
    int32_t level;
};

struct recovery {
    struct daemon *daemon;
    struct known_job jobs[LIMIT_JOBS]; /* ring by id: the newest ids matter */
    int history_rows, blocks;
    int64_t unclean_ms;
    enum mode modes[SUBSYSTEMS];
};

static void take_meter(void *context, int32_t point, int64_t end_ms, int64_t end_milliwh,
                       int64_t raw_milliwh)
{
    struct recovery *recovery = context;
    cycle_resume_meter(recovery->daemon->cycle, point, end_ms, end_milliwh, raw_milliwh);
}

static void take_history(void *context, enum forecast_series series, int64_t step_start_ms,
                         double value)
{
    struct recovery *recovery = context;
    cycle_resume_history(recovery->daemon->cycle, series, step_start_ms, value);
    recovery->history_rows++;
}

static void take_block(void *context, const struct forecast_block *block)
{
    struct recovery *recovery = context;
    cycle_resume_block(recovery->daemon->cycle, block);
    recovery->blocks++;
}

static void take_quarter(void *context, const struct pue *quarter)
{
    struct recovery *recovery = context;
    cycle_resume_quarter(recovery->daemon->cycle, quarter);
}

static void take_interval(void *context, const struct energy_interval *interval)
{
    struct recovery *recovery = context;
    cycle_resume_interval(recovery->daemon->cycle, interval);
}

static void take_mean(void *context, int32_t point, int64_t quarter_ms, double mean,
                      int64_t seen_ms)
{
    struct recovery *recovery = context;
    cycle_resume_mean(recovery->daemon->cycle, point, quarter_ms, mean, seen_ms);
}

static void take_job(void *context, int64_t job_id, enum job_state state, int32_t level)
{
    struct recovery *recovery = context;
    recovery->jobs[job_id % LIMIT_JOBS] = (struct known_job){job_id, state, level};
}

/* What the batch system did in the last moment before a kill may have missed the ledger. */
static void tell_unrecorded_jobs(const struct recovery *recovery)
{
    struct daemon *daemon = recovery->daemon;
    const struct job *jobs;
    int count = daemon->batch->verbs->jobs(daemon->batch, &jobs);
    for (int i = 0; i < count; i++) {
        const struct known_job *known = &recovery->jobs[jobs[i].id % LIMIT_JOBS];
        bool same_state = known->id == jobs[i].id && known->state == jobs[i].state;
        if (!same_state)
            store_post_job(daemon->store, &jobs[i], jobs[i].reason, jobs[i].state_ms);
        else if (known->level != jobs[i].level)
            store_post_job(daemon->store, &jobs[i], jobs[i].reason, jobs[i].level_ms);
    }
}

static void take_writes(void *context, int32_t point, int64_t count)
{
    struct recovery *recovery = context;
    cycle_resume_writes(recovery->daemon->cycle, point, count);
}

static void take_peak(void *context, int64_t month_start_ms, double peak_w)
{
    struct recovery *recovery = context;
    cycle_resume_peak(recovery->daemon->cycle, month_start_ms, peak_w);
}

static void take_mode(void *context, enum subsystem subsystem, enum mode mode)
{
    struct recovery *recovery = context;
    recovery->modes[subsystem] = mode;
}

static void take_plan(void *context, struct plan *plan)
{
    struct recovery *recovery = context;
    cycle_resume_plan(recovery->daemon->cycle, plan);
}

static void take_plan_id(void *context, int64_t last_id)
{
    struct recovery *recovery = context;
    cycle_resume_plan_id(recovery->daemon->cycle, last_id);
}

static void take_unclean(void *context, int64_t last_ms)
{
    struct recovery *recovery = context;
    recovery->unclean_ms = last_ms;
}

static void import_row(void *context, enum forecast_series series, int64_t step_start_ms,
                       double value)
{
    struct daemon *daemon = context;
    cycle_resume_history(daemon->cycle, series, step_start_ms, value);
    store_post_history(daemon->store, step_start_ms + FORECAST_STEP_MS, series, step_start_ms,
                       value);
}

/* The past of a new site comes from a file, once. */
static int import_history(struct daemon *daemon, const struct recovery *recovery,
                          struct error *error)
{
    if (recovery->history_rows > 0 || *daemon->config->history_path == '\0')
        return 0;
    int rows = history_import(daemon->config->history_path, import_row, daemon, error);
    if (rows < 0)
        return rows;
    log_info("imported %d quarter hours of history from %s", rows, daemon->config->history_path);
    return 0;
}

static void tell_start(struct daemon *daemon, const struct recovery *recovery)
{
    struct cycle_event event = {.kind = EVENT_STARTED, .subject = "tidewattd"};
    snprintf(event.text, sizeof event.text, "version %s, site %s", TIDEWATT_VERSION,
             daemon->config->site);
    daemon_event(daemon, &event);
    if (recovery->unclean_ms == 0)
        return;
    char last[UTC_TEXT];
    event.kind = EVENT_RECOVERED;
    snprintf(event.text, sizeof event.text, "the last run ended without notice at or after %s",
             utc_format(recovery->unclean_ms, last));
    daemon_event(daemon, &event);
}

int daemon_recover(struct daemon *daemon, struct error *error)
{
    static struct recovery recovery; /* too large for the stack */
    recovery = (struct recovery){.daemon = daemon};
    for (int s = 0; s < SUBSYSTEMS; s++)
        recovery.modes[s] = daemon->config->modes[s];
    const struct store_recovery calls = {
        .meter = take_meter,
        .history = take_history,
        .block = take_block,
        .quarter = take_quarter,
        .interval = take_interval,
        .mean = take_mean,
        .job = take_job,
        .writes = take_writes,
        .peak = take_peak,
        .mode = take_mode,
        .plan = take_plan,
        .plan_id = take_plan_id,
        .unclean = take_unclean,
        .context = &recovery,
    };
    cycle_resume_until(daemon->cycle, daemon->now_ms);
    int64_t began_ns = clock_mono_ns();
    if (store_recover(daemon->store, daemon->now_ms, &calls, error) < 0 ||
        import_history(daemon, &recovery, error) < 0)
        return ERROR_SYSTEM;
    if (recovery.history_rows > 0)
        log_info("forecasts learnt again from %d quarter hours of series and %d blocks of feeds, "
                 "taken up in %.1f s",
                 recovery.history_rows, recovery.blocks,
                 (double)(clock_mono_ns() - began_ns) / 1e9);
    for (int s = 0; s < SUBSYSTEMS; s++)
        cycle_set_mode(daemon->cycle, (enum subsystem)s, recovery.modes[s]);
    daemon->batch->verbs->hold(daemon->batch, recovery.modes[SUBSYSTEM_JOBS] == MODE_CONTROL);
    tell_unrecorded_jobs(&recovery);
    tell_start(daemon, &recovery);
    return 0;
}
