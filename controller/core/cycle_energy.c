/* From counters to accounts: every meter's quarter hours are gathered until all have closed (or
 * the patience for late ones is over), then the balance, PUE, money and carbon are struck. A meter
 * that was silent tells its counter when it comes back: the account is then struck again. */
#include "controller/core/cycle_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double WH_PER_MWH = 1e6;

static bool counts_energy(const struct topology *topology, int32_t point)
{
    return point_kind_class(topology->points[point].kind) == POINT_CLASS_COUNTER;
}

/* A load or generator without a counter is integrated from its power. */
static bool needs_integration(const struct topology *topology, int32_t point)
{
    const struct device *device = &topology->devices[topology->points[point].device];
    if (topology->points[point].kind != POINT_POWER || device->role == ROLE_NONE ||
        device->role == ROLE_UTILITY || device->role == ROLE_BATTERY)
        return false;
    int32_t d = topology->points[point].device;
    return topology_find_point(topology, d, POINT_ENERGY_IMPORT) < 0 &&
           topology_find_point(topology, d, POINT_ENERGY_EXPORT) < 0;
}

static void add_meters(struct cycle *cycle)
{
    const struct topology *topology = cycle->config.topology;
    for (int32_t p = 0; p < topology->point_count; p++) {
        bool integrates = needs_integration(topology, p);
        if (!integrates && !counts_energy(topology, p))
            continue;
        /* No meter of this site carries ten times its import limit. */
        meter_init(&cycle->meters[cycle->meter_count++], p, QUARTER_MS, cycle->config.meter_gap_ms,
                   topology->points[p].rollover_milliwh, integrates,
                   10 * cycle->config.guard.import_limit_w);
    }
}

int cycle_energy_init(struct cycle *cycle, struct error *error)
{
    size_t points = (size_t)cycle->config.topology->point_count + 1;
    cycle->meters = calloc(points, sizeof *cycle->meters);
    if (!cycle->meters)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    add_meters(cycle);
    size_t meters = (size_t)cycle->meter_count + 1;
    cycle->scratch = calloc(meters, sizeof *cycle->scratch);
    if (!cycle->scratch)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    for (int q = 0; q < OPEN_QUARTERS; q++) {
        cycle->quarters[q].intervals = calloc(meters, sizeof *cycle->quarters[q].intervals);
        cycle->quarters[q].closed = calloc(meters, sizeof *cycle->quarters[q].closed);
        if (!cycle->quarters[q].intervals || !cycle->quarters[q].closed)
            return error_set(error, ERROR_SYSTEM, "out of memory");
    }
    return 0;
}

void cycle_energy_finish(struct cycle *cycle)
{
    for (int q = 0; q < OPEN_QUARTERS; q++) {
        free(cycle->quarters[q].intervals);
        free(cycle->quarters[q].closed);
    }
    free(cycle->meters);
    free(cycle->scratch);
}

void cycle_resume_meter(struct cycle *cycle, int32_t point, int64_t end_ms, int64_t end_milliwh,
                        int64_t raw_milliwh)
{
    for (int m = 0; m < cycle->meter_count; m++) {
        if (cycle->meters[m].point == point)
            meter_resume(&cycle->meters[m], end_ms, end_milliwh, raw_milliwh);
    }
}

/* ---- quarters ---- */

/* The slot of a quarter hour. One that was struck without all meters stays open for revision until
 * its slot is needed. NULL: too old, or complete already. */
static struct quarter *quarter_at(struct cycle *cycle, int64_t start_ms)
{
    struct quarter *quarter = &cycle->quarters[start_ms / QUARTER_MS % OPEN_QUARTERS];
    if (quarter->open && quarter->start_ms == start_ms)
        return quarter;
    if (start_ms < cycle->accounted_ms || (quarter->open && !quarter->struck))
        return NULL;
    memset(quarter->means, 0, sizeof quarter->means);
    memset(quarter->closed, 0, (size_t)cycle->meter_count * sizeof *quarter->closed);
    quarter->closed_count = 0;
    quarter->open = true;
    quarter->struck = quarter->revised = quarter->exceeded = false;
    quarter->start_ms = start_ms;
    return quarter;
}

