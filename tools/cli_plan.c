/* `tidewatt plan`: what is intended for the coming hours, and why each job runs or waits; with
 * --job what one job does at each time, and why. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "controller/base/utc.h"
#include "tools/cli.h"
#include "tools/cli_table.h"

static const json_t *get(const json_t *object, const char *key)
{
    return json_object_get(object, key);
}

static void print_head(const json_t *plan)
{
    char issue[CLI_TEXT_ROOM], expires[CLI_TEXT_ROOM], solve[CLI_TEXT_ROOM];

    printf("plan #%lld %s, issued %s, expires %s, solved in %s\n",
           (long long)json_integer_value(get(plan, "id")), cli_word(get(plan, "status")),
           cli_time(get(plan, "issue"), issue), cli_time(get(plan, "expires"), expires),
           cli_quantity(get(plan, "solve_ms"), DIMENSION_DURATION, solve));
}

static void print_cost(const json_t *plan, const char *currency)
{
    char cost[CLI_TEXT_ROOM], bound[CLI_TEXT_ROOM], gap[CLI_TEXT_ROOM];

    printf("cost %s %s, bound %s, gap %s, jobs late: %lld\n",
           cli_number(get(plan, "objective"), "%.2f", cost), currency,
           cli_number(get(plan, "bound"), "%.2f", bound), cli_share(get(plan, "gap"), gap),
           (long long)json_integer_value(get(plan, "late_jobs")));
}

/* ---- slots ---------------------------------------------------------------------------------- */

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

/* Columns of what the site has not are left out. */
struct parts {
    bool battery, cooling, tank;
};

static void add_slot(struct cli_table *table, const json_t *slot, const struct parts *has)
{
    char text[CLI_TEXT_ROOM];

    cli_cell(table, "%s", cli_time(get(slot, "start"), text));
    cli_cell(table, "%s", cli_number(get(slot, "price_per_mwh"), "%.2f", text));
    cli_cell(table, "%s", cli_number(get(slot, "carbon_g_per_kwh"), "%.0f", text));
    power_cell(table, get(slot, "import_w"));
    power_cell(table, get(slot, "export_w"));
    power_cell(table, get(slot, "pv_w"));
    power_cell(table, get(slot, "wind_w"));
    power_cell(table, get(slot, "it_jobs_w"));
    if (has->battery) {
        battery_cell(table, slot);
        cli_cell(table, "%s", cli_quantity(get(slot, "soc_wh"), DIMENSION_ENERGY, text));
    }
    if (has->cooling) {
        power_cell(table, get(slot, "chiller_heat_w"));
        power_cell(table, get(slot, "free_heat_w"));
    }
    if (has->tank) {
        power_cell(table, get(slot, "tank_heat_w"));
        cli_cell(table, "%s", cli_quantity(get(slot, "tank_wh"), DIMENSION_ENERGY, text));
    }
    if (has->battery)
        cli_cell(table, "%s", cli_word(get(slot, "battery_reason")));
    if (has->tank)
        cli_cell(table, "%s", cli_word(get(slot, "tank_reason")));
}

static struct cli_table *create_slot_table(const struct parts *has)
{
    const struct {
        struct cli_column column;
        bool wanted;
    } all[] = {
        {{"START", 'l'}, true},
        {{"PRICE", 'r'}, true},
        {{"g/kWh", 'r'}, true},
        {{"IMPORT", 'r'}, true},
        {{"EXPORT", 'r'}, true},
        {{"PV", 'r'}, true},
        {{"WIND", 'r'}, true},
        {{"JOBS", 'r'}, true},
        {{"BATTERY", 'r'}, has->battery},
        {{"STORED", 'r'}, has->battery},
        {{"CHILLER", 'r'}, has->cooling},
        {{"FREE", 'r'}, has->cooling},
        {{"TANK", 'r'}, has->tank},
        {{"COLD", 'r'}, has->tank},
        {{"BATTERY WHY", 'l'}, has->battery},
        {{"TANK WHY", 'l'}, has->tank},
    };
    struct cli_column columns[CLI_COLUMNS + 1] = {0};
    int count = 0;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i].wanted)
            columns[count++] = all[i].column;
    }
    return cli_table_create(columns);
}

