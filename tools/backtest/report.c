/* See report.h. Ratios are to the policy none where it is among them. */
#include "tools/backtest/report.h"

#include <math.h>

#include "controller/base/quantity.h"
#include "controller/base/utc.h"
#include "tools/cli_table.h"

enum { TEXT = 32 };

static const struct result *find_none(const struct result *results, int count)
{
    for (int i = 0; i < count; i++)
        if (results[i].policy == POLICY_NONE)
            return &results[i];
    return NULL;
}

/* NAN: there is nothing to compare with. */
static double ratio(double value, double to)
{
    return to > 0 ? value / to : (double)NAN;
}

static const double SAME_WORK = 1e-3;

static bool same_work(const struct result *result, const struct result *other)
{
    return fabs(result->job_wh - other->job_wh) <= SAME_WORK * fmax(result->job_wh, other->job_wh);
}

/* Of what both did: less work is no merit. */
static double work_ratio(const struct result *result, const struct result *none, double value,
                         double to)
{
    return none && same_work(result, none) ? ratio(value, to) : (double)NAN;
}

struct ratios {
    double carbon, total, bound;
};

static struct ratios to_none(const struct result *result, const struct result *none)
{
    static const struct result nothing = {.carbon_g = 0};
    const struct result *to = none ? none : &nothing;
    return (struct ratios){work_ratio(result, none, result->carbon_g, to->carbon_g),
                           work_ratio(result, none, result->objective, to->objective),
                           work_ratio(result, none, result->bound, to->objective)};
}

static double mean_wait_ms(const struct result *result)
{
    return result->done > 0 ? result->wait_ms / result->done : (double)NAN;
}

static double cycles(const struct result *result, const struct backtest_site *site)
{
    return ratio(result->cell_wh, site->config->values.capacity_wh);
}

/* ---- for people ---- */

static void quantity_cell(struct cli_table *table, double value, enum dimension dimension)
{
    char text[TEXT];
    if (isnan(value))
        cli_cell(table, "–");
    else
        cli_cell(table, "%s", quantity_format(value, dimension, text, TEXT));
}

static void number_cell(struct cli_table *table, int digits, double value)
{
    if (isnan(value))
        cli_cell(table, "–");
    else
        cli_cell(table, "%.*f", digits, value);
}

static void share_cell(struct cli_table *table, double share)
{
    if (isnan(share))
        cli_cell(table, "–");
    else
        cli_cell(table, "%.1f %%", 100 * share);
}

static void money_cells(struct cli_table *table, const struct result *result,
                        const struct result *none)
{
    struct ratios ratios = to_none(result, none);
    number_cell(table, 2, result->energy_cost + result->peak_cost);
    if (isnan(result->carbon_g))
        cli_cell(table, "–");
    else
        cli_cell(table, "%.4g t", result->carbon_g / 1e6);
    number_cell(table, 4, ratios.carbon);
    number_cell(table, 4, ratios.total);
    number_cell(table, 4, ratios.bound);
}

static void job_cells(struct cli_table *table, const struct result *result)
{
    if (result->jobs == 0) {
        for (int i = 0; i < 4; i++)
            cli_cell(table, "–");
        return;
    }
    cli_cell(table, "%d/%d", result->done, result->jobs);
    cli_cell(table, "%d", result->missed);
    cli_cell(table, "%d", result->suspensions);
    quantity_cell(table, mean_wait_ms(result), DIMENSION_DURATION);
}

/* The window ends before some jobs do, and not the same for all. */
static void note_work(const struct result *results, int count, FILE *out)
{
    const struct result *least = &results[0], *most = &results[0];
    char low[TEXT], high[TEXT];
    for (int i = 1; i < count; i++) {
        least = results[i].job_wh < least->job_wh ? &results[i] : least;
        most = results[i].job_wh > most->job_wh ? &results[i] : most;
    }
    if (same_work(least, most))
        return;
    fprintf(out,
            "The jobs' work is not the same: %s did %s of it, %s %s. Sums do not compare, and "
            "there is no ratio where the work is not that of none. Let the window reach to the "
            "last deadline.\n",
            policy_name(least->policy), quantity_format(least->job_wh, DIMENSION_ENERGY, low, TEXT),
            policy_name(most->policy), quantity_format(most->job_wh, DIMENSION_ENERGY, high, TEXT));
}

