/* Plans random realistic sites: how long it takes, how much memory, and how far the plans are from
 * the bound. Every plan passes the independent check or the run fails. Each instance goes to
 * stderr, the figures to stdout.
 *
 *   bench_plan [INSTANCES [SEED]]     of the smallest case; the others take a share of them */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/plan/plan.h"
#include "tools/bench/bench.h"

static const int64_t START_MS = INT64_C(1781481600000); /* 2026-06-15, midnight */
static const int64_t HOUR_MS = 3600000;
static const double PI = 3.14159265358979323846;
static const double GAP_LIMIT_PCT = 2;
static const double USED_SHARE = 0.6; /* of what the feeders could do beside base load */
static const double MEMORY_LIMIT_MIB = 256;

struct scale {
    const char *name;
    int32_t sites, hours, jobs;
    struct problem_grid grid;
    int64_t early_ms;  /* the plan is asked for so long before the hour */
    double limit_ms;   /* of the whole */
    double improve_ms; /* no improvement after this */
};

static const struct scale SMALL = {
    "1 site, 48 h, 200 jobs", 1, 48, 200, {2, 12, 48}, 180000, 250, 200};
static const struct scale WEEK = {
    "1 site, 168 slots, 1,000 jobs", 1, 168, 1000, {0, 0, 168}, 0, 200, 150};
static const struct scale SITES = {
    "8 sites, 168 slots, 10,000 jobs", 8, 168, 10000, {0, 0, 168}, 0, 2000, 1600};

static uint64_t random_state;

static double uniform(double least, double most)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return least + (most - least) * (double)(random_state >> 11) / 9007199254740992.0;
}

/* 0 at 4:00, 1 at 16:00. */
static double diurnal(double hour)
{
    return 0.5 - 0.5 * cos((hour - 4) / 24 * 2 * PI);
}

/* A 1 MW hall, of two groups that share their load. */
static void random_slots(struct problem *problem, int32_t s, double shift_h)
{
    double clearness = uniform(0.4, 1), wind = uniform(0.1, 0.6), noise = 0;
    for (int32_t t = 0; t < problem->slot_count; t++) {
        struct problem_slot *slot = &problem->sites[s].slots[t];
        double hour = (double)(slot->start_ms - START_MS) / (double)HOUR_MS + shift_h;
        double share = (double)slot->length_ms / (double)HOUR_MS;
        wind = fmin(1, fmax(0, wind + uniform(-0.25, 0.25) * share));
        noise = 0.8 * noise + uniform(-12, 12) * share;
        slot->pv_w = 400e3 * clearness * fmax(0, sin((fmod(hour, 24) - 6) / 12 * PI));
        slot->wind_w = 300e3 * wind;
        for (int32_t g = 0; g < 2; g++) {
            slot->base_it_w[g] = 125e3 * (0.8 + 0.4 * diurnal(hour));
            slot->base_it_high_w[g] = slot->base_it_w[g];
        }
        slot->fixed_w = 30e3;
        slot->overhead_ratio = 0.15 + 0.15 * diurnal(hour);
        double evening = exp(-pow((fmod(hour, 24) - 19) / 3, 2));
        slot->price_import_per_mwh = 50 + 40 * diurnal(hour) + 60 * evening + noise;
        slot->price_import_per_mwh = fmin(160, fmax(40, slot->price_import_per_mwh));
        slot->price_export_per_mwh = 0.6 * slot->price_import_per_mwh;
        slot->carbon_g_per_kwh = 450 - 350 * sin(fmod(hour, 24) / 24 * PI) * clearness;
        slot->import_limit_w = slot->export_limit_w = 1000e3;
    }
}

static void random_job(struct problem *problem, const struct scale *scale, int32_t index)
{
    struct problem_job *job = &problem->jobs[index];
    double work_h = uniform(0.5, 8);
    bool waiting = uniform(0, 1) < 0.5 * 24 / (scale->hours - 24);
    job->id = index + 1;
    job->job_class = index % 20 == 0   ? JOB_GUARANTEED
                     : index % 10 == 1 ? JOB_SCAVENGER
                                       : JOB_DEFERRABLE;
    job->running = index < 12 * scale->sites;
    job->site = index % scale->sites;
    job->group = job->running ? index / scale->sites % 2 : -1;
    job->level_count = 1;
    job->levels[0] = (struct problem_level){.power_w = uniform(5e3, 40e3), .speed = 1};
    job->release_ms = problem->sites[0].slots[0].start_ms;
    if (!job->running && !waiting)
        job->release_ms += (int64_t)(uniform(0, scale->hours - 24) * (double)HOUR_MS);
    double window_h = fmax(uniform(4, 36), work_h * 1.2);
    job->remaining_ms = (int64_t)(work_h * (double)HOUR_MS);
    job->deadline_ms = job->release_ms + (int64_t)(window_h * (double)HOUR_MS);
    job->min_run_ms = 30 * 60000;
    job->can_suspend = uniform(0, 1) < 0.5;
    job->data_gb = uniform(1, 500);
    if (scale->sites > 1 && index % 3 == 0)
        job->levels[job->level_count++] =
            (struct problem_level){.power_w = 0.7 * job->levels[0].power_w, .speed = 0.85};
}

