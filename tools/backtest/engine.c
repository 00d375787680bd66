/* See engine.h. */
#include "tools/backtest/engine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/act/job_fsm.h"
#include "controller/base/utc.h"
#include "tools/backtest/ledger.h"
#include "tools/backtest/rule.h"

enum { ROUNDS_MOST = 1000 }; /* ticks at one moment */

struct engine {
    const struct engine_config *config;
    struct world *world;
    struct cycle *cycle;
    struct rule *rule; /* NULL: our own planner */
    struct image frozen;
    struct outlook *outlook;
    struct feeds *feeds;
    struct tick_output *output;
    struct job *alive; /* in the order of arrival */
    int32_t alive_count;
    int32_t arrived; /* of the inputs */
    int64_t from_ms, to_ms, first_id;
    struct tally tally;
    bool commands_wait; /* the tick was full */
    bool refused;       /* by the database: what else is posted would wait in vain */
};

int engine_stopped(const struct engine_config *config, struct error *error)
{
    if (!config->stop || !atomic_load(config->stop))
        return 0;
    return error_set(error, ERROR_SYSTEM, "stopped before its end");
}

struct job engine_job(const struct backtest_site *site, const struct trace_job *trace,
                      int64_t from_ms, int64_t id)
{
    int64_t arrival_ms = from_ms + trace->arrival_ms;
    struct job job = {.id = id,
                      .job_class = JOB_DEFERRABLE,
                      .state = JOB_QUEUED,
                      .power_w = trace->cpus * site->cpu_w,
                      .work_ms = trace->length_ms,
                      .release_ms = arrival_ms,
                      .deadline_ms = arrival_ms + trace->length_ms + trace->wait_ms,
                      .can_suspend = site->interruptible,
                      .group = -1,
                      .feeder = -1,
                      .submitted_ms = arrival_ms,
                      .updated_ms = arrival_ms,
                      .state_ms = arrival_ms};
    snprintf(job.name, sizeof job.name, "job-%lld", (long long)id);
    snprintf(job.owner, sizeof job.owner, "trace");
    return job;
}

/* ---- jobs ---- */

static void tell_job(struct engine *engine, const struct job *job, enum reason reason)
{
    struct store *store = engine->config->store;
    if (store && !engine->refused)
        engine->refused = !store_post_job(store, job, reason, engine->world->now_ms);
}

static void take_arrivals(struct engine *engine)
{
    const struct inputs *inputs = engine->config->inputs;
    while (engine->arrived < inputs->job_count) {
        const struct trace_job *trace = &inputs->jobs[engine->arrived];
        if (engine->from_ms + trace->arrival_ms > engine->world->now_ms)
            return;
        struct job *job = &engine->alive[engine->alive_count++];
        *job = engine_job(engine->config->site, trace, engine->from_ms,
                          engine->first_id + engine->arrived++);
        tell_job(engine, job, REASON_SUBMITTED);
        if (engine->rule)
            cycle_replan(engine->cycle);
    }
}

static void load_feeders(struct engine *engine)
{
    double *load_w = engine->world->feeder_jobs_w;
    memset(load_w, 0, sizeof engine->world->feeder_jobs_w);
    for (int32_t j = 0; j < engine->alive_count; j++) {
        const struct job *job = &engine->alive[j];
        if (job_state_draws_power(job->state))
            load_w[job->feeder] += job->power_w;
    }
}

static void end_jobs(struct engine *engine)
{
    int32_t kept = 0;
    for (int32_t j = 0; j < engine->alive_count; j++) {
        struct job *job = &engine->alive[j];
        enum job_action action;
        if (job->state == JOB_RUNNING && job_remaining_ms(job, engine->world->now_ms) == 0) {
            job_apply(job, JOB_INPUT_EXIT_OK, REASON_EXITED_ZERO, engine->world->now_ms, &action);
            tell_job(engine, job, REASON_EXITED_ZERO);
            tally_job(&engine->tally, job, engine->to_ms);
            continue;
        }
        if (kept != j)
            engine->alive[kept] = *job;
        kept++;
    }
    engine->alive_count = kept;
}

static struct job *find_job(struct engine *engine, int64_t id)
{
    int32_t low = 0, high = engine->alive_count;
    while (high - low > 1) {
        int32_t middle = low + (high - low) / 2;
        if (engine->alive[middle].id <= id)
            low = middle;
        else
            high = middle;
    }
    return low < engine->alive_count && engine->alive[low].id == id ? &engine->alive[low] : NULL;
}

/* ---- decisions ---- */

static void apply_to_job(struct engine *engine, const struct command *command)
{
    static const enum job_input inputs[][2] = {
        [VERB_JOB_START] = {JOB_INPUT_START, JOB_INPUT_RUNS},
        [VERB_JOB_SUSPEND] = {JOB_INPUT_SUSPEND, JOB_INPUT_STOPPED},
        [VERB_JOB_RESUME] = {JOB_INPUT_RESUME, JOB_INPUT_RUNS},
    };
    struct job *job = find_job(engine, command->job_id);
    enum job_action action;
    if (!job || command->verb > VERB_JOB_RESUME ||
        (engine->rule && !rule_knows(engine->rule, job->id)))
        return;
    if (command->verb == VERB_JOB_START) {
        job->group = command->group;
        job->feeder = command->feeder;
    }
    for (int i = 0; i < 2; i++)
        job_apply(job, inputs[command->verb][i], command->reason, engine->world->now_ms, &action);
    tell_job(engine, job, command->reason);
}

