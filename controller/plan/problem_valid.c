/* A problem that makes no sense is refused before the solver sees it. Limits that cannot be kept
 * make sense: they become breaches. */
#include "controller/plan/problem_valid.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* Times and durations far beyond any plan would overflow its sums: 100 years and the year 5138. */
#define DURATION_MOST_MS INT64_C(3155760000000)
#define TIME_MOST_MS INT64_C(100000000000000)

static const double SPEED_LEAST = 0.001; /* slower is standing still */
static const double WEIGHT_RATIO = 1e-6;
static const double NUMBER_MOST = 1e15; /* no power, energy or price; the solver ends the program */

enum field_kind { FINITE, MAY_BE_INFINITE };

struct field {
    const char *name;
    double value;
    double least;
    double most; /* HUGE_VAL: any number, where MAY_BE_INFINITE also an infinite one */
    enum field_kind kind;
};

/* What a refusal is about: "site 0, slot 3". Put into words only when it is needed. */
struct place {
    const char *names[3];
    int64_t numbers[3]; /* below 0: none */
};

static int refuse(struct error *error, struct place place, const char *what)
{
    char text[96] = "";
    for (size_t i = 0, length = 0; i < 3 && place.names[i] && length < sizeof(text); i++) {
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s", i > 0 ? ", " : "",
                                   place.names[i]);
        if (place.numbers[i] >= 0 && length < sizeof(text))
            length += (size_t)snprintf(text + length, sizeof(text) - length, " %" PRId64,
                                       place.numbers[i]);
    }
    return error_set(error, ERROR_INVALID, "dispatch problem, %s: %s", text, what);
}

static bool is_allowed(const struct field *field)
{
    bool known = fabs(field->value) <= NUMBER_MOST ||
                 (field->kind == MAY_BE_INFINITE && isinf(field->value));
    return known && field->value >= field->least && field->value <= field->most;
}

static int refuse_field(struct error *error, struct place place, const struct field *field)
{
    char what[160];
    snprintf(what, sizeof(what), "%s is %g, allowed is %g to %g", field->name, field->value,
             fmax(field->least, -NUMBER_MOST),
             field->kind == FINITE ? fmin(field->most, NUMBER_MOST) : field->most);
    return refuse(error, place, what);
}

static int check_fields(const struct field *fields, size_t count, struct place place,
                        struct error *error)
{
    for (size_t i = 0; i < count; i++)
        if (!is_allowed(&fields[i]))
            return refuse_field(error, place, &fields[i]);
    return 0;
}

#define CHECK_FIELDS(fields, error, ...)                                                           \
    check_fields(fields, sizeof(fields) / sizeof((fields)[0]), __VA_ARGS__, error)

static int base_valid(const struct problem_site *site, int32_t s, int32_t t, struct error *error)
{
    const struct problem_slot *slot = &site->slots[t];
    for (int32_t g = 0; g < site->group_count; g++) {
        const struct field fields[] = {
            {"base_it_w", slot->base_it_w[g], 0, HUGE_VAL, FINITE},
            {"base_it_high_w", slot->base_it_high_w[g], slot->base_it_w[g], HUGE_VAL, FINITE},
        };
        if (!is_allowed(&fields[0]) || !is_allowed(&fields[1]))
            return CHECK_FIELDS(fields, error,
                                (struct place){{"site", "slot", "group"}, {s, t, g}});
    }
    return 0;
}