void report_table(const struct result *results, int count, const struct backtest_site *site,
                  FILE *out)
{
    static const struct cli_column columns[] = {
        {"policy", 'l'},    {"import", 'r'},     {"cost", 'r'},       {"CO2", 'r'},
        {"CO2/none", 'r'},  {"total/none", 'r'}, {"bound/none", 'r'}, {"peak", 'r'},
        {"green", 'r'},     {"PUE", 'r'},        {"done", 'r'},       {"missed", 'r'},
        {"suspended", 'r'}, {"mean wait", 'r'},  {"cycles", 'r'},     {"took", 'r'},
        {NULL, 0}};
    const struct result *none = find_none(results, count);
    struct cli_table *table = cli_table_create(columns);
    for (int i = 0; i < count; i++) {
        const struct result *result = &results[i];
        cli_cell(table, "%s", policy_name(result->policy));
        quantity_cell(table, result->import_wh, DIMENSION_ENERGY);
        money_cells(table, result, none);
        quantity_cell(table, result->peak_import_w, DIMENSION_POWER);
        share_cell(table, ratio(result->green_wh, result->facility_wh));
        number_cell(table, 3, ratio(result->facility_wh, result->it_wh));
        job_cells(table, result);
        number_cell(table, 1, cycles(result, site));
        cli_cell(table, "%.1f s", result->seconds);
    }
    cli_table_print(table, out);
    cli_table_destroy(table);
    fprintf(out,
            "\ncost in %s; total: cost, wear and carbon at its price, as far as known; bound: no "
            "policy that does all jobs in time has a lower total; green: of the facility's energy; "
            "peak: highest quarter hour; –: unknown\n",
            site->config->currency);
    note_work(results, count, out);
}

/* ---- for programs ---- */

static void csv_value(FILE *out, double value)
{
    if (isnan(value))
        fputc(',', out); /* unknown is not 0 */
    else
        fprintf(out, ",%.10g", value);
}

void report_csv(const struct result *results, int count, const struct backtest_site *site,
                FILE *out)
{
    const struct result *none = find_none(results, count);
    fputs("policy,import_wh,export_wh,facility_wh,it_wh,green_wh,curtailed_wh,charge_wh,"
          "discharge_wh,energy_cost,peak_cost,wear_cost,carbon_g,total,bound,"
          "carbon_ratio,"
          "total_ratio,bound_ratio,peak_import_w,peak_it_w,pue,green_share,jobs,done,missed,"
          "suspensions,mean_wait_s,battery_cycles,plans,rejected,seconds\n",
          out);
    for (int i = 0; i < count; i++) {
        const struct result *r = &results[i];
        struct ratios ratios = to_none(r, none);
        const double values[] = {r->import_wh,
                                 r->export_wh,
                                 r->facility_wh,
                                 r->it_wh,
                                 r->green_wh,
                                 r->spilled_wh,
                                 r->charge_wh,
                                 r->discharge_wh,
                                 r->energy_cost,
                                 r->peak_cost,
                                 r->wear_cost,
                                 r->carbon_g,
                                 r->objective,
                                 r->bound,
                                 ratios.carbon,
                                 ratios.total,
                                 ratios.bound,
                                 r->peak_import_w,
                                 r->peak_it_w,
                                 ratio(r->facility_wh, r->it_wh),
                                 ratio(r->green_wh, r->facility_wh),
                                 r->jobs,
                                 r->done,
                                 r->missed,
                                 r->suspensions,
                                 mean_wait_ms(r) / SECOND_MS,
                                 cycles(r, site),
                                 r->plans,
                                 r->rejected,
                                 r->seconds};
        fputs(policy_name(r->policy), out);
        for (size_t v = 0; v < sizeof values / sizeof *values; v++)
            csv_value(out, values[v]);
        fputc('\n', out);
    }
}
