/* `tidewatt plan`: what is intended for the coming hours, and why each job runs or waits. */
#include <math.h>

#include "controller/base/utc.h"
#include "tools/cli.h"
#include "tools/cli_table.h"

static const json_t *get(const json_t *object, const char *key)
{
    return json_object_get(object, key);
}

static void print_head(const json_t *plan, const char *currency)
{
    char issue[CLI_TEXT_ROOM], expires[CLI_TEXT_ROOM], gap[CLI_TEXT_ROOM], solve[CLI_TEXT_ROOM];
    char cost[CLI_TEXT_ROOM], bound[CLI_TEXT_ROOM], peak[CLI_TEXT_ROOM];

    printf("plan #%lld %s, issued %s, expires %s, solved in %s\n",
           (long long)json_integer_value(get(plan, "id")), cli_word(get(plan, "status")),
           cli_time(get(plan, "issue"), issue), cli_time(get(plan, "expires"), expires),
           cli_quantity(get(plan, "solve_ms"), DIMENSION_DURATION, solve));
    printf("cost %s %s, bound %s, gap %s, peak import %s, jobs late: %lld\n\n",
           cli_number(get(plan, "objective"), "%.2f", cost), currency,
           cli_number(get(plan, "bound"), "%.2f", bound), cli_share(get(plan, "gap"), gap),
           cli_quantity(get(plan, "peak_import_w"), DIMENSION_POWER, peak),
           (long long)json_integer_value(get(plan, "late_jobs")));
}

/* Whole watts: what is less is rounding of the solver. */
static void power_cell(struct cli_table *table, const json_t *power)
{
    char text[CLI_TEXT_ROOM];

    if (json_is_number(power))
        cli_cell(table, "%s",
                 quantity_format(round(json_number_value(power)) + 0.0, DIMENSION_POWER, text,
                                 (int)sizeof(text)));
    else
        cli_cell(table, "–");
}

/* Charging and discharging as one signed number, discharge positive. */
static void battery_cell(struct cli_table *table, const json_t *slot)
{
    const json_t *discharge = get(slot, "discharge_w"), *charge = get(slot, "charge_w");
    json_t *power = json_is_number(discharge) && json_is_number(charge)
                        ? json_real(json_number_value(discharge) - json_number_value(charge))
                        : json_null();

    power_cell(table, power);
    json_decref(power);
}

static void add_slot(struct cli_table *table, const json_t *slot)
{
    char text[CLI_TEXT_ROOM];

    cli_cell(table, "%s", cli_time(get(slot, "start"), text));
    cli_cell(table, "%s", cli_number(get(slot, "price_per_mwh"), "%.2f", text));
    cli_cell(table, "%s", cli_number(get(slot, "carbon_g_per_kwh"), "%.0f", text));
    power_cell(table, get(slot, "import_w"));
    power_cell(table, get(slot, "export_w"));
    power_cell(table, get(slot, "pv_w"));
    power_cell(table, get(slot, "wind_w"));
    battery_cell(table, slot);
    cli_cell(table, "%s", cli_quantity(get(slot, "soc_wh"), DIMENSION_ENERGY, text));
    power_cell(table, get(slot, "it_jobs_w"));
    cli_cell(table, "%s", cli_word(get(slot, "battery_reason")));
}

static void print_slots(const json_t *plan, bool all)
{
    static const struct cli_column columns[] = {
        {"START", 'l'},  {"PRICE", 'r'}, {"g/kWh", 'r'},       {"IMPORT", 'r'},
        {"EXPORT", 'r'}, {"PV", 'r'},    {"WIND", 'r'},        {"BATTERY", 'r'},
        {"STORED", 'r'}, {"JOBS", 'r'},  {"BATTERY WHY", 'l'}, {NULL, 0}};
    struct cli_table *table = cli_table_create(columns);
    const json_t *slot;
    size_t i;

    json_array_foreach(get(plan, "slots"), i, slot)
    {
        if (all || i == 0 || cli_time_ms(get(slot, "start")) % HOUR_MS == 0)
            add_slot(table, slot);
    }
    cli_table_print(table, stdout);
    cli_table_destroy(table);
    if (!all)
        printf("(one slot an hour; --slots shows all %zu)\n", json_array_size(get(plan, "slots")));
}

static void print_runs(struct cli_table *table, const json_t *runs)
{
    char text[512] = "", start[CLI_TEXT_ROOM], end[CLI_TEXT_ROOM];
    size_t i, used = 0;
    const json_t *run;

    json_array_foreach(runs, i, run)
    {
        int more = snprintf(text + used, sizeof(text) - used, "%s%s – %s", i ? ", " : "",
                            cli_time(get(run, "start"), start), cli_time(get(run, "end"), end));

        used += (size_t)more;
        if (used >= sizeof(text))
            break;
    }
    cli_cell(table, "%s", *text ? text : "not inside the horizon");
}

static void print_jobs(const json_t *plan)
{
    static const struct cli_column columns[] = {{"JOB", 'r'},    {"FEEDER", 'l'}, {"RUNS", 'l'},
                                                {"FINISH", 'l'}, {"WHY", 'l'},    {NULL, 0}};
    struct cli_table *table = cli_table_create(columns);
    const json_t *job;
    char text[CLI_TEXT_ROOM];
    size_t i;

    json_array_foreach(get(plan, "jobs"), i, job)
    {
        cli_cell(table, "%lld", (long long)json_integer_value(get(job, "id")));
        if (json_is_integer(get(job, "feeder")))
            cli_cell(table, "%lld", (long long)json_integer_value(get(job, "feeder")));
        else
            cli_cell(table, "%s", cli_word(get(job, "feeder")));
        print_runs(table, get(job, "runs"));
        cli_cell(table, "%s%s", cli_time(get(job, "finish"), text),
                 json_is_true(get(job, "late")) ? " LATE" : "");
        cli_cell(table, "%s", cli_word(get(job, "reason_text")));
    }
    printf("\n");
    cli_table_print(table, stdout);
    cli_table_destroy(table);
}

int cli_plan(const struct cli_command *command, int argc, char **argv)
{
    struct cli_common common = {0};
    bool all = false;
    const struct cli_option options[] = {
        {"slots", CLI_FLAG, &all, NULL, "show every slot instead of one an hour"},
        CLI_COMMON_OPTIONS(common),
        CLI_END_OF_OPTIONS};
    struct cli_operands operands;
    int code = cli_begin(command, options, argc, argv, 0, 0, &operands);
    json_t *reply;
    const json_t *plan;

    if (code != CLI_GO_ON)
        return code;
    reply = cli_ask(&common, json_pack("{s:s}", "do", "plan"), &code);
    if (!reply)
        return code;
    plan = get(reply, "plan");
    if (!common.json && json_is_null(plan)) {
        printf("There is no plan in force.\n");
    } else if (!common.json) {
        print_head(plan, cli_word(get(reply, "currency")));
        print_slots(plan, all);
        if (json_array_size(get(plan, "jobs")) > 0)
            print_jobs(plan);
    }
    json_decref(reply);
    return 0;
}