/* Scales the jobs to the share of capacity that a busy site uses. */
static void scale_jobs(struct problem *problem)
{
    double room_wh = 0, work_wh = 0;
    for (int32_t s = 0; s < problem->site_count; s++)
        for (int32_t t = 0; t < problem->slot_count; t++)
            room_wh += (900e3 - 2 * problem->sites[s].slots[t].base_it_w[0]) *
                       (double)problem->sites[s].slots[t].length_ms / (double)HOUR_MS;
    for (int32_t i = 0; i < problem->job_count; i++)
        work_wh += problem->jobs[i].levels[0].power_w * (double)problem->jobs[i].remaining_ms /
                   (double)HOUR_MS;
    for (int32_t i = 0; i < problem->job_count; i++)
        for (int32_t l = 0; l < problem->jobs[i].level_count; l++)
            problem->jobs[i].levels[l].power_w *= USED_SHARE * room_wh / work_wh;
}

static void random_site(struct problem *problem, int32_t s)
{
    struct problem_site *site = &problem->sites[s];
    site->feeder_count = site->group_count = 2;
    for (int32_t g = 0; g < 2; g++) {
        site->feeders[g].limit_w = site->groups[g].limit_w = 450e3;
        site->groups[g].feeder = g;
    }
    site->battery = (struct problem_battery){.capacity_wh = 2e6,
                                             .soc_wh = uniform(0.3e6, 1.8e6),
                                             .soc_min_wh = 0.2e6,
                                             .soc_max_wh = 1.9e6,
                                             .charge_max_w = 1e6,
                                             .discharge_max_w = 1e6,
                                             .charge_efficiency = 0.96,
                                             .discharge_efficiency = 0.96,
                                             .wear_per_mwh = 10,
                                             .end_value_per_mwh = 70};
    site->peak_so_far_w = uniform(300e3, 600e3);
    random_slots(problem, s, 3.0 * s);
}