static void keep_interval(struct cycle *cycle, int meter, const struct energy_interval *interval)
{
    if (interval->end_ms - interval->start_ms != QUARTER_MS)
        return;
    struct quarter *quarter = quarter_at(cycle, interval->start_ms);
    if (!quarter || quarter->closed[meter])
        return;
    quarter->intervals[meter] = *interval;
    quarter->closed[meter] = true;
    quarter->closed_count++;
    quarter->revised = quarter->struck;
}

void cycle_resume_interval(struct cycle *cycle, const struct energy_interval *interval)
{
    for (int m = 0; m < cycle->meter_count; m++) {
        if (cycle->meters[m].point == interval->point)
            keep_interval(cycle, m, interval);
    }
}

/* The counter went back or rolled over: told once, with the reading that proved it. */
static void tell_restart(struct cycle *cycle, const struct meter *meter, int64_t at_ms,
                         struct tick_output *output)
{
    char name[2 * LIMIT_NAME];
    topology_point_name(cycle->config.topology, meter->point, name, sizeof name);
    cycle_event(output, EVENT_COUNTER_RESTARTED, name, "%s", reason_text(meter->restart.reason));
    cycle->notes[meter->point].counter = (struct counter_note){meter->restart.reason, at_ms};
}

void cycle_counter(const struct cycle *cycle, int32_t point, struct counter_note *ret_note)
{
    *ret_note = cycle->notes[point].counter;
}

static void feed_meter(struct cycle *cycle, int m, const struct sample *sample,
                       struct tick_output *output)
{
    struct meter *meter = &cycle->meters[m];
    struct energy_interval *closed = &output->intervals[output->interval_count];
    int room = LIMIT_INTERVALS - output->interval_count;
    int most = room < OPEN_QUARTERS ? room : OPEN_QUARTERS;
    if (most == 0)
        return; /* the counter keeps what this tick cannot take */
    int64_t restart_ms = meter->restart.until_ms;
    int count = meter->integrates
                    ? meter_feed_power(meter, sample->source_ms, sample->value, closed, most)
                    : meter_feed_counter(meter, sample->source_ms, sample->value, closed, most);
    for (int i = 0; i < count; i++) {
        output->interval_raw_milliwh[output->interval_count++] =
            meter_raw_at(meter, closed[i].end_milliwh);
        keep_interval(cycle, m, &closed[i]);
    }
    if (meter->restart.until_ms > restart_ms)
        tell_restart(cycle, meter, sample->source_ms, output);
}

static void feed_meters(struct cycle *cycle, const struct tick_input *input,
                        struct tick_output *output)
{
    for (int m = 0; m < cycle->meter_count; m++) {
        const struct sample *sample = image_sample(input->image, cycle->meters[m].point);
        if (sample->quality == QUALITY_GOOD)
            feed_meter(cycle, m, sample, output);
    }
}

/* ---- means ---- */

static void add_mean(struct running_mean *mean, double value, int64_t elapsed_ms)
{
    if (!isfinite(value))
        return;
    mean->sum += value * (double)elapsed_ms;
    mean->weight_ms += (double)elapsed_ms;
}

static double read_mean(const struct running_mean *mean)
{
    return mean->weight_ms > 0 ? mean->sum / mean->weight_ms : NAN;
}

void cycle_resume_mean(struct cycle *cycle, int32_t point, int64_t quarter_ms, double mean,
                       int64_t seen_ms)
{
    int series = cycle_series_of(cycle->config.topology, point);
    struct quarter *quarter = series < 0 ? NULL : quarter_at(cycle, quarter_ms);
    if (quarter)
        add_mean(&quarter->means[series], mean, seen_ms);
}

/* A value holds from the tick that saw it to the next one: a price that changes on the hour does
 * not touch the quarter hour before. */
static void add_means(struct cycle *cycle, const struct tick_input *input)
{
    double held[FORECAST_SERIES];
    memcpy(held, cycle->series_now, sizeof held);
    cycle_read_series(cycle, input, cycle->series_now);
    int64_t elapsed_ms = input->now_ms - cycle->last_tick_ms;
    if (cycle->last_tick_ms == 0 || elapsed_ms <= 0 || elapsed_ms > cycle->config.meter_gap_ms)
        return;
    struct quarter *quarter = quarter_at(cycle, utc_floor(input->now_ms - 1, QUARTER_MS));
    for (int s = 0; quarter && s < FORECAST_SERIES; s++)
        add_mean(&quarter->means[s], held[s], elapsed_ms);
}

