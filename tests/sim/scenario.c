/* See scenario.h. */
#include "tests/sim/scenario.h"

#include <math.h>
#include <stdio.h>

#include "controller/base/utc.h"

static const int64_t YEAR_START_MS = INT64_C(1767225600000); /* 2026-01-01T00:00:00Z */

/* ---- dice ---- */

static uint32_t roll(struct dice *dice)
{
    dice->state = dice->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(dice->state >> 33);
}

double dice_between(struct dice *dice, double low, double high)
{
    return low + (high - low) * roll(dice) / 2147483648.0;
}

int dice_below(struct dice *dice, int count)
{
    return (int)(roll(dice) % (uint32_t)count);
}

bool dice_happens(struct dice *dice, double share)
{
    return dice_between(dice, 0, 1) < share;
}

static struct dice dice_of(uint64_t seed, uint64_t purpose)
{
    struct dice dice = {seed * UINT64_C(0x9E3779B97F4A7C15) + purpose};
    for (int i = 0; i < 4; i++)
        roll(&dice);
    return dice;
}

static int64_t between_ms(struct dice *dice, double low_h, double high_h)
{
    return (int64_t)(dice_between(dice, low_h, high_h) * HOUR_MS);
}

/* ---- the day ---- */

/* Slower than in life by the tick: what is ramped or settled in a second there takes a minute
 * here. Some limits are tighter than the site's own, so that days meet them. */
static void slow_down(struct cycle_config *config, const void *context)
{
    static const double exports_w[] = {400e3, 0, 60e3}, fail_safes_w[] = {700e3, 450e3, 330e3};
    const struct sim_setup *setup = context;
    config->guard.export_limit_w = exports_w[setup->seed / 2 % 3];
    config->guard.import_fail_safe_w = fail_safes_w[setup->seed / 6 % 3];
    config->guard.battery_ramp_w_per_s = 2e3;
    config->forecast_every_ms = HOUR_MS;
    config->grid = (struct problem_grid){.fine_h = 1, .quarter_h = 2, .horizon_h = 24};
}

void scenario_setup(uint64_t seed, struct sim_setup *setup)
{
    struct dice dice = dice_of(seed, 1);
    setup->seed = seed;
    setup->start_ms = YEAR_START_MS + dice_below(&dice, 365) * (int64_t)DAY_MS;
    setup->tick_ms = MINUTE_MS;
    setup->plan_every_ms = dice_happens(&dice, 0.25) ? HOUR_MS / 2 : HOUR_MS;
    setup->history_days = 7;
    setup->plan_patience = 50;
    setup->soc_share = dice_between(&dice, 0.12, 0.98);
    setup->adjust = slow_down;
    setup->context = setup;
}

/* ---- jobs ---- */

static enum job_class roll_class(struct dice *dice)
{
    double at = dice_between(dice, 0, 1);
    return at < 0.06   ? JOB_REALTIME
           : at < 0.18 ? JOB_GUARANTEED
           : at < 0.85 ? JOB_DEFERRABLE
                       : JOB_SCAVENGER;
}

/* Capped, or shrunk: then with fewer accelerators at each level. */
static void roll_levels(struct dice *dice, const struct topology *topology, struct job *job)
{
    bool flexible = dice_happens(dice, 0.3), shrinks = dice_happens(dice, 0.5);
    int32_t accelerators = 0;
    if (topology->accelerator_count > 0 && dice_happens(dice, 0.4)) {
        accelerators = 1 + dice_below(dice, 16);
        job->accelerator_classes = 1 + (uint32_t)dice_below(dice, 3);
    }
    job->level_count = flexible ? 2 + dice_below(dice, LIMIT_LEVELS - 1) : 1;
    double power = 1, speed = 1;
    for (int level = 0; level < job->level_count; level++) {
        job->levels[level] = (struct job_level){
            .power_w = job->power_w * power, .speed = speed, .accelerators = accelerators};
        power *= dice_between(dice, 0.65, 0.85);
        speed *= dice_between(dice, 0.8, 0.92);
        if (shrinks && accelerators > 1)
            accelerators--;
    }
}