/* What cannot be kept in a slot: each with its amount. */
static int print_breach(const json_t *slot, const char *separator, const char *name,
                        const json_t *amount, enum dimension dimension)
{
    char text[CLI_TEXT_ROOM], start[CLI_TEXT_ROOM];

    if (!json_is_number(amount) || json_number_value(amount) < 0.5)
        return 0;
    if (!*separator)
        printf("  %s: ", cli_time(get(slot, "start"), start));
    printf("%s%s %s", separator, name, cli_quantity(amount, dimension, text));
    return 1;
}

static int print_slot_breaches(const json_t *slot)
{
    static const struct {
        const char *key, *name;
        enum dimension dimension;
    } kinds[] = {{"breach_w", "import above its limit by", DIMENSION_POWER},
                 {"ramp_breach_w", "ramp exceeded by", DIMENSION_POWER},
                 {"cooling_short_w", "heat not removed:", DIMENSION_POWER},
                 {"reserve_short_wh", "reserve short by", DIMENSION_ENERGY}};
    const char *place;
    const json_t *amount;
    int count = 0;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        count += print_breach(slot, count ? ", " : "", kinds[i].name, get(slot, kinds[i].key),
                              kinds[i].dimension);
    json_object_foreach((json_t *)get(slot, "breaches"), place, amount)
    {
        char name[CLI_TEXT_ROOM];

        snprintf(name, sizeof(name), "%s above its limit by", place);
        count += print_breach(slot, count ? ", " : "", name, amount, DIMENSION_POWER);
    }
    if (count)
        printf("\n");
    return count;
}

static void print_slots(const json_t *site, bool all)
{
    const struct parts has = {json_is_true(get(site, "battery")),
                              json_is_true(get(site, "cooling")), json_is_true(get(site, "tank"))};
    struct cli_table *table = create_slot_table(&has);
    char peak[CLI_TEXT_ROOM];
    const json_t *slot;
    size_t i;

    json_array_foreach(get(site, "slots"), i, slot)
    {
        if (all || i == 0 || cli_time_ms(get(slot, "start")) % HOUR_MS == 0)
            add_slot(table, slot, &has);
    }
    printf("\n%s: peak import %s\n",
           json_is_string(get(site, "name")) ? cli_word(get(site, "name")) : "another site",
           cli_quantity(get(site, "peak_import_w"), DIMENSION_POWER, peak));
    cli_table_print(table, stdout);
    cli_table_destroy(table);
    if (!all)
        printf("(one slot an hour; --slots shows all %zu)\n", json_array_size(get(site, "slots")));
    json_array_foreach(get(site, "slots"), i, slot)
    {
        print_slot_breaches(slot);
    }
}

/* ---- jobs ----------------------------------------------------------------------------------- */

static void print_runs(struct cli_table *table, const json_t *runs)
{
    char text[512] = "", start[CLI_TEXT_ROOM], end[CLI_TEXT_ROOM], level[CLI_TEXT_ROOM];
    size_t i, used = 0;
    const json_t *run;

    json_array_foreach(runs, i, run)
    {
        const long long at = json_integer_value(get(run, "level"));

        snprintf(level, sizeof(level), " at level %lld", at);
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s – %s%s", i ? ", " : "",
                                 cli_time(get(run, "start"), start), cli_time(get(run, "end"), end),
                                 at > 0 ? level : "");
        if (used >= sizeof(text))
            break;
    }
    cli_cell(table, "%s", *text ? text : "not inside the horizon");
}

/* A place by its name; places of other sites have only numbers. */
static const char *place_name(const json_t *place, char text[CLI_TEXT_ROOM])
{
    if (!json_is_integer(place))
        return cli_word(place);
    snprintf(text, CLI_TEXT_ROOM, "%lld", (long long)json_integer_value(place));
    return text;
}

static void print_jobs(const json_t *plan)
{
    static const struct cli_column columns[] = {{"JOB", 'r'},  {"GROUP", 'l'},  {"FEEDER", 'l'},
                                                {"RUNS", 'l'}, {"FINISH", 'l'}, {"REASON", 'l'},
                                                {"WHY", 'l'},  {NULL, 0}};
    struct cli_table *table = cli_table_create(columns);
    const json_t *job;
    char text[CLI_TEXT_ROOM];
    size_t i;

    json_array_foreach(get(plan, "jobs"), i, job)
    {
        cli_cell(table, "%lld", (long long)json_integer_value(get(job, "id")));
        cli_cell(table, "%s", place_name(get(job, "group"), text));
        cli_cell(table, "%s", place_name(get(job, "feeder"), text));
        print_runs(table, get(job, "runs"));
        cli_cell(table, "%s%s", cli_time(get(job, "finish"), text),
                 json_is_true(get(job, "late")) ? " LATE" : "");
        cli_cell(table, "%s", cli_word(get(job, "reason")));
        cli_cell(table, "%s", cli_word(get(job, "reason_text")));
    }
    printf("\n");
    cli_table_print(table, stdout);
    cli_table_destroy(table);
}