static struct problem *random_problem(const struct scale *scale)
{
    struct problem *problem = problem_create(scale->sites, 24 * 12 + scale->hours, scale->jobs);
    if (!problem)
        die("problem");
    problem->issue_ms = START_MS - scale->early_ms;
    problem_slots(problem, problem->issue_ms, &scale->grid);
    problem->prices = (struct problem_prices){.carbon_per_t = 80,
                                              .peak_per_kw = uniform(1, 10),
                                              .lateness_per_mwh = {2000, 1000, 500, 100},
                                              .lateness_per_mwh_h = {100, 50, 20, 5},
                                              .unserved_per_mwh = {10000, 5000, 2000, 60},
                                              .delay_per_mwh_h = 0.5,
                                              .churn = 0.5,
                                              .breach_per_mwh = 5000};
    for (int32_t s = 0; s < scale->sites; s++) {
        random_site(problem, s);
        for (int32_t to = 0; to < scale->sites; to++)
            if (to != s)
                problem->links[s][to] = (struct problem_link){.gb_per_h = 400, .wh_per_gb = 20};
    }
    problem->job_count = scale->jobs;
    for (int32_t i = 0; i < scale->jobs; i++)
        random_job(problem, scale, i);
    scale_jobs(problem);
    return problem;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Sorts: the last value is the worst afterwards. */
static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof(double), compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* The processor's time says what planning costs, the wall's what a busy machine makes of it. */
struct outcome {
    double wall_ms, cpu_ms, gap_pct, peak_mib;
};

static double wall_ms(void)
{
    return (double)mono_ns() / 1e6;
}

static bool time_left(void *end_ms)
{
    return wall_ms() < *(double *)end_ms;
}

/* As the daemon does: no improvement after a while. */
static struct outcome measure(const struct scale *scale)
{
    struct problem *problem = random_problem(scale);
    struct plan *plan;
    struct error error;
    struct outcome result;
    peak_restart();
    double start_ms = wall_ms(), end_ms = start_ms + scale->improve_ms, start_us = cpu_us();
    if (plan_make(problem, time_left, &end_ms, &plan, &error) < 0) {
        fprintf(stderr, "no plan: %s\n", error.text);
        exit(1);
    }
    result.wall_ms = wall_ms() - start_ms;
    result.cpu_ms = (cpu_us() - start_us) / 1e3;
    result.gap_pct = 100 * plan->gap;
    result.peak_mib = peak_mib();
    if (plan_check(problem, plan, &error) < 0) {
        fprintf(stderr, "plan refused: %s\n", error.text);
        exit(1);
    }
    fprintf(stderr,
            "%6d jobs  %8.1f ms  gap %5.2f %%  bound %9.1f  objective %9.1f  peak cost %8.1f  "
            "late %d  %.1f MiB\n",
            (int)scale->jobs, result.cpu_ms, result.gap_pct, plan->bound, plan->objective,
            plan->peak_cost, plan->late_jobs, result.peak_mib);
    plan_destroy(plan);
    problem_destroy(problem);
    return result;
}

static void row(const char *name, const char *figure, double value, const char *unit, double limit)
{
    char full[64], text[32], against[32];
    snprintf(full, sizeof full, "%s, %s", name, figure);
    snprintf(text, sizeof text, "%.2f %s", value, unit);
    snprintf(against, sizeof against, "limit %g %s", limit, unit);
    print_row(full, text, limit > 0 ? against : NULL, limit > 0 ? value / limit : NAN);
}

/* Returns the median processor time. */
static double report(const struct scale *scale, int count)
{
    double *values = calloc(4 * (size_t)count, sizeof(double));
    if (!values)
        die("memory");
    double *wall = values, *cpu = wall + count, *gap = cpu + count, *memory = gap + count;
    for (int i = 0; i < count; i++) {
        struct outcome result = measure(scale);
        wall[i] = result.wall_ms;
        cpu[i] = result.cpu_ms;
        gap[i] = result.gap_pct;
        memory[i] = result.peak_mib;
    }
    double cpu_median = median(cpu, count);
    row(scale->name, "wall, median", median(wall, count), "ms", scale->limit_ms);
    row(scale->name, "processor, median", cpu_median, "ms", scale->limit_ms);
    row(scale->name, "processor, worst", cpu[count - 1], "ms", 0);
    row(scale->name, "gap, median", median(gap, count), "%", GAP_LIMIT_PCT);
    row(scale->name, "gap, worst", gap[count - 1], "%", GAP_LIMIT_PCT);
    median(memory, count);
    row(scale->name, "resident, peak", memory[count - 1], "MiB", MEMORY_LIMIT_MIB);
    free(values);
    return cpu_median;
}

/* Time a job: a ratio of 1 beside the smallest is linear. */
static void report_curve(void)
{
    static const int32_t counts[] = {1000, 3000, 10000, 30000, 100000};
    double first_us = 0;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct scale scale = {"curve", 1, 168, counts[i], {0, 0, 168}, 0, 0, 0};
        struct outcome result = measure(&scale);
        double us = 1e3 * result.cpu_ms / counts[i];
        char name[64], text[32], beside[32];
        first_us = i == 0 ? us : first_us;
        snprintf(name, sizeof name, "1 site, 168 slots, %d jobs, a job", (int)counts[i]);
        snprintf(text, sizeof text, "%.1f us", us);
        snprintf(beside, sizeof beside, "%.1f us (1,000 jobs)", first_us);
        print_row(name, text, beside, us / first_us);
    }
}

/* New jobs between two plans: one a call, as they come to a daemon, and all at once. */
static void report_admission(void)
{
    enum { ADMITTED = 200 };
    static const int32_t batches[] = {1, ADMITTED};
    struct scale scale = WEEK;
    for (int b = 0; b < 2; b++) {
        struct problem *problem = random_problem(&scale);
        struct plan *plan;
        struct error error;
        problem->job_count -= ADMITTED;
        if (plan_make(problem, NULL, NULL, &plan, &error) < 0)
            die(error.text);
        double start_us = cpu_us();
        for (int32_t i = 0; i < ADMITTED; i += batches[b])
            if (plan_admit(plan, &problem->prices, &problem->jobs[problem->job_count + i],
                           batches[b], &error) < 0)
                die(error.text);
        char name[64], text[32];
        double us = (cpu_us() - start_us) / ADMITTED;
        snprintf(name, sizeof name, "admit beside 800 jobs, %d a call", (int)batches[b]);
        snprintf(text, sizeof text, "%.1f us a job", us);
        print_row(name, text, "limit 50 us", us / 50);
        plan_destroy(plan);
        problem_destroy(problem);
    }
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 40;
    random_state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    if (count < 1) {
        fprintf(stderr, "usage: bench_plan [INSTANCES [SEED]]\n");
        return 2;
    }
    report(&SMALL, count);
    report(&WEEK, 1 + count / 4);
    report(&SITES, 1 + count / 10);
    report_curve();
    report_admission();
    printf("every plan passed its check; improving stops after %.0f, %.0f and %.0f ms\n",
           SMALL.improve_ms, WEEK.improve_ms, SITES.improve_ms);
    return 0;
}