static struct batch_nature roll_nature(struct dice *dice, const struct job *job)
{
    struct batch_nature nature = {
        .start_ms = dice_below(dice, 3) * (int64_t)MINUTE_MS,
        .stop_ms = dice_below(dice, 3) * (int64_t)MINUTE_MS,
        .overdraw = dice_between(dice, -0.15, 0.03),
    };
    if (dice_happens(dice, 0.2))
        nature.outrun_ms = (int64_t)(dice_between(dice, -0.3, 0.6) * (double)job->work_ms);
    if (dice_happens(dice, 0.08))
        nature.dies_ms = 1 + (int64_t)(dice_between(dice, 0, 1) * (double)job->work_ms);
    if (dice_happens(dice, 0.04))
        nature.failing_stops = 1 + dice_below(dice, 2);
    return nature;
}

static void add_job(struct sim *sim, struct dice *dice, int64_t submitted_ms)
{
    struct job job = {
        .id = sim->batch.count + 1,
        .job_class = roll_class(dice),
        .power_w = dice_between(dice, 4e3, 70e3),
        .work_ms = between_ms(dice, 0.1, 6),
        .submitted_ms = submitted_ms,
        .release_ms = submitted_ms + (dice_happens(dice, 0.2) ? between_ms(dice, 0, 6) : 0),
        .min_run_ms = dice_happens(dice, 0.5) ? 30 * MINUTE_MS : 0,
        .restart_ms = dice_happens(dice, 0.3) ? between_ms(dice, 0, 0.2) : 0,
        .can_suspend = true,
        .feeder = -1,
        .group = -1,
    };
    if (job.job_class == JOB_REALTIME)
        job.power_w = fmin(job.power_w, 25e3);
    if (job.job_class == JOB_REALTIME || dice_happens(dice, 0.1))
        job.can_suspend = false;
    job.deadline_ms = dice_happens(dice, 0.1)
                          ? JOB_NO_DEADLINE
                          : job.release_ms + job.work_ms + between_ms(dice, -1, 10);
    if (job.deadline_ms <= job.release_ms)
        job.deadline_ms = job.release_ms + MINUTE_MS;
    roll_levels(dice, sim->config->topology, &job);
    snprintf(job.name, sizeof job.name, "job-%d", (int)job.id);
    const struct batch_nature nature = roll_nature(dice, &job);
    batch_add(&sim->batch, &job, &nature);
}

static void add_jobs(struct sim *sim, uint64_t seed)
{
    struct dice dice = dice_of(seed, 2);
    int64_t start_ms = sim->setup.start_ms;
    int steady = 10 + dice_below(&dice, 35);
    for (int j = 0; j < steady; j++)
        add_job(sim, &dice, start_ms + between_ms(&dice, 0, 20));
    int bursts = dice_below(&dice, 3);
    for (int b = 0; b < bursts; b++) {
        int64_t at_ms = start_ms + between_ms(&dice, 1, 20);
        int size = 6 + dice_below(&dice, 15);
        for (int j = 0; j < size; j++)
            add_job(sim, &dice, at_ms + between_ms(&dice, 0, 0.1));
    }
}

/* ---- faults ---- */

static struct site_fault roll_span(struct dice *dice, const struct sim *sim, double short_h,
                                   double long_h)
{
    int64_t from_ms = sim->setup.start_ms + between_ms(dice, 0.3, 22);
    /* Mostly short: lengths are even on a logarithmic scale. */
    double length_h = short_h * pow(long_h / short_h, dice_between(dice, 0, 1));
    return (struct site_fault){.from_ms = from_ms,
                               .to_ms = from_ms + (int64_t)(length_h * HOUR_MS)};
}

static void lose_device(struct sim *sim, struct dice *dice)
{
    static const char *const devices[] = {
        "utility", "utility", "battery", "battery", "pdu-a1",  "pdu-a3", "pdu-b2", "pdu-b4", "pv",
        "wind",    "ups",     "chiller", "hall",    "weather", "market", "cdu",    "tank"};
    struct site_fault fault = roll_span(dice, sim, 0.03, 4);
    fault.kind = FAULT_SILENT;
    fault.device = devices[dice_below(dice, sizeof devices / sizeof *devices)];
    faults_add(&sim->faults, &fault);
}

