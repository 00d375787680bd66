/* See result.h. Money and carbon are counted by the hour's own values, to the millisecond. */
#include "tools/backtest/result.h"

#include <math.h>
#include <string.h>

#include "controller/base/utc.h"

static const double WH_PER_MWH = 1e6, G_PER_T = 1e6;

void tally_begin(struct tally *tally, struct result *result, const struct backtest_site *site,
                 const struct inputs *inputs)
{
    *tally = (struct tally){.result = result, .site = site, .inputs = inputs};
    tally->quarter_ms = tally->month_ms = INT64_MIN;
    if (!inputs->price.path)
        result->energy_cost = (double)NAN;
    if (!inputs->carbon.path)
        result->carbon_g = (double)NAN;
}

/* The billing period of the peak charge. */
static int64_t month_of(int64_t ms)
{
    char text[UTC_TEXT];
    int64_t start_ms = ms;
    utc_format(ms, text);
    memcpy(text + 8, "01T00:00:00Z", 13);
    utc_parse(text, &start_ms, NULL);
    return start_ms;
}

static void close_month(struct tally *tally)
{
    double per_kw = tally->site->config->values.peak_per_kw;
    tally->result->peak_cost += tally->month_peak_w / 1000 * per_kw;
    tally->month_peak_w = 0;
}

static void close_quarter(struct tally *tally, int64_t next_ms)
{
    double peak_w = tally->quarter_wh * HOUR_MS / (double)QUARTER_MS;
    tally->result->peak_import_w = fmax(tally->result->peak_import_w, peak_w);
    tally->month_peak_w = fmax(tally->month_peak_w, peak_w);
    tally->quarter_wh = 0;
    tally->quarter_ms = next_ms;
    int64_t month_ms = month_of(next_ms);
    if (month_ms != tally->month_ms)
        close_month(tally);
    tally->month_ms = month_ms;
}

/* A stretch inside one quarter hour. */
static void note_import(struct tally *tally, double import_w, int64_t from_ms, int64_t to_ms)
{
    int64_t quarter_ms = utc_floor(from_ms, QUARTER_MS);
    if (quarter_ms != tally->quarter_ms)
        close_quarter(tally, quarter_ms);
    tally->quarter_wh += import_w * (double)(to_ms - from_ms) / HOUR_MS;
}

static void note_energy(struct tally *tally, const struct flows *flows, double hours)
{
    const struct config_values *values = &tally->site->config->values;
    struct result *sum = tally->result;
    double out_wh = fmax(flows->battery_w, 0) * hours;
    double offer_w = flows->pv_offer_w + flows->wind_offer_w;
    double taken_w = flows->pv_w + flows->wind_w;
    sum->import_wh += flows->import_w * hours;
    sum->export_wh += flows->export_w * hours;
    sum->facility_wh += flows->facility_w * hours;
    sum->it_wh += flows->it_w * hours;
    sum->job_wh += flows->jobs_w * hours;
    sum->green_wh += fmax(taken_w - flows->export_w, 0) * hours;
    sum->spilled_wh += (offer_w - taken_w) * hours;
    sum->charge_wh += fmax(-flows->battery_w, 0) * hours;
    sum->discharge_wh += out_wh;
    sum->cell_wh += out_wh / values->discharge_efficiency;
    sum->wear_cost += out_wh / WH_PER_MWH * values->wear_per_mwh;
}

static void note_money(struct tally *tally, const struct flows *flows, int64_t at_ms, double hours)
{
    const struct config_values *values = &tally->site->config->values;
    double price = track_at(&tally->inputs->price, at_ms);
    double carbon = track_at(&tally->inputs->carbon, at_ms);
    if (!isnan(price))
        tally->result->energy_cost += flows->import_w * hours / WH_PER_MWH * price -
                                      flows->export_w * hours / WH_PER_MWH * values->export_per_mwh;
    if (!isnan(carbon))
        tally->result->carbon_g += flows->import_w * hours / 1000 * carbon;
}

void tally_flows(void *context, const struct flows *flows, int64_t from_ms, int64_t to_ms)
{
    struct tally *tally = context;
    double hours = (double)(to_ms - from_ms) / HOUR_MS;
    note_energy(tally, flows, hours);
    note_money(tally, flows, from_ms, hours);
    tally->result->peak_it_w = fmax(tally->result->peak_it_w, flows->it_w);
    while (from_ms < to_ms) {
        int64_t until_ms = utc_floor(from_ms, QUARTER_MS) + QUARTER_MS;
        until_ms = until_ms < to_ms ? until_ms : to_ms;
        note_import(tally, flows->import_w, from_ms, until_ms);
        from_ms = until_ms;
    }
}

void tally_job(struct tally *tally, const struct job *job, int64_t end_ms)
{
    struct result *sum = tally->result;
    bool done = job->state == JOB_COMPLETED;
    int64_t last_ms = done ? job->ended_ms : end_ms;
    sum->jobs++;
    sum->done += done;
    sum->suspensions += job->suspensions;
    sum->missed += done ? last_ms > job->deadline_ms : end_ms >= job->deadline_ms;
    if (done)
        sum->wait_ms += (double)(last_ms - job->release_ms - job->work_ms);
}

static double known(double value)
{
    return isnan(value) ? 0 : value;
}

void tally_end(struct tally *tally)
{
    struct result *sum = tally->result;
    if (tally->quarter_ms != INT64_MIN)
        close_quarter(tally, tally->quarter_ms);
    close_month(tally);
    sum->objective = known(sum->energy_cost) + sum->peak_cost + sum->wear_cost +
                     known(sum->carbon_g) / G_PER_T * tally->site->config->values.carbon_per_t;
}
