/* Jobs that come between two plans: placed one by one into what the plan leaves, at its marginal
 * prices. Prices rise with what was admitted since, so that many jobs do not all choose one slot,
 * and where import would cross its limit or the charged peak. */
#include "controller/plan/admit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "controller/plan/fill.h"
#include "controller/plan/reasons.h"

static const double SLOPE = 1; /* so many mean prices more when the load doubles */

struct plan_admission {
    struct room room;
    double *jobs_kw;        /* by workload_at(site, slot): with what was admitted */
    struct search *search;  /* made for the first job */
    struct pricing pricing; /* target: load of the plan */
};

static size_t cells_of(const struct workload *load)
{
    return (size_t)load->site_count * (size_t)load->slot_count;
}

/* Free, with nothing on it. */
static struct plan_admission *admission_empty(const struct workload *load)
{
    struct plan_admission *admission = calloc(1, sizeof(*admission));
    if (!admission)
        return NULL;
    bool complete = room_init(&admission->room, load);
    complete = pricing_init(&admission->pricing, load) && complete;
    admission->jobs_kw = calloc(cells_of(load), sizeof(double));
    if (complete && admission->jobs_kw)
        return admission;
    admission_destroy(admission);
    return NULL;
}

struct plan_admission *admission_create(const struct schedule *schedule)
{
    struct plan_admission *admission = admission_empty(schedule->load);
    if (!admission)
        return NULL;
    size_t size = cells_of(schedule->load) * sizeof(double);
    room_copy(&admission->room, &schedule->room);
    memcpy(admission->jobs_kw, schedule->jobs_kw, size);
    memcpy(admission->pricing.target_kw, schedule->jobs_kw, size);
    return admission;
}

void admission_destroy(struct plan_admission *admission)
{
    if (!admission)
        return;
    room_finish(&admission->room);
    free(admission->jobs_kw);
    search_destroy(admission->search);
    pricing_finish(&admission->pricing);
    free(admission);
}

/* Of a plan that was read back: the groups' average loads are all that is known. */
static struct plan_admission *admission_from_slots(const struct plan *plan,
                                                   const struct workload *load)
{
    struct plan_admission *admission = admission_empty(load);
    const struct problem_job plain = {0};
    for (int32_t s = 0; admission && s < plan->site_count; s++)
        for (int32_t t = 0; t < plan->slot_count; t++)
            for (int32_t g = 0; g < plan->sites[s].group_count; g++) {
                double kw = plan->sites[s].slots[t].it_jobs_w[g] / 1000;
                room_take(&admission->room, s, g, &plain, t * ROOM_CELLS,
                          t * ROOM_CELLS + ROOM_CELLS - 1, kw, 0);
                admission->jobs_kw[workload_at(load, s, t)] += kw;
            }
    if (admission)
        memcpy(admission->pricing.target_kw, admission->jobs_kw, cells_of(load) * sizeof(double));
    return admission;
}

/* Of sites as the plan has them; nothing is known of links, stores and cooling. */
static void frame_problem(const struct plan *plan, const struct problem_prices *prices,
                          struct problem_job *jobs, int32_t count, struct problem *ret_problem)
{
    *ret_problem = (struct problem){.issue_ms = plan->issue_ms,
                                    .slot_count = plan->slot_count,
                                    .site_count = plan->site_count,
                                    .prices = *prices,
                                    .jobs = jobs,
                                    .job_count = count};
    for (int32_t s = 0; s < plan->site_count; s++) {
        const struct plan_site *from = &plan->sites[s];
        struct problem_site *to = &ret_problem->sites[s];
        to->slots = from->frame;
        memcpy(to->feeders, from->feeders, sizeof(to->feeders));
        memcpy(to->groups, from->groups, sizeof(to->groups));
        to->feeder_count = from->feeder_count;
        to->group_count = from->group_count;
    }
}

/* A job that draws so much, on top of what is there: per kWh. */
static double price_at(const struct plan_admission *admission, const struct plan *plan,
                       const struct workload *load, const struct work *work, int32_t s, int32_t t)
{
    const struct problem_slot *given = &plan->sites[s].frame[t];
    const struct plan_slot *slot = &plan->sites[s].slots[t];
    const struct problem_prices *prices = &load->problem->prices;
    size_t at = workload_at(load, s, t);
    double added_kw = admission->jobs_kw[at] - admission->pricing.target_kw[at] + work->kw;
    double import_w =
        slot->import_w - slot->export_w + 1000 * added_kw * (1 + given->overhead_ratio);
    double price = slot->marginal_per_mwh / 1000;
    if (import_w > given->import_limit_w)
        price += prices->breach_per_mwh / 1000;
    if (import_w > plan->sites[s].peak_import_w)
        price += prices->peak_per_kw / fmax(1, (double)work->work_ms / 3600e3);
    return price;
}

