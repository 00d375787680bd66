/* Which record goes to which table, column by column.
 *
 * A record may arrive twice (posted again after a crash): measured intervals keep their first
 * version, because a committed measurement never changes; derived figures keep the last. */
#include <stdlib.h>

#include "controller/store/json_cell.h"
#include "controller/store/ledger_private.h"

static const char *const inserts[TABLES] = {
    [TABLE_SAMPLE] = "INSERT OR REPLACE INTO sample"
                     " (at_ms, point_id, value, quality, reason, age_ms)",
    [TABLE_ACCOUNT] =
        "INSERT OR REPLACE INTO account_15min (start_ms, end_ms,"
        " import_wh, import_quality, import_coverage, export_wh, export_quality, export_coverage,"
        " pv_wh, pv_quality, pv_coverage, wind_wh, wind_quality, wind_coverage,"
        " charge_wh, charge_quality, charge_coverage,"
        " discharge_wh, discharge_quality, discharge_coverage,"
        " facility_wh, facility_quality, facility_coverage, it_wh, it_quality, it_coverage,"
        " cooling_wh, cooling_quality, cooling_coverage,"
        " auxiliary_wh, auxiliary_quality, auxiliary_coverage,"
        " distribution_wh, distribution_quality, distribution_coverage,"
        " reason, price_per_mwh, carbon_g_per_kwh, cost, carbon_g, green_wh, threshold_w)",
    [TABLE_PUE] = "INSERT OR REPLACE INTO pue (period, start_ms, category, end_ms, facility_wh,"
                  " it_wh, value, coverage_pct, interim, quality)",
    [TABLE_FORECAST_ISSUE] = "INSERT OR REPLACE INTO forecast_issue"
                             " (issue_ms, series, model, start_ms, steps, reason)",
    [TABLE_FORECAST] = "INSERT OR REPLACE INTO forecast"
                       " (issue_ms, series, step_ms, q05, q10, q25, q50, q75, q90, q95)",
    [TABLE_HISTORY] =
        "INSERT OR REPLACE INTO forecast_history (step_ms, series, value, known_ms, fed)",
    [TABLE_SCORE] = "INSERT OR REPLACE INTO forecast_score"
                    " (at_ms, series, lead_h, count, mae, bias, pinball, coverage, coverage_80,"
                    " rank)",
    [TABLE_STANDING] = "INSERT OR REPLACE INTO forecast_standing"
                       " (at_ms, series, lead_h, model, count, mae, weight)",
    [TABLE_FEED_ISSUE] = "INSERT OR REPLACE INTO feed_issue (received_ms, position, source, track,"
                         " kind, issue_ms, start_ms, step_ms, count, verdict)",
    [TABLE_FEED_VALUE] = "INSERT OR REPLACE INTO feed_value (received_ms, position, step, value)",
    [TABLE_PLAN] = "INSERT OR REPLACE INTO plan (issue_ms, plan_id, expires_ms, status, objective,"
                   " bound, gap, energy_cost, carbon_cost, peak_cost, wear_cost, lateness_cost,"
                   " breach_cost, delay_cost, churn_cost, transfer_cost, end_value, hedge_cost,"
                   " peak_import_w, late_jobs, solve_ms)",
    [TABLE_PLAN_SLOT] =
        "INSERT OR REPLACE INTO plan_slot (issue_ms, site, slot, start_ms, length_ms, pv_w, wind_w,"
        " fixed_w, overhead_ratio, heat_ratio, cop, free_cooling_w, free_cop,"
        " price_import_per_mwh, price_export_per_mwh, carbon_g_per_kwh, import_limit_w,"
        " export_limit_w, import_w, export_w, pv_used_w, wind_used_w, charge_w, discharge_w,"
        " soc_end_wh, chiller_heat_w, free_heat_w, tank_charge_w, tank_discharge_w, tank_end_wh,"
        " facility_w, breach_w, ramp_breach_w, cooling_short_w, reserve_short_wh,"
        " marginal_per_mwh, battery_reason, tank_reason)",
    [TABLE_PLAN_GROUP] = "INSERT OR REPLACE INTO plan_group (issue_ms, site, slot, group_id,"
                         " base_it_w, base_it_high_w, it_jobs_w, breach_w)",
    [TABLE_PLAN_FEEDER_BREACH] = "INSERT OR REPLACE INTO plan_feeder_breach"
                                 " (issue_ms, site, slot, feeder_id, breach_w)",
    [TABLE_PLAN_FEEDER_LIMIT] = "INSERT OR REPLACE INTO plan_feeder_limit"
                                " (issue_ms, site, feeder_id, limit_w)",
    [TABLE_PLAN_GROUP_LIMIT] = "INSERT OR REPLACE INTO plan_group_limit"
                               " (issue_ms, site, group_id, feeder_id, limit_w, accelerators)",
    [TABLE_PLAN_JOB] = "INSERT OR REPLACE INTO plan_job (issue_ms, position, job_id, feeder_id,"
                       " finish_ms, late, reason, site, group_id, why)",
    [TABLE_PLAN_RUN] = "INSERT OR REPLACE INTO plan_run"
                       " (issue_ms, position, run, start_ms, end_ms, level)",
    [TABLE_DECISION] = "INSERT INTO decision (at_ms, subsystem, verb, job_id, feeder_id, point_id,"
                       " value, wanted, reason, mode, asker, plan_id, applied, group_id, level)",
    [TABLE_JOB] = "INSERT OR REPLACE INTO job (job_id, name, owner, class, state, reason, power_w,"
                  " work_ms, ran_ms, release_ms, deadline_ms, min_run_ms, can_suspend, feeder_id,"
                  " suspensions, exit_status, submitted_ms, started_ms, ended_ms, updated_ms,"
                  " state_ms, group_id, level, levels, accelerator_classes, restart_ms,"
                  " restarts)",
    [TABLE_JOB_EVENT] = "INSERT INTO job_event"
                        " (at_ms, job_id, state, reason, ran_ms, feeder_id, exit_status,"
                        " group_id, level)",
    [TABLE_WRITE] = "INSERT INTO setpoint_write (at_ms, point_id, value, outcome)",
    [TABLE_MODE] = "INSERT INTO mode_change (at_ms, subsystem, mode, asker)",
    [TABLE_EVENT] = "INSERT INTO event (at_ms, kind, subject, text)",
    [TABLE_VERDICT] = "INSERT INTO point_verdict (at_ms, point_id, quality, reason, withheld)",
};