/* ---- accounts ---- */

static bool known(const struct energy *energy)
{
    return energy->quality == QUALITY_GOOD || energy->quality == QUALITY_ESTIMATED;
}

static void price_account(const struct cycle *cycle, struct account *account)
{
    const struct balance *b = &account->balance;
    account->cost = account->carbon_g = account->green_wh = NAN;
    if (known(&b->import) && known(&b->export))
        account->cost = (b->import.wh * account->price_per_mwh -
                         b->export.wh * cycle->config.export_price_per_mwh) /
                        WH_PER_MWH;
    if (known(&b->import))
        account->carbon_g = b->import.wh / 1000 * account->carbon_g_per_kwh;
    if (known(&b->pv) && known(&b->wind) && known(&b->export))
        account->green_wh = fmax(b->pv.wh + b->wind.wh - b->export.wh, 0);
}

/* ---- hours and days ---- */

static struct pue *kept_quarter(struct cycle *cycle, int64_t start_ms)
{
    return &cycle->kept[start_ms / QUARTER_MS % KEPT_QUARTERS];
}

/* PUE of a period from the quarter hours that are kept. */
static void period_pue(struct cycle *cycle, int64_t start_ms, int64_t length_ms,
                       struct pue *ret_pue)
{
    struct pue_sum sum;
    pue_sum_begin(&sum, start_ms, start_ms + length_ms, cycle->config.pue_category);
    for (int64_t at = start_ms; at < start_ms + length_ms; at += QUARTER_MS) {
        const struct pue *quarter = kept_quarter(cycle, at);
        if (quarter->start_ms == at && quarter->end_ms != 0)
            pue_sum_add(&sum, quarter);
    }
    pue_sum_read(&sum, ret_pue);
}

static void close_period(struct cycle *cycle, int64_t start_ms, int64_t length_ms, struct pue *list,
                         int *count)
{
    if (*count < OPEN_QUARTERS)
        period_pue(cycle, start_ms, length_ms, &list[(*count)++]);
}

/* A period closes with its last quarter hour, or when a later one begins; it is told again when
 * one of its quarter hours is revised. */
static void close_periods(struct cycle *cycle, int64_t quarter_ms, int64_t length_ms,
                          int64_t *open_ms, struct pue *list, int *count)
{
    int64_t start_ms = utc_floor(quarter_ms, length_ms);
    if (*open_ms != 0 && *open_ms < start_ms)
        close_period(cycle, *open_ms, length_ms, list, count);
    bool last = quarter_ms + QUARTER_MS == start_ms + length_ms;
    bool closed_before = start_ms < *open_ms;
    if (last || closed_before)
        close_period(cycle, start_ms, length_ms, list, count);
    if (!closed_before)
        *open_ms = last ? start_ms + length_ms : start_ms;
}

static void keep_quarter(struct cycle *cycle, const struct pue *quarter, struct tick_output *output)
{
    *kept_quarter(cycle, quarter->start_ms) = *quarter;
    close_periods(cycle, quarter->start_ms, HOUR_MS, &cycle->open_hour_ms, output->hours,
                  &output->hour_count);
    close_periods(cycle, quarter->start_ms, DAY_MS, &cycle->open_day_ms, output->days,
                  &output->day_count);
    if (output->hour_count > 0)
        cycle->snapshot.last_hour = output->hours[output->hour_count - 1];
    if (output->day_count > 0)
        cycle->snapshot.last_day = output->days[output->day_count - 1];
}

void cycle_today(struct cycle *cycle, int64_t now_ms, struct pue *ret_pue)
{
    period_pue(cycle, utc_floor(now_ms, DAY_MS), DAY_MS, ret_pue);
}

void cycle_resume_quarter(struct cycle *cycle, const struct pue *quarter)
{
    *kept_quarter(cycle, quarter->start_ms) = *quarter;
    cycle->open_hour_ms = utc_floor(quarter->start_ms, HOUR_MS);
    cycle->open_day_ms = utc_floor(quarter->start_ms, DAY_MS);
    cycle->accounted_ms = quarter->end_ms;
}

