/* The main cycle. cycle_tick reads as the flow of the whole product: image, energy, forecast,
 * plan, commands, guard, snapshot. */
#include "controller/core/cycle_private.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cycle_event(struct tick_output *output, enum event_kind kind, const char *subject,
                 const char *format, ...)
{
    if (output->event_count == LIMIT_EVENTS)
        return;
    struct cycle_event *event = &output->events[output->event_count++];
    event->kind = kind;
    snprintf(event->subject, sizeof event->subject, "%s", subject);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(event->text, sizeof event->text, format, arguments);
    va_end(arguments);
}

/* ---- plan ---- */

static void take_plan(struct cycle *cycle, struct plan *plan)
{
    plan_destroy(cycle->retired);
    cycle->retired = cycle->plan;
    cycle->plan = plan;
    cycle->admitted_id = 0; /* it may be older than the last arrivals */
    cycle->expired_told = false;
}

/* A plan counts only once the independent check has gone through it. */
static void adopt(struct cycle *cycle, const struct tick_input *input, struct tick_output *output)
{
    if (input->solve_failed) {
        cycle->solving = false;
        cycle_event(output, EVENT_PLAN_LATE, "planner", "the solver gave up; the last plan holds");
    }
    if (!input->arrived)
        return;
    cycle->solving = false;
    struct plan *plan = input->arrived;
    struct error error;
    if (plan_check(input->arrived_problem, plan, &error) < 0) {
        cycle_event(output, EVENT_PLAN_REJECTED, "planner", "%.150s", error.text);
        plan_destroy(plan);
    } else {
        cycle_judge_late(plan, input);
        plan->id = cycle->next_plan_id++;
        plan->expires_ms = plan->issue_ms + cycle->config.plan_valid_ms;
        take_plan(cycle, plan);
        output->adopted = plan;
        cycle_event(output, EVENT_PLAN_ADOPTED, "planner", "plan %lld, gap %.2f %%",
                    (long long)plan->id, plan->gap * 100);
    }
    problem_destroy(input->arrived_problem);
}

static void expire(struct cycle *cycle, const struct tick_input *input, struct tick_output *output)
{
    if (cycle->plan && input->now_ms >= cycle->plan->expires_ms && !cycle->expired_told) {
        cycle->expired_told = true;
        cycle_event(output, EVENT_PLAN_EXPIRED, "planner", "plan %lld has run out",
                    (long long)cycle->plan->id);
    }
}

/* A plan made before the first readings would hold everything back for nothing: after a start the
 * meters get one planning interval to speak. */
static bool worth_planning(const struct cycle *cycle, const struct tick_input *input)
{
    const struct image *image = input->image;
    if (input->now_ms >= cycle->first_tick_ms + cycle->config.plan_every_ms)
        return true;
    bool metered = !isnan(cycle_role_power(cycle, image, ROLE_UTILITY)) &&
                   !isnan(cycle_role_power(cycle, image, ROLE_RACK_PDU));
    bool battery = cycle->config.battery.capacity_wh <= 0 ||
                   !isnan(cycle_first(cycle, image, ROLE_BATTERY, POINT_SOC));
    return metered && battery;
}

static void tell_late(struct cycle *cycle, const struct tick_input *input,
                      struct tick_output *output)
{
    if (cycle->late_told || input->now_ms < cycle->solving_since_ms + cycle->config.plan_every_ms)
        return;
    cycle->late_told = true;
    cycle_event(output, EVENT_PLAN_LATE, "planner", "still solving; the last plan holds");
}

static void ask_for_plan(struct cycle *cycle, const struct tick_input *input,
                         struct tick_output *output)
{
    bool due = input->now_ms >= cycle->plan_due_ms || cycle->replan;
    if (cycle->solving)
        tell_late(cycle, input, output);
    if (!due || cycle->solving || !worth_planning(cycle, input))
        return;
    output->problem = cycle_problem(cycle, input);
    if (!output->problem)
        return;
    cycle->solving = true;
    cycle->solving_since_ms = input->now_ms;
    cycle->late_told = false;
    cycle->replan = false;
    cycle->plan_due_ms =
        utc_floor(input->now_ms, cycle->config.plan_every_ms) + cycle->config.plan_every_ms;
}