static void reprice(struct plan_admission *admission, const struct plan *plan,
                    const struct workload *load, const struct work *work)
{
    struct pricing *pricing = &admission->pricing;
    for (int32_t s = 0; s < load->site_count; s++) {
        double price = 0, kw = 0;
        for (int32_t t = 0; t < load->slot_count; t++) {
            size_t at = workload_at(load, s, t);
            pricing->price[at] = price_at(admission, plan, load, work, s, t);
            price += fabs(plan->sites[s].slots[t].marginal_per_mwh) / 1000;
            kw += pricing->target_kw[at];
        }
        pricing->slope[s] = kw > 0 ? SLOPE * price / kw : 0;
    }
    pricing_ready(pricing, load, admission->jobs_kw);
}

static void place_all(struct plan_admission *admission, const struct plan *plan,
                      struct schedule *schedule)
{
    const struct workload *load = schedule->load;
    schedule_place_first(schedule);
    for (int32_t i = 0; i < load->count; i++) {
        reprice(admission, plan, load, &load->works[schedule->order[i]]);
        schedule_place_job(schedule, schedule->order[i], &admission->pricing);
    }
}

/* Room for more jobs, with what belongs to each; it grows by half, so that this is rare. */
static bool make_room(struct plan *plan, int32_t count)
{
    int32_t needed = plan->job_count + count;
    if (needed <= plan->job_room && plan->by_id)
        return true;
    int32_t room = needed + needed / 2;
    struct plan_job *jobs = realloc(plan->jobs, (size_t)room * sizeof(*jobs));
    plan->jobs = jobs ? jobs : plan->jobs;
    int32_t *by_id = realloc(plan->by_id, (size_t)room * sizeof(*by_id));
    bool is_new = !plan->by_id;
    plan->by_id = by_id ? by_id : plan->by_id;
    if (!jobs || !by_id)
        return false;
    if (is_new)
        plan_index(plan);
    if (plan->why) {
        size_t row = (size_t)plan->slot_count * sizeof(*plan->why);
        uint16_t *why = realloc(plan->why, (size_t)room * row);
        if (!why)
            return false;
        plan->why = why;
    }
    plan->job_room = room;
    return true;
}

static void append(struct plan *plan, const struct schedule *schedule)
{
    const struct workload *load = schedule->load;
    int32_t first = plan->job_count;
    for (int32_t i = 0; i < load->count; i++) {
        struct plan_job *job = &plan->jobs[first + i];
        *job = schedule->jobs[i];
        if (job->run_count == 0)
            job->group = -1;
        fill_job(load, &load->works[i], job);
        plan->late_jobs += job->late;
        plan_index_add(plan, first + i);
        plan->job_count++;
    }
    if (plan->why)
        memset(&plan->why[(size_t)first * (size_t)plan->slot_count], 0,
               (size_t)load->count * (size_t)plan->slot_count * sizeof(*plan->why));
}

static bool admit(struct plan *plan, const struct workload *load)
{
    if (!plan->admission)
        plan->admission = admission_from_slots(plan, load);
    struct plan_admission *admission = plan->admission;
    if (!admission)
        return false;
    admission->room.load = load;
    if (!admission->search)
        admission->search = search_create(load);
    struct schedule schedule = {.load = load,
                                .jobs = calloc((size_t)load->count, sizeof(*schedule.jobs)),
                                .order = calloc((size_t)load->count, sizeof(*schedule.order)),
                                .jobs_kw = admission->jobs_kw,
                                .search = admission->search};
    bool complete = schedule.jobs && schedule.order && admission->search &&
                    room_learn(&admission->room) && make_room(plan, load->count);
    schedule.room = admission->room;
    if (complete) {
        int32_t first = plan->job_count;
        for (int32_t i = 0; i < load->count; i++)
            schedule.order[i] = i;
        place_all(admission, plan, &schedule);
        append(plan, &schedule);
        reasons_of_jobs(&schedule, plan, first); /* without memory they are placed unexplained */
    }
    free(schedule.jobs);
    free(schedule.order);
    return complete;
}

/* Those that the plan does not know, each once. */
static int32_t pick_new(const struct plan *plan, const struct problem_job *jobs, int32_t count,
                        struct problem_job *ret_jobs)
{
    int32_t picked = 0;
    for (int32_t i = 0; i < count; i++) {
        bool known = plan_find_job(plan, jobs[i].id, NULL) != NULL;
        for (int32_t k = 0; k < picked && !known; k++)
            known = ret_jobs[k].id == jobs[i].id;
        if (!known)
            ret_jobs[picked++] = jobs[i];
    }
    return picked;
}

int plan_admit(struct plan *plan, const struct problem_prices *prices,
               const struct problem_job *jobs, int32_t count, struct error *error)
{
    struct problem problem;
    struct problem_job *picked = calloc((size_t)count + 1, sizeof(*picked));
    int32_t picked_count = picked ? pick_new(plan, jobs, count, picked) : 0;
    struct workload *load = NULL;
    if (picked_count > 0) {
        frame_problem(plan, prices, picked, picked_count, &problem);
        load = workload_create(&problem);
    }
    bool complete = picked && (picked_count == 0 || (load && admit(plan, load)));
    workload_destroy(load);
    free(picked);
    return complete ? 0 : error_set(error, ERROR_SYSTEM, "out of memory for new jobs of a plan");
}
