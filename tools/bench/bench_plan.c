/* Plans random realistic sites: one 1 MW hall, 48 h, 200 jobs. Prints how long it takes and how
 * far the plans are from the bound, and refuses a plan that its check refuses. Each instance goes
 * to stderr, the figures to stdout.
 *
 *   bench_plan [INSTANCES [SEED]] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "controller/plan/dispatch.h"
#include "controller/plan/plan.h"

enum { JOBS = 200, HORIZON_H = 48 };

static const int64_t START_MS = INT64_C(1781481780000); /* 2026-06-15, three minutes to midnight */
static const int64_t HOUR_MS = 3600000;
static const double PI = 3.14159265358979323846;
static const double TIME_LIMIT_MS = 250, GAP_LIMIT_PCT = 2;
static const double USED_SHARE = 0.6; /* of what the feeders could do beside base load */

static uint64_t random_state;

static double uniform(double least, double most)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return least + (most - least) * (double)(random_state >> 11) / 9007199254740992.0;
}

/* The processor's time says what planning costs, the wall's what a busy machine makes of it. */
struct times {
    double cpu_ms, wall_ms;
};

static double clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static struct times times_now(void)
{
    return (struct times){clock_ms(CLOCK_PROCESS_CPUTIME_ID), clock_ms(CLOCK_MONOTONIC)};
}

static struct times times_since(struct times start)
{
    struct times now = times_now();
    return (struct times){now.cpu_ms - start.cpu_ms, now.wall_ms - start.wall_ms};
}

/* 0 at 4:00, 1 at 16:00. */
static double diurnal(double hour)
{
    return 0.5 - 0.5 * cos((hour - 4) / 24 * 2 * PI);
}