static int slot_valid(const struct problem *problem, int32_t s, int32_t t, struct error *error)
{
    const struct problem_site *site = &problem->sites[s];
    const struct problem_slot *slot = &site->slots[t];
    const struct problem_slot *first = &problem->sites[0].slots[t];
    struct place place = {{"site", "slot"}, {s, t}};
    bool cools = site->cooling.chiller_max_w > 0;
    double least_cop = cools ? 0.01 : -HUGE_VAL;
    double least_free_cop = cools && slot->free_cooling_w > 0 ? 0.01 : -HUGE_VAL;
    const struct field fields[] = {
        {"pv_w", slot->pv_w, 0, HUGE_VAL, FINITE},
        {"wind_w", slot->wind_w, 0, HUGE_VAL, FINITE},
        {"fixed_w", slot->fixed_w, 0, HUGE_VAL, FINITE},
        {"overhead_ratio", slot->overhead_ratio, 0, HUGE_VAL, FINITE},
        {"heat_ratio", slot->heat_ratio, 0, HUGE_VAL, FINITE},
        {"free_cooling_w", slot->free_cooling_w, 0, HUGE_VAL, FINITE},
        {"cop", slot->cop, least_cop, HUGE_VAL, FINITE},
        {"free_cop", slot->free_cop, least_free_cop, HUGE_VAL, FINITE},
        {"price_import_per_mwh", slot->price_import_per_mwh, -HUGE_VAL, HUGE_VAL, FINITE},
        {"price_export_per_mwh", slot->price_export_per_mwh, -HUGE_VAL, HUGE_VAL, FINITE},
        {"carbon_g_per_kwh", slot->carbon_g_per_kwh, 0, HUGE_VAL, FINITE},
        {"import_limit_w", slot->import_limit_w, 0, HUGE_VAL, MAY_BE_INFINITE},
        {"export_limit_w", slot->export_limit_w, 0, HUGE_VAL, MAY_BE_INFINITE},
        {"length_ms", (double)slot->length_ms, 1, (double)DURATION_MOST_MS, FINITE},
        {"start_ms", (double)slot->start_ms, 0, (double)TIME_MOST_MS, FINITE},
        {"tank_loss_per_h times its hours",
         site->cooling.tank_loss_per_h * (double)slot->length_ms / 3600e3, 0, 1, FINITE},
    };
    int code = CHECK_FIELDS(fields, error, place);
    if (code < 0)
        return code;
    if (t > 0 && slot->start_ms != slot[-1].start_ms + slot[-1].length_ms)
        return refuse(error, place, "it does not start where the one before ends");
    if (slot->start_ms != first->start_ms || slot->length_ms != first->length_ms)
        return refuse(error, place, "start or length is not that of site 0");
    return base_valid(site, s, t, error);
}

static int battery_valid(const struct problem_battery *battery, int32_t s, struct error *error)
{
    struct place place = {{"battery of site"}, {s}};
    const struct field fields[] = {
        {"soc_wh", battery->soc_wh, 0, HUGE_VAL, FINITE},
        {"soc_max_wh", battery->soc_max_wh, 0, battery->capacity_wh, FINITE},
        {"soc_min_wh", battery->soc_min_wh, 0, battery->soc_max_wh, FINITE},
        {"charge_max_w", battery->charge_max_w, 0, HUGE_VAL, FINITE},
        {"discharge_max_w", battery->discharge_max_w, 0, HUGE_VAL, FINITE},
        {"charge_efficiency", battery->charge_efficiency, 0.01, 1, FINITE},
        {"discharge_efficiency", battery->discharge_efficiency, 0.01, 1, FINITE},
        {"wear_per_mwh", battery->wear_per_mwh, 0, HUGE_VAL, FINITE},
        {"end_value_per_mwh", battery->end_value_per_mwh, -HUGE_VAL, HUGE_VAL, FINITE},
    };
    const struct field capacity[] = {{"capacity_wh", battery->capacity_wh, 0, HUGE_VAL, FINITE}};
    int code = CHECK_FIELDS(capacity, error, place);
    return code == 0 && battery->capacity_wh > 0 ? CHECK_FIELDS(fields, error, place) : code;
}