/* ---- snapshot ---- */

static void snapshot_powers(struct cycle *cycle, const struct tick_input *input)
{
    struct snapshot *s = &cycle->snapshot;
    const struct image *image = input->image;
    double net_w = cycle_role_power(cycle, image, ROLE_UTILITY);
    s->import_w = isnan(net_w) ? NAN : fmax(net_w, 0);
    s->export_w = isnan(net_w) ? NAN : fmax(-net_w, 0);
    s->pv_w = cycle_role_power(cycle, image, ROLE_PV);
    s->wind_w = cycle_role_power(cycle, image, ROLE_WIND);
    s->battery_w = cycle_role_power(cycle, image, ROLE_BATTERY);
    s->facility_w = net_w + s->pv_w + s->wind_w + s->battery_w;
    s->it_w = cycle_role_power(cycle, image, pue_category_role(cycle->config.pue_category));
    s->soc_pct = cycle_first(cycle, image, ROLE_BATTERY, POINT_SOC);
    s->price_per_mwh = cycle_first(cycle, image, ROLE_MARKET, POINT_PRICE);
    s->carbon_g_per_kwh = cycle_first(cycle, image, ROLE_MARKET, POINT_CARBON);
    s->temp_outdoor_c = cycle_first(cycle, image, ROLE_WEATHER, POINT_TEMP_OUTDOOR);
    s->tank_soc_pct = cycle_device_value(image, cycle->config.tank_device, POINT_SOC);
    s->tank_heat_w = cycle_device_value(image, cycle->config.tank_device, POINT_POWER_COOLING);
}

static void take_snapshot(struct cycle *cycle, const struct tick_input *input)
{
    struct snapshot *s = &cycle->snapshot;
    s->now_ms = input->now_ms;
    memcpy(s->modes, cycle->config.modes, sizeof s->modes);
    snapshot_powers(cycle, input);
    s->import_limit_w = cycle->guard.import_limit_w;
    s->peak_import_w = cycle->peak_w;
    s->threshold_w = cycle->config.threshold_w > 0 ? cycle->config.threshold_w : NAN;
    s->fail_safe = cycle->guard.fail_safe;
    cycle_today(cycle, input->now_ms, &s->today);
    memset(s->jobs_by_state, 0, sizeof s->jobs_by_state);
    for (int i = 0; i < input->job_count; i++)
        s->jobs_by_state[input->jobs[i].state]++;
    memset(s->points_by_quality, 0, sizeof s->points_by_quality);
    for (int32_t p = 0; p < cycle->config.topology->point_count; p++)
        s->points_by_quality[image_sample(input->image, p)->quality]++;
    const struct plan *plan = cycle->plan;
    s->plan_id = plan ? plan->id : 0;
    s->plan_issue_ms = plan ? plan->issue_ms : 0;
    s->plan_expires_ms = plan ? plan->expires_ms : 0;
    s->plan_status = plan ? plan->status : PLAN_NONE;
    s->plan_gap = plan ? plan->gap : NAN;
    s->plan_solve_ms = plan ? plan->solve_ms : NAN;
    s->verdicts_withheld = verdict_log_withheld(cycle->verdict_log);
}

void tick_output_clear(struct tick_output *output)
{
    output->decision_count = output->event_count = output->interval_count = 0;
    output->account_count = output->observation_count = output->verdict_count = 0;
    output->hour_count = output->day_count = 0;
    output->forecasts_issued = false;
    output->adopted = output->extended = NULL;
    output->problem = NULL;
}

void cycle_tick(struct cycle *cycle, const struct tick_input *input, struct tick_output *ret_output)
{
    tick_output_clear(ret_output);
    if (cycle->first_tick_ms == 0)
        cycle->first_tick_ms = input->now_ms;
    ret_output->verdict_count =
        verdict_log_update(cycle->verdict_log, input->image, ret_output->verdicts, LIMIT_VERDICTS);
    cycle_loads(cycle, input);
    cycle_measure(cycle, input, ret_output);
    cycle_forecast(cycle, input, ret_output);
    adopt(cycle, input, ret_output);
    expire(cycle, input, ret_output);
    cycle_admit(cycle, input, ret_output);
    cycle_act(cycle, input, ret_output);
    ask_for_plan(cycle, input, ret_output);
    take_snapshot(cycle, input);
    cycle->last_tick_ms = input->now_ms;
}