static void apply_setpoint(struct engine *engine, const struct command *command)
{
    struct world *world = engine->world;
    struct cycle_event event;
    if (world->battery_device < 0 ||
        world->topology->points[command->point].device != world->battery_device)
        return;
    world->set_w = command->value;
    cycle_written(engine->cycle, command->point, command->value, REASON_WRITE_CONFIRMED,
                  world->now_ms, &event);
    if (engine->config->store && !engine->refused)
        engine->refused = !store_post_write(engine->config->store, world->now_ms, command->point,
                                            command->value, REASON_WRITE_CONFIRMED);
}

static void apply_decisions(struct engine *engine)
{
    const struct tick_output *output = engine->output;
    int starts = 0;
    for (int i = 0; i < output->decision_count; i++) {
        const struct command *command = &output->decisions[i].command;
        if (!command->apply)
            continue;
        starts += command->verb == VERB_JOB_START;
        if (command->verb == VERB_SETPOINT)
            apply_setpoint(engine, command);
        else
            apply_to_job(engine, command);
    }
    engine->commands_wait = starts >= LIMIT_STARTS || output->decision_count == LIMIT_COMMANDS;
    load_feeders(engine);
}

static void keep_count(struct engine *engine)
{
    for (int e = 0; e < engine->output->event_count; e++) {
        enum event_kind kind = engine->output->events[e].kind;
        engine->tally.result->plans += kind == EVENT_PLAN_ADOPTED;
        engine->tally.result->rejected += kind == EVENT_PLAN_REJECTED;
    }
}

/* ---- ticks ---- */

void engine_cut(struct problem *problem, int64_t to_ms)
{
    struct problem_site *site = &problem->sites[0];
    if (problem_end_ms(problem) < to_ms)
        return;
    while (problem->slot_count > 1 && site->slots[problem->slot_count - 1].start_ms >= to_ms)
        problem->slot_count--;
    struct problem_slot *last = &site->slots[problem->slot_count - 1];
    if (last->start_ms + last->length_ms > to_ms)
        last->length_ms = to_ms - last->start_ms;
    site->battery.end_value_per_mwh = 0;
}

static int solve(struct engine *engine, struct tick_input *input, struct error *error)
{
    struct problem *problem = engine->output->problem;
    engine_cut(problem, engine->to_ms);
    int result = engine->rule ? rule_plan(engine->rule, problem, &input->arrived, error)
                              : plan_make(problem, NULL, NULL, &input->arrived, error);
    if (result < 0) {
        problem_destroy(problem);
        return result;
    }
    input->arrived_problem = problem;
    return 0;
}

static void look(struct engine *engine, struct tick_input *input)
{
    world_sample(engine->world);
    image_freeze(&engine->frozen, &engine->world->live, engine->world->now_ms);
    input->job_count = engine->alive_count;
    cycle_tick(engine->cycle, input, engine->output);
    input->arrived = NULL;
    input->arrived_problem = NULL;
}

static int record(const struct engine *engine, const struct tick_input *input, struct error *error)
{
    if (!engine->config->store)
        return 0;
    return ledger_tick(engine->config->store, input, engine->output, engine->cycle, error);
}

static struct tick_input make_input(struct engine *engine)
{
    outlook_update(engine->outlook, engine->world);
    if (engine->config->outlook == OUTLOOK_MODEL)
        feeds_update(engine->feeds, engine->config->inputs, engine->world->now_ms);
    return (struct tick_input){
        .now_ms = engine->world->now_ms,
        .image = &engine->frozen,
        .jobs = engine->alive,
        .provided = engine->outlook->forecasts,
        .provided_count = engine->outlook->count,
        .blocks = engine->feeds->blocks,
        .block_count = engine->feeds->count,
        .external_limit_w = INFINITY,
    };
}

/* Ticks at this moment until nothing more comes of it: a plan that is asked for arrives at once,
 * and commands that one tick has no room for follow in the next. */
static int tick(struct engine *engine, struct error *error)
{
    struct tick_input input = make_input(engine);
    int result = 0;
    for (int round = 0; result == 0 && round < ROUNDS_MOST; round++) {
        look(engine, &input);
        apply_decisions(engine);
        keep_count(engine);
        result = record(engine, &input, error);
        input.block_count = 0; /* each is told once */
        if (engine->output->problem && result == 0)
            result = solve(engine, &input, error);
        else if (engine->output->problem)
            problem_destroy(engine->output->problem);
        else if (!engine->commands_wait)
            break;
    }
    return result;
}

/* The meters' last quarter hour ends with the window, when nothing is decided any more. */
static int close_accounts(struct engine *engine, struct error *error)
{
    if (!engine->config->store)
        return 0;
    struct tick_input input = make_input(engine);
    look(engine, &input);
    engine->output->decision_count = 0;
    problem_destroy(engine->output->problem);
    return record(engine, &input, error);
}