static int cooling_valid(const struct problem_cooling *cooling, int32_t s, struct error *error)
{
    struct place place = {{"cooling of site"}, {s}};
    double end_value = cooling->tank_end_value_per_mwh;
    const struct field fields[] = {
        {"chiller_max_w", cooling->chiller_max_w, 0, HUGE_VAL, FINITE},
        {"tank_capacity_wh", cooling->tank_capacity_wh, 0, HUGE_VAL, FINITE},
        {"tank_wh", cooling->tank_wh, 0, cooling->tank_capacity_wh, FINITE},
        {"tank_charge_max_w", cooling->tank_charge_max_w, 0, HUGE_VAL, FINITE},
        {"tank_discharge_max_w", cooling->tank_discharge_max_w, 0, HUGE_VAL, FINITE},
        {"tank_loss_per_h", cooling->tank_loss_per_h, 0, 1, FINITE},
        {"tank_end_value_per_mwh", end_value, -HUGE_VAL, HUGE_VAL, FINITE},
    };
    int code = CHECK_FIELDS(fields, error, place);
    if (code == 0 && cooling->tank_capacity_wh > 0 && !(cooling->chiller_max_w > 0))
        return refuse(error, place, "there is a tank and no chiller (chiller_max_w)");
    return code;
}

static int group_valid(const struct problem_site *site, int32_t s, int32_t g, struct error *error)
{
    const struct problem_group *group = &site->groups[g];
    struct place place = {{"site", "group"}, {s, g}};
    const struct field fields[] = {{"limit_w", group->limit_w, 0, HUGE_VAL, FINITE}};
    if (group->feeder < 0 || group->feeder >= site->feeder_count)
        return refuse(error, place, "its feeder does not exist");
    for (int32_t a = 0; a < LIMIT_ACCELERATORS; a++)
        if (group->accelerators[a] < 0)
            return refuse(error, place, "its number of accelerators is negative");
    return CHECK_FIELDS(fields, error, place);
}

static int carriers_valid(const struct problem_site *site, int32_t s, struct error *error)
{
    struct place place = {{"site"}, {s}};
    if (site->feeder_count < 1 || site->feeder_count > LIMIT_FEEDERS)
        return refuse(error, place, "feeder_count must be 1 to LIMIT_FEEDERS");
    if (site->group_count < 1 || site->group_count > LIMIT_GROUPS)
        return refuse(error, place, "group_count must be 1 to LIMIT_GROUPS");
    for (int32_t f = 0; f < site->feeder_count; f++) {
        const struct field limit[] = {{"limit_w", site->feeders[f].limit_w, 0, HUGE_VAL, FINITE}};
        if (!is_allowed(limit))
            return CHECK_FIELDS(limit, error, (struct place){{"site", "feeder"}, {s, f}});
    }
    int code = 0;
    for (int32_t g = 0; code == 0 && g < site->group_count; g++)
        code = group_valid(site, s, g, error);
    return code;
}

static int site_valid(const struct problem *problem, int32_t s, struct error *error)
{
    const struct problem_site *site = &problem->sites[s];
    const struct field fields[] = {
        {"peak_so_far_w", site->peak_so_far_w, 0, HUGE_VAL, FINITE},
        {"ramp_w_per_min", site->ramp_w_per_min, 0, HUGE_VAL, FINITE},
        {"net_now_w", isnan(site->net_now_w) ? 0 : site->net_now_w, -HUGE_VAL, HUGE_VAL, FINITE},
    };
    int code = CHECK_FIELDS(fields, error, (struct place){{"site"}, {s}});
    if (code == 0)
        code = carriers_valid(site, s, error);
    if (code == 0)
        code = battery_valid(&site->battery, s, error);
    if (code == 0)
        code = cooling_valid(&site->cooling, s, error);
    for (int32_t t = 0; code == 0 && t < problem->slot_count; t++)
        code = slot_valid(problem, s, t, error);
    return code;
}

static int links_valid(const struct problem *problem, struct error *error)
{
    int code = 0;
    for (int32_t from = 0; code == 0 && from < problem->site_count; from++)
        for (int32_t to = 0; code == 0 && to < problem->site_count; to++) {
            const struct problem_link *link = &problem->links[from][to];
            struct place place = {{"link from site", "to site"}, {from, to}};
            const struct field fields[] = {
                {"gb_per_h", link->gb_per_h, 0, HUGE_VAL, FINITE},
                {"wh_per_gb", link->wh_per_gb, 0, HUGE_VAL, FINITE},
            };
            code = CHECK_FIELDS(fields, error, place);
            if (code == 0 && from == to && link->gb_per_h > 0)
                return refuse(error, place, "a site has no link to itself");
        }
    return code;
}

