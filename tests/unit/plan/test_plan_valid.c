/* Problems that make no sense are refused with site, slot, job and field; odd ones are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controller/plan/problem_valid.h"
#include "tests/unit/plan/plan_cases.h"

/* Two sites with everything, and a job at the second. */
static struct problem *rich(void)
{
    struct problem *problem = case_sites(2);
    case_hours(problem, 4);
    for (int32_t s = 0; s < 2; s++) {
        struct problem_site *site = &problem->sites[s];
        case_battery_of(&site->battery);
        site->cooling = (struct problem_cooling){.chiller_max_w = 100e3,
                                                 .tank_capacity_wh = 50e3,
                                                 .tank_wh = 10e3,
                                                 .tank_charge_max_w = 20e3,
                                                 .tank_discharge_max_w = 20e3,
                                                 .tank_loss_per_h = 0.01};
        for (int32_t t = 0; t < 4; t++) {
            site->slots[t].heat_ratio = 1;
            site->slots[t].cop = 4;
            site->slots[t].free_cooling_w = 1000;
            site->slots[t].free_cop = 15;
        }
    }
    problem->links[0][1] = (struct problem_link){100, 10};
    problem_add_scenario(problem)->weight = 0.5;
    problem_add_scenario(problem)->weight = 0.5;
    struct problem_job *job = case_job(problem, 1, 3);
    job->site = 1;
    job->level_count = 2;
    job->levels[1] = (struct problem_level){.power_w = 7e3, .speed = 0.85};
    return problem;
}

/* Everything of the problem that is a double, of the second site and the third slot. */
struct parts {
    struct problem_slot *slot;
    struct problem_site *site;
    struct problem_battery *battery;
    struct problem_cooling *cooling;
    struct problem_group *group;
    struct problem_feeder *feeder;
    struct problem_link *link;
    struct problem_prices *prices;
    struct problem_outlook *outlook;
    struct problem_scenario *scenario;
    struct problem_job *job;
    struct problem_level *level;
};

static struct parts parts_of(struct problem *problem)
{
    struct problem_site *site = &problem->sites[1];
    return (struct parts){
        .slot = &site->slots[2],
        .site = site,
        .battery = &site->battery,
        .cooling = &site->cooling,
        .group = &site->groups[0],
        .feeder = &site->feeders[0],
        .link = &problem->links[0][1],
        .prices = &problem->prices,
        .outlook = &problem->scenarios[1].outlook[1][2],
        .scenario = &problem->scenarios[1],
        .job = &problem->jobs[0],
        .level = &problem->jobs[0].levels[1],
    };
}

enum { NEGATIVE = 1, INFINITE = 2 }; /* what a field may be, beside a number from 0 on */

struct field {
    const char *name, *place;
    size_t part, offset; /* in parts, in what that points to */
    int may;
};

#define FIELD(part, type, field, place, may)                                                       \
    {                                                                                              \
#field, place, offsetof(struct parts, part), offsetof(struct type, field), may             \
    }