/* Those that do not end with their columns. */
static const char *const others[TABLES] = {
    [TABLE_INTERVAL] = "INSERT INTO energy_interval (start_ms, point_id, end_ms, start_milliwh,"
                       " end_milliwh, raw_end_milliwh, coverage, quality, reason)"
                       " VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
    [TABLE_FEED_HISTORY] =
        "INSERT INTO forecast_history (step_ms, series, value, known_ms, fed) VALUES (?,?,?,?,1)"
        " ON CONFLICT DO UPDATE SET value = excluded.value, known_ms = excluded.known_ms WHERE fed",
    [TABLE_PLAN_LATE] = "UPDATE plan SET late_jobs = ? WHERE issue_ms = ?",
};

struct ledger *ledger_create(struct db *db, const struct identity *identity, struct error *error)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    if (!ledger) {
        error_set(error, ERROR_SYSTEM, "out of memory");
        return NULL;
    }
    ledger->db = db;
    ledger->identity = identity;
    for (int t = 0; t < TABLES; t++) {
        ledger->statements[t] =
            inserts[t] ? db_prepare_insert(db, inserts[t]) : db_prepare(db, others[t]);
        if (!ledger->statements[t]) {
            error_set(error, ERROR_INVALID, "%s (was the schema altered by hand?)", db_message(db));
            ledger_destroy(ledger);
            return NULL;
        }
    }
    return ledger;
}

void ledger_destroy(struct ledger *ledger)
{
    if (!ledger)
        return;
    for (int t = 0; t < TABLES; t++)
        db_finalize(ledger->statements[t]);
    free(ledger);
}

static struct db_value time_or_null(int64_t at_ms)
{
    return db_integer_if(at_ms != 0, at_ms);
}

/* ---- telemetry ---- */

static enum db_result write_image(struct ledger *ledger, const struct record_image *image)
{
    enum db_result result = DB_DONE;
    for (int32_t i = 0; result == DB_DONE && i < image->count; i++) {
        const struct reading *r = &image->readings[i];
        result = INSERT(ledger, TABLE_SAMPLE, db_integer(image->head.at_ms),
                        identity_point(ledger->identity, r->point), db_real(r->value),
                        number(r->quality), number(r->reason), db_integer_if(r->dated, r->age_ms));
    }
    return result;
}

/* ---- ticks ---- */

static bool known(enum quality quality)
{
    return quality == QUALITY_GOOD || quality == QUALITY_ESTIMATED;
}

