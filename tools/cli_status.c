/* `tidewatt status`: the tick's snapshot on one screen. */
#include <math.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/cli_table.h"

static const json_t *get(const json_t *object, const char *key)
{
    return json_object_get(object, key);
}

static void print_modes(const json_t *status)
{
    const char *separator = "";
    const char *key;
    json_t *value;

    printf("%-9s ", "modes");
    json_object_foreach((json_t *)get(status, "modes"), key, value)
    {
        printf("%s%s %s", separator, key, cli_word(value));
        separator = ", ";
    }
    printf("\n");
}

static void print_power(const json_t *status)
{
    static const struct {
        const char *key, *label;
    } parts[] = {{"import_w", "import"}, {"export_w", "export"},     {"pv_w", "PV"},
                 {"wind_w", "wind"},     {"facility_w", "facility"}, {"it_w", "IT"}};
    const json_t *power = get(status, "power");
    char text[CLI_TEXT_ROOM];

    printf("%-9s", "power");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        printf("%s %s %s", i ? "," : "", parts[i].label,
               cli_quantity(get(power, parts[i].key), DIMENSION_POWER, text));
    printf("\n");
}

static void print_battery(const json_t *status)
{
    const json_t *power = get(get(status, "power"), "battery_w");
    const double power_w = json_number_value(power);
    char soc[CLI_TEXT_ROOM], text[CLI_TEXT_ROOM];

    printf("%-9s charge %s%s, ", "battery", cli_number(get(status, "soc_pct"), "%.1f", soc),
           json_is_number(get(status, "soc_pct")) ? " %" : "");
    if (!json_is_number(power))
        printf("power –\n");
    else if (power_w == 0)
        printf("idle\n");
    else
        printf("%s %s\n", power_w > 0 ? "discharging" : "charging",
               quantity_format(fabs(power_w), DIMENSION_POWER, text, (int)sizeof(text)));
}

static void print_pue(const json_t *status)
{
    static const struct {
        const char *key, *label;
    } periods[] = {{"last_quarter", "last quarter"},
                   {"last_hour", "last hour"},
                   {"today", "today"},
                   {"last_day", "last day"}};

    for (size_t i = 0; i < sizeof(periods) / sizeof(periods[0]); i++) {
        const json_t *pue = get(get(status, "pue"), periods[i].key);
        char value[CLI_TEXT_ROOM], coverage[CLI_TEXT_ROOM];

        printf("%-9s %-12s %s", i ? "" : "PUE", periods[i].label,
               cli_number(get(pue, "value"), "%.3f", value));
        if (json_is_number(get(pue, "value")))
            printf(" (category %lld, coverage %s%s)",
                   (long long)json_integer_value(get(pue, "category")),
                   cli_share(get(pue, "coverage"), coverage),
                   json_is_true(get(pue, "interim")) ? ", interim" : "");
        printf("\n");
    }
}

static void print_market(const json_t *status)
{
    char price[CLI_TEXT_ROOM], carbon[CLI_TEXT_ROOM], outdoor[CLI_TEXT_ROOM];
    char limit[CLI_TEXT_ROOM], peak[CLI_TEXT_ROOM];

    printf("%-9s price %s %s/MWh, carbon %s g/kWh, outdoor %s °C\n", "market",
           cli_number(get(status, "price_per_mwh"), "%.2f", price),
           cli_word(get(status, "currency")),
           cli_number(get(status, "carbon_g_per_kwh"), "%.0f", carbon),
           cli_number(get(status, "temp_outdoor_c"), "%.1f", outdoor));
    printf("%-9s import %s, charged peak so far %s%s\n", "limit",
           cli_quantity(get(status, "import_limit_w"), DIMENSION_POWER, limit),
           cli_quantity(get(status, "peak_import_w"), DIMENSION_POWER, peak),
           json_is_true(get(status, "fail_safe")) ? "; A FAIL-SAFE VALUE IS IN FORCE" : "");
}

static void print_counts(const char *label, const json_t *counts)
{
    const char *separator = "", *key;
    json_t *value;

    printf("%-9s ", label);
    json_object_foreach((json_t *)counts, key, value)
    {
        if (json_integer_value(value) == 0)
            continue;
        printf("%s%lld %s", separator, (long long)json_integer_value(value), key);
        separator = ", ";
    }
    printf("%s\n", *separator ? "" : "none");
}