static void random_slots(struct problem *problem)
{
    double clearness = uniform(0.4, 1), wind = uniform(0.1, 0.6), noise = 0;
    problem_slots(problem, START_MS, HORIZON_H);
    for (int32_t t = 0; t < problem->slot_count; t++) {
        struct problem_slot *slot = &problem->slots[t];
        double hour = (double)(slot->start_ms - START_MS) / (double)HOUR_MS;
        double share = (double)slot->length_ms / (double)HOUR_MS;
        wind = fmin(1, fmax(0, wind + uniform(-0.25, 0.25) * share));
        noise = 0.8 * noise + uniform(-12, 12) * share;
        slot->pv_w = 400e3 * clearness * fmax(0, sin((fmod(hour, 24) - 6) / 12 * PI));
        slot->wind_w = 300e3 * wind;
        slot->base_it_w[0] = slot->base_it_w[1] = 125e3 * (0.8 + 0.4 * diurnal(hour));
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

static void random_job(struct problem *problem, int32_t index)
{
    struct problem_job *job = &problem->jobs[index];
    double work_h = uniform(0.5, 8);
    bool waiting = uniform(0, 1) < 0.5;
    job->id = index + 1;
    job->job_class = index % 20 == 0   ? JOB_GUARANTEED
                     : index % 10 == 1 ? JOB_SCAVENGER
                                       : JOB_DEFERRABLE;
    job->running = index < 12;
    job->feeder = job->running ? index % 2 : -1;
    job->power_w = uniform(5e3, 40e3);
    job->release_ms = START_MS;
    if (!job->running && !waiting)
        job->release_ms += (int64_t)(uniform(0, 24) * (double)HOUR_MS);
    double window_h = fmax(uniform(4, 36), work_h * 1.2);
    job->remaining_ms = (int64_t)(work_h * (double)HOUR_MS);
    job->deadline_ms = job->release_ms + (int64_t)(window_h * (double)HOUR_MS);
    job->min_run_ms = 30 * 60000;
    job->can_suspend = uniform(0, 1) < 0.5;
}

/* Scales the jobs to the share of capacity that a busy site uses. */
static void scale_jobs(struct problem *problem)
{
    double room_wh = 0, work_wh = 0;
    for (int32_t t = 0; t < problem->slot_count; t++)
        room_wh += (900e3 - 2 * problem->slots[t].base_it_w[0]) *
                   (double)problem->slots[t].length_ms / (double)HOUR_MS;
    for (int32_t i = 0; i < problem->job_count; i++)
        work_wh +=
            problem->jobs[i].power_w * (double)problem->jobs[i].remaining_ms / (double)HOUR_MS;
    for (int32_t i = 0; i < problem->job_count; i++)
        problem->jobs[i].power_w *= USED_SHARE * room_wh / work_wh;
}

static struct problem *random_problem(void)
{
    struct problem *problem = problem_create(JOBS);
    if (!problem)
        abort();
    problem->issue_ms = START_MS;
    problem->feeder_count = 2;
    problem->feeders[0].limit_w = problem->feeders[1].limit_w = 450e3;
    problem->battery = (struct problem_battery){.capacity_wh = 2e6,
                                                .soc_wh = uniform(0.3e6, 1.8e6),
                                                .soc_min_wh = 0.2e6,
                                                .soc_max_wh = 1.9e6,
                                                .charge_max_w = 1e6,
                                                .discharge_max_w = 1e6,
                                                .charge_efficiency = 0.96,
                                                .discharge_efficiency = 0.96,
                                                .wear_per_mwh = 10,
                                                .end_value_per_mwh = 70};
    problem->peak_so_far_w = uniform(300e3, 600e3);
    problem->prices = (struct problem_prices){.carbon_per_t = 80,
                                              .peak_per_kw = uniform(1, 10),
                                              .lateness_per_mwh = {2000, 1000, 500, 100},
                                              .unserved_per_mwh = {10000, 5000, 2000, 60},
                                              .delay_per_mwh_h = 0.5,
                                              .churn = 0.5,
                                              .breach_per_mwh = 5000};
    random_slots(problem);
    problem->job_count = JOBS;
    for (int32_t i = 0; i < JOBS; i++)
        random_job(problem, i);
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

struct instance {
    struct times plan, bound;
    double gap_pct;
};

static struct times time_bound(const struct problem *problem)
{
    struct relaxation relaxation;
    struct error error;
    struct times start = times_now();
    struct workload *load = workload_create(problem);
    if (!load || relax_solve(load, &relaxation, &error) < 0)
        abort();
    free(load);
    return times_since(start);
}

/* As the daemon does: no improvement after the budget. */
static bool time_left(void *start)
{
    return times_since(*(struct times *)start).wall_ms < LIMIT_PLAN_MS;
}

static struct instance measure(void)
{
    struct problem *problem = random_problem();
    struct plan *plan;
    struct error error;
    struct instance result = {.bound = time_bound(problem)};
    struct times start = times_now();
    if (plan_make(problem, time_left, &start, &plan, &error) < 0) {
        fprintf(stderr, "no plan: %s\n", error.text);
        exit(1);
    }
    result.plan = times_since(start);
    result.gap_pct = 100 * plan->gap;
    if (plan_check(problem, plan, &error) < 0) {
        fprintf(stderr, "plan refused: %s\n", error.text);
        exit(1);
    }
    fprintf(stderr,
            "%7.1f ms  LP %6.1f ms  gap %5.2f %%  bound %8.1f  objective %8.1f  peak cost %7.1f  "
            "late %d\n",
            result.plan.cpu_ms, result.bound.cpu_ms, result.gap_pct, plan->bound, plan->objective,
            plan->peak_cost, plan->late_jobs);
    plan_destroy(plan);
    problem_destroy(problem);
    return result;
}

static void print_row(const char *name, double value, const char *unit, double limit)
{
    char text[32], against[32];
    snprintf(text, sizeof text, "%.2f %s", value, unit);
    snprintf(against, sizeof against, "limit %g %s", limit, unit);
    printf("%-34s  %20s  %-16s  %.2f\n", name, text, against, value / limit);
}

static void report(double *wall_ms, double *cpu_ms, double *bound_ms, double *gap_pct, int count)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu_median = median(cpu_ms, count), bound_median = median(bound_ms, count);
    char text[32], bound[32];
    print_row("wall, median", median(wall_ms, count), "ms", TIME_LIMIT_MS);
    print_row("wall, worst", wall_ms[count - 1], "ms", TIME_LIMIT_MS);
    print_row("processor, median", cpu_median, "ms", TIME_LIMIT_MS);
    print_row("processor, worst", cpu_ms[count - 1], "ms", TIME_LIMIT_MS);
    snprintf(text, sizeof text, "%.2f ms", cpu_median);
    snprintf(bound, sizeof bound, "%.2f ms", bound_median);
    printf("%-34s  %20s  %-16s  %.2f\n", "processor, beside the LP bound", text, bound,
           cpu_median / bound_median);
    print_row("gap to the bound, median", median(gap_pct, count), "%", GAP_LIMIT_PCT);
    print_row("gap to the bound, worst", gap_pct[count - 1], "%", GAP_LIMIT_PCT);
    printf("%d instances of %d jobs over %d h; peak resident %.1f MiB; no plan refused\n", count,
           JOBS, HORIZON_H, (double)usage.ru_maxrss / 1024);
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 40;
    random_state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    double *values = count > 0 ? calloc(4 * (size_t)count, sizeof(double)) : NULL;
    if (!values) {
        fprintf(stderr, "usage: bench_plan [INSTANCES [SEED]]\n");
        return 2;
    }
    double *wall_ms = values, *cpu_ms = wall_ms + count, *bound_ms = cpu_ms + count,
           *gap_pct = bound_ms + count;
    for (int i = 0; i < count; i++) {
        struct instance result = measure();
        wall_ms[i] = result.plan.wall_ms;
        cpu_ms[i] = result.plan.cpu_ms;
        bound_ms[i] = result.bound.cpu_ms;
        gap_pct[i] = result.gap_pct;
    }
    report(wall_ms, cpu_ms, bound_ms, gap_pct, count);
    free(values);
    return 0;
}