static void observe_quarter(struct cycle *cycle, const struct quarter *quarter,
                            const struct account *account, struct tick_output *output)
{
    for (int s = 0; s < FORECAST_SERIES; s++) {
        double value = read_mean(&quarter->means[s]);
        if (isnan(value))
            continue;
        output->observations[output->observation_count++] =
            (struct observation){(enum forecast_series)s, quarter->start_ms, value};
    }
    const struct balance *b = &account->balance;
    if (b->facility.quality == QUALITY_GOOD && b->it.quality == QUALITY_GOOD)
        overhead_learn(&cycle->overhead, read_mean(&quarter->means[SERIES_TEMP]),
                       b->facility.wh * 4, b->it.wh * 4);
}

static void tell_residual(const struct account *account, struct tick_output *output)
{
    if (account->balance.reason == REASON_NEGATIVE_RESIDUAL)
        cycle_event(output, EVENT_METERS_DISAGREE, "distribution",
                    "IT, cooling and auxiliary exceed the facility's energy: check the meters");
}

static void fill_account(struct cycle *cycle, const struct quarter *quarter,
                         struct account *account)
{
    int count = 0;
    for (int m = 0; m < cycle->meter_count; m++) {
        if (quarter->closed[m])
            cycle->scratch[count++] = quarter->intervals[m];
    }
    *account =
        (struct account){.start_ms = quarter->start_ms, .end_ms = quarter->start_ms + QUARTER_MS};
    balance_compute(&account->balance, cycle->config.topology, cycle->config.pue_category,
                    account->start_ms, account->end_ms, cycle->scratch, count);
    pue_from_balance(&account->pue, &account->balance, cycle->config.pue_category);
    account->price_per_mwh = read_mean(&quarter->means[SERIES_PRICE]);
    account->carbon_g_per_kwh = read_mean(&quarter->means[SERIES_CARBON]);
    account->threshold_w = cycle->config.threshold_w > 0 ? cycle->config.threshold_w : NAN;
    price_account(cycle, account);
}

static void strike(struct cycle *cycle, struct quarter *quarter, struct tick_output *output)
{
    struct account *account = &output->accounts[output->account_count++];
    fill_account(cycle, quarter, account);
    cycle_note_import(cycle, quarter, account, output);
    tell_residual(account, output);
    keep_quarter(cycle, &account->pue, output);
    cycle->snapshot.last_quarter = account->pue;
    if (!quarter->struck) {
        observe_quarter(cycle, quarter, account, output);
        cycle->accounted_ms = account->end_ms;
    }
    quarter->struck = true;
    quarter->revised = false;
    quarter->open = quarter->closed_count < cycle->meter_count;
}

/* The oldest quarter hour that must be struck now: complete, out of patience, or revised. */
static struct quarter *oldest_due(struct cycle *cycle, int64_t now_ms)
{
    int64_t patience_ms = 2 * cycle->config.meter_gap_ms;
    struct quarter *oldest = NULL;
    for (int q = 0; q < OPEN_QUARTERS; q++) {
        struct quarter *quarter = &cycle->quarters[q];
        int64_t age_ms = now_ms - (quarter->start_ms + QUARTER_MS);
        bool complete = quarter->closed_count == cycle->meter_count;
        bool due = quarter->struck ? quarter->revised : complete || age_ms >= patience_ms;
        if (quarter->open && age_ms >= 0 && due &&
            (!oldest || quarter->start_ms < oldest->start_ms))
            oldest = quarter;
    }
    return oldest;
}

static void strike_accounts(struct cycle *cycle, const struct tick_input *input,
                            struct tick_output *output)
{
    struct quarter *quarter;
    while (output->account_count < OPEN_QUARTERS && (quarter = oldest_due(cycle, input->now_ms)))
        strike(cycle, quarter, output);
}

void cycle_measure(struct cycle *cycle, const struct tick_input *input, struct tick_output *output)
{
    cycle_open_month(cycle, input->now_ms);
    add_means(cycle, input);
    feed_meters(cycle, input, output);
    strike_accounts(cycle, input, output);
}