/* ---- events ---- */

static void sooner(int64_t *next_ms, int64_t at_ms, int64_t now_ms)
{
    if (at_ms > now_ms && at_ms < *next_ms)
        *next_ms = at_ms;
}

/* The next start or end of a run. */
static void sooner_of_plan(int64_t *next_ms, const struct plan_job *planned, int64_t now_ms)
{
    for (int32_t r = 0; r < planned->run_count; r++) {
        const struct plan_run *run = &planned->runs[r];
        if (run->end_ms <= now_ms)
            continue;
        sooner(next_ms, run->start_ms > now_ms ? run->start_ms : run->end_ms, now_ms);
        return;
    }
}

static int64_t next_event_ms(const struct engine *engine)
{
    const struct inputs *inputs = engine->config->inputs;
    int64_t now_ms = engine->world->now_ms;
    int64_t step_ms = engine->config->site->step_ms;
    int64_t next_ms = utc_floor(now_ms, step_ms) + step_ms;
    sooner(&next_ms, engine->to_ms, now_ms);
    if (engine->arrived < inputs->job_count)
        sooner(&next_ms, engine->from_ms + inputs->jobs[engine->arrived].arrival_ms, now_ms);
    for (int32_t j = 0; j < engine->alive_count; j++) {
        const struct job *job = &engine->alive[j];
        if (job->state == JOB_RUNNING)
            sooner(&next_ms, now_ms + job_remaining_ms(job, now_ms), now_ms);
    }
    const struct plan *plan = cycle_plan(engine->cycle);
    for (int32_t j = 0; plan && j < plan->job_count; j++)
        sooner_of_plan(&next_ms, &plan->jobs[j], now_ms);
    return next_ms;
}

static int run(struct engine *engine, struct error *error)
{
    struct world *world = engine->world;
    while (world->now_ms < engine->to_ms) {
        end_jobs(engine);
        take_arrivals(engine);
        load_feeders(engine);
        if (engine->config->policy == POLICY_THRESHOLD && world->now_ms % HOUR_MS == 0)
            cycle_replan(engine->cycle);
        int result = engine_stopped(engine->config, error);
        if (result == 0)
            result = tick(engine, error);
        if (result < 0)
            return result;
        world_advance(world, next_event_ms(engine), tally_flows, &engine->tally);
    }
    end_jobs(engine);
    load_feeders(engine);
    for (int32_t j = 0; j < engine->alive_count; j++)
        tally_job(&engine->tally, &engine->alive[j], engine->to_ms);
    tally_end(&engine->tally);
    return close_accounts(engine, error);
}

/* ---- a window ---- */

static int open_cycle(struct engine *engine, struct error *error)
{
    struct cycle_config config;
    backtest_site_cycle(engine->config->site, &config);
    config.topology = engine->world->topology;
    config.battery_device = engine->world->battery_device;
    if (config.battery_device < 0)
        config.battery.capacity_wh = 0;
    engine->cycle = cycle_create(&config, error);
    if (!engine->cycle)
        return ERROR_SYSTEM;
    cycle_resume_plan_id(engine->cycle,
                         engine->tally.result->plans + engine->tally.result->rejected);
    if (engine->config->outlook == OUTLOOK_MODEL)
        outlook_history(engine->cycle, engine->world, engine->feeds, engine->from_ms);
    return 0;
}

static int open_engine(struct engine *engine, struct error *error)
{
    const struct engine_config *config = engine->config;
    engine->outlook = calloc(1, sizeof *engine->outlook);
    engine->output = calloc(1, sizeof *engine->output);
    engine->feeds = calloc(1, sizeof *engine->feeds);
    engine->alive = calloc((size_t)config->inputs->job_count + 1, sizeof *engine->alive);
    if (rule_is(config->policy))
        engine->rule = rule_create(config->policy, config->inputs, engine->first_id);
    if (!engine->outlook || !engine->output || !engine->feeds || !engine->alive ||
        (rule_is(config->policy) && !engine->rule))
        return error_set(error, ERROR_SYSTEM, "out of memory");
    engine->outlook->kind = config->outlook;
    int result = image_init(&engine->frozen, engine->world->topology, error);
    return result < 0 ? result : open_cycle(engine, error);
}

int engine_run(const struct engine_config *config, struct world *world, int64_t from_ms,
               int64_t to_ms, int64_t first_id, struct result *result, struct error *error)
{
    struct engine engine = {
        .config = config, .world = world, .from_ms = from_ms, .to_ms = to_ms, .first_id = first_id};
    world_begin(world, from_ms);
    tally_begin(&engine.tally, result, config->site, config->inputs);
    int code = open_engine(&engine, error);
    if (code == 0)
        code = run(&engine, error);
    cycle_destroy(engine.cycle);
    rule_destroy(engine.rule);
    image_finish(&engine.frozen);
    free(engine.outlook);
    free(engine.feeds);
    free(engine.output);
    free(engine.alive);
    return code;
}