static int prices_valid(const struct problem_prices *prices, struct error *error)
{
    const struct field fields[] = {
        {"carbon_per_t", prices->carbon_per_t, 0, HUGE_VAL, FINITE},
        {"peak_per_kw", prices->peak_per_kw, 0, HUGE_VAL, FINITE},
        {"delay_per_mwh_h", prices->delay_per_mwh_h, 0, HUGE_VAL, FINITE},
        {"churn", prices->churn, 0, HUGE_VAL, FINITE},
        {"change_gain", prices->change_gain, 0, HUGE_VAL, FINITE},
        {"breach_per_mwh", prices->breach_per_mwh, 0, HUGE_VAL, FINITE},
    };
    int code = CHECK_FIELDS(fields, error, (struct place){{"prices"}, {-1}});
    for (int32_t c = 0; code == 0 && c < JOB_CLASSES; c++) {
        const struct field by_class[] = {
            {"lateness_per_mwh", prices->lateness_per_mwh[c], 0, HUGE_VAL, FINITE},
            {"lateness_per_mwh_h", prices->lateness_per_mwh_h[c], 0, HUGE_VAL, FINITE},
            {"unserved_per_mwh", prices->unserved_per_mwh[c], 0, HUGE_VAL, FINITE},
        };
        code = CHECK_FIELDS(by_class, error, (struct place){{"prices of class"}, {c}});
    }
    return code;
}

static int outlook_valid(const struct problem_outlook *outlook, struct place place,
                         struct error *error)
{
    const struct field fields[] = {
        {"pv_w", outlook->pv_w, 0, HUGE_VAL, FINITE},
        {"wind_w", outlook->wind_w, 0, HUGE_VAL, FINITE},
        {"price_import_per_mwh", outlook->price_import_per_mwh, -HUGE_VAL, HUGE_VAL, FINITE},
        {"carbon_g_per_kwh", outlook->carbon_g_per_kwh, 0, HUGE_VAL, FINITE},
    };
    return CHECK_FIELDS(fields, error, place);
}

static int scenario_valid(const struct problem *problem, int32_t i, struct error *error)
{
    const struct problem_scenario *scenario = &problem->scenarios[i];
    const struct field weight[] = {{"weight", scenario->weight, 0, 1, FINITE}};
    int code = CHECK_FIELDS(weight, error, (struct place){{"scenario"}, {i}});
    for (int32_t s = 0; code == 0 && s < problem->site_count; s++) {
        if (!scenario->outlook[s])
            return refuse(error, (struct place){{"scenario", "site"}, {i, s}}, "it has no outlook");
        for (int32_t t = 0; code == 0 && t < problem->slot_count; t++)
            code = outlook_valid(&scenario->outlook[s][t],
                                 (struct place){{"scenario", "site", "slot"}, {i, s, t}}, error);
    }
    return code;
}

static int scenarios_valid(const struct problem *problem, struct error *error)
{
    double sum = 0;
    if (problem->scenario_count < 0 || problem->scenario_count > LIMIT_SCENARIOS)
        return refuse(error, (struct place){{"scenarios"}, {-1}},
                      "there must be 0 to LIMIT_SCENARIOS");
    for (int32_t i = 0; i < problem->scenario_count; i++) {
        int code = scenario_valid(problem, i, error);
        if (code < 0)
            return code;
        sum += problem->scenarios[i].weight;
    }
    if (problem->scenario_count > 0 && fabs(sum - 1) > WEIGHT_RATIO)
        return error_set(error, ERROR_INVALID,
                         "dispatch problem, scenarios: their weights add up to %g, not to 1", sum);
    return 0;
}

