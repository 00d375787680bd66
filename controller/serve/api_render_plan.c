/* Rendering of the plan for the local interface; see api_render.h. */
#include "controller/serve/api_render.h"

#include "controller/serve/api_leaf.h"

/* ---- slots ---------------------------------------------------------------------------------- */

/* What a site has shows in what its plan does. */
struct plant {
    bool battery, cooling, tank;
};

static struct plant find_plant(const struct plan_site *site, int32_t slot_count)
{
    struct plant plant = {0};

    for (int32_t i = 0; i < slot_count; i++) {
        const struct plan_slot *slot = &site->slots[i];

        plant.battery = plant.battery || slot->battery_reason != REASON_NONE;
        plant.tank = plant.tank || slot->tank_reason != REASON_NONE;
        plant.cooling =
            plant.cooling || slot->chiller_heat_w + slot->free_heat_w + slot->cooling_short_w > 0;
    }
    return plant;
}

/* Feeders or groups above their limit, by name: none as a rule. */
static json_t *render_breaches(const struct api_core *core, const struct plan_site *site,
                               const struct plan_slot *slot, int32_t number_of_site)
{
    json_t *object = json_object();

    for (int32_t f = 0; number_of_site == 0 && core->topology && f < site->feeder_count; f++) {
        if (slot->feeder_breach_w[f] > 0)
            set_number(object, core->topology->feeders[f].name, slot->feeder_breach_w[f]);
    }
    for (int32_t g = 0; number_of_site == 0 && core->topology && g < site->group_count; g++) {
        if (slot->group_breach_w[g] > 0)
            set_number(object, core->topology->groups[g].name, slot->group_breach_w[g]);
    }
    return object;
}

static void set_cooling(json_t *object, const struct plan_slot *slot, const struct plant *plant)
{
    const double tank_w = slot->tank_discharge_w - slot->tank_charge_w;

    set(object, "chiller_heat_w", number_if(plant->cooling, slot->chiller_heat_w));
    set(object, "free_heat_w", number_if(plant->cooling, slot->free_heat_w));
    set(object, "cooling_short_w", number_if(plant->cooling, slot->cooling_short_w));
    set(object, "tank_heat_w", number_if(plant->tank, tank_w));
    set(object, "tank_wh", number_if(plant->tank, slot->tank_end_wh));
    set(object, "tank_reason", plant->tank ? text(reason_name(slot->tank_reason)) : json_null());
}

static json_t *render_slot(const struct problem_slot *frame, const struct plan_slot *slot,
                           int32_t group_count, const struct plant *plant)
{
    json_t *object = json_object();
    double it_jobs_w = 0;

    for (int32_t g = 0; g < group_count; g++)
        it_jobs_w += slot->it_jobs_w[g];
    set(object, "start", when(frame->start_ms));
    set_integer(object, "length_ms", frame->length_ms);
    set_number(object, "import_w", slot->import_w);
    set_number(object, "export_w", slot->export_w);
    set_number(object, "pv_w", slot->pv_used_w);
    set_number(object, "wind_w", slot->wind_used_w);
    set_number(object, "charge_w", slot->charge_w);
    set_number(object, "discharge_w", slot->discharge_w);
    set_number(object, "soc_wh", slot->soc_end_wh);
    set_number(object, "it_jobs_w", it_jobs_w);
    set_number(object, "facility_w", slot->facility_w);
    set_number(object, "import_limit_w", frame->import_limit_w);
    set_number(object, "breach_w", slot->breach_w);
    set_number(object, "ramp_breach_w", slot->ramp_breach_w);
    set_number(object, "reserve_short_wh", slot->reserve_short_wh);
    set_number(object, "price_per_mwh", frame->price_import_per_mwh);
    set_number(object, "carbon_g_per_kwh", frame->carbon_g_per_kwh);
    set_number(object, "marginal_per_mwh", slot->marginal_per_mwh);
    set(object, "battery_reason", text(reason_name(slot->battery_reason)));
    set_cooling(object, slot, plant);
    return object;
}

static json_t *render_site(const struct api_core *core, const struct plan *plan, int32_t s)
{
    const struct plan_site *site = &plan->sites[s];
    const struct plant plant = find_plant(site, plan->slot_count);
    json_t *object = json_object(), *slots = json_array();

    for (int32_t i = 0; i < plan->slot_count; i++) {
        json_t *slot = render_slot(&site->frame[i], &site->slots[i], site->group_count, &plant);

        set(slot, "breaches", render_breaches(core, site, &site->slots[i], s));
        json_array_append_new(slots, slot);
    }
    set(object, "name", s == 0 ? text(core->site) : json_null());
    set(object, "battery", json_boolean(plant.battery));
    set(object, "cooling", json_boolean(plant.cooling));
    set(object, "tank", json_boolean(plant.tank));
    set_number(object, "peak_import_w", site->peak_import_w);
    set(object, "slots", slots);
    return object;
}

/* ---- plan ----------------------------------------------------------------------------------- */

static json_t *render_runs(const struct plan_job *job)
{
    json_t *runs = json_array();

    for (int i = 0; i < job->run_count; i++) {
        json_t *run = json_object();

        set(run, "start", when(job->runs[i].start_ms));
        set(run, "end", when(job->runs[i].end_ms));
        set_integer(run, "level", job->runs[i].level);
        json_array_append_new(runs, run);
    }
    return runs;
}