static const struct field fields[] = {
    FIELD(slot, problem_slot, pv_w, "site 1, slot 2", 0),
    FIELD(slot, problem_slot, wind_w, "site 1, slot 2", 0),
    FIELD(slot, problem_slot, base_it_w, "site 1, slot 2, group 0", 0),
    FIELD(slot, problem_slot, base_it_high_w, "site 1, slot 2, group 0", 0),
    FIELD(slot, problem_slot, fixed_w, "site 1, slot 2", 0),
    FIELD(slot, problem_slot, overhead_ratio, "site 1, slot 2", 0),
    FIELD(slot, problem_slot, heat_ratio, "site 1, slot 2", 0),
    FIELD(slot, problem_slot, cop, "site 1, slot 2", 0),
    FIELD(slot, problem_slot, free_cooling_w, "site 1, slot 2", 0),
    FIELD(slot, problem_slot, free_cop, "site 1, slot 2", 0),
    FIELD(slot, problem_slot, price_import_per_mwh, "site 1, slot 2", NEGATIVE),
    FIELD(slot, problem_slot, price_export_per_mwh, "site 1, slot 2", NEGATIVE),
    FIELD(slot, problem_slot, carbon_g_per_kwh, "site 1, slot 2", 0),
    FIELD(slot, problem_slot, import_limit_w, "site 1, slot 2", INFINITE),
    FIELD(slot, problem_slot, export_limit_w, "site 1, slot 2", INFINITE),
    FIELD(site, problem_site, peak_so_far_w, "site 1", 0),
    FIELD(site, problem_site, ramp_w_per_min, "site 1", 0),
    FIELD(battery, problem_battery, capacity_wh, "battery of site 1", 0),
    FIELD(battery, problem_battery, soc_wh, "battery of site 1", 0),
    FIELD(battery, problem_battery, soc_min_wh, "battery of site 1", 0),
    FIELD(battery, problem_battery, soc_max_wh, "battery of site 1", 0),
    FIELD(battery, problem_battery, charge_max_w, "battery of site 1", 0),
    FIELD(battery, problem_battery, discharge_max_w, "battery of site 1", 0),
    FIELD(battery, problem_battery, charge_efficiency, "battery of site 1", 0),
    FIELD(battery, problem_battery, discharge_efficiency, "battery of site 1", 0),
    FIELD(battery, problem_battery, wear_per_mwh, "battery of site 1", 0),
    FIELD(battery, problem_battery, end_value_per_mwh, "battery of site 1", NEGATIVE),
    FIELD(cooling, problem_cooling, chiller_max_w, "cooling of site 1", 0),
    FIELD(cooling, problem_cooling, tank_capacity_wh, "cooling of site 1", 0),
    FIELD(cooling, problem_cooling, tank_wh, "cooling of site 1", 0),
    FIELD(cooling, problem_cooling, tank_charge_max_w, "cooling of site 1", 0),
    FIELD(cooling, problem_cooling, tank_discharge_max_w, "cooling of site 1", 0),
    FIELD(cooling, problem_cooling, tank_loss_per_h, "cooling of site 1", 0),
    FIELD(cooling, problem_cooling, tank_end_value_per_mwh, "cooling of site 1", NEGATIVE),
    FIELD(group, problem_group, limit_w, "site 1, group 0", 0),
    FIELD(feeder, problem_feeder, limit_w, "site 1, feeder 0", 0),
    FIELD(link, problem_link, gb_per_h, "link from site 0, to site 1", 0),
    FIELD(link, problem_link, wh_per_gb, "link from site 0, to site 1", 0),
    FIELD(prices, problem_prices, carbon_per_t, "prices", 0),
    FIELD(prices, problem_prices, peak_per_kw, "prices", 0),
    FIELD(prices, problem_prices, lateness_per_mwh, "prices of class 0", 0),
    FIELD(prices, problem_prices, lateness_per_mwh_h, "prices of class 0", 0),
    FIELD(prices, problem_prices, unserved_per_mwh, "prices of class 0", 0),
    FIELD(prices, problem_prices, delay_per_mwh_h, "prices", 0),
    FIELD(prices, problem_prices, churn, "prices", 0),
    FIELD(prices, problem_prices, change_gain, "prices", 0),
    FIELD(prices, problem_prices, breach_per_mwh, "prices", 0),
    FIELD(outlook, problem_outlook, pv_w, "scenario 1, site 1, slot 2", 0),
    FIELD(outlook, problem_outlook, wind_w, "scenario 1, site 1, slot 2", 0),
    FIELD(outlook, problem_outlook, price_import_per_mwh, "scenario 1, site 1, slot 2", NEGATIVE),
    FIELD(outlook, problem_outlook, carbon_g_per_kwh, "scenario 1, site 1, slot 2", 0),
    FIELD(scenario, problem_scenario, weight, "scenario 1", 0),
    FIELD(job, problem_job, data_gb, "job 1", 0),
    FIELD(level, problem_level, power_w, "job 1, level 1", 0),
    FIELD(level, problem_level, speed, "job 1, level 1", 0),
};

static void expect_text(struct problem *problem, const char *place, const char *name)
{
    struct error error = {"accepted"};
    if (problem_valid(problem, &error) != ERROR_INVALID || !strstr(error.text, place) ||
        !strstr(error.text, name))
        fail_msg("%s, %s: %s", place, name, error.text);
}