static void cut_limit(struct sim *sim, struct dice *dice)
{
    struct site_fault fault = roll_span(dice, sim, 0.1, 6);
    fault.kind = dice_happens(dice, 0.3) ? FAULT_GRID_SILENT : FAULT_GRID_LIMIT;
    fault.value = dice_between(dice, 240e3, 700e3);
    faults_add(&sim->faults, &fault);
}

/* The limit falls while nobody can see whether it is kept. */
static void cut_limit_blindly(struct sim *sim, struct dice *dice)
{
    struct site_fault cut = roll_span(dice, sim, 0.3, 3);
    struct site_fault blind = cut;
    cut.kind = FAULT_GRID_LIMIT;
    cut.value = dice_between(dice, 240e3, 500e3);
    blind.kind = FAULT_SILENT;
    blind.device = "utility";
    blind.from_ms -= between_ms(dice, 0.05, 0.3);
    faults_add(&sim->faults, &cut);
    faults_add(&sim->faults, &blind);
}

static void move_outside(struct sim *sim, struct dice *dice)
{
    static const double lows[FORECAST_SERIES] = {0, 0, -150, -200, -120e3, -12};
    static const double highs[FORECAST_SERIES] = {0.5, 1.8, 900, 400, 260e3, 17};
    struct site_fault fault = roll_span(dice, sim, 0.1, 12);
    fault.kind = FAULT_OUTSIDE;
    fault.series = (enum forecast_series)dice_below(dice, FORECAST_SERIES);
    fault.value = dice_between(dice, lows[fault.series], highs[fault.series]);
    faults_add(&sim->faults, &fault);
}

static void provide_nonsense(struct sim *sim, struct dice *dice)
{
    static const double lows[FORECAST_SERIES] = {0, 0, -300, 0, 0, -20};
    static const double highs[FORECAST_SERIES] = {380e3, 300e3, 3000, 900, 700e3, 50};
    struct site_fault fault = roll_span(dice, sim, 0.5, 12);
    fault.kind = FAULT_FORECAST;
    fault.series = (enum forecast_series)dice_below(dice, FORECAST_SERIES);
    fault.value = dice_between(dice, lows[fault.series], highs[fault.series]);
    faults_add(&sim->faults, &fault);
}

static void weaken_battery(struct sim *sim, struct dice *dice)
{
    struct site_fault fault = roll_span(dice, sim, 0.1, 8);
    bool fades = dice_happens(dice, 0.35);
    fault.kind = fades ? FAULT_FADED : FAULT_DERATED;
    fault.value = fades ? dice_between(dice, 0.02, 0.4) : dice_between(dice, 0, 0.6);
    faults_add(&sim->faults, &fault);
}

static void leak_heat(struct sim *sim, struct dice *dice)
{
    struct site_fault fault = roll_span(dice, sim, 0.2, 6);
    fault.kind = FAULT_LEAK;
    fault.value = dice_between(dice, 0.5, 7);
    faults_add(&sim->faults, &fault);
}

static void add_faults(struct sim *sim, uint64_t seed)
{
    /* Some are more frequent. */
    static void (*const kinds[])(struct sim * sim, struct dice * dice) = {
        lose_device,      lose_device,    cut_limit, cut_limit,        move_outside,
        provide_nonsense, weaken_battery, leak_heat, cut_limit_blindly};
    struct dice dice = dice_of(seed, 3);
    int count = 2 + dice_below(&dice, 12);
    for (int f = 0; f < count; f++)
        kinds[dice_below(&dice, sizeof kinds / sizeof *kinds)](sim, &dice);
}

void scenario_fill(struct sim *sim, uint64_t seed)
{
    add_jobs(sim, seed);
    add_faults(sim, seed);
}

void scenario_print(const struct sim *sim)
{
    char text[160], day[UTC_TEXT];
    printf("seed %llu: %s, battery at %.1f %%, plans every %.0f min\n",
           (unsigned long long)sim->setup.seed, utc_format(sim->setup.start_ms, day),
           100 * sim->setup.soc_share, (double)sim->setup.plan_every_ms / MINUTE_MS);
    for (int f = 0; f < sim->faults.count; f++) {
        fault_describe(&sim->faults.list[f], sim->setup.start_ms, text, sizeof text);
        printf("  %s\n", text);
    }
}