static json_t *render_plan_job(const struct api_core *core, const struct plan *plan,
                               const struct plan_job *job)
{
    const struct plan_site *site = &plan->sites[job->site];
    json_t *object = json_object();

    set_integer(object, "id", job->id);
    set_integer(object, "site", job->site);
    set(object, "group", group_label(core, job->site, job->group));
    set(object, "feeder",
        job->site == 0 && job->group >= 0 ? feeder_label(core, site->groups[job->group].feeder)
                                          : json_null());
    set(object, "runs", render_runs(job));
    set(object, "finish", when(job->finish_ms));
    set(object, "late", json_boolean(job->late));
    set_reason(object, job->reason);
    return object;
}

static json_t *render_costs(const struct plan *plan)
{
    json_t *object = json_object();

    set_number(object, "energy", plan->energy_cost);
    set_number(object, "carbon", plan->carbon_cost);
    set_number(object, "peak", plan->peak_cost);
    set_number(object, "wear", plan->wear_cost);
    set_number(object, "lateness", plan->lateness_cost);
    set_number(object, "breach", plan->breach_cost);
    set_number(object, "delay", plan->delay_cost);
    set_number(object, "churn", plan->churn_cost);
    set_number(object, "transfer", plan->transfer_cost);
    set_number(object, "end_value", plan->end_value);
    set_number(object, "hedge", plan->hedge_cost);
    return object;
}

static json_t *render_head(const struct plan *plan)
{
    json_t *object = json_object();

    set_integer(object, "id", plan->id);
    set(object, "issue", when(plan->issue_ms));
    set(object, "expires", when(plan->expires_ms));
    set(object, "status", text(plan_status_name(plan->status)));
    set_number(object, "objective", plan->objective);
    set_number(object, "bound", plan->bound);
    set_number(object, "gap", plan->gap);
    set_number(object, "solve_ms", plan->solve_ms);
    set_integer(object, "late_jobs", plan->late_jobs);
    set(object, "costs", render_costs(plan));
    return object;
}

static json_t *render_plan_body(const struct api_core *core, const struct plan *plan)
{
    json_t *object = render_head(plan), *sites = json_array(), *jobs = json_array();

    for (int32_t s = 0; s < plan->site_count; s++)
        json_array_append_new(sites, render_site(core, plan, s));
    for (int32_t i = 0; i < plan->job_count; i++)
        json_array_append_new(jobs, render_plan_job(core, plan, &plan->jobs[i]));
    set(object, "sites", sites);
    set(object, "jobs", jobs);
    return object;
}

static json_t *begin_reply(const struct api_core *core)
{
    json_t *reply = json_object();

    set(reply, "ok", json_true());
    set(reply, "now", when(core->snapshot(core->context)->now_ms));
    return reply;
}

json_t *render_plan(const struct api_core *core)
{
    const struct plan *plan = core->plan(core->context);
    json_t *reply = begin_reply(core);

    set(reply, "currency", text(core->currency));
    set(reply, "plan", plan ? render_plan_body(core, plan) : json_null());
    return reply;
}

/* ---- why ------------------------------------------------------------------------------------ */

/* The run of some moment of [start, end); NULL: it waits. */
static const struct plan_run *run_within(const struct plan_job *job, int64_t start_ms,
                                         int64_t end_ms)
{
    for (int i = 0; i < job->run_count; i++) {
        if (job->runs[i].start_ms < end_ms && job->runs[i].end_ms > start_ms)
            return &job->runs[i];
    }
    return NULL;
}

static json_t *render_stretch(int64_t start_ms, int64_t end_ms, int32_t level, enum reason reason)
{
    json_t *object = json_object();

    set(object, "start", when(start_ms));
    set(object, "end", when(end_ms));
    set(object, "runs", json_boolean(level >= 0));
    set(object, "level", level >= 0 ? json_integer(level) : json_null());
    set_reason(object, reason);
    return object;
}

/* What it does in a slot and why, and until when: a run may end inside. */
struct doing {
    enum reason reason;
    int32_t level; /* -1: it waits */
    int64_t end_ms;
};

static struct doing doing_in(const struct plan *plan, int32_t index, int32_t slot)
{
    const struct problem_slot *frame = &plan->sites[0].frame[slot];
    const int64_t end_ms = frame->start_ms + frame->length_ms;
    const struct plan_run *run = run_within(&plan->jobs[index], frame->start_ms, end_ms);

    return (struct doing){.reason = plan_why(plan, index, slot),
                          .level = run ? run->level : -1,
                          .end_ms = run && run->end_ms < end_ms ? run->end_ms : end_ms};
}

/* Slots of one reason and level are one stretch; those with nothing to say are left out. */
static json_t *render_why(const struct plan *plan, int32_t index)
{
    json_t *array = json_array();

    for (int32_t first = 0, next; first < plan->slot_count; first = next) {
        struct doing doing = doing_in(plan, index, first);

        for (next = first + 1; next < plan->slot_count; next++) {
            const struct doing then = doing_in(plan, index, next);

            if (then.reason != doing.reason || then.level != doing.level)
                break;
            doing.end_ms = then.end_ms;
        }
        if (doing.reason != REASON_NONE)
            json_array_append_new(array, render_stretch(plan->sites[0].frame[first].start_ms,
                                                        doing.end_ms, doing.level, doing.reason));
    }
    return array;
}

json_t *render_plan_of_job(const struct api_core *core, int64_t job_id, bool *ret_known)
{
    const struct plan *plan = core->plan(core->context);
    const int32_t index = planned_index(plan, job_id);
    json_t *reply, *job;

    *ret_known = index >= 0;
    if (index < 0)
        return NULL;
    reply = begin_reply(core);
    job = render_plan_job(core, plan, &plan->jobs[index]);
    set(job, "why", plan->why ? render_why(plan, index) : json_null());
    set(reply, "plan", render_head(plan));
    set(reply, "job", job);
    return reply;
}