/* ---- creation and restart ---- */

/* Before the first tick nothing is known, and unknown is never 0. */
static void forget_snapshot(struct snapshot *s)
{
    const struct pue unknown = {.quality = QUALITY_MISSING, .value = NAN};
    s->import_w = s->export_w = s->pv_w = s->wind_w = s->battery_w = NAN;
    s->facility_w = s->it_w = s->soc_pct = NAN;
    s->price_per_mwh = s->carbon_g_per_kwh = s->temp_outdoor_c = NAN;
    s->threshold_w = s->tank_soc_pct = s->tank_heat_w = NAN;
    s->import_limit_w = s->peak_import_w = s->plan_gap = s->plan_solve_ms = NAN;
    s->last_quarter = s->last_hour = s->last_day = s->today = unknown;
}

static int open_parts(struct cycle *cycle, struct error *error)
{
    int32_t points = cycle->config.topology->point_count;
    cycle->notes = calloc((size_t)points + 1, sizeof *cycle->notes);
    if (!cycle->notes)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    cycle->verdict_log = verdict_log_create(points, error);
    cycle->forecaster = forecaster_create(&cycle->config.forecaster, error);
    if (!cycle->verdict_log || !cycle->forecaster)
        return ERROR_SYSTEM;
    if (cycle->config.scenarios > 0) {
        cycle->scenarios = calloc((size_t)cycle->config.scenarios, sizeof *cycle->scenarios);
        if (!cycle->scenarios)
            return error_set(error, ERROR_SYSTEM, "out of memory");
    }
    return cycle_energy_init(cycle, error);
}

struct cycle *cycle_create(const struct cycle_config *config, struct error *error)
{
    struct cycle *cycle = calloc(1, sizeof *cycle);
    if (!cycle) {
        error_set(error, ERROR_SYSTEM, "out of memory");
        return NULL;
    }
    cycle->config = *config;
    cycle->next_plan_id = 1;
    cycle->base_it_w = cycle->peak_w = NAN;
    cycle->supply_in_force_c = cycle->supply_wish_c = NAN;
    forget_snapshot(&cycle->snapshot);
    overhead_init(&cycle->overhead, config->fixed_w, config->overhead_ratio);
    if (open_parts(cycle, error) < 0) {
        cycle_destroy(cycle);
        return NULL;
    }
    cycle_loads_init(cycle);
    cycle_act_init(cycle);
    return cycle;
}

void cycle_destroy(struct cycle *cycle)
{
    if (!cycle)
        return;
    forecaster_destroy(cycle->forecaster);
    verdict_log_destroy(cycle->verdict_log);
    free(cycle->notes);
    free(cycle->scenarios);
    plan_destroy(cycle->plan);
    plan_destroy(cycle->retired);
    cycle_energy_finish(cycle);
    free(cycle);
}

void cycle_resume_plan(struct cycle *cycle, struct plan *plan)
{
    take_plan(cycle, plan);
    cycle->next_plan_id = plan->id + 1;
}

void cycle_resume_plan_id(struct cycle *cycle, int64_t last_id)
{
    if (cycle->next_plan_id <= last_id)
        cycle->next_plan_id = last_id + 1;
}

void cycle_resume_peak(struct cycle *cycle, int64_t month_start_ms, double peak_w)
{
    cycle->month_ms = month_start_ms;
    cycle->peak_w = peak_w;
}

void cycle_set_mode(struct cycle *cycle, enum subsystem subsystem, enum mode mode)
{
    cycle->config.modes[subsystem] = mode;
    cycle->replan = true;
}

void cycle_replan(struct cycle *cycle)
{
    cycle->replan = true;
}

const struct snapshot *cycle_snapshot(const struct cycle *cycle)
{
    return &cycle->snapshot;
}

const struct plan *cycle_plan(const struct cycle *cycle)
{
    return cycle->plan;
}

const struct forecaster *cycle_forecaster(const struct cycle *cycle)
{
    return cycle->forecaster;
}