static enum db_result write_decision(struct ledger *ledger, const struct decision *decision)
{
    const struct command *c = &decision->command;
    bool sets = c->verb == VERB_SETPOINT, starts = c->verb == VERB_JOB_START;
    bool runs = starts || c->verb == VERB_JOB_RESUME || c->verb == VERB_JOB_LEVEL;
    return INSERT(
        ledger, TABLE_DECISION, db_integer(decision->at_ms), db_text(subsystem_name(c->subsystem)),
        db_text(verb_name(c->verb)), db_integer_if(!sets, c->job_id),
        identity_feeder(ledger->identity, starts ? c->feeder : -1),
        identity_point(ledger->identity, sets ? c->point : -1), db_real_if(sets, c->value),
        db_real_if(sets, c->wanted), number((int)c->reason), db_text(mode_name(decision->mode)),
        db_text(c->asker), db_integer_if(decision->plan_id != 0, decision->plan_id),
        number(c->apply), identity_group(ledger->identity, starts ? c->group : -1),
        db_integer_if(runs, c->level));
}

static enum db_result write_interval(struct ledger *ledger, const struct energy_interval *i,
                                     int64_t raw_milliwh)
{
    return INSERT(ledger, TABLE_INTERVAL, db_integer(i->start_ms),
                  identity_point(ledger->identity, i->point), db_integer(i->end_ms),
                  db_integer(i->start_milliwh), db_integer(i->end_milliwh), db_integer(raw_milliwh),
                  db_real(i->coverage), number((int)i->quality), number((int)i->reason));
}

static enum db_result write_pue(struct ledger *ledger, const char *period, const struct pue *pue)
{
    return INSERT(ledger, TABLE_PUE, db_text(period), db_integer(pue->start_ms),
                  number(pue->category), db_integer(pue->end_ms), db_real(pue->facility_wh),
                  db_real(pue->it_wh), db_real_if(known(pue->quality), pue->value),
                  db_real(100 * pue->coverage), number(pue->interim), number((int)pue->quality));
}

static enum db_result write_account(struct ledger *ledger, const struct account *account)
{
    const struct balance *b = &account->balance;
    const struct energy *energies[] = {&b->import,  &b->export,    &b->pv,          &b->wind,
                                       &b->charge,  &b->discharge, &b->facility,    &b->it,
                                       &b->cooling, &b->auxiliary, &b->distribution};
    enum { ENERGIES = sizeof energies / sizeof *energies, REST = 7 };
    struct db_value values[2 + 3 * ENERGIES + REST];
    int count = 0;
    values[count++] = db_integer(account->start_ms);
    values[count++] = db_integer(account->end_ms);
    for (int e = 0; e < ENERGIES; e++) {
        values[count++] = db_real_if(known(energies[e]->quality), energies[e]->wh);
        values[count++] = number((int)energies[e]->quality);
        values[count++] = db_real(energies[e]->coverage);
    }
    values[count++] = number((int)b->reason);
    values[count++] = db_real(account->price_per_mwh);
    values[count++] = db_real(account->carbon_g_per_kwh);
    values[count++] = db_real(account->cost);
    values[count++] = db_real(account->carbon_g);
    values[count++] = db_real(account->green_wh);
    values[count++] = db_real(account->threshold_w);
    enum db_result result = db_run(ledger->statements[TABLE_ACCOUNT], values, count);
    return result == DB_DONE ? write_pue(ledger, "quarter", &account->pue) : result;
}

static enum db_result write_verdict(struct ledger *ledger, const struct verdict_change *v)
{
    return INSERT(ledger, TABLE_VERDICT, db_integer(v->at_ms),
                  identity_point(ledger->identity, v->point), number((int)v->quality),
                  number((int)v->reason), db_integer(v->withheld));
}

static enum db_result write_tick(struct ledger *ledger, const struct record_tick *tick)
{
    enum db_result result = DB_DONE;
    for (int32_t i = 0; result == DB_DONE && i < tick->decision_count; i++)
        result = write_decision(ledger, &tick->decisions[i]);
    for (int32_t i = 0; result == DB_DONE && i < tick->interval_count; i++)
        result = write_interval(ledger, &tick->intervals[i], tick->raw_milliwh[i]);
    for (int32_t i = 0; result == DB_DONE && i < tick->account_count; i++)
        result = write_account(ledger, &tick->accounts[i]);
    for (int32_t i = 0; result == DB_DONE && i < tick->verdict_count; i++)
        result = write_verdict(ledger, &tick->verdicts[i]);
    for (int32_t i = 0; result == DB_DONE && i < tick->forecast_count; i++)
        result = ledger_write_forecast(ledger, &tick->forecasts[i]);
    for (int32_t i = 0; result == DB_DONE && i < tick->hour_count; i++)
        result = write_pue(ledger, "hour", &tick->hours[i]);
    for (int32_t i = 0; result == DB_DONE && i < tick->day_count; i++)
        result = write_pue(ledger, "day", &tick->days[i]);
    return result;
}