static void print_plan_head(const json_t *status)
{
    const json_t *plan = get(status, "plan");
    const int64_t age_ms = cli_time_ms(get(status, "now")) - cli_time_ms(get(plan, "issue"));
    char age[CLI_TEXT_ROOM], gap[CLI_TEXT_ROOM], solve[CLI_TEXT_ROOM], expires[CLI_TEXT_ROOM];

    if (!json_is_object(plan)) {
        printf("%-9s none\n", "plan");
        return;
    }
    printf("%-9s #%lld %s, %s old, expires %s, gap %s, solved in %s\n", "plan",
           (long long)json_integer_value(get(plan, "id")), cli_word(get(plan, "status")),
           quantity_format((double)age_ms, DIMENSION_DURATION, age, (int)sizeof(age)),
           cli_time(get(plan, "expires"), expires), cli_share(get(plan, "gap"), gap),
           cli_quantity(get(plan, "solve_ms"), DIMENSION_DURATION, solve));
}

static void print_store(const json_t *status)
{
    const json_t *store = get(status, "store"), *error = get(store, "error");

    printf("%-9s %s: %lld records written, %lld waiting, %lld refused%s\n", "store",
           cli_word(get(store, "path")), (long long)json_integer_value(get(store, "written")),
           (long long)json_integer_value(get(store, "waiting")),
           (long long)json_integer_value(get(store, "refused")),
           json_is_true(get(store, "full")) ? "; THE DISK IS FULL" : "");
    if (json_is_string(error))
        printf("%-9s last error: %s\n", "", cli_word(error));
}

static void print_devices(const json_t *status)
{
    static const struct cli_column columns[] = {{"DEVICE", 'l'},    {"ROLE", 'l'}, {"LINK", 'l'},
                                                {"REASON", 'l'},    {"TRIP", 'r'}, {"GOOD", 'r'},
                                                {"TIME-OUTS", 'r'}, {NULL, 0}};
    struct cli_table *table = cli_table_create(columns);
    const json_t *device;
    char trip[CLI_TEXT_ROOM];
    size_t i;

    json_array_foreach(get(status, "devices"), i, device)
    {
        cli_cell(table, "%s", cli_word(get(device, "name")));
        cli_cell(table, "%s", cli_word(get(device, "role")));
        cli_cell(table, "%s", cli_word(get(device, "link")));
        cli_cell(table, "%s", cli_word(get(device, "reason")));
        cli_cell(table, "%s", cli_quantity(get(device, "round_trip_ms"), DIMENSION_DURATION, trip));
        cli_cell(table, "%lld/%lld", (long long)json_integer_value(get(device, "good_points")),
                 (long long)json_integer_value(get(device, "points")));
        cli_cell(table, "%lld", (long long)json_integer_value(get(device, "timeouts")));
    }
    printf("\n");
    cli_table_print(table, stdout);
    cli_table_destroy(table);
}

static void print_status(const json_t *status)
{
    char speed[CLI_TEXT_ROOM];

    printf("%-9s %s at %s, clock ×%s, tidewatt %s\n", "site", cli_word(get(status, "site")),
           cli_word(get(status, "now")), cli_number(get(status, "speed"), "%g", speed),
           cli_word(get(status, "version")));
    print_modes(status);
    print_power(status);
    print_battery(status);
    print_market(status);
    print_pue(status);
    print_counts("jobs", get(status, "jobs"));
    print_plan_head(status);
    print_counts("points", get(status, "points"));
    print_store(status);
    print_devices(status);
}

int cli_status(const struct cli_command *command, int argc, char **argv)
{
    struct cli_common common = {0};
    const struct cli_option options[] = {CLI_COMMON_OPTIONS(common), CLI_END_OF_OPTIONS};
    struct cli_operands operands;
    int code = cli_begin(command, options, argc, argv, 0, 0, &operands);
    json_t *status;

    if (code != CLI_GO_ON)
        return code;
    status = cli_ask(&common, json_pack("{s:s}", "do", "status"), &code);
    if (!status)
        return code;
    if (!common.json)
        print_status(status);
    json_decref(status);
    return 0;
}