static void expect_accepted(struct problem *problem, const char *name)
{
    struct error error = {"no error"};
    if (problem_valid(problem, &error) != 0)
        fail_msg("%s: %s", name, error.text);
}

static void impossible_numbers_are_named(void **state)
{
    (void)state;
    struct problem *problem = rich();
    struct parts parts = parts_of(problem);
    expect_accepted(problem, "untouched");
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        char *part;
        memcpy(&part, (const char *)&parts + fields[i].part, sizeof part);
        double *value = (double *)(part + fields[i].offset), kept = *value;
        const double bad[] = {NAN, -1, HUGE_VAL, -HUGE_VAL};
        for (int b = 0; b < 4; b++) {
            *value = bad[b];
            if ((b == 1 && (fields[i].may & NEGATIVE)) || (b == 2 && (fields[i].may & INFINITE)))
                continue;
            expect_text(problem, fields[i].place, fields[i].name);
        }
        *value = kept;
    }
    expect_accepted(problem, "restored");
    problem_destroy(problem);
}

/* One change each, on a fresh problem, and what the refusal names. */
#define REFUSED(place, text, change)                                                               \
    {                                                                                              \
        struct problem *problem = rich();                                                          \
        struct problem_site *site = &problem->sites[1];                                            \
        struct problem_job *job = &problem->jobs[0];                                               \
        (void)site, (void)job;                                                                     \
        change;                                                                                    \
        expect_text(problem, place, text);                                                         \
        problem_destroy(problem);                                                                  \
    }

static void impossible_sites_are_named(void **state)
{
    (void)state;
    REFUSED("counts", "slot_count", problem->slot_count = 0)
    REFUSED("counts", "slot_count", problem->slot_count = problem->slot_room + 1)
    REFUSED("counts", "job_count", problem->job_count = -1)
    REFUSED("site 1, slot 2", "length_ms", site->slots[2].length_ms = 0)
    REFUSED("site 1, slot 2", "does not start where", site->slots[2].start_ms++)
    REFUSED("site 1, slot 3", "of site 0", site->slots[3].length_ms--)
    REFUSED("site 1", "feeder_count", site->feeder_count = 0)
    REFUSED("site 1", "feeder_count", site->feeder_count = LIMIT_FEEDERS + 1)
    REFUSED("site 1", "group_count", site->group_count = 0)
    REFUSED("site 1", "group_count", site->group_count = LIMIT_GROUPS + 1)
    REFUSED("site 1, group 0", "its feeder", site->groups[0].feeder = 1)
    REFUSED("site 1, group 0", "its feeder", site->groups[0].feeder = -1)
    REFUSED("site 1, group 0", "accelerators", site->groups[0].accelerators[3] = -1)
    REFUSED("site 1, slot 2, group 0", "base_it_high_w", site->slots[2].base_it_w[0] = 1)
    REFUSED("site 1", "net_now_w", site->net_now_w = HUGE_VAL)
    REFUSED("battery of site 1", "soc_min_wh", site->battery.soc_min_wh = 91e3)
    REFUSED("battery of site 1", "soc_max_wh", site->battery.soc_max_wh = 101e3)
    REFUSED("battery of site 1", "charge_efficiency", site->battery.charge_efficiency = 1.01)
    REFUSED("battery of site 1", "charge_efficiency", site->battery.charge_efficiency = 0)
    REFUSED("site 1, slot 2", "cop", site->slots[2].cop = 0)
    REFUSED("site 1, slot 2", "free_cop", site->slots[2].free_cop = 0)
    REFUSED("cooling of site 1", "no chiller", site->cooling.chiller_max_w = 0)
    REFUSED("cooling of site 1", "tank_wh", site->cooling.tank_wh = 51e3)
    REFUSED("cooling of site 1", "tank_loss_per_h", site->cooling.tank_loss_per_h = 1.1)
    REFUSED("link from site 1, to site 1", "itself", problem->links[1][1].gb_per_h = 1)
    REFUSED("scenarios", "add up to 0.9", problem->scenarios[1].weight = 0.4)
    REFUSED("scenario 1, site 1", "no outlook",
            (free(problem->scenarios[1].outlook[1]), problem->scenarios[1].outlook[1] = NULL))
}

