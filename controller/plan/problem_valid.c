/* A problem that makes no sense is refused before the solver sees it. Limits that cannot be kept
 * make sense: they become breaches. */
#include "controller/plan/problem_valid.h"

#include <math.h>

struct field {
    const char *name;
    double value;
    double least;
    double most; /* HUGE_VAL: any finite number, or infinite where `may_be_infinite` */
    bool may_be_infinite;
};

static int refuse(struct error *error, const char *where, int64_t number, const char *what)
{
    return error_set(error, ERROR_INVALID, "dispatch problem, %s %lld: %s", where,
                     (long long)number, what);
}

static int check_fields(const struct field *fields, int count, const char *where, int64_t number,
                        struct error *error)
{
    for (int i = 0; i < count; i++) {
        const struct field *field = &fields[i];
        bool known = !isnan(field->value) && (field->may_be_infinite || isfinite(field->value));
        if (!known || field->value < field->least || field->value > field->most)
            return error_set(
                error, ERROR_INVALID, "dispatch problem, %s %lld: %s is %g, allowed is %g to %g",
                where, (long long)number, field->name, field->value, field->least, field->most);
    }
    return 0;
}

#define CHECK_FIELDS(fields, where, number, error)                                                 \
    check_fields(fields, (int)(sizeof(fields) / sizeof((fields)[0])), where, number, error)

static int slot_valid(const struct problem *problem, int32_t t, struct error *error)
{
    const struct problem_slot *slot = &problem->slots[t];
    const struct field fields[] = {
        {"pv_w", slot->pv_w, 0, HUGE_VAL, false},
        {"wind_w", slot->wind_w, 0, HUGE_VAL, false},
        {"fixed_w", slot->fixed_w, 0, HUGE_VAL, false},
        {"overhead_ratio", slot->overhead_ratio, 0, HUGE_VAL, false},
        {"price_import_per_mwh", slot->price_import_per_mwh, -HUGE_VAL, HUGE_VAL, false},
        {"price_export_per_mwh", slot->price_export_per_mwh, -HUGE_VAL, HUGE_VAL, false},
        {"carbon_g_per_kwh", slot->carbon_g_per_kwh, 0, HUGE_VAL, false},
        {"import_limit_w", slot->import_limit_w, 0, HUGE_VAL, true},
        {"export_limit_w", slot->export_limit_w, 0, HUGE_VAL, true},
    };
    if (slot->length_ms <= 0)
        return refuse(error, "slot", t, "it has no length");
    if (t > 0 && slot->start_ms != slot[-1].start_ms + slot[-1].length_ms)
        return refuse(error, "slot", t, "it does not start where the one before ends");
    for (int32_t f = 0; f < problem->feeder_count; f++)
        if (!isfinite(slot->base_it_w[f]) || slot->base_it_w[f] < 0)
            return refuse(error, "slot", t, "base_it_w of a feeder is not a power");
    return CHECK_FIELDS(fields, "slot", t, error);
}

static int battery_valid(const struct problem_battery *battery, struct error *error)
{
    const struct field fields[] = {
        {"soc_wh", battery->soc_wh, 0, HUGE_VAL, false},
        {"soc_max_wh", battery->soc_max_wh, 0, HUGE_VAL, false},
        {"soc_min_wh", battery->soc_min_wh, 0, battery->soc_max_wh, false},
        {"charge_max_w", battery->charge_max_w, 0, HUGE_VAL, false},
        {"discharge_max_w", battery->discharge_max_w, 0, HUGE_VAL, false},
        {"charge_efficiency", battery->charge_efficiency, 0.01, 1, false},
        {"discharge_efficiency", battery->discharge_efficiency, 0.01, 1, false},
        {"wear_per_mwh", battery->wear_per_mwh, 0, HUGE_VAL, false},
        {"end_value_per_mwh", battery->end_value_per_mwh, -HUGE_VAL, HUGE_VAL, false},
    };
    return battery->capacity_wh > 0 ? CHECK_FIELDS(fields, "battery", 0, error) : 0;
}

static int prices_valid(const struct problem *problem, struct error *error)
{
    const struct problem_prices *prices = &problem->prices;
    const struct field fields[] = {
        {"carbon_per_t", prices->carbon_per_t, 0, HUGE_VAL, false},
        {"peak_per_kw", prices->peak_per_kw, 0, HUGE_VAL, false},
        {"peak_so_far_w", problem->peak_so_far_w, 0, HUGE_VAL, false},
        {"delay_per_mwh_h", prices->delay_per_mwh_h, 0, HUGE_VAL, false},
        {"churn", prices->churn, 0, HUGE_VAL, false},
        {"breach_per_mwh", prices->breach_per_mwh, 0, HUGE_VAL, false},
    };
    for (int32_t c = 0; c < JOB_CLASSES; c++) {
        const struct field by_class[] = {
            {"lateness_per_mwh", prices->lateness_per_mwh[c], 0, HUGE_VAL, false},
            {"unserved_per_mwh", prices->unserved_per_mwh[c], 0, HUGE_VAL, false},
        };
        int code = CHECK_FIELDS(by_class, "class", c, error);
        if (code < 0)
            return code;
    }
    return CHECK_FIELDS(fields, "prices", 0, error);
}

static int job_valid(const struct problem *problem, const struct problem_job *job,
                     struct error *error)
{
    if (!isfinite(job->power_w) || job->power_w < 0)
        return refuse(error, "job", job->id, "power_w is not a power");
    if (job->remaining_ms < 0 || job->min_run_ms < 0)
        return refuse(error, "job", job->id, "a duration is negative");
    if ((int)job->job_class < 0 || job->job_class >= JOB_CLASSES)
        return refuse(error, "job", job->id, "it has no class");
    if (job->feeder < -1 || job->feeder >= problem->feeder_count)
        return refuse(error, "job", job->id, "its feeder does not exist");
    if (job->running && job->feeder < 0)
        return refuse(error, "job", job->id, "it runs, but on no feeder");
    return 0;
}

int problem_valid(const struct problem *problem, struct error *error)
{
    if (problem->slot_count < 1 || problem->slot_count > LIMIT_SLOTS)
        return refuse(error, "slots", problem->slot_count, "there must be 1 to LIMIT_SLOTS");
    if (problem->feeder_count < 1 || problem->feeder_count > LIMIT_FEEDERS)
        return refuse(error, "feeders", problem->feeder_count, "there must be 1 to LIMIT_FEEDERS");
    for (int32_t f = 0; f < problem->feeder_count; f++)
        if (!isfinite(problem->feeders[f].limit_w) || problem->feeders[f].limit_w < 0)
            return refuse(error, "feeder", f, "limit_w is not a power");
    int code = battery_valid(&problem->battery, error);
    if (code == 0)
        code = prices_valid(problem, error);
    for (int32_t t = 0; code == 0 && t < problem->slot_count; t++)
        code = slot_valid(problem, t, error);
    for (int32_t i = 0; code == 0 && i < problem->job_count; i++)
        code = job_valid(problem, &problem->jobs[i], error);
    return code;
}