static int levels_valid(const struct problem_job *job, struct place place, struct error *error)
{
    if (job->level_count < 1 || job->level_count > LIMIT_LEVELS)
        return refuse(error, place, "level_count must be 1 to LIMIT_LEVELS");
    for (int32_t l = 0; l < job->level_count; l++) {
        const struct problem_level *level = &job->levels[l];
        const struct field fields[] = {
            {"power_w", level->power_w, 0, HUGE_VAL, FINITE},
            {"speed", level->speed, l == 0 ? 1 : SPEED_LEAST, 1, FINITE},
            {"accelerators", level->accelerators, 0, job->accelerator_classes == 0 ? 0 : HUGE_VAL,
             FINITE},
        };
        int code = CHECK_FIELDS(fields, error, (struct place){{"job", "level"}, {job->id, l}});
        if (code < 0)
            return code;
        if (l > 0 && !(level->power_w < job->levels[l - 1].power_w))
            return refuse(error, place, "its levels do not fall in power_w");
    }
    return 0;
}

static int job_times_valid(const struct problem_job *job, struct place place, struct error *error)
{
    double deadline_ms = job->deadline_ms == JOB_NO_DEADLINE ? 0 : (double)job->deadline_ms;
    const double span_ms = (double)DURATION_MOST_MS, end_ms = (double)TIME_MOST_MS;
    const struct field fields[] = {
        {"remaining_ms", (double)job->remaining_ms, 0, span_ms, FINITE},
        {"min_run_ms", (double)job->min_run_ms, 0, span_ms, FINITE},
        {"restart_ms", (double)job->restart_ms, 0, span_ms, FINITE},
        {"release_ms", (double)job->release_ms, -end_ms, end_ms, FINITE},
        {"hold_until_ms", (double)job->hold_until_ms, -end_ms, end_ms, FINITE},
        {"deadline_ms", deadline_ms, -end_ms, end_ms, FINITE},
        {"data_gb", job->data_gb, 0, HUGE_VAL, FINITE},
    };
    return CHECK_FIELDS(fields, error, place);
}

static int job_valid(const struct problem *problem, const struct problem_job *job,
                     struct error *error)
{
    struct place place = {{"job"}, {job->id}};
    if ((int)job->job_class < 0 || job->job_class >= JOB_CLASSES)
        return refuse(error, place, "it has no class (job_class)");
    if (job->site < 0 || job->site >= problem->site_count)
        return refuse(error, place, "its site does not exist");
    if (job->group < -1 || job->group >= problem->sites[job->site].group_count)
        return refuse(error, place, "its group does not exist");
    if (job->running && job->suspended)
        return refuse(error, place, "it cannot be running and suspended");
    if (job->running && job->group < 0)
        return refuse(error, place, "it is running, but on no group");
    if (job->accelerator_classes >> LIMIT_ACCELERATORS)
        return refuse(error, place, "accelerator_classes has classes that do not exist");
    int code = levels_valid(job, place, error);
    if (code == 0 && job->running && (job->level < 0 || job->level >= job->level_count))
        return refuse(error, place, "it is running at a level that it does not have");
    return code == 0 ? job_times_valid(job, place, error) : code;
}

static int counts_valid(const struct problem *problem, struct error *error)
{
    struct place place = {{"counts"}, {-1}};
    if (problem->site_count < 1 || problem->site_count > LIMIT_SITES)
        return refuse(error, place, "site_count must be 1 to LIMIT_SITES");
    if (problem->slot_count < 1 || problem->slot_count > problem->slot_room)
        return refuse(error, place, "slot_count must be 1 to slot_room");
    if (problem->job_count < 0 || problem->job_count > problem->job_room)
        return refuse(error, place, "job_count must be 0 to job_room");
    return 0;
}

int problem_valid(const struct problem *problem, struct error *error)
{
    int code = counts_valid(problem, error);
    for (int32_t s = 0; code == 0 && s < problem->site_count; s++)
        code = site_valid(problem, s, error);
    if (code == 0)
        code = links_valid(problem, error);
    if (code == 0)
        code = prices_valid(&problem->prices, error);
    if (code == 0)
        code = scenarios_valid(problem, error);
    for (int32_t i = 0; code == 0 && i < problem->job_count; i++)
        code = job_valid(problem, &problem->jobs[i], error);
    return code;
}