static void impossible_jobs_are_named(void **state)
{
    (void)state;
    REFUSED("job 1", "job_class", job->job_class = JOB_CLASSES)
    REFUSED("job 1", "its site", job->site = 2)
    REFUSED("job 1", "its site", job->site = -1)
    REFUSED("job 1", "its group", job->group = 1)
    REFUSED("job 1", "its group", job->group = -2)
    REFUSED("job 1", "running and suspended",
            (job->running = job->suspended = true, job->group = 0))
    REFUSED("job 1", "on no group", job->running = true)
    REFUSED("job 1", "a level", (job->running = true, job->group = 0, job->level = 2))
    REFUSED("job 1", "level_count", job->level_count = 0)
    REFUSED("job 1", "level_count", job->level_count = LIMIT_LEVELS + 1)
    REFUSED("job 1", "do not fall", job->levels[1].power_w = 10e3)
    REFUSED("job 1, level 0", "speed", job->levels[0].speed = 0.9)
    REFUSED("job 1, level 1", "speed", job->levels[1].speed = 0)
    REFUSED("job 1, level 1", "speed", job->levels[1].speed = 1.1)
    REFUSED("job 1, level 1", "accelerators", job->levels[1].accelerators = -1)
    REFUSED("job 1, level 1", "accelerators", job->levels[1].accelerators = 2)
    REFUSED("job 1", "accelerator_classes", job->accelerator_classes = 1u << LIMIT_ACCELERATORS)
    REFUSED("job 1", "remaining_ms", job->remaining_ms = -1)
    REFUSED("job 1", "remaining_ms", job->remaining_ms = INT64_MAX)
    REFUSED("job 1", "min_run_ms", job->min_run_ms = -1)
    REFUSED("job 1", "restart_ms", job->restart_ms = -1)
    REFUSED("job 1", "release_ms", job->release_ms = INT64_MAX)
    REFUSED("job 1", "deadline_ms", job->deadline_ms = INT64_MIN)
    REFUSED("job 1", "hold_until_ms", job->hold_until_ms = INT64_MAX)
}

#define ACCEPTED(change)                                                                           \
    {                                                                                              \
        struct problem *problem = rich();                                                          \
        struct problem_site *site = &problem->sites[1];                                            \
        struct problem_job *job = &problem->jobs[0];                                               \
        (void)site, (void)job;                                                                     \
        change;                                                                                    \
        expect_accepted(problem, #change);                                                         \
        problem_destroy(problem);                                                                  \
    }

static void what_cannot_be_kept_makes_sense(void **state)
{
    (void)state;
    ACCEPTED(site->battery.soc_wh = 0)
    ACCEPTED(site->battery.soc_wh = 99e3)
    ACCEPTED(job->deadline_ms = job->release_ms - 1)
    ACCEPTED(job->deadline_ms = JOB_NO_DEADLINE)
    ACCEPTED(job->release_ms = CASE_START_MS - 1)
    ACCEPTED(job->remaining_ms = 0)
    ACCEPTED(site->slots[0].import_limit_w = 0)
    ACCEPTED(site->groups[0].limit_w = 0)
    ACCEPTED(site->feeders[0].limit_w = 0)
    ACCEPTED(site->slots[1].base_it_high_w[0] = 1e9)
    ACCEPTED(site->net_now_w = -1e9)
    ACCEPTED((site->slots[2].free_cooling_w = 0, site->slots[2].free_cop = 0))
    ACCEPTED((site->cooling = (struct problem_cooling){0}, site->slots[2].cop = 0))
    ACCEPTED(site->battery = (struct problem_battery){0})
    ACCEPTED(problem->job_count = 0)
    for (uint64_t seed = 1; seed <= 500; seed++) {
        struct problem *problem = case_random(seed);
        expect_accepted(problem, "a random one");
        problem_destroy(problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(impossible_numbers_are_named),
        cmocka_unit_test(impossible_sites_are_named),
        cmocka_unit_test(impossible_jobs_are_named),
        cmocka_unit_test(what_cannot_be_kept_makes_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
