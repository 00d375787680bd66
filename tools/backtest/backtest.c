/* See backtest.h. */
#include "tools/backtest/backtest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "controller/base/clock.h"
#include "controller/base/utc.h"
#include "tools/backtest/ledger.h"
#include "tools/backtest/rule.h"

static int64_t window_end_ms(const struct backtest *backtest, int window)
{
    if (backtest->to_ms > 0)
        return backtest->to_ms;
    return backtest->from_ms[window] + inputs_span_ms(&backtest->inputs);
}

static int check_windows(const struct backtest *backtest, struct error *error)
{
    char text[UTC_TEXT];
    int64_t before_ms = INT64_MIN;
    for (int w = 0; w < backtest->window_count; w++) {
        int64_t from_ms = backtest->from_ms[w], to_ms = window_end_ms(backtest, w);
        utc_format(from_ms, text);
        if (from_ms < before_ms)
            return error_set(error, ERROR_INVALID,
                             "the window from %s begins before the one before it ends: leave "
                             "more time between windows",
                             text);
        if (to_ms <= from_ms)
            return error_set(error, ERROR_INVALID, "the window from %s is empty: give a later --to",
                             text);
        if (inputs_check(&backtest->inputs, from_ms, to_ms, error) < 0)
            return ERROR_INVALID;
        before_ms = to_ms;
    }
    return 0;
}

/* A rule plans a job in one piece, and a plan reaches as far as its horizon. */
static int check_lengths(const struct backtest *backtest, struct error *error)
{
    const struct inputs *inputs = &backtest->inputs;
    double horizon_ms = backtest->site.config->values.horizon_ms;
    for (int32_t j = 0; j < inputs->job_count && !backtest->site.interruptible; j++) {
        const struct trace_job *job = &inputs->jobs[j];
        if ((double)job->length_ms > horizon_ms)
            return error_set(error, ERROR_INVALID,
                             "%s:%d: the job takes %.4g h in one piece, plans reach %.4g h: make "
                             "plan.horizon longer, take the job out, or let jobs be suspended",
                             inputs->jobs_path, job->line, (double)job->length_ms / HOUR_MS,
                             horizon_ms / HOUR_MS);
    }
    return 0;
}

/* No policy runs for nothing. */
static int check_databases(const struct backtest *backtest, struct error *error)
{
    char path[LIMIT_PATH];
    for (int p = 0; p < backtest->policy_count && backtest->database; p++) {
        if (backtest->policies[p] == POLICY_ORACLE)
            continue;
        backtest_database_path(backtest, backtest->policies[p], path, sizeof path);
        if (ledger_check(path, error) < 0)
            return ERROR_INVALID;
    }
    return 0;
}

int backtest_check(const struct backtest *backtest, struct error *error)
{
    bool rules = false;
    for (int p = 0; p < backtest->policy_count; p++)
        rules = rules || rule_is(backtest->policies[p]);
    int code = check_windows(backtest, error);
    if (code == 0 && rules)
        code = check_lengths(backtest, error);
    return code == 0 ? check_databases(backtest, error) : code;
}

void backtest_database_path(const struct backtest *backtest, enum policy policy, char *ret_path,
                            size_t size)
{
    const char *path = backtest->database, *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    if (!dot || (slash && dot < slash))
        dot = path + strlen(path);
    snprintf(ret_path, size, "%.*s-%s%s", (int)(dot - path), path, policy_name(policy), dot);
}

static int run_windows(const struct backtest *backtest, const struct engine_config *config,
                       struct world *world, struct result *result, struct error *error)
{
    int code = 0;
    for (int w = 0; code == 0 && w < backtest->window_count; w++) {
        int64_t from_ms = backtest->from_ms[w], to_ms = window_end_ms(backtest, w);
        int64_t first_id = 1 + (int64_t)w * backtest->inputs.job_count;
        code = config->policy == POLICY_ORACLE
                   ? oracle_run(config, world, from_ms, to_ms, first_id, result, error)
                   : engine_run(config, world, from_ms, to_ms, first_id, result, error);
    }
    return code;
}

static int run_policy(const struct backtest *backtest, struct world *world, struct result *result,
                      struct error *error)
{
    struct engine_config config = {.site = &backtest->site,
                                   .inputs = &backtest->inputs,
                                   .policy = result->policy,
                                   .outlook = backtest->outlook,
                                   .stop = backtest->stop};
    char path[LIMIT_PATH];
    if (backtest->database && result->policy != POLICY_ORACLE) {
        backtest_database_path(backtest, result->policy, path, sizeof path);
        int code = ledger_open(path, world, &config.store, error);
        if (code < 0)
            return code;
    }
    int64_t start_ns = clock_mono_ns();
    int code = run_windows(backtest, &config, world, result, error);
    result->seconds = (double)(clock_mono_ns() - start_ns) / 1e9;
    if (config.store && code == 0)
        code = ledger_close(config.store, error);
    if (config.store && code < 0)
        ledger_discard(config.store, path);
    return code;
}

int backtest_run(const struct backtest *backtest, struct result *ret_results, struct error *error)
{
    int last = backtest->window_count - 1, code = 0;
    for (int p = 0; code == 0 && p < backtest->policy_count; p++) {
        struct world world;
        ret_results[p] = (struct result){.policy = backtest->policies[p]};
        if (backtest->policies[p] != POLICY_ORACLE)
            ret_results[p].bound = (double)NAN;
        code = world_init(&world, &backtest->site, &backtest->inputs, backtest->from_ms[0],
                          window_end_ms(backtest, last), error);
        if (code >= 0)
            code = run_policy(backtest, &world, &ret_results[p], error);
        world_finish(&world);
        if (code < 0)
            error_prefix(error, code, "policy %s", policy_name(backtest->policies[p]));
    }
    return code;
}