static int show_plan(const struct cli_common *common, bool all)
{
    int code = 0;
    json_t *reply = cli_ask(common, json_pack("{s:s}", "do", "plan"), &code);
    const json_t *plan = get(reply, "plan"), *site;
    size_t i;

    if (reply && !common->json && json_is_null(plan)) {
        printf("There is no plan in force.\n");
    } else if (reply && !common->json) {
        print_head(plan);
        print_cost(plan, cli_word(get(reply, "currency")));
        json_array_foreach(get(plan, "sites"), i, site)
        {
            print_slots(site, all);
        }
        if (json_array_size(get(plan, "jobs")) > 0)
            print_jobs(plan);
    }
    json_decref(reply);
    return code;
}

/* ---- why one job ... ------------------------------------------------------------------------ */

static void print_why(const json_t *job)
{
    static const struct cli_column columns[] = {{"FROM", 'l'},   {"UNTIL", 'l'}, {"DOES", 'l'},
                                                {"REASON", 'l'}, {"WHY", 'l'},   {NULL, 0}};
    struct cli_table *table = cli_table_create(columns);
    const json_t *stretch;
    char text[CLI_TEXT_ROOM];
    size_t i;

    json_array_foreach(get(job, "why"), i, stretch)
    {
        const long long level = json_integer_value(get(stretch, "level"));

        cli_cell(table, "%s", cli_time(get(stretch, "start"), text));
        cli_cell(table, "%s", cli_time(get(stretch, "end"), text));
        if (level > 0)
            cli_cell(table, "runs at level %lld", level);
        else
            cli_cell(table, "%s", json_is_true(get(stretch, "runs")) ? "runs" : "waits");
        cli_cell(table, "%s", cli_word(get(stretch, "reason")));
        cli_cell(table, "%s", cli_word(get(stretch, "reason_text")));
    }
    cli_table_print(table, stdout);
    cli_table_destroy(table);
}

static void print_job(const json_t *job)
{
    char finish[CLI_TEXT_ROOM], group[CLI_TEXT_ROOM];

    printf("job %lld", (long long)json_integer_value(get(job, "id")));
    if (json_is_null(get(job, "group")))
        printf(" does not run inside the horizon");
    else
        printf(" on %s", place_name(get(job, "group"), group));
    printf(", finishes %s%s; now: %s\n\n", cli_time(get(job, "finish"), finish),
           json_is_true(get(job, "late")) ? " (LATE)" : "", cli_word(get(job, "reason_text")));
    if (json_array_size(get(job, "why")) > 0)
        print_why(job);
    else
        printf("This plan has no reasons by time for it.\n");
}

static int show_job(const struct cli_common *common, long long id)
{
    int code = 0;
    json_t *reply =
        cli_ask(common, json_pack("{s:s, s:I}", "do", "plan", "job", (json_int_t)id), &code);

    if (reply && !common->json) {
        print_head(get(reply, "plan"));
        print_job(get(reply, "job"));
    }
    json_decref(reply);
    return code;
}

int cli_plan(const struct cli_command *command, int argc, char **argv)
{
    struct cli_common common = {0};
    bool all = false;
    const char *job = NULL;
    const struct cli_option options[] = {
        {"slots", CLI_FLAG, &all, NULL, "show every slot instead of one an hour"},
        {"job", CLI_TEXT, &job, "ID", "show what this job does at each time, and why"},
        CLI_COMMON_OPTIONS(common),
        CLI_END_OF_OPTIONS};
    struct cli_operands operands;
    int code = cli_begin(command, options, argc, argv, 0, 0, &operands);
    char *end;
    long long id;

    if (code != CLI_GO_ON)
        return code;
    if (!job)
        return show_plan(&common, all);
    errno = 0;
    id = strtoll(job, &end, 10);
    if (!*job || *end || errno || id <= 0)
        return cli_usage(command, "--job needs the number of a job, see: tidewatt jobs");
    return show_job(&common, id);
}