/* ---- the log ---- */

static enum db_result write_job(struct ledger *ledger, const struct record_job *record)
{
    const struct job *j = &record->job;
    struct db_value feeder = identity_feeder(ledger->identity, j->feeder);
    struct db_value group = identity_group(ledger->identity, j->group);
    char levels[JSON_CELL], classes[JSON_CELL];
    struct db_value exit_status = db_integer_if(job_state_ended(j->state), j->exit_status);
    enum db_result result = INSERT(
        ledger, TABLE_JOB, db_integer(j->id), db_text(j->name), db_text(j->owner),
        db_text(job_class_name(j->job_class)), db_text(job_state_name(j->state)),
        number((int)record->reason), db_real(j->power_w), db_integer(j->work_ms),
        db_integer(j->ran_ms), db_integer(j->release_ms),
        db_integer_if(j->deadline_ms != JOB_NO_DEADLINE, j->deadline_ms), db_integer(j->min_run_ms),
        number(j->can_suspend), feeder, db_integer(j->suspensions), exit_status,
        time_or_null(j->submitted_ms), time_or_null(j->started_ms), time_or_null(j->ended_ms),
        time_or_null(j->updated_ms), time_or_null(j->state_ms), group, db_integer(j->level),
        j->level_count > 0 ? db_text(json_levels(j, levels)) : db_null(),
        j->accelerator_classes != 0
            ? db_text(json_classes(ledger->identity, j->accelerator_classes, classes))
            : db_null(),
        db_integer(j->restart_ms), db_integer(j->restarts));
    if (result != DB_DONE)
        return result;
    return INSERT(ledger, TABLE_JOB_EVENT, db_integer(record->head.at_ms), db_integer(j->id),
                  db_text(job_state_name(j->state)), number((int)record->reason),
                  db_integer(j->ran_ms), feeder, exit_status, group, db_integer(j->level));
}

static enum db_result write_write(struct ledger *ledger, const struct record_write *write)
{
    return INSERT(ledger, TABLE_WRITE, db_integer(write->head.at_ms),
                  identity_point(ledger->identity, write->point), db_real(write->value),
                  number((int)write->outcome));
}

static enum db_result write_mode(struct ledger *ledger, const struct record_mode *change)
{
    return INSERT(ledger, TABLE_MODE, db_integer(change->head.at_ms),
                  db_text(subsystem_name(change->subsystem)), db_text(mode_name(change->mode)),
                  db_text(change->asker));
}

enum db_result ledger_write_event(struct ledger *ledger, int64_t at_ms,
                                  const struct cycle_event *event)
{
    return INSERT(ledger, TABLE_EVENT, db_integer(at_ms), number((int)event->kind),
                  db_text(event->subject), db_text(event->text));
}

enum db_result ledger_write(struct ledger *ledger, const struct record *record)
{
    const void *whole = record;
    switch (record->kind) {
    case RECORD_IMAGE:
        return write_image(ledger, whole);
    case RECORD_TICK:
        return write_tick(ledger, whole);
    case RECORD_PLAN:
        return ledger_write_plan(ledger, whole);
    case RECORD_EXTENSION:
        return ledger_write_extension(ledger, whole);
    case RECORD_JOB:
        return write_job(ledger, whole);
    case RECORD_EVENT:
        return ledger_write_event(ledger, record->at_ms,
                                  &((const struct record_event *)whole)->event);
    case RECORD_WRITE:
        return write_write(ledger, whole);
    case RECORD_MODE:
        return write_mode(ledger, whole);
    case RECORD_SCORES:
        return ledger_write_scores(ledger, whole);
    case RECORD_STANDINGS:
        return ledger_write_standings(ledger, whole);
    case RECORD_HISTORY:
        return ledger_write_history(ledger, whole);
    case RECORD_BLOCK:
        return ledger_write_block(ledger, whole);
    }
    return DB_REJECTED;
}
